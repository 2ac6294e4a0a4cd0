"""Processing in memory: units beside the banks of the DRAM dies themselves, which read many banks at once.

    peak      = devices * units * flops_per_cycle * clock
    bandwidth = devices * units * word * clock                 all units read a word of their banks in each cycle
    energy    = read energy of the memory / energy_gain
    overhead  = mode_switch                                    banks closed for the host, opened for all units, and back

HBM-PIM (Samsung Aquabolt-XL, ISSCC and Hot Chips 2021): 32 units a die, 4 such dies in a stack, 16 lanes of FP16 at 300
MHz, a word of 32 B: 1.23 TFLOP/s and 1.23 TB/s a stack, four times the 307 GB/s of its pins. GDDR6-AiM (SK hynix, ISSCC
2022): 32 units a chip at 1 GHz: 1.02 TFLOP/s and 1.02 TB/s, sixteen times its pins. While the units work, the memory
serves nobody else (ComPASS, MICRO 2025).
"""

from __future__ import annotations

from typing import ClassVar

import attrs

from symarch import Effort, OperatorLike, Quantity, hookimpl, option, parameter, quantity, technology
from symarch_technologies._near import NearMemory


@technology
class ProcessingInMemory(NearMemory):
    """Units in the DRAM dies, one for each bank or pair of banks."""

    name: ClassVar[str] = "pim"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Every unit reads its own banks; weights and cache are laid out so that all units are busy.",
        "Inputs are sent to the units and results fetched over the memory's normal interface, between their work.",
        "A unit does one multiply-add for each element it reads: several tokens read the banks again, which the "
        "arithmetic rate accounts for.",
        "Norms and element-wise work run at no cost of arithmetic, as elsewhere; softmax is counted with attention.",
        "Wider types than the units' own are converted on the way.",
    )

    units: Quantity = parameter(
        128, "1", low=8, high=256, integer=True, better="more", status="announced", symbol=r"n_{unit}",
        source="HBM-PIM (Samsung, ISSCC 2021): 32 units a die in 4 of the 8 dies of a stack; GDDR6-AiM: 32 a chip",
        doc="units of one stack, module or chip",
    )  # fmt: skip
    flops_per_cycle: Quantity = parameter(
        "32 FLOP", "FLOP", low="16 FLOP", high="64 FLOP", better="more", status="announced", symbol=r"w_F",
        source="16 lanes of FP16 multiply-adds (Samsung, ISSCC 2021)",
        doc="operations one unit does in a cycle, a multiply-add counted as two",
    )  # fmt: skip
    word: Quantity = parameter(
        "32 B", "B", low="16 B", high="64 B", better="more", status="announced", symbol=r"w_B",
        source="256 bits of a column access, 16 lanes of 16 bits (Samsung, ISSCC 2021)",
        doc="bytes one unit takes in each cycle",
    )  # fmt: skip
    clock: Quantity = parameter(
        "300 MHz", "Hz", low="250 MHz", high="1 GHz", better="more", status="announced", symbol=r"f",
        source="HBM-PIM: 300 MHz (Samsung, ISSCC 2021); high: GDDR6-AiM",
        doc="clock of the units",
    )  # fmt: skip
    energy_gain: Quantity = parameter(
        5, "1", low=2.5, high=10, better="more", status="announced", symbol=r"g_E",
        source="arXiv 2601.05047: PIM has 5 to 10 times the bandwidth per watt; SK hynix claims 80 % less energy for "
        "GDDR6-AiM, which is a factor of 5; low: 60 to 72 % less in Samsung's systems",
        doc="energy of a byte read by the host over that of a byte read in the banks",
    )  # fmt: skip
    bank_latency: Quantity = parameter(
        "45 ns", "s", low="30 ns", high="60 ns", better="less", status="assumed", symbol=r"t_{bank}",
        source="assumed: a row conflict of the DRAM (44.1 to 49.4 ns in ramulator2's presets), with no way to a host",
        doc="time from a unit's request to its data",
    )  # fmt: skip
    mode_switch: Quantity = parameter(
        "2 us", "s", low="0.1 us", high="10 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"t_{mode}",
        source="assumed, vendors publish none: precharge of all banks, mode registers and a barrier of the host, "
        "twice; a tenth of it in hardware alone, five times with a driver",
        doc="time to take the memory from the host to the units and back, for each operator",
    )  # fmt: skip
    matrix_efficiency: Quantity = parameter(
        0.8, "1", low=0.5, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{mat}",
        source="assumed: rows opened, inputs sent and results fetched between the reads; with it a 4096 x 4096 product "
        "with a vector on four HBM-PIM stacks comes within a quarter of the 13 us of ComPASS (MICRO 2025)",
        doc="share of peak arithmetic that products reach",
    )  # fmt: skip
    bank_capacity: Quantity = parameter(
        "32 MB", "B", low="16 MiB", high="64 MB", better="more", status="announced", symbol=r"C_{bank}",
        source="arXiv 2601.05047: banks of 32 to 64 MB are what software must shard to; low: HBM-PIM",
        doc="bytes of the banks of one unit",
    )  # fmt: skip
    energy_per_flop: Quantity = parameter(
        "1 pJ/FLOP", "J/FLOP", low="0.4 pJ/FLOP", high="2 pJ/FLOP", better="less", status="assumed", symbol=r"e_F",
        source="assumed: a DRAM process is slower and hungrier than a logic process (arXiv 2601.05047), so twice or "
        "thrice the 0.4 pJ/FLOP of near-memory logic",
        doc="energy of one floating-point operation at 16 bits",
    )  # fmt: skip
    energy_per_byte: Quantity = parameter(
        "0.1 pJ/bit", "J/B", low="0.05 pJ/bit", high="0.3 pJ/bit", better="less", status="assumed", symbol=r"e_{chip}",
        source="assumed: from the bank's sense amplifiers to the unit beside it, a millimetre of wire and a register",
        doc="energy to move one byte from a bank to its unit",
    )  # fmt: skip
    device_power: Quantity = parameter(
        "1 W", "W", low="0.2 W", high="3 W", better="less", status="assumed", symbol=r"P_{unit}",
        source="assumed: leakage of units made in a DRAM process is small; no figure is public",
        doc="power of the idle units of one stack, module or chip",
    )  # fmt: skip
    blocks: str = option(
        "yes", choices=("no", "yes"),
        doc="whether the memory serves nothing else while its units work (ComPASS, MICRO 2025: normal reads stall)",
    )  # fmt: skip

    @quantity("B/s")
    def memory_bandwidth(self) -> Quantity:
        """Rate at which all units read their banks."""
        return self.intake

    @quantity("s")
    def memory_latency(self) -> Quantity:
        """Time from a unit's request to its data."""
        return self.bank_latency

    @quantity("J/B")
    def memory_energy(self) -> Quantity:
        """Energy of a byte read in the banks."""
        return self.memory.read_energy / self.energy_gain

    @quantity("1")
    def shards(self) -> Quantity:
        """Places that data are spread over: the units with their banks."""
        return self.places * self.units

    @quantity("B")
    def shard_limit(self) -> Quantity:
        """Bytes of one unit's banks."""
        return self.bank_capacity

    def effort(self, operator: OperatorLike) -> Effort:
        """Return arithmetic, and the switch from the host's mode to the units' and back."""
        effort = super().effort(operator)
        return attrs.evolve(effort, overheads={**effort.overheads, "mode_switch": self.mode_switch})


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [ProcessingInMemory]
