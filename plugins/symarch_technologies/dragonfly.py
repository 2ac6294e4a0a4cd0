"""A dragonfly: groups of a routers, all joined to each other; any two groups are joined by one link.

    p hosts and h links to other groups on each router, g = a h + 1 groups, N = a p (a h + 1); balanced: a = 2 p = 2 h
    diameter = 5     links = N + g a (a-1)/2 + g (g-1)/2     switches = a g     ports = p + a + h - 1
    average hops = [2 (p-1) + 3 p (a-1) + (N - a p) (3 + 2 (a-1)/a)] / (N-1)     bisection = g^2/4 links between groups

Kim, Dally, Scott and Abts, ISCA 2008. Routing is minimal: a local link, the one link between the groups, a local link.
All to all sends p^2 (1 + 2 a h) of the N (N-1) messages over a local link and a^2 p^2 over a link between groups. The
worst permutation sends all a p hosts of a group over one link: what adaptive routing relieves is not modelled.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Pattern, Quantity, Topology, Traffic, floor, hookimpl, parameter, sqrt, technology
from symarch_technologies._levels import partners


@technology
class Dragonfly(Topology):
    """Groups of fully joined routers, and a link between any two groups.

    Formulas in the number of nodes are those of a balanced dragonfly: a = 2 p = 2 h.
    """

    name: ClassVar[str] = "dragonfly"
    algorithms: ClassVar[tuple[str, ...]] = (
        "ring",
        "one_shot",
        "two_shot",
        "direct",
        "hierarchical",
        "recursive_doubling",
        "halving_doubling",
        "bruck",
        "binomial_tree",
        "scatter_gather",
        "chain",
        "point_to_point",
    )
    assumptions: ClassVar[tuple[str, ...]] = (
        "Messages take the shortest way with one link between groups, without adaptive detours.",
        "All links carry as much as a host's; a host has one port.",
        "Nodes that take part in a collective fill routers one after the other, groups likewise.",
        "A ring through all nodes enters and leaves a group at the routers with the links to its neighbours.",
    )

    hosts: Quantity = parameter(
        None, "1", low=1, high=32, integer=True, structural=True, symbol="p",
        source="absent: a balanced dragonfly of the node count (Kim et al., ISCA 2008)",
        doc="hosts of a router; absent: half the routers of a group",
    )  # fmt: skip
    routers: Quantity = parameter(
        None, "1", low=1, high=64, integer=True, structural=True, symbol="a",
        source="absent: a balanced dragonfly of the node count (Kim et al., ISCA 2008)",
        doc="routers of a group; absent: twice the hosts of a router",
    )  # fmt: skip
    global_links: Quantity = parameter(
        None, "1", low=1, high=32, integer=True, structural=True, symbol="h",
        source="absent: a balanced dragonfly of the node count (Kim et al., ISCA 2008)",
        doc="links of a router to other groups; absent: half the routers of a group",
    )  # fmt: skip

    def sizes(self, nodes: Quantity) -> tuple[Quantity, Quantity, Quantity]:
        """Return p, a and h: what was given, the rest in balance."""
        p, a, h = (None if v is None else int(v) for v in (self.hosts, self.routers, self.global_links))
        if p is None and a is None and h is None:
            p = _balanced(self.whole(nodes))
        half = next(v for v in (p, h, None if a is None else max(a // 2, 1)) if v is not None)
        return (half if p is None else p), (2 * half if a is None else a), (half if h is None else h)

    def allowed(self, nodes: int) -> tuple[int, ...]:
        """Return the nearest counts of a balanced dragonfly, or the one that was described."""
        if any(v is not None for v in (self.hosts, self.routers, self.global_links)):
            p, a, h = self.sizes(nodes)
            return (a * p * (a * h + 1),)
        below = _balanced(nodes)
        found = tuple(2 * p * p * (2 * p * p + 1) for p in (below, below + 1))
        return found[:1] if nodes <= found[0] else found

    def diameter(self, nodes: int) -> Quantity:
        """Return 5: three links between routers and one to each host; less where fewer nodes are asked about."""
        if not isinstance(nodes, int):
            return 5
        p, a, _ = self.sizes(nodes)
        return 2 if nodes <= p else 3 if nodes <= a * p or a == 1 else 5

    def average_hops(self, nodes: int) -> Quantity:
        """Return the mean over hosts of the same router, the same group, and other groups."""
        p, a, _ = self.sizes(nodes)
        router, group = partners(nodes, p), partners(nodes, a * p)
        far = (nodes - 1 - group) * (3 + 2 * (a - 1) / a)
        return (2 * router + 3 * (group - router) + far) / (nodes - 1)

    def bisection(self, nodes: int) -> Quantity:
        """Return the links between two halves of the groups."""
        g = self.groups(nodes)
        return floor(g * g / 4)

    def groups(self, nodes: int) -> Quantity:
        """Return the groups of the whole network."""
        _, a, h = self.sizes(nodes)
        return a * h + 1

    def links(self, nodes: int) -> Quantity:
        """Return those to hosts, within groups and between groups."""
        _, a, _ = self.sizes(nodes)
        g = self.groups(nodes)
        return nodes + g * a * (a - 1) / 2 + g * (g - 1) / 2

    def radix(self, nodes: int) -> Quantity:
        """Return 1: each host has one port."""
        return 1

    def ports(self, nodes: int) -> Quantity:
        """Return p + a + h - 1."""
        p, a, h = self.sizes(nodes)
        return p + a + h - 1

    def switches(self, nodes: int) -> Quantity:
        """Return the routers of all groups."""
        return self.sizes(nodes)[1] * self.groups(nodes)

    def group(self, nodes: int) -> int:
        """Return the hosts of a group."""
        p, a, _ = self.sizes(nodes)
        return int(a * p) if nodes > a * p and nodes % (a * p) == 0 else 1

    def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
        """Return hops and load; exchanges only between whole routers or groups, nothing on part of a group's hosts."""
        p, a, h = self.sizes(nodes)
        name, distance, group = pattern.name, pattern.distance, a * p
        if name in ("tree", "axes") or (nodes > group and nodes % group):
            return None
        if nodes <= p:
            return None if name == "across" else Traffic(2, 1)
        if name in ("neighbour", "neighbours"):
            return Traffic(3, 1)
        if name == "pair":
            return Traffic(self.diameter(nodes), 1)
        if name == "branch":
            # a local link may carry one message out of the group and one into it
            return Traffic(self.diameter(nodes), 1 if nodes <= group else 2)
        if name == "exchange":
            if p % (2 * distance) == 0:
                return Traffic(2, 1)
            if distance % p == 0 and (nodes <= group or group % (2 * distance) == 0):
                return Traffic(3, p)
            return Traffic(self.diameter(nodes), group) if distance % group == 0 else None
        if name == "permutation":
            return Traffic(self.diameter(nodes), min(p, nodes - p) if nodes <= group else group)
        if nodes <= group:
            filled = min(p * p, p * (nodes - p)) / (nodes - 1)
            return Traffic(3, max(1, filled), self.average_hops(nodes)) if name == "all" else None
        others = nodes // group - 1
        ways = p * p * min(h, others)  # of a router's links to other groups, those that lead to nodes that take part
        local = a > 1
        if name == "all":
            most = max(group * group, local * (p * p + 2 * a * ways)) / (nodes - 1)
            return Traffic(self.diameter(nodes), max(1, most), self.average_hops(nodes))
        if name == "across":
            return Traffic(self.diameter(nodes), max(1, group / others, local * 2 * ways / p / others))
        return None


def _balanced(nodes: Quantity) -> Quantity:
    """Return the hosts of a router of the largest balanced dragonfly of so many nodes: N = 2 p^2 (2 p^2 + 1)."""
    exact = sqrt((sqrt(1 + 4 * nodes) - 1) / 4)
    if not isinstance(nodes, int):
        return exact
    p = max(1, round(exact))
    return p if p == 1 or 2 * p * p * (2 * p * p + 1) <= nodes else p - 1


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [Dragonfly]
