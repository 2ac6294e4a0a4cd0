"""What rings, meshes, tori and hypercubes have in common: nodes on axes, each axis a line or closed to a ring.

For axes of k_1 ... k_D nodes, N = k_1 ... k_D, with w = 2 on an axis closed to a ring and 1 on a line (an axis of 2 is
a line, whatever closes it):

    diameter      sum floor(k/2) on rings, sum (k-1) on lines
    average hops  N / (N-1) (sum floor(k^2/4)/k on rings, sum (k^2-1)/(3k) on lines)
    links         N for each ring, N (k-1)/k for each line of an axis
    radix         2 for each axis, 1 for an axis of 2
    bisection     the axes in falling order of k/w, up to the first even one: sum w N / (product of the k so far)

The bisection is that of Arjona Aroca and Fernandez Anta (arXiv 1202.6291) for arrays and tori. Messages travel along
one axis after the other; of two ways of equal length each carries half. A group of nodes next to each other fills the
first axis, then the second ..., and an axis that it does not fill is a line to it.
"""

from __future__ import annotations

import math
from functools import cache
from typing import ClassVar

from symarch import Pattern, Quantity, SymarchError, Topology, Traffic, floor, technology

Axis = tuple[Quantity, bool]
"""Nodes of an axis, and whether it is closed to a ring."""


