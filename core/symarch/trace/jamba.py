"""Jamba: attention in one layer of eight, Mamba-1 in the others, experts in every second (arXiv 2403.19887)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.errors import ModelError
from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import Attention, heads_of
from symarch.trace.config import Config, positions
from symarch.trace.decoder import Block, Decoder, Group, built, embedded
from symarch.trace.ffn import FeedForward, RoutedExperts, routing_of
from symarch.trace.recurrent import Mamba1


@attrs.frozen(kw_only=True)
class Jamba(Decoder):
    """A Jamba decoder."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Jamba:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        fields = embedded(config)
        hidden, layers = fields["hidden"], config.whole("num_hidden_layers")
        config.window(True)
        if config.get("sliding_window") is not None:
            raise ModelError("sliding_window is in force; the jamba family here has full attention")
        config.only("mamba_proj_bias", False)
        expand = config.whole("mamba_expand", 2)
        mamba = Mamba1(
            hidden=hidden,
            inner=expand * hidden,
            state=config.size("mamba_d_state"),
            rank=config.size("mamba_dt_rank", -(-config.whole("hidden_size") // 16)),
            kernel=config.whole("mamba_d_conv", 4),
            conv_bias=config.flag("mamba_conv_bias", True),
        )
        attention = Attention(**heads_of(config))
        width = config.size("intermediate_size")
        dense = FeedForward(hidden=hidden, width=width)
        routed = RoutedExperts(
            hidden=hidden, routing=routing_of(config, "num_experts", "num_experts_per_tok"), width=width
        )

        def period(name: str, every: int, offset: int) -> list[bool]:
            every, offset = config.whole(f"{name}_period", every), config.whole(f"{name}_offset", offset, least=0)
            return [i % every == offset for i in range(layers)]

        kinds = zip(period("attn_layer", 8, 4), period("expert_layer", 2, 1), strict=True)
        groups = []
        for (attends, experts), at in positions(list(kinds)).items():
            blocks: tuple[Block, ...] = (attention if attends else mamba, routed if experts else dense)
            groups.append(Group(config.layers(len(at)), blocks, at=at))
        return built(cls, name, config, groups=tuple(groups), **fields)  # type: ignore[no-any-return]


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"jamba": Jamba}
