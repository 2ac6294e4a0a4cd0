"""A star around one switch: figures and loads against routing over the graph; what a switch that adds up moves."""

from __future__ import annotations

from typing import Any

import networkx  # type: ignore[import-untyped]  # the extra types-networkx is not worth one search
import pytest

from symarch import Pattern, Traffic
from symarch_technologies.switch import Switch

COUNTS = [2, 3, 4, 8, 17]


def star(wires: Any, count: int) -> Any:
    return wires(networkx.star_graph(count), list(range(1, count + 1)))  # node 0 is the switch


@pytest.mark.parametrize("count", COUNTS)
def test_figures_are_those_of_the_graph(wires: Any, count: int) -> None:
    real, here = star(wires, count), Switch()
    distances = real.distances()
    assert here.diameter(count) == max(distances)
    assert here.average_hops(count) == sum(distances) / len(distances)
    assert here.links(count) == real.graph.number_of_edges()
    assert here.radix(count) == real.graph.degree(1)
    assert here.ports(count) == real.graph.degree(0)
    assert here.switches(count) == 1
    assert here.bisection(count) == count / 2  # the ports of one half


@pytest.mark.parametrize("count", COUNTS)
def test_every_pattern_runs_at_the_rate_of_the_ports(wires: Any, count: int) -> None:
    real, here = star(wires, count), Switch()
    cases = [
        (Pattern("all"), real.everyone()),
        (Pattern("neighbour"), real.around(real.nodes)),
        (Pattern("neighbours"), real.around(real.nodes, both=True)),
        (Pattern("branch", 1), real.branch(1)),
    ]
    cases += [(Pattern("exchange", d), real.exchange(d)) for d in (1, 2, 4) if count in (2, 4, 8) and d < count]
    for pattern, messages in cases:
        measured = real.measure(messages)
        assert here.traffic(pattern, count) == Traffic(2, 1)
        assert (measured.hops, measured.busiest) == (2, pytest.approx(1))
    assert here.traffic(Pattern("tree"), count) == Traffic(2, 1)
    assert here.traffic(Pattern("axes"), count) is None
    assert here.traffic(Pattern("across"), count) is None
    assert (here.axes(count), here.group(count)) == ((), 1)


def test_a_switch_does_not_reduce_unless_asked() -> None:
    assert Switch().reduction(8) is None
    assert Switch(in_network="reduce").reduction(8) == Traffic(2, 1)


@pytest.mark.parametrize("count", COUNTS)
def test_shares_are_added_up_in_the_switch_and_multicast(wires: Any, count: int) -> None:
    # for a vector of one byte: to add up, each port sends all N shares of 1/N up, and one comes down to its owner; then
    # each owner sends its sum up once and all N sums come down at every port
    up, down = count * (1 / count) + 1 / count, 1 / count + count * (1 / count)
    found = Switch(in_network="shards").reduction(count)
    assert found is not None
    assert found.load == pytest.approx(max(up, down))
    assert found.crossed == pytest.approx(up + down)
    assert found.hops == 4


def test_any_count_is_allowed() -> None:
    for count in (2, 3, 72):
        Switch().check(count)
