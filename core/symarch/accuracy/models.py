"""The model that a row of measurements names: `Qwen/Qwen3-32B-FP8` is qwen3-32b."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from symarch.errors import SymarchError, nearest
from symarch.specs import list_specs

ALIKE = {
    "bloom": "bloom176b",
    "deepseekr1distillllama8b": "llama318b",
    "deepseekr1distillllama70b": "llama3170b",
    "deepseekv31": "deepseekv3",
    "glm46": "glm45",
    "glm47": "glm45",
    "llama370b": "llama3170b",
    "llama3370b": "llama3170b",
    "minimaxm2": "minimaxm25",
    "minimaxm21": "minimaxm25",
    "qwen27b": "qwen257b",
    "qwen272b": "qwen2572b",
}
"""Models that differ from a shipped one in their weights' values and in nothing that takes time."""

_QWEN = ("num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")

SIZED: Mapping[str, tuple[str, Mapping[str, int | bool]]] = {
    # sizes of the Hugging Face configurations, held to the published counts of parameters by a test
    "qwen314b": ("qwen3-32b", dict(zip(_QWEN, (40, 5120, 17408, 40, 8), strict=True))),
    "qwen2514b": ("qwen2.5-72b", dict(zip(_QWEN, (48, 5120, 13824, 40, 8), strict=True))),
    "qwen2532b": ("qwen2.5-72b", dict(zip(_QWEN, (64, 5120, 27648, 40, 8), strict=True))),
    "llama321b": (
        "llama-3.1-8b",
        dict(zip(_QWEN, (16, 2048, 8192, 32, 8), strict=True)) | {"head_dim": 64, "tie_word_embeddings": True},
    ),
    "llama323b": (
        "llama-3.1-8b",
        dict(zip(_QWEN, (28, 3072, 8192, 24, 8), strict=True)) | {"head_dim": 128, "tie_word_embeddings": True},
    ),
}
"""Models that are not shipped but differ from a shipped one in these sizes alone."""

_NOISE = re.compile(
    r"-(hf|instruct|chat|it|base|exp|thinking|terminus|hybrid|block|dynamic|static|awq|gptq|quantized|mxfp[48]|nvfp4|"
    r"fp[48]|fp16|bf16|int[48]|w\da\d+|v\d+(\.\d+)*|\d{4}|\d+k|\d+b|\d+e)$"
)
"""What stands behind a model's name and changes no shape: of a tuned one, its date, its quantisation."""

_BEFORE = ("meta-", "nvidia-")


@cache
def model_of(label: str) -> tuple[str, Mapping[str, int | bool]]:
    """Return the shipped model that a label names, and the keys of its configuration that differ.

    Raises SymarchError if there is none.
    """
    models = {re.sub(r"[^a-z0-9]", "", s.name): s.name for s in list_specs() if s.kind == "model"}
    full = re.sub(r"[_\s]+", "-", label.rpartition("/")[2].lower())
    for before in _BEFORE:
        full = full.removeprefix(before)
    name = full
    while True:
        key = re.sub(r"[^a-z0-9]", "", name)
        if key in SIZED:
            return SIZED[key]
        key = ALIKE.get(key, key)
        if key in models:
            return models[key], {}
        shorter = _NOISE.sub("", name)
        if shorter == name:
            raise SymarchError(f"no model is named like '{label}'; {nearest(full, models.values())}")
        name = shorter


__all__ = ["ALIKE", "SIZED", "model_of"]
