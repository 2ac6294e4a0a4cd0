"""The commands, as a user meets them, and the error that `run` states."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.accuracy.expected import Asked, expectation, expected_errors
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


ROW = "h100_sxm,sglang,1,bf16,128,4096,4096,20"
COLUMNS = "system,backend,version,dtype,m,n,k,latency_us"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "gemm.csv: it is empty"),
        (f"{COLUMNS}\n", "it has a header and no rows"),
        (f"{COLUMNS}\n{COLUMNS}\n{ROW}\n", "row 2 is the header again"),
        (f"{COLUMNS},m\n{ROW},1\n", "column m stands there twice"),
        (f"{COLUMNS}\n{ROW},1\n", "row 2 has 9 cells, the header 8"),
        (COLUMNS.replace(",k", ""), "column k is missing, which gemm needs"),
        (
            COLUMNS.replace("_us", "_ms") + f"\n{ROW}\n",
            "column latency_us is missing, which gemm needs; is it latency_m",
        ),
        (COLUMNS.replace(",", ";") + "\n", "cells are divided by semicolons, they must be by commas"),
    ],
)
def test_a_bad_file_is_told_in_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, sentence: str
) -> None:
    path = tmp_path / "gemm.csv"
    path.write_text(text)
    assert run("accuracy", str(path)) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_rows_with_bad_numbers_are_counted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bad = [ROW.replace("128", text) for text in ("nan", "-128", "0", "inf", "1e300", "abc", "")]
    bad += [ROW.replace(",20", f",{text}") for text in ("NaN", "-5", "0")]
    path = tmp_path / "gemm.csv"
    path.write_text("\n".join([COLUMNS, ROW, *bad]) + "\n")
    assert run("accuracy", str(path), "--json") == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["n"], entry["skipped"]["count"]) == (1, len(bad))


def test_times_in_another_unit_are_doubted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "gemm.csv"
    path.write_text(f"{COLUMNS}\n{ROW.replace(',20', ',0.020')}\n")
    assert run("accuracy", str(path)) == 0
    assert "times shorter than predicted, by the median; latency_us must be in us" in capsys.readouterr().err


def test_a_page_that_cannot_be_written_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "gemm.csv"
    path.write_text(f"{COLUMNS}\n{ROW}\n")
    assert run("accuracy", str(path), "-o", str(tmp_path / "none" / "page.html")) == 2
    assert "cannot write" in capsys.readouterr().err
    assert run("accuracy", str(path), "-o", str(tmp_path / "page.svg")) == 2
    assert "page.svg must end with .html" in capsys.readouterr().err


def test_calibrate_refuses_too_few_rows_and_unknown_systems(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "gemm.csv"
    path.write_text(f"{COLUMNS}\n{ROW}\n")
    assert run("calibrate", str(path), "--processor", "h100-sxm") == 2
    assert "too few for" in capsys.readouterr().err
    assert run("calibrate", str(path), "--processor", "h100-sxm", "--system", "h100") == 2
    assert "--system h100: no row is of it; did you mean 'h100_sxm'" in capsys.readouterr().err


def test_calibrate_says_why_rows_are_not_fitted(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "gemm.csv"
    odd, none = ROW.replace("bf16", "bf61"), ROW.replace(",20", ",")
    path.write_text(f"{COLUMNS}\n{odd}\n")
    assert run("calibrate", str(path), "--processor", "h100-sxm") == 2
    assert "no row can be predicted: gemm: unknown data type 'bf61'; did you mean 'bf16'? (1 of the rows)" in (
        capsys.readouterr().err
    )
    rows = [ROW.replace("128,4096", f"{m},4096") for m in (1, 16, 64, 256, 1024, 4096)]
    path.write_text("\n".join([COLUMNS, odd, none, none, *rows, ""]))
    assert run("calibrate", str(path), "--processor", "h100-sxm", "--only", "gpu.launch", "--no-cross") == 0
    out = capsys.readouterr().out
    assert "6 rows;" in out
    assert "not among them, 1 row: gemm: unknown data type 'bf61'; did you mean 'bf16'?" in out
    assert "not among them, 2 rows: a number of the row is missing, not finite or not above 0" in out


def test_calibrate_prints_and_writes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "preset.toml"
    options = [f"--only=gpu.{n}" for n in ("launch", "matrix_efficiency", "streaming_efficiency")]
    arguments = ("calibrate", str(DATA / "gemm.csv"), "--processor", "a100-sxm", "--system", "a100_sxm", "--no-cross")
    assert run(*arguments, *options, "-o", str(path)) == 0
    out = capsys.readouterr().out
    assert "gpu.launch" in out
    assert "95 % interval" in out
    assert "[a100-sxm-calibrated.parameters]" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "file"), [("calibrate --processor a100-sxm --no-cross", "fit.toml"), ("accuracy", "page.html")]
)
def test_a_reader_who_has_seen_enough_does_not_lose_the_file(tmp_path: Path, command: str, file: str) -> None:
    written = tmp_path / file
    line = f"symarch {command} {DATA / 'gemm.csv'} -o {written} | true"
    path = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(["bash", "-c", line], check=True, capture_output=True, env={**os.environ, "PATH": path})
    assert written.stat().st_size > 1000


def test_calibrate_fits_the_link_to_collectives(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--processor", "h100-sxm", "--system", "h100_sxm", "--no-cross")
    assert run("calibrate", str(DATA / "collective.csv"), *arguments) == 0
    assert "scale_up.bulk_efficiency" in capsys.readouterr().out


def accuracy_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run("run", *arguments, "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert [s for s in data["assumptions"] if s.startswith("accuracy of")] == [
        f"accuracy of {e['sentence']}" for e in data["accuracy"]
    ]
    return {m: e for e in data["accuracy"] for m in e["metrics"]}


def test_run_states_the_error_to_expect(capsys: pytest.CaptureFixture[str]) -> None:
    found = accuracy_of(capsys, "h100-sxm-8", "--model", "llama-3.1-8b")
    assert {e["family"] for e in found["tpot"]["errors"]} == {"gemm", "attention_decode", "collective"}
    assert {e["family"] for e in found["ttft"]["errors"]} == {"gemm", "attention_prefill", "collective"}
    assert {e["system"] for e in found["tpot"]["errors"]} == {"h100-sxm"}
    assert found["tpot"]["own"]
    assert "devices' time alone" in found["tpot"]["sentence"]
    assert found["throughput"]["sentence"].endswith("made of ttft and tpot, and as good")
    assert "not held to measurements" in found["energy_per_token"]["sentence"]


def test_under_a_runtime_served_models_speak_for_it(capsys: pytest.CaptureFixture[str]) -> None:
    found = accuracy_of(capsys, "h100-sxm-8", "--model", "qwen3-32b", "--runtime", "vllm")
    (served,) = [e for e in expected_errors() if (e.family, e.runtime, e.kind) == ("e2e_serving", "vllm", "dense")]
    assert f"{served.median:.0f} % on h100-sxm with vllm" in found["tpot"]["sentence"]
    (first,) = found["ttft"]["errors"]
    assert (first["family"], first["runtime"]) == ("e2e_serving_ttft", "vllm")


def test_routed_models_are_answered_for_by_routed_ones(capsys: pytest.CaptureFixture[str]) -> None:
    found = accuracy_of(capsys, "h100-sxm-8", "--model", "qwen3-235b-a22b", "--dtype", "fp8", "--phase", "decode")
    assert "moe" in {e["family"] for e in found["tpot"]["errors"]}
    assert "ttft" not in found
    arguments = ("--model", "qwen3-235b-a22b", "--dtype", "fp8", "--phase", "decode", "--runtime", "vllm")
    served = accuracy_of(capsys, "h100-sxm-8", *arguments)["tpot"]["errors"]
    assert {(e["runtime"], e["kind"]) for e in served} == {("trtllm", "routed")}  # none was measured with vllm


def test_a_processor_without_measurements_says_whose_they_are() -> None:
    (found,) = expectation(Asked(symarch.load_system("b200-sxm"), ["tpot"]))
    assert found.sentence.endswith("this processor not among them")
    assert not found.own
    assert {e.system for e in found.errors} == {"a100-sxm", "h100-sxm"}
    assert "where the fit did not know it" in found.sentence


@pytest.mark.parametrize(
    ("system", "named"),
    [
        ("h200-hbf-8", "hbf"),
        ("tpu-v6e-8", "tpu"),
        ("stratum", "logic-3d, dram-3d"),
        ("pnm-hbm4", "pnm"),
        ("l40s", "gddr6"),
        ("phone-lpddr5x", "npu"),
    ],
)
def test_what_was_never_measured_is_named(system: str, named: str) -> None:
    (found,) = expectation(Asked(symarch.load_system(system), ["tpot"]))
    assert found.sentence.startswith(named)
    assert found.sentence.endswith("never held to measurements; there are none")
    assert found.errors == ()


def test_ways_and_networks_never_measured_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    draft = ("--draft", "2", "--acceptance", "0.7", "--set", "mapping.tensor=8", "--set", "mapping.data=1")
    pipeline = ("--set", "mapping.pipeline=4")
    assert run("run", "h100-sxm-32", "--model", "llama-3.1-8b", "--batch", "8", *draft, *pipeline, "--json") == 0
    said = " ".join(e["sentence"] for e in json.loads(capsys.readouterr().out)["accuracy"])
    for words in ("collectives over infiniband", "pipeline parallelism", "speculative decoding"):
        assert words in said


def test_pools_are_answered_for_by_their_own_processors() -> None:
    found = expectation(Asked(symarch.load_system("h100-h200-apart"), ["ttft", "tpot"]))
    own = {e.metrics[0]: e.own for e in found if len(e.metrics) == 1}
    assert own == {"ttft": True, "tpot": False}


def test_compare_says_what_error_to_expect(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("compare", "h100-sxm", "b200-sxm", "--model", "llama-3.1-8b")
    assert run(*arguments) == 0
    assert "Error to expect" in capsys.readouterr().out
    assert run(*arguments, "--format", "json") == 0
    systems = json.loads(capsys.readouterr().out)["systems"]
    assert [s["accuracy"][0]["own"] for s in systems] == [True, False]


def test_the_speed_of_light_has_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", "h100-sxm", "--model", "llama-3.1-8b", "--ideal", "--json") == 0
    assert not any(s.startswith("accuracy") for s in json.loads(capsys.readouterr().out)["assumptions"])
