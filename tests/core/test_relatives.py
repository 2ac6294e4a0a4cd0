"""Families near Llama: their counts equal those of the modules of transformers, and they run in every phase."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.errors import ModelError
from symarch.trace import Shard
from symarch.trace.attention import Attention
from symarch.trace.convert import step_of
from symarch.trace.relatives import FAMILIES, Relative

# Each with what its configuration class of transformers 5.24 has unless told otherwise, and the parameters that its
# modules have on the meta device, tied ones once. test_capture.py runs them there.
KNOWN: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "relatives.json").read_text(encoding="utf-8"))

# The same with switches turned, counted alike.
TURNED: list[tuple[str, dict[str, Any], int]] = [
    ("cohere", {"use_qk_norm": True}, 34_981_486_592),
    ("granite", {"attention_bias": True, "mlp_bias": True}, 6_739_775_488),
    ("stablelm", {"use_qkv_bias": True}, 2_795_688_960),
    ("starcoder2", {"use_bias": False}, 3_029_710_848),
    ("gpt_neox", {"use_parallel_residual": False, "attention_bias": False}, 20_553_486_336),
    ("ernie4_5", {"use_bias": True}, 360_941_568),
    ("olmo2", {"num_key_value_heads": 8, "attention_bias": True}, 6_083_547_136),
    ("arcee", {"mlp_bias": True}, 4_023_437_824),
    ("helium", {"attention_bias": True}, 2_172_828_160),
    # Phi-2 and Phi-3.5-MoE as Hugging Face counts their tensors; OLMo 1B by hand, and by the module in the torch tests
    ("phi", {"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 32}, 2_779_683_840),
    ("phimoe", {"attention_bias": True, "lm_head_bias": True}, 41_873_153_344),
    (
        "olmo",
        {
            "hidden_size": 2048,
            "intermediate_size": 8192,
            "num_hidden_layers": 16,
            "num_attention_heads": 16,
            "num_key_value_heads": 16,
            "tie_word_embeddings": True,
        },
        1_176_764_416,
    ),
    ("seed_oss", {"attention_out_bias": True, "attention_bias": False}, 28_920_516_608),
]


def model(name: str, **changes: Any) -> Relative:
    return Relative.from_config(name, {**KNOWN[name]["config"], **changes})


def test_every_family_is_known() -> None:
    assert set(KNOWN) == set(FAMILIES)


@pytest.mark.parametrize("name", KNOWN)
def test_parameters_are_those_of_the_modules(name: str) -> None:
    assert model(name).parameters() == KNOWN[name]["parameters"]


@pytest.mark.parametrize(("name", "changes", "parameters"), TURNED)
def test_switches_count(name: str, changes: dict[str, Any], parameters: int) -> None:
    assert model(name, **changes).parameters() == parameters


@pytest.mark.parametrize("name", KNOWN)
def test_one_token_multiplies_every_weight_it_streams_once(name: str) -> None:
    found = model(name)
    operators = found.operators(step_of("decode", {"batch": 1, "prompt": 7, "output": 2}, dict.fromkeys(
        found.tensors, "bf16")), Shard())  # fmt: skip
    flops = sum(o.flops * o.count for o in operators if o.kind in ("matmul", "moe_matmul"))
    vectors = found.streamed_parameters() - flops / 2  # norms and biases
    assert 0 <= vectors <= 0.001 * found.streamed_parameters()


@pytest.mark.parametrize("name", KNOWN)
def test_it_runs_in_every_phase(name: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(KNOWN[name]["config"]), encoding="utf-8")
    system, loaded = symarch.load_system("h100-sxm"), symarch.load_model(str(path))
    ways: list[dict[str, Any]] = [{}, {"chunk": 500, "prefix": 100}, {"continuous": True, "chunk": 500}]
    for options in ways:
        found = symarch.analyze(system, loaded, **options).evaluate(batch=2)
        assert found.request_time and found.request_time > 0


def spans(found: Relative) -> list[tuple[Any, str]]:
    return [(g.count, b.kind) for g in found.groups for b in g.blocks if isinstance(b, Attention)]


def test_windows_lie_where_the_pattern_says() -> None:
    # Command R7B and OLMo 3: three layers with a window of 4096, then one without
    for name in ("cohere2", "olmo3"):
        assert spans(model(name, num_hidden_layers=8)) == [(6, "window_"), (2, "")]
    assert spans(model("starcoder2", num_hidden_layers=8, sliding_window=4096)) == [(8, "window_")]


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("stablelm", {"qk_layernorm": True}, "qk_layernorm"),
        ("stablelm", {"use_parallel_residual": True}, "use_parallel_residual"),
        ("granite", {"num_local_experts": 4}, "num_local_experts"),
        ("hunyuan_v1_dense", {"use_cla": True}, "use_cla"),
        ("olmo2", {"hidden_size": None}, "hidden_size"),
        ("cohere2", {"layer_types": ["linear_attention"] * 40}, "linear_attention"),
    ],
)
def test_what_is_not_modelled_is_named(name: str, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelError, match=said):
        model(name, **changes)
