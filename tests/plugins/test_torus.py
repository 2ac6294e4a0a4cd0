"""A torus: the closed forms of its figures and loads, TPU pods; routing is tested with all grids."""

from __future__ import annotations

import math

import pytest

from symarch import Pattern
from symarch_technologies.torus import Torus


@pytest.mark.parametrize("sides", [(4, 4), (8, 4), (4, 4, 4), (16, 16), (16, 20, 28)])
def test_figures_in_closed_form(sides: tuple[int, ...]) -> None:
    here, count = Torus(shape="x".join(map(str, sides))), math.prod(sides)
    assert here.diameter(count) == sum(k // 2 for k in sides)
    assert here.average_hops(count) == pytest.approx(
        sum(k * k // 4 / k for k in sides) * count / (count - 1), rel=1e-12
    )
    assert here.bisection(count) == 2 * count // max(sides)
    assert here.links(count) == len(sides) * count
    assert here.radix(count) == 2 * len(sides)


def test_an_axis_of_two_has_one_link_a_pair() -> None:
    here = Torus(shape="2x2x2")
    assert (here.bisection(8), here.links(8), here.radix(8)) == (4, 12, 3)


@pytest.mark.parametrize(("k", "d"), [(4, 2), (8, 2), (4, 3), (16, 3)])
def test_uniform_traffic_in_closed_form(k: int, d: int) -> None:
    # m k / (8 b) with b = W / (2 D) for m bytes, the own part included: of them (N-1)/N are sent
    count = k**d
    found = Torus(shape="x".join([str(k)] * d)).traffic(Pattern("all"), count)
    assert found is not None
    assert found.load * (count - 1) / count == pytest.approx(2 * d * k / 8, rel=1e-12)


def test_short_axes_of_tpu_v5e_are_lines() -> None:
    # jax-ml/scaling-book, tpus.md: no wraparound on an axis below 16
    whole, short = Torus(shape="16x16", closed_from=16), Torus(shape="4x8", closed_from=16)
    assert whole.diameter(256) == 16
    assert short.diameter(32) == 3 + 7


def test_all_links_carry_equal_parts_of_a_gather() -> None:
    for sides in ("4x4x4", "16x20x28", "8x4"):
        count = math.prod(int(s) for s in sides.split("x"))
        found = Torus(shape=sides).traffic(Pattern("axes"), count)
        assert found is not None
        assert found.load == 1
