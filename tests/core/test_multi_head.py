"""GPT-2, Falcon's variants, DeepSeek-V2-Lite and others that are not shipped: by published counts or by hand."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.errors import ModelError
from symarch.trace import Shard, Step
from symarch.trace.deepseek import DeepSeek
from symarch.trace.experts import Experts
from symarch.trace.falcon import Falcon
from symarch.trace.gemma import Gemma
from symarch.trace.gpt2 import Gpt2

GPT2: dict[str, Any] = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024,
                        "n_ctx": 1024, "vocab_size": 50_257, "activation_function": "gelu_new",
                        "summary_type": "cls_index"}  # fmt: skip


def test_gpt2_has_the_parameters_of_its_checkpoint() -> None:
    # 124,439,808: sum of the tensors of openai-community/gpt2; the position table is read a row a token
    model = Gpt2.from_config("gpt2", GPT2)
    assert model.parameters() == 124_439_808
    assert model.streamed_parameters() == 124_439_808 - 1024 * 768


def test_gpt3_has_about_175_billion_parameters() -> None:
    large = {**GPT2, "n_embd": 12_288, "n_layer": 96, "n_head": 96, "n_positions": 2048, "n_ctx": 2048}
    model = Gpt2.from_config("gpt3", large)
    assert round(model.parameters() / 1e9) == 175  # Brown et al., table 2.1
    assert 2 * model.stored(Shard()).kv_per_token == 96 * 2 * 12_288 * 2


def falcon(**changes: Any) -> Falcon:
    data = {"model_type": "falcon", "hidden_size": 8192, "num_attention_heads": 128, "num_hidden_layers": 60,
            "num_kv_heads": 8, "vocab_size": 65_024, "new_decoder_architecture": True, "parallel_attn": True,
            "multi_query": True, "bias": False, "alibi": False}  # fmt: skip
    return Falcon.from_config("falcon", {**data, **changes})


def test_the_newer_falcon_has_grouped_heads_and_two_norms() -> None:
    h, rows = 8192, 65_024
    layer = h * (128 + 2 * 8) * 64 + h * h + 8 * h * h + 2 * 2 * h
    assert falcon().parameters() == rows * h + 60 * layer + 2 * h
    assert falcon().stored(Shard()).kv_per_token == 60 * 2 * 8 * 64


def test_a_falcon_layer_is_summed_once_if_parallel_and_twice_if_not() -> None:
    types = dict.fromkeys(("weights", "kv_cache", "activations"), "bf16")
    step = Step("decode", 1, 1, 1, 1, 1, 1, 1, 2, types)
    for changes, due in (({}, 60), ({"new_decoder_architecture": False, "parallel_attn": False}, 120)):
        operators = falcon(**changes, multi_query=False, num_kv_heads=128).operators(step, Shard(8))
        assert sum(o.count for o in operators if o.name == "all_reduce") == due


LITE: dict[str, Any] = {
    "model_type": "deepseek_v2", "hidden_size": 2048, "intermediate_size": 10_944, "moe_intermediate_size": 1408,
    "num_hidden_layers": 27, "num_attention_heads": 16, "num_key_value_heads": 16, "n_shared_experts": 2,
    "n_routed_experts": 64, "num_experts_per_tok": 6, "first_k_dense_replace": 1, "moe_layer_freq": 1,
    "kv_lora_rank": 512, "q_lora_rank": None, "qk_rope_head_dim": 64, "qk_nope_head_dim": 128, "v_head_dim": 128,
    "vocab_size": 102_400, "topk_method": "greedy", "n_group": 1, "topk_group": 1, "tie_word_embeddings": False,
}  # fmt: skip


def test_deepseek_v2_lite_projects_its_queries_directly() -> None:
    # 15,706,484,224: sum of the tensors of deepseek-ai/DeepSeek-V2-Lite; 2.4 B active (arXiv 2405.04434, appendix B)
    model = DeepSeek.from_config("lite", LITE)
    assert model.parameters() == 15_706_484_224
    assert round((model.active_parameters() - 2 * 102_400 * 2048) / 1e9, 1) == 2.2
    assert model.stored(Shard()).kv_per_token == 27 * 576


def test_qwen2_moe_has_a_gated_shared_expert() -> None:
    # Qwen1.5-MoE-A2.7B: 14,315,784,192 parameters (sum of its tensors)
    data = {"model_type": "qwen2_moe", "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 24,
            "num_attention_heads": 16, "num_key_value_heads": 16, "num_experts": 60, "num_experts_per_tok": 4,
            "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632, "vocab_size": 151_936,
            "tie_word_embeddings": False, "decoder_sparse_step": 1, "use_sliding_window": False,
            "sliding_window": 32_768, "max_window_layers": 21}  # fmt: skip
    assert Experts.from_config("qwen", data).parameters() == 14_315_784_192


def test_gemma_1_has_one_norm_a_block() -> None:
    # Gemma 2B: 2,506,172,416 parameters (sum of its tensors)
    data = {"model_type": "gemma", "hidden_size": 2048, "intermediate_size": 16_384, "num_hidden_layers": 18,
            "num_attention_heads": 8, "num_key_value_heads": 1, "head_dim": 256, "vocab_size": 256_000}  # fmt: skip
    assert Gemma.from_config("gemma", data).parameters() == 2_506_172_416


def test_gemma_3_takes_its_modules_values_for_missing_keys() -> None:
    # Gemma 3 4B, whose file leaves heads and vocabulary out: 4,300,079,472 in its checkpoint, of which the tower and
    # its projection to 2560 have 419,816,304
    text = {"model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10_240, "num_hidden_layers": 34,
            "sliding_window": 1024}  # fmt: skip
    model = Gemma.from_config("g", {"model_type": "gemma3", "text_config": text, "mm_tokens_per_image": 256})
    assert model.parameters() == 4_300_079_472 - 419_816_304
    assert model.stored(Shard()).kv_per_token == 5 * 2 * 4 * 256  # every sixth of 34 layers attends to all


@pytest.mark.parametrize(
    ("build", "data", "words"),
    [
        (Gpt2, {**GPT2, "n_head": 7}, "n_embd 768 is not a multiple of n_head 7"),
        (Gpt2, {**GPT2, "add_cross_attention": True}, "add_cross_attention"),
        (DeepSeek, {**LITE, "moe_layer_freq": 2}, "moe_layer_freq is 2"),
        (DeepSeek, {**LITE, "attention_bias": True}, "attention_bias is True"),
        (DeepSeek, {**LITE, "num_experts_per_tok": 65}, "more than the 64 experts"),
        (DeepSeek, {**LITE, "index_topk": 64}, "index_n_heads"),
    ],
)
def test_what_these_families_do_not_have_is_refused(build: Any, data: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        build.from_config("x", data)
