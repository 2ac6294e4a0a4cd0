"""The canonical record of an operator, and traces of them as JSON Lines.

The first line of a file is its header, every further line one record. Numbers are bytes, FLOPs, seconds and counts; a
text in a number's place is an expression over the header's symbols; what nobody knows is null, never 0. All faults of a
file are reported at once, each with its line.

Most records of a trace are repetitions: the same layer, dozens of times. What a record asks of the hardware is its
`Work`; equal works are read, checked and kept once, so that a long file costs little more than parsing its JSON.
"""

from __future__ import annotations

import gc
import json
import marshal
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import attrs

from symarch.errors import ModelError, SpecError, nearest
from symarch.plugins.hookspecs import hookimpl
from symarch.program.grammar import parse

Number = int | float | str | None
"""A number, an expression over the header's symbols, or None for unknown."""

VERSION = 1
"""Version of the format, in the header's `symarch_trace`."""

LARGEST_FILE = 2**30
"""Bytes of the largest trace file read."""

LARGEST = 1e300
"""Size of the largest number."""

MOST_FAULTS = 100
"""Faults reported of one file."""

KINDS = ("matmul", "attention", "moe_matmul", "elementwise", "norm", "softmax", "rope", "embed", "gather", "copy",
         "collective", "p2p", "host")  # fmt: skip
PRODUCTS = ("matmul", "attention", "moe_matmul")
"""Kinds whose FLOPs matter: those of matrix products."""

PHASES = ("prefill", "decode", "encode", "other")
ROLES = ("weight", "expert_weight", "table", "kv_read", "kv_write", "state_read", "state_write", "act_in", "act_out",
         "scratch")  # fmt: skip
ORIGINS = ("given", "shapes", "formula", "none")
"""Where FLOPs come from: stated by the trace, computed from shapes, a closed form; none if they are unknown."""

COLLECTIVES = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "send", "recv")
AXES = ("tp", "ep", "pp", "dp", "cp")
CAUSAL = ("half", "full")
SIZES = ("batch", "prompt", "output", "context")
DTYPE_CLASSES = ("weights", "experts", "kv_cache", "activations", "state")
STORED = ("weights", "experts", "kv_per_token", "kv_cache", "state")


@attrs.frozen
class Tensor:
    """A tensor that an operator reads or writes.

    Attributes:
        role: weight, expert_weight, table (of which single rows are read), kv_read, kv_write, state_read, state_write,
            act_in, act_out, or scratch: an intermediate that a fused kernel keeps on the chip.
        bytes: bytes the operator moves as it was executed [B].
        unique: distinct bytes among them: the weights of the experts hit, not one copy for every token [B].
        shape: its dimensions.
        dtype: data type.
        extent: bytes that lie together [B], None for whole pages.
        dependent: whether its address is known only from the operator before.
        name: of a parameter, its name.
    """

    role: str
    bytes: Number = None
    unique: Number = None
    shape: tuple[Number, ...] | None = None
    dtype: str | None = None
    extent: Number = None
    dependent: bool = False
    name: str = ""

    @property
    def moved(self) -> Number:
        """Return the distinct bytes, or all bytes where only those are known."""
        return self.bytes if self.unique is None else self.unique


@attrs.frozen
class Communication:
    """What devices send each other.

    Attributes:
        type: all_reduce, all_gather, reduce_scatter, all_to_all, broadcast, send or recv.
        bytes: of the logical tensor: the full vector for all-reduce, the gathered buffer for all-gather and
            reduce-scatter, what one rank sends for all-to-all [B].
        axis: parallel axis, tp, ep, pp, dp or cp; None if unknown.
        group: name of the group of devices.
    """

    type: str
    bytes: Number = None
    axis: str | None = None
    group: str | None = None


@attrs.frozen
class Work:
    """What a record asks of the hardware.

    Attributes:
        kind: one of `KINDS`.
        phase: prefill, decode, encode or other.
        repeat: how often it runs in one pass.
        op: the operator of the source, such as `aten.mm.default`.
        dtype: data type of the arithmetic.
        einsum: the product in index notation.
        dims: dimensions by name.
        tensors: what it reads and writes.
        flops: of one run [FLOP]; None if unknown.
        flops_from: given, shapes, formula, or none where they are unknown.
        comm: for collective and p2p, the communication.
    """

    kind: str
    phase: str
    repeat: Number = 1
    op: str | None = None
    dtype: str | None = None
    einsum: str | None = None
    dims: tuple[tuple[str, Number], ...] = ()
    tensors: tuple[Tensor, ...] = ()
    flops: Number = None
    flops_from: str = "none"
    comm: Communication | None = None


