"""Mutated specs and model configs, 2,000 in all: refused with a sentence or taken as they are; never a traceback.

Each case changes a shipped file in a few places: keys renamed, dropped, doubled, values replaced by others of any type.
What is accepted must hold no key that nobody knows.
"""

from __future__ import annotations

import copy
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import symarch
from symarch.errors import SymarchError
from symarch.specs import read_system
from symarch.specs.files import shipped
from symarch.specs.toml import write_toml
from symarch.trace import load_config

SYSTEMS = {p.stem: tomllib.loads(p.read_text(encoding="utf-8")) for p in (shipped() / "systems").glob("*.toml")}
CONFIGS = {p.stem: json.loads(p.read_text(encoding="utf-8")) for p in (shipped() / "models").glob("*.json")}

WORDS = ["stacks", "hbm", "hbf", "gpu", "nvlink", "switch", "preset", "value", "low", "8", "5 us", "4 KiB", "-3 GB/s",
         "nan", "inf", "1e999 GB", "9.6 Gb/s", "bf16", "__import__('os')", "", "é", "weights", "tensor"]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(WORDS),
    st.integers(-5, 10**12),
    st.floats(allow_nan=True, allow_infinity=True),
    st.booleans(),
    st.lists(st.sampled_from(WORDS), max_size=3),
    st.dictionaries(st.sampled_from(["value", "low", "high", "source", "weights", "hbm", "x"]), st.sampled_from(WORDS)),
)
STEP = st.tuples(st.integers(0, 10**6), st.sampled_from(["replace", "rename", "drop", "add", "swap"]), VALUES)
COMMON = settings(
    max_examples=1000,
    deadline=None, database=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)  # fmt: skip
UNKNOWN = "zzz_unknown_key"


def places(table: dict[str, Any], trail: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in table.items():
        found.append((*trail, key))
        if isinstance(value, dict):
            found += places(value, (*trail, key))
    return found


def mutate(original: dict[str, Any], steps: list[tuple[int, str, Any]]) -> dict[str, Any]:
    table = copy.deepcopy(original)
    for number, action, value in steps:
        spots = places(table)
        if not spots:
            break
        trail = spots[number % len(spots)]
        parent = table
        for key in trail[:-1]:
            parent = parent[key]
        if action == "replace":
            parent[trail[-1]] = value
        elif action == "drop":
            del parent[trail[-1]]
        elif action == "rename":
            parent[trail[-1] + "s"] = parent.pop(trail[-1])
        elif action == "add":
            parent[UNKNOWN] = value
        else:
            other = list(parent)[number % len(parent)]
            parent[trail[-1]], parent[other] = parent[other], parent[trail[-1]]
    return table


@pytest.mark.slow
@COMMON
@given(name=st.sampled_from(sorted(SYSTEMS)), steps=st.lists(STEP, min_size=1, max_size=3))
def test_systems(name: str, steps: list[tuple[int, str, Any]], tmp_path: Path) -> None:
    table = mutate(SYSTEMS[name], steps)
    path = tmp_path / "mutated.toml"
    try:
        path.write_text(write_toml(table), encoding="utf-8")
    except (ValueError, TypeError, UnicodeError):
        return  # what TOML cannot say is no case
    try:
        system = read_system(path)
    except SymarchError as error:
        assert str(error).strip()
        return
    assert not any(UNKNOWN in trail for trail in places(table))
    try:
        result = symarch.analyze(system, symarch.load_model("llama-3.1-8b"), phase="decode").evaluate()
    except SymarchError:
        return
    tpot = result.metrics["tpot"]
    assert tpot is not None
    assert tpot > 0


@pytest.mark.slow
@COMMON
@given(name=st.sampled_from(sorted(CONFIGS)), steps=st.lists(STEP, min_size=1, max_size=3))
def test_configs(name: str, steps: list[tuple[int, str, Any]], tmp_path: Path) -> None:
    config = mutate({k: v for k, v in CONFIGS[name].items() if k != "_symarch"}, steps)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    try:
        model = load_config(path)
    except SymarchError as error:
        assert str(error).strip()
        return
    assert model.parameters() > 0
    assert 0 < model.streamed_parameters() <= model.parameters()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00\x01",
        "{",
        "[]",
        "null",
        "3",
        '"x"',
        "{}",
        '{"model_type": 3}',
        '{"model_type": "llama"}',
        "[" * 100_000,
    ],
)
def test_configs_that_are_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SymarchError) as caught:
        load_config(path)
    assert str(path) in str(caught.value)
