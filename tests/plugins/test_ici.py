"""ICI against Google's sums (docs.cloud.google.com, TPU7x; arXiv 2304.01433) and jax-ml/scaling-book."""

from __future__ import annotations

from typing import Any

import pytest

from symarch.specs import presets_of
from symarch_technologies.ici import InterChipInterconnect


def preset(name: str, **values: Any) -> InterChipInterconnect:
    given = {k: s.value for k, s in presets_of("ici")[name].settings.items()}
    return InterChipInterconnect(**{**given, **values})


@pytest.mark.parametrize(
    ("name", "dimensions", "each", "both"),
    [
        ("v4", 3, 50e9, 600e9),
        ("v5e", 2, 50e9, 400e9),
        ("v5p", 3, 100e9, 1200e9),
        ("v6e", 2, 100e9, 800e9),
        ("v7", 3, 100e9, 1200e9),
    ],
)
def test_two_links_for_each_dimension_of_the_torus(name: str, dimensions: int, each: float, both: float) -> None:
    link = preset(name)
    assert link.links == 2 * dimensions
    assert link.bandwidth / link.links == pytest.approx(each, rel=1e-12)
    assert 2 * link.bandwidth == pytest.approx(both, rel=1e-12)  # Google adds both directions


@pytest.mark.parametrize(("name", "usable"), [("v4", 45e9), ("v5e", 45e9), ("v5p", 90e9), ("v6e", 90e9)])
def test_nine_tenths_of_a_link_are_usable(name: str, usable: float) -> None:
    link = preset(name)
    assert link.bandwidth * link.efficiency / link.links == pytest.approx(usable, rel=1e-12)  # tpus.md


def test_what_is_usable_of_a_tpu7x_link_is_not_published() -> None:
    assert "protocol_efficiency" in presets_of("ici")["v7"].unknown
    assert set(presets_of("ici")) == {"v4", "v5e", "v5p", "v6e", "v7"}


def test_a_hop_with_its_dispatch_takes_a_microsecond() -> None:
    link = preset("v5e")
    assert link.latency + link.software_latency == pytest.approx(1e-6, rel=1e-12)  # sharding.md
    # below 45 kB a shard a hop of v5e is bound by latency: 45 GB/s for a microsecond
    assert 1e-6 * link.bandwidth * link.efficiency / link.links == pytest.approx(45e3, rel=1e-12)
