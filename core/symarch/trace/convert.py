"""From an architecture at one workload to a trace of canonical records: operators with their counts, one device's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symarch.errors import ModelError
from symarch.technologies import data_type
from symarch.trace.models import Architecture
from symarch.trace.operators import Access, Operator, Shard, Step
from symarch.trace.records import Communication, Number, Provenance, Record, Tensor, Trace, Work

READER = "symarch"
_KINDS = {"embedding": "embed"}
_AXES = {"tensor": "tp", "expert": "ep", "pipeline": "pp", "data": "dp", "context": "cp"}
_READ = {"weights": "weight", "experts": "expert_weight", "kv_cache": "kv_read", "state": "state_read",
         "activations": "act_in"}  # fmt: skip
_WRITTEN = {"kv_cache": "kv_write", "state": "state_write", "activations": "act_out"}


def trace_of(model: Architecture, phases: Sequence[str], sizes: Mapping[str, int], dtypes: Mapping[str, str],
             tensor: int = 1) -> Trace:  # fmt: skip
    """Return the trace of a model at one workload.

    Args:
        model: the architecture.
        phases: prefill, decode, or both.
        sizes: batch and prompt, with output the mean decode step, or batch and context.
        dtypes: data type of each tensor class.
        tensor: tensor-parallel degree; the trace is that of one device.

    Raises:
        MappingError: if the degree does not divide the model.
    """
    shard = Shard(tensor=tensor)
    model.check_shard(shard)
    records: list[Record] = []
    for phase in phases:
        operators = model.operators(step_of(phase, sizes, dtypes), shard)
        records += [_record(o, phase, model.name) for o in operators]
    stored = model.stored(shard)
    kept: dict[str, int | float] = {"weights": stored.weights, "experts": stored.experts}
    kept["kv_per_token"] = stored.kv_per_token
    kept["kv_cache"] = stored.cached(_largest_context(sizes))
    if stored.state:
        kept["state"] = stored.state
    return Trace(
        model=model.name,
        records=tuple(records),
        source="symarch trace convert",
        sizes=dict(sizes),
        tensor=tensor,
        dtypes=dict(dtypes),
        stored=kept,
        parameters=model.parameters(),
        active_parameters=model.active_parameters(),
        streamed_parameters=model.streamed_parameters(),
        causal="half",
        notes=tuple(model.notes),
    )


def _largest_context(sizes: Mapping[str, int]) -> int:
    return sizes["context"] if "context" in sizes else sizes["prompt"] + sizes.get("output", 1)


def step_of(phase: str, sizes: Mapping[str, int], dtypes: Mapping[str, str]) -> Step:
    """Return one pass at given sizes; a decode step over an output is that at the mean context."""
    context: Any = sizes.get("context")
    if context is None:
        prompt = sizes["prompt"]
        context = prompt if phase == "prefill" else prompt + sizes["output"] / 2
        context = int(context) if context == int(context) else context
    final = None if "context" in sizes else sizes["prompt"] + sizes.get("output", 1)
    width = {tensor: data_type(name).bytes for tensor, name in dtypes.items()}
    return Step(
        phase=phase,
        batch=sizes["batch"],
        tokens=sizes["prompt"] if phase == "prefill" else 1,
        context=context,
        weights=width["weights"],
        experts=width.get("experts", width["weights"]),
        kv_cache=width["kv_cache"],
        activations=width["activations"],
        flop_per_mac=2,
        dtypes=dtypes,
        state=width.get("state", width["kv_cache"]),
        final=final,
    )


def _record(operator: Operator, phase: str, model: str) -> Record:
    tensors = [t for access in operator.accesses for t in _tensors(access, operator)]
    known = not (isinstance(operator.flops, int) and operator.flops == 0)
    comm = None
    if operator.collective is not None:
        axis = _AXES.get(operator.collective.axis, "tp")
        operation = operator.collective.operation
        comm = Communication("send" if operation == "point_to_point" else operation, operator.collective.size, axis)
    kind = "p2p" if comm is not None and comm.type == "send" else _KINDS.get(operator.kind, operator.kind)
    work = Work(
        kind=kind,
        phase=phase,
        repeat=operator.count,
        dtype=operator.dtype,
        dims=tuple((n, _plain(v)) for n, v in operator.dims.items()),
        tensors=tuple(tensors),
        flops=_plain(operator.flops) if known else None,
        flops_from="formula" if known else "none",
        comm=comm,
    )
    return Record(f"{phase}.{operator.name}", operator.name, work, prov=Provenance(READER, "architecture", model))


def _plain(value: Any) -> Number:
    return int(value) if isinstance(value, bool) else value


def _tensors(access: Access, operator: Operator) -> list[Tensor]:
    found = []
    for amount, roles in ((access.read, _READ), (access.write, _WRITTEN)):
        if isinstance(amount, int | float) and amount == 0:
            continue
        role = roles.get(access.tensor)
        if role is None:
            raise ModelError(f"operator {operator.name} writes {access.tensor}, which a trace has no role for")
        if operator.kind == "embedding" and role == "weight":
            role = "table"
        found.append(Tensor(role, _plain(amount), extent=_plain(access.extent), dependent=access.dependent))
    return found
