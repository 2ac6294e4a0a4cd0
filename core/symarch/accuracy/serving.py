"""Whole models: serving under closed-loop load, and static batches.

What the serving software adds is in `runtimes`. A static batch is read at once and then decoded; where only the time
of a whole batch is known, it is prefill(B prompts) + (O - 1) TPOT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import attrs
import numpy as np

from symarch.accuracy.machines import joined
from symarch.accuracy.operators import counted
from symarch.accuracy.runtimes import Runtime, runtime_of
from symarch.accuracy.tables import FAMILIES, Array, Table
from symarch.api import Analysis, load_model
from symarch.errors import SymarchError, nearest
from symarch.specs import System, list_specs

IDEAL = Runtime(step=0.0, sequence=0.0, prompts=1.0)
"""A runtime that takes no time; prompts of others still have to be read."""

FRAMEWORKS = ("vLLM", "TensorRT-LLM")
"""Runtimes whose kernels follow one another out of captured graphs, as the model has it."""

ALIKE = {"metallama370b": "llama370b", "llama370b": "llama3170b", "qwen27b": "qwen257b", "qwen272b": "qwen2572b"}
"""Models that differ from a shipped one in their weights' values and in nothing that takes time."""

_NOISE = re.compile(r"(?<=[a-z0-9])-(hf|fp8|fp4|nvfp4|instruct|chat|v0\.1|bf16|fp16)\b")


@cache
def model_of(label: str) -> Any:
    """Return the shipped model that a label names: `Qwen/Qwen3-32B`. Raises SymarchError if there is none."""
    models = [s.name for s in list_specs() if s.kind == "model"]
    plain = {re.sub(r"[^a-z0-9]", "", m): m for m in models}
    name = label.rpartition("/")[2].lower().removeprefix("meta-")
    while (short := _NOISE.sub("", name)) != name:
        name = short
    key = re.sub(r"[^a-z0-9]", "", name)
    key = key if key in plain else ALIKE.get(key, key)
    if key not in plain:
        raise SymarchError(f"no model is named like '{label}'; {nearest(name, models)}")
    return load_model(plain[key])


def _dtype(words: Mapping[str, str]) -> str:
    """Return the data types of a row: those of weights and of the activations of products, where it says so."""
    stated = words.get("gemm_quant", "").lower() or words["model"].lower()
    narrow = next((d for d in ("fp4", "fp8") if d in stated), None)
    return "bf16" if narrow is None else f"weights={narrow},activations={narrow},kv_cache=bf16"


@attrs.frozen
class Degrees:
    """How the devices of a row share a model.

    Attributes:
        devices: all of them.
        tensor: that divide each layer.
        attention_data: replicas of attention, each with its own sequences.
        expert: that divide whole experts.
        pipeline: stages.
    """

    devices: int
    tensor: int
    attention_data: int = 1
    expert: int = 1
    pipeline: int = 1

    def of(self, label: str) -> System:
        """Return the system of a label with these degrees. Raises SymarchError if it is not known."""
        degrees = attrs.asdict(self)
        return attrs.evolve(joined(label, degrees.pop("devices")), **degrees)


@cache
def _functions(label: str, degrees: Degrees, model: str, dtype: str, ideal: bool) -> tuple[Any, Any]:
    """Return TPOT and prefill time as functions of batch, prompt and output."""
    analysis = Analysis(degrees.of(label), model_of(model), dtype=dtype, ideal=ideal)
    over = ("batch", "prompt", "output")
    return analysis.compile("tpot", over), analysis.compile("ttft", over[:2])


def predict_serving(
    table: Table, ideal: bool, given: Runtime | None = None
) -> tuple[Array, dict[tuple[str, str], int]]:
    """Predict the first measured column of a table of whole models [s]; `given` serves all rows in place of their own.

    Rows without a prediction are not numbers; with them come the reasons and how many rows have each.
    """
    family = FAMILIES[table.family]
    predicted = np.full(len(table), np.nan)
    reasons: dict[tuple[str, str], int] = {}
    for key, rows in table.groups(family.words):
        words = dict(zip(family.words, key, strict=True))
        try:
            degrees = _degrees(words)
            functions = _functions(words["system"], degrees, words["model"], _dtype(words), ideal)
            columns = {n: table.numbers[n][rows] for n in family.numbers}
            own = IDEAL if ideal else runtime_of(table.family, words.get("backend") or words.get("framework", ""))
            runtime = own if given is None else given
            predicted[rows] = _times(table.family, functions, columns, runtime, degrees.attention_data)
        except SymarchError as error:
            reasons[words["system"], str(error)] = reasons.get((words["system"], str(error)), 0) + rows.size
    return predicted, reasons


def _degrees(words: Mapping[str, str]) -> Degrees:
    """Return how the devices of a row share the model. Raises SymarchError where the row contradicts itself."""
    if words.get("framework", "vLLM") not in FRAMEWORKS:
        raise SymarchError(f"{words['framework']} does not run captured graphs, which the fixed times are those of")
    if words.get("consistent") == "0":
        raise SymarchError("the row's throughput and latency contradict each other")

    def count(axis: str) -> int:
        return counted(words.get(axis) or "1", axis)

    if "gpus" not in words:
        devices = counted(words["tp" if "tp" in words else "devices"], "devices")
        return Degrees(devices, devices)
    found = Degrees(count("gpus"), count("tp"), count("attention_dp"), count("moe_ep"), count("pp"))
    if found.tensor * found.attention_data * found.pipeline != found.devices:
        raise SymarchError(
            f"tp {found.tensor} x attention_dp {found.attention_data} x pp {found.pipeline} "
            f"are not {found.devices} GPUs"
        )
    return found


def _times(family: str, functions: tuple[Any, Any], x: Mapping[str, Array], runtime: Runtime, replicas: int) -> Array:
    tpot, ttft = functions
    if family == "e2e_serving":
        batch, prompt, output = x["batch_per_dp"], x["input_len"], x["output_len"]
        others = (batch - 1) / output * ttft(np.full_like(batch, replicas), prompt)
        step = runtime.time(tpot(batch * replicas, prompt, np.maximum(output, 2)), batch)
        return np.asarray(step + runtime.prompts * others)
    if family == "e2e_splitwise":
        return np.asarray(runtime.time(tpot(x["batch"], x["input_len"], np.maximum(x["output_len"], 2)), x["batch"]))
    size = x["inout_len"]
    step = runtime.time(tpot(x["batch"], size, np.maximum(size, 2)), x["batch"])
    return np.asarray(ttft(x["batch"], size) + (size - 1) * step)
