"""A fat tree of three levels of switches with k ports each, half of them down, half up: no link is oversubscribed.

    N = k^3 / 4     diameter = 6     bisection = N/2     links = 3 N     switches = 5 k^2 / 4     ports = k
    average hops = [2 (k/2-1) + 4 (k/2) (k/2-1) + 6 (N - k^2/4)] / (N-1)

Al-Fares, Loukissas and Vahdat, SIGCOMM 2008. With full bisection every permutation can be routed without conflict, so
every pattern has load 1; what is closer crosses fewer links: two under one switch, four in one pod.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Pattern, Quantity, SymarchError, Traffic, hookimpl, parameter, technology
from symarch_technologies._levels import Levels, partners


@technology
class FatTree(Levels):
    """Three levels of equal switches with full bisection.

    Formulas in the number of nodes are those of switches of (4 N)^(1/3) ports.
    """

    name: ClassVar[str] = "fat-tree"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Routing spreads messages so well that none meet on a link (static routing by hash loses some of that).",
        "All links carry as much as a node's; a node has one port.",
        "Nodes that take part in a collective fill switches one after the other, pods likewise.",
        "The switches neither reduce nor multicast unless in_network says so.",
    )

    switch_ports: Quantity = parameter(
        None, "1", low=2, high=144, integer=True, structural=True, symbol="k",
        source="absent: those that the node count needs; Quantum-2 has 64, Quantum-X800 144 (NVIDIA)",
        doc="ports of a switch; absent: from the node count",
    )  # fmt: skip

    def k(self, nodes: Quantity) -> Quantity:
        """Return the ports of a switch."""
        if self.switch_ports is not None:
            return int(self.switch_ports)
        nodes = self.whole(nodes)
        return max(2, round((4 * nodes) ** (1 / 3))) if isinstance(nodes, int) else (4 * nodes) ** (1 / 3)

    def allowed(self, nodes: int) -> tuple[int, ...]:
        """Return the nearest k^3 / 4."""
        if self.switch_ports is not None:
            if self.switch_ports % 2:
                raise SymarchError(f"switch_ports is {self.switch_ports:g}; half of them lead down: it must be even")
            return (int(self.switch_ports) ** 3 // 4,)
        below = 2
        while (below + 2) ** 3 // 4 <= nodes:
            below += 2
        found = (below**3 // 4, (below + 2) ** 3 // 4)
        return found[:1] if nodes <= found[0] else found

    def levels(self, nodes: int) -> tuple[int, int]:
        """Return the nodes under one switch and in one pod."""
        half = self.k(nodes) // 2
        return half, half * half

    def hops(self, nodes: int) -> int:
        """Return the links between the two farthest of some nodes next to each other."""
        leaf, pod = self.levels(nodes)
        return 2 if nodes <= leaf else 4 if nodes <= pod else 6

    def diameter(self, nodes: int) -> Quantity:
        """Return 6: up three levels and down."""
        return self.hops(nodes) if isinstance(nodes, int) else 6

    def average_hops(self, nodes: int) -> Quantity:
        """Return the mean over nodes under the same switch, in the same pod, and elsewhere."""
        half = self.k(nodes) / 2
        leaf, pod = partners(nodes, half), partners(nodes, half * half)
        return (2 * leaf + 4 * (pod - leaf) + 6 * (nodes - 1 - pod)) / (nodes - 1)

    def bisection(self, nodes: int) -> Quantity:
        """Return a link for each pair of nodes."""
        return nodes / 2

    def links(self, nodes: int) -> Quantity:
        """Return N on each of three levels."""
        return 3 * nodes

    def ports(self, nodes: int) -> Quantity:
        """Return k."""
        return self.k(nodes)

    def switches(self, nodes: int) -> Quantity:
        """Return k^2 / 2 at the bottom and in the middle each, k^2 / 4 at the top."""
        return 5 * self.k(nodes) ** 2 / 4

    def group(self, nodes: int) -> int:
        """Return the nodes under one switch."""
        leaf = self.levels(nodes)[0]
        return leaf if nodes > leaf and nodes % leaf == 0 else 1

    def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
        """Return load 1, and the hops of the level at which the messages turn."""
        if pattern.name == "axes" or (pattern.name == "across" and self.group(nodes) == 1):
            return None
        if pattern.name == "all":
            return Traffic(self.hops(nodes), 1, self.average_hops(nodes))
        if pattern.name in ("exchange", "branch"):
            # partners are under one switch, or in one pod, if so many nodes consist of pairs of such runs
            level = next((i for i, n in enumerate(self.levels(nodes)) if n % (2 * pattern.distance) == 0), 2)
            return Traffic(min(2 + 2 * level, self.hops(nodes)), 1)
        return Traffic(self.hops(nodes), 1)

    def reduction(self, nodes: int) -> Traffic | None:
        """Return one way up the tree and down; above a switch one link for all nodes under it carries the sum."""
        if self.in_network == "none":
            return None
        leaf, pod = self.levels(nodes)
        above = (nodes > leaf) / leaf + (nodes > pod) / pod
        return Traffic(self.hops(nodes), 1, 2 * (1 + above))


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [FatTree]
