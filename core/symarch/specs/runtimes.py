"""The serving software of a system: one of its presets, or none."""

from __future__ import annotations

import attrs

from symarch.errors import SpecError, UnknownNameError, nearest
from symarch.specs.presets import preset_of, presets_of, with_preset
from symarch.specs.records import Component, Setting, System
from symarch.technologies import Runtime, options_of, parameters_of

NONE = "none"
"""The word that takes the runtime away: times are those of the devices."""


def plain_runtime() -> Component:
    """Return a runtime of which nothing is stated, and which adds nothing."""
    settings = {p.name: Setting(p.default, p.low, p.high, p.source, p.status) for p in parameters_of(Runtime)}
    settings |= {o.name: Setting(o.default) for o in options_of(Runtime)}
    return Component(Runtime.name, Runtime.name, Runtime, None, settings)


def served(system: System, name: str) -> System:
    """Return a system with a runtime by its preset, or with `none`; what the spec or `--set` gives it stays.

    Raises UnknownNameError, SpecError.
    """
    if name == NONE:
        given = (
            [f"runtime.{n}" for n, s in system.runtime.settings.items() if s.origin == "--set"]
            if system.runtime
            else []
        )
        if given:
            raise SpecError([f"--set {given[0]} sets a runtime, and runtime {NONE} takes it away"])
        return attrs.evolve(system, runtime=None)
    known = presets_of(Runtime.name)
    if name not in known:
        raise UnknownNameError(f"unknown runtime '{name}'; {nearest(name, [*known, NONE])}")
    own = system if system.runtime is not None else attrs.evolve(system, runtime=plain_runtime())
    return with_preset(own, Runtime.name, preset_of(Runtime.name, name))


__all__ = ["NONE", "plain_runtime", "served"]
