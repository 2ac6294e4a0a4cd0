"""Every block of README.md and docs/ does what it says: specs load, code runs, commands print what is shown.

A block's marker is an HTML comment on the line before it. `<!-- preset -->` is a TOML block that is no system spec;
`<!-- file: NAME -->` is written to the page's working folder, where its later blocks run; `<!-- project: NAME -->` is
that file of the project that `symarch new-plugin` wrote on the page. A page that writes a pyproject.toml or a project
has a plugin of its own; it is installed for that page's commands. With SYMARCH_UPDATE_DOCS=1 shown output and generated
sections are rewritten with the real ones instead of being compared.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from symarch import load_system
from symarch.cli import main

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
UPDATE = bool(os.environ.get("SYMARCH_UPDATE_DOCS"))

_FENCE = re.compile(r"^```(\w+)?$")
_MARKER = re.compile(r"<!-- (.+) -->$")
_LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)")


@attrs.frozen
class Block:
    """A fenced block: its language, marker, text and the line its fence stands on."""

    page: Path
    line: int
    language: str
    marker: str
    text: str
    follows: int | None  # line of the block this one stands directly after, with nothing between them

    @property
    def file(self) -> str | None:
        return self.marker.removeprefix("file: ") if self.marker.startswith("file: ") else None

    @property
    def project(self) -> str | None:
        return self.marker.removeprefix("project: ") if self.marker.startswith("project: ") else None

    @property
    def is_spec(self) -> bool:
        return self.language == "toml" and not self.marker


def blocks_of(page: Path) -> list[Block]:
    lines = page.read_text(encoding="utf-8").splitlines()
    found: list[Block] = []
    position, end = 0, -1
    while position < len(lines):
        opened = _FENCE.match(lines[position])
        if not opened:
            position += 1
            continue
        close = next(i for i in range(position + 1, len(lines)) if lines[i] == "```")
        marker = _MARKER.match(lines[position - 1]) if position else None
        directly = found and not any(lines[end + 1 : position])
        found.append(
            Block(
                page=page,
                line=position + 1,
                language=opened[1] or "",
                marker=marker[1] if marker else "",
                text="\n".join([*lines[position + 1 : close], ""]),
                follows=found[-1].line if directly else None,
            )
        )
        position, end = close + 1, close
    return found


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def named(*languages: str, **only: bool) -> pytest.MarkDecorator:
    chosen = [b for b in BLOCKS if b.language in languages and all(bool(getattr(b, k)) is v for k, v in only.items())]
    return pytest.mark.parametrize("block", chosen, ids=[f"{b.page.relative_to(ROOT)}:{b.line}" for b in chosen])


class Reader:
    """A reader who works through one page: a folder, a Python namespace, and what has been done so far."""

    def __init__(self, page: Path, folder: Path) -> None:
        self.folder = folder
        self.blocks = [b for b in BLOCKS if b.page == page]
        self.namespace: dict[str, Any] = {"__name__": page.stem}
        self.printed: dict[int, str] = {}
        self.environment: dict[str, str] | None = None
        self.project = folder  # of the plugin that the page writes
        self.written: dict[tuple[str, ...], tuple[str, int]] = {}

    def reach(self, line: int) -> None:
        """Do all that stands before a line and leaves something behind."""
        for block in self.blocks:
            if block.line < line:
                self.do(block)

    def do(self, block: Block) -> None:
        if block.line in self.printed:
            return
        self.printed[block.line] = ""
        if block.project:
            return
        for line in block.text.splitlines() if block.language == "console" else ():
            if re.match(r"\$ symarch new-plugin \w", line):
                self.write_project(shlex.split(line)[2:])
        name = block.file
        if name is None and block.is_spec:
            name = tomllib.loads(block.text)["name"] + ".toml"
        if name is not None:
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text, encoding="utf-8")
            if name == "pyproject.toml":
                self._install()
        if block.language == "python":
            out = io.StringIO()
            source = "\n" * block.line + block.text  # so that a traceback names the page's line
            with contextlib.redirect_stdout(out):
                exec(compile(source, str(block.page), "exec"), self.namespace)
            self.printed[block.line] = out.getvalue()

    def write_project(self, arguments: list[str]) -> tuple[str, int]:
        """Run `symarch new-plugin` once, and install what it writes."""
        if tuple(arguments) not in self.written:
            self.written[tuple(arguments)] = self._call(arguments, dict(os.environ))
            self.project = self.folder / f"symarch-{arguments[1]}"
            self._install()
        return self.written[tuple(arguments)]

    def _install(self) -> None:
        """Put a plugin's metadata on the path, as an installer does, and its project's folder."""
        project = tomllib.loads((self.project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        info = self.folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
        )
        points = project["entry-points"]["symarch"]
        lines = ["[symarch]", *(f"{k} = {v}" for k, v in points.items()), ""]
        (info / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
        path = os.pathsep.join(dict.fromkeys((str(self.folder), str(self.project))))
        self.environment = {**os.environ, "PYTHONPATH": path}

    def _call(self, arguments: list[str], environment: dict[str, str]) -> tuple[str, int]:
        command = [sys.executable, "-c", "from symarch.cli import main; main()", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr, done.returncode

    def run(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[str, int]:
        """Run the command line; return what a terminal shows and the exit code."""
        if arguments[0] == "new-plugin" and arguments[1] != "--help":
            return self.write_project(arguments)
        if self.environment is not None:
            return self._call(arguments, self.environment)
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        shown = capsys.readouterr()
        code = stopped.value.code
        return shown.out + shown.err, code if isinstance(code, int) else 0


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Reader]:
    return {page: Reader(page, tmp_path_factory.mktemp(page.stem.replace(".", "_"))) for page in PAGES}


@pytest.fixture
def reader(block: Block, readers: dict[Path, Reader], monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Return the reader of the block's page, arrived at the block, before a terminal of 80 columns."""
    mine = readers[block.page]
    monkeypatch.chdir(mine.folder)
    monkeypatch.setenv("COLUMNS", "80")
    for variable in ("FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(variable, raising=False)
    mine.reach(block.line)
    return mine


@pytest.fixture(scope="module")
def rewrites() -> Iterator[dict[Block, str]]:
    """Collect the blocks whose text is to be replaced, and replace them at the end."""
    wanted: dict[Block, str] = {}
    yield wanted
    for page in {b.page for b in wanted}:
        lines = page.read_text(encoding="utf-8").splitlines()
        for block in sorted((b for b in wanted if b.page == page), key=lambda b: -b.line):
            lines[block.line : block.line + block.text.count("\n")] = wanted[block].splitlines()
        page.write_text("\n".join([*lines, ""]), encoding="utf-8")


def compare(block: Block, real: str, rewrites: dict[Block, str]) -> None:
    if UPDATE and real != block.text:
        rewrites[block] = real
        return
    assert real == block.text


@named("toml", is_spec=True)
def test_system_spec_loads(block: Block, reader: Reader) -> None:
    reader.do(block)
    assert load_system(f"{tomllib.loads(block.text)['name']}.toml").components


@named("toml", is_spec=False)
def test_other_toml_is_toml(block: Block) -> None:
    assert tomllib.loads(block.text)


@named("python")
def test_python_block_runs(block: Block, reader: Reader) -> None:
    reader.do(block)


WRITTEN = [b for b in BLOCKS if b.project]


@pytest.mark.parametrize("block", WRITTEN, ids=[f"{b.page.relative_to(ROOT)}:{b.line}" for b in WRITTEN])
def test_file_of_a_project_is_the_one_that_is_written(block: Block, reader: Reader, rewrites: dict[Block, str]) -> None:
    compare(block, (reader.project / (block.project or "")).read_text(encoding="utf-8"), rewrites)


SHOWN = [b for b in BLOCKS if b.language == "text" and b.follows is not None]


@pytest.mark.parametrize("block", SHOWN, ids=[f"{b.page.relative_to(ROOT)}:{b.line}" for b in SHOWN])
def test_text_after_a_python_block_is_what_it_prints(block: Block, reader: Reader, rewrites: dict[Block, str]) -> None:
    assert block.follows is not None
    before = next(b for b in reader.blocks if b.line == block.follows)
    assert before.language == "python", "a text block directly after another block shows what Python printed"
    compare(block, reader.printed[block.follows], rewrites)


@named("console")
def test_command_prints_what_is_shown(
    block: Block, reader: Reader, capsys: pytest.CaptureFixture[str], rewrites: dict[Block, str]
) -> None:
    real: list[str] = []
    code = 0
    for line in block.text.splitlines():
        if not line.startswith("$ "):
            continue
        real.append(line)
        if line == "$ echo $?":
            real.append(str(code))
            continue
        words, _, filters = line[2:].partition(" | ")
        command, *arguments = shlex.split(words)
        assert command in ("symarch", ".venv/bin/symarch")
        output, code = reader.run(arguments, capsys)
        lines = output.splitlines()
        if filters:
            kept = re.fullmatch(r'head -(\d+)|grep -E "([^"]+)"', filters)
            assert kept, f'only head -N or grep -E "PATTERN" may follow a command, not {filters!r}'
            lines = lines[: int(kept[1])] if kept[1] else [one for one in lines if re.search(kept[2], one)]
        real += lines
    if not re.search(r"^\$ echo \$\?$", block.text, re.MULTILINE):
        assert code == 0, real[-1]
    compare(block, "\n".join([*real, ""]), rewrites)


@named("sh")
def test_shell_block_runs(block: Block, reader: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    for step in re.split(r"\n| && ", block.text):
        command, *arguments = shlex.split(step) or [""]
        if command.rpartition("/")[2] == "symarch":
            assert reader.run(arguments, capsys)[1] == 0


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the usual renderers make them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        assert there.exists(), f"{target} leads nowhere"
        if anchor:
            assert anchor in anchors(there), f"{target}: no such heading"


def test_every_page_is_linked() -> None:
    linked = set()
    for page in PAGES:
        for target in _LINK.findall(page.read_text(encoding="utf-8")):
            linked.add((page.parent / target.partition("#")[0]).resolve())
    assert [str(p.relative_to(ROOT)) for p in PAGES[1:] if p not in linked] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_blocks_are_of_a_tested_kind(page: Path) -> None:
    kinds = {"console", "json", "python", "sh", "text", "toml"}
    assert {b.language for b in blocks_of(page)} <= kinds
