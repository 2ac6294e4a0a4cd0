"""Exact derivatives: reverse mode as a program of its own, and one-sided values at kinks.

The gradient of a program is recorded on the same tape, so every printer that prints programs prints derivatives too.
At a tie of `max` or `min` reverse mode follows the first of the tied arguments; `one_sided` gives the two true values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import attrs

from symarch.program.functions import FLOAT, overlap_value
from symarch.program.mean import mean_max_tangent
from symarch.program.tape import ALIASES, Node, Program, Tape

TIE = 1e-12
"""Distance, relative to what they were added up from, below which two arguments of a maximum count as equal.

A few hundred rounding errors. What is left of a difference, as a latency less what an overhead covers of it, is known
no better than the two that it is the difference of.
"""


def gradient(program: Program, output: str, targets: Sequence[int], *, outermost: bool = False) -> Program:
    """Return a program with the outputs `value` and `d0`, `d1` ...: the output and its derivative by each target.

    Targets are indices of operations (inputs, names, marks), so a definition's derivative is as easily had as a
    parameter's. With `outermost`, a target that works through another target is held fixed there.
    """
    tape, place = program.bare([program.outputs[output]], keep=set(targets))
    root = place[program.outputs[output]]
    live = Program(tuple(tape.operations), {}).live([root])
    wanted = {place[t] for t in targets if t in place}
    upstream: set[int] = set()
    for index in live:
        if index in wanted or any(a in upstream for a in tape.operations[index][1]):
            upstream.add(index)
    bars: dict[int, list[Node | int]] = {root: [1]}
    sums: dict[int, Node | int] = {}
    for index in reversed(live):
        if index not in upstream or index not in bars:
            continue
        bar = _sum(tape, bars[index])
        sums[index] = bar
        if outermost and index in wanted:
            continue
        for argument, factor in _local(tape, index):
            if argument in upstream:
                term = bar if factor is None else tape.record("mul", (bar, factor))
                bars.setdefault(argument, []).append(term)
    outputs: dict[str, Node | int] = {"value": Node(tape, root)}
    outputs |= {f"d{i}": sums.get(place.get(t, -1), 0) for i, t in enumerate(targets)}
    return Program.of(tape, outputs).pruned()


def _sum(tape: Tape, terms: list[Node | int]) -> Node | int:
    return terms[0] if len(terms) == 1 else tape.record("add", terms)


def _local(tape: Tape, index: int) -> Iterable[tuple[int, Node | None]]:
    """Yield (argument, local derivative); None stands for 1."""
    operation, arguments, attribute = tape.operations[index]
    own = Node(tape, index)
    if operation in ALIASES or operation == "add":
        for argument in arguments:
            yield argument, None
    elif operation == "mul":
        for position, argument in enumerate(arguments):
            others = [Node(tape, a) for i, a in enumerate(arguments) if i != position]
            yield argument, tape.record("mul", others)
    elif operation == "pow":
        base, exponent = (Node(tape, a) for a in arguments)
        reciprocal = tape.operations[exponent.index] == ("const", (), -1)
        yield base.index, -(own * own) if reciprocal else exponent * tape.record("pow", (base, exponent - 1))
        if tape.operations[exponent.index][0] != "const":
            yield exponent.index, own * tape.record("log", (base,))
    elif operation in ("max", "min"):
        for position, argument in enumerate(arguments):
            yield argument, tape.record(f"first_{operation}", [Node(tape, a) for a in arguments], position)
    elif operation == "overlap":
        for argument in arguments:
            # dm/dt = (t/m)**(p-1)
            yield argument, tape.record("pow", (Node(tape, argument) / own, attribute - 1))
    elif operation == "mean_max":
        weights = tape.record("mean_max_weights", [Node(tape, a) for a in arguments])
        for position, argument in enumerate(arguments[1:]):
            yield argument, tape.record("item", (weights,), position)
    elif operation == "exp":
        yield arguments[0], own
    elif operation == "log":
        yield arguments[0], Node(tape, arguments[0]) ** -1
    elif operation == "log2":
        yield arguments[0], Node(tape, arguments[0]) ** -1 * (1 / math.log(2))
    # ceil and floor: derivative 0


def evaluate(program: Program, inputs: Mapping[str, float]) -> list[float]:
    """Interpret a program on floats and return the value of every operation."""
    values: list[float] = []
    for operation, arguments, attribute in program.operations:
        if operation == "const":
            values.append(attribute)
        elif operation == "input":
            values.append(inputs[attribute])
        else:
            values.append(FLOAT[operation](tuple([values[a] for a in arguments]), attribute))
    return values


@attrs.frozen
class OneSided:
    """The derivative from the left and from the right."""

    left: float
    right: float


def one_sided(
    program: Program, output: str, inputs: Mapping[str, float], *, named: bool = False
) -> dict[str, OneSided]:
    """Return the one-sided derivatives by every input that a tie makes ambiguous; with `named`, by definitions too.

    What has no tie in its way is left out: there reverse mode is exact. Ties are found within `TIE`.
    """
    small = program.select({output: program.outputs[output]})
    values = evaluate(small, inputs)
    sources = {i: o[2] for i, o in enumerate(small.operations) if o[0] == "input"}
    sources |= {i: n for n, i in small.names.items()} if named else {}
    reach: list[int] = []  # what each operation depends on: a bit for each source
    suspects = 0
    sizes = _sizes(small, values)
    for index, (operation, arguments, _) in enumerate(small.operations):
        found = 1 << index if index in sources else 0
        for argument in arguments:
            found |= reach[argument]
        reach.append(found)
        if operation in ("max", "min", "mean_max") and _undecided(operation, arguments, values, sizes):
            suspects |= found
    sides: dict[str, OneSided] = {}
    for index, label in sources.items():
        if not suspects >> index & 1:
            continue
        right = _directional(small, values, sizes, index, 1.0)
        left = 0.0 - _directional(small, values, sizes, index, -1.0)
        if not math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-300):
            sides[label] = OneSided(left, right)
    return sides


def _sizes(program: Program, values: Sequence[float]) -> list[float]:
    """Return how large the numbers are that each value was added up from: of a small difference, those of its sides."""
    sizes: list[float] = []
    for (operation, arguments, _), value in zip(program.operations, values, strict=True):
        if operation == "add":
            sizes.append(sum([sizes[a] for a in arguments]))
        elif operation == "mul" or operation in ALIASES:
            sizes.append(math.prod([sizes[a] for a in arguments]))
        else:
            sizes.append(abs(value))
    return sizes


def _undecided(operation: str, arguments: Sequence[int], values: Sequence[float], sizes: Sequence[float]) -> bool:
    """Return whether no argument of a maximum or minimum, or no line of a mean, alone decides it."""
    at = [values[a] for a in arguments]
    if operation != "mean_max":
        return len(_tied(operation, at, [sizes[a] for a in arguments])) > 1
    first, last = _tied("max", at[1::2]), _tied("max", at[2::2])
    return len(first) > 1 or first != last


def _tied(operation: str, values: Sequence[float], sizes: Sequence[float] | None = None) -> list[int]:
    """Return the positions of the largest or smallest values, as equal as rounding lets them be."""
    best = max(values) if operation == "max" else min(values)
    if sizes is None:
        return [i for i, v in enumerate(values) if v == best or abs(v - best) <= TIE * abs(best)]
    near = sizes[values.index(best)]
    return [i for i, v in enumerate(values) if v == best or abs(v - best) <= TIE * max(near, sizes[i])]


def _directional(
    program: Program, values: Sequence[float], sizes: Sequence[float], source: int, direction: float
) -> float:
    """Push a direction of one input through the program; at a tie the steepest (or flattest) tangent is true."""
    tangents = [0.0] * len(values)
    tangents[source] = direction
    for index, (operation, arguments, attribute) in enumerate(program.operations):
        incoming = [tangents[a] for a in arguments]
        if not any(incoming):
            continue
        at = [values[a] for a in arguments]
        if operation in ALIASES or operation == "add":
            tangent = sum(incoming)
        elif operation == "mul":
            tangent = sum(t * math.prod(at[:i] + at[i + 1 :]) for i, t in enumerate(incoming) if t)
        elif operation == "pow":
            tangent = incoming[0] * at[1] * at[0] ** (at[1] - 1) if incoming[0] else 0.0
            if incoming[1]:
                tangent += incoming[1] * values[index] * math.log(at[0])
        elif operation in ("max", "min"):
            candidates = [incoming[i] for i in _tied(operation, at, [sizes[a] for a in arguments])]
            tangent = max(candidates) if operation == "max" else min(candidates)
        elif operation == "overlap":
            m = overlap_value(attribute, at)
            tangent = sum(t * (v / m) ** (attribute - 1) for t, v in zip(incoming, at, strict=True) if t)
        elif operation == "mean_max":
            tangent = mean_max_tangent(at[0], tuple(at[1:]), tuple(incoming[1:]), partial(_tied, "max"))
        elif operation == "exp":
            tangent = incoming[0] * values[index]
        elif operation in ("log", "log2"):
            tangent = incoming[0] / at[0] / (math.log(2) if operation == "log2" else 1)
        else:
            tangent = 0.0
        tangents[index] = tangent
    return tangents[program.outputs[next(iter(program.outputs))]]
