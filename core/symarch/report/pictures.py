"""Pictures of records: what a chart of each shows, for pages and for notebooks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch

import attrs

from symarch.accuracy.prediction import Prediction
from symarch.analysis import PHASE_METRICS, Symbol
from symarch.api import Explanation, Result
from symarch.compare import Comparison
from symarch.quantities import format_quantity, format_setting, format_value, readable_unit
from symarch.report import charts
from symarch.report.charts import Axis, Bar
from symarch.report.palette import HUES, colours_of
from symarch.report.record import Report
from symarch.report.roofline import Roofline
from symarch.report.sections import ASIDES, LONGEST, percent
from symarch.sensitivity import BreakEven, Headroom, RegimeMap, Sensitivity, Uncertainty, tornado
from symarch.sensitivity.uncertainty import FIRST, LAST
from symarch.sensitivity.uncertainty import Bar as Swing

STEEP = 30.0
"""Ratio of the largest to the smallest value above which an axis of values is logarithmic."""

SMALL = 0.005
"""Share of a whole below which a resource is not in the key of a picture."""

UNBOUND = "nothing of its own: it is hidden behind what another pool does"
"""What binds an operator that takes no time of the phase."""

MOST_POINTS = 2000
"""Points drawn in a scatter plot; of more, evenly spaced ones."""

OWN = ("binds", "tornado", "headroom", "regimes", "roofline", "break_even")
"""Sections of a report whose pictures a notebook shows, unless it asks for sections of its own."""

CURVE = 161
"""Points of a curve."""


@attrs.frozen
class Figure:
    """A chart that can be drawn at any width.

    Attributes:
        caption: what it shows.
        draw: returns it as SVG, given the width [px].
        key: what its colours mean: `#rrggbb` or a class of the style, and words.
    """

    caption: str
    draw: Callable[[int], str]
    key: Sequence[tuple[str, str]] = ()


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


def _shares(
    colours: Mapping[str, str], parts: Mapping[str, float], value: float, unit: str, longest: float | None = None
) -> list[Bar]:
    """Return the parts of a value as bars one after the other, the largest first, as long as it is of the longest."""
    found, at = [], 0.0
    for name, share in sorted(parts.items(), key=lambda p: -p[1]):
        if share > 0:
            end = at + share * (value / longest if longest else 1.0)
            title = f"{name}: {format_quantity(share * value, unit)}, {percent(share)}"
            found.append(Bar(name, at, end, "", title, colours.get(name, charts.OTHER)))
            at = end
    return found


def _key(rows: Sequence[tuple[str, Sequence[Bar]]]) -> list[tuple[str, str]]:
    """Return the key of bars that are seen."""
    shown = {b.label: b.colour for _, bars in rows for b in bars if b.end - b.start >= SMALL}
    return [(colour, name) for name, colour in shown.items()]


def times(results: Mapping[str, Result], colours: Mapping[str, str]) -> list[Figure]:
    """Return where the time goes: of one result, whose name is empty, by phase; of several side by side."""
    phases = dict.fromkeys(r.phase for result in results.values() for r in result.resources)
    lengths = {(p, n): r.metrics.get(PHASE_METRICS[p]) or 0.0 for p in phases for n, r in results.items()}

    def row(phase: str, name: str, longest: float | None) -> tuple[str, list[Bar]]:
        value = lengths[phase, name]
        parts = {r.name: r.share for r in results[name].resources if r.phase == phase}
        title = f"{name or phase}: {PHASE_METRICS[phase]} = {format_quantity(value, 's')}"
        return title, _shares(colours, parts, value, "s", longest)

    if "" in results:
        rows = [row(phase, "", None) for phase in phases]
        return [_stacked("Where the time goes", rows, _key(rows))] if rows else []
    found = []
    for phase in phases:
        longest = max(lengths[phase, name] for name in results) or 1.0
        rows = [row(phase, name, longest) for name in results]
        found.append(_stacked(f"Where the time goes in {phase}", rows, _key(rows)))
    return found


def _stacked(caption: str, rows: Sequence[tuple[str, Sequence[Bar]]], key: Sequence[tuple[str, str]]) -> Figure:
    words = "; ".join(f"{n}: " + ", ".join(b.title for b in bars if b.end - b.start >= SMALL) for n, bars in rows)
    return Figure(caption, lambda w: charts.stacked(rows, w, f"{caption}: {words}"), key)


def terms(why: Explanation, colours: Mapping[str, str], caption: str = "The terms by resource") -> list[Figure]:
    """Return a metric as the sum of what each resource brings."""
    sums: dict[str, float] = {}
    for term in why.terms:
        sums[term.resource] = sums.get(term.resource, 0.0) + term.share
    if not sums:
        return []
    bars = _shares(colours, sums, why.value, why.unit)
    key = [(b.colour, f"{b.label} {percent(b.end - b.start)}") for b in bars if b.end - b.start >= SMALL]
    return [_stacked(caption, [(f"{why.metric} = {format_quantity(why.value, why.unit)}", bars)], key)]


def swings(
    found: Sensitivity, shown: Sequence[Swing], symbols: Mapping[str, Symbol], in_bits: frozenset[str]
) -> list[Figure]:
    """Return a tornado: the metric at the ends of some parameters' ranges."""
    if not shown:
        return []
    ends = [v for b in shown for v in (b.low, b.high) if v is not None]
    axis = _axis([found.value, *ends], found.unit, found.metric)
    bars = []
    for bar in shown:
        symbol = symbols[bar.parameter]
        for end, at, look in ((bar.low, symbol.low, "low"), (bar.high, symbol.high, "high")):
            if at is None or end == found.value:
                continue
            value = "does not run" if end is None else f"{found.metric} = {format_quantity(end, found.unit)}"
            title = f"{bar.parameter} = {format_setting(at, symbol.unit, bar.parameter in in_bits)}: {value}"
            to = found.value if end is None else end
            bars.append(Bar(bar.parameter, found.value, to, _swing(bar), title, look))
    words = ", ".join(f"{b.parameter} {_swing(b)}" for b in shown)
    caption = f"{found.metric} over each parameter's range; on the right its swing"
    label = f"Tornado of {found.metric}: {words}"
    key = [("low", "at the low end of the range"), ("high", "at the high end")]
    return [Figure(caption, lambda w: charts.bars(bars, axis, w, label, found.value), key)]


