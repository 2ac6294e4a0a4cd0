"""What a serving runtime adds to the passes of a phase, and how requests under load share their prompts' time.

The equations are those of `symarch.technologies.runtime`. The host's time is a line of each phase, `host`; the wait for
the prompts of others one of decode, `prompts_of_others`. Both are times of the resource `runtime`.

Prompts of others delay tokens where the same devices read prompts and decode, in phases one after the other. A mixed
step of continuous batching has the chunks of others in it already; a pool of decode reads none.
"""

from __future__ import annotations

import attrs

from symarch.analysis.passes import Pass, combined
from symarch.analysis.schedule import OperatorTime
from symarch.mapping import Mapping
from symarch.program import Min, ceil, mark, overlap, total
from symarch.program import name as leave_name
from symarch.technologies import Quantity, Runtime
from symarch.technologies.runtime import BESIDE

RESOURCE = "runtime"
HOST = "host"
OTHERS = "prompts_of_others"

ONE_PROMPT = "prompt_time"
"""The name of the time in which one prompt is read, where formulas show it."""


def ranks(mapping: Mapping) -> int:
    """Return how many schedulers there are: one for each replica of attention, with sequences of its own."""
    return mapping.data * mapping.shard.attention_data


def scheduled(mapping: Mapping, batch: Quantity) -> Quantity:
    """Return the sequences of the fullest scheduler."""
    found = mapping.replica(batch)
    return found if mapping.shard.attention_data == 1 else ceil(found / mapping.shard.attention_data)


def host_line(runtime: Runtime, phase: str, devices: Quantity, runs: Quantity, sequences: Quantity) -> OperatorTime:
    """Return what the host adds to a phase in which the devices take so long, in so many passes."""
    busy = total(
        [
            mark(runtime.step, RESOURCE, "host, each pass", HOST),
            mark(runtime.sequence * sequences, RESOURCE, "host, each sequence", HOST),
        ]
    )
    if runtime.starts == BESIDE:
        each = devices if isinstance(runs, int) and runs == 1 else devices / runs
        busy = overlap(2, each, busy) - each
    return OperatorTime(HOST, phase, runs, busy, 0, RESOURCE)


def hosted(found: Pass, line: OperatorTime) -> Pass:
    """Return a phase with a line more."""
    time = line.time if isinstance(line.count, int) and line.count == 1 else line.time * line.count
    return attrs.evolve(found, operators=[*found.operators, line], time=found.time + time)


@attrs.frozen
class Loop:
    """Requests that are under way all the time, as each ends the next begins.

    Attributes:
        early: share of the time of the others' prompts that is waited for before the first token.
        late: the share that tokens wait for, at most 1: with `early` it is 1.
        sequences: requests of a scheduler.
        wait: the line of decode, for each token.
    """

    early: Quantity
    late: Quantity
    sequences: Quantity
    wait: OperatorTime

    @classmethod
    def of(cls, runtime: Runtime, prompt: Quantity, sequences: Quantity, output: Quantity) -> Loop:
        """Return the load of so many requests of a scheduler, the devices being busy with a prompt for so long."""
        late = Min(runtime.prompts, 1)
        waited = runtime.prompts * ((sequences - 1) / output) * leave_name(prompt, ONE_PROMPT)
        line = OperatorTime(OTHERS, "decode", 1, mark(waited, RESOURCE, "prompts of others", OTHERS), 0, RESOURCE)
        return cls(1 - late, late, sequences, line)

    def seen(self, together: Pass, alone: Pass) -> Pass:
        """Return the prefill that a request sees, from that of all its scheduler's prompts and that of one."""
        return combined([(self.early, together), (self.late, alone)])

    def work(self, together: Pass, alone: Pass) -> Pass:
        """Return what devices do to read all prompts: in part together, in part one by one."""
        return combined([(self.early, together), (self.late * self.sequences, alone)])


__all__ = ["HOST", "ONE_PROMPT", "OTHERS", "RESOURCE", "Loop", "host_line", "hosted", "ranks", "scheduled"]
