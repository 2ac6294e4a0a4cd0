"""Amounts of work with names of their own: what a closed form counts of bytes, FLOPs and starts.

A term is a sum of amounts, each times what the machine takes for one: N1 bytes over a bandwidth, N2 multiply-adds over
a peak. An amount depends on the workload alone. Where two phases or mixed steps meet in one metric the amounts are what
makes a closed form long, so they are written out beside it, as the definitions of a plugin are.
"""

from __future__ import annotations

import itertools
from collections import Counter
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
        values: of the symbols at the point, of parameters, definitions and sizes.
    """

    def __init__(self, letter: str, values: Mapping[str, float]) -> None:
        self.letter = letter
        self.values = values
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
        sizes = {machine: sympy.expand(sympy.Add(*own).xreplace(self._sizes)) for machine, own in found.items()}
        parts = {machine: abs(self._value(size) * self._value(machine)) for machine, size in sizes.items()}
        least = ROUNDING * max(parts.values(), default=0.0)
        counted = [(*self._named(size), machine) for machine, size in sizes.items() if parts[machine] > least]
        flat = sympy.factor_terms(sympy.Add(*(number * amount * machine for number, amount, machine in counted)))
        # what is done with the same amount, as bytes that cost energy in memory and chip, has it once
        alike: dict[Any, list[Any]] = {}
        for number, amount, machine in counted:
            alike.setdefault(amount, []).append(number * machine)
        sharing = (amount * sympy.factor_terms(sympy.Add(*machines)) for amount, machines in alike.items())
        together = sympy.factor_terms(sympy.Add(*sharing))
        nested = sympy.factor_terms(_nested([number * amount * machine for number, amount, machine in counted]))
        shortest: sympy.Expr = min(flat, together, nested, key=lambda e: e.count_ops())
        return shortest

    @property
    def counted(self) -> dict[str, float]:
        """The amounts at the point."""
        return {name: self._value(amount) for name, amount in self.definitions.items()}

    @property
    def latex(self) -> dict[str, str]:
        """Return how the names are typeset."""
        return {name: f"{self.letter}_{{{name.removeprefix(self.letter)}}}" for name in self.definitions}

    def _value(self, expression: Any) -> float:
        return float(expression.xreplace({s: self.values[str(s)] for s in expression.free_symbols}))

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
        number, amount = sympy.factor_terms(size).as_coeff_Mul()
        if not amount.args:
            return number, amount
        if amount not in self._names:
            name = f"{self.letter}{len(self._names) + 1}"
            self._names[amount] = symbol(name)
            self.definitions[name] = amount
        return number, self._names[amount]


ROUNDING = 1e-12
"""Share of a term below which a part of it is what rounding left of parts that cancel."""


def _nested(addends: list[Any]) -> Any:
    """Return a sum with the factor that most of its addends share written once, and so on within and beside it."""
    factors = [{a for a in sympy.Mul.make_args(addend) if not a.is_Number} for addend in addends]
    counts = Counter(itertools.chain.from_iterable(factors))
    most = min(counts, key=lambda f: (-counts[f], str(f)), default=None)
    if most is None or counts[most] < 2:
        return sympy.Add(*addends)
    within = [a / most for a, own in zip(addends, factors, strict=True) if most in own]
    beside = [a for a, own in zip(addends, factors, strict=True) if most not in own]
    return sympy.Add(most * _nested(within), _nested(beside))


def _is_owned(item: Any) -> bool:
    """Return whether a symbol has a unit: a parameter or a metric in another, not a size of workload or model."""
    owner, dot, _ = item.name.partition(".")
    return owner != "model" if dot else owner in METRICS
