"""Elasticities d ln(metric) / d ln(parameter) of a recorded model at a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from symarch.analysis import HIGHER_IS_BETTER, METRICS, Recorded, Symbol
from symarch.notebook import Sheet, Shown
from symarch.program import Program, compile_python, gradient, one_sided
from symarch.program.derivatives import evaluate
from symarch.quantities import BASES, format_quantity, format_setting, unit_dimension

FAR = 1e12
"""Factor by which a rate is raised, or a time lowered, to find the best it can ever bring."""

STEPS = 120
"""Points looked at on the way to that factor where its end is not the best."""

ALWAYS = ("s", "B", "J", "USD")
"""Base units whose sum rule is checked even where no parameter of the metric has them: time, bytes, joules, dollars."""


@attrs.frozen
class Elasticity:
    """How a metric answers to one parameter.

    Attributes:
        parameter: name, as `--set` takes it.
        value: at the point [SI].
        unit: of the parameter.
        integer: whether the elasticity is a secant between whole numbers.
        elasticity: d ln(metric) / d ln(parameter); a pair (left, right) at a kink, and where the metric jumps between
            a whole number and one of its neighbours; None where there is none.
        low: the metric at the low end of the parameter's range, None without a range.
        high: the metric at the high end.
        limit: the best the parameter can ever bring, None if neither direction is better.
    """

    parameter: str
    value: float
    unit: str
    integer: bool
    elasticity: float | tuple[float, float] | None
    low: float | None
    high: float | None
    limit: float | None

    @property
    def text(self) -> str:
        """Return the elasticity as text: left | right at a kink, * for a secant between whole numbers."""
        return _text(self.elasticity) + (" *" if self.integer and self.elasticity is not None else "")

    @property
    def size(self) -> float:
        """Return the largest magnitude, to sort by."""
        return _size(self.elasticity)


@attrs.frozen
class Group:
    """A named definition and its factors: parameters that always occur together.

    Attributes:
        name: the definition, `hbf.read_bandwidth`.
        value: at the point [SI].
        unit: of the definition.
        elasticity: of the metric to the definition; a pair (left, right) at a kink.
        parts: the parameters it is made of.
    """

    name: str
    value: float
    unit: str
    elasticity: float | tuple[float, float]
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return the elasticity as text: left | right at a kink."""
        return _text(self.elasticity)

    @property
    def size(self) -> float:
        """Return the largest magnitude, to sort by."""
        return _size(self.elasticity)


def _text(elasticity: float | tuple[float, float] | None) -> str:
    if isinstance(elasticity, tuple):
        return f"{elasticity[0]:+.3f} | {elasticity[1]:+.3f}"
    return "-" if elasticity is None else f"{elasticity:+.3f}"


def _size(elasticity: float | tuple[float, float] | None) -> float:
    if elasticity is None:
        return 0.0
    return max(map(abs, elasticity)) if isinstance(elasticity, tuple) else abs(elasticity)


@attrs.frozen
class Check:
    """A sum rule: elasticities weighted by their exponents of a base unit sum to the metric's exponent.

    Attributes:
        unit: the base unit.
        expected: the metric's own exponent.
        found: the weighted sum.
        ok: whether they agree.
        note: what a reader should know, such as a kink.
    """

    unit: str
    expected: float
    found: float
    ok: bool
    note: str


