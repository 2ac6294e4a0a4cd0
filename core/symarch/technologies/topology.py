"""Topologies and collective algorithms, each ignorant of the other.

An algorithm is a sequence of *patterns*: messages that all nodes send at once. A topology says what a pattern costs on
its links. M topologies and N algorithms are then M + N descriptions, and either can come from a third party.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import attrs

from symarch.errors import FOREIGN, PluginError, SymarchError
from symarch.quantities import Dimension, Dimensioned
from symarch.technologies.contracts import Technology
from symarch.technologies.declare import Quantity, once_for_each_class, technology

COLLECTIVES = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "point_to_point")
"""The collectives that an algorithm may serve."""

FIGURES = ("diameter", "average_hops", "bisection", "links", "radix", "ports", "switches")
"""The figures of a topology, functions of the node count."""

PATTERNS = ("neighbour", "neighbours", "exchange", "all", "branch", "pair", "permutation", "tree", "axes", "across")
"""The patterns that our own algorithms are made of."""


@attrs.frozen
class Pattern:
    """Messages that are sent at once; nodes are numbered from 0 in the order of their places.

    Attributes:
        name: one of
            neighbour: each node to the next of a ring laid through all nodes;
            neighbours: half its bytes to the next of that ring, half to the one before;
            exchange: node i to node i XOR distance, and back;
            all: each node equal bytes to every other one;
            branch: a node at every multiple of twice the distance to the node one distance further;
            pair: one message alone, between the two nodes farthest apart;
            permutation: each node to one other and from one other, in the worst arrangement;
            tree: the edges of two binary trees laid in node order, both ways, a quarter of a node's bytes on each;
            axes: what one node has to all others, in pieces along all axes and directions at once, handed on by each;
            across: each node equal bytes to the nodes at its own place in every other group.
        distance: of exchange and branch, in nodes.
    """

    name: str
    distance: int = 1


@attrs.frozen
class Traffic:
    """What a pattern costs on a topology.

    Attributes:
        hops: links that the longest message crosses.
        load: time, relative to sending at the full rate of all links of a node together: 1 where they are used evenly,
            2 where only one of two is, more where messages meet on a link.
        mean: links that a byte crosses on average, for the energy; None: `hops`.
    """

    hops: Quantity
    load: Quantity
    mean: Quantity | None = None

    @property
    def crossed(self) -> Quantity:
        """Links that a byte crosses on average."""
        return self.hops if self.mean is None else self.mean


@attrs.frozen
class Schedule:
    """What one algorithm makes of a collective. Schedules add: one after the other.

    Attributes:
        bytes: sent by each endpoint in its busiest direction, times the load of the pattern on the topology [B].
        steps: messages that follow one another; each pays the software latency.
        hops: links crossed in all steps together; each pays a hop latency.
        peers: partners addressed at once, summed over the steps, beyond the first of each step.
        carried: bytes that leave one endpoint times the links they cross, for the energy; None: bytes times the hops
            of a step [B].
        kept: bytes of an endpoint's own part that its library copies from buffer to buffer [B].
    """

    bytes: Quantity
    steps: Quantity
    hops: Quantity
    peers: Quantity
    carried: Quantity | None = None
    kept: Quantity = 0

    @classmethod
    def of(
        cls, traffic: Traffic, size: Quantity, steps: Quantity = 1, peers: Quantity = 0, kept: Quantity = 0
    ) -> Schedule:
        """Return the schedule of one pattern: `size` bytes of each endpoint over all `steps`."""
        return cls(_times(size, traffic.load), steps, steps * traffic.hops, peers, size * traffic.crossed, kept)

    @property
    def energy_bytes(self) -> Quantity:
        """Bytes times the links they cross."""
        return self.bytes * (self.hops / self.steps) if self.carried is None else self.carried

    def __add__(self, other: Schedule) -> Schedule:
        return Schedule(
            self.bytes + other.bytes,
            self.steps + other.steps,
            self.hops + other.hops,
            self.peers + other.peers,
            self.energy_bytes + other.energy_bytes,
            self.kept + other.kept,
        )

    def __rmul__(self, times: int) -> Schedule:
        return Schedule(
            times * self.bytes,
            times * self.steps,
            times * self.hops,
            times * self.peers,
            times * self.energy_bytes,
            times * self.kept,
        )


def _times(size: Quantity, load: Quantity) -> Quantity:
    return size if isinstance(load, int | float) and load == 1 else size * load


@technology
class Topology(Technology):
    """How nodes are joined by links, as functions of the node count.

    An interconnect's bandwidth is that of all links of one endpoint in one direction; the topology shares it evenly
    over them. Links between switches carry as much as an endpoint's.

    Class attributes:
        algorithms: names of the collective algorithms that make sense on it; `auto` takes the fastest of them.

    Attributes:
        endpoints: nodes of the whole network, of which a collective may take only some, next to each other; 0: as many
            as are asked about.
    """

    kind: ClassVar[str] = "topology"
    algorithms: ClassVar[tuple[str, ...]] = ()

    endpoints: int = attrs.field(default=0, repr=False)

    def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
        """Return what a pattern among `nodes` neighbouring nodes costs; None if there is no closed form for it here."""
        raise NotImplementedError

    def diameter(self, nodes: int) -> Quantity:
        """Return the links between the two nodes farthest apart."""
        raise NotImplementedError

    def average_hops(self, nodes: int) -> Quantity:
        """Return the mean number of links between two distinct nodes."""
        raise NotImplementedError

    def bisection(self, nodes: int) -> Quantity:
        """Return the links, per direction, cut by the worst division into halves."""
        raise NotImplementedError

    def links(self, nodes: int) -> Quantity:
        """Return the number of links."""
        raise NotImplementedError

    def radix(self, nodes: int) -> Quantity:
        """Return the links of one node."""
        raise NotImplementedError

    def ports(self, nodes: int) -> Quantity:
        """Return the ports of the largest switch; 0 where nodes are joined directly."""
        return 0

    def switches(self, nodes: int) -> Quantity:
        """Return the number of switches."""
        return 0

    def axes(self, nodes: int) -> tuple[int, ...]:
        """Return the lengths of the axes that `nodes` neighbouring nodes span; () where there are none."""
        return ()

    def group(self, nodes: int) -> int:
        """Return the nodes of the lowest level, if `nodes` consists of such groups; 1 if it does not."""
        return 1

    def reduction(self, nodes: int) -> Traffic | None:
        """Return the traffic of an all-reduce that the switches do themselves; None if they cannot."""
        return None

    def allowed(self, nodes: int) -> tuple[int, ...]:
        """Return the node counts nearest to `nodes` that a whole network can have; it alone if it can be."""
        return (nodes,)

    def check(self, nodes: int) -> None:
        """Raise SymarchError if a whole network cannot have this many nodes."""
        found = self.allowed(nodes)
        if nodes not in found:
            raise SymarchError(f"a {type(self).name} cannot have {nodes} nodes; {_nearest_counts(found)}")

    def whole(self, nodes: int) -> int:
        """Return the nodes of the whole network that a question about `nodes` is asked of."""
        return self.endpoints or nodes

    def figures(self, nodes: Any) -> Iterator[tuple[str, Any, str]]:
        """Yield (name, value, unit) of the topology's figures."""
        from symarch.technologies.check import blame

        for key in FIGURES:
            with blame(self, key):
                value = getattr(self, key)(nodes)
            yield key, value, "1"

    def checked(self, key: str, found: Any) -> Traffic | None:
        """Return what the technology answered. Raises PluginError if it is no traffic."""
        if found is not None and not isinstance(found, Traffic):
            raise PluginError(
                f"technology '{self.name}', quantity {key}: it is {found!r:.60}; it must be a Traffic or None"
            )
        return found

    def probe(self) -> Iterator[tuple[str, Any, str]]:
        """Yield every quantity, the figures, and the traffic of every pattern for a node count that it can have."""
        from symarch.technologies.check import blame

        yield from super().probe()
        nodes = self.allowed(8)[-1]
        yield from self.figures(nodes)
        for name in (*PATTERNS, "reduction"):
            key = name if name == "reduction" else f"traffic({name})"
            with blame(self, key):
                found = self.reduction(nodes) if name == "reduction" else self.traffic(Pattern(name), nodes)
            traffic = self.checked(key, found)
            if traffic is not None:
                for part in ("hops", "load", "crossed"):
                    yield f"{key}: {part}", getattr(traffic, part), "1"


