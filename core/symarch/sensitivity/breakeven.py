"""Break-even: the value of a parameter at which two systems, or a metric and a target, are equal.

The relative gap between the two sides is one array call over a fine logarithmic grid and all kinks; each change of sign
is a bracket, in which Brent's method ends. No crossing, a flat line and several crossings are answers. At p = 1 and
infinity each side is, in the regime at the crossing, a + b x (+ c / x), one over it, or a + b x + d x^2 (a prompt
attends to itself), and may stand over another such sum, e + f x; the crossing then has a closed form, valid as long as
the same resources bind on both sides.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from symarch.errors import UnknownNameError, WorkloadError, nearest
from symarch.notebook import Sheet, Shown
from symarch.quantities import format_quantity, format_setting
from symarch.sensitivity.changes import Array, Winners, changes, grid, valid
from symarch.sensitivity.point import Point, on_arrays, on_numbers
from symarch.sensitivity.rational import NoFraction, Rational, rational_in
from symarch.sensitivity.terms import known_of, shortest_of

if TYPE_CHECKING:
    import sympy

REACH = 1000.0
"""Factor beyond the present value, up and down, within which a crossing is looked for."""

POINTS = 2049
"""Points of the grid."""

EQUAL = 1e-13
"""Relative gap that is none: a few hundred rounding errors."""

JUMP = 1e-9
"""Relative gap left at a crossing above which the metric jumps there."""

SIDES = ("both", "first", "second")


@attrs.frozen
class Part:
    """A coefficient of a closed form.

    Attributes:
        letter: a, b, c or d, or e, f or g below a fraction bar, with a prime for the second side.
        value: at the point [SI].
        expression: in symbols, definitions by name.
    """

    letter: str
    value: float
    expression: sympy.Expr


@attrs.frozen(eq=False, slots=False)
class ClosedForm:
    """The crossing as a formula.

    Attributes:
        parameter: the unknown x.
        equation: what is solved, `a + b x = a' + b' x`; T is the target.
        solution: x in the letters.
        value: of x by the formula [SI].
        low: where its interval of validity begins: beyond, other resources bind.
        high: where it ends.
        residual: relative gap between the two sides at `value`, by the program.
        sides: the coefficients of the two sides, by letter: the fraction, the output of it and what divides it.
    """

    parameter: str
    equation: str
    solution: str
    value: float
    low: float
    high: float
    residual: float
    sides: Mapping[str, tuple[Rational, str, str]]

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The coefficients in symbols, in the regime of the crossing. Imports sympy."""
        from symarch.formula import Regime, Sums

        found = []
        for letter, (rational, output, under) in self.sides.items():
            indices = [rational.program.outputs[o] for o in (output, under) if o]
            sums = Sums(known_of(rational.program, rational.computed))
            regime = Regime.at(rational.program, indices, rational.computed, sums, short=True)
            over, *by = (sums.written(shortest_of(sums, s, together=True)) for s in regime.of)
            value = rational.values[output]
            found.append(Part(letter, value / rational.values[under] if under else value, over / by[0] if by else over))
        return tuple(found)

    def latex(self, declared: Mapping[str, str]) -> str:
        """Return equation, solution and coefficients in LaTeX (needs amsmath)."""
        from symarch.formula import latex_of, symbol_latex

        lines = [rf"x &= {symbol_latex(self.parameter, declared.get(self.parameter, ''))}", f"{_marked(self.equation)}"]
        lines.append(f"{_marked(self.solution)}")
        lines += [f"{p.letter} &= {latex_of(p.expression, dict(declared))}" for p in self.parts]
        return "\\begin{align*}\n" + " \\\\\n".join(lines) + "\n\\end{align*}"


def _marked(text: str) -> str:
    return text.replace("=", "&=", 1).replace("sqrt", r"\surd").replace("+-", r"\pm").replace("^2", "^{2}")


