"""The one place where sympy symbols are made: two symbols of one name and other assumptions are two symbols."""

from __future__ import annotations

from functools import cache

import sympy


@cache
def symbol(name: str) -> sympy.Symbol:
    """Return the positive symbol of a parameter or workload size (`hbf.read_time`, `batch`)."""
    return sympy.Symbol(name, positive=True)
