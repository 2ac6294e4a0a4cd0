"""LLaDA: a diffusion language model, which fills in masked tokens in denoising steps (Nie et al., arXiv 2502.09992).

Every step runs the whole sequence, prompt and output to be, through all layers, with attention both ways and logits of
all tokens; nothing is cached. Prefill is the first step. A decode step stands for one output token, so it takes
1 / `tokens_per_step` of a denoising step: with the default of 1 there are as many steps as output tokens, as LLaDA is
evaluated. Prompt and output together are the sequence; with `--context` alone, that many tokens are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.errors import ModelError, WorkloadError
from symarch.plugins.hookspecs import hookimpl
from symarch.technologies import Quantity
from symarch.trace.attention import Attention
from symarch.trace.config import Config, share
from symarch.trace.decoder import Decoder, Group, built, divided
from symarch.trace.ffn import FeedForward
from symarch.trace.operators import Operator, Shard, Step, merged
from symarch.trace.spans import Both


@attrs.frozen(kw_only=True)
class LLaDA(Decoder):
    """A LLaDA model.

    Attributes:
        rate: output tokens that a denoising step settles.
    """

    rate: Quantity = 1

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> LLaDA:
        """Build from a parsed `config.json`. Raises ModelError naming the key at fault."""
        config = Config(data, sizes)
        hidden, heads = config.size("d_model"), config.size("n_heads")
        kv_heads = config.size("n_kv_heads") if config.has("n_kv_heads") else heads
        if config.whole("d_model") % config.whole("n_heads"):
            raise ModelError("d_model is not a multiple of n_heads")
        config.only("block_type", "llama")
        config.only("multi_query_attention", False)
        config.only("layer_norm_type", "rms")
        config.only("block_group_size", 1)
        for key in ("include_bias", "attention_layer_norm", "input_emb_norm", "bias_for_layer_norm"):
            config.only(key, False)
        config.ignore("mlp_ratio", "rope", "rope_full_precision", "layer_norm_with_affine", "embedding_size",
                      "alibi", "clip_qkv", "scale_logits", "precision", "attention_layer_norm_with_affine")  # fmt: skip
        attention = Attention(hidden=hidden, heads=heads, kv_heads=kv_heads, head_dim=share(hidden, heads),
                              qkv_bias=config.flag("include_qkv_bias", False), span=Both())  # fmt: skip
        ffn = FeedForward(hidden=hidden, width=config.size("mlp_hidden_size"))
        rows = "embedding_size" if config.has("embedding_size") else "vocab_size"
        config.ignore("vocab_size")
        return built(  # type: ignore[no-any-return]
            cls, name, config, hidden=hidden, vocabulary=config.size(rows), tied=config.flag("weight_tying", False),
            groups=(Group(config.layers(config.whole("n_layers"), "n_layers"), (attention, ffn)),),
            rate=config.option("tokens_per_step", 1, least=0.01),
        )  # fmt: skip

    def operators(self, step: Step, shard: Shard) -> list[Operator]:
        """Return the operators of one denoising step, or of the part of one that an output token takes."""
        if not step.fresh or step.drafted or step.mixed:
            raise WorkloadError(
                f"{self.name} attends both ways and caches nothing, so it has no prefix, chunk, draft or "
                "continuous batching"
            )
        step = divided(step, shard)
        length = step.context if step.final is None else step.final
        whole = attrs.evolve(step, phase="prefill", tokens=length, context=length, past=0)
        found = [
            *self._embedding(whole, shard),
            *self._layers(whole, shard),
            *self._head(whole, shard, step.batch * length),
        ]
        growing = step.phase == "decode" and step.final is None
        if step.phase == "decode":
            found = [attrs.evolve(o, count=share(o.count, self.rate), context=growing) for o in found]
        return merged(found)


@hookimpl
def symarch_model_architectures() -> dict[str, Any]:
    """Return the model types of this module."""
    return {"llada": LLaDA}
