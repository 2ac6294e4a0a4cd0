"""UALink: the open scale-up network of accelerators, up to 1,024 in one pod.

    net_bandwidth = links * lanes * lane_rate * coding        100 GB/s per direction for a station of four lanes

UALink 200G 1.0 (2025-04): lanes of 212.5 Gb/s with the coding of Ethernet, 64-byte flits gathered in flits of 640
bytes, requests of 64 to 256 bytes, 93 % effective peak. Latency of switches: the consortium's answers to its webinar
(ualinkconsortium.org). `_links` has the formulas.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, technology
from symarch_technologies._links import SwitchedLink


@technology
class UALink(SwitchedLink):
    """Loads and stores between accelerators of one pod through switches."""

    name: ClassVar[str] = "ualink"
    assumptions: ClassVar[tuple[str, ...]] = (
        "All stations of an accelerator carry equal shares of a transfer.",
        "The 93 % of the consortium hold the headers of flits and requests.",
        "The library adds what it adds over NVLink; products that could be measured do not exist.",
        "The switches neither reduce nor multicast.",
    )

    links: Quantity = parameter(
        1, "1", low=1, high=18, integer=True, better="more", status="standard", symbol=r"n_{link}",
        source="one station; how many an accelerator has is its own matter",
        doc="links of one endpoint",
    )  # fmt: skip
    lanes: Quantity = parameter(
        4, "1", low=1, high=4, integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="UALink 200G 1.0: a station has four lanes",
        doc="lanes of one link in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "212.5 Gb/s", "B/s", low="106.25 Gb/s", high="212.5 Gb/s", better="more", status="standard", symbol=r"r_{lane}",
        source="UALink 200G 1.0: 200 Gb/s nominal, 212.5 signalled",
        doc="rate that one lane signals at, coding included",
    )  # fmt: skip
    coding: Quantity = parameter(
        16 / 17, "1", at_most=1, ideal=1, better="more", status="standard", symbol=r"\eta_{code}",
        source="256b/257b and RS(544,514) of IEEE 802.3: 256/257 * 514/544 = 16/17",
        doc="share of the signalled rate that line coding, flits and error correction leave",
    )  # fmt: skip
    payload: Quantity = parameter(
        "256 B", "B", low="64 B", high="256 B", better="more", status="standard", symbol=r"b_{pay}",
        source="UALink 200G 1.0: requests of 64, 128, 192 or 256 bytes",
        doc="data bytes of one packet",
    )  # fmt: skip
    header: Quantity = parameter(
        0, "B", low=0, high="16 B", nonnegative=True, ideal=0, better="less", status="assumed", symbol=r"b_{head}",
        source="assumed: none of its own, the headers are in protocol_efficiency; high: as NVLink's in LLMCompass",
        doc="bytes of one packet that are not data",
    )  # fmt: skip
    protocol_efficiency: Quantity = parameter(
        0.93, "1", at_most=1, ideal=1, better="more", status="announced", symbol=r"\eta_{prot}",
        source="UALink Consortium: 93 % effective peak bandwidth",
        doc="share that flow control, retries and software leave, apart from coding and headers",
    )  # fmt: skip
    phy_latency: Quantity = parameter(
        "20 ns", "s", low="5 ns", high="100 ns", better="less", status="assumed", symbol=r"t_{phy}",
        source="assumed: a 112G-class SerDes takes up to 20 ns, as NVIDIA compares NVLink-C2C with (besthub.dev, "
        "NVLink-C2C)",
        doc="latency of the circuits at both ends: controllers and SerDes",
    )  # fmt: skip
    fec_latency: Quantity = parameter(
        "25.6 ns", "s", low="6.4 ns", high="51.2 ns", nonnegative=True, better="less", status="assumed",
        symbol=r"t_{fec}",
        source="assumed: one codeword of RS(544,514), 5,440 bits, takes 6.4 ns to collect at 850 Gb/s, two "
        "interleaved ones 12.8, and decoding is taken to be as long",
        doc="latency of forward error correction",
    )  # fmt: skip
    switches: Quantity = parameter(
        0.5, "1", low=0, high=1, nonnegative=True, better="less", status="standard", symbol=r"n_{sw}",
        source="two hops meet in a switch",
        doc="switches in one hop: half of one where two hops meet in it, 0 for a direct link",
    )  # fmt: skip
    switch_latency: Quantity = parameter(
        "150 ns", "s", low="150 ns", high="250 ns", better="less", status="announced", symbol=r"t_{switch}",
        source="at most 150 ns for a switch of 25 Tb/s with 400G ports, below 200 and 250 ns for 50 and 100 Tb/s "
        "(ualinkconsortium.org, answers to the webinar)",
        doc="latency of one switch from port to port",
    )  # fmt: skip
    distance: Quantity = parameter(
        "1 m", "m", low="0.1 m", high="4 m", better="less", status="assumed", symbol=r"\ell",
        source="assumed: within the rack",
        doc="length of the wire or fibre of one hop",
    )  # fmt: skip
    software_latency: Quantity = parameter(
        "4.15 us", "s", low="2.1 us", high="5 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"\alpha",
        source="assumed like NVLink 4: vLLM's custom all-reduce in graphs on H100 adds 4.15 us a step; range: other "
        "libraries on A100 and H100",
        doc="time an endpoint's software adds to each step of a collective",
    )  # fmt: skip
    link_energy: Quantity = parameter(
        "5.5 pJ/bit", "J/B", low="1.3 pJ/bit", high="10 pJ/bit", better="less", status="assumed", symbol=r"e_{link}",
        source="assumed, the consortium states none: a 112G-class SerDes takes 5.5 pJ/bit, as NVIDIA compares "
        "NVLink-C2C with (besthub.dev, NVLink-C2C)",
        doc="energy to move one byte between the two ends of a hop",
    )  # fmt: skip
    switch_energy: Quantity = parameter(
        "23.4 pJ/bit", "J/B", low="11.7 pJ/bit", high="35.1 pJ/bit", better="less", status="assumed",
        symbol=r"e_{switch}",
        source="assumed like a PCIe 4 switch, Broadcom PEX88000: 36 W for 96 lanes at 16 Gb/s; no UALink switch "
        "states its power; low: the same power at twice the rate; high: half as much again",
        doc="energy to move one byte through one switch",
    )  # fmt: skip
    reach: Quantity = parameter(
        None, "m", better="more", status="assumed", symbol=r"\ell_{max}",
        source="absent: the consortium speaks of one to four racks, not of metres",
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
    return [UALink]
