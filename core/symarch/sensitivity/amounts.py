"""Amounts of work with names of their own: what a closed form counts of bytes, FLOPs and starts.

A term is a sum of amounts, each times what the machine takes for one: N1 bytes over a bandwidth, N2 multiply-adds over
a peak. An amount depends on the workload alone. Where two phases or mixed steps meet in one metric the amounts are what
makes a closed form long, so they are written out beside it, as the definitions of a plugin are.
"""

from __future__ import annotations

from typing import Any

import sympy

from symarch.analysis import METRICS
from symarch.formula.sums import Monomial, Sum, Sums

PLAIN, WEIGHTED = "N", "W"
"""Letters of the names N1, N2 and so on; W1, W2 at a finite overlap order above 1, whose weights are in the amounts.

No parameter is called so: sizes of the workload are words in small letters, parameters have an owner and a dot.
"""


class Amounts:
    """Terms with their amounts named; equal amounts have one name.

    Args:
        letter: that the names begin with.
        sums: where the terms are found; the names become symbols of it.
    """

    def __init__(self, letter: str, sums: Sums) -> None:
        self.letter = letter
        self.sums = sums
        self.definitions: dict[str, sympy.Expr] = {}
        self._names: dict[Monomial, str] = {}

    def term(self, total: Sum) -> Sum:
        """Return a sum as amounts times what belongs to the machine."""
        sums = self.sums
        # sums that the workload alone decides are multiplied out once they have met
        expanded = sums.expanded(total, lambda bracket: any(map(_is_owned, bracket.names)))
        parts = [(sums.expanded(size), machine) for machine, size in sums.apart(expanded, _is_owned).items()]
        sizes = [abs(sums.value(amount) * sums.value({machine: 1})) for amount, machine in parts]
        least = ROUNDING * max(sizes, default=0.0)
        counted = [(*self._named(a), m) for (a, m), size in zip(parts, sizes, strict=True) if size > least]
        flat = sums.add(sums.product([(number, amount), (1, machine)]) for number, amount, machine in counted)
        # what is done with the same amount, as bytes that cost energy in memory and chip, has it once
        alike: dict[Monomial, dict[Monomial, Any]] = {}
        for number, amount, machine in counted:
            alike.setdefault(amount, {})[machine] = number
        sharing = sums.add(
            sums.product([(1, amount), sums.factor(sums.nested(machines))]) for amount, machines in alike.items()
        )
        return sums.shortest([flat, sharing])

    @property
    def latex(self) -> dict[str, str]:
        """Return how the names are typeset."""
        return {name: f"{self.letter}_{{{name.removeprefix(self.letter)}}}" for name in self.definitions}

    def _named(self, size: Sum) -> tuple[Any, Monomial]:
        """Return an amount as a number and a name; a size alone, as `batch`, stands for itself."""
        sums = self.sums
        number, amount = sums.factor(size)
        if not amount or (len(amount) == 1 and amount[0][1] == 1 and sums.atoms[amount[0][0]].operation == "input"):
            return number, amount
        if amount not in self._names:
            name = self._names[amount] = f"{self.letter}{len(self._names) + 1}"
            self.definitions[name] = sums.written(sums.shortest([{amount: 1}]))
            sums.values[name] = sums.value({amount: 1})
        return number, next(iter(sums.symbol(self._names[amount])))


ROUNDING = 1e-12
"""Share of a term below which a part of it is what rounding left of parts that cancel."""


def _is_owned(name: str) -> bool:
    """Return whether a symbol has a unit: a parameter or a metric in another, not a size of workload or model."""
    owner, dot, _ = name.partition(".")
    return owner != "model" if dot else owner in METRICS
