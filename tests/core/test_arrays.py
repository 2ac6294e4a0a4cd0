from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    gradient,
    log2,
    mark,
    mean_max,
    name,
    overlap,
    sqrt,
    total,
)
from symarch.program.arrays import ArrayFunction

NAMES = ("a", "b", "c", "d")


def everything(tape: Tape) -> Program:
    """Record a program that uses every operation, with several outputs that share work, inputs and constants."""
    a, b, c, d = (tape.input(n) for n in NAMES)
    rate = name(Min(a * 1e3, b * b, 4e3), "hbm.rate")
    time = mark(c / rate, "hbm", "weights read", "mlp")
    step = overlap(2, time, d * 1e-3) + overlap(7, time, a, b) + ceil(c / 3) * floor(d + 0.5)
    mean = mean_max(9, time, time * 2, d, d, a, b)
    return Program.of(
        tape,
        {
            "step": step,
            "mean": mean,
            "rate": rate,
            "again": step,
            "input": c,
            "constant": 7,
            "growth": exp(-a) + log2(b + 1) + sqrt(d) + d**1.7 + c**3 - (a + b) ** -2,
            "one": Max(a, 0.5),
            "wide": total([a, b, c, d, time, 3]) * Max(a, b, c, d, 2.0) / Min(a, b, c, d, 2.0),
        },
    )


PROGRAM = everything(Tape())
SLOPES = gradient(
    PROGRAM.select({"o": PROGRAM.outputs["step"]}), "o", [
        PROGRAM.select({"o": PROGRAM.outputs["step"]}).operations.index(("input", (), n)) for n in NAMES
    ]
)  # fmt: skip


def check(program: Program, arrays: list[Any], *, chunk: int = 16384) -> tuple[Any, ...]:
    """Run on arrays and compare every point with the scalar function."""
    with np.errstate(all="raise"):  # warnings are silenced inside, not outside
        results = ArrayFunction(program, NAMES, chunk=chunk)(*arrays)
    shape = np.broadcast_shapes(*(np.shape(a) for a in arrays))
    spread = [np.broadcast_to(np.asarray(a, dtype=float), shape) for a in arrays]
    point = compile_python(program, NAMES)
    assert len(results) == len(program.outputs)
    for result in results:
        assert result.shape == shape
        assert result.dtype == np.float64
        assert result.flags.writeable
    for index in np.ndindex(shape):
        expected = point(*(float(s[index]) for s in spread))
        assert [float(r[index]) for r in results] == pytest.approx(list(expected), rel=1e-12, abs=1e-300)
    return results


RANDOM = np.random.default_rng(1)


def positive(*shape: int) -> Any:
    return RANDOM.uniform(0.2, 9.0, shape)


@pytest.mark.parametrize("program", [PROGRAM, SLOPES], ids=["values", "slopes"])
@pytest.mark.parametrize(
    "arrays",
    [
        [positive(50), positive(50), positive(50), positive(50)],
        [positive(50), 2.0, positive(50), 3],
        [2.0, 3.0, 4.0, 5.0],
        [2, 3, 4, 5],
        [positive(6, 1, 1, 1), positive(1, 5, 1, 1), positive(1, 1, 4, 1), positive(1, 1, 1, 3)],
        [positive(6, 1, 1), positive(1, 5, 1), positive(1, 1, 7), 2.0],
        [positive(11, 1), positive(13), positive(11, 13), positive(1, 1)],
        [positive(1), positive(1), positive(1, 1), 2.0],
        [positive(1), positive(8), positive(1, 8), positive(8, 1)],
        [np.float64(2.0), np.array(3.0), np.array([4]), [5.0, 6.0]],
        [np.array([1.5, 2.5], dtype=np.float32), np.array([3, 4], dtype=np.int64), [1, 2], (2.0, 3.0)],
        [positive(0), 2.0, 3.0, 4.0],
        [positive(0, 1), positive(1, 3), 3.0, 4.0],
        [positive(40)[::2], positive(40)[::-2], positive(20, 3)[:, 1], positive(5, 4).T.ravel()],
        [positive(12, 10).T, positive(10, 12), np.asfortranarray(positive(10, 12)), positive(10, 1)[:, ::-1]],
        [np.broadcast_to(2.0, (30,)), positive(30), positive(30), positive(30)],
    ],
    ids=lambda a: "x".join(str(np.shape(v)) for v in a),
)
def test_every_point_is_that_of_the_scalar_function(program: Program, arrays: list[Any]) -> None:
    check(program, arrays)


