"""Decoders that differ from Llama in norms, biases, gates, and in how attention and FFN stand beside each other.

    starcoder2, nemotron     LayerNorms with biases, an FFN without a gate
    gpt_neox, stablelm       LayerNorms with biases; GPT-NeoX adds attention and FFN of the same input, each normed
    cohere, cohere2          attention and FFN of one normed input; Cohere norms queries and keys by head if told to
    olmo2, olmo3, exaone4    norms behind the blocks instead of before them; queries and keys normed
    glm, glm4                biases of q, k and v; GLM-4 has norms before and behind
    granite, smollm3, seed_oss, helium, hunyuan_v1_dense, ernie4_5, arcee
                             Llama with biases, norms of queries and keys, or an FFN without a gate
    granitemoe, olmoe, ernie4_5_moe
                             the same with routed experts
    phi, phimoe              LayerNorms with biases, and one of the LM head; phi has attention and FFN of one normed
                             input, phimoe routed experts
    olmo                     Llama with norms without weights

Read in the modules of `transformers` 5.24; a test holds the counts of parameters to those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.errors import ModelError
from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import WINDOWS, Attention, heads_of, span_of
from symarch.trace.config import Config, positions
from symarch.trace.decoder import Block, Decoder, Group, built, embedded
from symarch.trace.ffn import FeedForward, RoutedExperts, routing_of

_KINDS = {k: v for k, v in WINDOWS.items() if k != "chunked_attention"}


@attrs.frozen(kw_only=True)
class Traits:
    """What a family's modules have. A bias or switch is a key with the value that it has where it is missing.

    Attributes:
        qkv: bias of q, k and v.
        output: bias of the output; None for that of `qkv`.
        ffn: biases of the FFN.
        norm_vectors: vectors of weights in each norm: a scale, perhaps a bias; 0 for neither.
        gated: whether a gate multiplies the inner activations of the FFN.
        parallel: whether attention and FFN have the same input.
        one_norm: whether that input is normed once for both.
        head_bias: bias of the LM head.
        norms: norms of each block, before or behind.
        head_norms: whether queries and keys are normed over one head.
        wide_norms: whether they are normed over all heads, or each head has weights of its own.
        pattern: every how many layers one attends to all where `sliding_window` is given; 0 for none.
        tied: whether embedding and LM head are one matrix.
        unread: keys that change no arithmetic.
        without: switches that must be off, since what they switch on is not modelled.
    """

    qkv: tuple[str, bool] = ("attention_bias", False)
    output: tuple[str, bool] | None = None
    ffn: tuple[str, bool] = ("mlp_bias", False)
    norm_vectors: int = 1
    gated: bool = True
    parallel: tuple[str, bool] = ("", False)
    one_norm: bool = False
    head_bias: tuple[str, bool] = ("", False)
    norms: int = 1
    head_norms: tuple[str, bool] = ("", False)
    wide_norms: tuple[str, bool] = ("", False)
    pattern: int | None = None
    tied: bool = False
    unread: tuple[str, ...] = ()
    without: tuple[str, ...] = ()


FAMILIES = {
    "starcoder2": Traits(qkv=("use_bias", True), ffn=("use_bias", True), norm_vectors=2, gated=False, tied=True,
                         pattern=0, unread=("mlp_type", "norm_type")),
    "nemotron": Traits(norm_vectors=2, gated=False),
    "gpt_neox": Traits(qkv=("attention_bias", True), ffn=("", True), norm_vectors=2, gated=False,
                       parallel=("use_parallel_residual", True), unread=("rotary_dim",)),
    "stablelm": Traits(qkv=("use_qkv_bias", False), output=("", False), norm_vectors=2,
                      without=("qk_layernorm", "use_parallel_residual")),
    "cohere": Traits(parallel=("", True), one_norm=True, wide_norms=("use_qk_norm", False), tied=True,
                     unread=("use_parallel_block", "use_gated_activation", "use_embedding_sharing")),
    "cohere2": Traits(parallel=("", True), one_norm=True, tied=True, pattern=4,
                      unread=("use_parallel_block", "use_gated_activation", "use_embedding_sharing",
                              "position_embedding_type", "order_of_interleaved_layers", "layer_switch")),
    "phi": Traits(qkv=("", True), ffn=("", True), norm_vectors=2, gated=False, parallel=("", True), one_norm=True,
                  head_bias=("", True), without=("qk_layernorm",)),
    "phimoe": Traits(norm_vectors=2, head_bias=("lm_head_bias", False), pattern=0),
    "olmo": Traits(norm_vectors=0, unread=("clip_qkv",)),
    "olmo2": Traits(wide_norms=("", True)),
    "olmo3": Traits(wide_norms=("", True), pattern=4),
    "exaone4": Traits(qkv=("", False), head_norms=("", True), pattern=4),
    "glm": Traits(qkv=("attention_bias", False), output=("", False)),
    "glm4": Traits(qkv=("attention_bias", False), output=("", False), norms=2),
    "granite": Traits(),
    "smollm3": Traits(tied=True, unread=("no_rope_layers", "no_rope_layer_interval")),
    "seed_oss": Traits(qkv=("attention_bias", True), output=("attention_out_bias", False)),
    "helium": Traits(output=("", False)),
    "hunyuan_v1_dense": Traits(head_norms=("use_qk_norm", True), without=("use_cla",),
                               unread=("cla_share_factor", "attention_head_dim", "norm_type", "use_rotary_pos_emb",
                                       "org_vocab_size")),
    "ernie4_5": Traits(qkv=("use_bias", False), ffn=("use_bias", False), tied=True),
    "arcee": Traits(gated=False),
    "granitemoe": Traits(),
    "olmoe": Traits(wide_norms=("", True), unread=("clip_qkv",)),
    "ernie4_5_moe": Traits(qkv=("use_bias", False), ffn=("use_bias", False), tied=True),
}  # fmt: skip
"""The families by model type."""


@attrs.frozen(kw_only=True)
class Relative(Decoder):
    """A decoder of one of these families."""

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Relative:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        traits = FAMILIES[config.family]
        fields = embedded(config, tied=traits.tied)
        config.ignore(*traits.unread)
        for key in traits.without:
            config.only(key, False)
        qkv = _switch(config, traits.qkv)
        output = qkv if traits.output is None else _switch(config, traits.output)
        parallel, head_bias = _switch(config, traits.parallel), _switch(config, traits.head_bias)
        heads = {**heads_of(config), "norm_vectors": traits.norm_vectors, "norms": traits.norms, "qkv_bias": qkv,
                 "output_bias": output, "reduced": not parallel, "head_norms": _switch(config, traits.head_norms),
                 "wide_norms": _switch(config, traits.wide_norms)}  # fmt: skip
        dense = FeedForward(
            hidden=fields["hidden"],
            width=config.size("intermediate_size"),
            gated=traits.gated,
            bias=_switch(config, traits.ffn),
            norms=0 if parallel and traits.one_norm else traits.norms,
            norm_vectors=traits.norm_vectors,
        )
        groups = []
        for (kind, span, routed), at in positions(_layers(config, traits)).items():
            attention = Attention(**heads, kind=kind, span=span)
            blocks = _experts(config, fields["hidden"], traits.norm_vectors) if routed else (dense,)
            groups.append(Group(config.layers(len(at)), (attention, *blocks), at=at))
        return built(  # type: ignore[no-any-return]
            cls, name, config, groups=tuple(groups), norm_vectors=traits.norm_vectors, head_bias=head_bias, **fields
        )


def _switch(config: Config, switch: tuple[str, bool]) -> bool:
    key, default = switch
    return config.flag(key, default) if key else default


def _layers(config: Config, traits: Traits) -> list[tuple[str, Any, bool]]:
    """Read for each layer its label and span, and whether it has experts. Raises ModelError naming the key at fault."""
    layers, window, every = config.whole("num_hidden_layers"), None, traits.pattern
    if layers > 10_000:
        raise ModelError(f"num_hidden_layers is {layers}; no model has that many layers")
    if every is None:
        config.only("use_sliding_window", False)
        config.ignore("sliding_window", "layer_types")
        kinds = [""] * layers
    else:
        window = config.window(True)
        if isinstance(config.get("sliding_window_pattern"), str):
            every = len(config.get("sliding_window_pattern"))
        elif config.has("sliding_window_pattern"):
            every = config.whole("sliding_window_pattern")

        def kind(layer: int) -> str:
            return "window_" if window is not None and (not every or (layer + 1) % every) else ""

        kinds = config.kinds(_KINDS, kind)
        if "window_" in kinds:
            window = config.whole("sliding_window")
    first, last, step = 0, layers - 1, 0
    if config.family in ("granitemoe", "olmoe", "phimoe"):
        step = 1
    elif config.family == "ernie4_5_moe":
        first, step = config.whole("moe_layer_start_index", 1, least=0), config.whole("moe_layer_interval", 1)
        end = config.whole("moe_layer_end_index", -1, least=-1)
        last = last if end == -1 else end

    def routed(layer: int) -> bool:
        return bool(step) and first <= layer <= last and (layer + 1) % step == 0

    return [(k, span_of(k, window), routed(i)) for i, k in enumerate(kinds)]


_EXPERTS = {"granitemoe": "num_local_experts", "phimoe": "num_local_experts", "olmoe": "num_experts"}
"""The key with the number of routed experts."""


def _experts(config: Config, hidden: Quantity, norm_vectors: int) -> tuple[Block, ...]:
    """Read the experts of a layer and what all its tokens share. Raises ModelError naming the key at fault."""
    if config.family != "ernie4_5_moe":
        routing = routing_of(config, _EXPERTS[config.family], "num_experts_per_tok")
        width = config.size("intermediate_size")
        return (RoutedExperts(hidden=hidden, routing=routing, width=width, norm_vectors=norm_vectors),)
    config.only("moe_use_aux_free", True, False)
    config.ignore("moe_norm_min", "moe_capacity", "moe_gate", "moe_gate_act", "moe_group")
    routing, width = routing_of(config, "moe_num_experts", "moe_k"), config.size("moe_intermediate_size")
    scales = routing.experts
    if not config.whole("moe_num_shared_experts", 0, least=0):
        return (RoutedExperts(hidden=hidden, routing=routing, width=width, router_scales=scales),)
    shared = FeedForward(
        hidden=hidden, width=config.whole("moe_num_shared_experts") * width, label="shared_", reduced=False
    )
    return (shared, RoutedExperts(hidden=hidden, routing=routing, width=width, norms=0, router_scales=scales))


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return dict.fromkeys(FAMILIES, Relative)
