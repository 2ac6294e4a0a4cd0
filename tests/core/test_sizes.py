"""Sizes of a model as symbols and as settings."""

from __future__ import annotations

import json
from typing import Any

import pytest

import symarch
from symarch.cli import main
from symarch.errors import ModelError, UnknownNameError, WorkloadError
from symarch.trace import Shard
from symarch.trace.decoder import Decoder

NAMES = ["llama-3.1-70b", "mixtral-8x7b", "deepseek-v3.2", "deepseek-v4-flash", "gpt-oss-20b", "gemma-3n-e4b",
         "gemma-4-26b-a4b", "llama-4-scout", "qwen3.5-397b-a17b", "nemotron-3-nano-30b-a3b", "jamba-v0.1", "t5-large",
         "opt-175b", "bloom-176b", "minimax-m2.5", "glm-4.5", "llada-8b", "mamba-codestral-7b"]  # fmt: skip


def symbolic(name: str, *keys: str, **options: Any) -> symarch.Analysis:
    system, model = symarch.load_system("h100-sxm-8"), symarch.load_model(name)
    assert isinstance(model, Decoder)
    names = [f"model.{k}" for k in (keys or model.sizes)]
    return symarch.analyze(system, model, symbols=names, **options)


@pytest.mark.parametrize("name", NAMES)
def test_symbols_change_no_answer(name: str) -> None:
    analysis = symbolic(name)
    analysis.check_dimensions()
    plain = symarch.analyze(symarch.load_system("h100-sxm-8"), symarch.load_model(name)).evaluate(batch=3)
    found = analysis.evaluate(batch=3)
    assert found.metrics == pytest.approx(plain.metrics, rel=1e-12)
    assert [(o.name, o.count) for o in found.operators] == [(o.name, o.count) for o in plain.operators]
    for one, other in zip(found.constraints, plain.constraints, strict=True):
        assert one.used == pytest.approx(other.used, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("llama-3.1-70b", "num_hidden_layers", 40),
        ("llama-3.1-70b", "intermediate_size", 14_336),
        ("llama-3.1-70b", "num_key_value_heads", 16),
        ("gemma-3-27b", "hidden_size", 2048),
        ("mixtral-8x7b", "num_local_experts", 64),
        ("deepseek-v3", "kv_lora_rank", 256),
        ("nemotron-3-nano-30b-a3b", "ssm_state_size", 64),
    ],
)
def test_another_value_of_a_symbol_is_another_model(name: str, key: str, value: int) -> None:
    found = symbolic(name, key).evaluate(**{f"model.{key}": value})
    other = symarch.load_model(name, {key: value})
    due = symarch.analyze(symarch.load_system("h100-sxm-8"), other).evaluate()
    assert found.metrics == pytest.approx(due.metrics, rel=1e-9)
    assert [c.used for c in found.constraints] == pytest.approx([c.used for c in due.constraints], rel=1e-12)


def test_layers_are_a_count() -> None:
    # of a decode step all but embedding, last norm and head grow with the layers
    analysis = symbolic("llama-3.1-70b", "num_hidden_layers", phase="decode", ideal=True)
    (found,) = [e for e in analysis.sensitivity("tpot").elasticities if e.parameter == "model.num_hidden_layers"]
    result = analysis.evaluate()
    once = sum(o.share for o in result.operators if o.count == 1 and o.name != "first_access")
    assert found.elasticity == pytest.approx(1 - once, abs=0.01)


def test_a_size_that_the_model_does_not_have_is_named() -> None:
    system, model = symarch.load_system("h100-sxm-8"), symarch.load_model("llama-3.1-8b")
    with pytest.raises(UnknownNameError, match=r"no size 'model\.hiden_size'; did you mean 'model\.hidden_size'"):
        symarch.analyze(system, model, symbols=["model.hiden_size"])
    with pytest.raises((UnknownNameError, WorkloadError)):
        symarch.analyze(system, model).evaluate(**{"model.hidden_size": 1024})


def test_settings_replace_keys_wherever_they_stand() -> None:
    short = symarch.load_model("llama-3.1-8b", {"num_hidden_layers": 16})
    assert isinstance(short, Decoder)
    assert sum(g.count for g in short.groups) == 16
    inner = symarch.load_model("qwen3-vl-8b", {"num_hidden_layers": 18})
    assert inner.stored(Shard()).kv_per_token == 18 * 2 * 8 * 128


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("llama-3.1-8b", {"num_layers": 3}, "num_layers"),
        ("llama-3.1-8b", {"imags": 3}, r"model\.imags: its family reads no such key"),
        ("llama-3.1-8b", {"images": 1}, r"model\.images"),
        ("llama-3.1-8b", {"hidden_size": 0}, "hidden_size is 0"),
        ("gemma-3-27b", {"vision_config": 0}, r"model\.vision_config is not one value"),
        ("deepseek-v3", {"mla": "fast"}, "mla is 'fast'; it must be absorbed or naive"),
        ("deepseek-v3.2", {"mla": "naive"}, "sparse attention works on the latents"),
        ("deepseek-v3", {"routing_skew": -1}, "routing_skew is -1"),
    ],
)
def test_bad_settings_are_refused(name: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        symarch.load_model(name, settings)


def test_skewed_routing_reads_fewer_experts_and_is_a_parameter() -> None:
    system = symarch.load_system("h100-sxm-8")
    uniform = symarch.analyze(system, symarch.load_model("qwen3-30b-a3b"), phase="decode").evaluate(batch=16)
    analysis = symarch.analyze(system, symarch.load_model("qwen3-30b-a3b", {"routing_skew": 0.5}), phase="decode")
    assert analysis.evaluate(batch=16).tpot < uniform.tpot  # type: ignore[operator]
    assert "model.routing_skew" in {e.parameter for e in analysis.sensitivity("tpot", batch=16).elasticities}


def cli(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def test_settings_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = cli(capsys, "trace", "show", "llama-3.1-8b", "--set", "model.num_hidden_layers=16", "--json")
    assert (status, json.loads(out)["kv_bytes_per_token"]) == (0, 16 * 2 * 8 * 128 * 2)
    status, out, _ = cli(capsys, "trace", "show", "qwen3-vl-8b", "--set", "model.images=2", "--json")
    assert status == 0
    assert any(o["name"] == "vision_attention" for o in json.loads(out)["operators"])
    status, out, _ = cli(capsys, "run", "h100-sxm-8", "--model", "deepseek-v3", "--set", "model.mla=naive", "--json")
    naive = json.loads(out)
    assert status == 0
    status, out, _ = cli(capsys, "run", "h100-sxm-8", "--model", "deepseek-v3", "--json")
    used = [
        c["used"] for found in (naive, json.loads(out)) for c in found["constraints"] if c["name"] == "hbm.capacity"
    ]
    assert used[0] - used[1] == (2048 + 256) * 61 * (16 * 320 - 576) * 2  # 16 of 128 heads on each of 8 devices


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("trace", "show", "llama-3.1-8b", "--set", "hbm.stacks=3"), "only sizes of the model"),
        (("trace", "show", "llama-3.1-8b", "--set", "model.images=3"), "model.images"),
        (("run", "h100-sxm", "--model", "llama-3.1-8b", "--set", "model.hidden_size=big"), "hidden_size is 'big'"),
    ],
)
def test_bad_settings_on_the_command_line(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    status, out, err = cli(capsys, *arguments)
    assert (status, out) == (2, "")
    assert words in err
    assert "Traceback" not in err
