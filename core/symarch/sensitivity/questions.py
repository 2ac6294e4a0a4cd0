"""The questions an analysis answers beyond its numbers: what would help most, what would have to be true, how sure."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

import attrs

from symarch.errors import SymarchError, UnknownNameError, WorkloadError, nearest
from symarch.notebook import Records
from symarch.quantities import parse_quantity
from symarch.results import Result
from symarch.sensitivity.elasticities import Sensitivity
from symarch.sensitivity.point import Point
from symarch.specs import System, presets_of, with_preset
from symarch.technologies import options_of

if TYPE_CHECKING:  # what computes on arrays is imported when it is asked for: `symarch run` does without numpy
    from symarch.sensitivity.breakeven import BreakEven
    from symarch.sensitivity.headroom import Headroom
    from symarch.sensitivity.regimes import RegimeMap, Regimes
    from symarch.sensitivity.uncertainty import Indices, Sample, Uncertainty

PREFETCH = "prefetch"
"""The option of a processor on which the exposed latency of reading depends."""


class Questions(ABC):
    """What an `Analysis` can be asked; it provides the first four."""

    system: System
    _orders: dict[float, Self]

    @abstractmethod
    def point(self, metric: str, **given: Any) -> Point:
        """Return a metric at a point."""

    @abstractmethod
    def evaluate(self, **given: Any) -> Result:
        """Return the numbers of a point."""

    @abstractmethod
    def sensitivity(self, metric: str, **given: Any) -> Sensitivity:
        """Return the elasticities of a metric at a point."""

    @abstractmethod
    def on(self, system: System) -> Self:
        """Return the same analysis of another system."""

    def headroom(self, metric: str, **given: Any) -> Headroom:
        """Return what the best conceivable parameter, definition and resource would bring, and what binds next.

        Raises WorkloadError where the metric does not exist.
        """
        from symarch.sensitivity.headroom import headroom_of

        return headroom_of(self.point(metric, **given), self.sensitivity(metric, **given))

    def regimes(
        self, metric: str, parameter: str, low: float | None = None, high: float | None = None, **given: Any
    ) -> Regimes:
        """Return what binds along a parameter, from `low` to `high` or over its range.

        Raises UnknownNameError, or WorkloadError for a parameter without a range.
        """
        from symarch.sensitivity.regimes import regimes_of

        found = regimes_of(self.point(metric, **given), parameter, low, high)
        return attrs.evolve(found, bits=parameter in self.system.in_bits)

    def regime_map(
        self,
        metric: str,
        parameters: tuple[str, str],
        ranges: tuple[tuple[float, float] | None, tuple[float, float] | None] = (None, None),
        cells: int = 60,
        **given: Any,
    ) -> RegimeMap:
        """Return what binds over two parameters, over their ranges or those given.

        Raises UnknownNameError, or WorkloadError for a parameter without a range.
        """
        from symarch.sensitivity.regimes import regime_map

        point = self.point(metric, **given)
        sharp = None if point.order in (1, math.inf) else self.at_order(math.inf).point(metric, **given)
        found = regime_map(point, parameters, ranges=ranges, cells=cells, roofline=sharp)
        return attrs.evolve(found, in_bits=self.system.in_bits)

    def break_even(
        self,
        parameter: str,
        against: Questions | float | str,
        metric: str = "tpot",
        *,
        on: str | None = None,
        low: float | None = None,
        high: float | None = None,
        forms: bool = True,
        **given: Any,
    ) -> BreakEven:
        """Return where a metric equals that of another analysis, or a target, along a parameter.

        Args:
            parameter: what is moved.
            against: another analysis, or a target: a number in SI or a text such as `20 ms`.
            metric: what is compared.
            on: where the parameter is moved: both, first, second; None for the side that has it, or both where both
                have it at one value.
            low: where the search begins, None for a wide surrounding of range and value.
            high: where it ends.
            forms: whether closed forms, the one at p = infinity and prefetching are wanted too.
            given: the point.

        Raises UnknownNameError or WorkloadError.
        """
        from symarch.sensitivity.breakeven import break_even

        first = self.point(metric, **given)
        rival: Questions | float = parse_quantity(against, first.unit) if isinstance(against, str) else against

        def second(of: Questions | float) -> Point | float:
            return of.point(metric, **_known(of, given)) if isinstance(of, Questions) else float(of)

        bits = parameter in self.system.in_bits
        if isinstance(rival, Questions):
            bits = bits or parameter in rival.system.in_bits
        settings: dict[str, Any] = {"on": on, "low": low, "high": high, "bits": bits, "forms": forms}
        found = break_even(first, second(rival), parameter, **settings)
        if not forms:
            return found
        orders = {p.order for p in (first, second(rival)) if isinstance(p, Point)}
        if not orders <= {1, math.inf}:
            sharp = rival.at_order(math.inf) if isinstance(rival, Questions) else rival
            other = self.at_order(math.inf).point(metric, **given)
            found = attrs.evolve(found, roofline=break_even(other, second(sharp), parameter, **settings))
        variants = {}
        for words, mine, theirs in self._prefetches(rival, found, first):
            variants[words] = break_even(mine.point(metric, **given), second(theirs), parameter, **settings)
        return attrs.evolve(found, variants=variants)

    def _prefetches(
        self, rival: Questions | float, found: BreakEven, first: Point
    ) -> Iterator[tuple[str, Self, Questions | float]]:
        """Yield both sides with and without prefetching, where the parameter is part of a latency of reading."""
        owner: Questions | float = rival if found.on == "second" else self
        point = first if owner is self else None
        if isinstance(owner, Questions) and point is None:
            point = owner.point(first.metric)
        if point is None or not isinstance(owner, Questions) or not in_latency(point, found.parameter):
            return
        component = found.parameter.partition(".")[0]
        pool = next((s for s in owner.system.parts.values() if component in s.components), owner.system)
        readers = [c for c in pool.of("processor") if PREFETCH in c.settings]
        technology = readers[0].technology if readers else None
        declared = {o.name: o for o in (options_of(technology) if technology else ())}
        for word in declared[PREFETCH].choices if PREFETCH in declared else ():
            words = f"{', '.join(f'{c.name}.{PREFETCH}' for c in readers)} = {word}"
            mine, theirs = self, rival
            for name in (c.name for c in readers):
                if owner is self:
                    mine = mine.with_setting(name, PREFETCH, word)
                else:
                    assert isinstance(theirs, Questions)
                    theirs = theirs.with_setting(name, PREFETCH, word)
            yield words, mine, theirs

    def uncertainty(
        self,
        metrics: Sequence[str] = ("tpot",),
        samples: int = 1_000_000,
        seed: int = 0,
        held: Sequence[str] = (),
        **given: Any,
    ) -> Uncertainty:
        """Return intervals of metrics over the ranges of all parameters; those in `held` are choices and stay.

        Raises WorkloadError where nothing varies.
        """
        from symarch.sensitivity.uncertainty import monte_carlo

        return monte_carlo([self.point(m, **given) for m in metrics], samples, seed, self._held(held))

    def indices(
        self,
        metric: str,
        method: str = "sobol",
        samples: int | None = None,
        seed: int = 0,
        held: Sequence[str] = (),
        **given: Any,
    ) -> Indices:
        """Return which parameters the uncertainty of a metric comes from: Sobol indices or Morris's effects.

        Raises WorkloadError, or SymarchError where the extra `symarch[study]` is not installed.
        """
        from symarch.sensitivity.uncertainty import indices_of

        return indices_of(self.point(metric, **given), method, samples, seed, self._held(held))

    def _held(self, names: Sequence[str]) -> frozenset[str]:
        known = [f"{c.name}.{p}" for c in self.system.owners.values() for p in c.declared()]
        for name in names:
            if name not in known:
                raise UnknownNameError(f"unknown name '{name}'; {nearest(name, known)}")
        return frozenset(names)

    def presets_as_samples(self, component: str, **given: Any) -> Records[Sample]:
        """Return the numbers of a point with each published parameter set in place of a component's own.

        What the spec or `--set` gives the component stays. Raises UnknownNameError.
        """
        from symarch.sensitivity.uncertainty import Sample

        own = self.system.components.get(component)
        if own is None or own.technology is None:
            known = [c.name for c in self.system.components.values() if c.technology is not None]
            raise UnknownNameError(f"unknown component '{component}'; {nearest(component, known)}")
        if own.technology.name in self.system.technologies:
            raise WorkloadError(f"technology '{own.technology.name}' is written in the spec and has no presets")
        samples = []
        for preset in presets_of(own.technology.name).values():
            words = (preset.name, preset.title, preset.status, preset.source)
            try:
                result = self.on(with_preset(self.system, component, preset)).evaluate(**given)
            except SymarchError as error:
                samples.append(Sample(*words, {}, False, (), str(error)))
                continue
            fails = tuple(c.name for c in result.constraints if not c.ok)
            samples.append(Sample(*words, result.metrics, result.feasible, fails, ""))
        return Records(f"{self.system.name} with each preset of {own.technology.name} as its {component}", samples)

    def with_setting(self, component: str, name: str, value: Any) -> Self:
        """Return the same analysis with one parameter or option of a component changed: those a program fixes too."""
        own = self.system.owners[component]
        settings = {**own.settings, name: attrs.evolve(own.settings[name], value=value)}
        return self.on(self.system.with_owner(attrs.evolve(own, settings=settings)))

    def at_order(self, order: float) -> Self:
        """Return the same analysis at another overlap order of every processor; it is kept, as many questions ask."""
        if order not in self._orders:
            found = self
            for component in self.system.of("processor"):
                if component.settings["overlap"].value != order:
                    found = found.with_setting(component.name, "overlap", order)
            self._orders[order] = found
        return self._orders[order]


def _known(analysis: Questions, given: dict[str, Any]) -> dict[str, Any]:
    """Return what of a point the other side can be given: workload sizes, and parameters that it has too."""
    return {n: v for n, v in given.items() if "." not in n or n.partition(".")[0] in analysis.system.owners}


def in_latency(point: Point, parameter: str) -> bool:
    """Return whether a parameter is part of the latency of a memory."""
    program = point.program
    latencies = [i for n, i in program.names.items() if n.endswith((".read_latency", ".write_latency"))]
    return any(program.operations[i] == ("input", (), parameter) for i in program.live(latencies))
