"""From a built system, a model and a mapping to metrics and constraints. Runs on any kind of scalar.

On floats it is the plain reference, on recording scalars it leaves the program, on bare dimensions it checks itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from symarch.analysis.cost import Fleet, bought, cost_metrics, lasting, running
from symarch.analysis.held import held_by
from symarch.analysis.limits import (
    Constraint,
    bisections,
    budgets_of,
    free_capacity,
    lifetimes,
    limit_constraints,
    prefetch_buffers,
    static_powers,
    supply_constraints,
    wear_of,
)
from symarch.analysis.mixed import Mix, mixed_pass
from symarch.analysis.notes import Note, grouped
from symarch.analysis.passes import Accounts, Pass, combined, summed
from symarch.analysis.runtime import HOST, Loop, host_line, hosted, ranks, scheduled
from symarch.analysis.schedule import Communication, OperatorTime, Schedule
from symarch.analysis.steps import Chunks, Once, Steps, Walk, averaged
from symarch.analysis.time import Bench, load_of, mean_time, time_of
from symarch.analysis.traced import Traced
from symarch.errors import MappingError, nearest
from symarch.mapping import Mapping as Placed
from symarch.mapping.placement import notes_on, parted, place_of
from symarch.program import Max, ceil, mark, total
from symarch.program import name as leave_name
from symarch.system import SystemGraph
from symarch.technologies import Quantity, data_type
from symarch.technologies.check import OPERATOR_KINDS
from symarch.trace import Architecture, Operator, Step

HIGHER_IS_BETTER = frozenset({"throughput", "throughput_per_user", "throughput_per_watt", "throughput_per_dollar"})
"""Metrics of which more is better; of the others less is."""

METRICS = {
    "ttft": ("s", "time to first token"),
    "tpot": ("s", "time per output token"),
    "request_time": ("s", "time to completion of a request"),
    "throughput": ("token/s", "output tokens of the whole system"),
    "throughput_per_user": ("token/s", "1 / tpot, of one sequence"),
    "energy_per_token": ("J", "energy for each output token"),
    "power": ("W", "mean power of the whole system"),
    "throughput_per_watt": ("token/J", "throughput over power"),
    "cost_per_million_tokens": ("USD", "money for a million output tokens"),
    "throughput_per_dollar": ("token/USD", "output tokens for each dollar"),
    "carbon_per_million_tokens": ("kg", "CO2 equivalent of a million tokens"),
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
        phases: prefill, decode, or both in this order; or mixed, where steps are of both.
        prefix: tokens of each prompt that are cached before, the same for all sequences of a replica.
        chunk: tokens of a pass of prefill at most; None for the whole prompt in one pass.
        draft: drafted tokens that a decode step verifies beside the one it makes.
        acceptance: share of drafted tokens that is accepted; None without a draft.
        standing: sequences whose caches are kept, None: those of the batch. More, where only some pass at once.
        hit_rate: share of requests whose prefix is cached; None for all.
        step_tokens: tokens that a mixed step passes at most; None for any number.
    """

    batch: Quantity
    prompt: Quantity
    output: Quantity
    context: Quantity | None
    bytes: Mapping[str, Quantity]
    flop_per_mac: Quantity
    dtypes: Mapping[str, str]
    phases: tuple[str, ...]
    prefix: Quantity = 0
    chunk: Quantity | None = None
    draft: int = 0
    acceptance: Quantity | None = None
    standing: Quantity | None = None
    hit_rate: Quantity | None = None
    step_tokens: Quantity | None = None

    @property
    def kinds(self) -> list[tuple[Quantity, Workload]]:
        """Return the kinds of requests with their shares: their prefix is cached, or it is not."""
        if self.hit_rate is None:
            return [(1, self)]
        missed = attrs.evolve(self, prefix=0, hit_rate=None)
        return [(self.hit_rate, attrs.evolve(self, hit_rate=None)), (1 - self.hit_rate, missed)]

    @property
    def fresh(self) -> Quantity:
        """Return the tokens of each prompt that prefill reads."""
        return self.prompt - self.prefix if self.shares else self.prompt

    @property
    def shares(self) -> bool:
        """Return whether sequences share a prefix."""
        return not (isinstance(self.prefix, int) and self.prefix == 0)

    @property
    def rounds(self) -> Quantity:
        """Return the passes of a prefill."""
        return 1 if self.chunk is None else ceil(self.fresh / self.chunk)

    @property
    def yielded(self) -> Quantity:
        """Return the tokens that a decode step makes of each sequence on average: 1 + A + A^2 + ..."""
        found: Quantity = 1
        if self.acceptance is not None:
            for _ in range(self.draft):
                found = 1 + self.acceptance * found
        return found

    def walk(self, phase: str) -> Walk:
        """Return the passes of a phase, prefill or decode."""
        if phase == "prefill":
            if self.chunk is None:
                return Once(self.prompt)
            return Chunks(self.prefix, self.fresh / self.rounds, self.rounds, self.shares)
        if self.context is not None:
            return Once(self.context)
        first, last = self.prompt + 1, self.prompt + self.output - 1
        return Steps(self.prompt + self.output / 2, first, last, self.output - 1)

    def mean(self, phase: str) -> Quantity:
        """Return the place of the mean pass of a phase, as `step` takes it."""
        walk = self.walk(phase)
        return walk.mean if isinstance(walk, Chunks) else walk.typical

    def runs(self, operator: Operator, phase: str) -> Quantity:
        """Return how often an operator runs in a prefill; in decode and mixed steps, for one output token."""
        if phase == "prefill":
            return operator.count if self.chunk is None or operator.once else operator.count * self.rounds
        return operator.count / self.yielded if self.draft else operator.count

    def step(self, phase: str, batch: Quantity, place: Quantity) -> Step:
        """Return one pass of a replica.

        Its place is the context that the first new token of a decode step attends to, the tokens cached before a
        chunk of prefill, and the prompt where prefill is one pass.
        """
        tokens, context, past = self.fresh, place, self.prefix
        if phase == "decode":
            tokens, past = 1 + self.draft, 0
            context = place + self.draft if self.draft else place
        elif self.chunk is not None:
            tokens, past = self.fresh / self.rounds, place
            context = place + tokens
        return Step(
            phase=phase,
            batch=batch,
            tokens=tokens,
            context=context,
            weights=self.bytes["weights"],
            experts=self.bytes.get("experts", self.bytes["weights"]),
            kv_cache=self.bytes["kv_cache"],
            activations=self.bytes["activations"],
            flop_per_mac=self.flop_per_mac,
            dtypes=self.dtypes,
            state=self.bytes.get("state", 0),
            past=past,
            final=None if self.context is not None else self.prompt + self.output,
        )

    def rows(self, count: Quantity) -> Step:
        """Return a pass of so many rows, whichever sequences they are of: for what does not depend on their past."""
        return attrs.evolve(self.step("decode", count, self.prompt), tokens=1, mixed=True)


