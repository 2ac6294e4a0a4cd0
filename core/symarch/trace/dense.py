"""Dense decoders with a gated FFN: the Llama, Mistral, Qwen2 and Qwen3 families, from their `config.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.config import Config
from symarch.trace.decoder import Decoder, Writer
from symarch.trace.operators import Operator, Shard


@attrs.frozen(kw_only=True)
class Dense(Decoder):
    """A decoder whose every layer has one gated FFN: gate and up, SiLU times, down.

    Attributes:
        ffn_width: inner width of the FFN.
        ffn_bias: whether gate, up and down have biases.
    """

    ffn_width: int
    ffn_bias: bool = False

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any]) -> Dense:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data)
        config.full_attention(use_window=config.family != "qwen2")
        model = cls(
            **Decoder.attention_from(name, config),
            ffn_width=config.size("intermediate_size"),
            ffn_bias=config.flag("mlp_bias", False),
        )
        config.refuse_unread()
        return model

    def ffn_parameters(self, shard: Shard) -> int:
        """Return the weights of all layers' FFNs on one device."""
        width = self.ffn_width // shard.tensor
        bias = 2 * width + self.hidden if self.ffn_bias else 0
        return self.layers * (3 * self.hidden * width + bias)

    def ffn_divides(self, degree: int) -> bool:
        """Return whether a tensor-parallel degree divides the FFN."""
        return self.ffn_width % degree == 0

    def ffn_words(self) -> str:
        """Return the FFN's width in words."""
        return f"FFN width {self.ffn_width}"

    def ffn(self, write: Writer, shard: Shard, tokens: Quantity) -> list[Operator]:
        """Return gate and up as one product, the activation, and down."""
        return gated_ffn(write, tokens, self.hidden, self.ffn_width // shard.tensor, self.ffn_bias)


def gated_ffn(write: Writer, tokens: Quantity, hidden: int, width: int, bias: bool = False,
              count: int | None = None) -> list[Operator]:  # fmt: skip
    """Return the operators of a gated FFN of some width."""
    return [
        write.matmul("gate_up", tokens, 2 * width, hidden, 2 * width if bias else 0, count),
        write.pointwise("silu_mul", tokens, 2 * width, width, count=count),
        write.matmul("down", tokens, hidden, width, hidden if bias else 0, count),
    ]


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"llama": Dense, "mistral": Dense, "qwen2": Dense, "qwen3": Dense}
