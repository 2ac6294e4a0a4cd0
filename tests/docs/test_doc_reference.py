"""The reference pages name what the program has: commands, hooks, the Python API, JSON keys, units, technologies."""

from __future__ import annotations

import inspect
import json
import os
import re
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import attrs
import click
import pytest

import symarch
from symarch.api import ConstraintResult, Explanation, OperatorResult, ResourceResult, Result, Term
from symarch.cli import cli, main
from symarch.errors import SymarchError
from symarch.plugins import hookspecs, registry
from symarch.quantities import format_quantity, parse_quantity
from symarch.quantities.units import _UNITS
from symarch.report.technology import technology_data, technology_markdown
from symarch.sensitivity import Check, Elasticity, Group, Sensitivity
from symarch.specs import presets_of
from symarch.specs.placement import PLACED
from symarch.specs.presets import _KEYS as PRESET_KEYS
from symarch.specs.systems import _OWN, _TOP
from symarch.specs.values import _KEYS as VALUE_KEYS
from symarch.specs.values import _STATUS
from symarch.technologies import DATA_TYPES, Runtime, Technology, options_of, parameters_of
from symarch.trace import Architecture

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def code_words(text: str) -> set[str]:
    """Return everything a page sets in code, blocks left out."""
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`([^`\n]+)`", text))


def section(text: str, title: str) -> str:
    """Return the part of a page under a heading."""
    match = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", text, re.MULTILINE | re.DOTALL)
    assert match, f"no section {title!r}"
    return match[2]


def table_rows(text: str) -> list[list[str]]:
    """Return the cells of the Markdown tables in a text, headings left out."""
    rows = []
    for line in text.splitlines():
        if line.startswith("|") and not re.match(r"\|[\s:|-]+\|$", line):
            rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
        elif line.startswith("|"):
            rows.pop()  # the row above the rule is the heading
    return rows


# --- the command line


def commands(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    yield name, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from commands(found, f"{name} {child}")


@pytest.mark.parametrize("name", [n for n, _ in commands(cli, "symarch")])
def test_cli_page_shows_the_help_of_every_command(name: str) -> None:
    assert f"$ {name} --help\n" in page("cli.md")


@pytest.mark.parametrize("name", [n for n, _ in commands(cli, "symarch")])
def test_cli_page_has_every_option(name: str) -> None:
    shown = page("cli.md").split(f"$ {name} --help\n")[1].partition("```")[0]
    for parameter in dict(commands(cli, "symarch"))[name].params:
        if isinstance(parameter, click.Option):
            assert all(spelled in shown for spelled in parameter.opts)


# --- hooks


def hook_specifications() -> dict[str, Any]:
    found = vars(hookspecs).items()
    return {n: f for n, f in found if inspect.isfunction(f) and n.startswith("symarch_")}


@pytest.mark.parametrize("name", sorted(hook_specifications()))
def test_hook_is_documented_with_its_signature(name: str) -> None:
    signature = str(inspect.signature(hook_specifications()[name])).replace("'", "")
    assert f"## {name}\n" in page("hooks.md")
    assert f"`{name}{signature}`" in section(page("hooks.md"), name)


def test_hooks_page_documents_no_other_hook() -> None:
    assert set(re.findall(r"^## (symarch_\w+)$", page("hooks.md"), re.MULTILINE)) == set(hook_specifications())


def test_what_a_model_family_answers_is_documented() -> None:
    text = section(page("hooks.md"), "symarch_model_architectures")
    assert [n for n in vars(Architecture) if not n.startswith("_") and not re.search(rf"`{n}[`(]", text)] == []


# --- the Python API


@pytest.mark.parametrize("name", symarch.__all__)
def test_public_name_has_a_heading(name: str) -> None:
    assert re.search(rf"^### `{re.escape(name)}[`(]", page("python-api.md"), re.MULTILINE)


def test_python_page_documents_no_other_name() -> None:
    headed = re.findall(r"^### `(\w+)", page("python-api.md"), re.MULTILINE)
    assert sorted(headed) == sorted(symarch.__all__)


@pytest.mark.parametrize(
    "name", ["analyze", "load_model", "load_system", "time_operator", "parameter", "option", "quantity"]
)
def test_documented_signature_has_every_argument(name: str) -> None:
    heading = re.search(rf"^### `{name}\((.*)\)`$", page("python-api.md"), re.MULTILINE)
    assert heading
    given = [part.partition("=")[0].strip() for part in heading[1].split(", ")]
    assert given == _spelled(inspect.signature(getattr(symarch, name)))


def _spelled(signature: inspect.Signature) -> list[str]:
    names, keyword_only = [], False
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not keyword_only:
            names.append("*")
            keyword_only = True
        names.append(parameter.name)
    return names


RECORDS = (Result, OperatorResult, ResourceResult, ConstraintResult, Explanation, Term, Sensitivity, Elasticity, Group,
           Check, symarch.Schedule, symarch.Effort, symarch.Operator)  # fmt: skip


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: str(r.__name__))
def test_fields_of_a_record_are_documented(record: type) -> None:
    words = code_words(page("python-api.md"))
    assert [f.name for f in attrs.fields(record) if f.name not in words] == []


