"""InfiniBand against its standard rates, NVIDIA's switches and modules, and an analyst's network of a GB300 rack."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.infiniband import InfiniBand


def preset(name: str, **values: Any) -> InfiniBand:
    given = {k: s.value for k, s in presets_of("infiniband")[name].settings.items()}
    return InfiniBand(**{**given, **values})


@pytest.mark.parametrize(("name", "rate"), [("hdr", 25e9), ("ndr", 50e9), ("xdr", 100e9)])
def test_a_port_of_four_lanes(name: str, rate: float) -> None:
    link = preset(name)
    assert link.net_bandwidth == pytest.approx(rate, rel=1e-12)  # 200, 400 and 800 Gb/s
    assert link.bandwidth / link.net_bandwidth == pytest.approx(257 / 256 * 544 / 514, rel=1e-12)


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("infiniband")) == {"hdr", "ndr", "xdr"}


def test_a_switch_of_64_ports_has_its_published_capacity() -> None:
    # Quantum-2: 64 x 400 Gb/s, 51.2 Tb/s over both directions; Quantum-X800: 144 x 800 Gb/s, 115.2 Tb/s one way
    assert 2 * 64 * 8 * preset("ndr").net_bandwidth == pytest.approx(51.2e12, rel=1e-12)
    assert 144 * 8 * preset("xdr").net_bandwidth == pytest.approx(115.2e12, rel=1e-12)


def test_what_programs_reach() -> None:
    # alpha-one-index: 48 GB/s of HDR's 50 over both directions, 96 of NDR's 100
    for name, both in (("hdr", 48e9), ("ndr", 96e9)):
        link = preset(name)
        assert 2 * link.bandwidth * link.efficiency == pytest.approx(both, rel=1e-3)


def test_packets_carry_4096_bytes_with_26() -> None:
    assert preset("ndr").packet_efficiency == pytest.approx(4096 / 4122, rel=1e-12)


def test_the_conflict_about_quantum_2_is_kept() -> None:
    found = presets_of("infiniband")["ndr"].settings["switch_latency"]
    assert (found.low, found.high) == (150e-9, 330e-9)
    assert "router-switch.com" in found.source
    assert "yobitel.com" in found.source
    assert found.value == pytest.approx((150e-9 + 330e-9) / 2)


@pytest.mark.parametrize("name", ["hdr", "ndr", "xdr"])
def test_error_correction_collects_two_codewords_and_decodes_them(name: str) -> None:
    link = preset(name)
    assert link.fec_latency == pytest.approx(2 * 2 * 5440 / (8 * link.bandwidth), rel=1e-9)


def test_two_hops_pass_one_switch() -> None:
    near, slow = preset("ndr"), preset("ndr", switch_latency=330e-9)
    assert 2 * (slow.latency - near.latency) == pytest.approx(330e-9 - 240e-9, rel=1e-9)


def test_optics_cost_what_their_data_sheets_say() -> None:
    assert preset("ndr").link_energy / 8 == pytest.approx(17 / 800e9, rel=1e-12)  # MMS4X00-NS
    assert preset("xdr").link_energy / 8 == pytest.approx(30 / 1600e9, rel=1e-12)
    assert preset("ndr").reach == 100


def test_the_price_is_a_racks_network_over_its_gpus() -> None:
    assert preset("xdr").cost == pytest.approx(0.59e6 / 72, rel=1e-3)
    assert preset("hdr").cost is None
