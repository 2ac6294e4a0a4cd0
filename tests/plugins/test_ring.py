"""A ring: the closed forms of its loads; figures and routing are tested with all grids."""

from __future__ import annotations

import pytest

from symarch import Pattern, Traffic
from symarch_technologies.ring import Ring


@pytest.mark.parametrize("count", [3, 4, 5, 8, 64, 65])
def test_figures_in_closed_form(count: int) -> None:
    here = Ring()
    assert (here.diameter(count), here.bisection(count), here.links(count), here.radix(count)) == (
        count // 2,
        2,
        count,
        2,
    )
    assert here.average_hops(count) == pytest.approx(count**2 // 4 / (count - 1), rel=1e-12)


@pytest.mark.parametrize("count", [4, 8, 64])
def test_uniform_traffic_puts_an_eighth_of_k_squared_on_a_link(count: int) -> None:
    # k^2/8 messages of m/(k-1) each on the busiest directed link of half the bandwidth
    found = Ring().traffic(Pattern("all"), count)
    assert found is not None
    assert found.load == pytest.approx(2 * count**2 / 8 / (count - 1), rel=1e-12)


@pytest.mark.parametrize("count", [5, 7, 65])
def test_uniform_traffic_on_an_odd_ring(count: int) -> None:
    found = Ring().traffic(Pattern("all"), count)
    assert found is not None
    assert found.load == pytest.approx(2 * (count**2 - 1) / 8 / (count - 1), rel=1e-12)


def test_one_way_uses_one_of_two_links() -> None:
    assert Ring().traffic(Pattern("neighbour"), 8) == Traffic(1, 2)
    assert Ring().traffic(Pattern("neighbours"), 8) == Traffic(1, 1)


def test_two_nodes_have_one_link() -> None:
    assert Ring().radix(2) == 1
    assert Ring().traffic(Pattern("neighbour"), 2) == Traffic(1, 1)
