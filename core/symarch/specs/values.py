"""One value of a spec: a number, a text with a unit, or a table with value, range, source and status."""

from __future__ import annotations

from typing import Any

from symarch.errors import SymarchError, nearest
from symarch.quantities import parse_quantity
from symarch.specs.records import Setting
from symarch.technologies import Option, Parameter

_KEYS = ("value", "low", "high", "source", "status")
_STATUS = ("measured", "standard", "announced", "assumed")


def read_number(parameter: Parameter, value: Any) -> float:
    """Read a number of a parameter: a text with its unit, or a bare number in SI. Raises SymarchError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise SymarchError(f"{parameter.name} must be a number or a text with a unit, not {_shown(value)}")
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
            raise SymarchError(f"{declared.name} is {_shown(value)}; it must be {allowed}")
        return Setting(value, status="")
    if not isinstance(value, dict):
        return Setting(read_number(declared, value), low=declared.low, high=declared.high, status="")
    unknown = [k for k in value if k not in _KEYS]
    if unknown:
        raise SymarchError(f"unknown key '{unknown[0]}'; {nearest(unknown[0], _KEYS)}")
    if "value" not in value:
        raise SymarchError("a table needs the key 'value'")
    status = value.get("status", "")
    if status and status not in _STATUS:
        raise SymarchError(f"status is {_shown(status)}; it must be one of {', '.join(_STATUS)}")
    number = read_number(declared, value["value"])
    low = read_number(declared, value["low"]) if "low" in value else declared.low
    high = read_number(declared, value["high"]) if "high" in value else declared.high
    if "low" in value and number < read_number(declared, value["low"]):
        raise SymarchError(f"value {_shown(value['value'])} is below low {_shown(value['low'])}")
    if "high" in value and number > read_number(declared, value["high"]):
        raise SymarchError(f"value {_shown(value['value'])} is above high {_shown(value['high'])}")
    return Setting(number, low, high, str(value.get("source", "")), status)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
