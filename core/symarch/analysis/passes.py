"""One pass through the model on one device, added up from its operators; and the mean of passes of several kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from symarch.analysis.limits import budgets_of
from symarch.analysis.schedule import Communication, OperatorTime, Schedule
from symarch.analysis.time import Bench, Load, exposed_latency, limited_time
from symarch.program import Max, total
from symarch.technologies import Quantity
from symarch.trace import Operator

if TYPE_CHECKING:
    from symarch.analysis.model import Benches


@attrs.frozen
class Pass:
    """One phase on one device, the mean one of a pipeline.

    Attributes:
        operators: their times.
        time: of one pass [s].
        energies: dynamic energy of one pass by component [J], None if a part is not modelled.
        missing: quantities that the energies lack.
        traffic: bytes of one pass (read, written) by memory [B]; of a pipeline whose stages differ those of the stage
            with the most.
        tensors: parts of tensor classes (class, part) that the operators of each processor touch.
        crossing: bytes of one pass that cross the bisection of each network [B].
        communication: time of collectives that is exposed, and that is hidden [s].
    """

    operators: list[OperatorTime]
    time: Quantity
    energies: Mapping[str, Quantity] | None
    missing: tuple[str, ...]
    traffic: Mapping[str, tuple[Quantity, Quantity]]
    tensors: Mapping[str, set[tuple[str, str]]]
    crossing: Mapping[str, Quantity]
    communication: Communication

    @property
    def energy(self) -> Quantity:
        """All dynamic energy of one pass [J]; to be asked for where none is missing."""
        return total((self.energies or {}).values())


class Accounts:
    """Adds up the operators of a pass.

    Args:
        benches: the processors that they run on.
        statics: static power by component.
        schedule: how passes follow each other.
        phase: the pass's.
        runs: how often an operator runs.
    """

    def __init__(self, benches: Benches, statics: Mapping[str, Quantity | None], schedule: Schedule, phase: str,
                 runs: Callable[[Operator], Quantity]) -> None:  # fmt: skip
        self.benches, self.schedule, self.phase, self.runs = benches, schedule, phase, runs
        self._budgets = {b.name: budgets_of(b, statics)[0] for b in benches.all}
        self._times: list[OperatorTime] = []
        self._stages: list[Operator] = []
        self._loads: list[tuple[Quantity, Load]] = []
        self._waits: dict[str, list[tuple[str, Any]]] = {}
        self._tensors: dict[str, set[tuple[str, str]]] = {}

    def limit(self, bench: Bench, load: Load, operator: str) -> Quantity | None:
        """Return the time that limits on power and temperature make a load take [s]; None if none acts."""
        return limited_time(self._budgets[bench.name], load.energies, operator)

    def add(self, bench: Bench, operator: Operator, load: Load, time: Quantity, flops: Quantity,
            share: Quantity = 1) -> None:  # fmt: skip
        """Add an operator with the time of a run, in that share of the passes that have it at all."""
        always = isinstance(share, int) and share == 1
        count = self.schedule.repeated(self.runs(operator))
        mean = self.schedule.mean(count)
        self._times.append(
            OperatorTime(operator.name, self.phase, count, time if always else time * share,
                         flops if always else flops * share, operator.kind)
        )  # fmt: skip
        self._stages.append(operator)
        self._loads.append((mean if always else mean * share, load))
        self._waits.setdefault(bench.name, []).extend(load.streamed)
        self._tensors.setdefault(bench.name, set()).update((a.tensor, a.part) for a in operator.accesses)

    def closed(self) -> Pass:
        """Return the pass, with what is exposed once in each, and what the schedule adds."""
        stages = self.benches.main.mapping.shard.pipeline
        for bench in self.benches.all:
            if bench.processor.prefetch == "step":
                name = "first_access" if bench is self.benches.main else f"first_access_{bench.name}"
                wait = exposed_latency(bench.processor, self._waits.get(bench.name, []), name)
                if wait is not None:
                    first = Operator(name, "latency", stages)  # once in every stage
                    once = self.schedule.repeated(self.runs(first))
                    self._times.append(OperatorTime(name, self.phase, once, wait, 0, "latency"))
                    self._stages.append(first)
        extra, communication = self.schedule.beside(self._times, self._stages)
        times, loads = [*self._times, *extra], self._loads
        missing = tuple(dict.fromkeys(m for _, load in loads for m in load.missing))
        return Pass(
            times,
            total(t.time * t.count for t in times),
            None if missing else summed((load.energies or {}, count) for count, load in loads),
            missing,
            self._traffic(stages),
            self._tensors,
            summed((load.crossing, count) for count, load in loads),
            communication,
        )

    def _traffic(self, stages: int) -> dict[str, tuple[Quantity, Quantity]]:
        """Return the bytes of a pass by memory, of a pipeline whose stages differ those of the stage with the most."""
        moved = list(zip(self._stages, self._loads, strict=False))  # what is exposed once moves nothing of its own
        if not any(operator.shares for operator, _ in moved):
            return _traffic((load.traffic, count) for _, (count, load) in moved)
        own = [
            _traffic(
                (load.traffic, count * (stages * operator.shares[stage]) if operator.shares else count)
                for operator, (count, load) in moved
            )
            for stage in range(stages)
        ]
        return {m: (Max(*(t[m][0] for t in own)), Max(*(t[m][1] for t in own))) for m in own[0]}


def combined(parts: list[tuple[Quantity, Pass]]) -> Pass:
    """Return the mean of passes, each with its share of all."""
    names = dict.fromkeys(o.name for _, one in parts for o in one.operators)
    found = [(share, {o.name: o for o in one.operators}, one) for share, one in parts]
    operators = [_mean([(share, own[name]) for share, own, _ in found if name in own]) for name in names]
    missing = tuple(dict.fromkeys(m for _, one in parts for m in one.missing))
    tensors: dict[str, set[tuple[str, str]]] = {}
    for _, one in parts:
        for name, classes in one.tensors.items():
            tensors.setdefault(name, set()).update(classes)
    return Pass(
        operators,
        total(share * one.time for share, one in parts),
        None if missing else summed((one.energies or {}, share) for share, one in parts),
        missing,
        _traffic((one.traffic, share) for share, one in parts),
        tensors,
        summed((one.crossing, share) for share, one in parts),
        Communication(*(total(repeated(getattr(one.communication, way), share) for share, one in parts)
                        for way in ("exposed", "hidden"))),
    )  # fmt: skip


def _mean(parts: list[tuple[Quantity, OperatorTime]]) -> OperatorTime:
    """Return the mean of an operator: of its runs where they are as many in all passes, else of all its time."""
    first = parts[0][1]
    if all(o.count is first.count or o.count == first.count for _, o in parts):
        time, flops = (total(repeated(getattr(o, of), share) for share, o in parts) for of in ("time", "flops"))
        return attrs.evolve(first, time=time, flops=flops)
    count = total(share * o.count for share, o in parts)
    sums = [total(repeated(getattr(o, of), share * o.count) for share, o in parts) for of in ("time", "flops")]
    time, flops = (repeated(value, 1 / count) for value in sums)
    return attrs.evolve(first, count=count, time=time, flops=flops)


def repeated(value: Quantity, count: Quantity) -> Quantity:
    """Return a figure so many times; nothing stays a plain 0, however often."""
    return 0 if isinstance(value, int) and value == 0 else value * count


def summed(parts: Iterable[tuple[Mapping[str, Quantity], Quantity]]) -> dict[str, Quantity]:
    """Add up figures by name, each so many times."""
    found: dict[str, list[Quantity]] = {}
    for figures, count in parts:
        for name, value in figures.items():
            found.setdefault(name, []).append(repeated(value, count))
    return {name: total(values) for name, values in found.items()}


def _traffic(
    parts: Iterable[tuple[Mapping[str, tuple[Quantity, Quantity]], Quantity]],
) -> dict[str, tuple[Quantity, Quantity]]:
    kept = list(parts)
    ways = [summed(({m: t[way] for m, t in traffic.items()}, n) for traffic, n in kept) for way in (0, 1)]
    return {memory: (ways[0][memory], ways[1][memory]) for memory in ways[0]}


__all__ = ["Accounts", "Pass", "combined", "repeated", "summed"]
