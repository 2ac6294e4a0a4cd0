"""The contracts: what the core asks of a memory, an interconnect, a topology and a processor."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Protocol

import attrs

from symarch.errors import SymarchError
from symarch.program import Max
from symarch.quantities import Dimensioned, unit_dimension
from symarch.technologies.datatypes import data_type
from symarch.technologies.declare import (
    Quantity,
    contract,
    option,
    parameter,
    quantities_of,
    quantity,
    technology,
)


@technology
class Technology:
    """Base of all technologies.

    Class attributes:
        name: what a spec calls the technology; equals its entry point's name.
        kind: memory, interconnect, topology or processor.
        assumptions: sentences about the model that a reader may disagree with.
    """

    name: ClassVar[str]
    kind: ClassVar[str]
    assumptions: ClassVar[tuple[str, ...]] = ()

    component: str = attrs.field(default="", repr=False)

    def probe(self) -> Iterator[tuple[str, Any, str]]:
        """Yield (name, value, unit) of everything the core may ask; the dimension check walks it."""
        for key, declared in quantities_of(type(self)).items():
            yield key, getattr(self, key), declared.unit


@technology
class Memory(Technology):
    """A memory: an array with a capacity, reached through a port.

    `read_bandwidth` is the peak; refresh and row losses are `efficiency`. What sits behind the memory (a daisy chain)
    loads the port, not the array.
    """

    kind: ClassVar[str] = "memory"

    capacity = contract("B", "bytes that can be stored", required=True)
    read_bandwidth = contract("B/s", "peak read bandwidth", required=True)
    write_bandwidth = contract("B/s", "peak write bandwidth; absent: as read")
    port_bandwidth = contract("B/s", "rate of the port to the host; absent: as read_bandwidth")
    internal_bandwidth = contract("B/s", "rate of the arrays before the port; absent: as read_bandwidth")
    efficiency = contract("1", "share of the peak that refresh and row changes leave; absent: 1")
    internal_efficiency = contract("1", "share of internal_bandwidth that is left; absent: as efficiency")
    read_latency = contract("s", "time from a request at the memory to its data")
    write_latency = contract("s", "time until a write is stored")
    read_energy = contract("J/B", "energy to read one byte, up to the host's pins")
    write_energy = contract("J/B", "energy to write one byte")
    internal_energy = contract("J/B", "energy to read one byte before the port; absent: as read_energy")
    static_power = contract("W", "power drawn with no traffic")
    granularity = contract("B", "smallest access; smaller ones move this much")
    write_granularity = contract("B", "smallest write; absent: as granularity")
    write_buffer = contract("B", "buffer that gathers short writes before they are stored; absent: none")
    devices = contract("1", "stacks, modules or chips side by side, each a place for near-memory logic; absent: 1")
    prefetch_demand = contract("B", "bytes under way that keep it busy, to be held near the processor")
    prefetch_buffer = contract("B", "its own buffer for them; absent: the processor's on-chip memory")
    service_life = contract("s", "how long it must last at the workload")
    endurance = contract("B", "bytes that can be written before wear-out")
    read_endurance = contract("B", "bytes that can be read before the rewriting that reads force wears it out")
    retention_life = contract("s", "time until refreshing what is stored alone wears it out")
    cost = contract("USD", "price")
    area = contract("m^2", "area beside the processor")
    embodied_carbon = contract("kg", "carbon dioxide equivalent of making it")


@technology
class Interconnect(Technology):
    """A link between two components, or between the endpoints of a network. Bandwidth is per direction."""

    kind: ClassVar[str] = "interconnect"

    bandwidth = contract("B/s", "peak bandwidth per direction", required=True)
    efficiency = contract("1", "share of the peak that coding, packets and protocol leave; absent: 1")
    latency = contract("s", "latency of one hop: wire, serialisation, switch")
    software_latency = contract("s", "time an endpoint's software adds to each step of a collective")
    peer_latency = contract("s", "time each further peer adds to a step that addresses several")
    start_latency = contract("s", "time a library takes to start a collective, before its first step; absent: none")
    copying = contract("1", "time to copy an endpoint's own part, over that of sending it at the peak; absent: hidden")
    energy = contract("J/B", "energy to move one byte over one hop")
    static_power = contract("W", "power drawn with no traffic, per endpoint")
    reach = contract("m", "distance it spans")
    cost = contract("USD", "price per endpoint")

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes in flight that keep it busy, a demand on the endpoints' buffers; a plugin may know better."""
        return None if self.latency is None else self.bandwidth * (2 * self.latency)

    def protocols(self) -> tuple[Usage, ...]:
        """Return the link as each of its library's protocols uses it; the fastest for a message is taken."""
        return (Usage(self),)