def _nearest_counts(found: tuple[int, ...]) -> str:
    return f"the nearest that can be: {' and '.join(str(n) for n in found)}"


@attrs.frozen
class Call:
    """What a collective algorithm is asked.

    Attributes:
        operation: one of `COLLECTIVES`.
        nodes: number of endpoints that take part, at least 2.
        size: bytes of the logical tensor: the full vector for all-reduce, the gathered one for all-gather, the whole
            input for reduce-scatter, what one endpoint sends, its own part included, for all-to-all [B].
        topology: of the network.
        step: time of one step whose messages cross so many links, apart from the bytes [s]; 0 where the link states no
            latency.
        rate: sustained bytes per second of one endpoint, over all its links, in one direction [B/s].
    """

    operation: str
    nodes: int
    size: Quantity
    topology: Topology
    step: Callable[[Quantity], Quantity]
    rate: Quantity

    def __attrs_post_init__(self) -> None:
        # a part of the nodes may be asked about: the whole network is then what takes part, unless it is known
        topology: Any = self.topology
        if not topology.endpoints:
            object.__setattr__(self, "topology", attrs.evolve(topology, endpoints=self.nodes))

    @property
    def part(self) -> Quantity:
        """The size without the share of one endpoint [B]."""
        return self.size * (self.nodes - 1) / self.nodes

    def traffic(self, name: str, distance: int = 1, nodes: int | None = None) -> Traffic | None:
        """Return what a pattern costs on the topology, among all nodes or so many neighbouring ones."""
        found = self.topology.traffic(Pattern(name, distance), self.nodes if nodes is None else nodes)
        return self.topology.checked(f"traffic({name})", found)


