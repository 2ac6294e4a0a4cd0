"""Fully connected: every node has a link of its own to every other one, as the eight GPUs of an MI300X board have.

    diameter = average hops = 1     bisection = floor(N/2) ceil(N/2)     links = N (N-1) / 2     radix = N-1

All to all uses every link: load 1. A single pair has one of N-1 links: load N-1; to two neighbours at once (N-1)/2.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Pattern, Quantity, Topology, Traffic, floor, hookimpl, technology


@technology
class FullyConnected(Topology):
    """A link between any two nodes."""

    name: ClassVar[str] = "fully-connected"
    algorithms: ClassVar[tuple[str, ...]] = (
        "one_shot",
        "two_shot",
        "direct",
        "bidirectional_ring",
        "recursive_doubling",
        "halving_doubling",
        "bruck",
        "binomial_tree",
        "scatter_gather",
        "chain",
        "point_to_point",
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "A node's links have equal parts of its bandwidth; messages take the direct link, never a way through others.",
        "Some nodes of a larger network use the links among them; those to the others stand still.",
    )

    def diameter(self, nodes: int) -> Quantity:
        """Return 1."""
        return 1

    def average_hops(self, nodes: int) -> Quantity:
        """Return 1."""
        return 1

    def bisection(self, nodes: int) -> Quantity:
        """Return a link from each node of one half to each of the other."""
        return floor(nodes * nodes / 4)

    def links(self, nodes: int) -> Quantity:
        """Return one for each pair."""
        return nodes * (nodes - 1) / 2

    def radix(self, nodes: int) -> Quantity:
        """Return one to each other node of the whole network."""
        return self.whole(nodes) - 1

    def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
        """Return one hop, and the links of a node over those that it uses."""
        links = self.radix(nodes)
        if pattern.name in ("tree", "axes", "across"):
            return None
        used = nodes - 1 if pattern.name == "all" else min(nodes - 1, 2) if pattern.name == "neighbours" else 1
        return Traffic(1, links / used)


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [FullyConnected]
