"""Placement: whole, striped, by layer, by demand, by age, by owner; bytes are conserved, known identities hold."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.analysis.held import held_by
from symarch.analysis.model import benches_of
from symarch.analysis.record import symbols_of, workload_of
from symarch.analysis.time import operator_load
from symarch.errors import MappingError, SpecError, SymarchError, WorkloadError
from symarch.mapping import resolve
from symarch.mapping.placement import parted, place_of, places_of
from symarch.specs import read_system, resolved
from symarch.specs.placement import (
    ByLayer,
    HotCold,
    LayerRange,
    PrefixPrivate,
    RecentOld,
    Striped,
    Where,
    parts_of,
    plain,
    read_where,
    renamed,
    simplest,
)
from symarch.system import SystemGraph
from symarch.trace import Access, Operator, Shard, Step

B1, B2, PORT = 4e12, 1.5e12, 4.5e12

SPEC = """
format = 1
[technology.tier]
kind = "memory"
[technology.tier.parameters]
speed = "1 TB/s"
most = "10 TB/s"
size = "10 TB"
[technology.tier.expressions]
read_bandwidth = "speed"
port_bandwidth = "most"
capacity = "size"
[processor.gpu]
technology = "gpu"
preset = "h100-sxm"
[memory.near]
technology = "tier"
speed = "4 TB/s"
most = "{port}"
{near}
[memory.far]
technology = "tier"
speed = "1.5 TB/s"
{link}
[mapping]
place = {{ weights = "far", kv_cache = "near", activations = "near" }}
"""

CHAIN = """
[link.chain]
between = ["far", "near"]
technology = "ucie"
lane_rate = "1 Tb/s"
"""

TRACE_STEP = Step(
    phase="decode", batch=4, tokens=1, context=3000, weights=2, experts=2, kv_cache=2, activations=2, flop_per_mac=2,
    dtypes=dict.fromkeys(("weights", "experts", "kv_cache", "state", "activations"), "bf16"), state=2,
)  # fmt: skip

FAMILIES = ("llama-3.1-8b", "mixtral-8x7b", "gemma-3-27b", "deepseek-v3", "deepseek-v3.2", "deepseek-v4-flash",
            "jamba-v0.1", "llama-4-scout", "gemma-3n-e4b", "t5-large")  # fmt: skip
MODELS = {name: symarch.load_model(name) for name in FAMILIES}


def memories_of(where: Where) -> tuple[str, ...]:
    leaves = parts_of(where).values()
    return tuple(dict.fromkeys(m for leaf in leaves for m in ((leaf,) if isinstance(leaf, str) else leaf.memories)))


def hybrid(tmp_path: Path, link: str = "", near: str = "", port: str = "4.5 TB/s") -> symarch.System:
    path = tmp_path / "hybrid.toml"
    path.write_text(SPEC.format(link=link, near=near, port=port))
    return read_system(path).ideal()


def time_of(system: symarch.System, where: Any, size: float = 1e12) -> float:
    """Return the time of an operator that reads so many bytes of weights and does nothing else."""
    placed = symarch.analyze(system, MODELS["llama-3.1-8b"], mapping={"weights": where}).system
    operator = Operator("read", "elementwise", dims={"tokens": 1, "width": 1}, accesses=(Access("weights", read=size),))
    return symarch.time_operator(placed, operator)


shares = st.floats(0.01, 0.99)


# --- records ---------------------------------------------------------------------------------------------------------

FORMS = [
    ("weights", "near"),
    ("weights", {"near": 0.3, "far": 0.7}),
    ("weights", [{"layers": "0-9", "memory": "near"}, {"layers": "10-", "memory": {"near": 0.5, "far": 0.5}}]),
    ("experts", {"hot": "near", "cold": "far", "hot_experts": 2}),
    ("kv_cache", {"recent": "near", "old": "far", "recent_tokens": 1024}),
    ("kv_cache", {"prefix": "far", "private": {"near": 0.25, "far": 0.75}}),
]


@pytest.mark.parametrize(("tensor", "data"), FORMS)
def test_a_placement_is_a_record_that_writes_back_what_it_was_read_from(tmp_path: Path, tensor: str, data: Any) -> None:
    system = hybrid(tmp_path)
    where = read_where(tensor, data, ["near", "far"])
    assert plain(where) == data
    assert read_where(tensor, where, ["near", "far"]) == where
    placed = symarch.analyze(system, MODELS["mixtral-8x7b"], mapping={tensor: where}).system
    (tmp_path / "again.toml").write_text(resolved(placed))
    assert read_system(tmp_path / "again.toml").place == placed.place
    assert set(memories_of(where)) <= {"near", "far"}


def test_records_are_made_in_python_as_in_toml() -> None:
    made = ByLayer.of([LayerRange(40, None, "far"), LayerRange(0, 39, "near")])
    assert made == read_where("weights", plain(made), ["near", "far"])
    assert Striped.of({"near": 1.0, "far": 0}) == "near"
    assert simplest(HotCold("near", "near", 3)) == simplest(RecentOld("near", "near", 3)) == "near"
    assert simplest(PrefixPrivate("near", "far")) == PrefixPrivate("near", "far")


BAD = [
    ("weights", "ner", "unknown memory 'ner'; did you mean 'near'"),
    ("weights", {"near": 0.3, "fra": 0.7}, "unknown memory 'fra'"),
    ("weights", {"near": 0.3, "far": 0.6}, r"the fractions near 0.3 \+ far 0.6 sum to 0.9; they must sum to 1"),
    ("weights", {"near": 1.5, "far": -0.5}, "near has 1.5; a fraction is a number from 0 to 1"),
    ("weights", {"near": True}, "a fraction is a number"),
    ("weights", {}, "it must be a memory, or fractions"),
    ("weights", 3, "it is 3; it must be a memory"),
    ("weights", [], "the list of layers is empty"),
    ("weights", ["near"], "a list holds ranges of layers"),
    ("weights", [{"layers": "0-9", "memory": "near"}, {"layers": "11-", "memory": "far"}], '"10" are placed nowhere'),
    ("weights", [{"layers": "2-", "memory": "near"}], '"0-1" are placed nowhere'),
    ("weights", [{"layers": "0-9", "memory": "near"}, {"layers": "9-", "memory": "far"}], '"0-9" and "9-" overlap'),
    ("weights", [{"layers": "0-", "memory": "near"}, {"layers": "9-", "memory": "far"}], '"0-" and "9-" overlap'),
    ("weights", [{"layers": "5-2", "memory": "near"}], "ends before it begins"),
    ("weights", [{"layers": "a", "memory": "near"}], 'it must be "0-39"'),
    ("weights", {"hot": "near", "cold": "far", "hot_experts": 2}, "hot and cold are parts of experts"),
    ("activations", [{"layers": "0-", "memory": "near"}], "activations belong to no layer"),
    ("experts", {"hot": "near", "cold": "far"}, "the key 'hot_experts' is missing"),
    ("experts", {"hot": "near", "cold": "far", "hot_experts": 0}, "hot_experts is 0; it must be a whole number"),
    ("experts", {"hot": "near", "cold": "far", "hots": 2}, "unknown key 'hots'"),
    ("kv_cache", {"recent": "near", "old": "far", "recent_tokens": 1.5}, "recent_tokens is 1.5"),
    ("kv_cache", {"prefix": "near", "private": "fra"}, "unknown memory 'fra'"),
    ("embedings", "near", "unknown tensor class 'embedings'; did you mean 'embeddings'"),
]


@pytest.mark.parametrize(("tensor", "data", "words"), BAD)
def test_a_bad_placement_is_refused_in_one_sentence(tmp_path: Path, tensor: str, data: Any, words: str) -> None:
    system = hybrid(tmp_path)
    with pytest.raises(SymarchError, match=words) as found:
        read_where(tensor, data, ["near", "far"])
    assert "\n" not in str(found.value)
    with pytest.raises(MappingError, match=words):
        symarch.analyze(system, MODELS["mixtral-8x7b"], mapping={tensor: data})


def test_the_spec_reader_says_where_a_bad_placement_stands(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    text = SPEC.format(link="", near="", port="4.5 TB/s")
    path.write_text(text.replace('weights = "far"', "weights = { near = 0.5, far = 0.6 }"))
    with pytest.raises(SpecError, match=r"bad.toml:\d+: mapping.place.weights: the fractions .* sum to 1.1"):
        read_system(path)


UNFIT = [
    ("llama-3.1-8b", "weights", [{"layers": "0-39", "memory": "near"}, {"layers": "40-79", "memory": "far"}],
     "mapping.place.weights places 80 layers; llama-3.1-8b has 32, 0 to 31"),
    ("llama-3.1-8b", "weights", [{"layers": "0-20", "memory": "near"}, {"layers": "21-30", "memory": "far"}],
     "places 31 layers; llama-3.1-8b has 32"),
    ("llama-3.1-8b", "experts", HotCold("near", "far", 2), "llama-3.1-8b has none"),
    ("mixtral-8x7b", "experts", HotCold("near", "far", 9), "hot_experts is 9; mixtral-8x7b has 8 experts in a layer"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "tensor", "where", "words"), UNFIT)
def test_a_placement_the_model_does_not_have_is_refused(
    tmp_path: Path, name: str, tensor: str, where: Any, words: str
) -> None:
    analysis = symarch.analyze(hybrid(tmp_path), MODELS[name], mapping={tensor: where})
    with pytest.raises(MappingError, match=words):
        analysis.evaluate()


def test_a_recorded_trace_tells_no_layers_apart(tmp_path: Path) -> None:
    class Other:
        name = "other"
        tensors = ("weights", "kv_cache", "activations")

    place = places_of(symarch.analyze(hybrid(tmp_path), MODELS["llama-3.1-8b"],
                                      mapping={"kv_cache": RecentOld("near", "far", 9)}).system)  # fmt: skip
    with pytest.raises(MappingError, match=r"mapping\.place\.kv_cache: other does not tell apart"):
        parted(Other(), place, 0)  # type: ignore[arg-type]  # a model of a family that cannot


# --- published identities --------------------------------------------------------------------------------------------


def test_own_sites_striped_by_bandwidth_give_the_sum_of_both(tmp_path: Path) -> None:
    system = hybrid(tmp_path)
    far = B2 / (B1 + B2)
    assert time_of(system, {"near": 1 - far, "far": far}) == pytest.approx(1e12 / (B1 + B2), rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(far=shares)
def test_on_own_sites_the_longer_of_both_counts(tmp_path_factory: pytest.TempPathFactory, far: float) -> None:
    system = hybrid(tmp_path_factory.getbasetemp())
    due = max(1e12 * (1 - far) / B1, 1e12 * far / B2)
    assert time_of(system, {"near": 1 - far, "far": far}) == pytest.approx(due, rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(far=shares)
def test_behind_a_shared_port_the_longest_of_three_counts(tmp_path_factory: pytest.TempPathFactory, far: float) -> None:
    system = hybrid(tmp_path_factory.getbasetemp(), CHAIN)
    due = max(1e12 * (1 - far) / B1, 1e12 * far / B2, 1e12 / PORT)
    assert time_of(system, {"near": 1 - far, "far": far}) == pytest.approx(due, rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(far=shares)
def test_behind_an_exclusive_port_times_add(tmp_path_factory: pytest.TempPathFactory, far: float) -> None:
    system = hybrid(tmp_path_factory.getbasetemp(), CHAIN, 'arbitration = "exclusive"')
    due = 1e12 * (1 - far) / min(B1, PORT) + 1e12 * far / min(B2, PORT)
    assert time_of(system, {"near": 1 - far, "far": far}) == pytest.approx(due, rel=1e-12)


def test_a_chain_of_equal_rates_takes_the_sum_of_both_times(tmp_path: Path) -> None:
    system = hybrid(tmp_path, CHAIN, port="4 TB/s")
    components = dict(system.components)
    speed = attrs.evolve(components["far"].settings["speed"], value=B1)
    components["far"] = attrs.evolve(components["far"], settings={**components["far"].settings, "speed": speed})
    system = attrs.evolve(system, components=components)
    assert time_of(system, {"near": 0.4, "far": 0.6}) == pytest.approx(0.4e12 / B1 + 0.6e12 / B1, rel=1e-12)


@pytest.mark.parametrize("link", ["", CHAIN])
def test_layers_run_one_after_the_other_so_their_times_add(tmp_path: Path, link: str) -> None:
    """Half of the layers in each memory take half of the time of all in the one and half of all in the other."""
    model, system = MODELS["llama-3.1-8b"], hybrid(tmp_path, link)

    def layers(where: Any) -> float:
        found = symarch.analyze(system, model, mapping={"weights": where}, phase="decode").evaluate(context=1000)
        return sum(o.time * o.count for o in found.operators if o.name.partition("[")[0] in ("qkv", "gate_up", "down"))

    mixed = [{"layers": "0-15", "memory": "near"}, {"layers": "16-31", "memory": "far"}]
    assert layers(mixed) == pytest.approx((layers("near") + layers("far")) / 2, rel=1e-12)


# --- conservation ----------------------------------------------------------------------------------------------------

PLACES: list[tuple[str, str, Callable[[int], Any]]] = [
    ("llama-3.1-8b", "weights", lambda n: {"near": n / 64, "far": 1 - n / 64}),
    ("llama-3.1-8b", "weights", lambda n: [{"layers": f"0-{n // 2 - 1}", "memory": "near"},
                                           {"layers": f"{n // 2}-", "memory": "far"}]),
    ("gemma-3-27b", "weights", lambda n: [{"layers": f"0-{n - 1}", "memory": "near"},
                                          {"layers": f"{n}-", "memory": "far"}]),
    ("gemma-3-27b", "kv_cache", lambda n: [{"layers": f"0-{n - 1}", "memory": "near"},
                                           {"layers": f"{n}-", "memory": "far"}]),
    ("llama-3.1-8b", "kv_cache", lambda n: RecentOld("near", "far", 64 * n)),
    ("gemma-3-27b", "kv_cache", lambda n: RecentOld("near", "far", 64 * n)),
    ("deepseek-v3", "kv_cache", lambda n: RecentOld("near", "far", 64 * n)),
    ("llama-3.1-8b", "kv_cache", lambda n: PrefixPrivate("far", "near")),
    ("deepseek-v3", "kv_cache", lambda n: PrefixPrivate("far", "near")),
    ("mixtral-8x7b", "experts", lambda n: HotCold("near", "far", n % 7 + 1)),
    ("mixtral-8x7b", "experts", lambda n: [{"layers": f"0-{n // 2 - 1}", "memory": "near"},
                                           {"layers": f"{n // 2}-", "memory": "far"}]),
    ("llama-3.1-8b", "embeddings", lambda n: "near"),
    ("gemma-3n-e4b", "embeddings", lambda n: "near"),
    ("t5-large", "kv_cache", lambda n: RecentOld("near", "far", 16 * n)),
    *((name, "weights", lambda n: [{"layers": f"0-{n // 4}", "memory": "near"},
                                   {"layers": f"{n // 4 + 1}-", "memory": "far"}])
      for name in ("mixtral-8x7b", "deepseek-v4-flash", "jamba-v0.1", "llama-4-scout", "gemma-3n-e4b", "t5-large")),
    ("jamba-v0.1", "state", lambda n: [{"layers": f"0-{n // 4}", "memory": "near"},
                                       {"layers": f"{n // 4 + 1}-", "memory": "far"}]),
    *((name, "kv_cache", lambda n: RecentOld("near", "far", 64 * n))
      for name in ("deepseek-v3.2", "deepseek-v4-flash", "llama-4-scout")),
    ("deepseek-v3.2", "kv_cache", lambda n: PrefixPrivate("far", "near")),
    ("deepseek-v4-flash", "kv_cache", lambda n: PrefixPrivate("far", "near")),
]  # fmt: skip


def bytes_of(operators: list[Operator]) -> dict[tuple[str, str], list[float]]:
    """Return the bytes (read, written) by operator and class; what moves from recent to old is in both."""
    found: dict[tuple[str, str], list[float]] = {}
    for operator in operators:
        for access in operator.accesses:
            moved = (access.part == "old" and access.write) or (isinstance(access.waits, int) and access.waits == 0)
            if not moved:
                amounts = found.setdefault((operator.base, access.tensor), [0.0, 0.0])
                amounts[0] += float(access.read * operator.count)
                amounts[1] += float(access.write * operator.count)
    return found


@settings(max_examples=12, deadline=None)
@given(n=st.integers(2, 60), phase=st.sampled_from(["decode", "prefill", "later"]))
@pytest.mark.parametrize(("name", "tensor", "make"), PLACES)
def test_bytes_over_all_memories_are_those_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, name: str, tensor: str, make: Callable[[int], Any], n: int, phase: str
) -> None:
    model, system = MODELS[name], hybrid(tmp_path_factory.getbasetemp())
    place = places_of(symarch.analyze(system, model, mapping={tensor: make(n)}).system)
    apart = parted(model, place, 700)
    step = TRACE_STEP
    if phase != "decode":
        step = attrs.evolve(step, phase="prefill", tokens=1500, past=0 if phase == "prefill" else 1500)
    for shard in (Shard(), Shard(tensor=4)):
        whole = bytes_of(model.operators(step, shard))
        assert bytes_of(apart.operators(step, shard)) == {k: pytest.approx(v, rel=1e-12) for k, v in whole.items()}


@settings(max_examples=8, deadline=None)
@given(n=st.integers(2, 60))
@pytest.mark.parametrize(("name", "tensor", "make"), PLACES)
def test_what_memories_hold_is_what_one_would_hold(
    tmp_path_factory: pytest.TempPathFactory, name: str, tensor: str, make: Callable[[int], Any], n: int
) -> None:
    model, system = MODELS[name], hybrid(tmp_path_factory.getbasetemp())

    def held(where: Any) -> dict[str, float]:
        analysis = symarch.analyze(system, model, mapping={tensor: where})
        request = analysis.request()
        values = {k: s.value for k, s in symbols_of(analysis.system, request).items()}
        workload = workload_of(request, values.__getitem__)
        mapping = resolve(analysis.system, model)
        need = held_by(parted(model, mapping.place, 0), mapping, workload, 1)
        found: dict[str, float] = {}
        for (kind, part), size in need.items():
            for _, share in place_of(mapping.place, kind, part):
                found[kind] = found.get(kind, 0.0) + float(size * share)
        return found

    assert held(make(n)) == {k: pytest.approx(v, rel=1e-12) for k, v in held("near").items()}


def test_moving_on_is_written_once_and_read_once(tmp_path: Path) -> None:
    """Past the limit each step pushes one token on; below it none. By hand: 2 x 8 x 128 elements of 2 B a layer."""
    place = places_of(symarch.analyze(hybrid(tmp_path), MODELS["llama-3.1-8b"],
                                      mapping={"kv_cache": RecentOld("near", "far", 2000)}).system)  # fmt: skip
    model = parted(MODELS["llama-3.1-8b"], place, 0)
    for context, moved in ((2000, 0), (2001, 1), (5000, 1)):
        operators = model.operators(attrs.evolve(TRACE_STEP, context=context), Shard())
        rope = next(o for o in operators if o.name == "rope_and_cache")
        cache = [(a.part, a.read, a.write) for a in rope.accesses if a.tensor == "kv_cache"]
        row = 4 * 2 * 8 * 128 * 2
        assert cache == [("recent", 0, row), ("recent", moved * row, 0), ("old", 0, moved * row)]
    prefill = attrs.evolve(TRACE_STEP, phase="prefill", tokens=3000)
    rope = next(o for o in model.operators(prefill, Shard()) if o.name == "rope_and_cache")
    assert next(a.write for a in rope.accesses if a.part == "old") == pytest.approx(1000 * row, rel=1e-15)


# --- whole placements as special cases -------------------------------------------------------------------------------

SAME = [
    ("llama-3.1-8b", "weights", {"near": 0.0, "far": 1.0}, "far"),
    ("llama-3.1-8b", "weights", {"near": 1, "far": 0}, "near"),
    ("llama-3.1-8b", "weights", [{"layers": "0-9", "memory": "far"}, {"layers": "10-31", "memory": "far"}], "far"),
    ("gemma-3-27b", "kv_cache", [{"layers": str(i), "memory": "near"} for i in range(62)], "near"),
    ("mixtral-8x7b", "experts", HotCold("near", "far", 8), "near"),
    ("mixtral-8x7b", "experts", HotCold("far", "far", 3), "far"),
    ("llama-3.1-8b", "kv_cache", PrefixPrivate("far", "near"), "near"),
]


@pytest.mark.parametrize(("name", "tensor", "where", "whole"), SAME)
def test_a_division_that_divides_nothing_changes_no_number(
    tmp_path: Path, name: str, tensor: str, where: Any, whole: str
) -> None:
    system = hybrid(tmp_path)
    one, other = (symarch.analyze(system, MODELS[name], mapping={tensor: w}).evaluate(batch=8) for w in (where, whole))
    assert one.metrics == other.metrics
    assert [(c.name, c.used, c.limit) for c in one.constraints] == [
        (c.name, c.used, c.limit) for c in other.constraints
    ]


def test_tied_tables_lie_with_the_head(tmp_path: Path) -> None:
    system, tied = hybrid(tmp_path), MODELS["gemma-3-27b"]
    near = symarch.analyze(system, tied, mapping={"embeddings": "near"}).evaluate()
    far = symarch.analyze(system, tied, mapping={"embeddings": "far"}).evaluate()
    assert near.metrics == far.metrics
    assert any("LM head's matrix" in a for a in near.assumptions)


def test_operators_stay_few_however_layers_alternate(tmp_path: Path) -> None:
    system, model = hybrid(tmp_path), MODELS["llama-3.1-8b"]
    turns = [{"layers": str(i), "memory": ("near", "far")[i % 2]} for i in range(32)]
    found = symarch.analyze(system, model, mapping={"weights": turns}).evaluate()
    plain_ones = symarch.analyze(system, model).evaluate()
    assert len(found.operators) <= 2 * len(plain_ones.operators)
    counts = {o.name: o.count for o in found.operators if o.phase == "decode"}
    assert counts["qkv[near]"] == counts["qkv[far]"] == 16
    assert counts["attention"] == 32


# --- symbols ---------------------------------------------------------------------------------------------------------


def test_fractions_are_parameters_with_exact_elasticities(tmp_path: Path) -> None:
    analysis = symarch.analyze(hybrid(tmp_path), MODELS["llama-3.1-8b"], mapping={"weights": {"near": 0.4, "far": 0.6}})
    name = "mapping.weights.far"
    found = {e.parameter: e.elasticity for e in analysis.sensitivity("tpot", batch=4).elasticities}[name]
    at = [float(analysis.evaluate(batch=4, **{name: 0.6 * d}).metrics["tpot"] or 0) for d in (1 - 1e-6, 1 + 1e-6)]
    outside = math.log(at[1] / at[0]) / math.log((1 + 1e-6) / (1 - 1e-6))
    assert found == pytest.approx(outside, rel=1e-7)
    assert all(c.ok for c in analysis.sensitivity("tpot", batch=4).checks)
    with pytest.raises(WorkloadError, match="nothing is left for near"):
        analysis.evaluate(**{name: 1.0})


def test_fractions_and_places_can_be_set(tmp_path: Path) -> None:
    path = tmp_path / "striped.toml"
    text = SPEC.format(link="", near="", port="4.5 TB/s")
    path.write_text(text.replace('weights = "far"', "weights = { near = 0.4, far = 0.6 }"))
    assert read_system(path, {"mapping.weights.far": "0.9"}).place["weights"] == Striped(
        (("near", pytest.approx(0.1)), ("far", 0.9)),
        "weights",
    )
    assert read_system(path, {"mapping.weights.far": "1"}).place["weights"] == "far"
    assert read_system(path, {"mapping.place.weights": "near"}).place["weights"] == "near"
    made = read_system(path, {"mapping.place.kv_cache": '{ recent = "near", old = "far", recent_tokens = 64 }'})
    assert made.place["kv_cache"] == RecentOld("near", "far", 64)
    whole = read_system(path, {"mapping.place": '{ weights = "near", kv_cache = { near = 0.5, far = 0.5 } }'})
    assert whole.place["weights"] == "near"
    assert whole.place["kv_cache"] == Striped((("near", 0.5), ("far", 0.5)), "kv_cache")
    assert whole.place["activations"] == read_system(path).place["activations"], "what the table does not name stays"
    for key, value, words in (
        ("mapping.weights.near", "0.5", "near takes what the others leave; set mapping.weights.far"),
        ("mapping.weights.far", "1.5", "nothing is left for near"),
        ("mapping.weights.far", "much", "it must be a number from 0 to 1"),
        ("mapping.weights.fra", "0.5", "unknown memory 'fra'"),
        ("mapping.place.weights", "{", "not TOML"),
        ("mapping.place.weights", "nera", "unknown memory 'nera'"),
        (
            "mapping.place",
            "near",
            r"mapping.place=near: it must be auto, or a table of classes: \{ weights = \"hbm\" \}",
        ),
        ("mapping.place", "{}", "it must be auto, or a table"),
        ("mapping.place", '{ wieghts = "near" }', "unknown tensor class 'wieghts'; did you mean 'weights'"),
        ("mapping.place", '{ weights = "nera" }', "unknown memory 'nera'"),
        ("mapping.run", "gpu", "it must be a table of operators"),
        ("mapping.run", "{ attention = 3 }", "unknown processor '3'"),
    ):
        with pytest.raises(SpecError, match=words):
            read_system(path, {key: value})


PARTED = [
    ("llama-3.1-8b", "kv_cache", RecentOld("near", "far", 2100), {}),
    ("llama-3.1-8b", "kv_cache", RecentOld("near", "far", 700), {"prefix": 512, "chunk": 300}),
    ("llama-3.1-8b", "kv_cache", RecentOld("near", "far", 2100), {"draft": 3, "acceptance": 0.7}),
    ("gemma-3-27b", "kv_cache", RecentOld("near", "far", 512), {}),
    ("llama-3.1-8b", "kv_cache", PrefixPrivate("far", "near"), {"prefix": 512}),
    ("llama-3.1-8b", "kv_cache", {"near": 0.3, "far": 0.7}, {}),
    ("mixtral-8x7b", "experts", HotCold("near", "far", 2), {}),
    ("deepseek-v3.2", "kv_cache", RecentOld("near", "far", 2100), {}),
    ("deepseek-v4-flash", "kv_cache", RecentOld("near", "far", 700), {"chunk": 512}),
    ("llama-4-scout", "kv_cache", RecentOld("near", "far", 700), {"chunk": 512}),
    ("deepseek-v3.2", "kv_cache", PrefixPrivate("far", "near"), {"prefix": 512, "draft": 2, "acceptance": 0.5}),
    ("jamba-v0.1", "weights", [{"layers": "0-20", "memory": "near"}, {"layers": "21-", "memory": "far"}], {}),
    ("gemma-3-27b", "weights", [{"layers": "0-20", "memory": "near"}, {"layers": "21-", "memory": "far"}], {}),
]


@pytest.mark.parametrize(("name", "tensor", "where", "serving"), PARTED)
def test_program_and_floats_agree_and_dimensions_hold(
    tmp_path: Path, name: str, tensor: str, where: Any, serving: dict[str, Any]
) -> None:
    analysis = symarch.analyze(hybrid(tmp_path), MODELS[name], mapping={tensor: where}, **serving)
    found = analysis.evaluate(batch=4)
    floats = analysis.evaluate_on_floats(batch=4)
    assert {k: v for k, v in found.metrics.items() if v is not None} == pytest.approx(floats, rel=1e-12)
    assert sum(r.share for r in found.resources if r.phase == "decode") == pytest.approx(1, rel=1e-9)
    analysis.check_dimensions()


@pytest.mark.parametrize("order", [1, math.inf])
def test_the_mean_over_steps_is_the_mean_of_single_steps(tmp_path: Path, order: float) -> None:
    """The limit of recent tokens is passed in the middle of the output: loads are divided there, exactly."""
    analysis = symarch.analyze(
        hybrid(tmp_path), MODELS["llama-3.1-8b"], mapping={"kv_cache": RecentOld("near", "far", 520)}, phase="decode"
    ).at_order(order)
    steps = [analysis.evaluate(batch=4, context=500 + i).metrics["tpot"] for i in range(1, 40)]
    mean = analysis.evaluate(batch=4, prompt=500, output=40).metrics["tpot"]
    assert mean == pytest.approx(sum(steps) / len(steps), rel=1e-6)  # type: ignore[arg-type]  # all exist


def test_only_what_is_read_is_waited_for(tmp_path: Path) -> None:
    """Below the limit nothing is old: neither time nor capacity of the old tokens' memory counts."""
    system, model = symarch.load_system("h200-hbf-8"), symarch.load_model("llama-3.1-70b")
    whole = symarch.analyze(system, model, phase="decode").evaluate(context=1000)
    apart = symarch.analyze(
        system, model, phase="decode", mapping={"kv_cache": RecentOld("hbm", "hbf", 4096)}
    ).evaluate(context=1000)
    assert apart.metrics["tpot"] == pytest.approx(whole.metrics["tpot"], rel=1e-12)


