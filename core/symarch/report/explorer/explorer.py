"""Fills the explorer's page: the programs as JavaScript, and data about them as JSON.

Every number that the page shows of the model comes from a printed program. Beside the recorded one these are, for each
phase, the parts of its time by operator and resource (derivatives by the marked times, each times its mark), for each
metric the elasticities, and for the roofline the bytes and busy times of one run of each operator.

Texts of specs and plugins reach the page as JSON only, with every `<`, `>` and `&` escaped, and are set as text there.
A content security policy with the hashes of the page's own script and style forbids everything else.
"""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from symarch.analysis import HIGHER_IS_BETTER, METRICS, PHASE_METRICS, Recorded, Symbol
from symarch.api import Analysis
from symarch.mapping import mappings
from symarch.program import Node, Program, Tape, gradient, to_javascript, total
from symarch.quantities import BASES, readable_unit, unit_dimension, unit_scale
from symarch.report.data import plugins_of
from symarch.report.page import base_style, fingerprint
from symarch.report.palette import colours_of
from symarch.report.roofline import traffic_program
from symarch.specs import read_system
from symarch.specs.files import provider_of
from symarch.specs.placement import described
from symarch.specs.resolved import resolved

SPREAD = 4.0
"""A parameter without a range gets one from its value over this to its value times this."""

FROM_ZERO = {"s": 1e-5}
"""Upper end, by unit, of the range of a parameter that is 0 and has none [SI]; 1 for other units."""

SIZES = {"batch": (1, 1024), "prompt": (1, 131072), "output": (1, 16384), "context": (1, 131072)}
"""Ends of the sliders of the workload."""

SPELLED = """
B kB MB GB TB PB KiB MiB GiB TiB PiB b kb Mb Gb Tb Kib Mib Gib Tib bit kbit Mbit Gbit Tbit byte bytes
s fs ps ns us ms min h day year Hz kHz MHz GHz THz J fJ pJ nJ uJ mJ kJ MJ GJ Wh kWh MWh W uW mW kW MW GW
FLOP kFLOP MFLOP GFLOP TFLOP PFLOP EFLOP USD kUSD MUSD GUSD m nm um mm cm km g mg kg t K mK token 1 %
"""
"""The units that the page reads, alone and in products and quotients."""

_MARKER = re.compile(r"\{\{(\w+)\}\}")


def explorer_html(analysis: Analysis, given: Mapping[str, Any]) -> str:
    """Return the page that starts at a point, as `Analysis.evaluate` takes it. Raises WorkloadError.

    The same analysis and point give the same text.
    """
    start = analysis.evaluate(**given)
    single = given.get("context") is not None
    recorded = analysis.recorded(single)
    names = list(recorded.symbols)
    live = set(recorded.program.pruned().inputs)
    values = {n: s.value for n, s in recorded.symbols.items()}
    values |= {k: v for k, v in start.workload.items() if k in values}
    values |= {k: float(v) for k, v in given.items() if k in values and v is not None}
    bytes_moved = traffic_program(analysis, single=single)
    programs = {"outputs_of": recorded.program, "roofline_of": bytes_moved}
    programs["spare_of"] = recorded.program.select(recorded.spare)
    parts: dict[str, list[list[str]]] = {}
    phases = {p: PHASE_METRICS[p] for p in analysis.request(single).phases}
    for phase, metric in phases.items():
        if f"metric.{metric}" in recorded.program.outputs:
            programs[f"parts_of_{phase}"] = found = _parts(recorded.program, f"metric.{metric}")
            parts[phase] = [key.split("\n") for key in found.outputs]
    metrics = [m for m in METRICS if f"metric.{m}" in recorded.program.outputs]
    programs["elasticities_of"] = _elasticities(recorded.program, metrics, names)
    data = {
        "system": analysis.system.name,
        "title": analysis.system.title,
        "source": analysis.system.source,
        "model": analysis.model.name,
        "phase": start.workload["phase"],
        "dtype": dict(start.workload["dtype"]),
        "ideal": analysis.ideal,
        "devices": analysis.system.devices,
        "parameters": [_parameter(analysis, recorded, n, values[n], n in live) for n in names],
        "metrics": [
            {"name": m, "unit": METRICS[m][0], "words": METRICS[m][1], "more": m in HIGHER_IS_BETTER} for m in metrics
        ],
        "phases": {p: m for p, m in phases.items() if m in metrics},
        "missing": {m: list(lacks) for m, lacks in recorded.missing.items()},
        "constraints": [{"name": c.name, "unit": c.unit} for c in recorded.constraints],
        "operators": [{"name": o.name, "phase": o.phase} for o in recorded.operators],
        "outputs": list(recorded.program.outputs),
        "roofline": list(bytes_moved.outputs),
        "parts": parts,
        "resources": _resources(analysis, parts),
        "components": list(analysis.system.components),
        "colours": colours_of(recorded),
        "fixed": _fixed(analysis),
        "assumptions": list(recorded.assumptions),
        "plugins": plugins_of(analysis.system),
        "spec": _spec(analysis),
        "units": _units([*(s.unit for s in recorded.symbols.values()), *_own_units(recorded, metrics)]),
    }
    code = "".join(to_javascript(program, name, names) for name, program in programs.items())
    return _filled(data, code)


