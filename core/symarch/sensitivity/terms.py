"""A metric as a sum of named terms in the regime at a point."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symarch.analysis import parts_of
from symarch.analysis.shares import Part
from symarch.program.derivatives import evaluate
from symarch.results import Explanation, Term
from symarch.sensitivity.point import Point

if TYPE_CHECKING:  # it imports sympy
    from symarch.sensitivity.amounts import Amounts

MOST = 100
"""Operations of a closed form beyond which nobody reads it."""


def explained(point: Point, roofline: Explanation | None = None) -> Explanation:
    """Return a time metric, an energy, cost or carbon as a sum of named terms; see `Analysis.explain`.

    Where the sum has more than `MOST` operations, definitions that say the same share a name, what rounding adds at the
    point is a number, amounts of work are definitions (`Amounts`), and at last the smallest terms stand apart, as a
    definition of their own.

    Args:
        point: where.
        roofline: the same at p = infinity, to stand beside it.
    """
    from symarch.formula import let_bound
    from symarch.sensitivity.amounts import PLAIN, WEIGHTED, Amounts

    program, values = point.recorded.program, point.values
    parts = parts_of(program, f"metric.{point.metric}", values, point.marked)
    computed = evaluate(program, values)
    value = float(computed[point.output])
    defined = program.names
    known = {**values, **{name: float(computed[i]) for name, i in defined.items()}}
    amounts = Amounts(PLAIN if point.unit != "s" or point.order in (1, math.inf) else WEIGHTED, known)
    formula = let_bound(program, [p.index for p in parts], computed)
    terms = _terms(parts, formula.expressions, value)
    short = terms is None
    if terms is None:
        formula = let_bound(program, [p.index for p in parts], computed, short)
        terms = _terms(parts, formula.expressions, value, amounts) or []
    terms, leading = _arranged(terms)
    definitions = {**amounts.definitions, **formula.definitions}
    used = symbols_in([*(t.expression for t in terms), *definitions.values()])
    known |= amounts.counted
    shown = {n: float(known[n]) for n in sorted(used | set(definitions))}
    return Explanation(
        metric=point.metric,
        value=value,
        unit=point.unit,
        order=point.order,
        terms=tuple(terms),
        leading=leading,
        definitions=definitions,
        values=shown,
        units={n: point.unit_of(n) for n in shown},
        roofline=roofline,
        latex={n: s.latex for n, s in point.recorded.symbols.items()} | amounts.latex,
        amounts=tuple(amounts.definitions),
        recorded=point.recorded,
        rounded=short and any(program.operations[i][0] in ("ceil", "floor") for i in program.live([point.output])),
    )


def _terms(
    parts: Sequence[Part], expressions: Sequence[Any], value: float, amounts: Amounts | None = None
) -> list[Term] | None:
    """Return a term for each resource and cause, the largest first; None where they are too long without amounts."""
    groups: dict[tuple[str, str], list[int]] = {}
    for position, part in enumerate(parts):
        groups.setdefault((part.resource, part.cause), []).append(position)
    sizes = {key: math.fsum(parts[i].weight * parts[i].value for i in members) for key, members in groups.items()}
    # each symbol of a term takes an operation, however it is written
    if (
        amounts is None
        and sum(len(symbols_in(expressions[i] for i in m)) for k, m in groups.items() if sizes[k]) > MOST
    ):
        return None
    terms, operations = [], -1
    for (resource, cause), members in sorted(groups.items(), key=lambda item: -sizes[item[0]]):
        amount = sizes[resource, cause]
        if amount == 0:
            continue  # an overhead that is 0 at the speed of light, a latency that is covered
        weighted = [(_exact(parts[i].weight), expressions[i]) for i in members]
        expression = amounts.term(weighted) if amounts else sum_of(weighted)
        names = tuple(dict.fromkeys(parts[i].operator for i in members if parts[i].operator))
        terms.append(Term(resource, cause, amount, amount / value, expression, names))
        operations += int(expression.count_ops()) + 1
        if amounts is None and operations > MOST:
            return None
    return terms


def _arranged(terms: Sequence[Term]) -> tuple[list[Term], int]:
    """Return the terms that the closed form can state one by one, then the others, whose sum is one more; and how many.

    The largest go first; one that is too long for what is left makes way for smaller ones, so that less stands apart.
    """
    lengths = [int(t.expression.count_ops()) + 1 for t in terms]
    if sum(lengths) - 1 <= MOST:
        return list(terms), len(terms)
    stated: list[Term] = []
    apart: list[Term] = []
    room = MOST
    for term, length in zip(terms, lengths, strict=True):
        if length <= room or not stated:
            stated.append(term)
            room -= length
        else:
            apart.append(term)
    return [*stated, *apart], len(stated)


def symbols_in(expressions: Iterable[Any]) -> set[str]:
    """Return the names of the symbols in some expressions."""
    return {str(s) for e in expressions for s in e.free_symbols}


def _exact(weight: float) -> Any:
    """Return a weight as a fraction when it is one of small denominator, as counts and their halves are.

    Near any float there is a fraction within its rounding, of a denominator that is the smaller the larger the float
    is: beyond the limit here more than one float in a million would be taken for a fraction that it is not.
    """
    fraction = Fraction(weight).limit_denominator(int(CHANCE / math.sqrt(abs(weight))) or 1 if weight else 1)
    return fraction if math.isclose(float(fraction), weight, rel_tol=1e-15) else weight


def sum_of(terms: list[tuple[Any, Any]], short: bool = False) -> Any:
    """Add weighted expressions and factor out what they share: the same bytes over the same bandwidth.

    With `short`, all that is done with the same parts of the machine has one coefficient of sizes.
    """
    import sympy

    from symarch.formula.functions import exact

    added = sympy.Add(*(exact(w) * e for w, e in terms))
    operations = added.count_ops()
    if operations > 1000 and not short:
        return added  # too long in any case
    # sums of sizes alone, as prompt + 1, are kept together while the rest is multiplied out, so that they cancel
    whole = {a: sympy.Dummy(positive=True) for a in added.atoms(sympy.Add) if _of_sizes(a)}
    apart = sympy.expand(added.xreplace(whole)).xreplace({dummy: a for a, dummy in whole.items()})
    ways = [added, sympy.factor_terms(apart)]
    if short:
        ways.append(sympy.factor_terms(_collected(sympy.expand(added))))
    elif operations > PLAIN:
        ways.append(sympy.factor_terms(sympy.expand_mul(apart)))
    return min(ways, key=lambda e: e.count_ops())


CHANCE = 3e4
"""Largest denominator of a fraction of size 1 that a weight is taken for; it falls with the root of the size."""

PLAIN = 6
"""Operations up to which a term is not searched for a shorter form."""


def _collected(expanded: Any) -> Any:
    """Return a sum with one coefficient of sizes for each product of what belongs to the machine.

    Sizes that several products have in common, as bytes that cost energy in memory and chip, are written once.
    """
    import sympy

    owned = [s for s in expanded.free_symbols if _is_owned(s)]
    sizes: dict[Any, list[Any]] = {}
    for addend in sympy.Add.make_args(expanded):
        size, machine = addend.as_independent(*owned, as_Add=False)
        sizes.setdefault(machine, []).append(size)
    machines: dict[Any, list[Any]] = {}
    for machine, found in sizes.items():
        machines.setdefault(sympy.Add(*found), []).append(machine)
    together: dict[Any, list[Any]] = {}
    for size, found in machines.items():
        together.setdefault(sympy.Add(*found), []).append(size)
    return sympy.Add(*(sympy.factor_terms(sympy.Add(*found)) * machine for machine, found in together.items()))


def _is_owned(symbol: Any) -> bool:
    """Return whether a symbol belongs to the machine, not to the workload."""
    owner, dot, _ = symbol.name.partition(".")
    return bool(dot) and owner not in ("dtype", "trace", "model")


def _of_sizes(expression: Any) -> bool:
    return bool(expression.free_symbols) and not any("." in s.name for s in expression.free_symbols)
