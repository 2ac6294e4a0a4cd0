from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symarch
from symarch.system import SystemGraph
from symarch.system.paths import Path as Record
from symarch.system.paths import Segment, compose, link_rate, port_rate, write_rate
from symarch_technologies.hbf import HighBandwidthFlash
from symarch_technologies.hbm import HighBandwidthMemory
from symarch_technologies.ucie import UCIe

POSITIVE = st.floats(1e-12, 1e12)


def memory(name: str = "m", **values: Any) -> HighBandwidthFlash:
    return HighBandwidthFlash(component=name, **values)


def wire(name: str = "w", **values: Any) -> UCIe:
    return UCIe(component=name, **values)


def part(component: Any, kind: str) -> Segment:
    return Segment(component.component, component, False, 1, kind)


def path(end: Any, *between: Segment) -> Record:
    return compose(end.component, end, (*between, part(end, "port"), part(end, "array")))


def test_a_memory_alone_is_its_own_path() -> None:
    end = memory()
    found = path(end)
    assert found.read_bandwidth == end.read_bandwidth
    assert found.write_bandwidth == end.write_bandwidth
    assert found.latency == found.round_trip == end.read_latency
    assert (found.read_energy, found.write_energy) == (end.read_energy, end.write_energy)
    assert found.capacity == end.capacity
    assert found.missing == ()


@given(POSITIVE, POSITIVE, st.floats(0.1, 1), POSITIVE, POSITIVE)
def test_in_series_bandwidth_is_the_minimum_and_latencies_and_energies_add(
    rate: float, other: float, efficiency: float, latency: float, energy: float
) -> None:
    end = memory(read_time=1e-6)
    a = wire("a", modules=1, lanes=1, lane_rate=rate, efficiency=efficiency, latency=latency, energy=energy)
    b = wire("b", modules=1, lanes=1, lane_rate=other, efficiency=1)
    found = path(end, part(a, "link"), part(b, "link"))
    assert found.read_bandwidth == min(end.read_bandwidth, rate * efficiency, other)
    assert found.write_bandwidth == min(end.write_bandwidth, rate * efficiency, other)
    assert found.latency == pytest.approx(end.read_latency + latency + b.latency, rel=1e-12)
    assert found.round_trip == pytest.approx(end.read_latency + 2 * (latency + b.latency), rel=1e-12)
    assert found.read_energy == pytest.approx(end.read_energy + energy + b.energy, rel=1e-12)
    assert found.write_energy == pytest.approx(end.write_energy + energy + b.energy, rel=1e-12)
    assert found.capacity == end.capacity


def test_a_path_through_another_memory_passes_its_port_and_not_its_array() -> None:
    front = memory("front", stacks=1, dies=1, planes=1)  # a slow array behind fast pins
    far = memory("far")
    found = path(far, part(front, "port"), part(wire(), "link"))
    assert front.read_bandwidth < found.read_bandwidth
    assert found.read_bandwidth == min(far.read_bandwidth, front.port_bandwidth, link_rate(wire()))
    assert found.latency == far.read_latency + wire().latency


def test_what_a_part_does_not_model_is_missing_and_never_zero() -> None:
    class Bare(UCIe):
        latency = symarch.Interconnect.latency
        energy = symarch.Interconnect.energy

    end, bare = memory(), Bare(component="bare")
    object.__setattr__(bare, "latency", None)
    object.__setattr__(bare, "energy", None)
    found = path(end, part(bare, "link"))
    assert found.latency is None
    assert found.round_trip is None
    assert found.read_energy is None
    assert found.missing == ("bare.latency", "bare.energy")
    assert found.read_bandwidth == min(end.read_bandwidth, link_rate(bare))


def test_absent_rates_stand_in_for_each_other() -> None:
    @attrs.frozen
    class Stub:
        read_bandwidth: float = 5.0
        write_bandwidth: float | None = None
        port_bandwidth: float | None = None
        bandwidth: float = 7.0
        efficiency: float | None = None

    stub: Any = Stub()
    assert write_rate(stub) == port_rate(stub) == 5
    assert link_rate(stub) == 7
    full: Any = Stub(write_bandwidth=2, port_bandwidth=6, efficiency=0.5)
    assert (write_rate(full), port_rate(full), link_rate(full)) == (2, 6, 3.5)


def test_associativity_two_links_are_the_link_of_their_sums() -> None:
    end = memory()
    a, b = wire("a", latency=1e-7, energy=1e-12), wire("b", latency=3e-7, energy=5e-12)
    both = wire("both", latency=4e-7, energy=6e-12)
    cut, whole = path(end, part(a, "link"), part(b, "link")), path(end, part(both, "link"))
    for field in ("read_bandwidth", "write_bandwidth", "latency", "round_trip", "read_energy", "write_energy"):
        assert getattr(cut, field) == pytest.approx(getattr(whole, field), rel=1e-14)


Load = Callable[[str], SystemGraph]


@pytest.fixture
def graph(tmp_path: Path) -> Load:
    def load(text: str) -> SystemGraph:
        file = tmp_path / "system.toml"
        file.write_text("format = 1\n" + text, encoding="utf-8")
        return SystemGraph.build(symarch.load_system(str(file)), lambda component, parameter, value: value)

    return load


CHAIN = """
[processor.gpu]
technology = "gpu"
[memory.hbm]
technology = "hbm"
[memory.hbf]
technology = "hbf"
[link.chain]
between = ["hbf", "hbm"]
technology = "ucie"
arbitration = "exclusive"
[mapping]
place = { weights = "hbf", kv_cache = "hbm", activations = "hbm" }
"""


def test_a_daisy_chain_is_reduced_to_one_record_for_each_memory(graph: Load) -> None:
    found = graph(CHAIN)
    resources = {m: [s.resource for s in p.segments] for (_, m), p in found.paths.items()}
    assert resources == {"hbm": ["hbm.port", "hbm"], "hbf": ["hbm.port", "chain", "hbf.port", "hbf"]}
    near, far = found.paths["gpu", "hbm"], found.paths["gpu", "hbf"]
    hbm, hbf, chain = found.memories["hbm"], found.memories["hbf"], found.links["chain"]
    assert isinstance(hbm, HighBandwidthMemory)
    assert near.latency == hbm.read_latency
    assert far.latency == pytest.approx(hbf.read_latency + chain.latency)
    assert far.read_bandwidth == min(hbf.read_bandwidth, hbm.port_bandwidth, chain.bandwidth * chain.efficiency)
    assert far.capacity == hbf.capacity
    assert [s.exclusive for s in far.segments] == [False, True, False, False]
    assert math.isclose(far.round_trip - far.latency, chain.latency)
