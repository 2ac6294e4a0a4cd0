"""Charts as inline SVG: no script, no font, no network. Every mark has a title, every chart a label to be read out.

A chart is drawn at a width; a page holds a wide and a narrow one and shows what fits, so that letters keep their size
on a phone. Colours of text and lines come from the page's style, those of resources from `symarch.report.palette`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from itertools import pairwise, product

import attrs

from symarch.quantities import format_value
from symarch.report.palette import ink_on

NARROW, WIDE = "fijlrtI .,:;'|/()[]-!", "mwMW%@\u2026"
"""Letters that are narrower and wider than the others."""

ROW = 26
"""Height of a row of bars [px]."""

OTHER = "#8a8a8a"
"""Colour of what is bound by no resource."""

STEPS = (0.0, 14.0, 28.0, 44.0, 62.0, 84.0)
"""How far from its place a name may stand, a thin line leading to it [px]."""


@attrs.frozen
class Bar:
    """A bar from one value to another.

    Attributes:
        label: what it is of.
        start: one end.
        end: the other.
        words: the value as text, beside the bar.
        title: what is shown on pointing at it.
        colour: `#rrggbb`, or the name of a class of the style.
    """

    label: str
    start: float
    end: float
    words: str
    title: str
    colour: str


@attrs.frozen
class Axis:
    """An axis.

    Attributes:
        low: its lower end, in SI.
        high: its upper end.
        title: what it shows, with the unit.
        text: prints a value.
        log: whether it is logarithmic.
        scale: SI units in the unit that ticks are round numbers of.
    """

    low: float
    high: float
    title: str
    text: Callable[[float], str]
    log: bool = False
    scale: float = 1.0

    def share(self, value: float) -> float:
        """Return how far along the axis a value lies."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int) -> list[float]:
        """Return at most about as many round values, and no fewer than two."""
        for many in range(most, 4 * most + 8):
            found = self._rounded(many)
            if len(found) > 1:
                break
        return found

    def _rounded(self, most: int) -> list[float]:
        low, high = self.low / self.scale, self.high / self.scale
        found: list[float] = []
        decades = math.log10(high / low) if self.log else 0.0
        if decades > 0.4:
            digits: tuple[float, ...] = (1, 2, 5) if decades <= max(1.0, most / 3) else (1,)
            digits = (1, 1.5, 2, 3, 4, 5, 6, 8) if decades < 0.8 else digits
            every = max(1, math.ceil(decades / most))
            for k in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
                if len(digits) > 1 or k % every == 0:
                    found += [float(f"{d}e{k}") for d in digits]
        else:
            rough = (high - low) / most
            power = 10.0 ** math.floor(math.log10(rough))
            step = power * next(d for d in (1, 2, 5, 10) if d * power >= rough * (1 - 1e-9))
            found = [
                float(f"{k * step:.12g}") for k in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)
            ]
        return [v * self.scale for v in found if low * (1 - 1e-9) <= v <= high * (1 + 1e-9)]


def tag(name: str, content: str = "", **attributes: float | str) -> str:
    """Return an element. Attributes are escaped, content is markup; `class_` is class, `_` in names is `-`."""
    written = []
    for key, value in attributes.items():
        text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
        written.append(f' {key.rstrip("_").replace("_", "-")}="{escape(text)}"')
    return f"<{name}{''.join(written)}>{content}</{name}>"


def titled(name: str, title: str, **attributes: float | str) -> str:
    """Return a shape with a title."""
    return tag(name, tag("title", escape(title)), **attributes)


def svg(width: float, height: float, label: str, parts: Sequence[str]) -> str:
    """Return a picture."""
    box = f"0 0 {width:g} {height:g}"
    # viewBox is the one attribute of ours with a capital letter
    opened = f'<svg viewBox="{box}" width="{width:g}" height="{height:g}" role="img" aria-label="{escape(label)}">'
    return opened + "".join(parts) + "</svg>"


def width_of(text: str) -> float:
    """Return the width of a text of 12 px in the widest of the usual fonts, DejaVu Sans [px]."""
    return sum(4.7 if c in NARROW else 11.6 if c in WIDE else 7.7 for c in text)


def words_at(x: float, y: float, text: str, **attributes: float | str) -> str:
    """Return a text at a place."""
    return tag("text", escape(text), x=float(x), y=float(y), **attributes)


