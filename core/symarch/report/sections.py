"""A report as sections of words and tables: what every format has to show, and a format of a third party gets too.

A format that draws shows a picture beside the tables of a section, which hold the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from symarch.accuracy.expected import said_of_errors
from symarch.analysis import HIGHER_IS_BETTER, METRICS
from symarch.api import Explanation
from symarch.errors import FOREIGN, PluginError, SymarchError
from symarch.plugins import registry
from symarch.plugins.discovery import SECTIONS
from symarch.plugins.hookspecs import hookimpl
from symarch.quantities import format_quantity, format_setting, format_value, readable_unit
from symarch.report.page import FAILS
from symarch.report.record import BESIDE, SMALLEST, Report, legend
from symarch.results import AMOUNT, ConstraintResult

if TYPE_CHECKING:
    from symarch.sensitivity import BreakEven, Headroom, Indices, Region, Sensitivity

ADDED = {
    "J": "Energies add; static power counts for the whole time.",
    "USD": "Prices count with interest and upkeep for the time that the tokens take, idle times included; energy adds.",
    "kg": "What making a machine emits counts for the time that the tokens take, idle times included; energy adds.",
}
"""How the parts of a metric that is no time come together, by its unit."""

LONGEST = 12
"""Rows of the tables that show the largest of many."""


@attrs.frozen
class Table:
    """A table of texts.

    Attributes:
        columns: the headings; the first column names what a row is about.
        rows: the cells.
        title: what it shows, empty where the section's title says it.
        words: positions of columns that hold words, not numbers.
        code: whether the first column holds names of parameters, definitions and the like.
        resource: position of the column that names a resource, None if none does.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    words: frozenset[int] = frozenset()
    code: bool = False
    resource: int | None = None


@attrs.frozen
class Section:
    """A section of a report.

    Attributes:
        name: short and stable; those of symarch are in `ORDER` and `MORE`.
        title: its heading.
        sentences: what it says.
        formulas: lines of a formula in plain symbols.
        tables: its numbers.
        data: the same in SI and full precision, as plain data for JSON; None where sentences say all.
    """

    name: str
    title: str
    sentences: tuple[str, ...] = ()
    formulas: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    data: Any = None


ORDER = ("headline", "binds", "formula", "tornado", "headroom", "regimes", "roofline", "break_even", "uncertainty",
         "energy", "cost", "carbon", "elasticities", "constraints", "assumptions", "parameters", "plugins",
         "checks")  # fmt: skip
"""The sections of a report in the order in which it is read, unless others are asked for."""

MORE = ("line", "published")
"""Sections that take longer, and so are there for those who name them."""

ALL = "all"
"""What stands for all of them where sections are named."""


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Return the sections that a user names, each once; all if none is named. Raises UnknownNameError."""
    found = dict.fromkeys(n for name in names or (ALL,) for n in (ORDER if name == ALL else (name,)))
    for name in found:
        registry().report_section(name)
    return tuple(found)


def sections_of(report: Report) -> tuple[Section, ...]:
    """Return the sections of a report. Raises PluginError naming the package of one that fails."""
    found = (_written(report, name) for name in chosen(report.chosen))
    return tuple(s for s in found if s is not None)


def _written(report: Report, name: str) -> Section | None:
    write = registry().report_section(name)
    origin = registry().origin(name, SECTIONS.hook)
    who = f"report section '{name}' of distribution {origin.distribution}"
    try:
        section = write(report)
    except SymarchError:
        raise
    except FOREIGN as error:
        raise PluginError(f"{who} failed: {type(error).__name__}: {error}") from error
    if section is not None and not isinstance(section, Section):
        raise PluginError(f"{who} returned {type(section).__name__}; it must return a Section, or None")
    return section


def sentence(words: str) -> str:
    """Return words as a sentence; a name at its beginning keeps its small letter."""
    first = words.split(" ", 1)[0]
    name = first in METRICS or not first.isalpha()
    return f"{words if name else words[:1].upper() + words[1:]}."


def percent(share: float) -> str:
    """Return a share as text."""
    return "-" if share == 0 else "<0.1 %" if abs(share) < SMALLEST else f"{100 * share:.1f} %"


def described(report: Report) -> str:
    """Return the point in words: sizes, phase, data types."""
    work = report.workload
    sizes = [
        f"{k.replace('_', ' ')} {v}" for k, v in work.items() if k not in ("dtype", "phase", "ideal", "continuous")
    ]
    dtypes = [f"{k} {v}" for k, v in work["dtype"].items()]
    ideal = ["ideal (speed of light)"] if work["ideal"] else []
    phase = "continuous batching" if work.get("continuous") else f"phase {work['phase']}"
    return f"{phase}, {', '.join([*sizes, *dtypes, *ideal])}"


def value_text(report: Report, name: str, value: float, unit: str) -> str:
    """Return a parameter's value as people state it."""
    return format_setting(value, unit, name in report.in_bits)


