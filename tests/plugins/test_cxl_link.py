"""CXL against the flits of its specification and the load-to-use times of the CXL Consortium (Hot Chips 34)."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.cxl_link import CxlLink


def preset(name: str, **values: Any) -> CxlLink:
    given = {k: s.value for k, s in presets_of("cxl-link")[name].settings.items()}
    return CxlLink(**{**given, **values})


@pytest.mark.parametrize(
    ("name", "net", "share"),
    [("cxl2", 64e9 * 128 / 130, 128 / 130 * 64 / 68 * 8 / 9), ("cxl3", 118e9, 236 / 256 * 8 / 9)],
)
def test_flits_leave_their_share(name: str, net: float, share: float) -> None:
    link = preset(name)
    assert link.net_bandwidth == pytest.approx(net, rel=1e-12)
    assert link.efficiency == pytest.approx(share, rel=1e-12)


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("cxl-link")) == {"cxl2", "cxl3"}


def test_a_flit_of_68_bytes_carries_64() -> None:
    assert preset("cxl2").packet_efficiency == pytest.approx(64 / 68, rel=1e-12)
    assert f"{preset('cxl2').packet_efficiency:.2f}" == "0.94"


@pytest.mark.parametrize(
    ("dram", "phy", "load_to_use"),
    [(90e-9, 40e-9, 170e-9), (140e-9, 55e-9, 250e-9)],  # the two ends of the consortium's 170 to 250 ns
)
def test_load_to_use_is_the_dram_and_the_link_twice(dram: float, phy: float, load_to_use: float) -> None:
    link = preset("cxl2", phy_latency=phy, distance=1e-9)
    assert dram + 2 * link.latency == pytest.approx(load_to_use, rel=1e-9)
    assert link.software_latency is None  # loads and stores: not modelled, and not zero


def test_a_switch_is_passed_by_the_request_and_by_the_data() -> None:
    # budget of 50 ns against 100 to 110 ns a switch; each is passed twice
    direct = preset("cxl2")
    for once in (50e-9, 110e-9):
        switched = preset("cxl2", switches=1, switch_latency=once)
        assert 2 * (switched.latency - direct.latency) == pytest.approx(2 * once, rel=1e-9)
