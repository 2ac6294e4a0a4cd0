"""A hypercube: the closed forms of its figures; routing is tested with all grids."""

from __future__ import annotations

import pytest

from symarch import Pattern, SymarchError, Traffic
from symarch_technologies.hypercube import Hypercube


@pytest.mark.parametrize("dimensions", [1, 2, 3, 6, 10])
def test_figures_in_closed_form(dimensions: int) -> None:
    here, count = Hypercube(), 2**dimensions
    assert here.diameter(count) == dimensions
    assert here.average_hops(count) == pytest.approx(dimensions * count / (2 * (count - 1)), rel=1e-12)
    assert here.bisection(count) == count / 2
    assert here.links(count) == dimensions * count / 2
    assert here.radix(count) == dimensions


def test_partners_have_a_link_of_their_own() -> None:
    for distance in (1, 2, 4, 8):
        assert Hypercube().traffic(Pattern("exchange", distance), 16) == Traffic(1, 4)


def test_only_powers_of_two_are_hypercubes() -> None:
    with pytest.raises(SymarchError, match=r"a hypercube has 2, 4, 8 ... nodes, not 12"):
        Hypercube().traffic(Pattern("all"), 12)
    with pytest.raises(SymarchError, match="a hypercube cannot have 1 nodes; the nearest that can be: 2"):
        Hypercube().check(1)
