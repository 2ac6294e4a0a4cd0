"""Presets: named parameter values of a technology with citation and date. Data, never code.

They lie beside the technology's module, or in the data folder of any package, as `presets/TECHNOLOGY.toml`.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import attrs

from symarch.errors import PluginError, SpecError, SymarchError, UnknownNameError, nearest
from symarch.plugins import Provider, registry
from symarch.plugins.discovery import OWN
from symarch.specs.files import PRESETS, files_of, folders, rivals
from symarch.specs.priced import priced
from symarch.specs.records import Setting, System
from symarch.specs.values import read_setting
from symarch.technologies import Runtime, Technology, options_of, parameters_of

CORE: Mapping[str, type[Technology]] = {Runtime.name: Runtime}
"""Technologies of the core that have presets, beside their module as those of plugins have."""

_KEYS = ("title", "source", "date", "status", "unknown", "scale_up", "inherits", "parameters")


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
        inherits: the preset of the same file whose calibrated values it takes where it has none, empty if none.
        settings: the values, inherited ones included.
        distribution: the installed package it came with.
        version: that package's version.
    """

    name: str
    title: str
    source: str
    date: str
    status: str
    unknown: tuple[str, ...]
    scale_up: str
    inherits: str
    settings: Mapping[str, Setting]
    distribution: str
    version: str


@attrs.frozen
class _Presets:
    """The presets of a technology from everywhere, and what cannot be used.

    Attributes:
        sound: by name.
        rivals: names that two packages claim, with the sentence on each; none of the two is used, unless one is that of
            the technology's own package.
        faults: sentences on files of other packages, and on their claims.
    """

    sound: dict[str, Preset]
    rivals: dict[str, str]
    faults: tuple[str, ...]


def technology_of(name: str) -> type[Technology]:
    """Return a technology that may have presets: the core's own or a plugin's. Raises UnknownNameError, PluginError."""
    return CORE[name] if name in CORE else registry().technology(name)


@cache
def presets_of(technology: str) -> dict[str, Preset]:
    """Return the presets of a technology by name. Raises SpecError for a faulty preset file beside its module."""
    return _gathered(technology).sound


@cache
def preset_faults(technology: str) -> tuple[str, ...]:
    """Return a sentence on each fault of a technology's presets in other packages. Raises SpecError as `presets_of`."""
    return _gathered(technology).faults


def _gathered(technology: str) -> _Presets:
    path: Path | None
    if technology in CORE:
        origin = next(p for p in folders().values() if p.distribution == OWN)
        path = Path(cast(str, sys.modules[CORE[technology].__module__].__file__)).with_suffix(".toml")
    else:
        registry().technology(technology)  # loads it, or says that there is none
        origin = registry().origin(technology)
        path = registry().preset_file(technology)
    own = {} if path is None else _read(technology, path, path.name, origin)
    others: dict[str, list[Preset]] = {}
    faults: list[str] = []
    for file in files_of(PRESETS, ".toml").get(technology, []):
        try:
            for preset in _read(technology, file.path, file.place, file.provider).values():
                others.setdefault(preset.name, []).append(preset)
        except SpecError as error:
            faults += error.faults
    sound, claimed = dict(own), {}
    for name, presets in others.items():
        claims = [*([own[name]] if name in own else []), *presets]
        sentence = rivals("preset", f"{technology}:{name}", [p.distribution for p in claims])
        if sentence is None:
            sound[name] = presets[0]
            continue
        faults.append(sentence)
        if name not in own:
            claimed[name] = sentence
    return _Presets(sound, claimed, tuple(faults))


