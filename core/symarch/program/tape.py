"""The recording scalar and the program it leaves behind.

A `Tape` holds single-assignment operations; equal operations are recorded once (hash-consing). A `Node` is the scalar
whose arithmetic records. Integer and rational constants stay exact until code is printed. Nothing here imports sympy.
"""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import attrs

from symarch.errors import SymarchError

Operation = tuple[str, tuple[int, ...], Any]
"""(name, indices of the arguments, attribute); the attribute is a constant, an input's name, an order or a label."""

ALIASES = frozenset({"mark", "name"})
"""Operations that hand their argument on unchanged; they carry labels."""

LEAVES = frozenset({"const", "input"})


def to_float(value: Any) -> float:
    """Return a constant as a float. Raises SymarchError for an integer beyond all floats."""
    try:
        return float(value)
    except OverflowError:
        raise SymarchError("a constant of the model is too large for a number; its sizes cannot be right") from None


def _simple(value: Any) -> int | float | Fraction:
    kind = type(value)
    if kind is float or kind is int:
        return value  # type: ignore[no-any-return]
    if kind is Fraction:
        return value.numerator if value.denominator == 1 else value  # type: ignore[no-any-return]
    if isinstance(value, numbers.Real):  # of numpy, bool
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    raise TypeError(f"{value!r} is no number to compute with")


class Node:
    """A scalar whose arithmetic is written to a tape. It has no value and no truth value."""

    __slots__ = ("index", "tape")

    def __init__(self, tape: Tape, index: int) -> None:
        self.tape = tape
        self.index = index

    def __repr__(self) -> str:
        operation, arguments, attribute = self.tape.operations[self.index]
        return f"<{operation} {attribute or arguments}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and other.index == self.index and other.tape is self.tape

    def __hash__(self) -> int:
        return hash((id(self.tape), self.index))

    def __add__(self, other: Any) -> Node:
        return self.tape.record("add", (self, other))

    def __radd__(self, other: Any) -> Node:
        return self.tape.record("add", (other, self))

    def __sub__(self, other: Any) -> Node:
        return self.tape.record("add", (self, self.tape.record("mul", (-1, other))))

    def __rsub__(self, other: Any) -> Node:
        return self.tape.record("add", (other, -self))

    def __neg__(self) -> Node:
        return self.tape.record("mul", (-1, self))

    def __mul__(self, other: Any) -> Node:
        return self.tape.record("mul", (self, other))

    def __rmul__(self, other: Any) -> Node:
        return self.tape.record("mul", (other, self))

    def __truediv__(self, other: Any) -> Node:
        # a/b is a * b**-1 so that a divisor used often is inverted once
        return self.tape.record("mul", (self, self.tape.record("pow", (other, -1))))

    def __rtruediv__(self, other: Any) -> Node:
        return self.tape.record("mul", (other, self.tape.record("pow", (self, -1))))

    def __pow__(self, other: Any) -> Node:
        return self.tape.record("pow", (self, other))

    def __rpow__(self, other: Any) -> Node:
        return self.tape.record("pow", (other, self))

    def __bool__(self) -> bool:
        raise SymarchError("a symbolic quantity has no truth value; use Min and Max instead of if and comparisons")

    def _compare(self, other: object) -> bool:
        raise SymarchError("a symbolic quantity cannot be compared; use Min and Max instead of if and comparisons")

    __lt__ = __le__ = __gt__ = __ge__ = _compare

    @staticmethod
    def __symarch_apply__(operation: str, arguments: tuple[Any, ...], attribute: Any) -> Any:
        """Record one of symarch's functions (see `symarch.program.functions`)."""
        tape = next(a.tape for a in arguments if isinstance(a, Node))
        if operation == "sqrt":
            return tape.record("pow", (arguments[0], Fraction(1, 2)))
        return tape.record(operation, arguments, attribute)


