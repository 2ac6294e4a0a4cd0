"""Systolic arrays under a compiler's schedule: Google's TPUs.

    peak       = cores * arrays * rows * columns * flop_per_mac * clock * speed of the data type
    vector     = cores * lanes * sublanes * vector_units * flop_per_operation * clock
    arithmetic = stretch * flops / (matrix_efficiency * peak)         stretch: padding to whole tiles, see `_tiles`
    overheads  = launch, and the fill of the array: (rows + columns) / clock

An array holds a tile of `rows` by `columns` weights while rows of activations pass it, one a cycle, so that dimensions
are padded to its sides, and fewer than `rows` rows of activations take as long as `rows` do: in that time the next tile
is loaded. Peaks, cores and memories: Cloud TPU documentation; sides of the arrays, lanes, sublanes and vector memory:
JAX (jax/_src/pallas/mosaic/tpu_info.py); array and vector unit: "How to Scale Your Model" (jax-ml/scaling-book, chapter
"How to Think About TPUs"). The clock is what makes the documented peak.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Effort, OperatorLike, Processor, Quantity, hookimpl, parameter, quantity, technology
from symarch_technologies._tiles import Tiles, counted


@technology
class TPU(Processor):
    """A chip of systolic arrays with vector units and a large memory that software manages."""

    name: ClassVar[str] = "tpu"
    assumptions: ClassVar[tuple[str, ...]] = (
        "All arrays of a chip share each operator evenly.",
        "A tile of weights is loaded behind the one in use, in as many cycles as the array has rows.",
        "The compiler starts operators one after the other and reads the next one's weights ahead.",
        "Element-wise operators that XLA fuses into products are not fused here.",
        "Energies and idle powers are scaled from TPU v4, the last one whose power Google measured in public.",
        "Sparse cores do nothing.",
    )

    cores: Quantity = parameter(
        1, "1", low=1, high=2, integer=True, better="more", status="standard", symbol=r"n_{core}",
        source="Cloud TPU documentation, v5e: one TensorCore a chip",
        doc="TensorCores of one chip",
    )  # fmt: skip
    arrays: Quantity = parameter(
        4, "1", low=2, high=4, integer=True, better="more", status="standard", symbol=r"n_{MXU}",
        source="Cloud TPU documentation, v5e: four matrix units a TensorCore",
        doc="systolic arrays of one core",
    )  # fmt: skip
    rows: Quantity = parameter(
        128, "1", low=128, high=256, integer=True, status="standard", symbol=r"R",
        source="scaling-book: 128 x 128 up to v5, 256 x 256 from v6e; JAX: mxu_column_size",
        doc="rows of an array, along the sum of a product",
    )  # fmt: skip
    columns: Quantity = parameter(
        128, "1", low=128, high=256, integer=True, status="standard", symbol=r"C_{MXU}",
        source="JAX: mxu_column_size 128 up to v5, 256 from v6e",
        doc="columns of an array",
    )  # fmt: skip
    clock: Quantity = parameter(
        "1.503 GHz", "Hz", low="1.4 GHz", high="1.6 GHz", better="more", status="assumed", symbol=r"f",
        source="solved: 197 TFLOP/s over 4 arrays of 128 x 128; the scaling-book says 1.5 GHz",
        doc="clock of arrays and vector units",
    )  # fmt: skip
    flop_per_mac: Quantity = parameter(
        "2 FLOP", "FLOP", status="standard", symbol=r"c_{mac}",
        source="counting rule of the peaks: a multiply-add is two operations",
        doc="operations of one cell in a cycle",
    )  # fmt: skip
    int8_speed: Quantity = parameter(
        None, "1", better="more", status="standard", symbol=r"s_{int8}",
        source="absent unless a preset gives it; Cloud TPU documentation, v5e: 393 TOP/s against 197 TFLOP/s",
        doc="rate of int8 over that of bf16; absent: no such arithmetic",
    )  # fmt: skip
    int4_speed: Quantity = parameter(
        None, "1", better="more", status="standard", symbol=r"s_{int4}",
        source="absent unless a preset gives it; JAX: v5e 788 TOP/s in int4, four times bf16",
        doc="rate of int4 over that of bf16; absent: no such arithmetic",
    )  # fmt: skip
    fp8_speed: Quantity = parameter(
        None, "1", better="more", status="standard", symbol=r"s_{fp8}",
        source="absent unless a preset gives it; Cloud TPU documentation, TPU7x: 4614 TFLOP/s against 2307",
        doc="rate of fp8 over that of bf16; absent: no such arithmetic",
    )  # fmt: skip
    lanes: Quantity = parameter(
        128, "1", integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="JAX: num_lanes", doc="lanes of a core's vector unit",
    )  # fmt: skip
    sublanes: Quantity = parameter(
        8, "1", integer=True, better="more", status="standard", symbol=r"n_{sub}",
        source="JAX: num_sublanes", doc="sublanes of a core's vector unit; rows of activations come in as many",
    )  # fmt: skip
    vector_units: Quantity = parameter(
        4, "1", low=2, high=4, integer=True, better="more", status="assumed", symbol=r"n_{ALU}",
        source="scaling-book: two units for each lane and sublane of v4, four in v5; assumed in later ones",
        doc="arithmetic units of one lane and sublane",
    )  # fmt: skip
    flop_per_operation: Quantity = parameter(
        "1 FLOP", "FLOP", low="1 FLOP", high="2 FLOP", better="more", status="assumed", symbol=r"c_{vec}",
        source="assumed: one addition or multiplication in a cycle, as the scaling-book counts",
        doc="operations of one vector unit in a cycle",
    )  # fmt: skip
    matrix_efficiency: Quantity = parameter(
        0.9, "1", low=0.7, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{mat}",
        source="assumed: 10 % of the cycles go to what padding, loading and filling do not explain",
        doc="share of peak arithmetic that padded products reach",
    )  # fmt: skip
    launch: Quantity = parameter(
        "1 us", "s", low="0.3 us", high="3 us", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"t_{launch}",
        source="assumed: an operator of a compiled program starts without the host; the latency of its first transfer "
        "and the start of its pipeline remain",
        doc="fixed time of one operator",
    )  # fmt: skip
    covered_latency: Quantity = parameter(
        "0.5 us", "s", low="0.3 us", high="1 us", nonnegative=True, ideal=0, status="assumed", symbol=r"t_{cov}",
        source="assumed: the fixed time of an operator contains the latency of its first read from HBM",
        doc="memory latency that the fixed times already contain",
    )  # fmt: skip
    runtime_memory: Quantity = parameter(
        "1 GiB", "B", low="0.3 GiB", high="2 GiB", nonnegative=True, ideal=0, better="less", status="assumed",
        symbol=r"C_{rt}",
        source="assumed: compiled programs, constants and the activations of one pass",
        doc="bytes that the runtime keeps back",
    )  # fmt: skip
    allocatable: Quantity = parameter(
        0.92, "1", low=0.85, high=0.95, at_most=1, ideal=1, better="more", status="standard", symbol=r"\phi_{rt}",
        source="vLLM, vllm/config/cache.py: gpu_memory_utilization is 0.92 by default, on TPUs too",
        doc="share of what is left of the memory that can be filled",
    )  # fmt: skip
    energy_per_flop: Quantity = parameter(
        "0.4 pJ/FLOP", "J/FLOP", low="0.2 pJ/FLOP", high="0.62 pJ/FLOP", better="less", status="assumed",
        symbol=r"e_F",
        source="assumed: below the 0.62 pJ that TPU v4's mean power of 170 W (Cloud TPU documentation) is for each "
        "FLOP of its 275 TFLOP/s, which has idle power and memory in it",
        doc="energy of one floating-point operation at 16 bits",
    )  # fmt: skip
    energy_per_byte: Quantity = parameter(
        "7.5 pJ/bit", "J/B", low="4 pJ/bit", high="10 pJ/bit", better="less", status="assumed", symbol=r"e_{chip}",
        source="assumed as measured on H200: 13.3 pJ/bit of the weight stream less 5.8 on the memory rail",
        doc="energy to move one byte from the memory's pins through the chip",
    )  # fmt: skip
    static_power: Quantity = parameter(
        "60 W", "W", low="40 W", high="90 W", better="less", status="assumed", symbol=r"P_{idle}",
        source="assumed: TPU v4's smallest measured power, 90 W (Cloud TPU documentation), less some 30 W of its HBM",
        doc="power drawn with no work, memories not counted",
    )  # fmt: skip
    power_limit: Quantity = parameter(
        None, "W", ideal=None, better="more", status="assumed", symbol=r"P_{max}",
        source="absent: Google states no limit for any TPU after v4 (192 W measured at most)",
        doc="power that processor and attached memories may draw together",
    )  # fmt: skip
    on_chip_memory: Quantity = parameter(
        "128 MiB", "B", better="more", status="standard", symbol=r"C_{VMEM}",
        source="JAX: vmem_capacity_bytes of v5e",
        doc="vector memory of all cores",
    )  # fmt: skip

    @quantity("1/s")
    def cycles(self) -> Quantity:
        """Cycles of all arrays together in a second."""
        return self.cores * self.arrays * self.clock

    @quantity("FLOP/s")
    def peak_bf16(self) -> Quantity:
        """Peak of the arrays at 16 bits."""
        return self.cycles * self.rows * self.columns * self.flop_per_mac

    @quantity("FLOP/s")
    def peak_int8(self) -> Quantity:
        """Peak of the arrays in int8."""
        return None if self.int8_speed is None else self.peak_bf16 * self.int8_speed

    @quantity("FLOP/s")
    def peak_int4(self) -> Quantity:
        """Peak of the arrays in int4."""
        return None if self.int4_speed is None else self.peak_bf16 * self.int4_speed

    @quantity("FLOP/s")
    def peak_fp8(self) -> Quantity:
        """Peak of the arrays in fp8."""
        return None if self.fp8_speed is None else self.peak_bf16 * self.fp8_speed

    @quantity("FLOP/s")
    def peak_vector(self) -> Quantity:
        """Peak of the vector units, for all that is no matrix product."""
        return self.cores * self.lanes * self.sublanes * self.vector_units * self.clock * self.flop_per_operation

    @quantity("s")
    def fill(self) -> Quantity:
        """Time in which the first row passes an array and the last one leaves it."""
        return (self.rows + self.columns) / self.clock

    def effort(self, operator: OperatorLike) -> Effort:
        """Return the time of the padded product on the arrays, or of the vector units, and the fixed times."""
        if operator.kind in ("norm", "elementwise", "embedding"):
            times = {"vector": operator.flops / self.peak_vector} if counted(operator) else {}
            return Effort(times, {"launch": self.launch})
        if not counted(operator):
            return Effort({}, {"launch": self.launch})
        tiles = Tiles(self.rows, self.columns, self.sublanes, self.rows)
        work = operator.flops * tiles.stretch(operator)
        return Effort(
            {"arithmetic": work / (self.matrix_efficiency * self.peak(operator.dtype))},
            {"launch": self.launch, "fill": self.fill},
        )


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [TPU]
