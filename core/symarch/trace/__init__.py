"""Operator traces: what a Transformer asks of the hardware, in closed form and symbolic in batch and context."""

from symarch.trace.models import Architecture, Divisible, Resizable, Stored, load_config
from symarch.trace.operators import Access, Collective, Operator, Shard, Step

__all__ = [
    "Access",
    "Architecture",
    "Collective",
    "Divisible",
    "Operator",
    "Resizable",
    "Shard",
    "Step",
    "Stored",
    "load_config",
]
