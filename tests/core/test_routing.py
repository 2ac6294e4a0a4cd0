"""Distinct experts: by counting, by simulation, and at the ends."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symarch.trace.routing import Routing, largest_of

SIZES = [(8, 2), (128, 8), (256, 8), (16, 1), (512, 10)]


def drawn(experts: int, active: int, tokens: int, devices: int, rounds: int) -> tuple[float, float]:
    """Route tokens at random; return the mean number of distinct experts, and that of the device with most of them."""
    random.seed(7)
    held = experts // devices
    total = most = 0.0
    for _ in range(rounds):
        read = {e for _ in range(tokens) for e in random.sample(range(experts), active)}
        per_device = [sum(d * held <= e < (d + 1) * held for e in read) for d in range(devices)]
        total += len(read)
        most += max(per_device)
    return total / rounds, most / rounds


@pytest.mark.parametrize(("experts", "active"), SIZES)
def test_one_token_reads_its_own_experts_and_many_read_all(experts: int, active: int) -> None:
    for skew in (0, 0.3, 2.0):
        routing = Routing(experts, active, skew)
        assert routing.distinct(1) == pytest.approx(active, rel=1e-12)
        assert routing.slowest(1, 1) == pytest.approx(active, rel=1e-12)
    assert Routing(experts, active).distinct(10**6) == experts
    assert Routing(experts, active, 0.1).distinct(10**9) == pytest.approx(experts, rel=1e-6)


@given(st.integers(1, 2000), st.integers(0, 4))
def test_distinct_experts_lie_between_those_of_one_token_and_all(tokens: int, size: int) -> None:
    experts, active = SIZES[size]
    found = [Routing(experts, active, skew).distinct(tokens) for skew in (0, 1e-6, 0.5, 3)]
    assert all(active * (1 - 1e-8) <= f <= experts for f in found)
    assert found[0] == pytest.approx(found[1], rel=1e-4)  # skew to 0 is uniform routing
    assert found[1] * (1 + 1e-8) >= found[2] >= found[3] * (1 - 1e-8)  # popular experts are met again


def test_a_token_that_uses_all_experts_reads_all() -> None:
    for skew in (0, 1.0):
        assert Routing(8, 8, skew).distinct(1) == 8
        assert Routing(8, 8, skew).slowest(5, 4) == 2


@pytest.mark.parametrize(("experts", "active", "tokens"), [(64, 4, 5), (64, 4, 30), (128, 8, 16)])
@pytest.mark.parametrize("devices", [1, 4, 8])
def test_mean_and_slowest_device_agree_with_a_simulation(experts: int, active: int, tokens: int, devices: int) -> None:
    mean, most = drawn(experts, active, tokens, devices, 600)
    routing = Routing(experts, active)
    assert routing.distinct(tokens) == pytest.approx(mean, rel=0.01)
    assert routing.slowest(tokens, devices) == pytest.approx(most, rel=0.025)


def test_one_device_waits_for_nobody() -> None:
    routing = Routing(256, 8)
    assert routing.slowest(32, 1) == routing.distinct(32)
    assert routing.slowest(32, 8) > routing.distinct(32) / 8
    assert routing.slowest(10**6, 8) == 32  # all experts are read, on every device


def test_the_largest_of_normal_numbers() -> None:
    # tabulated expected maxima of 2, 4 and 8 standard normal numbers (Harter 1961): 0.56419, 1.02938, 1.42360
    for count, value in ((2, 0.56419), (4, 1.02938), (8, 1.42360)):
        assert largest_of(count) == pytest.approx(value, abs=6e-6)
    assert largest_of(1) == pytest.approx(0, abs=1e-12)
    assert math.isfinite(largest_of(1024))


@pytest.mark.parametrize(("skew", "off"), [(0.1, 0.001), (0.3, 0.003), (0.5, 0.005), (1, 0.01), (2, 0.04)])
def test_the_hot_share_is_that_of_the_gamma_distribution(skew: float, off: float) -> None:
    """A miss of T tokens tilts the gamma distribution of the popularity; its tail is the share of hot ones missed."""
    gamma = pytest.importorskip("scipy.stats").gamma
    for experts, active in ((8, 2), (64, 6), (128, 8), (256, 8)):
        for hot in (experts // 32 or 1, experts // 8, experts // 2, experts * 3 // 4):
            for tokens in (1, 16, 256, 4096):
                share, shape = hot / experts, 1 / skew
                tilt = 1 + tokens * ((1 - active / experts) ** -skew - 1)
                missed = tilt**-shape
                tail = gamma.sf(tilt * gamma.ppf(1 - share, shape), shape)
                due = (share - missed * tail) / (1 - missed)
                found = Routing(experts, active, skew).hot(tokens, hot)
                assert found == pytest.approx(due, abs=off), (experts, active, hot, tokens)
                assert share <= found <= 1


def test_under_uniform_routing_the_hot_share_is_that_of_the_experts() -> None:
    assert Routing(8, 2).hot(5, 2) == 0.25
    assert Routing(8, 2, 0.5).hot(5, 8) == 1
