"""The dimension check: a technology run on bare dimensions, once, when it is first used."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from symarch.errors import DimensionError, PluginError, SymarchError
from symarch.quantities import Dimension, Dimensioned, unit_dimension
from symarch.technologies.declare import contracts_of, once_for_each_class, parameters_of, quantities_of


@attrs.frozen
class ProbeOperator:
    """An operator with dimensions for values, to ask a processor's effort of."""

    kind: str
    dims: Mapping[str, Any]
    dtype: str
    flops: Any


_KINDS: dict[str, tuple[str, ...]] = {
    "matmul": ("m", "n", "k"),
    "moe_matmul": ("m", "n", "k", "experts"),
    "attention": ("batch", "queries", "context", "heads", "kv_heads", "head_dim"),
    "norm": ("tokens", "width"),
    "elementwise": ("tokens", "width"),
    "embedding": ("tokens", "width"),
}


OPERATOR_KINDS = tuple(_KINDS)
"""The kinds of operators that run on a processor."""


def probe_operators(processor: Any) -> Iterator[ProbeOperator]:
    """Yield one operator of each kind, in a data type the processor computes in."""
    own = [p.name.removeprefix("peak_") for p in parameters_of(type(processor)) if p.name.startswith("peak_")]
    dtype = own[0] if own else "bf16"
    for kind, names in _KINDS.items():
        dims = {n: Dimensioned(Dimension(), n) for n in names}
        flops: Any = Dimensioned(Dimension.of({"FLOP": 1}), "flops") if "matmul" in kind or kind == "attention" else 0
        yield ProbeOperator(kind, dims, dtype, flops)


@once_for_each_class
def check_dimensions(cls: type) -> None:
    """Check every quantity of a technology class. Raises PluginError naming plugin, quantity and both dimensions."""
    for given in (True, False):
        values = {
            p.name: p.default
            if p.structural or (p.default is None and not given)
            else Dimensioned(unit_dimension(p.unit), p.name)
            for p in parameters_of(cls)
        }
        instance = cls(**values, **_surroundings(cls))
        for key, declared in quantities_of(cls).items():
            with _spared(not given), blame(instance, key):
                _fit(getattr(instance, key), declared.unit)
        with _spared(not given):
            for key, value, unit in instance.probe():
                with blame(instance, key):
                    _fit(value, unit)


@attrs.frozen
class ProbeMemory:
    """The memory that a near-memory processor is checked on: every quantity of the contract as a bare dimension."""

    component: str = "memory"

    def __getattr__(self, key: str) -> Any:
        from symarch.technologies.contracts import Memory

        due = contracts_of(Memory).get(key)
        if due is None:
            raise AttributeError(f"a memory has no {key}; its contract names {', '.join(contracts_of(Memory))}")
        return Dimensioned(unit_dimension(due.unit), f"memory.{key}")


def _surroundings(cls: type) -> dict[str, Any]:
    return {"memory": ProbeMemory()} if getattr(cls, "near", False) else {}


def _fit(value: Any, unit: str) -> None:
    if value is None:
        return
    due, found = unit_dimension(unit), Dimensioned.lift(value)
    if found.dimension is not None and found.dimension != due:
        raise DimensionError(f"declared in {unit} [{due}], but its expression {found.text} has [{found.dimension}]")


class _AbsentError(PluginError):
    """A quantity computes with something absent."""


@contextlib.contextmanager
def blame(instance: Any, key: str) -> Iterator[None]:
    """Turn a failure inside into one that names the technology and the quantity."""
    try:
        yield
    except DimensionError as error:
        raise PluginError(f"technology '{instance.name}', quantity {key}: {error}") from None
    except TypeError as error:
        raise _AbsentError(f"technology '{instance.name}', quantity {key}: {error}") from None
    except SymarchError:
        raise
    except Exception as error:  # a quantity is foreign code: whatever it raises is its failure
        raise PluginError(f"technology '{instance.name}', quantity {key}: {type(error).__name__}: {error}") from None


@contextlib.contextmanager
def _spared(absent: bool) -> Iterator[None]:
    """Let a quantity fail that cannot do without a parameter left absent; a clash of dimensions is never spared."""
    try:
        yield
    except (SymarchError, TypeError) as error:
        if not absent or (isinstance(error, PluginError) and not isinstance(error, _AbsentError)):
            raise
