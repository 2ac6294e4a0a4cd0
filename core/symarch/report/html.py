"""A report as one HTML file: every number and picture in it, nothing fetched, and readable without its script.

Texts of specs and plugins are escaped wherever they stand. The content security policy allows the page's own style and
script and nothing else. Pictures are inline SVG with the tables that hold their numbers beside them; the pages of one
system have one colour for each resource.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from typing import TYPE_CHECKING

from symarch.api import Explanation
from symarch.quantities import format_quantity, format_value, readable_unit
from symarch.report import charts
from symarch.report.charts import Axis, Bar
from symarch.report.page import document, figure, section_html, swatch, table_html
from symarch.report.record import Report
from symarch.report.sections import ASIDES, LONGEST, Section, described, feasibility, percent, value_text
from symarch.sensitivity import Headroom

if TYPE_CHECKING:
    from symarch.sensitivity.uncertainty import Bar as Swing

STEEP = 30.0
"""Ratio of the largest to the smallest value above which an axis of values is logarithmic."""

UNBOUND = "nothing of its own: it is hidden behind what another pool does"
"""What binds an operator that takes no time of the phase."""

CURVE = 161
"""Points of a curve."""


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
    draw = PICTURES.get(section.name)
    if section.name == "assumptions":
        words = "<ul>" + "".join(f"<li>{escape(s)}</li>" for s in section.sentences) + "</ul>"
    else:
        bad = feasibility(report) if not all(c.ok for c in report.result.constraints) else None
        opening = {s: '<p class="fails">' if s == bad else "<p>" for s in section.sentences}
        words = "".join(f"{opening[s]}{escape(s)}</p>" for s in section.sentences)
    formula = f"<pre>{escape(chr(10).join(section.formulas))}</pre>" if section.formulas else ""
    figures = "".join(draw(report)) if draw else ""
    figures = f'<div class="figures">{figures}</div>' if figures else ""
    tables = "".join(table_html(report.colours, t, f"{section.name}-{i}") for i, t in enumerate(section.tables))
    return section_html(section.name, section.title, words, figures, formula, tables)


def _axis(values: Sequence[float], unit: str, title: str, *, zero: bool = False) -> Axis:
    """Return an axis that holds some values of a unit, logarithmic where they are far apart."""
    low, high = min(values), max(values)
    log = low > 0 and high / low > STEEP
    if log:
        low, high = low / 1.25, high * 1.25
    elif zero:
        low, high = 0.0, high * 1.04 or 1.0
    else:
        rim = 0.04 * (high - low) or 0.04 * abs(high) or 1.0
        low, high = max(0.0, low - rim), high + rim
    name, scale = readable_unit(math.sqrt(low * high) if log else high, unit)
    return Axis(low, high, f"{title} [{name}]" if name else title, lambda v: format_value(v / scale), log, scale)


def _colour(report: Report, resource: str) -> str:
    return report.colours.get(resource, charts.OTHER)


def _picture_binds(report: Report) -> list[str]:
    rows = []
    for phase in dict.fromkeys(r.phase for r in report.result.resources):
        parts = [(r.name, r.share) for r in report.result.resources if r.phase == phase]
        rows.append((phase, _shares(report, parts)))
    words = "; ".join(f"{p}: " + ", ".join(f"{b.label} {percent(b.end - b.start)}" for b in bars) for p, bars in rows)
    shown = list(dict.fromkeys(b.label for _, bars in rows for b in bars if b.end - b.start >= 0.005))
    key = [(swatch(report.colours, r), r) for r in shown]
    caption = "Where the time goes"
    return [figure(caption, lambda w: charts.stacked(rows, w, f"{caption}: {words}"), key)]


def _shares(report: Report, parts: Sequence[tuple[str, float]]) -> list[Bar]:
    """Return the parts of a whole as bars one after the other, the largest first."""
    found, at = [], 0.0
    for name, share in sorted(parts, key=lambda p: -p[1]):
        if share > 0:
            found.append(Bar(name, at, at + share, "", f"{name}: {percent(share)}", _colour(report, name)))
            at += share
    return found


def _picture_terms(report: Report, why: Explanation | None, caption: str) -> list[str]:
    if why is None or not why.terms:
        return []
    sums: dict[str, float] = {}
    for term in why.terms:
        sums[term.resource] = sums.get(term.resource, 0.0) + term.share
    bars = _shares(report, list(sums.items()))
    words = ", ".join(f"{b.label} {percent(b.end - b.start)}" for b in bars)
    key = [
        (swatch(report.colours, b.label), f"{b.label} {percent(b.end - b.start)}")
        for b in bars
        if b.end - b.start > 0.005
    ]
    row = (f"{why.metric} = {format_quantity(why.value, why.unit)}", bars)
    return [figure(caption, lambda w: charts.stacked([row], w, f"{caption}: {words}"), key)]


def _picture_tornado(report: Report) -> list[str]:
    found = report.sensitivity
    shown = report.tornado[:LONGEST]
    ends = [v for b in shown for v in (b.low, b.high) if v is not None]
    axis = _axis([found.value, *ends], found.unit, found.metric)
    bars = []
    for bar in shown:
        symbol = report.symbols[bar.parameter]
        for end, at, look in ((bar.low, symbol.low, "low"), (bar.high, symbol.high, "high")):
            if at is None or end == found.value:
                continue
            value = "does not run" if end is None else f"{found.metric} = {format_quantity(end, found.unit)}"
            title = f"{bar.parameter} = {value_text(report, bar.parameter, at, symbol.unit)}: {value}"
            to = found.value if end is None else end
            bars.append(Bar(bar.parameter, found.value, to, _swing(bar), title, look))
    sign = '<svg class="swatch" viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" class="{}"/></svg>'
    key = [(sign.format("low"), "at the low end of the range"), (sign.format("high"), "at the high end")]
    words = ", ".join(f"{b.parameter} {_swing(b)}" for b in shown)
    caption = f"{found.metric} over each parameter's range; on the right its swing"
    label = f"Tornado of {found.metric}: {words}"
    return [figure(caption, lambda w: charts.bars(bars, axis, w, label, found.value), key)]


def _swing(bar: Swing) -> str:
    """Return how far the metric goes over a parameter's range, or where nothing runs."""
    if math.isfinite(bar.swing):
        return f"{100 * bar.swing:.0f} %"
    return f"halts at the {'low' if bar.low is None else 'high'} end"


