"""symarch specs"""

from __future__ import annotations

import click


@click.group("specs")
def command() -> None:
    """List and show systems, models, studies, prices and presets."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List what symarch and installed packages bring, with the distribution each comes from."""
    import attrs

    from symarch.specs import listing

    found, faults = listing()
    if as_json:
        from symarch.report.data import to_json

        click.echo(to_json([attrs.asdict(s) for s in found]))
    else:
        from symarch.report.text import print_specs

        print_specs(found)
    for sentence in faults:
        click.echo(f"symarch: {sentence}", err=True)


@command.command("show")
@click.argument("name", metavar="NAME")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--resolved", "whole", is_flag=True, help="Print a system as a TOML spec with every value written out.")
def show(name: str, as_json: bool, whole: bool) -> None:
    """Show a system, model, study, prices or a preset (TECHNOLOGY:PRESET): every value with its origin and source."""
    from symarch.report.data import spec_data, to_json

    if whole and as_json:
        raise click.UsageError("--resolved is TOML; it cannot go with --json")
    if whole:
        from symarch.specs import find_system, read_system, resolved

        click.echo(resolved(read_system(find_system(name))), nl=False)
        return

    data = spec_data(name)
    if as_json:
        click.echo(to_json(data))
    else:
        from symarch.report.text import print_spec

        print_spec(data)
