"""A metric as a fraction of two sums of powers of one parameter, exact in the regime at a point.

Where the overlap order is 1 or infinity, every maximum is its winner, and what is left is arithmetic: the program is
run again on fractions of polynomials whose coefficients are recorded on a new tape. So they are numbers as well as
formulas over named definitions. Definitions that depend on the parameter are taken apart, the others keep their names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import attrs

from symarch.program import Node, Program, Tape
from symarch.program.derivatives import evaluate
from symarch.program.mean import mean_max_weights
from symarch.program.tape import ALIASES

Polynomial = dict[int, Any]
"""Coefficient (a node or a number) by power; powers may be negative."""

DEGREE = 4
"""Span of powers beyond which nobody reads the formula."""


PLAIN: Polynomial = {0: 1}
"""What plain values are divided by."""


class NoFraction(Exception):
    """The metric is no fraction of polynomials in the parameter; the text says why."""


@attrs.frozen
class Rational:
    """A metric = sum_k over_k x**k / sum_k under_k x**k.

    Attributes:
        program: the coefficients are its outputs, `over0`, `under-1` ...
        over: powers above.
        under: powers below.
        values: coefficients at the point, by output.
        computed: value of every operation of the program at the point.
    """

    program: Program
    over: tuple[int, ...]
    under: tuple[int, ...]
    values: Mapping[str, float]
    computed: Sequence[float] = attrs.field(eq=False, repr=False)

    def at(self, x: Any) -> Any:
        """Return the value at some x, a number or an array."""
        over = sum(self.values[f"over{k}"] * x**k for k in self.over)
        return over / sum(self.values[f"under{k}"] * x**k for k in self.under)

    @property
    def written(self) -> tuple[str, tuple[float, ...]]:
        """Return the form as text, `a + b x` or `1 / (a + b x)`, with its numbers; both empty if it is longer."""
        if self.under == (0,):
            inverse, terms = False, {k: self.values[f"over{k}"] for k in self.over}
        elif len(self.over) == 1:
            (power,) = self.over
            inverse = True
            terms = {k - power: self.values[f"under{k}"] / self.values[f"over{power}"] for k in self.under}
        else:
            return "", ()
        words = {0: "{}", 1: "{} x", -1: "{} / x"}
        if not set(terms) <= set(words):
            return "", ()
        order = [k for k in words if k in terms]
        text = " + ".join(words[k].format(letter) for k, letter in zip(order, "abc", strict=False))
        return f"1 / ({text})" if inverse else text, tuple(terms[k] for k in order)


@attrs.frozen(eq=False)
class _Fraction:
    """Two polynomials; a plain value is one over 1."""

    over: Polynomial
    under: Polynomial

    @property
    def free(self) -> bool:
        """Whether it does not depend on the parameter."""
        return set(self.over) <= {0} and set(self.under) <= {0}


class _Run:
    """Runs a program on fractions."""

    def __init__(self, name: str, values: list[float]) -> None:
        self.name, self.values, self.tape = name, values, Tape()

    def plain(self, value: Any) -> _Fraction:
        return _Fraction({0: value}, PLAIN)

    def scalar(self, fraction: _Fraction) -> Any:
        over, under = fraction.over.get(0, 0), fraction.under[0]
        return over if self._one(under) else self.mul(over, self.tape.record("pow", (under, -1)))

    def _one(self, value: Any) -> bool:
        return not isinstance(value, Node) and value == 1

    def mul(self, *factors: Any) -> Any:
        if any(not isinstance(f, Node) and f == 0 for f in factors):
            return 0
        if all(not isinstance(f, Node) for f in factors):
            return math.prod(factors)
        return self.tape.record("mul", factors)

    def add(self, *terms: Any) -> Any:
        left = [t for t in terms if isinstance(t, Node) or t != 0]
        if all(not isinstance(t, Node) for t in left):
            return sum(left)
        return left[0] if len(left) == 1 else self.tape.record("add", left)

    def product(self, a: Polynomial, b: Polynomial) -> Polynomial:
        if b == PLAIN:
            return a
        found: dict[int, list[Any]] = {}
        for i, one in a.items():
            for k, other in b.items():
                found.setdefault(i + k, []).append(self.mul(one, other))
        return self._sound({k: self.add(*v) for k, v in found.items()})

    def _sound(self, found: Polynomial) -> Polynomial:
        if len(found) > 1 and max(found) - min(found) > DEGREE:
            raise NoFraction(f"{self.name} enters in powers that span more than {DEGREE}")
        return found

    def tidy(self, over: Polynomial, under: Polynomial) -> _Fraction:
        """Divide by a divisor of one term; else shift powers so that the divisor begins with x**0."""
        over = {k: v for k, v in over.items() if isinstance(v, Node) or v != 0} or {0: 0}
        if len(under) == 1:
            ((power, value),) = under.items()
            if power == 0 and self._one(value):
                return _Fraction(over, under)
            inverse = self.tape.record("pow", (value, -1)) if isinstance(value, Node) else _inverse(value)
            return _Fraction({k - power: self.mul(v, inverse) for k, v in over.items()}, PLAIN)
        shift = min(under)
        return _Fraction({k - shift: v for k, v in over.items()}, {k - shift: v for k, v in under.items()})

    def times(self, a: _Fraction, b: _Fraction) -> _Fraction:
        if a.over == b.under:
            return self.tidy(b.over, a.under)
        if b.over == a.under:
            return self.tidy(a.over, b.under)
        return self.tidy(self.product(a.over, b.over), self.product(a.under, b.under))

    def plus(self, given: list[_Fraction]) -> _Fraction:
        groups: list[tuple[Polynomial, dict[int, list[Any]]]] = []
        for fraction in given:
            terms = next((t for u, t in groups if u == fraction.under), None)
            if terms is None:
                terms = {}
                groups.append((fraction.under, terms))
            for power, value in fraction.over.items():
                terms.setdefault(power, []).append(value)
        sums = [self.tidy(self._sound({k: self.add(*v) for k, v in t.items()}), u) for u, t in groups]
        result = sums[0]
        for other in sums[1:]:
            over = [self.product(result.over, other.under), self.product(other.over, result.under)]
            both: Polynomial = {}
            for part in over:
                for power, value in part.items():
                    both[power] = self.add(both[power], value) if power in both else value
            result = self.tidy(self._sound(both), self.product(result.under, other.under))
        return result

    def power(self, base: _Fraction, exponent: _Fraction) -> _Fraction:
        value = self.scalar(exponent) if exponent.free else None
        if value is None or isinstance(value, Node) or value != int(value) or abs(value) > DEGREE:
            raise NoFraction(f"{self.name} enters through a power or a root")
        result = base
        for _ in range(abs(int(value)) - 1):
            result = self.times(result, base)
        return self.tidy(result.under, result.over) if value < 0 else result

    def run(self, program: Program, index: int) -> _Fraction:
        """Return one operation as a fraction. Raises NoFraction."""
        known: dict[int, _Fraction] = {}
        for i in program.live([index]):
            operation, arguments, attribute = program.operations[i]
            given = [known[a] for a in arguments]
            at = [self.values[a] for a in arguments]
            if operation == "const":
                known[i] = self.plain(attribute)
            elif operation == "input":
                own = attribute == self.name
                known[i] = _Fraction({1: 1}, PLAIN) if own else self.plain(self.tape.input(attribute))
            elif operation in ("max", "min") and not all(g.free for g in given):
                known[i] = given[at.index(max(at) if operation == "max" else min(at))]
            elif operation == "mean_max":
                weights = mean_max_weights(*at)
                ends = zip(weights, given[1:], strict=True)
                known[i] = self.plus([self.times(self.plain(_exact(w)), g) for w, g in ends if w])
            elif operation == "add":
                known[i] = self.plus(given)
            elif operation == "mul":
                product = given[0]
                for factor in given[1:]:
                    product = self.times(product, factor)
                known[i] = product
            elif all(g.free for g in given):
                scalars = [self.scalar(g) for g in given]
                within = operation == "name" and "." not in attribute  # a metric within a metric
                if operation == "mark" or within or (operation == "name" and not isinstance(scalars[0], Node)):
                    known[i] = given[0]
                else:
                    known[i] = self.plain(self.tape.record(operation, scalars, attribute))
            elif operation in ALIASES:
                known[i] = given[0]
            elif operation == "pow":
                known[i] = self.power(*given)
            elif operation in ("ceil", "floor", "first_min", "first_max"):
                known[i] = self.plain(self.values[i])
            else:
                words = "a finite overlap order" if operation == "overlap" else f"{operation} of it"
                raise NoFraction(f"{self.name} enters through {words}")
        return known[index]


def _inverse(value: Any) -> Any:
    return Fraction(1) / value if isinstance(value, int | Fraction) else 1 / value


def _exact(weight: float) -> Any:
    return Fraction(1, 2) if weight == 0.5 else weight


def rational_in(program: Program, output: str, name: str, values: Mapping[str, float]) -> Rational:
    """Return an output of a program as a fraction in one input, in the regime at a point.

    Raises NoFraction if it is none of powers that span at most four.
    """
    run = _Run(name, evaluate(program, values))
    found = run.run(program, program.outputs[output])
    outputs = {f"over{k}": v for k, v in found.over.items()} | {f"under{k}": v for k, v in found.under.items()}
    coefficients = Program.of(run.tape, outputs).pruned()
    computed = evaluate(coefficients, values)
    numbers = {k: float(computed[i]) for k, i in coefficients.outputs.items()}
    # what is nothing at the point, as the padding of whole tiles beside the tiles, is no power of the form
    over, under = (
        tuple(k for k in sorted(powers) if numbers[f"{side}{k}"] or not k)
        for side, powers in (("over", found.over), ("under", found.under))
    )
    return Rational(coefficients, over, under, numbers, computed)
