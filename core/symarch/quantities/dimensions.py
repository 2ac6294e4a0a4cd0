"""Dimensions, and the scalar that carries nothing but a dimension.

Information (B) is a dimension of its own: 1 GB/s is not 8e9 Hz. Running a technology on `Dimensioned` scalars instead
of numbers checks it: the operation that joins two unlike things fails by itself and names both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import attrs

from symarch.errors import DimensionError

BASES = ("B", "s", "J", "FLOP", "USD", "m", "kg", "K")
"""The SI base units of symarch's algebra."""


@attrs.frozen(order=False)
class Dimension:
    """Exponents over `BASES`; `str()` gives the SI unit, for example `B/s`."""

    exponents: tuple[Fraction, ...] = (Fraction(0),) * len(BASES)

    @classmethod
    def of(cls, powers: Mapping[str, int | Fraction]) -> Dimension:
        """Build a dimension from base names and their powers."""
        return cls(tuple(Fraction(powers.get(base, 0)) for base in BASES))

    def __mul__(self, other: Dimension) -> Dimension:
        return Dimension(tuple(a + b for a, b in zip(self.exponents, other.exponents, strict=True)))

    def __truediv__(self, other: Dimension) -> Dimension:
        return Dimension(tuple(a - b for a, b in zip(self.exponents, other.exponents, strict=True)))

    def __pow__(self, power: int | Fraction) -> Dimension:
        return Dimension(tuple(a * power for a in self.exponents))

    def __bool__(self) -> bool:
        """Return whether this is anything but dimensionless."""
        return any(self.exponents)

    def exponent(self, base: str) -> Fraction:
        """Return the power of one base unit."""
        return self.exponents[BASES.index(base)]

    def __str__(self) -> str:
        def part(base: str, power: Fraction) -> str:
            return base if power == 1 else f"{base}^{power}" if power.denominator == 1 else f"{base}^({power})"

        pairs = list(zip(BASES, self.exponents, strict=True))
        above = [part(b, p) for b, p in pairs if p > 0]
        below = [part(b, -p) for b, p in pairs if p < 0]
        if not above and not below:
            return "1"
        return ("*".join(above) or "1") + "".join(f"/{b}" for b in below)


DIMENSIONLESS = Dimension()


def _label(dimension: Dimension | None) -> str:
    return "0" if dimension is None else f"[{dimension}]"