@attrs.frozen
class Model:
    """The model of a system under a workload.

    Attributes:
        metrics: value by name; metrics that cannot be computed are in `missing`.
        missing: for each metric that needs an absent quantity, the quantities it lacks.
        operators: times of the operators, in order.
        constraints: limits.
        assumptions: on what was assumed or is not modelled.
        communication: the time of collectives by phase.
        spent: dynamic energy of one pass of all devices by phase [J], None if a part is not modelled.
        static: static power of all devices [W], None if a part is not modelled.
        lasting: of each memory that wears, how long it lasts [s] and how many are bought in the machines' life.
        spare: what static power leaves of each limit on power or temperature [W or K]; at 0 and below nothing runs.
    """

    metrics: Mapping[str, Quantity]
    missing: Mapping[str, tuple[str, ...]]
    operators: tuple[OperatorTime, ...]
    constraints: tuple[Constraint, ...]
    assumptions: tuple[Note, ...]
    communication: Mapping[str, Communication]
    spent: Mapping[str, Quantity | None]
    static: Quantity | None
    lasting: Mapping[str, tuple[Quantity, Quantity]]
    spare: Mapping[str, Quantity]


@attrs.frozen
class Benches:
    """The processors that operators run on, each with its system.

    Attributes:
        main: the one for all operators that no other is named for.
        others: by kind or name of operator.
    """

    main: Bench
    others: Mapping[str, Bench]

    def of(self, operator: Operator) -> Bench:
        """Return where an operator runs: its name counts before its kind."""
        return self.others.get(operator.base, self.others.get(operator.kind, self.main))

    @property
    def all(self) -> list[Bench]:
        """All processors that operators may run on, the main one first."""
        return list({b.name: b for b in (self.main, *self.others.values())}.values())


