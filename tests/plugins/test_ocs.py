"""Optical circuit switches against Google's Palomar (arXiv 2208.10041, arXiv 2304.01433)."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.ocs import OpticalCircuitSwitch


def preset(name: str, **values: Any) -> OpticalCircuitSwitch:
    given = {k: s.value for k, s in presets_of("ocs")[name].settings.items()}
    return OpticalCircuitSwitch(**{**given, **values})


def test_the_mirrors_add_nothing_to_the_way() -> None:
    link, near = preset("palomar", distance=60), preset("palomar", distance=30)
    assert link.latency - near.latency == pytest.approx(30 * 5e-9, rel=1e-9)
    slow = preset("palomar", reconfiguration_time=10.0)
    assert slow.latency == preset("palomar").latency


def test_turning_the_mirrors_is_spread_over_the_steps() -> None:
    assert preset("palomar").reconfiguration_time == pytest.approx(1.2e-3)
    each = preset("palomar", steps_between=1)
    assert each.amortised_reconfiguration == pytest.approx(1.2e-3, rel=1e-12)
    rare = preset("palomar", steps_between=1e6, endpoint_latency=1e-6)
    assert rare.amortised_reconfiguration == pytest.approx(1.2e-9, rel=1e-12)
    assert rare.software_latency == pytest.approx(1.0012e-6, rel=1e-12)


def test_slicing_a_torus_anew_takes_ten_seconds() -> None:
    found = presets_of("ocs")["palomar"].settings["reconfiguration_time"]
    assert found.high == 10


def test_bandwidth_is_that_of_the_modules() -> None:
    assert 8 * preset("palomar").net_bandwidth == pytest.approx(800e9, rel=1e-12)
    assert preset("palomar", lane_rate=212.5e9 / 8).net_bandwidth == pytest.approx(200e9, rel=1e-12)


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("ocs")) == {"palomar"}
