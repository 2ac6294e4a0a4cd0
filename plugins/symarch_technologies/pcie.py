"""PCI Express: the general link of hosts, accelerators, network adapters and drives.

    net_bandwidth = links * lanes * lane_rate * coding    x16: 31.5, 63.0, 118 GB/s per direction, generation 4 to 6

Generations 4 and 5 code 128 bits in 130; generation 6 sends flits of 256 bytes with 236 of packets, 6 of link data, 8
of check sum and 6 of error correction (glennklockwood.com/garden/PCIe-Gen6). Switch: Broadcom PEX88000 (Linley
newsletter, 2019-09-24). Collectives: L40S in aiconfigurator-core, NCCL. `_links` has the formulas.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, technology
from symarch_technologies._links import SwitchedLink


@technology
class PciExpress(SwitchedLink):
    """Serial lanes between a host and its devices, or into a switch of the same kind."""

    name: ClassVar[str] = "pcie"
    assumptions: ClassVar[tuple[str, ...]] = (
        "One device has the whole link; other devices under one switch or root port are not modelled.",
        "Transfers are long writes or completions of full packets; the requests of reads travel the other way.",
        "The host's memory and root complex keep up.",
        "Power is that of traffic: link states of idle ports are not modelled.",
    )

    links: Quantity = parameter(
        1, "1", low=1, high=4, integer=True, better="more", status="standard", symbol=r"n_{link}",
        source="a device has one port",
        doc="links of one endpoint",
    )  # fmt: skip
    lanes: Quantity = parameter(
        16, "1", low=1, high=16, integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="PCI Express Base Specification: 1, 2, 4, 8 or 16 lanes",
        doc="lanes of one link in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "32 Gb/s", "B/s", low="16 Gb/s", high="64 Gb/s", better="more", status="standard", symbol=r"r_{lane}",
        source="16, 32 and 64 GT/s in generations 4, 5 and 6, one bit a transfer",
        doc="rate that one lane signals at, coding included",
    )  # fmt: skip
    coding: Quantity = parameter(
        128 / 130, "1", low=236 / 256, high=128 / 130, at_most=1, ideal=1, better="more", status="standard",
        symbol=r"\eta_{code}",
        source="128b/130b in generations 3 to 5; low: 236 of the 256 bytes of a generation 6 flit",
        doc="share of the signalled rate that line coding, flits and error correction leave",
    )  # fmt: skip
    payload: Quantity = parameter(
        "256 B", "B", low="128 B", high="4 KiB", better="more", status="standard", symbol=r"b_{pay}",
        source="the largest payload most hosts negotiate; the specification allows 128 B to 4 KiB",
        doc="data bytes of one packet",
    )  # fmt: skip
    header: Quantity = parameter(
        "24 B", "B", low="12 B", high="28 B", nonnegative=True, ideal=0, better="less", status="standard",
        symbol=r"b_{head}",
        source="framing and sequence number 4 B, header of a 64-bit address 16 B, link check sum 4 B; 12 B headers "
        "and flit mode less, an end-to-end check sum 4 B more",
        doc="bytes of one packet that are not data",
    )  # fmt: skip
    protocol_efficiency: Quantity = parameter(
        1, "1", low=0.7, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{prot}",
        source="assumed: acknowledgements and credits are small beside full packets; low: NCCL between two L40S, 20.4 "
        "of the 28.8 GB/s that coding and headers leave of PCIe 4 (aiconfigurator-core)",
        doc="share that flow control, retries and software leave, apart from coding and headers",
    )  # fmt: skip
    phy_latency: Quantity = parameter(
        "40 ns", "s", low="35 ns", high="55 ns", better="less", status="assumed", symbol=r"t_{phy}",
        source="assumed like a CXL port, which has the same PHY: 35 to 40 ns of controller and PHY make the "
        "consortium's 170 ns load-to-use out of 90 ns DRAM",
        doc="latency of the circuits at both ends: controllers and SerDes",
    )  # fmt: skip
    fec_latency: Quantity = parameter(
        "0 s", "s", low="0 s", high="2 ns", nonnegative=True, better="less", status="standard", symbol=r"t_{fec}",
        source="generations 4 and 5 have no error correction; high: a 256-byte flit of generation 6 takes 2 ns to "
        "collect at 128 GB/s",
        doc="latency of forward error correction",
    )  # fmt: skip
    switches: Quantity = parameter(
        0, "1", low=0, high=1, nonnegative=True, better="less", status="assumed", symbol=r"n_{sw}",
        source="a device at its host's port",
        doc="switches in one hop: half of one where two hops meet in it, 0 for a direct link",
    )  # fmt: skip
    switch_latency: Quantity = parameter(
        "105 ns", "s", low="105 ns", high="165 ns", better="less", status="standard", symbol=r"t_{switch}",
        source="Broadcom PEX88000, x16 to x16 in generation 4, cut-through (Linley newsletter, 2019-09-24); high: "
        "with one retimer of the 60 ns allowed (anandtech.com 16241)",
        doc="latency of one switch from port to port",
    )  # fmt: skip
    distance: Quantity = parameter(
        "0.3 m", "m", low="0.1 m", high="1 m", better="less", status="assumed", symbol=r"\ell",
        source="assumed: a card in a slot of its host",
        doc="length of the wire or fibre of one hop",
    )  # fmt: skip
    software_latency: Quantity = parameter(
        "6.5 us", "s", low="1 us", high="6.5 us", nonnegative=True, ideal=0, better="less", status="measured",
        symbol=r"\alpha",
        source="constant part of NCCL all-reduces of two L40S over PCIe 4 (aiconfigurator-core, L40S); low: the hop "
        "of NCCL's LL protocol over PCI (src/graph/tuning.cc)",
        doc="time an endpoint's software adds to each step of a collective",
    )  # fmt: skip
    start_latency: Quantity = parameter(
        None, "s", low="0 s", high="15 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"t_{start}",
        source="absent: it is in the software latency, measured as the constant part of an all-reduce; the presets of "
        "NCCL take the two apart",
        doc="time the library takes to start a collective",
    )  # fmt: skip
    link_energy: Quantity = parameter(
        "10 pJ/bit", "J/B", low="5.5 pJ/bit", high="12 pJ/bit", better="less", status="assumed", symbol=r"e_{link}",
        source="assumed: UCIe at 0.5 pJ/bit is stated to be about 20 times better than the SerDes of PCIe; no data "
        "sheet gives it",
        doc="energy to move one byte between the two ends of a hop",
    )  # fmt: skip
    switch_energy: Quantity = parameter(
        "23.4 pJ/bit", "J/B", better="less", status="standard", symbol=r"e_{switch}",
        source="Broadcom PEX88000: 36 W typical for 96 lanes at 16 Gb/s, each bit in over one lane and out over "
        "another (Linley newsletter, 2019-09-24)",
        doc="energy to move one byte through one switch",
    )  # fmt: skip
    reach: Quantity = parameter(
        None, "m", better="more", status="assumed", symbol=r"\ell_{max}",
        source="absent: it depends on board, connectors and retimers",
        doc="distance it spans",
    )  # fmt: skip
    cost: Quantity = parameter(
        None, "USD", better="less", status="assumed", symbol=r"\kappa",
        source="absent: no price is public",
        doc="price per endpoint",
    )  # fmt: skip


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [PciExpress]
