"""Records as plain data, the form of every `--json`: SI units, full precision."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from symarch.accuracy.expected import errors_to_expect, said_of_errors
from symarch.analysis import METRICS, USUAL_TYPE, Request, check_sizes, parse_dtypes
from symarch.api import Analysis, Held, Result
from symarch.mapping import Mapping as Mapped
from symarch.plugins import Provider, registry
from symarch.plugins.discovery import KINDS, OWN, SPECS, TECHNOLOGIES
from symarch.remedies import Remedy
from symarch.search import Candidate, Found
from symarch.specs import (
    Component,
    System,
    definition_of,
    find_spec,
    listing,
    preset_of,
    provider_of,
    read_prices,
    read_system,
)
from symarch.specs.files import KINDS as SPEC_KINDS
from symarch.specs.placement import plain
from symarch.specs.presets import technology_of
from symarch.specs.systems import AUTO, DEGREES
from symarch.specs.toml import read_toml
from symarch.technologies import Parameter, data_type, parameters_of
from symarch.trace import Architecture, Operator, Shard, load_config
from symarch.trace.convert import step_of
from symarch.trace.recorded import RecordedTrace

if TYPE_CHECKING:
    from symarch.report.sections import Section

_COUNTED = {kind: (kind, folder) for kind, (folder, _) in SPEC_KINDS.items()}
_COUNTED |= {"prices": ("price list", "price lists"), "preset": ("preset", "presets")}
"""One and several of each kind of spec, in words."""


def to_json(data: Any) -> str:
    """Write plain data as JSON; infinity, which JSON lacks, becomes the text "infinity"."""

    def plain(value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            return "infinity" if value > 0 else None
        if isinstance(value, Mapping):
            return {str(k): plain(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [plain(v) for v in value]
        return value

    return json.dumps(plain(data), indent=1, ensure_ascii=False)


def section_data(section: Section) -> dict[str, Any]:
    """Return a section of a report: its words and tables as they are read, its numbers in SI."""
    return {
        "name": section.name,
        "title": section.title,
        "sentences": list(section.sentences),
        "formulas": list(section.formulas),
        "tables": [{"title": t.title, "columns": list(t.columns), "rows": t.rows} for t in section.tables],
        "data": section.data,
    }


def run_data(
    analysis: Analysis, result: Result, ways: Sequence[Remedy] = (), tensors: Sequence[Held] = ()
) -> dict[str, Any]:
    """Return the object of `run --json`."""
    metrics: dict[str, Any] = {}
    for name, value in result.metrics.items():
        metrics[name] = {"value": value, "unit": METRICS[name][0]}
        if value is None:
            metrics[name]["missing"] = list(result.missing.get(name, ()))
    return {
        "system": analysis.system.name,
        "model": analysis.model.name,
        "workload": dict(result.workload),
        "metrics": metrics,
        "constraints": [attrs.asdict(c) | {"slack": c.slack} for c in result.constraints],
        "lasting": [attrs.asdict(one) for one in result.lasting],
        "held": [attrs.asdict(h) | {"replicas": h.replicas} for h in tensors],
        "remedies": [attrs.asdict(way) for way in ways],
        "operators": [attrs.asdict(o) for o in result.operators],
        "resources": [attrs.asdict(r) for r in result.resources],
        "communication": [{"phase": phase, **times} for phase, times in result.communication.items()],
        "mapping": [
            mapping_data(pool, one) for pool, one in analysis.recorded("context" in result.workload).mappings.items()
        ],
        **({} if analysis.search is None else {"search": search_data(analysis.search)}),
        "assumptions": [*result.assumptions, *said_of_errors(analysis, result)],
        "accuracy": [attrs.asdict(e) for e in errors_to_expect(analysis, result)],
        "plugins": plugins_of(analysis.system),
    }


def search_data(found: Found) -> dict[str, Any]:
    """Return what a search chose, for what, and why the others lost."""

    def row(role: str, candidate: Candidate) -> dict[str, Any]:
        return {
            "role": role,
            "degrees": dict(candidate.degrees),
            "microbatches": candidate.microbatches,
            "place": dict(candidate.place),
            "batch": candidate.batch,
            "metrics": dict(candidate.metrics),
            "broken": [{"name": b.name, "used": b.used, "limit": b.limit, "unit": b.unit} for b in candidate.broken],
            "lost": candidate.lost,
        }

    return {
        "objective": found.objective,
        "limits": [{"metric": m, "value": v, "unit": METRICS[m][0]} for m, v in found.limits.items()],
        "asked": list(found.asked),
        "summary": found.summary,
        "count": found.candidates,
        "unfit": found.unfit,
        "refused": found.refused,
        "evaluations": found.evaluations,
        "candidates": [
            row("chosen", found.chosen),
            *(row("runner-up", c) for c in found.runners_up),
            *(row("infeasible", c) for c in found.infeasible),
        ],
    }


def mapping_data(pool: str, mapping: Mapped) -> dict[str, Any]:
    """Return parallel degrees, the networks that each axis meets on, and where tensors lie and operators run."""
    return {
        "pool": pool,
        "axes": [
            {
                "name": axis,
                "degree": degree,
                "networks": [attrs.asdict(level) for level in mapping.groups.get(axis, ())],
            }
            for axis, degree in mapping.degrees.items()
        ],
        "microbatches": mapping.microbatches,
        "hide": mapping.hide,
        "processor": mapping.processor,
        "place": dict(mapping.place),
        "run": dict(mapping.run),
    }


def plugins_of(system: System) -> list[dict[str, str]]:
    """Return the plugins a system uses, and what data it has of other packages, each with distribution and version."""
    found = {}
    for component in system.components.values():
        for cls in (component.technology, component.topology):
            if cls is not None and component.table != "limit" and cls.name not in system.technologies:
                origin = registry().origin(cls.name)
                found[cls.name] = {"name": cls.name, "distribution": origin.distribution, "version": origin.version}
        for algorithm in component.algorithm if component.algorithm != ("auto",) else ():
            registry().collective(algorithm)
            origin = registry().origin(algorithm, "symarch_collectives")
            name = f"collective.{algorithm}"
            found[name] = {"name": name, "distribution": origin.distribution, "version": origin.version}
        if component.preset is not None and component.technology is not None:
            preset = preset_of(component.technology.name, component.preset)
            if preset.distribution != registry().origin(component.technology.name).distribution:
                name = f"{component.technology.name}:{preset.name}"
                found[name] = {"name": name, "distribution": preset.distribution, "version": preset.version}
    provider = provider_of(system.path)
    if provider is not None and provider.distribution != OWN:
        found[system.name] = {
            "name": system.name,
            "distribution": provider.distribution,
            "version": provider.version,
        }
    return [found[n] for n in sorted(found)]


def plugin_rows() -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each thing that a plugin provides, technologies first, and a sentence on what cannot be used.

    All but technologies are named like their entry points: `collective.ring`, `model.llama`, `specs.shipped`.
    """
    found = registry()
    specs, faults = listing()
    rows = []
    for name, cls in found.technologies().items():
        presets = [s.name.partition(":")[2] for s in specs if s.kind == "preset" and s.name.startswith(f"{name}:")]
        rows.append(_plugin_row(name, cls.kind, _first_line(cls), presets, found.origin(name)))
    for hook, kind in KINDS.items():
        if kind not in (TECHNOLOGIES, SPECS):
            for key, thing in found.all_of(kind).items():
                title = _first_line(thing)
                rows.append(_plugin_row(kind.prefix + key, kind.what, title, [], found.origin(key, hook)))
    for provider in found.folders().values():
        mine = [s for s in specs if s.distribution == provider.distribution]
        counts = Counter(s.kind for s in mine)
        title = ", ".join(f"{n} {_COUNTED[kind][n > 1]}" for kind, n in counts.items())
        presets = [s.name for s in mine if s.kind == "preset"]
        rows.append(_plugin_row(provider.name, SPECS.what, title, presets, provider))
    broken = [f"plugin '{name}' is not available: {why}" for name, why in found.failures().items()]
    return rows, [*broken, *faults]


