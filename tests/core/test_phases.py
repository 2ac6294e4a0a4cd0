"""Ways of serving: a cached prefix, prefill in chunks, verified drafts, long outputs, encoders."""

from __future__ import annotations

import json
import time
from typing import Any

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.cli import main
from symarch.errors import WorkloadError
from symarch.program.derivatives import evaluate
from symarch.trace import Shard, Step

FAMILIES = ["llama-3.1-8b", "mixtral-8x7b", "gpt-oss-20b", "gemma-3-27b", "llama-4-scout", "deepseek-v3.2",
            "deepseek-v4-flash", "qwen3-next-80b-a3b", "nemotron-h-56b"]  # fmt: skip
"""One of each kind: full attention, experts, windows, chunks, sparse and compressed latents, recurrences."""
HEAD = ("final_norm", "lm_head", "logits_all_gather")


def analysis(model: str, system: str = "h100-sxm-8", ideal: bool = True, **options: Any) -> symarch.Analysis:
    return symarch.analyze(symarch.load_system(system), symarch.load_model(model), ideal=ideal, **options)


def flops(found: symarch.Analysis, phase: str = "prefill", **sizes: Any) -> float:
    """Return the FLOPs of a phase on one device, the head's left out."""
    recorded = found.recorded()
    values = {n: s.value for n, s in recorded.symbols.items()} | sizes
    computed = evaluate(recorded.program, values)
    at = {name: float(computed[i]) for name, i in recorded.program.outputs.items()}
    names = [o.name for o in recorded.operators if o.phase == phase and o.name not in HEAD]
    return sum(at[f"flops.{phase}.{n}"] * at[f"count.{phase}.{n}"] for n in names)


# --- a cached prefix


@pytest.mark.parametrize("name", FAMILIES)
def test_a_prefix_and_what_follows_it_cost_the_whole_prompt(name: str) -> None:
    plain, cached = analysis(name, phase="prefill"), analysis(name, phase="prefill", prefix=1)
    whole = flops(plain, batch=3, prompt=9000.0)
    parts = flops(plain, batch=3, prompt=8000.0) + flops(cached, batch=3, prompt=9000.0, prefix=8000.0)
    assert parts == pytest.approx(whole, rel=1e-12)


def test_expanded_latents_of_a_prefix_are_made_anew() -> None:
    # DeepSeek-V3 keeps latents of width 512 and makes keys and values, 128 heads of 128 + 128 each, of all of them
    plain, cached = analysis("deepseek-v3", phase="prefill"), analysis("deepseek-v3", phase="prefill", prefix=1)
    whole = flops(plain, prompt=9000.0)
    parts = flops(plain, prompt=8000.0) + flops(cached, prompt=9000.0, prefix=8000.0)
    assert parts - whole == pytest.approx(61 * 2 * 8000 * 512 * (128 * 256 / 8), rel=1e-9)


def test_a_prefix_is_read_by_each_sequence_and_stored_once_a_replica() -> None:
    # Llama 2 7B caches 2 x 32 x 4096 elements of 2 B a token
    token, weights = 524_288, 6_738_415_616 * 2
    found = analysis("llama-2-7b", "h100-sxm", prefix=800).evaluate(batch=10, prompt=1000, output=200)
    (hbm,) = [c for c in found.constraints if c.name == "hbm.capacity"]
    assert hbm.used == weights + (800 + 10 * 400) * token
    two = symarch.load_system("h100-sxm-8", {"mapping.tensor": 1})
    replicas = symarch.analyze(two, symarch.load_model("llama-2-7b"), prefix=800)
    (each,) = [c for c in replicas.evaluate(batch=80, prompt=1000, output=200).constraints if c.name == "hbm.capacity"]
    assert each.used == hbm.used
    plain = analysis("llama-2-7b", "h100-sxm").evaluate(batch=10, prompt=1000, output=200)
    assert found.tpot == plain.tpot
    assert "read anew for each sequence" in " ".join(found.assumptions)


def test_windows_are_not_shared() -> None:
    found, plain = analysis("gemma-3-27b", prefix=2000), analysis("gemma-3-27b")
    sizes = {"batch": 10, "prompt": 3000, "output": 100}
    used = [next(c.used for c in a.evaluate(**sizes).constraints if c.name == "hbm.capacity") for a in (plain, found)]
    full = symarch.load_model("gemma-3-27b").stored(Shard(8)).kv_per_token * 2
    assert used[0] - used[1] == pytest.approx(9 * 2000 * full, rel=1e-12)


