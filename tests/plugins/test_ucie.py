"""UCIe against Das Sharma et al., arXiv 2510.06513, Table 1, and the OCP HBF base die specification 0.7.0."""

from __future__ import annotations

from typing import Any

import pytest

import symarch
from symarch.specs import presets_of
from symarch.system import SystemGraph
from symarch_technologies.ucie import UCIe


def preset(name: str, **values: Any) -> UCIe:
    return UCIe(**{**{k: s.value for k, s in presets_of("ucie")[name].settings.items()}, **values})


@pytest.mark.parametrize(
    ("name", "module", "energy", "round_trip"),
    [("standard", 64e9, 0.6, 2e-9), ("advanced", 256e9, 0.3, 2e-9), ("3d", 40e9, 0.05, 1e-9)],
)
def test_a_module_has_its_packages_rate_energy_and_latency(
    name: str, module: float, energy: float, round_trip: float
) -> None:
    link = preset(name, modules=1)
    assert link.bandwidth == pytest.approx(module, rel=1e-12)
    assert link.energy / 8 == pytest.approx(energy * 1e-12)
    assert 2 * link.latency == pytest.approx(round_trip)
    assert link.software_latency is None  # hardware drives the link: not modelled, and not zero


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("ucie")) == {"standard", "advanced", "3d"}


@pytest.mark.parametrize(("name", "both", "reach"), [("standard", 224, 25e-3), ("advanced", 1317, 2e-3)])
def test_a_millimetre_of_edge_has_its_published_bandwidth(name: str, both: float, reach: float) -> None:
    # UCIe 1.0 at 32 GT/s, both directions: 224 and 1,317 GB/s a mm; Hot Interconnects 2025: 224 GB/s, 1.3 TB/s
    link = preset(name)
    assert round(2 * link.edge_bandwidth / 1e12) == both
    assert link.bandwidth == pytest.approx(link.edge_bandwidth * link.shoreline, rel=1e-12)
    assert link.reach == pytest.approx(reach)


@pytest.mark.parametrize(("name", "both"), [("advanced", 1.35e12), ("3d", 4e12)])
def test_a_square_millimetre_has_its_published_bandwidth(name: str, both: float) -> None:
    # 1.35 TB/s a mm^2 at 45 um and 32 GT/s; 4 TB/s a mm^2 hybrid bonded (arXiv 2510.06513, Table 1)
    link = preset(name)
    assert 2 * link.area_bandwidth * 1e-6 == pytest.approx(both, rel=1e-3)
    assert link.bandwidth == pytest.approx(link.area_bandwidth * link.area, rel=1e-12)


def test_edge_and_area_are_absent_where_the_package_does_not_say() -> None:
    assert preset("3d").shoreline is None
    assert preset("3d").edge_bandwidth is None
    assert preset("standard").area is None
    assert preset("standard").area_bandwidth is None


def test_a_flit_of_68_bytes_carries_64() -> None:
    assert preset("advanced").efficiency == pytest.approx(64 / 68, abs=5e-4)


def test_sixteen_channels_of_the_ocp_base_die_carry_its_grades() -> None:
    # one x64 module a channel: raw 2.048 TB/s at 16 GT/s, of which grade 2 sells 1.536
    raw = preset("advanced", modules=16, lane_rate=2e9).bandwidth
    assert raw == pytest.approx(2.048e12)
    assert 1.536e12 / raw == pytest.approx(0.75)
    assert preset("advanced", modules=16, lane_rate=1e9).bandwidth == pytest.approx(1.024e12)
    assert preset("advanced", modules=16).bandwidth == pytest.approx(4.096e12)


def test_the_daisy_chain_of_the_shipped_system_does_not_bind() -> None:
    graph = SystemGraph.build(symarch.load_system("h200-hbf-daisy-8"), lambda component, parameter, value: value)
    link = graph.links["base_die"]
    assert link.bandwidth == pytest.approx(96 * 64 * 2e9)
    assert link.bandwidth * link.efficiency > graph.memories["hbf"].read_bandwidth
