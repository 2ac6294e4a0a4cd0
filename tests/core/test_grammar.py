"""The grammar of expressions: what it reads, that it reads it as Python would, and the hostile strings it refuses."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symarch.errors import DimensionError, SpecError
from symarch.program import Program, Tape, compile_python
from symarch.program.expressions import FUNCTIONS, Expression
from symarch.program.grammar import DEEPEST, LARGEST_EXPONENT, LONGEST, MOST, parse
from symarch.quantities import Dimensioned, unit_dimension

NAMES = {"x": 3.0, "y": 0.5, "read_time": 2e-5, "n2": 7.0}


def value(text: str) -> Any:
    return parse(text, NAMES).compute(NAMES.__getitem__)


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("x", 3.0),
        (" x\t*\n y ", 1.5),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 - 2 - 1", 4),
        ("12 / 2 / 3", 2),
        ("12 / 2 * 3", 18),
        ("2 ** 3 ** 2", 512),
        ("-x ** 2", -9.0),
        ("(-x) ** 2", 9.0),
        ("2 ** -1", 0.5),
        ("2 ** -y", 2**-0.5),
        ("x ** -y * 2", 2 * 3**-0.5),
        ("--x", 3.0),
        ("2 - -x", 5.0),
        ("-x * y", -1.5),
        ("1.5e3", 1500.0),
        ("1e-3 * x", 0.003),
        (".5 + 2.", 2.5),
        ("min(x, y, 1)", 0.5),
        ("max(x, max(4, y))", 4),
        ("ceil(x / 2) + floor(x / 2)", 3),
        ("sqrt(x * 3)", 3.0),
        ("log2(8)", 3.0),
        ("exp(0)", 1.0),
        ("n2", 7.0),
        ("0 * x", 0.0),
    ],
)
def test_an_expression_means_what_it_says(text: str, due: float) -> None:
    assert value(text) == due


def test_whole_numbers_stay_exact() -> None:
    assert type(value("2 ** 10")) is int
    assert value("2 ** 60 + 1") == 2**60 + 1
    assert type(value("2 ** -1")) is float


def test_names_are_noted_in_order_of_use() -> None:
    assert parse("y * min(x, y) + 2", NAMES).names == ("y", "x")
    assert parse("min(1, 2)", NAMES).names == ()


atoms = st.sampled_from(["x", "y", "read_time", "n2", "3", "2.5", "1e-6"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(" ".join),
        inner.map(lambda a: f"({a})"),
        inner.map(lambda a: f"-{a}"),
        st.tuples(inner, st.sampled_from(["2", "-1", "0.5", "-2"])).map(lambda t: f"abs_({t[0]}) ** {t[1]}"),
        st.tuples(inner, inner).map(lambda t: f"min({t[0]}, {t[1]})"),
        st.tuples(inner, inner).map(lambda t: f"max({t[0]}, {t[1]}, 1)"),
        inner.map(lambda a: f"ceil({a})"),
    )


@given(st.recursive(atoms, grown, max_leaves=12))
def test_it_agrees_with_python(text: str) -> None:
    """Python's own reading of a string that this test makes itself is the oracle."""
    text = text.replace("abs_(", "max(0.1, ")
    table = {**NAMES, "min": min, "max": max, "ceil": math.ceil}
    try:
        due = eval(text, {"__builtins__": {}}, table)
    except (ArithmeticError, ValueError):
        return
    try:
        found = value(text)
    except SpecError as error:
        assert "larger than" in str(error) or "nested" in str(error) or "longer" in str(error)
        return
    assert found == pytest.approx(due, rel=1e-12)


def test_one_expression_serves_every_scalar() -> None:
    text = "min(x / read_time, 4e5 / y) * ceil(n2 / 2) ** 0.5"
    expression = parse(text, NAMES)
    plain = expression.compute(NAMES.__getitem__)
    assert plain == min(3.0 / 2e-5, 4e5 / 0.5) * 2.0
    tape = Tape()
    recorded = expression.compute(tape.input)
    compiled = compile_python(Program.of(tape, {"o": recorded}))
    assert compiled(*(NAMES[n] for n in compiled.inputs)) == pytest.approx((plain,), rel=1e-15)
    import sympy

    symbols = {n: sympy.Symbol(n, positive=True) for n in NAMES}
    found = expression.compute(symbols.__getitem__)
    assert {str(s) for s in found.free_symbols} == set(NAMES)
    assert float(found.xreplace({s: sympy.Float(NAMES[n]) for n, s in symbols.items()})) == pytest.approx(plain)


