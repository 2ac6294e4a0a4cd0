"""High Bandwidth Flash: stacks of NAND dies read in parallel over an HBM-like interface.

    array read  = stacks * dies * planes * page / read_time
    array write = stacks * dies * planes * page / program_time
    interface   = stacks * pins * pin_rate
    bandwidth   = Min(array, interface)                       reads and writes
    latency     = read_time (program_time) + controller_latency
    endurance   = program_erase_cycles * capacity / write_amplification
    reads       = program_erase_cycles * capacity * read_disturb / pages_per_block     bytes read until wear-out

The bandwidth equations are those of FlashAccel (arXiv 2607.10186), FLINT (arXiv 2608.25062) and POSTECH (IEEE CAL 25(2)
251-254). The last one: a block that is read once a step, page by page, must be rewritten after
read_disturb / pages_per_block steps. There is no silicon to measure: published studies disagree on the read time by 30
times and on the read energy by 5, so nothing here is a constant.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Memory, Min, Quantity, hookimpl, parameter, quantity, technology


@technology
class HighBandwidthFlash(Memory):
    """Stacked NAND flash with many planes per die; large, page-grained, slow to answer and slower to write."""

    name: ClassVar[str] = "hbf"
    assumptions: ClassVar[tuple[str, ...]] = (
        "All planes of all dies read at once, and pages are requested early enough to keep them busy.",
        "Pages are laid out so that each read is wanted whole; a smaller access still reads a page.",
        "Wear is spread evenly and erasing hides behind other traffic.",
        "Refresh of retained data (OCP HBF 0.7.0 asks for one every 24 to 48 hours) takes no bandwidth.",
        "The energy of rewriting blocks that reads have disturbed is not counted.",
    )

    stacks: Quantity = parameter(
        8, "1", low=1, high=16, integer=True, better="more", status="assumed", symbol=r"n_{stack}",
        source="assumed as in the studies: H3, FLINT and POSTECH put 8 stacks beside a GPU, FlashAccel 6",
        doc="stacks beside one processor",
    )  # fmt: skip
    dies: Quantity = parameter(
        16, "1", low=8, high=16, integer=True, better="more", status="announced", symbol=r"n_{die}",
        source="SanDisk HBF generation 1: 16 dies of 256 Gb",
        doc="flash dies in one stack",
    )  # fmt: skip
    planes: Quantity = parameter(
        500, "1", low=16, high=1000, integer=True, better="more", status="assumed", symbol=r"n_{plane}",
        source="not published; solved from the 1638 GB/s a stack (arXiv 2601.05047, comparison of memories) at 20 us, "
        "16 dies and 4 KiB, where it is 500.0",
        doc="planes of one die that read at the same time",
    )  # fmt: skip
    page: Quantity = parameter(
        "4 KiB", "B", low="4 kB", high="16 KiB", status="announced", symbol=r"s_{page}",
        source="arXiv 2601.05047 and OCP HBF base die specification 0.7.0: 4096 B; high: Park (CAL'26) 16 KiB",
        doc="bytes one plane reads at once",
    )  # fmt: skip
    read_time: Quantity = parameter(
        "20 us", "s", low="1 us", high="30 us", better="less", status="assumed", symbol=r"t_R",
        source="not published by a vendor; 20 us in H3 (CAL 25(1) 49), Yu et al. (arXiv 2609.39131) and Micron "
        "(HotInfra'26); low: POSTECH's target; high: conventional SLC",
        doc="time to sense one page",
    )  # fmt: skip
    program_time: Quantity = parameter(
        "100 us", "s", low="50 us", high="300 us", better="less", status="assumed", symbol=r"t_{PROG}",
        source="not published by a vendor; 100 us in POSTECH, Kyung and Park (all CAL'26), 75 in FlashAccel, 50 in "
        "FLINT, 250 in Yu et al.; high: TLC",
        doc="time to program one page",
    )  # fmt: skip
    die_capacity: Quantity = parameter(
        "256 Gb", "B", low="96 Gb", high="768 Gb", better="more", status="announced", symbol=r"C_{die}",
        source="SanDisk HBF generation 1: 16 x 256 Gb = 512 GB; high: generation 3, 1.5 TB",
        doc="capacity of one die",
    )  # fmt: skip
    pins: Quantity = parameter(
        2048, "1", low=1024, high=2048, integer=True, better="more", status="assumed", symbol=r"n_{pin}",
        source="assumed as in HBM4 (JESD270-4), whose footprint and height SanDisk announces for HBF",
        doc="data pins of one stack",
    )  # fmt: skip
    pin_rate: Quantity = parameter(
        "8 Gb/s", "B/s", low="6.4 Gb/s", high="12 Gb/s", better="more", status="assumed", symbol=r"r_{pin}",
        source="assumed as in HBM4 (JESD270-4), so that the arrays and not the pins set the announced 1.6 TB/s; at "
        "6.4 Gb/s both would",
        doc="data rate of one pin",
    )  # fmt: skip
    controller_latency: Quantity = parameter(
        "0.5 us", "s", low="0.2 us", high="2 us", better="less", status="assumed", symbol=r"t_{ctrl}",
        source="assumed, no figure is public: the 0.24 us of an HBM controller and network, and as much again to "
        "decode the error correction of a 4 KiB page",
        doc="time of controller, error correction and on-chip network",
    )  # fmt: skip
    read_energy: Quantity = parameter(
        "8.5 pJ/bit", "J/B", low="5.59 pJ/bit", high="33.2 pJ/bit", better="less", status="assumed", symbol=r"e_R",
        source="Micron (HotInfra'26), the middle of the published 6.1 (80 W at 1638 GB/s), 6.8, 8, 8.5, 20, 20, 20, "
        "30 and 33.2 pJ/bit; low: the first of them without the power of an idle stack",
        doc="energy to read one byte, up to the processor's pins",
    )  # fmt: skip
    program_energy: Quantity = parameter(
        "100 pJ/bit", "J/B", low="50 pJ/bit", high="200 pJ/bit", better="less", status="assumed", symbol=r"e_{PROG}",
        source="Yu et al. (arXiv 2609.39131) and FLINT (arXiv 2608.25062); the range, a factor of 2, is an assumption",
        doc="energy to write one byte",
    )  # fmt: skip
    stack_static_power: Quantity = parameter(
        "6.65 W", "W", low="2 W", high="7.5 W", better="less", status="assumed", symbol=r"P_{stack}",
        source="assumed as an HBM3E stack idles (H200 rail over 6 stacks): a base die of the same class; SanDisk "
        "states that flash needs no refresh power, which makes it an upper figure",
        doc="power of one stack without traffic",
    )  # fmt: skip
    program_erase_cycles: Quantity = parameter(
        1e5, "1", low=1e4, high=1e7, better="more", status="assumed", symbol=r"N_{PE}",
        source="1e5 in Yu et al., POSTECH, Kyung and FLINT (1e7 with relaxed retention); vendors publish none; low: "
        "an assumption for denser cells",
        doc="times a block can be programmed and erased",
    )  # fmt: skip
    write_amplification: Quantity = parameter(
        1, "1", low=1, high=2, ideal=1, better="less", status="assumed", symbol=r"W_A",
        source="assumed: the host writes whole zones in order and levels wear by remapping them (OCP HBF 0.7.0)",
        doc="bytes programmed for each byte written",
    )  # fmt: skip
    read_disturb: Quantity = parameter(
        1e6, "1", low=1e5, high=1e7, better="more", status="assumed", symbol=r"N_{RD}",
        source="1e6 reads of a block in FLINT (arXiv 2608.25062); product-specific in OCP HBF 0.7.0; the range, a "
        "factor of 10, is an assumption",
        doc="page reads a block stands before it must be rewritten",
    )  # fmt: skip
    pages_per_block: Quantity = parameter(
        1024, "1", low=256, high=2048, integer=True, status="assumed", symbol=r"n_{page}",
        source="assumed, 4 MiB erase blocks: with it FLINT's rewrite every 25 s and 29 days of life come back within "
        "a quarter",
        doc="pages of one erase block",
    )  # fmt: skip

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes that can be stored."""
        return self.stacks * self.dies * self.die_capacity

    @quantity("B")
    def granularity(self) -> Quantity:
        """Smallest access: one page."""
        return self.page

    @quantity("B/s")
    def array_bandwidth(self) -> Quantity:
        """Read bandwidth of the arrays."""
        return self.stacks * self.dies * self.planes * self.page / self.read_time

    @quantity("B/s")
    def array_write_bandwidth(self) -> Quantity:
        """Write bandwidth of the arrays."""
        return self.stacks * self.dies * self.planes * self.page / self.program_time

    @quantity("B/s")
    def interface_bandwidth(self) -> Quantity:
        """Rate of all data pins."""
        return self.stacks * self.pins * self.pin_rate

    @quantity("B/s")
    def port_bandwidth(self) -> Quantity:
        """Rate of the port to the host: the interface."""
        return self.interface_bandwidth

    @quantity("B/s")
    def read_bandwidth(self) -> Quantity:
        """Peak read bandwidth, of arrays or interface."""
        return Min(self.array_bandwidth, self.interface_bandwidth)

    @quantity("B/s")
    def write_bandwidth(self) -> Quantity:
        """Peak write bandwidth, of arrays or interface."""
        return Min(self.array_write_bandwidth, self.interface_bandwidth)

    @quantity("s")
    def read_latency(self) -> Quantity:
        """Time from a request to its page."""
        return self.read_time + self.controller_latency

    @quantity("s")
    def write_latency(self) -> Quantity:
        """Time until a page is programmed."""
        return self.program_time + self.controller_latency

    @quantity("J/B")
    def write_energy(self) -> Quantity:
        """Energy to write one byte."""
        return self.program_energy * self.write_amplification

    @quantity("W")
    def static_power(self) -> Quantity:
        """Power of all stacks without traffic."""
        return self.stacks * self.stack_static_power

    @quantity("B")
    def endurance(self) -> Quantity:
        """Bytes that can be written before wear-out, worn evenly."""
        return self.program_erase_cycles * self.capacity / self.write_amplification

    @quantity("B")
    def read_endurance(self) -> Quantity:
        """Bytes that can be read before the rewriting that reads force wears it out."""
        return self.program_erase_cycles * self.capacity * self.read_disturb / self.pages_per_block


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [HighBandwidthFlash]
