"""LPDDR6: low-power DRAM with channels of 24 pins, of whose bits 8 in 9 are data.

    capacity  = packages * dies * die_capacity * usable_fraction
    bandwidth = packages * channels * pins * pin_rate * data_share
    latency   = activate_time + column_time + burst / pin_rate + row_conflicts * precharge_time + controller_latency
    energy    = core_energy + io_energy                      per byte, read or written

JEDEC JESD209-6: a channel is two subchannels of 12 pins; an access moves 12 x 24 = 288 bits, 256 of data and 32 of
metadata. With that share 14.4 Gb/s is the 38.4 GB/s a channel that JEDEC states, and 10.667 Gb/s its 28.5 within 0.2 %.
Row and refresh timings: the JEDEC-derived presets of CMU-SAFARI/ramulator2 (c5b1c3a). There is no silicon to measure
yet: energy, latency of the controller and sustained share are those of LPDDR5X.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, quantity, technology
from symarch_technologies._dram import Dram


@technology
class LPDDR6(Dram):
    """Packages of LPDDR6 soldered near the processor."""

    name: ClassVar[str] = "lpddr6"

    packages: Quantity = parameter(
        1, "1", low=1, high=32, integer=True, better="more", status="assumed", symbol=r"n_{pkg}",
        source="assumed: one, as in a phone; no product is public",
        doc="packages beside one processor",
    )  # fmt: skip
    channels: Quantity = parameter(
        4, "1", low=1, high=8, integer=True, better="more", status="assumed", symbol=r"n_{ch}",
        source="assumed: four channels a package, as LPDDR5X packages of 64 pins have",
        doc="channels of one package",
    )  # fmt: skip
    pins: Quantity = parameter(
        24, "1", low=12, high=24, integer=True, better="more", status="standard", symbol=r"n_{pin}",
        source="JESD209-6: two subchannels of 12 data pins a channel; low: one subchannel, the efficiency mode",
        doc="data pins of one channel",
    )  # fmt: skip
    pin_rate: Quantity = parameter(
        "10.667 Gb/s", "B/s", low="10.667 Gb/s", high="14.4 Gb/s", better="more", status="standard",
        symbol=r"r_{pin}",
        source="JESD209-6: 10.667 to 14.4 Gb/s",
        doc="data rate of one pin",
    )  # fmt: skip
    data_share: Quantity = parameter(
        256 / 288, "1", low=256 / 288, high=1, at_most=1, better="more", status="standard", symbol=r"\eta_{data}",
        source="256 of the 288 bits of an access are data, with which 14.4 Gb/s is JEDEC's 38.4 GB/s a channel; "
        "high: the raw rate",
        doc="share of the bits on the pins that are data",
    )  # fmt: skip
    dies: Quantity = parameter(
        8, "1", low=2, high=32, integer=True, better="more", status="assumed", symbol=r"n_{die}",
        source="assumed: a 16 GB package of 16 Gb dies, as of LPDDR5X",
        doc="DRAM dies in one package",
    )  # fmt: skip
    die_capacity: Quantity = parameter(
        "16 Gib", "B", low="4 Gib", high="64 Gib", better="more", status="standard", symbol=r"C_{die}",
        source="JESD209-6: 4 to 64 Gb, binary as all DRAM densities; 16 Gb is an assumption",
        doc="capacity of one die",
    )  # fmt: skip
    usable_fraction: Quantity = parameter(
        1, "1", low=0.875, high=1, at_most=1, better="more", status="assumed", symbol=r"\phi",
        source="assumed: all of it; metadata of the system may be carved out (JESD209-6)",
        doc="share of the dies' capacity that holds data",
    )  # fmt: skip
    channel_pins: Quantity = parameter(
        12, "1", low=12, high=24, integer=True, better="less", status="standard", symbol=r"n_{sub}",
        source="JESD209-6: a subchannel has 12 data pins",
        doc="data pins that serve one access: a subchannel",
    )  # fmt: skip
    burst: Quantity = parameter(
        "24 bit", "B", low="24 bit", high="48 bit", better="less", status="standard", symbol=r"b",
        source="JESD209-6: burst length 24 or 48, which makes 32 or 64 B an access",
        doc="bits that one pin moves in an access",
    )  # fmt: skip
    activate_time: Quantity = parameter(
        "18 ns", "s", low="18 ns", high="18.75 ns", better="less", status="standard", symbol=r"t_{RCD}",
        source="tRCD of LPDDR6-10667 (ramulator2 presets): 48 cycles of 375 ps; high: LPDDR5-6400",
        doc="time from opening a row to its column command",
    )  # fmt: skip
    column_time: Quantity = parameter(
        "21 ns", "s", low="20 ns", high="21.25 ns", better="less", status="standard", symbol=r"t_{CL}",
        source="read latency of LPDDR6-10667 (ramulator2 presets): 56 cycles of 375 ps; high: LPDDR5-6400",
        doc="time from the column command to the first beat",
    )  # fmt: skip
    precharge_time: Quantity = parameter(
        "40 ns", "s", low="18 ns", high="43 ns", better="less", status="standard", symbol=r"t_{RP}",
        source="18 ns and 22 ns of counting the row's activations (JESD209-6 tables 414 and 415 as in ramulator2); "
        "low: without counting; high: of all banks",
        doc="time to close a row",
    )  # fmt: skip
    controller_latency: Quantity = parameter(
        "71.5 ns", "s", low="60 ns", high="93.5 ns", better="less", status="assumed", symbol=r"t_{ctrl}",
        source="assumed as with LPDDR5: random reads of a Snapdragon 888 in 114 ns (AnandTech, 2021) less the row's "
        "42.5 ns; high: Exynos 2100",
        doc="time of caches, on-chip network, memory controller and PHY, there and back, unloaded",
    )  # fmt: skip
    row_efficiency: Quantity = parameter(
        0.751, "1", low=0.68, high=0.942, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{row}",
        source="assumed as measured with LPDDR5X: STREAM Triad of a Grace CPU (NVIDIA Grace performance tuning "
        "guide), refresh included",
        doc="share of the peak that row changes leave, and refresh where refresh_blocking is 0",
    )  # fmt: skip
    refresh_time: Quantity = parameter(
        "280 ns", "s", low="210 ns", high="380 ns", better="less", status="standard", symbol=r"t_{RFC}",
        source="tRFC of all banks (JESD209-6 table 302, ramulator2 presets): 210, 280 and 380 ns for 8, 16 and 32 Gb "
        "a die, which has two subchannels",
        doc="time of one refresh command",
    )  # fmt: skip
    refresh_interval: Quantity = parameter(
        "3.906 us", "s", low="1.953 us", high="3.906 us", better="more", status="standard", symbol=r"t_{REFI}",
        source="tREFI of JESD209-6 (ramulator2 presets); low: half of it",
        doc="time between refresh commands at the standard's rate",
    )  # fmt: skip
    core_energy: Quantity = parameter(
        "3.56 pJ/bit", "J/B", low="2.4 pJ/bit", high="4.84 pJ/bit", better="less", status="assumed",
        symbol=r"e_{core}",
        source="assumed as of LPDDR5X (95 W at 2 TB/s, Micron, HotInfra'26): JEDEC states lower voltages but no "
        "energy; high: LPDDR5-6400 in arXiv 2601.05047; low: a third less",
        doc="energy of the arrays and their data path",
    )  # fmt: skip
    io_energy: Quantity = parameter(
        "2 pJ/bit", "J/B", low="1 pJ/bit", high="4 pJ/bit", better="less", status="assumed", symbol=r"e_{io}",
        source="assumed as of LPDDR5X: a signal of half a volt over a few centimetres",
        doc="energy of the pins between package and processor",
    )  # fmt: skip
    package_static_power: Quantity = parameter(
        "0.2 W", "W", low="0.05 W", high="0.5 W", better="less", status="assumed", symbol=r"P_{pkg}",
        source="assumed as of LPDDR5X: 25 mW for each of 8 dies",
        doc="power of one package without traffic: refresh, leakage, clocks",
    )  # fmt: skip
    refresh_share: Quantity = parameter(
        0.5, "1", low=0.3, high=0.8, at_most=1, status="assumed", symbol=r"\rho_{ref}",
        source="assumed as of LPDDR5X",
        doc="share of the static power that is refresh, at the standard's rate",
    )  # fmt: skip
    price: Quantity = parameter(
        None, "USD/B", better="less", status="assumed", symbol=r"p",
        source="absent: no price of LPDDR6 is public",
        doc="price of a unit of capacity",
    )  # fmt: skip
    carbon_intensity: Quantity = parameter(
        None, "kg/B", better="less", status="assumed", symbol=r"c_{CO2}",
        source="absent: no figure for LPDDR6 dies was found",
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
        """Rate of all data pins, metadata taken off."""
        return self.packages * self.channels * self.pins * self.pin_rate * self.data_share

    @quantity("B")
    def granularity(self) -> Quantity:
        """Smallest access: the data of one burst of one subchannel."""
        return self.channel_pins * self.burst * self.data_share

    @quantity("W")
    def static_power(self) -> Quantity:
        """Power of all packages without traffic."""
        return self.packages * self.package_static_power * self.idle_load


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [LPDDR6]
