"""TPUs: documented peaks out of their arrays, padding to whole tiles, the time to fill an array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import symarch
from symarch.specs import presets_of
from symarch.technologies import check_dimensions
from symarch.trace import Access, Operator
from symarch_technologies.tpu import TPU

T = 1e12
SHEETS = {
    # Cloud TPU documentation, fp8 and int8 as there or in JAX: bf16, fp8, int8, int4 in T/s; vector memory in MiB; link
    "tpu-v5e": (197, None, 394, 788, 128, "v5e"),
    "tpu-v5p": (459, None, 918, 1836, 128, "v5p"),
    "tpu-v6e": (918, 918, 1836, 3672, 128, "v6e"),
    "tpu7x": (2307, 4614, None, None, 128, "v7"),
}


def preset(name: str, **values: Any) -> TPU:
    return TPU(**{**{k: s.value for k, s in presets_of("tpu")[name].settings.items()}, **values})


def product(m: float, n: float, k: float, dtype: str = "bf16") -> Operator:
    return Operator("op", "matmul", 1, {"m": m, "n": n, "k": k}, dtype, 2 * m * n * k)


def arithmetic(tpu: TPU, operator: Operator) -> float:
    found: float = tpu.effort(operator).times["arithmetic"]
    return found


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("tpu")) == set(SHEETS)


def test_dimensions() -> None:
    check_dimensions(TPU)


@pytest.mark.parametrize("name", SHEETS)
def test_documented_peaks_come_out_of_the_arrays(name: str) -> None:
    bf16, fp8, int8, int4, memory, link = SHEETS[name]
    tpu = preset(name)
    due = tuple(None if p is None else pytest.approx(p * T, rel=1e-9) for p in (bf16, fp8, int8, int4))
    assert (tpu.peak_bf16, tpu.peak_fp8, tpu.peak_int8, tpu.peak_int4) == due
    assert tpu.on_chip_memory == memory * 2**20
    assert presets_of("tpu")[name].scale_up == link
    assert link in presets_of("ici")


def test_one_array_of_v5e_does_50_tflops_at_one_and_a_half_gigahertz() -> None:
    # scaling-book: about 5e13 in bf16 for each array; the clock solved from the documentation is 0.2 % off
    assert preset("tpu-v5e", clock=1.5e9).peak_bf16 / 4 == pytest.approx(4.9152e13)
    assert preset("tpu-v5e").clock == pytest.approx(1.5e9, rel=0.0021)


def test_trillium_is_4_7_times_v5e() -> None:
    assert preset("tpu-v6e").peak_bf16 / preset("tpu-v5e").peak_bf16 == pytest.approx(4.66, abs=0.005)


@pytest.mark.parametrize(("name", "bandwidth", "due"), [("tpu-v5p", 2.765, 166), ("tpu-v6e", 1.638, 560)])
def test_ridge_points(name: str, bandwidth: float, due: int) -> None:
    assert preset(name).peak_bf16 / (bandwidth * T) == pytest.approx(due, abs=0.5)


def test_the_vector_units_of_v5p() -> None:
    # 2 cores x 8 x 128 lanes x 4 units at 1.75 GHz: 14 T/s
    assert preset("tpu-v5p", clock=1.75e9).peak_vector == pytest.approx(2 * 8 * 128 * 4 * 1.75e9)
    effort = preset("tpu-v5p").effort(Operator("op", "norm", 1, {}, "bf16", 14.34375 * T))
    assert effort.times == {"vector": pytest.approx(1)}
    assert preset("tpu-v5p").effort(Operator("op", "norm")).times == {}


def test_an_array_takes_one_row_a_cycle() -> None:
    # 1024 rows through the four arrays of v5e, each with one tile of weights
    tpu = preset("tpu-v5e", matrix_efficiency=1)
    assert arithmetic(tpu, product(1024, 4 * 128, 128)) == pytest.approx(1024 / tpu.clock)
    # twice as fast in int8, four times in int4
    assert arithmetic(tpu, product(1024, 4 * 128, 128, "int8")) == pytest.approx(512 / tpu.clock)
    assert arithmetic(tpu, product(1024, 4 * 128, 128, "int4")) == pytest.approx(256 / tpu.clock)


def test_filling_and_draining_take_the_sides_of_the_array() -> None:
    tpu = preset("tpu-v6e")
    overheads = tpu.effort(product(256, 256, 256)).overheads
    assert overheads == {"launch": pytest.approx(1e-6), "fill": pytest.approx(512 / tpu.clock)}


@pytest.mark.parametrize(
    ("shape", "due"),
    [
        ((256, 256, 256), 1),
        ((1024, 4096, 4096), 1),
        ((256, 255, 256), 256 / 255),  # columns padded
        ((256, 256, 257), 512 / 257),  # one term more: a second row of tiles
        ((1, 256, 256), 256),  # one row takes as long as the next tile needs to load
        ((300, 256, 256), 304 / 300),  # rows come in eights
    ],
)
def test_products_are_padded_to_whole_tiles(shape: tuple[int, int, int], due: float) -> None:
    tpu = preset("tpu-v6e", matrix_efficiency=1)
    operator = product(*shape)
    assert arithmetic(tpu, operator) == pytest.approx(due * operator.flops / (918 * T))


def test_attention_is_two_products_for_each_head_of_the_cache() -> None:
    # 128 queries of 4 heads on each head of the cache: 512 rows; heads of 64 fill half the rows, then half the columns
    dims = {"batch": 2, "queries": 128, "context": 1024, "heads": 32, "kv_heads": 8, "head_dim": 64}
    operator = Operator("op", "attention", 1, dims, "bf16", 1e12)
    tpu = preset("tpu-v5e", matrix_efficiency=1)
    assert arithmetic(tpu, operator) == pytest.approx(2 * 1e12 / (197 * T))
    whole = Operator("op", "attention", 1, {**dims, "head_dim": 128}, "bf16", 1e12)
    assert arithmetic(tpu, whole) == pytest.approx(1e12 / (197 * T))


def test_experts_pad_their_share_of_the_rows() -> None:
    # 64 rows over 8 experts: 8 rows each, as long as 128
    operator = Operator("op", "moe_matmul", 1, {"m": 64, "n": 128, "k": 128, "experts": 8}, "bf16", 2 * 64 * 128 * 128)
    tpu = preset("tpu-v5e", matrix_efficiency=1)
    assert arithmetic(tpu, operator) == pytest.approx(128 / 8 * operator.flops / (197 * T))


@given(m=st.integers(1, 5000), n=st.integers(1, 5000), k=st.integers(1, 5000), which=st.sampled_from("mnk"))
def test_time_never_falls_as_a_product_grows(m: int, n: int, k: int, which: str) -> None:
    tpu = preset("tpu-v5e")
    more = {"m": m, "n": n, "k": k}
    more[which] += 1
    less = arithmetic(tpu, product(m, n, k))
    assert arithmetic(tpu, product(more["m"], more["n"], more["k"])) >= less * (1 - 1e-12)
    assert less * tpu.matrix_efficiency * tpu.peak_bf16 >= 2 * m * n * k * (1 - 1e-12)


@pytest.mark.parametrize(
    ("name", "bandwidth"), [("tpu-v5e", 0.819), ("tpu-v5p", 2.765), ("tpu-v6e", 1.638), ("tpu7x", 7.38)]
)
def test_one_token_waits_for_weights_not_for_arrays(name: str, bandwidth: float) -> None:
    # the arrays take weights in faster than the memory delivers them (bandwidths: Cloud TPU documentation, JAX)
    operator = product(1, 4096, 4096)
    tpu = preset(name, matrix_efficiency=1)
    assert arithmetic(tpu, operator) < 2 * 4096**2 / (bandwidth * T)


def test_what_google_does_not_state_is_named() -> None:
    for found in presets_of("tpu").values():
        assert {"power_limit", "static_power", "launch"} <= set(found.unknown)
    assert preset("tpu7x").limits() == {}


def test_energy_stays_below_what_tpu_v4_drew() -> None:
    # 170 W on average over 275 TFLOP/s
    assert TPU().energy_per_flop < 170 / 275e12


def test_it_runs_in_a_system(tmp_path: Path) -> None:
    spec = tmp_path / "v5e.toml"
    spec.write_text(
        'format = 1\nname = "v5e"\n[processor.tpu]\ntechnology = "tpu"\npreset = "tpu-v5e"\n'
        '[memory.hbm]\ntechnology = "hbm"\npreset = "hbm2e"\nstacks = 2\n',
        encoding="utf-8",
    )
    system = symarch.load_system(str(spec))
    big = Operator("op", "matmul", 1, {"m": 4096, "n": 4096, "k": 4096}, "bf16", 2 * 4096**3, (Access("weights", 1e6),))
    fixed = 1e-6 + 256 / 1.50299072265625e9
    assert symarch.time_operator(system, big) == pytest.approx(2 * 4096**3 / (0.9 * 197e12) + fixed, rel=1e-9)
