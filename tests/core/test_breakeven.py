from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.analysis import Recorded, Symbol
from symarch.errors import UnknownNameError, WorkloadError
from symarch.mapping import Mapping
from symarch.program import Max, Program, Tape, ceil
from symarch.sensitivity import BreakEven, Point, break_even
from symarch.trace import Shard

MODEL = symarch.load_model("llama-3.1-70b")


def analysis(system: str = "h200-hbf-8", sets: dict[str, Any] | None = None, **options: Any) -> symarch.Analysis:
    return symarch.analyze(symarch.load_system(system, sets), MODEL, **options)


def synthetic(build: Any, **values: float) -> Point:
    """Return a tpot that is a function of some symbols."""
    tape = Tape()
    program = Program.of(tape, {"metric.tpot": build(*(tape.input(n) for n in values))})
    symbols = {n: Symbol(n, "1", v) for n, v in values.items()}
    return Point(
        Recorded(program, symbols, (), (), {}, (), {"": Mapping(Shard(), 1, {}, {}, "gpu")}),
        "tpot",
        values,
        math.inf,
        {},
        "made",
    )


FLASH = {order: analysis(sets={"gpu.overlap": order}) for order in ("1", "2", "inf")}
PLAIN = {order: analysis("h200-sxm-8", {"gpu.overlap": order}) for order in ("1", "2", "inf")}


def check(found: BreakEven, first: symarch.Analysis, second: Any, **point: Any) -> None:
    """Hold every crossing to an evaluation of both sides there, and on either side of it."""
    name = found.parameter
    for c in found.crossings:
        assert not c.jump
        assert c.residual <= 1e-9

        def side(of: Any, moved: bool, value: float) -> float:
            if not isinstance(of, symarch.Analysis):
                return float(of)
            return float(of.compile(found.metric, [name], **point)(value)) if moved else of.evaluate(
                **point).metrics[found.metric]  # type: ignore[return-value]  # fmt: skip

        def gap(value: float) -> float:
            return side(first, found.on != "second", value) - side(second, found.on != "first", value)

        assert abs(gap(c.value)) <= 1e-9 * c.metric
        if c.better in ("below", "above"):
            step = 1e-6 if c.better == "above" else -1e-6
            better = gap(c.value * (1 + step)) * (-1 if found.unit == "token/s" else 1)
            assert better < 0
            assert gap(c.value * (1 - step)) * (-1 if found.unit == "token/s" else 1) > 0


@settings(max_examples=30)
@given(
    st.sampled_from(["1", "2", "inf"]),
    st.sampled_from(["tpot", "ttft", "throughput", "energy_per_token", "power"]),
    st.sampled_from(["hbf.read_time", "hbf.page", "hbf.access_efficiency", "hbm.pin_rate", "gpu.launch",
                     "gpu.peak_bf16", "scale_up.lane_rate"]),
    st.integers(1, 256),
    st.sampled_from([None, 0.7, 0.95, 1.2]),
)  # fmt: skip
def test_both_sides_are_equal_at_every_crossing(
    order: str, metric: str, name: str, batch: int, target: float | None
) -> None:
    first = FLASH[order]
    now = first.evaluate(batch=batch).metrics[metric]
    assert now is not None
    second: Any = PLAIN[order] if target is None else target * now
    found = first.break_even(name, second, metric, batch=batch)
    check(found, first, second, batch=batch)
    assert found.outcome == {0: found.outcome, 1: "one"}.get(len(found.crossings), "several")
    for c in found.crossings:
        if c.form is not None:
            assert order != "2", "no closed form at a finite order above 1"
            assert c.form.value == pytest.approx(c.value, rel=1e-8)
            assert c.form.residual <= 1e-9
            assert c.form.low <= c.value <= c.form.high
    if order == "2":
        assert found.roofline is not None


