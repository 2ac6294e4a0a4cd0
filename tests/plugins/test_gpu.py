"""GPUs against vendors' data sheets (dense peaks, power, cache) and the form their kernels were fitted in."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

import symarch
from symarch.errors import SymarchError
from symarch.specs import presets_of
from symarch.technologies import parameters_of
from symarch.trace import Access, Operator
from symarch_technologies._tiles import product_tile
from symarch_technologies.gpu import GPU

T = 1e12
SHEETS = {
    # bf16, fp8, int8, fp4, fp32 in dense TFLOP/s; W; L2 in MB; technology and preset of the scale-up link
    "a100-sxm": (312, None, 624, None, 19.5, 400, 40, "nvlink", "nvlink3"),
    "h100-sxm": (989, 1979, 1979, None, 66.9, 700, 50, "nvlink", "nvlink4"),
    "h200-sxm": (989, 1979, 1979, None, 66.9, 700, 50, "nvlink", "nvlink4"),
    "h20-sxm": (148, 296, 296, None, 44, 400, 60, "nvlink", "nvlink4"),
    "b200-sxm": (2250, 4500, 4500, 9000, 75, 1000, 126, "nvlink", "nvlink5"),
    "b300-sxm": (2250, 4500, None, 14_000, 75, 1100, 126, "nvlink", "nvlink5"),
    "gb200": (2500, 5000, 5000, 10_000, 80, 1200, 126, "nvlink", "nvlink5"),
    "gb300": (2500, 5000, None, 15_000, 80, 1400, 126, "nvlink", "nvlink5"),
    "l40s": (362.05, 733, 733, None, 91.6, 350, 96, "pcie", "gen4-nccl"),
    "rtx-pro-6000-server": (480, 960, 960, 1920, 120, 600, 128, "pcie", "gen5-nccl"),
    "b60": (98.3, None, 196.6, None, 12.29, 200, 18, "pcie", "gen5-nccl"),
    "mi300x": (1307.4, 2614.9, 2614.9, None, 163.4, 750, 256, "infinity-fabric", "mi300x"),
    "mi325x": (1307.4, 2614.9, 2614.9, None, 163.4, 1000, 256, "infinity-fabric", "mi300x"),
    "mi355x": (2516.6, 5033.2, 5033.2, 10_066.3, 157.3, 1400, 256, "infinity-fabric", "mi355x"),
    "rubin": (8750, 17_500, None, 35_000, None, 1800, 126, "nvlink", "nvlink6"),
}
SHIPPED = ("a100-sxm", "h100-sxm", "h200-sxm", "b200-sxm")  # with a system of one GPU each


def preset(name: str, **values: Any) -> GPU:
    return GPU(**{**{k: s.value for k, s in presets_of("gpu")[name].settings.items()}, **values})


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("gpu")) == set(SHEETS)


@pytest.mark.parametrize("name", SHEETS)
def test_presets_are_their_data_sheets(name: str) -> None:
    bf16, fp8, int8, fp4, fp32, watts, cache, technology, link = SHEETS[name]
    gpu = preset(name)
    peaks = (gpu.peak_bf16, gpu.peak_fp8, gpu.peak_int8, gpu.peak_fp4, gpu.peak_fp32)
    assert peaks == tuple(None if p is None else pytest.approx(p * T) for p in (bf16, fp8, int8, fp4, fp32))
    assert gpu.power_limit == watts
    assert gpu.on_chip_memory == cache * 1e6
    assert presets_of("gpu")[name].scale_up == link
    assert link in presets_of(technology)


@pytest.mark.parametrize("name", SHIPPED)
def test_idle_power_of_gpu_and_stacks_is_what_was_measured(name: str) -> None:
    # A100 58 W without a context; H100 and H200 116 W, B200 238 W with one
    system = symarch.load_system(name)
    stacks = system.components["hbm"].settings["stacks"].value
    idle = system.components["gpu"].settings["static_power"].value + 6.65 * stacks
    due = {"a100-sxm": 58, "h100-sxm": 109.35, "h200-sxm": 116, "b200-sxm": 238}[name]
    assert idle == pytest.approx(due, rel=1e-3)


@pytest.mark.parametrize("name", SHEETS)
def test_calibrated_presets_overlap_with_order_two(name: str) -> None:
    assert preset(name).overlap == 2
    memory = {"l40s": "gddr6", "b60": "gddr6", "rtx-pro-6000-server": "gddr7"}.get(name, "hbm")
    assert preset(name).streaming_memory == memory


@pytest.mark.parametrize(
    ("name", "dtype", "bandwidth", "due"),
    [  # FLOP/B at which arithmetic and data take equally long, from the products' memory bandwidths in TB/s
        ("a100-sxm", "bf16", 2.039, 153),
        ("h100-sxm", "bf16", 3.35, 295),
        ("h100-sxm", "fp8", 3.35, 591),
        ("b200-sxm", "fp8", 8, 563),
        ("mi300x", "fp8", 5.3, 493),
    ],
)
def test_ridge_points(name: str, dtype: str, bandwidth: float, due: int) -> None:
    assert preset(name).peak(dtype) / (bandwidth * T) == pytest.approx(due, abs=0.5)


@pytest.mark.parametrize(
    ("name", "dtype", "due"),
    [
        ("a100-sxm", "bf16", 1.28),
        ("h100-sxm", "bf16", 0.71),
        ("h100-sxm", "fp8", 0.35),
        ("b200-sxm", "bf16", 0.44),
        ("b200-sxm", "fp8", 0.22),
        ("b200-sxm", "fp4", 0.11),
        ("mi300x", "bf16", 0.57),
        ("mi300x", "fp8", 0.29),
    ],
)
def test_power_limit_over_peak(name: str, dtype: str, due: float) -> None:
    # pJ for each FLOP if all power went into arithmetic
    gpu = preset(name)
    assert gpu.power_limit / gpu.peak(dtype) * 1e12 == pytest.approx(due, abs=0.006)


@pytest.mark.parametrize("name", [n for n in SHEETS if n not in ("b200-sxm", "b300-sxm", "gb200")])
def test_products_at_16_bits_stay_within_the_power_limit(name: str) -> None:
    # on B200 they do not, by the energy measured on it: large products throttle there
    gpu = preset(name)
    assert gpu.matrix_efficiency * gpu.peak_bf16 * gpu.energy_per_flop + gpu.static_power < gpu.power_limit


def test_peaks_are_dense_where_the_vendor_prints_sparse_ones() -> None:
    # HGX B300: 72 PFLOP/s fp8 with sparsity for 8 GPUs; RTX PRO 6000 Server: 4 PFLOP/s fp4 with sparsity, two digits
    assert preset("b300-sxm").peak_fp8 == pytest.approx(72e15 / 8 / 2)
    assert preset("rtx-pro-6000-server").peak_fp4 == pytest.approx(4e15 / 2, rel=0.05)
    # H100: 3958 TFLOP/s fp8 with sparsity; L40S: 1466
    assert preset("h100-sxm").peak_fp8 == pytest.approx(3958e12 / 2)
    assert preset("l40s").peak_fp8 == pytest.approx(1466e12 / 2)


def test_figures_in_conflict_say_so_and_have_a_range() -> None:
    settings = presets_of("gpu")["b300-sxm"].settings
    for key in ("peak_bf16", "peak_fp4", "power_limit"):
        found = settings[key]
        assert found.status == "assumed"
        assert found.low is not None
        assert found.high is not None
        assert found.low <= found.value < found.high
        assert "differ" in found.source


CLOCKS = {
    # GHz, multiprocessors, dense operations of a multiprocessor in a clock at 16 bits
    "a100-sxm": (1.41, 108, 2048),
    "l40s": (2.52, 142, 1024),
    "gb200": (2.01, 152, 8192),
    "b60": (2.4, 20, 2048),
    "mi300x": (2.1, 304, 2048),
    "mi325x": (2.1, 304, 2048),
    "mi355x": (2.4, 256, 4096),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_peaks_are_cores_times_clock(name: str) -> None:
    clock, cores, each = CLOCKS[name]
    gpu = preset(name)
    assert (gpu.clock, gpu.multiprocessors) == (pytest.approx(clock * 1e9), cores)
    assert cores * clock * 1e9 * each == pytest.approx(gpu.peak_bf16, rel=0.02)


@pytest.mark.parametrize("name", [n for n in SHEETS if n not in ("a100-sxm", "h100-sxm")])
def test_processors_without_measurements_inherit_those_of_h100(name: str) -> None:
    found, elder = presets_of("gpu")[name], presets_of("gpu")["h100-sxm"]
    assert found.inherits == "h100-sxm"
    taken = found.settings["conversion"]
    assert taken.value == elder.settings["conversion"].value
    assert taken.status == "assumed"
    assert taken.source.startswith("assumed as in preset h100-sxm: aiconfigurator")


@pytest.mark.parametrize("name", ["l40s", "rtx-pro-6000-server"])
def test_attention_of_other_generations_is_not_that_of_hopper(name: str) -> None:
    found, ampere = preset(name), preset("a100-sxm")
    for key in ("attention_launch", "attention_efficiency", "attention_tile"):
        assert getattr(found, key) == getattr(ampere, key)


@pytest.mark.parametrize("name", SHEETS)
def test_every_value_has_a_source_and_what_has_none_is_named(name: str) -> None:
    found = presets_of("gpu")[name]
    assert all(s.source and s.status for s in found.settings.values())
    assert set(found.unknown) <= {p.name for p in parameters_of(GPU)}


def test_the_vector_units_take_what_is_no_product() -> None:
    gpu = preset("h100-sxm")
    for kind in ("norm", "elementwise", "embedding"):
        effort = gpu.effort(product(kind=kind, flops=66.9 * T))
        assert effort.times == {"vector": pytest.approx(1)}
        assert effort.overheads == {"launch": gpu.vector_launch}


def test_what_the_runtime_keeps_back_is_gone_at_the_speed_of_light() -> None:
    declared = {p.name: p for p in parameters_of(GPU)}
    assert (declared["runtime_memory"].default, declared["runtime_memory"].ideal) == (2 * 2**30, 0)
    assert (declared["allocatable"].default, declared["allocatable"].ideal) == (0.92, 1)
    # vLLM: 0.92 of an 80 GiB H100, less 2 GiB of its own, as the capacity constraint counts it
    analysis = symarch.analyze(symarch.load_system("h100-sxm"), symarch.load_model("llama-2-7b"))
    (hbm,) = [c for c in analysis.evaluate(batch=1).constraints if c.name == "hbm.capacity"]
    assert hbm.limit == pytest.approx((80 - 2) * 0.92 * 2**30)


def test_a_baseboard_of_eight_carries_its_footprint() -> None:
    # NVIDIA product carbon footprints: HGX H100 1312 kg, HGX B200 2274 kg, 42 % of the first in its memory
    assert 8 * preset("h100-sxm").embodied_carbon == pytest.approx(1312 * 0.58, rel=0.005)
    assert 8 * preset("b200-sxm").embodied_carbon == pytest.approx(2274 * 0.58, rel=0.005)


def product(dtype: str = "bf16", flops: float = 1e12, kind: str = "matmul", **dims: float) -> Operator:
    return Operator("op", kind, 1, dims, dtype, flops)


def matmul(m: int, n: int, k: int, dtype: str = "bf16") -> Operator:
    return product(dtype, 2.0 * m * n * k, m=m, n=n, k=k)


def test_effort_is_flops_over_efficiency_times_peak_and_a_launch() -> None:
    gpu = preset("h100-sxm")
    effort = gpu.effort(product())
    assert effort.times == {"arithmetic": pytest.approx(1e12 / (gpu.matrix_efficiency * 989 * T))}
    assert effort.overheads == {"launch": gpu.launch}
    norm = gpu.effort(product(kind="norm", flops=0))
    assert norm.times == {}
    assert norm.overheads == {"launch": gpu.vector_launch}


def test_products_in_fewer_bits_convert_and_run_at_their_own_peak() -> None:
    gpu = preset("h100-sxm")
    effort = gpu.effort(product("fp8"))
    assert effort.times == {"arithmetic": pytest.approx(1e12 / (gpu.converted_efficiency * 1979 * T))}
    assert effort.overheads == {"launch": gpu.launch, "conversion": gpu.conversion}


@pytest.mark.parametrize(
    ("m", "rows", "columns"),
    [(1, 64, 64), (64, 64, 64), (65, 64, 128), (128, 64, 128), (129, 128, 128), (4096, 128, 128)],
)
def test_few_rows_take_small_tiles(m: int, rows: int, columns: int) -> None:
    assert product_tile(m, 64) == (rows, columns)


def test_a_product_is_whole_tiles_that_fill_and_store() -> None:
    # 200 rows and 300 columns are two tiles by three of 128; each goes 1000 steps, and 100 in which it is filled
    gpu = preset("h100-sxm", ramp=100, matrix_efficiency=0.8)
    effort = gpu.effort(matmul(200, 300, 1000))
    assert effort.times["arithmetic"] == pytest.approx(2 * 256 * 384 * 1100 / (0.8 * 989 * T))
    half = preset("h100-sxm", ramp=100, matrix_efficiency=0.8, padding=0.5).effort(matmul(200, 300, 1000))
    assert half.times["arithmetic"] == pytest.approx((256 * 384 + 200 * 300) * 1100 / (0.8 * 989 * T))


def test_the_inner_loop_is_split_where_it_is_long() -> None:
    # a tile of 64 x 64 and 1000 steps at the 989 / 132 TFLOP/s of a core
    gpu = preset("h100-sxm", lone_tile=1.5, split=3e-6)
    alone = 2 * 64 * 64 * 1000 / (989 * T / 132)
    assert gpu.effort(matmul(8, 256, 1000)).overheads["loop"] == pytest.approx(1.5 * alone)
    assert gpu.effort(matmul(4096, 4096, 1000)).overheads["loop"] == pytest.approx(1.5 * alone)
    assert gpu.effort(matmul(8, 256, 50_000)).overheads["loop"] == pytest.approx(3e-6)


def test_a_tile_in_fewer_bits_is_one_cores_however_long() -> None:
    # one tile of 64 x 64 and 65536 steps at 1979 / 132 TFLOP/s: 35.8 us; H100: 48 with a launch and a conversion
    gpu = preset("h100-sxm", lone_tile=1, ramp=0)
    effort = gpu.effort(matmul(8, 64, 65_536, "fp8"))
    assert effort.times["arithmetic"] == pytest.approx(2 * 64 * 64 * 65_536 / (1979 * T / 132))
    assert "loop" not in effort.overheads


def test_fixed_times_are_those_at_the_own_clock() -> None:
    fast, slow = preset("h100-sxm"), preset("h100-sxm", clock=0.99e9)
    for operator in (matmul(8, 256, 256), matmul(8, 256, 256, "fp8"), attention(1, 512), product(kind="norm", flops=0)):
        quick, late = fast.effort(operator).overheads, slow.effort(operator).overheads
        # the pace of a lone tile is that of a core's peak, which is a parameter of its own
        assert late == {k: pytest.approx(v if k == "loop" else 2 * v, rel=1e-12) for k, v in quick.items()}


def test_data_that_return_soon_come_from_the_cache() -> None:
    # half of 50 MB holds data until they return: all of 25 MB, none of 50
    gpu = preset("h100-sxm")
    due = {20e6: 1e3, 25e6: 1e3, 37.5e6: 2, 50e6: 1, 1e9: 1}
    for between, times in due.items():
        operator = product(touched=between, between=between)
        assert gpu.streaming("hbm", operator) == pytest.approx(times * gpu.streaming_efficiency)
    once = attrs.evolve(matmul(8, 256, 256), dims={"m": 8, "n": 256, "k": 256, "touched": 1e6, "between": 6e6})
    assert gpu.effort(once).times["cache"] == pytest.approx((1 - 1e-3) * 1e6 / (132 * 24 * 1.98e9))
    passing = attrs.evolve(once, dims={**once.dims, "between": 60e6})  # nothing of it returns in time
    assert gpu.effort(passing).times["cache"] == 0
    assert "cache" not in gpu.effort(matmul(8, 256, 256)).times


def attention(queries: int, context: int, batch: int = 1, kv_heads: int = 8) -> Operator:
    dims = {"batch": batch, "queries": queries, "context": context, "heads": 32, "kv_heads": kv_heads, "head_dim": 128}
    flops = 4.0 * batch * 32 * 128 * queries * context
    return Operator("op", "attention", 1, dims, "bf16", flops)


def prompt(tokens: int, batch: int = 1, kv_heads: int = 8) -> Operator:
    """Return the attention of a prompt whose queries meet the keys before them."""
    even = attention(tokens, tokens, batch, kv_heads)
    mean = (tokens + 1) / 2
    return attrs.evolve(even, dims={**even.dims, "mean_context": mean}, flops=even.flops * mean / tokens)


def test_attention_takes_products_and_tiles() -> None:
    # 2048 queries of 32 heads, 4 to a key: 8192 rows a key in 64 tiles of 128, 512 in all, each with 128 keys and 128
    # rows to bring in, where the time is stated of 128 and 64; a score of heads of 128 is 512 operations;
    # FlashAttention 3 has two kernels
    gpu = preset("h100-sxm", attention_efficiency=0.8, attention_tile=1e-6)
    flops = 4.0 * 32 * 128 * 2048 * 2048
    effort = gpu.effort(attention(2048, 2048))
    starts = 512 * 1e-6 * 256 / 192 / 132
    assert effort.times == {"arithmetic": pytest.approx(flops / (0.8 * 989 * T))}
    assert effort.starts == {"arithmetic": pytest.approx(starts)}
    assert effort.whole == {"arithmetic": pytest.approx(flops / (0.8 * 989 * T) + starts)}
    assert effort.overheads == {"launch": 2 * gpu.attention_launch, "combine": 0}


def test_in_decode_heads_that_share_a_key_are_one_tile() -> None:
    # 1 query of the 4 heads that share a key: 4 rows of 64, 8 tiles spread over all cores
    gpu = preset("h100-sxm", attention_padding=0.5, attention_tile=1e-6, query_groups=1)
    operator = attention(1, 1024)
    work = operator.flops / (gpu.attention_efficiency * 989 * T) * (1 + 0.5 * 15)
    assert gpu.effort(operator).whole["arithmetic"] == pytest.approx(work + 8 * 1e-6 / 132)


def test_a_prompt_takes_as_long_as_its_longest_tile() -> None:
    gpu = preset("a100-sxm", attention_tile=0, attention_tail=0)
    few = prompt(512, kv_heads=32)  # 32 heads: 256 tiles on 108 cores
    even = few.flops / (gpu.attention_efficiency * 312 * T)
    assert gpu.effort(few).whole["arithmetic"] == pytest.approx(even)
    small = prompt(128, kv_heads=32)  # 64 tiles; the last has 64 queries that meet 65 to 128 keys
    work = small.flops / (gpu.attention_efficiency * 312 * T)
    assert gpu.effort(small).whole["arithmetic"] == pytest.approx(work * 108 / 64 * 96.5 / 64.5)


def test_cores_wait_for_half_of_the_last_tile_where_tiles_come_in_their_order() -> None:
    operator = prompt(2048, kv_heads=32)  # 1024 tiles on 108 cores
    none, half = (preset("a100-sxm", attention_tile=0, attention_tail=w) for w in (0, 0.5))
    even = none.effort(operator).whole["arithmetic"]
    longest = even * 108 / 1024 * (2048 - 31.5) / 1024.5
    assert half.effort(operator).whole["arithmetic"] == pytest.approx(even + longest / 2)
    assert preset("h100-sxm").attention_tail == 0


def test_flash_attention_3_splits_a_prompt_of_few_tiles_as_though_all_were_as_long() -> None:
    # hopper/heuristics.h and flash_prepare_scheduler.cu count whole contexts: 32 heads, 2 to a key, of 128 queries
    # are 32 tiles on 132 cores
    gpu = preset("h100-sxm", attention_tile=0)
    operator = prompt(256, kv_heads=16)  # 512 rows a key: 64 tiles of 128, of which the last has 64 queries
    even = operator.flops / (gpu.attention_efficiency * 989 * T)
    assert gpu.effort(operator).whole["arithmetic"] == pytest.approx(even * (256 - 31.5) / 128.5)
    short = prompt(128, kv_heads=16)  # one tile of keys is not split: 32 tiles
    even = short.flops / (gpu.attention_efficiency * 989 * T)
    assert gpu.effort(short).whole["arithmetic"] == pytest.approx(even * 132 / 32 * (128 - 31.5) / 64.5)


def test_writing_a_prompt_to_the_cache_takes_a_block_of_threads_for_each_token() -> None:
    # 8192 tokens of 4 heads of 128: 512 threads each, four blocks to a core at once; 8 heads take no more
    gpu = preset("h100-sxm", cache_latency=2e-6)

    def write(heads: int) -> float:
        operator = Operator("cache", "cache", 1, {"tokens": 8192, "cached": heads * 128}, "bf16", 0)
        effort = gpu.effort(operator)
        assert effort.overheads == {"launch": gpu.vector_launch}
        return float(effort.times["threads"])

    assert write(4) == pytest.approx(8192 * 512 / (132 * 2048) * 2e-6)
    assert write(8) == write(4) == pytest.approx(4 * write(1))
    # a model's is that of the operator that turns keys and writes them
    rope = Operator("rope", "elementwise", 1, {"tokens": 8192, "width": 6144, "cached": 512}, "bf16", 0)
    assert gpu.effort(rope).times == {"threads": write(4)}


def test_a_context_of_one_tile_of_keys_is_not_combined() -> None:
    gpu = preset("h100-sxm")
    assert gpu.effort(attention(1, 128)).overheads["combine"] == 0
    assert gpu.effort(attention(1, 129)).overheads["combine"] == pytest.approx(gpu.attention_combine)
    assert gpu.effort(attention(2048, 2048)).overheads["combine"] == 0


def test_tiles_of_a_short_prompt_leave_cores_idle() -> None:
    # 32 heads of 128 queries that share no key: 32 tiles on 132 cores take as long as 132 would
    gpu = preset("h100-sxm", attention_tile=1e-6)
    full, half = (preset("h100-sxm", attention_tile=1e-6, attention_idle=z) for z in (0, 0.5))
    operator = attention(128, 128, kv_heads=32)  # 32 tiles
    alone = full.effort(operator).whole["arithmetic"]
    assert gpu.effort(operator).whole["arithmetic"] == pytest.approx(alone * 132 / 32)
    assert half.effort(operator).whole["arithmetic"] == pytest.approx(alone * (1 + 132 / 32) / 2)


def test_flash_attention_2_splits_contexts_of_heads_that_share_keys_only() -> None:
    # vllm-project/flash-attention, csrc/flash_attn/flash_api.cpp, mha_varlen_fwd: splits only where it swaps queries
    # and groups, that is for one query of heads that share keys
    two, three = preset("a100-sxm"), preset("h100-sxm")
    slow = 1.98 / 1.41
    grouped, single, prompt = attention(1, 8192), attention(1, 8192, kv_heads=32), attention(64, 8192)
    assert two.effort(single).overheads["launch"] == pytest.approx(two.attention_launch * slow)
    assert two.effort(grouped).overheads["launch"] == pytest.approx(2 * two.attention_launch * slow)
    assert two.effort(grouped).overheads["regroup"] == pytest.approx(2 * two.vector_launch * slow)
    assert two.effort(single).overheads["regroup"] == two.effort(prompt).overheads["regroup"] == 0
    assert two.effort(attention(1, 8192, kv_heads=1)).overheads["regroup"] == 0  # its queries lie in order
    assert two.effort(single).overheads["combine"] == 0
    assert three.effort(single).overheads["combine"] > 0
    assert "regroup" not in three.effort(grouped).overheads
    # 32 tiles on 108 cores
    work = single.flops * 64 / (two.attention_efficiency * 312 * T) + 32 * two.attention_tile * slow / 108
    assert two.effort(single).whole["arithmetic"] == pytest.approx(work * 108 / 32)


def test_a_core_takes_what_was_measured_for_a_tile_of_keys() -> None:
    # A100, FlashAttention 2, one sequence of 2 heads that share no key: 3022.1 us at 131072 keys and 1525.4 at 65536
    # (aiconfigurator-core 0.12.0): 2.92 us for 128 keys
    gpu = preset("a100-sxm")
    times = [gpu.effort(attention(1, n, kv_heads=32)).whole["arithmetic"] for n in (65536, 131072)]
    assert (times[1] - times[0]) / 512 == pytest.approx(2.92e-6, rel=0.15)


def experts(m: float, held: float, dtype: str = "bf16", **more: float) -> Operator:
    dims = {"m": m, "n": 1024, "k": 1024, "experts": held, **more}
    return Operator("op", "moe_matmul", 1, dims, dtype, 2.0 * m * 2**20)


def tiles(gpu: GPU, flops: float, elements: float, peak: float = 989 * T) -> float:
    """Return the time in which an H100's cores bring in so many elements of 16 bits and compute, in turn."""
    return float(flops / (gpu.matrix_efficiency * peak) + elements * gpu.tile_element / 132)


