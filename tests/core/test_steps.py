"""The mean over decode steps equals the loop over them, where windows fill up and chunks start anew."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.analysis.steps import stretches
from symarch.trace import Operator
from symarch.trace.spans import FULL, Both, Chunk, Compressed, Span, Window

SPANS: list[Span] = [FULL, Window(1), Window(7), Window(100), Chunk(1), Chunk(8), Chunk(64), Compressed(1, 9),
                     Compressed(4, 5)]  # fmt: skip


def operator(span: Span) -> Operator:
    return Operator("attention", "attention", context=True, knees=span.knees, period=span.period)


@given(st.sampled_from(SPANS), st.integers(1, 300))
def test_pairs_of_a_prompt_are_those_of_its_tokens(span: Span, tokens: int) -> None:
    assert span.sum(tokens) == sum(span.at(c) for c in range(1, tokens + 1))


@given(st.sampled_from(SPANS), st.integers(0, 150), st.integers(1, 150))
def test_pairs_of_a_chunk_are_those_of_its_tokens(span: Span, past: int, tokens: int) -> None:
    assert span.pairs(past, tokens) == sum(span.at(c) for c in range(past + 1, past + tokens + 1))


@given(st.sampled_from(SPANS), st.integers(1, 300))
def test_what_is_attended_to_is_kept(span: Span, context: int) -> None:
    assert span.at(context) <= span.kept(context) <= context


def test_a_window_and_a_chunk_by_hand() -> None:
    assert [Window(3).at(c) for c in range(1, 7)] == [1, 2, 3, 3, 3, 3]
    assert [Chunk(3).at(c) for c in range(1, 8)] == [1, 2, 3, 1, 2, 3, 1]
    assert Window(3).sum(5) == 1 + 2 + 3 + 3 + 3
    assert Chunk(3).sum(5) == 1 + 2 + 3 + 1 + 2
    assert Compressed(1, 2).sum(4) == 1 + 2 + 2 + 2
    assert Compressed(4).at(10) == 2.5
    assert Both().sum(5) == 25
    assert Both(2).sum(6) == 12


@given(st.sampled_from(SPANS), st.integers(1, 200), st.integers(1, 300))
def test_the_mean_over_stretches_is_the_mean_over_steps(span: Span, first: int, steps: int) -> None:
    last = first + steps - 1
    found = stretches(operator(span), first, last, steps)
    assert sum(s.steps for s in found) == steps
    assert all(s.steps >= 0 and s.points >= 1 for s in found)
    mean = sum(s.steps * (span.at(s.first) + span.at(s.last)) / 2 for s in found)
    assert mean == pytest.approx(sum(span.at(c) for c in range(first, last + 1)), rel=1e-12)


CASES = [
    ("gemma-3-27b", 900, 300),  # the window of 1024 fills up on the way
    ("gemma-3-27b", 1022, 4),
    ("gemma-3-27b", 10, 5),
    ("gemma-3-27b", 5000, 40),
    ("gpt-oss-20b", 100, 60),
    ("llama-4-scout", 8150, 90),  # chunks of 8192
    ("llama-4-scout", 8191, 3),
    ("deepseek-v3.2", 2000, 100),  # the best 2048
    ("deepseek-v4-flash", 100, 60),  # a window of 128 and, from 2048 on, the best 512 of 4 tokens each
    ("deepseek-v4-flash", 2000, 90),
    ("nemotron-3-nano-30b-a3b", 100, 40),
    ("whisper-large-v3", 4, 40),
]


@pytest.mark.parametrize(("name", "prompt", "output"), CASES)
@pytest.mark.parametrize("ideal", [False, True])
def test_tpot_is_the_mean_of_the_steps(name: str, prompt: int, output: int, ideal: bool) -> None:
    system = symarch.load_system("h100-sxm" if name.startswith("whisper") else "h100-sxm-8")
    analysis = symarch.analyze(system, symarch.load_model(name), phase="decode", ideal=ideal)
    contexts = np.arange(prompt + 1, prompt + output, dtype=float)
    found = analysis.evaluate(prompt=prompt, output=output)
    for metric in ("tpot", "energy_per_token"):
        steps = analysis.compile(metric, over=["context"])(contexts)
        # a calibrated processor rounds up to whole tiles, for the mean in the middle of each stretch
        assert found.metrics[metric] == pytest.approx(float(np.mean(steps)), rel=1e-6 if ideal else 0.01)


def test_chunks_begin_again_many_times() -> None:
    model = symarch.load_model("llama-4-scout", {"attention_chunk_size": 16})
    analysis = symarch.analyze(symarch.load_system("h100-sxm-8"), model, phase="decode", ideal=True)
    steps = analysis.compile("tpot", over=["context"])(np.arange(22, 121, dtype=float))
    assert analysis.evaluate(prompt=21, output=100).tpot == pytest.approx(float(np.mean(steps)), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 300), st.integers(2, 400), st.integers(1, 64))
def test_windows_agree_on_program_and_floats(prompt: int, output: int, batch: int) -> None:
    analysis = ANALYSES.setdefault(
        "gpt-oss", symarch.analyze(symarch.load_system("h100-sxm-8"), symarch.load_model("gpt-oss-20b"))
    )
    numbers = analysis.evaluate(prompt=prompt, output=output, batch=batch).metrics
    for metric, value in analysis.evaluate_on_floats(prompt=prompt, output=output, batch=batch).items():
        assert numbers[metric] == pytest.approx(value, rel=1e-12)


ANALYSES: dict[str, Any] = {}


def test_an_operator_without_knees_is_one_stretch() -> None:
    (one,) = stretches(attrs.evolve(operator(FULL)), 5, 9, 5)
    assert (one.steps, one.points, one.first, one.last) == (5, 5, 5, 9)


def test_full_windows_bound_the_capacity() -> None:
    system = symarch.load_system("h100-sxm-8")
    analysis = symarch.analyze(system, symarch.load_model("gemma-3-27b"))
    used = [
        next(c.used for c in analysis.evaluate(prompt=p, output=1).constraints if c.name == "hbm.capacity")
        for p in (511, 1023, 2047, 4095)
    ]
    entry = 2 * 2 * 128 * 2  # keys and values of 2 of the 16 heads on a device, 2 bytes
    assert used[1] - used[0] == 512 * entry * 62
    assert used[2] - used[1] == 1024 * entry * 10  # 10 layers keep all, 52 no more than 1024
    assert used[3] - used[2] == 2048 * entry * 10
