"""The formats of sensitivity reports, and how one is found: by the name a user gives, or by the suffix of a file.

A format is a class with a `name`, a `suffix` and `render(report)`. The three of symarch come in through the same hook
as those of other packages.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from symarch.errors import PluginError, SymarchError
from symarch.plugins import registry
from symarch.plugins.discovery import FORMATS
from symarch.plugins.hookspecs import hookimpl
from symarch.quantities import format_quantity, format_setting, format_value, readable_unit
from symarch.report.data import to_json
from symarch.report.record import Report, legend

USUAL = "text"
"""The format where neither a name nor a file's suffix says which."""


class TextFormat:
    """Tables for a terminal."""

    name: ClassVar[str] = "text"
    suffix: ClassVar[str] = ".txt"

    def render(self, report: Report) -> str:
        """Return the largest elasticities, the definitions, the checks."""
        from symarch.report.text import sensitivity_text  # rich, which other formats do without

        return sensitivity_text(report)


class JsonFormat:
    """One JSON object in SI and full precision."""

    name: ClassVar[str] = "json"
    suffix: ClassVar[str] = ".json"

    def render(self, report: Report) -> str:
        """Return metric, value, unit, elasticities, groups and checks."""
        return to_json(report.sensitivity.to_dict()) + "\n"


class MarkdownFormat:
    """A page of Markdown with tables."""

    name: ClassVar[str] = "md"
    suffix: ClassVar[str] = ".md"

    def render(self, report: Report) -> str:
        """Return the elasticities, the definitions, the checks, what was assumed, and which plugins were used."""
        found = report.sensitivity
        unit, scale = readable_unit(found.value, found.unit)
        sizes = [f"{k} {v}" for k, v in report.workload.items() if k not in ("dtype", "phase", "ideal")]
        dtypes = [f"{k} {v}" for k, v in report.workload["dtype"].items()]
        ideal = ["ideal (speed of light)"] if report.workload["ideal"] else []
        rows = [
            (
                f"`{e.parameter}`",
                format_setting(e.value, e.unit, e.parameter in report.in_bits),
                e.text,
                *("-" if v is None else format_value(v / scale) for v in (e.low, e.high, e.limit)),
            )
            for e in found.elasticities
            if e.size >= SMALLEST
        ]
        rest = len(found.elasticities) - len(rows)
        lines = [
            f"# {found.metric} of {report.model} on {report.system}",
            "",
            f"{found.metric} = {format_quantity(found.value, found.unit)}, "
            f"phase {report.workload['phase']}, {', '.join([*sizes, *dtypes, *ideal])}.",
            "",
            "An elasticity of -0.5: 1 % more of the parameter and the metric falls by 0.5 %.",
            "",
            *_table(("parameter", "value", "elasticity", "at low", "at high", "at best"), rows),
            "",
            *(f"- {sentence}".replace("*", "\\*") for sentence in legend(found.metric, unit)),
            *([f"- {rest} more parameters have an elasticity below {SMALLEST}"] if rest else []),
            "",
            "## Definitions",
            "",
            *_table(
                ("definition", "value", "elasticity", "made of"),
                [
                    (f"`{g.name}`", format_quantity(g.value, g.unit), f"{g.elasticity:+.3f}", _code(g.parts))
                    for g in found.groups
                    if abs(g.elasticity) >= SMALLEST
                ],
            ),
            "",
            "## Checks",
            "",
            "The elasticities, each times its parameter's exponent of a unit, sum to the metric's exponent.",
            "",
            *_table(
                ("unit", "due", "off by", "", "note"),
                [
                    (c.unit, f"{c.expected:+g}", f"{c.found - c.expected:.0e}", "ok" if c.ok else "FAILS", c.note)
                    for c in found.checks
                ],
            ),
            "",
            "## Assumed, or not modelled",
            "",
            *(f"- {sentence}" for sentence in report.assumptions),
            "",
            "## Plugins",
            "",
            *_table(("name", "from"), [(p["name"], f"{p['distribution']} {p['version']}") for p in report.plugins]),
            "",
        ]
        return "\n".join(lines)


SMALLEST = 0.0005
"""Elasticities below this are left out of what people read."""


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{n}`" for n in names)


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    cells = [columns, ("---",) * len(columns), *rows]
    return ["| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in cells]


@hookimpl
def symarch_report_formats() -> list[type]:
    """Return the formats of this module."""
    return [TextFormat, JsonFormat, MarkdownFormat]


def format_for(name: str | None, target: Path | None) -> str:
    """Return the name of the format to use: the one that is named, else the one that a file's suffix is of, else text.

    Raises UnknownNameError.
    """
    if name is not None:
        registry().report_format(name)
        return name
    if target is None:
        return USUAL
    return next((n for n, cls in registry().report_formats().items() if cls.suffix == target.suffix), USUAL)


def render(report: Report, name: str) -> str:
    """Return a report in a format. Raises UnknownNameError, or PluginError naming the package of one that fails."""
    cls = registry().report_format(name)
    origin = registry().origin(name, FORMATS.hook)
    who = f"report format '{name}' of distribution {origin.distribution}"
    try:
        text = cls().render(report)
    except SymarchError:
        raise
    except Exception as error:  # a format is foreign code: whatever it raises is its failure, not ours
        raise PluginError(f"{who} failed: {type(error).__name__}: {error}") from error
    if not isinstance(text, str):
        raise PluginError(f"{who} returned {type(text).__name__}; render(report) must return a text")
    return text
