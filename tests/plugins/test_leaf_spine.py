"""Leaf and spine: figures and loads against real graphs, with and without oversubscription."""

from __future__ import annotations

from typing import Any

import networkx  # type: ignore[import-untyped]  # the extra types-networkx is not worth one search
import pytest

from symarch import Pattern, SymarchError, Traffic
from symarch_technologies.leaf_spine import LeafSpine

SHAPES = [(2, 2, 2), (4, 4, 4), (4, 2, 3), (4, 1, 4), (6, 3, 5), (8, 2, 8), (4, 4, 2)]
"""Hosts of a leaf, links of a leaf to spines, leaves."""

every_shape = pytest.mark.parametrize(("d", "u", "leaves"), SHAPES)


def leaf_spine(wires: Any, d: int, u: int, leaves: int) -> Any:
    graph = networkx.Graph()
    for leaf in range(leaves):
        graph.add_edges_from((("leaf", leaf), leaf * d + i) for i in range(d))
        graph.add_edges_from((("leaf", leaf), ("spine", i)) for i in range(u))
    return wires(graph, list(range(d * leaves)))


@every_shape
def test_figures_are_those_of_the_graph(wires: Any, d: int, u: int, leaves: int) -> None:
    real, here, count = leaf_spine(wires, d, u, leaves), LeafSpine(hosts=d, oversubscription=d / u), d * leaves
    distances, degrees = real.distances(), dict(real.graph.degree)
    assert here.diameter(count) == max(distances)
    assert here.average_hops(count) == pytest.approx(sum(distances) / len(distances), rel=1e-12)
    assert here.links(count) == pytest.approx(real.graph.number_of_edges())
    assert here.switches(count) == pytest.approx(len(degrees) - count)
    assert here.ports(count) == pytest.approx(max(degrees.values()))
    assert here.radix(count) == 1
    if leaves % 2 == 0:  # half of the leaves on either side: their links to the spines
        assert here.bisection(count) == pytest.approx(u * leaves / 2)


@every_shape
def test_loads_are_those_of_the_links_to_the_spines(wires: Any, d: int, u: int, leaves: int) -> None:
    real, here, count = leaf_spine(wires, d, u, leaves), LeafSpine(hosts=d, oversubscription=d / u), d * leaves
    exact = [(Pattern("all"), real.everyone()), (Pattern("across"), real.across(d))]
    if count & (count - 1) == 0:
        exact += [(Pattern("exchange", 1 << i), real.exchange(1 << i)) for i in range(count.bit_length() - 1)]
    for pattern, messages in exact:
        measured, found = real.measure(messages), here.traffic(pattern, count)
        assert found is not None
        assert found.hops == measured.hops
        assert found.load == pytest.approx(measured.busiest, rel=1e-12)
        assert found.crossed == pytest.approx(measured.carried / count, rel=1e-12)


@every_shape
def test_few_messages_out_of_a_leaf_find_a_link(wires: Any, d: int, u: int, leaves: int) -> None:
    real, here, count = leaf_spine(wires, d, u, leaves), LeafSpine(hosts=d, oversubscription=d / u), d * leaves
    cases = [(Pattern("neighbour"), real.around(real.nodes)), (Pattern("neighbours"), real.around(real.nodes, True))]
    cases += [(Pattern("branch", 1 << i), real.branch(1 << i)) for i in range((count - 1).bit_length())]
    cases += [(Pattern("tree"), real.trees())]
    for pattern, messages in cases:
        measured, found = real.measure(messages), here.traffic(pattern, count)
        assert found is not None
        assert found.hops >= measured.hops
        assert found.load >= measured.busiest - 1e-12
        assert pattern.name == "tree" or found.load == 1


def test_partners_of_which_some_are_on_the_same_leaf_have_no_closed_form() -> None:
    assert LeafSpine(hosts=6).traffic(Pattern("exchange", 4), 24) is None


def test_a_permutation_may_send_everything_through_the_spines() -> None:
    # all hosts of a leaf to another one, over a third of their bandwidth
    assert LeafSpine(hosts=6, oversubscription=3).traffic(Pattern("permutation"), 24) == Traffic(4, 3)


def test_some_nodes_fill_leaves_one_after_the_other(wires: Any) -> None:
    real, part = leaf_spine(wires, 8, 2, 4), LeafSpine(hosts=8, oversubscription=4, endpoints=32)
    for count in (2, 4, 8, 12, 16, 24):
        few = wires(real.graph, real.nodes[:count])
        measured, found = few.measure(few.everyone()), part.traffic(Pattern("all"), count)
        assert found is not None
        assert (found.hops, found.load) == (measured.hops, pytest.approx(measured.busiest))
        assert found.crossed == pytest.approx(measured.carried / count, rel=1e-12)
    assert [part.group(n) for n in (8, 16, 12)] == [1, 8, 1]


def test_in_network_reduction_crosses_one_link_up_for_each_leaf() -> None:
    assert LeafSpine().reduction(64) is None
    here = LeafSpine(hosts=8, oversubscription=4, in_network="reduce")
    assert here.reduction(8) == Traffic(2, 1, 2)
    assert here.reduction(32) == Traffic(4, 1, 2 * (32 + 4) / 32)


def test_counts_that_fit() -> None:
    LeafSpine(hosts=8).check(24)
    with pytest.raises(SymarchError, match="a leaf-spine cannot have 20 nodes; the nearest that can be: 16 and 24"):
        LeafSpine(hosts=8).check(20)
    with pytest.raises(SymarchError, match=r"a leaf-spine cannot have 5 nodes; the nearest that can be: 8$"):
        LeafSpine(hosts=8).check(5)