@attrs.frozen
class Crossing:
    """A value at which the two sides are equal.

    Attributes:
        value: of the parameter [SI].
        metric: the metric there [SI].
        residual: relative gap between the two sides there, by the program: the check.
        better: below or above: where the first side is at least as good; touches where it is on no side better.
        inside: whether the value lies in the parameter's declared range.
        jump: whether the metric jumps over the other side there instead of meeting it.
        whole: for whole numbers, the nearest one for which the first side is at least as good; None for others.
        form: the closed form, None where there is none.
        reason: why there is none.
    """

    value: float
    metric: float
    residual: float
    better: str
    inside: bool
    jump: bool
    whole: int | None
    form: ClosedForm | None
    reason: str


@attrs.frozen
class BreakEven(Shown):
    """Where two systems, or a metric and a target, are equal along a parameter.

    Attributes:
        metric: its name.
        unit: of the metric.
        parameter: its name.
        parameter_unit: its unit.
        bits: whether people state it in bits.
        value: the parameter on the first side that has it [SI].
        first: what is compared: the system's name.
        second: with what: a system's name, or empty for a target.
        on: where the parameter is moved: both, first or second.
        target: the metric of the second side at the point, or the target.
        low: where the search began.
        high: where it ended.
        outcome: one, several, none, flat (the parameter changes nothing) or equal (on a stretch of values).
        crossings: in order.
        leads: where there is no crossing, the side that is better throughout: first, second or neither.
        roofline: the same at p = infinity, where the overlap order is neither 1 nor that.
        variants: the same under other settings of an option, `gpu.prefetch = step`: for a latency of reading.
        along: the metric of both sides at some values of the parameter.
    """

    metric: str
    unit: str
    parameter: str
    parameter_unit: str
    bits: bool
    value: float
    first: str
    second: str
    on: str
    target: float
    low: float
    high: float
    outcome: str
    crossings: tuple[Crossing, ...]
    leads: str
    roofline: BreakEven | None = None
    variants: Mapping[str, BreakEven] = attrs.field(factory=dict)
    along: Callable[[Array], tuple[Array, Array]] | None = attrs.field(default=None, repr=False, eq=False)

    def shown(self, value: float) -> str:
        """Return a value of the parameter as text."""
        return format_setting(value, self.parameter_unit, self.bits)

    def change(self, value: float) -> float:
        """Return by how much the parameter changes to a value: the logarithm of the factor, up or down."""
        return abs(math.log(value / self.value)) if value > 0 < self.value else math.inf

    @property
    def nearest(self) -> Crossing:
        """Return the crossing that takes the smallest change. Raises ValueError if there is none."""
        return min(self.crossings, key=self._distance)

    @property
    def distance(self) -> tuple[bool, float]:
        """Return how far the nearest crossing is, to sort by: beyond the range comes last, then the least change first.

        Raises ValueError if there is no crossing.
        """
        return self._distance(self.nearest)

    def _distance(self, crossing: Crossing) -> tuple[bool, float]:
        return not crossing.inside, self.change(crossing.value)

    def at(self, crossing: Crossing) -> str:
        """Return the value at a crossing as text, of whole numbers with the one that does."""
        text = self.shown(crossing.value)
        return text if crossing.whole is None or text == str(crossing.whole) else f"{text} ({crossing.whole} does)"

    @property
    def cells(self) -> tuple[str, str, str]:
        """Return the answer as three cells of a table: the nearest crossing, the better side of it, and what else."""
        if not self.crossings:
            words = {"none": "no value does", "flat": "changes nothing", "equal": "a whole stretch"}
            return words.get(self.outcome, "-"), "-", ""
        nearest = self.nearest
        others = [self.at(c) for c in self.crossings if c is not nearest]
        notes = [] if nearest.inside else ["outside its range"]
        notes += [f"also {others[0]}" + (f" and {len(others) - 1} more" if len(others) > 1 else "")] if others else []
        return self.at(nearest), "nowhere" if nearest.better == "touches" else nearest.better, "; ".join(notes)

    @property
    def words(self) -> str:
        """Return the answer as a sentence."""
        rival = self.second or f"the target of {format_quantity(self.target, self.unit)}"
        reach = f"from {self.shown(self.low)} to {self.shown(self.high)}"
        if self.outcome == "flat":
            lead = {"first": "better than", "second": "worse than", "neither": "equal to"}[self.leads]
            return f"{self.parameter} does not change the comparison: {self.first} is {lead} {rival}"
        if self.outcome == "none":
            better, worse = (self.first, rival) if self.leads == "first" else (rival, self.first)
            return f"no crossing: {better} is better than {worse} for every {self.parameter} {reach}"
        if self.outcome == "equal":
            return f"{self.first} equals {rival} on a whole stretch of {self.parameter} {reach}"
        found = []
        for c in self.crossings:
            side = "" if c.better == "touches" else f", better {c.better}"
            outside = "" if c.inside else ", outside the declared range"
            found.append(f"{self.at(c)}{side}{outside}")
        return f"{self.first} equals {rival} at {self.parameter} = {'; and at '.join(found)}"

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the crossings."""
        rows = []
        for c in self.crossings:
            off = f"{c.residual:.0e}" if c.residual else "0"
            rows.append((self.shown(c.value), format_quantity(c.metric, self.unit), c.better, off))
        return (Sheet(self.words, (self.parameter, self.metric, "better", "off by"), rows, words=[2]),)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data, without the expressions of the closed forms."""
        names = ("metric", "unit", "parameter", "parameter_unit", "value", "first", "second", "on", "target", "low",
                 "high", "outcome", "leads")  # fmt: skip
        found: dict[str, Any] = {n: getattr(self, n) for n in names}
        found["crossings"] = []
        for c in self.crossings:
            plain = {a.name: getattr(c, a.name) for a in attrs.fields(Crossing) if a.name != "form"}
            form = c.form
            plain["form"] = form and {
                "equation": form.equation,
                "solution": form.solution,
                "value": form.value,
                "low": form.low,
                "high": form.high,
                "residual": form.residual,
            }
            found["crossings"].append(plain)
        found["roofline"] = self.roofline.to_dict() if self.roofline else None
        found["variants"] = {k: v.to_dict() for k, v in self.variants.items()}
        return found


