"""The operators of one phase's passes, traced at the places where they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from symarch.analysis.steps import averaged
from symarch.analysis.time import Bench, Load, load_of
from symarch.program import Max, total
from symarch.technologies import Quantity
from symarch.trace import Architecture, Operator, Shard

if TYPE_CHECKING:
    from symarch.analysis.model import Workload


class Traced:
    """The operators of one phase's passes.

    Args:
        model: whose.
        workload: of the passes.
        phase: prefill or decode.
        batch: sequences in each pass.
        shard: the part of the model on one device.
        renamed: turns an operator's name into that under which it is reported; None leaves it.
    """

    def __init__(self, model: Architecture, workload: Workload, phase: str, batch: Quantity, shard: Shard,
                 renamed: Callable[[str], str] | None = None) -> None:  # fmt: skip
        self.model, self.workload, self.phase, self.batch, self.shard = model, workload, phase, batch, shard
        self.walk = workload.walk(phase)
        self._renamed = renamed
        self._spread: list[Quantity | None] = []
        self._seen: dict[Any, list[Operator]] = {}
        self.original = self._trace(self.walk.typical)
        self.typical = self._named(self.original)
        """The operators of the typical pass; `original` has them under the names that the model gives them."""

    def _named(self, operators: list[Operator]) -> list[Operator]:
        if self._renamed is None:
            return operators
        return [attrs.evolve(o, name=self._renamed(o.name)) for o in operators]

    def _trace(self, place: Quantity) -> list[Operator]:
        found = self.model.operators(self.workload.step(self.phase, self.batch, place), self.shard)
        if self.phase == "prefill" and self.workload.chunk is not None:
            # attention in chunks of its own does not grow evenly from pass to pass: its work is spread over them
            if not self._spread:
                whole = attrs.evolve(self.workload, chunk=None).step(self.phase, self.batch, self.workload.prompt)
                # by name: the two passes need not have the same number of distinct operators
                of_one = {o.name: o.flops for o in self.model.operators(whole, self.shard)}
                for operator in found:
                    apart = operator.period is not None and operator.collective is None
                    self._spread.append(of_one[operator.name] / self.workload.rounds if apart else None)
            found = [o if f is None else attrs.evolve(o, flops=f) for o, f in zip(found, self._spread, strict=True)]
        return found

    def at(self, place: Quantity, position: int) -> Operator:
        """Return the operator at a position of the list in the pass at a place."""
        if place not in self._seen:
            self._seen[place] = self._named(self._trace(place))
        return self._seen[place][position]

    def mean_load(self, bench: Bench, position: int) -> tuple[Load, Quantity]:
        """Return the mean load of an operator over all passes, and its FLOPs.

        That is what sequences at all places of a phase put on a device that passes them together.
        """
        operator, walk = self.typical[position], self.walk
        load = load_of(bench, operator)
        if not (operator.context and walk.several):
            return load, operator.flops
        grown = walk.stretches(operator)
        if len(grown) == 1:  # loads grow evenly: the mean is that of the typical pass
            return load, operator.flops
        some = Max(walk.steps, 1)  # an output of one token has no step
        ends, flops = [], []
        for stretch in grown:
            first, last, middle = (self.at(p, position) for p in (stretch.first, stretch.last, stretch.middle))
            ends.append((stretch, load_of(bench, first, middle), load_of(bench, last, middle)))
            flops.append(stretch.steps * (first.flops + last.flops) / 2)
        return averaged(load, ends, some, busy=True), total(flops) / some


__all__ = ["Traced"]
