"""Data types of tensors: bytes per element, and which arithmetic serves them on a machine that lacks their own.

Block formats keep a scale for some elements in a row; its share is part of their bytes per element:

    bytes = element + scale / block

`mxfp4`, `mxfp8`   4 or 8 bits and an 8-bit power of two for every 32 (Open Compute Project, Microscaling Formats v1.0)
`nvfp4`            4 bits and an fp8 scale for every 16 (NVIDIA Blackwell; a scale of a whole tensor not counted)
`fp8_block128`     8 bits and an fp32 scale for every 128 x 128 (DeepSeek-V3, arXiv 2412.19437)
`int4_group32`     4 bits and a 16-bit scale for every 32 (Kimi-K2.5's configuration, symmetric: no zero points)
`int4_group128`    4 bits, a 16-bit scale and a 4-bit zero point for every 128 (AWQ, arXiv 2306.00978; GPTQ, 2210.17323)
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from symarch.errors import WorkloadError, nearest


@attrs.frozen
class DataType:
    """A number format.

    Attributes:
        name: `bf16`, `fp8` ...
        element: bytes of one element, its scale left out.
        arithmetic: data types whose arithmetic serves it, best first: itself, then wider ones after conversion.
        scale: bytes of one scale, with its zero point if there is one; 0 for plain formats.
        block: elements that share a scale.
    """

    name: str
    element: float
    arithmetic: tuple[str, ...]
    scale: float = 0
    block: int = 1

    @property
    def bytes(self) -> float:
        """Return the bytes per element in memory, the share of the scale included."""
        return self.element + self.scale / self.block if self.scale else self.element


_FP4, _FP8, _INT4 = ("fp4", "fp8", "bf16"), ("fp8", "bf16"), ("int4", "int8", "fp8", "bf16")

DATA_TYPES = {
    d.name: d
    for d in (
        DataType("fp32", 4, ("fp32", "bf16")),
        DataType("bf16", 2, ("bf16",)),
        DataType("fp16", 2, ("bf16",)),
        DataType("fp8", 1, _FP8),
        DataType("fp8_block128", 1, _FP8, scale=4, block=128 * 128),
        DataType("mxfp8", 1, _FP8, scale=1, block=32),
        DataType("int8", 1, ("int8", "fp8", "bf16")),
        DataType("fp4", 0.5, _FP4),
        DataType("mxfp4", 0.5, _FP4, scale=1, block=32),
        DataType("nvfp4", 0.5, _FP4, scale=1, block=16),
        DataType("int4", 0.5, _INT4),
        DataType("int4_group32", 0.5, _INT4, scale=2, block=32),
        DataType("int4_group128", 0.5, _INT4, scale=2.5, block=128),
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
