"""Where specs lie: the shipped folder, or a path the user gives."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import attrs

from symarch.errors import UnknownNameError, nearest

LARGEST = 2 * 2**20
"""Bytes of the largest spec read; a spec is written by people."""


def shipped() -> Path:
    """Return the folder of shipped specs: packaged in a wheel, at the top of the tree in an editable install."""
    packaged = Path(__file__).parents[1] / "shipped"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "specs"


def _names(folder: str, suffix: str) -> dict[str, Path]:
    return {p.name.removesuffix(suffix): p for p in sorted((shipped() / folder).glob(f"*{suffix}"))}


def _find(name: str, what: str, folder: str, suffix: str) -> Path:
    known = _names(folder, suffix)
    if name in known:
        return known[name]
    path = Path(name)
    try:
        if path.is_file():
            return path
        if path.is_dir() and (path / "config.json").is_file() and what == "model":
            return path / "config.json"
    except OSError as error:  # a name too long for a file, a folder that may not be entered
        raise UnknownNameError(f"{what} file '{name:.60}' cannot be read: {error.strerror}") from None
    if path.suffix in (".toml", ".json") or "/" in name:
        raise UnknownNameError(f"{what} file '{name}' does not exist")
    raise UnknownNameError(f"unknown {what} '{name}'; {nearest(name, known)}")


def find_system(name: str) -> Path:
    """Return the file of a system: a shipped name or a path. Raises UnknownNameError."""
    return _find(name, "system", "systems", ".toml")


def find_model(name: str) -> Path:
    """Return the file of a model: a shipped name, a `config.json`, or a folder that holds one."""
    return _find(name, "model", "models", ".json")


@attrs.frozen
class Listed:
    """One line of `specs list`."""

    name: str
    kind: str
    title: str


def list_specs() -> list[Listed]:
    """Return the shipped systems and models, and the presets of all technologies."""
    from symarch.plugins import registry
    from symarch.specs.presets import presets_of

    found = []
    for name, path in _names("systems", ".toml").items():
        found.append(Listed(name, "system", tomllib.loads(path.read_text(encoding="utf-8")).get("title", "")))
    for name, path in _names("models", ".json").items():
        found.append(Listed(name, "model", json.loads(path.read_text(encoding="utf-8"))["_symarch"]["title"]))
    for technology in registry().technologies():
        found += [Listed(f"{technology}:{p.name}", "preset", p.title) for p in presets_of(technology).values()]
    return found
