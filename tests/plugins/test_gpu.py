"""GPUs against NVIDIA's data sheets (dense peaks, power, cache) and the form their kernels were fitted in."""

from __future__ import annotations

from typing import Any

import pytest

import symarch
from symarch.errors import SymarchError
from symarch.specs import presets_of
from symarch.trace import Access, Operator
from symarch_technologies.gpu import GPU

T = 1e12
SHEETS = {
    # bf16, fp8, int8, fp4, fp32 in dense TFLOP/s; W; L2 in MB; link of the scale-up network
    "a100-sxm": (312, None, 624, None, 19.5, 400, 40, "nvlink3"),
    "h100-sxm": (989, 1979, 1979, None, 66.9, 700, 50, "nvlink4"),
    "h200-sxm": (989, 1979, 1979, None, 66.9, 700, 50, "nvlink4"),
    "b200-sxm": (2250, 4500, 4500, 9000, 75, 1000, 126, "nvlink5"),
}


def preset(name: str, **values: Any) -> GPU:
    return GPU(**{**{k: s.value for k, s in presets_of("gpu")[name].settings.items()}, **values})


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("gpu")) == set(SHEETS)


@pytest.mark.parametrize("name", SHEETS)
def test_presets_are_their_data_sheets(name: str) -> None:
    bf16, fp8, int8, fp4, fp32, watts, cache, link = SHEETS[name]
    gpu = preset(name)
    peaks = (gpu.peak_bf16, gpu.peak_fp8, gpu.peak_int8, gpu.peak_fp4, gpu.peak_fp32)
    assert peaks == tuple(None if p is None else pytest.approx(p * T) for p in (bf16, fp8, int8, fp4, fp32))
    assert gpu.power_limit == watts
    assert gpu.on_chip_memory == cache * 1e6
    assert presets_of("gpu")[name].scale_up == link
    assert link in presets_of("nvlink")


@pytest.mark.parametrize("name", SHEETS)
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
    assert preset(name).streaming_memory == "hbm"


def product(dtype: str = "bf16", flops: float = 1e12, kind: str = "matmul") -> Operator:
    return Operator("op", kind, 1, {"m": 1, "n": 1, "k": 1}, dtype, flops)


def test_effort_is_flops_over_efficiency_times_peak_and_a_launch() -> None:
    gpu = preset("h100-sxm")
    effort = gpu.effort(product())
    assert effort.times == {"arithmetic": pytest.approx(1e12 / (0.775 * 989 * T))}
    assert effort.overheads == {"launch": pytest.approx(3.01e-6)}
    attention = gpu.effort(product(kind="attention"))
    assert attention.times == {"arithmetic": pytest.approx(1e12 / (0.471 * 989 * T))}
    assert attention.overheads == {"launch": pytest.approx(12.3e-6)}
    norm = gpu.effort(product(kind="norm", flops=0))
    assert norm.times == {}
    assert norm.overheads == {"launch": pytest.approx(3.01e-6)}


def test_products_in_fewer_bits_convert_and_run_at_their_own_peak() -> None:
    gpu = preset("h100-sxm")
    effort = gpu.effort(product("fp8"))
    assert effort.times == {"arithmetic": pytest.approx(1e12 / (0.489 * 1979 * T))}
    assert effort.overheads == {"launch": pytest.approx(3.01e-6), "conversion": pytest.approx(2.99e-6)}


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


def test_a_memory_bound_product_on_h100_takes_the_fitted_time() -> None:
    # 16384 x 16384 weights of 2 B at batch 1: 537 MB at 0.853 x 3.35 TB/s, overlapped in order 2 with 0.7 us of
    # arithmetic, 3.01 us of launch
    operator = Operator("op", "matmul", 1, {}, "bf16", 2 * 16_384**2, (Access("weights", read=2 * 16_384**2),))
    found = symarch.time_operator(symarch.load_system("h100-sxm"), operator)
    data, work = 2 * 16_384**2 / (0.853 * 3.35e12), 2 * 16_384**2 / (0.775 * 989 * T)
    assert found == pytest.approx(3.01e-6 + (data**2 + work**2) ** 0.5, rel=1e-9)


def test_the_speed_of_light_is_the_data_sheet() -> None:
    operator = Operator("op", "matmul", 1, {}, "bf16", 989 * T, (Access("weights", read=1e3),))
    assert symarch.time_operator(symarch.load_system("h100-sxm"), operator, ideal=True) == pytest.approx(1, rel=1e-9)


def test_the_largest_product_stays_within_the_power_limit() -> None:
    # 0.775 x 989 TFLOP/s at 0.68 pJ is 521 W, and 109 W idle: below 700 W, as the speeds were measured
    gpu = preset("h100-sxm")
    assert gpu.matrix_efficiency * gpu.peak_bf16 * gpu.energy_per_flop + gpu.static_power < gpu.power_limit
