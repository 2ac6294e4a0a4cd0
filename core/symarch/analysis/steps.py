"""The passes of a phase, decode steps or chunks of a prompt, as stretches over which an operator's loads grow evenly.

An operator that attends to the whole context grows evenly over all steps: one stretch. A window fills up and then stays
full: two, divided at its knee. Attention in chunks starts anew every so many tokens: what is left of the first chunk,
whole chunks, which are all alike, and the begun last one. The mean over the steps is the mean over the stretches, each
weighted by its steps, exactly.

Chunks of a prompt follow each other at equal distance: the pass i of n has start + i size tokens before it. A window
that fills up within a pass makes that pass a stretch of its own. So is the first pass of a prompt of which nothing is
cached, since it reads no cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from symarch.analysis.time import Load
from symarch.program import Max, Min, ceil, floor, total
from symarch.technologies import Quantity
from symarch.trace import Operator


@attrs.frozen
class Stretch:
    """Decode steps or chunks in a row, or rows of steps that are all alike.

    Attributes:
        steps: how many in all, perhaps none.
        points: how many in a row, at least 1.
        first: context of the first; of a chunk the tokens before it.
        last: context of the last.
    """

    steps: Quantity
    points: Quantity
    first: Quantity
    last: Quantity

    @property
    def middle(self) -> Quantity:
        """Return the place in the middle; that of a single one is a whole number if it is one."""
        return self.first if self.first is self.last else (self.first + self.last) / 2


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


@attrs.frozen
class Once:
    """A phase of one pass.

    Attributes:
        typical: its place.
    """

    typical: Quantity

    @property
    def several(self) -> bool:
        """Return whether there is more than one pass."""
        return False

    @property
    def steps(self) -> Quantity:
        """Return the number of passes."""
        return 1

    def stretches(self, operator: Operator) -> list[Stretch]:
        """Return the one pass."""
        return [Stretch(1, 1, self.typical, self.typical)]


@attrs.frozen
class Steps:
    """The decode steps of a request.

    Attributes:
        typical: the mean context.
        first: context of the first step.
        last: context of the last.
        steps: their number.
    """

    typical: Quantity
    first: Quantity
    last: Quantity
    steps: Quantity

    @property
    def several(self) -> bool:
        """Return whether there is more than one pass."""
        return True

    def stretches(self, operator: Operator) -> list[Stretch]:
        """Return the stretches of an operator."""
        return stretches(operator, self.first, self.last, self.steps)


@attrs.frozen
class Chunks:
    """The passes of a prefill in chunks.

    Attributes:
        start: tokens cached before the first.
        size: tokens of each.
        steps: their number.
        begun: whether there are such tokens.
    """

    start: Quantity
    size: Quantity
    steps: Quantity
    begun: bool

    @property
    def several(self) -> bool:
        """Return whether there may be more than one pass."""
        return True

    @property
    def typical(self) -> Quantity:
        """Return the mean place; without tokens cached before, one at which there are some."""
        return self.mean if self.begun else Max(self.steps - 1, 1) * self.size

    @property
    def mean(self) -> Quantity:
        """Return the mean place."""
        return self.start + (self.steps - 1) / 2 * self.size

    def stretches(self, operator: Operator) -> list[Stretch]:
        """Return the stretches of an operator."""
        least = 0 if self.begun else 1
        found = [] if self.begun else [Stretch(1, 1, 0, 0)]
        before: Quantity = least
        knees = operator.knees if operator.period is None else (operator.period,)
        for knee in knees:
            passes = (knee - self.start) / self.size
            full, over = (Min(Max(edge, least), Max(self.steps, least)) for edge in (floor(passes), ceil(passes)))
            found += [self._between(before, full), self._between(Max(before, full), over)]
            before = Max(before, over)
        return [*found, self._between(before, self.steps)]

    def _between(self, first: Quantity, end: Quantity) -> Stretch:
        """Return the passes from one up to, and without, another."""
        count = Max(end - first, 0)
        last = Max(end - 1, first)
        return Stretch(count, Max(count, 1), self.start + first * self.size, self.start + last * self.size)


Walk = Once | Steps | Chunks
"""The passes of a phase."""


def averaged(load: Load, ends: list[tuple[Stretch, Load, Load]], steps: Quantity, busy: bool = False) -> Load:
    """Return a load whose energies, traffic and crossing are the means over stretches, given at the ends of each.

    With `busy`, so are the times of its resources. A stretch may leave a memory alone that others use: the first chunk
    of a prompt reads no cache.
    """

    def mean(of: Callable[[Load], Any]) -> Any:
        return total(s.steps * (of(early) + of(late)) / 2 for s, early, late in ends) / steps

    def energies() -> Mapping[str, Quantity] | None:
        if load.energies is None:
            return None
        return {name: mean(lambda one, n=name: (one.energies or {}).get(n, 0)) for name in load.energies}  # type: ignore[misc]

    traffic = {
        memory: (
            mean(lambda one, m=memory: one.traffic.get(m, (0, 0))[0]),  # type: ignore[misc]
            mean(lambda one, m=memory: one.traffic.get(m, (0, 0))[1]),  # type: ignore[misc]
        )
        for memory in load.traffic
    }
    crossing = {network: mean(lambda one, n=network: one.crossing.get(n, 0)) for network in load.crossing}  # type: ignore[misc]
    found = attrs.evolve(load, energies=energies(), traffic=traffic, crossing=crossing)
    if not busy:
        return found
    arithmetic, data = (
        {name: mean(lambda one, w=way, n=name: getattr(one, w).get(n, 0)) for name in getattr(load, way)}  # type: ignore[misc]
        for way in ("arithmetic", "data")
    )
    return attrs.evolve(found, arithmetic=arithmetic, data=data)
