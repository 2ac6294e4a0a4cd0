"""Nemotron-H and Nemotron 3: layers of one block each, Mamba-2, attention, an ungated FFN or experts, in a pattern.

`hybrid_override_pattern` has a letter for each layer: M Mamba-2, * attention, - FFN, E experts (arXiv 2504.03624). The
FFN squares a ReLU: two products, no gate. `n_group` speaks of the router, `n_groups` of the state.
"""

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
from symarch.trace.recurrent import Mamba2


@attrs.frozen(kw_only=True)
class NemotronH(Decoder):
    """A Nemotron-H decoder."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> NemotronH:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        if "attention_head_dim" in data and data.get("head_dim") is None:
            data = {**data, "head_dim": data["attention_head_dim"]}
        config = Config(data, sizes)
        fields = embedded(config)
        layers, pattern = config.whole("num_hidden_layers"), config.get("hybrid_override_pattern")
        if not isinstance(pattern, str) or len(pattern) != layers or set(pattern) - set("M*-E"):
            raise ModelError(
                f"hybrid_override_pattern must have one of the letters M, *, - and E for each of the {layers} layers"
            )
        if config.window(True) is not None:
            raise ModelError("sliding_window is in force; the nemotron_h family here has full attention")
        for key in ("attention_bias", "mlp_bias", "use_bias", "mamba_proj_bias"):
            config.only(key, False)
        config.ignore("attention_head_dim", "expand", "chunk_size", "time_step_rank", "intermediate_size")
        config.only("mlp_hidden_act", "relu2")
        groups = [
            Group(config.layers(len(at)), _blocks(config, letter, fields["hidden"]), at=at)
            for letter, at in positions(pattern).items()
        ]
        return built(cls, name, config, groups=tuple(groups), **fields)  # type: ignore[no-any-return]


def _blocks(config: Config, letter: str, hidden: Quantity) -> tuple[Block, ...]:
    """Return what a layer of a letter is made of. Raises ModelError naming the key at fault."""
    if letter == "M":
        return (
            Mamba2(
                hidden=hidden,
                heads=config.size("mamba_num_heads"),
                head_dim=config.size("mamba_head_dim"),
                state=config.size("ssm_state_size"),
                groups=config.size("n_groups"),
                kernel=config.whole("conv_kernel", 4),
                conv_bias=config.flag("use_conv_bias", True),
            ),
        )
    if letter == "*":
        return (Attention(**heads_of(config)),)
    if letter == "-":
        return (FeedForward(hidden=hidden, width=config.size("intermediate_size"), gated=False),)
    routing = routing_of(config, "n_routed_experts", "num_experts_per_tok")
    routed = RoutedExperts(hidden=hidden, routing=routing, width=config.size("moe_intermediate_size"), gated=False)
    shared = config.whole("n_shared_experts", 0, least=0)
    if not shared:
        return (routed,)
    width = shared * config.size("moe_shared_expert_intermediate_size")
    return (
        FeedForward(hidden=hidden, width=width, gated=False, label="shared_", reduced=False),
        attrs.evolve(routed, norms=0),
    )


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"nemotron_h": NemotronH}