@pytest.mark.parametrize("program", [PROGRAM, SLOPES], ids=["values", "slopes"])
@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 16, 24, 59, 60, 61, 1000])
@pytest.mark.parametrize(
    "shapes",
    [
        [(60,), (60,), (60,), (60,)],
        [(60,), (1,), (), (60,)],
        [(5, 12), (5, 1), (12,), (1, 12)],
        [(5, 1, 1), (1, 4, 1), (1, 1, 3), ()],
        [(5, 1, 1, 1), (4, 1, 1), (3, 1), (1,)],
    ],
)
def test_chunks_of_any_size_give_the_same(program: Program, chunk: int, shapes: list[tuple[int, ...]]) -> None:
    random = np.random.default_rng(2)
    arrays = [random.uniform(0.2, 9.0, s) for s in shapes]
    whole = ArrayFunction(program, NAMES)(*arrays)
    for one, other in zip(whole, ArrayFunction(program, NAMES, chunk=chunk)(*arrays), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-13)


AXES = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@settings(max_examples=80)
@given(AXES, st.data())
def test_any_mix_of_axes_broadcasts(axes: list[int], data: st.DataObject) -> None:
    arrays = []
    for k in range(4):
        kept = data.draw(st.lists(st.booleans(), min_size=len(axes), max_size=len(axes)))
        shape = [n if keep else 1 for n, keep in zip(axes, kept, strict=True)]
        while shape and shape[0] == 1 and data.draw(st.booleans()):
            shape.pop(0)
        arrays.append(np.random.default_rng(k).uniform(0.2, 9.0, shape))
    check(PROGRAM, arrays, chunk=data.draw(st.sampled_from([1, 5, 16384])))


def test_one_function_serves_calls_of_many_shapes() -> None:
    function = ArrayFunction(PROGRAM, NAMES, chunk=10)
    point = compile_python(PROGRAM, NAMES)
    for shapes in (
        [(), (), (), ()],
        [(30,)] * 4,
        [(3, 1), (7,), (), ()],
        [(30,), (), (30,), ()],
        [(30,)] * 4,
        [()] * 4,
    ):
        arrays = [positive(*s) for s in shapes]
        results = function(*arrays)
        first = [np.broadcast_to(a, results[0].shape).flat[0] for a in arrays]
        assert [r.flat[0] for r in results] == pytest.approx(point(*first), rel=1e-12)


