"""Programs as functions of numbers: straight-line Python for one point, a plan of ufunc calls for arrays.

Printed code holds operation names and numbers only, never a label or a name from a spec, and runs without builtins.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import attrs

from symarch.errors import SymarchError
from symarch.program.functions import ceil_value, floor_value, overlap_value, power_value
from symarch.program.mean import mean_max_value, mean_max_weights
from symarch.program.tape import ALIASES, Program, to_float


def _number(value: Any) -> str:
    number = to_float(value)
    return f"({number!r})" if number < 0 else repr(number)


class _PythonSource:
    """Prints a program as one Python function body; values used once are written in place."""

    DEPTH = 8  # deeper nesting gains nothing and CPython's parser has limits
    WIDTH = 50  # terms in one sum: CPython nests a + b + c ... and refuses some thousand

    def __init__(self, program: Program) -> None:
        self.program = program
        self.live = program.live(program.outputs.values())
        self.uses = Counter(a for i in self.live for a in program.operations[i][1])
        self.uses.update(program.outputs.values())
        self.text: dict[int, str] = {}
        self.depth: dict[int, int] = {}
        self.lines: list[str] = []

    def _atom(self, index: int) -> str:
        text = self.text[index]
        if self.depth[index]:
            self.lines.append(f"x{index} = {text}")
            self.text[index], self.depth[index] = f"x{index}", 0
        return self.text[index]

    def _expression(self, index: int) -> tuple[str, int]:
        operation, arguments, attribute = self.program.operations[index]
        nested = 1 + max((self.depth[a] for a in arguments), default=0)
        if operation in ("add", "mul"):
            sign = " + " if operation == "add" else " * "
            terms = [self.text[a] for a in arguments]
            while len(terms) > self.WIDTH:
                self.lines.append(f"x{index} = {sign.join(terms[: self.WIDTH])}")
                terms[: self.WIDTH] = [f"x{index}"]
            return "(" + sign.join(terms) + ")", nested
        if operation == "pow":
            return self._power(arguments, nested)
        if operation in ("max", "min") and len(arguments) == 2:
            a, b = (self._atom(i) for i in arguments)
            return f"({a} if {a} {'>=' if operation == 'max' else '<='} {b} else {b})", 1
        if operation in ("first_max", "first_min"):
            return self._first([self._atom(a) for a in arguments], operation, attribute), 1
        if operation == "overlap":
            if attribute == 2 and len(arguments) <= self.WIDTH:
                return "sqrt(" + " + ".join(f"{a}*{a}" for a in map(self._atom, arguments)) + ")", 1
            return f"overlap({_number(attribute)}, ({', '.join(self.text[a] for a in arguments)},))", nested
        if operation == "item":
            return f"{self._atom(arguments[0])}[{int(attribute)}]", 1
        return f"{operation}({', '.join(self.text[a] for a in arguments)})", nested

    def _power(self, arguments: Sequence[int], nested: int) -> tuple[str, int]:
        base, exponent = arguments
        operation, _, power = self.program.operations[exponent]
        if operation == "const":
            if power == -1:
                return f"(1.0/{self.text[base]})", nested
            if power == 2:
                atom = self._atom(base)
                return f"({atom}*{atom})", 1
            if power == Fraction(1, 2):
                return f"sqrt({self.text[base]})", nested
            if power % 1 == 0:
                return f"({self.text[base]}**{self.text[exponent]})", nested
        return f"power({self.text[base]}, {self.text[exponent]})", nested

    @staticmethod
    def _first(atoms: list[str], operation: str, k: int) -> str:
        strict, weak = (">", ">=") if operation == "first_max" else ("<", "<=")
        tests = [f"{atoms[k]} {strict if i < k else weak} {a}" for i, a in enumerate(atoms) if i != k]
        return f"(1.0 if {' and '.join(tests)} else 0.0)"

    def body(self, inputs: Mapping[str, str]) -> tuple[list[str], list[str]]:
        """Return the lines and the text of each output; `inputs` maps input names to identifiers."""
        for index in self.live:
            operation, arguments, attribute = self.program.operations[index]
            if operation == "const":
                self.text[index], self.depth[index] = _number(attribute), 0
            elif operation == "input":
                self.text[index], self.depth[index] = inputs[attribute], 0
            elif operation in ALIASES:
                # an alias is its argument; it may be read more often than its argument was counted
                self.text[index], self.depth[index] = self._atom(arguments[0]), 0
            else:
                self.text[index], self.depth[index] = self._expression(index)
                if self.uses[index] > 1 or self.depth[index] > self.DEPTH:
                    self._atom(index)
        return self.lines, [self.text[i] for i in self.program.outputs.values()]


@attrs.frozen
class Compiled:
    """A compiled program: call it with one number for each name in `inputs`, get one for each name in `outputs`."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    source: str
    function: Callable[..., tuple[float, ...]]

    def __call__(self, *values: float) -> tuple[float, ...]:
        """Evaluate at one point."""
        return self.function(*values)


def compile_python(program: Program, inputs: Sequence[str] | None = None) -> Compiled:
    """Compile for single points: a straight-line Python function of `inputs` (default: all of the program's)."""
    order = tuple(program.inputs if inputs is None else inputs)
    missing = [n for n in program.inputs if n not in order]
    if missing:
        raise SymarchError(f"no value is given for {', '.join(missing)}")
    lines, results = _PythonSource(program).body({name: f"a{i}" for i, name in enumerate(order)})
    head = f"def f({', '.join(f'a{i}' for i in range(len(order)))}):"
    source = "\n ".join([head, *lines, f"return ({', '.join(results)},)"])
    namespace: dict[str, Any] = {
        "__builtins__": {},
        "ceil": ceil_value,
        "exp": math.exp,
        "floor": floor_value,
        "inf": math.inf,
        "log": math.log,
        "log2": math.log2,
        "max": max,
        "mean_max": mean_max_value,
        "mean_max_weights": mean_max_weights,
        "min": min,
        "nan": math.nan,
        "overlap": overlap_value,
        "power": power_value,
        "sqrt": math.sqrt,
    }
    exec(compile(source, "<symarch program>", "exec"), namespace)
    return Compiled(order, tuple(program.outputs), source, namespace["f"])
