"""System specs: a TOML file to a `System`, with all its faults at once."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import cattrs
from cattrs.errors import ClassValidationError

from symarch.errors import SpecError, SymarchError, UnknownNameError, nearest
from symarch.plugins import registry
from symarch.specs.placement import FOLLOWING, PLACED, TENSOR_CLASSES, TOLERANCE, Striped, read_where, renamed
from symarch.specs.pools import OWN as OWN_OF_A_POOL
from symarch.specs.pools import ROLES, faults_of_pools, joined, pool_tables
from symarch.specs.presets import in_file, preset_of
from symarch.specs.priced import USUAL, priced
from symarch.specs.records import TABLES, Component, Setting, System
from symarch.specs.runtimes import plain_runtime
from symarch.specs.technologies import article, faults_of, is_written, read_technologies
from symarch.specs.toml import Source, chain_of, line_of, merged, place_of, read_chain
from symarch.specs.values import read_setting, shown
from symarch.technologies import (
    Economy,
    Processor,
    Runtime,
    Supply,
    Technology,
    options_of,
    parameters_of,
    quantities_of,
)

RESERVED = ("dtype", "economy", "mapping", "model", "runtime", "trace")
"""Names a component may not have: they stand before other parameters (`dtype.weights`)."""

LONGEST_KEY = 120
"""Characters of a key that a fault shows."""

MOST = 10**9
"""The largest count of devices, endpoints or shares a spec may state."""

_TOP = (
    "format",
    "extends",
    "name",
    "title",
    "source",
    "prices",
    "economy",
    "runtime",
    "mapping",
    "technology",
    "pool",
    *TABLES,
)
_OWN = {
    "processor": ("on",),
    "memory": ("on", "arbitration", "shared_by"),
    "link": ("between", "arbitration", "shared_by"),
    "switch": ("arbitration", "shared_by"),
    "network": ("topology", "size", "algorithm"),
    "limit": (),
}
KIND_OF = {"processor": "processor", "memory": "memory", "link": "interconnect", "switch": "interconnect",
         "network": "interconnect"}  # fmt: skip
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


Hiding = str | float
"""How communication is hidden: one of `HIDINGS`, or a share."""

HIDINGS = ("none", "microbatches")
"""Ways to hide communication that have a name."""

_TURNS = "microbatches take turns between the pools of attention and ffn, which the system has not"

_HIDING = "it must be none, microbatches, or the share of communication that computation hides, from 0 to 1"

_PLACES = tuple(f"place.{tensor}" for tensor in PLACED)

DEGREES = ("tensor", "context", "attention_data", "expert", "pipeline", "data", "microbatches")
"""The keys of a mapping that are whole numbers."""

AUTO = "auto"
"""The word that leaves a key of the mapping to a search."""

AXES = ("tensor", "context", "attention_data", "pipeline", "data")
"""The parallel axes, from the one whose devices are closest together to the one whose devices may be far apart."""


@attrs.frozen
class _Mapping:
    """The mapping table, as cattrs structures it."""

    tensor: int | None = None
    data: int | None = None
    context: int = 1
    attention_data: int = 1
    expert: int = 1
    pipeline: int = 1
    microbatches: int | None = None
    hide: Hiding = "none"
    level: dict[str, str] = attrs.field(factory=dict)
    place: dict[str, Any] = attrs.field(factory=dict)
    processor: str | None = None
    run: dict[str, str] = attrs.field(factory=dict)
    prefill: str | None = None
    decode: str | None = None
    attention: str | None = None
    ffn: str | None = None


def _whole(value: Any, _: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise SymarchError(f"it is {shown(value)}; it must be a whole number")
    if value < 1:
        raise SymarchError(f"it is {shown(value)}; it must be at least 1")
    if value > MOST:
        raise SymarchError(f"it is larger than {MOST}; nothing is built in such numbers")
    return value


def _hiding(value: Any, _: Any) -> Hiding:
    """Return how communication is hidden. Raises SymarchError."""
    if value in HIDINGS:
        return str(value)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise SymarchError(f"it is {shown(value)}; {_HIDING}") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise SymarchError(f"it is {shown(value)}; {_HIDING}")
    return float(value) if value else "none"


def _word(value: Any, _: Any) -> str:
    if not isinstance(value, str):
        raise SymarchError(f"it is {shown(value)}; it must be a text")
    return value


_converter = cattrs.Converter(forbid_extra_keys=True)
_converter.register_structure_hook(int, _whole)
_converter.register_structure_hook(str, _word)
_converter.register_structure_hook(Hiding, _hiding)


def read_system(path: Path, overrides: Mapping[str, str] | None = None, prices: str | None = None) -> System:
    """Read a system spec with what it extends; apply a list of prices and `--set` overrides.

    Without `prices` the list is the one that the spec names, else `USUAL`. Raises SpecError with every fault found.
    """
    return _Reader(read_chain(path)).read(overrides or {}, prices)


class _Reader:
    """Reads one spec and collects its faults."""

    def __init__(self, chain: list[Source], pool: str = "") -> None:
        self.chain = chain
        self.pool = pool
        self.path = chain[0].path
        self.table = merged(chain)
        self.faults: list[str] = []
        self.written: dict[str, type[Technology]] = {}  # technologies of the spec's own
        self.auto: frozenset[str] = frozenset()  # keys of the mapping that are left to a search

    def fault(self, key: str, sentence: str) -> None:
        """Note a fault at a dotted key, with the file and line it stands on."""
        place = place_of(self.chain, key)
        if self.pool:  # what stands in the table of a pool, or else in what it extends
            key = f"pool.{self.pool}.{key}".rstrip(".")
            place = place_of(self.chain[:1], key)
        words = key if key.isprintable() else ascii(key)[1:-1]
        words = words if len(words) <= LONGEST_KEY else f"{words[: LONGEST_KEY - 3]}..."
        self.faults.append(f"{place}: {words}: {sentence}" if key else f"{place}: {sentence}")

    def read(self, overrides: Mapping[str, str], prices: str | None = None) -> System:
        table = self.table
        for source in self.chain:
            if source.table.get("format") != 1 or type(source.table["format"]) is not int:
                found = f"found {shown(source.table['format'])}" if "format" in source.table else "it is missing"
                line = line_of(source.text, "format")
                place = f"{source.path}:{line}" if line else str(source.path)
                self.faults.append(f"{place}: format: this version reads 'format = 1'; {found}")
        for key in table:
            if key not in _TOP:
                self.fault(key, f"unknown key or table; {nearest(key, _TOP)}")
        for key in ("name", "title", "source", "prices"):
            if key in table and not isinstance(table[key], str):
                self.fault(key, f"it is {shown(table[key])}; it must be a text")
        self.written = read_technologies(table.get("technology", {}), self.fault)
        components: dict[str, Component] = {}
        for kind in TABLES:
            group = table.get(kind, {})
            if not isinstance(group, dict) or not all(isinstance(v, dict) for v in group.values()):
                self.fault(kind, f"components are named tables: [{kind}.NAME]")
                continue
            for name, content in group.items():
                component = self._component(kind, name, content)
                if name in components:
                    self.fault(f"{kind}.{name}", f"the name is taken by {components[name].table}.{name}")
                elif component is not None:
                    components[name] = component
        pools = self._pools(prices or table.get("prices"))
        if not self.faults and not pools:
            self._wire(components)
        mapping = self._mapping()
        economy = self._economy()
        runtime = self._runtime()
        name = table.get("name")
        spec = System(
            name=name if isinstance(name, str) else self.path.stem,
            title=str(table.get("title", "")),
            source=str(table.get("source", "")),
            path=self.path,
            components=components,
            technologies=self.written,
            economy=economy,
            runtime=runtime,
            prices=prices or str(table.get("prices", USUAL)),
            chosen=prices is not None or "prices" in table,
            auto=self.auto,
            **{field.name: getattr(mapping, field.name) for field in attrs.fields(_Mapping) if field.name not in ROLES},
        )
        roles = {role: pool for role in ROLES if (pool := getattr(mapping, role)) is not None}
        if pools and not self.faults:
            spec = self._joined(spec, pools, roles)
        elif roles and "pool" not in table:
            self.fault(f"mapping.{next(iter(roles))}", "it names a pool, and the system has none: [pool.NAME]")
        if not self.faults:
            for component in components.values():
                for sentence in faults_of(component):
                    self.fault(f"{component.table}.{component.name}", sentence)
            if not pools:
                spec = self._places(spec, mapping.place)
                self._runs(spec)
                self._levels(spec)
        if self.faults:
            raise SpecError(self.faults)
        return override(priced(spec), overrides)

    def _economy(self) -> Component:
        """Return the numbers that turn power, time and prices into money, as a component of its own kind."""
        content = self.table.get("economy", {})
        declared = {p.name: p for p in parameters_of(Economy)}
        settings = {p.name: Setting(p.default, p.low, p.high, p.source, p.status) for p in declared.values()}
        if isinstance(content, dict):
            self._stated("economy", content, (), declared, settings)
        else:
            self.fault("economy", "it must be a table")
        return Component("economy", "economy", Economy, None, settings)

    def _runtime(self) -> Component | None:
        """Return the serving software that a spec states, as a component of its own kind."""
        content = self.table.get(Runtime.name)
        if content is None:
            return None
        found = plain_runtime()
        if not isinstance(content, dict):
            self.fault(Runtime.name, "it must be a table")
            return found
        settings, preset = dict(found.settings), content.get("preset")
        if preset is not None:
            try:
                if not isinstance(preset, str):
                    raise UnknownNameError(f"it is {shown(preset)}; it must be the name of a preset")
                settings |= preset_of(Runtime.name, preset).settings
            except SymarchError as error:
                self.fault("runtime.preset", str(error))
        declared: dict[str, Any] = {o.name: o for o in options_of(Runtime)} | found.declared()
        self._stated(Runtime.name, content, ("preset",), declared, settings)
        return attrs.evolve(found, preset=preset if isinstance(preset, str) else None, settings=settings)

    def _pools(self, prices: Any) -> dict[str, tuple[System, dict[str, int]]]:
        """Return the pools, each read as a spec of its own, with its own keys."""
        found: dict[str, tuple[System, dict[str, int]]] = {}
        content = self.table.get("pool", {})
        if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
            self.fault("pool", "pools are named tables: [pool.NAME]")
            return found
        for name, table in content.items():
            if not _NAME.match(name) or name in RESERVED:
                self.fault(f"pool.{name}", f"a pool's name is a lower-case word other than {', '.join(RESERVED)}")
                continue
            own, rest = pool_tables(table)
            for key in ("prices", "economy", "runtime"):
                if key in rest:
                    self.fault(f"pool.{name}.{key}", "it is one for the whole system and stands outside its pools")
            if "pool" in rest:
                self.fault(f"pool.{name}.pool", "a pool has no pools of its own")
                continue
            top = self.chain[0]
            counts = {key: self._count(f"pool.{name}", own, key, 1) for key in own}
            try:
                chain = chain_of(attrs.evolve(top, table={"format": 1, "name": name, **rest}))
                reader = _Reader(chain, name)
                part = reader.read({}, prices if isinstance(prices, str) else None)
            except SpecError as error:
                self.faults += error.faults
                continue
            for key in self._unstated(reader.table, prices):
                self.fault(
                    f"pool.{name}.extends",
                    f"'{table.get('extends')}' states {key}, which is one for the whole system; state it outside its "
                    f"pools too",
                )
            for key in sorted(part.auto):
                self.fault(f"pool.{name}.mapping.{key}", f"it is {AUTO}; the mapping of a pool must be stated")
            if part.pools:
                self.fault(f"pool.{name}.extends", f"{part.name} has pools of its own")
                continue
            found[name] = (part, counts)
        return found

    def _unstated(self, extended: Mapping[str, Any], prices: Any) -> list[str]:
        """Return what a spec that a pool extends states of money, and the whole system leaves open.

        Taken silently from either side it would be wrong for the other, so whoever writes the whole has to say it.
        """
        own = self.table.get("economy", {})
        found = [f"economy.{k}" for k in extended.get("economy", {}) if not (isinstance(own, dict) and k in own)]
        return found + (["prices"] if "prices" in extended and not isinstance(prices, str) else [])

    def _joined(self, spec: System, pools: dict[str, tuple[System, dict[str, int]]], roles: dict[str, str]) -> System:
        """Return the system with its pools; what is wrong with them is noted."""
        transfer = [c.name for c in spec.components.values()]
        for component in spec.components.values():
            if component.table != "network":
                self.fault(f"{component.table}.{component.name}", "in a system of pools it belongs to one of them")
        for field in attrs.fields(_Mapping):
            usual = {} if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]
            if field.name not in (*ROLES, "microbatches") and getattr(spec, field.name) != usual:
                self.fault(
                    f"mapping.{field.name}", "in a system of pools each has a mapping of its own: [pool.NAME.mapping]"
                )
        if spec.microbatches is not None and "ffn" not in roles:
            self.fault("mapping.microbatches", f"{_TURNS}; a pipeline's are those of [pool.NAME.mapping]")
        for name, (_, own) in pools.items():
            if "batch" in own and name != roles.get("prefill"):
                self.fault(f"pool.{name}.batch", "only the pool of prefill reads prompts in groups")
        for key in sorted(spec.auto):
            self.fault(f"mapping.{key}", f"it is {AUTO}; the mapping of a system of pools must be stated")
        taken = {f"{pool}_{name}" for pool, (part, _) in pools.items() for name in part.components}
        for name in transfer:
            if name in taken:
                self.fault(f"network.{name}", "the name is taken by a component of a pool")
        if self.faults:
            return spec
        spec = joined(spec, pools, roles)
        for key, sentence in faults_of_pools(spec):
            self.fault(key, sentence)
        return spec

    def _mapping(self) -> _Mapping:
        content = self.table.get("mapping", {})
        if isinstance(content, dict):
            content = self._with_open(content)
        try:
            return _converter.structure(content, _Mapping)
        except ClassValidationError as error:
            for key, sentence in _cattrs_faults(error, "mapping"):
                self.fault(key, sentence)
        except (TypeError, AttributeError):
            self.fault("mapping", "it must be a table")
        return _Mapping()

    def _with_open(self, content: dict[str, Any]) -> dict[str, Any]:
        """Return what a mapping states, and note the keys that it leaves to a search.

        An automatic `tensor` leaves all degrees to it that are not stated beside it, or nearer.
        """
        auto = {key for key in DEGREES if content.get(key) == AUTO}
        if "tensor" in auto:
            stated: set[str] = set()
            for source in self.chain:
                own = source.table.get("mapping", {})
                stated |= set(own)
                if "tensor" in own:
                    break
            auto |= set(DEGREES) - stated
        found = {key: value for key, value in content.items() if key not in auto}
        place = content.get("place")
        if place == AUTO:
            auto |= set(_PLACES)
            del found["place"]
        elif isinstance(place, dict):
            auto |= {f"place.{tensor}" for tensor, where in place.items() if where == AUTO and tensor in PLACED}
            found["place"] = {t: w for t, w in place.items() if f"place.{t}" not in auto}
        self.auto = frozenset(auto)
        return found

    def _places(self, spec: System, place: Mapping[str, Any]) -> System:
        """Return the spec with its tensor classes placed."""
        memories = _memories(spec)
        found = {}
        for tensor, value in place.items():
            try:
                found[tensor] = read_where(tensor, value, memories)
            except SymarchError as error:
                self.fault(f"mapping.place.{tensor}", str(error))
        spec = attrs.evolve(spec, place=found)
        free = {key.removeprefix("place.") for key in spec.auto}
        missing = [t for t in TENSOR_CLASSES if t not in place and t not in FOLLOWING and t not in free]
        if missing and len(memories) > 1:
            self.fault(
                "mapping.place",
                f"with {len(memories)} memories every tensor class needs one; missing: {', '.join(missing)}",
            )
        return spec

    def _runs(self, spec: System) -> None:
        processors = [c.name for c in spec.of("processor")]
        for key, name in (("processor", spec.processor), *((f"run.{k}", p) for k, p in spec.run.items())):
            if name is not None and name not in processors:
                self.fault(f"mapping.{key}", f"unknown processor '{name}'; {nearest(name, processors)}")

    def _levels(self, spec: System) -> None:
        networks = [n.name for n in spec.of("network")]
        for axis, network in spec.level.items():
            if axis not in AXES:
                self.fault(f"mapping.level.{axis}", f"unknown parallel axis; {nearest(axis, AXES)}")
            if network not in networks:
                self.fault(f"mapping.level.{axis}", f"unknown network '{network}'; {nearest(network, networks)}")

    def _class(self, key: str, name: Any, kind: str) -> type[Technology] | None:
        if not isinstance(name, str):
            self.fault(key, f"it is {shown(name)}; it must be the name of a technology")
            return None
        stated = self.table.get("technology")
        if isinstance(stated, dict) and name in stated and name not in self.written:
            return None  # its faults are told where it is written
        try:
            cls = self.written[name] if name in self.written else registry().technology(name)
        except SymarchError as error:
            self.fault(key, str(error))
            return None
        if cls.kind != kind:
            kin = [n for n, c in {**registry().technologies(), **self.written}.items() if c.kind == kind]
            self.fault(key, f"'{name}' is {article(cls.kind)}, {article(kind)} is due; {nearest(name, kin)}")
            return None
        return cls

    def _component(self, table: str, name: str, content: dict[str, Any]) -> Component | None:
        key = f"{table}.{name}"
        before = len(self.faults)
        if not _NAME.match(name) or name in RESERVED:
            self.fault(key, f"a component's name is a lower-case word (a-z, 0-9, _) other than {', '.join(RESERVED)}")
        cls: type[Technology] | None = None
        if table == "limit":
            cls = Supply
            if "power" not in content:
                self.fault(key, "the key 'power' is missing")
        elif "technology" in content:
            cls = self._class(f"{key}.technology", content["technology"], KIND_OF[table])
        elif table != "switch":
            self.fault(key, "the key 'technology' is missing")
        topology = None
        if table == "network":
            if "topology" in content:
                topology = self._class(f"{key}.topology", content["topology"], "topology")
            else:
                self.fault(key, "the key 'topology' is missing")
        settings: dict[str, Setting] = {}
        declared: dict[str, Any] = {}
        for source in (cls, topology):
            for parameter in parameters_of(source) if source else ():
                declared[parameter.name] = parameter
                settings[parameter.name] = Setting(
                    parameter.default, parameter.low, parameter.high, parameter.source, parameter.status
                )
            for option in options_of(source) if source else ():
                declared[option.name] = option
                settings[option.name] = Setting(option.default)
        preset = None if table == "limit" else content.get("preset")
        unknown: tuple[str, ...] = ()
        if preset is not None and cls is not None:
            try:
                if not isinstance(preset, str):
                    raise UnknownNameError(f"it is {shown(preset)}; it must be the name of a preset")
                if in_file(preset):  # beside the spec
                    preset = str(self.path.parent / preset)
                if is_written(cls):
                    raise UnknownNameError(f"technology '{cls.name}' is written in the spec and has no presets")
                found = preset_of(cls.name, preset)
                settings |= found.settings
                unknown = tuple(f"{name}.{u}" for u in found.unknown)
            except SymarchError as error:
                self.fault(f"{key}.preset", str(error))
        own = (*(() if table == "limit" else ("technology", "preset")), *_OWN[table])
        if cls is not None or table == "switch":
            self._stated(key, content, own, declared, settings)
        if table == "switch" and "technology" not in content:
            for item in _OWN[table]:
                if item in content:
                    self.fault(f"{key}.{item}", "a switch without a technology is a junction and has no rate to share")
        component = Component(
            name=name,
            table=table,
            technology=cls,
            preset=preset if isinstance(preset, str) else None,
            settings=settings,
            on=self._text(key, content, "on"),
            between=self._between(key, content, table),
            arbitration=self._arbitration(key, content),
            shared_by=self._count(key, content, "shared_by", 1),
            topology=topology,
            size=self._count(key, content, "size", None) if table == "network" else 1,  # elsewhere it is a parameter
            algorithm=self._algorithm(key, content),
            unknown=unknown,
        )
        return component if len(self.faults) == before else None

    def _stated(self, key: str, content: dict[str, Any], own: tuple[str, ...], declared: Mapping[str, Any],
                settings: dict[str, Setting]) -> None:  # fmt: skip
        """Put what a table states of a component over what presets and defaults do; `own` are keys read elsewhere."""
        for item, value in content.items():
            if item in own:
                continue
            if item not in declared:
                self.fault(f"{key}.{item}", f"unknown key; {nearest(item, [*declared, *own])}")
                continue
            try:
                setting = read_setting(declared[item], value)
            except SymarchError as error:
                for sentence in str(error).splitlines():
                    self.fault(f"{key}.{item}", sentence)
                continue
            inherited = settings[item]
            settings[item] = attrs.evolve(
                setting,
                source=setting.source or inherited.source,
                status=setting.status or inherited.status,
                low=setting.low if isinstance(value, dict) else inherited.low,
                high=setting.high if isinstance(value, dict) else inherited.high,
                origin="spec",
            )

    def _text(self, key: str, content: dict[str, Any], item: str) -> str | None:
        value = content.get(item)
        if value is not None and not isinstance(value, str):
            self.fault(f"{key}.{item}", f"it is {shown(value)}; it must be a text")
            return None
        return value

    def _count(self, key: str, content: dict[str, Any], item: str, default: int | None) -> int:
        if item not in content:
            if default is None:
                self.fault(key, f"the key '{item}' is missing")
            return default or 1
        try:
            return _whole(content[item], int)
        except SymarchError as error:
            self.fault(f"{key}.{item}", str(error))
            return 1

    def _algorithm(self, key: str, content: dict[str, Any]) -> tuple[str, ...]:
        value = content.get("algorithm", "auto")
        names = value if isinstance(value, list) else [value]
        try:
            return _algorithms(names)
        except SymarchError as error:
            self.fault(f"{key}.algorithm", str(error))
            return ("auto",)

    def _arbitration(self, key: str, content: dict[str, Any]) -> str:
        value = content.get("arbitration", "shared")
        if value not in ("shared", "exclusive"):
            self.fault(f"{key}.arbitration", f"it is {shown(value)}; it must be shared or exclusive")
            return "shared"
        return str(value)

    def _between(self, key: str, content: dict[str, Any], table: str) -> tuple[str, str] | None:
        if table != "link":
            return None
        ends = content.get("between")
        if not (isinstance(ends, list) and len(ends) == 2 and all(isinstance(e, str) for e in ends)):
            self.fault(f"{key}.between", 'it must name the two ends: between = ["hbf", "hbm"]')
            return None
        if ends[0] == ends[1]:
            self.fault(f"{key}.between", f"a link joins two components, not '{ends[0]}' with itself")
        return (ends[0], ends[1])

    def _wire(self, components: dict[str, Component]) -> None:
        processors = [c.name for c in components.values() if c.table == "processor"]
        ends = [c.name for c in components.values() if c.table in ("processor", "memory", "switch")]
        if not processors:
            self.fault("", "a system needs a processor: [processor.NAME]")
        if not any(c.table == "memory" for c in components.values()):
            self.fault("", "a system needs a memory: [memory.NAME]")
        linked = set()
        for component in components.values():
            for end in component.between or ():
                linked.add(end)
                if end not in ends:
                    self.fault(f"link.{component.name}.between", f"unknown component '{end}'; {nearest(end, ends)}")
        if self.faults:
            return
        self._seat(components)
        hosts = [c.name for c in components.values() if c.table == "processor" and c.on is None]
        seats = [*hosts, *(c.name for c in components.values() if c.table == "switch")]
        for name, component in components.items():
            if component.table != "memory":
                continue
            if component.on is not None and component.on not in seats:
                what = "processor or switch" if len(seats) > len(hosts) else "processor"
                self.fault(f"memory.{name}.on", f"unknown {what} '{component.on}'; {nearest(component.on, seats)}")
            elif component.on is None and name not in linked:
                if len(hosts) > 1:
                    self.fault(f"memory.{name}", f"with several processors it needs on = NAME ({', '.join(hosts)})")
                elif hosts:
                    components[name] = attrs.evolve(component, on=hosts[0])
            elif component.on is None and len(hosts) == 1 and not _is_behind(name, components):
                components[name] = attrs.evolve(component, on=hosts[0])

    def _seat(self, components: dict[str, Component]) -> None:
        """Check that near-memory processors, and they alone, sit on a memory; on the only one unless they say which."""
        memories = [c.name for c in components.values() if c.table == "memory"]
        for name, component in components.items():
            if component.table != "processor":
                continue
            cls = component.technology
            near = cls is not None and issubclass(cls, Processor) and cls.near
            key = f"processor.{name}"
            if not near and component.on is not None:
                what = cls.name if cls else "it"
                self.fault(f"{key}.on", f"{what} does not sit on a memory; memories hang on it")
            elif near and component.on is None and len(memories) > 1:
                self.fault(key, f"it sits on a memory: it needs on = NAME ({', '.join(memories)})")
            elif near and component.on is None:
                components[name] = attrs.evolve(component, on=memories[0])
            elif near and component.on not in memories:
                self.fault(f"{key}.on", f"unknown memory '{component.on}'; {nearest(str(component.on), memories)}")


def _is_behind(name: str, components: Mapping[str, Component]) -> bool:
    """Return whether a linked memory is reached through its links instead of an interface of its own.

    It is when a link joins it to a processor or switch, and when a link between two memories names it first:
    `between = ["hbf", "hbm"]` puts hbf behind hbm, which keeps its own interface to the processor.
    """
    for component in components.values():
        if component.between and name in component.between:
            other = component.between[1] if component.between[0] == name else component.between[0]
            if component.between[0] == name or components[other].table != "memory":
                return True
    return False


def override(spec: System, overrides: Mapping[str, str]) -> System:
    """Apply `--set NAME=VALUE` settings to a spec. Raises SpecError with every fault."""
    faults = []
    for key, value in overrides.items():
        try:
            spec = _override(spec, key, value)
        except SymarchError as error:
            faults.append(f"--set {key}={value}: {error}")
    if overrides.get("mapping.tensor") == AUTO and not faults:
        spec = _left(spec, {key for key in DEGREES if f"mapping.{key}" not in overrides})
    if overrides and not faults:
        faults += [f"--set: {sentence}" for c in spec.components.values() for sentence in faults_of(c)]
        faults += [f"--set: {key}: {sentence}" for key, sentence in faults_of_pools(spec)] if spec.pools else []
    if faults:
        raise SpecError(faults)
    return spec


def _left(spec: System, keys: set[str]) -> System:
    """Return a spec with some degrees left to a search."""
    defaults: dict[str, Any] = {key: getattr(attrs.fields(System), key).default for key in keys}
    return attrs.evolve(spec, auto=spec.auto | keys, **defaults)


def settable(spec: System) -> list[str]:
    """Return every name `--set` takes for a system."""
    owners = {Runtime.name: plain_runtime(), **spec.owners}
    names = [f"{c.name}.{p}" for c in owners.values() for p in (*c.declared(), *c.words())]
    names += [f"{c.name}.arbitration" for c in spec.components.values() if c.carries]
    names += [f"{c.name}.{key}" for c in spec.of("network") for key in ("size", "algorithm")]
    keys: tuple[str, ...] = (*DEGREES, "hide", "processor")
    if spec.pools:
        turns = ["mapping.microbatches"] if "ffn" in spec.roles else []
        grouped = [f"pool.{spec.roles['prefill']}.batch"] if "prefill" in spec.roles else []
        keys = ("count", *keys, "place", *(f"place.{t}" for t in PLACED), "run")
        own = [f"pool.{pool}.{key}" for pool in spec.pools for key in keys]
        own += [f"pool.{name}.run.{key}" for name, pool in spec.pools.items() for key in pool.system.run]
        return [*names, *turns, *grouped, *own]
    shares = [f"mapping.{t}.{m}" for t, where in striped(spec).items() for m in where.memories[1:]]
    places = [f"mapping.place.{t}" for t in PLACED]
    runs = [f"mapping.run.{key}" for key in spec.run]
    return [*names, *(f"mapping.{key}" for key in (*keys, "place", "run")), *places, *shares, *runs]


def striped(spec: System) -> dict[str, Striped]:
    """Return the classes of tensors whose shares are parameters, `mapping.weights.hbf`, with where they lie."""
    return {t: where for t, where in spec.place.items() if isinstance(where, Striped) and where.owner}


def _override(spec: System, key: str, value: str) -> System:
    owner, _, item = key.partition(".")
    if owner == Runtime.name and spec.runtime is None:  # one of which nothing else is stated
        spec = attrs.evolve(spec, runtime=plain_runtime())
    if owner == "pool" and spec.pools:
        return _override_pool(spec, item, value)
    if owner == "mapping" and value == AUTO and spec.pools:
        raise SymarchError("the mapping of a system of pools must be stated")
    if owner == "mapping" and spec.pools and key not in settable(spec):
        if item == "microbatches":
            raise UnknownNameError(f"{_TURNS}; pool.POOL.microbatches sets those of a pipeline")
        raise UnknownNameError(f"each pool has a mapping of its own; {nearest(f'pool.{item}', settable(spec))}")
    if owner == "mapping" and item in DEGREES:
        if value == AUTO:
            return _left(spec, {item})
        degree: dict[str, Any] = {item: _integer(value)}
        return attrs.evolve(spec, auto=spec.auto - {item}, **degree)
    if key == "mapping.place" and value == AUTO:
        return attrs.evolve(spec, place={}, auto=spec.auto | set(_PLACES))
    if key == "mapping.place":
        for tensor, where in _table(value, f'{AUTO}, or a table of classes: {{ weights = "hbm" }}').items():
            spec = _placed(spec, f"place.{tensor}", where)
        return spec
    if owner == "mapping" and item.startswith("place."):
        return _placed(spec, item, _toml_value(value))
    if key == "mapping.hide":
        return attrs.evolve(spec, hide=_hiding(value, Hiding))
    if key == "mapping.processor":
        names = [c.name for c in spec.of("processor")]
        if value not in names:
            raise UnknownNameError(f"unknown processor '{value}'; {nearest(value, names)}")
        return attrs.evolve(spec, processor=value)
    if key == "mapping.run":
        for operator, name in _table(value, 'a table of operators: { attention = "cores" }').items():
            spec = _run_on(spec, operator, name)
        return spec
    if owner == "mapping" and item.startswith("run."):
        return _run_on(spec, item.removeprefix("run."), value)
    if owner == "mapping" and item.partition(".")[0] in striped(spec):
        return _share(spec, item, value)
    component = spec.owners.get(owner)
    known = settable(spec)
    if component is None or key not in known:
        own = [n for n in known if n.partition(".")[0] == owner]
        what = "unknown name"
        if component is not None and component.technology is not None:
            computed = quantities_of(component.technology)
            what = f"{item} follows from parameters and cannot be set" if item in computed else what
        raise UnknownNameError(f"{what}; {nearest(key, own or known)}")
    if item == "size" and component.table == "network":
        changed = attrs.evolve(component, size=_integer(value))
    elif item == "algorithm":
        changed = attrs.evolve(component, algorithm=_algorithms([name.strip() for name in value.split(",")]))
    elif item == "arbitration":
        if value not in ("shared", "exclusive"):
            raise SymarchError("it must be shared or exclusive")
        changed = attrs.evolve(component, arbitration=value)
    else:
        cls = [c for c in (component.technology, component.topology) if c is not None]
        declared: dict[str, Any] = {o.name: o for c in cls for o in options_of(c)} | component.declared()
        setting = read_setting(declared[item], value)
        inherited = component.settings[item]
        new = attrs.evolve(inherited, value=setting.value, origin="--set")
        changed = attrs.evolve(component, settings={**component.settings, item: new})
    return spec.with_owner(changed)


def _override_pool(spec: System, key: str, value: str) -> System:
    """Set a key of a pool's mapping, or how many copies of it there are. Raises SymarchError."""
    name, _, item = key.partition(".")
    known = [k for k in settable(spec) if k.startswith("pool.")]
    if f"pool.{key}" not in known and not (name in spec.pools and item.startswith("run.")):
        raise UnknownNameError(f"unknown name; {nearest(f'pool.{key}', known)}")
    pool = spec.pools[name]
    if item in OWN_OF_A_POOL:
        number: dict[str, Any] = {item: _integer(value)}
        changed = attrs.evolve(pool, **number)
    elif value == AUTO:
        raise SymarchError("the mapping of a pool must be stated")
    else:
        system = _override(pool.system, f"mapping.{item}", value)
        if system.auto:
            raise SymarchError("the mapping of a pool must be stated")
        place = {tensor: renamed(where, lambda memory: memory) for tensor, where in system.place.items()}
        changed = attrs.evolve(pool, system=attrs.evolve(system, place=place))
    return attrs.evolve(spec, pools={**spec.pools, name: changed})