def _plugin_row(name: str, kind: str, title: str, presets: list[str], origin: Provider) -> dict[str, Any]:
    own = {"name": name, "kind": kind, "title": title, "presets": presets}
    return own | {"distribution": origin.distribution, "version": origin.version}


def _first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().partition("\n")[0]


def spec_data(name: str) -> dict[str, Any]:
    """Return a system, model, study, prices or preset as plain data. Raises UnknownNameError."""
    technology, colon, preset = name.partition(":")
    if colon:
        found = preset_of(technology, preset)
        declared = {p.name: p for p in parameters_of(technology_of(technology))}
        data = {"kind": "preset", "technology": technology} | attrs.asdict(found)
        data["settings"] = {n: _unit_of(declared.get(n)) | s for n, s in data["settings"].items()}
        return data
    kind, path = find_spec(name)
    provider = provider_of(path)
    origin = {
        "distribution": provider.distribution if provider else None,
        "version": provider.version if provider else None,
    }
    if kind == "system":
        return _system_data(read_system(path)) | origin
    if kind == "prices":
        return {"kind": kind} | attrs.asdict(read_prices(path)) | origin
    if kind == "study":
        return {"kind": kind, "name": path.stem, "study": dict(read_toml(path).table)} | origin
    model = load_config(path)
    config = json.loads(path.read_text(encoding="utf-8-sig"))
    return {"kind": "model", "name": model.name, "config": config} | origin


def _unit_of(declared: Parameter | None) -> dict[str, Any]:
    """Return the unit of a parameter and whether people state it in bits; an option has none."""
    return {"unit": declared.unit if declared else "", "bits": declared.bits if declared else False}


