"""The hooks of symarch, in the order a run meets them.

A plugin is a module named by an entry point in the group `symarch`; the entry point is called like the technology it
provides, or `model.TYPE` for a Hugging Face `model_type`, so that a spec loads only what it names.
"""

from __future__ import annotations

from typing import Any

import pluggy

GROUP = "symarch"

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def symarch_technologies() -> list[type]:  # type: ignore[empty-body]  # a hook's specification has no body
    """Return the technology classes this module provides (usually one).

    Called once, when a spec first names the technology or when all plugins are listed. Each class is made by
    `symarch.technology` and carries a unique `name`. Presets lie beside the module in a TOML file of the same name.
    """


@hookspec
def symarch_model_architectures() -> dict[str, Any]:  # type: ignore[empty-body]
    """Return the model families this module provides: Hugging Face `model_type` to a class with `from_config`.

    Called once, when a model of that type is first loaded. `from_config(name, config)` takes the parsed `config.json`
    and returns a `symarch.trace.Architecture`.
    """
