"""A written plugin project is complete: it passes its own tests, and installs, lists, runs and goes as a package."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.cli import main
from symarch.cli.new_plugin import KINDS, class_name, write_project
from symarch.plugins import registry
from symarch.report.data import plugins_of
from symarch.testing import check_technology

Install = Callable[..., Path]


def put(install: Install, folder: Path) -> None:
    """Install a project as it lies in its folder."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    files = {p.name: p.read_text(encoding="utf-8") for p in folder.glob("symarch_*")}
    install(project["name"], files, project["entry-points"]["symarch"], project["version"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_project_of_each_kind_passes_the_kit_and_runs(kind: str, tmp_path: Path, install: Install) -> None:
    folder = tmp_path / "project"
    write_project(f"made-{kind}", kind, folder)
    put(install, folder)
    cls = registry().technology(f"made-{kind}")
    assert cls.kind == kind
    assert check_technology(f"made-{kind}").ok
    system = symarch.load_system(str(folder / "example.toml"))
    result = symarch.analyze(system, symarch.load_model("llama-3.1-8b")).evaluate(batch=8)
    assert result.feasible
    assert result.metrics["energy_per_token"]
    used = {p["name"]: p["distribution"] for p in plugins_of(system)}
    assert used[f"made-{kind}"] == f"symarch-made-{kind}"
    compile((folder / f"test_made_{kind}.py").read_text(encoding="utf-8"), "test", "exec")


def test_a_new_memory_takes_at_most_thirty_lines_and_one_entry_point(tmp_path: Path) -> None:
    write_project("my-memory", "memory", tmp_path / "p")
    lines = (tmp_path / "p" / "symarch_my_memory.py").read_text(encoding="utf-8").splitlines()
    assert len([line for line in lines if line.strip()]) <= 30
    assert max(map(len, lines)) <= 120
    project = tomllib.loads((tmp_path / "p" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "symarch-my-memory"
    assert project["entry-points"] == {"symarch": {"my-memory": "symarch_my_memory"}}


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_of_a_project_says_that_it_is_assumed(kind: str, tmp_path: Path, install: Install) -> None:
    from symarch.technologies import parameters_of

    folder = tmp_path / "project"
    write_project(f"said-{kind}", kind, folder)
    put(install, folder)
    module = f"symarch_said_{kind}"
    for parameter in parameters_of(registry().technology(f"said-{kind}")):
        assert parameter.status == "assumed"
        assert parameter.source.startswith("assumed") or parameter.source.startswith("absent unless ")
    presets = folder / f"{module}.toml"
    assert presets.exists() is (kind != "topology")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("My-Memory", "'My-Memory' cannot name a plugin; it must be lower-case words (a-z, 0-9) joined by hyphens"),
        ("my_memory", "'my_memory' cannot name a plugin"),
        ("my--memory", "cannot name a plugin"),
        ("-x", "No such option|cannot name a plugin"),
        ("3d", "cannot name a plugin"),
        ("../x", "cannot name a plugin"),
        ("x\n", "cannot name a plugin"),
        ("hbm", "a technology 'hbm' is installed, from symarch "),
        ("technologies", "a module symarch_technologies is installed"),
    ],
)
def test_a_name_that_cannot_be_is_one_clear_sentence(
    name: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["new-plugin", name])
    assert stopped.value.code == 2
    assert any(w in capsys.readouterr().err for w in words.split("|"))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "symarch-fresh").mkdir()
    (tmp_path / "symarch-fresh" / "kept.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SystemExit) as stopped:
        main(["new-plugin", "fresh"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "symarch: symarch-fresh exists already; nothing is overwritten\n"
    assert [p.name for p in (tmp_path / "symarch-fresh").iterdir()] == ["kept.txt"]
    with pytest.raises(SystemExit) as stopped:
        main(["new-plugin", "fresh", "--directory", "symarch-fresh/kept.txt"])
    assert stopped.value.code == 2
    assert "exists already" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        main(["new-plugin", "fresh", "--directory", "symarch-fresh/kept.txt/below"])
    assert stopped.value.code == 2
    assert "cannot write symarch-fresh/kept.txt/below: Not a directory" in capsys.readouterr().err


def test_the_folder_can_be_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["new-plugin", "fresh", "--kind", "topology", "--directory", "a/b"])
    assert stopped.value.code in (0, None)
    out = capsys.readouterr().out
    assert sorted(out.split()) == sorted(str(p.relative_to(tmp_path)) for p in (tmp_path / "a" / "b").iterdir())


def test_the_class_is_called_like_the_technology_and_hides_nothing_it_imports() -> None:
    assert class_name("my-memory") == "MyMemory"
    assert class_name("hbm5") == "Hbm5"
    assert class_name("memory") == "MemoryTechnology"
    assert class_name("quantity") == "QuantityTechnology"
    assert class_name("none") == "NoneTechnology"


def run(*command: Any, **how: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **how)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.slow
def test_a_project_is_built_installed_listed_used_tested_and_removed(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    symarch_here = "from symarch.cli import main; main()"
    run(sys.executable, "-c", symarch_here, "new-plugin", "my-memory", cwd=tmp_path, env=environment)
    project = tmp_path / "symarch-my-memory"
    here = ["--no-isolation"] if importlib.util.find_spec("hatchling") else []
    run(sys.executable, "-m", "build", "--wheel", *here, "--outdir", tmp_path, project, env=environment)
    wheel = next(tmp_path.glob("*.whl"))
    assert wheel.name == "symarch_my_memory-0.1.0-py3-none-any.whl"
    held = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    assert held == {"symarch_my_memory.py", "symarch_my_memory.toml"}

    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
    # symarch and what it needs come from the environment of this test, so that no package index is asked
    (site / "symarch.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")

    def listed() -> dict[str, Any]:
        found = json.loads(run(python, "-c", symarch_here, "plugins", "list", "--json", env=environment).stdout)
        return {row["name"]: row for row in found}

    before = listed()
    assert "my-memory" not in before
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, env=environment)
    after = listed()
    row = after.pop("my-memory")
    assert (row["distribution"], row["version"]) == ("symarch-my-memory", "0.1.0")
    assert (row["kind"], row["presets"]) == ("memory", ["fast"])
    specs = after.pop("specs.shipped"), before.pop("specs.shipped")
    assert specs[0]["distribution"] == specs[1]["distribution"]
    assert after == before

    # away from the project: what is installed is used, not what lies there
    work = tmp_path / "work"
    work.mkdir()
    for name in ("example.toml", "test_my_memory.py"):
        shutil.copy(project / name, work)
    done = run(python, "-c", symarch_here, "run", "example.toml", "--model", "llama-3.1-8b", "--json", cwd=work,
               env=environment)  # fmt: skip
    used = {p["name"]: p for p in json.loads(done.stdout)["plugins"]}
    assert used["my-memory"] == {"name": "my-memory", "distribution": "symarch-my-memory", "version": "0.1.0"}
    run(python, "-c", symarch_here, "plugins", "check", "my-memory", cwd=work, env=environment)
    tested = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", ".", cwd=work, env=environment)
    assert " passed" in tested.stdout
    assert "failed" not in tested.stdout

    run(python, "-m", "pip", "uninstall", "--yes", "symarch-my-memory", env=environment)
    assert "my-memory" not in listed()
