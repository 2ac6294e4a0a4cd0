"""A metric as a sum of named terms in the regime at a point."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from symarch.analysis import parts_of
from symarch.program.derivatives import evaluate
from symarch.results import Explanation, Term
from symarch.sensitivity.point import Point


def explained(point: Point, roofline: Explanation | None = None) -> Explanation:
    """Return a time metric or an energy as a sum of named terms; see `Analysis.explain`.

    Args:
        point: where.
        roofline: the same at p = infinity, to stand beside it.
    """
    from symarch.formula import let_bound

    program, values = point.recorded.program, point.values
    parts = parts_of(program, f"metric.{point.metric}", values, point.marked)
    computed = evaluate(program, values)
    formula = let_bound(program, [p.index for p in parts], computed)
    value = float(computed[point.output])
    groups: dict[tuple[str, str], list[int]] = {}
    for position, part in enumerate(parts):
        groups.setdefault((part.resource, part.cause), []).append(position)
    terms = []
    for (resource, cause), members in groups.items():
        amount = math.fsum(parts[i].weight * parts[i].value for i in members)
        if amount == 0:
            continue  # an overhead that is 0 at the speed of light, a latency that is covered
        expression = _sum_of([(_exact(parts[i].weight), formula.expressions[i]) for i in members])
        names = tuple(dict.fromkeys(parts[i].operator for i in members if parts[i].operator))
        terms.append(Term(resource, cause, amount, amount / value, expression, names))
    terms.sort(key=lambda t: -t.value)
    used = symbols_in([*(t.expression for t in terms), *formula.definitions.values()])
    defined = program.names
    shown = {
        n: float(computed[defined[n]] if n in defined else values[n]) for n in sorted(used | set(formula.definitions))
    }
    return Explanation(
        metric=point.metric,
        value=value,
        unit=point.unit,
        order=point.order,
        terms=tuple(terms),
        definitions=formula.definitions,
        values=shown,
        units={n: point.unit_of(n) for n in shown},
        roofline=roofline,
        latex={n: s.latex for n, s in point.recorded.symbols.items()},
    )


def symbols_in(expressions: Iterable[Any]) -> set[str]:
    """Return the names of the symbols in some expressions."""
    return {str(s) for e in expressions for s in e.free_symbols}


def _exact(weight: float) -> Any:
    """Return a weight as a fraction when it is one of small denominator, as counts and their halves are."""
    fraction = Fraction(weight).limit_denominator(10**6)
    return fraction if math.isclose(float(fraction), weight, rel_tol=1e-15) else weight


def _sum_of(terms: list[tuple[Any, Any]]) -> Any:
    """Add weighted expressions and factor out what they share: the same bytes over the same bandwidth."""
    import sympy

    from symarch.formula.functions import exact

    added = sympy.Add(*(exact(w) * e for w, e in terms))
    if added.count_ops() > 1000:  # expanding whole operators, as static power times their time, takes half a minute
        return added
    # sums of sizes alone, as prompt + 1, are kept together while the rest is multiplied out, so that they cancel
    whole = {a: sympy.Dummy(positive=True) for a in added.atoms(sympy.Add) if _of_sizes(a)}
    apart = sympy.expand(added.xreplace(whole)).xreplace({dummy: a for a, dummy in whole.items()})
    ways = [added, sympy.factor_terms(apart), sympy.factor_terms(sympy.expand_mul(apart))]
    return min(ways, key=lambda e: e.count_ops())


def _of_sizes(expression: Any) -> bool:
    return bool(expression.free_symbols) and not any("." in s.name for s in expression.free_symbols)
