"""Bytes over all devices are the model's bytes and the replicas, tensor by tensor; counts by hand where known."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import symarch
from symarch.api import Held
from symarch.errors import MappingError
from symarch.trace import Shard
from symarch.trace.models import Itemized

MODELS = sorted(p.stem for p in (Path(__file__).parents[2] / "specs" / "models").glob("*.json"))


def held(system: str, model: str, settings: dict[str, str | float] | None = None, **given: int) -> dict[str, Held]:
    analysis = symarch.analyze(symarch.load_system(system, settings or {}), symarch.load_model(model))
    return {h.tensor: h for h in analysis.held(**given)}


def test_keys_and_values_are_repeated_where_there_are_fewer_heads_than_devices() -> None:
    # Llama-3.1-70B: 80 layers of width 8192, 64 heads and 8 KV heads of 128
    degrees: dict[str, str | float] = {"mapping.tensor": 32, "mapping.data": 2}
    found = held("tpu-v5p-64", "llama-3.1-70b", degrees, batch=2, prompt=100, output=28)
    kv = 80 * 8192 * 2 * 8 * 128 * 2
    assert (found["kv_projection"].once, found["kv_projection"].all) == (kv, 2 * 4 * kv)
    cache = 2 * 128 * 80 * 2 * 8 * 128 * 2
    assert (found["kv_cache"].once, found["kv_cache"].all) == (cache, 4 * cache)
    norms = (2 * 80 + 1) * 8192 * 2
    assert (found["norms"].once, found["norms"].replicas) == (norms, 63 * norms)
    for name in ("query_projection", "output_projection", "ffn"):
        assert found[name].all == 2 * found[name].once  # one for each data-parallel replica


def test_latent_entries_routers_and_down_projections_are_on_every_device() -> None:
    # DeepSeek-V3: 61 layers, 58 of them routed among 256 experts; an entry has 512 + 64 elements
    found = held("h100-sxm-8", "deepseek-v3", batch=4, prompt=200, output=56)
    cache = 4 * 256 * 61 * 576 * 2
    assert (found["kv_cache"].once, found["kv_cache"].all) == (cache, 8 * cache)
    router = 58 * 7168 * 256 * 2
    assert (found["router"].once, found["router"].replicas) == (router, 7 * router)
    down = 61 * 7168 * 576 * 2
    assert found["latent_down"].replicas == 7 * down
    assert found["experts"].replicas == 0


def test_data_parallel_replicas_repeat_weights_and_no_cache() -> None:
    alone = held("h100-sxm-8", "llama-3.1-8b", {"mapping.tensor": 8, "mapping.data": 1}, batch=8)
    apart = held("h100-sxm-8", "llama-3.1-8b", {"mapping.tensor": 1, "mapping.data": 8}, batch=8)
    assert all(h.all == 8 * h.once for name, h in apart.items() if name != "kv_cache")
    assert apart["kv_cache"].replicas == 0
    assert {n: h.once for n, h in alone.items()} == {n: h.once for n, h in apart.items()}


def test_a_shared_prefix_is_stored_once_in_each_replica() -> None:
    system = symarch.load_system("h100-sxm-8", {"mapping.tensor": 4, "mapping.data": 2})
    analysis = symarch.analyze(system, symarch.load_model("llama-3.1-8b"), prefix=64)
    (cache,) = [h for h in analysis.held(batch=6, prompt=100, output=28) if h.tensor == "kv_cache"]
    token = 32 * 2 * 8 * 128 * 2
    assert cache.once == (64 + 6 * 64) * token
    assert cache.replicas == 64 * token


@pytest.mark.parametrize("name", MODELS)
@given(tensor=st.sampled_from([1, 2, 4, 8, 16]))
def test_all_devices_hold_the_model_and_the_replicas(name: str, tensor: int) -> None:
    model = symarch.load_model(name)
    assert isinstance(model, Itemized)
    try:
        model.check_shard(Shard(tensor))
    except MappingError:
        return
    once, spread, stored = model.held(Shard()), model.held(Shard(tensor)), model.stored(Shard(tensor))
    assert sum(once.values()) == model.stored(Shard()).weights + model.stored(Shard()).experts
    assert sum(spread.values()) == tensor * (stored.weights + stored.experts)
    assert set(spread) == set(once)
    # no tensor is lost, none is on more devices than there are (a share of the vocabulary is rounded up)
    for tensor_name, elements in once.items():
        rounded = tensor * model.hidden if tensor_name in ("embedding", "lm_head") else 0  # type: ignore[attr-defined]
        assert elements <= spread[tensor_name] <= tensor * elements + rounded
    assert spread["norms"] > once["norms"] or tensor == 1


def test_stages_of_a_pipeline_repeat_nothing() -> None:
    found = held("h100-sxm-8", "llama-3.1-70b", {"mapping.tensor": 2, "mapping.pipeline": 4}, batch=8)
    plain = held("h100-sxm-8", "llama-3.1-70b", {"mapping.tensor": 2, "mapping.data": 4}, batch=8)
    for name, one in found.items():
        due = plain[name].all if name == "kv_cache" else plain[name].all / 4
        assert one.all == due, name


def test_the_capacity_of_all_memories_holds_what_is_listed() -> None:
    system = symarch.load_system("h100-sxm-8")
    analysis = symarch.analyze(system, symarch.load_model("llama-3.1-70b"))
    (used,) = [c.used for c in analysis.evaluate(batch=8).constraints if c.name == "hbm.capacity"]
    assert 8 * used == pytest.approx(sum(h.all for h in analysis.held(batch=8)), rel=1e-12)
