"""Fitting the declared parameters of a processor, and of its scale-up link, to measurements.

What may be fitted are parameters with an ideal value (efficiencies, fixed times) that no standard fixes. The logarithms
of predicted over measured times are made small with a loss that outliers pull at with bounded force (soft L1), the
derivatives being those of the recorded program, exact. Parameters are shared by all systems of the tables; each row
keeps the peaks, bandwidths and core counts of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from symarch.accuracy.machines import joined
from symarch.accuracy.operators import OPERATORS, devices_of
from symarch.accuracy.prediction import UNSOUND, record_rows
from symarch.accuracy.tables import FAMILIES, Array, Table
from symarch.errors import SymarchError
from symarch.notebook import Sheet, Shown
from symarch.program import gradient
from symarch.program.arrays import ArrayFunction
from symarch.quantities import format_quantity
from symarch.specs import System
from symarch.specs.systems import override
from symarch.technologies.declare import Parameter

MOST_ROWS = 4000
"""Rows of a table that are fitted; of more, evenly spaced ones."""

SCALE = 0.05
"""Error at which the loss goes over from square to linear: the noise of repeated measurements."""

LEAST_ROWS = 5
"""Rows for each parameter below which the spread of errors says nothing of how well it is known."""

WORST_CONDITION = 300.0
"""Ratio of the best to the worst determined combination of parameters beyond which the data cannot tell them apart."""

UNSEEN = ("covered_latency", "spill", "runtime_memory", "allocatable")
"""Parameters that kernels measured alone say nothing of."""

HALVES = {
    "gemm": ("m", "n", "k"),
    "attention_decode": ("batch", "heads", "context"),
    "attention_prefill": ("batch", "heads", "input_len"),
    "moe": ("inter", "ep"),
    "collective": ("bytes",),
    "elementwise": ("hidden", "tokens"),
}
"""Columns at whose median a table is cut in halves, to fit on one and judge on the other."""


@attrs.frozen(eq=False)
class _Block:
    """Rows that one program serves."""

    family: str
    system: str
    function: ArrayFunction
    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    columns: Mapping[str, Array]
    measured: Array
    table: int
    rows: NDArray[np.int64]

    def only(self, masks: Sequence[NDArray[np.bool_]]) -> _Block | None:
        """Return the block with those of its rows that a mask of its table keeps, None if it keeps none."""
        kept = masks[self.table][self.rows]
        if not kept.any():
            return None
        columns = {n: v[kept] for n, v in self.columns.items()}
        return attrs.evolve(self, columns=columns, measured=self.measured[kept], rows=self.rows[kept])

    def computable(self, values: Mapping[str, float]) -> _Block | None:
        """Return the block with the rows that have a finite error alone, None if there are none."""
        with np.errstate(all="ignore"):
            good = np.isfinite(self.errors(values)[0])
        masks = {self.table: np.isin(np.arange(self.rows.max() + 1), self.rows[good])}
        return self.only([masks.get(i, np.zeros(0, dtype=bool)) for i in range(self.table + 1)])

    def errors(self, values: Mapping[str, float]) -> tuple[Array, Array]:
        """Return the logarithm of predicted over measured times, and its derivative by the logarithms of parameters."""
        given = [self.columns[n] if n in self.columns else np.float64(values[n]) for n in self.inputs]
        time, *slopes = self.function(*given)
        shape = self.measured.shape
        time = np.broadcast_to(time, shape)
        found = dict(zip(self.targets, slopes, strict=True))
        jacobian = np.zeros((self.measured.size, len(values)))
        for place, (name, value) in enumerate(values.items()):
            if name in found:
                jacobian[:, place] = np.broadcast_to(found[name], shape) * value / time
        return np.log(time / self.measured), jacobian


@attrs.frozen
class Fitted:
    """One fitted parameter.

    Attributes:
        name: `gpu.launch`.
        value: the fit [SI].
        low: lower end of its 95 % interval.
        high: upper end.
        unit: its unit.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str