@attrs.frozen
class Provenance:
    """Where a record comes from: the reader, the dialect it recognised, and the place in the source."""

    reader: str = ""
    dialect: str = ""
    ref: str = ""


@attrs.frozen
class Record:
    """One operator of a trace.

    Attributes:
        id: unique in the trace.
        name: path of its module; `*` stands for the layers of merged records.
        work: what it asks of the hardware.
        deps: records whose output it needs.
        ctrl_deps: records it waits for.
        duration: measured time [s].
        device: device it ran on.
        prov: where it comes from.
    """

    id: str
    name: str
    work: Work
    deps: tuple[str, ...] = ()
    ctrl_deps: tuple[str, ...] = ()
    duration: float | None = None
    device: str | None = None
    prov: Provenance | None = None


@attrs.frozen
class Symbol:
    """A symbol of a trace: batch, prompt and context are the workload's, any other has a value here."""

    value: int | float
    low: int | float | None = None
    high: int | float | None = None


@attrs.frozen(kw_only=True)
class Trace:
    """The records of a trace, one device's, with what holds for all of them.

    Attributes:
        model: name of the model.
        source: who made it, of what.
        sizes: batch, prompt, output or context at which it was taken.
        symbols: symbols of its expressions.
        tensor: tensor-parallel degree it was taken at, None if unknown.
        dtypes: data type by tensor class.
        stored: elements one device keeps: weights, experts, kv_per_token over the layers that keep all tokens, kv_cache
            of one sequence at the largest context, state of one sequence.
        parameters: stored weights of the model, None if unknown.
        active_parameters: less the experts that one token is not routed to.
        streamed_parameters: what one decode step at batch 1 reads.
        causal: half if causal attention is counted exactly, full if its whole square is.
        notes: sentences on what was assumed, derived or left out.
        records: the operators in order.
    """

    model: str
    records: tuple[Record, ...]
    source: str = ""
    sizes: Mapping[str, int] = attrs.field(factory=dict)
    symbols: Mapping[str, Symbol] = attrs.field(factory=dict)
    tensor: int | None = None
    dtypes: Mapping[str, str] = attrs.field(factory=dict)
    stored: Mapping[str, int | float] | None = None
    parameters: int | None = None
    active_parameters: int | None = None
    streamed_parameters: int | None = None
    causal: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def phases(self) -> tuple[str, ...]:
        """Return the phases that records belong to, in the order of `PHASES`."""
        found = {r.work.phase for r in self.records}
        return tuple(p for p in PHASES if p in found)


_LAYER = re.compile(r"(?<=\.)\d+(?=\.|$)")


def starred(name: str) -> str:
    """Return a module's path with `*` for numbers of layers."""
    return _LAYER.sub("*", name) if "." in name else name


def merge(records: Iterable[Record]) -> list[tuple[str, Work, int]]:
    """Merge equal operators: (name, work, how many records); the first keeps its place."""
    counts: dict[tuple[str, int], list[Any]] = {}
    names: dict[str, str] = {}
    for record in records:
        name = names.get(record.name)
        if name is None:
            name = names[record.name] = starred(record.name)
        entry = counts.get((name, id(record.work)))
        if entry is None:
            counts[name, id(record.work)] = [name, record.work, 1]
        else:
            entry[2] += 1
    merged: dict[tuple[str, Work], int] = {}
    for name, work, count in counts.values():
        merged[name, work] = merged.get((name, work), 0) + count
    return [(name, work, count) for (name, work), count in merged.items()]