def headline(report: Report) -> list[str]:
    """Return the answer in a few sentences: the number, what binds, how far it can go, how sure it is."""
    found = report.sensitivity
    metric, unit = found.metric, found.unit
    value = format_quantity(found.value, unit)
    sentences = [
        f"{METRICS[metric][1].split(':')[0].capitalize()} ({metric}) of {report.model} on {report.system} is {value}."
    ]
    if report.binding is not None:
        of, largest, share = report.binding
        sentences.append(f"{largest} takes {100 * share:.0f} % of {'it' if of == metric else of}.")
    parts = report.headroom.of("resource")
    if parts and parts[0].gain < math.inf:
        sentences.append(f"{parts[0].words[:1].upper()}{parts[0].words[1:]}.")
    # what has no better direction is a statement, such as the clock that times are stated at, and no choice of a design
    chosen = [e for e in found.elasticities if "." in e.parameter and e.limit is not None]
    moved = [e for e in chosen if e.elasticity is not None and e.size >= SMALLEST]
    if moved:
        sentences.append(f"It answers most to {moved[0].parameter}: elasticity {moved[0].text.rstrip(' *')}.")
    return sentences


def feasibility(report: Report) -> str:
    """Return whether all constraints hold, as a sentence; those that fail with how much of each is used."""
    failing = [f"{c.name} ({_used(c)} of what there is)" for c in report.result.constraints if not c.ok]
    if not failing:
        return "All constraints hold."
    return f"The system cannot be: {', '.join(failing)} fail{'' if failing[1:] else 's'}."


def _used(constraint: ConstraintResult) -> str:
    return f"{100 * constraint.used / constraint.limit:.0f} %" if constraint.limit else "-"


def _headline(report: Report) -> Section:
    """The answer in a few sentences, with all metrics."""
    found = report.sensitivity
    more = []
    if report.uncertainty is not None:
        interval = report.uncertainty.intervals[0]
        more.append(f"Over the declared ranges {interval.words}; its middle is at "
                    f"{format_quantity(interval.quantiles[0.5], found.unit)}.")  # fmt: skip
    if report.indices is not None and report.indices.measure_first:
        more.append(f"Measure {report.indices.measure_first} first.")
    rows = tuple(
        (name, "-" if value is None else format_quantity(value, METRICS[name][0]), METRICS[name][1])
        for name, value in report.result.metrics.items()
    )
    table = Table(("metric", "value", "what it is"), rows, "All metrics at this point", frozenset({2}), code=True)
    answer, *why = headline(report)
    point = f"The point: {described(report)}."
    # the numbers of a system that cannot be are read with that in mind, so it is said at once
    words = (answer, feasibility(report), *why, *more, point)
    metrics = {name: {"value": v, "unit": METRICS[name][0]} for name, v in report.result.metrics.items()}
    data = {"system": report.system, "model": report.model, "workload": dict(report.workload), "metrics": metrics}
    return Section("headline", "The answer", words, (), (table,), data)


def _binds(report: Report) -> Section:
    """The shares of resources and operators."""
    result = report.result
    phases = list(dict.fromkeys(r.phase for r in result.resources))
    share = {(r.name, r.phase): r.share for r in result.resources}
    names = dict.fromkeys(r.name for r in sorted(result.resources, key=lambda r: -r.share) if r.share > 0)
    rows = tuple((n, *(percent(share.get((n, p), 0.0)) for p in phases)) for n in names)
    tables = [Table(("resource", *phases), rows, "Share of the time of each phase", resource=0)]
    for phase in phases:
        own = [o for o in result.operators if o.phase == phase]
        rows = tuple(
            (o.name, f"{o.count:g}", format_quantity(o.time, "s"), percent(o.share), o.bound or "-")
            for o in sorted(own, key=lambda o: -o.share)
        )
        title = f"Operators of {phase}" + (" (mean of the steps)" if phase != "prefill" else "")
        tables.append(Table(("operator", "runs", "each", "share", "bound by"), rows, title, frozenset({4}), resource=4))
    data = {
        "resources": [attrs.asdict(one) for one in result.resources],
        "operators": [attrs.asdict(one) for one in result.operators],
    }
    return Section("binds", "What binds", (), (), tuple(tables), data)


