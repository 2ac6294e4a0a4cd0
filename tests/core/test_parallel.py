"""Parallelism conserves: what all devices hold, read and compute is the model, and the replicas that are stated."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.analysis.record import Request, workload_of
from symarch.trace import Operator, Shard
from symarch.trace.routing import Routing

DENSE = symarch.load_model("llama-3.1-8b")
MOE = symarch.load_model("qwen3-30b-a3b")
MLA = symarch.load_model("deepseek-v3")


def operators(
    model: Any, shard: Shard, phase: str = "decode", batch: float = 64, context: int = 4096
) -> list[Operator]:
    dtypes = dict.fromkeys(model.tensors, "bf16")
    values: dict[str, float] = {"batch": batch, "prompt": 4096, "output": 2, "trace.flop_per_mac": 2}
    values |= {f"dtype.{t}": 2 for t in dtypes}
    workload = workload_of(Request(phase, dtypes), values.__getitem__)
    found: list[Operator] = model.operators(workload.step(phase, batch, 4096), shard)
    return found


def flops(found: list[Operator]) -> float:
    return sum(float(o.flops) * float(o.count) for o in found)


def read(found: list[Operator], tensor: str) -> float:
    return sum(float(a.read) * float(o.count) for o in found for a in o.accesses if a.tensor == tensor)


@pytest.mark.parametrize("phase", ["prefill", "decode"])
@pytest.mark.parametrize("model", [DENSE, MOE, MLA], ids=lambda m: m.name)
def test_devices_that_divide_sequences_do_the_work_of_one_together(model: Any, phase: str) -> None:
    whole = operators(model, Shard(), phase)
    for shard in (Shard(attention_data=4), Shard(context=4), Shard(attention_data=2, context=2)):
        if model is not DENSE:
            shard = attrs.evolve(shard, expert=4)
        part = operators(model, shard, phase)
        balanced = {o.name: o for o in part if o.kind not in ("moe_matmul", "collective")}
        for operator in whole:
            if operator.kind == "moe_matmul" or operator.name == "keys_and_values":
                continue  # the busiest device, and latents that each expands for itself
            own = balanced[operator.name]
            if phase == "prefill" and operator.once:
                continue  # the last token of a prompt lies on one of the devices that share it
            assert float(own.flops) * 4 == pytest.approx(float(operator.flops), rel=1e-12), operator.name
        assert read(part, "kv_cache") * 4 == pytest.approx(read(whole, "kv_cache"), rel=1e-12)


@pytest.mark.parametrize("model", [DENSE, MOE, MLA], ids=lambda m: m.name)
def test_a_pipeline_holds_the_model_once_but_for_a_table(model: Any) -> None:
    whole, layers = model.stored(Shard()), model.layers
    tables = 2 * model.vocabulary * model.hidden
    for stages in (d for d in range(1, layers + 1) if layers % d == 0):
        part = model.stored(Shard(pipeline=stages))
        assert part.kv_per_token * stages == whole.kv_per_token
        assert part.experts * stages == whole.experts
        if stages > 1:  # the stage with the LM head holds the last norm beside it
            due = (whole.weights - tables - model.hidden) / stages + tables / 2 + model.hidden
            assert part.weights == pytest.approx(due, rel=1e-15)


@pytest.mark.parametrize("stages", [2, 4, 8])
def test_a_pipeline_runs_every_operator_of_the_model(stages: int) -> None:
    whole, part = operators(DENSE, Shard()), operators(DENSE, Shard(pipeline=stages))
    assert flops(part) == flops(whole)
    sends = [o for o in part if o.stage == "between"]
    assert [(o.name, o.count) for o in sends] == [("stage_send", stages - 1)]
    assert sends[0].collective is not None
    assert sends[0].collective.size == 64 * 4096 * 2  # sequences x width x bytes
    assert {o.stage for o in whole} == {"first", "each", "last"}


@given(st.sampled_from([1, 2, 4, 8, 16]), st.sampled_from([1, 2, 4]), st.integers(1, 4096))
def test_experts_are_held_once_over_the_group_and_balanced_rows_add_up(expert: int, slices: int, tokens: int) -> None:
    shard = Shard(attention_data=expert * slices, expert=expert)
    assert MOE.stored(shard).experts * expert * slices == MOE.stored(Shard()).experts
    routing = Routing(128, 8, straggler=0)
    assert routing.busiest(tokens, expert) * expert == pytest.approx(tokens * 8)
    assert routing.slowest(tokens, expert) * expert == pytest.approx(routing.distinct(tokens), rel=1e-9)
    # the expected largest is between the mean and all
    straggling = Routing(128, 8)
    assert tokens * 8 / expert <= straggling.busiest(tokens, expert) * (1 + 1e-12)
    assert straggling.busiest(tokens, expert) <= tokens * 8


def test_the_devices_a_token_reaches_follow_the_hypergeometric_distribution() -> None:
    routing = Routing(8, 2)
    # of 4 devices with 2 experts each: both on one with probability 1/7
    assert routing.reached(4) == pytest.approx(1 * 1 / 7 + 2 * 6 / 7)
    assert Routing(8, 8).reached(4) == 4
    assert Routing(128, 8).reached(1) == 1


def test_dispatch_sends_each_token_once_to_a_device_and_each_slice() -> None:
    found = {o.name: o for o in operators(MOE, Shard(attention_data=8, expert=8), batch=512)}
    dispatch = found["dispatch"].collective
    assert dispatch is not None and dispatch.operation == "all_to_all" and dispatch.axis == "group"
    assert dispatch.size == pytest.approx(64 * 2048 * Routing(128, 8).reached(8) * 2)
    sliced = {o.name: o for o in operators(MOE, Shard(attention_data=8, expert=4), batch=512)}["dispatch"].collective
    assert sliced is not None
    assert sliced.size == pytest.approx(64 * 2048 * Routing(128, 8).reached(4) * 2 * 2)
    # where every device has all tokens nothing is sent, and the results are summed
    names = [o.name for o in operators(MOE, Shard(tensor=4, expert=4))]
    assert "dispatch" not in names and "all_reduce" in names


def test_all_experts_are_read_once_tokens_are_many() -> None:
    by_device = [o for o in operators(MOE, Shard(attention_data=8, expert=8), batch=10**6) if o.kind == "moe_matmul"]
    held = MOE.stored(Shard(attention_data=8, expert=8)).experts
    assert read(by_device, "experts") == pytest.approx(held * 2, rel=1e-9)


def analysis(model: Any = DENSE, name: str = "h100-sxm-8", **sets: Any) -> symarch.Analysis:
    keys = {k if "." in k else f"mapping.{k}": v for k, v in sets.items()}
    return symarch.analyze(symarch.load_system(name, keys), model)


def metric_of(result: Any, name: str) -> float:
    value = result.metrics[name]
    assert value is not None
    return float(value)


def times(result: Any, phase: str) -> dict[str, float]:
    return {o.name: o.time * o.count for o in result.operators if o.phase == phase}


@pytest.mark.parametrize("hide", ["none", "microbatches", 0.5])
@pytest.mark.parametrize("degrees", [(4, 2, 1), (2, 2, 2), (8, 1, 1)])
def test_lines_sum_to_the_phase_and_shares_to_one(degrees: tuple[int, int, int], hide: Any) -> None:
    tensor, pipeline, context = degrees
    found = analysis(tensor=tensor, pipeline=pipeline, context=context, hide=hide).evaluate(
        batch=16, prompt=1024, output=64
    )
    for phase, metric in (("prefill", "ttft"), ("decode", "tpot")):
        assert sum(times(found, phase).values()) == pytest.approx(found.metrics[metric], rel=1e-12)
        assert sum(r.share for r in found.resources if r.phase == phase) == pytest.approx(1, rel=1e-12)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 40), st.sampled_from([1, 2, 4, 8]), st.sampled_from([2, 4, 8]))
def test_a_pipeline_takes_what_its_formula_says(batch: int, microbatches: int, stages: int) -> None:
    found = analysis(tensor=8 // stages, pipeline=stages, microbatches=microbatches).evaluate(
        batch=batch, prompt=512, output=8
    )
    size = math.ceil(batch / microbatches)
    filled = math.ceil(batch / size)
    for phase, metric in (("prefill", "ttft"), ("decode", "tpot")):
        lines = {o.name: o for o in found.operators if o.phase == phase}
        ends = ("embedding", "embedding_all_reduce", "final_norm", "lm_head", "logits_all_gather")
        total = {n: o.time * o.count for n, o in lines.items() if n != "pipeline_wait"}
        first = sum(total.get(n, 0) for n in ends[:2])
        last = sum(total.get(n, 0) for n in ends[2:])
        path = sum(total.values())
        stage = (path - first - last - total["stage_send"]) / stages + max(first, last)
        due = path + (filled - 1) * stage if phase == "prefill" else max(path, filled * stage)
        assert found.metrics[metric] == pytest.approx(due, rel=1e-9)


def test_chunks_of_a_prompt_follow_each_other_through_the_stages() -> None:
    system = symarch.load_system("h100-sxm-8", {"mapping.tensor": 2, "mapping.pipeline": 4})
    chunked = symarch.analyze(system, DENSE, phase="prefill", chunk=1024).evaluate(batch=1, prompt=8192)
    whole = symarch.analyze(system, DENSE, phase="prefill").evaluate(batch=1, prompt=8192)
    # 8 chunks through 4 stages take 11 turns of a quarter of an eighth, instead of all four stages one by one
    assert whole.metrics["ttft"] is not None and chunked.metrics["ttft"] is not None
    assert 0.3 < chunked.metrics["ttft"] / whole.metrics["ttft"] < 0.5


def test_hidden_communication_never_exceeds_it_nor_computation() -> None:
    plain = analysis(tensor=8).evaluate(batch=64)
    for share in (0.25, 1):
        found = analysis(tensor=8, hide=share).evaluate(batch=64)
        for phase, metric in (("prefill", "ttft"), ("decode", "tpot")):
            before, after = plain.communication[phase], found.communication[phase]
            assert before["hidden"] == 0
            assert after["hidden"] == pytest.approx(share * before["exposed"])
            assert after["exposed"] + after["hidden"] == pytest.approx(before["exposed"])
            assert found.metrics[metric] == pytest.approx(metric_of(plain, metric) - after["hidden"])


def test_two_micro_batches_take_turns() -> None:
    found = analysis(tensor=8, hide="microbatches").evaluate(batch=64)
    half = analysis(tensor=8).evaluate(batch=32)
    for phase, metric in (("prefill", "ttft"), ("decode", "tpot")):
        sent = half.communication[phase]["exposed"]
        computed = metric_of(half, metric) - sent
        assert found.metrics[metric] == pytest.approx(2 * max(sent, computed), rel=1e-9)
    # one sequence has nothing to take turns with
    alone = analysis(tensor=8, hide="microbatches").evaluate(batch=1)
    assert alone.metrics["tpot"] == pytest.approx(analysis(tensor=8).evaluate(batch=1).metrics["tpot"])


@pytest.mark.parametrize(
    ("model", "name", "sets"),
    [
        (DENSE, "h100-sxm-8", {"tensor": 2, "pipeline": 2, "context": 2}),
        (MOE, "h100-sxm-8", {"tensor": 2, "attention_data": 4, "expert": 8, "hide": "microbatches"}),
        (MLA, "h100-sxm-32", {"tensor": 4, "attention_data": 8, "expert": 16, "data": 1}),
        (MLA, "h100-sxm-32", {"tensor": 16, "context": 2, "expert": 32, "data": 1, "hide": 0.5}),
    ],
    ids=lambda v: getattr(v, "name", str(v)),
)
def test_program_floats_and_dimensions_agree(model: Any, name: str, sets: dict[str, Any]) -> None:
    one = analysis(model, name, **sets)
    for point in ({"batch": 1}, {"batch": 48, "prompt": 3000, "output": 100}):
        reference, found = one.evaluate_on_floats(**point), one.evaluate(**point).metrics
        for metric, value in reference.items():
            assert found[metric] == pytest.approx(value, rel=1e-12)
    one.check_dimensions()


def test_the_elasticities_of_a_divided_system_keep_the_sum_rules() -> None:
    for sets in ({"tensor": 2, "attention_data": 4, "expert": 8}, {"tensor": 4, "pipeline": 2, "hide": 0.3}):
        model = MOE if "expert" in sets else DENSE
        found = analysis(model, **sets).sensitivity("tpot", batch=64)
        assert all(check.ok for check in found.checks)


def test_a_collective_over_two_networks_is_one_after_another() -> None:
    one = analysis(MLA, "h100-sxm-32", tensor=16, data=2).evaluate(batch=8)
    shares = {r.name: r.share for r in one.resources if r.phase == "decode"}
    assert shares["scale_up"] > 0 and shares["scale_out"] > 0
    near = analysis(MLA, "h100-sxm-32", tensor=8, data=4).evaluate(batch=8)
    assert "scale_out" not in {r.name for r in near.resources}


@pytest.mark.parametrize("name", ["gpt-oss-20b", "llama-4-scout", "llama-3.1-8b"])
def test_keys_are_gathered_anew_for_each_chunk(name: str) -> None:
    model = symarch.load_model(name)
    system = symarch.load_system("h200-sxm-8", {"mapping.context": 4, "mapping.tensor": 2})
    one = symarch.analyze(system, model, phase="prefill", chunk=500)
    found = one.evaluate(batch=2, prompt=4000)
    assert one.evaluate_on_floats(batch=2, prompt=4000)["ttft"] == pytest.approx(metric_of(found, "ttft"), rel=1e-12)
    assert sum(times(found, "prefill").values()) == pytest.approx(metric_of(found, "ttft"), rel=1e-12)
    moved = times(found, "prefill")["keys_all_gather"]
    due = []
    for past in range(0, 4000, 500):  # the first n chunks less the first n - 1
        more = symarch.analyze(system, model, phase="prefill", chunk=500).evaluate(batch=2, prompt=past + 500)
        due.append(times(more, "prefill")["keys_all_gather"])
    steps = [due[0], *(b - a for a, b in pairwise(due))]
    assert moved == pytest.approx(sum(steps))
    assert steps == sorted(steps) and steps[-1] > 1.2 * steps[0]  # each brings the keys of all before it


def test_a_vision_tower_does_not_keep_sequences_together() -> None:
    model = symarch.load_model("qwen3-vl-8b")
    found = analysis(model, tensor=2, context=4).evaluate(batch=4)
    assert metric_of(found, "ttft") > 0
    with pytest.raises(symarch.errors.MappingError, match="divided by context"):
        analysis(symarch.load_model("whisper-large-v3"), tensor=1, context=8).evaluate()


def test_lines_of_several_processors_are_told_apart() -> None:
    one = symarch.analyze(symarch.load_system("b200-base-die-pnm-8"), DENSE, phase="prefill", ideal=True)
    found = one.evaluate(batch=2, prompt=16)
    names = [o.name for o in found.operators]
    assert len(names) == len(set(names)) and "first_access_cores" in names
    assert sum(times(found, "prefill").values()) == pytest.approx(metric_of(found, "ttft"), rel=1e-12)
    assert one.evaluate_on_floats(batch=2, prompt=16)["ttft"] == pytest.approx(metric_of(found, "ttft"), rel=1e-12)


@pytest.mark.parametrize("active", [8, 4, 12])
def test_a_symbolic_number_of_active_experts_is_that_of_the_model(active: int) -> None:
    system = symarch.load_system("h100-sxm-8", {"mapping.tensor": 2, "mapping.attention_data": 4, "mapping.expert": 4})
    one = symarch.analyze(system, MOE, symbols=["model.num_experts_per_tok", "model.num_experts"])
    point = {"batch": 16, "model.num_experts_per_tok": active}
    found = one.evaluate(**point).metrics
    for metric, due in one.evaluate_on_floats(**point).items():
        assert found[metric] == pytest.approx(due, rel=1e-12)
    if active == 8:
        plain = symarch.analyze(system, MOE).evaluate(batch=16)
        assert found["tpot"] == pytest.approx(metric_of(plain, "tpot"), rel=1e-12)
