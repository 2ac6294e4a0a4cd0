"""The benchmarks run, on little; what they measure is not judged here."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    path = Path(__file__).with_name("bench_all.py")
    spec = importlib.util.spec_from_file_location("bench_all", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_part_prints_its_figures(bench: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    bench.building(repeats=1)
    bench.points(runs=1, repeats=1)
    bench.arrays(size=3000, repeats=1)
    bench.traces(records=500, repeats=1)
    bench.elasticities(repeats=1)
    bench.questions(size=1000, repeats=1)
    bench.sobol_indices(base=64, parameters=8, repeats=1)
    bench.closed_forms(repeats=1)
    bench.commands(runs=1)
    bench.searches(runs=1, asked=bench.SEARCHES[:1], largest=64)
    bench.explorer(repeats=1)
    out = capsys.readouterr().out
    words = (
        "build and record",
        "derivatives",
        "ratio",
        "500 records",
        "all elasticities",
        "Sobol",
        "--help",
        "cold",
        "a search space",
        "explorer page",
        "SALib",
        "first closed form of",
        "text report, cold",
        "HTML report, cold",
    )
    for word in words:
        assert word in out
