"""What the checks run a technology on: its defaults and presets, and points all over the declared ranges.

A technology is recorded once for each combination of options and absent parameters that its defaults and presets use;
the recorded program is then evaluated on arrays of points, so that hundreds of points cost what one does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any, cast
from zlib import crc32

import attrs
import numpy as np
from numpy.typing import NDArray

from symarch.errors import SymarchError
from symarch.plugins import registry
from symarch.program import Max, Program, Tape, total
from symarch.program.arrays import ArrayFunction
from symarch.specs import Setting, presets_of
from symarch.technologies import (
    DATA_TYPES,
    Interconnect,
    Memory,
    Parameter,
    Processor,
    Technology,
    options_of,
    parameters_of,
    quantities_of,
)
from symarch.technologies.check import ProbeOperator, effort_of, probe_operators, surroundings
from symarch.technologies.declare import contracts_of

Point = Mapping[str, float]
Array = NDArray[np.float64]

CORNERS = 48
"""Random corners of the declared ranges, beside those at which one parameter or all are at an end."""

INSIDE = 48
"""Random points within the declared ranges."""

STEPS = 7
"""Points along the range of a parameter with a direction."""

SIZES = {"m": 64, "n": 4096, "k": 4096, "experts": 8, "batch": 16, "queries": 1, "context": 4096, "heads": 32,
         "kv_heads": 8, "head_dim": 128, "tokens": 64, "width": 4096}  # fmt: skip
"""Dimensions of the operators that a processor is asked about: decode of a model of some 8e9 parameters, batch 16."""

GROWING = {"matmul": ("m", "n", "k"), "moe_matmul": ("m", "n", "k"),
           "attention": ("batch", "queries", "context", "heads", "head_dim")}  # fmt: skip
"""The dimensions that the work of an operator is proportional to; those left out are without arithmetic."""

RATES = ("read_bandwidth", "write_bandwidth", "bandwidth")
"""The peaks that an efficiency is a share of."""

_STAND_IN = {"capacity": 24e9, "granularity": 32.0, "write_granularity": 32.0, "efficiency": 0.9, "devices": 1.0}
_BY_UNIT = {"B": 1e6, "B/s": 1e12, "s": 1e-7, "J/B": 4e-11, "W": 6.0, "1": 1.0, "USD": 100.0, "m^2": 1e-4, "kg": 10.0}


def work(kind: str, dims: Mapping[str, Any]) -> Any:
    """Return the floating-point operations of an operator: 2 for each multiply-add of its products."""
    if kind not in GROWING:
        return 0
    product: Any = 4 if kind == "attention" else 2  # an attention has two products
    for name in GROWING[kind]:
        product = product * dims[name]
    return product


def stand_in(name: str) -> float:
    """Return what the memory states that a near-memory processor is run on: a stack of DRAM, in round numbers."""
    key = name.removeprefix("memory.")
    return _STAND_IN.get(key) or _BY_UNIT[contracts_of(Memory)[key].unit]


@attrs.frozen(eq=False, slots=False)
class Variant:
    """A technology at one choice of options and absent parameters.

    Attributes:
        cls: the technology.
        words: the options.
        fixed: the structural parameters, and None for the absent ones.
        bases: the points that its defaults and presets give, by `default` or the preset's name.
    """

    cls: type[Technology]
    words: Mapping[str, str]
    fixed: Mapping[str, float | None]
    bases: Mapping[str, Point]

    @cached_property
    def varied(self) -> list[Parameter]:
        """The parameters that the program is a function of."""
        return [p for p in parameters_of(self.cls) if p.name not in self.fixed]

    def on(self, scalar: Callable[[str], Any]) -> dict[str, Any]:
        """Return everything the technology states when it is run on the scalars of `scalar`, by name."""
        return {key: value for key, value, _ in self._rows(scalar)}

    def _rows(self, scalar: Callable[[str], Any]) -> Iterator[tuple[str, Any, str]]:
        given = {p.name: scalar(p.name) for p in self.varied}
        around = surroundings(self.cls, lambda n, _: scalar(n))
        return stated(self.cls(**given, **dict[str, Any](self.fixed), **self.words, **around), scalar)

    @cached_property
    def recorded(self) -> tuple[Program, dict[str, str]]:
        """Everything it states, recorded, and the unit of each output."""
        tape = Tape()
        rows = list(self._rows(tape.input))
        return Program.of(tape, {key: value for key, value, _ in rows}), {key: unit for key, _, unit in rows}

    @property
    def program(self) -> Program:
        """Everything it states, recorded."""
        return self.recorded[0]

    def at(self, points: Sequence[Point]) -> dict[str, Array]:
        """Evaluate the recorded program at some points: an array for each output."""
        inputs = self.program.inputs
        columns = [np.array([p[n] if n in p else constant(n) for p in points], dtype=float) for n in inputs]
        results = self._function(*columns)
        return {k: np.broadcast_to(v, (len(points),)) for k, v in zip(self.program.outputs, results, strict=True)}

    @cached_property
    def _function(self) -> ArrayFunction:
        return ArrayFunction(self.program, self.program.inputs)

    @cached_property
    def formulas(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The symbols of all inputs, and what the technology states on them. Imports sympy."""
        import sympy

        symbols: dict[str, Any] = {}

        def symbol(name: str) -> Any:
            return symbols.setdefault(name, sympy.Symbol(f"x{len(symbols)}", positive=True))

        return symbols, self.on(symbol)

    def ends(self, base: Point) -> dict[str, tuple[float, float]]:
        """Return low and high of each parameter that has a range; a base outside it widens it."""
        found = {}
        for p in self.varied:
            if p.low is not None and p.high is not None:
                found[p.name] = (min(p.low, base[p.name]), max(p.high, base[p.name]))
        return found

    @cached_property
    def spread(self) -> list[Point]:
        """The bases and points all over the declared ranges: corners, and inside."""
        random = np.random.default_rng(crc32(self.cls.name.encode()))
        points = list(self.bases.values())
        base = points[0]
        ends = self.ends(base)
        low, high = ({n: e[i] for n, e in ends.items()} for i in (0, 1))
        points += [{**base, **low}, {**base, **high}]
        points += [{**base, n: end} for n, both in ends.items() for end in both]
        if ends:
            moved = [p for p in self.varied if p.name in ends]
            for side in random.integers(2, size=(CORNERS, len(moved))):
                points.append({**base, **{p.name: ends[p.name][i] for p, i in zip(moved, side, strict=True)}})
            for share in random.random((INSIDE, len(moved))):
                inside = {p.name: within(p, *ends[p.name], s) for p, s in zip(moved, share.tolist(), strict=True)}
                points.append({**base, **inside})
        return points

    def path(self, parameter: Parameter, base: Point) -> list[Point]:
        """Return `STEPS` points along which one parameter improves, as its direction says, or stays."""
        ends = self.ends(base).get(parameter.name)
        if ends is None:  # half and twice the value, where no range is declared
            value = base[parameter.name]
            most = math.inf if parameter.at_most is None else parameter.at_most
            ends = (value / 2, min(2 * value, most))
        values = sorted(within(parameter, *ends, i / (STEPS - 1)) for i in range(STEPS))
        return [{**base, parameter.name: v} for v in (values if parameter.better == "more" else values[::-1])]


