"""Where something changes along a line: labels of points, and the exact places where they change.

A label is a whole number, one for each row (an operation, an operator, the whole) and point. Between two points of a
grid whose labels differ the interval is cut again and again, all intervals of all rows at once as arrays, until no
number lies in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from symarch.program import Program
from symarch.sensitivity.point import on_arrays

Array = NDArray[np.float64]
Labels = Callable[[Array], NDArray[np.int64]]
"""Labels of points: one row for each thing that may change, one column for each point."""

POINTS = 1025
"""Points of a grid along one parameter."""

CUTS = 33
"""Points into which an interval is cut."""

FEW_CUTS = 9
"""The same where there are many intervals, of which the points and not the calls take the time."""

CROWD = 64
"""Intervals that are many."""

CLOSE = 1e-14
"""Relative width of an interval that is a point."""

NOISE = 2e-14
"""Relative distance of two values that are equal but for rounding; a kink is found this far off at most."""

MANY = 256
"""Changes of one row above which they are no places but a saw: rounding to tiles along a long prompt has thousands."""

SAME = 1e-11
"""Relative distance of two changes that are one, told twice by rounding."""


@attrs.frozen
class Change:
    """A place where a label changes.

    Attributes:
        row: which.
        place: where.
        before: the label below.
        after: the label above.
    """

    row: int
    place: float
    before: int
    after: int


def grid(low: float, high: float, points: int = POINTS) -> Array:
    """Return points from low to high, evenly spaced on a logarithmic scale."""
    found: Array = np.geomspace(low, high, points)
    return found


def changes(labels: Labels, at: Array, saws: set[int] | None = None) -> list[Change]:
    """Return where labels change between the first and the last of some ordered points, in order.

    Rows that change more than `MANY` times are left out; they are added to `saws`.
    """
    saws = set() if saws is None else saws
    found = labels(at)
    rows, places = np.nonzero(found[:, 1:] != found[:, :-1])
    low, high = at[places], at[places + 1]
    before, after = found[rows, places], found[rows, places + 1]
    done: list[Change] = []
    while rows.size:
        saws |= set(np.nonzero(np.bincount(rows) > MANY)[0].tolist())
        kept = ~np.isin(rows, list(saws))
        rows, low, high, before, after = rows[kept], low[kept], high[kept], before[kept], after[kept]
        narrow = high - low <= CLOSE * np.abs(high)
        ready = (rows[narrow], high[narrow], before[narrow], after[narrow])
        done += [Change(int(r), float(x), int(b), int(a)) for r, x, b, a in zip(*ready, strict=True)]
        rows, low, high = rows[~narrow], low[~narrow], high[~narrow]
        if not rows.size:
            break
        cut = np.linspace(low, high, CUTS if rows.size <= CROWD else FEW_CUTS, axis=1)
        seen = labels(cut.ravel()).reshape(found.shape[0], *cut.shape)[rows, np.arange(rows.size)]
        which, places = np.nonzero(seen[:, 1:] != seen[:, :-1])
        rows, low, high = rows[which], cut[which, places], cut[which, places + 1]
        before, after = seen[which, places], seen[which, places + 1]
    return _merged(sorted((c for c in done if c.row not in saws), key=lambda c: (c.row, c.place)))


def _merged(found: list[Change]) -> list[Change]:
    merged: list[Change] = []
    for change in found:
        last = merged[-1] if merged else None
        if last is not None and last.row == change.row and change.place - last.place <= SAME * change.place:
            merged[-1] = attrs.evolve(last, after=change.after)
        else:
            merged.append(change)
    return sorted((c for c in merged if c.before != c.after), key=lambda c: (c.place, c.row))


def first_of_largest(values: Array) -> NDArray[np.int64]:
    """Return the row of the largest value of each column, the first within rounding."""
    top = values.max(axis=0)
    found: NDArray[np.int64] = np.argmax(values >= top - NOISE * np.abs(top), axis=0)
    return found


class Winners:
    """Which argument wins in each operation of a program of one input: the regime of every point, as labels.

    A row for each `max` and `min`, a row for each rounding, a row for each mean of a maximum (the line that is the
    largest at all steps; where several are, how many steps each).
    """

    def __init__(self, program: Program, name: str) -> None:
        self.rows: list[tuple[str, list[str]]] = []
        wanted: dict[str, int] = {}
        for index, (operation, arguments, _) in enumerate(program.operations):
            if operation in ("max", "min", "mean_max", "first_min", "first_max"):
                self.rows.append((operation.removeprefix("first_"), [str(a) for a in arguments]))
                wanted |= {str(a): a for a in arguments}
            elif operation in ("ceil", "floor"):
                self.rows.append((operation, [str(index)]))
                wanted[str(index)] = index
        self._names = list(wanted)
        self._values = on_arrays(program.select(wanted), [name]) if wanted else None

    def __call__(self, at: Array) -> NDArray[np.int64]:
        """Return the labels of some points."""
        if self._values is None:
            return np.zeros((0, at.size), dtype=np.int64)
        found = dict(zip(self._names, self._values(at), strict=True))
        return np.array([_winner(kind, [found[n] for n in names]) for kind, names in self.rows])


def _winner(kind: str, values: Sequence[Any]) -> NDArray[np.int64]:
    if kind in ("ceil", "floor"):
        return np.asarray(np.nan_to_num(values[0]), dtype=np.int64)
    if kind in ("max", "min"):
        return first_of_largest(np.array(values) * (1 if kind == "max" else -1))
    from symarch.program.mean import mean_max_weights_array

    count, *ends = values
    first, last = np.array(ends[0::2]), np.array(ends[1::2])
    dominant = first_of_largest(first)
    everywhere = np.take_along_axis(last, dominant[None], 0)[0] >= last.max(axis=0) * (1 - NOISE)
    weights = np.asarray(mean_max_weights_array(count, *ends))
    won = np.rint((weights[0::2] + weights[1::2]) * count)
    mixed = -1 - (won * (1 + np.arange(len(won)))[:, None]).sum(axis=0)
    return np.asarray(np.where(everywhere, dominant, mixed), dtype=np.int64)


def valid(labels: Labels, at: float, low: float, high: float) -> tuple[float, float]:
    """Return the interval around a point, within low and high, on which no label changes."""
    ends = []
    for end in (low, high):
        if end == at:
            ends.append(end)
            continue
        ways = at + (end - at) * np.geomspace(1e-13, 1, POINTS)
        outward = np.concatenate([[at], ways])
        found = labels(outward)
        here = found[:, :1]
        other = (found != here).any(axis=0)
        if not other.any():
            ends.append(end)
            continue
        position = int(np.argmax(other))
        inner, outer = outward[position - 1], outward[position]
        while abs(outer - inner) > CLOSE * abs(outer):
            cut = np.linspace(inner, outer, CUTS)
            position = max(1, int(np.argmax((labels(cut) != here).any(axis=0))))
            inner, outer = cut[position - 1], cut[position]
        ends.append(float(outer))
    return ends[0], ends[1]
