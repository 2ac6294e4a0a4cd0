"""GPT-2 and GPT-3: multi-head attention and an ungated FFN of width 4 h, biases everywhere, learned positions.

GPT-3 has no configuration of its own; it is this one with n_embd 12288, n_layer 96, n_head 96, n_positions 2048 (Brown
et al., arXiv 2005.14165), save that half of its layers attend in a band, which this family does not model.
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
from symarch.trace.decoder import Decoder, Group, Positions, built
from symarch.trace.ffn import FeedForward


@attrs.frozen(kw_only=True)
class Gpt2(Decoder):
    """A GPT-2 decoder, norms before the blocks."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Gpt2:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        hidden, heads = config.size("n_embd"), config.size("n_head")
        if config.whole("n_embd") % config.whole("n_head"):
            raise ModelError(f"n_embd {config.whole('n_embd')} is not a multiple of n_head {config.whole('n_head')}")
        width = config.size("n_inner") if config.has("n_inner") else 4 * hidden
        config.only("add_cross_attention", False)
        config.ignore("n_ctx")
        layer = (
            Attention(hidden=hidden, heads=heads, kv_heads=heads, head_dim=share(hidden, heads),
                      qkv_bias=True, output_bias=True, norm_vectors=2),
            FeedForward(hidden=hidden, width=width, gated=False, bias=True, norm_vectors=2),
        )  # fmt: skip
        groups = (
            Group(1, (Positions(config.size("n_positions", 1024), hidden),), stage="first"),
            Group(config.layers(config.whole("n_layer"), "n_layer"), layer),
        )
        return built(  # type: ignore[no-any-return]
            cls, name, config, hidden=hidden, vocabulary=config.size("vocab_size"), groups=groups, norm_vectors=2,
            tied=config.flag("tie_word_embeddings", True),
        )  # fmt: skip


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"gpt2": Gpt2}