class Tape:
    """A growing list of operations with one entry for each distinct one."""

    def __init__(self, operations: Iterable[Operation] = ()) -> None:
        self.operations: list[Operation] = list(operations)
        self._known = {self._key(o): i for i, o in enumerate(self.operations)}

    @staticmethod
    def _key(operation: Operation) -> Any:
        # 1 == 1.0 == Fraction(1): the type keeps an exact constant apart from a rounded one
        return operation if operation[0] != "const" else (*operation, type(operation[2]))

    def write(self, operation: Operation) -> Node:
        """Append an operation as it is, unless it is there already, and return its node."""
        key = operation if operation[0] != "const" else self._key(operation)
        index = self._known.get(key)
        if index is None:
            index = self._known[key] = len(self.operations)
            self.operations.append(operation)
        return Node(self, index)

    def constant(self, value: float | Fraction) -> Node:
        """Return the node of a number."""
        return self.write(("const", (), _simple(value)))

    def input(self, name: str) -> Node:
        """Return the node of a named input."""
        return self.write(("input", (), name))

    def _value(self, node: Node) -> Any:
        operation, _, attribute = self.operations[node.index]
        return attribute if operation == "const" else None

    def record(self, operation: str, arguments: Sequence[Any], attribute: Any = None) -> Node:
        """Append an operation, simplified where that is exact, and return its node."""
        if operation == "add":
            return self._add(arguments)
        if operation == "mul":
            return self._mul(arguments)
        nodes = [a if isinstance(a, Node) else self.constant(a) for a in arguments]
        if operation == "pow":
            return self._pow(nodes[0], nodes[1])
        if operation in ("max", "min"):
            distinct = list(dict.fromkeys(n.index for n in nodes))
            if len(distinct) == 1:
                return nodes[0]
            return self.write((operation, tuple(distinct), None))
        if operation in ALIASES and self._value(nodes[0]) is not None:
            return nodes[0]
        return self.write((operation, tuple(n.index for n in nodes), attribute))

    def _split(self, arguments: Iterable[Any]) -> tuple[list[Any], list[int]]:
        """Return the numbers among some arguments, and the indices of the rest."""
        operations = self.operations
        constants: list[Any] = []
        indices: list[int] = []
        for argument in arguments:
            if type(argument) is not Node:
                constants.append(_simple(argument))
                continue
            operation = operations[argument.index]
            if operation[0] == "const":
                constants.append(operation[2])
            else:
                indices.append(argument.index)
        return constants, indices

    def _add(self, arguments: Iterable[Any]) -> Node:
        constants, indices = self._split(arguments)
        constant = sum(constants) if constants else 0
        if not indices:
            return self.constant(constant)
        indices.sort()
        if constant != 0:
            indices.append(self.constant(constant).index)
        return Node(self, indices[0]) if len(indices) == 1 else self.write(("add", tuple(indices), None))

    def _mul(self, arguments: Iterable[Any]) -> Node:
        constants, indices = self._split(arguments)
        constant: Any = math.prod(constants) if constants else 1
        if not indices or constant == 0:
            return self.constant(constant)
        indices.sort()
        if constant != 1:
            if len(indices) == 1 and self.operations[indices[0]][0] == "mul":
                # 2 * (3 * x) is 6 * x: the trace's integer factors meet here
                inner, rest = self._split(Node(self, i) for i in self.operations[indices[0]][1])
                if inner:
                    return self._mul((constant * inner[0], *(Node(self, i) for i in rest)))
            indices.insert(0, self.constant(constant).index)
        return Node(self, indices[0]) if len(indices) == 1 else self.write(("mul", tuple(indices), None))

    def _pow(self, base: Node, exponent: Node) -> Node:
        number, power = self._value(base), self._value(exponent)
        if power is not None:
            if power == 1:
                return base
            if power == 0:
                return self.constant(1)
            if number is not None and isinstance(power, int):
                exact = Fraction(number) if isinstance(number, int) else number
                return self.constant(exact**power)
            operation, arguments, _ = self.operations[base.index]
            inner = self._value(Node(self, arguments[1])) if operation == "pow" else None
            if inner is not None and (power % 1 == 0 or inner % 2 != 0):
                # (x**a)**b is x**(a*b), save where an even power hides the sign of x from a root
                return self._pow(Node(self, arguments[0]), self.constant(inner * power))
        return self.write(("pow", (base.index, exponent.index), None))


