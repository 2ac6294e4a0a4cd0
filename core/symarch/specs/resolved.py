"""Resolved specs: a system with every value written out, so that it no longer depends on presets or parents."""

from __future__ import annotations

from typing import Any

import attrs

from symarch.specs.placement import plain
from symarch.specs.pools import restored
from symarch.specs.records import Component, Setting, System
from symarch.specs.systems import AUTO, DEGREES
from symarch.specs.technologies import definition_of
from symarch.specs.toml import write_toml
from symarch.specs.values import ABSENT


def resolved(system: System) -> str:
    """Return a system as a TOML spec of its own: every parameter in SI, with range, source and status."""
    table: dict[str, Any] = {"format": 1, "name": system.name}
    if system.title:
        table["title"] = system.title
    if system.source:
        table["source"] = system.source
    for name, cls in system.technologies.items():
        table.setdefault("technology", {})[name] = dict(definition_of(cls))
    table["prices"] = system.prices
    inside = {name for pool in system.pools.values() for name in pool.system.components}
    for component in system.components.values():
        if component.name not in inside:
            table.setdefault(component.table, {})[component.name] = component_table(component)
    for name, pool in system.pools.items():
        own = restored(system.part(name), name, [n.name for n in system.joining])
        grouped = {} if pool.batch is None else {"batch": pool.batch}
        table.setdefault("pool", {})[name] = {"count": pool.count, **grouped, **_tables(own)}
    table["economy"] = {n: _setting(s) for n, s in system.economy.settings.items()}
    if system.runtime is not None:
        table["runtime"] = component_table(system.runtime)
    mapping: dict[str, Any] = dict(system.roles) | _mapping(system)
    if mapping:
        table["mapping"] = mapping
    return write_toml(table)


def _tables(system: System) -> dict[str, Any]:
    """Return the components and the mapping of a system as tables."""
    table: dict[str, Any] = {}
    for component in system.components.values():
        table.setdefault(component.table, {})[component.name] = component_table(component)
    mapping = _mapping(system)
    return table | ({"mapping": mapping} if mapping else {})


def _mapping(system: System) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    for key in (*DEGREES, "hide"):
        value = AUTO if key in system.auto else getattr(system, key)
        if value != getattr(attrs.fields(System), key).default:
            mapping[key] = value
    if system.level:
        mapping["level"] = dict(system.level)
    free = {key.removeprefix("place."): AUTO for key in sorted(system.auto) if key.startswith("place.")}
    if system.place or free:
        mapping["place"] = {**{tensor: plain(where) for tensor, where in system.place.items()}, **free}
    if system.processor is not None:
        mapping["processor"] = system.processor
    if system.run:
        mapping["run"] = dict(system.run)
    return mapping


def component_table(component: Component) -> dict[str, Any]:
    """Return a component as the table of a spec: every parameter in SI, with range, source and status."""
    content: dict[str, Any] = {}
    if component.technology is not None and component.table not in ("limit", "runtime"):
        content["technology"] = component.technology.name
    if component.topology is not None:
        content |= {"topology": component.topology.name, "size": component.size}
        if component.algorithm != ("auto",):
            content["algorithm"] = list(component.algorithm)
    if component.between is not None:
        content["between"] = list(component.between)
    if component.on is not None:
        content["on"] = component.on
    if component.carries:
        content |= {"arbitration": component.arbitration, "shared_by": component.shared_by}
    words = component.words()
    declared = component.declared()
    for name, setting in component.settings.items():
        if setting.value is None:
            if declared[name].default is not None:  # which would stand in its place
                content[name] = ABSENT
        else:
            content[name] = setting.value if name in words else _setting(setting)
    return content


def _setting(setting: Setting) -> dict[str, Any]:
    figures = {"value": setting.value, "low": setting.low, "high": setting.high}
    # a range that no longer holds the value (set from outside) would be refused on reading
    if setting.low is not None and setting.value < setting.low:
        figures["low"] = None
    if setting.high is not None and setting.value > setting.high:
        figures["high"] = None
    found: dict[str, Any] = {k: v for k, v in figures.items() if v is not None}
    return found | {"source": setting.source, "status": setting.status}
