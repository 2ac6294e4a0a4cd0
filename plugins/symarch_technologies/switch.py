"""One non-blocking switch: every node has one port, any two nodes are two links apart.

    diameter = average hops = 2        bisection = N / 2        links = N        ports of the switch = N

Every pattern of messages has load 1: a non-blocking switch passes all of them at the rate of the ports.

A switch that computes does an all-reduce itself, each node's bytes in one direction for a vector of m bytes being

    reduce    m                  it adds what all nodes send and returns the sum, as SHARP does in InfiniBand switches
    shards    (1 + 1/N) m        each node has its share of the vector added up in the switch and the sum multicast to
                                 all, as NVLink SHARP does: m/N to be multicast comes on top of the m to be added up
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Pattern, Quantity, Traffic, hookimpl, option, technology
from symarch_technologies._star import Star


@technology
class Switch(Star):
    """A star: N nodes around one switch that never blocks."""

    name: ClassVar[str] = "switch"
    algorithms: ClassVar[tuple[str, ...]] = (
        "one_shot",
        "two_shot",
        "in_network",
        "direct",
        "ring",
        "recursive_doubling",
        "recursive_halving",
        "halving_doubling",
        "bruck",
        "multicast",
        "binomial_tree",
        "scatter_gather",
        "chain",
        "point_to_point",
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "The switch has a port for every node and passes any permutation at full rate.",
        "Each node sends and receives at the full rate of its port at once.",
        "A node that addresses several peers shares its port among them without loss.",
        "The switch neither reduces nor multicasts unless in_network says so.",
    )

    in_network: str = option(
        "none", choices=("none", "reduce", "shards"),
        doc="what the switch does of an all-reduce: nothing; all of it (SHARP); the sums of shares (NVLink SHARP)",
    )  # fmt: skip

    def bisection(self, nodes: int) -> Quantity:
        """Return half the nodes' links: a non-blocking switch is cut at its ports."""
        return nodes / 2

    def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
        """Return two hops and load 1; there are neither axes nor groups."""
        return None if pattern.name in ("axes", "across") else Traffic(2, 1)

    def reduction(self, nodes: int) -> Traffic | None:
        """Return the traffic of the module's table: up and down, for shards once to add up and once to multicast."""
        if self.in_network == "none":
            return None
        return Traffic(2, 1) if self.in_network == "reduce" else Traffic(4, 1 + 1 / nodes, 2 * (1 + 1 / nodes))


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [Switch]
