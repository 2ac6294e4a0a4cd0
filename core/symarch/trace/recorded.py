"""A recorded trace as a model: its operators are what was recorded, whatever the workload.

A trace has the sizes it was taken at. They are no symbols of an analysis, unless the trace declares them: operators
then are expressions over `batch`, `prompt` (prefill) and `context` (decode). Equal operators are merged before anything
is built. Bytes are kept as elements of the trace's data types, so that `dtype.weights` and the like remain symbols.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs

from symarch.errors import MappingError, ModelError, WorkloadError
from symarch.plugins import registry
from symarch.program import total
from symarch.program.expressions import Expression
from symarch.program.grammar import parse
from symarch.technologies import DATA_TYPES, Quantity, data_type
from symarch.trace.models import Architecture, Stored
from symarch.trace.operators import Access, Collective, Operator, Shard, Step
from symarch.trace.records import PRODUCTS, SIZES, Communication, Number, Tensor, Trace, Work, merge

CLASSES = {
    "weight": "weights", "table": "weights", "expert_weight": "experts", "kv_read": "kv_cache", "kv_write": "kv_cache",
    "state_read": "state", "state_write": "state", "act_in": "activations", "act_out": "activations",
}  # fmt: skip
"""The tensor class of each role; scratch has none: a fused kernel keeps it on the chip."""

WRITES = frozenset({"kv_write", "state_write", "act_out"})
_KINDS = {"embed": "embedding", "softmax": "elementwise", "rope": "elementwise", "gather": "elementwise",
          "copy": "elementwise"}  # fmt: skip
_AXES = {"tp": "tensor", "ep": "expert", "pp": "pipeline", "dp": "data", "cp": "context"}
_SYMBOLS = {"prefill": ("batch", "prompt"), "decode": ("batch", "context")}


class _Dims(dict[str, Quantity]):
    """Dimensions of a recorded operator; one that a processor needs and the trace lacks is named."""

    def __init__(self, owner: str, dims: Mapping[str, Quantity]) -> None:
        super().__init__(dims)
        self.owner = owner

    def __missing__(self, key: str) -> Quantity:
        raise MappingError(f"the processor needs dimension '{key}' of {self.owner}, which the trace does not state")


@attrs.frozen
class _Merged:
    """A distinct operator of a phase."""

    name: str
    work: Work
    count: int


class RecordedTrace:
    """A trace that commands take as a model. Raises ModelError if it cannot be one.

    Args:
        trace: the records.
        name: what to call it where the trace has no name.
    """

    def __init__(self, trace: Trace, name: str = "trace") -> None:
        self.trace = trace
        self.name = trace.model or name
        self._unread: list[str] = []
        self._expressions: dict[str, Expression] = {}
        self.merged = self._merge()
        self.phases = tuple(p for p in ("prefill", "decode") if any(m.work.phase == p for m in self.merged))
        if not self.phases:
            raise ModelError(
                f"{self.name} has no prefill and no decode pass, only {', '.join(trace.phases)}; "
                "symarch trace convert --phase says what its records are"
            )
        self._check_symbols()
        roles = {t.role for m in self.merged for t in m.work.tensors}
        optional = {"experts": "expert_weight" in roles, "state": bool(roles & {"state_read", "state_write"})}
        order = ("weights", "experts", "kv_cache", "state", "activations")
        self.tensors = tuple(t for t in order if optional.get(t, True))
        self.dtypes = {t: trace.dtypes.get(t, "bf16") for t in self.tensors}
        for tensor, dtype in self.dtypes.items():
            if dtype not in DATA_TYPES:
                raise ModelError(f"{self.name}: dtypes.{tensor} is {dtype!r}; known: {', '.join(DATA_TYPES)}")
        self.taken_at = self._taken_at()
        self.notes = tuple(self._notes())

    # --- what a model answers

    @property
    def sizes(self) -> Mapping[str, float]:
        """Return no sizes: a recorded model's own are what they are."""
        return {}

    @property
    def options(self) -> tuple[str, ...]:
        """Return no sizes of a workload beyond the usual."""
        return ()

    def resized(self, sizes: Mapping[str, Quantity]) -> RecordedTrace:
        """Return the same trace. Raises WorkloadError if asked for other sizes."""
        if sizes:
            raise WorkloadError(f"{self.name} is a recorded trace; its sizes cannot change")
        return self

    def parameters(self) -> Any:
        """Return the stored weights of the model, None if the trace does not state them."""
        return self.trace.parameters

    def active_parameters(self) -> Any:
        """Return `parameters` less the experts that one token is not routed to, None if unknown."""
        return self.trace.active_parameters

    def streamed_parameters(self) -> Any:
        """Return what one decode step at batch 1 reads, None if unknown."""
        return self.trace.streamed_parameters

    def check_shard(self, shard: Shard) -> None:
        """Raise MappingError if the mapping divides the model otherwise than the trace."""
        for axis, degree in attrs.asdict(shard).items():
            if axis != "tensor" and isinstance(degree, int) and not isinstance(degree, bool) and degree > 1:
                raise MappingError(f"{self.name} is a recorded trace of one device; it cannot be divided by {axis}")
        taken = self.trace.tensor
        if taken is not None and shard.tensor != taken:
            raise MappingError(
                f"{self.name} was recorded on one of {taken} tensor-parallel devices, the mapping has {shard.tensor}; "
                f"set mapping.tensor={taken} or convert the model with --tensor {shard.tensor}"
            )
        for merged in self.merged:
            axis = _AXES[(merged.work.comm.axis or "tp") if merged.work.comm else "tp"]
            if merged.work.comm is not None and getattr(shard, axis, 1) == 1:
                raise MappingError(
                    f"{self.name} communicates among {axis}-parallel devices ({merged.name}); the mapping has one"
                )

    def stored(self, shard: Shard) -> Stored:
        """Return what one device keeps: as the trace states it, else the weights it reads."""
        given = self.trace.stored or {}
        weights, experts = given.get("weights"), given.get("experts", 0)
        if weights is None:
            weights, experts = self._read("weights"), self._read("experts")
        per_token = given.get("kv_per_token", 0)
        fixed: Any = 0
        if "kv_cache" in given:
            fixed = given["kv_cache"] - per_token * self._largest_context()
        return Stored(weights, experts, per_token, kv_fixed=fixed, state=given.get("state", 0))

    def operators(self, step: Step, shard: Shard) -> list[Operator]:
        """Return the recorded operators of a phase on one device. Raises WorkloadError if there are none."""
        found = [m for m in self.merged if m.work.phase == step.phase]
        if not found:
            raise WorkloadError(f"{self.name} has no {step.phase} pass; it has {' and '.join(self.phases)}")
        known = {n: s.value for n, s in self.trace.symbols.items()}
        sizes = {"batch": step.batch, "prompt": step.tokens, "context": step.context}
        known |= {n: sizes[n] for n in _SYMBOLS[step.phase] if n in self.trace.symbols}
        return [self._operator(m, step, known) for m in found]

    # --- building

    def _merge(self) -> list[_Merged]:
        found: list[_Merged] = []
        taken: dict[tuple[str, str], int] = {}
        for name, work, count in merge(self.trace.records):
            if work.phase not in ("prefill", "decode") or work.kind == "host":
                continue
            again = taken[work.phase, name] = taken.get((work.phase, name), 0) + 1
            found.append(_Merged(name if again == 1 else f"{name}#{again}", work, count))
        return found

    def _check_symbols(self) -> None:
        """Refuse expressions over sizes that their phase does not have."""
        for merged in self.merged:
            for text in _texts(merged.work):
                if text not in self._expressions:
                    self._expressions[text] = parse(text, self.trace.symbols)
                for name in self._expressions[text].names:
                    if name in ("prompt", "context") and name not in _SYMBOLS[merged.work.phase]:
                        allowed = " and ".join(_SYMBOLS[merged.work.phase])
                        raise ModelError(
                            f"{self.name}: {merged.name} is an expression over {name}; "
                            f"{merged.work.phase} has {allowed}"
                        )

    def _taken_at(self) -> dict[str, int]:
        """Return the workload's sizes that the trace fixes."""
        free = set(self.trace.symbols)
        usual = {"batch": 1, "prompt": 1, "output": 2}
        if self.phases == ("decode",) and ("context" in self.trace.sizes or "context" in free):
            usual = {"batch": 1, "context": 1}
        elif self.phases == ("prefill",):
            usual = {"batch": 1, "prompt": 1}
        if "context" in free:
            free |= {"prompt", "output"}
        return {n: self.trace.sizes.get(n, v) for n, v in usual.items() if n not in free}

    def phase_of(self, asked: str) -> str:
        """Return the phase to run where one is asked for: of `both`, what the trace has."""
        return self.phases[0] if asked == "both" and len(self.phases) == 1 else asked

    def check_given(self, names: Iterable[str]) -> None:
        """Raise WorkloadError if a size of the workload is given that the trace fixes or does not have."""
        free = set(self.trace.symbols)
        if "context" in free:  # the mean over decode steps needs the first and the last
            free |= {"prompt", "output"}
        for name in names:
            if name in SIZES and name not in free:
                at = ", ".join(f"{n} {v}" for n, v in self.taken_at.items())
                raise WorkloadError(f"{name} cannot be given: {self.name} is a recorded trace, taken at {at}")

    def check_types(self, dtypes: Mapping[str, str] | None) -> None:
        """Raise WorkloadError if data types are asked for that are not those it was taken with; None asks for none."""
        if dtypes is not None and dict(dtypes) != dict(self.dtypes):
            taken = ", ".join(f"{tensor} {dtype}" for tensor, dtype in self.dtypes.items())
            raise WorkloadError(f"dtype cannot be given: the trace was taken with {taken}")

    def _largest_context(self) -> int:
        if "context" in self.taken_at:
            return self.taken_at["context"]
        return self.taken_at.get("prompt", 1) + self.taken_at.get("output", 1)

    def _notes(self) -> list[str]:
        notes = list(self.trace.notes)
        sizes = ", ".join(f"{n} {v}" for n, v in self.taken_at.items())
        if sizes:
            notes.append(f"the operators are those of a recorded trace, taken at {sizes}")
        for name in self.taken_at:
            if name not in self.trace.sizes:
                notes.append(f"the trace states no {name}: {self.taken_at[name]} is assumed")
        unknown = sum(m.count for m in self.merged if m.work.kind in PRODUCTS and m.work.flops is None)
        products = sum(m.count for m in self.merged if m.work.kind in PRODUCTS)
        if unknown:
            notes.append(
                f"{unknown} of {products} matrix products state no FLOPs: their arithmetic takes no time here, so that "
                "times are too short"
            )
        silent = sum(1 for m in self.merged for t in m.work.tensors if t.moved is None and t.role != "scratch")
        if silent:
            notes.append(f"{silent} tensors state no bytes: reading and writing them takes no time here")
        still = sum(1 for m in self.merged if m.work.comm is not None and m.work.comm.bytes is None)
        if still:
            notes.append(f"{still} collectives state no bytes and take latency only")
        if any(t.role == "scratch" for m in self.merged for t in m.work.tensors):
            notes.append("tensors marked scratch stay on the chip")
        others = sorted({r.work.phase for r in self.trace.records} - {"prefill", "decode"})
        if others:
            notes.append(f"records of phase {' and '.join(others)} are left out")
        if any(r.work.kind == "host" for r in self.trace.records):
            notes.append("what runs on the host is left out")
        if self.trace.stored and not {"kv_per_token", "kv_cache"} & set(self.trace.stored):
            notes.append("the trace does not state the size of the KV cache: capacity leaves it out")
        if not self.trace.stored:
            notes.append("the trace does not state what is stored: capacity counts the weights one pass reads")
        return notes

    def _read(self, tensor: str) -> Quantity:
        """Return the elements of weights that one pass reads."""
        phase = self.phases[-1]
        width = data_type(self.dtypes.get(tensor, "bf16")).bytes
        known = {n: s.value for n, s in self.trace.symbols.items()}
        return total(
            m.count * self._value(m.work.repeat, known) * self._value(t.moved or 0, known) / width
            for m in self.merged
            if m.work.phase == phase
            for t in m.work.tensors
            if CLASSES.get(t.role) == tensor
        )

    def _value(self, number: Number, known: Mapping[str, Any]) -> Any:
        if isinstance(number, str):
            return self._expressions[number].compute(known.__getitem__)
        return number

    def _operator(self, merged: _Merged, step: Step, known: Mapping[str, Any]) -> Operator:
        work = merged.work
        flops = self._value(work.flops or 0, known)
        if not _zero(flops):
            flops = _halved(flops) * step.flop_per_mac
        collective = None
        if work.comm is not None:
            collective = self._collective(work.comm, step, known)
        return Operator(
            merged.name,
            "collective" if work.kind == "p2p" else _KINDS.get(work.kind, work.kind),
            merged.count * self._value(work.repeat, known),
            _Dims(merged.name, {n: self._value(v, known) for n, v in work.dims}),
            self._dtype(work),
            flops=flops,
            accesses=self._accesses(work, step, known),
            collective=collective,
            context=any("context" in self._expressions[t].names for t in _texts(work)),
        )

    def _dtype(self, work: Work) -> str:
        """Return the data type of the arithmetic: as stated, else that of the activations."""
        return work.dtype if work.dtype in DATA_TYPES else self.dtypes["activations"]

    def _bytes(self, number: Number, tensor: str, step: Step, known: Mapping[str, Any]) -> Quantity:
        value = self._value(number or 0, known)
        if _zero(value):
            return 0
        return _over(value, data_type(self.dtypes[tensor]).bytes) * getattr(step, tensor)

    def _collective(self, comm: Communication, step: Step, known: Mapping[str, Any]) -> Collective:
        operation = "point_to_point" if comm.type in ("send", "recv") else comm.type
        size = self._bytes(comm.bytes, "activations", step, known)
        return Collective(operation, size, _AXES[comm.axis or "tp"])

    def _accesses(self, work: Work, step: Step, known: Mapping[str, Any]) -> tuple[Access, ...]:
        groups: dict[tuple[str, Number, bool], list[Tensor]] = {}
        for tensor in work.tensors:
            if tensor.role in CLASSES and tensor.moved is not None:
                groups.setdefault((CLASSES[tensor.role], tensor.extent, tensor.dependent), []).append(tensor)
        accesses = []
        for (name, extent, dependent), tensors in groups.items():
            ways: list[Quantity] = []
            for writes in (False, True):
                parts = [self._bytes(t.moved, name, step, known) for t in tensors if (t.role in WRITES) is writes]
                ways.append(total(parts) if parts else 0)
            lies = None if extent is None else self._bytes(extent, name, step, known)
            accesses.append(Access(name, ways[0], ways[1], lies, dependent))
        return tuple(accesses)


