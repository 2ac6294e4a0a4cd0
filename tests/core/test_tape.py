from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from symarch.errors import SymarchError
from symarch.program import (
    Max,
    Min,
    Node,
    Program,
    Tape,
    ceil,
    compile_python,
    exp,
    floor,
    log2,
    mark,
    mean_max,
    name,
    overlap,
    sqrt,
    total,
)
from symarch.program.arrays import ArrayFunction
from symarch.program.derivatives import evaluate

# One random expression, computed in every way there is. A tree is (operation, parts...), a leaf an input's name or a
# number. Arguments that must be positive are kept so by Max(x, 0.01).

NAMES = ("a", "b", "c", "d")
TINY = 0.01
Tree = Any

LEAVES = st.one_of(
    st.sampled_from(NAMES),
    st.sampled_from(NAMES),
    st.integers(1, 50),
    st.sampled_from([0.25, 1.5, 3.7, Fraction(1, 3), Fraction(7, 2), 0, -2, -0.75]),
)
ORDERS = st.sampled_from([1, 1.5, 2, 3.0, 60, math.inf])
POWERS = st.sampled_from([-2, -1, 0, 0.5, 1, 2, 3, Fraction(1, 3), -0.5, 1.7])


def _grow(part: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(part, min_size=2, max_size=4)
    lines = st.lists(part, min_size=4, max_size=8).map(lambda p: p[: len(p) // 2 * 2])
    return st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "/"]), part, part),
        st.tuples(st.sampled_from(["Min", "Max", "total"]), several),
        st.tuples(st.just("**"), part, POWERS),
        st.tuples(st.just("power"), part, part),
        st.tuples(st.sampled_from(["ceil", "floor", "exp", "log2", "sqrt", "neg", "mark", "name"]), part),
        st.tuples(st.just("overlap"), several, ORDERS),
        st.tuples(st.just("mean_max"), st.sampled_from([1, 2, 7, 100]), lines),
    )


TREES = st.recursive(LEAVES, _grow, max_leaves=14)

_BINARY: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
_UNARY: dict[str, Callable[[Any], Any]] = {
    "ceil": ceil,
    "floor": floor,
    "exp": lambda x: exp(Min(x, 3)),
    "log2": lambda x: log2(Max(x, TINY)),
    "sqrt": lambda x: sqrt(Max(x, TINY)),
    "neg": operator.neg,
    "mark": lambda x: mark(x, "hbm", "weights read", "mlp"),
    "name": lambda x: name(x, "hbm.rate"),
}


def build(tree: Tree, scalars: dict[str, Any]) -> Any:
    """Compute a tree with scalars of any kind."""
    if isinstance(tree, str):
        return scalars[tree]
    if not isinstance(tree, tuple):
        return tree
    operation, rest = tree[0], tree[1:]
    if operation in _BINARY:
        return _BINARY[operation](build(rest[0], scalars), build(rest[1], scalars))
    if operation == "/":
        return build(rest[0], scalars) / Max(build(rest[1], scalars), TINY)
    if operation == "**":
        return Max(build(rest[0], scalars), TINY) ** rest[1]
    if operation == "power":
        return Max(build(rest[0], scalars), TINY) ** Max(Min(build(rest[1], scalars), 3), -3)
    if operation in ("Min", "Max", "total"):
        parts = [build(p, scalars) for p in rest[0]]
        return total(parts) if operation == "total" else (Min if operation == "Min" else Max)(*parts)
    if operation == "overlap":
        return overlap(rest[1], *(Max(build(p, scalars), TINY) for p in rest[0]))
    if operation == "mean_max":
        return mean_max(rest[0], *(build(p, scalars) for p in rest[1]))
    return _UNARY[operation](build(rest[0], scalars))


