"""DeepSeek-V2, V3, R1 and V3.2, Kimi-K2 and GLM-5: latent attention, leading dense layers, experts beside shared ones.

The models differ in numbers only, V3.2 and GLM-5 also in their sparse attention. `num_key_value_heads` and, in GLM-5,
`head_dim` mean nothing here: the cache holds latents. Layers that predict further tokens are neither counted nor run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.errors import ModelError
from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.config import Config
from symarch.trace.decoder import Block, Decoder, Group, built, embedded
from symarch.trace.ffn import FeedForward, RoutedExperts, routing_of
from symarch.trace.latent import Indexer, LatentAttention

_SPARSE = ("deepseek_v32", "glm_moe_dsa")


@attrs.frozen(kw_only=True)
class DeepSeek(Decoder):
    """A decoder with latent attention and experts."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> DeepSeek:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        return built(cls, name, config, **language(config))  # type: ignore[no-any-return]


def language(config: Config) -> dict[str, Any]:
    """Read the language model. Raises ModelError naming the key at fault."""
    fields = embedded(config)
    hidden = fields["hidden"]
    config.only("attention_bias", False)
    config.ignore("num_key_value_heads", "head_dim", "qk_head_dim")
    indexer = None
    if config.family in _SPARSE or config.has("index_topk"):
        indexer = Indexer(config.size("index_n_heads"), config.size("index_head_dim"), config.whole("index_topk"))
        if not config.has("q_lora_rank"):
            raise ModelError("the key 'q_lora_rank' is missing; an indexer makes its queries of that latent")
    attention = LatentAttention(
        hidden=hidden,
        heads=config.size("num_attention_heads"),
        query_rank=config.size("q_lora_rank") if config.has("q_lora_rank") else None,
        latent=config.size("kv_lora_rank"),
        nope=config.size("qk_nope_head_dim"),
        rope=config.size("qk_rope_head_dim"),
        value=config.size("v_head_dim"),
        naive=config.choice("mla", "absorbed", "naive") == "naive",
        indexer=indexer,
    )
    if attention.naive and indexer is not None:
        raise ModelError("mla is 'naive'; sparse attention works on the latents")
    config.predictions()
    dense = FeedForward(hidden=hidden, width=config.size("intermediate_size"))
    groups = leading_dense(config, (attention, dense), (attention, *shared_and_routed(config, hidden)))
    return {**fields, "groups": groups}


def leading_dense(config: Config, dense: tuple[Block, ...], sparse: tuple[Block, ...]) -> tuple[Group, ...]:
    """Divide the layers into those before `first_k_dense_replace` and the others. Raises ModelError."""
    layers, first = config.whole("num_hidden_layers"), config.whole("first_k_dense_replace", 0, least=0)
    config.only("moe_layer_freq", 1)
    first = min(first, layers)
    groups = [Group(config.layers(first), dense)] if first else []
    return (*groups, Group(config.layers(layers - first), sparse)) if layers > first else tuple(groups)


def shared_and_routed(config: Config, hidden: Quantity) -> tuple[Block, ...]:
    """Read the experts that all tokens share, which are one FFN of their joint width, and the routed ones."""
    routing = routing_of(config, "n_routed_experts", "num_experts_per_tok")
    width = config.size("moe_intermediate_size")
    shared = config.whole("n_shared_experts", 0, least=0)
    if not shared:
        return (RoutedExperts(hidden=hidden, routing=routing, width=width),)
    return (
        FeedForward(hidden=hidden, width=shared * width, label="shared_", reduced=False),
        RoutedExperts(hidden=hidden, routing=routing, width=width, norms=0),
    )


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return dict.fromkeys(("deepseek_v2", "deepseek_v3", "deepseek_v32", "glm_moe_dsa", "kimi_k2"), DeepSeek)
