from __future__ import annotations

import math
from typing import Any

import mpmath
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symarch.program import (
    Max,
    Min,
    OneSided,
    Program,
    Tape,
    ceil,
    compile_python,
    exp,
    floor,
    gradient,
    log,
    log2,
    mark,
    mean_max,
    name,
    one_sided,
    overlap,
    sqrt,
    total,
)

NAMES = ("a", "b", "c")
LEAVES = st.one_of(st.sampled_from(NAMES), st.sampled_from([0.5, 2, 3.25, 7]))


def _grow(part: Any) -> Any:
    several = st.lists(part, min_size=2, max_size=4)
    return st.one_of(
        st.tuples(st.sampled_from(["+", "*", "/", "-", "power"]), part, part),
        st.tuples(st.sampled_from(["Min", "Max", "total"]), several),
        st.tuples(st.just("**"), part, st.sampled_from([-2, -1, 0.5, 2, 3, 1.7])),
        st.tuples(st.sampled_from(["ceil", "floor", "exp", "log", "log2", "sqrt", "name", "mark"]), part),
        st.tuples(st.just("overlap"), several, st.sampled_from([1, 1.5, 2, 3, 60, math.inf])),
        st.tuples(
            st.just("mean_max"),
            st.sampled_from([1, 2, 7, 50]),
            st.lists(part, min_size=2, max_size=3),
            st.lists(part, min_size=2, max_size=3),
        ),
    )


TREES = st.recursive(LEAVES, _grow, max_leaves=9)
POINTS = st.tuples(*[st.floats(0.3, 8.0)] * len(NAMES))


def record(tree: Any, nodes: dict[str, Any]) -> Any:
    if isinstance(tree, str):
        return nodes[tree]
    if not isinstance(tree, tuple):
        return tree
    kind = tree[0]
    if kind in ("Min", "Max", "total", "overlap"):
        parts = [record(p, nodes) for p in tree[1]]
        if kind == "overlap":
            return overlap(tree[2], *(Max(p, 0.01) for p in parts))
        return total(parts) if kind == "total" else (Min if kind == "Min" else Max)(*parts)
    if kind == "mean_max":
        ends = [record(p, nodes) for pair in zip(tree[2], tree[3], strict=False) for p in pair]
        return mean_max(tree[1], *ends)
    x = record(tree[1], nodes)
    if kind == "**":
        return Max(x, 0.01) ** tree[2]
    if kind in ("+", "*", "-", "/", "power"):
        y = record(tree[2], nodes)
        if kind == "power":
            return Max(x, 0.01) ** Max(Min(y, 3), -3)
        return x + y if kind == "+" else x - y if kind == "-" else x * y if kind == "*" else x / Max(y, 0.01)
    if kind == "exp":
        return exp(Min(x, 4))
    if kind == "name":
        return name(x, "hbm.rate")
    if kind == "mark":
        return mark(x, "hbm", "weights read", "mlp")
    if kind in ("ceil", "floor"):
        return (ceil if kind == "ceil" else floor)(x)
    return {"log": log, "log2": log2, "sqrt": sqrt}[kind](Max(x, 0.01))


def precisely(program: Program, point: dict[str, Any]) -> Any:
    """Evaluate with 60 digits; the mean of maxima by a loop over its points."""
    values: list[Any] = []
    for operation, arguments, attribute in program.operations:
        a = [values[i] for i in arguments]
        match operation:
            case "const":
                value = (
                    mpmath.mpf(attribute)
                    if isinstance(attribute, int | float)
                    else mpmath.mpf(attribute.numerator) / attribute.denominator
                )
            case "input":
                value = point[attribute]
            case "add":
                value = mpmath.fsum(a)
            case "mul":
                value = mpmath.fprod(a)
            case "pow":
                value = a[0] ** a[1]
            case "max":
                value = max(a)
            case "min":
                value = min(a)
            case "overlap":
                value = mpmath.fsum(t**attribute for t in a) ** (mpmath.mpf(1) / attribute)
            case "mean_max":
                n, pairs = int(a[0]), list(zip(a[1::2], a[2::2], strict=True))
                at = [mpmath.mpf(i) / (n - 1) for i in range(n)] if n > 1 else [mpmath.mpf("0.5")]
                value = mpmath.fsum(max(f + (e - f) * x for f, e in pairs) for x in at) / n
            case "ceil" | "floor" | "exp" | "log":
                value = getattr(mpmath, operation)(a[0])
            case "log2":
                value = mpmath.log(a[0]) / mpmath.log(2)
            case _:
                value = a[0]
        values.append(value)
    return values[program.outputs["out"]]


