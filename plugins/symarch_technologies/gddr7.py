"""GDDR7: graphics memory, chips of 32 data pins whose three signal levels carry up to 32 Gb/s and more.

    capacity  = chips * dies * die_capacity * usable_fraction
    bandwidth = chips * pins * pin_rate
    latency   = activate_time + column_time + burst / pin_rate + row_conflicts * precharge_time + controller_latency
    energy    = core_energy + io_energy                      per byte, read or written

Pins, rates and densities: JEDEC JESD239; three levels (PAM3) are in the pin rate, which counts bits. Row and refresh
timings: the preset of CMU-SAFARI/ramulator2 (c5b1c3a) at 28 Gb/s, which its authors call no vendor's table. Energy: no
figure is public; Micron announces an efficiency more than 50 % better than GDDR6's.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, technology
from symarch_technologies._gddr import GraphicsDram


@technology
class GDDR7(GraphicsDram):
    """Chips of GDDR7 soldered around the processor."""

    name: ClassVar[str] = "gddr7"

    chips: Quantity = parameter(
        16, "1", low=1, high=32, integer=True, better="more", status="standard", symbol=r"n_{chip}",
        source="512 pins are 16 chips, as on an RTX 5090; an RTX PRO 6000 has 32 on both sides of the board",
        doc="chips beside one processor",
    )  # fmt: skip
    pins: Quantity = parameter(
        32, "1", low=16, high=32, integer=True, better="more", status="standard", symbol=r"n_{pin}",
        source="JESD239: 32 data pins a chip; low: 16 where two chips share them, on both sides of a board (clamshell)",
        doc="data pins of one chip",
    )  # fmt: skip
    pin_rate: Quantity = parameter(
        "28 Gb/s", "B/s", low="28 Gb/s", high="48 Gb/s", better="more", status="standard", symbol=r"r_{pin}",
        source="parts of 28 and 32 Gb/s; JESD239 goes up to 48",
        doc="data rate of one pin",
    )  # fmt: skip
    dies: Quantity = parameter(
        1, "1", low=1, high=2, integer=True, better="more", status="standard", symbol=r"n_{die}",
        source="JESD239: one die a chip; high: an assumption, two in a package",
        doc="DRAM dies in one chip",
    )  # fmt: skip
    die_capacity: Quantity = parameter(
        "16 Gib", "B", low="16 Gib", high="64 Gib", better="more", status="standard", symbol=r"C_{die}",
        source="JESD239: 16 to 64 Gb, binary as all DRAM densities; in production 16 and 24 Gb",
        doc="capacity of one die",
    )  # fmt: skip
    channel_pins: Quantity = parameter(
        8, "1", low=8, high=16, integer=True, better="less", status="standard", symbol=r"n_{ch}",
        source="JESD239: four channels of 8 data pins a chip",
        doc="data pins that serve one access: a channel",
    )  # fmt: skip
    burst: Quantity = parameter(
        "32 bit", "B", low="16 bit", high="32 bit", better="less", status="standard", symbol=r"b",
        source="32 bits a pin over two clock cycles (ramulator2), which makes 32 B an access; low: half of it",
        doc="bits that one pin moves in an access",
    )  # fmt: skip
    activate_time: Quantity = parameter(
        "17.1 ns", "s", low="14.8 ns", high="17.1 ns", better="less", status="assumed", symbol=r"t_{RCD}",
        source="tRCD of GDDR7-28000 (ramulator2 presets, no vendor's table)",
        doc="time from opening a row to its column command",
    )  # fmt: skip
    column_time: Quantity = parameter(
        "13.7 ns", "s", low="12 ns", high="16 ns", better="less", status="assumed", symbol=r"t_{CL}",
        source="read latency of GDDR7-28000 (ramulator2 presets, no vendor's table): 24 cycles of 571 ps",
        doc="time from the column command to the first beat",
    )  # fmt: skip
    precharge_time: Quantity = parameter(
        "17.1 ns", "s", low="14.8 ns", high="17.1 ns", better="less", status="assumed", symbol=r"t_{RP}",
        source="tRP of GDDR7-28000 (ramulator2 presets, no vendor's table)",
        doc="time to close a row",
    )  # fmt: skip
    refresh_time: Quantity = parameter(
        "180 ns", "s", low="60 ns", high="180 ns", better="less", status="assumed", symbol=r"t_{RFC}",
        source="tRFC of all banks of GDDR7 (ramulator2 presets, no vendor's table): 315 cycles of 571 ps; low: of "
        "one bank",
        doc="time of one refresh command",
    )  # fmt: skip
    refresh_interval: Quantity = parameter(
        "1.9 us", "s", low="0.95 us", high="1.9 us", better="more", status="standard", symbol=r"t_{REFI}",
        source="tREFI of JESD239 (ramulator2 presets); low: half of it",
        doc="time between refresh commands at the standard's rate",
    )  # fmt: skip
    core_energy: Quantity = parameter(
        "3 pJ/bit", "J/B", low="2.5 pJ/bit", high="22 pJ/bit", better="less", status="assumed", symbol=r"e_{core}",
        source="assumed: Micron announces over 50 % better efficiency than GDDR6, whose device average is 7.5 "
        "pJ/bit, so 5.0, split as GDDR6; high: that of GDDR6 as measured",
        doc="energy of the arrays and their data path",
    )  # fmt: skip
    io_energy: Quantity = parameter(
        "2 pJ/bit", "J/B", low="1.5 pJ/bit", high="5 pJ/bit", better="less", status="assumed", symbol=r"e_{io}",
        source="assumed: 7.5 / 1.5 pJ/bit as announced by Micron, split as GDDR6; 1.2 V and three levels",
        doc="energy of the pins between chip and processor",
    )  # fmt: skip
    chip_static_power: Quantity = parameter(
        "0.25 W", "W", low="0.1 W", high="0.5 W", better="less", status="assumed", symbol=r"P_{chip}",
        source="assumed as of GDDR6: nearly three times a DDR5 die; Micron announces a sleep mode with "
        "70 % less standby power",
        doc="power of one chip without traffic: refresh, leakage, clocks",
    )  # fmt: skip
    refresh_share: Quantity = parameter(
        0.15, "1", low=0.05, high=0.35, at_most=1, status="assumed", symbol=r"\rho_{ref}",
        source="assumed as of GDDR6: the 32 mW of a DDR5 die (ramulator2's currents) of 0.25 W",
        doc="share of the static power that is refresh, at the standard's rate",
    )  # fmt: skip
    price: Quantity = parameter(
        None, "USD/B", better="less", status="assumed", symbol=r"p",
        source="absent: no price of GDDR7 is public",
        doc="price of a unit of capacity",
    )  # fmt: skip
    carbon_intensity: Quantity = parameter(
        None, "kg/B", better="less", status="assumed", symbol=r"c_{CO2}",
        source="absent: no figure for GDDR7 dies was found",
        doc="carbon dioxide equivalent of making a unit of capacity",
    )  # fmt: skip


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [GDDR7]