def test_dimensions_are_those_of_the_names() -> None:
    of = {"page": "B", "read_time": "s", "planes": "1"}
    values = {n: Dimensioned(unit_dimension(u), n) for n, u in of.items()}

    def dimension(text: str) -> Any:
        return parse(text, of).compute(values.__getitem__).dimension

    assert dimension("planes * page / read_time") == unit_dimension("B/s")
    assert dimension("sqrt(page * page)") == unit_dimension("B")
    assert dimension("max(page, 0)") == unit_dimension("B")
    with pytest.raises(DimensionError, match=r"page.*read_time"):
        dimension("page + read_time")
    with pytest.raises(DimensionError):
        dimension("page + 4096")
    with pytest.raises(DimensionError):
        dimension("log2(page)")
    with pytest.raises(DimensionError):
        dimension("planes ** page")


def test_an_expression_is_a_value() -> None:
    assert parse("x * y", NAMES) == parse("x * y", NAMES)
    assert hash(parse("x * y", NAMES)) == hash(parse("x * y", NAMES))
    assert isinstance(parse("x", NAMES), Expression)


# --- what is refused: (string, character at which it is, words of the sentence)

HOSTILE: list[tuple[str, int, str]] = [
    # reaching into the interpreter
    ("__import__('os').system('true')", 1, "'_' is not allowed"),
    ("x.__class__", 2, "'.' is not allowed; names have no attributes"),
    ("x.__class__.__mro__[1].__subclasses__()", 2, "no attributes"),
    ("().__class__", 3, "no attributes"),
    ("(1).real", 4, "no attributes"),
    ("1 .real", 3, "no attributes"),
    ("1.real", 3, "out of place"),
    ("x.y", 2, "no attributes"),
    ("x . y", 3, "no attributes"),
    ("__builtins__", 1, "'_' is not allowed"),
    ("_", 1, "'_' is not allowed"),
    ("x__class__", 1, "unknown name 'x__class__'"),
    ("import os", 1, "unknown name 'import'"),
    ("from os import system", 1, "unknown name 'from'"),
    ("eval(x)", 1, "'eval' is no function"),
    ("exec('x')", 6, "holds no text"),
    ("open('/etc/passwd').read()", 6, "holds no text"),
    ("getattr(x, y)", 1, "'getattr' is no function"),
    ("compile(x, y)", 1, "'compile' is no function"),
    ("breakpoint()", 1, "'breakpoint' is no function"),
    ("globals()", 1, "'globals' is no function"),
    ("print(x)", 1, "'print' is no function"),
    ("os.system(x)", 3, "no attributes"),
    ("Symbol(x)", 1, "'Symbol' is no function"),
    ("Integer(1)", 1, "'Integer' is no function"),
    ("N(x, 1000000)", 1, "'N' is no function"),
    ("factorial(x)", 1, "'factorial' is no function"),
    ("x!", 2, "'!' is not allowed"),
    # calls that are none
    ("x(3)", 1, "'x' is no function"),
    ("(x)(3)", 4, "'(' is out of place"),
    ("3(x)", 2, "'(' is out of place"),
    ("min", 1, "'min' is a function"),
    ("min * 2", 1, "'min' is a function"),
    ("min()", 5, "')' stands where a number"),
    ("min(x)", 1, "min takes two arguments or more, 1 is given"),
    ("sqrt(x, y)", 1, "sqrt takes one argument, 2 are given"),
    ("max(x, y", 9, "the expression ends where ')' is due for 'max(' at character 1"),
    ("max(x,)", 7, "')' stands where a number"),
    ("max(*x)", 5, "'*' stands where a number"),
    ("max(x, key=y)", 11, "neither assigns nor compares"),
    ("Max(x, y)", 1, "'Max' is no function; did you mean 'max'?"),
    ("abs(x)", 1, "'abs' is no function"),
    # Python that is no arithmetic
    ("lambda: 0", 7, "':' is not allowed"),
    ("lambda x: x", 9, "':' is not allowed"),
    ("[x for x in y]", 1, "names have no elements"),
    ("{x: y}", 1, "'{' is not allowed"),
    ("x[0]", 2, "names have no elements"),
    ("x := 3", 3, "':' is not allowed"),
    ("(x := 3)", 4, "':' is not allowed"),
    ("x = 3", 3, "neither assigns nor compares"),
    ("x == y", 3, "neither assigns nor compares"),
    ("x < y", 3, "use min and max"),
    ("x >= y", 3, "use min and max"),
    ("x if y else 1", 3, "'if' is out of place"),
    ("not x", 1, "unknown name 'not'"),
    ("x and y", 3, "'and' is out of place"),
    ("x or y", 3, "'or' is out of place"),
    ("x is y", 3, "'is' is out of place"),
    ("x in y", 3, "'in' is out of place"),
    ("None", 1, "unknown name 'None'"),
    ("True", 1, "unknown name 'True'"),
    ("await x", 1, "unknown name 'await'"),
    ("yield", 1, "unknown name 'yield'"),
    ("x; y", 2, "';' is not allowed"),
    ("x\\\ny", 2, "is not allowed"),
    ("@x", 1, "'@' is not allowed"),
    ("x @ y", 3, "'@' is not allowed"),
    ("x, y", 2, "',' is out of place"),
    ("*x", 1, "'*' stands where a number"),
    ("x // y", 4, "'/' stands where a number"),
    ("x % y", 3, "a share is a number such as 0.1"),
    ("x ^ 2", 3, "a power is written **"),
    ("~x", 1, "'~' is not allowed"),
    ("x << 2", 3, "use min and max"),
    ("x & y", 3, "'&' is not allowed"),
    ("x | y", 3, "'|' is not allowed"),
    ("+x", 1, "'+' stands where a number"),
    ("...", 1, "no attributes"),
    # texts and comments
    ("'x'", 1, "holds no text"),
    ('"x"', 1, "holds no text"),
    ('f"{x}"', 2, "holds no text"),
    ("b'x'", 2, "holds no text"),
    ("'''x'''", 1, "holds no text"),
    ("`x`", 1, "'`' is not allowed"),
    ("x # y", 3, "comments belong into the file"),
    ("${x}", 1, "'$' is not allowed"),
    ("{{x}}", 1, "'{' is not allowed"),
    ("%(x)s", 1, "'%' is not allowed"),
    # characters that look like others
    ("\uff11 + x", 1, "'\\uff11' is not allowed; expressions are written in ASCII"),
    ("x \u00d7 y", 3, "written in ASCII"),
    ("x \u2212 y", 3, "written in ASCII"),
    ("\u0445", 1, "written in ASCII"),
    ("\uff58", 1, "written in ASCII"),
    ("x\u200b", 2, "written in ASCII"),
    ("x\u00a0* y", 2, "written in ASCII"),
    ("\u202ex", 1, "written in ASCII"),
    ("\u0661", 1, "written in ASCII"),
    ("x\u00b2", 2, "written in ASCII"),
    ("\U0001d431", 1, "written in ASCII"),
    ("\ud800", 1, "written in ASCII"),
    ("x\x00", 2, "'\\x00' is not allowed"),
    ("\x00", 1, "'\\x00' is not allowed"),
    ("x\x1b[31m", 2, "'\\x1b' is not allowed"),
    ("x\x0c* y", 2, "'\\x0c' is not allowed"),
    # numbers
    ("9**9**9", 2, f"an exponent is at most {LARGEST_EXPONENT} in size"),
    ("9**9**9**9", 5, "an exponent is at most"),
    ("(9**64)**64", 8, "is larger than 1e+300"),
    ("2**-65", 2, "an exponent is at most"),
    ("x**1e300", 2, "an exponent is at most"),
    ("1e999", 1, "'1e999' is larger than 1e+300"),
    ("1e301", 1, "is larger than"),
    ("1e300 * 1e300", 7, "is larger than"),
    ("1" + "0" * 350, 1, "is larger than"),
    ("exp(1000)", 1, "the value of 'exp' is larger than 1e+300"),
    ("exp(exp(exp(9)))", 5, "the value of 'exp' is larger than 1e+300"),
    ("1e", 2, "'e' is out of place"),
    ("1e+", 2, "'e' is out of place"),
    ("1_000", 2, "'_' is not allowed"),
    ("0x10", 2, "'x10' is out of place"),
    ("0b1", 2, "'b1' is out of place"),
    ("1j", 2, "'j' is out of place"),
    ("1.2.3", 4, "'.3' is out of place"),
    ("inf", 1, "unknown name 'inf'"),
    ("nan", 1, "unknown name 'nan'"),
    ("x / 0", 3, "division by zero"),
    ("x / 0.0", 3, "division by zero"),
    ("x / (2 - 2)", 3, "division by zero"),
    ("x / -0", 3, "division by zero"),
    ("0 ** -1", 3, "'**' has no value"),
    ("sqrt(-1)", 1, "'sqrt' has no value"),
    ("(-8) ** 0.5", 6, "'**' has no value"),
    ("log2(0)", 1, "'log2' has no value"),
    # units, names, ends
    ("20 us", 4, "a number with a unit must be a parameter"),
    ("x + 4 KiB", 7, "a number with a unit must be a parameter"),
    ("8Gb / x", 2, "a number with a unit must be a parameter"),
    ("reed_time", 1, "unknown name 'reed_time'; did you mean 'read_time'?"),
    ("hbm.read_time", 4, "no attributes"),
    ("X", 1, "unknown name 'X'"),
    ("", 1, "the expression ends where a number"),
    ("   ", 4, "the expression ends where a number"),
    ("x +", 4, "the expression ends where a number"),
    ("x y", 3, "'y' is out of place here; an operator or the end is due"),
    ("(x", 3, "the expression ends where ')' is due for '(' at character 1"),
    ("x)", 2, "')' is out of place"),
    (")x(", 1, "')' stands where a number"),
    ("(x, y)", 3, "',' stands where ')' is due"),
    # size
    ("(" * 300 + "x" + ")" * 50, DEEPEST + 1, "nested more than"),
    ("-" * 100 + "x", DEEPEST + 1, "nested more than"),
    ("min(1," * 60 + "x", 6 * DEEPEST - 1, "nested more than"),
    ("x**" * 60 + "x", 3 * DEEPEST + 1, "nested more than"),
    ("x+" * 150 + "x", 0, f"more than {MOST} numbers, names and operations"),
    ("x" * 401, LONGEST + 1, "longer than 400 characters"),
    ("x+" * 10**6, LONGEST + 1, "longer than 400 characters"),
    ("(" * 10**6, LONGEST + 1, "longer than 400 characters"),
    ("9" * 10**6, LONGEST + 1, "longer than 400 characters"),
    ("\u4e00" * 10**6, LONGEST + 1, "longer than 400 characters"),
]


