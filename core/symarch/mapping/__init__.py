"""The mapping: parallel degrees and placement, resolved against a system and a model."""

from symarch.mapping.resolve import Level, Mapping, mappings, resolve

__all__ = ["Level", "Mapping", "mappings", "resolve"]