@attrs.frozen
class Usage:
    """A link as one protocol of a library uses it.

    Attributes:
        link: with the protocol's latencies and efficiency.
        only: the one algorithm that the protocol is for; None: those that no other protocol is for.
    """

    link: Interconnect
    only: str | None = None


class OperatorLike(Protocol):
    """What a processor sees of an operator (see `symarch.trace.Operator`)."""

    @property
    def kind(self) -> str:
        """Return matmul, moe_matmul, attention, norm, elementwise, embedding or collective."""

    @property
    def dims(self) -> Mapping[str, Quantity]:
        """Return the dimensions by name, for a matmul m, n, k."""

    @property
    def dtype(self) -> str:
        """Return the data type of the arithmetic."""

    @property
    def flops(self) -> Quantity:
        """Return the floating-point operations [FLOP]."""


@attrs.frozen
class Effort:
    """What an operator costs a processor itself, apart from moving data.

    Attributes:
        times: time of each arithmetic resource, by name [s]; they run beside each other. While a context grows from
            step to step they grow as its FLOPs do.
        overheads: fixed times before or after, by name [s]; they add.
        starts: what an arithmetic resource takes besides whatever the FLOPs are, by its name in `times` [s].
    """

    times: Mapping[str, Quantity]
    overheads: Mapping[str, Quantity]
    starts: Mapping[str, Quantity] = attrs.field(factory=dict)

    @property
    def whole(self) -> dict[str, Quantity]:
        """Time of each arithmetic resource with its start [s]."""
        return {key: time + self.starts[key] if key in self.starts else time for key, time in self.times.items()}


@attrs.frozen
class Limit:
    """A limit on power or temperature: the weighted powers add up to no more than a budget.

    Work that would exceed it takes longer: `weighted dynamic energy / (budget - weighted static power)`.

    Attributes:
        budget: in `unit`.
        processor: weight of the processor's own power: 1 for a power, a resistance [K/W] for a rise of temperature.
        stacked: weight of the power of the memory it sits on.
        others: weight of the power of the other memories and of the links.
        unit: W or K.
    """

    budget: Quantity
    processor: Quantity = 1
    stacked: Quantity = 1
    others: Quantity = 1
    unit: str = "W"

    @property
    def weights(self) -> tuple[Quantity, Quantity, Quantity]:
        """The three weights."""
        return self.processor, self.stacked, self.others


