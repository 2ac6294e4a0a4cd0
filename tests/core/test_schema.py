"""The JSON Schema of system specs agrees with the reader on the shipped specs and on common mistakes."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from symarch.plugins import registry
from symarch.report.data import to_json
from symarch.specs.files import shipped
from symarch.specs.schema import schema
from symarch.technologies import parameters_of

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


def test_it_is_short_since_each_parameter_is_written_once() -> None:
    made = schema()
    assert len(to_json(made)) < 300_000
    for technology in registry().technologies().values():
        for parameter in parameters_of(technology):
            own = made["$defs"][technology.name][parameter.name]
            assert own["description"] == f"{parameter.doc} [{parameter.unit}]"
    doc = made["$defs"]["nvlink"]["lanes"]["description"]
    there = [name for name, own in made["$defs"].items() if own.get("lanes", {}).get("description") == doc]
    assert to_json(made).count(f'"{doc}"') == len(there), "not anew as a link, as a network and in every pool"


def test_every_reference_has_an_end() -> None:
    made = schema()

    def ends(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from [value["$ref"]] if "$ref" in value else []
            for item in value.values():
                yield from ends(item)
        elif isinstance(value, list):
            for item in value:
                yield from ends(item)

    for reference in set(ends(made)):
        here = made
        for key in reference.removeprefix("#/").split("/"):
            here = here[key]
        assert isinstance(here, dict)


PLACES = [
    '{ weights = "hbm" }',
    "{ weights = { hbm = 0.3, hbf = 0.7 } }",
    '{ kv_cache = [ { layers = "0-39", memory = "hbm" }, { layers = "40-", memory = { hbm = 0.5, hbf = 0.5 } } ] }',
    '{ experts = { hot = "hbm", cold = "hbf", hot_experts = 16 }, embeddings = "hbf" }',
    '{ kv_cache = { recent = "hbm", old = "hbf", recent_tokens = 4096 } }',
    '{ kv_cache = { prefix = "hbf", private = "hbm" } }',
]


@pytest.mark.parametrize("place", PLACES)
def test_every_form_of_placement_is_valid(validator: Any, place: str) -> None:
    validator.validate(tomllib.loads(f"format = 1\n[mapping]\nplace = {place}"))


@pytest.mark.parametrize(
    "place",
    [
        "{ weights = { hbm = 1.3 } }",
        "{ weights = 3 }",
        '{ weights = { hot = "hbm", cold = "hbf", hot_experts = 16 } }',
        '{ experts = { hot = "hbm", cold = "hbf" } }',
        '{ activations = [ { layers = "0-", memory = "hbm" } ] }',
        '{ weights = [ { layers = "x", memory = "hbm" } ] }',
        '{ kv_cache = { recent = "hbm", old = "hbf", recent_tokens = 0 } }',
        '{ tables = "hbm" }',
    ],
)
def test_other_forms_of_placement_are_invalid(validator: Any, place: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(tomllib.loads(f"format = 1\n[mapping]\nplace = {place}"))