def program_of(value: Any, tape: Tape) -> Program:
    return Program.of(tape, {"out": value})


@settings(max_examples=300)
@given(TREES, POINTS)
def test_gradients_are_central_differences_away_from_kinks(tree: Any, point: tuple[float, ...]) -> None:
    tape = Tape()
    nodes = {n: tape.input(n) for n in NAMES}
    program = program_of(record(tree, nodes), tape)
    adjoint = compile_python(gradient(program, "out", [nodes[n].index for n in NAMES]), NAMES)
    found = adjoint(*point)
    with mpmath.workdps(60):
        middle = {n: mpmath.mpf(v) for n, v in zip(NAMES, point, strict=True)}
        value = precisely(program, middle)
        assume(abs(value) < 1e12)
        assert abs(found[0] - value) <= 1e-9 * (1 + abs(value))
        for n, slope in zip(NAMES, found[1:], strict=True):
            step = mpmath.mpf(10) ** -11
            right = (precisely(program, middle | {n: middle[n] + step}) - value) / step
            left = (value - precisely(program, middle | {n: middle[n] - step})) / step
            # where the two sides differ the point is at a kink or a jump: see the tests of one_sided
            if abs(left - right) > 1e-7 * (1 + abs(left)):
                continue
            central = (left + right) / 2
            assert abs(slope - central) <= 1e-8 * (1 + abs(central) + abs(value)), (n, slope, central)


def one(build: Any, **point: float) -> tuple[dict[str, float], dict[str, OneSided]]:
    """Return the gradient by name and the one-sided derivatives."""
    tape = Tape()
    nodes = {n: tape.input(n) for n in point}
    program = program_of(build(**nodes), tape)
    adjoint = compile_python(gradient(program, "out", [nodes[n].index for n in point]), list(point))
    return dict(zip(point, adjoint(*point.values())[1:], strict=True)), one_sided(program, "out", point)


def test_a_maximum_has_the_derivative_of_its_winner() -> None:
    slopes, kinks = one(lambda x, y: Max(3 * x, y), x=1.0, y=2.0)
    assert slopes == {"x": 3, "y": 0}
    assert kinks == {}


def test_at_a_tie_the_first_wins_and_both_sides_are_known() -> None:
    slopes, kinks = one(lambda x, y: Max(3 * x, y), x=1.0, y=3.0)
    assert sorted(slopes.values()) in ([0, 1], [0, 3])
    assert kinks == {"x": OneSided(0, 3), "y": OneSided(0, 1)}
    slopes, kinks = one(lambda x, y: Min(3 * x, y), x=1.0, y=3.0)
    assert kinks == {"x": OneSided(3, 0), "y": OneSided(1, 0)}


def test_a_tie_of_three() -> None:
    slopes, kinks = one(lambda x, y, z: Max(x, 2 * y, 4 * z), x=4.0, y=2.0, z=1.0)
    assert sum(s > 0 for s in slopes.values()) == 1
    assert kinks == {"x": OneSided(0, 1), "y": OneSided(0, 2), "z": OneSided(0, 4)}


def test_a_tie_of_three_slopes_of_one_input() -> None:
    _, kinks = one(lambda x: Max(x, 2 * x - 1, 3 * x - 2), x=1.0)
    assert kinks == {"x": OneSided(1, 3)}
    _, kinks = one(lambda x: Min(x, 2 * x - 1, 3 * x - 2), x=1.0)
    assert kinks == {"x": OneSided(3, 1)}


def test_what_rounding_leaves_of_a_difference_ties_with_nothing() -> None:
    assert 0.1 + 0.2 - 0.3 != 0
    _, kinks = one(lambda x, y, z: Max(x + y - z, 0), x=0.1, y=0.2, z=0.3)
    assert kinks == {"x": OneSided(0, 1), "y": OneSided(0, 1), "z": OneSided(-1, 0)}
    _, kinks = one(lambda x, y, z: Max(1e-9 * (x + y - z), 0) + x, x=0.1, y=0.2, z=0.3)
    assert kinks["x"] == OneSided(1, 1 + 1e-9)
    assert one(lambda x, y: Max(x - y, 0), x=1.0, y=1.0 - 1e-9)[1] == {}


