"""What all decoders share: embeddings, attention, norms, the LM head, and how tensor parallelism divides them.

Parameter counts follow `transformers`' modules (q, k, v, o; two norms a layer and one at the end). FLOPs are those of
matrix products, 2 m n k, and of causal attention counted exactly: a prompt of S tokens has S(S+1)/2 (query, key) pairs.
Tensor parallelism splits q, gate and up by columns, o and down by rows (Megatron-LM, Shoeybi et al. 2019), with an
all-reduce after o and after down, and one after the vocabulary-split embedding; the logits are gathered.
"""

from __future__ import annotations

import math
from typing import Any

import attrs

from symarch.errors import MappingError, ModelError
from symarch.technologies import Quantity, widest
from symarch.trace.config import Config
from symarch.trace.models import Stored
from symarch.trace.operators import Access, Collective, Operator, Shard, Step, merged


@attrs.frozen
class Writer:
    """Writes operators of one pass in the words of the model: rows, widths, data types.

    Attributes:
        step: the pass.
        layers: how often an operator runs unless told otherwise.
    """

    step: Step
    layers: int

    def weights(self, elements: Quantity, tensor: str = "weights", dependent: bool = False) -> Access:
        """Return the access that reads weights."""
        width = self.step.experts if tensor == "experts" else self.step.weights
        return Access(tensor, read=elements * width, dependent=dependent)

    def moved(self, read: Quantity, write: Quantity) -> Access:
        """Return the access to activations, in elements."""
        return Access("activations", read=read * self.step.activations, write=write * self.step.activations)

    def matmul(self, name: str, rows: Quantity, n: int, k: int, bias: int = 0, count: int | None = None) -> Operator:
        """Return C[rows, n] = A[rows, k] B[k, n] with weights B."""
        return Operator(
            name,
            "matmul",
            self.layers if count is None else count,
            {"m": rows, "n": n, "k": k},
            widest((self.step.dtypes["weights"], self.step.dtypes["activations"])),
            flops=rows * (n * k) * self.step.flop_per_mac,
            accesses=(self.weights(n * k + bias), self.moved(rows * k, rows * n)),
        )

    def pointwise(self, name: str, rows: Quantity, read: int, write: int, kind: str = "elementwise", own: int = 0,
                  count: int | None = None) -> Operator:  # fmt: skip
        """Return an operator that reads and writes so many elements a row, with `own` weights."""
        accesses = (self.weights(own),) if own else ()
        return Operator(
            name,
            kind,
            self.layers if count is None else count,
            {"tokens": rows, "width": max(read, write)},
            self.step.dtypes["activations"],
            accesses=(*accesses, self.moved(rows * read, rows * write)),
        )


