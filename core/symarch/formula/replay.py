"""Replay: a program run again on sympy symbols, inlined or with its named definitions kept apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import sympy

from symarch.formula.functions import apply, exact
from symarch.formula.symbols import symbol
from symarch.program import Program


@attrs.frozen
class Formula:
    """Expressions over symbols, with the definitions they use.

    Attributes:
        expressions: one for each index asked for.
        definitions: expression of each named definition used, directly or through another, in order of use.
    """

    expressions: tuple[sympy.Expr, ...]
    definitions: Mapping[str, sympy.Expr]


class _Replay:
    """One replay of a program: what is known of each operation, and how to know more.

    Args:
        program: what is replayed.
        bind: whether named definitions stay symbols.
        values: of all operations, where maxima outside the definitions are their winners; None to keep maxima.
        resolved: the operations outside the definitions.
        short: whether equal definitions share a name, and what rounding adds is a number.
    """

    def __init__(
        self, program: Program, *, bind: bool, values: Sequence[float] | None, resolved: set[int], short: bool
    ) -> None:
        self.program, self.bind, self.values, self.resolved, self.short = program, bind, values, resolved, short
        self.known: dict[int, Any] = {}
        self.definitions: dict[str, int] = {}
        self.equal: dict[Any, Any] = {}

    def of(self, indices: Sequence[int]) -> list[Any]:
        """Return the expressions of some operations."""
        for index in self._unknown(indices):
            self.known[index] = self._one(index)
        return [self.known[i] for i in indices]

    def _unknown(self, indices: Sequence[int]) -> list[int]:
        """Return the operations to replay, in order: those that win, and what is behind a name that is looked into."""
        seen: set[int] = set()
        queue = list(indices)
        while queue:
            index = queue.pop()
            if index not in seen and index not in self.known:
                seen.add(index)
                queue += self._arguments(index)
        return sorted(seen)

    def _arguments(self, index: int) -> Sequence[int]:
        operation, arguments, attribute = self.program.operations[index]
        if operation == "name" and self.bind:
            # a definition is written out when it is asked for; a metric within a metric is a symbol and stays one
            return arguments if self.short and "." in attribute else ()
        if self.values is not None and index in self.resolved:
            return _followed(self.program, index, self.values)
        return arguments

    def _one(self, index: int) -> Any:
        operation, arguments, attribute = self.program.operations[index]
        known, values = self.known, self.values
        if operation == "const":
            return exact(attribute)
        if operation == "input":
            return symbol(attribute)
        if operation == "name" and self.bind:
            self.definitions[attribute] = arguments[0]
            own = symbol(attribute)
            return self.equal.setdefault(known[arguments[0]], own) if self.short and "." in attribute else own
        if values is not None and index in self.resolved:
            if operation in ("max", "min"):
                return known[_winner(self.program, index, values)]
            if operation in ("first_min", "first_max"):
                return exact(int(values[index]))
            if operation in ("ceil", "floor") and self.short:
                return known[arguments[0]] * _rounding(values[arguments[0]], values[index])
        return apply(operation, tuple(known[a] for a in arguments), attribute)

    def used(self, expressions: Sequence[Any]) -> dict[str, Any]:
        """Return the definitions that some expressions use, directly or through another, in order of use."""
        wanted: dict[str, Any] = {}
        queue = list(expressions)
        while queue:
            for name in sorted(s.name for s in queue.pop(0).free_symbols):
                # a metric within a metric (`tpot` in the energy of idling) stays a symbol: it has a page of its own
                if "." in name and name in self.definitions and name not in wanted:
                    (wanted[name],) = self.of([self.definitions[name]])
                    queue.append(wanted[name])
        return wanted


def _replay(
    program: Program, indices: Sequence[int], *, bind: bool, values: Sequence[float] | None, short: bool = False
) -> Formula:
    resolved = set() if values is None else _outside(program, indices, values)
    replay = _Replay(program, bind=bind, values=values, resolved=resolved, short=short)
    expressions = tuple(replay.of(indices))
    return Formula(expressions, replay.used(expressions) if bind else {})


def _winner(program: Program, index: int, values: Sequence[float]) -> int:
    """Return the argument that wins a maximum or minimum."""
    operation, arguments, _ = program.operations[index]
    at = [values[a] for a in arguments]
    return arguments[at.index(max(at) if operation == "max" else min(at))]


def _followed(program: Program, index: int, values: Sequence[float]) -> Sequence[int]:
    """Return the arguments of an operation that count in the regime."""
    operation, arguments, _ = program.operations[index]
    if operation in ("max", "min"):
        return (_winner(program, index, values),)
    return () if operation in ("first_min", "first_max") else arguments


def _outside(program: Program, indices: Sequence[int], values: Sequence[float]) -> set[int]:
    """Return the operations reached without passing through a named definition, which stays as its plugin states it."""
    seen: set[int] = set()
    queue = list(indices)
    while queue:
        index = queue.pop()
        if index not in seen:
            seen.add(index)
            if program.operations[index][0] != "name":
                queue += _followed(program, index, values)
    return seen


def full(program: Program, index: int) -> sympy.Expr:
    """Return the expression of an operation over parameters alone, everything inlined."""
    return _replay(program, [index], bind=False, values=None).expressions[0]


def _rounding(before: float, after: float) -> Any:
    """Return what rounding makes of a value at a point as a factor on it."""
    return sympy.Integer(1) if after == before else exact(after / before)


def let_bound(
    program: Program, indices: Sequence[int], values: Sequence[float] | None = None, short: bool = False
) -> Formula:
    """Return expressions over named definitions; with `values` (of all operations) in the regime at that point.

    In a regime every maximum outside the definitions is its winning argument. With `short`, definitions that say the
    same have the name of the first of them, and what rounding adds at the point is a number.
    """
    bodies = [program.operations[i][1][0] if program.operations[i][0] == "name" else i for i in indices]
    return _replay(program, bodies, bind=True, values=values, short=short)
