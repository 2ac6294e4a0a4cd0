"""NPUs of phones: the one figure vendors publish, half of it at 16 bits, a limit of a few watts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symarch.specs import presets_of
from symarch.technologies import check_dimensions, parameters_of
from symarch.trace import Operator
from symarch_technologies.npu import NPU

T = 1e12


def preset(name: str, **values: Any) -> NPU:
    return NPU(**{**{k: s.value for k, s in presets_of("npu")[name].settings.items()}, **values})


def product(m: int, n: int, k: int, dtype: str = "int8") -> Operator:
    return Operator("op", "matmul", 1, {"m": m, "n": n, "k": k}, dtype, 2 * m * n * k)


def test_dimensions() -> None:
    check_dimensions(NPU)


def test_published_operations_per_second() -> None:
    # Apple: 35 trillion a second; Snapdragon 8 Elite: 45 % faster than the 45 third parties give Snapdragon 8 Gen 3
    assert set(presets_of("npu")) == {"apple-a18-pro", "snapdragon-8-elite"}
    assert preset("apple-a18-pro").peak_int8 == 35 * T
    assert preset("snapdragon-8-elite").peak_int8 == pytest.approx(1.45 * 45 * T, rel=0.01)
    found = presets_of("npu")["snapdragon-8-elite"].settings["peak_int8"]
    assert (found.status, found.low, found.high) == ("assumed", 45 * T, 80 * T)


def test_half_the_rate_at_16_bits() -> None:
    npu = preset("apple-a18-pro", matrix_efficiency=1)
    assert npu.peak_bf16 == 17.5 * T
    assert (npu.arithmetic("int4"), npu.arithmetic("fp8")) == ("int8", "bf16")
    assert npu.effort(product(32, 32, 32)).times == {"arithmetic": pytest.approx(2 * 32**3 / (35 * T))}
    assert npu.effort(product(32, 32, 32, "fp16")).times == {"arithmetic": pytest.approx(2 * 32**3 / (17.5 * T))}


def test_products_are_padded_to_tiles() -> None:
    npu = preset("apple-a18-pro", matrix_efficiency=1)
    one = npu.effort(product(1, 4096, 4096)).times["arithmetic"]
    assert one == pytest.approx(npu.effort(product(32, 4096, 4096)).times["arithmetic"])
    assert npu.effort(product(33, 4096, 4096)).times["arithmetic"] == pytest.approx(2 * one)


@given(m=st.integers(1, 300), n=st.integers(1, 300), k=st.integers(1, 300), which=st.sampled_from("mnk"))
def test_time_never_falls_as_a_product_grows(m: int, n: int, k: int, which: str) -> None:
    npu = NPU()
    more = {"m": m, "n": n, "k": k}
    more[which] += 1
    grown = npu.effort(product(more["m"], more["n"], more["k"])).times["arithmetic"]
    assert grown >= npu.effort(product(m, n, k)).times["arithmetic"] * (1 - 1e-12)


def test_other_operators_use_the_vector_units() -> None:
    npu = preset("apple-a18-pro")
    assert npu.effort(Operator("op", "norm", 1, {}, "bf16", 1 * T)).times == {"vector": pytest.approx(1)}
    assert npu.effort(Operator("op", "norm")).times == {}
    assert npu.effort(Operator("op", "norm")).overheads == {"launch": pytest.approx(10e-6)}


def test_a_phone_gives_off_a_few_watts() -> None:
    npu = preset("apple-a18-pro")
    assert npu.power_limit == 4
    assert npu.static_power < npu.power_limit
    assert npu.limits()["power"].budget == 4
    # the energy leaves room for products at 16 bits at the efficiency assumed
    assert npu.matrix_efficiency * npu.peak_bf16 * npu.energy_per_flop + npu.static_power < npu.power_limit


@pytest.mark.parametrize("name", ["apple-a18-pro", "snapdragon-8-elite"])
def test_what_is_unknown_is_named(name: str) -> None:
    found = presets_of("npu")[name]
    assert set(found.unknown) <= {p.name for p in parameters_of(NPU)}
    assert {"power_limit", "matrix_efficiency", "launch"} <= set(found.unknown)
    assert all(s.source and s.status for s in found.settings.values())
