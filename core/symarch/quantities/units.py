"""Units: `"9.6 Gb/s"` to SI and back. The only place where text becomes a number.

GB is 1e9 B, GiB is 2**30 B, b is a bit and becomes an eighth of a byte. Arithmetic is exact (fractions) until the last
step, so `"20 us"` is the double nearest to 20e-6.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator
from fractions import Fraction
from functools import cache

from symarch.errors import UnitError
from symarch.quantities.dimensions import DIMENSIONLESS, Dimension

_DECIMAL = {
    "": Fraction(1),
    "f": Fraction(1, 10**15),
    "p": Fraction(1, 10**12),
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "µ": Fraction(1, 10**6),  # MICRO SIGN, as typed on European keyboards
    "m": Fraction(1, 10**3),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
    "P": Fraction(10**15),
    "E": Fraction(10**18),
}
_BINARY = {p: Fraction(1024 ** (i + 1)) for i, p in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi"))}

_B, _S, _J, _FLOP, _USD, _M, _KG, _K = (Dimension.of({b: 1}) for b in ("B", "s", "J", "FLOP", "USD", "m", "kg", "K"))
_LARGE = ("", "k", "M", "G", "T", "P", "E")
_ALL = tuple(p for p in _DECIMAL)

# unit, factor to SI, dimension, decimal prefixes allowed, binary prefixes allowed
_UNITS: tuple[tuple[str, Fraction, Dimension, tuple[str, ...], bool], ...] = (
    ("B", Fraction(1), _B, _LARGE, True),
    ("byte", Fraction(1), _B, ("",), False),
    ("bytes", Fraction(1), _B, ("",), False),
    ("b", Fraction(1, 8), _B, _LARGE, True),
    ("bit", Fraction(1, 8), _B, _LARGE, True),
    ("s", Fraction(1), _S, ("", "f", "p", "n", "u", "µ", "m"), False),
    ("min", Fraction(60), _S, ("",), False),
    ("h", Fraction(3600), _S, ("",), False),
    ("day", Fraction(86400), _S, ("",), False),
    ("year", Fraction(31557600), _S, ("",), False),
    ("Hz", Fraction(1), _S ** (-1), _LARGE, False),
    ("J", Fraction(1), _J, _ALL, False),
    ("Wh", Fraction(3600), _J, ("", "k", "M"), False),
    ("W", Fraction(1), _J / _S, _ALL, False),
    ("FLOP", Fraction(1), _FLOP, _LARGE, False),
    ("USD", Fraction(1), _USD, ("", "k", "M", "G"), False),
    ("m", Fraction(1), _M, ("", "n", "u", "µ", "m", "k"), False),
    ("cm", Fraction(1, 100), _M, ("",), False),
    ("g", Fraction(1, 1000), _KG, ("", "m", "k"), False),
    ("t", Fraction(1000), _KG, ("",), False),
    ("K", Fraction(1), _K, ("", "m"), False),
    ("token", Fraction(1), DIMENSIONLESS, ("", "M"), False),
    ("1", Fraction(1), DIMENSIONLESS, ("",), False),
    ("%", Fraction(1, 100), DIMENSIONLESS, ("",), False),
)


@cache
def _table() -> dict[str, tuple[Fraction, Dimension]]:
    table: dict[str, tuple[Fraction, Dimension]] = {}
    for name, factor, dimension, decimal, binary in _UNITS:
        prefixes = {p: _DECIMAL[p] for p in decimal} | (_BINARY if binary else {})
        for prefix, scale in prefixes.items():
            spelled = prefix + name
            if spelled in table:
                raise AssertionError(f"two units are spelled {spelled}")
            table[spelled] = (factor * scale, dimension)
    return table


_FACTOR = re.compile(r"(?P<name>[A-Za-zµ%]+|1)(?:\^(?P<power>-?[1-9]))?")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_INFINITE = re.compile(r"(?P<sign>[+-]?)inf(?:inity|inite)?", re.IGNORECASE | re.ASCII)
_LONGEST = 200


@cache
def _parse_unit(text: str) -> tuple[Fraction, Dimension]:
    scale, dimension = Fraction(1), DIMENSIONLESS
    if len(text) > 60:
        raise UnitError(f"unit {text[:40]!r}... is too long")
    text = text.replace("\N{GREEK SMALL LETTER MU}", "\N{MICRO SIGN}")
    for sign, factor in _factors(text):
        match = _FACTOR.fullmatch(factor)
        entry = _table().get(match["name"]) if match else None
        if match is None or entry is None:
            raise UnitError(f"unknown unit {text!r}{_suggest(factor, text)}")
        power = sign * int(match["power"] or 1)
        scale *= entry[0] ** power
        dimension = dimension * entry[1] ** power
    return scale, dimension


def _factors(text: str) -> Iterator[tuple[int, str]]:
    sign = 1
    for piece in re.split(r"([*/])", text.replace(" ", "")):
        if piece == "*":
            sign = 1
        elif piece == "/":
            sign = -1
        else:
            yield sign, piece


def _suggest(factor: str, text: str) -> str:
    names = list(_table())
    # Gbps and TFLOPS are spelled Gb/s and TFLOP/s here
    near = [f"{factor[: -len(s)]}/s" for s in ("ps", "S") if factor.endswith(s) and factor[: -len(s)] in names]
    near += [n for n in names if n.lower() == factor.lower()]
    near += [n for n in difflib.get_close_matches(factor, names, n=6, cutoff=0.5) if n not in near]
    if not near:
        near = ["B/s", "GB", "us", "pJ/bit", "FLOP/s", "W"]
        return f"; units look like {', '.join(near)}"
    return f"; near: {', '.join(text.replace(' ', '').replace(factor, n, 1) for n in near[:6])}"


def unit_scale(unit: str) -> float:
    """Return how many SI units one `unit` is (`"GB/s"` gives 1e9). Raises UnitError."""
    return _finite(_parse_unit(unit)[0], unit)


def unit_dimension(unit: str) -> Dimension:
    """Return the dimension of a unit (`"pJ/bit"` gives J/B). Raises UnitError."""
    return _parse_unit(unit)[1]


def _alternatives(dimension: Dimension) -> str:
    """List readable units of a dimension, for an error message."""
    ladder = _LADDERS.get(str(dimension))
    if ladder:
        return ", ".join(ladder)
    return "a bare number" if dimension == unit_dimension("1") else str(dimension)


def parse_quantity(text: str, unit: str) -> float:
    """Parse `"9.6 Gb/s"` where a quantity in `unit` is due, and return its value in SI.

    A bare number in text (`"5"`) is taken as SI. Raises UnitError with the list of near units when the unit is unknown
    or of another dimension, and when there is no number.
    """
    stripped = text.strip()
    if len(stripped) > _LONGEST:
        raise UnitError(f"{_clip(text)} is too long for a quantity; it looks like {_example(unit)!r}")
    infinite = _INFINITE.fullmatch(stripped)
    if infinite:
        return -math.inf if infinite["sign"] == "-" else math.inf
    match = _NUMBER.match(stripped)
    if match is None:
        raise UnitError(f"{_clip(text)} does not begin with a number; a quantity looks like {_example(unit)!r}")
    rest = stripped[match.end() :].strip()
    number = Fraction(match.group().replace("_", ""))
    due = unit_dimension(unit)
    if not rest:
        return _finite(number, text)
    scale, dimension = _parse_unit(rest)
    if dimension != due:
        raise UnitError(f"{_clip(text)} has unit [{dimension}] where [{due}] is due; use {_alternatives(due)}")
    return _finite(number * scale, text)


def stated_unit(text: str) -> str:
    """Return the SI unit of what a quantity's text states: `"20 us"` gives `s`, `"5"` gives `1`. Raises UnitError."""
    match = _NUMBER.match(text.strip()[:_LONGEST])
    if match is None:
        raise UnitError(f"{_clip(text)} does not begin with a number; a quantity looks like '20 us' or '4 KiB'")
    rest = text.strip()[match.end() :].strip()
    return str(_parse_unit(rest)[1]) if rest else "1"


