"""A system built on some kind of scalar: technologies instantiated, joined into a graph, paths found."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import attrs

from symarch.errors import SpecError, SymarchError
from symarch.plugins import registry
from symarch.specs import Component, System
from symarch.specs.records import TABLES
from symarch.system.paths import Path, Segment, compose
from symarch.technologies import (
    CollectiveAlgorithm,
    Economy,
    Interconnect,
    Memory,
    Processor,
    Runtime,
    Supply,
    Topology,
    Usage,
)
from symarch.technologies.topology import chosen

Make = Callable[[str, str, float], Any]
"""Turns (component, parameter, value) into the scalar to build with: the value itself, a recording node ..."""


@attrs.frozen
class Network:
    """A network that joins devices.

    Attributes:
        name: its name.
        link: the link of one endpoint.
        topology: how the endpoints are joined.
        size: number of endpoints.
        algorithms: the collective algorithms to choose from.
    """

    name: str
    link: Interconnect
    topology: Topology
    size: int
    algorithms: tuple[CollectiveAlgorithm, ...]

    @cached_property
    def protocols(self) -> tuple[Usage, ...]:
        """The link in each of its protocols: the same for all collectives on it."""
        return tuple(self.link.protocols())


def _instance(cls: Any, component: Component, make: Make, **surroundings: Any) -> Any:
    values: dict[str, Any] = dict(surroundings)
    declared = component.declared()
    names = [f.name for f in attrs.fields(cls) if f.name in component.settings]
    for name in names:
        value = component.settings[name].value
        parameter = declared.get(name)
        if parameter is None or value is None or parameter.structural:
            values[name] = value
        else:
            values[name] = make(component.name, name, value)
    return cls(component=component.name, **values)


@attrs.frozen(eq=False)
class SystemGraph:
    """A system whose technologies are built on one kind of scalar.

    Attributes:
        spec: the spec it was built from.
        processors: by name.
        memories: by name.
        links: links and switches with a technology, by name.
        networks: by name.
        supplies: limits on the power of devices together, by name.
        paths: the record of each (processor, memory).
        economy: prices, lives and shares that turn power, time and prices into money and carbon.
        runtime: the serving software; None: times are those of the devices.
    """

    spec: System
    processors: Mapping[str, Processor]
    memories: Mapping[str, Memory]
    links: Mapping[str, Interconnect]
    networks: Mapping[str, Network]
    supplies: Mapping[str, Supply]
    paths: Mapping[tuple[str, str], Path]
    economy: Economy
    runtime: Runtime | None = None

    @classmethod
    def build(cls, spec: System, make: Make) -> SystemGraph:
        """Instantiate a spec's technologies with the scalars of `make` and reduce its paths. Raises SpecError."""
        built: dict[str, dict[str, Any]] = {t: {} for t in TABLES}
        # memories first: a processor that sits on one computes with what the memory states of itself
        for component in sorted(spec.components.values(), key=lambda c: c.table != "memory"):
            if component.technology is None:
                continue
            seat = {}
            if component.table == "processor" and component.on is not None:
                seat["memory"] = built["memory"][component.on]
            instance = _instance(component.technology, component, make, **seat)
            if component.table == "network":
                assert component.topology is not None  # the reader demands one
                topology = _instance(component.topology, component, make, endpoints=component.size)
                try:
                    if component.size > 1:  # one device has nobody to be joined to
                        topology.check(component.size)
                except SymarchError as error:
                    raise SpecError([f"{spec.path or spec.name}: network.{component.name}: {error}"]) from None
                found = chosen(component.algorithm, component.topology, registry().collective)
                algorithms = tuple(algorithm() for algorithm in found.values())
                built["network"][component.name] = Network(
                    component.name, instance, topology, component.size, algorithms
                )
            else:
                built["link" if component.table == "switch" else component.table][component.name] = instance
        paths = {}
        for processor in built["processor"]:
            for memory, (segments, rivals) in _walk(spec, built, processor).items():
                inside = built["processor"][processor] if spec.components[processor].on == memory else None
                path = compose(memory, built["memory"][memory], segments, inside)
                paths[processor, memory] = attrs.evolve(path, rivals=rivals)
        for memory in built["memory"]:
            if not any(m == memory for _, m in paths):
                raise SpecError([f"{spec.path or spec.name}: memory.{memory}: no link leads to it from a processor"])
        return cls(spec, built["processor"], built["memory"], built["link"], built["network"], built["limit"], paths,
                   _instance(Economy, spec.economy, make),
                   None if spec.runtime is None else _instance(Runtime, spec.runtime, make))  # fmt: skip

    @property
    def devices(self) -> int:
        """Number of devices."""
        return self.spec.devices

    def shared_by(self, component: str) -> int:
        """Return how many devices share a component."""
        return self.spec.components[component].shared_by


Trail = tuple[tuple[Segment, ...], tuple[str, ...]]
"""The segments of a way, and the components by which as short a one would lead."""


def _walk(spec: System, built: Mapping[str, Mapping[str, Any]], start: str) -> dict[str, Trail]:
    """Find, breadth first, the path with the fewest components from a processor to every memory it reaches.

    Of ways as short the one is taken whose components stand first in the spec. A way may lead through another
    processor, the other die of a package, over a link to it; it crosses that die at no cost.
    """
    neighbours: dict[str, list[tuple[str, str | None]]] = {}

    def join(a: str, b: str, link: str | None) -> None:
        neighbours.setdefault(a, []).append((b, link))
        neighbours.setdefault(b, []).append((a, link))

    for component in spec.components.values():
        if component.between:
            join(*component.between, component.name)
        elif component.on and component.table == "memory":
            join(component.name, component.on, None)

    def segment(name: str, part: str) -> Segment:
        component = spec.components[name]
        instance = built["memory" if component.table == "memory" else "link"][name]
        resource = f"{name}.port" if part == "port" else name
        exclusive = part != "array" and component.arbitration == "exclusive"
        return Segment(resource, instance, exclusive, component.shared_by, part)

    found: dict[str, Trail] = {}
    reached: dict[str, tuple[Segment, ...]] = {start: ()}
    steps, rivals = {start: 0}, dict[str, tuple[str, ...]]()
    queue = deque([start])

    def reach(here: str, there: str, link: str | None, trail: tuple[Segment, ...]) -> None:
        if there not in reached:
            reached[there] = (*trail, segment(link, "link")) if link else trail
            steps[there], rivals[there] = steps[here] + 1, rivals.get(here, ())
            queue.append(there)
        elif steps.get(there) == steps[here] + 1:
            rivals[there] = (*rivals[there], link or here)

    seat = spec.components[start].on
    if seat is not None:  # from inside its memory it reaches what lies behind, but not its host
        found[seat] = ((attrs.evolve(segment(seat, "array"), part="inside"),), ())
        reached |= {seat: ()} | {c.name: () for c in spec.components.values() if c.table == "processor"}
        for there, link in neighbours.get(seat, ()):
            if link:
                reach(start, there, link, ())
    while queue:
        here = queue.popleft()
        table = spec.components[here].table
        trail = reached[here]
        if table == "memory":
            found[here] = ((*trail, segment(here, "port"), segment(here, "array")), rivals[here])
            trail = (*trail, segment(here, "port"))  # what lies behind loads the port, not the array
        elif table == "switch" and here in built["link"]:
            trail = (*trail, segment(here, "link"))
        for there, link in neighbours.get(here, ()):
            if table == "memory" and spec.components[there].table == "processor":
                continue  # a memory serves those it hangs on; it leads from none to the other
            reach(here, there, link, trail)
    return found
