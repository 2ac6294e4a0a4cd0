"""High Bandwidth Flash against what its announcements and studies state. There is no silicon.

Sources: SanDisk generation 1 as tabulated in arXiv 2601.05047; H3, IEEE CAL 25(1) 49-52; Yu et al., arXiv 2609.39131;
FlashAccel, arXiv 2607.10186; FLINT, arXiv 2608.25062; POSTECH, IEEE CAL 25(2) 251-254; Kyung et al., IEEE CAL 25(1)
210-213; Park et al., IEEE CAL 25(2) 259-262; Hot-Cold, arXiv 2609.25782; Atassi et al. (Oxford); Micron, HotInfra'26;
TileLens, arXiv 2607.04031; Li et al., arXiv 2608.11668; HAVEN, arXiv 2603.01175; OCP HBF base die specification 0.7.0.
"""

from __future__ import annotations

import math
from typing import Any, cast

import pytest

import symarch
from symarch.errors import SymarchError
from symarch.specs import presets_of
from symarch.system import SystemGraph
from symarch.technologies import parameters_of
from symarch_technologies.hbf import HighBandwidthFlash

HOUR, DAY, YEAR = 3600, 86_400, 31_557_600

# stack bandwidth [B/s] and capacity [B] as each source states or implies them; accuracy of the bandwidth: where planes
# are solved, half a plane of their number; where the source rounds (1.05 TB/s), its rounding
STATED: dict[str, tuple[float | None, float | None, float | None]] = {
    "sandisk-gen1": (1638e9, 512e9, 1e-3),
    "h3": (1e12, 384e9, 0.5 / 305),
    "yu": (1000e9, 375e9, 0.5 / 305),
    "flashaccel": (768e9, 192e9, 1e-12),
    "flint": (1e12, 512e9, 1e-12),
    "postech": (1.64e12, 512e9, 2e-3),
    "kyung": (1.6e12, 512e9, 0.5 / 73),
    "park": (2e12, 512e9, 1e-12),
    "hot-cold": (1e12, 384 * 2**30, 0.5 / 381),
    "oxford-hma": (2.0**40, 1024 * 2**30, 0.5 / 117),
    "micron": (1e12, 512 * 2**30, 0.5 / 305),
    "tilelens": (4.915e12 / 6, None, 1e-4),
    "li2026": (None, 512e9, None),
    "haven": (460e9, 512e9, 1e-12),
    "xlflash": (1638e9, 256e9, 0.5 / 100),
    "z-nand": (1638e9, None, 0.5 / 75),
    "target": (1.64e12, None, 2e-3),
    "ocp-grade-2": (1.536e12, 512 * 2**30, 1e-12),
}
INTERFACE_LIMITED = {"flint", "park", "tilelens", "haven", "ocp-grade-2"}


def preset(name: str, **values: Any) -> HighBandwidthFlash:
    """Return a preset as its source counts it: with rewriting beside the reads, unless the test says otherwise."""
    given = {k: s.value for k, s in presets_of("hbf")[name].settings.items()}
    return HighBandwidthFlash(**{**given, "exposed_rewriting": 0, **values})


@pytest.mark.parametrize("name", STATED)
def test_one_stack_reads_and_holds_what_its_source_says(name: str) -> None:
    read, capacity, accuracy = STATED[name]
    stack = preset(name, stacks=1)
    if read is not None:
        assert stack.read_bandwidth == pytest.approx(read, rel=accuracy)
    if capacity is not None:
        assert stack.capacity == pytest.approx(capacity, rel=1e-12)
    limit = stack.interface_bandwidth if name in INTERFACE_LIMITED else stack.array_bandwidth
    assert stack.read_bandwidth == limit


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("hbf")) == set(STATED)


@pytest.mark.parametrize("name", STATED)
def test_planes_are_stated_or_solved_to_the_nearest_whole_number(name: str) -> None:
    setting = presets_of("hbf")[name].settings.get("planes")
    if setting is None:
        assert "planes" in presets_of("hbf")[name].unknown
    elif "solved" in setting.source:
        assert setting.status == "assumed"
        stack = preset(name, stacks=1)
        inside = 2.5 if name == "tilelens" else 1  # TileLens: 2.5 times the rate of the interface
        stated = STATED[name][0]
        assert stated is not None
        exact = inside * stated * stack.read_time / (stack.dies * stack.page)
        assert stack.planes == round(exact)


