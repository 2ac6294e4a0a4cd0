"""Whole models: serving under closed-loop load, and static batches.

In a closed loop of B requests of O output tokens each, every request that finishes is replaced, so that B prompts are
read in the time of O steps. A sequence waits for the others' prompts, spread evenly over its own steps:

    TPOT = step(B, mean context) + step_overhead + (B - 1) / O * prefill(one prompt)

A static batch is read at once and then decoded. Where only the time of a whole batch is known, it is
prefill(B prompts) + (O - 1) TPOT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from symarch.accuracy.machines import joined
from symarch.accuracy.operators import counted
from symarch.accuracy.tables import FAMILIES, Array, Table
from symarch.api import Analysis, load_model
from symarch.errors import SymarchError, nearest
from symarch.specs import list_specs

OLD = {"e2e_splitwise": 28e-3}
"""Time of the host in each step [s], by family, where a table's own description states it (vLLM of 2023)."""

FRAMEWORKS = ("vLLM", "TensorRT-LLM")
"""Runtimes whose kernels follow one another out of captured graphs, as the model has it."""

_NOISE = re.compile(r"(?<=[a-z0-9])-(hf|fp8|instruct|chat|v0\.1|bf16|fp16)\b")


@cache
def model_of(label: str) -> Any:
    """Return the shipped model that a label names: `Qwen/Qwen3-32B`. Raises SymarchError if there is none."""
    models = [s.name for s in list_specs() if s.kind == "model"]
    plain = {re.sub(r"[^a-z0-9]", "", m): m for m in models}
    name = label.rpartition("/")[2].lower().removeprefix("meta-")
    while (short := _NOISE.sub("", name)) != name:
        name = short
    key = re.sub(r"[^a-z0-9]", "", name)
    if key not in plain:
        raise SymarchError(f"no model is named like '{label}'; {nearest(name, models)}")
    return load_model(plain[key])


def _dtype(words: Mapping[str, str]) -> str:
    """Return the data types of a row: 8 bits for weights and the activations of products, where it says so."""
    stated = words.get("gemm_quant", "").lower() or words["model"].lower()
    return "weights=fp8,activations=fp8,kv_cache=bf16" if "fp8" in stated else "bf16"


@cache
def _functions(label: str, devices: int, model: str, dtype: str, ideal: bool) -> tuple[Any, Any]:
    """Return TPOT and prefill time as functions of batch, prompt and output."""
    analysis = Analysis(joined(label, devices), model_of(model), dtype=dtype, ideal=ideal)
    over = ("batch", "prompt", "output")
    return analysis.compile("tpot", over), analysis.compile("ttft", over[:2])


def predict_serving(table: Table, ideal: bool) -> tuple[Array, dict[tuple[str, str], int]]:
    """Predict the first measured column of a table of whole models [s]."""
    family = FAMILIES[table.family]
    predicted = np.full(len(table), np.nan)
    reasons: dict[tuple[str, str], int] = {}
    for key, rows in table.groups(family.words):
        words = dict(zip(family.words, key, strict=True))
        try:
            devices = _devices(words)
            functions = _functions(words["system"], devices, words["model"], _dtype(words), ideal)
            columns = {n: table.numbers[n][rows] for n in family.numbers}
            predicted[rows] = _times(table.family, functions, columns, 0.0 if ideal else OLD.get(table.family, 0.0))
        except SymarchError as error:
            reasons[words["system"], str(error)] = reasons.get((words["system"], str(error)), 0) + rows.size
    return predicted, reasons


def _devices(words: Mapping[str, str]) -> int:
    """Return the devices of a row, all one tensor-parallel group. Raises SymarchError where they are not."""
    if words.get("framework", "vLLM") not in FRAMEWORKS:
        raise SymarchError(f"{words['framework']} does not run captured graphs, which the fixed times are those of")
    if words.get("consistent") == "0":
        raise SymarchError("the row's throughput and latency contradict each other")
    for axis in ("pp", "attention_dp"):
        if counted(words.get(axis) or "1", axis) > 1:
            raise SymarchError(f"{axis} {words[axis]}: the mapping has tensor parallelism within a replica only")
    column = next(c for c in ("gpus", "tp", "devices") if c in words)
    return counted(words[column], column)


def _times(family: str, functions: tuple[Any, Any], x: Mapping[str, Array], host: float) -> Array:
    tpot, ttft = functions
    if family == "e2e_serving":
        batch, prompt, output = x["batch_per_dp"], x["input_len"], x["output_len"]
        others = (batch - 1) / output * ttft(np.ones_like(batch), prompt)
        return np.asarray(tpot(batch, prompt, np.maximum(output, 2)) + others + host)
    if family == "e2e_splitwise":
        return np.asarray(tpot(x["batch"], x["input_len"], np.maximum(x["output_len"], 2)) + host)
    size = x["inout_len"]
    return np.asarray(ttft(x["batch"], size) + (size - 1) * (tpot(x["batch"], size, np.maximum(size, 2)) + host))
