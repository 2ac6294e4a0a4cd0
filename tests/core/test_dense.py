from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symarch
from symarch.errors import MappingError, ModelError, SymarchError, UnknownNameError
from symarch.trace import Access, Operator, Shard, Step, load_config
from symarch.trace.attention import Attention
from symarch.trace.dense import Dense
from symarch.trace.ffn import FeedForward
from symarch.trace.operators import merged

# Published, to the last digit: the sums of the tensors of the public checkpoints (Hugging Face model cards and
# safetensors indices); decode_read leaves the untied input table out.
PUBLISHED = {
    "llama-2-7b": 6_738_415_616,
    "llama-3.1-8b": 8_030_261_248,
    "llama-3.1-70b": 70_553_706_496,
    "llama-3.1-405b": 405_853_388_800,
    "qwen3-32b": 32_762_123_264,
}
# (vocabulary, hidden): rows and width of the input table that one token reads a row of
TABLES = {
    "llama-2-7b": (32_000, 4096),
    "llama-3.1-8b": (128_256, 4096),
    "llama-3.1-70b": (128_256, 8192),
    "llama-3.1-405b": (128_256, 16_384),
    "qwen3-32b": (151_936, 5120),
}
# 2 (keys and values) x layers x KV heads x head width x 2 bytes
KV_BYTES = {
    "llama-2-7b": 2 * 32 * 32 * 128 * 2,  # 524,288
    "llama-3.1-8b": 2 * 32 * 8 * 128 * 2,  # 131,072
    "llama-3.1-70b": 2 * 80 * 8 * 128 * 2,  # 327,680
    "llama-3.1-405b": 2 * 126 * 8 * 128 * 2,  # 516,096
    "qwen3-32b": 2 * 64 * 8 * 128 * 2,  # 262,144
}
NAMES = list(PUBLISHED)

CONFIG: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_attention_heads": 8,
    "num_hidden_layers": 3,
    "num_key_value_heads": 2,
    "vocab_size": 100,
}


def load(name: str) -> Dense:
    model = symarch.load_model(name)
    assert isinstance(model, Dense)
    return model


def step(phase: str, batch: int = 1, tokens: int = 1, context: int = 1, mac: int = 2, **dtypes: str) -> Step:
    """One pass in which a byte is an element, so that bytes count elements."""
    types = {"weights": "bf16", "kv_cache": "bf16", "activations": "bf16", **dtypes}
    return Step(phase=phase, batch=batch, tokens=tokens, context=context, weights=1, experts=1, kv_cache=1,
                activations=1, flop_per_mac=mac, dtypes=types)  # fmt: skip


def model_of(**changes: Any) -> Dense:
    return Dense.from_config("tiny", {**CONFIG, **changes})


def core(model: Dense) -> Attention:
    block = model.groups[-1].blocks[0]
    assert isinstance(block, Attention)
    return block


def ffn(model: Dense) -> FeedForward:
    block = model.groups[-1].blocks[1]
    assert isinstance(block, FeedForward)
    return block


def layers(model: Dense) -> int:
    return sum(g.count for g in model.groups)


def amount(operators: list[Operator], tensor: str, way: str) -> int:
    return sum(o.count * getattr(a, way) for o in operators for a in o.accesses if a.tensor == tensor)


def flops(operators: list[Operator]) -> Any:
    return sum(o.count * o.flops for o in operators)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_equal_the_published_count_to_the_last_digit(name: str) -> None:
    assert load(name).parameters() == load(name).active_parameters() == PUBLISHED[name]


def test_parameters_of_llama_2_by_hand() -> None:
    h, i, layers, rows = 4096, 11_008, 32, 32_000
    attention = 4 * h * h  # q, k, v, o; 32 heads of 128 for all of them
    ffn = 3 * h * i  # gate, up, down
    assert (
        2 * rows * h + layers * (attention + ffn + 2 * h) + h
        == PUBLISHED["llama-2-7b"]
        == load("llama-2-7b").parameters()
    )


def test_parameters_of_llama_3_1_405b_by_hand() -> None:
    h, i, layers, rows = 16_384, 53_248, 126, 128_256
    attention = 2 * h * (128 * 128) + 2 * h * (8 * 128)  # q and o of 128 heads, k and v of 8
    assert 2 * rows * h + layers * (attention + 3 * h * i + 2 * h) + h == load("llama-3.1-405b").parameters()


