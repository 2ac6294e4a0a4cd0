"""Rows as operators: FLOPs and bytes by hand, the program against single operators, the speed of light."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import symarch
from symarch.accuracy import predict, read_table
from symarch.accuracy.machines import machine
from symarch.accuracy.models import SIZED, model_of
from symarch.accuracy.operators import operators_of
from symarch.accuracy.serving import runtime_of
from symarch.api import operator_time
from symarch.errors import SymarchError

DATA = Path(__file__).parent / "data"


def moved(operators: list[symarch.Operator]) -> list[float]:
    return [sum(a.read + a.write for a in o.accesses) for o in operators]


def test_a_product_in_8_bits_converts_its_activations_first() -> None:
    operators = operators_of("gemm", {"dtype": "fp8"}, {"m": 4, "n": 8, "k": 16})
    assert [o.kind for o in operators] == ["conversion", "matmul"]
    assert moved(operators) == [4 * 16 * (2 + 1), 8 * 16 + 4 * 16 + 4 * 8 * 2]
    assert operators[1].flops == 2 * 4 * 8 * 16
    (wide,) = operators_of("gemm", {"dtype": "bf16"}, {"m": 4, "n": 8, "k": 16})
    assert moved([wide]) == [2 * (4 * 8 + 8 * 16 + 4 * 16)]


def test_four_bits_are_half_a_byte() -> None:
    operators = operators_of("gemm", {"dtype": "nvfp4"}, {"m": 4, "n": 8, "k": 16})
    assert operators[1].dtype == "fp4"
    assert operators[1].accesses[0].read == 8 * 16 / 2


def test_decode_reads_keys_and_values_of_the_context() -> None:
    sizes = {"batch": 3, "heads": 8, "kv_heads": 2, "head_dim": 64, "context": 100}
    queries, found = operators_of("attention_decode", {"kv_dtype": "fp8"}, sizes)
    assert moved([queries]) == [3 * 8 * 64 * (2 + 1)]  # read in 16 bits, written in 8
    assert [o.kind for o in operators_of("attention_decode", {"kv_dtype": "bf16"}, sizes)] == ["attention"]
    assert found.accesses[0].read == 3 * 100 * 2 * 2 * 64
    assert found.flops == 4 * 3 * 8 * 64 * 100


@pytest.mark.parametrize(("past", "causal", "pairs"), [(0, "1", 55), (7, "1", 125), (0, "0", 100)])
def test_a_prompt_attends_to_what_comes_before(past: int, causal: str, pairs: int) -> None:
    sizes = {"batch": 1, "heads": 4, "kv_heads": 4, "head_dim": 64, "input_len": 10, "prefix_len": past}
    _, found = operators_of("attention_prefill", {"kv_dtype": "bf16", "causal": causal}, sizes)
    assert found.flops == 4 * 4 * 64 * pairs


def test_experts_of_balanced_routing_are_read_once_each() -> None:
    sizes = {"tokens": 4, "hidden": 32, "inter": 64, "topk": 2, "experts": 8, "tp": 2, "ep": 1}
    operators = operators_of("moe", {"dtype": "bf16", "distribution": "balanced"}, sizes)
    assert [o.name for o in operators] == ["gate_up", "act", "down", "sum"]
    assert operators[0].accesses[0].read == 8 * (2 * 32) * 32 * 2  # 8 rows for 8 experts, half of each by tensor
    assert operators[0].flops == 2 * 8 * 64 * 32
    assert operators[0].dims["each"] == 1


def test_rows_of_experts_elsewhere_keep_their_places_or_are_computed() -> None:
    sizes = {"tokens": 64, "hidden": 32, "inter": 64, "topk": 8, "experts": 64, "tp": 1, "ep": 4}
    words = {"dtype": "bf16", "distribution": "balanced"}
    gate, act, down, _ = operators_of("moe", words, sizes)
    assert gate.dims["m"] == down.dims["m"] == 64 * 8 / 4
    assert moved([act]) == [64 * 8 * 3 * 64 * 2]
    gate, act, down, _ = operators_of("moe", words | {"elsewhere": "computed"}, sizes)
    assert gate.dims["m"] == down.dims["m"] == 64 * 8
    assert gate.dims["each"] == 64 * 8 / 4 / 16
    assert moved([act]) == [64 * 8 * 3 * 64 * 2]


@pytest.mark.parametrize(
    ("family", "words", "sentence"),
    [
        ("moe", {"dtype": "bf16", "distribution": "odd"}, "distribution 'odd' is not known"),
        ("elementwise", {"op": "odd"}, "element-wise operator 'odd' is not known"),
    ],
)
def test_words_that_say_nothing_are_refused(family: str, words: dict[str, str], sentence: str) -> None:
    names = ("tokens", "hidden", "inter", "topk", "experts", "tp", "ep", "ffn", "heads", "kv_heads", "vocab")
    with pytest.raises(SymarchError, match=sentence):
        operators_of(family, words, dict.fromkeys(names, 1))


@pytest.mark.parametrize(
    "family", ["gemm", "attention_decode", "attention_prefill", "moe", "collective", "elementwise"]
)
def test_arrays_agree_with_single_operators(family: str) -> None:
    table = read_table(DATA / f"{family}.csv")
    table = table.only(slice(None, None, max(len(table) // 7, 1)))
    found = predict(table)
    for index in range(len(table)):
        words = {n: str(v[index]) for n, v in table.words.items()}
        numbers = {n: float(v[index]) for n, v in table.numbers.items()}
        from symarch.accuracy.machines import joined
        from symarch.accuracy.operators import devices_of

        system = joined(words["system"], devices_of(words), words.get("library"))
        due = sum(
            operator_time(system, o, devices=devices_of(words), limits=False)
            for o in operators_of(family, words, numbers)
        )
        assert found.predicted[index] == pytest.approx(due, rel=1e-12)


def test_the_speed_of_light_is_the_roofline() -> None:
    table = read_table(DATA / "gemm.csv")
    table = table.only(table.words["dtype"] == "bf16").of_systems(("h100_sxm",))
    m, n, k = (table.numbers[c] for c in "mnk")
    roofline = np.maximum(2 * m * n * k / 989e12, 2 * (m * k + n * k + m * n) / 3.35e12)
    latency = float(operator_time(machine("h100-sxm").ideal(), symarch.Operator("o", "norm")))  # none without bytes
    assert latency == 0
    found = predict(table, ideal=True).predicted
    # the latency of the first read is physics and stays, below half a microsecond
    assert np.all(found >= roofline * (1 - 1e-12))
    assert np.all(found < roofline + 1e-6)


def test_rows_that_cannot_be_predicted_are_counted_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "gemm.csv"
    path.write_text(
        "system,dtype,m,n,k,latency_us\nh100_sxm,bf16,1,256,256,3\nh100_sxm,bf16,1,256,256,0\n"
        "h100_sxm,fp3,1,256,256,3\nabacus,bf16,1,256,256,3\nabacus,bf16,2,256,256,3\n"
    )
    found = predict(read_table(path))
    assert np.isfinite(found.predicted).tolist() == [True, False, False, False, False]
    assert sum(found.reasons.values()) == 4
    assert any("abacus" in why and n == 2 for (_, why), n in found.reasons.items())
    assert any("fp3" in why for _, why in found.reasons)
    assert any("not finite or not above 0" in why for _, why in found.reasons)


@pytest.mark.parametrize("count", ["0", "two", "1.5", ""])
def test_a_count_that_is_none_is_a_reason(tmp_path: Path, count: str) -> None:
    path = tmp_path / "collective.csv"
    path.write_text(f"system,library,op,gpus,bytes,latency_us\nh100_sxm,nccl,all_reduce,{count},512,6\n")
    found = predict(read_table(path))
    assert list(found.reasons) == [("h100_sxm", f"gpus is {count!r}; it must be a whole number, at least 1")]


@pytest.mark.parametrize(
    ("column", "value", "sentence"),
    [
        ("attention_dp", "2", "tp 4 x attention_dp 2 x pp 1 are not 4 GPUs"),
        ("moe_ep", "3", ""),
        ("model", "acme/none-1b", "no model is named like 'acme/none-1b'"),
        ("tp", "4", ""),
    ],
)
def test_a_served_model_that_cannot_be_mapped_is_a_reason(
    tmp_path: Path, column: str, value: str, sentence: str
) -> None:
    row = {
        "system": "h100_sxm",
        "backend": "trtllm",
        "model": "Qwen/Qwen3-32B",
        "gemm_quant": "fp8",
        "gpus": "4",
        "tp": "4",
        "pp": "1",
    }
    row |= {"attention_dp": "1", "moe_tp": "1", "moe_ep": "1", "batch_per_dp": "16", "input_len": "1024"}
    row |= {"output_len": "128", "tpot_ms": "10", "ttft_ms": "100", column: value}
    path = tmp_path / "e2e_serving.csv"
    path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    found = predict(read_table(path))
    if sentence:
        assert [why.startswith(sentence) for _, why in found.reasons] == [True]
    else:
        assert found.predicted[0] == pytest.approx(10e-3, rel=0.5)


def test_serving_takes_the_path_of_run() -> None:
    table = read_table(DATA / "e2e_serving.csv")
    rows = (table.words["gpus"] == "4") & (table.words["gemm_quant"] == "fp8") & (table.words["backend"] == "trtllm")
    table = table.only(rows & (table.words["moe_ep"] == "1")).only([0])
    batch, prompt, output = (float(table.numbers[c][0]) for c in ("batch_per_dp", "input_len", "output_len"))
    model, _ = model_of(str(table.words["model"][0]))
    system = symarch.load_system("h100-sxm-8", {"scale_up.size": "4", "mapping.tensor": "4"})
    analysis = symarch.analyze(
        system, symarch.load_model(model), dtype="weights=fp8,activations=fp8,kv_cache=bf16", runtime="trtllm"
    )
    due = analysis.evaluate(batch=batch, prompt=prompt, output=output).tpot
    assert predict(table).predicted[0] == pytest.approx(due, rel=1e-12)
    alone = predict(table, ideal=True).predicted[0]
    assert due is not None
    assert alone < due


def test_a_static_batch_waits_for_no_prompts_of_others() -> None:
    table = read_table(DATA / "e2e_llm_inference_bench.csv")
    rows = (table.words["framework"] == "vLLM") & (table.words["devices"] == "1") & (table.numbers["batch"] == 16)
    rows &= np.char.find(table.words["model"], "Llama-2-7b") >= 0
    table = table.only(rows).only([0])
    size = float(table.numbers["inout_len"][0])
    model, _ = model_of(str(table.words["model"][0]))
    analysis = symarch.analyze(symarch.load_system("a100-sxm"), symarch.load_model(model), runtime="vllm-2024")
    due = analysis.evaluate(batch=16, prompt=size, output=size, **{"runtime.prompts": 0.0}).request_time
    assert predict(table).predicted[0] == pytest.approx(due, rel=1e-12)


PUBLISHED = {
    # parameters of the published checkpoints (Hugging Face)
    "qwen314b": 14_768_307_200,
    "qwen2514b": 14_770_033_664,
    "qwen2532b": 32_763_876_352,
    "llama321b": 1_235_814_400,
    "llama323b": 3_212_749_824,
}


def test_models_of_other_sizes_have_the_published_parameters() -> None:
    assert {k: symarch.load_model(name, keys).parameters() for k, (name, keys) in SIZED.items()} == PUBLISHED


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Qwen/Qwen3-32B-FP8", "qwen3-32b"),
        ("nvidia/Qwen3-235B-A22B-NVFP4", "qwen3-235b-a22b"),
        ("Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", "qwen3-235b-a22b"),
        ("nvidia/DeepSeek-R1-0528-FP4-v2", "deepseek-r1"),
        ("deepseek-ai/DeepSeek-V3.1", "deepseek-v3"),
        ("deepseek-ai/DeepSeek-V3.2-Exp", "deepseek-v3.2"),
        ("DEEPSEEK_V3", "deepseek-v3"),
        ("openai/gpt-oss-120b", "gpt-oss-120b"),
        ("nvidia/Llama-3.3-70B-Instruct-FP8", "llama-3.1-70b"),
        ("meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8", "llama-4-maverick"),
        ("mistralai/Mistral-7B-Instruct-v0.3", "mistral-7b"),
        ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-FP8", "nemotron-3-nano-30b-a3b"),
        ("bigscience/bloom", "bloom-176b"),
    ],
)
def test_models_are_known_by_the_names_of_their_checkpoints(label: str, name: str) -> None:
    assert model_of(label) == (name, {})


SERVED = {
    "system": "h200_sxm", "backend": "sglang", "model": "Qwen/Qwen3-32B", "precision": "fp8", "gemm_quant": "fp8",
    "moe_quant": "", "gpus": "8", "tp": "8", "pp": "1", "attention_dp": "1", "moe_tp": "1", "moe_ep": "1",
    "batch_per_dp": "16", "input_len": "1024", "output_len": "128", "tpot_ms": "10", "ttft_ms": "100",
}  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"moe_ep": "8"},  # of a dense model, which has no experts to divide
        {"model": "deepseek-ai/DeepSeek-V3", "gpus": "16", "pp": "2"},  # 61 layers
        {"model": "deepseek-ai/DeepSeek-R1", "tp": "1", "attention_dp": "8", "moe_ep": "8"},
        {"model": "openai/gpt-oss-120b", "gemm_quant": "bf16", "moe_quant": "w4a16_mxfp4"},
        {"system": "tpu_v6e", "gpus": "4", "tp": "4"},  # half a row of a torus
        {"system": "tpu v5e", "gpus": "2", "tp": "2"},
        {"system": "NVIDIA GB200 NVL72", "backend": "mlc"},
        {"model": "Qwen/Qwen3-14B-FP8"},
    ],
)
def test_rows_that_can_be_predicted_are(tmp_path: Path, changed: dict[str, str]) -> None:
    row = SERVED | changed
    path = tmp_path / "e2e_serving.csv"
    path.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    found = predict(read_table(path))
    assert found.reasons == {}
    assert 0 < found.predicted[0] < 1


def test_experts_have_their_own_data_type(tmp_path: Path) -> None:
    row = SERVED | {"model": "openai/gpt-oss-120b", "gemm_quant": "bf16", "precision": "fp4", "tp": "1", "gpus": "1"}
    rows = [row | {"moe_quant": "bf16"}, row | {"moe_quant": "w4a16_mxfp4"}]
    path = tmp_path / "e2e_serving.csv"
    path.write_text("\n".join([",".join(row), *(",".join(r.values()) for r in rows)]) + "\n")
    wide, narrow = predict(read_table(path)).predicted
    assert narrow < 0.7 * wide


def test_replicated_attention_has_sequences_of_its_own(tmp_path: Path) -> None:
    row = {
        "system": "h100_sxm",
        "backend": "vllm",
        "model": "Qwen/Qwen3-30B-A3B",
        "gemm_quant": "",
        "gpus": "4",
        "pp": "1",
    }
    row |= {"moe_tp": "1", "moe_ep": "4", "input_len": "1024", "output_len": "128", "tpot_ms": "10", "ttft_ms": "100"}
    path = tmp_path / "e2e_serving.csv"
    rows = [row | {"tp": "4", "attention_dp": "1", "batch_per_dp": "64"},
            row | {"tp": "1", "attention_dp": "4", "batch_per_dp": "16"}]  # fmt: skip
    path.write_text("\n".join([",".join(rows[0]), *(",".join(r.values()) for r in rows)]) + "\n")
    found = predict(read_table(path))
    assert np.isfinite(found.predicted).all(), found.reasons


@pytest.mark.parametrize(
    ("family", "label", "name"),
    [
        ("e2e_serving", "trtllm", "trtllm"),
        ("e2e_serving", "SGLang", "sglang"),
        ("e2e_serving", "mlc", "usual"),
        ("e2e_splitwise", "", "vllm-2023"),
        ("e2e_llm_inference_bench", "TensorRT-LLM", "trtllm-2024"),
    ],
)
def test_a_runtime_is_known_by_its_backend(family: str, label: str, name: str) -> None:
    assert runtime_of(family, label) == name