def _read(technology: str, path: Path, place: str, provider: Provider) -> dict[str, Preset]:
    """Read a file of presets; `place` is what messages call it. Raises SpecError with every fault."""
    cls = technology_of(technology)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, or a number of thousands of digits
        raise SpecError([f"{place}: not TOML: {error}"]) from None
    except OSError as error:
        raise SpecError([f"{place}: cannot be read: {error.strerror}"]) from None
    declared: dict[str, Any] = {p.name: p for p in parameters_of(cls)} | {o.name: o for o in options_of(cls)}
    faults: list[str] = []
    presets = {}
    for name, table in tables.items():
        where = f"{place}: {name}"
        if not isinstance(table, dict):
            faults.append(f"{where} is not a table")
            continue
        faults += [f"{where}: unknown key '{k}'; {nearest(k, _KEYS)}" for k in table if k not in _KEYS]
        texts = {k: table.get(k, "") for k in ("title", "source", "date", "status", "scale_up", "inherits")}
        given, silent = table.get("parameters", {}), table.get("unknown", [])
        wrong = [f"{k} must be a text" for k, v in texts.items() if not isinstance(v, str)]
        if not isinstance(given, dict):
            wrong.append("parameters must be a table")
        if not (isinstance(silent, list) and all(isinstance(u, str) for u in silent)):
            wrong.append("unknown must be a list of names")
        if wrong:
            faults += [f"{where}: {sentence}" for sentence in wrong]
            continue
        faults += [f"{where}: unknown: no parameter '{u}'; {nearest(u, declared)}" for u in silent if u not in declared]
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
        presets[name] = Preset(
            name,
            unknown=tuple(silent),
            settings=settings,
            distribution=provider.distribution,
            version=provider.version,
            **texts,
        )
    for name, preset in presets.items():
        elder = preset.inherits
        if not elder:
            continue
        if elder not in presets or presets[elder].inherits:
            known = [n for n, p in presets.items() if not p.inherits]
            faults.append(f"{place}: {name}: no preset '{elder}' of its own to inherit from; {nearest(elder, known)}")
            continue
        presets[name] = _heir(preset, presets[elder], declared)
    if faults:
        raise SpecError(faults)
    return presets


def _heir(preset: Preset, elder: Preset, declared: Mapping[str, Any]) -> Preset:
    """Return a preset with the efficiencies and fixed times of another where it has none: those with an ideal value.

    What was measured on the other is an assumption here.
    """
    taken = {
        key: attrs.evolve(
            setting,
            source=f"assumed as in preset {elder.name}: {setting.source}",
            status="assumed",
            origin=f"preset {preset.name}",
        )
        for key, setting in elder.settings.items()
        if key not in preset.settings
        and key not in preset.unknown
        and getattr(declared[key], "has_ideal", False)
        and declared[key].ideal is not None
    }
    return attrs.evolve(preset, settings={**preset.settings, **taken})


def in_file(name: str) -> bool:
    """Return whether a preset is named by the file that it stands in."""
    return ".toml" in name


def _from_file(technology: str, name: str) -> Preset:
    file, colon, which = name.rpartition(":")
    if not colon or not file.endswith(".toml"):
        file, which = name, ""
    found = _read(technology, Path(file), file, Provider(file, file, "", ""))
    if not which and len(found) == 1:
        return next(iter(found.values()))
    if which not in found:
        raise UnknownNameError(f"{file} has {len(found)} presets, none of them '{which}'; {nearest(which, found)}"
                               if which else f"{file} has {len(found)} presets; name one: {file}:NAME")  # fmt: skip
    return found[which]


def preset_of(technology: str, name: str) -> Preset:
    """Return one preset: by its name, or as `FILE.toml` or `FILE.toml:NAME` from a file that `calibrate` wrote.

    Raises UnknownNameError with the nearest names, PluginError if two packages claim the name, SpecError for a faulty
    file.
    """
    if in_file(name):
        return _from_file(technology, name)
    presets = presets_of(technology)
    if name not in presets:
        found = _gathered(technology)
        if name in found.rivals:
            raise PluginError(found.rivals[name])
        why = f" ({'; '.join(found.faults)})" if found.faults else ""
        raise UnknownNameError(
            f"unknown preset '{name}' of technology '{technology}'{why}{registry().hint}; {nearest(name, presets)}"
        )
    return presets[name]


def with_preset(system: System, component: str, preset: Preset) -> System:
    """Return a system in which a component has another preset; what the spec or `--set` gives it stays."""
    own = system.owners[component]
    cls = own.technology
    if cls is None:
        raise SpecError([f"{component} is a plain junction and has no presets"])
    settings = {p.name: Setting(p.default, p.low, p.high, p.source, p.status) for p in parameters_of(cls)}
    settings |= {o.name: Setting(o.default) for o in options_of(cls)}
    settings |= preset.settings
    kept = {n: s for n, s in own.settings.items() if n not in settings or s.origin in ("spec", "--set")}
    changed = attrs.evolve(
        own, preset=preset.name, settings=settings | kept, unknown=tuple(f"{component}.{u}" for u in preset.unknown)
    )
    return priced(system.with_owner(changed))