def test_parameters_of_qwen3_by_hand() -> None:
    h, i, layers, rows = 5120, 25_600, 64, 151_936
    attention = 2 * h * (64 * 128) + 2 * h * (8 * 128) + 2 * 128  # 64 x 128 is wider than h; one norm for q, one for k
    assert 2 * rows * h + layers * (attention + 3 * h * i + 2 * h) + h == load("qwen3-32b").parameters()


def test_parameters_with_biases_and_tied_tables_by_hand() -> None:
    h, i, d = 64, 96, 8
    columns = (8 + 2 * 2) * d
    layer = h * columns + 8 * d * h + 3 * h * i + 2 * h
    assert model_of().parameters() == 2 * 100 * h + 3 * layer + h
    assert model_of(tie_word_embeddings=True).parameters() == 100 * h + 3 * layer + h
    assert model_of(attention_bias=True).parameters() == 2 * 100 * h + 3 * (layer + columns + h) + h
    assert model_of(mlp_bias=True).parameters() == 2 * 100 * h + 3 * (layer + 2 * i + h) + h
    # qwen2 has biases on q, k and v but not on o
    assert model_of(model_type="qwen2").parameters() == 2 * 100 * h + 3 * (layer + columns) + h
    assert model_of(model_type="qwen3").parameters() == 2 * 100 * h + 3 * (layer + 2 * d) + h


@pytest.mark.parametrize("name", NAMES)
def test_a_decode_step_streams_everything_but_the_input_table(name: str) -> None:
    rows, hidden = TABLES[name]
    assert load(name).streamed_parameters() == PUBLISHED[name] - rows * hidden


@pytest.mark.parametrize("name", NAMES)
def test_weights_read_by_the_operators_of_a_decode_step_are_the_streamed_parameters(name: str) -> None:
    model = load(name)
    operators = model.operators(step("decode", context=100), Shard())
    table_row = TABLES[name][1]
    assert amount(operators, "weights", "read") == model.streamed_parameters() + table_row
    assert amount(operators, "weights", "write") == 0


def test_weights_read_include_biases_and_norms_and_one_table_if_tied() -> None:
    for changes in ({"attention_bias": True, "mlp_bias": True}, {"model_type": "qwen2"}, {"model_type": "qwen3"},
                    {"tie_word_embeddings": True}):  # fmt: skip
        model = model_of(**changes)
        operators = model.operators(step("decode"), Shard())
        assert amount(operators, "weights", "read") == model.streamed_parameters() + model.hidden
    tied = model_of(tie_word_embeddings=True)
    assert tied.streamed_parameters() == tied.parameters()


@pytest.mark.parametrize("batch", [1, 7, 64])
def test_weights_are_read_once_whatever_the_batch(batch: int) -> None:
    model = load("llama-3.1-8b")
    operators = model.operators(step("decode", batch=batch), Shard())
    assert amount(operators, "weights", "read") == model.streamed_parameters() + batch * model.hidden  # rows looked up


