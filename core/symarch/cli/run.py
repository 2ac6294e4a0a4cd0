"""symarch run"""

from __future__ import annotations

import sys
from typing import Any

import click

from symarch.cli.options import analysis_options, build
from symarch.quantities import format_quantity


@click.command("run")
@analysis_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, SI units, full precision.")
@click.option("--assumptions", is_flag=True, help="Print what technologies assume of themselves, too.")
@click.option("--strict", is_flag=True, help="Exit 1 if a constraint fails.")
def command(as_json: bool, assumptions: bool, strict: bool, **options: Any) -> None:
    """Print time, energy and constraints of MODEL on SYSTEM.

    SYSTEM and MODEL are shipped names (see `symarch specs list`) or paths of files.
    """
    analysis, given = build(options)
    result = analysis.evaluate(**given)
    ways = []
    if not result.feasible:
        from symarch.remedies import remedies

        ways = remedies(analysis, result, given)
    if as_json:
        from symarch.report.data import run_data, to_json

        click.echo(to_json(run_data(analysis, result, ways, analysis.held(**given))))
    else:
        from symarch.report.text import print_run

        print_run(analysis, result, ways, analysis.held(**given), everything=assumptions)
    missed = analysis.search.missed if analysis.search is not None else ()
    if strict and not (result.feasible and not missed):
        failed = ", ".join(
            [
                *(f"{c.name} ({format_quantity(-c.slack, c.unit)} short)" for c in result.constraints if not c.ok),
                *missed,
            ]
        )
        way = f"; cheapest way out: {ways[0].change} ({ways[0].words})" if ways else "; no change tried helps"
        click.echo(f"symarch: infeasible: {failed}{way if not result.feasible else ''}", err=True)
        sys.exit(1)