# --- endurance, shards, models ---------------------------------------------------------------------------------------


def test_old_tokens_in_flash_wear_it_by_what_moves_there() -> None:
    """A cache kept in flash from the start wears it page by page; one that gathers first, by the bytes alone."""
    system, model = symarch.load_system("h200-hbf-8"), symarch.load_model("llama-3.1-70b")

    def life(where: Any) -> float:
        found = symarch.analyze(system, model, mapping={"kv_cache": where}).evaluate(batch=64)
        return next(c.limit for c in found.constraints if c.name == "hbf.write_lifetime")

    assert life("hbf") < life(RecentOld("hbm", "hbf", 1024)) < life(RecentOld("hbm", "hbf", 2048))


def test_hot_experts_hold_and_take_their_share(tmp_path: Path) -> None:
    system = hybrid(tmp_path)
    found = symarch.analyze(system, MODELS["mixtral-8x7b"], mapping={"experts": HotCold("near", "far", 2)}).evaluate()
    whole = symarch.analyze(system, MODELS["mixtral-8x7b"], mapping={"experts": "near"}).evaluate()
    used = {c.name: c.used for c in found.constraints}
    all_experts = next(c.used for c in whole.constraints if c.name == "far.capacity")
    assert used["far.capacity"] - all_experts == pytest.approx(0.75 * 32 * 8 * 3 * 4096 * 14336 * 2, rel=1e-12)


