"""A row of measurements as operators, those that a trace of a model has too; its numbers may be symbols."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from symarch.errors import SymarchError, nearest
from symarch.technologies import Quantity, data_type
from symarch.trace import Access, Collective, Operator
from symarch.trace.routing import Routing

FLOP_PER_MAC = 2
"""A multiply and an add."""

WIDE = "bf16"
"""The data type of activations, of products in fewer bits and of collectives."""

SKEWS = {"balanced": 0, "uniform": 0}
"""Squared coefficient of variation of the experts' popularity by the distribution's name."""

Words = Mapping[str, str]
Numbers = Mapping[str, Quantity]


def _bytes(dtype: str) -> float:
    return data_type(dtype).bytes


def _type(name: str) -> str:
    """Return the data type a table calls by another name: with blocks of scales, or NVIDIA's fp4."""
    plain = name.lower().removesuffix("_block").removesuffix("_static")
    return {"nvfp4": "fp4", "float16": "fp16", "bfloat16": "bf16", "float8": "fp8", "half": "fp16"}.get(plain, plain)


def _product(name: str, kind: str, dims: dict[str, Quantity], dtype: str, weights: Quantity) -> Operator:
    """Return a product of m rows; activations come in 16 bits and are converted where it computes in fewer."""
    m, n, k = dims["m"], dims["n"], dims["k"]
    wide, narrow = _bytes(WIDE), _bytes(dtype)
    converted = m * k * narrow if narrow < wide else 0
    return Operator(
        name,
        kind,
        1,
        dims,
        dtype,
        FLOP_PER_MAC * m * n * k,
        (
            Access("weights" if kind == "matmul" else "experts", read=weights * narrow),
            Access("activations", read=m * k * wide + converted, write=m * n * wide + converted),
        ),
    )


def _gemm(words: Words, x: Numbers) -> list[Operator]:
    dims = {"m": x["m"], "n": x["n"], "k": x["k"]}
    return [_product("gemm", "matmul", dims, _type(words["dtype"]), x["n"] * x["k"])]


def _attention(words: Words, x: Numbers, queries: Quantity, context: Quantity, pairs: Quantity) -> Operator:
    q, kv = x["heads"] * x["head_dim"], x["kv_heads"] * x["head_dim"]
    wide, cached = _bytes(WIDE), _bytes(_type(words["kv_dtype"]))
    rows = x["batch"] * queries
    return Operator(
        "attention",
        "attention",
        1,
        {
            "batch": x["batch"],
            "queries": queries,
            "context": context,
            "heads": x["heads"],
            "kv_heads": x["kv_heads"],
            "head_dim": x["head_dim"],
        },
        WIDE,
        FLOP_PER_MAC * x["batch"] * pairs * (2 * q),
        (
            Access("kv_cache", read=x["batch"] * context * (2 * kv) * cached),
            Access("activations", read=rows * q * wide, write=rows * q * wide),
        ),
        context=True,
    )


def _decode(words: Words, x: Numbers) -> list[Operator]:
    return [_attention(words, x, 1, x["context"], x["context"])]


def _prefill(words: Words, x: Numbers) -> list[Operator]:
    new, past = x["input_len"], x["prefix_len"]
    pairs = new * past + new * (new + 1) / 2
    if words.get("causal", "1").lower() in ("0", "false"):
        pairs = new * (past + new)
    return [_attention(words, x, new, past + new, pairs)]


def _moe(words: Words, x: Numbers) -> list[Operator]:
    dtype = _type(words["dtype"])
    if words["distribution"] not in SKEWS and not words["distribution"].startswith("power_law"):
        raise SymarchError(f"distribution '{words['distribution']}' is not known; {nearest('', SKEWS)}")
    rows = x["tokens"] * x["topk"] / x["ep"]
    local = x["experts"] / x["ep"]
    skew = SKEWS.get(words["distribution"], 0)
    read = Routing(x["experts"], x["topk"], skew).distinct(x["tokens"]) / x["ep"]
    inner, h = x["inter"] / x["tp"], x["hidden"]
    found = []
    for name, n, k in (("gate_up", 2 * inner, h), ("down", h, inner)):
        dims = {"m": rows, "n": n, "k": k, "experts": read, "held": local}
        found.append(_product(name, "moe_matmul", dims, dtype, read * n * k))
        if name == "gate_up":
            found.append(_pointwise("act", rows, 2 * inner, inner))
    return [*found, _pointwise("sum", x["tokens"], x["topk"] / x["ep"] * h, h)]


def _collective(words: Words, x: Numbers) -> list[Operator]:
    operation = words["op"].replace("alltoall", "all_to_all")
    return [Operator(operation, "collective", collective=Collective(operation, x["bytes"]))]


def _pointwise(name: str, tokens: Quantity, read: Quantity, write: Quantity, kind: str = "elementwise") -> Operator:
    moved = Access("activations", read=tokens * read * _bytes(WIDE), write=tokens * write * _bytes(WIDE))
    return Operator(name, kind, 1, {"tokens": tokens, "width": read}, WIDE, 0, (moved,))


def _elementwise(words: Words, x: Numbers) -> list[Operator]:
    tokens, h, tp = x["tokens"], x["hidden"], x["tp"]
    head = h / x["heads"]
    turned = (x["heads"] + x["kv_heads"]) / tp * head
    widths = {
        "emb": (h, h, "embedding"),
        "input_layernorm": (h, h, "norm"),
        "post_attention_layernorm": (h, h, "norm"),
        "attn_rope": (turned, turned, "elementwise"),
        "mlp_act": (2 * x["ffn"] / tp, x["ffn"] / tp, "elementwise"),
        "add": (2 * h, h, "elementwise"),
    }
    if words["op"] not in widths:
        raise SymarchError(f"element-wise operator '{words['op']}' is not known; {nearest(words['op'], widths)}")
    read, write, kind = widths[words["op"]]
    return [_pointwise(words["op"], tokens, read, write, kind)]


OPERATORS: dict[str, Callable[[Words, Numbers], list[Operator]]] = {
    "gemm": _gemm,
    "attention_decode": _decode,
    "attention_prefill": _prefill,
    "moe": _moe,
    "collective": _collective,
    "elementwise": _elementwise,
}
"""How a row of each family of operators becomes operators."""


def operators_of(family: str, words: Words, numbers: Numbers) -> list[Operator]:
    """Return the operators of a row, which run one after the other. Raises SymarchError for words that say nothing."""
    return OPERATORS[family](words, numbers)


def devices_of(words: Words) -> Any:
    """Return how many devices a row was measured on."""
    return int(words.get("gpus", 1))