def cut(text: str, room: float) -> str:
    """Return a text that fits into a width, its end left out where it is too long."""
    if width_of(text) <= room:
        return text
    ends = (k for k in range(len(text) - 1, 2, -1) if width_of(text[:k] + "\u2026") <= room)
    return text[: next(ends, 2)] + "\u2026"


def _fill(colour: str) -> dict[str, str]:
    return {"fill": colour} if colour.startswith("#") else {"class_": colour}


def stacked(rows: Sequence[tuple[str, Sequence[Bar]]], width: int, label: str) -> str:
    """Return rows that are divided into shares: the parts' ends are shares from 0 to 1."""
    parts = []
    y = 0.0
    for name, bars in rows:
        parts.append(words_at(0, y + 14, cut(name, width), class_="strong"))
        y += 20
        for bar in bars:
            x, w = bar.start * width, (bar.end - bar.start) * width
            if w < 0.05:
                continue
            parts.append(titled("rect", bar.title, x=x, y=y, width=max(w - 1, 0.4), height=28.0, fill=bar.colour))
            if width_of(bar.label) < w - 4:
                ink = ink_on(bar.colour)
                parts.append(words_at(x + w / 2, y + 18, bar.label, text_anchor="middle", class_="ink" + ink[1:2]))
        y += 40
    return svg(width, y, label, parts)


def bars(found: Sequence[Bar], axis: Axis, width: int, label: str, mark: float | None = None) -> str:
    """Return bars under each other; several of one label share a row. `mark` is a line across them."""
    rows = list(dict.fromkeys(b.label for b in found))
    narrow = width < 480
    gutter = 8.0 if narrow else min(0.42 * width, max(map(width_of, rows)) + 14)
    step = ROW + 14 if narrow else ROW
    side = 0.0 if narrow else max(width_of(b.words) for b in found) + 8
    left, right = gutter, width - 14 - side
    height = len(rows) * step + 46
    bottom = height - 44.0

    def px(value: float) -> float:
        return left + (right - left) * min(1.0, max(0.0, axis.share(value)))

    parts = _across(axis, px, width, 0.0, bottom, (left, right))
    names = []
    for i, row in enumerate(rows):
        top = i * step + (18.0 if narrow else 4.0)
        own = [b for b in found if b.label == row]
        beside = next((b.words for b in own if b.words), "")
        if narrow:
            names.append(words_at(left, top - 5, cut(row, width - width_of(beside) - 20), class_="halo"))
            names.append(words_at(width - 4, top - 5, beside, text_anchor="end", class_="halo"))
        else:
            names.append(words_at(left - 8, top + 13, cut(row, gutter - 8), text_anchor="end"))
            names.append(words_at(width - 4, top + 13, beside, text_anchor="end"))
        for bar in sorted(own, key=lambda b: -abs(b.end - b.start)):  # none is hidden behind a longer one
            low, high = sorted((px(bar.start), px(bar.end)))
            box = {"x": low, "y": top, "width": max(high - low, 1.0), "height": 18.0}
            parts.append(titled("rect", bar.title, **box, **_fill(bar.colour)))
    if mark is not None:  # on a narrow chart across the bars alone: the names stand between them
        tops = [i * step + 15.0 for i in range(len(rows))] if narrow else [0.0]
        tall = 24.0 if narrow else bottom
        path = "".join(f"M{px(mark):.1f},{top:.1f}v{tall:.1f}" for top in tops)
        parts.append(tag("path", class_="roof", d=path))
    return svg(width, height, label, [*parts, *names])


def _across(
    axis: Axis, px: Callable[[float], float], width: float, top: float, bottom: float, ends: tuple[float, float]
) -> list[str]:
    """Return grid lines, ticks and title of a horizontal axis."""
    parts, edge = [], -math.inf
    for value in axis.ticks(max(2, int((ends[1] - ends[0]) / 75))):
        parts.append(tag("path", class_="grid", d=f"M{px(value):.1f},{top:.1f}V{bottom:.1f}"))
        text = axis.text(value)
        half = width_of(text) / 2
        at = min(max(px(value), half + 1), width - half - 1)
        if at - half > edge + 6:
            parts.append(words_at(at, bottom + 16, text, text_anchor="middle"))
            edge = at + half
    parts.append(tag("path", class_="axis", d=f"M{ends[0]:.1f},{bottom:.1f}H{ends[1]:.1f}"))
    title = cut(axis.title, width)
    half = width_of(title) / 2
    middle = min(max((ends[0] + ends[1]) / 2, half), width - half)
    parts.append(words_at(middle, bottom + 36, title, text_anchor="middle", class_="quiet-text"))
    return parts


