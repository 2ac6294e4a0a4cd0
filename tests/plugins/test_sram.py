"""On-chip SRAM against published capacities, bandwidths, areas and energies.

Sources: H3, IEEE CAL 25(1) 49-52; Park et al., IEEE CAL 25(2) 259-262; Horowitz, ISSCC 2014; Stillmaker and Baas 2017;
KULeuven-MICAS/zigzag; Cerebras WSE-3; Groq LPU (TechPowerUp; Abts et al., ISCA 2020).
"""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.sram import OnChipSram


def preset(name: str, **values: Any) -> OnChipSram:
    given = {k: s.value for k, s in presets_of("sram")[name].settings.items()}
    return OnChipSram(**{**given, **values})


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("sram")) == {"wafer-scale", "lpu", "h3-buffer"}


def test_40_mb_of_h3_take_8_06_square_millimetres() -> None:
    # 3.2e8 bits x 0.021 um^2 = 6.72 mm^2, x 1.2 = 8.06 mm^2
    buffer = preset("h3-buffer")
    assert buffer.capacity == pytest.approx(40e6, rel=1e-12)
    assert 40e6 * buffer.bit_area == pytest.approx(6.72e-6, rel=1e-12)
    assert buffer.array_area == pytest.approx(8.06e-6, rel=1e-3)
    assert buffer.array_area / 121e-6 == pytest.approx(0.067, abs=5e-4)  # of the base die
    assert buffer.capacity == OnChipSram().capacity


def test_17_6_mb_leak_115_mw_on_3_square_millimetres() -> None:
    # Park et al.; their area has no overhead in it
    tables = OnChipSram(array_area=17.6e6 * 8 * 0.021e-12, overhead=0)
    assert tables.capacity == pytest.approx(17.6e6, rel=1e-12)
    assert tables.array_area == pytest.approx(3e-6, rel=0.02)
    assert tables.static_power == pytest.approx(0.115, rel=1e-4)


def test_the_wafer_holds_44_gb_and_reads_them_in_2_1_us() -> None:
    wafer = preset("wafer-scale")
    assert wafer.capacity == pytest.approx(44e9, rel=1e-12)
    assert wafer.read_bandwidth == pytest.approx(21e15, rel=1e-12)
    assert wafer.capacity / wafer.read_bandwidth == pytest.approx(2.1e-6, rel=3e-3)
    assert wafer.bank_capacity == pytest.approx(48.9e3, rel=1e-3)  # of one of 900,000 cores
    assert presets_of("sram")["wafer-scale"].settings["word"].status == "assumed"
    assert wafer.array_area < 46_225e-6


def test_the_lpu_holds_220_mib_and_reads_them_in_2_9_us() -> None:
    lpu = preset("lpu")
    assert lpu.capacity == pytest.approx(220 * 2**20, rel=1e-12)
    assert lpu.capacity == pytest.approx(230e6, rel=4e-3)
    assert lpu.read_bandwidth == pytest.approx(80e12, rel=0.5 / 278)  # banks are solved to the nearest whole number
    assert lpu.banks == round(80e12 / (320 * 0.9e9))
    assert lpu.capacity / lpu.read_bandwidth == pytest.approx(2.9e-6, rel=0.01)
    assert presets_of("sram")["lpu"].settings["banks"].status == "assumed"
    # 70 GB of weights need 305 chips of 230 MB before any cache
    assert -(-70e9 // 230e6) == 305 and 303 <= 70e9 / lpu.capacity <= 305


@pytest.mark.parametrize(("kib", "picojoule"), [(8, 10), (32, 20), (1024, 100)])
def test_energy_of_a_bank_follows_horowitz(kib: int, picojoule: float) -> None:
    # 64 bits at 45 nm; the exponent goes through the ends and misses 20 pJ from 32 KB by 4 %
    bank = OnChipSram(banks=1, macro_energy=10e-12 / 8, array_area=kib * 1024 * 8 * 0.021e-12 * 1.2)
    assert bank.bank_capacity == pytest.approx(kib * 1024, rel=1e-12)
    assert 8 * bank.bank_energy == pytest.approx(picojoule * 1e-12, rel=1e-9 if kib != 32 else 0.04)


def test_energy_of_the_default_is_horowitz_at_7_nm_and_a_wire() -> None:
    small = OnChipSram(banks=1, array_area=8192 * 8 * 0.021e-12 * 1.2)
    assert small.bank_energy == pytest.approx(10e-12 / 8 * 0.057, rel=1e-3)
    # zigzag: 118 pJ for 64 B of a buffer of 118 KB with its interconnect
    level_one = OnChipSram(banks=1, array_area=118 * 1024 * 8 * 0.021e-12 * 1.2)
    assert 64 * level_one.read_energy == pytest.approx(118e-12, rel=0.02)


def test_bandwidth_and_latency_follow_from_banks_and_clock() -> None:
    memory = OnChipSram(banks=100, word=64, clock=2e9, cycles=6)
    assert memory.read_bandwidth == memory.write_bandwidth == 12.8e12
    assert memory.read_latency == memory.write_latency == pytest.approx(3e-9)
    assert memory.granularity == 64
