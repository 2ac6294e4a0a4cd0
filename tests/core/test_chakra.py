"""Chakra execution traces: three dialects told apart and normalised, our own export, and other people's readers."""

from __future__ import annotations

import contextlib
import gzip
import json
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.errors import ModelError, SymarchError
from symarch.trace.chakra import Chakra, read_chakra, write_chakra
from symarch.trace.chakra_schema import COMM_TYPES, NODE_TYPES, attributes, decode, encode, messages
from symarch.trace.convert import trace_of
from symarch.trace.records import Communication, Record, Tensor, Trace, Work, merge, parse_trace, write_trace

pytest.importorskip("google.protobuf")

Metadata, Node = messages()
BF16 = dict.fromkeys(("weights", "experts", "kv_cache", "activations"), "bf16")


def attributed(message: Any, **values: Any) -> Any:
    """Add attributes in the types that producers use."""
    for name, value in values.items():
        attribute = message.attr.add(name=name)
        if isinstance(value, list):
            attribute.string_list.values.extend(value)
        elif isinstance(value, bool):
            attribute.bool_val = value
        elif isinstance(value, int):
            attribute.int64_val = value
        else:
            attribute.string_val = value
    return message


def node(number: int, name: str, kind: str, deps: tuple[int, ...] = (), **values: Any) -> Any:
    made = Node(id=number, name=name, type=NODE_TYPES.index(kind), data_deps=deps)
    return attributed(made, **values)


def written(folder: Path, *nodes: Any, **metadata: Any) -> Path:
    path = folder / "trace.et"
    path.write_bytes(b"".join(encode([attributed(Metadata(version="0.0.4"), **metadata), *nodes])))
    return path


# --- STAGE


def test_stage_counts_multiply_adds_and_elements(tmp_path: Path) -> None:
    # the figures of a STAGE trace: tensor_size 2097152 = 1 * 512 * 4096 elements of a norm's output; num_ops of a
    # product of (512 x 4096) and (4096 x 4096) is the product of its dimensions, without the factor 2
    nodes = [
        node(1, "norm_COMP", "COMP_NODE", num_ops=512 * 4096, tensor_size=2_097_152, op_type="E",
             inputs=["x[1,512,4096]", "2097152"], outputs=["norm[1,512,4096]", "2097152"]),
        node(2, "q_COMP", "COMP_NODE", (1,), num_ops=512 * 4096 * 4096, tensor_size=2_097_152, op_type="M",
             inputs=["norm[1,512,4096]", "2097152", "wq[4096,4096]", "16777216"],
             outputs=["q[1,512,4096]", "2097152"]),
        node(3, "q_X1COMM", "COMM_COLL_NODE", (2,), comm_size=2_097_152, comm_type=0, pg_name="tp", is_cpu_op=False),
    ]  # fmt: skip
    trace = read_chakra(written(tmp_path, *nodes, schema="symbolic_tensor_network"))
    norm, product, reduced = trace.records
    assert norm.work.flops == 512 * 4096
    assert product.work.flops == 2 * 512 * 4096 * 4096
    assert product.work.flops_from == "given"
    assert [(t.role, t.bytes) for t in product.work.tensors] == [
        ("act_in", 2 * 2_097_152), ("weight", 2 * 16_777_216), ("act_out", 2 * 2_097_152)
    ]  # fmt: skip
    assert reduced.work.comm == Communication("all_reduce", 2 * 2_097_152, None, "tp")
    assert [r.deps for r in trace.records] == [(), ("1",), ("2",)]
    said = [r.prov.ref if r.prov else "" for r in trace.records]
    assert said[1] == f"node 2: FLOPs given as {512 * 4096 * 4096} multiply-adds; bytes derived from elements of 2 B"
    assert "STAGE states elements: 2 B each are assumed" in trace.notes[-1]


def test_stage_is_known_by_its_attributes_too(tmp_path: Path) -> None:
    path = written(tmp_path, node(1, "a", "COMP_NODE", num_ops=8, tensor_size=4, op_type="M"))
    trace = read_chakra(path)
    assert trace.source == "Chakra, dialect stage"
    assert trace.records[0].work.flops == 16
    assert trace.records[0].prov is not None
    assert trace.records[0].prov.ref.endswith("bytes derived from elements of 2 B, output only")