@attrs.frozen
class Sensitivity(Shown):
    """The sensitivity of one metric at one point.

    Attributes:
        metric: its name.
        value: its value [SI].
        unit: its unit.
        elasticities: one for each settable parameter, largest first.
        groups: the definitions, largest first.
        checks: the sum rules.
        in_bits: parameters that people state in bits.
        recorded: what it is about, whose parameters have ranges.
    """

    metric: str
    value: float
    unit: str
    elasticities: tuple[Elasticity, ...]
    groups: tuple[Group, ...]
    checks: tuple[Check, ...]
    in_bits: frozenset[str] = frozenset()
    recorded: Recorded | None = attrs.field(default=None, repr=False, eq=False)

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the elasticities, the largest first."""
        moved = [e for e in self.elasticities if e.size >= 0.0005]
        rows = [(e.parameter, format_setting(e.value, e.unit, e.parameter in self.in_bits), e.text) for e in moved]
        title = f"{self.metric} = {format_quantity(self.value, self.unit)}"
        return (Sheet(title, ("parameter", "value", "elasticity"), rows, "", [e.size for e in moved]),)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data, the form of `sensitivity --format json`."""
        return {
            "metric": self.metric,
            "value": self.value,
            "unit": self.unit,
            "elasticities": [attrs.asdict(e) for e in self.elasticities],
            "groups": [attrs.asdict(g) for g in self.groups],
            "checks": [attrs.asdict(c) for c in self.checks],
        }


def sensitivity_of(
    recorded: Recorded,
    metric: str,
    inputs: Mapping[str, float],
    definitions: Mapping[str, str],
    orders: Sequence[Elasticity] = (),
) -> Sensitivity:
    """Return the sensitivity of a metric.

    Args:
        recorded: the recorded model.
        metric: name of the metric; it must be one that the model computes.
        inputs: value of every input of the program.
        definitions: unit of every named definition.
        orders: the entries of the overlap orders, which are fixed in a program and come from outside.
    """
    program = recorded.program.select({metric: recorded.program.outputs[f"metric.{metric}"]})
    where = {o[2]: i for i, o in enumerate(program.operations) if o[0] == "input"}
    names = program.names
    slopes = gradient(program, metric, [*where.values(), *names.values()])
    at = evaluate(slopes, inputs)
    values = evaluate(program, inputs)
    value = float(at[slopes.outputs["value"]])
    derivative = {n: float(at[slopes.outputs[f"d{i}"]]) for i, n in enumerate([*where, *(f"={n}" for n in names)])}
    smooth = {n: derivative[n] * inputs[n] / value for n in where}
    size = {n: inputs[n] for n in where} | {n: float(values[i]) for n, i in names.items()}
    kinks = {
        n: (s.left * size[n] / value, s.right * size[n] / value)
        for n, s in one_sided(program, metric, inputs, named=True).items()
    }
    call = _caller(program, inputs)
    spare = _caller(recorded.program.select(recorded.spare), inputs) if recorded.spare else None

    def end(name: str, at: float | None) -> float | None:
        """Return the metric at an end of a range; None without one, and where nothing runs."""
        runs = spare is None or at is None or spare(name, at) is not None
        return call(name, at) if at is not None and runs else None

    entries = []
    for name, symbol in recorded.symbols.items():
        current = inputs.get(name, symbol.value)
        if name not in where:
            # the metric does not depend on it: it is the same at every value
            low, high = (None if end is None else value for end in (symbol.low, symbol.high))
            limit = None if symbol.better is None else value
            entries.append(Elasticity(name, current, symbol.unit, symbol.integer, 0.0, low, high, limit))
            continue
        elasticity = _secant(call, name, current) if symbol.integer else kinks.get(name, smooth[name])
        entries.append(
            Elasticity(
                parameter=name,
                value=current,
                unit=symbol.unit,
                integer=symbol.integer,
                elasticity=elasticity,
                low=end(name, symbol.low),
                high=end(name, symbol.high),
                limit=_limit(call, symbol, current, metric),
            )
        )
    entries += orders
    reach = _reach(program)
    groups = [
        Group(n, size[n], definitions.get(n, "1"), kinks.get(n, derivative[f"={n}"] * size[n] / value), reach[i])
        for n, i in names.items()
        if "." in n
    ]
    return Sensitivity(
        metric=metric,
        value=value,
        unit=METRICS[metric][0],
        elasticities=tuple(sorted(entries, key=lambda e: -e.size)),
        groups=tuple(sorted((g for g in groups if g.size), key=lambda g: -g.size)),
        checks=tuple(_checks(recorded.symbols, metric, smooth, bool(kinks))),
        recorded=recorded,
    )


