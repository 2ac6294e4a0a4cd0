"""symarch explore"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from symarch.cli.options import analysis_options, build, tell
from symarch.errors import SymarchError


@click.command("explore")
@analysis_options
@click.option("-o", "target", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE",
              help="The page to write.")  # fmt: skip
def command(target: Path, **options: Any) -> None:
    """Write one HTML file in which every parameter of MODEL on SYSTEM is a slider.

    It works from disk, without a server and without the network: the formulas are in it, as JavaScript.
    """
    analysis, given = build(options)
    tell([analysis])
    from symarch.report.explorer import explorer_html

    text = explorer_html(analysis, given)
    try:
        target.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise SymarchError(f"cannot write {target}: {error.strerror}") from None
    click.echo(f"wrote {target}: open it in a browser", err=True)
