"""The Python API: load a system and a model, analyse, and ask for numbers, formulas, functions and sensitivities."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, Self

import attrs

from symarch.analysis import (
    HIGHER_IS_BETTER,
    METRICS,
    PHASE_METRICS,
    PHASES,
    SHARES,
    USUAL_TYPE,
    Recorded,
    Request,
    check_sizes,
    grouped,
    parse_dtypes,
    parts_of,
    record,
    run_on_dimensions,
    run_on_floats,
    symbols_of,
)
from symarch.analysis.limits import WAYS, budgets_of, static_powers
from symarch.analysis.model import benches_of
from symarch.analysis.notes import Note
from symarch.analysis.time import SENT, collective_load, limited_time, operator_load, time_of
from symarch.errors import MappingError, ModelError, SymarchError, UnknownNameError, WorkloadError, nearest
from symarch.mapping import mappings, resolve
from symarch.mapping.replicas import Held, held
from symarch.mapping.resolve import opened, placed
from symarch.notebook import Records, Sheet, Shown
from symarch.program import compile_python
from symarch.program.derivatives import evaluate
from symarch.quantities import parse_quantity
from symarch.results import (
    ConstraintFormula,
    ConstraintResult,
    Explanation,
    Lasting,
    OperatorResult,
    ResourceResult,
    Result,
    Term,
    shown,
)
from symarch.sensitivity import Elasticity, Point, Questions, Sensitivity, explained, sensitivity_of
from symarch.specs import System, find_model, find_system, read_system, served
from symarch.specs.systems import AUTO, striped
from symarch.system import SystemGraph
from symarch.system.graph import Make
from symarch.technologies import Quantity, quantities_of
from symarch.trace import Architecture, Operator, Resizable, load_config
from symarch.trace.recorded import RecordedTrace, load_trace

if TYPE_CHECKING:
    import xarray

    from symarch.formula import Formula
    from symarch.search import Found

SUMS = ("ttft", "tpot", "request_time", "energy_per_token", "cost_per_million_tokens", "carbon_per_million_tokens")
"""Metrics that are sums of marked parts."""

SERVING = ("prefix", "hit_rate", "chunk", "step_tokens", "acceptance")
"""Sizes of a workload that only some ways of serving have."""

DEVICES_ALONE = (
    "times are those of the devices alone; --runtime vllm (or sglang, trtllm, usual) adds the host's time and the wait "
    "for other requests' prompts"
)
"""What is said of an analysis without a runtime."""

OWN_RUNTIME = "own"
"""What a runtime that is no preset is called in a workload."""

MOST_DRAFTED = 64
"""Drafted tokens beyond which no acceptance lets a draft pay."""


def load_system(name: str, settings: Mapping[str, str | float] | None = None, prices: str | None = None) -> System:
    """Load a system by shipped name or path, with settings as `--set` takes them. Raises SpecError.

    `prices` is the name or path of a list of prices; without it that of the spec is taken, else the latest.
    """
    return read_system(find_system(str(name)), {k: str(v) for k, v in (settings or {}).items()}, prices)


def load_model(name: str, settings: Mapping[str, Any] | None = None) -> Architecture:
    """Load a model by shipped name, the path of a Hugging Face `config.json`, or that of a trace. Raises ModelError.

    `settings` replaces keys of the configuration, as `--set model.KEY=VALUE` does.
    """
    path = find_model(str(name))
    trace = load_trace(path)
    if trace is not None and settings:
        raise ModelError(f"{path}: a trace has no sizes to set ({', '.join(settings)})")
    return trace or load_config(path, settings)


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


class Analysis(Shown, Questions):
    """A system, a model and a kind of workload, recorded once and asked many times.

    Metrics are attributes: `analysis.tpot` is a sympy expression over `<component>.<parameter>` and the workload's
    sizes. Nothing is computed before it is asked for.

    Args:
        system: from `load_system`.
        model: from `load_model`.
        mapping: by tensor class a memory, a record of `symarch.specs.placement` or what TOML holds, replacing the
            spec's placement; or None.
        phase: prefill, decode or both.
        dtype: `fp8`, or by tensor class `weights=fp8,kv_cache=bf16`; without it bf16, or that of a recorded trace.
        ideal: the speed of light: efficiencies 1, overheads 0, perfect overlap.
        symbols: sizes of the model to keep as symbols, `model.KEY` with a KEY of its configuration.
        prefix: tokens of each prompt that are cached before, the same for all sequences of a replica.
        chunk: tokens of a pass of prefill at most.
        draft: drafted tokens that a decode step verifies, 0 for none.
        acceptance: share of drafted tokens that is accepted; due with `draft`.
        hit_rate: share of requests that find their prefix cached, all unless told otherwise; goes with `prefix`.
        continuous: continuous batching: prefill and decode share steps, a request begins as another ends.
        step_tokens: tokens that a step of continuous batching passes at most.
        at: the sizes of the workload for which what the mapping leaves open is chosen; `batch` may be "auto", the
            largest that fits. The choice is in `search`.
        objective: the metric that it is chosen for; without one tpot, of an open batch throughput.
        limits: the most that tpot and ttft may be, in s or as a text: `{"tpot": "20 ms"}`.
        runtime: the serving software whose host time and order of requests count, a preset as `vllm`; "none" takes that
            of the spec away. What the spec or `--set` states of a runtime stays.

    Raises:
        MappingError, WorkloadError, UnknownNameError: when asked for something that makes no sense.
    """

    _recorded: dict[bool, Recorded]
    _at_point: tuple[Any, dict[tuple[str, float], Mapping[str, Any]]]

    def __init__(self, system: System, model: Architecture, mapping: Mapping[str, Any] | None = None,
                 phase: str = "both", dtype: str | None = None, ideal: bool = False, symbols: Sequence[str] = (),
                 prefix: int | None = None, chunk: int | None = None, draft: int | None = None,
                 acceptance: float | None = None, hit_rate: float | None = None, continuous: bool = False,
                 step_tokens: int | None = None, at: Mapping[str, Any] | None = None, objective: str | None = None,
                 limits: Mapping[str, float | str | None] | None = None,
                 runtime: str | None = None) -> None:  # fmt: skip
        if phase not in PHASES:
            raise WorkloadError(f"unknown phase {phase!r}; {nearest(phase, PHASES)}")
        system = placed(system, mapping) if mapping else system
        system = system if runtime is None else served(system, runtime)
        self.system = system.ideal() if ideal else system
        self.model = model
        self.phase = phase
        self.ideal = ideal
        types = parse_dtypes(USUAL_TYPE if dtype is None else dtype)
        self.dtypes = {t: d for t, d in types.items() if t in model.tensors}
        if isinstance(model, RecordedTrace):
            if system.pools:
                raise MappingError(
                    f"{model.name} is a recorded trace of one device; {system.name} has pools, which divide a model "
                    f"among devices of several kinds; give one of them, or a config.json"
                )
            self.phase = model.phase_of(phase)
            model.check_types(None if dtype is None else self.dtypes)
            self.dtypes = dict(model.dtypes)
        for tensor in (part.partition("=")[0].strip() for part in (dtype or "").split(",") if "=" in part):
            if tensor not in model.tensors:
                raise WorkloadError(f"{model.name} has no {tensor}, which dtype {dtype!r} names")
        self._sizes = _sizes(model, symbols)
        self._draft = 0 if draft is None else draft
        self._continuous = continuous
        if continuous and self.system.pools:
            raise WorkloadError(
                f"{self.system.name} runs parts of the work on pools of their own; continuous batching, in which "
                "prefill and decode share steps, is for systems of one kind of devices"
            )
        self._serving = _serving(self.phase, draft, continuous, prefix=prefix, hit_rate=hit_rate, chunk=chunk,
                                 step_tokens=step_tokens, acceptance=acceptance)  # fmt: skip
        if (self._serving or self._draft or continuous) and isinstance(model, RecordedTrace):
            asked = ", ".join(filter(None, (_listed(self._serving), "continuous" if continuous else "")))
            raise WorkloadError(f"{model.name} is a recorded trace; {asked} cannot be given")
        self._forget()
        self.search: Found | None = None
        given = {name: value for name, value in (at or {}).items() if value is not None}
        caps = {name: value for name, value in (limits or {}).items() if value is not None}
        if self.system.auto or given.get("batch") == AUTO:
            self.search = self._searched(given, objective, caps)
            self.system = self.search.system
        elif objective is not None or caps:
            words = ", ".join(
                (["the objective"] if objective is not None else []) + [f"the limit on {m}" for m in caps]
            )
            raise WorkloadError(
                f"{words}: nothing is left to a search; set mapping.tensor or mapping.place to auto, or the batch"
            )

    def _searched(self, given: Mapping[str, Any], objective: str | None, limits: Mapping[str, float | str]) -> Found:
        """Return what a search chooses at a workload."""
        from symarch.search import Problem, search

        single = given.get("context") is not None
        request = self.request(single)
        symbols = symbols_of(attrs.evolve(self.system, auto=frozenset()), request)
        filled = given.get("batch") == AUTO
        if self.system.pools:
            raise WorkloadError(
                f"batch cannot be auto: {self.system.name} has pools of devices, which fill differently"
            )
        if filled and "batch" in request.fixed:
            raise WorkloadError(f"batch cannot be auto: {self.model.name} is a recorded trace, taken at one batch")
        sizes = check_sizes(request, {k: v for k, v in given.items() if k in request.all_sizes and v != AUTO})
        values = {n: self._checked(n, v) for n, v in given.items() if n in symbols and n not in sizes and v != AUTO}
        if objective is None:
            objective = "throughput" if filled else PHASE_METRICS.get(request.phase, "tpot")
            if sizes.get("output") == 1 and not filled:
                objective = "ttft"
        return search(
            Problem(
                system=self.system,
                model=self.model,
                request=lambda system: self.on(system).request(single),
                values=values | sizes,
                objective=objective,
                limits={metric: _limit(metric, value) for metric, value in limits.items()},
                batch=None if filled else sizes.get("batch", 1),
            )
        )

    def __repr__(self) -> str:
        return f"<Analysis of {self.model.name} on {self.system.name}, {self.phase}>"

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the metrics at the default workload."""
        result = self.evaluate()
        rows = [(n, shown(n, v), METRICS[n][1]) for n, v in result.metrics.items()]
        sizes = ", ".join(f"{n} {result.workload[n]}" for n in self.request().sizes)
        return (
            Sheet(
                f"{self.model.name} on {self.system.name}: {sizes}", ("metric", "value", "what it is"), rows, words=[2]
            ),
        )

    def request(self, single: bool = False) -> Request:
        """Return the kind of workload; `single` for one decode step at a given context."""
        fixed: dict[str, int] = {}
        if isinstance(self.model, RecordedTrace):
            fixed = dict(self.model.taken_at)
            if "batch" in fixed and not self.system.auto:  # of one replica
                fixed["batch"] *= mappings(self.system, self.model)[""].data
        return Request(
            "decode" if single else self.phase, self.dtypes, single or "context" in fixed, fixed, self._sizes,
            self._serving, self._draft, self._continuous,
        )  # fmt: skip

    def recorded(self, single: bool = False) -> Recorded:
        """Return the recorded model, recording it at the first call."""
        if single not in self._recorded:
            found = record(self.system, self.model, self.request(single))
            if self.system.runtime is None and not self.ideal:
                found = attrs.evolve(found, notes=(Note(DEVICES_ALONE), *found.notes))
            if self.search is not None:
                found = attrs.evolve(found, notes=(Note(self.search.summary), *found.notes))
            self._recorded[single] = found
        return self._recorded[single]

    def metrics(self, single: bool = False) -> tuple[str, ...]:
        """Return the metrics this analysis can compute."""
        return tuple(m for m in METRICS if f"metric.{m}" in self.recorded(single).program.outputs)

    def _output(self, metric: str, single: bool = False) -> str:
        recorded = self.recorded(single)
        if metric not in METRICS:
            raise UnknownNameError(f"unknown metric '{metric}'; {nearest(metric, METRICS)}")
        if metric in recorded.missing:
            raise SymarchError(f"{metric} cannot be computed: {', '.join(recorded.missing[metric])} not modelled")
        if f"metric.{metric}" not in recorded.program.outputs:
            phase = self.request(single).phase
            raise WorkloadError(
                f"{metric} does not exist in phase {phase}; there are: {', '.join(self.metrics(single))}"
            )
        return f"metric.{metric}"

    def __getattr__(self, name: str) -> Any:
        """Return a metric as a sympy expression with everything inlined."""
        if name in METRICS:
            from symarch.formula import full

            return full(self.recorded().program, self.recorded().program.outputs[self._output(name)])
        raise AttributeError(f"an Analysis has no attribute {name!r}")

    def formula(self, metric: str) -> Formula:
        """Return a metric over named definitions (`hbf.read_bandwidth`), with the definitions it uses."""
        from symarch.formula import let_bound

        return let_bound(self.recorded().program, [self.recorded().program.outputs[self._output(metric)]])

    def _point(self, given: Mapping[str, Any]) -> tuple[Recorded, dict[str, float], dict[str, float]]:
        """Return the recorded model, the value of every symbol, and the workload's sizes."""
        single = given.get("context") is not None
        if isinstance(self.model, RecordedTrace):
            self.model.check_given(n for n, v in given.items() if v is not None)
        recorded = self.recorded(single)
        request = self.request(single)
        if single and self._continuous:
            raise WorkloadError("context is one decode step; in continuous batching sequences are at all contexts")
        if single and self.phase == "prefill":
            raise WorkloadError("context is for decode; in prefill each token attends to those before it")
        sizes = check_sizes(request, {k: v for k, v in given.items() if k in request.all_sizes})
        values = {n: s.value for n, s in recorded.symbols.items()} | sizes
        known = {"batch", "prompt", "output", "context", *request.all_sizes}
        for name, value in given.items():
            if name in known or value is None:
                continue
            if name in SERVING:
                raise WorkloadError(f"{name} is no size of this analysis; it is one once analyze is called with it")
            if name not in recorded.symbols:
                raise UnknownNameError(f"unknown name '{name}'; {nearest(name, recorded.symbols)}")
            values[name] = self._checked(name, value)
        self._check_shares(values)
        return recorded, values, sizes

    def _check_shares(self, values: Mapping[str, float]) -> None:
        """Raise WorkloadError if the fractions of a striped class leave nothing for its first memory."""
        for tensor, where in striped(self.system).items():
            first, *others = where.memories
            if sum(values[f"mapping.{tensor}.{m}"] for m in others) >= 1:
                shown = ", ".join(f"mapping.{tensor}.{m} {values[f'mapping.{tensor}.{m}']:g}" for m in others)
                raise WorkloadError(
                    f"{shown}: nothing is left for {first}; where one memory has all, analyze takes "
                    f'mapping={{"{tensor}": "{others[-1]}"}}'
                )

    def _checked(self, name: str, value: Any) -> float:
        """Return a number given for a parameter. Raises WorkloadError if it cannot be one."""
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise WorkloadError(f"{name} is {value!r:.60}; it must be a number in SI") from None
        owner, _, item = name.partition(".")
        component = self.system.owners.get(owner)
        declared = component.declared().get(item) if component else None
        zero = declared is not None and declared.nonnegative
        if not math.isfinite(number) or number < 0 or (number == 0 and not zero):
            raise WorkloadError(f"{name} is {value!r}; it must be finite and {'not negative' if zero else 'above 0'}")
        if declared is not None and declared.integer and number != int(number):
            raise WorkloadError(f"{name} is {value!r}; it must be a whole number")
        return number

    def evaluate(self, **given: Any) -> Result:
        """Evaluate one point. `batch`, `prompt`, `output` or `context`, and parameters as `**{"hbf.read_time": 5e-6}`.

        Raises WorkloadError for sizes that make no sense, UnknownNameError for other names.
        """
        recorded, values, sizes = self._point(given)
        program = recorded.program
        computed = evaluate(program, values)
        found = {k: computed[i] for k, i in program.outputs.items()}
        for o in recorded.operators:
            time = found.get(f"time.{o.phase}.{o.name}", 0.0)
            if not math.isfinite(time):
                raise SymarchError(
                    f"the time of {o.name} in {o.phase} is {time} here; symarch plugins check NAME tells whether a "
                    "technology makes it so"
                )
        metrics: dict[str, float | None] = {}
        missing = dict(recorded.missing)
        for name in METRICS:
            if f"metric.{name}" in found:
                metrics[name] = float(found[f"metric.{name}"])
            elif name in missing:
                metrics[name] = None
        if sizes.get("output") == 1:
            for name in ("tpot", "throughput_per_user"):
                if name in metrics:
                    metrics[name] = None
                    missing[name] = ("a decode step: output is 1",)
        operators, resources = self._breakdown(recorded, values, found)
        constraints = tuple(
            ConstraintResult(
                c.name,
                bool(found[f"used.{c.name}"] <= found[f"limit.{c.name}"] * (1 + 1e-12)),
                float(found[f"used.{c.name}"]),
                float(found[f"limit.{c.name}"]),
                c.unit,
            )
            for c in recorded.constraints
        )
        request = self.request(given.get("context") is not None)
        whole = {k: v if k in SHARES else int(v) for k, v in sizes.items()}
        if "acceptance" in whole:
            whole["draft"] = self._draft
        if self._continuous:
            whole["continuous"] = True
        workload = {**whole, "phase": request.phase, "dtype": dict(self.dtypes)}
        workload["ideal"] = self.ideal
        if self.system.runtime is not None:
            workload["runtime"] = self.system.runtime.preset or OWN_RUNTIME
        communication = {
            phase: {way: float(found[f"communication.{phase}.{way}"]) for way in ("exposed", "hidden")}
            for phase in request.phases
            if f"communication.{phase}.exposed" in found and f"metric.{PHASE_METRICS[phase]}" in found
        }
        lasting = tuple(
            Lasting(name, float(found[f"lasts.{name}"]), float(found[f"bought.{name}"])) for name in recorded.wearing
        )
        return Result(
            metrics,
            missing,
            constraints,
            operators,
            resources,
            workload,
            recorded.assumptions,
            communication,
            lasting,
            tuple(note.text for note in recorded.notes if note.stated),
            recorded,
        )

    @staticmethod
    def _breakdown(
        recorded: Recorded, values: Mapping[str, float], found: Mapping[str, float]
    ) -> tuple[tuple[OperatorResult, ...], tuple[ResourceResult, ...]]:
        operators: list[OperatorResult] = []
        resources: list[ResourceResult] = []
        for phase, name in PHASE_METRICS.items():
            metric = f"metric.{name}"
            if metric not in found or all(o.phase != phase for o in recorded.operators):
                continue
            time = found[metric]
            parts = parts_of(recorded.program, metric, values)
            resources += [ResourceResult(k[0], phase, v / time) for k, v in grouped(parts, "resource").items()]
            binding: dict[str, str] = {}
            for (operator, resource), part in grouped(parts, "operator", "resource").items():
                if part > 0:
                    binding.setdefault(operator, resource)
            won = {p.operator: p.cause.removeprefix(SENT) for p in parts if p.weight > 0 and p.cause.startswith(SENT)}
            for o in recorded.operators:
                if o.phase == phase:
                    one = float(found[f"time.{phase}.{o.name}"])
                    bound = binding.get(o.name, "")
                    count = found[f"count.{phase}.{o.name}"]
                    runs = int(count) if count == int(count) else float(count)
                    share, algorithm = one * runs / time, won.get(o.name)
                    operators.append(OperatorResult(o.name, phase, runs, one, bound, share, algorithm))
        return tuple(operators), tuple(resources)

    def compile(self, metric: str, over: Sequence[str], **given: Any) -> Callable[..., Any]:
        """Return a metric as a function of some symbols, the rest at spec values (or at `given`).

        Called with numbers it returns a number (microseconds a call); with arrays, which broadcast, an array.
        Raises UnknownNameError.
        """
        single = "context" in over or given.get("context") is not None
        recorded = self.recorded(single)
        output = self._output(metric, single)
        for name in over:
            if name not in recorded.symbols:
                raise UnknownNameError(f"unknown name '{name}'; {nearest(name, recorded.symbols)}")
        _, values, _ = self._point({"context": 1, **given} if single else given)
        program = recorded.program.select({metric: recorded.program.outputs[output]})
        bound = program.bind({n: v for n, v in values.items() if n not in over})
        return Function(bound, tuple(over))

    def sweep(
        self, axes: Mapping[str, Sequence[float]], metrics: Sequence[str] = ("tpot",), **given: Any
    ) -> xarray.Dataset:
        """Evaluate metrics on the grid of some axes. Needs the extra `symarch[study]`. Raises UnknownNameError."""
        try:
            import xarray
        except ImportError:
            raise SymarchError("sweep needs xarray: pip install 'symarch[study]'") from None
        import numpy as np

        arrays = {n: np.asarray(v, dtype=float) for n, v in axes.items()}
        grid = np.meshgrid(*arrays.values(), indexing="ij", sparse=True)
        data = {}
        for metric in metrics:
            values = self.compile(metric, list(arrays), **given)(*grid)
            data[metric] = (
                list(arrays),
                np.broadcast_to(values, [a.size for a in arrays.values()]),
                {"units": METRICS[metric][0]},
            )
        return xarray.Dataset(data, coords=arrays, attrs={"system": self.system.name, "model": self.model.name})

    def sensitivity(self, metric: str, **given: Any) -> Sensitivity:
        """Return the elasticities of a metric by every settable parameter at a point, with their checks."""
        point = self.point(metric, **given)
        orders = self._order_entries(metric, point.values, given)
        found = sensitivity_of(point.recorded, metric, point.values, point.units, orders)
        return attrs.evolve(found, in_bits=self.system.in_bits)

    def point(self, metric: str, **given: Any) -> Point:
        """Return a metric at a point, what the functions of `symarch.sensitivity` are asked about.

        Raises WorkloadError where the metric does not exist there.
        """
        recorded, values, sizes = self._point(given)
        self._output(metric, given.get("context") is not None)
        if sizes.get("output") == 1 and metric in ("tpot", "throughput_per_user"):
            raise WorkloadError("output 1 has no decode step, so no tpot")
        return Point(recorded, metric, values, self._overlap, self._definition_units(), self.system.name)

    @property
    def _overlap(self) -> float:
        """Overlap order of the processors: where they differ, one at which no resource wins outright comes first."""
        orders: list[float] = [c.settings["overlap"].value for c in self.system.of("processor")]
        return next((p for p in orders if p not in (1, math.inf)), orders[0])

    def _definition_units(self) -> dict[str, str]:
        units: dict[str, str] = {}
        for component in self.system.owners.values():
            for cls in (component.technology, component.topology):
                if cls is not None:
                    units |= {f"{component.name}.{n}": q.unit for n, q in quantities_of(cls).items()}
        for memory in self.system.of("memory"):
            units |= {f"{memory.name}.lifetime": "s"} | {f"{way}_{memory.name}": "B/s" for way in WAYS}
        return units

    def _order_entries(
        self, metric: str, values: Mapping[str, float], given: Mapping[str, Any]
    ) -> tuple[Elasticity, ...]:
        """Return the entries of the overlap orders: fixed in a program, so found by running the model at others."""
        request = self.request(given.get("context") is not None)

        # all metrics of a report ask for the same orders at the same point
        key: Any = (request, tuple(values.items()))
        if self._at_point[0] != key:
            self._at_point = (key, {})
        known = self._at_point[1]
        best = max if metric in HIGHER_IS_BETTER else min

        def at(name: str, order: float) -> float:
            if (name, order) not in known:
                system = self.with_setting(name, "overlap", order).system
                known[name, order] = run_on_floats(system, self.model, request, values).metrics
            return float(known[name, order][metric])

        entries = []
        for processor in self.system.of("processor"):
            name, p = processor.name, processor.settings["overlap"].value
            elasticity = None
            if math.isfinite(p):
                below, above = max(1.0, p / 1.1), p * 1.1
                elasticity = math.log(at(name, above) / at(name, below)) / math.log(above / below)
            none, full = at(name, 1.0), at(name, math.inf)
            entries.append(Elasticity(f"{name}.overlap", p, "1", False, elasticity, none, full, best(none, full)))
        return tuple(entries)

    def on(self, system: System) -> Self:
        """Return the same analysis of another system."""
        other = copy(self)
        other.system = system
        other._forget()
        return other

    def in_types(self, dtypes: Mapping[str, str]) -> Self:
        """Return the same analysis with other data types, one for each tensor class of the model."""
        other = copy(self)
        other.dtypes = dict(dtypes)
        other._forget()
        return other

    def _forget(self) -> None:
        """Forget what was computed of another system or with other data types."""
        self._recorded = {}
        self._orders = {}
        self._at_point = (None, {})

    def held(self, **given: Any) -> Records[Held]:
        """Return every tensor over all devices in bytes, once and with its replicas, the most repeated first.

        Weights, and the cache at the largest context of a point. Of a recorded trace, which knows one device alone, and
        of pools of devices, each with a mapping of its own, there is none.
        """
        recorded, values, sizes = self._point(given)
        title = f"{self.model.name} in the memories of {self.system.name}"
        if self.system.pools:
            return Records(title)
        widths = {t: values[f"dtype.{t}"] for t in self.dtypes}
        tokens = sizes["context"] if "context" in sizes else sizes.get("prompt", 0) + sizes.get("output", 0)
        (mapping,) = recorded.mappings.values()
        found = held(self.model, mapping, widths, sizes["batch"], tokens, sizes.get("prefix", 0))
        return Records(title, sorted(found, key=lambda h: h.once - h.all))

    def constraint(self, name: str, *, single: bool = False) -> ConstraintFormula:
        """Return a constraint (`hbm.capacity`) in symbols; `single` for one decode step at a context.

        Raises UnknownNameError.
        """
        from symarch.formula import full

        recorded = self.recorded(single)
        found = {c.name: c for c in recorded.constraints}
        if name not in found:
            raise UnknownNameError(f"unknown constraint '{name}'; {nearest(name, found)}")
        used, limit = (full(recorded.program, recorded.program.outputs[f"{part}.{name}"]) for part in ("used", "limit"))
        return ConstraintFormula(name, used, limit, found[name].unit)

    def explain(self, metric: str, **given: Any) -> Explanation:
        """Return a time, the energy, cost or carbon as a sum of named terms in the regime at a point.

        The terms are the marked times, each weighted by the metric's derivative: at p = 1 and infinity how often each
        counts, at other p times (t/m)**(p-1). Their sum is the metric, exactly. Raises WorkloadError for metrics that
        are not sums.
        """
        if metric in METRICS and metric not in SUMS:
            raise WorkloadError(f"{metric} is no sum of terms; explain one of {', '.join(SUMS)}")
        point = self.point(metric, **given)
        roofline = None
        if METRICS[metric][0] == "s" and point.order not in (1, math.inf):
            roofline = self.at_order(math.inf).explain(metric, **given)
        return explained(point, roofline)

    def evaluate_on_floats(self, **given: Any) -> dict[str, float]:
        """Return the metrics from running the model on plain numbers: the reference the program is held to."""
        _, values, _ = self._point(given)
        request = self.request(given.get("context") is not None)
        model = run_on_floats(self.system, self.model, request, values)
        return {n: float(v) for n, v in model.metrics.items()}

    def check_dimensions(self) -> None:
        """Run the whole model on bare dimensions. Raises DimensionError where two unlike quantities meet."""
        model = run_on_dimensions(self.system, self.model, self.request())
        from symarch.quantities import Dimensioned, unit_dimension

        for name, value in model.metrics.items():
            found = Dimensioned.lift(value).dimension
            if found != unit_dimension(METRICS[name][0]):
                raise SymarchError(f"{name} has dimension [{found}] instead of [{METRICS[name][0]}]")


