"""Gemma 1 to 4: wide heads, norms before and after each block, windows in most layers, one tied table.

    Gemma 2    every second layer has a window; attention scores and logits are soft-capped (values, no work counted)
    Gemma 3    every sixth layer attends to all, the others to a window; queries and keys are normed
    Gemma 4    full layers have heads of another width and their own KV heads, and values of the keys' projection;
               with experts, these stand beside a dense FFN in every layer

Gemma 3n is a family of its own (`symarch.trace.gemma3n`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import WINDOWS, Attention, heads_of, span_of
from symarch.trace.config import Config, positions
from symarch.trace.decoder import Block, Decoder, Group, built, embedded
from symarch.trace.ffn import FeedForward, RoutedExperts, routing_of
from symarch.trace.vision import gemma4_tower, siglip_tower

_KINDS = {k: v for k, v in WINDOWS.items() if k != "chunked_attention"}

_GEMMA3: dict[str, Any] = {"num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256, "vocab_size": 262_208,
                           "sliding_window": 4096}  # fmt: skip
"""What the Gemma 3 modules take for keys that a configuration leaves out, as the published ones do."""


@attrs.frozen(kw_only=True)
class Gemma(Decoder):
    """A Gemma decoder, from Gemma 1 to Gemma 3, perhaps with a vision tower."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Gemma:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = text = Config(data, sizes)
        if config.family == "gemma3":
            text = config.nested("text_config", defaults=_GEMMA3)
        elif config.family == "gemma3_text":
            text = config = Config({**_GEMMA3, **data}, sizes)
        fields, heads = embedded(text, tied=True), heads_of(text)
        third, norms = config.family.startswith("gemma3"), 1 if config.family == "gemma" else 2
        text.only("attention_bias", False)
        text.only("use_bidirectional_attention", False)
        text.ignore("sliding_window_size", "bos_token_id")
        every = 6 if third else 2 if config.family == "gemma2" else 1
        for key in ("sliding_window_pattern", "_sliding_window_pattern"):
            if third and text.has(key):
                every = text.whole(key)
        kinds = text.kinds(_KINDS, lambda layer: "" if (layer + 1) % every == 0 else "window_")
        window = text.whole("sliding_window") if "window_" in kinds else None
        ffn = FeedForward(hidden=fields["hidden"], width=text.size("intermediate_size"), norms=norms)
        groups = tuple(
            Group(
                text.layers(len(at)),
                (Attention(**heads, kind=kind, span=span_of(kind, window), head_norms=third, norms=norms), ffn),
                at=at,
            )
            for kind, at in positions(kinds).items()
        )
        tower = siglip_tower(config, fields["hidden"]) if config.family == "gemma3" else ()
        return built(cls, name, config, groups=(*tower, *groups), **fields)  # type: ignore[no-any-return]


@attrs.frozen(kw_only=True)
class Gemma4(Decoder):
    """A Gemma 4 decoder, perhaps with experts and a vision tower."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Gemma4:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = text = Config(data, sizes)
        if config.family == "gemma4":
            text = config.nested("text_config")
        fields, heads = embedded(text, tied=True), heads_of(text)
        hidden = fields["hidden"]
        text.only("attention_bias", False)
        text.only("hidden_size_per_layer_input", 0)
        text.only("num_kv_shared_layers", 0)
        text.only("use_double_wide_mlp", False)
        text.ignore("vocab_size_per_layer_input", "use_bidirectional_attention")
        full = {**heads, "head_dim": text.size("global_head_dim") if text.has("global_head_dim") else heads["head_dim"]}
        if text.has("num_global_key_value_heads"):
            full["kv_heads"] = text.size("num_global_key_value_heads")
        same = text.flag("attention_k_eq_v", False)
        blocks: list[Block] = [FeedForward(hidden=hidden, width=text.size("intermediate_size"), norms=2)]
        if text.flag("enable_moe_block", False):
            active = "top_k_experts" if text.has("top_k_experts") else "num_experts_per_tok"
            routing = routing_of(text, "num_experts", active)
            blocks.append(
                RoutedExperts(hidden=hidden, routing=routing, width=text.size("moe_intermediate_size"), norms=3,
                              router_scales=hidden + routing.experts)
            )  # fmt: skip
        kinds = text.kinds(_KINDS, lambda layer: "" if (layer + 1) % 6 == 0 else "window_")
        window = text.whole("sliding_window") if "window_" in kinds else None
        groups = []
        for kind, at in positions(kinds).items():
            mine = heads if kind else full
            attention = Attention(**mine, label=kind, span=span_of(kind, window), head_norms=True, norms=2,
                                  key_is_value=same and not kind)  # fmt: skip
            groups.append(Group(text.layers(len(at)), (attention, *blocks), at=at))
        tower = gemma4_tower(config, fields["hidden"]) if config.family == "gemma4" else ()
        return built(cls, name, config, groups=(*tower, *groups), **fields)  # type: ignore[no-any-return]


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {
        **dict.fromkeys(("gemma", "gemma2", "gemma3", "gemma3_text"), Gemma),
        "gemma4": Gemma4,
        "gemma4_text": Gemma4,
    }
