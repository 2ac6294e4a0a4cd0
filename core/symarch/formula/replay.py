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


def _replay(program: Program, indices: Sequence[int], *, bind: bool, values: Sequence[float] | None) -> Formula:
    known: dict[int, Any] = {}
    definitions: dict[str, Any] = {}
    resolved = _outside(program, indices) if values is not None else set()
    for index in program.live(indices):
        operation, arguments, attribute = program.operations[index]
        given = [known[a] for a in arguments]
        if operation == "const":
            known[index] = exact(attribute)
        elif operation == "input":
            known[index] = symbol(attribute)
        elif operation == "name" and bind:
            definitions[attribute] = given[0]
            known[index] = symbol(attribute)
        elif operation in ("max", "min") and index in resolved and values is not None:
            at = [values[a] for a in arguments]
            known[index] = given[at.index(max(at) if operation == "max" else min(at))]
        else:
            known[index] = apply(operation, tuple(given), attribute)
    expressions = tuple(known[i] for i in indices)
    return Formula(expressions, _used(expressions, definitions) if bind else {})


def _outside(program: Program, indices: Sequence[int]) -> set[int]:
    """Return the operations reached without passing through a named definition, which stays as its plugin states it."""
    seen: set[int] = set()
    queue = list(indices)
    while queue:
        index = queue.pop()
        if index not in seen:
            seen.add(index)
            if program.operations[index][0] != "name":
                queue += program.operations[index][1]
    return seen


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


def let_bound(program: Program, indices: Sequence[int], values: Sequence[float] | None = None) -> Formula:
    """Return expressions over named definitions; with `values` (of all operations) in the regime at that point.

    In a regime every maximum outside the definitions is its winning argument.
    """
    bodies = [program.operations[i][1][0] if program.operations[i][0] == "name" else i for i in indices]
    return _replay(program, bodies, bind=True, values=values)
