"""Where the time goes: shares of resources, and the cause of each part, as derivatives by the marked times."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from symarch.program import Program, gradient
from symarch.program.derivatives import evaluate


@attrs.frozen
class Part:
    """One marked time's part in a metric.

    Attributes:
        resource: what takes the time.
        cause: what for.
        operator: in which operator.
        index: of the mark in the program.
        weight: derivative of the metric by the marked time: how often it counts.
        value: the marked time, once [s or J].
    """

    resource: str
    cause: str
    operator: str
    index: int
    weight: float
    value: float


def parts_of(program: Program, output: str, inputs: Mapping[str, float], unit: str = "s") -> list[Part]:
    """Return the parts of a metric; weight times value over all of them sums to the metric."""
    live = set(program.live([program.outputs[output]]))
    marks = {i: label for i, label in program.marks(unit).items() if i in live}
    slopes = gradient(program, output, list(marks), outermost=True)
    derivatives = evaluate(slopes, inputs)
    values = evaluate(program, inputs)
    parts = []
    for position, (index, label) in enumerate(marks.items()):
        weight = float(derivatives[slopes.outputs[f"d{position}"]])
        if weight != 0:
            parts.append(Part(*label, index=index, weight=weight, value=float(values[index])))
    return parts


def grouped(parts: list[Part], *keys: str) -> dict[tuple[str, ...], float]:
    """Sum the parts by some of their labels, largest first."""
    sums: dict[tuple[str, ...], float] = {}
    for part in parts:
        key = tuple(str(getattr(part, k)) for k in keys)
        sums[key] = sums.get(key, 0.0) + part.weight * part.value
    return dict(sorted(sums.items(), key=lambda item: -item[1]))
