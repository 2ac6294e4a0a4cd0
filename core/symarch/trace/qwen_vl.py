"""Qwen2-VL's successors: a Qwen2 or Qwen3 decoder, perhaps with experts, behind a vision tower."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.config import Config
from symarch.trace.decoder import Decoder, built, embedded
from symarch.trace.dense import dense_groups
from symarch.trace.experts import expert_groups
from symarch.trace.vision import qwen_tower


@attrs.frozen(kw_only=True)
class QwenVL(Decoder):
    """A Qwen2.5-VL, Qwen3-VL or Qwen3-VL-MoE model; the text keys stand at the top or in `text_config`."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> QwenVL:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = text = Config(data, sizes)
        if config.has("text_config"):
            text = config.nested("text_config")
        text.ignore("mrope_section")
        tower = qwen_tower(config)
        groups = expert_groups(text) if "moe" in config.family else dense_groups(text)
        return built(cls, name, config, groups=(*tower, *groups), **embedded(text))  # type: ignore[no-any-return]


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return dict.fromkeys(("qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe"), QwenVL)
