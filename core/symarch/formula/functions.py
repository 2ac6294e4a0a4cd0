"""symarch's functions on sympy expressions."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

import sympy

from symarch.formula.lazy import Max, Min
from symarch.program.mean import mean_max_array, mean_max_value


class MeanMax(sympy.Function):
    """The mean of the largest of some lines over n points: MeanMax(n, f_1, l_1, f_2, l_2 ...)."""

    @staticmethod
    def _imp_(*arguments: Any) -> Any:
        """Evaluate on numbers or arrays; `sympy.lambdify` looks for this name."""
        if all(isinstance(a, int | float) for a in arguments):
            return mean_max_value(*arguments)
        return mean_max_array(*arguments)

    def _eval_evalf(self, prec: int) -> Any:
        arguments: tuple[Any, ...] = self.args
        values = [a.evalf(prec) for a in arguments]
        if all(v.is_Number for v in values):
            return sympy.Float(mean_max_value(*(float(v) for v in values)))
        return self

    def _latex(self, printer: Any, exp: Any = None) -> str:
        count, *ends = self.args
        lines = ",\\ ".join(
            f"{printer._print(a)} \\ldots {printer._print(b)}" for a, b in zip(ends[0::2], ends[1::2], strict=True)
        )
        text = f"\\operatorname{{mean}}_{{{printer._print(count)}}} \\max\\left({lines}\\right)"
        return f"\\left({text}\\right)^{{{exp}}}" if exp else text


class FirstMin(sympy.Function):
    """One if argument k is the (first) smallest of the others, else zero: FirstMin(k, a_0, a_1 ...)."""

    @staticmethod
    def _imp_(k: Any, *arguments: Any) -> Any:
        """Evaluate on numbers or arrays; `sympy.lambdify` looks for this name."""
        import numpy as np

        return (np.argmin(np.stack(np.broadcast_arrays(*arguments)), axis=0) == k) * 1.0

    def _eval_evalf(self, prec: int) -> Any:
        k, *arguments = cast("tuple[Any, ...]", self.args)
        values = [a.evalf(prec) for a in arguments]
        if all(v.is_Number for v in values):
            return sympy.Float(1.0 if values.index(min(values)) == int(k) else 0.0)
        return self


def exact(value: Any) -> Any:
    """Return a number as sympy holds it: integers and fractions exact, floats as they are."""
    return sympy.Rational(value.numerator, value.denominator) if hasattr(value, "numerator") else sympy.Float(value)


def _overlap(times: tuple[Any, ...], order: float) -> Any:
    power = sympy.Integer(int(order)) if order == int(order) else sympy.Float(order)
    return sympy.Add(*(t**power for t in times)) ** (1 / power)


_FUNCTIONS: dict[str, Callable[[tuple[Any, ...], Any], Any]] = {
    "add": lambda a, _: sympy.Add(*a),
    "mul": lambda a, _: sympy.Mul(*a),
    "pow": lambda a, _: a[0] ** a[1],
    "max": lambda a, _: Max(*a),
    "min": lambda a, _: Min(*a),
    "overlap": _overlap,
    "mean_max": lambda a, _: MeanMax(*a),
    "first_min": lambda a, k: FirstMin(sympy.Integer(k), *a),
    "ceil": lambda a, _: sympy.ceiling(a[0]),
    "floor": lambda a, _: sympy.floor(a[0]),
    "exp": lambda a, _: sympy.exp(a[0]),
    "log": lambda a, _: sympy.log(a[0]),
    "log2": lambda a, _: sympy.log(a[0]) / sympy.log(2),
    "sqrt": lambda a, _: sympy.sqrt(a[0]),
    "mark": lambda a, _: a[0],
    "name": lambda a, _: a[0],
}


def apply(operation: str, arguments: tuple[Any, ...], attribute: Any) -> Any:
    """Apply one of symarch's functions to sympy expressions (see `symarch.program.functions`)."""
    return _applied(operation, tuple(sympy.sympify(a) for a in arguments), attribute)


@lru_cache(maxsize=1 << 14)
def _applied(operation: str, arguments: tuple[Any, ...], attribute: Any) -> Any:
    """Remember what was built: metrics of one model, and a model at two overlap orders, have most of it in common."""
    return _FUNCTIONS[operation](arguments, attribute)
