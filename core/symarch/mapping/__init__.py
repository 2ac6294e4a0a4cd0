"""The mapping: parallel degrees and placement, resolved against a system and a model."""

from symarch.mapping.resolve import Mapping, resolve

__all__ = ["Mapping", "resolve"]
