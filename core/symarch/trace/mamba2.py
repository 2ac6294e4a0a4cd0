"""Mamba-2 as a whole model: one state-space mixer a layer, no attention and no FFN (Dao and Gu, arXiv 2405.21060)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.config import Config
from symarch.trace.decoder import Decoder, Group, built, embedded
from symarch.trace.recurrent import Mamba2


@attrs.frozen(kw_only=True)
class MambaModel(Decoder):
    """A Mamba-2 model; `num_heads` and `head_dim` are those of the state."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> MambaModel:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        fields = embedded(config)
        config.only("use_bias", False)
        config.only("rms_norm", True)
        heads, width = config.whole("num_heads"), config.whole("head_dim")
        if config.has("expand"):
            config.only("expand", heads * width // config.whole("hidden_size"))
        config.ignore("chunk_size", "time_step_rank")
        mixer = Mamba2(
            hidden=fields["hidden"],
            heads=config.size("num_heads"),
            head_dim=config.size("head_dim"),
            state=config.size("state_size"),
            groups=config.size("n_groups"),
            kernel=config.whole("conv_kernel", 4),
            conv_bias=config.flag("use_conv_bias", True),
        )
        groups = (Group(config.layers(config.whole("num_hidden_layers")), (mixer,)),)
        return built(cls, name, config, groups=groups, **fields)  # type: ignore[no-any-return]


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"mamba2": MambaModel}
