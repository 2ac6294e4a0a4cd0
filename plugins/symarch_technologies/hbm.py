"""High Bandwidth Memory: stacks of DRAM dies, each behind a wide parallel interface to the processor.

    capacity  = stacks * dies * die_capacity * usable_fraction
    bandwidth = stacks * pins * pin_rate
    latency   = row_latency + controller_latency
    energy    = core_energy + io_energy                      per byte, read or written

Pins, rates and densities: JEDEC JESD235 (HBM2E), JESD238 (HBM3), JESD270-4 (HBM4), as tabulated by Ma and Patterson,
"Challenges and Research Directions for Large Language Model Inference Hardware", arXiv 2601.05047. Row timings: the
JEDEC-derived presets of CMU-SAFARI/ramulator2 (c5b1c3a). Power: rail measurements of an H200, CMU-SAFARI/HBM-Power.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Memory, Quantity, hookimpl, parameter, quantity, technology


@technology
class HighBandwidthMemory(Memory):
    """Stacks of DRAM dies over through-silicon vias; products run below the standard's maximum pin rate."""

    name: ClassVar[str] = "hbm"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Reads and writes run at the same peak rate and cost the same energy; the turn-around between them is free.",
        "Refresh and row changes are one constant share of the peak, whatever the access pattern and temperature.",
        "Every access finds its row closed: activate, read, burst. Row hits and conflicts are not told apart.",
        "Traffic spreads evenly over stacks, channels and banks.",
        "A stack draws its static power at all times, self-refresh states are not used.",
    )

    stacks: Quantity = parameter(
        8, "1", low=1, high=16, integer=True, better="more", status="standard", symbol=r"n_{stack}",
        source="B200: 8 stacks; A100 and H100: 5; H200: 6",
        doc="stacks beside one processor",
    )  # fmt: skip
    pins: Quantity = parameter(
        1024, "1", low=1024, high=2048, integer=True, better="more", status="standard", symbol=r"n_{pin}",
        source="JESD235 to JESD238: 1024; JESD270-4 (HBM4): 2048",
        doc="data pins of one stack",
    )  # fmt: skip
    pin_rate: Quantity = parameter(
        "9.6 Gb/s", "B/s", low="2.4 Gb/s", high="12 Gb/s", better="more", status="standard", symbol=r"r_{pin}",
        source="HBM3E parts: 9.2 to 9.8 Gb/s; HBM2: 2.4, HBM4 vendors: 11 and more (arXiv 2601.05047; vendor "
        "releases)",
        doc="data rate of one pin",
    )  # fmt: skip
    dies: Quantity = parameter(
        8, "1", low=4, high=16, integer=True, better="more", status="standard", symbol=r"n_{die}",
        source="JESD238 and JESD270-4: 4, 8, 12 or 16 dies",
        doc="DRAM dies in one stack",
    )  # fmt: skip
    die_capacity: Quantity = parameter(
        "24 Gib", "B", low="8 Gib", high="32 Gib", better="more", status="standard", symbol=r"C_{die}",
        source="HBM3E: 24 Gb dies, binary as all DRAM densities; HBM4: 24 or 32 Gb (JESD270-4)",
        doc="capacity of one die",
    )  # fmt: skip
    usable_fraction: Quantity = parameter(
        1, "1", low=0.9, high=1, at_most=1, better="more", status="assumed", symbol=r"\phi",
        source="assumed: all of it, unless the product's data sheet states less (H200 141 of 144 GiB, B200 180 of "
        "192)",
        doc="share of the dies' capacity that the processor's vendor sells",
    )  # fmt: skip
    efficiency: Quantity = parameter(
        0.942, "1", low=0.68, high=0.942, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{row}",
        source="H200 random reads 4520 of 4800 GB/s (CMU-SAFARI/HBM-Power); low: FLINT's Ramulator calibration of "
        "HBM3E, arXiv 2608.25062",
        doc="share of the peak that refresh and row changes leave",
    )  # fmt: skip
    row_latency: Quantity = parameter(
        "33.1 ns", "s", low="30 ns", high="49.4 ns", better="less", status="standard", symbol=r"t_{row}",
        source="HBM3-6400 closed row: tRCD 19.4 + tCL 12.5 + burst 1.25 ns (ramulator2 presets); high: row conflict",
        doc="time of the array to the last beat of an access to a closed row",
    )  # fmt: skip
    controller_latency: Quantity = parameter(
        "239.7 ns", "s", low="70 ns", high="500 ns", better="less", status="measured", symbol=r"t_{ctrl}",
        source="H800 pointer chase 478.8 cycles at 1755 MHz = 272.8 ns (Luo et al., arXiv 2402.13499) less the row's "
        "33.1 ns; low: FLINT's row hit at the stack; B200 chases at 860 cycles",
        doc="time of memory controller, PHY and on-chip network, there and back, unloaded",
    )  # fmt: skip
    core_energy: Quantity = parameter(
        "4.8 pJ/bit", "J/B", low="2 pJ/bit", high="6 pJ/bit", better="less", status="assumed", symbol=r"e_{core}",
        source="the sum with io_energy is measured: 5.8 pJ/bit on the H200 rail, 210 W at 4523 GB/s without the idle "
        "power (CMU-SAFARI/HBM-Power); the split is an assumption, no measurement of it is public",
        doc="energy of array, through-silicon vias and base die",
    )  # fmt: skip
    io_energy: Quantity = parameter(
        "1 pJ/bit", "J/B", low="0.25 pJ/bit", high="1.2 pJ/bit", better="less", status="assumed", symbol=r"e_{io}",
        source="assumed like a die-to-die link across an interposer: 1.0 pJ/bit in FLINT (arXiv 2608.25062), 0.25 to "
        "0.6 for UCIe; the rest of the measured 5.8 pJ/bit is core_energy",
        doc="energy of the interface between stack and processor",
    )  # fmt: skip
    stack_static_power: Quantity = parameter(
        "6.65 W", "W", low="5.8 W", high="7.5 W", better="less", status="measured", symbol=r"P_{stack}",
        source="H200 memory rail idle 34.8 to 45.0 W over 6 stacks (CMU-SAFARI/HBM-Power), the middle",
        doc="power of one stack without traffic: refresh, leakage, clocks",
    )  # fmt: skip
    granularity: Quantity = parameter(
        "32 B", "B", low="32 B", high="64 B", better="less", status="standard", symbol=r"g",
        source="burst of one pseudo channel: 64 bit x 4 (HBM2E), 32 bit x 8 (HBM3, HBM4); arXiv 2601.05047",
        doc="smallest access",
    )  # fmt: skip

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes that can be stored."""
        return self.stacks * self.dies * self.die_capacity * self.usable_fraction

    @quantity("B/s")
    def port_bandwidth(self) -> Quantity:
        """Rate of all data pins."""
        return self.stacks * self.pins * self.pin_rate

    @quantity("B/s")
    def read_bandwidth(self) -> Quantity:
        """Peak read bandwidth: the pins are the limit, the array keeps up with them."""
        return self.port_bandwidth

    @quantity("B/s")
    def write_bandwidth(self) -> Quantity:
        """Peak write bandwidth, over the same pins."""
        return self.port_bandwidth

    @quantity("s")
    def read_latency(self) -> Quantity:
        """Time from a request to its data, unloaded."""
        return self.row_latency + self.controller_latency

    @quantity("s")
    def write_latency(self) -> Quantity:
        """Time until a write is stored, taken as that of a read."""
        return self.row_latency + self.controller_latency

    @quantity("J/B")
    def read_energy(self) -> Quantity:
        """Energy to read one byte, up to the processor's pins."""
        return self.core_energy + self.io_energy

    @quantity("J/B")
    def write_energy(self) -> Quantity:
        """Energy to write one byte, taken as that of a read."""
        return self.core_energy + self.io_energy

    @quantity("W")
    def static_power(self) -> Quantity:
        """Power of all stacks without traffic."""
        return self.stacks * self.stack_static_power


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [HighBandwidthMemory]
