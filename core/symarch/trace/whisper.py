"""Whisper: two convolutions and an encoder over 30 s of sound, a decoder with cross-attention (arXiv 2212.04356).

The encoder always reads `max_source_positions` frames, silence included; queries, values and outputs have biases, keys
have none. `num_hidden_layers` is the encoder's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.errors import ModelError
from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import Attention
from symarch.trace.config import Config, share
from symarch.trace.cross import CrossAttention
from symarch.trace.decoder import Block, Decoder, Group, Norm, Positions, Product, built
from symarch.trace.ffn import FeedForward
from symarch.trace.spans import Both

KERNEL = 3
"""Frames that each of the two convolutions looks at."""


@attrs.frozen(kw_only=True)
class Whisper(Decoder):
    """A Whisper model."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Whisper:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        hidden, source = config.size("d_model"), config.size("max_source_positions", 1500)
        config.ignore("is_encoder_decoder", "num_hidden_layers", "median_filter_width")

        def layer(stack: str) -> tuple[Attention, FeedForward, Quantity]:
            heads = config.size(f"{stack}_attention_heads")
            if config.whole("d_model") % config.whole(f"{stack}_attention_heads"):
                raise ModelError(f"d_model is not a multiple of {stack}_attention_heads")
            width = share(hidden, heads)
            attention = Attention(hidden=hidden, heads=heads, kv_heads=heads, head_dim=width, qkv_bias=True,
                                  key_bias=False, output_bias=True, norm_vectors=2)  # fmt: skip
            ffn = FeedForward(hidden=hidden, width=config.size(f"{stack}_ffn_dim"), gated=False, bias=True,
                              norm_vectors=2)  # fmt: skip
            return attention, ffn, config.layers(config.whole(f"{stack}_layers"), f"{stack}_layers")

        attention, ffn, encoders = layer("encoder")
        own, own_ffn, decoders = layer("decoder")
        cross = CrossAttention(hidden=hidden, heads=own.heads, head_dim=own.head_dim, source=source, bias=True,
                               norm_vectors=2)  # fmt: skip

        def encode(count: Quantity, *blocks: Block) -> Group:
            return Group(count, blocks, source=source, label="encoder_")

        mels = config.size("num_mel_bins", 80)
        groups = (
            encode(
                1,
                Product("convolution_1", hidden, KERNEL * mels, hidden, rows=2),  # the second halves the frames
                Product("convolution_2", hidden, KERNEL * hidden, hidden),
                Positions(source, hidden),
            ),
            encode(encoders, attrs.evolve(attention, span=Both()), ffn),
            encode(1, Norm("last_norm", 2 * hidden)),
            Group(1, (Positions(config.size("max_target_positions", 448), hidden),), stage="first"),
            Group(decoders, (own, cross, own_ffn)),
        )
        config.notes.append("prompt and output are the decoder's tokens; the encoder reads max_source_positions frames")
        return built(  # type: ignore[no-any-return]
            cls, name, config, hidden=hidden, vocabulary=config.size("vocab_size"), groups=groups, norm_vectors=2,
            tied=config.flag("tie_word_embeddings", True),
        )  # fmt: skip


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"whisper": Whisper}