def test_tiles_of_experts_are_whole_and_bring_their_operands_in_each() -> None:
    gpu = preset("h100-sxm")
    found = gpu.effort(experts(512, 8, each=64))  # one tile of 64 rows for each expert, 16 of 64 columns
    assert found.times == {"arithmetic": pytest.approx(tiles(gpu, 2 * 512 * 2**20, 8 * 16 * (64 + 64) * 1024))}
    assert found.overheads == {"launch": gpu.expert_launch}
    assert preset("h100-sxm", expert_launch=None).effort(experts(512, 8)).overheads == {"launch": gpu.launch}


def test_tiles_of_experts_are_as_wide_in_bytes_in_every_data_type() -> None:
    gpu = preset("h100-sxm")
    found = gpu.effort(experts(512, 8, "fp8", each=64))  # 8 of 128 columns of half as many bytes
    due = tiles(gpu, 2 * 512 * 2**20, 8 * 8 * (64 + 128) * 1024 / 2, 1979 * T)
    assert found.times == {"arithmetic": pytest.approx(due)}


@pytest.mark.parametrize(
    ("m", "more", "rows"),
    [
        (512, {}, 8 * 64 + 8 * 32),  # by chance an expert fills half a tile up
        (80, {}, 8 * 64),  # and has one at least
        (520, {"each": 65}, 8 * 128),
        (1024, {"each": 64}, 8 * 64 + 512),  # the rest is one expert's
    ],
)
def test_no_two_experts_share_a_tile(m: int, more: dict[str, float], rows: int) -> None:
    gpu = preset("h100-sxm")
    due = tiles(gpu, 2 * rows * 2**20, rows / 64 * 16 * (64 + 64) * 1024)
    assert gpu.effort(experts(m, 8, "bf16", **more)).times["arithmetic"] == pytest.approx(due)


