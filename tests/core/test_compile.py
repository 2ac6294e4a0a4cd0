from __future__ import annotations

import builtins
import math
from typing import Any

import pytest

from symarch.errors import SymarchError
from symarch.program import (
    Max,
    Min,
    Program,
    Tape,
    ceil,
    compile_python,
    exp,
    floor,
    log,
    mark,
    name,
    overlap,
    sqrt,
    total,
)


def compiled(build: Any, *names: str) -> Any:
    tape = Tape()
    return compile_python(Program.of(tape, {"out": build(*(tape.input(n) for n in names))}), names)


def test_inputs_come_in_the_order_asked_for() -> None:
    tape = Tape()
    x, y = tape.input("x"), tape.input("y")
    program = Program.of(tape, {"difference": x - y, "ratio": x / y})
    function = compile_python(program)
    assert function.inputs == ("x", "y")
    assert function.outputs == ("difference", "ratio")
    assert function(6.0, 3.0) == (3.0, 2.0)
    swapped = compile_python(program, ["unused", "y", "x"])
    assert swapped.inputs == ("unused", "y", "x")
    assert swapped(0.0, 3.0, 6.0) == (3.0, 2.0)


def test_a_missing_input_is_named() -> None:
    tape = Tape()
    program = Program.of(tape, {"o": tape.input("hbm.rate") + tape.input("batch")})
    with pytest.raises(SymarchError, match=r"hbm\.rate"):
        compile_python(program, ["batch"])


def test_constants_and_inputs_may_be_outputs() -> None:
    tape = Tape()
    x = tape.input("x")
    program = Program.of(tape, {"x": x, "two": 2, "again": x, "infinite": math.inf, "minus": -math.inf})
    assert compile_python(program)(5.0) == (5.0, 2.0, 5.0, math.inf, -math.inf)
    assert math.isnan(compiled(lambda x: x + math.nan, "x")(1.0)[0])
    assert compile_python(Program.of(Tape(), {}))() == ()


EVIL = [
    "__import__('os')",
    "a0); import os; (",
    "x\nimport os",
    '"""',
    "exec",
    "{0}",
    "%s",
    "\\",
    "λ",
    "a1",
    "",
]


@pytest.mark.parametrize("evil", EVIL)
def test_no_label_reaches_the_source(evil: str) -> None:
    tape = Tape()
    x, y = tape.input(evil), tape.input("plain")
    value = mark(name(x * y, evil + "SENTINEL"), evil + "SENTINEL", "SENTINEL", evil + "SENTINEL") + x
    function = compile_python(Program.of(tape, {evil + "SENTINEL": value}))
    assert function(3.0, 2.0) == (9.0,)
    assert function.inputs == (evil, "plain")
    assert "SENTINEL" not in function.source
    for word in ("import", "exec", "os", "__", "plain", "λ", "{", "%", "\\"):
        assert word not in function.source


def test_compiled_code_runs_without_builtins() -> None:
    function = compiled(lambda x: Max(exp(x), sqrt(x), x**0.3, overlap(3, x, 1.0)), "x")
    names = function.function.__globals__["__builtins__"]
    assert names == {}
    assert not {n for n in function.function.__code__.co_names if hasattr(builtins, n) and n not in ("max", "min")}


@pytest.mark.parametrize(
    "grow",
    [
        lambda x, e: e + x * 1.5,
        lambda x, e: (e + 1.5) * x,
        lambda x, e: 1 / (e + x),
        lambda x, e: Max(e + x, e * 0.5),
        lambda x, e: Min(e * 1.01, x + e, 7.0),
        lambda x, e: exp(-e * x),
        lambda x, e: overlap(3, e, x),
        lambda x, e: overlap(2, e, x),
        lambda x, e: name(mark(e + x, "a", "b", "c"), "n"),
        lambda x, e: (e + x) ** 0.3,
        lambda x, e: ceil(e + x) * 0.5,
    ],
)
def test_deep_chains_compile_to_what_floats_give(grow: Any) -> None:
    def chain(x: Any) -> Any:
        e = x
        for _ in range(1000):
            e = grow(x, e)
        return e

    assert compiled(chain, "x")(0.7)[0] == pytest.approx(chain(0.7), rel=1e-12)


@pytest.mark.parametrize("combine", [total, lambda v: Max(*v), lambda v: overlap(2, *v), lambda v: overlap(3, *v)])
@pytest.mark.parametrize("count", [1, 2, 51, 3000])
def test_wide_operations_compile(combine: Any, count: int) -> None:
    names = [f"x{i}" for i in range(count)]
    values = [1.0 + i % 7 for i in range(count)]
    assert compiled(lambda *x: combine(list(x)), *names)(*values)[0] == pytest.approx(combine(values), rel=1e-12)


def test_a_wide_product_compiles() -> None:
    def product(*values: Any) -> Any:
        result = values[0]
        for value in values[1:]:
            result = result * value
        return result

    names = [f"x{i}" for i in range(400)]
    assert compiled(product, *names)(*[1.0001] * 400)[0] == pytest.approx(1.0001**400, rel=1e-11)


def test_what_is_used_often_is_computed_once() -> None:
    def doubling(x: Any) -> Any:
        for _ in range(200):
            x = exp(-x) + x * 0.5
        return x

    function = compiled(doubling, "x")
    assert len(function.source) < 20_000
    assert function(1.0)[0] == pytest.approx(doubling(1.0), rel=1e-12)


@pytest.mark.parametrize("values", [(1.0, 2.0), (2.0, 1.0), (2.0, 2.0), (-1.0, 0.0), (math.inf, 1.0)])
def test_extremes_of_two_and_more(values: tuple[float, float]) -> None:
    x, y = values
    assert compiled(lambda a, b: Max(a, b), "a", "b")(x, y) == (max(x, y),)
    assert compiled(lambda a, b: Min(a, b), "a", "b")(x, y) == (min(x, y),)
    assert compiled(lambda a, b: Max(a, b, 1.5, -b), "a", "b")(x, y) == (max(x, y, 1.5, -y),)
    assert compiled(lambda a, b: Min(a + b, b, 1.5), "a", "b")(x, y) == (min(x + y, y, 1.5),)


def test_rounding_what_is_not_finite_leaves_it() -> None:
    function = compiled(lambda x: ceil(x) + floor(x), "x")
    assert function(math.inf) == (math.inf,)
    assert function(2.5) == (5.0,)


def test_a_fractional_power_of_a_negative_number_is_an_error_not_a_complex_number() -> None:
    for build in (lambda x: x**0.3, lambda x: sqrt(x), lambda x: x**-0.5, log):
        with pytest.raises(ValueError, match=r"domain|power|nonnegative|positive"):
            compiled(build, "x")(-2.0)
    assert compiled(lambda x: x**3, "x")(-2.0) == (-8.0,)
    assert compiled(lambda x: x**-3, "x")(-2.0) == (-0.125,)


def test_a_number_too_large_for_floats_is_refused_when_compiled() -> None:
    with pytest.raises(SymarchError, match="too large for a number"):
        compiled(lambda x: x * 10**400, "x")


def test_exact_constants_are_rounded_once() -> None:
    # 1/3 of 3e16 + 3 is exact in integers, and not in floats
    assert compiled(lambda x: x * (30_000_000_000_000_003) / 3, "x")(1.0) == (10_000_000_000_000_001.0,)
