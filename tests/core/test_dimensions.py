from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symarch.errors import DimensionError
from symarch.program import Max, Min, ceil, exp, floor, log, log2, mark, mean_max, name, overlap, sqrt, total
from symarch.quantities import BASES, DIMENSIONLESS, Dimension, Dimensioned, unit_dimension

POWERS = st.fractions(min_value=-4, max_value=4, max_denominator=6)
DIMENSIONS = st.builds(Dimension, st.tuples(*[POWERS] * len(BASES)))


def of(unit: str, text: str = "x") -> Dimensioned:
    return Dimensioned(unit_dimension(unit), text)


BANDWIDTH, LATENCY, PAGE, COUNT = of("B/s", "bandwidth"), of("s", "latency"), of("B", "page"), of("1", "count")


@given(DIMENSIONS, DIMENSIONS, DIMENSIONS)
def test_dimensions_form_a_commutative_group(a: Dimension, b: Dimension, c: Dimension) -> None:
    assert (a * b) * c == a * (b * c)
    assert a * b == b * a
    assert a * DIMENSIONLESS == a
    assert a / a == DIMENSIONLESS
    assert a / b == a * b**-1
    assert hash(a * b) == hash(b * a)


@given(DIMENSIONS, POWERS, POWERS)
def test_powers_of_dimensions_add_and_multiply(a: Dimension, p: Fraction, q: Fraction) -> None:
    assert a**p * a**q == a ** (p + q)
    assert (a**p) ** q == a ** (p * q)
    assert a**0 == DIMENSIONLESS


@given(st.tuples(*[st.integers(-3, 3)] * len(BASES)))
def test_the_text_of_a_dimension_is_a_unit_of_that_dimension(powers: tuple[int, ...]) -> None:
    dimension = Dimension.of(dict(zip(BASES, powers, strict=True)))
    assert unit_dimension(str(dimension)) == dimension
    assert [dimension.exponent(base) for base in BASES] == list(powers)
    assert bool(dimension) == any(powers)


def test_a_fractional_power_is_printed_in_brackets() -> None:
    assert str(unit_dimension("B/s") ** Fraction(1, 2)) == "B^(1/2)/s^(1/2)"


UNLIKE: list[tuple[str, Callable[[], Any]]] = [
    ("+", lambda: BANDWIDTH + LATENCY),
    ("-", lambda: BANDWIDTH - LATENCY),
    ("Min", lambda: Min(BANDWIDTH, LATENCY)),
    ("Max", lambda: Max(BANDWIDTH, BANDWIDTH, LATENCY)),
    ("overlap", lambda: overlap(2, BANDWIDTH, LATENCY)),
    ("+", lambda: total([BANDWIDTH, BANDWIDTH, LATENCY])),
    ("mean_max", lambda: mean_max(COUNT, BANDWIDTH, BANDWIDTH, LATENCY, LATENCY)),
    ("+", lambda: sum([BANDWIDTH, LATENCY])),
]


@pytest.mark.parametrize(("operation", "build"), UNLIKE)
def test_joining_unlike_things_names_the_operation_and_both(operation: str, build: Callable[[], Any]) -> None:
    with pytest.raises(DimensionError) as caught:
        build()
    for words in (operation, "bandwidth", "[B/s]", "latency", "[s]"):
        assert words in str(caught.value)


@pytest.mark.parametrize(
    "build",
    [
        lambda: BANDWIDTH + 3,
        lambda: 3 + BANDWIDTH,
        lambda: BANDWIDTH - 1e-9,
        lambda: 1 - BANDWIDTH,
        lambda: Min(BANDWIDTH, 5),
        lambda: Max(Fraction(1, 3), LATENCY),
        lambda: Min(LATENCY, math.inf),
    ],
)
def test_a_number_has_no_dimension_and_is_not_added_to_one_that_has(build: Callable[[], Any]) -> None:
    with pytest.raises(DimensionError, match=r"\[1\]"):
        build()


@pytest.mark.parametrize("build", [ceil, floor, exp, log, log2])
def test_rounding_and_logarithms_take_bare_numbers_only(build: Callable[[Any], Any]) -> None:
    with pytest.raises(DimensionError, match=r"needs a dimensionless argument, page has \[B\]"):
        build(PAGE)
    assert build(COUNT).dimension == DIMENSIONLESS