def _caller(program: Program, inputs: Mapping[str, float]) -> Callable[[str, float], float | None]:
    """Return a function that evaluates a program with one input changed: its least output, None unless above 0."""
    compiled = compile_python(program)
    base = [inputs[n] for n in compiled.inputs]
    place = {n: i for i, n in enumerate(compiled.inputs)}

    def call(name: str, value: float) -> float | None:
        point = list(base)
        if name in place:
            point[place[name]] = value
        try:
            result = min(compiled(*point))
        except (ZeroDivisionError, OverflowError, ValueError):
            return None
        return result if math.isfinite(result) and result > 0 else None

    return call


JUMP = 0.1
"""Difference of the secants to the numbers below and above, beyond half of the smaller, that one number would hide."""


def _secant(call: Callable[[str, float], float | None], name: str, value: float) -> float | tuple[float, float] | None:
    """Return the elasticity between the whole numbers beside a value, or those to each where it jumps in between."""
    below, above = (value - 1 if value > 1 else value), value + 1
    low, here, high = call(name, below), call(name, value), call(name, above)
    if low is None or high is None:
        return None
    if below < value and here is not None:
        left, right = math.log(here / low) / math.log(value / below), math.log(high / here) / math.log(above / value)
        if abs(left - right) > JUMP + min(abs(left), abs(right)) / 2:
            return left, right
    return math.log(high / low) / math.log(above / below)


def _limit(call: Callable[[str, float], float | None], symbol: Symbol, value: float, metric: str) -> float | None:
    """Return the metric at the best conceivable end of a parameter."""
    if symbol.better is None:
        return None
    if value == 0:
        return call(symbol.name, symbol.ideal or 0.0)
    sign = -1 if metric in HIGHER_IS_BETTER else 1
    return best_end(lambda v: call(symbol.name, v), value, symbol.better, sign, symbol.at_most, symbol.ideal)


def best_end(
    at: Callable[[float], float | None],
    value: float,
    better: str,
    sign: int,
    most: float | None = None,
    ideal: float | None = None,
) -> float | None:
    """Return a metric at the best conceivable end of a number that now has a positive value.

    Where the end is worse than the present value (more stacks that draw more power than there is), the best on the way
    there counts.

    Args:
        at: the metric as a function of the number, None where it is not a number.
        value: the present value.
        better: more or less: which direction the end lies in.
        sign: 1 where less of the metric is better, -1 where more is.
        most: the largest value that makes sense, None without one.
        ideal: the declared best value, which is the end; None or 0 without one above 0.
    """
    far_off = value * FAR if better == "more" else value / FAR
    end = ideal or (far_off if most is None or better == "less" else max(value, min(most, far_off)))
    here, far = at(value), at(end)
    if here is None or far is None or sign * far <= sign * here:
        return far
    found = [v for v in (at(value * (end / value) ** (i / STEPS)) for i in range(STEPS + 1)) if v is not None]
    return sign * min(sign * v for v in found)


def _reach(program: Program) -> list[tuple[str, ...]]:
    """Return, for every operation, the inputs it depends on."""
    reach: list[tuple[str, ...]] = []
    for operation, arguments, attribute in program.operations:
        if operation == "input":
            reach.append((attribute,))
        else:
            reach.append(tuple(dict.fromkeys(n for a in arguments for n in reach[a])))
    return reach


def _checks(symbols: Mapping[str, Symbol], metric: str, elasticities: Mapping[str, float], kink: bool) -> list[Check]:
    checks = []
    due = unit_dimension(METRICS[metric][0])
    for base in BASES:
        weights = {n: float(unit_dimension(symbols[n].unit).exponent(base)) for n in elasticities}
        if not any(weights.values()) and base not in ALWAYS:
            continue
        found = math.fsum(weights[n] * e for n, e in elasticities.items())
        expected = float(due.exponent(base))
        note = "kink: checked on the first of the tied" if kink else ""
        if not any(weights.values()):
            note = f"nothing in it is counted in {base}"
        checks.append(Check(base, expected, found, abs(found - expected) <= 1e-9, note))
    return checks