def test_few_rows_of_an_expert_take_small_tiles() -> None:
    gpu = preset("h100-sxm")
    due = tiles(gpu, 2 * 8 * 16 * 2**20, 8 * 32 * (16 + 32) * 1024)
    assert gpu.effort(experts(64, 8, each=8)).times["arithmetic"] == pytest.approx(due)


def test_what_tiles_of_experts_bring_in_takes_a_time_by_the_clock() -> None:
    gpu = preset("h100-sxm", tile_element=0)
    slow, fast = (preset("h100-sxm", clock=f * 1e9).effort(experts(512, 8)).times["arithmetic"] for f in (1.0, 2.0))
    compute = gpu.effort(experts(512, 8)).times["arithmetic"]
    assert slow - compute == pytest.approx(2 * (fast - compute))


def test_experts_of_unknown_size_are_arithmetic() -> None:
    gpu = preset("h100-sxm")
    found = gpu.effort(Operator("op", "moe_matmul", 1, {}, "bf16", 1e12))
    assert found.times == {"arithmetic": pytest.approx(1e12 / (gpu.matrix_efficiency * 989 * T))}


@pytest.mark.parametrize("name", ["a100-sxm", "h100-sxm"])
def test_every_kind_of_kernel_streams_at_its_own_rate(name: str) -> None:
    gpu = preset(name)
    kinds = ("matmul", "attention", "moe_matmul", "elementwise", "conversion", "norm", "embedding")
    rates = [gpu.streaming("hbm", Operator("op", k)) for k in kinds]
    assert rates == [
        gpu.streaming_efficiency,
        gpu.attention_streaming,
        gpu.expert_streaming,
        gpu.pointwise_streaming,
        gpu.pointwise_streaming,
        gpu.norm_streaming,
        gpu.lookup_streaming,
    ]


