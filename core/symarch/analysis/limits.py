"""Limits beside capacity: power and temperature, what the runtime keeps back, prefetch buffers, the life of flash."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from symarch.analysis.time import Bench, Budget
from symarch.program import Max, total
from symarch.system import SystemGraph
from symarch.system.paths import link_rate
from symarch.technologies import Memory, Processor, Quantity

NOTHING = 1e-9
"""Share of a limit that is left where something else takes all of it, so that nothing divides by zero."""


@attrs.frozen
class Constraint:
    """A limit: feasible while used <= limit.

    Attributes:
        name: `hbm.capacity`, `gpu.power`.
        used: what is needed.
        limit: what there is.
        unit: of both.
    """

    name: str
    used: Quantity
    limit: Quantity
    unit: str


def static_powers(system: SystemGraph) -> dict[str, Quantity | None]:
    """Return the static power of one device by component [W]; None where a processor or memory does not model it."""
    found: dict[str, Quantity | None] = {}
    components: list[tuple[str, Processor | Memory]] = [*system.processors.items(), *system.memories.items()]
    for name, component in components:
        power = component.static_power
        found[name] = None if power is None else power / system.shared_by(name)
    links = [*system.links.items(), *((n.name, n.link) for n in system.networks.values())]
    known = {name: link.static_power for name, link in links if link.static_power is not None}
    return found | {n: p if system.shared_by(n) == 1 else p / system.shared_by(n) for n, p in known.items()}


def budgets_of(bench: Bench, statics: Mapping[str, Quantity | None]) -> tuple[tuple[Budget, ...], tuple[str, ...]]:
    """Return what a processor's limits on power and temperature leave for work, and the static powers that lack.

    A limit whose static power is not wholly known does not act.
    """
    budgets, lacking = [], []
    rivals = {n for n in bench.system.processors if n != bench.name}
    stacked = {n for n, m in bench.system.memories.items() if m is bench.processor.memory}
    networks = list(bench.system.networks)
    for key, limit in bench.processor.limits().items():
        if limit.budget is None:
            continue
        weights = {bench.name: limit.processor} | dict.fromkeys(stacked, limit.stacked)
        weights |= {n: limit.others for n in (*statics, *networks) if n not in weights and n not in rivals}
        weights = {n: w for n, w in weights.items() if not (isinstance(w, int) and w == 0)}
        unknown = [f"{n}.static_power" for n in weights if n in statics and statics[n] is None]
        lacking += unknown
        if unknown:
            continue
        paid = total(
            power if isinstance(w, int) and w == 1 else power * w
            for power, w in ((statics[n], w) for n, w in weights.items() if n in statics)
        )
        # static power beyond a limit leaves nothing to work with: practically endless, instead of no limit at all; nor
        # does a coolant as hot as the limit, or hotter, where the budget itself is no scale
        left = Max(limit.budget - paid, limit.budget * NOTHING, paid * NOTHING**2)
        budgets.append(Budget(f"{bench.name}.{key}", weights, left, paid, limit))
    return tuple(budgets), tuple(dict.fromkeys(lacking))


def limit_constraints(budgets: tuple[Budget, ...], powers: Mapping[str, Quantity]) -> list[Constraint]:
    """Return limits on power and temperature as constraints at the mean power of a device [W by component]."""
    return [Constraint(b.name, b.static + b.weighted(powers), b.limit.budget, b.limit.unit) for b in budgets]


def supply_constraints(system: SystemGraph, device: Quantity) -> list[Constraint]:
    """Return what devices that share a limit on power draw together, each so much on average [W]."""
    found = []
    for name, supply in system.supplies.items():
        found.append(Constraint(f"{name}.power", supply.drawn(device, system.devices), supply.power, "W"))
    return found


def free_capacity(processor: Processor, capacity: Quantity, devices: int) -> Quantity:
    """Return what the runtime leaves of the memory that holds the activations [B].

    Args:
        processor: the one whose software keeps memory back, `runtime_memory` of it on each device.
        capacity: the memory's [B].
        devices: how many share it.
    """
    kept = processor.runtime_memory if devices == 1 else processor.runtime_memory * devices
    return Max(capacity - kept, capacity * NOTHING) * processor.allocatable


def prefetch_buffers(bench: Bench, traffic: Mapping[str, tuple[Quantity, Quantity]]) -> list[Constraint]:
    """Return, for each memory in use that states what keeps it busy, the buffer that must hold it [B]."""
    found = []
    for name, memory in bench.system.memories.items():
        buffer = bench.processor.on_chip_memory if memory.prefetch_buffer is None else memory.prefetch_buffer
        if name in traffic and memory.prefetch_demand is not None and buffer is not None:
            found.append(Constraint(f"{name}.prefetch_buffer", memory.prefetch_demand, buffer, "B"))
    return found


def lifetimes(system: SystemGraph, traffic: Mapping[str, tuple[Quantity, Quantity]]) -> list[Constraint]:
    """Return how long each memory that wears must last, and lasts at the workload without a pause [s]."""
    found = []
    for name, memory in system.memories.items():
        needed = memory.service_life
        if needed is None or name not in traffic:
            continue
        read, written = (rate * system.shared_by(name) for rate in traffic[name])
        wear = []
        if memory.endurance is not None and not _none(written):
            wear.append(written / memory.endurance)
        if memory.retention_life is not None:
            wear.append(1 / memory.retention_life)
        if wear:
            found.append(Constraint(f"{name}.write_lifetime", needed, _life(total(wear), needed), "s"))
        if memory.read_endurance is not None and not _none(read):
            life = _life(read / memory.read_endurance, needed)
            found.append(Constraint(f"{name}.read_lifetime", needed, life, "s"))
    return found


def bisections(system: SystemGraph, crossing: Mapping[str, Quantity]) -> list[Constraint]:
    """Return what crosses the worst division of each network into halves, each way, and what its links carry [B/s]."""
    found = []
    for name, rate in crossing.items():
        network = system.networks[name]
        nodes = network.size
        across = network.topology.bisection(nodes) / network.topology.radix(nodes)
        found.append(Constraint(f"{name}.bisection", rate, across * link_rate(network.link), "B/s"))
    return found


def _life(wear: Quantity, needed: Quantity) -> Quantity:
    """Return how long something lasts that wears at a rate [1/s]; practically for ever where the rate is 0."""
    return 1 / Max(wear, NOTHING / needed)


def _none(rate: Quantity) -> bool:
    return isinstance(rate, int | float) and rate == 0
