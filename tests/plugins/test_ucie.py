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