@attrs.frozen(kw_only=True)
class Decoder:
    """A decoder with grouped-query or multi-head attention; families add their FFN.

    Attributes:
        name: the model's name.
        hidden: width of the residual stream.
        layers: number of layers.
        heads: query heads.
        kv_heads: key and value heads.
        head_dim: width of one head.
        vocabulary: rows of the embedding table.
        tied: whether embedding and LM head are one matrix.
        qkv_bias: whether q, k and v have biases.
        output_bias: whether the attention output has a bias.
        qk_norm: whether queries and keys are normed per head.
    """

    name: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool = False
    qkv_bias: bool = False
    output_bias: bool = False
    qk_norm: bool = False

    @staticmethod
    def attention_from(name: str, config: Config) -> dict[str, Any]:
        """Read the keys that all decoders share. Raises ModelError naming the key at fault."""
        hidden, heads = config.size("hidden_size"), config.size("num_attention_heads")
        kv_heads = config.size("num_key_value_heads", heads)
        if heads % kv_heads:
            raise ModelError(f"num_attention_heads {heads} is not a multiple of num_key_value_heads {kv_heads}")
        if config.get("head_dim") is None and hidden % heads:
            raise ModelError(f"head_dim is missing and hidden_size {hidden} is not a multiple of {heads} heads")
        # the Qwen2 modules have q, k, v biases without a key; where the key exists, it stands for all four
        biased = config.flag("attention_bias", config.family == "qwen2")
        return {
            "name": name,
            "hidden": hidden,
            "layers": config.size("num_hidden_layers"),
            "heads": heads,
            "kv_heads": kv_heads,
            "head_dim": config.size("head_dim", hidden // heads),
            "vocabulary": config.size("vocab_size"),
            "tied": config.flag("tie_word_embeddings", False),
            "qkv_bias": biased,
            "output_bias": biased and config.family != "qwen2",
            "qk_norm": config.family.startswith("qwen3"),
        }

    @property
    def tensors(self) -> tuple[str, ...]:
        """Return the tensor classes the model has."""
        return ("weights", "kv_cache", "activations")

    def ffn_parameters(self, shard: Shard) -> int:
        """Return the weights of all layers' FFNs on one device, experts left out."""
        raise NotImplementedError

    def expert_parameters(self, shard: Shard) -> int:
        """Return the weights of all layers' experts on one device."""
        return 0

    def inactive_parameters(self) -> int:
        """Return the weights of the experts that one token is not routed to."""
        return 0

    def ffn_divides(self, degree: int) -> bool:
        """Return whether a tensor-parallel degree divides the FFN."""
        raise NotImplementedError

    def ffn_words(self) -> str:
        """Return the FFN's widths in words, for an error message."""
        raise NotImplementedError

    def ffn(self, write: Writer, shard: Shard, tokens: Quantity) -> list[Operator]:
        """Return the operators of the FFN for `tokens` rows."""
        raise NotImplementedError

    def parameters(self) -> int:
        """Return the stored weights of the language model."""
        tables = self.vocabulary * self.hidden * (1 if self.tied else 2)
        whole = Shard()
        layers = self.layers * self._attention_parameters(whole) + self.ffn_parameters(whole)
        return tables + layers + self.expert_parameters(whole) + self.hidden

    def active_parameters(self) -> int:
        """Return `parameters` less the experts that one token is not routed to."""
        return self.parameters() - self.inactive_parameters()

    def streamed_parameters(self) -> int:
        """Return what one decode step at batch 1 reads: an untied embedding table gives one row only."""
        return self.active_parameters() - (0 if self.tied else self.vocabulary * self.hidden)

    def check_shard(self, shard: Shard) -> None:
        """Raise MappingError if tensor parallelism does not divide the heads or the FFN."""
        degree = shard.tensor
        if not self._divides(degree):
            small = [d for d in range(1, math.isqrt(self.heads) + 1) if self.heads % d == 0]
            allowed = [d for d in sorted({*small, *(self.heads // d for d in small)}) if self._divides(d)]
            raise MappingError(
                f"tensor parallelism {degree} does not divide {self.name} ({self.heads} query heads, {self.kv_heads} "
                f"KV heads, {self.ffn_words()}); allowed: {', '.join(map(str, allowed))}"
            )

    def _divides(self, degree: int) -> bool:
        kv = self.kv_heads % degree == 0 or degree % self.kv_heads == 0
        return self.heads % degree == 0 and self.ffn_divides(degree) and kv

    def _heads_of(self, shard: Shard) -> tuple[int, int]:
        """Return query heads and KV heads of a device; KV heads are replicated where there are fewer than devices."""
        return self.heads // shard.tensor, max(self.kv_heads // shard.tensor, 1)

    def _attention_parameters(self, shard: Shard) -> int:
        """Return the weights of one layer's attention and of its two norms."""
        heads, kv_heads = self._heads_of(shard)
        h, d = self.hidden, self.head_dim
        columns = (heads + 2 * kv_heads) * d
        count = h * columns + heads * d * h + 2 * h
        count += columns if self.qkv_bias else 0
        count += h if self.output_bias else 0
        count += 2 * d if self.qk_norm else 0
        return count

    def _rows(self, shard: Shard) -> int:
        """Return the rows of the vocabulary on one device, rounded up."""
        return -(-self.vocabulary // shard.tensor)

    def stored(self, shard: Shard) -> Stored:
        """Return the elements one device keeps."""
        tables = self._rows(shard) * self.hidden * (1 if self.tied else 2)
        layers = self.layers * self._attention_parameters(shard) + self.ffn_parameters(shard)
        return Stored(
            weights=tables + layers + self.hidden,
            experts=self.expert_parameters(shard),
            kv_per_token=2 * self.layers * self._heads_of(shard)[1] * self.head_dim,
        )

    def operators(self, step: Step, shard: Shard) -> list[Operator]:
        """Return the operators of one pass on one device."""
        heads, kv_heads = self._heads_of(shard)
        h, d = self.hidden, self.head_dim
        q, kv = heads * d, kv_heads * d
        tokens = step.batch * step.tokens
        write = Writer(step, self.layers)

        def all_reduce(name: str, count: int) -> list[Operator]:
            if shard.tensor == 1:
                return []
            size = tokens * h * step.activations
            return [Operator(name, "collective", count, collective=Collective("all_reduce", size))]

        row = h * step.weights
        looked_up = tokens if shard.tensor == 1 else tokens / shard.tensor  # each device holds some rows of the table
        cached = Access("kv_cache", write=tokens * (2 * kv) * step.kv_cache, extent=kv * step.kv_cache)
        rope = write.pointwise("rope_and_cache", tokens, q + 2 * kv, q + 2 * kv, own=2 * d if self.qk_norm else 0)
        operators = [
            Operator(
                "embedding",
                "embedding",
                1,
                {"tokens": tokens, "width": h},
                step.dtypes["weights"],
                accesses=(
                    Access("weights", read=looked_up * row, extent=row, dependent=True),
                    write.moved(0, tokens * h),
                ),
            ),
            *all_reduce("embedding_all_reduce", 1),
            write.pointwise("norm", tokens, 2 * h, 2 * h, "norm", own=h, count=2 * self.layers),
            write.matmul("qkv", tokens, q + 2 * kv, h, q + 2 * kv if self.qkv_bias else 0),
            attrs.evolve(rope, accesses=(*rope.accesses, cached)),
            self._attention(step, heads, kv_heads),
            write.matmul("attention_output", tokens, h, q, h if self.output_bias else 0),
            *all_reduce("all_reduce", 2 * self.layers),
            *self.ffn(write, shard, tokens),
            write.pointwise("final_norm", step.batch, 2 * h, h, "norm", own=h, count=1),
            write.matmul("lm_head", step.batch, self._rows(shard), h, count=1),
        ]
        if shard.tensor > 1:
            size = step.batch * self.vocabulary * step.activations
            operators.append(Operator("logits_all_gather", "collective", 1, collective=Collective("all_gather", size)))
        return merged(operators)

    def _attention(self, step: Step, heads: int, kv_heads: int) -> Operator:
        q, kv = heads * self.head_dim, kv_heads * self.head_dim
        tokens = step.batch * step.tokens
        accesses: tuple[Access, ...] = ()
        if step.phase == "decode":
            pairs = step.batch * step.context  # each sequence's one query meets its context
            cache = Access("kv_cache", read=pairs * (2 * kv) * step.kv_cache, extent=step.context * kv * step.kv_cache)
            accesses, read = (cache,), tokens * q
        else:
            pairs = step.batch * (step.tokens * (step.tokens + 1)) / 2
            read = tokens * (q + 2 * kv)  # keys and values of this pass, not yet from the cache
        return Operator(
            "attention",
            "attention",
            self.layers,
            {
                "batch": step.batch,
                "queries": step.tokens,
                "context": step.context,
                "heads": heads,
                "kv_heads": kv_heads,
                "head_dim": self.head_dim,
            },
            widest((step.dtypes["kv_cache"], step.dtypes["activations"])),
            flops=pairs * (2 * q) * step.flop_per_mac,
            accesses=(
                *accesses,
                Access("activations", read=read * step.activations, write=tokens * q * step.activations),
            ),
            context=step.phase == "decode",
        )
