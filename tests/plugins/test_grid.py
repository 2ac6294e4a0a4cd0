"""Rings, meshes, tori and hypercubes: figures and loads against search and routing over real graphs."""

from __future__ import annotations

import itertools
import math
from typing import Any

import networkx  # type: ignore[import-untyped]  # the extra types-networkx is not worth one search
import pytest

from symarch import Pattern, SymarchError, Traffic
from symarch_technologies._grid import Grid, nearest_shapes, sides_of
from symarch_technologies.hypercube import Hypercube
from symarch_technologies.mesh import Mesh
from symarch_technologies.ring import Ring
from symarch_technologies.torus import Torus


def mesh(*sides: int) -> tuple[Grid, tuple[int, ...], frozenset[int]]:
    return Mesh(shape="x".join(map(str, sides))), sides, frozenset()


def torus(*sides: int, closed_from: int = 3) -> tuple[Grid, tuple[int, ...], frozenset[int]]:
    closed = frozenset(i for i, k in enumerate(sides) if k >= closed_from)
    return Torus(shape="x".join(map(str, sides)), closed_from=closed_from), sides, closed


def ring(count: int) -> tuple[Grid, tuple[int, ...], frozenset[int]]:
    return Ring(), (count,), frozenset({0})


def cube(dimensions: int) -> tuple[Grid, tuple[int, ...], frozenset[int]]:
    return Hypercube(), (2,) * dimensions, frozenset()


GRIDS = [
    *(ring(n) for n in (2, 3, 4, 5, 6, 7, 8, 9, 12, 16)),
    *(cube(d) for d in (1, 2, 3, 4, 5)),
    *(mesh(*s) for s in ((2,), (5,), (8,), (2, 2), (3, 2), (3, 3), (4, 3), (5, 2), (4, 4), (5, 3), (2, 2, 2))),
    *(mesh(*s) for s in ((3, 3, 2), (3, 3, 3), (4, 4, 4), (8, 4), (2, 3, 4))),
    *(torus(*s) for s in ((3, 2), (3, 3), (4, 2), (4, 3), (5, 2), (7, 2), (4, 4), (5, 3), (3, 2, 2), (4, 2, 2))),
    *(torus(*s) for s in ((3, 3, 3), (4, 4, 4), (5, 4, 3), (2, 2, 2), (8, 4), (6, 3, 1), (8, 8))),
    torus(4, 3, closed_from=4),
    torus(8, 4, closed_from=8),
]
IDS = [f"{type(g).name}-{'x'.join(map(str, s))}{'' if len(c) in (0, len(s)) else '-mixed'}" for g, s, c in GRIDS]
every_grid = pytest.mark.parametrize(("grid", "sides", "closed"), GRIDS, ids=IDS)


def wired(wires: Any, sides: tuple[int, ...], closed: frozenset[int]) -> Any:
    """Return the graph, its nodes with the first coordinate fastest, routed along one axis after the other."""
    parts = [networkx.cycle_graph(k) if i in closed and k > 2 else networkx.path_graph(k) for i, k in enumerate(sides)]
    nodes = [tuple(reversed(c)) for c in itertools.product(*(range(k) for k in reversed(sides)))]
    graph: Any = networkx.Graph()
    graph.add_nodes_from(nodes)
    for node in nodes:
        for axis, part in enumerate(parts):
            graph.add_edges_from((node, (*node[:axis], k, *node[axis + 1 :])) for k in part[node[axis]])

    def routes(start: Any, end: Any) -> list[list[Any]]:
        ways = [[start]]
        for axis, part in enumerate(parts):
            steps = list(networkx.all_shortest_paths(part, start[axis], end[axis]))
            ways = [
                [*way, *((*way[-1][:axis], k, *way[-1][axis + 1 :]) for k in step[1:])]
                for way in ways
                for step in steps
            ]
        return ways

    return wires(graph, nodes, routes)


@every_grid
def test_figures_are_those_of_the_graph(wires: Any, grid: Grid, sides: Any, closed: Any) -> None:
    real, count = wired(wires, sides, closed), math.prod(sides)
    distances = real.distances()
    assert grid.diameter(count) == max(distances)
    assert grid.average_hops(count) == pytest.approx(sum(distances) / len(distances), rel=1e-12)
    assert grid.links(count) == real.graph.number_of_edges()
    assert grid.radix(count) == max(dict(real.graph.degree).values())
    assert (grid.ports(count), grid.switches(count)) == (0, 0)
    assert grid.axes(count) == tuple(k for k in sides if k > 1)


