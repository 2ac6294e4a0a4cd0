"""A metric at a point of parameter space: what every question of this room is asked about."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

import attrs

from symarch.analysis import HIGHER_IS_BETTER, METRICS, ONE_PROMPT, Recorded, Symbol
from symarch.errors import UnknownNameError, nearest
from symarch.program import Program, compile_python
from symarch.program.derivatives import evaluate
from symarch.quantities import unit_dimension

_UNITS = {name: unit for name, (unit, _) in METRICS.items()} | {ONE_PROMPT: "s"}
"""Units of the definitions that belong to no component."""


@attrs.frozen(eq=False, slots=False)
class Point:
    """A metric of a recorded model at a point.

    Attributes:
        recorded: the model.
        metric: name of a metric that the model computes.
        values: value of every symbol [SI].
        order: overlap order of the processors, which is fixed in the program; where they differ, one that is neither 1
            nor infinity comes first.
        units: unit of every named definition.
        label: what the system is called.
    """

    recorded: Recorded
    metric: str
    values: Mapping[str, float]
    order: float
    units: Mapping[str, str]
    label: str

    @cached_property
    def program(self) -> Program:
        """The program of the metric alone."""
        return self.recorded.program.select({self.metric: self.output})

    @property
    def output(self) -> int:
        """Index of the metric in the recorded program."""
        return self.recorded.program.outputs[f"metric.{self.metric}"]

    @cached_property
    def value(self) -> float:
        """The metric at the point [SI]."""
        return float(evaluate(self.program, self.values)[self.program.outputs[self.metric]])

    @cached_property
    def runs(self) -> bool:
        """Whether limits on power and temperature leave something to work with here."""
        program = self.recorded.program.select(self.recorded.spare)
        found = evaluate(program, self.values)
        return all(found[index] > 0 for index in program.outputs.values())

    @property
    def unit(self) -> str:
        """Unit of the metric."""
        return METRICS[self.metric][0]

    @property
    def marked(self) -> str:
        """Unit of the marked parts that the metric is made of: USD, kg or J where it has that dimension, else s."""
        dimension = unit_dimension(self.unit)
        return next((unit for unit in ("USD", "kg", "J") if dimension.exponent(unit)), "s")

    @property
    def sign(self) -> int:
        """1 where less of the metric is better, -1 where more is."""
        return -1 if self.metric in HIGHER_IS_BETTER else 1

    def symbol(self, name: str) -> Symbol:
        """Return what is known of a parameter or workload size. Raises UnknownNameError."""
        known = self.recorded.symbols
        if name not in known:
            raise UnknownNameError(f"unknown name '{name}'; {nearest(name, known)}")
        return known[name]

    def unit_of(self, name: str) -> str:
        """Return the unit of a symbol or a definition."""
        symbols = self.recorded.symbols
        return symbols[name].unit if name in symbols else self.units.get(name, _UNITS.get(name, "1"))

    def bound(self, over: Sequence[str], program: Program | None = None) -> Program:
        """Return a program (the metric's unless told otherwise) of some symbols alone, the rest at the point."""
        return (program or self.program).bind({n: v for n, v in self.values.items() if n not in over})


def on_arrays(program: Program, inputs: Sequence[str]) -> Callable[..., Any]:
    """Return a program as a function of arrays, one for each input, that returns a tuple of arrays."""
    from symarch.program.arrays import ArrayFunction

    return ArrayFunction(program, inputs)


def on_numbers(program: Program, inputs: Sequence[str]) -> Callable[..., tuple[float, ...]]:
    """Return a program as a function of numbers; where it has no finite value, that is nan."""
    compiled = compile_python(program, inputs)
    nothing = (math.nan,) * len(compiled.outputs)

    def call(*values: float) -> tuple[float, ...]:
        try:
            return compiled.function(*values)
        except (ZeroDivisionError, OverflowError, ValueError):
            return nothing

    return call
