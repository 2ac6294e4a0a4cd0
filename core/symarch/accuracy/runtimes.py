"""What serving software adds to the time that devices take: the host's time for each step, and the wait for prompts.

    step    = overlap(p, devices, host)         p = 2 where the host starts each kernel itself, beside the devices
            = devices + host                    where kernels follow one another out of captured graphs
    host    = step + sequence * batch
    TPOT    = step + prompts * (B - 1) / O * prefill(one prompt)        under closed-loop load

In a closed loop of B requests of O output tokens each, every request that finishes is replaced, so that B prompts are
read in the time of O steps. A sequence waits for the others' prompts, spread evenly over its own steps, unless the
scheduler lets decode go on beside them: `prompts` is the share of the wait that is left.

Values by runtime lie in `runtimes.toml`, each with its source.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import attrs

from symarch.specs.values import read_setting
from symarch.technologies import Quantity, options_of, parameters_of
from symarch.technologies.declare import option, parameter

FILE = Path(__file__).with_name("runtimes.toml")

OLD = {"e2e_splitwise": "vllm-2023"}
"""The runtime of families whose tables name none."""

BEFORE = {"e2e_llm_inference_bench": "-2024"}
"""The suffix of the runtimes' versions in families whose tables are older than captured steps without a gap."""


@attrs.frozen(kw_only=True)
class Runtime:
    """Serving software, as far as it adds to a token's time."""

    name: ClassVar[str] = "runtime"
    step: Quantity = parameter(  # noqa: RUF009
        "0 s", "s", low="0 s", high="50 ms", nonnegative=True, ideal=0, better="less", status="assumed",
        source="assumed: none",
        doc="time of the host in each decode step",
    )  # fmt: skip
    sequence: Quantity = parameter(  # noqa: RUF009
        "0 s", "s", low="0 s", high="1 ms", nonnegative=True, ideal=0, better="less", status="assumed",
        source="assumed: none",
        doc="time of the host in each decode step for each sequence",
    )  # fmt: skip
    prompts: Quantity = parameter(  # noqa: RUF009
        1, "1", low=0, high=1.5, nonnegative=True, ideal=0, better="less", status="assumed",
        source="assumed: all of it",
        doc="share of the time of other requests' prompts that a token waits",
    )  # fmt: skip
    starts: str = option(
        "after", choices=("after", "beside"),
        doc="whether the host works after the devices, or starts their kernels one by one beside them",
    )  # fmt: skip

    def time(self, devices: Any, batch: Any) -> Any:
        """Return the time of a decode step from that of the devices [s]."""
        host = self.step + self.sequence * batch
        return (devices**2 + host**2) ** 0.5 if self.starts == "beside" else devices + host


@cache
def runtimes() -> dict[str, Runtime]:
    """Return the shipped runtimes by name."""
    declared: dict[str, Any] = {p.name: p for p in parameters_of(Runtime)} | {o.name: o for o in options_of(Runtime)}
    tables = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return {
        name: Runtime(**{key: read_setting(declared[key], value).value for key, value in table.items()})
        for name, table in tables.items()
    }


def runtime_of(family: str, label: str) -> Runtime:
    """Return the runtime that serves a row: that of its family, or one named like its backend, or the usual one."""
    known = runtimes()
    name = label.lower().replace("tensorrt-llm", "trtllm") + BEFORE.get(family, "")
    return known.get(OLD.get(family, name), known["usual"])