def benches_of(system: SystemGraph, mapping: Placed) -> Benches:
    """Return the processors that operators run on."""

    def bench(name: str) -> Bench:
        return Bench(system, mapping, name, system.processors[name])

    return Benches(bench(mapping.processor), {key: bench(name) for key, name in mapping.run.items()})


def _check_run(mapping: Placed, model: Architecture, workload: Workload) -> None:
    """Raise MappingError if the mapping names an operator that the model does not have."""
    if not mapping.run:
        return
    found = list(OPERATOR_KINDS)
    for phase in ("prefill", "decode") if "mixed" in workload.phases else workload.phases:
        step = workload.step(phase, mapping.together(workload.batch), workload.walk(phase).typical)
        found += [o.base for o in model.operators(step, mapping.shard) if o.collective is None]
    known = list(dict.fromkeys(found))
    for key in mapping.run:
        if key not in known:
            raise MappingError(f"mapping.run.{key}: the model has no such operator; {nearest(key, known)}")


def build_model(
    system: SystemGraph, model: Architecture, mapping: Placed, workload: Workload, named: bool = True
) -> Model:
    """Build metrics, operator times and constraints. Raises MappingError for a placement that cannot work.

    Args:
        system: the components.
        model: what runs on them.
        mapping: how it lies on them.
        workload: what is asked.
        named: whether this is a whole: its phases' times are definitions that formulas show by name, a runtime adds to
            them, and it has a price. Otherwise it is one of several pools.
    """
    benches = benches_of(system, mapping)
    model = parted(model, mapping.place, workload.prefix if workload.shares else 0)
    statics = static_powers(system)
    no_static = tuple(f"{name}.static_power" for name, power in statics.items() if power is None)
    static = None if no_static else total(p for p in statics.values())
    notes = _Notes(benches, workload, mapping)
    for sentence in notes_on(model, mapping.place, workload.shares):
        notes.add(sentence)
    _check_run(mapping, model, workload)
    passes = work = _passes(benches, model, workload, statics, named)
    if named and system.runtime is not None and workload.phases == ("prefill", "decode"):
        passes, work = _loaded(benches, model, workload, statics, passes)
    metrics, missing = _metrics(workload, mapping, passes, work, static, no_static, system.devices, named)
    rates = _Rates.over(workload, work, None if work is passes else metrics["request_time"])
    wear = wear_of(system, rates.traffic)
    lives = lasting(system, wear)
    if named:
        idle = 0 if static is None or (isinstance(static, int) and static == 0) else static * system.devices
        more, unpriced, said = cost_metrics([Fleet(system, lasting=lives)], running(metrics, missing, idle))
        metrics, missing = metrics | more, missing | unpriced
        for sentence in (*said, *runtime_notes(system, workload)):
            notes.add(sentence)
    constraints = _capacities(benches, model, workload, work)
    constraints += prefetch_buffers(benches.main, rates.traffic)
    spare: dict[str, Quantity] = {}
    for bench in benches.all:
        budgets, unknown = budgets_of(bench, statics)
        for why in (unknown, tuple(dict.fromkeys(m for p in work.values() for m in p.missing))):
            if why and bench.processor.limits():
                notes.add(f"the power limit does not act: {', '.join(why)} not modelled")
        if rates.powers is not None:
            constraints += limit_constraints(budgets, rates.powers)
            spare |= {b.name: b.spare for b in budgets}
    lacking = missing.get("power", ())
    if lacking and system.supplies:
        notes.add(f"{', '.join(system.supplies)}: the power is not checked: {', '.join(lacking)} not modelled")
    elif rates.powers is not None and static is not None:
        constraints += supply_constraints(system, total(rates.powers.values()) + static)
    constraints += lifetimes(system, wear)
    constraints += bisections(system, rates.crossing)
    operators = tuple(o for p in passes.values() for o in p.operators)
    communication = {phase: p.communication for phase, p in passes.items()}
    spent = {phase: None if p.energies is None else system.devices * p.energy for phase, p in work.items()}
    standing = None if static is None else system.devices * static
    lasts = {name: (life, bought(system, life)) for name, life in lives.items()}
    return Model(
        metrics, missing, operators, tuple(constraints), notes.all(), communication, spent, standing, lasts, spare
    )


