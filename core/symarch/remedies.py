"""What would make an infeasible system fit: computed, the cheapest kind of change first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from symarch.api import Analysis, Result
from symarch.errors import SymarchError
from symarch.technologies import data_type

LARGEST_GROWTH = 64
"""Times as many devices as there are that are tried."""


@attrs.frozen
class Remedy:
    """A change after which every constraint holds.

    Attributes:
        change: the options that make it, as typed.
        words: what it means.
    """

    change: str
    words: str


def remedies(analysis: Analysis, result: Result, given: Mapping[str, Any]) -> list[Remedy]:
    """Return, for a result whose capacity fails, one remedy of each kind that works, cheapest first.

    Tried in turn: narrower data types, a smaller batch, more devices. Nothing is returned for a feasible result.
    """
    if result.feasible:
        return []
    found = [_narrower(analysis, given), _smaller(analysis, given), _larger(analysis, given)]
    return [r for r in found if r is not None]


def _fits(analysis: Analysis, given: Mapping[str, Any]) -> bool:
    try:
        return analysis.evaluate(**given).feasible
    except SymarchError:
        return False


def _like(analysis: Analysis, system: Any = None, dtypes: Mapping[str, str] | None = None) -> Analysis:
    text = ",".join(f"{t}={d}" for t, d in (dtypes or analysis.dtypes).items())
    other = Analysis(system or analysis.system, analysis.model, phase=analysis.phase, dtype=text)
    other.ideal = analysis.ideal
    return other


def _narrower(analysis: Analysis, given: Mapping[str, Any]) -> Remedy | None:
    stored = [t for t in analysis.dtypes if t != "activations"]
    weights = [t for t in stored if t != "kv_cache"]
    for tensors in (weights, stored):
        for name in ("fp8", "fp4"):
            width = data_type(name).bytes
            wide = {t for t in tensors if data_type(analysis.dtypes[t]).bytes > width}
            dtypes = {t: name if t in wide else d for t, d in analysis.dtypes.items()}
            if wide and _fits(_like(analysis, dtypes=dtypes), given):
                text = ",".join(f"{t}={d}" for t, d in dtypes.items() if d != "bf16")
                words = " and ".join(sorted(wide)).replace("kv_cache", "KV cache")
                return Remedy(f"--dtype {text}", f"{words} in {name}")
    return None


def _smaller(analysis: Analysis, given: Mapping[str, Any]) -> Remedy | None:
    batch = int(given.get("batch") or 1)
    if batch == 1 or not _fits(analysis, {**given, "batch": 1}):
        return None
    low, high = 1, batch  # low fits, high does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _fits(analysis, {**given, "batch": middle}) else (low, middle)
    return Remedy(f"--batch {low}", f"the largest batch that fits, of {batch}")


def _larger(analysis: Analysis, given: Mapping[str, Any]) -> Remedy | None:
    networks = analysis.system.of("network")
    if len(networks) != 1:
        return None
    network, tensor = networks[0], analysis.recorded(given.get("context") is not None).mapping.shard.tensor
    factor = 2
    while factor <= LARGEST_GROWTH:
        grown = attrs.evolve(network, size=network.size * factor)
        components = {**analysis.system.components, network.name: grown}
        system = attrs.evolve(analysis.system, components=components, tensor=tensor * factor)
        if _fits(_like(analysis, system=system), given):
            change = f"--set {network.name}.size={grown.size} --set mapping.tensor={tensor * factor}"
            return Remedy(change, f"{grown.size} devices instead of {network.size}")
        factor *= 2
    return None
