"""Recording: the model run once on recording scalars, with what is known of every symbol beside the program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.analysis.limits import Constraint
from symarch.analysis.model import METRICS, Model, Workload, build_model
from symarch.analysis.notes import Note, grouped
from symarch.analysis.pools import build_pools
from symarch.analysis.schedule import OperatorTime
from symarch.errors import MappingError, WorkloadError, nearest
from symarch.mapping import Mapping as Placed
from symarch.mapping import mappings
from symarch.mapping.placement import scaled
from symarch.program import Program, Tape
from symarch.quantities import Dimensioned, format_quantity, format_setting, unit_dimension
from symarch.specs import System, prices_of
from symarch.specs.placement import FOLLOWING, TENSOR_CLASSES
from symarch.specs.systems import striped
from symarch.system import SystemGraph
from symarch.system.paths import write_rate
from symarch.technologies import data_type
from symarch.trace import Architecture, Resizable

PHASES = ("prefill", "decode", "both")
PHASE_METRICS = {"prefill": "ttft", "decode": "tpot", "mixed": "tpot"}
"""The metric that is the time of each phase."""

USUAL_TYPE = "bf16"
"""The data type of every class of tensors unless told otherwise."""

DEFAULTS = {"batch": 1, "prompt": 2048, "output": 256}
"""The workload unless told otherwise."""

LETTERS = {"weights": "w", "experts": "e", "kv_cache": "kv", "state": "s", "activations": "a"}
"""Index of a tensor class where its bytes are typeset."""

SHARES = ("acceptance", "hit_rate")
"""Sizes of a workload that are shares, from 0 to 1."""

LARGEST_SIZE = 10**15
"""The largest batch, prompt or output; up to here whole numbers and their products by 2 are exact in floats."""


@attrs.frozen
class Symbol:
    """A symbol of the program and what is known of it.

    Attributes:
        name: `hbf.read_time`, `batch` ...
        unit: its unit.
        value: in the spec, or the workload's default [SI].
        low: lower end of its range [SI], None if it has none.
        high: upper end of its range [SI].
        integer: whether only whole numbers make sense.
        better: more, less, or None: which direction improves the technology.
        ideal: its value at the speed of light, None if it has none.
        at_most: the largest value that makes sense, as 1 for a share; None if there is no such end.
        source: citation.
        status: measured, standard, announced or assumed.
        latex: how it is typeset, empty if nothing was declared.
    """

    name: str
    unit: str
    value: float
    low: float | None = None
    high: float | None = None
    integer: bool = False
    better: str | None = None
    ideal: float | None = None
    at_most: float | None = None
    source: str = ""
    status: str = "assumed"
    latex: str = ""


@attrs.frozen
class Request:
    """What kind of workload a program is for; sizes stay symbols.

    Attributes:
        phase: prefill, decode or both.
        dtypes: data type of each tensor class the model has.
        single: whether decode is one step at a given context instead of the mean over the output.
        fixed: sizes that are numbers: those a recorded trace was taken at.
        model: sizes of the model that are symbols, `model.KEY`, with their values.
        serving: sizes that only some ways of serving have, with their values: prefix, chunk, acceptance ...
        draft: drafted tokens that a decode step verifies.
        continuous: whether prefill and decode share steps.
    """

    phase: str
    dtypes: Mapping[str, str]
    single: bool = False
    fixed: Mapping[str, int] = attrs.field(factory=dict)
    model: Mapping[str, float] = attrs.field(factory=dict)
    serving: Mapping[str, float] = attrs.field(factory=dict)
    draft: int = 0
    continuous: bool = False

    @property
    def phases(self) -> tuple[str, ...]:
        """Return the phases in order."""
        if self.continuous:
            return ("mixed",)
        return ("prefill", "decode") if self.phase == "both" else (self.phase,)

    @property
    def sizes(self) -> tuple[str, ...]:
        """Return the names of the workload's sizes that are symbols."""
        return tuple(s for s in self.all_sizes if s not in self.fixed)

    @property
    def all_sizes(self) -> tuple[str, ...]:
        """Return the names of all sizes of the workload."""
        absent = {"chunk"} if self.single or self.phase == "decode" else set()
        serving = tuple(s for s in self.serving if s not in absent)
        if self.single:
            return ("batch", "context", *serving)
        usual = ("batch", "prompt") if self.phase == "prefill" else ("batch", "prompt", "output")
        return (*usual, *serving)


