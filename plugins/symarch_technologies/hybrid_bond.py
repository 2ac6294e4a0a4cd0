"""Hybrid bonding: two dies stacked face to face, joined by copper pads at a pitch of a few micrometres.

    connections = area / pitch^2                              12,346 a mm^2 at 9 um, a million at 1 um
    bandwidth   = connections * data_share * lane_rate        per direction

Rates, energy, latency and bandwidth of an area: UCIe 2.0 in three dimensions, Das Sharma et al., arXiv 2510.06513,
Table 1; that a smaller pitch wants a lower rate: Nature Electronics, doi 10.1038/s41928-024-01126-y. Below 10 um only
hybrid bonding serves, above 20 um micro-bumps (ninescrolls.com).
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Interconnect, Quantity, hookimpl, parameter, quantity, technology


@technology
class HybridBond(Interconnect):
    """Copper pads of two dies bonded face to face, as many as the pitch allows."""

    name: ClassVar[str] = "hybrid-bond"
    assumptions: ClassVar[tuple[str, ...]] = (
        "The dies face each other over the whole area, and logic under the pads keeps up with them.",
        "Pads for power, clock, spares and the other direction are one constant share.",
        "Hardware drives the pads; no software latency is modelled.",
        "Heat through the bond is the processor's concern, not the link's.",
    )

    area: Quantity = parameter(
        "100 mm^2", "m^2", low="1 mm^2", high="800 mm^2", better="more", status="assumed", symbol=r"A",
        source="assumed: about the base area of one HBM stack; a matter of the dies",
        doc="area over which the two dies are bonded",
    )  # fmt: skip
    pitch: Quantity = parameter(
        "9 um", "m", low="1 um", high="10 um", better="less", status="standard", symbol=r"p",
        source="UCIe 2.0: 9 um and less, down to 1 um (arXiv 2510.06513, Table 1)",
        doc="distance between the centres of neighbouring pads",
    )  # fmt: skip
    data_share: Quantity = parameter(
        0.324, "1", low=0.1, high=0.4, at_most=0.5, better="more", status="assumed", symbol=r"\phi",
        source="solved from 4 TB/s a mm^2 over both directions at 9 um and 4 Gb/s (arXiv 2510.06513, Table 1), half "
        "of it for each direction; 300 TB/s at 1 um give 0.3",
        doc="share of the pads that carry data in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "4 Gb/s", "B/s", low="0.5 Gb/s", high="4 Gb/s", better="more", status="standard", symbol=r"r_{lane}",
        source="UCIe 2.0 in three dimensions: up to 4 GT/s (arXiv 2510.06513, Table 1)",
        doc="rate that one pad signals at",
    )  # fmt: skip
    protocol_efficiency: Quantity = parameter(
        1, "1", low=0.94, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{prot}",
        source="assumed raw: so short a way needs no retry, the endpoints check what they must",
        doc="share that flow control, retries and software leave, apart from coding and headers",
    )  # fmt: skip
    latency: Quantity = parameter(
        "0.5 ns", "s", low="0.1 ns", high="0.5 ns", better="less", status="announced", symbol=r"t_{hop}",
        source="less than 1 ns there and back (arXiv 2510.06513, Table 1)",
        doc="latency of one crossing",
    )  # fmt: skip
    energy: Quantity = parameter(
        "0.05 pJ/bit", "J/B", low="0.01 pJ/bit", high="0.05 pJ/bit", better="less", status="announced",
        symbol=r"e_{hop}",
        source="0.05 pJ/bit at 9 um, 0.01 at 1 um (arXiv 2510.06513, Table 1)",
        doc="energy to move one byte across",
    )  # fmt: skip
    cost: Quantity = parameter(
        None, "USD", better="less", status="assumed", symbol=r"\kappa",
        source="absent: bonding is priced by the wafer",
        doc="price per endpoint",
    )  # fmt: skip

    @quantity("1/m^2")
    def density(self) -> Quantity:
        """Pads in a unit of area."""
        return 1 / self.pitch**2

    @quantity("1")
    def connections(self) -> Quantity:
        """Pads between the two dies."""
        return self.area * self.density

    @quantity("B/s")
    def bandwidth(self) -> Quantity:
        """Rate of all data pads per direction."""
        return self.connections * self.data_share * self.lane_rate

    @quantity("B/s/m^2")
    def area_bandwidth(self) -> Quantity:
        """Rate of a unit of area per direction."""
        return self.bandwidth / self.area

    @quantity("1")
    def efficiency(self) -> Quantity:
        """Share of the pads' rate that the protocol leaves."""
        return self.protocol_efficiency


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [HybridBond]
