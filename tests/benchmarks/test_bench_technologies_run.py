"""The benchmarks of the door for third parties run, on little; what they measure is not judged here."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


def test_every_part_prints_its_figures(capsys: pytest.CaptureFixture[str]) -> None:
    path = Path(__file__).with_name("bench_technologies.py")
    spec = importlib.util.spec_from_file_location("bench_technologies", path)
    assert spec is not None
    assert spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    bench.expressions(runs=1, repeats=1)
    bench.specs(repeats=1)
    bench.conformance(["hbm", "switch"], repeats=1)
    out = capsys.readouterr().out
    for word in (
        "parse an expression",
        "refuse a hostile string",
        "read a spec",
        "check technology hbm",
        "median of 2",
    ):
        assert word in out
