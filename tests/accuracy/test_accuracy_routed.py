"""Rows of routed experts: by hand, against drawings of them, and by the version they were measured with."""

from __future__ import annotations

import numpy as np
import pytest

from symarch.accuracy.routed import elsewhere_of, exponent, routed, skew
from symarch.errors import SymarchError

SIZES = {"topk": 8, "experts": 128}


def counts(tokens: int, ep: int, seed: int) -> np.ndarray:
    """Draw the rows of experts after a power law of exponent 1.2; the group with most rows comes first."""
    x = 1 + 0 * np.arange(128.0)
    low, high = (1.0, 0.8 * tokens) if tokens * 8 > 128 else (0.01, 2.0)
    u = np.random.default_rng(seed).random(128)
    x = ((high**-0.2 - low**-0.2) * u + low**-0.2) ** -5
    rows = np.minimum(x / x.sum() * tokens * 8, tokens)
    rows *= tokens * 8 / rows.sum()
    groups = rows.reshape(ep, -1)
    return np.asarray(groups[groups.sum(axis=1).argmax()])


def test_balanced_routing_is_even() -> None:
    found = routed("balanced", "skipped", {"tokens": 1024, "ep": 8, **SIZES})
    assert (found.rows, found.read, found.tokens, found.each) == (1024, 16, 1024, 64)
    few = routed("balanced", "skipped", {"tokens": 2, "ep": 8, **SIZES})
    assert (few.rows, few.read, few.each) == (2, 2, 1)


def test_what_is_computed_for_others_is_in_as_many_places_as_tokens_have_experts() -> None:
    # beyond as many devices as a token has experts, only some tokens come
    found = routed("balanced", "computed", {"tokens": 1024, "ep": 32, **SIZES})
    assert (found.rows, found.tokens) == (256 * 8, 256)


@pytest.mark.parametrize(("tokens", "ep"), [(1024, 4), (1024, 16), (16384, 2), (16384, 8), (16384, 32)])
def test_the_busiest_group_of_a_power_law_is_that_of_drawings(tokens: int, ep: int) -> None:
    due = np.mean([counts(tokens, ep, seed).sum() for seed in range(200)])
    found = routed("power_law_1.2", "skipped", {"tokens": tokens, "ep": ep, **SIZES})
    assert float(found.rows) == pytest.approx(due, rel=0.25)
    assert float(found.rows) >= tokens * 8 / ep
    assert found.each is None


def test_on_one_device_a_power_law_has_all_rows() -> None:
    found = routed("power_law_1.2", "skipped", {"tokens": 4096, "ep": 1, **SIZES})
    assert float(found.rows) == pytest.approx(4096 * 8)
    assert float(found.read) == pytest.approx(128, rel=1e-3)


@pytest.mark.parametrize("power", [1.0, 1.2, 2.0, 3.0])
def test_the_skew_is_that_of_the_density(power: float) -> None:
    x = np.geomspace(1, 0.8 * 1000, 200_001)
    middle, width = np.sqrt(x[1:] * x[:-1]), np.diff(x)
    moments = [(middle ** (j - power) * width).sum() for j in range(3)]
    due = moments[0] * moments[2] / moments[1] ** 2 - 1
    assert float(skew(power, 1000, 8, 128)) == pytest.approx(due, rel=1e-3)


def test_what_a_table_does_not_say_follows_from_the_version() -> None:
    cells = {
        "backend": ["sglang", "sglang", "sglang", "sglang", "vllm"],
        "version": ["0.5.10", "0.5.14", "0.5.14", "0.6.0", "0.5.1"],
        "experts": ["128", "128", "8", "8", "8"],
    }
    assert elsewhere_of(cells) == ["computed", "skipped", "computed", "skipped", "skipped"]
    assert elsewhere_of({"experts": ["8", "128"]}) == ["skipped", "skipped"]


@pytest.mark.parametrize("word", ["odd", "power_law", "power_law_", "power_law_x", "power_law_-1", "power_1.2"])
def test_a_distribution_that_is_none_is_refused(word: str) -> None:
    with pytest.raises(SymarchError, match=f"distribution '{word}' is not known"):
        routed(word, "skipped", {"tokens": 1, "ep": 1, **SIZES})
    if word.startswith("power_law_"):
        with pytest.raises(SymarchError, match="is not known"):
            exponent(word)


def test_a_treatment_that_is_none_is_refused() -> None:
    with pytest.raises(SymarchError, match="elsewhere 'dropped' is not known; skipped and computed are"):
        routed("balanced", "dropped", {"tokens": 1, "ep": 1, **SIZES})
