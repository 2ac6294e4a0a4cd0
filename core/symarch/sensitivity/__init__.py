"""Sensitivity: what a metric depends on, how far it can go, where it equals another, and how sure it is.

Everything here is asked about a `Point`, a metric of a recorded model at a point; `Questions` is how an analysis asks.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from symarch.sensitivity.elasticities import Check, Elasticity, Group, Sensitivity, sensitivity_of
from symarch.sensitivity.point import Point
from symarch.sensitivity.questions import Questions
from symarch.sensitivity.terms import explained

if TYPE_CHECKING:
    from symarch.sensitivity.breakeven import (
        BreakEven,
        ClosedForm,
        Crossing,
        Part,
        break_even,
    )
    from symarch.sensitivity.headroom import (
        Headroom,
        Headway,
        Removal,
        headroom_of,
    )
    from symarch.sensitivity.regimes import (
        Breakpoint,
        Regime,
        RegimeMap,
        Regimes,
        Region,
        regime_map,
        regimes_of,
    )
    from symarch.sensitivity.uncertainty import (
        Bar,
        Indices,
        Interval,
        Morris,
        Sample,
        Sobol,
        Spread,
        Uncertainty,
        indices_of,
        monte_carlo,
        tornado,
    )

_HOMES = {
    "breakeven": ("BreakEven", "ClosedForm", "Crossing", "Part", "break_even"),
    "headroom": ("Headroom", "Headway", "Removal", "headroom_of"),
    "regimes": ("Breakpoint", "Regime", "RegimeMap", "Regimes", "Region", "regime_map", "regimes_of"),
    "uncertainty": (
        "Bar",
        "Indices",
        "Interval",
        "Morris",
        "Sample",
        "Sobol",
        "Spread",
        "Uncertainty",
        "indices_of",
        "monte_carlo",
        "tornado",
    ),
}
"""What computes on arrays, by module: imported when it is asked for, since numpy takes longer than a whole run."""

__all__ = [
    "Bar",
    "BreakEven",
    "Breakpoint",
    "Check",
    "ClosedForm",
    "Crossing",
    "Elasticity",
    "Group",
    "Headroom",
    "Headway",
    "Indices",
    "Interval",
    "Morris",
    "Part",
    "Point",
    "Questions",
    "Regime",
    "RegimeMap",
    "Regimes",
    "Region",
    "Removal",
    "Sample",
    "Sensitivity",
    "Sobol",
    "Spread",
    "Uncertainty",
    "break_even",
    "explained",
    "headroom_of",
    "indices_of",
    "monte_carlo",
    "regime_map",
    "regimes_of",
    "sensitivity_of",
    "tornado",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"symarch.sensitivity.{home}"), name)
    raise AttributeError(f"module 'symarch.sensitivity' has no attribute {name!r}")
