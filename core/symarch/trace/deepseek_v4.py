"""DeepSeek-V4: one compressed key-value vector for many tokens, a window beside it, four residual streams.

Every layer has one vector of width d per token that serves as key and value of all n heads. It is kept for a window of
the last tokens; older ones are compressed: one vector for every `ratio` tokens (`compress_ratios`: 0 none, 4 with an
indexer that picks the best `index_topk` of them, 128 all). A query meets window + compressed entries at 2 n d
multiply-adds each. The output goes through G groups of low rank. Around attention and experts, hyper-connections mix
`hc_mult` residual streams. The first `num_hash_layers` layers route by a table of token numbers. Read in the modules of
`transformers` 5.23 (modeling_deepseek_v4.py); entries are counted as context / ratio, unrounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.errors import ModelError
from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity, widest
from symarch.trace.config import Config, positions, share
from symarch.trace.decoder import Block, Decoder, Group, Kept, Product, Writer, built, embedded
from symarch.trace.ffn import FeedForward, RoutedExperts, routing_of
from symarch.trace.latent import Indexer, index_pairs, index_scores
from symarch.trace.operators import Access, Operator, Shard
from symarch.trace.spans import Compressed, Window


@attrs.frozen(kw_only=True)
class CompressedAttention(Block):
    """Attention of one layer to a window and to compressed entries, with its norms.

    Attributes:
        hidden: width of the residual stream.
        heads: query heads.
        head_dim: width of a head, and of the one key-value vector of a token.
        query_rank: width of the queries' latent.
        groups: groups of heads whose outputs are projected together.
        group_rank: width of a group's projected output.
        window: tokens seen uncompressed.
        ratio: tokens of a compressed entry; 0 for none.
        indexer: what picks compressed entries, None for all.
    """

    hidden: Quantity
    heads: Quantity
    head_dim: Quantity
    query_rank: Quantity
    groups: Quantity
    group_rank: Quantity
    window: int
    ratio: int
    indexer: Indexer | None = None

    @property
    def degrees(self) -> int:
        """Return the groups of heads."""
        return int(self.groups)

    @property
    def shares_sequences(self) -> bool:
        """Return False: entries of the cache span tokens."""
        return False

    @property
    def words(self) -> str:
        """Return heads and groups in words."""
        return f"{self.heads} query heads in {self.groups} output groups"

    def divides(self, degree: int) -> bool:
        """Return whether a degree divides the groups of heads."""
        return bool(self.groups % degree == 0)

    @property
    def _series(self) -> int:
        """Return how many series of vectors are compressed: two that overlap where entries are picked."""
        return 0 if not self.ratio else 2 if self.indexer is not None else 1

    def _compressor(self, width: Quantity) -> tuple[Quantity, Quantity]:
        """Return the columns of a compressor's product and its other weights: positions and a norm."""
        return 2 * self._series * width, self.ratio * self._series * width + width

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return projections, norms, sinks, compressor and indexer; what makes the cache is on every device."""
        h, d, q = self.hidden, self.head_dim, self.query_rank
        heads, groups = share(self.heads, shard.tensor), share(self.groups, shard.tensor)
        rank = groups * self.group_rank
        found = {
            "query_down": h * q,
            "query_projection": q * heads * d,
            "kv_projection": h * d,
            "output_projection": share(self.heads * d, self.groups) * rank + rank * h,
            "norms": q + d + h,
            "sinks": heads,
        }
        if self.ratio:
            columns, own = self._compressor(d)
            found["compressor"] = h * columns + own
        if self.indexer is not None:
            columns, own = self._compressor(self.indexer.head_dim)
            wide = self.indexer.heads * self.indexer.head_dim
            found["indexer"] = h * columns + own + q * wide + h * self.indexer.heads
        return found

    def _per_token(self, width: Quantity) -> Quantity:
        return share(width, self.ratio) if self.ratio else 0

    def kept(self, shard: Shard) -> Kept:
        """Return the window's vectors, the compressed ones and the indexer's keys."""
        index = 0 if self.indexer is None else self._per_token(self.indexer.head_dim)
        return Kept(
            per_token=self._per_token(self.head_dim) + index,
            bounded=((Window(self.window), self.head_dim),),
        )

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return norm, projections, compression, attention and output."""
        step, tokens, h, d, q = write.step, write.tokens, self.hidden, self.head_dim, self.query_rank
        heads, groups = share(self.heads, shard.tensor), share(self.groups, shard.tensor)
        rank = groups * self.group_rank
        norms = write.pointwise("latent_norms_and_cache", tokens, q + d, q + d, own=q + d)
        found = [
            write.norm(h),
            write.matmul("latents", tokens, q + d, h),
            write.appending(norms, Window(self.window), tokens * d * step.kv_cache, d * step.kv_cache),
            write.matmul("queries", tokens, heads * d, q),
        ]
        if self.ratio:
            found += self._compress(write, f"compress_{self.ratio}", d)
        if self.indexer is not None:
            found += self._index(write, self.indexer)
        output = write.matmul("group_output", tokens, rank, share(self.heads * d, self.groups))
        moved = write.moved(tokens * heads * d, tokens * rank)
        return [
            *found,
            self._core(write, heads),
            attrs.evolve(output, accesses=(output.accesses[0], moved)),
            write.matmul("attention_output", tokens, h, rank),
            *write.all_reduce(),
        ]

    def _compress(self, write: Writer, name: str, width: Quantity) -> list[Operator]:
        columns, own = self._compressor(width)
        tokens, entry = write.tokens, self._per_token(width)
        pool = write.pointwise(f"{name}_pool", tokens, columns, entry, own=own)
        element = write.step.kv_cache
        return [
            write.matmul(name, tokens, columns, self.hidden),
            write.appending(pool, Compressed(self.ratio), tokens * entry * element, width * element),
        ]

    def _index(self, write: Writer, indexer: Indexer) -> list[Operator]:
        span = Compressed(self.ratio)
        pairs, accesses = index_pairs(write, span, indexer.head_dim)
        return [
            *self._compress(write, "index_keys", indexer.head_dim),
            write.matmul("index_queries", write.tokens, indexer.heads * indexer.head_dim, self.query_rank),
            write.matmul("index_weights", write.tokens, indexer.heads, self.hidden),
            index_scores(write, indexer, pairs, accesses, span),
        ]

    def _core(self, write: Writer, heads: Quantity) -> Operator:
        step, tokens, d = write.step, write.tokens, self.head_dim
        near = Window(self.window)
        far = Compressed(self.ratio, None if self.indexer is None else self.indexer.top) if self.ratio else None
        element = d * step.kv_cache
        accesses: list[Access] = [write.weights(heads)]
        moved = tokens * heads * d
        if write.decode:
            entries = near.at(step.context)
            pairs = entries
            if step.drafted:
                pairs, entries = near.verified(step.context, step.tokens)
            accesses += write.cached(near, element, entries, entries * element)
            if far is not None:
                picked, older = self.indexer is not None, far.at(step.context)
                met = older
                if step.drafted:
                    met, older = far.verified(step.context, step.tokens)
                extent = element if picked else older * element
                accesses += write.cached(far, element, older, extent, picked)
                entries, pairs = entries + older, pairs + met
            pairs = step.batch * pairs
        else:
            pairs = step.batch * near.pairs(step.past, step.tokens)
            if far is not None:
                pairs = pairs + step.batch * far.pairs(step.past, step.tokens)
            entries = step.context
            moved += tokens * (d + self._per_token(d))
            if not step.fresh:
                accesses += write.cached(near, element, near.kept(step.past))
                if self.ratio:
                    accesses += write.cached(Compressed(self.ratio), element, share(step.past, self.ratio))
        knees = {*write.knees(near), *(write.knees(far) if far is not None else ())}
        return Operator(
            f"attention_{self.ratio}" if self.ratio else "window_attention",
            "attention",
            write.layers,
            {
                "batch": step.batch,
                "queries": step.tokens,
                "context": entries,
                "heads": heads,
                "kv_heads": 1,
                "head_dim": d,
            },
            widest((step.dtypes["kv_cache"], step.dtypes["activations"])),
            flops=pairs * (2 * heads * d) * step.flop_per_mac,
            accesses=(*accesses, write.moved(moved, tokens * heads * d)),
            context=write.growing,
            knees=tuple(sorted(knees)),
        )


