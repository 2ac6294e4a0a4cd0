"""Max and Min that never try to decide which argument is larger.

sympy's own compare their arguments whenever they are rebuilt, `evaluate=False` or not, which costs seconds for the
expressions here. These fold numbers and equal arguments and leave the rest alone. The classes bear sympy's names
because sympy's printers look functions up by name.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy.core.sorting import default_sort_key


def _build(cls: Any, arguments: tuple[Any, ...]) -> Any:
    flat: list[Any] = []
    for argument in map(sympy.sympify, arguments):
        flat += argument.args if isinstance(argument, cls) else (argument,)
    numbers = [a for a in flat if a.is_number and a.is_comparable]
    rest = list(dict.fromkeys(a for a in flat if not (a.is_number and a.is_comparable)))
    if numbers:
        best = numbers[0]
        for number in numbers[1:]:
            best = number if bool(number > best) == (cls is Max) else best
        if not (best == 0 and cls is Max and rest and all(a.is_nonnegative for a in rest)):
            rest.append(best)
    if len(rest) == 1:
        return rest[0]
    rest.sort(key=default_sort_key)
    return sympy.Expr.__new__(cls, *rest)


class Max(sympy.Max):
    """A maximum that is never evaluated."""

    def __new__(cls, *arguments: Any, **_: Any) -> Any:
        """Build without comparing; options that sympy passes when it rebuilds are of no use here."""
        return _build(cls, arguments)

    @property
    def args(self) -> tuple[Any, ...]:
        """Return the arguments as they are; sympy's lattice operations would sort them anew."""
        return self._args


class Min(sympy.Min):
    """A minimum that is never evaluated."""

    def __new__(cls, *arguments: Any, **_: Any) -> Any:
        """Build without comparing; options that sympy passes when it rebuilds are of no use here."""
        return _build(cls, arguments)

    @property
    def args(self) -> tuple[Any, ...]:
        """Return the arguments as they are; sympy's lattice operations would sort them anew."""
        return self._args
