"""symarch trace"""

from __future__ import annotations

from typing import Any

import click

from symarch.cli.options import SIZES, point, workload


@click.group("trace")
def command() -> None:
    """Show what a model asks of the hardware."""


@command.command("show")
@click.argument("model", metavar="MODEL")
@workload
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(model: str, as_json: bool, **options: Any) -> None:
    """Show MODEL's operators with FLOPs and bytes, its parameter counts and its KV cache per token."""
    from symarch.api import load_model
    from symarch.report.data import to_json, trace_data

    given = {name: options[name] for name in SIZES if options[name] is not None}
    data = trace_data(load_model(model), point(options, given), given, options["dtype"])
    if as_json:
        click.echo(to_json(data))
    else:
        from symarch.report.text import print_trace

        print_trace(data)
