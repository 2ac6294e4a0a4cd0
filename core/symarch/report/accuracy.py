"""Accuracy as JSON, text and an HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table as Grid

from symarch.accuracy.prediction import Prediction
from symarch.accuracy.scores import Score, errors_of, scores_of
from symarch.quantities import format_quantity
from symarch.report.page import document, figure_html, section_html, table_html
from symarch.report.pictures import measured_colours, measured_figures
from symarch.report.sections import Table

WIDTH = 110
"""Characters that the table of scores is given at least, so that no name is cut."""


def accuracy_data(scores: Sequence[Score]) -> list[dict[str, Any]]:
    """Return one object for each family and system, errors in percent of the measured latency."""
    return [
        {
            "file": s.file,
            "family": s.family,
            "system": s.system,
            "n": s.n,
            "mape": s.mape,
            "median": s.median,
            "p90": s.p90,
            "bias": s.bias,
            "skipped": {"count": s.skipped, "reasons": s.reasons},
        }
        for s in scores
    ]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def worst_of(prediction: Prediction, count: int) -> list[tuple[float, float, float, dict[str, str | float]]]:
    """Return the rows farthest off: (error [%], measured [s], predicted [s], row), the farthest first."""
    errors = errors_of(prediction)
    order = np.argsort(-np.nan_to_num(np.abs(np.log1p(np.maximum(errors, -99.999) / 100))), kind="stable")[:count]
    return [
        (float(errors[i]), float(prediction.measured[i]), float(prediction.predicted[i]), prediction.table.row(i))
        for i in map(int, order)
        if np.isfinite(errors[i])
    ]


def row_text(row: dict[str, str | float]) -> str:
    """Return a row of a table as `m 1, n 256`."""
    return ", ".join(f"{k} {v if isinstance(v, str) else f'{v:g}'}" for k, v in row.items() if v != "")


def left_out(predictions: Sequence[Prediction]) -> list[str]:
    """Return a sentence on the rows without a prediction for each reason, over all systems of a family."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for prediction in predictions:
        for (system, why), count in prediction.reasons.items():
            own = found.setdefault((prediction.table.family, why), {})
            own[system] = own.get(system, 0) + count
    return [
        f"{family}, {', '.join(own)}: {_rows(sum(own.values()))} without a prediction: {why}"
        for (family, why), own in found.items()
    ]


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def print_accuracy(predictions: Sequence[Prediction], worst: int) -> None:
    """Print the scores, the reasons of rows left out, and the rows farthest off."""
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, WIDTH)
    grid = Grid(box=box.SIMPLE)
    grid.add_column("family")
    grid.add_column("system")
    for name in ("n", "MAPE %", "median %", "P90 %", "bias %", "skipped"):
        grid.add_column(name, justify="right")
    scores = [s for p in predictions for s in scores_of(p)]
    for s in scores:
        figures = map(_figure, (s.mape, s.median, s.p90, s.bias))
        grid.add_row(s.family, s.system, str(s.n), *figures, str(s.skipped))
    console.print(grid)
    console.print("errors in percent of the measured latency; bias above 0: predicted too long", markup=False)
    for sentence in left_out(predictions):
        console.print(sentence, markup=False)
    for p in predictions if worst else ():
        console.print(f"\n{p.table.path}: the rows farthest off", markup=False)
        for error, measured, predicted, row in worst_of(p, worst):
            console.print(
                f"  {error:+7.0f} %  measured {measured:.3g} s, predicted {predicted:.3g} s: {row_text(row)}",
                markup=False,
            )


HEAD = ("family", "system", "rows", "mean %", "median %", "P90 %", "bias %", "skipped")
"""The columns of the page's table of scores."""


def accuracy_page(predictions: Sequence[Prediction], worst: int, ideal: bool) -> str:
    """Return an HTML page: a table of scores, a log-log scatter plot for each file, the rows farthest off."""
    title = "Accuracy of the speed of light" if ideal else "Accuracy"
    scores = [s for p in predictions for s in scores_of(p)]
    table = Table(HEAD, tuple(tuple(s.row()[name] for name in HEAD) for s in scores), "", frozenset({1}))
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in left_out(predictions))
    words = (
        "<p>Errors in percent of the measured latency; bias is their mean with sign, above 0 where too long a time is "
        f"predicted.</p>{f'<ul>{said}</ul>' if said else ''}"
    )
    colours = measured_colours(predictions)
    sections = [
        ("scores", "Scores", section_html("scores", "Scores", words, "", "", table_html({}, table, "scores-0")))
    ]
    for k, one in enumerate(predictions):
        name, heading = f"file-{k}", one.table.path.name
        figures = "".join(map(figure_html, measured_figures(one, colours)))
        words = "" if figures else "<p>No row could be predicted.</p>"
        sections.append((name, heading, section_html(name, heading, words, figures, "", _farthest(one, worst, name))))
    return document(title, "Predictions held to measured latencies", sections, {version("symarch")})


def _farthest(prediction: Prediction, worst: int, name: str) -> str:
    """Return a table of the rows farthest off."""
    rows = tuple(
        (f"{error:+.0f}", format_quantity(taken, "s"), format_quantity(predicted, "s"), row_text(row))
        for error, taken, predicted, row in (worst_of(prediction, worst) if worst else [])
    )
    table = Table(("error %", "measured", "predicted", "row"), rows, "Farthest off", frozenset({3}))
    return table_html({}, table, f"{name}-0")
