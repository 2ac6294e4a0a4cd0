"""Pools of devices of several kinds: prefill and decode apart, or attention and feed-forward networks apart.

Each pool is a system of its own with a mapping of its own, analysed as such on the part of the work that is its own.

Prefill apart: its pool reads the prompts of one group after another and sends each cache to the pool of decode, before
which nobody sees the first token. Requests flow through both, so that in the steady state

    throughput = output x min(prompts read, caches sent, caches received per second, batch / ((output - 1) tpot)).

Attention and feed-forward networks apart: vectors go to and fro in every layer, and microbatches keep both pools busy.
With A, F and V the times of attention, of the feed-forward networks and of the vectors' way for one of m microbatches,

    decode step = max(A + F + V, m max(A, F, V))        prefill = A + F + V + (m - 1) max(A, F, V).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.analysis.cost import Fleet, cost_metrics, running
from symarch.analysis.model import Model, Workload, benches_of, build_model, runtime_notes
from symarch.analysis.notes import Note, grouped
from symarch.analysis.runtime import HOST, Loop, host_line, ranks, scheduled
from symarch.analysis.schedule import Communication, OperatorTime
from symarch.analysis.time import Load, collective_load, time_of
from symarch.mapping import Mapping as Placed
from symarch.program import Max, ceil, mark, total
from symarch.program import name as leave_name
from symarch.specs import Pool, System
from symarch.system import SystemGraph
from symarch.technologies import Quantity
from symarch.trace import Architecture, Collective, Divisible, Operator

TIMES = {"prefill": "ttft", "decode": "tpot"}


def build_pools(
    spec: System,
    graphs: Mapping[str, SystemGraph],
    model: Architecture,
    placed: Mapping[str, Placed],
    workload: Workload,
) -> Model:
    """Build metrics, operator times and constraints of a system of pools. Raises MappingError."""
    return _Pools(spec, graphs, model, placed, workload).build()


def turns(spec: System) -> int:
    """Return the microbatches that take turns between attention and feed-forward networks."""
    return 2 if spec.microbatches is None else spec.microbatches


def read_together(pool: Pool, mapping: Placed) -> int:
    """Return the prompts that a copy of a pool of prefill reads together: unless stated, so many that no device waits.

    Replicas have sequences of their own, and so have the devices that data-parallel attention divides them among.
    """
    return mapping.data * mapping.shard.attention_data if pool.batch is None else pool.batch


def share_of(spec: System, workload: Workload, role: str, mapping: Placed) -> Workload:
    """Return the workload of one copy of a pool with a role and a mapping, with the phases that it runs."""
    name = spec.roles[role]
    pool = spec.pools[name]
    phases = tuple(p for p in workload.phases if name in spec.seats(p))
    batch = workload.batch if pool.count == 1 else ceil(workload.batch / pool.count)
    if role == "prefill":  # whose caches go on as soon as the prompts are read
        group = batch if len(workload.phases) == 1 else read_together(pool, mapping)
        return attrs.evolve(workload, phases=phases, batch=group, output=0)
    if role == "decode":
        return attrs.evolve(workload, phases=phases, batch=batch)
    return attrs.evolve(workload, phases=phases, batch=ceil(batch / turns(spec)), standing=batch)


class _Pools:
    """The pools of a system under a workload, and what each makes of its part."""

    def __init__(
        self,
        spec: System,
        graphs: Mapping[str, SystemGraph],
        model: Architecture,
        placed: Mapping[str, Placed],
        workload: Workload,
    ) -> None:
        self.spec, self.graphs, self.model, self.placed, self.workload = spec, graphs, model, placed, workload
        self.apart = {"prefill", "decode"} <= set(workload.phases) and spec.seats("prefill") != spec.seats("decode")
        self.built: dict[str, Model] = {}
        self.workloads: dict[str, Workload] = {}
        for role, pool in spec.roles.items():
            if any(pool in spec.seats(phase) for phase in workload.phases):
                self.workloads[pool] = share_of(spec, workload, role, placed[pool])
                part = model.part(role) if isinstance(model, Divisible) else model
                self.built[pool] = build_model(graphs[pool], part, placed[pool], self.workloads[pool], named=False)
        self.priced: list[str] = []  # what was assumed of money
        self.loaded: tuple[Loop, _Pools, list[OperatorTime]] | None = None  # with the reading of one prompt
        self.sent: list[tuple[str, OperatorTime, Load]] = []  # by the pool whose devices send
        self.moved: list[Quantity] = []  # the time between two caches, where they are sent and where they arrive [s]

    def build(self) -> Model:
        """Return the whole."""
        operators: list[OperatorTime] = []
        runtime = next(iter(self.graphs.values())).runtime
        if runtime is not None and len(self.workload.phases) == 2 and not self.apart:
            near = self.spec.seats("decode")[0]
            count = self.spec.pools[near].count * ranks(self.placed[near])
            one = attrs.evolve(self.workload, batch=count, phases=("prefill",))
            single = _Pools(self.spec, self.graphs, self.model, self.placed, one)
            lines, _ = single._phase("prefill")
            busy = total(o.time * o.count for o in lines if o.name != HOST)
            self.loaded = Loop.of(runtime, busy, self._scheduled("decode"), self.workload.output), single, lines
        times: dict[str, Quantity] = {}
        communication: dict[str, Communication] = {}
        for phase in self.workload.phases:
            lines, time = self._phase(phase)
            extra = self._cache_moves() if phase == "prefill" and self.apart else []
            waited = total(o.time * o.count for o in extra) if extra else 0
            if phase == "prefill" and self.loaded is not None:
                lines, time = self._seen(lines, time)
            if phase == "decode" and self.loaded is not None:
                wait = self.loaded[0].wait
                lines, time = [*lines, wait], time + wait.time
            operators += [*lines, *extra]
            times[phase] = time
            own = [self.built[p].communication[phase] for p in self.spec.seats(phase)]
            over = [o.time * o.count for _, o, _ in self.sent if o.phase == phase]
            communication[phase] = Communication(
                total([*(c.exposed for c in own), *over]), total(c.hidden for c in own)
            )
            metric = TIMES[phase]
            times[metric] = leave_name(time + waited if extra else time, metric)
        metrics, missing, standing = self._metrics(times)
        lasting = {pool: {n: lasts for n, (lasts, _) in m.lasting.items()} for pool, m in self.built.items()}
        fleets = [Fleet(self.graphs[pool], self.spec.pools[pool].count, lasting[pool]) for pool in self.built]
        more, lacking, self.priced = cost_metrics(fleets, running(metrics, missing, standing))
        metrics, missing = metrics | more, missing | lacking
        constraints = tuple(c for m in self.built.values() for c in m.constraints)
        lasts = {name: found for m in self.built.values() for name, found in m.lasting.items()}
        spare = {name: left for m in self.built.values() for name, left in m.spare.items()}
        return Model(
            metrics, missing, tuple(operators), constraints, self._assumptions(), communication, {}, None, lasts, spare
        )

    def _phase(self, phase: str) -> tuple[list[OperatorTime], Quantity]:
        """Return the lines of a phase and its time."""
        lines, time = self._devices(phase)
        runtime = self.graphs[self.spec.seats(phase)[0]].runtime
        if runtime is None:
            return lines, time
        line = host_line(runtime, phase, time, self._runs(phase), self._scheduled(phase))
        return [*lines, line], time + line.time * line.count

    def _runs(self, phase: str) -> Quantity:
        """Return how many passes a phase makes; in decode, for one output token."""
        return self.workload.runs(Operator(HOST, "host"), phase)

    def _scheduled(self, phase: str) -> Quantity:
        """Return the sequences of the fullest scheduler of the pool that runs a phase, or its attention."""
        pool = self.spec.seats(phase)[0]
        workload = self.workloads[pool]
        return scheduled(self.placed[pool], workload.batch if workload.standing is None else workload.standing)

    def _seen(self, lines: list[OperatorTime], time: Quantity) -> tuple[list[OperatorTime], Quantity]:
        """Return the prefill that a request sees under load, in part alone and in part with all others."""
        assert self.loaded is not None
        loop, _, alone = self.loaded
        times = {o.name: o for o in alone}
        seen = [attrs.evolve(o, time=loop.early * o.time + loop.late * times[o.name].time) for o in lines]
        return seen, loop.early * time + loop.late * total(o.time * o.count for o in alone)

    def _devices(self, phase: str) -> tuple[list[OperatorTime], Quantity]:
        """Return the lines of a phase on the devices, and its time."""
        seats = self.spec.seats(phase)
        metric = TIMES[phase]
        lines = [
            attrs.evolve(o, name=f"{pool}_{o.name}") if o.kind in ("schedule", "latency") else o
            for pool in seats
            for o in self.built[pool].operators
            if o.phase == phase
        ]
        if len(seats) == 1:
            return lines, self.built[seats[0]].metrics[metric]
        near, far = (self.built[pool].metrics[metric] for pool in seats)
        moved = self._vectors(phase, seats[0], seats[1])
        way = total(o.time * o.count for o in moved)
        path, busiest = near + far + way, Max(near, far, way)
        batch = self.workloads[seats[0]].standing
        filled = ceil(batch / self.workloads[seats[0]].batch)
        waited = Max(0, filled * busiest - path) if phase == "decode" else (filled - 1) * busiest
        wait = OperatorTime("pools_wait", phase, 1, waited, 0, "schedule")
        return [*lines, *moved, wait], path + waited

    def _way(self, pool: str, name: str, size: Quantity) -> tuple[Quantity, Load]:
        """Return the time in which a device sends bytes to another pool, and their load."""
        operator = Operator(name, "collective", collective=Collective("point_to_point", size, "transfer"))
        bench = benches_of(self.graphs[pool], self.placed[pool]).main
        load = collective_load(bench, operator)
        return time_of(bench.processor.overlap, load, None), load

    def _send(
        self, pool: str, name: str, phase: str, count: Quantity, sent: Quantity, received: Quantity
    ) -> OperatorTime:
        """Return the line of bytes that a device of a pool sends to another pool, where one receives so many.

        The end with more for a device takes the time; energy is that of the bytes sent.
        """
        time, _ = self._way(pool, name, Max(sent, received))
        _, load = self._way(pool, name, sent)
        line = OperatorTime(name, phase, count, time, 0, "collective")
        self.sent.append((pool, line, load))
        return line

    def _vectors(self, phase: str, near: str, far: str) -> list[OperatorTime]:
        """Return the way of vectors to the feed-forward networks and back, in every layer."""
        if not isinstance(self.model, Divisible):
            return []
        sizes = []
        for pool in (near, far):
            mapping, workload = self.placed[pool], self.workloads[pool]
            step = workload.step(phase, mapping.together(workload.batch), workload.mean(phase))
            count, size = self.model.handed_over(step, mapping.shard)
            sizes.append(size)
        runs = self.workloads[near].runs(Operator("vectors", "collective", count), phase)
        return [
            self._send(near, "vectors_to_ffn", phase, runs, sizes[0], sizes[1]),
            self._send(far, "vectors_to_attention", phase, runs, sizes[1], sizes[0]),
        ]

    def _cache_moves(self) -> list[OperatorTime]:
        """Return the way of the caches of a group of prompts to the pool of decode.

        Each device there gets what it keeps of a prompt; those that read it send equal parts.
        """
        source, target = self.spec.seats("prefill")[0], self.spec.seats("decode")[0]
        ours, theirs = self.placed[source], self.placed[target]
        stored = self.model.stored(theirs.shard)
        kept = stored.cached(self.workload.prompt) * self.workload.bytes["kv_cache"]
        if "state" in self.workload.bytes:
            kept = kept + stored.state * self.workload.bytes["state"]
        group = ours.replica(self.workloads[source].batch)
        senders = ours.shard.tensor * ours.shard.context * ours.shard.pipeline
        receivers = theirs.shard.tensor * theirs.shard.context * theirs.shard.pipeline
        sent = ceil(group / ours.shard.attention_data) * kept * (receivers / senders)
        received = ceil(group / theirs.shard.attention_data) * kept
        # in the steady state all copies send at once, and what they send is spread over all that receive
        out, _ = self._way(source, "cache_transfer", sent)
        into, _ = self._way(source, "cache_transfer", kept)
        ends = self.spec.pools[target].count * theirs.data * theirs.shard.attention_data
        self.moved = [out / (self.spec.pools[source].count * self.workloads[source].batch), into / ends]
        return [self._send(source, "cache_transfer", "prefill", 1, sent, received)]

    def _metrics(self, times: Mapping[str, Quantity]) -> tuple[dict[str, Any], dict[str, tuple[str, ...]], Quantity]:
        """Return the metrics, what those without a value lack, and the static power of all pools [W]."""
        metrics: dict[str, Any] = {m: times[m] for m in TIMES.values() if m in times}
        if "tpot" in metrics:
            metrics["throughput_per_user"] = 1 / metrics["tpot"]
        workload, batch = self.workload, self.workload.batch
        rounds = workload.output - 1
        if len(workload.phases) == 2:
            elapsed = metrics["request_time"] = metrics["ttft"] + rounds * metrics["tpot"]
            rate, tokens = batch / elapsed, workload.output
            if self.apart:
                pool = self.spec.seats("prefill")[0]
                read = times["prefill"] / (self.spec.pools[pool].count * self.workloads[pool].batch)
                # as the time between two requests, which is none in decode where the output is one token
                rate = 1 / Max(read, *self.moved, rounds * metrics["tpot"] / batch)
        else:
            rate, tokens = batch / next(iter(times.values())), 1
        metrics["throughput"] = leave_name(rate * tokens, "throughput")
        lacking = [m for built in self.built.values() for m in built.missing.get("energy_per_token", ())]
        lacking += [m for _, _, load in self.sent for m in load.missing]
        if lacking:
            names = tuple(dict.fromkeys(lacking))
            return metrics, {"energy_per_token": names, "power": names}, 0
        spent = [self._per_request(phase) for phase in workload.phases]
        if self.loaded is not None:
            loop, single, _ = self.loaded
            spent[0] = loop.early * spent[0] + loop.late * single._per_request("prefill")
        if len(spent) == 2:
            spent[1] = spent[1] * rounds
        standing = total(
            self.spec.pools[pool].count * built.static
            for pool, built in self.built.items()
            if built.static is not None  # it is there where energy can be computed
        )
        idle = mark(standing / metrics["throughput"], "static", "static power", "", "J")
        metrics["energy_per_token"] = total(spent) / tokens + idle
        metrics["power"] = metrics["energy_per_token"] * metrics["throughput"]
        return metrics, {}, standing

    def _per_request(self, phase: str) -> Quantity:
        """Return the dynamic energy of a phase's pass for one sequence [J]."""
        parts = []
        for pool in self.spec.seats(phase):
            parts.append(self.built[pool].spent[phase] / self.workloads[pool].batch)
        for pool, line, load in self.sent:
            if line.phase == phase:
                devices = self.graphs[pool].devices
                parts.append(devices * line.count * total((load.energies or {}).values()) / self.workloads[pool].batch)
        return total(parts)

    def _assumptions(self) -> tuple[Note, ...]:
        notes = []
        if self.apart:
            source = self.spec.seats("prefill")[0]
            together = read_together(self.spec.pools[source], self.placed[source])
            prompts = "a prompt" if together == 1 else f"{together} prompts"
            notes.append(
                f"a copy of {source} reads {prompts} at a time; caches are sent when all are read, and the first token "
                "is seen when they have arrived"
            )
        if any(len(self.spec.seats(p)) == 2 for p in self.workload.phases):
            notes.append(f"{turns(self.spec)} microbatches take turns between attention and feed-forward networks")
        notes += runtime_notes(next(iter(self.graphs.values())), self.workload, self.apart)
        return grouped([*notes, *(n for built in self.built.values() for n in built.assumptions), *self.priced])
