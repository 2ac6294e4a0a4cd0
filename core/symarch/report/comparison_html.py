"""A comparison as one HTML file: its tables, with a picture of where the time of each system goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.metadata import version

from symarch.analysis import PHASE_METRICS
from symarch.compare import Comparison
from symarch.quantities import format_quantity
from symarch.report import charts
from symarch.report.charts import Bar
from symarch.report.page import document, figure, section_html, swatch, table_html
from symarch.report.palette import coloured
from symarch.report.sections import Table, percent
from symarch.report.text import describe_workload

NAMES = ("metrics", "binds", "constraints", "differences")
"""Names of the sections with a table, in their order."""

SMALL = 0.005
"""Share of a phase below which a resource is not in the key of a picture."""


def page_of(
    found: Comparison,
    tables: Sequence[tuple[str, Sequence[str], Sequence[tuple[str, ...]]]],
    notes: Sequence[str],
    break_evens: Sequence[str],
    closed: Sequence[Sequence[str]],
) -> str:
    """Return the page.

    Args:
        found: the comparison.
        tables: title, columns and rows of metrics, of what binds, of constraints and of differences, if there are any.
        notes: sentences on the systems.
        break_evens: sentences.
        closed: closed forms, a title and lines each.
    """
    colours = _colours(found)
    sections = []
    for name, (title, columns, rows) in zip(NAMES, tables, strict=False):
        table = Table(tuple(columns), tuple(rows), code=name != "binds")
        words = _list(notes) if name == "metrics" else ""
        pictures = f'<div class="figures">{"".join(_pictures(found, colours))}</div>' if name == "binds" else ""
        sections.append((name, title, section_html(name, title, words, pictures, "", table_html(colours, table, name))))
    none = "The systems differ in no parameter that can be moved."
    words = _list(break_evens) if break_evens else f"<p>{none}</p>"
    formulas = "\n\n".join("\n".join(lines) for lines in closed)
    formula = f"<pre>{escape(formulas)}</pre>" if formulas else ""
    title = "Break-even"
    sections.append(("break_even", title, section_html("break_even", title, words, "", formula, "")))
    assumed = "".join(
        f"<h3>{escape(name)}</h3>{_list(result.assumptions)}"
        for name, result in zip(found.systems, found.results, strict=True)
    )
    title = "Assumed, or not modelled"
    sections.append(("assumptions", title, section_html("assumptions", title, assumed, "", "", "")))
    heading = f"{found.model} on {', '.join(found.systems)}"
    return document(heading, describe_workload(found.results[0].workload), sections, {version("symarch")})


def _list(sentences: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(s)}</li>' for s in sentences)}</ul>" if sentences else ""


def _colours(found: Comparison) -> dict[str, str]:
    """Return the colour of each resource, one for all systems that have it."""
    resources = dict.fromkeys(r.name for result in found.results for r in result.resources)
    return coloured(sorted(resources), found.components)


def _pictures(found: Comparison, colours: Mapping[str, str]) -> list[str]:
    """Return for each phase the time of every system by resource, on one scale."""
    pictures = []
    for phase in dict.fromkeys(r.phase for result in found.results for r in result.resources):
        metric = PHASE_METRICS[phase]
        times = [result.metrics.get(metric) or 0.0 for result in found.results]
        longest = max(times) or 1.0
        rows, shown = [], dict[str, None]()
        for name, result, time in zip(found.systems, found.results, times, strict=True):
            bars: list[Bar] = []
            at = 0.0
            for one in sorted((r for r in result.resources if r.phase == phase), key=lambda r: -r.share):
                end = at + one.share * time / longest
                title = f"{one.name}: {format_quantity(one.share * time, 's')}, {percent(one.share)}"
                bars.append(Bar(one.name, at, end, "", title, colours.get(one.name, charts.OTHER)))
                at = end
                if one.share > SMALL:
                    shown[one.name] = None
            rows.append((f"{name}: {metric} = {format_quantity(time, 's')}", bars))
        words = "; ".join(f"{n}: " + ", ".join(b.title for b in bars if b.end - b.start > SMALL) for n, bars in rows)
        key = [(swatch(colours, name), name) for name in shown]
        caption = f"Where the time goes in {phase}"

        def draw(width: int, rows: list[tuple[str, list[Bar]]] = rows, label: str = f"{caption}: {words}") -> str:
            return charts.stacked(rows, width, label)

        pictures.append(figure(caption, draw, key))
    return pictures


__all__ = ["page_of"]
