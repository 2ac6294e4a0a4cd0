"""Programs as text: one printer for scalar code in Python, C99 and JavaScript.

Printed code holds operation names and numbers only. Inputs and values have numbers for names (`a0`, `x17`): a label or
a name from a spec never reaches it. Every constant is a float of full precision, ties go to the first argument.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

import attrs

from symarch.errors import SymarchError
from symarch.program.tape import ALIASES, Program, to_float


@attrs.frozen
class Language:
    """How a language says what the printer has to say.

    Attributes:
        statement: an assignment; {0} the new name, {1} the expression.
        choice: {0} the condition, {1} and {2} the values.
        conjunction: between two conditions.
        infinity: the literal.
        nan: the literal.
        calls: a call of each function. {0} are the arguments; of `overlap` and the means {0} is the order or the count,
            {1} the values, {2} how many they are, {3} the name that receives several results.
        weights: the statement that computes all weights of a mean; {0} the new name, {1} the call, {2} how many.
    """

    statement: str
    choice: str
    conjunction: str
    infinity: str
    nan: str
    calls: Mapping[str, str]
    weights: str

    def number(self, value: float | Fraction) -> str:
        """Print a constant."""
        number = to_float(value)
        if math.isnan(number):
            return self.nan
        text = repr(abs(number)) if math.isfinite(number) else self.infinity
        return f"(-{text})" if math.copysign(1, number) < 0 else text


MINUS = ("const", (), -1)
_PLAIN = ("ceil", "exp", "floor", "log", "log2", "sqrt")
_LISTS = ("overlap", "mean_max", "mean_max_weights")

PYTHON = Language(
    statement="{0} = {1}",
    choice="({1} if {0} else {2})",
    conjunction=" and ",
    infinity="inf",
    nan="nan",
    calls={n: f"{n}({{0}})" for n in (*_PLAIN, "power")}
    | {n: f"{n}({{0}}, {{1}})" for n in _LISTS}
    | {"overlap": "overlap({0}, ({1},))"},
    weights="{0} = {1}",
)
JAVASCRIPT = Language(
    statement="const {0} = {1};",
    choice="({0} ? {1} : {2})",
    conjunction=" && ",
    infinity="Infinity",
    nan="NaN",
    calls={n: f"Math.{n}({{0}})" for n in _PLAIN}
    | {n: f"{n}({{0}}, {{2}}, [{{1}}])" for n in _LISTS}
    | {"power": "power({0})", "mean_max_weights": "mean_max_weights({0}, {2}, [{1}], {3})"},
    weights="const {0} = []; {1};",
)


def c_language(prefix: str) -> Language:
    """Return C99 with helpers whose names begin with `prefix`, so that several programs fit in one file."""
    arguments = "({0}, {2}, (const double[]){{{1}}}"
    return Language(
        statement="const double {0} = {1};",
        choice="({0} ? {1} : {2})",
        conjunction=" && ",
        infinity="INFINITY",
        nan="NAN",
        calls={n: f"{n}({{0}})" for n in _PLAIN}
        | {n: f"{prefix}_{n}{arguments})" for n in _LISTS}
        | {"power": "pow({0})", "mean_max_weights": f"{prefix}_mean_max_weights{arguments}, {{3}})"},
        weights="double {0}[{2}]; {1};",
    )


class Printer:
    """Prints a program as straight-line code; values used once are written in place.

    Args:
        program: what to print.
        language: in what.
    """

    DEPTH = 8  # deeper nesting gains nothing and CPython's parser has limits
    WIDTH = 50  # terms in one sum: CPython nests a + b + c ... and refuses some thousand

    def __init__(self, program: Program, language: Language) -> None:
        self.program = program
        self.language = language
        self.live = program.live(program.outputs.values())
        self.uses = Counter(a for i in self.live for a in program.operations[i][1])
        self.uses.update(program.outputs.values())
        self.lines: list[str] = []
        self.helpers: set[str] = set()
        self._text: dict[int, str] = {}
        self._depth: dict[int, int] = {}
        self._tests: dict[int, str] = {}  # of first_max and first_min, used once: when they are 1
        self._opposite: dict[tuple[str, int], str] = {}  # ("/", 1/x) and ("-", -x), used once: x

    def _assign(self, name: str, text: str) -> str:
        self.lines.append(self.language.statement.format(name, text))
        return name

    def _atom(self, index: int) -> str:
        """Return a text that may be repeated: a name or a number."""
        if self._depth[index]:
            self._text[index], self._depth[index] = self._assign(f"x{index}", self._text[index]), 0
            self._tests.pop(index, None)
            self._opposite.pop(("/", index), None)
            self._opposite.pop(("-", index), None)
        return self._text[index]

    def _call(self, function: str, *arguments: str) -> str:
        if function not in _PLAIN:
            self.helpers.add(function)
        return self.language.calls[function].format(*arguments)

    def _chain(self, index: int, arguments: Sequence[int], sign: str, inverse: str) -> str:
        """Print a sum or a product: + and -, or * and /."""
        first = next((k for k, a in enumerate(arguments) if (inverse, a) not in self._opposite), 0)
        ordered = [arguments[first], *arguments[:first], *arguments[first + 1 :]]
        text = self._text[ordered[0]]
        for count, argument in enumerate(ordered[1:], 1):
            opposite = self._opposite.get((inverse, argument))
            text += f" {sign} {self._text[argument]}" if opposite is None else f" {inverse} {opposite}"
            if count % self.WIDTH == 0:
                text = self._assign(f"x{index}_{count}", text)
        return f"({text})"

    def _extreme(self, index: int, arguments: Sequence[int], comparison: str) -> str:
        """Print a maximum or minimum, in which the first of equals wins."""
        text, *others = [self._atom(a) for a in arguments]
        for count, other in enumerate(others):
            best = text if count == 0 else self._assign(f"x{index}_{count}", text)
            text = self.language.choice.format(f"{best} {comparison} {other}", best, other)
        return text

    def _first(self, index: int, arguments: Sequence[int], sign: str, k: int) -> str:
        atoms = [self._atom(a) for a in arguments]
        tests = [f"{atoms[k]} {sign}{'' if i < k else '='} {a}" for i, a in enumerate(atoms) if i != k]
        if not tests:
            return "1.0"
        self._tests[index] = self.language.conjunction.join(tests)
        return self.language.choice.format(self._tests[index], "1.0", "0.0")

    def _power(self, index: int, base: int, exponent: int) -> str:
        operation, _, power = self.program.operations[exponent]
        if operation == "const":
            if power == -1:
                if self.uses[index] == 1:
                    self._opposite["/", index] = self._text[base]
                return f"(1.0 / {self._text[base]})"
            if power in (-4, -3, -2, 2, 3, 4):
                product = " * ".join([self._atom(base)] * abs(int(power)))
                return f"({product})" if power > 0 else f"(1.0 / ({product}))"
            if power == Fraction(1, 2):
                return self._call("sqrt", self._text[base])
        return self._call("power", f"{self._text[base]}, {self._text[exponent]}")

    def _overlap(self, arguments: Sequence[int], order: float) -> str:
        if order == 2 and len(arguments) <= self.WIDTH:
            squares = [f"{a} * {a}" for a in map(self._atom, arguments)]
            return self._call("sqrt", " + ".join(squares))
        return self._call("overlap", self.language.number(order), self._listed(arguments), str(len(arguments)))

    def _listed(self, arguments: Sequence[int]) -> str:
        return ", ".join(self._text[a] for a in arguments)

    def _expression(self, index: int) -> str:
        operation, arguments, attribute = self.program.operations[index]
        if operation == "add":
            return self._chain(index, arguments, "+", "-")
        if operation == "mul":
            if len(arguments) == 2 and self.uses[index] == 1 and self.program.operations[arguments[0]] == MINUS:
                self._opposite["-", index] = self._text[arguments[1]]
            tested = next((a for a in arguments if a in self._tests and self.uses[a] == 1), None)
            if tested is None or len(arguments) > self.WIDTH:
                return self._chain(index, arguments, "*", "/")
            others = [a for a in arguments if a != tested]
            product = self._text[others[0]] if len(others) == 1 else self._chain(index, others, "*", "/")
            return self.language.choice.format(self._tests[tested], product, "0.0")
        if operation == "pow":
            return self._power(index, *arguments)
        if operation in ("max", "min"):
            return self._extreme(index, arguments, ">=" if operation == "max" else "<=")
        if operation in ("first_max", "first_min"):
            return self._first(index, arguments, ">" if operation == "first_max" else "<", attribute)
        if operation == "overlap":
            return self._overlap(arguments, attribute)
        if operation == "item":
            return f"x{arguments[0]}[{int(attribute)}]"
        if operation in ("mean_max", "mean_max_weights"):
            count, ends = self._text[arguments[0]], arguments[1:]
            return self._call(operation, count, self._listed(ends), str(len(ends)), f"x{index}")
        return self._call(operation, self._text[arguments[0]])

    def print(self, inputs: Mapping[str, str]) -> list[str]:
        """Fill `lines` and return the text of each output; `inputs` maps input names to identifiers."""
        for index in self.live:
            operation, arguments, attribute = self.program.operations[index]
            if operation == "const":
                self._text[index], self._depth[index] = self.language.number(attribute), 0
            elif operation == "input":
                self._text[index], self._depth[index] = inputs[attribute], 0
            elif operation in ALIASES:
                # an alias is its argument; it may be read more often than its argument was counted
                self._text[index], self._depth[index] = self._atom(arguments[0]), 0
            else:
                text = self._expression(index)
                self._text[index] = text
                self._depth[index] = 1 + max((self._depth[a] for a in arguments), default=0)
                if operation == "mean_max_weights":
                    self.lines.append(self.language.weights.format(f"x{index}", text, len(arguments) - 1))
                    self._text[index], self._depth[index] = f"x{index}", 0
                elif self.uses[index] > 1 or self._depth[index] > self.DEPTH:
                    self._atom(index)
        return [self._text[i] for i in self.program.outputs.values()]


_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
_TAKEN = """
auto break case catch char class const continue debugger default delete do double else enum eval export extends
extern false finally float for function goto if implements import in inline instanceof int interface let long
main new null out package private protected public register restrict return short signed sizeof static struct
super switch this throw true try typedef typeof union unsigned values var void volatile while with yield await
arguments async Math Infinity NaN INFINITY NAN undefined ceil exp floor log log2 pow sqrt fmin fmax isfinite asm
"""
"""Words that a printed function must not be called: reserved in C or JavaScript, or used in the code."""


def _checked(name: str) -> str:
    if not _IDENTIFIER.fullmatch(name) or name in _TAKEN.split():
        raise SymarchError(f"{name!r:.40} cannot be the name of a printed function; use letters, digits and _")
    return name


def order_of(program: Program, inputs: Sequence[str] | None) -> tuple[str, ...]:
    """Return the order of the arguments: `inputs`, or all of the program's. Raises SymarchError if one is missing."""
    order = tuple(program.inputs if inputs is None else inputs)
    missing = [n for n in program.inputs if n not in order]
    if missing:
        raise SymarchError(f"no value is given for {', '.join(missing)}")
    return order


