"""Ways out of a system that does not fit: each one computed, each one true."""

from __future__ import annotations

import shlex
from typing import Any

import pytest

import symarch
from symarch.remedies import remedies


def of(system: str, model: str, **given: Any) -> list[str]:
    analysis = symarch.analyze(symarch.load_system(system), symarch.load_model(model))
    return [r.change for r in remedies(analysis, analysis.evaluate(**given), given)]


def test_a_feasible_system_needs_none() -> None:
    assert of("h100-sxm", "llama-3.1-8b") == []


@pytest.mark.parametrize(
    ("system", "model", "given"),
    [
        ("h100-sxm", "llama-3.1-70b", {}),
        ("h100-sxm-8", "llama-3.1-405b", {"batch": 8}),
        ("h100-sxm-8", "llama-3.1-70b", {"batch": 800}),
        ("a100-sxm", "llama-2-7b", {"batch": 500, "prompt": 4000}),
    ],
)
def test_each_remedy_makes_it_fit(system: str, model: str, given: dict[str, int]) -> None:
    changes = of(system, model, **given)
    assert changes
    for change in changes:
        settings: dict[str, str] = {}
        sizes, dtype = dict(given), "bf16"
        words = shlex.split(change)
        for option, value in zip(words[0::2], words[1::2], strict=True):
            if option == "--set":
                name, _, text = value.partition("=")
                settings[name] = text
            elif option == "--dtype":
                dtype = value
            else:
                sizes[option.removeprefix("--")] = int(value)
        made = symarch.load_system(system, settings)
        assert symarch.analyze(made, symarch.load_model(model), dtype=dtype).evaluate(**sizes).feasible, change


def test_the_batch_offered_is_the_largest_that_fits() -> None:
    change = next(c for c in of("h100-sxm-8", "llama-3.1-70b", batch=800) if c.startswith("--batch"))
    analysis = symarch.analyze(symarch.load_system("h100-sxm-8"), symarch.load_model("llama-3.1-70b"))
    batch = int(change.split()[1])
    assert analysis.evaluate(batch=batch).feasible
    assert not analysis.evaluate(batch=batch + 1).feasible
