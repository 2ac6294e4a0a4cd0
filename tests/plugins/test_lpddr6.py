"""LPDDR6 against what JEDEC states of it.

Sources: JEDEC JESD209-6 and its announcement (2025-07); row and refresh timings of CMU-SAFARI/ramulator2 at c5b1c3a.
"""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.lpddr6 import LPDDR6


def preset(name: str, **values: Any) -> LPDDR6:
    given = {k: s.value for k, s in presets_of("lpddr6")[name].settings.items()}
    return LPDDR6(**{**given, **values})


@pytest.mark.parametrize(
    ("name", "raw", "data", "accuracy"), [("lpddr6-10667", 32.0, 28.5, 2e-3), ("lpddr6-14400", 43.2, 38.4, 1e-12)]
)
def test_8_of_9_bits_of_a_channel_are_data(name: str, raw: float, data: float, accuracy: float) -> None:
    # JEDEC: 28.5 to 38.4 GB/s a channel of 24 pins at 10.667 to 14.4 Gb/s: 256 of 288 bits
    channel = preset(name, channels=1)
    assert channel.read_bandwidth == channel.write_bandwidth == pytest.approx(data * 1e9, rel=accuracy)
    assert channel.read_bandwidth * 9 / 8 == pytest.approx(raw * 1e9, rel=1e-4)
    assert channel.data_share == 8 / 9


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("lpddr6")) == {"lpddr6-10667", "lpddr6-14400"}


def test_an_access_moves_32_or_64_bytes_of_data() -> None:
    # JESD209-6: burst 24 or 48 on 12 pins carries 32 or 64 B
    assert preset("lpddr6-10667").granularity == pytest.approx(32, rel=1e-12)
    assert preset("lpddr6-10667", burst=6).granularity == pytest.approx(64, rel=1e-12)


def test_row_latency_follows_from_the_timings() -> None:
    # LPDDR6-10667 (ramulator2): 41.3 ns, of which the burst is 24 bits in 2.25 ns
    memory = preset("lpddr6-10667")
    assert memory.burst_time * 1e9 == pytest.approx(2.25, abs=1e-3)
    assert memory.row_latency * 1e9 == pytest.approx(41.3, abs=0.06)


def test_refresh_of_all_banks() -> None:
    assert preset("lpddr6-10667", refresh_blocking=1).refresh_loss == pytest.approx(280 / 3906, rel=1e-12)


def test_packages_multiply() -> None:
    one, four = preset("lpddr6-14400"), preset("lpddr6-14400", packages=4)
    for quantity in ("capacity", "read_bandwidth", "static_power", "devices"):
        assert getattr(four, quantity) == pytest.approx(4 * getattr(one, quantity))
    assert one.capacity == 16 * 2**30
    assert one.read_bandwidth == pytest.approx(4 * 38.4e9, rel=1e-12)
