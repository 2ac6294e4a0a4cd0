"""MRAM and ReRAM: what little is published of cells, and what the user must state.

Sources: ITRS 2011, Emerging Research Devices; Nanoscale Research Letters 2014.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.errors import SymarchError
from symarch.specs import presets_of
from symarch_technologies.nvm import NonVolatileMemory

STACK = {"dies": 8, "die_capacity": 4 * 2**30, "banks": 512, "word": 32.0}


def preset(name: str, **values: Any) -> NonVolatileMemory:
    given = {k: s.value for k, s in presets_of("nvm")[name].settings.items()}
    return NonVolatileMemory(**{**given, **values})


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("nvm")) == {"mram", "reram"}


@pytest.mark.parametrize(
    ("name", "read", "energy", "cycles"),
    [("mram", (2e-9, 35e-9), (0.1e-12, 2.5e-12), 1e15), ("reram", (2e-9, 35e-9), (0.1e-12, 3e-12), 1e12)],
)
def test_cells_have_the_ranges_of_the_tables(
    name: str, read: tuple[float, float], energy: tuple[float, float], cycles: float
) -> None:
    settings = presets_of("nvm")[name].settings
    assert (settings["read_time"].low, settings["read_time"].high) == read
    for key in ("core_energy", "write_core_energy"):
        low, high = settings[key].low, settings[key].high
        assert low is not None and high is not None
        assert (low / 8, high / 8) == pytest.approx(energy, rel=1e-12)
    # the middle of a range of decades is the geometric one
    assert settings["core_energy"].value / 8 == pytest.approx((energy[0] * energy[1]) ** 0.5, rel=5e-3)
    assert settings["write_cycles"].value == cycles
    assert {s.status for s in settings.values()} == {"assumed"}


@pytest.mark.parametrize("name", ["mram", "reram"])
def test_what_makes_a_stack_is_unknown_and_must_be_given(name: str) -> None:
    needed = {"dies", "die_capacity", "banks", "word", "pins", "pin_rate"}
    assert needed <= set(presets_of("nvm")[name].unknown)
    for missing in ("dies", "die_capacity"):
        with pytest.raises(SymarchError, match=f"nvm.{missing} is absent"):
            _ = preset(name, **{k: v for k, v in STACK.items() if k != missing}).capacity
    for missing in ("dies", "banks", "word"):
        with pytest.raises(SymarchError, match=f"nvm.{missing} is absent"):
            _ = preset(name, **{k: v for k, v in STACK.items() if k != missing}).read_bandwidth


def test_a_filled_stack_by_hand() -> None:
    # 8 dies x 512 banks x 32 B: 131072 B every 10 ns read, every 20 ns written
    memory = preset("mram", devices=2, **STACK)
    assert memory.capacity == 64 * 2**30
    assert memory.read_bandwidth == pytest.approx(2 * 131_072 / 10e-9, rel=1e-12)
    assert memory.write_bandwidth == pytest.approx(2 * 131_072 / 20e-9, rel=1e-12)
    assert memory.port_bandwidth is None
    assert memory.endurance == pytest.approx(1e15 * 64 * 2**30)
    assert memory.read_latency == pytest.approx(249.7e-9)
    assert memory.read_energy / 8 == pytest.approx(1.5e-12, rel=1e-12)
    assert memory.write_energy / 8 == pytest.approx(3.5e-12, rel=1e-12)
    assert memory.granularity == 32
    assert memory.cost is None


def test_the_interface_limits_where_it_is_given() -> None:
    memory = preset("reram", pins=1024, pin_rate=0.8e9, **STACK)
    assert memory.port_bandwidth == pytest.approx(819.2e9)
    assert memory.read_bandwidth == memory.write_bandwidth == memory.port_bandwidth
    assert memory.internal_bandwidth > memory.port_bandwidth


def test_a_system_without_its_dies_is_one_clear_sentence(tmp_path: Path) -> None:
    text = (
        'format = 1\nname = "t"\n[processor.gpu]\ntechnology = "gpu"\npreset = "h200-sxm"\n'
        '[memory.mram]\ntechnology = "nvm"\npreset = "mram"\n'
    )
    path = tmp_path / "t.toml"
    path.write_text(text, encoding="utf-8")
    model = symarch.load_model("llama-3.1-8b")
    with pytest.raises(SymarchError, match=r"^mram.dies is absent: nothing is published, the system must give it$"):
        symarch.analyze(symarch.load_system(str(path)), model).evaluate()
    path.write_text(text + 'dies = 8\ndie_capacity = "4 GiB"\nbanks = 512\nword = "32 B"\n', encoding="utf-8")
    tpot = symarch.analyze(symarch.load_system(str(path)), model).evaluate().tpot
    assert tpot is not None and tpot > 0