def test_presets_leave_no_parameter_unaccounted_for() -> None:
    # absent by default, or a matter of the model and not of the part: a source that is silent leaves nothing unknown
    choices = {"exposed_rewriting", "access_efficiency", "buffering", "write_buffer", "service_life"}
    absent = {"stack_prefetch_buffer"}
    for name, found in presets_of("hbf").items():
        left = {p.name for p in parameters_of(HighBandwidthFlash)} - set(found.settings) - set(found.unknown)
        if found.settings.get("refresh") is not None:
            left.discard("retention_time")
        assert left <= choices | absent | {"stack_area"}, name


def test_a_gpu_of_eight_stacks_has_the_totals_its_study_states() -> None:
    assert preset("h3").capacity == pytest.approx(3.072e12)
    assert preset("h3").read_bandwidth == pytest.approx(8e12, rel=2e-3)
    assert preset("yu").capacity == 3e12
    assert preset("park").capacity == pytest.approx(4.096e12)
    assert preset("hot-cold").capacity == 3 * 2**40
    assert preset("micron").capacity == 4096 * 2**30
    assert preset("li2026").capacity == pytest.approx(3.072e12)
    assert preset("tilelens").read_bandwidth == pytest.approx(4.9152e12, rel=1e-12)


def test_flashaccel_reads_768_gb_s_a_stack_and_six_write_245_8() -> None:
    # 8 dies x 96 planes x 4 kB / 4 us; six stacks 4608 planes x 4 kB / 75 us
    assert preset("flashaccel", stacks=1).read_bandwidth == pytest.approx(8 * 96 * 4000 / 4e-6, rel=1e-12)
    assert preset("flashaccel").write_bandwidth == pytest.approx(245.8e9, rel=1e-3)
    assert preset("flashaccel", page=4096).write_bandwidth == pytest.approx(4608 * 4096 / 75e-6)
    assert preset("flashaccel").capacity == pytest.approx(1152e9)
    assert preset("flashaccel").read_bandwidth == pytest.approx(4.6e12, rel=2e-3)
    # 1152 GB x 1e6 cycles, which the paper prints as 1,125,000 TB of 1024 GB
    assert preset("flashaccel").endurance / 1.024e12 == pytest.approx(1_125_000)
    # 256 blocks of 256 pages of 4 KiB are its 256 MB a plane
    assert 256 * preset("flashaccel").pages_per_block * 4096 == 256 * 2**20


def test_a_plane_of_flint_programs_81_9_mb_s() -> None:
    flint = preset("flint", stacks=1)
    assert flint.page / flint.program_time == pytest.approx(81.9e6, rel=1e-3)
    assert flint.array_bandwidth == pytest.approx(1.05e12, rel=2e-3)
    assert flint.array_bandwidth == pytest.approx(16 * 32 * 4096 / 2e-6, rel=1e-12)
    assert preset("flint").capacity == pytest.approx(4.096e12)
    # a block is refreshed in place in 54.2 ms: 3 ms to erase and 1024 programs, reading it not counted
    block = flint.pages_per_block * (flint.rewrite_time - flint.read_time)
    assert block == pytest.approx(54.2e-3, rel=1e-12)
    # bytes under way that its burst of 2 MB covers: 512 planes sense one page each
    assert flint.read_bandwidth * flint.read_time == pytest.approx(2e6, rel=1e-12)
    assert 512 * flint.page == pytest.approx(2 * 2**20)


def test_postech_is_16_dies_of_25_planes_at_a_microsecond() -> None:
    assert preset("postech", stacks=1).read_bandwidth == pytest.approx(16 * 25 * 4096 / 1e-6, rel=1e-12)
    # its conventional part reads in 3 us: 0.35 TB/s needs 16 planes a die
    conventional = preset("postech", stacks=1, read_time=3e-6, planes=16)
    assert conventional.read_bandwidth == pytest.approx(0.35e12, rel=2e-3)


def test_kyung_writes_48_gb_s_and_wears_out_in_under_two_weeks() -> None:
    stack = preset("kyung", stacks=1)
    assert stack.write_bandwidth == pytest.approx(48e9, rel=5e-3)
    # array-limited: the write bandwidth is 1.6 TB/s x 3 us / 100 us
    assert stack.write_bandwidth == pytest.approx(stack.read_bandwidth * 3 / 100, rel=1e-12)
    # 512 GB x 1e5 cycles / 48 GB/s = 12.3 days
    assert stack.endurance / 48e9 / DAY == pytest.approx(12.3, abs=0.05)


