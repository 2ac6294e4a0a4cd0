from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.analysis import parts_of
from symarch.sensitivity.headroom import gain_text, resources

MODEL = symarch.load_model("llama-3.1-8b")


def analysis(system: str = "h200-hbf-8", **sets: Any) -> symarch.Analysis:
    return symarch.analyze(symarch.load_system(system, {k.replace("__", "."): v for k, v in sets.items()}), MODEL)


def test_a_parameter_at_its_best_end_is_the_metric_there() -> None:
    found = analysis()
    headroom = found.headroom("tpot", batch=8)
    entries = {e.name: e for e in headroom.of("parameter")}
    launch = found.evaluate(batch=8, **{"gpu.launch": 1e-30}).tpot
    assert entries["gpu.launch"].limit == pytest.approx(launch, rel=1e-9)
    assert entries["gpu.launch"].end == 0
    assert entries["hbf.planes"].end == math.inf
    assert entries["hbf.access_efficiency"].end == 1, "a share stops at 1"
    assert "hbf.page" not in entries, "neither direction of a page is better"
    for e in headroom.entries:
        assert e.gain >= 1
        assert e.gain == pytest.approx(headroom.value / e.limit, rel=1e-12)
    assert [e.gain for e in headroom.entries] == sorted((e.gain for e in headroom.entries), reverse=True)


def test_a_share_without_an_ideal_stops_at_its_bound() -> None:
    # 0.1 of the planes program at the same time; never more than all of them do
    sets = {"hbf.program_share": 0.1}
    system = symarch.load_system("h200-hbf-8", sets)
    placed = symarch.analyze(system, MODEL, mapping={"kv_cache": "hbf"}, phase="decode")
    entry = next(e for e in placed.headroom("tpot", batch=64).entries if e.name == "hbf.program_share")
    assert entry.end == 1
    assert entry.limit == pytest.approx(placed.evaluate(batch=64, **{"hbf.program_share": 1}).tpot, rel=1e-12)


def test_a_definition_as_a_whole_at_infinity() -> None:
    found = analysis("h100-sxm-8")
    entry = next(e for e in found.headroom("tpot", batch=8).of("definition") if e.name == "scale_up.bandwidth")
    # links x lanes x rate: nothing else bounds it
    assert entry.limit == pytest.approx(found.evaluate(batch=8, **{"scale_up.lane_rate": 1e24}).tpot, rel=1e-9)
    assert entry.words == f"even infinite scale_up.bandwidth brings at most {gain_text(entry.gain)}"


def test_slower_parts_are_no_headroom_of_power() -> None:
    entries = analysis().headroom("power", batch=8).of("definition")
    assert not any("bandwidth" in e.name for e in entries)


def test_a_metric_of_which_more_is_better_gains_upwards() -> None:
    headroom = analysis().headroom("throughput", batch=8)
    assert all(e.limit >= headroom.value * (1 - 1e-12) for e in headroom.entries)
    assert headroom.waterfall[-1].value > headroom.value


@pytest.mark.parametrize(("gain", "text"), [(1.724, "1.72x"), (12345.6, "12,346x"), (math.inf, "any number of times")])
def test_gains_in_words(gain: float, text: str) -> None:
    assert gain_text(gain) == text


@settings(max_examples=15)
@given(
    st.sampled_from(["h200-hbf-8", "h200-hbf-daisy-8", "h100-sxm", "b200-sxm-8"]),
    st.sampled_from(["1", "1.5", "2", "7", "inf"]),
    st.integers(1, 300),
    st.sampled_from(["tpot", "ttft", "request_time"]),
)
def test_the_waterfall_ends_at_the_floor(system: str, order: str, batch: int, metric: str) -> None:
    found = analysis(system, gpu__overlap=order)
    point = found.point(metric, batch=batch)
    headroom = found.headroom(metric, batch=batch)
    steps = headroom.waterfall
    assert steps
    values = [headroom.value, *(s.value for s in steps)]
    assert all(a >= b * (1 - 1e-12) for a, b in itertools.pairwise(values)), "removing never costs time"
    assert [s.binds for s in steps[:-1]] == [s.resource for s in steps[1:]], "what binds next is removed next"
    assert steps[-1].binds_share == pytest.approx(1, rel=1e-12)
    assert headroom.floor not in {s.resource for s in steps}
    # the floor is that resource's own time, all others gone at once
    alone = resources(point).value({r.name: 0.0 for r in headroom.of("resource") if r.name != headroom.floor})
    assert steps[-1].value == pytest.approx(alone, rel=1e-12)


def test_the_first_step_is_the_largest_share_of_the_breakdown() -> None:
    found = analysis()
    first = found.headroom("tpot", batch=8).waterfall[0]
    shares = {r.name: r.share for r in found.evaluate(batch=8).resources if r.phase == "decode"}
    assert first.resource == max(shares, key=lambda n: shares[n])
    assert first.share == pytest.approx(shares[first.resource], rel=1e-12)


def test_energies_are_removed_within_the_time_as_it_is() -> None:
    found = analysis(gpu__overlap="inf")
    headroom = found.headroom("energy_per_token", batch=16)
    point = found.point("energy_per_token", batch=16)
    parts = parts_of(point.recorded.program, "metric.energy_per_token", point.values, "J")
    static = sum(p.weight * p.value for p in parts if p.resource == "static")
    entry = next(e for e in headroom.of("resource") if e.name == "static")
    assert entry.limit == pytest.approx(headroom.value - static, rel=1e-12)
    assert headroom.waterfall
