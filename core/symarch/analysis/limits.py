"""Limits beside capacity: power and temperature, what the runtime keeps back, prefetch buffers, the life of flash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from symarch.analysis.time import Bench, Budget
from symarch.program import Max, total
from symarch.program import name as leave_name
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


WAYS = ("read_from", "written_to")
"""Prefixes of the names of a memory's mean rates [B/s], which formulas show and do not spell out."""


@attrs.frozen
class Wear:
    """How fast a memory wears out at a workload without a pause, as shares of its life; None where nothing does.

    Attributes:
        written: by writes [1/s].
        kept: by the refreshing of what is stored, work or none [1/s].
        read: by the rewriting that reads force [1/s].
    """

    written: Quantity | None = None
    kept: Quantity | None = None
    read: Quantity | None = None

    def rates(self, busy: Quantity = 1) -> list[Quantity]:
        """Return the rates of which the fastest counts [1/s], of a memory at work in a share of the time.

        Writes and refreshing wear together, rewriting for reads apart.
        """
        together = [] if self.written is None else [self.written * busy]
        together += [] if self.kept is None else [self.kept]
        found = [total(together)] if together else []
        return found if self.read is None else [*found, self.read * busy]


def wear_of(system: SystemGraph, traffic: Mapping[str, tuple[Quantity, Quantity]]) -> dict[str, Wear]:
    """Return how fast each memory in use wears out, of those that do."""
    found = {}
    for name, memory in system.memories.items():
        if name not in traffic:
            continue
        read, written = (
            rate if _none(rate) else leave_name(rate * system.shared_by(name), f"{way}_{name}")
            for way, rate in zip(WAYS, traffic[name], strict=True)
        )
        wear = Wear(
            None if memory.endurance is None or _none(written) else written / memory.endurance,
            None if memory.retention_life is None else 1 / memory.retention_life,
            None if memory.read_endurance is None or _none(read) else read / memory.read_endurance,
        )
        if wear.rates():
            found[name] = wear
    return found


def lifetimes(system: SystemGraph, wear: Mapping[str, Wear]) -> list[Constraint]:
    """Return how long each memory that wears must last, and lasts at the workload without a pause [s]."""
    found = []
    for name, rates in wear.items():
        needed = system.memories[name].service_life
        if needed is None:
            continue
        together = attrs.evolve(rates, read=None).rates()
        if together:
            found.append(Constraint(f"{name}.write_lifetime", needed, life_at(together, needed), "s"))
        if rates.read is not None:
            found.append(Constraint(f"{name}.read_lifetime", needed, life_at([rates.read], needed), "s"))
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


def life_at(rates: Sequence[Quantity], scale: Quantity) -> Quantity:
    """Return how long something lasts that wears at the fastest of some rates [1/s].

    Practically for ever, beside a time that it is held against, where that is 0.
    """
    return 1 / Max(*rates, NOTHING / scale)


def _none(rate: Quantity) -> bool:
    return isinstance(rate, int | float) and rate == 0
