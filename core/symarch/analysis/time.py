"""The time and energy of one operator: its load on resources, what overlaps, what is exposed.

With t_r = load_r / rate_r for each resource, t_a the time of the arithmetic and t_d the longest t_r over memories,
ports and links (a stream is pipelined along its path: its slowest segment counts, once),

    m = overlap(p, t_a, t_d)        t = overhead + m + exposed latency.

A limit on power or temperature is a resource too: t_power = E_dynamic / (P_limit - P_static), and t is at least that;
for a temperature both sides are weighted with thermal resistances.
Every time is marked with its resource and cause, so that shares are derivatives and sum to exactly 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping as MappingABC
from typing import Any

import attrs

from symarch.errors import MappingError
from symarch.mapping import Level, Mapping
from symarch.mapping.placement import place_of
from symarch.program import Max, Min, mark, mean_max, overlap, sqrt, total
from symarch.program.functions import apply
from symarch.system import Network, SystemGraph
from symarch.system.paths import Path, Segment, inside_rate, link_rate, port_rate, write_rate
from symarch.technologies import Interconnect, Limit, Memory, Processor, Quantity
from symarch.technologies.check import effort_of
from symarch.technologies.topology import Call, Schedule, schedules
from symarch.trace import Access, Operator

SENT = "bytes sent by "
"""How the cause of a collective's bytes begins; the algorithm's name follows."""

CLASS_WORDS = {"kv_cache": "KV cache", "state": "recurrent state"}


@attrs.frozen
class Load:
    """What one run of an operator asks of its device.

    Attributes:
        arithmetic: time of each arithmetic resource [s].
        data: time of each memory, port, link and of the outstanding limit [s].
        overhead: fixed times [s].
        exposed: latency that nothing hides [s], None if there is none.
        streamed: latencies of streamed accesses, to be exposed once per step under prefetch across operators.
        energies: dynamic energy by component [J]: the processor, each memory with the way to it, the network; None if
            a part is not modelled.
        missing: quantities that the energies lack.
        traffic: bytes (read, written) by memory, as they reach its array [B].
        crossing: bytes that cross the worst division of a network into halves, each way, by network [B].
    """

    arithmetic: MappingABC[str, Quantity]
    data: MappingABC[str, Quantity]
    overhead: tuple[Quantity, ...]
    exposed: Quantity | None
    streamed: tuple[tuple[str, Quantity], ...]
    energies: MappingABC[str, Quantity] | None
    missing: tuple[str, ...]
    traffic: MappingABC[str, tuple[Quantity, Quantity]]
    crossing: MappingABC[str, Quantity] = attrs.field(factory=dict)

    @property
    def energy(self) -> Quantity | None:
        """All dynamic energy [J], None if a part is not modelled."""
        return None if self.energies is None else total(self.energies.values())


@attrs.frozen
class Bench:
    """Where operators run: a system, the mapping on it, and the processor."""

    system: SystemGraph
    mapping: Mapping
    name: str
    processor: Processor

    def paths(self, tensor: str, part: str = "") -> list[tuple[Path, Quantity]]:
        """Return the paths to the memories that a part of a tensor class lies in, with the share of its bytes on each.

        Raises MappingError if there is none.
        """
        found = []
        for memory, share in place_of(self.mapping.place, tensor, part):
            path = self.system.paths.get((self.name, memory))
            if path is None:
                raise MappingError(f"{tensor} is placed in {memory}, which processor {self.name} does not reach")
            found.append((path, share))
        return found


@attrs.frozen
class _Stream:
    tensor: str
    path: Path
    read: Quantity
    write: Quantity
    dependent: bool
    waits: Quantity

    @property
    def exposes(self) -> bool:
        """Return whether the operator may wait for its first byte."""
        return self.path.round_trip is not None and not _zero(self.waits)

    @property
    def wait(self) -> tuple[str, Quantity]:
        """Return what it waits for, and how long at most [s]."""
        latency = self.path.round_trip
        return self.path.memory, latency if isinstance(self.waits, int) else latency * self.waits


def _zero(value: Any) -> bool:
    kind = type(value)
    return (kind is int or kind is float) and bool(value == 0)


def _streams(bench: Bench, operator: Operator, typical: Operator) -> list[_Stream]:
    """Turn accesses into bytes on paths: fused intermediates left out, short accesses rounded up to a granule."""
    streams = []
    for access, mean in zip(operator.accesses, typical.accesses, strict=True):
        for path, share in bench.paths(access.tensor, access.part):
            read, write = access.read, access.write
            if access.tensor == "activations":
                read, write = read * bench.processor.spill, write * bench.processor.spill
            if not isinstance(share, int):
                read, write = (0 if _zero(amount) else amount * share for amount in (read, write))
            memory = bench.system.memories[path.memory]
            if access.extent is not None:
                if memory.granularity is not None and not _zero(read):
                    read = read * Max(1, memory.granularity / mean.extent)
                if not _zero(write):
                    write = write * _write_waste(memory, mean, share, typical.count)
            # what does not spill is a stream of no bytes: a share of 0 is a number like any other to a program
            if not (_zero(access.read) and _zero(access.write)):
                waits = 0 if _zero(access.read) else access.waits
                streams.append(_Stream(access.tensor, path, read, write, access.dependent, waits))
    return streams


def _write_waste(memory: Memory, access: Access, share: Quantity, count: Quantity) -> Quantity:
    """Return how many bytes a memory stores for each byte of a write shorter than its granule.

    Of striped rows a share lies in the memory, each whole. A write buffer is shared by all rows that one pass appends
    to, and gathers each until its share is full.
    """
    granule = memory.granularity if memory.write_granularity is None else memory.write_granularity
    if granule is None:
        return 1
    together = access.extent
    if memory.write_buffer is not None:
        rows = access.write * count / access.extent
        rows = rows if isinstance(share, int) else rows * share
        together = Max(together, memory.write_buffer / rows)
    return Max(1, granule / together)


def operator_load(bench: Bench, operator: Operator, typical: Operator | None = None) -> Load:
    """Return the load of one run.

    Args:
        bench: where it runs.
        operator: the operator, at the context to be timed.
        typical: the same operator at the mean context, at which granules and tiles are rounded; times are then
            proportional to the loads, but for their starts, so that they are affine in the context.
    """
    typical = operator if typical is None else typical
    processor = bench.processor
    effort = effort_of(processor, typical)
    growth: Any = 1
    if operator is not typical and not _zero(operator.flops):
        growth = operator.flops / typical.flops
    arithmetic = {
        f"{bench.name}.{key}": mark(time, f"{bench.name}.{key}", "arithmetic", operator.name)
        for key, time in attrs.evolve(effort, times={k: t * growth for k, t in effort.times.items()}).whole.items()
    }
    overhead = tuple(
        mark(time, f"{bench.name}.{key}", key, operator.name)
        for key, time in effort.overheads.items()
        if not _zero(time)
    )
    streams = _streams(bench, operator, typical)
    data = _data_times(bench, operator, streams)
    waits = [s.wait for s in streams if s.exposes and (s.dependent or processor.prefetch != "step")]
    streamed = [s.wait for s in streams if s.exposes and not s.dependent]
    energies, missing = _energies(bench, operator, streams)
    traffic = {
        memory: (
            total(s.read for s in streams if s.path.memory == memory),
            total(s.write for s in streams if s.path.memory == memory),
        )
        for memory in dict.fromkeys(s.path.memory for s in streams)
    }
    return Load(
        arithmetic,
        data,
        overhead,
        exposed_latency(processor, waits, operator.name),
        tuple(dict.fromkeys(streamed)),
        energies,
        missing,
        traffic,
    )


def exposed_latency(processor: Processor, waits: list[tuple[str, Quantity]], operator: str) -> Quantity | None:
    """Return the longest of some latencies, beyond what calibrated overheads contain; None if there are none.

    Streams are requested together, so they wait together.
    """
    distinct = list(dict.fromkeys(waits))
    if not distinct:
        return None
    return Max(
        *(mark(processor.exposed(wait), f"{memory}.latency", "exposed latency", operator) for memory, wait in distinct)
    )


def _data_times(bench: Bench, operator: Operator, streams: list[_Stream]) -> dict[str, Quantity]:
    """Add up the loads on every array, port and link, counted over the devices that share it."""
    on: dict[str, tuple[Segment, list[_Stream]]] = {}
    for stream in streams:
        for segment in stream.path.segments:
            on.setdefault(segment.resource, (segment, []))[1].append(stream)
    times: dict[str, Quantity] = {}
    for resource, (segment, users) in on.items():
        tiers = {s.path.memory for s in users}
        if segment.part == "port" and tiers == {segment.component.component}:
            continue  # its own array, never faster than its port, is the bottleneck
        if segment.exclusive and len(tiers) > 1:
            parts = [_exclusive(bench, segment, s, operator) for s in users]
            time = total(parts)
        elif segment.part in ("array", "inside"):
            time = total(_array(bench, segment, s, operator) for s in users)
        elif segment.part == "port":
            rate = port_rate(segment.component)
            time = total(_marked(segment, operator, s, (s.read + s.write) / rate) for s in users)
        else:
            # kept apart, since each is affine in the context and their maximum is not
            times |= {f"{resource} {verb}": time for verb, time in _link(segment, users, operator).items()}
            continue
        times[resource] = time
    limit = bench.processor.outstanding
    waiting = [s for s in streams if not _zero(s.read) and s.path.round_trip is not None]
    if limit is not None and waiting:
        resource = f"{bench.name}.outstanding"
        times[resource] = total(
            mark(s.read * s.path.round_trip / limit, resource, _cause(s, "read"), operator.name) for s in waiting
        )
    return times


def _cause(stream: _Stream, verb: str) -> str:
    return f"{CLASS_WORDS.get(stream.tensor, stream.tensor)} {verb}"


def _marked(segment: Segment, operator: Operator, stream: _Stream, time: Quantity) -> Quantity:
    verb = "written" if _zero(stream.read) else "read" if _zero(stream.write) else "read and written"
    count = time if segment.shared_by == 1 else time * segment.shared_by
    return mark(count, segment.resource, _cause(stream, verb), operator.name)


def _array(bench: Bench, segment: Segment, stream: _Stream, operator: Operator) -> Quantity:
    """Return the time a memory's array is busy with a stream: reads and writes share it."""
    inside = segment.part == "inside" and not (bench.processor.blocks == "yes" and stream.tensor == "activations")
    read, write = array_rates(bench, segment.component, operator, inside)
    parts = []
    if not _zero(stream.read):
        parts.append(stream.read / read)
    if not _zero(stream.write):
        parts.append(stream.write / write)
    return _marked(segment, operator, stream, total(parts))