@attrs.frozen
class Program:
    """Recorded operations with named outputs.

    Attributes:
        operations: (name, argument indices, attribute), each using only earlier ones.
        outputs: index of each named output.
    """

    operations: tuple[Operation, ...]
    outputs: Mapping[str, int]

    @classmethod
    def of(cls, tape: Tape, outputs: Mapping[str, Any]) -> Program:
        """Close a tape; outputs may be nodes or plain numbers."""
        indices = {k: (v if isinstance(v, Node) else tape.constant(v)).index for k, v in outputs.items()}
        return cls(tuple(tape.operations), indices)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs in the order of their first use."""
        return tuple(o[2] for o in self.operations if o[0] == "input")

    @property
    def names(self) -> dict[str, int]:
        """Index of every named definition (`hbf.read_bandwidth`)."""
        return {o[2]: i for i, o in enumerate(self.operations) if o[0] == "name"}

    def marks(self, unit: str) -> dict[int, tuple[str, str, str]]:
        """Index of every labelled time (unit s) or energy (unit J), with its resource, cause and operator."""
        marked = ((i, o[2]) for i, o in enumerate(self.operations) if o[0] == "mark")
        return {i: label[:3] for i, label in marked if label[3] == unit}

    def live(self, roots: Iterable[int]) -> list[int]:
        """Return, in order, the indices that the roots depend on (themselves included)."""
        needed = set(roots)
        for index in range(max(needed, default=-1), -1, -1):
            if index in needed:
                needed.update(self.operations[index][1])
        return sorted(needed)

    def select(self, outputs: Mapping[str, int]) -> Program:
        """Return the smaller program that computes only these outputs."""
        kept = self.live(outputs.values())
        place = {old: new for new, old in enumerate(kept)}
        operations = tuple(
            (o, tuple(place[a] for a in args), attribute) for o, args, attribute in (self.operations[i] for i in kept)
        )
        return Program(operations, {k: place[v] for k, v in outputs.items()})

    def bare(self, roots: Iterable[int], keep: Container[int] = ()) -> tuple[Tape, dict[int, int]]:
        """Return a tape without labels, save the operations `keep`, and where each live operation went.

        Operations that differ in labels alone become one, save those of `keep`.
        """
        tape = Tape()
        place: dict[int, int] = {}
        for index in self.live(roots):
            operation, arguments, attribute = self.operations[index]
            if operation in ALIASES and index not in keep:
                place[index] = place[arguments[0]]
                continue
            bare = (operation, tuple(place[a] for a in arguments), attribute)
            if index in keep:
                tape.operations.append(bare)
                place[index] = len(tape.operations) - 1
            else:
                place[index] = tape.write(bare).index
        return tape, place

    def bind(self, values: Mapping[str, float]) -> Program:
        """Return the program with some inputs replaced by numbers and everything they decide folded away."""
        from symarch.program.functions import FLOAT

        tape = Tape()
        nodes: list[Any] = []
        for operation, arguments, attribute in self.operations:
            given = [nodes[a] for a in arguments]
            if operation == "input":
                node: Any = values.get(attribute)
                nodes.append(tape.input(attribute) if node is None else node)
            elif operation == "const":
                nodes.append(attribute)
            elif all(not isinstance(g, Node) for g in given):
                nodes.append(FLOAT[operation](tuple(given), attribute))
            else:
                nodes.append(tape.record(operation, given, attribute))
        return Program.of(tape, {k: nodes[i] for k, i in self.outputs.items()}).pruned()

    def pruned(self) -> Program:
        """Return the program without operations that no output needs."""
        return self.select(dict(self.outputs))

    def to_json(self) -> str:
        """Write the program as JSON: data only, no code inside."""

        def plain(value: Any) -> Any:
            if isinstance(value, Fraction):
                return {"fraction": [value.numerator, value.denominator]}
            if isinstance(value, float) and not math.isfinite(value):
                return {"float": repr(value)}
            return list(value) if isinstance(value, tuple) else value

        rows = [[o, list(a), plain(x)] for o, a, x in self.operations]
        return json.dumps({"symarch_program": 1, "operations": rows, "outputs": dict(self.outputs)})

    @classmethod
    def from_json(cls, text: str) -> Program:
        """Read what `to_json` wrote; every row is checked, nothing is executed. Raises SymarchError."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict) or data.get("symarch_program") != 1:
            raise SymarchError("this is not a symarch program of format 1")
        rows, outputs = data.get("operations"), data.get("outputs")
        if not isinstance(rows, list) or not isinstance(outputs, dict):
            raise SymarchError("the stored program has no list of operations, or no outputs")
        operations: list[Operation] = []
        for index, row in enumerate(rows):
            try:
                operations.append(_read_row(row, operations))
            except (TypeError, ValueError, LookupError, ArithmeticError):
                raise SymarchError(f"operation {index} of the stored program is malformed: {row!r:.80}") from None
        for name, index in outputs.items():
            if type(index) is not int or not 0 <= index < len(operations) or operations[index][0] == "mean_max_weights":
                raise SymarchError(f"output {name!r} of the stored program points at nothing")
        return cls(tuple(operations), outputs)