def parse_dtypes(text: str) -> dict[str, str]:
    """Parse `bf16` (all classes) or `weights=fp8,kv_cache=bf16`.

    Classes left out are bf16, experts like weights and recurrent states like the KV cache.

    Raises WorkloadError.
    """
    if "=" not in text:
        return dict.fromkeys(TENSOR_CLASSES, data_type(text.strip()).name)
    found: dict[str, str] = {}
    for part in text.split(","):
        tensor, _, name = (p.strip() for p in part.partition("="))
        if tensor not in TENSOR_CLASSES:
            raise WorkloadError(f"unknown tensor class {tensor!r} in dtype {text!r}; {nearest(tensor, TENSOR_CLASSES)}")
        if tensor in found:
            raise WorkloadError(f"{tensor} is given twice in dtype {text!r}")
        found[tensor] = data_type(name).name
    usual = {t: found.get(other, "bf16") for t, other in FOLLOWING.items()}
    return {t: found.get(t, usual.get(t, "bf16")) for t in TENSOR_CLASSES}


@attrs.frozen
class Recorded:
    """A recorded model.

    Attributes:
        program: outputs `metric.NAME`, `time.PHASE.OPERATOR`, `flops.PHASE.OPERATOR`, `used.NAME`, `limit.NAME` and
            `spare.NAME`.
        symbols: what is known of each input of the program, and of parameters it does not use.
        operators: the operators, their figures being outputs.
        constraints: the constraints, their figures being outputs.
        missing: for each metric that cannot be computed, what it lacks.
        notes: on what was assumed or is not modelled.
        mappings: parallel degrees and placement, by pool where the system has pools.
        wearing: memories that wear, the figures of their lives being outputs `lasts.NAME` and `bought.NAME`.
        tables: the table of the spec that each component is in.
    """

    program: Program
    symbols: Mapping[str, Symbol]
    operators: tuple[OperatorTime, ...]
    constraints: tuple[Constraint, ...]
    missing: Mapping[str, tuple[str, ...]]
    notes: tuple[Note, ...]
    mappings: Mapping[str, Placed]
    wearing: tuple[str, ...] = ()
    tables: Mapping[str, str] = attrs.field(factory=dict)

    @property
    def spare(self) -> dict[str, int]:
        """What static power leaves of limits on power and temperature, outputs by name; at 0 and below nothing runs."""
        return {name: index for name, index in self.program.outputs.items() if name.startswith("spare.")}

    @property
    def assumptions(self) -> tuple[str, ...]:
        """Return the notes as sentences."""
        return tuple(note.text for note in self.notes)

    @property
    def mapping(self) -> Placed:
        """Return the mapping of the first pool, or of all devices."""
        return next(iter(self.mappings.values()))


def symbols_of(system: System, request: Request) -> dict[str, Symbol]:
    """Return the symbols of a system and a workload by name."""
    found = {}
    for component in system.owners.values():
        for parameter in component.declared().values():
            setting = component.settings[parameter.name]
            if parameter.structural or setting.value is None:
                continue
            name = f"{component.name}.{parameter.name}"
            found[name] = Symbol(
                name=name,
                unit=parameter.unit,
                value=setting.value,
                low=setting.low,
                high=setting.high,
                integer=parameter.integer,
                better=parameter.better,
                ideal=parameter.ideal if parameter.has_ideal else None,
                at_most=parameter.at_most,
                source=setting.source,
                status=setting.status,
                latex=parameter.symbol,
            )
    for tensor, where in striped(system).items():
        shares = dict(where.fractions[1:])
        for memory, share in shares.items():
            name, rest = f"mapping.{tensor}.{memory}", 1 - sum(s for m, s in shares.items() if m != memory)
            found[name] = Symbol(name, "1", share, at_most=rest, source="the spec's mapping",
                                 latex=f"f_{{{memory}}}")  # fmt: skip
    for tensor in request.dtypes:
        name = f"dtype.{tensor}"
        width = data_type(request.dtypes[tensor]).bytes
        latex = f"b_{{{LETTERS[tensor]}}}"
        found[name] = Symbol(name, "B", width, better="less", source=f"data type {request.dtypes[tensor]}",
                             status="standard", latex=latex)  # fmt: skip
    found["trace.flop_per_mac"] = Symbol(
        "trace.flop_per_mac", "FLOP", 2, source="a multiply and an add", status="standard", latex="f_{mac}"
    )
    letters = {"batch": "N", "prompt": "S", "output": "O", "context": "T", "prefix": "P", "chunk": "C",
               "acceptance": "\\alpha", "hit_rate": "\\eta", "step_tokens": "M"}  # fmt: skip
    for key, number in request.model.items():
        name = f"model.{key}"
        found[name] = Symbol(name, "1", number, integer=isinstance(number, int), source="the model's configuration")
    for size in request.sizes:
        share = size in SHARES
        found[size] = Symbol(size, "1", _default(request, size), integer=not share, at_most=1 if share else None,
                             source="workload", latex=letters[size])  # fmt: skip
    return found


