"""Byte-addressable non-volatile memory, MRAM or ReRAM, of the user's own making.

    capacity  = devices * dies * die_capacity
    array     = devices * dies * banks * word / read_time (write_time)
    interface = devices * pins * pin_rate                   no limit where pins or rate are absent
    bandwidth = Min(array, interface)                       reads and writes
    latency   = read_time (write_time) + controller_latency
    energy    = core_energy (write_core_energy) + io_energy
    endurance = write_cycles * capacity / write_amplification

Only cells have been published, long ago and with ranges of decades: the Emerging Research Devices tables of the ITRS
(2011 edition) and reviews that repeat them (Nanoscale Research Letters, 2014). No figure of a whole stack is public.
Dies, their capacity, banks and word therefore have no default: whoever uses this technology states them.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Memory, Min, Quantity, SymarchError, hookimpl, parameter, quantity, technology


@technology
class NonVolatileMemory(Memory):
    """MRAM or ReRAM beside a processor: reads like DRAM, keeps without power, wears when written."""

    name: ClassVar[str] = "nvm"
    assumptions: ClassVar[tuple[str, ...]] = (
        "All banks of all dies are read at once, each a word in one read time, with nothing like a row to open.",
        "Reads destroy and wear nothing, and what is stored keeps for as long as it is needed.",
        "Wear is spread evenly over all cells.",
        "Figures of single cells hold for dense arrays: none has been published at the scale of a stack.",
        "It draws no power without traffic unless device_static_power says so.",
    )

    devices: Quantity = parameter(
        1, "1", low=1, high=16, integer=True, better="more", status="assumed", symbol=r"n_{dev}",
        source="assumed: one stack or chip, until the user says otherwise",
        doc="stacks or chips beside one processor",
    )  # fmt: skip
    dies: Quantity = parameter(
        None, "1", integer=True, better="more", symbol=r"n_{die}",
        source="absent: no stack of such dies has been published",
        doc="dies in one device; must be given",
    )  # fmt: skip
    die_capacity: Quantity = parameter(
        None, "B", better="more", symbol=r"C_{die}",
        source="absent: published parts are far below the density of DRAM",
        doc="capacity of one die; must be given",
    )  # fmt: skip
    banks: Quantity = parameter(
        None, "1", integer=True, better="more", symbol=r"n_{bank}",
        source="absent: no organisation of a large part has been published",
        doc="banks of one die that are read at the same time; must be given",
    )  # fmt: skip
    word: Quantity = parameter(
        None, "B", symbol=r"s_{word}",
        source="absent: no organisation of a large part has been published",
        doc="bytes that one bank reads at once; must be given",
    )  # fmt: skip
    read_time: Quantity = parameter(
        "10 ns", "s", low="2 ns", high="35 ns", better="less", status="assumed", symbol=r"t_R",
        source="ITRS 2011, Emerging Research Devices: STT-RAM 2 to 20 ns, 10 to 35 in other tables, memristors 10 ns: "
        "old figures of cells",
        doc="time to read one word in a bank",
    )  # fmt: skip
    write_time: Quantity = parameter(
        "20 ns", "s", low="2 ns", high="90 ns", better="less", status="assumed", symbol=r"t_W",
        source="assumed inside the 2 to 90 ns of STT-RAM in ITRS 2011, Emerging Research Devices: old figures of cells",
        doc="time to write one word in a bank",
    )  # fmt: skip
    controller_latency: Quantity = parameter(
        "239.7 ns", "s", low="70 ns", high="500 ns", better="less", status="assumed", symbol=r"t_{ctrl}",
        source="assumed as for HBM: pointer chase on an H800, 272.8 ns (arXiv 2402.13499), less the DRAM row's 33.1 ns",
        doc="time of memory controller, PHY and on-chip network, there and back, unloaded",
    )  # fmt: skip
    pins: Quantity = parameter(
        None, "1", integer=True, better="more", symbol=r"n_{pin}",
        source="absent: no interface has been published; the arrays are then the only limit",
        doc="data pins of one device",
    )  # fmt: skip
    pin_rate: Quantity = parameter(
        None, "B/s", better="more", symbol=r"r_{pin}",
        source="absent: no interface has been published; the arrays are then the only limit",
        doc="data rate of one pin",
    )  # fmt: skip
    core_energy: Quantity = parameter(
        "0.5 pJ/bit", "J/B", low="0.1 pJ/bit", high="3 pJ/bit", better="less", status="assumed", symbol=r"e_{core}",
        source="the geometric middle of the 0.1 to 2.5 pJ/bit of STT-RAM in ITRS 2011, Emerging Research Devices: "
        "cells, without the array around them; high: memristors",
        doc="energy of array and device to read one byte",
    )  # fmt: skip
    write_core_energy: Quantity = parameter(
        "2.5 pJ/bit", "J/B", low="0.1 pJ/bit", high="3 pJ/bit", better="less", status="assumed", symbol=r"e_W",
        source="the upper end of STT-RAM in ITRS 2011, Emerging Research Devices: cells, without the array around them",
        doc="energy of array and device to write one byte",
    )  # fmt: skip
    io_energy: Quantity = parameter(
        "1 pJ/bit", "J/B", low="0.25 pJ/bit", high="1.2 pJ/bit", better="less", status="assumed", symbol=r"e_{io}",
        source="assumed like a die-to-die link across an interposer: 1.0 pJ/bit in FLINT (arXiv 2608.25062), 0.25 to "
        "0.6 for UCIe",
        doc="energy of the interface between device and processor",
    )  # fmt: skip
    device_static_power: Quantity = parameter(
        "0 W", "W", nonnegative=True, better="less", status="assumed", symbol=r"P_{dev}",
        source="assumed: cells need no power to keep their state; how much the logic around them leaks is not public",
        doc="power of one device without traffic",
    )  # fmt: skip
    write_cycles: Quantity = parameter(
        1e12, "1", low=1e8, high=1e15, better="more", status="assumed", symbol=r"N_W",
        source="ITRS 2011, Emerging Research Devices: 1e15 for STT-RAM, 1e12 for memristors; low: 1e8, quoted for "
        "STT-RAM at high currents",
        doc="times a cell can be written",
    )  # fmt: skip
    write_amplification: Quantity = parameter(
        1, "1", low=1, high=2, ideal=1, better="less", status="assumed", symbol=r"W_A",
        source="assumed: written in place, word by word",
        doc="bytes written to cells for each byte written",
    )  # fmt: skip
    service_life: Quantity = parameter(
        "5 year", "s", low="3 year", high="6 year", status="assumed", symbol=r"t_{life}",
        source="assumed: as long as the accelerator beside it; accounting lives and the functional unit of arXiv "
        "2502.01671",
        doc="how long it must last",
    )  # fmt: skip
    price: Quantity = parameter(
        None, "USD/B", better="less", symbol=r"p",
        source="absent: no price at this scale has been published",
        doc="price of a unit of capacity",
    )  # fmt: skip

    def _given(self, *names: str) -> None:
        for key in names:
            if getattr(self, key) is None:
                where = self.component or self.name
                raise SymarchError(f"{where}.{key} is absent: nothing is published, the system must give it")

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes that can be stored."""
        self._given("dies", "die_capacity")
        return self.devices * self.dies * self.die_capacity

    @quantity("B")
    def granularity(self) -> Quantity:
        """Smallest access: one word."""
        return self.word

    @quantity("B")
    def words(self) -> Quantity:
        """Bytes that all banks read at once."""
        self._given("dies", "banks", "word")
        return self.devices * self.dies * self.banks * self.word

    @quantity("B/s")
    def internal_bandwidth(self) -> Quantity:
        """Read bandwidth of the arrays."""
        return self.words / self.read_time

    @quantity("B/s")
    def array_write_bandwidth(self) -> Quantity:
        """Write bandwidth of the arrays."""
        return self.words / self.write_time

    @quantity("B/s")
    def port_bandwidth(self) -> Quantity:
        """Rate of all data pins; absent where they are not known."""
        if self.pins is None or self.pin_rate is None:
            return None
        return self.devices * self.pins * self.pin_rate

    @quantity("B/s")
    def read_bandwidth(self) -> Quantity:
        """Peak read bandwidth, of arrays or interface."""
        if self.port_bandwidth is None:
            return self.internal_bandwidth
        return Min(self.internal_bandwidth, self.port_bandwidth)

    @quantity("B/s")
    def write_bandwidth(self) -> Quantity:
        """Peak write bandwidth, of arrays or interface."""
        if self.port_bandwidth is None:
            return self.array_write_bandwidth
        return Min(self.array_write_bandwidth, self.port_bandwidth)

    @quantity("s")
    def read_latency(self) -> Quantity:
        """Time from a request to its data, unloaded."""
        return self.read_time + self.controller_latency

    @quantity("s")
    def write_latency(self) -> Quantity:
        """Time until a write is stored."""
        return self.write_time + self.controller_latency

    @quantity("J/B")
    def internal_energy(self) -> Quantity:
        """Energy to read one byte before the interface."""
        return self.core_energy

    @quantity("J/B")
    def read_energy(self) -> Quantity:
        """Energy to read one byte, up to the processor's pins."""
        return self.core_energy + self.io_energy

    @quantity("J/B")
    def write_energy(self) -> Quantity:
        """Energy to write one byte."""
        return self.write_core_energy * self.write_amplification + self.io_energy

    @quantity("W")
    def static_power(self) -> Quantity:
        """Power of all devices without traffic."""
        return self.devices * self.device_static_power

    @quantity("B")
    def endurance(self) -> Quantity:
        """Bytes that can be written before wear-out, worn evenly."""
        return self.write_cycles * self.capacity / self.write_amplification

    @quantity("USD")
    def cost(self) -> Quantity:
        """Price of all devices; absent without one."""
        return None if self.price is None else self.capacity * self.price


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [NonVolatileMemory]
