"""Continuous batching with chunked prefill: its steady state, and the mean step in which prefill and decode mix.

Of N sequences in flight each spends p steps in prefill, a chunk in each, and d = (output - 1) / (tokens a step yields)
in decode, so it stays p + d steps. As one ends the next begins. At a uniformly distributed point of their lives

    x = N p / (p + d)    pass a chunk in a step on average,    N - x decode.

A step has whole chunks: of all steps the share x - floor(x) has floor(x) + 1 of them, the others have floor(x), and the
mean is that of the two kinds. With one sequence that is the request alone, chunk by chunk and token by token.

A budget of M tokens in a step leaves C = M - (N - 1)(1 + drafted) of them for the chunk of one sequence, as long as one
at most is in prefill. If prompts come faster than that, steps are full and sequences wait: with F tokens of a prompt
to pass, M tokens a step serve M / (F + d (1 + drafted)) requests, and by Little's law each stays

    N (F + d (1 + drafted)) / M    steps, waiting included;    C = M F / (F + d (1 + drafted)).

The chunk is the larger of the two C (and not more than `chunk`), the stay the longer of the two.

A step passes the rows of all its sequences together: its products have the rows of both, read weights once and launch
once; experts are read for all tokens; collectives carry all rows. Attention, and whatever else depends on a sequence's
own past, runs once for the sequences in decode and once for those in prefill, under a name that begins with prefill_.
Sequences are at all places of their prefill or decode equally often: these operators take their mean load. The LM head
runs on the rows in decode and on the last rows of prompts that end, one chunk in p.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from symarch.analysis.passes import Accounts, Pass, combined, repeated
from symarch.analysis.schedule import Schedule
from symarch.analysis.time import Bench, Load, load_of, time_of
from symarch.analysis.traced import Traced
from symarch.program import Max, Min, floor, total
from symarch.technologies import Quantity
from symarch.trace import Architecture, Operator

if TYPE_CHECKING:
    from symarch.analysis.model import Benches, Workload

PREFILL = "prefill_"
"""Put before the name of an operator that runs apart for the sequences in prefill."""


@attrs.frozen
class Mix:
    """The steady state.

    Attributes:
        batch: sequences in flight.
        chunks: passes of a request's prefill, the mean over requests.
        first: steps from a request's begin to its first token, waiting included.
        rounds: steps that a request decodes.
        workload: the workload with the chunk that the budget leaves.
    """

    batch: Quantity
    chunks: Quantity
    first: Quantity
    rounds: Quantity
    workload: Workload

    @classmethod
    def of(cls, workload: Workload, batch: Quantity) -> Mix:
        """Return the steady state of so many sequences in flight."""
        rounds = (workload.output - 1) / workload.yielded if workload.draft else workload.output - 1
        budget = workload.step_tokens
        if budget is None:
            chunks = _chunks(workload)
            return cls(batch, chunks, chunks, rounds, workload)
        each = 1 + workload.draft
        fresh = total(share * one.fresh for share, one in workload.kinds)
        through = fresh + rounds * each  # tokens that steps pass for one request
        left = Max(budget - (batch - 1) * each, budget * fresh / through, 1)
        chunk = left if workload.chunk is None else Min(workload.chunk, left)
        limited = attrs.evolve(workload, chunk=chunk)
        chunks = _chunks(limited)
        return cls(batch, chunks, Max(chunks, batch * through / budget - rounds), rounds, limited)

    @property
    def kinds(self) -> list[tuple[Quantity, Quantity, Quantity]]:
        """Return the kinds of steps: share of all steps, chunks in one, sequences that decode."""
        stay = self.first + self.rounds
        passing = self.batch * self.chunks / stay
        low = floor(passing)
        more = passing - low
        if self.first is self.chunks:  # none waits: all others decode
            return [(1 - more, low, self.batch - low), (more, low + 1, Max(self.batch - low - 1, 0))]
        decoding = self.batch * self.rounds / stay
        fewer = Max(decoding + more - 1, 0)
        return [(1 - more, low, Min(decoding + more, decoding / (1 - more))), (more, low + 1, fewer)]


def _chunks(workload: Workload) -> Quantity:
    return total(share * one.rounds for share, one in workload.kinds)


@attrs.frozen
class Piece:
    """One operator of a mixed step.

    Attributes:
        bench: where it runs.
        operator: under the name that it is reported under.
        share: of the steps of its kind that have it.
        load: of a run.
        flops: of a run on one device [FLOP].
    """

    bench: Bench
    operator: Operator
    share: Quantity
    load: Load
    flops: Quantity


def mixed_pass(benches: Benches, model: Architecture, workload: Workload,
               statics: Mapping[str, Quantity | None]) -> Pass:  # fmt: skip
    """Return the mean step. Raises WorkloadError for a model that cannot mix prefill and decode."""
    mapping = benches.main.mapping
    mix = Mix.of(workload, mapping.together(workload.batch))
    parts = []
    for share, chunks, decoding in mix.kinds:
        schedule = Schedule.of(mapping, workload.batch, "mixed", 1)
        accounts = Accounts(benches, statics, schedule, "mixed", lambda o: workload.runs(o, "mixed"))
        for piece in pieces(benches, model, mix, chunks, decoding):
            limit = accounts.limit(piece.bench, piece.load, piece.operator.name)
            time = time_of(piece.bench.processor.overlap, piece.load, limit)
            accounts.add(piece.bench, piece.operator, piece.load, time, piece.flops, piece.share)
        parts.append((share, accounts.closed()))
    return combined(parts)


def pieces(benches: Benches, model: Architecture, mix: Mix, chunks: Quantity, decoding: Quantity) -> list[Piece]:
    """Return the operators of a step with so many chunks of prompts and so many sequences that decode."""
    shard, workload = benches.main.mapping.shard, mix.workload
    decode = Traced(model, workload, "decode", Max(decoding, 1), shard)
    alone = {o.name for o in decode.typical}

    def renamed(name: str) -> str:
        return PREFILL + name if name in alone else name

    kinds = [
        (share if len(workload.kinds) == 1 else share * one.rounds / mix.chunks,
         Traced(model, one, "prefill", Max(chunks, 1), shard, renamed))
        for share, one in workload.kinds
    ]  # fmt: skip
    begun = chunks / mix.chunks  # prompts that begin, and end, in a step
    starts = model.operators(workload.step("prefill", Max(begun, 1), workload.walk("prefill").typical), shard)
    length = total(share * one.fresh for share, one in workload.kinds) / mix.chunks
    verified = decoding * (1 + workload.draft)
    rows = model.operators(workload.rows(verified + chunks * length), shard)
    heads = model.operators(workload.rows(Max(verified + begun, 1)), shard)
    joint = {o.name: o for o in rows} | {o.name: o for o in heads if o.once}
    here = (Min(decoding, 1), Min(chunks, 1), Min(begun, 1))  # shares of steps with decode, with chunks, with new ones

    def piece(operator: Operator, share: Any, original: Operator) -> Piece:
        bench = benches.of(original)
        return Piece(bench, operator, share, load_of(bench, operator), operator.flops)

    def of_decode(position: int) -> Piece:
        operator = decode.typical[position]
        load, flops = decode.mean_load(bench := benches.of(operator), position)
        return Piece(bench, operator, here[0], load, flops)

    def of_prefill(position: int) -> Piece:
        bench = benches.of(kinds[0][1].original[position])
        found = [(share, *one.mean_load(bench, position)) for share, one in kinds]
        load, flops = found[0][1:]
        if len(found) > 1:
            load, flops = _blended(found), total(repeated(flops, share) for share, _, flops in found)
        return Piece(bench, kinds[0][1].typical[position], here[1], load, flops)

    places = {o.name: i for i, o in enumerate(decode.typical)}
    found: list[Piece] = []
    done = 0
    for position, operator in enumerate(kinds[0][1].original):
        place = places.get(operator.name)
        if place is None:
            one = starts[position]
            found.append(piece(one, here[2], one) if operator.once else of_prefill(position))
            continue
        found += [of_decode(i) for i in range(done, place)]  # what decode alone has: absorbed products
        done = place + 1
        own = decode.typical[place]
        if operator.kind == "attention" or operator.context or own.context:
            found += [of_decode(place), of_prefill(position)]
        else:
            share = Max(here[0], here[2]) if operator.once else 1
            found.append(piece(joint[operator.name], share, own))
    return [*found, *(of_decode(i) for i in range(done, len(decode.typical)))]


def _blended(parts: list[tuple[Quantity, Load, Quantity]]) -> Load:
    """Return the mean of loads, each with its share; what does not grow is that of the first."""
    first = parts[0][1]

    def mean(of: str) -> dict[str, Quantity]:
        names = dict.fromkeys(n for _, load, _ in parts for n in getattr(load, of))
        return {n: total(repeated(getattr(load, of).get(n, 0), share) for share, load, _ in parts) for n in names}

    memories = dict.fromkeys(m for _, load, _ in parts for m in load.traffic)
    ways = [
        {m: total(repeated(load.traffic.get(m, (0, 0))[way], share) for share, load, _ in parts) for m in memories}
        for way in (0, 1)
    ]
    known = all(load.energies is not None for _, load, _ in parts)
    return attrs.evolve(
        first,
        arithmetic=mean("arithmetic"),
        data=mean("data"),
        energies=mean("energies") if known else None,
        traffic={m: (ways[0][m], ways[1][m]) for m in memories},
        missing=tuple(dict.fromkeys(m for _, load, _ in parts for m in load.missing)),
    )


__all__ = ["PREFILL", "Mix", "Piece", "mixed_pass", "pieces"]
