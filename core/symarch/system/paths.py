"""Records compose: in series bandwidth is the minimum, latencies and energies add."""

from __future__ import annotations

from typing import Any

import attrs

from symarch.program import Min, total
from symarch.technologies import Interconnect, Memory, Processor, Quantity


@attrs.frozen
class Segment:
    """One stretch of a path that can be the bottleneck.

    Attributes:
        resource: its name: `hbm` (the array), `hbm.port`, `base_die`.
        component: the component it belongs to.
        exclusive: whether it serves one tier at a time.
        shared_by: number of devices whose loads add on it.
        part: array, port or link; inside: an array read by the processor that sits on it.
    """

    resource: str
    component: Any
    exclusive: bool
    shared_by: int
    part: str


@attrs.frozen
class Path:
    """The way from a processor to a memory, reduced to one record.

    Every figure is None where a part of the path does not model it; `missing` names those parts.

    Attributes:
        memory: name of the memory.
        segments: from the processor's end to the array.
        read_bandwidth: [B/s]
        write_bandwidth: [B/s]
        latency: one way: the sum of the parts' latencies [s].
        round_trip: request and answer: links counted twice [s].
        read_energy: [J/B]
        write_energy: [J/B]
        capacity: the memory's [B].
        missing: quantities that a part of the path does not model, for example `base_die.energy`.
        rivals: components of which the first stands for another way that is as short, in the order of the spec.
    """

    memory: str
    segments: tuple[Segment, ...]
    read_bandwidth: Quantity
    write_bandwidth: Quantity
    latency: Quantity | None
    round_trip: Quantity | None
    read_energy: Quantity | None
    write_energy: Quantity | None
    capacity: Quantity
    missing: tuple[str, ...]
    rivals: tuple[str, ...] = ()


def write_rate(memory: Memory) -> Quantity:
    """Return the peak write bandwidth: absent, it equals read bandwidth."""
    return memory.read_bandwidth if memory.write_bandwidth is None else memory.write_bandwidth


def port_rate(memory: Memory) -> Quantity:
    """Return the rate of a memory's port: absent, it equals read bandwidth."""
    return memory.read_bandwidth if memory.port_bandwidth is None else memory.port_bandwidth


def link_rate(link: Interconnect) -> Quantity:
    """Return what a link carries per direction: peak times efficiency."""
    return link.bandwidth if link.efficiency is None else link.bandwidth * link.efficiency


def _sum(parts: list[tuple[str, Any]]) -> tuple[Any, list[str]]:
    """Add figures; None and the names of the absent ones if any is absent."""
    missing = [name for name, value in parts if value is None]
    return (None if missing else total([value for _, value in parts])), missing


def inside_rate(processor: Processor, otherwise: Quantity) -> Quantity:
    """Return the rate at which a processor reads or writes the memory it sits on: its own, or the memory's."""
    return otherwise if processor.memory_bandwidth is None else processor.memory_bandwidth


def _from_inside(name: str, memory: Memory, segments: tuple[Segment, ...], processor: Processor) -> Path:
    """Return the record of the memory a processor sits on."""
    latency = memory.read_latency if processor.memory_latency is None else processor.memory_latency
    near = memory.internal_energy if processor.memory_energy is None else processor.memory_energy
    read, write = (own if near is None else near for own in (memory.read_energy, memory.write_energy))
    named = {"read_latency": latency, "read_energy": read, "write_energy": write}
    return Path(
        memory=name,
        segments=segments,
        read_bandwidth=inside_rate(processor, memory.read_bandwidth),
        write_bandwidth=inside_rate(processor, write_rate(memory)),
        latency=latency,
        round_trip=latency,
        read_energy=read,
        write_energy=write,
        capacity=memory.capacity,
        missing=tuple(f"{name}.{key}" for key, value in named.items() if value is None),
    )


def compose(name: str, memory: Memory, segments: tuple[Segment, ...], inside: Processor | None = None) -> Path:
    """Compose the record of a path from its segments and the memory at its end.

    Args:
        name: the memory's name.
        memory: the memory.
        segments: from the processor's end to the array.
        inside: the processor, if it sits on this memory.
    """
    if inside is not None:
        return _from_inside(name, memory, segments, inside)
    links: list[Any] = [s.component for s in segments if s.part == "link"]
    passed = [s.component for s in segments if s.part == "port" and s.component is not memory]
    rates = [link_rate(link) for link in links] + [port_rate(p) for p in passed]
    latencies = [(f"{link.component}.latency", link.latency) for link in links]
    energies = [(f"{link.component}.energy", link.energy) for link in links]
    own = (f"{name}.read_latency", memory.read_latency)
    latency, no_latency = _sum([own, *latencies])
    round_trip, _ = _sum([own, *latencies, *latencies])
    read_energy, no_read = _sum([(f"{name}.read_energy", memory.read_energy), *energies])
    write_energy, no_write = _sum([(f"{name}.write_energy", memory.write_energy), *energies])
    return Path(
        memory=name,
        segments=segments,
        read_bandwidth=Min(memory.read_bandwidth, *rates),
        write_bandwidth=Min(write_rate(memory), *rates),
        latency=latency,
        round_trip=round_trip,
        read_energy=read_energy,
        write_energy=write_energy,
        capacity=memory.capacity,
        missing=tuple(dict.fromkeys([*no_latency, *no_read, *no_write])),
    )