def _default(request: Request, size: str) -> float:
    """Return the value of a size unless told otherwise."""
    return request.serving.get(size, DEFAULTS.get(size, DEFAULTS["prompt"]))


def workload_of(request: Request, value: Any) -> Workload:
    """Build a workload of the scalars that `value(name)` gives."""
    sizes = {s: request.fixed[s] if s in request.fixed else value(s) for s in request.all_sizes}
    return Workload(
        batch=sizes["batch"],
        prompt=sizes.get("prompt", 1),
        output=sizes.get("output", 1),
        context=sizes.get("context"),
        bytes={t: value(f"dtype.{t}") for t in request.dtypes},
        flop_per_mac=value("trace.flop_per_mac"),
        dtypes=request.dtypes,
        phases=request.phases,
        prefix=sizes.get("prefix", 0),
        chunk=sizes.get("chunk"),
        draft=request.draft,
        acceptance=sizes.get("acceptance"),
        hit_rate=sizes.get("hit_rate"),
        step_tokens=sizes.get("step_tokens"),
    )


def run_on(
    system: System,
    model: Architecture,
    request: Request,
    value: Any,
    graphs: Mapping[str, SystemGraph] | None = None,
) -> Model:
    """Run the model on any kind of scalar: `value(name)` gives the scalar of each symbol.

    `graphs`: by pool, the systems built on these scalars, where they are known: the same for every mapping.
    """
    placed = mappings(system, model)  # which checks the model's own numbers
    if request.model and isinstance(model, Resizable):
        model = model.resized({key: value(f"model.{key}") for key in request.model})
    placed = {pool: attrs.evolve(mapping, place=scaled(mapping.place, value)) for pool, mapping in placed.items()}
    if graphs is None:
        graphs = {
            pool: SystemGraph.build(part, lambda component, parameter, _: value(f"{component}.{parameter}"))
            for pool, part in system.parts.items()
        }
    workload = workload_of(request, value)
    if system.pools:
        return build_pools(system, graphs, model, placed, workload)
    return build_model(graphs[""], model, placed[""], workload)


def record(system: System, model: Architecture, request: Request) -> Recorded:
    """Record the model of a system. Raises MappingError or WorkloadError."""
    tape = Tape()
    symbols = symbols_of(system, request)
    built = run_on(system, model, request, tape.input)
    outputs = {f"metric.{k}": v for k, v in built.metrics.items()}
    outputs |= {f"time.{o.phase}.{o.name}": o.time for o in built.operators}
    outputs |= {f"flops.{o.phase}.{o.name}": o.flops for o in built.operators}
    outputs |= {f"count.{o.phase}.{o.name}": o.count for o in built.operators}
    for constraint in built.constraints:
        outputs[f"used.{constraint.name}"] = constraint.used
        outputs[f"limit.{constraint.name}"] = constraint.limit
    outputs |= {f"spare.{name}": left for name, left in built.spare.items()}
    for name, (lasts, bought) in built.lasting.items():
        outputs |= {f"lasts.{name}": lasts, f"bought.{name}": bought}
    for phase, time in built.communication.items():
        outputs |= {f"communication.{phase}.exposed": time.exposed, f"communication.{phase}.hidden": time.hidden}
    _check_ports(system, symbols)
    placed = mappings(system, model)
    unknown = [
        u for c in system.components.values() for u in c.unknown if c.settings[u.partition(".")[2]].origin == "default"
    ]
    silent = [f"not given by the presets' sources, the technologies' defaults stand: {', '.join(unknown)}"]
    bits = system.in_bits
    set_by_hand = {
        f"{c.name}.{n}" for c in system.owners.values() for n, s in c.settings.items() if s.origin in ("spec", "--set")
    }
    outside = [
        f"{s.name} is {format_setting(s.value, s.unit, s.name in bits)}, outside its range "
        f"{format_setting(s.low, s.unit, s.name in bits)} to {format_setting(s.high, s.unit, s.name in bits)}"
        for s in symbols.values()
        if s.name in set_by_hand and s.low is not None and s.high is not None and not s.low <= s.value <= s.high
    ]
    crowded = [
        f"{c.name} is shared by {c.shared_by} devices, of which this system has {system.devices}"
        for c in system.components.values()
        if c.shared_by > system.devices
    ]
    return Recorded(
        program=Program.of(tape, outputs),
        symbols=symbols,
        operators=built.operators,
        constraints=built.constraints,
        missing=built.missing,
        notes=grouped(
            (*model.notes, *outside, *crowded, *(silent if unknown else ()), *_prices(system), *built.assumptions)
        ),
        mappings=placed,
        wearing=tuple(built.lasting),
        tables=system.tables,
    )


