from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from symarch.errors import SymarchError, UnitError
from symarch.quantities import format_quantity, format_value, parse_quantity, unit_dimension, unit_scale

DECIMAL = {"k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
SMALL = {"m": -3, "u": -6, "µ": -6, "n": -9, "p": -12, "f": -15}
BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50}


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("9.6 Gb/s", "B/s", 1.2e9),
        ("6.4 Gb/s", "B/s", 8e8),
        ("4 KiB", "B", 4096.0),
        ("36 GiB", "B", 36.0 * 2**30),
        ("512 GB", "B", 512e9),
        ("16 Gib", "B", 2.0 * 2**30),
        ("8 Gbit/s", "B/s", 1e9),
        ("20 us", "s", 20e-6),
        ("20us", "s", 20e-6),
        ("  20   us  ", "s", 20e-6),
        ("20 µs", "s", 20e-6),
        ("20 \N{GREEK SMALL LETTER MU}s", "s", 20e-6),
        ("0.3 ns", "s", 0.3e-9),
        ("3.9 pJ/bit", "J/B", 31.2e-12),
        ("31.2 pJ/B", "J/B", 31.2e-12),
        ("989 TFLOP/s", "FLOP/s", 989e12),
        ("0.5 pJ/FLOP", "J/FLOP", 0.5e-12),
        ("700 W", "W", 700.0),
        ("700 J/s", "W", 700.0),
        ("1 kWh", "J", 3.6e6),
        ("10 USD/GB", "USD/B", 1e-8),
        ("110 mm^2", "m^2", 110e-6),
        ("2 GHz", "Hz", 2e9),
        ("2 GHz", "1/s", 2e9),
        ("5 year", "s", 5 * 31557600.0),
        ("90 min", "s", 5400.0),
        ("150 g", "kg", 0.15),
        ("2 t", "kg", 2000.0),
        ("85 %", "1", 0.85),
        ("0.85", "1", 0.85),
        ("5", "s", 5.0),
        ("5.", "s", 5.0),
        (".5 s", "s", 0.5),
        ("-5 s", "s", -5.0),
        ("+5 s", "s", 5.0),
        ("1e3 s", "s", 1000.0),
        ("1.5E-3 s", "s", 1.5e-3),
        ("1_000 s", "s", 1000.0),
        ("3 B^2/s", "B^2/s", 3.0),
        ("3 s^-1", "Hz", 3.0),
        ("3 GB / s", "B/s", 3e9),
        ("2 W*h", "J", 7200.0),
        ("7 token/s", "1/s", 7.0),
        ("inf", "s", math.inf),
        ("Infinity", "1", math.inf),
        ("infinite", "1", math.inf),  # as values are printed
        ("-inf", "1", -math.inf),
    ],
)
def test_text_becomes_the_double_nearest_to_its_si_value(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == value


@pytest.mark.parametrize("unit", ["B", "b", "bit", "Hz", "FLOP"])
@pytest.mark.parametrize(("prefix", "power"), DECIMAL.items())
def test_decimal_prefixes_are_powers_of_ten(unit: str, prefix: str, power: int) -> None:
    bits = 8 if unit in ("b", "bit") else 1
    assert unit_scale(prefix + unit) == float(Fraction(10**power, bits))


@pytest.mark.parametrize("unit", ["s", "J", "W"])
@pytest.mark.parametrize(("prefix", "power"), SMALL.items())
def test_small_prefixes_are_powers_of_ten(unit: str, prefix: str, power: int) -> None:
    assert unit_scale(prefix + unit) == float(Fraction(10) ** power)


@pytest.mark.parametrize(("prefix", "power"), BINARY.items())
def test_binary_prefixes_are_powers_of_two(prefix: str, power: int) -> None:
    assert unit_scale(prefix + "B") == 2.0**power
    assert unit_scale(prefix + "b") == unit_scale(prefix + "bit") == 2.0 ** (power - 3)


def test_prefixes_that_nobody_writes_are_unknown() -> None:
    for unit in ("mB", "nB", "uFLOP", "ks", "Gs", "GiFLOP", "kiB", "gb", "KB", "kib"):
        with pytest.raises(UnitError):
            unit_scale(unit)


def test_information_is_not_a_frequency() -> None:
    with pytest.raises(UnitError, match=r"\[1/s\] where \[B/s\] is due"):
        parse_quantity("8 GHz", "B/s")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "GB",
        "B/s",
        "nan",
        "nan GB",
        "--5",
        "--5 GB",
        "+-5 GB",
        "--inf",
        "+-inf",
        "inf GB",
        "5 5 GB",
        "5,5 GB",
        "5 GB GB",
        "5 GB/",
        "5 /GB",
        "5 GB//s",
        "5 GB**2",
        "5 GB^",
        "5 GB^0",
        "5 GB^2.5",
        "5 GB^99",
        "5 (GB)",
        "5 GB; rm -rf /",
        "5 __import__('os')",
        "5 xyzzy",
        "5 gigabytes",
        "5 Gb\x00",
        "5e GB",
        "5e+ GB",
        "0x10 GB",
        "5__0 GB",
        "_5 GB",
        "1e999 GB",
        "1e9999 GB",
        "-1e999",
        "1e308 GB",
        "٣ GB",
        "\N{FULLWIDTH DIGIT FIVE} GB",
        "²",
        "5 \N{FULLWIDTH LATIN CAPITAL LETTER G}B",
        "5 🐏",
        "5 GB 🐏",
        "½ GB",
        "1" * 400,
        "1" * 5000 + " GB",
        "5 " + "G" * 5000 + "B",
        "5 " + "B*" * 5000 + "B",
        "x" * 100_000,
    ],
)
def test_junk_is_refused_in_one_short_sentence(text: str) -> None:
    with pytest.raises(UnitError) as caught:
        parse_quantity(text, "B")
    message = str(caught.value)
    assert isinstance(caught.value, SymarchError)
    assert message
    assert len(message) < 400
    assert "\x00" not in message


