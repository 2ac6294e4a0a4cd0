"""Gemma 3n: four residual streams of which one is active, per-layer embeddings, layers that share keys and values.

Read in the modules of `transformers` 5.23 (modeling_gemma3n.py). Of each layer's four streams (AltUp, Baykal et al.,
NeurIPS 2023) one passes through attention and FFN and the others are predicted and corrected; beside the attention runs
a path of low rank (LAuReL); a table gives each token a vector for every layer, one row of which is read. The last
`num_kv_shared_layers` layers attend to the keys and values of the last layer of their kind that has its own.
The FFN of sparse layers (`activation_sparsity_pattern`) is counted in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from symarch.errors import ModelError
from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import WINDOWS, Attention, heads_of, span_of
from symarch.trace.config import Config, positions
from symarch.trace.decoder import Block, Decoder, Group, Product, Writer, built, embedded
from symarch.trace.ffn import FeedForward
from symarch.trace.operators import Operator, Shard


@attrs.frozen(kw_only=True)
class PerLayerTable(Block):
    """The table of per-layer embeddings: one row of all layers' vectors is read for each token.

    Attributes:
        rows: rows of the table.
        width: elements of a row: layers x width of a vector.
    """

    beside: ClassVar[bool] = True
    rows: Quantity
    width: Quantity

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return the table; every device has all of it."""
        return {"per_layer_embedding": self.rows * self.width}

    def unread(self) -> Quantity:
        """Return the table."""
        return self.rows * self.width

    def tables(self) -> Quantity:
        """Return the table."""
        return self.rows * self.width

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return the reading of a row for each token."""
        return [attrs.evolve(write, shard=Shard()).lookup("per_layer_embedding", write.tokens, self.width)]


@attrs.frozen(kw_only=True)
class Streams(Block):
    """What a layer does to its residual streams: prediction, correction, low-rank path, per-layer input.

    Attributes:
        hidden: width of a stream.
        streams: their number.
        rank: of the low-rank path.
        vector: width of a token's vector for the layer.
    """

    hidden: Quantity
    streams: int
    rank: Quantity
    vector: Quantity

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return coefficients, router, low-rank path, gate, projection and their norms; on every device."""
        h, n = self.hidden, self.streams
        mixing = n * n + n**3 + h * n + h + h  # correction, prediction, router, its norm, the output's scale
        return {"streams": mixing + 2 * h * self.rank + h + 2 * h * self.vector + h}

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return the products, and the mixing of streams."""
        h, n, tokens = self.hidden, self.streams, write.tokens
        mixing = write.pointwise("streams_predict_and_correct", tokens, 3 * n * h, 2 * n * h, own=2 * h)
        return [
            write.matmul("streams_router", 2 * tokens, n, h),  # before and after the layer
            write.matmul("streams_coefficients", tokens, n * n + n, n),
            attrs.evolve(mixing, flops=tokens * (n * n * h) * write.step.flop_per_mac),
            write.matmul("laurel_left", tokens, self.rank, h),
            write.matmul("laurel_right", tokens, h, self.rank, h),
            write.matmul("per_layer_gate", tokens, self.vector, h),
            write.matmul("per_layer_project", tokens, h, self.vector, h),
        ]


@attrs.frozen(kw_only=True)
class Gemma3n(Decoder):
    """A Gemma 3n decoder; its vision and audio towers are left out."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Gemma3n:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = text = Config(data, sizes)
        if config.family == "gemma3n":
            text = config.nested("text_config")
            for key in ("vision_config", "audio_config"):
                if config.has(key):
                    config.notes.append(f"{key}: the tower is not modelled; the trace is of text")
            config.ignore("vision_soft_tokens_per_image", "audio_soft_tokens_per_image")
        fields, heads = embedded(text, tied=True), heads_of(text)
        hidden, layers = fields["hidden"], text.whole("num_hidden_layers")
        text.only("attention_bias", False)
        streams, vector = text.whole("altup_num_inputs", 4), text.size("hidden_size_per_layer_input", 256)
        own = layers - text.whole("num_kv_shared_layers", 0, least=0)
        if not 0 < own <= layers:
            raise ModelError(f"num_kv_shared_layers {layers - own} leaves no layer with its own keys and values")
        kinds = text.kinds(
            {k: v for k, v in WINDOWS.items() if k != "chunked_attention"},
            lambda layer: "" if (layer + 1) % 5 == 0 else "window_",
        )
        window = text.whole("sliding_window") if "window_" in kinds else None
        mixing = Streams(hidden=hidden, streams=streams, rank=text.size("laurel_rank", 64), vector=vector)
        groups = []
        for (kind, shares, width), at in positions(
            [(k, i >= own, w) for i, (k, w) in enumerate(zip(kinds, _widths(text, layers), strict=True))]
        ).items():
            attention = Attention(**heads, label="shared_" if shares else "", kind=kind, span=span_of(kind, window),
                                  head_norms=True, norms=2, shares=shares)  # fmt: skip
            ffn = FeedForward(hidden=hidden, width=width, norms=2)
            groups.append(Group(text.layers(len(at)), (mixing, attention, ffn), at=at))
        wide = text.layers(layers) * vector
        table = PerLayerTable(rows=text.size("vocab_size_per_layer_input"), width=wide)
        projection = Product("per_layer_inputs", wide, hidden, vector)
        spread = Product("streams_spread", (streams - 1) * hidden, hidden)
        collapse = Product("streams_collapse", (streams - 1) * hidden, hidden)
        all_groups = (
            Group(1, (table, projection, spread), stage="first"),
            *groups,
            Group(1, (collapse,), stage="last"),
        )
        return built(cls, name, config, groups=all_groups, **fields)  # type: ignore[no-any-return]


def _widths(config: Config, layers: int) -> list[int]:
    """Return the FFN width of every layer: a list, or one number for all. Raises ModelError."""
    widths = config.get("intermediate_size")
    if not isinstance(widths, list):
        return [config.whole("intermediate_size")] * layers
    if len(widths) != layers or not all(isinstance(w, int) and not isinstance(w, bool) and w > 0 for w in widths):
        raise ModelError(
            f"intermediate_size has {len(widths)} entries; it must list the width of each of {layers} layers"
        )
    return widths


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"gemma3n": Gemma3n, "gemma3n_text": Gemma3n}
