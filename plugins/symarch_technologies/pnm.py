"""Processing near memory: cores in the base die of a stack, or in the buffer or controller of a module.

    peak      = devices * units * flops_per_cycle * clock
    bandwidth = Min(gain * rate of the memory's arrays, devices * units * word * clock)
    energy    = read energy of the memory / energy_gain
    latency   = near_latency

The cores see the arrays before the memory's port: behind a CXL link that is the rate of the DRAM channels, on the base
die of an HBM stack that of its through-silicon vias. Ma and Patterson (arXiv 2601.05047, PIM against PNM and 3D
stacking): compute on the HBM base die has HBM's bandwidth at a half to a third of the power, since data travel a
shorter way; PNM in general offers two to five times the bandwidth per watt, and places of 16 to 32 GB to shard to.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Min, Quantity, hookimpl, parameter, quantity, technology
from symarch_technologies._near import NearMemory


@technology
class ProcessingNearMemory(NearMemory):
    """Cores beside the memory's dies, on a die of a logic process."""

    name: ClassVar[str] = "pnm"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Every core works on the data of its own stack or module; the shards are of equal size.",
        "The cores take all operators: products, attention, norms and element-wise work.",
        "The host reads the memory as before; while the cores read at full rate there is nothing left for it.",
        "Energy of a byte read from near is the memory's divided by one number, whatever the access.",
    )

    units: Quantity = parameter(
        16, "1", low=1, high=128, integer=True, better="more", status="assumed", symbol=r"n_{unit}",
        source="assumed: no vendor has published a base die for inference; 16 cores of a stack, one for each HBM3 "
        "channel",
        doc="cores of one stack, module or chip",
    )  # fmt: skip
    flops_per_cycle: Quantity = parameter(
        "2048 FLOP", "FLOP", low="128 FLOP", high="8192 FLOP", better="more", status="assumed", symbol=r"w_F",
        source="assumed: an array of 32 x 32 multiply-adds, for 33 TFLOP/s a stack at 16 cores and 1 GHz: some 27 "
        "FLOP/B of an HBM3E stack, enough for grouped-query decode, far below a GPU's 200",
        doc="operations one core does in a cycle, a multiply-add counted as two",
    )  # fmt: skip
    word: Quantity = parameter(
        "128 B", "B", low="32 B", high="512 B", better="more", status="assumed", symbol=r"w_B",
        source="assumed: wide enough that the memory and not the cores set the rate (16 x 128 B at 1 GHz is 2 TB/s)",
        doc="bytes one core takes in each cycle",
    )  # fmt: skip
    clock: Quantity = parameter(
        "1 GHz", "Hz", low="0.5 GHz", high="2 GHz", better="more", status="assumed", symbol=r"f",
        source="assumed: low clock and voltage, as arXiv 2601.05047 advises for logic under a stack; 1 GHz in Stratum "
        "(arXiv 2510.05245)",
        doc="clock of the cores",
    )  # fmt: skip
    gain: Quantity = parameter(
        1, "1", low=1, high=5, better="more", status="assumed", symbol=r"g_B",
        source="1 for the HBM base die, whose vias carry what the pins carry (arXiv 2601.05047); more where the base "
        "die is given more vias than pins",
        doc="rate from near over the rate of the memory's arrays as the memory states it",
    )  # fmt: skip
    energy_gain: Quantity = parameter(
        2.5, "1", low=2, high=5, better="more", status="announced", symbol=r"g_E",
        source="arXiv 2601.05047: power 2 to 3 times lower on the HBM base die, 2 to 5 times the bandwidth per watt "
        "for PNM in general; the middle of the first",
        doc="energy of a byte read by the host over that of a byte read from near",
    )  # fmt: skip
    near_latency: Quantity = parameter(
        "60 ns", "s", low="40 ns", high="150 ns", better="less", status="assumed", symbol=r"t_{near}",
        source="assumed: a closed row of 33 ns (HBM3-6400, ramulator2 presets) and as much again for controller and "
        "wires of the base die; low: little beyond the row",
        doc="time from a core's request to its data",
    )  # fmt: skip
    launch: Quantity = parameter(
        "1 us", "s", low="0.1 us", high="5 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"t_{launch}",
        source="assumed: the host writes a command to each core and polls a flag, two crossings of its interface and "
        "some software; high: a CXL round trip with the driver",
        doc="fixed time of one operator",
    )  # fmt: skip
    matrix_efficiency: Quantity = parameter(
        0.8, "1", low=0.6, high=0.95, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{mat}",
        source="assumed: as large matrix products reach on GPUs (0.73 to 0.8 on A100 and H100)",
        doc="share of peak arithmetic that matrix products reach",
    )  # fmt: skip
    energy_per_flop: Quantity = parameter(
        "0.4 pJ/FLOP", "J/FLOP", low="0.19 pJ/FLOP", high="0.8 pJ/FLOP", better="less", status="assumed", symbol=r"e_F",
        source="assumed: 0.34 pJ/FLOP of Stratum's logic die (43 W at 128 TFLOP/s, arXiv 2510.05245) and something for "
        "an older process; low: arithmetic alone at 4 nm, 0.38 pJ a multiply-add (arXiv 2609.39131)",
        doc="energy of one floating-point operation at 16 bits",
    )  # fmt: skip
    energy_per_byte: Quantity = parameter(
        "0.5 pJ/bit", "J/B", low="0.2 pJ/bit", high="2 pJ/bit", better="less", status="assumed", symbol=r"e_{chip}",
        source="assumed: a small SRAM (0.05 to 0.23 pJ/bit at 3 to 7 nm) written and read once, and millimetres of "
        "wire at 0.05 to 0.1 pJ/bit/mm",
        doc="energy to move one byte from the memory's vias or pins to a core",
    )  # fmt: skip
    device_power: Quantity = parameter(
        "2 W", "W", low="0.5 W", high="5 W", better="less", status="assumed", symbol=r"P_{unit}",
        source="assumed: a twentieth of the 40 W of a stack (HBM4 in arXiv 2601.05047) for leakage and clocks",
        doc="power of the idle cores of one stack, module or chip",
    )  # fmt: skip
    device_power_limit: Quantity = parameter(
        "60 W", "W", low="40 W", high="75 W", ideal=None, better="more", status="assumed", symbol=r"P_{max}",
        source="assumed: half as much again as an HBM4 stack draws alone, which is also the low end "
        "(40 W in arXiv 2601.05047; KAIST's road map has 75 W)",
        doc="power that one stack, module or chip may draw with its cores",
    )  # fmt: skip
    on_chip_per_unit: Quantity = parameter(
        "256 KiB", "B", low="64 KiB", high="2 MiB", better="more", status="assumed", symbol=r"C_{buf}",
        source="assumed: inputs, partial sums and a double buffer of one core",
        doc="on-chip memory of one core",
    )  # fmt: skip

    @quantity("B/s")
    def memory_bandwidth(self) -> Quantity:
        """Rate at which the cores read their memory: its arrays', or their intake."""
        return Min(self.gain * self.array_bandwidth, self.intake)

    @quantity("s")
    def memory_latency(self) -> Quantity:
        """Time from a core's request to its data."""
        return self.near_latency

    @quantity("J/B")
    def memory_energy(self) -> Quantity:
        """Energy of a byte read from near."""
        return self.memory.read_energy / self.energy_gain

    @quantity("1")
    def shards(self) -> Quantity:
        """Places that data are spread over: the stacks or modules."""
        return self.places

    @quantity("B")
    def shard_limit(self) -> Quantity:
        """Bytes that one stack or module holds."""
        return self.memory.capacity / self.places

    @quantity("W")
    def power_limit(self) -> Quantity:
        """Power that memory and cores may draw together."""
        return None if self.device_power_limit is None else self.places * self.device_power_limit

    @quantity("B")
    def on_chip_memory(self) -> Quantity:
        """On-chip memory of all cores."""
        return self.places * self.units * self.on_chip_per_unit


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [ProcessingNearMemory]
