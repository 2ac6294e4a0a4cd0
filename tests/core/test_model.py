"""The model against first principles: what must leave memory over what memory gives, worked out by hand."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.analysis import METRICS
from symarch.system import SystemGraph
from symarch.trace import Shard

SYSTEMS = ["a100-sxm", "a100-sxm-8", "b200-sxm", "b200-sxm-8", "h100-sxm", "h100-sxm-8", "h200-sxm", "h200-sxm-8",
           "h200-hbf-8", "h200-hbf-daisy-8", "h200-hbf-daisy-exclusive-8"]  # fmt: skip
MODELS = ["llama-2-7b", "llama-3.1-70b", "llama-3.1-405b", "qwen3-32b", "mixtral-8x7b", "qwen3-30b-a3b",
          "deepseek-v3.2", "gpt-oss-120b", "gemma-3-27b", "llama-4-scout", "qwen3-next-80b-a3b",
          "nemotron-h-56b"]  # fmt: skip
"""One of each kind of attention and FFN; every shipped model has its counts in test_models.py."""


def analysis(system: str, model: str, settings: dict[str, Any] | None = None, **options: Any) -> symarch.Analysis:
    return symarch.analyze(symarch.load_system(system, settings), symarch.load_model(model), **options)


def value(found: symarch.Analysis, metric: str, **workload: Any) -> float:
    result = found.evaluate(**workload).metrics[metric]
    assert result is not None
    return result


# Llama 2 7B in bf16. Parameters 6,738,415,616, of which the input table of 32,000 x 4096 gives one row a token.
WEIGHTS = (6_738_415_616 - 32_000 * 4096) * 2  # 13,214,687,232 B
KV = 2 * 32 * 4096 * 2  # keys and values of 32 layers, 524,288 B a token


@pytest.mark.parametrize(
    ("batch", "hand"),
    [
        # 13.2147 GB + 2048 x 0.524288 MB = 14.2884 GB at 3.35 TB/s
        (1, 4.265e-3),
        # 13.2147 GB + 64 x 2048 x 0.524288 MB = 81.934 GB at 3.35 TB/s
        (64, 24.46e-3),
    ],
)
def test_llama_2_decode_on_one_h100_reads_weights_and_cache_at_3_35_tb_s(batch: int, hand: float) -> None:
    floor = (WEIGHTS + batch * 2048 * KV) / 3.35e12
    assert floor == pytest.approx(hand, rel=1e-3)
    found = value(analysis("h100-sxm", "llama-2-7b", ideal=True), "tpot", context=2048, batch=batch)
    assert floor <= found <= 1.01 * floor


def test_llama_70b_on_eight_h100_reads_an_eighth_each() -> None:
    # 70.5537e9 less 128,256 x 8192 = 69.503e9 weights of 2 B; 8 KV heads, one a device: 2 x 80 x 128 x 2 B a token
    floor = ((70_553_706_496 - 128_256 * 8192) * 2 / 8 + 16 * 4096 * 2 * 80 * 128 * 2) / 3.35e12
    assert floor == pytest.approx(5.99e-3, rel=2e-3)
    found = value(analysis("h100-sxm-8", "llama-3.1-70b", ideal=True), "tpot", context=4096, batch=16)
    # 161 all-reduces of 16 x 8192 x 2 B: two-shot 2 x 7/8 x 262,144 B at 450 GB/s and 4 hops of 0.3 us each, or
    # one-shot 7 x 262,144 at 450 GB/s and 2 hops; and the logits
    transfer = min(7 * 262_144 / 450e9 + 0.6e-6, 1.75 * 262_144 / 450e9 + 1.2e-6)
    logits = 7 / 8 * 16 * 128_256 * 2 / 450e9 + 0.6e-6
    assert found == pytest.approx(floor + 161 * transfer + logits, rel=0.01)


def test_ideal_prefill_of_a_long_prompt_takes_its_flops_at_peak() -> None:
    prompt = 65_536
    matrices = 32 * (4 * 4096**2 + 3 * 4096 * 11_008)
    work = 2 * matrices * prompt + 32 * 2 * (2 * 4096) * prompt * (prompt + 1) / 2 + 2 * 4096 * 32_000
    found = value(analysis("h100-sxm", "llama-2-7b", ideal=True, phase="prefill"), "ttft", prompt=prompt)
    assert work / 989e12 <= found <= 1.01 * work / 989e12


def test_ideal_prefill_of_one_token_reads_the_weights() -> None:
    found = value(analysis("h100-sxm", "llama-2-7b", ideal=True, phase="prefill"), "ttft", prompt=1)
    assert found == pytest.approx(WEIGHTS / 3.35e12, rel=0.01)


def test_the_calibrated_system_is_slower_than_the_ideal_one() -> None:
    for system in SYSTEMS:
        for phase, metric in (("decode", "tpot"), ("prefill", "ttft")):
            ideal = value(analysis(system, "llama-3.1-8b", ideal=True, phase=phase), metric, batch=8)
            real = value(analysis(system, "llama-3.1-8b", phase=phase), metric, batch=8)
            assert ideal < real < 10 * ideal


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("ideal", [True, False])
def test_no_step_is_faster_than_its_floor(system: str, ideal: bool) -> None:
    spec = symarch.load_system(system)
    graph = SystemGraph.build(spec, lambda component, parameter, number: number)
    place = {t: str(spec.place.get(t, next(iter(graph.memories)))) for t in ("weights", "kv_cache")}
    degree = spec.tensor or 1
    for name in MODELS:
        model = symarch.load_model(name)
        found = symarch.analyze(spec, model, ideal=ideal, phase="decode")
        for batch, context in ((1, 512), (32, 8192), (256, 1024)):
            result = found.evaluate(batch=batch, context=context)
            # each device reads at least its share of all weights, and the cache of its KV heads
            read = dict.fromkeys(graph.memories, 0.0)
            read[place["weights"]] += model.streamed_parameters() * 2 / degree
            read[place["kv_cache"]] += batch * context * model.stored(Shard(degree)).kv_per_token * 2
            floors = [read[m] / graph.memories[m].read_bandwidth for m in read]
            assert result.tpot is not None
            assert result.tpot >= max(floors)
            work = 2 * batch * (model.streamed_parameters() - 4 * 128 * 20_000) / degree
            assert result.tpot >= work / 2250e12  # no shipped device has more
            # operators sum to the step
            assert math.fsum(o.count * o.time for o in result.operators) == pytest.approx(result.tpot, rel=1e-12)
    prefill = symarch.analyze(spec, symarch.load_model("llama-3.1-8b"), ideal=ideal, phase="prefill")
    assert prefill.evaluate(prompt=1).ttft >= 8e9 * 2 / degree / 8e12 / 8  # type: ignore[operator]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("ideal", [True, False])
def test_n_devices_are_at_most_n_times_faster(model: str, ideal: bool) -> None:
    for family in ("h100-sxm", "b200-sxm"):
        times = {}
        for degree in (1, 2, 4, 8):
            system = symarch.load_system(f"{family}-8", {"scale_up.size": degree, "mapping.tensor": degree})
            found = symarch.analyze(system, symarch.load_model(model), ideal=ideal)
            times[degree] = found.evaluate(batch=8, prompt=4096)
        for (a, one), (b, more) in itertools.combinations(times.items(), 2):
            for metric in ("tpot", "ttft", "request_time"):
                assert one.metrics[metric] <= b / a * more.metrics[metric] * (1 + 1e-12)  # type: ignore[operator]


def test_one_device_of_eight_is_the_single_device_system() -> None:
    single = analysis("h100-sxm", "llama-2-7b").evaluate().metrics
    alone = analysis("h100-sxm-8", "llama-2-7b", {"scale_up.size": 1, "mapping.tensor": 1}).evaluate().metrics
    assert alone == pytest.approx(single, rel=1e-14)


def test_replicas_answer_as_one_of_them_and_count_all_tokens() -> None:
    one = analysis("h100-sxm", "llama-2-7b").evaluate(batch=3).metrics
    eight = analysis("h100-sxm-8", "llama-2-7b", {"mapping.tensor": 1}).evaluate(batch=24).metrics
    for same in ("ttft", "tpot", "request_time", "throughput_per_user", "energy_per_token"):
        assert eight[same] == pytest.approx(one[same], rel=1e-12)
    for more in ("throughput", "power"):
        assert eight[more] == pytest.approx(8 * one[more], rel=1e-12)  # type: ignore[operator]


@given(st.integers(1, 500), st.integers(1, 20_000), st.integers(2, 4000))
@settings(max_examples=30)
def test_the_metrics_of_a_request_fit_together(batch: int, prompt: int, output: int) -> None:
    found = SHARED["h100-sxm-8", "llama-3.1-8b"].evaluate(batch=batch, prompt=prompt, output=output).metrics
    m = {k: v for k, v in found.items() if v is not None}
    assert set(m) == set(METRICS)
    assert m["request_time"] == pytest.approx(m["ttft"] + (output - 1) * m["tpot"], rel=1e-12)
    assert m["throughput"] == pytest.approx(batch * output / m["request_time"], rel=1e-12)
    assert m["throughput_per_user"] == pytest.approx(1 / m["tpot"], rel=1e-12)
    assert m["power"] == pytest.approx(m["energy_per_token"] * m["throughput"], rel=1e-12)


SHARED = {("h100-sxm-8", "llama-3.1-8b"): analysis("h100-sxm-8", "llama-3.1-8b")}


def test_energy_is_work_traffic_and_idling_by_hand() -> None:
    found = analysis("h100-sxm", "llama-2-7b", phase="decode")
    result = found.evaluate(context=2048, batch=1)
    model, step = symarch.load_model("llama-2-7b"), result.tpot
    assert step is not None
    flops = 2 * 32 * (4 * 4096**2 + 3 * 4096 * 11_008) + 2 * 4096 * 32_000 + 32 * 4 * 4096 * 2048
    traffic = WEIGHTS + 2048 * KV + KV
    # 0.68 pJ a FLOP; 7.5 + 5.8 pJ a bit through memory and chip; 76.1 W and five stacks of 6.65 W throughout
    hand = flops * 0.68e-12 + traffic * (7.5 + 5.8) * 8e-12 + (76.1 + 5 * 6.65) * step
    assert result.energy_per_token == pytest.approx(hand, rel=0.01)
    assert model.parameters() == 6_738_415_616


def test_capacity_counts_weights_and_the_cache_of_the_largest_context() -> None:
    result = analysis("h100-sxm", "llama-2-7b").evaluate(batch=10, prompt=1000, output=200)
    (hbm,) = [c for c in result.constraints if c.name == "hbm.capacity"]
    assert hbm.used == 6_738_415_616 * 2 + 10 * 1200 * KV
    assert hbm.limit == pytest.approx((5 * 8 * 2 - 2) * 0.92 * 2**30)  # 2 GiB of context and graphs, 8 % of headroom
    assert hbm.ok
    big = analysis("h100-sxm", "llama-3.1-70b").evaluate()
    assert not big.feasible
    assert [c.name for c in big.constraints if not c.ok] == ["hbm.capacity"]
    assert big.tpot is not None  # an infeasible system gives its numbers all the same


def test_capacity_of_shards_and_tiers() -> None:
    result = analysis("h200-hbf-8", "llama-3.1-405b").evaluate(batch=4, prompt=1000, output=24)
    used = {c.name: c.used for c in result.constraints}
    model = symarch.load_model("llama-3.1-405b")
    assert used["hbf.capacity"] == model.stored(Shard(8)).weights * 2
    assert used["hbm.capacity"] == 4 * 1024 * (2 * 126 * 1 * 128) * 2


def test_a_power_limit_holds_in_every_phase() -> None:
    for watts in (200, 300, 450):
        found = analysis("h100-sxm", "llama-2-7b", {"gpu.power_limit": f"{watts} W"})
        result = found.evaluate(batch=64, prompt=4096)
        assert result.power is not None
        assert result.power <= watts * (1 + 1e-12)
        assert [c.ok for c in result.constraints if c.name == "gpu.power"] == [True]


def test_a_power_limit_below_idle_is_said_plainly() -> None:
    result = analysis("h100-sxm", "llama-2-7b", {"gpu.power_limit": "100 W"}).evaluate()
    assert [c.name for c in result.constraints if not c.ok] == ["gpu.power"]


def test_data_types_scale_bytes_by_class() -> None:
    def tpot(dtype: str) -> float:
        return value(analysis("h100-sxm", "llama-2-7b", ideal=True, dtype=dtype), "tpot", context=2048, batch=8)

    base = tpot("bf16")
    weights, cache = WEIGHTS / 3.35e12, 8 * 2048 * KV / 3.35e12
    assert base - tpot("weights=fp8") == pytest.approx(weights / 2, rel=0.01)
    assert base - tpot("weights=int4") == pytest.approx(weights * 3 / 4, rel=0.01)
    assert base - tpot("kv_cache=fp8") == pytest.approx(cache / 2, rel=0.01)
    assert base - tpot("activations=fp8") == pytest.approx(0, abs=0.01 * base)
    assert base - tpot("fp8") == pytest.approx((weights + cache) / 2, rel=0.01)


def test_flash_behind_hbm_costs_what_the_port_says() -> None:
    # weights 405.85e9 less the table, x 2 B / 8, from flash; cache from HBM
    model = symarch.load_model("llama-3.1-405b")
    weights = model.streamed_parameters() * 2 / 8
    cache = 32 * 4096 * 2 * 126 * 128 * 2
    hbm = 6 * 1024 * 6.25e9 / 8
    flash = 6 * 16 * 500 * 4096 / 20e-6
    assert hbm == 4.8e12
    assert flash == pytest.approx(9.83e12, rel=1e-3)
    times = {}
    for placement in ("", "-daisy", "-daisy-exclusive"):
        found = analysis(f"h200-hbf{placement}-8", "llama-3.1-405b", ideal=True)
        result = found.evaluate(context=4096, batch=32)
        # less what the network takes, which is the same for all
        times[placement] = value(found, "tpot", context=4096, batch=32) - math.fsum(
            o.count * o.time for o in result.operators if o.bound.startswith("scale_up")
        )
    # an operator streams weights or cache, so each tier runs at its own rate, one after the other
    assert times[""] == pytest.approx(weights / flash + cache / hbm, rel=0.01)
    assert times["-daisy"] == pytest.approx(weights / hbm + cache / hbm, rel=0.01)
    assert times["-daisy-exclusive"] == pytest.approx(times["-daisy"], rel=0.01)
    assert times["-daisy-exclusive"] >= times["-daisy"]


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_whole_model_runs_on_bare_dimensions(system: str) -> None:
    for phase in ("both", "prefill", "decode"):
        for order in ("1", "2", "inf"):
            analysis(system, "qwen3-32b", {"gpu.overlap": order}, phase=phase).check_dimensions()
    analysis(system, "llama-2-7b", ideal=True).check_dimensions()
    limited = {"gpu.outstanding": "1 MB", "gpu.prefetch": "operator"}
    analysis(system, "llama-3.1-8b", limited, dtype="weights=fp8").check_dimensions()


BETTER = {
    "hbm.pin_rate": 1, "gpu.peak_bf16": 1, "gpu.matrix_efficiency": 1, "gpu.streaming_efficiency": 1,
    "gpu.launch": -1, "gpu.attention_launch": -1, "hbm.row_latency": -1, "hbm.controller_latency": -1,
    "gpu.covered_latency": 1, "scale_up.lane_rate": 1, "scale_up.latency": -1, "scale_up.software_latency": -1,
    "gpu.power_limit": 1, "gpu.energy_per_flop": -1, "hbm.core_energy": -1, "hbf.read_time": -1, "hbf.planes": 1,
    "base_die.lane_rate": 1, "base_die.latency": -1, "gpu.outstanding": 1, "gpu.spill": -1,
}  # fmt: skip


@settings(max_examples=25)
@given(st.sampled_from(["h100-sxm-8", "h200-hbf-8", "h200-hbf-daisy-8", "h200-hbf-daisy-exclusive-8"]),
       st.sampled_from(["1", "2", "inf"]), st.integers(1, 300), st.floats(1.001, 20), st.data())  # fmt: skip
def test_better_hardware_is_never_slower(
    system: str, order: str, batch: int, factor: float, data: st.DataObject
) -> None:
    more = {"gpu.overlap": order, "gpu.outstanding": "20 MB", "gpu.prefetch": "operator"}
    found = analysis(system, "llama-3.1-8b", more)
    symbols = found.recorded().symbols
    name = data.draw(st.sampled_from([n for n in BETTER if n in symbols]))
    old = symbols[name].value
    new = old * factor ** BETTER[name]
    if symbols[name].integer:
        new = math.ceil(new) if BETTER[name] > 0 else max(1, math.floor(new))
    before = found.evaluate(batch=batch).metrics
    after = found.evaluate(batch=batch, **{name: new}).metrics
    for metric in ("ttft", "tpot", "request_time"):
        assert after[metric] <= before[metric] * (1 + 1e-12)  # type: ignore[operator]


def test_more_work_is_never_faster() -> None:
    for system, model in (("h100-sxm", "llama-2-7b"), ("h200-hbf-daisy-8", "llama-3.1-70b")):
        found = analysis(system, model)
        for name, start in (("batch", 1), ("prompt", 8), ("output", 2)):
            results = [found.evaluate(**{name: start * 2**i}).metrics for i in range(10)]
            for a, b in itertools.pairwise(results):
                for metric in ("ttft", "tpot", "request_time"):
                    assert b[metric] >= a[metric] * (1 - 1e-12)  # type: ignore[operator]


def test_eight_devices_hold_the_weights_once_and_never_count_throughput_twice() -> None:
    # a known error of another tool: weights divided by N and throughput multiplied by N, a speed-up of N squared
    one = analysis("h100-sxm", "llama-2-7b", ideal=True, phase="decode")
    eight = analysis("h100-sxm-8", "llama-2-7b", ideal=True, phase="decode")
    speed_up = value(eight, "throughput", context=2048) / value(one, "throughput", context=2048)
    assert 6 < speed_up <= 8