class Function:
    """A metric as a function of chosen symbols: numbers in, a number out; arrays in, an array out."""

    def __init__(self, program: Any, inputs: tuple[str, ...]) -> None:
        self.inputs = inputs
        self.program = program
        self._scalar: Any = None
        self._arrays: Any = None

    def __call__(self, *values: Any) -> Any:
        """Evaluate; arrays broadcast against each other."""
        if len(values) != len(self.inputs):
            raise SymarchError(
                f"{len(values)} values are given where {len(self.inputs)} are due: {', '.join(self.inputs)}"
            )
        for value in values:
            if type(value) is not float and type(value) is not int:
                break
        else:
            if self._scalar is None:
                self._scalar = compile_python(self.program, self.inputs).function
            return self._scalar(*values)[0]
        if self._arrays is None:
            from symarch.program.arrays import ArrayFunction

            self._arrays = ArrayFunction(self.program, self.inputs)
        return self._arrays(*values)[0]


def analyze(system: System, model: Architecture, mapping: Mapping[str, Any] | None = None, phase: str = "both",
            dtype: str | None = None, ideal: bool = False, symbols: Sequence[str] = (), prefix: int | None = None,
            chunk: int | None = None, draft: int | None = None, acceptance: float | None = None,
            hit_rate: float | None = None, continuous: bool = False,
            step_tokens: int | None = None, at: Mapping[str, Any] | None = None, objective: str | None = None,
            limits: Mapping[str, float | str | None] | None = None,
            runtime: str | None = None) -> Analysis:  # fmt: skip
    """Analyse a model on a system; see `Analysis`."""
    return Analysis(system, model, mapping=mapping, phase=phase, dtype=dtype, ideal=ideal, symbols=symbols,
                    prefix=prefix, chunk=chunk, draft=draft, acceptance=acceptance, hit_rate=hit_rate,
                    continuous=continuous, step_tokens=step_tokens, at=at, objective=objective,
                    limits=limits, runtime=runtime)  # fmt: skip


