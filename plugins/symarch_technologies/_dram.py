"""What all DRAM share: rows that open and close, refresh, bursts over data pins.

    row latency = activate_time + column_time + burst / pin_rate + row_conflicts * precharge_time
    latency     = row latency + controller_latency
    refresh     = refresh_blocking * refresh_rate * refresh_time / refresh_interval          share of time lost
    efficiency  = row_efficiency * (1 - refresh)
    granularity = channel_pins * burst
    energy      = core_energy + io_energy                                                    per byte, read or written
    power       = static power * (1 - refresh_share + refresh_share * refresh_rate)          with no traffic
    cost        = capacity * price               carbon = capacity * carbon_intensity        absent without a figure

A measured share of the peak has refresh in it. Where `row_efficiency` is one, `refresh_blocking` is 0 (banks refresh
one at a time, behind the accesses to others) or the loss is divided out of it; the technology's module says which.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Memory, Quantity, parameter, quantity, technology


@technology
class Dram(Memory):
    """The family of DRAM. A member states its parameters, its devices, capacity, pins and static power."""

    assumptions: ClassVar[tuple[str, ...]] = (
        "Reads and writes run at the same peak rate and cost the same energy; the turn-around between them is free.",
        "Refresh and row changes are one constant share of the peak, whatever the access pattern.",
        "A row is closed when an access comes, or in a constant share of cases another row is open; hits save nothing.",
        "Traffic spreads evenly over devices, channels and banks.",
        "A device draws its static power at all times, self-refresh states are not used.",
        "Prices are those of one day; between 2025 and 2026 a GiB of DDR5 went from 4 to 25 dollars.",
    )

    pins: Quantity
    pin_rate: Quantity
    dies: Quantity
    die_capacity: Quantity
    usable_fraction: Quantity
    channel_pins: Quantity
    burst: Quantity
    activate_time: Quantity
    column_time: Quantity
    precharge_time: Quantity
    controller_latency: Quantity
    row_efficiency: Quantity
    refresh_time: Quantity
    refresh_interval: Quantity
    core_energy: Quantity
    io_energy: Quantity
    refresh_share: Quantity
    price: Quantity
    carbon_intensity: Quantity

    row_conflicts: Quantity = parameter(
        0, "1", low=0, high=1, nonnegative=True, at_most=1, better="less", status="assumed", symbol=r"\kappa",
        source="assumed: the controller closes rows ahead, so an access waits for none to close",
        doc="share of accesses that find another row open",
    )  # fmt: skip
    refresh_rate: Quantity = parameter(
        1, "1", low=1, high=2, better="less", status="standard", symbol=r"k_{ref}",
        source="JEDEC data sheets of DRAM: once up to 85 C, twice from 85 to 95 C",
        doc="refresh commands as a multiple of the standard's rate",
    )  # fmt: skip
    refresh_blocking: Quantity = parameter(
        0, "1", low=0, high=1, nonnegative=True, ideal=0, at_most=1, better="less", status="assumed",
        symbol=r"\beta_{ref}",
        source="assumed: one bank refreshes while others serve, and what that costs is in row_efficiency; high: all "
        "banks at once",
        doc="share of the refresh time in which a channel stands still",
    )  # fmt: skip

    @quantity("B/s")
    def read_bandwidth(self) -> Quantity:
        """Peak read bandwidth: the pins are the limit, the array keeps up with them."""
        return self.port_bandwidth

    @quantity("B/s")
    def write_bandwidth(self) -> Quantity:
        """Peak write bandwidth, over the same pins."""
        return self.port_bandwidth

    @quantity("1")
    def refresh_loss(self) -> Quantity:
        """Share of the time in which refresh keeps a channel from moving data."""
        return self.refresh_blocking * self.refresh_rate * self.refresh_time / self.refresh_interval

    @quantity("1")
    def efficiency(self) -> Quantity:
        """Share of the peak that refresh and row changes leave."""
        return self.row_efficiency * (1 - self.refresh_loss)

    @quantity("B")
    def granularity(self) -> Quantity:
        """Smallest access: one burst of one channel."""
        return self.channel_pins * self.burst

    @quantity("s")
    def burst_time(self) -> Quantity:
        """Time of one burst on the pins."""
        return self.burst / self.pin_rate

    @quantity("s")
    def row_latency(self) -> Quantity:
        """Time of the array to the last beat of an access to a row that is not open."""
        return self.activate_time + self.column_time + self.burst_time + self.row_conflicts * self.precharge_time

    @quantity("s")
    def read_latency(self) -> Quantity:
        """Time from a request to its data, unloaded."""
        return self.row_latency + self.controller_latency

    @quantity("s")
    def write_latency(self) -> Quantity:
        """Time until a write is stored, taken as that of a read."""
        return self.row_latency + self.controller_latency

    @quantity("J/B")
    def read_energy(self) -> Quantity:
        """Energy to read one byte, up to the processor's pins."""
        return self.core_energy + self.io_energy

    @quantity("J/B")
    def write_energy(self) -> Quantity:
        """Energy to write one byte, taken as that of a read."""
        return self.core_energy + self.io_energy

    @quantity("1")
    def idle_load(self) -> Quantity:
        """Static power as a multiple of that at the standard's refresh rate."""
        return 1 - self.refresh_share + self.refresh_share * self.refresh_rate

    @quantity("USD")
    def cost(self) -> Quantity:
        """Price of the memory; absent without a price."""
        return None if self.price is None else self.capacity * self.price

    @quantity("kg")
    def embodied_carbon(self) -> Quantity:
        """Carbon dioxide equivalent of making it; absent without a figure."""
        return None if self.carbon_intensity is None else self.capacity * self.carbon_intensity
