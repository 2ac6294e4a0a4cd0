"""PCI Express against its specifications' arithmetic and Broadcom's PEX88000 (Linley newsletter, 2019-09-24)."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.pcie import PciExpress


def preset(name: str, **values: Any) -> PciExpress:
    given = {k: s.value for k, s in presets_of("pcie")[name].settings.items()}
    return PciExpress(**{**given, **values})


@pytest.mark.parametrize(
    ("name", "raw", "net", "exact"),
    [
        ("gen4", 32e9, "31.5", 32e9 * 128 / 130),  # 16 lanes at 16 GT/s, 128b/130b
        ("gen5", 64e9, "63.0", 64e9 * 128 / 130),
        ("gen6", 128e9, "118.0", 128e9 * 236 / 256),  # flits of 256 bytes, 236 of packets: 118 GB/s
    ],
)
def test_sixteen_lanes_carry_what_the_generation_is_known_for(name: str, raw: float, net: str, exact: float) -> None:
    link = preset(name)
    assert link.bandwidth == pytest.approx(raw, rel=1e-12)
    assert link.net_bandwidth == pytest.approx(exact, rel=1e-12)
    assert f"{link.net_bandwidth / 1e9:.1f}" == net


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("pcie")) == {"gen4", "gen5", "gen6", "gen4-nccl", "gen5-nccl"}


def test_packets_of_256_bytes_leave_91_percent() -> None:
    link = preset("gen5")
    assert link.packet_efficiency == pytest.approx(256 / 280, rel=1e-12)
    assert f"{link.packet_efficiency:.2f}" == "0.91"
    assert link.efficiency == pytest.approx(128 / 130 * 256 / 280, rel=1e-12)


def test_two_l40s_reach_the_lower_end_of_the_protocols_share() -> None:
    # aiconfigurator-core, L40S over PCIe 4, NCCL: 20.4 GB/s between two
    link = preset("gen4", protocol_efficiency=0.7)
    assert link.bandwidth * link.efficiency == pytest.approx(20.4e9, rel=0.02)


def test_a_switch_adds_105_ns_and_23_pj_a_bit() -> None:
    direct, switched = preset("gen4", switches=0), preset("gen4", switches=1)
    assert switched.latency - direct.latency == pytest.approx(105e-9, rel=1e-9)
    assert (switched.energy - direct.energy) / 8 == pytest.approx(36 / (96 * 16e9), rel=2e-3)  # 36 W, 96 lanes
    assert f"{(switched.energy - direct.energy) / 8 * 1e12:.0f}" == "23"


def test_two_hops_through_one_switch_have_one_switch() -> None:
    link = preset("gen4", switches=0.5, distance=1e-9)
    assert 2 * link.latency == pytest.approx(2 * 40e-9 + 105e-9, rel=1e-9)


def test_a_flit_of_256_bytes_takes_2_ns() -> None:
    link = preset("gen6")
    assert link.fec_latency == pytest.approx(256 / link.bandwidth, rel=1e-12)
    assert preset("gen5").fec_latency == 0


@pytest.mark.parametrize("name", ["gen4", "gen5"])
def test_nccl_has_the_same_wire_and_takes_its_constant_apart(name: str) -> None:
    # 6.5 us of two devices' all-reduce: the start, and the two steps of a ring
    plain, nccl = preset(name), preset(f"{name}-nccl")
    assert nccl.bandwidth == plain.bandwidth
    assert nccl.start_latency + 2 * nccl.software_latency == pytest.approx(plain.software_latency, rel=0.01)