@technology
class Grid(Topology):
    """Nodes on axes; a topology of this family says which."""

    algorithms: ClassVar[tuple[str, ...]] = (
        "torus",
        "ring",
        "bidirectional_ring",
        "one_shot",
        "two_shot",
        "direct",
        "recursive_doubling",
        "halving_doubling",
        "bruck",
        "binomial_tree",
        "scatter_gather",
        "chain",
        "point_to_point",
    )

    def layout(self, nodes: Quantity) -> tuple[Axis, ...]:
        """Return the axes of a whole network."""
        raise NotImplementedError

    def block(self, nodes: Quantity) -> tuple[Axis, ...]:
        """Return the axes that some neighbouring nodes span. Raises SymarchError if they do not fill lines evenly."""
        whole = self.layout(self.whole(nodes))
        if not isinstance(nodes, int) or math.prod(k for k, _ in whole) == nodes:
            return whole
        spanned: list[Axis] = []
        left = nodes
        for length, closed in whole:
            taken = length if left % length == 0 else left
            if length % taken:
                sides = " x ".join(str(k) for k, _ in whole)
                raise SymarchError(
                    f"{nodes} nodes next to each other do not fill the axes of a {type(self).name} of {sides} evenly"
                )
            spanned.append((taken, closed and taken == length))
            left //= taken
        if left != 1:
            raise SymarchError(f"{nodes} nodes are more than a {type(self).name} of {self.endpoints} has")
        return tuple(spanned)

    def axes(self, nodes: int) -> tuple[int, ...]:
        """Return the axes that some neighbouring nodes span, those of one node left out."""
        return tuple(k for k, _ in self.block(nodes) if k > 1)

    def diameter(self, nodes: int) -> Quantity:
        """Return the sum of the axes' diameters."""
        return sum(_reach(axis) for axis in self.block(nodes))

    def average_hops(self, nodes: int) -> Quantity:
        """Return the sum of the axes' mean distances, over distinct pairs."""
        return sum(_mean(axis) for axis in self.block(nodes)) * nodes / (nodes - 1)

    def bisection(self, nodes: int) -> Quantity:
        """Return the links cut by the worst division, which peels off the longest axes first."""
        block = self.block(nodes)
        if not isinstance(nodes, int):
            return _ways(block[0]) * nodes / block[0][0]
        cut, left = 0, nodes
        for axis in sorted((a for a in block if a[0] > 1), key=lambda a: -a[0] / _ways(a)):
            left //= axis[0]
            cut += _ways(axis) * left
            if axis[0] % 2 == 0:
                break
        return cut

    def links(self, nodes: int) -> Quantity:
        """Return the sum over the axes."""
        return sum(nodes if _ways((k, closed)) == 2 else nodes * (k - 1) / k for k, closed in self.block(nodes))

    def radix(self, nodes: int) -> Quantity:
        """Return the links of a node inside; at the edge of a line it has one less."""
        return sum(_degree(k) for k, _ in self.layout(self.whole(nodes)))

    def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
        """Return hops and load in closed form; exchanges and branches on axes of 2^k nodes only."""
        block, radix = [a for a in self.block(nodes) if a[0] > 1], self.radix(nodes)
        if pattern.name in ("neighbour", "neighbours"):
            # a ring through all nodes: along links everywhere, if an axis is closed or the count is even
            laid = any(_ways(a) == 2 for a in block) or (len(block) > 1 and nodes % 2 == 0) or nodes == 2
            both = laid and pattern.name == "neighbours" and nodes > 2
            return Traffic(1 if laid else 2, radix / 2 if both else radix)
        if pattern.name == "all":
            most = max(nodes // k * _crossings((k, closed)) for k, closed in block)
            return Traffic(self.diameter(nodes), most * radix / (nodes - 1), self.average_hops(nodes))
        if pattern.name == "pair":
            return Traffic(self.diameter(nodes), radix)
        if pattern.name in ("exchange", "branch"):
            return _at_distance(pattern, block, radix)
        if pattern.name == "axes":
            # the node with the fewest links takes in what all others have through them
            fewest = sum(_ways(a) for a in block)
            return Traffic(self.diameter(nodes), radix / fewest, 1)
        return None


def _at_distance(pattern: Pattern, block: list[Axis], radix: Quantity) -> Traffic | None:
    """Return the traffic of messages over a power of two along the one axis that it falls on."""
    if len(block) == 1 and pattern.name == "branch":
        length, closed = block[0]
        d = pattern.distance
        return Traffic(min(d, length - d) if closed else d, radix)
    stride = 1
    for length, closed in block:
        if length & (length - 1):
            return None
        steps = pattern.distance // stride
        if steps < length:
            if pattern.name == "branch":
                return Traffic(steps, radix)
            # a block of 2 d nodes swaps halves: d messages meet at its middle, half as many if both ways are as long
            split = closed and length > 2 and 2 * steps == length
            return Traffic(steps, radix * steps / 2 if split else radix * steps)
        stride *= length
    return None


def _ways(axis: Axis) -> int:
    """Return 2 for an axis closed to a ring, 1 for a line; two nodes are a line."""
    length, closed = axis
    return 2 if closed and not (isinstance(length, int) and length <= 2) else 1


def _degree(length: Quantity) -> int:
    return min(length - 1, 2) if isinstance(length, int) else 2


def _reach(axis: Axis) -> Quantity:
    length, closed = axis
    if isinstance(length, int):
        return length // 2 if closed else length - 1
    return floor(length / 2) if closed else length - 1


def _mean(axis: Axis) -> Quantity:
    """Return the mean distance of two places of an axis, the same place included."""
    length, closed = axis
    return floor(length * length / 4) / length if closed else (length * length - 1) / (3 * length)


def _crossings(axis: Axis) -> Quantity:
    """Return the pairs of places whose way leads over the busiest link of an axis in one direction."""
    length, _ = axis
    pairs = length * length // 4
    return pairs / 2 if _ways(axis) == 2 else pairs


def sides_of(shape: str, dimensions: int, nodes: Quantity) -> tuple[Quantity, ...]:
    """Return the sides of a grid of so many nodes: those of its shape, or the nearest to a cube, longest first.

    For a node count that is a symbol: those of a cube. Raises SymarchError for a shape that is none.
    """
    if shape:
        sides = tuple(int(s) if s.isascii() and s.isdigit() else 0 for s in shape.split("x"))
        if min(sides) < 1:
            raise SymarchError(f"shape is {shape!r}; it must give the nodes along each axis, such as 4x4x4")
        return sides
    if not isinstance(nodes, int):
        return (nodes ** (1 / dimensions),) * dimensions if dimensions > 1 else (nodes,)
    return _near_cube(nodes, dimensions) or (nodes, *(1,) * (dimensions - 1))


def nearest_shapes(shape: str, dimensions: int, nodes: int) -> tuple[int, ...]:
    """Return the node counts nearest to one that make a grid with every side of 2 or more; it alone if it does."""
    if shape:
        return (math.prod(sides_of(shape, dimensions, nodes)),)
    if _near_cube(nodes, dimensions):
        return (nodes,)
    least = 2**dimensions
    above = next(n for n in range(max(nodes, least), 2 * max(nodes, least) + 1) if _near_cube(n, dimensions))
    below = next((n for n in range(nodes - 1, least - 1, -1) if _near_cube(n, dimensions)), None)
    return (above,) if below is None else (below, above)


@cache
def _near_cube(nodes: int, dimensions: int) -> tuple[int, ...]:
    """Return the factors of 2 or more, longest first, whose longest is the shortest; () if there are none."""
    if dimensions == 1:
        return (nodes,) if nodes > 1 else ()
    best: tuple[int, ...] = ()
    for small in range(math.isqrt(nodes) if dimensions == 2 else round(nodes ** (1 / dimensions)) + 1, 1, -1):
        if nodes % small == 0 and (rest := _near_cube(nodes // small, dimensions - 1)):
            found = tuple(sorted((*rest, small), reverse=True))
            if not best or found < best:
                best = found
    return best