def best_mapping(system: System, model: Architecture, objective: str | None = None, batch: int | str | None = None,
                 tpot_limit: float | str | None = None, ttft_limit: float | str | None = None,
                 mapping: Mapping[str, Any] | None = None, phase: str = "both", dtype: str | None = None,
                 ideal: bool = False, prefix: int | None = None, chunk: int | None = None, draft: int | None = None,
                 acceptance: float | None = None, hit_rate: float | None = None, continuous: bool = False,
                 step_tokens: int | None = None, runtime: str | None = None, **sizes: Any) -> Found:  # fmt: skip
    """Choose what the mapping of a system leaves open, all degrees and places where it leaves nothing open.

    Args:
        system: from `load_system`.
        model: from `load_model`.
        objective: a metric; without one tpot, of an open batch throughput.
        batch: sequences in the whole system, or "auto": the most that fit and meet the limits.
        tpot_limit: the most that tpot may be, in s or as a text: `20 ms`.
        ttft_limit: the same of ttft.
        mapping, phase, dtype, ideal, prefix, chunk, draft, acceptance, hit_rate, continuous, step_tokens, runtime: as
            `analyze` takes them.
        sizes: `prompt`, `output` or `context`, and parameters as `Analysis.evaluate` takes them.

    Raises MappingError if no division is allowed, WorkloadError and UnknownNameError for what makes no sense.
    """
    open_ = placed(system, mapping) if mapping else system
    if not open_.auto:
        open_ = opened(open_, batch == AUTO)
    found = Analysis(open_, model, phase=phase, dtype=dtype, ideal=ideal, prefix=prefix, chunk=chunk, draft=draft,
                     acceptance=acceptance, hit_rate=hit_rate, continuous=continuous, step_tokens=step_tokens,
                     at={"batch": batch, **sizes}, objective=objective,
                     limits={"tpot": tpot_limit, "ttft": ttft_limit}, runtime=runtime).search  # fmt: skip
    assert found is not None  # something is open
    return found


