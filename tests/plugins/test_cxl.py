"""CXL memory against published rates and latencies.

Sources: Micron CZ120 (Tom's Hardware, 2023-08); CXL Consortium, Hot Chips 34; Melody (Liu et al., ASPLOS 2025); CXL
2.0; JEDEC JESD79-5.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symarch.specs import presets_of
from symarch_technologies.cxl import CXLMemory

GIB = 2**30


def preset(name: str, **values: Any) -> CXLMemory:
    given = {k: s.value for k, s in presets_of("cxl")[name].settings.items()}
    return CXLMemory(**{**given, **values})


@pytest.mark.parametrize(("name", "capacity"), [("cz120-256", 256), ("cz120-128", 128)])
def test_cz120_has_eight_lanes_of_pcie_5(name: str, capacity: float) -> None:
    card = preset(name)
    assert card.capacity == capacity * GIB
    raw = preset(name, flit_efficiency=1)
    assert raw.link_bandwidth == raw.read_bandwidth == 32e9  # 8 lanes x 32 Gb/s per direction
    assert (
        card.read_bandwidth == card.write_bandwidth == card.port_bandwidth == pytest.approx(32e9 * 64 / 68, rel=1e-12)
    )
    # the 36 GB/s of the product page mix two reads with a write: more than one direction carries, less than both
    assert raw.read_bandwidth < 36e9 < 2 * raw.read_bandwidth


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("cxl")) == {"cz120-256", "cz120-128"}


def test_an_access_moves_64_bytes() -> None:
    assert CXLMemory().granularity == 64


def test_latency_is_that_of_the_cxl_consortium() -> None:
    # 170 to 250 ns from load to use: DRAM 90 ns and two passes of 40 to 80 ns
    assert CXLMemory().read_latency * 1e9 == pytest.approx(170, abs=0.1)
    assert CXLMemory(port_latency=80e-9).read_latency * 1e9 == pytest.approx(250, abs=0.1)
    assert CXLMemory().read_latency - CXLMemory().round_trip == pytest.approx(90e-9, abs=0.1e-9)
    # one switch of 50 to 120 ns a pass: between 270 and 410 ns, the slowest device that Melody measures (140 to 410)
    for latency, total in ((50e-9, 270), (120e-9, 410)):
        behind = CXLMemory(switches=1, switch_latency=latency)
        assert behind.read_latency == behind.write_latency
        assert behind.read_latency * 1e9 == pytest.approx(total, abs=0.1)


def test_the_narrower_of_link_and_dram_is_the_limit() -> None:
    narrow = CXLMemory(cards=1, lanes=8)  # 30.1 GB/s of link before 76.8 of DRAM
    assert narrow.read_bandwidth == narrow.link_bandwidth
    assert narrow.efficiency == 1  # two channels sustain 65 GB/s: refresh and rows hide behind the link
    wide = CXLMemory(cards=1, lanes=16, lane_rate=8e9)  # 120.5 GB/s of link
    assert wide.read_bandwidth == wide.internal_bandwidth == pytest.approx(76.8e9, rel=1e-12)
    assert wide.efficiency == pytest.approx(780 / 921.6, rel=1e-12)  # STREAM of DDR5-4800 on Azure HBv4


@given(st.integers(1, 16), st.integers(1, 4), st.floats(0.1, 1), st.floats(0, 1))
def test_what_is_sustained_is_the_less_of_link_and_dram(
    lanes: int, channels: int, rows: float, blocking: float
) -> None:
    card = CXLMemory(cards=1, lanes=lanes, channels=channels, row_efficiency=rows, refresh_blocking=blocking)
    dram = channels * 38.4e9 * rows * (1 - blocking * 295 / 3900)
    assert card.read_bandwidth * card.efficiency == pytest.approx(min(lanes * 4e9 * 64 / 68, dram), rel=1e-9)
