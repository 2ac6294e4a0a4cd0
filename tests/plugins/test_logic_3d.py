"""Logic in a stack: Stratum's figures, imec's temperatures, and arithmetic that throttles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.cli import main
from symarch.specs import presets_of
from symarch.trace import Access, Operator
from symarch_technologies.dram_3d import StackedDram
from symarch_technologies.logic_3d import StackedLogic


def preset(memory: Any, **values: Any) -> StackedLogic:
    given = {k: s.value for k, s in presets_of("logic-3d")["stratum"].settings.items()}
    return StackedLogic(memory=memory, **{**given, **values})


def stratum(**values: Any) -> StackedDram:
    given = {k: s.value for k, s in presets_of("dram-3d")["stratum"].settings.items()}
    return StackedDram(**{**given, **values})


def test_the_logic_of_a_stack_computes_128_tflops_within_43_w() -> None:
    """Stratum (arXiv 2510.05245): 128 TFLOP/s at 1 GHz, a budget of 43 W: 0.34 pJ/FLOP, 0.37 W/mm^2 at 45 W."""
    logic = preset(stratum(stacks=1))
    assert logic.peak_bf16 == pytest.approx(128e12)
    assert logic.peak_bf16 * logic.energy_per_flop == pytest.approx(43.5, abs=0.5)
    assert 45 / 0.34e-12 > 128e12  # 45 W and 0.34 pJ/FLOP would allow 132 TFLOP/s: not throttled by that
    assert preset(stratum()).peak_bf16 == pytest.approx(6 * 128e12)


def test_imecs_gpu_beside_and_under_its_memory_reaches_their_temperatures() -> None:
    """imec, IEDM 2025: 414 W reach 69.1 C in 2.5D and 141.7 C under the stacks, with a coolant of 30 C."""
    die = preset(stratum(stacks=1), footprint=814e-6, stack_resistance=(2.9 - 1) * 0.765e-4)
    assert 30 + 414 * preset(stratum(stacks=1), footprint=814e-6, position="above").logic_by_logic == pytest.approx(
        69.1, abs=0.3
    )
    assert 30 + 414 * die.logic_by_logic == pytest.approx(141.7, abs=2)


def test_heat_passes_the_stack_or_not_as_the_logic_lies() -> None:
    below, above = (preset(stratum(stacks=2), position=p) for p in ("below", "above"))
    area, c, s = 2 * 121e-6, below.cooling, below.stack_resistance
    found = below.limits()
    assert [found["logic_temperature"].processor * area, found["logic_temperature"].stacked * area] == pytest.approx(
        [c + s, c + s / 2]
    )
    assert [found["dram_temperature"].processor * area, found["dram_temperature"].stacked * area] == pytest.approx(
        [c + s, c + s / 2]
    )
    found = above.limits()
    assert [found["logic_temperature"].processor * area, found["logic_temperature"].stacked * area] == pytest.approx(
        [c, c]
    )
    assert [found["dram_temperature"].processor * area, found["dram_temperature"].stacked * area] == pytest.approx(
        [c, c + s / 2]
    )
    assert {limit.unit for limit in found.values()} == {"K"}


SYSTEM = """
format = 1
[processor.logic]
technology = "logic-3d"
preset = "stratum"
launch = 0
matrix_efficiency = 1
{more}
[memory.dram]
technology = "dram-3d"
preset = "stratum"
stacks = 1
efficiency = 1
"""


def load(tmp_path: Path, more: str = "") -> symarch.System:
    file = tmp_path / "stack.toml"
    file.write_text(SYSTEM.format(more=more), encoding="utf-8")
    return symarch.load_system(str(file))


def work(flops: float, bytes: float) -> Operator:
    return Operator("op", "matmul", 1, {"m": 1, "n": 1, "k": 1}, "bf16", flops, (Access("weights", read=bytes),))


@pytest.mark.parametrize(("flops", "bytes"), [(1e12, 1e9), (1e9, 1e11), (1e12, 1e11)])
def test_an_operator_takes_as_long_as_heat_allows(tmp_path: Path, flops: float, bytes: float) -> None:
    """t = (R_L E_logic + R_D E_dram) / (T - T_c - R_L P_logic - R_D P_dram), by hand, for the DRAM's 85 degrees."""
    r_l, r_d = (0.765e-4 + 1.45e-4) / 121e-6, (0.765e-4 + 1.45e-4 / 2) / 121e-6
    logic = flops * 0.34e-12 + bytes * 0.1e-12 * 8
    dram = bytes * 0.16e-12 * 8
    hot = (r_l * logic + r_d * dram) / (358 - 303 - r_l * 3 - r_d * 2)
    free = max(flops / 128e12, bytes / (512 * 128 / 2.4567e-9))
    assert hot > free
    found = symarch.time_operator(load(tmp_path), work(flops, bytes))
    assert found == pytest.approx(hot, rel=1e-9)


def test_better_cooling_stops_the_throttling_and_ideal_knows_none(tmp_path: Path) -> None:
    cool = load(tmp_path, 'cooling = "0.01 K*cm^2/W"\nstack_resistance = "0.01 K*cm^2/W"')
    latency = 12.6e-9 + 15e-9
    assert symarch.time_operator(cool, work(1e12, 1e9)) == pytest.approx(1e12 / 128e12 + latency, rel=1e-9)
    assert symarch.time_operator(load(tmp_path), work(1e12, 1e9), ideal=True) < 1e12 / 128e12 * (1 + 1e-4)


def test_a_stack_hotter_than_its_limit_without_work_takes_practically_for_ever(tmp_path: Path) -> None:
    idle = load(tmp_path, 'device_power = "100 W"')
    assert symarch.time_operator(idle, work(1e12, 1e9)) > 1e3


@pytest.mark.parametrize("coolant", ["358 K", "400 K"])
def test_a_coolant_as_hot_as_the_stack_may_be_cools_nothing(tmp_path: Path, coolant: str) -> None:
    hot = load(tmp_path, f'coolant_temperature = "{coolant}"')
    assert symarch.time_operator(hot, work(1e12, 1e9)) > 1e3


def test_run_names_the_temperature_that_binds(tmp_path: Path) -> None:
    system = load(tmp_path)
    result = symarch.analyze(system, symarch.load_model("llama-3.1-8b"), dtype="fp8", phase="decode").evaluate(batch=64)
    assert max(result.resources, key=lambda r: r.share).name == "logic.dram_temperature"
    rows = {c.name: c for c in result.constraints}
    assert rows["logic.dram_temperature"].unit == "K"
    assert rows["logic.dram_temperature"].limit == pytest.approx(55)
    assert rows["logic.dram_temperature"].used <= 55 * (1 + 1e-9)  # throttled to its limit, at most
    assert rows["logic.dram_temperature"].used == pytest.approx(55, rel=0.1)
    assert sum(r.share for r in result.resources) == pytest.approx(1, abs=1e-12)


def test_explain_calls_it_a_temperature(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(tmp_path / "stack.toml"), "--model", "llama-3.1-8b"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "temperature limit" in " ".join(out.split())
    assert "power limit" not in out
