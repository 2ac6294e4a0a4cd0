"""symarch plugins"""

from __future__ import annotations

import click


@click.group("plugins")
def command() -> None:
    """List plugins; show and check technologies."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List technologies, their presets and all other plugins, with the distribution each comes from."""
    from symarch.report.data import plugin_rows, to_json

    rows, faults = plugin_rows()
    if as_json:
        click.echo(to_json(rows))
    else:
        from symarch.report.text import print_plugins

        print_plugins(rows)
    for sentence in faults:
        click.echo(f"symarch: {sentence}", err=True)


@command.command("show")
@click.argument("name", metavar="NAME")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print a page of Markdown, for a plugin's documentation.")
def show(name: str, as_json: bool, markdown: bool) -> None:
    """Show a technology: formulas, parameters with range and source, presets, and what it does not model."""
    from symarch.report.technology import print_technology, technology_data, technology_markdown

    data = technology_data(name)
    if as_json:
        from symarch.report.data import to_json

        click.echo(to_json(data))
    elif markdown:
        click.echo(technology_markdown(data), nl=False)
    else:
        print_technology(data)


@command.command("check")
@click.argument("name", metavar="NAME")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(name: str, as_json: bool) -> int:
    """Run the conformance checks of a technology: each with ok, or why it fails. Exit 1 if one fails."""
    from symarch.plugins import registry
    from symarch.testing import run_checks

    report = run_checks(registry().technology(name))
    if as_json:
        from symarch.report.data import to_json

        origin = registry().origin(name)
        click.echo(to_json(report.data() | {"distribution": origin.distribution, "version": origin.version}))
    else:
        click.echo(str(report))
    return 0 if report.ok else 1
