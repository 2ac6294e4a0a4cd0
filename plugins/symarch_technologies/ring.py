"""A ring: every node has a link to the one before and to the one after.

    diameter = floor(N/2)     average hops = floor(N^2/4) / (N-1)     bisection = 2     links = N     radix = 2

Load of patterns: to the next node 2 (one of two links is used), half each way 1, all to all floor(N^2/4) / (N-1) (N^2/8
messages meet on the busiest link if N is even), partners d apart 2 d. Short-cuts that other topologies have cost what
they cost: recursive doubling sends N/2 messages over one link.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, technology
from symarch_technologies._grid import Axis, Grid


@technology
class Ring(Grid):
    """Nodes around a ring."""

    name: ClassVar[str] = "ring"
    assumptions: ClassVar[tuple[str, ...]] = (
        "A node's two links have half of its bandwidth each and work at once in both directions.",
        "Messages take the shorter way, half of them each way where both are as long, and pass nodes without software.",
        "Some nodes of a larger ring are neighbours on a line: nothing of theirs goes around the rest of it.",
    )

    def layout(self, nodes: Quantity) -> tuple[Axis, ...]:
        """Return one axis, closed."""
        return ((nodes, True),)


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [Ring]
