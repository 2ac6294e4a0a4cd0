"""ICI: the links that join TPU chips to a torus, by copper within a rack and by optical circuit switches between racks.

    links     = 2 * dimensions of the torus                   4 in the "e" chips, 6 in the "p" chips and TPU7x
    bandwidth = links * lanes * lane_rate                     per direction and chip

Google quotes the sum of both directions of all links: 800 GB/s for v6e, 1200 for v5p and TPU7x (docs.cloud.google.com,
TPU7x). What programs reach of a link, and a microsecond a hop: jax-ml/scaling-book, tpus.md and sharding.md. `_links`
has the formulas.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, technology
from symarch_technologies._links import DirectLink


@technology
class InterChipInterconnect(DirectLink):
    """Links of a TPU to its neighbours in a torus, two for each dimension."""

    name: ClassVar[str] = "ici"
    assumptions: ClassVar[tuple[str, ...]] = (
        "All links of a chip are used at once; a collective over one axis of the torus has only two of them.",
        "A step of a collective goes to a neighbour: its microsecond is one hop and the dispatch of one step.",
        "A hop through an optical circuit switch costs what a hop within the rack does.",
        "An axis of fewer than 16 chips has no wraparound in v5e and v6e; the topology has to say so.",
    )

    links: Quantity = parameter(
        6, "1", low=4, high=6, integer=True, better="more", status="standard", symbol=r"n_{link}",
        source="two for each of three dimensions in v4, v5p and TPU7x; two dimensions in v5e and v6e",
        doc="links of one endpoint",
    )  # fmt: skip
    lanes: Quantity = parameter(
        8, "1", low=4, high=8, integer=True, better="more", status="assumed", symbol=r"n_{lane}",
        source="assumed: Google states the rate of a link, 50 or 100 GB/s, not its lanes; eight as in an 800 Gb/s port",
        doc="lanes of one link in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "100 Gb/s", "B/s", low="50 Gb/s", high="100 Gb/s", better="more", status="assumed", symbol=r"r_{lane}",
        source="solved from the 100 GB/s a link and direction of v5p, v6e and TPU7x with eight lanes; 50 Gb/s in v4 "
        "and v5e",
        doc="rate that one lane signals at, coding included",
    )  # fmt: skip
    coding: Quantity = parameter(
        1, "1", low=16 / 17, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{code}",
        source="assumed: the rates stated are behind the coding; low: that of Ethernet, if they are not",
        doc="share of the signalled rate that line coding, flits and error correction leave",
    )  # fmt: skip
    payload: Quantity = parameter(
        "4 KiB", "B", low="64 B", high="4 KiB", better="more", status="assumed", symbol=r"b_{pay}",
        source="assumed, Google states no packet format: transfers are long",
        doc="data bytes of one packet",
    )  # fmt: skip
    header: Quantity = parameter(
        0, "B", low=0, high="16 B", nonnegative=True, ideal=0, better="less", status="assumed", symbol=r"b_{head}",
        source="assumed: none of its own, what headers there are is in protocol_efficiency; high: as NVLink's in "
        "LLMCompass",
        doc="bytes of one packet that are not data",
    )  # fmt: skip
    protocol_efficiency: Quantity = parameter(
        0.9, "1", low=0.8, high=0.95, at_most=1, ideal=1, better="more", status="announced", symbol=r"\eta_{prot}",
        source="45 of 50 and 90 of 100 GB/s a link and direction (jax-ml/scaling-book, tpus.md)",
        doc="share that flow control, retries and software leave, apart from coding and headers",
    )  # fmt: skip
    phy_latency: Quantity = parameter(
        "0.1 us", "s", low="20 ns", high="0.5 us", better="less", status="assumed", symbol=r"t_{phy}",
        source="assumed: no figure of SerDes and router is public; low: a 112G-class SerDes alone; high: half of the "
        "microsecond a hop",
        doc="latency of the circuits at both ends: controllers and SerDes",
    )  # fmt: skip
    fec_latency: Quantity = parameter(
        "0 s", "s", low="0 s", high="51.2 ns", nonnegative=True, better="less", status="assumed", symbol=r"t_{fec}",
        source="assumed to be in phy_latency, no figure is public; high: that of a 400 Gb/s port",
        doc="latency of forward error correction",
    )  # fmt: skip
    distance: Quantity = parameter(
        "1 m", "m", low="0.1 m", high="50 m", better="less", status="assumed", symbol=r"\ell",
        source="assumed: a neighbour in the rack; chips at a face of a cube are tens of metres of fibre apart",
        doc="length of the wire or fibre of one hop",
    )  # fmt: skip
    software_latency: Quantity = parameter(
        "0.895 us", "s", low="0.5 us", high="0.98 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"\alpha",
        source="about 1 us a hop, dispatch included (jax-ml/scaling-book, sharding.md), less the hop's own 0.105 us, "
        "whose share is assumed",
        doc="time an endpoint's software adds to each step of a collective",
    )  # fmt: skip
    energy: Quantity = parameter(
        "5.5 pJ/bit", "J/B", low="1.3 pJ/bit", high="24.3 pJ/bit", better="less", status="assumed", symbol=r"e_{hop}",
        source="assumed, Google publishes none: a 112G-class SerDes takes 5.5 pJ/bit, as NVIDIA compares NVLink-C2C "
        "with (besthub.dev, NVLink-C2C); high: an optical hop with two 800G modules",
        doc="energy to move one byte over one hop",
    )  # fmt: skip
    reach: Quantity = parameter(
        None, "m", better="more", status="assumed", symbol=r"\ell_{max}",
        source="absent: copper in the rack, fibre between racks",
        doc="distance it spans",
    )  # fmt: skip
    cost: Quantity = parameter(
        None, "USD", better="less", status="assumed", symbol=r"\kappa",
        source="absent: circuit switches and optics are below 5 % of the system's cost (arXiv 2304.01433), no price "
        "is public",
        doc="price per endpoint",
    )  # fmt: skip


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [InterChipInterconnect]
