"""Accuracy as JSON, text and an HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table as Grid

from symarch.accuracy.prediction import Prediction
from symarch.accuracy.scores import Score, errors_of, scores_of

SIDE = 320
"""Width and height of a scatter plot in pixels."""

WIDTH = 110
"""Characters that the table of scores is given at least, so that no name is cut."""

MOST_POINTS = 2000
"""Points drawn in a scatter plot; of more, evenly spaced ones."""


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
    for s in scores:
        for why, count in s.reasons.items():
            console.print(f"{s.family}, {s.system}: {count} rows without a prediction: {why}", markup=False)
    for p in predictions if worst else ():
        console.print(f"\n{p.table.path}: the rows farthest off", markup=False)
        for error, measured, predicted, row in worst_of(p, worst):
            console.print(
                f"  {error:+7.0f} %  measured {measured:.3g} s, predicted {predicted:.3g} s: {row_text(row)}",
                markup=False,
            )


def accuracy_page(predictions: Sequence[Prediction], worst: int, ideal: bool) -> str:
    """Return an HTML page: a table of scores, a log-log scatter plot for each file, the rows farthest off."""
    title = "Accuracy of the speed of light" if ideal else "Accuracy"
    head = "".join(
        f"<th>{h}</th>" for h in ("family", "system", "n", "MAPE %", "median %", "P90 %", "bias %", "skipped")
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td>{escape(c)}</td>"
            for c in (s.family, s.system, str(s.n), *map(_figure, (s.mape, s.median, s.p90, s.bias)), str(s.skipped))
        )
        + "</tr>"
        for p in predictions
        for s in scores_of(p)
    )
    parts = [f"<h1>{title}</h1><p>Errors in percent of the measured latency.</p><table><tr>{head}</tr>{rows}</table>"]
    for p in predictions:
        parts.append(f"<h2>{escape(str(p.table.path))}</h2>{_scatter(p)}")
        parts += [f"<p>{count} rows of {escape(s)} without a prediction: {escape(why)}</p>"
                  for (s, why), count in p.reasons.items()]  # fmt: skip
        if worst:
            items = "".join(
                f"<li>{error:+.0f} %: measured {m:.3g} s, predicted {q:.3g} s: {escape(row_text(row))}</li>"
                for error, m, q, row in worst_of(p, worst)
            )
            parts.append(f"<ol>{items}</ol>")
    style = (
        "body{font:15px/1.5 system-ui;margin:2em auto;max-width:60em}td,th{padding:.2em .7em;text-align:right}"
        "td:nth-child(-n+2),th:nth-child(-n+2){text-align:left}svg{border:1px solid #ccc}"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{style}</style>'
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _scatter(prediction: Prediction) -> str:
    """Return measured against predicted times on logarithmic axes as SVG, with lines at equality and a factor of 2."""
    good = np.flatnonzero(np.isfinite(prediction.predicted))
    if not good.size:
        return "<p>No row could be predicted.</p>"
    good = good[:: -(-good.size // MOST_POINTS)]
    measured, predicted = np.log10(prediction.measured[good]), np.log10(prediction.predicted[good])
    low = np.floor(min(measured.min(), predicted.min()))
    high = np.ceil(max(measured.max(), predicted.max()))
    scale = SIDE / max(high - low, 1)

    def place(value: Any) -> Any:
        return (value - low) * scale

    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{SIDE - y:.1f}" r="1.2"/>'
        for x, y in zip(place(measured), place(predicted), strict=True)
    )
    lines = "".join(
        f'<line x1="0" y1="{SIDE - d:.1f}" x2="{SIDE}" y2="{-d:.1f}" stroke="{colour}"/>'
        for d, colour in ((0.0, "#333"), (np.log10(2) * scale, "#bbb"), (-np.log10(2) * scale, "#bbb"))
    )
    return (
        f'<svg viewBox="0 0 {SIDE} {SIDE}" width="{SIDE}" height="{SIDE}" fill="#0a58ca" fill-opacity=".4">'
        f"{lines}{dots}</svg><p>Measured (across) against predicted (up), 1e{low:.0f} to 1e{high:.0f} s on "
        "logarithmic axes; lines at equality and a factor of two.</p>"
    )
