"""Qwen3-Next and Qwen3.5: gated delta nets in three of four layers, gated attention in the fourth, many small experts.

The attention's output is gated by a projection as wide as the queries; queries and keys are normed. A shared expert has
a gate of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import Attention, heads_of
from symarch.trace.config import Config, positions
from symarch.trace.decoder import Block, Decoder, Group, built, embedded
from symarch.trace.experts import routed_blocks, routed_layers
from symarch.trace.ffn import FeedForward
from symarch.trace.recurrent import DeltaNet
from symarch.trace.vision import qwen_tower


@attrs.frozen(kw_only=True)
class Qwen3Next(Decoder):
    """A Qwen3-Next or Qwen3.5 decoder, perhaps with a vision tower."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Qwen3Next:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = text = Config(data, sizes)
        if config.has("text_config"):
            text = config.nested("text_config")
        fields, heads = embedded(text), heads_of(text)
        hidden = fields["hidden"]
        text.only("attention_bias", False)
        text.only("attn_output_gate", True)
        text.window(False)
        text.predictions()
        attention = Attention(**heads, head_norms=True, gated=True)
        delta = DeltaNet(
            hidden=hidden,
            key_heads=text.size("linear_num_key_heads"),
            value_heads=text.size("linear_num_value_heads"),
            key_dim=text.size("linear_key_head_dim"),
            value_dim=text.size("linear_value_head_dim"),
            kernel=text.whole("linear_conv_kernel_dim", 4),
        )
        every = text.whole("full_attention_interval", 4)
        kinds = text.kinds(
            {"full_attention": "full", "linear_attention": "linear"},
            lambda layer: "linear" if (layer + 1) % every else "full",
        )
        has_experts = text.has("num_experts") and text.whole("num_experts", least=0) > 0
        routed = routed_layers(text) if has_experts else [False] * len(kinds)
        sparse: tuple[Block, ...] = routed_blocks(text, hidden) if any(routed) else ()
        dense: tuple[Block, ...] = ()
        if not all(routed):
            dense = (FeedForward(hidden=hidden, width=text.size("intermediate_size")),)
        text.ignore("intermediate_size")
        groups = [
            Group(
                text.layers(len(at)), (attention if kind == "full" else delta, *(sparse if experts else dense)), at=at
            )
            for (kind, experts), at in positions(list(zip(kinds, routed, strict=True))).items()
        ]
        return built(  # type: ignore[no-any-return]
            cls, name, config, groups=(*qwen_tower(config), *groups), **fields
        )


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return dict.fromkeys(("qwen3_next", "qwen3_5", "qwen3_5_text", "qwen3_5_moe", "qwen3_5_moe_text"), Qwen3Next)
