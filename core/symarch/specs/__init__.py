"""Specs: TOML in, errors out. Names become files, files become checked records; nothing in them is evaluated."""

from symarch.specs.files import Listed, find_model, find_spec, find_system, list_specs, listing, provider_of, shipped
from symarch.specs.presets import Preset, preset_of, presets_of, with_preset
from symarch.specs.priced import USUAL, priced, prices_of
from symarch.specs.prices import Price, Prices, read_prices
from symarch.specs.records import Component, Pool, Setting, System
from symarch.specs.resolved import resolved
from symarch.specs.runtimes import NONE, served
from symarch.specs.systems import read_system
from symarch.specs.technologies import definition_of

__all__ = [
    "NONE",
    "USUAL",
    "Component",
    "Listed",
    "Pool",
    "Preset",
    "Price",
    "Prices",
    "Setting",
    "System",
    "definition_of",
    "find_model",
    "find_spec",
    "find_system",
    "list_specs",
    "listing",
    "preset_of",
    "presets_of",
    "priced",
    "prices_of",
    "provider_of",
    "read_prices",
    "read_system",
    "resolved",
    "served",
    "shipped",
    "with_preset",
]
