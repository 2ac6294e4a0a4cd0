"""What the tests of topologies share: messages routed over a real graph, and what they put on its links."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import attrs
import networkx  # type: ignore[import-untyped]  # the extra types-networkx is not worth these searches
import pytest

Message = tuple[Any, Any, float]
"""From, to, bytes."""
Routes = Callable[[Any, Any], list[list[Any]]]


@attrs.frozen
class Measured:
    """What messages put on the links: hops of the longest, busiest directed link in bytes, links times bytes."""

    hops: int
    busiest: float
    carried: float


@attrs.frozen
class Wires:
    """A graph whose nodes are endpoints and switches.

    Attributes:
        graph: the links.
        nodes: the endpoints in the order of their numbers.
        routes: the paths between two endpoints, each of which takes an equal part; default: all shortest ones.
    """

    graph: Any
    nodes: list[Any]
    routes: Routes | None = None

    def paths(self, start: Any, end: Any) -> list[list[Any]]:
        if self.routes is not None:
            return self.routes(start, end)
        return list(networkx.all_shortest_paths(self.graph, start, end))

    def measure(self, messages: Iterable[Message]) -> Measured:
        links: dict[tuple[Any, Any], float] = defaultdict(float)
        hops, carried = 0, 0.0
        for start, end, size in messages:
            ways = self.paths(start, end)
            for way in ways:
                hops = max(hops, len(way) - 1)
                carried += size / len(ways) * (len(way) - 1)
                for a, b in itertools.pairwise(way):
                    assert self.graph.has_edge(a, b)
                    links[a, b] += size / len(ways)
        return Measured(hops, max(links.values()), carried)

    def distances(self) -> list[int]:
        """Return the links between all ordered pairs of distinct endpoints."""
        found = dict(networkx.all_pairs_shortest_path_length(self.graph))
        return [found[a][b] for a, b in itertools.permutations(self.nodes, 2)]

    def smallest_cut(self) -> int:
        """Return the fewest links between two halves of the endpoints, by trying all; the graph has no switches."""
        half, best = len(self.nodes) // 2, len(self.graph.edges)
        for chosen in itertools.combinations(self.nodes, half):
            inside = set(chosen)
            best = min(best, sum((a in inside) != (b in inside) for a, b in self.graph.edges))
        return best

    # --- the patterns, each endpoint sending one byte in all (a branch: each sender)

    def everyone(self) -> list[Message]:
        share = 1 / (len(self.nodes) - 1)
        return [(a, b, share) for a, b in itertools.permutations(self.nodes, 2)]

    def exchange(self, distance: int) -> list[Message]:
        return [(a, self.nodes[i ^ distance], 1.0) for i, a in enumerate(self.nodes)]

    def branch(self, distance: int) -> list[Message]:
        count = len(self.nodes)
        starts = [i for i in range(0, count, 2 * distance) if i + distance < count]
        return [(self.nodes[i], self.nodes[i + distance], 1.0) for i in starts]

    def around(self, order: list[Any], both: bool = False) -> list[Message]:
        after = list(zip(order, order[1:] + order[:1], strict=True))
        if not both:
            return [(a, b, 1.0) for a, b in after]
        return [m for a, b in after for m in ((a, b, 0.5), (b, a, 0.5))]

    def across(self, group: int) -> list[Message]:
        others = len(self.nodes) // group - 1
        return [
            (self.nodes[i], self.nodes[j], 1 / others)
            for i, j in itertools.permutations(range(len(self.nodes)), 2)
            if (i - j) % group == 0
        ]

    def trees(self) -> list[Message]:
        """Return the edges of two binary trees in node order, the second shifted by one, both ways."""
        count, found = len(self.nodes), []
        for shift, node in itertools.product((0, 1), range(1, count)):
            low = node & -node
            above = (node ^ low) | (low << 1)
            parent = above if above < count else node ^ low
            a, b = self.nodes[(node + shift) % count], self.nodes[(parent + shift) % count]
            found += [(a, b, 0.25), (b, a, 0.25)]
        return found


@pytest.fixture
def wires() -> type[Wires]:
    return Wires
