"""Presets: named parameter values of a technology with citation and date. Data beside the plugin, never code."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from typing import Any

import attrs

from symarch.errors import SpecError, SymarchError, UnknownNameError, nearest
from symarch.plugins import registry
from symarch.specs.records import Setting
from symarch.specs.values import read_setting
from symarch.technologies import options_of, parameters_of

_KEYS = ("title", "source", "date", "status", "unknown", "scale_up", "parameters")


@attrs.frozen
class Preset:
    """Named parameter values of a technology.

    Attributes:
        name: its name.
        title: one line.
        source: citation of all values without one of their own.
        date: of the source.
        status: measured, standard, announced or assumed.
        unknown: parameters the source does not give.
        scale_up: for a processor, the link preset of its usual scale-up network.
        settings: the values.
    """

    name: str
    title: str
    source: str
    date: str
    status: str
    unknown: tuple[str, ...]
    scale_up: str
    settings: Mapping[str, Setting]


@cache
def presets_of(technology: str) -> dict[str, Preset]:
    """Return the presets of a technology by name. Raises SpecError for a faulty preset file."""
    cls = registry().technology(technology)
    path = registry().preset_file(technology)
    if path is None:
        return {}
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, or a number of thousands of digits
        raise SpecError([f"{path.name}: not TOML: {error}"]) from None
    declared: dict[str, Any] = {p.name: p for p in parameters_of(cls)} | {o.name: o for o in options_of(cls)}
    faults: list[str] = []
    presets = {}
    for name, table in tables.items():
        where = f"{path.name}: {name}"
        if not isinstance(table, dict):
            faults.append(f"{where} is not a table")
            continue
        faults += [f"{where}: unknown key '{k}'; {nearest(k, _KEYS)}" for k in table if k not in _KEYS]
        texts = {k: table.get(k, "") for k in ("title", "source", "date", "status", "scale_up")}
        given, silent = table.get("parameters", {}), table.get("unknown", [])
        wrong = [f"{k} must be a text" for k, v in texts.items() if not isinstance(v, str)]
        if not isinstance(given, dict):
            wrong.append("parameters must be a table")
        if not (isinstance(silent, list) and all(isinstance(u, str) for u in silent)):
            wrong.append("unknown must be a list of names")
        if wrong:
            faults += [f"{where}: {sentence}" for sentence in wrong]
            continue
        settings = {}
        for key, value in given.items():
            if key not in declared:
                faults.append(f"{where}: unknown parameter '{key}'; {nearest(key, declared)}")
                continue
            try:
                setting = read_setting(declared[key], value)
            except SymarchError as error:
                faults += [f"{where}.{key}: {sentence}" for sentence in str(error).splitlines()]
                continue
            settings[key] = attrs.evolve(
                setting,
                source=setting.source or texts["source"],
                status=setting.status or texts["status"],
                origin=f"preset {name}",
            )
        presets[name] = Preset(name, unknown=tuple(silent), settings=settings, **texts)
    if faults:
        raise SpecError(faults)
    return presets


def preset_of(technology: str, name: str) -> Preset:
    """Return one preset. Raises UnknownNameError with the nearest names."""
    presets = presets_of(technology)
    if name not in presets:
        raise UnknownNameError(f"unknown preset '{name}' of technology '{technology}'; {nearest(name, presets)}")
    return presets[name]
