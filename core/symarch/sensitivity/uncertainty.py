"""Uncertainty: what the ranges of the parameters mean for the metrics, and which unknown is worth measuring.

Every parameter with a range varies, independently of the others, by one rule (`Spread.of`):

- a value that is measured, standard or announced is the most likely one: triangular between the ends of its range;
- an assumed value is no likelier than any other: uniform between the ends;
- both on a logarithmic scale where the upper end is more than ten times the lower;
- whole numbers are all alike;
- a value outside its range was set by hand: it stays, as does every parameter without a range.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from symarch.analysis import METRICS, Symbol
from symarch.errors import SymarchError, WorkloadError
from symarch.notebook import Sheet, Shown
from symarch.quantities import format_quantity
from symarch.sensitivity.changes import Array
from symarch.sensitivity.elasticities import Sensitivity
from symarch.sensitivity.point import Point, on_arrays

WIDE = 10.0
"""Ratio of the ends of a range above which it is taken on a logarithmic scale."""

CHUNK = 1 << 16
"""Samples drawn at a time; the inputs of a chunk stay in cache."""

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles that are reported."""

BINS, FIRST, LAST = 60, 0.001, 0.98
"""Bins of a histogram, and the quantiles that they lie between: a long tail would leave the rest no room."""

UNKNOWN = ("assumed", "announced")
"""Status of parameters that a measurement would settle."""


@attrs.frozen
class Spread:
    """How a parameter varies.

    Attributes:
        parameter: its name.
        kind: triangular, uniform, log-triangular, log-uniform or whole.
        low: lower end [SI].
        peak: the most likely value, where there is one.
        high: upper end.
        status: of the value: measured, standard, announced or assumed.
    """

    parameter: str
    kind: str
    low: float
    peak: float
    high: float
    status: str

    @classmethod
    def of(cls, symbol: Symbol, value: float) -> Spread | None:
        """Return how a parameter varies around its value, None if it does not."""
        low, high = symbol.low, symbol.high
        if low is None or high is None or not low <= value <= high or low == high:
            return None
        if symbol.integer:
            kind = "whole"
        else:
            kind = "uniform" if symbol.status == "assumed" else "triangular"
            kind = f"log-{kind}" if low > 0 and high / low > WIDE else kind
        return cls(symbol.name, kind, low, value, high, symbol.status)

    def at(self, shares: Array) -> Array:
        """Return the values below which some shares (0 to 1) of the distribution lie."""
        if self.kind == "whole":
            found: Array = np.minimum(np.floor(self.low + shares * (self.high - self.low + 1)), self.high)
            return found
        wide = self.kind.startswith("log-")
        low, peak, high = map(math.log, (self.low, self.peak, self.high)) if wide else (self.low, self.peak, self.high)
        if self.kind.endswith("uniform"):
            found = low + (high - low) * shares
        else:
            # sqrt(u) grows from the lower end, sqrt(1 - u) falls towards the upper one
            turn = (peak - low) / (high - low)
            rising = shares <= turn
            found = np.sqrt(np.where(rising, shares, 1 - shares))
            up, down = math.sqrt((high - low) * (peak - low)), math.sqrt((high - low) * (high - peak))
            found = np.where(rising, low + up * found, high - down * found)
        return np.exp(found) if wide else found


@attrs.frozen(eq=False)
class Interval:
    """What the ranges mean for a metric.

    Attributes:
        metric: its name.
        unit: of the metric.
        value: at the point [SI].
        mean: over the samples.
        deviation: standard deviation.
        quantiles: value by level, 0.05 to 0.95.
        counts: samples in each bin of a histogram.
        edges: of the bins, one more than there are.
    """

    metric: str
    unit: str
    value: float
    mean: float
    deviation: float
    quantiles: Mapping[float, float]
    counts: NDArray[np.int64]
    edges: Array

    @property
    def words(self) -> str:
        """Return the middle nine tenths as a sentence."""
        low, high = (format_quantity(self.quantiles[q], self.unit) for q in (LEVELS[0], LEVELS[-1]))
        return f"{self.metric} lies between {low} and {high} in nine of ten cases"


