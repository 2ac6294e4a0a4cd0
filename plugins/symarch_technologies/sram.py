"""On-chip SRAM: many small banks beside the arithmetic, fast, near, and short of room.

    capacity  = array_area / (bit_area * (1 + overhead))
    bandwidth = banks * word * clock
    latency   = cycles / clock
    macro     = macro_energy * (bank_capacity / macro_capacity)**energy_exponent        per byte, of one bank
    energy    = macro + wire_energy
    leakage   = capacity * leakage

Bit area and overhead: H3 (IEEE CAL 25(1) 49-52), 0.021 um^2 and 20 % at 3 nm. Leakage: Park et al. (IEEE CAL 25(2)
259-262), 115 mW for 17.6 MB. Energy: Horowitz (ISSCC 2014), 10 pJ for 64 bits from 8 KB and 100 pJ from 1 MB at 45 nm,
scaled to 7 nm by the polynomials of Stillmaker and Baas (2017). No measured figure of a large modern SRAM is public.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Memory, Quantity, hookimpl, parameter, quantity, technology


@technology
class OnChipSram(Memory):
    """SRAM on the processor's die: no interface to cross, bandwidth from the number of banks."""

    name: ClassVar[str] = "sram"
    assumptions: ClassVar[tuple[str, ...]] = (
        "All banks are read at once, each a word a cycle: software places data so that banks do not conflict.",
        "A bank reads or writes in a cycle, at the same rate and energy.",
        "The way from a bank to the arithmetic has one mean length; a far bank costs neither more time nor energy.",
        "The array lies on the processor's die: area, price and carbon are the processor's and not counted again.",
        "Leakage does not grow with temperature.",
    )

    array_area: Quantity = parameter(
        "8.064 mm^2", "m^2", low="0.1 mm^2", high="46225 mm^2", better="more", status="assumed", symbol=r"A",
        source="the 40 MB buffer of H3 (IEEE CAL 25(1) 49-52); high: a whole wafer of Cerebras",
        doc="area of the arrays",
    )  # fmt: skip
    bit_area: Quantity = parameter(
        "0.021 um^2/bit", "m^2/B", low="0.021 um^2/bit", high="0.08 um^2/bit", better="less", status="announced",
        symbol=r"a_{bit}",
        source="cell at 3 nm, in H3 and in Park et al.; high: a 14 nm cell, the range's end is an assumption",
        doc="area of one cell",
    )  # fmt: skip
    overhead: Quantity = parameter(
        0.2, "1", low=0, high=0.5, nonnegative=True, ideal=0, better="less", status="assumed", symbol=r"\omega",
        source="20 % in H3 (IEEE CAL 25(1) 49-52); the range is an assumption",
        doc="area of decoders, sense amplifiers and spare cells beside the cells",
    )  # fmt: skip
    banks: Quantity = parameter(
        640, "1", low=1, high=4e6, integer=True, better="more", status="assumed", symbol=r"n_{bank}",
        source="assumed: banks of 64 KB in the 40 MB of the default area, 625, rounded up to the next multiple of 64",
        doc="banks that are read at the same time",
    )  # fmt: skip
    word: Quantity = parameter(
        "32 B", "B", low="4 B", high="320 B", status="assumed", symbol=r"s_{word}",
        source="assumed: one sector of a cache line; low: the word of a scalar core; high: the 320 lanes of a Groq LPU",
        doc="bytes that one bank moves in a cycle",
    )  # fmt: skip
    clock: Quantity = parameter(
        "1 GHz", "Hz", low="0.5 GHz", high="2 GHz", better="more", status="assumed", symbol=r"f",
        source="assumed: a round clock of accelerators, of which Groq's run at 0.9 and GPUs up to 2 GHz",
        doc="clock of the banks",
    )  # fmt: skip
    cycles: Quantity = parameter(
        5, "1", low=1, high=50, better="less", status="assumed", symbol=r"n_{cyc}",
        source="assumed: address, array, two stages of wires and a latch; high: across a large die",
        doc="cycles from a request to its data",
    )  # fmt: skip
    macro_energy: Quantity = parameter(
        "0.0089 pJ/bit", "J/B", low="0.0089 pJ/bit", high="0.055 pJ/bit", better="less", status="assumed",
        symbol=r"e_0",
        source="Horowitz (ISSCC 2014): 10 pJ for 64 bits from 8 KB at 45 nm, times 0.057 at 7 nm (Stillmaker and Baas "
        "2017); high: estimates for small macros at 7 nm",
        doc="energy to read one byte from a bank of macro_capacity",
    )  # fmt: skip
    macro_capacity: Quantity = parameter(
        "8 KiB", "B", low="4 KiB", high="16 KiB", status="assumed", symbol=r"C_0",
        source="the smallest cache of Horowitz (ISSCC 2014), for which macro_energy is stated; range: half and twice",
        doc="capacity of the bank that macro_energy is stated for",
    )  # fmt: skip
    energy_exponent: Quantity = parameter(
        0.4745611564124804, "1", low=0.4, high=0.5, status="assumed", symbol=r"\gamma",
        source="Horowitz (ISSCC 2014): ten times the energy from 8 KB to 1 MB, log(10)/log(128); high: 0.5, wires as "
        "long as a bank is wide",
        doc="growth of the energy of a bank with its capacity",
    )  # fmt: skip
    wire_energy: Quantity = parameter(
        "0.2 pJ/bit", "J/B", low="0.04 pJ/bit", high="0.5 pJ/bit", better="less", status="assumed",
        symbol=r"e_{wire}",
        source="0.23 pJ/bit for a buffer of 118 KB with its interconnect (KULeuven-MICAS/zigzag), less 0.03 of the "
        "macro; the range is an assumption",
        doc="energy of the wires between a bank and the arithmetic",
    )  # fmt: skip
    leakage: Quantity = parameter(
        "6.534 mW/MB", "W/B", low="2 mW/MB", high="20 mW/MB", better="less", status="assumed", symbol=r"p_{leak}",
        source="115 mW for 17.6 MB at 3 nm (Park et al., IEEE CAL 25(2) 259-262); the range, a factor of 3, is an "
        "assumption",
        doc="leakage of a unit of capacity",
    )  # fmt: skip

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes that can be stored."""
        return self.array_area / (self.bit_area * (1 + self.overhead))

    @quantity("B")
    def bank_capacity(self) -> Quantity:
        """Bytes in one bank."""
        return self.capacity / self.banks

    @quantity("B")
    def granularity(self) -> Quantity:
        """Smallest access: one word."""
        return self.word

    @quantity("B/s")
    def read_bandwidth(self) -> Quantity:
        """Peak read bandwidth of all banks."""
        return self.banks * self.word * self.clock

    @quantity("B/s")
    def write_bandwidth(self) -> Quantity:
        """Peak write bandwidth of all banks."""
        return self.banks * self.word * self.clock

    @quantity("s")
    def read_latency(self) -> Quantity:
        """Time from a request to its data."""
        return self.cycles / self.clock

    @quantity("s")
    def write_latency(self) -> Quantity:
        """Time until a write is stored, taken as that of a read."""
        return self.cycles / self.clock

    @quantity("J/B")
    def bank_energy(self) -> Quantity:
        """Energy to read one byte from a bank."""
        return self.macro_energy * (self.bank_capacity / self.macro_capacity) ** self.energy_exponent

    @quantity("J/B")
    def read_energy(self) -> Quantity:
        """Energy to read one byte, up to the arithmetic."""
        return self.bank_energy + self.wire_energy

    @quantity("J/B")
    def write_energy(self) -> Quantity:
        """Energy to write one byte, taken as that of a read."""
        return self.bank_energy + self.wire_energy

    @quantity("W")
    def static_power(self) -> Quantity:
        """Leakage of the arrays."""
        return self.capacity * self.leakage

    @quantity("USD")
    def cost(self) -> Quantity:
        """Nothing: the arrays are on the processor's die."""
        return 0

    @quantity("kg")
    def embodied_carbon(self) -> Quantity:
        """Nothing: the arrays are on the processor's die."""
        return 0


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [OnChipSram]