def test_nested_ties() -> None:
    # a jax gradient depends on how these are written; the two sides do not
    for build in (
        lambda x: Max(Max(x, 1), 1),
        lambda x: Max(1, Max(1, x)),
        lambda x: Max(x, Max(1, 1.0)),
        lambda x: Min(Max(x, 1), Max(x, 1) + 0 * x),
    ):
        assert one(build, x=1.0)[1] == {"x": OneSided(0, 1)}
    assert one(lambda x: Max(Min(x, 1), 2 - x), x=1.0)[1] == {"x": OneSided(-1, 0)}
    assert one(lambda x: Max(x, 1) * Max(x, 2) + Min(x, 1), x=1.0)[1] == {"x": OneSided(1, 2)}


def test_both_sides_pass_through_smooth_functions() -> None:
    _, kinks = one(lambda x: exp(Max(x, 1)) * sqrt(x) / x, x=1.0)
    assert kinks["x"].left == pytest.approx(math.e * -0.5)
    assert kinks["x"].right == pytest.approx(math.e * 0.5)
    _, kinks = one(lambda x: overlap(2, Max(x, 1), 1.0), x=1.0)
    assert kinks["x"].left == 0
    assert kinks["x"].right == pytest.approx(1 / math.sqrt(2))
    _, kinks = one(lambda x: log2(Max(x, 2)) + log(Max(x, 2)) + ceil(x + 0.5), x=2.0)
    assert kinks["x"].right == pytest.approx(1 / 2 / math.log(2) + 1 / 2)


def test_a_tie_that_does_not_bend_is_no_kink() -> None:
    assert one(lambda x: Max(x, 2 * x - x), x=1.0)[1] == {}
    assert one(lambda x: Max(x, 1) + Min(x, 1), x=1.0)[1] == {}


def test_ties_are_found_within_rounding() -> None:
    _, kinks = one(lambda x: Max(x * 0.1 * 3, x * 0.3 + (x - 1) * 2), x=1.0)
    assert kinks["x"].left == pytest.approx(0.3)
    assert kinks["x"].right == pytest.approx(2.3)


def test_inputs_without_a_tie_in_their_way_are_left_out() -> None:
    _, kinks = one(lambda x, y, z: Max(x, 1) * y + exp(z), x=1.0, y=2.0, z=0.5)
    assert set(kinks) == {"x"}


def test_lines_that_coincide_are_a_kink_of_their_mean() -> None:
    _, kinks = one(lambda a, b: mean_max(100, a, 2 * a, b, 2 * b), a=1.0, b=1.0)
    assert kinks["a"].left == kinks["b"].left == 0
    assert kinks["a"].right == kinks["b"].right == pytest.approx(1.5)


def test_lines_that_meet_at_one_point_are_a_kink_of_that_point() -> None:
    for ends in ((1.0, 0.0), (0.0, 1.0)):
        _, kinks = one(lambda a, ends=ends: mean_max(10, a, a, *ends), a=1.0)
        assert kinks["a"].left == pytest.approx(0.9)
        assert kinks["a"].right == pytest.approx(1)
    _, kinks = one(lambda a: mean_max(11, a, a, 0.0, 10.0), a=3.0)
    assert kinks["a"].left == pytest.approx(3 / 11)
    assert kinks["a"].right == pytest.approx(4 / 11)


@settings(max_examples=200)
@given(st.integers(1, 20), st.lists(st.integers(0, 3).map(float), min_size=6, max_size=6), st.integers(0, 5))
def test_both_sides_of_a_mean_of_maxima_are_those_of_a_loop(count: int, ends: list[float], position: int) -> None:
    tape = Tape()
    nodes: list[Any] = list(ends)
    nodes[position] = tape.input("x")
    program = program_of(mean_max(count, *nodes), tape)
    found = one_sided(program, "out", {"x": ends[position]})

    def loop(value: float) -> float:
        given = [*ends[:position], value, *ends[position + 1 :]]
        pairs = list(zip(given[0::2], given[1::2], strict=True))
        at = [i / (count - 1) for i in range(count)] if count > 1 else [0.5]
        return math.fsum(max(f + (e - f) * x for f, e in pairs) for x in at) / count

    step, here = 1e-6, ends[position]
    left, right = (loop(here) - loop(here - step)) / step, (loop(here + step) - loop(here)) / step
    sides = found.get("x")
    if sides is None:
        adjoint = compile_python(gradient(program, "out", [0 if program.inputs else -1]))
        slope = adjoint(here)[1]
        sides = OneSided(slope, slope)
    assert sides.left == pytest.approx(left, abs=1e-8)
    assert sides.right == pytest.approx(right, abs=1e-8)