def _picture_waterfall(report: Report, found: Headroom | None) -> list[str]:
    if found is None:
        return []
    # an end that is infinite (a throughput with nothing left in its way) has no place on an axis
    steps = [s for s in found.waterfall if math.isfinite(s.value)]
    if not steps:
        return []
    unit = found.unit
    drawn = [Bar("now", 0.0, found.value, format_quantity(found.value, unit), "now", "whole")]
    before = found.value
    for step in steps:
        value = format_quantity(step.value, unit)
        title = f"without {step.resource}: {value}; then {step.binds} has {percent(step.binds_share)}"
        drawn.append(Bar(f"without {step.resource}", before, step.value, value, title, _colour(report, step.resource)))
        before = step.value
    values = [found.value, *(s.value for s in steps)]
    rising = max(values) > found.value * (1 + 1e-9)
    axis = (
        _axis(values, unit, found.metric, zero=True) if rising else _axis([found.value], unit, found.metric, zero=True)
    )
    drawn[0] = Bar("now", axis.low, found.value, drawn[0].words, "now", "whole")
    words = ", then ".join(f"{b.label} {b.words}" for b in drawn)
    what = "bottlenecks are" if unit == "s" else "the largest share is"
    caption = f"{found.metric} as {what} removed one after the other; each bar is what that brings"
    return [figure(caption, lambda w: charts.bars(drawn, axis, w, f"Waterfall: {words}", found.value))]


def _picture_map(report: Report) -> list[str]:
    found = report.regime_map
    if found is None:
        return []
    axes = []
    for name, unit, values in zip(found.parameters, found.units, found.axes, strict=True):
        eight = 1 / 8 if name in report.in_bits else 1.0
        text = _setting_text(report, name, unit)
        axes.append(Axis(float(values[0]), float(values[-1]), name, text, log=True, scale=eight))
    names = [(r, _colour(report, r)) for r in found.resources]
    here = tuple(report.point.values[n] for n in found.parameters)
    grid = found.bounds.tolist()
    sums: dict[str, float] = {}
    for region in found.regions:
        sums[region.bound] = sums.get(region.bound, 0.0) + region.area
    words = ", ".join(f"{n} {percent(v)}" for n, v in sums.items())
    caption = f"The resource with the largest share of {found.metric}"
    key = [(swatch(report.colours, n), n) for n in dict.fromkeys(found.resources[i] for column in grid for i in column)]
    label = f"{caption} over {axes[0].title} and {axes[1].title}: {words}"
    return [figure(caption, lambda w: charts.cells(axes[0], axes[1], grid, names, (here[0], here[1]), w, label), key)]


def _setting_text(report: Report, name: str, unit: str) -> Callable[[float], str]:
    return lambda value: value_text(report, name, value, unit)


def _picture_roofline(report: Report) -> list[str]:
    found = report.roofline
    rates = {n: (r, f"{n} {format_quantity(r, 'B/s')}", _colour(report, n)) for n, r in found.rates.items()}
    if not found.points or not rates:
        return []
    dots = [
        charts.Dot(
            p.intensity,
            p.rate,
            p.operator,
            f"{p.operator} in {p.phase}: {format_quantity(p.rate, 'FLOP/s')} at {format_value(p.intensity)} FLOP/B, "
            f"bound by {p.bound or UNBOUND}",
            _colour(report, p.bound),
            p.phase == "prefill",
            p.share,
        )
        for p in found.points
    ]
    peak = f"arithmetic {format_quantity(found.peak, 'FLOP/s')}"
    words = f"Roofline: {len(dots)} operators; {peak}, " + ", ".join(w for _, w, _ in rates.values())
    texts = format_value, lambda v: format_quantity(v, "FLOP/s")
    colours = {**report.colours, "": charts.OTHER}
    bounds = sorted({p.bound: None for p in found.points}, key=lambda r: r == "")
    key = [(swatch(colours, r), f"bound by {r or UNBOUND}") for r in bounds]
    both = {p.phase for p in found.points} > {"prefill"}
    shapes = " (square: prefill, circle: decode)" if both else ""
    caption = f"One point for each operator with arithmetic{shapes}, larger with its share"
    return [figure(caption, lambda w: charts.roofline(dots, found.peak, peak, rates, texts, w, words), key)]