def _passes(
    benches: Benches,
    model: Architecture,
    workload: Workload,
    statics: Mapping[str, Quantity | None],
    served: bool,
) -> dict[str, Pass]:
    """Return the pass of each phase; of a prefill that finds its prefix at some rate, the mean one.

    `served`: with what the runtime adds to each pass, if the system has one.
    """

    def run(one: Workload, phase: str) -> Pass:
        found = (
            mixed_pass(benches, model, one, statics) if phase == "mixed" else _run(benches, model, one, phase, statics)
        )
        runtime = benches.main.system.runtime
        if runtime is None or not served:
            return found
        runs = one.runs(Operator(HOST, "host"), phase)
        return hosted(found, host_line(runtime, phase, found.time, runs, scheduled(benches.main.mapping, one.batch)))

    found = {}
    for phase in workload.phases:
        if phase != "prefill" or workload.hit_rate is None:
            found[phase] = run(workload, phase)
        else:
            found[phase] = combined([(share, run(one, phase)) for share, one in workload.kinds])
    return found


def _loaded(
    benches: Benches,
    model: Architecture,
    workload: Workload,
    statics: Mapping[str, Quantity | None],
    passes: Mapping[str, Pass],
) -> tuple[dict[str, Pass], dict[str, Pass]]:
    """Return the passes that requests under load see, and those of the devices' work for all of a batch."""
    mapping = benches.main.mapping
    assert benches.main.system.runtime is not None  # which makes the load
    single = attrs.evolve(workload, batch=ranks(mapping), phases=("prefill",))
    alone = _passes(benches, model, single, statics, True)["prefill"]
    own = total(o.time * o.count for o in alone.operators if o.name != HOST)
    if mapping.shard.pipeline > 1:  # the next prompt follows as soon as the first stage is free
        own = own / mapping.shard.pipeline
    loop = Loop.of(benches.main.system.runtime, own, scheduled(mapping, workload.batch), workload.output)
    decode, together = passes["decode"], passes["prefill"]
    seen = {"prefill": loop.seen(together, alone), "decode": hosted(decode, loop.wait)}
    return seen, {"prefill": loop.work(together, alone), "decode": decode}


def runtime_notes(system: SystemGraph, workload: Workload, apart: bool = False) -> list[str]:
    """Return sentences on what a runtime adds; `apart` where pools of their own read prompts and decode."""
    runtime = system.runtime
    if runtime is None:
        return []
    when = "beside the devices, whose kernels it starts" if runtime.starts == "beside" else "after the devices"
    found = [f"the host of the runtime works {when} in each pass of prefill and each step, for all sequences in it"]
    if "mixed" in workload.phases:
        found.append("prompts of others delay a token in the steps that they share; runtime.prompts has no part in it")
    elif len(workload.phases) < 2:
        found.append("a phase alone waits for no prompts of others; runtime.prompts has no part in it")
    elif apart:
        found.append("decode waits for no prompts, which a pool of its own reads; runtime.prompts has no part in it")
    else:
        found.append(
            "as a request ends the next begins: prompts are read one by one in the share runtime.prompts, while tokens "
            "of others wait, and for the rest together, before the first token"
        )
    return found


