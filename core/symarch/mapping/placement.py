"""From the placement that a spec states to where every part of every tensor class lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from symarch.errors import MappingError
from symarch.specs import System
from symarch.specs.placement import (
    FOLLOWING,
    TENSOR_CLASSES,
    ByLayer,
    HotCold,
    Leaf,
    PrefixPrivate,
    RecentOld,
    Striped,
    Where,
    described,
    parts_of,
    simplest,
)
from symarch.technologies import Quantity
from symarch.trace import Architecture, Parts, Placeable
from symarch.trace.parts import EMBEDDINGS


def places_of(spec: System) -> dict[str, Where]:
    """Return where every class of tensors lies, those that follow another included."""
    first = next(c.name for c in spec.of("memory"))
    stated: dict[str, Where] = {t: simplest(w) for t, w in spec.place.items()}
    place = {t: stated.get(t, first) for t in TENSOR_CLASSES}
    place |= {t: stated.get(t, _follows(place[other])) for t, other in FOLLOWING.items()}
    return place | {EMBEDDINGS: stated.get(EMBEDDINGS, _before(place["weights"]))}


def _follows(where: Where) -> Where:
    """Return where recurrent states lie beside a KV cache, and experts beside weights: states are always recent."""
    if isinstance(where, RecentOld):
        return where.recent
    return where.private if isinstance(where, PrefixPrivate) else where


def _before(where: Where) -> Where:
    """Return where tables lie that are read before the first layer."""
    return where.ranges[0].where if isinstance(where, ByLayer) else where


def leaf_of(where: Where, part: str) -> Leaf:
    """Return where a part lies; one that the placement does not tell apart lies with the rest."""
    leaves = parts_of(where)
    return leaves[part] if part in leaves else next(reversed(leaves.values()))


def place_of(place: Mapping[str, Where], tensor: str, part: str) -> tuple[tuple[str, Quantity], ...]:
    """Return the memories that a part of a class lies in, each with its share of the bytes."""
    leaf = leaf_of(place[EMBEDDINGS if part == EMBEDDINGS else tensor], part)
    return ((leaf, 1),) if isinstance(leaf, str) else leaf.fractions


def scaled(place: Mapping[str, Where], value: Callable[[str], Any]) -> dict[str, Where]:
    """Return the places with the scalars of `value(name)` for the fractions; the first memory has what they leave."""

    def of(where: Where) -> Where:
        if not isinstance(where, Striped) or not where.owner:
            return where
        first, *others = where.memories
        shares = [(m, value(f"mapping.{where.owner}.{m}")) for m in others]
        rest: Any = 1
        for _, share in shares:
            rest = rest - share
        return attrs.evolve(where, fractions=((first, rest), *shares))

    return {tensor: of(where) for tensor, where in place.items()}


def parted(model: Architecture, place: Mapping[str, Where], prefix: Quantity) -> Architecture:
    """Return a model that tells apart what lies apart.

    Args:
        model: the model.
        place: where its classes of tensors lie.
        prefix: tokens of a shared prefix, 0 for none.

    Raises:
        MappingError: if the model has no such layers, experts or parts.
    """
    mine = {t: w for t, w in place.items() if t in model.tensors}
    layered = {t: w for t, w in mine.items() if isinstance(w, ByLayer)}
    experts, cache = place["experts"], mine.get("kv_cache")
    hot = experts.hot_experts if isinstance(experts, HotCold) else None
    recent = cache.recent_tokens if isinstance(cache, RecentOld) else None
    none = isinstance(prefix, int) and prefix == 0
    shared = prefix if isinstance(cache, PrefixPrivate) and not none else None
    if not layered and hot is None and recent is None and shared is None:
        return model
    if not isinstance(model, Placeable):
        names = [*layered, *(["experts"] if hot is not None else []), *(["kv_cache"] if cache is not None else [])]
        tensor = names[0] if layered or hot is not None else "kv_cache"
        raise MappingError(
            f"mapping.place.{tensor}: {model.name} does not tell apart what lies apart "
            f"({described(place[tensor])}); place {tensor} in one memory, or striped"
        )
    count = model.depth
    layers = {tensor: _names(where, count) for tensor, where in layered.items()}
    return model.parted(Parts(layers, hot, recent, shared))


def _names(where: ByLayer, layers: Quantity) -> tuple[str, ...]:
    """Return the name of each layer's place; as many as the ranges state where they state the last."""
    last = where.ranges[-1]
    least = last.first if last.last is None else last.last
    count = max(layers if last.last is None and isinstance(layers, int) else 0, least + 1)
    return tuple(where.at(n) for n in range(count))


def notes_on(model: Architecture, place: Mapping[str, Where], prefix: bool) -> list[str]:
    """Return what a placement assumes, in sentences."""
    notes = []
    mine = {t: w for t, w in place.items() if t in model.tensors}
    weights, tables = place["weights"], place[EMBEDDINGS]
    if tables != _before(weights):
        if not isinstance(model, Placeable):
            notes.append(f"{model.name} does not tell embeddings from weights: they lie with them")
        elif model.tied:
            notes.append("the embedding table is the LM head's matrix, and lies with the weights")
    for tensor, where in mine.items():
        if tensor in FOLLOWING and where == mine.get(FOLLOWING[tensor]):
            continue
        if isinstance(where, Striped):
            notes.append(
                f"{tensor} are striped over {', '.join(where.memories)}: every read is divided in the same fractions, "
                "and all parts are read at once"
            )
        elif isinstance(where, ByLayer):
            notes.append(
                f"{tensor} lie by layer: {described(where)}; what runs before or after the layers lies with the nearest"
            )
        elif isinstance(where, HotCold):
            notes.append(
                f"the {where.hot_experts} experts of each layer most in demand are known and stay where they are"
            )
        elif isinstance(where, RecentOld):
            notes.append(
                f"new entries of the KV cache are written to {described(where.recent)}; beyond {where.recent_tokens} "
                f"tokens of a sequence the oldest move to {described(where.old)}, gathered, and nothing waits for that"
            )
        elif isinstance(where, PrefixPrivate) and not prefix:
            notes.append(f"there is no shared prefix, so all of the KV cache lies in {described(where.private)}")
    return notes


__all__ = ["leaf_of", "notes_on", "parted", "place_of", "places_of", "scaled"]
