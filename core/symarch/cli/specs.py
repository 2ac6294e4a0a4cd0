"""symarch specs"""

from __future__ import annotations

from pathlib import Path

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
@click.option("--graph", is_flag=True, help="Draw a system: what hangs on what, with its figures.")
@click.option("-o", "target", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE.svg",
              help="Write the drawing as SVG.")  # fmt: skip
def show(name: str, as_json: bool, whole: bool, graph: bool, target: Path | None) -> None:
    """Show a system, model, study, prices or a preset (TECHNOLOGY:PRESET): every value with its origin and source."""
    from symarch.report.data import spec_data, to_json

    if whole and as_json:
        raise click.UsageError("--resolved is TOML; it cannot go with --json")
    if graph and (whole or as_json):
        raise click.UsageError(f"--graph is a drawing; it cannot go with {'--resolved' if whole else '--json'}")
    if target is not None and not graph:
        raise click.UsageError("-o writes the drawing; it goes with --graph")
    if target is not None and target.suffix.lower() != ".svg":
        raise click.UsageError(f"-o writes SVG; {target} must end with .svg")
    if graph:
        _draw(name, target)
        return
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


def _draw(name: str, target: Path | None) -> None:
    """Print the drawing of a system, or write it to a file. Raises SymarchError."""
    from symarch.errors import SymarchError
    from symarch.report.diagram import diagram_of
    from symarch.specs import find_system, read_system

    diagram = diagram_of(read_system(find_system(name)))
    if target is None:
        from symarch.report.text import print_diagram

        print_diagram(diagram)
        return
    from symarch.report.diagram_svg import diagram_svg

    try:
        target.write_text(diagram_svg(diagram), encoding="utf-8", newline="\n")
    except OSError as error:
        raise SymarchError(f"cannot write {target}: {error.strerror}") from None
    click.echo(f"wrote {target}: open it in a browser", err=True)
