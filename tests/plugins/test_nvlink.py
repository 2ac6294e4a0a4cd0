"""NVLink against NVIDIA's architecture papers, and the published fits of small all-reduces.

Sources: A100, H100 and Blackwell white papers (bidirectional sums of 600, 900, 1800 GB/s are 300, 450, 900 per
direction); aiconfigurator-core 0.12.0, vLLM custom all-reduce in graphs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import symarch
from symarch.accuracy.machines import joined
from symarch.specs import presets_of
from symarch.system import SystemGraph
from symarch.trace import Collective, Operator
from symarch_technologies.nvlink import NVLink


def preset(name: str, **values: float) -> NVLink:
    return NVLink(**{**{k: s.value for k, s in presets_of("nvlink")[name].settings.items()}, **values})


@pytest.mark.parametrize(
    ("name", "links", "rate"), [("nvlink3", 12, 300e9), ("nvlink4", 18, 450e9), ("nvlink5", 18, 900e9)]
)
def test_bandwidth_is_half_of_the_quoted_sum_of_both_directions(name: str, links: int, rate: float) -> None:
    found = preset(name)
    assert found.bandwidth == pytest.approx(rate, rel=1e-12)
    assert found.links == links
    assert found.bandwidth / links == pytest.approx(50e9 if name == "nvlink5" else 25e9)


def test_every_preset_is_checked_here() -> None:
    nccl = {"nvlink3-nccl", "nvlink4-nccl", "nvlink5-nccl"}
    assert set(presets_of("nvlink")) == {"nvlink3", "nvlink4", "nvlink5", "nvlink6"} | nccl


def test_nvlink6_is_half_of_the_announced_sum() -> None:
    found = preset("nvlink6")
    assert found.bandwidth == pytest.approx(3600e9 / 2, rel=1e-12)
    assert presets_of("nvlink")["nvlink6"].status == "announced"
    assert 2 * 72 * found.bandwidth == pytest.approx(260e12, rel=4e-3)  # a rack of 72, as NVIDIA states it


def test_a_rack_of_72_has_its_published_cables_and_sum() -> None:
    found = preset("nvlink5")
    assert 72 * found.links * found.lanes * 2 == 5184  # one copper pair a lane and direction
    assert 2 * 72 * found.bandwidth == pytest.approx(130e12, rel=5e-3)
    assert 72 * found.links == 18 * 72  # 18 switches of 72 ports take all links of 72 GPUs


@pytest.mark.parametrize("name", ["nvlink3", "nvlink4", "nvlink5"])
def test_efficiency_is_below_what_packets_alone_leave(name: str) -> None:
    assert preset(name).efficiency < 256 / 272  # LLMCompass: 256 B of payload, 16 B of header


@pytest.mark.parametrize("name", ["nvlink3", "nvlink4", "nvlink5"])
def test_efficiency_lies_between_fits_and_nccls_planning_constants(name: str) -> None:
    # NCCL src/graph/topo.h: 20.0, 20.6 and 40.1 GB/s a link; fits of two-shot kernels 0.62 to 0.80 of nominal
    constant = {"nvlink3": 20.0 / 25, "nvlink4": 20.6 / 25, "nvlink5": 40.1 / 50}[name]
    assert 0.6 < preset(name).efficiency < constant + 0.005


@pytest.mark.parametrize(
    ("system", "rate"), [("a100-sxm-8", 300e9), ("h100-sxm-8", 450e9), ("h200-sxm-8", 450e9), ("b200-sxm-8", 900e9)]
)
def test_shipped_boards_have_their_generation(system: str, rate: float) -> None:
    graph = SystemGraph.build(symarch.load_system(system), lambda component, parameter, value: value)
    assert graph.networks["scale_up"].link.bandwidth == pytest.approx(rate)
    assert graph.networks["scale_up"].size == 8


def test_a_small_all_reduce_takes_what_was_fitted() -> None:
    # H100, vLLM custom all-reduce: a step, eight hops and 0.123 us for each further peer; no bytes to speak of
    board = symarch.load_system("h100-sxm-8")
    operator = Operator("a", "collective", collective=Collective("all_reduce", 1.0))
    for n in (2, 4, 8):
        time = symarch.time_operator(board, operator, devices=n)
        assert time == pytest.approx(1.93e-6 + 8 * 0.3e-6 + 0.123e-6 * (n - 2), rel=2e-3)


def test_a_large_all_reduce_takes_its_bytes_over_the_fitted_rate() -> None:
    board = symarch.load_system("h100-sxm-8")
    size = 2.0**30
    time = symarch.time_operator(board, Operator("a", "collective", collective=Collective("all_reduce", size)))
    assert time == pytest.approx(1.75 * size / (0.653 * 450e9), rel=0.01)


def test_the_spec_needs_no_more_than_a_technology_and_a_topology(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(
        'format = 1\n[processor.p]\ntechnology = "gpu"\n[memory.m]\ntechnology = "hbm"\n'
        '[network.n]\ntechnology = "nvlink"\ntopology = "switch"\nsize = 2\n'
    )
    assert symarch.load_system(str(path)).devices == 2


@pytest.mark.parametrize("name", ["nvlink3", "nvlink4", "nvlink5"])
def test_nccl_has_the_same_wire(name: str) -> None:
    assert preset(f"{name}-nccl").bandwidth == preset(name).bandwidth


def test_software_runs_at_the_clock_of_the_gpus_and_the_wire_does_not() -> None:
    (quick,), (late,) = preset("nvlink4").protocols(), preset("nvlink4", clock=0.99e9).protocols()
    wire = 6 * 0.3e-6  # a barrier, the request of a read, a barrier
    assert late.link.software_latency - wire == pytest.approx(2 * (quick.link.software_latency - wire), rel=1e-12)
    assert late.link.peer_latency == pytest.approx(2 * quick.link.peer_latency, rel=1e-12)
    assert (late.link.latency, late.link.efficiency) == (quick.link.latency, quick.link.efficiency)


def test_the_software_of_nccl_is_as_fast_as_a_channel() -> None:
    fast, slow = preset("nvlink4-nccl"), preset("nvlink4-nccl", channel_rate=18.35e9)
    for quick, late in zip(fast.protocols(), slow.protocols(), strict=True):
        assert quick.only == late.only
        for name in ("start_latency", "software_latency"):
            assert getattr(late.link, name) == pytest.approx(2 * getattr(quick.link, name), rel=1e-12)
        assert (late.link.latency, late.link.efficiency) == (quick.link.latency, quick.link.efficiency)
    assert preset("nvlink4-nccl", clock=0.99e9).protocols()[0].link.start_latency == fast.start_latency


def test_a_channel_is_as_fast_as_its_loop() -> None:
    # 640 threads with 8 words of 8 B under way, of which 15 in 16 are data; NCCL states 1.9 us for LL128 as well
    assert 640 * 8 * 8 * 15 / 16 / preset("nvlink3-nccl").channel_rate == pytest.approx(1.9e-6, rel=0.02)


def test_one_protocol_unless_another_is_stated() -> None:
    (only,) = preset("nvlink4").protocols()
    assert (only.only, only.link.efficiency) == (None, preset("nvlink4").efficiency)
    for name, rate in (("nvlink3-nccl", 20e9), ("nvlink4-nccl", 36.7e9)):
        short, large = preset(name).protocols()[:2]
        slot = large.link.start_latency - short.link.start_latency
        assert slot == pytest.approx(4 * 2**20 / 8 / rate, rel=1e-12)  # of 4 MiB in 8 steps
        assert short.link.efficiency < large.link.efficiency
        assert (short.link.copying, large.link.copying) == (None, preset(name).copying)


def test_switches_that_reduce_have_a_protocol_of_their_own() -> None:
    # NCCL, src/graph/tuning.cc: NVLS runs in the protocol Simple only, 25 us, 0.85 (Hopper) and 0.74 (Blackwell)
    for name, share in (("nvlink4-nccl", 20.6 / 25 * 0.85 * 15 / 16), ("nvlink5-nccl", 40.1 / 50 * 0.74 * 31 / 32)):
        short, large, sums = preset(name).protocols()
        assert (short.only, large.only, sums.only) == (None, None, "in_network")
        assert sums.link.efficiency == pytest.approx(share, rel=2e-3)
    assert "reduction_efficiency" not in presets_of("nvlink")["nvlink3-nccl"].settings  # its switches cannot


@pytest.mark.parametrize(
    ("label", "nodes", "size", "measured"),
    [  # NCCL all-reduces, us: aiconfigurator-core 0.12.0 nccl_perf, half
        ("a100_sxm", 2, 512, 10.0),
        ("a100_sxm", 8, 512, 22.6),
        ("a100_sxm", 8, 512 * 2**20, 4225.9),
        ("h100_sxm", 2, 512, 6.2),
        ("h100_sxm", 4, 512, 9.5),
        ("h100_sxm", 2, 512 * 2**20, 1686.4),
        ("h100_sxm", 4, 512 * 2**20, 2299.7),
    ],
)
def test_nccl_takes_about_what_was_measured(label: str, nodes: int, size: int, measured: float) -> None:
    board = joined(label, nodes, "nccl")
    operator = Operator("a", "collective", collective=Collective("all_reduce", float(size)))
    assert symarch.time_operator(board, operator, devices=nodes) * 1e6 == pytest.approx(measured, rel=0.25)


def test_nccl_changes_protocol_where_the_other_is_faster() -> None:
    link = preset("nvlink4-nccl")
    board = joined("h100_sxm", 4, "nccl")
    found = set()
    for size in (1e3, 1e6, 1e7, 1e9):
        operator = Operator("a", "collective", collective=Collective("all_reduce", size))
        wire = 6 * link.software_latency + 6 * link.latency * 2
        kept = link.copying * size / 4 / link.bandwidth
        times = {
            "short": link.start_latency + wire + 1.5 * size / (link.efficiency * link.bandwidth),
            "bulk": link.start_latency
            + link.channel_slot / link.channel_rate
            + wire
            + 1.5 * size / (link.bulk_efficiency * link.bandwidth)
            + kept,
            "switches": link.reduction_latency
            + link.software_latency
            + 4 * link.latency
            + 1.25 * size / (link.reduction_efficiency * link.bandwidth),
        }
        found.add(min(times, key=times.__getitem__))
        time = symarch.time_operator(board, operator, devices=4)
        assert time == pytest.approx(min(times.values()), rel=1e-12)
    assert found == {"short", "switches"}


@pytest.mark.parametrize(
    ("label", "operation", "rate", "within"),
    [  # bus bandwidths of nccl-tests among 8 GPUs, GB/s
        ("a100_sxm", "all_reduce", 230, 0.12),  # 230 to 250: docs.alayanew.com, nccl-tests in practice, 2026-05
        ("h100_sxm", "all_reduce", 480, 0.06),  # NVLink SHARP: github.com/NVIDIA/nccl-tests/issues/212
        ("h100_sxm", "all_gather", 370, 0.16),  # no NVLink SHARP: the same
        ("h200_sxm", "all_reduce", 475, 0.06),  # github.com/NVIDIA/nccl-tests/issues/272
        ("gb200", "all_reduce", 811, 0.04),  # lixueduan.com/posts/ai/13-gb200-mnnvl-nccl-test, 8 GPUs of an NVL72
        ("mi300x", "all_reduce", 336, 0.06),  # seven links of 48 usable: rocm.blogs.amd.com, mi300x-rccl-xgmi
    ],
)
def test_eight_gpus_reach_about_the_published_bus_bandwidth(
    label: str, operation: str, rate: float, within: float
) -> None:
    size = 8.0 * 2**30
    operator = Operator("a", "collective", collective=Collective(operation, size))
    time = symarch.time_operator(joined(label, 8, "nccl"), operator, devices=8)
    bus = {"all_reduce": 2, "all_gather": 1}[operation] * 7 / 8 * size / time
    assert bus / 1e9 == pytest.approx(rate, rel=within)


def test_switches_pay_among_four_and_more_in_large_sums_only() -> None:
    def bus(nodes: int, size: float) -> float:
        operator = Operator("a", "collective", collective=Collective("all_reduce", size))
        time = symarch.time_operator(joined("h100_sxm", nodes, "nccl"), operator, devices=nodes)
        return 2 * (nodes - 1) / nodes * size / time

    link = preset("nvlink4-nccl")
    ring = link.bulk_efficiency * link.bandwidth
    assert bus(2, 8e9) < ring < bus(4, 8e9) < bus(8, 8e9)
    # 445 GB/s among 8 at 512 MB, 15.6 us for the smallest: aiconfigurator-core 0.12.0, H100
    assert bus(8, 2.0**29) == pytest.approx(445e9, rel=0.05)
    operator = Operator("a", "collective", collective=Collective("all_reduce", 512.0))
    assert symarch.time_operator(joined("h100_sxm", 8, "nccl"), operator, devices=8) == pytest.approx(15.6e-6, rel=0.05)
