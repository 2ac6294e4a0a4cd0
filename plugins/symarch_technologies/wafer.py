"""A wafer of small cores, each with its own SRAM, joined by a mesh: Cerebras' Wafer-Scale Engine.

    peak       = cores * width * flop_per_mac * clock                 dense: every operand counted, zeros too
    vector     = cores * width * flop_per_operation * clock
    arithmetic = flops / (matrix_efficiency * peak)
    overhead   = crossings * sqrt(cores) * hop_cycles / clock         of products, attention and norms

Cores multiply and add a few words a cycle out of their own memory. An operator whose operands lie on all of them sends
its input along the rows of the mesh and adds its output along the columns, so that a signal crosses the wafer twice,
however small the operator is. Cores and width: Cerebras' WSE-3 figures, and The Next Platform, 2024-03-14. The clock
follows from the data sheet of WSE-2, which prints dense and sparse peaks apart: 7.5 PFLOP/s dense (75 sparse) are
850,000 cores of four words at 1.1 GHz. At that clock WSE-3 does 15.8 PFLOP/s dense; the 125 PFLOP/s of its
announcements are 7.9 times as much, and only reached where the hardware skips seven zeros of eight.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Effort, OperatorLike, Processor, Quantity, hookimpl, option, parameter, quantity, sqrt, technology
from symarch_technologies._tiles import counted


@technology
class Wafer(Processor):
    """A mesh of cores over a whole wafer."""

    name: ClassVar[str] = "wafer"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Zeros are not skipped: peaks are dense, an eighth of the vendor's.",
        "Every operator is spread over all cores; a pipeline of layers over regions of the wafer is not modelled.",
        "The fabric carries what operators exchange beside the arithmetic; only its latency counts.",
        "Its SRAM is the memory beside it (technology sram), not a buffer of its own.",
        "The power is that of the whole system, its pumps and converters included.",
    )

    cores: Quantity = parameter(
        900_000, "1", low=850_000, high=970_000, integer=True, status="announced", symbol=r"n_{core}",
        source="Cerebras, WSE-3: 900,000 cores", doc="cores in use",
    )  # fmt: skip
    width: Quantity = parameter(
        8, "1", low=4, high=8, integer=True, better="more", status="assumed", symbol=r"w",
        source="The Next Platform, 2024-03-14: eight words of 16 bits, four in WSE-2; Cerebras states no width",
        doc="words of 16 bits that a core multiplies and adds in a cycle",
    )  # fmt: skip
    clock: Quantity = parameter(
        "1.1 GHz", "Hz", low="0.85 GHz", high="1.16 GHz", better="more", status="assumed", symbol=r"f",
        source="solved from WSE-2's data sheet: 7.5 PFLOP/s dense over 850,000 cores of four words; high: the 5 % more "
        "that The Next Platform guesses from the SRAM's bandwidth",
        doc="clock of the cores and the fabric",
    )  # fmt: skip
    flop_per_mac: Quantity = parameter(
        "2 FLOP", "FLOP", status="standard", symbol=r"c_{mac}",
        source="counting rule of the peaks: a multiply-add is two operations",
        doc="operations of one word in a cycle",
    )  # fmt: skip
    flop_per_operation: Quantity = parameter(
        "1 FLOP", "FLOP", low="1 FLOP", high="2 FLOP", better="more", status="assumed", symbol=r"c_{vec}",
        source="assumed: element-wise operators add or multiply one word at a time",
        doc="operations of one word in a cycle outside products",
    )  # fmt: skip
    crossings: Quantity = parameter(
        2, "1", low=1, high=4, integer=True, better="less", status="assumed", symbol=r"n_{cross}",
        source="assumed: once along the rows with the input, once along the columns with the sums",
        doc="how often an operator's signals cross the wafer one after the other",
    )  # fmt: skip
    hop_cycles: Quantity = parameter(
        1, "1", low=1, high=3, better="less", status="assumed", symbol=r"n_{hop}",
        source="assumed: a word moves to the neighbouring core in one cycle",
        doc="cycles from a core to its neighbour",
    )  # fmt: skip
    matrix_efficiency: Quantity = parameter(
        0.5, "1", low=0.2, high=0.9, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{mat}",
        source="assumed: cores wait for operands of the mesh half of the time; no measurement of WSE-3 is public",
        doc="share of peak arithmetic that products reach",
    )  # fmt: skip
    prefetch: str = option(
        "step", choices=("operator", "step"), ideal="step",
        doc="how far ahead streamed data is requested: latency is exposed once per operator, or once per step",
    )  # fmt: skip
    energy_per_flop: Quantity = parameter(
        "0.8 pJ/FLOP", "J/FLOP", low="0.4 pJ/FLOP", high="1.45 pJ/FLOP", better="less", status="assumed", symbol=r"e_F",
        source="assumed; high: 23 kW over the dense peak",
        doc="energy of one floating-point operation at 16 bits",
    )  # fmt: skip
    energy_per_byte: Quantity = parameter(
        "0.02 pJ/bit", "J/B", low="0.005 pJ/bit", high="0.1 pJ/bit", better="less", status="assumed",
        symbol=r"e_{chip}",
        source="assumed: a core reads its own memory, next to its arithmetic",
        doc="energy to move one byte from the SRAM to the arithmetic",
    )  # fmt: skip
    static_power: Quantity = parameter(
        "6 kW", "W", low="3 kW", high="10 kW", better="less", status="assumed", symbol=r"P_{idle}",
        source="assumed: a quarter of the power limit, as GPUs draw without work; no measurement is public",
        doc="power drawn with no work, memories not counted",
    )  # fmt: skip
    power_limit: Quantity = parameter(
        "23 kW", "W", low="15 kW", high="27 kW", ideal=None, better="more", status="announced", symbol=r"P_{max}",
        source="CS-3 system, about 23 kW (awesomeagents.ai); Cerebras says as much as CS-2",
        doc="power that processor and attached memories may draw together",
    )  # fmt: skip
    price: Quantity = parameter(
        None, "USD", nonnegative=True, better="less", status="assumed", symbol=r"K",
        source="absent unless a preset gives it", doc="price of a system, its SRAM included",
    )  # fmt: skip

    @quantity("1/s")
    def words(self) -> Quantity:
        """Words that all cores compute in a second."""
        return self.cores * self.width * self.clock

    @quantity("FLOP/s")
    def peak_bf16(self) -> Quantity:
        """Dense peak at 16 bits."""
        return self.words * self.flop_per_mac

    @quantity("FLOP/s")
    def peak_vector(self) -> Quantity:
        """Peak outside products."""
        return self.words * self.flop_per_operation

    @quantity("s")
    def crossing(self) -> Quantity:
        """Time of an operator's signals on their way across the wafer."""
        return self.crossings * sqrt(self.cores) * self.hop_cycles / self.clock

    def effort(self, operator: OperatorLike) -> Effort:
        """Return the time of the cores, and of the ways across the wafer where results of many cores are joined."""
        local = operator.kind in ("elementwise", "embedding")
        overheads = {} if local else {"crossing": self.crossing}
        if not counted(operator):
            return Effort({}, overheads)
        if local or operator.kind == "norm":
            return Effort({"vector": operator.flops / self.peak_vector}, overheads)
        rate = self.matrix_efficiency * self.peak(operator.dtype)
        return Effort({"arithmetic": operator.flops / rate}, overheads)


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [Wafer]
