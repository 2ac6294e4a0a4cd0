"""symarch sensitivity"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from symarch.cli.options import analysis_options, build, tell, usual_metric, write


@click.command("sensitivity")
@analysis_options
@click.option("--metric", help="Any metric of `symarch run` [tpot; ttft under --phase prefill].")
@click.option(
    "--format", "form", metavar="NAME",
    help="text, md, html, latex, json or one of a plugin [that of FILE's suffix; text without one].",
)  # fmt: skip
@click.option(
    "--target",
    "aim",
    metavar="VALUE",
    help="Where the metric would be that: 20ms. In md, html and latex reports, and in --section break_even.",
)
@click.option(
    "--section", "sections", multiple=True, metavar="NAME",
    help="A section to have, of symarch or of a plugin; all: those of symarch. May be given several times.",
)  # fmt: skip
@click.option("-o", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write to a file.")
def command(metric: str | None, form: str | None, aim: str | None, sections: tuple[str, ...],
            file: Path | None, **options: Any) -> None:  # fmt: skip
    """Print how a metric of MODEL on SYSTEM answers to every parameter: exact elasticities, ranges, limits."""
    from symarch.report.formats import format_for, render
    from symarch.report.record import report_of
    from symarch.report.sections import chosen

    name = format_for(form, file)
    chosen(sections)
    analysis, given = build(options)
    tell([analysis])
    found = analysis.sensitivity(usual_metric(analysis) if metric is None else metric, **given)
    write(render(report_of(analysis, found, given, aim, sections), name), file)
