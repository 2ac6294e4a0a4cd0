"""Specs: TOML in, errors out. Names become files, files become checked records; nothing in them is evaluated."""

from symarch.specs.files import Listed, find_model, find_system, list_specs, shipped
from symarch.specs.presets import Preset, presets_of
from symarch.specs.records import Component, Setting, System
from symarch.specs.resolved import resolved
from symarch.specs.systems import read_system

__all__ = [
    "Component",
    "Listed",
    "Preset",
    "Setting",
    "System",
    "find_model",
    "find_system",
    "list_specs",
    "presets_of",
    "read_system",
    "resolved",
    "shipped",
]
