"""Llama 4: experts in every or every second layer, attention in chunks in three of four layers, a vision tower.

One routed expert a token stands beside one that all tokens share, of the same width (`intermediate_size`); layers
without experts have an FFN of `intermediate_size_mlp`. Layers without rotation (`no_rope_layers` 0; every fourth where
the list is missing or empty) attend to the whole context, the others to their chunk of `attention_chunk_size` tokens.
Queries and keys are normed without weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.errors import ModelError
from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import Attention, heads_of, span_of
from symarch.trace.config import Config, positions
from symarch.trace.decoder import Block, Decoder, Group, built, embedded
from symarch.trace.ffn import FeedForward, RoutedExperts, routing_of
from symarch.trace.vision import llama4_tower


@attrs.frozen(kw_only=True)
class Llama4(Decoder):
    """A Llama 4 decoder, perhaps with a vision tower."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Llama4:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = text = Config(data, sizes)
        if config.family == "llama4":
            text = config.nested("text_config")
        fields, heads = embedded(text), heads_of(text)
        hidden, layers = fields["hidden"], text.whole("num_hidden_layers")
        text.only("attention_bias", False)
        text.ignore("use_qk_norm")
        routing = routing_of(text, "num_local_experts", "num_experts_per_tok")
        width = text.size("intermediate_size")
        sparse: tuple[Block, ...] = (
            FeedForward(hidden=hidden, width=width, label="shared_", reduced=False),
            RoutedExperts(hidden=hidden, routing=routing, width=width, norms=0),
        )
        routed = _routed(text, layers)
        dense: tuple[Block, ...] = ()
        if not all(routed):
            dense = (FeedForward(hidden=hidden, width=text.size("intermediate_size_mlp")),)
        text.ignore("intermediate_size_mlp")
        rotated = _rotated(text, layers)
        kinds = text.kinds(
            {"full_attention": "", "chunked_attention": "chunk_"}, lambda layer: "chunk_" if rotated[layer] else ""
        )
        chunk = text.whole("attention_chunk_size") if text.has("attention_chunk_size") else None
        groups = []
        for (kind, experts), at in positions(list(zip(kinds, routed, strict=True))).items():
            attention = Attention(**heads, kind=kind if chunk else "", span=span_of(kind, chunk))
            groups.append(Group(text.layers(len(at)), (attention, *(sparse if experts else dense)), at=at))
        tower = llama4_tower(config, hidden) if config.family == "llama4" else ()
        return built(cls, name, config, groups=(*tower, *groups), **fields)  # type: ignore[no-any-return]


def _routed(config: Config, layers: int) -> list[bool]:
    """Return which layers have experts. Raises ModelError."""
    listed, step = config.get("moe_layers"), config.whole("interleave_moe_layer_step", 1)
    if isinstance(listed, list) and listed:
        return [i in listed for i in range(layers)]
    return [(i + 1) % step == 0 for i in range(layers)]


def _rotated(config: Config, layers: int) -> list[bool]:
    """Return which layers rotate queries and keys, and so attend in chunks. Raises ModelError."""
    listed, every = config.get("no_rope_layers"), config.whole("no_rope_layer_interval", 4)
    if not listed:
        return [(i + 1) % every != 0 for i in range(layers)]
    if not isinstance(listed, list) or len(listed) != layers:
        raise ModelError(f"no_rope_layers must list 0 or 1 for each of the {layers} layers")
    return [bool(i) for i in listed]


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"llama4": Llama4, "llama4_text": Llama4}
