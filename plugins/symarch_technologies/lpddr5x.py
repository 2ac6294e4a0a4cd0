"""LPDDR5 and LPDDR5X: packages of low-power DRAM beside a processor, in phones, desktops and servers.

    capacity  = packages * dies * die_capacity * usable_fraction
    bandwidth = packages * pins * pin_rate
    latency   = activate_time + column_time + burst / pin_rate + row_conflicts * precharge_time + controller_latency
    energy    = core_energy + io_energy                      per byte, read or written

Pins, rates and densities: JEDEC JESD209-5. Row and refresh timings: the JEDEC-derived presets of CMU-SAFARI/ramulator2
(c5b1c3a) for LPDDR5-6400; those of faster parts are not in them. Power: Ma and Patterson, arXiv 2601.05047, 3 W per 16
GB at LPDDR5-6400 (7.3 pJ/bit); Micron (HotInfra'26), 95 W at 2 TB/s in a package (5.9 pJ/bit); both with idle power.

The measured share of a Grace CPU's peak, 0.751, has refresh in it: it is `row_efficiency`, and `refresh_blocking` is 0,
as LPDDR5 can refresh one bank while the others serve.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, quantity, technology
from symarch_technologies._dram import Dram


@technology
class LPDDR5X(Dram):
    """Packages of LPDDR5 or LPDDR5X, four channels of 16 pins each, soldered near the processor."""

    name: ClassVar[str] = "lpddr5x"

    packages: Quantity = parameter(
        1, "1", low=1, high=32, integer=True, better="more", status="standard", symbol=r"n_{pkg}",
        source="a phone has one of 64 pins, NVIDIA GB10 256 pins, NVIDIA Grace 512",
        doc="packages beside one processor",
    )  # fmt: skip
    pins: Quantity = parameter(
        64, "1", low=16, high=128, integer=True, better="more", status="standard", symbol=r"n_{pin}",
        source="x64 packages of phones (Micron LPDDR5X, 2023-10); dies have channels of 16 (JESD209-5)",
        doc="data pins of one package",
    )  # fmt: skip
    pin_rate: Quantity = parameter(
        "8.533 Gb/s", "B/s", low="6.4 Gb/s", high="10.667 Gb/s", better="more", status="standard", symbol=r"r_{pin}",
        source="LPDDR5: 6.4 Gb/s, LPDDR5X: 8.533 (JESD209-5); vendors' parts: 9.6 and 10.667",
        doc="data rate of one pin",
    )  # fmt: skip
    dies: Quantity = parameter(
        8, "1", low=2, high=32, integer=True, better="more", status="standard", symbol=r"n_{die}",
        source="16 GB package of 16 Gb dies; high: 64 GB package (Samsung, 2022-10)",
        doc="DRAM dies in one package",
    )  # fmt: skip
    die_capacity: Quantity = parameter(
        "16 Gib", "B", low="8 Gib", high="32 Gib", better="more", status="standard", symbol=r"C_{die}",
        source="JESD209-5: up to 32 Gb, binary as all DRAM densities; LPDDR5X parts: 16 Gb",
        doc="capacity of one die",
    )  # fmt: skip
    usable_fraction: Quantity = parameter(
        1, "1", low=0.875, high=1, at_most=1, better="more", status="assumed", symbol=r"\phi",
        source="assumed: all of it; servers keep error correction in it (Grace sells 480 of 512 GB)",
        doc="share of the dies' capacity that holds data",
    )  # fmt: skip
    channel_pins: Quantity = parameter(
        16, "1", low=16, high=32, integer=True, better="less", status="standard", symbol=r"n_{ch}",
        source="JESD209-5: a channel has 16 data pins",
        doc="data pins that serve one access: a channel",
    )  # fmt: skip
    burst: Quantity = parameter(
        "16 bit", "B", low="16 bit", high="32 bit", better="less", status="standard", symbol=r"b",
        source="JESD209-5: burst length 16 or 32, which makes 32 or 64 B an access",
        doc="bits that one pin moves in an access",
    )  # fmt: skip
    activate_time: Quantity = parameter(
        "18.75 ns", "s", low="18 ns", high="18.75 ns", better="less", status="standard", symbol=r"t_{RCD}",
        source="tRCD of LPDDR5-6400 (ramulator2 presets): 15 cycles of 1.25 ns",
        doc="time from opening a row to its column command",
    )  # fmt: skip
    column_time: Quantity = parameter(
        "21.25 ns", "s", low="20 ns", high="21.25 ns", better="less", status="standard", symbol=r"t_{CL}",
        source="read latency of LPDDR5-6400 (ramulator2 presets): 17 cycles of 1.25 ns",
        doc="time from the column command to the first beat",
    )  # fmt: skip
    precharge_time: Quantity = parameter(
        "18.75 ns", "s", low="18 ns", high="21.25 ns", better="less", status="standard", symbol=r"t_{RP}",
        source="tRP of one bank of LPDDR5-6400 (ramulator2 presets): 15 cycles of 1.25 ns; high: of all banks",
        doc="time to close a row",
    )  # fmt: skip
    controller_latency: Quantity = parameter(
        "71.5 ns", "s", low="60 ns", high="93.5 ns", better="less", status="measured", symbol=r"t_{ctrl}",
        source="random reads of a Snapdragon 888 with LPDDR5-6400 in 114 ns (AnandTech, 2021) less the row's 42.5 ns; "
        "high: Exynos 2100, 136 ns; low: an assumption",
        doc="time of caches, on-chip network, memory controller and PHY, there and back, unloaded",
    )  # fmt: skip
    row_efficiency: Quantity = parameter(
        0.751, "1", low=0.68, high=0.942, at_most=1, ideal=1, better="more", status="measured", symbol=r"\eta_{row}",
        source="STREAM Triad of a Grace CPU, at least 410 GB/s (NVIDIA Grace performance tuning guide, 120 GB) of the "
        "546 of its 512 pins; refresh and error correction included; range: that of HBM3E",
        doc="share of the peak that row changes leave, and refresh where refresh_blocking is 0",
    )  # fmt: skip
    refresh_time: Quantity = parameter(
        "280 ns", "s", low="210 ns", high="380 ns", better="less", status="standard", symbol=r"t_{RFC}",
        source="tRFC of all banks (JESD209-5B, ramulator2 presets): 210, 280 and 380 ns for 8, 16 and 32 Gb",
        doc="time of one refresh command",
    )  # fmt: skip
    refresh_interval: Quantity = parameter(
        "3.906 us", "s", low="1.953 us", high="3.906 us", better="more", status="standard", symbol=r"t_{REFI}",
        source="tREFI of JESD209-5 (ramulator2 presets): 32 ms over 8192 commands; low: half of it",
        doc="time between refresh commands at the standard's rate",
    )  # fmt: skip
    core_energy: Quantity = parameter(
        "3.56 pJ/bit", "J/B", low="3 pJ/bit", high="29 pJ/bit", better="less", status="assumed", symbol=r"e_{core}",
        source="95 W at 2 TB/s (Micron, HotInfra'26) less 6 W of 30 idle packages is 5.56 pJ/bit, of which 2 are "
        "assumed for the interface; high: a system figure of 31 pJ/bit (zigzag, gemm_l1_l3.yaml)",
        doc="energy of the arrays and their data path",
    )  # fmt: skip
    io_energy: Quantity = parameter(
        "2 pJ/bit", "J/B", low="1 pJ/bit", high="4 pJ/bit", better="less", status="assumed", symbol=r"e_{io}",
        source="assumed: a 0.5 V signal over a few centimetres, between a link across an interposer (1 pJ/bit) and a "
        "DDR5 module's; no measured split is public",
        doc="energy of the pins between package and processor",
    )  # fmt: skip
    package_static_power: Quantity = parameter(
        "0.2 W", "W", low="0.05 W", high="0.5 W", better="less", status="assumed", symbol=r"P_{pkg}",
        source="assumed: 25 mW for each of 8 dies, a quarter of a DDR5 die's 92.5 mW, for lower voltages and "
        "power-down between bursts; no figure is public",
        doc="power of one package without traffic: refresh, leakage, clocks",
    )  # fmt: skip
    refresh_share: Quantity = parameter(
        0.5, "1", low=0.3, high=0.8, at_most=1, status="assumed", symbol=r"\rho_{ref}",
        source="assumed: refresh takes a larger part than the 0.347 of DDR5, as power-down stops the clocks",
        doc="share of the static power that is refresh, at the standard's rate",
    )  # fmt: skip
    price: Quantity = parameter(
        "14.69 USD/GiB", "USD/B", low="2.3 USD/GiB", high="14.7 USD/GiB", better="less", status="measured",
        symbol=r"p",
        source="235 USD for 128 Gb of LPDDR5X, spot of 2026-07 to 08 (CFM, memorymarket.com); low: contract for a "
        "phone's 12 GB, early 2025",
        doc="price of a unit of capacity",
    )  # fmt: skip
    carbon_intensity: Quantity = parameter(
        None, "kg/B", better="less", status="assumed", symbol=r"c_{CO2}",
        source="absent: no figure for LPDDR5 dies was found",
        doc="carbon dioxide equivalent of making a unit of capacity",
    )  # fmt: skip

    @quantity("1")
    def devices(self) -> Quantity:
        """Packages, each a place for near-memory logic."""
        return self.packages

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes that can be stored."""
        return self.packages * self.dies * self.die_capacity * self.usable_fraction

    @quantity("B/s")
    def port_bandwidth(self) -> Quantity:
        """Rate of all data pins."""
        return self.packages * self.pins * self.pin_rate

    @quantity("W")
    def static_power(self) -> Quantity:
        """Power of all packages without traffic."""
        return self.packages * self.package_static_power * self.idle_load


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [LPDDR5X]
