"""C and JavaScript are compiled and run: they must give what Python gives, to 1e-12."""

from __future__ import annotations

import ctypes
import json
import math
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import symarch
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
    gradient,
    log,
    log2,
    mark,
    mean_max,
    name,
    overlap,
    sqrt,
    to_c,
    to_javascript,
    total,
)

FLAGS = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-fno-math-errno"]
COMPILER = next((found for c in ("cc", "gcc", "clang") if (found := shutil.which(c))), None)
NODE = shutil.which("node")

Case = tuple[Program, Sequence[Sequence[float]]]


def run_c(cases: Sequence[Case], folder: Path) -> list[list[list[float]]]:
    if COMPILER is None:
        pytest.skip("no C compiler (cc, gcc or clang) is installed, so printed C cannot be run")
    source, library = folder / "programs.c", folder / "programs.so"
    source.write_text("".join(to_c(program, f"p{k}") for k, (program, _) in enumerate(cases)))
    done = subprocess.run(
        [COMPILER, *FLAGS, "-shared", "-fPIC", "-o", str(library), str(source), "-lm"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[:2000]
    loaded = ctypes.CDLL(str(library))
    results = []
    for k, (program, points) in enumerate(cases):
        function = getattr(loaded, f"p{k}")
        function.restype = None
        out = (ctypes.c_double * len(program.outputs))()
        rows = []
        for point in points:
            function((ctypes.c_double * len(point))(*point), out)
            rows.append(list(out))
        results.append(rows)
    return results


def run_javascript(cases: Sequence[Case], folder: Path) -> list[list[list[float]]]:
    if NODE is None:
        pytest.skip("node is not installed, so printed JavaScript cannot be run")
    parts = ['"use strict";']
    for k, (program, points) in enumerate(cases):
        parts.append(to_javascript(program, f"p{k}"))
        listed = json.dumps([list(p) for p in points])
        parts.append(f"console.log(JSON.stringify({listed}.map(point => p{k}(point).map(String))));")
    script = folder / "programs.js"
    script.write_text("\n".join(parts))
    done = subprocess.run([NODE, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:2000]
    return [[[float(v) for v in row] for row in json.loads(line)] for line in done.stdout.splitlines()]


RUNNERS = {"c": run_c, "javascript": run_javascript}


@pytest.fixture(params=list(RUNNERS))
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Sequence[Case]], list[list[list[float]]]]:
    return lambda cases: RUNNERS[request.param](cases, tmp_path)


def agree(found: Sequence[float], due: Sequence[float], residue: float = 0.0) -> None:
    """Hold values to 1e-12; `residue`, of the largest of them, is what may be left of terms that cancel."""
    rest = residue * max((abs(d) for d in due if math.isfinite(d)), default=0.0)
    for a, b in zip(found, due, strict=True):
        assert a == b or (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-12, abs_tol=rest), (a, b)


def check(run: Any, cases: Sequence[Case], residue: float = 0.0) -> None:
    for (program, points), rows in zip(cases, run(cases), strict=True):
        compiled = compile_python(program)
        for point, row in zip(points, rows, strict=True):
            agree(row, compiled(*point), residue)


def build(function: Callable[..., Any], *names: str) -> Program:
    tape = Tape()
    results = function(*(tape.input(n) for n in names))
    many = results if isinstance(results, list) else [results]
    return Program.of(tape, {str(i): r for i, r in enumerate(many)})


def random_program(seed: int) -> Program:
    """Draw a program over four inputs whose values stay positive and moderate."""
    draw = random.Random(seed)
    tape = Tape()
    pool: list[Any] = [tape.input(n) for n in "abcd"]

    def pick(count: int) -> list[Any]:
        return [draw.choice(pool[-12:]) if draw.random() < 0.8 else draw.randint(1, 9) / 4 for _ in range(count)]

    def one() -> Any:
        x, y, z = pick(3)
        kind = draw.randrange(16)
        if kind == 0:
            return total(pick(draw.randint(2, 5)))
        if kind == 1:
            return x * y / z
        if kind == 2:
            return Max(*pick(draw.randint(2, 4)))
        if kind == 3:
            return Min(*pick(draw.randint(2, 4)))
        if kind == 4:
            return overlap(draw.choice([1.5, 2, 3, 60]), *pick(draw.randint(2, 4)))
        if kind == 5:
            return mean_max(draw.choice([1, 2, 3, 17, 1000, ceil(x)]), *pick(2 * draw.randint(2, 4)))
        if kind == 6:
            return sqrt(x + y)
        if kind == 7:
            return log(1 + x) + log2(1 + y)
        if kind == 8:
            return exp(-x) + z
        if kind == 9:
            return ceil(x) + floor(4 * y) + z
        if kind == 10:
            return (x + 0.5) ** draw.choice([-3, -2, 2, 3, 4, 5, 0.3, -1.7])
        if kind == 11:
            return x / (y + 0.25)
        if kind == 12:
            return Max(x - y, 0) + z
        if kind == 13:
            return (x + 1) ** Min(y, 2)
        if kind == 14:
            return mark(x, "resource", "cause", "operator") * Fraction(1, 3)
        return name(x * 3 - Min(x, y), "definition")

    for _ in range(draw.randint(5, 40)):
        value = one()
        pool.append(value if not isinstance(value, Node) else Min(Max(value, 1e-3), 1e3))
    outputs = {f"o{k}": v for k, v in enumerate(pool[-3:])}
    return Program.of(tape, outputs)


def points_for(program: Program, seed: int, count: int = 4) -> list[list[float]]:
    draw = random.Random(-1 - seed)
    return [[draw.choice([0.5, 1.0, 2.0, draw.uniform(0.1, 5)]) for _ in program.inputs] for _ in range(count)]


def test_random_programs_and_their_derivatives_give_what_python_gives(run: Any) -> None:
    cases = []
    for seed in range(120):
        program = random_program(seed)
        cases.append((program, points_for(program, seed)))
        where = [i for i, o in enumerate(program.operations) if o[0] == "input"]
        slopes = gradient(program, "o2", where)
        cases.append((slopes, points_for(slopes, seed)))
    check(run, cases, residue=1e-14)


@pytest.mark.parametrize("order", ["2", "1", "3.5", "inf"])
def test_a_whole_system_gives_what_python_gives(run: Any, order: str) -> None:
    system = symarch.load_system("h200-hbf-8", {"gpu.overlap": order})
    analysis = symarch.analyze(system, symarch.load_model("llama-3.1-70b"))
    recorded = analysis.recorded()
    draw = random.Random(7)
    programs = [recorded.program]
    for metric in ("ttft", "tpot", "energy_per_token"):
        alone = recorded.program.select({metric: recorded.program.outputs[f"metric.{metric}"]})
        targets = [i for i, o in enumerate(alone.operations) if o[0] in ("input", "name")]
        programs.append(gradient(alone, metric, targets))
    cases = []
    for program in programs:
        base = [recorded.symbols[n].value for n in program.inputs]
        whole = [recorded.symbols[n].integer for n in program.inputs]
        others = [
            [v * draw.choice([1, 2, 5]) if w else v * draw.uniform(0.8, 1.2) for v, w in zip(base, whole, strict=True)]
            for _ in range(3)
        ]
        cases.append((program, [base, *others]))
    check(run, cases)


def test_infinite_and_tiny_constants_are_exact(run: Any) -> None:
    values: list[Any] = [
        math.inf,
        -math.inf,
        5e-324,
        1.7976931348623157e308,
        0.1,
        -0.1,
        1 / 3,
        1e22,
        10**25,
        Fraction(1, 7),
        -3,
    ]
    program = Program.of(Tape(), {str(k): v for k, v in enumerate(values)})
    assert run([(program, [[]])]) == [[[float(v) for v in values]]]


def test_whole_numbers_do_not_divide_as_integers(run: Any) -> None:
    check(run, [(build(lambda x: [1 / (2 * x), Fraction(1, 2) * x, 3 / (x + 1), x**-1 / 2], "x"), [[1.0], [3.0]])])


def test_powers_with_variable_exponents(run: Any) -> None:
    program = build(lambda x, y: [x**y, (x * x) ** (y + 1)], "x", "y")
    check(run, [(program, [[1.0, 2.0], [2.0, -1.5], [-1.0, 4.0], [0.5, 0.0], [0.0, 2.5]])])


def test_one_to_the_infinite_power_is_not_nan(run: Any) -> None:
    # an infinity that arises on the way, as 1/0 does in C and JavaScript
    program = build(lambda x, y: [x ** (1 / y), x ** (-1 / y)], "x", "y")
    [[row]] = run([(program, [[1.0, 0.0]])])
    assert row == [1.0, 1.0]


@pytest.mark.parametrize("operation", ["first_max", "first_min"])
def test_the_first_of_equals_wins(run: Any, operation: str) -> None:
    tape = Tape()
    nodes = [tape.input(n) for n in "abc"]
    program = Program.of(tape, {str(k): tape.record(operation, nodes, k) for k in range(3)})
    points = [[a, b, c] for a in (1.0, 2.0, 3.0) for b in (1.0, 2.0, 3.0) for c in (1.0, 2.0, 3.0)]
    cases: list[Case] = [(program, points)]
    for combine in (Max, Min):
        for target in range(3):
            whole = build(lambda *x, f=combine: f(*x) * 2, *"abc")
            where = [i for i, o in enumerate(whole.operations) if o[0] == "input"]
            cases.append((gradient(whole, "0", [where[target]]), points))
    check(run, cases)


def test_a_factor_of_the_winner_is_not_spoiled_by_the_loser(run: Any) -> None:
    # 0 * inf is nan: what did not win is left out, not multiplied by 0
    tape = Tape()
    x, y = tape.input("x"), tape.input("y")
    program = Program.of(tape, {"f": tape.record("first_max", (x, y), 0) * (1 / (y - 2))})
    [[row]] = run([(program, [[1.0, 2.0]])])
    assert row == [0.0]


@pytest.mark.parametrize("count", [2.0, 3.0, 10.0, 255.0])
def test_means_are_cut_where_lines_cross(run: Any, count: float) -> None:
    draw = random.Random(int(count))
    names = [f"e{k}" for k in range(8)]
    program = build(lambda *e: mean_max(*e), "count", *names)
    slopes = gradient(program, "0", [i for i, o in enumerate(program.operations) if o[0] == "input"][1:])
    points = [[count, *(draw.choice([1.0, 2.0, draw.uniform(0, 3)]) for _ in names)] for _ in range(60)]
    check(run, [(program, points), (slopes, points)])


def test_wide_and_deep_programs_compile(run: Any) -> None:
    def deep(x: Any) -> Any:
        for _ in range(400):
            x = 1 / (x + 1) + x
        return x

    names = [f"i{k}" for k in range(300)]
    wide = build(lambda *x: [total(x), Max(*x), Min(*x), overlap(2, *x), overlap(3, *x)], *names)
    check(run, [(build(deep, "x"), [[0.7]]), (wide, [[0.5 + k % 7 for k in range(300)]])])


def test_differences_and_quotients_keep_their_sense(run: Any) -> None:
    program = build(
        lambda x, y, z: [x - y, -x, -x - y, -(x - y), 1 / x / y, x / (y / z), -1 / x, 2 - (-x), -x * y, Max(-x, -y)],
        *"xyz",
    )
    check(run, [(program, [[1.5, 2.5, 4.0], [3.0, 0.5, 7.0]])])


def test_the_order_of_inputs_can_be_chosen_and_unused_ones_are_taken() -> None:
    program = build(lambda x, y: x - y, "x", "y")
    assert "in[2]" in to_c(program, inputs=["y", "unused", "x"])
    assert "in[1]" not in to_c(program, inputs=["y", "unused", "x"])
    assert "values[2]" in to_javascript(program, inputs=["y", "unused", "x"])
    with pytest.raises(SymarchError, match="no value is given for x"):
        to_c(program, inputs=["y"])


HOSTILE = [
    "*/ system(0); /*",
    "x; process.exit()",
    '"',
    "\n}",
    "`${1}`",
    "</script>",
    "in",
    "\\",
    "e\u0301",
    "constructor",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("printer", [to_c, to_javascript, lambda p: compile_python(p).source])
def test_no_name_or_label_reaches_the_code(printer: Any, text: str) -> None:
    def printed(word: str) -> str:
        tape = Tape()
        x = mark(name(tape.input(word) * 2, word), word, word, word)
        return str(printer(Program.of(tape, {word: Max(x + 1, x * x), f"{word}2": overlap(3, x, 2)})))

    assert printed(text) == printed("harmless")


WRONG = [
    "",
    "1f",
    "f g",
    "f;",
    "f(",
    "in",
    "return",
    "double",
    "function",
    "int",
    "sqrt",
    "Math",
    "é",
    "_f",
    "f\n",
    "eval",
]


@pytest.mark.parametrize("wrong", WRONG)
def test_the_name_of_the_function_is_checked(wrong: str) -> None:
    program = build(lambda x: x + 1, "x")
    for printer in (to_c, to_javascript):
        with pytest.raises(SymarchError, match="name of a printed function"):
            printer(program, wrong)


def test_every_constant_in_c_is_floating() -> None:
    text = to_c(build(lambda x: [x * 2**40, x / 3, x**2 * 7, Max(x, 5)], "x"))
    body = text[text.index("{") :]
    for number in re.findall(r"(?<![\w.\[])\d[\w.+-]*", body):
        assert re.fullmatch(r"\d+\.\d*(e[+-]?\d+)?|\d+e[+-]?\d+", number), number


def test_only_helpers_in_use_are_printed() -> None:
    plain = build(lambda x: x + 1, "x")
    assert "static" not in to_c(plain)
    assert to_javascript(plain).count("function") == 1
    both = build(lambda x, y: mean_max(4, x, y, y, x), "x", "y")
    assert "static double g_mean_max(" in to_c(both, "g")
    assert "weights" not in to_c(both, "g")


def test_nothing_in_and_nothing_out(run: Any) -> None:
    assert run([(Program.of(Tape(), {}), [[]]), (Program.of(Tape(), {"one": 1}), [[]])]) == [[[]], [[1.0]]]