def test_attention_beside_the_cache_moves_inputs_and_outputs_only() -> None:
    """By hand: 32 heads of 128 in 2 B for each of 4 sequences, each way; the cache stays where it is."""
    system = symarch.load_system("h100-structera")
    mapping, graph = resolve(system, MODELS["llama-3.1-8b"]), SystemGraph.build(system, lambda c, p, v: v)
    bench, vectors = benches_of(graph, mapping), 4 * 32 * 128 * 2
    operators = {o.name: o for o in MODELS["llama-3.1-8b"].operators(TRACE_STEP, Shard())}
    attention = operators["attention"]
    load = operator_load(bench.of(attention), attention)
    assert bench.of(attention).name == "cores"
    assert load.traffic == {"cards": (4 * 3000 * 2 * 8 * 128 * 2, 0), "hbm": (vectors, vectors)}
    rate = graph.links["slots"].bandwidth * graph.links["slots"].efficiency
    assert load.data["slots read"] == load.data["slots written"] == pytest.approx(vectors / rate, rel=1e-12)
    appended = operator_load(bench.of(operators["rope_and_cache"]), operators["rope_and_cache"])
    assert appended.traffic["cards"] == (0, 4 * 2 * 8 * 128 * 2)  # the GPU sends new keys and values over


def pipelined(model: str, stages: int, place: Any, **more: str) -> symarch.Analysis:
    system = symarch.load_system(
        "h200-hbf-8", {"mapping.tensor": f"{8 // stages}", "mapping.pipeline": f"{stages}", **more}
    )
    return symarch.analyze(system, symarch.load_model(model), mapping={**system.place, **place})


