"""Symbolic capture: `torch.export` of a prefill with batch and prompt as symbols.

The exported graph keeps linear layers and attention whole, knows the name of every parameter, and gives every shape as
an expression. Products become records with FLOPs over `batch` and `prompt`; what lies between two products is one fused
kernel, as in a capture (`symarch.trace.capture`). Decode is not exported: its cache is a state of the graph.
"""

from __future__ import annotations

from typing import Any

import attrs

from symarch.errors import ModelError, SpecError, SymarchError
from symarch.program.grammar import parse
from symarch.specs.files import find_model
from symarch.trace.capture import (
    ATTENTION,
    DTYPE,
    PRODUCT,
    current,
    dtype_of,
    first_line,
    model_name,
    module_build,
    torch_modules,
)
from symarch.trace.records import Number, Provenance, Record, Symbol, Tensor, Trace, Work, merged, starred

FAR = 10**6
"""A context at which a window or a chunk shows, when a mask is asked whether it is causal."""

_VIEWS = frozenset({"reshape", "contiguous", "view", "transpose", "unsqueeze", "squeeze", "expand", "slice", "permute",
                    "t", "flatten", "select", "_unsafe_view", "alias", "detach", "chunk", "split", "unflatten",
                    "split_with_sizes", "getitem", "expand_as", "unbind"})  # fmt: skip
_NOTHING = frozenset({"_assert_tensor_metadata", "_assert_scalar", "sym_constrain_range_for_size"})


def export_config(source: str) -> Trace:
    """Export the prefill of a `config.json` symbolically in batch and prompt.

    Raises:
        ModelError: if `transformers` does not know the model, or an operator has no closed form over batch and prompt.
        SymarchError: if PyTorch or `transformers` is not installed.
    """
    torch, transformers = torch_modules()
    module, notes = module_build(source, ATTENTION)
    name = model_name(find_model(source))
    exporter = _Exporter(torch, module, name)
    ids = torch.zeros((3, 64), dtype=torch.long, device="meta")
    sizes = {0: torch.export.Dim("batch", min=2, max=2**20), 1: torch.export.Dim("prompt", min=2, max=2**20)}
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "use_cache": False, "logits_to_keep": 1}
    shapes = {"input_ids": sizes, "attention_mask": sizes, "use_cache": None, "logits_to_keep": None}
    current.append(exporter)
    try:
        program = torch.export.export(module, (), inputs, dynamic_shapes=shapes, strict=False)
    except (ModelError, SymarchError):
        raise
    except Exception as error:  # foreign code: control flow over values, shapes that cannot be symbols
        raise ModelError(f"{name}: torch.export does not take it: {first_line(error)}") from None
    finally:
        current.pop()
    records = exporter.read(program)
    sizes_of = {n: p.numel() for n, p in module.named_parameters()}
    total = sum(sizes_of.values())
    experts = sum(sizes_of[n] for n in exporter.experts)
    trace = Trace(
        model=name,
        records=tuple(records),
        source=f"exported from transformers {transformers.__version__} with torch {torch.__version__}",
        symbols={"batch": Symbol(1, 1, 2**20), "prompt": Symbol(2048, 2, 2**20)},
        tensor=1,
        dtypes=dict.fromkeys(("weights", "experts", "kv_cache", "activations"), DTYPE),
        stored={"weights": total - experts, "experts": experts},
        parameters=total,
        causal="half",
        notes=(*notes, "exported without a cache: its writes are not in the trace"),
    )
    return merged(trace)


@attrs.define
class _Kernel:
    """A fused run of nodes that are no products."""

    nodes: list[Any] = attrs.field(factory=list)


