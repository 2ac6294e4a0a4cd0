"""symarch accuracy"""

from __future__ import annotations

from pathlib import Path

import click

from symarch.cli.options import write


@click.command("accuracy")
@click.argument("files", nargs=-1, required=True, metavar="FILE.csv...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list: an object per file and system, in percent.")
@click.option("--worst", type=click.IntRange(min=0), default=0, metavar="N", help="Also list the N rows farthest off.")
@click.option("--ideal", is_flag=True, help="The speed of light, a plain roofline, in place of the calibrated model.")
@click.option(
    "-o", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write an HTML page with scatter plots."
)
def command(files: tuple[Path, ...], as_json: bool, worst: int, ideal: bool, page: Path | None) -> None:
    """Hold the shipped presets to measured latencies, by kind of operator and system.

    FILEs are tables in the columns that docs/explanation/accuracy.md lists; a row's system is the shipped one of its
    name. Rows that cannot be predicted are counted, with the reason.
    """
    from symarch.accuracy.prediction import doubts, predict
    from symarch.accuracy.scores import scores_of
    from symarch.accuracy.tables import read_table

    if page is not None and page.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(f"-o writes an HTML page; {page} must end with .html")
    predictions = [predict(read_table(path), ideal) for path in files]
    if page is not None:  # first, so that a reader who has seen enough (`| head`) does not lose it
        from symarch.report.accuracy import accuracy_page

        write(accuracy_page(predictions, worst, ideal), page)
    if as_json:
        from symarch.report.accuracy import accuracy_data
        from symarch.report.data import to_json

        click.echo(to_json(accuracy_data([s for p in predictions for s in scores_of(p)])))
    else:
        from symarch.report.accuracy import print_accuracy

        print_accuracy(predictions, worst)
    for doubt in filter(None, map(doubts, predictions)):
        click.echo(f"symarch: {doubt}", err=True)
