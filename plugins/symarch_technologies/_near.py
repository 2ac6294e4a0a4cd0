"""What processors on a memory share: simple cores in every stack, module or chip of it, whose number follows its own.

peak      = devices * units * flops_per_cycle * clock
intake    = devices * units * word * clock                what the cores can take in
devices   = those of the memory they sit on
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Processor, Quantity, parameter, quantity, technology


@technology
class NearMemory(Processor):
    """Cores that sit on a memory, or in it."""

    near: ClassVar[bool] = True

    units: Quantity = parameter(
        16, "1", low=1, high=128, integer=True, better="more", symbol=r"n_{unit}",
        source="assumed", doc="cores of one stack, module or chip",
    )  # fmt: skip
    flops_per_cycle: Quantity = parameter(
        "32 FLOP", "FLOP", low="16 FLOP", high="4096 FLOP", better="more", symbol=r"w_F",
        source="assumed", doc="operations one core does in a cycle, a multiply-add counted as two",
    )  # fmt: skip
    word: Quantity = parameter(
        "32 B", "B", low="32 B", high="4096 B", better="more", symbol=r"w_B",
        source="assumed", doc="bytes one core takes in each cycle",
    )  # fmt: skip
    clock: Quantity = parameter(
        "1 GHz", "Hz", low="0.25 GHz", high="2 GHz", better="more", symbol=r"f",
        source="assumed", doc="clock of the cores",
    )  # fmt: skip
    device_power: Quantity = parameter(
        "1 W", "W", low="0.1 W", high="10 W", better="less", symbol=r"P_{unit}",
        source="assumed", doc="power of the idle cores of one stack, module or chip",
    )  # fmt: skip

    @quantity("1/s")
    def cycles(self) -> Quantity:
        """Cycles of all cores together in a second."""
        return self.places * self.units * self.clock

    @quantity("FLOP/s")
    def peak_bf16(self) -> Quantity:
        """Peak arithmetic at 16 bits of all cores."""
        return self.cycles * self.flops_per_cycle

    @quantity("B/s")
    def intake(self) -> Quantity:
        """Bytes that all cores can take in."""
        return self.cycles * self.word

    @quantity("W")
    def static_power(self) -> Quantity:
        """Power of all cores without work."""
        return self.places * self.device_power
