"""What symarch says a measurement should have been: one program for all rows that differ in numbers alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import numpy as np

from symarch.accuracy.machines import joined
from symarch.accuracy.operators import OPERATORS, alone, devices_of, operators_of
from symarch.accuracy.tables import FAMILIES, Array, Table
from symarch.api import operator_time
from symarch.errors import SymarchError
from symarch.notebook import Sheet, Shown
from symarch.program import Program, Tape, total
from symarch.program.arrays import ArrayFunction
from symarch.specs import System

UNSOUND = "a number of the row is missing, not finite or not above 0"
"""Why a row that says nothing else has no prediction."""


@attrs.frozen(eq=False)
class Prediction(Shown):
    """The predicted latencies of a table.

    Attributes:
        table: the table.
        measured: latencies [s].
        predicted: latencies [s]; not a number where there is none.
        reasons: why, for the rows that have none: how many rows by sentence.
    """

    table: Table
    measured: Array
    predicted: Array
    reasons: Mapping[tuple[str, str], int]

    def sheets(self) -> tuple[Sheet, ...]:
        """Return the errors by system."""
        from symarch.accuracy.scores import scores_of

        return scores_of(self).sheets()


def record_rows(
    family: str, words: Mapping[str, str], system: System, fitted: tuple[str, ...] = (), ideal: bool = False
) -> Program:
    """Record the time of rows of one kind; inputs are the family's numbers and the parameters `fitted`.

    Power limits are left out: what was measured ran within them. At the speed of light no cache is counted on, so that
    it is the roofline of the memory.
    """
    tape = Tape()
    numbers = {n: tape.input(n) for n in FAMILIES[family].numbers}

    def make(component: str, parameter: str, value: float) -> object:
        name = f"{component}.{parameter}"
        return tape.input(name) if name in fitted else value

    found = operators_of(family, words, numbers)
    times = [
        operator_time(system, o, devices=devices_of(words), make=make, limits=False)
        for o in (map(alone, found) if ideal else found)
    ]
    return Program.of(tape, {"time": total(times)})


def speed_of_light(system: System) -> System:
    """Return the ideal system, except that kernels alone have nobody to be fused with."""
    found = system.ideal()
    kept = {
        c.name: attrs.evolve(c, settings={**c.settings, "spill": system.components[c.name].settings["spill"]})
        for c in found.of("processor")
    }
    return attrs.evolve(found, components={**found.components, **kept})


def predict(table: Table, ideal: bool = False, change: Callable[[System], System] | None = None) -> Prediction:
    """Predict every row of a table; rows that cannot be are not numbers, with the reasons.

    Args:
        table: the rows.
        ideal: the speed of light.
        change: what to make of the system of a row of operators, for example with other parameters.
    """
    family = FAMILIES[table.family]
    measured = table.numbers[family.measured[0]] * family.unit
    predicted = np.full(len(table), np.nan)
    reasons: dict[tuple[str, str], int] = {}
    if table.family not in OPERATORS:
        from symarch.accuracy.serving import predict_serving

        predicted, reasons = predict_serving(table, ideal)
        return _checked(table, measured, predicted, reasons)
    for key, rows in table.groups(family.words):
        words = dict(zip(family.words, key, strict=True))
        try:
            system = joined(words["system"], devices_of(words), words.get("library"))
            system = system if change is None else change(system)
            program = record_rows(table.family, words, speed_of_light(system) if ideal else system, ideal=ideal)
        except SymarchError as error:
            reasons[words["system"], str(error)] = reasons.get((words["system"], str(error)), 0) + rows.size
            continue
        inputs = tuple(program.inputs)
        given = [table.numbers[n][rows] for n in inputs]
        predicted[rows] = ArrayFunction(program, inputs)(*given)[0] if inputs else program_constant(program)
    return _checked(table, measured, predicted, reasons)


ODD = 50.0
"""Ratio of predicted to measured times beyond which their unit is doubted."""


def doubts(prediction: Prediction) -> str | None:
    """Return a sentence on measured times that seem to be in another unit, None if they do not."""
    good = np.isfinite(prediction.predicted)
    if not good.any():
        return None
    ratio = float(np.median(prediction.predicted[good] / prediction.measured[good]))
    if 1 / ODD < ratio < ODD:
        return None
    family = FAMILIES[prediction.table.family]
    unit = {1e-6: "us", 1e-3: "ms"}.get(family.unit, "s")
    way = "shorter" if ratio > 1 else "longer"
    return (
        f"{prediction.table.path}: measured times are {max(ratio, 1 / ratio):.0f} times {way} than predicted, by the "
        f"median; {family.measured[0]} must be in {unit}"
    )


def program_constant(program: Program) -> float:
    """Return the value of a program without inputs."""
    from symarch.program.derivatives import evaluate

    return float(evaluate(program, {})[program.outputs["time"]])


def _checked(table: Table, measured: Array, predicted: Array, reasons: Mapping[tuple[str, str], int]) -> Prediction:
    """Count the rows whose numbers are missing, not finite or not above 0."""
    counted = dict(reasons)
    known = sum(reasons.values())
    bad = ~(table.sound & np.isfinite(predicted) & (predicted > 0))
    if bad.sum() > known:
        named = {system for system, _ in reasons}
        for system in np.unique(table.words["system"][bad]):
            count = int((bad & (table.words["system"] == system)).sum())
            count -= sum(n for (s, _), n in reasons.items() if s == system) if system in named else 0
            if count:
                counted[str(system), UNSOUND] = count
    return Prediction(table, measured, np.where(bad, np.nan, predicted), counted)
