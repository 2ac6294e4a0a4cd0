from __future__ import annotations

import math
from typing import Any

import pytest

import symarch
from symarch.formula import Regime, Sums, symbol
from symarch.formula.sums import Sum
from symarch.program import Max, Node, Program, Tape
from symarch.program.derivatives import evaluate
from symarch.sensitivity.amounts import Amounts

TAPE = Tape()
BATCH, PROMPT, RATE, WIDTH, ENERGY = map(TAPE.input, ("batch", "prompt", "m.rate", "dtype.weights", "c.energy"))
AT = {"batch": 7.0, "prompt": 11.0, "m.rate": 1.3, "dtype.weights": 2.0, "c.energy": 0.7}
LLAMA = symarch.load_model("llama-3.1-8b")


def total(sums: Sums, node: Any) -> Sum:
    program = Program.of(TAPE, {"f": node})
    return Regime.at(program, [program.outputs["f"]], evaluate(program, AT), sums).of[0]


def term(amounts: Amounts, node: Any) -> Any:
    return amounts.sums.written(amounts.term(total(amounts.sums, node)))


@pytest.mark.parametrize(
    "whole",
    [
        3 * (BATCH * (PROMPT + 1) * WIDTH / RATE) + 2 * (BATCH * WIDTH / RATE),
        (BATCH + 5 * PROMPT) * (ENERGY + WIDTH) / RATE + 0.25 * (PROMPT**2 * ENERGY / RATE),
        1 / (Max(BATCH * WIDTH, PROMPT + 2) / RATE) + 7 * ((BATCH + 1) / (RATE * (PROMPT + 1) + ENERGY)),
        4 / RATE,
    ],
)
def test_a_term_is_the_sum_of_its_parts_once_amounts_are_written_out(whole: Node) -> None:
    program = Program.of(TAPE, {"f": whole})
    due = evaluate(program, AT)[program.outputs["f"]]
    amounts = Amounts("N", Sums(AT))
    found = term(amounts, whole)
    spelled = found.xreplace({symbol(n): e for n, e in amounts.definitions.items()})
    assert float(spelled.xreplace({symbol(n): v for n, v in AT.items()})) == pytest.approx(due, rel=1e-14)
    named = {s: amounts.sums.values[str(s)] for s in found.free_symbols}
    assert float(found.xreplace(named)) == pytest.approx(due, rel=1e-14)
    # an amount is a function of the workload alone
    assert all("." not in str(s) for e in amounts.definitions.values() for s in e.free_symbols)


def test_what_rounding_leaves_of_parts_that_cancel_is_no_part() -> None:
    amounts = Amounts("N", Sums(AT))
    left = 0.1 + 0.2 - 0.3
    assert left != 0
    assert term(amounts, BATCH * RATE + left * BATCH * ENERGY) == symbol("batch") * symbol("m.rate")


def test_equal_amounts_have_one_name_in_all_terms() -> None:
    amounts = Amounts("N", Sums(AT))
    first = term(amounts, 2 * (BATCH * (PROMPT + 1) * WIDTH / RATE))
    second = term(amounts, 6 * ((BATCH * PROMPT + BATCH) * ENERGY))
    batch, prompt, rate, width, energy, n1 = map(symbol, (*AT, "N1"))
    assert dict(amounts.definitions) == {"N1": batch * (prompt + 1)}
    assert (first, second) == (2 * n1 * width / rate, 6 * n1 * energy)


@pytest.mark.parametrize(
    ("name", "settings", "options", "metrics"),
    [
        ("h100-sxm-8", {}, {"continuous": True, "chunk": 512}, ("tpot", "energy_per_token")),
        ("h100-sxm-8", {}, {"continuous": True, "step_tokens": 1024}, ("ttft",)),
        ("h100-sxm-8", {}, {"prefix": 1003, "chunk": 512, "hit_rate": 0.6}, ("request_time",)),
        ("h100-sxm-8", {}, {"draft": 3, "acceptance": 0.7}, ("request_time",)),
        ("h100-sxm-8", {"mapping.hide": "0.7"}, {}, ("request_time",)),
        ("h100-h200-apart", {}, {}, ("request_time", "energy_per_token", "cost_per_million_tokens")),
        ("h200-l40s-apart", {}, {}, ("request_time", "energy_per_token")),
    ],
)
def test_closed_forms_are_short_and_whole_however_a_model_is_served(
    name: str, settings: dict[str, str], options: dict[str, Any], metrics: tuple[str, ...]
) -> None:
    analysis = symarch.analyze(symarch.load_system(name, settings), LLAMA, **options)
    for metric in metrics:
        why = analysis.explain(metric, batch=41, prompt=3001, output=203)
        for form in (why, *([why.roofline] if why.roofline else [])):
            operations = sum(t.expression.count_ops() + 1 for t in form.terms[: form.leading]) - 1 + bool(form.rest)
            assert operations <= 100
            assert math.fsum(t.share for t in form.rest) < 0.05
            assert math.fsum(t.share for t in form.terms) == pytest.approx(1, rel=1e-12)
            for term in form.terms:
                for expression in (term.expression, form.spelled(term)):
                    at = {s: form.values[str(s)] for s in expression.free_symbols}
                    assert float(expression.xreplace(at)) == pytest.approx(term.value, rel=1e-9)
            # both forms stand on one page: their amounts have names of their own
            assert {n[0] for n in form.amounts} <= {"N" if form.order in (1, math.inf) or form.unit != "s" else "W"}