def _system_data(system: System) -> dict[str, Any]:
    components = []
    for component in system.components.values():
        components.append(
            {
                "name": component.name,
                "table": component.table,
                "technology": component.technology.name if component.technology else None,
                "preset": component.preset,
                "topology": component.topology.name if component.topology else None,
                "size": component.size if component.table == "network" else None,
                "algorithm": list(component.algorithm) if component.table == "network" else None,
                "on": component.on,
                "between": list(component.between) if component.between else None,
                "arbitration": component.arbitration if component.carries else None,
                "settings": _settings(component),
            }
        )
    return {
        "kind": "system",
        "name": system.name,
        "title": system.title,
        "source": system.source,
        "devices": system.devices,
        "mapping": {
            **{key: AUTO if key in system.auto else getattr(system, key) for key in (*DEGREES, "hide")},
            "level": dict(system.level),
            "place": {
                **{tensor: plain(where) for tensor, where in system.place.items()},
                **{k.removeprefix("place."): AUTO for k in sorted(system.auto) if k.startswith("place.")},
            },
        },
        "pools": [
            {"name": name, "role": role, "count": system.pools[name].count, "batch": system.pools[name].batch}
            for role, name in system.roles.items()
        ],
        "technologies": [
            {"name": n, "kind": c.kind, "doc": (c.__doc__ or "").strip(), "definition": dict(definition_of(c))}
            for n, c in system.technologies.items()
        ],
        "components": components,
        "prices": system.prices,
        "economy": _settings(system.economy),
        "runtime": None
        if system.runtime is None
        else {"preset": system.runtime.preset, "settings": _settings(system.runtime)},
    }


def _settings(component: Component) -> list[dict[str, Any]]:
    declared = component.declared()
    return [
        {"name": f"{component.name}.{name}"} | _unit_of(declared.get(name)) | attrs.asdict(setting)
        for name, setting in component.settings.items()
    ]


ENDLESS = 10**12
"""A context longer than any window."""


def trace_data(model: Architecture, phase: str, given: Mapping[str, Any], dtype: str | None) -> dict[str, Any]:
    """Return the object of `trace show --json`: counts, operators with FLOPs and bytes. Raises WorkloadError."""
    dtypes = {t: d for t, d in parse_dtypes(USUAL_TYPE if dtype is None else dtype).items() if t in model.tensors}
    single, shard = given.get("context") is not None, Shard()
    fixed: Mapping[str, int] = {}
    if isinstance(model, RecordedTrace):
        model.check_given(given)
        model.check_types(None if dtype is None else dtypes)
        phase, dtypes, fixed = model.phase_of(phase), dict(model.dtypes), model.taken_at
        single, shard = single or "context" in fixed, Shard(tensor=model.trace.tensor or 1)
    request = Request(phase, dtypes, single, fixed)
    sizes = {name: int(size) for name, size in check_sizes(request, given).items()}
    operators = []
    for one in request.phases:
        operators += [_operator_row(o, one) for o in model.operators(step_of(one, sizes, dtypes), shard)]
    stored = model.stored(shard)
    unstated = isinstance(model, RecordedTrace) and "kv_per_token" not in (model.trace.stored or {})
    return {
        "model": model.name,
        "parameters": model.parameters(),
        "active_parameters": model.active_parameters(),
        "streamed_parameters": model.streamed_parameters(),
        "kv_bytes_per_token": None if unstated else _whole(stored.kv_per_token * data_type(dtypes["kv_cache"]).bytes),
        "kv_bytes_bounded": _whole(
            sum(span.kept(ENDLESS) * n for span, n in stored.bounded) * data_type(dtypes["kv_cache"]).bytes
        ),
        "kv_bytes_fixed": _whole(stored.kv_fixed * data_type(dtypes["kv_cache"]).bytes),
        "state_bytes": _whole(stored.state * data_type(dtypes.get("state", dtypes["kv_cache"])).bytes),
        "notes": list(model.notes),
        "workload": {k: int(v) for k, v in sizes.items()} | {"phase": phase, "dtype": dict(dtypes)},
        "operators": operators,
    }


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _operator_row(operator: Operator, phase: str) -> dict[str, Any]:
    sizes: dict[str, dict[str, float]] = {"read": {}, "written": {}}
    for access in operator.accesses:
        for way, amount in (("read", access.read), ("written", access.write)):
            if amount:
                sizes[way][access.tensor] = _whole(sizes[way].get(access.tensor, 0) + amount)
    moved = sum(sizes["read"].values()) + sum(sizes["written"].values())
    return {
        "name": operator.name,
        "phase": phase,
        "kind": operator.kind,
        "count": operator.count,
        "dims": {k: _whole(v) for k, v in operator.dims.items()},
        "flops": _whole(operator.flops),
        "bytes_read": sizes["read"],
        "bytes_written": sizes["written"],
        "intensity": operator.flops / moved if moved else None,
    }
