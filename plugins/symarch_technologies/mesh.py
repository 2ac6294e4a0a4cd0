"""A mesh: nodes on the crossings of a grid, without links around its edges, as networks on a chip are.

    diameter = sum (k-1)     average hops = N/(N-1) sum (k^2-1)/(3k)     links = sum N (k-1)/k     radix <= 2 D
    bisection = N / k_max if k_max is even (odd sides: see `_grid`)

A node at a corner has half of the links of one inside: collectives that fill every link wait for it (load 2).
"""

from __future__ import annotations

from typing import ClassVar

from symarch import Quantity, hookimpl, option, parameter, technology
from symarch_technologies._grid import Axis, Grid, nearest_shapes, sides_of


@technology
class Mesh(Grid):
    """Nodes on a grid of any number of axes, open at its edges.

    Formulas in the number of nodes are those of equal sides.
    """

    name: ClassVar[str] = "mesh"
    assumptions: ClassVar[tuple[str, ...]] = (
        "A node's links have equal parts of its bandwidth and work at once both ways; at an edge some are unused.",
        "Messages travel along one axis after the other and pass nodes without software.",
        "Some nodes of a larger mesh fill its first axis, then the second, and so on.",
    )

    shape: str = option(
        "", doc='nodes along each axis, such as "4x8"; empty: as near to equal sides as the node count allows'
    )
    dimensions: Quantity = parameter(
        2, "1", low=1, high=3, integer=True, structural=True, symbol="D",
        source="assumed: a plane, as on a chip or a board", doc="number of axes where no shape is given",
    )  # fmt: skip

    def layout(self, nodes: Quantity) -> tuple[Axis, ...]:
        """Return the axes, none of them closed."""
        return tuple((k, False) for k in sides_of(self.shape, int(self.dimensions), nodes))

    def allowed(self, nodes: int) -> tuple[int, ...]:
        """Return the counts that make such a mesh."""
        return nearest_shapes(self.shape, int(self.dimensions), nodes)


@hookimpl
def symarch_technologies() -> list[type]:
    """Return the technology of this module."""
    return [Mesh]