def array_rates(bench: Bench, memory: Memory, operator: Operator, inside: bool = False) -> tuple[Quantity, Quantity]:
    """Return the sustained read and write rates of an array: peak times efficiency.

    A processor that sits on the memory reads it at its own rate from `inside`; where it blocks the memory, activations
    come and go at the memory's normal rate in between. A processor's calibrated streaming efficiency replaces the
    memory's own on the technology it was measured on.
    """
    efficiency = bench.processor.streaming(type(memory).name, operator)
    if efficiency is None:
        efficiency = memory.internal_efficiency if inside else None
    if efficiency is None:
        efficiency = memory.efficiency
    read, write = memory.read_bandwidth, write_rate(memory)
    if inside:
        read, write = inside_rate(bench.processor, read), inside_rate(bench.processor, write)
    return (read, write) if efficiency is None else (read * efficiency, write * efficiency)


def _link(segment: Segment, users: list[_Stream], operator: Operator) -> dict[str, Quantity]:
    """Return the time of a link in each direction: reads use one, writes the other."""
    rate = link_rate(segment.component)
    ways = {}
    for verb, amounts in (("read", [(s, s.read) for s in users]), ("written", [(s, s.write) for s in users])):
        parts = [
            mark(amount * segment.shared_by / rate, segment.resource, _cause(s, verb), operator.name)
            for s, amount in amounts
            if not _zero(amount)
        ]
        if parts:
            ways[verb] = total(parts)
    return ways