@pytest.mark.parametrize(
    ("text", "unit", "words"),
    [
        ("5 gb/s", "B/s", "near: GB/s, Gb/s"),
        ("5 kib", "B", "Kib"),
        ("5 KB", "B", "kB"),
        ("5 usec", "s", "units look like|near: "),
        ("5 TFLOPS", "FLOP/s", "TFLOP"),
        ("5 foo", "B", "units look like B/s, GB, us, pJ/bit"),
        ("5 s", "B/s", "use B/s, kB/s, MB/s, GB/s"),
        ("5 GB", "s", "use ps, ns, us, ms"),
        ("5 GB", "kg", "use kg"),
        ("5 GB", "1", "use a bare number"),
        ("many", "1", "a quantity looks like '20'"),
        ("fast", "B/s", "does not begin with a number; a quantity looks like '20 [A-Z]?B/s'"),
        ("fast", "K", "a quantity looks like '20 K'"),
        ("5 5 GB", "B", "unknown unit '5 GB'; near: GB"),
    ],
)
def test_a_refusal_names_the_text_and_near_units(text: str, unit: str, words: str) -> None:
    with pytest.raises(UnitError, match=words) as caught:
        parse_quantity(text, unit)
    assert text.split(" ", 1)[-1] in str(caught.value)


def test_an_unknown_declared_unit_is_refused_too() -> None:
    for unit in ("", "GBs", "B/s/", "furlong", "B" * 100):
        with pytest.raises(UnitError):
            unit_dimension(unit)
    with pytest.raises(UnitError, match="too large"):
        unit_scale("EB^9*EB^9")


def test_dimensions_of_units() -> None:
    assert str(unit_dimension("pJ/bit")) == "J/B"
    assert str(unit_dimension("W")) == "J/s"
    assert str(unit_dimension("mm^2")) == "m^2"
    assert str(unit_dimension("%")) == str(unit_dimension("token")) == "1"
    assert unit_dimension("W*s") == unit_dimension("J") == unit_dimension("kWh")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3.35e12, "B/s", "3.35 TB/s"),
        (1.2e9, "B/s", "1.2 GB/s"),
        (999.4e9, "B/s", "999 GB/s"),
        (999.9e9, "B/s", "1 TB/s"),
        (999.5, "B/s", "1 kB/s"),
        (999.49, "B/s", "999 B/s"),
        (1e12, "B/s", "1 TB/s"),
        (-3e9, "B/s", "-3 GB/s"),
        (-999.9e9, "B/s", "-1 TB/s"),
        (0, "B/s", "0 B/s"),
        (0, "s", "0 s"),
        (-0.0, "s", "0 s"),
        (0, "J/B", "0 fJ/bit"),
        (math.inf, "B/s", "infinite B/s"),
        (-math.inf, "B", "-infinite B"),
        (math.nan, "B", "nan B"),
        (20e-6, "s", "20 us"),
        (123.456e-6, "s", "123 us"),
        (12.3456e-3, "s", "12.3 ms"),
        (31.2e-12, "J/B", "3.9 pJ/bit"),
        (700, "W", "700 W"),
        (989e12, "FLOP/s", "989 TFLOP/s"),
        (110e-6, "m^2", "110 mm^2"),
        (0.765e-4, "K*m^2/W", "76.5 K*mm^2/W"),
        (2.5e9, "B/m^2", "2.5 kB/mm^2"),
        (1e-8, "USD/B", "10 USD/GB"),
        (350, "K", "350 K"),
        (0.85, "1", "0.85"),
        (0.5, "%", "0.5"),
        (120.0, "token/s", "120 token/s"),
        (2e9, "Hz", "2 GHz"),
        (4096, "B", "4.1 kB"),
    ],
)
def test_quantities_print_with_a_readable_prefix(value: float, unit: str, text: str) -> None:
    assert format_quantity(value, unit) == text


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0001234, 3, "0.000123"),
        (0.00001234, 3, "1.23e-05"),
        (12345.0, 3, "12345"),
        (12345.6, 3, "12300"),
        (136312.4, 3, "136000"),
        (-1185.3, 3, "-1190"),
        (150.25, 4, "150.2"),
        (1234567.0, 3, "1.23e+06"),
        (99.96, 3, "100"),
        (9.996, 3, "10"),
        (99.96, 4, "99.96"),
        (150.25, 5, "150.25"),
        (0, 3, "0"),
        (math.nan, 3, "nan"),
        (math.inf, 3, "infinite"),
        (-math.inf, 3, "-infinite"),
    ],
)
def test_numbers_print_with_significant_digits(value: float, digits: int, text: str) -> None:
    assert format_value(value, digits) == text


