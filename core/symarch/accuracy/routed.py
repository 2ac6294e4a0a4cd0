"""The rows of routed experts that a kernel was measured on: how a table's inputs were made.

Of E experts in groups of n = E / ep, that group was measured which has the most rows, by the tokens T of all (collector
of aiconfigurator, `collect_moe.py` and `helper.py`). Each of them has k rows; in the mean R = T k / ep are a group's.

    balanced       rows = R, of each expert alike          experts read = min(n, R)
    power_law_a    popularity x of density x^-a between 1 and r, the squared coefficient of variation of which is
                   s = I0 I2 / I1^2 - 1,   Ij = (r^(j + 1 - a) - 1) / (j + 1 - a),
                   r = 200 up to T k = E, 0.8 T beyond, and with z the largest of ep normal numbers (Blom)
                   rows = min(T min(k, n), R (1 + z sqrt(s (1 - 1/ep) / n)))
                   experts read = min(n, distinct(T) / E * n * rows / R)

Rows of experts elsewhere: kernels skip them, and all tokens keep their places in the buffers (`skipped`); or they were
given to the group's first expert, and only tokens that have an expert here were brought (`computed`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from symarch.errors import SymarchError
from symarch.program import Max, Min, ceil, log, sqrt
from symarch.technologies import Quantity
from symarch.trace.routing import Routing, quantile

DISTINCT_SKEW = 0.5
"""Squared coefficient of variation of gamma-distributed popularity that leaves as many experts without a row."""

FEW_TOKENS = 200.0
"""Ratio of the ends of a power law where there are no more rows than experts."""

MOST_TOKENS = 0.8
"""Share of the tokens that the most popular expert of a power law is drawn from."""

ELSEWHERE = ("skipped", "computed")
"""What became of rows whose expert is elsewhere."""

LAST_COMPUTED = (0, 5, 10)
"""The newest SGLang that all rows were computed with."""

RESUMED = ((0, 5, 14), 8)
"""A version whose models of so many experts (Mixtral) show the time of all rows, the others only that of their own."""


@attrs.frozen
class Routed:
    """The rows of one device's experts.

    Attributes:
        rows: rows that are computed.
        read: experts that have rows.
        tokens: tokens in the buffers, each in as many places as it has experts.
        each: rows that every expert has at least; None where chance decides.
    """

    rows: Quantity
    read: Quantity
    tokens: Quantity
    each: Quantity | None


def routed(distribution: str, elsewhere: str, x: Mapping[str, Quantity]) -> Routed:
    """Return the rows of a table's row. Raises SymarchError for a distribution or treatment that is not known.

    Args:
        distribution: `balanced`, or `power_law_` and its exponent.
        elsewhere: one of `ELSEWHERE`.
        x: tokens, topk, experts and ep.
    """
    if elsewhere not in ELSEWHERE:
        raise SymarchError(f"elsewhere '{elsewhere}' is not known; {' and '.join(ELSEWHERE)} are")
    tokens, active, experts, ep = x["tokens"], x["topk"], x["experts"], x["ep"]
    held, mean = experts / ep, tokens * active / ep
    if distribution == "balanced":
        rows, here = Max(1, mean), Max(1, tokens * Min(1, active / ep))
        read = Max(1, Min(held, mean))
    else:
        spread = skew(exponent(distribution), tokens, active, experts) * (1 - 1 / ep) / held
        most = 1 + quantile((ep - 3 / 8) / (ep + 1 / 4)) * sqrt(spread)
        rows = Max(1, Min(tokens * Min(active, held), mean * most))
        here = Min(tokens, rows)
        read = Max(1, Min(held, Routing(experts, active, DISTINCT_SKEW).distinct(tokens) / ep * (rows / mean)))
    each = rows / read if distribution == "balanced" else None
    if elsewhere == "skipped":
        return Routed(rows, read, tokens, each)
    return Routed(Max(rows, here * active), read, here, each)


def exponent(distribution: str) -> float:
    """Return the exponent of a power law by the name of a distribution. Raises SymarchError if it is none."""
    kind, _, number = distribution.rpartition("_")
    try:
        found = float(number)
    except ValueError:
        found = 0.0
    if kind != "power_law" or found <= 0:
        raise SymarchError(f"distribution '{distribution}' is not known; balanced and power_law_1.2 are")
    return found


def skew(power: float, tokens: Quantity, active: Quantity, experts: Quantity) -> Quantity:
    """Return the squared coefficient of variation of a power law's popularity."""
    many = Min(1, ceil(tokens * active / experts) - 1)
    ratio = FEW_TOKENS + many * (MOST_TOKENS * tokens - FEW_TOKENS)

    def integral(order: int) -> Quantity:
        height = order + 1 - power
        return log(ratio) if height == 0 else (ratio**height - 1) / height

    return Max(integral(0) * integral(2) / integral(1) ** 2 - 1, 0)


def elsewhere_of(cells: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what became of rows of experts elsewhere, by the version of SGLang; skipped where that is not stated."""
    experts = cells["experts"]
    versions = cells.get("version", [""] * len(experts))
    backends = cells.get("backend", ["sglang"] * len(experts))
    return [_treated(*row) for row in zip(backends, versions, experts, strict=True)]


def _treated(backend: str, version: str, experts: str) -> str:
    number = tuple(int(part) for part in version.split(".") if part.isdigit())
    if backend != "sglang" or not number:
        return "skipped"
    computed = number <= LAST_COMPUTED or (number == RESUMED[0] and experts == str(RESUMED[1]))
    return "computed" if computed else "skipped"
