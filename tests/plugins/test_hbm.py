"""HBM against published bandwidths, capacities and powers.

Sources: JEDEC JESD235 (HBM2E), JESD238 (HBM3), JESD270-4 (HBM4) as tabulated by Ma and Patterson, arXiv 2601.05047;
NVIDIA data sheets of A100 80 GB, H100 SXM, H200 and HGX B200; rail measurements of an H200, CMU-SAFARI/HBM-Power.
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


def test_efficiency_is_that_of_random_reads_on_h200() -> None:
    assert preset("hbm3e").efficiency == pytest.approx(4520 / 4800, abs=5e-4)


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