def _exclusive(bench: Bench, segment: Segment, stream: _Stream, operator: Operator) -> Quantity:
    """Return how long a stream holds a port or link that serves one tier at a time: as its slowest segment takes."""
    memory = bench.system.memories[stream.path.memory]
    read, write = array_rates(bench, memory, operator)
    rates = [
        link_rate(s.component) if s.part == "link" else port_rate(s.component)
        for s in stream.path.segments
        if s.part != "array" and s.component is not memory
    ]
    if segment.part == "port" and segment.component is memory:
        rates.append(port_rate(memory))
    parts = []
    if not _zero(stream.read):
        parts.append(stream.read / Min(read, *rates))
    if not _zero(stream.write):
        parts.append(stream.write / Min(write, *rates))
    return _marked(segment, operator, stream, total(parts))


def _energies(
    bench: Bench, operator: Operator, streams: list[_Stream]
) -> tuple[dict[str, Quantity] | None, tuple[str, ...]]:
    """Return the dynamic energy of one run on one device by component, or what is missing for it."""
    processor, missing = bench.processor, []
    parts: dict[str, list[Quantity]] = {}
    # where every limit counts all power alike, a byte's energy in memory and chip is one product
    apart = not all(_one(w) for limit in processor.limits().values() for w in limit.weights)
    if not _zero(operator.flops):
        each_flop = processor.flop_energy(operator.dtype)
        if each_flop is None:
            missing.append(f"{bench.name}.energy_per_flop")
        else:
            spent = operator.flops * each_flop
            marked = mark(spent, f"{bench.name}.arithmetic", "arithmetic", operator.name, "J")
            parts.setdefault(bench.name, []).append(marked)
    for stream in streams:
        for amount, rate, which in (
            (stream.read, stream.path.read_energy, "read_energy"),
            (stream.write, stream.path.write_energy, "write_energy"),
        ):
            if _zero(amount):
                continue
            if rate is None:
                missing += [m for m in stream.path.missing if m.endswith((which, ".energy"))]
            elif processor.energy_per_byte is None:
                missing.append(f"{bench.name}.energy_per_byte")
            else:
                verb = "read" if which == "read_energy" else "written"
                chip = processor.energy_per_byte
                for component, resource, each in (
                    ((stream.path.memory, stream.path.memory, rate), (bench.name, f"{bench.name}.bytes", chip))
                    if apart
                    else ((stream.path.memory, stream.path.memory, rate + chip),)
                ):
                    spent = mark(amount * each, resource, _cause(stream, verb), operator.name, "J")
                    parts.setdefault(component, []).append(spent)
    energies = {component: total(spent) for component, spent in parts.items()}
    return (None if missing else energies), tuple(dict.fromkeys(missing))


