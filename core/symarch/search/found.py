"""What a search answers: the candidate it chose, those that came next and why they lost, those that cannot be."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from symarch.analysis import HIGHER_IS_BETTER, METRICS
from symarch.notebook import Sheet, Shown
from symarch.quantities import format_quantity
from symarch.specs import System
from symarch.specs.systems import AXES

SAME = 1e-9
"""Relative difference below which two values of a metric are called equal in words."""

MANY = 5
"""Excess over a limit from which on it is told in times instead of percent."""


@attrs.frozen
class Broken:
    """A constraint that a candidate breaks, or a limit on a metric.

    Attributes:
        name: `hbm.capacity`, or the metric.
        used: what is needed.
        limit: what there is.
        unit: of both.
        hard: whether a candidate that breaks it cannot be run at all, or misses what was asked: a capacity, a limit.
    """

    name: str
    used: float
    limit: float
    unit: str
    hard: bool = True

    @property
    def excess(self) -> float:
        """Return by which share of the limit it is broken."""
        return self.used / self.limit - 1

    @property
    def words(self) -> str:
        """Return the sentence on it."""
        used, limit = (format_quantity(v, self.unit) for v in (self.used, self.limit))
        over = f"{100 * self.excess:.3g} %" if self.excess < MANY else f"{self.excess:.3g} times"
        if self.name in METRICS:
            return f"{self.name} is {used}, the limit {limit} ({over} over)"
        return f"{self.name} needs {used}, there are {limit} ({over} too much)"


@attrs.frozen
class Candidate:
    """A mapping that was tried.

    Attributes:
        system: with this mapping.
        degrees: parallel degree by axis, and `expert`; those above 1, and tensor.
        microbatches: parts of a replica's batch under way in a pipeline, 1 without one.
        place: memory by tensor class, of the classes that were searched.
        batch: sequences in the whole system.
        metrics: value by name; empty where the capacities alone ruled it out.
        broken: what it breaks.
        times: time by phase and operator [s].
        lost: why it was not chosen, empty for the chosen one.
    """

    system: System = attrs.field(repr=False, eq=False)
    degrees: Mapping[str, int]
    microbatches: int
    place: Mapping[str, str]
    batch: int
    metrics: Mapping[str, float]
    broken: tuple[Broken, ...]
    times: Mapping[tuple[str, str], float] = attrs.field(repr=False, eq=False)
    lost: str = ""

    @property
    def words(self) -> str:
        """Return the mapping in words: `tensor 4 x data 18, weights in hbf`."""
        ordered = [a for a in (*AXES[:3], "expert", *AXES[3:]) if a in self.degrees]
        words = " x ".join(f"{axis} {self.degrees[axis]}" for axis in ordered if axis != "expert")
        if "expert" in ordered:
            words += f", expert {self.degrees['expert']}"
        if self.degrees.get("pipeline", 1) > 1:
            words += f", {self.microbatches} microbatch{'es' if self.microbatches > 1 else ''}"
        return ", ".join([words, *(f"{tensor} in {memory}" for tensor, memory in self.place.items())])

    @property
    def fits(self) -> bool:
        """Return whether it breaks nothing hard."""
        return not any(b.hard for b in self.broken)

    def rank(self, objective: str) -> tuple[int, float]:
        """Return what candidates are ordered by, the best first.

        First those that break nothing, then those that break no capacity and no limit that was asked for, each by the
        objective; then the others, by the worst excess.
        """
        if not self.fits:
            return (2, max(b.excess for b in self.broken if b.hard))
        value = self.metrics[objective]
        return (1 if self.broken else 0, -value if objective in HIGHER_IS_BETTER else value)


@attrs.frozen
class Found(Shown):
    """What a search found.

    Attributes:
        objective: the metric it was for.
        limits: limits on metrics that were asked for [SI].
        asked: the keys that were searched: degrees, `place.CLASS`, `batch`.
        chosen: the best candidate.
        runners_up: those that came next, each with why it lost.
        infeasible: examples of those that break something, with what and by how much, the closest first.
        candidates: how many there were.
        unfit: how many of them break a capacity or a limit.
        refused: divisions of the devices that the model or the system does not allow.
        evaluations: how often the model was run in full.
    """

    objective: str
    limits: Mapping[str, float]
    asked: tuple[str, ...]
    chosen: Candidate
    runners_up: tuple[Candidate, ...]
    infeasible: tuple[Candidate, ...]
    candidates: int
    unfit: int
    refused: int
    evaluations: int

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the candidates: the chosen one, those that came next, and examples of those that cannot be."""

        def row(state: str, one: Candidate) -> tuple[str, str, str, str]:
            value = one.metrics.get(self.objective)
            metric = "-" if value is None else format_quantity(value, METRICS[self.objective][0])
            return state, one.words, metric, one.lost or "; ".join(b.words for b in one.broken)

        rows = [
            row("chosen", self.chosen),
            *(row("runner-up", c) for c in self.runners_up),
            *(row("cannot be", c) for c in self.infeasible),
        ]
        title = f"The best of {self.candidates} mappings for {self.objective}, batch {self.batch}"
        return (Sheet(title, ("", "mapping", self.objective, "why not"), rows, self.summary, words=[1, 3]),)

    @property
    def system(self) -> System:
        """Return the system with the chosen mapping."""
        return self.chosen.system

    @property
    def batch(self) -> int:
        """Return the batch: the one given, or the largest that fits."""
        return self.chosen.batch

    @property
    def metrics(self) -> Mapping[str, float]:
        """Return the metrics of the chosen candidate."""
        return self.chosen.metrics

    @property
    def feasible(self) -> bool:
        """Return whether the chosen candidate breaks nothing."""
        return not self.chosen.broken

    @property
    def missed(self) -> tuple[str, ...]:
        """Return the metrics whose limit the chosen candidate misses."""
        return tuple(b.name for b in self.chosen.broken if b.name in self.limits)

    @property
    def summary(self) -> str:
        """Return what was chosen, for what and out of how many, in one sentence."""
        best = "most" if self.objective in HIGHER_IS_BETTER else "least"
        words = self.chosen.words + (f", batch {self.batch}" if "batch" in self.asked else "")
        out_of = f"{self.candidates} candidate{'s' if self.candidates > 1 else ''}"
        if not self.chosen.fits:
            return f"nothing fits: of {out_of}, {words} fails least: {self.chosen.broken[0].words}"
        caps = " and ".join(f"{m} of at most {format_quantity(v, METRICS[m][0])}" for m, v in self.limits.items())
        limits = f" with {caps}" if caps else ""
        # of placements the program sees few that do not fit
        unfit = f", {self.unfit} of which do not fit" if self.unfit and not self.chosen.place else ""
        found = f"chosen for the {best} {self.objective}{limits}, of {out_of}{unfit}: {words}"
        if not self.chosen.broken:
            return found
        return f"{found}; each of them breaks a constraint, this one: {self.chosen.broken[0].words}"


