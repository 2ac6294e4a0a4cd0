"""Hybrid bonds against the geometry of their pitch and UCIe 2.0 (arXiv 2510.06513, Table 1)."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.hybrid_bond import HybridBond


def preset(name: str, **values: Any) -> HybridBond:
    given = {k: s.value for k, s in presets_of("hybrid-bond")[name].settings.items()}
    return HybridBond(**{**given, **values})


MM2 = 1e-6


@pytest.mark.parametrize(("name", "each"), [("9um", 12_346), ("1um", 1_000_000)])
def test_connections_of_a_square_millimetre(name: str, each: int) -> None:
    bond = preset(name, area=MM2)
    assert round(bond.connections) == each
    assert bond.density * MM2 == pytest.approx(bond.connections, rel=1e-12)


@pytest.mark.parametrize(("name", "both"), [("9um", 4e12), ("1um", 300e12)])
def test_bandwidth_of_a_square_millimetre(name: str, both: float) -> None:
    bond = preset(name)
    assert 2 * bond.area_bandwidth * MM2 == pytest.approx(both, rel=1e-3)  # UCIe counts both directions
    assert bond.bandwidth == pytest.approx(bond.area_bandwidth * bond.area, rel=1e-12)


def test_energy_falls_with_the_pitch() -> None:
    assert preset("9um").energy / 8 == pytest.approx(0.05e-12, rel=1e-12)
    assert preset("1um").energy / 8 == pytest.approx(0.01e-12, rel=1e-12)
    assert 2 * preset("9um").latency == pytest.approx(1e-9, rel=1e-12)  # less than 1 ns round trip


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("hybrid-bond")) == {"9um", "1um"}


def test_half_the_pitch_is_four_times_the_bandwidth() -> None:
    assert preset("9um", pitch=4.5e-6).bandwidth == pytest.approx(4 * preset("9um").bandwidth, rel=1e-12)
