"""Dragonflies: figures and loads against real graphs, routed by one link between groups."""

from __future__ import annotations

import itertools
from typing import Any

import networkx  # type: ignore[import-untyped]  # the extra types-networkx is not worth one search
import pytest

from symarch import Pattern, SymarchError
from symarch_technologies.dragonfly import Dragonfly

SHAPES = [(1, 2, 1), (2, 4, 2), (1, 3, 2), (2, 1, 3), (3, 2, 1), (1, 4, 1), (2, 4, 1)]
"""Hosts of a router, routers of a group, links of a router to other groups."""

every_shape = pytest.mark.parametrize(("p", "a", "h"), SHAPES)


def dragonfly(wires: Any, p: int, a: int, h: int) -> tuple[Dragonfly, Any]:
    """Return the topology and its graph: link q of group i leads to group i + q + 1, from router q // h."""
    g, graph = a * h + 1, networkx.Graph()
    hosts = list(range(a * p * g))
    for host in hosts:
        graph.add_edge(host, ("router", host // (a * p), host // p % a))
    for i in range(g):
        graph.add_edges_from((("router", i, x), ("router", i, y)) for x, y in itertools.combinations(range(a), 2))
        graph.add_edges_from(
            (("router", i, q // h), ("router", (i + q + 1) % g, (g - 2 - q) // h)) for q in range(g - 1)
        )

    def routes(start: int, end: int) -> list[list[Any]]:
        first, last = (("router", n // (a * p), n // p % a) for n in (start, end))
        i, j = first[1], last[1]
        way: list[Any] = [first]
        if i != j:
            q = (j - i - 1) % g
            way += [("router", i, q // h), ("router", j, (g - 2 - q) // h)]
        way += [last]
        return [[start, *(r for r, _ in itertools.groupby(way)), end]]

    topology = Dragonfly(hosts=p, routers=a, global_links=h)
    topology.check(len(hosts))
    return topology, wires(graph, hosts, routes)


@every_shape
def test_figures_are_those_of_the_graph(wires: Any, p: int, a: int, h: int) -> None:
    here, real = dragonfly(wires, p, a, h)
    count, degrees = len(real.nodes), dict(real.graph.degree)
    assert count == a * p * (a * h + 1)
    assert here.diameter(count) == max(real.distances())
    # the mean is that of the routing; a short cut through a third group is not taken
    measured = real.measure(real.everyone())
    assert here.average_hops(count) == pytest.approx(measured.carried / count, rel=1e-12)
    assert here.average_hops(count) >= sum(real.distances()) / count / (count - 1) - 1e-12
    assert here.links(count) == real.graph.number_of_edges()
    assert here.switches(count) == len(degrees) - count
    assert here.ports(count) == p + a + h - 1 == max(degrees.values())
    assert here.radix(count) == 1
    g = here.groups(count)
    left = [
        (x, y)
        for x, y in real.graph.edges
        if not isinstance(x, int) and not isinstance(y, int) and (x[1] < g // 2) != (y[1] < g // 2)
    ]
    assert here.bisection(count) == len(left)


@pytest.mark.parametrize(("p", "a", "h", "mean"), [(2, 4, 2, 2.371), (3, 6, 3, 2.593)])
def test_mean_distance_of_routers(p: int, a: int, h: int, mean: float) -> None:
    # [(a-1) + (g-1) a (1 + 2 (a-1)/a)] / (a g - 1), between routers: Kim et al. 2008, minimal routing
    here, g = Dragonfly(hosts=p, routers=a, global_links=h), a * h + 1
    count = a * p * g
    found = (here.average_hops(count) - 2) * (count - 1) / (p * (a * g - 1))
    assert found == pytest.approx(((a - 1) + (g - 1) * a * (1 + 2 * (a - 1) / a)) / (a * g - 1), rel=1e-12)
    assert round(found, 3) == mean


@every_shape
def test_loads_are_those_of_the_busiest_link(wires: Any, p: int, a: int, h: int) -> None:
    here, real = dragonfly(wires, p, a, h)
    count, group = len(real.nodes), a * p
    cases = [(Pattern("all"), real.everyone()), (Pattern("across"), real.across(group))]
    for pattern, messages in cases:
        measured, found = real.measure(messages), here.traffic(pattern, count)
        assert found is not None
        assert found.hops == measured.hops or (pattern.name == "across" and found.hops > measured.hops)
        assert found.load == pytest.approx(measured.busiest, rel=1e-12)
    inwards = [n for i in range(a * h + 1) for r in reversed(range(a)) for n in real.nodes[i * group :][r * p :][:p]]
    for both, name in ((False, "neighbour"), (True, "neighbours")):
        measured, found = real.measure(real.around(inwards, both)), here.traffic(Pattern(name), count)
        assert found is not None
        assert (found.hops, found.load) == (measured.hops, measured.busiest) == (3, 1)
    # the worst permutation: a whole group to another one
    shifted = [(n, real.nodes[(i + group) % count], 1.0) for i, n in enumerate(real.nodes)]
    worst = here.traffic(Pattern("permutation"), count)
    assert worst is not None
    assert worst.load == real.measure(shifted).busiest == max(group, 1)
    for power in range((count - 1).bit_length()):
        measured, found = real.measure(real.branch(1 << power)), here.traffic(Pattern("branch", 1 << power), count)
        assert found is not None
        assert found.hops >= measured.hops
        assert found.load >= measured.busiest


def test_exchanges_meet_on_local_and_global_links(wires: Any) -> None:
    here, real = dragonfly(wires, 2, 4, 2)
    part = Dragonfly(hosts=2, routers=4, global_links=2, endpoints=72)
    for count in (2, 4, 8, 16, 32, 64):
        few = wires(real.graph, real.nodes[:count], real.routes)
        for power in range(count.bit_length() - 1):
            found, measured = (
                part.traffic(Pattern("exchange", 1 << power), count),
                few.measure(few.exchange(1 << power)),
            )
            assert found is not None
            assert (found.hops, found.load) == (measured.hops, measured.busiest)
        found, measured = part.traffic(Pattern("all"), count), few.measure(few.everyone())
        assert found is not None
        assert found.hops == measured.hops
        assert found.load >= measured.busiest - 1e-12  # as if a router's links all led to groups that take part
        assert found.load == pytest.approx(measured.busiest) or count > 8
    assert here.traffic(Pattern("all"), 12) is None  # a group and a half
    assert [part.group(n) for n in (8, 16, 12)] == [1, 8, 1]


def test_counts_that_fit() -> None:
    # balanced, a = 2 p = 2 h: the example of 1056 nodes has p = h = 4, a = 8 (Kim et al. 2008: 1K nodes)
    assert Dragonfly().sizes(1056) == (4, 8, 4)
    for count in (6, 72, 342, 1056):
        Dragonfly().check(count)
    with pytest.raises(SymarchError, match="a dragonfly cannot have 100 nodes; the nearest that can be: 72 and 342"):
        Dragonfly().check(100)
    with pytest.raises(SymarchError, match="a dragonfly cannot have 72 nodes; the nearest that can be: 24"):
        Dragonfly(hosts=2, routers=3, global_links=1).check(72)
    assert Dragonfly(routers=8).sizes(0) == (4, 8, 4)
    assert Dragonfly(hosts=3).sizes(0) == (3, 6, 3)
