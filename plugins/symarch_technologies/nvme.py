"""NVMe drives: dense flash behind channels, a controller and a PCIe link.

    link        = drives * lanes * lane_rate * coding
    channels    = drives * channels * channel_rate
    array read  = drives * channels * dies * planes * page / read_time
    array write = drives * channels * dies * planes * page / program_time
    bandwidth   = Min(link, channels, array)                        reads and writes
    reads a second = Min(drives * channels * dies * planes / read_time, bandwidth / sector)
    granularity = bandwidth / reads a second                        what a short read costs, in bytes of a long one
    latency     = read_time + controller_latency + link_latency
    capacity    = drives * channels * dies * die_capacity * usable_fraction
    endurance   = capacity * drive_writes * warranty                terabytes written (TBW)

A short read holds a plane for a whole page, and a short write moves the data of others about: that, and not the bytes,
limits operations a second. PCIe: `lanes * rate * 128/130` (PCI-SIG, generations 3 to 5). Drive: Samsung PM1743, as
tabulated by the trade press. Drive writes a day as vendors rate them, over the warranty.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Max, Memory, Min, Quantity, hookimpl, parameter, quantity, technology


@technology
class NvmeDrive(Memory):
    """Solid-state drives: cheap capacity, far away, with operations a second beside bytes a second."""

    name: ClassVar[str] = "nvme"
    assumptions: ClassVar[tuple[str, ...]] = (
        "Requests are queued deeply enough to keep link, channels and planes busy, and spread evenly over the planes.",
        "PCIe packets cost nothing beyond the coding, and commands share no bandwidth with data.",
        "A write is stored once in the drive's buffer, which capacitors protect; long writes run as fast as the flash.",
        "Garbage collection takes nothing from long writes, and a constant multiple of short ones.",
        "The host's software is not counted: driver, file system and copies through host memory.",
        "Endurance is what the vendor rates; reads do not wear a drive out.",
        "Prices are those of one day; from 2025 to 2026 a terabyte went from 100 to 356 dollars.",
    )

    drives: Quantity = parameter(
        1, "1", low=1, high=32, integer=True, better="more", status="assumed", symbol=r"n_{drive}",
        source="assumed: one; high: the 32 of the host in Yu et al. (arXiv 2609.39131)",
        doc="drives that data are striped over",
    )  # fmt: skip
    lanes: Quantity = parameter(
        4, "1", low=2, high=16, integer=True, better="more", status="standard", symbol=r"n_{lane}",
        source="U.2, U.3 and E3.S drives: 4 lanes; PM1743: 4",
        doc="PCIe lanes of one drive",
    )  # fmt: skip
    lane_rate: Quantity = parameter(
        "32 Gb/s", "B/s", low="16 Gb/s", high="64 Gb/s", better="more", status="standard", symbol=r"r_{lane}",
        source="PCIe 5: 32 GT/s; generation 4: 16, generation 6: 64 (PCI-SIG)",
        doc="raw rate of one lane and direction",
    )  # fmt: skip
    coding: Quantity = parameter(
        0.9846153846153847, "1", low=0.922, high=0.9846153846153847, at_most=1, ideal=1, better="more",
        status="standard", symbol=r"\eta_{code}",
        source="128/130 of PCIe 3 to 5; low: the flits of PCIe 6, 236 of 256 B",
        doc="share of the raw rate that line coding leaves",
    )  # fmt: skip
    channels: Quantity = parameter(
        16, "1", low=8, high=16, integer=True, better="more", status="assumed", symbol=r"n_{ch}",
        source="assumed: 16 in the PM1753 and 8 in the PM9D3a (Samsung at FMS 2024); that of the PM1743 is not stated",
        doc="flash channels of one drive",
    )  # fmt: skip
    channel_rate: Quantity = parameter(
        "0.8125 GB/s", "B/s", low="0.25 GB/s", high="3.6 GB/s", better="more", status="assumed", symbol=r"r_{ch}",
        source="solved from the 13.0 GB/s of a PM1743 over 16 channels; high: 3.6 Gb/s on each of "
        "8 pins of KIOXIA's 2 Tb die",
        doc="bytes a second that one channel and the controller behind it move",
    )  # fmt: skip
    dies: Quantity = parameter(
        8, "1", low=1, high=32, integer=True, better="more", status="assumed", symbol=r"n_{die}",
        source="assumed: 8 dies of 512 Gb on each of 16 channels are the 8 TiB of a drive sold with 7.68 TB",
        doc="flash dies on one channel",
    )  # fmt: skip
    planes: Quantity = parameter(
        1, "1", low=1, high=6, integer=True, better="more", status="assumed", symbol=r"n_{plane}",
        source="assumed with read_time: 128 places that read one page in 51.2 us are the 2.5 million reads a second of "
        "a PM1743; high: planes of recent dies",
        doc="planes of one die that read different pages at the same time",
    )  # fmt: skip
    page: Quantity = parameter(
        "16 KiB", "B", low="4 KiB", high="16 KiB", status="assumed", symbol=r"s_{page}",
        source="assumed: the usual page of TLC flash",
        doc="bytes that one plane reads at once",
    )  # fmt: skip
    sector: Quantity = parameter(
        "4 KiB", "B", low="512 B", high="4 KiB", better="less", status="standard", symbol=r"s_{sec}",
        source="logical block of 4096 B, in which drives rate operations a second (NVM Express); low: 512 B",
        doc="smallest piece that a host can address",
    )  # fmt: skip
    read_time: Quantity = parameter(
        "51.2 us", "s", low="29 us", high="170 us", better="less", status="assumed", symbol=r"t_R",
        source="solved from the 2.5 million reads a second of a PM1743 on 128 dies; data sheets and ISSCC papers: TLC "
        "40 to 100 us, QLC 85 to 170",
        doc="time to sense one page",
    )  # fmt: skip
    program_time: Quantity = parameter(
        "317.75 us", "s", low="100 us", high="1 ms", better="less", status="assumed", symbol=r"t_{PROG}",
        source="solved from the 6.6 GB/s of a PM1743 on 128 dies of 16 KiB pages; the range is an assumption",
        doc="time to program one page, as its share of programming all bits of a row",
    )  # fmt: skip
    die_capacity: Quantity = parameter(
        "512 Gib", "B", low="256 Gib", high="2 Tib", better="more", status="assumed", symbol=r"C_{die}",
        source="assumed: TLC dies of 512 Gb; high: KIOXIA's QLC die of 2 Tb",
        doc="capacity of one die",
    )  # fmt: skip
    usable_fraction: Quantity = parameter(
        0.8731149137020111, "1", low=0.78, high=1, at_most=1, better="more", status="assumed", symbol=r"\phi",
        source="7.68 TB sold of the 8 TiB of 128 dies of 512 Gb; low: drives rated for three writes a day",
        doc="share of the dies' capacity that is sold; the rest is spare",
    )  # fmt: skip
    controller_latency: Quantity = parameter(
        "10 us", "s", low="3 us", high="20 us", better="less", status="assumed", symbol=r"t_{ctrl}",
        source="assumed, no vendor states it: command, table of pages, channel transfer and decoding a page",
        doc="time of the drive's controller and channel",
    )  # fmt: skip
    link_latency: Quantity = parameter(
        "1 us", "s", low="0.5 us", high="2 us", better="less", status="assumed", symbol=r"t_{link}",
        source="1 us for PCIe in Atassi et al. (Oxford University Research Archive, 2026); the range, a factor of 2, "
        "is an assumption",
        doc="time over PCIe, there and back",
    )  # fmt: skip
    core_energy: Quantity = parameter(
        "90 pJ/bit", "J/B", low="60 pJ/bit", high="1400 pJ/bit", better="less", status="assumed", symbol=r"e_{core}",
        source="100 pJ/bit in FLINT (arXiv 2608.25062) less 10 for the link; PM1743: 147; high: the flash card of "
        "arXiv 2601.05047",
        doc="energy of flash and controller to read one byte",
    )  # fmt: skip
    io_energy: Quantity = parameter(
        "10 pJ/bit", "J/B", low="5 pJ/bit", high="12 pJ/bit", better="less", status="assumed", symbol=r"e_{io}",
        source="assumed: 20 times a UCIe link of 0.5 pJ/bit, the ratio that its promoters give for PCIe; no "
        "measurement of a PCIe PHY is public",
        doc="energy of the PCIe link",
    )  # fmt: skip
    program_energy: Quantity = parameter(
        "300 pJ/bit", "J/B", low="100 pJ/bit", high="1400 pJ/bit", better="less", status="assumed",
        symbol=r"e_{PROG}",
        source="assumed: a PM1743 draws as much writing 6.6 GB/s as reading 13, 16.4 W beside 5 W of idling, less 10 "
        "pJ/bit for the link",
        doc="energy of flash and controller to write one byte",
    )  # fmt: skip
    drive_static_power: Quantity = parameter(
        "5 W", "W", low="2 W", high="9 W", better="less", status="assumed", symbol=r"P_{drive}",
        source="assumed: data sheets of enterprise drives state some 5 W when idle; the range is an assumption",
        doc="power of one drive without traffic",
    )  # fmt: skip
    random_amplification: Quantity = parameter(
        6.4453125, "1", low=1, high=12, better="less", status="assumed", symbol=r"W_{A,rnd}",
        source="solved from the 250,000 short writes a second of a PM1743 at 6.6 GB/s: 26,400 B for each of 4096",
        doc="bytes programmed for each byte of short writes in no order",
    )  # fmt: skip
    drive_writes: Quantity = parameter(
        "1 1/day", "1/s", low="0.26 1/day", high="3 1/day", better="more", status="announced", symbol=r"n_{DWPD}",
        source="PM1743: one drive write a day; low: BM1743; high: an assumption for drives sold for writing",
        doc="full drive writes a day that the vendor rates (DWPD)",
    )  # fmt: skip
    warranty: Quantity = parameter(
        "1825 day", "s", low="1095 day", high="1825 day", better="more", status="announced", symbol=r"t_{war}",
        source="five years of 365 days, the usual warranty of enterprise drives; low: three",
        doc="time over which drive_writes are rated",
    )  # fmt: skip
    service_life: Quantity = parameter(
        "5 year", "s", low="3 year", high="6 year", status="assumed", symbol=r"t_{life}",
        source="assumed: as long as the accelerators beside it; accounting lives and the functional unit of arXiv "
        "2502.01671",
        doc="how long it must last",
    )  # fmt: skip
    price: Quantity = parameter(
        "0.356 USD/GB", "USD/B", low="0.1 USD/GB", high="0.383 USD/GB", better="less", status="measured", symbol=r"p",
        source="30 TB TLC enterprise drive, first quarter of 2026 (VDURA's index, one source); low: second quarter of "
        "2025; high: 7.68 TB QLC in retail, 2026-08",
        doc="price of a unit of capacity",
    )  # fmt: skip
    carbon_intensity: Quantity = parameter(
        "6 g/GB", "kg/B", low="4 g/GB", high="45 g/GB", better="less", status="assumed", symbol=r"c_{CO2}",
        source="TLC in facebookresearch/ACT: 5.6 to 6.3; low: Seagate; high: Boavizta's 2.2 kg/cm^2 at 48 GB/cm^2",
        doc="carbon dioxide equivalent of making a unit of capacity",
    )  # fmt: skip

    @quantity("1")
    def devices(self) -> Quantity:
        """Drives, each a place for logic near its flash."""
        return self.drives

    @quantity("1")
    def units(self) -> Quantity:
        """Planes that read or program at the same time."""
        return self.drives * self.channels * self.dies * self.planes

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes that can be stored."""
        return self.drives * self.channels * self.dies * self.die_capacity * self.usable_fraction

    @quantity("B/s")
    def port_bandwidth(self) -> Quantity:
        """Rate of the PCIe links."""
        return self.drives * self.lanes * self.lane_rate * self.coding

    @quantity("B/s")
    def channel_bandwidth(self) -> Quantity:
        """Rate of the flash channels."""
        return self.drives * self.channels * self.channel_rate

    @quantity("B/s")
    def internal_bandwidth(self) -> Quantity:
        """Read bandwidth of the arrays."""
        return self.units * self.page / self.read_time

    @quantity("B/s")
    def array_write_bandwidth(self) -> Quantity:
        """Write bandwidth of the arrays."""
        return self.units * self.page / self.program_time

    @quantity("B/s")
    def read_bandwidth(self) -> Quantity:
        """Peak read bandwidth, of link, channels or arrays."""
        return Min(self.port_bandwidth, self.channel_bandwidth, self.internal_bandwidth)

    @quantity("B/s")
    def write_bandwidth(self) -> Quantity:
        """Peak write bandwidth, of link, channels or arrays."""
        return Min(self.port_bandwidth, self.channel_bandwidth, self.array_write_bandwidth)

    @quantity("B")
    def granularity(self) -> Quantity:
        """What a short read costs, in bytes: a sector, or its share of the time of a plane."""
        return Max(self.sector, self.read_bandwidth * self.read_time / self.units)

    @quantity("B")
    def write_granularity(self) -> Quantity:
        """What a short write costs, in bytes: a sector and what must be moved to make room for it."""
        return self.sector * self.random_amplification

    @quantity("1/s")
    def reads_per_second(self) -> Quantity:
        """Short reads a second (IOPS)."""
        return self.read_bandwidth / self.granularity

    @quantity("1/s")
    def writes_per_second(self) -> Quantity:
        """Short writes a second (IOPS)."""
        return self.write_bandwidth / self.write_granularity

    @quantity("s")
    def read_latency(self) -> Quantity:
        """Time from a request at the drive's link to its data."""
        return self.read_time + self.controller_latency + self.link_latency

    @quantity("s")
    def write_latency(self) -> Quantity:
        """Time until a write is in the drive's protected buffer."""
        return self.controller_latency + self.link_latency

    @quantity("J/B")
    def internal_energy(self) -> Quantity:
        """Energy to read one byte in the drive."""
        return self.core_energy

    @quantity("J/B")
    def read_energy(self) -> Quantity:
        """Energy to read one byte, up to the host's pins."""
        return self.core_energy + self.io_energy

    @quantity("J/B")
    def write_energy(self) -> Quantity:
        """Energy to write one byte."""
        return self.program_energy + self.io_energy

    @quantity("W")
    def static_power(self) -> Quantity:
        """Power of all drives without traffic."""
        return self.drives * self.drive_static_power

    @quantity("B")
    def endurance(self) -> Quantity:
        """Bytes that can be written before wear-out, as the vendor rates them."""
        return self.capacity * self.drive_writes * self.warranty

    @quantity("USD")
    def cost(self) -> Quantity:
        """Price of all drives."""
        return self.capacity * self.price

    @quantity("kg")
    def embodied_carbon(self) -> Quantity:
        """Carbon dioxide equivalent of making the flash."""
        return self.capacity * self.carbon_intensity


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [NvmeDrive]