def _memories(spec: System) -> list[str]:
    return [c.name for c in spec.of("memory")]


def _toml_value(text: str) -> Any:
    """Return a table or list that is written as in a spec; any other text is itself. Raises SymarchError."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return text.strip()
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SymarchError(f"not TOML: {error}") from None


def _share(spec: System, item: str, value: str) -> System:
    """Set one fraction of a striped class; the first memory takes what the others leave. Raises SymarchError."""
    tensor, _, memory = item.partition(".")
    where = striped(spec)[tensor]
    first, *others = where.memories
    if memory == first:
        raise SymarchError(
            f"{first} takes what the others leave; set {', '.join(f'mapping.{tensor}.{m}' for m in others)}"
        )
    if memory not in others:
        raise UnknownNameError(f"unknown memory '{memory}'; {nearest(memory, others)}")
    try:
        share = float(value)
    except ValueError:
        raise SymarchError("it must be a number from 0 to 1") from None
    fractions = dict(where.fractions) | {memory: share}
    fractions[first] = 1 - sum(fractions[m] for m in others)
    if not (0 <= share <= 1 and fractions[first] > -TOLERANCE):
        raise SymarchError(f"with {share:g} in {memory} nothing is left for {first}; fractions sum to 1")
    fractions[first] = max(fractions[first], 0)
    return attrs.evolve(spec, place={**spec.place, tensor: Striped.of(fractions, tensor)})


def _table(text: str, due: str) -> dict[str, Any]:
    """Return a table that is written as in a spec. Raises SymarchError, which says what is due."""
    found = _toml_value(text)
    if not isinstance(found, dict) or not found:
        raise SymarchError(f"it must be {due}")
    return found


def _run_on(spec: System, operator: str, name: Any) -> System:
    """Return a spec with operators of a kind or name on a processor. Raises SymarchError."""
    names = [c.name for c in spec.of("processor")]
    if name not in names:
        raise UnknownNameError(f"unknown processor '{name}'; {nearest(str(name), names)}")
    return attrs.evolve(spec, run={**spec.run, operator: name})


def _placed(spec: System, item: str, value: Any) -> System:
    """Return a spec with a class of tensors placed as a spec says it, or left to a search. Raises SymarchError."""
    tensor = item.removeprefix("place.")
    place = {t: w for t, w in spec.place.items() if t != tensor}
    if value == AUTO and item in _PLACES:
        return attrs.evolve(spec, place=place, auto=spec.auto | {item})
    where = read_where(tensor, value, _memories(spec))
    return attrs.evolve(spec, place={**place, tensor: where}, auto=spec.auto - {item})


def _algorithms(names: list[Any]) -> tuple[str, ...]:
    """Return the names of collective algorithms, each known. Raises SymarchError."""
    if names == ["auto"]:
        return ("auto",)
    if not names:
        raise SymarchError("the list is empty; it must name collective algorithms, or be auto")
    for name in names:
        if not isinstance(name, str):
            raise SymarchError(f"it is {shown(name)}; it must be auto, or the names of collective algorithms")
        if name == "auto":
            raise SymarchError("auto stands alone: the fastest of the algorithms that the topology names")
        registry().collective(name)
    return tuple(names)


def _integer(text: str) -> int:
    try:
        number = float(text)
    except ValueError:
        raise SymarchError("it must be a whole number") from None
    if not math.isfinite(number) or number != int(number) or number < 1:
        raise SymarchError("it must be a whole number, at least 1")
    if number > MOST:
        raise SymarchError(f"it is larger than {MOST}; nothing is built in such numbers")
    return int(number)


def _cattrs_faults(error: ClassValidationError, path: str) -> list[tuple[str, str]]:
    """Flatten cattrs' nested exceptions into (dotted key, sentence)."""
    found: list[tuple[str, str]] = []
    for part in error.exceptions:
        notes = " ".join(getattr(part, "__notes__", []))
        inner = re.search(r"attribute (\w+)|key '(\w+)'|index '?(\w+)", notes)
        key = f"{path}.{next(g for g in inner.groups() if g)}" if inner else path
        if isinstance(part, cattrs.errors.ForbiddenExtraKeysError):
            allowed = [a.name for a in attrs.fields(_Mapping)]
            found += [(f"{path}.{k}", f"unknown key; {nearest(k, allowed)}") for k in sorted(part.extra_fields)]
        elif isinstance(part, ClassValidationError | cattrs.errors.IterableValidationError):
            found += _cattrs_faults(part, key)  # type: ignore[arg-type]  # both are groups of the same shape
        elif isinstance(part, SymarchError):
            found.append((key, str(part)))
        else:
            found.append((key, "it has the wrong type"))
    return found
