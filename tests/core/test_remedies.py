"""Ways out of a system that does not fit: each one computed, each one true."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.cli import main
from symarch.quantities import format_quantity, parse_quantity
from symarch.remedies import remedies


def of(system: str, model: str, **given: Any) -> list[str]:
    analysis = symarch.analyze(symarch.load_system(system), symarch.load_model(model))
    return [r.change for r in remedies(analysis, analysis.evaluate(**given), given)]


def test_a_feasible_system_needs_none() -> None:
    assert of("h100-sxm", "llama-3.1-8b") == []


def applied(
    system: str, model: str, given: dict[str, Any], settings: dict[str, str], change: str
) -> symarch.api.Result:
    """Evaluate with the options of a remedy, as a user would type them."""
    made, sizes, dtype = dict(settings), dict(given), "bf16"
    words = shlex.split(change)
    for option, value in zip(words[0::2], words[1::2], strict=True):
        if option == "--set":
            name, _, text = value.partition("=")
            made[name] = text
        elif option == "--dtype":
            dtype = value
        else:
            sizes[option.removeprefix("--")] = int(value)
    return symarch.analyze(symarch.load_system(system, made), symarch.load_model(model), dtype=dtype).evaluate(**sizes)


CASES: list[tuple[str, str, dict[str, Any], dict[str, str], str]] = [
    ("h100-sxm", "llama-3.1-70b", {}, {}, "hbm.capacity"),
    ("h100-sxm-8", "llama-3.1-405b", {"batch": 8}, {}, "hbm.capacity"),
    ("h100-sxm-8", "llama-3.1-70b", {"batch": 800}, {}, "hbm.capacity"),
    ("a100-sxm", "llama-2-7b", {"batch": 500, "prompt": 4000}, {}, "hbm.capacity"),
    ("phone-flash", "llama-3.1-8b", {}, {}, "hbf.read_lifetime"),
    ("h200-hbf-daisy-8", "llama-3.1-70b", {}, {}, "hbf.read_lifetime"),
    ("h200-hbf-8", "llama-3.1-70b", {"batch": 16}, {"hbf.stack_prefetch_buffer": "50 MB"}, "hbf.prefetch_buffer"),
    ("h200-hbf-8", "llama-3.1-70b", {}, {"hbf.stack_prefetch_buffer": "50 MB"}, "hbf.prefetch_buffer"),
    ("h100-sxm", "llama-3.1-8b", {}, {"gpu.power_limit": "100 W"}, "gpu.power"),
    ("gb200-nvl72", "llama-3.1-8b", {"batch": 9000}, {"rack.power": "70 kW"}, "rack.power"),
]


@pytest.mark.parametrize(("system", "model", "given", "settings", "fails"), CASES)
def test_each_remedy_makes_it_feasible(
    system: str, model: str, given: dict[str, Any], settings: dict[str, str], fails: str
) -> None:
    analysis = symarch.analyze(symarch.load_system(system, settings), symarch.load_model(model))
    now = analysis.evaluate(**given)
    assert fails in [c.name for c in now.constraints if not c.ok]
    found = remedies(analysis, now, given)
    assert found
    for remedy in found:
        after = applied(system, model, given, settings, remedy.change)
        assert after.feasible, remedy.change
        # what the words say of the time of a token is so
        told = re.search(r"tpot ([0-9.e+]+) (\w+) instead", remedy.words)
        if told:
            assert format_quantity(after.tpot or 0, "s") == f"{told[1]} {told[2]}"


def test_parameters_stay_within_their_ranges_and_are_no_more_than_needed() -> None:
    system = symarch.load_system("phone-flash")
    analysis = symarch.analyze(system, symarch.load_model("llama-3.1-8b"))
    symbols = analysis.recorded().symbols
    found = [r.change for r in remedies(analysis, analysis.evaluate(), {}) if r.change.startswith("--set")]
    assert found
    for change in found:
        name, _, text = change.removeprefix("--set ").partition("=")
        symbol, value = symbols[name], parse_quantity(text, symbols[name].unit)
        assert symbol.low is not None and symbol.high is not None
        assert symbol.low <= value <= symbol.high
        assert symbol.better != ("less" if value > symbol.value else "more")
        if symbol.integer:  # one less would not do
            step = value - 1 if value > symbol.value else value + 1
            assert step == symbol.value or not analysis.evaluate(**{name: step}).feasible


def test_two_failures_that_no_single_change_mends_get_one_change_each() -> None:
    settings = {"hbf.stack_prefetch_buffer": "50 MB"}
    analysis = symarch.analyze(symarch.load_system("h200-hbf-8", settings), symarch.load_model("llama-3.1-70b"))
    (way,) = remedies(analysis, analysis.evaluate(), {})
    assert way.change.count("--set") == 2
    assert " and " in way.words


def test_a_larger_batch_is_offered_for_wear_and_never_for_capacity() -> None:
    assert any(c.startswith("--batch") for c in of("h200-hbf-daisy-8", "llama-3.1-70b"))
    assert not any(c.startswith("--batch") for c in of("h100-sxm", "llama-3.1-70b"))


@pytest.mark.parametrize("as_json", [False, True])
def test_strict_names_the_cheapest_way_out(as_json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "h100-sxm-8", "--model", "llama-3.1-405b", "--batch", "8", "--strict"]
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--json"] if as_json else words)
    assert stopped.value.code == 1
    out, err = capsys.readouterr()
    assert re.search(r"infeasible: hbm\.capacity \(25\.6 GB short\); cheapest way out: --dtype weights=fp8 \(", err)
    if as_json:
        found = json.loads(out)
        assert found["remedies"][0]["change"] == "--dtype weights=fp8"
        assert all(c["slack"] == c["limit"] - c["used"] for c in found["constraints"])
    else:
        assert "-25.6 GB" in out
        assert "Ways out, each computed, the cheapest kind first:" in out


def test_the_batch_offered_is_the_largest_that_fits() -> None:
    change = next(c for c in of("h100-sxm-8", "llama-3.1-70b", batch=800) if c.startswith("--batch"))
    analysis = symarch.analyze(symarch.load_system("h100-sxm-8"), symarch.load_model("llama-3.1-70b"))
    batch = int(change.split()[1])
    assert analysis.evaluate(batch=batch).feasible
    assert not analysis.evaluate(batch=batch + 1).feasible


def test_a_recorded_trace_keeps_its_data_types() -> None:
    trace = symarch.load_model(str(Path(__file__).parent / "data" / "exported-mixtral-8x7b.jsonl"))
    one = symarch.analyze(symarch.load_system("h100-sxm"), trace)
    found = one.evaluate()
    assert not found.feasible
    assert not any(r.change.startswith("--dtype") for r in remedies(one, found, {}))