def _picture_break_even(report: Report) -> list[str]:
    """Draw the metric along the most influential parameter that reaches the target."""
    one = next((b for b in report.break_evens if b.crossings), None)
    if one is None or report.target is None:
        return []
    import numpy as np

    symbol = report.symbols[one.parameter]
    places = [one.value, *(c.value for c in one.crossings)]
    ends = [v for v in (symbol.low, symbol.high) if v]
    low = max(one.low, min([*ends, *(p / 1.5 for p in places if p > 0)]))
    high = min(one.high, max([*ends, *(p * 1.5 for p in places)]))
    across = np.geomspace(low, high, CURVE)
    given = {n: v for n, v in report.given.items() if n != one.parameter}
    call = report.analysis.compile(report.metric, [one.parameter], **given)
    points = [(float(x), float(y)) for x, y in zip(across, call(across), strict=True) if math.isfinite(y) and y > 0]
    y = _axis([*(v for _, v in points), report.target], one.unit, one.metric)
    scale = 1 / 8 if one.bits else 1.0
    x = Axis(low, high, one.parameter, one.shown, log=True, scale=scale)
    marks = [(c.value, c.metric, one.shown(c.value)) for c in one.crossings if low <= c.value <= high]
    if low <= one.value <= high:
        marks.append((one.value, report.sensitivity.value, f"now {one.shown(one.value)}"))
    aim = (report.target, f"target {format_quantity(report.target, one.unit)}")
    words = f"{one.metric} over {one.parameter}: {one.words}"
    caption = f"{one.metric} over {one.parameter}, and the target"
    return [figure(caption, lambda w: charts.curve(x, y, points, aim, marks, w, words))]


def _picture_uncertainty(report: Report) -> list[str]:
    found = report.uncertainty
    if found is None:
        return []
    from symarch.sensitivity.uncertainty import LAST  # numpy, which a report without it does without

    drawn = []
    for interval in found.intervals:
        edges = interval.edges.tolist()
        shares = (interval.counts / found.samples).tolist()
        name, scale = readable_unit(edges[-1], interval.unit)
        axis = Axis(edges[0], edges[-1], f"{interval.metric} [{name}]", _scaled_text(scale), False, scale)
        marks = [
            (interval.quantiles[0.05], f"5 % lie below {format_quantity(interval.quantiles[0.05], interval.unit)}"),
            (interval.value, f"at the point {format_quantity(interval.value, interval.unit)}"),
            (interval.quantiles[0.95], f"95 % lie below {format_quantity(interval.quantiles[0.95], interval.unit)}"),
        ]
        caption = f"{interval.metric} over the declared ranges, without the last {100 * (1 - LAST):.0f} %"
        drawn.append(_histogram(caption, axis, edges, shares, marks, interval.unit))
    return drawn


def _histogram(
    caption: str,
    axis: Axis,
    edges: Sequence[float],
    shares: Sequence[float],
    marks: Sequence[tuple[float, str]],
    unit: str,
) -> str:
    label = f"Histogram, {caption}: {', '.join(w for _, w in marks)}"

    def text(value: float) -> str:
        return format_quantity(value, unit)

    return figure(caption, lambda w: charts.histogram(axis, edges, shares, marks, text, w, label))


def _scaled_text(scale: float) -> Callable[[float], str]:
    return lambda value: format_value(value / scale)


def _picture_aside(report: Report, metric: str, caption: str) -> list[str]:
    found = report.asides.get(metric)
    if found is None:
        return []
    return [*_picture_terms(report, found.why, caption), *_picture_waterfall(report, found.headroom)]


PICTURES: dict[str, Callable[[Report], list[str]]] = {
    "binds": _picture_binds,
    "formula": lambda report: _picture_terms(report, report.explanation, "The terms by resource"),
    "tornado": _picture_tornado,
    "headroom": lambda report: _picture_waterfall(report, report.headroom),
    "regimes": _picture_map,
    "roofline": _picture_roofline,
    "break_even": _picture_break_even,
    "uncertainty": _picture_uncertainty,
    **{
        name: partial(_picture_aside, metric=metric, caption=f"Where {title.lower()} goes")
        for metric, (name, title, _) in ASIDES.items()
    },
}
"""What draws the pictures of a section, by its name."""