def load_of(bench: Bench, operator: Operator, typical: Operator | None = None) -> Load:
    """Return the load of an operator or a collective; the time of a collective is one line from size to size."""
    return operator_load(bench, operator, typical) if operator.collective is None else collective_load(bench, operator)


def collective_load(bench: Bench, operator: Operator) -> Load:
    """Return the load of a collective among the devices of its axis.

    On one network it is the fastest of the network's algorithms. Devices that meet on several do one collective after
    another on each. Raises MappingError if no algorithm does it.
    """
    collective = operator.collective
    assert collective is not None  # the caller passes collectives only
    levels = bench.mapping.groups.get(collective.axis)
    if levels is None:
        raise MappingError(
            f"{operator.name} is a collective of {collective.axis} parallelism, of which the mapping has 1 device"
        )
    loads = []
    for (operation, size), level in _phases(collective.operation, collective.size, levels):
        one = attrs.evolve(operator, collective=attrs.evolve(collective, operation=operation, size=size))
        loads.append(_on_network(bench.system.networks[level.network], one, level.nodes))
    if len(loads) == 1:
        return loads[0]
    missing = tuple(dict.fromkeys(m for load in loads for m in load.missing))
    energies: dict[str, list[Quantity]] = {}
    crossing: dict[str, list[Quantity]] = {}
    for load in loads:
        for name, energy in (load.energies or {}).items():
            energies.setdefault(name, []).append(energy)
        for name, size in load.crossing.items():
            crossing.setdefault(name, []).append(size)
    times = {collective.axis: total(t for load in loads for t in load.data.values())}
    spent = None if missing else {n: total(e) for n, e in energies.items()}
    return Load({}, times, (), None, (), spent, missing, {}, {n: total(s) for n, s in crossing.items()})


