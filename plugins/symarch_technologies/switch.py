"""One non-blocking switch: every node has one port, any two nodes are two links apart.

Collectives over N nodes and a logical tensor of S bytes (all-reduce: the vector on each rank; all-gather and
reduce-scatter: the full buffer; all-to-all: what one rank sends):

    algorithm                bytes per node and direction   steps      hops       further peers
    all-reduce one_shot      (N - 1) S                      1          2          N - 2
    all-reduce two_shot      2 (N - 1) / N S                2          4          2 (N - 2)
    all-reduce ring          2 (N - 1) / N S                2 (N - 1)  4 (N - 1)  0
    gather, scatter direct   (N - 1) / N S                  1          2          N - 2
    gather, scatter ring     (N - 1) / N S                  N - 1      2 (N - 1)  0
    all-to-all direct        (N - 1) / N S                  1          2          N - 2

Ring: Thakur, Rabenseifner and Gropp, IJHPCA 19(1), 2005, doi 10.1177/1094342005051521. One-shot and two-shot: each rank
reads all peers at once, as in vLLM's custom all-reduce (csrc/custom_all_reduce.cuh); two-shot is a direct
reduce-scatter followed by a direct all-gather. Direct all-to-all: every rank posts all its sends at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from symarch import Quantity, Schedule, Topology, hookimpl, technology


@technology
class Switch(Topology):
    """A star: N nodes around one switch that never blocks."""

    name: ClassVar[str] = "switch"
    assumptions: ClassVar[tuple[str, ...]] = (
        "The switch has a port for every node and passes any permutation at full rate.",
        "Each node sends and receives at the full rate of its port at once.",
        "A node that addresses several peers shares its port among them without loss.",
        "The switch neither reduces nor multicasts.",
    )

    def diameter(self, nodes: int) -> Quantity:
        """Return 2: up to the switch and down."""
        return 2

    def average_hops(self, nodes: int) -> Quantity:
        """Return 2: all pairs of nodes are equally far apart."""
        return 2

    def bisection(self, nodes: int) -> Quantity:
        """Return half the nodes' links: a non-blocking switch is cut at its ports."""
        return nodes / 2

    def links(self, nodes: int) -> Quantity:
        """Return one link for each node."""
        return nodes

    def radix(self, nodes: int) -> Quantity:
        """Return 1: each node has one port."""
        return 1

    def schedules(self, operation: str, nodes: int, size: Quantity) -> Mapping[str, Schedule]:
        """Return the algorithms of the module's table for a collective; empty for one it does not know."""
        once = size * (nodes - 1) / nodes  # every rank sends all but its own part
        direct = Schedule(bytes=once, steps=1, hops=2, peers=nodes - 2)
        ring = Schedule(bytes=once, steps=nodes - 1, hops=2 * (nodes - 1), peers=0)
        twice = size * (2 * (nodes - 1)) / nodes
        algorithms = {
            "all_reduce": {
                "one_shot": Schedule(bytes=size * (nodes - 1), steps=1, hops=2, peers=nodes - 2),
                "two_shot": Schedule(bytes=twice, steps=2, hops=4, peers=2 * (nodes - 2)),
                "ring": Schedule(bytes=twice, steps=2 * (nodes - 1), hops=4 * (nodes - 1), peers=0),
            },
            "all_gather": {"direct": direct, "ring": ring},
            "reduce_scatter": {"direct": direct, "ring": ring},
            "all_to_all": {"direct": direct},
        }
        return algorithms.get(operation, {})


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [Switch]