def sane(text: str) -> str:
    return ascii(text[:40]).strip("'\"").replace(" ", "_")


@pytest.mark.parametrize(
    ("text", "at", "words"), HOSTILE, ids=[f"{i}-{sane(t)}" for i, (t, _, _) in enumerate(HOSTILE)]
)
def test_a_hostile_string_is_refused_with_one_sentence(text: str, at: int, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text, NAMES)
    [sentence] = caught.value.faults
    assert words in sentence
    assert sentence.startswith(f"character {at}: " if at else "character ")
    assert sentence.isprintable()
    assert sentence.isascii()
    assert len(sentence) <= 200


def test_the_corpus_is_large_and_without_repetition() -> None:
    texts = [t for t, _, _ in HOSTILE]
    assert len(set(texts)) == len(texts) >= 60


def test_names_of_functions_are_never_values() -> None:
    for name in FUNCTIONS:
        with pytest.raises(SpecError, match="is a function"):
            parse(name, {name: 1.0})


def test_the_limits_are_those_stated() -> None:
    assert parse("(" * (DEEPEST - 1) + "x" + ")" * (DEEPEST - 1), NAMES).compute(NAMES.__getitem__) == 3.0
    assert parse("x" + " " * (LONGEST - 1), NAMES).names == ("x",)
    assert parse("+".join("x" * ((MOST + 1) // 2)), NAMES).compute(NAMES.__getitem__) == 3.0 * ((MOST + 1) // 2)
    assert parse(f"x ** {LARGEST_EXPONENT}", NAMES).compute({"x": 1.0}.__getitem__) == 1.0
    assert parse("x ** -64", NAMES).compute({"x": 2.0}.__getitem__) == 2.0**-64


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text, NAMES)
    except SpecError as error:
        assert len(error.faults) == 1
        return
    assert set(found.names) <= set(NAMES)


@given(st.text(alphabet="xy019.+-*/()eE, minax\n", max_size=60))
def test_any_text_of_the_grammars_characters_is_read_or_refused(text: str) -> None:
    try:
        found = parse(text, NAMES)
    except SpecError as error:
        assert len(error.faults) == 1
        return
    try:
        found.compute({n: Fraction(3) for n in NAMES}.__getitem__)
    except (ArithmeticError, ValueError):
        return
