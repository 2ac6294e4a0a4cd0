"""Canonical records: exact round trips, faults with their lines, merging, and traces that commands take as models."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import symarch
from symarch.cli import main
from symarch.errors import MappingError, ModelError, SymarchError, WorkloadError
from symarch.report.data import trace_data
from symarch.trace import Shard
from symarch.trace.convert import trace_of
from symarch.trace.recorded import RecordedTrace
from symarch.trace.records import (
    AXES,
    COLLECTIVES,
    KINDS,
    ORIGINS,
    PHASES,
    PRODUCTS,
    ROLES,
    Communication,
    Provenance,
    Record,
    Symbol,
    Tensor,
    Trace,
    Work,
    flop_origins,
    flops_warning,
    lines_of,
    merge,
    merged,
    parse_trace,
    read_trace,
    starred,
    write_trace,
)

HEADER = '{"symarch_trace": 1, "model": "m"}'
MATMUL: dict[str, Any] = {
    "id": "0", "name": "layers.0.q", "kind": "matmul", "phase": "decode", "flops": 64, "dims": {"m": 1, "n": 4, "k": 8},
    "tensors": [{"role": "weight", "bytes": 64}, {"role": "act_in", "bytes": 16}, {"role": "act_out", "bytes": 8}],
}  # fmt: skip
BF16 = dict.fromkeys(("weights", "experts", "kv_cache", "activations"), "bf16")


def text(*records: dict[str, Any], header: str = HEADER) -> str:
    return "\n".join([header, *(json.dumps(r) for r in records)]) + "\n"


def record(**changes: Any) -> dict[str, Any]:
    return {k: v for k, v in {**MATMUL, **changes}.items() if v is not ...}


def model(*records: dict[str, Any], header: str = HEADER) -> RecordedTrace:
    return RecordedTrace(parse_trace(text(*records, header=header)))


# --- round trips

numbers = st.none() | st.integers(0, 10**18) | st.floats(0, 1e30) | st.sampled_from(["batch*2", "3 + batch**2"])
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=6)
tensors = st.builds(
    Tensor, st.sampled_from(ROLES), numbers, numbers, st.none() | st.lists(numbers, max_size=3).map(tuple),
    st.none() | words, numbers, st.booleans(), st.text("ab", max_size=2),
)  # fmt: skip


@st.composite
def works(draw: st.DrawFn) -> Work:
    kind = draw(st.sampled_from(KINDS))
    flops = draw(numbers.filter(lambda v: v != 0 or kind not in PRODUCTS))
    origin = "none" if flops is None else draw(st.sampled_from([o for o in ORIGINS if o != "none"]))
    comm = None
    if kind in ("collective", "p2p"):
        comm = draw(st.builds(Communication, st.sampled_from(COLLECTIVES), numbers, st.none() | st.sampled_from(AXES),
                              st.none() | words))  # fmt: skip
    return Work(
        kind, draw(st.sampled_from(PHASES)), draw(st.integers(1, 100) | st.just("batch")), draw(st.none() | words),
        draw(st.none() | words), draw(st.none() | words),
        tuple(draw(st.dictionaries(words, numbers, max_size=3)).items()),
        tuple(draw(st.lists(tensors, max_size=3))), flops, origin, comm,
    )  # fmt: skip


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    kinds = draw(st.lists(works(), min_size=1, max_size=4))
    records: list[Record] = []
    for position in range(draw(st.integers(1, 8))):
        before = tuple(draw(st.lists(st.sampled_from([r.id for r in records]), max_size=2))) if records else ()
        provs = st.none() | st.builds(Provenance, words, words, words)
        name = f"layers.{draw(st.integers(0, 2))}.{draw(st.sampled_from('ab'))}"
        records.append(Record(f"r{position}", name, draw(st.sampled_from(kinds)), before, before[:1],
                              draw(st.none() | st.floats(0, 1e3)), draw(st.none() | words), draw(provs)))  # fmt: skip
    return Trace(
        model=draw(words), records=tuple(records), source=draw(st.text(max_size=5)), symbols={"batch": Symbol(2, 1, 9)},
        sizes=draw(st.dictionaries(st.sampled_from(["prompt", "output"]), st.integers(1, 9))),
        tensor=draw(st.none() | st.integers(1, 8)), parameters=draw(st.none() | st.integers(1, 10**12)),
        notes=tuple(draw(st.lists(words, max_size=2))), causal=draw(st.sampled_from([None, "half", "full"])),
    )  # fmt: skip


@given(traces())
def test_what_is_written_is_read_back_exactly(trace: Trace) -> None:
    lines = list(lines_of(trace))
    again = parse_trace("\n".join(lines))
    assert again == trace
    assert list(lines_of(again)) == lines


def totals(trace: Trace) -> dict[str, float]:
    found: dict[str, float] = {}
    for r in trace.records:
        assert not isinstance(r.work.repeat, str)
        times = r.work.repeat or 0
        amounts = [("flops", r.work.flops), *((t.role, t.moved) for t in r.work.tensors)]
        amounts += [(r.work.comm.type, r.work.comm.bytes)] if r.work.comm else []
        for key, value in amounts:
            if isinstance(value, int):
                found[key] = found.get(key, 0) + times * value
    return found


@given(traces())
def test_merging_changes_no_total_and_leaves_no_equals(trace: Trace) -> None:
    plain = [attrs.evolve(r, work=attrs.evolve(r.work, repeat=3)) for r in trace.records]
    trace = attrs.evolve(trace, records=tuple(plain))
    less = merged(trace)
    assert totals(less) == totals(trace)
    kinds = [(r.name, attrs.evolve(r.work, repeat=1)) for r in less.records]
    assert len(set(kinds)) == len(kinds)
    assert merged(less) == less


def test_merging_multiplies_an_expression() -> None:
    both = [record(id=str(i), repeat="batch") for i in range(3)]
    header = '{"symarch_trace": 1, "model": "m", "symbols": {"batch": {"value": 2}}}'
    assert [r.work.repeat for r in merged(parse_trace(text(*both, header=header))).records] == ["(batch)*3"]


@pytest.mark.parametrize(
    ("name", "star"),
    [
        ("model.layers.11.mlp.2", "model.layers.*.mlp.*"),
        ("layers.1a.x", "layers.1a.x"),
        ("7", "7"),
        ("conv1d", "conv1d"),
    ],
)
def test_numbers_of_layers_become_stars(name: str, star: str) -> None:
    assert starred(name) == star


def test_unknown_stays_null_and_is_not_zero() -> None:
    trace = parse_trace(text(record(flops=None, tensors=[{"role": "weight"}])))
    work = trace.records[0].work
    assert (work.flops, work.flops_from, work.tensors[0].bytes) == (None, "none", None)
    assert json.loads(list(lines_of(trace))[1])["flops"] is None


# --- faults


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": ...}, "id is missing; it must be a text"),
        ({"id": 7}, "id is 7; it must be a text"),
        ({"name": ""}, 'name is ""'),
        ({"kind": "matmull"}, 'kind: it is "matmull"; did you mean \'matmul\''),
        ({"kind": ...}, "kind: it is missing"),
        ({"phase": "decoding"}, "phase: it is \"decoding\"; did you mean 'decode'"),
        ({"phase": ...}, "phase is missing here and in the header"),
        ({"repeat": 0}, "repeat: it is 0; it must be a whole number, at least 1"),
        ({"repeat": 2.5}, "repeat: it is 2.5"),
        ({"repeat": None}, "repeat: it is missing"),
        ({"flops": -1}, "flops: it is -1; it must be finite and not negative"),
        ({"flops": 1e308}, "flops: it is 1e"),
        ({"flops": 10**400}, "flops: it is"),
        ({"flops": True}, "flops: it is true; it must be a number or null"),
        ({"flops": 0}, "flops is 0; a matmul has some, and what is unknown is null"),
        ({"flops": None, "flops_from": "given"}, "flops_from is 'given', but flops are unknown"),
        ({"flops_from": "none"}, "flops_from is 'none', but flops are known"),
        ({"flops": "2*batch"}, "flops: character 3: unknown name 'batch'"),
        ({"flops": "__import__('os')"}, "flops: character 1: '_' is not allowed"),
        ({"dims": [1]}, "dims: it is [1]; it must be an object"),
        ({"dims": {"m": "x"}}, "dims.m: character 1: unknown name 'x'"),
        ({"tensors": {}}, "tensors: it is {}; it must be a list"),
        ({"tensors": [5]}, "tensors[0] is 5; it must be an object"),
        ({"tensors": [{"role": "weights"}]}, "tensors[0].role: it is \"weights\"; did you mean 'weight'"),
        ({"tensors": [{"bytes": 1}]}, "tensors[0].role: it is missing"),
        ({"tensors": [{"role": "weight", "bytes": "lots of"}]}, "tensors[0].bytes: character 1: unknown name"),
        ({"tensors": [{"role": "weight", "size": 1}]}, "tensors[0]: unknown key 'size'"),
        ({"tensors": [{"role": "weight", "shape": 3}]}, "tensors[0].shape: it is 3; it must be a list"),
        ({"tensors": [{"role": "weight", "dependent": 1}]}, "tensors[0].dependent is 1; it must be true or false"),
        ({"comm": {"type": "all_reduce"}}, "comm is given for kind 'matmul'"),
        ({"kind": "collective", "flops": None}, "comm is missing for kind 'collective'"),
        ({"kind": "collective", "comm": {"type": "reduce"}}, 'comm.type: it is "reduce"'),
        ({"kind": "p2p", "comm": {"type": "send", "axis": "tensor"}}, 'comm.axis: it is "tensor"'),
        ({"deps": "0"}, 'deps is "0"; it must be a list of ids'),
        ({"deps": ["0"]}, "deps: '0' depends on itself"),
        ({"deps": ["9"]}, "deps: there is no record '9'"),
        ({"duration": -1}, "duration: it is -1"),
        ({"duration": "1 s"}, 'duration: it is "1 s"'),
        ({"device": 3}, "device: it is 3; it must be a text"),
        ({"prov": {"reader": 3}}, "prov: reader: it is 3"),
        ({"prov": {"who": "x"}}, "prov: unknown key 'who'"),
        ({"prov": []}, "prov: it is []; it must be an object"),
        ({"flop": 3}, "unknown key 'flop'; did you mean 'flops'"),
    ],
)  # fmt: skip
def test_every_fault_has_its_line(changes: dict[str, Any], words: str) -> None:
    good = record(id="good")
    with pytest.raises(ModelError) as caught:
        parse_trace(text(good, record(**changes)), "t.jsonl")
    lines = str(caught.value).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("t.jsonl:3: ")
    assert words in lines[0]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not JSON: Expecting property name"),
        ("[1, 2]", "the line holds a list; every line is an object"),
        ("3", "the line holds a int"),
        ("NaN", "NaN is no number here; what is unknown is null"),
        ('{"id": "1", "flops": Infinity}', "Infinity is no number here"),
        ('{"id": ' + "1" * 5000 + "}", "not JSON: Exceeds the limit"),
        ("[" * 100_000, "too deep"),
        (json.dumps(record(id="1", kind="norm", flops=None))[:-1] + ', "kind": "norm"}', "'kind' is given twice"),
        (json.dumps(record(id="0")), "id '0' is already that of line 2"),
    ],
    ids=range(9),
)
def test_lines_that_are_no_records(line: str, words: str) -> None:
    with pytest.raises(ModelError, match=r"^t:3: ") as caught:
        parse_trace(text(record()) + line, "t")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "the first line is the header|not JSON"),
        ("{}", "the first line is the header, an object with the key symarch_trace"),
        ('{"symarch_trace": 2}', "symarch_trace is 2; this version reads 1"),
        ('{"symarch_trace": true}', "symarch_trace is true"),
        ('{"symarch_trace": 1}', "model: it is missing"),
        ('{"symarch_trace": 1, "model": "m", "modell": 3}', "unknown key 'modell'"),
        ('{"symarch_trace": 1, "model": "m", "sizes": {"batch": 0}}', "sizes: batch: it is 0"),
        ('{"symarch_trace": 1, "model": "m", "sizes": {"tokens": 1}}', "sizes: unknown key 'tokens'"),
        ('{"symarch_trace": 1, "model": "m", "tensor": 1.5}', "tensor: it is 1.5"),
        ('{"symarch_trace": 1, "model": "m", "bytes_unit": "bit"}', 'bytes_unit: it is "bit"'),
        ('{"symarch_trace": 1, "model": "m", "flops_convention": "mnk"}', "flops_convention"),
        ('{"symarch_trace": 1, "model": "m", "symbols": {"b": {}}}', "symbols: b: value is missing"),
        ('{"symarch_trace": 1, "model": "m", "stored": {"weight": 1}}', "stored: unknown key 'weight'"),
        ('{"symarch_trace": 1, "model": "m", "notes": "x"}', 'notes: it is "x"; it must be a list'),
    ],
)
def test_faults_of_the_header(header: str, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        parse_trace(header + "\n" + json.dumps(MATMUL), "t")
    assert str(caught.value).startswith("t:")


def test_all_faults_are_reported_at_once_and_many_are_counted() -> None:
    wrong = [record(id=str(i), flops=-1) for i in range(150)]
    with pytest.raises(ModelError) as caught:
        parse_trace(text(*wrong), "t")
    lines = str(caught.value).splitlines()
    assert [line.partition(" ")[0] for line in lines[:3]] == ["t:2:", "t:3:", "t:4:"]
    assert len(lines) == 101
    assert lines[-1] == "t: and 50 more faults"


def test_circles_of_dependencies_are_found_and_forward_ones_allowed() -> None:
    ahead = [record(id="a", deps=["b"]), record(id="b", ctrl_deps=["c"]), record(id="c")]
    assert [r.deps for r in parse_trace(text(*ahead)).records] == [("b",), (), ()]
    ahead[2] = record(id="c", deps=["a"])
    with pytest.raises(ModelError, match=r"t:2: deps: 'a' waits for itself, through 3 records"):
        parse_trace(text(*ahead), "t")


def test_a_trace_without_records_is_refused() -> None:
    with pytest.raises(ModelError, match="the trace has no records"):
        parse_trace(HEADER + "\n\n")


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    latin = tmp_path / "latin.jsonl"
    latin.write_bytes(b'{"symarch_trace": 1, "model": "caf\xe9"}')
    with pytest.raises(ModelError, match=r"latin\.jsonl: not UTF-8 text: byte 34"):
        read_trace(latin)
    with pytest.raises(ModelError, match=r"none\.jsonl: cannot be read"):
        read_trace(tmp_path / "none.jsonl")
    with pytest.raises(ModelError, match="cannot be written"):
        write_trace(parse_trace(text(record())), tmp_path / "no" / "folder.jsonl")


def test_the_phase_of_the_header_is_that_of_records_without() -> None:
    header = '{"symarch_trace": 1, "model": "m", "phase": "decode"}'
    assert parse_trace(text(record(phase=...), header=header)).phases == ("decode",)


def test_unknown_flops_of_products_are_counted_and_warned_of() -> None:
    known, unknown = record(id="a", repeat=1999), record(id="b", flops=None, repeat=1)
    assert flop_origins(parse_trace(text(known, unknown))) == {"given": 1999, "derived": 0, "unknown": 1}
    assert flops_warning(parse_trace(text(known, unknown))) is None
    more = parse_trace(text(known, {**unknown, "repeat": 3}))
    assert flops_warning(more) == "3 of 2002 matrix products have unknown FLOPs; times from this trace are too short"


# --- a trace as a model


@pytest.mark.parametrize("name", ["llama-3.1-8b", "mixtral-8x7b", "gemma-2-27b", "deepseek-v3", "qwen3-next-80b-a3b"])
@pytest.mark.parametrize("sizes", [{"batch": 3, "context": 5000}, {"batch": 2, "prompt": 700}])
def test_a_converted_model_costs_what_the_model_costs(name: str, sizes: dict[str, int], tmp_path: Path) -> None:
    phase = "decode" if "context" in sizes else "prefill"
    architecture = symarch.load_model(name)
    system = symarch.load_system("h100-sxm", {"gpu.overlap": "inf"})
    dtypes = {t: "fp8" if t == "weights" else "bf16" for t in architecture.tensors}
    path = tmp_path / "t.jsonl"
    write_trace(trace_of(architecture, (phase,), sizes, dtypes), path)
    recorded = symarch.analyze(system, symarch.load_model(str(path)))
    names = ",".join(f"{t}={d}" for t, d in dtypes.items())
    plain = symarch.analyze(system, architecture, phase=phase, dtype=names).evaluate(**sizes)
    found = recorded.evaluate()
    assert recorded.phase == phase
    for metric, value in plain.metrics.items():
        assert found.metrics[metric] == pytest.approx(value, rel=1e-12), metric
    assert [(o.name, o.count, o.bound) for o in found.operators] == [
        (o.name, o.count, o.bound) for o in plain.operators
    ]
    for mine, theirs in zip(found.constraints, plain.constraints, strict=True):
        assert (mine.name, mine.ok) == (theirs.name, theirs.ok)
        assert mine.used == pytest.approx(theirs.used, rel=1e-12)


@pytest.mark.parametrize("name", ["llama-3.1-8b", "mixtral-8x7b"])
def test_a_converted_model_obeys_the_free_checks(name: str) -> None:
    trace = trace_of(symarch.load_model(name), ("prefill", "decode"), {"batch": 4, "prompt": 512, "output": 64},
                     dict.fromkeys(symarch.load_model(name).tensors, "bf16"), tensor=8)  # fmt: skip
    analysis = symarch.analyze(symarch.load_system("h100-sxm-8"), RecordedTrace(trace))
    analysis.check_dimensions()
    report = analysis.sensitivity("tpot")
    assert all(c.ok for c in report.checks)
    assert not {"batch", "prompt", "output"} & set(analysis.recorded().symbols)
    floats = analysis.evaluate_on_floats()
    for metric, value in floats.items():
        assert analysis.evaluate().metrics[metric] == pytest.approx(value, rel=1e-12)


def test_replicas_of_a_trace_multiply_its_batch() -> None:
    trace = trace_of(symarch.load_model("llama-3.1-8b"), ("decode",), {"batch": 4, "context": 512}, BF16)
    system = symarch.load_system("h100-sxm-8", {"mapping.tensor": "1", "mapping.data": "8"})
    found = symarch.analyze(system, RecordedTrace(trace)).evaluate()
    one = symarch.analyze(symarch.load_system("h100-sxm"), RecordedTrace(trace)).evaluate()
    assert found.workload["batch"] == 32
    assert found.tpot == pytest.approx(one.tpot, rel=1e-12)
    assert found.throughput is not None
    assert one.throughput is not None
    assert found.throughput == pytest.approx(8 * one.throughput, rel=1e-12)


def test_what_a_trace_fixes_cannot_be_given() -> None:
    trace = RecordedTrace(trace_of(symarch.load_model("llama-3.1-8b"), ("decode",), {"batch": 4, "context": 512}, BF16))
    system = symarch.load_system("h100-sxm")
    analysis = symarch.analyze(system, trace)
    for name in ("batch", "prompt", "output", "context"):
        with pytest.raises(WorkloadError, match=f"^{name} cannot be given: .* taken at batch 4, context 512$"):
            analysis.evaluate(**{name: 2})
    with pytest.raises(WorkloadError, match="has no prefill pass; it has decode"):
        symarch.analyze(system, trace, phase="prefill").evaluate()
    with pytest.raises(WorkloadError, match="dtype cannot be given: the trace was taken with weights bf16"):
        symarch.analyze(system, trace, dtype="fp8")
    with pytest.raises(WorkloadError, match="dtype cannot be given: the trace was taken with weights bf16"):
        trace_data(trace, "decode", {}, "fp8")
    narrow = RecordedTrace(trace_of(trace_model := symarch.load_model("llama-3.1-8b"), ("decode",),
                                    {"batch": 4, "context": 512}, dict.fromkeys(BF16, "fp8")))  # fmt: skip
    assert symarch.analyze(system, narrow).dtypes == dict.fromkeys(trace_model.tensors, "fp8")
    assert symarch.analyze(system, narrow, dtype="fp8").dtypes == symarch.analyze(system, narrow).dtypes
    with pytest.raises(WorkloadError, match="dtype cannot be given: the trace was taken with weights fp8"):
        symarch.analyze(system, narrow, dtype="bf16")
    with pytest.raises(WorkloadError, match="sizes cannot change"):
        trace.resized({"hidden_size": 1})


def test_a_trace_is_not_divided_otherwise_than_it_was_taken() -> None:
    llama = symarch.load_model("llama-3.1-8b")
    trace = RecordedTrace(trace_of(llama, ("decode",), {"batch": 4, "context": 512}, BF16, tensor=4))
    with pytest.raises(MappingError, match=r"one of 4 tensor-parallel devices, the mapping has 8; set"):
        symarch.analyze(symarch.load_system("h100-sxm-8"), trace).evaluate()
    speaking = record(kind="collective", flops=None, dims=..., comm={"type": "all_reduce", "bytes": 64})
    words = r"communicates among {}-parallel devices \(layers\.\*\.q\); the mapping has one"
    with pytest.raises(MappingError, match=words.format("tensor")):
        model(speaking).check_shard(Shard())
    apart = {**speaking, "comm": {**speaking["comm"], "axis": "dp"}}
    with pytest.raises(MappingError, match=words.format("data")):
        model(apart).check_shard(Shard(tensor=4))
    model(speaking).check_shard(Shard(tensor=4))


def test_expressions_over_batch_and_context_stay_symbols() -> None:
    header = (
        '{"symarch_trace": 1, "model": "m", "symbols": {"batch": {"value": 1}, "context": {"value": 9}, '
        '"width": {"value": 4}}, "stored": {"weights": 32, "kv_per_token": 8}}'
    )
    reads = [{"role": "weight", "bytes": 64}, {"role": "kv_read", "bytes": "16*batch*context"}]
    attention = record(flops="2*batch*context*width", kind="attention", tensors=reads)
    analysis = symarch.analyze(symarch.load_system("h100-sxm"), model(attention, header=header))
    found = analysis.evaluate(batch=3, context=1000)
    used = {c.name: c.used for c in found.constraints}
    assert used["hbm.capacity"] == 64 + 3 * 1000 * 16
    assert analysis.recorded(single=True).operators[0].flops is not None
    output = analysis.recorded(single=True).program.outputs["flops.decode.layers.*.q"]
    assert output is not None
    assert analysis.evaluate(batch=3, prompt=10, output=5).tpot is not None
    steps = [symarch.analyze(symarch.load_system("h100-sxm"), model(attention, header=header)).evaluate(
        batch=10**9, context=c).tpot for c in (11, 12, 13, 14)]  # fmt: skip
    mean = analysis.evaluate(batch=10**9, prompt=10, output=5).tpot
    assert mean == pytest.approx(sum(s for s in steps if s is not None) / 4, rel=1e-9)
    prefill = record(flops="context")
    with pytest.raises(ModelError, match="is an expression over context; prefill has batch and prompt"):
        model({**prefill, "phase": "prefill"}, header=header)


def test_what_a_trace_does_not_say_is_said() -> None:
    scratch = [{"role": "scratch", "bytes": 10**9}, {"role": "act_in"}, {"role": "weight", "bytes": 64}]
    other = record(id="c", phase="encode")
    host = record(id="d", kind="host", flops=None)
    found = model(record(id="a", flops=None), record(id="b", tensors=scratch), other, host)
    notes = "\n".join(found.notes)
    for words in (
        "the trace states no batch: 1 is assumed",
        "1 of 2 matrix products state no FLOPs",
        "1 tensors state no bytes",
        "tensors marked scratch stay on the chip",
        "records of phase encode are left out",
        "what runs on the host is left out",
        "does not state what is stored",
    ):
        assert words in notes
    assert len(found.merged) == 2
    assert found.stored(Shard()).weights == 2 * 64 / 2
    result = symarch.analyze(symarch.load_system("h100-sxm"), found).evaluate()
    assert all(note in result.assumptions for note in found.notes)
    assert {c.name: c.used for c in result.constraints}["hbm.capacity"] == 128


def test_scratch_costs_nothing_and_unique_bytes_count() -> None:
    def read(*more: dict[str, Any]) -> list[Any]:
        step_like = symarch.analyze(symarch.load_system("h100-sxm"), model(record(tensors=list(more))))
        return [step_like.evaluate().tpot]

    weight = {"role": "expert_weight", "bytes": 10**12, "unique": 10**9}
    assert read(weight) == read({"role": "expert_weight", "bytes": 10**9})
    assert read(weight, {"role": "scratch", "bytes": 10**12}) == read(weight)


def test_operators_of_one_name_are_told_apart() -> None:
    found = model(record(id="a"), record(id="b", flops=128), record(id="c"), record(id="d", name="layers.1.q"))
    assert [(m.name, m.count) for m in found.merged] == [("layers.*.q", 3), ("layers.*.q#2", 1)]
    result = symarch.analyze(symarch.load_system("h100-sxm"), found).evaluate()
    assert sum(o.share for o in result.operators) == pytest.approx(1)


def test_a_dimension_that_a_processor_needs_is_named() -> None:
    operator = model(record(dims=...)).operators(_step(), Shard())[0]
    with pytest.raises(MappingError, match=r"needs dimension 'm' of layers\.\*\.q, which the trace does not state"):
        _ = operator.dims["m"]


def _step() -> Any:
    from symarch.trace.convert import step_of

    return step_of("decode", {"batch": 1, "context": 1}, BF16)


def test_a_trace_of_other_phases_only_is_no_model() -> None:
    with pytest.raises(ModelError, match="no prefill and no decode pass, only other; symarch trace convert --phase"):
        model(record(phase="other"))


def test_an_unknown_data_type_is_refused() -> None:
    header = '{"symarch_trace": 1, "model": "m", "dtypes": {"weights": "posit"}}'
    with pytest.raises(ModelError, match=r"dtypes\.weights is 'posit'; known: "):
        model(record(), header=header)


def test_merge_counts_runs() -> None:
    found = merge(parse_trace(text(record(id="a"), record(id="b", name="layers.1.q"))).records)
    assert [(name, count) for name, _, count in found] == [("layers.*.q", 2)]


# --- the command line


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return int(stopped.value.code or 0)


def test_convert_run_show_and_validate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(tmp_path / "t.jsonl")
    assert run("trace", "convert", "llama-3.1-8b", "-o", path, "--batch", "2", "--dtype", "fp8") == 0
    assert "22 records, prefill and decode; FLOPs of matrix products: 322 derived" in capsys.readouterr().err
    assert run("run", "h100-sxm", "--model", path, "--json") == 0
    mine = json.loads(capsys.readouterr().out)
    assert run("run", "h100-sxm", "--model", "llama-3.1-8b", "--batch", "2", "--dtype", "fp8", "--json") == 0
    theirs = json.loads(capsys.readouterr().out)
    assert mine["workload"] == theirs["workload"]
    assert mine["metrics"]["ttft"]["value"] == pytest.approx(theirs["metrics"]["ttft"]["value"], rel=1e-12)
    assert run("trace", "show", path, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert run("trace", "show", "llama-3.1-8b", "--batch", "2", "--dtype", "fp8", "--json") == 0
    plain = json.loads(capsys.readouterr().out)
    assert shown["operators"] == plain["operators"]
    assert shown["kv_bytes_per_token"] == plain["kv_bytes_per_token"]
    assert run("run", "h100-sxm", "--model", path, "--batch", "4") == 2
    assert "batch cannot be given" in capsys.readouterr().err
    assert run("trace", "show", path, "--prompt", "4") == 2
    assert "prompt cannot be given" in capsys.readouterr().err
    assert run("validate", path) == 0
    assert "trace llama-3.1-8b, 22 records, ok" in capsys.readouterr().out


def test_convert_says_what_a_file_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    source.write_text(text(record(phase="other"), record(id="1", phase="other", name="layers.1.q")), encoding="utf-8")
    assert run("trace", "convert", str(source), "-o", str(out), "--phase", "decode", "--batch", "8", "--merge") == 0
    trace = read_trace(out)
    assert [(r.work.phase, r.work.repeat) for r in trace.records] == [("decode", 2)]
    assert trace.sizes == {"batch": 8}
    for options, words in (
        (["--batch", "4"], "--batch 4: the trace says 8"),
        (["--dtype", "fp8"], "--dtype is for models"),
        (["--tensor", "2"], "--tensor is for models"),
        (["--phase", "both"], "--phase both"),
        (["--output", "0"], "it must be at least 1"),
    ):
        assert run("trace", "convert", str(out), "-o", str(source), *options) == 2
        assert words in capsys.readouterr().err
    assert run("trace", "convert", str(out), "-o", str(tmp_path / "x.txt")) == 2
    assert "a trace is written as .jsonl (records) or .et (Chakra)" in capsys.readouterr().err


def test_a_faulty_trace_is_refused_by_every_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(text(record(flops=-1), record(id="1", kind="x")), encoding="utf-8")
    for arguments in (["run", "h100-sxm", "--model", str(path)], ["validate", str(path)], ["trace", "show", str(path)]):
        assert run(*arguments) == 2
        errors = capsys.readouterr().err.splitlines()
        assert [line.partition("t.jsonl:")[2][:2] for line in errors] == ["2:", "3:"]
    other = tmp_path / "o.jsonl"
    other.write_text("hello\n", encoding="utf-8")
    assert run("run", "h100-sxm", "--model", str(other)) == 2
    assert "a file .jsonl is read by jsonl, which does not recognise it" in capsys.readouterr().err


@given(st.text(max_size=200))
def test_no_text_brings_more_than_an_error(garbage: str) -> None:
    for source in (garbage, HEADER + "\n" + garbage):
        with contextlib.suppress(SymarchError):
            parse_trace(source)