@attrs.frozen(eq=False)
class Uncertainty(Shown):
    """What the ranges of the parameters mean for some metrics.

    Attributes:
        intervals: one for each metric.
        fits: share of the samples in which each constraint holds, by name.
        feasible: share of the samples in which all do.
        running: share of the samples in which limits on power and temperature leave something to work with. The
            intervals are over these: the others have no end. Over all where the point itself is among the others.
        spreads: how the parameters vary.
        samples: how many.
        seed: of the random numbers.
    """

    intervals: tuple[Interval, ...]
    fits: Mapping[str, float]
    feasible: float
    running: float
    spreads: tuple[Spread, ...]
    samples: int
    seed: int

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the quantiles."""
        rows = [(i.metric, *(format_quantity(i.quantiles[q], i.unit) for q in LEVELS)) for i in self.intervals]
        title = f"{self.samples} samples over the ranges of {len(self.spreads)} parameters"
        note = f"All constraints hold in {100 * self.feasible:.0f} % of the samples."
        if self.running < 1:
            note += f" In {100 * (1 - self.running):.1f} % nothing runs; the intervals are over the others."
        return (Sheet(title, ("metric", *(f"{100 * q:.0f} % below" for q in LEVELS)), rows, note),)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "intervals": [
                attrs.asdict(i) | {"counts": i.counts.tolist(), "edges": i.edges.tolist()} for i in self.intervals
            ],
            "fits": dict(self.fits),
            "feasible": self.feasible,
            "running": self.running,
            "spreads": [attrs.asdict(s) for s in self.spreads],
            "samples": self.samples,
            "seed": self.seed,
        }


def spreads_of(point: Point, inputs: Sequence[str], held: Collection[str] = ()) -> tuple[Spread, ...]:
    """Return how those of some inputs vary that do and are not held."""
    symbols = point.recorded.symbols
    found = (Spread.of(symbols[n], point.values[n]) for n in inputs if n not in held)
    return tuple(s for s in found if s is not None)


def monte_carlo(
    points: Sequence[Point], samples: int = 1_000_000, seed: int = 0, held: Collection[str] = ()
) -> Uncertainty:
    """Return intervals of metrics over the ranges of all parameters.

    Args:
        points: metrics of one model at one point.
        samples: how many.
        seed: of the random numbers.
        held: parameters that stay.

    Raises WorkloadError where nothing varies.
    """
    first = points[0]
    outputs = first.recorded.program.outputs
    constraints = [c.name for c in first.recorded.constraints]
    wanted = {p.metric: p.output for p in points}
    wanted |= {f"{way}.{c}": outputs[f"{way}.{c}"] for c in constraints for way in ("used", "limit")}
    wanted |= first.recorded.spare
    program = first.recorded.program.select(wanted)
    spreads = spreads_of(first, program.inputs, held)
    if not spreads:
        raise WorkloadError("no parameter of this system has a range")
    names = [s.parameter for s in spreads]
    call = on_arrays(first.bound(names, program), names)
    random = np.random.default_rng(seed)
    kept = {p.metric: np.empty(samples) for p in points}
    holds = dict.fromkeys(constraints, 0)
    feasible = 0
    runs = np.empty(samples, dtype=bool)
    for start in range(0, samples, CHUNK):
        size = min(CHUNK, samples - start)
        found = dict(zip(wanted, call(*(s.at(random.random(size)) for s in spreads)), strict=True))
        for metric, array in kept.items():
            array[start : start + size] = found[metric]
        runs[start : start + size] = _running(found, first.recorded.spare)
        good = np.ones(size, dtype=bool)
        for name in constraints:
            holding = found[f"used.{name}"] <= found[f"limit.{name}"] * (1 + 1e-12)
            holds[name] += int(np.count_nonzero(holding))
            good &= holding
        feasible += int(np.count_nonzero(good))
    counted = runs if first.runs else np.ones(samples, dtype=bool)
    return Uncertainty(
        intervals=tuple(_interval(p, kept[p.metric][counted]) for p in points),
        fits={n: count / samples for n, count in holds.items()},
        feasible=feasible / samples,
        running=float(runs.mean()),
        spreads=spreads,
        samples=samples,
        seed=seed,
    )


def _running(found: Mapping[str, Array], spare: Collection[str]) -> Array:
    """Return in which samples every limit on power and temperature leaves something to work with."""
    left = [np.asarray(found[name]) > 0 for name in spare]
    together: Array = np.logical_and.reduce(np.broadcast_arrays(*left)) if left else np.asarray(True)
    return together


def _interval(point: Point, values: Array) -> Interval:
    if not np.isfinite(values).all():
        raise SymarchError(f"{point.metric} has no finite value in {np.count_nonzero(~np.isfinite(values))} samples")
    ordered = np.sort(values)
    levels = np.quantile(ordered, [FIRST, *LEVELS, LAST])
    edges = np.linspace(levels[0], levels[-1] if levels[-1] > levels[0] else levels[0] * (1 + 1e-9), BINS + 1)
    counts = np.diff(np.searchsorted(ordered, edges))
    return Interval(
        metric=point.metric,
        unit=METRICS[point.metric][0],
        value=point.value,
        mean=float(values.mean()),
        deviation=float(values.std()),
        quantiles=dict(zip(LEVELS, map(float, levels[1:-1]), strict=True)),
        counts=counts,
        edges=edges,
    )


@attrs.frozen
class Bar:
    """One bar of a tornado: the metric at the two ends of a parameter's range, all else at the point.

    Attributes:
        parameter: its name.
        status: of its value.
        low: the metric at the low end [SI]; None where nothing runs there.
        high: the metric at the high end.
        swing: their distance over the metric at the point; infinite where nothing runs at an end.
    """

    parameter: str
    status: str
    low: float | None
    high: float | None
    swing: float


def tornado(symbols: Mapping[str, Symbol], sensitivity: Sensitivity) -> tuple[Bar, ...]:
    """Return the bars of a tornado, the widest first; parameters that change nothing are left out."""
    found = []
    for e in sensitivity.elasticities:
        symbol = symbols.get(e.parameter)
        if symbol is not None and None not in (symbol.low, symbol.high) and e.low != e.high:
            swing = math.inf if e.low is None or e.high is None else abs(e.high - e.low) / sensitivity.value
            found.append(Bar(e.parameter, symbol.status, e.low, e.high, swing))
    return tuple(sorted(found, key=lambda b: -b.swing))


@attrs.frozen
class Sobol:
    """Sobol indices of a parameter: shares of a function's variance.

    Attributes:
        parameter: its name.
        status: of its value.
        first: the share that it explains alone.
        first_error: half width of the 95 % interval of `first`.
        total: the share that would vanish if all others were known and it were too: with its interactions.
        total_error: half width of the 95 % interval of `total`.
    """

    parameter: str
    status: str
    first: float
    first_error: float
    total: float
    total_error: float

    @property
    def size(self) -> float:
        """What to sort by."""
        return self.total


@attrs.frozen
class Morris:
    """Elementary effects of a parameter over its whole range.

    Attributes:
        parameter: its name.
        status: of its value.
        effect: mean magnitude of the change of the metric when it crosses its range (mu*) [SI].
        effect_error: half width of the 95 % interval of `effect`.
        mean: mean of the signed change (mu) [SI].
        deviation: standard deviation of the change (sigma): how curved, or how much others interfere [SI].
    """

    parameter: str
    status: str
    effect: float
    effect_error: float
    mean: float
    deviation: float

    @property
    def size(self) -> float:
        """What to sort by."""
        return self.effect


@attrs.frozen
class Indices(Shown):
    """Which parameters the uncertainty of a metric comes from.

    Attributes:
        metric: its name.
        method: sobol or morris.
        entries: the largest first.
        evaluations: of the metric.
        measure_first: the assumed or announced parameter with the largest total index or effect; None where none
            matters.
    """

    metric: str
    method: str
    entries: tuple[Sobol, ...] | tuple[Morris, ...]
    evaluations: int
    measure_first: str | None

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the indices, the largest first."""
        columns: tuple[str, ...] = ("parameter", "with interactions", "alone", "status")
        rows: list[tuple[str, ...]] = []
        for e in self.entries:
            if isinstance(e, Sobol):
                rows.append((e.parameter, f"{e.total:.3f}", f"{e.first:.3f}", e.status))
            else:
                columns = ("parameter", f"mean effect on {self.metric}", "deviation", "status")
                unit = METRICS[self.metric][0]
                rows.append(
                    (e.parameter, format_quantity(e.effect, unit), format_quantity(e.deviation, unit), e.status)
                )
        note = f"Measure {self.measure_first} first." if self.measure_first else ""
        what = f"ln {self.metric}" if self.method == "sobol" else self.metric
        title = f"{self.method.capitalize()} indices of {what}, {self.evaluations} evaluations"
        return (Sheet(title, columns, rows, note, words=[3]),)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return attrs.asdict(self)


