"""InfiniBand: the scale-out network of NVIDIA clusters; one port of four lanes an adapter.

    net_bandwidth = links * lanes * lane_rate * coding        25, 50 and 100 GB/s per direction: HDR, NDR, XDR

A lane signals 1/16 faster than its nominal rate: 256 bits coded in 257 and Reed-Solomon RS(544,514) leave exactly
16/17. A packet carries 4096 bytes with 8 of local route, 12 of transport and 6 of check sums (InfiniBand Architecture
Specification, volume 1). `_links` has the formulas.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, technology
from symarch_technologies._network import NetworkLink


@technology
class InfiniBand(NetworkLink):
    """Ports of four lanes into switches that never drop a packet."""

    name: ClassVar[str] = "infiniband"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Every hop is a link between an adapter and a switch or two switches, and has half a switch.",
        "A bit costs what it does with both directions full; what modules and switches draw idle is not counted.",
        "The software latency holds the adapter and the library; the switches do not reduce (no SHARP).",
        "No congestion: credits keep packets from being dropped; a fabric is as oversubscribed as its topology says.",
    )

    links: Quantity = parameter(
        1, "1", low=1, high=2, integer=True, better="more", status="standard", symbol=r"n_{link}",
        source="one port an adapter, one adapter a GPU in DGX-class systems",
        doc="links of one endpoint",
    )  # fmt: skip
    lanes: Quantity = parameter(
        4, "1", integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="a 4x port",
        doc="lanes of one link in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "106.25 Gb/s", "B/s", low="53.125 Gb/s", high="212.5 Gb/s", better="more", status="standard",
        symbol=r"r_{lane}",
        source="53.125, 106.25 and 212.5 Gb/s for HDR, NDR and XDR: nominal 50, 100 and 200",
        doc="rate that one lane signals at, coding included",
    )  # fmt: skip
    coding: Quantity = parameter(
        16 / 17, "1", at_most=1, ideal=1, better="more", status="standard", symbol=r"\eta_{code}",
        source="256b/257b and RS(544,514): 256/257 * 514/544 = 16/17",
        doc="share of the signalled rate that line coding, flits and error correction leave",
    )  # fmt: skip
    payload: Quantity = parameter(
        "4 KiB", "B", low="256 B", high="4 KiB", better="more", status="standard", symbol=r"b_{pay}",
        source="largest packet of the standard",
        doc="data bytes of one packet",
    )  # fmt: skip
    header: Quantity = parameter(
        "26 B", "B", low="26 B", high="66 B", nonnegative=True, ideal=0, better="less", status="standard",
        symbol=r"b_{head}",
        source="InfiniBand Architecture Specification, volume 1: local route 8, base transport 12, invariant and "
        "variant check sums 4 and 2 B; high: with a global route header of 40 B",
        doc="bytes of one packet that are not data",
    )  # fmt: skip
    protocol_efficiency: Quantity = parameter(
        0.966, "1", low=0.9, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{prot}",
        source="solved from 48 GB/s of HDR's and 96 of NDR's two directions, 0.96 in all "
        "(alpha-one-index.github.io/ai-infra-index), and the headers' 0.994",
        doc="share that flow control, retries and software leave, apart from coding and headers",
    )  # fmt: skip
    switch_latency: Quantity = parameter(
        "240 ns", "s", low="130 ns", high="330 ns", better="less", status="assumed", symbol=r"t_{switch}",
        source="the middle of two sources that disagree about Quantum-2: below 150 ns (router-switch.com) and about "
        "330 ns (yobitel.com)",
        doc="latency of one switch from port to port",
    )  # fmt: skip
    switch_energy: Quantity = parameter(
        "23.4 pJ/bit", "J/B", low="11.7 pJ/bit", high="35.1 pJ/bit", better="less", status="assumed",
        symbol=r"e_{switch}",
        source="assumed like a PCIe 4 switch, Broadcom PEX88000: 36 W for 96 lanes at 16 Gb/s; the data sheet of no "
        "InfiniBand switch was found; low: the same power at twice the rate; high: half as much again",
        doc="energy to move one byte through one switch",
    )  # fmt: skip


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [InfiniBand]
