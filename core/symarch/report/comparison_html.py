"""A comparison as one HTML file: its tables, with a picture of where the time of each system goes."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.metadata import version

from symarch.compare import Comparison
from symarch.report.page import document, figure_html, section_html, table_html
from symarch.report.pictures import comparison_colours, figures_of
from symarch.report.sections import Table
from symarch.report.text import describe_workload

NAMES = ("metrics", "binds", "constraints", "differences")
"""Names of the sections with a table, in their order."""


def page_of(
    found: Comparison,
    tables: Sequence[tuple[str, Sequence[str], Sequence[tuple[str, ...]]]],
    notes: Sequence[str],
    break_evens: Sequence[str],
    crossings: Sequence[tuple[str, Sequence[str], Sequence[tuple[str, ...]]]],
    closed: Sequence[Sequence[str]],
) -> str:
    """Return the page.

    Args:
        found: the comparison.
        tables: title, columns and rows of metrics, of what binds, of constraints and of differences, if there are any.
        notes: sentences on the systems.
        break_evens: sentences.
        crossings: title, columns and rows of the break-evens of each two systems.
        closed: closed forms, a title and lines each.
    """
    colours = comparison_colours(found)
    drawn = "".join(map(figure_html, figures_of(found)))
    sections = []
    for name, (title, columns, rows) in zip(NAMES, tables, strict=False):
        table = Table(tuple(columns), tuple(rows), code=name != "binds")
        words = _list(notes) if name == "metrics" else ""
        pictures = f'<div class="figures">{drawn}</div>' if name == "binds" else ""
        sections.append((name, title, section_html(name, title, words, pictures, "", table_html(colours, table, name))))
    formulas = "\n\n".join("\n".join(lines) for lines in closed)
    formula = f"<pre>{escape(formulas)}</pre>" if formulas else ""
    title = "Break-even"
    tabled = "".join(
        f"<h3>{escape(head)}</h3>{table_html(colours, Table(tuple(columns), tuple(rows), code=True), f'crossings_{i}')}"
        for i, (head, columns, rows) in enumerate(crossings)
    )
    words = _list(break_evens)
    sections.append(("break_even", title, section_html("break_even", title, words, "", formula, tabled)))
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


__all__ = ["page_of"]
