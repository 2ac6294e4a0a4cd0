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


def _replay(
    program: Program, indices: Sequence[int], *, bind: bool, values: Sequence[float] | None, short: bool = False
) -> Formula:
    known: dict[int, Any] = {}
    definitions: dict[str, Any] = {}
    equal: dict[Any, Any] = {}
    resolved: set[int] = set()
    needed: Sequence[int] = program.live(indices)
    if values is not None:
        resolved = _outside(program, indices, values)
        needed = _needed(program, indices, resolved, values)
    for index in needed:
        operation, arguments, attribute = program.operations[index]
        given = [known[a] for a in arguments if a in known]  # all, but for the losers of a maximum
        if operation == "const":
            known[index] = exact(attribute)
        elif operation == "input":
            known[index] = symbol(attribute)
        elif operation == "name" and bind:
            definitions[attribute] = given[0]
            known[index] = equal.setdefault(given[0], symbol(attribute)) if short else symbol(attribute)
        elif operation in ("max", "min") and index in resolved and values is not None:
            known[index] = known[_winner(program, index, values)]
        elif operation in ("first_min", "first_max") and index in resolved and values is not None:
            known[index] = exact(int(values[index]))
        elif operation in ("ceil", "floor") and short and index in resolved and values is not None:
            known[index] = given[0] * _rounding(values[arguments[0]], values[index])
        else:
            known[index] = apply(operation, tuple(given), attribute)
    expressions = tuple(known[i] for i in indices)
    return Formula(expressions, _used(expressions, definitions) if bind else {})


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


def _needed(program: Program, indices: Sequence[int], resolved: set[int], values: Sequence[float]) -> list[int]:
    """Return the operations to replay, in order: those that win, and all behind a name."""
    seen: set[int] = set()
    queue = list(indices)
    while queue:
        index = queue.pop()
        if index not in seen:
            seen.add(index)
            queue += _followed(program, index, values) if index in resolved else program.operations[index][1]
    return sorted(seen)


def _used(expressions: Sequence[Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    queue = list(expressions)
    while queue:
        for name in sorted(s.name for s in queue.pop(0).free_symbols):
            # a metric within a metric (`tpot` in the energy of idling) stays a symbol: it has a page of its own
            if "." in name and name in definitions and name not in wanted:
                wanted[name] = definitions[name]
                queue.append(definitions[name])
    return wanted


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
