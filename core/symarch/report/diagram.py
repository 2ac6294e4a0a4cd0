"""A system as a picture would show it: its parts with their figures in words, and what hangs on what.

The device is a tree. A processor is the root; what it reaches hangs on it, links being parts of their own between two
others. A link whose two ends are in the tree already hangs on the first and names the second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from symarch.quantities import format_quantity
from symarch.specs import Component, System
from symarch.system import SystemGraph


@attrs.frozen
class Part:
    """One component of a picture.

    Attributes:
        name: its name.
        table: processor, memory, link, switch, network or limit.
        lines: what it is, and its figures.
        rate: bytes per second it carries [B/s], None if it carries none.
        shared_by: devices that share it.
        children: what hangs on it.
        also: of a link, the end that it does not hang between.
    """

    name: str
    table: str
    lines: tuple[str, ...]
    rate: float | None = None
    shared_by: int = 1
    children: tuple[Part, ...] = ()
    also: str | None = None

    def all(self) -> Iterator[Part]:
        """Yield the part and all that hangs on it."""
        yield self
        for child in self.children:
            yield from child.all()


@attrs.frozen
class Frame:
    """A device, of which there are others like it.

    Attributes:
        caption: which: one device, one of eight.
        roots: its parts that hang on no other.
        networks: what joins devices of its kind, the closest first, and limits that they share.
    """

    caption: str
    roots: tuple[Part, ...]
    networks: tuple[Part, ...]


@attrs.frozen
class Diagram:
    """A system as parts.

    Attributes:
        name: of the system.
        title: one line.
        components: the table of the spec that each is in.
        frames: its device; a device of each pool where it has pools.
        joining: what joins the pools.
    """

    name: str
    title: str
    components: Mapping[str, str]
    frames: tuple[Frame, ...]
    joining: tuple[Part, ...] = ()

    @property
    def networks(self) -> list[Part]:
        """Return what joins devices, and limits that they share."""
        return [*self.joining, *(part for frame in self.frames for part in frame.networks)]

    def parts(self) -> Iterator[Part]:
        """Yield every part once."""
        for frame in self.frames:
            for root in frame.roots:
                yield from root.all()
        yield from self.networks


def diagram_of(system: System) -> Diagram:
    """Return the picture of a system at its numbers. Raises SpecError."""
    frames, joining = [], dict[str, Part]()
    for pool, part in system.parts.items():
        graph = SystemGraph.build(part, lambda component, parameter, value: value)
        outside = [_part(graph, c) for c in (*part.of("network"), *part.of("limit"))]
        joining |= {p.name: p for p in outside if p.name in part.outside}
        count = part.devices * (system.pools[pool].count if pool else 1)
        caption = "one device" if count == 1 else f"one of {count} devices"
        own = tuple(p for p in outside if p.name not in part.outside)
        frames.append(Frame(f"pool {pool}: {caption}" if pool else caption, _roots(part, graph), own))
    return Diagram(system.name, system.title, system.tables, tuple(frames), tuple(joining.values()))


def _roots(system: System, graph: SystemGraph) -> tuple[Part, ...]:
    components = system.components
    near: dict[str, list[tuple[str, str | None]]] = {}

    def join(a: str, b: str, link: str | None) -> None:
        near.setdefault(a, []).append((b, link))
        near.setdefault(b, []).append((a, link))

    for component in components.values():
        if component.between:
            join(*component.between, component.name)
        elif component.on:
            join(component.on, component.name, None)
    children: dict[str, list[str]] = {}
    also: dict[str, str] = {}
    seen: set[str] = set()
    found = []
    nodes = [c for c in components.values() if c.table in ("processor", "memory", "switch")]
    # a processor that memories hang on comes first, one that sits on a memory only where there is no other
    for start in sorted(nodes, key=lambda c: (c.table != "processor", c.on is not None)):
        if start.name in seen:
            continue
        found.append(start.name)
        seen.add(start.name)
        queue = deque([start.name])
        while queue:
            here = queue.popleft()
            for there, link in near.get(here, ()):
                if there not in seen:
                    seen.add(there)
                    queue.append(there)
                    children.setdefault(here, []).append(link or there)
                    if link:
                        children[link] = [there]
                        seen.add(link)
                elif link and link not in seen:
                    children.setdefault(here, []).append(link)
                    also[link] = there
                    seen.add(link)

    def tree(name: str) -> Part:
        part = _part(graph, components[name])
        return attrs.evolve(part, children=tuple(tree(c) for c in children.get(name, ())), also=also.get(name))

    return tuple(tree(name) for name in found)


def _part(graph: SystemGraph, component: Component) -> Part:
    lines = [" ".join(w for w in (component.technology.name, component.preset) if w)] if component.technology else []
    describe = {"processor": _processor, "memory": _memory, "link": _link, "switch": _link, "network": _network,
                "limit": _limit}[component.table]  # fmt: skip
    figures, rate = describe(graph, component)
    if component.arbitration == "exclusive":
        figures.append("one tier at a time")
    if component.shared_by > 1:
        figures.append(f"shared by {component.shared_by} devices")
    if component.table == "limit":
        lines = []
    return Part(component.name, component.table, (*lines, *figures), rate, component.shared_by)


Figures = tuple[list[str], float | None]


def _processor(graph: SystemGraph, component: Component) -> Figures:
    processor = graph.processors[component.name]
    lines = [f"{format_quantity(processor.peak('bf16'), 'FLOP/s')} bf16"]
    if processor.power_limit is not None:
        lines.append(f"limit {format_quantity(processor.power_limit, 'W')}")
    if component.on is None:
        return lines, None
    lines.append(f"reads {component.on} from inside")
    return lines, float(graph.paths[component.name, component.on].read_bandwidth)


def _memory(graph: SystemGraph, component: Component) -> Figures:
    memory = graph.memories[component.name]
    rate = float(memory.read_bandwidth)
    lines = [format_quantity(memory.capacity, "B"), f"reads {format_quantity(rate, 'B/s')}"]
    write = memory.write_bandwidth
    if write is not None and abs(write / rate - 1) > 0.005:
        lines.append(f"writes {format_quantity(write, 'B/s')}")
    return lines, rate


def _way(link: Any) -> Figures:
    rate = float(link.bandwidth)
    lines = [f"{format_quantity(rate, 'B/s')} each way"]
    if link.latency is not None:
        lines.append(format_quantity(link.latency, "s"))
    return lines, rate


def _link(graph: SystemGraph, component: Component) -> Figures:
    return (["junction"], None) if component.technology is None else _way(graph.links[component.name])


def _network(graph: SystemGraph, component: Component) -> Figures:
    network = graph.networks[component.name]
    lines, rate = _way(network.link)
    return [f"{type(network.topology).name} of {network.size}", *lines], rate


def _limit(graph: SystemGraph, component: Component) -> Figures:
    supply = graph.supplies[component.name]
    lines = [f"{format_quantity(supply.power, 'W')} for {int(supply.sharing(graph.devices))} devices"]
    if supply.overhead:
        lines.append(f"and {format_quantity(supply.overhead, 'W')} beside them")
    return lines, None
