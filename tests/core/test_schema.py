"""The JSON Schema of system specs agrees with the reader on the shipped specs and on common mistakes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from symarch.specs.files import shipped
from symarch.specs.schema import schema

SYSTEMS = sorted((shipped() / "systems").glob("*.toml"))


@pytest.fixture(scope="module")
def validator() -> Any:
    made = schema()
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


@pytest.mark.parametrize("path", SYSTEMS, ids=lambda p: p.stem)
def test_shipped_systems_are_valid(validator: Any, path: Path) -> None:
    assert list(validator.iter_errors(tomllib.loads(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "text",
    [
        "format = 2",
        'nmae = "x"',
        "[memory.hbm]\nstacks = -1",
        '[memory.hbm]\ntechnology = "hbm"\nstakcs = 5',
        '[memory.hbm]\ntechnology = "hbm"\nefficiency = 1.5',
        '[memory.hbm]\ntechnology = "hbm"\npreset = "hbm9"',
        '[memory.HBM]\ntechnology = "hbm"',
        '[memory.hbm]\ntechnology = "nvlink"',
        '[memory.hbm]\narbitration = "round-robin"',
        "[mapping]\ntensor = 0",
        "[mapping]\ntensro = 8",
        '[mapping]\nplace = { wieghts = "hbm" }',
    ],
)
def test_mistakes_are_invalid(validator: Any, text: str) -> None:
    table = {"format": 1} | tomllib.loads(text)
    assert list(validator.iter_errors(table))
