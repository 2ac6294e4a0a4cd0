"""What records show when they are the last line of a cell: a table as HTML, Markdown or plain text."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Protocol, Self, TypeVar

import attrs

BAR = 90.0
"""Width of the bar of a whole [px]."""

SHORT = 24
"""Letters up to which a cell is kept on one line."""

TALL = 24
"""Rows above which a table scrolls within a notebook's cell."""


@attrs.frozen
class Sheet:
    """A table of texts.

    Attributes:
        title: what it shows, in a line.
        columns: the headings; the first column names what a row is about.
        rows: the cells.
        note: what is to be said below it.
        words: positions of further columns that hold words, not numbers.
        shares: for each row a share of a whole, drawn as a bar where there is colour; empty for none.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    shares: Sequence[float] = ()
    words: Sequence[int] = ()

    def html(self) -> str:
        """Return it as HTML; colours of text and ground are the notebook's, light or dark."""
        bars = [max(0.0, min(1.0, s)) for s in self.shares]

        def cell(tag: str, text: str, position: int) -> str:
            align = "left" if position == 0 or position in self.words else "right"
            wrap = ";white-space:nowrap" if len(text) <= SHORT else ""
            return f'<{tag} style="text-align:{align}{wrap}">{escape(text)}</{tag}>'

        def bar(row: int) -> str:
            if not bars:
                return ""
            # a blue that stands out on white and on black
            style = f"width:{BAR * bars[row]:.0f}px;height:0.8em;background:#1f83bf"
            return f'<td style="text-align:left;min-width:{BAR:.0f}px"><div style="{style}"></div></td>'

        head = "".join(cell("th", c, i) for i, c in enumerate(self.columns)) + ("<th></th>" if bars else "")
        body = "".join(
            "<tr>" + "".join(cell("td", c, i) for i, c in enumerate(row)) + bar(k) + "</tr>"
            for k, row in enumerate(self.rows)
        )
        foot = f"<p>{escape(self.note)}</p>" if self.note else ""
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if self.rows else ""
        tall = ";max-height:32em;display:inline-block" if len(self.rows) > TALL else ""
        # the title stands above the table, which is often narrower; a long table scrolls
        return (
            f'<p style="margin:.6em 0 .2em"><b>{escape(self.title)}</b></p>'
            f'<div style="max-width:100%;overflow:auto{tall}">{table}</div>{foot}'
        )

    def markdown(self) -> str:
        """Return it as Markdown."""
        lines = [f"**{_plain(self.title)}**"]
        if self.rows:
            lines += [
                "",
                _line(self.columns),
                _line(["---:" if i and i not in self.words else "---" for i in range(len(self.columns))]),
            ]
            lines += [_line(row) for row in self.rows]
        return "\n".join([*lines, *(("", _plain(self.note)) if self.note else ())])

    def text(self) -> str:
        """Return it as plain text."""
        table = [self.columns, *self.rows] if self.rows else []
        widths = [max(len(row[i]) for row in table) for i in range(len(self.columns))] if table else []
        lines = [
            "  ".join(
                c.ljust(w) if i == 0 or i in self.words else c.rjust(w)
                for i, (c, w) in enumerate(zip(row, widths, strict=True))
            )
            for row in table
        ]
        return "\n".join([self.title, *(line.rstrip() for line in lines), *([self.note] if self.note else [])])


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is."""
    for letter in ("\\", "`", "*", "_", "|", "<", "$", "["):
        text = text.replace(letter, "\\" + letter)
    return " ".join(text.split())


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(c if set(c) <= set('-:') and c != '-' else _plain(c) for c in cells)} |"


class Shown:
    """A record that a notebook shows as pictures and tables, and a console as text."""

    __slots__ = ()

    def sheets(self) -> tuple[Sheet, ...]:
        """Return its tables, the most important first."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """Return its first table, its pictures and the other tables as HTML, for notebooks."""
        # what draws comes after all that can be drawn: it is found by its name when something is shown
        pictures: str = importlib.import_module("symarch.report.embedded").embedded(self)
        first, *others = (sheet.html() for sheet in self.sheets())
        return "".join([first, pictures, *others])

    def _repr_markdown_(self) -> str:
        """Return its tables as Markdown, for what shows no HTML."""
        return "\n\n".join(sheet.markdown() for sheet in self.sheets())

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print its tables as text, for consoles."""
        printer.text(str(self))

    def __str__(self) -> str:
        """Return its tables as text."""
        return "\n\n".join(sheet.text() for sheet in self.sheets())


class Row(Protocol):
    """What can stand in a table with others of its kind."""

    def row(self) -> dict[str, str]:
        """Return texts by column; the first column names it."""
        ...


_Row = TypeVar("_Row", bound=Row)


class Records(tuple[_Row, ...], Shown):
    """Some records of one kind, which a notebook shows as the rows of one table.

    Attributes:
        title: what they are, in a line.
    """

    title: str

    def __new__(cls, title: str, records: Iterable[_Row] = ()) -> Self:
        """Return the records under a title."""
        found = super().__new__(cls, records)
        found.title = title
        return found

    def __reduce__(self) -> tuple[Any, ...]:
        """Return how to make it again."""
        return type(self), (self.title, tuple(self))

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the table."""
        rows = [record.row() for record in self]
        columns = list(rows[0]) if rows else []
        words = [i for i, c in enumerate(columns) if not any(row[c].lstrip("+-")[:1].isdigit() for row in rows)]
        return (Sheet(self.title, columns, [list(row.values()) for row in rows], words=words),)
