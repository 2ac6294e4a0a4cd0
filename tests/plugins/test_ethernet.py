"""Ethernet against IEEE 802.3, RoCE's headers and Broadcom's statements about Tomahawk Ultra."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.ethernet import Ethernet


def preset(name: str, **values: Any) -> Ethernet:
    given = {k: s.value for k, s in presets_of("ethernet")[name].settings.items()}
    return Ethernet(**{**given, **values})


@pytest.mark.parametrize(
    ("name", "rate"), [("roce-400g", 50e9), ("roce-800g", 100e9), ("tomahawk-ultra", 100e9), ("ultra-ethernet", 100e9)]
)
def test_a_port_behind_its_coding(name: str, rate: float) -> None:
    link = preset(name)
    assert link.net_bandwidth == pytest.approx(rate, rel=1e-12)
    assert link.bandwidth / link.net_bandwidth == pytest.approx(257 / 256 * 544 / 514, rel=1e-12)


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("ethernet")) == {"roce-400g", "roce-800g", "tomahawk-ultra", "ultra-ethernet"}


def test_overhead_of_a_roce_packet() -> None:
    # preamble 8, MAC 14, IP 20, UDP 8, base transport header 12, check sums 4 and 4, gap 12
    assert preset("roce-400g").header == 8 + 14 + 20 + 8 + 12 + 4 + 4 + 12
    assert preset("roce-400g").packet_efficiency == pytest.approx(4096 / 4178, rel=1e-12)


def test_tomahawk_ultra_from_accelerator_to_accelerator() -> None:
    link = preset("tomahawk-ultra")
    assert link.switch_latency == pytest.approx(250e-9)
    assert 2 * link.latency == pytest.approx(400e-9, rel=1e-9)  # fs.com: below 400 ns, two hops and one switch


def test_tomahawk_ultra_passes_the_smallest_packets_at_line_rate() -> None:
    # 51.2 Tb/s in packets of 64 B with preamble 8 and gap 12: 76 of the stated 77 billion a second
    rate = preset("tomahawk-ultra").net_bandwidth * 64  # 64 ports of 800 Gb/s
    assert 8 * rate == pytest.approx(51.2e12, rel=1e-12)
    assert rate / (64 + 20) == pytest.approx(77e9, rel=0.02)


def test_short_headers_matter_for_short_packets() -> None:
    # techzine.eu: headers of 10 instead of 46 bytes; each with preamble and gap
    short = preset("tomahawk-ultra", payload=64).packet_efficiency
    long = preset("tomahawk-ultra", payload=64, header=66).packet_efficiency
    assert short == pytest.approx(64 / 94, rel=1e-12)
    assert long == pytest.approx(64 / 130, rel=1e-12)


def test_what_is_not_known_of_ultra_ethernet_is_said() -> None:
    assert {"header", "switch_latency", "software_latency"} <= set(presets_of("ethernet")["ultra-ethernet"].unknown)