def why(chosen: Candidate, other: Candidate, objective: str) -> str:
    """Return why a candidate lost to the chosen one: what it breaks, or by how much it is worse and where."""
    if not other.fits or (other.broken and not chosen.broken):
        worst = max((b for b in other.broken if b.hard or other.fits), key=lambda b: b.excess)
        return worst.words
    best, value = chosen.metrics[objective], other.metrics[objective]
    shown = f"{objective} {format_quantity(value, METRICS[objective][0])}"
    if abs(value / best - 1) <= SAME:
        return f"{shown}, the same"
    words = f"{shown}, {100 * abs(value / best - 1):.3g} % {'more' if value > best else 'less'}"
    more = _where(chosen, other, objective)
    return f"{words}; {more}" if more else words


def _where(chosen: Candidate, other: Candidate, objective: str) -> str:
    """Return the operator that costs the loser most time, in words; empty where it is not about time."""
    phases = {"ttft": ("prefill",), "tpot": ("decode",), "throughput_per_user": ("decode",)}
    if chosen.batch != other.batch or METRICS[objective][0] not in ("s", "token/s"):
        return ""
    known = {*chosen.times, *other.times}
    allowed = phases.get(objective, ("decode",) if any(p == "decode" for p, _ in known) else ("prefill",))
    more = {key: other.times.get(key, 0) - chosen.times.get(key, 0) for key in sorted(known) if key[0] in allowed}
    if not more:
        return ""
    (phase, operator), time = max(more.items(), key=lambda item: item[1])
    return f"{operator} takes {format_quantity(time, 's')} more in {phase}" if time > 0 else ""