def _run(
    benches: Benches,
    model: Architecture,
    workload: Workload,
    phase: str,
    statics: Mapping[str, Quantity | None],
) -> Pass:
    mapping = benches.main.mapping
    traced = Traced(model, workload, phase, mapping.together(workload.batch), mapping.shard)
    walk, at = traced.walk, traced.at
    schedule = Schedule.of(mapping, workload.batch, phase, workload.rounds)
    accounts = Accounts(benches, statics, schedule, phase, lambda o: workload.runs(o, phase))
    for position, operator in enumerate(traced.typical):
        bench = benches.of(operator)
        order = bench.processor.overlap
        load = load_of(bench, operator)
        flops = operator.flops
        if operator.context and walk.several:
            grown, steps = walk.stretches(operator), walk.steps
            ends, parts = [], []
            for stretch in grown:
                edges = [at(c, position) for c in (stretch.first, stretch.last)]
                # tiles and granules are rounded in the middle of a stretch: at the mean context if it is the only one
                middle = operator if len(grown) == 1 else at(stretch.middle, position)
                early, late = (load_of(bench, e, middle) for e in edges)
                powers = [accounts.limit(bench, e, operator.name) for e in (early, late)]
                parts.append(mean_time(order, stretch.points, early, late, (powers[0], powers[1])))
                ends.append((stretch, early, late))
            time = parts[0]
            if len(grown) > 1:
                some = Max(steps, 1)  # an output of one token has no step
                time = total(part * s.steps for part, s in zip(parts, grown, strict=True)) / some
                load = averaged(load, ends, some)
                flops = total(s.steps * (at(s.first, position).flops + at(s.last, position).flops) / 2 for s in grown)
                flops = flops / some
        else:
            time = time_of(order, load, accounts.limit(bench, load, operator.name))
        accounts.add(bench, operator, load, time, flops)
    return accounts.closed()


@attrs.frozen
class _Rates:
    """Mean powers and rates over the request, or over the one phase.

    Attributes:
        powers: dynamic power of one device by component [W], None if a part is not modelled.
        traffic: bytes per second (read, written) of one device by memory [B/s].
        crossing: bytes per second that cross the bisection of each network, each way [B/s].
    """

    powers: Mapping[str, Quantity] | None
    traffic: Mapping[str, tuple[Quantity, Quantity]]
    crossing: Mapping[str, Quantity]

    @classmethod
    def over(cls, workload: Workload, passes: Mapping[str, Pass], elapsed: Quantity | None = None) -> _Rates:
        """Return the means over a workload: one prefill and the decode steps, or what there is of them.

        `elapsed` is the time that they take, where it is not that of the passes one after the other.
        """
        both = len(passes) == 2
        counts = {phase: workload.output - 1 if both and phase == "decode" else 1 for phase in passes}
        if elapsed is None:
            elapsed = total(p.time * counts[phase] for phase, p in passes.items())
        energies = [(p.energies, counts[phase]) for phase, p in passes.items()]
        powers = None
        if all(e is not None for e, _ in energies):
            powers = {c: e / elapsed for c, e in summed((e or {}, n) for e, n in energies).items()}
        ways = [
            summed(({m: t[way] for m, t in p.traffic.items()}, counts[phase]) for phase, p in passes.items())
            for way in (0, 1)
        ]
        # a memory that nothing is written to has no rate, rather than one that comes out as 0
        rates = [{m: 0 if isinstance(b, int) and b == 0 else b / elapsed for m, b in way.items()} for way in ways]
        crossing = summed((p.crossing, counts[phase]) for phase, p in passes.items())
        return cls(
            powers, {m: (rates[0][m], rates[1][m]) for m in rates[0]}, {n: b / elapsed for n, b in crossing.items()}
        )


def _called(time: Quantity, metric: str, named: bool) -> Quantity:
    return leave_name(time, metric) if named else time


def _metrics(
    workload: Workload,
    mapping: Placed,
    passes: Mapping[str, Pass],
    work: Mapping[str, Pass],
    static: Quantity | None,
    no_static: tuple[str, ...],
    devices: int,
    named: bool,
) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    metrics: dict[str, Any] = {}
    batch = workload.batch
    prefill, decode, mixed = passes.get("prefill"), passes.get("decode"), passes.get("mixed")
    step = mixed or decode
    waited: Quantity = 0  # output tokens whose time a request waits for its first
    if mixed:
        waited = Mix.of(workload, mapping.together(batch)).first
        waited = waited * workload.yielded if workload.draft else waited
        metrics["ttft"] = _called(waited * mixed.time, "ttft", named)
    elif prefill:
        metrics["ttft"] = _called(prefill.time, "ttft", named)
    if step:
        metrics["tpot"] = _called(step.time, "tpot", named)
        metrics["throughput_per_user"] = 1 / metrics["tpot"]
    if "ttft" in metrics and step:
        rounds = workload.output - 1
        elapsed = metrics["request_time"] = metrics["ttft"] + rounds * metrics["tpot"]
        tokens = batch * workload.output
    else:
        elapsed, tokens = metrics["tpot" if step else "ttft"], batch
    metrics["throughput"] = tokens / elapsed
    lacking = tuple(dict.fromkeys([*no_static, *(m for p in passes.values() for m in p.missing)]))
    if lacking or static is None:
        return metrics, {"energy_per_token": lacking, "power": lacking}
    if mixed:
        dynamic = (waited + workload.output - 1) * mixed.energy
    elif prefill and decode:
        dynamic = work["prefill"].energy + (workload.output - 1) * decode.energy
    else:
        dynamic = (prefill or decode).energy  # type: ignore[union-attr]  # one of the two is there
    idle = mark(static * elapsed, "static", "static power", "", "J")
    energy = devices * (dynamic + idle)
    metrics["energy_per_token"] = energy / tokens
    metrics["power"] = energy / elapsed
    return metrics, {}


