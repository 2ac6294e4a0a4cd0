"""The checks, one function each: it takes a technology class and raises CheckFailedError saying what does not hold.

A check is named after the property it checks and applies to all kinds unless `BY_KIND` lists it.
"""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
import pickle
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs
import numpy as np

from symarch.errors import SymarchError
from symarch.plugins import registry
from symarch.program import compile_python
from symarch.quantities import unit_dimension
from symarch.specs import Component, presets_of
from symarch.specs.resolved import component_table
from symarch.specs.technologies import KINDS, is_written
from symarch.specs.toml import write_toml
from symarch.specs.values import read_setting
from symarch.technologies import (
    Parameter,
    Technology,
    Topology,
    check_dimensions,
    options_of,
    parameters_of,
    quantities_of,
)
from symarch.technologies.declare import contracts_of
from symarch.technologies.topology import PATTERNS, Pattern
from symarch.testing.samples import (
    GROWING,
    RATES,
    STEPS,
    Array,
    Point,
    Variant,
    chosen_variants,
    constant,
    is_installed,
    settings_of,
    variants,
)

Check = Callable[[type[Technology]], None]

MOST_SHOWN = 5
"""Failures of one check that are told; the rest are counted."""

EXACT = 1e-12
"""Relative difference that rounding explains."""

STATUS = ("measured", "standard", "announced", "assumed")

ALL_KINDS: dict[str, type[Technology]] = {**KINDS, "topology": Topology}

MORE = {
    "memory": ("capacity", *RATES, "port_bandwidth", "endurance", "read_endurance", "retention_life"),
    "interconnect": RATES,
    "processor": ("memory_bandwidth", "on_chip_memory", "power_limit"),
    "topology": (),
}  # fmt: skip
"""What a technology serves with, by kind: more of it is better. So are a processor's peaks and what its limits allow.

A bandwidth counts times the efficiency, where there is one.
"""

LESS = {
    "memory": ("read_latency", "write_latency"),
    "interconnect": ("latency", "software_latency", "peer_latency"),
    "processor": ("memory_latency",),
    "topology": (),
}
"""What its users wait for, by kind: less of it is better. So is the effort of a processor's operators."""

PRICE = ("read_energy", "write_energy", "energy", "energy_per_flop", "energy_per_byte", "memory_energy",
         "static_power", "cost", "area", "embodied_carbon")  # fmt: skip
"""What the service is paid with. It may rise where the service improves, and nowhere else."""

POSITIVE = ("B/s", "FLOP/s")
"""Units of rates, which are never 0; besides them what a contract requires, and efficiencies."""


class CheckFailedError(SymarchError):
    """A technology does not have a property; the message says where."""


def _raise(faults: Iterable[str]) -> None:
    found = list(dict.fromkeys(faults))
    if found:
        more = [f"and {len(found) - MOST_SHOWN} more"] if len(found) > MOST_SHOWN else []
        raise CheckFailedError("; ".join([*found[:MOST_SHOWN], *more]))


# --- what is declared


def check_contract(cls: type[Technology]) -> None:
    """It is a technology class of one kind, has a name, and states in the right units what its kind must state."""
    faults = []
    if not isinstance(cls, type) or not issubclass(cls, Technology):
        raise CheckFailedError(f"{cls!r} is no subclass of {', '.join(c.__name__ for c in ALL_KINDS.values())}")
    base = ALL_KINDS.get(getattr(cls, "kind", ""))
    if base is None or not issubclass(cls, base):
        raise CheckFailedError(f"its kind is {getattr(cls, 'kind', None)!r}, which is not that of its base class")
    name = vars(cls).get("name")
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_.-]*", name):
        raise CheckFailedError(f"its name is {name!r}; a class states its own: a lower-case word (a-z, 0-9, _, ., -)")
    if "__attrs_attrs__" not in vars(cls):
        raise CheckFailedError("it is not made by @technology")
    known = {p.name: p.unit for p in parameters_of(cls)} | {o.name: "" for o in options_of(cls)}
    mine: Any = cls
    due: Any = base
    fields, kept = attrs.fields_dict(mine), attrs.fields_dict(due)
    faults += [f"the field {f} is neither a parameter nor an option" for f in fields
               if f not in known and f not in kept]  # fmt: skip
    known |= {n: q.unit for n, q in quantities_of(cls).items()}
    for key, asked in contracts_of(base).items():
        if key not in known:
            faults += [f"{key} [{asked.unit}] is due and missing"] if asked.required else []
        elif unit_dimension(known[key]) != unit_dimension(asked.unit):
            faults.append(f"{key} is declared in {known[key]}; a {cls.kind} states it in {asked.unit}")
    _raise(faults)


