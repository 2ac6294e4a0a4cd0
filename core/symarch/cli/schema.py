"""symarch schema"""

from __future__ import annotations

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of system specs with the technologies installed now, for editors."""
    from symarch.report.data import to_json
    from symarch.specs.schema import schema

    click.echo(to_json(schema()))
