"""A torus: nodes on the crossings of a grid whose axes are closed to rings, as TPUs are joined by ICI.

    diameter = sum floor(k/2)     average hops = N/(N-1) sum floor(k^2/4)/k     links = D N     radix = 2 D
    bisection = 2 N / k_max if k_max is even and above 2 (odd sides: see `_grid`); an axis of 2 has one link a pair

All links of a node carry equal parts of a reduce-scatter or all-gather (load 1); all to all on sides of k the load is
D k/4 N/(N-1): the link of an axis carries N/k k^2/8 of the N (N-1) messages.
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, option, parameter, technology
from symarch_technologies._grid import Axis, Grid, nearest_shapes, sides_of


@technology
class Torus(Grid):
    """Nodes on a grid of any number of axes, each closed to a ring.

    Formulas in the number of nodes are those of equal sides.
    """

    name: ClassVar[str] = "torus"
    assumptions: ClassVar[tuple[str, ...]] = (
        "A node's links have equal parts of its bandwidth and work at once in both directions.",
        "Messages travel along one axis after the other, the shorter way around, and pass nodes without software.",
        "Some nodes of a larger torus fill its first axis, then the second, and so on; an axis not filled is open.",
        "Optical switches that re-slice the torus belong to the link.",
    )

    shape: str = option(
        "", doc='nodes along each axis, such as "4x4x4"; empty: as near to a cube as the node count allows'
    )
    dimensions: Quantity = parameter(
        3, "1", low=1, high=6, integer=True, structural=True, symbol="D",
        source="assumed: 3, as in TPU v4, v5p and v7; v5e and v6e have 2 (Google Cloud TPU documentation)",
        doc="number of axes where no shape is given",
    )  # fmt: skip
    closed_from: Quantity = parameter(
        3, "1", low=3, high=16, integer=True, structural=True, symbol=r"k_{ring}",
        source="assumed: every axis; 16 on TPU v5e and v6e, shorter axes being lines (jax-ml/scaling-book, tpus.md)",
        doc="nodes from which on an axis is closed to a ring; shorter ones are lines",
    )  # fmt: skip

    def layout(self, nodes: Quantity) -> tuple[Axis, ...]:
        """Return the axes, long ones closed."""
        sides = sides_of(self.shape, int(self.dimensions), nodes)
        return tuple((k, not isinstance(k, int) or k >= self.closed_from) for k in sides)

    def allowed(self, nodes: int) -> tuple[int, ...]:
        """Return the counts that make such a torus."""
        return nearest_shapes(self.shape, int(self.dimensions), nodes)


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [Torus]