class Plot:
    """A picture with two axes, on which names are placed where they cover nothing."""

    def __init__(self, x: Axis, y: Axis, width: int, height: int, above: float = 0.0) -> None:
        """Draw the axes; room is left `above` them [px]."""
        self.x, self.y, self.width, self.height = x, y, width, height
        ticks = y.ticks(max(2, height // 50))
        self.left = max([width_of(y.text(v)) for v in ticks], default=20.0) + 10
        self.right, self.top, self.bottom = width - 12.0, 22.0 + above, height - 46.0
        self.parts = _across(x, self.px, width, self.top, self.bottom, (self.left, self.right))
        self.taken: list[tuple[float, float, float, float]] = []
        self.lines: list[tuple[float, float, float, float]] = []
        self.names: list[tuple[float, float, float, float]] = []
        last = math.inf
        for value in ticks:
            at = self.py(value)
            self.parts.append(tag("path", class_="grid", d=f"M{self.left:.1f},{at:.1f}H{self.right:.1f}"))
            if at < last - 15:
                self.parts.append(words_at(self.left - 6, at + 4, y.text(value), text_anchor="end"))
                last = at
        self.parts.append(tag("path", class_="axis", d=f"M{self.left:.1f},{self.top:.1f}V{self.bottom:.1f}"))
        self.parts.append(words_at(0, 12, cut(y.title, width), class_="quiet-text"))

    def px(self, value: float) -> float:
        """Return where a value lies on the horizontal axis."""
        return self.left + (self.right - self.left) * self.x.share(value)

    def py(self, value: float) -> float:
        """Return where a value lies on the vertical axis."""
        return self.bottom - (self.bottom - self.top) * self.y.share(value)

    def line(self, points: Sequence[tuple[float, float]], cased: bool = False, **attributes: str) -> None:
        """Draw a line through some values; with `cased` a light colour is seen on a light ground too."""
        places = [(self.px(x), self.py(y)) for x, y in points]
        path = "L".join(f"{x:.1f},{y:.1f}" for x, y in places)
        if cased:
            self.parts.append(tag("path", d=f"M{path}", class_="casing"))
        self.parts.append(tag("path", d=f"M{path}", **attributes))
        for (x, y), (to, at) in pairwise(places):
            count = 1 + int(math.hypot(to - x, at - y) / 5)
            ways = (k / count for k in range(count + 1))
            self.lines += [(x + (to - x) * w - 1, y + (at - y) * w - 1, 2.0, 2.0) for w in ways]

    def keep_free(self, x: float, y: float, reach: float) -> None:
        """Let no name cover a place."""
        self.taken.append((x - reach, y - reach, 2 * reach, 2 * reach))

    def name(self, x: float, y: float, text: str, reach: float, over: bool = True, leads: bool = False) -> bool:
        """Write a name beside a place where it covers nothing, a line if it must and may go `over` one.

        With `leads` it may stand further off, with a line that leads to it. Return whether there was room.
        """
        w, h = width_of(text) + 4, 14.0
        ways = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))
        clear = [*self.taken, *self.lines]
        tries = [*product(STEPS if leads else STEPS[:1], (clear,)), *([(0.0, self.taken)] if over else [])]
        for (far, held), (across, down) in product(tries, ways):
            out = reach + far
            left = x - w / 2 + across * (out + w / 2)
            top = y - h / 2 + down * ((out if across == 0 else max(out * 0.7, reach)) + h / 2)
            inside = left >= self.left and left + w <= self.right and top >= self.top and top + h <= self.bottom
            if not inside or _meets((left, top, w, h), held):
                continue
            if far:
                to, at = min(max(x, left), left + w), min(max(y, top), top + h)
                long = math.hypot(to - x, at - y)
                off, count = (reach - 2) / long, 1 + int(long / 4)
                steps = (off + (1 - off) * k / count for k in range(count + 1))
                way = [(x + (to - x) * s, y + (at - y) * s, 0.0, 0.0) for s in steps]
                near = (x - reach - 6, y - reach - 6, 2 * reach + 12, 2 * reach + 12)
                if any(_meets(p, self.names) or (_meets(p, self.taken) and not _meets(p, [near])) for p in way):
                    continue
                self.lines += way
                self.parts.append(tag("path", class_="lead", d=f"M{way[0][0]:.1f},{way[0][1]:.1f}L{to:.1f},{at:.1f}"))
            self.taken.append((left, top, w, h))
            self.names.append((left, top, w, h))
            self.parts.append(words_at(left + 2, top + 11, text, class_="halo"))
            return True
        return False

    def svg(self, label: str) -> str:
        """Return the picture."""
        return svg(self.width, self.height, label, self.parts)