TIMES = st.lists(st.floats(1e-8, 1e-3), min_size=2, max_size=5)


@given(TIMES, st.sampled_from([1, 1.5, 2, 3, 60, math.inf]))
def test_the_elasticities_of_an_overlap_are_shares_that_sum_to_1(times: list[float], order: float) -> None:
    point = {f"t{i}": t for i, t in enumerate(times)}
    slopes, _ = one(lambda **t: overlap(order, *t.values()), **point)
    combined = overlap(order, *times)
    shares = [slopes[n] * t / combined for n, t in point.items()]
    assert all(s >= 0 for s in shares)
    assert sum(shares) == pytest.approx(1, rel=1e-12)
    if order not in (1, math.inf):
        assert shares == pytest.approx([(t / combined) ** order for t in times], rel=1e-10, abs=1e-300)


def test_microseconds_do_not_underflow_at_a_high_order() -> None:
    slopes, _ = one(lambda x, y: overlap(60, x, y), x=3e-6, y=3e-6)
    assert slopes["x"] == slopes["y"] == pytest.approx(2 ** (1 / 60 - 1), rel=1e-13)


@pytest.mark.parametrize("build", [ceil, floor])
def test_rounding_has_derivative_0(build: Any) -> None:
    for x in (2.0, 2.5):
        slopes, kinks = one(lambda x: build(x) * 2 + 3 * x, x=x)
        assert slopes == {"x": 3}
        assert kinks == {}


def test_the_derivative_by_a_definition_is_as_easily_had_as_by_an_input() -> None:
    tape = Tape()
    x, y = tape.input("x"), tape.input("y")
    rate = name(x * y, "hbf.rate")
    time = mark(10 / rate, "hbf", "weights read", "mlp")
    program = program_of(time * time + x, tape)
    targets = [program.names["hbf.rate"], *program.marks("s"), x.index, y.index]
    value, by_rate, by_time, by_x, by_y = compile_python(gradient(program, "out", targets), ["x", "y"])(2.0, 5.0)
    assert (value, by_time) == (3.0, 2.0)
    assert by_rate == pytest.approx(-0.2)
    assert by_x == pytest.approx(1 - 0.2 * 5)
    assert by_y == pytest.approx(-0.2 * 2)


def test_an_output_that_does_not_depend_on_a_target_has_derivative_0() -> None:
    tape = Tape()
    x, y = tape.input("x"), tape.input("y")
    unused = y * 3
    program = Program.of(tape, {"out": x * 2, "constant": 7, "self": x})
    for output, expected in (("out", (6.0, 2, 0, 0)), ("constant", (7, 0, 0, 0)), ("self", (3.0, 1, 0, 0))):
        derived = gradient(program, output, [x.index, y.index, unused.index])
        assert compile_python(derived, ["x", "y"])(3.0, 4.0) == expected


def test_a_gradient_is_a_program_that_can_be_stored_bound_and_derived_again() -> None:
    tape = Tape()
    x, y = tape.input("x"), tape.input("y")
    program = program_of(x**3 * y + mean_max(5, x, y, y, x) + Max(x, y), tape)
    first = gradient(program, "out", [x.index])
    assert Program.from_json(first.to_json()) == first
    second = gradient(first, "d0", [first.operations.index(("input", (), "x"))])
    assert compile_python(second, ["x", "y"])(2.0, 5.0)[1] == pytest.approx(6 * 2 * 5)
    bound = first.bind({"y": 5.0})
    assert compile_python(bound, ["x"])(2.0) == pytest.approx(compile_python(first, ["x", "y"])(2.0, 5.0))


def test_scaling_the_unit_of_time_scales_a_time_once() -> None:
    """The elasticities, each weighted by the exponent of time, sum to the exponent of time of the whole."""
    slopes, kinks = one(
        lambda size, rate, latency, peak: overlap(2, size / Min(rate, 3e12), 1e12 / peak) + ceil(7.5) * latency,
        size=1e9,
        rate=1e12,
        latency=1e-6,
        peak=1e15,
    )
    assert kinks == {}
    point = {"rate": 1e12, "latency": 1e-6, "peak": 1e15}
    whole = overlap(2, 1e9 / 1e12, 1e12 / 1e15) + 8e-6
    exponents = {"rate": -1, "latency": 1, "peak": -1}
    assert sum(exponents[n] * slopes[n] * v / whole for n, v in point.items()) == pytest.approx(1, rel=1e-13)
