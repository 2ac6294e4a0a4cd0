"""Amounts of work with names of their own: what a closed form counts of bytes, FLOPs and starts.

A term is a sum of amounts, each times what the machine takes for one: N1 bytes over a bandwidth, N2 multiply-adds over
a peak. An amount depends on the workload alone. Where two phases or mixed steps meet in one metric the amounts are what
makes a closed form long, so they are written out beside it, as the definitions of a plugin are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sympy

from symarch.analysis import METRICS
from symarch.formula.functions import exact
from symarch.formula.symbols import symbol

PLAIN, WEIGHTED = "N", "W"
"""Letters of the names N1, N2 and so on; W1, W2 at a finite overlap order above 1, whose weights are in the amounts.

No parameter is called so: sizes of the workload are words in small letters, parameters have an owner and a dot.
"""


class Amounts:
    """Terms with their amounts named; equal amounts have one name.

    Args:
        letter: that the names begin with.
    """

    def __init__(self, letter: str = PLAIN) -> None:
        self.letter = letter
        self.definitions: dict[str, sympy.Expr] = {}
        self._names: dict[Any, Any] = {}
        self._folded: dict[Any, Any] = {}
        self._sizes: dict[Any, Any] = {}

    def term(self, weighted: Iterable[tuple[Any, Any]]) -> sympy.Expr:
        """Return a sum of weighted expressions as amounts times what belongs to the machine."""
        found: dict[Any, list[Any]] = {}
        for weight, expression in weighted:
            expanded = sympy.expand(self._fold(expression))
            owned = [s for s in expanded.free_symbols if _is_owned(s)]
            for addend in sympy.Add.make_args(expanded):
                size, machine = addend.as_independent(*owned, as_Add=False)
                # a maximum with a size among its arguments belongs to the machine as a whole
                found.setdefault(machine.xreplace(self._sizes), []).append(exact(weight) * size)
        counted = [(*self._named(sympy.Add(*sizes).xreplace(self._sizes)), machine) for machine, sizes in found.items()]
        flat = sympy.factor_terms(sympy.Add(*(number * amount * machine for number, amount, machine in counted)))
        # what is done with the same amount, as bytes that cost energy in memory and chip, has it once
        alike: dict[Any, list[Any]] = {}
        for number, amount, machine in counted:
            alike.setdefault(amount, []).append(number * machine)
        parts = (amount * sympy.factor_terms(sympy.Add(*machines)) for amount, machines in alike.items())
        together = sympy.factor_terms(sympy.Add(*parts))
        return min(flat, together, key=lambda e: e.count_ops())

    def at(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the amounts at a point, where every size has a value."""
        return {
            name: float(amount.xreplace({s: values[str(s)] for s in amount.free_symbols}))
            for name, amount in self.definitions.items()
        }

    @property
    def latex(self) -> dict[str, str]:
        """Return how the names are typeset."""
        return {name: f"{self.letter}_{{{name.removeprefix(self.letter)}}}" for name in self.definitions}

    def _fold(self, expression: Any) -> Any:
        """Return an expression with each sum that the workload alone decides as one symbol."""
        if not expression.args:
            return expression
        known = self._folded.get(expression)
        if known is None:
            known = self._folded[expression] = self._once(expression)
        return known

    def _once(self, expression: Any) -> Any:
        if not any(map(_is_owned, expression.free_symbols)):
            return self._dummy(expression) if expression.free_symbols else expression
        if not isinstance(expression, sympy.Add | sympy.Mul):
            return expression.func(*map(self._fold, expression.args))
        sizes = [a for a in expression.args if a.args and not any(map(_is_owned, a.free_symbols))]
        others = [self._fold(a) for a in expression.args if a not in sizes]
        if sizes:
            whole = expression.func(*sizes)
            others.append(self._dummy(whole) if whole.free_symbols else whole)
        return expression.func(*others)

    def _dummy(self, sizes: Any) -> Any:
        made = sympy.Dummy(positive=True)
        self._sizes[made] = sizes
        return made

    def _named(self, size: Any) -> tuple[Any, Any]:
        """Return an amount as a number and a name; a size alone, as `batch`, stands for itself."""
        number, amount = sympy.factor_terms(sympy.expand(size)).as_coeff_Mul()
        if not amount.args:
            return number, amount
        if amount not in self._names:
            name = f"{self.letter}{len(self._names) + 1}"
            self._names[amount] = symbol(name)
            self.definitions[name] = amount
        return number, self._names[amount]


def _is_owned(item: Any) -> bool:
    """Return whether a symbol has a unit: a parameter or a metric in another, not a size of workload or model."""
    owner, dot, _ = item.name.partition(".")
    return owner != "model" if dot else owner in METRICS