@pytest.mark.parametrize(
    ("name", "dtype", "served"),
    [
        ("a100-sxm", "fp8", "bf16"),
        ("a100-sxm", "int8", "int8"),
        ("a100-sxm", "int4", "int8"),
        ("h100-sxm", "fp4", "fp8"),
        ("h100-sxm", "fp16", "bf16"),
        ("b200-sxm", "fp4", "fp4"),
        ("b200-sxm", "fp32", "fp32"),
    ],
)
def test_a_data_type_without_units_of_its_own_is_served_by_a_wider_one(name: str, dtype: str, served: str) -> None:
    assert preset(name).arithmetic(dtype) == served


def test_a_processor_without_any_arithmetic_for_a_type_says_so() -> None:
    with pytest.raises(SymarchError, match="no arithmetic for bf16"):
        preset("h100-sxm", peak_bf16=None).peak("bf16")


def test_a_memory_bound_product_on_h100_is_its_two_times_overlapped_and_a_launch() -> None:
    # 16384 x 16384 weights of 2 B at batch 1: 537 MB, overlapped in order 2 with 0.7 us of arithmetic
    gpu = preset("h100-sxm")
    operator = Operator("op", "matmul", 1, {}, "bf16", 2 * 16_384**2, (Access("weights", read=2 * 16_384**2),))
    found = symarch.time_operator(symarch.load_system("h100-sxm"), operator)
    data = 2 * 16_384**2 / (gpu.streaming_efficiency * 3.35e12)
    work = 2 * 16_384**2 / (gpu.matrix_efficiency * 989 * T)
    assert found == pytest.approx(gpu.launch + (data**2 + work**2) ** 0.5, rel=1e-9)


