"""Every shipped model: counts to the last digit, and what must hold of any architecture."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import symarch
from symarch.errors import MappingError, ModelError
from symarch.report.data import trace_data
from symarch.report.text import print_trace
from symarch.trace import Access, Operator, Shard, Step, load_config
from symarch.trace.decoder import Decoder
from symarch.trace.latent import LatentAttention
from symarch.trace.llada import LLaDA
from symarch.trace.operators import merged

FOLDER = Path(__file__).parents[2] / "specs" / "models"
NAMES = sorted(p.stem for p in FOLDER.glob("*.json"))

# Counted from the modules of transformers 5.23 on the meta device (parameters, tied ones once; MTP layers, vision and
# audio towers and the routers' correction biases, which are buffers there, left out); LLaDA, which it does not have, by
# hand: 2 x 126464 x 4096 + 32 x (4 x 4096^2 + 3 x 4096 x 12288 + 2 x 4096) + 4096.
PARAMETERS = {
    "bloom-176b": 176_247_271_424,
    "deepseek-r1": 671_026_404_352,
    "deepseek-v3": 671_026_404_352,
    "deepseek-v3.2": 671_877_929_216,
    "deepseek-v4-flash": 284_332_230_231,
    "falcon-7b": 6_921_720_704,
    "gemma-2-27b": 27_227_128_320,
    "gemma-3-27b": 27_009_346_304,
    "gemma-3n-e4b": 6_835_235_568,
    "gemma-4-26b-a4b": 25_233_141_760,
    "glm-4.5": 352_797_814_784,
    "glm-5": 743_911_199_232,
    "gpt-oss-120b": 116_829_156_672,
    "gpt-oss-20b": 20_914_757_184,
    "jamba-v0.1": 51_570_323_328,
    "kimi-k2": 1_026_408_209_408,
    "kimi-k2.5": 1_026_408_209_408,
    "llada-8b": 8_015_581_184,
    "llama-2-70b": 68_976_648_192,
    "llama-2-7b": 6_738_415_616,
    "llama-3-8b": 8_030_261_248,
    "llama-3.1-405b": 405_853_388_800,
    "llama-3.1-70b": 70_553_706_496,
    "llama-3.1-8b": 8_030_261_248,
    "llama-4-maverick": 400_711_848_960,
    "llama-4-scout": 107_769_861_120,
    "mamba-codestral-7b": 7_285_403_648,
    "minimax-m2.5": 228_689_748_992,
    "mistral-7b": 7_248_023_552,
    "mixtral-8x22b": 140_620_634_112,
    "mixtral-8x7b": 46_702_792_704,
    "nemotron-3-nano-30b-a3b": 31_577_937_344,
    "nemotron-h-56b": 56_324_350_464,
    "opt-175b": 174_604_468_224,
    "phi-3-mini": 3_821_079_552,
    "phi-4": 14_659_507_200,
    "qwen2.5-72b": 72_706_203_648,
    "qwen2.5-7b": 7_615_616_512,
    "qwen2.5-vl-7b": 7_615_616_512,
    "qwen3-0.6b": 596_049_920,
    "qwen3-1.7b": 1_720_574_976,
    "qwen3-235b-a22b": 235_093_634_560,
    "qwen3-30b-a3b": 30_532_122_624,
    "qwen3-32b": 32_762_123_264,
    "qwen3-4b": 4_022_468_096,
    "qwen3-8b": 8_190_735_360,
    "qwen3-coder-480b-a35b": 480_154_875_392,
    "qwen3-next-80b-a3b": 79_674_391_296,
    "qwen3-vl-8b": 8_190_735_360,
    "qwen3.5-397b-a17b": 396_346_350_336,
    "t5-large": 737_668_096,
    "whisper-large-v3": 1_543_490_560,
}

# (MoE layers, experts, experts a token uses, weights of one expert): active = total - layers (E - k) expert
ROUTED = {
    "deepseek-r1": (58, 256, 8, 3 * 7168 * 2048),
    "deepseek-v3": (58, 256, 8, 3 * 7168 * 2048),
    "deepseek-v3.2": (58, 256, 8, 3 * 7168 * 2048),
    "deepseek-v4-flash": (43, 256, 6, 3 * 4096 * 2048),
    "gemma-4-26b-a4b": (30, 128, 8, 3 * 2816 * 704),
    "glm-4.5": (89, 160, 8, 3 * 5120 * 1536),
    "glm-5": (75, 256, 8, 3 * 6144 * 2048),
    "gpt-oss-120b": (36, 128, 4, 3 * 2880 * 2880 + 2 * 2880 + 2880),
    "gpt-oss-20b": (24, 32, 4, 3 * 2880 * 2880 + 2 * 2880 + 2880),
    "jamba-v0.1": (16, 16, 2, 3 * 4096 * 14336),
    "kimi-k2": (60, 384, 8, 3 * 7168 * 2048),
    "kimi-k2.5": (60, 384, 8, 3 * 7168 * 2048),
    "llama-4-maverick": (24, 128, 1, 3 * 5120 * 8192),
    "llama-4-scout": (48, 16, 1, 3 * 5120 * 8192),
    "minimax-m2.5": (62, 256, 8, 3 * 3072 * 1536),
    "mixtral-8x22b": (56, 8, 2, 3 * 6144 * 16384),
    "mixtral-8x7b": (32, 8, 2, 3 * 4096 * 14336),
    "nemotron-3-nano-30b-a3b": (23, 128, 6, 2 * 2688 * 1856),
    "qwen3-235b-a22b": (94, 128, 8, 3 * 4096 * 1536),
    "qwen3-30b-a3b": (48, 128, 8, 3 * 2048 * 768),
    "qwen3-coder-480b-a35b": (62, 160, 8, 3 * 6144 * 2560),
    "qwen3-next-80b-a3b": (48, 512, 10, 3 * 2048 * 512),
    "qwen3.5-397b-a17b": (60, 512, 10, 3 * 4096 * 1024),
}

# elements of which a decode step at batch 1 reads one row, or, in an encoder, none
UNREAD = {
    "gemma-3n-e4b": 262_144 * 35 * 256,
    "opt-175b": (2048 + 2) * 12_288,
    # the encoder, both convolutions and its positions, the decoder's positions, keys and values of cross-attention
    "whisper-large-v3": 32 * (4 * 1280**2 + 3 * 1280 + 8 * 1280**2 + 5 * 1280 + 4 * 1280) + 2 * 1280
    + (3 * 128 * 1280 + 1280) + (3 * 1280**2 + 1280) + 1500 * 1280 + 448 * 1280 + 32 * (2 * 1280**2 + 1280),
    # the encoder with its table of relative positions, keys and values of cross-attention
    "t5-large": 24 * (4 * 1024**2 + 2 * 1024 * 4096 + 2 * 1024) + 1024 + 32 * 16 + 24 * 2 * 1024**2,
}  # fmt: skip

# layers x elements a layer keeps of each token, at 2 bytes; layers with a window keep no more than that
KV_BYTES = {
    "bloom-176b": 70 * 2 * 112 * 128 * 2,
    "deepseek-r1": 61 * (512 + 64) * 2,
    "deepseek-v3": 61 * (512 + 64) * 2,
    "deepseek-v3.2": 61 * (512 + 64 + 128) * 2,
    "deepseek-v4-flash": (21 * (512 // 4 + 128 // 4) + 20 * (512 // 128)) * 2,
    "falcon-7b": 32 * 2 * 64 * 2,
    "gemma-2-27b": 23 * 2 * 16 * 128 * 2,
    "gemma-3-27b": 10 * 2 * 16 * 128 * 2,
    "gemma-3n-e4b": 4 * 2 * 2 * 256 * 2,
    "gemma-4-26b-a4b": 5 * 2 * 2 * 512 * 2,
    "glm-4.5": 92 * 2 * 8 * 128 * 2,
    "glm-5": 78 * (512 + 64 + 128) * 2,
    "gpt-oss-120b": 18 * 2 * 8 * 64 * 2,
    "gpt-oss-20b": 12 * 2 * 8 * 64 * 2,
    "jamba-v0.1": 4 * 2 * 8 * 128 * 2,
    "kimi-k2": 61 * (512 + 64) * 2,
    "kimi-k2.5": 61 * (512 + 64) * 2,
    "llada-8b": 0,
    "llama-2-70b": 80 * 2 * 8 * 128 * 2,
    "llama-2-7b": 32 * 2 * 32 * 128 * 2,
    "llama-3-8b": 32 * 2 * 8 * 128 * 2,
    "llama-3.1-405b": 126 * 2 * 8 * 128 * 2,
    "llama-3.1-70b": 80 * 2 * 8 * 128 * 2,
    "llama-3.1-8b": 32 * 2 * 8 * 128 * 2,
    "llama-4-maverick": 12 * 2 * 8 * 128 * 2,
    "llama-4-scout": 12 * 2 * 8 * 128 * 2,
    "mamba-codestral-7b": 0,
    "minimax-m2.5": 62 * 2 * 8 * 128 * 2,
    "mistral-7b": 32 * 2 * 8 * 128 * 2,
    "mixtral-8x22b": 56 * 2 * 8 * 128 * 2,
    "mixtral-8x7b": 32 * 2 * 8 * 128 * 2,
    "nemotron-3-nano-30b-a3b": 6 * 2 * 2 * 128 * 2,
    "nemotron-h-56b": 10 * 2 * 8 * 128 * 2,
    "opt-175b": 96 * 2 * 12_288 * 2,
    "phi-3-mini": 0,
    "phi-4": 40 * 2 * 10 * 128 * 2,
    "qwen2.5-72b": 80 * 2 * 8 * 128 * 2,
    "qwen2.5-7b": 28 * 2 * 4 * 128 * 2,
    "qwen2.5-vl-7b": 28 * 2 * 4 * 128 * 2,
    "qwen3-0.6b": 28 * 2 * 8 * 128 * 2,
    "qwen3-1.7b": 28 * 2 * 8 * 128 * 2,
    "qwen3-235b-a22b": 94 * 2 * 4 * 128 * 2,
    "qwen3-30b-a3b": 48 * 2 * 4 * 128 * 2,
    "qwen3-32b": 64 * 2 * 8 * 128 * 2,
    "qwen3-4b": 36 * 2 * 8 * 128 * 2,
    "qwen3-8b": 36 * 2 * 8 * 128 * 2,
    "qwen3-coder-480b-a35b": 62 * 2 * 8 * 128 * 2,
    "qwen3-next-80b-a3b": 12 * 2 * 2 * 256 * 2,
    "qwen3-vl-8b": 36 * 2 * 8 * 128 * 2,
    "qwen3.5-397b-a17b": 15 * 2 * 2 * 256 * 2,
    "t5-large": 24 * 2 * 16 * 64 * 2,
    "whisper-large-v3": 32 * 2 * 1280 * 2,
}

# elements of the recurrent states of one sequence: state, and (kernel - 1) inputs of the convolution, by layers
STATES = {
    "jamba-v0.1": 28 * (8192 * 16 + 8192 * 3),
    "mamba-codestral-7b": 64 * (128 * 64 * 128 + (8192 + 2 * 8 * 128) * 3),
    "nemotron-3-nano-30b-a3b": 23 * (64 * 64 * 128 + (4096 + 2 * 8 * 128) * 3),
    "nemotron-h-56b": 54 * (256 * 64 * 256 + (16_384 + 2 * 8 * 256) * 3),
    "qwen3-next-80b-a3b": 36 * (32 * 128 * 128 + (2 * 16 * 128 + 32 * 128) * 3),
    "qwen3.5-397b-a17b": 45 * (64 * 128 * 128 + (2 * 16 * 128 + 64 * 128) * 3),
}

# FLOPs of products with weights in a pass over 64 tokens with logits of all, counted by torch's FLOP formulas on the
# modules of transformers 5.23 (meta device, experts as batched_mm): mm and addmm. Convolutions of single channels,
# which were not counted there, are added: layers x 2 x tokens x channels x kernel.
PRODUCTS = {
    "bloom-176b": 22_097_606_737_920 + 460_366_807_040,
    "deepseek-v3": 2_072_313_331_712,
    "deepseek-v3.2": 2_181_306_515_456,
    "deepseek-v4-flash": 682_572_644_352 + 43 * 2 * 64 * 8192 * 4096,  # the grouped output is a bmm
    "falcon-7b": 885_941_862_400,
    "gemma-2-27b": 3_484_963_307_520,
    "gemma-3-27b": 3_457_022_951_424,
    "gemma-3n-e4b": 574_223_644_672,
    "gemma-4-26b-a4b": 306_490_376_192,
    "glm-4.5": 864_362_168_320 + 1_190_783_877_120,
    "gpt-oss-20b": 81_820_385_280 + 74_129_080_320,
    "jamba-v0.1": 793_495_207_936 + 28 * 2 * 64 * 8192 * 4,
    "llama-4-scout": 1_292_558_663_680,
    "mamba-codestral-7b": 914_828_034_048 + 64 * 2 * 64 * 10_240 * 4,
    "minimax-m2.5": 434_412_453_888,
    "mixtral-8x7b": 188_710_125_568,
    "nemotron-3-nano-30b-a3b": 236_782_092_288 + 23 * 2 * 64 * 6144 * 4,
    "opt-175b": 22_265_110_462_464 + 79_071_019_008,
    "qwen3-next-80b-a3b": 262_710_231_040 + 36 * 2 * 64 * 8192 * 4,
    "t5-large": 410_085_490_688,
    "whisper-large-v3": 1_974_678_323_200 + 329_781_411_840 + 2 * 1280 * 3 * (3000 * 128 + 1500 * 1280),
}

# all bmm of the same passes: routed experts, and attention over 64 x 64 pairs (here they are 64 x 65 / 2)
EXPERTS_AND_ATTENTION = {
    "deepseek-v3": 2_636_103_286_784,
    "falcon-7b": 2_382_364_672,
    "gemma-2-27b": 3_087_007_744,
    "gemma-3-27b": 4_160_749_568,
    "gemma-4-26b-a4b": 185_052_692_480,
    "glm-4.5": 2_168_690_049_024,
    "gpt-oss-20b": 307_375_374_336,
    "minimax-m2.5": 904_963_031_040,
    "mixtral-8x7b": 1_445_256_495_104,
    "opt-175b": 19_327_352_832,
}

LATENT = {n for n in NAMES if n.startswith(("deepseek-v3", "deepseek-r1", "kimi"))}
"""Models whose prefill expands latents that their decode steps do not."""

WHOLE = {"llada-8b", "t5-large", "whisper-large-v3"}
"""Models in which a prompt is not a sequence of decode steps."""


def load(name: str) -> Decoder:
    model = load_config(FOLDER / f"{name}.json")
    assert isinstance(model, Decoder)
    return model


def step(phase: str, batch: int = 1, tokens: int = 1, context: int = 1, past: int = 0, element: int = 1) -> Step:
    """One pass in which every element takes `element` bytes."""
    types = dict.fromkeys(("weights", "experts", "kv_cache", "state", "activations"), "bf16")
    return Step(phase, batch, tokens, context, element, element, element, element, 2, types, element, past)


def amount(operators: list[Operator], tensor: str, way: str) -> Any:
    return sum(o.count * getattr(a, way) for o in operators for a in o.accesses if a.tensor == tensor)


def flops(operators: list[Operator], besides: tuple[str, ...] = ()) -> Any:
    return sum(o.count * o.flops for o in operators if o.name not in besides)


def test_every_model_is_here() -> None:
    assert set(NAMES) == set(PARAMETERS) == set(KV_BYTES)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_exact(name: str) -> None:
    assert load(name).parameters() == PARAMETERS[name]


@pytest.mark.parametrize("name", NAMES)
def test_active_parameters_are_exact(name: str) -> None:
    layers, experts, active, one = ROUTED.get(name, (0, 0, 0, 0))
    assert load(name).active_parameters() == PARAMETERS[name] - layers * (experts - active) * one
    assert load(name).stored(Shard()).experts == layers * experts * one


@pytest.mark.parametrize("name", NAMES)
def test_streamed_parameters_leave_out_what_a_decode_step_does_not_read(name: str) -> None:
    model = load(name)
    table = 0 if model.tied else model.vocabulary * model.hidden
    assert model.streamed_parameters() == model.active_parameters() - table - UNREAD.get(name, 0)


@pytest.mark.parametrize("name", NAMES)
def test_kv_bytes_per_token_are_exact(name: str) -> None:
    assert 2 * load(name).stored(Shard()).kv_per_token == KV_BYTES[name]


@pytest.mark.parametrize("name", NAMES)
def test_states_are_exact(name: str) -> None:
    assert load(name).stored(Shard()).state == STATES.get(name, 0)
    assert ("state" in load(name).tensors) == (name in STATES)


@pytest.mark.parametrize("name", sorted(PRODUCTS))
def test_flops_of_products_are_those_of_the_real_modules(name: str) -> None:
    operators = load(name).operators(step("prefill", 1, 64, 64), Shard())
    found = sum(o.count * o.flops * (64 if o.name == "lm_head" else 1) for o in operators if o.kind == "matmul")
    assert found == PRODUCTS[name]


@pytest.mark.parametrize("name", sorted(EXPERTS_AND_ATTENTION))
def test_flops_of_experts_and_attention_are_those_of_the_real_modules(name: str) -> None:
    operators = load(name).operators(step("prefill", 1, 64, 64), Shard())
    experts = sum(o.count * o.flops for o in operators if o.kind == "moe_matmul")
    causal = sum(o.count * o.flops for o in operators if o.kind == "attention")
    assert experts + causal * Fraction(2 * 64, 65) == EXPERTS_AND_ATTENTION[name]


def test_published_active_counts() -> None:
    # DeepSeek-V3: 36.6 B without the input table (README_WEIGHTS); gpt-oss: 5.13 and 3.61 B (model card, likewise)
    assert round(load("deepseek-v3").streamed_parameters() / 1e9, 1) == 36.6
    assert round(load("gpt-oss-120b").streamed_parameters() / 1e9, 2) == 5.13
    assert round(load("gpt-oss-20b").streamed_parameters() / 1e9, 2) == 3.61
    # GLM-4.5: 355 B with the MTP layer (a MoE layer, eh_proj 2 h x h, 3 norms) and without both tables; 32 B likewise
    model, tables = load("glm-4.5"), 2 * 151_552 * 5120
    group = model.groups[-1]
    layer = sum(b.weights(Shard()) + b.experts(Shard()) for b in group.blocks) + 2 * 5120**2 + 3 * 5120
    assert round((model.parameters() + layer - tables) / 1e9, 2) == 355.23
    assert round((model.active_parameters() - tables) / 1e9) == 32


@pytest.mark.parametrize("name", NAMES)
def test_a_decode_step_reads_the_streamed_parameters_and_rows_of_tables(name: str) -> None:
    model = load(name)
    if isinstance(model, LLaDA):
        return
    operators = model.operators(step("decode", context=77), Shard())
    rows = sum(a.read for o in operators if o.kind == "embedding" for a in o.accesses)
    read = amount(operators, "weights", "read") + amount(operators, "experts", "read")
    assert read - rows == pytest.approx(model.streamed_parameters(), rel=1e-12)
    assert amount(operators, "weights", "write") == amount(operators, "experts", "write") == 0


@pytest.mark.parametrize("name", sorted(set(NAMES) - WHOLE))
@pytest.mark.parametrize("context", [1, 100, 5000, 100_000])
def test_a_decode_step_reads_what_is_cached_and_no_more(name: str, context: int) -> None:
    model = load(name)
    operators = model.operators(step("decode", batch=3, context=context), Shard())
    stored, read = model.stored(Shard()), amount(operators, "kv_cache", "read")
    if "deepseek-v3.2" in name or "glm-5" in name:  # the index of all tokens, the latents of 2048
        assert read == 3 * _layers(model) * (128 * context + 576 * min(context, 2048))
    elif "v4" in name:
        entries = 43 * 512 * min(context, 128) + 20 * 512 * context / 128
        assert read == 3 * (entries + 21 * (512 * min(context / 4, 512) + 128 * context / 4))
    elif "llama-4" in name:
        entry, since = 2 * 8 * 128, (context - 1) % 8192 + 1
        assert read == 3 * entry * (12 * context + 36 * since)
    elif "3n" in name:  # 15 layers read the caches of others
        assert read == 3 * 2 * 2 * 256 * (7 * context + 28 * min(context, 512))
    else:
        assert read == 3 * stored.cached(context)
    assert amount(operators, "state", "read") == amount(operators, "state", "write") == 3 * stored.state


def _layers(model: Decoder) -> int:
    return sum(g.count for g in model.groups)


@pytest.mark.parametrize("name", sorted(set(NAMES) - WHOLE - LATENT))
def test_a_prompt_costs_what_its_tokens_cost_one_by_one(name: str) -> None:
    model, prompt = load(name), 280
    once = flops(model.operators(step("prefill", 2, prompt, prompt), Shard()), ("lm_head", "hyper_head"))
    steps = [model.operators(step("decode", 2, 1, c), Shard()) for c in range(1, prompt + 1)]
    assert once == pytest.approx(sum(flops(s, ("lm_head", "hyper_head")) for s in steps), rel=1e-12)


@pytest.mark.parametrize("name", sorted(set(NAMES) - WHOLE - LATENT))
@pytest.mark.parametrize("chunks", [(600,), (1, 599), (200, 200, 200), (127, 129, 300, 44)])
def test_a_prompt_in_chunks_costs_the_same_flops(name: str, chunks: tuple[int, ...]) -> None:
    model, past, found = load(name), 0, 0
    for size in chunks:
        operators = model.operators(step("prefill", 1, size, past + size, past), Shard())
        found += flops(operators, ("lm_head",))
        past += size
    whole = flops(model.operators(step("prefill", 1, past, past), Shard()), ("lm_head",))
    assert found == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("name", sorted(set(NAMES) - WHOLE))
def test_a_later_chunk_reads_what_is_cached_of_the_earlier_ones(name: str) -> None:
    model = load(name)
    first = model.operators(step("prefill", 1, 300, 300), Shard())
    later = model.operators(step("prefill", 1, 300, 600, 300), Shard())
    assert amount(first, "kv_cache", "read") == 0
    assert (amount(later, "kv_cache", "read") > 0) == ("kv_cache" in {a.tensor for o in first for a in o.accesses})
    assert amount(first, "kv_cache", "write") == amount(later, "kv_cache", "write")


@pytest.mark.parametrize("name", sorted(set(NAMES) - WHOLE))
def test_each_token_is_cached_once(name: str) -> None:
    model = load(name)
    stored = model.stored(Shard())
    entry = stored.kv_per_token + sum(n for _, n in stored.bounded)
    assert amount(model.operators(step("prefill", 2, 64, 64), Shard()), "kv_cache", "write") == 2 * 64 * entry
    assert amount(model.operators(step("decode", 2, 1, 64), Shard()), "kv_cache", "write") == 2 * entry


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("degree", [1, 2, 4, 8])
def test_operators_have_names_of_their_own(name: str, degree: int) -> None:
    model = load(name)
    if not model._divides(degree):
        return
    for phase in ("prefill", "decode"):
        operators = model.operators(step(phase, 2, 1 if phase == "decode" else 50, 50), Shard(degree))
        assert len({o.name for o in operators}) == len(operators) <= 60
        assert all(o.count > 0 for o in operators)
        assert bool([o for o in operators if o.collective]) == (degree > 1)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("degree", [2, 4, 8])
def test_shards_hold_the_whole_and_what_is_replicated(name: str, degree: int) -> None:
    model = load(name)
    if not model._divides(degree):
        return
    whole, part = model.stored(Shard()), model.stored(Shard(degree))
    assert part.experts * degree == pytest.approx(whole.experts, rel=2e-3)  # an output bias is on every device
    assert whole.weights <= part.weights * degree <= whole.weights * degree
    assert part.weights < 0.9 * whole.weights
    work = {o.name: o for o in model.operators(step("decode", 4, 1, 640), Shard(degree))}
    for operator in model.operators(step("decode", 4, 1, 640), Shard()):
        if operator.name.endswith(("attention", "gate_up", "down", "attention_output", "delta_rule", "mamba_scan")):
            assert work[operator.name].flops * degree == pytest.approx(operator.flops, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_file_says_where_it_is_from_and_what_is_published(name: str) -> None:
    about = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["_symarch"]
    assert {"title", "origin", "licence", "published"} <= set(about)
    published = about["published"]
    assert {"parameters", "source"} <= set(published) <= {"parameters", "active_parameters", "source", "differs"}
    counts = {"parameters": load(name).parameters(), "active_parameters": load(name).active_parameters()}
    agree = []
    for key, count in counts.items():
        if key in published:
            agree.append(_agrees(published[key], count))
    assert all(agree) or "differs" in published


def _agrees(text: str, count: int) -> bool:
    """Return whether a count rounds to a published one; headlines round down or up to their digits."""
    match = re.fullmatch(r"([\d.,]+)([BT]?)", text)
    assert match
    number = match[1].replace(",", "")
    unit = {"": 1, "B": 10**9, "T": 10**12}[match[2]]
    digits = len(number.partition(".")[2])
    return abs(Fraction(count, unit) - Fraction(number)) < Fraction(1, 10**digits)


@pytest.mark.parametrize("name", ["llama-3.1-8b", "glm-4.5", "llama-4-scout", "qwen3.5-397b-a17b", "kimi-k2.5"])
def test_prediction_layers_and_towers_are_in_no_count(name: str) -> None:
    path, model = FOLDER / f"{name}.json", load(name)
    data = {k: v for k, v in json.loads(path.read_text(encoding="utf-8")).items() if k != "vision_config"}
    data.pop("num_nextn_predict_layers", None)
    plain = type(model).from_config(name, data)
    assert plain.parameters() == model.parameters()
    assert plain.streamed_parameters() == model.streamed_parameters()


@pytest.mark.parametrize("name", NAMES)
def test_a_key_that_changes_the_arithmetic_is_refused_by_every_family(name: str) -> None:
    data = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    for key in ("num_memory_experts", "latent_dim", "extra_layers"):
        with pytest.raises(ModelError, match=key):
            type(load(name)).from_config(name, {**data, key: 3})
        if "text_config" in data:
            with pytest.raises(ModelError, match=f"text_config.{key}"):
                type(load(name)).from_config(name, {**data, "text_config": {**data["text_config"], key: 3}})


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_size_is_named_by_every_family(name: str) -> None:
    data = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    inner = "text_config" in data
    text = data["text_config"] if inner else data
    for key in ("hidden_size", "num_hidden_layers", "d_model", "n_layer", "n_layers", "num_layers", "decoder_layers"):
        if key not in text or (key == "num_hidden_layers" and name == "whisper-large-v3"):
            continue
        less = {k: v for k, v in text.items() if k != key}
        with pytest.raises(ModelError, match=f"{key}|n_embed|num_hidden_layers"):
            type(load(name)).from_config(name, {**data, "text_config": less} if inner else less)


OPERATORS = st.lists(
    st.builds(
        lambda name, count, flops, read: Operator(
            name, "matmul", count, {"m": flops}, flops=flops, accesses=(Access("weights", read=read),)
        ),
        st.sampled_from("ab"),
        st.integers(1, 9),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    max_size=12,
)


@given(OPERATORS)
def test_merging_changes_no_total(operators: list[Operator]) -> None:
    found = merged(operators)
    assert flops(found) == flops(operators)
    assert amount(found, "weights", "read") == amount(operators, "weights", "read")
    assert sum(o.count for o in found) == sum(o.count for o in operators)
    kinds = [(o.name, o.flops, o.accesses) for o in found]
    assert len(kinds) == len(set(kinds))


def test_latent_attention_costs_what_serving_does() -> None:
    # one head, one entry: absorbed 576 + 512 multiply-adds, naive 192 + 128
    model = load("deepseek-v3")
    naive = type(model).from_config("x", {**model.config.data, "mla": "naive"}) if model.config else None
    assert naive is not None
    core: Callable[..., Any] = lambda m, **k: next(  # noqa: E731
        o.flops for o in m.operators(step(**k), Shard()) if o.name == "attention"
    )
    assert core(model, phase="decode", context=1000) == 1000 * 128 * 2 * (576 + 512)
    assert core(naive, phase="decode", context=1000) == 1000 * 128 * 2 * (192 + 128)
    pairs = 1000 * 1001 // 2
    assert core(model, phase="prefill", tokens=1000) == pairs * 128 * 2 * (192 + 128)
    # the naive cache: 128 heads of 192 + 128 in 61 layers at 2 bytes, 71 times the latent one
    assert 2 * naive.stored(Shard()).kv_per_token == 4_997_120
    assert naive.parameters() == model.parameters()
    assert isinstance(model.groups[0].blocks[0], LatentAttention)


def test_a_name_that_is_no_model_is_refused_with_its_type(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"model_type": "nonesuch", "hidden_size": 64}', encoding="utf-8")
    with pytest.raises(ModelError, match="unknown model_type 'nonesuch'"):
        symarch.load_model(str(path))


@pytest.mark.parametrize("name", NAMES)
def test_every_model_runs(name: str) -> None:
    model = load(name)
    degree = max(d for d in (1, 2, 4, 8) if model._divides(d))
    eight = symarch.load_system("h100-sxm-8", {"mapping.tensor": degree})
    for system in (symarch.load_system("h100-sxm"), eight):
        analysis = symarch.analyze(system, model)
        found = analysis.evaluate(batch=2, prompt=200, output=20)
        floats = analysis.evaluate_on_floats(batch=2, prompt=200, output=20)
        assert found.metrics == pytest.approx(floats, rel=1e-12)
        assert all(v is not None and 0 < v < math.inf for v in found.metrics.values())
        analysis.check_dimensions()


@pytest.mark.parametrize("name", NAMES)
def test_every_model_is_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    data = trace_data(load(name), "both", {}, "bf16")
    assert data["parameters"] == PARAMETERS[name]
    assert data["kv_bytes_per_token"] == KV_BYTES[name]
    assert data["state_bytes"] == 2 * STATES.get(name, 0)
    json.dumps(data, allow_nan=False)
    print_trace(data)
    assert f"{PARAMETERS[name]:,}" in capsys.readouterr().out


def test_a_degree_that_does_not_divide_names_what_it_splits() -> None:
    for name, words in (
        ("deepseek-v4-flash", "64 query heads in 8 output groups"),
        ("qwen3-next-80b-a3b", "16 key heads and 32 value heads of linear attention"),
        ("mamba-codestral-7b", "128 state heads in 8 groups"),
        ("whisper-large-v3", "20 heads of cross-attention"),
        ("jamba-v0.1", "8192 state channels"),
        ("glm-4.5", "expert width 1536"),
    ):
        with pytest.raises(MappingError, match=re.escape(words)) as caught:
            load(name).check_shard(Shard(7))
        assert "allowed: 1, 2, 4" in str(caught.value)
