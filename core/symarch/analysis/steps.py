"""The decode steps of a request as stretches over which an operator's loads grow evenly.

An operator that attends to the whole context grows evenly over all steps: one stretch. A window fills up and then stays
full: two, divided at its knee. Attention in chunks starts anew every so many tokens: what is left of the first chunk,
whole chunks, which are all alike, and the begun last one. The mean over the steps is the mean over the stretches, each
weighted by its steps, exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from symarch.analysis.time import Load
from symarch.program import Max, Min, floor, total
from symarch.technologies import Quantity
from symarch.trace import Operator


@attrs.frozen
class Stretch:
    """Decode steps in a row, or rows of steps that are all alike.

    Attributes:
        steps: how many in all, perhaps none.
        points: how many in a row, at least 1.
        first: context of the first.
        last: context of the last.
    """

    steps: Quantity
    points: Quantity
    first: Quantity
    last: Quantity


def stretches(operator: Operator, first: Quantity, last: Quantity, steps: Quantity) -> list[Stretch]:
    """Return the stretches of an operator over decode steps that attend to `first` to `last` tokens."""
    if operator.period is not None:
        size = operator.period
        begun, ended = floor((first - 1) / size), floor((last - 1) / size)
        rest = Min(last, (begun + 1) * size)
        start = Max(first, ended * size + 1)
        whole = Max(ended - begun - 1, 0) * size
        tail = steps - (rest - first + 1) - whole
        return [
            Stretch(rest - first + 1, rest - first + 1, first, rest),
            Stretch(whole, size, (begun + 1) * size + 1, (begun + 2) * size),
            Stretch(tail, last - start + 1, start, last),
        ]
    if not operator.knees:
        return [Stretch(steps, steps, first, last)]
    found, before = [], None
    for knee in (*operator.knees, None):
        start = first if before is None else Max(first, before + 1)
        end = last if knee is None else Min(last, knee)
        count = Max(end - start + 1, 0)
        found.append(Stretch(count, Max(count, 1), start, Max(start, end)))
        before = knee
    return found


def averaged(load: Load, ends: list[tuple[Stretch, Load, Load]], steps: Quantity) -> Load:
    """Return a load whose energies and traffic are the means over stretches, given at the ends of each."""

    def mean(of: Callable[[Load], Any]) -> Any:
        return total(s.steps * (of(early) + of(late)) / 2 for s, early, late in ends) / steps

    def energies() -> Mapping[str, Quantity] | None:
        if load.energies is None:
            return None
        return {name: mean(lambda one, n=name: (one.energies or {})[n]) for name in load.energies}  # type: ignore[misc]

    traffic = {
        memory: (
            mean(lambda one, m=memory: one.traffic[m][0]),  # type: ignore[misc]
            mean(lambda one, m=memory: one.traffic[m][1]),  # type: ignore[misc]
        )
        for memory in load.traffic
    }
    return attrs.evolve(load, energies=energies(), traffic=traffic)