def _limit(metric: str, value: float | str) -> float:
    """Return a limit on a time [s]. Raises WorkloadError or UnitError."""
    number = parse_quantity(value, "s") if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < math.inf:
        raise WorkloadError(f"the limit on {metric} is {value!r}; it must be a time above 0 and finite, as 20 ms")
    return float(number)


def _serving(phase: str, draft: int | None, continuous: bool, **sizes: float | None) -> dict[str, float]:
    """Return the sizes that a way of serving adds. Raises WorkloadError where they make no sense."""
    if (draft is None) != (sizes["acceptance"] is None):
        raise WorkloadError("draft and acceptance go together: how many tokens are drafted, which share is accepted")
    if draft is not None:
        if isinstance(draft, bool) or not isinstance(draft, int) or not 0 <= draft <= MOST_DRAFTED:
            raise WorkloadError(f"draft is {draft!r}; it must be a whole number from 0 to {MOST_DRAFTED}")
        if phase == "prefill":
            raise WorkloadError("draft is for decode; it cannot go with phase prefill")
    if sizes["chunk"] is not None and phase == "decode":
        raise WorkloadError("chunk is for prefill; it cannot go with a decode step alone")
    if sizes["hit_rate"] is not None and sizes["prefix"] is None:
        raise WorkloadError("hit_rate is the share of requests that find a prefix cached; it goes with prefix")
    if continuous and phase != "both":
        raise WorkloadError(f"continuous batching mixes prefill and decode; it cannot go with phase {phase}")
    if sizes["step_tokens"] is not None and not continuous:
        raise WorkloadError("step_tokens is for continuous batching; it goes with continuous")
    return {name: value for name, value in sizes.items() if value is not None}


