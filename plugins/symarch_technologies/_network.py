"""What adapters of a scale-out network share, InfiniBand's and Ethernet's: the same lanes, modules and libraries."""

from __future__ import annotations

from symarch import Quantity, parameter, technology
from symarch_technologies._links import SwitchedLink


@technology
class NetworkLink(SwitchedLink):
    """Ports of an adapter into the switches of a row."""

    phy_latency: Quantity = parameter(
        "20 ns", "s", low="5 ns", high="100 ns", better="less", status="assumed", symbol=r"t_{phy}",
        source="assumed: a 112G-class SerDes takes up to 20 ns, as NVIDIA compares NVLink-C2C with (besthub.dev, "
        "NVLink-C2C)",
        doc="latency of the circuits at both ends: controllers and SerDes",
    )  # fmt: skip
    fec_latency: Quantity = parameter(
        "51.2 ns", "s", low="25.6 ns", high="102.4 ns", nonnegative=True, better="less", status="assumed",
        symbol=r"t_{fec}",
        source="assumed: two interleaved codewords of RS(544,514), 10,880 bits, take 25.6 ns to collect at 425 Gb/s, "
        "and decoding is taken to be as long",
        doc="latency of forward error correction",
    )  # fmt: skip
    switches: Quantity = parameter(
        0.5, "1", low=0, high=1, nonnegative=True, better="less", status="standard", symbol=r"n_{sw}",
        source="two hops meet in a switch",
        doc="switches in one hop: half of one where two hops meet in it, 0 for a direct link",
    )  # fmt: skip
    distance: Quantity = parameter(
        "10 m", "m", low="1 m", high="100 m", better="less", status="assumed", symbol=r"\ell",
        source="assumed: a rack to the switches of its row",
        doc="length of the wire or fibre of one hop",
    )  # fmt: skip
    software_latency: Quantity = parameter(
        "5 us", "s", low="2.7 us", high="16 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"\alpha",
        source="planning constants of software, not measurements: aiconfigurator takes 5 us from rack to rack; NCCL "
        "2.7 to 5.0 us for LL, 14 us and 1 to 2 of the adapter for Simple (src/graph/tuning.cc)",
        doc="time an endpoint's software adds to each step of a collective",
    )  # fmt: skip
    link_energy: Quantity = parameter(
        "21.25 pJ/bit", "J/B", low="5.5 pJ/bit", high="21.25 pJ/bit", better="less", status="standard",
        symbol=r"e_{link}",
        source="NVIDIA MMS4X00-NS: 17 W for 800 Gb/s, half of it at each end of a link, with both directions busy; "
        "the adapter's own energy is not public; low: a SerDes over copper",
        doc="energy to move one byte between the two ends of a hop",
    )  # fmt: skip
    reach: Quantity = parameter(
        "100 m", "m", low="2 m", high="100 m", better="more", status="standard", symbol=r"\ell_{max}",
        source="NVIDIA MMS4X00-NS, single-mode DR8; low: passive copper MCP7Y70",
        doc="distance it spans",
    )  # fmt: skip
    cost: Quantity = parameter(
        None, "USD", better="less", status="assumed", symbol=r"\kappa",
        source="absent: the price of adapters, switches and optics together depends on the layers of the network",
        doc="price per endpoint",
    )  # fmt: skip
