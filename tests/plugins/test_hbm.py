"""HBM against published bandwidths, capacities, timings and powers.

Sources: JEDEC JESD235 (HBM2E), JESD238 (HBM3), JESD270-4 (HBM4) as tabulated by Ma and Patterson, arXiv 2601.05047;
NVIDIA data sheets of A100 80 GB, H100 SXM, H200 and HGX B200; rail measurements of an H200, CMU-SAFARI/HBM-Power; row
timings of CMU-SAFARI/ramulator2 at c5b1c3a.
"""

from __future__ import annotations

from typing import Any

import pytest

import symarch
from symarch.specs import presets_of
from symarch.system import SystemGraph
from symarch_technologies.hbm import HighBandwidthMemory

GIB = 2**30


def preset(name: str, **values: Any) -> HighBandwidthMemory:
    given = {k: s.value for k, s in presets_of("hbm")[name].settings.items()}
    return HighBandwidthMemory(**{**given, **values})


@pytest.mark.parametrize(
    ("name", "bandwidth", "capacity"),
    [
        ("hbm2e", 460.8e9, 16 * GIB),  # 1024 x 3.6 Gb/s, 8 dies of 16 Gb
        ("hbm3", 819.2e9, 16 * GIB),  # 1024 x 6.4 Gb/s, 8 dies of 16 Gb
        ("hbm3e", 1228.8e9, 24 * GIB),  # 1024 x 9.6 Gb/s, 8 dies of 24 Gb
        ("hbm4", 2048e9, 36 * GIB),  # 2048 x 8 Gb/s, 12 dies of 24 Gb
    ],
)
def test_one_stack_has_the_standards_bandwidth_and_capacity(name: str, bandwidth: float, capacity: float) -> None:
    stack = preset(name, stacks=1)
    assert stack.read_bandwidth == stack.write_bandwidth == stack.port_bandwidth == pytest.approx(bandwidth, rel=1e-12)
    assert stack.capacity == capacity


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("hbm")) == {"hbm2e", "hbm3", "hbm3e", "hbm4"}


@pytest.mark.parametrize(
    ("name", "rate", "pins", "bandwidth"),
    [
        ("hbm2e", 1.0, 1024, 128),  # HBM, 2013
        ("hbm2e", 2.4, 1024, 307),  # HBM2, 2016
        ("hbm2e", 3.6, 1024, 461),  # HBM2E, 2019
        ("hbm3", 6.4, 1024, 819),  # HBM3, 2022
        ("hbm3e", 9.8, 1024, 1254),  # HBM3E, 2023
        ("hbm4", 8, 2048, 2048),  # HBM4, 2026
    ],
)
def test_generations_of_ma_and_patterson(name: str, rate: float, pins: int, bandwidth: float) -> None:
    # arXiv 2601.05047, table of HBM generations: Gb/s a pin, pins, GB/s a stack (the middle ones by multiplication)
    stack = preset(name, stacks=1, pins=pins, pin_rate=rate * 1e9 / 8)
    assert round(stack.read_bandwidth / 1e9) == bandwidth


@pytest.mark.parametrize(
    ("name", "stacks", "rate", "bandwidth", "accuracy"),
    [
        pytest.param("hbm2e", 5, 3.19, 2.039, 2e-3, id="A100 80 GB: data sheet"),
        pytest.param("hbm3", 5, 5.23, 3.35, 2e-3, id="H100 SXM: data sheet"),
        pytest.param("hbm3e", 6, 6.25, 4.8, 1e-12, id="H200: data sheet"),
        pytest.param("hbm3e", 8, 7.81, 8, 5e-4, id="B200: data sheet"),
        pytest.param("hbm3", 8, 5.2, 5.3, 5e-3, id="MI300X: data sheet, 5.2 Gb/s a pin"),
        pytest.param("hbm3", 2, 6.4, 1.638, 5e-4, id="TPU v6e: Cloud TPU documentation, two stacks inferred"),
        pytest.param("hbm4", 8, 10.7, 22, 5e-3, id="Rubin: announced"),
    ],
)
def test_accelerators_run_below_the_standards_rate(
    name: str, stacks: int, rate: float, bandwidth: float, accuracy: float
) -> None:
    memory = preset(name, stacks=stacks, pin_rate=rate * 1e9 / 8)
    assert memory.read_bandwidth == pytest.approx(bandwidth * 1e12, rel=accuracy)
    assert memory.devices == stacks


def test_hbm4_at_11_gb_s_and_the_largest_stack() -> None:
    assert preset("hbm4", stacks=1, pin_rate=11e9 / 8).read_bandwidth == pytest.approx(2816e9)
    assert preset("hbm4", stacks=1, dies=16, die_capacity=4 * GIB).capacity == 64 * GIB  # JESD270-4: 64 GB at most


@pytest.mark.parametrize(
    ("system", "bandwidth", "capacity"),
    [
        ("a100-sxm", 2.039e12, 80 * GIB),
        ("h100-sxm", 3.35e12, 80 * GIB),
        ("h200-sxm", 4.8e12, 141 * GIB),
        ("b200-sxm", 8e12, 180 * GIB),
    ],
)
def test_shipped_gpus_have_their_data_sheets_memory(system: str, bandwidth: float, capacity: float) -> None:
    for name in (system, f"{system}-8"):
        graph = SystemGraph.build(symarch.load_system(name), lambda component, parameter, value: value)
        assert graph.memories["hbm"].read_bandwidth == pytest.approx(bandwidth, rel=1e-9)
        assert graph.memories["hbm"].capacity == pytest.approx(capacity, rel=1e-9)


