"""symarch new-plugin"""

from __future__ import annotations

import re
from importlib.resources import files
from keyword import iskeyword
from pathlib import Path
from string import Template

import click

from symarch.errors import PluginError, SymarchError

KINDS = ("memory", "interconnect", "processor", "topology")

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")


@click.command("new-plugin")
@click.argument("name", metavar="NAME")
@click.option("--kind", type=click.Choice(KINDS), default="memory", show_default=True, help="What the plugin provides.")
@click.option(
    "--directory", type=click.Path(path_type=Path), metavar="FOLDER", help="Where to write it [./symarch-NAME]."
)
def command(name: str, kind: str, directory: Path | None) -> None:
    """Write a plugin project: the technology NAME with a preset, an example system, and the conformance tests."""
    check_name(name)
    folder = directory or Path(f"symarch-{name}")
    for path in write_project(name, kind, folder):
        click.echo(path)
    click.echo(f"wrote the plugin project; next: pip install -e {folder}, then symarch plugins check {name}", err=True)


def check_name(name: str) -> None:
    """Raise PluginError if a technology cannot be called so, or one is."""
    from importlib.util import find_spec

    from symarch.plugins import registry

    if not _NAME.match(name):
        raise PluginError(f"{name!r} cannot name a plugin; it must be lower-case words (a-z, 0-9) joined by hyphens")
    if name in registry().names or name in registry().technologies():
        origin = registry().origin(name) if name in registry().technologies() else registry().provider(name)
        raise PluginError(f"a technology '{name}' is installed, from {origin.distribution} {origin.version}")
    if find_spec(f"symarch_{name.replace('-', '_')}") is not None:
        raise PluginError(f"a module symarch_{name.replace('-', '_')} is installed; the plugin's would hide it")


def write_project(name: str, kind: str, folder: Path) -> list[Path]:
    """Write a plugin project into a new or empty folder and return its files. Raises SymarchError."""
    module = name.replace("-", "_")
    has_presets = kind != "topology"  # it has parameters only where its shape leaves a choice
    words = {
        "name": name,
        "kind": kind,
        "module": module,
        "class": class_name(name),
        "presets": f"| `symarch_{module}.toml` | presets: named values with their citation |\n" if has_presets else "",
    }
    templates = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        f"symarch_{module}.py": f"{kind}.py",
        **({f"symarch_{module}.toml": f"{kind}.toml"} if has_presets else {}),
        "example.toml": f"{kind}.example",
        f"test_{module}.py": "test.py",
    }
    home = files("symarch.cli") / "templates"
    written = []
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise SymarchError(f"{folder} exists already; nothing is overwritten")
        folder.mkdir(parents=True, exist_ok=True)
        for file, template in templates.items():
            text = (home / f"{template}.tmpl").read_text(encoding="utf-8")
            path = folder / file
            path.write_text(Template(text).substitute(words), encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise SymarchError(f"cannot write {folder}: {error.strerror}") from None
    return written


def class_name(name: str) -> str:
    """Return the class of a technology: its words in capitals, apart from the names that its module imports."""
    import symarch

    found = "".join(word.capitalize() for word in name.split("-"))
    taken = found in symarch.__all__ or found == "ClassVar" or iskeyword(found)
    return f"{found}Technology" if taken else found
