"""Comparisons as text, Markdown and plain data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from rich.text import Text

from symarch.analysis import METRICS
from symarch.compare import ALL, Comparison, Difference
from symarch.quantities import format_quantity, format_setting
from symarch.report.data import to_json
from symarch.report.sections import closed_forms, prefetched
from symarch.report.text import Output, console, describe_workload, heading, paragraph, table
from symarch.sensitivity import BreakEven

Section = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
"""A table: its title, its columns and its rows."""

BREAK_EVEN = "Break-even"
"""The heading of break-evens."""

ERRORS = "Error to expect"
"""The heading of what is known of errors."""

BINDING = 3
"""Resources with the largest shares that are named for each phase."""


def comparison_text(found: Comparison) -> str:
    """Return a comparison as text for a terminal."""
    out = console()
    out.print(heading(f"{found.model} on {', '.join(found.systems)}"))
    out.print(describe_workload(found.results[0].workload), style="dim")
    for line in _set_alone(found):
        out.print(Text(line, "dim"))
    for title, columns, rows in _tables(found):
        out.print()
        out.print(heading(title))
        out.print(table([(c, "left" if i == 0 else "right") for i, c in enumerate(columns)], rows))
    failing = _failing(found)
    if failing:
        paragraph(out, failing)
    if any(found.expected):
        out.print()
        out.print(heading(ERRORS))
        paragraph(out, _errors(found))
    out.print()
    out.print(heading(BREAK_EVEN))
    for title, columns, rows in _crossings(found):
        out.print(title, style="dim")
        out.print(table([(c, "right" if i in (1, 2) else "left") for i, c in enumerate(columns)], rows))
    paragraph(out, _sentences(found))
    for one in found.break_evens:
        _print_closed(out, one)
    return out.text()


def comparison_markdown(found: Comparison) -> str:
    """Return a comparison as a page of Markdown."""
    lines = [f"# {found.model} on {', '.join(found.systems)}", "", describe_workload(found.results[0].workload) + "."]
    lines += ["", *(f"- {line}" for line in _set_alone(found))] if _set_alone(found) else []
    lines += [line for section in _tables(found) for line in _markdown(section)]
    failing = _failing(found)
    lines += ["", *(f"- {s}" for s in failing)] if failing else []
    lines += ["", f"## {ERRORS}", "", *(f"- {s}" for s in _errors(found))] if any(found.expected) else []
    lines += ["", f"## {BREAK_EVEN}"]
    lines += [line for section in _crossings(found) for line in _markdown(section, "###")]
    lines += ["", *(f"- {s}" for s in _sentences(found))]
    for one in found.break_evens:
        for words in _closed(one):
            lines += ["", *words[:1]]
            lines += ["", "```text", *words[1:], "```"] if words[1:] else []
    return "\n".join([*lines, ""])


def _markdown(section: Section, mark: str = "##") -> list[str]:
    """Return a table with its heading."""
    title, columns, rows = section
    lines = ["", f"{mark} {title}", "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return [*lines, *("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)]


def comparison_json(found: Comparison) -> str:
    """Return a comparison as one JSON object, SI units, full precision."""
    systems = []
    rows = zip(found.systems, found.settings, found.devices, found.results, found.expected, strict=True)
    for name, settings, devices, result, expected in rows:
        metrics = {n: {"value": v, "unit": METRICS[n][0]} for n, v in result.metrics.items()}
        systems.append(
            {
                "system": name,
                "settings": [{"name": key, "value": value} for key, value in settings.items()],
                "devices": devices,
                "metrics": metrics,
                "feasible": result.feasible,
                "constraints": [attrs.asdict(c) for c in result.constraints],
                "resources": [attrs.asdict(r) for r in result.resources],
                "assumptions": list(result.assumptions),
                "accuracy": [attrs.asdict(e) for e in expected],
            }
        )
    data = {
        "model": found.model,
        "workload": dict(found.results[0].workload),
        "metric": found.metric,
        "unit": found.unit,
        "systems": systems,
        "differences": [attrs.asdict(d) for d in found.differences],
        "break_even": [b.to_dict() for b in found.break_evens],
    }
    return to_json(data) + "\n"


def comparison_html(found: Comparison) -> str:
    """Return a comparison as one HTML file that fetches nothing."""
    from symarch.report.comparison_html import page_of  # the pictures, which other formats do without

    return page_of(found, _tables(found), [*_set_alone(found), *_failing(found)], _sentences(found), _crossings(found),
                   [words for one in found.break_evens for words in _closed(one)])  # fmt: skip


RENDERERS: dict[str, Callable[[Comparison], str]] = {
    "text": comparison_text,
    "md": comparison_markdown,
    "html": comparison_html,
    "json": comparison_json,
}
"""What writes a comparison, by the name of its format."""

SUFFIXES = {".txt": "text", ".md": "md", ".html": "html", ".json": "json"}
"""The format of a file by its suffix."""


def _tables(found: Comparison) -> list[Section]:
    metrics = []
    for name in dict.fromkeys(n for r in found.results for n in r.metrics):
        values = [r.metrics.get(name) for r in found.results]
        base = values[0]
        cells = []
        for i, value in enumerate(values):
            text = "-" if value is None else format_quantity(value, METRICS[name][0])
            ratio = f" ({value / base:.2f}x)" if i and value is not None and base else ""
            cells.append(text + ratio)
        metrics.append((name, *cells))
    bound = []
    for phase in dict.fromkeys(r.phase for result in found.results for r in result.resources):
        for rank in range(BINDING):
            cells = []
            for result in found.results:
                mine = sorted((r for r in result.resources if r.phase == phase), key=lambda r: -r.share)
                cells.append(f"{mine[rank].name} {100 * mine[rank].share:.0f} %" if rank < len(mine) else "-")
            bound.append((phase if rank == 0 else "", *cells))
    names = dict.fromkeys(c.name for r in found.results for c in r.constraints)
    limits = []
    for name in names:
        cells = []
        for result in found.results:
            own = next((c for c in result.constraints if c.name == name), None)
            cells.append("-" if own is None else f"{100 * own.used / own.limit:.0f} %{'' if own.ok else ' FAILS'}")
        limits.append((name, *cells))
    first, *others = found.systems
    costs = [f"{found.metric} of {first}" if len(others) == 1 else f"as in {o}" for o in others]
    sections: list[Section] = [
        ("Metrics", ("metric", *found.systems), metrics),
        ("What binds", ("phase", *found.systems), bound),
        ("Constraints, share used", ("constraint", *found.systems), limits),
    ]
    if found.differences:
        rows = [_difference(d, found) for d in found.differences]
        columns = ("", *found.systems, *costs)
        title = f"Differences, and {found.metric} of {first} with this one changed alone"
        if all(c is None for d in found.differences for c in d.costs):
            title, kept = "Differences, none of which makes a system when changed alone", len(found.systems) + 1
            columns, rows = columns[:kept], [row[:kept] for row in rows]
        sections.append((title, columns, rows))
    return sections


def _difference(one: Difference, found: Comparison) -> tuple[str, ...]:
    bits = one.name in found.in_bits

    def shown(value: Any) -> str:
        if value is None:
            return "-"
        return format_setting(value, one.unit, bits) if isinstance(value, float | int) and one.unit else str(value)

    now = found.results[0].metrics[found.metric]
    costs = [
        "-" if c is None or not now else f"{format_quantity(c, found.unit)} ({100 * (c / now - 1):+.1f} %)"
        for c in one.costs
    ]
    return (one.name, *map(shown, one.values), *costs)


def _set_alone(found: Comparison) -> list[str]:
    """Return a line for each system in which something was set that was not in all."""
    return [
        f"{name}: {', '.join(f'{key} = {value}' for key, value in settings.items())}"
        for name, settings in zip(found.systems, found.settings, strict=True)
        if settings
    ]


def _errors(found: Comparison) -> list[str]:
    """Return the sentences on the error to expect, those that hold for several systems once."""
    said: dict[str, list[str]] = {}
    for name, own in zip(found.systems, found.expected, strict=True):
        for one in own:
            said.setdefault(one.sentence, []).append(name)
    return [f"{', '.join(names)}: {sentence}" for sentence, names in said.items()]


def _failing(found: Comparison) -> list[str]:
    sentences = []
    for name, result in zip(found.systems, found.results, strict=True):
        failed = ", ".join(c.name for c in result.constraints if not c.ok)
        if failed:
            sentences.append(f"{name} fails {failed}: its numbers are for a system that cannot be")
    return sentences


def _crossings(found: Comparison) -> list[Section]:
    """Return a table of break-evens for each two systems, the smallest change first; none where one was asked for."""
    if found.asked not in (None, ALL):
        return []
    tables: list[Section] = []
    for first, second in found.pairs:
        nearest = found.decisive(first, second)[: found.most]
        rows: list[tuple[str, ...]] = [(one.parameter, one.shown(one.value), *one.cells) for one in nearest]
        if rows:
            title = (
                f"{first} has the {found.metric} of {second} where one of these is, and is better on one side of it:"
            )
            tables.append((title, ("parameter", "now", "equal at", "better", ""), rows))
    return tables


def _sentences(found: Comparison) -> list[str]:
    """Return the sentences on break-evens: all that no table holds."""
    named = found.asked not in (None, ALL)
    answers = [b.words for b in found.break_evens if named or b.outcome == "equal"]
    for first, second in () if named else found.pairs:
        own = [b for b in found.break_evens if (b.first, b.second) == (first, second)]
        differing = found.differing(first, second)
        if found.metric not in differing:
            other = f"; --metric {differing[0]} is about one in which they differ" if differing else ""
            answers.append(
                f"{first} and {second} have the same {found.metric}, so that no parameter has to move{other}"
            )
        elif not own:
            answers.append(f"{first} and {second} differ in no parameter that can be moved")
        rest = len(found.decisive(first, second)[found.most :]) if found.most else 0
        if rest:
            of = f" of {first} and {second}" if len(found.pairs) > 1 else ""
            answers.append(f"{rest} more{of}, which take a larger change: --break-even all")
        quiet = [b.parameter for b in own if not b.crossings and b.outcome != "equal"]
        if quiet:
            kept = quiet[: found.most]
            more = f" and {len(quiet) - len(kept)} more" if len(kept) < len(quiet) else ""
            answers.append(f"no value, all else unchanged, makes {first} equal to {second}: {', '.join(kept)}{more}")
    residuals = [c.residual for b in found.break_evens for c in b.crossings if not c.jump]
    if residuals:
        answers.append(f"checked: the two sides differ by at most {max(residuals):.0e} at the values found")
    return answers


def _print_closed(out: Output, found: BreakEven) -> None:
    for title, *lines in _closed(found):
        out.print()
        out.print(Text(f"  {title}"), soft_wrap=True)
        for line in lines:
            out.print(Text(f"    {line}"), soft_wrap=True)


def _closed(found: BreakEven) -> list[list[str]]:
    """Return the closed forms of a break-even, and its variants, as paragraphs: a title and lines."""
    return [*closed_forms(found), *([words] for words in prefetched(found))]


__all__ = ["RENDERERS", "SUFFIXES", "comparison_html", "comparison_json", "comparison_markdown", "comparison_text"]