@pytest.mark.parametrize("cls", [symarch.Analysis, symarch.System, Sensitivity], ids=lambda c: str(c.__name__))
def test_methods_are_documented(cls: type) -> None:
    text = page("python-api.md")
    public = [n for n, v in vars(cls).items() if not n.startswith("_") and (callable(v) or isinstance(v, property))]
    assert [n for n in public if not re.search(rf"`\.?{n}[`(]", text)] == []


# --- JSON

OUTPUTS = {
    "run --json": ["run h100-sxm-8 --model llama-3.1-8b --runtime vllm", "run h100-sxm-8 --model llama-3.1-8b",
                   "run h100-sxm --model llama-3.1-8b --output 1",
                   "run h100-sxm --model llama-3.1-8b --context 4096", "run cxl-pnm-8 --model llama-3.1-8b",
                   "run b200-base-die-pnm-8 --model llama-3.1-8b", "run h100-sxm --model llama-3.1-70b",
                   "run h100-sxm --model llama-3.1-8b --prefix 9 --chunk 99 --draft 2 --acceptance 0.5",
                   "run h100-sxm --model llama-3.1-8b --prefix 9 --hit-rate 0.5 --continuous --step-tokens 99",
                   "run h100-sxm-8 --model llama-3.1-405b --batch auto --ttft-limit 1s --set mapping.tensor=auto",
                   "run h200-hbf-8 --model llama-3.1-70b --set mapping.place=auto",
                   "run h200-hbf-8 --model llama-3.1-8b"],
    "sensitivity --format json": ["sensitivity h100-sxm --model llama-3.1-8b"],
    "compare --json": ["compare h200-sxm-8 h200-hbf-8 --model llama-3.1-8b --runtime vllm",
                       "compare h200-sxm-8 h200-sxm-8 --model llama-3.1-8b --set 2:mapping.tensor=4"],
    "trace show --json": ["trace show deepseek-v3", "trace show llama-3.1-8b --context 4096"],
    "specs list --json": ["specs list"],
    "specs show --json": ["specs show h200-hbf-8", "specs show gpu:h100-sxm", "specs show llama-3.1-8b",
                          "specs show 2026-08", "specs show h100-h200-apart", "specs show h100-sxm-32"],
    "plugins list --json": ["plugins list"],
    "plugins show --json": ["plugins show gpu", "plugins show hbm", "plugins show ucie"],
}  # fmt: skip

NAMED = ("metrics", "dtype", "dims", "bytes_read", "bytes_written", "place", "run", "level", "config", "degrees")
"""Objects whose keys are names of something else."""