def test_a_closed_form_solves_its_equation_in_symbols() -> None:
    found = FLASH["inf"].break_even("hbf.read_time", PLAIN["inf"], batch=16)
    (crossing,) = found.crossings
    form = crossing.form
    assert form is not None
    assert (form.equation, form.solution) == ("a + b x = T", "x = (T - a) / b")
    parts = {p.letter: p for p in form.parts}
    assert (found.target - parts["a"].value) / parts["b"].value == pytest.approx(crossing.value, rel=1e-12)
    # the coefficients in symbols are those numbers, and none holds the parameter itself
    point = FLASH["inf"].point("tpot", batch=16)
    for part in form.parts:
        names = {str(s) for s in part.expression.free_symbols}
        assert "hbf.read_time" not in names
        assert names <= set(point.recorded.symbols) | set(point.recorded.program.names)
    # stacks x dies x planes x page under the bytes: what a longer read time costs
    assert {"hbf.stacks", "hbf.dies", "hbf.planes", "hbf.page"} <= {str(s) for s in parts["b"].expression.free_symbols}
    assert r"\begin{align*}" in form.latex({})


def test_the_form_holds_in_its_interval_and_not_beyond() -> None:
    (crossing,) = FLASH["inf"].break_even("hbf.read_time", PLAIN["inf"], batch=16).crossings
    form = crossing.form
    assert form is not None
    line = FLASH["inf"].compile("tpot", ["hbf.read_time"], batch=16)
    parts = {p.letter: p.value for p in form.parts}
    inside = (form.low * (1 + 1e-9), math.sqrt(form.low * form.high), form.high * (1 - 1e-9))
    for x in inside:
        assert line(x) == pytest.approx(parts["a"] + parts["b"] * x, rel=1e-12)
    for x in (form.low * 0.99, form.high * 1.01):
        assert line(x) > (parts["a"] + parts["b"] * x) * (1 + 1e-9)


def test_a_quadratic_has_a_closed_form_too() -> None:
    # 2 x + 18 / x + 3 = 16 where 2 x^2 - 13 x + 18 = 0, at 2 and 4.5
    found = break_even(synthetic(lambda x, b: 2 * x + b / x + 3, x=1.0, b=18.0), 16.0, "x")
    assert [c.value for c in found.crossings] == pytest.approx([2, 4.5], rel=1e-14)
    assert [c.better for c in found.crossings] == ["above", "below"]
    for c in found.crossings:
        assert c.form is not None
        assert c.form.equation == "a + b x + c / x = T"
        assert c.form.solution == "x = (T - a +- sqrt((a - T)^2 - 4 b c)) / (2 b)"
        assert c.form.value == pytest.approx(c.value, rel=1e-13)


def test_a_square_has_a_closed_form() -> None:
    # x^2 + 2 x + 3 = 38 at 5; without the line, 2 x^2 = 50 there too
    (crossing,) = break_even(synthetic(lambda x, b: x * x + 2 * x + b, x=1.0, b=3.0), 38.0, "x").crossings
    assert crossing.form is not None
    assert crossing.form.equation == "a + b x + d x^2 = T"
    assert crossing.form.solution == "x = (-b +- sqrt(b^2 - 4 d (a - T))) / (2 d)"
    assert (crossing.value, crossing.form.value) == pytest.approx((5, 5), rel=1e-13)
    (crossing,) = break_even(synthetic(lambda x, b: b * x * x, x=1.0, b=2.0), 50.0, "x").crossings
    assert crossing.form is not None
    assert crossing.form.solution == "x = (0 +- sqrt(0^2 - 4 d (-T))) / (2 d)"
    assert crossing.form.value == pytest.approx(5, rel=1e-13)
    # with both 1 / x and x^2 it is a cubic
    (crossing, _) = break_even(synthetic(lambda x, b: b / x + x * x, x=1.0, b=16.0), 17.0, "x").crossings
    assert crossing.form is None
    assert "powers -1, 0, 2" in crossing.reason