@pytest.mark.parametrize("name", NAMES)
def test_cache_grows_by_the_published_bytes_per_token(name: str) -> None:
    model = load(name)
    assert 2 * model.stored(Shard()).kv_per_token == KV_BYTES[name]
    assert 2 * amount(model.operators(step("decode", context=9), Shard()), "kv_cache", "write") == KV_BYTES[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_decode_step_reads_the_whole_cache_of_its_context_once(name: str) -> None:
    operators = load(name).operators(step("decode", batch=3, context=1000), Shard())
    assert 2 * amount(operators, "kv_cache", "read") == 3 * 1000 * KV_BYTES[name]


def test_prefill_writes_the_cache_of_its_prompt_and_reads_none() -> None:
    operators = load("llama-3.1-8b").operators(step("prefill", batch=5, tokens=300, context=300), Shard())
    assert 2 * amount(operators, "kv_cache", "write") == 5 * 300 * KV_BYTES["llama-3.1-8b"]
    assert amount(operators, "kv_cache", "read") == 0


def test_grouped_queries_read_kv_heads_not_query_heads() -> None:
    # a known error of another tool: KV reads counted by the query heads, 8 times too many
    operators = load("llama-3.1-70b").operators(step("decode", context=1), Shard())
    attention = next(o for o in operators if o.name == "attention")
    assert [a.read for a in attention.accesses if a.tensor == "kv_cache"] == [2 * 8 * 128]


@pytest.mark.parametrize("prompt", [1, 2, 3, 17, 128])
def test_causal_attention_counts_every_query_key_pair_once(prompt: int) -> None:
    model = load("llama-2-7b")
    attention = next(o for o in model.operators(step("prefill", tokens=prompt), Shard()) if o.name == "attention")
    pairs = sum(1 for query in range(prompt) for key in range(prompt) if key <= query)
    assert attention.flops == pairs * 2 * (2 * 32 * 128)  # QK^T and PV, each a multiply-add per pair, head and element
    assert attention.dims["mean_context"] == pairs / prompt


@pytest.mark.parametrize("prompt", [1, 5, 40])
def test_prefill_attends_to_as_many_pairs_as_decode_step_by_step(prompt: int) -> None:
    model = load("llama-3.1-8b")

    def pairs(one: Step) -> Any:
        return next(o for o in model.operators(one, Shard()) if o.name == "attention").flops

    steps = sum(pairs(step("decode", batch=2, context=c)) for c in range(1, prompt + 1))
    assert pairs(step("prefill", batch=2, tokens=prompt)) == steps


def test_flops_of_a_pass_are_an_exact_polynomial() -> None:
    model, batch, prompt = load("llama-3.1-8b"), 3, 77
    h, q, kv, i, layers, rows = 4096, 4096, 1024, 14_336, 32, 128_256
    per_token = 2 * (h * (q + 2 * kv) + q * h + 3 * h * i)  # two FLOP for each weight a token meets
    attention = 2 * 2 * q * prompt * (prompt + 1) // 2
    hand = batch * (layers * (prompt * per_token + attention) + 2 * h * rows)  # logits of the last token only
    assert flops(model.operators(step("prefill", batch, prompt), Shard())) == hand


@pytest.mark.parametrize("name", NAMES)
def test_decode_flops_are_two_per_weight_and_four_per_cached_element(name: str) -> None:
    model = load(name)
    matrices = model.streamed_parameters() - layers(model) * 2 * model.hidden - model.hidden
    if core(model).head_norms:
        matrices -= layers(model) * 2 * core(model).head_dim
    width = core(model).heads * core(model).head_dim
    hand = 2 * matrices + layers(model) * 1234 * 2 * 2 * width
    assert flops(model.operators(step("decode", context=1234), Shard())) == hand


def test_steps_sum_to_the_closed_form() -> None:
    model, prompt, output = load("llama-2-7b"), 50, 21
    steps = [flops(model.operators(step("decode", context=prompt + i), Shard())) for i in range(1, output)]
    count = output - 1
    fixed = flops(model.operators(step("decode", context=0), Shard()))
    slope = layers(model) * 4 * core(model).heads * core(model).head_dim
    assert sum(steps) == count * fixed + slope * (count * prompt + count * (count + 1) // 2)
    mean = flops(model.operators(step("decode", context=Fraction(2 * prompt + output, 2)), Shard()))  # type: ignore[arg-type]
    assert sum(steps) == count * mean


def degrees(model: Dense) -> list[int]:
    heads, kv_heads, width = core(model).heads, core(model).kv_heads, ffn(model).width
    return [d for d in range(1, heads + 1) if heads % d == 0 and width % d == 0
            and (kv_heads % d == 0 or d % kv_heads == 0)]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_shards_sum_to_the_whole_for_every_allowed_degree(name: str) -> None:
    model = load(name)
    whole = {o.name: o for o in model.operators(step("decode", batch=4, context=640), Shard())}
    for degree in degrees(model):
        model.check_shard(Shard(degree))
        copies = max(1, degree // core(model).kv_heads)  # devices that keep a copy of each KV head
        part = {o.name: o for o in model.operators(step("decode", batch=4, context=640), Shard(degree))}
        for operator in ("attention", "attention_output", "gate_up", "down"):
            assert degree * part[operator].flops == whole[operator].flops
        q, kv = (n * core(model).head_dim for n in (core(model).heads, core(model).kv_heads))
        assert degree * part["qkv"].flops == 4 * 2 * model.hidden * (q + 2 * kv * copies)
        cache = next(a.read for a in part["attention"].accesses if a.tensor == "kv_cache")
        assert degree * cache == copies * 4 * 640 * 2 * kv
        assert degree * model.stored(Shard(degree)).kv_per_token == copies * model.stored(Shard()).kv_per_token


@pytest.mark.parametrize("name", NAMES)
def test_stored_weights_of_the_shards_are_the_parameters_and_what_is_replicated(name: str) -> None:
    model = load(name)
    assert model.stored(Shard()).weights == PUBLISHED[name]
    for degree in degrees(model):
        rows = math.ceil(model.vocabulary / degree)
        copies = max(1, degree // core(model).kv_heads)
        attention = core(model)
        norms = 2 * model.hidden + (2 * attention.head_dim if attention.head_norms else 0)
        replicated = layers(model) * (
            (degree - 1) * norms + (copies - 1) * 2 * attention.kv_heads * attention.head_dim * model.hidden
        )
        tables = 2 * (rows * degree - model.vocabulary) * model.hidden
        due = PUBLISHED[name] + replicated + tables + (degree - 1) * model.hidden
        assert degree * model.stored(Shard(degree)).weights == due


def test_collectives_carry_the_logical_tensor() -> None:
    model = load("llama-3.1-70b")
    operators = {o.name: o for o in model.operators(step("decode", batch=16), Shard(8))}
    found = {n: o.collective for n, o in operators.items() if o.collective is not None}
    assert {n: (c.operation, c.size) for n, c in found.items()} == {
        "embedding_all_reduce": ("all_reduce", 16 * 8192),
        "all_reduce": ("all_reduce", 16 * 8192),
        "logits_all_gather": ("all_gather", 16 * 128_256),
    }
    assert operators["all_reduce"].count == 2 * 80
    assert not [o for o in model.operators(step("decode"), Shard()) if o.collective]


def test_a_long_model_has_few_distinct_operators() -> None:
    for name in NAMES:
        for shard in (Shard(), Shard(8)):
            operators = load(name).operators(step("decode"), shard)
            assert len(operators) <= 16
            assert len({o.name for o in operators}) == len(operators)


def test_merging_adds_counts_of_equal_operators_only() -> None:
    one = Operator("x", "norm", 2, {"tokens": 3}, accesses=(Access("weights", read=5),))
    two = Operator("x", "norm", 3, {"tokens": 3}, accesses=(Access("weights", read=5),))
    other = Operator("x", "norm", 1, {"tokens": 3}, accesses=(Access("weights", read=6),))
    assert [(o.count, o.accesses[0].read) for o in merged([one, other, two])] == [(5, 5), (1, 6)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("degree", [3, 5, 7, 12, 256, 1000])
def test_a_degree_that_does_not_divide_is_refused_with_the_allowed_ones(name: str, degree: int) -> None:
    model = load(name)
    if degree in degrees(model):
        return
    with pytest.raises(MappingError) as caught:
        model.check_shard(Shard(degree))
    allowed = str(caught.value).rsplit("allowed: ", 1)[1]
    assert [int(d) for d in allowed.split(", ")] == degrees(model)
    assert f"{core(model).heads} query heads" in str(caught.value)


def test_a_degree_that_does_not_divide_the_kv_heads_is_refused() -> None:
    model = model_of(num_attention_heads=12, num_key_value_heads=6, intermediate_size=96, hidden_size=96)
    for degree, allowed in {1: True, 2: True, 3: True, 4: False, 6: True, 12: True}.items():
        if allowed:
            model.check_shard(Shard(degree))
        else:
            with pytest.raises(MappingError):
                model.check_shard(Shard(degree))


@pytest.mark.parametrize(
    "key", ["hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "vocab_size"]
)
def test_a_missing_key_is_named(key: str) -> None:
    config = {k: v for k, v in CONFIG.items() if k != key}
    with pytest.raises(ModelError, match=f"'{key}' is missing"):
        Dense.from_config("tiny", config)


@pytest.mark.parametrize("bad", [0, -1, 1.5, "64", True, [64], {}, 10**10, -(10**30), math.nan])
@pytest.mark.parametrize("key", ["hidden_size", "num_hidden_layers", "num_key_value_heads", "head_dim", "vocab_size"])
def test_a_size_that_is_no_whole_number_is_refused(key: str, bad: Any) -> None:
    with pytest.raises(ModelError, match=key):
        model_of(**{key: bad})


@pytest.mark.parametrize("key", ["tie_word_embeddings", "attention_bias", "mlp_bias"])
def test_a_flag_that_is_no_flag_is_refused(key: str) -> None:
    junk: tuple[Any, ...] = (1, "true", [], 0.0)
    for bad in junk:
        with pytest.raises(ModelError, match=key):
            model_of(**{key: bad})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_key_value_heads": 3}, "not a multiple of num_key_value_heads 3"),
        ({"hidden_size": 65}, "head_dim is missing"),
        ({"num_local_experts": 8, "num_experts_per_tok": 2}, "num_local_experts"),
        ({"n_routed_experts": 256}, "n_routed_experts"),
        ({"kv_lora_rank": 512}, "kv_lora_rank"),
        ({"num_nextn_predict_layers": 1}, "num_nextn_predict_layers"),
        ({"layer_types": ["full_attention"] * 2}, "layer_types has 2 entries; it must list the kind of each of the 3"),
        ({"layer_types": ["full_attention"] * 4}, "layer_types has 4 entries"),
        ({"layer_types": ["full_attention"] * 2 + ["linear_attention"]}, "'linear_attention'; the llama family"),
        ({"layer_types": ["sliding_attention"] * 3}, "'sliding_window' is missing"),
        ({"layer_types": "full_attention"}, "layer_types has 'full_attention'"),
        ({"num_unheard_of": 7}, "the key 'num_unheard_of'"),
        ({"parallel_attn": True}, "the key 'parallel_attn'"),
        ({"text_config": {"hidden_size": 1}}, "text_config"),
        ({"vision_config": {"hidden_size": 1}}, "vision_config"),
        ({"moe_intermediate_size": 1536}, "moe_intermediate_size"),
    ],
)
def test_what_the_family_does_not_know_is_refused_not_guessed(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        model_of(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"sliding_window": None},
        {"model_type": "qwen2", "sliding_window": 131_072, "use_sliding_window": False, "max_window_layers": 28},
        {"model_type": "qwen2", "sliding_window": 131_072},  # transformers: qwen2's windows are off unless asked for
        {"layer_types": ["full_attention"] * 3},
        {"num_experts": 0},
        {"rope_scaling": {"factor": 8.0}, "rope_theta": 1e6},
        {"head_dim": None},
        {"num_key_value_heads": None},
        {"sliding_window": 4096},  # the Llama modules have no window: without a key use_sliding_window it is idle
        {"torch_dtype": "float16", "anything_else": [1, 2], "_name_or_path": "expert"},
    ],
)
def test_keys_that_change_no_sizes_are_let_be(changes: dict[str, Any]) -> None:
    kept = {k: v for k, v in changes.items() if k in ("model_type", "num_key_value_heads")}
    idle, plain = model_of(**changes), model_of(**kept)
    assert idle.operators(step("decode", context=9000), Shard()) == plain.operators(
        step("decode", context=9000), Shard()
    )


def test_a_key_of_unknown_meaning_is_noted() -> None:
    assert model_of(anything_else=[1, 2]).notes == ("keys taken to change no sizes: anything_else",)
    assert model_of(anything_else=None, rope_theta=1e6).notes == ()


def test_a_published_quantization_is_noted_and_changes_nothing() -> None:
    (note,) = model_of(quantization_config={"quant_method": "awq", "bits": 4}).notes
    assert note.startswith("the weights are published in awq;")
    assert model_of(quantization_config={"quant_method": "awq"}).parameters() == model_of().parameters()


@pytest.mark.parametrize(
    ("changes", "windowed"),
    [
        ({"model_type": "mistral", "sliding_window": 40}, 3),
        ({"model_type": "phi3", "sliding_window": 40}, 3),
        ({"model_type": "qwen3", "sliding_window": 40, "use_sliding_window": True}, 3),
        ({"model_type": "qwen2", "sliding_window": 40, "use_sliding_window": True, "max_window_layers": 2}, 1),
        ({"sliding_window": 40, "layer_types": ["full_attention", "sliding_attention", "full_attention"]}, 1),
    ],
)
def test_a_window_in_force_bounds_attention_and_cache(changes: dict[str, Any], windowed: int) -> None:
    model = model_of(**changes)
    entry = 2 * 2 * 8  # keys and values of 2 heads of 8
    for context in (1, 39, 40, 41, 500):
        read = amount(model.operators(step("decode", context=context), Shard()), "kv_cache", "read")
        assert read == entry * (windowed * min(context, 40) + (3 - windowed) * context)
        assert model.stored(Shard()).cached(context) == read
    assert model.stored(Shard()).kv_per_token == entry * (3 - windowed)
    for prompt in (1, 40, 41, 137):
        found = model.operators(step("prefill", tokens=prompt), Shard())
        pairs = windowed * sum(min(i, 40) for i in range(1, prompt + 1)) + (3 - windowed) * prompt * (prompt + 1) // 2
        assert sum(o.count * o.flops for o in found if o.name.endswith("attention")) == pairs * 2 * 2 * 8 * 8


def write(path: Path, config: Any) -> Path:
    path.write_text(config if isinstance(config, str) else json.dumps(config), encoding="utf-8")
    return path


def test_a_model_is_found_by_name_by_file_and_by_folder(tmp_path: Path) -> None:
    folder = tmp_path / "my-model"
    folder.mkdir()
    write(folder / "config.json", CONFIG)
    loose = write(tmp_path / "loose.json", CONFIG)
    count = model_of().parameters()
    for name, called in ((folder, "my-model"), (folder / "config.json", "my-model"), (loose, "loose")):
        model = symarch.load_model(str(name))
        assert model.name == called
        assert model.parameters() == count


def test_unknown_models_are_named_with_near_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'llama-3\.1-8b'"):
        symarch.load_model("llama-3.1-8B")
    with pytest.raises(UnknownNameError, match="does not exist"):
        symarch.load_model(str(tmp_path / "none.json"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "holds an object, this one a list"),
        ("3", "an object, this one a int"),
        ("{}", "the key 'model_type' is missing"),
        ('{"model_type": 7}', "model_type is 7"),
        ('{"model_type": "lama"}', "did you mean 'llama'"),
        ('{"model_type": "mixtrel"}', "unknown model_type 'mixtrel'; did you mean 'mi"),
        ('{"model_type": "llama"}', "'hidden_size' is missing"),
        ("[" * 100_000, "nested too deeply"),
        ('{"model_type": "llama", "hidden_size": 64, "hidden_size": 32}', "the key 'hidden_size' occurs twice"),
        ('{"model_type": "llama", "rope_scaling": {"factor": 1, "factor": 2}}', "the key 'factor' occurs twice"),
        ('{"model_type": "llama", "hidden_size": ' + "9" * 5000 + "}", "config.json"),
    ],
)
def test_a_bad_config_is_one_sentence_with_its_file(tmp_path: Path, text: str, words: str) -> None:
    path = write(tmp_path / "config.json", text)
    with pytest.raises(ModelError, match=words) as caught:
        load_config(path)
    assert str(path) in str(caught.value)


def test_a_binary_or_missing_config_is_a_model_error(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ModelError, match="not a text file in UTF-8"):
        load_config(path)
    with pytest.raises(ModelError, match="cannot be read"):
        load_config(tmp_path / "gone.json")


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 200),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
)
KEYS = st.sampled_from([*CONFIG, "head_dim", "attention_bias", "mlp_bias", "tie_word_embeddings", "sliding_window",
                        "use_sliding_window", "layer_types", "num_experts", "text_config", "rope_scaling"])  # fmt: skip