Metric = Callable[[NDArray[np.float64]], Array]
"""A function of points of the unit cube, one in each row."""


def sobol(function: Metric, parameters: Mapping[str, str], samples: int = 1024, seed: int = 0) -> tuple[Sobol, ...]:
    """Return the Sobol indices of a function of the unit cube.

    Args:
        function: takes points, one in each row.
        parameters: status of each parameter, in the order of the columns.
        samples: a base number, rounded up to a power of 2; the function is evaluated (parameters + 2) times as often.
        seed: of the sequence and of the bootstrap.

    Raises SymarchError if SALib is not installed or the function is not finite.
    """
    analysis = _salib("analyze", "sobol")
    count = 1 << max(samples - 1, 1).bit_length()
    values = _finite(function(arranged(count, len(parameters), seed)))
    if np.ptp(values) <= 1e-14 * abs(values).max():
        return tuple(Sobol(n, s, 0.0, 0.0, 0.0, 0.0) for n, s in parameters.items())
    found = analysis.analyze(_problem(parameters), values, calc_second_order=False, seed=seed)
    columns = (found[k] for k in ("S1", "S1_conf", "ST", "ST_conf"))
    rows = zip(parameters.items(), *columns, strict=True)
    return tuple(Sobol(n, s, *map(float, numbers)) for (n, s), *numbers in rows)