def test_latency_is_that_of_a_pointer_chase_on_h800() -> None:
    # 478.8 cycles at 1755 MHz = 272.8 ns (Luo et al., arXiv 2402.13499)
    assert preset("hbm3").read_latency == pytest.approx(478.8 / 1755e6, rel=1e-3)
    assert preset("hbm3").write_latency == preset("hbm3").read_latency


def test_energy_and_idle_power_are_those_of_the_h200_rail() -> None:
    # 210 W active at 4523 GB/s without idle power: 46.4 pJ/B = 5.80 pJ/bit; idle 34.8 to 45.0 W over 6 stacks
    stacks = preset("hbm3e", stacks=6)
    assert stacks.read_energy == stacks.write_energy == pytest.approx(210 / 4523e9, rel=2e-3)
    assert stacks.read_energy / 8 == pytest.approx(5.8e-12, rel=1e-9)
    assert stacks.static_power == pytest.approx((34.8 + 45.0) / 2, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "rate", "closed", "conflict"),
    [("hbm2e", 2.4, 30.0, 44.1), ("hbm3", 6.4, 33.1, 49.4), ("hbm4", 8, 30.5, 47.0)],
)
def test_row_latencies_follow_from_the_timings(name: str, rate: float, closed: float, conflict: float) -> None:
    # ns of HBM2-2400, HBM3-6400 and HBM4-8000 (ramulator2 c5b1c3a); the sums there are of rounded cycles
    rate *= 1e9 / 8
    assert preset(name, pin_rate=rate).row_latency * 1e9 == pytest.approx(closed, abs=0.08)
    assert preset(name, pin_rate=rate, row_conflicts=1).row_latency * 1e9 == pytest.approx(conflict, abs=0.2)


@pytest.mark.parametrize("name", ["hbm2e", "hbm3", "hbm3e", "hbm4"])
def test_an_access_moves_32_bytes(name: str) -> None:
    assert preset(name).granularity == 32  # arXiv 2601.05047: 64 bit x 4 in HBM2E, 32 bit x 8 since


def test_efficiency_is_that_of_random_reads_on_h200() -> None:
    assert preset("hbm3e").efficiency == pytest.approx(4520 / 4800, abs=5e-4)
    assert preset("hbm3e").efficiency == 0.942  # refresh is in the measurement and not taken off again
    assert preset("hbm3e", row_efficiency=0.678).efficiency == 0.678  # FLINT, arXiv 2608.25062


def test_all_banks_refreshing_at_once_would_cost_9_percent() -> None:
    stack = preset("hbm3e", refresh_blocking=1)
    assert stack.refresh_loss == pytest.approx(350 / 3900, rel=1e-12)  # tRFC and tREFI of HBM3 (ramulator2 c5b1c3a)
    assert stack.efficiency == pytest.approx(0.942 * 3550 / 3900, rel=1e-12)
    hot = preset("hbm3e", refresh_blocking=1, refresh_rate=2)  # twice as often above 85 C
    assert hot.refresh_loss == pytest.approx(700 / 3900, rel=1e-12)
    assert hot.static_power == pytest.approx(8 * 6.65 * 1.046, rel=1e-12)


def test_an_hbm4_6400_stack_of_48_gb_draws_40_watts() -> None:
    # arXiv 2601.05047, comparison of memories: 48 GB, 1638 GB/s, 40 W: 41 GB/s and 1.2 GB a watt, 3.05 pJ/bit. The 40 W
    # are taken as traffic alone; Micron's 3.0 pJ/bit, from which the preset comes, is 2 % less
    stack = preset("hbm4", stacks=1, pin_rate=0.8e9, die_capacity=4 * GIB)
    assert stack.capacity == 48 * GIB
    assert stack.read_bandwidth == pytest.approx(1638.4e9, rel=1e-12)
    power = stack.read_bandwidth * stack.read_energy
    assert power == pytest.approx(40, rel=0.02)
    assert stack.read_bandwidth / 1e9 / power == pytest.approx(41, rel=0.02)
    assert 48 / power == pytest.approx(1.2, rel=0.02)


@pytest.mark.parametrize(("name", "price"), [("hbm3e", 370), ("hbm4", 560)])
def test_price_of_a_12_high_stack(name: str, price: float) -> None:
    # contracts of SK hynix as the press reports them, 2025-11: 370 USD for HBM3E, 560 USD for HBM4, 36 GiB each
    assert preset(name, stacks=1, dies=12).cost == pytest.approx(price, rel=1e-3)


def test_carbon_of_the_memory_of_hgx_h100() -> None:
    # NVIDIA's product carbon footprint: 42 % of 1312 kg is the HBM3 of eight GPUs of 80 GiB
    assert 8 * preset("hbm3", stacks=5).embodied_carbon == pytest.approx(0.42 * 1312, rel=1e-3)


def test_device_energies() -> None:
    assert preset("hbm2e").read_energy / 8 == pytest.approx(6e-12)  # Micron: 6.0 pJ/bit device average
    # 40 W at 1638 GB/s (arXiv 2601.05047) is 3.05 pJ/bit; Micron (HotInfra'26) 3.0
    assert preset("hbm4").read_energy / 8 == pytest.approx(3.05e-12, rel=0.02)


def test_a_doubled_stack_count_doubles_what_it_should() -> None:
    one, two = preset("hbm3", stacks=3), preset("hbm3", stacks=6)
    for quantity in ("capacity", "read_bandwidth", "static_power"):
        assert getattr(two, quantity) == pytest.approx(2 * getattr(one, quantity))
    for quantity in ("read_latency", "read_energy", "efficiency", "granularity"):
        assert getattr(two, quantity) == getattr(one, quantity)
