"""Pictures within what is not a page of ours: a cell of a notebook, light or dark as that is.

Colours of text, lines and ground are those around it. Nothing outside the pictures is styled.
"""

from __future__ import annotations

import base64
import re
from html import escape

from symarch.report.diagram import diagram_of
from symarch.report.diagram_svg import diagram_svg
from symarch.report.page import sign, style
from symarch.report.pictures import Figure, figures_of
from symarch.specs import System

WIDTH = 680
"""Width at which charts are drawn [px]; they shrink where there is less room."""

AROUND = """
.symarch {
  --text: currentColor; --quiet: color-mix(in srgb, currentColor 70%, transparent);
  --line: color-mix(in srgb, currentColor 28%, transparent); --raised: transparent;
  --ground: var(--jp-layout-color0, var(--vscode-editor-background, Canvas)); --bad: #d55e00;
}
.symarch figure { margin: .6em 0; max-width: 100%; }
.symarch figcaption { font-weight: bold; text-align: left; }
.symarch svg { display: block; max-width: 100%; height: auto; }
.symarch svg text { font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
.symarch span.key { display: inline-block; margin-right: 1em; }
.symarch svg.swatch { display: inline-block; width: .8em; height: .8em; margin-right: .4em; }
"""


def embedded(record: object) -> str:
    """Return the pictures of a record with their style, empty if it has none."""
    if isinstance(record, System):
        # an image of its own: its style must not reach the notebook
        drawing = base64.b64encode(diagram_svg(diagram_of(record)).encode()).decode()
        about = f"{record.name} as a drawing"
        return f'<img alt="{escape(about)}" src="data:image/svg+xml;base64,{drawing}" style="max-width:100%"/>'
    figures = figures_of(record)
    if not figures:
        return ""
    rules = re.sub(r"\bsvg ", ".symarch svg ", style("charts.css"))
    return f'<div class="symarch"><style>{rules}{AROUND}</style>{"".join(map(_figure, figures))}</div>'


def _figure(found: Figure) -> str:
    key = "".join(f'<span class="key">{sign(look)}{escape(words)}</span>' for look, words in found.key)
    return f"<figure><figcaption>{escape(found.caption)}</figcaption><div>{key}</div>{found.draw(WIDTH)}</figure>"
