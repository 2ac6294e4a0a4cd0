from __future__ import annotations

import math

import numpy as np
import pytest

from symarch.program import Max, Min, Program, Tape, ceil, mean_max
from symarch.sensitivity.changes import Winners, changes, first_of_largest, grid, valid


def test_changes_are_found_to_the_last_digit() -> None:
    found = changes(lambda x: np.array([(x > math.pi) * 1 + (x > 7.25) * 1, x > 1e9], dtype=np.int64), grid(1, 100))
    assert [(c.row, c.before, c.after) for c in found] == [(0, 0, 1), (0, 1, 2)]
    assert [c.place for c in found] == pytest.approx([math.pi, 7.25], rel=1e-14)


def test_many_changes_between_two_points_of_the_grid_are_all_found() -> None:
    found = changes(lambda x: np.array([np.floor(x)], dtype=np.int64), grid(1.5, 60.5, 7))
    assert [c.place for c in found] == pytest.approx(range(2, 61), rel=1e-14)


def test_a_saw_is_left_out_and_told() -> None:
    saws: set[int] = set()

    def labels(x: np.ndarray) -> np.ndarray:
        return np.array([np.floor(x), x > 7.25, np.floor(x / 30)], dtype=np.int64)

    found = changes(labels, grid(1.5, 3e6), saws)
    assert saws == {0, 2}
    assert [c.row for c in found] == [1]
    assert found[0].place == pytest.approx(7.25, rel=1e-14)
    # a saw that shows only between the points of a coarse grid
    coarse: set[int] = set()
    assert changes(labels, np.array([1.5, 400.5]), coarse)
    assert coarse == {0}


def test_winners_label_every_kind_of_operation() -> None:
    tape = Tape()
    x = tape.input("x")
    program = Program.of(
        tape,
        {"y": Max(x, 3) + Min(x * x, 50) + ceil(x / 4) + mean_max(5, x, x + 8, 10, 10)},
    )
    winners = Winners(program, "x")
    found = changes(winners, grid(1, 30))
    kinds = {kind: [] for kind, _ in winners.rows}  # type: dict[str, list[float]]
    for change in found:
        kinds[winners.rows[change.row][0]].append(change.place)
    assert kinds["max"] == pytest.approx([3], rel=1e-13)
    assert kinds["min"] == pytest.approx([math.sqrt(50)], rel=1e-13)
    assert kinds["ceil"] == pytest.approx([4, 8, 12, 16, 20, 24, 28], rel=1e-13)
    # the line x + 2 i passes the constant 10 at i = (10 - x) / 2, one step after the other
    assert kinds["mean_max"] == pytest.approx([2, 4, 6, 8, 10], rel=1e-13)


def test_the_interval_of_validity_ends_at_the_kinks_beside_it() -> None:
    tape = Tape()
    x = tape.input("x")
    winners = Winners(Program.of(tape, {"y": Max(x, 3) + Min(x, 40)}), "x")
    assert valid(winners, 11.0, 0.1, 1e3) == pytest.approx((3, 40), rel=1e-13)
    assert valid(winners, 2.0, 0.1, 1e3) == pytest.approx((0.1, 3), rel=1e-13)
    assert valid(winners, 50.0, 0.1, 1e3) == pytest.approx((40, 1e3), rel=1e-13)


def test_ties_within_rounding_go_to_the_first() -> None:
    values = np.array([[1.0, 0.0], [1.0 + 1e-15, 2.0], [0.5, 2.0]])
    assert first_of_largest(values).tolist() == [0, 1]
