from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from symarch.formula import Sums, symbol
from symarch.formula.sums import Sum

AT = {"a.x": 0.7, "b.y": 1.9, "batch": 3.0, "prompt": 11.0}

FUNCTIONS = (sympy.ceiling, sympy.Max)
WAYS = ("add", "mul", "pow", "ceil", "max", "number", "symbol")


@st.composite
def sums(draw: Any, depth: int = 3) -> tuple[Sums, Sum]:
    """Return a random sum over four symbols."""
    algebra = Sums(AT)

    def one(depth: int) -> Sum:
        way = draw(st.sampled_from(WAYS if depth else WAYS[-2:]))
        if way == "number":
            return algebra.apply("const", (), draw(st.sampled_from([1, 2, 6, Fraction(1, 2), Fraction(3, 4), 2.5, -1])))
        if way == "symbol":
            return algebra.symbol(draw(st.sampled_from(sorted(AT))))
        if way == "pow":
            power = draw(st.sampled_from([-2, -1, 2, 3]))
            base = algebra.add([one(depth - 1), algebra.symbol("batch"), algebra.apply("const", (), 100)])
            return algebra.power(base, algebra.apply("const", (), power))
        if way == "ceil":
            return algebra.apply("ceil", (algebra.add([one(depth - 1), algebra.symbol("a.x")]),), None)
        parts = tuple(one(depth - 1) for _ in range(draw(st.integers(2, 3))))
        return algebra.apply(way, (*parts, algebra.symbol("prompt")) if way == "max" else parts, None)

    return algebra, one(depth)


@settings(max_examples=300, deadline=None)
@given(sums())
def test_every_form_of_a_sum_has_its_value(drawn: tuple[Sums, Sum]) -> None:
    algebra, whole = drawn
    due = algebra.value(whole)
    number, monomial = algebra.factor(whole)
    forms = [
        {monomial: number},
        algebra.expanded(whole),
        algebra.expanded(whole, lambda bracket: "a.x" in bracket.names),
        algebra.nested(whole),
        algebra.tidy(whole),
        algebra.shortest([whole, algebra.expanded(whole)]),
    ]
    # what cancels leaves rounding errors of the size of its parts
    size = sum(abs(algebra.value({m: n})) for form in (whole, *forms) for m, n in form.items())
    for form in forms:
        assert algebra.value(form) == pytest.approx(due, rel=1e-12, abs=1e-12 * size)
    apart = algebra.apart(whole, lambda name: "." in name)
    parts = (algebra.value({machine: 1}) * algebra.value(size) for machine, size in apart.items())
    assert math.fsum(parts) == pytest.approx(due, rel=1e-12, abs=1e-12 * size)
    assert all("." not in n for size in apart.values() for n in algebra.names(size))


@settings(max_examples=300, deadline=None)
@given(sums())
def test_what_is_written_is_the_sum_and_as_long_as_was_counted(drawn: tuple[Sums, Sum]) -> None:
    algebra, whole = drawn
    short = algebra.shortest([whole, algebra.expanded(whole)])
    written = algebra.written(short)
    at = {symbol(n): sympy.Float(v) for n, v in AT.items()}
    size = sum(abs(algebra.value({m: n})) for m, n in short.items())
    assert float(sympy.N(written.xreplace(at), 30)) == pytest.approx(algebra.value(whole), rel=1e-10, abs=1e-10 * size)
    if not written.has(*FUNCTIONS):  # sympy takes numbers out of what it rounds
        assert written.count_ops() <= algebra.cost(short)


def test_what_addends_share_is_written_once() -> None:
    algebra = Sums(AT)
    a, b, batch, prompt = map(algebra.symbol, AT)
    shared = algebra.add(
        algebra.apply("mul", (a, x, algebra.apply("const", (), n)), None) for n, x in ((4, b), (6, batch), (10, prompt))
    )
    found = algebra.written(algebra.shortest([shared]))
    assert str(found) == "2*a.x*(2*b.y + 3*batch + 5*prompt)"
    assert found.count_ops() == algebra.cost(algebra.shortest([shared])) == 7


def test_equal_sums_are_equal_however_they_were_made() -> None:
    algebra = Sums(AT)
    a, b, *_ = map(algebra.symbol, AT)
    half = algebra.apply("const", (), Fraction(1, 2))
    inverse = algebra.power(algebra.add([a, b]), algebra.apply("const", (), -1))
    doubled = algebra.power(
        algebra.apply("mul", (algebra.add([b, a]), algebra.apply("const", (), 2)), None), algebra.apply("const", (), -1)
    )
    assert algebra.apply("mul", (half, inverse), None) == doubled
    assert algebra.apply("mul", (inverse, algebra.add([a, b])), None) == algebra.apply("const", (), 1)
    assert algebra.add([a, algebra.apply("mul", (a, algebra.apply("const", (), -1)), None)]) == {}


def test_roots_are_taken_of_positive_symbols_alone() -> None:
    algebra = Sums(AT)
    a, b, *_ = map(algebra.symbol, AT)
    half = algebra.apply("const", (), Fraction(1, 2))
    square = algebra.power(
        algebra.add([a, algebra.apply("mul", (b, algebra.apply("const", (), -1)), None)]), algebra.apply("const", (), 2)
    )
    assert algebra.value(algebra.power(square, half)) == pytest.approx(1.2)
    product = algebra.apply("mul", (algebra.power(a, algebra.apply("const", (), 2)), b), None)
    assert str(algebra.written(algebra.power(product, half))) == "a.x*sqrt(b.y)"