class _Pair:
    """Two sides along a parameter."""

    def __init__(self, first: Point, second: Point | float, name: str, on: str) -> None:
        self.name, self.first, self.second = name, first, second
        self.sign = first.sign
        self._arrays: list[Callable[..., Any]] = []
        self._numbers: list[Callable[..., tuple[float, ...]]] = []
        self._winners: list[Winners] = []
        self.moved: list[Point | None] = []
        for side, where in ((first, "first"), (second, "second")):
            if isinstance(side, Point) and on in ("both", where) and name in side.program.inputs:
                bound = side.bound([name])
                self._arrays.append(on_arrays(bound, [name]))
                self._numbers.append(on_numbers(bound, [name]))
                self._winners.append(Winners(bound, name))
                self.moved.append(side)
            else:
                value = side.value if isinstance(side, Point) else side
                self._arrays.append(lambda x, v=value: (np.full(np.shape(x), v),))
                self._numbers.append(lambda x, v=value: (v,))
                self.moved.append(None)

    def metrics(self, at: Array) -> tuple[Array, Array]:
        """Return the metric of both sides at some points."""
        with np.errstate(all="ignore"):
            return self._arrays[0](at)[0], self._arrays[1](at)[0]

    def gaps(self, at: Array) -> Array:
        """Return how much worse the first side is, relative to the second, at some points."""
        with np.errstate(all="ignore"):
            found: Array = self.sign * (self._arrays[0](at)[0] / self._arrays[1](at)[0] - 1)
        return found

    def gap(self, at: float) -> float:
        """Return the same at one point."""
        first, second = self._numbers[0](at)[0], self._numbers[1](at)[0]
        return self.sign * (first / second - 1) if second else math.nan

    def metric(self, at: float) -> float:
        """Return the first side's metric."""
        return self._numbers[0](at)[0]

    def labels(self, at: Array) -> NDArray[np.int64]:
        """Return the regime of both sides."""
        return np.concatenate([w(at) for w in self._winners]) if self._winners else np.zeros((0, at.size), dtype=int)


