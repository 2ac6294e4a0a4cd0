"""NVLink-C2C: the coherent link between NVIDIA's CPUs and GPUs on one module.

    bandwidth = links * lanes * lane_rate                    per direction: 10 links of 9 wires at 40 Gb/s are 450 GB/s

Wires, rates and links: glennklockwood.com/garden/NVLink; energy and latency: besthub.dev, "Why NVIDIA's NVLink C2C is
redefining GPU-CPU interconnects". What copies reach: Schieffer et al., arXiv 2407.07850. `_links` has the formulas.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, technology
from symarch_technologies._links import DirectLink


@technology
class NVLinkC2C(DirectLink):
    """A coherent link between two chips on one board: many short links of single-ended wires."""

    name: ClassVar[str] = "nvlink-c2c"
    assumptions: ClassVar[tuple[str, ...]] = (
        "All links carry equal shares of a transfer.",
        "Hardware moves cache lines; the software of copies and page migration is not modelled.",
        "One share of the peak for both directions: copies towards the GPU are the faster ones.",
        "An idle link draws nothing worth modelling.",
    )

    links: Quantity = parameter(
        10, "1", low=10, high=20, integer=True, better="more", status="standard", symbol=r"n_{link}",
        source="Grace and Hopper have ten a chip: 450 GB/s a direction (glennklockwood.com/garden/NVLink)",
        doc="links of one endpoint",
    )  # fmt: skip
    lanes: Quantity = parameter(
        9, "1", integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="nine data wires a direction and link (glennklockwood.com/garden/NVLink)",
        doc="lanes of one link in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "40 Gb/s", "B/s", better="more", status="standard", symbol=r"r_{lane}",
        source="NRZ at 40 Gb/s on one wire against ground (glennklockwood.com/garden/NVLink)",
        doc="rate that one lane signals at, coding included",
    )  # fmt: skip
    coding: Quantity = parameter(
        1, "1", at_most=1, ideal=1, better="more", status="standard", symbol=r"\eta_{code}",
        source="two-level signals at an error rate below 1e-12 need no error correction; the 45 GB/s of a link are 9 "
        "wires at 40 Gb/s",
        doc="share of the signalled rate that line coding, flits and error correction leave",
    )  # fmt: skip
    payload: Quantity = parameter(
        "64 B", "B", low="32 B", high="256 B", better="more", status="assumed", symbol=r"b_{pay}",
        source="assumed, NVIDIA states no packet format: one line of the coherent caches",
        doc="data bytes of one packet",
    )  # fmt: skip
    header: Quantity = parameter(
        0, "B", low=0, high="16 B", nonnegative=True, ideal=0, better="less", status="assumed", symbol=r"b_{head}",
        source="assumed: none of its own, what headers there are is in protocol_efficiency; high: as NVLink's in "
        "LLMCompass",
        doc="bytes of one packet that are not data",
    )  # fmt: skip
    protocol_efficiency: Quantity = parameter(
        0.833, "1", low=0.66, high=0.833, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{prot}",
        source="copies to the GPU at 375 of 450 GB/s on a GH200 (arXiv 2407.07850); low: copies to the CPU, 297 GB/s",
        doc="share that flow control, retries and software leave, apart from coding and headers",
    )  # fmt: skip
    phy_latency: Quantity = parameter(
        "5 ns", "s", low="5 ns", high="20 ns", better="less", status="announced", symbol=r"t_{phy}",
        source="the interface takes less than 5 ns (besthub.dev, NVLink-C2C); high: a 112G SerDes",
        doc="latency of the circuits at both ends: controllers and SerDes",
    )  # fmt: skip
    fec_latency: Quantity = parameter(
        "0 s", "s", nonnegative=True, better="less", status="standard", symbol=r"t_{fec}",
        source="NRZ without error correction",
        doc="latency of forward error correction",
    )  # fmt: skip
    distance: Quantity = parameter(
        "0.05 m", "m", low="0.01 m", high="0.1 m", better="less", status="assumed", symbol=r"\ell",
        source="assumed: two packages side by side on one module",
        doc="length of the wire or fibre of one hop",
    )  # fmt: skip
    energy: Quantity = parameter(
        "1.3 pJ/bit", "J/B", low="1.3 pJ/bit", high="5.5 pJ/bit", better="less", status="announced", symbol=r"e_{hop}",
        source="NVIDIA, against 5.5 pJ/bit of a SerDes link: 4.68 W at 3.6 Tb/s (besthub.dev, NVLink-C2C)",
        doc="energy to move one byte over one hop",
    )  # fmt: skip
    reach: Quantity = parameter(
        None, "m", better="more", status="assumed", symbol=r"\ell_{max}",
        source="absent: NVIDIA states no reach, only that package and board traces are short",
        doc="distance it spans",
    )  # fmt: skip
    cost: Quantity = parameter(
        None, "USD", better="less", status="assumed", symbol=r"\kappa",
        source="absent: it is part of the chips, which have no price without it",
        doc="price per endpoint",
    )  # fmt: skip


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [NVLinkC2C]
