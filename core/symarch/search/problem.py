"""What is searched, and the running of candidates: the model on plain numbers, the graph built once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import attrs

from symarch.analysis import METRICS, Constraint, Model, Request
from symarch.analysis.model import capacities_of
from symarch.analysis.record import run_on, symbols_of, workload_of
from symarch.errors import SymarchError, UnknownNameError, WorkloadError, nearest
from symarch.mapping import resolve
from symarch.search.found import Broken, Candidate
from symarch.specs import System
from symarch.specs.placement import PLACED, described
from symarch.system import SystemGraph
from symarch.trace import Architecture, Placeable
from symarch.trace.parts import EMBEDDINGS

SLACK = 1e-12
"""Relative excess that is no excess: that of rounding."""


def open_classes(system: System, model: Architecture) -> tuple[str, ...]:
    """Return the classes of tensors that a model has and a system leaves open."""
    apart = isinstance(model, Placeable) and not model.tied
    mine = [t for t in PLACED if t in model.tensors or (t == EMBEDDINGS and apart)]
    return tuple(t for t in mine if f"place.{t}" in system.auto)


@attrs.frozen
class Problem:
    """What is searched.

    Attributes:
        system: with the keys of its mapping that are open.
        model: the model.
        request: the kind of workload of a system; of a recorded trace it depends on the replicas.
        values: symbols that are given, among them the sizes of the workload.
        objective: the metric.
        limits: the most that some times may be [s], by metric.
        batch: sequences in the whole system, None for the most that fit.
    """

    system: System
    model: Architecture
    request: Callable[[System], Request]
    values: Mapping[str, float]
    objective: str
    limits: Mapping[str, float]
    batch: float | None


class Runner:
    """Runs the candidates of a problem.

    Attributes:
        problem: the problem.
        evaluations: how often the model was run in full.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.evaluations = 0
        closed = attrs.evolve(problem.system, auto=frozenset())
        known = {n: s.value for n, s in symbols_of(closed, attrs.evolve(self._any(), fixed={})).items()}
        self.known = known | dict(problem.values)
        self.graph = SystemGraph.build(closed, lambda component, parameter, _: self.known[f"{component}.{parameter}"])

    def _any(self) -> Request:
        """Return the kind of workload but for sizes that a recorded trace fixes."""
        return self.problem.request(self.problem.system)

    def _value(self, batch: float) -> Callable[[str], float]:
        return lambda name: batch if name == "batch" else self.known[name]

    def run(self, system: System, batch: float) -> Model:
        """Run the model in full."""
        self.evaluations += 1
        request = self.problem.request(system)
        return run_on(system, self.problem.model, request, self._value(batch), {"": self.graph})

    def overfull(self, system: System, batch: float) -> tuple[Broken, ...]:
        """Return the capacities that a candidate breaks, without running the model."""
        workload = workload_of(self.problem.request(system), self._value(batch))
        mapping = resolve(system, self.problem.model)
        return broken(capacities_of(self.graph, self.problem.model, mapping, workload), capacities=True)

    def judged(self, system: System, batch: float, model: Model | None = None) -> Candidate:
        """Return a candidate as it comes out; one that capacities rule out is not run."""
        found = self.overfull(system, batch) if model is None else ()
        if not found and model is None:
            model = self.run(system, batch)
        if model is None:
            return self._candidate(system, batch, None, found)
        found = (*broken(model.constraints), *self.missed(model))
        return self._candidate(system, batch, model, found)

    def complete(self, candidate: Candidate) -> Candidate:
        """Return a candidate with its metrics."""
        if candidate.metrics:
            return candidate
        return self.judged(candidate.system, candidate.batch, self.run(candidate.system, candidate.batch))

    def missed(self, model: Model) -> tuple[Broken, ...]:
        """Return the limits on metrics that are missed."""
        return tuple(
            Broken(name, float(model.metrics[name]), limit, METRICS[name][0])
            for name, limit in self.problem.limits.items()
            if model.metrics[name] > limit * (1 + SLACK)
        )

    def _candidate(self, system: System, batch: float, model: Model | None, found: tuple[Broken, ...]) -> Candidate:
        mapping = resolve(system, self.problem.model)
        times: dict[tuple[str, str], float] = {}
        for o in model.operators if model else ():
            key = (o.phase, o.name)
            times[key] = times.get(key, 0) + float(o.time * o.count)
        fixed = self.problem.request(system).fixed.get("batch", batch)
        return Candidate(
            system=system,
            degrees=mapping.degrees,
            microbatches=mapping.microbatches,
            place={t: described(mapping.place[t]) for t in open_classes(self.problem.system, self.problem.model)},
            batch=int(fixed),
            metrics={n: float(v) for n, v in model.metrics.items()} if model else {},
            broken=found,
            times=times,
        )


def broken(constraints: Iterable[Constraint], capacities: bool = False) -> tuple[Broken, ...]:
    """Return the constraints that are broken, capacities first; or capacities alone."""
    found = []
    for c in constraints:
        capacity = c.name.endswith(".capacity")
        if c.used > c.limit * (1 + SLACK) and (capacity or not capacities):
            found.append(Broken(c.name, float(c.used), float(c.limit), c.unit, capacity))
    return tuple(sorted(found, key=lambda b: not b.hard))


def check_metric(metric: str, model: Model, phases: tuple[str, ...]) -> None:
    """Raise an error if a metric cannot be searched for, or limited."""
    if metric not in METRICS:
        raise UnknownNameError(f"unknown objective '{metric}'; {nearest(metric, METRICS)}")
    if metric in model.missing:
        raise SymarchError(f"{metric} cannot be searched for: {', '.join(model.missing[metric])} not modelled")
    if metric not in model.metrics:
        there = ", ".join(model.metrics)
        raise WorkloadError(f"{metric} does not exist in phase {' and '.join(phases)}; there are: {there}")
