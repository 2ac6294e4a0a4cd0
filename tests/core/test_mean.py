from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symarch.program.mean import mean_max_array, mean_max_value, mean_max_weights, mean_max_weights_array

Ends = list[float]


def by_loop(count: int, ends: Ends) -> float:
    """Average over every point, the definition."""
    first, last = ends[0::2], ends[1::2]
    if count == 1:
        return max((f + e) / 2 for f, e in zip(first, last, strict=True))
    points = [max(f + (e - f) * (i / (count - 1)) for f, e in zip(first, last, strict=True)) for i in range(count)]
    return math.fsum(points) / count


COUNTS = st.integers(1, 200)
PLAIN = st.floats(0, 100)
COARSE = st.integers(0, 4).map(float)  # ties at ends and at points between are common
WILD = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1e-12, 1e12, -1e12, 5.0]))


def lines(values: st.SearchStrategy[float]) -> st.SearchStrategy[Ends]:
    return st.integers(1, 5).flatmap(lambda n: st.lists(values, min_size=2 * n, max_size=2 * n))


@settings(max_examples=400)
@given(COUNTS, st.one_of(lines(PLAIN), lines(COARSE), lines(WILD)))
def test_the_mean_is_that_of_a_loop_over_the_points(count: int, ends: Ends) -> None:
    near = 1e-12 * max(1e-30, *map(abs, ends))
    assert mean_max_value(count, *ends) == pytest.approx(by_loop(count, ends), rel=1e-12, abs=near)
    assert float(mean_max_array(count, *ends)) == pytest.approx(by_loop(count, ends), rel=1e-12, abs=near)


@given(COUNTS, st.one_of(lines(PLAIN), lines(COARSE), lines(WILD)))
def test_weights_are_a_convex_combination_that_gives_the_mean(count: int, ends: Ends) -> None:
    weights = mean_max_weights(count, *ends)
    assert all(w >= 0 for w in weights)
    assert sum(weights) == pytest.approx(1, rel=1e-12)
    near = 1e-11 * max(1e-30, *map(abs, ends))
    assert math.fsum(w * e for w, e in zip(weights, ends, strict=True)) == pytest.approx(
        mean_max_value(count, *ends), rel=1e-11, abs=near
    )


@settings(max_examples=200)
@given(st.integers(1, 60), lines(PLAIN), st.data())
def test_weights_are_the_slopes_of_the_loop_where_no_point_changes_its_line(
    count: int, ends: Ends, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(ends) - 1))
    step = 1e-5
    shifted = [[e + s * (i == position) for i, e in enumerate(ends)] for s in (-step, step)]
    left, right = (s * (by_loop(count, e) - by_loop(count, ends)) / step for s, e in zip((-1, 1), shifted, strict=True))
    assume(abs(left - right) < 1e-7)
    assert mean_max_weights(count, *ends)[position] == pytest.approx(right, abs=2e-7)


@given(st.lists(st.tuples(COUNTS, st.one_of(lines(PLAIN), lines(COARSE))), min_size=1, max_size=6))
def test_arrays_give_what_scalars_give(rows: list[tuple[int, Ends]]) -> None:
    width = min(len(e) for _, e in rows)
    counts = np.array([float(n) for n, _ in rows])
    ends = np.array([e[:width] for _, e in rows]).T
    values = mean_max_array(counts, *ends)
    weights = mean_max_weights_array(counts, *ends)
    for i, (n, e) in enumerate(rows):
        assert values[i] == pytest.approx(mean_max_value(n, *e[:width]), rel=1e-12, abs=1e-12)
        assert sum(w[i] for w in weights) == pytest.approx(1, rel=1e-12)
        direct = mean_max_weights(n, *e[:width])
        assert sum(w[i] * v for w, v in zip(weights, e[:width], strict=True)) == pytest.approx(
            sum(w * v for w, v in zip(direct, e[:width], strict=True)), rel=1e-11, abs=1e-11
        )
        assert all(w[i] >= 0 for w in weights)


def test_arrays_give_the_weights_of_scalars_away_from_ties() -> None:
    random = np.random.default_rng(5)
    counts = random.integers(1, 50, 200).astype(float)
    ends = random.uniform(0, 10, (8, 200))
    arrays = mean_max_weights_array(counts, *ends)
    for i in range(200):
        assert [w[i] for w in arrays] == pytest.approx(mean_max_weights(counts[i], *ends[:, i]), rel=1e-12, abs=1e-15)


def test_arrays_broadcast() -> None:
    count, rate = np.array([[1.0], [9.0]]), np.array([1.0, 1.5, 3.0])
    values = mean_max_array(count, rate, 2 * rate, 2.0, 2.1)
    assert values.shape == (2, 3)
    for i, n in enumerate([1, 9]):
        for j, r in enumerate(rate):
            assert values[i, j] == pytest.approx(mean_max_value(n, r, 2 * r, 2.0, 2.1))
    assert all(w.shape == (2, 3) for w in mean_max_weights_array(count, rate, 2 * rate, 2.0, 2.1))
    assert mean_max_array(np.empty((0,)), 1.0, 2.0, 2.0, 1.0).shape == (0,)


def test_one_point_is_the_middle() -> None:
    assert mean_max_value(1, 0.0, 10.0, 4.0, 4.0) == 5
    assert mean_max_weights(1, 0.0, 10.0, 4.0, 4.0) == (0.5, 0.5, 0, 0)
    assert mean_max_weights(1, 0.0, 6.0, 4.0, 4.0) == (0, 0, 0.5, 0.5)


def test_two_points_are_the_ends() -> None:
    assert mean_max_value(2, 0.0, 10.0, 4.0, 4.0) == 7
    assert mean_max_weights(2, 0.0, 10.0, 4.0, 4.0) == (0, 0.5, 0.5, 0)


def test_equal_lines_count_once() -> None:
    assert mean_max_value(7, 1.0, 3.0, 1.0, 3.0, 1.0, 3.0) == 2
    assert mean_max_weights(7, 1.0, 3.0, 1.0, 3.0) == (0.5, 0.5, 0, 0)


def test_a_crossing_at_a_point_is_shared_by_both_lines_without_loss() -> None:
    # five points 0 1 2 3 4 and 4 3 2 1 0: maxima 4 3 2 3 4
    assert mean_max_value(5, 0.0, 4.0, 4.0, 0.0) == pytest.approx(16 / 5, rel=1e-15)


@pytest.mark.parametrize("slope", [1e9, 1e15, 1e100])
def test_huge_slopes(slope: float) -> None:
    for count in (2, 3, 100):
        ends = [0.0, slope, 1.0, 1.0, slope, 0.0]
        assert mean_max_value(count, *ends) == pytest.approx(by_loop(count, ends), rel=1e-12)


def test_a_million_points_cost_as_much_as_ten() -> None:
    exact = mean_max_value(10**9 + 1, 0.0, 1.0, 1.0, 0.0)
    assert exact == pytest.approx(0.75, rel=1e-8)


def test_lines_that_cross_have_a_mean_in_any_precision() -> None:
    ends = (1.0, 9.0, 5.0, 6.0, 7.0, 2.0)
    with mpmath.workdps(50):
        found = mean_max_value(11, *(mpmath.mpf(e) for e in ends))
        due = sum(
            max(f + (e - f) * mpmath.mpf(i) / 10 for f, e in zip(ends[::2], ends[1::2], strict=True)) for i in range(11)
        )
        assert abs(found - due / 11) < mpmath.mpf(10) ** -45