def _finite(value: Fraction, text: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise UnitError(f"{_clip(text)} is too large for a number") from None


def _clip(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _example(unit: str) -> str:
    if unit_dimension(unit) == unit_dimension("1"):
        return "20"
    ladder = _LADDERS.get(str(unit_dimension(unit)))
    return f"20 {ladder[len(ladder) // 2] if ladder else unit}"


_LADDERS: dict[str, tuple[str, ...]] = {
    "B": ("B", "kB", "MB", "GB", "TB", "PB", "KiB", "MiB", "GiB", "Gb", "Gib"),
    "s": ("ps", "ns", "us", "ms", "s", "h", "day", "year"),
    "B/s": ("B/s", "kB/s", "MB/s", "GB/s", "TB/s", "PB/s", "Gb/s"),
    "J/B": ("fJ/bit", "pJ/bit", "nJ/bit", "pJ/B", "J/B"),
    "J/FLOP": ("fJ/FLOP", "pJ/FLOP", "nJ/FLOP", "J/FLOP"),
    "J": ("pJ", "nJ", "uJ", "mJ", "J", "kJ", "MJ", "GJ", "kWh"),
    "J/s": ("mW", "W", "kW", "MW"),
    "FLOP": ("FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP"),
    "FLOP/s": ("GFLOP/s", "TFLOP/s", "PFLOP/s", "EFLOP/s"),
    "USD": ("USD", "kUSD", "MUSD"),
    "USD/B": ("USD/GB", "USD/GiB", "USD/TB"),
    "m": ("nm", "um", "mm", "m"),
    "m^2": ("mm^2", "um^2", "m^2"),
    "1/s": ("Hz", "kHz", "MHz", "GHz"),
    "B/m^2": ("MB/mm^2", "GB/mm^2", "Gb/mm^2"),
    "s*K/J": ("mK/W", "K/W"),
    "s*m^2*K/J": ("K*mm^2/W", "K*cm^2/W"),
}

# The units a number is printed in, smallest first; chosen so that the printed number is at least 1.
_PRINTED: dict[str, tuple[str, ...]] = {
    "B": ("B", "kB", "MB", "GB", "TB", "PB"),
    "s": ("ps", "ns", "us", "ms", "s", "h", "day", "year"),
    "B/s": ("B/s", "kB/s", "MB/s", "GB/s", "TB/s", "PB/s"),
    "J/B": ("fJ/bit", "pJ/bit", "nJ/bit"),
    "J/FLOP": ("fJ/FLOP", "pJ/FLOP", "nJ/FLOP"),
    "J": ("pJ", "nJ", "uJ", "mJ", "J", "kJ", "MJ"),
    "J/s": ("mW", "W", "kW", "MW"),
    "FLOP": ("FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP"),
    "FLOP/s": ("FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s", "EFLOP/s"),
    "USD": ("USD", "kUSD", "MUSD"),
    "USD/B": ("USD/TB", "USD/GB"),
    "USD/J": ("USD/kWh",),
    "s*USD/J": ("USD/W",),
    "kg": ("mg", "g", "kg", "t"),
    "kg/B": ("g/TB", "g/GB", "kg/GB"),
    "kg/J": ("g/kWh",),
    "m": ("nm", "um", "mm", "m"),
    "m^2": ("um^2", "mm^2", "m^2"),
    "1/s": ("1/year", "Hz", "kHz", "MHz", "GHz"),
    "B/m^2": ("kB/mm^2", "MB/mm^2", "GB/mm^2"),
    "m^2/B": ("um^2/bit",),
    "B/s/m": ("GB/s/mm", "TB/s/mm"),
    "B/s/m^2": ("GB/s/mm^2", "TB/s/mm^2"),
    "s/m": ("ps/m", "ns/m"),
    "s*K/J": ("mK/W", "K/W"),
    "s*m^2*K/J": ("K*mm^2/W", "K*cm^2/W"),
}


def format_value(value: float, digits: int = 3) -> str:
    """Print a number with `digits` significant digits, without a trailing exponent where a person would not use one.

    Whole numbers below a million are counts and keep their digits; of others the digits that say nothing are 0.
    """
    if value != value:
        return "nan"
    if value in (math.inf, -math.inf):
        return "infinite" if value > 0 else "-infinite"
    if value == 0:
        return "0"
    magnitude = abs(value)
    if magnitude >= 1e6 or magnitude < 1e-4:
        return f"{value:.{digits - 1}e}"
    if magnitude >= 10 ** (digits - 1):
        whole = abs(value - round(value)) < 1e-9 * magnitude
        return f"{value if whole else float(f'{value:.{digits - 1}e}'):.0f}"
    return f"{value:.{digits}g}"


def in_bits(text: str) -> bool:
    """Return whether a quantity's text counts information in bits: `"9.6 Gb/s"`, `"24 Gib"`."""
    return bool(re.search(r"(?<![A-Za-z])[kMGTPE]?i?b(it)?(?![A-Za-z])", text))


def format_setting(value: float, unit: str, bits: bool = False) -> str:
    """Print the value of a parameter: like `format_quantity`, but whole binary sizes as such (4096 B is 4 KiB).

    With `bits`, for parameters that the field states in bits, so are rates and sizes here (pin rates, die densities).
    """
    dimension, letter = str(unit_dimension(unit)), "b" if bits else "B"
    amount = value * 8 if bits and dimension in ("B", "B/s") else value
    if dimension == "B" and amount % 1000 and amount % 1024 == 0:
        for name, scale in reversed(_BINARY.items()):
            if amount % float(scale) == 0:
                return f"{amount / float(scale):.0f} {name}{letter}"
    if amount is value:
        return format_quantity(value, unit)
    return format_quantity(amount, unit).replace("B", "b")


def readable_unit(value: float, unit: str) -> tuple[str, float]:
    """Return the unit a value is printed in, and how many SI units it is, to print others beside it."""
    if "token" in unit:
        return unit, 1.0
    printed = format_quantity(value, unit).partition(" ")[2]
    return (printed, unit_scale(printed)) if printed else (unit, 1.0)


def format_quantity(value: float, unit: str, digits: int = 3) -> str:
    """Print an SI value with a readable prefix: `format_quantity(3.35e12, "B/s")` gives `3.35 TB/s`.

    A unit that names tokens keeps its own spelling, since a token has no prefix ladder.
    """
    if "token" in unit:
        return f"{format_value(value, digits)} {unit}"
    dimension = unit_dimension(unit)
    if not dimension:
        return format_value(value, digits)
    ladder = _PRINTED.get(str(dimension), ())
    if not ladder or not math.isfinite(value):
        return f"{format_value(value, digits)} {dimension}"
    chosen = ladder[0]
    if value != 0:
        for name in ladder:
            # 999.6 would print as 1000: step up when rounding to the digits shown reaches the next prefix
            if float(f"{abs(value) / unit_scale(name):.{digits - 1}e}") >= 1:
                chosen = name
    else:
        chosen = str(dimension) if str(dimension) in ladder else ladder[0]
    return f"{format_value(value / unit_scale(chosen), digits)} {chosen}"
