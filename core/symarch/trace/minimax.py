"""MiniMax-M2: grouped-query attention, queries and keys normed over all heads together, experts in every layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import Attention, heads_of
from symarch.trace.config import Config
from symarch.trace.decoder import Decoder, Group, built, embedded
from symarch.trace.ffn import RoutedExperts, routing_of


@attrs.frozen(kw_only=True)
class MiniMax(Decoder):
    """A MiniMax-M2 decoder."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> MiniMax:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        fields = embedded(config)
        config.only("qk_norm_type", "per_layer")
        config.only("shared_intermediate_size", 0)
        config.only("attention_bias", False)
        config.predictions()
        layers = config.whole("num_hidden_layers")
        config.only("attn_type_list", [1] * layers if layers < 10_000 else None)
        attention = Attention(**heads_of(config), wide_norms=config.flag("use_qk_norm", True))
        routing = routing_of(config, "num_local_experts", "num_experts_per_tok")
        experts = RoutedExperts(hidden=fields["hidden"], routing=routing, width=config.size("intermediate_size"))
        return built(  # type: ignore[no-any-return]
            cls, name, config, groups=(Group(config.layers(layers), (attention, experts)),), **fields
        )


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"minimax_m2": MiniMax}