def ranges(*memories: str, layers: int) -> list[dict[str, str]]:
    """Return equally many layers in each of some memories, one after the other."""
    each = layers // len(memories)
    return [{"layers": f"{i * each}-{(i + 1) * each - 1}", "memory": m} for i, m in enumerate(memories)]


@pytest.mark.parametrize("more", [{}, {"mapping.hide": "0.4"}, {"mapping.microbatches": "3"}], ids=str)
@pytest.mark.parametrize(
    ("model", "layers", "stages"),
    [("llama-3.1-70b", 80, 2), ("gemma-3-27b", 62, 2), ("qwen3-4b", 36, 4), ("qwen3-30b-a3b", 48, 4)],
)
def test_a_pipeline_with_layers_in_ranges_of_one_memory_is_the_one_without(
    model: str, layers: int, stages: int, more: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # ranges of one memory are read as that memory, which would compare a placement with itself
    monkeypatch.setattr("symarch.mapping.placement.simplest", lambda where: where)
    at = {"batch": 24, "prompt": 1000, "output": 50}
    whole = pipelined(model, stages, {"weights": "hbm", "kv_cache": "hbm"}, **more).evaluate(**at)
    parts: Any = ranges("hbm", "hbm", layers=layers)
    apart = pipelined(model, stages, {"weights": parts, "kv_cache": parts}, **more).evaluate(**at)
    assert any(o.name.endswith("[hbm]") for o in apart.operators)
    for name, value in whole.metrics.items():
        assert apart.metrics[name] == pytest.approx(value, rel=1e-9), name
    assert [(c.name, c.ok) for c in apart.constraints] == [(c.name, c.ok) for c in whole.constraints]
    for one, other in zip(apart.constraints, whole.constraints, strict=True):
        # of a stage without the LM head, whose table of embeddings lies beside its layers
        assert one.used == pytest.approx(other.used, rel=1e-6), one.name


@pytest.mark.parametrize("batch", [2, 64])
@pytest.mark.parametrize("order", [("hbm", "hbf"), ("hbf", "hbm")])
def test_each_stage_of_a_pipeline_has_its_own_layers(order: tuple[str, str], batch: int) -> None:
    at = {"batch": batch, "prompt": 1000, "output": 50}
    mixed = pipelined("llama-3.1-70b", 2, {"weights": ranges(*order, layers=80)}).evaluate(**at)
    pure = {m: pipelined("llama-3.1-70b", 2, {"weights": m}).evaluate(**at) for m in order}
    for phase in ("prefill", "decode"):
        times = {o.name: o.time * o.count for o in mixed.operators if o.phase == phase}
        stages = [0.0, 0.0]
        for name, time in times.items():
            base, _, memory = name.rstrip("]").partition("[")
            if base in ("embedding", "embedding_all_reduce"):
                stages[0] += time
            elif base in ("final_norm", "lm_head", "logits_all_gather"):
                stages[1] += time
            elif memory:
                alone = next(o for o in pure[memory].operators if (o.name, o.phase) == (base, phase))
                assert time == pytest.approx(alone.time * alone.count / 2, rel=1e-12), name
                stages[order.index(memory)] += time
            elif base not in ("pipeline_wait", "stage_send"):
                stages = [s + time / 2 for s in stages]
        path, count = sum(stages) + times["stage_send"], 2
        if phase == "decode":
            assert mixed.tpot == pytest.approx(max(path, count * max(stages)), rel=1e-12)
        else:
            assert mixed.ttft == pytest.approx(path + (count - 1) * max(stages), rel=1e-12)


def test_capacity_and_wear_are_those_of_the_stage_with_the_most() -> None:
    at = {"batch": 64, "prompt": 1000, "output": 50}
    parts: Any = ranges("hbf", "hbm", "hbm", "hbm", layers=80)
    mixed = pipelined("llama-3.1-70b", 4, {"weights": parts, "kv_cache": parts}).evaluate(**at)
    pure = {m: pipelined("llama-3.1-70b", 4, {"weights": m, "kv_cache": m}).evaluate(**at) for m in ("hbm", "hbf")}
    limits = {name: {c.name: c for c in r.constraints} for name, r in {**pure, "mixed": mixed}.items()}
    head = 2 * (128256 * 8192 / 2 + 8192)  # bytes on one of two tensor-parallel devices
    assert limits["mixed"]["hbf.capacity"].used == pytest.approx(limits["hbf"]["hbf.capacity"].used, rel=1e-5)
    assert limits["mixed"]["hbm.capacity"].used == pytest.approx(limits["hbm"]["hbm.capacity"].used, rel=1e-5)
    assert limits["mixed"]["hbf.capacity"].used > 0.9 * head
    # the devices of the first stage read their flash as often as if all layers lay in flash, at another pace
    name = "hbf.read_lifetime"
    lasts = {n: limits[n][name].limit for n in ("mixed", "hbf")}
    rates = {"mixed": mixed.metrics["throughput"] or 0, "hbf": pure["hbf"].metrics["throughput"] or 0}
    assert lasts["mixed"] * rates["mixed"] == pytest.approx(lasts["hbf"] * rates["hbf"], rel=0.05)


@pytest.mark.parametrize("shard", [Shard(tensor=2, context=2), Shard(tensor=2, pipeline=2), Shard(2, 1, 2, 4)])
@pytest.mark.parametrize(("tensor", "where"), [("kv_cache", RecentOld("near", "far", 900)),
                                               ("experts", HotCold("near", "far", 2)),
                                               ("weights", Striped((("near", 0.5), ("far", 0.5))))])  # fmt: skip
def test_bytes_are_conserved_under_other_parallelism(tmp_path: Path, shard: Shard, tensor: str, where: Any) -> None:
    model = MODELS["mixtral-8x7b"]
    apart = parted(model, places_of(symarch.analyze(hybrid(tmp_path), model, mapping={tensor: where}).system), 0)
    whole = bytes_of(model.operators(TRACE_STEP, shard))
    assert bytes_of(apart.operators(TRACE_STEP, shard)) == {k: pytest.approx(v, rel=1e-12) for k, v in whole.items()}


def test_memories_of_a_pool_are_renamed_in_every_form() -> None:
    forms = [read_where(tensor, data, ["near", "far"]) for tensor, data in FORMS]
    for where in forms:
        there = renamed(where, lambda memory: f"fast_{memory}")
        assert set(memories_of(there)) == {f"fast_{m}" for m in memories_of(where)}
        assert plain(renamed(there, lambda memory: memory.removeprefix("fast_"))) == plain(where)


def test_layers_of_every_model_are_numbered_once() -> None:
    """Where families mix kinds of layers, each layer has one place; the counts of the groups agree."""
    for listed in symarch.specs.list_specs():
        if listed.kind != "model":
            continue
        model: Any = symarch.load_model(listed.name)
        if not hasattr(model, "_numbers"):
            continue
        numbers = [n for group, at in model._numbers() if group.numbered for n in at]
        assert sorted(numbers) == list(range(model.depth)), listed.name
        assert all(len(at) == group.count for group, at in model._numbers() if group.numbered), listed.name


def test_operators_run_where_a_setting_says() -> None:
    model = symarch.load_model("llama-3.1-8b")
    system = symarch.load_system("h100-structera")
    moved = {"mapping.run.attention": "gpu"}, {"mapping.run": '{ attention = "gpu" }'}
    times = [symarch.analyze(symarch.load_system("h100-structera", sets), model).evaluate().tpot for sets in moved]
    assert times[0] == times[1] != symarch.analyze(system, model).evaluate().tpot
    assert symarch.load_system("h100-structera", moved[1]).run == {**system.run, "attention": "gpu"}
    with pytest.raises(MappingError, match="the model has no such operator; did you mean 'attention'"):
        symarch.analyze(symarch.load_system("h100-structera", {"mapping.run.attenton": "gpu"}), model).evaluate()


def test_the_mapping_of_a_pool_is_set_by_name(tmp_path: Path) -> None:
    path = tmp_path / "flash.toml"
    path.write_text('format = 1\nextends = "h100-h200-apart"\n[pool.decode]\nextends = "h200-hbf-8"\n')
    model = symarch.load_model("llama-3.1-70b")

    def made(sets: dict[str, Any]) -> symarch.System:
        return symarch.load_system(str(path), sets)

    plain = symarch.analyze(made({}), model).evaluate(batch=32)
    near = made({"pool.decode.place.weights": "decode_hbm"})
    assert near.pools["decode"].system.place["weights"] == "decode_hbm"
    assert symarch.analyze(near, model).evaluate(batch=32).tpot != plain.tpot
    table = made({"pool.decode.place": "{ weights = { decode_hbm = 0.4, decode_hbf = 0.6 } }"})
    fractions = table.pools["decode"].system.place["weights"]
    assert fractions == Striped((("decode_hbm", 0.4), ("decode_hbf", 0.6))), "in a pool shares are fixed"
    assert symarch.analyze(table, model).evaluate(batch=32).tpot is not None
    assert made({"pool.decode.run.attention": "decode_gpu"}).pools["decode"].system.run == {"attention": "decode_gpu"}
    for key, value, words in (
        ("pool.decode.place.weights", "hbm", "unknown memory 'hbm'; known: decode_hbf, decode_hbm"),
        ("pool.decode.place.weights", "auto", "the mapping of a pool must be stated"),
        ("pool.decode.place", '{ weights = "auto" }', "the mapping of a pool must be stated"),
        ("pool.decode.run.attention", "gpu", "unknown processor 'gpu'"),
        ("pool.reading.place.weights", "hbm", "unknown name"),
    ):
        with pytest.raises(SpecError, match=words):
            made({key: value})
