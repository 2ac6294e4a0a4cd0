"""Capture: a model of `transformers` run without weights, and the operators it executes.

The model lives on PyTorch's meta device, which computes shapes and no values. What is executed is not what is served,
and four differences are silent and large; each is handled here or refused with the reason:

- On any other device the device picks the kernel, and some kernels have no FLOP formula: parameters must be on meta.
- The usual kernel of routed experts, `grouped_mm`, has none either. Experts run as batched products, whose FLOPs are
  right; of the weights they gather, one copy a token, only the expected number of distinct experts counts. A grouped
  product that appears all the same is counted by its shapes, any other product without a formula is refused.
- Attention reaches this module whole: grouped heads are not repeated, and of a mask the allowed (query, key) pairs are
  counted, half of the square where it is causal. Where decode multiplies the whole cache by weights, as multi-head
  latent attention does in `transformers`, the capture is refused unless it is asked for as executed.
- Bytes of unfused operators say nothing of a fused kernel's. Here every run of operators between two products is one
  kernel, which reads what was made before it and writes what is used after it; weights are read once, the cache as it
  is kept, and a step appends its own tokens to it.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from symarch.errors import ModelError, SymarchError
from symarch.specs.files import find_model
from symarch.trace.records import Provenance, Record, Tensor, Trace, Work, merged

DTYPE = "bf16"
"""Data type of weights, cache and activations in a capture; a config's own never changes it."""

ATTENTION = "symarch_whole"
"""Name under which `transformers` finds the attention of this module."""

_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32", "int64": "int64", "bool": "bool"}
PRODUCT = re.compile(r"mm|matmul|linear|attention|conv|einsum|bilinear")
"""Names of operators that are matrix products, or may be."""
_ATTENTIONS = frozenset({"full_attention", "sliding_attention", "chunked_attention"})
_STATES = "states and picks cannot be told from other tensors (symarch trace convert knows such models)"
_SAME = frozenset({"_unsafe_view", "detach", "alias", "lift_fresh"})
"""Operators that move nothing though PyTorch does not call them views."""


def torch_modules() -> Any:
    """Return the modules torch and transformers. Raises SymarchError if they are not installed."""
    try:
        import torch
        import transformers
    except ImportError as error:
        raise SymarchError(f"capture needs PyTorch and transformers ({error.name} is missing): "
                           "pip install 'symarch[torch]'") from None  # fmt: skip
    return torch, transformers


def capture_config(source: str, batch: int = 1, prompt: int = 2048, phases: Sequence[str] = ("prefill", "decode"),
                   as_executed: bool = False) -> Trace:  # fmt: skip
    """Capture the model of a `config.json`: a prefill of `prompt` tokens and the decode step after it.

    Args:
        source: a shipped model or the path of a `config.json`.
        batch: sequences in the pass.
        prompt: tokens of each.
        phases: which of the two to return.
        as_executed: keep what `transformers` does where serving engines do otherwise.

    Raises:
        ModelError: if `transformers` does not know the model, or its trace would be wrong.
        SymarchError: if PyTorch or `transformers` is not installed.
    """
    module, notes = module_build(source, ATTENTION)
    return capture_module(module, model_name(find_model(source)), batch, prompt, phases, as_executed, notes)


def model_name(path: Path) -> str:
    """Return what the model of a file is called: like its folder if the file is a `config.json`."""
    return path.parent.name if path.name == "config.json" and path.parent.name else path.stem