def _prices(system: System) -> list[str]:
    """Return a sentence on the list of prices, if this system has any of its prices."""
    origin = f"prices {prices_of(system.prices).name}"
    own = [f"{c.name}.{n}" for c in system.owners.values() for n, s in c.settings.items() if s.origin == origin]
    why = "" if system.chosen else ", since no list was named"
    return [f"{', '.join(own)} {'is' if len(own) == 1 else 'are'} from the list of {origin}{why}"] if own else []


def _check_ports(system: System, symbols: Mapping[str, Symbol]) -> None:
    """Refuse a memory that reads faster than its own port: the load of its own traffic on the port is not counted."""
    graphs = [
        SystemGraph.build(part, lambda component, parameter, _: symbols[f"{component}.{parameter}"].value)
        for part in system.parts.values()
    ]
    for name, memory in (item for graph in graphs for item in graph.memories.items()):
        port, peak = memory.port_bandwidth, max(memory.read_bandwidth, write_rate(memory))
        if port is not None and peak > port * (1 + 1e-9):
            raise MappingError(
                f"memory {name}: its port carries {format_quantity(port, 'B/s')}, less than its bandwidth of "
                f"{format_quantity(peak, 'B/s')}; a technology states a bandwidth that its port can carry"
            )


def run_on_floats(system: System, model: Architecture, request: Request, values: Mapping[str, float]) -> Model:
    """Run the model on plain numbers, without recording: the reference the program is held to."""
    known = {n: s.value for n, s in symbols_of(system, request).items()} | dict(values)
    return run_on(system, model, request, known.__getitem__)


def run_on_dimensions(system: System, model: Architecture, request: Request) -> Model:
    """Run the model on bare dimensions. Raises DimensionError where two unlike quantities meet."""
    symbols = symbols_of(system, request)
    return run_on(system, model, request, lambda n: Dimensioned(unit_dimension(symbols[n].unit), n))


def check_sizes(request: Request, given: Mapping[str, Any]) -> dict[str, float]:
    """Check workload sizes and fill in defaults. Raises WorkloadError with one sentence."""
    sizes: dict[str, float] = {}
    for name in request.all_sizes:
        value = given.get(name)
        if name in request.fixed:
            value = request.fixed[name]
        if value is None:
            value = _default(request, name)
        if name in SHARES:
            sizes[name] = check_share(name, value)
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise WorkloadError(f"{name} is {value!r}; it must be a whole number, at least 1")
        if value > LARGEST_SIZE:
            raise WorkloadError(f"{name} is larger than {LARGEST_SIZE:.0e}; no system is asked for that")
        if not value >= 1 or value != int(value):
            raise WorkloadError(f"{name} is {value!r}; it must be a whole number, at least 1")
        sizes[name] = value
    if request.phase == "decode" and sizes.get("output", 2) < 2:
        raise WorkloadError("output 1 has no decode step; the first token comes from prefill")
    whole = "context" if request.single else "prompt"
    if "prefix" in sizes and sizes["prefix"] >= sizes[whole]:
        raise WorkloadError(
            f"prefix is {sizes['prefix']:.0f} and the {whole} {sizes[whole]:.0f} tokens; the prefix, which is cached, "
            f"must be shorter than the {whole}"
        )
    return sizes


def check_share(name: str, value: Any) -> float:
    """Return a share of drafted tokens or requests. Raises WorkloadError if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise WorkloadError(f"{name} is {value!r}; it must be a share between 0 and 1")
    return float(value)


__all__ = [
    "DEFAULTS",
    "METRICS",
    "PHASES",
    "PHASE_METRICS",
    "SHARES",
    "USUAL_TYPE",
    "Recorded",
    "Request",
    "Symbol",
    "check_share",
    "check_sizes",
    "parse_dtypes",
    "record",
    "run_on_dimensions",
    "run_on_floats",
    "symbols_of",
    "workload_of",
]
