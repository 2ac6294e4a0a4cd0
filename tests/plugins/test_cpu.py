"""Server CPUs: peaks out of cores, operations a cycle and clock; tiles of AMX; the meeting of the cores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import symarch
from symarch.specs import presets_of
from symarch.technologies import check_dimensions, parameters_of
from symarch.trace import Operator
from symarch_technologies.cpu import CPU

T = 1e12
SHEETS = {
    # cores, base clock in GHz; bf16, int8, fp32 in T/s; cache in bytes
    "xeon-8592-plus": (64, 1.9, 124.5184, 249.0368, 7.7824, 320 * 2**20),
    "xeon-6980p": (128, 2.0, 262.144, 524.288, 16.384, 504 * 2**20),
    "epyc-9965": (192, 2.25, 55.296, 110.592, 27.648, 384 * 2**20),
    "grace": (72, 3.0816, 28.4, 56.8, 7.1, 117e6),
}


def preset(name: str, **values: Any) -> CPU:
    return CPU(**{**{k: s.value for k, s in presets_of("cpu")[name].settings.items()}, **values})


def product(m: int, n: int, k: int, dtype: str = "bf16") -> Operator:
    return Operator("op", "matmul", 1, {"m": m, "n": n, "k": k}, dtype, 2 * m * n * k)


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("cpu")) == set(SHEETS)


def test_dimensions() -> None:
    check_dimensions(CPU)


@pytest.mark.parametrize("name", SHEETS)
def test_peaks_are_cores_times_operations_times_clock(name: str) -> None:
    cores, clock, bf16, int8, fp32, cache = SHEETS[name]
    cpu = preset(name)
    assert cpu.cores == cores
    assert cpu.clock == pytest.approx(clock * 1e9, rel=1e-5)
    peaks = (cpu.peak_bf16, cpu.peak_int8, cpu.peak_fp32)
    assert peaks == tuple(pytest.approx(p * T, rel=1e-9) for p in (bf16, int8, fp32))
    assert cpu.peak_vector == cpu.peak_fp32
    assert cpu.on_chip_memory == cache


def test_grace_makes_the_double_precision_of_its_data_sheet() -> None:
    # 7.1 TFLOP/s in fp64 for two: half of fp32
    assert 2 * preset("grace").peak_fp32 / 2 == pytest.approx(7.1 * T)


def test_amx_on_sapphire_rapids_peaks_at_90_tflops() -> None:
    # 40 cores at 2.2 GHz (Xeon Platinum 8460H), 1024 operations a cycle
    assert CPU(cores=40, clock=2.2e9).peak_bf16 == pytest.approx(90.1 * T, rel=1e-3)


def test_a_tile_of_amx_takes_16_cycles() -> None:
    # 16 rows x 16 columns x 32 terms, 2 operations each, at 1024 a cycle
    cpu = CPU(cores=1, matrix_efficiency=1)
    assert cpu.effort(product(16, 16, 32)).times["arithmetic"] == pytest.approx(16 / cpu.clock)
    # one row, one column or one term take as long
    assert cpu.effort(product(1, 16, 32)).times["arithmetic"] == pytest.approx(16 / cpu.clock)
    assert cpu.effort(product(16, 1, 32)).times["arithmetic"] == pytest.approx(16 / cpu.clock)
    assert cpu.effort(product(16, 16, 1)).times["arithmetic"] == pytest.approx(16 / cpu.clock)
    assert cpu.effort(product(17, 16, 32)).times["arithmetic"] == pytest.approx(32 / cpu.clock)


def test_without_a_matrix_unit_a_single_row_is_not_padded() -> None:
    cpu = preset("epyc-9965", matrix_efficiency=1)
    operator = product(1, 4096, 4096)
    assert cpu.effort(operator).times == {"arithmetic": pytest.approx(operator.flops / cpu.peak_bf16)}


@given(m=st.integers(1, 500), n=st.integers(1, 500), k=st.integers(1, 500), which=st.sampled_from("mnk"))
def test_time_never_falls_as_a_product_grows(m: int, n: int, k: int, which: str) -> None:
    cpu = CPU()
    more = {"m": m, "n": n, "k": k}
    more[which] += 1
    grown = cpu.effort(product(more["m"], more["n"], more["k"])).times["arithmetic"]
    assert grown >= cpu.effort(product(m, n, k)).times["arithmetic"] * (1 - 1e-12)


def test_the_measured_product_on_granite_rapids() -> None:
    # LIA (ISCA 2025): 40 TFLOP/s on Granite Rapids; the range of the efficiency reaches down to it
    low = presets_of("cpu")["xeon-6980p"].settings["matrix_efficiency"].low
    assert low is not None
    assert low * preset("xeon-6980p").peak_bf16 == pytest.approx(40 * T, rel=0.02)


def test_other_operators_and_data_types() -> None:
    cpu = preset("xeon-8592-plus")
    assert cpu.effort(Operator("op", "norm")).times == {}
    assert cpu.effort(Operator("op", "norm")).overheads == {"launch": pytest.approx(5e-6)}
    vector = cpu.effort(Operator("op", "elementwise", 1, {}, "fp32", 7.7824 * T))
    assert vector.times == {"vector": pytest.approx(1)}
    assert (cpu.arithmetic("fp32"), cpu.arithmetic("int4"), cpu.arithmetic("fp8")) == ("fp32", "int8", "bf16")


@pytest.mark.parametrize("name", SHEETS)
def test_what_is_unknown_is_named(name: str) -> None:
    found = presets_of("cpu")[name]
    assert set(found.unknown) <= {p.name for p in parameters_of(CPU)}
    assert all(s.source and s.status for s in found.settings.values())


def test_it_runs_in_a_system(tmp_path: Path) -> None:
    spec = tmp_path / "xeon.toml"
    spec.write_text(
        'format = 1\nname = "xeon"\n[processor.cpu]\ntechnology = "cpu"\npreset = "xeon-8592-plus"\n'
        '[memory.ddr]\ntechnology = "ddr5"\npreset = "ddr5-4800"\n',
        encoding="utf-8",
    )
    big = Operator("op", "matmul", 1, {"m": 4096, "n": 4096, "k": 4096}, "bf16", 2 * 4096**3)
    found = symarch.time_operator(symarch.load_system(str(spec)), big)
    assert found == pytest.approx(2 * 4096**3 / (0.37 * 124.5184e12) + 5e-6, rel=1e-9)
