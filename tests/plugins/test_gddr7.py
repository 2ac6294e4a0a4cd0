"""GDDR7 against published bandwidths, capacities and timings.

Sources: JEDEC JESD239; NVIDIA on RTX PRO 6000 Blackwell Workstation Edition and GeForce RTX 5090; Micron's
announcement; row and refresh timings of CMU-SAFARI/ramulator2 at c5b1c3a.
"""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.gddr7 import GDDR7

GIB = 2**30


def preset(name: str, **values: Any) -> GDDR7:
    given = {k: s.value for k, s in presets_of("gddr7")[name].settings.items()}
    return GDDR7(**{**given, **values})


@pytest.mark.parametrize(("name", "rate", "bandwidth"), [("gddr7-28", 28, 112), ("gddr7-32", 32, 128)])
def test_one_chip_has_32_pins(name: str, rate: float, bandwidth: float) -> None:
    chip = preset(name, chips=1)
    assert chip.pin_rate == rate * 1e9 / 8  # three levels are in the rate: it counts bits
    assert chip.read_bandwidth == chip.write_bandwidth == pytest.approx(bandwidth * 1e9, rel=1e-12)
    assert chip.capacity == 2 * GIB
    assert chip.granularity == 32  # a channel of 8 pins x 32 bits


def test_the_end_of_the_standards_range() -> None:
    assert preset("gddr7-32", chips=1, pin_rate=6e9).read_bandwidth == pytest.approx(192e9, rel=1e-12)  # 48 Gb/s


@pytest.mark.parametrize(
    ("name", "values", "capacity"),
    [
        pytest.param("rtx-pro-6000", {}, 96, id="RTX PRO 6000 Blackwell: 96 GB on both sides of the board"),
        pytest.param("gddr7-28", {"chips": 16}, 32, id="GeForce RTX 5090: 32 GB"),
    ],
)
def test_512_pins_are_1792_gb_s(name: str, values: dict[str, Any], capacity: float) -> None:
    memory = preset(name, **values)
    assert memory.read_bandwidth == pytest.approx(1792e9, rel=1e-12)
    assert memory.capacity == capacity * GIB


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("gddr7")) == {"gddr7-28", "gddr7-32", "rtx-pro-6000"}


def test_row_latencies_follow_from_the_timings() -> None:
    # GDDR7-28000 (ramulator2): 32.0 ns to a closed row, 49.1 after a conflict
    assert preset("gddr7-28").row_latency * 1e9 == pytest.approx(32.0, abs=0.06)
    assert preset("gddr7-28", row_conflicts=1).row_latency * 1e9 == pytest.approx(49.1, abs=0.06)


def test_refresh_of_all_banks_would_cost_9_percent() -> None:
    assert preset("gddr7-28", refresh_blocking=1).refresh_loss == pytest.approx(180 / 1900, rel=1e-12)  # ramulator2


def test_energy_is_gddr6s_at_half_as_much_efficiency_again() -> None:
    # Micron: GDDR6 7.5 pJ/bit, GDDR7 more than 50 % better
    assert preset("gddr7-28").read_energy / 8 == pytest.approx(7.5e-12 / 1.5, rel=1e-12)