def _straight(
    program: Program, inputs: Sequence[str] | None, language: Language, source: str
) -> tuple[Printer, list[str], list[str]]:
    """Print a program whose inputs are read from the array `source`."""
    order = order_of(program, inputs)
    printer = Printer(program, language)
    results = printer.print({name: f"a{i}" for i, name in enumerate(order)})
    read = {program.operations[i][2] for i in printer.live if program.operations[i][0] == "input"}
    loads = [language.statement.format(f"a{i}", f"{source}[{i}]") for i, name in enumerate(order) if name in read]
    return printer, loads, results


_HELPERS: dict[str, tuple[tuple[str, ...], str]] = {
    "overlap": (
        ("power",),
        """\
static double overlap(double order, int n, const double *t)
{
    double largest = t[0], sum = 0.0;
    for (int i = 1; i < n; i++)
        if (t[i] > largest) largest = t[i];
    if (largest == 0.0 || largest == INFINITY || order == INFINITY) return largest;
    for (int i = 0; i < n; i++) sum += pow(t[i] / largest, order);
    return largest * pow(sum, 1.0 / order);
}
""",
    ),
    "winner": (
        (),
        """\
/* The line with the largest value at a share of the way from its first value to its last. */
static int winner(int n, const double *e, double share)
{
    int k = 0;
    for (int i = 2; i < n; i += 2)
        if (e[i] + (e[i + 1] - e[i]) * share > e[k] + (e[k + 1] - e[k]) * share) k = i;
    return k;
}
""",
    ),
    "dominant": (
        ("winner",),
        """\
/* The line that is the largest everywhere, or -1. Of one point, which is the midpoint, there always is one. */
static int dominant(double count, int n, const double *e)
{
    int k = winner(n, e, 0.0);
    for (int i = 0; i < n; i += 2)
        if (e[i + 1] > e[k + 1]) return count <= 1.0 ? winner(n, e, 0.5) : -1;
    return k;
}
""",
    ),
    "cut": (
        (),
        """\
/* The last of the points after `before` that come before the next crossing of two lines. */
static double cut(double count, int n, const double *e, double before)
{
    double high = count - 1.0;
    for (int k = 2; k < n; k += 2)
        for (int o = 0; o < k; o += 2) {
            double d0 = e[k] - e[o], d1 = e[k + 1] - e[o + 1];
            if ((d0 > 0.0) != (d1 > 0.0) && d0 != d1) {
                double at = (count - 1.0) * d0 / (d0 - d1);
                at = at > 0.0 ? floor(at) : 0.0;
                if (at > before && at < high) high = at;
            }
        }
    return high;
}
""",
    ),
    "mean_max_weights": (
        ("dominant", "cut"),
        """\
/* How much the first and the last value of each line count in the mean of their maximum over `count` points. */
static void mean_max_weights(double count, int n, const double *e, double *w)
{
    int k = dominant(count, n, e);
    for (int i = 0; i < n; i++) w[i] = i == k || (k >= 0 && i == k + 1) ? 0.5 : 0.0;
    for (double before = -1.0, high = 0.0; k < 0 && before < count - 1.0; before = high) {
        high = cut(count, n, e, before);
        double share = (high - before) / count, late = (before + 1.0 + high) / (2.0 * (count - 1.0));
        int best = winner(n, e, late);
        w[best] += share * (1.0 - late);
        w[best + 1] += share * late;
    }
}
""",
    ),
    "mean_max": (
        ("dominant", "cut"),
        """\
static double mean_max(double count, int n, const double *e)
{
    int k = dominant(count, n, e);
    double sum = 0.0;
    if (k >= 0) return (e[k] + e[k + 1]) / 2.0;
    for (double before = -1.0, high = 0.0; before < count - 1.0; before = high) {
        high = cut(count, n, e, before);
        double late = (before + 1.0 + high) / (2.0 * (count - 1.0));
        int best = winner(n, e, late);
        sum += (high - before) * (e[best] + (e[best + 1] - e[best]) * late);
    }
    return sum / count;
}
""",
    ),
    "power": ((), ""),
}
"""Functions that no language has, in the C that JavaScript nearly is, with the helpers each needs."""

