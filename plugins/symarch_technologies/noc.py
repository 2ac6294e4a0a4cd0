"""Network on chip: a mesh of routers, one a core or tile; a hop is one router and the wires to the next.

    bandwidth  = links * width * clock                        per direction
    efficiency = payload / (payload + header) * protocol_efficiency
    latency    = (router_cycles + wire_cycles) / clock        one hop
    energy     = router_energy + wire_length * wire_energy    one hop

Measured: a 4 x 4 mesh in 45 nm SOI, Park et al., "Approaching the theoretical limits of a mesh NoC", DAC 2012, and
"40.4 fJ/bit/mm low-swing on-chip signaling", DATE 2013, doi 10.7873/DATE.2013.332.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Interconnect, Quantity, hookimpl, parameter, quantity, technology


@technology
class NetworkOnChip(Interconnect):
    """Routers and wires between the cores of one die."""

    name: ClassVar[str] = "noc"
    assumptions: ClassVar[tuple[str, ...]] = (
        "A node has one port into the mesh and uses it in both directions at once.",
        "Contention in the routers is one constant share of the peak.",
        "The clock is one for the whole die, and clocks and leakage of idle routers are not modelled.",
        "Hardware sends and receives; no software latency is modelled.",
    )

    links: Quantity = parameter(
        1, "1", low=1, high=4, integer=True, better="more", status="standard", symbol=r"n_{link}",
        source="one port of a core into its router (Park et al., DAC 2012)",
        doc="ports of one node into the mesh",
    )  # fmt: skip
    width: Quantity = parameter(
        "8 B", "B", low="8 B", high="128 B", better="more", status="measured", symbol=r"w",
        source="64 bits: 16 nodes at 1 GHz have the theoretical 1,024 Gb/s of Park et al., DAC 2012; accelerators "
        "have wider ones",
        doc="bytes that one link moves in a cycle and direction",
    )  # fmt: skip
    clock: Quantity = parameter(
        "1 GHz", "1/s", low="0.5 GHz", high="2.5 GHz", better="more", status="measured", symbol=r"f",
        source="Park et al., DAC 2012, at 1.1 V; high: assumed for newer processes",
        doc="clock of routers and links",
    )  # fmt: skip
    payload: Quantity = parameter(
        "64 B", "B", low="8 B", high="4 KiB", better="more", status="assumed", symbol=r"b_{pay}",
        source="assumed: a cache line",
        doc="data bytes of one packet",
    )  # fmt: skip
    header: Quantity = parameter(
        0, "B", low=0, high="8 B", nonnegative=True, ideal=0, better="less", status="assumed", symbol=r"b_{head}",
        source="assumed: the route travels on wires of its own beside the data; high: one flit of 8 B",
        doc="bytes of one packet that are not data",
    )  # fmt: skip
    protocol_efficiency: Quantity = parameter(
        0.871, "1", low=0.5, high=0.871, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{prot}",
        source="892 of 1,024 Gb/s under a mix of unicasts and broadcasts (Park et al., DAC 2012)",
        doc="share of the peak that contention in the routers leaves",
    )  # fmt: skip
    router_cycles: Quantity = parameter(
        1, "1", low=1, high=4, better="less", status="measured", symbol=r"n_r",
        source="router and link together take one cycle (Park et al., DAC 2012); high: a router of four stages",
        doc="cycles of one router",
    )  # fmt: skip
    wire_cycles: Quantity = parameter(
        0, "1", low=0, high=1, nonnegative=True, better="less", status="measured", symbol=r"n_w",
        source="in the router's cycle (Park et al., DAC 2012); high: one for the wires",
        doc="cycles of the wires to the next router",
    )  # fmt: skip
    wire_length: Quantity = parameter(
        "1 mm", "m", low="0.5 mm", high="5 mm", better="less", status="assumed", symbol=r"\ell",
        source="assumed: the side of one tile",
        doc="length of the wires to the next router",
    )  # fmt: skip
    router_energy: Quantity = parameter(
        "0.183 pJ/bit", "J/B", low="0.092 pJ/bit", high="0.366 pJ/bit", better="less", status="assumed", symbol=r"e_r",
        source="solved: 531.4 mW at 892 Gb/s are 0.596 pJ/bit delivered (Park et al., DAC 2012), over the 8/3 hops of "
        "a mean path 0.223, less 1 mm of wire; that the broadcasts' paths are as long is assumed; range: half to twice",
        doc="energy to move one byte through one router",
    )  # fmt: skip
    wire_energy: Quantity = parameter(
        "0.0404 pJ/bit/mm", "J/B/m", low="0.0404 pJ/bit/mm", high="0.1 pJ/bit/mm", better="less", status="measured",
        symbol=r"e_w",
        source="low-swing wires in 45 nm SOI (DATE 2013); high: assumed for full-swing wires, no figure of a 5 nm "
        "class process was found",
        doc="energy to move one byte over one metre of wire",
    )  # fmt: skip
    cost: Quantity = parameter(
        None, "USD", better="less", status="assumed", symbol=r"\kappa",
        source="absent: it is part of the die",
        doc="price per endpoint",
    )  # fmt: skip

    @quantity("B/s")
    def bandwidth(self) -> Quantity:
        """Rate of one node's ports per direction."""
        return self.links * self.width * self.clock

    @quantity("1")
    def packet_efficiency(self) -> Quantity:
        """Share of a packet that is payload."""
        return self.payload / (self.payload + self.header)

    @quantity("1")
    def efficiency(self) -> Quantity:
        """Share of the peak that headers and contention leave."""
        return self.packet_efficiency * self.protocol_efficiency

    @quantity("s")
    def latency(self) -> Quantity:
        """Latency of one hop: a router and the wires to the next."""
        return (self.router_cycles + self.wire_cycles) / self.clock

    @quantity("J/B")
    def energy(self) -> Quantity:
        """Energy to move one byte over one hop."""
        return self.router_energy + self.wire_length * self.wire_energy

    @quantity("m")
    def reach(self) -> Quantity:
        """Distance of one hop."""
        return self.wire_length


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [NetworkOnChip]