def key_paths(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            last = re.split(r"[.\]]", path)[-1]
            by_name = last in NAMED or (last in ("settings", "prices") and isinstance(item, Mapping))
            here = "NAME" if by_name else str(key)
            yield from key_paths(item, f"{path}.{here}" if path else here)
    elif isinstance(value, list) and (not value or isinstance(value[0], Mapping)):
        for item in value:
            yield from key_paths(item, f"{path}[]")
    else:
        yield path


@pytest.mark.parametrize("title", OUTPUTS)
def test_json_keys_are_those_documented(title: str, capsys: pytest.CaptureFixture[str]) -> None:
    found: set[str] = set()
    for command in OUTPUTS[title]:
        with pytest.raises(SystemExit) as stopped:
            main([*command.split(), *title.split()[title.count("show") + title.count("list") + 1 :]])
        assert stopped.value.code in (0, None)
        paths = {p.removeprefix("[].") for p in key_paths(json.loads(capsys.readouterr().out))}
        found |= {re.sub(r"(config\.NAME).*", r"\1", p) for p in paths}
    documented = [re.findall(r"`([^`]+)`", row[0])[0] for row in table_rows(section(page("json.md"), f"`{title}`"))]
    assert sorted(documented) == sorted(found)


# --- units


def test_every_unit_is_documented() -> None:
    documented = code_words(section(page("units.md"), "Units"))
    assert [u[0] for u in _UNITS if u[0] not in documented] == []


@pytest.mark.parametrize("row", table_rows(section(page("units.md"), "Examples")), ids=lambda r: str(r[0]).strip("`"))
def test_example_of_a_unit_is_true(row: list[str]) -> None:
    text, unit, value, printed = (cell.strip("`") for cell in row)
    assert parse_quantity(text, unit) == float(value)
    assert format_quantity(float(value), unit) == printed


@pytest.mark.parametrize("row", table_rows(section(page("units.md"), "Refused")), ids=lambda r: str(r[0]).strip("`"))
def test_refused_example_is_refused(row: list[str]) -> None:
    with pytest.raises(SymarchError):
        parse_quantity(row[0].strip("`"), row[1].strip("`"))


@pytest.mark.parametrize("row", table_rows(section(page("units.md"), "Data types")), ids=lambda r: str(r[0]).strip("`"))
def test_data_type_is_as_documented(row: list[str]) -> None:
    name, width, arithmetic = (cell.strip("`") for cell in row)
    assert (DATA_TYPES[name].bytes, ", ".join(DATA_TYPES[name].arithmetic)) == (float(width), arithmetic)


def test_every_data_type_is_documented() -> None:
    rows = table_rows(section(page("units.md"), "Data types"))
    assert {row[0].strip("`") for row in rows} == set(DATA_TYPES)


# --- specs

SPEC_WORDS = {*_TOP, *PLACED, *(k for own in _OWN.values() for k in own), *VALUE_KEYS, *_STATUS, *PRESET_KEYS,
              "technology", "preset", "tensor", "data", "place"}  # fmt: skip


@pytest.mark.parametrize("word", sorted(SPEC_WORDS))
def test_spec_key_is_documented(word: str) -> None:
    words = code_words(page("spec.md"))
    assert word in words or any(w.startswith((f"[{word}.", f"[{word}]")) for w in words)


# --- technologies: sections generated from the registry


def _row(*cells: object) -> str:
    return "| " + " | ".join(str(c).replace("|", "/") for c in cells) + " |"


def technology_table() -> list[str]:
    lines = [_row("technology", "kind", "what it is", "presets"), _row("---", "---", "---", "---")]
    for name, cls in shipped().items():
        title = (cls.__doc__ or "").strip().partition("\n")[0]
        lines.append(
            _row(
                f"[`{name}`](technologies/{name}.md)",
                cls.kind,
                title,
                ", ".join(f"`{p}`" for p in presets_of(name)) or "none",
            )
        )
    return lines


def shipped() -> dict[str, type[Technology]]:
    """Return our own technologies: a plugin installed beside symarch does not belong on the page."""
    found = registry().technologies()
    return {n: c for n, c in found.items() if registry().origin(n).distribution == "symarch"}


def value_text(setting: Any, unit: str) -> str:
    if setting is None:
        return "-"
    ends = [format_quantity(v, unit) for v in (setting.low, setting.high) if v is not None]
    return format_quantity(setting.value, unit) + (f" ({' to '.join(ends)})" if ends else "")


def runtime_keys() -> list[str]:
    lines = [_row("key", "default", "range", "meaning"), _row("---", "---", "---", "---")]
    for p in parameters_of(Runtime):
        ends = " to ".join(format_quantity(v, p.unit) for v in (p.low, p.high) if v is not None)
        assert p.default is not None
        lines.append(_row(f"`{p.name}`", format_quantity(p.default, p.unit), ends, p.doc))
    return [*lines, *(_row(f"`{o.name}`", o.default, ", ".join(o.choices), o.doc) for o in options_of(Runtime))]


def runtime_presets() -> list[str]:
    own, (starts,) = parameters_of(Runtime), options_of(Runtime)
    lines = [_row("preset", *(p.name for p in own), starts.name, "source"), _row(*["---"] * (len(own) + 3))]
    for name, preset in presets_of(Runtime.name).items():
        given = preset.settings
        values = [value_text(given.get(p.name), p.unit) for p in own]
        way = given[starts.name].value if starts.name in given else starts.default
        lines.append(_row(f"`{name}`", *values, way, next(s.source for s in given.values() if s.source)))
    return lines


@pytest.mark.parametrize(
    ("file", "build"),
    [("technologies.md", technology_table), ("spec.md", runtime_keys), ("spec.md", runtime_presets)],
    ids=lambda f: str(getattr(f, "__name__", "in")),
)
def test_generated_section_is_up_to_date(file: str, build: Any) -> None:
    name = build.__name__
    text = page(file)
    pattern = re.compile(rf"(<!-- generated: {name} -->\n\n)(.*?)(\n\n<!-- end -->)", re.DOTALL)
    match = pattern.search(text)
    assert match
    due = "\n".join(build())
    if os.environ.get("SYMARCH_UPDATE_DOCS") and match[2] != due:
        (REFERENCE / file).write_text(text[: match.start(2)] + due + text[match.end(2) :], encoding="utf-8")
        return
    assert match[2] == due


@pytest.mark.parametrize("name", sorted(n for n in entry_points(group="symarch").names if "." not in n))
def test_page_of_a_technology_is_what_the_plugin_prints(name: str) -> None:
    if name not in shipped():
        pytest.skip(f"{name} is not ours")
    file = REFERENCE / "technologies" / f"{name}.md"
    due = technology_markdown(technology_data(name))
    if os.environ.get("SYMARCH_UPDATE_DOCS"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(due, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == due


def test_no_page_is_of_a_technology_that_is_gone() -> None:
    assert {f.stem for f in (REFERENCE / "technologies").glob("*.md")} == set(shipped())


# --- the layout of the core


def rooms() -> list[str]:
    text = (ROOT / "docs" / "explanation" / "layout.md").read_text(encoding="utf-8")
    return [row[0].strip("`") for row in table_rows(section(text, "The rooms"))]


def test_layout_page_lists_every_room() -> None:
    core = ROOT / "core" / "symarch"
    there = {p.stem for p in core.iterdir() if p.suffix == ".py" or (p.is_dir() and (p / "__init__.py").is_file())}
    assert set(rooms()) == there - {"__init__"}