def arranged(count: int, dimensions: int, seed: int) -> Array:
    """Return the points that Sobol indices are computed from, those of SALib's `sample`, by whole arrays.

    One point of the unit cube in each row, shape (count (dimensions + 2), dimensions): for each point of a Sobol'
    sequence A and one of B those of A, of A with one coordinate after the other from B, and of B.

    Args:
        count: points of A and of B, a power of 2.
        dimensions: of the cube.
        seed: of the scrambling of the sequence.
    """
    from scipy.stats import qmc

    base = qmc.Sobol(d=2 * dimensions, scramble=True, seed=seed).random(count).T
    first, second = base[:dimensions], base[dimensions:]
    columns = np.repeat(first[:, None, :], dimensions + 2, axis=1)  # by dimension, block, point
    every = np.arange(dimensions)
    columns[every, every + 1] = second
    columns[:, -1] = second
    return columns.transpose(2, 1, 0).reshape(-1, dimensions)


def morris(function: Metric, parameters: Mapping[str, str], samples: int = 100, seed: int = 0) -> tuple[Morris, ...]:
    """Return the elementary effects of a function of the unit cube, by trajectories on a grid of four levels.

    Args:
        function: takes points, one in each row.
        parameters: status of each parameter, in the order of the columns.
        samples: trajectories; the function is evaluated (parameters + 1) times as often.
        seed: of the trajectories and of the bootstrap.

    Raises SymarchError if SALib is not installed or the function is not finite.
    """
    sampling, analysis = (_salib(part, "morris") for part in ("sample", "analyze"))
    problem = _problem(parameters)
    at = sampling.sample(problem, samples, num_levels=4, seed=seed)
    found = analysis.analyze(problem, at, _finite(function(at)), num_levels=4, seed=seed)
    columns = (np.asarray(found[k], dtype=float) for k in ("mu_star", "mu_star_conf", "mu", "sigma"))
    rows = zip(parameters.items(), *columns, strict=True)
    return tuple(Morris(n, s, *map(float, numbers)) for (n, s), *numbers in rows)


