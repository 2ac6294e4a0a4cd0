"""Money and carbon: what a million output tokens cost, and the metrics that follow from throughput, power and cost.

The equations are those of `symarch.technologies.economy`; each part is marked with who costs it and what for, in USD
and kg, so that `explain` and the shares hold for cost as they do for time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from symarch.analysis.limits import Wear, life_at
from symarch.program import Max, mark, total
from symarch.program import name as leave_name
from symarch.quantities import unit_dimension
from symarch.specs import Component
from symarch.system import SystemGraph
from symarch.technologies import Economy, Memory, Processor, Quantity

MILLION = 10**6

_COSTS = ("cost_per_million_tokens", "throughput_per_dollar")


@attrs.frozen
class Running:
    """What the system does when it works.

    Attributes:
        throughput: output tokens of the whole system [1/s].
        energy: of the whole system for each of them [J], None if not modelled.
        static: power of the whole system with no work [W], None if not modelled.
        power: mean power of the whole system [W], None if not modelled.
        missing: what energy and powers lack.
    """

    throughput: Quantity
    energy: Quantity | None
    static: Quantity | None
    power: Quantity | None
    missing: tuple[str, ...]


@attrs.frozen
class Fleet:
    """Devices of one kind.

    Attributes:
        system: of one copy.
        count: copies.
        lasting: how long each memory lasts that wears, in use as the economy says [s].
    """

    system: SystemGraph
    count: int = 1
    lasting: Mapping[str, Quantity] = attrs.field(factory=dict)

    def all_of(self, value: Quantity, name: str) -> Quantity:
        """Return what all devices together have of a component."""
        whole, rest = divmod(self.system.devices, self.system.shared_by(name))
        number = self.count * (self.system.devices / self.system.shared_by(name) if rest else whole)
        return value if number == 1 else value * number


def lasting(system: SystemGraph, wear: Mapping[str, Wear]) -> dict[str, Quantity]:
    """Return how long each memory lasts that wears [s]: busy in the share `utilisation`, refreshed at all times."""
    economy = system.economy
    return {
        name: leave_name(life_at(rates.rates(economy.utilisation), economy.life), f"{name}.lifetime")
        for name, rates in wear.items()
    }


def bought(system: SystemGraph, lasts: Quantity) -> Quantity:
    """Return how many of a memory that lasts so long are bought in the machines' life."""
    return Max(1, system.economy.life / lasts)


def running(metrics: Mapping[str, Quantity], missing: Mapping[str, tuple[str, ...]], static: Quantity) -> Running:
    """Return what cost and carbon are made of; throughput and energy stay names, since they have pages of their own."""
    if missing:
        return Running(metrics["throughput"], None, None, None, missing["energy_per_token"])
    energy, throughput = (leave_name(metrics[n], n) for n in ("energy_per_token", "throughput"))
    return Running(throughput, energy, static, metrics["power"], ())


def cost_metrics(
    fleets: Sequence[Fleet], running: Running
) -> tuple[dict[str, Quantity], dict[str, tuple[str, ...]], list[str]]:
    """Return metrics of money and carbon, for those without a value what they lack, and what was assumed."""
    metrics: dict[str, Quantity] = {}
    missing: dict[str, tuple[str, ...]] = {}
    notes: list[str] = []
    if running.missing:
        missing["throughput_per_watt"] = running.missing
    else:
        metrics["throughput_per_watt"] = running.throughput / running.power
    worn = [name for fleet in fleets for name in fleet.lasting]
    if worn:
        notes.append(f"{', '.join(worn)}: bought anew when worn out, where that is before economy.life")
    prices, lacking = _stated(fleets, "cost", "USD", running)
    if lacking:
        missing |= dict.fromkeys(_COSTS, lacking)
    else:
        cost = total(_money(fleets, running, prices, notes))
        metrics["cost_per_million_tokens"] = cost
        metrics["throughput_per_dollar"] = MILLION / cost
    making, lacking = _stated(fleets, "embodied_carbon", "kg", running)
    if lacking:
        missing["carbon_per_million_tokens"] = lacking
    else:
        metrics["carbon_per_million_tokens"] = total(_carbon(fleets, running, making))
        notes.append("the carbon of making hosts, networks and buildings is not counted")
    return metrics, missing, notes


def _stated(
    fleets: Sequence[Fleet], key: str, base: str, running: Running
) -> tuple[list[dict[str, Quantity]], tuple[str, ...]]:
    """Return what all processors and memories state of themselves, by fleet and component, and what is absent."""
    found: list[dict[str, Quantity]] = []
    absent: list[str] = []
    for fleet in fleets:
        own: dict[str, Quantity] = {}
        system = fleet.system
        components: list[tuple[str, Processor | Memory]] = [*system.processors.items(), *system.memories.items()]
        for name, component in components:
            value = getattr(component, key)
            if value is None:
                absent.append(_would_give(system.spec.components[name], key, base))
            elif not _zero(value):
                own[name] = fleet.all_of(value, name)
        found.append(own)
    return found, tuple(dict.fromkeys([*absent, *running.missing]))


