"""Dense decoders with gated FFN: the Llama, Mistral, Qwen2 and Qwen3 families, from their `config.json`.

Parameter counts follow `transformers`' modules (q, k, v, o; gate, up, down; two norms a layer and one at the end).
FLOPs are those of matrix products, 2 m n k, and of causal attention counted exactly: a prompt of S tokens has
S(S+1)/2 (query, key) pairs. Tensor parallelism splits q, gate and up by columns, o and down by rows (Megatron-LM,
Shoeybi et al. 2019), with an all-reduce after o and after down, and one after the vocabulary-split embedding; the
logits are gathered.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import attrs

from symarch.errors import MappingError, ModelError
from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity, widest
from symarch.trace.models import Stored
from symarch.trace.operators import Access, Collective, Operator, Shard, Step, merged

_READ = {
    "attention_bias", "head_dim", "hidden_size", "intermediate_size", "mlp_bias", "model_type", "num_attention_heads",
    "num_hidden_layers", "num_key_value_heads", "sliding_window", "tie_word_embeddings", "use_sliding_window",
    "vocab_size",
}  # fmt: skip
_NO_ARITHMETIC = {
    "max_window_layers", "num_labels", "router_aux_loss_coef",
    # rope, attention and norm settings change values, not sizes
    "rope_scaling", "rope_theta", "rope_parameters", "partial_rotary_factor",
}  # fmt: skip
_SUSPECT = re.compile(
    r"expert|moe|router|sliding|window|latent|lora|_rank|ssm|mamba|conv|index_|mtp|nextn|compress|per_layer|altup"
    r"|cross_attention|encoder|decoder_|vision|kv_shared|attn_output_gate|linear_|layer_types|text_config"
)


@attrs.frozen
class Dense:
    """A dense decoder with grouped-query or multi-head attention and a gated FFN.

    Attributes:
        name: the model's name.
        hidden: width of the residual stream.
        layers: number of layers.
        heads: query heads.
        kv_heads: key and value heads.
        head_dim: width of one head.
        ffn: inner width of the FFN.
        vocabulary: rows of the embedding table.
        tied: whether embedding and LM head are one matrix.
        qkv_bias: whether q, k and v have biases.
        output_bias: whether the attention output has a bias.
        ffn_bias: whether gate, up and down have biases.
        qk_norm: whether queries and keys are normed per head.
    """

    name: str
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocabulary: int
    tied: bool = False
    qkv_bias: bool = False
    output_bias: bool = False
    ffn_bias: bool = False
    qk_norm: bool = False

    @classmethod
    def from_config(cls, name: str, config: Mapping[str, Any]) -> Dense:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        family = config["model_type"]

        def size(key: str, default: int | None = None) -> int:
            value = config.get(key)
            value = default if value is None else value
            if value is None:
                raise ModelError(f"the key '{key}' is missing")
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**9:
                raise ModelError(f"{key} is {value!r}; it must be a whole number, at least 1")
            return value

        def flag(key: str, default: bool) -> bool:
            value = config.get(key, default)
            if not isinstance(value, bool):
                raise ModelError(f"{key} is {value!r}; it must be true or false")
            return value

        for key, value in config.items():
            if key in _READ or key in _NO_ARITHMETIC or key.startswith("_"):
                continue
            if _SUSPECT.search(key) and value not in (None, False, 0, [], {}):
                if key == "layer_types" and set(value) == {"full_attention"}:
                    continue
                raise ModelError(f"the key '{key}' ({str(value)[:40]!r}) is not known to the dense {family} family")
        windowed = config.get("sliding_window") is not None and flag("use_sliding_window", family != "qwen2")
        if windowed:
            raise ModelError(
                f"sliding_window is {config['sliding_window']!r} and in force; this family attends to the full context"
            )
        hidden, heads = size("hidden_size"), size("num_attention_heads")
        kv_heads = size("num_key_value_heads", heads)
        if heads % kv_heads:
            raise ModelError(f"num_attention_heads {heads} is not a multiple of num_key_value_heads {kv_heads}")
        if config.get("head_dim") is None and hidden % heads:
            raise ModelError(f"head_dim is missing and hidden_size {hidden} is not a multiple of {heads} heads")
        biased = flag("attention_bias", family == "qwen2")
        return cls(
            name=name,
            hidden=hidden,
            layers=size("num_hidden_layers"),
            heads=heads,
            kv_heads=kv_heads,
            head_dim=size("head_dim", hidden // heads),
            ffn=size("intermediate_size"),
            vocabulary=size("vocab_size"),
            tied=flag("tie_word_embeddings", False),
            qkv_bias=biased,
            output_bias=biased and family != "qwen2",
            ffn_bias=flag("mlp_bias", False),
            qk_norm=family == "qwen3",
        )

    def parameters(self) -> int:
        """Return the stored weights of the language model."""
        tables = self.vocabulary * self.hidden * (1 if self.tied else 2)
        return tables + self.layers * self._layer(Shard()) + self.hidden

    def active_parameters(self) -> int:
        """Return `parameters`: every weight is active."""
        return self.parameters()

    def streamed_parameters(self) -> int:
        """Return what one decode step reads: an untied embedding table gives one row only."""
        return self.parameters() - (0 if self.tied else self.vocabulary * self.hidden)

    def check_shard(self, shard: Shard) -> None:
        """Raise MappingError if tensor parallelism does not divide the heads or the FFN."""
        degree = shard.tensor
        if not self._divides(degree):
            divisors = {d for i in range(1, math.isqrt(self.heads) + 1) if self.heads % i == 0
                        for d in (i, self.heads // i)}  # fmt: skip
            allowed = [d for d in sorted(divisors) if self._divides(d)]
            raise MappingError(
                f"tensor parallelism {degree} does not divide {self.name} ({self.heads} query heads, {self.kv_heads} "
                f"KV heads, FFN width {self.ffn}); allowed: {', '.join(map(str, allowed))}"
            )

    def _divides(self, degree: int) -> bool:
        kv = self.kv_heads % degree == 0 or degree % self.kv_heads == 0
        return self.heads % degree == 0 and self.ffn % degree == 0 and kv

    def _local(self, shard: Shard) -> tuple[int, int, int]:
        """Return query heads, KV heads (replicated where there are fewer than devices) and FFN width of a device."""
        return self.heads // shard.tensor, max(self.kv_heads // shard.tensor, 1), self.ffn // shard.tensor

    def _layer(self, shard: Shard) -> int:
        heads, kv_heads, ffn = self._local(shard)
        h, d = self.hidden, self.head_dim
        columns = (heads + 2 * kv_heads) * d
        count = h * columns + heads * d * h + 3 * h * ffn + 2 * h
        count += columns if self.qkv_bias else 0
        count += h if self.output_bias else 0
        count += 2 * ffn + h if self.ffn_bias else 0
        count += 2 * d if self.qk_norm else 0
        return count

    def _rows(self, shard: Shard) -> int:
        return -(-self.vocabulary // shard.tensor)

    def stored(self, shard: Shard) -> Stored:
        """Return the elements one device keeps."""
        tables = self._rows(shard) * self.hidden * (1 if self.tied else 2)
        kv_heads = self._local(shard)[1]
        return Stored(
            weights=tables + self.layers * self._layer(shard) + self.hidden,
            kv_per_token=2 * self.layers * kv_heads * self.head_dim,
        )

    def operators(self, step: Step, shard: Shard) -> list[Operator]:
        """Return the operators of one pass on one device."""
        heads, kv_heads, ffn = self._local(shard)
        h, d, layers = self.hidden, self.head_dim, self.layers
        q, kv = heads * d, kv_heads * d
        tokens = step.batch * step.tokens
        compute = widest((step.dtypes["weights"], step.dtypes["activations"]))
        attend = widest((step.dtypes["kv_cache"], step.dtypes["activations"]))

        def weights(elements: int) -> Access:
            return Access("weights", read=elements * step.weights)

        def moved(read: Quantity, write: Quantity) -> Access:
            return Access("activations", read=read * step.activations, write=write * step.activations)

        def matmul(name: str, rows: Quantity, n: int, k: int, bias: int = 0, count: int = layers) -> Operator:
            return Operator(
                name, "matmul", count, {"m": rows, "n": n, "k": k}, compute,
                flops=rows * (n * k) * step.flop_per_mac,
                accesses=(weights(n * k + bias), moved(rows * k, rows * n)),
            )  # fmt: skip

        def pointwise(name: str, rows: Quantity, read: int, write: int, kind: str = "elementwise",
                      own: int = 0, count: int = layers) -> Operator:  # fmt: skip
            accesses = (weights(own),) if own else ()
            return Operator(
                name, kind, count, {"tokens": rows, "width": max(read, write)}, step.dtypes["activations"],
                accesses=(*accesses, moved(rows * read, rows * write)),
            )  # fmt: skip

        def all_reduce(name: str, count: int) -> list[Operator]:
            if shard.tensor == 1:
                return []
            size = tokens * h * step.activations
            return [Operator(name, "collective", count, collective=Collective("all_reduce", size))]

        row = h * step.weights
        cached = Access("kv_cache", write=tokens * (2 * kv) * step.kv_cache, extent=kv * step.kv_cache)
        rope = pointwise("rope_and_cache", tokens, q + 2 * kv, q + 2 * kv, own=2 * d if self.qk_norm else 0)
        operators = [
            Operator(
                "embedding", "embedding", 1, {"tokens": tokens, "width": h}, step.dtypes["weights"],
                accesses=(
                    Access("weights", read=tokens * row, extent=row, dependent=True),
                    moved(0, tokens * h),
                ),
            ),
            *all_reduce("embedding_all_reduce", 1),
            pointwise("norm", tokens, 2 * h, 2 * h, "norm", own=h, count=2 * layers),
            matmul("qkv", tokens, q + 2 * kv, h, q + 2 * kv if self.qkv_bias else 0),
            attrs.evolve(rope, accesses=(*rope.accesses, cached)),
            self._attention(step, heads, kv_heads, attend),
            matmul("attention_output", tokens, h, q, h if self.output_bias else 0),
            *all_reduce("all_reduce", 2 * layers),
            matmul("gate_up", tokens, 2 * ffn, h, 2 * ffn if self.ffn_bias else 0),
            pointwise("silu_mul", tokens, 2 * ffn, ffn),
            matmul("down", tokens, h, ffn, h if self.ffn_bias else 0),
            pointwise("final_norm", step.batch, 2 * h, h, "norm", own=h, count=1),
            matmul("lm_head", step.batch, self._rows(shard), h, count=1),
        ]  # fmt: skip
        if shard.tensor > 1:
            size = step.batch * self.vocabulary * step.activations
            operators.append(Operator("logits_all_gather", "collective", 1, collective=Collective("all_gather", size)))
        return merged(operators)

    def _attention(self, step: Step, heads: int, kv_heads: int, dtype: str) -> Operator:
        q, kv = heads * self.head_dim, kv_heads * self.head_dim
        tokens = step.batch * step.tokens
        activations = tokens * (2 * q)
        if step.phase == "decode":
            pairs = step.batch * step.context  # each sequence's one query meets its context
            accesses: tuple[Access, ...] = (
                Access("kv_cache", read=pairs * (2 * kv) * step.kv_cache, extent=step.context * kv * step.kv_cache),
            )
        else:
            pairs = step.batch * (step.tokens * (step.tokens + 1)) / 2
            activations = activations + tokens * (2 * kv)  # keys and values of this pass, not yet from the cache
            accesses = ()
        half = activations - tokens * q
        return Operator(
            "attention", "attention", self.layers,
            {"batch": step.batch, "queries": step.tokens, "context": step.context, "heads": heads,
             "kv_heads": kv_heads, "head_dim": self.head_dim},
            dtype,
            flops=pairs * (2 * q) * step.flop_per_mac,
            accesses=(
                *accesses,
                Access("activations", read=half * step.activations, write=tokens * q * step.activations),
            ),
            context=step.phase == "decode",
        )  # fmt: skip


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"llama": Dense, "mistral": Dense, "qwen2": Dense, "qwen3": Dense}
