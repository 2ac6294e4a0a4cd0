"""The time of one operator against formulas written out by hand, on systems written for it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.errors import MappingError
from symarch.specs import System
from symarch.trace import Access, Collective, Operator

GPU = """
[processor.gpu]
technology = "gpu"
peak_bf16 = {peak}
launch = {launch}
attention_launch = 0
matrix_efficiency = 1
attention_efficiency = 1
streaming_efficiency = 1
covered_latency = {covered}
energy_per_flop = 1e-12
energy_per_byte = 1e-12
static_power = 100
power_limit = {power}
overlap = "{order}"
prefetch = "{prefetch}"
spill = {spill}
{more}
"""


def gpu(peak: float = 1e15, launch: float = 0, covered: float = 1, power: float = 1e9, order: float = math.inf,
        prefetch: str = "operator", spill: float = 1, more: str = "") -> str:  # fmt: skip
    return GPU.format(**locals())


SLAB = """
[technology.slab]
kind = "memory"
[technology.slab.parameters]
array = "1 GB/s"
store = "1 GB/s"
port = "1 GB/s"
delay = "1 us"
page = "4 KiB"
read_cost = "1 J/B"
write_cost = "4 J/B"
idle = "1 W"
[technology.slab.expressions]
capacity = "2**40 * page"
read_bandwidth = "min(array, port)"
write_bandwidth = "min(store, port)"
port_bandwidth = "port"
read_latency = "delay"
write_latency = "delay"
read_energy = "read_cost"
write_energy = "write_cost"
static_power = "idle"
granularity = "page"
"""


def flash(name: str, array: float, port: float | None = None, latency: float = 2e-6, page: float | None = None,
          write: float | None = None, more: str = "") -> str:  # fmt: skip
    """A memory with an array and a port of given rates."""
    return f"""
[memory.{name}]
technology = "slab"
array = {array!r}
store = {array if write is None else write!r}
port = {1e3 * array if port is None else port!r}
delay = {latency!r}
page = {array * latency / 2 if page is None else page!r}
read_cost = 1e-12
write_cost = 4e-12
{more}
"""


def link(name: str, ends: tuple[str, str], rate: float, latency: float = 1e-9, more: str = "") -> str:
    return f"""
