"""BLOOM: multi-head attention with ALiBi, an ungated FFN of width 4 h, a normed embedding (arXiv 2211.05100)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.errors import ModelError
from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import Attention
from symarch.trace.config import Config, share
from symarch.trace.decoder import Decoder, Group, Norm, built
from symarch.trace.ffn import FeedForward


@attrs.frozen(kw_only=True)
class Bloom(Decoder):
    """A BLOOM decoder; its positions are added to attention scores and cost no weights."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Bloom:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        width = "hidden_size" if config.has("hidden_size") else "n_embed"
        heads_key = "n_head" if config.has("n_head") else "num_attention_heads"
        layers_key = "n_layer" if config.has("n_layer") else "num_hidden_layers"
        hidden, heads = config.size(width), config.size(heads_key)
        if config.whole(width) % config.whole(heads_key):
            raise ModelError(
                f"{width} {config.whole(width)} is not a multiple of {heads_key} {config.whole(heads_key)}"
            )
        config.only("apply_residual_connection_post_layernorm", False)
        config.ignore("n_inner", "seq_length", "n_embed", "attention_softmax_in_fp32", "offset_alibi")
        layer = (
            Attention(hidden=hidden, heads=heads, kv_heads=heads, head_dim=share(hidden, heads),
                      qkv_bias=True, output_bias=True, norm_vectors=2),
            FeedForward(hidden=hidden, width=4 * hidden, gated=False, bias=True, norm_vectors=2),
        )  # fmt: skip
        groups = (
            Group(1, (Norm("embedding_norm", 2 * hidden),), stage="first"),
            Group(config.layers(config.whole(layers_key), layers_key), layer),
        )
        return built(  # type: ignore[no-any-return]
            cls, name, config, hidden=hidden, vocabulary=config.size("vocab_size"), groups=groups, norm_vectors=2,
            tied=config.flag("tie_word_embeddings", True),
        )  # fmt: skip


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"bloom": Bloom}