def test_sizes_of_stage_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    bad = node(1, "a", "COMP_NODE", num_ops=8, op_type="M", inputs=["x", "B*S"], outputs=["y", "4"])
    with pytest.raises(ModelError, match=r"node 1: inputs: 'B\*S' is no number of elements"):
        read_chakra(written(tmp_path, bad))


# --- PyTorch

ATTRS = {"rf_id": 1, "fw_parent": 0, "seq_id": 0, "scope": 0, "tid": 1, "fw_tid": 0, "op_schema": ""}
NOTHING: dict[str, list[Any]] = {"values": [], "shapes": [], "types": []}


def host(number: int, name: str, parent: int, inputs: dict[str, Any] = NOTHING, outputs: dict[str, Any] = NOTHING,
         **more: Any) -> dict[str, Any]:  # fmt: skip
    attributes = [{"name": n, "type": "x", "value": v} for n, v in ATTRS.items()]
    return {"id": number, "name": name, "ctrl_deps": parent, "ts": number, "inclusive_dur": 5, "exclusive_dur": 5,
            "inputs": inputs, "outputs": outputs, "attrs": attributes, **more}  # fmt: skip


def linked() -> dict[str, Any]:
    """Return a host trace with its kernels, as `chakra_trace_link` makes it: a product and an all-reduce."""
    rows, weight = [10, 11, 0, 128 * 4096, 2, "cuda:0"], [12, 13, 0, 4096 * 1024, 2, "cuda:0"]
    made = [14, 15, 0, 128 * 1024, 2, "cuda:0"]
    product = {"values": [rows, weight], "shapes": [[128, 4096], [4096, 1024]], "types": ["Tensor(c10::BFloat16)"] * 2}
    output = {"values": [made], "shapes": [[128, 1024]], "types": ["Tensor(c10::BFloat16)"]}
    nodes = [
        host(1, "[pytorch|profiler|execution_trace|thread]", 0),
        host(2, "aten::mm", 1, product, output),
        host(3, "nvjet_hsh_128x256_gemm", 2, cat="kernel", stream=7),
        host(4, "nccl:all_reduce", 1, output),
        host(5, "ncclDevKernel_AllReduce_Sum_bf16_RING_LL", 4, output, cat="kernel", stream=20, pg_name="1"),
        host(6, "nccl:all_gather", 1, output),
        host(7, "ncclDevKernel_AllGather_RING_LL", 6, output, cat="kernel", stream=20, pg_name="1"),
        host(8, "aten::softmax", 1, output, output),
        host(9, "softmax_warp_forward", 8, cat="kernel", stream=7),
    ]
    return {"schema": "1.1.1-chakra.0.0.4", "pid": 1, "time": "t", "start_ts": 1, "finish_ts": 9, "nodes": nodes}


@pytest.fixture
def pytorch(tmp_path: Path) -> Path:
    """Return what the converter of the chakra package makes of a linked trace."""
    converter = pytest.importorskip("chakra.src.converter.pytorch_converter")
    source, path = tmp_path / "linked.json", tmp_path / "pytorch.et"
    source.write_text(json.dumps(linked()), encoding="utf-8")
    converter.PyTorchConverter().convert(str(source), str(path), False)
    return path