def test_whole_tiles_make_the_time_to_the_first_token_a_line_between_two_of_them() -> None:
    analysis = symarch.analyze(symarch.load_system("h100-sxm-8", {"gpu.overlap": "inf"}), MODEL)
    ttft = analysis.point("ttft", batch=41, prompt=3001, output=203).value
    (crossing,) = analysis.break_even("prompt", 0.9 * ttft, "ttft", batch=41, prompt=3001, output=203).crossings
    assert crossing.form is not None
    assert crossing.form.equation == "a + b x = T"
    assert crossing.form.residual < 1e-12


def test_the_time_to_the_first_token_is_a_square_of_the_prompt() -> None:
    # a half of what whole tiles fill up, so that the other half goes with the square
    analysis = symarch.analyze(
        symarch.load_system("h100-sxm-8", {"gpu.overlap": "inf", "gpu.attention_padding": "0.5"}), MODEL
    )
    ttft = analysis.point("ttft", batch=41, prompt=3001, output=203).value
    found = analysis.break_even("prompt", 0.9 * ttft, "ttft", batch=41, prompt=3001, output=203)
    (crossing,) = found.crossings
    assert crossing.form is not None
    assert crossing.form.equation == "a + b x + d x^2 = T"
    assert crossing.form.residual < 1e-12
    # in its interval the formula is the metric
    parts = {p.letter: p.value for p in crossing.form.parts}
    assert parts["d"] > 0
    assert crossing.form.low < crossing.value < crossing.form.high
    at = (crossing.form.low + crossing.form.high) / 2
    line = analysis.compile("ttft", over=["prompt"], batch=41, output=203)
    assert line(at) == pytest.approx(parts["a"] + parts["b"] * at + parts["d"] * at**2, rel=1e-12)


def test_a_fraction_of_two_lines_has_a_closed_form() -> None:
    # (2 x + 1) / (x + 3) = 3 / 2 at 7
    (crossing,) = break_even(synthetic(lambda x, b: (2 * x + b) / (x + 3), x=1.0, b=1.0), 1.5, "x").crossings
    form = crossing.form
    assert form is not None
    assert (form.equation, form.solution) == ("(a + b x) / (e + f x) = T", "x = (T e - a) / (b - T f)")
    assert (crossing.value, form.value) == pytest.approx((7, 7), rel=1e-13)
    assert {p.letter: p.value for p in form.parts} == pytest.approx({"a": 1, "b": 2, "e": 3, "f": 1})
    # a line and one over a line: x + 1 = 12 / (x + 2) at 2
    first, second = synthetic(lambda x, b: x + b, x=1.0, b=1.0), synthetic(lambda x, b: b / (x + 2), x=1.0, b=12.0)
    (crossing,) = break_even(first, second, "x", on="both").crossings
    assert crossing.form is not None
    assert crossing.form.equation == "a + b x = a' / (e' + f' x)"
    assert crossing.form.solution == "x = (-a f' - b e' +- sqrt((a f' + b e')^2 - 4 (b f') (a e' - a'))) / (2 (b f'))"
    assert (crossing.value, crossing.form.value) == pytest.approx((2, 2), rel=1e-13)


def test_longer_contexts_that_fill_the_cores_are_a_fraction() -> None:
    # attention in decode takes as many cores as a context has parts, so that the prompt stands below the bar too
    found = symarch.analyze(symarch.load_system("h100-sxm-8", {"gpu.overlap": "1"}), MODEL)
    (crossing,) = found.break_even("prompt", "12 ms", "tpot", batch=8).crossings
    form = crossing.form
    assert form is not None
    assert form.equation == "(a + b x + d x^2) / (e + f x) = T"
    assert form.residual < 1e-12
    parts = {p.letter: p.value for p in form.parts}
    at = (form.low + form.high) / 2
    line = found.compile("tpot", over=["prompt"], batch=8)
    over, under = parts["a"] + parts["b"] * at + parts["d"] * at**2, parts["e"] + parts["f"] * at
    assert line(at) == pytest.approx(over / under, rel=1e-12)


