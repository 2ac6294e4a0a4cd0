"""The mean of a maximum of lines over equally spaced points, on floats and on arrays.

For lines k with value f_k at the first and l_k at the last of n points, this is

    (1/n) sum_{i=0}^{n-1} max_k (f_k + (l_k - f_k) i/(n-1)).

The points are cut into pieces at every crossing of two lines; on a piece one line is the largest throughout, and its
sum is the piece's length times the mean of its ends. Cutting at all pairwise crossings, needed or not, costs a few
operations but cannot lose a point to rounding. In the derivative the cuts stay where they are (floor has derivative 0).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
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
                cuts.add(float(min(max(top * d0 / (d0 - d1), 0) // 1, top)))
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


def _array_pieces(count: Any, ends: tuple[Any, ...]) -> Any:
    import numpy as np

    shaped = np.broadcast_arrays(*(np.asarray(v, dtype=float) for v in (count, *ends)))
    n, first, last = shaped[0], shaped[1::2], shaped[2::2]
    top = np.maximum(n - 1, 1)
    cuts = [np.full(n.shape, -1.0)]
    for k in range(len(first)):
        for other in range(k):
            d0, d1 = first[k] - first[other], last[k] - last[other]
            crossing = ((d0 > 0) != (d1 > 0)) & (d0 != d1)
            where = np.divide(d0, d0 - d1, out=np.zeros(n.shape), where=crossing)
            cuts.append(np.where(crossing, np.clip(np.floor(top * where), 0, n - 1), -1.0))
    cuts.append(n - 1.0)
    return n, first, last, top, np.sort(np.stack(cuts), axis=0)


def _array_winners(first: Any, last: Any, middle: Any) -> Any:
    import numpy as np

    return np.stack([f + (e - f) * middle for f, e in zip(first, last, strict=True)])


def _undecided(first: tuple[Any, ...], last: tuple[Any, ...], highest: tuple[Any, Any]) -> Any:
    """Return where no line is the largest at both ends; elsewhere nothing needs cutting."""
    import numpy as np

    decided: Any = False
    for f, e in zip(first, last, strict=True):
        decided = decided | (np.equal(f, highest[0]) & np.equal(e, highest[1]))
    return ~np.asarray(decided)


def mean_max_array(count: Any, *ends: Any) -> NDArray[np.float64]:
    """Evaluate the mean on arrays that broadcast together."""
    import numpy as np

    first, last = ends[0::2], ends[1::2]
    highest = (reduce(np.maximum, first), reduce(np.maximum, last))
    middle = np.asarray((highest[0] + highest[1]) / 2)
    shape = np.broadcast_shapes(np.shape(count), middle.shape)
    result: NDArray[np.float64] = np.broadcast_to(middle, shape)
    undecided = _undecided(first, last, highest)
    if undecided.any():
        where = np.broadcast_to(undecided, shape)
        result = result.copy()
        result[where] = _mean_of_cut(*(np.broadcast_to(v, shape)[where] for v in (count, *ends)))
    return result


def _mean_of_cut(count: Any, *ends: Any) -> Any:
    import numpy as np

    n, first, last, top, cuts = _array_pieces(count, ends)
    total = np.zeros(n.shape)
    for before, high in pairwise(cuts):
        length = high - before
        total += length * _array_winners(first, last, (before + 1 + high) / (2 * top)).max(axis=0)
    single = np.max(np.stack([(f + e) / 2 for f, e in zip(first, last, strict=True)]), axis=0)
    return np.where(n > 1, total / np.maximum(n, 1), single)


def mean_max_weights_array(count: Any, *ends: Any) -> tuple[NDArray[np.float64], ...]:
    """Return the derivatives with respect to every end, on arrays."""
    import numpy as np

    first, last = ends[0::2], ends[1::2]
    highest = (reduce(np.maximum, first), reduce(np.maximum, last))
    undecided = _undecided(first, last, highest)
    shape = np.broadcast_shapes(np.shape(count), undecided.shape)
    weights = [np.zeros(shape) for _ in ends]
    left = np.broadcast_to(~undecided, shape)  # where a line is the largest throughout, and none before it was
    for k, (f, e) in enumerate(zip(first, last, strict=True)):
        wins = left & np.equal(f, highest[0]) & np.equal(e, highest[1])
        weights[2 * k][wins] = weights[2 * k + 1][wins] = 0.5
        left = left & ~wins
    if undecided.any():
        where = np.broadcast_to(undecided, shape)
        cut = _weights_of_cut(*(np.broadcast_to(v, shape)[where] for v in (count, *ends)))
        for weight, part in zip(weights, cut, strict=True):
            weight[where] = part
    return tuple(weights)


def _weights_of_cut(count: Any, *ends: Any) -> list[Any]:
    import numpy as np

    n, first, last, top, cuts = _array_pieces(count, ends)
    weights = [np.zeros(n.shape) for _ in ends]
    for before, high in pairwise(cuts):
        single = n <= 1
        late = np.where(single, 0.5, (before + 1 + high) / (2 * top))
        share = np.where(single, (high > before) * 1.0, (high - before) / np.maximum(n, 1))
        winner = _array_winners(first, last, late).argmax(axis=0)
        for k in range(len(first)):
            mine = share * (winner == k)
            weights[2 * k] += mine * (1 - late)
            weights[2 * k + 1] += mine * late
    return weights