def merged(trace: Trace) -> Trace:
    """Return a trace with one record for all equal ones, `repeat` counting them; their dependencies are left out."""
    records = []
    first: dict[tuple[str, Work], Provenance | None] = {}
    for record in trace.records:
        first.setdefault((starred(record.name), record.work), record.prov)
    for position, (name, work, count) in enumerate(merge(trace.records)):
        prov = first[name, work]
        if count > 1:
            repeat = f"({work.repeat})*{count}" if isinstance(work.repeat, str) else (work.repeat or 1) * count
            work = attrs.evolve(work, repeat=repeat)
        records.append(Record(f"{position}", name, work, prov=prov))
    return attrs.evolve(trace, records=tuple(records))


def with_phase(trace: Trace, phase: str) -> Trace:
    """Return a trace whose records of unknown phase are of a given one."""
    works: dict[int, Work] = {}
    records = []
    for record in trace.records:
        if record.work.phase == "other":
            if id(record.work) not in works:
                works[id(record.work)] = attrs.evolve(record.work, phase=phase)
            record = attrs.evolve(record, work=works[id(record.work)])
        records.append(record)
    return attrs.evolve(trace, records=tuple(records))


def flop_origins(trace: Trace) -> dict[str, int]:
    """Return how many matrix products state their FLOPs (given), have them derived, or leave them unknown."""
    found = {"given": 0, "derived": 0, "unknown": 0}
    words = {"given": "given", "formula": "derived", "shapes": "derived", "none": "unknown"}
    for record in trace.records:
        if record.work.kind in PRODUCTS:
            repeat = record.work.repeat
            found[words[record.work.flops_from]] += repeat if isinstance(repeat, int) else 1
    return found


def flops_warning(trace: Trace) -> str | None:
    """Return a sentence if more than 0.1 % of the matrix products leave their FLOPs unknown, else None."""
    found = flop_origins(trace)
    products = sum(found.values())
    if found["unknown"] * 1000 <= products:
        return None
    return f"{found['unknown']} of {products} matrix products have unknown FLOPs; times from this trace are too short"


# --- writing


def write_trace(trace: Trace, path: Path) -> None:
    """Write a trace as JSON Lines. Raises ModelError if the file cannot be written."""
    try:
        with path.open("w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines_of(trace))
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror}") from None


def lines_of(trace: Trace) -> Iterator[str]:
    """Yield the lines of a trace."""
    header: dict[str, Any] = {"symarch_trace": VERSION, "model": trace.model, "source": trace.source}
    header |= {"flops_convention": "2mnk", "bytes_unit": "byte"}
    for key in ("sizes", "dtypes", "stored"):
        if getattr(trace, key):
            header[key] = dict(getattr(trace, key))
    if trace.symbols:
        header["symbols"] = {n: attrs.asdict(s) for n, s in trace.symbols.items()}
    for key in ("tensor", "parameters", "active_parameters", "streamed_parameters", "causal"):
        if getattr(trace, key) is not None:
            header[key] = getattr(trace, key)
    if trace.notes:
        header["notes"] = list(trace.notes)
    yield _dumps(header)
    shown: dict[int, dict[str, Any]] = {}
    for record in trace.records:
        work = shown.get(id(record.work))
        if work is None:
            work = shown[id(record.work)] = _work_data(record.work)
        data: dict[str, Any] = {"id": record.id, "name": record.name} | work
        if record.deps:
            data["deps"] = record.deps
        if record.ctrl_deps:
            data["ctrl_deps"] = record.ctrl_deps
        if record.duration is not None:
            data["duration"] = record.duration
        if record.device is not None:
            data["device"] = record.device
        if record.prov is not None:
            data["prov"] = attrs.asdict(record.prov)
        yield _dumps(data)


def _dumps(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(", ", ": "))


def _work_data(work: Work) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": work.kind, "phase": work.phase, "repeat": work.repeat}
    for key in ("op", "dtype", "einsum"):
        if getattr(work, key) is not None:
            data[key] = getattr(work, key)
    if work.dims:
        data["dims"] = dict(work.dims)
    data["flops"], data["flops_from"] = work.flops, work.flops_from
    if work.tensors:
        data["tensors"] = [_tensor_data(t) for t in work.tensors]
    if work.comm is not None:
        data["comm"] = attrs.asdict(work.comm)
    return data