def _formula(report: Report) -> Section:
    """The closed form and its terms."""
    why = report.explanation
    title = "The formula"
    if why is None:
        return Section("formula", title, (f"{report.metric} is no sum of terms.",))
    sentences = [regime_words(why)]
    if why.metric != report.metric:
        sentences.insert(0, f"{report.metric} is no sum of terms; {why.metric}, which it is made of, is.")
    if why.roofline is not None:
        gap = 100 * (why.value / why.roofline.value - 1)
        value = format_quantity(why.roofline.value, why.unit)
        sentences.append(
            f"At p = infinity, where only the slowest resource counts, it is {value}; here it is {gap:.1f} % more."
        )
    tables = (_terms(why), _definitions(why))
    return Section("formula", title, tuple(sentences), written_out(why), tables, _sum(why))


def regime_words(why: Explanation) -> str:
    """Return what kind of closed form it is, and what is kept short in it."""
    more = []
    if why.rounded:
        more.append("What rounding up adds at this point is a number in it.")
    if why.amounts:
        names = f"{why.amounts[0]} to {why.amounts[-1]} are amounts" if why.amounts[1:] else f"{why.amounts[0]} is one"
        more.append(f"{names} of work, functions of the workload alone: they are written out below.")
    if why.rest:
        share = percent(math.fsum(t.share for t in why.rest))
        many = f"The {len(why.rest)} smallest terms, {share} together, are"
        more.append(f"{many if len(why.rest) > 1 else f'The smallest term, {share}, is'} its rest.")
    return " ".join([_regime(why), *more])


def _regime(why: Explanation) -> str:
    if why.unit != "s":
        return ADDED[why.unit]
    if why.order == math.inf:
        return "Closed form in the regime at this point: where resources overlap, the slowest counts."
    if why.order == 1:
        return "Closed form in the regime at this point: arithmetic and data do not overlap, their times add."
    return (
        f"Overlap order p = {why.order:g}: each time t counts with the weight (t/m)**(p-1), m being "
        "the overlapped time of its operator; the weights are those at this point."
    )


def written_out(why: Explanation) -> tuple[str, ...]:
    """Return a closed form as lines in plain symbols: the terms, then the definitions."""
    from symarch.report.formulas import rounded, sum_lines, written

    lines = [f"{why.metric} =", *(f"  {line}" for line in sum_lines(why))]
    if why.rest or why.definitions:
        lines.append("where")
    if why.rest:
        lines += ["    rest =", *(f"      {line}" for line in sum_lines(why, rest=True))]
    return (*lines, *(f"    {n} = {written(rounded(e, why.values))}" for n, e in why.definitions.items()))


def _sum(why: Explanation) -> dict[str, Any]:
    """Return the numbers of a closed form as plain data: its terms, its definitions, the value at p = infinity."""
    terms = [
        {"resource": t.resource, "cause": t.cause, "operators": list(t.operators), "value": t.value, "share": t.share}
        for t in why.terms
    ]
    definitions = {n: {"value": why.values[n], "unit": why.units[n]} for n in why.definitions}
    return {
        "metric": why.metric,
        "value": why.value,
        "unit": why.unit,
        "order": why.order,
        "terms": terms,
        "definitions": definitions,
        "roofline": why.roofline and why.roofline.value,
    }


def _terms(why: Explanation) -> Table:
    rows = tuple(
        (t.resource, percent(t.share), format_quantity(t.value, why.unit), t.cause, _first(t.operators))
        for t in why.terms
    )
    title = f"{why.metric} as a sum of terms"
    columns = ("resource", "share", AMOUNT[why.unit], "for", "in")
    return Table(columns, rows, title, frozenset({3, 4}), resource=0)


def _definitions(why: Explanation) -> Table:
    rows = tuple((n, format_quantity(why.values[n], why.units[n])) for n in why.definitions)
    return Table(("definition", "value"), rows, "Its definitions at this point", code=True)