def _parts(program: Program, output: str) -> Program:
    """Return the time of each operator at each resource; over all of them they sum to the output.

    The outputs are named operator, line feed, resource; no name holds a line feed.
    """
    live = set(program.live([program.outputs[output]]))
    marks = {i: label for i, label in program.marks("s").items() if i in live}
    slopes = gradient(program, output, list(marks), outermost=True)
    tape = Tape(slopes.operations)
    kept = [i for i, o in enumerate(slopes.operations) if o[0] == "mark"]  # in the order of the targets
    sums: dict[str, list[Node]] = {}
    for position, (index, (resource, _, operator)) in enumerate(zip(kept, marks.values(), strict=True)):
        key = f"{operator}\n{resource}"
        sums.setdefault(key, []).append(Node(tape, slopes.outputs[f"d{position}"]) * Node(tape, index))
    return Program.of(tape, {key: total(terms) for key, terms in sums.items()}).pruned()


def _elasticities(program: Program, metrics: Sequence[str], names: Sequence[str]) -> Program:
    """Return d ln(metric) / d ln(parameter) for each metric and name; 0 for what a metric does not depend on.

    All gradients are written on one tape, so that what they have in common is printed once, and the chain rule is cut
    at the phases' times: what depends on a parameter through `tpot` uses the gradient of `tpot`.
    """
    tape = Tape()
    times: dict[str, dict[str, Any]] = {}  # derivatives of the phases' times by parameter
    outputs: dict[str, Any] = {}
    for metric in sorted(metrics, key=lambda m: m not in PHASE_METRICS.values()):
        alone = program.select({metric: program.outputs[f"metric.{metric}"]})
        cuts = {t: alone.names[t] for t in times if t in alone.names}
        where = {o[2]: i for i, o in enumerate(alone.operations) if o[0] == "input"}
        slopes = gradient(alone, metric, [*cuts.values(), *where.values()], outermost=True)
        placed: list[int] = []
        for operation, arguments, attribute in slopes.operations:
            placed.append(tape.write((operation, tuple(placed[a] for a in arguments), attribute)).index)
        found = [Node(tape, placed[slopes.outputs[f"d{k}"]]) for k in range(len(cuts) + len(where))]
        through = dict(zip(cuts, found, strict=False))
        direct = dict(zip(where, found[len(cuts) :], strict=True))
        slope = {
            n: total([direct[n], *(by * times[t][n] for t, by in through.items() if n in times[t])]) for n in where
        }
        if metric in PHASE_METRICS.values():
            times[metric] = slope
        value = Node(tape, placed[slopes.outputs["value"]])
        outputs |= {f"{metric}\n{n}": slope[n] * tape.input(n) / value if n in slope else 0 for n in names}
    return Program.of(tape, {f"{m}\n{n}": outputs[f"{m}\n{n}"] for m in metrics for n in names}).pruned()


def _parameter(analysis: Analysis, recorded: Recorded, name: str, value: float, used: bool) -> dict[str, Any]:
    """Return what the page knows of a parameter."""
    symbol = recorded.symbols[name]
    owner, _, item = name.rpartition(".")
    component = analysis.system.owners.get(owner)
    declared = component.declared().get(item) if component else None
    low, high = _range(symbol, value, symbol.at_most)
    return {
        "name": name,
        "group": owner or "workload",
        "unit": symbol.unit,
        "value": value,
        "spec": symbol.value,
        "low": low,
        "high": high,
        "ranged": symbol.low is not None and symbol.high is not None,
        "integer": symbol.integer,
        "zero": declared is not None and declared.nonnegative,
        "most": symbol.at_most,
        "bits": declared is not None and declared.bits,
        "used": used,
        "doc": declared.doc if declared else "",
        "source": symbol.source,
        "status": symbol.status,
    }


