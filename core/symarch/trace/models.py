"""Models: what every family answers, and how a Hugging Face `config.json` finds its family."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import attrs

from symarch.errors import FOREIGN, ModelError, PluginError, SymarchError, UnknownNameError, nearest
from symarch.plugins import registry
from symarch.plugins.discovery import ARCHITECTURES
from symarch.program import total
from symarch.specs.files import LARGEST
from symarch.technologies import Quantity
from symarch.trace.config import Config
from symarch.trace.operators import Operator, Shard, Step
from symarch.trace.parts import Parts
from symarch.trace.spans import Span


@attrs.frozen
class Stored:
    """Elements one device keeps in memory.

    Attributes:
        weights: elements of weights, embedding tables included, routed experts left out.
        experts: elements of routed experts.
        kv_per_token: elements of the KV cache per token of one sequence, over the layers that keep all tokens.
        bounded: elements of the KV cache per entry of a span that holds only so many (a window), by span.
        kv_fixed: elements of the KV cache of one sequence whatever its length: keys and values of an encoder's output.
        state: elements of the recurrent states of one sequence.
        tables: of the weights, those of tables of which a token reads one row and which may lie apart.
        bare: the weights without them, None where they are not told apart.
    """

    weights: Quantity
    experts: Quantity
    kv_per_token: Quantity
    bounded: tuple[tuple[Span, Quantity], ...] = ()
    kv_fixed: Quantity = 0
    state: Quantity = 0
    tables: Quantity = 0
    bare: Quantity | None = None

    def cached(self, tokens: Quantity) -> Quantity:
        """Return the elements of the KV cache of one sequence of so many tokens."""
        parts = [span.kept(tokens) * elements for span, elements in self.bounded]
        return total([tokens * self.kv_per_token, *parts, self.kv_fixed])


@runtime_checkable
class Architecture(Protocol):
    """A model: counts of its parameters, and its operators for a pass."""

    @property
    def name(self) -> str:
        """Return the model's name."""

    @property
    def tensors(self) -> tuple[str, ...]:
        """Return the tensor classes the model has: weights, experts, kv_cache, state, activations."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Return sentences on what was taken from the configuration and how."""

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


@runtime_checkable
class Itemized(Protocol):
    """A model that knows its weights tensor by tensor; a recorded trace knows those of one device alone."""

    def held(self, shard: Shard) -> dict[str, Quantity]:
        """Return the weights that all devices of a replica hold together, by tensor, routed experts as `experts`."""


@runtime_checkable
class Resizable(Protocol):
    """A model that knows the sizes it was built from; a family need not."""

    @property
    def sizes(self) -> Mapping[str, float]:
        """Return the sizes of the configuration by key; each can be a symbol, `model.KEY`."""

    @property
    def options(self) -> tuple[str, ...]:
        """Return the sizes that are always symbols: those of a workload that only this family has."""

    def resized(self, sizes: Mapping[str, Quantity]) -> Architecture:
        """Return the model with other sizes, which may be symbols."""


@runtime_checkable
class Divisible(Protocol):
    """A model whose attention and feed-forward networks can run on devices of different kinds; a family need not."""

    def part(self, *roles: str) -> Architecture:
        """Return what a pool runs: all of the model, or only attention with the ends, or only the feed-forward part."""

    def handed_over(self, step: Step, shard: Shard) -> tuple[Quantity, Quantity]:
        """Return how often a pass goes over from attention to the feed-forward part, and the bytes of each time.

        The bytes are those that a device of the shard sends or receives.
        """


@runtime_checkable
class Placeable(Protocol):
    """A model whose tensors can lie in parts; a family need not."""

    @property
    def parts(self) -> Parts:
        """Return which parts are told apart."""

    @property
    def tied(self) -> bool:
        """Return whether the embedding table is the LM head's matrix."""

    @property
    def depth(self) -> Quantity:
        """Return the layers of the decoder."""

    def parted(self, parts: Parts) -> Architecture:
        """Return the model with some parts told apart. Raises MappingError if it has no such parts."""

    def stored_by_layer(self, tensor: str, shard: Shard, stage: int = 0) -> dict[str, Stored]:
        """Return what one device of a stage keeps by where a class's layers lie, tables left out."""

    def stored_hot(self, shard: Shard) -> Quantity:
        """Return the elements of hot experts on one device."""


