"""LPDDR5 and LPDDR5X against published bandwidths, capacities, timings and powers.

Sources: JEDEC JESD209-5; Ma and Patterson, arXiv 2601.05047, comparison of memories; Micron, "Is HBF All You Need?",
HotInfra'26; row and refresh timings of CMU-SAFARI/ramulator2 at c5b1c3a; NVIDIA on Grace and DGX Spark; AnandTech.
"""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.lpddr5x import LPDDR5X

GIB = 2**30


def preset(name: str, **values: Any) -> LPDDR5X:
    given = {k: s.value for k, s in presets_of("lpddr5x")[name].settings.items()}
    return LPDDR5X(**{**given, **values})


@pytest.mark.parametrize(
    ("name", "bandwidth", "capacity", "accuracy"),
    [
        ("lpddr5-6400", 51.2, 16, 1e-12),  # 64 pins x 6.4 Gb/s; arXiv 2601.05047: 16 GB, 51 GB/s
        ("lpddr5x-8533", 68.3, 16, 1e-3),  # 64 pins x 8.533 Gb/s
        ("lpddr5x-9600", 77, 16, 5e-3),  # 64 pins x 9.6 Gb/s; SK hynix states 77 GB/s
        ("gb10", 273, 128, 1e-3),  # NVIDIA DGX Spark: 256 pins, 273 GB/s, 128 GB
        ("grace", 546, 480, 1e-3),  # NVIDIA Grace: 512 pins, 546 GB/s, 480 GB
    ],
)
def test_bandwidth_and_capacity(name: str, bandwidth: float, capacity: float, accuracy: float) -> None:
    memory = preset(name)
    assert memory.read_bandwidth == memory.write_bandwidth == pytest.approx(bandwidth * 1e9, rel=accuracy)
    assert memory.capacity == capacity * GIB


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("lpddr5x")) == {"lpddr5-6400", "lpddr5x-8533", "lpddr5x-9600", "gb10", "grace"}


def test_grace_keeps_a_sixteenth_for_error_correction() -> None:
    # NVIDIA states 480 of 512 GB and 512 of 546 GB/s: the same sixteenth
    assert preset("grace").usable_fraction == 480 / 512
    assert preset("grace").read_bandwidth * 480 / 512 == pytest.approx(512e9, rel=1e-3)
    # STREAM Triad of at least 410 GB/s (NVIDIA Grace performance tuning guide)
    assert preset("grace").read_bandwidth * preset("grace").efficiency == pytest.approx(410e9, rel=1e-3)


def test_a_16_gb_package_of_lpddr5_6400_draws_3_watts() -> None:
    # arXiv 2601.05047: 16 GB, 51 GB/s, 3 W: 17 GB/s and 5.3 GB a watt, 7.3 pJ/bit with the idle power in it
    package = preset("lpddr5-6400")
    power = package.static_power + package.read_bandwidth * package.read_energy
    assert power == pytest.approx(3, rel=1e-3)
    assert power / package.read_bandwidth / 8 == pytest.approx(7.3e-12, rel=5e-3)
    assert package.read_bandwidth / 1e9 / power == pytest.approx(17, abs=0.1)
    assert 16 / power == pytest.approx(5.3, abs=0.05)


def test_two_terabytes_a_second_in_a_package_draw_95_watts() -> None:
    # Micron, HotInfra'26: 2 TB/s, 95 W, 5.9 pJ/bit; 30 packages of 64 pins have 2.05 TB/s
    memory = preset("lpddr5x-8533", packages=30)
    assert memory.read_bandwidth == pytest.approx(2e12, rel=0.03)
    power = memory.static_power + 2e12 * memory.read_energy
    assert power == pytest.approx(95, rel=1e-3)
    assert power / 2e12 / 8 == pytest.approx(5.9e-12, rel=0.01)


def test_row_latencies_follow_from_the_timings() -> None:
    # LPDDR5-6400 (ramulator2), burst 16: 42.5 ns to a closed row, 61.2 after a conflict
    package = preset("lpddr5-6400", burst=2)
    assert package.row_latency * 1e9 == pytest.approx(42.5, abs=1e-9)
    assert preset("lpddr5-6400", burst=2, row_conflicts=1).row_latency * 1e9 == pytest.approx(61.2, abs=0.06)
    # random reads of a Snapdragon 888 with LPDDR5-6400: 114 ns (AnandTech, 2021)
    assert package.read_latency * 1e9 == pytest.approx(114, abs=1e-9)


def test_an_access_moves_32_or_64_bytes() -> None:
    assert preset("lpddr5x-8533").granularity == 32  # 16 pins x burst 16
    assert preset("lpddr5-6400").granularity == 64  # arXiv 2601.05047: 64 B a read, burst 32


def test_refresh_of_all_banks_would_cost_7_percent() -> None:
    package = preset("lpddr5-6400", refresh_blocking=1)
    assert package.refresh_loss == pytest.approx(280 / 3906, rel=1e-12)  # ramulator2: 16 Gb


def test_price_of_128_gigabits() -> None:
    # 235 USD, CFM spot of 2026-07 to 08
    assert preset("lpddr5x-8533").cost == pytest.approx(235, rel=1e-3)
