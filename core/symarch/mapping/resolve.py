"""From what a spec says of the mapping to one that fits the system and the model."""

from __future__ import annotations

import collections.abc
import math
from typing import Any

import attrs

from symarch.errors import MappingError, SymarchError
from symarch.mapping.placement import places_of
from symarch.notebook import Sheet, Shown
from symarch.program import ceil
from symarch.specs import System
from symarch.specs.placement import PLACED, ByLayer, Where, described, read_where
from symarch.specs.systems import AUTO, AXES, DEGREES
from symarch.technologies import Quantity
from symarch.trace import Architecture, Divisible, Shard


@attrs.frozen
class Level:
    """The part of a parallel axis that lies on one network.

    Attributes:
        network: its name.
        nodes: how many of the axis's devices meet on it.
    """

    network: str
    nodes: int


@attrs.frozen
class Mapping(Shown):
    """How a model lies on a system.

    Attributes:
        shard: the part of the model on one device.
        data: data-parallel replicas.
        place: by tensor class, and for the embeddings, where it lies.
        groups: by parallel axis the networks that its devices meet on, the closest first; an axis of degree 1 has none.
            `group` stands for all devices that share the experts of a stage.
        processor: the processor that operators run on.
        run: other processors, by kind or name of the operators that run on them.
        microbatches: parts of a replica's batch under way in a pipeline at once.
        hide: how communication is hidden: none, microbatches, or the share that computation hides.
        assumptions: sentences on what was chosen where the spec is silent.
    """

    shard: Shard
    data: int
    place: collections.abc.Mapping[str, Where]
    groups: collections.abc.Mapping[str, tuple[Level, ...]]
    processor: str
    run: collections.abc.Mapping[str, str] = attrs.field(factory=dict)
    microbatches: int = 1
    hide: str | float = "none"
    assumptions: tuple[str, ...] = ()

    @property
    def degrees(self) -> dict[str, int]:
        """Return the degrees above 1, and that of tensor parallelism, by name."""
        found = attrs.asdict(self.shard) | {"data": self.data}
        return {name: degree for name, degree in found.items() if degree > 1 or name == "tensor"}

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the degrees with their networks, and what lies and runs where."""
        axes = [
            (axis, str(degree), ", ".join(f"{level.nodes} on {level.network}" for level in self.groups.get(axis, ())))
            for axis, degree in self.degrees.items()
        ]
        more = f"{self.microbatches} microbatches, " if self.microbatches > 1 else ""
        places = [(tensor, described(where)) for tensor, where in self.place.items()]
        runs = [(name, where) for name, where in ({"all operators": self.processor} | dict(self.run)).items()]
        return (
            Sheet(f"{more}communication hidden: {self.hide}", ("axis", "degree", "devices"), axes, words=[2]),
            Sheet("Where tensors lie", ("tensors", "memory"), places, words=[1]),
            Sheet("Where operators run", ("operators", "processor"), runs, ". ".join(self.assumptions), words=[1]),
        )

    @property
    def networks(self) -> tuple[str, ...]:
        """Return the networks that carry collectives: replicas do not talk to each other."""
        used = (level.network for axis, levels in self.groups.items() if axis != "data" for level in levels)
        return tuple(dict.fromkeys(used))

    @property
    def unlike(self) -> tuple[int, ...]:
        """Return the stages of a pipeline that hold different things: all where layers lie apart, else one for all."""
        apart = any(isinstance(where, ByLayer) for where in self.place.values())
        return tuple(range(self.shard.pipeline)) if apart else (0,)

    def replica(self, batch: Quantity) -> Quantity:
        """Return the sequences of the fullest replica."""
        return batch if self.data == 1 else ceil(batch / self.data)

    def together(self, batch: Quantity) -> Quantity:
        """Return the sequences that pass a stage of the fullest replica together."""
        found = self.replica(batch)
        if self.shard.pipeline > 1:
            found = ceil(found / self.microbatches)
        return ceil(found / 2) if self.hide == "microbatches" else found


def resolve(spec: System, model: Architecture, table: str = "mapping") -> Mapping:
    """Resolve a spec's mapping for a model; `table`: where the spec states it.

    Raises MappingError with the allowed degrees, or if a search is due.
    """
    if spec.auto:
        raise MappingError(f"the mapping of {spec.name} is left to a search ({', '.join(sorted(spec.auto))})")
    shard, data, notes = _degrees(spec)
    _check_shard(spec, model, shard, table)
    if data > 1:
        notes.append(f"each of the {data} data-parallel replicas is as full as the fullest: batch / {data}, rounded up")
    microbatches = shard.pipeline if spec.microbatches is None else spec.microbatches
    if shard.pipeline == 1 and microbatches > 1:
        raise MappingError(f"{microbatches} microbatches need a pipeline; mapping.pipeline of {spec.name} is 1")
    if shard.pipeline > 1 and spec.microbatches is None:
        notes.append(f"as many microbatches as stages are under way in the pipeline: {microbatches}")
    place = places_of(spec)
    if shard.pipeline > 1 and any(isinstance(where, ByLayer) for where in place.values()):
        notes.append(
            "each stage of the pipeline has its own layers where they lie: capacity, wear and the time of a stage are "
            "those of the stage with the most"
        )
    return Mapping(
        shard,
        data,
        place,
        _levels(spec, shard, data),
        _processor(spec),
        spec.run,
        microbatches,
        spec.hide,
        tuple(notes),
    )


def _check_shard(spec: System, model: Architecture, shard: Shard, table: str) -> None:
    """Raise MappingError if a degree does not divide the model; with the tensor degree that does, where one would."""
    try:
        model.check_shard(shard)
    except MappingError as error:
        smaller = [d for d in range(shard.tensor - 1, 0, -1) if shard.tensor % d == 0 and spec.data is None]
        found = next((d for d in smaller if _fits(model, attrs.evolve(shard, tensor=d))), None)
        if found is None:
            raise
        raise MappingError(f"{error}; {table}.tensor={found} fits {spec.name}") from None


def _fits(model: Architecture, shard: Shard) -> bool:
    try:
        model.check_shard(shard)
    except MappingError:
        return False
    return True


def _degrees(spec: System) -> tuple[Shard, int, list[str]]:
    """Return the degrees, which multiply to the devices, and sentences on those that were chosen."""
    devices, notes = spec.devices, []
    others = spec.context * spec.attention_data * spec.pipeline
    tensor = spec.tensor
    if tensor is None:
        tensor = max(devices // ((spec.data or 1) * others), 1)
        if devices > 1 and spec.data is None and others == 1:
            notes.append(f"all {devices} devices share one copy of the model (the spec names no parallel degree)")
    if devices % tensor:
        raise MappingError(
            f"tensor parallelism {tensor} does not divide the {devices} devices of {spec.name}; "
            f"allowed: {_divisors(devices)}"
        )
    for axis in ("context", "attention_data", "pipeline"):
        degree = getattr(spec, axis)
        if devices // tensor % degree:
            raise MappingError(
                f"{axis} parallelism {degree} with tensor {tensor} does not divide the {devices} devices of "
                f"{spec.name}; allowed: {_divisors(devices // tensor)}"
            )
    if devices % (tensor * others):
        raise MappingError(
            f"tensor {tensor} x context {spec.context} x attention_data {spec.attention_data} x pipeline "
            f"{spec.pipeline} is {tensor * others}, which does not divide the {devices} devices of {spec.name}"
        )
    data = devices // (tensor * others) if spec.data is None else spec.data
    if tensor * others * data != devices:
        words = [f"tensor {tensor}"]
        words += [f"{axis} {getattr(spec, axis)}" for axis in AXES[1:-1] if getattr(spec, axis) > 1]
        keys = ["mapping.tensor", *(f"mapping.{w.split()[0]}" for w in words[1:])]
        raise MappingError(
            f"{' x '.join([*words, f'data {data}'])} is {tensor * others * data}, but {spec.name} has {devices} "
            f"devices; {', '.join(keys)} and mapping.data must multiply to {devices}"
        )
    shard = Shard(tensor, spec.context, spec.attention_data, spec.expert, spec.pipeline)
    return shard, data, notes


def _divisors(number: int) -> str:
    return ", ".join(str(d) for d in range(1, min(number, 10_000) + 1) if number % d == 0)


def _levels(spec: System, shard: Shard, data: int) -> dict[str, tuple[Level, ...]]:
    """Return the networks that each axis meets on.

    Networks are levels, in the order of the spec the closest first. Axes that the spec places come first; the others
    fill what is left, from the closest level on, tensor before context, attention_data, pipeline and data.
    """
    free = {n.name: n.size for n in spec.of("network") if n.name not in spec.outside}
    degrees = {"data": data} | {axis: getattr(shard, axis) for axis in AXES[:-1]}
    found: dict[str, tuple[Level, ...]] = {}
    for axis, network in spec.level.items():
        degree = degrees[axis]
        if free[network] % degree:
            raise MappingError(
                f"{axis} parallelism {degree} does not fit network {network}, where mapping.level of {spec.name} puts "
                f"it and {free[network]} places are left; allowed: {_divisors(free[network])}"
            )
        if degree > 1:
            free[network] //= degree
            found[axis] = (Level(network, degree),)
    for axis in AXES:
        rest = degrees[axis]
        if axis in found or rest == 1:
            continue
        # a level that holds the whole axis beats a closer one that holds a part of it
        whole = [name for name, left in free.items() if left % rest == 0]
        parts = []
        for name in whole[:1] or free:
            nodes = math.gcd(rest, free[name])
            if nodes > 1:
                parts.append(Level(name, nodes))
                rest //= nodes
                free[name] //= nodes
        found[axis] = tuple(parts)
    group: dict[str, int] = {}
    for axis in ("tensor", "context", "attention_data"):
        for level in found.get(axis, ()):
            group[level.network] = group.get(level.network, 1) * level.nodes
    if group:
        found["group"] = tuple(Level(name, group[name]) for name in free if name in group)
    if spec.outside:
        found["transfer"] = tuple(Level(name, spec.components[name].size) for name in spec.outside)
    return found


def mappings(spec: System, model: Architecture) -> dict[str, Mapping]:
    """Resolve the mapping of a system, by pool where it has pools. Raises MappingError."""
    if not spec.pools:
        return {"": resolve(spec, model)}
    roles: dict[str, set[str]] = {}
    for role, pool in spec.roles.items():
        roles.setdefault(pool, set()).add(role)
    return {
        pool: resolve(part, model.part(*roles[pool]) if isinstance(model, Divisible) else model, f"pool.{pool}")
        for pool, part in spec.parts.items()
    }


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


def placed(spec: System, place: collections.abc.Mapping[str, Any]) -> System:
    """Return the spec with some tensor classes placed elsewhere: records, or what TOML holds. Raises MappingError."""
    memories = [c.name for c in spec.of("memory")]
    found = {}
    for tensor, where in place.items():
        if tensor in PLACED and where == AUTO:
            continue
        try:
            found[tensor] = read_where(tensor, where, memories)
        except SymarchError as error:
            known = str(error).startswith("unknown tensor class")
            raise MappingError(str(error) if known else f"mapping.place.{tensor}: {error}") from None
    kept = {tensor: where for tensor, where in spec.place.items() if tensor not in place}
    auto = spec.auto - {f"place.{t}" for t in place} | {f"place.{t}" for t in place if t not in found}
    return attrs.evolve(spec, place=kept | found, auto=auto)


def opened(spec: System, keep: bool = False) -> System:
    """Return the spec with all degrees open, and all places where there are several memories; or none with `keep`.

    Raises MappingError for a system of pools.
    """
    if keep:
        return spec
    if spec.pools:
        raise MappingError(f"{spec.name} has pools of devices, whose mappings are not searched")
    keys = set(DEGREES)
    place = spec.place
    if len(spec.of("memory")) > 1:
        keys |= {f"place.{tensor}" for tensor in PLACED}
        place = {}
    defaults = {key: getattr(attrs.fields(System), key).default for key in DEGREES}
    return attrs.evolve(spec, auto=frozenset(keys), place=place, **defaults)
