"""Attention with a KV cache: multi-head, grouped-query and multi-query, over the whole context or part of it.

A token of width h is projected to n queries and g keys and values of width d each. A query meets the entries of its
span (`symarch.trace.spans`), with 2 d multiply-adds for each entry and head. Decode reads g keys and values for each
entry from the cache; prefill reads those of its own tokens from the activations, earlier ones from the cache.
"""

from __future__ import annotations

from typing import Any

import attrs

from symarch.errors import ModelError
from symarch.technologies import Quantity, widest
from symarch.trace.config import Config, replicated, share
from symarch.trace.decoder import Block, Kept, Writer, norm_weights
from symarch.trace.operators import Access, Operator, Shard
from symarch.trace.spans import FULL, Chunk, Span, Window


@attrs.frozen(kw_only=True)
class Attention(Block):
    """Attention of one layer with its norms.

    Attributes:
        hidden: width of the residual stream.
        heads: query heads.
        kv_heads: key and value heads.
        head_dim: width of one head.
        span: what a token attends to.
        label: put before the names of its operators where the projections differ from those of other layers.
        kind: put before the name of the attention itself where other layers have another span.
        qkv_bias: whether q, k and v have biases.
        output_bias: whether the output has a bias.
        key_bias: whether k has a bias where q and v have.
        head_norms: weights of norms of queries and keys over one head each, 2 d if they have scales.
        wide_norms: whether queries and keys are normed over all heads instead.
        gated: whether the output is gated by a projection as wide as the queries.
        sinks: whether each head has a learned sink.
        key_is_value: whether values come of the keys' projection.
        shares: whether keys and values are those of an earlier layer: not projected, not cached anew.
        norms: norms of the residual stream, one before, perhaps one after.
        norm_vectors: vectors of weights in each: a scale, perhaps a bias; 0 for neither.
        reduced: whether its output is summed over the devices (a parallel FFN may do that for both).
    """

    hidden: Quantity
    heads: Quantity
    kv_heads: Quantity
    head_dim: Quantity
    span: Span = FULL
    label: str = ""
    kind: str = ""
    qkv_bias: bool = False
    output_bias: bool = False
    key_bias: bool = True
    head_norms: bool = False
    wide_norms: bool = False
    gated: bool = False
    sinks: bool = False
    key_is_value: bool = False
    shares: bool = False
    norms: int = 1
    norm_vectors: int = 1
    reduced: bool = True

    @property
    def degrees(self) -> int:
        """Return the query heads."""
        return int(self.heads)

    @property
    def words(self) -> str:
        """Return the heads in words."""
        return f"{self.heads} query heads, {self.kv_heads} KV heads"

    def divides(self, degree: int) -> bool:
        """Return whether a degree divides the query heads, and divides or is a multiple of the KV heads."""
        return bool(self.heads % degree == 0 and (self.kv_heads % degree == 0 or degree % self.kv_heads == 0))

    @property
    def shares_sequences(self) -> bool:
        """Return whether the cache can lie on several devices: that of causal attention can."""
        return self.span.causal

    def _of(self, shard: Shard) -> tuple[Quantity, Quantity]:
        """Return query heads and KV heads of a device; KV heads are replicated where there are fewer than devices."""
        return share(self.heads, shard.tensor), replicated(self.kv_heads, shard.tensor)

    def _columns(self, shard: Shard) -> tuple[Quantity, Quantity]:
        """Return the columns of q (with its gate), and of k and v together."""
        heads, kv_heads = self._of(shard)
        kv = 0 if self.shares else kv_heads * self.head_dim * (1 if self.key_is_value else 2)
        return heads * self.head_dim * (2 if self.gated else 1), kv

    def _biases(self, shard: Shard) -> Quantity:
        if not self.qkv_bias:
            return 0
        q, kv = self._columns(shard)
        return q + (kv if self.key_bias else share(kv, 2))

    def _norm_weights(self, shard: Shard) -> Quantity:
        heads, kv_heads = self._of(shard)
        if self.wide_norms:
            return (heads + kv_heads) * self.head_dim
        return (1 if self.shares else 2) * self.head_dim if self.head_norms else 0

    @property
    def _stream_norm(self) -> Quantity:
        return norm_weights(self.hidden, self.norm_vectors)

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return projections, biases, norms and sinks."""
        heads, _ = self._of(shard)
        q, kv = self._columns(shard)
        return {
            "query_projection": self.hidden * q,
            "kv_projection": self.hidden * kv,
            "output_projection": heads * self.head_dim * self.hidden,
            "attention_biases": self._biases(shard) + (self.hidden if self.output_bias else 0),
            "norms": self._norm_weights(shard) + self.norms * self._stream_norm,
            "sinks": heads if self.sinks else 0,
        }

    def kept(self, shard: Shard) -> Kept:
        """Return keys and values: of every token, or of those that a bounded span can still see."""
        if self.shares or not self.span.causal:
            return Kept()
        elements = share(2 * self._of(shard)[1] * self.head_dim, shard.context)
        return Kept(per_token=elements) if self.span == FULL else Kept(bounded=((self.span, elements),))

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return norm, projections, attention and output."""
        step, tokens = write.step, write.tokens
        heads, kv_heads = self._of(shard)
        columns, projected = self._columns(shard)
        q, kv = heads * self.head_dim, kv_heads * self.head_dim
        own = self._norm_weights(shard)
        turned = columns + (0 if self.shares else 2 * kv)
        rope = write.pointwise(f"{self.label}rope_and_cache", tokens, turned, turned, own=own)
        if self.span.causal and not self.shares:
            rope = write.appending(rope, self.span, tokens * (2 * kv) * step.kv_cache, kv * step.kv_cache)
            rope = attrs.evolve(rope, dims={**rope.dims, "cached": kv})
        found = [write.norm(self._stream_norm)] if self.norms else []
        found += [
            write.matmul(f"{self.label}qkv", tokens, columns + projected, self.hidden, self._biases(shard)),
            rope,
            *self._around(write, heads, kv_heads),
        ]
        if self.gated:
            found.append(write.pointwise(f"{self.label}gate", tokens, 2 * q, q))
        bias = self.hidden if self.output_bias else 0
        found.append(write.matmul(f"{self.label}attention_output", tokens, self.hidden, q, bias))
        if self.reduced:
            found += write.all_reduce()
        return found + [write.norm(self._stream_norm)] * max(self.norms - 1, 0)

    def _around(self, write: Writer, heads: Quantity, kv_heads: Quantity) -> list[Operator]:
        """Return the attention with what devices that share a sequence exchange before and after it.

        In a prompt each attends with its own tokens to the keys and values of all; in decode each attends with the
        queries of all sequences to its part of the cache, and the partial results are summed.
        """
        step, q, kv = write.step, heads * self.head_dim, kv_heads * self.head_dim
        core = self._core(write, heads, kv_heads)
        if write.decode:
            rows = step.batch * step.tokens
            own = 0 if self.shares else 2 * kv
            before = write.gathered(f"{self.label}queries_all_gather", "all_gather", rows * (q + own))
            after = write.gathered(f"{self.label}partials_reduce_scatter", "reduce_scatter", rows * q)
            return [*before, core, *after]
        seen = step.tokens if step.fresh else step.tokens + self.span.kept(step.past)
        name = f"{self.label}{self.kind}keys_all_gather"
        return [*write.gathered(name, "all_gather", step.batch * seen * (2 * kv), self.span), core]

    def _core(self, write: Writer, heads: Quantity, kv_heads: Quantity) -> Operator:
        step, tokens, span = write.step, write.tokens, self.span
        q, kv = heads * self.head_dim, kv_heads * self.head_dim
        accesses: list[Access] = [write.weights(heads)] if self.sinks else []
        context, read = step.context, tokens * q
        if not span.causal:
            pairs = step.batch * span.sum(step.tokens)
            read = tokens * (q + 2 * kv)
        elif write.decode:
            tokens = step.batch * step.tokens  # of all devices that share the sequences
            read = tokens * q
            entries = span.at(step.context)
            context = write.shared(entries)
            pairs = step.batch * context  # each sequence's one query meets its entries
            if step.drafted:
                met, entries = span.verified(step.context, step.tokens)
                context = write.shared(entries)
                pairs = write.shared(step.batch * met)
            extent = context * kv * step.kv_cache
            accesses += write.cached(span, (2 * kv) * step.kv_cache, entries, extent)
        else:
            pairs = write.shared(step.batch * span.pairs(step.past, step.tokens))
            read = tokens * q + step.batch * step.tokens * (2 * kv)  # those of this pass, not yet from the cache
            if write.shard.context == 1:
                read = tokens * (q + 2 * kv)
            if not step.fresh:
                earlier = span.kept(step.past)
                accesses += write.cached(span, (2 * kv) * step.kv_cache, earlier)
                if write.shard.context > 1:
                    read = read + step.batch * earlier * (2 * kv)
        growing = span.causal and write.growing
        met = {} if write.decode else {"mean_context": pairs / (step.batch * step.tokens)}
        return Operator(
            f"{self.label}{self.kind}attention",
            "attention",
            write.layers,
            {
                "batch": step.batch,
                "queries": step.tokens,
                "context": context,
                "heads": heads,
                "kv_heads": kv_heads,
                "head_dim": self.head_dim,
                **met,
            },
            widest((step.dtypes["kv_cache"], step.dtypes["activations"])),
            flops=pairs * (2 * q) * step.flop_per_mac,
            accesses=(
                *accesses,
                Access("activations", read=read * step.activations, write=tokens * q * step.activations),
            ),
            context=growing,
            knees=write.knees(span) if growing else (),
            period=span.period if growing else None,
        )


def heads_of(config: Config) -> dict[str, Any]:
    """Read width, heads and biases of grouped-query attention. Raises ModelError naming the key at fault."""
    hidden, heads = config.size("hidden_size"), config.size("num_attention_heads")
    if config.has("num_key_value_heads"):
        kv_heads = config.size("num_key_value_heads")
        config.divides("num_key_value_heads", "num_attention_heads")
    else:
        kv_heads = heads
    if config.has("head_dim"):
        head_dim = config.size("head_dim")
    else:
        whole, count = config.whole("hidden_size"), config.whole("num_attention_heads")
        if whole % count:
            raise ModelError(f"head_dim is missing and hidden_size {whole} is not a multiple of {count} heads")
        head_dim = share(hidden, heads) if isinstance(hidden, int) and isinstance(heads, int) else hidden / heads
    return {"hidden": hidden, "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim}


WINDOWS = {"full_attention": "", "sliding_attention": "window_", "chunked_attention": "chunk_"}
"""Words of layer_types and the labels of their operators."""


def span_of(label: str, size: int | None) -> Span:
    """Return what a layer of some label attends to."""
    if not label or size is None:
        return FULL
    return Chunk(size) if label == "chunk_" else Window(size)