@technology
class Processor(Technology):
    """Something that computes. The core asks `effort(operator)`; it never switches on a processor's name.

    Class attributes:
        near: whether it sits on a memory, or in it, and reads it from inside; `memory` is then that memory, and the
            contracts `memory_bandwidth`, `memory_latency` and `memory_energy` say how it reads it.
    """

    kind: ClassVar[str] = "processor"
    near: ClassVar[bool] = False

    memory: Any = attrs.field(default=None, repr=False)

    memory_bandwidth = contract("B/s", "rate at which it reads the memory it sits on; absent: the memory's own")
    memory_latency = contract("s", "time from its request to the data of that memory; absent: the memory's own")
    memory_energy = contract("J/B", "energy to read a byte of that memory from inside; absent: the memory's own")
    shards = contract("1", "places of that memory, each with an arithmetic of its own, that data are spread over")
    shard_limit = contract("B", "bytes that one of those places holds")
    energy_per_flop = contract("J/FLOP", "energy of one floating-point operation at 16 bits")
    energy_per_byte = contract("J/B", "energy to move one byte from the memory's pins through the chip")
    static_power = contract("W", "power drawn with no work, memories not counted")
    power_limit = contract("W", "power that processor and attached memories may draw together")
    on_chip_memory = contract("B", "memory on the chip that software can keep data in")
    area = contract("m^2", "area of the logic")

    overlap: Quantity = parameter(
        math.inf, "1", low=1, high=math.inf, ideal=math.inf, structural=True, symbol="p",
        source="assumed: perfect overlap, as the roofline has it (Williams, Waterman and Patterson, CACM 52(4), 2009)",
        doc="overlap order p of arithmetic and data: 1 they add, infinity the longer one counts",
    )  # fmt: skip
    prefetch: str = option(
        "operator", choices=("operator", "step"), ideal="step",
        doc="how far ahead streamed data is requested: latency is exposed once per operator, or once per step",
    )  # fmt: skip
    outstanding: Quantity = parameter(
        None, "B", ideal=None, better="more", symbol=r"Q",
        source="assumed: no limit, unless a processor's miss capacity or prefetch buffer is known",
        doc="bytes of reads that can be under way at once; absent: unlimited",
    )  # fmt: skip
    launch: Quantity = parameter(
        "0 s", "s", low="0 s", high="20 us", nonnegative=True, ideal=0, better="less", symbol=r"t_{launch}",
        source="assumed: none, unless a processor states what was measured; high: some kernels' of a GPU",
        doc="fixed time of one operator's launch",
    )  # fmt: skip
    covered_latency: Quantity = parameter(
        "0 s", "s", low="0 s", high="1 us", nonnegative=True, ideal=0, symbol=r"t_{cov}",
        source="assumed: none, unless the overheads were measured with a memory's latency in them; high: twice "
        "that of HBM",
        doc="memory latency that the calibrated overheads already contain; only what exceeds it is exposed",
    )  # fmt: skip
    matrix_efficiency: Quantity = parameter(
        1, "1", low=0.3, high=1, at_most=1, ideal=1, better="more", symbol=r"\eta_{mat}",
        source="assumed: the peak, unless a processor states what was measured; low: young kernels",
        doc="share of peak arithmetic that matrix products reach",
    )  # fmt: skip
    streaming_efficiency: Quantity = parameter(
        None, "1", at_most=1, ideal=1, better="more", symbol=r"\eta_{str}",
        source="absent unless measured",
        doc="measured share of peak bandwidth; replaces the efficiency of the memory technology it was measured on",
    )  # fmt: skip
    streaming_memory: str = option("", doc="the memory technology that streaming_efficiency was measured on")
    blocks: str = option(
        "no", choices=("no", "yes"),
        doc="for a processor on a memory: whether that memory serves nothing else while it is read from inside",
    )  # fmt: skip
    runtime_memory: Quantity = parameter(
        "0 B", "B", low="0 B", high="4 GiB", nonnegative=True, ideal=0, better="less", symbol=r"C_{rt}",
        source="assumed: none, unless a processor states what its software keeps back; high: somewhat above GPUs",
        doc="bytes that the runtime keeps back of the memory of the activations: context, workspace, graphs",
    )  # fmt: skip
    allocatable: Quantity = parameter(
        1, "1", low=0.8, high=1, at_most=1, ideal=1, better="more", symbol=r"\phi_{rt}",
        source="assumed: all of it, unless a processor states what its software uses; low: what is set on GPUs",
        doc="share of what is left of that memory that can be filled: headroom and fragmentation are the rest",
    )  # fmt: skip
    spill: Quantity = parameter(
        1, "1", low=0, high=1, at_most=1, nonnegative=True, ideal=0, better="less", symbol=r"\sigma",
        source="assumed: operators are separate kernels that pass tensors through memory; low: all are fused, or what "
        "passes between them stays on the chip",
        doc="share of the bytes between operators that goes to memory and back; the rest is fused or stays on chip",
    )  # fmt: skip
    price: Quantity = parameter(
        None, "USD", nonnegative=True, better="less", symbol=r"K",
        source="absent unless a preset gives it: prices are those of one day",
        doc="price without its memories",
    )  # fmt: skip
    making_carbon: Quantity = parameter(
        None, "kg", nonnegative=True, better="less", symbol=r"G",
        source="absent unless a preset gives it",
        doc="carbon dioxide equivalent of making it and its share of the board, without its memories",
    )  # fmt: skip

    @quantity("USD")
    def cost(self) -> Quantity:
        """Price without its memories; absent without one."""
        return self.price

    @quantity("kg")
    def embodied_carbon(self) -> Quantity:
        """Carbon dioxide equivalent of making it, without its memories; absent without a figure."""
        return self.making_carbon

    def peak(self, dtype: str) -> Quantity:
        """Return the peak arithmetic rate [FLOP/s] for a data type: its own, or that of the type it is converted to.

        A technology declares `peak_bf16`, `peak_fp8` ...; those it leaves absent it does not have.
        """
        return getattr(self, f"peak_{self.arithmetic(dtype)}")

    def arithmetic(self, dtype: str) -> str:
        """Return the data type whose arithmetic serves `dtype` here. Raises SymarchError if there is none."""
        for name in data_type(dtype).arithmetic:
            if getattr(self, f"peak_{name}", None) is not None:
                return name
        raise SymarchError(f"processor {self.component or type(self).name} has no arithmetic for {dtype}")

    def element(self, dtype: str) -> float:
        """Return the bytes of an element as the arithmetic takes it that serves a data type here, scales left out.

        Raises SymarchError if there is none.
        """
        return data_type(self.arithmetic(dtype)).element

    def flop_energy(self, dtype: str) -> Quantity | None:
        """Return the energy of a floating-point operation in the arithmetic that serves a data type [J/FLOP].

        A processor at its peak draws about the same power in every type (as data sheets state one power for all), so
        the energy of 16 bits changes as the time of an operation does. None where no energy is stated.
        """
        if self.energy_per_flop is None or self.arithmetic(dtype) == "bf16" or getattr(self, "peak_bf16", None) is None:
            return self.energy_per_flop
        return self.energy_per_flop * (self.peak("bf16") / self.peak(dtype))

    def effort(self, operator: OperatorLike) -> Effort:
        """Return the time of the arithmetic, load over efficiency times peak, and the launch overhead.

        Processors refine this with what they know of tiles, waves, occupancy, vector units or mode switches.
        """
        times = {}
        if not (isinstance(operator.flops, int) and operator.flops == 0):
            times["arithmetic"] = operator.flops / (self.matrix_efficiency * self.peak(operator.dtype))
        return Effort(times, {"launch": self.launch})

    @property
    def array_bandwidth(self) -> Quantity:
        """Rate of the arrays of the memory it sits on, before that memory's port [B/s]."""
        internal = self.memory.internal_bandwidth
        return self.memory.read_bandwidth if internal is None else internal

    @property
    def places(self) -> Quantity:
        """Stacks, modules or chips of the memory it sits on."""
        return 1 if self.memory.devices is None else self.memory.devices

    def limits(self) -> Mapping[str, Limit]:
        """Return the limits on power and temperature by name; those whose budget is absent do not act."""
        return {} if self.power_limit is None else {"power": Limit(self.power_limit)}

    def streaming(self, memory: str, operator: OperatorLike) -> Quantity | None:
        """Return the calibrated streaming efficiency on a memory technology, None where none was measured."""
        if self.streaming_efficiency is not None and memory == self.streaming_memory:
            return self.streaming_efficiency
        return None

    def exposed(self, latency: Quantity) -> Quantity:
        """Return the part of a memory latency that the calibrated overheads do not already contain."""
        return Max(0, latency - self.covered_latency)

    def probe(self) -> Iterator[tuple[str, Any, str]]:
        """Yield every quantity and the effort of one operator of each kind."""
        from symarch.technologies.check import blame, effort_of, probe_operators

        yield from super().probe()
        for operator in probe_operators(self):
            effort = effort_of(self, operator)
            for key, value in (*effort.times.items(), *effort.overheads.items(), *effort.starts.items()):
                yield f"effort({operator.kind}): {key}", value, "s"
        with blame(self, "limits"):
            limits = self.limits()
        for key, limit in limits.items():
            yield f"limit {key}: budget", limit.budget, limit.unit
            for part in ("processor", "stacked", "others"):
                yield f"limit {key}: weight of {part}", _weighted(getattr(limit, part)), limit.unit


def _weighted(weight: Quantity) -> Quantity:
    """Return a weight times one watt of bare dimension; a plain number weighs a power."""
    return weight * Dimensioned(unit_dimension("W"), "power") if weight != 0 else 0
