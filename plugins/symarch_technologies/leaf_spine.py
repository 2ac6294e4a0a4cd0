"""Leaf and spine: d hosts on each leaf switch, d / o links from it up, one to each spine switch.

    N = L d     diameter = 4     average hops = [2 (d-1) + 4 (N-d)] / (N-1)
    bisection = N / (2 o)     links = N + N / o
    L leaves of d + d/o ports, d / o spines of L ports

What leaves a leaf has 1 / o of its hosts' bandwidth: all to all max(1, o (N-d) / (N-1)), partners on other leaves
max(1, o). Patterns that send one or two messages out of a leaf find a link for each.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Max, Pattern, Quantity, Traffic, hookimpl, parameter, technology
from symarch_technologies._levels import Levels, partners


@technology
class LeafSpine(Levels):
    """Two levels of switches, the upper one possibly with less bandwidth."""

    name: ClassVar[str] = "leaf-spine"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Routing spreads messages evenly over the links of a leaf to the spines.",
        "All links carry as much as a host's; a host has one port.",
        "Nodes that take part in a collective fill leaves one after the other.",
        "The switches neither reduce nor multicast unless in_network says so.",
    )

    hosts: Quantity = parameter(
        32, "1", low=1, high=128, integer=True, structural=True, symbol="d",
        source="assumed: half the ports of a 64-port switch such as Quantum-2 (NVIDIA)",
        doc="hosts of a leaf switch",
    )  # fmt: skip
    oversubscription: Quantity = parameter(
        1, "1", low=1, high=4, ideal=1, better="less", symbol="o",
        source="assumed: none, as in networks built for training; data centres for other work have 2 to 4",
        doc="bandwidth of a leaf's hosts over that of its links to the spines",
    )  # fmt: skip

    @property
    def d(self) -> int:
        """Hosts of a leaf."""
        return int(self.hosts)

    def allowed(self, nodes: int) -> tuple[int, ...]:
        """Return the counts around one that fill all leaves."""
        below = nodes - nodes % self.d
        return tuple(n for n in (below, below + self.d) if n) if nodes % self.d else (nodes,)

    def diameter(self, nodes: int) -> Quantity:
        """Return 4, or 2 under one leaf."""
        return 2 if isinstance(nodes, int) and nodes <= self.d else 4

    def average_hops(self, nodes: int) -> Quantity:
        """Return the mean over hosts of the same leaf and of others."""
        near = partners(nodes, self.d)
        return (2 * near + 4 * (nodes - 1 - near)) / (nodes - 1)

    def bisection(self, nodes: int) -> Quantity:
        """Return the links of half the leaves."""
        return nodes / (2 * self.oversubscription)

    def links(self, nodes: int) -> Quantity:
        """Return one for each host and those of the leaves to the spines."""
        return nodes + nodes / self.oversubscription

    def ports(self, nodes: int) -> Quantity:
        """Return the ports of a leaf or of a spine, whichever has more."""
        return Max(self.d + self.d / self.oversubscription, nodes / self.d)

    def switches(self, nodes: int) -> Quantity:
        """Return the leaves and the spines."""
        return nodes / self.d + self.d / self.oversubscription

    def group(self, nodes: int) -> int:
        """Return the hosts of a leaf."""
        return self.d if nodes > self.d and nodes % self.d == 0 else 1

    def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
        """Return hops and load; exchanges only where all partners or none are on other leaves."""
        d, o = self.d, self.oversubscription
        name, distance = pattern.name, pattern.distance
        if name == "axes" or (name == "across" and self.group(nodes) == 1):
            return None
        if nodes <= d or (name in ("exchange", "branch") and d % (2 * distance) == 0):
            return Traffic(2, 1)
        if name == "all":
            return Traffic(4, Max(1, o * ((nodes - d) / (nodes - 1))), self.average_hops(nodes))
        if name == "tree":
            # at most 14 edges of both trees lead out of a run of d numbers, each with a quarter of a node's bytes
            return Traffic(4, Max(1, o * (14 / 4 / d)))
        if name in ("across", "permutation") or (name == "exchange" and distance % d == 0):
            return Traffic(4, Max(1, o))
        return None if name == "exchange" else Traffic(4, 1)

    def reduction(self, nodes: int) -> Traffic | None:
        """Return one way up the tree and down; above a leaf one link for all its hosts carries the sum."""
        if self.in_network == "none":
            return None
        return Traffic(self.diameter(nodes), 1, 2 * (1 + (nodes > self.d) / self.d))


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [LeafSpine]
