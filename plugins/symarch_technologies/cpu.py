"""Server CPUs: cores with vector units, some with a matrix unit beside them (AMX).

    peak bf16, int8 = cores * matrix operations of a core in a cycle * clock
    peak fp32       = cores * vector operations of a core in a cycle * clock         also of all that is no product
    arithmetic      = stretch * flops / (matrix_efficiency * peak)                   stretch: padding, see `_tiles`
    overhead        = launch: all cores meet before the next operator starts

AMX multiplies tiles of 16 rows by 16 columns over 64 bytes of the sum: 2048 operations a cycle in int8, 1024 in bf16
(Intel AMX documentation). Two AVX-512 units do 64 operations in fp32; where there is no matrix unit, dot-product
instructions do 2 (bf16) or 4 (int8) times as much. The clock is the base frequency, what a CPU holds with all its cores
at work; turbo is the end of its range.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Effort, OperatorLike, Processor, Quantity, hookimpl, parameter, quantity, technology
from symarch_technologies._tiles import Tiles, counted


@technology
class CPU(Processor):
    """A server processor that runs one operator on all of its cores."""

    name: ClassVar[str] = "cpu"
    assumptions: ClassVar[tuple[str, ...]] = (
        "All cores share each operator evenly and wait for the last one.",
        "The clock is one number, whatever the instructions; a power limit acts on time instead.",
        "Weights come from memory at every pass: what the last-level cache keeps between passes is not modelled.",
        "One socket; a second one is a second processor.",
        "Types without instructions of their own are converted on the way at no cost.",
    )

    cores: Quantity = parameter(
        64, "1", low=32, high=192, integer=True, better="more", status="standard", symbol=r"n_{core}",
        source="Intel Xeon Platinum 8592+ specification", doc="cores of one socket",
    )  # fmt: skip
    clock: Quantity = parameter(
        "1.9 GHz", "Hz", low="1.9 GHz", high="2.9 GHz", better="more", status="standard", symbol=r"f",
        source="Intel Xeon Platinum 8592+ specification: base 1.9 GHz; high: turbo of all cores",
        doc="clock with all cores at work",
    )  # fmt: skip
    matrix_bf16: Quantity = parameter(
        "1024 FLOP", "FLOP", low="64 FLOP", high="1024 FLOP", better="more", status="standard", symbol=r"w_{bf16}",
        source="Intel AMX: 1024 operations in bf16 per core and cycle",
        doc="operations of a core in a cycle in products at 16 bits",
    )  # fmt: skip
    matrix_int8: Quantity = parameter(
        "2048 FLOP", "FLOP", low="128 FLOP", high="2048 FLOP", better="more", status="standard", symbol=r"w_{int8}",
        source="Intel AMX: 2048 operations in int8 per core and cycle",
        doc="operations of a core in a cycle in products in int8",
    )  # fmt: skip
    vector_fp32: Quantity = parameter(
        "64 FLOP", "FLOP", low="32 FLOP", high="64 FLOP", better="more", status="standard", symbol=r"w_{fp32}",
        source="two AVX-512 units, 16 multiply-adds in fp32 each", doc="vector operations of a core in a cycle",
    )  # fmt: skip
    tile_rows: Quantity = parameter(
        16, "1", integer=True, status="standard", symbol=r"R",
        source="Intel AMX: 16 rows of a tile; 1 without a matrix unit", doc="rows of activations of a tile",
    )  # fmt: skip
    tile_columns: Quantity = parameter(
        16, "1", integer=True, status="standard", symbol=r"C_{tile}",
        source="Intel AMX: 16 sums of 32 bits in 64 bytes", doc="columns of a tile",
    )  # fmt: skip
    tile_depth: Quantity = parameter(
        32, "1", integer=True, status="standard", symbol=r"D",
        source="Intel AMX: 32 words of 16 bits in 64 bytes", doc="terms of a sum that a tile adds",
    )  # fmt: skip
    matrix_efficiency: Quantity = parameter(
        0.37, "1", low=0.15, high=0.6, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{mat}",
        source="assumed: 46 TFLOP/s, about what users report of large products with PyTorch and oneDNN on one 8592+, "
        "over its 124.5; low: 40 TFLOP/s on Granite Rapids (LIA, ISCA 2025) over 262",
        doc="share of peak arithmetic that padded products reach",
    )  # fmt: skip
    launch: Quantity = parameter(
        "5 us", "s", low="1 us", high="20 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"t_{launch}",
        source="assumed: one barrier among the threads of a socket and the call of the operator",
        doc="fixed time of one operator",
    )  # fmt: skip
    runtime_memory: Quantity = parameter(
        "8 GiB", "B", low="2 GiB", high="32 GiB", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"C_{rt}",
        source="assumed: operating system, libraries and workspace of a server",
        doc="bytes that the rest of the system keeps",
    )  # fmt: skip
    allocatable: Quantity = parameter(
        0.95, "1", low=0.8, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\phi_{rt}",
        source="assumed: some room is left for page tables and fragmentation",
        doc="share of what is left of the memory that can be filled",
    )  # fmt: skip
    energy_per_flop: Quantity = parameter(
        "1.8 pJ/FLOP", "J/FLOP", low="1 pJ/FLOP", high="2.8 pJ/FLOP", better="less", status="assumed", symbol=r"e_F",
        source="assumed: two thirds of the 2.8 pJ that 350 W are for each FLOP of an 8592+'s matrix units",
        doc="energy of one floating-point operation at 16 bits",
    )  # fmt: skip
    energy_per_byte: Quantity = parameter(
        "10 pJ/bit", "J/B", low="5 pJ/bit", high="20 pJ/bit", better="less", status="assumed", symbol=r"e_{chip}",
        source="assumed: between the 7.5 measured on H200 and the 15.9 assumed on A100",
        doc="energy to move one byte from the memory's pins through the chip",
    )  # fmt: skip
    static_power: Quantity = parameter(
        "100 W", "W", low="50 W", high="150 W", better="less", status="assumed", symbol=r"P_{idle}",
        source="assumed: a quarter to a third of the power limit: caches, fabric and memory controllers stay on",
        doc="power drawn with no work, memories not counted",
    )  # fmt: skip
    power_limit: Quantity = parameter(
        None, "W", ideal=None, better="more", status="standard", symbol=r"P_{max}",
        source="absent: a socket's limit does not count its memory modules; where memory is in the package, the preset "
        "gives it",
        doc="power that processor and attached memories may draw together",
    )  # fmt: skip
    on_chip_memory: Quantity = parameter(
        "320 MiB", "B", better="more", status="standard", symbol=r"C_{L3}",
        source="Intel Xeon Platinum 8592+ specification: last-level cache",
        doc="last-level cache of the socket",
    )  # fmt: skip

    @quantity("1/s")
    def cycles(self) -> Quantity:
        """Cycles of all cores together in a second."""
        return self.cores * self.clock

    @quantity("FLOP/s")
    def peak_bf16(self) -> Quantity:
        """Peak of products at 16 bits."""
        return self.cycles * self.matrix_bf16

    @quantity("FLOP/s")
    def peak_int8(self) -> Quantity:
        """Peak of products in int8."""
        return self.cycles * self.matrix_int8

    @quantity("FLOP/s")
    def peak_fp32(self) -> Quantity:
        """Peak of the vector units in fp32."""
        return self.cycles * self.vector_fp32

    @quantity("FLOP/s")
    def peak_vector(self) -> Quantity:
        """Peak of all that is no matrix product."""
        return self.peak_fp32

    def effort(self, operator: OperatorLike) -> Effort:
        """Return the time of the padded product, or of the vector units, and of the meeting of the cores."""
        overheads = {"launch": self.launch}
        if not counted(operator):
            return Effort({}, overheads)
        if operator.kind in ("norm", "elementwise", "embedding"):
            return Effort({"vector": operator.flops / self.peak_vector}, overheads)
        work = operator.flops * Tiles(self.tile_depth, self.tile_columns, self.tile_rows).stretch(operator)
        return Effort({"arithmetic": work / (self.matrix_efficiency * self.peak(operator.dtype))}, overheads)


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [CPU]
