"""Our own technologies pass the kit that third parties use, all of them; what is known to fail says why."""

from __future__ import annotations

from symarch.plugins import registry
from symarch.technologies import Technology
from symarch.testing import Check, parametrize_with_checks

SHIPPED = [n for n in registry().technologies() if registry().origin(n).distribution == "symarch"]

KNOWN = {
    "hbf": {
        "check_directions": "because a larger capacity has more to refresh, which takes a little of the arrays' rate",
    },
}


@parametrize_with_checks(SHIPPED, {n: why for n, why in KNOWN.items() if n in SHIPPED})
def test_conformance(technology: type[Technology], check: Check) -> None:
    check(technology)