def module_build(source: str, attention: str) -> tuple[Any, list[str]]:
    """Build the model of a `config.json` on the meta device; return it with sentences on what was left out."""
    torch, transformers = torch_modules()
    path = find_model(source)
    try:
        config = json.loads(path.read_text(encoding="utf-8-sig"))
        keys = {k: v for k, v in config.items() if not k.startswith("_")}
        model_type = keys.pop("model_type")
    except (ValueError, KeyError, AttributeError, RecursionError):
        raise ModelError(f"{path}: no config.json with a model_type") from None
    notes = []
    if keys.pop("quantization_config", None) is not None:
        notes.append(f"quantization_config is left out: every tensor is {DTYPE}")
    _register()
    try:
        made = transformers.AutoConfig.for_model(model_type, **keys)
        if made.is_encoder_decoder:
            raise ModelError(f"{path}: a capture runs decoders only, this model has an encoder too")
        if made.get_text_config() is not made:
            made = made.get_text_config()
            notes.append("the text model alone")
        with torch.device("meta"):
            module = transformers.AutoModelForCausalLM.from_config(
                made, dtype=torch.bfloat16, attn_implementation=attention
            )
        module.set_experts_implementation("batched_mm")
    except ModelError:
        raise
    except KeyError as error:
        if error.args == (attention,):
            raise ModelError(
                f"{path}: transformers gives this model an attention of its own, which stays unseen"
            ) from None
        raise ModelError(f"{path}: transformers cannot build it: {first_line(error)}") from None
    except Exception as error:  # foreign code on foreign input
        raise ModelError(f"{path}: transformers cannot build it: {first_line(error)}") from None
    return module.eval(), notes


def first_line(error: Exception) -> str:
    """Return what kind of error it is and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"[:300]


def capture_module(module: Any, name: str, batch: int = 1, prompt: int = 2048,
                   phases: Sequence[str] = ("prefill", "decode"), as_executed: bool = False,
                   notes: Sequence[str] = ()) -> Trace:  # fmt: skip
    """Capture a causal language model of `transformers` that was built on the meta device; see `capture_config`."""
    torch, transformers = torch_modules()
    elsewhere = next((n for n, p in module.named_parameters() if p.device.type != "meta"), None)
    if elsewhere is not None:
        device = dict(module.named_parameters())[elsewhere].device
        raise ModelError(
            f"{name}: {elsewhere} is on {device}: the device picks kernels, and some have no FLOP formula, so that "
            "FLOPs vanish silently; build the model under torch.device('meta')"
        )
    _register()
    module.set_attn_implementation(ATTENTION)
    kinds = set(getattr(module.config, "layer_types", None) or ()) - _ATTENTIONS
    if kinds:
        raise ModelError(f"{name}: layers of kind {', '.join(sorted(kinds))} are not known to a capture: {_STATES}")
    recorder = _Recorder(torch, module, name, batch, as_executed)
    cache = transformers.DynamicCache(config=module.config)
    recorder.watch(cache)
    # transformers renamed the argument in 5.24
    key = "cache" if "cache" in inspect.signature(module.forward).parameters else "past_key_values"
    records: list[Record] = []
    for phase, tokens in (("prefill", prompt), ("decode", 1)):
        if phase == "decode" and "decode" not in phases:
            break
        ids = torch.zeros((batch, tokens), dtype=torch.long, device="meta")
        with recorder.running(phase, tokens), torch.no_grad():
            try:
                module(ids, **{key: cache}, use_cache=True, logits_to_keep=1)
            except (ModelError, SymarchError):
                raise
            except Exception as error:  # foreign code: an operator without a meta kernel, a cache it does not know
                raise ModelError(f"{name}: {phase} cannot run without weights: {first_line(error)}") from None
        if phase in phases:
            records += recorder.records()
    layers = module.config.num_hidden_layers - (getattr(module.config, "num_kv_shared_layers", None) or 0)
    if len(recorder.cached) < layers:
        raise ModelError(f"{name}: {len(recorder.cached)} of {layers} layers filled a KV cache: {_STATES}")
    sizes = {"batch": batch, "prompt": prompt, "output": 2}
    if tuple(phases) == ("prefill",):
        sizes = {"batch": batch, "prompt": prompt}
    elif tuple(phases) == ("decode",):
        sizes = {"batch": batch, "context": prompt + 1}
    counts = recorder.counts()
    trace = Trace(
        model=name,
        records=tuple(records),
        source=f"captured from transformers {transformers.__version__} with torch {torch.__version__}",
        sizes=sizes,
        tensor=1,
        dtypes=dict.fromkeys(("weights", "experts", "kv_cache", "activations"), DTYPE),
        causal="half",
        notes=(*notes, *recorder.notes),
        **counts,
    )
    return merged(trace)


# --- attention and masks as transformers calls them

current: list[Any] = []
"""Who records what `transformers` calls, the last one."""


def _register() -> None:
    """Make `transformers` hand whole attentions and masks to this module."""
    from transformers.masking_utils import AttentionMaskInterface
    from transformers.modeling_utils import AttentionInterface

    AttentionInterface.register(ATTENTION, _attention)
    AttentionMaskInterface.register(ATTENTION, _mask)


def _mask(batch_size: int, q_length: int, kv_length: int, q_offset: int = 0, kv_offset: int = 0,
          mask_function: Any = None, **_: Any) -> Any:  # fmt: skip
    """Return a mask of the right shape, having counted which pairs it allows."""
    return current[-1].mask(batch_size, q_length, kv_length, q_offset, kv_offset, mask_function)


def _attention(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, scaling: Any = None,
               is_causal: bool | None = None, **more: Any) -> tuple[Any, None]:  # fmt: skip
    """Run PyTorch's own attention and record it as one operator."""
    return current[-1].attention(module, query, key, value, attention_mask, is_causal, more), None


