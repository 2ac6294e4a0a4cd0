"""Infinity Fabric (xGMI): the links that join the eight GPUs of an AMD board directly, each with seven others.

    bandwidth = links * lanes * lane_rate                     per direction: 7 links of 16 lanes at 32 Gb/s are 448 GB/s

There is no switch: a pair of GPUs has one link, a seventh of the bandwidth. AMD, "Understanding RCCL bandwidth and
xGMI performance on MI300X" (rocm.blogs.amd.com): 64 GB/s a link, of which 48 are usable. `_links` has the formulas.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, technology
from symarch_technologies._links import DirectLink


@technology
class InfinityFabric(DirectLink):
    """A link of sixteen lanes from each GPU of a board to each other one."""

    name: ClassVar[str] = "infinity-fabric"
    assumptions: ClassVar[tuple[str, ...]] = (
        "All links are used at once, as in a collective of all eight GPUs; two GPUs alone have one link.",
        "The library adds what vLLM's custom all-reduce adds over NVLink; no measurement is at hand.",
        "Power is that of traffic.",
    )

    links: Quantity = parameter(
        7, "1", low=1, high=7, integer=True, better="more", status="standard", symbol=r"n_{link}",
        source="MI300X: one link to each of seven others (rocm.blogs.amd.com, xGMI on MI300X)",
        doc="links of one endpoint",
    )  # fmt: skip
    lanes: Quantity = parameter(
        16, "1", integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="MI300X: 16 lanes a link (wheelersnetwork.com, 2024-01)",
        doc="lanes of one link in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "32 Gb/s", "B/s", low="16 Gb/s", high="38.4 Gb/s", better="more", status="standard", symbol=r"r_{lane}",
        source="fourth generation: 32 Gb/s a lane, 128 GB/s a link in both directions (wheelersnetwork.com, 2024-01); "
        "high: MI355X",
        doc="rate that one lane signals at, coding included",
    )  # fmt: skip
    coding: Quantity = parameter(
        1, "1", low=128 / 130, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{code}",
        source="assumed: AMD states 64 GB/s a link, which is 16 lanes at 32 Gb/s; what coding there is is in "
        "protocol_efficiency; low: 128b/130b",
        doc="share of the signalled rate that line coding, flits and error correction leave",
    )  # fmt: skip
    payload: Quantity = parameter(
        "64 B", "B", low="64 B", high="256 B", better="more", status="assumed", symbol=r"b_{pay}",
        source="assumed, AMD states no packet format: one cache line",
        doc="data bytes of one packet",
    )  # fmt: skip
    header: Quantity = parameter(
        0, "B", low=0, high="16 B", nonnegative=True, ideal=0, better="less", status="assumed", symbol=r"b_{head}",
        source="assumed: none of its own, what headers there are is in protocol_efficiency; high: as NVLink's in "
        "LLMCompass",
        doc="bytes of one packet that are not data",
    )  # fmt: skip
    protocol_efficiency: Quantity = parameter(
        0.75, "1", at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{prot}",
        source="48 of 64 GB/s a link (rocm.blogs.amd.com, xGMI on MI300X)",
        doc="share that flow control, retries and software leave, apart from coding and headers",
    )  # fmt: skip
    phy_latency: Quantity = parameter(
        "20 ns", "s", low="5 ns", high="150 ns", better="less", status="assumed", symbol=r"t_{phy}",
        source="assumed: AMD publishes none; a 112G-class SerDes takes up to 20 ns, as NVIDIA compares NVLink-C2C "
        "with (besthub.dev, NVLink-C2C)",
        doc="latency of the circuits at both ends: controllers and SerDes",
    )  # fmt: skip
    fec_latency: Quantity = parameter(
        "0 s", "s", low="0 s", high="2 ns", nonnegative=True, better="less", status="assumed", symbol=r"t_{fec}",
        source="assumed: two-level signals at 32 Gb/s need no error correction; high: as PCIe 6",
        doc="latency of forward error correction",
    )  # fmt: skip
    distance: Quantity = parameter(
        "0.3 m", "m", low="0.1 m", high="0.6 m", better="less", status="assumed", symbol=r"\ell",
        source="assumed: two modules on one board",
        doc="length of the wire or fibre of one hop",
    )  # fmt: skip
    software_latency: Quantity = parameter(
        "4.15 us", "s", low="2.1 us", high="16 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"\alpha",
        source="assumed like NVLink 4: vLLM's custom all-reduce in graphs on H100 adds 4.15 us a step; range: other "
        "libraries on A100 and H100",
        doc="time an endpoint's software adds to each step of a collective",
    )  # fmt: skip
    energy: Quantity = parameter(
        "10 pJ/bit", "J/B", low="5.5 pJ/bit", high="12 pJ/bit", better="less", status="assumed", symbol=r"e_{hop}",
        source="assumed like PCI Express at the same rate of a lane; AMD publishes none",
        doc="energy to move one byte over one hop",
    )  # fmt: skip
    reach: Quantity = parameter(
        None, "m", better="more", status="assumed", symbol=r"\ell_{max}",
        source="absent: the links stay on the board",
        doc="distance it spans",
    )  # fmt: skip
    cost: Quantity = parameter(
        None, "USD", better="less", status="assumed", symbol=r"\kappa",
        source="absent: it is part of the board, which has no price without it",
        doc="price per endpoint",
    )  # fmt: skip


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [InfinityFabric]