@pytest.mark.parametrize(("grid", "sides", "closed"), [g for g in GRIDS if math.prod(g[1]) <= 16])
def test_bisection_is_the_smallest_cut_into_halves(wires: Any, grid: Grid, sides: Any, closed: Any) -> None:
    assert grid.bisection(math.prod(sides)) == wired(wires, sides, closed).smallest_cut()


def agree(grid: Grid, pattern: Pattern, real: Any, messages: Any) -> None:
    """Compare a pattern's traffic with what its messages, one byte a node, put on the links."""
    count = len(real.nodes)
    found, measured = grid.traffic(pattern, count), real.measure(messages)
    assert found is not None
    assert found.hops == measured.hops
    assert found.load == pytest.approx(measured.busiest * grid.radix(count), rel=1e-12)
    senders = len({m[0] for m in messages})
    if pattern.name != "branch":
        assert found.crossed == pytest.approx(measured.carried / senders, rel=1e-12)


@every_grid
def test_all_to_all_loads_the_busiest_link_as_routed(wires: Any, grid: Grid, sides: Any, closed: Any) -> None:
    real = wired(wires, sides, closed)
    agree(grid, Pattern("all"), real, real.everyone())


@every_grid
def test_exchanges_and_branches_are_as_routed(wires: Any, grid: Grid, sides: Any, closed: Any) -> None:
    real, count = wired(wires, sides, closed), math.prod(sides)
    for power in range((count - 1).bit_length()):
        exchange, branch = Pattern("exchange", 1 << power), Pattern("branch", 1 << power)
        if all(k & (k - 1) == 0 for k in sides):
            agree(grid, exchange, real, real.exchange(1 << power))
            measured, found = real.measure(real.branch(1 << power)), grid.traffic(branch, count)
            assert found is not None
            assert found.hops == measured.hops
            # half the ring away, a branch may take both ways; it is charged one
            assert measured.busiest <= 1 and found.load == grid.radix(count)
        else:
            if grid.traffic(exchange, count) is not None:  # along an axis of 2^k nodes
                agree(grid, exchange, real, real.exchange(1 << power))
            if (found := grid.traffic(branch, count)) is not None:
                measured = real.measure(real.branch(1 << power))
                assert found.hops == measured.hops
                assert measured.busiest <= 1 and found.load == grid.radix(count)


def lap(graph: Any, start: Any) -> tuple[list[Any] | None, list[Any] | None]:
    """Return a cycle through all nodes, and a path through all nodes whose ends are two links apart, if there are."""
    total, cycle, path = len(graph), None, None
    apart = dict(networkx.all_pairs_shortest_path_length(graph))
    stack = [[start]]
    while stack and (cycle is None):
        way = stack.pop()
        if len(way) == total:
            if graph.has_edge(way[-1], start) and total > 2:
                cycle = way
            elif path is None and apart[way[-1]][start] == 2:
                path = way
            continue
        stack += [[*way, n] for n in graph[way[-1]] if n not in way]
    return cycle, path


@pytest.mark.parametrize(("grid", "sides", "closed"), [g for g in GRIDS if 2 < math.prod(g[1]) <= 16])
def test_a_ring_is_laid_through_all_nodes(wires: Any, grid: Grid, sides: Any, closed: Any) -> None:
    real, count = wired(wires, sides, closed), math.prod(sides)
    cycles = [lap(real.graph, node) for node in (real.nodes[0], real.nodes[1])]
    for both, name in ((False, "neighbour"), (True, "neighbours")):
        if cycles[0][0] is not None:
            agree(grid, Pattern(name), real, real.around(cycles[0][0], both))
            continue
        found = grid.traffic(Pattern(name), count)
        if len([k for k in sides if k > 1]) == 1:  # a line: up over every other node, down over the rest
            order = [*range(0, count, 2), *reversed(range(1, count, 2))]
            measured = real.measure(real.around([real.nodes[i] for i in order], both))
        else:  # all but one of the messages cross one link; the last has two, on either side of a square
            path = next(p for _, p in cycles if p is not None)
            measured = real.measure(real.around(path, both))
        assert found is not None
        assert (found.hops, found.load) == (2, grid.radix(count))
        assert measured.hops == 2
        assert measured.busiest * grid.radix(count) <= found.load + 1e-12


@every_grid
def test_gathering_on_all_axes_is_bound_by_the_node_with_the_fewest_links(
    wires: Any, grid: Grid, sides: Any, closed: Any
) -> None:
    real, count = wired(wires, sides, closed), math.prod(sides)
    fewest = min(dict(real.graph.degree).values())
    assert grid.traffic(Pattern("axes"), count) == Traffic(grid.diameter(count), grid.radix(count) / fewest, 1)


