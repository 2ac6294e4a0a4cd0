from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symarch.program import Max, Min, ceil, exp, floor, log, log2, mark, mean_max, name, overlap, sqrt, total

TIMES = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=5)


class Counting:
    """A scalar of a third party that writes down what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []

    @staticmethod
    def __symarch_apply__(operation: str, arguments: tuple[Any, ...], attribute: Any) -> Any:
        scalar = next(a for a in arguments if isinstance(a, Counting))
        scalar.asked.append((operation, attribute))
        return scalar


def test_on_plain_numbers_they_are_plain_functions() -> None:
    assert Max(1, 3.0, 2) == 3.0
    assert Min(1, 3.0, 2) == 1
    assert Max(5) == Min(5) == 5
    assert ceil(2.1) == 3
    assert floor(-2.1) == -3
    assert ceil(Fraction(7, 2)) == 4
    assert sqrt(16) == 4
    assert exp(0) == 1
    assert log(math.e) == 1
    assert log2(8) == 3
    assert total([1, 2.5, 0, 0.0]) == 3.5
    assert total([]) == total([0, 0.0]) == 0
    assert mark(3, "hbm", "weights read", "mlp") == 3
    assert name(4, "hbm.read_bandwidth") == 4


def test_whole_numbers_stay_exact() -> None:
    assert type(ceil(2.5)) is int
    assert Max(10**30, 10**30 + 1) == 10**30 + 1
    assert total([10**30, 1]) == 10**30 + 1


def test_rounding_what_is_not_finite_leaves_it() -> None:
    assert ceil(math.inf) == floor(math.inf) == math.inf
    assert ceil(-math.inf) == -math.inf
    assert math.isnan(ceil(math.nan))


@pytest.mark.parametrize(
    ("operation", "build"),
    [
        ("max", lambda x: Max(1, x)),
        ("min", lambda x: Min(x, 2)),
        ("ceil", ceil),
        ("floor", floor),
        ("sqrt", sqrt),
        ("exp", exp),
        ("log", log),
        ("log2", log2),
        ("add", lambda x: total([1, x])),
        ("overlap", lambda x: overlap(2, 1.0, x)),
        ("max", lambda x: overlap(math.inf, 1.0, x)),
        ("add", lambda x: overlap(1, 1.0, x)),
        ("mean_max", lambda x: mean_max(x, 1, 2, 3, 4)),
        ("mean_max", lambda x: mean_max(8, 1, 2, 3, x)),
        ("mark", lambda x: mark(x, "a", "b", "c")),
        ("name", lambda x: name(x, "a.b")),
    ],
)
def test_a_scalar_brings_its_own_rules(operation: str, build: Any) -> None:
    scalar = Counting()
    assert build(scalar) is scalar
    assert [asked for asked, _ in scalar.asked] == [operation]


def test_a_single_argument_needs_no_rule() -> None:
    scalar = Counting()
    assert Max(scalar) is Min(scalar) is overlap(2, scalar) is total([0, scalar]) is scalar
    assert scalar.asked == []


def test_labels_reach_the_scalar() -> None:
    scalar = Counting()
    mark(scalar, "hbm", "weights read", "mlp")
    name(scalar, "hbm.rate")
    assert scalar.asked == [("mark", ("hbm", "weights read", "mlp", "s")), ("name", "hbm.rate")]


@given(TIMES)
def test_overlap_of_order_1_is_the_sum_and_of_infinity_the_maximum(times: list[float]) -> None:
    assert overlap(1, *times) == pytest.approx(sum(times), rel=1e-14)
    assert overlap(math.inf, *times) == max(times)


@given(TIMES, st.sampled_from([1.0, 1.5, 2.0, 3.0, 60.0]))
def test_overlap_lies_between_the_maximum_and_the_sum(times: list[float], order: float) -> None:
    value = overlap(order, *times)
    assert max(times) * (1 - 1e-14) <= value <= sum(times) * (1 + 1e-14)
    assert overlap(order, *(1e-9 * t for t in times)) == pytest.approx(1e-9 * value, rel=1e-12)


@given(TIMES)
def test_overlap_of_order_2_is_the_length_of_a_vector(times: list[float]) -> None:
    assert overlap(2, *times) == pytest.approx(math.hypot(*times), rel=1e-14)


def test_overlap_does_not_underflow_or_overflow() -> None:
    assert overlap(60, 3e-6, 3e-6) == pytest.approx(3e-6 * 2 ** (1 / 60), rel=1e-14)
    assert overlap(60, 1e200, 1e200) == pytest.approx(1e200 * 2 ** (1 / 60), rel=1e-14)
    assert overlap(2, 0.0, 0.0) == 0
    assert overlap(3, 0.0, 5.0) == 5
    assert overlap(3, math.inf, 5.0) == math.inf


def test_a_fractional_power_of_a_negative_number_is_an_error_not_a_complex_number() -> None:
    with pytest.raises(ValueError, match=r"domain|power|nonnegative"):
        sqrt(-1.0)


def test_plain_arithmetic_imports_neither_sympy_nor_numpy() -> None:
    program = (
        "import sys; from symarch import Max, Memory, Min, ceil, parameter;"
        "from symarch.program import Tape, compile_python, Program;"
        "t = Tape(); x = t.input('x'); compile_python(Program.of(t, {'o': Max(x, ceil(x))}))(1.5);"
        "assert Max(1, 2) == 2;"
        "print(sorted({'sympy', 'numpy', 'scipy', 'networkx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_number_meets_a_lazy_minimum() -> None:
    import sympy

    x, y = sympy.symbols("x y", positive=True)
    formula = Max(1, Min(x, y))
    assert formula.subs({x: 3, y: 2}) == 2
    assert formula.subs({x: 0.5, y: 2}) == 1
