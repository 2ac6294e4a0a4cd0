from __future__ import annotations

import math
from typing import Any

import pytest
import sympy

import symarch
from symarch.formula.lazy import Max
from symarch.formula.symbols import symbol
from symarch.sensitivity.amounts import Amounts

BATCH, PROMPT, RATE, WIDTH, ENERGY = map(symbol, ("batch", "prompt", "m.rate", "dtype.weights", "c.energy"))
LLAMA = symarch.load_model("llama-3.1-8b")


def spelled(amounts: Amounts, found: Any) -> Any:
    return found.xreplace({symbol(n): e for n, e in amounts.definitions.items()})


@pytest.mark.parametrize(
    "parts",
    [
        [(3, BATCH * (PROMPT + 1) * WIDTH / RATE), (2, BATCH * WIDTH / RATE)],
        [(1, (BATCH + 5 * PROMPT) * (ENERGY + WIDTH) / RATE), (0.25, PROMPT**2 * ENERGY / RATE)],
        [(1, Max(BATCH * WIDTH, PROMPT + 2) / RATE), (7, (BATCH + 1) / (RATE * (PROMPT + 1) + ENERGY))],
        [(1, sympy.Integer(4) / RATE)],
    ],
)
def test_a_term_is_the_sum_of_its_parts_once_amounts_are_written_out(parts: list[tuple[Any, Any]]) -> None:
    at = dict(zip((BATCH, PROMPT, RATE, WIDTH, ENERGY), (7, 11, 1.3, 2, 0.7), strict=True))
    amounts = Amounts("N", {s.name: float(v) for s, v in at.items()})
    found = amounts.term(parts)
    whole = sum(weight * float(e.xreplace(at)) for weight, e in parts)
    assert float(spelled(amounts, found).xreplace(at)) == pytest.approx(whole, rel=1e-14)
    named = {s.name: float(v) for s, v in at.items()} | amounts.counted
    assert float(found.xreplace({s: named[str(s)] for s in found.free_symbols})) == pytest.approx(whole, rel=1e-14)
    # an amount is a function of the workload alone
    assert all("." not in str(s) for e in amounts.definitions.values() for s in e.free_symbols)


def test_what_rounding_leaves_of_parts_that_cancel_is_no_part() -> None:
    amounts = Amounts("N", {"batch": 7, "m.rate": 1.3, "c.energy": 0.7})
    left = 0.1 + 0.2 - 0.3
    assert left != 0
    assert amounts.term([(1, BATCH * RATE), (left, BATCH * ENERGY)]) == BATCH * RATE


def test_equal_amounts_have_one_name_in_all_terms() -> None:
    amounts = Amounts("N", {"batch": 7, "prompt": 11, "m.rate": 1.3, "dtype.weights": 2, "c.energy": 0.7})
    first = amounts.term([(2, BATCH * (PROMPT + 1) * WIDTH / RATE)])
    second = amounts.term([(6, (BATCH * PROMPT + BATCH) * ENERGY)])
    assert dict(amounts.definitions) == {"N1": BATCH * (PROMPT + 1)}
    assert (first, second) == (2 * symbol("N1") * WIDTH / RATE, 6 * symbol("N1") * ENERGY)


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
