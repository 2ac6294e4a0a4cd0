"""GDDR6 and GDDR6X against published bandwidths, capacities, timings and energies.

Sources: JEDEC JESD250; Micron's ultra-bandwidth solutions page; data sheets of L40S, Arc Pro B60 and RTX 4090; row and
refresh timings of CMU-SAFARI/ramulator2 at c5b1c3a.
"""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.gddr6 import GDDR6

GIB = 2**30


def preset(name: str, **values: Any) -> GDDR6:
    given = {k: s.value for k, s in presets_of("gddr6")[name].settings.items()}
    return GDDR6(**{**given, **values})


@pytest.mark.parametrize(
    ("name", "rate", "bandwidth"), [("gddr6", 14, 56), ("gddr6", 16, 64), ("gddr6x", 19, 76), ("gddr6x", 21, 84)]
)
def test_one_chip_has_32_pins(name: str, rate: float, bandwidth: float) -> None:
    chip = preset(name, chips=1, pin_rate=rate * 1e9 / 8)  # GB/s as Micron prints them
    assert chip.read_bandwidth == chip.write_bandwidth == pytest.approx(bandwidth * 1e9, rel=1e-12)
    assert chip.capacity == 2 * GIB
    assert chip.granularity == 32  # JESD250: a channel of 16 pins x burst 16


@pytest.mark.parametrize(
    ("name", "values", "bandwidth", "capacity"),
    [
        pytest.param("l40s", {}, 864, 48, id="L40S: data sheet"),
        pytest.param("b60", {}, 456, 24, id="Arc Pro B60: data sheet"),
        pytest.param("gddr6x", {"chips": 12}, 1008, 24, id="RTX 4090: 384 pins at 21 Gb/s"),
    ],
)
def test_graphics_cards(name: str, values: dict[str, Any], bandwidth: float, capacity: float) -> None:
    memory = preset(name, **values)
    assert memory.read_bandwidth == pytest.approx(bandwidth * 1e9, rel=1e-12)
    assert memory.capacity == capacity * GIB


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("gddr6")) == {"gddr6", "gddr6x", "l40s", "b60"}


def test_energies_are_microns_device_averages() -> None:
    assert preset("gddr6").read_energy / 8 == pytest.approx(7.5e-12, rel=1e-12)
    assert preset("gddr6x").read_energy / 8 == pytest.approx(7.25e-12, rel=1e-12)


def test_row_latencies_follow_from_the_timings() -> None:
    # GDDR6-14000 (ramulator2): 30.2 ns to a closed row, 45.6 after a conflict
    rate = 14e9 / 8
    assert preset("gddr6", pin_rate=rate).row_latency * 1e9 == pytest.approx(30.2, abs=0.06)
    assert preset("gddr6", pin_rate=rate, row_conflicts=1).row_latency * 1e9 == pytest.approx(45.6, abs=0.06)


def test_refresh_of_all_banks_would_cost_6_percent() -> None:
    assert preset("gddr6", refresh_blocking=1).refresh_loss == pytest.approx(120 / 1900, rel=1e-12)  # ramulator2


def test_price_of_eight_gigabits() -> None:
    # 2.29 USD, spot of 2024-09-30 (DRAMeXchange)
    assert preset("gddr6", chips=1, die_capacity=GIB).cost == pytest.approx(2.29, rel=1e-12)
