"""A hypercube: 2^D nodes, each with a link to every node whose number differs in one binary digit.

    diameter = D     average hops = D N / (2 (N-1))     bisection = N/2     links = D N / 2     radix = D = log2 N

It is a mesh of D axes of two nodes. Partners at distance 2^j have a link of their own, one of D: an exchange has load
D, all to all D N / (2 (N-1)).
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, SymarchError, hookimpl, log2, technology
from symarch_technologies._grid import Axis, Grid


@technology
class Hypercube(Grid):
    """Nodes at the corners of a cube of D dimensions."""

    name: ClassVar[str] = "hypercube"
    algorithms: ClassVar[tuple[str, ...]] = (
        "torus",
        "halving_doubling",
        "recursive_doubling",
        "recursive_halving",
        "one_shot",
        "two_shot",
        "direct",
        "bidirectional_ring",
        "bruck",
        "binomial_tree",
        "scatter_gather",
        "chain",
        "point_to_point",
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "A node's links have equal parts of its bandwidth and work at once in both directions.",
        "Messages travel along one axis after the other and pass nodes without software.",
    )

    def layout(self, nodes: Quantity) -> tuple[Axis, ...]:
        """Return log2 N axes of two nodes. Raises SymarchError if there is no such number."""
        if nodes & (nodes - 1):
            raise SymarchError(f"a hypercube has 2, 4, 8 ... nodes, not {nodes}")
        dimensions: int = nodes.bit_length() - 1
        return ((2, False),) * dimensions

    def allowed(self, nodes: int) -> tuple[int, ...]:
        """Return the powers of two around a count."""
        below = 1 << max(nodes.bit_length() - 1, 1)
        return (below,) if nodes <= below else (below, 2 * below)

    def diameter(self, nodes: int) -> Quantity:
        """Return D."""
        return log2(nodes)

    def average_hops(self, nodes: int) -> Quantity:
        """Return half of D, over distinct pairs."""
        return log2(nodes) * nodes / (2 * (nodes - 1))

    def bisection(self, nodes: int) -> Quantity:
        """Return a link for each pair of nodes."""
        return nodes / 2

    def links(self, nodes: int) -> Quantity:
        """Return D for each node, each shared by two."""
        return log2(nodes) * nodes / 2

    def radix(self, nodes: int) -> Quantity:
        """Return the D of the whole network."""
        return log2(self.whole(nodes))


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [Hypercube]
