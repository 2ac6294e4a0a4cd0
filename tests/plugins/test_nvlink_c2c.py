"""NVLink-C2C against glennklockwood.com/garden/NVLink, besthub.dev's article on it, and copies measured on a GH200."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.nvlink_c2c import NVLinkC2C


def preset(name: str, **values: Any) -> NVLinkC2C:
    given = {k: s.value for k, s in presets_of("nvlink-c2c")[name].settings.items()}
    return NVLinkC2C(**{**given, **values})


def test_nine_wires_at_40_gb_s_and_ten_links() -> None:
    link = preset("grace-hopper")
    assert preset("grace-hopper", links=1).bandwidth == pytest.approx(45e9, rel=1e-12)
    assert link.bandwidth == link.net_bandwidth == pytest.approx(450e9, rel=1e-12)
    assert 2 * link.bandwidth == pytest.approx(900e9, rel=1e-12)  # as NVIDIA quotes it


def test_power_at_full_rate() -> None:
    # besthub.dev: 3.6 Tb/s take 4.68 W at 1.3 pJ/bit, 19.8 W over a SerDes of 5.5 pJ/bit
    link = preset("grace-hopper")
    assert link.bandwidth * link.energy == pytest.approx(4.68, rel=1e-12)
    assert preset("grace-hopper", energy=8 * 5.5e-12).energy * link.bandwidth == pytest.approx(19.8, rel=1e-12)


def test_the_interface_takes_less_than_5_ns_and_a_quarter_on_the_way() -> None:
    link = preset("grace-hopper")
    assert link.latency == pytest.approx(5e-9 + 0.05 * 5e-9, rel=1e-12)
    assert link.fec_latency == 0
    assert link.software_latency is None  # hardware moves lines: not modelled, and not zero


def test_copies_reach_what_was_measured_on_gh200() -> None:
    # Schieffer et al., arXiv 2407.07850: 375 GB/s to the GPU, 297 GB/s from it
    found = presets_of("nvlink-c2c")["grace-hopper"].settings["protocol_efficiency"]
    assert preset("grace-hopper").efficiency * 450e9 == pytest.approx(375e9, abs=0.5e9)
    assert found.low is not None
    assert found.low * 450e9 == pytest.approx(297e9, abs=0.5e9)


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("nvlink-c2c")) == {"grace-hopper", "vera-rubin"}
    assert 2 * preset("vera-rubin").bandwidth == pytest.approx(1.8e12, rel=1e-12)  # announced
