"""From a built system, a model and a mapping to metrics and constraints. Runs on any kind of scalar.

On floats it is the plain reference, on recording scalars it leaves the program, on bare dimensions it checks itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.analysis.time import (
    Bench,
    PowerLimit,
    collective_load,
    exposed_latency,
    mean_time,
    operator_load,
    time_of,
)
from symarch.errors import MappingError
from symarch.mapping import Mapping as Placed
from symarch.program import Max, ceil, mark, total
from symarch.program import name as leave_name
from symarch.system import SystemGraph
from symarch.technologies import Quantity, data_type
from symarch.trace import Architecture, Operator, Step

HIGHER_IS_BETTER = frozenset({"throughput", "throughput_per_user"})
"""Metrics of which more is better; of the others less is."""

NOTHING = 1e-9
"""Share of a power limit that is left for work where static power takes all of it."""

METRICS = {
    "ttft": ("s", "time to first token"),
    "tpot": ("s", "time per output token"),
    "request_time": ("s", "time to completion of a request"),
    "throughput": ("token/s", "output tokens of the whole system"),
    "throughput_per_user": ("token/s", "1 / tpot: of one sequence, in decode"),
    "energy_per_token": ("J", "energy of the whole system per output token"),
    "power": ("W", "mean power of the whole system"),
}
"""Unit and meaning of every metric."""


@attrs.frozen
class Workload:
    """What is asked of the system; all sizes may be symbols.

    Attributes:
        batch: sequences in flight in the whole system.
        prompt: tokens of each prompt.
        output: output tokens of each sequence.
        context: tokens that a single decode step attends to; None for the mean over `output`.
        bytes: bytes per element of each tensor class [B].
        flop_per_mac: floating-point operations of one multiply-add [FLOP].
        dtypes: data type of each tensor class.
        phases: prefill, decode, or both in this order.
    """

    batch: Quantity
    prompt: Quantity
    output: Quantity
    context: Quantity | None
    bytes: Mapping[str, Quantity]
    flop_per_mac: Quantity
    dtypes: Mapping[str, str]
    phases: tuple[str, ...]

    def step(self, phase: str, batch: Quantity, context: Quantity) -> Step:
        """Return one pass of a replica."""
        return Step(
            phase=phase,
            batch=batch,
            tokens=self.prompt if phase == "prefill" else 1,
            context=context,
            weights=self.bytes["weights"],
            experts=self.bytes.get("experts", self.bytes["weights"]),
            kv_cache=self.bytes["kv_cache"],
            activations=self.bytes["activations"],
            flop_per_mac=self.flop_per_mac,
            dtypes=self.dtypes,
        )


@attrs.frozen
class OperatorTime:
    """The time of one operator.

    Attributes:
        name: the operator's.
        phase: prefill or decode.
        count: runs in one pass.
        time: of one run, in decode the mean over steps [s].
        flops: of one run on one device, in decode at the mean context [FLOP].
        kind: the operator's.
    """

    name: str
    phase: str
    count: int
    time: Quantity
    flops: Quantity
    kind: str


@attrs.frozen
class Constraint:
    """A limit: feasible while used <= limit.

    Attributes:
        name: `hbm.capacity`, `gpu.power`.
        used: what is needed.
        limit: what there is.
        unit: of both.
    """

    name: str
    used: Quantity
    limit: Quantity
    unit: str


@attrs.frozen
class Model:
    """The model of a system under a workload.

    Attributes:
        metrics: value by name; metrics that cannot be computed are in `missing`.
        missing: for each metric that needs an absent quantity, the quantities it lacks.
        operators: times of the operators, in order.
        constraints: limits.
        assumptions: sentences on what was assumed or is not modelled.
    """

    metrics: Mapping[str, Quantity]
    missing: Mapping[str, tuple[str, ...]]
    operators: tuple[OperatorTime, ...]
    constraints: tuple[Constraint, ...]
    assumptions: tuple[str, ...]


@attrs.frozen
class _Pass:
    """One phase: its operators and the dynamic energy of one pass on one device."""

    operators: list[OperatorTime]
    time: Quantity
    energy: Quantity | None
    missing: tuple[str, ...]


def bench_of(system: SystemGraph, mapping: Placed) -> Bench:
    """Return the processor that operators run on, with its system. Raises MappingError if that is not clear."""
    names = list(system.processors)
    if len(names) > 1:
        raise MappingError(
            f"{system.spec.name} has {len(names)} processors ({', '.join(names)}); operators are mapped onto one"
        )
    return Bench(system, mapping, names[0], system.processors[names[0]])


def build_model(system: SystemGraph, model: Architecture, mapping: Placed, workload: Workload) -> Model:
    """Build metrics, operator times and constraints. Raises MappingError for a placement that cannot work."""
    bench = bench_of(system, mapping)
    batch = workload.batch if mapping.data == 1 else ceil(workload.batch / mapping.data)
    static, no_static = _static_power(bench)
    notes = _Notes(bench, workload, mapping)
    power, limit = power_limit(bench), bench.processor.power_limit
    if limit is not None and static is None:
        notes.add(f"the power limit does not act: {', '.join(no_static)} not modelled")
    passes: dict[str, _Pass] = {}
    for phase in workload.phases:
        passes[phase] = _run(bench, model, workload, phase, batch, power)
    metrics, missing = _metrics(workload, passes, static, no_static, system.devices)
    constraints = _capacities(bench, model, workload, batch)
    if limit is not None and "power" in metrics:
        constraints.append(Constraint(f"{bench.name}.power", metrics["power"] / system.devices, limit, "W"))
    for one in passes.values():
        if one.missing and power.budget is not None:
            notes.add(f"the power limit does not act: {', '.join(one.missing)} not modelled")
    operators = tuple(o for p in passes.values() for o in p.operators)
    return Model(metrics, missing, operators, tuple(constraints), tuple(notes.sentences()))


def _run(
    bench: Bench, model: Architecture, workload: Workload, phase: str, batch: Quantity, power: PowerLimit
) -> _Pass:
    mean, first, last, steps = _contexts(workload, phase)

    def trace(context: Quantity) -> list[Operator]:
        return model.operators(workload.step(phase, batch, context), bench.mapping.shard)

    typical = trace(mean)
    ends = (trace(first), trace(last)) if steps is not None else None
    order = bench.processor.overlap
    times: list[OperatorTime] = []
    energies: list[Any] = []
    missing: list[str] = []
    waits: list[tuple[str, Any]] = []
    for position, operator in enumerate(typical):
        if operator.collective is not None:
            name = bench.mapping.networks[operator.collective.axis]
            load = collective_load(bench.system.networks[name], operator, bench.mapping.shard.tensor)
        else:
            load = operator_load(bench, operator)
        limit = power.time(load.energy, operator.name)
        if operator.context and ends is not None:
            early, late = (operator_load(bench, e[position], operator) for e in ends)
            limits = (power.time(early.energy, operator.name), power.time(late.energy, operator.name))
            time = mean_time(order, steps, early, late, limits)
        else:
            time = time_of(order, load, limit)
        times.append(OperatorTime(operator.name, phase, operator.count, time, operator.flops, operator.kind))
        energies.append(None if load.energy is None else load.energy * operator.count)
        missing += load.missing
        waits += load.streamed
    if bench.processor.prefetch == "step":
        wait = exposed_latency(bench.processor, waits, "first_access")
        if wait is not None:
            times.append(OperatorTime("first_access", phase, 1, wait, 0, "latency"))
    known = None if missing else total(energies)
    return _Pass(times, total(t.time * t.count for t in times), known, tuple(dict.fromkeys(missing)))


def _contexts(workload: Workload, phase: str) -> tuple[Any, Any, Any, Any]:
    """Return mean, first and last context of a phase, and the number of decode steps; None where one pass is all."""
    if phase == "prefill":
        return workload.prompt, None, None, None
    if workload.context is not None:
        return workload.context, None, None, None
    first, last = workload.prompt + 1, workload.prompt + workload.output - 1
    return workload.prompt + workload.output / 2, first, last, workload.output - 1


def _metrics(workload: Workload, passes: Mapping[str, _Pass], static: Quantity | None, no_static: tuple[str, ...],
             devices: int) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:  # fmt: skip
    metrics: dict[str, Any] = {}
    batch = workload.batch
    prefill, decode = passes.get("prefill"), passes.get("decode")
    if prefill:
        metrics["ttft"] = leave_name(prefill.time, "ttft")
    if decode:
        metrics["tpot"] = leave_name(decode.time, "tpot")
        metrics["throughput_per_user"] = 1 / metrics["tpot"]
    if prefill and decode:
        rounds = workload.output - 1
        elapsed = metrics["request_time"] = metrics["ttft"] + rounds * metrics["tpot"]
        tokens = batch * workload.output
    else:
        elapsed, tokens = metrics["tpot" if decode else "ttft"], batch
    metrics["throughput"] = tokens / elapsed
    lacking = tuple(dict.fromkeys([*no_static, *(m for p in passes.values() for m in p.missing)]))
    if lacking or static is None:
        return metrics, {"energy_per_token": lacking, "power": lacking}
    if prefill and decode:
        dynamic = prefill.energy + (workload.output - 1) * decode.energy
    else:
        dynamic = (prefill or decode).energy  # type: ignore[union-attr]  # one of the two is there
    idle = mark(static * elapsed, "static", "static power", "", "J")
    energy = devices * (dynamic + idle)
    metrics["energy_per_token"] = energy / tokens
    metrics["power"] = energy / elapsed
    return metrics, {}


def _static_power(bench: Bench) -> tuple[Quantity | None, tuple[str, ...]]:
    """Return the static power of one device and the processors and memories that do not model theirs."""
    parts, missing = [], []
    system = bench.system
    components: list[tuple[str, Any]] = [*system.processors.items(), *system.memories.items()]
    for name, component in components:
        if component.static_power is None:
            missing.append(f"{name}.static_power")
        else:
            parts.append(component.static_power / system.shared_by(name))
    for link in (*system.links.values(), *(n.link for n in system.networks.values())):
        if link.static_power is not None:
            parts.append(link.static_power)
    return (None if missing else total(parts)), tuple(missing)


def power_limit(bench: Bench) -> PowerLimit:
    """Return what a device may draw beyond its static power; no budget where limit or static power is unknown."""
    limit, static = bench.processor.power_limit, _static_power(bench)[0]
    if limit is None or static is None:
        return PowerLimit(f"{bench.name}.power", None)
    # a limit below the static power leaves nothing to work with: practically endless, instead of no limit at all
    return PowerLimit(f"{bench.name}.power", Max(limit - static, limit * NOTHING))


def _capacities(bench: Bench, model: Architecture, workload: Workload, batch: Quantity) -> list[Constraint]:
    """Return the capacity constraint of every memory, at the largest context."""
    stored = model.stored(bench.mapping.shard)
    tokens = workload.context if workload.context is not None else workload.prompt + workload.output
    need: dict[str, list[Quantity]] = {}
    need.setdefault(bench.mapping.place["weights"], []).append(stored.weights * workload.bytes["weights"])
    if stored.experts:
        experts = stored.experts * workload.bytes["experts"]
        need.setdefault(bench.mapping.place["experts"], []).append(experts)
    cache = batch * tokens * (stored.kv_per_token * workload.bytes["kv_cache"])
    need.setdefault(bench.mapping.place["kv_cache"], []).append(cache)
    constraints = []
    for name, memory in bench.system.memories.items():
        used = total(need.get(name, [])) * bench.system.shared_by(name)
        constraints.append(Constraint(f"{name}.capacity", used, memory.capacity, "B"))
    return constraints


class _Notes:
    """Collects the sentences that say what was assumed and what is not modelled."""

    def __init__(self, bench: Bench, workload: Workload, mapping: Placed) -> None:
        self.bench, self.workload, self.mapping = bench, workload, mapping
        self.extra: list[str] = []

    def add(self, sentence: str) -> None:
        """Note a sentence once."""
        if sentence not in self.extra:
            self.extra.append(sentence)

    def sentences(self) -> list[str]:
        """Return all sentences, the mapping's first."""
        found = [*self.mapping.assumptions, *self._workload(), *self.extra]
        for part in (self._processor, self._memories, self._links):
            found += part()
        return list(dict.fromkeys(found))

    def _workload(self) -> list[str]:
        notes = ["activations held between operators are not counted against memory capacity"]
        if "prefill" in self.workload.phases:
            notes.append("prefill reads all prompts of the batch in one pass, without a queue")
        if "decode" in self.workload.phases and self.workload.context is None:
            notes.append("granules and tiles of growing tensors are rounded at the mean context of the decode steps")
        arithmetic = {}
        for name in set(self.workload.dtypes.values()):
            served = self.bench.processor.arithmetic(name)
            if served != name and (name, served) not in (("fp16", "bf16"),):
                arithmetic[name] = served
        notes += [f"{n} is computed in {s} on {self.bench.name}" for n, s in sorted(arithmetic.items())]
        if any(data_type(n).bytes < 2 for n in self.workload.dtypes.values()):
            notes.append("a narrower data type is charged the energy per FLOP of 16-bit arithmetic")
        return notes

    def _processor(self) -> list[str]:
        processor, notes = self.bench.processor, []
        if processor.outstanding is None:
            notes.append(f"{self.bench.name} keeps any number of bytes in flight (outstanding is not limited)")
        return notes + _own(processor)

    def _memories(self) -> list[str]:
        notes = []
        for name, memory in self.bench.system.memories.items():
            if memory.write_bandwidth is None:
                notes.append(f"{name}: write bandwidth is not modelled and equals read bandwidth")
            if memory.read_latency is None:
                notes.append(f"{name}: latency is not modelled and not exposed")
            path = self.bench.system.paths.get((self.bench.name, name))
            behind = [s.resource for s in path.segments[:-2]] if path else []
            if behind:
                notes.append(f"{name} is reached through {', '.join(behind)}")
            notes += _own(memory)
        return notes

    def _links(self) -> list[str]:
        notes = []
        system = self.bench.system
        used = set(self.mapping.networks.values())
        links = [*system.links.items(), *((n.name, n.link) for n in system.networks.values() if n.name in used)]
        for name, link in links:
            if link.static_power is None:
                notes.append(f"{name}: static power is not modelled and not counted")
            notes += _own(link)
        for network in system.networks.values():
            if network.name in used:
                if network.link.software_latency is None:
                    notes.append(f"{network.name}: endpoint software latency is not modelled and not counted")
                notes += _own(network.topology)
        return notes


def _own(technology: Any) -> list[str]:
    return [f"{technology.component}: {sentence}" for sentence in type(technology).assumptions]
