"""Devices that talk through their host, against bus bandwidths that were measured so."""

from __future__ import annotations

import pytest

import symarch
from symarch import Pattern, Traffic
from symarch.accuracy.machines import joined
from symarch.trace import Collective, Operator
from symarch_technologies.host_bridge import HostBridge


def bus(label: str, nodes: int, size: float = 2.0**29) -> float:
    operator = Operator("a", "collective", collective=Collective("all_reduce", size))
    time = symarch.time_operator(joined(label, nodes, "nccl"), operator, devices=nodes)
    return float(2 * (nodes - 1) / nodes * size / time)


def test_a_pair_has_its_links_and_more_share_the_host() -> None:
    host = HostBridge(paired=2, ways=3)
    assert host.traffic(Pattern("neighbour"), 2) == Traffic(2, 1)
    assert host.traffic(Pattern("neighbour"), 3) == Traffic(2, 1)  # the host passes three at once
    assert host.traffic(Pattern("all"), 8) == Traffic(2, 8 / 3)
    assert host.traffic(Pattern("pair"), 8) == Traffic(2, 1)  # one message alone
    assert host.traffic(Pattern("axes"), 8) is None
    assert (host.diameter(8), host.average_hops(8), host.links(8), host.radix(8)) == (2, 2, 8, 1)
    assert (host.bisection(4), host.bisection(8)) == (2, 3)


@pytest.mark.parametrize(
    ("nodes", "rate", "within"),
    [  # aiconfigurator-core 0.12.0, NCCL: 20.4 GB/s among 2, 3.5 and 0.9 of the tensor among 4 and 8
        (2, 20.4, 0.03),
        (4, 3.5 * 1.5, 0.3),
        (8, 0.9 * 1.75, 0.3),
    ],
)
def test_l40s_are_about_as_slow_as_measured(nodes: int, rate: float, within: float) -> None:
    assert bus("l40s", nodes) / 1e9 == pytest.approx(rate, rel=within)


@pytest.mark.parametrize(("nodes", "rate"), [(4, 35), (8, 28)])
def test_cards_of_generation_5_reach_about_what_was_published(nodes: int, rate: float) -> None:
    # eight RTX 5090 on two Xeon 8480: github.com/NVIDIA/nccl/issues/1639
    assert bus("rtx_pro_6000_server", nodes) / 1e9 == pytest.approx(rate, rel=0.16)


@pytest.mark.parametrize("label", ["l40s", "rtx_pro_6000_server", "b60", "mi300x", "h100_sxm", "b200_sxm", "gb200"])
@pytest.mark.parametrize("operation", ["all_reduce", "all_gather", "reduce_scatter", "all_to_all"])
def test_time_grows_with_the_bytes_and_with_the_devices(label: str, operation: str) -> None:
    sizes = [2.0**k for k in range(9, 31)]
    before = [0.0] * len(sizes)
    for nodes in (2, 4, 8):
        board = joined(label, nodes, "nccl")
        times = [
            symarch.time_operator(
                board, Operator("a", "collective", collective=Collective(operation, s)), devices=nodes
            )
            for s in sizes
        ]
        assert times == sorted(times)
        assert all(t > 1e-6 for t in times)
        if label != "mi300x":  # more devices have more links there; large sums in switches gain elsewhere
            assert all(t >= b * (1 - 1e-9) for t, b, s in zip(times, before, sizes, strict=True) if s <= 2**14)
        before = times


def test_a_board_says_what_its_links_are() -> None:
    # B60: eight lanes; MI300X: a link for each pair
    assert joined("b60", 2, "nccl").components["scale_up"].settings["lanes"].value == 8
    for nodes in (2, 4, 8):
        assert joined("mi300x", nodes).components["scale_up"].settings["links"].value == nodes - 1
