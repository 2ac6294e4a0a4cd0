"""What error to expect of a run: from the errors on measurements, which the page on accuracy is generated from too.

What a metric is made of decides which measurements speak for it: of the devices' times those of operators, of what a
runtime delivers those of served models. A processor that was not measured is answered for by those that were, with the
error that each had when the fit did not know it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from symarch.specs import Component, System

if TYPE_CHECKING:
    from symarch.accuracy.prediction import Prediction
    from symarch.accuracy.tables import Array
    from symarch.api import Analysis
    from symarch.results import Result

FILE = Path(__file__).with_name("expected.json")
"""Errors by family and system; written with the page on accuracy, never by hand."""

SERVED = {"tpot": "e2e_serving", "ttft": "e2e_serving_ttft"}
"""The families that say how well a metric under a runtime is predicted."""

WORDS = {
    "gemm": "matrix products",
    "attention_prefill": "attention of prompts",
    "attention_decode": "attention in decode",
    "moe": "routed experts",
    "collective": "collectives",
    "e2e_serving": "time per token of served {kind} models",
    "e2e_serving_ttft": "time to first token of served {kind} models",
}

FOLLOWING = ("request_time", "throughput", "throughput_per_user")
"""Metrics that are as good as the times they are made of."""

TIMES = ("ttft", "tpot")

_UNMEASURED = {"draft": "speculative decoding", "prefix": "shared prefixes", "continuous": "chunks of prompts in steps"}
"""Ways of serving that no measurement was taken of, by their key in a workload."""


@attrs.frozen
class Expected:
    """The errors found on one family and system.

    Attributes:
        family: what was measured.
        system: name of the system of one device.
        processor: technology of its processor.
        memories: technologies of its memories.
        networks: technologies of the links that its devices were joined by.
        n: rows.
        mape: mean absolute error [%].
        median: median absolute error [%].
        p90: 90th percentile [%].
        bias: mean signed error [%].
        left_out: median absolute error where the fit did not know this system [%]; None where nothing was fitted anew.
        runtime: what served the models, empty for operators.
        kind: dense or routed, of served models.
    """

    family: str
    system: str
    processor: str
    memories: tuple[str, ...]
    networks: tuple[str, ...]
    n: int
    mape: float
    median: float
    p90: float
    bias: float
    left_out: float | None = None
    runtime: str = ""
    kind: str = ""


@attrs.frozen
class Expectation:
    """What is known of the error of some metrics.

    Attributes:
        metrics: their names.
        sentence: in words.
        errors: on which measurements it rests; none where there are none.
        own: whether the processor at hand is among those measured.
    """

    metrics: tuple[str, ...]
    sentence: str
    errors: tuple[Expected, ...] = ()
    own: bool = False


@attrs.frozen
class Asked:
    """What a run does, as far as measurements may speak for it.

    Attributes:
        system: whose.
        metrics: computed.
        routed: whether the model has routed experts.
        divided: axes of parallelism other than tensor and expert that are above 1.
        ways: ways of serving that were never measured.
    """

    system: System
    metrics: Sequence[str]
    routed: bool = False
    divided: Sequence[str] = ()
    ways: Sequence[str] = ()


def expected_text(predictions: Sequence[Prediction], left_out: Mapping[tuple[str, str], float]) -> str:
    """Return the content of the table of errors for some predictions.

    `left_out` has the median error [%] on systems that a fit did not know, by family and system as tables name it.
    """
    rows = [row for p in predictions for row in _rows(p, left_out)]
    return "[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n"


def _rows(prediction: Prediction, left_out: Mapping[tuple[str, str], float]) -> Iterable[dict[str, Any]]:
    import numpy as np

    from symarch.accuracy.machines import joined, machine
    from symarch.accuracy.scores import errors_of, figures_of
    from symarch.accuracy.serving import first_tokens, served_as

    table, errors = prediction.table, errors_of(prediction)
    parts: list[tuple[str, str, str, Any]] = [(table.family, "", "", np.ones(len(table), bool))]
    if table.family == "e2e_serving":
        runtimes, kinds = served_as(table)
        parts = [(table.family, r, k, (runtimes == r) & (kinds == k))
                 for r in np.unique(runtimes) for k in np.unique(kinds)]  # fmt: skip
        first = 100 * first_tokens(table)
        parts += [("e2e_serving_ttft", r, k, mask) for _, r, k, mask in parts]
    for label in np.unique(table.words["system"]):
        for family, runtime, kind, mask in parts:
            found: Array = (first if family == "e2e_serving_ttft" else errors)[mask & (table.words["system"] == label)]
            found = found[np.isfinite(found)]
            if not found.size:
                continue
            system = machine(str(label))
            networks = _technologies(joined(str(label), 2).of("network")) if table.family == "collective" else []
            figures = zip(("mape", "median", "p90", "bias"), figures_of(found), strict=True)
            row: dict[str, Any] = {
                "family": family,
                "system": system.name,
                "processor": _technologies(system.of("processor"))[0],
                "memories": _technologies(system.of("memory")),
                "networks": networks,
                "n": int(found.size),
                **{k: round(float(v or 0), 1) for k, v in figures},
            }
            if (family, str(label)) in left_out:
                row["left_out"] = round(left_out[family, str(label)], 1)
            yield row | ({"runtime": runtime, "kind": kind} if runtime else {})


def _technologies(components: Iterable[Component]) -> list[str]:
    return sorted({c.technology.name for c in components if c.technology is not None})


@cache
def expected_errors() -> tuple[Expected, ...]:
    """Return the shipped table."""
    rows: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    lists: dict[str, Any] = {"memories": tuple, "networks": tuple}
    made: list[dict[str, Any]] = [{k: lists[k](v) if k in lists else v for k, v in row.items()} for row in rows]
    return tuple(Expected(**row) for row in made)


def expectation(asked: Asked) -> list[Expectation]:
    """Return what error to expect of each metric, or that there is no measurement to say."""
    known, system = expected_errors(), asked.system
    strange = _strange(known, system)
    timed = tuple(m for m in asked.metrics if m in (*TIMES, *FOLLOWING))
    if strange:
        found = [Expectation(timed, f"{', '.join(strange)}: never held to measurements; there are none")]
    else:
        found = [_of_time(known, asked, m) for m in timed if m in TIMES]
        rest = tuple(m for m in timed if m in FOLLOWING)
        if rest and found:
            made = " and ".join(m for m in TIMES if m in timed)
            found.append(Expectation(rest, f"{_listed(rest)}: made of {made}, and as good"))
        networks = _unknown_networks(known, system)
        never = [f"collectives over {name}" for name in networks]
        never += [*(f"{axis} parallelism" for axis in asked.divided), *asked.ways]
        if never:
            found.append(Expectation(timed, f"{_listed(never)}: never held to measurements"))
    left = tuple(m for m in asked.metrics if m not in timed)
    if left:
        found.append(Expectation(left, f"{_listed(left)}: not held to measurements"))
    return [e for e in found if e.metrics]


def errors_to_expect(analysis: Analysis, result: Result) -> list[Expectation]:
    """Return what error to expect of each metric; nothing for the speed of light, which is a bound."""
    if analysis.ideal:
        return []
    mappings = analysis.recorded("context" in result.workload).mappings.values()
    axes = {axis for mapping in mappings for axis in mapping.degrees} - {"tensor", "expert", "data"}
    ways = [words for key, words in _UNMEASURED.items() if key in result.workload]
    metrics = [m for m, value in result.metrics.items() if value is not None]
    return expectation(Asked(analysis.system, metrics, "experts" in analysis.model.tensors, sorted(axes), ways))


def said_of_errors(analysis: Analysis, result: Result) -> list[str]:
    """Return the sentences on the error to expect of a run."""
    return [f"accuracy of {e.sentence}" for e in errors_to_expect(analysis, result)]


def _strange(known: Sequence[Expected], system: System) -> list[str]:
    """Return the technologies of processors, memories and the links to these that no measurement was taken on."""
    pairs = (
        (_technologies(system.of("processor")), {e.processor for e in known}),
        (_technologies(system.of("memory")), {m for e in known for m in e.memories}),
        (_technologies(system.of("link")), set[str]()),
    )
    return [name for names, measured in pairs for name in names if name not in measured]


def _unknown_networks(known: Sequence[Expected], system: System) -> list[str]:
    """Return the technologies of networks that no collective was measured on."""
    measured = {n for e in known for n in e.networks}
    return [n for n in _technologies(n for n in system.of("network") if n.size > 1) if n not in measured]


def _of_time(known: Sequence[Expected], asked: Asked, metric: str) -> Expectation:
    """Return the error to expect of a time of one kind of pass."""
    system = asked.system
    runtime = system.runtime
    kind = "routed" if asked.routed else "dense"
    if runtime is not None:
        rows = [e for e in known if e.family == SERVED[metric] and e.kind == kind]
        rows = [e for e in rows if e.runtime == runtime.preset] or rows
        families = [SERVED[metric]]
    else:
        rows = list(known)
        families = ["gemm", "attention_prefill" if metric == "ttft" else "attention_decode"]
        families += ["moe"] if asked.routed else []
        alike = any(n.size > 1 and _technologies([n])[0] not in _unknown_networks(known, system)
                    for n in system.of("network"))  # fmt: skip
        families += ["collective"] if alike else []
    presets = {c.preset for c in _processors(system, "prefill" if metric == "ttft" else "decode")}
    parts, used, own = [], [], True
    for family in families:
        fitting = [e for e in rows if e.family == family]
        mine = [e for e in fitting if e.system in presets]
        own = own and bool(mine)
        chosen = mine or fitting
        used += chosen
        if chosen:
            parts.append(f"{WORDS[family].format(kind=kind)} {' and '.join(_words(e, bool(mine)) for e in chosen)}")
    if not parts:
        return Expectation((metric,), f"{metric}: not held to measurements")
    what = "devices' time alone: " if runtime is None else ""
    tail = "" if own else "; this processor not among them"
    return Expectation((metric,), f"{metric}, median error on measurements: {what}{'; '.join(parts)}{tail}",
                       tuple(used), own)  # fmt: skip


def _processors(system: System, phase: str) -> list[Component]:
    """Return the processors that run a phase."""
    pools = system.seats(phase)
    if not pools:
        return system.of("processor")
    return [c for pool in pools for c in system.part(pool).of("processor")]


def _words(row: Expected, own: bool) -> str:
    """Return an error; of a processor not measured that which the fit made where it did not know the row's."""
    if not own and row.left_out is not None:
        return f"{row.left_out:.0f} % on {row.system} where the fit did not know it"
    served = f" with {row.runtime}" if row.runtime else ""
    return f"{row.median:.0f} % on {row.system}{served} (9 of 10 within {row.p90:.0f} %, mean {row.bias:+.0f} %)"


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


__all__ = [
    "Asked",
    "Expectation",
    "Expected",
    "errors_to_expect",
    "expectation",
    "expected_errors",
    "expected_text",
    "said_of_errors",
]