class Blurred:
    """A float with a bound of its rounding error, as a third kind of scalar: it tells how well two ways can agree."""

    EPSILON = 8 * 2.0**-53

    def __init__(self, value: float, error: float = 0.0) -> None:
        if not abs(value) < 1e60:
            raise OverflowError
        self.value, self.error = value, error + self.EPSILON * abs(value)

    def __add__(self, other: Any) -> Blurred:
        o = lift(other)
        return Blurred(self.value + o.value, self.error + o.error)

    def __mul__(self, other: Any) -> Blurred:
        o = lift(other)
        return Blurred(self.value * o.value, abs(self.value) * o.error + abs(o.value) * self.error)

    def __pow__(self, other: Any) -> Blurred:
        o = lift(other)
        value = float(self.value) ** float(o.value)
        relative = abs(o.value) * self.error / self.value + o.error * abs(math.log(self.value))
        return Blurred(value, value * relative)

    def __neg__(self) -> Blurred:
        return self * -1

    def __sub__(self, other: Any) -> Blurred:
        return self + lift(other) * -1

    def __rsub__(self, other: Any) -> Blurred:
        return lift(other) - self

    def __truediv__(self, other: Any) -> Blurred:
        return self * lift(other) ** -1

    def __rtruediv__(self, other: Any) -> Blurred:
        return lift(other) / self

    def __rpow__(self, other: Any) -> Blurred:
        return lift(other) ** self

    __radd__, __rmul__ = __add__, __mul__

    @staticmethod
    def __symarch_apply__(operation: str, arguments: tuple[Any, ...], attribute: Any) -> Any:
        if operation in ("mark", "name"):
            return arguments[0]
        given = [lift(a) for a in arguments]
        values = [g.value for g in given]
        first = given[0]
        if operation in ("ceil", "floor"):
            # a jump within reach of rounding is no question one can agree on
            if first.error and abs(first.value - round(first.value)) <= 100 * first.error + 1e-9:
                raise OverflowError
            return Blurred(ceil(first.value) if operation == "ceil" else floor(first.value))
        if operation == "exp":
            value = math.exp(first.value)
            return Blurred(value, value * first.error)
        if operation == "log2":
            return Blurred(math.log2(first.value), first.error / first.value / math.log(2))
        if operation == "sqrt":
            return first ** Fraction(1, 2)
        if operation == "add":
            return Blurred(math.fsum(values), sum(g.error for g in given))
        plain = {"max": Max, "min": Min}.get(operation)
        if plain is not None:
            return Blurred(plain(*values), max(g.error for g in given))
        if operation == "overlap":
            return Blurred(overlap(attribute, *values), sum(g.error for g in given) + 1e-14 * max(values))
        assert operation == "mean_max"
        spread = max(abs(v) for v in values[1:])
        return Blurred(mean_max(*values), sum(g.error for g in given) + 1e-14 * spread)


def lift(value: Any) -> Blurred:
    if isinstance(value, Blurred):
        return value
    exact = float(value)
    blurred = Blurred(exact)
    if exact == int(exact):
        blurred.error = 0.0
    return blurred


POINTS = st.fixed_dictionaries(
    {n: st.one_of(st.floats(0.05, 40.0), st.integers(1, 9).map(float)) for n in NAMES},
)


@settings(max_examples=250)
@given(TREES, POINTS, st.sets(st.sampled_from(NAMES)))
def test_every_way_to_compute_a_formula_gives_the_same_number(
    tree: Tree, point: dict[str, float], bound: set[str]
) -> None:
    try:
        blurred = lift(build(tree, {k: lift(v) for k, v in point.items()}))
    except OverflowError:
        assume(False)
        return
    direct = float(build(tree, point))
    at = [point[n] for n in NAMES]
    near = 1e-12 * abs(direct) + 20 * blurred.error
    assume(near < 1e-3 * (1 + abs(direct)))

    def same(value: float, way: str) -> None:
        assert abs(value - direct) <= near, (way, value, direct)

    tape = Tape()
    nodes: dict[str, Any] = {n: tape.input(n) for n in NAMES}
    program = Program.of(tape, {"out": build(tree, nodes), "again": nodes["a"] * 2})
    same(evaluate(program, point)[program.outputs["out"]], "evaluate")
    small = program.select({"out": program.outputs["out"]})
    same(evaluate(small, point)[-1] if small.outputs["out"] == len(small.operations) - 1 else direct, "select")
    same(compile_python(program, NAMES)(*at)[0], "compile_python")
    same(compile_python(small, NAMES)(*at)[0], "compile_python of select")
    partly = program.bind({k: point[k] for k in bound})
    assert not bound & set(partly.inputs)
    same(compile_python(partly, NAMES)(*at)[0], "bind")
    wholly = program.bind(point)
    same(compile_python(wholly)()[0], "bind everything")
    stored = Program.from_json(program.to_json())
    assert stored == program
    same(compile_python(stored, NAMES)(*at)[0], "JSON")
    arrays = [np.full(5, v) for v in at]
    for way, function in (("arrays", ArrayFunction(program, NAMES)), ("chunks", ArrayFunction(partly, NAMES, chunk=2))):
        for value in function(*arrays)[0]:
            same(float(value), way)
    same(float(ArrayFunction(small, NAMES)(*at)[0]), "arrays of scalars")


