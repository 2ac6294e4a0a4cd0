"""Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434) and sparse attention on top of it (DeepSeek-V3.2).

Keys and values of all n heads are made of one latent of width c and one shared rotated key of width r. The cache holds
c + r elements a token, the same on every tensor-parallel device. Serving multiplies the queries by the keys' projection
and the attended latents by the values' ("absorbed"), so that decode is multi-query attention on the latents,

    n (c + r) + n c    multiply-adds for each entry,

and its weights are read once a step, not applied to the whole context again. Prefill expands the keys and values of its
tokens and attends at n (d_nope + r) + n d_v. The naive form (`mla` = "naive") caches the expanded keys and values.

A sparse layer picks the best `top` entries of the context by an indexer with I heads of width d_I and one key of width
d_I a token, cached beside the latent: I d_I multiply-adds for each entry of the whole context. It attends on the
latents in prefill too, since every token has picks of its own. Which latents are picked is known only then: the read is
dependent.
"""

from __future__ import annotations

import attrs

from symarch.technologies import Quantity, widest
from symarch.trace.config import share
from symarch.trace.decoder import Block, Kept, Writer
from symarch.trace.operators import Access, Operator, Shard
from symarch.trace.spans import FULL, Compressed, Span


@attrs.frozen
class Indexer:
    """What picks the entries that a sparse layer attends to.

    Attributes:
        heads: its query heads.
        head_dim: their width, and that of its key.
        top: entries picked.
    """

    heads: Quantity
    head_dim: Quantity
    top: int


