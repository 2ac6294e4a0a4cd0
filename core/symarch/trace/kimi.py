"""Kimi-K2.5: the Kimi-K2 decoder, which is DeepSeek-V3's, behind a vision tower."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.config import Config
from symarch.trace.decoder import Decoder, built
from symarch.trace.deepseek import language
from symarch.trace.vision import moon_tower


@attrs.frozen(kw_only=True)
class KimiVL(Decoder):
    """A Kimi-K2.5 model."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> KimiVL:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        text = config.nested("text_config")
        fields = language(text)
        tower = moon_tower(config, text.whole("hidden_size"))
        return built(  # type: ignore[no-any-return]
            cls, name, config, **{**fields, "groups": (*tower, *fields["groups"])}
        )


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"kimi_k25": KimiVL}