def test_yu_writes_8_gb_s_a_stack_since_few_planes_program_at_once() -> None:
    stack = preset("yu", stacks=1)
    assert stack.write_bandwidth == pytest.approx(8e9, rel=2e-3)
    assert stack.write_latency == pytest.approx(250e-6, rel=0.01)
    assert stack.access_energy / 8 == pytest.approx(6.8e-12, rel=1e-12)
    assert stack.write_energy / 8 == pytest.approx(100e-12, rel=1e-12)


def test_park_has_blocks_of_20_75_mib_and_links_of_9_28_w() -> None:
    stack = preset("park", stacks=1)
    assert stack.page * stack.pages_per_block == 20.75 * 2**20
    # two interfaces, one on either side of the base die, each at 2 TB/s x 0.29 pJ/bit
    assert 2 * stack.interface_bandwidth * stack.io_energy == pytest.approx(9.28, rel=1e-12)


def test_pages_in_flight_that_keep_a_stack_busy() -> None:
    # 1.638 TB/s in pages of 4 KiB: 400 at 1 us, 8000 at 20 us
    assert preset("target", stacks=1).pages_in_flight == pytest.approx(400, rel=1e-12)
    assert preset("sandisk-gen1", stacks=1).pages_in_flight == pytest.approx(8000, rel=1e-12)
    # FlashAccel: 4,916 planes reach the 4.8 TB/s of an H200 at 4 us, and a hyper page of theirs is 19 MB
    reached = 4.8e12 * preset("flashaccel").read_time
    assert reached / 4096 == pytest.approx(4916, rel=0.05)
    assert reached == pytest.approx(19.2e6)


def test_latency_hiding_buffer_of_h3() -> None:
    # twice 1 TB/s x 20 us = 40 MB a cube (H3, Eq. 1), and its base die has that much
    stack = preset("h3", stacks=1)
    assert stack.prefetch_demand == pytest.approx(40e6, rel=0.5 / 305)
    assert stack.prefetch_buffer == 40e6
    assert preset("h3").prefetch_buffer == 320e6
    assert preset("h3").prefetch_demand <= preset("h3").prefetch_buffer
    # half as fast cells no longer fit, nor do those of generation 1 without a buffer of their own
    assert preset("h3", read_time=40e-6, planes=610).prefetch_demand > 320e6
    assert HighBandwidthFlash().prefetch_buffer is None


def test_write_lifetimes_of_yu_et_al() -> None:
    # arXiv 2609.39131, Eq. 8 and Table 4: bytes written in so many seconds, 1e5 cycles, years of 365 days; both the
    # terabytes and the years are printed with two decimals
    for stacks, written, seconds, years in (
        (8, 6.69e12, 10_419.17, 14.82),
        (8, 21.81e12, 10_930.78, 4.77),
        (8, 106.79e12, 13_552.76, 1.21),
        (4, 7.48e12, 16_614.28, 10.57),
        (4, 93.00e12, 20_821.73, 1.06),
        (4, 147.15e12, 23_228.20, 0.75),
    ):
        memory = preset("yu", stacks=stacks)
        assert memory.capacity == stacks * 375e9
        life = memory.endurance / (written / seconds) / (365 * DAY)
        assert life == pytest.approx(years, abs=0.005 + years * 0.005e12 / written)
    doubled = preset("yu", write_amplification=2.0)
    assert doubled.endurance == preset("yu").endurance / 2
    assert doubled.write_energy - doubled.io_energy == 2 * doubled.program_energy


def test_reads_wear_a_block_out_within_weeks() -> None:
    # 50 steps/s read each of 1024 pages: 1e6 / (1024 x 50) = 19.5 s to a rewrite, x 1e5 cycles = 22.6 days (FLINT: 29)
    memory = preset("flint")
    per_step = memory.capacity  # every page once
    assert memory.read_disturb / (memory.pages_per_block * 50) == pytest.approx(19.5, abs=0.05)
    assert memory.read_endurance / (per_step * 50) / DAY == pytest.approx(22.6, abs=0.05)


