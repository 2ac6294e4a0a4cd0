"""Chakra execution traces in and out.

Producers use one schema and three dialects. Which one a file is in is seen from its metadata and attributes, and every
record says in its provenance what was given, derived or unknown:

- `stage` (symbolic tensor graphs): `num_ops` counts multiply-adds, sizes are elements. FLOPs of products are twice
  `num_ops`, bytes are elements of 2 B each, which is assumed. An input that no node makes is a weight.
- `pytorch` (linked host and device traces): kernels have no FLOPs; those of known operators follow from the shapes of
  the CPU operator that launched them, bytes are elements times their size. CPU operators themselves are dropped, but
  where nothing ran on a device.
- `generic` (anything else): `num_ops` are FLOPs and sizes bytes, as ASTRA-sim reads them.
- `symarch`: our own export, in FLOPs and bytes, with the header of the trace.

In Chakra the size of a collective is what one rank puts in; a record has the logical tensor. For all-gather that is the
group's size times more, and unknown where the group is.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import attrs

from symarch.errors import ModelError
from symarch.plugins.hookspecs import hookimpl
from symarch.trace.chakra_schema import COMM_TYPES, NODE_TYPES, attributes, decode, encode, messages
from symarch.trace.records import (
    LARGEST_FILE,
    Communication,
    Number,
    Provenance,
    Record,
    Tensor,
    Trace,
    Work,
    lines_of,
    parse_trace,
)

SCHEMA = "symarch-1"
MOST_NODES = 2_000_000
"""Nodes of the largest export: Chakra has no way to say that an operator repeats."""

_ELEMENT = 2
"""Bytes of an element where a dialect states elements only: bf16, an assumption that the notes state [B]."""

_PRODUCT_NAMES = re.compile(r"gemm|matmul|\bmm|_mm|bmm|addmm|linear|attention|flash|conv", re.IGNORECASE)
_PARSED = 100_000
"""Characters of the longest list of shapes that is read."""


def read_chakra(path: Path) -> Trace:
    """Read a Chakra trace, protobuf or JSON. Raises ModelError; SymarchError if protobuf is not installed."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ModelError(f"{path}: larger than {LARGEST_FILE // 2**20} MiB")
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    metadata, nodes = _from_json(data, str(path)) if path.suffix == ".json" else decode(data, str(path))
    return _Reader(str(path), path.stem, metadata, nodes).read()


def _from_json(data: bytes, name: str) -> tuple[Any, list[Any]]:
    """Read what `chakra_jsonizer` writes: JSON objects one after the other, metadata first."""
    from google.protobuf.json_format import ParseDict, ParseError

    metadata_class, node_class = messages()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelError(f"{name}: not UTF-8 text: byte {error.start} cannot be read") from None
    decoder, at = json.JSONDecoder(), 0
    found: list[Any] = []
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        line = text.count("\n", 0, at) + 1
        try:
            value, at = decoder.raw_decode(text, at)
            cls = node_class if found else metadata_class
            found.append(ParseDict(value, cls(), ignore_unknown_fields=True))
        except (ValueError, RecursionError, ParseError, AttributeError, TypeError) as error:
            raise ModelError(f"{name}:{line}: no message of a Chakra trace: {error!s:.100}") from None
    if not found:
        raise ModelError(f"{name}: the file is empty")
    return found[0], found[1:]


@attrs.frozen
class _Node:
    """A node with its attributes."""

    id: int
    name: str
    type: str
    deps: tuple[int, ...]
    ctrl_deps: tuple[int, ...]
    duration: float | None
    attrs: dict[str, Any]
    message: Any


class _Reader:
    """Reads one trace in one dialect."""

    def __init__(self, name: str, stem: str, metadata: Any, nodes: list[Any]) -> None:
        self.name, self.stem = name, stem
        self.metadata = attributes(metadata)
        self.nodes = [self._node(n) for n in nodes]
        known: set[int] = set()
        for node in self.nodes:
            if node.id in known:
                raise ModelError(f"{name}: two nodes have the id {node.id}")
            known.add(node.id)
        self.by_id = {n.id: n for n in self.nodes}
        self.dialect = self._dialect()
        self.notes: dict[str, int] = {}
        self.made: set[str] = set()

    @staticmethod
    def _node(message: Any) -> _Node:
        kind = NODE_TYPES[message.type] if message.type < len(NODE_TYPES) else "INVALID_NODE"
        duration = message.duration_micros / 1e6 if message.duration_micros else None
        return _Node(message.id, message.name, kind, tuple(message.data_deps), tuple(message.ctrl_deps), duration,
                     attributes(message), message)  # fmt: skip

    def _dialect(self) -> str:
        schema = str(self.metadata.get("schema", ""))
        if schema == SCHEMA:
            return "symarch"
        if schema == "symbolic_tensor_network":
            return "stage"
        if any("op_schema" in n.attrs or "rf_id" in n.attrs for n in self.nodes):
            return "pytorch"
        if any("op_type" in n.attrs and "num_ops" in n.attrs for n in self.nodes):
            return "stage"
        return "generic"

    def read(self) -> Trace:
        """Return the trace of canonical records."""
        if self.dialect == "symarch":
            return self._own()
        if self.dialect == "stage":
            self.made = {name for n in self.nodes for name, _ in self._listed(n, "outputs")}
        if self.dialect == "pytorch":
            self.made = {str(t[0]) for n in self.nodes for t in _values(n.message.outputs)}
        records = []
        kept: set[int] = set()
        for node in self._device_nodes():
            work, said = self._work(node)
            if work is None:
                continue
            kept.add(node.id)
            prov = Provenance("chakra", self.dialect, f"node {node.id}: {said}")
            records.append(Record(str(node.id), node.name or "node", work, self._ids(node.deps),
                                  self._ids(node.ctrl_deps), node.duration, None, prov))  # fmt: skip
        if not records:
            raise ModelError(f"{self.name}: {len(self.nodes)} nodes, none of which is an operator")
        records = [attrs.evolve(r, deps=_among(r.deps, kept), ctrl_deps=_among(r.ctrl_deps, kept)) for r in records]
        notes = [f"{count} {what}" for what, count in self.notes.items()]
        if self.dialect == "stage":
            notes.append(f"STAGE states elements: {_ELEMENT} B each are assumed; inputs that no node makes are weights")
        elif self.dialect == "pytorch":
            notes.append("inputs that no operator of the trace made are taken for weights")
        else:
            notes.append("a producer of unknown dialect: num_ops are taken for FLOPs, sizes for bytes")
        return Trace(model=self.stem, records=tuple(records), source=f"Chakra, dialect {self.dialect}",
                     notes=tuple(notes))  # fmt: skip

    def _count(self, what: str) -> None:
        self.notes[what] = self.notes.get(what, 0) + 1

    @staticmethod
    def _ids(deps: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(str(d) for d in dict.fromkeys(deps))

    def _device_nodes(self) -> Iterator[_Node]:
        """Yield the nodes that ran on a device: without CPU twins, unless there is nothing else."""
        operators = [n for n in self.nodes if n.type not in ("METADATA_NODE", "INVALID_NODE")]
        on_device = [n for n in operators if not n.attrs.get("is_cpu_op", False)]
        if on_device:
            for _ in range(len(operators) - len(on_device)):
                self._count("CPU operators dropped: their kernels are in the trace")
            yield from on_device
            return
        callers = {d for n in operators for d in n.ctrl_deps}
        for node in operators:
            if node.id in callers:
                self._count("CPU operators dropped: what they call is in the trace")
            else:
                yield node

    # --- one node

    def _work(self, node: _Node) -> tuple[Work | None, str]:
        if node.type in ("COMM_COLL_NODE", "COMM_SEND_NODE", "COMM_RECV_NODE"):
            return self._communication(node)
        if node.type in ("MEM_LOAD_NODE", "MEM_STORE_NODE"):
            size = _whole(node.attrs.get("tensor_size"))
            role = "weight" if node.type == "MEM_LOAD_NODE" else "kv_write"
            self._count("memory nodes: loads are taken for weights, stores for the KV cache")
            scaled = size * _ELEMENT if size is not None and self.dialect == "stage" else size
            said = "bytes unknown" if size is None else "bytes given"
            return Work("copy", "other", tensors=(Tensor(role, scaled),)), said
        if node.type != "COMP_NODE":
            self._count(f"nodes of type {node.type} dropped")
            return None, ""
        if self.dialect == "stage":
            return self._stage(node)
        if self.dialect == "pytorch":
            return self._pytorch(node)
        flops, size = _whole(node.attrs.get("num_ops")), _whole(node.attrs.get("tensor_size"))
        if flops == 0:
            return Work("copy", "other", tensors=_whole_tensor(size)), "no FLOPs given; bytes " + _said(size)
        work = Work(
            "matmul", "other", tensors=_whole_tensor(size), flops=flops, flops_from="given" if flops else "none"
        )
        return work, f"FLOPs {_said(flops)}; bytes {_said(size)}"

    def _communication(self, node: _Node) -> tuple[Work | None, str]:
        size = _whole(node.attrs.get("comm_size"))
        said = f"bytes {_said(size)}"
        if size is not None and self.dialect == "stage":
            size, said = size * _ELEMENT, f"bytes derived from elements of {_ELEMENT} B"
        group = node.attrs.get("pg_name") or None
        if node.type != "COMM_COLL_NODE":
            kind = "send" if node.type == "COMM_SEND_NODE" else "recv"
            return Work("p2p", "other", comm=Communication(kind, size, "pp", str(group) if group else None)), said
        number = _whole(node.attrs.get("comm_type"))
        if number is None or number >= len(COMM_TYPES):
            raise ModelError(
                f"{self.name}: node {node.id}: comm_type is {number}; it must be 0 to {len(COMM_TYPES) - 1}"
            )
        kind = COMM_TYPES[number]
        if kind == "barrier":
            self._count("barriers dropped: they move no bytes")
            return None, ""
        if kind in ("reduce", "gather", "scatter"):
            raise ModelError(f"{self.name}: node {node.id}: a record has no collective '{kind}'")
        if kind == "all_gather" and size is not None:
            members = _whole(node.attrs.get("group_size"))
            if members is None:
                self._count("all-gathers of a group of unknown size: their bytes are unknown")
                size, said = None, f"bytes unknown: {size} from each rank of a group of unknown size"
            else:
                size, said = size * members, f"bytes derived: {size} from each of {members} ranks"
        return Work("collective", "other", comm=Communication(kind, size, None, str(group) if group else None)), said

    def _stage(self, node: _Node) -> tuple[Work | None, str]:
        operations, kind = _whole(node.attrs.get("num_ops")), str(node.attrs.get("op_type", ""))
        product = kind == "M"
        tensors = []
        for way, role in (("inputs", "act_in"), ("outputs", "act_out")):
            for name, elements in self._listed(node, way):
                own = "weight" if way == "inputs" and name not in self.made else role
                tensors.append(Tensor(own, elements * _ELEMENT, name=name))
        said = f"bytes derived from elements of {_ELEMENT} B"
        if not tensors:
            size = _whole(node.attrs.get("tensor_size"))
            tensors = list(_whole_tensor(None if size is None else size * _ELEMENT))
            said = f"{said}, output only" if size is not None else "bytes unknown"
        if product and operations:
            work = Work("matmul", "other", op=kind, tensors=tuple(tensors), flops=2 * operations, flops_from="given")
            return work, f"FLOPs given as {operations} multiply-adds; {said}"
        known = operations is not None and not product
        work = Work("matmul" if product else "elementwise", "other", op=kind or None, tensors=tuple(tensors),
                    flops=operations if known else None, flops_from="given" if known else "none")  # fmt: skip
        return work, f"FLOPs {_said(operations)}; {said}"

    def _listed(self, node: _Node, way: str) -> list[tuple[str, int]]:
        """Return the tensors that STAGE lists in an attribute: names and elements by turns."""
        texts = node.attrs.get(way)
        if not isinstance(texts, list) or len(texts) % 2:
            return []
        found = []
        for name, size in zip(texts[::2], texts[1::2], strict=True):
            try:
                found.append((str(name), math.ceil(float(size))))
            except (ValueError, OverflowError):
                raise ModelError(f"{self.name}: node {node.id}: {way}: {size!r:.40} is no number of elements") from None
        return found

    def _pytorch(self, node: _Node) -> tuple[Work | None, str]:
        source = node  # or the CPU operator that launched a kernel, which has the shapes
        for parent in () if node.attrs.get("is_cpu_op") else node.ctrl_deps:
            if parent in self.by_id and self.by_id[parent].attrs.get("is_cpu_op"):
                source = self.by_id[parent]
        operator = source.name.rpartition("::")[2]
        shapes, numbers = _shapes(source.message.inputs.shapes), _values(source.message.inputs)
        tensors = []
        for values, way in ((numbers, "act_in"), (_values(source.message.outputs), "act_out")):
            for value in values:
                role = "weight" if way == "act_in" and str(value[0]) not in self.made else way
                tensors.append(Tensor(role, value[3] * value[4]))
        flops, dims = _flops_of(operator, shapes)
        if flops is not None:
            kind = "attention" if "attention" in operator else "matmul"
            work = Work(
                kind, "other", op=source.name, dims=dims, tensors=tuple(tensors), flops=flops, flops_from="shapes"
            )
            return work, f"FLOPs derived from shapes; bytes {'derived' if tensors else 'unknown'}"
        product = _PRODUCT_NAMES.search(operator) or _PRODUCT_NAMES.search(node.name)
        work = Work("matmul" if product else "elementwise", "other", op=source.name, tensors=tuple(tensors))
        return work, f"FLOPs unknown; bytes {'derived' if tensors else 'unknown'}"

    # --- our own

    def _own(self) -> Trace:
        """Read what `write_chakra` wrote. Raises ModelError where it was changed."""
        header = str(self.metadata.get("header", ""))
        records = []
        for node in self.nodes:
            if node.type in ("MEM_LOAD_NODE", "MEM_STORE_NODE"):
                continue  # their bytes are those of the operator they belong to
            text = node.attrs.get("work")
            if not isinstance(text, str):
                raise ModelError(f"{self.name}: node {node.id} lacks the attribute work, which this dialect has")
            flops, of = _whole(node.attrs.get("num_ops")), node.attrs.get("flops_from", "none")
            try:
                data = {"id": str(node.id), "name": node.name, **json.loads(text), "flops": flops, "flops_from": of}
            except (ValueError, TypeError):
                raise ModelError(f"{self.name}: node {node.id}: the attribute work is no JSON object") from None
            if node.type.startswith("COMM") and isinstance(data.get("comm"), dict):
                data["comm"]["bytes"] = self._logical(node)
            if node.duration is not None:
                data["duration"] = node.duration
            data["prov"] = {"reader": "chakra", "dialect": "symarch", "ref": f"node {node.id}: FLOPs and bytes given"}
            records.append(json.dumps(data))
        return parse_trace("\n".join([header, *records]), self.name)

    @staticmethod
    def _logical(node: _Node) -> int | None:
        size = _whole(node.attrs.get("comm_size"))
        members = _whole(node.attrs.get("group_size")) or 1
        gathers = _whole(node.attrs.get("comm_type")) == COMM_TYPES.index("all_gather")
        return size * members if size is not None and gathers and node.type == "COMM_COLL_NODE" else size


def _among(ids: tuple[str, ...], kept: set[int]) -> tuple[str, ...]:
    return tuple(i for i in ids if int(i) in kept)


def _said(value: Any) -> str:
    return "unknown" if value is None else "given"


def _whole(value: Any) -> int | None:
    """Return an attribute's number, None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return int(value)


def _whole_tensor(size: int | None) -> tuple[Tensor, ...]:
    """Return the tensor of a node that states one size for all it touches: it has to come from memory."""
    return () if size is None else (Tensor("weight", size),)


def _literal(text: str) -> Any:
    """Return the value of a Python literal, an empty list if it is none."""
    if not text or len(text) > _PARSED:
        return []
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return []


def _shapes(text: str) -> list[tuple[int, ...]]:
    """Return the shapes of the tensors among an operator's inputs."""
    found = _literal(text)
    if not isinstance(found, list):
        return []
    return [tuple(s) for s in found if isinstance(s, list) and s and all(type(d) is int and d > 0 for d in s)]


def _values(io: Any) -> list[list[Any]]:
    """Return the tensors of inputs or outputs: [id, storage, offset, elements, bytes of an element, device]."""
    found = []

    def walk(value: Any) -> None:
        if not isinstance(value, list | tuple):
            return
        if len(value) == 6 and all(type(v) is int for v in value[:5]) and isinstance(value[5], str):
            found.append(list(value))
            return
        for item in value:
            walk(item)

    walk(_literal(io.values))
    return found


def _flops_of(operator: str, shapes: list[tuple[int, ...]]) -> tuple[int | None, tuple[tuple[str, Number], ...]]:
    """Return FLOPs and dimensions of a product from the shapes of its inputs, None if it is not one we know."""
    first = 1 if operator in ("addmm", "baddbmm") else 0
    if operator in ("mm", "addmm", "bmm", "baddbmm", "matmul", "linear") and len(shapes) >= first + 2:
        left, right = shapes[first], shapes[first + 1]
        if len(left) < 2 or len(right) < 2:
            return None, ()
        rows, k = math.prod(left[:-1]), left[-1]
        n, inner = (right[0], right[1]) if operator == "linear" else (right[-1], right[-2])
        if inner != k:
            return None, ()
        return 2 * rows * n * k, (("m", rows), ("n", n), ("k", k))
    if "scaled_dot_product" in operator and len(shapes) >= 3:
        query, key, value = shapes[:3]
        if len(query) != 4 or len(key) != 4 or len(value) != 4:
            return None, ()
        batch, heads, queries, width = query
        dims = {"batch": batch, "queries": queries, "context": key[2], "heads": heads, "kv_heads": key[1],
                "head_dim": width}  # fmt: skip
        return 2 * batch * heads * queries * key[2] * (width + value[3]), tuple(dims.items())
    return None, ()


# --- writing


def write_chakra(trace: Trace, path: Path) -> None:
    """Write a trace as Chakra protobuf. Raises ModelError if it cannot be one."""
    try:
        with path.open("wb") as file:
            file.writelines(encode(_messages(trace)))
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror}") from None


_LOADS = ("weight", "expert_weight", "table", "kv_read", "state_read")
_STORES = ("kv_write", "state_write")


def _messages(trace: Trace) -> Iterator[Any]:
    """Yield metadata and nodes: loads, the operator, stores, each run after the one before."""
    metadata_class, _ = messages()
    if trace.symbols:
        raise ModelError(f"{trace.model} has expressions over {', '.join(trace.symbols)}; Chakra holds numbers only")
    runs = sum(r.work.repeat if isinstance(r.work.repeat, int) else 1 for r in trace.records)
    if runs > MOST_NODES:
        raise ModelError(
            f"{trace.model} runs {runs} operators, and Chakra has no repeats; at most {MOST_NODES} are written"
        )
    metadata = metadata_class(version="0.0.4")
    _attr(metadata, "schema", SCHEMA)
    _attr(metadata, "model", trace.model)
    _attr(metadata, "header", next(lines_of(trace)))
    yield metadata
    writer = _Writer(trace)
    for record in trace.records:
        for _ in range(_times(record)):
            yield from writer.nodes(record)


def _times(record: Record) -> int:
    repeat = record.work.repeat
    if isinstance(repeat, float) and repeat == int(repeat):
        repeat = int(repeat)
    if not isinstance(repeat, int):
        raise ModelError(f"{record.name} repeats {repeat} times; Chakra needs a whole number")
    return repeat


def _attr(message: Any, name: str, value: Any) -> None:
    attribute = message.attr.add(name=name)
    if isinstance(value, bool):
        attribute.bool_val = value
    elif isinstance(value, int):
        attribute.int64_val = value
    else:
        attribute.string_val = value


class _Writer:
    """Writes nodes in a chain."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.last: int | None = None
        self.next = 0

    def nodes(self, record: Record) -> Iterator[Any]:
        """Yield the nodes of one run."""
        work = record.work
        sizes = [(t, _bytes(t.moved)) for t in work.tensors if t.role != "scratch"]
        for tensor, size in sizes:
            if tensor.role in _LOADS and size is not None:
                yield self._memory(record, tensor, size, "MEM_LOAD_NODE")
        if work.comm is not None:
            yield self._communication(record, work.comm)
        else:
            node = self._node(record.name, "COMP_NODE")
            self._common(node, record)
            if all(size is not None for _, size in sizes):
                _attr(node, "tensor_size", sum(size or 0 for _, size in sizes))
            yield node
        for tensor, size in sizes:
            if tensor.role in _STORES and size is not None:
                yield self._memory(record, tensor, size, "MEM_STORE_NODE")

    def _node(self, name: str, kind: str) -> Any:
        _, node_class = messages()
        node = node_class(id=self.next, name=name, type=NODE_TYPES.index(kind))
        if self.last is not None:
            node.data_deps.append(self.last)
        self.last = self.next
        self.next += 1
        _attr(node, "is_cpu_op", False)
        return node

    def _common(self, node: Any, record: Record) -> None:
        work = record.work
        if record.duration is not None:
            node.duration_micros = round(record.duration * 1e6)
        flops = _bytes(work.flops)
        if flops is not None:
            if flops != work.flops:
                raise ModelError(f"{record.name} has {work.flops} FLOPs; Chakra needs a whole number")
            _attr(node, "num_ops", flops)
        _attr(node, "flops_from", work.flops_from)
        _attr(node, "op_type", work.kind)
        single = attrs.evolve(record, work=attrs.evolve(work, repeat=1))
        lines = lines_of(Trace(model="", records=(single,)))
        next(lines)
        data = json.loads(next(lines))
        for key in ("id", "name", "flops", "flops_from", "deps", "ctrl_deps", "duration", "device", "prov"):
            data.pop(key, None)
        _attr(node, "work", json.dumps(data))

    def _memory(self, record: Record, tensor: Tensor, size: int, kind: str) -> Any:
        node = self._node(f"{record.name}.{tensor.role}", kind)
        _attr(node, "tensor_size", size)
        _attr(node, "role", tensor.role)
        return node

    def _communication(self, record: Record, comm: Communication) -> Any:
        send = comm.type in ("send", "recv")
        node = self._node(record.name, f"COMM_{comm.type.upper()}_NODE" if send else "COMM_COLL_NODE")
        self._common(node, record)
        size = _bytes(comm.bytes)
        if not send:
            _attr(node, "comm_type", COMM_TYPES.index(comm.type))
            if comm.type == "all_gather" and size is not None:
                members = self.trace.tensor or 1
                if size % members:
                    raise ModelError(f"{record.name}: {size} B do not divide by its {members} ranks")
                size //= members
                _attr(node, "group_size", members)
        if size is not None:
            _attr(node, "comm_size", size)
        if comm.group is not None:
            _attr(node, "pg_name", comm.group)
        return node


def _bytes(value: Number) -> int | None:
    """Return a number rounded to whole bytes or FLOPs."""
    return round(value) if isinstance(value, int | float) else None


class Chakra:
    """The reader of Chakra execution traces."""

    name: ClassVar[str] = "chakra"
    suffixes: ClassVar[tuple[str, ...]] = (".et", ".json")

    @staticmethod
    def sniff(head: bytes) -> bool:
        """Return whether the file begins like Chakra's metadata: protobuf, gzip of it, or JSON."""
        text = head.lstrip()
        if text[:1] == b"{":
            return b'"attr"' in text and b'"name"' in text and b'"nodes"' not in text
        if head[:2] == b"\x1f\x8b":
            return True
        length = next((i for i, byte in enumerate(head[:6]) if not byte & 0x80), None)
        return length is not None and head[length + 1 : length + 2] in (b"\x0a", b"\x12")

    @staticmethod
    def read(path: Path) -> Trace:
        """Read a trace. Raises ModelError."""
        return read_chakra(path)


@hookimpl
def symarch_trace_readers() -> list[type]:
    """Return the readers of this module."""
    return [Chakra]