@pytest.mark.parametrize("prefix", [2048, 5000])
def test_a_prefix_leaves_something_to_read(prefix: int) -> None:
    with pytest.raises(WorkloadError, match="must be shorter than the prompt"):
        analysis("llama-3.1-8b", prefix=prefix).evaluate(prompt=2048)
    with pytest.raises(WorkloadError, match="must be shorter than the context"):
        analysis("llama-3.1-8b", prefix=prefix).evaluate(context=2048)


# --- prefill in chunks


CHUNKED: list[dict[str, Any]] = [{}, {"chunk": 1}, {"prefix": 1}, {"chunk": 1, "prefix": 1}]


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=10, deadline=None)
@given(prompt=st.integers(2, 40_000), prefix=st.integers(1, 20_000), chunk=st.integers(1, 9000))
def test_a_prompt_in_chunks_costs_the_same_flops(name: str, prompt: int, prefix: int, chunk: int) -> None:
    key = name, "chunk"
    if key not in SHARED:
        SHARED[key] = [analysis(name, phase="prefill", **o) for o in CHUNKED]
    plain, chunked, cached, both = SHARED[key]
    sizes: dict[str, Any] = {"batch": 2, "prompt": float(prompt)}
    assert flops(chunked, chunk=chunk, **sizes) == pytest.approx(flops(plain, **sizes), rel=1e-9)
    sizes |= {"prompt": float(prompt + prefix), "prefix": float(prefix)}
    assert flops(both, chunk=chunk, **sizes) == pytest.approx(flops(cached, **sizes), rel=1e-9)


SHARED: dict[Any, Any] = {}


@pytest.mark.parametrize("name", [n for n in FAMILIES if n != "llama-4-scout"])
@pytest.mark.parametrize(("prefix", "size", "count"), [(0, 512, 6), (0, 300, 5), (0, 3000, 2), (700, 450, 4)])
def test_ttft_is_the_sum_over_the_chunks(name: str, prefix: int, size: int, count: int) -> None:
    plain, cached = analysis(name, phase="prefill"), analysis(name, phase="prefill", prefix=1)
    due = 0.0
    for number in range(count):
        past = prefix + number * size
        one = (
            cached.evaluate(prompt=past + size, prefix=past, batch=2) if past else plain.evaluate(prompt=size, batch=2)
        )
        assert one.ttft is not None
        due += one.ttft
        if number < count - 1:  # the logits are made once
            due -= sum(o.count * o.time for o in one.operators if o.name in HEAD)
    more: dict[str, Any] = {"prefix": prefix} if prefix else {}
    found = analysis(name, phase="prefill", chunk=size, **more).evaluate(prompt=prefix + count * size, batch=2)
    assert found.ttft == pytest.approx(due, rel=1e-6)
    assert sum(o.count * o.time for o in found.operators) == pytest.approx(found.ttft, rel=1e-12)


@pytest.mark.parametrize("name", ["llama-3.1-8b", "gpt-oss-20b", "deepseek-v3.2", "qwen3-next-80b-a3b"])
def test_energy_is_the_sum_over_the_chunks(name: str) -> None:
    plain, cached = analysis(name, phase="prefill"), analysis(name, phase="prefill", prefix=1)
    saved = []
    for count in (2, 5):
        passes = [plain.evaluate(prompt=500)]
        passes += [cached.evaluate(prompt=500 * (i + 1), prefix=500 * i) for i in range(1, count)]
        found = analysis(name, phase="prefill", chunk=500).evaluate(prompt=500 * count).energy_per_token
        saved.append((sum(p.energy_per_token or 0 for p in passes) - (found or 0)) / (count - 1))
    # what is saved is the head's energy, once for each pass but one
    assert 0 < saved[0] == pytest.approx(saved[1], rel=1e-6)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("ideal", [True, False])
def test_one_chunk_is_the_plain_prefill(name: str, ideal: bool) -> None:
    plain = analysis(name, ideal=ideal).evaluate(prompt=3000).metrics
    assert analysis(name, ideal=ideal, chunk=3000).evaluate(prompt=3000).metrics == pytest.approx(plain, rel=1e-12)


def test_chunks_are_of_equal_size_and_each_reads_the_weights() -> None:
    found = analysis("llama-2-7b", "h100-sxm", phase="prefill", chunk=300).evaluate(prompt=1000)
    counts = {o.name: o.count for o in found.operators}
    assert (counts["qkv"], counts["lm_head"], counts["embedding"]) == (4 * 32, 1, 4)
    weights = (6_738_415_616 - 32_000 * 4096) * 2
    # a chunk of one token is bound by the weights
    slow = analysis("llama-2-7b", "h100-sxm", phase="prefill", chunk=1).evaluate(prompt=100)
    assert slow.ttft == pytest.approx(100 * weights / 3.35e12, rel=0.03)