def _salib(part: str, method: str) -> Any:
    try:
        return importlib.import_module(f"SALib.{part}.{method}")
    except ImportError:
        raise SymarchError(f"{method} indices need SALib: pip install 'symarch[study]'") from None


def _problem(parameters: Mapping[str, str]) -> dict[str, Any]:
    return {"num_vars": len(parameters), "names": list(parameters), "bounds": [[0.0, 1.0]] * len(parameters)}


def _finite(values: Array) -> Array:
    if not np.isfinite(values).all():
        raise SymarchError("the metric has no finite value in part of the parameters' ranges")
    return values


def indices_of(
    point: Point, method: str = "sobol", samples: int | None = None, seed: int = 0, held: Collection[str] = ()
) -> Indices:
    """Return which parameters the uncertainty of a metric comes from.

    Sobol indices are shares of the variance of the metric's logarithm: in ratios, like elasticities. Of the metric
    itself they would be those of the few samples in its tail, and no number of samples that is quick would find them.

    Args:
        point: the metric and where the parameters without a range stand.
        method: sobol or morris.
        samples: as in `sobol` and `morris`, None for their own.
        seed: of the random numbers.
        held: parameters that stay.

    Raises WorkloadError for an unknown method or where nothing varies, SymarchError if SALib is not installed.
    """
    if method not in ("sobol", "morris"):
        raise WorkloadError(f"unknown method {method!r}; there are sobol and morris")
    spreads = spreads_of(point, point.program.inputs, held)
    if not spreads:
        raise WorkloadError(f"no parameter that {point.metric} depends on has a range")
    names = [s.parameter for s in spreads]
    spare = point.recorded.spare if point.runs else {}
    program = point.recorded.program.select({point.metric: point.output, **spare})
    call = on_arrays(point.bound(names, program), names)
    evaluations = 0

    def function(at: NDArray[np.float64]) -> Array:
        nonlocal evaluations
        evaluations += len(at)
        columns = (s.at(column) for s, column in zip(spreads, at.T, strict=True))
        found = dict(zip(program.outputs, call(*columns), strict=True))
        values, runs = np.asarray(found[point.metric]), _running(found, spare)
        # what does not run has no end: it counts as the worst of what does
        values = np.where(runs, values, point.sign * (point.sign * values[np.broadcast_to(runs, values.shape)]).max())
        return np.log(values) if method == "sobol" else values

    way: Any = sobol if method == "sobol" else morris
    status = {s.parameter: s.status for s in spreads}
    found = way(function, status, **({} if samples is None else {"samples": samples}), seed=seed)
    entries = tuple(sorted(found, key=lambda e: -e.size))
    open_ones = [e for e in entries if e.status in UNKNOWN and e.size > 0]
    return Indices(point.metric, method, entries, evaluations, open_ones[0].parameter if open_ones else None)


@attrs.frozen
class Sample:
    """A published parameter set, in place of a component's own.

    Attributes:
        preset: its name.
        title: one line.
        status: measured, standard, announced or assumed.
        source: citation.
        metrics: value of each metric [SI]; empty where the system cannot be built with it.
        feasible: whether every constraint holds.
        fails: the constraints that do not.
        reason: why it cannot be built, empty if it can.
    """

    preset: str
    title: str
    status: str
    source: str
    metrics: Mapping[str, float | None]
    feasible: bool
    fails: tuple[str, ...]
    reason: str

    def row(self) -> dict[str, str]:
        """Return what a table says of it."""
        names = ("ttft", "tpot", "throughput", "energy_per_token", "cost_per_million_tokens")
        values = {n: self.metrics.get(n) for n in names}
        shown = {n: "-" if v is None else format_quantity(v, METRICS[n][0]) for n, v in values.items()}
        return {"preset": self.preset, "status": self.status, **shown,
                "fails": self.reason or ", ".join(self.fails) or "nothing"}  # fmt: skip
