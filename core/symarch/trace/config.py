"""Reading a Hugging Face `config.json`: keys with their types, and keys nobody has read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from symarch.errors import ModelError

LARGEST_SIZE = 10**9

_SUSPECT = re.compile(
    r"expert|moe|router|sliding|window|latent|lora|_rank|ssm|mamba|conv|index_|mtp|nextn|compress|per_layer|altup"
    r"|cross_attention|encoder|decoder_|vision|kv_shared|attn_output_gate|linear_|layer_types|text_config"
)
"""Keys that change what is computed; one that a family does not read is refused rather than ignored."""

_HARMLESS = {"max_window_layers", "norm_topk_prob", "num_labels", "output_router_logits", "router_aux_loss_coef",
             "router_jitter_noise"}  # fmt: skip
"""Keys that look like the above and change values or training only."""


class Config:
    """A parsed `config.json`, which knows what was read of it."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.family = str(data["model_type"])
        self._read: set[str] = {"model_type"}

    def get(self, key: str) -> Any:
        """Return a value as it is, None if it is missing."""
        self._read.add(key)
        return self.data.get(key)

    def size(self, key: str, default: int | None = None) -> int:
        """Return a whole number, at least 1. Raises ModelError."""
        value = self.get(key)
        value = default if value is None else value
        if value is None:
            raise ModelError(f"the key '{key}' is missing")
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST_SIZE:
            raise ModelError(
                f"{key} is {_shown(value)}; it must be a whole number, at least 1 and at most {LARGEST_SIZE}"
            )
        return value

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false. Raises ModelError."""
        value = self.data.get(key, default)
        self._read.add(key)
        if not isinstance(value, bool):
            raise ModelError(f"{key} is {_shown(value)}; it must be true or false")
        return value

    def full_attention(self, use_window: bool) -> None:
        """Refuse sliding windows that are in force. `use_window`: what an absent use_sliding_window means."""
        window = self.get("sliding_window")
        if window is not None and self.flag("use_sliding_window", use_window):
            raise ModelError(
                f"sliding_window is {_shown(window)} and in force; the {self.family} family here has full attention"
            )
        kinds = self.get("layer_types")
        if kinds is not None and not (isinstance(kinds, list) and all(k == "full_attention" for k in kinds)):
            raise ModelError(f"layer_types is {_shown(kinds)}; the {self.family} family here has full_attention only")

    def refuse_unread(self, ignored: Iterable[str] = ()) -> None:
        """Refuse keys that change the arithmetic and that nobody read. Raises ModelError naming the first."""
        for key, value in self.data.items():
            known = key in self._read or key in _HARMLESS or key in ignored or key.startswith("_")
            if not known and _SUSPECT.search(key) and value not in (None, False, 0, [], {}):
                raise ModelError(f"the key '{key}' ({_shown(value)}) is not known to the {self.family} family")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
