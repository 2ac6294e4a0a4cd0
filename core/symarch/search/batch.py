"""The largest batch that fits: whole replicas, as full as capacities and limits on times allow.

Capacities and times see the batch only through the sequences of a replica and grow with them, so the most that hold is
found by halving; between a number that meets the limits and one that misses them, a line through both guesses first.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from symarch.analysis.record import LARGEST_SIZE
from symarch.errors import WorkloadError
from symarch.mapping import resolve
from symarch.search.found import Candidate
from symarch.search.problem import Runner
from symarch.specs import System


def fullest(runner: Runner, system: System) -> Candidate:
    """Return a candidate with the largest batch that fits and meets the limits.

    One sequence in each replica if not even these do. Raises WorkloadError if nothing bounds the batch.
    """
    data = resolve(system, runner.problem.model).data
    most = LARGEST_SIZE // data

    def fits(sequences: int) -> bool:
        return not runner.overfull(system, data * sequences)

    if not fits(1):
        return runner.judged(system, data)
    limited = bool(runner.problem.limits)
    least = _run(runner, system, data) if limited else None
    if least is not None and _excess(least, runner) > 0:
        return least
    held = _largest(fits, most)
    top = _run(runner, system, data * held) if limited or held < most else None
    if top is None or (held == most and _excess(top, runner) <= 0):
        raise WorkloadError(
            f"nothing bounds the batch of {runner.problem.model.name} on {system.name}: no memory fills up and no "
            "limit is met; give a limit on tpot or ttft, or a batch"
        )
    if least is None or _excess(top, runner) <= 0:
        return top
    return _between(runner, system, data, (1, least), (held, top))


def _run(runner: Runner, system: System, batch: int) -> Candidate:
    return runner.judged(system, batch, runner.run(system, batch))


def _excess(candidate: Candidate, runner: Runner) -> float:
    """Return by which share of it the worst limit is missed; not above 0 where all are met."""
    limits = runner.problem.limits
    missed = {b.name for b in candidate.broken}
    worst = max((candidate.metrics[m] / limit - 1 for m, limit in limits.items()), default=-1.0)
    return worst if missed & set(limits) else min(worst, 0.0)


def _largest(fits: Callable[[int], bool], most: int) -> int:
    """Return the largest number that fits, at most `most`; 1 does."""
    low, high = 1, 2
    while high <= most and fits(high):
        low, high = high, 2 * high
    high = min(high, most + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _between(
    runner: Runner, system: System, data: int, low: tuple[int, Candidate], high: tuple[int, Candidate]
) -> Candidate:
    """Return the candidate with the most sequences that meets the limits: `low` does, `high` does not."""
    straight = True
    while high[0] - low[0] > 1:
        width = high[0] - low[0]
        guess = low[0] + width // 2
        if straight:
            under, over = _excess(low[1], runner), _excess(high[1], runner)
            share = -under / (over - under) if math.isfinite(over) and over > under else 0.5
            guess = min(max(low[0] + int(width * share), low[0] + 1), high[0] - 1)
        one = (guess, _run(runner, system, data * guess))
        low, high = (one, high) if _excess(one[1], runner) <= 0 else (low, one)
        # where a line leaves most of the way, the next step halves it
        straight = 2 * (high[0] - low[0]) <= width
    return low[1]
