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
from symarch.quantities import format_quantity
from symarch.report.page import base_style, fingerprint
from symarch.report.palette import HUES

SIDE = 400
"""Width and height of what a scatter plot is drawn in."""

LEFT, RIGHT, TOP, BELOW = 72, 24, 10, 42
"""Room beside it for the axes."""

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
    head = "".join(f"<th{_WORDS if name == 'system' else ''}>{name}</th>" for name in HEAD)
    rows = "".join(
        f"<tr><td>{escape(s.family)}</td><td{_WORDS}>{escape(s.system)}</td>{_cells(s)}</tr>" for s in scores
    )
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in left_out(predictions))
    parts = [
        "<section><p>Errors in percent of the measured latency; bias is their mean with sign, above 0 where too long a "
        f'time is predicted.</p><div class="table" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{f'<ul>{said}</ul>' if said else ''}</section>"
    ]
    parts += [f"<section>{_of_file(p, worst)}</section>" for p in predictions]
    style = base_style() + _STYLE
    policy = f"default-src 'none'; style-src '{fingerprint(style)}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n</head>\n"
        f"<body><header><h1>{title}</h1></header><main>{''.join(parts)}</main></body>\n</html>\n"
    )


_STYLE = """
header, main { max-width: 1180px; margin: 0 auto; padding: .8rem 1rem; }
main { display: grid; gap: 2rem; grid-template-columns: minmax(0, 1fr); }
section { min-width: 0; }
h1 { font-size: 1.4rem; }
h2 { border-bottom: 1px solid var(--line); padding-bottom: .2rem; overflow-wrap: anywhere; }
td.words, th.words { text-align: left; }
th, td { white-space: nowrap; }
figure { margin: .8rem 0; }
figure svg { display: block; width: 100%; max-width: 520px; height: auto; }
figcaption { color: var(--quiet); font-size: .87rem; max-width: 46rem; }
circle { fill-opacity: .45; }
.key { display: flex; flex-wrap: wrap; gap: .1rem 1rem; list-style: none; padding: 0; margin: .2rem 0; }
.key svg { display: inline-block; width: .8em; height: .8em; margin-right: .4em; }
.rows td:last-child { text-align: left; white-space: normal; min-width: 18rem; }
.rows td, .rows th { text-align: right; }
.rows th:last-child { text-align: left; }
"""


_WORDS = ' class="words"'


def _cells(score: Score) -> str:
    figures = map(_figure, (score.mape, score.median, score.p90))
    return "".join(f"<td>{cell}</td>" for cell in (score.n, *figures, _signed(score.bias), score.skipped))


def _signed(value: float | None) -> str:
    return "" if value is None else f"{value:+.1f}"


def _of_file(prediction: Prediction, worst: int) -> str:
    """Return what the page says of one file."""
    parts = [f"<h2>{escape(prediction.table.path.name)}</h2>", _scatter(prediction)]
    found = worst_of(prediction, worst) if worst else []
    if found:
        rows = "".join(
            f"<tr><td>{error:+.0f}</td><td>{_time(measured)}</td><td>{_time(predicted)}</td>"
            f"<td>{escape(row_text(row))}</td></tr>"
            for error, measured, predicted, row in found
        )
        parts.append(
            '<h3>Farthest off</h3><div class="table" tabindex="0"><table class="rows"><thead><tr><th>error %</th>'
            f"<th>measured</th><th>predicted</th><th>row</th></tr></thead><tbody>{rows}</tbody></table></div>"
        )
    return "".join(parts)


def _time(value: float) -> str:
    return format_quantity(value, "s")


def _scatter(prediction: Prediction) -> str:
    """Return measured against predicted times on logarithmic axes as SVG, with lines at equality and a factor of 2."""
    good = np.flatnonzero(np.isfinite(prediction.predicted))
    if not good.size:
        return "<p>No row could be predicted.</p>"
    measured, predicted = prediction.measured[good], prediction.predicted[good]
    systems = prediction.table.words["system"][good]
    names = [str(n) for n in np.unique(systems)]
    every = -(-good.size // MOST_POINTS)
    x, y, systems = np.log10(measured[::every]), np.log10(predicted[::every]), systems[::every]
    low = float(np.floor(min(np.log10(measured).min(), np.log10(predicted).min())))
    high = max(float(np.ceil(max(np.log10(measured).max(), np.log10(predicted).max()))), low + 1)
    scale = SIDE / (high - low)

    def across(value: Any) -> Any:
        return LEFT + (value - low) * scale

    def up(value: Any) -> Any:
        return TOP + SIDE - (value - low) * scale

    parts = [f'<rect class="grid" x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}"/>']
    for decade in np.arange(low, high + 0.5, max(1, round((high - low) / 6))):
        label = _time(10.0**decade)
        a, b = across(decade), up(decade)
        parts.append(
            f'<line class="grid" x1="{a:.1f}" y1="{TOP}" x2="{a:.1f}" y2="{TOP + SIDE}"/>'
            f'<line class="grid" x1="{LEFT}" y1="{b:.1f}" x2="{LEFT + SIDE}" y2="{b:.1f}"/>'
            f'<text x="{a:.1f}" y="{TOP + SIDE + 16}" text-anchor="middle">{label}</text>'
            f'<text x="{LEFT - 6}" y="{b + 4:.1f}" text-anchor="end">{label}</text>'
        )
    for colour, name in zip(_colours(names), names, strict=True):
        own = systems == name
        dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="1.6"/>' for a, b in
                       zip(across(x[own]), up(y[own]), strict=True))  # fmt: skip
        parts.append(f'<g fill="{colour}">{dots}</g>')
    two = float(np.log10(2))
    for shift, kind in ((0.0, "roof"), (two, "aim"), (-two, "aim")):
        first, last = low + max(0.0, -shift), high - max(0.0, shift)
        parts.append(
            f'<line class="{kind}" x1="{across(first):.1f}" y1="{up(first + shift):.1f}" x2="{across(last):.1f}" '
            f'y2="{up(last + shift):.1f}"/>'
        )
    middle = TOP + SIDE / 2
    parts.append(
        f'<text x="{LEFT + SIDE / 2}" y="{TOP + SIDE + 34}" text-anchor="middle">measured</text>'
        f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">predicted</text>'
    )
    key = "".join(
        f'<li><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" fill="{c}"/></svg>'
        f"{escape(n)}</li>"
        for c, n in zip(_colours(names), names, strict=True)
    )
    shown = f"; {x.size} of {good.size} rows, evenly spaced" if every > 1 else ""
    caption = f"Measured and predicted times on logarithmic axes; lines at equality and a factor of two{shown}."
    return (
        f'<figure><svg viewBox="0 0 {LEFT + SIDE + RIGHT} {TOP + SIDE + BELOW}" role="img" aria-label="{caption}">'
        f'{"".join(parts)}</svg><ul class="key">{key}</ul><figcaption>{caption}</figcaption></figure>'
    )


def _colours(names: Sequence[str]) -> list[str]:
    """Return a colour for each system."""
    return [HUES[i % len(HUES)] for i in range(len(names))]
