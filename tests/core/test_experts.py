"""Routed experts: counts to the last digit, the distinct experts read, and where their latency is exposed."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import symarch
from symarch.errors import ModelError
from symarch.specs import find_model
from symarch.trace.experts import Experts
from symarch.trace.ffn import RoutedExperts
from symarch.trace.operators import Shard, Step


def routed(model: Experts) -> RoutedExperts:
    block = model.groups[-1].blocks[-1]
    assert isinstance(block, RoutedExperts)
    return block


DTYPES = dict.fromkeys(("weights", "experts", "kv_cache", "activations"), "bf16")


def load(name: str) -> Experts:
    model = symarch.load_model(name)
    assert isinstance(model, Experts)
    return model


def config(name: str, **changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(find_model(name).read_text(encoding="utf-8"))
    return {k: v for k, v in {**data, **changes}.items() if v is not ...}


def decode(batch: int) -> Step:
    return Step("decode", batch, 1, 1024, 2, 2, 2, 2, 2, DTYPES)


# Mixtral 8x7B and Qwen3-30B-A3B: weights of the Hugging Face modules (46.7 B and 12.9 B; 30.5 B and 3.3 B on the cards)
@pytest.mark.parametrize(
    ("name", "total", "active", "cache"),
    [
        ("mixtral-8x7b", 46_702_792_704, 12_879_925_248, 2 * 32 * 8 * 128),
        ("qwen3-30b-a3b", 30_532_122_624, 3_353_032_704, 2 * 48 * 4 * 128),
    ],
)
def test_counts_are_exact(name: str, total: int, active: int, cache: int) -> None:
    model = load(name)
    assert model.parameters() == total
    assert model.active_parameters() == active
    assert model.streamed_parameters() == active - model.vocabulary * model.hidden
    assert model.stored(Shard()).kv_per_token == cache
    assert model.stored(Shard()).weights + model.stored(Shard()).experts == total


def test_mixtral_at_batch_16_reads_7_92_of_8_experts() -> None:
    assert routed(load("mixtral-8x7b")).routing.distinct(16) == pytest.approx(7.92, abs=0.005)


@given(st.integers(1, 400))
def test_distinct_experts_by_counting(tokens: int) -> None:
    # each expert is missed by one token with probability 1 - k/E, by all of them with its power
    routing = routed(load("mixtral-8x7b")).routing
    missed = math.prod([0.75] * tokens)
    assert routing.distinct(tokens) == pytest.approx(8 * (1 - missed), rel=1e-12)
    assert 2 - 1e-12 <= routing.distinct(tokens) <= 8


def test_one_token_reads_the_active_parameters() -> None:
    model = load("mixtral-8x7b")
    read = sum(
        o.count * a.read / 2
        for o in model.operators(decode(1), Shard())
        if o.name != "embedding"
        for a in o.accesses
        if a.tensor in ("weights", "experts")
    )
    assert read == pytest.approx(model.streamed_parameters(), rel=1e-12)


def test_flops_are_those_of_the_active_experts() -> None:
    model = load("mixtral-8x7b")
    flops = {o.name: o.flops for o in model.operators(decode(16), Shard())}
    assert flops["experts_gate_up"] == 2 * 16 * 2 * 4096 * 2 * 14336
    assert flops["experts_down"] == 2 * 16 * 2 * 4096 * 14336


@pytest.mark.parametrize("degree", [1, 2, 4, 8])
def test_tensor_parallelism_slices_every_expert(degree: int) -> None:
    model = load("mixtral-8x7b")
    assert model.stored(Shard(degree)).experts * degree == model.stored(Shard()).experts


def test_routed_reads_expose_latency_once_a_layer() -> None:
    system = symarch.load_system("h200-hbf-8", {"gpu.prefetch": "step"})

    def exposed(model: str) -> float:
        found = symarch.analyze(system, symarch.load_model(model), phase="decode").evaluate()
        tpot = found.metrics["tpot"]
        assert tpot is not None
        return tpot * sum(r.share for r in found.resources if r.name == "hbf.latency")

    wait = 20.5e-6 - 0.5e-6  # flash read and controller, less what the launch covers
    assert exposed("mixtral-8x7b") == pytest.approx((32 + 2) * wait, rel=1e-9)  # the layers, embedding, first access
    assert exposed("llama-3.1-8b") == pytest.approx(2 * wait, rel=1e-9)


def test_experts_may_lie_and_be_typed_apart() -> None:
    system = symarch.load_system("h200-hbf-8")
    model = symarch.load_model("mixtral-8x7b")
    analysis = symarch.analyze(system, model, mapping={"experts": "hbm"}, dtype="weights=bf16,experts=fp8")
    used = {c.name: c.used for c in analysis.evaluate().constraints}
    stored = load("mixtral-8x7b").stored(Shard(8))
    assert used["hbf.capacity"] == stored.weights * 2
    assert used["hbm.capacity"] == stored.experts * 1 + (2048 + 256) * stored.kv_per_token * 2
    assert "dtype.experts" in {e.parameter for e in analysis.sensitivity("tpot").elasticities}


@pytest.mark.parametrize("name", ["mixtral-8x7b", "qwen3-30b-a3b"])
@pytest.mark.parametrize("system", ["h100-sxm-8", "h200-hbf-daisy-8"])
def test_program_floats_and_dimensions_agree(name: str, system: str) -> None:
    analysis = symarch.analyze(symarch.load_system(system), symarch.load_model(name))
    analysis.check_dimensions()
    for batch in (1, 7, 300):
        numbers, floats = analysis.evaluate(batch=batch).metrics, analysis.evaluate_on_floats(batch=batch)
        for metric, value in floats.items():
            assert numbers[metric] == pytest.approx(value, rel=1e-12)
    assert all(c.ok for c in analysis.sensitivity("tpot", batch=16).checks)


def test_qwens_dense_layers_are_counted() -> None:
    every = Experts.from_config("x", config("qwen3-30b-a3b"))
    some = Experts.from_config("x", config("qwen3-30b-a3b", mlp_only_layers=[0, 1], decoder_sparse_step=2))
    assert [g.count for g in every.groups] == [48]
    assert [g.count for g in some.groups] == [25, 23]  # dense are layers 0, 2, 4 ... 46 and layer 1
    difference = 25 * (128 * 3 * 2048 * 768 + 2048 * 128 - 3 * 2048 * 6144)
    assert every.parameters() - some.parameters() == difference


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_local_experts": ...}, "num_local_experts"),
        ({"num_experts_per_tok": 9}, "more than the 8 experts"),
        ({"num_local_experts": 0}, "at least 1"),
        ({"n_shared_experts": 1}, "n_shared_experts"),
    ],
)
def test_bad_configs_are_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        Experts.from_config("x", config("mixtral-8x7b", **changes))


def test_experts_in_a_dense_config_are_refused() -> None:
    from symarch.trace.dense import Dense

    with pytest.raises(ModelError, match="num_local_experts"):
        Dense.from_config("x", config("llama-3.1-8b", num_local_experts=8))