@attrs.define
class _Kernel:
    """A fused run of operators that are no products.

    Attributes:
        module: where it began, or its norm.
        norm: whether it holds a norm.
        read: bytes of what was made before it, by storage.
        made: bytes of what it makes, by storage.
        used: storages among them that are read after it.
        weights: parameters it reads, by storage.
    """

    module: str
    norm: bool = False
    read: dict[int, int] = attrs.field(factory=dict)
    made: dict[int, int] = attrs.field(factory=dict)
    used: set[int] = attrs.field(factory=set)
    weights: dict[int, str] = attrs.field(factory=dict)


class _Recorder:
    """Watches a model run and keeps what it executes."""

    def __init__(self, torch: Any, module: Any, name: str, batch: int, as_executed: bool) -> None:
        self.torch, self.module, self.name = torch, module, name
        self.batch, self.as_executed = batch, as_executed
        self.notes: list[str] = []
        self.cached: dict[int, tuple[int, int]] = {}  # layer: bytes of one token's key, value
        self.weights = {_storage(p): n for n, p in module.named_parameters()}
        self.parameters = dict(module.named_parameters())
        self.tables: set[str] = set()  # of which rows are looked up
        self.multiplied: set[str] = set()
        self.experts: dict[str, int] = {}  # expert weights, and how many experts a token meets
        self.phase, self.tokens = "prefill", 0

    # --- one pass

    @contextmanager
    def running(self, phase: str, tokens: int) -> Iterator[None]:
        """Record what runs inside."""
        from torch.utils._python_dispatch import TorchDispatchMode

        recorder = self

        class Mode(TorchDispatchMode):  # type: ignore[misc]  # torch may be absent when types are checked
            def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                out = function(*args, **(kwargs or {}))
                recorder.saw(function, args, kwargs or {}, out)
                return out

        self.phase, self.tokens = phase, tokens
        self.found: list[Work | _Kernel] = []
        self.names: list[str] = []
        self.kernel: _Kernel | None = None
        self.maker: dict[int, _Kernel] = {}
        self.derived: dict[int, str] = {}  # storages made of weights alone: casts and gathered experts
        self.gathered: dict[str, int] = {}  # expert weights, and the rows they were gathered for
        self.held: set[int] = set()
        self.reads: dict[int, tuple[int, int]] = {}
        self.pairs: dict[int, int] = {}
        self.alive: list[Any] = []  # storages, so that no address is used twice
        self.paused = 0
        self.inside: list[int] | None = None
        self.stack: list[str] = []
        self.routed: set[str] = set()
        hooks = []
        for path, part in self.module.named_modules():
            hooks.append(part.register_forward_pre_hook(lambda *_, path=path: self.stack.append(path)))
            hooks.append(part.register_forward_hook(lambda *_: self.stack.pop() and None))
        current.append(self)
        try:
            with Mode():
                yield
        finally:
            current.pop()
            for hook in hooks:
                hook.remove()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Record nothing inside."""
        self.paused += 1
        try:
            yield
        finally:
            self.paused -= 1

    @property
    def place(self) -> str:
        """Return the module that runs."""
        return self.stack[-1] if self.stack else ""

    def saw(self, function: Any, args: Any, kwargs: Any, out: Any) -> None:
        """Record one operator."""
        from torch.utils.flop_counter import flop_registry

        packet = function._overloadpacket
        name = packet.__name__
        inputs, outputs = list(_tensors(self.torch, (args, kwargs))), list(_tensors(self.torch, out))
        self.alive += [t.untyped_storage() for t in outputs]
        counted = flop_registry.get(packet)
        if self.inside is not None:
            if counted is not None:
                self.inside.append(int(counted(*args, **kwargs, out_val=out)))
            elif PRODUCT.search(name):
                raise ModelError(f"{self.name}: {function} in {self.place} has no FLOP formula")
            return
        if self.paused or function.is_view or name in _SAME:
            return
        if counted is not None or name == "_grouped_mm":
            flops = int(counted(*args, **kwargs, out_val=out)) if counted is not None else _grouped(args, out)
            self._product(function, inputs, outputs, flops, "given" if counted is not None else "shapes")
        elif name == "embedding":
            self._embedding(function, args, outputs[0])
        elif PRODUCT.search(name):
            raise ModelError(
                f"{self.name}: no FLOP formula for {function} in {self.place}: its FLOPs would be lost silently"
            )
        else:
            self._fused(name, inputs, outputs)

    def _fused(self, name: str, inputs: list[Any], outputs: list[Any]) -> None:
        """Add an operator to the kernel that is open."""
        weights = [_storage(t) for t in inputs if self._weight(t) is not None]
        if inputs and len(weights) == len(inputs) and outputs:
            self.derived[_storage(outputs[0])] = str(self._weight(inputs[0]))  # a cast of weights
            return
        if inputs and self._weight(inputs[0]) is not None and name in ("index", "index_select", "gather"):
            name = str(self._weight(inputs[0]))  # of experts, gathered for each token
            self.derived[_storage(outputs[0])], self.gathered[name] = name, outputs[0].shape[0]
            return
        if self.kernel is None:
            self.kernel = _Kernel(self.place)
            self.found.append(self.kernel)
            self.names.append("")
        kernel = self.kernel
        if "norm" in self.place.rpartition(".")[2].lower():
            kernel.norm, kernel.module = True, self.place
        for tensor in inputs:
            self._reads(tensor, kernel)
        for tensor in outputs:
            kernel.made[_storage(tensor)] = _size(tensor)
            self.maker[_storage(tensor)] = kernel

    def _reads(self, tensor: Any, kernel: _Kernel | None) -> None:
        """Note that a tensor is read: by a kernel, or by a product (None)."""
        key = _storage(tensor)
        weight = self._weight(tensor)
        if kernel is not None and weight is not None:
            kernel.weights[key] = weight
            return
        maker = self.maker.get(key)
        if maker is kernel and kernel is not None:
            return
        if maker is not None:
            maker.used.add(key)
        if kernel is not None:
            kernel.read[key] = max(kernel.read.get(key, 0), _size(tensor))

    def _weight(self, tensor: Any) -> str | None:
        key = _storage(tensor)
        return self.weights.get(key) or self.derived.get(key)

    def _add(self, name: str, work: Work) -> None:
        self.kernel = None
        self.found.append(work)
        self.names.append(name)

    # --- products

    def _product(self, function: Any, inputs: list[Any], outputs: list[Any], flops: int,
                 origin: str) -> None:  # fmt: skip
        tensors, kind = [], "matmul"
        extra: dict[str, float] = {}
        weighted = any(self._weight(tensor) is not None for tensor in inputs)
        for tensor in inputs:
            weight = self._weight(tensor)
            if weight is None:
                self._reads(tensor, None)
                if _storage(tensor) in self.held and not weighted:
                    raise ModelError(f"{self.name}: {self.place} has an attention of its own, unseen here")
                if _storage(tensor) in self.held and self.phase == "decode":
                    self._expands(tensor)
                tensors.append(self._tensor("act_in", tensor))
            elif self.parameters[weight].dim() == 3:
                kind = "moe_matmul"
                expert, extra = self._expert(weight, tensor, inputs)
                tensors.append(expert)
            else:
                own = self.parameters[weight]
                self.multiplied.add(weight)
                tensors.append(
                    Tensor("weight", own.nbytes, shape=tuple(own.shape), dtype=dtype_of(own), name=_star(weight))
                )
        tensors += [self._tensor("act_out", t) for t in outputs]
        for tensor in outputs:
            self.maker.pop(_storage(tensor), None)
        dims = _dims(str(function), inputs, outputs)
        self._add(
            self.place,
            Work(
                kind,
                self.phase,
                op=str(function),
                dtype=dtype_of(outputs[0]),
                dims=tuple((dims | extra).items()),
                tensors=tuple(tensors),
                flops=flops,
                flops_from=origin,
            ),
        )

    def _expert(self, weight: str, tensor: Any, inputs: list[Any]) -> tuple[Tensor, dict[str, float]]:
        """Return the tensor of routed experts: gathered copies as executed, distinct ones as unique."""
        first = self.place not in self.routed
        self.routed.add(self.place)
        if _storage(tensor) in self.derived:
            return self._routed(weight, tensor.shape[0], True, first)
        rows = next(t.shape[0] for t in inputs if self._weight(t) is None)
        return self._routed(weight, rows, False, first)

    def _routed(self, weight: str, rows: int, copied: bool, dependent: bool) -> tuple[Tensor, dict[str, float]]:
        """Return the tensor of expert weights that meet some rows, and how many distinct experts there are."""
        own = self.parameters[weight]
        count = own.shape[0]
        tokens = self.batch * self.tokens
        if rows % tokens:
            raise ModelError(f"{self.name}: {rows} rows of {weight} for {tokens} tokens; routing is not understood")
        active = rows // tokens
        self.experts[weight] = active
        distinct = count * (1 - (1 - active / count) ** tokens)
        each = own.nbytes // count
        found = Tensor("expert_weight", rows * each if copied else None, distinct * each, tuple(own.shape),
                       dtype_of(own), dependent=dependent, name=_star(weight))  # fmt: skip
        return found, {"experts": distinct}

    def _expands(self, tensor: Any) -> None:
        """Refuse a product over the whole cache, or note it."""
        rows = tensor.numel() // tensor.shape[-1]
        words = f"{self.place} multiplies the whole cache by weights ({rows} rows, {self.batch} new) in a decode step"
        if not self.as_executed:
            raise ModelError(
                f"{self.name}: {words}, as transformers runs latent attention; serving engines absorb these weights. "
                "Take the model as it is served (symarch trace convert), or capture it --as-executed"
            )
        sentence = f"{_star(words)}; serving engines absorb these weights"
        if sentence not in self.notes:
            self.notes.append(sentence)

    def _embedding(self, function: Any, args: Any, out: Any) -> None:
        table = args[0]
        self.tables.add(str(self._weight(table)))
        row = table.shape[-1] * table.element_size()
        read = Tensor("table", out.nbytes, shape=tuple(table.shape), dtype=dtype_of(table), extent=row, dependent=True,
                      name=_star(self._weight(table) or ""))  # fmt: skip
        dims = {"tokens": out.numel() // out.shape[-1], "width": out.shape[-1]}
        work = Work("embed", self.phase, op=str(function), dtype=dtype_of(table), dims=tuple(dims.items()),
                    tensors=(read, self._tensor("act_out", out)))  # fmt: skip
        self._add(self.place, work)

    def _tensor(self, role: str, tensor: Any) -> Tensor:
        return Tensor(role, _size(tensor), shape=tuple(tensor.shape), dtype=dtype_of(tensor))

    # --- attention

    def mask(self, batch: int, queries: int, keys: int, q_offset: int, k_offset: int, function: Any) -> Any:
        """Return a mask without values and note how many pairs it allows."""
        torch = self.torch
        with self.pause():
            q = torch.arange(queries, device="cpu")[:, None] + q_offset
            k = torch.arange(keys, device="cpu")[None, :] + k_offset
            try:
                allowed = int(torch.broadcast_to(function(0, 0, q, k), (queries, keys)).sum())
            except Exception as error:  # a mask made of tensors that have no values here
                raise ModelError(
                    f"{self.name}: its attention mask depends on values, which a meta device does not have: "
                    f"{first_line(error)}"
                ) from None
            made = torch.empty((batch, 1, queries, keys), dtype=torch.bool, device="meta")
        self.alive.append(made)
        self.pairs[_storage(made)] = allowed
        return made

    def attention(self, module: Any, query: Any, key: Any, value: Any, mask: Any, is_causal: bool | None,
                  more: dict[str, Any]) -> Any:  # fmt: skip
        """Record an attention; its FLOPs are PyTorch's of the whole square, times the share of allowed pairs."""
        batch, heads, queries, width = query.shape
        groups, context = key.shape[1], key.shape[2]
        causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
        square = queries * context
        if mask is not None:
            pairs = self.pairs.get(_storage(mask))
            if pairs is None:
                raise ModelError(f"{self.name}: {self.place} has a mask of unknown origin")
        elif causal:
            pairs = queries * (context - queries) + queries * (queries + 1) // 2
        else:
            pairs = square
        self.inside = []
        with self.torch.no_grad():
            out = self.torch.nn.functional.scaled_dot_product_attention(
                query, _repeated(key, heads // groups), _repeated(value, heads // groups)
            )
        flops, self.inside = sum(self.inside), None
        if flops * pairs % square:
            raise ModelError(f"{self.name}: {self.place}: {pairs} pairs of {square} is no whole number of FLOPs")
        for tensor in (query, key, value):
            self._reads(tensor, None)
        layer = getattr(module, "layer_idx", None)
        own = {n: self.parameters[n] for n in map(self._weight, _tensors(self.torch, more)) if n is not None}
        tensors = [Tensor("weight", p.nbytes, shape=tuple(p.shape), dtype=dtype_of(p), name=_star(n))
                   for n, p in own.items()]  # fmt: skip
        tensors.append(self._tensor("act_in", query))
        if self.phase == "decode" and layer in self.reads:
            tensors += [Tensor("kv_read", n, extent=n // batch, dtype=DTYPE) for n in self.reads[layer] if n]
            expanded = _storage(key) not in self.held
            tensors += [self._tensor("act_in", t) for t in (key, value) if expanded]
        else:
            tensors += [self._tensor("act_in", t) for t in (key, value)]
        out = out.transpose(1, 2).contiguous()
        tensors.append(self._tensor("act_out", out))
        dims = {"batch": batch, "queries": queries, "context": context, "heads": heads, "kv_heads": groups,
                "head_dim": width}  # fmt: skip
        self._add(
            self.place,
            Work(
                "attention",
                self.phase,
                op="aten.scaled_dot_product_attention",
                dtype=dtype_of(query),
                dims=tuple(dims.items()),
                tensors=tuple(tensors),
                flops=flops * pairs // square,
                flops_from="given" if pairs == square else "shapes",
            ),
        )
        return out

    def watch(self, cache: Any) -> None:
        """Record what is appended to a cache and what it holds."""
        update = cache.update

        def watched(key: Any, value: Any, layer: int, *args: Any, **kwargs: Any) -> Any:
            with self.pause():
                held = update(key, value, layer, *args, **kwargs)
            self.appended(key, value, layer, held)
            return held

        cache.update = watched

    def appended(self, key: Any, value: Any, layer: int, held: Any) -> None:
        """Record the keys and values of new tokens, written to the cache."""
        self._reads(key, None)
        self._reads(value, None)
        tokens = self.batch * self.tokens
        rows = tuple(_size(t) // tokens for t in (key, value))
        self.cached[layer] = (rows[0], rows[1])
        self.reads[layer] = (_size(held[0]), _size(held[1]))
        self.held |= {_storage(t) for t in held}
        dims = {"tokens": tokens, "width": (rows[0] + rows[1]) // key.element_size()}
        written = [Tensor("kv_write", r * tokens, extent=r, dtype=dtype_of(key)) for r in rows if r]
        kernel = self.kernel
        self._add(self.place + ".cache", Work("copy", self.phase, dims=tuple(dims.items()), tensors=tuple(written)))
        self.kernel = kernel

    # --- results

    def records(self) -> list[Record]:
        """Return the records of the pass."""
        found = []
        for number, (name, one) in enumerate(zip(self.names, self.found, strict=True)):
            work: Work | None = one if isinstance(one, Work) else None
            if isinstance(one, _Kernel):
                name, work = self._kernel(one)
            if work is not None:
                prov = Provenance("capture", "torch.meta", work.op or "")
                found.append(Record(f"{self.phase}.{number}", name or "model", work, prov=prov))
        return found

    def _kernel(self, kernel: _Kernel) -> tuple[str, Work | None]:
        read, written = sum(kernel.read.values()), sum(kernel.made[k] for k in kernel.used)
        weights = {n: self.parameters[n] for n in kernel.weights.values() if n in self.parameters}
        counts = {self.parameters[e].shape[0] for e in self.experts}
        tensors = [
            self._routed(n, self.gathered[n], True, False)[0]
            if n in self.gathered and p.shape[0] in counts
            else Tensor("weight", p.nbytes, shape=tuple(p.shape), dtype=dtype_of(p), name=_star(n))
            for n, p in weights.items()
        ]
        tensors += [Tensor("act_in", read)] if read else []
        tensors += [Tensor("act_out", written)] if written else []
        if not tensors:
            return "", None
        tokens = self.batch * self.tokens
        width = -(-max(read, written) // (2 * tokens))
        dims = (("tokens", tokens), ("width", width))
        kind = "norm" if kernel.norm else "elementwise"
        return kernel.module, Work(kind, self.phase, dtype=DTYPE, dims=dims, tensors=tuple(tensors))

    def counts(self) -> dict[str, Any]:
        """Return what the model stores and counts of its parameters, each shared one once."""
        sizes = {n: p.numel() for n, p in self.parameters.items()}
        experts = {n: c for n, c in sizes.items() if n in self.experts}
        total = sum(sizes.values())
        idle = sum(c - c * self.experts[n] // self.parameters[n].shape[0] for n, c in experts.items())
        looked_up = sum(sizes[n] for n in self.tables - self.multiplied)
        width = 2
        per_token = sum(sum(rows) for rows in self.cached.values()) // width
        return {
            "stored": {"weights": total - sum(experts.values()), "experts": sum(experts.values()),
                       "kv_per_token": per_token},
            "parameters": total,
            "active_parameters": total - idle,
            "streamed_parameters": total - idle - looked_up,
        }  # fmt: skip


def _star(name: str) -> str:
    from symarch.trace.records import starred

    return " ".join(starred(part) for part in name.split(" "))


def _storage(tensor: Any) -> int:
    return int(tensor.untyped_storage()._cdata)


def _size(tensor: Any) -> int:
    """Return the bytes of a tensor; what is repeated by a stride of 0 counts once."""
    return int(min(tensor.nbytes, tensor.untyped_storage().nbytes()))


def dtype_of(tensor: Any) -> str:
    """Return the data type of a tensor."""
    name = str(tensor.dtype).removeprefix("torch.")
    return _DTYPES.get(name, name)


def _tensors(torch: Any, value: Any) -> Iterator[Any]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(torch, item)
    elif isinstance(value, dict):
        yield from _tensors(torch, list(value.values()))


def _repeated(tensor: Any, times: int) -> Any:
    """Repeat key or value heads for PyTorch's attention, which counts them so."""
    return tensor if times == 1 else tensor.repeat_interleave(times, dim=1)


def _grouped(args: Any, out: Any) -> int:
    """Return the FLOPs of a grouped product (rows, k) x (groups, k, n): every row meets one group."""
    left, right = args[0], args[1]
    if left.dim() != 2 or right.dim() != 3:
        raise ModelError(f"a grouped product of {tuple(left.shape)} and {tuple(right.shape)} has no FLOP formula")
    return int(2 * left.shape[0] * left.shape[1] * out.shape[-1])


def _dims(name: str, inputs: list[Any], outputs: list[Any]) -> dict[str, Any]:
    """Return m, n and k of a product C[m, n] = A[m, k] B[k, n], batches of it counted in m."""
    out = outputs[0]
    if ".bmm" in name or ".baddbmm" in name:
        left, right = inputs[-2], inputs[-1]
        rows, k, n = left.shape[0] * left.shape[1], left.shape[2], right.shape[2]
        if n == 1:  # one row for each matrix: experts gathered for each token
            return {"m": left.shape[0], "n": left.shape[1], "k": k}
        return {"m": rows, "n": n, "k": k}
    if ".mm" in name or ".addmm" in name or "grouped" in name:
        left = inputs[-2] if "grouped" not in name else inputs[0]
        return {"m": left.shape[0], "n": out.shape[-1], "k": left.shape[-1]}
    return {"m": out.numel() // out.shape[-1], "n": out.shape[-1]}