def _tensor_data(tensor: Tensor) -> dict[str, Any]:
    data: dict[str, Any] = {"role": tensor.role, "bytes": tensor.bytes}
    if tensor.unique is not None:
        data["unique"] = tensor.unique
    if tensor.shape is not None:
        data["shape"] = list(tensor.shape)
    if tensor.dtype is not None:
        data["dtype"] = tensor.dtype
    if tensor.extent is not None:
        data["extent"] = tensor.extent
    if tensor.dependent:
        data["dependent"] = True
    if tensor.name:
        data["name"] = tensor.name
    return data


# --- reading


def read_trace(path: Path) -> Trace:
    """Read a trace of JSON Lines. Raises ModelError with every fault and its line."""
    text = text_of(path)
    collecting = gc.isenabled()
    gc.disable()  # many small objects and no circles: a third of the time would go into looking for them
    try:
        return _Reader(str(path)).read(text)
    finally:
        if collecting:
            gc.enable()


def text_of(path: Path) -> str:
    """Return the text of a file. Raises ModelError."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ModelError(f"{path}: larger than {LARGEST_FILE // 2**20} MiB; merge its equal operators first")
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: not UTF-8 text: byte {error.start} cannot be read") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None


def parse_trace(text: str, name: str = "trace") -> Trace:
    """Read a trace from the text of a file. Raises ModelError with every fault and its line."""
    return _Reader(name).read(text)


class _Fault(Exception):
    """A fault of one line, without its place."""


def _constant(text: str) -> Any:
    raise _Fault(f"{text} is no number here; what is unknown is null")


_DECODER = json.JSONDecoder(parse_constant=_constant)

_HEADER = ("symarch_trace", "model", "source", "flops_convention", "bytes_unit", "sizes", "dtypes", "stored", "symbols",
           "tensor", "parameters", "active_parameters", "streamed_parameters", "causal", "notes", "phase")  # fmt: skip
_OWN = ("id", "name", "deps", "ctrl_deps", "duration", "device", "prov")
_WORK = ("kind", "phase", "repeat", "op", "dtype", "einsum", "dims", "tensors", "flops", "flops_from", "comm")
_TENSOR = ("role", "bytes", "unique", "shape", "dtype", "extent", "dependent", "name")
_COMM = ("type", "bytes", "axis", "group")
_PROV = ("reader", "dialect", "ref")
_SYMBOL = ("value", "low", "high")
_DEEP = "lists and objects lie too deep within each other"


class _Reader:
    """Reads one file; collects its faults."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.faults: list[str] = []
        self.phase: str | None = None
        self.symbols: dict[str, Symbol] = {}
        self.works: dict[bytes, Work] = {}
        self.provs: dict[tuple[Any, ...], Provenance] = {}
        self.texts: set[str] = set()

    def read(self, text: str) -> Trace:
        lines = text.split("\n")
        header, start = self._header(lines)
        records: list[Record] = []
        places: dict[str, int] = {}
        ahead = False
        for number in range(start, len(lines)):
            line = lines[number]
            if not line or line.isspace():
                continue
            try:
                record = self._record(line)
                if record.id in places:
                    raise _Fault(f"id '{record.id:.60}' is already that of line {places[record.id]}")
            except _Fault as fault:
                self._add(number + 1, str(fault))
                continue
            for dep in record.deps + record.ctrl_deps:
                if dep not in places:
                    ahead = True
            places[record.id] = number + 1
            records.append(record)
        if ahead and not self.faults:
            self._check_deps(records, places)
        if not records and not self.faults:
            self._add(len(lines), "the trace has no records")
        if self.faults:
            more = len(self.faults) - MOST_FAULTS
            shown = self.faults[:MOST_FAULTS] + ([f"{self.name}: and {more} more faults"] if more > 0 else [])
            raise ModelError("\n".join(shown))
        return Trace(records=tuple(records), **header)

    def _add(self, line: int, sentence: str) -> None:
        self.faults.append(f"{self.name}:{line}: {sentence}")

    def _check_deps(self, records: list[Record], places: Mapping[str, int]) -> None:
        """Find dependencies that do not exist, and circles; only needed where one points ahead."""
        waiting = {}
        for record in records:
            missing = [d for d in record.deps + record.ctrl_deps if d not in places]
            for dep in missing:
                self._add(places[record.id], f"deps: there is no record '{dep:.60}'")
            waiting[record.id] = {*record.deps, *record.ctrl_deps} - set(missing)
        users: dict[str, list[str]] = {}
        for one, needs in waiting.items():
            for need in needs:
                users.setdefault(need, []).append(one)
        ready = [one for one, needs in waiting.items() if not needs]
        while ready:
            done = ready.pop()
            del waiting[done]
            for user in users.get(done, ()):
                waiting[user].discard(done)
                if not waiting[user]:
                    ready.append(user)
        if waiting:
            first = min(waiting, key=places.__getitem__)
            self._add(places[first], f"deps: '{first:.60}' waits for itself, through {len(waiting)} records")

    # --- the header

    def _header(self, lines: list[str]) -> tuple[dict[str, Any], int]:
        start = next((i for i, line in enumerate(lines) if line.strip()), 0)
        try:
            data = _object(lines[start])
            if "symarch_trace" not in data:
                raise _Fault("the first line is the header, an object with the key symarch_trace; there is none")
            if data["symarch_trace"] != VERSION or isinstance(data["symarch_trace"], bool):
                raise _Fault(f"symarch_trace is {_shown(data['symarch_trace'])}; this version reads {VERSION}")
        except _Fault as fault:
            raise ModelError(f"{self.name}:{start + 1}: {fault}") from None
        found: dict[str, Any] = {}
        for key, read in self._header_keys().items():
            try:
                value = read(data.get(key))
            except _Fault as fault:
                self._add(start + 1, f"{key}: {fault}")
            else:
                if value is not None:
                    found[key] = value
        for key in data:
            if key not in _HEADER:
                self._add(start + 1, f"unknown key '{key:.60}'; {nearest(key, _HEADER)}")
        self.phase = found.pop("phase", None)
        self.symbols = found.get("symbols", {})
        for key in ("flops_convention", "bytes_unit"):
            found.pop(key, None)
        found.setdefault("model", "")
        return found, start + 1

    def _header_keys(self) -> dict[str, Callable[[Any], Any]]:
        counts = dict.fromkeys(("tensor", "parameters", "active_parameters", "streamed_parameters"), _count)
        return {
            "model": _required(_text),
            "source": _text,
            "flops_convention": _one_of(("2mnk",)),
            "bytes_unit": _one_of(("byte",)),
            "sizes": lambda v: None if v is None else _keyed(v, SIZES, _required(_count)),
            "dtypes": lambda v: None if v is None else _keyed(v, DTYPE_CLASSES, _required(_dtype)),
            "stored": lambda v: None if v is None else _keyed(v, STORED, _required(_amount)),
            "symbols": lambda v: None if v is None else _keyed(v, None, _symbol),
            "causal": _one_of(CAUSAL),
            "notes": lambda v: None if v is None else tuple(_listed(v, _required(_text))),
            "phase": _one_of(PHASES),
            **counts,
        }

    # --- records

    def _record(self, line: str) -> Record:
        data = _object(line)
        take = data.pop
        key, name, deps, ctrl_deps = take("id", None), take("name", None), take("deps", None), take("ctrl_deps", None)
        duration, device, prov = take("duration", None), take("device", None), take("prov", None)
        try:
            signature = marshal.dumps(data, 2)  # the quickest exact key of plain data; version 2 has no back references
        except ValueError:
            raise _Fault(_DEEP) from None
        work = self.works.get(signature)
        if work is None:
            _object(line, careful=True)
            work = self.works[signature] = self._work(data)
        if type(key) is not str or not key:
            raise _Fault(f"id is {_shown(key)}; it must be a text")
        if type(name) is not str or not name:
            raise _Fault(f"name is {_shown(name)}; it must be a text")
        if duration is not None and not (type(duration) is float and 0 <= duration <= LARGEST):
            duration = _place("duration", _amount, duration)
        if device is not None:
            device = _place("device", _text, device)
        found = None if prov is None else self._prov(prov)
        needs = _names("deps", deps, key) if deps else ()
        after = _names("ctrl_deps", ctrl_deps, key) if ctrl_deps else ()
        return Record(key, name, work, needs, after, duration, device, found)

    def _prov(self, data: Any) -> Provenance:
        parts = tuple(data.values()) if type(data) is dict and tuple(data) == _PROV else ()
        try:
            return self.provs[parts]
        except (KeyError, TypeError):  # not met before, or no texts
            pass
        provs = _place("prov", lambda v: _keyed(v, _PROV, _required(_text)), data)
        found = Provenance(*(provs.get(k, "") for k in _PROV))
        return self.provs.setdefault((found.reader, found.dialect, found.ref), found)

    def _work(self, data: dict[str, Any]) -> Work:
        for key in data:
            if key not in _WORK:
                raise _Fault(f"unknown key '{key:.60}'; {nearest(key, (*_OWN, *_WORK))}")
        kind = _place("kind", _required(_one_of(KINDS)), data.get("kind"))
        phase = data.get("phase")
        phase = self.phase if phase is None else _place("phase", _one_of(PHASES), phase)
        if phase is None:
            raise _Fault(f"phase is missing here and in the header; it must be one of {', '.join(PHASES)}")
        repeat = data.get("repeat", 1)
        if not isinstance(repeat, str):
            repeat = _place("repeat", _required(_count), repeat)
        else:
            self._expression("repeat", repeat)
        flops = self._number("flops", data.get("flops"))
        stated = _place("flops_from", _one_of(ORIGINS), data.get("flops_from"))
        origin = stated or ("none" if flops is None else "given")
        if (flops is None) != (origin == "none"):
            words = "unknown" if flops is None else "known"
            raise _Fault(f"flops_from is '{origin}', but flops are {words}; unknown FLOPs are null, with 'none'")
        if kind in PRODUCTS and flops == 0:
            raise _Fault(f"flops is 0; a {kind} has some, and what is unknown is null")
        comm = data.get("comm")
        if (comm is not None) != (kind in ("collective", "p2p")):
            words = "is missing" if comm is None else "is given"
            raise _Fault(f"comm {words} for kind '{kind}'; collective and p2p have it, no other kind")
        return Work(
            kind,
            phase,
            repeat,
            _place("op", _text, data.get("op")),
            _place("dtype", _dtype, data.get("dtype")),
            _place("einsum", _text, data.get("einsum")),
            tuple((n, self._number(f"dims.{n:.60}", v)) for n, v in _place("dims", _mapping, data.get("dims")).items()),
            tuple(
                self._tensor(f"tensors[{i}]", t) for i, t in enumerate(_place("tensors", _list, data.get("tensors")))
            ),
            flops,
            origin,
            None if comm is None else self._comm(comm),
        )

    def _tensor(self, place: str, data: Any) -> Tensor:
        _known(place, data, _TENSOR)
        shape = data.get("shape")
        if shape is not None:
            shape = tuple(self._number(f"{place}.shape", v) for v in _place(f"{place}.shape", _list, shape))
        dependent = data.get("dependent", False)
        if not isinstance(dependent, bool):
            raise _Fault(f"{place}.dependent is {_shown(dependent)}; it must be true or false")
        return Tensor(
            _place(f"{place}.role", _required(_one_of(ROLES)), data.get("role")),
            self._number(f"{place}.bytes", data.get("bytes")),
            self._number(f"{place}.unique", data.get("unique")),
            shape,
            _place(f"{place}.dtype", _dtype, data.get("dtype")),
            self._number(f"{place}.extent", data.get("extent")),
            dependent,
            _place(f"{place}.name", _text, data.get("name")) or "",
        )

    def _comm(self, data: Any) -> Communication:
        _known("comm", data, _COMM)
        return Communication(
            _place("comm.type", _required(_one_of(COLLECTIVES)), data.get("type")),
            self._number("comm.bytes", data.get("bytes")),
            _place("comm.axis", _one_of(AXES), data.get("axis")),
            _place("comm.group", _text, data.get("group")),
        )

    def _number(self, place: str, value: Any) -> Number:
        if isinstance(value, str):
            self._expression(place, value)
            return value
        return _place(place, _amount, value)  # type: ignore[no-any-return]

    def _expression(self, place: str, text: str) -> None:
        if text in self.texts:
            return
        try:
            parse(text, self.symbols)
        except SpecError as error:
            raise _Fault(f"{place}: {error}") from None
        self.texts.add(text)


