"""Collective algorithms: which patterns of messages they are made of. What a pattern costs, the topology says.

With N nodes, a tensor of m bytes, alpha for a step's software and hops, beta for a byte at the full rate of an endpoint
and load 1 (a switch), the closed forms are

    all-reduce           ring                   2 (N-1) alpha + 2 (N-1)/N m beta
                         recursive_doubling     log N (alpha + m beta)
                         halving_doubling       2 log N alpha + 2 (N-1)/N m beta
                         binomial_tree          2 log N (alpha + m beta)
                         double_tree            2 (h+k-1) (alpha + m beta / k), h = ceil(log N); at the best k
                                                2 (sqrt((h-1) alpha) + sqrt(m beta))^2
                         one_shot               alpha + (N-2) peer + (N-1) m beta
                         two_shot               2 alpha + 2 (N-2) peer + 2 (N-1)/N m beta
                         in_network             alpha + m beta, or (1 + 1/N) m beta where nodes take shares
    gather, scatter      ring, direct           as half of the above: (N-1)/N m beta in N-1 steps or in one
                         recursive_doubling, recursive_halving, bruck          ceil(log N) alpha + (N-1)/N m beta
    all-to-all           direct, pairwise       one step or N-1, (N-1)/N m beta
                         bruck                  log N alpha + (m/2) log N beta
    broadcast            binomial_tree          log N (alpha + m beta)
                         scatter_gather         (log N + N-1) alpha + 2 (N-1)/N m beta
                         chain                  (k+N-2) (alpha + m beta / k)
                         multicast              alpha + m beta

The arithmetic of a reduction hides behind the transfer. In a ring, and where all send at once or in pairs, each node
also copies the part of the tensor that stays with it, m/N bytes, from buffer to buffer: how long that takes, the link's
`copying` says. Sources stand with each class.
"""

from __future__ import annotations

from typing import ClassVar

import attrs

from symarch import (
    Call,
    CollectiveAlgorithm,
    Max,
    Quantity,
    Schedule,
    Traffic,
    hookimpl,
    sqrt,
)

FINEST = 1e-12
"""Chunks of a pipeline are no smaller than makes one step cost this share of the whole transfer."""

THAKUR = "Thakur, Rabenseifner and Gropp, IJHPCA 19(1), 2005, doi 10.1177/1094342005051521"
CHAN = "Chan, Heimlich, Purkayastha and van de Geijn, Concurrency and Computation 19(13), 2007"


def distances(nodes: int) -> list[int]:
    """Return the powers of two below the node count: the distances of ceil(log2 N) rounds."""
    return [1 << k for k in range((nodes - 1).bit_length())]


def is_power_of_two(nodes: int) -> bool:
    """Return whether the node count is a power of two."""
    return nodes & (nodes - 1) == 0


def chained(phases: list[Schedule]) -> Schedule:
    """Return schedules one after the other as one."""
    result = phases[0]
    for phase in phases[1:]:
        result = result + phase
    return result


def exchanges(call: Call, sizes: dict[int, Quantity]) -> Schedule | None:
    """Return rounds in which every node sends to one at a distance; None if the topology has no closed form."""
    rounds = []
    for distance, size in sizes.items():
        # partners are found by XOR among 2^k nodes, by a shift around the ring of all numbers otherwise
        traffic = call.traffic("exchange", distance) if is_power_of_two(call.nodes) else call.traffic("permutation")
        if traffic is None:
            return None
        rounds.append(Schedule.of(traffic, size))
    return chained(rounds)


