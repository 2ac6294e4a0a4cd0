"""One value of a spec: a number, a text with a unit, or a table with value, range, source and status."""

from __future__ import annotations

import datetime
from typing import Any

from symarch.errors import SymarchError, nearest
from symarch.quantities import parse_quantity
from symarch.specs.records import Setting
from symarch.technologies import Option, Parameter

_KEYS = ("value", "low", "high", "source", "status")
ABSENT = "absent"
"""What a spec writes for a parameter that is to have no value: not modelled, or without limit."""

_STATUS = ("measured", "standard", "announced", "assumed")


def read_number(parameter: Parameter, value: Any) -> float:
    """Read a number of a parameter: a text with its unit, or a bare number in SI. Raises SymarchError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise SymarchError(f"{parameter.name} must be a number or a text with a unit, not {shown(value)}")
    try:
        number = parse_quantity(value, parameter.unit) if isinstance(value, str) else float(value)
    except OverflowError:
        raise SymarchError(f"{parameter.name} is too large for a number") from None
    fault = parameter.fault(number)
    if fault:
        raise SymarchError(fault)
    return number


def read_setting(declared: Parameter | Option, value: Any) -> Setting:
    """Read one value of a spec or preset; `status` is empty where the text states none. Raises SymarchError."""
    if isinstance(declared, Option):
        if not isinstance(value, str) or (declared.choices and value not in declared.choices):
            allowed = f"one of {', '.join(declared.choices)}" if declared.choices else "a text"
            raise SymarchError(f"{declared.name} is {shown(value)}; it must be {allowed}")
        return Setting(value, status="")
    if value == ABSENT:
        if not declared.may_lack:
            raise SymarchError(f"{declared.name} cannot be {ABSENT}; it is always modelled and needs a value")
        return Setting(None, low=declared.low, high=declared.high, status="")
    if not isinstance(value, dict):
        return Setting(read_number(declared, value), low=declared.low, high=declared.high, status="")
    return _read_table(declared, value)


def _read_table(declared: Parameter, table: dict[str, Any]) -> Setting:
    """Read a table of value, range, source and status. Raises SymarchError with one line for each fault."""
    faults = [f"unknown key '{k}'; {nearest(k, _KEYS)}" for k in table if k not in _KEYS]
    if "value" not in table:
        faults.append("a table needs the key 'value'")
    status = table.get("status", "")
    if status and status not in _STATUS:
        faults.append(f"status is {shown(status)}; it must be one of {', '.join(_STATUS)}")
    source = table.get("source", "")
    if not isinstance(source, str):
        faults.append(f"source is {shown(source)}; it must be a text")
    read: dict[str, float] = {}
    for key in ("value", "low", "high"):
        if key in table:
            try:
                read[key] = read_number(declared, table[key])
            except SymarchError as error:
                faults.append(str(error) if key == "value" else f"{key}: {error}")
    number = read.get("value")
    if number is not None and number < read.get("low", number):
        faults.append(f"value {shown(table['value'])} is below low {shown(table['low'])}")
    if number is not None and number > read.get("high", number):
        faults.append(f"value {shown(table['value'])} is above high {shown(table['high'])}")
    if faults or number is None:
        raise SymarchError("\n".join(faults))
    low, high = read.get("low", declared.low), read.get("high", declared.high)
    return Setting(number, low, high, source, status)


def shown(value: Any) -> str:
    """Return a value as TOML writes it, cut where it is long."""
    plain = str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, datetime.date) else None
    text = repr(value) if plain is None else plain
    return text if len(text) <= 60 else text[:57] + "..."
