"""What a rack, or any number of devices together, can be fed and cooled with: the limit that a spec states."""

from __future__ import annotations

from typing import Any, ClassVar

from symarch.program import Min
from symarch.technologies.contracts import Technology
from symarch.technologies.declare import Quantity, parameter, technology


@technology
class Supply(Technology):
    """Power for devices that share a rack. It holds for mean power and slows nothing down."""

    name: ClassVar[str] = "supply"
    kind: ClassVar[str] = "supply"

    power: Quantity = parameter(None, "W", better="more", symbol="P_{rack}", doc="power for all that shares it")
    devices: Quantity = parameter(None, "1", integer=True, doc="devices that share it; absent: all of the system")
    overhead: Quantity = parameter(
        0, "W", nonnegative=True, better="less", symbol="P_{other}", source="nothing stated",
        doc="power of what shares it and is no part of the spec: hosts, network switches, fans, conversion",
    )  # fmt: skip

    def sharing(self, devices: int) -> Quantity:
        """Return how many of a system's devices share it."""
        return devices if self.devices is None else Min(self.devices, devices)

    def drawn(self, device: Quantity, devices: int) -> Any:
        """Return the power drawn from it [W] where each of a system's devices draws so much on average [W]."""
        return device * self.sharing(devices) + self.overhead


__all__ = ["Supply"]
