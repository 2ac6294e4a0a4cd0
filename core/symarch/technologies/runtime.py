"""What serving software adds to the time that devices take: the host's work, and the wait for prompts of others.

    step    = devices + host                     where kernels follow one another out of captured graphs
            = overlap(2, devices, host)          where the host starts each kernel itself, beside the devices
    host    = step + sequence x sequences

Under load B requests are under way all the time; as one ends the next begins, so that B prompts are read in the time of
O steps. What of the others' prompts a token does not wait for, the first token does:

    tpot    = step + prompts (B - 1) / O P                  s = min(prompts, 1)
    ttft    = (1 - s) prefill of B prompts + s P            P the prefill of one prompt

so that a request takes as long as its share of the devices' work, however it waits. With `prompts` 0 all begin at once.
"""

from __future__ import annotations

from typing import ClassVar

from symarch.technologies.contracts import Technology
from symarch.technologies.declare import Quantity, option, parameter, technology

BESIDE = "beside"
"""The host starts the devices' kernels one by one, and works while they do."""


@technology
class Runtime(Technology):
    """Serving software, as far as it adds to the devices' time."""

    name: ClassVar[str] = "runtime"
    kind: ClassVar[str] = "runtime"

    step: Quantity = parameter(
        "0 s", "s", low="0 s", high="50 ms", nonnegative=True, ideal=0, better="less", symbol=r"h_0",
        source="nothing stated", doc="time of the host in each pass: a prefill, a chunk of it, a decode step",
    )  # fmt: skip
    sequence: Quantity = parameter(
        "0 s", "s", low="0 s", high="1 ms", nonnegative=True, ideal=0, better="less", symbol=r"h_1",
        source="nothing stated", doc="time of the host in each pass for each sequence in it",
    )  # fmt: skip
    prompts: Quantity = parameter(
        0, "1", low=0, high=1.5, nonnegative=True, better="less", symbol=r"\pi",
        source="nothing stated: all requests begin together",
        doc="share of the time of other requests' prompts that a token waits under load; more than 1 where prompts "
        "read beside decode take longer than alone",
    )  # fmt: skip
    starts: str = option(
        "after", choices=("after", BESIDE),
        doc="whether the host works after the devices, or starts their kernels one by one beside them",
    )  # fmt: skip


__all__ = ["BESIDE", "Runtime"]
