"""How far predictions are from measurements, in percent of what was measured."""

from __future__ import annotations

import attrs
import numpy as np

from symarch.accuracy.prediction import Prediction
from symarch.accuracy.tables import Array
from symarch.notebook import Records


@attrs.frozen
class Score:
    """The errors of one family on one system.

    Attributes:
        file: the file the rows are from.
        family: what was measured.
        system: the system's name in the file.
        n: rows predicted.
        mape: mean absolute error [%], None without rows.
        median: median absolute error [%].
        p90: 90th percentile of the absolute error [%].
        bias: mean signed error [%], above 0 where too long is predicted.
        skipped: rows that could not be predicted.
        reasons: why, with the number of rows.
    """

    file: str
    family: str
    system: str
    n: int
    mape: float | None
    median: float | None
    p90: float | None
    bias: float | None
    skipped: int
    reasons: dict[str, int]

    def row(self) -> dict[str, str]:
        """Return what a table says of it, errors in percent of the measured latency."""
        errors = {"mean %": self.mape, "median %": self.median, "P90 %": self.p90}
        shown = {name: "" if v is None else f"{v:.1f}" for name, v in errors.items()}
        bias = "" if self.bias is None else f"{self.bias:+.1f}"
        return {"family": self.family, "system": self.system, "rows": str(self.n), **shown, "bias %": bias,
                "skipped": str(self.skipped)}  # fmt: skip


def errors_of(prediction: Prediction) -> Array:
    """Return the signed errors in percent of the measured latency; not a number for rows without prediction."""
    return 100 * (prediction.predicted / prediction.measured - 1)


def scores_of(prediction: Prediction) -> Records[Score]:
    """Return one score for each system of a table."""
    table = prediction.table
    errors = errors_of(prediction)
    found = []
    for system in np.unique(table.words["system"]):
        own = errors[table.words["system"] == system]
        own = own[np.isfinite(own)]
        reasons = {why: n for (s, why), n in prediction.reasons.items() if s == system}
        figures = figures_of(own)
        found.append(
            Score(str(table.path), table.family, str(system), own.size, *figures, sum(reasons.values()), reasons)
        )
    return Records(f"Errors on {table.path.name}, in percent of the measured latency", found)


def figures_of(errors: Array) -> tuple[float | None, float | None, float | None, float | None]:
    """Return MAPE, median, 90th percentile and bias (the mean signed error) of signed errors in percent."""
    if not errors.size:
        return None, None, None, None
    size = np.abs(errors)
    return float(size.mean()), float(np.median(size)), float(np.percentile(size, 90)), float(errors.mean())
