"""The formulas that links of serial lanes share, and what they hold for every module that uses them."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.plugins import registry
from symarch.specs import presets_of
from symarch.technologies import parameters_of
from symarch_technologies._links import DirectLink, SwitchedLink
from symarch_technologies.nvlink_c2c import NVLinkC2C
from symarch_technologies.pcie import PciExpress

ORDER = (
    "links", "lanes", "lane_rate", "coding", "payload", "header", "protocol_efficiency", "phy_latency", "fec_latency",
    "switches", "switch_latency", "distance", "propagation", "software_latency", "start_latency", "peer_latency",
    "energy", "link_energy", "switch_energy", "reach", "cost",
)  # fmt: skip
SERIAL = ("nvlink-c2c", "pcie", "cxl-link", "ici", "infiniband", "ethernet", "ualink", "infinity-fabric", "groq-c2c")


def class_of(technology: str) -> Any:
    return registry().technology(technology)


def build(technology: str, preset: str) -> Any:
    return class_of(technology)(**{k: s.value for k, s in presets_of(technology)[preset].settings.items()})


ALL = [(t, p) for t in SERIAL for p in presets_of(t)]


@pytest.mark.parametrize("technology", SERIAL)
def test_modules_declare_their_parameters_in_one_order(technology: str) -> None:
    cls = class_of(technology)
    assert issubclass(cls, DirectLink)
    assert {p.name for p in parameters_of(cls)} <= set(ORDER)
    own = [key for key in vars(cls)["__annotations__"] if key in ORDER]  # others are the family's, alike for all
    assert own == [key for key in ORDER if key in own]


def test_256_bytes_with_a_header_of_16() -> None:
    # LLMCompass (PrincetonUniversity/LLMCompass, interconnect.py): NVLink packets, 256/272 = 0.941
    link = PciExpress(payload=256, header=16, coding=1, protocol_efficiency=1)
    assert link.packet_efficiency == link.efficiency == pytest.approx(256 / 272, rel=1e-12)
    assert f"{link.packet_efficiency:.3f}" == "0.941"


def test_latency_adds_both_ends_and_the_way() -> None:
    link = NVLinkC2C(phy_latency=3e-9, fec_latency=2e-9, distance=2.0, propagation=5e-9)
    assert link.latency == pytest.approx(15e-9, rel=1e-12)


def test_latency_and_energy_of_a_switch_come_with_its_share() -> None:
    link = PciExpress(
        phy_latency=3e-9, fec_latency=2e-9, distance=2.0, propagation=5e-9, switches=0.5, switch_latency=100e-9,
        link_energy=7e-12, switch_energy=20e-12,
    )  # fmt: skip
    assert link.latency == pytest.approx(65e-9, rel=1e-12)
    assert link.energy == pytest.approx(17e-12, rel=1e-12)


@pytest.mark.parametrize(("technology", "preset"), ALL)
def test_efficiency_is_the_product_of_its_shares(technology: str, preset: str) -> None:
    link = build(technology, preset)
    packets = link.payload / (link.payload + link.header)
    assert link.efficiency == pytest.approx(link.coding * packets * link.protocol_efficiency, rel=1e-12)
    assert link.net_bandwidth == pytest.approx(link.links * link.lanes * link.lane_rate * link.coding, rel=1e-12)
    assert 0.6 < link.efficiency <= 1


@pytest.mark.parametrize(("technology", "preset"), ALL)
def test_bytes_in_flight_fill_the_way_there_and_back(technology: str, preset: str) -> None:
    link = build(technology, preset)
    assert link.capacity == pytest.approx(2 * link.bandwidth * link.latency, rel=1e-12)


@pytest.mark.parametrize("technology", [t for t in SERIAL if issubclass(class_of(t), SwitchedLink)])
def test_without_a_switch_only_the_link_counts(technology: str) -> None:
    link = class_of(technology)(switches=0)
    assert link.energy == link.link_energy
    assert link.latency == pytest.approx(
        link.phy_latency + link.fec_latency + link.distance * link.propagation, rel=1e-12
    )


@pytest.mark.parametrize("technology", [*SERIAL, "nvlink", "ucie", "noc", "hybrid-bond", "optics", "ocs"])
def test_the_ideal_link_loses_nothing_but_time_on_the_way(technology: str) -> None:
    cls = class_of(technology)
    ideal = {p.name: p.ideal for p in parameters_of(cls) if p.has_ideal}
    link = cls(**ideal)
    assert link.efficiency == 1
    assert link.latency == cls().latency > 0
