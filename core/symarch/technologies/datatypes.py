"""Data types of tensors: bytes per element, and which arithmetic serves them on a machine that lacks their own."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from symarch.errors import WorkloadError, nearest


@attrs.frozen
class DataType:
    """A number format.

    Attributes:
        name: `bf16`, `fp8` ...
        bytes: bytes per element in memory (scales of block formats not counted).
        arithmetic: data types whose arithmetic serves it, best first: itself, then wider ones after conversion.
    """

    name: str
    bytes: float
    arithmetic: tuple[str, ...]


DATA_TYPES = {
    d.name: d
    for d in (
        DataType("fp32", 4, ("fp32", "bf16")),
        DataType("bf16", 2, ("bf16",)),
        DataType("fp16", 2, ("bf16",)),
        DataType("fp8", 1, ("fp8", "bf16")),
        DataType("int8", 1, ("int8", "fp8", "bf16")),
        DataType("fp4", 0.5, ("fp4", "fp8", "bf16")),
        DataType("int4", 0.5, ("int4", "int8", "fp8", "bf16")),
    )
}


def data_type(name: str) -> DataType:
    """Return a data type by name. Raises WorkloadError."""
    if name not in DATA_TYPES:
        raise WorkloadError(f"unknown data type {name!r}; {nearest(name, DATA_TYPES)}")
    return DATA_TYPES[name]


def widest(names: Iterable[str]) -> str:
    """Return the widest of some data types: operands of unlike types are converted to it before arithmetic."""
    return max(names, key=lambda n: data_type(n).bytes)
