"""The commands, as a user meets them, and the error that `run` states."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import symarch
from symarch.accuracy.expected import expectation, expected_errors
from symarch.cli import main

DATA = Path(__file__).parent / "data"


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return int(stop.value.code or 0)


def test_json_has_one_object_for_each_file_and_system(capsys: pytest.CaptureFixture[str]) -> None:
    path = DATA / "collective.csv"
    assert run("accuracy", str(path), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [(f["file"], f["family"], f["system"]) for f in found] == [
        (str(path), "collective", "a100_sxm"),
        (str(path), "collective", "h100_sxm"),
    ]
    for entry in found:
        assert set(entry) == {"file", "family", "system", "n", "mape", "median", "p90", "bias", "skipped"}
        assert 0 < entry["median"] < entry["mape"] < entry["p90"] < 100
        assert entry["skipped"] == {"count": 0, "reasons": {}}


def test_text_lists_the_worst_rows_and_a_page_is_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run("accuracy", str(DATA / "collective.csv"), "--worst", "2", "-o", str(page)) == 0
    out = capsys.readouterr().out
    assert out.count("measured ") >= 2
    assert "bias" in out
    assert "<svg" in page.read_text(encoding="utf-8")


def test_a_file_that_is_no_table_is_bad_input(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run("accuracy", str(tmp_path / "gemm.csv")) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_calibrate_prints_and_writes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "preset.toml"
    options = [f"--only=gpu.{n}" for n in ("launch", "matrix_efficiency", "streaming_efficiency")]
    arguments = ("calibrate", str(DATA / "gemm.csv"), "--processor", "a100-sxm", "--system", "a100_sxm", "--no-cross")
    assert run(*arguments, *options, "-o", str(path)) == 0
    out = capsys.readouterr().out
    assert "gpu.launch" in out
    assert "95 % interval" in out
    assert "[a100-sxm-calibrated.parameters]" in path.read_text(encoding="utf-8")


def test_calibrate_fits_the_link_to_collectives(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--processor", "h100-sxm", "--system", "h100_sxm", "--no-cross")
    assert run("calibrate", str(DATA / "collective.csv"), *arguments) == 0
    assert "scale_up.bulk_efficiency" in capsys.readouterr().out


def test_run_states_the_error_to_expect(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "h100-sxm", "--model", "llama-3.1-8b", "--json") == 0
    sentences = [s for s in json.loads(capsys.readouterr().out)["assumptions"] if s.startswith("accuracy")]
    (served,) = [e for e in expected_errors() if e.family == "e2e_serving"]
    assert any("tpot" in s and f"{served.median:.0f} % on h100-sxm" in s for s in sentences)
    assert any("energy_per_token" in s and "not held to measurements" in s for s in sentences)


def test_a_processor_without_measurements_says_whose_they_are() -> None:
    (sentence,) = expectation(symarch.load_system("b200-sxm"), ["tpot"])
    assert sentence.endswith("this processor not among them")


def test_a_memory_never_measured_is_named() -> None:
    assert expectation(symarch.load_system("h200-hbf-8"), ["tpot"]) == [
        "accuracy: hbf: never held to measurements; there are none"
    ]


def test_the_speed_of_light_has_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "h100-sxm", "--model", "llama-3.1-8b", "--ideal", "--json") == 0
    assert not any(s.startswith("accuracy") for s in json.loads(capsys.readouterr().out)["assumptions"])
