"""Whole models: serving under closed-loop load, and static batches.

What the serving software adds is a runtime of the analysis, as `run --runtime` takes it. In a static batch all requests
begin together, which is a runtime whose `prompts` is 0; where only the time of a whole batch is known, it is that of a
request.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from symarch.accuracy.machines import joined
from symarch.accuracy.models import model_of
from symarch.accuracy.operators import counted
from symarch.accuracy.tables import FAMILIES, Array, Table
from symarch.api import Analysis, load_model
from symarch.errors import SymarchError
from symarch.specs import System, presets_of
from symarch.specs.runtimes import plain_runtime
from symarch.technologies import Runtime, parameters_of
from symarch.trace import Architecture, Resizable

METRIC = {"e2e_serving": "tpot", "e2e_splitwise": "tpot", "e2e_llm_inference_bench": "request_time"}
"""The metric that the first measured column of each family holds."""

STATIC = {"e2e_splitwise": "vllm-2023", "e2e_llm_inference_bench": "-2024"}
"""Families of static batches: the runtime where their tables name none, or the suffix of the version that they name."""

USUAL = "usual"
"""The runtime of backends that have no preset of their own."""

UNLIKE = ("llama.cpp", "Deepspeed-MII")
"""Frameworks whose kernels are others, or do not follow one another out of captured graphs, as the model has it."""

PIPELINED = "num_hidden_layers"
"""The key of a configuration that holds how many layers a pipeline divides."""


@cache
def _model(label: str, stages: int) -> Any:
    """Return the model of a label, of which a pipeline's stages have equally many layers.

    Stages that cannot are as long as the longest, which sets the pace.
    """
    name, keys = model_of(label)
    model = load_model(name, keys)
    layers = model.sizes.get(PIPELINED, 0) if isinstance(model, Resizable) else 0
    if layers % stages == 0:
        return model
    return load_model(name, {**keys, PIPELINED: -(-int(layers) // stages) * stages})


def _narrow(stated: str) -> str | None:
    """Return the data type of fewer than 16 bits that some words name, None if they name none."""
    plain = stated.lower()
    if "mxfp4" in plain:
        return "mxfp4"
    return next((d for d in ("fp4", "fp8") if d in plain), None)


def _dtype(words: Mapping[str, str]) -> str:
    """Return the data types of a row: those of weights, experts and the activations of products, where it says so.

    gpt-oss has experts in mxfp4 unless the row says otherwise.
    """
    stated = words.get("gemm_quant") or words.get("precision") or words["model"]
    narrow = _narrow(stated)
    experts = _narrow(words["moe_quant"]) or "bf16" if words.get("moe_quant") else None
    if experts is None and "gpt-oss" in words["model"].lower() and narrow is None:
        experts = "mxfp4"
    if narrow is None and experts in (None, "bf16"):
        return "bf16"
    narrow = narrow or "bf16"
    routed = "" if experts is None or experts == narrow else f",experts={experts}"
    return f"weights={narrow},activations={narrow},kv_cache=bf16{routed}"


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

    def of(self, label: str, model: Architecture) -> System:
        """Return the system of a label with these degrees. Raises SymarchError if it is not known.

        A model without routed experts has none to divide.
        """
        degrees = attrs.asdict(self) | ({} if "experts" in model.tensors else {"expert": 1})
        return attrs.evolve(joined(label, degrees.pop("devices")), **degrees)


def runtime_of(family: str, label: str) -> str:
    """Return the runtime that serves a row: that of its family, or the preset named like its backend, or the usual."""
    name = label.lower().replace("tensorrt-llm", "trtllm")
    name = f"{name}{STATIC[family]}" if label and family in STATIC else STATIC.get(family, name)
    return name if name in presets_of(Runtime.name) else USUAL


@cache
def _settings(runtime: str) -> dict[str, Any]:
    """Return the values of a runtime's parameters and options."""
    found = {**plain_runtime().settings, **presets_of(Runtime.name)[runtime].settings}
    return {name: setting.value for name, setting in found.items()}


