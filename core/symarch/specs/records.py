"""The records a system spec becomes: components with a value, range and origin for every parameter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from symarch.notebook import Sheet, Shown
from symarch.quantities import format_setting
from symarch.technologies import Parameter, Technology, options_of, parameters_of

if TYPE_CHECKING:
    from symarch.specs.placement import Where

TABLES = ("processor", "memory", "link", "switch", "network", "limit")
"""The tables of a system spec that hold components."""


@attrs.frozen
class Setting:
    """The value of one parameter (SI; None: absent) or option (a word), with where it comes from.

    Attributes:
        value: the value.
        low: lower end of its range, None if it has none.
        high: upper end of its range.
        source: citation.
        status: measured, standard, announced or assumed.
        origin: `default`, `preset NAME`, `spec`, `--set` or `--ideal`.
    """

    value: Any
    low: float | None = None
    high: float | None = None
    source: str = ""
    status: str = "assumed"
    origin: str = "default"


@attrs.frozen
class Component:
    """One component of a system.

    Attributes:
        name: its name, unique in the system.
        table: processor, memory, link, switch, network or limit.
        technology: its technology class; None for a plain switch (a junction).
        preset: name of its preset, None without one.
        settings: a `Setting` for each parameter and option of the technology (and of a network's topology).
        on: the processor or switch a memory hangs on, None if a link names the memory; the memory a processor sits on,
            None if memories hang on it.
        between: the two ends of a link.
        arbitration: shared or exclusive: how a port or link serves several tiers.
        shared_by: number of devices that share the component.
        topology: topology class of a network.
        size: number of endpoints of a network.
        algorithm: the collective algorithms of a network; auto: those that its topology names.
        unknown: parameters the preset's source does not give; the technology's default stands.
    """

    name: str
    table: str
    technology: type[Technology] | None
    preset: str | None
    settings: Mapping[str, Setting]
    on: str | None = None
    between: tuple[str, str] | None = None
    arbitration: str = "shared"
    shared_by: int = 1
    topology: type[Technology] | None = None
    size: int = 1
    algorithm: tuple[str, ...] = ("auto",)
    unknown: tuple[str, ...] = ()

    def declared(self) -> dict[str, Parameter]:
        """Return the declared parameters of the component's technology, and of a network's topology, by name."""
        classes = [c for c in (self.technology, self.topology) if c is not None]
        return {p.name: p for c in classes for p in parameters_of(c)}

    @property
    def carries(self) -> bool:
        """Whether loads of several memories or devices meet on it: a memory, a link, a switch with a technology."""
        return self.table in ("memory", "link") or (self.table == "switch" and self.technology is not None)

    def words(self) -> tuple[str, ...]:
        """Return the names of the component's options."""
        classes = [c for c in (self.technology, self.topology) if c is not None]
        return tuple(o.name for c in classes for o in options_of(c))


@attrs.frozen
class Pool:
    """Devices of one kind among others.

    Attributes:
        name: its name.
        system: the system that it is made of; its settings are those of the whole's components of the same names.
        count: copies of that system.
        batch: prompts that a copy reads together, where it is for prefill; None: one for each device, or group of
            devices, that has sequences of its own.
    """

    name: str
    system: System
    count: int = 1
    batch: int | None = None


@attrs.frozen
class System(Shown):
    """A system as a spec describes it.

    Attributes:
        name: its name.
        title: one line.
        source: where its numbers come from.
        path: the file it was read from.
        components: components by name, in the order of the file.
        tensor: tensor-parallel degree.
        data: data-parallel replicas, None: what is left of the devices.
        context: devices that share each sequence's tokens and cache.
        attention_data: devices among which the sequences of a replica are divided.
        expert: devices among which whole experts are divided.
        pipeline: stages among which layers are divided.
        microbatches: parts of a replica's batch that are under way in a pipeline at once, None: as many as stages.
        hide: how communication is hidden: none, microbatches, or the share of it that computation hides.
        level: network by parallel axis, for axes that the spec places.
        place: by tensor class, a memory or one of the records of `symarch.specs.placement`.
        processor: the processor that operators run on; None: the only one that does not sit on a memory.
        run: other processors, by kind or name of the operators that run on them.
        technologies: the technologies written in the spec itself, by name.
        pools: pools of devices by name, each a system of its own; empty where all devices are alike.
        roles: pool by what it is for: prefill, decode, attention or ffn.
        outside: networks that join this system, which is a pool, to others; their sizes count no devices.
        economy: the numbers that turn power, time and prices into money and carbon.
        runtime: the serving software; None: times are those of the devices.
        prices: name or path of the list of prices.
        chosen: whether somebody named that list.
        auto: keys of the mapping that a search is to choose: degrees, and `place.CLASS` of tensor classes.
    """

    name: str
    title: str
    source: str
    path: Path | None
    components: Mapping[str, Component]
    tensor: int | None = None
    data: int | None = None
    context: int = 1
    attention_data: int = 1
    expert: int = 1
    pipeline: int = 1
    microbatches: int | None = None
    hide: str | float = "none"
    level: Mapping[str, str] = attrs.field(factory=dict)
    place: Mapping[str, Where] = attrs.field(factory=dict)
    processor: str | None = None
    run: Mapping[str, str] = attrs.field(factory=dict)
    technologies: Mapping[str, type[Technology]] = attrs.field(factory=dict)
    pools: Mapping[str, Pool] = attrs.field(factory=dict)
    roles: Mapping[str, str] = attrs.field(factory=dict)
    outside: tuple[str, ...] = ()
    auto: frozenset[str] = frozenset()
    economy: Component = attrs.field(kw_only=True)
    runtime: Component | None = attrs.field(default=None, kw_only=True)
    prices: str = attrs.field(kw_only=True)
    chosen: bool = attrs.field(kw_only=True)

    @property
    def owners(self) -> dict[str, Component]:
        """Everything that has parameters, by the name before their dot: components, economy, and a runtime."""
        served = {} if self.runtime is None else {self.runtime.name: self.runtime}
        return {**self.components, self.economy.name: self.economy, **served}

    def with_owner(self, changed: Component) -> System:
        """Return the system with a component, the economy or the runtime in place of the one of its name."""
        if changed.name == self.economy.name:
            return attrs.evolve(self, economy=changed)
        if self.runtime is not None and changed.name == self.runtime.name:
            return attrs.evolve(self, runtime=changed)
        return attrs.evolve(self, components={**self.components, changed.name: changed})

    @property
    def parts(self) -> dict[str, System]:
        """Return the systems that this one is made of, by pool, with the network between them; itself without."""
        if not self.pools:
            return {"": self}
        return {name: self.part(name) for name in self.pools}

    def part(self, pool: str) -> System:
        """Return one pool as a system, with the network that joins it to others."""
        own = self.pools[pool].system
        joining = {n.name: n for n in self.joining}
        components = {name: self.components[name] for name in own.components} | joining
        return attrs.evolve(own, components=components, outside=tuple(joining), technologies=self.technologies,
                            name=f"{self.name} ({pool})", path=self.path, economy=self.economy, runtime=self.runtime,
                            prices=self.prices, chosen=self.chosen)  # fmt: skip

    def seats(self, phase: str) -> tuple[str, ...]:
        """Return the pools that run a phase: one, or that of attention and that of feed-forward networks."""
        if phase in self.roles:
            return (self.roles[phase],)
        return (self.roles["attention"], self.roles["ffn"]) if "ffn" in self.roles else ()

    @property
    def joining(self) -> list[Component]:
        """Return the networks between the pools."""
        inside = {name for pool in self.pools.values() for name in pool.system.components}
        return [n for n in self.of("network") if n.name not in inside] if self.pools else []

    @property
    def tables(self) -> dict[str, str]:
        """The table that each component is in: processor, memory, link, switch, network or limit."""
        return {c.name: c.table for c in self.components.values()}

    def of(self, table: str) -> list[Component]:
        """Return the components of one table."""
        return [c for c in self.components.values() if c.table == table]

    @property
    def devices(self) -> int:
        """Number of devices: the product of the networks' sizes, or those of all pools."""
        if self.pools:
            return sum(pool.count * self.part(name).devices for name, pool in self.pools.items())
        count = 1
        for network in self.of("network"):
            if network.name not in self.outside:
                count *= network.size
        return count

    @property
    def in_bits(self) -> frozenset[str]:
        """Names of the parameters that people state in bits."""
        named = ((c.name, p) for c in self.owners.values() for p in c.declared().values())
        return frozenset(f"{component}.{p.name}" for component, p in named if p.bits)

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the components with their parameters."""
        bits, rows = self.in_bits, []
        for component in self.owners.values():
            declared = component.declared()
            for name, setting in component.settings.items():
                full = f"{component.name}.{name}"
                shown = str(setting.value)
                if name in declared and setting.value is not None:
                    shown = format_setting(setting.value, declared[name].unit, full in bits)
                rows.append((full, "absent" if setting.value is None else shown, setting.origin, setting.status))
        title = f"{self.name}: {self.title}" if self.title else self.name
        return (Sheet(title, ("parameter", "value", "from", "status"), rows, self.source, words=[2, 3]),)

    def ideal(self) -> System:
        """Return the speed of light of the system: declared `ideal` values set, what `--set` gave and the rest kept."""
        changed = {name: _ideal(component) for name, component in self.components.items()}
        return attrs.evolve(self, components=changed, runtime=None if self.runtime is None else _ideal(self.runtime))


def _ideal(component: Component) -> Component:
    settings = dict(component.settings)
    for parameter in component.declared().values():
        if parameter.has_ideal and settings[parameter.name].origin != "--set":
            settings[parameter.name] = attrs.evolve(settings[parameter.name], value=parameter.ideal, origin="--ideal")
    for cls in (component.technology, component.topology):
        for option in options_of(cls) if cls else ():
            if option.ideal is not None and settings[option.name].origin != "--set":
                settings[option.name] = Setting(option.ideal, origin="--ideal")
    return attrs.evolve(component, settings=settings)