def test_results_are_the_callers_own() -> None:
    given = [positive(30) for _ in NAMES]
    kept = [g.copy() for g in given]
    function = ArrayFunction(PROGRAM, NAMES)
    first = function(*given)
    saved = [r.copy() for r in first]
    for result in function(*[positive(30) for _ in NAMES]):
        result[:] = -1
    for one, other in zip(first, saved, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not any(np.shares_memory(r, g) for r in first for g in given)
    assert not any(np.shares_memory(r, s) for i, r in enumerate(first) for s in first[:i])
    for one, other in zip(given, kept, strict=True):
        np.testing.assert_array_equal(one, other)


def test_two_outputs_of_one_operation_are_both_filled() -> None:
    tape = Tape()
    x, y = tape.input("x"), tape.input("y")
    program = Program.of(tape, {"a": x * y, "b": x * y, "c": name(x * y, "n"), "d": x, "e": x})
    for chunk in (2, 100):
        results = ArrayFunction(program, ["x", "y"], chunk=chunk)(np.arange(1.0, 8.0), 2.0)
        np.testing.assert_array_equal(results[:3], [2 * np.arange(1.0, 8.0)] * 3)
        np.testing.assert_array_equal(results[3:], [np.arange(1.0, 8.0)] * 2)


def test_integers_do_not_overflow() -> None:
    tape = Tape()
    x = tape.input("x")
    program = Program.of(tape, {"cube": x**3, "large": x * 10**30, "product": x * x * x * x})
    cube, large, product = ArrayFunction(program, ["x"])(np.full(20, 3_000_000, dtype=np.int64))
    assert set(cube) == {2.7e19}
    assert large[0] == pytest.approx(3e36, rel=1e-15)
    assert product[0] == pytest.approx(8.1e25, rel=1e-15)
    assert ArrayFunction(program, ["x"])(np.uint8(200))[0] == 8e6


def build(function: Any, *arrays: Any) -> Any:
    tape = Tape()
    names = [f"x{i}" for i in range(len(arrays))]
    return ArrayFunction(Program.of(tape, {"o": function(*map(tape.input, names))}), names)(*arrays)[0]


@pytest.mark.parametrize("spread", [lambda v: v, lambda v: np.full(9, v), lambda v: np.full((3, 1), v)])
def test_division_by_zero_is_infinite_and_no_exception(spread: Any) -> None:
    with np.errstate(all="raise"):
        assert np.all(build(lambda x: 1 / x, spread(0.0)) == math.inf)
        assert np.all(build(lambda x: 5 / (x - 1) + 3, spread(1.0)) == math.inf)
        assert np.all(build(lambda x: x**-2.0, spread(0.0)) == math.inf)
        assert np.all(build(lambda x: exp(x), spread(1e4)) == math.inf)
        assert np.all(build(lambda x: x * 1e308 * 1e10, spread(1.0)) == math.inf)
        assert np.all(build(lambda x: x**400, spread(10.0)) == math.inf)
        assert np.all(np.isnan(build(sqrt, spread(-1.0))))
        assert np.all(np.isnan(build(lambda x: x**0.3, spread(-1.0))))
        assert np.all(np.isnan(build(lambda x: x / x, spread(0.0))))
        assert np.all(build(lambda x: Min(1 / x, 7), spread(0.0)) == 7)
        assert np.all(build(lambda x: 1 / (1 / x), spread(0.0)) == 0)
        assert np.all(build(ceil, spread(math.inf)) == math.inf)
        assert np.all(build(lambda x: overlap(3, x, 1.0), spread(math.inf)) == math.inf)
        assert np.all(build(lambda x: overlap(3, x, 2 * x), spread(0.0)) == 0)


def test_a_count_that_varies_beside_lines_that_do_not() -> None:
    count = np.arange(1.0, 6.0)
    np.testing.assert_allclose(
        build(lambda n, x: mean_max(n, 1, 2, 2, 1) + x, count, 0.0), [1.5, 2, 11 / 6, 11 / 6, 1.8]
    )  # two lines cross
    for lines in ((1, 2, 2, 1), (1, 2, 3, 4), (3, 4, 1, 2)):
        grid = build(lambda n, x, lines=lines: mean_max(n, *lines) * x, count[:, None], np.ones((1, 40)))
        alone = [build(lambda n, lines=lines: mean_max(n, *lines), c) for c in count]
        np.testing.assert_allclose(grid, np.repeat(np.array(alone)[:, None], 40, axis=1))
        np.testing.assert_allclose(build(lambda n, x, lines=lines: mean_max(n, *lines) * x, count, 1.0), alone)


def test_microseconds_do_not_underflow_at_a_high_order() -> None:
    times = np.full(20, 3e-6)
    np.testing.assert_allclose(build(lambda x, y: overlap(60, x, y), times, times), 3e-6 * 2 ** (1 / 60), rtol=1e-13)
    tape = Tape()
    x, y = tape.input("x"), tape.input("y")
    slopes = gradient(Program.of(tape, {"o": overlap(60, x, y)}), "o", [x.index, y.index])
    _, by_x, by_y = ArrayFunction(slopes, ["x", "y"])(times, times)
    np.testing.assert_allclose([by_x, by_y], 2 ** (1 / 60 - 1), rtol=1e-12)


def test_gradients_of_equal_value_are_all_filled() -> None:
    tape = Tape()
    x, y = tape.input("x"), tape.input("y")
    slopes = gradient(Program.of(tape, {"o": sqrt(x + y)}), "o", [x.index, y.index])
    _, by_x, by_y = ArrayFunction(slopes, ["x", "y"])(np.full(50, 3.0), 1.0)
    np.testing.assert_allclose([by_x, by_y], 0.25)


def test_ties_of_many_go_to_the_first() -> None:
    tape = Tape()
    nodes = [tape.input(n) for n in "xyz"]
    slopes = gradient(Program.of(tape, {"o": Max(*nodes) + Min(*nodes)}), "o", [n.index for n in nodes])
    results = ArrayFunction(slopes, list("xyz"))(np.full(40, 2.0), 2.0, np.full(40, 2.0))
    np.testing.assert_array_equal([r[0] for r in results[1:]], [2, 0, 0])


def test_more_than_a_chunk_of_points() -> None:
    values = np.linspace(1, 2, 40_001)
    result = build(lambda x, y: exp(-x) * y + Max(x, 1.5), values, 2.0)
    np.testing.assert_allclose(result, np.exp(-values) * 2 + np.maximum(values, 1.5), rtol=1e-14)


def test_wrong_calls_are_named() -> None:
    function = ArrayFunction(PROGRAM, NAMES)
    with pytest.raises(SymarchError, match=r"3 .*4"):
        function(1.0, 2.0, 3.0)
    with pytest.raises(SymarchError, match=r"5 .*4"):
        function(1.0, 2.0, 3.0, 4.0, 5.0)
    with pytest.raises(SymarchError, match="d"):
        ArrayFunction(PROGRAM, ["a", "b", "c"])
    with pytest.raises(ValueError, match=r"shape|broadcast"):
        function(positive(3), positive(4), 1.0, 2.0)
    with pytest.raises(SymarchError, match="too large for a number"):
        build(lambda x: x * 10**400, 1.0)


def test_programs_without_inputs() -> None:
    results = ArrayFunction(Program.of(Tape(), {"a": 3, "b": 0.5}), [])()
    assert [float(r) for r in results] == [3, 0.5]
    extra = ArrayFunction(Program.of(Tape(), {"a": 3}), ["unused"])(np.zeros((2, 3)))
    np.testing.assert_array_equal(extra[0], np.full((2, 3), 3.0))


@pytest.mark.parametrize(
    "subtract",
    [
        lambda x, y: x - 2 * Max(3 * x, 2 * y),
        lambda x, y: x - Min(3 * x, 2 * y),
        lambda x, y: x - overlap(2, x, y),
        lambda x, y: x - overlap(3, 2 * x, 3 * y),
        lambda x, y: x - mean_max(5, 2 * x, 3 * y, 3 * y, 2 * x),
        lambda x, y: 3 * (x - sqrt(x * x + y)),
        lambda x, y: -Max(-3 * x, -2 * y),
        lambda x, y: Max(x - y, 0) / Max(y - x, 0.5),
    ],
)
def test_a_sign_is_never_taken_into_a_maximum_or_a_root(subtract: Any) -> None:
    x, y = positive(40), positive(40)
    np.testing.assert_allclose(build(subtract, x, y), [subtract(*p) for p in zip(x, y, strict=True)], rtol=1e-12)


def test_a_constant_output_recorded_last_keeps_its_value() -> None:
    tape = Tape()
    a = tape.input("a")
    long = total([a, a * 2, a * 3, a**2])
    program = Program.of(tape, {"sum": long, "constant": 7})
    found = ArrayFunction(program, ["a"])(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(found, [[7.0, 16.0], [7.0, 7.0]])


def test_a_nothing_that_leads_a_sum_is_left_out() -> None:
    tape = Tape()
    a, b = tape.input("a"), tape.input("b")
    nothing = Min(tape.constant(0), tape.constant(0.0))
    program = Program.of(tape, {"o": nothing + Max(a, b)})
    assert ArrayFunction(program, ("a", "b"))(1.0, 2.0)[0] == 2


def test_terms_that_cancel_leave_the_others() -> None:
    x, y = positive(40), positive(40)
    found = build(lambda x, y: (x**2 * y) * (x**-2 * y**-1) - 1 + 2 * y, x, y)
    np.testing.assert_allclose(found, 2 * y, rtol=1e-12)