def test_pytorchs_cpu_twins_are_dropped_and_flops_follow_from_their_shapes(pytorch: Path) -> None:
    trace = read_chakra(pytorch)
    assert trace.source == "Chakra, dialect pytorch"
    product, reduced, gathered, softmax = trace.records
    assert (product.work.kind, product.work.flops, product.work.flops_from) == (
        "matmul",
        2 * 128 * 4096 * 1024,
        "shapes",
    )
    assert dict(product.work.dims) == {"m": 128, "n": 1024, "k": 4096}
    assert [t.bytes for t in product.work.tensors] == [2 * 128 * 4096, 2 * 4096 * 1024, 2 * 128 * 1024]
    assert reduced.work.comm == Communication("all_reduce", 2 * 128 * 1024, None, "1")
    assert gathered.work.comm == Communication("all_gather", None, None, "1")
    assert (softmax.work.kind, softmax.work.flops) == ("elementwise", None)
    assert [t.role for t in softmax.work.tensors] == ["act_in", "act_out"]
    assert "5 CPU operators dropped: their kernels are in the trace" in trace.notes
    assert "1 all-gathers of a group of unknown size: their bytes are unknown" in trace.notes
    said = [r.prov.ref if r.prov else "" for r in trace.records]
    assert said[0] == "node 3: FLOPs derived from shapes; bytes derived"
    assert said[3] == "node 9: FLOPs unknown; bytes derived"
    assert all(r.duration == pytest.approx(5e-6) for r in trace.records)