def _range(symbol: Symbol, value: float, most: float | None) -> tuple[float, float]:
    """Return the ends of a slider: the parameter's range, or a symmetric one about its value; the value lies inside."""
    low: float
    high: float
    if symbol.name in SIZES:
        low, high = SIZES[symbol.name]
        return low, max(high, value * SPREAD)
    low = value / SPREAD if symbol.low is None else symbol.low
    high = value * SPREAD if symbol.high is None else symbol.high
    if symbol.high is None and most is not None:
        high = most
    if symbol.integer:
        low, high = max(math.floor(low), 1 if value >= 1 else 0), math.ceil(high)
    low, high = min(low, value), max(high, value)
    return (low, high) if high > low else (0.0, FROM_ZERO.get(symbol.unit, 1.0) if value == 0 else value * SPREAD)


def _resources(analysis: Analysis, parts: Mapping[str, list[list[str]]]) -> list[str]:
    """Return the resources, those of one component together, components in the order of the system."""
    found = dict.fromkeys(resource for rows in parts.values() for _, resource in rows)
    order = {c: i for i, c in enumerate(analysis.system.components)}
    return sorted(found, key=lambda r: (order.get(r.partition(".")[0], len(order)), r))


def _fixed(analysis: Analysis) -> list[list[str]]:
    """Return name and value of what is decided when a program is built, and so is no slider."""
    system = analysis.system
    found = []
    for component in system.owners.values():
        words = component.words()
        for name, setting in component.settings.items():
            declared = component.declared().get(name)
            if setting.value is not None and (name in words or (declared is not None and declared.structural)):
                shown = setting.value if isinstance(setting.value, str) else f"{setting.value:g}"
                found.append([f"{component.name}.{name}", shown])
        if component.topology is not None:
            found.append([f"{component.name}.topology", f"{component.topology.name} of {component.size}"])
    for pool, mapping in mappings(system, analysis.model).items():
        before = f"pool.{pool}" if pool else "mapping"
        found += [[f"{before}.{name}", str(degree)] for name, degree in mapping.degrees.items()]
        found += [[f"{before}.place.{t}", described(mapping.place[t])] for t in analysis.dtypes]
    return found


def _spec(analysis: Analysis) -> dict[str, Any]:
    """Return what an exported spec starts from: the shipped system it extends, or the whole system resolved."""
    system = analysis.system
    tables = {c.name: f"{c.table}.{c.name}" for c in system.components.values()}
    for pool, part in system.pools.items():  # a pool's component has the pool's name before its own
        own = part.system.components.values()
        tables |= {c.name: f"pool.{pool}.{c.table}.{c.name.removeprefix(f'{pool}_')}" for c in own}
    tables |= {name: name for name in system.owners if name not in tables}  # economy and runtime are one each
    if system.path is not None and provider_of(system.path) is not None and read_system(system.path) == system:
        return {"extends": system.path.stem, "tables": tables}
    return {"resolved": resolved(system), "tables": tables}


def _own_units(recorded: Recorded, metrics: Sequence[str]) -> list[str]:
    """Return the units of what is shown beside the parameters."""
    return [*(METRICS[m][0] for m in metrics), *(c.unit for c in recorded.constraints), "B/s", "FLOP/s", "B", "FLOP"]


def _units(units: Sequence[str]) -> dict[str, Any]:
    """Return how the page prints values of these units, and how it reads units at all."""
    printed: dict[str, Any] = {}
    for unit in dict.fromkeys(units):
        steps = dict(readable_unit(float(f"1.5e{power}"), unit) for power in range(-21, 25))
        si = str(unit_dimension(unit))
        printed[unit] = {
            "steps": sorted(steps.items(), key=lambda step: step[1]),
            "si": unit if "token" in unit else "" if si == "1" else si,
            "exponents": _exponents(unit),
        }
    read = {name: [unit_scale(name), _exponents(name)] for name in SPELLED.split()}
    return {"printed": printed, "read": read}


def _exponents(unit: str) -> list[float]:
    dimension = unit_dimension(unit)
    return [float(dimension.exponent(base)) for base in BASES]


def _filled(data: Mapping[str, Any], code: str) -> str:
    """Return the page with its parts in place."""
    folder = files(__package__ or "")
    page, style, script = ((folder / f"page.{suffix}").read_text(encoding="utf-8") for suffix in ("html", "css", "js"))
    style = base_style() + style
    title = f"{data['model']} on {data['system']}"
    script = f'"use strict";\n{code}{script}'
    content = {
        "title": html.escape(title),
        "style": style,
        "style_hash": fingerprint(style),
        "script": script,
        "script_hash": fingerprint(script),
        "data": _escaped(data),
    }
    return _MARKER.sub(lambda m: content[m[1]], page)


def _escaped(data: Mapping[str, Any]) -> str:
    """Write data as JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
