"""Programs over arrays: a plan of ufunc calls, run in chunks that stay in cache, with axes kept sparse.

Inputs broadcast against each other. An operation that depends on scalars only is computed once as a number; one whose
result is much smaller than the whole (it depends on few of the axes of a grid) is computed once as a small array; only
the rest runs chunk by chunk, in a handful of reused buffers. The program run is a reduced one: where all inputs are
positive, the one that relies on it.
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from symarch.errors import SymarchError
from symarch.program.functions import FLOAT
from symarch.program.mean import mean_max_array, mean_max_weights_array, settle
from symarch.program.printers import order_of
from symarch.program.reduce import reduced
from symarch.program.tape import ALIASES, Operation, Program, to_float

Array = NDArray[np.float64]

CHUNK = 16384
"""Points in a chunk: 128 KiB a buffer, of which a handful is in use; a ufunc call takes 1 us and 0.6 ns a point."""

SMALL = 8
"""A result at least this many times smaller than the whole is computed once, outside the chunk loop."""

_UNARY: dict[str, Any] = {"ceil": np.ceil, "floor": np.floor, "exp": np.exp, "log": np.log, "log2": np.log2}
_NARY: dict[str, Any] = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}
_POWERS: dict[Any, Any] = {
    -1: (np.reciprocal,),
    2: (np.square,),
    -2: (np.square, np.reciprocal),
    Fraction(1, 2): (np.sqrt,),
    Fraction(-1, 2): (np.sqrt, np.reciprocal),
}
_FIRST: dict[str, Any] = {"first_max": (np.greater, np.greater_equal), "first_min": (np.less, np.less_equal)}


def _overlap(order: float, times: Sequence[Any]) -> Any:
    largest = functools.reduce(np.maximum, times)
    plain = (largest > 0) & np.isfinite(largest)
    scale = np.where(plain, largest, 1.0)
    ratios = sum(np.power(t / scale, order) for t in times)
    return np.where(plain, largest * np.power(ratios, 1 / order), largest)


def _first(operation: str, k: int, arguments: Sequence[Any]) -> Any:
    strict, weak = _FIRST[operation]
    tests = [(strict if i < k else weak)(arguments[k], a) for i, a in enumerate(arguments) if i != k]
    return functools.reduce(np.logical_and, tests) if tests else np.ones(np.shape(arguments[0]), dtype=bool)


def _whole(operation: str, arguments: Sequence[Any], attribute: Any) -> Any:
    """Compute one operation on whole arrays, allocating the result."""
    if operation in ALIASES:
        return arguments[0]
    if operation in _NARY:
        # the largest first, as it has the shape of the result, in which the others can join
        first, *others = sorted(arguments, key=np.size, reverse=True)
        result = first
        for other in others:
            own = result is not first and isinstance(result, np.ndarray)
            joins = own and np.broadcast_shapes(result.shape, np.shape(other)) == result.shape
            result = _NARY[operation](result, other, out=result if joins else None)
        return result
    if operation in _UNARY:
        return _UNARY[operation](arguments[0])
    if operation == "pow":
        base = np.asarray(arguments[0], dtype=float)
        if np.ndim(arguments[1]) == 0 and arguments[1] in _POWERS:
            return functools.reduce(lambda value, function: function(value), _POWERS[arguments[1]], base)
        return np.power(base, arguments[1])
    if operation == "overlap":
        return _overlap(attribute, arguments)
    if operation == "mean_max":
        return mean_max_array(*arguments)
    if operation == "mean_max_weights":
        return mean_max_weights_array(*arguments)
    if operation == "item":
        return arguments[0][attribute]
    if operation in _FIRST:
        return np.asarray(_first(operation, attribute, arguments), dtype=float)
    raise SymarchError(f"operation {operation} cannot run on arrays")


def _scalar(operation: str, arguments: Sequence[Any], attribute: Any) -> Any:
    """Compute one operation on numbers as an array would: a division by zero is infinite, not an exception."""
    try:
        result = FLOAT[operation](tuple(arguments), attribute)
    except (ZeroDivisionError, OverflowError, ValueError):
        with np.errstate(all="ignore"):
            result = _whole(operation, [np.float64(a) for a in arguments], attribute)
    return result if isinstance(result, tuple) else float(result)


def _halve(values: Array, out: Array) -> None:
    np.multiply(values, 0.5, out=out)


class _Allocating:
    """An operation without an in-place form, with the calling convention of a ufunc."""

    def __init__(self, operation: str, attribute: Any) -> None:
        self.operation, self.attribute = operation, attribute

    def __call__(self, *arguments: Any, out: Array) -> None:
        out[...] = _whole(self.operation, arguments, self.attribute)


Step = tuple[Callable[..., Any], tuple[int, ...], int]
"""(function, slots of the operands, slot of the result)."""


@attrs.frozen
class _Plan:
    """Ufunc calls on numbered slots.

    Attributes:
        steps: the calls, in order.
        buffers: how many slots, the first, are buffers.
        given: what each slot after the buffers holds: the index of an operation, and "value" for its value (a number,
            small array or input), "spread" for a number written over a whole array (numpy finds the larger of two
            arrays three times faster than that of an array and a number), "stack" for room for its several results,
            "result" for the place of an output in the array that is returned.
    """

    steps: tuple[Step, ...]
    buffers: int
    given: tuple[tuple[int, str], ...]


def _scheduled(full: Mapping[int, Operation], outputs: Sequence[int]) -> dict[int, Operation]:
    """Return the operations with at most two terms each, in an order that keeps few values waiting.

    A sum takes up each term as soon as it is there, instead of waiting for all of them.
    """
    pairs: dict[int, Operation] = {}
    fresh = itertools.count(1 + max(*full, *outputs))  # an output may be a constant, recorded after all of them
    for index, (operation, arguments, attribute) in full.items():
        if operation in _NARY:
            first, *others = arguments
            for argument in others[:-1]:
                between = next(fresh)
                pairs[between] = (operation, (first, argument), attribute)
                first = between
            arguments = (first, *others[-1:])
        pairs[index] = (operation, arguments, attribute)
    ordered: dict[int, Operation] = {}
    stack = [o for o in reversed(outputs) if o in pairs]
    while stack:
        index = stack[-1]
        waiting = [a for a in reversed(pairs[index][1]) if a in pairs and a not in ordered]
        if waiting and index not in ordered:
            stack += waiting
        else:
            ordered.setdefault(stack.pop(), pairs[index])
    return ordered


class _Planner:
    """Turns the operations of full size into ufunc calls, reusing buffers whose value is dead."""

    def __init__(self, full: Mapping[int, Operation], powers: Mapping[int, Any], outputs: Sequence[int]) -> None:
        self.full = _scheduled(full, outputs)
        self.powers = powers  # constants, by index
        self.steps: list[tuple[Callable[..., Any], tuple[Any, ...], Any]] = []
        self.last: dict[int, float] = {}  # position of the last use
        for position, (_, arguments, _) in enumerate(self.full.values()):
            self.last.update(dict.fromkeys(arguments, position))
        self.outputs = frozenset(outputs)
        self.buffer: dict[int, int] = {}
        self.free: list[int] = []
        self.count = 0

    def plan(self) -> _Plan:
        given: dict[tuple[int, str], int] = {}
        for position, (index, (operation, arguments, attribute)) in enumerate(self.full.items()):
            kind = {"max": "spread", "min": "spread", "mean_max": "spread", "item": "stack"}.get(operation, "value")
            operands: list[Any] = [
                self.buffer.get(a, (a, "result" if a in self.outputs and a in self.full else kind)) for a in arguments
            ]
            if operation == "mean_max_weights":
                self.steps.append((_Allocating(operation, attribute), tuple(operands), (index, "stack")))
                self._release([a for a in dict.fromkeys(arguments) if a in self.buffer and self.last[a] == position])
                continue
            dying = [a for a in dict.fromkeys(arguments) if a in self.buffer and self.last[a] == position]
            wide = operation not in _NARY and len(arguments) > 1
            if not wide:  # element by element in one pass: writing over an operand is safe
                self._release(dying)
            room = None if index in self.outputs else self._take()
            self._calls(operation, arguments, operands, attribute, (index, "result") if room is None else room)
            if wide:
                self._release(dying)
            if room is not None:
                self.buffer[index] = room

        def slot(operand: Any) -> int:
            return given.setdefault(operand, self.count + len(given)) if type(operand) is tuple else operand

        steps = tuple((f, tuple(map(slot, operands)), slot(target)) for f, operands, target in self.steps)
        return _Plan(steps, self.count, tuple(given))

    def _take(self) -> int:
        if self.free:
            return self.free.pop()
        self.count += 1
        return self.count - 1

    def _release(self, indices: Sequence[int]) -> None:
        self.free += [self.buffer.pop(i) for i in indices]

    def _calls(
        self, operation: str, arguments: Sequence[int], operands: list[Any], attribute: Any, target: Any
    ) -> None:
        if operation in _NARY:
            self.steps.append((_NARY[operation], tuple(operands), target))
        elif operation in _UNARY:
            self.steps.append((_UNARY[operation], (operands[0],), target))
        elif operation == "pow":
            power = self.powers.get(arguments[1])
            if power in _POWERS:
                self.steps += [(f, (target if k else operands[0],), target) for k, f in enumerate(_POWERS[power])]
            else:
                self.steps.append((np.power, tuple(operands), target))
        elif operation == "overlap" and attribute == 2:
            spare = self._take()
            self.steps.append((np.square, (operands[0],), target))
            for operand in operands[1:]:
                self.steps += [(np.square, (operand,), spare), (np.add, (target, spare), target)]
            self.steps.append((np.sqrt, (target,), target))
            self.free.append(spare)
        elif operation == "mean_max":
            rooms = (self._take(), self._take())
            for room, (first, *others) in zip(rooms, (operands[1::2], operands[2::2]), strict=True):
                for position, operand in enumerate(others or [first]):
                    self.steps.append((np.maximum, (room if position else first, operand), room))
            self.steps += [(np.add, rooms, target), (_halve, (target,), target)]
            self.steps.append((settle, (*operands, *rooms), target))
            self.free += rooms
        else:
            self.steps.append((_Allocating(operation, attribute), tuple(operands), target))


class _NotPositive(Exception):
    """An input is not as the program relies on."""


class _Form:
    """One form of a program, with the plans made for it.

    Args:
        program: the program.
        least: where the program relies on positive inputs, the test of the least value of each; None where it does not.
    """

    def __init__(self, program: Program, least: Mapping[str, Callable[[Any, Any], Any]] | None = None) -> None:
        self.least = least
        self.cancelled = sorted(set(least or ()) - set(program.inputs))  # as x/x, which is not 1 where x is 0
        self.program = program
        self.outputs = list(program.outputs.values())
        self.live = program.live(self.outputs)
        self.constants = {i: o[2] for i, o in enumerate(program.operations) if o[0] == "const"}
        self.last = {a: i for i in self.live for a in program.operations[i][1]}  # operation that uses each one last
        self.last |= dict.fromkeys(self.outputs, len(program.operations))
        self.plans: dict[Any, _Plan] = {}

    def run(self, given: Mapping[str, Array], shape: tuple[int, ...], chunk: int) -> tuple[Array, ...]:
        """Evaluate on inputs that broadcast to `shape`. Raises _NotPositive."""
        for name in self.cancelled:
            self._check(name, given[name])
        size = math.prod(shape)
        known: dict[int, Any] = {}  # numbers as floats, small arrays and inputs as arrays
        shapes: dict[int, tuple[int, ...]] = {}
        full: dict[int, Operation] = {}
        kept: set[int] = set()  # what those of full size use
        for index in self.live:
            operation, arguments, attribute = self.program.operations[index]
            if operation == "const":
                known[index], shapes[index] = to_float(attribute), ()
            elif operation == "input":
                array = given[attribute]
                number = array.size == 1
                shapes[index] = () if number else (1,) * (len(shape) - array.ndim) + array.shape
                known[index] = float(array.item()) if number else array.reshape(shapes[index])
                if array.size < size or size == 1:
                    self._check(attribute, array)
            else:
                shapes[index] = np.broadcast_shapes(*(shapes[a] for a in arguments))
                if shapes[index] == ():
                    known[index] = _scalar(operation, [known[a] for a in arguments], attribute)
                elif _is_small(shapes[index], size):
                    known[index] = _whole(operation, [known[a] for a in arguments], attribute)
                    for argument in set(arguments) - kept:
                        if self.last[argument] == index:
                            del known[argument]  # memory used before is memory in cache
                else:
                    if operation in _NARY and len(arguments) > 2:
                        arguments = self._grouped(operation, arguments, known, shapes, size)
                    full[index] = (operation, arguments, attribute)
                    kept.update(arguments)
        results = tuple(np.empty(shape) for _ in self.outputs)
        for output, result in zip(self.outputs, results, strict=True):
            if output in known:
                result[...] = known[output]
        if full:
            key = tuple((i, o[1]) for i, o in full.items())
            if key not in self.plans:
                self.plans[key] = _Planner(full, self.constants, self.outputs).plan()
            self._chunks(self.plans[key], known, shape, chunk, results)
        return results

    def _check(self, name: str, values: Array) -> None:
        if self.least is not None and not (self.least[name](values.min(), 0.0) and values.max() < math.inf):
            raise _NotPositive

    @staticmethod
    def _grouped(
        operation: str,
        arguments: Sequence[int],
        known: dict[int, Any],
        shapes: dict[int, tuple[int, ...]],
        size: int,
    ) -> tuple[int, ...]:
        """Combine arguments of few axes before they meet the whole; return the fewer arguments that are left."""
        groups: list[tuple[tuple[int, ...], list[int]]] = []
        for argument in sorted(arguments, key=lambda a: math.prod(shapes[a])):
            for position, (shape, members) in enumerate(groups):
                joint = np.broadcast_shapes(shape, shapes[argument])
                if argument in known and _is_small(joint, size):
                    groups[position] = (joint, [*members, argument])
                    break
            else:
                groups.append((shapes[argument], [argument]))
        left = []
        for shape, members in groups:
            if len(members) > 1:
                index = -1 - len(shapes)
                known[index] = _whole(operation, [known[m] for m in members], None)
                shapes[index] = shape
                members = [index]
            left += members
        # the largest first: a small array that meets the result again and again stays in cache
        return tuple(reversed(left))

    def _chunks(
        self, plan: _Plan, known: Mapping[int, Any], shape: tuple[int, ...], chunk: int, results: Sequence[Array]
    ) -> None:
        pieces = list(_pieces(shape, chunk))
        biggest = max(math.prod(p.shape) for p in pieces)
        pool = [np.empty(biggest) for _ in range(plan.buffers)]
        slots: list[Any] = list(pool)
        flat = list(enumerate(pool))
        arrays = []
        returned = dict(zip(reversed(self.outputs), reversed(results), strict=True))  # the first of each operation
        for index, kind in plan.given:
            value = known.get(index)
            if kind == "result":
                value = returned[index]
            if isinstance(value, np.ndarray):
                arrays.append((len(slots), value))
            elif kind == "spread":
                flat.append((len(slots), np.full(biggest, value)))
            elif kind == "stack":
                value = np.empty((len(self.program.operations[index][1]) - 1, biggest))
                flat.append((len(slots), value))
            slots.append(np.asarray(value))
        current: tuple[int, ...] | None = None
        names = {i: o[2] for i, o in enumerate(self.program.operations) if o[0] == "input"}
        checked = [
            (plan.buffers + k, names[i])
            for k, (i, _) in enumerate(plan.given)
            if i in names and np.size(known[i]) == results[0].size
        ]
        for piece in pieces:
            if piece.shape != current:
                current, count = piece.shape, math.prod(piece.shape)
                for slot, buffer in flat:
                    slots[slot] = buffer[..., :count].reshape(*buffer.shape[:-1], *current)
            for slot, array in arrays:
                slots[slot] = piece.of(array)
            for slot, name in checked:
                self._check(name, slots[slot])  # here, and not at once, since it is in cache now
            for function, operands, target in plan.steps:
                if len(operands) == 2:
                    function(slots[operands[0]], slots[operands[1]], out=slots[target])
                else:
                    function(*[slots[o] for o in operands], out=slots[target])
        for output, result in zip(self.outputs, results, strict=True):
            if result is not returned[output]:
                result[...] = returned[output]


def _is_small(shape: tuple[int, ...], size: int) -> bool:
    return math.prod(shape) * SMALL <= size


class ArrayFunction:
    """A program as a function of arrays.

    Args:
        program: the program; its inputs must all be in `inputs`.
        inputs: order of the arguments.
        chunk: points computed at a time.
    """

    def __init__(self, program: Program, inputs: Sequence[str], chunk: int = CHUNK) -> None:
        self.inputs = order_of(program, inputs)
        self.program = program
        self.chunk = chunk
        divisors = _divisors(program)
        least = {n: operator.gt if n in divisors else operator.ge for n in program.inputs}
        self._positive = _Form(reduced(program, positive=True), least)
        self._general: _Form | None = None

    def __call__(self, *values: Any) -> tuple[Array, ...]:
        """Evaluate; arguments broadcast, and every output has the broadcast shape of all of them."""
        if len(values) != len(self.inputs):
            raise SymarchError(f"{len(values)} arrays are given where {len(self.inputs)} are due: {self.inputs}")
        given = {n: np.asarray(v, dtype=float) for n, v in zip(self.inputs, values, strict=True)}
        shape = np.broadcast_shapes(*(v.shape for v in given.values())) if given else ()
        if math.prod(shape) == 0:
            return tuple(np.empty(shape) for _ in self.program.outputs)
        with np.errstate(all="ignore"):
            try:
                return self._positive.run(given, shape, self.chunk)
            except _NotPositive:
                if self._general is None:
                    self._general = _Form(reduced(self.program))
                return self._general.run(given, shape, self.chunk)


def _divisors(program: Program) -> frozenset[str]:
    """Return the inputs that a power or a logarithm depends on: there 0 is not just a small number."""
    operations = program.operations
    roots = [a for o, arguments, _ in operations if o in ("pow", "log", "log2") for a in arguments]
    return frozenset(operations[i][2] for i in program.live(roots) if operations[i][0] == "input")


class _Piece:
    """One chunk of the whole: an index on the leading axes, a slice of one axis, everything of the rest."""

    def __init__(self, lead: tuple[int, ...], part: slice, shape: tuple[int, ...]) -> None:
        self.lead, self.part, self.shape = lead, part, shape

    def of(self, array: Array) -> Array:
        k = len(self.lead)
        index: tuple[Any, ...] = tuple(i if array.shape[d] > 1 else 0 for d, i in enumerate(self.lead))
        return array[(*index, self.part if array.shape[k] > 1 else slice(None))]


def _pieces(shape: tuple[int, ...], chunk: int) -> Iterator[_Piece]:
    axis = 0
    while axis < len(shape) - 1 and math.prod(shape[axis + 1 :]) > chunk:
        axis += 1
    rest = math.prod(shape[axis + 1 :])
    step = max(1, chunk // max(rest, 1))
    for lead in itertools.product(*(range(n) for n in shape[:axis])):
        for start in range(0, shape[axis], step):
            stop = min(start + step, shape[axis])
            yield _Piece(lead, slice(start, stop), (stop - start, *shape[axis + 1 :]))
