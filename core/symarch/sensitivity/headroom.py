"""Headroom: what the best conceivable part would bring, and what binds once it is there.

A parameter goes to its best end (infinity, 0, or the bound of a share), a definition such as `hbf.read_bandwidth` as a
whole, or all the time a resource takes goes to 0. The waterfall removes the resource with the largest share, then the
one that has the largest share after that, until one is left: its own time is the floor.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any

import attrs

from symarch.analysis import Recorded
from symarch.notebook import Sheet, Shown
from symarch.program import Node, Program, Tape, gradient
from symarch.program.derivatives import evaluate
from symarch.program.functions import FLOAT
from symarch.quantities import format_quantity, unit_dimension
from symarch.results import AMOUNT
from symarch.sensitivity.elasticities import FAR, Elasticity, Group, Sensitivity, best_end
from symarch.sensitivity.point import Point, on_numbers

REMOVED = 1e-30
"""Factor that stands for 0 where shares are asked for: at 0 itself a share of nothing would be 0/0."""


@attrs.frozen
class Headway:
    """What one thing at its best conceivable end brings.

    Attributes:
        name: of the parameter, definition or resource.
        kind: parameter, definition or resource.
        end: the best end: infinity, 0 or a bound [SI]; 0 for the time of a resource.
        unit: of the end; of a resource what it takes: s, J, USD or kg.
        limit: the metric there [SI].
        gain: how many times better than now, at least 1.
    """

    name: str
    kind: str
    end: float
    unit: str
    limit: float
    gain: float

    @property
    def words(self) -> str:
        """Return a sentence: `even infinite hbm.pin_rate brings at most 1.7x`."""
        if self.kind == "resource":
            what = f"no {AMOUNT[self.unit]} at all for {self.name}"
        elif self.end == math.inf:
            what = f"infinite {self.name}"
        else:
            what = f"{self.name} of {format_quantity(self.end, self.unit) if self.end else '0'}"
        return f"even {what} brings at most {gain_text(self.gain)}"


@attrs.frozen
class Removal:
    """One step of the waterfall.

    Attributes:
        resource: what is removed: the resource with the largest share before the step.
        share: its share before.
        value: the metric after [SI].
        gain: how many times better than at the start.
        binds: the resource with the largest share after.
        binds_share: that share.
    """

    resource: str
    share: float
    value: float
    gain: float
    binds: str
    binds_share: float


@attrs.frozen
class Headroom(Shown):
    """How much a metric can gain, and where.

    Attributes:
        metric: its name.
        value: at the point [SI].
        unit: of the value.
        entries: parameters, definitions and resources, the largest gain first.
        waterfall: the resources removed one after the other; empty for a metric that is no sum of their parts.
        floor: the resource that is left, empty without a waterfall.
        recorded: what it is about, whose resources have colours.
    """

    metric: str
    value: float
    unit: str
    entries: tuple[Headway, ...]
    waterfall: tuple[Removal, ...]
    floor: str
    recorded: Recorded | None = attrs.field(default=None, repr=False, eq=False)

    def of(self, kind: str) -> tuple[Headway, ...]:
        """Return the entries of a kind: parameter, definition or resource."""
        return tuple(e for e in self.entries if e.kind == kind)

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the waterfall."""
        rows = [(s.resource, f"{100 * s.share:.1f} %", format_quantity(s.value, self.unit), s.binds)
                for s in self.waterfall]  # fmt: skip
        title = f"{self.metric} = {format_quantity(self.value, self.unit)}"
        note = f"With all else removed, {self.floor} is left." if self.floor else ""
        return (Sheet(title, ("without", "share", self.metric, "then binds"), rows, note, words=[3]),)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain data."""
        return {
            "metric": self.metric,
            "value": self.value,
            "unit": self.unit,
            "entries": [attrs.asdict(e) for e in self.entries],
            "waterfall": [attrs.asdict(s) for s in self.waterfall],
            "floor": self.floor,
        }


def gain_text(gain: float) -> str:
    """Return a gain as text: three digits, and no more than is true."""
    return "any number of times" if gain >= FAR / 1e3 else f"{gain:.3g}x" if gain < 1000 else f"{gain:,.0f}x"


class Factors:
    """A metric at a point as a function of factors, 1 at the point, on definitions and on the parts of resources.

    Args:
        point: the metric and where.
        labels: name of the factor by index of an operation of the metric's program; several may share one.
        held: indices of operations that keep their value at the point, whatever the factors.
    """

    def __init__(self, point: Point, labels: Mapping[int, str], held: Collection[int] = ()) -> None:
        values = evaluate(point.program, point.values)
        tape = Tape()
        nodes: list[Any] = []
        for index, (operation, arguments, attribute) in enumerate(point.program.operations):
            given = [nodes[a] for a in arguments]
            if operation == "input" or index in held:
                node: Any = values[index]
            elif operation == "const":
                node = attribute
            elif any(isinstance(g, Node) for g in given):
                node = tape.record(operation, given, attribute)
            else:
                node = FLOAT[operation](tuple(given), attribute)
            if index in labels:
                node = tape.record("mul", (node, tape.input(labels[index])))
            nodes.append(node)
        outputs = {point.metric: nodes[point.program.outputs[point.metric]]}
        self.program = Program.of(tape, outputs).pruned()
        self.metric = point.metric
        self.names = self.program.inputs
        self._value = on_numbers(self.program, self.names)

    def value(self, factors: Mapping[str, float]) -> float:
        """Return the metric with some factors changed."""
        return self._value(*(factors.get(n, 1.0) for n in self.names))[0]

    def shares(self, factors: Mapping[str, float]) -> dict[str, float]:
        """Return the elasticity of the metric to each factor, largest first."""
        at = [max(factors.get(n, 1.0), REMOVED) for n in self.names]
        value, *slopes = self._slopes(*at)
        found = {n: abs(d * f / value) for n, d, f in zip(self.names, slopes, at, strict=True)}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    @cached_property
    def _slopes(self) -> Callable[..., tuple[float, ...]]:
        places = {o[2]: i for i, o in enumerate(self.program.operations) if o[0] == "input"}
        return on_numbers(gradient(self.program, self.metric, [places[n] for n in self.names]), self.names)


def resources(point: Point) -> Factors:
    """Return a metric as a function of a factor on what each resource takes of it: time, energy, money or mass."""
    labels = {i: label[0] for i, label in point.program.marks(point.marked).items()}
    # energies act on times through limits of power; an energy is what is spent in the time as it is
    return Factors(point, labels, point.program.marks("s") if point.marked == "J" else ())


def headroom_of(point: Point, sensitivity: Sensitivity) -> Headroom:
    """Return the headroom of a metric at a point.

    Args:
        point: the metric and where.
        sensitivity: its sensitivity there, whose limits are those of the parameters.
    """
    found = [_of_parameter(point, e) for e in sensitivity.elasticities]
    defined = Factors(point, {i: n for n, i in point.program.names.items() if "." in n})
    found += [_of_definition(point, g, defined) for g in sensitivity.groups]
    parts = resources(point)
    found += [_of_resource(point, n, parts) for n in parts.names]
    steps = _waterfall(point, parts)
    return Headroom(
        metric=point.metric,
        value=point.value,
        unit=point.unit,
        entries=tuple(sorted((e for e in found if e is not None), key=lambda e: -e.gain)),
        waterfall=steps,
        floor=steps[-1].binds if steps else "",
        recorded=point.recorded,
    )


def _gain(point: Point, limit: float) -> float:
    if limit == 0 or point.value == 0:
        return math.inf if point.sign > 0 and point.value else 1.0
    ratio = point.value / limit if point.sign > 0 else limit / point.value
    return max(1.0, ratio)


def _of_parameter(point: Point, entry: Elasticity) -> Headway | None:
    symbol = point.recorded.symbols.get(entry.parameter)
    if entry.limit is None or symbol is None:  # the overlap order is a choice of model, not a part to be improved
        return None
    if symbol.ideal is not None and symbol.ideal > 0:
        end = symbol.ideal
    elif symbol.better == "less":
        end = 0.0
    else:
        end = math.inf if symbol.at_most is None else symbol.at_most
    return Headway(entry.parameter, "parameter", end, entry.unit, entry.limit, _gain(point, entry.limit))


def _of_definition(point: Point, group: Group, factors: Factors) -> Headway | None:
    if group.name not in factors.names:
        return None
    steeper = max(group.elasticity, key=abs) if isinstance(group.elasticity, tuple) else group.elasticity
    better = "more" if steeper * point.sign < 0 else "less"
    dimension = unit_dimension(group.unit)
    worse = "less" if dimension.exponent("s") < 0 else "more"
    if dimension.exponent("s") and not dimension.exponent("J") and better == worse:
        return None  # a slower part draws less power, but nobody calls that headroom

    def at(factor: float) -> float | None:
        value = factors.value({group.name: factor})
        return value if math.isfinite(value) and value > 0 else None

    limit = best_end(at, 1.0, better, point.sign)
    if limit is None:
        return None
    end = math.inf if better == "more" else 0.0
    return Headway(group.name, "definition", end, group.unit, limit, _gain(point, limit))


def _of_resource(point: Point, name: str, factors: Factors) -> Headway | None:
    limit = factors.value({name: 0.0})
    if not math.isfinite(limit):
        return Headway(name, "resource", 0.0, point.marked, limit, math.inf) if point.sign < 0 else None
    return Headway(name, "resource", 0.0, point.marked, limit, _gain(point, limit))


def _waterfall(point: Point, factors: Factors) -> tuple[Removal, ...]:
    alone = {n: factors.value({o: REMOVED for o in factors.names if o != n}) for n in factors.names}
    left = [n for n in factors.names if math.isfinite(alone[n]) and alone[n] > 0]
    shares = factors.shares({})
    if not math.isclose(math.fsum(shares.values()), 1, rel_tol=1e-6):
        return ()
    removed: dict[str, float] = {}
    steps: list[Removal] = []
    while len(left) > 1:
        resource = next(n for n in shares if n in left)
        share = shares[resource]
        left.remove(resource)
        removed[resource] = 0.0
        value = factors.value(removed)
        shares = factors.shares(removed)
        binds = next(n for n in shares if n in left)
        steps.append(Removal(resource, share, value, _gain(point, value), binds, shares[binds]))
    return tuple(steps)
