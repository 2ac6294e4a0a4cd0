"""GLM-4.5 and its like: grouped-query attention, leading dense layers, routed experts beside shared ones.

`attention_bias` speaks of q, k and v only; `use_qk_norm` norms queries and keys (GLM-4.5, arXiv 2508.06471).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import Attention, heads_of
from symarch.trace.config import Config
from symarch.trace.decoder import Decoder, built, embedded
from symarch.trace.deepseek import leading_dense, shared_and_routed
from symarch.trace.ffn import FeedForward


@attrs.frozen(kw_only=True)
class Glm(Decoder):
    """A GLM decoder with experts."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Glm:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        fields = embedded(config)
        attention = Attention(
            **heads_of(config),
            qkv_bias=config.flag("attention_bias", False),
            head_norms=config.flag("use_qk_norm", False),
        )
        config.predictions()
        dense = FeedForward(hidden=fields["hidden"], width=config.size("intermediate_size"))
        groups = leading_dense(config, (attention, dense), (attention, *shared_and_routed(config, fields["hidden"])))
        return built(cls, name, config, groups=groups, **fields)  # type: ignore[no-any-return]


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"glm4_moe": Glm}