def test_rewriting_after_reads_costs_time_energy_and_wear() -> None:
    # one plane, by hand: a block of 1024 pages is read 1e6 times in 2 us, then moved in 1024 x (2 + 50) us + 3 ms
    busy, moved = 1e6 * 2e-6, 1024 * 52e-6 + 3e-3
    hidden, waited = preset("flint"), preset("flint", exposed_rewriting=1, refresh="none")
    assert waited.array_efficiency == pytest.approx(busy / (busy + moved), rel=1e-12)
    assert hidden.array_efficiency == 1  # its spare planes take it all
    assert hidden.disturbed == pytest.approx(1024e-6)
    assert hidden.read_energy / 8 == pytest.approx(21e-12 + 1024e-6 * 120e-12, rel=1e-12)
    # FLINT: at most 0.86 GB/s a stack are to be rewritten, at the 0.8 of 1 TB/s that its bursts sustain
    assert hidden.disturbed * 1e12 == pytest.approx(0.86e9, rel=0.25)
    worse = preset("flint", read_disturb=1e5, exposed_rewriting=1)
    assert worse.read_endurance == pytest.approx(hidden.read_endurance / 10)
    assert worse.array_efficiency < waited.array_efficiency < 1


def test_refresh_every_24_hours_or_never() -> None:
    # OCP: 24 h at 85 C. By hand: 512 GB of 4096 B pages on 16 x 500 planes, 122.93 us a page, once a day
    kept = HighBandwidthFlash(stacks=1)
    page_time = 20e-6 + 100e-6 + 3e-3 / 1024
    share = 512e9 / 4096 / (16 * 500) * page_time / (24 * HOUR)
    assert kept.retention_share == pytest.approx(share, rel=1e-12)
    only = HighBandwidthFlash(stacks=1, read_disturb=1e15)
    assert only.array_efficiency == pytest.approx(1 - share, rel=1e-9)
    # 512 GB read and programmed at 106.5 pJ/bit in a day: 5 mW; 1e5 cycles of a day: 274 years
    assert kept.refresh_power == pytest.approx(512e9 * 8 * 106.5e-12 / DAY, rel=1e-12)
    assert kept.static_power == pytest.approx(6.65 + kept.refresh_power, rel=1e-12)
    assert kept.retention_life / YEAR == pytest.approx(273.8, rel=1e-3)
    assert HighBandwidthFlash(retention_time=48 * HOUR).retention_life == 2 * kept.retention_life

    never = HighBandwidthFlash(stacks=1, refresh="none")
    assert (never.retention_share, never.refresh_power, never.retention_life) == (0, 0, None)
    assert never.static_power == 6.65
    assert never.array_efficiency > kept.array_efficiency
    assert preset("sandisk-gen1").refresh == "none"
    with pytest.raises(SymarchError, match="refresh is 'sometimes'; it must be one of periodic, none"):
        HighBandwidthFlash(refresh="sometimes")


def test_a_module_of_ocp_grade_2_gives_its_channel_96_gb_s() -> None:
    # 16 channels, each a UCIe module of 64 lanes at 16 GT/s, of which users get three quarters
    cube = preset("ocp-grade-2", stacks=1)
    assert cube.interface_bandwidth / 16 == pytest.approx(96e9, rel=1e-12)
    assert cube.interface_bandwidth == pytest.approx(0.75 * 1024 * 16e9 / 8, rel=1e-12)
    assert cube.area == pytest.approx(10.975e-3 * 16e-3, rel=1e-12)
    assert cube.refresh == "periodic"
    ends = presets_of("hbf")["ocp-grade-2"].settings["retention_time"]
    assert (ends.value, ends.low, ends.high) == (24 * HOUR, 24 * HOUR, 48 * HOUR)


def test_micron_reaches_0_36_of_its_bandwidth_when_scattered() -> None:
    scattered = preset("micron", access_efficiency=0.36, refresh="none", read_disturb=1e15)
    assert scattered.read_bandwidth * scattered.efficiency == pytest.approx(2.9e12, rel=0.01)
    assert scattered.access_energy * 8e12 == pytest.approx(544, rel=1e-3)  # of the 549 W stated


def test_ideal_flash_loses_no_time() -> None:
    ideal: dict[str, Any] = {p.name: p.ideal for p in parameters_of(HighBandwidthFlash) if p.has_ideal}
    assert HighBandwidthFlash(**ideal).efficiency == 1
    assert 0.98 < HighBandwidthFlash().array_efficiency < 1


def test_three_bits_a_cell_hold_three_times_as_much() -> None:
    single, triple = HighBandwidthFlash(bits_per_cell=1), HighBandwidthFlash(bits_per_cell=3)
    assert triple.capacity == 3 * single.capacity
    assert triple.die_capacity == 96e9
    assert triple.embodied_carbon == single.embodied_carbon  # the same cells
    # 6 g/GB of TLC (ACT): 1536 GB of three bits a cell
    assert HighBandwidthFlash(stacks=1, bits_per_cell=3).embodied_carbon == pytest.approx(1536 * 6e-3)
    assert preset("li2026").die_capacity == pytest.approx(32e9)