# --- drafted tokens


def total(model: Any, step: Step) -> float:
    return float(sum(o.count * o.flops for o in model.operators(step, Shard())))


def pass_of(tokens: int, context: int) -> Step:
    types = dict.fromkeys(("weights", "experts", "kv_cache", "state", "activations"), "bf16")
    return Step("decode", 2, tokens, context, 2, 2, 2, 2, 2, types, 2)


@pytest.mark.parametrize("name", [*FAMILIES, "deepseek-v3"])
@pytest.mark.parametrize("context", [50, 1022, 2046, 5000])
@pytest.mark.parametrize("draft", [1, 4])
def test_verifying_costs_the_flops_of_single_steps(name: str, context: int, draft: int) -> None:
    model = symarch.load_model(name)
    singles = sum(total(model, pass_of(1, context + i)) for i in range(draft + 1))
    assert total(model, pass_of(draft + 1, context + draft)) == pytest.approx(singles, rel=1e-12)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("ideal", [True, False])
def test_no_draft_is_plain_decode(name: str, ideal: bool) -> None:
    plain = analysis(name, ideal=ideal).evaluate(batch=7).metrics
    assert analysis(name, ideal=ideal, draft=0, acceptance=0.5).evaluate(batch=7).metrics == plain


@pytest.mark.parametrize(("draft", "acceptance", "tokens"), [(3, 1, 4), (3, 0, 1), (2, 0.5, 1.75), (4, 0.8, 3.3616)])
def test_a_step_yields_the_accepted_tokens_and_one(draft: int, acceptance: float, tokens: float) -> None:
    found = analysis("llama-3.1-8b", draft=draft, acceptance=acceptance).evaluate(batch=4)
    step = analysis("llama-3.1-8b", draft=draft, acceptance=0).evaluate(batch=4)
    assert step.tpot and found.tpot and found.ttft and found.request_time
    assert found.tpot == pytest.approx(step.tpot / tokens, rel=1e-12)
    assert found.request_time == pytest.approx(found.ttft + 255 * found.tpot, rel=1e-12)
    assert found.throughput == pytest.approx(4 * 256 / found.request_time, rel=1e-12)
    for phase in ("prefill", "decode"):
        assert sum(r.share for r in found.resources if r.phase == phase) == pytest.approx(1, rel=1e-12)


def test_a_verification_reads_weights_and_cache_once() -> None:
    # Llama 2 7B: 13,214,687,232 B of weights, and 524,288 B for each of the 2048 + 4 tokens before the last
    found = analysis("llama-2-7b", "h100-sxm", draft=4, acceptance=0).evaluate(context=2048)
    floor = (13_214_687_232 + 2052 * 524_288) / 3.35e12
    assert found.tpot is not None
    assert floor < found.tpot <= 1.01 * floor


@pytest.mark.parametrize(
    ("name", "prompt", "output"),
    [("gemma-3-27b", 1000, 60), ("gpt-oss-20b", 100, 60), ("deepseek-v3.2", 2030, 40), ("llama-3.1-8b", 5, 30)],
)
def test_tpot_with_a_draft_is_the_mean_over_the_contexts(name: str, prompt: int, output: int) -> None:
    found = analysis(name, phase="decode", draft=5, acceptance=0.6)
    steps = found.compile("tpot", over=["context"])(np.arange(prompt + 1, prompt + output, dtype=float))
    assert found.evaluate(prompt=prompt, output=output).tpot == pytest.approx(float(np.mean(steps)), rel=1e-6)


def test_more_experts_are_read_for_more_tokens() -> None:
    # Mixtral: 8 experts of which a token uses 2; 1 token reads 2, 4 tokens 8 (1 - 0.75^4) of them
    model = symarch.load_model("mixtral-8x7b")

    def read(tokens: int) -> float:
        operators = model.operators(alone(pass_of(tokens, 100)), Shard())
        return float(next(o.dims["experts"] for o in operators if o.kind == "moe_matmul"))

    assert read(1) == pytest.approx(2)
    assert read(4) == pytest.approx(8 * (1 - 0.75**4))


