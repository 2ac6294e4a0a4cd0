"""The functions formulas are written with. One call serves every kind of scalar.

A scalar type brings its own rules in a static method `__symarch_apply__(operation, arguments, attribute)`; plain
numbers use the table `FLOAT` below; sympy expressions, whose types we do not own, use `symarch.formula.functions`,
imported when the first one arrives (importing sympy costs most of a second).
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from symarch.program.mean import mean_max_value, mean_max_weights

_NUMBERS = (int, float)

_FOREIGN = {"sympy": "symarch.formula.functions", "symarch": "symarch.formula.functions"}
"""Modules of the rules of sympy's expressions, by their package; the lazy maximum and minimum are our own."""


def apply(operation: str, arguments: tuple[Any, ...], attribute: Any = None) -> Any:
    """Apply `operation` to scalars of any kind (numbers may be mixed with one other kind)."""
    for argument in arguments:
        kind = type(argument)
        if kind is float or kind is int:
            continue
        own = getattr(kind, "__symarch_apply__", None)
        if own is not None:
            return own(operation, arguments, attribute)
        package = kind.__module__.partition(".")[0]
        if package in _FOREIGN:
            return importlib.import_module(_FOREIGN[package]).apply(operation, arguments, attribute)
    return FLOAT[operation](arguments, attribute)


def Max(*arguments: Any) -> Any:
    """Return the largest argument. All arguments have one dimension."""
    return arguments[0] if len(arguments) == 1 else apply("max", arguments)


def Min(*arguments: Any) -> Any:
    """Return the smallest argument. All arguments have one dimension."""
    return arguments[0] if len(arguments) == 1 else apply("min", arguments)


def ceil(value: Any) -> Any:
    """Round a dimensionless value up. Its derivative is taken as 0."""
    return apply("ceil", (value,))


def floor(value: Any) -> Any:
    """Round a dimensionless value down. Its derivative is taken as 0."""
    return apply("floor", (value,))


def sqrt(value: Any) -> Any:
    """Return the square root."""
    return apply("sqrt", (value,))


def exp(value: Any) -> Any:
    """Return e to the power of a dimensionless value."""
    return apply("exp", (value,))


def log(value: Any) -> Any:
    """Return the natural logarithm of a dimensionless value."""
    return apply("log", (value,))


def log2(value: Any) -> Any:
    """Return the binary logarithm of a dimensionless value."""
    return apply("log2", (value,))


def total(values: Iterable[Any]) -> Any:
    """Sum scalars of one dimension as one n-ary operation; the empty sum is 0."""
    # by their types, which is asked of every scalar of a model
    terms = [v for v in values if not (type(v) in _NUMBERS and v == 0)]
    if not terms:
        return 0
    return terms[0] if len(terms) == 1 else apply("add", tuple(terms))


def overlap(order: float, *times: Any) -> Any:
    """Combine times that overlap with order p: (sum t**p)**(1/p).

    p = 1 is no overlap (the sum), p = infinity perfect overlap (the maximum). `order` is a plain number, fixed when a
    program is built. Evaluated as M (sum (t/M)**p)**(1/p) with M the largest time, since t**p underflows for
    microseconds at large p.
    """
    if len(times) == 1:
        return times[0]
    if order == 1:
        return total(times)
    if order == math.inf:
        return Max(*times)
    return apply("overlap", times, float(order))


def mean_max(count: Any, *ends: Any) -> Any:
    """Average the largest of some lines over `count` equally spaced points.

    `ends` holds, for each line, its value at the first and at the last point. This is the mean over decode steps of a
    roofline whose terms grow with the context: exact, split where the lines cross. With `count` = 1 the midpoint is
    taken.
    """
    if len(ends) == 2:
        return (ends[0] + ends[1]) / 2
    return apply("mean_max", (count, *ends))


def mark(value: Any, resource: str, cause: str, operator: str, unit: str = "s") -> Any:
    """Label a time (or an energy, unit J) with the resource that takes it, the cause and the operator it belongs to.

    The value is unchanged. A metric is homogeneous of degree 1 in its marked times, so that its derivatives by them,
    each weighted by the time, sum to the metric: these are the shares of the resources.
    """
    own = getattr(type(value), "__symarch_apply__", None)
    return value if own is None else own("mark", (value,), (resource, cause, operator, unit))


def name(value: Any, label: str) -> Any:
    """Leave a name beside a recorded value (`hbf.read_bandwidth`); the value is unchanged."""
    own = getattr(type(value), "__symarch_apply__", None)
    return value if own is None else own("name", (value,), label)


def overlap_value(order: float, times: Iterable[float]) -> float:
    """Evaluate `overlap` on floats."""
    values = list(times)
    largest = max(values)
    if largest in (0, math.inf) or order == math.inf:
        return largest
    return float(largest * sum((t / largest) ** order for t in values) ** (1 / order))


def power_value(base: float, exponent: float) -> float:
    """Evaluate a power on floats. Raises ValueError for a fractional power of a negative number."""
    if exponent == -1:
        return 1 / base
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError(f"{base!r} has no power {exponent!r}")
    return float(result)


def ceil_value(value: float) -> float:
    """Round up; what is not finite stays."""
    return math.ceil(value) if math.isfinite(value) else value


def floor_value(value: float) -> float:
    """Round down; what is not finite stays."""
    return math.floor(value) if math.isfinite(value) else value


def _sum(values: tuple[Any, ...]) -> Any:
    result = values[0]
    for value in values[1:]:
        result = result + value
    return result


def _product(values: tuple[Any, ...]) -> Any:
    result = values[0]
    for value in values[1:]:
        result = result * value
    return result


FLOAT: dict[str, Callable[[tuple[Any, ...], Any], Any]] = {
    "add": lambda a, _: _sum(a),
    "mul": lambda a, _: _product(a),
    "pow": lambda a, _: power_value(a[0], a[1]),
    "max": lambda a, _: max(a),
    "min": lambda a, _: min(a),
    "overlap": lambda a, order: overlap_value(order, a),
    "mean_max": lambda a, _: mean_max_value(*a),
    "mean_max_weights": lambda a, _: mean_max_weights(*a),
    "item": lambda a, index: a[0][index],
    "first_max": lambda a, index: 1.0 if a.index(max(a)) == index else 0.0,
    "first_min": lambda a, index: 1.0 if a.index(min(a)) == index else 0.0,
    "ceil": lambda a, _: ceil_value(a[0]),
    "floor": lambda a, _: floor_value(a[0]),
    "exp": lambda a, _: math.exp(a[0]),
    "log": lambda a, _: math.log(a[0]),
    "log2": lambda a, _: math.log2(a[0]),
    "sqrt": lambda a, _: math.sqrt(a[0]),
    "mark": lambda a, _: a[0],
    "name": lambda a, _: a[0],
}
"""What each operation does to plain numbers: the third oracle beside program and formula."""


def is_number(value: Any) -> bool:
    """Return whether a value is a plain number and not a symbol, recording scalar or dimension."""
    return isinstance(value, int | float | Fraction)
