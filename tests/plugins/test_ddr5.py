"""DDR5 against published bandwidths, capacities, timings and powers.

Sources: JEDEC JESD79-5; Ma and Patterson, arXiv 2601.05047, comparison of memories; row and refresh timings of
CMU-SAFARI/ramulator2 at c5b1c3a; Yu et al., arXiv 2609.39131; STREAM on Azure HBv4 (Microsoft Learn).
"""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.ddr5 import DDR5

GIB = 2**30


def preset(name: str, **values: Any) -> DDR5:
    given = {k: s.value for k, s in presets_of("ddr5")[name].settings.items()}
    return DDR5(**{**given, **values})


@pytest.mark.parametrize(("name", "bandwidth"), [("ddr5-4800", 38.4e9), ("ddr5-6400", 51.2e9), ("ddr5-7200", 57.6e9)])
def test_one_channel_has_64_data_pins(name: str, bandwidth: float) -> None:
    module = preset(name, channels=1)
    assert module.read_bandwidth == module.write_bandwidth == pytest.approx(bandwidth, rel=1e-12)
    assert module.capacity == 64 * GIB
    assert module.granularity == 64  # JESD79-5: 32 pins x burst 16; arXiv 2601.05047: 64 B a read


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("ddr5")) == {"ddr5-4800", "ddr5-6400", "ddr5-7200"}


def test_the_host_of_yu_et_al_has_sixteen_channels() -> None:
    assert preset("ddr5-7200").read_bandwidth == pytest.approx(16 * 57.6e9, rel=1e-12)


def test_a_socket_of_epyc_or_xeon() -> None:
    # AMD EPYC 9004: 12 channels of DDR5-4800, 460.8 GB/s; Intel Xeon, 4th generation: 8 channels, 307.2 GB/s
    assert preset("ddr5-4800", channels=12).read_bandwidth == pytest.approx(460.8e9, rel=1e-12)
    assert preset("ddr5-4800", channels=8).read_bandwidth == pytest.approx(307.2e9, rel=1e-12)


def test_a_second_module_on_a_channel_adds_capacity_and_power_but_no_bandwidth() -> None:
    one, two = preset("ddr5-6400"), preset("ddr5-6400", modules_per_channel=2)
    assert (two.capacity, two.static_power, two.devices) == (2 * one.capacity, 2 * one.static_power, 16)
    assert (two.read_bandwidth, two.read_latency, two.read_energy) == (
        one.read_bandwidth,
        one.read_latency,
        one.read_energy,
    )


def test_a_64_gb_module_draws_12_watts() -> None:
    # arXiv 2601.05047: 64 GB, 51 GB/s, 12 W: 4.3 GB/s and 5.3 GB a watt, 29.3 pJ/bit with the idle power in it
    module = preset("ddr5-6400", channels=1)
    power = module.static_power + module.read_bandwidth * module.read_energy
    assert power == pytest.approx(12, rel=1e-3)
    assert power / module.read_bandwidth / 8 == pytest.approx(29.3e-12, rel=1e-3)
    assert module.read_bandwidth / 1e9 / power == pytest.approx(4.3, abs=0.05)
    assert 64 / power == pytest.approx(5.3, abs=0.05)


def test_idle_power_is_that_of_40_dies() -> None:
    # ramulator2's DDR5 currents: standby 50 mA at 1.1 V and 3 mA at 1.8 V; refresh 362 and 48 mA for 295 of 3900 ns
    standby = 50 * 1.1 + 3 * 1.8
    refresh = ((362 - 50) * 1.1 + (48 - 3) * 1.8) * 295 / 3900
    module = preset("ddr5-6400", channels=1)
    assert module.static_power == pytest.approx(40 * (standby + refresh) / 1e3, rel=1e-3)
    assert module.refresh_share == pytest.approx(refresh / (standby + refresh), rel=2e-3)
    hot = preset("ddr5-6400", channels=1, refresh_rate=2)  # twice as often above 85 C
    assert hot.static_power == pytest.approx(40 * (standby + 2 * refresh) / 1e3, rel=2e-3)


def test_row_latencies_follow_from_the_timings() -> None:
    # DDR5-6400AN (ramulator2): 31.2 ns to a closed row, 45.6 after a conflict
    assert preset("ddr5-6400").row_latency * 1e9 == pytest.approx(31.2, abs=0.05)
    assert preset("ddr5-6400", row_conflicts=1).row_latency * 1e9 == pytest.approx(45.6, abs=0.05)
    # main memory answers in 80 to 140 ns (CXL Consortium, Hot Chips 34)
    assert preset("ddr5-6400").read_latency * 1e9 == pytest.approx(110, abs=0.1)


@pytest.mark.parametrize(("density", "time"), [(8, 195), (16, 295), (32, 410)])
def test_refresh_takes_its_share_of_the_time(density: int, time: float) -> None:
    module = DDR5(die_capacity=density * GIB / 8, refresh_time=time * 1e-9)
    assert module.refresh_loss == pytest.approx(time / 3900, rel=1e-12)
    if density == 16:
        assert module.refresh_loss == pytest.approx(0.076, abs=5e-4)  # 295 of 3900 ns: 7.6 %


def test_stream_comes_back_with_refresh_counted_once() -> None:
    # Azure HBv4: STREAM Triad 650 to 780 GB/s of 24 channels of DDR5-4800
    memory = preset("ddr5-4800", channels=24)
    assert memory.read_bandwidth == pytest.approx(921.6e9, rel=1e-12)
    assert memory.read_bandwidth * memory.efficiency == pytest.approx(780e9, rel=1e-12)


def test_price_and_carbon() -> None:
    # 1590 USD for a 64 GB RDIMM, CFM spot of 2026-08-11; Boavizta: 2.2 kg/cm^2 of die at 2.375 GB/cm^2
    assert preset("ddr5-6400", channels=1).cost == pytest.approx(1590, rel=1e-3)
    assert preset("ddr5-6400", channels=1).embodied_carbon == pytest.approx(64 * 2.2 / 2.375, rel=5e-3)