def test_the_json_of_a_trace_is_read_like_its_protobuf(
    pytorch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jsonizer = pytest.importorskip("chakra.src.jsonizer.jsonizer")
    path = tmp_path / "pytorch.json"
    monkeypatch.setattr("sys.argv", ["jsonizer", "--input_filename", str(pytorch), "--output_filename", str(path)])
    jsonizer.main()
    assert Chakra.sniff(path.read_bytes()[:4096])
    assert read_chakra(path) == read_chakra(pytorch)


def test_without_kernels_the_innermost_cpu_operators_are_the_trace(tmp_path: Path) -> None:
    nodes = [
        node(1, "aten::linear", "COMP_NODE", is_cpu_op=True, op_schema="x"),
        node(2, "aten::addmm", "COMP_NODE", is_cpu_op=True, op_schema="x"),
    ]
    nodes[1].ctrl_deps.append(1)
    nodes[1].inputs.shapes = "[[8], [4, 16], [16, 8], [], []]"
    trace = read_chakra(written(tmp_path, *nodes))
    assert [(r.name, r.work.flops) for r in trace.records] == [("aten::addmm", 2 * 4 * 16 * 8)]
    assert trace.notes[0] == "1 CPU operators dropped: what they call is in the trace"


@pytest.mark.parametrize(
    ("operator", "shapes", "flops"),
    [
        ("mm", "[[2, 3], [3, 5]]", 60),
        ("bmm", "[[7, 2, 3], [7, 3, 5]]", 420),
        ("baddbmm", "[[7, 2, 5], [7, 2, 3], [7, 3, 5]]", 420),
        ("linear", "[[4, 2, 3], [5, 3], [5]]", 240),
        ("matmul", "[[4, 2, 3], [3, 5]]", 240),
        ("_scaled_dot_product_flash_attention", "[[1, 8, 4, 16], [1, 2, 4, 16], [1, 2, 4, 16]]", 2 * 8 * 4 * 4 * 32),
        ("mm", "[[2, 3], [4, 5]]", None),
        ("mm", "[[2, 3]]", None),
        ("mm", "__import__('os')", None),
        ("mm", "(" * 5000, None),
        ("gelu", "[[2, 3], [3, 5]]", None),
    ],
)
def test_flops_from_shapes(operator: str, shapes: str, flops: int | None, tmp_path: Path) -> None:
    one = node(1, f"aten::{operator}", "COMP_NODE", is_cpu_op=False, op_schema="x")
    one.inputs.shapes = shapes
    assert read_chakra(written(tmp_path, one)).records[0].work.flops == flops


# --- generic


@pytest.mark.parametrize(
    ("build", "kind", "figure"),
    [
        ("one_comp_node(1, 5)", "matmul", None),
        ("one_comm_coll_node_allreduce(1, 65536)", "all_reduce", 65536),
        ("one_comm_coll_node_reducescatter(1, 65536)", "reduce_scatter", 65536),
        ("one_comm_coll_node_alltoall(1, 65536)", "all_to_all", 65536),
        ("one_comm_coll_node_allgather(1, 65536)", "all_gather", None),
        ("one_remote_mem_load_node(1, 1024)", "weight", 1024),
        ("one_remote_mem_store_node(1, 1024)", "kv_write", 1024),
    ],
)
def test_the_generator_of_the_chakra_package(build: str, kind: str, figure: int | None, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    generator = pytest.importorskip("chakra.src.generator.generator")
    monkeypatch.chdir(tmp_path)
    name, _, arguments = build.rstrip(")").partition("(")
    getattr(generator, name)(*(int(a) for a in arguments.split(",")))
    (path,) = tmp_path.glob("*.et")
    trace = read_chakra(path)
    work = trace.records[0].work
    assert trace.source == "Chakra, dialect generic"
    found = {work.kind: work.flops}
    found |= {work.comm.type: work.comm.bytes} if work.comm else {}
    found |= {t.role: t.bytes for t in work.tensors}
    assert found[kind] == figure
    assert "a producer of unknown dialect: num_ops are taken for FLOPs, sizes for bytes" in trace.notes


def test_an_all_gather_of_a_known_group_is_whole(tmp_path: Path) -> None:
    one = node(1, "g", "COMM_COLL_NODE", comm_type=2, comm_size=100, group_size=4)
    record = read_chakra(written(tmp_path, one)).records[0]
    assert record.work.comm is not None
    assert record.work.comm.bytes == 400
    assert record.prov is not None
    assert record.prov.ref == "node 1: bytes derived: 100 from each of 4 ranks"


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([node(1, "a", "COMM_COLL_NODE", comm_size=3)], "node 1: comm_type is None; it must be 0 to 9"),
        ([node(1, "a", "COMM_COLL_NODE", comm_type=11)], "node 1: comm_type is 11"),
        ([node(1, "a", "COMM_COLL_NODE", comm_type=1, comm_size=4)], "a record has no collective 'reduce'"),
        ([node(1, "a", "COMM_COLL_NODE", comm_type=9)], "1 nodes, none of which is an operator"),
        ([node(1, "a", "COMP_NODE"), node(1, "b", "COMP_NODE")], "two nodes have the id 1"),
        ([], "0 nodes, none of which is an operator"),
    ],
)
def test_nodes_without_a_record_are_refused(nodes: list[Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=words):
        read_chakra(written(tmp_path, *nodes))


def test_a_generic_trace_runs_once_its_phase_is_said(tmp_path: Path) -> None:
    one = node(1, "a", "COMP_NODE", num_ops=10**12, tensor_size=33_500_000)
    path = written(tmp_path, one)
    with pytest.raises(ModelError, match="no prefill and no decode pass, only other"):
        symarch.load_model(str(path))
    trace = read_chakra(path)
    record = attrs.evolve(trace.records[0], work=attrs.evolve(trace.records[0].work, phase="decode"))
    write_trace(attrs.evolve(trace, records=(record,)), tmp_path / "t.jsonl")
    found = symarch.analyze(symarch.load_system("h100-sxm"), symarch.load_model(str(tmp_path / "t.jsonl"))).evaluate()
    assert found.operators[0].bound == "gpu.arithmetic"


# --- damaged files


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"\x80\x80\x80\x80\x80\x80\x80", "message 0 has a length that does not end"),
        (b"\x05\x0a", "message 0 says 5 bytes, but 1 follow"),
        (b"\x02\x0a\x09", "the metadata is no message of a Chakra trace"),
        (b"\x02\x12\x00\x03\x0a\xff\xff", "node 1 is no message of a Chakra trace"),
        (b"\x1f\x8bnot gzip at all", "the gzip stream is damaged"),
    ],
)
def test_damaged_files_are_refused(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.et"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=words):
        read_chakra(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b'{"version": "1"} {"id": "x"}', "bad.json:1: no message of a Chakra trace"),
        (b'{"version": "1"}\n{"id": 1', "bad.json:2: no message"),
        (b'{"version": "1"}\n[3]', "bad.json:2: no message"),
        (b"\xff", "not UTF-8 text: byte 0"),
        (b'{"version": 1}', "bad.json:1: no message"),
    ],
)
def test_damaged_json_is_refused(data: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=words):
        read_chakra(path)


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_no_bytes_bring_more_than_an_error(data: bytes) -> None:
    with contextlib.suppress(SymarchError):
        decode(data, "x")
    Chakra.sniff(data)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"none\.et: cannot be read"):
        read_chakra(tmp_path / "none.et")


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    path = written(tmp_path, node(1, "a", "COMP_NODE", num_ops=8))
    packed = tmp_path / "packed.et"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert Chakra.sniff(packed.read_bytes()[:64])
    assert [r.work for r in read_chakra(packed).records] == [r.work for r in read_chakra(path).records]


