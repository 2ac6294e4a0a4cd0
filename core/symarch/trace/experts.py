"""Decoders with routed experts in place of FFNs: Mixtral, Qwen2-MoE and Qwen3-MoE, from their `config.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.errors import ModelError
from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import Attention
from symarch.trace.config import Config, positions
from symarch.trace.decoder import Block, Decoder, Group, built, embedded
from symarch.trace.dense import attention_of, spans_of
from symarch.trace.ffn import FeedForward, RoutedExperts, routing_of


@attrs.frozen(kw_only=True)
class Experts(Decoder):
    """A decoder whose layers have routed experts, some of them perhaps a dense FFN instead."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Experts:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        return built(  # type: ignore[no-any-return]
            cls, name, config, groups=expert_groups(config), **embedded(config)
        )


def expert_groups(config: Config) -> tuple[Group, ...]:
    """Read the layers of a decoder with experts. Raises ModelError naming the key at fault."""
    heads = attention_of(config)
    spans = spans_of(config)
    if len(spans) > 1:
        raise ModelError(f"layers of several kinds of attention are not known to the {config.family} family")
    ((label, span),) = spans
    attention = Attention(**heads, kind=label, span=span)
    routed = routed_blocks(config, heads["hidden"])
    layers = routed_layers(config)
    groups = []
    if not all(layers):
        ffn = FeedForward(hidden=heads["hidden"], width=config.size("intermediate_size"))
        at = positions(layers)[False]
        groups.append(Group(config.layers(len(at)), (attention, ffn), at=at))
    config.ignore("intermediate_size")
    if any(layers):
        at = positions(layers)[True]
        groups.append(Group(config.layers(len(at)), (attention, *routed), at=at))
    return tuple(groups)


def routed_blocks(config: Config, hidden: Quantity) -> tuple[Block, ...]:
    """Read the experts of a layer and what all its tokens share. Raises ModelError naming the key at fault."""
    if config.family == "mixtral":
        routing = routing_of(config, "num_local_experts", "num_experts_per_tok")
        return (RoutedExperts(hidden=hidden, routing=routing, width=config.size("intermediate_size")),)
    routing = routing_of(config, "num_experts", "num_experts_per_tok")
    width = config.size("moe_intermediate_size")
    if not config.has("shared_expert_intermediate_size") or not config.whole(
        "shared_expert_intermediate_size", least=0
    ):
        return (RoutedExperts(hidden=hidden, routing=routing, width=width),)
    shared = FeedForward(
        hidden=hidden, width=config.size("shared_expert_intermediate_size"), label="shared_", reduced=False
    )
    return (shared, RoutedExperts(hidden=hidden, routing=routing, width=width, norms=0, shared_gate=True))


def routed_layers(config: Config) -> list[bool]:
    """Return which layers have experts: all but those that Qwen's keys except from routing. Raises ModelError."""
    layers = config.whole("num_hidden_layers")
    if layers > 10_000:
        raise ModelError(f"num_hidden_layers is {layers}; no model has that many layers")
    if config.family == "mixtral":
        return [True] * layers
    step, only = config.whole("decoder_sparse_step", 1), config.get("mlp_only_layers") or []
    if not isinstance(only, list) or not all(isinstance(i, int) and 0 <= i < layers for i in only):
        raise ModelError(f"mlp_only_layers is {only!r:.40}; it must list layers from 0 to {layers - 1}")
    return [i not in only and (i + 1) % step == 0 for i in range(layers)]


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return dict.fromkeys(("mixtral", "qwen2_moe", "qwen3_moe"), Experts)
