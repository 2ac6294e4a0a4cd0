"""What links of serial lanes have in common: one set of formulas for their modules; no technology of its own.

    bandwidth     = links * lanes * lane_rate                      per direction, as the lanes signal
    net_bandwidth = bandwidth * coding                             what data sheets call the rate
    efficiency    = coding * payload / (payload + header) * protocol_efficiency
    latency       = phy_latency + fec_latency + distance * propagation  (+ switches * switch_latency)
    energy        = link_energy + switches * switch_energy         for links into a switch

A hop is one link of a topology. Where two of them meet in a switch, as in a star or a fat tree, each has half of it:
`switches` is 0.5. Between two devices joined directly it is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symarch import Interconnect, Quantity, parameter, quantity, technology


@technology
class Lanes(Interconnect):
    """Serial lanes between two ports; what they signal is coded, and nothing else is taken off."""

    if TYPE_CHECKING:  # every module declares these itself, each with its own range and source
        links: Quantity
        lanes: Quantity
        lane_rate: Quantity
        coding: Quantity
        phy_latency: Quantity
        fec_latency: Quantity
        distance: Quantity

    propagation: Quantity = parameter(
        "5 ns/m", "s/m", low="4.3 ns/m", high="5 ns/m", better="less", status="standard", symbol=r"\tau",
        source="the inverse of the speed of light times the index: fibre of group index 1.468 takes 4.9 ns/m, copper "
        "at 0.67 to 0.78 of the speed of light 5.0 to 4.3",
        doc="time of flight over one metre",
    )  # fmt: skip

    @quantity("B/s")
    def bandwidth(self) -> Quantity:
        """Rate of all lanes per direction, coding included."""
        return self.links * self.lanes * self.lane_rate

    @quantity("B/s")
    def net_bandwidth(self) -> Quantity:
        """Rate per direction behind line coding and error correction, headers included."""
        return self.bandwidth * self.coding

    @quantity("1")
    def efficiency(self) -> Quantity:
        """Share of the lanes' rate that coding leaves."""
        return self.coding

    @quantity("s")
    def latency(self) -> Quantity:
        """Latency of one hop: both ends, error correction and the way."""
        return self.phy_latency + self.fec_latency + self.distance * self.propagation


@technology
class DirectLink(Lanes):
    """Lanes that carry packets between two devices, with nothing on the way that forwards them."""

    if TYPE_CHECKING:
        payload: Quantity
        header: Quantity
        protocol_efficiency: Quantity

    @quantity("1")
    def packet_efficiency(self) -> Quantity:
        """Share of a packet that is payload."""
        return self.payload / (self.payload + self.header)

    @quantity("1")
    def efficiency(self) -> Quantity:
        """Share of the lanes' rate that coding, headers and protocol leave."""
        return self.coding * self.packet_efficiency * self.protocol_efficiency


@technology
class SwitchedLink(DirectLink):
    """Lanes into a switch that forwards packets."""

    if TYPE_CHECKING:
        switches: Quantity
        switch_latency: Quantity
        link_energy: Quantity
        switch_energy: Quantity

    @quantity("s")
    def latency(self) -> Quantity:
        """Latency of one hop: both ends, error correction, the way and its part of a switch."""
        way = self.phy_latency + self.fec_latency + self.distance * self.propagation
        return way + self.switches * self.switch_latency

    @quantity("J/B")
    def energy(self) -> Quantity:
        """Energy to move one byte over one hop: both ends and its part of a switch."""
        return self.link_energy + self.switches * self.switch_energy
