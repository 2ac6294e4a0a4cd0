"""The formats of sensitivity reports, and how one is found: by the name a user gives, or by the suffix of a file.

A format is a class with a `name`, a `suffix` and `render(report)`. Those of symarch come in through the same hook
as those of other packages.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from symarch.errors import FOREIGN, PluginError, SymarchError, UnknownNameError
from symarch.plugins import registry
from symarch.plugins.discovery import FORMATS
from symarch.plugins.hookspecs import hookimpl
from symarch.report.data import section_data, to_json
from symarch.report.record import Report

if TYPE_CHECKING:
    from symarch.report.sections import Table

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
        """Return metric, value, unit, elasticities, groups and checks; the sections too if any are named."""
        data = report.sensitivity.to_dict()
        if report.chosen:
            data["sections"] = [section_data(s) for s in report.sections]
        return to_json(data) + "\n"


class MarkdownFormat:
    """A page of Markdown with tables."""

    name: ClassVar[str] = "md"
    suffix: ClassVar[str] = ".md"

    def render(self, report: Report) -> str:
        """Return every section of the report: sentences as a list, formulas as code, tables."""
        lines = [f"# {_plain(f'{report.metric} of {report.model} on {report.system}')}"]
        for section in report.sections:
            lines += ["", f"## {_plain(section.title)}", ""]
            lines += [f"- {_plain(sentence)}" for sentence in section.sentences]
            if section.formulas:
                lines += ["", "```text", *section.formulas, "```"]
            for table in section.tables:
                if table.rows:
                    lines += ["", f"### {_plain(table.title)}"] if table.title else []
                    lines += ["", *_table(table)]
        return "\n".join([*lines, ""])


class HtmlFormat:
    """One HTML file with pictures, that fetches nothing."""

    name: ClassVar[str] = "html"
    suffix: ClassVar[str] = ".html"

    def render(self, report: Report) -> str:
        """Return every section of the report, with pictures beside the tables."""
        from symarch.report.html import report_html  # the pictures, which other formats do without

        return report_html(report)


class LatexFormat:
    """A LaTeX document."""

    name: ClassVar[str] = "latex"
    suffix: ClassVar[str] = ".tex"

    def render(self, report: Report) -> str:
        """Return the closed form, its definitions, the elasticities and the checks."""
        from symarch.report.latex import report_latex

        return report_latex(report)


_MARKUP = re.compile(r"^\*|\*(?=\S)|[`\\]|<(?=[A-Za-z/!?])")


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is."""
    return _MARKUP.sub(lambda m: f"\\{m[0]}", " ".join(text.split()))


def _table(table: Table) -> list[str]:
    def cell(position: int, text: str) -> str:
        shown = f"`{text.replace('`', '')}`" if position == 0 and table.code else _plain(text)
        return shown.replace("|", "\\|")

    columns = [_plain(c).replace("|", "\\|") for c in table.columns]
    ends = [":--" if i == 0 or i in table.words else "--:" for i in range(len(columns))]
    rows = [[cell(i, c) for i, c in enumerate(row)] for row in table.rows]
    return ["| " + " | ".join(row) + " |" for row in [columns, ends, *rows]]


@hookimpl
def symarch_report_formats() -> list[type]:
    """Return the formats of this module."""
    return [TextFormat, JsonFormat, MarkdownFormat, HtmlFormat, LatexFormat]


def format_for(name: str | None, target: Path | None) -> str:
    """Return the name of the format to use: the one that is named, else that of a file's suffix, text without one.

    Raises UnknownNameError.
    """
    if name is not None:
        registry().report_format(name)
        return name
    if target is None or not target.suffix:
        return USUAL
    known = {cls.suffix: n for n, cls in registry().report_formats().items()}
    if target.suffix not in known:
        raise UnknownNameError(no_format(target, known))
    return known[target.suffix]


def no_format(target: Path, suffixes: Collection[str]) -> str:
    """Return the sentence on a file whose suffix is of no format."""
    return f"-o {target}: no format has the suffix {target.suffix}; known: {', '.join(sorted(suffixes))}"


def render(report: Report, name: str) -> str:
    """Return a report in a format. Raises UnknownNameError, or PluginError naming the package of one that fails."""
    cls = registry().report_format(name)
    origin = registry().origin(name, FORMATS.hook)
    who = f"report format '{name}' of distribution {origin.distribution}"
    try:
        text = cls().render(report)
    except SymarchError:
        raise
    except FOREIGN as error:
        raise PluginError(f"{who} failed: {type(error).__name__}: {error}") from error
    if not isinstance(text, str):
        raise PluginError(f"{who} returned {type(text).__name__}; render(report) must return a text")
    return text
