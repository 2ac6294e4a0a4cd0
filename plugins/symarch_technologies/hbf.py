"""High Bandwidth Flash: stacks of NAND dies read in parallel over an HBM-like interface.

    capacity    = stacks * dies * slc_capacity * bits_per_cell
    array read  = stacks * dies * planes * page / read_time
    array write = stacks * dies * planes * program_share * page / program_time
    interface   = stacks * pins * pin_rate
    bandwidth   = Min(array * array_eff., interface)            reads and writes
    latency     = read_time (program_time) + controller_latency
    in flight   = read bandwidth * read_time / page             pages, to keep the planes busy
    buffer      = buffering * read bandwidth * read_time        H3's latency-hiding buffer

Flash must be rewritten: a block after `read_disturb` reads of its pages, and all of it once a `retention_time`.

    rewrite     = read_time + program_time + erase_time / pages_per_block       time of a plane for one page
    disturbed   = pages_per_block / read_disturb                                bytes rewritten for each byte read
    array_eff.  = (1 - retention share) / (1 + disturbed * rewrite / read_time)
    read energy = core_energy + io_energy + disturbed * (core_energy + program_energy)
    endurance   = program_erase_cycles * capacity / write_amplification         bytes written until wear-out
    reads       = program_erase_cycles * capacity / disturbed                   bytes read until wear-out
    retention   = program_erase_cycles * retention_time                         life with nothing but refreshing

The bandwidth equations are those of FlashAccel (arXiv 2607.10186), FLINT (arXiv 2608.25062) and POSTECH (IEEE CAL 25(2)
251-254), the buffer is Eq. 1 of H3 (IEEE CAL 25(1) 49-52), the write lifetime Eq. 8 of Yu et al. (arXiv 2609.39131). A
block that is read once a step, page by page, must be rewritten after read_disturb / pages_per_block steps. Whether what
is stored must be refreshed is the option `refresh`: OCP's HBF base die specification 0.7.0 asks for it every 24 to 48
hours, SanDisk's fact sheet of 2025 says that there is none. There is no silicon to measure: published studies disagree
on the read time by 30 times and on the read energy by 5, so nothing here is a constant.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Memory, Min, Quantity, hookimpl, option, parameter, quantity, technology


@technology
class HighBandwidthFlash(Memory):
    """Stacked NAND flash with many planes per die; large, page-grained, slow to answer and slower to write."""

    name: ClassVar[str] = "hbf"
    assumptions: ClassVar[tuple[str, ...]] = (
        "All planes of all dies read at once, and pages are requested early enough to keep them busy.",
        "Pages are laid out so that each read is wanted whole; a smaller access still reads a page.",
        "Wear is spread evenly over all blocks, and erasing for the host's own writes hides behind other traffic.",
        "Reads spread evenly over the pages; a few blocks read far more often than the rest wear out earlier.",
        "A rewrite for disturbed reads does not put off the next refresh, and a refresh does not count reads anew.",
        "Temperature changes neither read time nor retention.",
        "Making the base die and the stack is not in the carbon figure, which is that of the cells.",
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
    program_share: Quantity = parameter(
        1, "1", low=0.1, high=1, at_most=1, better="more", status="assumed", symbol=r"\phi_{PROG}",
        source="assumed: all of them, as FlashAccel, FLINT and Kyung count; low: what the 8 GB/s of Yu et al. leave",
        doc="share of the planes that power and controller let program at the same time",
    )  # fmt: skip
    erase_time: Quantity = parameter(
        "3 ms", "s", low="1 ms", high="10 ms", better="less", status="assumed", symbol=r"t_{BERS}",
        source="FLINT (arXiv 2608.25062), the only study that states one; the range, a factor of 3, is an assumption",
        doc="time to erase one block",
    )  # fmt: skip
    slc_capacity: Quantity = parameter(
        "256 Gb", "B", low="85 Gb", high="768 Gb", better="more", status="announced", symbol=r"C_{SLC}",
        source="SanDisk HBF generation 1: 16 x 256 Gb = 512 GB, read as one bit a cell, as all studies but one do; "
        "low: 256 Gb at three bits; high: generation 3, 1.5 TB",
        doc="capacity of the cells of one die at one bit in each",
    )  # fmt: skip
    bits_per_cell: Quantity = parameter(
        1, "1", low=1, high=4, integer=True, better="more", status="assumed", symbol=r"b_{cell}",
        source="one bit (SLC) in H3, Yu, FlashAccel, FLINT, POSTECH, Kyung, Park and HAVEN, three (TLC) in arXiv "
        "2608.11668; vendors publish none. The times, energies and cycles of denser cells are parameters of their own",
        doc="bits in one cell: 1 is SLC, 3 is TLC",
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
    core_energy: Quantity = parameter(
        "7.5 pJ/bit", "J/B", low="4.59 pJ/bit", high="32.2 pJ/bit", better="less", status="assumed",
        symbol=r"e_{core}",
        source="Micron (HotInfra'26): 8.5 pJ/bit, the middle of the published 6.1 (80 W at 1638 GB/s), 6.8, 8, 8.5, "
        "20, 20, 20, 30 and 33.2, less 1 pJ/bit for the interface; low: 6.1 without the power of an idle stack",
        doc="energy of sensing, through-silicon vias, error correction and base die to read one byte",
    )  # fmt: skip
    io_energy: Quantity = parameter(
        "1 pJ/bit", "J/B", low="0.25 pJ/bit", high="1.2 pJ/bit", better="less", status="assumed", symbol=r"e_{io}",
        source="a die-to-die link across an interposer: 1.0 pJ/bit in FLINT (arXiv 2608.25062); 0.29 in Park et al. "
        "(IEEE CAL 25(2) 259-262), 0.25 to 0.6 for UCIe",
        doc="energy of the interface between stack and processor",
    )  # fmt: skip
    program_energy: Quantity = parameter(
        "99 pJ/bit", "J/B", low="49 pJ/bit", high="199 pJ/bit", better="less", status="assumed", symbol=r"e_{PROG}",
        source="100 pJ/bit in Yu et al. (arXiv 2609.39131) and FLINT (arXiv 2608.25062) less the interface's 1; the "
        "range, a factor of 2, is an assumption",
        doc="energy to program one byte, its share of erasing included",
    )  # fmt: skip
    stack_static_power: Quantity = parameter(
        "6.65 W", "W", low="2 W", high="7.5 W", nonnegative=True, better="less", status="assumed", symbol=r"P_{stack}",
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
        source="assumed: the host writes whole zones in order and levels wear by remapping them (OCP HBF 0.7.0); 1 in "
        "Yu et al., 1.02 in arXiv 2609.25782",
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
        source="FLINT (arXiv 2608.25062): 1024; FlashAccel (arXiv 2607.10186): 256; Park et al.: 1328",
        doc="pages of one erase block",
    )  # fmt: skip
    refresh: str = option(
        "periodic", choices=("periodic", "none"),
        doc="whether what is stored must be rewritten once a retention_time; none: it keeps, and that time counts for "
        "nothing",
    )  # fmt: skip
    retention_time: Quantity = parameter(
        "24 h", "s", low="24 h", high="48 h", better="more", status="announced", symbol=r"t_{ret}",
        source="OCP HBF base die specification 0.7.0: powered retention of 24 h at 85 C, refresh typically every 24 to "
        "48 h",
        doc="time between two refreshes of a block",
    )  # fmt: skip
    exposed_rewriting: Quantity = parameter(
        1, "1", low=0, high=1, nonnegative=True, at_most=1, ideal=0, better="less", status="assumed",
        symbol=r"\chi_{rw}",
        source="OCP HBF 0.7.0: a die does not refresh and read at the same time; low: FLINT (arXiv 2608.25062) "
        "rewrites in a spare plane of each die, beside the reads",
        doc="share of the rewriting's time that reads and writes must wait for",
    )  # fmt: skip
    access_efficiency: Quantity = parameter(
        1, "1", low=0.36, high=1, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{acc}",
        source="assumed: whole pages, spread evenly over the planes; low: 0.36 for scattered fetches (Micron, "
        "HotInfra'26)",
        doc="share of the peak that uneven use of the planes leaves",
    )  # fmt: skip
    buffering: Quantity = parameter(
        2, "1", low=1, high=2, better="less", status="assumed", symbol=r"k_{buf}",
        source="double buffering, H3 (IEEE CAL 25(1) 49-52), Eq. 1; low: each byte leaves as it arrives",
        doc="buffer as a multiple of the bytes under way",
    )  # fmt: skip
    stack_prefetch_buffer: Quantity = parameter(
        None, "B", better="more", symbol=r"Q_{stack}",
        source="absent unless a design has one in its base die; H3: 40 MB, FlashAccel: 32 MB",
        doc="buffer in one stack, or in the base die before it, that holds what is read ahead",
    )  # fmt: skip
    write_buffer: Quantity = parameter(
        None, "B", better="more", symbol=r"Q_W",
        source="absent unless a design gathers short writes; Park et al. (IEEE CAL 25(2) 259-262) do so in HBM",
        doc="buffer of all stacks that gathers short writes to whole pages",
    )  # fmt: skip
    service_life: Quantity = parameter(
        "5 year", "s", low="3 year", high="6 year", status="assumed", symbol=r"t_{life}",
        source="five years of warranty in Kyung et al. (IEEE CAL 25(1) 210-213) and arXiv 2609.25782; low and high: "
        "accounting lives of accelerators and the functional unit of arXiv 2502.01671",
        doc="how long it must last",
    )  # fmt: skip
    stack_area: Quantity = parameter(
        "175.6 mm^2", "m^2", low="121 mm^2", high="175.6 mm^2", better="less", status="announced", symbol=r"A_{stack}",
        source="OCP HBF base die specification 0.7.0: 10.975 mm x 16 mm; low: the base die of HBM3E (H3)",
        doc="footprint of one stack",
    )  # fmt: skip
    stack_price: Quantity = parameter(
        None, "USD", better="less", symbol=r"p_{stack}",
        source="absent: no vendor and no market survey has published a price",
        doc="price of one stack",
    )  # fmt: skip
    cell_carbon: Quantity = parameter(
        "18 g/GB", "kg/B", low="12 g/GB", high="135 g/GB", better="less", status="assumed", symbol=r"c_{CO2}",
        source="6 g/GB of TLC, of 4 to 45 (facebookresearch/ACT, Seagate, Boavizta), at three bits a cell",
        doc="carbon dioxide equivalent of making the cells of a byte at one bit in each",
    )  # fmt: skip

    @quantity("1")
    def devices(self) -> Quantity:
        """Stacks, each a place for near-memory logic on its base die."""
        return self.stacks

    @quantity("B")
    def die_capacity(self) -> Quantity:
        """Capacity of one die."""
        return self.slc_capacity * self.bits_per_cell

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes that can be stored."""
        return self.stacks * self.dies * self.die_capacity

    @quantity("B")
    def granularity(self) -> Quantity:
        """Smallest access: one page."""
        return self.page

    @quantity("B")
    def write_granularity(self) -> Quantity:
        """Smallest write: one page."""
        return self.page

    @quantity("B/s")
    def array_bandwidth(self) -> Quantity:
        """Read bandwidth of the arrays."""
        return self.stacks * self.dies * self.planes * self.page / self.read_time

    @quantity("B/s")
    def internal_bandwidth(self) -> Quantity:
        """Rate at which the base die sees the arrays, beside their rewriting."""
        return self.array_bandwidth * self.array_efficiency

    @quantity("B/s")
    def array_write_bandwidth(self) -> Quantity:
        """Write bandwidth of the arrays."""
        return self.stacks * self.dies * self.planes * self.program_share * self.page / self.program_time

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
        """Peak read bandwidth, of arrays beside their rewriting, or of the interface."""
        return Min(self.array_bandwidth * self.array_efficiency, self.interface_bandwidth)

    @quantity("B/s")
    def write_bandwidth(self) -> Quantity:
        """Peak write bandwidth, of arrays beside their rewriting, or of the interface."""
        return Min(self.array_write_bandwidth * self.array_efficiency, self.interface_bandwidth)

    @quantity("s")
    def rewrite_time(self) -> Quantity:
        """Time a plane takes to move one page elsewhere, with its share of erasing a block."""
        return self.read_time + self.program_time + self.erase_time / self.pages_per_block

    @quantity("1")
    def disturbed(self) -> Quantity:
        """Bytes rewritten for each byte read."""
        return self.pages_per_block / self.read_disturb

    @quantity("1")
    def retention_share(self) -> Quantity:
        """Share of the planes' time that refreshing takes."""
        if self.refresh == "none":
            return 0
        pages = self.die_capacity / (self.planes * self.page)
        return pages * self.rewrite_time / self.retention_time

    @quantity("1")
    def array_efficiency(self) -> Quantity:
        """Share of the arrays' time that rewriting leaves."""
        kept = 1 - self.exposed_rewriting * self.retention_share
        return kept / (1 + self.exposed_rewriting * self.disturbed * self.rewrite_time / self.read_time)

    @quantity("1")
    def efficiency(self) -> Quantity:
        """Share of the peak that uneven access leaves."""
        return self.access_efficiency

    @quantity("1")
    def pages_in_flight(self) -> Quantity:
        """Pages that must be under way to reach the read bandwidth."""
        return self.read_bandwidth * self.read_time / self.page

    @quantity("B")
    def prefetch_demand(self) -> Quantity:
        """Buffer that hides the read time at the full read bandwidth."""
        return self.buffering * self.read_bandwidth * self.read_time

    @quantity("B")
    def prefetch_buffer(self) -> Quantity:
        """Buffer of all stacks that holds what is read ahead; absent where a stack has none."""
        return None if self.stack_prefetch_buffer is None else self.stacks * self.stack_prefetch_buffer

    @quantity("s")
    def read_latency(self) -> Quantity:
        """Time from a request to its page."""
        return self.read_time + self.controller_latency

    @quantity("s")
    def write_latency(self) -> Quantity:
        """Time until a page is programmed."""
        return self.program_time + self.controller_latency

    @quantity("J/B")
    def access_energy(self) -> Quantity:
        """Energy to read one byte, up to the processor's pins, without what it wears."""
        return self.core_energy + self.io_energy

    @quantity("J/B")
    def rewrite_energy(self) -> Quantity:
        """Energy to move one byte elsewhere in the stack."""
        return self.core_energy + self.program_energy

    @quantity("J/B")
    def internal_energy(self) -> Quantity:
        """Energy to read one byte to the base die, with its share of the rewriting that reads force."""
        return self.core_energy + self.disturbed * self.rewrite_energy

    @quantity("J/B")
    def read_energy(self) -> Quantity:
        """Energy to read one byte, with its share of the rewriting that reads force."""
        return self.internal_energy + self.io_energy

    @quantity("J/B")
    def write_energy(self) -> Quantity:
        """Energy to write one byte."""
        return self.program_energy * self.write_amplification + self.io_energy

    @quantity("W")
    def refresh_power(self) -> Quantity:
        """Power of refreshing what is stored."""
        return 0 if self.refresh == "none" else self.capacity * self.rewrite_energy / self.retention_time

    @quantity("W")
    def static_power(self) -> Quantity:
        """Power of all stacks without traffic."""
        return self.stacks * self.stack_static_power + self.refresh_power

    @quantity("B")
    def endurance(self) -> Quantity:
        """Bytes that can be written before wear-out, worn evenly."""
        return self.program_erase_cycles * self.capacity / self.write_amplification

    @quantity("B")
    def read_endurance(self) -> Quantity:
        """Bytes that can be read before the rewriting that reads force wears it out."""
        return self.program_erase_cycles * self.capacity / self.disturbed

    @quantity("s")
    def retention_life(self) -> Quantity:
        """Time until refreshing alone wears it out; absent without refresh."""
        return None if self.refresh == "none" else self.program_erase_cycles * self.retention_time

    @quantity("m^2")
    def area(self) -> Quantity:
        """Area of all stacks beside the processor."""
        return self.stacks * self.stack_area

    @quantity("USD")
    def cost(self) -> Quantity:
        """Price of all stacks; absent without one."""
        return None if self.stack_price is None else self.stacks * self.stack_price

    @quantity("kg")
    def embodied_carbon(self) -> Quantity:
        """Carbon dioxide equivalent of making the cells."""
        return self.stacks * self.dies * self.slc_capacity * self.cell_carbon


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [HighBandwidthFlash]