def test_energy_and_power_of_a_full_stack() -> None:
    # SanDisk: less than 80 W at 1638 GB/s; H3: 160 W a cube at 1 TB/s; Li et al.: 53.72 W at 202.27 GB/s
    for name, watts, rate in (("sandisk-gen1", 80, 1638e9), ("h3", 160, 1e12), ("li2026", 53.72, 202.27e9)):
        stack = preset(name, stacks=1, refresh="none")
        assert rate * stack.access_energy + stack.static_power == pytest.approx(watts, rel=2e-3)
        # what reads force to be rewritten comes on top
        assert stack.read_energy == pytest.approx(stack.access_energy * (1 + 0.02), rel=0.02)
    stated = {"flint": 21, "flashaccel": 8, "hot-cold": 20, "micron": 8.5, "yu": 6.8, "haven": 30, "li2026": 33.2}
    for name, energy in stated.items():
        assert preset(name).access_energy / 8 == pytest.approx(energy * 1e-12, rel=1e-12)
    assert (preset("flint").core_energy, preset("flint").program_energy) == (20e-12 * 8, 100e-12 * 8)
    # 30 W at 460 GB/s, the envelope of HAVEN, is the low end of its range
    low = presets_of("hbf")["haven"].settings["core_energy"].low
    assert low is not None
    assert (low + HighBandwidthFlash().io_energy) * 460e9 == pytest.approx(30, rel=0.01)


def test_oxford_reads_in_39312_cycles_of_an_a100() -> None:
    assert preset("oxford-hma").read_time == pytest.approx(39_312 / 1.41e9, rel=1e-3)


def test_area_of_the_stacks_and_no_price() -> None:
    # OCP: 10.975 mm x 16 mm
    assert HighBandwidthFlash(stacks=8).area == pytest.approx(8 * 10.975e-3 * 16e-3, rel=1e-12)
    assert preset("flashaccel").area == pytest.approx(6 * 149e-6)
    assert HighBandwidthFlash().cost is None
    assert HighBandwidthFlash(stacks=8, stack_price=1000.0).cost == 8000
    assert HighBandwidthFlash(stacks=6).devices == 6


def test_short_reads_and_writes_move_a_page() -> None:
    memory = HighBandwidthFlash(write_buffer=1e6)
    assert memory.granularity == memory.write_granularity == 4096
    assert memory.write_buffer == 1e6
    assert HighBandwidthFlash().write_buffer is None


def test_it_must_last_five_years() -> None:
    assert HighBandwidthFlash().service_life == 5 * YEAR
    assert presets_of("hbf")["kyung"].settings["service_life"].value == 5 * YEAR


def test_the_interface_binds_when_the_arrays_outrun_it() -> None:
    fast = preset("sandisk-gen1", stacks=1, read_time=1e-6)
    assert fast.array_bandwidth > fast.interface_bandwidth == 2048 * 1e9
    assert fast.read_bandwidth == fast.port_bandwidth == fast.interface_bandwidth
    # at 6.4 Gb/s a pin both would give the announced 1638 GB/s
    both = preset("sandisk-gen1", stacks=1, pin_rate=0.8e9)
    assert both.interface_bandwidth == pytest.approx(both.array_bandwidth, rel=1e-12)


def test_tilelens_keeps_the_bandwidth_of_hbm3e_over_its_sweep() -> None:
    # planes for 2.5 times the interface at 5 us still fill it at 10 us; at 20 us they no longer do
    for microseconds, filled in ((1, True), (2, True), (5, True), (10, True), (20, False)):
        memory = preset("tilelens", read_time=microseconds * 1e-6)
        assert (memory.read_bandwidth == memory.interface_bandwidth) is filled
    assert math.isclose(preset("tilelens").array_bandwidth, 2.5 * 4.9152e12, rel_tol=0.5 / 156)


def test_the_shipped_flash_systems_have_six_stacks_a_gpu() -> None:
    for name in ("h200-hbf-8", "h200-hbf-daisy-8", "h200-hbf-daisy-exclusive-8"):
        graph = SystemGraph.build(symarch.load_system(name), lambda component, parameter, value: value)
        assert graph.memories["hbf"].capacity == pytest.approx(3.072e12)
        assert cast(Any, graph.memories["hbf"]).array_bandwidth == pytest.approx(6 * 1638.4e9)
        assert graph.memories["hbm"].read_bandwidth == pytest.approx(4.8e12)
