"""The regression set: errors of shipped presets on measurements are re-derived, and may only get better.

The page on accuracy and the table that `run` quotes are generated here, with SYMARCH_UPDATE_DOCS=1.
"""

from __future__ import annotations

import os
import re
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import least_squares

from symarch.accuracy import FAMILIES, Prediction, Score, Table, errors_of, predict, read_table, scores_of
from symarch.accuracy.calibrate import calibrate
from symarch.accuracy.expected import FILE, expected_text
from symarch.accuracy.machines import joined, machine
from symarch.accuracy.serving import predict_serving
from symarch.report.accuracy import row_text, worst_of
from symarch.specs.systems import override

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "accuracy.md"
DATA = Path(__file__).parent / "data"
FILES = sorted(DATA.glob("*.csv"))
UPDATE = bool(os.environ.get("SYMARCH_UPDATE_DOCS"))

MOST = {
    # median and mean absolute error in percent of the measured latency: what is reached, and half a percent or so
    ("attention_decode", "a100_sxm"): (7.2, 9.8),
    ("attention_decode", "h100_sxm"): (6.8, 9.2),
    ("attention_prefill", "a100_sxm"): (3.1, 4.1),
    ("attention_prefill", "h100_sxm"): (8.8, 10.5),
    ("collective", "a100_sxm"): (5.9, 8.8),
    ("collective", "h100_sxm"): (5.4, 8.8),
    ("e2e_llm_inference_bench", "Nvidia A100 GPU"): (7.0, 13.8),
    ("e2e_serving", "h100_sxm"): (7.0, 12.8),
    ("e2e_splitwise", "a100-80gb"): (6.5, 8.5),
    ("elementwise", "a100"): (10.0, 24.0),
    ("gemm", "a100_sxm"): (6.0, 8.1),
    ("gemm", "h100_sxm"): (7.7, 9.9),
    ("moe", "a100_sxm"): (10.4, 14.0),
    ("moe", "h100_sxm"): (8.9, 12.6),
}

SYSTEMS = ("a100_sxm", "h100_sxm")

MISSED: dict[tuple[str, str], float] = {}
"""By how much the median error on a system left out misses the target [% points]."""

MISSED_BIAS: dict[tuple[str, str], float] = {}
"""By how much its bias does."""

TARGETS = {
    # median error to be reached on systems and shapes left out of a fit; bias under 10 in each
    "gemm": 12,
    "attention_decode": 15,
    "attention_prefill": 14,
    "moe": 20,
    "collective": 18,
}

GROUPS = {
    # tables fitted together, and the parameters
    "gemm": (
        ("gemm",),
        (
            "launch", "matrix_efficiency", "streaming_efficiency", "split", "lone_tile", "conversion",
            "converted_efficiency",
        ),
    ),
    "attention": (
        ("attention_decode", "attention_prefill"),
        (
            "attention_launch", "attention_efficiency", "attention_streaming", "attention_tile",
            "attention_combine", "cache_latency",
        ),
    ),
    "moe": (
        ("moe",),
        ("expert_launch", "expert_streaming", "tile_element"),
    ),
    "nccl": (
        ("collective",),
        ("start_latency", "software_latency", "efficiency", "bulk_efficiency", "copying"),
    ),
    "vllm_custom_graph": (("collective",), ("software_latency", "peer_latency", "efficiency")),
}  # fmt: skip

ONE_CLOCK = {"gpu.clock": "1.98 GHz"}