def _phases(operation: str, size: Quantity, levels: tuple[Level, ...]) -> list[tuple[tuple[str, Quantity], Level]]:
    """Return what a collective does on each network in turn, as (operation, size), the closest network first.

    A reduction is scattered on the close network, so that the far one carries a share of the vector, as NCCL
    does across nodes; gathering is the reverse. What goes to all goes over the far network first, to the devices at
    the same place, and is handed on over the close one (DeepSeek-V3, arXiv 2412.19437, section 3.2.2). A single message
    goes over the farthest.
    """
    near, far = levels[0], levels[1:]
    if not far:
        return [((operation, size), near)]
    share = size / near.nodes
    if operation == "all_reduce":
        inner = _phases("all_reduce", share, far)
        return [(("reduce_scatter", size), near), *inner, (("all_gather", size), near)]
    if operation == "reduce_scatter":
        return [((operation, size), near), *_phases(operation, share, far)]
    if operation == "all_gather":
        return [*_phases(operation, share, far), ((operation, size), near)]
    if operation == "point_to_point":
        return [((operation, size), levels[-1])]
    return [*_phases(operation, size, far), ((operation, size), near)]


def _on_network(network: Network, operator: Operator, nodes: int) -> Load:
    """Return the load of a collective on one network: the fastest of its algorithms.

    Each algorithm takes its bytes over the sustained rate, a software latency for each step, a little for each further
    peer, and a hop latency for each link crossed in turn. Raises MappingError if no algorithm does the collective.
    """
    collective = operator.collective
    assert collective is not None  # the caller passes collectives only
    link = network.link
    call = Call(
        operation=collective.operation,
        nodes=nodes,
        size=collective.size,
        topology=network.topology,
        step=lambda hops: _steps_time(link, 1, hops),
        rate=link_rate(link),
    )
    protocols = network.protocols
    apart = {p.only for p in protocols if p.only is not None}
    found = schedules(network.algorithms, call, apart)
    if not found:
        raise MappingError(
            f"no {collective.operation} among {nodes} devices on network {network.name}: none of its algorithms "
            f"({', '.join(a.name for a in network.algorithms)}) does it on topology {type(network.topology).name}"
        )
    times, costs = [], []
    for name, schedule in found.items():
        for protocol in protocols:
            if protocol.only == (name if name in apart else None):
                times.append(_schedule_time(network.name, protocol.link, name, schedule, operator))
                costs.append(schedule.energy_bytes)
    energy = None
    missing = (f"{network.name}.energy",) if link.energy is None else ()
    if link.energy is not None:
        spent = at_smallest(times, [cost * link.energy for cost in costs])
        energy = mark(spent, network.name, "bytes sent", operator.name, "J")
    energies = None if energy is None else {network.name: energy}
    crossing = _crossing(network, nodes, at_smallest(times, costs))
    return Load({}, {network.name: Min(*times)}, (), None, (), energies, missing, {}, crossing)