def _sizes(model: Architecture, symbols: Sequence[str]) -> dict[str, float]:
    """Return the sizes of a model that are symbols, with their values. Raises UnknownNameError."""
    sizes = model.sizes if isinstance(model, Resizable) else {}
    found = {key: sizes[key] for key in (model.options if isinstance(model, Resizable) else ())}
    for name in symbols:
        known = [f"model.{key}" for key in sizes]
        if name not in known:
            raise UnknownNameError(f"{model.name} has no size '{name}'; {nearest(name, known)}")
        key = name.removeprefix("model.")
        found[key] = sizes[key]
    return found


@attrs.frozen
class _NoModel:
    """Stands in for a model where an operator is timed alone."""

    name: str = "operator"

    def check_shard(self, shard: Any) -> None:
        """Allow any division."""


def check_system(system: System) -> None:
    """Raise SymarchError if no model can be analysed on it: a memory out of reach, degrees that do not multiply."""
    system = attrs.evolve(system, auto=frozenset())  # what a search chooses depends on the model
    for pool, mapping in mappings(system, _NoModel()).items():  # type: ignore[arg-type]  # only check_shard is asked
        benches_of(SystemGraph.build(system.parts[pool], lambda component, parameter, value: value), mapping)


def time_operator(system: System, operator: Operator, *, devices: int | None = None, ideal: bool = False) -> float:
    """Return the time of one operator on a system, without a model [s].

    Its dims, flops and bytes are numbers in SI, per device; a collective takes place among `devices` devices (default:
    all). Raises MappingError or SymarchError.
    """
    return float(operator_time(system.ideal() if ideal else system, operator, devices=devices))