TERMS = {
    # what is left out: the group, what is set instead, and the parameters that then do nothing
    "fixed times at the clock": (
        ("gemm", ONE_CLOCK, ()),
        ("attention", ONE_CLOCK, ()),
        ("moe", ONE_CLOCK, ()),
        ("vllm_custom_graph", {"scale_up.clock": "1.98 GHz"}, ()),
    ),
    "whole tiles of products": (("gemm", {"gpu.padding": "0"}, ()), ("moe", {"gpu.padding": "0"}, ())),
    "filling and storing a tile": (("gemm", {"gpu.ramp": "0"}, ()),),
    "the lone tile, until k is split": (("gemm", {"gpu.lone_tile": "0"}, ("lone_tile", "split")),),
    "the time to convert activations": (
        # whose time the launch takes over, at the cost of the lone tile's, which stays as it is lest it become nothing
        ("gemm", {"gpu.conversion": "0"}, ("conversion", "split")),
    ),
    "data that return from the cache": (
        ("gemm", {"gpu.cache_share": "1e-9"}, ()),
        ("attention", {"gpu.cache_share": "1e-9"}, ()),
    ),
    "a tile of queries' fixed time": (("attention", {"gpu.attention_tile": "0"}, ("attention_tile",)),),
    "whole tiles of queries, each on one core": (
        ("attention", {"gpu.attention_padding": "0", "gpu.attention_idle": "0"}, ()),
    ),
    "two groups of rows in a tile of queries": (("attention", {"gpu.query_groups": "1"}, ()),),
    "cores that wait for the last tile": (("attention", {"gpu.attention_tail": "0"}, ()),),
    "the write of prompts to the cache": (("attention", {"gpu.cache_latency": "0"}, ("cache_latency",)),),
    "no more parts of a context than these": (("attention", {"gpu.attention_parts": "128"}, ()),),
    "the combination of split contexts": (("attention", {"gpu.attention_combine": "0"}, ("attention_combine",)),),
    "tiles of experts bring their operands in": (("moe", {"gpu.tile_element": "0"}, ("tile_element",)),),
    "fixed times at the rate of a channel": (("nccl", {"scale_up.channel_rate": "36.7 GB/s"}, ()),),
    "the first slot of a large message": (("nccl", {"scale_up.channel_slot": "0"}, ("efficiency",)),),
    "the time of the wire": (
        ("nccl", {"scale_up.latency": "1 ps"}, ()),
        ("vllm_custom_graph", {"scale_up.latency": "1 ps"}, ()),
    ),
    "a further peer's time": (("vllm_custom_graph", {"scale_up.peer_latency": "0"}, ("peer_latency",)),),
    "the copy of a GPU's own part": (("nccl", {"scale_up.copying": "0"}, ("copying",)),),
}

RARE = (
    ("data that return from the cache", "gemm", "gemm"),
    ("no more parts of a context than these", "attention", "attention_decode"),
)
"""Terms that act on few rows: their group, and the family of the rows."""

ACTS = 0.1
"""Share of a time by which a term changes it in rows that it acts on."""

WHOLE = 2000
"""Rows of a table that are fitted to tell what is left out."""

THINNED = 1500
"""Rows of a table that the fits with and without a term are made on."""

AXES = {
    "attention_decode": "batch",
    "attention_prefill": "input_len",
    "collective": "bytes",
    "elementwise": "tokens",
    "gemm": "m",
    "moe": "tokens",
}
"""The column along which neighbouring rows are compared."""

MOST_APART = 20
"""How far apart two neighbours of a row may lie, as a ratio."""


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


def fit(group: str, fixed: dict[str, str] | None = None, dropped: tuple[str, ...] = (), most: int = WHOLE) -> Any:
    """Return the fit of a group on both systems, crossed, on at most so many rows of each table."""
    names, parameters = GROUPS[group]
    tables = tables_of(names)
    library = names == ("collective",)
    if library:
        tables = [t.only(t.words["library"] == group) for t in tables]
    # by chance, always the same: evenly spaced rows of a sorted table would be rows of a few shapes
    tables = [t.only(np.sort(np.random.default_rng(1).permutation(len(t))[:most])) for t in tables]
    start = joined("h100_sxm", 2, group) if library else machine("h100-sxm")
    prefix = "scale_up" if library else "gpu"
    return calibrate(tables, start, [f"{prefix}.{p}" for p in parameters if p not in dropped], fixed=fixed)


@cache
def whole_fit(group: str) -> Any:
    return fit(group)


def label_of(group: str, family: str) -> str:
    return f"{family} ({group})" if family == "collective" else family


def left_out() -> list[str]:
    """Return the errors on what was left out of a fit: a system, or half of the shapes of both."""
    lines = ["| left out of the fit | family | system | median | mean | bias |", "|---|---|---|---:|---:|---:|"]
    systems, halves = [], []
    for group in GROUPS:
        for label, family, system, median, mean, bias in whole_fit(group).crossed:
            cells = (label_of(group, family), system, f"{median:.0f}", f"{mean:.0f}", f"{bias:+.0f}")
            if label == system:
                systems.append((f"all of {label}", *cells))
            elif label not in SYSTEMS:
                halves.append((label, *cells))
    return lines + [f"| {' | '.join(row)} |" for row in [*systems, *halves]]


