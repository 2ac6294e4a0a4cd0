"""Written expressions: what the grammar makes of a text, and its value on any kind of scalar.

An expression is a list of steps in postfix order, computed on a stack with the operators of the scalars and the
functions that plugins use. So a formula that was read from a file and one that was written in Python are the same to
floats, recording scalars, sympy expressions and bare dimensions.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import attrs

from symarch.program.functions import Max, Min, ceil, exp, floor, is_number, log2, power_value, sqrt

Step = tuple[str, Any]
"""`("number", value)`, `("name", name)`, or an operation and how many values it takes from the stack."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": Min,
    "max": Max,
    "ceil": ceil,
    "floor": floor,
    "sqrt": sqrt,
    "log2": log2,
    "exp": exp,
}
"""The functions of the grammar; `min` and `max` take two arguments or more, the others one."""


MOST_BITS = 1024
"""Size of the largest whole number, in bits; floats end there, too, and larger ones take ever more time."""


def _power(base: Any, exponent: Any) -> Any:
    if is_number(base) and is_number(exponent):
        whole = isinstance(base, int) and isinstance(exponent, int) and exponent >= 0
        if whole and base.bit_length() * exponent <= MOST_BITS:
            return base**exponent
        return power_value(float(base), float(exponent))
    return base**exponent


OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": _power,
    "negative": operator.neg,
    **FUNCTIONS,
}
"""What each operation does to scalars of any kind."""


@attrs.frozen
class Expression:
    """A parsed expression.

    Attributes:
        text: as it was written.
        steps: the operations in postfix order; what numbers alone decide is folded away.
        names: the names it uses, in order of first use.
    """

    text: str
    steps: tuple[Step, ...]
    names: tuple[str, ...]

    def compute(self, value_of: Callable[[str], Any]) -> Any:
        """Return the value, asking `value_of` for that of each name. Raises OverflowError for large whole numbers."""
        stack: list[Any] = []
        for operation, operand in self.steps:
            if operation == "number":
                stack.append(operand)
            elif operation == "name":
                stack.append(value_of(operand))
            else:
                arguments = stack[-operand:]
                del stack[-operand:]
                value = OPERATIONS[operation](*arguments)
                if isinstance(value, int) and value.bit_length() > MOST_BITS:
                    raise OverflowError(f"a whole number of {operation} has more than {MOST_BITS} bits")
                stack.append(value)
        return stack[0]
