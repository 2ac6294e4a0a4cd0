"""Reading a Hugging Face `config.json`: keys with their types, keys nobody has read, and sizes that become symbols.

A family reads every key that changes what is computed. A key that nobody reads is refused if its name speaks of sizes
or structure, let be if it is known to change no arithmetic, and noted otherwise.

The same reading serves symbols: built with `scalars`, `size` returns the scalar of a key instead of its number, so that
the model's operators become expressions in its own dimensions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from symarch.errors import ModelError
from symarch.program import Max
from symarch.technologies import Quantity

_K = TypeVar("_K")

LARGEST_SIZE = 10**9

_SUSPECT = re.compile(
    r"expert|moe|router|sliding|window|latent|lora|_rank|ssm|mamba|conv|index_|mtp|nextn|compress|per_layer|altup"
    r"|cross_attention|encoder|decoder_|vision|kv_shared|attn_output_gate|linear_|layer_types|text_config|audio"
    r"|^num_|^n_|_dim$|_size$|_heads|hidden|layers|bias|parallel|attention|_norm$|group|chunk|interval|period|pattern"
    r"|gate|sink|d_model|d_ff|d_kv|ffn|mlp|loop|recurren|depth|stride|topk|top_k|multi|share|tie_|embed"
)
"""Names that speak of sizes and structure; such a key that a family does not read is refused rather than ignored."""

_HARMLESS = frozenset({
    # bookkeeping
    "architectures", "auto_map", "transformers_version", "torch_dtype", "dtype", "use_cache", "cache_implementation",
    "return_dict", "output_attentions", "output_hidden_states", "torchscript", "is_decoder",
    "task_specific_params", "id2label", "label2id", "finetuning_task", "num_labels",
    "problem_type", "chunk_size_feed_forward", "tokenizer_class", "prefix", "language_model_only",
    "unsloth_fixed", "unsloth_version", "skip_bias_add", "use_return_dict", "slow_but_exact", "pretraining_tp",
    "bias_dropout_fusion", "skip_bias_add_qkv", "norm_before_gate", "for_llm_compressor", "ignore_index",
    # token numbers and generation
    "forced_decoder_ids", "median_filter_length",
    "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "mask_token_id", "decoder_start_token_id",
    "unk_token_id", "forced_bos_token_id", "forced_eos_token_id", "image_token_id", "video_token_id",
    "vision_start_token_id", "vision_end_token_id", "vision_token_id", "image_token_index", "boi_token_index",
    "eoi_token_index", "boi_token_id", "eoi_token_id", "audio_token_id", "boa_token_id", "eoa_token_id",
    "eoa_token_index", "media_placeholder_token_id", "begin_suppress_tokens", "suppress_tokens", "max_length",
    "min_length", "do_sample", "temperature", "top_p", "num_beams", "repetition_penalty", "length_penalty",
    # values, not sizes: norms, activations, scales, soft caps
    "rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_eps", "hc_eps", "hc_sinkhorn_iters", "hidden_act",
    "hidden_activation", "activation_function", "activation_type", "mlp_hidden_act", "mamba_hidden_act",
    "attn_logit_softcapping", "final_logit_softcapping", "attn_soft_cap", "query_pre_attn_scalar", "attn_scale",
    "attn_temperature_tuning", "floor_scale", "routed_scaling_factor", "scoring_func", "topk_method", "norm_topk_prob",
    "n_group", "topk_group", "swiglu_limit", "embedding_multiplier", "attention_multiplier", "residual_multiplier",
    "logits_scaling", "logit_scale", "scale_attention_softmax_in_fp32", "scale_embedding", "use_routing_bias",
    "scale_attn_weights", "scale_attn_by_inverse_layer_idx", "reorder_and_upcast_attn", "qk_layernorm_eps",
    "residual_in_fp32", "activation_sparsity_pattern", "altup_active_idx", "altup_coef_clip", "altup_correct_scale",
    "attention_softmax_in_fp32", "masked_softmax_fusion", "moe_router_activation_func",
    # positions computed, not looked up
    "rope_theta", "rope_scaling", "rope_parameters", "rope_local_base_freq", "rope_type", "rope_interleave",
    "indexer_rope_interleave", "compress_rope_theta", "partial_rotary_factor", "rotary_dim", "rotary_pct",
    "rotary_emb_base", "initial_context_length", "original_max_position_embeddings", "model_max_length",
    "max_position_embeddings", "max_sequence_length", "alibi", "alibi_bias_max", "relative_attention_max_distance",
    "max_window_layers",
    # training only
    "initializer_range", "init_std", "initializer_factor", "attention_dropout", "hidden_dropout", "dropout",
    "activation_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop", "resid_dropout", "embd_layer_dropout",
    "residual_dropout", "embedding_dropout", "dropout_rate", "encoder_layerdrop", "decoder_layerdrop", "layerdrop",
    "classifier_dropout", "output_router_logits", "router_aux_loss_coef", "router_jitter_noise", "router_z_loss_coef",
    "aux_loss_alpha", "seq_aux", "rescale_prenorm_residual", "time_step_min", "time_step_max", "time_step_floor",
    "time_step_limit", "mamba_dt_min", "mamba_dt_max", "mamba_dt_init_floor", "apply_spec_augment", "mask_time_prob",
    "mask_feature_prob", "mask_feature_length", "mask_time_length", "mask_time_min_masks", "mask_feature_min_masks",
    "use_weighted_layer_sum", "classifier_proj_size", "ep_size", "moe_aux_loss_coef", "summary_type",
    "summary_activation", "summary_first_dropout", "summary_proj_to_labels", "summary_use_proj",
    "keys_to_ignore_at_inference", "gradient_checkpointing", "init_device", "init_fn", "init_cutoff_factor",
    "flash_attention", "use_mambapy",
    "use_mamba_kernels", "num_logits_to_keep", "calc_logits_for_entire_prompt",
    "mamba_ssm_cache_dtype", "mamba_ssm_dtype", "expert_dtype", "quantization_config", "compression_config",
})  # fmt: skip
"""Keys known not to change what is computed and stored: values, training, bookkeeping, data types."""


class Config:
    """A parsed `config.json`, which knows what was read of it.

    Args:
        data: the parsed object.
        scalars: scalars by key that `size` returns instead of the numbers; None or empty for the numbers.
        outer: the configuration around a nested one; keys missing inside are looked up there.
    """

    def __init__(self, data: Mapping[str, Any], scalars: Mapping[str, Any] | None = None,
                 outer: Config | None = None) -> None:  # fmt: skip
        self.data = data
        self.outer = outer
        self.family: str = str(data.get("model_type") or (outer.family if outer else ""))
        self.scalars: Mapping[str, Any] = scalars or {}
        self.sizes: dict[str, float] = {} if outer is None else outer.sizes
        self.options: list[str] = [] if outer is None else outer.options
        self.notes: list[str] = [] if outer is None else outer.notes
        self._read: set[str] = {"model_type"}
        self._children: list[tuple[str, Config]] = []

    @property
    def plain(self) -> bool:
        """Whether all sizes are numbers, so that they can be checked."""
        return not self.scalars

    def has(self, key: str) -> bool:
        """Return whether a key is there and not null, here or around."""
        return self.get(key) is not None

    def get(self, key: str) -> Any:
        """Return a value as it is, None if it is missing."""
        self._read.add(key)
        value, around = self.data.get(key), None if self.outer is None else self.outer.get(key)
        return around if value is None else value

    def known(self) -> list[str]:
        """Return the keys that were read, here and inside."""
        return sorted(self._read.union(*(c.known() for _, c in self._children)))

    def ignore(self, *keys: str) -> None:
        """Mark keys as read that change nothing here."""
        for key in keys:
            self.get(key)

    def whole(self, key: str, default: int | None = None, least: int = 1) -> int:
        """Return a whole number as it stands in the file. Raises ModelError."""
        value = self.get(key)
        value = default if value is None else value
        if value is None:
            raise ModelError(f"the key '{key}' is missing")
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= LARGEST_SIZE:
            raise ModelError(
                f"{key} is {_shown(value)}; it must be a whole number, at least {least} and at most {LARGEST_SIZE}"
            )
        return value

    def size(self, key: str, default: int | None = None, least: int = 1) -> Any:
        """Return a whole number, or the scalar in its place. Raises ModelError."""
        value = self.whole(key, default, least)
        self.sizes.setdefault(key, value)
        return self.scalars.get(key, value)

    def first(self, *keys: str, default: int | None = None) -> Any:
        """Return the size under the first of several spellings that is there. Raises ModelError."""
        for key in keys:
            if self.has(key):
                return self.size(key)
        return self.size(keys[0], default)

    def option(self, key: str, default: float, least: float = 0) -> Any:
        """Return a size that no published file has but symarch understands; a symbol wherever it is above 0.

        Raises ModelError.
        """
        value = self.get(key)
        value = default if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= LARGEST_SIZE:
            raise ModelError(f"{key} is {_shown(value)}; it must be a number, at least {least}")
        if value > 0:
            self.sizes[key] = value
            if key not in self.options:
                self.options.append(key)
        return self.scalars.get(key, value)

    def choice(self, key: str, *allowed: str) -> str:
        """Return one of some words, the first unless told otherwise. Raises ModelError."""
        value = self.get(key)
        value = allowed[0] if value is None else value
        if value not in allowed:
            raise ModelError(f"{key} is {_shown(value)}; it must be {' or '.join(allowed)}")
        return str(value)

    def only(self, key: str, *allowed: Any) -> None:
        """Refuse any value of a key but some, of which the first is meant where it is missing. Raises ModelError."""
        value = self.get(key)
        if value is not None and value not in allowed:
            shown = " or ".join(_shown(a) for a in allowed)
            raise ModelError(f"{key} is {_shown(value)}; the {self.family} family here has {key} {shown}")

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false. Raises ModelError."""
        value = self.get(key)
        value = default if value is None and key not in self.data else value
        if not isinstance(value, bool):
            raise ModelError(f"{key} is {_shown(value)}; it must be true or false")
        return value

    def nested(self, key: str, symbolic: bool = True, defaults: Mapping[str, Any] | None = None) -> Config:
        """Return a configuration inside this one, with what its family means by missing keys. Raises ModelError."""
        value = self.get(key)
        if not isinstance(value, Mapping):
            raise ModelError(f"{key} is {_shown(value)}; it must be an object")
        child = Config({**(defaults or {}), **value}, self.scalars if symbolic else None, self)
        if not symbolic:
            child.sizes, child.outer = {}, None
        self._children.append((key, child))
        return child

    def layers(self, count: int, key: str = "num_hidden_layers") -> Quantity:
        """Return a number of layers, as a share of a symbolic number of layers."""
        whole, size = self.whole(key), self.size(key)
        return count if size == whole else size * count / whole

    def kinds(self, known: Mapping[str, str], default: Callable[[int], str] | None,
              key: str = "num_hidden_layers") -> list[str]:  # fmt: skip
        """Return the kind of every layer: layer_types in the family's words, or the default by the layer's number.

        Raises ModelError for a list of another length and for a kind the family does not have.
        """
        layers, listed = self.whole(key), self.get("layer_types")
        if listed is None:
            if default is None:
                raise ModelError("the key 'layer_types' is missing")
            if layers > 10_000:
                raise ModelError(f"{key} is {layers}; no model has that many layers")
            return [default(i) for i in range(layers)]
        if not isinstance(listed, list) or len(listed) != layers:
            found = f"{len(listed)} entries" if isinstance(listed, list) else _shown(listed)
            raise ModelError(f"layer_types has {found}; it must list the kind of each of the {layers} layers")
        for kind in listed:
            if kind not in known:
                raise ModelError(
                    f"layer_types has {_shown(kind)}; the {self.family} family here has {', '.join(known)} only"
                )
        return [known[kind] for kind in listed]

    def window(self, default: bool) -> int | None:
        """Return the window that is in force in some layers; `default`: what an absent use_sliding_window means."""
        if self.get("sliding_window") is None or not self.flag("use_sliding_window", default):
            self.ignore("use_sliding_window")
            return None
        return self.whole("sliding_window")

    def divides(self, key: str, of: str) -> None:
        """Refuse a size that is no divisor of another. Raises ModelError naming both."""
        small, large = self.whole(key), self.whole(of)
        if large % small:
            raise ModelError(f"{of} {large} is not a multiple of {key} {small}")

    def predictions(self) -> None:
        """Note layers that predict further tokens: they are neither counted nor run."""
        for key in ("num_nextn_predict_layers", "num_mtp_modules", "mtp_num_hidden_layers"):
            if self.has(key) and self.whole(key, least=0):
                self.notes.append(f"{key} {self.get(key)}: layers that predict further tokens are not counted, nor run")
        self.ignore("use_mtp", "mtp_transformer_layers", "mtp_use_dedicated_embeddings", "mtp_loss_scaling_factor")

    def close(self) -> None:
        """Refuse keys that speak of sizes and that nobody read; note the unknown. Raises ModelError naming one."""
        self._quantization()
        unknown = self._unread("")
        if unknown:
            self.notes.append(f"keys taken to change no sizes: {', '.join(unknown)}")

    def _quantization(self) -> None:
        for config in (self, *(c for _, c in self._children)):
            stated = config.data.get("quantization_config")
            if isinstance(stated, Mapping):
                method = str(stated.get("quant_method", "unnamed"))[:40]
                self.notes.append(
                    f"the weights are published in {method}; the data types here are those of the option dtype"
                )

    def _unread(self, path: str) -> list[str]:
        unknown = []
        for key, value in self.data.items():
            if key in self._read or key in _HARMLESS or key.startswith("_") or key.endswith("_token_id"):
                continue
            if value in (None, False, 0, [], {}, ""):
                continue
            if _SUSPECT.search(key):
                raise ModelError(f"the key '{path}{key}' ({_shown(value)}) is not known to the {self.family} family")
            unknown.append(f"{path}{key}"[:60])
        for key, child in self._children:
            unknown += child._unread(f"{path}{key}.")
        return unknown[:10]


def share(size: Quantity, degree: Quantity) -> Quantity:
    """Return a size divided among devices; whole numbers that divide stay whole."""
    if isinstance(size, int) and isinstance(degree, int):
        return size // degree if size % degree == 0 else size / degree
    return size if degree == 1 else size / degree


def replicated(size: Quantity, degree: int) -> Quantity:
    """Return a size divided among devices, each of which has at least one: fewer than devices are replicated."""
    if isinstance(size, int):
        return max(size // degree, 1)
    return size if degree == 1 else Max(size / degree, 1)


def positions(kinds: Sequence[_K]) -> dict[_K, tuple[int, ...]]:
    """Return where each kind occurs, counted from 0, in order of first occurrence."""
    found: dict[_K, list[int]] = {}
    for number, kind in enumerate(kinds):
        found.setdefault(kind, []).append(number)
    return {kind: tuple(numbers) for kind, numbers in found.items()}


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