@cache
def neighbours(family: str, system: str) -> float:
    """Return the noise of single rows [%]: how far one lies off the mean of its neighbours on both sides.

    It is the residual that is compared, so that what the model explains does not count; halfway between two neighbours
    of the same noise s a row is off by s sqrt(3/2).
    """
    axis = AXES[family]
    prediction = prediction_of(DATA / f"{family}.csv")
    table = prediction.table
    residual = np.log(prediction.predicted / prediction.measured)
    words = [v for n, v in table.words.items() if n in FAMILIES[family].words]
    others = [v for n, v in table.numbers.items() if n in FAMILIES[family].numbers and n != axis]
    rows: dict[Any, list[int]] = {}
    for place in np.flatnonzero(table.words["system"] == system):
        rows.setdefault(tuple(v[place] for v in (*words, *others)), []).append(int(place))
    off = []
    for line in rows.values():
        line.sort(key=lambda k: float(table.numbers[axis][k]))
        for before, index, after in zip(line, line[1:], line[2:], strict=False):
            if table.numbers[axis][after] <= MOST_APART * table.numbers[axis][before]:
                off.append(abs(residual[index] - (residual[before] + residual[after]) / 2) / 1.5**0.5)
    return 100 * float(np.median(off))


@cache
def floor_of(family: str, system: str, rows: int) -> float:
    """Return the noise floor of a mean error: the noise of a row, or twice the error's own standard error if larger."""
    prediction = prediction_of(DATA / f"{family}.csv")
    size = np.abs(errors_of(prediction))[prediction.table.words["system"] == system]
    own = 2 * np.nanstd(size) / min(rows, int(np.isfinite(size).sum())) ** 0.5
    return float(max(own, neighbours(family, system)))


