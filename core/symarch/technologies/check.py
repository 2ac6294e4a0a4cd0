"""The dimension check: a technology run on bare dimensions, once, when it is first used."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from symarch.errors import FOREIGN, DimensionError, PluginError, SymarchError
from symarch.quantities import Dimensioned, unit_dimension
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


def dimensioned(name: str, unit: str) -> Dimensioned:
    """Return a bare dimension: a scalar that knows its unit and no value."""
    return Dimensioned(unit_dimension(unit), name)


def probe_operators(processor: Any, make: Callable[[str, str], Any] = dimensioned) -> Iterator[ProbeOperator]:
    """Yield one operator of each kind, in a data type the processor computes in.

    Args:
        processor: the processor to be asked.
        make: turns (name, unit) into the scalars of dimensions and FLOPs.
    """
    own = [p.name.removeprefix("peak_") for p in parameters_of(type(processor)) if p.name.startswith("peak_")]
    dtype = own[0] if own else "bf16"
    for kind, names in _KINDS.items():
        dims = {n: make(n, "1") for n in names}
        flops: Any = make("flops", "FLOP") if "matmul" in kind or kind == "attention" else 0
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
        instance = cls(**values, **surroundings(cls, dimensioned))
        for key, declared in quantities_of(cls).items():
            with _spared(not given), blame(instance, key):
                _fit(getattr(instance, key), declared.unit)
        with _spared(not given):
            for key, value, unit in instance.probe():
                with blame(instance, key):
                    _fit(value, unit)


class StandInMemory:
    """The memory that a near-memory processor is shown or checked on: each quantity of the contract is a scalar.

    Args:
        make: turns (quantity, unit) into the scalar.
    """

    def __init__(self, make: Callable[[str, str], Any]) -> None:
        self.component = "memory"
        self._make = make

    def __getattr__(self, key: str) -> Any:
        from symarch.technologies.contracts import Memory

        due = contracts_of(Memory).get(key)
        if due is None:
            raise AttributeError(f"a memory has no {key}; its contract names {', '.join(contracts_of(Memory))}")
        return self._make(f"memory.{key}", due.unit)


def surroundings(cls: type, make: Callable[[str, str], Any]) -> dict[str, Any]:
    """Return what a technology needs beside its parameters to be built alone: a memory to sit on, made of scalars.

    Args:
        cls: the technology.
        make: turns (name, unit) into a scalar, for example (`memory.read_bandwidth`, `B/s`).
    """
    return {"memory": StandInMemory(make)} if getattr(cls, "near", False) else {}


def _fit(value: Any, unit: str) -> None:
    if value is None:
        return
    due, found = unit_dimension(unit), Dimensioned.lift(value)
    if found.dimension is not None and found.dimension != due:
        raise DimensionError(f"declared in {unit} [{due}], but its expression {found.text} has [{found.dimension}]")


def effort_of(processor: Any, operator: Any) -> Any:
    """Return the effort that a processor states. Raises PluginError where it states none, or with what is no number."""
    what = f"effort({operator.kind})"
    with blame(processor, what):
        effort = processor.effort(operator)
    parts: list[Any] = [getattr(effort, key, None) for key in ("times", "overheads", "starts")]
    if not all(isinstance(part, Mapping) for part in parts):
        raise PluginError(
            f"technology '{processor.name}', quantity {what}: it is {effort!r:.60}; it must be an Effort of tables"
        )
    for part in parts:
        for key, value in part.items():
            if not isinstance(key, str) or not hasattr(value, "__truediv__"):
                raise PluginError(f"technology '{processor.name}', quantity {what}: {key} is {value!r:.60}, no time")
    return effort


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
    except FOREIGN as error:
        raise PluginError(f"technology '{instance.name}', quantity {key}: {type(error).__name__}: {error}") from None


@contextlib.contextmanager
def _spared(absent: bool) -> Iterator[None]:
    """Let a quantity fail that cannot do without a parameter left absent; a clash of dimensions is never spared."""
    try:
        yield
    except (SymarchError, TypeError) as error:
        if not absent or (isinstance(error, PluginError) and not isinstance(error, _AbsentError)):
            raise
