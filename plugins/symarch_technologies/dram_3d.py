"""DRAM bonded face to face onto logic, or grown in one block above it: many short vertical wires instead of pins.

    capacity  = stacks * dies * die_area * density * usable_fraction
    arrays    = stacks * banks * word / cycle_time
    bonds     = stacks * die_area / pitch ** 2 * data_share * bond_rate
    inside    = Min(arrays, bonds)                             what logic under or on the DRAM sees
    bandwidth = inside, or Min(inside, host_pins * host_pin_rate) for a host beside the stack
    energy    = core_energy + vertical_energy

A pitch of 9 um gives 12,346 bonds on a square millimetre, 1 um a million. Stratum (Pan et al., MICRO 2025, arXiv
2510.05245): 1024 layers of monolithic DRAM at 1 um pitch, 121 mm^2, 2.156 Gb/mm^2, 19.01 to 34.34 TB/s from the
farthest to the nearest tier. At such rates the energy of a bit decides: 34.3 TB/s at 1 pJ/bit are 274 W, at 0.16
pJ/bit 44.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Memory, Min, Quantity, hookimpl, parameter, quantity, technology


@technology
class StackedDram(Memory):
    """DRAM over or under the logic that reads it."""

    name: ClassVar[str] = "dram-3d"
    assumptions: ClassVar[tuple[str, ...]] = (
        "All banks work at once, and data are spread so that they can.",
        "Tiers of unlike speed are one: their range stands in the cycle time.",
        "Refresh is as at 85 degrees; hotter memory would refresh twice as often.",
        "Reads and writes run at the same rate and cost the same energy.",
    )

    stacks: Quantity = parameter(
        4, "1", low=1, high=16, integer=True, better="more", status="assumed", symbol=r"n_{stack}",
        source="assumed: as many as HBM stacks beside a processor; Stratum puts 6 beside an H100",
        doc="stacks of one device",
    )  # fmt: skip
    dies: Quantity = parameter(
        4, "1", low=1, high=16, integer=True, better="more", status="assumed", symbol=r"n_{die}",
        source="assumed: 1 for monolithic DRAM (Stratum), 4 to 16 for bonded dies",
        doc="DRAM dies in one stack; monolithic layers count as one",
    )  # fmt: skip
    die_area: Quantity = parameter(
        "121 mm^2", "m^2", low="50 mm^2", high="800 mm^2", status="announced", symbol=r"A_{die}",
        source="Stratum (arXiv 2510.05245) and the base die of HBM: 121 mm^2",
        doc="area of one die, that of the logic too",
    )  # fmt: skip
    density: Quantity = parameter(
        "0.25 Gb/mm^2", "B/m^2", low="0.2 Gb/mm^2", high="2.2 Gb/mm^2", better="more", status="assumed",
        symbol=r"\rho",
        source="planar DRAM dies: 0.2 to 0.3 Gb/mm^2 (published die densities); high: 1024 monolithic layers (Stratum, "
        "arXiv 2510.05245)",
        doc="bits on a square millimetre of one die",
    )  # fmt: skip
    usable_fraction: Quantity = parameter(
        0.85, "1", low=0.7, high=1, at_most=1, better="more", status="assumed", symbol=r"\phi",
        source="assumed: vias, pads and a finer division into banks take a seventh of the area",
        doc="share of the area's capacity that is left",
    )  # fmt: skip
    pitch: Quantity = parameter(
        "9 um", "m", low="1 um", high="10 um", better="less", status="announced", symbol=r"p",
        source="hybrid bonds: below 10 um; UCIe-3D at 9 um (UCIe 2.0), Stratum at 1 um (arXiv 2510.05245)",
        doc="distance of two bonds",
    )  # fmt: skip
    data_share: Quantity = parameter(
        0.1, "1", low=0.01, high=0.5, at_most=1, better="more", status="assumed", symbol=r"\phi_{data}",
        source="assumed: most bonds carry power, ground, addresses and spares, or lie over cells without a pad",
        doc="share of the bonds that carries data",
    )  # fmt: skip
    bond_rate: Quantity = parameter(
        "1 Gb/s", "B/s", low="0.5 Gb/s", high="4 Gb/s", better="more", status="assumed", symbol=r"r_{bond}",
        source="assumed: one bit a cycle of the logic at 1 GHz, without serialisation; high: UCIe-3D",
        doc="data rate of one bond",
    )  # fmt: skip
    banks: Quantity = parameter(
        256, "1", low=64, high=4096, integer=True, better="more", status="assumed", symbol=r"n_{bank}",
        source="assumed: some forty times the channels of HBM, as bonds under each bank allow",
        doc="banks of one stack that answer at once",
    )  # fmt: skip
    word: Quantity = parameter(
        "64 B", "B", low="32 B", high="1 KiB", status="assumed", symbol=r"w",
        source="assumed: twice HBM's access, one line of a cache",
        doc="bytes one bank gives in each cycle",
    )  # fmt: skip
    cycle_time: Quantity = parameter(
        "3 ns", "s", low="1.9 ns", high="5 ns", better="less", status="assumed", symbol=r"t_{CCD}",
        source="assumed: the column-to-column time of HBM3 within a bank group, about 2.5 to 5 ns; low: the nearest "
        "tier of Stratum",
        doc="time between two words of one bank",
    )  # fmt: skip
    host_pins: Quantity = parameter(
        None, "1", integer=True, better="more", symbol=r"n_{host}",
        source="absent: only the logic of the stack reads it; 1024 or 2048 beside a host, as HBM",
        doc="data pins of one stack towards a host beside it",
    )  # fmt: skip
    host_pin_rate: Quantity = parameter(
        "8 Gb/s", "B/s", low="6.4 Gb/s", high="12 Gb/s", better="more", status="standard", symbol=r"r_{host}",
        source="as HBM4 (JESD270-4)",
        doc="data rate of one such pin",
    )  # fmt: skip
    efficiency: Quantity = parameter(
        0.9, "1", low=0.68, high=0.95, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{row}",
        source="assumed: between what HBM sustains in measurement and in simulation (0.68 to 0.94), with more banks to "
        "hide rows and refresh",
        doc="share of the peak that refresh and row changes leave",
    )  # fmt: skip
    row_latency: Quantity = parameter(
        "25 ns", "s", low="5 ns", high="45 ns", better="less", status="assumed", symbol=r"t_{row}",
        source="assumed: shorter wires than HBM's 33 ns; tRCD of Stratum's tiers is 2.29 to 22.88 ns",
        doc="time of the array to the first word of a closed row",
    )  # fmt: skip
    controller_latency: Quantity = parameter(
        "15 ns", "s", low="5 ns", high="100 ns", better="less", status="assumed", symbol=r"t_{ctrl}",
        source="assumed: a queue and a crossbar of the logic die below",
        doc="time of memory controller and wires",
    )  # fmt: skip
    core_energy: Quantity = parameter(
        "0.8 pJ/bit", "J/B", low="0.1 pJ/bit", high="2 pJ/bit", better="less", status="assumed", symbol=r"e_{core}",
        source="assumed: HBM's core energy, 2 to 4.8 pJ/bit, without its vias, base die and half its row; low: what "
        "Stratum's 34 TB/s within 45 W allow",
        doc="energy of the array",
    )  # fmt: skip
    vertical_energy: Quantity = parameter(
        "0.05 pJ/bit", "J/B", low="0.01 pJ/bit", high="0.1 pJ/bit", better="less", status="announced",
        symbol=r"e_{vert}",
        source="UCIe-3D: 0.05 pJ/bit at 9 um, 0.01 at 1 um (arXiv 2510.06513, Table 1)",
        doc="energy of a bond and its driver",
    )  # fmt: skip
    host_energy: Quantity = parameter(
        "1 pJ/bit", "J/B", low="0.25 pJ/bit", high="1.2 pJ/bit", better="less", status="assumed", symbol=r"e_{io}",
        source="assumed: as HBM's interface across an interposer",
        doc="energy of the pins, for a host beside the stack",
    )  # fmt: skip
    stack_static_power: Quantity = parameter(
        "2 W", "W", low="0.5 W", high="7.5 W", better="less", status="assumed", symbol=r"P_{stack}",
        source="assumed: refresh of as many bits as an HBM stack holds, without its base die; high: an idle "
        "HBM3E stack",
        doc="power of one stack without traffic",
    )  # fmt: skip
    granularity: Quantity = parameter(
        "32 B", "B", low="32 B", high="64 B", better="less", status="assumed", symbol=r"g",
        source="assumed: as HBM",
        doc="smallest access",
    )  # fmt: skip
    price: Quantity = parameter(
        None, "USD/B", better="less", status="assumed", symbol=r"p",
        source="absent: no such memory is sold", doc="price of a unit of capacity",
    )  # fmt: skip
    carbon_intensity: Quantity = parameter(
        None, "kg/B", better="less", status="assumed", symbol=r"c_{CO2}",
        source="absent: no such memory is made", doc="carbon dioxide equivalent of making a unit of capacity",
    )  # fmt: skip

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes that can be stored."""
        return self.stacks * self.dies * self.die_area * self.density * self.usable_fraction

    @quantity("1")
    def devices(self) -> Quantity:
        """Stacks, each with logic of its own."""
        return self.stacks

    @quantity("USD")
    def cost(self) -> Quantity:
        """Price of the memory; absent without a price."""
        return None if self.price is None else self.capacity * self.price

    @quantity("kg")
    def embodied_carbon(self) -> Quantity:
        """Carbon dioxide equivalent of making the memory; absent without a figure."""
        return None if self.carbon_intensity is None else self.capacity * self.carbon_intensity

    @quantity("m^2")
    def area(self) -> Quantity:
        """Area of all stacks, seen from above."""
        return self.stacks * self.die_area

    @quantity("B/s")
    def array_bandwidth(self) -> Quantity:
        """Rate of all banks."""
        return self.stacks * self.banks * self.word / self.cycle_time

    @quantity("1")
    def data_bonds(self) -> Quantity:
        """Bonds that carry data."""
        return self.area / self.pitch**2 * self.data_share

    @quantity("B/s")
    def bond_bandwidth(self) -> Quantity:
        """Rate of all bonds that carry data."""
        return self.data_bonds * self.bond_rate

    @quantity("B/s")
    def internal_bandwidth(self) -> Quantity:
        """What the logic of the stack sees: banks or bonds."""
        return Min(self.array_bandwidth, self.bond_bandwidth)

    @quantity("B/s")
    def port_bandwidth(self) -> Quantity:
        """Rate towards a host beside the stacks; without pins, that of the bonds."""
        if self.host_pins is None:
            return self.internal_bandwidth
        return self.stacks * self.host_pins * self.host_pin_rate

    @quantity("B/s")
    def read_bandwidth(self) -> Quantity:
        """Peak read bandwidth: of banks, bonds, or a host's pins."""
        return Min(self.internal_bandwidth, self.port_bandwidth)

    @quantity("s")
    def read_latency(self) -> Quantity:
        """Time from a request to its data, unloaded."""
        return self.row_latency + self.controller_latency

    @quantity("s")
    def write_latency(self) -> Quantity:
        """Time until a write is stored, taken as that of a read."""
        return self.row_latency + self.controller_latency

    @quantity("J/B")
    def internal_energy(self) -> Quantity:
        """Energy to read one byte from the logic of the stack."""
        return self.core_energy + self.vertical_energy

    @quantity("J/B")
    def read_energy(self) -> Quantity:
        """Energy to read one byte: to the stack's logic, and over pins where there are any."""
        return self.internal_energy if self.host_pins is None else self.internal_energy + self.host_energy

    @quantity("J/B")
    def write_energy(self) -> Quantity:
        """Energy to write one byte, taken as that of a read."""
        return self.read_energy

    @quantity("W")
    def static_power(self) -> Quantity:
        """Power of all stacks without traffic."""
        return self.stacks * self.stack_static_power


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [StackedDram]
