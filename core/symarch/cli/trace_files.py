"""symarch trace capture, symarch trace convert"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symarch.cli.options import SIZES, point, workload

if TYPE_CHECKING:
    from symarch.trace.records import Trace

_OUT = click.option(
    "-o", "--output-file", "out", required=True, metavar="FILE", type=click.Path(path_type=Path),
    help="Write to a file: records (.jsonl) or a Chakra execution trace (.et).",
)  # fmt: skip


@click.command("convert")
@click.argument("source", metavar="MODEL_OR_FILE")
@_OUT
@workload
@click.option("--tensor", type=int, default=1, show_default=True, metavar="N", help="Tensor-parallel degree.")
@click.option("--merge", is_flag=True, help="One record for all equal operators; dependencies are left out.")
def convert(source: str, out: Path, tensor: int, merge: bool, **options: Any) -> None:
    """Write MODEL_OR_FILE as a trace: a model's operators at one workload, or a trace in another format.

    For a trace file, --phase says what records of unknown phase are, and --batch, --prompt, --output and --context at
    which sizes it was taken, where it does not say so itself.
    """
    from symarch.trace.files import trace_from, write_file
    from symarch.trace.records import merged

    given = {name: options[name] for name in SIZES if options[name] is not None}
    found = trace_from(source)
    if found is None:
        found = _from_model(source, point(options, given), given, options["dtype"], tensor)
    else:
        found = _stated(found, options["phase"], given, tensor, options["dtype"])
    found = merged(found) if merge else found
    write_file(found, out)
    _report(found, out)


@click.command("capture")
@click.argument("source", metavar="MODEL_OR_CONFIG")
@_OUT
@click.option("--phase", type=click.Choice(["prefill", "decode", "both"]), default="both", show_default=True)
@click.option("--batch", type=int, default=1, show_default=True, metavar="N", help="Sequences in the pass.")
@click.option("--prompt", type=int, default=2048, show_default=True, metavar="N", help="Tokens of each prompt.")
@click.option("--as-executed", is_flag=True, help="Keep what transformers executes where serving engines do otherwise.")
@click.option("--symbolic", is_flag=True, help="Prefill with batch and prompt as symbols (torch.export).")
def capture(source: str, out: Path, **options: Any) -> None:
    """Run MODEL_OR_CONFIG without weights in transformers and write the operators it executes.

    Needs the extra symarch[torch]. One prefill of the prompt and one decode step after it are run on the meta device.
    """
    from symarch.trace.capture import capture_config
    from symarch.trace.export import export_config
    from symarch.trace.files import write_file

    if options["symbolic"]:
        if options["phase"] == "decode":
            raise click.UsageError("--symbolic is a prefill; it cannot go with --phase decode")
        found = export_config(source)
    else:
        phases = ("prefill", "decode") if options["phase"] == "both" else (options["phase"],)
        found = capture_config(source, options["batch"], options["prompt"], phases, options["as_executed"])
    write_file(found, out)
    _report(found, out)


def _from_model(source: str, phase: str, given: dict[str, Any], dtype: str | None, tensor: int) -> Trace:
    from symarch.analysis import USUAL_TYPE, Request, check_sizes, parse_dtypes
    from symarch.api import load_model
    from symarch.errors import WorkloadError
    from symarch.trace.convert import trace_of

    model = load_model(source)
    dtypes = {t: d for t, d in parse_dtypes(USUAL_TYPE if dtype is None else dtype).items() if t in model.tensors}
    request = Request(phase, dtypes, given.get("context") is not None)
    sizes = {name: int(value) for name, value in check_sizes(request, given).items()}
    if tensor < 1:
        raise WorkloadError(f"--tensor {tensor}: it must be at least 1")
    return trace_of(model, request.phases, sizes, dtypes, tensor)


def _stated(found: Trace, phase: str | None, given: dict[str, Any], tensor: int, dtype: str | None) -> Trace:
    """Add what the command line says of a trace file. Raises WorkloadError where the file says otherwise."""
    import attrs

    from symarch.errors import WorkloadError
    from symarch.trace.records import with_phase

    for name, value in given.items():
        if name in found.symbols or found.sizes.get(name, value) != value:
            raise WorkloadError(f"--{name} {value}: the trace says {found.sizes.get(name, 'it is a symbol')}")
        if value < 1:
            raise WorkloadError(f"--{name} {value}: it must be at least 1")
    if dtype is not None:
        raise WorkloadError("--dtype is for models; a trace file has its own data types")
    if tensor != 1:
        raise WorkloadError("--tensor is for models; a trace file is that of one device as it stands")
    if phase == "both":
        raise WorkloadError("--phase both: the records of a file are of one phase, unless they say which")
    if phase is not None:
        found = with_phase(found, phase)
    return attrs.evolve(found, sizes={**found.sizes, **given})


def _report(found: Trace, out: Path) -> None:
    from symarch.trace.records import flop_origins, flops_warning

    origins = ", ".join(f"{count} {word}" for word, count in flop_origins(found).items() if count)
    phases = " and ".join(found.phases)
    click.echo(
        f"{out}: {len(found.records)} records, {phases}; FLOPs of matrix products: {origins or 'none'}", err=True
    )
    for note in found.notes:
        click.echo(f"  {note}", err=True)
    warning = flops_warning(found)
    if warning:
        click.echo(f"  warning: {warning}", err=True)
