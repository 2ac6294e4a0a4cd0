"""symarch compare"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symarch.cli.options import (
    built,
    model_option,
    model_settings,
    open_workload,
    point_options,
    searching,
    serving,
    split_settings,
    tell,
    usual_metric,
    write,
)
from symarch.errors import SpecError, WorkloadError, nearest

if TYPE_CHECKING:
    from symarch.specs import System


@click.command("compare")
@click.argument("systems", metavar="SYSTEM SYSTEM...", nargs=-1, required=True)
@model_option
@open_workload
@serving
@searching
@point_options
@click.option("--metric", help="What differences and break-evens are about [tpot; ttft under --phase prefill].")
@click.option("--break-even", "parameter", metavar="NAME", help="The parameter to search, or all [the ten nearest].")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "md", "html", "json"]),
    help="[that of FILE's suffix; text without one]",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("-o", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write to a file.")
def command(systems: tuple[str, ...], metric: str | None, parameter: str | None, form: str | None, as_json: bool,
            file: Path | None, **options: Any) -> None:  # fmt: skip
    """Print systems side by side, what they differ in, what each difference costs, and where they break even.

    Each SYSTEM is a shipped name or the path of a file; the first is the one that the others are held against. --set
    goes to every system that has the component; --set 2:NAME=VALUE to the second alone, so that one system can be
    there several times.
    """
    from symarch.compare import compare
    from symarch.report.comparison import RENDERERS, SUFFIXES
    from symarch.report.formats import no_format

    if as_json and form not in (None, "json"):
        raise WorkloadError(f"--json cannot go with --format {form}")
    if form is None:
        if file and file.suffix and file.suffix not in SUFFIXES:
            raise WorkloadError(no_format(file, SUFFIXES))
        form = "json" if as_json else SUFFIXES.get(file.suffix, "text") if file else "text"
    shared, alone = _divided(options["settings"], len(systems))
    options["settings"] = shared
    analyses, given = built(options, lambda settings: _loaded(systems, settings, alone, options["prices"]))
    tell(analyses)
    chosen = usual_metric(analyses[0]) if metric is None else metric
    write(RENDERERS[form](compare(analyses, chosen, parameter, settings=alone, **given)), file)


def _divided(settings: dict[str, str], count: int) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Divide `--set` into what goes to all systems and what goes to each alone. Raises SpecError."""
    shared: dict[str, str] = {}
    alone: list[dict[str, str]] = [{} for _ in range(count)]
    for key, value in settings.items():
        place, colon, name = key.partition(":")
        if not colon:
            shared[key] = value
            continue
        if not place.strip().isdecimal() or not 1 <= int(place) <= count:
            raise SpecError(
                [f"--set {key}: '{place}' is no position of a system; those given are 1 to {count}, as 2:hbm.stacks=8"]
            )
        if not model_settings({name: value})[0] or not split_settings({name: value})[0]:
            raise SpecError([f"--set {key}: {name} is of the workload or the model, which are one for all systems"])
        if name in alone[int(place) - 1]:
            raise SpecError([f"--set {key}: it is set twice"])
        alone[int(place) - 1][name] = value
    return shared, alone


def _loaded(
    names: tuple[str, ...], settings: dict[str, str], alone: list[dict[str, str]], prices: str | None
) -> list[System]:
    """Load systems, each with those settings that it has, and its own. Raises SpecError for one that none has."""
    from symarch.api import load_system
    from symarch.specs.systems import settable

    plain = [load_system(name, prices=prices) for name in names]
    owners = [{*s.owners, *(k.partition(".")[0] for k in settable(s))} for s in plain]
    known = {owner for found in owners for owner in found}
    for key in settings:
        if key.partition(".")[0] not in known:
            raise SpecError([f"--set {key}: no system has it; {nearest(key.partition('.')[0], sorted(known))}"])
    return [
        load_system(name, {k: v for k, v in settings.items() if k.partition(".")[0] in found} | own, prices)
        for name, found, own in zip(names, owners, alone, strict=True)
    ]
