"""A row of measurements as operators, those that a trace of a model has too; its numbers may be symbols."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from symarch.accuracy.routed import routed
from symarch.errors import SymarchError, nearest
from symarch.program import total
from symarch.technologies import Quantity, data_type
from symarch.trace import Access, Collective, Operator

FLOP_PER_MAC = 2
"""A multiply and an add."""

WIDE = "bf16"
"""The data type of activations, of products in fewer bits and of collectives."""

Words = Mapping[str, str]
Numbers = Mapping[str, Quantity]


def _bytes(dtype: str) -> float:
    return data_type(dtype).bytes


def _type(name: str) -> str:
    """Return the data type a table calls by another name: with blocks of scales, or NVIDIA's fp4."""
    plain = name.lower().removesuffix("_block").removesuffix("_static")
    return {"nvfp4": "fp4", "float16": "fp16", "bfloat16": "bf16", "float8": "fp8", "half": "fp16"}.get(plain, plain)


def _product(name: str, kind: str, dims: dict[str, Quantity], dtype: str, read: tuple[Quantity, Quantity],
             write: Quantity) -> Operator:  # fmt: skip
    """Return a product that reads so many weights and activations and writes so many activations."""
    weights, rows = read
    flops = FLOP_PER_MAC * dims["m"] * dims["n"] * dims["k"]
    moved = Access("activations", read=rows * min(_bytes(dtype), _bytes(WIDE)), write=write * _bytes(WIDE))
    stored = Access("weights" if kind == "matmul" else "experts", read=weights * _bytes(dtype))
    return Operator(name, kind, 1, dims, dtype, flops, (stored, moved))


def _converted(dtype: str, elements: Quantity) -> list[Operator]:
    """Return the conversion of activations of 16 bits to the data type of a product, where it has fewer."""
    if _bytes(dtype) >= _bytes(WIDE):
        return []
    moved = Access("activations", read=elements * _bytes(WIDE), write=elements * _bytes(dtype))
    return [Operator("conversion", "conversion", 1, {"tokens": elements, "width": 1}, WIDE, 0, (moved,))]


COPIES = 6
"""Copies of the operands that products are measured on in turn, so that caches hold them only if all fit."""


def _returning(operator: Operator, copies: int) -> Operator:
    """Return an operator whose bytes return after as many copies of them, which a cache may hold."""
    touched = total(a.read + a.write for a in operator.accesses)
    return attrs.evolve(operator, dims={**operator.dims, "touched": touched, "between": copies * touched})


def alone(operator: Operator) -> Operator:
    """Return an operator none of whose bytes return."""
    dims = {n: v for n, v in operator.dims.items() if n not in ("touched", "between")}
    return attrs.evolve(operator, dims=dims)


def _gemm(words: Words, x: Numbers) -> list[Operator]:
    m, n, k = x["m"], x["n"], x["k"]
    dtype = _type(words["dtype"])
    product = _product("gemm", "matmul", {"m": m, "n": n, "k": k}, dtype, (n * k, m * k), m * n)
    return [*_converted(dtype, m * k), _returning(product, COPIES)]


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
            "mean_context": pairs / queries,
        },
        WIDE,
        FLOP_PER_MAC * x["batch"] * pairs * (2 * q),
        (
            Access("kv_cache", read=x["batch"] * context * (2 * kv) * cached),
            Access("activations", read=rows * q * wide, write=rows * q * wide),
        ),
        context=True,
    )


def _queries(words: Words, x: Numbers, queries: Quantity) -> list[Operator]:
    """Return the conversion of queries to the data type of a cache in fewer than 16 bits, a kernel of its own."""
    cached = _bytes(_type(words["kv_dtype"]))
    if cached >= _bytes(WIDE):
        return []
    width = x["heads"] * x["head_dim"]
    rows = x["batch"] * queries
    moved = Access("activations", read=rows * width * _bytes(WIDE), write=rows * width * cached)
    return [Operator("queries", "elementwise", 1, {"tokens": rows, "width": width}, WIDE, 0, (moved,))]


def _decode(words: Words, x: Numbers) -> list[Operator]:
    attention = _returning(_attention(words, x, 1, x["context"], x["context"]), 1)
    return [*_queries(words, x, 1), attention]


def _prefill(words: Words, x: Numbers) -> list[Operator]:
    new, past = x["input_len"], x["prefix_len"]
    pairs = new * past + new * (new + 1) / 2
    if words.get("causal", "1").lower() in ("0", "false"):
        pairs = new * (past + new)
    tokens, kv = x["batch"] * new, x["kv_heads"] * x["head_dim"]
    elements = tokens * (2 * kv)
    cached = Access("kv_cache", read=elements * _bytes(WIDE), write=elements * _bytes(_type(words["kv_dtype"])))
    cache = Operator("cache", "cache", 1, {"tokens": tokens, "width": 2 * kv, "cached": kv}, WIDE, 0, (cached,))
    return [cache, *_queries(words, x, new), _attention(words, x, new, past + new, pairs)]


def _moe(words: Words, x: Numbers) -> list[Operator]:
    dtype = _type(words["dtype"])
    found = routed(words["distribution"], words.get("elsewhere", "skipped"), x)
    rows, tokens, places = found.rows, found.tokens, found.tokens * x["topk"]
    inner, h = x["inter"] / x["tp"], x["hidden"]
    alike = {} if found.each is None else {"each": found.each}

    def product(name: str, n: Quantity, k: Quantity, activations: Quantity) -> Operator:
        dims = {"m": rows, "n": n, "k": k, "experts": found.read, **alike}
        return _product(name, "moe_matmul", dims, dtype, (found.read * n * k, activations), places * n)

    return [
        product("gate_up", 2 * inner, h, tokens * h),
        _pointwise("act", places, 2 * inner, inner),
        product("down", h, inner, rows * inner),
        _pointwise("sum", tokens, x["topk"] * h, h),
    ]


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


def devices_of(words: Words) -> int:
    """Return how many devices a row was measured on. Raises SymarchError if that is no count."""
    return counted(words.get("gpus", "1"), "gpus")


def counted(text: str, column: str) -> int:
    """Return a count that a table gives as text. Raises SymarchError if it is none."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if number < 1 or number != int(number):
        raise SymarchError(f"{column} is {text!r}; it must be a whole number, at least 1")
    return int(number)