@attrs.frozen(kw_only=True)
class LatentAttention(Block):
    """Latent attention of one layer with its norms.

    Attributes:
        hidden: width of the residual stream.
        heads: query heads.
        query_rank: width of the queries' latent, None if they are projected directly.
        latent: width of the latent of keys and values.
        nope: width of a query's and key's part that is not rotated.
        rope: width of the rotated part, one key for all heads.
        value: width of a value.
        naive: whether expanded keys and values are cached.
        indexer: what picks entries, None for attention to all.
    """

    hidden: Quantity
    heads: Quantity
    query_rank: Quantity | None
    latent: Quantity
    nope: Quantity
    rope: Quantity
    value: Quantity
    naive: bool = False
    indexer: Indexer | None = None

    @property
    def degrees(self) -> int:
        """Return the query heads."""
        return int(self.heads)

    @property
    def shares_sequences(self) -> bool:
        """Return whether the cache can lie on several devices: not where single entries of it are picked."""
        return self.indexer is None

    @property
    def words(self) -> str:
        """Return the heads in words."""
        return f"{self.heads} query heads"

    def divides(self, degree: int) -> bool:
        """Return whether a degree divides the query heads."""
        return bool(self.heads % degree == 0)

    @property
    def _key(self) -> Quantity:
        return self.nope + self.rope

    @property
    def _entry(self) -> Quantity:
        """Return the elements of one cached latent."""
        return self.latent + self.rope

    @property
    def _span(self) -> Span:
        return FULL if self.indexer is None else Compressed(1, self.indexer.top)

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return projections and norms; those of the latents and the indexer are on every device."""
        heads, h, c = share(self.heads, shard.tensor), self.hidden, self.latent
        depth = h if self.query_rank is None else self.query_rank
        found = {
            "query_projection": depth * heads * self._key,
            "latent_down": h * self._entry,
            "latent_up": c * heads * (self.nope + self.value),
            "output_projection": heads * self.value * h,
            "norms": c + h,
        }
        if self.query_rank is not None:
            found["query_down"] = h * self.query_rank
            found["norms"] += self.query_rank
        if self.indexer is not None:
            width = self.indexer.head_dim
            found["indexer"] = depth * self.indexer.heads * width + h * width + 2 * width + h * self.indexer.heads
        return found

    def kept(self, shard: Shard) -> Kept:
        """Return the latent, or the expanded keys and values, and the indexer's key."""
        expanded = share(self.heads, shard.tensor) * (self._key + self.value)
        index = 0 if self.indexer is None else self.indexer.head_dim
        return Kept(per_token=share((expanded if self.naive else self._entry) + index, shard.context))

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return norm, projections, indexer, attention and output."""
        step, tokens, h = write.step, write.tokens, self.hidden
        heads = share(self.heads, shard.tensor)
        rank = 0 if self.query_rank is None else self.query_rank
        own = rank + self.latent
        stored = heads * (self._key + self.value) if self.naive else self._entry
        norms = write.pointwise("latent_norms_and_cache", tokens, rank + self._entry, rank + self._entry, own=own)
        found = [
            write.norm(h),
            write.matmul("latents", tokens, rank + self._entry, h),
            write.appending(norms, self._span, tokens * stored * step.kv_cache, stored * step.kv_cache),
            write.matmul("queries", tokens, heads * self._key, h if self.query_rank is None else rank),
        ]
        if self.indexer is not None:
            found += self._index(write, self.indexer)
        wide = heads * (self.nope + self.value)
        if (write.decode or self.indexer is not None) and not self.naive:
            found += [
                self._absorbed(write, "absorbed_keys", heads, self.latent, self.nope),
                *self._around(write, heads, self._entry, self.latent, self._entry),
                self._core(write, heads, 1, self._entry, self.latent),
                *self._after(write, heads, self.latent),
                self._absorbed(write, "absorbed_values", heads, self.value, self.latent),
            ]
        else:
            again = not step.fresh and not self.naive  # those of the cached tokens are expanded anew
            rows = step.batch * (step.past + step.tokens) if again else tokens
            if write.shard.context > 1 and not write.decode and not again:
                rows = step.batch * step.tokens  # and so are those of the tokens of other devices
            expanded = write.matmul("keys_and_values", rows, wide, self.latent)
            found += [
                *([] if write.decode else self._around(write, heads, self._key, self.value, self._entry)),
                attrs.evolve(expanded, context=again),
                *(self._around(write, heads, self._key, self.value, stored) if write.decode else []),
                self._core(write, heads, heads, self._key, self.value),
                *self._after(write, heads, self.value),
            ]
        return [*found, write.matmul("attention_output", tokens, h, heads * self.value), *write.all_reduce()]

    def _around(self, write: Writer, heads: Quantity, key: Quantity, value: Quantity,
                stored: Quantity) -> list[Operator]:  # fmt: skip
        """Return what devices that share a sequence gather before attention: queries in decode, else latents."""
        step = write.step
        if write.decode:
            return write.gathered("queries_all_gather", "all_gather", step.batch * step.tokens * (heads * key + stored))
        seen = step.tokens if step.fresh else step.tokens + step.past
        return write.gathered("latents_all_gather", "all_gather", step.batch * seen * stored, FULL)

    def _after(self, write: Writer, heads: Quantity, value: Quantity) -> list[Operator]:
        """Return the sum of the partial results of devices that share a sequence, in decode."""
        if not write.decode:
            return []
        rows = write.step.batch * write.step.tokens
        return write.gathered("partials_reduce_scatter", "reduce_scatter", rows * heads * value)

    def _absorbed(self, write: Writer, name: str, heads: Quantity, n: Quantity, k: Quantity) -> Operator:
        """Return the product of each head's vectors with its own matrix."""
        product = write.matmul(name, write.tokens, heads * n, k)
        return attrs.evolve(
            product,
            accesses=(write.weights(heads * n * k), write.moved(write.tokens * heads * k, write.tokens * heads * n)),
        )

    def _index(self, write: Writer, indexer: Indexer) -> list[Operator]:
        step, tokens, width = write.step, write.tokens, indexer.head_dim
        wide = indexer.heads * width
        depth = self.hidden if self.query_rank is None else self.query_rank
        keys = write.matmul("index_keys", tokens, width + indexer.heads, self.hidden, 2 * width)
        pairs, accesses = index_pairs(write, FULL, width)
        return [
            write.matmul("index_queries", tokens, wide, depth),
            write.appending(keys, FULL, tokens * width * step.kv_cache, width * step.kv_cache),
            index_scores(write, indexer, pairs, accesses, FULL),
        ]

    def _core(self, write: Writer, heads: Quantity, kv_heads: Quantity, key: Quantity, value: Quantity) -> Operator:
        step, tokens = write.step, write.tokens
        span = self._span
        stored = kv_heads * (key + value) if self.naive else self._entry
        picked = self.indexer is not None
        accesses: list[Access] = []
        if write.decode:
            tokens = step.batch * step.tokens  # of all devices that share the sequences
            moved = tokens * heads * key
            entries = span.at(step.context)
            context = write.shared(entries)
            pairs = step.batch * context
            if step.drafted:
                met, entries = span.verified(step.context, step.tokens)
                context = write.shared(entries)
                pairs = write.shared(step.batch * met)
            extent = (stored if picked else context * stored) * step.kv_cache
            accesses = write.cached(span, stored * step.kv_cache, entries, extent, picked)
        else:
            context, pairs = step.context, write.shared(step.batch * span.pairs(step.past, step.tokens))
            moved = tokens * heads * key
            seen = tokens if write.shard.context == 1 else step.batch * step.tokens
            moved += seen * kv_heads * (key + value) if self.indexer is None else tokens * self._entry
            if not step.fresh:
                accesses = write.cached(FULL, stored * step.kv_cache, step.past)
        return Operator(
            "attention",
            "attention",
            write.layers,
            {
                "batch": step.batch,
                "queries": step.tokens,
                "context": context,
                "heads": heads,
                "kv_heads": kv_heads,
                "head_dim": key,
            },
            widest((step.dtypes["kv_cache"], step.dtypes["activations"])),
            flops=pairs * (heads * (key + value)) * step.flop_per_mac,
            accesses=(*accesses, write.moved(moved, tokens * heads * value)),
            context=write.growing,
            knees=write.knees(span),
        )


def index_pairs(write: Writer, span: Span, width: Quantity) -> tuple[Quantity, list[Access]]:
    """Return the (query, entry) pairs that an indexer scores and its reads of the keys."""
    step = write.step
    if write.decode:
        pairs = entries = span.at(step.context)
        if step.drafted:
            pairs, entries = span.verified(step.context, step.tokens)
        extent = entries * width * step.kv_cache
        return step.batch * pairs, write.cached(span, width * step.kv_cache, entries, extent)
    return step.batch * span.pairs(step.past, step.tokens), [write.moved(write.tokens * width, 0)]


def index_scores(write: Writer, indexer: Indexer, pairs: Quantity, keys: list[Access], span: Span) -> Operator:
    """Return the indexer's scores and the choice of the best."""
    step = write.step
    return Operator(
        "index_scores",
        "attention",
        write.layers,
        {
            "batch": step.batch,
            "queries": step.tokens,
            "context": step.context,
            "heads": indexer.heads,
            "kv_heads": 1,
            "head_dim": indexer.head_dim,
        },
        widest((step.dtypes["kv_cache"], step.dtypes["activations"])),
        flops=pairs * (indexer.heads * indexer.head_dim) * step.flop_per_mac,
        accesses=(*keys, write.moved(write.tokens * indexer.heads * indexer.head_dim, 0)),
        context=write.growing,
        knees=write.knees(span),
    )