def _crossing(network: Network, nodes: int, carried: Quantity) -> dict[str, Quantity]:
    """Return the bytes that cross the bisection of a network, each way; none if the devices lie within a half.

    Carried bytes (times links) over the mean distance are as many as would load the links so, each sent to any other
    node: of those of half the nodes the part (n/2) / (n-1) goes across.
    """
    if 2 * nodes <= network.size:
        return {}
    sent = carried / network.topology.average_hops(nodes)
    return {network.name: sent * (network.size / 2) * (nodes / 2 / (nodes - 1))}


def at_smallest(keys: list[Quantity], values: list[Quantity]) -> Quantity:
    """Return the value that belongs to the smallest key (the first of them at a tie)."""
    if len(keys) == 1:
        return values[0]
    return total(apply("first_min", tuple(keys), k) * v for k, v in enumerate(values))


def _steps_time(link: Interconnect, steps: Quantity, hops: Quantity) -> Quantity:
    """Return what steps and hops take apart from the bytes; 0 where the link states no latency."""
    parts = [] if link.software_latency is None else [steps * link.software_latency]
    return total(parts if link.latency is None else [*parts, hops * link.latency])


def _schedule_time(name: str, link: Interconnect, algorithm: str, schedule: Schedule, operator: Operator) -> Quantity:
    sent = schedule.bytes / link_rate(link)
    if link.copying is not None and not _zero(schedule.kept):
        sent = sent + schedule.kept * link.copying / link.bandwidth
    parts = [mark(sent, name, f"{SENT}{algorithm}", operator.name)]
    software = [] if link.start_latency is None else [link.start_latency]
    if link.software_latency is not None:
        software.append(schedule.steps * link.software_latency)
    if link.peer_latency is not None and not _zero(schedule.peers):
        software.append(schedule.peers * link.peer_latency)
    if software:
        parts.append(mark(total(software), f"{name}.software", f"software latency of {algorithm}", operator.name))
    if link.latency is not None:
        cause = f"hop latency of {algorithm}"
        parts.append(mark(schedule.hops * link.latency, f"{name}.latency", cause, operator.name))
    return total(parts)


@attrs.frozen
class Budget:
    """What one limit leaves for work, once the static power is paid.

    Attributes:
        name: of the resource: `gpu.power`.
        weights: weight by component; components without one do not count.
        left: budget less the weighted static powers [W or K].
        static: weighted static power [W or K].
        limit: the limit that it comes from.
    """

    name: str
    weights: MappingABC[str, Quantity]
    left: Quantity
    static: Quantity
    limit: Limit

    @property
    def spare(self) -> Quantity:
        """What static power leaves of the limit [W or K]; at 0 and below nothing runs."""
        return self.limit.budget - self.static

    def weighted(self, energies: MappingABC[str, Quantity]) -> Quantity:
        """Return the sum of energies times weights [J, or K s]."""
        counted = [(e, self.weights[c]) for c, e in energies.items() if c in self.weights]
        return total(e if _one(w) else e * w for e, w in counted)


def _one(weight: Quantity) -> bool:
    return isinstance(weight, int) and weight == 1


def limited_time(
    budgets: tuple[Budget, ...], energies: MappingABC[str, Quantity] | None, operator: str
) -> Quantity | None:
    """Return the time that some energies take within limits on power and temperature [s]; None if none acts."""
    if energies is None:
        return None
    times = []
    for budget in budgets:
        spent = budget.weighted(energies)
        if not _zero(spent):
            cause = "power limit" if budget.limit.unit == "W" else "temperature limit"
            times.append(mark(spent / budget.left, budget.name, cause, operator))
    return Max(*times) if times else None