def _would_give(component: Component, key: str, base: str) -> str:
    """Return the parameter whose absence leaves a price or a carbon absent; the quantity itself if there is none."""
    for parameter in component.declared().values():
        if component.settings[parameter.name].value is None and unit_dimension(parameter.unit).exponent(base) == 1:
            return f"{component.name}.{parameter.name}"
    return f"{component.name}.{key}"


def _networks(fleet: Fleet, prices: Mapping[str, Quantity], notes: list[str]) -> list[tuple[str, Quantity]]:
    """Return the price of links and networks; a share of the rest where networks state none."""
    system = fleet.system
    links = [*system.links.items(), *((n.name, n.link) for n in system.networks.values() if n.size > 1)]
    found = [(n, fleet.all_of(k.cost, n)) for n, k in links if k.cost is not None and not _zero(k.cost)]
    silent = [n.name for n in system.networks.values() if n.size > 1 and n.link.cost is None]
    if silent:
        notes.append(f"the price of {', '.join(silent)} is a share of the others', economy.network_cost")
        found.append((", ".join(silent), total(prices.values()) * system.economy.network_cost))
    unpriced = [name for name, link in system.links.items() if link.cost is None]
    if unpriced:
        notes.append(f"the price of {', '.join(unpriced)} is not modelled and not counted")
    return found


def _money(
    fleets: Sequence[Fleet], running: Running, prices: Sequence[Mapping[str, Quantity]], notes: list[str]
) -> Sequence[Quantity]:
    economy = fleets[0].system.economy
    seconds = MILLION / (economy.utilisation * running.throughput)  # the time that a million tokens are paid for
    owned = [pair for own in prices for pair in own.items()]
    if not _zero(economy.host_cost):
        owned.append(("hosts", total(value for _, value in owned) * economy.host_cost))
    for fleet, own in zip(fleets, prices, strict=True):
        owned += _networks(fleet, own, notes)
    lasting = {name: lasts for fleet in fleets for name, lasts in fleet.lasting.items()}
    parts = []
    for name, price in owned:
        due = economy.recovery
        if name in lasting:  # worn out before the machines are, it is paid off over the time it lasts, and bought anew
            due = Max(due, economy.recovery_in(lasting[name]))
        share = due if _zero(economy.maintenance) else due + economy.maintenance
        parts.append(mark(price * share * seconds, name, "purchase and upkeep", "", "USD"))
    if not _zero(economy.facility_cost):
        building = _provisioned(fleets, running, notes) * economy.host_power * economy.facility_cost
        parts.append(mark(building * economy.facility_recovery * seconds, "facility", "building, cooling", "", "USD"))
    for cause, energy in _energies(economy, running):
        parts.append(mark(energy * economy.electricity, "electricity", cause, "", "USD"))
    return parts


def _provisioned(fleets: Sequence[Fleet], running: Running, notes: list[str]) -> Quantity:
    """Return the power that the building must be able to give [W]: the limits, or else the mean power at work."""
    limits = []
    for fleet in fleets:
        for name, processor in fleet.system.processors.items():
            if fleet.system.spec.components[name].on is not None:
                continue  # it shares the limit of what its memory hangs on
            if processor.power_limit is None:
                notes.append("the building is sized for the mean power at work, since no limit is stated")
                return running.power
            limits.append(fleet.all_of(processor.power_limit, name))
    return total(limits)


def _energies(economy: Economy, running: Running) -> list[tuple[str, Quantity]]:
    """Return the energy that the grid gives for a million tokens, at work and in between [J]."""
    work = MILLION * economy.site_power
    found = [("at work", running.energy * work)]
    if not _zero(running.static):
        idle = (1 / economy.utilisation - 1) * running.static / running.throughput
        found.append(("idling in between", idle * work))
    return found


def _carbon(fleets: Sequence[Fleet], running: Running, making: Sequence[Mapping[str, Quantity]]) -> Sequence[Quantity]:
    economy = fleets[0].system.economy
    seconds = MILLION / (economy.utilisation * running.throughput)
    parts = []
    for fleet, own in zip(fleets, making, strict=True):
        for name, mass in own.items():
            each = mass / economy.life
            if name in fleet.lasting:
                each = each * bought(fleet.system, fleet.lasting[name])
            parts.append(mark(each * seconds, name, "making it", "", "kg"))
    for cause, energy in _energies(economy, running):
        parts.append(mark(energy * economy.grid_carbon, "electricity", cause, "", "kg"))
    return parts


def _zero(value: Any) -> bool:
    return isinstance(value, int | float) and value == 0
