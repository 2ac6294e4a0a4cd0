"""The regression set: errors of shipped presets on measurements are re-derived, and may only get better.

The page on accuracy and the table that `run` quotes are generated here, with SYMARCH_UPDATE_DOCS=1.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from symarch.accuracy import Prediction, Score, Table, predict, read_table, scores_of
from symarch.accuracy.calibrate import calibrate
from symarch.accuracy.expected import FILE, expected_text
from symarch.accuracy.machines import joined, machine
from symarch.report.accuracy import row_text, worst_of

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "accuracy.md"
DATA = Path(__file__).parent / "data"
FILES = sorted(DATA.glob("*.csv"))
UPDATE = bool(os.environ.get("SYMARCH_UPDATE_DOCS"))

MOST = {
    # median and mean absolute error in percent of the measured latency: what is reached, and half a percent or so
    ("attention_decode", "a100_sxm"): (10.0, 16.0),
    ("attention_decode", "h100_sxm"): (10.8, 12.8),
    ("attention_prefill", "a100_sxm"): (8.0, 16.5),
    ("attention_prefill", "h100_sxm"): (11.0, 14.2),
    ("collective", "a100_sxm"): (7.5, 10.0),
    ("collective", "h100_sxm"): (8.5, 11.0),
    ("e2e_llm_inference_bench", "Nvidia A100 GPU"): (28.0, 32.0),
    ("e2e_serving", "h100_sxm"): (11.0, 18.5),
    ("e2e_splitwise", "a100-80gb"): (26.0, 23.0),
    ("elementwise", "a100"): (10.5, 25.0),
    ("gemm", "a100_sxm"): (7.5, 10.0),
    ("gemm", "h100_sxm"): (9.0, 12.5),
    ("moe", "a100_sxm"): (15.0, 19.0),
    ("moe", "h100_sxm"): (12.5, 20.0),
}

SYSTEMS = ("a100_sxm", "h100_sxm")

FITTED = {
    # tables fitted together, the system that the fit starts from, and the parameters
    "gemm": (
        ("gemm",),
        ("launch", "matrix_efficiency", "streaming_efficiency", "conversion", "converted_efficiency"),
    ),
    "attention": (
        ("attention_decode", "attention_prefill"),
        (
            "attention_launch",
            "attention_efficiency",
            "attention_tile",
            "attention_tail",
            "attention_streaming",
        ),
    ),
    "moe": (
        ("moe",),
        ("expert_idle", "expert_launch", "expert_efficiency", "expert_streaming", "expert_converted_efficiency"),
    ),
}

TERMS = {
    # what is left out, and where it acts
    "a tile's fixed time": ("attention", {"gpu.attention_tile": "0"}, ("attention_tile",)),
    "the longest tile's tail": ("attention", {"gpu.attention_tail": "0"}, ("attention_tail",)),
    "rows of experts elsewhere": ("moe", {"gpu.expert_idle": "0"}, ("expert_idle",)),
    "the time to convert activations": ("gemm", {"gpu.conversion": "0"}, ("conversion",)),
}


@cache
def table_of(path: Path) -> Table:
    return read_table(path)


@cache
def prediction_of(path: Path, ideal: bool = False) -> Prediction:
    return predict(table_of(path), ideal)


@cache
def scores(ideal: bool = False) -> list[Score]:
    return [s for path in FILES for s in scores_of(prediction_of(path, ideal))]


def test_the_regression_set_is_small() -> None:
    assert sum(p.stat().st_size for p in DATA.iterdir()) < 2 * 2**20


def test_every_family_and_system_has_a_bound() -> None:
    assert {(s.family, s.system) for s in scores()} == set(MOST)


@pytest.mark.parametrize(("family", "system"), MOST)
def test_errors_only_get_smaller(family: str, system: str) -> None:
    (score,) = [s for s in scores() if (s.family, s.system) == (family, system)]
    median, mean = MOST[family, system]
    assert score.median is not None
    assert score.mape is not None
    assert score.median <= median
    assert score.mape <= mean
    if score.median < 0.8 * median:
        pytest.fail(f"the error of {family} on {system} has fallen to {score.median:.1f} %: lower its bound")


@pytest.mark.parametrize("family", ["gemm", "attention_decode", "attention_prefill", "moe", "collective"])
def test_the_model_beats_the_roofline_on_every_system(family: str) -> None:
    plain = {s.system: s.median for s in scores(ideal=True) if s.family == family}
    for score in scores():
        if score.family == family:
            due, found = plain[score.system], score.median
            assert due is not None
            assert found is not None
            assert found < due / 2


def test_rows_are_counted_whether_predicted_or_not() -> None:
    for path in FILES:
        own = scores_of(prediction_of(path))
        assert sum(s.n + s.skipped for s in own) == len(table_of(path))
        assert all(sum(s.reasons.values()) == s.skipped for s in own)


# --- the generated page


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def errors() -> list[str]:
    """Return the table of errors beside those of a plain roofline."""
    lines = [
        "| family | system | rows | mean | median | P90 | bias | roofline: median |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    plain = {(s.family, s.system): s.median for s in scores(ideal=True)}
    for s in scores():
        cells = (s.mape, s.median, s.p90)
        figures = " | ".join(_percent(v) for v in cells)
        bias = "" if s.bias is None else f"{s.bias:+.0f}"
        lines.append(
            f"| {s.family} | {s.system} | {s.n} | {figures} | {bias} | {_percent(plain[s.family, s.system])} |"
        )
    return lines


def tables_of(names: tuple[str, ...]) -> list[Table]:
    return [table_of(DATA / f"{n}.csv") for n in names]


def left_out() -> list[str]:
    """Return the errors on what was left out of a fit: a system, or of one system half of the shapes."""
    lines = ["| left out of the fit | family | system | median | mean |", "|---|---|---|---:|---:|"]
    nccl = tables_of(("collective",))[0]
    nccl = nccl.only(nccl.words["library"] == "nccl")
    whole: list[Any] = []
    halves: list[Any] = []
    for names, parameters in FITTED.values():
        whole += calibrate(tables_of(names), machine("h100-sxm"), [f"gpu.{p}" for p in parameters]).crossed
        for label in SYSTEMS:
            tables = [t.of_systems((label,)) for t in tables_of(names)]
            halves += calibrate(tables, machine(label), fitted_on(label, parameters)).crossed
    whole += calibrate([nccl], joined("h100_sxm", 2, "nccl")).crossed
    for label in SYSTEMS:
        halves += calibrate([nccl.of_systems((label,))], joined(label, 2, "nccl")).crossed
    rows = [*((f"all of {w[0]}", *w[1:]) for w in whole if w[0] == w[2]), *halves]
    for label, family, system, median, mean in rows:
        lines.append(f"| {label} | {family} | {system} | {median:.0f} | {mean:.0f} |")
    return lines


def fitted_on(label: str, parameters: tuple[str, ...]) -> list[str]:
    """Return the parameters that the rows of a system depend on: on A100 nothing has fewer than 16 bits."""
    eight = {"conversion", "converted_efficiency", "expert_converted_efficiency"}
    return [f"gpu.{p}" for p in parameters if label == "h100_sxm" or p not in eight]


def terms() -> list[str]:
    """Return the errors with and without each term, everything else fitted again to each system."""
    lines = ["| without | family | system | mean with | mean without |", "|---|---|---|---:|---:|"]
    for words, (group, fixed, dropped) in TERMS.items():
        names, parameters = FITTED[group]
        for label in SYSTEMS:
            tables = [t.of_systems((label,)) for t in tables_of(names)]
            own, start = fitted_on(label, parameters), machine(label)
            less = [p for p in own if p.removeprefix("gpu.") not in dropped]
            if len(less) == len(own) and dropped:
                continue
            best = calibrate(tables, start, own, crossed=False).after
            rest = calibrate(tables, start, less, crossed=False, fixed=fixed).after
            for family, system in best:
                lines.append(
                    f"| {words} | {family} | {system} | {best[family, system][1]:.1f} | {rest[family, system][1]:.1f} |"
                )
    return lines


def farthest() -> list[str]:
    """Return the rows farthest off, three of each file of operators."""
    lines = []
    for path in FILES:
        lines.append(f"- {path.stem}")
        for error, measured, predicted, row in worst_of(prediction_of(path), 3):
            lines.append(f"  - {error:+.0f} %: {measured:.3g} s measured, {predicted:.3g} s predicted; {row_text(row)}")
    return lines


def skipped() -> list[str]:
    """Return the rows without a prediction, and why."""
    found = [
        f"- {s.family}, {s.system}: {n} rows: {why.partition(';')[0]}" for s in scores() for why, n in s.reasons.items()
    ]
    return found or ["None."]


@pytest.mark.parametrize("build", [errors, skipped, left_out, terms, farthest], ids=lambda f: str(f.__name__))
def test_generated_section_is_up_to_date(build: Any) -> None:
    name = build.__name__
    text = PAGE.read_text(encoding="utf-8")
    match = re.search(rf"(<!-- generated: {name} -->\n\n)(.*?)(\n\n<!-- end -->)", text, re.DOTALL)
    assert match
    due = "\n".join(build())
    if UPDATE and match[2] != due:
        PAGE.write_text(text[: match.start(2)] + due + text[match.end(2) :], encoding="utf-8")
        return
    assert match[2] == due


def test_the_table_that_run_quotes_is_up_to_date() -> None:
    due = expected_text(scores())
    if UPDATE:
        FILE.write_text(due, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == due