[link.{name}]
between = ["{ends[0]}", "{ends[1]}"]
technology = "ucie"
modules = 1
lanes = 1
lane_rate = {rate!r}
efficiency = 1
latency = {latency!r}
energy = 2e-12
{more}
"""


PLACE = """
[mapping]
place = { weights = "far", kv_cache = "near", activations = "near" }
"""

Build = Callable[..., System]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    path = tmp_path_factory.mktemp("systems") / "made.toml"

    def load(*tables: str, **settings: Any) -> System:
        path.write_text("format = 1\n" + SLAB + "".join(tables), encoding="utf-8")
        return symarch.load_system(str(path), settings)

    return load


def moving(far: float = 0, near: float = 0, flops: float = 0, **more: Any) -> Operator:
    """An operator that reads `far` bytes of weights and `near` bytes of cache."""
    accesses = [Access("weights", read=far), Access("kv_cache", read=near)]
    return Operator("op", "matmul", 1, {"m": 1, "n": 1, "k": 1}, "bf16", flops, tuple(accesses), **more)


RATES = st.floats(1e9, 1e13)
BYTES = st.floats(1e3, 1e12)


@settings(max_examples=25)
@given(RATES, RATES, BYTES, BYTES)
def test_memories_on_sites_of_their_own_stream_beside_each_other(
    build: Build, far: float, near: float, d_far: float, d_near: float
) -> None:
    system = build(gpu(), flash("near", near), flash("far", far), PLACE)
    time = symarch.time_operator(system, moving(d_far, d_near))
    assert time == pytest.approx(max(d_far / far, d_near / near), rel=1e-12)


def daisy(near: float, far: float, port: float, arbitration: str = "shared", rate: float = 1e15) -> tuple[str, ...]:
    return (
        gpu(),
        flash("near", near, port, more=f'arbitration = "{arbitration}"'),
        flash("far", far),
        link("chain", ("far", "near"), rate),
        PLACE,
    )


@settings(max_examples=25)
@given(RATES, RATES, st.floats(1, 4), BYTES, BYTES)
def test_a_daisy_chain_adds_the_loads_on_the_port_it_goes_through(
    build: Build, far: float, near: float, ratio: float, d_far: float, d_near: float
) -> None:
    port = near * ratio  # a port keeps up with its own array
    time = symarch.time_operator(build(*daisy(near, far, port)), moving(d_far, d_near))
    assert time == pytest.approx(max(d_far / far, d_near / near, (d_far + d_near) / port), rel=1e-12)


@settings(max_examples=25)
@given(RATES, BYTES, BYTES)
def test_a_daisy_chain_of_equal_rates_takes_the_sum(build: Build, rate: float, d_far: float, d_near: float) -> None:
    time = symarch.time_operator(build(*daisy(rate, rate, rate)), moving(d_far, d_near))
    assert time == pytest.approx(d_far / rate + d_near / rate, rel=1e-12)


@settings(max_examples=25)
@given(RATES, RATES, st.floats(0.1, 4), BYTES, BYTES)
def test_an_exclusive_port_serves_one_tier_after_the_other(
    build: Build, far: float, near: float, ratio: float, d_far: float, d_near: float
) -> None:
    port = near * ratio
    time = symarch.time_operator(build(*daisy(near, far, port, "exclusive")), moving(d_far, d_near))
    assert time == pytest.approx(d_far / min(far, port) + d_near / min(near, port), rel=1e-12)


@settings(max_examples=25)
@given(RATES, RATES, RATES, BYTES, BYTES)
def test_an_exclusive_port_is_never_faster_than_a_shared_one_nor_twice_as_slow(
    build: Build, far: float, near: float, port: float, d_far: float, d_near: float
) -> None:
    shared = symarch.time_operator(build(*daisy(near, far, port)), moving(d_far, d_near))
    exclusive = symarch.time_operator(build(*daisy(near, far, port, "exclusive")), moving(d_far, d_near))
    assert shared * (1 - 1e-12) <= exclusive <= 2 * shared * (1 + 1e-12)


def test_a_port_that_one_tier_uses_alone_is_the_same_shared_and_exclusive(build: Build) -> None:
    for arbitration in ("shared", "exclusive"):
        system = build(*daisy(3e12, 1e12, 4e12, arbitration))
        assert symarch.time_operator(system, moving(d := 5e9)) == pytest.approx(d / 1e12, rel=1e-12)
        assert symarch.time_operator(system, moving(0, d)) == pytest.approx(d / 3e12, rel=1e-12)


def test_the_chain_in_the_middle_is_a_bottleneck_like_any_other(build: Build) -> None:
    system = build(*daisy(4e12, 3e12, 8e12, rate=1e12))
    assert symarch.time_operator(system, moving(6e9, 2e9)) == pytest.approx(6e9 / 1e12, rel=1e-12)


def test_a_link_carries_reads_one_way_and_writes_the_other(build: Build) -> None:
    system = build(gpu(), flash("near", 1e13), link("wire", ("gpu", "near"), 1e12))
    both = Operator("op", "matmul", accesses=(Access("weights", read=3e9), Access("kv_cache", write=2e9)))
    assert symarch.time_operator(system, both) == pytest.approx(3e9 / 1e12, rel=1e-12)
    array = build(gpu(), flash("near", 1e12, write=5e11))
    assert symarch.time_operator(array, both) == pytest.approx(3e9 / 1e12 + 2e9 / 5e11, rel=1e-12)


def test_efficiency_of_a_link_and_of_a_memory_divide_their_rates(build: Build) -> None:
    base = (gpu(more="streaming_memory = \"none\""), '[memory.near]\ntechnology = "hbm"\nstacks = 1\npins = 1000\n'
            "pin_rate = 1e9\nrow_efficiency = 0.8\n")  # fmt: skip
    assert symarch.time_operator(build(*base), moving(0, 4e9)) == pytest.approx(4e9 / 0.8e12, rel=1e-12)
    # a streaming efficiency measured on a technology replaces that memory's own and multiplies none
    replaced = (
        base[0].replace('"none"', '"hbm"').replace("streaming_efficiency = 1", "streaming_efficiency = 0.5"),
        base[1],
    )
    assert symarch.time_operator(build(*replaced), moving(0, 4e9)) == pytest.approx(4e9 / 0.5e12, rel=1e-12)
    wired = build(*base, link("wire", ("gpu", "near"), 1e12), **{"wire.efficiency": 0.5})
    assert symarch.time_operator(wired, moving(0, 4e9)) == pytest.approx(4e9 / 0.5e12, rel=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, math.inf])
def test_a_link_cut_in_two_by_a_junction_is_the_same_link(build: Build, order: float) -> None:
    one = build(gpu(order=order, covered=0), flash("near", 4e12, more='on = "gpu"'), flash("far", 3e12),
                link("chain", ("far", "near"), 2e12, 4e-7), PLACE)  # fmt: skip
    two = build(gpu(order=order, covered=0), flash("near", 4e12, more='on = "gpu"'), flash("far", 3e12),
                link("a", ("far", "middle"), 2e12, 1e-7), link("b", ("middle", "near"), 2e12, 3e-7),
                "[switch.middle]\n", PLACE, **{"a.energy": "0.5e-12", "b.energy": "1.5e-12"})  # fmt: skip
    for operator in (moving(5e9, 1e9, 1e12), moving(1e6, 1e6, 1e9), moving(1e3), moving(0, 7e9, 3e12)):
        whole, cut = symarch.time_operator(one, operator), symarch.time_operator(two, operator)
        assert cut == pytest.approx(whole, rel=1e-12)
    model = symarch.load_model("llama-2-7b")
    left, right = (symarch.analyze(s, model).evaluate(batch=4).metrics for s in (one, two))
    assert list(right) == list(left)
    for name, due in left.items():  # without a price a metric has no value on either
        assert right[name] == (None if due is None else pytest.approx(due, rel=1e-12)), name


@pytest.mark.parametrize("order", [1, 2, 3, math.inf])
def test_a_link_to_the_processor_cut_in_two_is_the_same_link(build: Build, order: float) -> None:
    one = build(gpu(order=order, covered=0), flash("near", 4e12), link("wire", ("gpu", "near"), 2e12, 4e-7))
    two = build(gpu(order=order, covered=0), flash("near", 4e12), link("a", ("near", "middle"), 2e12, 2e-7),
                link("b", ("middle", "gpu"), 2e12, 2e-7), "[switch.middle]\n")  # fmt: skip
    for operator in (moving(0, 1e9, 1e12), moving(1e6, 1e6, 1e9), moving(1e3)):
        assert symarch.time_operator(two, operator) == pytest.approx(symarch.time_operator(one, operator), rel=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3, math.inf])
def test_an_unused_component_changes_nothing(build: Build, order: float) -> None:
    place = PLACE.replace("far", "near")
    alone = build(gpu(order=order), flash("near", 4e12), place)
    beside = build(gpu(order=order), flash("near", 4e12), flash("far", 1e9), "[switch.idle]\n",
                   link("chain", ("far", "near"), 1e9), place)  # fmt: skip
    for operator in (moving(5e9, 1e9, 1e12), moving(1e3, 1e3, 1e9)):
        assert symarch.time_operator(alone, operator) == symarch.time_operator(beside, operator)
    model = symarch.load_model("llama-2-7b")
    times = [{k: v for k, v in symarch.analyze(s, model).evaluate().metrics.items() if k in ("ttft", "tpot")}
             for s in (alone, beside)]  # fmt: skip
    assert times[0] == times[1]


@pytest.mark.parametrize("count", [1, 2, 8])
def test_loads_of_all_devices_add_on_what_they_share(build: Build, count: int) -> None:
    shared = f"shared_by = {count}"
    pool = build(gpu(), flash("near", 4e12, more=shared))
    assert symarch.time_operator(pool, moving(0, 8e9)) == pytest.approx(count * 8e9 / 4e12, rel=1e-12)
    wire = build(gpu(), flash("near", 4e12), link("wire", ("gpu", "near"), 1e12, more=shared))
    assert symarch.time_operator(wire, moving(0, 8e9)) == pytest.approx(max(8e9 / 4e12, count * 8e9 / 1e12), rel=1e-12)
    port = build(
        gpu(), flash("near", 2e12, 2e12, more=shared), flash("far", 2e12), link("c", ("far", "near"), 1e15), PLACE
    )
    assert symarch.time_operator(port, moving(6e9, 2e9)) == pytest.approx(count * 8e9 / 2e12, rel=1e-12)
    assert symarch.time_operator(port, moving(6e9)) == pytest.approx(max(1, count) * 6e9 / 2e12, rel=1e-12)


TIMES = st.floats(1e-7, 1e-1)


@settings(max_examples=25)
@given(TIMES, TIMES, st.sampled_from([1.0, 1.5, 2.0, 3.0, 60.0, math.inf]), st.floats(0, 1e-3))
def test_arithmetic_and_data_overlap_with_order_p(
    build: Build, t_a: float, t_d: float, p: float, launch: float
) -> None:
    system = build(gpu(peak=1e15, order=p, launch=launch), flash("near", 1e12))
    time = symarch.time_operator(system, moving(0, t_d * 1e12, t_a * 1e15))
    longest, shortest = max(t_a, t_d), min(t_a, t_d)
    m = longest if p == math.inf else longest * (1 + (shortest / longest) ** p) ** (1 / p)
    assert time == pytest.approx(launch + m, rel=1e-12)


@pytest.mark.parametrize(("order", "hand"), [(1, 7e-3), (2, 5e-3), (math.inf, 4e-3)])
def test_three_and_four_milliseconds_overlap_to_seven_five_or_four(build: Build, order: float, hand: float) -> None:
    system = build(gpu(peak=1e15, order=order), flash("near", 1e12))
    assert symarch.time_operator(system, moving(0, 4e9, 3e12)) == pytest.approx(hand, rel=1e-12)


@settings(max_examples=25)
@given(RATES, BYTES, st.floats(1e-7, 1e-4), st.floats(1e3, 1e9))
def test_bytes_in_flight_over_latency_limit_the_rate(
    build: Build, rate: float, size: float, latency: float, inflight: float
) -> None:
    # Little's law: a stream runs at min(bandwidth, outstanding / round trip)
    system = build(gpu(more=f"outstanding = {inflight!r}"), flash("near", rate, latency=latency))
    time = symarch.time_operator(system, moving(0, size))
    assert time == pytest.approx(size / min(rate, inflight / latency), rel=1e-9)


def test_the_round_trip_crosses_links_twice(build: Build) -> None:
    tables = (flash("near", 1e12, latency=2e-6), link("wire", ("gpu", "near"), 1e12, 3e-6))
    system = build(gpu(more="outstanding = 4000"), *tables)
    assert symarch.time_operator(system, moving(0, 1e6)) == pytest.approx(1e6 / (4000 / 8e-6), rel=1e-9)
    bare = build(gpu(covered=0), *tables)
    assert symarch.time_operator(bare, moving(0, 1e6)) == pytest.approx(1e6 / 1e12 + 8e-6, rel=1e-9)


def test_latency_is_exposed_once_per_operator_or_not_at_all_if_fetched_across_operators(build: Build) -> None:
    for prefetch, exposed in (("operator", 2e-6), ("step", 0)):
        system = build(gpu(covered=0, prefetch=prefetch), flash("near", 1e12, latency=2e-6))
        time = symarch.time_operator(system, moving(1e6, 1e6))  # two streams are requested together
        assert time == pytest.approx(2e6 / 1e12 + exposed, rel=1e-9)


def test_a_dependent_access_exposes_its_latency_however_far_ahead_others_are_fetched(build: Build) -> None:
    lookup = Operator("op", "embedding", accesses=(Access("weights", read=4e3, dependent=True),))
    for prefetch in ("operator", "step"):
        system = build(gpu(covered=0, prefetch=prefetch), flash("near", 1e12, latency=2e-6))
        assert symarch.time_operator(system, lookup) == pytest.approx(4e3 / 1e12 + 2e-6, rel=1e-9)


def test_the_longest_of_several_latencies_counts(build: Build) -> None:
    system = build(gpu(covered=0), flash("near", 1e12, latency=2e-6), flash("far", 1e12, latency=9e-6), PLACE)
    assert symarch.time_operator(system, moving(1e6, 1e6)) == pytest.approx(1e-6 + 9e-6, rel=1e-9)
    assert symarch.time_operator(system, moving(0, 1e6)) == pytest.approx(1e-6 + 2e-6, rel=1e-9)


def test_writes_alone_expose_no_latency(build: Build) -> None:
    system = build(gpu(covered=0), flash("near", 1e12))
    write = Operator("op", "elementwise", accesses=(Access("kv_cache", write=1e6),))
    assert symarch.time_operator(system, write) == pytest.approx(1e-6, rel=1e-9)


@pytest.mark.parametrize(("covered", "exposed"), [(0.0, 2e-6), (0.5e-6, 1.5e-6), (2e-6, 0), (1e-3, 0)])
def test_only_latency_beyond_what_the_overheads_contain_is_exposed(
    build: Build, covered: float, exposed: float
) -> None:
    system = build(gpu(covered=covered), flash("near", 1e12, latency=2e-6))
    assert symarch.time_operator(system, moving(0, 1e6)) == pytest.approx(1e-6 + exposed, rel=1e-9)


def test_prefetch_across_operators_exposes_the_longest_latency_once_a_step(build: Build) -> None:
    model = symarch.load_model("llama-2-7b")
    tables = (flash("near", 1e12, latency=2e-6), flash("far", 1e12, latency=9e-6), PLACE)
    results = {p: symarch.analyze(build(gpu(covered=0, prefetch=p), *tables), model).evaluate(context=500)
               for p in ("operator", "step")}  # fmt: skip
    # Operators that read weights from far: 9 us each. 32 layers: qkv, attention_output, gate_up, down, 64 norms and
    # final_norm and lm_head. The others that read, from near: 2 us each: rope, attention, silu_mul.
    # The embedding row is dependent and exposes 9 us both ways.
    streams = 9e-6 * (4 * 32 + 64 + 2) + 2e-6 * (3 * 32)
    difference = results["operator"].metrics["tpot"] - results["step"].metrics["tpot"]  # type: ignore[operator]
    assert difference == pytest.approx(streams - 9e-6, rel=1e-6)
    first = [o for o in results["step"].operators if o.name == "first_access"]
    assert [o.time for o in first] == [pytest.approx(9e-6)]


def test_a_power_limit_is_a_resource_that_takes_time(build: Build) -> None:
    # static: processor 100 W and memory 1 W; dynamic: 1 pJ a FLOP, 1 pJ a byte in the chip and 1 pJ a byte in memory
    def at(limit: float, order: float) -> float:
        return symarch.time_operator(build(gpu(power=limit, order=order), flash("near", 1e12)), moving(0, 4e9, 3e12))

    energy = 3e12 * 1e-12 + 4e9 * 2e-12
    for order, free in ((1.0, 7e-3), (2.0, 5e-3), (math.inf, 4e-3)):
        assert at(1e9, order) == pytest.approx(free, rel=1e-12)
        assert at(101 + 100, order) == pytest.approx(energy / 100, rel=1e-12)
        edge = energy / free + 101
        assert at(edge, order) == pytest.approx(free, rel=1e-9)


def test_a_write_costs_its_own_energy(build: Build) -> None:
    system = build(gpu(power=102), flash("near", 1e12))
    write = Operator("op", "elementwise", accesses=(Access("kv_cache", write=1e9),))
    assert symarch.time_operator(system, write) == pytest.approx(1e9 * (4e-12 + 1e-12) / 1, rel=1e-9)


@pytest.mark.parametrize("spill", [0, 0.25, 1])
def test_a_share_of_the_bytes_between_operators_goes_to_memory(build: Build, spill: float) -> None:
    system = build(gpu(spill=spill), flash("near", 1e12))
    operator = Operator(
        "op", "matmul", accesses=(Access("weights", read=1e9), Access("activations", read=6e9, write=2e9))
    )
    assert symarch.time_operator(system, operator) == pytest.approx((1e9 + spill * 8e9) / 1e12, rel=1e-12)


def test_a_short_access_moves_a_whole_page(build: Build) -> None:
    # one cached token of 512 B in a 4 KiB page: 8 times the bytes, read and written
    system = build(gpu(), flash("near", 4096e6, latency=2e-6, page=4096.0, write=1024e6))
    for extent, waste in ((512.0, 8), (4096.0, 1), (8192.0, 1), (None, 1), (1.0, 4096)):
        write = Operator("op", "elementwise", accesses=(Access("kv_cache", write=1e6, extent=extent),))
        assert symarch.time_operator(system, write) == pytest.approx(1e6 * waste / 1024e6, rel=1e-9)
        read = Operator("op", "elementwise", accesses=(Access("kv_cache", read=1e6, extent=extent),))
        assert symarch.time_operator(system, read) == pytest.approx(1e6 * waste / 4096e6, rel=1e-9)


def test_writing_the_cache_into_flash_is_amplified_by_page_over_token(build: Build) -> None:
    # Llama 3.1 8B: 8 heads of 128, keys and values are laid out apart: 2 KiB a token each, half a page of 4 KiB
    model = symarch.load_model("llama-3.1-8b")
    times = {}
    for page in (2048.0, 4096.0):
        system = build(gpu(), flash("near", 4096e6, latency=2e-6, page=page, write=2048e6))
        found = {o.name: o.time for o in symarch.analyze(system, model).evaluate(context=4096, batch=1).operators}
        times[page] = found["rope_and_cache"]
    activations = 2 * (4096 + 2 * 1024) * 2  # bytes read, and as many written
    assert times[2048.0] == pytest.approx(activations / 2 / 4096e6 + (activations / 2 + 4096) / 2048e6, rel=1e-9)
    assert times[4096.0] - times[2048.0] == pytest.approx(4096 / 2048e6, rel=1e-6)


NETWORK = """
[network.net]
technology = "nvlink"
topology = "switch"
size = {size}
links = 1
lanes = 1
lane_rate = 1e11
efficiency = 0.5
latency = {hop}
software_latency = {alpha}
peer_latency = {peer}
energy = 1e-12
"""


@settings(max_examples=25)
@given(
    st.sampled_from([2, 4, 8, 72]),
    st.floats(1, 1e10),
    st.floats(1e-9, 1e-5),
    st.floats(0, 1e-4),
    st.floats(0, 1e-5),
    st.sampled_from(["all_reduce", "all_gather", "reduce_scatter", "all_to_all"]),
)
def test_a_collective_is_its_fastest_algorithm(
    build: Build, n: int, size: float, hop: float, alpha: float, peer: float, operation: str
) -> None:
    network = NETWORK.format(size=n, hop=hop, alpha=alpha, peer=peer)
    network += 'algorithm = ["one_shot", "two_shot", "ring", "direct"]\n'
    system = build(gpu(), flash("near", 1e12), network)
    beta = 1 / (0.5 * 1e11)
    part = (n - 1) / n * size * beta
    # a step costs alpha; a message crosses two links, up to the switch and down; each peer beyond the first costs h
    direct = alpha + 2 * hop + (n - 2) * peer + part
    ring = (n - 1) * (alpha + 2 * hop) + part
    hand = {
        "all_reduce": min(alpha + 2 * hop + (n - 2) * peer + (n - 1) * size * beta, 2 * direct, 2 * ring),
        "all_gather": min(direct, ring),
        "reduce_scatter": min(direct, ring),
        "all_to_all": direct,
    }
    found = symarch.time_operator(system, Operator("c", "collective", collective=Collective(operation, size)))
    assert found == pytest.approx(hand[operation], rel=1e-12)


def test_a_collective_among_some_of_the_devices(build: Build) -> None:
    system = build(gpu(), flash("near", 1e12), NETWORK.format(size=8, hop=1e-9, alpha=1e-6, peer=0))
    operator = Operator("c", "collective", collective=Collective("all_gather", 1e6))
    for n in (2, 4, 8):
        time = symarch.time_operator(system, operator, devices=n)
        assert time == pytest.approx(1e-6 + 2e-9 + (n - 1) / n * 1e6 / 5e10, rel=1e-12)
    with pytest.raises(MappingError):
        symarch.time_operator(system, operator, devices=3)
    rings = attrs.evolve(system.components["net"], algorithm=("ring",))
    only = attrs.evolve(system, components={**system.components, "net": rings})
    with pytest.raises(MappingError, match=r"no broadcast among 8 devices on network net: none .* \(ring\) does it"):
        symarch.time_operator(only, attrs.evolve(operator, collective=Collective("broadcast", 1.0)))
    lonely = build(gpu(), flash("near", 1e12))
    with pytest.raises(MappingError, match="no network"):
        symarch.time_operator(lonely, operator)


def test_ideal_drops_overheads_and_keeps_physics(build: Build) -> None:
    system = build(gpu(launch=1e-3, covered=1e-3, power=102, spill=1, order=1, more="outstanding = 10"),
                   flash("near", 1e12, latency=2e-6))  # fmt: skip
    operator = Operator(
        "op", "matmul", 1, {}, "bf16", 3e12, (Access("weights", read=4e9), Access("activations", read=9e9))
    )
    assert symarch.time_operator(system, operator, ideal=True) == pytest.approx(4e-3, rel=1e-12)
    lookup = Operator("op", "embedding", accesses=(Access("weights", read=1e3, extent=1e3, dependent=True),))
    # one page of 1 MB for 1 kB, and the array's latency
    assert symarch.time_operator(system, lookup, ideal=True) == pytest.approx(1e6 / 1e12 + 2e-6, rel=1e-9)


def test_an_operator_without_work_takes_its_launch(build: Build) -> None:
    system = build(gpu(launch=3e-6), flash("near", 1e12))
    assert symarch.time_operator(system, Operator("op", "norm")) == pytest.approx(3e-6)


@settings(max_examples=25)
@given(RATES, RATES, BYTES, BYTES, st.sampled_from([1.0, 2.0, 3.0, math.inf]), st.floats(1.01, 10))
def test_a_faster_memory_is_never_slower_and_a_longer_latency_never_faster(
    build: Build, far: float, near: float, d_far: float, d_near: float, order: float, factor: float
) -> None:
    def at(rate: float, latency: float) -> float:
        return symarch.time_operator(
            build(gpu(order=order, covered=0), flash("near", near), flash("far", rate, latency=latency), PLACE),
            moving(d_far, d_near, 1e9),
        )

    base = at(far, 2e-6)
    assert at(far * factor, 2e-6) <= base * (1 + 1e-12)
    assert at(far, 2e-6 * factor) >= base * (1 - 1e-12)
