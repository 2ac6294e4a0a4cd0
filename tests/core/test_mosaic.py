"""MPT and DBRX: parameters counted by hand, and configurations that are not theirs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import symarch
from symarch.errors import ModelError
from symarch.trace import Shard
from symarch.trace.mosaic import Mosaic

MPT: dict[str, Any] = {"model_type": "mpt", "d_model": 4096, "n_heads": 32, "n_layers": 32, "vocab_size": 50432,
                       "max_seq_len": 2048, "expansion_ratio": 4, "no_bias": True, "learned_pos_emb": True,
                       "attn_config": {"alibi": True, "alibi_bias_max": 8, "attn_type": "multihead_attention",
                                       "qk_ln": False, "prefix_lm": False}}  # fmt: skip
DBRX: dict[str, Any] = {"model_type": "dbrx", "d_model": 6144, "n_heads": 48, "n_layers": 40, "vocab_size": 100352,
                        "max_seq_len": 32768, "attn_config": {"clip_qkv": 8, "kv_n_heads": 8, "rope_theta": 500000},
                        "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4,
                                       "moe_jitter_eps": 0.01, "moe_loss_weight": 0.05},
                        "tie_word_embeddings": False}  # fmt: skip


def test_parameters_are_those_counted_by_hand() -> None:
    d = 4096  # attention 4 d^2, up and down 8 d^2; norms without bias; the head is the embedding
    assert Mosaic.from_config("mpt-7b", MPT).parameters() == 50432 * d + 32 * (12 * d * d + 2 * d) + d == 6_649_286_656
    d, experts = 6144, 16 * 3 * 6144 * 10752
    layer = d * (d + 2 * 1024) + d * d + 16 * d + experts + 2 * d
    dbrx = Mosaic.from_config("dbrx", DBRX)
    assert dbrx.parameters() == 2 * 100352 * d + 40 * layer + d == 131_596_523_520
    # Databricks states 132e9 and 36e9 active (huggingface.co/databricks/dbrx-base)
    assert dbrx.parameters() == pytest.approx(132e9, rel=0.005)
    assert dbrx.active_parameters() == pytest.approx(36e9, rel=0.02)


def test_parts_are_those_of_the_modules() -> None:
    held = Mosaic.from_config("dbrx", DBRX).held(Shard())
    assert held["router"] == 40 * 6144 * 16
    assert held["experts"] == 40 * 16 * 3 * 6144 * 10752
    assert held["norms"] == (2 * 40 + 1) * 6144
    assert "lm_head_bias" not in held
    tied = Mosaic.from_config("mpt", MPT).held(Shard())
    assert "lm_head" not in tied
    assert tied["ffn"] == 32 * 2 * 4096 * 4 * 4096


@pytest.mark.parametrize("config", [MPT, DBRX], ids=["mpt", "dbrx"])
def test_it_runs_from_a_file_on_one_device_and_on_eight(config: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    model = symarch.load_model(str(path))
    one, eight = (symarch.analyze(symarch.load_system(n), model).evaluate(batch=4).tpot
                  for n in ("h100-sxm", "h100-sxm-8"))  # fmt: skip
    assert one and eight and one / 8 < eight < one
    analysis = symarch.analyze(symarch.load_system("h100-sxm-8"), model, symbols=("model.n_layers",))
    analysis.check_dimensions()
    assert all(c.ok for c in analysis.sensitivity("tpot", batch=4).checks)


@pytest.mark.parametrize(
    ("config", "changes", "words"),
    [
        (MPT, {"attn_config": {"attn_type": "multiquery_attention"}}, "attn_type is 'multiquery_attention'"),
        (MPT, {"attn_config": {"alibi": False}}, "alibi is False; the mpt family here has alibi True"),
        (MPT, {"expansion_ratio": 3}, "expansion_ratio is 3"),
        (MPT, {"d_model": 4095}, "d_model 4095 is not a multiple of n_heads 32"),
        (MPT, {"n_layer": 3}, "n_layer"),
        (DBRX, {"attn_config": {"kv_n_heads": 7}}, "kv_n_heads 7 does not divide n_heads 48"),
        (DBRX, {"ffn_config": {"ffn_hidden_size": 1, "moe_num_experts": 2, "moe_top_k": 4}},
         "moe_top_k 4 is more than the 2 experts"),
        (DBRX, {"ffn_config": 3}, "ffn_config is 3; it must be an object"),
    ],
)  # fmt: skip
def test_what_is_not_theirs_is_refused(config: dict[str, Any], changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        Mosaic.from_config("m", {**config, **changes})
