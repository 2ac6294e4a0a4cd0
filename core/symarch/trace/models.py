"""Models: what every family answers, and how a Hugging Face `config.json` finds its family."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Protocol

import attrs

from symarch.errors import ModelError, UnknownNameError
from symarch.plugins import registry
from symarch.specs.files import LARGEST
from symarch.trace.operators import Operator, Shard, Step


@attrs.frozen
class Stored:
    """Elements one device keeps in memory.

    Attributes:
        weights: elements of weights, embedding tables included, routed experts left out.
        experts: elements of routed experts.
        kv_per_token: elements of the KV cache per token of one sequence.
    """

    weights: int
    experts: int
    kv_per_token: int


class Architecture(Protocol):
    """A model: counts of its parameters, and its operators for a pass."""

    @property
    def name(self) -> str:
        """Return the model's name."""

    @property
    def tensors(self) -> tuple[str, ...]:
        """Return the tensor classes the model has: weights, experts, kv_cache, activations."""

    def parameters(self) -> int:
        """Return the stored weights of the language model."""

    def active_parameters(self) -> int:
        """Return `parameters` less the experts that one token is not routed to."""

    def streamed_parameters(self) -> int:
        """Return what one decode step at batch 1 reads: tables of which a token reads one row left out."""

    def check_shard(self, shard: Shard) -> None:
        """Raise MappingError if the model cannot be divided so; the message lists what is allowed."""

    def stored(self, shard: Shard) -> Stored:
        """Return what one device keeps in memory."""

    def operators(self, step: Step, shard: Shard) -> list[Operator]:
        """Return the operators of one pass on one device, in order, equal ones merged."""


def load_config(path: Path) -> Architecture:
    """Read a Hugging Face `config.json`. Raises ModelError naming the file and the key at fault."""
    try:
        if path.stat().st_size > LARGEST:
            raise ModelError(f"{path}: larger than {LARGEST // 2**20} MiB; a config.json is a small text file")
        config: Any = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, or a number of thousands of digits
        raise ModelError(f"{path}: not JSON: {error}") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    if not isinstance(config, dict):
        raise ModelError(f"{path}: a config.json holds an object, this one a {type(config).__name__}")
    model_type = config.get("model_type")
    if not isinstance(model_type, str):
        raise ModelError(f"{path}: model_type is {model_type!r}; it must name a model family")
    try:
        family = registry().architecture(model_type)
    except UnknownNameError as error:
        raise ModelError(f"{path}: {error}") from None
    name = path.parent.name if path.name == "config.json" and path.parent.name else path.stem
    try:
        model: Architecture = family.from_config(name, config)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from None
    return model
