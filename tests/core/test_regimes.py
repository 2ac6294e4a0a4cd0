from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.errors import UnknownNameError, WorkloadError
from symarch.sensitivity.regimes import Shares

MODEL = symarch.load_model("llama-3.1-8b")


def analysis(system: str = "h200-hbf-8", **sets: Any) -> symarch.Analysis:
    return symarch.analyze(symarch.load_system(system, {k.replace("__", "."): v for k, v in sets.items()}), MODEL)


FOUND = {o: analysis(gpu__overlap=o) for o in ("1", "2", "inf")}


def bound(found: symarch.Analysis, metric: str, operator: str, **point: Any) -> str:
    """What binds by an evaluation: of an operator, or of the whole where it is empty."""
    result = found.evaluate(**point)
    phase = "prefill" if metric == "ttft" else "decode"
    if operator:
        return next(o.bound for o in result.operators if o.name == operator and o.phase == phase)
    return max((r for r in result.resources if r.phase == phase), key=lambda r: r.share).name


@settings(max_examples=12)
@given(
    st.sampled_from(["1", "2", "inf"]),
    st.sampled_from(["tpot", "ttft"]),
    st.sampled_from(["hbf.read_time", "hbm.pin_rate", "gpu.launch", "gpu.peak_bf16", "scale_up.lane_rate"]),
    st.integers(1, 300),
)
def test_what_binds_changes_at_every_breakpoint(order: str, metric: str, name: str, batch: int) -> None:
    found = FOUND[order]
    value = found.recorded().symbols[name].value
    result = found.regimes(metric, name, low=value / 30, high=value * 30, batch=batch)
    for b in result.breakpoints:
        for step, expected in ((-1e-9, b.before), (1e-9, b.after)):
            assert bound(found, metric, b.operator, batch=batch, **{name: b.value * (1 + step)}) == expected
    for r in result.regimes:
        middle = math.sqrt(r.low * r.high)
        assert bound(found, metric, "", batch=batch, **{name: middle}) == r.bound
        now = found.evaluate(batch=batch, **{name: middle}).metrics[metric]
        if r.form == "a + b x":
            assert now == pytest.approx(r.coefficients[0] + r.coefficients[1] * middle, rel=1e-11)
        if r.form == "a + b / x":
            assert now == pytest.approx(r.coefficients[0] + r.coefficients[1] / middle, rel=1e-11)
        if order != "2" and name == "gpu.launch":
            assert r.form == "a + b x"
    edges = [result.low, *(r.high for r in result.regimes)]
    assert [r.low for r in result.regimes] == edges[:-1]
    assert edges[-1] == result.high


def test_a_kink_at_infinity_is_where_two_times_are_equal() -> None:
    # decode at p = infinity: the flash overtakes the power limit, arithmetic or interface, and the metric is a chain
    # of lines, continuous, each steeper than the one before: a maximum of lines is convex
    regimes = FOUND["inf"].regimes("tpot", "hbf.read_time", low=1e-7, high=1e-3, batch=64).regimes
    assert len(regimes) > 3
    assert all(r.form == "a + b x" for r in regimes)
    slopes = [r.coefficients[1] for r in regimes]
    assert slopes == sorted(slopes)
    for left, right in itertools.pairwise(regimes):
        (a0, b0), (a1, b1) = left.coefficients, right.coefficients
        assert a0 + b0 * left.high == pytest.approx(a1 + b1 * left.high, rel=1e-12)
        if b1 > b0:
            assert left.high == pytest.approx((a0 - a1) / (b1 - b0), rel=1e-9), "where the two lines meet"


def test_at_a_finite_order_the_two_largest_shares_are_equal_at_a_breakpoint() -> None:
    found = FOUND["2"]
    result = found.regimes("tpot", "hbf.read_time", low=1e-6, high=3e-4, batch=8)
    whole = [b for b in result.breakpoints if not b.operator]
    assert whole
    for b in whole:
        shares = {r.name: r.share for r in found.evaluate(batch=8, **{"hbf.read_time": b.value}).resources
                  if r.phase == "decode"}  # fmt: skip
        assert shares[b.before] == pytest.approx(shares[b.after], rel=1e-9)
        assert max(shares.values()) == pytest.approx(shares[b.before], rel=1e-9)
    assert all(r.form == "" for r in result.regimes)


