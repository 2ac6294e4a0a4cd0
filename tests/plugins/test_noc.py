"""The mesh of Park et al., DAC 2012, and the wires of Park et al., DATE 2013."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.noc import NetworkOnChip


def preset(name: str, **values: Any) -> NetworkOnChip:
    given = {k: s.value for k, s in presets_of("noc")[name].settings.items()}
    return NetworkOnChip(**{**given, **values})


def test_sixteen_nodes_have_the_theoretical_throughput_of_the_chip() -> None:
    mesh = preset("park-2012")
    assert 16 * 8 * mesh.bandwidth == pytest.approx(1024e9, rel=1e-12)
    assert 16 * 8 * mesh.bandwidth * mesh.efficiency == pytest.approx(892e9, rel=1e-3)  # 87.1 %


def test_the_energy_of_a_mean_path_is_the_chips_power_over_its_throughput() -> None:
    hops = 2 * (4**2 - 1) / (3 * 4) * 16 / 15  # two distinct nodes of a 4 x 4 mesh
    assert hops == pytest.approx(8 / 3, rel=1e-12)
    delivered = 531.4e-3 / 892e9
    assert f"{delivered * 1e12:.2f}" == "0.60"
    assert hops * preset("park-2012").energy / 8 == pytest.approx(delivered, rel=2e-3)


def test_wires_cost_40_fj_a_bit_and_millimetre() -> None:
    mesh, longer = preset("park-2012"), preset("park-2012", wire_length=3e-3)
    assert (longer.energy - mesh.energy) / 8 == pytest.approx(2 * 40.4e-15, rel=1e-9)


def test_router_and_link_take_one_cycle() -> None:
    assert preset("park-2012").latency == pytest.approx(1e-9, rel=1e-12)
    assert preset("park-2012", router_cycles=3, wire_cycles=1, clock=2e9).latency == pytest.approx(2e-9, rel=1e-12)


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("noc")) == {"park-2012"}
    assert preset("park-2012", payload=64, header=8).packet_efficiency == pytest.approx(64 / 72, rel=1e-12)
    assert preset("park-2012").software_latency is None
