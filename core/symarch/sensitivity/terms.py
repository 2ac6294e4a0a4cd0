"""A metric as a sum of named terms in the regime at a point."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from symarch.analysis import parts_of
from symarch.analysis.shares import Part
from symarch.program import Program
from symarch.program.derivatives import evaluate
from symarch.results import Explanation, Term
from symarch.sensitivity.point import Point

if TYPE_CHECKING:  # they import sympy
    from symarch.formula.replay import Regime
    from symarch.formula.sums import Sum, Sums
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
    from symarch.formula import Regime, Sums
    from symarch.sensitivity.amounts import PLAIN, WEIGHTED, Amounts

    program, values = point.recorded.program, point.values
    parts = parts_of(program, f"metric.{point.metric}", values, point.marked)
    computed = evaluate(program, values)
    value = float(computed[point.output])
    sums = Sums(known_of(program, computed))
    amounts = Amounts(PLAIN if point.unit != "s" or point.order in (1, math.inf) else WEIGHTED, sums)
    indices = [p.index for p in parts]
    regime = Regime.at(program, indices, computed, sums)
    terms = _terms(parts, regime, value)
    short = terms is None
    if terms is None:
        regime = Regime.at(program, indices, computed, sums, short=True)
        terms = _terms(parts, regime, value, amounts) or []
    terms, leading = _arranged(terms)
    definitions = {**amounts.definitions, **regime.definitions([t.expression for t in terms])}
    used = {str(s) for e in (*(t.expression for t in terms), *definitions.values()) for s in e.free_symbols}
    shown = {n: float(sums.values[n]) for n in sorted(used | set(definitions))}
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


def known_of(program: Program, computed: Sequence[float]) -> dict[str, float]:
    """Return the value of every input and definition of a program, given those of its operations."""
    return {o[2]: float(computed[i]) for i, o in enumerate(program.operations) if o[0] in ("input", "name")}


def _terms(parts: Sequence[Part], regime: Regime, value: float, amounts: Amounts | None = None) -> list[Term] | None:
    """Return a term for each resource and cause, the largest first; None where they are too long without amounts."""
    sums = regime.sums
    groups: dict[tuple[str, str], list[int]] = {}
    for position, part in enumerate(parts):
        groups.setdefault((part.resource, part.cause), []).append(position)
    sizes = {key: math.fsum(parts[i].weight * parts[i].value for i in members) for key, members in groups.items()}
    found, operations = [], -1
    for key, members in sorted(groups.items(), key=lambda item: -sizes[item[0]]):
        if sizes[key] == 0:
            continue  # an overhead that is 0 at the speed of light, a latency that is covered
        total = sums.add(sums.product([(_exact(parts[i].weight), ()), sums.factor(regime.of[i])]) for i in members)
        found.append((key, members, amounts.term(total) if amounts else shortest_of(sums, total)))
        operations += sums.cost(found[-1][-1]) + 1
        if amounts is None and operations > MOST:
            return None
    terms = []
    for key, members, term in found:
        names = tuple(dict.fromkeys(parts[i].operator for i in members if parts[i].operator))
        terms.append(Term(*key, sizes[key], sizes[key] / value, sums.written(term), names))
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


def _exact(weight: float) -> Any:
    """Return a weight as a fraction when it is one of small denominator, as counts and their halves are.

    Near any float there is a fraction within its rounding, of a denominator that is the smaller the larger the float
    is: beyond the limit here more than one float in a million would be taken for a fraction that it is not.
    """
    fraction = Fraction(weight).limit_denominator(int(CHANCE / math.sqrt(abs(weight))) or 1 if weight else 1)
    return fraction if math.isclose(float(fraction), weight, rel_tol=1e-15) else weight


CHANCE = 3e4
"""Largest denominator of a fraction of size 1 that a weight is taken for; it falls with the root of the size."""


def shortest_of(sums: Sums, total: Sum, together: bool = False) -> Sum:
    """Return the shortest form that is found of a sum: as it is, or multiplied out and factored again.

    With `together`, all that is done with the same parts of the machine may have one coefficient of sizes.
    """
    apart = sums.expanded(total, lambda bracket: not _of_sizes(bracket.names))
    out = sums.expanded(apart)
    return sums.shortest([total, apart, out, *([_together(sums, out)] if together else [])])


def _together(sums: Sums, total: Sum) -> Sum:
    """Return a sum with one coefficient of sizes for each product of what belongs to the machine.

    Sizes that several products have in common, as bytes that cost energy in memory and chip, are written once.
    """
    found = sums.apart(total, _is_owned)
    machines: dict[Any, Sum] = {}
    for machine, size in found.items():
        key = sums.factor(size)
        machines[key[1]] = {**machines.get(key[1], {}), machine: key[0]}
    return sums.add(sums.product([(1, size), sums.factor(sums.nested(machine))]) for size, machine in machines.items())


def _is_owned(name: str) -> bool:
    """Return whether a symbol belongs to the machine, not to the workload."""
    owner, dot, _ = name.partition(".")
    return bool(dot) and owner not in ("dtype", "trace", "model")


def _of_sizes(names: Iterable[str]) -> bool:
    return not any("." in name for name in names)