def operator_time(system: System, operator: Operator, *, devices: int | None = None,
                  make: Make = lambda component, parameter, value: value, limits: bool = True) -> Quantity:  # fmt: skip
    """Return the time of one operator on scalars of any kind: `make` turns parameters into them.

    Without `limits`, power and temperature do not act. Raises MappingError or SymarchError.
    """
    system = attrs.evolve(system, auto=frozenset())
    if operator.collective is not None:
        system = attrs.evolve(system, tensor=devices or system.devices, data=None)
    mapping = resolve(system, _NoModel())  # type: ignore[arg-type]  # only check_shard is asked
    bench = benches_of(SystemGraph.build(system, make), mapping).of(operator)
    if operator.collective is not None:
        if operator.collective.axis not in mapping.groups:
            raise MappingError(f"{system.name} has no network of 2 devices or more, so no collective")
        load = collective_load(bench, operator)
    else:
        load = operator_load(bench, operator)
    budgets = budgets_of(bench, static_powers(bench.system))[0] if limits else ()
    return time_of(bench.processor.overlap, load, limited_time(budgets, load.energies, operator.name))


__all__ = [
    "Analysis",
    "ConstraintFormula",
    "ConstraintResult",
    "Explanation",
    "Function",
    "Held",
    "OperatorResult",
    "ResourceResult",
    "Result",
    "System",
    "Term",
    "analyze",
    "load_model",
    "load_system",
    "time_operator",
]
