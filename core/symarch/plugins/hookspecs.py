"""The hooks of symarch, in the order a run meets them.

A plugin is a module named by an entry point in the group `symarch`. The entry point is called like the technology it
provides, or with a prefix for everything else: `model.TYPE` for a Hugging Face `model_type`, `collective.NAME`,
`trace.NAME`, `report.NAME`, `section.NAME`, `specs.NAME`; so a run loads only what it names.
"""

from __future__ import annotations

from pathlib import Path
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
def symarch_specs() -> list[Path]:  # type: ignore[empty-body]
    """Return the data folders of a package: presets, systems, models, studies and prices, without code.

    Called once, when a spec is looked up by its name or specs are listed. A folder holds any of `systems/NAME.toml`,
    `models/NAME.json`, `studies/NAME.toml`, `prices/NAME.toml` and `presets/TECHNOLOGY.toml`. A package without code of
    its own names itself in an entry point `specs.NAME`; its folder is then the answer.
    """


@hookspec
def symarch_collectives() -> list[type]:  # type: ignore[empty-body]
    """Return the collective algorithms this module provides: subclasses of `symarch.CollectiveAlgorithm`.

    Called once, when a topology or a spec first names one of them.
    """


@hookspec
def symarch_trace_readers() -> list[type]:  # type: ignore[empty-body]
    """Return the readers of trace files this module provides.

    Called once, when a trace file is first opened. A reader has a `name`, `suffixes` such as `(".jsonl",)`,
    `sniff(head)`, which says from the first bytes whether it can read the file, and `read(path)`.
    """


@hookspec
def symarch_report_formats() -> list[type]:  # type: ignore[empty-body]
    """Return the formats of reports this module provides.

    Called once, when a report in a format is first asked for. A format has a `name`, a `suffix`, and
    `render(report)`, which returns the text.
    """


@hookspec
def symarch_report_sections() -> dict[str, Any]:  # type: ignore[empty-body]
    """Return the sections of reports this module provides: a name to a function.

    Called once, when a report with the section is first written. The function takes a `symarch.report.record.Report`
    and returns a `symarch.report.sections.Section`, or None where it has nothing to say.
    """


@hookspec
def symarch_model_architectures() -> dict[str, Any]:  # type: ignore[empty-body]
    """Return the model families this module provides: Hugging Face `model_type` to a class with `from_config`.

    Called once, when a model of that type is first loaded. `from_config(name, config)` takes the parsed `config.json`
    and returns a `symarch.trace.Architecture`.
    """