class Dimensioned:
    """A scalar that has a dimension and a description but no value.

    `dimension` is None for a literal zero, which fits any dimension. Every other literal is dimensionless, so a number
    added to a dimensional quantity is refused: dimensional numbers are parameters.
    """

    __slots__ = ("dimension", "text")

    def __init__(self, dimension: Dimension | None, text: str) -> None:
        self.dimension = dimension
        self.text = text

    def __repr__(self) -> str:
        return f"{self.text} {_label(self.dimension)}"

    @staticmethod
    def lift(value: Any) -> Dimensioned:
        """Return `value` as a dimensioned scalar; numbers are dimensionless, zero fits anything. Raises TypeError."""
        if isinstance(value, Dimensioned):
            return value
        if isinstance(value, int | float | Fraction):
            return Dimensioned(None if value == 0 else DIMENSIONLESS, str(value))
        raise TypeError(f"{value!r} is neither a quantity nor a number")

    @staticmethod
    def same(what: str, values: Sequence[Any]) -> Dimensioned:
        """Join values that must all have one dimension; `what` names the operation in the error."""
        lifted = [Dimensioned.lift(v) for v in values]
        known = [v for v in lifted if v.dimension is not None]
        if not known:
            return lifted[0]
        for other in known[1:]:
            if other.dimension != known[0].dimension:
                raise DimensionError(
                    f"{what} joins {known[0].text} {_label(known[0].dimension)} and "
                    f"{other.text} {_label(other.dimension)}"
                )
        text = f" {what} ".join(v.text for v in lifted) if what in "+-" else f"{what}({', '.join(map(_text, lifted))})"
        return Dimensioned(known[0].dimension, _short(text))

    def _plain(self, what: str) -> Dimensioned:
        if self.dimension is not None and self.dimension:
            raise DimensionError(f"{what} needs a dimensionless argument, {self.text} has {_label(self.dimension)}")
        return Dimensioned(DIMENSIONLESS, _short(f"{what}({self.text})"))

    def __add__(self, other: Any) -> Dimensioned:
        return Dimensioned.same("+", (self, other))

    def __radd__(self, other: Any) -> Dimensioned:
        return Dimensioned.same("+", (other, self))

    def __sub__(self, other: Any) -> Dimensioned:
        return Dimensioned.same("-", (self, other))

    def __rsub__(self, other: Any) -> Dimensioned:
        return Dimensioned.same("-", (other, self))

    def __neg__(self) -> Dimensioned:
        return Dimensioned(self.dimension, _short(f"-{self.text}"))

    def __mul__(self, other: Any) -> Dimensioned:
        right = Dimensioned.lift(other)
        if self.dimension is None or right.dimension is None:
            return Dimensioned(None, "0")
        return Dimensioned(self.dimension * right.dimension, _short(f"{_factor(self)}*{_factor(right)}"))

    def __rmul__(self, other: Any) -> Dimensioned:
        return Dimensioned.lift(other) * self

    def __truediv__(self, other: Any) -> Dimensioned:
        right = Dimensioned.lift(other)
        if right.dimension is None:
            raise DimensionError(f"{self.text} is divided by zero")
        if self.dimension is None:
            return Dimensioned(None, "0")
        return Dimensioned(self.dimension / right.dimension, _short(f"{_factor(self)}/{_factor(right)}"))

    def __rtruediv__(self, other: Any) -> Dimensioned:
        return Dimensioned.lift(other) / self

    def __pow__(self, power: Any) -> Dimensioned:
        if isinstance(power, int | float | Fraction) and math.isfinite(power):
            if self.dimension is None and power < 0:
                raise DimensionError(f"{self.text} is divided by zero")
            if self.dimension is None:
                return self if power else Dimensioned(DIMENSIONLESS, "1")
            exact = Fraction(power).limit_denominator(1000)
            return Dimensioned(self.dimension**exact, _short(f"{_factor(self)}^{power}"))
        exponent = Dimensioned.lift(power)
        for side in (self, exponent):
            if side.dimension:
                raise DimensionError(
                    f"{_factor(self)}^{_factor(exponent)} needs dimensionless base and exponent, "
                    f"{side.text} has {_label(side.dimension)}"
                )
        return Dimensioned(DIMENSIONLESS, _short(f"{_factor(self)}^{_factor(exponent)}"))

    def __rpow__(self, base: Any) -> Dimensioned:
        return Dimensioned.lift(base) ** self

    def __bool__(self) -> bool:
        raise DimensionError(f"{self.text} was used as a truth value; use Min and Max instead of if and comparisons")

    def _compare(self, other: object) -> bool:
        raise DimensionError(f"{self.text} was compared; use Min and Max instead of if and comparisons")

    __lt__ = __le__ = __gt__ = __ge__ = _compare

    @staticmethod
    def __symarch_apply__(operation: str, arguments: tuple[Any, ...], attribute: Any) -> Any:
        """Apply one of symarch's functions to dimensions (see `symarch.program.functions`)."""
        handler = _FUNCTIONS.get(operation)
        if handler is None:
            raise DimensionError(f"{operation} has no rule for dimensions")
        return handler(arguments, attribute)


def _text(value: Dimensioned) -> str:
    return value.text


def _factor(value: Dimensioned) -> str:
    return f"({value.text})" if " + " in value.text or " - " in value.text else value.text


def _short(text: str) -> str:
    return text if len(text) <= 160 else text[:100] + " ... " + text[-50:]


def _same(name: str) -> Callable[[tuple[Any, ...], Any], Any]:
    return lambda arguments, _: Dimensioned.same(name, arguments)


def _dimensionless(name: str) -> Callable[[tuple[Any, ...], Any], Any]:
    return lambda arguments, _: Dimensioned.lift(arguments[0])._plain(name)


def _mean_max(arguments: tuple[Any, ...], _: Any) -> Any:
    Dimensioned.lift(arguments[0])._plain("mean_max")
    return Dimensioned.same("mean_max", arguments[1:])


def _first_min(arguments: tuple[Any, ...], _: Any) -> Any:
    Dimensioned.same("Min", arguments)
    return Dimensioned(DIMENSIONLESS, "first_min")


_FUNCTIONS: dict[str, Callable[[tuple[Any, ...], Any], Any]] = {
    "add": _same("+"),
    "max": _same("Max"),
    "min": _same("Min"),
    "overlap": _same("overlap"),
    "mean_max": _mean_max,
    "first_min": _first_min,
    "mark": lambda arguments, _: arguments[0],
    "name": lambda arguments, _: arguments[0],
    "ceil": _dimensionless("ceil"),
    "floor": _dimensionless("floor"),
    "exp": _dimensionless("exp"),
    "log": _dimensionless("log"),
    "log2": _dimensionless("log2"),
    "sqrt": lambda arguments, _: Dimensioned.lift(arguments[0]) ** Fraction(1, 2),
}