def side_of(first: Point, second: Point | float, name: str, on: str | None) -> str:
    """Return where a parameter is moved: as asked; else both where both have it at one value, else where it is.

    Raises UnknownNameError, or WorkloadError for a side that is none.
    """
    names = [set(p.recorded.symbols) if isinstance(p, Point) else set() for p in (first, second)]
    if name not in names[0] | names[1]:
        raise UnknownNameError(f"unknown name '{name}'; {nearest(name, sorted(names[0] | names[1]))}")
    if on is None:
        if name not in names[1]:
            return "first"
        if name not in names[0]:
            return "second"
        assert isinstance(second, Point)  # a number has no names
        return "both" if first.values[name] == second.values[name] else "first"
    if on not in SIDES:
        raise WorkloadError(f"the parameter is moved on {on!r}; it must be one of {', '.join(SIDES)}")
    for where, known in zip(("first", "second"), names, strict=True):
        if on in ("both", where) and name not in known:
            raise UnknownNameError(f"{name} is no parameter of the {where} side; {nearest(name, sorted(known))}")
    return on


def break_even(
    first: Point,
    second: Point | float,
    name: str,
    *,
    on: str | None = None,
    low: float | None = None,
    high: float | None = None,
    bits: bool = False,
    forms: bool = True,
) -> BreakEven:
    """Return where two metrics, or a metric and a target, are equal along a parameter.

    Args:
        first: the one side.
        second: the other, or a target [SI].
        name: of the parameter.
        on: where it is moved: both, first, second; None for the side that has it, both where both have it at one value.
        low: where the search begins, None for a wide surrounding of its range and present value.
        high: where it ends.
        bits: whether people state the parameter in bits.
        forms: whether closed forms are wanted too.

    Raises UnknownNameError or WorkloadError.
    """
    if isinstance(second, Point) and second.unit != first.unit:
        raise WorkloadError(f"{first.metric} in {first.unit} cannot equal {second.metric} in {second.unit}")
    if not isinstance(second, Point) and not 0 < second < math.inf:
        raise WorkloadError(f"the target is {second!r}; it must be above 0 and finite")
    on = side_of(first, second, name, on)
    owner = second if on == "second" and isinstance(second, Point) else first
    symbol, value = owner.symbol(name), owner.values[name]
    low, high = _reach(owner, name, low, high)
    pair = _Pair(first, second, name, on)
    kinks = [c.place for c in changes(pair.labels, grid(low, high, POINTS))] if forms else []
    at = np.unique(np.concatenate([grid(low, high, POINTS), kinks, *([[value]] if low <= value <= high else [])]))
    gaps = pair.gaps(at)
    sound = np.isfinite(gaps)
    at, gaps = at[sound], gaps[sound]
    outcome, roots = _roots(pair, at, gaps)
    crossings = []
    for root, better in roots:
        form, reason = _form(pair, root, low, high) if forms else (None, "")
        residual = abs(pair.gap(root))
        declared = (symbol.low is None or root >= symbol.low) and (symbol.high is None or root <= symbol.high)
        crossings.append(
            Crossing(
                value=root,
                metric=pair.metric(root),
                residual=residual,
                better=better,
                inside=declared,
                jump=residual > JUMP,
                whole=_whole(pair, root, better) if symbol.integer else None,
                form=form,
                reason=reason,
            )
        )
    middle = float(np.median(gaps)) if gaps.size else math.nan
    leads = "neither" if abs(middle) <= EQUAL or roots else "first" if middle < 0 else "second"
    return BreakEven(
        metric=first.metric,
        unit=first.unit,
        parameter=name,
        parameter_unit=symbol.unit,
        bits=bits,
        value=value,
        first=first.label,
        second=second.label if isinstance(second, Point) else "",
        on=on,
        target=second.value if isinstance(second, Point) else second,
        low=low,
        high=high,
        outcome=outcome,
        crossings=tuple(crossings),
        leads=leads,
        along=pair.metrics,
    )


def _reach(point: Point, name: str, low: float | None, high: float | None) -> tuple[float, float]:
    symbol, value = point.symbol(name), point.values[name]
    known = [v for v in (value, symbol.low, symbol.high) if v]
    if not known and (low is None or high is None):
        raise WorkloadError(f"{name} is 0 and has no range to be searched; give low and high")
    least = min(known, default=1.0) / REACH if low is None else low
    most = max(known, default=1.0) * REACH if high is None else high
    if symbol.integer and low is None:
        least = max(1.0, float(round(least)))
    if symbol.at_most is not None:
        most = min(most, symbol.at_most)
    if not 0 < least < most < math.inf:
        raise WorkloadError(
            f"{name} is searched from {least:g} to {most:g}; both must be above 0, the second the larger"
        )
    return least, most


