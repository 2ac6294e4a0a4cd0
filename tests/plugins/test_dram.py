"""What all DRAM technologies share: the same parameters in the same order, and what follows from them.

Sources: row and refresh timings of CMU-SAFARI/ramulator2 at c5b1c3a.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symarch.plugins import registry
from symarch.specs import presets_of
from symarch.technologies import check_dimensions, parameters_of
from symarch_technologies._dram import Dram

NAMES = ("hbm", "ddr5", "lpddr5x", "lpddr6", "gddr6", "gddr7", "cxl")
FAMILY = tuple(n for n in Dram.__annotations__ if n != "assumptions")
STATED = {p.name for p in parameters_of(Dram) if p.default is not None}
OPEN = tuple(n for n in FAMILY if n not in STATED)
"""Those that every member states itself."""


def technology(name: str) -> Any:
    return registry().technology(name)


def preset(name: str, key: str, **values: Any) -> Any:
    given = {k: s.value for k, s in presets_of(name)[key].settings.items()}
    return technology(name)(**{**given, **values})


PRESETS = [(n, p) for n in NAMES for p in presets_of(n)]


@pytest.mark.parametrize("name", NAMES)
def test_every_member_states_the_parameters_of_the_family(name: str) -> None:
    assert issubclass(technology(name), Dram)
    assert {p.name for p in parameters_of(technology(name))} >= set(FAMILY)
    # in one order in all modules: they read side by side like a table
    own = [key for key in vars(technology(name))["__annotations__"] if key in OPEN]
    assert own == [key for key in OPEN if key in own]


@pytest.mark.parametrize("name", NAMES)
def test_dimensions_ranges_and_sources(name: str) -> None:
    check_dimensions(technology(name))
    for p in parameters_of(technology(name)):
        assert p.source and p.doc and p.symbol, p.name
        if p.default is not None and p.low is not None and p.high is not None:
            assert p.low <= p.default <= p.high, p.name
        assert (p.default is None) == p.source.startswith("absent"), p.name


@pytest.mark.parametrize(("name", "key"), PRESETS)
def test_a_preset_names_what_its_source_leaves_open(name: str, key: str) -> None:
    found = presets_of(name)[key]
    assert found.title and found.source and found.date and found.status
    assert set(found.unknown) <= {p.name for p in parameters_of(technology(name))}
    assert not set(found.unknown) & set(found.settings)
    for setting in found.settings.values():
        if setting.low is not None and setting.high is not None:
            assert setting.low <= setting.value <= setting.high, setting


@pytest.mark.parametrize(("name", "key"), PRESETS)
def test_the_ideal_memory_runs_at_its_peak(name: str, key: str) -> None:
    ideal = {p.name: p.ideal for p in parameters_of(technology(name)) if p.has_ideal}
    assert preset(name, key, **ideal).efficiency == 1
    assert 0 < preset(name, key).efficiency <= 1


@given(st.sampled_from(NAMES[:-1]), st.floats(0.01, 1))
def test_a_measured_share_with_refresh_in_it_comes_back_exactly(name: str, share: float) -> None:
    assert technology(name)(row_efficiency=share, refresh_blocking=0).efficiency == share


@given(st.sampled_from(NAMES), st.floats(0, 1), st.floats(1, 2))
def test_refresh_never_helps(name: str, blocking: float, rate: float) -> None:
    calm = technology(name)(refresh_blocking=blocking)
    hot = technology(name)(refresh_blocking=blocking, refresh_rate=rate)
    assert hot.efficiency <= calm.efficiency
    assert hot.static_power >= calm.static_power
    # what is measured without traffic is measured at the standard's rate, its refresh included
    assert calm.static_power == technology(name)(refresh_share=1).static_power


def test_a_conflict_waits_for_the_row_to_close() -> None:
    for name in NAMES:
        closed, conflict = technology(name)(), technology(name)(row_conflicts=1)
        wait = conflict.read_latency - closed.read_latency
        assert wait == pytest.approx(closed.precharge_time, rel=1e-9), name
        assert closed.write_latency == closed.read_latency
        assert closed.write_energy == closed.read_energy


def test_what_no_source_states_is_absent() -> None:
    for name in ("lpddr6", "gddr7", "cxl"):
        assert technology(name)().cost is None, name
    for name in ("lpddr5x", "lpddr6", "gddr6", "gddr7", "cxl"):
        assert technology(name)().embodied_carbon is None, name
    memory = technology("gddr7")(price=2e-9, carbon_intensity=1e-9)
    assert memory.cost == pytest.approx(memory.capacity * 2e-9)
    assert memory.embodied_carbon == pytest.approx(memory.capacity * 1e-9)