def test_two_sides_with_their_own_lines() -> None:
    first = synthetic(lambda x, b: Max(3 * x, b) + x, x=1.0, b=6.0)
    second = synthetic(lambda x, b: x + b / 2, x=1.0, b=40.0)
    # beyond x = 2 the first is 4 x; it meets x + 20 at 20 / 3, in its regime from 2 on
    (crossing,) = break_even(first, second, "x", on="both").crossings
    form = crossing.form
    assert form is not None
    assert (form.equation, form.solution) == ("b x = a' + b' x", "x = a' / (b - b')")
    assert crossing.value == pytest.approx(20 / 3, rel=1e-14)
    assert form.low == pytest.approx(2, rel=1e-13)
    assert form.high == 1000
    assert {p.letter: p.value for p in form.parts} == pytest.approx({"b": 4, "a'": 20, "b'": 1})
    # moved on the second side alone, the first stays at 7: x = -13 is no answer
    assert break_even(first, second, "x", on="second").outcome == "none"


def test_a_metric_that_jumps_over_the_target_is_told_from_one_that_meets_it() -> None:
    (crossing,) = break_even(synthetic(lambda x, b: ceil(x / b), x=1.0, b=2.0), 3.5, "x").crossings
    assert crossing.jump
    assert crossing.value == pytest.approx(6, rel=1e-13)
    assert crossing.better == "below"


def test_equal_on_a_stretch() -> None:
    found = break_even(synthetic(lambda x, b: Max(x, b), x=1.0, b=20.0), 20.0, "x")
    assert found.outcome == "equal"
    assert "whole stretch" in found.words


def test_a_kink_that_touches_is_a_crossing_of_its_own_kind() -> None:
    found = break_even(synthetic(lambda x, b: Max(x / b, b / x), x=1.0, b=4.0), 1.0, "x")
    (crossing,) = found.crossings
    assert crossing.better == "touches"
    assert crossing.value == pytest.approx(4, rel=1e-12)


def test_no_crossing_flat_and_several_are_answers() -> None:
    first = FLASH["2"]
    now = first.evaluate(batch=16).tpot
    none = first.break_even("gpu.launch", 1e-9, batch=16)
    assert (none.outcome, none.leads, none.crossings) == ("none", "second", ())
    assert "no crossing" in none.words
    flat = first.break_even("hbf.service_life", 2 * now, batch=16)  # type: ignore[operator]
    assert (flat.outcome, flat.leads) == ("flat", "first")
    assert "does not change" in flat.words
    equal = first.break_even("hbf.service_life", now, batch=16)  # type: ignore[arg-type]
    assert (equal.outcome, equal.leads) == ("flat", "neither")
    several = FLASH["inf"].break_even("hbf.stacks", PLAIN["inf"], batch=64)
    assert several.outcome == "several"
    assert [c.better for c in several.crossings] == ["above", "below"]
    assert "; and at" in several.words


def test_whole_numbers_get_the_nearest_one_that_does() -> None:
    first = FLASH["2"]
    found = first.break_even("hbf.stacks", "8 ms", batch=16)
    whole = found.crossings[0].whole
    assert whole is not None
    assert first.evaluate(batch=16, **{"hbf.stacks": whole}).tpot <= 8e-3  # type: ignore[operator]
    assert first.evaluate(batch=16, **{"hbf.stacks": whole - 1}).tpot > 8e-3  # type: ignore[operator]
    assert f"({whole} does)" in found.words
    largest = first.break_even("batch", "12 ms").crossings[-1]
    assert largest.better == "below"
    assert largest.whole is not None
    assert first.evaluate(batch=largest.whole).tpot <= 12e-3  # type: ignore[operator]
    assert first.evaluate(batch=largest.whole + 1).tpot > 12e-3  # type: ignore[operator]


