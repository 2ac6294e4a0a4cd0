"""From the times of operators to the time of a phase: microbatches in a pipeline, communication that is hidden.

A pipeline of P stages takes a pass in n parts, microbatches or chunks of a prompt, one after the other. With T the time
of one part through all stages and s that of the slowest stage, n parts take

    T + (n - 1) s,      and in decode and mixed steps, where a part starts again as it arrives, a step   max(T, n s).

The layers of a stage are the mean of all, or its own where layers lie in memories of their own. The first stage has the
embedding, the last the LM head.

Of a time C of computation and K of collectives, a share f that computation hides leaves

    C + K - min(f K, C),

and two micro-batches that take turns, each with half of the sequences and so with a reading of the weights of its own,
2 max(C, K) with C and K those of one half.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import attrs

from symarch.mapping import Mapping
from symarch.program import Max, Min, ceil, total
from symarch.technologies import Quantity
from symarch.trace import Operator


@attrs.frozen
class OperatorTime:
    """The time of one operator.

    Attributes:
        name: the operator's.
        phase: prefill, decode or mixed.
        count: runs in a prefill, or for one output token.
        time: of one run, the mean over the steps of decode, the chunks of prefill or the mixed steps [s].
        flops: of one run on one device, the same mean [FLOP].
        kind: the operator's.
    """

    name: str
    phase: str
    count: Quantity
    time: Quantity
    flops: Quantity
    kind: str


@attrs.frozen
class Communication:
    """The time of a phase's collectives.

    Attributes:
        exposed: what the phase waits for [s].
        hidden: what computation hides [s].
    """

    exposed: Quantity
    hidden: Quantity


@attrs.frozen
class Schedule:
    """How the passes of a phase follow each other.

    Attributes:
        phase: prefill, decode or mixed.
        stages: of the pipeline.
        filled: microbatches that are under way.
        rounds: passes of a prefill, of which each microbatch makes one after the other.
        halves: micro-batches that a microbatch is divided into, 1 or 2.
        hide: how communication is hidden.
    """

    phase: str
    stages: int
    filled: Quantity
    rounds: Quantity
    halves: Quantity
    hide: str | float

    @classmethod
    def of(cls, mapping: Mapping, batch: Quantity, phase: str, rounds: Quantity) -> Self:
        """Return the schedule of a phase with a batch."""
        replica, together = mapping.replica(batch), mapping.together(batch)
        halved = mapping.hide == "microbatches"
        filled: Quantity = 1
        halves: Quantity = 1
        if mapping.shard.pipeline > 1:
            whole = attrs.evolve(mapping, hide="none").together(batch)
            filled = ceil(replica / whole)
            halves = ceil(whole / together) if halved else 1
        elif halved:
            halves = ceil(replica / together)
        return cls(phase, mapping.shard.pipeline, filled, rounds if phase == "prefill" else 1, halves, mapping.hide)

    def repeated(self, count: Quantity) -> Quantity:
        """Return how often an operator runs that each micro-batch runs so often."""
        return count if _one(self.halves) else count * self.halves

    def mean(self, count: Quantity) -> Quantity:
        """Return how often the mean device runs an operator: of so many runs in all stages, for each microbatch."""
        return count if self.stages == 1 else count * self.filled / self.stages

    def beside(self, times: list[OperatorTime], operators: list[Operator]) -> tuple[list[OperatorTime], Communication]:
        """Return what is to be added to the sum of the operators' times, and the time of collectives.

        Lines of a name and a time, which may be negative: communication that is hidden, and what the pipeline adds.
        """
        parts: dict[tuple[str | int, bool], list[Quantity]] = {}
        for time, operator in zip(times, operators, strict=True):
            kind = "once" if operator.once and operator.stage == "last" else operator.stage
            collective, all_runs = operator.collective is not None, time.time * time.count
            for stage, share in enumerate(operator.shares):  # what is of one stage alone
                if share:
                    parts.setdefault((stage, collective), []).append(all_runs if share == 1 else all_runs * share)
            parts.setdefault(("own" if operator.shares else kind, collective), []).append(all_runs)
        sums = {key: total(values) for key, values in parts.items()}

        def summed(shares: dict[str | int, Any]) -> tuple[Quantity, Quantity]:
            """Return computation and communication, each part of the pipeline taken so many times."""
            found = []
            for collective in (False, True):
                terms = []
                for kind, share in shares.items():
                    value = sums.get((kind, collective))
                    if value is not None:
                        terms.append(value if isinstance(share, int) and share == 1 else value * share)
                found.append(total(terms))
            return found[0], found[1]

        extra = []
        whole = summed({"each": 1, "own": 1, "first": 1, "between": 1, "last": 1, "once": 1})
        hidden = self._hidden(*whole)
        if not _none(hidden):
            extra.append(OperatorTime("hidden_communication", self.phase, 1, 0 - hidden, 0, "schedule"))
        if self.stages > 1:
            path = total(whole) - hidden
            one = 1 if _one(self.rounds) else 1 / self.rounds
            unlike = any(kind == "own" for kind, _ in sums)
            stage = self._stage(summed, one, range(self.stages) if unlike else (0, self.stages - 1))
            if self.phase != "prefill":
                waited = Max(0, self.filled * stage - path)
            else:
                parts_under_way = self.filled if _one(self.rounds) else self.filled * self.rounds
                waited = (parts_under_way - 1) * stage
                if not _one(self.rounds):  # chunks follow each other through the stages instead of one by one
                    first = summed({"each": one, "own": one, "first": one, "between": one, "last": one, "once": 1})
                    waited = waited + (total(first) - self._hidden(*first)) - path
            extra.append(OperatorTime("pipeline_wait", self.phase, 1, waited, 0, "schedule"))
        return extra, Communication(whole[1] - hidden, hidden)

    def _stage(self, summed: Any, one: Quantity, stages: Iterable[int]) -> Quantity:
        """Return the time of the slowest of some stages for one part of the pass."""
        middle = one / self.stages
        found = []
        for stage in stages:
            shares: dict[str | int, Any] = {"each": middle, stage: one}
            if stage == 0:
                shares["first"] = one
            if stage == self.stages - 1:
                shares |= {"last": one, "once": one}
            computed, sent = summed(shares)
            found.append(computed + sent - self._hidden(computed, sent))
        return Max(*found)

    def _hidden(self, computed: Quantity, sent: Quantity) -> Quantity:
        """Return the time of collectives that computation hides."""
        if self.hide == "none" or _none(sent):
            return 0
        if self.hide == "microbatches":  # both sums are of all micro-batches: one has nothing to take turns with
            return (self.halves - 1) * Min(computed, sent)
        return Min(self.hide * sent, computed)


def _one(value: Any) -> bool:
    return isinstance(value, int) and value == 1


def _none(value: Any) -> bool:
    return isinstance(value, int | float) and value == 0


__all__ = ["Communication", "OperatorTime", "Schedule"]
