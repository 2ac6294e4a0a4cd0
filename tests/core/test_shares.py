from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.analysis import Part, grouped, parts_of
from symarch.program import Program, Tape, mark, overlap

SYSTEMS = ["a100-sxm", "a100-sxm-8", "b200-sxm", "b200-sxm-8", "h100-sxm", "h100-sxm-8", "h200-sxm", "h200-sxm-8",
           "h200-hbf-8", "h200-hbf-daisy-8", "h200-hbf-daisy-exclusive-8"]  # fmt: skip
TIMES = st.floats(1e-9, 1e3)


def program_of(order: float, *times: str, fixed: str = "launch") -> Program:
    tape = Tape()
    marked = [mark(tape.input(t), t, "cause", "op") for t in times]
    return Program.of(tape, {"t": mark(tape.input(fixed), fixed, "fixed", "op") + overlap(order, *marked)})


@given(TIMES, TIMES, TIMES, st.sampled_from([1.0, 1.5, 2.0, 3.0, 60.0]))
def test_a_share_is_the_power_of_its_part_by_hand(a: float, d: float, launch: float, p: float) -> None:
    parts = {
        x.resource: x.weight * x.value
        for x in parts_of(program_of(p, "a", "d"), "t", {"a": a, "d": d, "launch": launch})
    }
    longest = max(a, d)
    m = longest * ((a / longest) ** p + (d / longest) ** p) ** (1 / p)
    for name, value in (("a", a), ("d", d)):
        # (m/t) (t_r/m)**p is the share, so the part of the time is m (t_r/m)**p
        assert parts.get(name, 0) == pytest.approx(m * (value / m) ** p, rel=1e-9, abs=1e-300)
    assert parts["launch"] == launch
    assert math.fsum(parts.values()) == pytest.approx(launch + m, rel=1e-12)


def test_at_infinity_the_longest_has_it_all_and_a_tie_goes_to_the_first() -> None:
    program = program_of(math.inf, "a", "d")
    assert {p.resource for p in parts_of(program, "t", {"a": 2, "d": 3, "launch": 1})} == {"launch", "d"}
    assert {p.resource for p in parts_of(program, "t", {"a": 3, "d": 3, "launch": 1})} == {"launch", "a"}


def test_parts_are_summed_by_label_largest_first() -> None:
    parts = [Part("a", "x", "one", 0, 2.0, 1.0), Part("b", "x", "one", 1, 1.0, 5.0), Part("a", "y", "two", 2, 1.0, 1.0)]
    assert grouped(parts, "resource") == {("b",): 5.0, ("a",): 3.0}
    assert list(grouped(parts, "cause")) == [("x",), ("y",)]
    assert grouped(parts, "operator", "resource")[("one", "a")] == 2.0


@settings(max_examples=25)
@given(
    st.sampled_from(SYSTEMS), st.sampled_from(["1", "1.5", "2", "3", "inf"]), st.integers(1, 300),
    st.integers(1, 20_000), st.integers(2, 2000), st.sampled_from(["operator", "step"]),
)  # fmt: skip
def test_shares_of_resources_and_of_operators_sum_to_one(
    system: str, order: str, batch: int, prompt: int, output: int, prefetch: str
) -> None:
    spec = symarch.load_system(system, {"gpu.overlap": order, "gpu.prefetch": prefetch, "gpu.power_limit": "500 W"})
    result = symarch.analyze(spec, MODEL).evaluate(batch=batch, prompt=prompt, output=output)
    for phase, metric in (("prefill", result.ttft), ("decode", result.tpot)):
        assert metric is not None
        shares = [r.share for r in result.resources if r.phase == phase]
        assert math.fsum(shares) == pytest.approx(1, rel=1e-12)
        assert all(0 <= s <= 1 + 1e-12 for s in shares)
        operators = [o for o in result.operators if o.phase == phase]
        assert math.fsum(o.share for o in operators) == pytest.approx(1, rel=1e-12)
        assert math.fsum(o.time * o.count for o in operators) == pytest.approx(metric, rel=1e-12)
        assert all(o.bound or o.time == 0 for o in operators)


MODEL = symarch.load_model("llama-3.1-8b")


def test_bound_names_the_resource_with_the_largest_share() -> None:
    spec = symarch.load_system("h100-sxm")
    decode = symarch.analyze(spec, MODEL, ideal=True).evaluate(batch=1, prompt=4096)
    bounds = {(o.phase, o.name): o.bound for o in decode.operators}
    assert bounds["decode", "gate_up"] == bounds["decode", "lm_head"] == "hbm"
    assert bounds["prefill", "gate_up"] == bounds["prefill", "attention"] == "gpu.arithmetic"
    limited = symarch.load_system("h100-sxm", {"gpu.power_limit": "150 W"})
    result = symarch.analyze(limited, MODEL).evaluate(batch=64)
    assert {o.bound for o in result.operators if o.name == "gate_up"} == {"gpu.power"}