@every_grid
def test_one_message_alone_has_one_link(wires: Any, grid: Grid, sides: Any, closed: Any) -> None:
    count = math.prod(sides)
    assert grid.traffic(Pattern("pair"), count) == Traffic(grid.diameter(count), grid.radix(count))


def test_what_a_grid_has_no_closed_form_for() -> None:
    assert Torus(shape="3x4").traffic(Pattern("exchange", 1), 12) is None
    assert Torus(shape="4x3").traffic(Pattern("exchange", 4), 12) is None
    assert Mesh(shape="3x3").traffic(Pattern("branch", 2), 9) is None
    for name in ("tree", "across", "permutation", "somebody's own"):
        assert Torus(shape="4x4").traffic(Pattern(name), 16) is None


# --- some nodes of a larger network

PARTS = [
    (torus(4, 4, 4), 4, (4,), {0}),
    (torus(4, 4, 4), 8, (4, 2), {0}),
    (torus(4, 4, 4), 2, (2,), set()),
    (torus(8, 8), 4, (4,), set()),
    (torus(8, 8), 32, (8, 4), {0}),
    (mesh(4, 6), 12, (4, 3), set()),
    (ring(16), 8, (8,), set()),
    (cube(5), 8, (2, 2, 2), set()),
]


@pytest.mark.parametrize(("whole", "count", "spanned", "closed"), PARTS)
def test_a_group_of_nodes_is_a_block_whose_open_axes_are_lines(
    wires: Any, whole: Any, count: int, spanned: Any, closed: Any
) -> None:
    grid, sides, _ = whole
    part = type(grid)(endpoints=math.prod(sides), **({"shape": grid.shape} if hasattr(grid, "shape") else {}))
    assert part.axes(count) == spanned
    real = wired(wires, spanned, frozenset(closed))
    radix = part.radix(count)  # a node's links stay those of the whole network, used or not
    assert radix == grid.radix(math.prod(sides))
    measured = real.measure(real.everyone())
    found = part.traffic(Pattern("all"), count)
    assert found is not None
    assert found.load == pytest.approx(measured.busiest * radix, rel=1e-12)
    assert found.hops == measured.hops
    fewest = min(dict(real.graph.degree).values())
    assert part.traffic(Pattern("axes"), count) == Traffic(found.hops, radix / fewest, 1)


@pytest.mark.parametrize("count", [3, 6, 12, 24])
def test_a_group_that_does_not_fill_lines_evenly_is_refused(count: int) -> None:
    with pytest.raises(SymarchError, match=rf"^{count} nodes next to each other do not fill .* torus of 4 x 4 x 4"):
        Torus(shape="4x4x4", endpoints=64).traffic(Pattern("all"), count)


# --- shapes


@pytest.mark.parametrize(
    ("dimensions", "nodes", "sides"),
    [
        (3, 64, (4, 4, 4)),
        (3, 8960, (28, 20, 16)),  # the TPU v5p pod: 16 x 20 x 28
        (3, 4096, (16, 16, 16)),  # the TPU v4 pod
        (2, 256, (16, 16)),  # TPU v5e and v6e
        (3, 12, (3, 2, 2)),
        (2, 14, (7, 2)),
        (1, 7, (7,)),
        (2, 10**9, (32000, 31250)),
    ],
)
def test_sides_are_as_near_to_a_cube_as_the_count_allows(dimensions: int, nodes: int, sides: tuple[int, ...]) -> None:
    assert sides_of("", dimensions, nodes) == sides


@pytest.mark.parametrize(
    ("shape", "dimensions", "nodes", "counts"),
    [("", 3, 10, (8, 12)), ("", 3, 7, (8,)), ("", 2, 7, (6, 8)), ("", 2, 8, (8,)), ("4x4", 3, 12, (16,))],
)
def test_counts_that_fit(shape: str, dimensions: int, nodes: int, counts: tuple[int, ...]) -> None:
    assert nearest_shapes(shape, dimensions, nodes) == counts


def test_a_count_that_does_not_fit_names_the_nearest() -> None:
    with pytest.raises(SymarchError, match=r"^a torus cannot have 10 nodes; the nearest that can be: 8 and 12$"):
        Torus().check(10)
    with pytest.raises(SymarchError, match=r"^a mesh cannot have 12 nodes; the nearest that can be: 16$"):
        Mesh(shape="4x4").check(12)
    with pytest.raises(SymarchError, match=r"^a hypercube cannot have 12 nodes; the nearest that can be: 8 and 16$"):
        Hypercube().check(12)
    for good in (Torus(), Mesh(), Ring(), Hypercube()):
        good.check(8)
    with pytest.raises(SymarchError, match=r"^shape is '4xb'; it must give the nodes along each axis, such as 4x4x4$"):
        Torus(shape="4xb").check(16)
