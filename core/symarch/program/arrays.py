"""Programs over arrays: a plan of ufunc calls, run in chunks that stay in cache, with axes kept sparse.

Inputs broadcast against each other. An operation that depends on scalars only is computed once as a number; one whose
result is much smaller than the whole (it depends on few of the axes of a grid) is computed once as a small array; only
the rest runs chunk by chunk, in a handful of reused buffers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symarch.errors import SymarchError
from symarch.program.functions import FLOAT
from symarch.program.mean import mean_max_array, mean_max_weights_array
from symarch.program.tape import ALIASES, Program, to_float

Array = NDArray[np.float64]

CHUNK = 16384
"""Points in a chunk: 128 KiB a buffer, a score of them fits a core's cache."""

SMALL = 8
"""A result at least this many times smaller than the whole is computed once, outside the chunk loop."""

_UNARY: dict[str, Any] = {"ceil": np.ceil, "floor": np.floor, "exp": np.exp, "log": np.log, "log2": np.log2}
_NARY: dict[str, Any] = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}


def _overlap(order: float, times: Sequence[Any]) -> Any:
    stacked = np.stack(np.broadcast_arrays(*times))
    largest = stacked.max(axis=0)
    plain = (largest > 0) & np.isfinite(largest)
    ratios = stacked / np.where(plain, largest, 1.0)
    return largest * np.where(plain, (ratios**order).sum(axis=0) ** (1 / order), 1.0)


def _first(operation: str, k: int, arguments: Sequence[Any]) -> Any:
    stacked = np.stack(np.broadcast_arrays(*arguments))
    winner = stacked.argmax(axis=0) if operation == "first_max" else stacked.argmin(axis=0)
    return (winner == k).astype(float)


def _whole(operation: str, arguments: Sequence[Any], attribute: Any) -> Any:
    """Compute one operation on whole arrays, allocating the result."""
    if operation in ALIASES:
        return arguments[0]
    if operation in _NARY:
        result = arguments[0]
        for argument in arguments[1:]:
            result = _NARY[operation](result, argument)
        return result
    if operation in _UNARY:
        return _UNARY[operation](arguments[0])
    if operation == "pow":
        return np.power(np.asarray(arguments[0], dtype=float), arguments[1])
    if operation == "overlap":
        return _overlap(attribute, arguments)
    if operation == "mean_max":
        return mean_max_array(*arguments)
    if operation == "mean_max_weights":
        return mean_max_weights_array(*arguments)
    if operation == "item":
        return arguments[0][attribute]
    if operation in ("first_max", "first_min"):
        return _first(operation, attribute, arguments)
    raise SymarchError(f"operation {operation} cannot run on arrays")


Step = tuple[Callable[..., Any], tuple[Any, ...], int]
"""(function, operands, register written); an operand is ("r", register), ("v", index of a value) or a number."""


