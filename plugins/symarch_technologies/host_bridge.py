"""A host between its devices: what one sends to another crosses the host's bridges and memory, which all share.

    diameter = average hops = 2        bisection = min(N / 2, ways)        links = N

Where devices may not read each other's memory, a library stages every message in the host's: written once, read once,
each over the sender's or the receiver's own link. Of N devices that send at once the host passes as much as `ways`
links carry, so that each has the share ways / N of its link, and a pattern of messages has the load

    1                    among up to `paired` devices, which meet in a switch below the host
    max(1, N / ways)     among more

What a host passes differs from one to the next by more than its links do: two sockets, virtual machines and memory of
several nodes all take their part. NVIDIA's developers say the same of NCCL: "on PCI systems, the performance you get is
usually determined by the bandwidth your CPU and memory can deliver" (github.com/NVIDIA/nccl/issues/1639).
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Max, Min, Pattern, Quantity, Traffic, hookimpl, parameter, technology
from symarch_technologies._star import Star


@technology
class HostBridge(Star):
    """Devices of one host without a network of their own: their messages share the way through the host."""

    name: ClassVar[str] = "host-bridge"
    algorithms: ClassVar[tuple[str, ...]] = ("ring", "pairwise", "chain", "point_to_point")
    assumptions: ClassVar[tuple[str, ...]] = (
        "Messages between devices of different switches are staged in the host's memory.",
        "The host shares what it passes evenly among all devices that send.",
        "Nothing else uses the host's memory and bridges.",
    )

    paired: Quantity = parameter(
        2, "1", low=1, high=8, integer=True, structural=True, symbol="n_{pair}",
        source="assumed: servers put two devices or four below one switch of PCI Express, and libraries let devices of "
        "one switch read each other's memory",
        doc="devices that reach each other without the host",
    )  # fmt: skip
    ways: Quantity = parameter(
        2, "1", low=0.6, high=6, better="more", status="assumed", symbol=r"n_{way}",
        source="assumed between L40S in the cloud, 0.6 to 1, and eight cards on two processors of 2023, 5.5 "
        "(github.com/NVIDIA/nccl/issues/1639)",
        doc="links whose full rate the host passes at once",
    )  # fmt: skip

    def bisection(self, nodes: int) -> Quantity:
        """Return what the host passes, at most half the devices' links."""
        return Min(nodes / 2, self.ways)

    def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
        """Return two hops and the load of the module's table; one message alone has the host for itself."""
        if pattern.name in ("axes", "across"):
            return None
        alone = pattern.name == "pair" or nodes <= int(self.paired)
        return Traffic(2, 1 if alone else Max(1, nodes / self.ways))


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [HostBridge]
