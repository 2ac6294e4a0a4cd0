"""A system with the prices of a list: what no spec states, a list of one date does."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import attrs

from symarch.errors import SpecError, SymarchError, nearest
from symarch.quantities import unit_dimension
from symarch.specs.files import find_prices
from symarch.specs.prices import Price, Prices, read_prices
from symarch.specs.records import Component, Setting, System

USUAL = "2026-08"
"""The list of prices unless a spec or a user names another."""


def prices_of(name: str) -> Prices:
    """Return a list of prices by the name that an installed package has, or its path. Raises SpecError."""
    try:
        path = find_prices(name)
    except SymarchError as error:
        raise SpecError([f"prices: {error}"]) from None
    return _read(path, path.stat().st_mtime_ns)


@cache
def _read(path: Path, _: int) -> Prices:
    """Read a list once for each time that its file was changed."""
    return read_prices(path)


def priced(system: System) -> System:
    """Return a system with the prices of its list, where neither the spec nor a user states others. Raises SpecError.

    A price for one preset of a technology stands before one for all of them.
    """
    listed = prices_of(system.prices)
    for preset in (False, True):
        for price in listed.prices.values():
            for target in price.sets:
                if bool(target.preset) is preset:
                    for component in system.owners.values():
                        if target.means(component):
                            system = system.with_owner(_with(component, target.parameter, price, listed))
    return system


def _with(component: Component, parameter: str, price: Price, listed: Prices) -> Component:
    declared = component.declared()
    where = f"prices {listed.name}: price.{price.name}"
    if parameter not in declared:
        owner = component.technology.name if component.technology else component.name
        raise SpecError([f"{where}: {owner} has no parameter '{parameter}'; {nearest(parameter, declared)}"])
    if unit_dimension(declared[parameter].unit) != unit_dimension(price.unit):
        raise SpecError([f"{where}: it is in {price.unit}, {parameter} in {declared[parameter].unit}"])
    if component.settings[parameter].origin in ("spec", "--set"):
        return component
    source = f"{price.item}, {price.basis}, {price.date}: {price.source}"
    setting = Setting(price.value, price.low, price.high, source, price.status, f"prices {listed.name}")
    return attrs.evolve(component, settings={**component.settings, parameter: setting})
