"""symarch: what a memory or an interconnect that does not exist yet would do to LLM inference, in formulas."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symarch.api import Analysis, System, analyze, best_mapping, load_model, load_system, time_operator
    from symarch.errors import SymarchError
    from symarch.plugins import hookimpl
    from symarch.program import Max, Min, ceil, exp, floor, log2, sqrt
    from symarch.technologies import (
        Call,
        CollectiveAlgorithm,
        Effort,
        Interconnect,
        Limit,
        Memory,
        OperatorLike,
        Pattern,
        Processor,
        Quantity,
        Schedule,
        Topology,
        Traffic,
        Usage,
        option,
        parameter,
        quantity,
        technology,
    )
    from symarch.trace import Access, Collective, Operator

_HOMES = {
    "symarch.api": ("Analysis", "System", "analyze", "best_mapping", "load_model", "load_system", "time_operator"),
    "symarch.errors": ("SymarchError",),
    "symarch.plugins": ("hookimpl",),
    "symarch.program": ("Max", "Min", "ceil", "exp", "floor", "log2", "sqrt"),
    "symarch.technologies": (
        "Call",
        "CollectiveAlgorithm",
        "Effort",
        "Interconnect",
        "Limit",
        "Memory",
        "OperatorLike",
        "Pattern",
        "Processor",
        "Quantity",
        "Schedule",
        "Topology",
        "Traffic",
        "Usage",
        "option",
        "parameter",
        "quantity",
        "technology",
    ),
    "symarch.trace": ("Access", "Collective", "Operator"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Access",
    "Analysis",
    "Call",
    "Collective",
    "CollectiveAlgorithm",
    "Effort",
    "Interconnect",
    "Limit",
    "Max",
    "Memory",
    "Min",
    "Operator",
    "OperatorLike",
    "Pattern",
    "Processor",
    "Quantity",
    "Schedule",
    "SymarchError",
    "System",
    "Topology",
    "Traffic",
    "Usage",
    "__version__",
    "analyze",
    "best_mapping",
    "ceil",
    "exp",
    "floor",
    "hookimpl",
    "load_model",
    "load_system",
    "log2",
    "option",
    "parameter",
    "quantity",
    "sqrt",
    "technology",
    "time_operator",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("symarch")
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'symarch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
