"""Pools of devices of several kinds: prefill and decode apart, attention and feed-forward networks apart."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import symarch
from symarch.errors import MappingError, SpecError
from symarch.specs import read_system, resolved
from symarch.specs.schema import schema
from symarch.specs.toml import read_toml

DENSE = symarch.load_model("llama-3.1-8b")
MOE = symarch.load_model("mixtral-8x7b")

APART = """
format = 1
[pool.prefill]
extends = "h100-sxm-8"
{prefill}
[pool.decode]
extends = "h200-sxm-8"
{decode}
[network.transfer]
technology = "infiniband"
preset = "ndr"
topology = "switch"
size = 64
[mapping]
prefill = "prefill"
decode = "decode"
"""


def apart(tmp_path: Path, prefill: str = "", decode: str = "", **sets: Any) -> symarch.System:
    path = tmp_path / "apart.toml"
    path.write_text(APART.format(prefill=prefill, decode=decode), encoding="utf-8")
    return symarch.load_system(str(path), sets)


def value(result: Any, metric: str) -> float:
    found = result.metrics[metric]
    assert found is not None
    return float(found)


def test_each_phase_is_that_of_its_pool_alone(tmp_path: Path) -> None:
    found = symarch.analyze(apart(tmp_path), DENSE).evaluate(batch=32)
    alone = symarch.analyze(symarch.load_system("h200-sxm-8"), DENSE).evaluate(batch=32)
    reading = symarch.analyze(symarch.load_system("h100-sxm-8"), DENSE).evaluate(batch=1)
    moved = next(o for o in found.operators if o.name == "cache_transfer")
    assert value(found, "tpot") == pytest.approx(value(alone, "tpot"), rel=1e-12)
    assert value(found, "ttft") == pytest.approx(value(reading, "ttft") + moved.time, rel=1e-12)
    rounds = 255
    assert value(found, "request_time") == pytest.approx(value(found, "ttft") + rounds * value(found, "tpot"))
    rate = min(1 / value(reading, "ttft"), 32 / (rounds * value(found, "tpot")))
    assert value(found, "throughput") == pytest.approx(256 * rate)


def test_the_cache_of_a_prompt_crosses_the_network_once(tmp_path: Path) -> None:
    system = apart(tmp_path)
    found = symarch.analyze(system, DENSE).evaluate(batch=32, prompt=4096)
    moved = next(o for o in found.operators if o.name == "cache_transfer")
    link = symarch.system.SystemGraph.build(system.parts["prefill"], lambda c, p, v: v).networks["transfer"].link
    # 32 layers of 8 KV heads of 128, keys and values, in 2 bytes; eighths leave eight devices for eight
    size = 32 * 8 * 128 * 2 * 2 * 4096 / 8
    assert moved.time > size / link.bandwidth
    assert moved.time == pytest.approx(size / (link.bandwidth * (link.efficiency or 1)), rel=0.05)
    # four devices read what eight keep: each sends two parts
    halved = apart(tmp_path, prefill="[pool.prefill.mapping]\ntensor = 4\ndata = 2\n")
    again = symarch.analyze(halved, DENSE).evaluate(batch=32, prompt=4096)
    assert next(o for o in again.operators if o.name == "cache_transfer").time == pytest.approx(
        2 * moved.time, rel=0.05
    )


def test_copies_of_a_pool_divide_the_requests(tmp_path: Path) -> None:
    one = symarch.analyze(apart(tmp_path), DENSE).evaluate(batch=32)
    two = symarch.analyze(apart(tmp_path, prefill="count = 2"), DENSE).evaluate(batch=32)
    assert value(two, "ttft") == pytest.approx(value(one, "ttft"))
    assert value(two, "throughput") == pytest.approx(min(2 * value(one, "throughput"), value(two, "throughput")))
    decoders = symarch.analyze(apart(tmp_path, decode="count = 2"), DENSE).evaluate(batch=64)
    assert value(decoders, "tpot") == pytest.approx(value(one, "tpot"))


@pytest.mark.parametrize("name", ["h100-h200-apart", "h200-l40s-apart"])
def test_terms_of_energy_and_cost_sum_to_them(name: str) -> None:
    analysis = symarch.analyze(symarch.load_system(name), DENSE)
    for metric in ("energy_per_token", "cost_per_million_tokens"):
        found = analysis.explain(metric, batch=72)
        assert math.fsum(t.value for t in found.terms) == pytest.approx(found.value, rel=1e-9), metric
        assert math.fsum(t.share for t in found.terms) == pytest.approx(1, rel=1e-9), metric


def test_energy_is_that_of_the_work_and_of_standing_by(tmp_path: Path) -> None:
    found = symarch.analyze(apart(tmp_path), DENSE).evaluate(batch=32)
    assert value(found, "power") == pytest.approx(value(found, "energy_per_token") * value(found, "throughput"))
    ours = symarch.analyze(symarch.load_system("h100-sxm-8"), DENSE, phase="prefill").evaluate(batch=1)
    theirs = symarch.analyze(symarch.load_system("h200-sxm-8"), DENSE, phase="decode").evaluate(batch=32)
    # both pools' powers when busy bound the whole's
    busy = value(ours, "power") + value(theirs, "power")
    assert value(found, "power") < busy
    assert value(found, "power") > 0.3 * busy


def test_a_single_phase_runs_on_its_pool() -> None:
    system = symarch.load_system("h100-h200-apart")
    for phase, name, metric in (("prefill", "h100-sxm-8", "ttft"), ("decode", "h200-sxm-8", "tpot")):
        found = symarch.analyze(system, DENSE, phase=phase).evaluate(batch=16)
        alone = symarch.analyze(symarch.load_system(name), DENSE, phase=phase).evaluate(batch=16)
        assert value(found, metric) == pytest.approx(value(alone, metric), rel=1e-12)


def times(found: Any, phase: str) -> dict[str, float]:
    return {o.name: o.time * o.count for o in found.operators if o.phase == phase}


@pytest.mark.parametrize("microbatches", [1, 2, 3, 5])
def test_microbatches_take_turns_between_attention_and_experts(microbatches: int) -> None:
    system = symarch.load_system("h200-l40s-apart", {"mapping.microbatches": microbatches})
    found = symarch.analyze(system, MOE).evaluate(batch=192)
    filled = math.ceil(192 / math.ceil(192 / microbatches))
    for phase, metric in (("prefill", "ttft"), ("decode", "tpot")):
        lines = times(found, phase)
        wait = lines.pop("pools_wait")
        way = lines["vectors_to_ffn"] + lines["vectors_to_attention"]
        far = sum(t for n, t in lines.items() if n.startswith("ffn_"))
        near = sum(lines.values()) - way - far
        busiest, path = max(near, far, way), near + far + way
        due = path + (filled - 1) * busiest if phase == "prefill" else max(path, filled * busiest)
        assert value(found, metric) == pytest.approx(due, rel=1e-9)
        assert value(found, metric) == pytest.approx(path + wait, rel=1e-9)
        assert sum(r.share for r in found.resources if r.phase == phase) == pytest.approx(1, rel=1e-12)


def test_what_runs_apart_is_the_whole_model() -> None:
    whole = MOE.stored(symarch.trace.Shard())
    near, far = (MOE.part(role).stored(symarch.trace.Shard()) for role in ("attention", "ffn"))  # type: ignore[attr-defined]
    assert near.weights + far.weights == whole.weights
    assert (near.experts, far.experts) == (0, whole.experts)
    assert (near.kv_per_token, far.kv_per_token) == (whole.kv_per_token, 0)


@pytest.mark.parametrize("name", ["h100-h200-apart", "h200-l40s-apart"])
def test_program_floats_and_dimensions_agree(name: str) -> None:
    one = symarch.analyze(symarch.load_system(name), DENSE)
    for point in ({"batch": 1}, {"batch": 48, "prompt": 3000, "output": 100}):
        reference, found = one.evaluate_on_floats(**point), one.evaluate(**point).metrics
        for metric, due in reference.items():
            assert found[metric] == pytest.approx(due, rel=1e-12)
    one.check_dimensions()
    for metric in ("tpot", "ttft", "throughput"):
        assert all(check.ok for check in one.sensitivity(metric, batch=32).checks)


def test_a_resolved_system_of_pools_reads_back_the_same(tmp_path: Path) -> None:
    for name in ("h100-h200-apart", "h200-l40s-apart"):
        path = tmp_path / f"{name}.toml"
        path.write_text(resolved(symarch.load_system(name)), encoding="utf-8")
        jsonschema.validate(json.loads(json.dumps(read_toml(path).table)), schema())
        before = symarch.analyze(symarch.load_system(name), DENSE).evaluate(batch=16).metrics
        assert symarch.analyze(read_system(path), DENSE).evaluate(batch=16).metrics == before


def test_no_replica_of_prefill_waits_unless_told_so(tmp_path: Path) -> None:
    # four replicas of two processors read four prompts in the time in which one of them reads one
    whole = symarch.analyze(apart(tmp_path, prefill="[pool.prefill.mapping]\ntensor = 2\n"), DENSE)
    found = whole.evaluate(batch=256, output=2)
    one = symarch.analyze(symarch.load_system("h100-sxm-8", {"mapping.tensor": 2}), DENSE, phase="prefill")
    reading = value(one.evaluate(batch=4), "ttft")
    assert reading == pytest.approx(value(one.evaluate(batch=1), "ttft"), rel=1e-12)
    sent = next(o.time for o in found.operators if o.name == "cache_transfer")
    assert found.ttft == pytest.approx(reading + sent, rel=1e-12)
    assert found.throughput == pytest.approx(2 * 4 / reading, rel=1e-9), "prefill is the slower pool"
    assert any("a copy of prefill reads 4 prompts at a time" in a for a in found.assumptions)


def test_data_parallel_attention_reads_a_prompt_on_each_device(tmp_path: Path) -> None:
    mapping = "[pool.prefill.mapping]\ntensor = 2\nattention_data = 4\n"
    found = symarch.analyze(apart(tmp_path, prefill=mapping), DENSE).evaluate(batch=32)
    assert any("a copy of prefill reads 4 prompts at a time" in a for a in found.assumptions)


def test_settings_name_the_pool() -> None:
    sets = {"decode_hbm.stacks": 3, "pool.decode.tensor": 4, "pool.prefill.batch": 2, "pool.decode.count": 2}
    system = symarch.load_system("h100-h200-apart", {**sets, "transfer.size": 32})
    assert system.components["decode_hbm"].settings["stacks"].value == 3
    assert (system.pools["decode"].system.tensor, system.pools["decode"].count) == (4, 2)
    assert (system.pools["prefill"].batch, system.devices) == (2, 24)


ONE = '[pool.a]\nextends = "h100-sxm"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            ONE + '[mapping]\nprefill = "b"\ndecode = "a"\n',
            "unknown pool 'b'; the pools are a",
        ),
        (ONE + '[mapping]\nprefill = "a"\n', "must name those of prefill and decode"),
        (
            ONE + '[mapping]\nprefill = "a"\ndecode = "a"\n',
            "each role names a pool of its own",
        ),
        (ONE, "nothing runs on it"),
        ('[pool.a]\nextends = "nowhere"\n', "unknown system 'nowhere'"),
        (ONE + "copies = 2\n", r"pool\.a\.copies: unknown key"),
        (ONE + "count = 0\n", r"pool\.a\.count: it is 0; it must be at least 1"),
        (
            ONE + "[pool.a.memory.hbm]\nstack = 5\n",
            r"pool\.a\.memory\.hbm\.stack: unknown key",
        ),
        (ONE + "[mapping]\ntensor = 2\n", "each has a mapping of its own"),
        (ONE + '[memory.m]\ntechnology = "hbm"\n', "it belongs to one of them"),
        ('[pool.a]\nextends = "h100-h200-apart"\n', "has pools of its own"),
        ('[pool.A]\nextends = "h100-sxm"\n', "a pool's name is a lower-case word"),
        ("pool = 3\n", "pools are named tables"),
        ('[mapping]\nprefill = "a"\n', "the system has none"),
    ],
)
def test_faults_of_pools_are_told_with_their_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(f"format = 1\n{text}", encoding="utf-8")
    with pytest.raises(SpecError, match=words) as error:
        read_system(path)
    assert "wrong.toml" in str(error.value)


def test_a_model_without_feed_forward_networks_is_not_divided() -> None:
    system = symarch.load_system("h200-l40s-apart")
    with pytest.raises(MappingError, match="no feed-forward part"):
        symarch.analyze(system, symarch.load_model("mamba-codestral-7b")).evaluate()


def test_lines_of_pipelines_in_both_pools_sum_to_the_phase() -> None:
    sets = {"pool.attention.attention_data": 4, "pool.attention.pipeline": 2} | {
        "pool.ffn.tensor": 4,
        "pool.ffn.pipeline": 2,
    }
    found = symarch.analyze(symarch.load_system("h200-l40s-apart", sets), DENSE).evaluate(batch=32)
    for phase, metric in (("prefill", "ttft"), ("decode", "tpot")):
        assert {"stage_send", "ffn_stage_send"} <= set(times(found, phase))
        assert sum(times(found, phase).values()) == pytest.approx(value(found, metric), rel=1e-12)


@pytest.mark.parametrize("counts", [(1, 1), (4, 1), (1, 3)])
def test_no_more_caches_flow_than_the_network_carries(counts: tuple[int, int]) -> None:
    sets = {"pool.prefill.count": counts[0], "pool.decode.count": counts[1], "transfer.size": 64}
    slow = symarch.load_system("h100-h200-apart", {**sets, "transfer.lane_rate": "1 Gb/s"})
    found = symarch.analyze(slow, DENSE).evaluate(batch=256, prompt=8192, output=2)
    graph = symarch.system.SystemGraph.build(slow.parts["decode"], lambda c, p, v: v)
    link = graph.networks["transfer"].link
    # a cache of 8192 tokens, 32 layers, 8 KV heads of 128, keys and values in 2 bytes, in eighths
    size = 8192 * 32 * 8 * 128 * 2 * 2 / 8
    most = min(counts) * link.bandwidth * (link.efficiency or 1) / size
    assert value(found, "throughput") / 2 == pytest.approx(most, rel=0.01)
    assert value(found, "throughput") / 2 < most


def test_an_output_of_one_token_needs_no_pool_of_decode() -> None:
    for name in ("h100-h200-apart", "h200-l40s-apart"):
        found = symarch.analyze(symarch.load_system(name), DENSE).evaluate(output=1)
        assert found.metrics["tpot"] is None and value(found, "throughput") > 0


def test_the_energy_of_what_is_sent_does_not_depend_on_how_many_receive() -> None:
    def energy(**sets: int) -> float:
        """Return what 500 pJ more for each bit cost a token."""
        more = {k.replace("__", "."): v for k, v in sets.items()}
        spent = []
        for each in ("0.1 pJ/bit", "500.1 pJ/bit"):
            system = symarch.load_system("h200-l40s-apart", {**more, "transfer.link_energy": each})
            spent.append(value(symarch.analyze(system, DENSE).evaluate(batch=72), "energy_per_token"))
        return spent[1] - spent[0]

    # eight devices to eight, to eight with sequences of their own, and to two, each of which gets four times as much
    due = energy()
    assert due > 0
    assert energy(pool__ffn__tensor=1, pool__ffn__attention_data=8) == pytest.approx(due, rel=1e-6)
    assert energy(pool__ffn__tensor=2, ffn_scale_up__size=2) == pytest.approx(due, rel=1e-6)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("mapping.tensor", "each pool has a mapping of its own; did you mean 'pool.decode.tensor'"),
        ("mapping.microbatches", "microbatches take turns between the pools of attention and ffn"),
        ("pool.decode.batch", "unknown name"),
        ("pool.decode.count", "it is 16, fewer than the 24 devices of all pools"),
    ],
)
def test_settings_that_would_change_nothing_or_break_pools_are_refused(key: str, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        symarch.load_system("h100-h200-apart", {key: 2})


def test_keys_that_nothing_reads_are_refused(tmp_path: Path) -> None:
    for keys, words in (
        ("pipeline = 2", r"mapping\.pipeline: in a system of pools each has a mapping of its own"),
        ("hide = 0.5", r"mapping\.hide: in a system of pools"),
        ("microbatches = 2", "microbatches take turns between"),
    ):
        path = tmp_path / "keys.toml"
        path.write_text(APART.format(prefill="", decode="") + keys, encoding="utf-8")
        with pytest.raises(SpecError, match=words) as error:
            read_system(path)
        assert "keys.toml:17" in str(error.value)
    with pytest.raises(SpecError, match=r"pool\.decode\.batch: only the pool of prefill"):
        apart(tmp_path, decode="batch = 2")


def test_money_that_only_an_extended_spec_states_is_refused(tmp_path: Path) -> None:
    rack = 'format = 1\nextends = "h100-sxm-8"\n{}\n[economy]\nelectricity = "0.31 USD/kWh"\npue = 1.1\n'
    (tmp_path / "rack.toml").write_text(rack.format('prices = "2025-06"'), encoding="utf-8")

    def read(top: str) -> symarch.System:
        text = APART.format(prefill="", decode="").replace("format = 1", f"format = 1\n{top}", 1)
        (tmp_path / "apart.toml").write_text(text.replace("h100-sxm-8", "rack.toml"), encoding="utf-8")
        return symarch.load_system(str(tmp_path / "apart.toml"))

    with pytest.raises(SpecError) as caught:
        read("")
    assert len(caught.value.faults) == 3
    for key in ("economy.electricity", "economy.pue", "prices"):
        assert f"pool.prefill.extends: 'rack.toml' states {key}, which is one for the whole system" in str(caught.value)
    # stated outside the pools it holds for both, whatever the spec says that one of them extends
    found = read('prices = "2025-06"\neconomy = { electricity = "0.12 USD/kWh", pue = 1.4 }')
    for pool in ("prefill", "decode"):
        assert found.part(pool).economy.settings["pue"].value == 1.4


def test_what_a_pool_cannot_divide_is_said_of_its_part() -> None:
    shard = symarch.trace.Shard(tensor=3)
    with pytest.raises(MappingError, match=r"feed-forward part of llama-3.1-8b \(FFN .*allowed: 1, 2, 4, 7, .* 256$"):
        DENSE.part("ffn").check_shard(shard)  # type: ignore[attr-defined]
    with pytest.raises(MappingError, match="the attention part of mixtral-8x7b has no routed experts"):
        MOE.part("attention").check_shard(symarch.trace.Shard(tensor=2, expert=2))  # type: ignore[attr-defined]


def test_a_recorded_trace_is_not_divided_among_pools() -> None:
    trace = symarch.load_model(str(Path(__file__).parent / "data" / "captured-llama-3.1-8b.jsonl"))
    with pytest.raises(MappingError, match="recorded trace of one device; h100-h200-apart has pools"):
        symarch.analyze(symarch.load_system("h100-h200-apart"), trace)
