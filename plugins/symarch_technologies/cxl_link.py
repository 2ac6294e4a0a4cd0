"""CXL: the link between a processor and memory or devices that share its address space, over the lanes of PCIe 5 or 6.

    latency     = phy_latency + fec_latency + distance * propagation + switches * switch_latency        one way
    load-to-use = latency of the DRAM + 2 * latency                                                     request, data

CXL 1.1 and 2.0 send flits of 68 bytes with 64 of slots, CXL 3 the 256-byte flits of PCIe 6. Load-to-use: CXL
Consortium at Hot Chips 34 (servethehome.com), 170 to 250 ns where local memory takes 80 to 140. `_links` has the
formulas.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, technology
from symarch_technologies._links import SwitchedLink


@technology
class CxlLink(SwitchedLink):
    """Loads and stores to memory over the lanes of PCI Express."""

    name: ClassVar[str] = "cxl-link"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Hardware moves cache lines; no software stands in the way of a load or store.",
        "Reads dominate: each line of data comes with its share of a header slot, its request travels the other way.",
        "Coherence traffic is not modelled.",
        "Power is that of traffic.",
    )

    links: Quantity = parameter(
        1, "1", low=1, high=8, integer=True, better="more", status="standard", symbol=r"n_{link}",
        source="one port of the host",
        doc="links of one endpoint",
    )  # fmt: skip
    lanes: Quantity = parameter(
        16, "1", low=4, high=16, integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="CXL specification: 4, 8 or 16 lanes",
        doc="lanes of one link in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "32 Gb/s", "B/s", low="16 Gb/s", high="64 Gb/s", better="more", status="standard", symbol=r"r_{lane}",
        source="CXL 1.1 and 2.0 over PCIe 5: 32 GT/s; CXL 3 over PCIe 6: 64",
        doc="rate that one lane signals at, coding included",
    )  # fmt: skip
    coding: Quantity = parameter(
        128 / 130, "1", low=236 / 256, high=128 / 130, at_most=1, ideal=1, better="more", status="standard",
        symbol=r"\eta_{code}",
        source="128b/130b under flits of 68 bytes; low: 236 of the 256 bytes of a PCIe 6 flit",
        doc="share of the signalled rate that line coding, flits and error correction leave",
    )  # fmt: skip
    payload: Quantity = parameter(
        "64 B", "B", better="more", status="standard", symbol=r"b_{pay}",
        source="the four 16-byte slots of a flit of 68 bytes; a cache line",
        doc="data bytes of one packet",
    )  # fmt: skip
    header: Quantity = parameter(
        "4 B", "B", low=0, high="4 B", nonnegative=True, ideal=0, better="less", status="standard", symbol=r"b_{head}",
        source="protocol number and check sum of a flit of 68 bytes; in flits of 256 bytes they are in coding",
        doc="bytes of one packet that are not data",
    )  # fmt: skip
    protocol_efficiency: Quantity = parameter(
        8 / 9, "1", low=4 / 5, high=12 / 13, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{prot}",
        source="assumed: the header slot of 16 bytes serves two lines of four slots each; low: one line, high: three",
        doc="share that flow control, retries and software leave, apart from coding and headers",
    )  # fmt: skip
    phy_latency: Quantity = parameter(
        "40 ns", "s", low="35 ns", high="55 ns", better="less", status="assumed", symbol=r"t_{phy}",
        source="assumed: 35 to 40 ns of controller and PHY one way make 170 ns load-to-use out of 90 ns DRAM (CXL "
        "Consortium, Hot Chips 34); high: the 110 ns between the upper ends, 250 and 140, halved",
        doc="latency of the circuits at both ends: controllers and SerDes",
    )  # fmt: skip
    fec_latency: Quantity = parameter(
        "0 s", "s", low="0 s", high="2 ns", nonnegative=True, better="less", status="standard", symbol=r"t_{fec}",
        source="PCIe 5 has no error correction; high: a 256-byte flit of PCIe 6 takes 2 ns to collect at 128 GB/s",
        doc="latency of forward error correction",
    )  # fmt: skip
    switches: Quantity = parameter(
        0, "1", low=0, high=2, nonnegative=True, better="less", status="assumed", symbol=r"n_{sw}",
        source="a memory device at its host's port",
        doc="switches in one hop: half of one where two hops meet in it, 0 for a direct link",
    )  # fmt: skip
    switch_latency: Quantity = parameter(
        "80 ns", "s", low="50 ns", high="110 ns", better="less", status="assumed", symbol=r"t_{switch}",
        source="the middle of sources that disagree: a budget of 50 ns (sampooni blog) and 100 to 110 ns for a switch "
        "(readers at nextplatform.com); none is a data sheet",
        doc="latency of one switch from port to port",
    )  # fmt: skip
    distance: Quantity = parameter(
        "0.3 m", "m", low="0.1 m", high="2 m", better="less", status="assumed", symbol=r"\ell",
        source="assumed: a card in a slot of its host",
        doc="length of the wire or fibre of one hop",
    )  # fmt: skip
    link_energy: Quantity = parameter(
        "10 pJ/bit", "J/B", low="5.5 pJ/bit", high="12 pJ/bit", better="less", status="assumed", symbol=r"e_{link}",
        source="assumed like PCI Express, whose PHY it is: UCIe at 0.5 pJ/bit is stated to be about 20 times better",
        doc="energy to move one byte between the two ends of a hop",
    )  # fmt: skip
    switch_energy: Quantity = parameter(
        "23.4 pJ/bit", "J/B", low="11.7 pJ/bit", high="35.1 pJ/bit", better="less", status="assumed",
        symbol=r"e_{switch}",
        source="assumed like a PCIe 4 switch, Broadcom PEX88000: 36 W for 96 lanes at 16 Gb/s; no CXL switch states "
        "its power; low: the same power at twice the rate; high: half as much again",
        doc="energy to move one byte through one switch",
    )  # fmt: skip
    reach: Quantity = parameter(
        None, "m", better="more", status="assumed", symbol=r"\ell_{max}",
        source="absent: it depends on board, cables and retimers",
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
    return [CxlLink]