@given(TREES)
def test_recording_a_formula_twice_adds_nothing(tree: Tree) -> None:
    tape = Tape()
    nodes = {n: tape.input(n) for n in NAMES}
    first = build(tree, nodes)
    length = len(tape.operations)
    second = build(tree, nodes)
    assert len(tape.operations) == length
    if isinstance(first, Node):
        assert first.index == second.index


def inputs(*names: str) -> tuple[Tape, list[Any]]:
    tape = Tape()
    return tape, [tape.input(n) for n in names]


def test_equal_operations_are_recorded_once() -> None:
    tape, (x, y) = inputs("x", "y")
    assert (x * y).index == (y * x).index
    assert (x + y).index == (y + x).index
    assert (x / y).index == (x * (1 / y)).index
    assert tape.input("x").index == x.index
    assert Max(x, y, x).index == Max(x, y).index
    assert Max(x, x).index == x.index
    assert Min(x, y).index != Max(x, y).index
    assert name(x, "a.b").index == name(x, "a.b").index != name(x, "a.c").index
    assert (2 * (3 * x)).index == (6 * x).index
    assert ((x**2) ** 3).index == (x**6).index
    assert (1 / (1 / x)).index == x.index
    assert (x**1).index == (x * 1).index == (x + 0).index == (x - 0).index == x.index


def test_a_root_of_an_even_power_keeps_its_sign() -> None:
    tape, (x, y) = inputs("x", "y")
    program = Program.of(tape, {"distance": sqrt((x - y) ** 2), "back": sqrt(x - y) ** 2})
    assert compile_python(program.select({"o": program.outputs["distance"]}))(1.0, 5.0) == (4.0,)
    assert compile_python(program.select({"o": program.outputs["back"]}))(5.0, 1.0) == (4.0,)


def test_constants_stay_exact() -> None:
    tape, (x,) = inputs("x")
    huge = 10**30
    program = Program.of(tape, {"o": x * huge * Fraction(1, 3) * 3, "p": tape.constant(Fraction(6, 3)), "q": x**-1})
    constants = [o[2] for o in program.operations if o[0] == "const"]
    assert huge in constants
    assert all(type(c) in (int, Fraction) for c in constants)
    assert program.operations[program.outputs["p"]] == ("const", (), 2)


def test_an_exact_and_a_rounded_constant_are_kept_apart() -> None:
    tape = Tape()
    assert tape.constant(1).index != tape.constant(1.0).index
    assert tape.constant(Fraction(1)).index == tape.constant(1).index


def test_numbers_of_numpy_become_plain_numbers() -> None:
    tape, (x,) = inputs("x")
    program = Program.of(tape, {"o": x * np.int64(3) + np.float64(0.5) + np.float32(0.25)})
    assert all(type(o[2]) in (int, float) for o in program.operations if o[0] == "const")
    assert Program.from_json(program.to_json()) == program
    assert compile_python(program)(2.0) == (6.75,)
    assert isinstance(np.float64(2.0) * x, Node)
    assert isinstance(np.int64(2) + x, Node)


@pytest.mark.parametrize("absent", [None, "5 GB", [1], 1j])
def test_what_is_no_number_is_a_type_error_as_with_numbers(absent: Any) -> None:
    tape, (x,) = inputs("x")
    for compute in (
        lambda: x + absent,
        lambda: x * absent,
        lambda: x / absent,
        lambda: x**absent,
        lambda: Max(x, absent),
        lambda: tape.constant(absent),
    ):
        with pytest.raises(TypeError):
            compute()


