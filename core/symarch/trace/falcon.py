"""Falcon: one or few KV heads, an ungated FFN of width 4 h beside the attention (Almazrouei et al., arXiv 2311.16867).

With `multi_query` there is one KV head, whatever `num_kv_heads` says; the newer layers (40B, 180B) have `num_kv_heads`
and a norm each for attention and FFN; layers that are not parallel have two norms one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.errors import ModelError
from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import Attention
from symarch.trace.config import Config, share
from symarch.trace.decoder import Decoder, Group, built, embedded
from symarch.trace.ffn import FeedForward


@attrs.frozen(kw_only=True)
class Falcon(Decoder):
    """A Falcon decoder; with parallel blocks one all-reduce sums both."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Falcon:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        fields = embedded(config, tied=True)
        hidden, heads = fields["hidden"], config.size("num_attention_heads")
        newer, multi = config.flag("new_decoder_architecture", False), config.flag("multi_query", True)
        parallel, bias = config.flag("parallel_attn", True), config.flag("bias", False)
        if config.whole("hidden_size") % config.whole("num_attention_heads"):
            raise ModelError("hidden_size is not a multiple of num_attention_heads")
        kv_heads: Quantity = heads
        if newer:
            kv_heads = config.size("num_kv_heads", config.whole("num_attention_heads"))
            config.divides("num_kv_heads", "num_attention_heads")
        elif multi:
            kv_heads = 1
        config.ignore("num_kv_heads")
        config.only("apply_residual_connection_post_layernorm", False)
        norms = config.whole("num_ln_in_parallel_attn", 2) if newer else 1 if parallel else 2
        width = config.size("ffn_hidden_size") if config.has("ffn_hidden_size") else 4 * hidden
        layer = (
            Attention(hidden=hidden, heads=heads, kv_heads=kv_heads, head_dim=share(hidden, heads), qkv_bias=bias,
                      output_bias=bias, norm_vectors=2, reduced=not (parallel or newer)),
            FeedForward(hidden=hidden, width=width, gated=False, bias=bias, norms=norms - 1, norm_vectors=2),
        )  # fmt: skip
        groups = (Group(config.layers(config.whole("num_hidden_layers")), layer),)
        return built(cls, name, config, groups=groups, norm_vectors=2, **fields)  # type: ignore[no-any-return]


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"falcon": Falcon}
