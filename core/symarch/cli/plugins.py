"""symarch plugins"""

from __future__ import annotations

import click


@click.group("plugins")
def command() -> None:
    """List and show technologies."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List the installed technologies with the distribution each comes from."""
    from symarch.report.data import plugin_rows, to_json

    rows, failures = plugin_rows()
    if as_json:
        click.echo(to_json(rows))
    else:
        from symarch.report.text import print_plugins

        print_plugins(rows)
    for name, why in failures.items():
        click.echo(f"symarch: plugin '{name}' is not available: {why}", err=True)


@command.command("show")
@click.argument("name", metavar="NAME")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(name: str, as_json: bool) -> None:
    """Show a technology: formulas, parameters with range and source, presets, and what it does not model."""
    from symarch.report.formulas import technology_data

    data = technology_data(name)
    if as_json:
        from symarch.report.data import to_json

        click.echo(to_json(data))
    else:
        from symarch.report.text import print_technology

        print_technology(data)
