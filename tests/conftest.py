"""What tests of third-party plugins share: a package that is installed for the time of one test."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from symarch.plugins import registry
from symarch.specs.presets import preset_faults, presets_of

Install = Callable[..., Path]


def _fresh() -> None:
    """Forget what was found among the installed packages."""
    importlib.invalidate_caches()
    for cached in (registry, presets_of, preset_faults):
        cached.cache_clear()


@pytest.fixture
def install(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Install]:
    """Return a function that installs a package: files and metadata in a folder on the path, as an installer does."""
    site = tmp_path_factory.mktemp("site")
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(str(site))
    made: set[str] = set()

    def do(
        distribution: str, files: Mapping[str, str], entry_points: Mapping[str, str], version: str = "1.2.3"
    ) -> Path:
        for name, text in files.items():
            path = site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            made.add(name.partition("/")[0].removesuffix(".py"))
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = ["[symarch]", *(f"{k} = {v}" for k, v in entry_points.items()), ""]
        (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        _fresh()
        return site

    yield do
    patch.undo()
    for name in [n for n in sys.modules if n.partition(".")[0] in made]:
        del sys.modules[name]
    _fresh()
