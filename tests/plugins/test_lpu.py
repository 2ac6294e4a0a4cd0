"""Groq's LPU: published peaks out of its planes, weights that are installed in cycles, no launch."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symarch.specs import presets_of
from symarch.technologies import check_dimensions, parameters_of
from symarch.trace import Operator
from symarch_technologies.lpu import LPU

T = 1e12


def groq(**values: Any) -> LPU:
    return LPU(**{**{k: s.value for k, s in presets_of("lpu")["groq-lpu"].settings.items()}, **values})


def product(m: int, n: int, k: int, dtype: str = "bf16") -> Operator:
    return Operator("op", "matmul", 1, {"m": m, "n": n, "k": k}, dtype, 2 * m * n * k)


def test_dimensions() -> None:
    check_dimensions(LPU)


def test_published_peaks_come_out_of_the_planes() -> None:
    # 750 TOP/s in int8, 188 TFLOP/s in fp16 as printed; 320 x 320 products; 5120 vector units
    lpu = groq()
    assert lpu.peak_int8 == pytest.approx(750 * T)
    assert f"{lpu.peak_bf16 / T:.0f}" == "188"
    assert lpu.planes * lpu.size**2 == 409_600
    assert lpu.lanes * lpu.vector_units == 5120
    assert lpu.power_limit == 300


def test_at_the_nominal_clock_the_planes_make_less() -> None:
    # ISCA 2020: 900 MHz, and more than 1 TeraOp/s for each square millimetre of 25 x 29; 820 TOP/s at 1 GHz
    assert LPU().clock == 0.9e9
    assert LPU().peak_int8 == pytest.approx(737.28 * T)
    assert LPU().peak_int8 / T > 25 * 29
    assert LPU(clock=1e9).peak_int8 == pytest.approx(819.2 * T)


def test_power_limit_over_peak() -> None:
    assert groq().power_limit / groq().peak_bf16 * 1e12 == pytest.approx(1.60, abs=0.005)
    assert groq().energy_per_flop * groq().peak_bf16 + groq().static_power < groq().power_limit


def test_nothing_is_launched() -> None:
    lpu = groq()
    assert lpu.launch == 0
    assert lpu.prefetch == "step"
    assert lpu.effort(Operator("op", "norm")).times == {}
    assert lpu.effort(Operator("op", "norm")).overheads == {"passage": pytest.approx(200 / lpu.clock)}


def test_vector_operators_use_the_vector_unit() -> None:
    effort = groq().effort(Operator("op", "elementwise", 1, {}, "bf16", 5120e9))
    assert effort.times == {"vector": pytest.approx(5120e9 / (5120 * groq().clock))}


def test_one_vector_takes_as_long_as_installing_the_next_weights() -> None:
    # 4096 x 4096 weights in int8 are 13 x 13 tiles of 320 x 320 over 4 planes, 40 cycles each: 9.4 TB/s of weights
    lpu = groq()
    time = lpu.effort(product(1, 4096, 4096, "int8")).times["arithmetic"]
    assert time == pytest.approx(13 * 13 / 4 * 40 / lpu.clock)
    assert lpu.effort(product(40, 4096, 4096, "int8")).times["arithmetic"] == pytest.approx(time)
    assert lpu.effort(product(80, 4096, 4096, "int8")).times["arithmetic"] == pytest.approx(2 * time)


def test_weights_of_16_bits_are_installed_as_fast_by_the_byte() -> None:
    # four planes take 409,600 B in 40 cycles: 10,240 B a cycle, in int8 as in fp16
    lpu = groq()
    for dtype, width in (("int8", 1), ("fp16", 2)):
        time = lpu.effort(product(1, 3200, 3200, dtype)).times["arithmetic"]
        assert width * 3200**2 / (time * lpu.clock) == pytest.approx(10_240)


def test_whole_planes_are_not_padded() -> None:
    lpu = groq()
    operator = product(320, 640, 320)
    assert lpu.effort(operator).times == {"arithmetic": pytest.approx(operator.flops / lpu.peak_bf16)}
    assert lpu.effort(product(320, 641, 320)).times["arithmetic"] == pytest.approx(2 * 960 * 320 * 320 / lpu.peak_bf16)


@given(m=st.integers(1, 2000), n=st.integers(1, 2000), k=st.integers(1, 2000), which=st.sampled_from("mnk"))
def test_time_never_falls_as_a_product_grows(m: int, n: int, k: int, which: str) -> None:
    lpu = groq()
    more = {"m": m, "n": n, "k": k}
    more[which] += 1
    grown = lpu.effort(product(more["m"], more["n"], more["k"])).times["arithmetic"]
    assert grown >= lpu.effort(product(m, n, k)).times["arithmetic"] * (1 - 1e-12)


def test_the_sram_is_a_memory_of_its_own_and_what_is_unknown_is_named() -> None:
    found = presets_of("lpu")["groq-lpu"]
    assert groq().on_chip_memory is None
    assert found.scale_up in presets_of("groq-c2c")
    assert set(found.unknown) <= {p.name for p in parameters_of(LPU)}
    assert all(s.source and s.status for s in found.settings.values())
