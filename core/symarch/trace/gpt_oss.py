"""gpt-oss: attention with sinks, windows in every second layer, routed experts with biases (arXiv 2508.10925)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import WINDOWS, Attention, heads_of, span_of
from symarch.trace.config import Config, positions
from symarch.trace.decoder import Decoder, Group, built, embedded
from symarch.trace.ffn import RoutedExperts, routing_of


@attrs.frozen(kw_only=True)
class GptOss(Decoder):
    """A gpt-oss decoder."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> GptOss:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        fields, heads = embedded(config), heads_of(config)
        biased = config.flag("attention_bias", True)
        active = "num_experts_per_tok" if config.has("num_experts_per_tok") else "experts_per_token"
        config.only("experts_per_token", config.whole(active))
        routing = routing_of(config, "num_local_experts", active)
        experts = RoutedExperts(
            hidden=fields["hidden"], routing=routing, width=config.size("intermediate_size"), bias=True
        )
        kinds = config.kinds(WINDOWS, lambda layer: "" if layer % 2 else "window_")
        window = config.whole("sliding_window") if "window_" in kinds else None
        groups = tuple(
            Group(
                config.layers(len(at)),
                (
                    Attention(**heads, kind=kind, span=span_of(kind, window), qkv_bias=biased, output_bias=biased,
                              sinks=True),
                    experts,
                ),
                at=at,
            )
            for kind, at in positions(kinds).items()
        )  # fmt: skip
        return built(cls, name, config, groups=groups, **fields)  # type: ignore[no-any-return]


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"gpt_oss": GptOss}
