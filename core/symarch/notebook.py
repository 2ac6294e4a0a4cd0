"""HTML for notebooks: what records show when they are the last line of a cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def html_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], note: str = "") -> str:
    """Return a table as HTML; every text is escaped, the first column is left-aligned, the others as numbers are."""

    def cell(tag: str, text: str, position: int) -> str:
        align = "left" if position == 0 else "right"
        return f'<{tag} style="text-align:{align}">{escape(text)}</{tag}>'

    head = "".join(cell("th", c, i) for i, c in enumerate(columns))
    body = "".join("<tr>" + "".join(cell("td", c, i) for i, c in enumerate(row)) + "</tr>" for row in rows)
    caption = f'<caption style="text-align:left"><b>{escape(title)}</b></caption>'
    foot = f"<p>{escape(note)}</p>" if note else ""
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}"
