"""What the pages that symarch writes have in common: one style, a document, its sections, tables and figures.

Texts are escaped wherever they stand. The content security policy of a page allows its own style and script, which are
named in it by their fingerprints, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from symarch.report.pictures import Figure
    from symarch.report.sections import Table

WIDTHS = {"wide": 760, "narrow": 330}
"""Widths at which each chart is drawn [px]; the style shows the one that fits."""

SHORT = 24
"""Letters up to which a cell of words is kept on one line."""

FAILS = "FAILS"
"""What stands beside a constraint that does not hold."""


def base_style() -> str:
    """Return the style that all pages begin with: colours of light and dark, text, tables, parts of charts."""
    return style("base.css") + style("charts.css")


@cache
def style(name: str) -> str:
    """Return a style sheet that stands beside this module."""
    return (files("symarch.report") / name).read_text(encoding="utf-8")


def fingerprint(text: str) -> str:
    """Return what a content security policy names a script or style of the page by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def document(title: str, about: str, sections: Sequence[tuple[str, str, str]], versions: Collection[str]) -> str:
    """Return a page that fetches nothing, and can be read without its script.

    Args:
        title: of the page.
        about: a line below it.
        sections: name, title and markup of each, as `section_html` returns it.
        versions: of symarch, that wrote it.
    """
    styles = base_style() + style("report.css")
    script = (files("symarch.report") / "report.js").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; style-src '{fingerprint(styles)}'; script-src '{fingerprint(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    links = "".join(f'<li><a href="#{name}">{escape(words)}</a></li>' for name, words, _ in sections)
    body = "".join(markup for _, _, markup in sections)
    made = f"Written by symarch {', '.join(sorted(versions))}." if versions else "Written by symarch."
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{styles}</style>\n</head>\n<body>\n"
        f'<a class="skip" href="#{sections[0][0]}">Skip to the answer</a>\n'
        f'<header><h1>{escape(title)}</h1><p class="quiet">{escape(about)}</p>'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav></header>\n<main>\n{body}</main>\n'
        f'<footer class="quiet">{escape(made)}</footer>\n<script>{script}</script>\n</body>\n</html>\n'
    )


def section_html(name: str, title: str, words: str, figures: str, formula: str, tables: str) -> str:
    """Return a section of markup, each part of it perhaps empty."""
    return (
        f'<section id="{name}" tabindex="-1" aria-labelledby="{name}-title">'
        f'<h2 id="{name}-title">{escape(title)}</h2>'
        f'<div class="sentences">{words}</div>{figures}{formula}{tables}</section>\n'
    )


def table_html(colours: Mapping[str, str], table: Table, name: str) -> str:
    """Return a table; one that is wider than the screen scrolls in its own frame, with the keyboard too."""
    if not table.rows:
        return ""

    def kind(position: int, text: str = "") -> str:
        names = ["words"] if position in table.words else []
        names += ["named"] if position == table.resource else []
        names += ["short"] if position and text and len(text) <= SHORT else []
        names += ["fails"] if text == FAILS else []
        return f' class="{" ".join(names)}"' if names else ""

    def cell(position: int, text: str) -> str:
        content = _breakable(text) if position == 0 else escape(text)
        if position == 0 and table.code:
            content = f"<code>{content}</code>"
        if position == table.resource:
            content = swatch(colours, text) + content
        tag = 'th scope="row"' if position == 0 else "td"
        return f"<{tag}{kind(position, text)}>{content}</{tag.partition(' ')[0]}>"

    head = "".join(f'<th scope="col"{kind(i)}>{escape(c)}</th>' for i, c in enumerate(table.columns))
    rows = "".join("<tr>" + "".join(cell(i, c) for i, c in enumerate(row)) + "</tr>" for row in table.rows)
    caption = f'<caption><span id="{name}">{escape(table.title)}</span></caption>' if table.title else ""
    label = f'aria-labelledby="{name}"' if table.title else f'aria-label="{escape(table.columns[0])}"'
    return (
        f'<div class="table" role="region" tabindex="0" {label}><table>{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _breakable(text: str) -> str:
    """Return a name as markup that a line may break after a dot or an underscore of."""
    return escape(text).replace("_", "_<wbr>").replace(".", ".<wbr>")


def swatch(colours: Mapping[str, str], resource: str) -> str:
    """Return the sign of a resource in its colour, empty where it has none."""
    colour = colours.get(resource)
    return "" if colour is None else sign(colour)


def sign(look: str) -> str:
    """Return a small square in a colour, or in that of a class of the style."""
    how = f'fill="{look}"' if look.startswith("#") else f'class="{look}"'
    return f'<svg class="swatch" viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" {how}/></svg>'


def figure_html(found: Figure) -> str:
    """Return a chart in its two widths."""
    drawn = "".join(found.draw(w).replace("<svg ", f'<svg class="{n}" ', 1) for n, w in WIDTHS.items())
    entries = "".join(f"<li>{sign(look)}{escape(words)}</li>" for look, words in found.key)
    legend = f'<ul class="key">{entries}</ul>' if found.key else ""
    return f'<figure class="chart"><figcaption>{escape(found.caption)}</figcaption>{legend}{drawn}</figure>'
