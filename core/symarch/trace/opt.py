"""OPT: multi-head attention and an ungated FFN with biases everywhere, learned positions (arXiv 2205.01068)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import Attention, heads_of
from symarch.trace.config import Config
from symarch.trace.decoder import Decoder, Group, Positions, built, embedded
from symarch.trace.ffn import FeedForward


@attrs.frozen(kw_only=True)
class Opt(Decoder):
    """An OPT decoder, norms before the blocks."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Opt:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        fields, heads = embedded(config, tied=True), heads_of(config)
        hidden = fields["hidden"]
        config.only("do_layer_norm_before", True)
        config.only("enable_bias", True)
        config.only("layer_norm_elementwise_affine", True)
        config.only("_remove_final_layer_norm", False)
        config.only("word_embed_proj_dim", config.whole("hidden_size"))
        layer = (
            Attention(**heads, qkv_bias=True, output_bias=True, norm_vectors=2),
            FeedForward(hidden=hidden, width=config.size("ffn_dim"), gated=False, bias=True, norm_vectors=2),
        )
        positions = Positions(config.size("max_position_embeddings") + 2, hidden)  # the first two rows are padding's
        groups = (Group(1, (positions,), stage="first"), Group(config.layers(config.whole("num_hidden_layers")), layer))
        return built(cls, name, config, groups=groups, norm_vectors=2, **fields)  # type: ignore[no-any-return]


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"opt": Opt}
