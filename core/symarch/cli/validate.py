"""symarch validate"""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command("validate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
def command(files: tuple[Path, ...]) -> None:
    """Check system specs (TOML) and model configs (JSON): every fault with file, line and what is allowed."""
    from symarch.errors import SymarchError
    from symarch.specs import read_system
    from symarch.trace import load_config

    failed = False
    for path in files:
        try:
            if not path.is_file():
                raise SymarchError(f"{path}: no such file")
            if path.suffix == ".json":
                click.echo(f"{path}: model {load_config(path).name}, ok")
            else:
                system = read_system(path)
                click.echo(f"{path}: system {system.name}, {len(system.components)} components, ok")
        except SymarchError as error:
            failed = True
            for line in str(error).splitlines():
                click.echo(f"symarch: {line}", err=True)
    if failed:
        sys.exit(2)
