"""Logic under or on a stack of DRAM, cooled through it or beside it: bandwidth without limit, heat with one.

    peak      = devices * units * flops_per_cycle * clock
    bandwidth = Min(rate inside the stack, devices * units * word * clock)
    T_logic   = T_coolant + (R_LL * P_logic + R_LD * P_dram) / area   <= logic_temperature
    T_dram    = T_coolant + (R_DL * P_logic + R_DD * P_dram) / area   <= dram_temperature

With the logic below, all heat passes the stack and the coolant's interface; with the logic above, only the DRAM's heat
passes the stack on its way. R are area-specific resistances [K m^2/W], c of the cooling and s of the stack; heat made
evenly in the stack passes half of it:

                      R_LL     R_LD       R_DL     R_DD
    logic below       c + s    c + s/2    c + s    c + s/2      the hottest DRAM touches the logic
    logic above       c        c          c        c + s/2      the hottest DRAM lies farthest from the cooler

Both limits act on time: t >= (R_L E_logic + R_D E_dram) / (T_max - T_coolant - static share), which is arithmetic that
throttles. Resistances: imec (IEDM 2025) has a GPU of 414 W at 69.1 degrees in 2.5D and at 141.7 under four HBM stacks,
with a coolant of 20 to 40: 0.094 K/W of a die of about 814 mm^2, and 2.9 times as much through the stack.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from symarch import Limit, Min, Quantity, hookimpl, option, parameter, quantity, technology
from symarch_technologies._near import NearMemory


@technology
class StackedLogic(NearMemory):
    """Cores in a logic die that a stack of DRAM is bonded to."""

    name: ClassVar[str] = "logic-3d"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Heat flows one way, from the stack to the cooler, and spreads evenly over the area of the dies.",
        "Temperatures follow the power of each operator at once; thermal capacity evens nothing out.",
        "Too hot an operator takes longer at the same energy: duty cycling, no change of clock and voltage.",
        "Leakage does not grow with temperature, and refresh does not double.",
        "Cores take all operators and reach all banks of their own stack.",
    )

    units: Quantity = parameter(
        16, "1", low=1, high=128, integer=True, better="more", status="assumed", symbol=r"n_{unit}",
        source="assumed: one core for each sixteenth of the stack's banks",
        doc="cores of one stack",
    )  # fmt: skip
    flops_per_cycle: Quantity = parameter(
        "8000 FLOP", "FLOP", low="2048 FLOP", high="16384 FLOP", better="more", status="assumed", symbol=r"w_F",
        source="assumed: with 16 cores at 1 GHz the 128 TFLOP/s of Stratum's logic die (arXiv 2510.05245)",
        doc="operations one core does in a cycle, a multiply-add counted as two",
    )  # fmt: skip
    word: Quantity = parameter(
        "4 KiB", "B", low="256 B", high="4 KiB", better="more", status="assumed", symbol=r"w_B",
        source="assumed: as wide as the bonds above the core; 16 cores take in 65 TB/s",
        doc="bytes one core takes in each cycle",
    )  # fmt: skip
    clock: Quantity = parameter(
        "1 GHz", "Hz", low="0.5 GHz", high="2 GHz", better="more", status="announced", symbol=r"f",
        source="Stratum (arXiv 2510.05245); arXiv 2601.05047 advises low clock and voltage",
        doc="clock of the cores",
    )  # fmt: skip
    launch: Quantity = parameter(
        "1 us", "s", low="0.1 us", high="5 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"t_{launch}",
        source="assumed: a command to each core and a flag back",
        doc="fixed time of one operator",
    )  # fmt: skip
    matrix_efficiency: Quantity = parameter(
        0.8, "1", low=0.6, high=0.95, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{mat}",
        source="assumed: as large matrix products reach on GPUs (0.73 to 0.8 on A100 and H100)",
        doc="share of peak arithmetic that matrix products reach",
    )  # fmt: skip
    energy_per_flop: Quantity = parameter(
        "0.34 pJ/FLOP", "J/FLOP", low="0.19 pJ/FLOP", high="0.68 pJ/FLOP", better="less", status="assumed",
        symbol=r"e_F",
        source="Stratum (arXiv 2510.05245): a budget of 43 W over 128 TFLOP/s; low: arithmetic alone at 4 nm (arXiv "
        "2609.39131); high: H100",
        doc="energy of one floating-point operation at 16 bits",
    )  # fmt: skip
    energy_per_byte: Quantity = parameter(
        "0.1 pJ/bit", "J/B", low="0.05 pJ/bit", high="0.5 pJ/bit", better="less", status="assumed", symbol=r"e_{chip}",
        source="assumed: a register file or small SRAM beside the bonds, no wire across the die",
        doc="energy to move one byte from the bonds to a core",
    )  # fmt: skip
    device_power: Quantity = parameter(
        "3 W", "W", low="1 W", high="10 W", better="less", status="assumed", symbol=r"P_{unit}",
        source="assumed: leakage and clocks of 121 mm^2, a fifteenth of what the stack may draw",
        doc="power of the idle cores of one stack",
    )  # fmt: skip
    position: str = option(
        "below", choices=("below", "above"),
        doc="where the logic lies, seen from the cooler: below the DRAM, or above it next to the cooler",
    )  # fmt: skip
    footprint: Quantity = parameter(
        "121 mm^2", "m^2", low="50 mm^2", high="800 mm^2", better="more", status="announced", symbol=r"A_{stack}",
        source="Stratum (arXiv 2510.05245) and the base die of HBM: 121 mm^2",
        doc="area of one stack that heat leaves through",
    )  # fmt: skip
    cooling: Quantity = parameter(
        "0.765 K*cm^2/W", "K*m^2/W", low="0.57 K*cm^2/W", high="0.97 K*cm^2/W", better="less", status="assumed",
        symbol=r"c",
        source="imec, IEDM 2025: a GPU of 414 W at 69.1 degrees with a coolant of 30 (20 to 40) has 0.094 K/W "
        "(0.070 to 0.119); over an assumed 814 mm^2",
        doc="resistance of an area from the top of the stack to the coolant",
    )  # fmt: skip
    stack_resistance: Quantity = parameter(
        "1.45 K*cm^2/W", "K*m^2/W", low="0.5 K*cm^2/W", high="1.9 K*cm^2/W", better="less", status="assumed",
        symbol=r"s",
        source="imec, IEDM 2025: the GPU under four HBM stacks has 2.9 times (2.5 to 3.5) the resistance of that "
        "beside them; low: bonds instead of bumps and thinner dies",
        doc="resistance of an area through the DRAM of the stack",
    )  # fmt: skip
    coolant_temperature: Quantity = parameter(
        "303 K", "K", low="293 K", high="313 K", better="less", status="assumed", symbol=r"T_c",
        source="assumed: water of 30 degrees Celsius, 20 to 40 where imec's figures are read",
        doc="temperature of the coolant",
    )  # fmt: skip
    logic_temperature: Quantity = parameter(
        "378 K", "K", low="363 K", high="383 K", ideal=None, better="more", status="assumed", symbol=r"T_L",
        source="assumed: 105 degrees Celsius, as logic of that kind is rated",
        doc="highest temperature of the logic",
    )  # fmt: skip
    dram_temperature: Quantity = parameter(
        "358 K", "K", low="358 K", high="368 K", ideal=None, better="more", status="standard", symbol=r"T_D",
        source="JEDEC: 85 degrees Celsius with single refresh; high: 95 with double refresh",
        doc="highest temperature of the DRAM",
    )  # fmt: skip

    @quantity("B/s")
    def memory_bandwidth(self) -> Quantity:
        """Rate at which the cores read the stack: its inside, or their intake."""
        return Min(self.array_bandwidth, self.intake)

    @quantity("1")
    def shards(self) -> Quantity:
        """Places that data are spread over: the stacks."""
        return self.places

    @quantity("B")
    def shard_limit(self) -> Quantity:
        """Bytes that one stack holds."""
        return self.memory.capacity / self.places

    @quantity("m^2")
    def area(self) -> Quantity:
        """Area that heat leaves through."""
        return self.places * self.footprint

    @quantity("K/W")
    def logic_by_logic(self) -> Quantity:
        """Rise of the logic's temperature for each watt of its own."""
        passed = self.cooling + self.stack_resistance if self.position == "below" else self.cooling
        return passed / self.area

    @quantity("K/W")
    def logic_by_dram(self) -> Quantity:
        """Rise of the logic's temperature for each watt of the DRAM."""
        passed = self.cooling + self.stack_resistance / 2 if self.position == "below" else self.cooling
        return passed / self.area

    @quantity("K/W")
    def dram_by_dram(self) -> Quantity:
        """Rise of the DRAM's temperature for each watt of its own."""
        return (self.cooling + self.stack_resistance / 2) / self.area

    def limits(self) -> Mapping[str, Limit]:
        """Return the rises of temperature that logic and DRAM allow; none under `--ideal`."""
        limits = {}
        if self.logic_temperature is not None:
            rise = self.logic_temperature - self.coolant_temperature
            limits["logic_temperature"] = Limit(rise, self.logic_by_logic, self.logic_by_dram, 0, "K")
        if self.dram_temperature is not None:
            rise = self.dram_temperature - self.coolant_temperature
            # the logic heats the DRAM that touches it as much as itself
            limits["dram_temperature"] = Limit(rise, self.logic_by_logic, self.dram_by_dram, 0, "K")
        return limits


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [StackedLogic]
