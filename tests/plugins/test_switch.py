"""A star around one switch: figures by search over the graph, collectives against their published closed forms."""

from __future__ import annotations

import itertools
from typing import Any

import networkx  # type: ignore[import-untyped]  # the extra types-networkx is not worth one search
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symarch_technologies.switch import Switch

NODES = st.integers(2, 512)
SIZES = st.floats(1, 1e12)


def star(nodes: int) -> Any:
    return networkx.star_graph(nodes)  # node 0 is the switch


@pytest.mark.parametrize("nodes", [2, 3, 4, 8, 17])
def test_distances_and_counts_are_those_of_the_graph(nodes: int) -> None:
    graph, switch = star(nodes), Switch()
    lengths = dict(networkx.all_pairs_shortest_path_length(graph))
    pairs = [lengths[a][b] for a, b in itertools.permutations(range(1, nodes + 1), 2)]
    assert switch.diameter(nodes) == max(pairs)
    assert switch.average_hops(nodes) == sum(pairs) / len(pairs)
    assert switch.links(nodes) == graph.number_of_edges()
    assert switch.radix(nodes) == graph.degree(1)
    assert switch.bisection(nodes) == nodes / 2


@given(NODES, SIZES)
def test_schedules_are_the_closed_forms(n: int, size: float) -> None:
    found = {o: Switch().schedules(o, n, size) for o in ("all_reduce", "all_gather", "reduce_scatter", "all_to_all")}
    ring = found["all_reduce"]["ring"]  # Thakur, Rabenseifner and Gropp 2005: 2 (N - 1) steps of 1/N each
    assert (ring.steps, ring.hops, ring.peers) == (2 * (n - 1), 4 * (n - 1), 0)
    assert ring.bytes == pytest.approx(2 * (n - 1) * size / n)
    one = found["all_reduce"]["one_shot"]
    assert (one.steps, one.hops, one.peers, one.bytes) == (1, 2, n - 2, pytest.approx((n - 1) * size))
    two = found["all_reduce"]["two_shot"]
    scatter, gather = found["reduce_scatter"]["direct"], found["all_gather"]["direct"]
    for key in ("bytes", "steps", "hops", "peers"):  # a reduce-scatter, then an all-gather
        assert getattr(two, key) == pytest.approx(getattr(scatter, key) + getattr(gather, key))
    assert found["all_to_all"]["direct"].bytes == pytest.approx((n - 1) / n * size)
    assert found["all_gather"]["ring"].steps == n - 1


@given(NODES, SIZES)
def test_no_schedule_sends_less_than_the_lower_bound(n: int, size: float) -> None:
    part = (n - 1) / n * size
    bounds = {"all_reduce": 2 * part, "all_gather": part, "reduce_scatter": part, "all_to_all": part}
    for operation, bound in bounds.items():
        for schedule in Switch().schedules(operation, n, size).values():
            assert schedule.bytes >= bound * (1 - 1e-12) or (operation == "all_reduce" and n == 2)
            assert schedule.hops == 2 * schedule.steps
            assert schedule.peers >= 0


def test_two_nodes_exchange_at_once() -> None:
    found = Switch().schedules("all_reduce", 2, 100.0)
    assert {k: s.bytes for k, s in found.items()} == {"one_shot": 100, "two_shot": 100, "ring": 100}


def test_an_unknown_collective_has_no_schedule() -> None:
    assert Switch().schedules("broadcast", 8, 1.0) == {}


def test_the_crossover_from_one_shot_to_two_shot() -> None:
    # one-shot sends (N - 1) S in one step, two-shot 2 (N - 1)/N S in two: equal at S = alpha B / ((N - 1)(1 - 2/N))
    alpha, rate, n = 4e-6, 300e9, 8
    crossover = alpha * rate / ((n - 1) * (1 - 2 / n))
    for size, best in ((crossover * 0.99, "one_shot"), (crossover * 1.01, "two_shot")):
        times = {k: s.bytes / rate + s.steps * alpha for k, s in Switch().schedules("all_reduce", n, size).items()}
        assert min(times, key=lambda k: times[k]) == best
    assert 0.2e6 < crossover < 0.3e6  # vLLM switches at 256 KiB for 8 GPUs
