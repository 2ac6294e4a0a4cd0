"""Processors without measurements of their own: products and experts in every data type are within what can be."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import attrs
import pytest

from symarch.accuracy.machines import machine
from symarch.accuracy.operators import alone, operators_of
from symarch.api import operator_time
from symarch.specs import System
from symarch.specs.systems import override

NAMES = (
    "a100-sxm", "h100-sxm", "h200-sxm", "b200-sxm", "b300-sxm", "gb200", "l40s", "rtx-pro-6000-server", "b60",
    "mi300x", "mi325x", "mi355x", "tpu-v5e", "tpu-v5p", "tpu-v6e", "tpu7x",
)  # fmt: skip
"""Not H20, where 16 rows that fill up a tile of 64 take more time than their data."""

DTYPES = ("bf16", "fp8_block", "nvfp4")

EXPERTS = {
    "deepseek-v3": {"hidden": 7168, "inter": 2048, "topk": 8, "experts": 256},
    "qwen3-coder-480b": {"hidden": 6144, "inter": 2560, "topk": 8, "experts": 160},
    "qwen3-next-80b": {"hidden": 2048, "inter": 512, "topk": 10, "experts": 512},
    "mixtral-8x7b": {"hidden": 4096, "inter": 14336, "topk": 2, "experts": 8},
}

LEAST = 0.05
"""Share of the roofline that large operators reach at least: experts in 4 bits wait for the cache."""


@cache
def systems(name: str) -> tuple[System, System]:
    """Return a system and its roofline, on which element-wise kernels still move their data."""
    system = machine(name)
    ideal = system.ideal()
    kept = {
        c.name: attrs.evolve(c, settings={**c.settings, "spill": system.components[c.name].settings["spill"]})
        for c in ideal.of("processor")
    }
    return system, attrs.evolve(ideal, components={**ideal.components, **kept})


def time(system: System, family: str, words: dict[str, str], sizes: dict[str, int]) -> float:
    return sum(float(operator_time(system, alone(o), limits=False)) for o in operators_of(family, words, sizes))


def share(name: str, family: str, words: dict[str, str], sizes: dict[str, int]) -> float:
    """Return the roofline's time over that predicted."""
    real, ideal = systems(name)
    return time(ideal, family, words, sizes) / time(real, family, words, sizes)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_large_products_are_between_the_roofline_and_a_quarter_of_it(name: str, dtype: str) -> None:
    for m, n, k in ((8192, 8192, 8192), (4096, 7168, 18432), (16, 32768, 16384), (256, 28672, 5120)):
        assert 0.25 < share(name, "gemm", {"dtype": dtype}, {"m": m, "n": n, "k": k}) <= 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("model", EXPERTS)
def test_large_experts_are_between_the_roofline_and_a_twentieth_of_it(name: str, dtype: str, model: str) -> None:
    for distribution in ("balanced", "power_law_1.2"):
        for ep, tokens in ((1, 16384), (8, 16384), (8, 256)):
            sizes = {**EXPERTS[model], "tp": 1, "ep": ep, "tokens": tokens}
            found = share(name, "moe", {"dtype": dtype, "distribution": distribution}, sizes)
            assert LEAST < found <= 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
def test_more_rows_never_take_less_time(name: str, dtype: str) -> None:
    system, _ = systems(name)
    rows = (1, 2, 16, 63, 64, 65, 96, 127, 128, 129, 192, 256, 257, 1000, 1024, 4096, 8191, 8192)
    for n, k in ((7168, 2048), (5120, 13824), (256, 7168)):
        times = [time(system, "gemm", {"dtype": dtype}, {"m": m, "n": n, "k": k}) for m in rows]
        assert all(after >= before * (1 - 1e-12) for before, after in pairwise(times))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("distribution", ["balanced", "power_law_1.2"])
def test_more_tokens_never_take_less_time(name: str, dtype: str, distribution: str) -> None:
    system, _ = systems(name)
    for ep in (1, 32):
        times = [
            time(
                system,
                "moe",
                {"dtype": dtype, "distribution": distribution},
                {**EXPERTS["deepseek-v3"], "tp": 1, "ep": ep, "tokens": 4**i},
            )
            for i in range(8)
        ]
        assert all(after >= before * (1 - 1e-12) for before, after in pairwise(times))


@pytest.mark.parametrize("family", ["gemm", "moe"])
@pytest.mark.parametrize("name", NAMES)
def test_fewer_bits_never_take_more_time(name: str, family: str) -> None:
    system, _ = systems(name)
    sizes = {
        "gemm": {"m": 16, "n": 16384, "k": 16384},
        "moe": {**EXPERTS["deepseek-v3"], "tp": 1, "ep": 8, "tokens": 256},
    }[family]
    wide, half, quarter = (
        time(system, family, {"dtype": d, "distribution": "balanced"}, sizes) for d in ("bf16", "fp8", "nvfp4")
    )
    assert quarter <= half <= wide


DEEPGEMM = (
    # m, n, k, TFLOP/s of the fp8 kernel alone on H800, whose arithmetic and memory are H100's: deepseek-ai/DeepGEMM,
    # README of 2025-02, "Normal GEMMs for dense models"
    (64, 2112, 7168, 206), (64, 24576, 1536, 289), (64, 32768, 512, 219), (64, 7168, 16384, 336),
    (64, 4096, 7168, 287), (64, 7168, 2048, 295), (128, 2112, 7168, 352), (128, 24576, 1536, 535),
    (128, 32768, 512, 358), (128, 7168, 16384, 645), (128, 4096, 7168, 533), (128, 7168, 2048, 510),
    (4096, 2112, 7168, 1058), (4096, 24576, 1536, 990), (4096, 32768, 512, 590), (4096, 7168, 16384, 1358),
    (4096, 4096, 7168, 1304), (4096, 7168, 2048, 1025),
)  # fmt: skip


def test_products_in_8_bits_are_near_those_that_another_library_publishes() -> None:
    """Another library's kernels, timed without launch and conversion, at inner dimensions that were not fitted."""
    system = override(machine("h100-sxm"), {"gpu.launch": "0 s", "gpu.conversion": "0 s"})
    errors = []
    for m, n, k, rate in DEEPGEMM:
        product = operators_of("gemm", {"dtype": "fp8"}, {"m": m, "n": n, "k": k})[-1]
        errors.append(float(operator_time(system, alone(product), limits=False)) / (2 * m * n * k / rate / 1e12) - 1)
    assert max(map(abs, errors)) < 1 / 3
    assert sorted(map(abs, errors))[len(errors) // 2] < 0.15