def capacities_of(system: SystemGraph, model: Architecture, mapping: Placed, workload: Workload) -> list[Constraint]:
    """Return the capacity constraint of every memory alone, without the times of a pass."""
    model = parted(model, mapping.place, workload.prefix if workload.shares else 0)
    found = _capacities(benches_of(system, mapping), model, workload, {})
    return [c for c in found if c.name.endswith(".capacity")]


def _capacities(
    benches: Benches, model: Architecture, workload: Workload, passes: Mapping[str, Pass]
) -> list[Constraint]:
    """Return the capacity constraint of every memory at the largest context, and those of its near-memory shards.

    A processor in a memory must hold in its places what its operators work on; the rest lies where it likes.
    """
    mapping, system = benches.main.mapping, benches.main.system
    batch = mapping.replica(workload.batch if workload.standing is None else workload.standing)
    if mapping.shard.attention_data > 1:
        batch = ceil(batch / mapping.shard.attention_data)
    needs = [held_by(model, mapping, workload, batch, stage) for stage in mapping.unlike]
    runtime = place_of(mapping.place, "activations", "")[0][0]
    constraints = []
    for name, memory in system.memories.items():
        held = [
            {
                (tensor, part): size if isinstance(share, int) else size * share
                for (tensor, part), size in need.items()
                for lies, share in place_of(mapping.place, tensor, part)
                if lies == name
            }
            for need in needs
        ]
        used = _largest(total(own.values()) for own in held) * system.shared_by(name)
        limit = memory.capacity
        if name == runtime:
            limit = free_capacity(benches.main.processor, limit, system.shared_by(name))
        constraints.append(Constraint(f"{name}.capacity", used, limit, "B"))
        for bench in benches.all:
            processor = bench.processor
            if processor.memory is memory and processor.shards is not None and processor.shard_limit is not None:
                touched = {t for p in passes.values() for t in p.tensors.get(bench.name, ())}
                inside = _largest(total(size for t, size in own.items() if t in touched) for own in held)
                inside = inside * system.shared_by(name)
                constraints.append(
                    Constraint(f"{bench.name}.shard", inside / processor.shards, processor.shard_limit, "B")
                )
    return constraints


def _largest(sizes: Iterable[Quantity]) -> Quantity:
    first, *others = sizes
    return Max(first, *others) if others else first


