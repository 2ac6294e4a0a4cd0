"""What topologies of several levels of switches have in common."""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, Topology, option, technology


def partners(nodes: Quantity, block: Quantity) -> Quantity:
    """Return how many others share a block with a node on average, where nodes fill blocks one after the other."""
    if not isinstance(nodes, int):
        return block - 1
    full, rest = divmod(nodes, int(block))
    return (full * block * (block - 1) + rest * (rest - 1)) / nodes


@technology
class Levels(Topology):
    """Levels of switches that know which nodes are near; a node has one port."""

    algorithms: ClassVar[tuple[str, ...]] = (
        "ring",
        "one_shot",
        "two_shot",
        "in_network",
        "direct",
        "hierarchical",
        "double_tree",
        "recursive_doubling",
        "recursive_halving",
        "halving_doubling",
        "pairwise",
        "bruck",
        "multicast",
        "binomial_tree",
        "scatter_gather",
        "chain",
        "point_to_point",
    )

    in_network: str = option(
        "none", choices=("none", "reduce"), doc="whether the switches add up and multicast (SHARP)"
    )

    def radix(self, nodes: int) -> Quantity:
        """Return 1: each node has one port."""
        return 1
