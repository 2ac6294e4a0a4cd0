"""The options that every command with a SYSTEM and a MODEL takes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from symarch.errors import SymarchError, UnitError, WorkloadError

if TYPE_CHECKING:
    from pathlib import Path

    from symarch.api import Analysis
    from symarch.specs import System

_F = TypeVar("_F", bound=Callable[..., Any])

SIZES = ("batch", "prompt", "output", "context")
SERVING = ("prefix", "hit_rate", "chunk", "step_tokens", "acceptance")


class Count(click.ParamType[Any]):
    """A whole number, or auto."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number or the word."""
        if value == "auto":
            return value
        try:
            return int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number, nor auto", param, ctx)


def parse_settings(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Read NAME=VALUE pairs."""
    found = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name.strip() or not text.strip():
            raise click.BadParameter(f"{value!r} is not NAME=VALUE, for example hbf.read_time=5us")
        if name.strip() in found:
            raise click.BadParameter(f"{name.strip()} is set twice")
        found[name.strip()] = text.strip()
    return found


_SEQUENCES = click.option("--batch", type=int, metavar="N", help="Sequences in flight in the whole system [1].")
_SEQUENCES_OR_AUTO = click.option(
    "--batch", type=Count(), metavar="N", help="Sequences in the whole system, or auto: the most that fit [1]."
)


def workload(function: _F, batch: Callable[[Any], Any] = _SEQUENCES) -> _F:
    """Add the options that describe a workload."""
    options = [
        click.option("--phase", type=click.Choice(["prefill", "decode", "both"]), help="Phases to run [both]."),
        batch,
        click.option("--prompt", type=int, metavar="N", help="Tokens of each prompt [2048]."),
        click.option("--output", type=int, metavar="N", help="Output tokens of each sequence [256]."),
        click.option("--context", type=int, metavar="N", help="One decode step that attends to N tokens."),
        click.option(
            "--dtype", help="Data type, or by class: weights=fp8,kv_cache=bf16 [bf16; that of a recorded trace]."
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def open_workload(function: _F) -> _F:
    """Add the options that describe a workload whose batch may be left open."""
    return workload(function, _SEQUENCES_OR_AUTO)


def searching(function: _F) -> _F:
    """Add the options on what a mapping or a batch that is auto is chosen for."""
    options = [
        click.option("--objective", metavar="METRIC", help="What auto is chosen for [tpot; throughput of batch auto]."),
        click.option("--tpot-limit", metavar="TIME", help="The most that tpot may be where something is auto: 20ms."),
        click.option("--ttft-limit", metavar="TIME", help="The most that ttft may be where something is auto: 1s."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def serving(function: _F) -> _F:
    """Add the options on how requests are served."""
    options = [
        click.option("--prefix", type=int, metavar="N", help="Tokens of each prompt that are cached and shared."),
        click.option("--hit-rate", type=float, metavar="H", help="Share of requests that find the prefix cached [1]."),
        click.option("--chunk", type=int, metavar="N", help="Prefill in passes of at most N tokens of each prompt."),
        click.option("--continuous", is_flag=True, help="Continuous batching: prefill and decode share steps."),
        click.option("--step-tokens", type=int, metavar="N", help="With --continuous: tokens of a step at most."),
        click.option("--draft", type=int, metavar="N", help="Drafted tokens that a decode step verifies."),
        click.option("--acceptance", type=float, metavar="A", help="Share of drafted tokens accepted, 0 to 1."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def analysis_options(function: _F) -> _F:
    """Add SYSTEM, --model, the workload, how it is served, --set and --ideal."""
    return click.argument("system", metavar="SYSTEM")(
        model_option(open_workload(serving(searching(point_options(function)))))
    )


def model_option(function: _F) -> _F:
    """Add --model."""
    return click.option("--model", required=True, metavar="MODEL", help="A shipped model, a config.json or a trace.")(
        function
    )


def point_options(function: _F) -> _F:
    """Add --set, --prices, --runtime and --ideal."""
    settings = click.option(
        "--set", "settings", multiple=True, callback=parse_settings, metavar="NAME=VALUE",
        help="Set a parameter, with its unit: hbf.read_time=5us. May be given several times.",
    )  # fmt: skip
    ideal = click.option("--ideal", is_flag=True, help="The speed of light: efficiencies 1, overheads 0, full overlap.")
    prices = click.option(
        "--prices", metavar="LIST", help="A shipped list of prices, or a file [the spec's, or the latest]."
    )
    runtime = click.option(
        "--runtime", metavar="NAME",
        help="Serving software, whose host time and waits count: vllm, sglang, trtllm, usual, none [the spec's].",
    )  # fmt: skip
    return settings(prices(runtime(ideal(function))))


def split_settings(settings: dict[str, str]) -> tuple[dict[str, str], dict[str, float]]:
    """Divide `--set` into the system's parameters and the symbols of workload and trace."""
    own = {k: v for k, v in settings.items() if k in (*SIZES, *SERVING) or k.startswith(("dtype.", "trace."))}
    return {k: v for k, v in settings.items() if k not in own}, {k: _number(k, v) for k, v in own.items()}


def model_settings(settings: dict[str, str]) -> tuple[dict[str, str], dict[str, Any]]:
    """Divide `--set` into what is not the model's and keys of its configuration with their values."""
    own = {k: v for k, v in settings.items() if k.startswith("model.")}
    rest = {k: v for k, v in settings.items() if k not in own}
    return rest, {k.removeprefix("model."): _value(v) for k, v in own.items()}


def _value(text: str) -> Any:
    """Return a value as a configuration would hold it: a whole number, a number, true or false, or a word."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return {"true": True, "false": False}.get(text.lower(), text)


def _number(name: str, text: str) -> float:
    from symarch.quantities import parse_quantity
    from symarch.technologies.datatypes import DATA_TYPES

    tensor = name.removeprefix("dtype.")
    if tensor != name and text in DATA_TYPES:
        raise WorkloadError(f"--set {name}={text}: it takes bytes an element; as a type: --dtype {tensor}={text}")
    unit = "B" if tensor != name else "FLOP" if name.startswith("trace.") else "1"
    try:
        value = parse_quantity(text, unit)
    except UnitError as error:
        raise WorkloadError(f"--set {name}={text}: {error}") from None
    if not 0 < value < float("inf"):
        raise WorkloadError(f"--set {name}={text}: it must be greater than 0 and finite")
    return value


def usual_metric(analysis: Analysis) -> str:
    """Return the metric that a command means when none is named."""
    return "ttft" if analysis.phase == "prefill" else "tpot"


def point(options: dict[str, Any], given: dict[str, Any]) -> str:
    """Return the phase that a command's options ask for. Raises WorkloadError where they contradict each other."""
    phase: str | None = options["phase"]
    if "context" in given:
        if phase not in (None, "decode"):
            raise WorkloadError(f"--context is one decode step; it cannot go with --phase {phase}")
        for name in ("prompt", "output"):
            if name in given:
                raise WorkloadError(f"--context is one decode step; it cannot go with --{name}")
        return "decode"
    if phase == "prefill" and "output" in given:
        raise WorkloadError("--output is for decode; it cannot go with --phase prefill")
    return phase or "both"


def build(options: dict[str, Any]) -> tuple[Analysis, dict[str, Any]]:
    """Return the analysis that a command's options ask for, and the point at which to evaluate it."""
    from symarch.api import load_system

    analyses, given = built(options, lambda settings: [load_system(options["system"], settings, options["prices"])])
    return analyses[0], given


def tell(analyses: Sequence[Analysis]) -> None:
    """Say on stderr what was chosen, where a command's answer does not."""
    for analysis in analyses:
        if analysis.search is not None:
            click.echo(f"symarch: {analysis.system.name}: {analysis.search.summary}", err=True)


def write(text: str, file: Path | None) -> None:
    """Write to a file, or to stdout without one. Raises SymarchError."""
    if file is None:
        click.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SymarchError(f"cannot write {file}: {error.strerror}") from None
    click.echo(f"wrote {file}", err=True)


def built(
    options: dict[str, Any], load: Callable[[dict[str, str]], list[System]]
) -> tuple[list[Analysis], dict[str, Any]]:
    """Return the analyses that a command's options ask for, and the point at which to evaluate them.

    `load` returns the systems with the settings that are theirs.
    """
    from symarch.api import analyze, load_model

    given = {name: options[name] for name in SIZES if options.get(name) is not None}
    settings, sizes = model_settings(options["settings"])
    settings, own = split_settings(settings)
    for name, value in own.items():
        if name in given or options.get(name) is not None:
            raise WorkloadError(f"{name} is given twice: --{name} and --set")
        if name.startswith("dtype.") and options["dtype"] is not None:
            raise WorkloadError(f"{name} is given twice: --dtype and --set")
        given[name] = value
    asked = {name: given.pop(name) if name in given else options.get(name) for name in SERVING}
    phase = point(options, given)
    for name in ("chunk", "continuous"):
        if "context" in given and (asked | options).get(name):
            raise WorkloadError(f"--context is one decode step; it cannot go with --{name}")
    systems = load(settings)
    model = load_model(options["model"], sizes)
    chosen = {"phase": phase, "dtype": options["dtype"], "ideal": options["ideal"], "draft": options.get("draft")}
    chosen |= {"runtime": options["runtime"], "continuous": bool(options.get("continuous")), **asked}
    if given.get("batch") == "auto" and len(systems) > 1:
        raise WorkloadError("--batch auto finds a batch for one system; systems are compared at one batch")
    limits = {"tpot": options["tpot_limit"], "ttft": options["ttft_limit"]}
    searched = {"at": given, "objective": options["objective"], "limits": limits}
    open_ = [bool(system.auto) or given.get("batch") == "auto" for system in systems]
    # an objective is for those of several systems that leave something open
    analyses = [
        analyze(system, model, **chosen, **(searched if o or not any(open_) else {}))
        for system, o in zip(systems, open_, strict=True)
    ]
    if given.get("batch") == "auto" and analyses[0].search is not None:
        given = {**given, "batch": analyses[0].search.batch}
    return analyses, given
