"""Prices: what a unit of something cost at a date, with how it was sold and who says so. Data, never code."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from symarch.errors import SpecError, SymarchError, nearest
from symarch.quantities import parse_quantity, unit_dimension
from symarch.specs.records import Component

BASES = ("contract", "spot", "retail", "rental", "estimate")
"""How something was sold: under contract, on the spot market, to anyone, by the hour; or an analyst's estimate."""

_TOP = ("format", "title", "date", "source", "price")
_KEYS = ("item", "value", "low", "high", "unit", "basis", "date", "status", "source", "sets")
_STATUS = ("measured", "standard", "announced", "assumed")
_TARGET = re.compile(r"(?P<technology>[a-z0-9-]+)(?::(?P<preset>[A-Za-z0-9._-]+))?\.(?P<parameter>[a-z][a-z0-9_]*)\Z")
_DATE = re.compile(r"20\d\d(-[01]\d(-[0-3]\d)?)?\Z")


@attrs.frozen
class Target:
    """A parameter of a technology that a price is for.

    Attributes:
        technology: the technology's name, or economy.
        preset: of components with this preset alone; None for all.
        parameter: the parameter.
    """

    technology: str
    preset: str | None
    parameter: str

    def means(self, component: Component) -> bool:
        """Return whether it is a parameter of a component."""
        cls = component.technology
        return cls is not None and cls.name == self.technology and self.preset in (None, component.preset)


@attrs.frozen
class Price:
    """The price of one thing.

    Attributes:
        name: what a list calls it.
        item: what exactly is priced.
        value: the price, in `unit`.
        low: lower end of its range, None if the source gives none.
        high: upper end.
        unit: US dollars, or dollars for each B, h, W ...
        basis: contract, spot, retail, rental or estimate.
        date: for which it holds.
        status: measured, standard, announced or assumed.
        source: citation.
        sets: the parameters of technologies that it is for.
    """

    name: str
    item: str
    value: float
    low: float | None
    high: float | None
    unit: str
    basis: str
    date: str
    status: str
    source: str
    sets: tuple[Target, ...] = ()


@attrs.frozen
class Prices:
    """A list of prices of one date.

    Attributes:
        name: its name.
        title: one line.
        date: for which prices without a date of their own hold.
        source: how the list was made.
        prices: by name.
    """

    name: str
    title: str
    date: str
    source: str
    prices: Mapping[str, Price]


def read_prices(path: Path) -> Prices:
    """Read a file of prices. Raises SpecError with every fault."""
    try:
        table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise SpecError([f"{path.name}: not a text file in UTF-8"]) from None
    except RecursionError:
        raise SpecError([f"{path.name}: nested too deeply"]) from None
    except ValueError as error:  # no TOML, or a number of thousands of digits
        raise SpecError([f"{path.name}: not TOML: {error}"]) from None
    except OSError as error:
        raise SpecError([f"{path.name}: cannot be read: {error.strerror}"]) from None
    faults = [f"unknown key '{k}'; {nearest(k, _TOP)}" for k in table if k not in _TOP]
    if table.get("format") != 1 or type(table["format"]) is not int:
        found = f"found {table['format']!r}" if "format" in table else "it is missing"
        faults.append(f"format: this version reads 'format = 1'; {found}")
    texts = {k: table.get(k, "") for k in ("title", "date", "source")}
    for key, value in texts.items():
        if not isinstance(value, str):
            faults.append(f"{key} is {value!r}; it must be a text")
    rows = table.get("price", {})
    prices = {}
    if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
        faults.append("prices are named tables: [price.NAME]")
        rows = {}
    for name, row in rows.items():
        try:
            prices[name] = _price(name, row, str(texts["date"]))
        except SymarchError as error:
            faults += [f"price.{name}: {sentence}" for sentence in str(error).splitlines()]
    if faults:
        raise SpecError([f"{path.name}: {sentence}" for sentence in faults])
    return Prices(path.stem, texts["title"], texts["date"], texts["source"], prices)


def _price(name: str, row: Mapping[str, Any], date: str) -> Price:
    """Read one price. Raises SymarchError with one line for each fault."""
    faults = [f"unknown key '{k}'; {nearest(k, _KEYS)}" for k in row if k not in _KEYS]
    given = {"unit": "USD/B", "date": date, "status": "assumed"} | dict(row)
    for key in ("item", "unit", "basis", "date", "status", "source"):
        if not isinstance(given.get(key), str) or not given[key].strip():
            faults.append(f"{key} is {given.get(key)!r}; it must be a text" if key in given else f"{key} is missing")
            given[key] = ""
    for key, allowed in (("basis", BASES), ("status", _STATUS)):
        if given[key] and given[key] not in allowed:
            faults.append(f"{key} is {given[key]!r}; it must be one of {', '.join(allowed)}")
    if given["date"] and not _DATE.match(given["date"]):
        faults.append(f"date is {given['date']!r}; it must be a year, a month or a day such as 2026-08")
    if given["unit"] and not _of_money(given["unit"]):
        faults.append(f"unit is {given['unit']!r}; it must be USD, or USD for each of something, such as USD/B")
        given["unit"] = ""
    try:
        sets = _targets(given.get("sets", []))
    except SymarchError as error:
        faults.append(f"sets: {error}")
        sets = ()
    numbers: dict[str, float | None] = {"value": None, "low": None, "high": None}
    for key in numbers if given["unit"] else ():
        try:
            numbers[key] = _number(given, key)
        except SymarchError as error:
            faults.append(f"{key}: {error}")
    value, low, high = numbers["value"], numbers["low"], numbers["high"]
    if value is not None and not (low or value) <= value <= (high or value):
        faults.append(f"value {row['value']} is not between low and high")
    if faults or value is None:
        raise SymarchError("\n".join(faults))
    return Price(
        name=name,
        item=given["item"],
        value=value,
        low=low,
        high=high,
        unit=given["unit"],
        basis=given["basis"],
        date=given["date"],
        status=given["status"],
        source=given["source"],
        sets=sets,
    )


def _targets(given: Any) -> tuple[Target, ...]:
    """Return the parameters that a price names. Raises SymarchError."""
    if not isinstance(given, list):
        raise SymarchError(f"it is {given!r}; it must be a list such as ['hbm:hbm3e.price']")
    found = []
    for name in given:
        match = _TARGET.match(name) if isinstance(name, str) else None
        if match is None:
            raise SymarchError(f"{name!r} is no TECHNOLOGY.PARAMETER or TECHNOLOGY:PRESET.PARAMETER")
        found.append(Target(**match.groupdict()))
    return tuple(found)


def _of_money(unit: str) -> bool:
    try:
        return unit_dimension(unit).exponent("USD") == 1
    except SymarchError:
        return False


def _number(row: Mapping[str, Any], key: str) -> float | None:
    """Return a price in SI, None where an end of the range is left out. Raises SymarchError."""
    if key not in row:
        if key == "value":
            raise SymarchError("it is missing")
        return None
    text = row[key]
    if not isinstance(text, str):
        raise SymarchError(f"it is {text!r}; it must be a text with its unit, such as '12 USD/GB'")
    number = parse_quantity(text, row["unit"])
    if not 0 < number < math.inf:
        raise SymarchError(f"it is {text!r}; it must be greater than 0 and finite")
    return number
