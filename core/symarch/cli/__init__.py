"""The command line: parses, calls the library, prints. A command's module is imported when the command is called."""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import Any

import click

from symarch.errors import SymarchError

_COMMANDS = {
    "run": ("symarch.cli.run", "Time, energy and constraints of a model on a system."),
    "explain": ("symarch.cli.explain", "A metric as a closed form, term by term, in words and symbols."),
    "sensitivity": ("symarch.cli.sensitivity", "How a metric answers to every parameter."),
    "compare": ("symarch.cli.compare", "Systems side by side, and where they break even."),
    "explore": ("symarch.cli.explore", "One HTML file with a slider for every parameter."),
    "plugins": ("symarch.cli.plugins", "List plugins; show and check technologies."),
    "new-plugin": ("symarch.cli.new_plugin", "Write a plugin project, complete and checked."),
    "specs": ("symarch.cli.specs", "List and show systems, models, studies, prices and presets."),
    "validate": ("symarch.cli.validate", "Check system specs and model configs."),
    "accuracy": ("symarch.cli.accuracy", "Predictions held to measured latencies."),
    "calibrate": ("symarch.cli.calibrate", "Fit a processor's efficiencies and fixed times to measurements."),
    "schema": ("symarch.cli.schema", "The JSON Schema of system specs, for editors."),
    "trace": ("symarch.cli.trace", "Show what a model asks of the hardware."),
}


class _ReaderGone(Exception):
    """The reader of our output has gone, as `head` does; click would exit with 1, which means infeasible here."""


class _Lazy(click.Group):
    """A group that knows its commands' names and one line of each, and imports a command when it is used."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderGone from None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = importlib.import_module(_COMMANDS[cmd_name][0]).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in _COMMANDS:
            from symarch.errors import nearest

            ctx.fail(f"unknown command '{args[0]}'; {nearest(args[0], _COMMANDS)}")
        return super().resolve_command(ctx, args)


def _version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(version("symarch"))
        ctx.exit()


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
def cli() -> None:
    """What would a memory or an interconnect that does not exist yet do to LLM inference?

    symarch describes hardware in symbols and answers in formulas. Try: symarch run h100-sxm --model llama-3.1-8b
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; exit 0 done, 1 infeasible under --strict, 2 bad input."""
    if sys.stdout is None:  # a shell's >&-
        click.echo("symarch: the output cannot be written: it is closed", err=True)
        sys.exit(2)
    try:
        status = cli.main(args=arguments, prog_name="symarch", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except SymarchError as error:
        for line in str(error).splitlines():
            click.echo(f"symarch: {line}", err=True)
        sys.exit(2)
    except (_ReaderGone, BrokenPipeError):
        _silence()
        sys.exit(0)
    except OSError as error:
        _silence()
        click.echo(f"symarch: the output cannot be written: {error.strerror}", err=True)
        sys.exit(2)
    except Exception as error:
        from symarch.plugins import registry

        provider = registry().failed(error)
        if provider is None:  # ours
            raise
        click.echo(
            f"symarch: plugin '{provider.name}' of distribution {provider.distribution} failed: "
            f"{type(error).__name__}: {error}",
            err=True,
        )
        sys.exit(2)
    sys.exit(status if isinstance(status, int) else 0)


def _silence() -> None:
    """Send what is left for stdout nowhere, so that closing it does not fail again."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # stdout is no file
        sys.stdout = io.StringIO()