def _swing(bar: Swing) -> str:
    """Return how far the metric goes over a parameter's range, or where nothing runs."""
    if math.isfinite(bar.swing):
        return f"{100 * bar.swing:.0f} %"
    return f"halts at the {'low' if bar.low is None else 'high'} end"


def waterfall(found: Headroom, colours: Mapping[str, str]) -> list[Figure]:
    """Return a metric as the largest share of it is removed, one resource after the other."""
    # an end that is infinite (a throughput with nothing left in its way) has no place on an axis
    steps = [s for s in found.waterfall if math.isfinite(s.value)]
    if not steps:
        return []
    unit, before, drawn = found.unit, found.value, []
    for step in steps:
        value = format_quantity(step.value, unit)
        title = f"without {step.resource}: {value}; then {step.binds} has {percent(step.binds_share)}"
        colour = colours.get(step.resource, charts.OTHER)
        drawn.append(Bar(f"without {step.resource}", before, step.value, value, title, colour))
        before = step.value
    values = [found.value, *(s.value for s in steps)]
    rising = max(values) > found.value * (1 + 1e-9)
    axis = _axis(values if rising else [found.value], unit, found.metric, zero=True)
    drawn.insert(0, Bar("now", axis.low, found.value, format_quantity(found.value, unit), "now", "whole"))
    words = ", then ".join(f"{b.label} {b.words}" for b in drawn)
    what = "bottlenecks are" if unit == "s" else "the largest share is"
    caption = f"{found.metric} as {what} removed one after the other; each bar is what that brings"
    return [Figure(caption, lambda w: charts.bars(drawn, axis, w, f"Waterfall: {words}", found.value))]


def regime_cells(found: RegimeMap, colours: Mapping[str, str]) -> list[Figure]:
    """Return the resource with the largest share over two parameters."""
    axes = []
    for name, unit, values in zip(found.parameters, found.units, found.axes, strict=True):
        bits = name in found.in_bits
        text = _setting_text(unit, bits)
        axes.append(Axis(float(values[0]), float(values[-1]), name, text, log=True, scale=1 / 8 if bits else 1.0))
    names = [(r, colours.get(r, charts.OTHER)) for r in found.resources]
    grid = found.bounds.tolist()
    sums: dict[str, float] = {}
    for region in found.regions:
        sums[region.bound] = sums.get(region.bound, 0.0) + region.area
    words = ", ".join(f"{n} {percent(v)}" for n, v in sums.items())
    caption = f"The resource with the largest share of {found.metric}"
    key = [(names[i][1], names[i][0]) for i in dict.fromkeys(i for column in grid for i in column)]
    label = f"{caption} over {axes[0].title} and {axes[1].title}: {words}"
    return [Figure(caption, lambda w: charts.cells(axes[0], axes[1], grid, names, found.here, w, label), key)]


def _setting_text(unit: str, bits: bool) -> Callable[[float], str]:
    return lambda value: format_setting(value, unit, bits)