class ArrayFunction:
    """A program as a function of arrays.

    Args:
        program: the program; its inputs must all be in `inputs`.
        inputs: order of the arguments.
        chunk: points computed at a time.
    """

    def __init__(self, program: Program, inputs: Sequence[str], chunk: int = CHUNK) -> None:
        missing = [n for n in program.inputs if n not in inputs]
        if missing:
            raise SymarchError(f"no value is given for {', '.join(missing)}")
        self.program = program
        self.inputs = tuple(inputs)
        self.chunk = chunk
        self._live = program.live(program.outputs.values())
        self._plans: dict[Any, tuple[list[Step], int]] = {}

    def __call__(self, *values: Any) -> tuple[Array, ...]:
        """Evaluate; arguments broadcast, and every output has the broadcast shape of all of them."""
        if len(values) != len(self.inputs):
            raise SymarchError(f"{len(values)} arrays are given where {len(self.inputs)} are due: {self.inputs}")
        given = {n: np.asarray(v, dtype=float) for n, v in zip(self.inputs, values, strict=True)}
        shape = np.broadcast_shapes(*(v.shape for v in given.values())) if given else ()
        size = math.prod(shape)
        known: dict[int, Any] = {}  # scalars as floats, small arrays and inputs as arrays
        shapes: dict[int, tuple[int, ...]] = {}
        full: list[int] = []
        with np.errstate(all="ignore"):
            for index in self._live:
                operation, arguments, attribute = self.program.operations[index]
                if operation == "const":
                    known[index], shapes[index] = to_float(attribute), ()
                elif operation == "input":
                    array = given[attribute]
                    known[index] = float(array.item()) if array.size == 1 else array
                    shapes[index] = () if array.size == 1 else (1,) * (len(shape) - array.ndim) + array.shape
                    if array.size > 1:
                        known[index] = array.reshape(shapes[index])
                else:
                    shapes[index] = np.broadcast_shapes(*(shapes[a] for a in arguments))
                    if math.prod(shapes[index]) * SMALL > size > 1 and shapes[index]:
                        full.append(index)
                    elif shapes[index] == ():
                        known[index] = _scalar(operation, [known[a] for a in arguments], attribute)
                    else:
                        known[index] = _whole(operation, [known[a] for a in arguments], attribute)
            outputs = list(self.program.outputs.values())
            if not full:
                return tuple(np.broadcast_to(np.asarray(known[o], dtype=float), shape).copy() for o in outputs)
            results = [np.empty(shape) for _ in outputs]
            for o, result in zip(outputs, results, strict=True):
                if o in known:
                    result[...] = known[o]
            self._run(tuple(full), known, shape, outputs, results)
        return tuple(results)

    def _run(self, full: tuple[int, ...], known: dict[int, Any], shape: tuple[int, ...], outputs: list[int],
             results: list[Array]) -> None:  # fmt: skip
        numbers = frozenset(i for i, v in known.items() if isinstance(v, float))
        key = (full, numbers)
        if key not in self._plans:
            self._plans[key] = self._plan(full, numbers, outputs)
        steps, registers = self._plans[key]
        arrays = {i: v for i, v in known.items() if isinstance(v, np.ndarray)}
        pieces = list(_pieces(shape, self.chunk))
        biggest = max(math.prod(p.shape) for p in pieces)
        pool = [np.empty(biggest) for _ in range(registers)]
        where: dict[int, list[Array]] = {}  # two outputs may be one operation
        for o, result in zip(outputs, results, strict=True):
            where.setdefault(o, []).append(result)
        for piece in pieces:
            count = math.prod(piece.shape)
            views = [b[:count].reshape(piece.shape) for b in pool]
            sliced = {i: piece.of(a) for i, a in arrays.items()}
            objects: dict[int, Any] = {}
            for function, operands, target in steps:
                real = [
                    (views[o[1]] if o[0] == "r" else sliced[o[1]] if o[0] == "v" else objects[o[1]] if o[0] == "o"
                     else known[o[1]]) if type(o) is tuple else o
                    for o in operands
                ]  # fmt: skip
                if target >= 0:
                    function(*real, out=views[target])
                elif function is _store:
                    for result in where[operands[0]]:
                        piece.of(result)[...] = real[1]
                else:
                    objects[-target] = function(*real)

    def _plan(self, full: tuple[int, ...], numbers: frozenset[int], outputs: list[int]) -> tuple[list[Step], int]:
        """Turn the full-size operations into ufunc calls on numbered registers, reusing those whose value is dead."""
        last: dict[int, int] = {}
        inside = set(full)
        origin: dict[int, int] = {}
        for index in full:
            operation, arguments, _ = self.program.operations[index]
            if operation in ALIASES:
                origin[index] = origin.get(arguments[0], arguments[0])
        for position, index in enumerate(full):
            for argument in self.program.operations[index][1]:
                last[origin.get(argument, argument)] = position
        for position, index in enumerate(full):
            if index in outputs:
                real = origin.get(index, index)
                last[real] = max(last.get(real, position), position)
        register: dict[int, int] = {}
        free: list[int] = []
        count = 0
        steps: list[Step] = []

        def operand(index: int) -> Any:
            index = origin.get(index, index)
            if index in register:
                return ("r", register[index])
            if index in inside:
                return ("o", index)
            return ("k", index) if index in numbers else ("v", index)

        def take() -> int:
            nonlocal count
            if free:
                return free.pop()
            count += 1
            return count - 1

        for position, index in enumerate(full):
            operation, arguments, attribute = self.program.operations[index]
            if operation not in ALIASES:
                operands = [operand(a) for a in arguments]
                dying = {origin.get(a, a) for a in arguments}
                dying = {a for a in dying if a in register and last.get(a) == position}
                if operation == "mean_max_weights":
                    steps.append((mean_max_weights_array, tuple(operands), -index))
                else:
                    if len(arguments) <= 2:  # element-wise on at most two operands: writing over one of them is safe
                        for a in dying:
                            free.append(register[a])
                        target = take()
                    else:
                        target = take()
                        for a in dying:
                            free.append(register[a])
                    steps.extend(self._calls(operation, arguments, operands, attribute, target))
                    for a in dying:
                        register.pop(a)
                    register[index] = target
            if index in outputs:
                steps.append((_store, (index, operand(index)), -1))
        return steps, count

    def _calls(self, operation: str, arguments: Sequence[int], operands: list[Any], attribute: Any,
               target: int) -> Iterator[Step]:  # fmt: skip
        out = ("r", target)
        if operation in _NARY:
            ufunc = _NARY[operation]
            # numbers first: they join the first array in one pass each, and two arrays start the chain
            ordered = sorted(operands, key=lambda o: o[0] == "k")
            yield ufunc, (ordered[0], ordered[1]), target
            for other in ordered[2:]:
                yield ufunc, (out, other), target
        elif operation in _UNARY:
            yield _UNARY[operation], (operands[0],), target
        elif operation == "pow":
            kind, _, power = self.program.operations[arguments[1]]
            if kind == "const" and power == -1:
                yield np.reciprocal, (operands[0],), target
            elif kind == "const" and power == 2:
                yield np.square, (operands[0],), target
            elif kind == "const" and power == Fraction(1, 2):
                yield np.sqrt, (operands[0],), target
            else:
                yield np.power, (operands[0], operands[1]), target
        elif operation == "first_max" and len(operands) == 2:
            yield (np.greater_equal, (operands[0], operands[1]), target) if attribute == 0 else (
                np.greater, (operands[1], operands[0]), target)  # fmt: skip
        elif operation == "first_min" and len(operands) == 2:
            yield (np.less_equal, (operands[0], operands[1]), target) if attribute == 0 else (
                np.less, (operands[1], operands[0]), target)  # fmt: skip
        else:
            yield _Allocating(operation, attribute), tuple(operands), target


class _Allocating:
    """An operation without an in-place form, with the calling convention of a ufunc."""

    def __init__(self, operation: str, attribute: Any) -> None:
        self.operation, self.attribute = operation, attribute

    def __call__(self, *arguments: Any, out: Array) -> None:
        out[...] = _whole(self.operation, arguments, self.attribute)


def _scalar(operation: str, arguments: Sequence[Any], attribute: Any) -> Any:
    """Compute one operation on numbers as an array would: a division by zero is infinite, not an exception."""
    try:
        result = FLOAT[operation](tuple(arguments), attribute)
    except (ZeroDivisionError, OverflowError, ValueError):
        with np.errstate(all="ignore"):
            result = _whole(operation, [np.float64(a) for a in arguments], attribute)
    return result if isinstance(result, tuple) else float(result)


def _store(*_: Any) -> None:
    raise AssertionError("a store is carried out by the chunk loop")


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
