"""Dense decoders with a gated FFN: Llama, Mistral, Qwen2, Qwen3, Phi-3 and their like, from their `config.json`.

What differs between them is written down here once: biases, norms of queries and keys, and what a window means where
the configuration names one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import WINDOWS, Attention, heads_of, span_of
from symarch.trace.config import Config, positions
from symarch.trace.decoder import Decoder, Group, built, embedded
from symarch.trace.ffn import FeedForward


@attrs.frozen(kw_only=True)
class Dense(Decoder):
    """A decoder whose every layer has attention and one gated FFN: gate and up, activation times, down."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Dense:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        groups = dense_groups(config)
        return built(cls, name, config, groups=groups, **embedded(config))  # type: ignore[no-any-return]


def dense_groups(config: Config) -> tuple[Group, ...]:
    """Read the layers of a dense decoder, those with a window apart. Raises ModelError naming the key at fault."""
    heads = attention_of(config)
    ffn = FeedForward(
        hidden=heads["hidden"],
        width=config.size("intermediate_size"),
        bias=config.flag("mlp_bias", False),
    )
    return tuple(
        Group(config.layers(len(at)), (Attention(**heads, kind=label, span=span), ffn), at=at)
        for (label, span), at in spans_of(config).items()
    )


def attention_of(config: Config) -> dict[str, Any]:
    """Read heads, biases and norms as the family's modules have them. Raises ModelError naming the key at fault."""
    family = config.family
    # the Qwen2 modules have q, k, v biases without a key; where the key exists, it stands for all four
    biased = config.flag("attention_bias", False)
    quiet = family.startswith("qwen2")
    if quiet:
        biased = config.flag("qkv_bias", True)
    config.only("qkv_bias", quiet and biased)
    normed = family.startswith("qwen3")
    config.only("use_qk_norm", normed)
    return {**heads_of(config), "qkv_bias": biased, "output_bias": biased and not quiet, "head_norms": normed}


def spans_of(config: Config) -> dict[tuple[str, Any], tuple[int, ...]]:
    """Read what each layer attends to; return the layers by label and span, in order.

    Mistral's and Phi-3's window is in force in all layers; Qwen's, unless switched off, in those that
    `max_window_layers` leaves; Llama has none.
    """
    family = config.family
    window = config.window(family in ("mistral", "mixtral", "phi3"))
    if family == "llama" and window is not None:
        config.only("sliding_window", None)
    first = config.whole("max_window_layers", 0, least=0) if family.startswith("qwen") else 0

    def kind(layer: int) -> str:
        return "window_" if window is not None and layer >= first else ""

    kinds = config.kinds({k: v for k, v in WINDOWS.items() if k != "chunked_attention"}, kind)
    if "window_" in kinds:
        window = config.whole("sliding_window")
    return {(label, span_of(label, window)): at for label, at in positions(kinds).items()}


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return dict.fromkeys(("llama", "mistral", "phi3", "qwen2", "qwen3"), Dense)
