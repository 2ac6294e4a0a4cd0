"""Programs as functions of numbers: straight-line Python for one point, run without builtins."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from symarch.program.functions import ceil_value, floor_value, overlap_value, power_value
from symarch.program.mean import mean_max_value, mean_max_weights
from symarch.program.printers import PYTHON, Printer, order_of
from symarch.program.reduce import reduced
from symarch.program.tape import Program


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
    order = order_of(program, inputs)
    printer = Printer(reduced(program), PYTHON)
    results = printer.print({name: f"a{i}" for i, name in enumerate(order)})
    head = f"def f({', '.join(f'a{i}' for i in range(len(order)))}):"
    source = "\n ".join([head, *printer.lines, f"return ({''.join(f'{r}, ' for r in results)})"])
    namespace: dict[str, Any] = {
        "__builtins__": {},
        "ceil": ceil_value,
        "exp": math.exp,
        "floor": floor_value,
        "inf": math.inf,
        "log": math.log,
        "log2": math.log2,
        "mean_max": mean_max_value,
        "mean_max_weights": mean_max_weights,
        "nan": math.nan,
        "overlap": overlap_value,
        "power": power_value,
        "sqrt": math.sqrt,
    }
    exec(compile(source, "<symarch program>", "exec"), namespace)
    return Compiled(order, tuple(program.outputs), source, namespace["f"])