@attrs.frozen
class HyperConnection(Block):
    """What collapses the residual streams before a block and spreads its output over them after it."""

    hidden: Quantity
    streams: int

    @property
    def _columns(self) -> int:
        return self.streams * (self.streams + 2)

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return the projection, its bias and three scales."""
        return {"hyper_connections": self._columns * self.streams * self.hidden + self._columns + 3}

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return the projection to mixing weights and the mixing."""
        wide = (self.streams + 1) * self.hidden
        own = self._columns + 3
        return [
            write.matmul("hyper_weights", write.tokens, self._columns, self.streams * self.hidden, own),
            write.pointwise("hyper_mix", write.tokens, wide, wide),
        ]


@attrs.frozen(kw_only=True)
class DeepSeekV4(Decoder):
    """A DeepSeek-V4 decoder."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> DeepSeekV4:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        fields = embedded(config)
        hidden, layers = fields["hidden"], config.whole("num_hidden_layers")
        config.only("attention_bias", False)
        config.only("num_key_value_heads", 1)
        config.predictions()
        config.ignore("qk_rope_head_dim")
        if config.has("expert_dtype"):
            config.notes.append(
                f"the experts are published in {config.get('expert_dtype')!s:.20}; the data types here are those of "
                "the option dtype"
            )
        attention = {
            "hidden": hidden,
            "heads": config.size("num_attention_heads"),
            "head_dim": config.size("head_dim"),
            "query_rank": config.size("q_lora_rank"),
            "groups": config.size("o_groups"),
            "group_rank": config.size("o_lora_rank"),
            "window": config.whole("sliding_window"),
        }
        config.divides("o_groups", "num_attention_heads")
        indexer = Indexer(config.size("index_n_heads"), config.size("index_head_dim"), config.whole("index_topk"))
        hyper = HyperConnection(hidden, config.whole("hc_mult"))
        routing = routing_of(config, "n_routed_experts", "num_experts_per_tok")
        width = config.size("moe_intermediate_size")
        shared = FeedForward(
            hidden=hidden, width=config.whole("n_shared_experts") * width, label="shared_", reduced=False
        )
        hashed = config.whole("num_hash_layers", 0, least=0)
        groups = []
        kinds = [(ratio, layer < hashed) for layer, ratio in enumerate(_ratios(config, layers))]
        for (ratio, by_table), at in positions(kinds).items():
            experts = RoutedExperts(
                hidden=hidden, routing=routing, width=width, norms=0, hashed=by_table, label="hash_" if by_table else ""
            )
            mixer = CompressedAttention(**attention, ratio=ratio, indexer=indexer if ratio == 4 else None)
            groups.append(Group(config.layers(len(at)), (hyper, mixer, hyper, shared, experts), at=at))
        streams = config.whole("hc_mult")
        head = Product("hyper_head", streams, streams * hidden, streams + 1)
        return built(  # type: ignore[no-any-return]
            cls, name, config, groups=(*groups, Group(1, (head,), stage="last")), **fields
        )


def _ratios(config: Config, layers: int) -> list[int]:
    """Return the compression of every layer; entries beyond the layers belong to predictions. Raises ModelError."""
    ratios = config.get("compress_ratios")
    further = config.get("num_nextn_predict_layers") or 0
    if not isinstance(ratios, list) or len(ratios) not in (layers, layers + further):
        found = f"{len(ratios)} entries" if isinstance(ratios, list) else repr(ratios)[:40]
        raise ModelError(f"compress_ratios has {found}; it must list the ratio of each of the {layers} layers")
    if any(isinstance(r, bool) or r not in (0, 4, 128) for r in ratios):
        raise ModelError("compress_ratios has a ratio other than 0, 4 and 128, which the deepseek_v4 family here has")
    return ratios[:layers]


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"deepseek_v4": DeepSeekV4}