def _zero(value: Any) -> bool:
    return isinstance(value, int | float) and value == 0


def _over(value: Any, width: float) -> Any:
    """Divide bytes by a width; whole numbers stay whole where they can."""
    if isinstance(value, int) and isinstance(width, int) and value % width == 0:
        return value // width
    return value / width


def _halved(flops: Any) -> Any:
    return _over(flops, 2)


def _texts(work: Work) -> list[str]:
    """Return the expressions of a work."""
    numbers: list[Number] = [work.repeat, work.flops, *(v for _, v in work.dims)]
    for tensor in work.tensors:
        numbers += [tensor.moved, tensor.extent]
    if work.comm is not None:
        numbers.append(work.comm.bytes)
    return [n for n in numbers if isinstance(n, str)]


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(2**16)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None


def reader_of(path: Path) -> Any:
    """Return the reader that knows a file, None if it is no trace. Raises ModelError if two claim it."""
    head = _head(path)
    readers = registry().trace_readers()
    found = [r for r in readers.values() if path.suffix in r.suffixes and r.sniff(head)]
    if len(found) > 1:
        raise ModelError(f"{path}: the readers {' and '.join(sorted(r.name for r in found))} both claim it")
    if found:
        return found[0]
    named = [r.name for r in readers.values() if path.suffix in r.suffixes]
    if named and path.suffix != ".json":
        raise ModelError(f"{path}: a file {path.suffix} is read by {' or '.join(named)}, which does not recognise it")
    return None


def read_file(path: Path) -> Trace | None:
    """Read a trace of any format, None if the file is no trace. Raises ModelError."""
    if path.suffix == ".json" and b'"model_type"' in _head(path):
        return None  # a config.json, without asking every reader
    reader = reader_of(path)
    return None if reader is None else reader.read(path)


def load_trace(path: Path) -> Architecture | None:
    """Load a trace as a model, None if the file is no trace. Raises ModelError."""
    trace = read_file(path)
    if trace is None:
        return None
    return RecordedTrace(trace, path.stem)
