"""Where specs lie: in the data folders of installed packages, symarch's own the first of them, or at a path.

A folder holds `systems/NAME.toml`, `models/NAME.json`, `studies/NAME.toml`, `prices/NAME.toml` and
`presets/TECHNOLOGY.toml`. What symarch ships is found through the same hook as a third party's data.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import attrs

from symarch.errors import PluginError, SymarchError, UnknownNameError, nearest
from symarch.plugins import Provider, registry
from symarch.plugins.discovery import OWN
from symarch.plugins.hookspecs import hookimpl
from symarch.specs.prices import read_prices

LARGEST = 2 * 2**20
"""Bytes of the largest spec read; a spec is written by people."""

KINDS = {
    "system": ("systems", ".toml"),
    "model": ("models", ".json"),
    "study": ("studies", ".toml"),
    "prices": ("prices", ".toml"),
}
"""Folder and suffix of each kind of spec; presets lie in a folder of their own, a file for each technology."""

PRESETS = "presets"
"""The folder of presets."""


def shipped() -> Path:
    """Return the folder of shipped specs: packaged in a wheel, at the top of the tree in an editable install."""
    packaged = Path(__file__).parents[1] / "shipped"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "specs"


@hookimpl
def symarch_specs() -> list[Path]:
    """Return the folder of shipped specs."""
    return [shipped()]


@attrs.frozen
class Found:
    """A file of a data folder, and the package it came with."""

    path: Path
    provider: Provider

    @property
    def place(self) -> str:
        """Where it is, for a message: its folder and name, and the distribution."""
        return f"{self.path.parent.name}/{self.path.name} of {self.provider.distribution}"


def folders() -> dict[Path, Provider]:
    """Return the data folders with who provides each, symarch's own first: a package installed later takes no name."""
    found = registry().folders()
    return dict(sorted(found.items(), key=lambda item: (item[1].distribution != OWN, item[1].distribution)))


def files_of(folder: str, suffix: str) -> dict[str, list[Found]]:
    """Return the files of all data folders by name, symarch's own first."""
    found: dict[str, list[Found]] = {}
    for root, provider in folders().items():
        for path in sorted(p for p in (root / folder).glob(f"*{suffix}") if p.is_file()):
            found.setdefault(path.name.removesuffix(suffix), []).append(Found(path, provider))
    return found


def provider_of(path: Path | None) -> Provider | None:
    """Return who provides a file, None if it lies in no data folder."""
    return next((p for root, p in folders().items() if path is not None and path.is_relative_to(root)), None)


def rivals(what: str, name: str, claims: list[str]) -> str | None:
    """Return the sentence on a name that two distributions claim, None if one does."""
    if len(claims) == 1:
        return None
    first, second = claims[:2]
    which = second if first == OWN else "one of them"
    return f"{what} '{name}' is provided by {first} and by {second}; uninstall {which}"


def _find(name: str, kind: str) -> Path:
    """Return what symarch ships, else what lies at a path, else what another package brings.

    So installing a package changes nothing for a name that meant something before.
    """
    known = files_of(*KINDS[kind])
    files = known.get(name, [])
    if files and files[0].provider.distribution == OWN:
        return files[0].path  # a rival is told where specs are listed
    path = _at_path(name, kind)
    if path is not None:
        return path
    if files:
        rival = rivals(kind, name, [f.provider.distribution for f in files])
        if rival:
            raise PluginError(rival)
        return files[0].path
    if name and Path(name).is_dir():
        lacks = " that holds no config.json" if kind == "model" else f"; a {kind} is a file"
        raise UnknownNameError(f"{kind} '{name}' is a folder{lacks}")
    if Path(name).suffix in (".toml", ".json") or "/" in name:
        raise UnknownNameError(f"{kind} file '{name}' does not exist")
    raise UnknownNameError(f"unknown {kind} '{name}'{registry().hint}; {nearest(name, known)}")