def test_a_node_has_no_truth_value_and_no_order() -> None:
    _, (x, y) = inputs("x", "y")
    with pytest.raises(SymarchError, match="no truth value; use Min and Max"):
        bool(x)
    for compare in (operator.lt, operator.le, operator.gt, operator.ge):
        for other in (y, 3):
            with pytest.raises(SymarchError, match="cannot be compared; use Min and Max"):
                compare(x, other)
    with pytest.raises(SymarchError):
        max(x, y)
    with pytest.raises(TypeError):
        float(x)


def test_names_and_marks_are_found_and_survive_selection() -> None:
    tape, (x, y) = inputs("x", "y")
    rate = name(x * y, "hbf.rate")
    other = name(x + y, "hbf.other")
    time = mark(1 / rate, "hbf", "weights read", "mlp")
    energy = mark(rate, "hbf", "weights read", "mlp", "J")
    program = Program.of(tape, {"t": time, "u": other, "e": energy})
    assert program.marks("s") == {time.index: ("hbf", "weights read", "mlp")}
    assert program.marks("J") == {energy.index: ("hbf", "weights read", "mlp")}
    assert program.operations[program.names["hbf.rate"]][0] == "name"
    small = program.select({"t": program.outputs["t"]})
    assert set(small.names) == {"hbf.rate"}
    assert list(small.marks("s").values()) == [("hbf", "weights read", "mlp")]
    assert small.marks("J") == {}
    assert Program.from_json(small.to_json()).marks("s") == small.marks("s")


def test_a_label_on_a_number_is_dropped() -> None:
    tape, _ = inputs("x")
    assert name(tape.constant(3), "a.b").index == tape.constant(3).index
    assert mark(3.0, "a", "b", "c") == 3.0


def test_selection_keeps_only_what_is_needed() -> None:
    tape, (x, y, z) = inputs("x", "y", "z")
    program = Program.of(tape, {"a": x + y, "b": exp(z) * 3, "c": 7})
    assert program.inputs == ("x", "y", "z")
    assert program.select({"a": program.outputs["a"]}).inputs == ("x", "y")
    only = program.select({"c": program.outputs["c"]})
    assert only.operations == (("const", (), 7),)


def test_binding_folds_what_the_bound_inputs_decide() -> None:
    tape, (x, y) = inputs("x", "y")
    program = Program.of(tape, {"o": ceil(x / 3) * y + name(x, "n"), "k": x * 2, "w": mean_max(x, 1, y, 2, 3)})
    bound = program.bind({"x": 10.0, "unknown": 3.0})
    assert bound.inputs == ("y",)
    assert not bound.names
    assert not any(o[0] == "ceil" for o in bound.operations)
    assert bound.operations[bound.outputs["k"]] == ("const", (), 20.0)


def test_nested_formulas_of_any_depth_can_be_recorded_and_handled() -> None:
    tape, (x,) = inputs("x")
    deep: Any = x
    for i in range(5000):
        deep = Max(deep * 0.5, deep + 1.5) if i % 2 else exp(-deep)
    program = Program.of(tape, {"o": deep})
    value = evaluate(program, {"x": 1.0})[-1]
    assert compile_python(Program.from_json(program.to_json()).pruned())(1.0)[0] == pytest.approx(value, rel=1e-12)


def test_json_holds_data_only_and_keeps_every_constant() -> None:
    tape, (x,) = inputs("x")
    values = [Fraction(1, 3), 10**40, 0.1, math.inf, -math.inf, 5e-324, -7]
    program = Program.of(tape, {f"o{i}": Max(x, v) for i, v in enumerate(values)})
    stored = Program.from_json(program.to_json())
    assert stored == program
    assert [(type(a[2]), a[2]) for a in stored.operations] == [(type(a[2]), a[2]) for a in program.operations]
    json.loads(program.to_json(), parse_constant=lambda _: pytest.fail("not standard JSON"))


