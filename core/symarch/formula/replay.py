"""Replay: a program run again on sympy symbols, inlined or with its named definitions kept apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import sympy

from symarch.formula.functions import apply, exact
from symarch.formula.sums import Sum, Sums, key_of
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
        names: the name that stands for another, where definitions say the same.
    """

    def __init__(self, program: Program, *, bind: bool, names: Mapping[str, str] | None = None) -> None:
        self.program, self.bind, self.names = program, bind, names or {}
        self.known: dict[int, Any] = {}

    def of(self, indices: Sequence[int]) -> list[Any]:
        """Return the expressions of some operations."""
        for index in _reached(indices, self._arguments):
            if index not in self.known:
                self.known[index] = self._one(index)
        return [self.known[i] for i in indices]

    def _arguments(self, index: int) -> Sequence[int]:
        # a definition is written out when it is asked for
        return () if self.bind and self.program.operations[index][0] == "name" else self.program.operations[index][1]

    def _one(self, index: int) -> Any:
        operation, arguments, attribute = self.program.operations[index]
        if operation == "const":
            return exact(attribute)
        if operation == "input" or (operation == "name" and self.bind):
            return symbol(self.names.get(attribute, attribute))
        return apply(operation, tuple(self.known[a] for a in arguments), attribute)

    def definitions(self, expressions: Sequence[Any]) -> dict[str, Any]:
        """Return the definitions that some expressions use, directly or through another, in order of use."""
        stated = self.program.names
        wanted: dict[str, Any] = {}
        queue = list(expressions)
        while queue:
            for name in sorted(s.name for s in queue.pop(0).free_symbols):
                # a metric within a metric (`tpot` in the energy of idling) stays a symbol: it has a page of its own
                if "." in name and name in stated and name not in wanted:
                    (wanted[name],) = self.of(self.program.operations[stated[name]][1])
                    queue.append(wanted[name])
        return wanted


def _reached(indices: Sequence[int], arguments: Callable[[int], Sequence[int]]) -> list[int]:
    """Return, in order, the operations that some of them depend on, of which `arguments` says what counts."""
    seen: set[int] = set()
    queue = list(indices)
    while queue:
        index = queue.pop()
        if index not in seen:
            seen.add(index)
            queue += arguments(index)
    return sorted(seen)


def full(program: Program, index: int) -> sympy.Expr:
    """Return the expression of an operation over parameters alone, everything inlined."""
    found: sympy.Expr = _Replay(program, bind=False).of([index])[0]
    return found


def let_bound(program: Program, indices: Sequence[int]) -> Formula:
    """Return expressions over named definitions."""
    replay = _Replay(program, bind=True)
    expressions = tuple(replay.of([_body(program, i) for i in indices]))
    return Formula(expressions, replay.definitions(expressions))


def _body(program: Program, index: int) -> int:
    operation, arguments, _ = program.operations[index]
    return arguments[0] if operation == "name" else index


@attrs.frozen
class Regime:
    """Operations of a program as sums over named definitions, in the regime at a point.

    Every maximum outside the definitions is its winning argument.

    Attributes:
        program: what they are of.
        sums: where they are found.
        of: one sum for each operation.
        names: the name that stands for each definition.
    """

    program: Program
    sums: Sums
    of: tuple[Sum, ...]
    names: Mapping[str, str]

    @classmethod
    def at(
        cls, program: Program, indices: Sequence[int], values: Sequence[float], sums: Sums, *, short: bool = False
    ) -> Regime:
        """Return operations in the regime at a point.

        Args:
            program: what they are of.
            indices: of the operations.
            values: of all operations at the point.
            sums: where the sums are found.
            short: whether definitions that say the same have the name of the first of them, and what rounding adds at
                the point is a number.
        """
        operations = program.operations
        bodies = [_body(program, i) for i in indices]
        outside = _reached(bodies, lambda i: () if operations[i][0] == "name" else _followed(program, i, values))
        names: dict[str, str] = {}
        if short:
            used = [i for i in outside if operations[i][0] == "name" and "." in operations[i][2]]
            within: dict[int, Sum] = {}
            first: dict[Any, str] = {}
            for i in program.live(used):
                operation, arguments, attribute = operations[i]
                given = tuple(within[a] for a in arguments)
                if operation == "name" and "." in attribute:
                    names[attribute] = first.setdefault(key_of(given[0]), attribute)
                    within[i] = sums.symbol(names[attribute])
                else:
                    within[i] = sums.apply(operation, given, attribute)
        found: dict[int, Sum] = {}
        for i in outside:
            operation, arguments, attribute = operations[i]
            if operation == "name":
                label: str = attribute
                found[i] = sums.symbol(names.get(label, label))
            elif operation in ("max", "min"):
                found[i] = found[_winner(program, i, values)]
            elif operation in ("first_min", "first_max"):
                found[i] = sums.apply("const", (), int(values[i]))
            elif operation in ("ceil", "floor") and short:
                before, after = values[arguments[0]], values[i]
                rounding = sums.apply("const", (), 1 if after == before else after / before)
                found[i] = sums.apply("mul", (found[arguments[0]], rounding), None)
            else:
                found[i] = sums.apply(operation, tuple(found[a] for a in arguments), attribute)
        return cls(program, sums, tuple(found[i] for i in bodies), names)

    def definitions(self, expressions: Sequence[Any]) -> dict[str, Any]:
        """Return the definitions that some expressions use, as their plugins state them."""
        return _Replay(self.program, bind=True, names=self.names).definitions(expressions)


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
