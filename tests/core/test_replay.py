from __future__ import annotations

import math
from typing import Any

import pytest
import sympy

import symarch
from symarch.formula import Regime, Sums, full
from symarch.program import Max, Min, Program, Tape, ceil, exp, floor, log, log2, mark, mean_max, name, overlap, sqrt
from symarch.program.derivatives import evaluate
from symarch.sensitivity.terms import known_of


def number(expression: Any, values: dict[str, float]) -> float:
    return float(expression.subs({sympy.Symbol(n, positive=True): v for n, v in values.items()}).evalf(20))


FORMULAS = {
    "max": lambda a, b, c: Max(a, b * 2, c),
    "min": lambda a, b, c: Min(a, b * 2, c, 5),
    "round": lambda a, b, c: ceil(a * 3) + floor(b / 2) * c,
    "roots": lambda a, b, c: sqrt(a) + b**1.5 - c**-2 + 2**a,
    "logs": lambda a, b, c: log(a) + log2(b) + exp(-c),
    "p1": lambda a, b, c: overlap(1, a, b, c),
    "p2": lambda a, b, c: overlap(2, a, b, c),
    "p2.5": lambda a, b, c: overlap(2.5, a, b, c),
    "inf": lambda a, b, c: overlap(math.inf, a, b, c),
    "mean": lambda a, b, c: mean_max(7, a, b, b, c, c, a),
    "labels": lambda a, b, c: mark(name(a * b, "x.y"), "r", "c", "o") + c / 3,
    "mixed": lambda a, b, c: (Max(a, b) - Min(b, c)) / (a + 1) * 0.1 + Max(0, a - b),
}


@pytest.mark.parametrize("key", FORMULAS)
@pytest.mark.parametrize("point", [(0.7, 1.9, 3.1), (3.1, 0.7, 1.9), (1.9, 3.1, 0.7), (2.0, 1.0, 2.0)])
def test_a_replayed_program_is_the_same_function(key: str, point: tuple[float, float, float]) -> None:
    tape = Tape()
    a, b, c = (tape.input(n) for n in "abc")
    program = Program.of(tape, {"f": FORMULAS[key](a, b, c)})
    values = dict(zip("abc", point, strict=True))
    due = evaluate(program, values)
    index = program.outputs["f"]
    assert number(full(program, index), values) == pytest.approx(due[index], rel=1e-12)
    sums = Sums(known_of(program, due))
    for short in (False, True):
        regime = Regime.at(program, [index], due, sums, short=short)
        expression = sums.written(regime.of[0])
        inner = {n: number(e, values) for n, e in regime.definitions([expression]).items()}
        assert number(expression, values | inner) == pytest.approx(due[index], rel=1e-12)


def test_integers_stay_integers() -> None:
    tape = Tape()
    program = Program.of(tape, {"f": tape.input("x") * 4096 / 3 + 7})
    expression = full(program, program.outputs["f"])
    assert expression == sympy.Rational(4096, 3) * sympy.Symbol("x", positive=True) + 7


def test_definitions_are_named_and_not_inlined() -> None:
    found = symarch.analyze(symarch.load_system("h200-hbf-8"), symarch.load_model("llama-3.1-8b"), phase="decode")
    formula = found.formula("tpot")
    names = {str(s) for s in formula.expressions[0].free_symbols}
    assert "hbf.read_bandwidth" in names
    assert "hbf.read_time" not in {n for n in names if n.startswith("hbf.read_bandwidth")}
    read = formula.definitions["hbf.read_bandwidth"]
    parts = {"hbf.array_bandwidth", "hbf.array_efficiency", "hbf.interface_bandwidth"}
    assert {str(s) for s in read.free_symbols} == parts
    assert read.func.__name__ == "Min"
    array = formula.definitions["hbf.array_bandwidth"]
    hbf = {n: sympy.Symbol(f"hbf.{n}", positive=True) for n in ("stacks", "dies", "planes", "page", "read_time")}
    assert sympy.simplify(array - hbf["stacks"] * hbf["dies"] * hbf["planes"] * hbf["page"] / hbf["read_time"]) == 0


def test_in_a_regime_the_winner_stands_and_definitions_stay_as_the_plugin_states_them() -> None:
    tape = Tape()
    a, b = tape.input("a"), tape.input("b")
    rate = name(Min(a, b), "m.rate")
    program = Program.of(tape, {"f": Max(1 / rate, a * 3)})

    def regime(point: dict[str, float]) -> tuple[set[str], Any]:
        values = evaluate(program, point)
        sums = Sums(known_of(program, values))
        found = Regime.at(program, [program.outputs["f"]], values, sums)
        expression = sums.written(found.of[0])
        return {str(s) for s in expression.free_symbols}, found.definitions([expression])

    names, definitions = regime({"a": 0.1, "b": 2.0})
    assert names == {"m.rate"}
    assert definitions["m.rate"].func.__name__ == "Min"
    assert regime({"a": 9.0, "b": 2.0}) == ({"a"}, {})


def test_latex_and_text_of_a_metric_can_be_printed() -> None:
    found = symarch.analyze(
        symarch.load_system("h100-sxm"), symarch.load_model("llama-2-7b"), phase="decode", ideal=True
    )
    told = found.explain("tpot", context=100)
    for term in told.terms:
        assert sympy.latex(term.expression)
        assert str(term.expression)
    assert sympy.latex(found.formula("tpot").expressions[0])


@pytest.mark.parametrize("metric", ["ttft", "tpot", "request_time", "energy_per_token", "cost_per_million_tokens"])
@pytest.mark.parametrize("order", [1.0, math.inf])
@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("h100-sxm-8", "llama-3.1-70b"),
        ("h100-sxm-8", "mixtral-8x7b"),
        ("h200-hbf-8", "deepseek-v3"),
        ("b200-hbf-8", "jamba-v0.1"),
        ("stratum", "deepseek-v3"),  # a limit on temperature at work
        ("tpu-v6e-8", "deepseek-v3"),  # tiles of every product
    ],
)
def test_a_closed_form_has_at_most_100_operations_and_is_exact(
    name: str, model: str, order: float, metric: str
) -> None:
    analysis = symarch.analyze(symarch.load_system(name), symarch.load_model(model)).at_order(order)
    if metric in analysis.recorded().missing:
        pytest.skip(f"{name} has no price")
    why = analysis.explain(metric, batch=16)
    stated = why.terms[: why.leading]
    operations = sum(t.expression.count_ops() + 1 for t in stated) - 1 + bool(why.rest)
    assert operations <= 100
    assert math.fsum(t.share for t in why.rest) < 0.05
    for term in why.terms:
        at = {s: why.values[str(s)] for s in term.expression.free_symbols}
        assert float(term.expression.xreplace(at)) == pytest.approx(term.value, rel=1e-9)
    assert math.fsum(t.value for t in why.terms) == pytest.approx(why.value, rel=1e-12)
    for definition, expression in why.definitions.items():
        at = {s: why.values[str(s)] for s in expression.free_symbols}
        assert float(expression.xreplace(at)) == pytest.approx(why.values[definition], rel=1e-9)