def operators(found: Roofline, colours: Mapping[str, str]) -> list[Figure]:
    """Return the operators under their roofs."""
    rates = {n: (r, f"{n} {format_quantity(r, 'B/s')}", colours.get(n, charts.OTHER)) for n, r in found.rates.items()}
    if not found.points or not rates:
        return []
    dots = [
        charts.Dot(
            p.intensity,
            p.rate,
            p.operator,
            f"{p.operator} in {p.phase}: {format_quantity(p.rate, 'FLOP/s')} at {format_value(p.intensity)} FLOP/B, "
            f"bound by {p.bound or UNBOUND}",
            colours.get(p.bound, charts.OTHER),
            p.phase == "prefill",
            p.share,
        )
        for p in found.points
    ]
    peak = f"arithmetic {format_quantity(found.peak, 'FLOP/s')}"
    words = f"Roofline: {len(dots)} operators; {peak}, " + ", ".join(w for _, w, _ in rates.values())
    texts = format_value, lambda v: format_quantity(v, "FLOP/s")
    bounds = sorted({p.bound: None for p in found.points}, key=lambda r: r == "")
    key = [(colours.get(r, charts.OTHER), f"bound by {r or UNBOUND}") for r in bounds]
    both = {p.phase for p in found.points} > {"prefill"}
    shapes = " (square: prefill, circle: decode)" if both else ""
    caption = f"One point for each operator with arithmetic{shapes}, larger with its share"
    return [Figure(caption, lambda w: charts.roofline(dots, found.peak, peak, rates, texts, w, words), key)]


def crossing(found: BreakEven) -> list[Figure]:
    """Return the metric of both sides along the parameter, around its value and the crossings."""
    import numpy as np

    if found.along is None:
        return []
    places = [v for v in (found.value, *(c.value for c in found.crossings)) if v > 0]
    reach = 2.0 if found.crossings else 5.0
    low, high = max(found.low, min(places) / reach), min(found.high, max(places) * reach)
    across = np.geomspace(low, high, CURVE)
    names = (found.first, found.second or f"target {format_quantity(found.target, found.unit)}")
    lines = [
        (name, [(float(x), float(y)) for x, y in zip(across, side, strict=True) if math.isfinite(y) and y > 0])
        for name, side in zip(names, found.along(across), strict=True)
    ]
    if not all(points for _, points in lines):
        return []
    y = _axis([v for _, points in lines for _, v in points], found.unit, found.metric)
    x = Axis(low, high, found.parameter, found.shown, log=True, scale=1 / 8 if found.bits else 1.0)
    marks = [(c.value, c.metric, found.shown(c.value)) for c in found.crossings if low <= c.value <= high]
    if found.on != "second" and low <= found.value <= high:
        now = float(found.along(np.array([found.value]))[0][0])
        marks.append((found.value, now, f"now {found.shown(found.value)}"))
    words = f"{found.metric} over {found.parameter}: {found.words}"
    caption = (
        f"{found.metric} over {found.parameter}, and {'that of ' + found.second if found.second else 'the target'}"
    )
    return [Figure(caption, lambda w: charts.curve(x, y, lines, marks, w, words))]


def measured_figures(found: Prediction, colours: Mapping[str, str]) -> list[Figure]:
    """Return measured against predicted times on logarithmic axes, with lines at equality and a factor of two."""
    import numpy as np

    good = np.flatnonzero(np.isfinite(found.predicted))
    if not good.size:
        return []
    times = found.measured[good], found.predicted[good]
    systems = found.table.words["system"][good]
    every = -(-good.size // MOST_POINTS)
    low = 10.0 ** math.floor(math.log10(min(t.min() for t in times)))
    high = max(10.0 ** math.ceil(math.log10(max(t.max() for t in times))), 10 * low)
    axes = [Axis(low, high, f"{what} time", _time, log=True) for what in ("measured", "predicted")]
    dots = []
    for name in dict.fromkeys(map(str, systems)):
        own = systems[::every] == name
        dots.append((colours[name], list(zip(*(t[::every][own].tolist() for t in times), strict=True))))
    lines = [("roof", [(low, low), (high, high)]), ("aim", [(low, 2 * low), (high / 2, high)]),
             ("aim", [(2 * low, low), (high, high / 2)])]  # fmt: skip
    shown = f"; {len(systems[::every])} of {good.size} rows, evenly spaced" if every > 1 else ""
    caption = f"Measured and predicted times; lines at equality and a factor of two{shown}"
    key = [(colours[name], name) for name in dict.fromkeys(map(str, systems))]
    return [Figure(caption, lambda w: charts.scatter(axes[0], axes[1], dots, lines, w, caption), key)]


def _time(value: float) -> str:
    return format_quantity(value, "s")


def measured_colours(found: Sequence[Prediction]) -> dict[str, str]:
    """Return the colour of each system that was measured, one for all tables that have it."""
    names = dict.fromkeys(str(name) for one in found for name in sorted(set(one.table.words["system"])))
    return {name: HUES[k % len(HUES)] for k, name in enumerate(names)}


def intervals(found: Uncertainty) -> list[Figure]:
    """Return a histogram of each metric over the declared ranges."""
    drawn = []
    for interval in found.intervals:
        name, scale = readable_unit(float(interval.edges[-1]), interval.unit)
        edges = interval.edges.tolist()
        axis = Axis(edges[0], edges[-1], f"{interval.metric} [{name}]", _scaled_text(scale), False, scale)
        places = {"5 % lie below": interval.quantiles[0.05], "at the point": interval.value,
                  "95 % lie below": interval.quantiles[0.95]}  # fmt: skip
        marks = [(v, f"{words} {format_quantity(v, interval.unit)}") for words, v in places.items()]
        shares = (interval.counts * ((LAST - FIRST) / interval.counts.sum())).tolist()
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
) -> Figure:
    label = f"Histogram, {caption}: {', '.join(w for _, w in marks)}"

    def text(value: float) -> str:
        return format_quantity(value, unit)

    return Figure(caption, lambda w: charts.histogram(axis, edges, shares, marks, text, w, label))


