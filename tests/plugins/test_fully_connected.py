"""A link between any two nodes: figures and loads against the complete graph, MI300X as published."""

from __future__ import annotations

from typing import Any

import networkx  # type: ignore[import-untyped]  # the extra types-networkx is not worth one search
import pytest

from symarch import Pattern, Traffic
from symarch_technologies.fully_connected import FullyConnected

COUNTS = [2, 3, 4, 7, 8]


def complete(wires: Any, count: int) -> Any:
    return wires(networkx.complete_graph(count), list(range(count)))


@pytest.mark.parametrize("count", COUNTS)
def test_figures_are_those_of_the_graph(wires: Any, count: int) -> None:
    real, here = complete(wires, count), FullyConnected()
    assert set(real.distances()) == {here.diameter(count)} == {here.average_hops(count)}
    assert here.links(count) == real.graph.number_of_edges()
    assert here.radix(count) == real.graph.degree(0)
    assert here.bisection(count) == real.smallest_cut()
    assert (here.ports(count), here.switches(count)) == (0, 0)


@pytest.mark.parametrize("count", COUNTS)
def test_loads_are_those_of_the_direct_links(wires: Any, count: int) -> None:
    real, here = complete(wires, count), FullyConnected()
    order = list(range(count))
    cases = [
        (Pattern("all"), real.everyone()),
        (Pattern("neighbour"), real.around(order)),
        (Pattern("neighbours"), real.around(order, both=True)),
        (Pattern("branch", 1), real.branch(1)),
    ]
    if count in (2, 4, 8):
        cases += [(Pattern("exchange", d), real.exchange(d)) for d in (1, 2, 4) if d < count]
    for pattern, messages in cases:
        measured, found = real.measure(messages), here.traffic(pattern, count)
        assert found is not None
        assert found.hops == measured.hops == 1
        assert found.load == pytest.approx(measured.busiest * here.radix(count), rel=1e-12)


def test_a_pair_of_mi300x_has_a_seventh_of_the_bandwidth() -> None:
    # ROCm blog on MI300X and RCCL: 7 links of 64 GB/s, 448 GB/s in all; one pair of GPUs has one of them
    for name in ("pair", "permutation"):
        found = FullyConnected().traffic(Pattern(name), 8)
        assert found is not None
        assert 448 / found.load == pytest.approx(64)


def test_a_part_of_the_nodes_uses_the_links_among_them() -> None:
    part = FullyConnected(endpoints=8)
    assert part.traffic(Pattern("all"), 4) == Traffic(1, 7 / 3)
    assert part.traffic(Pattern("neighbour"), 4) == Traffic(1, 7)


def test_any_count_is_allowed() -> None:
    for count in (2, 3, 11):
        FullyConnected().check(count)
