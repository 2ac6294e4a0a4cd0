"""Diffusion language models: whole passes, no cache, steps per token."""

from __future__ import annotations

import pytest

import symarch
from symarch.trace import Shard, Step

TYPES = dict.fromkeys(("weights", "kv_cache", "activations"), "bf16")


def one(phase: str, prompt: int = 100, output: int = 28, context: int = 0, rate: float = 1) -> float:
    model = symarch.load_model("llada-8b", {"tokens_per_step": rate})
    final = None if context else prompt + output
    step = Step(phase, 2, prompt if phase == "prefill" else 1, context or prompt, 1, 1, 1, 1, 2, TYPES, final=final)
    return float(sum(o.count * o.flops for o in model.operators(step, Shard())))


def test_a_denoising_step_runs_the_whole_sequence_both_ways() -> None:
    length, h, i, layers, rows = 128, 4096, 12_288, 32, 126_464
    products = 2 * 2 * length * (layers * (4 * h * h + 3 * h * i) + rows * h)
    attention = 2 * layers * 4 * length * length * h
    assert one("prefill") == one("decode") == products + attention
    assert one("decode", prompt=28, output=100) == one("decode")  # prompt and output together are the sequence
    assert one("decode", context=128) == one("decode")


@pytest.mark.parametrize("rate", [0.5, 2, 4])
def test_an_output_token_takes_its_share_of_a_step(rate: float) -> None:
    assert one("decode", rate=rate) == one("decode") / rate
    assert one("prefill", rate=rate) == one("prefill")


def test_nothing_is_cached() -> None:
    model = symarch.load_model("llada-8b")
    assert model.stored(Shard()).cached(10_000) == 0
    step = Step("decode", 2, 1, 100, 1, 1, 1, 1, 2, TYPES, final=128)
    assert not [a for o in model.operators(step, Shard()) for a in o.accesses if a.tensor == "kv_cache"]


def test_a_request_takes_a_step_for_each_token_settled() -> None:
    system = symarch.load_system("h100-sxm-8")
    slow = symarch.analyze(system, symarch.load_model("llada-8b")).evaluate(prompt=512, output=129)
    model = symarch.load_model("llada-8b", {"tokens_per_step": 4})
    fast = symarch.analyze(system, model).evaluate(prompt=512, output=129)
    assert slow.tpot == pytest.approx(slow.ttft, rel=1e-9)
    assert fast.tpot == pytest.approx(slow.tpot / 4, rel=0.02)  # type: ignore[operator]
    assert fast.request_time < slow.request_time / 3.8  # type: ignore[operator]