@cache
def _numbers(family: str, runtime: str, ideal: bool) -> dict[str, float]:
    """Return the numbers of a runtime that serves a family: a static batch waits for no prompts of others."""
    settings = _settings(runtime)
    found = {
        p.name: float(settings[p.name] if p.ideal is None or not ideal else p.ideal) for p in parameters_of(Runtime)
    }
    return found | ({"prompts": 0.0} if family in STATIC else {})


@cache
def _function(label: str, degrees: Degrees, model: str, dtype: str, ideal: bool, metric: str, starts: str) -> Any:
    """Return a metric as a function of batch, prompt, output and the numbers of a runtime.

    One program serves all runtimes whose hosts start kernels alike.
    """
    runtime = next(name for name in presets_of(Runtime.name) if _settings(name)["starts"] == starts)
    found = _model(model, degrees.pipeline)
    kinds = dtype if "experts" in found.tensors else dtype.partition(",experts=")[0]  # of a dense model
    analysis = Analysis(degrees.of(label, found), found, dtype=kinds, ideal=ideal, runtime=runtime)
    return analysis.compile(
        metric, ("batch", "prompt", "output", *(f"runtime.{p.name}" for p in parameters_of(Runtime)))
    )


def served_as(table: Table) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return the runtime of each row of served models, and whether the model is dense or has routed experts."""
    labels = table.words["model"], table.words["backend"]
    kinds = {m: "routed" if "experts" in _model(m, 1).tensors else "dense" for m in np.unique(labels[0])}
    runtimes = {b: runtime_of(table.family, b) for b in np.unique(labels[1])}
    return np.array([runtimes[b] for b in labels[1]]), np.array([kinds[m] for m in labels[0]])


def first_tokens(table: Table) -> Array:
    """Return the signed error of the time to first token of served models, as a share of what was measured."""
    predicted, _ = predict_serving(table, False, metric="ttft")
    family = FAMILIES[table.family]
    measured = table.numbers[family.measured[1]] * family.unit
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(measured > 0, predicted / measured - 1, np.nan))


def predict_serving(
    table: Table, ideal: bool, given: Mapping[str, float] | None = None, metric: str | None = None
) -> tuple[Array, dict[tuple[str, str], int]]:
    """Predict the first measured column of a table of whole models [s]; `given` are numbers of all rows' runtimes.

    With `metric`, another metric than the one that column holds.

    Rows without a prediction are not numbers; with them come the reasons and how many rows have each.
    """
    family = FAMILIES[table.family]
    predicted = np.full(len(table), np.nan)
    reasons: dict[tuple[str, str], int] = {}
    names = (*family.words, *(n for n in family.optional if n in table.words))
    for key, rows in table.groups(names):
        words = dict(zip(names, key, strict=True))
        try:
            degrees = _degrees(words)
            runtime = runtime_of(table.family, words.get("backend") or words.get("framework", ""))
            numbers = {**_numbers(table.family, runtime, ideal), **(given or {})}
            starts = _settings(runtime)["starts"]
            time = _function(
                words["system"], degrees, words["model"], _dtype(words), ideal, metric or METRIC[table.family], starts
            )
            sizes = _sizes({n: table.numbers[n][rows] for n in family.numbers}, degrees.attention_data)
            predicted[rows] = time(*sizes, *(float(v) for v in numbers.values()))
        except SymarchError as error:
            reasons[words["system"], str(error)] = reasons.get((words["system"], str(error)), 0) + rows.size
    return predicted, reasons


def _degrees(words: Mapping[str, str]) -> Degrees:
    """Return how the devices of a row share the model. Raises SymarchError where the row contradicts itself."""
    if words.get("framework") in UNLIKE:
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


def _sizes(x: Mapping[str, Array], replicas: int) -> tuple[Array, Array, Array]:
    """Return batch, prompt and output of rows; of one output token there is no step, and that of two stands for it."""
    if "batch_per_dp" in x:
        return x["batch_per_dp"] * replicas, x["input_len"], np.maximum(x["output_len"], 2)
    if "inout_len" in x:
        return x["batch"], x["inout_len"], x["inout_len"]
    return x["batch"], x["input_len"], np.maximum(x["output_len"], 2)