class _Notes:
    """Collects the sentences that say what was assumed and what is not modelled."""

    def __init__(self, benches: Benches, workload: Workload, mapping: Placed) -> None:
        self.benches, self.workload, self.mapping = benches, workload, mapping
        self.bench = benches.main
        self.extra: list[str] = []

    def add(self, sentence: str) -> None:
        """Note a sentence once."""
        if sentence not in self.extra:
            self.extra.append(sentence)

    def all(self) -> tuple[Note, ...]:
        """Return all notes, the mapping's first."""
        found = [*self.mapping.assumptions, *self._workload(), *self.extra]
        return grouped([*found, *self._processor(), *self._memories(), *self._links()])

    @property
    def _loaded(self) -> bool:
        """Return whether requests come one after the other, as a runtime under load serves them."""
        return self.bench.system.runtime is not None and len(self.workload.phases) == 2

    def _workload(self) -> list[str]:
        notes = ["activations held between operators are not counted against memory capacity"]
        if "prefill" in self.workload.phases and not self._loaded:
            passes = "one pass" if self.workload.chunk is None else "passes of chunks of equal size"
            notes.append(f"prefill reads all prompts of the batch in {passes}, without a queue")
        if "mixed" in self.workload.phases:
            notes += [
                "steps mix prefill and decode: sequences are at all points of their lives equally often, steps have "
                "whole chunks, and times are means over the two kinds of steps that occur",
                "a request begins as another ends; its first token waits for its own steps only"
                if self.workload.step_tokens is None
                else "a request begins as another ends, and waits where the tokens of a step are taken",
            ]
        if self.workload.hit_rate is not None:
            notes.append("prefill is the mean over requests that find their prefix cached and requests that do not")
        if self.workload.shares:
            notes.append(
                "the prefix is stored once a replica, windows and states apart, and read anew for each sequence"
            )
        if self.workload.draft:
            notes.append("drafting costs nothing: the time of the draft model, and its memory, are not counted")
        growing = "decode" in self.workload.phases or "mixed" in self.workload.phases
        if growing and self.workload.context is None:
            notes.append("granules and tiles of growing tensors are rounded at the mean context of the decode steps")
        for bench in self.benches.all:
            arithmetic = {}
            for name in set(self.workload.dtypes.values()):
                served = bench.processor.arithmetic(name)
                if served != name and (name, served) not in (("fp16", "bf16"),):
                    arithmetic[name] = served
            notes += [f"{n} is computed in {s} on {bench.name}" for n, s in sorted(arithmetic.items())]
        if any(data_type(n).bytes != 2 for n in self.workload.dtypes.values()):
            notes.append("energy per FLOP changes with the data type as the time of a FLOP at the peak does")
        return notes

    def _processor(self) -> list[Note]:
        notes = [Note(f"{key} runs on {bench.name}") for key, bench in self.benches.others.items()]
        for bench in self.benches.all:
            processor = bench.processor
            if processor.outstanding is None:
                notes.append(Note("any number of bytes is kept in flight (outstanding is not limited)", (bench.name,)))
            if processor.memory is not None:
                seat = processor.memory.component
                notes.append(Note(f"it sits on {seat} and reads it from inside", (bench.name,)))
            notes += _own(processor)
        return notes

    def _memories(self) -> list[Note]:
        notes: list[Note] = []
        for name, memory in self.bench.system.memories.items():
            if memory.write_bandwidth is None:
                notes.append(Note("write bandwidth is not modelled and equals read bandwidth", (name,)))
            if memory.read_latency is None:
                notes.append(Note("latency is not modelled and not exposed", (name,)))
            path = self.bench.system.paths.get((self.bench.name, name))
            behind = [s.resource for s in path.segments[:-2] if s.part != "inside"] if path else []
            if behind:
                notes.append(Note(f"it is reached through {', '.join(behind)}", (name,)))
            if path and path.rivals:
                ways = ", ".join(path.rivals)
                words = f"a way by {ways} is as short and not used: the first in the spec is taken"
                notes.append(Note(words, (name,)))
            if memory.efficiency is not None and type(memory).name == self.bench.processor.streaming_memory:
                words = f"the share of its bandwidth measured on {self.bench.name} stands for its own"
                notes.append(Note(words, (name,)))
            notes += _own(memory)
        return notes

    def _links(self) -> list[Note]:
        system = self.bench.system
        notes = [Note(f"{name} limits the mean power and slows nothing down") for name in system.supplies]
        used = self.mapping.networks
        links = [*system.links.items(), *((n.name, n.link) for n in system.networks.values() if n.name in used)]
        for name, link in links:
            if link.static_power is None:
                notes.append(Note("static power is not modelled and not counted", (name,)))
            notes += _own(link)
        for network in system.networks.values():
            if network.name in used:
                if network.link.software_latency is None:
                    words = "endpoint software latency is not modelled and not counted"
                    notes.append(Note(words, (network.name,)))
                notes += _own(network.topology)
        return notes


def _own(technology: Any) -> list[Note]:
    return [Note(sentence, (technology.component,), True) for sentence in type(technology).assumptions]