def branches(call: Call, sizes: dict[int, Quantity]) -> Schedule | None:
    """Return the rounds of a binomial tree: half of the nodes' parents send, a quarter, ... or the reverse."""
    rounds = []
    for distance, size in sizes.items():
        traffic = call.traffic("branch", distance)
        if traffic is None:
            return None
        messages = -(-(call.nodes - distance) // (2 * distance))
        one = Schedule.of(traffic, size)
        rounds.append(Schedule(one.bytes, one.steps, one.hops, 0, size * (messages / call.nodes) * traffic.crossed))
    return chained(rounds)


def pipelined(call: Call, traffic: Traffic, stages: int) -> Schedule:
    """Return the tensor sent in k chunks through so many stages, each handing on what it has: k + stages - 1 steps.

    k is the best for the point, as a continuous number: sqrt((stages - 1) m beta / alpha), at least 1.
    """
    carried = call.part * traffic.crossed
    if stages == 1:
        one = Schedule.of(traffic, call.size)
        return Schedule(one.bytes, 1, traffic.hops, 0, carried)
    sent = Schedule.of(traffic, call.size).bytes
    stream = sent / call.rate
    chunks = Max(1, sqrt((stages - 1) * stream / Max(call.step(traffic.hops), stream * FINEST)))
    steps = chunks + (stages - 1)
    return Schedule(sent * steps / chunks, steps, steps * traffic.hops, 0, carried)


class Ring(CollectiveAlgorithm):
    """Around a ring laid through all nodes, N-1 steps of m/N each way of the operation."""

    name: ClassVar[str] = "ring"
    operations: ClassVar[tuple[str, ...]] = ("all_reduce", "all_gather", "reduce_scatter")
    source: ClassVar[str] = THAKUR
    proportional: ClassVar[bool] = True
    pattern: ClassVar[str] = "neighbour"

    def schedule(self, call: Call) -> Schedule | None:
        """Return N-1 steps to the next node; for an all-reduce twice, a reduce-scatter and an all-gather."""
        traffic = call.traffic(self.pattern)
        if traffic is None:
            return None
        once = Schedule.of(traffic, call.part, steps=call.nodes - 1)
        once = 2 * once if call.operation == "all_reduce" else once
        return attrs.evolve(once, kept=call.size / call.nodes)


class BidirectionalRing(Ring):
    """Two rings at once, half of the tensor around each way."""

    name: ClassVar[str] = "bidirectional_ring"
    source: ClassVar[str] = f"{THAKUR}; both directions at once as in the TPU chapters of jax-ml/scaling-book"
    pattern: ClassVar[str] = "neighbours"


class RecursiveDoubling(CollectiveAlgorithm):
    """Partners at distance 1, 2, 4 ... exchange all they have."""

    name: ClassVar[str] = "recursive_doubling"
    operations: ClassVar[tuple[str, ...]] = ("all_reduce", "all_gather")
    source: ClassVar[str] = THAKUR
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return log N rounds; an all-reduce among other than 2^k nodes folds the surplus in and out again."""
        n = call.nodes
        if is_power_of_two(n):
            whole = call.operation == "all_reduce"
            return exchanges(call, {d: call.size if whole else call.size * (d / n) for d in distances(n)})
        traffic = call.traffic("permutation")
        if call.operation == "all_gather" or traffic is None:
            return None
        rounds = n.bit_length() + 1  # floor(log2 N), and two
        return Schedule.of(traffic, call.size * rounds, steps=rounds)


class RecursiveHalving(CollectiveAlgorithm):
    """Partners at distance N/2, N/4 ... 1 exchange half of what is left to reduce."""

    name: ClassVar[str] = "recursive_halving"
    operations: ClassVar[tuple[str, ...]] = ("reduce_scatter",)
    source: ClassVar[str] = THAKUR
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return log N rounds among 2^k nodes."""
        n = call.nodes
        return exchanges(call, {d: call.size * (d / n) for d in distances(n)}) if is_power_of_two(n) else None


class HalvingDoubling(CollectiveAlgorithm):
    """Rabenseifner's all-reduce: recursive halving, then recursive doubling."""

    name: ClassVar[str] = "halving_doubling"
    operations: ClassVar[tuple[str, ...]] = ("all_reduce",)
    source: ClassVar[str] = THAKUR
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return 2 log N rounds; among other than 2^k nodes the surplus is folded in and out again."""
        n = call.nodes
        if is_power_of_two(n):
            half = exchanges(call, {d: call.size * (d / n) for d in distances(n)})
            return None if half is None else 2 * half
        traffic = call.traffic("permutation")
        if traffic is None:
            return None
        folded = 1 << (n.bit_length() - 1)
        rounds = 2 * (n.bit_length() - 1) + 2
        return Schedule.of(traffic, call.size * (2 * (folded - 1) / folded + 2), steps=rounds)


class BinomialTree(CollectiveAlgorithm):
    """A binomial tree: its root reaches 1, 2, 4 ... nodes; an all-reduce goes up the tree and down again."""

    name: ClassVar[str] = "binomial_tree"
    operations: ClassVar[tuple[str, ...]] = ("all_reduce", "broadcast")
    source: ClassVar[str] = CHAN
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return ceil(log N) rounds of the whole tensor, for an all-reduce twice."""
        once = branches(call, dict.fromkeys(distances(call.nodes), call.size))
        return once if once is None or call.operation == "broadcast" else 2 * once


class DoubleTree(CollectiveAlgorithm):
    """Two binary trees, each for half of the tensor, pipelined: inner nodes of one are leaves of the other."""

    name: ClassVar[str] = "double_tree"
    operations: ClassVar[tuple[str, ...]] = ("all_reduce",)
    source: ClassVar[str] = "Sanders, Speck and Traff, Parallel Computing 35(12), 2009; the best number of chunks"

    def schedule(self, call: Call) -> Schedule | None:
        """Return a reduction up the trees and a broadcast down, each a pipeline of depth ceil(log N)."""
        traffic = call.traffic("tree")
        return None if traffic is None else 2 * pipelined(call, traffic, (call.nodes - 1).bit_length())


class OneShot(CollectiveAlgorithm):
    """Every node reads the whole vector of all others and adds up for itself."""

    name: ClassVar[str] = "one_shot"
    operations: ClassVar[tuple[str, ...]] = ("all_reduce",)
    source: ClassVar[str] = "vLLM, csrc/custom_all_reduce.cuh: one stage"
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return one step to all peers."""
        traffic = call.traffic("all")
        n = call.nodes
        return None if traffic is None else Schedule.of(traffic, call.size * (n - 1), peers=n - 2)


class TwoShot(CollectiveAlgorithm):
    """A direct reduce-scatter, then a direct all-gather."""

    name: ClassVar[str] = "two_shot"
    operations: ClassVar[tuple[str, ...]] = ("all_reduce",)
    source: ClassVar[str] = "vLLM, csrc/custom_all_reduce.cuh: two stages"
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return two steps to all peers."""
        traffic = call.traffic("all")
        n = call.nodes
        return None if traffic is None else Schedule.of(traffic, 2 * call.part, steps=2, peers=2 * (n - 2))


class Direct(CollectiveAlgorithm):
    """Every node posts what it has for each other node at once."""

    name: ClassVar[str] = "direct"
    operations: ClassVar[tuple[str, ...]] = ("all_gather", "reduce_scatter", "all_to_all")
    source: ClassVar[str] = "half of vLLM's two-stage all-reduce; all sends posted at once in MPICH's MPI_Alltoall"
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return one step to all peers."""
        traffic = call.traffic("all")
        kept = call.size / call.nodes
        return None if traffic is None else Schedule.of(traffic, call.part, peers=call.nodes - 2, kept=kept)


class InNetwork(CollectiveAlgorithm):
    """The switches reduce and multicast; needs a topology whose switches can."""

    name: ClassVar[str] = "in_network"
    operations: ClassVar[tuple[str, ...]] = ("all_reduce",)
    source: ClassVar[str] = "NVIDIA SHARP and NVLink SHARP (NVSHMEM 3.2.5 release notes); bytes by counting"
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return one step with the traffic that the topology states for it."""
        traffic = call.topology.reduction(call.nodes)
        return None if traffic is None else Schedule.of(traffic, call.size)


class Multicast(CollectiveAlgorithm):
    """The root sends once, the switches copy; needs a topology whose switches compute."""

    name: ClassVar[str] = "multicast"
    operations: ClassVar[tuple[str, ...]] = ("broadcast",)
    source: ClassVar[str] = "NVIDIA SHARP and NVLink SHARP (NVSHMEM 3.2.5 release notes)"
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return one step over the longest path; each endpoint's link carries the tensor once."""
        longest = call.traffic("pair")
        if longest is None or call.topology.reduction(call.nodes) is None:
            return None
        return Schedule.of(Traffic(longest.hops, longest.load, 1), call.size)


class Hierarchical(CollectiveAlgorithm):
    """Within groups, then across them, then within them again; every node keeps its share on the way across."""

    name: ClassVar[str] = "hierarchical"
    operations: ClassVar[tuple[str, ...]] = ("all_reduce", "all_gather", "reduce_scatter", "all_to_all")
    source: ClassVar[str] = "two-level collectives as of NCCL and MPI; phases as direct reduce-scatter and all-gather"
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return the phases; None where the nodes are not several groups."""
        group = call.topology.group(call.nodes)
        if group in (1, call.nodes):
            return None
        others = call.nodes // group
        near, far = call.traffic("all", nodes=group), call.traffic("across")
        if near is None or far is None:
            return None
        share = call.size if call.operation == "all_to_all" else call.size / group
        within = Schedule.of(near, call.size * (group - 1) / group, peers=group - 2)
        across = Schedule.of(far, share * (others - 1) / others, peers=others - 2)
        once = within + across
        return 2 * once if call.operation == "all_reduce" else once


class Torus(CollectiveAlgorithm):
    """All axes and both directions of a torus or mesh at once, each node handing on what it receives."""

    name: ClassVar[str] = "torus"
    operations: ClassVar[tuple[str, ...]] = ("all_reduce", "all_gather", "reduce_scatter")
    source: ClassVar[str] = "jax-ml/scaling-book, sharding.md: bytes over all links, a latency for each node on the way"
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return a step for each node on the longest way; None without axes."""
        traffic = call.traffic("axes") if call.topology.axes(call.nodes) else None
        if traffic is None:
            return None
        one = Schedule.of(traffic, call.part)
        once = Schedule(one.bytes, traffic.hops, traffic.hops, 0, one.carried)
        return 2 * once if call.operation == "all_reduce" else once


class Pairwise(CollectiveAlgorithm):
    """N-1 steps, in each of which every node deals with one partner."""

    name: ClassVar[str] = "pairwise"
    operations: ClassVar[tuple[str, ...]] = ("all_to_all", "reduce_scatter")
    source: ClassVar[str] = THAKUR
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return N-1 steps of one partner each, in the worst arrangement."""
        traffic = call.traffic("permutation")
        kept = call.size / call.nodes
        return None if traffic is None else Schedule.of(traffic, call.part, steps=call.nodes - 1, kept=kept)


class Bruck(CollectiveAlgorithm):
    """ceil(log N) rounds at distance 1, 2, 4 ...: parts travel together with others that go the same way."""

    name: ClassVar[str] = "bruck"
    operations: ClassVar[tuple[str, ...]] = ("all_to_all", "all_gather")
    source: ClassVar[str] = "Bruck, Ho, Kipnis, Upfal and Weathersby, IEEE TPDS 8(11), 1997"
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return the rounds; in an all-to-all a part moves in the rounds of the binary digits of its distance."""
        n = call.nodes
        if call.operation == "all_gather":
            parts = {d: min(d, n - d) for d in distances(n)}
        else:
            parts = {d: sum(1 for way in range(n) if way & d) for d in distances(n)}
        return exchanges(call, {d: call.size * (count / n) for d, count in parts.items()})


class ScatterGather(CollectiveAlgorithm):
    """Van de Geijn's broadcast: a binomial scatter, then an all-gather around a ring."""

    name: ClassVar[str] = "scatter_gather"
    operations: ClassVar[tuple[str, ...]] = ("broadcast",)
    source: ClassVar[str] = f"{CHAN}; MPICH, MPI_Bcast"
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return ceil(log N) rounds down the tree and N-1 steps around the ring."""
        n = call.nodes
        scatter = branches(call, {d: call.size * (min(d, n - d) / n) for d in distances(n)})
        ring = call.traffic("neighbour")
        return None if scatter is None or ring is None else scatter + Schedule.of(ring, call.part, steps=n - 1)


class Chain(CollectiveAlgorithm):
    """A broadcast handed on from node to node of a ring, in as many chunks as are best."""

    name: ClassVar[str] = "chain"
    operations: ClassVar[tuple[str, ...]] = ("broadcast",)
    source: ClassVar[str] = "the ring broadcast of NCCL; the best number of chunks"

    def schedule(self, call: Call) -> Schedule | None:
        """Return a pipeline of N-1 stages."""
        traffic = call.traffic("neighbour")
        return None if traffic is None else pipelined(call, traffic, call.nodes - 1)


class PointToPoint(CollectiveAlgorithm):
    """One message between the two nodes farthest apart."""

    name: ClassVar[str] = "point_to_point"
    operations: ClassVar[tuple[str, ...]] = ("point_to_point",)
    source: ClassVar[str] = "Hockney, Parallel Computing 20(3), 1994"
    proportional: ClassVar[bool] = True

    def schedule(self, call: Call) -> Schedule | None:
        """Return one step."""
        traffic = call.traffic("pair")
        return None if traffic is None else Schedule.of(traffic, call.size)


@hookimpl
def symarch_collectives() -> list[type[CollectiveAlgorithm]]:
    """Return the algorithms of this module."""
    return [
        Ring,
        BidirectionalRing,
        RecursiveDoubling,
        RecursiveHalving,
        HalvingDoubling,
        BinomialTree,
        DoubleTree,
        OneShot,
        TwoShot,
        Direct,
        InNetwork,
        Multicast,
        Hierarchical,
        Torus,
        Pairwise,
        Bruck,
        ScatterGather,
        Chain,
        PointToPoint,
    ]
