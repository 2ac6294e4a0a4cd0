"""symarch validate"""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command("validate")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
def command(files: tuple[Path, ...]) -> None:
    """Check system specs (TOML), model configs (JSON) and traces: every fault with file, line and what is allowed."""
    from symarch.api import check_system
    from symarch.errors import MappingError, SymarchError
    from symarch.specs import read_system
    from symarch.trace import load_config
    from symarch.trace.recorded import read_file

    failed = False
    for path in files:
        try:
            if not path.is_file():
                raise SymarchError(f"{path}: " + ("not a regular file" if path.exists() else "no such file"))
            trace = None if path.suffix == ".toml" else read_file(path)
            if trace is not None:
                click.echo(f"{path}: trace {trace.model}, {len(trace.records)} records, ok")
            elif path.suffix == ".json":
                click.echo(f"{path}: model {load_config(path).name}, ok")
            else:
                system = read_system(path)
                try:
                    check_system(system)
                except MappingError as error:
                    raise SymarchError(f"{path}: mapping: {error}") from None
                click.echo(f"{path}: system {system.name}, {len(system.components)} components, ok")
        except SymarchError as error:
            failed = True
            for line in str(error).splitlines():
                click.echo(f"symarch: {line}", err=True)
    if failed:
        sys.exit(2)
