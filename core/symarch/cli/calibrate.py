"""symarch calibrate"""

from __future__ import annotations

from pathlib import Path

import click

from symarch.cli.options import write
from symarch.errors import SymarchError, nearest


@click.command("calibrate")
@click.argument("files", nargs=-1, required=True, metavar="FILE.csv...", type=click.Path(path_type=Path))
@click.option("--processor", required=True, metavar="PRESET", help="Preset of the processor that the fit starts from.")
@click.option("-o", "output", type=click.Path(path_type=Path, dir_okay=False), help="Write a preset file.")
@click.option("--only", multiple=True, metavar="NAME", help="Fit this parameter alone, as gpu.launch; may be repeated.")
@click.option("--system", "systems", multiple=True, metavar="NAME", help="Use rows of this system alone; repeatable.")
@click.option("--no-cross", is_flag=True, help="Do not fit again with parts of the rows left out.")
def command(
    files: tuple[Path, ...],
    processor: str,
    output: Path | None,
    only: tuple[str, ...],
    systems: tuple[str, ...],
    no_cross: bool,
) -> None:
    """Fit a processor's efficiencies and fixed times to measured operators.

    Prints each parameter with its 95 % interval, the errors before and after, and those on rows left out of the fit,
    by system and by shape. Refuses what the rows cannot tell apart.
    """
    from symarch.accuracy.calibrate import calibrate
    from symarch.accuracy.machines import joined, machine
    from symarch.accuracy.tables import read_table
    from symarch.report.calibration import preset_text, print_calibration

    system = machine(processor)
    read = [read_table(path) for path in files]
    known = sorted({str(s) for table in read for s in table.words["system"]})
    for name in systems:
        if name not in known:
            raise SymarchError(f"--system {name}: no row is of it; {nearest(name, known)}")
    tables = [t for t in (table.of_systems(systems) for table in read) if len(t)]
    collective = [t for t in tables if t.family == "collective"]
    if collective and len(collective) == len(tables):  # then the link is fitted, in the library of the rows
        library = str(collective[0].words["library"][0])
        collective = [t.only(t.words["library"] == library) for t in collective]
        system, tables = joined(processor, 2, library), collective
    result = calibrate(tables, system, only, crossed=not no_cross)
    if output is not None:  # first, so that a reader who has seen enough (`| head`) does not lose it
        write(preset_text(result, system, [t.path for t in tables]), output)
    print_calibration(result)
