"""Optical links: pluggable modules with a signal processor or without (linear), and optics packaged with the chip.

    net_bandwidth = links * lanes * lane_rate * coding        per direction
    energy        = module_power / (lanes * lane_rate * coding)
    latency       = phy_latency + fec_latency + distance * propagation

A module turns its rate of bits each way; a link has half a module's work at each end, so a bit costs one module's power
over its rate: 14 to 16 W at 800 Gb/s are 17.5 to 20 pJ/bit (axiomupgrades.com). Only the way is modelled: adapters and
switches at its ends are other components.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Interconnect, Quantity, hookimpl, parameter, quantity, technology


@technology
class OpticalLink(Interconnect):
    """Fibre between two ports with an optical module, or an engine beside the chip, at each end."""

    name: ClassVar[str] = "optics"
    assumptions: ClassVar[tuple[str, ...]] = (
        "A bit costs what it does with both directions full; what modules draw while they idle is not counted.",
        "Error correction is that of the ports at both ends, not of the module.",
        "The optical budget suffices for the distance.",
        "No software latency is modelled: that is the endpoints'.",
    )

    links: Quantity = parameter(
        1, "1", low=1, high=18, integer=True, better="more", status="standard", symbol=r"n_{link}",
        source="one module an endpoint",
        doc="links of one endpoint",
    )  # fmt: skip
    lanes: Quantity = parameter(
        8, "1", low=4, high=8, integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="800G and 1.6T modules have eight lanes (IEEE 802.3)",
        doc="lanes of one link in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "106.25 Gb/s", "B/s", low="106.25 Gb/s", high="212.5 Gb/s", better="more", status="standard",
        symbol=r"r_{lane}",
        source="IEEE 802.3: 106.25 and 212.5 Gb/s, nominal 100 and 200",
        doc="rate that one lane signals at, coding included",
    )  # fmt: skip
    coding: Quantity = parameter(
        16 / 17, "1", at_most=1, ideal=1, better="more", status="standard", symbol=r"\eta_{code}",
        source="IEEE 802.3: 256b/257b and RS(544,514): 256/257 * 514/544 = 16/17",
        doc="share of the signalled rate that line coding, flits and error correction leave",
    )  # fmt: skip
    module_power: Quantity = parameter(
        "15 W", "W", low="14 W", high="17 W", better="less", status="standard", symbol=r"P_{mod}",
        source="800G with a signal processor: 14 to 16 W (axiomupgrades.com), the middle; high: NVIDIA MMS4X00-NS, at "
        "most 17 W",
        doc="power of one module or engine",
    )  # fmt: skip
    phy_latency: Quantity = parameter(
        "60 ns", "s", low="20 ns", high="150 ns", better="less", status="assumed", symbol=r"t_{phy}",
        source="assumed: up to 20 ns for each retimed interface as NVIDIA states of a 112G SerDes (besthub.dev, "
        "NVLink-C2C): the ports' own and a signal processor in each of two modules",
        doc="latency of the circuits at both ends: controllers and SerDes",
    )  # fmt: skip
    fec_latency: Quantity = parameter(
        "25.6 ns", "s", low="12.8 ns", high="102.4 ns", nonnegative=True, better="less", status="assumed",
        symbol=r"t_{fec}",
        source="assumed: two interleaved codewords of RS(544,514), 10,880 bits, take 12.8 ns to collect at 850 Gb/s, "
        "and decoding is taken to be as long",
        doc="latency of forward error correction",
    )  # fmt: skip
    distance: Quantity = parameter(
        "30 m", "m", low="1 m", high="500 m", better="less", status="assumed", symbol=r"\ell",
        source="assumed: between racks of one hall",
        doc="length of the wire or fibre of one hop",
    )  # fmt: skip
    propagation: Quantity = parameter(
        "5 ns/m", "s/m", low="4.3 ns/m", high="5 ns/m", better="less", status="standard", symbol=r"\tau",
        source="the inverse of the speed of light times the index: fibre of group index 1.468 takes 4.9 ns/m, copper "
        "at 0.67 to 0.78 of the speed of light 5.0 to 4.3",
        doc="time of flight over one metre",
    )  # fmt: skip
    reach: Quantity = parameter(
        "100 m", "m", low="50 m", high="2 km", better="more", status="standard", symbol=r"\ell_{max}",
        source="NVIDIA MMS4X00-NS, single-mode DR8; other modules reach from 50 m to kilometres",
        doc="distance it spans",
    )  # fmt: skip
    cost: Quantity = parameter(
        None, "USD", better="less", status="assumed", symbol=r"\kappa",
        source="absent: prices of modules are quoted by volume",
        doc="price per endpoint",
    )  # fmt: skip

    @quantity("B/s")
    def bandwidth(self) -> Quantity:
        """Rate of all lanes per direction, coding included."""
        return self.links * self.lanes * self.lane_rate

    @quantity("B/s")
    def net_bandwidth(self) -> Quantity:
        """Rate per direction behind line coding and error correction."""
        return self.bandwidth * self.coding

    @quantity("1")
    def efficiency(self) -> Quantity:
        """Share of the lanes' rate that coding leaves."""
        return self.coding

    @quantity("s")
    def latency(self) -> Quantity:
        """Latency of one hop: both ends, error correction and the fibre."""
        return self.phy_latency + self.fec_latency + self.distance * self.propagation

    @quantity("J/B")
    def energy(self) -> Quantity:
        """Energy to move one byte over one hop at full load."""
        return self.module_power / (self.lanes * self.lane_rate * self.coding)


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [OpticalLink]