def _read_row(row: Any, before: Sequence[Operation]) -> Operation:
    """Check one stored operation against its shape. Raises ValueError, TypeError, LookupError or ArithmeticError."""
    operation, arguments, attribute = row
    least, most, fits = _SHAPES[operation]
    if isinstance(attribute, dict):
        attribute = Fraction(*attribute["fraction"]) if "fraction" in attribute else float(attribute["float"])
    elif isinstance(attribute, list):
        attribute = tuple(attribute)
    count = len(arguments)
    sound = least <= count and (most is None or count <= most) and fits(attribute, count)
    if operation.startswith("mean_max"):
        sound = sound and count % 2 == 1
    for argument in arguments:
        inside = type(argument) is int and argument >= 0
        sound = sound and inside and (before[argument][0] == "mean_max_weights") == (operation == "item")
    if not sound or (operation == "item" and attribute >= len(before[arguments[0]][1]) - 1):
        raise ValueError(operation)
    return operation, tuple(arguments), attribute


def _no_attribute(attribute: Any, count: int) -> bool:
    return attribute is None


def _text_attribute(attribute: Any, count: int) -> bool:
    return isinstance(attribute, str)


def _position(attribute: Any, count: int) -> bool:
    return type(attribute) is int and 0 <= attribute < count


_SHAPES: dict[str, tuple[int, int | None, Callable[[Any, int], bool]]] = {
    "const": (0, 0, lambda a, _: type(a) in (int, float, Fraction)),
    "input": (0, 0, _text_attribute),
    "add": (2, None, _no_attribute),
    "mul": (2, None, _no_attribute),
    "pow": (2, 2, _no_attribute),
    "max": (2, None, _no_attribute),
    "min": (2, None, _no_attribute),
    "overlap": (1, None, lambda a, _: type(a) in (int, float) and a >= 1),
    "mean_max": (3, None, _no_attribute),
    "mean_max_weights": (3, None, _no_attribute),
    "item": (1, 1, lambda a, _: type(a) is int and a >= 0),
    "first_max": (1, None, _position),
    "first_min": (1, None, _position),
    "ceil": (1, 1, _no_attribute),
    "floor": (1, 1, _no_attribute),
    "exp": (1, 1, _no_attribute),
    "log": (1, 1, _no_attribute),
    "log2": (1, 1, _no_attribute),
    "mark": (1, 1, lambda a, _: isinstance(a, tuple) and len(a) == 4 and all(isinstance(t, str) for t in a)),
    "name": (1, 1, _text_attribute),
}
"""Least and most arguments of each operation (None: any number), and the test of its attribute."""
