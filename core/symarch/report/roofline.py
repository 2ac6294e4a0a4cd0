"""The roofline of the operators: what each moves and computes, and the rates that its resources sustain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from symarch.analysis import Workload, workload_of
from symarch.analysis.mixed import Mix, pieces
from symarch.analysis.model import benches_of
from symarch.analysis.passes import repeated
from symarch.analysis.pools import share_of
from symarch.analysis.time import operator_load
from symarch.api import Analysis, Result
from symarch.mapping import Mapping as Placed
from symarch.mapping import mappings
from symarch.program import Max, Program, Tape, total
from symarch.program.derivatives import evaluate
from symarch.specs import System
from symarch.system import SystemGraph
from symarch.trace import Architecture, Divisible, Resizable

if TYPE_CHECKING:
    from symarch.analysis.model import Benches
    from symarch.analysis.time import Load
    from symarch.trace import Operator


@attrs.frozen
class RooflinePoint:
    """An operator with arithmetic, on one device.

    Attributes:
        operator: its name.
        phase: prefill or decode.
        intensity: FLOP per byte moved.
        rate: attained [FLOP/s].
        bound: the resource with the largest share of its time.
        share: of the phase's time, all its runs.
    """

    operator: str
    phase: str
    intensity: float
    rate: float
    bound: str
    share: float


@attrs.frozen
class Roofline:
    """The operators under their roofs.

    Attributes:
        points: the operators with arithmetic that move bytes, the largest share first.
        peak: arithmetic of the operator that sustains the most [FLOP/s].
        rates: the most that an operator sustains of each memory [B/s].
    """

    points: tuple[RooflinePoint, ...]
    peak: float
    rates: Mapping[str, float]


def roofline_of(analysis: Analysis, result: Result, values: Mapping[str, float]) -> Roofline:
    """Return the roofline at a point: the result there, and the value of every symbol."""
    single = "context" in result.workload
    program = traffic_program(analysis, single=single)
    computed = evaluate(program, values)
    found: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
    for key, index in program.outputs.items():
        kind, phase, operator, resource = key.split("\n")
        sums = found.setdefault((phase, operator), {"bytes": {}, "busy": {}})
        sums[kind][resource] = float(computed[index])
    recorded = analysis.recorded(single)
    model = evaluate(recorded.program, values)
    runs = {(o.phase, o.name): o for o in result.operators}
    rates: dict[str, float] = {}
    points, peak = [], 0.0
    for (phase, operator), sums in found.items():
        for memory, amount in sums["bytes"].items():
            busy = sums["busy"].get(memory, 0.0)
            if amount > 0 and busy > 0:
                rates[memory] = max(rates.get(memory, 0.0), amount / busy)
        own, moved = runs.get((phase, operator)), sum(sums["bytes"].values())
        flops = float(model[recorded.program.outputs[f"flops.{phase}.{operator}"]])
        if own is None or not (flops > 0 and moved > 0 and own.time > 0):
            continue
        peak = max(peak, flops / sums["busy"][""])
        points.append(RooflinePoint(operator, phase, flops / moved, flops / own.time, own.bound, own.share))
    return Roofline(tuple(sorted(points, key=lambda p: -p.share)), peak, rates)


def traffic_program(analysis: Analysis, *, single: bool) -> Program:
    """Return what one run of each operator moves and how long it keeps its resources busy, at the mean context.

    The outputs are named kind (bytes or busy), phase, operator, resource, with line feeds between.
    """
    tape = Tape()
    request = analysis.request(single)
    system, model = analysis.system, analysis.model
    placed = mappings(system, model)
    if request.model and isinstance(model, Resizable):
        model = model.resized({key: tape.input(f"model.{key}") for key in request.model})
    graphs = {p: SystemGraph.build(part, lambda c, p, _: tape.input(f"{c}.{p}")) for p, part in system.parts.items()}
    workload = workload_of(request, tape.input)
    sums: dict[str, list[Any]] = {}
    for phase, pool, part, own in ((p, *s) for p in request.phases for s in _seats(system, model, workload, p, placed)):
        mapping = placed[pool]
        benches = benches_of(graphs[pool], mapping)
        for share, operator, load in _loads(benches, part, own, phase, mapping.together(own.batch)):
            if operator.collective is not None or not load.arithmetic:
                continue
            key = f"{phase}\n{operator.name}"
            moved = {f"bytes\n{key}\n{m}": read + written for m, (read, written) in load.traffic.items()}
            moved |= {f"busy\n{key}\n{m}": load.data[m] for m in load.traffic if m in load.data}
            moved[f"busy\n{key}\n"] = Max(*load.arithmetic.values())
            for name, value in moved.items():
                sums.setdefault(name, []).append(repeated(value, share))
    outputs = {name: total(values) for name, values in sums.items()}
    return Program.of(tape, outputs).pruned()


def _seats(
    system: System, model: Architecture, workload: Workload, phase: str, placed: Mapping[str, Placed]
) -> list[tuple[str, Architecture, Workload]]:
    """Return the pools that run a phase, each with its part of the model and its workload."""
    if not system.pools:
        return [("", model, workload)]
    roles = {pool: role for role, pool in system.roles.items()}
    return [
        (
            pool,
            model.part(roles[pool]) if isinstance(model, Divisible) else model,
            share_of(system, workload, roles[pool], placed[pool]),
        )
        for pool in system.seats(phase)
    ]


def _loads(benches: Benches, model: Architecture, workload: Workload, phase: str,
           batch: Any) -> Iterator[tuple[Any, Operator, Load]]:  # fmt: skip
    """Yield the operators of a phase with their loads, each with its share where passes are of several kinds."""
    if phase == "mixed":
        mix = Mix.of(workload, batch)
        for share, chunks, decoding in mix.kinds:
            for piece in pieces(benches, model, mix, chunks, decoding):
                yield share * piece.share, piece.operator, piece.load
        return
    kinds = workload.kinds if phase == "prefill" else [(1, workload)]
    rounds = total(share * one.rounds for share, one in kinds)
    for share, one in kinds:
        mine = share if len(kinds) == 1 else share * one.rounds / rounds
        step = one.step(phase, batch, one.mean(phase))
        for operator in model.operators(step, benches.main.mapping.shard):
            if operator.collective is None:
                yield mine, operator, operator_load(benches.of(operator), operator)