def alone(step: Step) -> Step:
    return attrs.evolve(step, batch=1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"draft": 4}, "go together"),
        ({"acceptance": 0.5}, "go together"),
        ({"draft": -1, "acceptance": 0.5}, "whole number from 0"),
        ({"draft": 2.5, "acceptance": 0.5}, "whole number from 0"),
        ({"draft": 4, "acceptance": 1.5}, "between 0 and 1"),
        ({"draft": 4, "acceptance": 0.5, "phase": "prefill"}, "for decode"),
        ({"chunk": 4, "phase": "decode"}, "for prefill"),
        ({"chunk": 0}, "at least 1"),
        ({"prefix": 0.5}, "at least 1"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(WorkloadError, match=said):
        analysis("llama-3.1-8b", **options).evaluate()


def test_a_size_that_was_not_asked_for_is_refused() -> None:
    with pytest.raises(WorkloadError, match="once analyze is called with it"):
        analysis("llama-3.1-8b").evaluate(prefix=100)


@pytest.mark.parametrize("options", [{"prefix": 100}, {"chunk": 100}, {"draft": 2, "acceptance": 0.5}])
def test_a_model_without_a_cache_has_none_of_them(options: dict[str, Any]) -> None:
    with pytest.raises(WorkloadError, match="caches nothing"):
        analysis("llada-8b", **options).evaluate()


# --- all of them


OPTIONS: list[dict[str, Any]] = [{"prefix": 700}, {"chunk": 400}, {"prefix": 300, "chunk": 256},
                                 {"draft": 3, "acceptance": 0.7},
                                 {"prefix": 300, "chunk": 256, "draft": 2, "acceptance": 0.9}]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", FAMILIES)
def test_program_and_floats_agree(name: str, options: dict[str, Any]) -> None:
    found = analysis(name, ideal=False, **options)
    for sizes in ({"prompt": 2048, "batch": 3}, {"prompt": 1025, "output": 70}):
        numbers = found.evaluate(**sizes).metrics
        for metric, value in found.evaluate_on_floats(**sizes).items():
            assert numbers[metric] == pytest.approx(value, rel=1e-11)


@pytest.mark.parametrize("options", OPTIONS)
def test_units_fit(options: dict[str, Any]) -> None:
    for name in ("llama-3.1-8b", "gpt-oss-20b"):
        found = analysis(name, ideal=False, **options)
        found.check_dimensions()
        sensitivity = found.sensitivity("request_time")
        assert all(c.ok for c in sensitivity.checks)
        assert set(options) - {"draft"} <= {e.parameter for e in sensitivity.elasticities}


def test_a_long_output_takes_no_longer_to_evaluate() -> None:
    found = analysis("gpt-oss-20b", phase="decode")
    found.evaluate(prompt=1000, output=100_000)
    begun = time.perf_counter()
    mean = found.evaluate(prompt=1000, output=100_000).tpot
    assert time.perf_counter() - begun < 0.5
    steps = found.compile("tpot", over=["context"])(np.arange(1001, 101_000, dtype=float))
    assert mean == pytest.approx(float(np.mean(steps)), rel=1e-6)


def test_an_encoder_runs_once_in_prefill_and_not_in_decode() -> None:
    found = analysis("whisper-large-v3", "h100-sxm", chunk=2).evaluate(prompt=4)
    names = {o.name: o for o in found.operators if o.phase == "prefill"}
    assert names["encoder_attention"].count == 32
    assert names["attention"].count == 2 * 32
    assert names["cross_keys_values"].count == 32
    assert not [o for o in found.operators if o.phase == "decode" and o.name.startswith("encoder_")]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        main(list(arguments))
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_options_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    call = ["h100-sxm", "--model", "llama-3.1-8b"]
    more = ["--prefix", "512", "--chunk", "256", "--draft", "3", "--acceptance", "0.5"]
    code, out, _ = run(capsys, "run", *call, *more, "--json")
    workload = json.loads(out)["workload"]
    assert (code, {k: workload[k] for k in ("prefix", "chunk", "draft", "acceptance")}) == (
        0, {"prefix": 512, "chunk": 256, "draft": 3, "acceptance": 0.5},
    )  # fmt: skip
    assert "prefix 512, chunk 256, draft 3, acceptance 0.5" in " ".join(run(capsys, "run", *call, *more)[1].split())
    assert run(capsys, "explain", *call, "--draft", "3", "--set", "acceptance=0.5")[0] == 0
    assert run(capsys, "compare", "h100-sxm", "h200-sxm", *call[1:], *more)[0] == 0
    code, out, _ = run(capsys, "sensitivity", *call, *more, "--metric", "request_time", "--format", "json")
    assert {"prefix", "chunk", "acceptance"} <= {e["parameter"] for e in json.loads(out)["elasticities"]}
    for arguments, said in (
        (["--context", "900", "--chunk", "256"], "one decode step"),
        (["--draft", "3"], "go together"),
        (["--prefix", "3", "--set", "prefix=4"], "given twice"),
    ):
        code, _, err = run(capsys, "run", *call, *arguments)
        assert code == 2
        assert said in err
