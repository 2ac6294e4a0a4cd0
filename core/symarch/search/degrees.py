"""The ways to divide a model among the devices: every product of parallel degrees that the model allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from symarch.errors import MappingError
from symarch.mapping import Mapping, resolve
from symarch.specs import System
from symarch.specs.systems import AXES
from symarch.trace import Architecture

DOUBLINGS = 3
"""Microbatches that are tried: 1, as many as stages, and so many times twice as many."""

MOST = 100_000
"""Products of degrees beyond which a search would take minutes."""


@attrs.frozen
class Divided:
    """A system with one choice of its degrees.

    Attributes:
        system: with the degrees; what else is left to a search is still open.
        mapping: what they resolve to.
    """

    system: System
    mapping: Mapping


def divisions(system: System, model: Architecture, batch: float | None) -> tuple[list[Divided], int]:
    """Return the systems with every allowed choice of the degrees that are open, and how many were refused.

    Choices that are the same are left out: where no experts are routed, devices that divide the sequences of a replica
    are replicas; microbatches that leave as many sequences together are one choice. `batch`: None where it is open.
    Raises MappingError if nothing is allowed.
    """
    found: list[Divided] = []
    refused, last = 0, MappingError(f"{system.name}: no product of degrees gives its {system.devices} devices")
    placed = frozenset(k for k in system.auto if k.startswith("place."))
    products = 0
    for degrees in _products(system, model):
        products += 1
        if products > MOST:
            raise MappingError(f"{system.name} can be divided in more than {MOST} ways; state some degrees")
        one = attrs.evolve(system, auto=frozenset(), **degrees)
        try:
            mapping = resolve(one, model)
        except MappingError as error:
            refused, last = refused + 1, error
            continue
        for microbatches in _microbatches(system, mapping, batch):
            chosen = attrs.evolve(one, microbatches=microbatches, auto=placed)
            parted = attrs.evolve(mapping, microbatches=mapping.microbatches if microbatches is None else microbatches)
            found.append(Divided(chosen, parted))
    if not found:
        raise last if refused == 1 else MappingError(f"none of {refused} divisions is allowed; the last: {last}")
    return found, refused


def _products(system: System, model: Architecture) -> Iterator[dict[str, Any]]:
    """Yield every choice of the open degrees whose product gives the devices, tensor parallelism first."""
    routed = "experts" in model.tensors
    left = system.devices
    for axis in AXES:
        degree = getattr(system, axis)
        if axis not in system.auto and degree is not None:
            if left % degree:
                resolve(attrs.evolve(system, auto=frozenset()), model)  # which says what does not divide
                return
            left //= degree
    free = [a for a in AXES if a in system.auto and (a != "attention_data" or routed)]
    # a degree that is neither stated nor open is what the others leave
    loose = any(a not in system.auto and getattr(system, a) is None for a in AXES)

    def chosen(axes: list[str], left: int) -> Iterator[dict[str, Any]]:
        if not axes:
            if left == 1 or loose:
                yield {}
            return
        for degree in [left] if len(axes) == 1 and not loose else _divisors(left):
            for rest in chosen(axes[1:], left // degree):
                yield {axes[0]: degree, **rest}

    for degrees in chosen(free, left):
        if "attention_data" in system.auto and not routed:
            degrees["attention_data"] = 1
        if "expert" not in system.auto:
            yield degrees
            continue
        tensor, context, sequences = (degrees.get(a, getattr(system, a)) or 1 for a in AXES[:3])
        for expert in _divisors(tensor * context * sequences) if routed else [1]:
            yield {**degrees, "expert": expert}


def _microbatches(system: System, mapping: Mapping, batch: float | None) -> list[int | None]:
    """Return the numbers of microbatches to try; those that leave as many sequences together count once."""
    stages = mapping.shard.pipeline
    if "microbatches" not in system.auto or stages == 1:
        return [None if "microbatches" in system.auto else system.microbatches]
    tried = [1, *(stages * 2**k for k in range(DOUBLINGS + 1))]
    if batch is None:
        return list(tried)
    together: dict[float, int | None] = {}
    for number in tried:
        together.setdefault(float(attrs.evolve(mapping, microbatches=number).together(batch)), number)
    return list(together.values())


def _divisors(number: int) -> list[int]:
    small = [d for d in range(1, int(number**0.5) + 1) if number % d == 0]
    return sorted({*small, *(number // d for d in small)}, reverse=True)
