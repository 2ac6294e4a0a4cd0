"""Systems side by side: their numbers, what they differ in, what each difference costs, where they break even."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import attrs

from symarch.accuracy.expected import Expectation, errors_to_expect
from symarch.analysis import METRICS
from symarch.api import Analysis, Result
from symarch.errors import SymarchError, UnknownNameError, WorkloadError, nearest
from symarch.mapping import mappings
from symarch.notebook import Sheet, Shown
from symarch.quantities import format_setting
from symarch.results import shown
from symarch.specs.placement import described

if TYPE_CHECKING:
    from symarch.sensitivity import BreakEven

MATTERS = 0.0005
"""Elasticity below which a parameter that only one system has is not searched for a break-even."""

ALL = "all"
"""What is asked for in place of a parameter to be shown every break-even."""

SHOWN = 10
"""Break-evens of two systems that are shown: those that take the smallest change."""

SAME = 1e-12
"""Relative gap of a metric up to which two systems have the same: every parameter breaks even where it is."""


@attrs.frozen
class Difference:
    """One thing in which systems differ.

    Attributes:
        name: a parameter or option (`hbm.pin_rate`), a component (`hbf`), or a key of the mapping (`mapping.tensor`).
        unit: of the values; empty for words.
        values: for each system, a number [SI], a word, or None where it is absent.
        costs: for each system but the first, the metric of the first if it took this one value over, all else its own;
            None where that makes no system.
    """

    name: str
    unit: str
    values: tuple[Any, ...]
    costs: tuple[float | None, ...]


@attrs.frozen
class Comparison(Shown):
    """Systems side by side on one model and workload.

    Attributes:
        model: name of the model.
        metric: the metric that differences and break-evens are about.
        unit: its unit.
        systems: names; those of one that is there several times end in #1, #2 ..., by their positions.
        settings: what was set in each of them alone, as text by name.
        devices: how many each has.
        results: the numbers of each.
        differences: what they differ in, the costliest first.
        break_evens: between each two systems, of each differing parameter or of the one asked for; none between two
            with the same metric, unless a parameter was asked for.
        asked: the parameter that was asked for, all, or None.
        in_bits: parameters that people state in bits.
        expected: for each system, what error to expect.
    """

    model: str
    metric: str
    unit: str
    systems: tuple[str, ...]
    settings: tuple[Mapping[str, str], ...]
    devices: tuple[int, ...]
    results: tuple[Result, ...]
    differences: tuple[Difference, ...]
    break_evens: tuple[BreakEven, ...]
    asked: str | None
    in_bits: frozenset[str]
    expected: tuple[tuple[Expectation, ...], ...]

    @property
    def most(self) -> int | None:
        """Return how many break-evens of two systems are shown, None for all."""
        return SHOWN if self.asked is None else None

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return each two systems."""
        return tuple(combinations(self.systems, 2))

    def differing(self, first: str, second: str) -> list[str]:
        """Return the metrics that two systems do not have in common."""
        one, other = (self.results[self.systems.index(n)].metrics for n in (first, second))
        return [n for n in one if not _same(one[n], other.get(n))]

    def decisive(self, first: str, second: str) -> list[BreakEven]:
        """Return the break-evens of two systems that have a crossing, the smallest change first.

        A value inside the declared range comes before any outside, whatever the factor to it.
        """
        found = [b for b in self.break_evens if (b.first, b.second) == (first, second) and b.crossings]
        return sorted(found, key=lambda b: b.distance)

    def sheets(self) -> tuple[Sheet, ...]:
        """Return metrics, what the systems differ in, and where they break even."""
        metrics = [(n, *(shown(n, r.metrics[n]) for r in self.results)) for n in self.results[0].metrics]
        differences = [(d.name, *("-" if v is None else self._text(d, v) for v in d.values)) for d in self.differences]
        crossings = [(b.parameter, b.words) for pair in self.pairs for b in self.decisive(*pair)[: self.most]]
        return (
            Sheet(f"{self.model} on {' and '.join(self.systems)}", ("metric", *self.systems), metrics),
            Sheet("What they differ in", ("parameter", *self.systems), differences),
            Sheet(f"Break-even in {self.metric}", ("parameter", "answer"), crossings, words=[1]),
        )

    def _text(self, difference: Difference, value: Any) -> str:
        named = not isinstance(value, float | int) or not difference.unit
        return str(value) if named else format_setting(value, difference.unit, difference.name in self.in_bits)


