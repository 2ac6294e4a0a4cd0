"""High Bandwidth Flash against what its announcements and studies state. There is no silicon.

Sources: SanDisk generation 1 as tabulated in arXiv 2601.05047; H3, IEEE CAL 25(1) 49-52; FlashAccel, arXiv 2607.10186;
FLINT, arXiv 2608.25062; POSTECH, IEEE CAL 25(2) 251-254; Kyung et al., IEEE CAL 25(1) 210-213.
"""

from __future__ import annotations

from typing import Any

import pytest

import symarch
from symarch.specs import presets_of
from symarch.system import SystemGraph
from symarch_technologies.hbf import HighBandwidthFlash

DAY, YEAR = 86_400, 31_557_600


def preset(name: str, **values: Any) -> HighBandwidthFlash:
    given = {k: s.value for k, s in presets_of("hbf")[name].settings.items()}
    return HighBandwidthFlash(**{**given, **values})


@pytest.mark.parametrize(
    ("name", "read", "capacity", "accuracy"),
    [
        ("sandisk-gen1", 1638e9, 512e9, 1e-3),
        ("h3", 1e12, 384e9, 1e-3),
        ("flashaccel", 768e9, 192e9, 1e-12),
        ("flint", 1.05e12, 512e9, 2e-3),
        ("postech", 1.64e12, 512e9, 2e-3),
        ("kyung", 1.6e12, 512e9, 5e-3),
    ],
)
def test_one_stack_reads_and_holds_what_its_source_says(
    name: str, read: float, capacity: float, accuracy: float
) -> None:
    stack = preset(name, stacks=1)
    assert stack.read_bandwidth == pytest.approx(read, rel=accuracy)
    assert stack.capacity == pytest.approx(capacity, rel=1e-12)
    assert stack.read_bandwidth == stack.array_bandwidth  # in every study the arrays and not the pins are the limit


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("hbf")) == {"sandisk-gen1", "h3", "flashaccel", "flint", "postech", "kyung"}


def test_flashaccel_reads_768_gb_s_a_stack_and_six_write_245_8() -> None:
    # 8 dies x 96 planes x 4 kB / 4 us; six stacks 4608 planes x 4 kB / 75 us
    assert preset("flashaccel", stacks=1).read_bandwidth == pytest.approx(8 * 96 * 4000 / 4e-6, rel=1e-12)
    assert preset("flashaccel").write_bandwidth == pytest.approx(245.8e9, rel=1e-3)
    assert preset("flashaccel", page=4096).write_bandwidth == pytest.approx(4608 * 4096 / 75e-6)
    assert preset("flashaccel").capacity == pytest.approx(1152e9)
    assert preset("flashaccel").read_bandwidth == pytest.approx(4.6e12, rel=2e-3)


def test_a_plane_of_flint_programs_81_9_mb_s() -> None:
    flint = preset("flint")
    assert flint.page / flint.program_time == pytest.approx(81.9e6, rel=1e-3)
    assert flint.capacity == pytest.approx(4.096e12)
    assert preset("flint", stacks=1).read_bandwidth == 16 * 32 * 4096 / 2e-6


def test_postech_is_16_dies_of_25_planes_at_a_microsecond() -> None:
    assert preset("postech", stacks=1).read_bandwidth == pytest.approx(16 * 25 * 4096 / 1e-6, rel=1e-12)


def test_kyung_writes_48_gb_s_and_wears_out_in_under_two_weeks() -> None:
    stack = preset("kyung", stacks=1)
    assert stack.write_bandwidth == pytest.approx(48e9, rel=5e-3)
    # 512 GB x 1e5 cycles / 48 GB/s = 12.3 days
    assert stack.endurance / 48e9 / DAY == pytest.approx(12.3, abs=0.05)


