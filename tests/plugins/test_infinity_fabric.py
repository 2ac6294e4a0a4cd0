"""Infinity Fabric against AMD's page on RCCL and xGMI of the MI300X (rocm.blogs.amd.com)."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.infinity_fabric import InfinityFabric


def preset(name: str, **values: Any) -> InfinityFabric:
    given = {k: s.value for k, s in presets_of("infinity-fabric")[name].settings.items()}
    return InfinityFabric(**{**given, **values})


def test_seven_links_of_sixteen_lanes() -> None:
    link = preset("mi300x")
    assert preset("mi300x", links=1).bandwidth == pytest.approx(64e9, rel=1e-12)
    assert link.bandwidth == pytest.approx(448e9, rel=1e-12)
    assert 2 * link.bandwidth == pytest.approx(896e9, rel=1e-12)  # both directions, as sold


def test_the_next_generation_is_a_fifth_faster() -> None:
    link = preset("mi355x")
    assert preset("mi355x", links=1).bandwidth == pytest.approx(76.8e9, rel=1e-12)
    assert 2 * link.bandwidth == pytest.approx(1075.2e9, rel=1e-12)  # both directions, as sold


def test_three_quarters_are_usable() -> None:
    link = preset("mi300x")
    assert link.bandwidth * link.efficiency == pytest.approx(336e9, rel=1e-12)
    assert link.bandwidth * link.efficiency / link.links == pytest.approx(48e9, rel=1e-12)


def test_what_amd_does_not_publish_is_said() -> None:
    assert set(presets_of("infinity-fabric")) == {"mi300x", "mi355x"}
    for name in presets_of("infinity-fabric"):
        assert {"phy_latency", "software_latency", "energy"} <= set(presets_of("infinity-fabric")[name].unknown)


def test_a_hop_is_a_serdes_and_the_board() -> None:
    assert preset("mi300x").latency == pytest.approx(20e-9 + 0.3 * 5e-9, rel=1e-12)
