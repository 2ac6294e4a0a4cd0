"""A system's picture as an SVG file: light and dark as the viewer is, no script, no font, no network.

Parts are boxes in columns, what hangs on what to its right; each tree has rows of its own, so that no two boxes meet.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable
from html import escape

import attrs

from symarch.report.diagram import Diagram, Frame, Part
from symarch.report.palette import hues_of

LETTER, BOLD = 7.4, 9.2
"""Width of a letter of 12 px, and of a bold one of 13 px, in the widest of the usual fonts [px]."""

LINE, PAD, STRIPE = 17.0, 9.0, 6.0
"""Height of a line of text, space within a box, and width of the coloured stripe [px]."""

GAP, BETWEEN, MARGIN = 44.0, 16.0, 20.0
"""Space between columns, between boxes, and around the picture [px]."""

THICKEST = 9.0
"""Width of the line of a terabyte a second and more [px]."""

NARROWEST = 560.0
"""Width that a title needs [px]."""

_STYLE = """
text { font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; fill: #15181c; }
.name { font-weight: 700; font-size: 13px; }
.quiet { fill: #525c68; }
.ground { fill: #ffffff; }
.frame { fill: #f4f5f7; stroke: #8a94a0; stroke-width: 1; }
.box { fill: #ffffff; stroke: #525c68; stroke-width: 1.2; }
.shared { stroke-dasharray: 6 4; stroke-width: 2.4; }
.wire { fill: none; stroke: #7a8490; stroke-linecap: butt; }
.also { stroke-dasharray: 3 4; }
@media (prefers-color-scheme: dark) {
  text { fill: #e8ebef; }
  .quiet { fill: #a7b1bd; }
  .ground { fill: #16191d; }
  .frame { fill: #20252b; stroke: #6a7582; }
  .box { fill: #16191d; stroke: #a7b1bd; }
  .wire { stroke: #8a94a0; }
}
"""


@attrs.frozen
class Box:
    """A part in its place.

    Attributes:
        part: the part.
        x: left edge [px].
        y: upper edge [px].
        width: [px]
        height: [px]
        parent: the box it hangs on, None if on none.
    """

    part: Part
    x: float
    y: float
    width: float
    height: float
    parent: Box | None = None

    @property
    def middle(self) -> float:
        """Height at which lines meet it [px]."""
        return self.y + self.height / 2


def _size(part: Part) -> tuple[float, float]:
    widest = max([BOLD * len(part.name) + LETTER * (len(part.table) + 2), *(LETTER * len(line) for line in part.lines)])
    return STRIPE + widest + 2 * PAD, LINE * (1 + len(part.lines)) + 2 * PAD - 4


def _heights(part: Part) -> float:
    """Return the height of a tree of parts [px]."""
    below = sum(_heights(c) for c in part.children) + BETWEEN * max(len(part.children) - 1, 0)
    return max(_size(part)[1], below)


def _columns(parts: Iterable[Part], depth: int, widths: dict[int, float]) -> dict[int, float]:
    for part in parts:
        widths[depth] = max(widths.get(depth, 0), _size(part)[0])
        _columns(part.children, depth + 1, widths)
    return widths


def placed(roots: Iterable[Part], left: float, top: float) -> list[Box]:
    """Return boxes for trees of parts, one tree under the other, their columns from `left` on."""
    roots = list(roots)
    widths = _columns(roots, 0, {})
    starts = {d: left + sum(widths[k] + GAP for k in range(d)) for d in widths}
    boxes: list[Box] = []

    def place(part: Part, depth: int, y: float, parent: Box | None) -> None:
        height, whole = _size(part)[1], _heights(part)
        box = Box(part, starts[depth], y + (whole - height) / 2, widths[depth], height, parent)
        boxes.append(box)
        below = sum(_heights(c) for c in part.children) + BETWEEN * max(len(part.children) - 1, 0)
        at = y + (whole - below) / 2
        for child in part.children:
            place(child, depth + 1, at, box)
            at += _heights(child) + BETWEEN

    for root in roots:
        place(root, 0, top, None)
        top += _heights(root) + BETWEEN
    return boxes


def _moved(boxes: list[Box], down: float) -> list[Box]:
    """Return boxes further down, each on its parent in its new place."""
    found: dict[str, Box] = {}
    for box in boxes:  # a parent stands before what hangs on it
        parent = None if box.parent is None else found[box.parent.part.name]
        found[box.part.name] = attrs.evolve(box, y=box.y + down, parent=parent)
    return list(found.values())


def _height(boxes: list[Box]) -> float:
    return max((b.y + b.height for b in boxes), default=0)


@attrs.frozen
class _Area:
    """A frame in its place: its upper and lower edge [px], its device's boxes, and those of its networks."""

    frame: Frame
    top: float
    bottom: float
    inner: list[Box]
    outer: list[Box]


def _areas(diagram: Diagram, column: float, left: float, top: float) -> list[_Area]:
    """Return the frames one under the other, their networks to the left of each."""
    areas = []
    for frame in diagram.frames:
        inner, outer = placed(frame.roots, left + MARGIN, 0), placed(frame.networks, column, 0)
        body = top + LINE + PAD  # below the frame's own caption
        tall = max(_height(inner), _height(outer))
        inner, outer = (_moved(boxes, body + (tall - _height(boxes)) / 2) for boxes in (inner, outer))
        areas.append(_Area(frame, top, body + tall + MARGIN, inner, outer))
        top = body + tall + MARGIN + BETWEEN
    return areas


def diagram_svg(diagram: Diagram) -> str:
    """Return the picture as a standalone SVG file."""
    joining = placed(diagram.joining, MARGIN, 0)
    column = max((b.x + b.width + GAP for b in joining), default=MARGIN)
    networks = placed([p for f in diagram.frames for p in f.networks], column, 0)
    left = max((b.x + b.width + GAP for b in networks), default=column)
    right = max(b.x + b.width for f in diagram.frames for b in placed(f.roots, left + MARGIN, 0)) + MARGIN
    width = max(right + MARGIN, NARROWEST)
    heading = textwrap.wrap(diagram.title, int((width - 2 * MARGIN) / LETTER))
    notes = [n for n in _notes(diagram) for n in textwrap.wrap(n, int((width - 2 * MARGIN) / LETTER))]
    top = MARGIN + LINE * (1 + len(heading)) + 10
    areas = _areas(diagram, column, left, top)
    bottom = max(areas[-1].bottom, top + _height(joining))
    joining = _moved(joining, top + (bottom - top - _height(joining)) / 2)
    height = bottom + 10 + LINE * len(notes) + MARGIN / 2
    colours = hues_of(diagram.components)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(diagram.name)}</title>',
        f'<desc id="desc">{escape(_spoken(diagram))}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="ground" width="{width:.0f}" height="{height:.0f}"/>',
        _text(MARGIN, MARGIN + 11, diagram.name, "name"),
        *(_text(MARGIN, MARGIN + 11 + LINE * (k + 1), line, "quiet") for k, line in enumerate(heading)),
    ]
    for box in joining:
        # over the networks of a frame, beside its caption: no line seems to go through a box it does not belong to
        out += [_bend(box, column, a.top + LINE - 4, box.part.rate, left) for a in areas]
    for area in areas:
        out += _framed(area, left, right)
    for box in (*joining, *(b for a in areas for b in (*a.inner, *a.outer))):
        out += _drawn(box, colours[box.part.name])
    out += [_text(MARGIN, bottom + 10 + LINE * (k + 1) - 4, line, "quiet") for k, line in enumerate(notes)]
    return "\n".join([*out, "</svg>", ""])


def _framed(area: _Area, left: float, right: float) -> list[str]:
    """Draw a frame, and the lines within it and to it."""
    out = [
        f'<rect class="frame" x="{left:.1f}" y="{area.top:.1f}" width="{right - left:.1f}" '
        f'height="{area.bottom - area.top:.1f}" rx="8"/>',
        _text(left + MARGIN, area.top + LINE, area.frame.caption, "quiet"),
    ]
    places = {b.part.name: b for b in area.inner}
    for box in area.inner:
        if box.parent is not None:
            own = box.part.rate if box.part.rate is not None else box.parent.part.rate
            rate = box.parent.part.rate if box.parent.part.table == "link" else own
            out.append(_bend(box.parent, box.x, box.middle, rate))
        if box.part.also is not None:
            out.append(_across(box, places[box.part.also], box.part.rate))
    return out + [_bend(b, left, b.middle, b.part.rate) for b in area.outer if b.part.table == "network"]


def _notes(diagram: Diagram) -> list[str]:
    notes = ["Lines are the wider the more bytes per second they carry."]
    if any(p.shared_by > 1 for p in diagram.parts()):
        notes.append("A dashed edge marks what several devices share.")
    if any(p.also is not None for p in diagram.parts()):
        notes.append("A dotted line leads to the other end of a link that closes a ring.")
    return notes


def _spoken(diagram: Diagram) -> str:
    return "; ".join(f"{p.table} {p.name}: {', '.join(p.lines)}" for p in diagram.parts())


def _thick(rate: float | None) -> str:
    """Return the width of a line: 1.5 px for a gigabyte a second and less, 2.5 px more for each factor of ten."""
    return f"{1.5 if not rate else min(max(1.5 + 2.5 * math.log10(rate / 1e9), 1.5), THICKEST):.1f}"


def _bend(start: Box, to: float, at: float, rate: float | None, end: float | None = None) -> str:
    """Draw a line from the right edge of a box to a point, and level from there to `end`."""
    x, y = start.x + start.width, start.middle
    bend = (x + to) / 2
    way = f"H{to:.1f}" if abs(y - at) < 0.5 else f"C{bend:.1f} {y:.1f} {bend:.1f} {at:.1f} {to:.1f} {at:.1f}"
    way += "" if end is None else f"H{end:.1f}"
    return f'<path class="wire" d="M{x:.1f} {y:.1f}{way}" stroke-width="{_thick(rate)}"/>'


def _across(start: Box, end: Box, rate: float | None) -> str:
    """Draw the line of a link to the end that it does not hang between, beside the boxes."""
    x, y, to, at = start.x + start.width, start.middle, end.x + end.width, end.middle + 6
    out = max(x, to) + GAP / 2
    way = f"C{out:.1f} {y:.1f} {out:.1f} {at:.1f} {to:.1f} {at:.1f}"
    return f'<path class="wire also" d="M{x:.1f} {y:.1f}{way}" stroke-width="{_thick(rate)}"/>'


def _drawn(box: Box, colour: str) -> list[str]:
    shared = " shared" if box.part.shared_by > 1 else ""
    rounded = LINE / 2 if box.part.table in ("link", "switch") else 3
    x = box.x + STRIPE + PAD
    name = (
        f'<text x="{x:.1f}" y="{box.y + PAD + 10:.1f}"><tspan class="name">{escape(box.part.name)}</tspan>'
        f'<tspan class="quiet" dx="8">{box.part.table}</tspan></text>'
    )
    return [
        f'<rect class="box{shared}" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" '
        f'height="{box.height:.1f}" rx="{rounded}"/>',
        f'<rect x="{box.x + 3:.1f}" y="{box.y + 5:.1f}" width="{STRIPE}" height="{box.height - 10:.1f}" rx="2" '
        f'fill="{colour}"/>',
        name,
        *(_text(x, box.y + PAD + 10 + LINE * (k + 1), line) for k, line in enumerate(box.part.lines)),
    ]


def _text(x: float, y: float, words: str, kind: str = "") -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'
