"""UALink against the consortium's statements about its 200G 1.0 specification."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.ualink import UALink


def preset(name: str, **values: Any) -> UALink:
    given = {k: s.value for k, s in presets_of("ualink")[name].settings.items()}
    return UALink(**{**given, **values})


@pytest.mark.parametrize(("name", "switch"), [("200g-25t", 150e-9), ("200g-50t", 200e-9), ("200g-100t", 250e-9)])
def test_a_switch_takes_what_the_consortium_states(name: str, switch: float) -> None:
    link = preset(name)
    assert link.switch_latency == pytest.approx(switch, rel=1e-12)
    # two hops: SerDes, error correction and a metre of cable each, one switch
    assert 2 * link.latency == pytest.approx(switch + 2 * (20e-9 + 25.6e-9 + 5e-9), rel=1e-9)


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("ualink")) == {"200g-25t", "200g-50t", "200g-100t"}


def test_a_station_of_four_lanes() -> None:
    link = preset("200g-25t", links=1)
    assert link.net_bandwidth == pytest.approx(100e9, rel=1e-12)  # 800 Gb/s
    assert link.bandwidth == pytest.approx(4 * 212.5e9 / 8, rel=1e-12)
    assert link.efficiency * link.bandwidth == pytest.approx(93e9, rel=1e-12)  # 93 % effective peak


def test_stations_add_up() -> None:
    assert preset("200g-25t", links=18).net_bandwidth == pytest.approx(1.8e12, rel=1e-12)
