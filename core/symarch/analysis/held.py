"""What one device keeps in memory at the largest context, by tensor class and part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from symarch.mapping import Mapping
from symarch.program import Min, total
from symarch.technologies import Quantity
from symarch.trace import Architecture, Parts, Placeable
from symarch.trace.models import Stored
from symarch.trace.parts import EMBEDDINGS

if TYPE_CHECKING:
    from symarch.analysis.model import Workload


def held_by(
    model: Architecture, mapping: Mapping, workload: Workload, batch: Quantity, stage: int = 0
) -> dict[tuple[str, str], Quantity]:
    """Return the bytes that one device keeps by tensor class and part [B].

    Args:
        model: the model.
        mapping: how it lies on the system.
        workload: what it works on.
        batch: sequences of a replica.
        stage: the device's in a pipeline whose stages differ, since layers lie apart.
    """
    stored, parts = model.stored(mapping.shard), Parts()
    tokens = workload.context if workload.context is not None else workload.prompt + workload.output
    if workload.draft:
        tokens = tokens + workload.draft
    width = workload.bytes
    sharing = batch if workload.hit_rate is None else batch * workload.hit_rate  # sequences that find the prefix cached
    layered: dict[str, dict[str, Stored]] = {}
    if isinstance(model, Placeable):
        parts = model.parts
        layered = {tensor: model.stored_by_layer(tensor, mapping.shard, stage) for tensor in parts.layers}
    found: dict[tuple[str, str], Quantity] = {}

    def cached(one: Stored) -> Quantity:
        size = batch * one.cached(tokens)
        if workload.shares:  # stored once a replica; windows move on with each sequence
            size = size - (sharing - 1) * (workload.prefix * one.kv_per_token)
        return size

    tables = mapping.place[EMBEDDINGS] != mapping.place["weights"]
    if "weights" in layered:
        found |= {("weights", part): one.weights * width["weights"] for part, one in layered["weights"].items()}
    else:
        own = stored.bare if tables and stored.bare is not None else stored.weights
        found["weights", ""] = own * width["weights"]
    if tables and stage == 0:
        found["weights", EMBEDDINGS] = stored.tables * width["weights"]
    if "experts" in layered:
        found |= {("experts", part): one.experts * width["experts"] for part, one in layered["experts"].items()}
    elif "experts" in width and parts.hot is not None and isinstance(model, Placeable):
        hot = model.stored_hot(mapping.shard)
        found["experts", "hot"] = hot * width["experts"]
        found["experts", "cold"] = (stored.experts - hot) * width["experts"]
    elif "experts" in width:
        found["experts", ""] = stored.experts * width["experts"]
    if "kv_cache" in layered:
        found |= {("kv_cache", part): cached(one) * width["kv_cache"] for part, one in layered["kv_cache"].items()}
    elif parts.recent is not None:
        bounded = [parts.kept(span, span.kept(tokens)) * elements for span, elements in stored.bounded]
        newest = parts.kept(None, tokens)
        recent = total([newest * stored.kv_per_token, *bounded])
        old = batch * (stored.cached(tokens) - recent)
        if workload.shares:  # what is recent of a prefix is each sequence's own
            old = old - (sharing - 1) * (Min(workload.prefix, tokens - newest) * stored.kv_per_token)
        found["kv_cache", "recent"] = batch * recent * width["kv_cache"]
        found["kv_cache", "old"] = old * width["kv_cache"]
    elif parts.prefix is not None:
        prefix = workload.prefix * stored.kv_per_token
        found["kv_cache", "prefix"] = prefix * width["kv_cache"]
        found["kv_cache", "private"] = (cached(stored) - prefix) * width["kv_cache"]
    else:
        found["kv_cache", ""] = cached(stored) * width["kv_cache"]
    if "state" in layered:
        found |= {("state", part): batch * one.state * width["state"] for part, one in layered["state"].items()}
    elif "state" in width:
        found["state", ""] = batch * stored.state * width["state"]
    return found