_JAVASCRIPT_POWER = """\
function power(base, exponent) {
    // Math.pow(1, Infinity) is NaN, elsewhere it is 1
    return base === 1 || (base === -1 && Math.abs(exponent) === Infinity) ? 1 : Math.pow(base, exponent);
}
"""


def _helpers(needed: set[str]) -> dict[str, str]:
    """Return the helpers needed, each after those it needs itself."""
    found: dict[str, str] = {}

    def add(name: str) -> None:
        if name not in found:
            for other in _HELPERS[name][0]:
                add(other)
            found[name] = _HELPERS[name][1]

    for name in sorted(needed):
        add(name)
    return found


def _c_helpers(needed: set[str], prefix: str) -> str:
    found = _helpers(needed)
    names = re.compile(rf"\b({'|'.join(found) or '-'})\(")
    return "\n".join(names.sub(rf"{prefix}_\1(", text) for text in found.values() if text)


def _javascript_helpers(needed: set[str]) -> str:
    found = _helpers(needed)
    text = "\n".join(found.values())
    for pattern, replacement in (
        (
            r"(?m)^static \w+ (\w+)\((.*)\)$",
            lambda m: f"function {m[1]}({re.sub(r'(const )?(double|int) [*]?', '', m[2])})",
        ),
        (r"\b(double|int) ", "let "),
        (r"\bfloor\(", "Math.floor("),
        (r"\bpow\(", "power("),
        (r"\bINFINITY\b", "Infinity"),
    ):
        text = re.sub(pattern, replacement, text)
    return text + (_JAVASCRIPT_POWER if "power" in found else "")


