"""What topologies around one centre share, a switch or a host: any two nodes are two links apart."""

from __future__ import annotations

from symarch import Quantity, Topology, technology


@technology
class Star(Topology):
    """N nodes around one centre. A member says what the centre passes."""

    def diameter(self, nodes: int) -> Quantity:
        """Return 2: up to the centre and down."""
        return 2

    def average_hops(self, nodes: int) -> Quantity:
        """Return 2: all pairs of nodes are equally far apart."""
        return 2

    def links(self, nodes: int) -> Quantity:
        """Return one link for each node."""
        return nodes

    def radix(self, nodes: int) -> Quantity:
        """Return 1: each node has one port."""
        return 1

    def ports(self, nodes: int) -> Quantity:
        """Return a port for each node."""
        return nodes

    def switches(self, nodes: int) -> Quantity:
        """Return 1: the centre."""
        return 1
