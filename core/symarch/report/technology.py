"""A technology as a person wants it: formulas in symbols, parameters with range and source, presets, what is absent.

Importing this module imports sympy.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, cast

import attrs
import sympy
from rich.text import Text

from symarch.formula import let_bound
from symarch.plugins import registry
from symarch.program import Program, Tape
from symarch.quantities import format_setting
from symarch.report.formulas import written
from symarch.report.text import Output, console, entry, heading, paragraph, range_of
from symarch.specs import presets_of
from symarch.technologies import (
    Processor,
    Topology,
    options_of,
    parameters_of,
    probe_operators,
    quantities_of,
    surroundings,
)
from symarch.technologies.check import effort_of
from symarch.technologies.declare import not_modelled


def technology_data(name: str) -> dict[str, Any]:
    """Return a technology as plain data: formulas, parameters, presets, what is absent. Raises UnknownNameError."""
    cls = registry().technology(name)
    origin = registry().origin(name)
    tape = Tape()
    values = {p.name: p.default if p.structural else tape.input(f"{name}.{p.name}") for p in parameters_of(cls)}
    instance = cls(component=name, **values, **surroundings(cls, lambda symbol, _: tape.input(symbol)))
    stated = [
        *((key, getattr(instance, key), q.unit, q.doc) for key, q in quantities_of(cls).items()),
        *_figures(instance, tape),
    ]
    outputs = {key: value for key, value, _, _ in stated if value is not None}
    program = Program.of(tape, outputs)
    quantities = []
    for key, _, unit, doc in stated:
        if key not in outputs:
            continue
        bound = let_bound(program, [program.outputs[key]])
        expression = bound.definitions.get(f"{name}.{key}", bound.expressions[0])
        text = written(_with_fractions(expression)).replace(f"{name}.", "")
        quantities.append({"name": key, "unit": unit, "doc": doc, "formula": text})
    kind: Any = next(c for c in cls.__mro__ if "kind" in vars(c))
    shared, own = ({f.name: f.metadata for f in attrs.fields(c)} for c in (kind, cast(Any, cls)))

    def common(field: str) -> bool:
        return bool(shared.get(field) == own[field])

    return {
        "name": name,
        "kind": cls.kind,
        "doc": (cls.__doc__ or "").strip(),
        "model": inspect.cleandoc(sys.modules[cls.__module__].__doc__ or ""),
        "distribution": origin.distribution,
        "version": origin.version,
        "quantities": quantities,
        "parameters": [attrs.asdict(p) | {"common": common(p.name)} for p in parameters_of(cls)],
        "options": [attrs.asdict(o) | {"common": common(o.name)} for o in options_of(cls)],
        "presets": [
            {
                "name": p.name,
                "title": p.title,
                "source": p.source,
                "date": p.date,
                "status": p.status,
                "unknown": list(p.unknown),
                "distribution": p.distribution,
            }
            for p in presets_of(name).values()
        ],
        "assumptions": list(cls.assumptions),
        "not_modelled": list(not_modelled(cls)),
    }


def _with_fractions(expression: sympy.Basic) -> sympy.Basic:
    """Return an expression with thirds and the like in place of their decimals."""
    simple = {f: Fraction(float(f)).limit_denominator(12) for f in expression.atoms(sympy.Float)}
    near = {f: sympy.Rational(q.numerator, q.denominator) for f, q in simple.items() if abs(float(f) - q) < 1e-12}
    return cast(sympy.Basic, expression.xreplace(near))


def _figures(instance: Any, tape: Tape) -> Iterator[tuple[str, Any, str, str]]:
    """Yield (name, value, unit, doc) of what a technology answers beside its quantities."""
    if isinstance(instance, Topology):
        for key, value, unit in instance.figures(tape.input("nodes")):
            yield key, value, unit, ""
    if isinstance(instance, Processor):
        found: dict[tuple[str, str], tuple[Any, list[str]]] = {}
        for operator in probe_operators(instance, lambda symbol, _: tape.input(symbol)):
            effort = effort_of(instance, operator)
            for what, times in (("time", effort.whole), ("overhead", effort.overheads)):
                for resource, value in times.items():
                    if isinstance(value, int | float) and value == 0:
                        continue
                    kinds = found.setdefault((f"{what} of {resource}", repr(value)), (value, []))[1]
                    kinds.append(operator.kind)
        for (what, _), (value, kinds) in found.items():
            yield f"{what} ({', '.join(kinds)})", value, "s", ""
        for key, limit in instance.limits().items():
            yield f"limit of {key}", limit.budget, limit.unit, ""
            for part, weight in zip(("processor", "stacked memory", "other"), limit.weights, strict=True):
                if not isinstance(weight, int):
                    yield f"limit of {key}: weight of {part} power", weight, f"{limit.unit}/W", ""


def print_technology(data: Mapping[str, Any]) -> None:
    """Print a technology on a terminal."""
    out = console()
    out.print(heading(f"{data['name']} ({data['kind']}), from {data['distribution']} {data['version']}"))
    out.print(Text(data["doc"]))
    if data["quantities"]:
        out.print()
        out.print(heading("Formulas"))
        for q in data["quantities"]:
            unit = "" if q["unit"] == "1" else f"[{q['unit']}] "
            entry(out, f"{q['name']} = {q['formula']}", (unit + q["doc"]).rstrip())
    for common, title in ((False, "Parameters"), (True, f"Parameters of every {data['kind']}")):
        _print_parameters(out, data, common, title)
    if data["presets"]:
        out.print()
        out.print(heading("Presets"))
        for preset in data["presets"]:
            other = f", from {preset['distribution']}" if preset["distribution"] != data["distribution"] else ""
            line = f"{preset['name']}: {preset['title']} ({preset['date']}, {preset['status']}{other})"
            entry(out, line, preset["source"])
    out.print()
    out.print(heading("Assumed, or not modelled"))
    absent = [f"not modelled: {', '.join(data['not_modelled'])}"] if data["not_modelled"] else []
    paragraph(out, [*data["assumptions"], *absent])
    out.flush()


def _print_parameters(out: Output, data: Mapping[str, Any], common: bool, title: str) -> None:
    parameters, options = ([r for r in data[k] if r["common"] is common] for k in ("parameters", "options"))
    if not parameters and not options:
        return
    out.print()
    out.print(heading(title))
    for p in parameters:
        source = f" Source: {p['source']}." if p["source"] else ""
        entry(out, f"{p['name']} = {_default(p)}{range_of(p)}, {p['status']}", f"{p['doc']}.{source}")
    for o in options:
        entry(out, f"{o['name']} = {o['default']!r} ({', '.join(o['choices']) or 'any text'})", f"{o['doc']}.")


def _default(parameter: Mapping[str, Any]) -> str:
    if parameter["default"] is None:
        return "absent"
    return format_setting(parameter["default"], parameter["unit"], parameter["bits"])


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def technology_markdown(data: Mapping[str, Any]) -> str:
    """Return a technology as a page of Markdown."""
    whence = f"Kind: {data['kind']}. From the distribution {data['distribution']}."
    lines = [f"# {data['name']}", "", data["doc"], "", whence, ""]
    lines += ["## The model", "", data["model"], ""]
    if data["quantities"]:
        lines += ["## Formulas", "", *_rows(("quantity", "unit", "formula", "meaning"), (
            (_code(q["name"]), q["unit"], _code(q["formula"]), q["doc"]) for q in data["quantities"]
        ))]  # fmt: skip
    for common, title in ((False, "Parameters"), (True, f"Parameters of every {data['kind']}")):
        rows: list[tuple[str, ...]] = [
            (_code(p["name"]), _default(p), _ends(p), p["status"], _sentence(p["doc"]) + " " + _sentence(p["source"]))
            for p in data["parameters"]
            if p["common"] is common
        ]
        rows += [
            (
                f"`{o['name']}`",
                f"`{o['default']}`",
                " or ".join(f"`{c}`" for c in o["choices"]),
                "",
                _sentence(o["doc"]),
            )
            for o in data["options"]
            if o["common"] is common
        ]
        if rows:
            lines += [f"## {title}", "", *_rows(("name", "default", "range", "status", "meaning and source"), rows)]
    if data["presets"]:
        rows = [
            (
                f"`{p['name']}`",
                p["title"],
                p["date"],
                p["status"],
                p["source"],
                ", ".join(f"`{u}`" for u in p["unknown"]),
            )
            for p in data["presets"]
        ]
        head = ("preset", "title", "date", "status", "source", "not given by the source")
        lines += ["## Presets", "", *_rows(head, rows)]
    lines += ["## Assumed, or not modelled", "", *(f"- {a}" for a in data["assumptions"])]
    if data["not_modelled"]:
        lines.append(f"- Not modelled: {', '.join(f'`{n}`' for n in data['not_modelled'])}.")
    return "\n".join(lines).rstrip() + "\n"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def _ends(parameter: Mapping[str, Any]) -> str:
    return range_of(parameter).strip(" ()")


def _rows(head: tuple[str, ...], rows: Any) -> list[str]:
    """Return a Markdown table and a blank line."""
    cells = [head, tuple("---" for _ in head), *rows]
    return [*("| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in cells), ""]


__all__ = ["print_technology", "technology_data", "technology_markdown"]