# --- our own


def runs(trace: Trace) -> list[tuple[str, Work, Any]]:
    found: list[tuple[str, Any, int]] = list(merge(trace.records))
    return [(n, attrs.evolve(w, repeat=1), c * w.repeat) for n, w, c in found]


@pytest.fixture(scope="module")
def sharded() -> Trace:
    model = symarch.load_model("mixtral-8x7b")
    return trace_of(model, ("prefill", "decode"), {"batch": 4, "prompt": 128, "output": 16}, BF16, tensor=4)


def test_an_export_is_read_back_exactly(sharded: Trace, tmp_path: Path) -> None:
    path = tmp_path / "t.et"
    write_chakra(sharded, path)
    again = read_chakra(path)
    assert runs(again) == runs(sharded)
    assert attrs.evolve(again, records=()) == attrs.evolve(sharded, records=())
    mine, theirs = (symarch.analyze(symarch.load_system("h100-sxm-8", {"mapping.tensor": "4", "mapping.data": "2"}),
                                    symarch.load_model(str(p))).evaluate().metrics
                    for p in (path, _as_lines(sharded, tmp_path)))  # fmt: skip
    assert mine == pytest.approx(theirs, rel=1e-12)


def _as_lines(trace: Trace, folder: Path) -> Path:
    path = folder / "t.jsonl"
    write_trace(trace, path)
    return path


