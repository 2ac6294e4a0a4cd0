"""A report as one HTML file: every number and picture in it, nothing fetched, and readable without its script.

Texts of specs and plugins are escaped wherever they stand. The content security policy allows the page's own style and
script and nothing else. Pictures are inline SVG with the tables that hold their numbers beside them; the pages of one
system have one colour for each resource.
"""

from __future__ import annotations

from html import escape

from symarch.report.page import document, figure_html, section_html, table_html
from symarch.report.pictures import SECTIONS
from symarch.report.record import Report
from symarch.report.sections import Section, described, feasibility


def report_html(report: Report) -> str:
    """Return the page. The same report gives the same text."""
    versions = {p["version"] for p in report.plugins if p["distribution"] == "symarch"}
    return document(
        f"{report.metric} of {report.model} on {report.system}",
        described(report),
        [(s.name, s.title, _section(report, s)) for s in report.sections],
        versions,
    )


def _section(report: Report, section: Section) -> str:
    draw = SECTIONS.get(section.name)
    if section.name == "assumptions":
        words = "<ul>" + "".join(f"<li>{escape(s)}</li>" for s in section.sentences) + "</ul>"
    else:
        bad = feasibility(report) if not all(c.ok for c in report.result.constraints) else None
        opening = {s: '<p class="fails">' if s == bad else "<p>" for s in section.sentences}
        words = "".join(f"{opening[s]}{escape(s)}</p>" for s in section.sentences)
    formula = f"<pre>{escape(chr(10).join(section.formulas))}</pre>" if section.formulas else ""
    figures = "".join(map(figure_html, draw(report))) if draw else ""
    figures = f'<div class="figures">{figures}</div>' if figures else ""
    tables = "".join(table_html(report.colours, t, f"{section.name}-{i}") for i, t in enumerate(section.tables))
    return section_html(section.name, section.title, words, figures, formula, tables)