def compare(
    analyses: Sequence[Analysis],
    metric: str = "tpot",
    break_even: str | None = None,
    *,
    settings: Sequence[Mapping[str, str]] | None = None,
    **given: Any,
) -> Comparison:
    """Compare systems on one model and workload.

    Args:
        analyses: one for each system, of the same model; the first is the one that others are held against. The same
            system may be there several times, with other settings, degrees or places.
        metric: what differences and break-evens are about.
        break_even: the parameter to search, None for each differing one, `all` to have all of these shown.
        settings: what was set in each system alone, to be told with it.
        given: the workload; parameters go to the systems that have them.

    Raises WorkloadError, UnknownNameError.
    """
    if len(analyses) < 2:
        raise WorkloadError("a comparison needs two systems or more")
    analyses = _told_apart(analyses)
    points = [_own(a, given) for a in analyses]
    results = tuple(a.evaluate(**p) for a, p in zip(analyses, points, strict=True))
    first = analyses[0]
    first.point(metric, **points[0])  # which says what is wrong with the metric
    found = [_costed(d, analyses, metric, points[0], results[0]) for d in _differences(analyses)]
    now = results[0].metrics[metric] or math.nan
    found.sort(key=lambda d: -max((abs(c / now - 1) for c in d.costs if c is not None), default=0.0))
    crossings: list[BreakEven] = []
    named = break_even if break_even != ALL else None
    if named is not None:
        _check_known(named, analyses)
    for i, j in combinations(range(len(analyses)), 2):
        one, other, point = analyses[i], analyses[j], points[i]
        if named is not None:
            wanted = [named]
        elif _same(results[i].metrics[metric], results[j].metrics[metric]):
            continue
        else:
            wanted = _searched(one, other, metric, given)
        forms = named is not None
        for name in wanted:
            if any(name in a.recorded("context" in point).symbols for a in (one, other)):
                crossings.append(one.break_even(name, other, metric, forms=forms, **point))
    return Comparison(
        model=first.model.name,
        metric=metric,
        unit=METRICS[metric][0],
        systems=tuple(a.system.name for a in analyses),
        settings=tuple(settings) if settings else tuple({} for _ in analyses),
        devices=tuple(a.system.devices for a in analyses),
        results=results,
        differences=tuple(found),
        break_evens=tuple(crossings),
        asked=break_even,
        in_bits=frozenset().union(*(a.system.in_bits for a in analyses)),
        expected=tuple(tuple(errors_to_expect(a, r)) for a, r in zip(analyses, results, strict=True)),
    )


def _same(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and math.isclose(one, other, rel_tol=SAME))


def _told_apart(analyses: Sequence[Analysis]) -> list[Analysis]:
    """Return the analyses, each system with a name of its own. Raises WorkloadError for two that differ in nothing."""
    names = [a.system.name for a in analyses]
    found = []
    for i, analysis in enumerate(analyses):
        same = [j for j, name in enumerate(names) if name == names[i]]
        for j in same:
            if j > i and _alike(analysis, analyses[j]):
                raise WorkloadError(
                    f"system '{names[i]}' is given twice, as {i + 1} and {j + 1}, and nothing tells them apart; "
                    f"set something in one of them alone, as in --set {j + 1}:mapping.tensor=4"
                )
        if len(same) > 1:
            analysis = analysis.on(attrs.evolve(analysis.system, name=f"{names[i]} #{i + 1}"))
        found.append(analysis)
    return found


def _alike(one: Analysis, other: Analysis) -> bool:
    """Return whether two analyses of a model on systems of one name have the same numbers at each point."""
    return (one.system, one.dtypes, one.ideal) == (other.system, other.dtypes, other.ideal)


