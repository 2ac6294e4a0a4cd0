"""Continuous batching: the mix of prefill and decode in its steady state; prefixes that only some requests find."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.cli import main
from symarch.errors import WorkloadError
from symarch.program.derivatives import evaluate

FAMILIES = ["llama-3.1-8b", "mixtral-8x7b", "gpt-oss-20b", "gemma-3-27b", "llama-4-scout", "deepseek-v3",
            "deepseek-v3.2", "deepseek-v4-flash", "qwen3-next-80b-a3b", "nemotron-h-56b", "whisper-large-v3",
            "qwen2.5-vl-7b"]  # fmt: skip
"""One of each kind: full attention, experts, windows, chunks, latents, recurrences, an encoder, a vision tower."""

FEW = ["llama-3.1-8b", "gpt-oss-20b", "llama-4-scout", "deepseek-v3.2", "qwen3-next-80b-a3b"]
"""Those with every kind of growth, where a test is slow."""

MODELS = Path(__file__).parents[2] / "specs" / "models"

KEPT: dict[Any, symarch.Analysis] = {}


def analysis(model: str, system: str = "h100-sxm", ideal: bool = True, **options: Any) -> symarch.Analysis:
    key = (model, system, ideal, *sorted(options.items()))
    if key not in KEPT:
        settings = {"mapping.tensor": 4} if system == "h100-sxm-8" else {}
        loaded = symarch.load_system(system, settings)
        KEPT[key] = symarch.analyze(loaded, symarch.load_model(model), ideal=ideal, **options)
    return KEPT[key]


def figures(found: symarch.Analysis, **sizes: Any) -> dict[str, float]:
    recorded = found.recorded()
    values = {n: s.value for n, s in recorded.symbols.items()} | sizes
    computed = evaluate(recorded.program, values)
    return {name: float(computed[i]) for name, i in recorded.program.outputs.items()}


def flops(found: symarch.Analysis, phase: str, **sizes: Any) -> float:
    """Return the FLOPs of a phase on one device."""
    at = figures(found, **sizes)
    names = [o.name for o in found.recorded().operators if o.phase == phase]
    return sum(at[f"flops.{phase}.{n}"] * at[f"count.{phase}.{n}"] for n in names)


# --- continuous batching


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("ideal", [True, False])
def test_one_sequence_alone_is_served_as_without(name: str, ideal: bool) -> None:
    # its prefill and its decode never meet: one pass of the prompt, one step
    ways: list[dict[str, Any]] = [{}, {"draft": 3, "acceptance": 0.7}]
    for options in ways:
        mixed = analysis(name, ideal=ideal, continuous=True, **options).evaluate(batch=1, prompt=2400, output=2)
        plain = analysis(name, ideal=ideal, **options).evaluate(batch=1, prompt=2400, output=2)
        assert mixed.request_time == pytest.approx(plain.request_time, rel=1e-12)
        assert mixed.energy_per_token == pytest.approx(plain.energy_per_token, rel=1e-12)
    # chunk by chunk and token by token attention takes its mean load, not its load at each context
    mixed = analysis(name, ideal=ideal, continuous=True, chunk=300).evaluate(batch=1, prompt=2400, output=9)
    plain = analysis(name, ideal=ideal, chunk=300).evaluate(batch=1, prompt=2400, output=9)
    assert mixed.request_time == pytest.approx(plain.request_time, rel=2e-3)


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=5, deadline=None)
@given(batch=st.integers(1, 3000), prompt=st.integers(2, 20_000), output=st.integers(1, 3000),
       chunk=st.integers(1, 5000))  # fmt: skip
def test_a_request_costs_the_flops_of_its_chunks_and_its_steps(
    name: str, batch: int, prompt: int, output: int, chunk: int
) -> None:
    mixed = analysis(name, continuous=True, chunk=1)
    plain = analysis(name, chunk=1)
    sizes: dict[str, Any] = {
        "batch": float(batch),
        "prompt": float(prompt),
        "output": float(output),
        "chunk": float(chunk),
    }
    alone = sizes | {"batch": 1.0}
    due = flops(plain, "prefill", **alone) + (output - 1) * flops(plain, "decode", **alone)
    at = figures(mixed, **sizes)
    steps = at["metric.request_time"] / at["metric.tpot"]
    assert flops(mixed, "mixed", **sizes) * steps / batch == pytest.approx(due, rel=1e-9)


@pytest.mark.parametrize("name", [n for n in FAMILIES if n != "whisper-large-v3"])
def test_long_outputs_leave_static_decode(name: str) -> None:
    sizes = {"batch": 16, "prompt": 100}
    gaps = []
    for output in (10_000, 1_000_000, 100_000_000):
        mixed = analysis(name, ideal=False, continuous=True, chunk=50).evaluate(output=output, **sizes).tpot
        plain = analysis(name, ideal=False).evaluate(output=output, **sizes).tpot
        assert mixed and plain
        gaps.append(abs(mixed / plain - 1))
    assert gaps[2] < 1e-3
    assert gaps[2] <= gaps[0]


def test_weights_are_read_once_a_step() -> None:
    # Llama 2 7B: all but the input table, of which each row of the step reads one of its own
    found = analysis("llama-2-7b", continuous=True, chunk=100)
    from symarch.report.roofline import traffic_program

    program = traffic_program(found, single=False)
    sizes = {"batch": 8.0, "prompt": 800.0, "output": 25.0, "chunk": 100.0}
    values = {n: s.value for n, s in found.recorded().symbols.items()} | sizes
    computed = evaluate(program, values)
    # 8 steps of prefill and 24 of decode: 2 of the 8 sequences pass a chunk, 6 decode
    rows, hidden, inner = 2 * 100 + 6, 4096, 11008
    moved = {n: float(computed[i]) for n, i in program.outputs.items() if n.startswith("bytes")}
    qkv = 2 * (3 * hidden * hidden + rows * (hidden + 3 * hidden) * float(values["gpu.spill"]))
    assert moved["bytes\nmixed\nqkv\nhbm"] == pytest.approx(qkv, rel=1e-12)
    down = 2 * (hidden * inner + rows * (hidden + inner) * float(values["gpu.spill"]))
    assert moved["bytes\nmixed\ndown\nhbm"] == pytest.approx(down, rel=1e-12)
    # of 2 chunks a step an eighth is a prompt's last: 6 + 2/8 rows have logits
    assert figures(found, **sizes)["flops.mixed.lm_head"] == pytest.approx(6.25 * 2 * hidden * 32_000)


def test_the_mix_by_hand() -> None:
    # 10 sequences, 4 chunks and 16 steps of decode each: 2 in prefill, 8 in decode, at whole numbers
    at = figures(analysis("llama-2-7b", continuous=True, chunk=1), batch=10.0, prompt=400.0, output=17.0, chunk=100.0)
    assert at["flops.mixed.qkv"] == (2 * 100 + 8) * 2 * 4096 * 3 * 4096
    assert at["metric.ttft"] == pytest.approx(4 * at["metric.tpot"], rel=1e-12)
    assert at["metric.request_time"] == pytest.approx(20 * at["metric.tpot"], rel=1e-12)
    assert at["metric.throughput"] == pytest.approx(10 * 17 / at["metric.request_time"], rel=1e-12)
    # pairs: chunks of 100 after 0, 100, 200, 300 tokens, and contexts 401 to 416
    chunks = sum(100 * past + 100 * 101 / 2 for past in (0, 100, 200, 300)) / 4
    assert at["flops.mixed.prefill_attention"] == pytest.approx(2 * chunks * 4 * 4096, rel=1e-12)
    assert at["flops.mixed.attention"] == pytest.approx(8 * (401 + 416) / 2 * 4 * 4096, rel=1e-12)


def test_between_whole_numbers_of_chunks_the_mean_of_both() -> None:
    # batch 15 of the same requests has 3 in prefill, batch 12.5 half of its steps 2 and half 3
    found = analysis("mixtral-8x7b", ideal=False, continuous=True, chunk=1)
    sizes = {"prompt": 400.0, "output": 17.0, "chunk": 100.0}
    at = figures(found, batch=12.0, **sizes)
    # 2.4 chunks: 0.6 of the steps have 2 chunks beside 10, 0.4 have 3 beside 9
    due = (0.6 * (200 + 10) + 0.4 * (300 + 9)) * 2 * 4096 * (32 + 2 * 8) * 128
    assert at["flops.mixed.qkv"] == pytest.approx(due, rel=1e-12)


def test_experts_are_read_for_all_tokens_of_a_step() -> None:
    # Mixtral, 8 experts of which a token uses 2: 6 rows in decode and 2 chunks of 2 tokens are 10 tokens
    found = analysis("mixtral-8x7b", "h100-sxm-8", continuous=True, chunk=1)
    from symarch.report.roofline import traffic_program

    program = traffic_program(found, single=False)
    sizes = {"batch": 16.0, "prompt": 16.0, "output": 25.0, "chunk": 2.0}  # two replicas of 8
    values = {n: s.value for n, s in found.recorded().symbols.items()} | sizes
    moved = float(evaluate(program, values)[program.outputs["bytes\nmixed\nexperts_down\nhbm"]])
    spilled = 2 * 10 * 2 * (4096 + 14_336 / 4) * values["gpu.spill"]
    assert moved - spilled == pytest.approx(8 * (1 - 0.75**10) * 4096 * 14_336 / 4 * 2, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(batch=st.integers(1, 400), prompt=st.integers(1, 4000), output=st.integers(2, 600), chunk=st.integers(1, 2000))
def test_mixing_is_never_slower_than_static_batches(batch: int, prompt: int, output: int, chunk: int) -> None:
    # as many passes, whose rows differ less: at perfect overlap no operator takes longer; the LM head runs in all of
    # them, not once a prompt
    mixed, plain = (analysis("llama-3.1-8b", chunk=1, continuous=c) for c in (True, False))
    sizes = {"batch": float(batch), "prompt": float(prompt), "output": float(output), "chunk": float(chunk)}

    def time(found: symarch.Analysis, phase: str) -> float:
        at = figures(found, **sizes)
        names = [
            o.name for o in found.recorded().operators if o.phase == phase and o.name not in ("lm_head", "final_norm")
        ]
        return sum(at[f"time.{phase}.{n}"] * at[f"count.{phase}.{n}"] for n in names)

    steps = math.ceil(prompt / chunk) + output - 1
    assert time(mixed, "mixed") * steps <= (time(plain, "prefill") + (output - 1) * time(plain, "decode")) * (1 + 1e-9)


def test_mixing_pays_where_decode_waits_for_weights_and_prefill_computes() -> None:
    sizes = {"batch": 32, "prompt": 2048, "output": 256}
    mixed = analysis("llama-3.1-8b", continuous=True, chunk=256).evaluate(**sizes)
    plain = analysis("llama-3.1-8b", chunk=256).evaluate(**sizes)
    assert mixed.throughput and plain.throughput
    assert mixed.throughput > 1.2 * plain.throughput


OPTIONS: list[dict[str, Any]] = [
    {}, {"chunk": 400}, {"chunk": 256, "prefix": 300}, {"chunk": 256, "prefix": 300, "hit_rate": 0.4},
    {"chunk": 256, "draft": 2, "acceptance": 0.9}, {"step_tokens": 512},
    {"step_tokens": 64, "chunk": 32, "prefix": 300, "hit_rate": 0.25, "draft": 2, "acceptance": 0.9},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", FEW)
def test_program_and_floats_agree(name: str, options: dict[str, Any]) -> None:
    found = analysis(name, ideal=False, continuous=True, **options)
    for sizes in ({"prompt": 2048, "batch": 3}, {"prompt": 1025, "output": 70, "batch": 100}):
        result = found.evaluate(**sizes)
        for metric, value in found.evaluate_on_floats(**sizes).items():
            assert result.metrics[metric] == pytest.approx(value, rel=1e-11)
        assert sum(r.share for r in result.resources) == pytest.approx(1, rel=1e-12)
        assert sum(o.share for o in result.operators) == pytest.approx(1, rel=1e-12)
        assert sum(o.count * o.time for o in result.operators) == pytest.approx(result.tpot, rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("metric", "ideal"), [("ttft", True), ("tpot", False)])
def test_the_formula_gives_the_same_number(metric: str, ideal: bool) -> None:
    import sympy

    found = analysis("llama-3.1-8b", ideal=ideal, continuous=True, chunk=256, step_tokens=600)
    sizes = {"batch": 20.0, "prompt": 1500.0, "output": 100.0}
    values = {n: s.value for n, s in found.recorded().symbols.items()} | sizes
    expression = getattr(found, metric)
    symbols = sorted(expression.free_symbols, key=str)
    number = sympy.lambdify(symbols, expression)(*(values[s.name] for s in symbols))
    assert number == pytest.approx(found.evaluate(batch=20, prompt=1500, output=100).metrics[metric], rel=1e-12)


@pytest.mark.parametrize("options", OPTIONS)
def test_units_fit_and_elasticities_add_up(options: dict[str, Any]) -> None:
    for name in ("llama-3.1-8b", "gpt-oss-20b"):
        found = analysis(name, ideal=False, continuous=True, **options)
        found.check_dimensions()
        sensitivity = found.sensitivity("request_time", batch=20)
        assert all(c.ok for c in sensitivity.checks)
        assert set(options) - {"draft"} <= {e.parameter for e in sensitivity.elasticities}


@pytest.mark.parametrize("options", OPTIONS)
def test_elasticities_are_those_of_small_changes(options: dict[str, Any]) -> None:
    found = analysis("gpt-oss-20b", ideal=False, continuous=True, **options)
    entries = {e.parameter: e.elasticity for e in found.sensitivity("ttft", batch=20).elasticities}
    for name in ("hbm.pin_rate", "gpu.launch_time", "gpu.frequency"):
        if name in entries and isinstance(entries[name], float):
            value = found.recorded().symbols[name].value
            up, down = (found.evaluate(batch=20, **{name: value * f}).ttft for f in (1 + 1e-5, 1 - 1e-5))
            assert up and down
            assert entries[name] == pytest.approx(math.log(up / down) / math.log((1 + 1e-5) / (1 - 1e-5)), abs=1e-7)


# --- a budget of tokens


def test_a_budget_that_no_step_reaches_changes_nothing() -> None:
    # 2048 tokens of the one prompt in prefill and 15 in decode
    sizes = {"batch": 16, "prompt": 2048, "output": 256}
    free = analysis("llama-3.1-8b", continuous=True).evaluate(**sizes).metrics
    for budget in (2048 + 15, 100_000):
        found = analysis("llama-3.1-8b", continuous=True, step_tokens=1).compile(
            "request_time", over=["step_tokens"], **sizes
        )
        assert found(budget) == pytest.approx(free["request_time"], rel=1e-12)


def test_what_a_budget_leaves_is_the_chunk() -> None:
    # 271 - 15 = 256 tokens for a chunk: 8 chunks of 2048, as if asked for
    sizes = {"batch": 16, "prompt": 2048, "output": 256}
    asked = analysis("llama-3.1-8b", continuous=True, chunk=256).evaluate(**sizes).metrics
    left = analysis("llama-3.1-8b", continuous=True, step_tokens=271).evaluate(**sizes).metrics
    assert left == pytest.approx(asked, rel=1e-12)


@settings(max_examples=50, deadline=None)
@given(batch=st.integers(1, 5000), prompt=st.integers(1, 20_000), output=st.integers(1, 3000),
       budget=st.integers(1, 10_000))  # fmt: skip
def test_steps_keep_to_the_budget(batch: int, prompt: int, output: int, budget: int) -> None:
    found = analysis("llama-2-7b", continuous=True, step_tokens=1)
    at = figures(found, batch=float(batch), prompt=float(prompt), output=float(output), step_tokens=float(budget))
    rows = at["flops.mixed.qkv"] / (2 * 4096 * 3 * 4096)
    assert rows <= budget * (1 + 1e-9)
    # all tokens of all requests pass: one request ends every request_time / batch
    steps = at["metric.request_time"] / at["metric.tpot"]
    assert rows * steps / batch == pytest.approx(prompt + output - 1, rel=1e-9)


def test_full_steps_make_requests_wait() -> None:
    # 100 tokens a step pass a request of 400 + 100 in 5 steps: 1000 of them in flight stay 5000 steps each
    at = figures(analysis("llama-2-7b", continuous=True, step_tokens=1), batch=1000.0, prompt=400.0, output=101.0,
                 step_tokens=100.0)  # fmt: skip
    assert at["metric.request_time"] / at["metric.tpot"] == pytest.approx(5000, rel=1e-12)
    assert at["metric.ttft"] / at["metric.tpot"] == pytest.approx(4900, rel=1e-12)


# --- a prefix that some find


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("options", [{}, {"chunk": 500}])
def test_prefill_is_the_mean_over_hits_and_misses(name: str, options: dict[str, Any]) -> None:
    sizes = {"batch": 3, "prompt": 4000, "output": 20}
    hit = analysis(name, ideal=False, prefix=3000, **options).evaluate(**sizes)
    miss = analysis(name, ideal=False, **options).evaluate(**sizes)
    some = analysis(name, ideal=False, prefix=3000, hit_rate=0.7, **options).evaluate(**sizes)
    assert some.ttft == pytest.approx(0.7 * (hit.ttft or 0) + 0.3 * (miss.ttft or 0), rel=1e-12)
    assert some.tpot == pytest.approx(miss.tpot, rel=1e-12)
    assert sum(o.count * o.time for o in some.operators if o.phase == "prefill") == pytest.approx(some.ttft, rel=1e-12)
    for rate, other in ((1, hit), (0, miss)):
        found = analysis(name, ideal=False, prefix=3000, hit_rate=rate, **options).evaluate(**sizes)
        assert found.metrics == pytest.approx(other.metrics, rel=1e-12)


@pytest.mark.parametrize("name", ["llama-3.1-8b", "gemma-3-27b", "deepseek-v3.2", "qwen3-next-80b-a3b"])
def test_the_mix_takes_hits_and_misses_at_their_rate(name: str) -> None:
    sizes = {"batch": 7.0, "prompt": 4000.0, "output": 20.0, "chunk": 500.0}
    work = []
    for options in ({"prefix": 3000}, {}, {"prefix": 3000, "hit_rate": 0.7}):
        found = analysis(name, continuous=True, chunk=500, **options)
        at = figures(found, **sizes)
        work.append(flops(found, "mixed", **sizes) * at["metric.request_time"] / at["metric.tpot"])
    assert work[2] == pytest.approx(0.7 * work[0] + 0.3 * work[1], rel=1e-9)
    # 2 chunks or 8: 0.7 x 2 + 0.3 x 8 = 3.8 steps to the first token
    assert at["metric.ttft"] == pytest.approx(3.8 * at["metric.tpot"], rel=1e-12)


def test_misses_store_what_hits_share() -> None:
    # Llama 2 7B caches 524,288 B a token: of 10 sequences 6 share 800 tokens, 4 have their own
    weights = 6_738_415_616 * 2
    found = analysis("llama-2-7b", prefix=800, hit_rate=0.6).evaluate(batch=10, prompt=1000, output=200)
    (hbm,) = [c for c in found.constraints if c.name == "hbm.capacity"]
    assert hbm.used == pytest.approx(weights + (800 + 6 * 400 + 4 * 1200) * 524_288, rel=1e-12)


# --- what makes no sense, and the outer side


@pytest.mark.parametrize("name", sorted(p.stem for p in MODELS.glob("*.json") if p.stem != "llada-8b"))
def test_every_model_mixes(name: str) -> None:
    found = symarch.analyze(symarch.load_system("h100-sxm"), symarch.load_model(name), continuous=True, chunk=256)
    result = found.evaluate(batch=4, prompt=1000, output=50)
    names = [o.name for o in result.operators]
    assert len(names) == len(set(names))
    assert result.request_time and math.isfinite(result.request_time)
    assert sum(o.share for o in result.operators) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"continuous": True, "phase": "decode"}, "cannot go with phase decode"),
        ({"continuous": True, "phase": "prefill"}, "cannot go with phase prefill"),
        ({"step_tokens": 100}, "goes with continuous"),
        ({"step_tokens": 0, "continuous": True}, "at least 1"),
        ({"hit_rate": 0.5}, "goes with prefix"),
        ({"hit_rate": 1.5, "prefix": 10}, "between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(WorkloadError, match=said):
        analysis("llama-3.1-8b", **options).evaluate()


def test_pools_of_devices_mix_nothing() -> None:
    with pytest.raises(WorkloadError, match="pools of their own"):
        analysis("llama-3.1-8b", "h100-h200-apart", continuous=True)


def test_one_context_is_no_mix() -> None:
    with pytest.raises(WorkloadError, match="at all contexts"):
        analysis("llama-3.1-8b", continuous=True).evaluate(context=100)


def test_a_model_that_passes_everything_every_time_mixes_nothing() -> None:
    with pytest.raises(WorkloadError, match="continuous batching"):
        analysis("llada-8b", continuous=True).evaluate()


def test_an_output_of_one_token_is_prefill_alone() -> None:
    mixed = analysis("llama-3.1-8b", ideal=False, continuous=True).evaluate(batch=4, output=1)
    plain = analysis("llama-3.1-8b", ideal=False).evaluate(batch=4, output=1)
    assert mixed.tpot is None
    assert mixed.request_time == pytest.approx(plain.request_time, rel=1e-12)


@pytest.mark.parametrize(
    "settings", [{"mapping.pipeline": 2, "mapping.tensor": 4}, {"mapping.tensor": 4, "mapping.data": 2}]
)
def test_parallel_systems_mix_too(settings: dict[str, Any]) -> None:
    system = symarch.load_system("h100-sxm-8", settings)
    for name in ("llama-3.1-8b", "mixtral-8x7b"):
        found = symarch.analyze(system, symarch.load_model(name), continuous=True, chunk=256)
        result = found.evaluate(batch=32)
        assert sum(r.share for r in result.resources) == pytest.approx(1, rel=1e-12)
        for metric, value in found.evaluate_on_floats(batch=32).items():
            assert result.metrics[metric] == pytest.approx(value, rel=1e-11)


def test_the_command_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["h100-sxm", "--model", "llama-3.1-8b", "--batch", "8", "--continuous", "--chunk", "256", "--prefix", "512",
             "--hit-rate", "0.5", "--step-tokens", "1000"]  # fmt: skip

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main(list(arguments))
        assert ended.value.code in (0, None)
        return capsys.readouterr().out

    data = json.loads(run("run", *words, "--json"))
    assert data["workload"]["continuous"] is True
    assert (data["workload"]["step_tokens"], data["workload"]["hit_rate"]) == (1000, 0.5)
    assert {o["phase"] for o in data["operators"]} == {r["phase"] for r in data["resources"]} == {"mixed"}
    printed = run("run", *words)
    assert "step tokens 1000" in " ".join(printed.split())
    assert "prefill_attention" in printed
    assert run("explain", *words, "--metric", "ttft")
    assert json.loads(run("sensitivity", *words, "--format", "json"))["metric"] == "tpot"
    assert run("sensitivity", *words, "--format", "html")
    assert "mixed" in run("compare", "h100-sxm", "h200-sxm", *words[1:])
    run("explore", *words, "-o", str(tmp_path / "page.html"))
    assert "prefill_attention" in (tmp_path / "page.html").read_text(encoding="utf-8")