@settings(max_examples=200)
@given(st.dictionaries(KEYS, JUNK, max_size=3), st.sampled_from(["llama", "mistral", "qwen2", "qwen3"]))
def test_any_config_gives_a_model_or_a_symarch_error(changes: Mapping[str, Any], family: str) -> None:
    config = {**CONFIG, **changes, "model_type": family}
    try:
        model = Dense.from_config("tiny", config)
    except SymarchError as error:
        assert len(str(error)) < 300
    else:
        assert model.parameters() > 0


@given(st.integers(1, 40), st.integers(1, 60), st.integers(1, 60), st.integers(1, 4))
def test_flops_are_linear_in_the_batch_and_in_flop_per_mac(batch: int, tokens: int, context: int, mac: int) -> None:
    model = model_of(model_type="qwen3")
    build: Callable[..., list[Operator]] = lambda **k: model.operators(step(**k), Shard(2))  # noqa: E731
    for phase in ("prefill", "decode"):
        size = tokens if phase == "prefill" else 1
        one = flops(build(phase=phase, tokens=size, context=context, mac=1))
        assert flops(build(phase=phase, tokens=size, context=context, batch=batch, mac=mac)) == batch * mac * one


def test_a_model_with_absurdly_many_heads_is_checked_at_once() -> None:
    model = model_of(num_attention_heads=10**9, num_key_value_heads=10**9, head_dim=1, intermediate_size=10**9)
    model.check_shard(Shard(8))
    with pytest.raises(MappingError):
        model.check_shard(Shard(3))