def to_c(program: Program, name: str = "f", inputs: Sequence[str] | None = None) -> str:
    """Print a program as self-contained C99: `void name(const double *in, double *out)`.

    `in` holds one number for each of `inputs` (default: the program's, in its order), `out` receives one for each
    output. Compile with -O2 -fno-math-errno, never with -ffast-math, which lets the compiler ignore infinities.
    """
    printer, loads, results = _straight(program, inputs, c_language(_checked(name)), "in")
    stores = [f"out[{i}] = {text};" for i, text in enumerate(results)]
    lines = [*(loads or ["(void)in;"]), *printer.lines, *stores]
    body = "".join(f"    {line}\n" for line in lines)
    helpers = _c_helpers(printer.helpers, name)
    return f"#include <math.h>\n\n{helpers}\nvoid {name}(const double *in, double *out)\n{{\n{body}}}\n"


def to_javascript(program: Program, name: str = "f", inputs: Sequence[str] | None = None) -> str:
    """Print a program as a self-contained JavaScript function from an array of numbers to an array of numbers.

    The array given holds one number for each of `inputs` (default: the program's, in its order), the array returned
    one for each output.
    """
    printer, loads, results = _straight(program, inputs, JAVASCRIPT, "values")
    helpers = _javascript_helpers(printer.helpers).splitlines()
    lines = [*helpers, *loads, *printer.lines, f"return [{', '.join(results)}];"]
    body = "".join(f"    {line}\n" if line else "\n" for line in lines)
    return f"function {_checked(name)}(values) {{\n{body}}}\n"