def _first(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _tornado(report: Report) -> Section | None:
    """The metric at the ends of each parameter's range."""
    bars = report.tornado
    if not bars:
        return None
    unit, scale = readable_unit(report.sensitivity.value, report.sensitivity.unit)
    rows = []
    for bar in bars[:LONGEST]:
        symbol = report.symbols[bar.parameter]
        ends = (value_text(report, bar.parameter, v, symbol.unit) for v in (symbol.low or 0.0, symbol.high or 0.0))
        metric = ("does not run" if v is None else format_value(v / scale) for v in (bar.low, bar.high))
        swing = f"{100 * bar.swing:.1f} %" if math.isfinite(bar.swing) else "-"
        rows.append((bar.parameter, " to ".join(ends), *metric, swing, bar.status))
    columns = ("parameter", "range", f"at low [{unit}]", f"at high [{unit}]", "swing", "status")
    left = len(bars) - len(rows)
    more = (f"{left} more parameters swing it less.",) if left > 0 else ()
    words = f"{report.metric} at the ends of each parameter's range, all else at the point."
    halts = any(None in (b.low, b.high) for b in bars[:LONGEST])
    why = ("Where it does not run, static power alone takes all that a limit on power or temperature allows.",)
    return Section("tornado", "Tornado: what each range means", (words, *(why if halts else ()), *more), (),
                   (Table(columns, tuple(rows), "", frozenset({5}), code=True),),
                   [attrs.asdict(bar) for bar in bars])  # fmt: skip


def _gain(gain: float) -> str:
    from symarch.sensitivity.headroom import gain_text

    return gain_text(gain)


def _headroom(report: Report) -> Section:
    """What removing each bottleneck brings."""
    found = report.headroom
    sentences = [sentence(e.words) for kind in ("resource", "parameter", "definition")
                 for e in found.of(kind)[:2] if e.gain > 1 + SMALLEST]  # fmt: skip
    if found.floor:
        sentences.append(f"With all else removed, the time of {found.floor} is left.")
    title = "Headroom: what removing a bottleneck brings"
    return Section("headroom", title, tuple(sentences), (), _headways(found), found.to_dict())


def _headways(found: Headroom) -> tuple[Table, ...]:
    unit, scale = readable_unit(found.value, found.unit)
    steps = tuple(
        (f"{s.resource}", percent(s.share), _scaled(s.value, scale), _gain(s.gain), s.binds, percent(s.binds_share))
        for s in found.waterfall
    )
    tables = []
    if steps:
        columns = ("removed", "share before", f"then [{unit}]", "gain so far", "then binds", "with")
        title = f"{found.metric} as the largest share is removed, one resource after the other"
        tables.append(Table(columns, steps, title, frozenset({4}), resource=0))
    alone = [e for e in found.entries if e.gain > 1 + SMALLEST and e.kind != "resource"][:LONGEST]
    rows = tuple((e.name, e.kind, _end(e.end, e.unit), _scaled(e.limit, scale), _gain(e.gain)) for e in alone)
    headings = ("what", "kind", "at its best end", f"{found.metric} then [{unit}]", "gain")
    tables.append(Table(headings, rows, "Each alone at its best conceivable end", frozenset({1}), code=True))
    return tuple(tables)


def _end(end: float, unit: str) -> str:
    return "infinite" if end == math.inf else "0" if end == 0 else format_quantity(end, unit)


def _scaled(value: float, scale: float) -> str:
    return format_value(value / scale) if math.isfinite(value) else "infinite"


def _regimes(report: Report) -> Section | None:
    """What binds where over two parameters."""
    found = report.regime_map
    if found is None:
        return None
    rows = []
    for region in found.regions[:LONGEST]:
        at = ", ".join(
            f"{n} {value_text(report, n, v, u)}"
            for n, v, u in zip(found.parameters, region.at, found.units, strict=True)
        )
        form = region.form
        terms = ", ".join(f"{t.resource} {percent(t.share)}" for t in form.terms[:3]) if form else "-"
        rows.append((region.bound, percent(region.area), at, format_quantity(region.value, found.unit), terms))
    columns = ("largest share", "of the map", "at its middle", report.metric, "terms there")
    across, up = found.parameters
    words = f"Which resource has the largest share of {report.metric}, over {across} and {up}."
    left = len(found.regions) - len(rows)
    more = (f"{left} smaller regions are left out of the table.",) if left > 0 else ()
    forms = tuple(_in_region(report.metric, region) for region in found.regions if region.form)
    return Section("regimes", "Regime map: what binds where", (words, *more), forms,
                   (Table(columns, tuple(rows), "", frozenset({2, 4}), resource=0),), found.to_dict())  # fmt: skip


STATED = 3
"""Terms of a region's closed form that are written out."""


def _in_region(metric: str, region: Region) -> str:
    """Return the closed form of a region as a line: its largest terms, and how much the rest is."""
    from symarch.report.formulas import rounded, written

    assert region.form is not None  # those alone are asked for
    form = region.form
    terms = [written(rounded(form.spelled(t), form.values)) for t in form.terms[:STATED]]
    rest = math.fsum(t.share for t in form.terms[STATED:])
    more = [f"{len(form.terms) - STATED} terms of {percent(rest)} together"] if rest > 0 else []
    return f"{region.bound} ({percent(region.area)} of the map): {metric} = {' + '.join([*terms, *more])}"


def _line(report: Report) -> Section | None:
    """What binds along the most influential parameter: condition, bound, value, closed form."""
    if report.axes is None:
        return None
    name = report.axes[0]
    found = report.analysis.regimes(report.metric, name, **report.given)
    rows = tuple(
        (*cells, _as_formula(regime.form, regime.coefficients))
        for cells, regime in zip(found.rows(), found.regimes, strict=True)
    )
    words = f"Which resource has the largest share of {report.metric} along {name}, all else at the point."
    solved = any(r.form for r in found.regimes)
    more = f"In the closed form x is {name}, in SI." if solved else "Closed forms are there at p = 1 and infinity."
    table = Table(("condition", "bound", report.metric, "closed form"), rows, "", frozenset({1, 2, 3}))
    return Section("line", f"Regimes along {name}", (words, more), (), (table,), found.to_dict())


def _as_formula(form: str, coefficients: Sequence[float]) -> str:
    found = form or "-"
    for letter, value in zip("abc", coefficients, strict=False):
        found = found.replace(letter, f"{value:.4g}", 1)
    return found


def _published(report: Report) -> Section:
    """The metrics with each published parameter set of the memories in place of their own."""
    tables: list[tuple[float, Table]] = []
    data: dict[str, Any] = {}
    for component in report.analysis.system.of("memory"):
        cls = component.technology
        if cls is None or cls.name in report.analysis.system.technologies:
            continue
        samples = report.analysis.presets_as_samples(component.name, **report.given)
        data[component.name] = [attrs.asdict(s) for s in samples]
        rows = tuple(
            (
                f"{s.preset}{' (now)' if s.preset == component.preset else ''}",
                *(_or_dash(s.metrics.get(m), METRICS[m][0]) for m in (report.metric, *BESIDE[:2])),
                "-" if s.feasible else s.reason or ", ".join(s.fails),
                s.status,
                s.source,
            )
            for s in samples
        )
        values = [v for s in samples if (v := s.metrics.get(report.metric)) is not None]
        unit = report.sensitivity.unit
        ends = f": {format_quantity(min(values), unit)} to {format_quantity(max(values), unit)}" if values else ""
        columns = ("preset", report.metric, *(ASIDES[m][0] for m in BESIDE[:2]), "fails", "status", "source")
        title = f"{component.name}, {len(samples)} sets of {cls.name}{ends}"
        spread = max(values) / min(values) if values else 1.0
        tables.append((spread, Table(columns, rows, title, frozenset({4, 5, 6}), code=True)))
    tables.sort(key=lambda pair: -pair[0])  # what differs most comes first
    words = "Each published parameter set stands in for a memory's own; what the spec or --set gives it stays."
    title = "The published parameter sets as samples"
    return Section("published", title, (words,), (), tuple(table for _, table in tables), data)


def _or_dash(value: float | None, unit: str) -> str:
    return "-" if value is None else format_quantity(value, unit)


def _roofline(report: Report) -> Section | None:
    """The operators under the roofs of their resources."""
    found = report.roofline
    if not found.points:
        return None
    roofs = [f"arithmetic {format_quantity(found.peak, 'FLOP/s')}"]
    roofs += [f"{name} {format_quantity(rate, 'B/s')}" for name, rate in found.rates.items()]
    rows = tuple(
        (
            p.operator,
            p.phase,
            format_value(p.intensity),
            format_quantity(p.rate, "FLOP/s"),
            percent(p.share),
            p.bound or "-",
        )
        for p in found.points
    )
    columns = ("operator", "phase", "FLOP/B", "attained", "share", "bound by")
    words = f"On one device, the rates that the fastest operator on each resource sustains: {', '.join(roofs)}."
    table = Table(columns, rows, "", frozenset({1, 5}), resource=5)
    return Section("roofline", "Roofline of the operators", (words,), (), (table,), attrs.asdict(found))


def closed_forms(found: BreakEven, prefix: str = "") -> list[list[str]]:
    """Return the closed forms of a break-even, that of infinite overlap order beside it, each a title and lines."""
    paragraphs = []
    for crossing in found.crossings:
        form = crossing.form
        if form is None:
            if crossing.reason and found.roofline is None:
                paragraphs.append([f"{prefix}No closed form: {crossing.reason}."])
            continue
        reach = f"{found.shown(form.low)} to {found.shown(form.high)}"
        title = f"{prefix}Closed form, with x = {found.parameter}, valid from {reach}:"
        lines = [form.equation, f"{form.solution} = {found.shown(form.value)}"]
        if "T" in form.equation:
            lines.append(f"T = {format_quantity(found.target, found.unit)}")
        lines += [f"{p.letter} = {p.expression} = {p.value:.6g}" for p in form.parts]
        paragraphs.append([title, *lines])
    if found.roofline is not None:
        paragraphs += closed_forms(found.roofline, "At p = infinity, beside it. ")
    return paragraphs


def prefetched(found: BreakEven) -> list[str]:
    """Return a break-even with and without prefetching as sentences; none where that makes no difference."""
    return [f"With {name}: {variant.words}." for name, variant in found.variants.items()]


def _break_even(report: Report) -> Section:
    """Where each parameter meets the target."""
    if report.target is None:
        how = f"No target is set: --target VALUE (in Python `target`) asks where parameters make {report.metric} so."
        return Section("break_even", "Break-even", (how,))
    found = report.break_evens
    aim = format_quantity(report.target, report.sensitivity.unit)
    better = report.sensitivity.value >= report.target if report.metric in HIGHER_IS_BETTER else (
        report.sensitivity.value <= report.target)  # fmt: skip
    rows = [(one.parameter, one.shown(one.value), *one.cells) for one in found]
    columns = ("parameter", "now", f"{report.metric} is {aim} at", "better", "")
    sentences = (f"The target of {aim} is {'met' if better else 'not met'} at this point.",
                 *(sentence(one.words) for one in found[:3]),
                 *(words for one in found for words in prefetched(one)))  # fmt: skip
    formulas = [line for one in found for paragraph in closed_forms(one) for line in paragraph]
    table = Table(columns, tuple(rows), "Each parameter moved alone", frozenset({3, 4}), code=True)
    data = [one.to_dict() for one in found]
    return Section("break_even", f"Break-even with {aim}", sentences, tuple(formulas), (table,), data)


def _uncertainty(report: Report) -> Section:
    """Intervals over the declared ranges, and what to measure first."""
    title = "Uncertainty"
    found = report.uncertainty
    if found is None:
        return Section("uncertainty", title, ("No parameter of this system has a range.",))
    sentences = [sentence(i.words) for i in found.intervals]
    sentences.append(
        f"{found.samples:,} samples over the declared ranges of {len(found.spreads)} parameters, independent of each "
        "other: assumed values are uniform, others most likely at their value."
    )
    sentences.append(f"All constraints hold in {100 * found.feasible:.0f} % of the samples.")
    if found.running < 1:
        sentences.append(
            f"In {percent(1 - found.running)} of the samples nothing runs, for static power alone takes all that a "
            "limit on power or temperature allows; the intervals are over the others."
        )
    held = _without_range(report)
    if held:
        sentences.append(f"Assumed or announced, but without a range, and so not varied: {', '.join(held)}.")
    rows = tuple(
        (i.metric, *(format_quantity(v, i.unit) for v in (i.value, i.mean, i.deviation, *i.quantiles.values())))
        for i in found.intervals
    )
    levels = tuple(f"{100 * q:.0f} % below" for q in found.intervals[0].quantiles)
    tables = [Table(("metric", "at the point", "mean", "deviation", *levels), rows, "", code=True)]
    indices = report.indices
    if indices is None:
        sentences.append("Which unknown to measure first is found with the extra symarch[study].")
    else:
        first = indices.measure_first
        sentences.append(
            f"Of the assumed and announced values, {first} explains most of the variance: measure it first."
            f"{_as_large(indices, first)}"
            if first
            else "No assumed or announced value matters."
        )
        shown = [e for e in indices.entries if e.size >= 0.005][:LONGEST]
        rows = tuple(
            (
                e.parameter,
                *(f"{_rounded(getattr(e, k))} \u00b1 {getattr(e, k + '_error'):.2f}" for k in ("total", "first")),
                e.status,
            )
            for e in shown
        )
        columns = ("parameter", "with interactions", "alone", "status")
        about = (
            f"Share of the variance of the logarithm of {report.metric} (Sobol indices, "
            f"{indices.evaluations:,} evaluations)"
        )
        tables.append(Table(columns, rows, about, frozenset({3}), code=True))
    data = {"samples": found.to_dict(), "indices": indices and indices.to_dict()}
    return Section("uncertainty", title, tuple(sentences), (), tuple(tables), data)


def _without_range(report: Report) -> list[str]:
    """Return the parameters that nobody measured or standardised, that matter, and that yet have no range."""
    from symarch.sensitivity.uncertainty import UNKNOWN  # numpy, which a section without it does without

    symbols = {
        e.parameter: report.symbols.get(e.parameter) for e in report.sensitivity.elasticities if e.size >= SMALLEST
    }
    return [n for n, s in symbols.items() if s and "." in n and s.status in UNKNOWN and None in (s.low, s.high)]


def _rounded(share: float) -> str:
    """Return a share of a variance with two decimals; one that the samples leave a hair below 0 is 0."""
    return f"{share + 0.0 if abs(share) >= 0.005 else 0.0:.2f}"


def _as_large(indices: Indices, first: str) -> str:
    """Return a sentence that names what the samples do not tell from the first, empty if nothing."""
    from symarch.sensitivity.uncertainty import UNKNOWN, Sobol  # numpy, which a section without it does without

    entries = [e for e in indices.entries if isinstance(e, Sobol) and e.status in UNKNOWN]
    top = next(e for e in entries if e.parameter == first)
    near = [e for e in entries if e is not top and e.total + e.total_error > top.total - top.total_error]
    names = [e.parameter for e in near if e.total > top.total / 4][:3]
    return f" Within the error of the samples {', '.join(names)} may matter as much." if names else ""


ASIDES = {
    "energy_per_token": ("energy", "Energy per token", "The whole system spends {} for each output token."),
    "cost_per_million_tokens": ("cost", "Cost", "Owning and running the system costs {} for a million output tokens."),
    "carbon_per_million_tokens": ("carbon", "Carbon", "A million output tokens emit {} of carbon dioxide equivalent, "
                                                      "the making of the machines included."),
}  # fmt: skip
"""Name, title and first sentence of the sections on what a report explains beside its metric."""


def _energy(report: Report) -> Section:
    """What the energy of a token is made of, and what it answers to."""
    return _aside(report, "energy_per_token")


def _cost(report: Report) -> Section:
    """What a million tokens cost, and what that answers to."""
    return _aside(report, "cost_per_million_tokens")


def _carbon(report: Report) -> Section:
    """What a million tokens emit, and what that answers to."""
    return _aside(report, "carbon_per_million_tokens")


def _aside(report: Report, metric: str) -> Section:
    name, title, answer = ASIDES[metric]
    found = report.asides.get(metric)
    if found is None:
        lacks = report.result.missing.get(metric, ())
        words = f"Not computed: {', '.join(lacks)} not known." if lacks else "Not computed in this phase."
        hint = f"It is with --set {lacks[0]}=..., each with a value and its unit." if lacks else ""
        return Section(name, title, (words, hint) if hint else (words,))
    why, sensitivity, room = found.why, found.sensitivity, found.headroom
    largest = room.of("resource")[:2]
    sentences = (
        answer.format(format_quantity(sensitivity.value, sensitivity.unit)),
        regime_words(why),
        *(sentence(e.words) for e in largest),
        *(w for w in (one.words for one in report.result.lasting) if w and metric != "energy_per_token"),
    )
    top = _elasticity_table(report, sensitivity, LONGEST)
    data = {"sum": _sum(why), "headroom": room.to_dict(), "sensitivity": sensitivity.to_dict()}
    return Section(name, title, sentences, written_out(why), (_terms(why), *_headways(room), top), data)


def _elasticity_table(report: Report, found: Sensitivity, most: int | None = None) -> Table:
    unit, scale = readable_unit(found.value, found.unit)
    rows = tuple(
        (
            e.parameter,
            value_text(report, e.parameter, e.value, e.unit),
            e.text,
            *("-" if v is None else format_value(v / scale) for v in (e.low, e.high, e.limit)),
        )
        for e in found.elasticities
        if e.size >= SMALLEST
    )[:most]
    columns = ("parameter", "value", "elasticity", f"at low [{unit}]", f"at high [{unit}]", f"at best [{unit}]")
    return Table(columns, rows, f"Elasticities of {found.metric}", code=True)


def _elasticities(report: Report) -> Section:
    """How the metric answers to each parameter and definition."""
    found = report.sensitivity
    unit, _ = readable_unit(found.value, found.unit)
    table = _elasticity_table(report, found)
    rest = len(found.elasticities) - len(table.rows)
    groups = tuple(
        (g.name, format_quantity(g.value, g.unit), g.text, ", ".join(g.parts))
        for g in found.groups
        if g.size >= SMALLEST
    )
    made = Table(("definition", "value", "elasticity", "made of"), groups, "Definitions", frozenset({3}), code=True)
    sentences = [
        "An elasticity of -0.5: 1 % more of the parameter and the metric falls by 0.5 %.",
        *legend(found.metric, unit),
    ]
    if rest:
        sentences.append(f"{rest} more parameters have an elasticity below {SMALLEST}")
    return Section("elasticities", "Elasticities", tuple(sentences), (), (table, made))


def _constraints(report: Report) -> Section:
    """What must hold, and whether it does."""
    found = report.uncertainty
    rows = tuple(
        (
            c.name,
            "holds" if c.ok else FAILS,
            format_quantity(c.used, c.unit),
            format_quantity(c.limit, c.unit),
            _used(c),
            f"{100 * found.fits[c.name]:.0f} %" if found is not None and c.name in found.fits else "-",
        )
        for c in report.result.constraints
    )
    columns = ("constraint", "state", "needed", "available", "used", "holds in samples")
    data = [attrs.asdict(c) | {"slack": c.slack} for c in report.result.constraints]
    return Section("constraints", "Constraints", (), (), (Table(columns, rows, "", frozenset({1})),), data)


def _parameters(report: Report) -> Section:
    """All parameters with their ranges and sources."""
    rows, data = [], []
    system = report.analysis.system
    for name, symbol in report.symbols.items():
        owner, _, item = name.partition(".")
        component = system.owners.get(owner)
        setting = component.settings.get(item) if component else None
        ends = (symbol.low, symbol.high)
        between = " to ".join("" if v is None else value_text(report, name, v, symbol.unit) for v in ends)
        value = value_text(report, name, report.point.values[name], symbol.unit)
        status = f"{symbol.status} ({setting.origin})" if setting is not None else "workload"
        rows.append((name, value, between if ends != (None, None) else "-", status, symbol.source or "-"))
        data.append(
            {
                "parameter": name,
                "value": report.point.values[name],
                "unit": symbol.unit,
                "low": symbol.low,
                "high": symbol.high,
                "status": symbol.status,
                "source": symbol.source,
            }
        )
    table = Table(("parameter", "value", "range", "status", "source"), tuple(rows), "", frozenset({2, 3, 4}), code=True)
    return Section("parameters", "Parameters and their sources", (), (), (table,), data)


def _plugins(report: Report) -> Section:
    """Where the technologies come from."""
    rows = tuple((p["name"], f"{p['distribution']} {p['version']}") for p in report.plugins)
    table = Table(("name", "from"), rows, "", frozenset({1}))
    return Section("plugins", "Plugins", (), (), (table,), [dict(p) for p in report.plugins])


def _checks(report: Report) -> Section:
    """The sums that elasticities must have."""
    rows = tuple(
        (c.unit, f"{c.expected:+g}", f"{c.found - c.expected:.0e}", "ok" if c.ok else "FAILS", c.note)
        for c in report.sensitivity.checks
    )
    words = "The elasticities, each times its parameter's exponent of a unit, sum to the metric's exponent."
    table = Table(("unit", "due", "off by", "", "note"), rows, "", frozenset({3, 4}))
    return Section("checks", "Checks", (words,), (), (table,))


def _assumptions(report: Report) -> Section:
    """What was assumed, and what is not modelled."""
    said = (*report.assumptions, *said_of_errors(report.analysis, report.result))
    return Section("assumptions", "Assumed, or not modelled", said)


@hookimpl
def symarch_report_sections() -> dict[str, Callable[[Report], Section | None]]:
    """Return the sections of this module."""
    return {name: globals()[f"_{name}"] for name in (*ORDER, *MORE)}