class CollectiveAlgorithm:
    """A way to do collectives; it asks the topology what its patterns cost.

    Class attributes:
        name: what a spec and a topology call it.
        operations: those of `COLLECTIVES` that it does.
        source: where it comes from.
        proportional: whether, on a given topology, bytes are proportional to the size, and steps, hops and peers do not
            depend on it. Of such algorithms those that another beats in everything are left out.
    """

    name: ClassVar[str]
    operations: ClassVar[tuple[str, ...]]
    source: ClassVar[str] = ""
    proportional: ClassVar[bool] = False

    def schedule(self, call: Call) -> Schedule | None:
        """Return the schedule; None if the algorithm does not suit the topology or the node count."""
        raise NotImplementedError


def schedules(algorithms: Iterable[CollectiveAlgorithm], call: Call, apart: Iterable[str] = ()) -> dict[str, Schedule]:
    """Return the schedules of a collective by the algorithm's name, without those that are never the fastest.

    Algorithms `apart` run in a protocol of their own, so that their figures say nothing of others.
    """
    found, plain = {}, {}
    for algorithm in algorithms:
        if call.operation not in algorithm.operations:
            continue
        schedule = algorithm.schedule(call)
        if schedule is None:
            continue
        found[algorithm.name] = schedule
        if algorithm.proportional and algorithm.name not in apart:
            plain[algorithm.name] = _figures(algorithm, call)
    for name, own in reversed(plain.items()):  # of equals the first stays
        if own is not None and any(
            other is not None and name != rival and rival in found and _beats(other, own)
            for rival, other in plain.items()
        ):
            del found[name]
    return found


def _figures(algorithm: CollectiveAlgorithm, call: Call) -> tuple[float, ...] | None:
    """Return bytes and kept ones for a byte of tensor, steps, hops and peers; None if they are not plain numbers."""
    schedule = algorithm.schedule(attrs.evolve(call, size=1.0, step=lambda hops: 0.0, rate=1.0))
    assert schedule is not None  # it was not at the real size
    figures = (schedule.bytes, schedule.kept, schedule.steps, schedule.hops, schedule.peers)
    return figures if all(isinstance(f, int | float) for f in figures) else None


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Return whether one schedule is never slower than the other."""
    return all(a <= b * (1 + 1e-12) for a, b in zip(one, other, strict=True))


@technology
class _Crossbar(Topology):
    """Every node joined to every other at its full rate: what algorithms are checked on."""

    def traffic(self, pattern: Pattern, nodes: int) -> Traffic | None:
        return Traffic(1, 1)

    def diameter(self, nodes: int) -> Quantity:
        return 1

    def axes(self, nodes: int) -> tuple[int, ...]:
        return (nodes,)

    def group(self, nodes: int) -> int:
        return 2

    def reduction(self, nodes: int) -> Traffic | None:
        return Traffic(1, 1)


@once_for_each_class
def check_algorithm(cls: Any) -> None:
    """Run an algorithm on bare dimensions. Raises PluginError naming the operation and what has the wrong dimension."""
    name = f"collective algorithm '{cls.name}'"
    if unknown := [o for o in cls.operations if o not in COLLECTIVES]:
        raise PluginError(f"{name} serves {unknown[0]!r}; the collectives are {', '.join(COLLECTIVES)}")
    second = Dimension.of({"s": 1})
    for operation in cls.operations:
        call = Call(
            operation=operation,
            nodes=8,
            size=Dimensioned(Dimension.of({"B": 1}), "size"),
            topology=_Crossbar(),
            step=lambda hops: Dimensioned(second, "step"),
            rate=Dimensioned(Dimension.of({"B": 1, "s": -1}), "rate"),
        )
        try:
            schedule = cls().schedule(call)
        except FOREIGN as error:
            raise PluginError(f"{name}, {operation}: {type(error).__name__}: {error}") from None
        if schedule is None:
            continue
        if not isinstance(schedule, Schedule):
            raise PluginError(f"{name}, {operation}: schedule returned {schedule!r}; it must be a Schedule or None")
        for key in ("bytes", "kept", "steps", "hops", "peers"):
            found = Dimensioned.lift(getattr(schedule, key))
            due = Dimension.of({"B": 1}) if key in ("bytes", "kept") else Dimension()
            if found.dimension is not None and found.dimension != due:
                raise PluginError(f"{name}, {operation}: {key} has [{found.dimension}]; it must have [{due}]")


def chosen(names: Iterable[str], topology: Any, find: Callable[[str], Any]) -> Mapping[str, Any]:
    """Return the classes of algorithms by name, for `auto` those that a topology class names; each is checked once."""
    wanted = topology.algorithms if tuple(names) == ("auto",) else tuple(names)
    found = {name: find(name) for name in wanted}
    for cls in found.values():
        check_algorithm(cls)
    return found


__all__ = [
    "COLLECTIVES",
    "FIGURES",
    "PATTERNS",
    "Call",
    "CollectiveAlgorithm",
    "Pattern",
    "Schedule",
    "Topology",
    "Traffic",
    "check_algorithm",
    "chosen",
    "schedules",
]