def noise() -> list[str]:
    """Return the noise of single rows and of mean errors."""
    lines = ["| family | system | noise of a row | floor of a mean error |", "|---|---|---:|---:|"]
    for s in scores():
        if s.family in TARGETS:
            floor = floor_of(s.family, s.system, THINNED // 2)
            lines.append(f"| {s.family} | {s.system} | {neighbours(s.family, s.system):.1f} | {floor:.1f} |")
    return lines


@cache
def ablation() -> tuple[tuple[str, str, str, str, float, float, float], ...]:
    """Return (term, family, left out, system, mean error with the term, without, floor) for all that is left out."""
    best = {g: fit(g, most=THINNED).crossed for g in GROUPS}
    found = []
    for term, places in TERMS.items():
        for group, fixed, dropped in places:
            rest = {(r[0], r[1], r[2]): r[4] for r in fit(group, fixed, dropped, THINNED).crossed}
            for label, family, system, _, mean, _ in best[group]:
                if label not in SYSTEMS or label == system:
                    floor = floor_of(family, system, THINNED // 2)
                    left = rest[label, family, system]
                    found.append((term, label_of(group, family), label, system, mean, left, floor))
    return (*found, *acted())


def acted() -> list[tuple[str, str, str, str, float, float, float]]:
    """Return the same of terms that act on few rows, for these, fitted to those that they do not act on."""
    found = []
    for term, group, family in RARE:
        ((_, off, _), *_) = (place for place in TERMS[term] if place[0] == group)
        tables = {name: table_of(DATA / f"{name}.csv") for name in GROUPS[group][0]}
        table = tables[family]

        def times(values: dict[str, str], table: Table = table) -> Any:
            return predict(table, change=lambda s: override(s, values)).predicted

        acts = np.abs(times({}) / times(off) - 1) > ACTS
        kept = {name: np.arange(len(t)) for name, t in tables.items()} | {family: np.flatnonzero(~acts)}
        kept = {name: np.random.default_rng(1).permutation(rows)[:THINNED] for name, rows in kept.items()}
        names = [f"gpu.{p}" for p in GROUPS[group][1]]
        fitted = calibrate(
            [t.only(np.sort(kept[name])) for name, t in tables.items()], machine("h100-sxm"), names, crossed=False
        )
        values = {p.name: str(p.value) for p in fitted.parameters}
        measured = table.numbers["latency_us"] * 1e-6
        for system in SYSTEMS:
            rows = acts & (table.words["system"] == system)
            if rows.any():
                errors = [
                    100 * float(np.mean(np.abs(times(v)[rows] / measured[rows] - 1))) for v in (values, values | off)
                ]
                floor = floor_of(family, system, int(rows.sum()))
                found.append((term, family, "what it acts on", system, errors[0], errors[1], floor))
    return found


def terms() -> list[str]:
    """Return what each term is worth: on a system left out, and on the halves it helps and harms most."""
    lines = [
        "| term | family | left out | system | mean with | mean without | floor |",
        "|---|---|---|---|---:|---:|---:|",
    ]
    for term, places in TERMS.items():
        for family in dict.fromkeys(label_of(group, f) for group, _, _ in places for f in GROUPS[group][0]):
            own = [r for r in ablation() if r[0] == term and r[1] == family]
            halves = sorted((r for r in own if r[2] not in SYSTEMS), key=lambda r: r[5] - r[4])
            shown = [r for r in own if r[2] in SYSTEMS] + ([halves[-1], halves[0]] if halves else [])
            for _, _, label, system, mean, without, floor in dict.fromkeys(shown):
                place = f"all of {label}" if label in SYSTEMS else label
                lines.append(f"| {term} | {family} | {place} | {system} | {mean:.1f} | {without:.1f} | {floor:.1f} |")
    return lines


def harmful() -> list[str]:
    """Return where a term worsens what is left out by more than the floor."""
    found = [
        f"- {term}: {family}, {label if label not in SYSTEMS else 'all'} of {system} left out: {mean:.1f} % with it, "
        f"{without:.1f} % without"
        for term, family, label, system, mean, without, floor in ablation()
        if mean - without > floor
    ]
    return found or ["Nowhere."]


@pytest.mark.parametrize("term", TERMS)
def test_every_term_is_worth_more_than_the_noise_somewhere(term: str) -> None:
    gains = [without - mean - floor for name, *_, mean, without, floor in ablation() if name == term]
    assert max(gains) > 0


def test_no_term_worsens_a_system_left_out() -> None:
    harmed = [r for r in ablation() if r[2] in SYSTEMS and r[4] - r[5] > r[6]]
    assert harmed == []


@pytest.mark.parametrize("group", GROUPS)
def test_what_is_left_out_is_predicted_as_well_as_asked(group: str) -> None:
    for label, family, system, median, _, bias in whole_fit(group).crossed:
        if label == system:
            assert median < TARGETS[family] + MISSED.get((family, system), 0)
            assert abs(bias) < 10 + MISSED_BIAS.get((group, system), 0)


def unknown() -> dict[tuple[str, str], float]:
    """Return the median error on each system left out of the fit of a family, the larger one of two libraries."""
    found: dict[tuple[str, str], float] = {}
    for group in GROUPS:
        for label, family, system, median, _, _ in whole_fit(group).crossed:
            if label == system:
                found[family, system] = max(median, found.get((family, system), 0.0))
    return found


def runtimes_left_out() -> list[str]:
    """Return the errors of time per token, runtimes fitted to some degrees of parallelism and judged on the others."""
    lines = ["| runtime | model | fitted to | judged on | rows | median | bias |", "|---|---|---|---|---:|---:|---:|"]
    table = table_of(DATA / "e2e_serving.csv")
    few = np.isin(table.words["gpus"], ("1", "2"))
    dense = np.char.find(table.words["model"], "A22B") < 0
    measured = table.numbers["tpot_ms"] / 1e3
    ideal = {name: predict_serving(table, False, {"step": 0.0, "sequence": 0.0, "prompts": share})[0] for name, share in
             (("alone", 0.0), ("all", 1.0))}  # fmt: skip
    waits = ideal["all"] - ideal["alone"]

    def error(rows: Any, x: Any) -> Any:
        return np.log((ideal["alone"][rows] + x[0] * 1e-3 + x[1] * waits[rows]) / measured[rows])

    for backend in ("sglang", "trtllm", "vllm"):
        for words, kept in (("1 and 2 GPUs", few), ("4 and 8 GPUs", ~few)):
            own = dense & (table.words["backend"] == backend) & np.isfinite(measured) & (measured > 0)
            fitted, judged = own & kept, own & ~kept

            x = least_squares(partial(error, fitted), [0.5, 1], bounds=(0, 50), loss="soft_l1", f_scale=0.05).x
            off = 100 * np.expm1(error(judged, x))
            there = "4 and 8 GPUs" if kept is few else "1 and 2 GPUs"
            lines.append(
                f"| {backend} | Qwen3-32B | {words} | {there} | {off.size} | {np.median(np.abs(off)):.0f} | "
                f"{off.mean():+.0f} |"
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


@pytest.mark.parametrize(
    "build",
    [errors, skipped, noise, left_out, runtimes_left_out, terms, harmful, farthest],
    ids=lambda f: str(f.__name__),
)
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
    due = expected_text([prediction_of(path) for path in FILES], unknown())
    if UPDATE:
        FILE.write_text(due, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == due
