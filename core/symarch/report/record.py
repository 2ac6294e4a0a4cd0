"""The record that a report format gets: a sensitivity, and all that a reader needs to judge it.

What costs time is computed when a format first asks for it: the text report of a terminal pays for no picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from symarch.analysis import HIGHER_IS_BETTER, Symbol, grouped, parts_of
from symarch.api import Analysis, Explanation, Result
from symarch.errors import SymarchError, WorkloadError
from symarch.notebook import Sheet, Shown
from symarch.quantities import parse_quantity
from symarch.report.data import plugins_of
from symarch.sensitivity import Elasticity, Point, Sensitivity

if TYPE_CHECKING:
    from symarch.report.roofline import Roofline
    from symarch.report.sections import Section
    from symarch.sensitivity import Bar, BreakEven, Headroom, Indices, RegimeMap, Uncertainty

_Answer = TypeVar("_Answer")

SMALLEST = 0.0005
"""Elasticities and shares below this are left out of what people read."""

SUMS = {
    "throughput": "request_time",
    "throughput_per_user": "tpot",
    "power": "energy_per_token",
    "throughput_per_watt": "energy_per_token",
    "throughput_per_dollar": "cost_per_million_tokens",
}
"""The metric that is a sum of terms, for metrics that are none."""

BESIDE = ("energy_per_token", "cost_per_million_tokens", "carbon_per_million_tokens")
"""Metrics that every report explains beside its own."""


@attrs.frozen
class Aside:
    """What a report says of a metric beside its own.

    Attributes:
        why: its closed form.
        sensitivity: its elasticities.
        headroom: what the best conceivable parts would bring.
    """

    why: Explanation
    sensitivity: Sensitivity
    headroom: Headroom


SAMPLES = 200_000
"""Samples behind an interval: its ends are known to a few parts in a thousand."""

BASE = 512
"""Base number of samples behind the Sobol indices."""

SEED = 1
"""Of the Sobol samples and their bootstrap."""

ASKED = 8
"""Parameters, the most influential ones, that are searched for a break-even with a target."""

CELLS = 48
"""Cells of each axis of the regime map."""


@attrs.frozen(eq=False, slots=False)
class Report(Shown):
    """A sensitivity with where it comes from, and what else can be asked about its point.

    Attributes:
        system: name of the system.
        model: name of the model.
        workload: batch, prompt and output, or context; phase, dtype by tensor class, ideal.
        sensitivity: metric, value and unit, elasticities, groups and checks.
        assumptions: sentences: what was assumed, and what is not modelled.
        plugins: name, distribution and version of each technology the system uses, and of data from other packages.
        in_bits: parameters that people state in bits; their values are in bytes.
        analysis: what was asked.
        given: the point, as `Analysis.evaluate` takes it.
        result: the numbers of the point: all metrics, constraints, operators, resources.
        target: what the metric is wanted to be [SI], None for nothing.
        chosen: names of the sections, in their order; empty for those of symarch.
    """

    system: str
    model: str
    workload: Mapping[str, Any]
    sensitivity: Sensitivity
    assumptions: tuple[str, ...]
    plugins: tuple[Mapping[str, str], ...]
    in_bits: frozenset[str]
    analysis: Analysis
    given: Mapping[str, Any]
    result: Result
    target: float | None = None
    chosen: tuple[str, ...] = ()

    @property
    def metric(self) -> str:
        """The metric that the report is about."""
        return self.sensitivity.metric

    @cached_property
    def point(self) -> Point:
        """The metric at the point, what the functions of `symarch.sensitivity` are asked about."""
        return self.analysis.point(self.metric, **self.given)

    @property
    def symbols(self) -> Mapping[str, Symbol]:
        """What is known of each parameter: range, status, source."""
        return self.point.recorded.symbols

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The whole report in words and tables, in the order in which it is read."""
        from symarch.report.sections import sections_of

        return sections_of(self)

    @cached_property
    def colours(self) -> Mapping[str, str]:
        """Colour of each resource, `#rrggbb`: the same in all pages of a system."""
        from symarch.report.palette import colours_of

        return colours_of(self.point.recorded)

    def sum_of(self, metric: str) -> str | None:
        """Return the metric whose terms explain a metric: itself if it is a sum; None where there is none."""
        found = SUMS.get(metric, metric)
        return found if f"metric.{found}" in self.point.recorded.program.outputs else None

    @cached_property
    def binding(self) -> tuple[str, str, float] | None:
        """Which resource has the largest share, and of which metric: its own, or that behind it; None without one."""
        name = self.sum_of(self.metric)
        if name is None:
            return None
        point = self.analysis.point(name, **self.given)
        parts = parts_of(point.recorded.program, f"metric.{name}", point.values, point.marked)
        sums = grouped(parts, "resource")
        (resource,), value = next(iter(sums.items()))
        return name, resource, value / math.fsum(sums.values())

    @cached_property
    def explanation(self) -> Explanation | None:
        """The closed form of the metric, or of the one behind it (`sum_of`); None where there is none."""
        name = self.sum_of(self.metric)
        return self._explained(name) if name else None

    @cached_property
    def asides(self) -> Mapping[str, Aside]:
        """Energy, cost and carbon, each where it is modelled."""
        found = {name: self._asked(self._aside(name)) for name in BESIDE}
        return {name: aside for name, aside in found.items() if aside is not None}

    def _aside(self, metric: str) -> Callable[[], Aside]:
        from symarch.sensitivity import headroom_of

        def ask() -> Aside:
            why = self.explanation if self.explanation and self.explanation.metric == metric else None
            why = why or self.analysis.explain(metric, **self.given)
            sensitivity = self.analysis.sensitivity(metric, **self.given)
            return Aside(why, sensitivity, headroom_of(self.analysis.point(metric, **self.given), sensitivity))

        return ask

    @cached_property
    def headroom(self) -> Headroom:
        """What the best conceivable parts would bring, and what binds once each bottleneck is gone."""
        from symarch.sensitivity import headroom_of

        return headroom_of(self.point, self.sensitivity)

    @cached_property
    def tornado(self) -> tuple[Bar, ...]:
        """The metric at the ends of each parameter's range, the widest first."""
        from symarch.sensitivity import tornado

        return tornado(self.symbols, self.sensitivity)

    @cached_property
    def uncertainty(self) -> Uncertainty | None:
        """Intervals of the metric, of energy, cost and carbon over the declared ranges; None where nothing varies."""
        names = [
            self.metric,
            *(n for n in BESIDE if n != self.metric and f"metric.{n}" in self.point.recorded.program.outputs),
        ]
        return self._asked(lambda: self.analysis.uncertainty(names, samples=SAMPLES, **self.given))

    @cached_property
    def indices(self) -> Indices | None:
        """Sobol indices of the metric; None where nothing varies or the extra `symarch[study]` is not installed."""
        return self._asked(lambda: self.analysis.indices(self.metric, samples=BASE, seed=SEED, **self.given))

    @cached_property
    def axes(self) -> tuple[str, str] | None:
        """The two parameters of the regime map: the most influential ones that belong to different components."""
        entries = [e for e in self.sensitivity.elasticities if e.size >= SMALLEST and "." in e.parameter]
        smooth = [e for e in entries if self._movable(e) and not e.integer]
        found = [e.parameter for e in (*smooth, *(e for e in entries if self._movable(e) and e.integer))]
        owners = {name.partition(".")[0]: name for name in reversed(found)}
        first = found[0] if found else None
        second = next((n for n in found if first and n in owners.values() and _owner(n) != _owner(first)), None)
        return (first, second) if first and second else None

    def _movable(self, entry: Elasticity) -> bool:
        symbol = self.symbols.get(entry.parameter)
        return symbol is not None and bool(symbol.low) and bool(symbol.high) and symbol.low != symbol.high

    @cached_property
    def regime_map(self) -> RegimeMap | None:
        """What binds over two parameters (`axes`), None where there are not two or the metric has no shares."""
        axes = self.axes
        if axes is None:
            return None
        return self._asked(lambda: self.analysis.regime_map(self.metric, axes, cells=CELLS, **self.given))

    @cached_property
    def roofline(self) -> Roofline:
        """The operators under the roofs of arithmetic and memories."""
        from symarch.report.roofline import roofline_of

        return roofline_of(self.analysis, self.result, self.point.values)

    @cached_property
    def break_evens(self) -> Sequence[BreakEven]:
        """Where the metric meets the target, along each of the most influential parameters; empty without a target.

        The one that takes the smallest change has its closed form, a time of reading both ways of prefetching.
        """
        if self.target is None:
            return ()
        from symarch.sensitivity import break_even
        from symarch.sensitivity.questions import in_latency

        names = [
            e.parameter for e in self.sensitivity.elasticities if e.size >= SMALLEST and e.parameter in self.symbols
        ]
        bits = self.in_bits
        found = [break_even(self.point, self.target, n, bits=n in bits, forms=False) for n in names[:ASKED]]
        least = min((b for b in found if b.crossings), key=lambda b: b.distance, default=None)
        return [
            self.analysis.break_even(b.parameter, self.target, self.metric, **self.given)
            if b is least or (b.parameter_unit == "s" and in_latency(self.point, b.parameter))
            else b
            for b in found
        ]

    def _explained(self, metric: str) -> Explanation | None:
        return self._asked(lambda: self.analysis.explain(metric, **self.given))

    @staticmethod
    def _asked(question: Callable[[], _Answer]) -> _Answer | None:
        """Return an answer, None where the question makes no sense here: energy is not modelled, nothing varies."""
        try:
            return question()
        except SymarchError:
            return None

    def sheets(self) -> tuple[Sheet, ...]:
        """Return headline, what binds and the elasticities."""
        from symarch.report.sections import headline

        terms = self.explanation.terms if self.explanation else ()
        rows = [(t.resource, t.cause, f"{100 * t.share:.1f} %") for t in terms]
        words = Sheet(" ".join(headline(self)), ("resource", "for", "share"), rows, "", [t.share for t in terms], [1])
        return (words, *self.sensitivity.sheets())


