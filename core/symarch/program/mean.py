"""The mean of a maximum of lines over equally spaced points, on floats and on arrays.

For lines k with value f_k at the first and l_k at the last of n points, this is

    (1/n) sum_{i=0}^{n-1} max_k (f_k + (l_k - f_k) i/(n-1)).

The points are cut into pieces at every crossing of two lines; on a piece one line is the largest throughout, and its
sum is the piece's length times the mean of its ends. Cutting at all pairwise crossings, needed or not, costs a few
operations but cannot lose a point to rounding. In the derivative the cuts stay where they are (floor has derivative 0).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _dominant(ends: tuple[float, ...]) -> int:
    """Return the line that is largest at both ends, or -1: the usual case, in which nothing needs cutting."""
    first, last = ends[0::2], ends[1::2]
    k = first.index(max(first))
    return k if last[k] >= max(last) else -1


def _pieces(count: float, ends: tuple[float, ...]) -> list[tuple[float, float, int]]:
    """Cut the points; return (index of first point, index of last point, winning line) of each non-empty piece."""
    first, last = ends[0::2], ends[1::2]
    top = count - 1
    cuts = {-1.0, float(top)}
    for k in range(len(first)):
        for other in range(k):
            d0, d1 = first[k] - first[other], last[k] - last[other]
            if (d0 > 0) != (d1 > 0) and d0 != d1:
                place = min(max(top * d0 / (d0 - d1), 0), top)
                cuts.add(float(place - place % 1))  # scalars of other precisions have a remainder, but no floor
    ordered = sorted(cuts)
    pieces = []
    for before, high in pairwise(ordered):
        low = before + 1
        middle = (low + high) / (2 * top)
        values = [f + (e - f) * middle for f, e in zip(first, last, strict=True)]
        pieces.append((low, high, values.index(max(values))))
    return pieces


def mean_max_value(count: float, *ends: float) -> float:
    """Evaluate the mean on floats; `ends` is f_1, l_1, f_2, l_2 ..."""
    k = _dominant(ends)
    if k >= 0:
        return (ends[2 * k] + ends[2 * k + 1]) / 2
    if count <= 1:
        return max((f + e) / 2 for f, e in zip(ends[0::2], ends[1::2], strict=True))
    total = 0.0
    for low, high, k in _pieces(count, ends):
        f, e = ends[2 * k], ends[2 * k + 1]
        total += (high - low + 1) * (f + (e - f) * (low + high) / (2 * (count - 1)))
    return total / count


def mean_max_weights(count: float, *ends: float) -> tuple[float, ...]:
    """Return the derivative of the mean with respect to every end: all are >= 0 and they sum to 1."""
    weights = [0.0] * len(ends)
    k = _dominant(ends)
    if k < 0 and count <= 1:
        middles = [f + e for f, e in zip(ends[0::2], ends[1::2], strict=True)]
        k = middles.index(max(middles))
    if k >= 0:
        weights[2 * k] = weights[2 * k + 1] = 0.5
        return tuple(weights)
    for low, high, k in _pieces(count, ends):
        share = (high - low + 1) / count
        late = (low + high) / (2 * (count - 1))
        weights[2 * k] += share * (1 - late)
        weights[2 * k + 1] += share * late
    return tuple(weights)


def mean_max_tangent(
    count: float, ends: tuple[float, ...], tangents: tuple[float, ...], tied: Callable[[list[float]], list[int]]
) -> float:
    """Return the one-sided change of the mean along a direction in which the ends change by `tangents`.

    At a point where several lines are largest the steepest of them counts. `tied` returns the positions of the largest
    of some values. Points beside a crossing are pieces of their own, since lines may tie there and nowhere else.
    """
    first, last = ends[0::2], ends[1::2]
    rising, late = tangents[0::2], tangents[1::2]
    if count <= 1:
        best = tied([(f + e) / 2 for f, e in zip(first, last, strict=True)])
        return max((rising[k] + late[k]) / 2 for k in best)
    top = count - 1
    cuts = {high + d for _, high, _ in _pieces(count, ends) for d in (-1.0, 0.0, 1.0)} | {-1.0, 0.0, top - 1.0}
    ordered = sorted(c for c in cuts if -1 <= c <= top)
    total = 0.0
    for before, high in pairwise(ordered):
        low, middle = before + 1, (before + 1 + high) / (2 * top)
        best = tied([f + (e - f) * middle for f, e in zip(first, last, strict=True)])
        lines = [rising[k] + (late[k] - rising[k]) * i / top for k in best for i in (low, high)]
        total += (high - before) * mean_max_value(high - before, *lines)
    return total / count


@cache
def _pairs(count: int) -> Any:
    import numpy as np

    return np.triu_indices(count, 1)


def _points(where: Any) -> Any:
    """Return an index of the few points of a mask, None if there are none."""
    import numpy as np

    if not where.any():
        return None
    return np.nonzero(where) if where.ndim else ...


def _table(points: Any, shape: tuple[int, ...], rows: tuple[Any, ...]) -> Any:
    """Return what the rows, which broadcast to `shape`, hold at some points."""
    import numpy as np

    table = np.empty((len(rows), 1 if points is ... else len(points[0])))
    for position, row in enumerate(rows):
        table[position] = row[points] if np.shape(row) == shape != () else np.broadcast_to(row, shape)[points]
    return table


def _cuts(table: Any) -> Any:
    """Return the sorted cuts of points (columns) with a number and the first and last value of each line (rows)."""
    import numpy as np

    last_point, first, last = table[0] - 1, table[1::2], table[2::2]
    one, other = _pairs(len(first))
    d0, d1 = first[one] - first[other], last[one] - last[other]
    crossing = ((d0 > 0) != (d1 > 0)) & (d0 != d1)
    cuts = np.full((len(one) + 2, table.shape[1]), -1.0)
    inner = cuts[1:-1]
    np.divide(d0, d0 - d1, out=inner, where=crossing)
    np.multiply(inner, last_point, out=inner, where=crossing)
    np.floor(inner, out=inner)
    np.minimum(inner, last_point, out=inner)
    cuts[-1] = last_point
    cuts.sort(axis=0)
    return cuts


def _undecided(ends: tuple[Any, ...], highest: tuple[Any, Any]) -> Any:
    """Return where no line is the largest at both ends; elsewhere nothing needs cutting."""
    import numpy as np

    decided: Any = False
    for f, e in zip(ends[0::2], ends[1::2], strict=True):
        decided = decided | (np.equal(f, highest[0]) & np.equal(e, highest[1]))
    return np.logical_not(decided)


def settle(count: Any, *ends_and_highest: Any, out: NDArray[np.float64]) -> None:
    """Correct the mean of the largest first and the largest last value where no line has both.

    Args:
        count: number of points.
        ends_and_highest: as for `mean_max_array`, then the largest first and the largest last values.
        out: holds the mean of those two.
    """
    import numpy as np

    ends, highest = ends_and_highest[:-2], ends_and_highest[-2:]
    points = _points(np.broadcast_to(_undecided(ends, highest), out.shape))
    if points is not None:
        out[points] = _mean_of_cut(_table(points, out.shape, (count, *ends)))


def mean_max_array(count: Any, *ends: Any) -> NDArray[np.float64]:
    """Evaluate the mean on arrays that broadcast together."""
    import numpy as np

    highest = (reduce(np.maximum, ends[0::2]), reduce(np.maximum, ends[1::2]))
    result = np.empty(np.broadcast_shapes(np.shape(count), *map(np.shape, highest)))
    result[...] = (highest[0] + highest[1]) / 2
    settle(count, *ends, *highest, out=result)
    return result


def _mean_of_cut(table: Any) -> Any:
    import numpy as np

    n, first, last = table[0], table[1::2], table[2::2]
    slope = (last - first) / (2 * np.maximum(n - 1, 1))
    total = np.zeros(n.shape)
    for before, high in pairwise(_cuts(table)):
        total += (high - before) * (first + slope * (before + 1 + high)).max(axis=0)
    return np.where(n > 1, total / np.maximum(n, 1), ((first + last) / 2).max(axis=0))


def mean_max_weights_array(count: Any, *ends: Any) -> tuple[NDArray[np.float64], ...]:
    """Return the derivatives with respect to every end, on arrays."""
    import numpy as np

    highest = (reduce(np.maximum, ends[0::2]), reduce(np.maximum, ends[1::2]))
    shape = np.broadcast_shapes(np.shape(count), *map(np.shape, highest))
    undecided = np.broadcast_to(_undecided(ends, highest), shape)
    weights = [np.zeros(shape) for _ in ends]
    left = ~undecided  # where a line is the largest throughout, and none before it was
    for k, (f, e) in enumerate(zip(ends[0::2], ends[1::2], strict=True)):
        wins = left & np.equal(f, highest[0]) & np.equal(e, highest[1])
        weights[2 * k][wins] = weights[2 * k + 1][wins] = 0.5
        left = left & ~wins
    points = _points(undecided)
    if points is not None:
        for weight, part in zip(weights, _weights_of_cut(_table(points, shape, (count, *ends))), strict=True):
            weight[points] = part
    return tuple(weights)


def _weights_of_cut(table: Any) -> Any:
    import numpy as np

    n, first, last = table[0], table[1::2], table[2::2]
    single = n <= 1
    weights = np.zeros((len(table) - 1, len(n)))
    lines = np.arange(len(first))[:, np.newaxis]
    for before, high in pairwise(_cuts(table)):
        late = np.where(single, 0.5, (before + 1 + high) / (2 * np.maximum(n - 1, 1)))
        share = np.where(single, (high > before) * 1.0, (high - before) / np.maximum(n, 1))
        mine = share * (lines == (first + (last - first) * late).argmax(axis=0))
        weights[0::2] += mine * (1 - late)
        weights[1::2] += mine * late
    return weights
