"""Groq's links against the Linley newsletter 6233 (2020-11-10) and the abstract of the ISCA 2022 paper."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.groq_c2c import GroqC2C


def preset(name: str, **values: Any) -> GroqC2C:
    given = {k: s.value for k, s in presets_of("groq-c2c")[name].settings.items()}
    return GroqC2C(**{**given, **values})


@pytest.mark.parametrize(("name", "each"), [("board", 15e9), ("cable", 14e9)])
def test_a_link_has_four_lanes(name: str, each: float) -> None:
    link = preset(name)
    assert link.bandwidth / link.links == pytest.approx(each, rel=1e-12)
    assert link.bandwidth == pytest.approx(16 * each, rel=1e-12)
    assert link.efficiency == 1  # a static schedule


def test_both_directions_of_all_links_are_what_groq_quotes() -> None:
    assert 2 * preset("board").bandwidth == pytest.approx(480e9, rel=1e-12)


def test_every_preset_is_checked_here() -> None:
    assert set(presets_of("groq-c2c")) == {"board", "cable"}


def test_the_farthest_chips_answer_within_3_microseconds() -> None:
    link = preset("cable")
    assert link.software_latency == 0
    assert 7 * (link.latency + link.software_latency) < 3e-6  # about seven hops between any of 10,440 chips
