"""Streaming processors that a compiler schedules to the cycle: Groq's LPU, weights in on-chip SRAM.

    peak int8  = planes * size ** 2 * flop_per_mac * clock            peak bf16 = peak int8 * wide_speed
    vector     = lanes * vector_units * flop_per_operation * clock
    arithmetic = stretch * flops / (matrix_efficiency * peak)         stretch: padding to whole planes, see `_tiles`
    overheads  = crossing / clock

A plane holds `size` by `size` weights while one vector of activations passes it each cycle; its next weights are
installed in `install` cycles, whatever their width, so that a few vectors take as long as that. Nothing is launched,
cached or arbitrated: every transfer is placed in time beforehand, arithmetic and data overlap wholly, and reads are
issued as far ahead as needed. Planes, lanes, clock and installation: Abts et al., "Think Fast: A Tensor Streaming
Processor (TSP) for Accelerating Deep Learning Workloads", ISCA 2020; peaks: Groq's figures as TechPowerUp reports them.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Effort, OperatorLike, Processor, Quantity, hookimpl, option, parameter, quantity, technology
from symarch_technologies._tiles import Tiles, counted


@technology
class LPU(Processor):
    """A statically scheduled processor whose matrix planes are fed from on-chip SRAM."""

    name: ClassVar[str] = "lpu"
    assumptions: ClassVar[tuple[str, ...]] = (
        "The schedule is perfect: no stalls, no arbitration, data and arithmetic overlap wholly.",
        "All planes share each operator evenly.",
        "Its SRAM is the memory beside it (technology sram), not a buffer of its own.",
        "An operator on 16 bits takes the planes in pairs and their cycles twice: a quarter of the rate on 8.",
        "Types without planes of their own are computed in 16 bits.",
    )

    planes: Quantity = parameter(
        4, "1", low=2, high=8, integer=True, better="more", status="standard", symbol=r"n_{MXM}",
        source="ISCA 2020: four matrix planes, two in each hemisphere", doc="matrix planes",
    )  # fmt: skip
    size: Quantity = parameter(
        320, "1", low=160, high=640, integer=True, better="more", status="standard", symbol=r"N",
        source="ISCA 2020: planes of 320 x 320, 409,600 multiply-adds a cycle in four", doc="side of a plane",
    )  # fmt: skip
    clock: Quantity = parameter(
        "0.9 GHz", "Hz", low="0.9 GHz", high="1.25 GHz", better="more", status="standard", symbol=r"f",
        source="ISCA 2020: nominal clock 900 MHz; high: the 1.25 GHz of the first announcements",
        doc="clock of the chip",
    )  # fmt: skip
    flop_per_mac: Quantity = parameter(
        "2 FLOP", "FLOP", status="standard", symbol=r"c_{mac}",
        source="counting rule of the peaks: a multiply-add is two operations",
        doc="operations of one cell in a cycle",
    )  # fmt: skip
    wide_speed: Quantity = parameter(
        0.25, "1", low=0.2, high=0.25, at_most=1, better="more", status="standard", symbol=r"s_{16}",
        source="Groq's figures: 188 TFLOP/s in fp16 of 750 TOP/s in int8",
        doc="rate at 16 bits over that at 8",
    )  # fmt: skip
    install: Quantity = parameter(
        40, "1", low=20, high=80, integer=True, better="less", status="announced", symbol=r"n_{inst}",
        source="ISCA 2020: weights of all four planes are installed in less than 40 cycles",
        doc="cycles to put the next weights into a plane",
    )  # fmt: skip
    lanes: Quantity = parameter(
        320, "1", integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="ISCA 2020: 20 superlanes of 16 lanes", doc="lanes of the vector unit",
    )  # fmt: skip
    vector_units: Quantity = parameter(
        16, "1", integer=True, better="more", status="standard", symbol=r"n_{ALU}",
        source="ISCA 2020: 16 units a lane; 5120 in all", doc="vector arithmetic units of one lane",
    )  # fmt: skip
    flop_per_operation: Quantity = parameter(
        "1 FLOP", "FLOP", low="1 FLOP", high="2 FLOP", better="more", status="assumed", symbol=r"c_{vec}",
        source="assumed: one operation of a vector unit in a cycle", doc="operations of one vector unit in a cycle",
    )  # fmt: skip
    crossing: Quantity = parameter(
        200, "1", low=50, high=500, integer=True, better="less", status="assumed", symbol=r"n_{cross}",
        source="assumed: a stream crosses half the chip to a plane and back through the vector unit, some 100 "
        "registers each way; nothing else separates one operator from the next",
        doc="cycles between the last input of an operator and its last output",
    )  # fmt: skip
    prefetch: str = option(
        "step", choices=("operator", "step"), ideal="step",
        doc="how far ahead streamed data is requested: latency is exposed once per operator, or once per step",
    )  # fmt: skip
    energy_per_flop: Quantity = parameter(
        "1.1 pJ/FLOP", "J/FLOP", low="0.4 pJ/FLOP", high="1.6 pJ/FLOP", better="less", status="assumed", symbol=r"e_F",
        source="assumed: two thirds of the 1.6 pJ that 300 W are for each FLOP of 188 TFLOP/s; the rest idles or reads "
        "the SRAM",
        doc="energy of one floating-point operation at 16 bits",
    )  # fmt: skip
    energy_per_byte: Quantity = parameter(
        "0.2 pJ/bit", "J/B", low="0.05 pJ/bit", high="0.5 pJ/bit", better="less", status="assumed", symbol=r"e_{chip}",
        source="assumed: streams pass registers of the chip, no pins; about what a read of a 118 KB SRAM with its "
        "wires takes, 0.23 pJ/bit (KULeuven-MICAS/zigzag)",
        doc="energy to move one byte from the SRAM through the chip",
    )  # fmt: skip
    static_power: Quantity = parameter(
        "70 W", "W", low="40 W", high="120 W", better="less", status="assumed", symbol=r"P_{idle}",
        source="assumed: a quarter of the power limit, as GPUs draw without work; no measurement is public",
        doc="power drawn with no work, memories not counted",
    )  # fmt: skip
    power_limit: Quantity = parameter(
        "300 W", "W", low="215 W", high="375 W", ideal=None, better="more", status="announced", symbol=r"P_{max}",
        source="300 W in the first reports (TechSpot, 2020-01; Microprocessor Report); the range is an assumption",
        doc="power that processor and attached memories may draw together",
    )  # fmt: skip

    @quantity("FLOP/s")
    def peak_int8(self) -> Quantity:
        """Peak of the planes in int8."""
        return self.planes * self.size**2 * self.clock * self.flop_per_mac

    @quantity("FLOP/s")
    def peak_bf16(self) -> Quantity:
        """Peak of the planes at 16 bits."""
        return self.peak_int8 * self.wide_speed

    @quantity("FLOP/s")
    def peak_vector(self) -> Quantity:
        """Peak of the vector unit, for all that is no matrix product."""
        return self.lanes * self.vector_units * self.clock * self.flop_per_operation

    @quantity("s")
    def passage(self) -> Quantity:
        """Time between the last input of an operator and its last output."""
        return self.crossing / self.clock

    def effort(self, operator: OperatorLike) -> Effort:
        """Return the time of the padded product on the planes, or of the vector unit, and the way through the chip."""
        overheads = {"passage": self.passage}
        if not counted(operator):
            return Effort({}, overheads)
        if operator.kind in ("norm", "elementwise", "embedding"):
            return Effort({"vector": operator.flops / self.peak_vector}, overheads)
        wide = self.arithmetic(operator.dtype) == "bf16"
        # vectors of 16 bits pass in pairs of planes, which hold half as many weights: 40 cycles are fewer of them
        least = 2 * self.wide_speed * self.install if wide else self.install
        work = operator.flops * Tiles(self.size, self.size, 1, least).stretch(operator)
        return Effort({"arithmetic": work / (self.matrix_efficiency * self.peak(operator.dtype))}, overheads)


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [LPU]
