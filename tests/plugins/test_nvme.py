"""NVMe drives against data sheets and studies.

Sources: Samsung PM1743 as announced; PCI-SIG; arXiv 2601.05047, comparison of memories; FLINT, arXiv 2608.25062; Yu et
al., arXiv 2609.39131; endurance of a 7.68 TB drive at one write a day, 14,016 TB, Gestalt IT on Solidigm drives.
"""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.nvme import NvmeDrive


def preset(name: str, **values: Any) -> NvmeDrive:
    given = {k: s.value for k, s in presets_of("nvme")[name].settings.items()}
    return NvmeDrive(**{**given, **values})


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("nvme")) == {"pm1743", "flash-card", "flint-ssd", "yu-host"}


def test_four_lanes_of_pcie_5_carry_15_75_gb_s() -> None:
    # 4 x 32 Gb/s / 8 x 128/130
    assert preset("pm1743").port_bandwidth == pytest.approx(15.75e9, rel=5e-4)
    assert preset("pm1743").port_bandwidth == pytest.approx(4 * 32e9 / 8 * 128 / 130, rel=1e-12)


def test_pm1743_has_the_rates_of_its_data_sheet() -> None:
    drive = preset("pm1743")
    assert drive.read_bandwidth == pytest.approx(13.0e9, rel=1e-12)
    assert drive.write_bandwidth == pytest.approx(6.6e9, rel=1e-4)  # the program time is rounded to 0.05 us
    assert drive.reads_per_second == pytest.approx(2.5e6, rel=1e-12)
    assert drive.writes_per_second == pytest.approx(250e3, rel=1e-4)
    assert drive.capacity == pytest.approx(7.68e12, rel=1e-12)
    # 2 and 16 dies a channel make the smallest and the largest drive of the family
    assert preset("pm1743", dies=2).capacity == pytest.approx(1.92e12, rel=1e-12)
    assert preset("pm1743", dies=16).capacity == pytest.approx(15.36e12, rel=1e-12)
    # 608 MB/s a watt: 21 W when reading
    assert drive.read_energy * 13.0e9 + drive.static_power == pytest.approx(13.0e9 / 608e6, rel=1e-3)


def test_short_reads_are_limited_by_planes_and_then_by_bytes() -> None:
    drive = preset("pm1743")
    # a short read costs what 5200 B of a long one cost: 13.0 GB/s over 2.5 million a second
    assert drive.granularity == pytest.approx(5200, rel=1e-12)
    # with four planes a die the bytes of a sector are the limit: 13.0 GB/s / 4096 B
    many = preset("pm1743", planes=4)
    assert many.granularity == 4096
    assert many.reads_per_second == pytest.approx(13.0e9 / 4096)
    # where the arrays are the limit, a short read costs a whole page
    few = preset("pm1743", dies=1)
    assert few.read_bandwidth == few.internal_bandwidth < 13.0e9
    assert few.granularity == pytest.approx(16_384, rel=1e-12)
    assert drive.write_granularity == pytest.approx(6.6e9 / 250e3, rel=1e-12)


def test_endurance_is_drive_writes_a_day_over_the_warranty() -> None:
    # 7.68 TB x 1 a day x 365 x 5 years = 14,016 TB
    assert preset("pm1743").endurance == pytest.approx(14_016e12, rel=1e-12)
    assert preset("pm1743", drive_writes=3 / 86_400).endurance == pytest.approx(3 * 14_016e12, rel=1e-12)


def test_the_flash_card_of_the_paper() -> None:
    card = preset("flash-card")
    assert card.capacity == pytest.approx(4.096e12, rel=1e-12)
    assert card.read_bandwidth == pytest.approx(4e9, rel=1e-12)
    assert card.read_energy * 4e9 + card.static_power == pytest.approx(50, rel=1e-12)
    assert card.capacity / 50 / 1e9 == pytest.approx(82, abs=0.1)  # GB/W as the paper tabulates
    assert 10e-6 <= card.read_latency < 100e-6  # tens of microseconds


def test_the_drive_of_flint() -> None:
    drive = preset("flint-ssd")
    assert drive.read_bandwidth == pytest.approx(14e9, rel=1e-12)
    assert drive.read_latency == pytest.approx(40e-6, rel=1e-12)
    assert drive.read_energy / 8 == pytest.approx(100e-12, rel=1e-12)


def test_the_32_drives_of_yu() -> None:
    host = preset("yu-host")
    assert host.capacity == pytest.approx(32e12, rel=1e-12)
    assert host.read_bandwidth == pytest.approx(32 * 8e9, rel=1e-12)
    assert host.devices == 32


def test_each_stage_can_be_the_limit() -> None:
    link, channels, arrays = preset("pm1743", lanes=2), preset("pm1743"), preset("pm1743", dies=1)
    assert link.read_bandwidth == link.port_bandwidth
    assert channels.read_bandwidth == channels.channel_bandwidth
    assert arrays.read_bandwidth == arrays.internal_bandwidth
    assert channels.write_bandwidth == channels.array_write_bandwidth


def test_price_and_carbon_of_a_drive() -> None:
    # 30 TB for 10,950 dollars is 365 dollars a terabyte; the index says 356
    drive = NvmeDrive(usable_fraction=1, die_capacity=30e12 / 128)
    assert drive.cost == pytest.approx(10_950, rel=0.03)
    # ACT: 6 g/GB
    assert preset("flash-card").embodied_carbon == pytest.approx(4096 * 6e-3)