@attrs.frozen
class Calibration(Shown):
    """The result of a fit.

    Attributes:
        parameters: the fitted parameters.
        before: median and mean absolute error before [%], by family and system.
        after: the same after.
        crossed: the same on rows left out of the fit: (what was left out, family, system, median,
            mean, bias).
        untouched: parameters that the data do not depend on.
        rows: rows fitted.
        reasons: why rows are not among them, with the number of rows.
    """

    parameters: tuple[Fitted, ...]
    before: Mapping[tuple[str, str], tuple[float, float, float]]
    after: Mapping[tuple[str, str], tuple[float, float, float]]
    crossed: tuple[tuple[str, str, str, float, float, float], ...]
    untouched: tuple[str, ...]
    rows: int
    reasons: Mapping[str, int] = attrs.field(factory=dict)

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the parameters, the errors before and after, and those on rows left out."""
        fitted = [
            (p.name, format_quantity(p.value, p.unit), f"{format_quantity(p.low, p.unit)} to "
             f"{format_quantity(p.high, p.unit)}")
            for p in self.parameters
        ]  # fmt: skip
        errors = [
            (*key, *(f"{v:.1f} %" for v in (*self.before[key][:2], median, mean)), f"{bias:+.1f} %")
            for key, (median, mean, bias) in self.after.items()
        ]
        crossed = [(*names, f"{median:.1f} %", f"{mean:.1f} %", f"{bias:+.1f} %")
                   for *names, median, mean, bias in self.crossed]  # fmt: skip
        note = f"Not fitted, no row depends on them: {', '.join(self.untouched)}" if self.untouched else ""
        columns = ("family", "system", "median before", "mean before", "median after", "mean after", "bias after")
        found = [
            Sheet(f"Fitted to {self.rows} rows", ("parameter", "value", "95 % interval"), fitted, note),
            Sheet("Errors of the measured latency", columns, errors, words=[1]),
        ]
        if crossed:
            names = ("left out of the fit", "family", "system", "median", "mean", "bias")
            found.append(Sheet("Errors on rows left out", names, crossed, words=[1, 2]))
        return tuple(found)


def fittable(system: System) -> dict[str, Parameter]:
    """Return the parameters of processor and network that measurements may decide."""
    return {
        f"{c.name}.{p.name}": p
        for table in ("processor", "network")
        for c in system.of(table)
        for p in c.declared().values()
        if p.has_ideal
        and p.ideal is not None
        and p.status in ("measured", "assumed")
        and not p.integer
        and not p.structural
        and p.name not in UNSEEN
        and c.settings[p.name].value
    }


def _blocks(
    tables: Sequence[Table], names: Sequence[str], fixed: Mapping[str, str]
) -> tuple[list[_Block], Counter[str]]:
    """Return what can be computed of tables, and why the other rows cannot, with their number."""
    blocks, reasons = [], Counter[str]()
    for place, table in enumerate(tables):
        family = FAMILIES[table.family]
        for key, rows in table.groups(family.words):
            words = dict(zip(family.words, key, strict=True))
            try:
                system = joined(words["system"], devices_of(words), words.get("library"))
                system = override(system, fixed)
                program = record_rows(table.family, words, system, tuple(names))
            except SymarchError as error:
                reasons[f"{table.family}: {error}"] += rows.size
                continue
            live = program.live(program.outputs.values())
            places = {program.operations[i][2]: i for i in live if program.operations[i][0] == "input"}
            targets = tuple(n for n in names if n in places)
            slopes = gradient(program, "time", [places[n] for n in targets])
            columns = {n: table.numbers[n][rows] for n in family.numbers}
            measured = table.numbers[family.measured[0]][rows] * family.unit
            function = ArrayFunction(slopes, tuple(slopes.inputs))
            blocks.append(
                _Block(
                    table.family,
                    words["system"],
                    function,
                    tuple(slopes.inputs),
                    targets,
                    columns,
                    measured,
                    place,
                    rows,
                )
            )
    return blocks, reasons


def _thinned(table: Table) -> Table:
    table = table.only(table.sound)
    return table if len(table) <= MOST_ROWS else table.only(slice(None, None, -(-len(table) // MOST_ROWS)))


def _together(blocks: Sequence[_Block], values: Mapping[str, float]) -> tuple[Array, Array]:
    parts = [b.errors(values) for b in blocks]
    # families weigh alike, however many rows they have
    sizes = {f: sum(b.measured.size for b in blocks if b.family == f) for f in {b.family for b in blocks}}
    mean = sum(sizes.values()) / len(sizes)
    weights = [np.sqrt(mean / sizes[b.family]) for b in blocks]
    return (
        np.concatenate([e * w for (e, _), w in zip(parts, weights, strict=True)]),
        np.concatenate([j * w for (_, j), w in zip(parts, weights, strict=True)]),
    )


def _solve(blocks: Sequence[_Block], start: Mapping[str, float], bounds: Mapping[str, tuple[float, float]]) -> Any:
    from scipy.optimize import least_squares

    names = list(start)

    def values(x: Array) -> dict[str, float]:
        return dict(zip(names, np.exp(x), strict=True))

    low = np.log([bounds[n][0] for n in names])
    high = np.log([bounds[n][1] for n in names])
    first = np.clip(np.log([start[n] for n in names]), low + 1e-9, high - 1e-9)
    last: dict[bytes, tuple[Array, Array]] = {}  # errors and slopes are asked for one after the other

    def at(x: Array) -> tuple[Array, Array]:
        key = x.tobytes()
        if key not in last:
            last.clear()
            last[key] = _together(blocks, values(x))
        return last[key]

    found = least_squares(
        lambda x: at(x)[0],
        first,
        jac=lambda x: at(x)[1],
        bounds=(low, high),
        loss="soft_l1",
        f_scale=SCALE,
        max_nfev=100,
    )
    return values(found.x)


def _figures(
    blocks: Sequence[_Block], values: Mapping[str, float]
) -> dict[tuple[str, str], tuple[float, float, float]]:
    """Return median and mean absolute error, and mean signed error [%], by family and system."""
    gathered: dict[tuple[str, str], list[Array]] = {}
    for block in blocks:
        gathered.setdefault((block.family, block.system), []).append(np.expm1(block.errors(values)[0]) * 100)
    found = {}
    for key, parts in gathered.items():
        errors = np.concatenate(parts)
        found[key] = (float(np.median(np.abs(errors))), float(np.abs(errors).mean()), float(errors.mean()))
    return found


def calibrate(
    tables: Sequence[Table],
    system: System,
    only: Sequence[str] = (),
    crossed: bool = True,
    fixed: Mapping[str, str] | None = None,
) -> Calibration:
    """Fit the parameters of a system's processor and link to tables of operators.

    Args:
        tables: measurements; their rows keep their own systems.
        system: whose parameters the fit starts from.
        only: names of the parameters to fit (`gpu.launch`); empty: all that the rows depend on.
        fixed: values that parameters are set to on all systems, as `--set` takes them.
        crossed: whether to fit again without each system and each half of the shapes, to judge on what is left out.

    Raises SymarchError where the data cannot tell parameters apart.
    """
    declared = fittable(system)
    unknown = [n for n in only if n not in declared]
    if unknown:
        raise SymarchError(f"{unknown[0]} cannot be fitted; these can: {', '.join(declared)}")
    tables = [t for t in tables if t.family in OPERATORS]
    if not tables:
        raise SymarchError(f"nothing to fit: only tables of operators are fitted ({', '.join(OPERATORS)})")
    unsound = sum(len(t) - int(t.sound.sum()) for t in tables)
    tables = [t for t in map(_thinned, tables) if len(t)]
    names = list(only or declared)
    blocks, reasons = _blocks(tables, names, fixed or {})
    if unsound:
        reasons[UNSOUND] += unsound
    if not blocks:
        why = "; ".join(f"{reason} ({count} of the rows)" for reason, count in reasons.most_common(3))
        raise SymarchError(f"nothing to fit: no row can be predicted: {why}")
    used = {t for b in blocks for t in b.targets}
    start = {n: float(_setting(system, n)) for n in names if n in used}
    if not start:
        raise SymarchError("nothing to fit: no row of the tables depends on a parameter that may be fitted")
    blocks = [kept for b in blocks if (kept := b.computable(start)) is not None]
    rows = sum(b.measured.size for b in blocks)
    if rows < LEAST_ROWS * len(start):
        raise SymarchError(
            f"{rows} rows that can be predicted are too few for {len(start)} parameters, of which each needs at least "
            f"{LEAST_ROWS}; give more rows, or fit fewer parameters (--only)"
        )
    bounds = {n: _bounds(declared[n], start[n]) for n in start}
    values = _solve(blocks, start, bounds)
    _check_apart(blocks, values, bounds)
    errors, jacobian = _together(blocks, values)
    spread = 1.4826 * float(np.median(np.abs(errors - np.median(errors))))
    covariance = np.linalg.pinv(jacobian.T @ jacobian) * spread**2
    parameters = tuple(
        Fitted(n, v, v * float(np.exp(-w)), min(v * float(np.exp(w)), bounds[n][1]), declared[n].unit)
        for (n, v), w in zip(values.items(), 1.96 * np.sqrt(np.diag(covariance)), strict=True)
    )
    return Calibration(
        parameters,
        _figures(blocks, start),
        _figures(blocks, values),
        tuple(_cross(tables, blocks, start, bounds)) if crossed else (),
        tuple(n for n in names if n not in used),
        rows,
        dict(reasons),
    )


def _setting(system: System, name: str) -> Any:
    component, _, parameter = name.partition(".")
    return system.components[component].settings[parameter].value


def _bounds(parameter: Parameter, start: float) -> tuple[float, float]:
    """Return the ends between which a parameter is sought: a thousandth to a thousandfold, a share at most 1."""
    high = start * 1e3
    return start / 1e3, high if parameter.at_most is None else min(high, parameter.at_most)


def _check_apart(
    blocks: Sequence[_Block], values: Mapping[str, float], bounds: Mapping[str, tuple[float, float]]
) -> None:
    """Raise SymarchError if some combination of parameters hardly changes any row."""
    names = list(values)
    # one at an end of its range is held there by it, not by the data
    inside = [i for i, n in enumerate(names) if bounds[n][0] * 1.001 < values[n] < bounds[n][1] * 0.999]
    at_end = [n for i, n in enumerate(names) if i not in inside and values[n] <= bounds[n][0] * 1.001]
    if at_end:
        raise SymarchError(
            f"the data do not determine {at_end[0]}: the smaller it is the better; fit without it (--only)"
        )
    jacobian = _together(blocks, values)[1][:, inside]
    _, sizes, ways = np.linalg.svd(jacobian, full_matrices=False)
    if sizes.size and sizes[-1] * WORST_CONDITION < sizes[0]:
        order = np.argsort(-np.abs(ways[-1]))[:2]
        pair = [names[inside[int(i)]] for i in order if abs(ways[-1][i]) > 0.1]
        if len(pair) == 1:
            raise SymarchError(
                f"the data do not determine {pair[0]}: hardly any row depends on it; fit without it (--only), or add "
                "rows that do"
            )
        raise SymarchError(
            f"the data cannot tell {' and '.join(pair)} apart (condition {sizes[0] / sizes[-1]:.0f}, at most "
            f"{WORST_CONDITION:.0f}); fit without one of them (--only) or add rows in which they differ"
        )


def _cross(
    tables: Sequence[Table],
    blocks: Sequence[_Block],
    start: Mapping[str, float],
    bounds: Mapping[str, tuple[float, float]],
) -> list[tuple[str, str, str, float, float, float]]:
    """Fit without each system, and without each half of the shapes, and judge on what was left out."""
    found = []
    systems = sorted({str(s) for t in tables for s in np.unique(t.words["system"])})
    cuts: list[tuple[str, list[NDArray[np.bool_]]]] = []
    if len(systems) > 1:
        cuts += [(system, [t.words["system"] == system for t in tables]) for system in systems]
    for column in dict.fromkeys(c for t in tables for c in HALVES[t.family]):
        above = [_above(t, column) for t in tables]
        below = [~m if column in t.numbers else m for t, m in zip(tables, above, strict=True)]
        cuts += [(f"{column} above its median", above), (f"{column} up to its median", below)]
    for label, masks in cuts:
        kept = [part for b in blocks if (part := b.only([~m for m in masks])) is not None]
        judged = [part for b in blocks if (part := b.only(masks)) is not None]
        used = {n for b in kept for n in b.targets}
        own = {n: v for n, v in start.items() if n in used}
        if not own or not judged:
            continue
        values = {**start, **_solve(kept, own, bounds)}
        found += [(label, *key, *figures) for key, figures in _figures(judged, values).items()]
    return found


def _above(table: Table, column: str) -> Any:
    if column not in table.numbers:
        return np.zeros(len(table), dtype=bool)
    return table.numbers[column] > np.median(table.numbers[column])