def within(parameter: Parameter, low: float, high: float, share: float) -> float:
    """Return the value at a share of the way from low to high: by ratio where it can be, whole where it must be."""
    value = low * (high / low) ** share if low > 0 else low + (high - low) * share
    value = min(max(value, low), high)
    if not parameter.integer:
        return float(value)
    return float(min(max(round(value), math.ceil(low)), math.floor(high)))


def constant(name: str) -> float:
    """Return the value of an input that is no parameter: a quantity of the memory beneath, a size of an operator."""
    if name.startswith("memory."):
        return stand_in(name)
    return float(SIZES.get(name.rpartition(".")[2], 64))


def operators(processor: Any, scalar: Callable[[str], Any]) -> Iterator[tuple[str, ProbeOperator]]:
    """Yield an operator of each kind by name, and products in each data type that the processor states a peak of."""
    types = [p.name.removeprefix("peak_") for p in parameters_of(type(processor)) if p.name.startswith("peak_")]
    types += [n.removeprefix("peak_") for n in quantities_of(type(processor)) if n.startswith("peak_")]
    types = [t for t in types if t in DATA_TYPES and getattr(processor, f"peak_{t}") is not None]
    for operator in probe_operators(processor):
        dims = {n: scalar(f"{operator.kind}.{n}") for n in operator.dims}
        flops = work(operator.kind, dims)
        for dtype in types if operator.kind == "matmul" else types[:1]:
            name = f"effort({operator.kind}, {dtype})"
            yield name, ProbeOperator(operator.kind, dims, dtype, flops)


