"""Accuracy: predictions held to measurements, parameters fitted to them, the error to expect of a run."""

from __future__ import annotations

import importlib
from typing import Any

_PLACES = {
    "FAMILIES": "tables",
    "Prediction": "prediction",
    "Score": "scores",
    "Table": "tables",
    "errors_of": "scores",
    "predict": "prediction",
    "read_table": "tables",
    "scores_of": "scores",
}
"""Modules of the names; those that compute need numpy, which a run that asks for its expected error does not."""

__all__ = list(_PLACES)


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    return found
