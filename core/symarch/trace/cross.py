"""Cross-attention of a decoder to an encoder's output, whose keys and values are made once a prefill and kept.

`prompt` and `output` are the decoder's tokens; the encoder reads `source_tokens` tokens of each sequence in prefill. A
decode step reads neither the encoder nor the projections of its keys and values.
"""

from __future__ import annotations

import attrs

from symarch.technologies import Quantity, widest
from symarch.trace.config import share
from symarch.trace.decoder import Block, Kept, Writer, norm_weights
from symarch.trace.operators import Access, Operator, Shard


@attrs.frozen(kw_only=True)
class CrossAttention(Block):
    """Cross-attention of one layer with its norm.

    Attributes:
        hidden: width of the residual stream, and of the encoder's.
        heads: heads.
        head_dim: width of one.
        source: tokens of the encoder.
        bias: whether q, v and the output have biases.
        norm_vectors: vectors of weights in the norm: a scale, perhaps a bias.
    """

    hidden: Quantity
    heads: Quantity
    head_dim: Quantity
    source: Quantity
    bias: bool = False
    norm_vectors: int = 1

    @property
    def shares_sequences(self) -> bool:
        """Return False: the cache is the encoder's."""
        return False

    @property
    def degrees(self) -> int:
        """Return the heads."""
        return int(self.heads)

    @property
    def words(self) -> str:
        """Return the heads in words."""
        return f"{self.heads} heads of cross-attention"

    def divides(self, degree: int) -> bool:
        """Return whether a degree divides the heads."""
        return bool(self.heads % degree == 0)

    def _wide(self, shard: Shard) -> Quantity:
        return share(self.heads, shard.tensor) * self.head_dim

    def _source_weights(self, shard: Shard) -> Quantity:
        """Return the weights that make keys and values."""
        wide = self._wide(shard)
        return 2 * self.hidden * wide + (wide if self.bias else 0)

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return projections, biases and the norm."""
        wide, h = self._wide(shard), self.hidden
        return {
            "cross_attention": self._source_weights(shard) + 2 * h * wide,
            "norms": norm_weights(h, self.norm_vectors),
            "attention_biases": wide + h if self.bias else 0,
        }

    def unread(self) -> Quantity:
        """Return the weights that make keys and values."""
        return self._source_weights(Shard())

    def kept(self, shard: Shard) -> Kept:
        """Return keys and values of the encoder's output."""
        return Kept(fixed=2 * self.source * self._wide(shard))

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return norm, projections, attention and output."""
        step, tokens, wide, h = write.step, write.tokens, self._wide(shard), self.hidden
        bias = wide if self.bias else 0
        sources = step.batch * self.source
        found = [
            write.norm(norm_weights(h, self.norm_vectors), "cross_norm"),
            write.matmul("cross_queries", tokens, wide, h, bias),
        ]
        if not write.decode:
            made = write.matmul("cross_keys_values", sources, 2 * wide, h, bias)
            cached = Access("kv_cache", write=sources * (2 * wide) * step.kv_cache, extent=wide * step.kv_cache)
            found.append(attrs.evolve(made, accesses=(*made.accesses, cached), once=True))
        if write.decode:
            read = Access("kv_cache", sources * (2 * wide) * step.kv_cache, extent=self.source * wide * step.kv_cache)
            moved = write.moved(tokens * wide, tokens * wide)
        else:
            read = write.moved(sources * (2 * wide), 0)
            moved = write.moved(tokens * wide, tokens * wide)
        heads = share(self.heads, shard.tensor)
        core = Operator(
            "cross_attention",
            "attention",
            write.layers,
            {
                "batch": step.batch,
                "queries": step.tokens,
                "context": self.source,
                "heads": heads,
                "kv_heads": heads,
                "head_dim": self.head_dim,
            },
            widest((step.dtypes["kv_cache"], step.dtypes["activations"])),
            flops=tokens * (self.source * (2 * wide)) * step.flop_per_mac,
            accesses=(read, moved),
        )
        output = write.matmul("cross_output", tokens, h, wide, h if self.bias else 0)
        return [*found, core, output, *write.all_reduce()]
