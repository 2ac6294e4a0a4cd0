"""Limits beside capacity, against formulas written out by hand on stand-ins for a system."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symarch.analysis.limits import (
    Constraint,
    budgets_of,
    free_capacity,
    lifetimes,
    limit_constraints,
    prefetch_buffers,
    wear_of,
)
from symarch.analysis.time import limited_time
from symarch.technologies import Limit, Memory
from symarch.technologies.declare import contracts_of

DAY, YEAR = 86_400.0, 31_557_600.0


def memory(**figures: Any) -> Any:
    """A memory that models what is given and nothing else."""
    return SimpleNamespace(**(dict.fromkeys(contracts_of(Memory)) | figures))


def system(shared: int = 1, **memories: Any) -> Any:
    return SimpleNamespace(
        memories=memories, processors={"gpu": None}, networks={"net": None}, shared_by=lambda name: shared
    )


def bench(limits: Mapping[str, Limit], seat: Any = None, on_chip: Any = None, **memories: Any) -> Any:
    processor = SimpleNamespace(limits=lambda: limits, memory=seat, on_chip_memory=on_chip)
    return SimpleNamespace(name="gpu", processor=processor, system=system(**memories))


def test_a_power_limit_counts_every_component_alike() -> None:
    here = bench({"power": Limit(700.0)}, hbm=memory(), hbf=memory())
    budgets, lacking = budgets_of(here, {"gpu": 50.0, "hbm": 30.0, "hbf": 20.0})
    assert lacking == ()
    assert budgets[0].name == "gpu.power"
    assert budgets[0].left == pytest.approx(600)
    assert limited_time(budgets, {"gpu": 1.0, "hbm": 2.0, "hbf": 3.0, "net": 6.0}, "op") == pytest.approx(12 / 600)
    rows = limit_constraints(budgets, {"gpu": 100.0, "hbm": 200.0})
    assert [(r.name, r.used, r.limit, r.unit) for r in rows] == [("gpu.power", 400.0, 700.0, "W")]


def test_a_temperature_weighs_logic_and_the_memory_it_sits_on() -> None:
    seat = memory()
    here = bench({"hot": Limit(60.0, 0.5, 0.25, 0, "K")}, seat, dram=seat, far=memory())
    budgets, lacking = budgets_of(here, {"gpu": 10.0, "dram": 20.0, "far": None})
    assert lacking == ()  # what does not count need not be known
    assert budgets[0].left == pytest.approx(60 - 5 - 5)
    assert limited_time(budgets, {"gpu": 4.0, "dram": 4.0, "far": 1e9}, "op") == pytest.approx(3 / 50)
    row = limit_constraints(budgets, {"gpu": 4.0, "dram": 4.0, "far": 1e9})[0]
    assert (row.used, row.limit, row.unit) == (13.0, 60.0, "K")


@given(st.lists(st.tuples(st.floats(1, 1e3), st.floats(0.01, 10), st.floats(0.01, 10)), min_size=1, max_size=4))
def test_the_tightest_of_several_limits_acts(limits: list[tuple[float, float, float]]) -> None:
    seat = memory()
    here = bench({f"l{i}": Limit(b, p, s, 0, "K") for i, (b, p, s) in enumerate(limits)}, seat, dram=seat)
    budgets, _ = budgets_of(here, {"gpu": 0.0, "dram": 0.0})
    time = limited_time(budgets, {"gpu": 3.0, "dram": 5.0}, "op")
    assert time == pytest.approx(max((3 * p + 5 * s) / b for b, p, s in limits))


def test_a_limit_without_known_static_power_does_not_act() -> None:
    here = bench({"power": Limit(700.0)}, hbm=memory())
    assert budgets_of(here, {"gpu": 50.0, "hbm": None}) == ((), ("hbm.static_power",))
    assert budgets_of(bench({"power": Limit(None)}, hbm=memory()), {"gpu": 50.0, "hbm": None}) == ((), ())
    assert limited_time((), {"gpu": 1.0}, "op") is None
    assert limited_time(budgets_of(here, {"gpu": 1.0, "hbm": 1.0})[0], None, "op") is None


def test_static_power_beyond_the_limit_leaves_practically_nothing() -> None:
    budgets, _ = budgets_of(bench({"power": Limit(100.0)}, hbm=memory()), {"gpu": 80.0, "hbm": 40.0})
    assert budgets[0].left == pytest.approx(1e-7)


@pytest.mark.parametrize("budget", [0.0, -42.0])
def test_a_coolant_as_hot_as_the_limit_is_no_absence_of_a_limit(budget: float) -> None:
    seat = memory()
    here = bench({"hot": Limit(budget, 0.5, 0.25, 0, "K")}, seat, dram=seat)
    budgets, _ = budgets_of(here, {"gpu": 10.0, "dram": 20.0})
    assert budgets[0].left == pytest.approx(10e-18)
    assert limited_time(budgets, {"gpu": 4.0, "dram": 4.0}, "op") == pytest.approx(3 / 10e-18)
    row = limit_constraints(budgets, {"gpu": 4.0, "dram": 4.0})[0]
    assert (row.used, row.limit) == (13.0, budget)


@pytest.mark.parametrize("kept", [0.0, 3e9])
@pytest.mark.parametrize("share", [1.0, 0.9])
@pytest.mark.parametrize("devices", [1, 8])
def test_the_runtime_keeps_its_part_back_on_each_device(kept: float, share: float, devices: int) -> None:
    processor: Any = SimpleNamespace(runtime_memory=kept, allocatable=share)
    assert free_capacity(processor, 80e9, devices) == pytest.approx((80e9 - kept * devices) * share)


def test_a_memory_smaller_than_the_runtime_needs_has_practically_nothing_left() -> None:
    processor: Any = SimpleNamespace(runtime_memory=3e9, allocatable=1.0)
    assert 0 < free_capacity(processor, 1e9, 1) < 2


def test_what_keeps_a_memory_busy_goes_into_its_own_buffer_or_the_chips() -> None:
    """H3, equation 1: 2 x 1 TB/s x 20 us = 40 MB."""
    demand = 2 * 1e12 * 20e-6
    used: dict[str, Any] = {"hbf": (1.0, 0)}
    own = bench({}, on_chip=50e6, hbf=memory(prefetch_demand=demand, prefetch_buffer=30e6))
    assert [(c.name, c.used, c.limit) for c in prefetch_buffers(own, used)] == [("hbf.prefetch_buffer", 40e6, 30e6)]
    chip = bench({}, on_chip=50e6, hbf=memory(prefetch_demand=demand))
    assert [c.limit for c in prefetch_buffers(chip, used)] == [50e6]
    assert prefetch_buffers(bench({}, hbf=memory(prefetch_demand=demand)), used) == []
    assert prefetch_buffers(chip, {}) == []  # a memory that is not in use needs no buffer


def lives(graph: Any, traffic: dict[str, Any]) -> list[Constraint]:
    return lifetimes(graph, wear_of(graph, traffic))


def test_flash_lasts_as_its_writes_let_it() -> None:
    """Kyung et al. (IEEE CAL 25(1)): 512 GB, 1e5 cycles, 48 GB/s: under two weeks, 12.3 days."""
    flash = memory(service_life=5 * YEAR, endurance=1e5 * 512e9)
    row = lives(system(hbf=flash), {"hbf": (0, 48e9)})[0]
    assert (row.name, row.used, row.unit) == ("hbf.write_lifetime", 5 * YEAR, "s")
    assert row.limit == pytest.approx(12.3 * DAY, rel=5e-3)


def test_refresh_alone_wears_and_adds_to_writes() -> None:
    flash = memory(service_life=YEAR, endurance=100.0, retention_life=10.0)
    assert lives(system(hbf=flash), {"hbf": (0, 0)})[0].limit == pytest.approx(10)
    assert lives(system(hbf=flash), {"hbf": (0, 10.0)})[0].limit == pytest.approx(1 / (10 / 100 + 1 / 10))


def test_reads_force_rewriting_that_wears() -> None:
    """FLINT (arXiv 2608.25062): 1e6 reads, 1024 pages, 50 steps a second, 1e5 cycles: 22.6 days."""
    size = 512e9
    flash = memory(service_life=YEAR, read_endurance=1e5 * size * 1e6 / 1024)
    row = lives(system(hbf=flash), {"hbf": (50 * size, 0)})[0]
    assert row.name == "hbf.read_lifetime"
    assert row.limit == pytest.approx(22.6 * DAY, rel=1e-3)


def test_devices_that_share_a_memory_wear_it_together() -> None:
    flash = memory(service_life=YEAR, endurance=100.0, read_endurance=100.0)
    rows = lives(system(shared=4, hbf=flash), {"hbf": (1.0, 2.0)})
    assert [r.limit for r in rows] == [pytest.approx(100 / 8), pytest.approx(100 / 4)]


def test_a_memory_that_does_not_wear_or_is_not_used_has_no_life_to_check() -> None:
    assert lives(system(hbm=memory()), {"hbm": (1.0, 1.0)}) == []
    assert lives(system(hbf=memory(service_life=YEAR, endurance=1.0)), {}) == []
    assert lives(system(hbf=memory(service_life=YEAR, endurance=1.0)), {"hbf": (1.0, 0)}) == []


def test_pauses_spare_what_work_wears_but_not_what_keeping_does() -> None:
    flash = memory(endurance=100.0, retention_life=50.0, read_endurance=1000.0)
    wear = wear_of(system(hbf=flash), {"hbf": (30.0, 10.0)})["hbf"]
    assert wear.rates() == pytest.approx([10 / 100 + 1 / 50, 30 / 1000])
    assert wear.rates(0.5) == pytest.approx([5 / 100 + 1 / 50, 15 / 1000])