def _own(analysis: Analysis, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a point a system can be given."""
    return {n: v for n, v in given.items() if "." not in n or n in analysis.recorded().symbols}


def _check_known(name: str, analyses: Sequence[Analysis]) -> None:
    known = sorted({n for a in analyses for n in a.recorded().symbols})
    if name not in known:
        raise UnknownNameError(f"unknown name '{name}'; {nearest(name, known)}")


def _differences(analyses: Sequence[Analysis]) -> list[Difference]:
    found = []
    systems = [a.system for a in analyses]
    placed = [mappings(a.system, a.model) for a in analyses]
    for pool in dict.fromkeys(p for one in placed for p in one):
        before = f"pool.{pool}." if pool else "mapping."
        ours = [one.get(pool) for one in placed]
        degrees = [m.degrees if m else {} for m in ours]
        for key in dict.fromkeys(k for d in degrees for k in d):
            values = tuple(d.get(key, 1 if d else None) for d in degrees)
            if len(set(values)) > 1:
                found.append(Difference(f"{before}{key}", "", values, ()))
        for tensor in analyses[0].model.tensors:
            places = tuple(described(m.place[tensor]) if m else None for m in ours)
            if len(set(places)) > 1:
                found.append(Difference(f"{before}place.{tensor}", "", places, ()))
    for name in dict.fromkeys(n for s in systems for n in s.owners):
        found += _of_component(name, [s.owners.get(name) for s in systems])
    return found


def _of_component(name: str, components: Sequence[Any]) -> list[Difference]:
    classes = [c and (c.technology, c.topology) for c in components]
    if len(set(classes)) > 1:
        words = tuple(c and _words(c) for c in components)
        return [Difference(name, "", words, ())]
    found = []
    for key in ("size", "arbitration", "shared_by", "on", "between", "algorithm"):
        values = tuple(getattr(c, key) for c in components)
        if len(set(values)) > 1:
            shown = tuple(v if v is None or isinstance(v, int) else str(v) for v in values)
            found.append(Difference(f"{name}.{key}", "", shown, ()))
    declared = components[0].declared()
    for key in components[0].settings:
        values = tuple(c.settings[key].value for c in components)
        if len(set(values)) > 1:
            found.append(Difference(f"{name}.{key}", declared[key].unit if key in declared else "", values, ()))
    return found


def _words(component: Any) -> str:
    technology = component.technology.name if component.technology else component.table
    return f"{technology}, {component.preset}" if component.preset else str(technology)


def _costed(
    difference: Difference, analyses: Sequence[Analysis], metric: str, given: Mapping[str, Any], now: Result
) -> Difference:
    """Return a difference with what it costs the first system to take each other system's value over."""
    first = analyses[0]
    symbols = first.recorded(given.get("context") is not None).symbols
    owner, _, key = difference.name.partition(".")
    component = first.system.owners.get(owner)
    costs: list[float | None] = []
    for value in difference.values[1:]:
        cost = None
        if value == difference.values[0]:
            cost = now.metrics[metric]
        elif component is not None and key in component.settings and difference.name not in given:
            try:
                if difference.name in symbols:  # else it decides how the model is built
                    cost = first.point(metric, **given, **{difference.name: value}).value
                else:
                    cost = first.with_setting(owner, key, value).point(metric, **given).value
            except SymarchError:
                cost = None  # the value alone, without the others it belongs to, makes no system
        costs.append(cost)
    return attrs.evolve(difference, costs=tuple(costs))


def _searched(first: Analysis, other: Analysis, metric: str, given: Mapping[str, Any]) -> list[str]:
    """Return the parameters that two systems differ in, the ones of both first, then those only one of them has."""
    mine, theirs = (a.point(metric, **_own(a, given)) for a in (first, other))
    found = [
        n
        for n, s in mine.recorded.symbols.items()
        if n in theirs.recorded.symbols and "." in n and mine.values[n] != theirs.values[n] and s.unit
    ]
    for analysis, point, rival in ((first, mine, theirs), (other, theirs, mine)):
        alone = {n.partition(".")[0] for n in point.recorded.symbols} - {
            n.partition(".")[0] for n in rival.recorded.symbols
        }
        sensitivity = analysis.sensitivity(metric, **_own(analysis, given))
        found += [
            e.parameter
            for e in sensitivity.elasticities
            if e.parameter.partition(".")[0] in alone and e.parameter in point.recorded.symbols and e.size >= MATTERS
        ]
    return [n for n in dict.fromkeys(found) if n in mine.program.inputs or n in theirs.program.inputs]


__all__ = ["Comparison", "Difference", "compare"]
