"""Groq C2C: the links between tensor streaming processors; every chip is endpoint and switch of a dragonfly.

    bandwidth = links * lanes * lane_rate                     per direction: 16 links of 4 lanes at 30 Gb/s are 240 GB/s

Groq quotes both directions, 480 GB/s; over cables a lane runs at 28 Gb/s (Linley newsletter 6233, 2020-11-10). Up to
10,440 chips answer within 3 us (Abts et al., "A software-defined tensor streaming multiprocessor for large-scale
machine learning", ISCA 2022, doi 10.1145/3470496.3527405). `_links` has the formulas.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, technology
from symarch_technologies._links import DirectLink


@technology
class GroqC2C(DirectLink):
    """Links between chips whose traffic the compiler schedules to the cycle."""

    name: ClassVar[str] = "groq-c2c"
    assumptions: ClassVar[tuple[str, ...]] = (
        "The compiler schedules every transfer: no arbitration, no retries, no variance.",
        "All links of a chip are used at once; cards expose fewer of them than the chip has.",
        "Chips on the way forward a vector without holding up their own arithmetic.",
        "Power is that of traffic.",
    )

    links: Quantity = parameter(
        16, "1", low=3, high=16, integer=True, better="more", status="standard", symbol=r"n_{link}",
        source="16 links a chip (Linley newsletter 6233); the first cards exposed three",
        doc="links of one endpoint",
    )  # fmt: skip
    lanes: Quantity = parameter(
        4, "1", integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="four lanes a link (Linley newsletter 6233)",
        doc="lanes of one link in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "30 Gb/s", "B/s", low="28 Gb/s", high="30 Gb/s", better="more", status="standard", symbol=r"r_{lane}",
        source="30 Gb/s on a board, 28 over cables (Linley newsletter 6233)",
        doc="rate that one lane signals at, coding included",
    )  # fmt: skip
    coding: Quantity = parameter(
        1, "1", low=64 / 66, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{code}",
        source="assumed: the 15 GB/s stated for a link are four lanes at 30 Gb/s; low: 64b/66b",
        doc="share of the signalled rate that line coding, flits and error correction leave",
    )  # fmt: skip
    payload: Quantity = parameter(
        "320 B", "B", better="more", status="standard", symbol=r"b_{pay}",
        source="a vector of 320 elements of one byte, the unit the chip works in (Abts et al., ISCA 2020)",
        doc="data bytes of one packet",
    )  # fmt: skip
    header: Quantity = parameter(
        0, "B", low=0, high="16 B", nonnegative=True, ideal=0, better="less", status="assumed", symbol=r"b_{head}",
        source="assumed: none, the schedule says what a vector is; framing is not public, high: as NVLink's in "
        "LLMCompass",
        doc="bytes of one packet that are not data",
    )  # fmt: skip
    protocol_efficiency: Quantity = parameter(
        1, "1", low=0.9, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{prot}",
        source="assumed: a static schedule needs neither credits nor requests",
        doc="share that flow control, retries and software leave, apart from coding and headers",
    )  # fmt: skip
    phy_latency: Quantity = parameter(
        "0.4 us", "s", low="20 ns", high="0.6 us", better="less", status="assumed", symbol=r"t_{phy}",
        source="assumed: not public for one hop; 3 us at most between any two of 10,440 chips, over about seven hops "
        "of a dragonfly of nodes of eight; low: a 112G-class SerDes",
        doc="latency of the circuits at both ends: controllers and SerDes",
    )  # fmt: skip
    fec_latency: Quantity = parameter(
        "0 s", "s", low="0 s", high="51.2 ns", nonnegative=True, better="less", status="assumed", symbol=r"t_{fec}",
        source="assumed to be in phy_latency, no figure is public; high: that of a 400 Gb/s port",
        doc="latency of forward error correction",
    )  # fmt: skip
    distance: Quantity = parameter(
        "1 m", "m", low="0.1 m", high="10 m", better="less", status="assumed", symbol=r"\ell",
        source="assumed: within the rack",
        doc="length of the wire or fibre of one hop",
    )  # fmt: skip
    software_latency: Quantity = parameter(
        "0 s", "s", low="0 s", high="0.5 us", nonnegative=True, ideal=0, better="less", status="announced",
        symbol=r"\alpha",
        source="sends and receives are instructions at cycles known when the program is compiled (Abts et al., ISCA "
        "2022); high: somewhat below what links with software at their ends take",
        doc="time an endpoint's software adds to each step of a collective",
    )  # fmt: skip
    energy: Quantity = parameter(
        "10 pJ/bit", "J/B", low="5.5 pJ/bit", high="12 pJ/bit", better="less", status="assumed", symbol=r"e_{hop}",
        source="assumed like PCI Express at about the same rate of a lane; Groq publishes none",
        doc="energy to move one byte over one hop",
    )  # fmt: skip
    reach: Quantity = parameter(
        None, "m", better="more", status="assumed", symbol=r"\ell_{max}",
        source="absent: not stated",
        doc="distance it spans",
    )  # fmt: skip
    cost: Quantity = parameter(
        None, "USD", better="less", status="assumed", symbol=r"\kappa",
        source="absent: it is part of the card, which has no price without it",
        doc="price per endpoint",
    )  # fmt: skip


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [GroqC2C]
