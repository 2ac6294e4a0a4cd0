"""Decoders with routed experts: the Mixtral and Qwen3-MoE families, from their `config.json`.

Of E experts each token uses k. Under uniform routing the number of *distinct* experts that T tokens read is

    E (1 - (1 - k/E)**T),

so a decode step reads nearly all of them once a few dozen sequences run (Mixtral, k = 2 of 8: 7.92 at 16 tokens). T is
the number of tokens that reach the layer in the pass. Which experts are read is known only after the router, so the
first read of a layer is a dependent access and exposes the memory's latency once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.errors import ModelError
from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity, widest
from symarch.trace.config import Config
from symarch.trace.decoder import Decoder, Writer
from symarch.trace.dense import gated_ffn
from symarch.trace.operators import Operator, Shard

_WIDTHS = {"mixtral": "intermediate_size", "qwen3_moe": "moe_intermediate_size"}
_COUNTS = {"mixtral": "num_local_experts", "qwen3_moe": "num_experts"}


@attrs.frozen(kw_only=True)
class Experts(Decoder):
    """A decoder whose layers have routed experts, some of them perhaps a dense FFN instead.

    Attributes:
        experts: experts of a layer.
        active: experts a token is routed to.
        expert_width: inner width of one expert.
        dense_layers: layers with a dense FFN instead.
        dense_width: inner width of that FFN.
    """

    experts: int
    active: int
    expert_width: int
    dense_layers: int = 0
    dense_width: int = 0

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any]) -> Experts:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data)
        config.full_attention(use_window=True)
        shared = Decoder.attention_from(name, config)
        count, active = config.size(_COUNTS[config.family]), config.size("num_experts_per_tok")
        if active > count:
            raise ModelError(f"num_experts_per_tok {active} is more than the {count} experts of a layer")
        dense = _dense_layers(config, shared["layers"])
        model = cls(
            **shared,
            experts=count,
            active=active,
            expert_width=config.size(_WIDTHS[config.family]),
            dense_layers=dense,
            dense_width=config.size("intermediate_size") if dense else 0,
        )
        config.refuse_unread()
        return model

    @property
    def tensors(self) -> tuple[str, ...]:
        """Return the tensor classes the model has."""
        return ("weights", "experts", "kv_cache", "activations")

    @property
    def sparse_layers(self) -> int:
        """Return the number of layers with experts."""
        return self.layers - self.dense_layers

    def ffn_parameters(self, shard: Shard) -> int:
        """Return the weights of routers and dense FFNs on one device; the router is on every device."""
        dense = 3 * self.hidden * (self.dense_width // shard.tensor)
        return self.sparse_layers * self.hidden * self.experts + self.dense_layers * dense

    def expert_parameters(self, shard: Shard) -> int:
        """Return the weights of all experts on one device: a slice of each."""
        return self.sparse_layers * self.experts * self._expert(shard)

    def inactive_parameters(self) -> int:
        """Return the weights of the experts that one token is not routed to."""
        return self.sparse_layers * (self.experts - self.active) * self._expert(Shard())

    def _expert(self, shard: Shard) -> int:
        return 3 * self.hidden * (self.expert_width // shard.tensor)

    def ffn_divides(self, degree: int) -> bool:
        """Return whether a tensor-parallel degree divides the experts and the dense FFN."""
        return self.expert_width % degree == 0 and self.dense_width % degree == 0

    def ffn_words(self) -> str:
        """Return the FFN's widths in words."""
        return f"expert width {self.expert_width}" + (f", FFN width {self.dense_width}" if self.dense_layers else "")

    def distinct_experts(self, tokens: Quantity) -> Quantity:
        """Return the expected number of distinct experts that `tokens` tokens read, under uniform routing."""
        return self.experts * (1 - (1 - self.active / self.experts) ** tokens)

    def ffn(self, write: Writer, shard: Shard, tokens: Quantity) -> list[Operator]:
        """Return router, grouped products of the experts, and the sum of their outputs."""
        layers, h, width = self.sparse_layers, self.hidden, self.expert_width // shard.tensor
        rows = tokens * self.active
        read = self.distinct_experts(tokens)

        def grouped(name: str, n: int, k: int, dependent: bool) -> Operator:
            return Operator(
                name,
                "moe_matmul",
                layers,
                {"m": rows, "n": n, "k": k, "experts": read},
                widest((write.step.dtypes["experts"], write.step.dtypes["activations"])),
                flops=rows * (n * k) * write.step.flop_per_mac,
                accesses=(
                    write.weights(read * (n * k), "experts", dependent=dependent),
                    write.moved(rows * k, rows * n),
                ),
            )

        routed = [
            write.matmul("router", tokens, self.experts, h, count=layers),
            grouped("experts_gate_up", 2 * width, h, dependent=True),
            write.pointwise("experts_silu_mul", rows, 2 * width, width, count=layers),
            grouped("experts_down", h, width, dependent=False),
            write.pointwise("experts_sum", tokens, self.active * h, h, count=layers),
        ]
        dense_width = self.dense_width // shard.tensor
        dense = gated_ffn(write, tokens, h, dense_width, count=self.dense_layers) if self.dense_layers else []
        return [*(routed if layers else []), *dense]


def _dense_layers(config: Config, layers: int) -> int:
    """Return how many layers have a dense FFN: those that Qwen's keys except from routing."""
    if config.family != "qwen3_moe":
        return 0
    step = config.size("decoder_sparse_step", 1)
    only = config.get("mlp_only_layers") or []
    if not isinstance(only, list) or not all(isinstance(i, int) and 0 <= i < layers for i in only):
        raise ModelError(f"mlp_only_layers is {only!r}; it must list layers from 0 to {layers - 1}")
    return sum(i in only or (i + 1) % step != 0 for i in range(layers))


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"mixtral": Experts, "qwen3_moe": Experts}