def test_the_parts_over_arrays_are_the_breakdown_of_each_point() -> None:
    found = FOUND["2"]
    shares = Shares(found.point("tpot", batch=8), ("hbf.read_time", "hbm.pin_rate"))
    times, rates = np.array([1e-6, 2e-5, 1e-4]), np.array([4e8, 8e8, 2e9])
    value, parts = shares(times, rates)
    for i in range(3):
        result = found.evaluate(batch=8, **{"hbf.read_time": times[i], "hbm.pin_rate": rates[i]})
        assert value[i] == pytest.approx(result.tpot, rel=1e-12)
        expected = {r.name: r.share for r in result.resources if r.phase == "decode"}
        mine = dict(zip(shares.resources, shares.of_resources(parts)[:, i] / value[i], strict=True))
        assert {n: s for n, s in mine.items() if s} == pytest.approx({n: s for n, s in expected.items() if s}, rel=1e-9)


def test_the_table_reads_condition_bound_metric() -> None:
    rows = FOUND["inf"].regimes("tpot", "hbf.read_time", batch=64).rows()
    assert all(len(row) == 3 for row in rows)
    assert rows[0][0].startswith("hbf.read_time 1 us to ")
    assert "%" in rows[0][1]


@pytest.mark.parametrize("order", ["2", "inf"])
def test_a_map_agrees_with_evaluations(order: str) -> None:
    found = FOUND[order]
    result = found.regime_map("tpot", ("hbf.read_time", "batch"), ((1e-6, 1e-4), (1, 512)), cells=24)
    random = np.random.default_rng(0)
    for x, y in random.integers(0, 24, (12, 2)):
        at = {"hbf.read_time": float(result.axes[0][x]), "batch": float(result.axes[1][y])}
        line = found.compile("tpot", list(at))(*at.values())
        assert result.values[x, y] == pytest.approx(line, rel=1e-12)
    assert sum(r.area for r in result.regions) == pytest.approx(1, rel=1e-12)
    assert [r.area for r in result.regions] == sorted((r.area for r in result.regions), reverse=True)
    for r in result.regions:
        assert r.area == np.count_nonzero(result.regions_at == r.index) / result.values.size
        x, y = (int(np.argmin(abs(a - v))) for a, v in zip(result.axes, r.at, strict=True))
        assert result.regions_at[x, y] == r.index
        assert result.resources[result.bounds[x, y]] == r.bound
    large = result.regions[0]
    assert large.form is not None
    assert large.exact == (order == "inf"), "a closed form holds in a region where the slowest resource counts"
    if order == "inf":
        assert math.fsum(t.value for t in large.form.terms) == pytest.approx(large.value, rel=1e-12)
    assert result.to_dict()["regions"][0]["bound"] == large.bound


def test_bad_questions_are_refused_in_a_sentence() -> None:
    found = FOUND["2"]
    with pytest.raises(UnknownNameError, match=r"did you mean 'hbf.read_time'"):
        found.regimes("tpot", "hbf.read_tim")
    with pytest.raises(WorkloadError, match="is given twice"):
        found.regime_map("tpot", ("batch", "batch"))
    with pytest.raises(WorkloadError, match="no sum of the parts"):
        found.regimes("power", "hbf.read_time")
    with pytest.raises(WorkloadError, match="give low and high"):
        found.regimes("tpot", "hbf.read_time", low=2.0, high=1.0)


def test_between_whole_numbers_no_change_of_what_binds_is_missed() -> None:
    # tiles fill up every few tokens, so that the largest share changes to and fro between points of an even grid
    system = symarch.load_system("h100-sxm-8", {"gpu.overlap": "inf"})
    found = symarch.analyze(system, symarch.load_model("llama-3.1-70b"))
    sizes = {"batch": 41, "output": 203}
    regimes = found.regimes("ttft", "prompt", low=20, high=80, prompt=50, **sizes)
    places = [b.value for b in regimes.breakpoints if not b.operator]
    bounds = {p: bound(found, "ttft", "", prompt=p, **sizes) for p in range(20, 81)}
    changed = [(a, b) for a, b in itertools.pairwise(bounds) if bounds[a] != bounds[b]]
    assert len(changed) > 5
    for low, high in changed:
        assert any(low <= place <= high for place in places), (low, high)
