"""The record that a report format gets: a sensitivity, and all that a reader needs to judge it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.analysis import HIGHER_IS_BETTER
from symarch.api import Analysis
from symarch.report.data import plugins_of
from symarch.sensitivity import Sensitivity


@attrs.frozen
class Report:
    """A sensitivity with where it comes from.

    Attributes:
        system: name of the system.
        model: name of the model.
        workload: batch, prompt and output, or context; phase, dtype by tensor class, ideal.
        sensitivity: metric, value and unit, elasticities, groups and checks.
        assumptions: sentences: what was assumed, and what is not modelled.
        plugins: name, distribution and version of each technology the system uses, and of data from other packages.
        in_bits: parameters that people state in bits; their values are in bytes.
    """

    system: str
    model: str
    workload: Mapping[str, Any]
    sensitivity: Sensitivity
    assumptions: tuple[str, ...]
    plugins: tuple[Mapping[str, str], ...]
    in_bits: frozenset[str]


def report_of(analysis: Analysis, sensitivity: Sensitivity, given: Mapping[str, Any]) -> Report:
    """Return the report on a sensitivity at a point. Raises WorkloadError for sizes that make no sense."""
    result = analysis.evaluate(**given)
    return Report(
        system=analysis.system.name,
        model=analysis.model.name,
        workload=result.workload,
        sensitivity=sensitivity,
        assumptions=result.assumptions,
        plugins=tuple(plugins_of(analysis.system)),
        in_bits=analysis.system.in_bits,
    )


def legend(metric: str, unit: str) -> list[str]:
    """Return the sentences that explain the columns of a sensitivity."""
    better = "rise" if metric in HIGHER_IS_BETTER else "fall"
    return [
        f"at low, at high: {metric} in {unit} at the ends of the parameter's range",
        f"at best: as far as it can {better} when the parameter goes to its best conceivable end, all else unchanged",
        "* a whole number: the elasticity between its two neighbours; a | b: left and right of a kink",
    ]
