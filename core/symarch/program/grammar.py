"""The grammar of expressions in specs: `stacks * planes * page / read_time`.

    expression = term, { ("+" | "-"), term }
    term       = factor, { ("*" | "/"), factor }
    factor     = "-", factor | power
    power      = atom, [ "**", factor ]
    atom       = number | name | function, "(", expression, { ",", expression }, ")" | "(", expression, ")"
    function   = "min" | "max" | "ceil" | "floor" | "sqrt" | "log2" | "exp"

The text is cut into tokens and parsed here, by precedence; no part of it reaches the interpreter or a computer algebra
system. What only numbers decide is computed while parsing, within bounds, so that no literal is divided by zero and no
power of literals grows without end.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from symarch.errors import SpecError, nearest
from symarch.program.expressions import FUNCTIONS, OPERATIONS, Expression, Step

LONGEST = 400
"""Characters of the longest expression."""

DEEPEST = 24
"""Parentheses, signs, powers and function calls within each other."""

MOST = 150
"""Numbers, names and operations of one expression."""

LARGEST_EXPONENT = 64
"""Size of the largest exponent that is a number."""

LARGEST = 1e300
"""Size of the largest number, written or computed from written ones."""

_TOKEN = re.compile(
    r"[ \t\r\n]*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<name>[A-Za-z][A-Za-z0-9_]*)"
    r"|(?P<sign>\*\*|[-+*/(),]))"
)
_BLANK = " \t\r\n"
_SIGN_BINDS = 3
_BINDS = {"+": 1, "-": 1, "*": 2, "/": 2, "**": 4}
_RIGHT = {"+": 1, "-": 1, "*": 2, "/": 2, "**": _SIGN_BINDS}  # a power's exponent may be a power, or carry a sign
_END = ""
_HINTS = {
    "^": "; a power is written **",
    "%": "; a share is a number such as 0.1",
    "=": "; an expression neither assigns nor compares",
    "<": "; comparisons are not allowed, use min and max",
    ">": "; comparisons are not allowed, use min and max",
    ".": "; names have no attributes",
    "[": "; names have no elements",
    "_": "; a name begins with a letter",
    "#": "; comments belong into the file, outside the text",
    '"': "; an expression holds no text",
    "'": "; an expression holds no text",
}


def parse(text: str, names: Iterable[str]) -> Expression:
    """Parse an expression over some declared names. Raises SpecError: one sentence with the position."""
    return _Parser(text, frozenset(names)).parse()


class _Parser:
    """Parses one text; `steps` grows in postfix order."""

    def __init__(self, text: str, names: frozenset[str]) -> None:
        self.text = text
        self.known = names
        self.steps: list[Step] = []
        self.numbers: list[Any] = []  # of each value on the stack, if it is a number, else None
        self.used: dict[str, None] = {}
        self.depth = 0
        self.count = 0

    def parse(self) -> Expression:
        text = self.text
        if len(text) > LONGEST:
            raise SpecError([f"character {LONGEST + 1}: longer than {LONGEST} characters; split it into several"])
        if not text.isascii():
            at = next(i for i, c in enumerate(text) if not c.isascii())
            raise self._fault(at, f"{text[at]!a} is not allowed; expressions are written in ASCII")
        self.tokens = self._tokens()
        self.next = 0
        self._expression(0)
        kind, token, at = self.tokens[self.next]
        if kind != _END:
            raise self._fault(at, f"{_shown(token)} is out of place here; an operator or the end is due{self._unit()}")
        return Expression(text, tuple(self.steps), tuple(self.used))

    def _tokens(self) -> list[tuple[str, str, int]]:
        text, found, at = self.text, [], 0
        match = _TOKEN.match
        while token := match(text, at):
            kind = str(token.lastgroup)
            found.append((kind, token[kind], token.start(kind)))
            at = token.end()
        while at < len(text) and text[at] in _BLANK:
            at += 1
        if at < len(text):
            raise self._fault(at, f"{_shown(text[at])} is not allowed{_HINTS.get(text[at], '')}")
        found.append((_END, "", at))
        return found

    @staticmethod
    def _fault(at: int, sentence: str) -> SpecError:
        return SpecError([f"character {at + 1}: {sentence}"])

    def _unit(self) -> str:
        """Return a hint where a unit seems to follow a number."""
        unit = self.next > 0 and self.tokens[self.next][0] == "name" and self.tokens[self.next - 1][0] == "number"
        return " (a number with a unit must be a parameter)" if unit else ""

    def _expression(self, binding: int) -> None:
        """Parse what binds tighter than `binding`."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._fault(self.tokens[self.next][2], f"nested more than {DEEPEST} deep; split it into several")
        self._first()
        while True:
            kind, token, at = self.tokens[self.next]
            if kind != "sign" or _BINDS.get(token, 0) <= binding:
                break
            self.next += 1
            self._expression(_RIGHT[token])
            self._apply(token, 2, at)
        self.depth -= 1

    def _first(self) -> None:
        kind, token, at = self.tokens[self.next]
        self.next += 1
        if kind == "number":
            self._number(token, at)
        elif kind == "name":
            self._name(token, at)
        elif token == "-":
            self._expression(_SIGN_BINDS)
            self._apply("negative", 1, at)
        elif token == "(":
            self._expression(0)
            self._close("(", at)
        elif kind == _END:
            raise self._fault(at, "the expression ends where a number, a name or '(' is due")
        else:
            raise self._fault(at, f"'{token}' stands where a number, a name or '(' is due")

    def _close(self, opened: str, at: int) -> None:
        kind, token, found = self.tokens[self.next]
        if token != ")":
            what = "the expression ends" if kind == _END else f"{_shown(token)} stands"
            raise self._fault(found, f"{what} where ')' is due for '{opened}' at character {at + 1}{self._unit()}")
        self.next += 1

    def _number(self, token: str, at: int) -> None:
        whole = token.isdigit()
        value = float(token)
        if not value <= LARGEST:
            raise self._fault(at, f"{_shown(token)} is larger than {LARGEST:g}")
        self._push(("number", int(token) if whole else value), int(token) if whole else value, at)

    def _name(self, token: str, at: int) -> None:
        called = self.tokens[self.next][1] == "("
        if token in FUNCTIONS:
            if not called:
                raise self._fault(at, f"'{token}' is a function; it is written {token}(...)")
            self._call(token, at)
            return
        if called:
            raise self._fault(at, f"{_shown(token)} is no function; {nearest(token[:40], FUNCTIONS)}")
        if token not in self.known:
            raise self._fault(at, f"unknown name {_shown(token)}; {nearest(token[:40], self.known)}")
        self.used[token] = None
        self._push(("name", token), None, at)

    def _call(self, function: str, at: int) -> None:
        self.next += 1
        count = 0
        while True:
            self._expression(0)
            count += 1
            if self.tokens[self.next][1] != ",":
                break
            self.next += 1
        self._close(f"{function}(", at)
        several = function in ("min", "max")
        if several != (count > 1):
            due = "two arguments or more" if several else "one argument"
            raise self._fault(at, f"{function} takes {due}, {count} {'is' if count == 1 else 'are'} given")
        self._apply(function, count, at)

    def _push(self, step: Step, number: Any, at: int) -> None:
        self.count += 1
        if self.count > MOST:
            raise self._fault(at, f"more than {MOST} numbers, names and operations; split it into several")
        self.steps.append(step)
        self.numbers.append(number)

    def _apply(self, operation: str, count: int, at: int) -> None:
        arguments = self.numbers[-count:]
        del self.numbers[-count:]
        last = arguments[-1]
        if last is not None:
            if operation == "/" and last == 0:
                raise self._fault(at, "division by zero")
            if operation == "**" and not abs(last) <= LARGEST_EXPONENT:
                raise self._fault(at, f"an exponent is at most {LARGEST_EXPONENT} in size")
        if None in arguments:
            self._push((operation, count), None, at)
            return
        try:
            value = OPERATIONS[operation](*arguments)
        except OverflowError:
            value = math.inf
        except (ArithmeticError, ValueError):
            raise self._fault(at, f"'{_word(operation)}' has no value for these numbers") from None
        if not abs(value) <= LARGEST or not math.isfinite(value):
            raise self._fault(at, f"the value of '{_word(operation)}' is larger than {LARGEST:g}")
        del self.steps[-count:]  # a number is one step
        self._push(("number", value), value, at)


def _word(operation: str) -> str:
    return "-" if operation == "negative" else operation


def _shown(token: str) -> str:
    return ascii(token if len(token) <= 40 else token[:37] + "...")
