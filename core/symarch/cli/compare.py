"""symarch compare"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from symarch.cli.options import (
    built,
    model_option,
    open_workload,
    point_options,
    searching,
    serving,
    tell,
    usual_metric,
)
from symarch.errors import SpecError, nearest

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
@click.option("--break-even", "parameter", metavar="NAME", help="The parameter to search [each differing one].")
@click.option("--format", "form", type=click.Choice(["text", "md", "json"]), default="text", show_default=True)
def command(systems: tuple[str, ...], metric: str | None, parameter: str | None, form: str, **options: Any) -> None:
    """Print systems side by side, what they differ in, what each difference costs, and where they break even.

    Each SYSTEM is a shipped name or the path of a file; the first is the one that the others are held against. --set
    goes to every system that has the component.
    """
    from symarch.compare import compare
    from symarch.report.comparison import RENDERERS

    analyses, given = built(options, lambda settings: _loaded(systems, settings, options["prices"]))
    tell(analyses)
    chosen = usual_metric(analyses[0]) if metric is None else metric
    click.echo(RENDERERS[form](compare(analyses, chosen, parameter, **given)), nl=False)


def _loaded(names: tuple[str, ...], settings: dict[str, str], prices: str | None) -> list[System]:
    """Load systems, each with those settings that it has. Raises SpecError for one that none has."""
    from symarch.api import load_system
    from symarch.specs.systems import settable

    plain = [load_system(name, prices=prices) for name in names]
    owners = [{*s.owners, *(k.partition(".")[0] for k in settable(s))} for s in plain]
    known = {owner for found in owners for owner in found}
    for key in settings:
        if key.partition(".")[0] not in known:
            raise SpecError([f"--set {key}: no system has it; {nearest(key.partition('.')[0], sorted(known))}"])
    return [
        load_system(name, {k: v for k, v in settings.items() if k.partition(".")[0] in found}, prices)
        for name, found in zip(names, owners, strict=True)
    ]