@pytest.mark.parametrize(
    "build",
    [
        lambda: BANDWIDTH + 0,
        lambda: 0 + BANDWIDTH,
        lambda: BANDWIDTH - 0.0,
        lambda: Max(0, BANDWIDTH),
        lambda: Min(BANDWIDTH, 0),
        lambda: total([0, BANDWIDTH]),
        lambda: sum([BANDWIDTH, BANDWIDTH]),
        lambda: overlap(2, 0, BANDWIDTH),
        lambda: BANDWIDTH + 0 * LATENCY,
        lambda: BANDWIDTH + 0 / LATENCY,
        lambda: BANDWIDTH + PAGE / LATENCY,
        lambda: -BANDWIDTH,
        lambda: mark(BANDWIDTH, "a", "b", "c") * 1,
        lambda: name(BANDWIDTH, "x"),
        lambda: sqrt(BANDWIDTH * BANDWIDTH),
        lambda: (BANDWIDTH**3) ** Fraction(1, 3),
        lambda: mean_max(COUNT, BANDWIDTH, 0, 0, BANDWIDTH),
        lambda: Max(0, 0, BANDWIDTH),
        lambda: BANDWIDTH * 2**COUNT,
        lambda: BANDWIDTH * 0.9**COUNT * COUNT**COUNT,
    ],
)
def test_zero_fits_any_dimension_and_lawful_formulas_keep_theirs(build: Callable[[], Any]) -> None:
    assert build().dimension == unit_dimension("B/s")


def test_an_exponent_is_a_bare_number() -> None:
    with pytest.raises(DimensionError, match=r"page\^count .* page has \[B\]"):
        PAGE**COUNT
    with pytest.raises(DimensionError, match=r"latency has \[s\]"):
        2**LATENCY
    with pytest.raises(DimensionError, match=r"latency has \[s\]"):
        COUNT**LATENCY


def test_division_by_a_literal_zero_is_refused() -> None:
    zero = Dimensioned.lift(0)
    builds: list[Callable[[], Any]] = [lambda: PAGE / 0, lambda: PAGE / zero, lambda: 1 / zero, lambda: zero**-1]
    for build in builds:
        with pytest.raises(DimensionError, match="divided by zero"):
            build()


def test_a_dimension_has_no_truth_value_and_no_order() -> None:
    with pytest.raises(DimensionError, match="page was used as a truth value"):
        bool(PAGE)
    for build in (
        lambda: PAGE < 4096,
        lambda: PAGE <= 4096,
        lambda: PAGE > PAGE,
        lambda: PAGE >= 0,
        lambda: max(PAGE, 1),
    ):
        with pytest.raises(DimensionError, match="compared"):
            build()


@pytest.mark.parametrize("absent", [None, "5 GB", [1]])
def test_what_is_no_number_is_a_type_error_as_with_numbers(absent: Any) -> None:
    builds: list[Callable[[], Any]] = [
        lambda: PAGE + absent,
        lambda: absent * PAGE,
        lambda: PAGE / absent,
        lambda: Min(PAGE, absent),
    ]
    for build in builds:
        with pytest.raises(TypeError):
            build()


def test_a_long_expression_is_shortened_in_messages() -> None:
    long: Any = BANDWIDTH
    for _ in range(500):
        long = long + BANDWIDTH
    with pytest.raises(DimensionError) as caught:
        long + LATENCY
    assert len(str(caught.value)) < 400


def test_unknown_functions_are_refused() -> None:
    with pytest.raises(DimensionError, match="first_max has no rule"):
        Dimensioned.__symarch_apply__("first_max", (PAGE,), 0)


@given(st.lists(st.sampled_from(["B", "s", "J", "USD", "B/s", "1"]), min_size=1, max_size=6), st.data())
def test_products_carry_the_product_of_dimensions(units: list[str], data: st.DataObject) -> None:
    scalar, dimension = of(units[0]), unit_dimension(units[0])
    for unit in units[1:]:
        if data.draw(st.booleans()):
            scalar, dimension = scalar * of(unit), dimension * unit_dimension(unit)
        else:
            scalar, dimension = scalar / of(unit), dimension / unit_dimension(unit)
    assert scalar.dimension == dimension
    assert (3 * scalar / 2).dimension == dimension
