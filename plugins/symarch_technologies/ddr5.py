"""DDR5: modules of DRAM on channels of 64 data pins (two subchannels of 32), as in servers.

    capacity  = channels * modules_per_channel * dies * die_capacity * usable_fraction
    bandwidth = channels * pins * pin_rate                   a second module on a channel adds no pins
    latency   = activate_time + column_time + burst / pin_rate + row_conflicts * precharge_time + controller_latency
    energy    = core_energy + io_energy                      per byte, read or written

Pins, rates and densities: JEDEC JESD79-5. Row and refresh timings: the JEDEC-derived presets of CMU-SAFARI/ramulator2
(c5b1c3a). Power of a module: Ma and Patterson, arXiv 2601.05047, 12 W per 64 GB at DDR5-6400, which is 29.3 pJ/bit with
its idle power and 20.3 without. Dies and pins for error correction hold and move no data and are not counted; the power
of their dies is in the figures.

A measured STREAM of 0.846 of the peak has refresh in it. All banks of a rank refresh at once, which takes 295 of 3900
ns with dies of 16 Gb: `row_efficiency` is 0.846 with those 7.6 % divided out.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, quantity, technology
from symarch_technologies._dram import Dram


@technology
class DDR5(Dram):
    """Registered DDR5 modules on the channels of a processor."""

    name: ClassVar[str] = "ddr5"

    channels: Quantity = parameter(
        8, "1", low=1, high=24, integer=True, better="more", status="standard", symbol=r"n_{ch}",
        source="4th generation Xeon: 8 channels a socket; 4th generation EPYC: 12",
        doc="channels of 64 data pins",
    )  # fmt: skip
    modules_per_channel: Quantity = parameter(
        1, "1", low=1, high=2, integer=True, better="more", status="assumed", symbol=r"n_{DPC}",
        source="assumed: one, which lets the channel run at its full rate; high: two, as servers allow",
        doc="modules on one channel",
    )  # fmt: skip
    pins: Quantity = parameter(
        64, "1", low=32, high=64, integer=True, better="more", status="standard", symbol=r"n_{pin}",
        source="JESD79-5: two subchannels of 32 data pins a module, pins for error correction not counted; low: one "
        "subchannel",
        doc="data pins of one channel",
    )  # fmt: skip
    pin_rate: Quantity = parameter(
        "6.4 Gb/s", "B/s", low="3.2 Gb/s", high="8.8 Gb/s", better="more", status="standard", symbol=r"r_{pin}",
        source="JESD79-5: DDR5-3200 to DDR5-8800",
        doc="data rate of one pin",
    )  # fmt: skip
    dies: Quantity = parameter(
        32, "1", low=8, high=128, integer=True, better="more", status="standard", symbol=r"n_{die}",
        source="64 GB module of two ranks: 32 dies of 16 Gb for data",
        doc="DRAM dies of one module that hold data",
    )  # fmt: skip
    die_capacity: Quantity = parameter(
        "16 Gib", "B", low="8 Gib", high="32 Gib", better="more", status="standard", symbol=r"C_{die}",
        source="JESD79-5: 8, 16, 24 or 32 Gb in production, binary as all DRAM densities",
        doc="capacity of one die",
    )  # fmt: skip
    usable_fraction: Quantity = parameter(
        1, "1", low=0.9, high=1, at_most=1, better="more", status="assumed", symbol=r"\phi",
        source="assumed: all of it, error correction has dies of its own",
        doc="share of the dies' capacity that holds data",
    )  # fmt: skip
    channel_pins: Quantity = parameter(
        32, "1", low=32, high=64, integer=True, better="less", status="standard", symbol=r"n_{sub}",
        source="JESD79-5: a subchannel has 32 data pins",
        doc="data pins that serve one access: a subchannel",
    )  # fmt: skip
    burst: Quantity = parameter(
        "16 bit", "B", low="8 bit", high="16 bit", better="less", status="standard", symbol=r"b",
        source="JESD79-5: burst length 16, 64 B an access (arXiv 2601.05047); low: burst chop 8",
        doc="bits that one pin moves in an access",
    )  # fmt: skip
    activate_time: Quantity = parameter(
        "14.352 ns", "s", low="14.1 ns", high="17.5 ns", better="less", status="standard", symbol=r"t_{RCD}",
        source="tRCD of DDR5-6400AN (ramulator2 presets): 46 cycles of 312 ps; high: 28 of 625 ps at DDR5-3200C",
        doc="time from opening a row to its column command",
    )  # fmt: skip
    column_time: Quantity = parameter(
        "14.352 ns", "s", low="14.1 ns", high="17.5 ns", better="less", status="standard", symbol=r"t_{CL}",
        source="tCL of DDR5-6400AN (ramulator2 presets): 46 cycles of 312 ps; high: 28 of 625 ps at DDR5-3200C",
        doc="time from the column command to the first beat",
    )  # fmt: skip
    precharge_time: Quantity = parameter(
        "14.352 ns", "s", low="14.1 ns", high="17.5 ns", better="less", status="standard", symbol=r"t_{RP}",
        source="tRP of DDR5-6400AN (ramulator2 presets): 46 cycles of 312 ps; high: 28 of 625 ps at DDR5-3200C",
        doc="time to close a row",
    )  # fmt: skip
    controller_latency: Quantity = parameter(
        "78.8 ns", "s", low="48.8 ns", high="108.8 ns", better="less", status="assumed", symbol=r"t_{ctrl}",
        source="main memory answers a processor in 80 to 140 ns (CXL Consortium, Hot Chips 34): the middle, less the "
        "row's 31.2 ns",
        doc="time of caches, on-chip network, memory controller and PHY, there and back, unloaded",
    )  # fmt: skip
    row_efficiency: Quantity = parameter(
        780 / 921.6 / (1 - 295 / 3900), "1", low=0.763, high=0.942, at_most=1, ideal=1, better="more",
        status="measured", symbol=r"\eta_{row}",
        source="STREAM Triad 650 to 780 of 921.6 GB/s over 24 channels of DDR5-4800 (Azure HBv4, Microsoft Learn), the "
        "best, less the 7.6 % that refresh takes; high: random reads of HBM3E",
        doc="share of the peak that row changes leave, refresh not counted",
    )  # fmt: skip
    refresh_time: Quantity = parameter(
        "295 ns", "s", low="195 ns", high="410 ns", better="less", status="standard", symbol=r"t_{RFC}",
        source="tRFC1 of JESD79-5 (ramulator2 presets): 195, 295 and 410 ns for 8, 16 and 32 Gb",
        doc="time of one refresh command",
    )  # fmt: skip
    refresh_interval: Quantity = parameter(
        "3.9 us", "s", low="1.9 us", high="3.9 us", better="more", status="standard", symbol=r"t_{REFI}",
        source="tREFI of JESD79-5 (ramulator2 presets): 32 ms over 8192 commands; low: half of it",
        doc="time between refresh commands at the standard's rate",
    )  # fmt: skip
    refresh_blocking: Quantity = parameter(
        1, "1", low=0, high=1, nonnegative=True, ideal=0, at_most=1, better="less", status="assumed",
        symbol=r"\beta_{ref}",
        source="assumed: all banks refresh at once, as servers do by default, and no other rank fills the gap; low: "
        "one bank of each group at a time, hidden",
        doc="share of the refresh time in which a channel stands still",
    )  # fmt: skip
    core_energy: Quantity = parameter(
        "12.26 pJ/bit", "J/B", low="8 pJ/bit", high="31.8 pJ/bit", better="less", status="assumed", symbol=r"e_{core}",
        source="12 W for 64 GB at 51.2 GB/s (arXiv 2601.05047) less 3.7 W without traffic is 20.26 pJ/bit, of which 8 "
        "are assumed for the interface; high: 20 W (MDPI Energies 19(9) 2150)",
        doc="energy of arrays, error correction, register and power conversion on the module",
    )  # fmt: skip
    io_energy: Quantity = parameter(
        "8 pJ/bit", "J/B", low="4 pJ/bit", high="12 pJ/bit", better="less", status="assumed", symbol=r"e_{io}",
        source="assumed: a terminated 1.1 V signal over a board and a connector costs about what PCIe does, 10 "
        "pJ/bit, and less at its lower rate; no measured split is public",
        doc="energy of the pins between module and processor",
    )  # fmt: skip
    module_static_power: Quantity = parameter(
        "3.7 W", "W", low="2 W", high="6 W", better="less", status="assumed", symbol=r"P_{module}",
        source="40 dies (8 for error correction) of 60.4 mW in standby and 32.1 mW of refresh: 50 mA at 1.1 V and 3 "
        "mA at 1.8 V, while refreshing 362 and 48 mA for 295 of 3900 ns (currents of ramulator2's DDR5 model); "
        "register and power converter not counted",
        doc="power of one module without traffic: refresh, leakage, clocks",
    )  # fmt: skip
    refresh_share: Quantity = parameter(
        0.347, "1", low=0.2, high=0.5, at_most=1, status="assumed", symbol=r"\rho_{ref}",
        source="32.1 of 92.5 mW a die (currents of ramulator2's DDR5 model)",
        doc="share of the static power that is refresh, at the standard's rate",
    )  # fmt: skip
    price: Quantity = parameter(
        "24.84 USD/GiB", "USD/B", low="4 USD/GiB", high="27.6 USD/GiB", better="less", status="measured",
        symbol=r"p",
        source="1590 USD for a 64 GB RDIMM, spot of 2026-08-11 (CFM, memorymarket.com); low: contract of 3Q25 "
        "(Counterpoint), 255 USD; high: 96 GB RDIMM the same day",
        doc="price of a unit of capacity",
    )  # fmt: skip
    carbon_intensity: Quantity = parameter(
        "0.93 kg/GiB", "kg/B", low="0.065 kg/GiB", high="1.26 kg/GiB", better="less", status="assumed",
        symbol=r"c_{CO2}",
        source="Boavizta (boaviztapi 15878f0): 2.2 kg/cm^2 of die at 2.375 GB/cm^2; high: at 1.75 GB/cm^2; low: ACT's "
        "figure for DDR4 at 10 nm",
        doc="carbon dioxide equivalent of making a unit of capacity",
    )  # fmt: skip

    @quantity("1")
    def devices(self) -> Quantity:
        """Modules, each a place for near-memory logic on its buffer."""
        return self.channels * self.modules_per_channel

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes that can be stored."""
        return self.devices * self.dies * self.die_capacity * self.usable_fraction

    @quantity("B/s")
    def port_bandwidth(self) -> Quantity:
        """Rate of all data pins."""
        return self.channels * self.pins * self.pin_rate

    @quantity("W")
    def static_power(self) -> Quantity:
        """Power of all modules without traffic."""
        return self.devices * self.module_static_power * self.idle_load


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [DDR5]