def _roots(pair: _Pair, at: Array, gaps: Array) -> tuple[str, list[tuple[float, str]]]:
    """Return the outcome, and each root with the side on which the first is at least as good."""
    from scipy.optimize import brentq

    if not gaps.size or gaps.max() - gaps.min() <= EQUAL * max(1.0, abs(gaps).max()):
        return "flat", []
    signs = np.where(abs(gaps) <= EQUAL, 0, np.sign(gaps)).astype(int)
    if (signs[1:-1] == 0)[(signs[:-2] == 0)[: len(signs) - 2] & (signs[2:] == 0)].any():
        return "equal", []
    found: list[tuple[float, str]] = []
    for i in range(len(at) - 1):
        if signs[i] * signs[i + 1] < 0:
            root = brentq(pair.gap, at[i], at[i + 1], xtol=1e-300, rtol=4 * np.finfo(float).eps)
            found.append((float(root), "above" if signs[i + 1] < 0 else "below"))
        elif signs[i] == 0 and (i == 0 or signs[i - 1] != 0):
            left, right = signs[max(i - 1, 0)], signs[i + 1]
            found.append((float(at[i]), "touches" if left == right else "above" if right < left else "below"))
    return {0: "none", 1: "one"}.get(len(found), "several"), found


def _whole(pair: _Pair, root: float, better: str) -> int | None:
    """Return the whole number nearest to a crossing for which the first side is at least as good, checked."""
    if better == "touches":
        return None
    step = 1 if better == "above" else -1
    start = math.ceil(root * (1 - EQUAL)) if step > 0 else math.floor(root * (1 + EQUAL))
    for number in (start, start + step, start + 2 * step):
        if number >= 1 and pair.gap(number) <= EQUAL:
            return number
    return None


Letters = dict[int, tuple[float, str, tuple[Rational, str, str] | None]]
"""Value, letter and source of each coefficient of a sum of powers; a number that is no coefficient has no source."""

_LETTERS = {0: "a", 1: "b", -1: "c", 2: "d"}
_BELOW = {0: "e", 1: "f", 2: "g"}
_TERMS = {0: "{}", 1: "{} x", -1: "{} / x", 2: "{} x^2"}
_NOTHING: Letters = {0: (1.0, "", None)}


def _form(pair: _Pair, root: float, low: float, high: float) -> tuple[ClosedForm | None, str]:
    """Return the closed form of a crossing, checked by substitution, or why there is none."""
    found: list[float | Rational] = []
    for side, fixed in zip(pair.moved, (pair.first, pair.second), strict=True):
        if side is None:
            found.append(fixed.value if isinstance(fixed, Point) else fixed)
            continue
        if side.order not in (1, math.inf):
            return None, f"the overlap order is {side.order:g}; the closed form is that of p = infinity"
        try:
            found.append(rational_in(side.program, side.metric, pair.name, {**side.values, pair.name: root}))
        except NoFraction as error:
            return None, str(error)
    moved = [r for r in found if isinstance(r, Rational)]
    inverse = all(len(r.over) == 1 and r.under != (0,) for r in moved)
    sides = [_lettered(r, mark, inverse=inverse) for r, mark in zip(found, ("", "'"), strict=True)]
    powers = sorted({p for r in moved for p in r.over} if not inverse else set().union(*(over for over, _ in sides)))
    if not set(powers) <= set(_LETTERS) or any(set(r.under) - set(_BELOW) for r in moved if not inverse):
        return None, f"{pair.name} enters with the powers {', '.join(map(str, powers))}"
    return _solved(pair, root, low, high, sides)


