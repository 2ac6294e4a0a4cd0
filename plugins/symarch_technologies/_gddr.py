"""What both generations of graphics memory share: chips soldered around the processor, with channels of their own."""

from __future__ import annotations

from symarch import Quantity, parameter, quantity, technology
from symarch_technologies._dram import Dram


@technology
class GraphicsDram(Dram):
    """The family of GDDR. A member states its chips and what its standard changes."""

    chips: Quantity
    chip_static_power: Quantity
    usable_fraction: Quantity = parameter(
        1, "1", low=0.9, high=1, at_most=1, better="more", status="assumed", symbol=r"\phi",
        source="assumed: all of it; error correction that a driver keeps in the memory takes a sixteenth",
        doc="share of the dies' capacity that holds data",
    )  # fmt: skip
    controller_latency: Quantity = parameter(
        "239.7 ns", "s", low="70 ns", high="500 ns", better="less", status="assumed", symbol=r"t_{ctrl}",
        source="assumed as on a GPU with HBM3: H800 pointer chase of 272.8 ns (Luo et al., arXiv 2402.13499) less the "
        "row's 33.1 ns",
        doc="time of memory controller, PHY and on-chip network, there and back, unloaded",
    )  # fmt: skip
    row_efficiency: Quantity = parameter(
        0.942, "1", low=0.68, high=0.942, at_most=1, ideal=1, better="more", status="assumed", symbol=r"\eta_{row}",
        source="assumed as random reads of HBM3E on an H200 (CMU-SAFARI/HBM-Power), refresh included: accesses and "
        "rows are as small, and as many channels share them; low: FLINT, arXiv 2608.25062",
        doc="share of the peak that row changes leave, and refresh where refresh_blocking is 0",
    )  # fmt: skip

    @quantity("1")
    def devices(self) -> Quantity:
        """Chips, each a place for near-memory logic."""
        return self.chips

    @quantity("B")
    def capacity(self) -> Quantity:
        """Bytes that can be stored."""
        return self.chips * self.dies * self.die_capacity * self.usable_fraction

    @quantity("B/s")
    def port_bandwidth(self) -> Quantity:
        """Rate of all data pins."""
        return self.chips * self.pins * self.pin_rate

    @quantity("W")
    def static_power(self) -> Quantity:
        """Power of all chips without traffic."""
        return self.chips * self.chip_static_power * self.idle_load
