"""Operator traces: what a Transformer asks of the hardware, in closed form and symbolic in batch and context."""

from symarch.trace.models import Architecture, Divisible, Placeable, Resizable, Stored, load_config
from symarch.trace.operators import Access, Collective, Operator, Shard, Step
from symarch.trace.parts import Parts

__all__ = [
    "Access",
    "Architecture",
    "Collective",
    "Divisible",
    "Operator",
    "Parts",
    "Placeable",
    "Resizable",
    "Shard",
    "Step",
    "Stored",
    "load_config",
]