def _owner(name: str) -> str:
    return name.partition(".")[0]


def report_of(
    analysis: Analysis, sensitivity: Sensitivity, given: Mapping[str, Any], target: float | str | None = None,
    sections: Sequence[str] = (),
) -> Report:  # fmt: skip
    """Return the report on a sensitivity at a point.

    Args:
        analysis: what was asked.
        sensitivity: its answer.
        given: the point, as `Analysis.evaluate` takes it.
        target: what the metric is wanted to be: a number in SI or a text such as `20 ms`; None for nothing.
        sections: names of the sections to have, `all` for those of symarch; empty for them alone.

    Raises WorkloadError for sizes or a target that make no sense, UnitError for a target of another unit.
    """
    result = analysis.evaluate(**given)
    aim = parse_quantity(target, sensitivity.unit) if isinstance(target, str) else target
    if aim is not None and not 0 < aim < float("inf"):
        raise WorkloadError(f"the target is {target!r}; it must be above 0 and finite")
    return Report(
        system=analysis.system.name,
        model=analysis.model.name,
        workload=result.workload,
        sensitivity=sensitivity,
        assumptions=result.assumptions,
        plugins=tuple(plugins_of(analysis.system)),
        in_bits=analysis.system.in_bits,
        analysis=analysis,
        given=dict(given),
        result=result,
        target=aim,
        chosen=tuple(sections),
    )


def legend(metric: str, unit: str) -> list[str]:
    """Return the sentences that explain the columns of a sensitivity."""
    better = "rise" if metric in HIGHER_IS_BETTER else "fall"
    return [
        f"at low, at high: {metric} in {unit} at the ends of the parameter's range",
        f"at best: as far as it can {better} when the parameter goes to its best conceivable end, all else unchanged",
        "* a whole number: the elasticity between its two neighbours; a | b: left and right of a kink, or of a jump",
    ]