def time_of(order: float, load: Load, power: Quantity | None) -> Quantity:
    """Return the time of one run: overhead, overlapped work, exposed latency; at least what the power limit needs."""
    busy = [Max(*times.values()) for times in (load.arithmetic, load.data) if times]
    fixed = [*load.overhead, *([load.exposed] if load.exposed is not None else [])]
    time = total([*fixed, *([overlap(order, *busy)] if busy else [])])
    return time if power is None else Max(time, power)


def mean_time(
    order: float, steps: Quantity, first: Load, last: Load, powers: tuple[Quantity | None, Quantity | None]
) -> Quantity:
    """Return the mean time over decode steps whose loads grow evenly from `first` to `last`.

    For p = 1 and infinity the time is a maximum of lines and the mean is exact, split where they cross. In between, a
    4-node Gauss rule for equally spaced points, exact for polynomials of degree 7.
    """
    fixed = [*first.overhead, *([first.exposed] if first.exposed is not None else [])]
    if order in (1, math.inf):
        lines = _lines(order, first, last)
        if powers[0] is None:
            return total([*fixed, _mean(steps, lines)])
        raised = [(total([*fixed, f]), total([*fixed, e])) for f, e in lines]
        return _mean(steps, [*raised, (powers[0], powers[1])])
    parts = []
    for share, weight in gauss_nodes(steps):
        arithmetic = {k: _between(v, last.arithmetic[k], share) for k, v in first.arithmetic.items()}
        data = {k: _between(v, last.data[k], share) for k, v in first.data.items()}
        power = None if powers[0] is None else _between(powers[0], powers[1], share)
        parts.append(weight * time_of(order, attrs.evolve(first, arithmetic=arithmetic, data=data), power))
    return total(parts)


def _mean(steps: Quantity, lines: list[tuple[Quantity, Quantity]]) -> Quantity:
    return mean_max(steps, *(end for line in lines for end in line))


def _lines(order: float, first: Load, last: Load) -> list[tuple[Quantity, Quantity]]:
    arithmetic = [(v, last.arithmetic[k]) for k, v in first.arithmetic.items()]
    data = [(v, last.data[k]) for k, v in first.data.items()]
    if order == 1 and arithmetic and data:
        return [(a[0] + d[0], a[1] + d[1]) for a in arithmetic for d in data]
    return [*arithmetic, *data]


def _between(first: Quantity, last: Quantity, share: Quantity) -> Quantity:
    return first * (1 - share) + last * share


def gauss_nodes(points: Quantity) -> list[tuple[Quantity, Quantity]]:
    """Return the 4-node Gauss rule for N equally spaced points: (place between first and last, weight).

    From the recurrence of the discrete Chebyshev (Gram) polynomials, b_k = k^2 (N^2 - k^2) / (4 (4 k^2 - 1)); for
    N < 4 the surplus b_k are negative and set to 0, which leaves the exact mean of the N points.
    """
    square = points * points
    b1 = (square - 1) / 12
    b2 = Max((square - 4) / 15, 0)
    b3 = Max((square - 9) * 9 / 140, 0)
    half = (b1 + b2 + b3) / 2
    # a root of 0 has no derivative: a distance of 1e-15 steps in its place moves no mean of fewer than 4 points
    root = sqrt(Max(half * half - b1 * b3, 1e-30))
    far, near = Max(half + root, 1e-30), Max(half - root, 1e-30)
    # with one point all nodes fall together and the weights no longer matter: keep the divisor away from zero
    outer = (b1 - near) / Max(4 * root, 1e-9)
    inner = Max(1 - 2 * outer, 0) / 2
    reach = Max(points - 1, 1)
    nodes = []
    for distance, weight in ((sqrt(far), outer), (sqrt(near), inner)):
        share = distance / reach
        nodes += [((1 + 2 * share) / 2, weight), ((1 - 2 * share) / 2, weight)]
    return nodes


__all__ = [
    "Access",
    "Bench",
    "Budget",
    "Load",
    "at_smallest",
    "collective_load",
    "exposed_latency",
    "gauss_nodes",
    "limited_time",
    "load_of",
    "mean_time",
    "operator_load",
    "time_of",
]
