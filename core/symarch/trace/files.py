"""Trace files by their suffix: which reader or writer serves them."""

from __future__ import annotations

from pathlib import Path

from symarch.errors import ModelError
from symarch.specs.files import find_model
from symarch.trace.recorded import read_file
from symarch.trace.records import Trace, write_trace


def trace_from(source: str) -> Trace | None:
    """Return the trace of a file, None if a name or file is that of a model. Raises UnknownNameError or ModelError."""
    return read_file(find_model(source))


def write_file(trace: Trace, path: Path) -> None:
    """Write a trace in the format of the file's suffix. Raises ModelError."""
    if path.suffix == ".jsonl":
        write_trace(trace, path)
    elif path.suffix == ".et":
        from symarch.trace.chakra import write_chakra

        write_chakra(trace, path)
    else:
        raise ModelError(f"{path}: a trace is written as .jsonl (records) or .et (Chakra); the suffix says which")