def _meets(box: tuple[float, float, float, float], others: Sequence[tuple[float, float, float, float]]) -> bool:
    """Return whether a box (left, top, width, height) has a place in common with one of some others."""
    left, top, w, h = box
    return any(left < a + c and a < left + w and top < b + d and b < top + h for a, b, c, d in others)


@attrs.frozen
class Dot:
    """A point of a scatter plot: a square in prefill, a circle otherwise."""

    x: float
    y: float
    name: str
    title: str
    colour: str
    square: bool
    share: float

    @property
    def radius(self) -> float:
        """Half its width: its area grows with its share [px]."""
        return 3.5 + 6 * math.sqrt(self.share)


def roofline(
    dots: Sequence[Dot],
    peak: float,
    peak_words: str,
    rates: Mapping[str, tuple[float, str, str]],
    texts: tuple[Callable[[float], str], Callable[[float], str]],
    width: int,
    label: str,
) -> str:
    """Return points under roofs; `rates` has the rate, its words and its colour by memory."""
    ridges = [peak / rate for rate, _, _ in rates.values()]
    across = [*(d.x for d in dots), *ridges]
    low, high = min(across) / 2, max(across) * 3
    floor = min(d.y for d in dots) / 2
    plot = Plot(
        Axis(low, high, "FLOP per byte moved", texts[0], log=True),
        Axis(floor, peak * 3, "FLOP/s attained", texts[1], log=True),
        width,
        340 if width < 480 else 380,
    )
    for rate, _, colour in rates.values():
        begin = max(low, floor / rate)
        ends = [(begin, begin * rate), (peak / rate, peak)]
        plot.line(ends, cased=True, fill="none", stroke=colour, stroke_width="2.2")
    plot.line([(min(ridges), peak), (high, peak)], class_="roof")
    plot.taken.append((plot.left, plot.py(peak) - 1, plot.right - plot.left, 2.0))
    for dot in dots:
        plot.keep_free(plot.px(dot.x), plot.py(dot.y), dot.radius)
    wide = width_of(peak_words) + 4
    plot.parts.append(words_at(plot.right - 2, plot.py(peak) - 14, peak_words, text_anchor="end", class_="halo"))
    plot.taken.append((plot.right - wide, plot.py(peak) - 27, wide, 17.0))
    for rate, words, _ in rates.values():
        begin = max(low, floor / rate)
        for over, share in product((False, True), (0.5, 0.65, 0.35, 0.8, 0.2, 0.92)):
            at = begin * (peak / rate / begin) ** share
            if plot.name(plot.px(at), plot.py(at * rate), words, 7.0, over):
                break
    for dot in dots:
        x, y, r = plot.px(dot.x), plot.py(dot.y), dot.radius
        look = {"class_": "point", "fill": dot.colour}
        if dot.square:
            plot.parts.append(titled("rect", dot.title, x=x - r, y=y - r, width=2 * r, height=2 * r, **look))
        else:
            plot.parts.append(titled("circle", dot.title, cx=x, cy=y, r=r, **look))
    for dot in dots:
        plot.name(plot.px(dot.x), plot.py(dot.y), dot.name, dot.radius + 2, leads=True)
    return plot.svg(label)


