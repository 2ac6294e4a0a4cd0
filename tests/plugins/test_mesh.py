"""A mesh: the closed forms of its figures; routing is tested with all grids."""

from __future__ import annotations

import pytest

from symarch import Pattern
from symarch_technologies.mesh import Mesh


@pytest.mark.parametrize("sides", [(4, 4), (8, 4), (4, 4, 4), (16, 2)])
def test_figures_in_closed_form(sides: tuple[int, ...]) -> None:
    here, count = Mesh(shape="x".join(map(str, sides))), 1
    for k in sides:
        count *= k
    assert here.diameter(count) == sum(k - 1 for k in sides)
    assert here.average_hops(count) == pytest.approx(
        sum((k * k - 1) / (3 * k) for k in sides) * count / (count - 1), rel=1e-12
    )
    assert here.links(count) == sum(count * (k - 1) // k for k in sides)
    assert here.bisection(count) == count // max(sides)


def test_bisection_of_odd_sides() -> None:
    # (k^d - 1) / (k - 1) for d sides of an odd k (Arjona Aroca and Fernandez Anta, arXiv 1202.6291)
    for k, d in ((3, 2), (5, 2), (3, 3), (7, 1)):
        assert Mesh(shape="x".join([str(k)] * d)).bisection(k**d) == (k**d - 1) // (k - 1)


def test_a_corner_has_half_of_the_links() -> None:
    found = Mesh(shape="4x4").traffic(Pattern("axes"), 16)
    assert found is not None
    assert found.load == 2
