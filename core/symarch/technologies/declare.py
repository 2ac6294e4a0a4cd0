"""How a technology is declared: parameters, options, quantities, and the class decorator that joins them."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, TypeAlias, TypeVar, dataclass_transform

import attrs

from symarch.errors import PluginError, SymarchError
from symarch.program import name as leave_name
from symarch.program.functions import is_number
from symarch.quantities import format_quantity, in_bits, parse_quantity, unit_dimension

Quantity: TypeAlias = Any
"""A number, or anything that computes like one: a recording scalar, a sympy expression, a bare dimension."""

Status = Literal["measured", "standard", "announced", "assumed"]
Better = Literal["more", "less"]

_KEY = "symarch"
_T = TypeVar("_T", bound=type)
_R = TypeVar("_R")


@attrs.frozen
class Parameter:
    """What is declared of a parameter; `default`, `low`, `high` and `ideal` are in SI.

    Attributes:
        name: name of the field.
        unit: unit the values are stated in, as text.
        default: value without a preset, None if the parameter is absent until given.
        low: lower end of the plausible range, None if there is none.
        high: upper end of the plausible range.
        status: where the default comes from: measured, standard, announced or assumed.
        source: citation of the default.
        doc: one sentence.
        ideal: value under `--ideal`; absent when the ideal is the parameter's own value.
        has_ideal: whether `ideal` applies (an ideal of None means: absent, unlimited).
        nonnegative: whether 0 is allowed; otherwise values are > 0.
        integer: whether only whole numbers make sense.
        better: which direction improves the technology, None if neither.
        at_most: largest value that makes sense, such as 1 for a share; None if there is none.
        structural: fixed when a program is built, never a symbol; may be infinite.
        symbol: LaTeX of the symbol, without the component.
        bits: whether people state it in bits, as the text of its default does.
    """

    name: str
    unit: str
    default: float | None
    low: float | None
    high: float | None
    status: str
    source: str
    doc: str
    ideal: float | None
    has_ideal: bool
    nonnegative: bool
    integer: bool
    better: Better | None
    at_most: float | None
    structural: bool
    symbol: str
    bits: bool

    @property
    def may_lack(self) -> bool:
        """Whether it may have no value: one that is not modelled, or no limit."""
        return self.default is None or (self.has_ideal and self.ideal is None)

    def fault(self, value: float) -> str | None:
        """Return what is wrong with a number for this parameter, None if nothing is."""
        if math.isnan(value):
            return f"{self.name} is nan; it must be a number"
        if math.isinf(value) and not (self.structural and value > 0):
            due = "finite"
        elif value < 0 or (value == 0 and not self.nonnegative):
            due = "0 or more" if self.nonnegative else "greater than 0"
        elif self.at_most is not None and value > self.at_most:
            due = f"at most {format_quantity(self.at_most, self.unit)}"
        elif self.integer and value % 1 != 0:
            return f"{self.name} is {value!r}; it must be a whole number"
        elif self.structural and self.low is not None and value < self.low:
            due = f"at least {format_quantity(self.low, self.unit)}"
        else:
            return None
        return f"{self.name} is {format_quantity(value, self.unit)}; it must be {due}"


@attrs.frozen
class Option:
    """A choice among words, fixed when a program is built.

    Attributes:
        name: name of the field.
        default: the word without a preset.
        choices: the words allowed; empty if any word is.
        doc: one sentence.
        ideal: the word under `--ideal`, None if it stays.
    """

    name: str
    default: str
    choices: tuple[str, ...]
    doc: str
    ideal: str | None


_KEEP = object()


def once_for_each_class(function: Callable[[type], _R]) -> Callable[[type], _R]:
    """Cache a function of a class (`functools.cache` alone hides from the type checker that it takes one)."""
    return cache(function)


def parameter(
    default: float | str | None,
    unit: str,
    *,
    low: float | str | None = None,
    high: float | str | None = None,
    status: Status = "assumed",
    source: str = "",
    doc: str = "",
    ideal: float | str | object | None = _KEEP,
    nonnegative: bool = False,
    integer: bool = False,
    better: Better | None = None,
    at_most: float | None = None,
    structural: bool = False,
    symbol: str = "",
) -> Any:
    """Declare a parameter of a technology. Text such as `"20 us"` becomes SI here; bare numbers are SI.

    `default=None` makes the parameter absent until a preset or a spec gives it. Raises UnitError for a text that is not
    a quantity in `unit`.
    """

    def si(value: Any) -> float | None:
        return parse_quantity(value, unit) if isinstance(value, str) else value

    unit_dimension(unit)
    declared = Parameter(
        name="",
        unit=unit,
        default=si(default),
        low=si(low),
        high=si(high),
        status=status,
        source=source,
        doc=doc,
        ideal=None if ideal is _KEEP else si(ideal),
        has_ideal=ideal is not _KEEP,
        nonnegative=nonnegative,
        integer=integer,
        better=better,
        at_most=at_most,
        structural=structural,
        symbol=symbol,
        bits=any(isinstance(v, str) and in_bits(v) for v in (default, low, high)) and "J" not in unit,
    )
    return attrs.field(default=declared.default, validator=_validate, metadata={_KEY: declared})


def option(default: str, *, choices: tuple[str, ...] = (), doc: str = "", ideal: str | None = None) -> Any:
    """Declare a choice among words, fixed when a program is built."""
    declared = Option("", default, choices, doc, ideal)
    return attrs.field(default=default, validator=_validate_option, metadata={_KEY: declared})


def _where(instance: Any) -> str:
    return getattr(instance, "component", "") or type(instance).name


def _validate(instance: Any, field: Any, value: Any) -> None:
    if isinstance(value, str):
        raise SymarchError(f"{_where(instance)}.{field.name} is the text {value!r}; it must be a number in SI")
    if value is None or not is_number(value):
        return
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        number = math.inf
    fault = attrs.evolve(field.metadata[_KEY], name=field.name).fault(number)
    if fault:
        raise SymarchError(f"{_where(instance)}.{fault}")


def _validate_option(instance: Any, field: Any, value: Any) -> None:
    choices = field.metadata[_KEY].choices
    if choices and value not in choices:
        raise SymarchError(f"{_where(instance)}.{field.name} is {value!r}; it must be one of {', '.join(choices)}")


class QuantityProperty:
    """A cached property with unit and doc; on a recorded instance its value leaves a name (`hbf.read_bandwidth`)."""

    def __init__(self, function: Callable[[Any], Any], unit: str, doc: str) -> None:
        self.function = function
        self.unit = unit
        self.doc = doc or (function.__doc__ or "").strip().split("\n")[0]
        self.name = function.__name__
        self.__doc__ = self.doc

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = self.function(instance)
        if instance.component and value is not None:
            value = leave_name(value, f"{instance.component}.{self.name}")
        instance.__dict__[self.name] = value  # found before this non-data descriptor from now on
        return value


def quantity(unit: str, doc: str = "") -> Callable[[Callable[[Any], Any]], Any]:
    """Declare a property as a quantity in `unit`; `doc` defaults to the docstring's first line."""
    unit_dimension(unit)
    return lambda function: QuantityProperty(function, unit, doc)


