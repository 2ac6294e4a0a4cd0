"""symarch sensitivity"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from symarch.cli.options import analysis_options, build, usual_metric
from symarch.errors import SymarchError


@click.command("sensitivity")
@analysis_options
@click.option("--metric", help="Any metric of `symarch run` [tpot; ttft under --phase prefill].")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("-o", "target", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")
def command(metric: str | None, form: str, target: Path | None, **options: Any) -> None:
    """Print how a metric of MODEL on SYSTEM answers to every parameter: exact elasticities, ranges, limits."""
    analysis, given = build(options)
    found = analysis.sensitivity(usual_metric(analysis) if metric is None else metric, **given)
    if form == "json":
        from symarch.report.data import to_json

        text = to_json(found.to_dict()) + "\n"
    else:
        from symarch.report.text import sensitivity_text

        text = sensitivity_text(analysis, found)
    if target is None:
        click.echo(text, nl=False)
        return
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SymarchError(f"cannot write {target}: {error.strerror}") from None
    click.echo(f"wrote {target}", err=True)
