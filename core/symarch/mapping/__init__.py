"""The mapping: parallel degrees and placement, resolved against a system and a model."""

from symarch.mapping.resolve import Level, Mapping, resolve

__all__ = ["Level", "Mapping", "resolve"]