UNITS = st.sampled_from(
    ["B", "s", "B/s", "J/B", "J/FLOP", "J", "W", "FLOP", "FLOP/s", "USD", "USD/B", "m", "m^2", "Hz", "K", "kg", "1"]
)


@given(st.floats(1e-20, 1e24), UNITS, st.booleans())
def test_what_is_printed_reads_back_as_nearly_the_same(value: float, unit: str, negative: bool) -> None:
    signed = -value if negative else value
    text = format_quantity(signed, unit)
    assert parse_quantity(text, unit) == pytest.approx(signed, rel=0.0051)


@given(st.floats(1e-12, 1e18), st.sampled_from(["B/s", "s", "J/B", "FLOP/s"]))
def test_a_printed_number_lies_between_1_and_1000_inside_its_ladder(value: float, unit: str) -> None:
    text = format_quantity(value, unit).split(" ")[0]
    low, high = {"B/s": (1, 1e15), "s": (1e-12, 1), "J/B": (1e-14, 1e-9), "FLOP/s": (1e12, 1e18)}[unit]
    assume(low <= value <= high)
    assert 1 <= float(text) < 1000 or value >= high * 0.999


@given(st.floats(allow_nan=True, allow_infinity=True), UNITS, st.integers(1, 17))
def test_any_number_prints_on_one_short_line(value: float, unit: str, digits: int) -> None:
    text = format_quantity(value, unit, digits)
    assert "\n" not in text
    assert len(text) < 60


@given(st.text(max_size=80), st.sampled_from(["B", "s", "B/s", "1"]))
def test_any_text_gives_a_number_or_a_unit_error(text: str, unit: str) -> None:
    try:
        value = parse_quantity(text, unit)
    except UnitError as error:
        assert len(str(error)) < 400
    else:
        assert value == value


@given(st.from_regex(r"[+-]?[0-9_.]{0,5}[eE]?[+-]?[0-9]{0,4} ?[GMkuµ]?[BbsJ1%]?[\^*/]?[-1-9sBmK]{0,2}", fullmatch=True))
def test_nearly_right_text_gives_a_number_or_a_unit_error(text: str) -> None:
    try:
        value = parse_quantity(text, "B")
    except UnitError:
        return
    assert math.isfinite(value)


@given(st.fractions(min_value=0, max_value=10**9), st.sampled_from(["us", "GB", "pJ/bit", "GiB", "Gb/s"]))
def test_decimal_text_is_rounded_once(exact: Fraction, unit: str) -> None:
    text = f"{float(exact)!r} {unit}"
    scale = {
        "us": Fraction(1, 10**6),
        "GB": Fraction(10**9),
        "pJ/bit": Fraction(8, 10**12),
        "GiB": Fraction(2**30),
        "Gb/s": Fraction(10**9, 8),
    }[unit]
    due = {"us": "s", "GB": "B", "pJ/bit": "J/B", "GiB": "B", "Gb/s": "B/s"}[unit]
    assert parse_quantity(text, due) == float(Fraction(repr(float(exact))) * scale)
