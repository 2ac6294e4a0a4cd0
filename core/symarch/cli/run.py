"""symarch run"""

from __future__ import annotations

import sys
from typing import Any

import click

from symarch.cli.options import analysis_options, build


@click.command("run")
@analysis_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, SI units, full precision.")
@click.option("--strict", is_flag=True, help="Exit 1 if a constraint fails.")
def command(as_json: bool, strict: bool, **options: Any) -> None:
    """Print time, energy and constraints of MODEL on SYSTEM.

    SYSTEM and MODEL are shipped names (see `symarch specs list`) or paths of files.
    """
    analysis, given = build(options)
    result = analysis.evaluate(**given)
    if as_json:
        from symarch.report.data import run_data, to_json

        click.echo(to_json(run_data(analysis, result)))
    else:
        from symarch.remedies import remedies
        from symarch.report.text import print_run

        print_run(analysis, result, remedies(analysis, result, given))
    if strict and not result.feasible:
        failed = ", ".join(c.name for c in result.constraints if not c.ok)
        click.echo(f"symarch: infeasible: {failed}", err=True)
        sys.exit(1)