def load_config(path: Path, settings: Mapping[str, Any] | None = None) -> Architecture:
    """Read a Hugging Face `config.json`, with some keys set to other values.

    Raises ModelError naming the file and the key at fault.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ModelError(f"{path}: larger than {LARGEST // 2**20} MiB; a config.json is a small text file")
        config: Any = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise ModelError(f"{path}: not a text file in UTF-8") from None
    except RecursionError:
        raise ModelError(f"{path}: nested too deeply") from None
    except ValueError as error:  # no JSON, or a number of thousands of digits
        raise ModelError(f"{path}: not JSON: {error}") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    if not isinstance(config, dict):
        raise ModelError(f"{path}: a config.json holds an object, this one a {type(config).__name__}")
    model_type = config.get("model_type")
    if model_type is None:
        raise ModelError(f"{path}: the key 'model_type' is missing, which names the model's family")
    if not isinstance(model_type, str):
        raise ModelError(f"{path}: model_type is {model_type!r}; it must name a model family")
    try:
        family = registry().architecture(model_type)
    except UnknownNameError as error:
        raise ModelError(f"{path}: {error}") from None
    name = path.parent.name if path.name == "config.json" and path.parent.name else path.stem
    own = copy.deepcopy(config)
    for key, value in (settings or {}).items():
        _set(config, key, value)
    try:
        model = _built(family, name, config)
    except ModelError as error:
        raise ModelError(f"{_at_fault(family, name, own, settings or {}) or path}: {error}") from None
    for key in settings or {}:
        _check_read(model, key)
    return model


def _built(family: Any, name: str, config: dict[str, Any]) -> Architecture:
    """Return the model that a family makes of a configuration. Raises ModelError, or PluginError for one that fails."""
    try:
        model = family.from_config(name, config)
    except SymarchError:
        raise
    except FOREIGN as error:
        raise PluginError(f"{_who(config)} failed: {type(error).__name__}: {error}") from error
    if not isinstance(model, Architecture):
        raise PluginError(f"{_who(config)} returned {model!r:.60}, which is no model")
    return model


def _who(config: dict[str, Any]) -> str:
    name = config["model_type"]
    return f"model family '{name}' of distribution {registry().origin(name, ARCHITECTURES.hook).distribution}"


def _at_fault(family: Any, name: str, config: dict[str, Any], settings: Mapping[str, Any]) -> str:
    """Return the settings of a configuration that is sound without them, empty if it is not.

    Raises ModelError for a setting that the model's family does not read.
    """
    try:
        model = _built(family, name, config)
    except ModelError:
        return ""
    for key in settings:
        _check_read(model, key)
    return ", ".join(f"model.{key}={value}" for key, value in settings.items())


def _check_read(model: Architecture, key: str) -> None:
    """Refuse a setting that the model's family does not read. Raises ModelError."""
    config = getattr(model, "config", None)
    if isinstance(config, Config) and key not in config.known():
        raise ModelError(f"model.{key}: its family reads no such key; {nearest(key, config.known())}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object whose keys occur once. Raises ValueError naming one that occurs twice."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r:.60} occurs twice in one object")
        found[key] = value
    return found


def _set(config: dict[str, Any], key: str, value: Any) -> None:
    """Set a key where it stands, in the text model's part or at the top; one that stands nowhere, at the top."""
    text = config.get("text_config")
    home = text if isinstance(text, dict) and key in text and key not in config else config
    if isinstance(home.get(key), dict | list):
        raise ModelError(f"model.{key} is not one value and cannot be set")
    home[key] = value
