"""3D DRAM against Stratum (Pan et al., MICRO 2025, arXiv 2510.05245) and the arithmetic of bonds."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.dram_3d import StackedDram

MM2 = 1e-6


def preset(name: str, **values: Any) -> StackedDram:
    given = {k: s.value for k, s in presets_of("dram-3d")[name].settings.items()}
    return StackedDram(**{**given, **values})


@pytest.mark.parametrize(("pitch", "bonds"), [(9e-6, 12_346), (1e-6, 1_000_000), (10e-6, 10_000)])
def test_bonds_of_a_square_millimetre(pitch: float, bonds: int) -> None:
    assert round(StackedDram(stacks=1, die_area=MM2, pitch=pitch, data_share=1).data_bonds) == bonds


@pytest.mark.parametrize(("end", "rate"), [("low", 34.34e12), ("high", 19.01e12), ("value", (34.34e12 + 19.01e12) / 2)])
def test_the_tiers_of_stratum_come_back(end: str, rate: float) -> None:
    time = getattr(presets_of("dram-3d")["stratum"].settings["cycle_time"], end)
    assert preset("stratum", stacks=1, cycle_time=time).read_bandwidth == pytest.approx(rate, rel=1e-4)


def test_a_stack_of_stratum_holds_32_gb_on_121_square_millimetres() -> None:
    assert preset("stratum", stacks=1).capacity == pytest.approx(32e9, rel=1e-3)
    assert preset("stratum", stacks=1, usable_fraction=1).capacity == pytest.approx(121 * 2.156e9 / 8, rel=1e-12)
    assert preset("stratum").capacity == pytest.approx(192e9, rel=1e-3)  # six beside an H100


def test_at_34_tb_s_the_energy_of_a_bit_is_the_power_of_the_stack() -> None:
    """34.34 TB/s at 1 pJ/bit are 274 W, at 0.16 pJ/bit 44 W: within the 43 to 45 W of the thermal simulation."""
    fast = preset("stratum", stacks=1, cycle_time=presets_of("dram-3d")["stratum"].settings["cycle_time"].low)
    assert fast.read_bandwidth * 8e-12 == pytest.approx(274.7, rel=1e-3)
    assert fast.read_bandwidth * fast.read_energy == pytest.approx(44, abs=0.5)


def test_without_pins_there_is_no_host_and_with_them_the_pins_are_the_limit() -> None:
    alone, hosted = StackedDram(stacks=1), StackedDram(stacks=1, host_pins=1024)
    assert alone.read_bandwidth == alone.internal_bandwidth == alone.port_bandwidth
    assert alone.read_energy == alone.internal_energy
    assert hosted.read_bandwidth == pytest.approx(1024 * 1e9)
    assert hosted.internal_bandwidth == alone.internal_bandwidth
    assert hosted.read_energy - hosted.internal_energy == pytest.approx(hosted.host_energy)


def test_coarse_bonds_are_the_limit_of_fast_banks() -> None:
    coarse = StackedDram(stacks=2, pitch=36e-6)
    assert coarse.read_bandwidth == coarse.bond_bandwidth < coarse.array_bandwidth
    assert coarse.bond_bandwidth == pytest.approx(2 * 121e-6 / 36e-6**2 * 0.1 * 1e9 / 8)


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("dram-3d")) == {"stratum", "hybrid-bonded"}
    # 4 dies of 121 mm^2 at 0.25 Gb/mm^2, 15 % lost to vias
    assert preset("hybrid-bonded", stacks=1).capacity == pytest.approx(4 * 121 * 0.25e9 / 8 * 0.85)
