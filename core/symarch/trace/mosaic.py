"""MPT and DBRX of MosaicML: keys of their own for the same sizes, products without biases, norms with a scale alone.

    mpt     multi-head attention with ALiBi, an ungated FFN of width 4 h (MosaicML, 2023)
    dbrx    grouped-query attention, routed experts with a gate (Databricks, 2024)

Read in the modules of `transformers` 5.24, which know no other kinds of either.
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
from symarch.trace.decoder import Decoder, Group, built
from symarch.trace.ffn import FeedForward, RoutedExperts, routing_of


@attrs.frozen(kw_only=True)
class Mosaic(Decoder):
    """An MPT or DBRX decoder."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Mosaic:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        hidden, heads = config.size("d_model"), config.size("n_heads")
        width, count = config.whole("d_model"), config.whole("n_heads")
        if width % count:
            raise ModelError(f"d_model {width} is not a multiple of n_heads {count}")
        routed = config.family == "dbrx"
        attention = config.nested("attn_config") if routed or config.has("attn_config") else None
        kv_heads = heads
        if attention is not None:
            attention.ignore("clip_qkv", "attn_pdrop", "attn_impl", "softmax_scale", "attn_uses_sequence_id",
                             "alibi_bias_max", "rope_theta", "model_type")  # fmt: skip
        if routed and attention is not None:
            kv_heads = attention.size("kv_n_heads", 1)
            if count % attention.whole("kv_n_heads", 1):
                raise ModelError(f"kv_n_heads {attention.whole('kv_n_heads', 1)} does not divide n_heads {count}")
        elif attention is not None:
            attention.only("attn_type", "multihead_attention")
            attention.only("alibi", True)
            attention.only("qk_ln", False)
            attention.only("prefix_lm", False)
        layer = (
            Attention(hidden=hidden, heads=heads, kv_heads=kv_heads, head_dim=share(hidden, heads)),
            _experts(config, hidden) if routed else _dense(config, hidden),
        )
        config.ignore("max_seq_len")
        return built(  # type: ignore[no-any-return]
            cls, name, config, hidden=hidden, vocabulary=config.size("vocab_size"),
            groups=(Group(config.layers(config.whole("n_layers"), "n_layers"), layer),),
            tied=config.flag("tie_word_embeddings", not routed),
        )  # fmt: skip


def _dense(config: Config, hidden: Quantity) -> FeedForward:
    config.only("expansion_ratio", 4)  # the modules have this width whatever the key says
    config.only("no_bias", True)
    config.ignore("learned_pos_emb", "norm_type", "embedding_fraction", "init_device", "init_config", "verbose")
    return FeedForward(hidden=hidden, width=4 * hidden, gated=False)


def _experts(config: Config, hidden: Quantity) -> RoutedExperts:
    inner = config.nested("ffn_config")
    inner.ignore("ffn_act_fn", "moe_jitter_eps", "moe_loss_weight", "moe_normalize_expert_weights",
                 "uniform_expert_assignment", "hidden_size", "model_type")  # fmt: skip
    routing = routing_of(inner, "moe_num_experts", "moe_top_k")
    return RoutedExperts(hidden=hidden, routing=routing, width=inner.size("ffn_hidden_size"))


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return dict.fromkeys(("mpt", "dbrx"), Mosaic)
