"""High Bandwidth Memory: stacks of DRAM dies, each behind a wide parallel interface to the processor.

    capacity  = stacks * dies * die_capacity * usable_fraction
    bandwidth = stacks * pins * pin_rate
    latency   = activate_time + column_time + burst / pin_rate + row_conflicts * precharge_time + controller_latency
    energy    = core_energy + io_energy                      per byte, read or written

Pins, rates and densities: JEDEC JESD235 (HBM2E), JESD238 (HBM3), JESD270-4 (HBM4), as tabulated by Ma and Patterson,
"Challenges and Research Directions for Large Language Model Inference Hardware", arXiv 2601.05047. Row timings: the
JEDEC-derived presets of CMU-SAFARI/ramulator2 (c5b1c3a). Power: rail measurements of an H200, CMU-SAFARI/HBM-Power.

The measured share of an H200's peak, 0.942, has refresh in it: it is `row_efficiency`, and `refresh_blocking` is 0, as
HBM can refresh one bank while the others serve. All banks at once (`refresh_blocking = 1`) would lose 9 % more.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, quantity, technology
from symarch_technologies._dram import Dram


@technology
class HighBandwidthMemory(Dram):
    """Stacks of DRAM dies over through-silicon vias; products run below the standard's maximum pin rate."""

    name: ClassVar[str] = "hbm"

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
    channel_pins: Quantity = parameter(
        32, "1", low=32, high=64, integer=True, better="less", status="standard", symbol=r"n_{ch}",
        source="pseudo channel of HBM3 and HBM4: 32 bit; of HBM2: 64 bit (JESD238, JESD270-4, JESD235)",
        doc="data pins that serve one access: a pseudo channel",
    )  # fmt: skip
    burst: Quantity = parameter(
        "8 bit", "B", low="4 bit", high="8 bit", better="less", status="standard", symbol=r"b",
        source="burst length 8 in HBM3 and HBM4, 4 in HBM2, which makes 32 B an access in all (arXiv 2601.05047)",
        doc="bits that one pin moves in an access",
    )  # fmt: skip
    activate_time: Quantity = parameter(
        "19.4 ns", "s", low="14.2 ns", high="19.5 ns", better="less", status="standard", symbol=r"t_{RCD}",
        source="tRCD of HBM3-6400 (ramulator2 presets); HBM2-2400: 14.2, HBM4-8000: 19.5",
        doc="time from opening a row to its column command",
    )  # fmt: skip
    column_time: Quantity = parameter(
        "12.5 ns", "s", low="10 ns", high="14.2 ns", better="less", status="standard", symbol=r"t_{CL}",
        source="tCL of HBM3-6400 (ramulator2 presets); HBM2-2400: 14.2, HBM4-8000: 10.0",
        doc="time from the column command to the first beat",
    )  # fmt: skip
    precharge_time: Quantity = parameter(
        "16.2 ns", "s", low="14.2 ns", high="16.5 ns", better="less", status="standard", symbol=r"t_{RP}",
        source="tRP of HBM3-6400 (ramulator2 presets); HBM2-2400: 14.2, HBM4-8000: 16.5",
        doc="time to close a row",
    )  # fmt: skip
    controller_latency: Quantity = parameter(
        "239.7 ns", "s", low="70 ns", high="500 ns", better="less", status="measured", symbol=r"t_{ctrl}",
        source="H800 pointer chase 478.8 cycles at 1755 MHz = 272.8 ns (Luo et al., arXiv 2402.13499) less the row's "
        "33.1 ns; low: FLINT's row hit at the stack; B200 chases at 860 cycles",
        doc="time of memory controller, PHY and on-chip network, there and back, unloaded",
    )  # fmt: skip
    row_efficiency: Quantity = parameter(
        0.942, "1", low=0.68, high=0.942, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{row}",
        source="H200 random reads 4520 of 4800 GB/s (CMU-SAFARI/HBM-Power), refresh included; low: FLINT's Ramulator "
        "calibration of HBM3E, arXiv 2608.25062",
        doc="share of the peak that row changes leave, and refresh where refresh_blocking is 0",
    )  # fmt: skip
    refresh_time: Quantity = parameter(
        "350 ns", "s", low="260 ns", high="550 ns", better="less", status="standard", symbol=r"t_{RFC}",
        source="tRFC of all banks of HBM3 (ramulator2 presets): 260, 350, 450, 550 ns up to 4, 8, 16 and beyond 16 Gb "
        "a channel and rank; 8 dies of 24 Gb over 16 channels and 2 ranks have 6",
        doc="time of one refresh command",
    )  # fmt: skip
    refresh_interval: Quantity = parameter(
        "3.9 us", "s", low="1.9 us", high="3.9 us", better="more", status="standard", symbol=r"t_{REFI}",
        source="tREFI of HBM2 to HBM4 (ramulator2 presets): 32 ms over 8192 commands; low: half of it",
        doc="time between refresh commands at the standard's rate",
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
    refresh_share: Quantity = parameter(
        0.046, "1", low=0.02, high=0.35, at_most=1, status="assumed", symbol=r"\rho_{ref}",
        source="assumed: 8 dies of 24 Gb whose refresh draws 0.42 W each, as a DDR5 die does, for 350 of 3900 ns are "
        "0.3 of the 6.65 W; high: the share in a DDR5 module, which has no base die",
        doc="share of the static power that is refresh, at the standard's rate",
    )  # fmt: skip
    price: Quantity = parameter(
        "10.28 USD/GiB", "USD/B", low="7 USD/GiB", high="19.4 USD/GiB", better="less", status="assumed",
        symbol=r"p",
        source="370 USD for a 36 GiB stack of HBM3E, contract of 2025-11 (press on SK hynix); low and high: 2025 to "
        "2026 estimates of analysts for HBM3E and HBM4; no vendor publishes prices",
        doc="price of a unit of capacity",
    )  # fmt: skip
    carbon_intensity: Quantity = parameter(
        "0.861 kg/GiB", "kg/B", low="0.4 kg/GiB", high="1.3 kg/GiB", better="less", status="measured",
        symbol=r"c_{CO2}",
        source="NVIDIA's product carbon footprint of HGX H100 (2025-07, ISO 14067): 42 % of 1312 kg over 8 x 80 GiB "
        "of HBM3; range: an assumption for other generations",
        doc="carbon dioxide equivalent of making a unit of capacity",
    )  # fmt: skip

    @quantity("1")
    def devices(self) -> Quantity:
        """Stacks, each a place for near-memory logic on its base die."""
        return self.stacks

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes that can be stored."""
        return self.stacks * self.dies * self.die_capacity * self.usable_fraction

    @quantity("B/s")
    def port_bandwidth(self) -> Quantity:
        """Rate of all data pins."""
        return self.stacks * self.pins * self.pin_rate

    @quantity("W")
    def static_power(self) -> Quantity:
        """Power of all stacks without traffic."""
        return self.stacks * self.stack_static_power * self.idle_load


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [HighBandwidthMemory]
