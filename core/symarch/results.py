"""The records an analysis answers with: the numbers of a point, and a metric as a sum of named terms."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import attrs

from symarch.analysis import METRICS, Recorded
from symarch.notebook import Sheet, Shown
from symarch.quantities import format_quantity

if TYPE_CHECKING:
    import sympy


@attrs.frozen
class OperatorResult:
    """One line of the breakdown by operator.

    Attributes:
        name: the operator's.
        phase: prefill or decode.
        count: runs in one pass.
        time: of one run, in decode the mean over steps [s].
        bound: the resource with the largest share of it.
        share: count x time over the phase's time.
        algorithm: of a collective, the algorithm that is the fastest at this point; None for other operators.
    """

    name: str
    phase: str
    count: float
    time: float
    bound: str
    share: float
    algorithm: str | None = None


@attrs.frozen
class ResourceResult:
    """A resource's share of a phase's time; the shares of a phase sum to 1."""

    name: str
    phase: str
    share: float


@attrs.frozen
class ConstraintResult:
    """A constraint at a point: `ok` while used <= limit."""

    name: str
    ok: bool
    used: float
    limit: float
    unit: str

    @property
    def slack(self) -> float:
        """What is left, in `unit`; below 0 what lacks."""
        return self.limit - self.used


@attrs.frozen
class ConstraintFormula:
    """A constraint in symbols: it holds while used <= limit.

    Attributes:
        name: `hbm.capacity`, `gpu.power`, `hbf.write_lifetime` ...
        used: what is needed, over parameters and sizes of the workload.
        limit: what there is.
        unit: of both.
    """

    name: str
    used: sympy.Expr
    limit: sympy.Expr
    unit: str

    @property
    def slack(self) -> sympy.Expr:
        """What is left: limit - used."""
        left: sympy.Expr = self.limit - self.used
        return left


@attrs.frozen
class Lasting:
    """How long a memory that wears lasts at a point, used in the share `economy.utilisation` of the time.

    Attributes:
        memory: its name.
        lasts: time until it is worn out [s].
        bought: how many of it the machines need in `economy.life`, the first included, at least 1.
    """

    memory: str
    lasts: float
    bought: float

    @property
    def words(self) -> str:
        """What is paid for of a memory that wears out before the machines; empty of one that does not."""
        if self.bought <= 1:
            return ""
        lasts = format_quantity(self.lasts, "s")
        return f"{self.memory} lasts {lasts} in use: it is paid for {self.bought:.3g} times in economy.life."


AMOUNT = {"s": "time", "J": "energy", "USD": "money", "kg": "mass"}
"""What a metric that is a sum of parts counts, by its unit."""


def _words(value: Any) -> str:
    """Return an entry of a workload as text."""
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, Mapping) else str(value)


def shown(metric: str, value: float | None) -> str:
    """Return a metric as text."""
    return "-" if value is None else format_quantity(value, METRICS[metric][0])


@attrs.frozen
class Result(Shown):
    """The numbers of one point.

    Attributes:
        metrics: value of each metric [SI]; None where something is not modelled or does not apply.
        missing: for a metric without a value, why: the quantities it lacks.
        constraints: capacities and budgets.
        operators: the breakdown by operator.
        resources: the breakdown by resource.
        workload: the sizes, phase and data types.
        assumptions: what was assumed and what is not modelled.
        communication: by phase, the time of collectives that is exposed, and that computation hides [s].
        lasting: how long each memory lasts that wears.
        stated: those of the assumptions that technologies state of themselves, whatever the workload.
        recorded: what it is about, whose resources have colours.
    """

    metrics: Mapping[str, float | None]
    missing: Mapping[str, tuple[str, ...]]
    constraints: tuple[ConstraintResult, ...]
    operators: tuple[OperatorResult, ...]
    resources: tuple[ResourceResult, ...]
    workload: Mapping[str, Any]
    assumptions: tuple[str, ...]
    communication: Mapping[str, Mapping[str, float]]
    lasting: tuple[Lasting, ...]
    stated: tuple[str, ...]
    recorded: Recorded | None = attrs.field(default=None, repr=False, eq=False)

    def __getattr__(self, name: str) -> float | None:
        """Return a metric by name."""
        if name in METRICS:
            return self.metrics.get(name)
        raise AttributeError(name)

    def sheets(self) -> tuple[Sheet, ...]:
        """Return metrics, constraints, and the resources of each phase."""
        metrics = [(n, shown(n, v)) for n, v in self.metrics.items()]
        held = [
            (c.name, "holds" if c.ok else "FAILS", format_quantity(c.used, c.unit), format_quantity(c.limit, c.unit))
            for c in self.constraints
        ]
        parts = sorted((r for r in self.resources if r.share >= 0.0005), key=lambda r: (r.phase != "prefill", -r.share))
        shares = [(r.name, r.phase, f"{100 * r.share:.1f} %") for r in parts]
        return (
            Sheet(", ".join(f"{k} {_words(v)}" for k, v in self.workload.items() if v), ("metric", "value"), metrics),
            Sheet("Constraints", ("constraint", "state", "needed", "available"), held, words=[1]),
            Sheet("Where the time goes", ("resource", "phase", "share"), shares, "", [r.share for r in parts], [1]),
        )

    @property
    def feasible(self) -> bool:
        """Whether every constraint holds."""
        return all(c.ok for c in self.constraints)


@attrs.frozen
class Term:
    """One named term of a metric in the regime at a point.

    Attributes:
        resource: what takes the time.
        cause: what for.
        value: the term [s or J].
        share: of the metric.
        expression: the term in symbols, definitions by name.
        operators: the operators it comes from.
    """

    resource: str
    cause: str
    value: float
    share: float
    expression: sympy.Expr
    operators: tuple[str, ...]


@attrs.frozen
class Explanation(Shown):
    """A metric as a sum of terms in the regime at a point.

    Attributes:
        metric: its name.
        value: at the point; equals the sum of the terms.
        unit: of the value.
        order: the overlap order p.
        terms: those that the closed form states, then the rest; of both the largest first.
        leading: how many of them the closed form states one by one; the rest, which is small, stands apart.
        definitions: the named definitions that the terms use, as the plugins state them, and `amounts`.
        values: value of every symbol and definition used.
        units: unit of every symbol and definition used.
        roofline: the same at p = infinity, None if p is infinity or 1 or the metric is no time.
        latex: declared LaTeX of the symbols.
        rounded: whether what rounding up adds at the point is in the formulas as a number.
        amounts: names of those definitions that are amounts of work: functions of the workload, N1, N2 and so on.
        recorded: what it is about, whose resources have colours.
    """

    metric: str
    value: float
    unit: str
    order: float
    terms: tuple[Term, ...]
    leading: int
    definitions: Mapping[str, sympy.Expr]
    values: Mapping[str, float]
    units: Mapping[str, str]
    roofline: Explanation | None
    latex: Mapping[str, str]
    rounded: bool = False
    amounts: tuple[str, ...] = ()
    recorded: Recorded | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def rest(self) -> tuple[Term, ...]:
        """The terms that the closed form leaves to a definition of their own."""
        return self.terms[self.leading :]

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the terms."""
        rows = [
            (t.resource, t.cause, format_quantity(t.value, self.unit), f"{100 * t.share:.1f} %") for t in self.terms
        ]
        title = f"{self.metric} = {format_quantity(self.value, self.unit)}"
        columns = ("resource", "for", AMOUNT[self.unit], "share")
        return (Sheet(title, columns, rows, "", [t.share for t in self.terms], [1]),)

    def _repr_html_(self) -> str:
        """Return the terms and the formula, which a notebook typesets."""
        return f"{super()._repr_html_()}<p>{escape(self._repr_latex_())}</p>"

    def spelled(self, term: Term) -> sympy.Expr:
        """Return a term with its amounts of work written out in it, where it stands without the definitions."""
        amounts = {s: self.definitions[str(s)] for s in term.expression.free_symbols if str(s) in self.amounts}
        whole: sympy.Expr = term.expression.xreplace(amounts)
        return whole

    def _repr_latex_(self) -> str:
        """Return the sum of the terms in LaTeX, a line each, for notebooks."""
        from symarch.formula import latex_of, short

        name = self.metric.replace("_", r"\_")
        terms = r" \\ &+ ".join(latex_of(short(self.spelled(t)), dict(self.latex)) for t in self.terms)
        return rf"$\displaystyle \begin{{aligned}} \mathrm{{{name}}} ={{}} & {terms} \end{{aligned}}$"