class contract:
    """A quantity the core may ask of a kind of technology; a class that does not define it does not model it.

    Asked of an instance it is None: absent, never zero.
    """

    def __init__(self, unit: str, doc: str, *, required: bool = False) -> None:
        self.unit, self.doc, self.required = unit, doc, required
        self.__doc__ = doc

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else None


# No field_specifiers: type checkers see a default only in the keyword `default=`, and every field here has one.
@dataclass_transform(frozen_default=True, kw_only_default=True)
def technology(cls: _T) -> _T:
    """Make a class a technology: frozen, keyword-only, checked against the contract of its kind. Raises PluginError."""
    made = attrs.frozen(kw_only=True, slots=False)(cls)
    if "name" in vars(made):  # else a kind, or a family of technologies: not itself selectable
        _check_contract(made)
    return made


def _check_contract(made: Any) -> None:
    declared = {p.name: p.unit for p in parameters_of(made)} | {n: q.unit for n, q in quantities_of(made).items()}
    for base in made.__mro__[1:]:
        for key, due in vars(base).items():
            if not isinstance(due, contract):
                continue
            if key not in declared:
                if due.required:
                    raise PluginError(
                        f"technology '{made.name}' ({made.__qualname__}) does not define {key} [{due.unit}]"
                    )
            elif unit_dimension(declared[key]) != unit_dimension(due.unit):
                raise PluginError(
                    f"technology '{made.name}' declares {key} in {declared[key]}; a {made.kind} states it in {due.unit}"
                )


@once_for_each_class
def parameters_of(cls: type) -> tuple[Parameter, ...]:
    """Return the parameters of a technology class in the order of declaration."""
    found = [(f.name, f.metadata.get(_KEY)) for f in attrs.fields(cls)]
    return tuple(attrs.evolve(p, name=n) for n, p in found if isinstance(p, Parameter))


@once_for_each_class
def options_of(cls: type) -> tuple[Option, ...]:
    """Return the options of a technology class in the order of declaration."""
    found = [(f.name, f.metadata.get(_KEY)) for f in attrs.fields(cls)]
    return tuple(attrs.evolve(o, name=n) for n, o in found if isinstance(o, Option))


@once_for_each_class
def quantities_of(cls: type) -> dict[str, QuantityProperty]:
    """Return the quantities a technology class defines, bases first."""
    found: dict[str, QuantityProperty] = {}
    for base in reversed(cls.__mro__):
        for key, value in vars(base).items():
            if isinstance(value, QuantityProperty):
                found[key] = value
    return found


def contracts_of(cls: type) -> dict[str, contract]:
    """Return what the kind of a technology class may be asked for."""
    found: dict[str, contract] = {}
    for base in reversed(cls.__mro__):
        for key, value in vars(base).items():
            if isinstance(value, contract):
                found[key] = value
    return found


def not_modelled(cls: type) -> tuple[str, ...]:
    """Return the quantities of its kind that a technology does not model."""
    declared = {p.name for p in parameters_of(cls)} | set(quantities_of(cls))
    return tuple(k for k in contracts_of(cls) if k not in declared)