def test_a_read_latency_is_shown_with_and_without_prefetching() -> None:
    found = FLASH["2"].break_even("hbf.read_time", PLAIN["2"], batch=16)
    step, operator = found.variants["gpu.prefetch = step"], found.variants["gpu.prefetch = operator"]
    assert step.crossings[0].value == found.crossings[0].value, "the spec prefetches across operators"
    assert operator.crossings[0].value < step.crossings[0].value / 2, "waiting at every operator must be paid for"
    waiting = analysis(sets={"gpu.prefetch": "operator"})
    check(operator, waiting, PLAIN["2"], batch=16)
    turned = PLAIN["2"].break_even("hbf.read_time", FLASH["2"], batch=16)
    assert turned.on == "second"
    assert turned.variants["gpu.prefetch = operator"].crossings[0].value == pytest.approx(
        operator.crossings[0].value, rel=1e-12
    )
    assert found.variants.keys() == turned.variants.keys()
    assert not FLASH["2"].break_even("hbf.pages_per_block", PLAIN["2"], batch=16).variants


def test_prefetching_is_that_of_the_processors_that_read_the_memory() -> None:
    apart = analysis("h100-h200-apart")
    target = 1.05 * apart.evaluate(batch=16).metrics["tpot"]  # type: ignore[operator]
    found = apart.break_even("decode_hbm.controller_latency", target, batch=16)
    step, operator = found.variants["decode_gpu.prefetch = step"], found.variants["decode_gpu.prefetch = operator"]
    assert operator.crossings[0].value == found.crossings[0].value, "the spec waits at each operator"
    assert step.crossings[0].value > 2 * operator.crossings[0].value
    check(step, analysis("h100-h200-apart", {"decode_gpu.prefetch": "step"}), target, batch=16)
    both = analysis("h100-stratum").break_even("dram.controller_latency", "20 ms", batch=16)
    assert set(both.variants) == {f"gpu.prefetch, logic.prefetch = {word}" for word in ("step", "operator")}


def test_orders_that_differ_have_no_closed_form_where_one_of_them_is_finite() -> None:
    mixed = analysis("h100-stratum", {"gpu.overlap": "inf", "logic.overlap": "2"})
    assert mixed.point("tpot", batch=16).order == 2
    found = mixed.break_even("dram.controller_latency", "20 ms", batch=16)
    assert found.roofline is not None


def test_where_a_parameter_is_moved() -> None:
    h100 = analysis("h100-sxm-8")
    assert h100.break_even("hbm.pin_rate", PLAIN["2"], batch=16).on == "first", "the two differ in it"
    assert h100.break_even("gpu.launch", PLAIN["2"], batch=16).on == "both"
    second = h100.break_even("hbm.pin_rate", PLAIN["2"], batch=16, on="second")
    assert second.on == "second"
    check(second, h100, PLAIN["2"], batch=16)
    with pytest.raises(UnknownNameError, match="is no parameter of the first side"):
        h100.break_even("hbf.read_time", FLASH["2"], on="first")
    with pytest.raises(WorkloadError, match="both, first, second"):
        h100.break_even("hbm.pin_rate", PLAIN["2"], on="left")


def test_bad_questions_are_refused_in_a_sentence() -> None:
    first = FLASH["2"]
    with pytest.raises(UnknownNameError, match=r"unknown name 'hbf.read_tim'; did you mean 'hbf.read_time'"):
        first.break_even("hbf.read_tim", PLAIN["2"])
    with pytest.raises(WorkloadError, match="must be above 0"):
        first.break_even("hbf.read_time", -1.0)
    with pytest.raises(WorkloadError, match="the second the larger"):
        first.break_even("hbf.read_time", "8 ms", low=1e-3, high=1e-6)


def test_plain_data_holds_all_but_the_expressions() -> None:
    data = FLASH["inf"].break_even("hbf.read_time", PLAIN["inf"], batch=16).to_dict()
    assert data["crossings"][0]["form"]["solution"] == "x = (T - a) / b"
    assert set(data["variants"]) == {"gpu.prefetch = step", "gpu.prefetch = operator"}
