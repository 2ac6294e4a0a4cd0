"""The command line as a user calls it: output, exit codes, one clear line for bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from symarch.cli import main

RUN = ["run", "h100-sxm-8", "--model", "llama-3.1-70b", "--batch", "16"]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            main(list(arguments))
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_run_json_has_the_keys_of_the_contract(call: Any) -> None:
    code, out, err = call(*RUN, "--json")
    assert code == 0
    assert err == ""
    data = json.loads(out)
    assert set(data) == {
        "system", "model", "workload", "metrics", "constraints", "operators", "resources", "communication", "held",
        "remedies", "mapping", "accuracy",
        "assumptions", "plugins", "lasting",
    }  # fmt: skip
    assert set(data["metrics"]) == {
        "ttft", "tpot", "request_time", "throughput", "throughput_per_user", "energy_per_token", "power",
        "throughput_per_watt", "cost_per_million_tokens", "throughput_per_dollar", "carbon_per_million_tokens",
    }  # fmt: skip
    assert data["metrics"]["tpot"]["unit"] == "s"
    for phase in ("prefill", "decode"):
        shares = [r["share"] for r in data["resources"] if r["phase"] == phase]
        assert sum(shares) == pytest.approx(1, rel=1e-12)
        assert sum(o["share"] for o in data["operators"] if o["phase"] == phase) == pytest.approx(1, rel=1e-12)
    assert {"name", "ok", "used", "limit", "unit", "slack"} == set(data["constraints"][0])
    assert {"name", "phase", "count", "time", "bound"} <= set(data["operators"][0])


def test_run_prints_the_answer_first_and_fits_80_columns(call: Any) -> None:
    code, out, _ = call(*RUN)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("llama-3.1-70b on h100-sxm-8")
    assert lines.index(next(line for line in lines if "tpot" in line)) < 8
    assert max(map(len, lines)) <= 80
    assert not any(line != line.rstrip() for line in lines)
    assert "\x1b" not in out


def test_request_time_is_ttft_and_the_steps(call: Any) -> None:
    metrics = {k: v["value"] for k, v in json.loads(call(*RUN, "--json")[1])["metrics"].items()}
    assert metrics["request_time"] == pytest.approx(metrics["ttft"] + 255 * metrics["tpot"], rel=1e-12)
    assert metrics["throughput"] == pytest.approx(16 * 256 / metrics["request_time"], rel=1e-12)


def test_output_1_has_ttft_and_no_tpot(call: Any) -> None:
    metrics = json.loads(call(*RUN, "--output", "1", "--json")[1])["metrics"]
    assert metrics["tpot"]["value"] is None
    assert metrics["tpot"]["missing"]
    assert metrics["request_time"]["value"] == metrics["ttft"]["value"]


def test_context_is_one_decode_step(call: Any) -> None:
    data = json.loads(call("run", "h100-sxm", "--model", "llama-2-7b", "--context", "2048", "--ideal", "--json")[1])
    assert data["workload"]["phase"] == "decode"
    weights, cache = 2 * (6_738_415_616 - 32_000 * 4096), 2 * 32 * 2 * 4096 * 2048
    assert data["metrics"]["tpot"]["value"] == pytest.approx((weights + cache) / 3.35e12, rel=0.01)


def test_strict_exits_1_when_the_model_does_not_fit(call: Any) -> None:
    arguments = ["run", "h100-sxm", "--model", "llama-3.1-405b"]
    assert call(*arguments)[0] == 0
    code, out, err = call(*arguments, "--strict")
    assert code == 1
    assert "hbm.capacity" in err
    assert "FAILS" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "h100-smx", "--model", "llama-3.1-8b"], "h100-sxm"),
        (["run", "h100-sxm", "--model", "llama-3.1-8"], "llama-3.1-8b"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--set", "hbm.pin_rat=1 Gb/s"], "hbm.pin_rate"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--set", "hbm.pin_rate=1 GB"], "[B/s] is due"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--set", "hbm.pin_rate=-1 Gb/s"], "greater than 0"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--set", "hbm.pin_rate"], "NAME=VALUE"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--batch", "0"], "batch is 0"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--batch", "1.5"], "'1.5' is not a whole number, nor auto"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--dtype", "fp9"], "fp8"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--dtype", "weigths=fp8"], "weights"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--context", "9", "--phase", "prefill"], "--phase prefill"),
        (["run", "h100-sxm-8", "--model", "llama-3.1-8b", "--set", "mapping.tensor=3"], "allowed: 1, 2, 4, 8"),
        (["sensitivity", "h100-sxm", "--model", "llama-3.1-8b", "--metric", "tpt"], "tpot"),
        (["explain", "h100-sxm", "--model", "llama-3.1-8b", "--metric", "power"], "no sum of terms"),
        (["plugins", "show", "hbff"], "hbf"),
        (["specs", "show", "h100"], "h100-sxm"),
        (["rnu"], "run"),
        (["run", "h100-sxm", "--model", "llama"], "did you mean 'llama-"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--dtype", ""], "unknown data type ''"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--dtype", "BF16"], "did you mean 'bf16'"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--set", "hbm.pin_rate=5 Gbps"], "near: Gb/s"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--set", "gpu.peak_bf16=9 TFLOPS"], "near: TFLOP/s"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--set", "dtype.weights=fp8"], "--dtype weights=fp8"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--set", "batch=nan"], "--set batch=nan: 'nan' does not begin"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--set", "model.num_hidden_layers=0"],
         "symarch: model.num_hidden_layers=0: num_hidden_layers is 0"),
        (["run", "h100-sxm", "--model", "llama-3.1-8b", "--set", "model.num_hidden_layer=3"],
         "model.num_hidden_layer: its family reads no such key; did you mean 'num_hidden_layers'"),
        (["compare", "h100-sxm", "h200-sxm", "--model", "llama-3.1-8b", "-o", "x.pdf"],
         "-o x.pdf: no format has the suffix .pdf"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line_and_exit_2(call: Any, arguments: list[str], words: str) -> None:
    code, out, err = call(*arguments)
    assert code == 2
    assert out == ""
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[" * 100_000, "x.json: nested too deeply"),
        (bytes(range(256)), "x.json: not a text file in UTF-8"),
        (b"", "x.json: not JSON"),
        (b"{}", "x.json: the key 'model_type' is missing"),
        (b'{"model_type": 3}', "x.json: model_type is 3; it must name a model family"),
    ],
)
def test_a_file_that_is_no_model_says_what_it_is(call: Any, tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "x.json"
    file.write_bytes(content)
    code, out, err = call("run", "h100-sxm", "--model", str(file))
    assert (code, out) == (2, "")
    assert words in err


def test_a_folder_is_said_to_be_one(call: Any, tmp_path: Path) -> None:
    assert "is a folder; a system is a file" in call("run", str(tmp_path), "--model", "llama-3.1-8b")[2]
    assert "is a folder that holds no config.json" in call("run", "h100-sxm", "--model", str(tmp_path))[2]


@pytest.mark.parametrize(("value", "words"), [("true", "not true"), ("2020-01-01", "not 2020-01-01")])
def test_a_value_is_told_as_toml_writes_it(call: Any, tmp_path: Path, value: str, words: str) -> None:
    file = tmp_path / "x.toml"
    file.write_text(f'format = 1\nname = "x"\nextends = "h100-sxm"\n[memory.hbm]\nstacks = {value}\n')
    assert words in call("run", str(file), "--model", "llama-3.1-8b")[2]


@pytest.mark.parametrize(
    "arguments",
    [
        ["explain", "h200-hbf-8", "--model", "llama-3.1-70b", "--batch", "16"],
        ["explain", "h100-sxm", "--model", "llama-3.1-8b", "--latex", "--metric", "ttft"],
        ["explain", "h100-sxm", "--model", "llama-3.1-8b", "--metric", "energy_per_token"],
        ["sensitivity", "h200-hbf-daisy-8", "--model", "llama-3.1-70b", "--metric", "throughput"],
        ["plugins", "list"],
        ["plugins", "list", "--json"],
        ["plugins", "show", "hbf"],
        ["plugins", "show", "gpu", "--json"],
        ["specs", "list"],
        ["specs", "list", "--json"],
        ["specs", "show", "h200-hbf-8"],
        ["specs", "show", "llama-3.1-8b"],
        ["specs", "show", "hbf:h3"],
        ["specs", "show", "h200-hbf-8", "--json"],
        ["trace", "show", "qwen3-32b"],
        ["trace", "show", "qwen3-32b", "--json", "--context", "4096"],
    ],
)
def test_commands_print_something_and_succeed(call: Any, arguments: list[str]) -> None:
    code, out, err = call(*arguments)
    assert code == 0, err
    assert out.strip()
    if "--json" in arguments:
        json.loads(out)


def test_sensitivity_json_has_the_keys_of_the_contract(call: Any) -> None:
    code, out, _ = call("sensitivity", "h100-sxm", "--model", "llama-3.1-8b", "--format", "json")
    assert code == 0
    data = json.loads(out)
    assert {"metric", "value", "elasticities", "groups", "checks"} <= set(data)
    assert set(data["elasticities"][0]) == {
        "parameter", "value", "unit", "integer", "elasticity", "low", "high", "limit",
    }  # fmt: skip
    assert all(c["ok"] for c in data["checks"])


def test_every_elasticity_is_of_a_name_that_set_takes(call: Any) -> None:
    arguments = ["h200-hbf-8", "--model", "llama-3.1-8b"]
    data = json.loads(call("sensitivity", *arguments, "--format", "json")[1])
    tpot = json.loads(call("run", *arguments, "--json")[1])["metrics"]["tpot"]["value"]
    for entry in data["elasticities"]:
        value = entry["value"] if entry["value"] != "infinity" else "inf"
        code, out, err = call("run", *arguments, "--json", "--set", f"{entry['parameter']}={value!r}".replace("'", ""))
        assert code == 0, err
        assert json.loads(out)["metrics"]["tpot"]["value"] == pytest.approx(tpot, rel=1e-12), entry["parameter"]


def test_sensitivity_writes_a_file(call: Any, tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    code, out, err = call(
        "sensitivity", "h100-sxm", "--model", "llama-3.1-8b", "--format", "json", "-o", str(target)
    )  # fmt: skip
    assert (code, out) == (0, "")
    assert "out.json" in err
    assert json.loads(target.read_text())["metric"] == "tpot"


def test_trace_show_json_counts(call: Any) -> None:
    data = json.loads(call("trace", "show", "llama-3.1-8b", "--json")[1])
    assert data["parameters"] == 8_030_261_248
    assert data["active_parameters"] == 8_030_261_248
    assert data["streamed_parameters"] == 8_030_261_248 - 128_256 * 4096
    assert data["kv_bytes_per_token"] == 2 * 32 * 8 * 128 * 2


def test_set_takes_units_and_bare_si(call: Any) -> None:
    def tpot(*settings: str) -> float:
        arguments = ["run", "h200-hbf-8", "--model", "llama-3.1-70b", "--json"]
        for setting in settings:
            arguments += ["--set", setting]
        return float(json.loads(call(*arguments)[1])["metrics"]["tpot"]["value"])

    assert tpot("hbf.read_time=5us") == tpot("hbf.read_time=5e-6") < tpot()
    assert tpot("gpu.overlap=1") > tpot("gpu.overlap=2") > tpot("gpu.overlap=inf")


IMPORTS = (
    "import sys; sys.argv = ['symarch'] + {!r}\ntry:\n from symarch.cli import main; main()\nexcept SystemExit: pass\n"
)


@pytest.mark.parametrize(
    ("arguments", "banned"),
    [
        (["--help"], ["sympy", "numpy", "attrs", "rich", "cattrs", "pluggy"]),
        (["run", "--help"], ["sympy", "numpy"]),
        (RUN, ["sympy", "numpy", "scipy", "networkx"]),
        ([*RUN, "--json"], ["sympy", "numpy", "scipy", "networkx"]),
        (["sensitivity", "h100-sxm", "--model", "llama-3.1-8b"], ["sympy", "numpy"]),
        (["specs", "list"], ["sympy", "numpy"]),
        (["trace", "show", "llama-3.1-8b"], ["sympy", "numpy"]),
    ],
)
def test_commands_do_not_import_what_they_do_not_need(arguments: list[str], banned: list[str]) -> None:
    code = IMPORTS.format(arguments) + f"print([m for m in {banned!r} if m in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_a_plugins_import_does_not_load_sympy() -> None:
    code = "import sys; from symarch import Memory, Min, technology; assert 'sympy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_allowlist_is_named_when_it_hides_a_technology(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMARCH_PLUGINS", "gpu,model.llama")
    command = [sys.executable, "-c", "from symarch.cli import main; main()", *RUN]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "unknown technology 'hbm' (SYMARCH_PLUGINS allows only gpu, model.llama)" in done.stderr
    assert "Traceback" not in done.stderr


def test_hook_calls_are_traced_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMARCH_TRACE_HOOKS", "1")
    command = [sys.executable, "-c", "from symarch.cli import main; main()", *RUN, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "symarch_technologies of plugin 'hbm' of distribution symarch" in done.stderr
    json.loads(done.stdout)


def symarch_shell(line: str) -> subprocess.CompletedProcess[str]:
    command = f"symarch() {{ {sys.executable} -c 'from symarch.cli import main; main()' \"$@\"; }}; {line}"
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True)


def test_a_reader_that_leaves_early_is_no_failure() -> None:
    done = symarch_shell("symarch specs list | true; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("where", ["> /dev/full", ">&-"])
def test_output_that_cannot_be_written_is_said(where: str) -> None:
    done = symarch_shell(f"symarch run h100-sxm --model llama-3.1-8b {where}")
    assert done.returncode == 2
    assert done.stderr.startswith("symarch: the output cannot be written")
    assert "Traceback" not in done.stderr


def test_what_is_set_by_hand_outranks_the_ideal(call: Any) -> None:
    def tpot(*more: str) -> float:
        out = call("run", "h100-sxm", "--model", "llama-3.1-8b", "--ideal", "--json", *more)[1]
        data = json.loads(out)
        assert not any("outside its range" in a for a in data["assumptions"])
        return float(data["metrics"]["tpot"]["value"])

    # 129 products a step: 4 in each of 32 layers, and the LM head
    assert tpot("--set", "gpu.launch=3us") == pytest.approx(tpot() + 129 * 3e-6, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dtype", "experts=fp8"], "has no experts"),
        (["--dtype", "weights=fp8,weights=fp4"], "given twice"),
        (["--dtype", "fp8", "--set", "dtype.weights=2"], "given twice"),
    ],
)
def test_contradicting_data_types_are_refused(call: Any, options: list[str], words: str) -> None:
    code, out, err = call("run", "h100-sxm", "--model", "llama-3.1-8b", *options)
    assert (code, out) == (2, "")
    assert words in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '[link.a]\nbetween = ["f", "m"]\ntechnology = "ucie"\n'
            '[link.b]\nbetween = ["m", "f"]\ntechnology = "ucie"\n',
            "no link leads to it",
        ),
        ('[network.n]\ntechnology = "nvlink"\ntopology = "switch"\nsize = 8\n', "does not divide the 8 devices"),
    ],
)  # fmt: skip
def test_validate_refuses_what_no_run_accepts(call: Any, tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(
        'format = 1\n[processor.gpu]\ntechnology = "gpu"\n[memory.m]\ntechnology = "hbm"\n[memory.f]\n'
        f'technology = "hbf"\n[mapping]\ntensor = {3 if "network" in text else 1}\n'
        f'place = {{ weights = "f", kv_cache = "m", activations = "m" }}\n{text}',
        encoding="utf-8",
    )
    code, _, err = call("validate", str(path))
    assert code == 2
    assert words in err
    assert str(path) in err


def test_a_derivation_goes_down_to_plugins_and_sources(call: Any) -> None:
    code, out, _ = call("explain", "h200-hbf-8", "--model", "llama-3.1-70b", "--derivation")
    assert code == 0
    assert "where, as the plugins state it" in out
    lines = out.splitlines()
    stated = next(i for i, line in enumerate(lines) if line.startswith("  hbf.array_bandwidth = "))
    assert "dies*hbf.page*hbf.planes*hbf.stacks/hbf.read_time" in lines[stated]
    assert "HighBandwidthFlash.array_bandwidth in symarch_technologies.hbf (symarch" in lines[stated + 1]
    given = next(i for i, line in enumerate(lines) if line.startswith("  hbf.read_time = "))
    assert lines[given] == "  hbf.read_time = 20 us"
    assert lines[given + 1].startswith("      assumed (default): not published by a vendor")
    size = next(i for i, line in enumerate(lines) if line.startswith("  batch = "))
    assert lines[size + 1] == "      workload"