def _object(line: str, careful: bool = False) -> dict[str, Any]:
    """Parse a line; `careful` also refuses keys given twice, of which JSON readers keep the last silently."""
    try:
        data = json.loads(line, object_pairs_hook=_unique) if careful else _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise _Fault(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise _Fault(_DEEP) from None
    except ValueError as error:  # a number of thousands of digits
        raise _Fault(f"not JSON: {error}") from None
    if not isinstance(data, dict):
        raise _Fault(f"the line holds a {type(data).__name__}; every line is an object")
    return data


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Fault(f"the key '{key:.60}' is given twice")
        found[key] = value
    return found


def _place(place: str, read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except _Fault as fault:
        raise _Fault(f"{place}: {fault}") from None


def _known(place: str, data: Any, keys: tuple[str, ...]) -> None:
    if not isinstance(data, dict):
        raise _Fault(f"{place} is {_shown(data)}; it must be an object")
    for key in data:
        if key not in keys:
            raise _Fault(f"{place}: unknown key '{key:.60}'; {nearest(key, keys)}")


def _names(place: str, value: Any, own: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(type(v) is str for v in value):
        raise _Fault(f"{place} is {_shown(value)}; it must be a list of ids")
    if own in value:
        raise _Fault(f"{place}: '{own:.60}' depends on itself")
    return tuple(value)


def _required(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def required(value: Any) -> Any:
        if value is None:
            raise _Fault("it is missing")
        return read(value)

    return required


def _one_of(known: tuple[str, ...]) -> Callable[[Any], str | None]:
    def one_of(value: Any) -> str | None:
        if value is not None and (not isinstance(value, str) or value not in known):
            raise _Fault(f"it is {_shown(value)}; {nearest(str(value), known, limit=len(known))}")
        return value

    return one_of


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _Fault(f"it is {_shown(value)}; it must be a text")
    return value


def _dtype(value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or not value):
        raise _Fault(f"it is {_shown(value)}; it must be the name of a data type")
    return value


def _amount(value: Any) -> int | float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Fault(f"it is {_shown(value)}; it must be a number or null")
    if not 0 <= value <= LARGEST or not math.isfinite(value):
        raise _Fault(f"it is {_shown(value)}; it must be finite and not negative")
    return value


def _count(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**15):
        raise _Fault(f"it is {_shown(value)}; it must be a whole number, at least 1")
    return value


def _symbol(value: Any) -> Symbol:
    found = _keyed(value, _SYMBOL, _amount)
    if found.get("value") is None:
        raise _Fault("value is missing")
    return Symbol(**found)


def _keyed(value: Any, known: tuple[str, ...] | None, read: Callable[[Any], Any]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Fault(f"it is {_shown(value)}; it must be an object")
    found = {}
    for key, item in value.items():
        if known is not None and key not in known:
            raise _Fault(f"unknown key '{key:.60}'; {nearest(key, known)}")
        found[key] = _place(f"{key:.60}", read, item)
    return found


def _mapping(value: Any) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise _Fault(f"it is {_shown(value)}; it must be an object")
    return value or {}


def _list(value: Any) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise _Fault(f"it is {_shown(value)}; it must be a list")
    return value or []


def _listed(value: Any, read: Callable[[Any], Any]) -> list[Any]:
    return [read(v) for v in _list(value)]


def _shown(value: Any) -> str:
    if value is None:
        return "missing"
    if type(value) is int and abs(value) > LARGEST:
        return "a number of more than 300 digits"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."


class JsonLines:
    """The reader of canonical records."""

    name: ClassVar[str] = "jsonl"
    suffixes: ClassVar[tuple[str, ...]] = (".jsonl",)

    @staticmethod
    def sniff(head: bytes) -> bool:
        """Return whether the file begins with a header."""
        return b'"symarch_trace"' in head.split(b"\n", 1)[0]

    @staticmethod
    def read(path: Path) -> Trace:
        """Read a trace. Raises ModelError with every fault and its line."""
        return read_trace(path)


@hookimpl
def symarch_trace_readers() -> list[type]:
    """Return the readers of this module."""
    return [JsonLines]