def check_documented(cls: type[Technology]) -> None:
    """The class, each parameter, option and quantity, and the assumptions of the model are described in words."""
    faults = []
    if not (vars(cls).get("__doc__") or "").strip():
        faults.append("the class has no docstring")
    if not cls.assumptions:
        faults.append("assumptions is empty: a model assumes something")
    if not isinstance(cls.assumptions, tuple) or not all(isinstance(a, str) and a.strip() for a in cls.assumptions):
        faults.append("assumptions is no tuple of sentences")
    declared: list[Any] = [*parameters_of(cls), *options_of(cls)]
    faults += [f"{p.name} has no doc" for p in declared if not p.doc.strip()]
    faults += [f"quantity {n} has no docstring" for n, q in quantities_of(cls).items() if not q.doc.strip()]
    _raise(faults)


def check_sourced(cls: type[Technology]) -> None:
    """Each default has a source and a status; one that is assumed is not called measured, standard or announced."""
    faults = []
    for p in parameters_of(cls):
        if not p.source.strip():
            faults.append(f"{p.name} has no source")
        if p.status not in STATUS:
            faults.append(f"the status of {p.name} is {p.status!r}; it must be one of {', '.join(STATUS)}")
        elif p.status != "assumed" and p.source.lower().startswith("assum"):
            faults.append(f"{p.name} is said to be {p.status}, but its source begins with {p.source[:20]!r}")
    _raise(faults)


def check_entry_point(cls: type[Technology]) -> None:
    """An installed distribution provides it through an entry point of its name."""
    if cls.name not in registry().names:
        raise CheckFailedError(
            f"no installed distribution has the entry point '{cls.name}' in group 'symarch'; is the plugin installed, "
            "and is its entry point called like the technology?"
        )
    found = registry().technology(cls.name)
    if found is not cls:
        raise CheckFailedError(f"the entry point '{cls.name}' provides {found.__module__}.{found.__qualname__}")
    if registry().origin(cls.name).name != cls.name:
        raise CheckFailedError(f"it is provided by the entry point '{registry().origin(cls.name).name}'")


def check_dimensions_of_expressions(cls: type[Technology]) -> None:
    """Every quantity, effort and figure has the dimension of its unit, whatever its values: it is run on dimensions."""
    check_dimensions(cls)


def check_symbols_declared(cls: type[Technology]) -> None:
    """On symbols, every expression is one of declared parameters: none leans on a symbol from elsewhere."""
    faults = []
    for variant in chosen_variants(cls):
        symbols, formulas = variant.formulas
        own = set(symbols.values())
        for key, value in formulas.items():
            stray = sorted(str(s) for s in getattr(value, "free_symbols", set()) - own)
            faults += [f"{key} contains the symbol {s}, which is no parameter" for s in stray]
    _raise(faults)


# --- its numbers


def check_defaults(cls: type[Technology]) -> None:
    """Defaults, ranges and ideals are numbers the parameter allows, and each default lies within its range."""
    faults = []
    for p in parameters_of(cls):
        for what, value in (("default", p.default), ("low", p.low), ("high", p.high), ("ideal", p.ideal)):
            fault = None if value is None else p.fault(value)
            if fault:
                faults.append(f"{what}: {fault}")
        if p.low is not None and p.high is not None and p.low > p.high:
            faults.append(f"low of {p.name} is above its high")
        elif p.default is not None and _outside(p.default, p.low, p.high):
            faults.append(f"the default of {p.name}, {p.default:g}, is outside its range {p.low} to {p.high}")
    for o in options_of(cls):
        for what, word in (("default", o.default), ("ideal", o.ideal)):
            if word is not None and o.choices and word not in o.choices:
                faults.append(f"the {what} of {o.name} is {word!r}, which is not among {', '.join(o.choices)}")
    _raise(faults)