def cells(
    x: Axis,
    y: Axis,
    grid: Sequence[Sequence[int]],
    names: Sequence[tuple[str, str]],
    here: tuple[float, float],
    width: int,
    label: str,
) -> str:
    """Return a map: `grid` has the number of a name by column and row, `names` each name's words and colour."""
    plot = Plot(x, y, width, 320 if width < 480 else 380)
    columns, rows = len(grid), len(grid[0])
    across, up = (plot.right - plot.left) / columns, (plot.bottom - plot.top) / rows
    places: dict[int, list[tuple[int, int]]] = {}
    for i, column in enumerate(grid):
        start = 0
        for j in range(rows + 1):
            if j == rows or column[j] != column[start]:
                words, colour = names[column[start]]
                box = {
                    "x": plot.left + i * across,
                    "y": plot.bottom - j * up,
                    "width": across + 0.3,
                    "height": (j - start) * up,
                }
                plot.parts.append(titled("rect", words, class_="cell", fill=colour, **box))
                start = j
        for j, number in enumerate(column):
            places.setdefault(number, []).append((i, j))
    marked = all(axis.low <= v <= axis.high for axis, v in zip((x, y), here, strict=True))
    if marked:
        at = plot.px(here[0]), plot.py(here[1])
        plot.parts.append(titled("circle", "the point of this report", class_="here", cx=at[0], cy=at[1], r=6.0))
        plot.keep_free(*at, 7.0)
    for number, own in sorted(places.items(), key=lambda item: -len(item[1])):
        middle = [sum(p[k] for p in own) / len(own) for k in (0, 1)]
        i, j = min(own, key=lambda p: (p[0] - middle[0]) ** 2 + (p[1] - middle[1]) ** 2)
        plot.name(plot.left + (i + 0.5) * across, plot.bottom - (j + 0.5) * up, names[number][0], 0.0)
    return plot.svg(label)


def curve(
    x: Axis,
    y: Axis,
    lines: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    marks: Sequence[tuple[float, float, str]],
    width: int,
    label: str,
) -> str:
    """Return a curve and a dashed one that it is held against, each with its name, and named points on them."""
    plot = Plot(x, y, width, 280 if width < 480 else 320)
    for look, (_, points) in zip(("path", "aim"), lines, strict=True):
        plot.line(points, class_=look)
    for at_x, at_y, words in marks:
        place = plot.px(at_x), plot.py(at_y)
        plot.parts.append(titled("circle", words, class_="here", cx=place[0], cy=place[1], r=5.0))
        plot.keep_free(*place, 6.0)
    for at_x, at_y, words in marks:
        plot.name(plot.px(at_x), plot.py(at_y), words, 8.0)
    for name, points in lines:
        for share in (0.0, 0.98, 0.25, 0.5, 0.75):
            at = points[round(share * (len(points) - 1))]
            if plot.name(plot.px(at[0]), plot.py(at[1]), name, 5.0, over=False):
                break
    return plot.svg(label)


def scatter(
    x: Axis,
    y: Axis,
    dots: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    lines: Sequence[tuple[str, Sequence[tuple[float, float]]]],
    width: int,
    label: str,
) -> str:
    """Return clouds of small dots, each a colour and its places, under lines, each a look and its ends."""
    plot = Plot(x, y, width, min(width, 520))
    for colour, places in dots:
        # one path: a dot is a line without length, its round end
        path = "".join(f"M{plot.px(a):.1f} {plot.py(b):.1f}h0" for a, b in places)
        plot.parts.append(tag("path", class_="dots", d=path, stroke=colour))
    for look, ends in lines:
        plot.line(ends, class_=look)
    return plot.svg(label)


def histogram(
    x: Axis,
    edges: Sequence[float],
    shares: Sequence[float],
    marks: Sequence[tuple[float, str]],
    text: Callable[[float], str],
    width: int,
    label: str,
) -> str:
    """Return a histogram of shares of a whole, with named lines across it."""
    above = 18.0 * len(marks)
    y = Axis(0.0, 100 * max(shares), "share of the samples [%]", format_value)
    plot = Plot(x, y, width, 230 + int(above), above)
    for low, high, share in zip(edges[:-1], edges[1:], shares, strict=True):
        top, left = plot.py(100 * share), plot.px(low)
        box = {"x": left, "y": top, "width": max(plot.px(high) - left - 0.6, 0.3), "height": plot.bottom - top}
        plot.parts.append(titled("rect", f"{text(low)} to {text(high)}: {100 * share:.1f} %", class_="heap", **box))
    for row, (value, words) in enumerate(sorted(marks)):
        level = 18.0 * row + 29
        at = plot.px(min(max(value, x.low), x.high))
        plot.parts.append(tag("path", class_="roof", d=f"M{at:.1f},{level + 3:.1f}V{plot.bottom:.1f}"))
        end = at + width_of(words) > width - 4
        side = {"text_anchor": "end" if end else "start", "class_": "halo"}
        plot.parts.append(words_at(at - 3 if end else at + 3, level, words, **side))
    return plot.svg(label)
