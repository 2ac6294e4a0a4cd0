"""Mobile NPUs: an array for 8-bit products in a phone's system on chip, on the memory of the phone.

    peak bf16  = peak_int8 * wide_speed
    arithmetic = stretch * flops / (matrix_efficiency * peak)         stretch: padding to whole tiles, see `_tiles`
    vector     = flops / peak_vector
    overhead   = launch

Vendors publish one figure, in trillions of operations a second, and seldom say of which type, whether dense, and for
how long. It is taken as the dense peak in int8. What a phone can do for more than seconds is set by its case: the power
limit is that of the memory and the whole chip together.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Effort, OperatorLike, Processor, Quantity, hookimpl, parameter, quantity, technology
from symarch_technologies._tiles import Tiles, counted


@technology
class NPU(Processor):
    """The neural processor of a phone."""

    name: ClassVar[str] = "npu"
    assumptions: ClassVar[tuple[str, ...]] = (
        "The published operations per second are dense ones in int8; 16 bits run at half of them.",
        "The whole memory bandwidth of the phone is the processor's.",
        "Nothing runs beside it on CPU or GPU, and no operator falls back to them.",
        "The power limit is what the case of a phone gives off for minutes; bursts above it are not modelled.",
        "Types without arithmetic of their own are converted on the way at no cost.",
    )

    peak_int8: Quantity = parameter(
        "35 TFLOP/s", "FLOP/s", low="15 TFLOP/s", high="100 TFLOP/s", better="more", status="announced",
        symbol=r"F_{int8}",
        source="Apple A18 Pro, 2024-09: 35 trillion operations a second, type not said",
        doc="peak of products in int8; an operation counts as a FLOP",
    )  # fmt: skip
    wide_speed: Quantity = parameter(
        0.5, "1", low=0.25, high=1, at_most=1, better="more", status="assumed", symbol=r"s_{16}",
        source="assumed: half the rate of int8, as in most arrays; high: arrays whose 8-bit weights are widened",
        doc="rate at 16 bits over that in int8",
    )  # fmt: skip
    peak_vector: Quantity = parameter(
        "1 TFLOP/s", "FLOP/s", low="0.3 TFLOP/s", high="4 TFLOP/s", better="more", status="assumed", symbol=r"F_{vec}",
        source="assumed: vector units of a few kilobits at 1 to 2 GHz",
        doc="peak of the vector units, for all that is no matrix product",
    )  # fmt: skip
    tile: Quantity = parameter(
        32, "1", low=16, high=64, integer=True, status="assumed", symbol=r"N",
        source="assumed: tiles of 32 x 32, as those of Hexagon's matrix unit",
        doc="side of a tile of weights, and rows of activations that pass it together",
    )  # fmt: skip
    matrix_efficiency: Quantity = parameter(
        0.5, "1", low=0.2, high=0.8, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{mat}",
        source="assumed: half the peak; no vendor publishes what products reach",
        doc="share of peak arithmetic that padded products reach",
    )  # fmt: skip
    launch: Quantity = parameter(
        "10 us", "s", low="2 us", high="100 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"t_{launch}",
        source="assumed: an operator of a graph that runs on the NPU as a whole; high: a call from the CPU each time",
        doc="fixed time of one operator",
    )  # fmt: skip
    runtime_memory: Quantity = parameter(
        "4 GiB", "B", low="2 GiB", high="6 GiB", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"C_{rt}",
        source="assumed: what operating system and other applications of a phone hold",
        doc="bytes that the rest of the phone keeps",
    )  # fmt: skip
    allocatable: Quantity = parameter(
        0.9, "1", low=0.5, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\phi_{rt}",
        source="assumed: one application may take nearly all of the rest; low: limits of mobile operating systems",
        doc="share of what is left of the memory that can be filled",
    )  # fmt: skip
    energy_per_flop: Quantity = parameter(
        "0.2 pJ/FLOP", "J/FLOP", low="0.1 pJ/FLOP", high="0.5 pJ/FLOP", better="less", status="assumed", symbol=r"e_F",
        source="assumed: twice what int8 takes at 10 trillion operations a second and watt",
        doc="energy of one floating-point operation at 16 bits",
    )  # fmt: skip
    energy_per_byte: Quantity = parameter(
        "2 pJ/bit", "J/B", low="1 pJ/bit", high="5 pJ/bit", better="less", status="assumed", symbol=r"e_{chip}",
        source="assumed: a smaller chip than the GPUs, on which 7.5 were measured",
        doc="energy to move one byte from the memory's pins through the chip",
    )  # fmt: skip
    static_power: Quantity = parameter(
        "0.5 W", "W", low="0.2 W", high="1 W", better="less", status="assumed", symbol=r"P_{idle}",
        source="assumed: chip awake, display and radio not counted",
        doc="power drawn with no work, memories not counted",
    )  # fmt: skip
    power_limit: Quantity = parameter(
        "4 W", "W", low="3 W", high="9 W", ideal=None, better="more", status="assumed", symbol=r"P_{max}",
        source="assumed: 3 to 4 W for long, 9 W at most, as probsee.com has it of the A18 in a phone",
        doc="power that processor and attached memories may draw together",
    )  # fmt: skip
    on_chip_memory: Quantity = parameter(
        None, "B", better="more", status="assumed", symbol=r"C_{TCM}",
        source="absent unless a preset gives it",
        doc="memory of the NPU that software can keep data in",
    )  # fmt: skip

    @quantity("FLOP/s")
    def peak_bf16(self) -> Quantity:
        """Peak of products at 16 bits."""
        return self.peak_int8 * self.wide_speed

    def effort(self, operator: OperatorLike) -> Effort:
        """Return the time of the padded product, or of the vector units, and the start of the operator."""
        overheads = {"launch": self.launch}
        if not counted(operator):
            return Effort({}, overheads)
        if operator.kind in ("norm", "elementwise", "embedding"):
            return Effort({"vector": operator.flops / self.peak_vector}, overheads)
        work = operator.flops * Tiles(self.tile, self.tile, self.tile).stretch(operator)
        return Effort({"arithmetic": work / (self.matrix_efficiency * self.peak(operator.dtype))}, overheads)


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [NPU]
