"""Fat trees: figures, cuts and loads against real graphs of k-port switches."""

from __future__ import annotations

import itertools
import random
from typing import Any

import networkx  # type: ignore[import-untyped]  # the extra types-networkx is not worth these searches
import pytest

from symarch import Pattern, SymarchError, Traffic
from symarch_technologies.fat_tree import FatTree


def fat_tree(wires: Any, k: int) -> Any:
    half, graph = k // 2, networkx.Graph()
    hosts = [("host", i) for i in range(k**3 // 4)]
    for pod, switch, other in itertools.product(range(k), range(half), range(half)):
        graph.add_edge(("edge", pod, switch), ("middle", pod, other))
        graph.add_edge(("middle", pod, switch), ("top", switch, other))
        graph.add_edge(("edge", pod, switch), hosts[(pod * half + switch) * half + other])
    return wires(graph, hosts)


@pytest.mark.parametrize("k", [2, 4, 6, 8])
def test_figures_are_those_of_the_graph(wires: Any, k: int) -> None:
    real = fat_tree(wires, k)
    count, here, distances = len(real.nodes), FatTree(), real.distances()
    assert count == k**3 // 4
    assert here.diameter(count) == max(distances)
    assert here.average_hops(count) == pytest.approx(sum(distances) / len(distances), rel=1e-12)
    assert here.links(count) == real.graph.number_of_edges()
    degrees = dict(real.graph.degree)
    assert here.switches(count) == len(degrees) - count
    assert here.ports(count) == k == max(degrees.values())
    assert here.radix(count) == degrees["host", 0]


def cut(real: Any, left: list[Any]) -> int:
    """Return the links that must be cut to part some endpoints from the rest."""
    graph = networkx.DiGraph()
    for a, b in real.graph.edges:
        graph.add_edge(a, b, capacity=1)
        graph.add_edge(b, a, capacity=1)
    for node in real.nodes:
        graph.add_edge(*(("source", node) if node in left else (node, "sink")))
    return int(networkx.maximum_flow_value(graph, "source", "sink"))


def test_no_division_into_halves_has_fewer_links_than_the_bisection(wires: Any) -> None:
    real, draw = fat_tree(wires, 4), random.Random(4)
    assert cut(real, real.nodes[:8]) == FatTree().bisection(16) == 8
    assert all(cut(real, draw.sample(real.nodes, 8)) >= 8 for _ in range(10))


@pytest.mark.parametrize("k", [4, 8])
def test_patterns_have_load_1_and_the_hops_of_their_level(wires: Any, k: int) -> None:
    real = fat_tree(wires, k)
    count, here = len(real.nodes), FatTree()
    cases = [(Pattern("exchange", 1 << i), real.exchange(1 << i)) for i in range(count.bit_length() - 1)]
    cases += [(Pattern("branch", 1 << i), real.branch(1 << i)) for i in range(count.bit_length() - 1)]
    cases += [(Pattern("neighbour"), real.around(real.nodes)), (Pattern("neighbours"), real.around(real.nodes, True))]
    cases += [(Pattern("across"), real.across(k // 2))]
    if k == 4:
        cases += [(Pattern("all"), real.everyone())]
    for pattern, messages in cases:
        measured, found = real.measure(messages), here.traffic(pattern, count)
        assert found is not None
        assert found.hops == measured.hops
        assert found.load == 1
        assert measured.busiest <= 1 + 1e-12
    assert here.traffic(Pattern("all"), count) == Traffic(6, 1, here.average_hops(count))


def test_neighbouring_nodes_stay_in_their_pod(wires: Any) -> None:
    real, part = fat_tree(wires, 8), FatTree(endpoints=128)
    for count in (2, 4, 8, 16, 32, 64):
        few = wires(real.graph, real.nodes[:count])
        distances = few.distances()
        assert part.diameter(count) == max(distances)
        assert part.average_hops(count) == pytest.approx(sum(distances) / len(distances), rel=1e-12)
    assert [part.group(n) for n in (4, 8, 6, 64)] == [1, 4, 1, 4]


def test_in_network_reduction_is_off_unless_asked_for() -> None:
    assert FatTree().reduction(16) is None
    # every link of the tree that sums travel on is crossed once up and once down: 16 of hosts, 8 of edge switches, 4 of
    # pods, for 16 nodes
    found = FatTree(in_network="reduce").reduction(16)
    assert found is not None
    assert (found.hops, found.load) == (6, 1)
    assert found.crossed == pytest.approx(2 * (16 + 8 + 4) / 16)


def test_counts_that_fit() -> None:
    for k in (2, 4, 6, 64):
        FatTree().check(k**3 // 4)
        FatTree(switch_ports=k).check(k**3 // 4)
    with pytest.raises(SymarchError, match="a fat-tree cannot have 100 nodes; the nearest that can be: 54 and 128"):
        FatTree().check(100)
    with pytest.raises(SymarchError, match="cannot have 1024 nodes; the nearest that can be: 65536"):
        FatTree(switch_ports=64).check(1024)
    with pytest.raises(SymarchError, match="switch_ports is 5; half of them lead down: it must be even"):
        FatTree(switch_ports=5).check(16)