GOOD: list[list[Any]] = [["input", [], "x"], ["const", [], 2], ["max", [0, 1], None]]
BAD_ROWS: list[Any] = [
    None,
    7,
    "const",
    [],
    ["const", []],
    ["const", [], 2, 3],
    ["const", [0], 2],
    ["const", [], None],
    ["const", [], True],
    ["const", [], "__import__('os')"],
    ["const", [], {"fraction": [1, 0]}],
    ["const", [], {"fraction": ["a"]}],
    ["const", [], {"float": "x"}],
    ["const", [], {"other": 1}],
    ["const", [], [1]],
    ["input", [], None],
    ["input", [], 7],
    ["input", [], ["x"]],
    ["evil", [0], None],
    ["__class__", [0], None],
    [["max"], [0, 1], None],
    [{}, [0, 1], None],
    ["max", [], None],
    ["max", [0], None],
    ["max", [0, 3], None],
    ["max", [0, 4], None],
    ["max", [0, -1], None],
    ["max", [0, 1.0], None],
    ["max", [0, True], None],
    ["max", [0, "1"], None],
    ["max", [0, None], None],
    ["max", 7, None],
    ["max", None, None],
    ["max", [0, 1], "attribute"],
    ["pow", [0], None],
    ["pow", [0, 1, 2], None],
    ["ceil", [0, 1], None],
    ["add", [0], None],
    ["overlap", [0, 1], None],
    ["overlap", [0, 1], "2"],
    ["overlap", [0, 1], 0.5],
    ["overlap", [0, 1], {"float": "nan"}],
    ["mean_max", [0, 1], None],
    ["mean_max", [0, 1, 2, 0], None],
    ["item", [0], 0],
    ["item", [2], "0"],
    ["first_max", [0, 1], 2],
    ["first_max", [0, 1], -1],
    ["first_min", [0, 1], None],
    ["first_min", [0, 1], 0.5],
    ["mark", [0], None],
    ["mark", [0], ["a", "b"]],
    ["mark", [0], ["a", "b", 3]],
    ["name", [0], 3],
    ["name", [0, 1], "n"],
]


@pytest.mark.parametrize("row", BAD_ROWS)
def test_a_malformed_operation_is_refused_with_its_number(row: Any) -> None:
    text = json.dumps({"symarch_program": 1, "operations": [*GOOD, row], "outputs": {"o": 2}})
    with pytest.raises(SymarchError, match="operation 3 of the stored program is malformed"):
        Program.from_json(text)


def test_a_vector_of_weights_is_nothing_to_compute_with() -> None:
    weights = ["mean_max_weights", [0, 1, 1, 0, 0], None]
    good = {"symarch_program": 1, "operations": [*GOOD, weights, ["item", [3], 3]], "outputs": {"o": 4}}
    assert Program.from_json(json.dumps(good)).outputs == {"o": 4}
    for row in (["max", [0, 3], None], ["ceil", [3], None], ["item", [3], 4], ["name", [3], "n"]):
        with pytest.raises(SymarchError, match="operation 4"):
            Program.from_json(json.dumps(good | {"operations": [*GOOD, weights, row]}))
    with pytest.raises(SymarchError, match="output 'o'"):
        Program.from_json(json.dumps(good | {"outputs": {"o": 3}}))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        "null",
        "7",
        '{"symarch_program": 2, "operations": [], "outputs": {}}',
        '{"symarch_program": 1}',
        '{"symarch_program": 1, "operations": {}, "outputs": {}}',
        '{"symarch_program": 1, "operations": [], "outputs": []}',
        '{"symarch_program": 1, "operations": [], "outputs": {"o": 0}}',
        '{"symarch_program": 1, "operations": [["const", [], 1]], "outputs": {"o": -1}}',
        '{"symarch_program": 1, "operations": [["const", [], 1]], "outputs": {"o": true}}',
        '{"symarch_program": 1, "operations": [["const", [], 1]], "outputs": {"o": "0"}}',
        '{"symarch_program": 1, "operations": [["const", [], 1]], "outputs": {"o": null}}',
        "[" * 100_000,
    ],
)
def test_what_is_not_a_stored_program_is_refused(text: str) -> None:
    with pytest.raises(SymarchError, match="program"):
        Program.from_json(text)