def _at_path(name: str, kind: str) -> Path | None:
    """Return a file by its path, a model also by that of its folder. Raises UnknownNameError if it cannot be read."""
    path = Path(name)
    try:
        if path.is_file():
            return path
        if path.is_dir() and (path / "config.json").is_file() and kind == "model":
            return path / "config.json"
    except OSError as error:  # a name too long for a file, a folder that may not be entered
        raise UnknownNameError(f"{kind} file '{name:.60}' cannot be read: {error.strerror}") from None
    return None


def find_system(name: str) -> Path:
    """Return the file of a system: a name that an installed package has, or a path. Raises UnknownNameError."""
    return _find(name, "system")


def find_prices(name: str) -> Path:
    """Return the file of a list of prices: an installed name, or a path. Raises UnknownNameError."""
    return _find(name, "prices")


def find_model(name: str) -> Path:
    """Return the file of a model: an installed name, a `config.json`, or a folder that holds one."""
    return _find(name, "model")


def find_spec(name: str) -> tuple[str, Path]:
    """Return kind and file of a spec by the name that an installed package has, or its path. Raises UnknownNameError.

    A path is that of a system if it ends in .toml, else of a model.
    """
    for kind, where in KINDS.items():
        if name in files_of(*where):
            return kind, _find(name, kind)
    if Path(name).suffix == ".toml":
        return "system", find_system(name)
    try:
        return "model", find_model(name)
    except UnknownNameError:
        known = [s.name for s in list_specs()]
        raise UnknownNameError(f"unknown spec '{name}'{registry().hint}; {nearest(name, known)}") from None


@attrs.frozen
class Listed:
    """One line of `specs list`.

    Attributes:
        name: as commands take it.
        kind: system, model, study, prices or preset.
        title: one line.
        distribution: the installed package it came with.
    """

    name: str
    kind: str
    title: str
    distribution: str


def list_specs() -> list[Listed]:
    """Return what installed packages bring: systems, models, studies, prices, and the presets of all technologies."""
    return listing()[0]


def listing() -> tuple[list[Listed], list[str]]:
    """Return what installed packages bring, and a sentence on each file that cannot be used."""
    from symarch.specs.presets import CORE, preset_faults, presets_of

    found: list[Listed] = []
    faults: list[str] = []
    for kind, where in KINDS.items():
        for name, files in files_of(*where).items():
            rival = rivals(kind, name, [f.provider.distribution for f in files])
            if rival:
                faults.append(rival)
            if rival and files[0].provider.distribution != OWN:
                continue
            try:
                found.append(Listed(name, kind, title_of(kind, files[0].path), files[0].provider.distribution))
            except SymarchError as error:
                faults.append(f"{files[0].place}: {error}")
    technologies = [*registry().technologies(), *CORE]
    for technology in technologies:
        try:
            presets = presets_of(technology)
        except SymarchError as error:
            faults += str(error).splitlines()
            continue
        faults += preset_faults(technology)
        found += [Listed(f"{technology}:{p.name}", "preset", p.title, p.distribution) for p in presets.values()]
    for name, files in files_of(PRESETS, ".toml").items():
        if name not in technologies:
            faults += [f"{f.place}: unknown technology '{name}'; {nearest(name, technologies)}" for f in files]
    return found, faults


def title_of(kind: str, path: Path) -> str:
    """Return the title that a file states, empty if it states none. Raises SymarchError if it cannot be read."""
    if kind == "prices":
        return read_prices(path).title
    try:
        text = path.read_text(encoding="utf-8-sig")
        table: Any = json.loads(text).get("_symarch", {}) if kind == "model" else tomllib.loads(text)
    except OSError as error:
        raise SymarchError(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML or JSON, or a number of thousands of digits
        raise SymarchError(f"not {'JSON' if kind == 'model' else 'TOML'}: {error}") from None
    except AttributeError:
        raise SymarchError("it must hold an object") from None
    title = table.get("title", "") if isinstance(table, dict) else ""
    return title if isinstance(title, str) else ""