def stated(instance: Any, scalar: Callable[[str], Any]) -> Iterator[tuple[str, Any, str]]:
    """Yield (name, value, unit) of all that a technology states.

    Beside quantities and contract parameters these are its rates (bandwidth times efficiency, as the core uses it), its
    effort (the time of an operator) and its limits (the power that a budget allows a part).
    What computes with an absent parameter is left out, as the core does without it.
    """
    cls = type(instance)
    absent = any(getattr(instance, p.name) is None for p in parameters_of(cls))
    for key, declared in quantities_of(cls).items():
        try:
            value = getattr(instance, key)
        except (TypeError, SymarchError):
            if not absent:
                raise
            continue
        if value is not None:
            yield key, value, declared.unit
    due = contracts_of(cls)
    for p in parameters_of(cls):
        if (p.name in due or p.name.startswith("peak_")) and getattr(instance, p.name) is not None:
            yield p.name, getattr(instance, p.name), p.unit
    if isinstance(instance, Memory | Interconnect) and instance.efficiency is not None:
        for key in RATES:
            rate = getattr(instance, key, None)
            if rate is not None:
                yield f"efficiency * {key}", instance.efficiency * rate, "B/s"
    if isinstance(instance, Processor):
        for name, operator in operators(instance, scalar):
            effort = effort_of(instance, operator)
            times = list(effort.whole.values())
            yield name, total([Max(*times) if times else 0, *effort.overheads.values()]), "s"
        for name, limit in instance.limits().items():
            for part in ("processor", "stacked", "others"):
                weight = getattr(limit, part)
                if not (isinstance(weight, int | float) and weight == 0):
                    yield f"limit({name}, {part})", limit.budget / weight, "W"


def settings_of(cls: type[Technology]) -> Iterator[tuple[str, dict[str, Setting]]]:
    """Yield the defaults of all parameters and options, then what each preset sets. Raises SpecError."""
    default = {p.name: Setting(p.default, p.low, p.high, p.source, p.status) for p in parameters_of(cls)}
    default |= {o.name: Setting(o.default) for o in options_of(cls)}
    yield "default", default
    if is_installed(cls):
        for preset in presets_of(cls.name).values():
            yield preset.name, dict(preset.settings)


def is_installed(cls: type[Technology]) -> bool:
    """Return whether the registry finds this class under its name."""
    try:
        return registry().technology(cls.name) is cls
    except SymarchError:
        return False


def variants(cls: type[Technology]) -> tuple[Variant, ...]:
    """Return a technology at each choice of options and absent parameters of its defaults and presets."""
    return _variants(cast(Any, cls))


@lru_cache(maxsize=4)
def _variants(cls: Any) -> tuple[Variant, ...]:
    words = {o.name for o in options_of(cls)}
    groups: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}
    default: dict[str, Any] = {}
    for label, settings in settings_of(cls):
        values = {**default, **{name: setting.value for name, setting in settings.items()}}
        default = default or values
        fixed = {p.name: values[p.name] for p in parameters_of(cls) if p.structural or values[p.name] is None}
        key = (tuple((n, values[n]) for n in sorted(words)), tuple(sorted(fixed.items())))
        groups.setdefault(key, {})[label] = values
    found = []
    for (chosen, fixed_items), members in groups.items():
        fixed = dict(fixed_items)
        bases = {
            label: {n: float(v) for n, v in values.items() if n not in fixed and n not in words}
            for label, values in members.items()
        }
        found.append(Variant(cls, dict(chosen), fixed, bases))
    return tuple(found)


def chosen_variants(cls: type[Technology]) -> tuple[Variant, ...]:
    """Return one variant for each choice of options among given words: that of the most presets.

    Others differ in what is absent, or in a free word such as a name, and are not worth the same attention.
    """
    choices = {o.name for o in options_of(cls) if o.choices}
    best: dict[tuple[tuple[str, str], ...], Variant] = {}
    for variant in variants(cls):
        key = tuple((n, w) for n, w in variant.words.items() if n in choices)
        if key not in best or len(variant.bases) > len(best[key].bases):
            best[key] = variant
    return tuple(best.values())
