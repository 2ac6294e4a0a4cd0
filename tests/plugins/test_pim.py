"""Processing in memory against what Samsung and SK hynix state of their parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.specs import presets_of
from symarch.trace import Access, Operator
from symarch_technologies.hbm import HighBandwidthMemory
from symarch_technologies.pim import ProcessingInMemory


def preset(name: str, memory: Any, **values: Any) -> ProcessingInMemory:
    given = {k: s.value for k, s in presets_of("pim")[name].settings.items()}
    return ProcessingInMemory(memory=memory, **{**given, **values})


def hbm2(stacks: int = 1) -> HighBandwidthMemory:
    """HBM2 at 2.4 Gb/s, 307 GB/s a stack, which Aquabolt-XL is built from."""
    return HighBandwidthMemory(stacks=stacks, pins=1024, pin_rate=2.4e9 / 8)


class Chip:
    """A memory of one GDDR6 chip of 1 GB at 16 Gb/s: 64 GB/s."""

    component = "gddr"
    devices = 1
    capacity = 2**30
    read_bandwidth = 64e9
    internal_bandwidth = None
    read_energy = 60e-12


def test_hbm_pim_computes_1_23_tflops_and_reads_four_times_its_pins() -> None:
    """Samsung: 1.2 TFLOP/s a stack, four times the processing bandwidth of an off-chip solution."""
    stack = preset("hbm-pim", hbm2())
    assert stack.peak_bf16 == pytest.approx(4 * 32 * 16 * 2 * 0.3e9)
    assert stack.peak_bf16 == pytest.approx(1.2e12, rel=0.03)
    assert stack.memory_bandwidth == pytest.approx(4 * hbm2().read_bandwidth, rel=1e-3)


def test_gddr6_aim_computes_1_tflops_and_reads_16_times_its_pins() -> None:
    chip = preset("gddr6-aim", Chip())
    assert chip.peak_bf16 == pytest.approx(1.024e12)
    assert chip.memory_bandwidth == pytest.approx(16 * Chip.read_bandwidth)
    assert chip.memory_energy == pytest.approx(Chip.read_energy * 0.2)  # 80 % less
    assert chip.shards * chip.shard_limit == pytest.approx(Chip.capacity, rel=0.05)


def test_lpddr_pim_reads_102_gb_s_inside() -> None:
    assert preset("lpddr-pim", Chip()).memory_bandwidth == pytest.approx(102.4e9)
    assert preset("lpddr-pim", Chip()).energy_gain == pytest.approx(1 / 0.28, rel=1e-3)


def test_the_units_follow_the_stacks_of_their_memory() -> None:
    assert preset("hbm-pim", hbm2(4)).peak_bf16 == pytest.approx(4 * preset("hbm-pim", hbm2()).peak_bf16)
    assert preset("hbm-pim", hbm2(4)).shards == 512


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("pim")) == {"hbm-pim", "gddr6-aim", "lpddr-pim"}


SYSTEM = """
format = 1
[processor.pim]
technology = "pim"
preset = "hbm-pim"
{more}
[memory.hbm]
technology = "hbm"
preset = "hbm2e"
stacks = 4
pin_rate = "2.4 Gb/s"
row_efficiency = 1
"""


def product(size: int) -> Operator:
    """A product of a square matrix with a vector, at 16 bits."""
    accesses = (
        Access("weights", read=size * size * 2),
        Access("activations", read=size * 2),
        Access("activations", write=size * 2),
    )
    return Operator("gemv", "matmul", 1, {"m": 1, "n": size, "k": size}, "bf16", 2 * size * size, accesses)


def timed(tmp_path: Path, size: int, more: str = "", **settings: str) -> float:
    file = tmp_path / "pim.toml"
    file.write_text(SYSTEM.format(more=more), encoding="utf-8")
    return symarch.time_operator(symarch.load_system(str(file), settings), product(size))


def test_a_product_of_4096_on_four_stacks_is_within_a_quarter_of_compass(tmp_path: Path) -> None:
    """ComPASS (MICRO 2025): 13 us for a 4096 x 4096 product with a vector on four HBM-PIM stacks, 2.6 TB/s."""
    assert timed(tmp_path, 4096) == pytest.approx(13e-6, rel=0.25)
    assert pytest.approx(2.6e12, rel=0.01) == 4096 * 4096 * 2 / 13e-6


def test_a_mode_switch_is_paid_by_each_operator(tmp_path: Path) -> None:
    slow = timed(tmp_path, 4096, **{"pim.mode_switch": "10 us"})
    assert slow - timed(tmp_path, 4096) == pytest.approx(8e-6)


def test_inputs_and_results_pass_at_the_memorys_normal_rate_where_it_blocks(tmp_path: Path) -> None:
    """Blocked: 2 * size * 2 bytes at the pins' rate beside the weights at the units'; else all at the units' rate."""
    size, pins, inside = 2**15, 4 * 1024 * 2.4e9 / 8, 4 * 128 * 32 * 0.3e9
    more = "matrix_efficiency = 1\nmode_switch = 0\nlaunch = 0\nbank_latency = 1e-12\nflops_per_cycle = 1e6"
    weights, vectors = 2 * size**2, 4 * size
    blocked = timed(tmp_path, size, more)
    assert blocked == pytest.approx(weights / inside + vectors / pins, rel=1e-6)
    free = timed(tmp_path, size, more, **{"pim.blocks": "no"})
    assert free == pytest.approx((weights + vectors) / inside, rel=1e-6)
    assert blocked > free


def test_a_shard_beyond_the_bank_is_a_constraint(tmp_path: Path) -> None:
    file = tmp_path / "pim.toml"
    file.write_text(SYSTEM.format(more=""), encoding="utf-8")
    analysis = symarch.analyze(symarch.load_system(str(file)), symarch.load_model("llama-3.1-8b"))
    found = {c.name: c for c in analysis.evaluate().constraints}
    assert found["pim.shard"].used == pytest.approx(found["hbm.capacity"].used / 512)
    assert found["pim.shard"].limit == 16 * 2**20
    assert not found["pim.shard"].ok