def _outside(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def check_positive_and_finite(cls: type[Technology]) -> None:
    """At the defaults, at each preset and all over the ranges, what it states is finite, and positive as it must be.

    Rates, efficiencies and what the contract requires are greater than 0, all else in the contract 0 or more; an
    efficiency is at most 1. Points: corners of the ranges and random points inside.
    """
    faults = []
    due = contracts_of(cls)
    for variant in variants(cls):
        chosen = variant in chosen_variants(cls)
        points = variant.spread if chosen else list(variant.bases.values())
        units = variant.recorded[1]
        for key, values in (variant.at(points) if chosen else _plain(variant, points)).items():
            wrong = _wrong(key, values, units[key], due)
            if wrong is not None:
                where = _where(variant, points[int(np.flatnonzero(wrong[0])[0])])
                faults.append(f"{key} is {values[wrong[0]][0]:g} {where}; it must be {wrong[1]}")
    _raise(faults)


def _plain(variant: Variant, points: list[Point]) -> dict[str, Array]:
    """Evaluate a variant on plain numbers; for few points that is quicker than to compile it."""
    rows = [variant.on(lambda n, at=point: at[n] if n in at else constant(n)) for point in points]  # type: ignore[misc]
    return {key: np.array([row[key] for row in rows], dtype=float) for key in rows[0]}


def _wrong(key: str, values: Array, unit: str, due: Mapping[str, Any]) -> tuple[Any, str] | None:
    """Return where values are wrong, and what they must be, None if they are right."""
    if not np.isfinite(values).all():
        return ~np.isfinite(values), "finite"
    positive = unit in POSITIVE or key == "efficiency" or (key in due and due[key].required)
    bounded = key in due or "(" in key
    if positive and not (values > 0).all():
        return ~(values > 0), "greater than 0"
    if bounded and not (values >= 0).all():
        return ~(values >= 0), "0 or more"
    if key == "efficiency" and not (values <= 1 + EXACT).all():
        return ~(values <= 1 + EXACT), "at most 1"
    return None


def _where(variant: Variant, point: Mapping[str, float]) -> str:
    """Say where a point is: at a base, or by the parameters in which it differs from the first."""
    for label, base in variant.bases.items():
        if base == point:
            return f"at {'the defaults' if label == 'default' else f'preset {label}'}"
    first = next(iter(variant.bases.values()))
    moved = [f"{n} = {v:g}" for n, v in point.items() if v != first.get(n)]
    return f"at {', '.join(moved[:4])}{' ...' if len(moved) > 4 else ''}"


def check_directions(cls: type[Technology]) -> None:
    """No parameter makes the technology worse by moving the way it is declared to be better.

    Along the range of a parameter with a direction nothing it serves with gets worse: of a memory capacity, bandwidths
    (times the efficiency), latencies and lifetimes; of an interconnect bandwidth (likewise) and latencies; of a
    processor peaks, the time of operators and the power that its limits allow. What the service is paid with (energies,
    static power, cost, area, carbon) may get worse in a step in which the service gets better, as more stacks draw more
    power, and in no other.
    """
    faults = []
    for variant in chosen_variants(cls):
        bases = [*variant.bases.values()][:3]
        bases += variant.spread[len(variant.bases) :][-2:]  # random points inside the ranges
        moved = [p for p in variant.varied if p.better is not None for _ in bases]
        paths = [variant.path(p, base) for p, base in zip(moved, bases * len(moved), strict=False)]
        if paths:
            values = variant.at([point for path in paths for point in path])
            faults += _worsened(cls, moved, paths, {k: v.reshape(len(paths), STEPS) for k, v in values.items()})
    _raise(faults)


def _serves(cls: type[Technology], key: str, given: Iterable[str]) -> int:
    """Return 1 for what is better the more there is of it, -1 for the less, 0 for what has no direction."""
    if key in MORE[cls.kind]:
        return 0 if f"efficiency * {key}" in given else 1
    if key.startswith(("peak_", "limit(", "efficiency * ")):
        return 1
    return -1 if key in LESS[cls.kind] or key.startswith("effort(") else 0


def _worsened(
    cls: type[Technology], moved: list[Parameter], paths: list[list[Point]], values: Mapping[str, Array]
) -> list[str]:
    """Return a sentence for each parameter that makes something worse; a row of `values` is a path."""
    better = np.zeros((len(paths), STEPS - 1), dtype=bool)
    worse: dict[str, Any] = {}
    for key, series in values.items():
        sign = _serves(cls, key, values)
        if sign:
            gain = _gain(series, sign)
            better |= gain > EXACT
            worse[key] = gain < -EXACT
    for key in PRICE:
        if key in values:
            worse[key] = (_gain(values[key], -1) < -EXACT) & ~better
    found: dict[str, str] = {}
    for key, where in worse.items():
        for row, step in np.argwhere(where):
            p, series = moved[row], values[key][row]
            before, after = (paths[row][i][p.name] for i in (step, step + 1))
            paid = ", and nothing gets better" if key in PRICE else ""
            found.setdefault(
                p.name,
                f"{p.better} of {p.name} is declared better, but from {before:g} to {after:g} {key} goes from "
                f"{series[step]:g} to {series[step + 1]:g}{paid}",
            )
    return list(found.values())


def _gain(series: Array, sign: int) -> Array:
    """Return the relative gain of each step along the rows."""
    before, after = series[:, :-1], series[:, 1:]
    size = np.maximum(np.maximum(np.abs(before), np.abs(after)), np.finfo(float).tiny)
    gain: Array = sign * (after - before) / size
    return gain


def check_scalars_agree(cls: type[Technology]) -> None:
    """Plain numbers, sympy symbols, the recording scalar and arrays give the same values, to 1e-12 relative."""
    import sympy

    faults = []
    for variant in chosen_variants(cls):
        spread = variant.spread
        points = [*variant.bases.values()][:3] + spread[-3:]
        arrays = variant.at(points)
        compiled = compile_python(variant.program)
        symbols, formulas = variant.formulas
        numeric = sympy.lambdify(list(symbols.values()), [sympy.sympify(f) for f in formulas.values()], "numpy")
        for index, point in enumerate(points):

            def value(name: str, at: Mapping[str, float] = point) -> float:
                return at[name] if name in at else constant(name)

            plain = variant.on(value)
            once = dict(zip(compiled.outputs, compiled(*(value(n) for n in compiled.inputs)), strict=True))
            with np.errstate(all="ignore"):
                symbolic = dict(zip(formulas, numeric(*(np.float64(value(n)) for n in symbols)), strict=True))
            for key, due in plain.items():
                others = {"recorded": once[key], "arrays": arrays[key][index], "sympy": symbolic[key]}
                faults += [
                    f"{key} is {float(due)!r} on plain numbers and {float(other)!r} {how} {_where(variant, point)}"
                    for how, other in (("on " + h if h != "recorded" else h, o) for h, o in others.items())
                    if not math.isclose(due, other, rel_tol=EXACT)
                ]
    _raise(faults)


def check_toml_round_trip(cls: type[Technology]) -> None:
    """The settings of a component, written as `specs show --resolved` writes them, read back the same."""
    faults = []
    declared: dict[str, Any] = {p.name: p for p in parameters_of(cls)} | {o.name: o for o in options_of(cls)}
    table = {"memory": "memory", "processor": "processor"}.get(cls.kind, "link")
    for label, settings in settings_of(cls):
        written = component_table(Component("probe", table, cls, None, settings))
        try:
            write_toml(written)  # which parses what it wrote, and compares
        except ValueError as error:
            raise CheckFailedError(f"{label}: {error}") from None
        for name, setting in settings.items():
            if setting.value is None:
                continue
            back = written[name]
            read = read_setting(declared[name], back)
            for key in ("value", "low", "high") if isinstance(back, dict) else ("value",):
                due, found = getattr(setting, key), getattr(read, key)
                if found != due and (key == "value" or key in back):
                    faults.append(f"{label}: {key} of {name} is {due!r} and reads back as {found!r}")
    _raise(faults)


def check_presets(cls: type[Technology]) -> None:
    """Each preset can be read, says what it is, from where, of when and how sure, and stays within the ranges.

    A value outside the technology's declared range needs one of its own: `{ value, low, high }`. What a preset calls
    unknown to its source it may assume, from a source of its own.
    """
    if not is_installed(cls):
        return
    faults = []
    declared: dict[str, Any] = {p.name: p for p in parameters_of(cls)}
    words = {o.name for o in options_of(cls)}
    for preset in presets_of(cls.name).values():
        for key in ("title", "source", "date", "status"):
            if not getattr(preset, key).strip():
                faults.append(f"{preset.name} has no {key}")
        if preset.status and preset.status not in STATUS:
            faults.append(f"the status of {preset.name} is {preset.status!r}; it must be one of {', '.join(STATUS)}")
        if preset.date and not re.match(r"\d{4}(-\d{2}(-\d{2})?)?\b", preset.date):
            faults.append(f"the date of {preset.name} is {preset.date!r}; it is written 2026, 2026-01 or 2026-01-31")
        for name in preset.unknown:
            if name not in declared and name not in words:
                faults.append(f"{preset.name} calls {name} unknown, which is no parameter")
            elif name in preset.settings and preset.settings[name].source == preset.source:
                faults.append(f"{preset.name} calls {name} unknown to its source and states it from that source")
        for name, setting in preset.settings.items():
            if name in declared and setting.value is not None and _outside(setting.value, setting.low, setting.high):
                faults.append(f"{preset.name}: {name} is {setting.value:g}, outside {setting.low} to {setting.high}")
    _raise(faults)


def check_copies(cls: type[Technology]) -> None:
    """Instances are values: copies and pickles are equal and hash the same, another value is another instance."""
    made: Any = cls(component="c")
    faults = []
    for key in () if getattr(cls, "near", False) else quantities_of(cls):  # without the memory it sits on it has none
        with contextlib.suppress(TypeError, SymarchError):  # of something absent; the other checks look at it
            getattr(made, key)
    try:
        copies = {"copy": copy.copy(made), "deep copy": copy.deepcopy(made), "pickle": pickle.loads(pickle.dumps(made))}
    except Exception as error:  # whatever an object of a plugin raises when it is pickled
        raise CheckFailedError(f"an instance cannot be copied or pickled: {type(error).__name__}: {error}") from None
    for how, other in copies.items():
        if other != made or hash(other) != hash(made):
            faults.append(f"a {how} is not equal to its original")
    changed: Any = cls(component="d")
    if changed == made:
        faults.append("instances of different components are equal")
    if pickle.loads(pickle.dumps(cls)) is not cls:
        faults.append("the class is another one after pickling")
    _raise(faults)


# --- of one kind


def check_effort(cls: type[Technology]) -> None:
    """Of each kind of operator the effort is positive and finite, and does not shrink when the operator grows.

    The dimensions that its arithmetic is proportional to are doubled one by one, and all together.
    """
    faults = []
    for variant in chosen_variants(cls):
        base = next(iter(variant.bases.values()))
        for kind, names in GROWING.items():
            grown = [{}, *({f"{kind}.{n}": 2.0 * constant(n)} for n in names)]
            grown.append({k: v for part in grown for k, v in part.items()})
            values = variant.at([{**base, **extra} for extra in grown])
            for key in (k for k in values if k.startswith(f"effort({kind},")):
                first = values[key][0]
                if not (math.isfinite(first) and first > 0):
                    faults.append(f"{key} takes {first:g} s; arithmetic takes time")
                for extra, value in zip(grown[1:], values[key][1:], strict=True):
                    if not value >= first * (1 - EXACT):
                        sizes = ", ".join(f"{n.partition('.')[2]} doubled" for n in extra)
                        faults.append(f"{key} falls from {first:g} to {value:g} s with {sizes}")
        if not any(key.startswith("peak_") for key in variant.program.outputs):
            faults.append("it states no peak (peak_bf16, peak_fp8 ...), so it has no arithmetic")
    _raise(faults)


def check_figures(cls: type[Technology]) -> None:
    """The figures of a topology can be those of a network, and the cost of each pattern can be that of messages.

    For 2 to 64 nodes, as it allows: diameter at least the mean distance, which is at least 1; enough links to hang
    together; loads and hops positive. That they are the right ones, a test of the topology shows against its graph.
    """
    topology: Any = cls()
    faults = []
    for nodes in sorted({n for asked in (2, 4, 8, 12, 16, 27, 32, 64) for n in topology.allowed(asked) if n > 1}):
        figure = {key: value for key, value, _ in topology.figures(nodes)}
        rules = {
            "diameter is less than average_hops": figure["diameter"] < figure["average_hops"] * (1 - EXACT),
            "average_hops is less than 1": figure["average_hops"] < 1 - EXACT,
            "links is less than half the nodes": figure["links"] < nodes / 2,
            "bisection is not positive": not figure["bisection"] > 0,
            "radix is less than 1": figure["radix"] < 1,
            "there are ports without switches, or switches without ports": bool(figure["ports"])
            != bool(figure["switches"]),
        }
        faults += [f"with {nodes} nodes {rule}" for rule, broken in rules.items() if broken]
        faults += [f"with {nodes} nodes {k} is {v!r}" for k, v in figure.items() if not (math.isfinite(v) and v >= 0)]
        asked = {f"traffic({name})": topology.traffic(Pattern(name), nodes) for name in PATTERNS}
        for key, traffic in {**asked, "reduction": topology.reduction(nodes)}.items():
            if traffic is None:
                continue
            for part in ("hops", "load", "crossed"):
                amount = getattr(traffic, part)
                if not (math.isfinite(amount) and amount > 0):
                    faults.append(f"with {nodes} nodes {key} has {part} {amount!r}")
            if traffic.crossed > traffic.hops * (1 + EXACT):
                faults.append(f"with {nodes} nodes bytes of {key} cross more links than its longest message")
    _raise(faults)


def check_algorithms(cls: type[Technology]) -> None:
    """The collective algorithms that a topology names are installed."""
    _raise(_unknown(name) for name in getattr(cls, "algorithms", ()) if _unknown(name))


def _unknown(name: str) -> str:
    try:
        registry().collective(name)
    except SymarchError as error:
        return str(error)
    return ""


COMMON: tuple[Check, ...] = (
    check_contract,
    check_documented,
    check_sourced,
    check_entry_point,
    check_dimensions_of_expressions,
    check_symbols_declared,
    check_defaults,
    check_positive_and_finite,
    check_directions,
    check_scalars_agree,
    check_toml_round_trip,
    check_presets,
    check_copies,
)
"""The checks of every technology, in the order they run."""

BY_KIND: dict[str, tuple[Check, ...]] = {
    "memory": (),
    "interconnect": (),
    "processor": (check_effort,),
    "topology": (check_figures, check_algorithms),
}
"""Further checks of one kind."""


def checks_for(cls: type[Technology]) -> tuple[Check, ...]:
    """Return the checks of a technology; one written in a spec has no entry point to check."""
    common = tuple(c for c in COMMON if c is not check_entry_point) if is_written(cls) else COMMON
    return common + BY_KIND.get(getattr(cls, "kind", ""), ())


def summary(check: Check) -> str:
    """Return what a check checks, in one sentence."""
    return (inspect.getdoc(check) or "").partition("\n")[0]