def _scaled_text(scale: float) -> Callable[[float], str]:
    return lambda value: format_value(value / scale)


def _aside(report: Report, metric: str) -> list[Figure]:
    found = report.asides.get(metric)
    if found is None:
        return []
    caption = f"Where {ASIDES[metric][1].lower()} goes"
    return [*terms(found.why, report.colours, caption), *waterfall(found.headroom, report.colours)]


def _of_terms(report: Report) -> list[Figure]:
    return terms(report.explanation, report.colours) if report.explanation else []


def _of_map(report: Report) -> list[Figure]:
    return regime_cells(report.regime_map, report.colours) if report.regime_map else []


def _of_break_even(report: Report) -> list[Figure]:
    """Return the metric along the most influential parameter that reaches the target."""
    one = next((b for b in report.break_evens if b.crossings), None)
    return [] if one is None else crossing(one)


SECTIONS: dict[str, Callable[[Report], list[Figure]]] = {
    "binds": lambda report: times({"": report.result}, report.colours),
    "formula": _of_terms,
    "tornado": lambda report: swings(report.sensitivity, report.tornado[:LONGEST], report.symbols, report.in_bits),
    "headroom": lambda report: waterfall(report.headroom, report.colours) if report.headroom else [],
    "regimes": _of_map,
    "roofline": lambda report: operators(report.roofline, report.colours),
    "break_even": _of_break_even,
    "uncertainty": lambda report: intervals(report.uncertainty) if report.uncertainty else [],
    "energy": lambda report: _aside(report, "energy_per_token"),
    "cost": lambda report: _aside(report, "cost_per_million_tokens"),
    "carbon": lambda report: _aside(report, "carbon_per_million_tokens"),
}
"""What the pictures of a section of a report show, by its name."""


@singledispatch
def figures_of(record: object) -> list[Figure]:
    """Return the pictures of a record."""
    return []


@figures_of.register
def _(record: Result) -> list[Figure]:
    return times({"": record}, colours_of(record.recorded)) if record.recorded else []


@figures_of.register
def _(record: Explanation) -> list[Figure]:
    return terms(record, colours_of(record.recorded)) if record.recorded else []


@figures_of.register
def _(record: Sensitivity) -> list[Figure]:
    if record.recorded is None:
        return []
    symbols = record.recorded.symbols
    return swings(record, tornado(symbols, record)[:LONGEST], symbols, record.in_bits)


@figures_of.register
def _(record: Headroom) -> list[Figure]:
    return waterfall(record, colours_of(record.recorded)) if record.recorded else []


@figures_of.register
def _(record: RegimeMap) -> list[Figure]:
    return regime_cells(record, colours_of(record.recorded)) if record.recorded else []


@figures_of.register
def _(record: BreakEven) -> list[Figure]:
    return crossing(record)


@figures_of.register
def _(record: Prediction) -> list[Figure]:
    return measured_figures(record, measured_colours([record]))


@figures_of.register
def _(record: Uncertainty) -> list[Figure]:
    return intervals(record)


@figures_of.register
def _(record: Comparison) -> list[Figure]:
    return times(dict(zip(record.systems, record.results, strict=True)), comparison_colours(record))


def comparison_colours(record: Comparison) -> dict[str, str]:
    """Return the colour of each resource, one for all systems that have it."""
    return colours_of(*(r.recorded for r in record.results if r.recorded))


@figures_of.register
def _(record: Report) -> list[Figure]:
    names = [s.name for s in record.sections if s.name in (record.chosen or OWN)]
    return [one for name in names if name in SECTIONS for one in SECTIONS[name](record)]