def _lettered(side: float | Rational, mark: str, *, inverse: bool) -> tuple[Letters, Letters]:
    """Return what stands above and below the fraction bar of a side; turned round where each is one over a sum."""
    if not isinstance(side, Rational):
        return {0: (1 / side, "1 / T", None) if inverse else (side, "T", None)}, _NOTHING
    values = side.values
    if inverse:
        (power,) = side.over
        return {
            k - power: (
                values[f"under{k}"] / values[f"over{power}"],
                _LETTERS.get(k - power, "") + mark,
                (side, f"under{k}", f"over{power}"),
            )
            for k in side.under
        }, _NOTHING
    over: Letters = {k: (values[f"over{k}"], _LETTERS.get(k, "") + mark, (side, f"over{k}", "")) for k in side.over}
    if side.under == (0,):
        return over, _NOTHING
    return over, {k: (values[f"under{k}"], _BELOW.get(k, "") + mark, (side, f"under{k}", "")) for k in side.under}


def _solved(
    pair: _Pair, root: float, low: float, high: float, sides: list[tuple[Letters, Letters]]
) -> tuple[ClosedForm | None, str]:
    (over, under), (other_over, other_under) = sides
    net: dict[int, float] = {}
    terms: dict[int, tuple[list[str], list[str]]] = {}
    for place, one, by in ((0, over, other_under), (1, other_over, under)):
        for (i, (value, word, _)), (k, (factor, letter, _)) in itertools.product(one.items(), by.items()):
            net[i + k] = net.get(i + k, 0.0) + (-1) ** place * value * factor
            terms.setdefault(i + k, ([], []))[place].append(" ".join(w for w in (word, letter) if w))
    left = sorted(k for k, value in net.items() if value)
    if not left or left[-1] == left[0]:
        return None, "the two sides do not cross within this regime"
    least, most = left[0], left[-1]
    if most - least > 2:
        return None, f"{pair.name} enters with the powers {', '.join(map(str, left))}"
    net_of = {k: _difference(*terms[k]) for k in terms}
    turned = {k: _difference(*reversed(terms[k])) for k in terms}
    if most - least == 2:
        third, second, first = net[most], net.get(most - 1, 0.0), net[least]
        root_of = math.sqrt(max(second**2 - 4 * third * first, 0.0))
        found = min(((-second + s * root_of) / (2 * third) for s in (1, -1)), key=lambda x: abs(x - root))
        words = [_in_brackets(net_of.get(most - k, "0")) for k in range(3)]
        square = f"{words[1]}^2 - 4 {words[0]} {words[2]}"
        solution = f"x = ({turned.get(most - 1, '0')} +- sqrt({square})) / (2 {words[0]})"
    else:
        found = -net[least] / net[most]
        ways = (turned[least], net_of[most]), (net_of[least], turned[most])
        solution = _quotient(*(ways if most == 1 else ways[::-1]))
    if not math.isclose(found, root, rel_tol=1e-6):
        return None, "the crossing lies on a kink, where no one regime holds"
    start, end = valid(pair.labels, root, low, high)
    equation = " = ".join(_text(*side) for side in sides)
    letters = {
        letter: source
        for side in sides
        for part in side
        for _, letter, source in (part[k] for k in (*_LETTERS,) if k in part)
        if source is not None
    }
    return ClosedForm(pair.name, equation, solution, found, start, end, abs(pair.gap(found)), letters), ""


def _text(over: Letters, under: Letters) -> str:
    """Return a side in letters."""
    above, below = (
        " + ".join(_TERMS[k].format(part[k][1]) for k in _LETTERS if k in part and part[k][1]) for part in (over, under)
    )
    return f"{_in_brackets(above)} / {_in_brackets(below)}" if below else above


def _difference(ours: list[str], theirs: list[str]) -> str:
    """Return the difference of two sums in letters."""
    text = " ".join([*(f"+ {w}" for w in ours), *(f"- {w}" for w in theirs)])
    return text.removeprefix("+ ") if text.startswith("+") else text.replace("- ", "-", 1)


def _quotient(way: tuple[str, str], other: tuple[str, str]) -> str:
    """Return x as one difference over another, both turned round where that spares a minus sign in front."""
    over, under = other if any(text.startswith("-") for text in way) else way
    return f"x = {_in_brackets(over)} / {_in_brackets(under)}"


def _in_brackets(text: str) -> str:
    return f"({text})" if " " in text or text.startswith("-") else text
