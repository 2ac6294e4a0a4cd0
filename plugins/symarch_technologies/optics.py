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

from symarch import Quantity, hookimpl, parameter, quantity, technology
from symarch_technologies._fibre import Fibre


@technology
class OpticalLink(Fibre):
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
    distance: Quantity = parameter(
        "30 m", "m", low="1 m", high="500 m", better="less", status="assumed", symbol=r"\ell",
        source="assumed: between racks of one hall",
        doc="length of the wire or fibre of one hop",
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

    @quantity("J/B")
    def energy(self) -> Quantity:
        """Energy to move one byte over one hop at full load."""
        return self.module_power / (self.lanes * self.lane_rate * self.coding)


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [OpticalLink]