def test_the_chakra_package_reads_the_export(sharded: Trace, tmp_path: Path) -> None:
    schema = pytest.importorskip("chakra.schema.protobuf.et_def_pb2")
    library = pytest.importorskip("chakra.src.third_party.utils.protolib")
    path = tmp_path / "t.et"
    write_chakra(sharded, path)
    metadata, nodes = schema.GlobalMetadata(), []
    with library.openFileRd(str(path)) as file:
        assert library.decodeMessage(file, metadata)
        while True:
            one = schema.Node()
            if not library.decodeMessage(file, one):
                break
            nodes.append((one, {a.name: getattr(a, a.WhichOneof("value")) for a in one.attr}))
    assert {a.name: a.string_val for a in metadata.attr}["model"] == "mixtral-8x7b"
    works: list[tuple[Any, int]] = [(r.work, int(r.work.repeat or 1)) for r in sharded.records]
    compute = [a for n, a in nodes if n.type == schema.COMP_NODE]
    assert len(compute) == sum(n for w, n in works if w.comm is None)
    assert sum(a.get("num_ops", 0) for a in compute) == sum(n * (w.flops or 0) for w, n in works)
    moved = sum(n * sum(round(t.moved) for t in w.tensors) for w, n in works)
    assert sum(a["tensor_size"] for a in compute) == moved
    loads = sum(a["tensor_size"] for n, a in nodes if n.type == schema.MEM_LOAD_NODE)
    roles = ("weight", "expert_weight", "table", "kv_read")
    assert loads == sum(n * round(t.moved) for w, n in works for t in w.tensors if t.role in roles)
    stores = sum(a["tensor_size"] for n, a in nodes if n.type == schema.MEM_STORE_NODE)
    assert stores == sum(n * (t.moved or 0) for w, n in works for t in w.tensors if t.role == "kv_write")
    speaking = [a for n, a in nodes if n.type == schema.COMM_COLL_NODE]
    gathered = [a for a in speaking if a["comm_type"] == schema.ALL_GATHER]
    reduced = sum(a["comm_size"] for a in speaking if a["comm_type"] == schema.ALL_REDUCE)
    assert reduced == sum(n * w.comm.bytes for w, n in works if w.comm and w.comm.type == "all_reduce")
    assert [a["comm_size"] * 4 for a in gathered] == [4 * 32000 * 2] * 2
    ids = [n.id for n, _ in nodes]
    assert ids == list(range(len(nodes)))
    assert all(list(n.data_deps) == [n.id - 1] for n, _ in nodes[1:])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"repeat": 3_000_000}, "m runs 3000000 operators, and Chakra has no repeats"),
        ({"repeat": 2.5}, "repeats 2.5 times; Chakra needs a whole number"),
        ({"flops": 2.5, "flops_from": "given"}, "has 2.5 FLOPs; Chakra needs a whole number"),
    ],
)
def test_what_chakra_cannot_hold_is_refused(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    work = attrs.evolve(Work("matmul", "decode", tensors=(Tensor("weight", 4),)), **changes)
    with pytest.raises(ModelError, match=words):
        write_chakra(Trace(model="m", records=(Record("0", "a", work),)), tmp_path / "t.et")


def test_expressions_are_refused(tmp_path: Path) -> None:
    header = '{"symarch_trace": 1, "model": "m", "symbols": {"batch": {"value": 1}}}'
    line = '{"id": "0", "name": "a", "kind": "matmul", "phase": "decode", "flops": "2*batch"}'
    with pytest.raises(ModelError, match="m has expressions over batch; Chakra holds numbers only"):
        write_chakra(parse_trace(f"{header}\n{line}"), tmp_path / "t.et")


def test_an_uneven_all_gather_is_refused(tmp_path: Path) -> None:
    work = Work("collective", "decode", comm=Communication("all_gather", 10, "tp"))
    with pytest.raises(ModelError, match="a: 10 B do not divide by its 3 ranks"):
        write_chakra(Trace(model="m", tensor=3, records=(Record("0", "a", work),)), tmp_path / "t.et")


@pytest.mark.parametrize("text", [None, "[]", "{", "3"])
def test_an_export_that_was_changed_is_refused(text: str | None, tmp_path: Path) -> None:
    values: dict[str, Any] = {} if text is None else {"work": text}
    header = '{"symarch_trace": 1, "model": "m"}'
    path = written(tmp_path, node(0, "a", "COMP_NODE", **values), schema="symarch-1", header=header)
    with pytest.raises(ModelError, match="node 0"):
        read_chakra(path)


def test_numbers_of_the_schema_are_those_of_the_package() -> None:
    schema = pytest.importorskip("chakra.schema.protobuf.et_def_pb2")
    for name, number in schema.NodeType.items():
        assert NODE_TYPES[number] == name
    for name, number in schema.CollectiveCommType.items():
        assert COMM_TYPES[number] == name.lower().removesuffix("_block")
    ours = {f.name: (f.number, f.type) for f in Node.DESCRIPTOR.fields}
    theirs = {f.name: (f.number, f.type) for f in schema.Node.DESCRIPTOR.fields}
    assert ours == theirs
    attribute = Node.DESCRIPTOR.fields_by_name["attr"].message_type
    other = schema.AttributeProto.DESCRIPTOR
    assert {f.name: (f.number, f.type) for f in attribute.fields} == {f.name: (f.number, f.type) for f in other.fields}


def test_attributes_of_every_type_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = pytest.importorskip("chakra.src.generator.generator")
    monkeypatch.chdir(tmp_path)
    generator.one_metadata_node_all_types(1)
    (path,) = tmp_path.glob("*.et")
    _, (one,) = decode(path.read_bytes(), "x")
    found = attributes(one)
    assert found["int64"] == 9876543210
    assert found["sint32"] == -12345
    assert found["double_list"] == [1.2345, 2.3456]
    assert found["string_list"] == [str(12345 + i) for i in range(10)]
    assert len(found) == 30


def test_without_protobuf_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, node(1, "a", "COMP_NODE", num_ops=8))
    monkeypatch.setitem(sys.modules, "google.protobuf", None)
    messages.cache_clear()
    try:
        with pytest.raises(SymarchError, match=r"Chakra traces need protobuf: pip install 'symarch\[chakra\]'"):
            read_chakra(path)
    finally:
        messages.cache_clear()