class _Exporter:
    """Stands in for the recorder while a graph is exported, and reads the graph."""

    def __init__(self, torch: Any, module: Any, name: str) -> None:
        self.torch, self.name = torch, name
        self.parameters = dict(module.named_parameters())
        self.experts: set[str] = set()

    # --- while transformers runs

    def mask(self, batch: int, queries: Any, keys: Any, q_offset: Any, k_offset: Any, function: Any) -> None:
        """Return no mask where it is causal. Raises ModelError for others, whose pairs have no closed form here."""
        points = ((5, 5, True), (0, 1, False), (FAR, 0, True), (FAR, FAR - 1, True))
        from torch.utils._python_dispatch import _disable_current_modes

        try:
            with _disable_current_modes():  # what is asked of the mask does not belong into the graph
                at = [(self.torch.tensor([q]), self.torch.tensor([k]), allowed) for q, k, allowed in points]
                causal = all(bool(function(0, 0, q, k)) is allowed for q, k, allowed in at)
        except Exception as error:  # a mask made of tensors that have no values here
            raise ModelError(f"{self.name}: its attention mask depends on values: {first_line(error)}") from None
        if not causal:
            raise ModelError(
                f"{self.name}: a symbolic capture knows causal masks only; this one is a window or a chunk"
            )

    def attention(self, module: Any, query: Any, key: Any, value: Any, mask: Any, is_causal: bool | None,
                  more: dict[str, Any]) -> Any:  # fmt: skip
        """Run PyTorch's own attention, which the graph keeps whole."""
        out = self.torch.nn.functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, enable_gqa=query.shape[1] != key.shape[1]
        )
        return out.transpose(1, 2).contiguous()

    # --- the graph

    def read(self, program: Any) -> list[Record]:
        """Return the records of an exported program."""
        graph = program.graph
        names = program.graph_signature.inputs_to_parameters
        self.own = {n: names[n.name] for n in graph.nodes if n.op == "placeholder" and n.name in names}
        ids = next(n for n in graph.nodes if n.op == "placeholder" and n.name == "input_ids")
        batch, prompt = (d.node.expr for d in ids.meta["val"].shape)
        import sympy

        self.sympy = sympy
        self.symbols = {batch: sympy.Symbol("batch"), prompt: sympy.Symbol("prompt")}
        self.base: dict[Any, Any] = {}
        self.routed: set[str] = set()
        found: list[tuple[str, Work] | _Kernel] = []
        open_kernel: _Kernel | None = None
        self.member: dict[Any, _Kernel | None] = {}
        for node in graph.nodes:
            if node.op != "call_function":
                continue
            operator = str(getattr(node.target, "__name__", node.target)).partition(".")[0]
            tensors = [a for a in node.all_input_nodes if self._shape(a) is not None]
            if operator in _NOTHING:
                continue
            if operator in _VIEWS and tensors:
                self.base[node] = self._base(tensors[0])
                continue
            first = self._base(tensors[0]) if tensors else None
            if first in self.own and (operator in ("index", "index_select", "to") or len(tensors) == 1) and (
                operator not in ("embedding", "linear")
            ):  # fmt: skip
                self.base[node] = first  # a cast of weights, experts gathered for each token
                self.member[node] = None
                continue
            if operator == "embedding" or PRODUCT.search(operator):
                found.append(self._product(node, operator, tensors))
                open_kernel = None
            elif self._shape(node) is not None:
                if open_kernel is None:
                    open_kernel = _Kernel()
                    found.append(open_kernel)
                open_kernel.nodes.append(node)
                self.member[node] = open_kernel
        records = []
        for number, one in enumerate(found):
            named = self._kernel(one) if isinstance(one, _Kernel) else one
            if named is not None:
                prov = Provenance("capture", "torch.export", named[1].op or "")
                records.append(Record(f"prefill.{number}", named[0], named[1], prov=prov))
        return records

    def _base(self, node: Any) -> Any:
        return self.base.get(node, node)

    def _shape(self, node: Any) -> Any:
        value = node.meta.get("val") if hasattr(node, "meta") else None
        return value.shape if isinstance(value, self.torch.Tensor) else None

    def _dims(self, node: Any) -> list[Any]:
        found = []
        for size in self._shape(node):
            expr = size.node.expr if isinstance(size, self.torch.SymInt) else self.sympy.Integer(int(size))
            found.append(expr.xreplace(self.symbols))
        return found

    def _elements(self, node: Any) -> Any:
        return self.sympy.prod(self._dims(node))

    def _bytes(self, node: Any) -> Any:
        return self._elements(node) * node.meta["val"].element_size()

    def _number(self, expression: Any) -> Number:
        """Return a number, or the text of an expression that the grammar of traces knows."""
        expression = self.sympy.expand(expression)
        if expression.is_Integer:
            return int(expression)
        text = str(expression)
        try:
            parse(text, ("batch", "prompt"))
        except SpecError as error:
            raise ModelError(f"{self.name}: {text[:60]} has no closed form over batch and prompt: {error}") from None
        return text

    def _place(self, node: Any) -> str:
        stack = list(node.meta.get("nn_module_stack", {}).values())
        return str(stack[-1][0]) if stack and stack[-1][0] else "model"

    def _tensor(self, role: str, node: Any) -> Tensor:
        shape = tuple(self._number(d) for d in self._dims(node))
        return Tensor(role, self._number(self._bytes(node)), shape=shape, dtype=dtype_of(node.meta["val"]))

    def _weight(self, name: str) -> Tensor:
        own = self.parameters[name]
        return Tensor("weight", own.nbytes, shape=tuple(own.shape), dtype=dtype_of(own), name=starred(name))

    def _product(self, node: Any, operator: str, inputs: list[Any]) -> tuple[str, Work]:
        place, op = self._place(node), str(node.target)
        dims: tuple[tuple[str, Number], ...]
        out = self._tensor("act_out", node)
        if operator == "embedding":
            table = self.parameters[self.own[self._base(inputs[0])]]
            row = table.shape[-1] * table.element_size()
            read = Tensor("table", out.bytes, shape=tuple(table.shape), dtype=dtype_of(table), extent=row,
                          dependent=True, name=starred(self.own[self._base(inputs[0])]))  # fmt: skip
            dims = (("tokens", self._number(self._elements(node) / table.shape[-1])), ("width", int(table.shape[-1])))
            return place, Work("embed", "prefill", op=op, dtype=DTYPE, dims=dims, tensors=(read, out))
        tensors, kind = [], "matmul"
        extra: tuple[tuple[str, Number], ...] = ()
        for one in inputs:
            name = self.own.get(self._base(one))
            if name is None:
                tensors.append(self._tensor("act_in", one))
            elif self.parameters[name].dim() == 3:
                kind = "moe_matmul"
                expert, extra = self._expert(place, name, one)
                tensors.append(expert)
            else:
                tensors.append(self._weight(name))
        if operator == "scaled_dot_product_attention":
            batch, heads, queries, width = self._dims(inputs[0])
            groups, context = self._dims(inputs[1])[1:3]
            if context != queries:
                raise ModelError(f"{self.name}: {place}: {queries} queries meet {context} keys in a prefill")
            flops = batch * queries * (queries + 1) * heads * (width + self._dims(inputs[2])[3])
            kind = "attention"
            sizes = {"batch": batch, "queries": queries, "context": context, "heads": heads, "kv_heads": groups,
                     "head_dim": width}  # fmt: skip
            dims = tuple((n, self._number(v)) for n, v in sizes.items())
        elif operator in ("linear", "mm", "matmul", "bmm", "addmm", "baddbmm"):
            left = inputs[1] if operator in ("addmm", "baddbmm") else inputs[0]
            k, n = self._dims(left)[-1], self._dims(node)[-1]
            flops = 2 * self._elements(node) * k
            rows = self._elements(node) / n
            if n == 1 and operator == "bmm":  # one row for each matrix: experts gathered for each token
                rows, n = self._dims(node)[0], self._dims(node)[1]
            dims = (("m", self._number(rows)), ("n", self._number(n)), ("k", self._number(k)))
        else:
            raise ModelError(f"{self.name}: {op} in {place} has no FLOP formula; its FLOPs would vanish silently")
        work = Work(kind, "prefill", op=op, dtype=DTYPE, dims=(*dims, *extra), tensors=(*tensors, out),
                    flops=self._number(flops), flops_from="shapes")  # fmt: skip
        return place, work

    def _expert(self, place: str, name: str, node: Any) -> tuple[Tensor, tuple[tuple[str, Number], ...]]:
        own = self.parameters[name]
        self.experts.add(name)
        count, tokens = own.shape[0], "batch*prompt"
        active = self.sympy.simplify(self._dims(node)[0] / self.sympy.prod(self.symbols.values()))
        if not active.is_Integer:
            raise ModelError(f"{self.name}: {place} routes {active} experts to a token; routing is not understood")
        missed = f"{1 - int(active) / count!r}**({tokens})"
        first = place not in self.routed
        self.routed.add(place)
        each = own.nbytes // count
        tensor = Tensor("expert_weight", f"{int(active) * each}*{tokens}", f"{own.nbytes} - {own.nbytes}*{missed}",
                        tuple(own.shape), dtype_of(own), dependent=first, name=starred(name))  # fmt: skip
        return tensor, (("experts", f"{count} - {count}*{missed}"),)

    def _kernel(self, kernel: _Kernel) -> tuple[str, Work] | None:
        inside = set(kernel.nodes)
        place, norm = self._place(kernel.nodes[0]), False
        weights: dict[str, None] = {}
        read: dict[Any, Any] = {}
        written: dict[Any, Any] = {}
        for node in kernel.nodes:
            if "norm" in self._place(node).rpartition(".")[2].lower():
                place, norm = self._place(node), True
            for one in node.all_input_nodes:
                source = self._base(one)
                if source in self.own:
                    weights[self.own[source]] = None
                elif source not in inside and self._shape(source) is not None:
                    read[source] = self._bytes(source)
            if self._leaves(node, inside):
                written[node] = self._bytes(node)
        tensors = [self._weight(n) for n in weights]
        tensors += [Tensor("act_in", self._number(sum(read.values())))] if read else []
        tensors += [Tensor("act_out", self._number(sum(written.values())))] if written else []
        if not tensors:
            return None
        kind = "norm" if norm else "elementwise"
        return place, Work(kind, "prefill", dtype=DTYPE, tensors=tuple(tensors))

    def _leaves(self, node: Any, inside: set[Any]) -> bool:
        """Return whether anything outside its kernel uses a node, through views of it."""
        for user in node.users:
            if user in inside:
                continue
            if user in self.base:
                if self._leaves(user, inside):
                    return True
            elif str(getattr(user.target, "__name__", user.target)).partition(".")[0] not in _NOTHING:
                return True
        return False
