"""CXL memory: DRAM on a card behind a CXL port, reached by loads and stores.

    link      = cards * lanes * lane_rate * flit_efficiency             per direction
    array     = cards * channels * pins * pin_rate
    bandwidth = Min(link, array)
    sustained = Min(link, array * row_efficiency * (1 - refresh))       efficiency is its share of the bandwidth
    latency   = row latency + controller_latency + 2 * port_latency + 2 * switches * switch_latency
    capacity  = cards * dies * die_capacity * usable_fraction
    energy    = core_energy + io_energy + link_energy                   per byte, read or written

The CXL Consortium (Hot Chips 34) states 170 to 250 ns from load to use, against 80 to 140 ns of main memory; Melody
(Liu et al., ASPLOS 2025) measures 140 to 410 ns on four devices, arXiv 2405.14209 two to five times the latency of
local DRAM on three cards. The card's DRAM is DDR5 with its refresh and row losses (see `ddr5`), which count only where
the array and not the link is the limit.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Min, Quantity, hookimpl, parameter, quantity, technology
from symarch_technologies._dram import Dram


@technology
class CXLMemory(Dram):
    """Cards of DDR5 behind a CXL port, with or without a switch between."""

    name: ClassVar[str] = "cxl"
    assumptions: ClassVar[tuple[str, ...]] = (
        *Dram.assumptions,
        "Reads and writes share the rate of one direction; that the link carries both at once is not used.",
        "Requests and the flits of other traffic take nothing from the link beyond its flit efficiency.",
    )

    cards: Quantity = parameter(
        4, "1", low=1, high=16, integer=True, better="more", status="assumed", symbol=r"n_{card}",
        source="assumed: four cards of 8 lanes take the lanes of two graphics cards",
        doc="cards attached to one processor",
    )  # fmt: skip
    lanes: Quantity = parameter(
        8, "1", low=4, high=16, integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="Micron CZ120: 8 lanes; CXL: up to 16",
        doc="lanes of one card in one direction",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "32 Gb/s", "B/s", low="32 Gb/s", high="64 Gb/s", better="more", status="standard", symbol=r"r_{lane}",
        source="CXL 1.1 and 2.0 use the signals of PCIe 5, CXL 3 those of PCIe 6",
        doc="data rate of one lane",
    )  # fmt: skip
    flit_efficiency: Quantity = parameter(
        64 / 68, "1", low=0.9, high=64 / 68, at_most=1, ideal=1, better="more", status="standard",
        symbol=r"\eta_{flit}",
        source="CXL 1.1 and 2.0: 64 of the 68 bytes of a flit; low: an assumption for flits of 256 bytes",
        doc="share of the link's bits that flits leave for data",
    )  # fmt: skip
    channels: Quantity = parameter(
        2, "1", low=1, high=4, integer=True, better="more", status="standard", symbol=r"n_{ch}",
        source="CXL memory controllers have two DDR5 channels (Microchip SMC 2000); high: an assumption",
        doc="DRAM channels of one card",
    )  # fmt: skip
    pins: Quantity = parameter(
        64, "1", low=32, high=64, integer=True, better="more", status="standard", symbol=r"n_{pin}",
        source="JESD79-5: two subchannels of 32 data pins, pins for error correction not counted",
        doc="data pins of one channel",
    )  # fmt: skip
    pin_rate: Quantity = parameter(
        "4.8 Gb/s", "B/s", low="3.2 Gb/s", high="6.4 Gb/s", better="more", status="standard", symbol=r"r_{pin}",
        source="DDR5-4800 behind controllers of CXL 2.0; range: DDR4-3200 to DDR5-6400",
        doc="data rate of one pin",
    )  # fmt: skip
    dies: Quantity = parameter(
        64, "1", low=32, high=256, integer=True, better="more", status="assumed", symbol=r"n_{die}",
        source="assumed: a card of 128 GB with dies of 16 Gb, such as the smaller Micron CZ120",
        doc="DRAM dies of one card that hold data",
    )  # fmt: skip
    die_capacity: Quantity = parameter(
        "16 Gib", "B", low="16 Gib", high="32 Gib", better="more", status="assumed", symbol=r"C_{die}",
        source="assumed: 16 Gb, the usual density of DDR5 dies, binary as all DRAM densities",
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
        source="JESD79-5: burst length 16, 64 B an access, as CXL's data flits; low: burst chop 8",
        doc="bits that one pin moves in an access",
    )  # fmt: skip
    activate_time: Quantity = parameter(
        "14.144 ns", "s", low="14.1 ns", high="17.5 ns", better="less", status="standard", symbol=r"t_{RCD}",
        source="tRCD of DDR5-4800AN (ramulator2 presets): 34 cycles of 416 ps; high: DDR5-3200C",
        doc="time from opening a row to its column command",
    )  # fmt: skip
    column_time: Quantity = parameter(
        "14.144 ns", "s", low="14.1 ns", high="17.5 ns", better="less", status="standard", symbol=r"t_{CL}",
        source="tCL of DDR5-4800AN (ramulator2 presets): 34 cycles of 416 ps; high: DDR5-3200C",
        doc="time from the column command to the first beat",
    )  # fmt: skip
    precharge_time: Quantity = parameter(
        "14.144 ns", "s", low="14.1 ns", high="17.5 ns", better="less", status="standard", symbol=r"t_{RP}",
        source="tRP of DDR5-4800AN (ramulator2 presets): 34 cycles of 416 ps; high: DDR5-3200C",
        doc="time to close a row",
    )  # fmt: skip
    controller_latency: Quantity = parameter(
        "58.4 ns", "s", low="40 ns", high="108.8 ns", better="less", status="assumed", symbol=r"t_{ctrl}",
        source="assumed: 90 ns of DRAM with its controller and the host's caches (main memory: 80 to 140 ns, CXL "
        "Consortium), less the row's 31.6 ns",
        doc="time of the host's caches, memory controller and PHY, there and back, unloaded, without the CXL port",
    )  # fmt: skip
    port_latency: Quantity = parameter(
        "40 ns", "s", low="30 ns", high="80 ns", better="less", status="assumed", symbol=r"t_{port}",
        source="solved from the CXL Consortium's 170 ns from load to use (Hot Chips 34) with 90 ns of DRAM: two passes "
        "of 40 ns; high: its 250 ns",
        doc="time of the CXL controllers and PHYs at both ends, one way",
    )  # fmt: skip
    switches: Quantity = parameter(
        0, "1", low=0, high=2, nonnegative=True, better="less", status="assumed", symbol=r"n_{sw}",
        source="assumed: cards are attached directly; high: a pool behind two stages of switches",
        doc="CXL switches on the way to a card, their mean where cards differ",
    )  # fmt: skip
    switch_latency: Quantity = parameter(
        "50 ns", "s", low="50 ns", high="120 ns", better="less", status="assumed", symbol=r"t_{sw}",
        source="assumed: 50 ns a pass in design budgets; high: 100 to 120 ns reported for switches on the market",
        doc="time of one switch, one way",
    )  # fmt: skip
    row_efficiency: Quantity = parameter(
        780 / 921.6 / (1 - 295 / 3900), "1", low=0.763, high=0.942, at_most=1, ideal=1, better="more",
        status="assumed", symbol=r"\eta_{row}",
        source="assumed as measured on DDR5-4800 modules: STREAM Triad 650 to 780 of 921.6 GB/s (Azure HBv4, Microsoft "
        "Learn), the best, less the 7.6 % that refresh takes",
        doc="share of the channels' peak that row changes leave, refresh not counted",
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
        source="assumed: all banks refresh at once, as on DDR5 modules; low: one bank of each group at a time, hidden",
        doc="share of the refresh time in which a channel stands still",
    )  # fmt: skip
    core_energy: Quantity = parameter(
        "12.26 pJ/bit", "J/B", low="8 pJ/bit", high="31.8 pJ/bit", better="less", status="assumed",
        symbol=r"e_{core}",
        source="assumed as of a DDR5 module: 12 W for 64 GB at 51.2 GB/s (arXiv 2601.05047) without idle power "
        "and pins",
        doc="energy of arrays and error correction on the card",
    )  # fmt: skip
    io_energy: Quantity = parameter(
        "4 pJ/bit", "J/B", low="2 pJ/bit", high="8 pJ/bit", better="less", status="assumed", symbol=r"e_{io}",
        source="assumed: half of what the pins of a DDR5 module take, as the card has no connector; high: as a module",
        doc="energy of the pins between DRAM and CXL controller",
    )  # fmt: skip
    link_energy: Quantity = parameter(
        "10 pJ/bit", "J/B", low="5 pJ/bit", high="15 pJ/bit", better="less", status="assumed", symbol=r"e_{link}",
        source="assumed as of PCIe signals at both ends, some 20 times the 0.5 pJ/bit of UCIe by its promoters; no "
        "measurement is public",
        doc="energy of the CXL link, both ends",
    )  # fmt: skip
    card_static_power: Quantity = parameter(
        "12 W", "W", low="8 W", high="20 W", better="less", status="assumed", symbol=r"P_{card}",
        source="assumed: 80 dies (16 for error correction) of 92.5 mW (currents of ramulator2's DDR5 model) are 7.4 W, "
        "and a controller of about 5 W; no figure is public",
        doc="power of one card without traffic: refresh, leakage, controller",
    )  # fmt: skip
    refresh_share: Quantity = parameter(
        0.21, "1", low=0.1, high=0.35, at_most=1, status="assumed", symbol=r"\rho_{ref}",
        source="assumed: 80 dies of 32.1 mW (currents of ramulator2's DDR5 model) of 12 W",
        doc="share of the static power that is refresh, at the standard's rate",
    )  # fmt: skip
    price: Quantity = parameter(
        None, "USD/B", better="less", status="assumed", symbol=r"p",
        source="absent: no price of a CXL card was found; that of its DDR5 alone is in the technology ddr5",
        doc="price of a unit of capacity",
    )  # fmt: skip
    carbon_intensity: Quantity = parameter(
        None, "kg/B", better="less", status="assumed", symbol=r"c_{CO2}",
        source="absent: no figure for a card with its controller was found",
        doc="carbon dioxide equivalent of making a unit of capacity",
    )  # fmt: skip

    @quantity("1")
    def devices(self) -> Quantity:
        """Cards, each a place for near-memory logic."""
        return self.cards

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes that can be stored."""
        return self.cards * self.dies * self.die_capacity * self.usable_fraction

    @quantity("B/s")
    def link_bandwidth(self) -> Quantity:
        """What the links carry per direction, flit headers taken off."""
        return self.cards * self.lanes * self.lane_rate * self.flit_efficiency

    @quantity("B/s")
    def internal_bandwidth(self) -> Quantity:
        """Rate of all DRAM pins of the cards, which a processor on a card sees."""
        return self.cards * self.channels * self.pins * self.pin_rate

    @quantity("B/s")
    def port_bandwidth(self) -> Quantity:
        """Rate of the port to the host: the links in one direction."""
        return self.link_bandwidth

    @quantity("B/s")
    def read_bandwidth(self) -> Quantity:
        """Peak read bandwidth, of links or DRAM."""
        return Min(self.link_bandwidth, self.internal_bandwidth)

    @quantity("B/s")
    def write_bandwidth(self) -> Quantity:
        """Peak write bandwidth, of links or DRAM."""
        return Min(self.link_bandwidth, self.internal_bandwidth)

    @quantity("1")
    def efficiency(self) -> Quantity:
        """Share of the peak that refresh and row changes leave: all of it where the links are the limit."""
        return Min(self.link_bandwidth, self.internal_bandwidth * self.internal_efficiency) / self.read_bandwidth

    @quantity("1")
    def internal_efficiency(self) -> Quantity:
        """Share of the DRAM's peak that refresh and row changes leave."""
        return self.row_efficiency * (1 - self.refresh_loss)

    @quantity("s")
    def round_trip(self) -> Quantity:
        """Time from host to card and back, without the DRAM."""
        return 2 * self.port_latency + 2 * self.switches * self.switch_latency

    @quantity("s")
    def read_latency(self) -> Quantity:
        """Time from a request to its data, unloaded."""
        return self.row_latency + self.controller_latency + self.round_trip

    @quantity("s")
    def write_latency(self) -> Quantity:
        """Time until a write is stored, taken as that of a read."""
        return self.row_latency + self.controller_latency + self.round_trip

    @quantity("J/B")
    def internal_energy(self) -> Quantity:
        """Energy to read one byte up to the card's controller."""
        return self.core_energy + self.io_energy

    @quantity("J/B")
    def read_energy(self) -> Quantity:
        """Energy to read one byte, up to the processor's pins."""
        return self.internal_energy + self.link_energy

    @quantity("J/B")
    def write_energy(self) -> Quantity:
        """Energy to write one byte, taken as that of a read."""
        return self.internal_energy + self.link_energy

    @quantity("W")
    def static_power(self) -> Quantity:
        """Power of all cards without traffic."""
        return self.cards * self.card_static_power * self.idle_load


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [CXLMemory]
