"""Regimes: which resource binds where, along one parameter and over two.

The share of a resource in an operator is the metric's derivative by the resource's marked times, weighted with them.
Both are outputs of one program, so a line or a map is one call over arrays, and the places where the largest share (or
the set of resources that count at all) changes are found to the last digit; at p = infinity these are the kinks.
"""

from __future__ import annotations

import itertools
import math
from functools import cached_property
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from symarch.analysis import Recorded
from symarch.errors import WorkloadError
from symarch.notebook import Sheet, Shown
from symarch.program import Node, Program, Tape, gradient
from symarch.program.derivatives import evaluate
from symarch.quantities import format_quantity, format_setting
from symarch.results import Explanation
from symarch.sensitivity.changes import MANY, Array, Winners, changes, first_of_largest, grid
from symarch.sensitivity.point import Point, on_arrays
from symarch.sensitivity.rational import NoFraction, rational_in
from symarch.sensitivity.terms import explained

FORMS = 6
"""Regions of a map, the largest ones, whose closed form is written out."""

COUNTS = 1e-9
"""Share of the metric above which a resource counts in a regime."""

BESIDE = 1e-12
"""Relative distance from a place where something changes to a point that lies before it."""

WHOLE = 4096
"""Whole numbers that are all looked at, from the lower end, where a parameter has no others."""

SPAN = 100.0
"""Factor by which a parameter without a range is moved up and down."""


@attrs.frozen
class Breakpoint:
    """Where what binds changes along a parameter.

    Attributes:
        value: of the parameter [SI].
        operator: whose binding resource changes; empty for the metric as a whole.
        before: the resource with the largest share below.
        after: the one above.
    """

    value: float
    operator: str
    before: str
    after: str


@attrs.frozen
class Regime:
    """A stretch of a parameter on which the same resources bind.

    Attributes:
        low: where it begins [SI].
        high: where it ends.
        bound: the resource with the largest share of the metric.
        share: that share in the middle (on a logarithmic scale).
        operators: the resource with the largest share of each operator there.
        start: the metric at `low` [SI].
        end: the metric at `high`.
        form: the metric as a formula of the parameter, `a + b x` in SI; empty at a finite overlap order above 1 and
            where it is no such formula on the whole stretch.
        coefficients: a, b ... of the formula.
    """

    low: float
    high: float
    bound: str
    share: float
    operators: dict[str, str]
    start: float
    end: float
    form: str
    coefficients: tuple[float, ...]


