"""From what a spec says of the mapping to one that fits the system and the model."""

from __future__ import annotations

import collections.abc

import attrs

from symarch.errors import MappingError, nearest
from symarch.specs import System
from symarch.specs.systems import FOLLOWING, TENSOR_CLASSES
from symarch.trace import Architecture, Shard


@attrs.frozen
class Mapping:
    """How a model lies on a system.

    Attributes:
        shard: the part of the model on one device.
        data: data-parallel replicas.
        place: memory by tensor class.
        networks: network by parallel axis; an axis of degree 1 has none.
        processor: the processor that operators run on.
        run: other processors, by kind or name of the operators that run on them.
        assumptions: sentences on what was chosen where the spec is silent.
    """

    shard: Shard
    data: int
    place: collections.abc.Mapping[str, str]
    networks: collections.abc.Mapping[str, str]
    processor: str
    run: collections.abc.Mapping[str, str] = attrs.field(factory=dict)
    assumptions: tuple[str, ...] = ()


def resolve(spec: System, model: Architecture) -> Mapping:
    """Resolve a spec's mapping for a model. Raises MappingError with the allowed degrees."""
    devices, notes = spec.devices, []
    tensor = spec.tensor
    if tensor is None:
        tensor = max(devices // (spec.data or 1), 1)
        if devices > 1 and spec.data is None:
            notes.append(f"all {devices} devices share one copy of the model (the spec names no parallel degree)")
    if devices % tensor:
        allowed = ", ".join(str(d) for d in range(1, min(devices, 10_000) + 1) if devices % d == 0)
        raise MappingError(
            f"tensor parallelism {tensor} does not divide the {devices} devices of {spec.name}; allowed: {allowed}"
        )
    data = devices // tensor if spec.data is None else spec.data
    if tensor * data != devices:
        raise MappingError(
            f"tensor {tensor} x data {data} is {tensor * data}, but {spec.name} has {devices} devices; "
            f"mapping.tensor and mapping.data must multiply to {devices}"
        )
    if data > 1:
        notes.append(f"each of the {data} data-parallel replicas is as full as the fullest: batch / {data}, rounded up")
    shard = Shard(tensor=tensor)
    model.check_shard(shard)
    memories = [c.name for c in spec.of("memory")]
    place = {t: spec.place.get(t, memories[0]) for t in TENSOR_CLASSES}
    place |= {t: spec.place.get(t, place[other]) for t, other in FOLLOWING.items()}
    networks = {}
    if tensor > 1:
        holding = [n for n in spec.of("network") if n.size >= tensor]
        if not holding:
            sizes = ", ".join(f"{n.name} {n.size}" for n in spec.of("network"))
            raise MappingError(f"tensor parallelism {tensor} fits no network of {spec.name} ({sizes})")
        networks["tensor"] = min(holding, key=lambda n: n.size).name
    return Mapping(shard, data, place, networks, _processor(spec), spec.run, tuple(notes))


def _processor(spec: System) -> str:
    """Return the processor that operators run on. Raises MappingError if that is not clear."""
    processors = spec.of("processor")
    main = [c.name for c in processors if c.on is None] or [c.name for c in processors]
    if spec.processor is not None:
        return spec.processor
    if len(main) > 1:
        raise MappingError(
            f"{spec.name} has {len(main)} processors that operators could run on ({', '.join(main)}); "
            "mapping.processor must name one"
        )
    return main[0]


def placed(spec: System, place: collections.abc.Mapping[str, str]) -> System:
    """Return the spec with some tensor classes placed elsewhere. Raises MappingError."""
    memories = [c.name for c in spec.of("memory")]
    for tensor, memory in place.items():
        if tensor not in TENSOR_CLASSES:
            raise MappingError(f"unknown tensor class '{tensor}'; {nearest(tensor, TENSOR_CLASSES)}")
        if memory not in memories:
            raise MappingError(f"unknown memory '{memory}'; {nearest(memory, memories)}")
    return attrs.evolve(spec, place={**spec.place, **place})