def test_the_speed_of_light_is_the_data_sheet() -> None:
    operator = Operator("op", "matmul", 1, {}, "bf16", 989 * T, (Access("weights", read=1e3),))
    assert symarch.time_operator(symarch.load_system("h100-sxm"), operator, ideal=True) == pytest.approx(1, rel=1e-9)


def test_the_largest_product_stays_within_the_power_limit() -> None:
    # 0.77 x 989 TFLOP/s at 0.68 pJ is 518 W, and 109 W idle: below 700 W, as the speeds were measured
    gpu = preset("h100-sxm")
    assert gpu.matrix_efficiency * gpu.peak_bf16 * gpu.energy_per_flop + gpu.static_power < gpu.power_limit


@pytest.mark.parametrize(
    "name", ["h200-sxm", "h20-sxm", "b200-sxm", "b300-sxm", "gb200", "gb300", "mi300x", "mi325x", "mi355x"]
)
def test_heirs_take_the_kernels_of_attention_too(name: str) -> None:
    heir, elder = preset(name), preset("h100-sxm")
    keys = ("kernels", "launch", "combine", "idle", "padding", "tile")
    for key in (*(f"attention_{k}" for k in keys), "query_groups", "cache_latency", "ramp", "lone_tile"):
        assert getattr(heir, key) == getattr(elder, key)
