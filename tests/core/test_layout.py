"""The rooms of the core and their order; what may stand at the top of the tree; what a wheel holds."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from pkgutil import iter_modules

import pytest

import symarch
import symarch_technologies

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "symarch"

ROOMS = (
    "errors", "notebook", "quantities", "program", "formula", "technologies", "plugins", "specs", "system", "trace",
    "mapping", "analysis", "search", "results", "sensitivity", "api", "accuracy", "remedies", "compare", "report",
    "testing", "cli",
)  # fmt: skip


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names}
    return {m.split(".")[1] for m in found if m.startswith("symarch.")}


def test_every_room_is_in_the_list() -> None:
    rooms = {p.stem for p in CORE.iterdir() if p.suffix == ".py" or p.is_dir()} - {"__init__", "__pycache__", "shipped"}
    assert rooms == set(ROOMS)


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda p: str(p.relative_to(CORE)))
def test_nothing_imports_from_a_later_room(path: Path) -> None:
    room = path.relative_to(CORE).parts[0].removesuffix(".py")
    if room == "__init__":
        return  # lazy imports of everything, by name
    later = {r for r in imported(path) if ROOMS.index(r) > ROOMS.index(room)}
    assert not later


@pytest.mark.parametrize("path", sorted((ROOT / "plugins").rglob("*.py")), ids=lambda p: p.stem)
def test_technologies_know_only_the_public_contract(path: Path) -> None:
    assert imported(path) == set()


def test_the_core_names_no_technology() -> None:
    names = {m.name for m in iter_modules(symarch_technologies.__path__)} - {"switch"}  # also a table of a spec
    for path in CORE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                words = {c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, str)}
                assert not words & names, f"{path}:{node.lineno}"


def test_technologies_know_the_core_by_its_public_names_alone() -> None:
    folder = Path(symarch_technologies.__path__[0])
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("symarch."):
                raise AssertionError(f"{file.name} imports from {node.module}; technologies import from symarch")
            if isinstance(node, ast.Import):
                assert not [n.name for n in node.names if n.name.startswith("symarch.")], file.name


def test_public_names_exist() -> None:
    for name in symarch.__all__:
        assert getattr(symarch, name) is not None
    assert set(symarch.__all__) <= set(dir(symarch))


def tracked() -> list[str]:
    try:
        done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return done.stdout.split("\n")[:-1]


def test_the_top_level_is_as_agreed() -> None:
    allowed = {"pyproject.toml", "README.md", "LICENSE", "core", "plugins", "specs", "tests", "docs"}
    top = {name.split("/")[0] for name in tracked()}
    assert {n for n in top if not n.startswith(".")} <= allowed


def test_no_machine_path_is_tracked() -> None:
    pattern = re.compile("|".join(("/" + "work/", "/" + "root/", "/" + "tmp/[a-z]")))
    for name in tracked():
        path = ROOT / name
        if path.suffix in {".py", ".toml", ".md", ".json"}:
            assert not pattern.search(path.read_text(encoding="utf-8")), name


@pytest.mark.slow
def test_a_wheel_holds_both_packages_and_the_specs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    wheel = next(tmp_path.glob("*.whl"))
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {n.split("/")[0] for n in names}
    assert {t for t in tops if not t.endswith(".dist-info")} == {"symarch", "symarch_technologies"}
    assert "symarch/shipped/systems/h100-sxm.toml" in names
    assert "symarch/shipped/models/llama-3.1-8b.json" in names
    assert "symarch_technologies/hbm.toml" in names
    assert "symarch/py.typed" in names
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True, capture_output=True)
    command = [str(python.parent / "symarch"), "run", "h100-sxm-8", "--model", "llama-3.1-70b"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "tpot" in done.stdout
