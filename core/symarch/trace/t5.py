"""T5: an encoder and a decoder with cross-attention; relative positions by a table of 32 numbers a head in each stack.

The FFN is ungated in T5 and gated in T5 v1.1 and Flan-T5 (`feed_forward_proj`). `num_heads` x `d_kv` need not be
`d_model` (Raffel et al., arXiv 1910.10683).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import Attention
from symarch.trace.config import Config
from symarch.trace.cross import CrossAttention
from symarch.trace.decoder import Block, Decoder, Group, Norm, Writer, built
from symarch.trace.ffn import FeedForward
from symarch.trace.operators import Operator, Shard
from symarch.trace.spans import Both


@attrs.frozen
class Lookup(Block):
    """The reading of the embedding for an encoder's tokens; the table is the model's own."""

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return nothing: the table is counted once."""
        return {}

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return the reading of a row for each token."""
        return [
            write.lookup("embedding", write.tokens, write.hidden, shared=True),
            *write.all_reduce("embedding_all_reduce"),
        ]


@attrs.frozen(kw_only=True)
class T5(Decoder):
    """A T5 model."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> T5:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        hidden, heads, width = config.size("d_model"), config.size("num_heads"), config.size("d_kv")
        act = config.choice("feed_forward_proj", "relu", "gated-gelu", "gated-silu")
        encoder = config.whole("num_layers")
        decoder_key = "num_decoder_layers" if config.has("num_decoder_layers") else "num_layers"
        decoder = config.whole(decoder_key)
        config.ignore("is_encoder_decoder", "dense_act_fn", "is_gated_act", "num_hidden_layers")
        source = config.option("source_tokens", config.whole("n_positions", 512), least=1)
        table = Norm("relative_positions", config.whole("relative_attention_num_buckets", 32) * heads)
        ffn = FeedForward(hidden=hidden, width=config.size("d_ff"), gated=act != "relu")
        heads_of = {"hidden": hidden, "heads": heads, "kv_heads": heads, "head_dim": width}
        cross = CrossAttention(hidden=hidden, heads=heads, head_dim=width, source=source)

        def encode(count: Quantity, *blocks: Block) -> Group:
            return Group(count, blocks, source=source, label="encoder_")

        groups = (
            encode(1, Lookup(), table),
            encode(config.layers(encoder, "num_layers"), Attention(**heads_of, span=Both()), ffn),
            encode(1, Norm("last_norm", hidden)),
            Group(1, (table,), stage="first"),
            Group(config.layers(decoder, decoder_key), (Attention(**heads_of), cross, ffn)),
        )
        config.notes.append("prompt and output are the decoder's tokens; the encoder reads model.source_tokens")
        return built(  # type: ignore[no-any-return]
            cls, name, config, hidden=hidden, vocabulary=config.size("vocab_size"), groups=groups,
            tied=config.flag("tie_word_embeddings", True),
        )  # fmt: skip


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"t5": T5}