def test_pages_in_flight_that_keep_a_stack_busy() -> None:
    # 1.638 TB/s in pages of 4 KiB: 400 at 1 us, 8000 at 20 us
    fast = preset("sandisk-gen1", stacks=1, read_time=1e-6, planes=25)
    assert fast.read_bandwidth * fast.read_time / fast.page == pytest.approx(400, rel=1e-3)
    stack = preset("sandisk-gen1", stacks=1)
    assert stack.read_bandwidth * stack.read_time / stack.page == pytest.approx(8000, rel=1e-3)


def test_latency_hiding_buffer_of_h3() -> None:
    # twice 1 TB/s x 20 us = 40 MB (H3, Eq. 1)
    stack = preset("h3", stacks=1)
    assert 2 * stack.read_bandwidth * stack.read_time == pytest.approx(40e6, rel=1e-3)


def test_lifetimes_of_yu_et_al() -> None:
    # arXiv 2609.39131, Eq. 8: 375 GB a stack, 1e5 cycles, 6.69 TB written in 10,419 s
    rate = 6.69e12 / 10_419
    for stacks, years in ((8, 14.82), (4, 7.41)):
        memory = preset("sandisk-gen1", stacks=stacks, dies=15, die_capacity=25e9)
        assert memory.capacity == stacks * 375e9
        assert memory.endurance / rate / YEAR == pytest.approx(years, rel=2e-3)
    doubled = preset("sandisk-gen1", write_amplification=2.0)
    assert doubled.endurance == preset("sandisk-gen1").endurance / 2
    assert doubled.write_energy == 2 * preset("sandisk-gen1").write_energy


def test_reads_wear_a_block_out_within_weeks() -> None:
    # 50 steps/s read each of 1024 pages: 1e6 / (1024 x 50) = 19.5 s to a rewrite, x 1e5 cycles = 22.6 days (FLINT: 29)
    memory = preset("flint", pages_per_block=1024)
    per_step = memory.capacity  # every page once
    assert memory.read_disturb / (memory.pages_per_block * 50) == pytest.approx(19.5, abs=0.05)
    assert memory.read_endurance / (per_step * 50) / DAY == pytest.approx(22.6, abs=0.05)


def test_energy_and_power_of_a_full_stack() -> None:
    # SanDisk: less than 80 W at 1638 GB/s; H3: 160 W a cube at 1 TB/s
    for name, watts, rate in (("sandisk-gen1", 80, 1638e9), ("h3", 160, 1e12)):
        stack = preset(name, stacks=1)
        assert rate * stack.read_energy + stack.static_power == pytest.approx(watts, rel=2e-3)
    assert preset("flint").read_energy / 8 == pytest.approx(20e-12)
    assert preset("flint").write_energy / 8 == pytest.approx(100e-12)
    assert preset("flashaccel").read_energy / 8 == pytest.approx(8e-12)
    # Micron (HotInfra'26): 8.5 pJ/bit at 8 TB/s is 544 W of the 549 stated
    assert HighBandwidthFlash().read_energy * 8e12 == pytest.approx(544, rel=1e-3)


def test_the_interface_binds_when_the_arrays_outrun_it() -> None:
    fast = preset("sandisk-gen1", stacks=1, read_time=1e-6)
    assert fast.array_bandwidth > fast.interface_bandwidth == 2048 * 1e9
    assert fast.read_bandwidth == fast.port_bandwidth == fast.interface_bandwidth
    # at 6.4 Gb/s a pin both would give the announced 1638 GB/s
    both = preset("sandisk-gen1", stacks=1, pin_rate=0.8e9)
    assert both.interface_bandwidth == pytest.approx(both.array_bandwidth, rel=1e-12)


def test_the_shipped_flash_systems_have_six_stacks_a_gpu() -> None:
    for name in ("h200-hbf-8", "h200-hbf-daisy-8", "h200-hbf-daisy-exclusive-8"):
        graph = SystemGraph.build(symarch.load_system(name), lambda component, parameter, value: value)
        assert graph.memories["hbf"].capacity == pytest.approx(3.072e12)
        assert graph.memories["hbf"].read_bandwidth == pytest.approx(6 * 1638.4e9)
        assert graph.memories["hbm"].read_bandwidth == pytest.approx(4.8e12)