@attrs.frozen
class Regimes(Shown):
    """What binds along one parameter.

    Attributes:
        metric: its name.
        unit: of the metric.
        parameter: its name.
        parameter_unit: of the parameter.
        low: where the line begins [SI].
        high: where it ends.
        order: the overlap order.
        breakpoints: in order, those of the whole and of each operator.
        regimes: between the breakpoints of the whole; at p = 1 and infinity between all kinks.
        bits: whether people state the parameter in bits.
    """

    metric: str
    unit: str
    parameter: str
    parameter_unit: str
    low: float
    high: float
    order: float
    breakpoints: tuple[Breakpoint, ...]
    regimes: tuple[Regime, ...]
    bits: bool = False

    def rows(self) -> list[tuple[str, str, str]]:
        """Return the table `condition | bound | metric`."""

        def setting(value: float) -> str:
            return format_setting(value, self.parameter_unit, self.bits)

        found = []
        for r in self.regimes:
            ends = f"{setting(r.low)} to {setting(r.high)}"
            metric = f"{format_quantity(r.start, self.unit)} to {format_quantity(r.end, self.unit)}"
            found.append((f"{self.parameter} {ends}", f"{r.bound} ({100 * r.share:.0f} %)", metric))
        return found

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the table."""
        return (
            Sheet(f"{self.metric} along {self.parameter}", ("condition", "bound", self.metric), self.rows(), words=[1]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {name: value for name, value in attrs.asdict(self).items() if name != "bits"}


@attrs.frozen
class Region:
    """A region of a map in which the same resources bind.

    Attributes:
        index: its number in `RegimeMap.regions_at`.
        bound: the resource with the largest share at `at`.
        area: share of the map's cells.
        at: the parameters at its inmost cell [SI].
        value: the metric there.
        operators: the resource with the largest share of each operator there.
        form: the closed form of the metric in the region (at a finite overlap order above 1: that of p = infinity at
            the cell, which is not exact here); None for the small regions.
        exact: whether the closed form holds in the whole region.
    """

    index: int
    bound: str
    area: float
    at: tuple[float, float]
    value: float
    operators: dict[str, str]
    form: Explanation | None
    exact: bool


@attrs.frozen(eq=False)
class RegimeMap(Shown):
    """What binds over two parameters.

    Attributes:
        metric: its name.
        unit: of the metric.
        parameters: names of the two.
        units: of the two.
        axes: their values [SI].
        values: the metric on the grid, the first parameter along the first axis.
        bounds: number of the resource with the largest share, on the grid.
        resources: names of the resources.
        regions_at: number of the region, on the grid.
        regions: the largest first.
        order: the overlap order.
        here: the point that it is about [SI].
        in_bits: parameters that people state in bits.
        recorded: what it is about, whose resources have colours.
    """

    metric: str
    unit: str
    parameters: tuple[str, str]
    units: tuple[str, str]
    axes: tuple[Array, Array]
    values: Array
    bounds: NDArray[np.int64]
    resources: tuple[str, ...]
    regions_at: NDArray[np.int64]
    regions: tuple[Region, ...]
    order: float
    here: tuple[float, float]
    in_bits: frozenset[str] = frozenset()
    recorded: Recorded | None = attrs.field(default=None, repr=False, eq=False)

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the regions, the largest first."""
        rows = [
            (
                r.bound,
                f"{100 * r.area:.1f} %",
                *(
                    format_setting(v, u, n in self.in_bits)
                    for n, v, u in zip(self.parameters, r.at, self.units, strict=True)
                ),
                format_quantity(r.value, self.unit),
            )
            for r in self.regions
        ]
        across, up = self.parameters
        title = f"The largest share of {self.metric} over {across} and {up}"
        columns = ("largest share", "of the map", f"{across} at its middle", f"{up} there", f"{self.metric} there")
        return (Sheet(title, columns, rows, "", [r.area for r in self.regions]),)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data, closed forms as text."""
        return {
            "metric": self.metric,
            "unit": self.unit,
            "parameters": list(self.parameters),
            "units": list(self.units),
            "axes": [a.tolist() for a in self.axes],
            "values": self.values.tolist(),
            "bounds": self.bounds.tolist(),
            "resources": list(self.resources),
            "regions_at": self.regions_at.tolist(),
            "regions": [
                attrs.asdict(r, recurse=False) | {"form": " + ".join(str(r.form.spelled(t)) for t in r.form.terms)}
                if r.form
                else attrs.asdict(r, recurse=False)
                for r in self.regions
            ],
            "order": self.order,
        }


class Shares:
    """The parts of a metric by operator and resource, as functions of a few symbols over arrays.

    Args:
        point: the metric and where all other symbols stand.
        over: the symbols that vary.
    """

    def __init__(self, point: Point, over: tuple[str, ...]) -> None:
        if point.unit == "W":
            raise WorkloadError(f"{point.metric} is no sum of the parts of resources; ask for energy_per_token")
        marks = point.program.marks(point.marked)
        slopes = gradient(point.program, point.metric, list(marks), outermost=True)
        # the marks are kept in the gradient's program, in the same order
        kept = [i for i, o in enumerate(slopes.operations) if o[0] == "mark"]
        tape = Tape(slopes.operations)
        sums: dict[tuple[str, str, str], list[Any]] = {}
        for position, (place, (resource, cause, operator)) in enumerate(zip(kept, marks.values(), strict=True)):
            weight = Node(tape, slopes.outputs[f"d{position}"])
            sums.setdefault((operator, resource, cause), []).append(weight * Node(tape, place))
        outputs = {"value": Node(tape, slopes.outputs["value"])}
        outputs |= {"/".join(key): _sum(tape, terms) for key, terms in sums.items()}
        program = Program.of(tape, outputs).pruned()
        self.keys = list(sums)
        self.operators = list(dict.fromkeys(o for o, _, _ in sums))
        self.resources = list(dict.fromkeys(r for _, r, _ in sums))
        self._call = on_arrays(point.bound(over, program), over)
        self._whole = np.array([[r == own for _, r, _ in self.keys] for own in self.resources], dtype=float)
        self._own = {o: np.array([o == own for own, _, _ in self.keys], dtype=float) for o in self.operators}

    def __call__(self, *at: Any) -> tuple[Array, Array]:
        """Return the metric, and each part of it by operator, resource and cause (`keys`), at points as arrays."""
        value, *parts = self._call(*at)
        return value, np.abs(np.array(parts))

    def of_resources(self, parts: Array) -> Array:
        """Return the parts by resource."""
        found: Array = np.tensordot(self._whole, parts, axes=1)
        return found

    def bounds(self, parts: Array) -> NDArray[np.int64]:
        """Return the number of the binding resource: of each operator, and in the last row of the whole."""
        rows = []
        for operator in self.operators:
            rows.append(first_of_largest(np.tensordot(self._whole * self._own[operator], parts, axes=1)))
        return np.array([*rows, first_of_largest(self.of_resources(parts))])


def _sum(tape: Tape, terms: list[Any]) -> Any:
    return terms[0] if len(terms) == 1 else tape.record("add", terms)


def span(point: Point, name: str, low: float | None, high: float | None) -> tuple[float, float]:
    """Return the range along which a parameter is moved: as given, or its own, or a factor up and down.

    Raises WorkloadError where there is nothing to move.
    """
    symbol, value = point.symbol(name), point.values[name]
    least = symbol.low if symbol.low else (value / SPAN if value else None)
    most = symbol.high if symbol.high else (value * SPAN if value else None)
    if symbol.integer and symbol.low is None and least is not None:
        least = max(1.0, float(round(least)))
    if symbol.at_most is not None and most is not None:
        most = min(most, symbol.at_most)
    low, high = least if low is None else low, most if high is None else high
    if low is None or high is None or not 0 < low < high < math.inf:
        raise WorkloadError(f"{name} has no range above 0 to be moved along; give low and high")
    return low, high


def regimes_of(point: Point, name: str, low: float | None = None, high: float | None = None) -> Regimes:
    """Return what binds along a parameter, with the exact places where that changes.

    Raises UnknownNameError, or WorkloadError for a parameter without a range.
    """
    low, high = span(point, name, low, high)
    shares = Shares(point, (name,))
    line = point.bound([name])
    along = Winners(line, name)
    even = grid(low, high)
    # between two places where a maximum turns or a rounding steps all is smooth: a point on either side of each
    kinks = changes(along, even)
    places = np.array([c.place for c in kinks])
    whole = np.arange(math.ceil(low), min(high, low + WHOLE) + 1) if point.symbol(name).integer else even[:0]
    at = np.concatenate([even, places, places * (1 - BESIDE), whole])
    at = np.unique(at[(at >= low) & (at <= high)])
    saws: set[int] = set()
    found = changes(lambda x: shares.bounds(shares(x)[1]), at, saws)
    operators = [*shares.operators, ""]
    if len(operators) - 1 in saws:
        raise WorkloadError(
            f"what binds changes more than {MANY} times for {name} from {low:g} to {high:g}: whole tiles or devices "
            "fill up again and again; give a narrower low and high"
        )
    breakpoints = [
        Breakpoint(c.place, operators[c.row], shares.resources[c.before], shares.resources[c.after])
        for c in found
        if c.row == len(operators) - 1 or operators[c.row]
    ]
    closed = point.order in (1, math.inf)
    turns = kinks if closed else []
    cuts = sorted({c.place for c in found if c.row == len(operators) - 1} | {c.place for c in turns})
    ends = [low, *(c for i, c in enumerate(cuts) if i == 0 or c > cuts[i - 1] * (1 + 1e-11)), high]
    middles = np.sqrt(np.array(ends[:-1]) * np.array(ends[1:]))
    values, _ = shares(np.array(ends))
    at_middle, parts = shares(middles)
    bounds, whole = shares.bounds(parts), shares.of_resources(parts)
    forms = _forms(line, name, middles, ends) if closed else [("", ())] * len(middles)
    regimes = []
    for i, (start, end) in enumerate(itertools.pairwise(ends)):
        form, coefficients = forms[i]
        binding = int(bounds[-1][i])
        regimes.append(
            Regime(
                low=start,
                high=end,
                bound=shares.resources[binding],
                share=float(whole[binding][i] / at_middle[i]),
                operators={o: shares.resources[bounds[k][i]] for k, o in enumerate(shares.operators) if o},
                start=float(values[i]),
                end=float(values[i + 1]),
                form=form,
                coefficients=coefficients,
            )
        )
    return Regimes(
        point.metric, point.unit, name, point.unit_of(name), low, high, point.order, tuple(breakpoints),
        tuple(_joined(regimes)),
    )  # fmt: skip


def _forms(line: Program, name: str, middles: Array, ends: list[float]) -> list[tuple[str, tuple[float, ...]]]:
    """Return a program of one parameter as a formula of it on each stretch, checked at both ends; empty without one."""
    (output,) = line.outputs
    low, high = np.array(ends[:-1]), np.array(ends[1:])
    inner = np.stack([low + 1e-6 * (high - low), middles, high - 1e-6 * (high - low)], axis=1)
    due = on_arrays(line, [name])(inner)[0]
    forms: list[tuple[str, tuple[float, ...]]] = []
    for middle, at, values in zip(middles.tolist(), inner, due, strict=True):
        try:
            found = rational_in(line, output, name, {name: middle})
        except NoFraction:
            forms.append(("", ()))
            continue
        forms.append(found.written if np.allclose(found.at(at), values, rtol=1e-9, atol=0) else ("", ()))
    return forms


def _joined(regimes: list[Regime]) -> list[Regime]:
    """Join neighbours that differ in nothing: where operators without influence on the metric changed."""
    found: list[Regime] = []
    for regime in regimes:
        last = found[-1] if found else None
        alike = (
            last is not None
            and (last.bound, last.form, last.operators) == (regime.bound, regime.form, regime.operators)
            and np.allclose(last.coefficients, regime.coefficients, rtol=1e-9, atol=0)
        )
        if last is not None and alike and regime.form:
            found[-1] = attrs.evolve(last, high=regime.high, end=regime.end)
        else:
            found.append(regime)
    return found


class _Cells:
    """A grid over two parameters with what binds in each cell."""

    def __init__(self, point: Point, names: tuple[str, str], axes: tuple[Array, Array]) -> None:
        self.point, self.names, self.axes = point, names, axes
        self.shares = Shares(point, names)
        self.values, parts = self.shares(*np.meshgrid(*axes, indexing="ij", sparse=True))
        self.bounds = self.shares.bounds(parts)
        self.closed = point.order in (1, math.inf)
        # with maxima a regime is the set of what counts at all; with a smooth overlap everything counts
        marks = parts > COUNTS * self.values if self.closed else self.bounds[-1:]
        flat = marks.reshape(len(marks), -1)
        _, inverse, counts = np.unique(flat, axis=1, return_inverse=True, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        self.regions_at = rank[np.ravel(inverse)].reshape(self.values.shape)
        self.counts = counts[order]

    def inmost(self, index: int) -> tuple[int, int]:
        """Return the cell of a region that is farthest from its border."""
        from scipy.ndimage import distance_transform_edt

        inside = np.pad(self.regions_at == index, 1)
        far = distance_transform_edt(inside)[1:-1, 1:-1]
        x, y = np.unravel_index(int(np.argmax(far)), far.shape)
        return int(x), int(y)

    def region(self, index: int, *, written: bool, roofline: Point) -> Region:
        x, y = self.inmost(index)
        at = float(self.axes[0][x]), float(self.axes[1][y])
        form, exact = None, False
        if written:
            here = attrs.evolve(roofline, values={**roofline.values, **dict(zip(self.names, at, strict=True))})
            form = explained(here)
            exact = self.closed and self._holds(here, index)
        return Region(
            index=index,
            bound=self.shares.resources[self.bounds[-1][x, y]],
            area=float(self.counts[index] / self.values.size),
            at=at,
            value=float(self.values[x, y]),
            operators={
                o: self.shares.resources[self.bounds[k][x, y]] for k, o in enumerate(self.shares.operators) if o
            },
            form=form,
            exact=exact,
        )

    @cached_property
    def _mesh(self) -> tuple[Array, Array]:
        x, y = np.meshgrid(*self.axes, indexing="ij")
        return x, y

    def _holds(self, here: Point, index: int) -> bool:
        """Return whether the sum of terms at a cell, its weights fixed, is the metric in every cell of its region."""
        marks = here.program.marks(here.marked)
        slopes = gradient(here.program, here.metric, list(marks), outermost=True)
        weights = evaluate(slopes, here.values)
        tape = Tape(here.program.operations)
        terms = [
            Node(tape, i) * float(weights[slopes.outputs[f"d{k}"]])
            for k, i in enumerate(marks)
            if weights[slopes.outputs[f"d{k}"]]
        ]
        program = Program.of(tape, {"sum": _sum(tape, terms)}).pruned()
        mine = self.regions_at == index
        call = on_arrays(here.bound(self.names, program), self.names)
        found = call(self._mesh[0][mine], self._mesh[1][mine])[0]
        return bool(np.allclose(found, self.values[mine], rtol=1e-9, atol=0))


def regime_map(
    point: Point,
    names: tuple[str, str],
    *,
    ranges: tuple[tuple[float, float] | None, tuple[float, float] | None] = (None, None),
    cells: int = 60,
    roofline: Point | None = None,
) -> RegimeMap:
    """Return what binds over two parameters.

    Args:
        point: the metric, and where all else stands.
        names: the two parameters.
        ranges: from where to where they go, None for a parameter's own range.
        cells: cells of each axis, on a logarithmic scale.
        roofline: the same point at p = infinity, for the closed forms where the overlap order is neither 1 nor that.

    Raises UnknownNameError, or WorkloadError for a parameter without a range.
    """
    if names[0] == names[1]:
        raise WorkloadError(f"a map needs two parameters; {names[0]} is given twice")
    ends = [span(point, n, *(r or (None, None))) for n, r in zip(names, ranges, strict=True)]
    axes = (grid(*ends[0], cells), grid(*ends[1], cells))
    found = _Cells(point, names, axes)
    regions = tuple(
        found.region(i, written=i < FORMS, roofline=point if found.closed else roofline or point)
        for i in range(len(found.counts))
    )
    return RegimeMap(
        metric=point.metric,
        unit=point.unit,
        parameters=names,
        units=(point.unit_of(names[0]), point.unit_of(names[1])),
        axes=axes,
        values=found.values,
        bounds=found.bounds[-1],
        resources=tuple(found.shares.resources),
        regions_at=found.regions_at,
        regions=regions,
        order=point.order,
        here=(point.values[names[0]], point.values[names[1]]),
        recorded=point.recorded,
    )
