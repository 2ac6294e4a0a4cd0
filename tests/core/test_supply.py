"""Power that racks can be fed with: a limit of a spec, checked at mean power."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

import symarch
from symarch.cli import cli
from symarch.errors import SpecError
from symarch.results import ConstraintResult
from symarch.specs import System, resolved
from symarch.specs.schema import schema

RACK = """format = 1
extends = "h100-sxm-32"
[limit.rack]
power = { value = "40 kW", low = "30 kW", high = "50 kW", source = "made up", status = "assumed" }
overhead = "10 kW"
devices = 16
"""


def load(tmp_path: Path, text: str = RACK, **settings: str) -> System:
    file = tmp_path / "rack.toml"
    file.write_text(text, encoding="utf-8")
    return symarch.load_system(str(file), {k.replace("__", "."): v for k, v in settings.items()})


def rack(system: System, **given: Any) -> tuple[ConstraintResult, float]:
    found = symarch.analyze(system, symarch.load_model("llama-3.1-8b")).evaluate(**given)
    assert found.power is not None
    return next(c for c in found.constraints if c.name == "rack.power"), found.power


def test_the_devices_of_a_rack_draw_their_mean_power_and_what_is_beside_them(tmp_path: Path) -> None:
    constraint, power = rack(load(tmp_path), batch=64)
    assert constraint.used == pytest.approx(16 * power / 32 + 10e3, rel=1e-12)
    assert (constraint.limit, constraint.unit, constraint.ok) == (40e3, "W", True)


def test_without_a_number_all_devices_share_it_and_never_more_than_there_are(tmp_path: Path) -> None:
    for text in (RACK.replace("devices = 16\n", ""), RACK.replace("devices = 16", "devices = 500")):
        constraint, power = rack(load(tmp_path, text))
        assert constraint.used == pytest.approx(power + 10e3, rel=1e-12)


def test_it_slows_nothing_down_and_says_so(tmp_path: Path) -> None:
    model = symarch.load_model("llama-3.1-8b")
    wide, tight = (symarch.analyze(load(tmp_path, rack__power=p), model).evaluate(batch=64) for p in ("90 kW", "9 kW"))
    assert wide.metrics == tight.metrics
    assert (wide.feasible, tight.feasible) == (True, False)
    assert "rack limits the mean power and slows nothing down" in wide.assumptions


def test_a_power_that_is_not_modelled_is_not_checked(tmp_path: Path) -> None:
    text = RACK.replace("h100-sxm-32", "h100-sxm-8") + (
        '[technology.bare]\nkind = "memory"\n[technology.bare.parameters]\nsize = "80 GB"\nrate = "3 TB/s"\n'
        '[technology.bare.expressions]\ncapacity = "size"\nread_bandwidth = "rate"\n[memory.hbm]\ntechnology = "bare"\n'
    )
    found = symarch.analyze(load(tmp_path, text), symarch.load_model("llama-3.1-8b")).evaluate()
    assert "rack.power" not in [c.name for c in found.constraints]
    assert any(s.startswith("rack: the power is not checked: ") for s in found.assumptions)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("power = {", "powr = {", "the key 'power' is missing"),
        ("power = {", "powr = {", "did you mean 'power'"),
        ('"10 kW"', '"10 GB"', r"has unit \[B\]"),
        ("devices = 16", "devices = 1.5", "whole number"),
        ("devices = 16", "devices = 0", "greater than 0"),
        ("devices = 16", 'technology = "gpu"', "unknown key"),
        ("[limit.rack]", "[limit.gpu]", "the name is taken"),
        ("[limit.rack]", "[limit.Rack]", "lower-case"),
    ],
)
def test_faults_are_said(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in RACK
    with pytest.raises(SpecError, match=words):
        load(tmp_path, RACK.replace(old, new))


def test_it_is_written_out_inherited_and_in_the_schema(tmp_path: Path) -> None:
    system = load(tmp_path)
    text = resolved(system)
    again = load(tmp_path, text)
    assert again.components["rack"] == system.components["rack"] or (
        again.components["rack"].settings["power"].value == system.components["rack"].settings["power"].value
    )
    import tomllib

    jsonschema.validate(tomllib.loads(RACK), schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(RACK.replace("overhead", "other")), schema())
    shown = CliRunner().invoke(cli, ["specs", "show", str(tmp_path / "rack.toml"), "--json"])
    assert any(c["table"] == "limit" for c in json.loads(shown.output)["components"])


@pytest.mark.parametrize("name", ["gb200-nvl72", "gb300-nvl72", "vr200-nvl72"])
def test_shipped_racks_say_where_their_power_comes_from(name: str) -> None:
    system = symarch.load_system(name)
    (limit,) = system.of("limit")
    for key in ("power", "overhead"):
        assert limit.settings[key].source
        assert limit.settings[key].low is not None
    constraint, power = rack(system, batch=72)
    assert constraint.used == pytest.approx(power + limit.settings["overhead"].value, rel=1e-12)


def test_the_constraint_in_symbols(tmp_path: Path) -> None:
    formula = symarch.analyze(load(tmp_path), symarch.load_model("llama-3.1-8b")).constraint("rack.power")
    assert str(formula.limit) == "rack.power"
    assert {"rack.overhead", "rack.power", "rack.devices"} <= {str(s) for s in formula.slack.free_symbols}
