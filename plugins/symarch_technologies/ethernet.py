"""Ethernet: the scale-out network with RDMA over it (RoCE, Ultra Ethernet), and the scale-up one with short headers.

    net_bandwidth = links * lanes * lane_rate * coding        50 and 100 GB/s per direction for 400G and 800G
    overhead      = preamble 8 + MAC 14 + IP 20 + UDP 8 + transport 12 + check sums 4 + 4 + gap 12 = 82 B   RoCE v2

A lane signals 1/16 faster than its nominal rate: 256 bits coded in 257 and Reed-Solomon RS(544,514) leave exactly
16/17 (IEEE 802.3). Switches: Broadcom Tomahawk Ultra (techzine.eu, fs.com), Tomahawk 5 and 6 (ai-stack.us). `_links`
has the formulas.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, technology
from symarch_technologies._network import NetworkLink


@technology
class Ethernet(NetworkLink):
    """Ports into Ethernet switches, with remote direct memory access."""

    name: ClassVar[str] = "ethernet"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Every hop is a link between an adapter and a switch or two switches, and has half a switch.",
        "A bit costs what it does with both directions full; what modules and switches draw idle is not counted.",
        "The software latency holds the adapter and the library; the switches do not reduce.",
        "No congestion and no loss; a fabric is as oversubscribed as its topology says.",
    )

    links: Quantity = parameter(
        1, "1", low=1, high=8, integer=True, better="more", status="standard", symbol=r"n_{link}",
        source="one port an adapter",
        doc="links of one endpoint",
    )  # fmt: skip
    lanes: Quantity = parameter(
        4, "1", low=1, high=8, integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="IEEE 802.3: 1, 2, 4 or 8 lanes",
        doc="lanes of one link in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "106.25 Gb/s", "B/s", low="53.125 Gb/s", high="212.5 Gb/s", better="more", status="standard",
        symbol=r"r_{lane}",
        source="IEEE 802.3: 53.125, 106.25 and 212.5 Gb/s, nominal 50, 100 and 200",
        doc="rate that one lane signals at, coding included",
    )  # fmt: skip
    coding: Quantity = parameter(
        16 / 17, "1", at_most=1, ideal=1, better="more", status="standard", symbol=r"\eta_{code}",
        source="IEEE 802.3: 256b/257b and RS(544,514): 256/257 * 514/544 = 16/17",
        doc="share of the signalled rate that line coding, flits and error correction leave",
    )  # fmt: skip
    payload: Quantity = parameter(
        "4 KiB", "B", low="64 B", high="4 KiB", better="more", status="standard", symbol=r"b_{pay}",
        source="largest payload of RoCE v2, in jumbo frames",
        doc="data bytes of one packet",
    )  # fmt: skip
    header: Quantity = parameter(
        "82 B", "B", low="30 B", high="82 B", nonnegative=True, ideal=0, better="less", status="standard",
        symbol=r"b_{head}",
        source="RoCE v2 over IPv4, preamble and gap included; low: 10 B of Tomahawk Ultra's optimised header with "
        "preamble and gap",
        doc="bytes of one packet that are not data",
    )  # fmt: skip
    protocol_efficiency: Quantity = parameter(
        0.966, "1", low=0.9, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{prot}",
        source="assumed like InfiniBand, whose transport RoCE is; no share is published",
        doc="share that flow control, retries and software leave, apart from coding and headers",
    )  # fmt: skip
    switch_latency: Quantity = parameter(
        "600 ns", "s", low="250 ns", high="800 ns", better="less", status="assumed", symbol=r"t_{switch}",
        source="Tomahawk 5 as a secondary source has it (ai-stack.us); low: Tomahawk Ultra, stated by Broadcom; high: "
        "Tomahawk 6",
        doc="latency of one switch from port to port",
    )  # fmt: skip
    switch_energy: Quantity = parameter(
        "23.4 pJ/bit", "J/B", low="11.7 pJ/bit", high="35.1 pJ/bit", better="less", status="assumed",
        symbol=r"e_{switch}",
        source="assumed like a PCIe 4 switch, Broadcom PEX88000: 36 W for 96 lanes at 16 Gb/s; the data sheet of no "
        "Ethernet switch was found; low: the same power at twice the rate; high: half as much again",
        doc="energy to move one byte through one switch",
    )  # fmt: skip


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [Ethernet]
