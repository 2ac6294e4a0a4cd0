"""Records as plain data, the form of every `--json`: SI units, full precision."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import attrs

from symarch.analysis import METRICS, Request, check_sizes, parse_dtypes
from symarch.api import Analysis, Result
from symarch.errors import SymarchError, UnknownNameError
from symarch.plugins import registry
from symarch.specs import System, find_model, find_system, presets_of, read_system
from symarch.technologies import Parameter, data_type, parameters_of
from symarch.trace import Architecture, Operator, Shard, Step


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


def run_data(analysis: Analysis, result: Result) -> dict[str, Any]:
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
        "constraints": [attrs.asdict(c) for c in result.constraints],
        "operators": [attrs.asdict(o) for o in result.operators],
        "resources": [attrs.asdict(r) for r in result.resources],
        "assumptions": list(result.assumptions),
        "plugins": plugins_of(analysis.system),
    }


def plugins_of(system: System) -> list[dict[str, str]]:
    """Return the plugins a system uses, with the distribution and version each comes from."""
    found = {}
    for component in system.components.values():
        for cls in (component.technology, component.topology):
            if cls is not None:
                origin = registry().origin(cls.name)
                found[cls.name] = {"name": cls.name, "distribution": origin.distribution, "version": origin.version}
    return [found[n] for n in sorted(found)]


def plugin_rows() -> tuple[list[dict[str, Any]], Mapping[str, str]]:
    """Return a row for each installed technology, and the plugins that failed to load with the reason."""
    rows, broken = [], {}
    for name, cls in registry().technologies().items():
        origin = registry().origin(name)
        try:
            presets = list(presets_of(name))
        except SymarchError as error:
            presets, broken[name] = [], f"its presets: {error}"
        rows.append(
            {
                "name": name,
                "kind": cls.kind,
                "title": (cls.__doc__ or "").strip().split("\n")[0],
                "presets": presets,
                "distribution": origin.distribution,
                "version": origin.version,
            }
        )
    return rows, {**registry().failures(), **broken}


def spec_data(name: str) -> dict[str, Any]:
    """Return a system, model or preset as plain data. Raises UnknownNameError."""
    technology, colon, preset = name.partition(":")
    if colon:
        presets = presets_of(technology)
        if preset not in presets:
            from symarch.errors import nearest

            raise UnknownNameError(
                f"unknown preset '{preset}' of technology '{technology}'; {nearest(preset, presets)}"
            )
        declared = {p.name: p for p in parameters_of(registry().technology(technology))}
        data = {"kind": "preset", "technology": technology} | attrs.asdict(presets[preset])
        data["settings"] = {n: _unit_of(declared.get(n)) | s for n, s in data["settings"].items()}
        return data
    system_error = None
    try:
        path = find_system(name)
        if path.suffix == ".toml":
            return _system_data(read_system(path))
    except UnknownNameError as error:
        system_error = error
    try:
        path = find_model(name)
    except UnknownNameError:
        from symarch.errors import nearest
        from symarch.specs import list_specs

        raise UnknownNameError(
            f"unknown spec '{name}'; {nearest(name, [s.name for s in list_specs()])}"
        ) from system_error
    from symarch.trace import load_config

    model = load_config(path)
    return {"kind": "model", "name": model.name, "config": json.loads(path.read_text(encoding="utf-8"))}


def _unit_of(declared: Parameter | None) -> dict[str, Any]:
    """Return the unit of a parameter and whether people state it in bits; an option has none."""
    return {"unit": declared.unit if declared else "", "bits": declared.bits if declared else False}


def _system_data(system: System) -> dict[str, Any]:
    components = []
    for component in system.components.values():
        declared = component.declared()
        settings = []
        for name, setting in component.settings.items():
            row = {"name": f"{component.name}.{name}"} | _unit_of(declared.get(name))
            settings.append(row | attrs.asdict(setting))
        components.append(
            {
                "name": component.name,
                "table": component.table,
                "technology": component.technology.name if component.technology else None,
                "preset": component.preset,
                "topology": component.topology.name if component.topology else None,
                "size": component.size if component.table == "network" else None,
                "on": component.on,
                "between": list(component.between) if component.between else None,
                "arbitration": component.arbitration if component.table in ("memory", "link") else None,
                "settings": settings,
            }
        )
    return {
        "kind": "system",
        "name": system.name,
        "title": system.title,
        "source": system.source,
        "devices": system.devices,
        "mapping": {"tensor": system.tensor, "data": system.data, "place": dict(system.place)},
        "components": components,
    }


def trace_data(model: Architecture, phase: str, given: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    """Return the object of `trace show --json`: counts, operators with FLOPs and bytes. Raises WorkloadError."""
    dtypes = {t: d for t, d in parse_dtypes(dtype).items() if t in model.tensors}
    request = Request(phase, dtypes, given.get("context") is not None)
    sizes = check_sizes(request, given)
    batch = int(sizes["batch"])
    operators = []
    for one in request.phases:
        context = sizes.get("context", sizes.get("prompt", 1) + sizes.get("output", 0) / 2)
        step = Step(
            phase=one,
            batch=batch,
            tokens=int(sizes["prompt"]) if one == "prefill" else 1,
            context=int(context) if context == int(context) else context,
            weights=data_type(dtypes["weights"]).bytes,
            experts=data_type(dtypes.get("experts", dtypes["weights"])).bytes,
            kv_cache=data_type(dtypes["kv_cache"]).bytes,
            activations=data_type(dtypes["activations"]).bytes,
            flop_per_mac=2,
            dtypes=dtypes,
        )
        operators += [_operator_row(o, one) for o in model.operators(step, Shard())]
    stored = model.stored(Shard())
    return {
        "model": model.name,
        "parameters": model.parameters(),
        "active_parameters": model.active_parameters(),
        "streamed_parameters": model.streamed_parameters(),
        "kv_bytes_per_token": _whole(stored.kv_per_token * data_type(dtypes["kv_cache"]).bytes),
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
