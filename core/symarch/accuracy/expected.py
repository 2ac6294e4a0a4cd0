"""What error to expect of a run: from the errors on measurements, which the page on accuracy is generated from too."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from symarch.specs import System

if TYPE_CHECKING:
    from symarch.accuracy.scores import Score

FILE = Path(__file__).with_name("expected.json")
"""Errors by family and system; written with the page on accuracy, never by hand."""

METRIC_FAMILIES = {
    "ttft": ("gemm", "attention_prefill"),
    "tpot": ("e2e_serving",),
}
"""The families of measurements that say how well a metric is predicted."""

WORDS = {
    "gemm": "matrix products",
    "attention_prefill": "attention of prompts",
    "e2e_serving": "time per token of served models",
}


@attrs.frozen
class Expected:
    """The errors found on one family and system.

    Attributes:
        family: what was measured.
        system: name of the system of one device.
        processor: technology of its processor.
        memories: technologies of its memories.
        n: rows.
        mape: mean absolute error [%].
        median: median absolute error [%].
        p90: 90th percentile [%].
        bias: mean signed error [%].
    """

    family: str
    system: str
    processor: str
    memories: tuple[str, ...]
    n: int
    mape: float
    median: float
    p90: float
    bias: float


def expected_text(scores: Sequence[Score]) -> str:
    """Return the content of the table of errors for some scores."""
    from symarch.accuracy.machines import machine

    rows = []
    for s in scores:
        if s.n:
            system = machine(s.system)
            figures = {k: round(getattr(s, k), 1) for k in ("mape", "median", "p90", "bias")}
            rows.append(
                {
                    "family": s.family,
                    "system": system.name,
                    "processor": _technologies(system, "processor")[0],
                    "memories": _technologies(system, "memory"),
                    "n": s.n,
                    **figures,
                }
            )
    return "[\n" + ",\n".join(json.dumps(r) for r in rows) + "\n]\n"


def _technologies(system: System, table: str) -> list[str]:
    return sorted({c.technology.name for c in system.of(table) if c.technology is not None})


@cache
def expected_errors() -> tuple[Expected, ...]:
    """Return the shipped table."""
    rows: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return tuple(Expected(**{**row, "memories": tuple(row["memories"])}) for row in rows)


def expectation(system: System, metrics: Sequence[str]) -> list[str]:
    """Return a sentence for each metric on the error to expect, or on what was never measured."""
    known = expected_errors()
    processors, memories = _technologies(system, "processor"), _technologies(system, "memory")
    strange = [p for p in processors if p not in {e.processor for e in known}]
    strange += [m for m in memories if m not in {x for e in known for x in e.memories}]
    if strange:
        return [f"accuracy: {', '.join(strange)}: never held to measurements; there are none"]
    preset = system.of("processor")[0].preset
    found = []
    for metric in metrics:
        parts = []
        for family in METRIC_FAMILIES.get(metric, ()):
            rows = [e for e in known if e.family == family and e.processor in processors]
            rows = [e for e in rows if e.system == preset] or rows
            if rows:
                errors = " and ".join(f"{e.median:.0f} % on {e.system} (mean {e.bias:+.0f} %)" for e in rows)
                own = "" if any(e.system == preset for e in rows) else ", this processor not among them"
                parts.append(f"{WORDS[family]} {errors}{own}")
        if parts:
            found.append(f"accuracy of {metric}, median error on measurements: {'; '.join(parts)}")
    left = [m for m in metrics if m.startswith(("energy", "power"))]
    if left:
        found.append(f"accuracy of {' and '.join(left)}: not held to measurements")
    return found


__all__ = ["Expected", "expectation", "expected_errors", "expected_text"]
