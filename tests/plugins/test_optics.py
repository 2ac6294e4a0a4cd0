"""Optical modules against their power: axiomupgrades.com, NVIDIA's MMS4X00-NS and Hot Chips 2025."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.optics import OpticalLink


def preset(name: str, **values: Any) -> OpticalLink:
    given = {k: s.value for k, s in presets_of("optics")[name].settings.items()}
    return OpticalLink(**{**given, **values})


@pytest.mark.parametrize(
    ("name", "power", "energy"),
    [
        ("dsp-800g", 14, 17.5),
        ("dsp-800g", 16, 20),
        ("dsp-800g", 17, 21.25),  # MMS4X00-NS
        ("lpo-800g", 8, 10),
        ("lpo-800g", 9, 11.25),
        ("dsp-1600g", 30, 18.75),
        ("cpo-1600g", 9, 5.625),
        ("cpo-1600g", 3.2, 2),
        ("cpo-1600g", 9.6, 6),
    ],
)
def test_a_bit_costs_a_modules_power_over_its_rate(name: str, power: float, energy: float) -> None:
    assert preset(name, module_power=power).energy / 8 == pytest.approx(energy * 1e-12, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "rate", "power"),
    [("dsp-800g", 800e9, 15), ("lpo-800g", 800e9, 8.5), ("dsp-1600g", 1.6e12, 30), ("cpo-1600g", 1.6e12, 9)],
)
def test_a_module_is_named_by_its_rate(name: str, rate: float, power: float) -> None:
    link = preset(name)
    assert 8 * link.net_bandwidth == pytest.approx(rate, rel=1e-12)
    assert link.net_bandwidth * link.energy == pytest.approx(power, rel=1e-12)
    assert link.bandwidth * link.efficiency == pytest.approx(link.net_bandwidth, rel=1e-12)


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("optics")) == {"dsp-800g", "lpo-800g", "dsp-1600g", "cpo-1600g"}


def test_two_modules_cost_as_much_as_one_for_each_bit() -> None:
    assert preset("dsp-800g", links=2).energy == preset("dsp-800g").energy


def test_fibre_takes_5_ns_a_metre() -> None:
    near, far = preset("dsp-800g", distance=10), preset("dsp-800g", distance=110)
    assert far.latency - near.latency == pytest.approx(500e-9, rel=1e-9)
    # group index 1.468 at 299,792,458 m/s is within the range of the parameter
    assert 4.3e-9 < 1.468 / 299_792_458 < near.propagation
