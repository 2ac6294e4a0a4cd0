"""GDDR6 and GDDR6X: graphics memory, chips of 32 fast data pins on the board around the processor.

    capacity  = chips * dies * die_capacity * usable_fraction
    bandwidth = chips * pins * pin_rate
    latency   = activate_time + column_time + burst / pin_rate + row_conflicts * precharge_time + controller_latency
    energy    = core_energy + io_energy                      per byte, read or written

Pins, rates and densities: JEDEC JESD250 (GDDR6); GDDR6X is Micron's, its four signal levels are in the pin rate. Row
and refresh timings: the presets of CMU-SAFARI/ramulator2 (c5b1c3a), from a vendor's data sheet at 14 Gb/s. Energy:
Micron's ultra-bandwidth solutions page, 7.5 pJ/bit for GDDR6 and 7.25 for GDDR6X.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, parameter, technology
from symarch_technologies._gddr import GraphicsDram


@technology
class GDDR6(GraphicsDram):
    """Chips of GDDR6 or GDDR6X soldered around the processor."""

    name: ClassVar[str] = "gddr6"

    chips: Quantity = parameter(
        12, "1", low=1, high=32, integer=True, better="more", status="standard", symbol=r"n_{chip}",
        source="384 pins are 12 chips, as on an RTX 4090; an L40S has 24 on both sides of the board",
        doc="chips beside one processor",
    )  # fmt: skip
    pins: Quantity = parameter(
        32, "1", low=16, high=32, integer=True, better="more", status="standard", symbol=r"n_{pin}",
        source="JESD250: 32 data pins a chip; low: 16 where two chips share them, on both sides of a board (clamshell)",
        doc="data pins of one chip",
    )  # fmt: skip
    pin_rate: Quantity = parameter(
        "16 Gb/s", "B/s", low="14 Gb/s", high="24 Gb/s", better="more", status="standard", symbol=r"r_{pin}",
        source="GDDR6: 14 to 16 Gb/s, later parts 18 to 20; GDDR6X: 19 to 21, announced 24 (Micron)",
        doc="data rate of one pin",
    )  # fmt: skip
    dies: Quantity = parameter(
        1, "1", low=1, high=2, integer=True, better="more", status="standard", symbol=r"n_{die}",
        source="JESD250: one die a chip; high: an assumption, two in a package",
        doc="DRAM dies in one chip",
    )  # fmt: skip
    die_capacity: Quantity = parameter(
        "16 Gib", "B", low="8 Gib", high="16 Gib", better="more", status="standard", symbol=r"C_{die}",
        source="JESD250: 8 to 16 Gb, binary as all DRAM densities",
        doc="capacity of one die",
    )  # fmt: skip
    channel_pins: Quantity = parameter(
        16, "1", low=8, high=16, integer=True, better="less", status="standard", symbol=r"n_{ch}",
        source="JESD250: two channels of 16 data pins a chip; low: half of one, in clamshell",
        doc="data pins that serve one access: a channel",
    )  # fmt: skip
    burst: Quantity = parameter(
        "16 bit", "B", low="16 bit", high="32 bit", better="less", status="standard", symbol=r"b",
        source="JESD250: burst length 16, which makes 32 B an access; high: two of them",
        doc="bits that one pin moves in an access",
    )  # fmt: skip
    activate_time: Quantity = parameter(
        "15.4 ns", "s", low="14.8 ns", high="17.1 ns", better="less", status="standard", symbol=r"t_{RCD}",
        source="tRCD of GDDR6-14000 (ramulator2 presets)",
        doc="time from opening a row to its column command",
    )  # fmt: skip
    column_time: Quantity = parameter(
        "13.7 ns", "s", low="12 ns", high="16 ns", better="less", status="standard", symbol=r"t_{CL}",
        source="read latency of GDDR6-14000 (ramulator2 presets): 24 cycles of 570 ps",
        doc="time from the column command to the first beat",
    )  # fmt: skip
    precharge_time: Quantity = parameter(
        "15.4 ns", "s", low="14.8 ns", high="17.1 ns", better="less", status="standard", symbol=r"t_{RP}",
        source="tRP of GDDR6-14000 (ramulator2 presets)",
        doc="time to close a row",
    )  # fmt: skip
    refresh_time: Quantity = parameter(
        "120 ns", "s", low="60 ns", high="180 ns", better="less", status="standard", symbol=r"t_{RFC}",
        source="tRFC of all banks of GDDR6 (ramulator2 presets): 210 cycles of 570 ps; low: of one bank; high: the "
        "longer of its entries, 315 cycles",
        doc="time of one refresh command",
    )  # fmt: skip
    refresh_interval: Quantity = parameter(
        "1.9 us", "s", low="0.95 us", high="1.9 us", better="more", status="standard", symbol=r"t_{REFI}",
        source="tREFI of JESD250 (ramulator2 presets); low: half of it",
        doc="time between refresh commands at the standard's rate",
    )  # fmt: skip
    core_energy: Quantity = parameter(
        "4.5 pJ/bit", "J/B", low="4 pJ/bit", high="22 pJ/bit", better="less", status="assumed", symbol=r"e_{core}",
        source="7.5 pJ/bit device average (Micron, ultra-bandwidth solutions page) less 3 assumed for the pins; high: "
        "25 pJ/bit of the chips of an A5000 by microbenchmark (arjunds/efficient-ai)",
        doc="energy of the arrays and their data path",
    )  # fmt: skip
    io_energy: Quantity = parameter(
        "3 pJ/bit", "J/B", low="2 pJ/bit", high="5 pJ/bit", better="less", status="assumed", symbol=r"e_{io}",
        source="assumed: a terminated 1.35 V signal over a few centimetres of board, between LPDDR's 2 and DDR5's 8 "
        "pJ/bit; no measured split is public",
        doc="energy of the pins between chip and processor",
    )  # fmt: skip
    chip_static_power: Quantity = parameter(
        "0.25 W", "W", low="0.1 W", high="0.5 W", better="less", status="assumed", symbol=r"P_{chip}",
        source="assumed: nearly three times the 92.5 mW of a DDR5 die (ramulator2's currents), for 1.35 V instead of "
        "1.1 and clocks twice as fast; no figure is public",
        doc="power of one chip without traffic: refresh, leakage, clocks",
    )  # fmt: skip
    refresh_share: Quantity = parameter(
        0.15, "1", low=0.05, high=0.35, at_most=1, status="assumed", symbol=r"\rho_{ref}",
        source="assumed: the 32 mW of a DDR5 die (ramulator2's currents) of 0.25 W",
        doc="share of the static power that is refresh, at the standard's rate",
    )  # fmt: skip
    price: Quantity = parameter(
        "2.29 USD/GiB", "USD/B", low="2.29 USD/GiB", high="13 USD/GiB", better="less", status="measured",
        symbol=r"p",
        source="8 Gb GDDR6, spot of 2024-09-30 (DRAMeXchange); high: 2022-02; later reports state rises "
        "(+90 %) and no price",
        doc="price of a unit of capacity",
    )  # fmt: skip
    carbon_intensity: Quantity = parameter(
        None, "kg/B", better="less", status="assumed", symbol=r"c_{CO2}",
        source="absent: no figure for GDDR6 dies was found",
        doc="carbon dioxide equivalent of making a unit of capacity",
    )  # fmt: skip


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [GDDR6]
