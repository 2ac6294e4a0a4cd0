"""symarch trace"""

from __future__ import annotations

from typing import Any

import click

from symarch.cli.options import SIZES, model_settings, parse_settings, point, workload
from symarch.cli.trace_files import capture, convert


@click.group("trace")
def command() -> None:
    """Show what a model asks of the hardware."""


command.add_command(capture)
command.add_command(convert)


@command.command("show")
@click.argument("model", metavar="MODEL")
@workload
@click.option(
    "--set",
    "settings",
    multiple=True,
    callback=parse_settings,
    metavar="NAME=VALUE",
    help="Set a size of the model: model.image_tokens=1280. May be given several times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(model: str, as_json: bool, settings: dict[str, str], **options: Any) -> None:
    """Show MODEL's operators with FLOPs and bytes, its parameter counts and its KV cache per token."""
    from symarch.api import load_model
    from symarch.report.data import to_json, trace_data

    given = {name: options[name] for name in SIZES if options[name] is not None}
    others, sizes = model_settings(settings)
    for name in others:
        raise click.UsageError(f"--set {name}: a trace has no system; only sizes of the model, model.KEY, can be set")
    data = trace_data(load_model(model, sizes), point(options, given), given, options["dtype"])
    if as_json:
        click.echo(to_json(data))
    else:
        from symarch.report.text import print_trace

        print_trace(data)
