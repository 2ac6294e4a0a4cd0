"""Cerebras' wafers: dense peaks, which are an eighth of the announced one, and the way across the mesh."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.errors import SymarchError
from symarch.specs import presets_of
from symarch.technologies import check_dimensions, parameters_of
from symarch.trace import Operator
from symarch_technologies.wafer import Wafer


def wse3(**values: Any) -> Wafer:
    return Wafer(**{**{k: s.value for k, s in presets_of("wafer")["wse-3"].settings.items()}, **values})


def test_dimensions() -> None:
    check_dimensions(Wafer)


def test_the_data_sheet_of_wse_2_gives_the_clock() -> None:
    # WSE-2 data sheet: 850,000 cores, 7.5 PFLOP/s in fp16 dense, 75 sparse; four words a core (The Next Platform)
    wse2 = Wafer(cores=850_000, width=4)
    assert f"{wse2.peak_bf16 / 1e15:.1f}" == "7.5"


def test_the_dense_peak_is_an_eighth_of_the_announced_one() -> None:
    assert wse3().peak_bf16 == pytest.approx(15.84e15)
    assert 125e15 / wse3().peak_bf16 == pytest.approx(7.9, abs=0.01)
    # twice the arithmetic of WSE-2 in each core, 900,000 instead of 850,000 cores
    assert wse3().peak_bf16 / Wafer(cores=850_000, width=4).peak_bf16 == pytest.approx(2 * 900 / 850)


def test_the_published_memory_bandwidth_feeds_eight_words_a_cycle_and_not_sixteen() -> None:
    # 21 PB/s over all cores: 21 B a cycle each, more than eight words of 2 B
    per_core = 21e15 / (wse3().cores * wse3().clock)
    assert 8 * 2 < per_core < 16 * 2


def test_a_small_operator_takes_two_ways_across_the_wafer() -> None:
    # 949 cores along a side, one cycle each at 1.1 GHz, rows and columns
    wafer = wse3()
    due = 2 * 900_000**0.5 / 1.1e9
    for kind, flops in (("matmul", 1e3), ("attention", 1e3), ("norm", 0)):
        assert wafer.effort(Operator("op", kind, 1, {}, "bf16", flops)).overheads == {"crossing": pytest.approx(due)}
    for kind in ("elementwise", "embedding"):
        assert wafer.effort(Operator("op", kind)).overheads == {}
        assert wafer.effort(Operator("op", kind)).times == {}
    assert wafer.launch == 0


def test_products_take_the_dense_peak_and_the_rest_the_vector_rate() -> None:
    wafer = wse3(matrix_efficiency=1)
    assert wafer.effort(Operator("op", "matmul", 1, {}, "bf16", 15.84e15)).times == {"arithmetic": pytest.approx(1)}
    assert wafer.effort(Operator("op", "matmul", 1, {}, "fp8", 15.84e15)).times == {"arithmetic": pytest.approx(1)}
    assert wafer.effort(Operator("op", "elementwise", 1, {}, "bf16", 7.92e15)).times == {"vector": pytest.approx(1)}


def test_it_computes_in_16_bits_only() -> None:
    assert wse3().arithmetic("fp8") == wse3().arithmetic("int8") == "bf16"
    assert wse3().peak_bf16 == wse3().peak("fp4")
    with pytest.raises(SymarchError):
        wse3().peak("fp7")


def test_power_of_the_system() -> None:
    wafer = wse3()
    assert wafer.power_limit == 23_000
    assert wafer.energy_per_flop < wafer.power_limit / wafer.peak_bf16
    assert wafer.energy_per_flop * wafer.peak_bf16 + wafer.static_power < wafer.power_limit


def test_what_is_unknown_is_named() -> None:
    found = presets_of("wafer")["wse-3"]
    assert wse3().on_chip_memory is None
    assert set(found.unknown) <= {p.name for p in parameters_of(Wafer)}
    assert found.settings["clock"].status == found.settings["width"].status == "assumed"
    assert all(s.source and s.status for s in found.settings.values())
