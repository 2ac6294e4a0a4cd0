"""What all models share: embedding, a stack of layers built of blocks, the last norm, the LM head.

A layer is a sequence of blocks (attention, a feed-forward network, experts, a recurrent mixer), each of which knows its
weights, what it caches and its operators; layers of one kind form a group with a count. A family reads a `config.json`
and returns such a stack. Norms, activations and residual sums are operators of their own without FLOPs: FLOPs are those
of matrix products, 2 m n k, of attention over exactly the entries attended to, and of recurrences.

Tensor parallelism splits the first product of a block by columns and the last by rows (Megatron-LM, Shoeybi et al.
2019), with an all-reduce after it, and one after the vocabulary-split embedding; the logits are gathered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import attrs

from symarch.errors import MappingError
from symarch.program import Max, ceil, total
from symarch.technologies import Quantity, widest
from symarch.trace.config import Config, share
from symarch.trace.models import Stored
from symarch.trace.operators import Access, Collective, Operator, Shard, Step, merged
from symarch.trace.parts import EMBEDDINGS, WHOLE, Parts
from symarch.trace.spans import Span


@attrs.frozen
class Writer:
    """Writes operators of one pass in the words of the model: rows, widths, data types.

    Attributes:
        step: the pass.
        shard: the part of the model on one device.
        layers: how often an operator runs unless told otherwise.
        hidden: width of the residual stream.
        parts: which parts of a tensor class are told apart.
        tied: whether the embedding table is the LM head's matrix.
    """

    step: Step
    shard: Shard
    layers: Quantity
    hidden: Quantity
    parts: Parts = WHOLE
    tied: bool = False

    @property
    def tokens(self) -> Quantity:
        """Return the rows of the pass on one device: new tokens of all its sequences.

        Devices that share sequences divide the tokens of a prompt; in decode each takes some of the sequences whole.
        """
        degree = self.shard.context
        if degree == 1:
            return self.step.batch * self.step.tokens
        if self.decode:
            return ceil(self.step.batch / degree) * self.step.tokens
        return self.step.batch * self.step.tokens / degree

    def shared(self, size: Quantity) -> Quantity:
        """Return what one of the devices that share a sequence has of a size."""
        return share(size, self.shard.context)

    def gathered(self, name: str, operation: str, elements: Quantity, span: Span | None = None) -> list[Operator]:
        """Return a collective, in elements of activations, among the devices that share sequences; none on one.

        Args:
            name: the operator's.
            operation: the collective's.
            elements: of the logical tensor.
            span: what of the cached tokens is moved too, so that it grows from chunk to chunk.
        """
        if self.shard.context == 1:
            return []
        size = elements * self.step.activations
        growing = span is not None and self.growing
        return [
            Operator(
                name,
                "collective",
                self.layers,
                collective=Collective(operation, size, "context"),
                context=growing,
                knees=() if span is None else self.knees(span),
                period=span.period if span is not None and growing else None,
            )
        ]

    @property
    def decode(self) -> bool:
        """Return whether each sequence has one new token that reads the cache."""
        return self.step.phase == "decode"

    @property
    def growing(self) -> bool:
        """Return whether work depends on what is cached: it differs from decode step to step, from chunk to chunk."""
        return self.decode or not self.step.fresh

    def knees(self, span: Span) -> tuple[Quantity, ...]:
        """Return where growth over a span changes, as the position of the first new token in decode.

        Drafted tokens pass a knee one by one: each position on the way is one of its own.
        """
        knees = self.parts.knees(span) if self.growing else ()
        if not self.step.drafted:
            return knees
        more = int(self.step.tokens) - 1
        return tuple(sorted({knee - more + i for knee in knees for i in range(more + 1)}))

    def cached(self, span: Span, each: Quantity, entries: Quantity, extent: Quantity | None = None,
               dependent: bool = False) -> list[Access]:  # fmt: skip
        """Return the reads of a cache by all sequences: so many entries of `each` bytes; in prefill, of earlier tokens.

        `extent`: bytes that lie together; `dependent`: whether the address is known late.
        """
        context = self.step.context if self.decode else self.step.past
        return self.parts.read(span, each, self.shared(self.step.batch), entries, context, extent, dependent)

    def appending(self, operator: Operator, span: Span, size: Quantity, extent: Quantity) -> Operator:
        """Return an operator that also appends `size` bytes to a cache of which `extent` lie together."""
        step = self.step
        past = step.context - step.tokens if self.decode else step.past
        written = self.parts.written(span, size, step.tokens, past, extent)
        operator = attrs.evolve(operator, accesses=(*operator.accesses, *written))
        if not (self.growing and self.parts.ages(span)):
            return operator
        knees = self.knees(span)
        if not self.decode:  # what is pushed on grows from a first pass that fills the recent part to one that does not
            recent = self.parts.recent
            knees = (recent - step.tokens, recent)
        return attrs.evolve(operator, context=True, knees=knees)

    def weights(self, elements: Quantity, tensor: str = "weights", dependent: bool = False) -> Access:
        """Return the access that reads weights."""
        width = self.step.experts if tensor == "experts" else self.step.weights
        return Access(tensor, read=elements * width, dependent=dependent)

    def moved(self, read: Quantity, write: Quantity) -> Access:
        """Return the access to activations, in elements."""
        return Access("activations", read=read * self.step.activations, write=write * self.step.activations)

    def matmul(self, name: str, rows: Quantity, n: Quantity, k: Quantity, bias: Quantity = 0,
               count: Quantity | None = None) -> Operator:  # fmt: skip
        """Return C[rows, n] = A[rows, k] B[k, n] with weights B."""
        return Operator(
            name,
            "matmul",
            self.layers if count is None else count,
            {"m": rows, "n": n, "k": k},
            widest((self.step.dtypes["weights"], self.step.dtypes["activations"])),
            flops=rows * (n * k) * self.step.flop_per_mac,
            accesses=(self.weights(n * k + bias), self.moved(rows * k, rows * n)),
        )

    def pointwise(self, name: str, rows: Quantity, read: Quantity, write: Quantity, kind: str = "elementwise",
                  own: Quantity = 0, count: Quantity | None = None) -> Operator:  # fmt: skip
        """Return an operator that reads and writes so many elements a row, with `own` weights."""
        accesses = () if isinstance(own, int) and own == 0 else (self.weights(own),)
        width = max(read, write) if isinstance(read, int) and isinstance(write, int) else read
        return Operator(
            name,
            kind,
            self.layers if count is None else count,
            {"tokens": rows, "width": width},
            self.step.dtypes["activations"],
            accesses=(*accesses, self.moved(rows * read, rows * write)),
        )

    def norm(self, own: Quantity, name: str = "norm", rows: Quantity | None = None) -> Operator:
        """Return the norm before or after a block, with the residual sum; `own` is its weights."""
        width = 2 * self.hidden
        return self.pointwise(name, self.tokens if rows is None else rows, width, width, "norm", own=own)

    def lookup(self, name: str, rows: Quantity, width: Quantity, dependent: bool = True,
               shared: bool = False) -> Operator:  # fmt: skip
        """Return the reading of one row of a table for each of `rows` tokens; devices hold some rows each.

        Which row it is, is known only from the token, save for positions. A `shared` table is the one that a tied LM
        head reads as a whole, and lies with it.
        """
        part = "" if shared and self.tied else EMBEDDINGS
        row = width * self.step.weights
        looked_up = rows if self.shard.tensor == 1 else rows / self.shard.tensor
        return Operator(
            name,
            "embedding",
            self.layers,
            {"tokens": rows, "width": width},
            self.step.dtypes["weights"],
            accesses=(
                Access("weights", read=looked_up * row, extent=row, dependent=dependent, part=part),
                self.moved(0, rows * width),
            ),
        )

    def all_reduce(self, name: str = "all_reduce", rows: Quantity | None = None) -> list[Operator]:
        """Return the sum over devices of a block's output; nothing on one device."""
        if self.shard.tensor == 1:
            return []
        size = (self.tokens if rows is None else rows) * self.hidden * self.step.activations
        return [Operator(name, "collective", self.layers, collective=Collective("all_reduce", size))]


@attrs.frozen
class Kept:
    """What one layer keeps of a sequence on one device, in elements.

    Attributes:
        per_token: for every token of the context.
        bounded: for every entry of a span that is bounded (a window), by span.
        fixed: once for a sequence, in the KV cache (the encoder's keys and values).
        state: once for a sequence, a recurrent state.
    """

    per_token: Quantity = 0
    bounded: tuple[tuple[Span, Quantity], ...] = ()
    fixed: Quantity = 0
    state: Quantity = 0


class Block:
    """A part of a layer. Subclasses say what it holds, what it keeps and what it does.

    Class attributes:
        side: attention or ffn: which devices run it where the two run on different ones.
        beside: whether it stands beside the layers, where no other block is with it.
    """

    side: ClassVar[str] = "attention"
    beside: ClassVar[bool] = False

    @property
    def degrees(self) -> int:
        """Return a number that every tensor-parallel degree of the block divides; 0 if it sets none."""
        return 0

    @property
    def words(self) -> str:
        """Return the sizes that tensor parallelism divides, for an error message."""
        return ""

    @property
    def tensors(self) -> tuple[str, ...]:
        """Return the tensor classes it has besides weights and activations."""
        return ()

    @property
    def shares_sequences(self) -> bool:
        """Return whether several devices can work on one sequence, each on a part of its tokens."""
        return True

    @property
    def routed(self) -> int:
        """Return the routed experts, 0 if there are none."""
        return 0

    def divides(self, degree: int) -> bool:
        """Return whether a tensor-parallel degree divides the block."""
        return True

    def sliced(self, degree: int) -> bool:
        """Return whether each of the block's experts can be cut into so many slices."""
        return True

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return the weights on one device by tensor, routed experts left out."""
        raise NotImplementedError

    def weights(self, shard: Shard) -> Quantity:
        """Return the weights on one device, routed experts left out."""
        return total(self.parts(shard).values())

    def experts(self, shard: Shard) -> Quantity:
        """Return the weights of routed experts on one device."""
        return 0

    def inactive(self) -> Quantity:
        """Return the weights of the experts that one token is not routed to."""
        return 0

    def choices(self) -> Quantity:
        """Return the number of routed experts; 0 for none."""
        return 0

    def unread(self) -> Quantity:
        """Return the weights that a decode step at batch 1 does not read: tables of which it reads one row."""
        return 0

    def tables(self) -> Quantity:
        """Return the weights that are tables of which each token reads one row; every device has all of them."""
        return 0

    def kept(self, shard: Shard) -> Kept:
        """Return what the layer keeps of a sequence."""
        return Kept()

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return the operators of one layer on one device."""
        raise NotImplementedError


@attrs.frozen
class Positions(Block):
    """A learned table of positions, of which each token reads a row."""

    beside: ClassVar[bool] = True
    rows: Quantity
    width: Quantity

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return the table; every device has all of it."""
        return {"positions": self.rows * self.width}

    def unread(self) -> Quantity:
        """Return the table."""
        return self.rows * self.width

    def tables(self) -> Quantity:
        """Return the table."""
        return self.rows * self.width

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return the reading of a row for each token."""
        whole = attrs.evolve(write, shard=Shard())
        return [whole.lookup("positions", write.tokens, self.width, dependent=False)]


@attrs.frozen
class Norm(Block):
    """A norm that stands alone, such as the one behind an embedding."""

    beside: ClassVar[bool] = True
    name: str
    own: Quantity

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return its weights."""
        return {"norms": self.own}

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return the norm."""
        return [write.pointwise(self.name, write.tokens, write.hidden, write.hidden, "norm", own=self.own)]


@attrs.frozen
class Group:
    """Layers of one kind.

    Attributes:
        count: how many.
        blocks: what a layer is made of.
        source: tokens of a sequence that these layers work on instead of the pass's own, in prefill only: an encoder.
        images: for layers of a vision tower, images of a prompt: `source` tokens each. Their weights, which every
            device has, do not count as the language model's; the devices divide the images among themselves.
        hidden: width of their residual stream, None for the model's.
        label: put before the names of their operators.
        stage: of a pipeline, where they run: each stage has some of them, or the first or last has them all.
        at: which layers they are, counted from 0; empty for those that follow the group before.
    """

    count: Quantity
    blocks: tuple[Block, ...]
    source: Quantity | None = None
    images: Quantity | None = None
    hidden: Quantity | None = None
    label: str = ""
    stage: str = "each"
    at: tuple[int, ...] = ()

    @property
    def language(self) -> bool:
        """Return whether the layers belong to the language model."""
        return self.images is None

    @property
    def decodes(self) -> bool:
        """Return whether the layers run in decode."""
        return self.source is None

    @property
    def place(self) -> str:
        """Return where they run in a pipeline; a vision tower in the first stage."""
        return self.stage if self.language else "first"

    @property
    def numbered(self) -> bool:
        """Return whether these are layers of the decoder, not what stands before, between or behind them."""
        return self.language and self.decodes and not all(b.beside for b in self.blocks)

    def run(self, step: Step, shard: Shard, hidden: Quantity, parts: Parts = WHOLE,
            tied: bool = False) -> list[Operator]:  # fmt: skip
        """Return the operators of these layers in a pass."""
        if self.source is not None:
            if step.phase != "prefill":
                return []
            step = attrs.evolve(step, tokens=self.source, context=self.source, past=0)
        if self.images is not None:
            if isinstance(self.images, int | float) and self.images == 0:
                return []
            batch = step.batch * self.images
            several = shard.tensor * shard.context
            step, shard = attrs.evolve(step, batch=batch if several == 1 else batch / several), Shard()
        write = Writer(step, shard, self.count, hidden if self.hidden is None else self.hidden, parts, tied)
        found = [o for block in self.blocks for o in block.operators(write, shard)]
        if self.source is not None:
            found = [attrs.evolve(o, once=True) for o in found]
        if self.place != "each":
            found = [attrs.evolve(o, stage=self.place) for o in found]
        return [attrs.evolve(o, name=self.label + o.name) for o in found] if self.label else found


@attrs.frozen(kw_only=True)
class Decoder:
    """A model as a stack of groups of layers between an embedding and an LM head.

    Attributes:
        name: the model's name.
        hidden: width of the residual stream.
        vocabulary: rows of the embedding table.
        groups: the layers.
        tied: whether embedding and LM head are one matrix.
        norm_vectors: vectors of weights in the last norm: a scale, perhaps a bias; 0 for neither.
        head_bias: whether the LM head has a bias.
        ends: whether embedding, last norm and LM head belong to it; they do not to the feed-forward part alone.
        notes: sentences on what was taken from the configuration and how.
        config: what it was built from.
        parts: which parts of a tensor class its operators tell apart.
    """

    name: str
    hidden: Quantity
    vocabulary: Quantity
    groups: tuple[Group, ...]
    tied: bool = False
    norm_vectors: int = 1
    head_bias: bool = False
    ends: bool = True
    notes: tuple[str, ...] = ()
    config: Config | None = attrs.field(default=None, eq=False, repr=False)
    parts: Parts = WHOLE

    @property
    def sizes(self) -> Mapping[str, float]:
        """Return the sizes of the configuration by key: what may be a symbol."""
        return {} if self.config is None else self.config.sizes

    @property
    def options(self) -> tuple[str, ...]:
        """Return the sizes that are always symbols: those of the workload that only this family has."""
        return () if self.config is None else tuple(self.config.options)

    @classmethod
    def from_config(cls, name: str, data: Mapping[str, Any], sizes: Mapping[str, Quantity] | None = None) -> Decoder:
        """Build from a parsed `config.json`; `sizes`: scalars that stand for the numbers of some keys.

        Raises ModelError naming the key at fault.
        """
        raise NotImplementedError

    def resized(self, sizes: Mapping[str, Quantity]) -> Decoder:
        """Return the model with other sizes, which may be symbols."""
        return self if self.config is None or not sizes else self.from_config(self.name, self.config.data, sizes)

    def part(self, *roles: str) -> Self:
        """Return what a pool runs: all of the model, or only attention with the ends, or only the feed-forward part."""
        if {"prefill", "decode"} & set(roles) or {"attention", "ffn"} <= set(roles):
            return self
        groups = []
        for group in self.groups:
            blocks = tuple(b for b in group.blocks if b.side in roles)
            if blocks:
                label = group.label if "attention" in roles else f"ffn_{group.label}"
                groups.append(attrs.evolve(group, blocks=blocks, label=label))
        if not any(b.side == "ffn" for g in self.groups for b in g.blocks if g.place == "each"):
            raise MappingError(f"{self.name} has no feed-forward part that other devices could run")
        name = f"the {'attention' if 'attention' in roles else 'feed-forward'} part of {self.name}"
        return attrs.evolve(self, name=name, groups=tuple(groups), ends="attention" in roles)

    def handed_over(self, step: Step, shard: Shard) -> tuple[Quantity, Quantity]:
        """Return how often a pass goes over to the feed-forward part, and the bytes of a device each time."""
        count = sum(g.count for g in self.groups if g.place == "each" and any(b.side == "ffn" for b in g.blocks))
        write = Writer(divided(step, shard), shard, 1, self.hidden)
        return count, write.tokens * share(self.hidden, shard.tensor) * step.activations

    @property
    def _language(self) -> list[tuple[Quantity, Block]]:
        return [(g.count, b) for g in self.groups if g.language for b in g.blocks]

    @property
    def tensors(self) -> tuple[str, ...]:
        """Return the tensor classes the model has."""
        extra = {t for _, b in self._language for t in b.tensors}
        return tuple(t for t in ("weights", "experts", "kv_cache", "state", "activations")
                     if t in extra or t in ("weights", "kv_cache", "activations"))  # fmt: skip

    @property
    def depth(self) -> Quantity:
        """Return the layers of the decoder, an encoder's left out."""
        return sum(g.count for g in self.groups if g.numbered)

    def parted(self, parts: Parts) -> Decoder:
        """Return the model with some parts told apart. Raises MappingError if it has no such parts."""
        choices = [b.choices() for _, b in self._language]
        parts.check(self.name, self.depth, [c for c in choices if not (isinstance(c, int) and c == 0)])
        return attrs.evolve(self, parts=parts)

    def _numbers(self) -> list[tuple[Group, tuple[int, ...]]]:
        """Return each group with its layers; what is before the first counts with it, what is behind with the last."""
        found: list[tuple[Group, tuple[int, ...]]] = []
        behind, first = 0, True
        for group in self.groups:
            if not group.numbered:
                found.append((group, (0 if first else -1,)))
                continue
            first = False
            count = group.count if isinstance(group.count, int) else 1  # a symbol is not divided by layer
            at = group.at or tuple(range(behind, behind + count))
            behind = max(behind, max(at) + 1)
            found.append((group, at))
        return found

    def _stages(self, group: Group, numbers: tuple[int, ...], shard: Shard) -> tuple[int, ...]:
        """Return the stage of a pipeline that each layer of a group lies in, nothing for what names its own."""
        depth = self.depth
        if shard.pipeline == 1 or group.place != "each":
            return ()
        return tuple(n % depth * shard.pipeline // depth for n in numbers)

    def parameters(self) -> int:
        """Return the stored weights of the language model."""
        whole = Shard()
        return int(self._weights(whole, language=True) + sum(c * b.experts(whole) for c, b in self._language))

    def active_parameters(self) -> int:
        """Return `parameters` less the experts that one token is not routed to."""
        return int(self.parameters() - sum(c * b.inactive() for c, b in self._language))

    def streamed_parameters(self) -> int:
        """Return what one decode step at batch 1 reads: an untied embedding table gives one row only."""
        whole = Shard()
        unread = sum(g.count * (b.unread() if g.decodes else b.weights(whole)) for g in self.groups if g.language
                     for b in g.blocks)  # fmt: skip
        return int(self.active_parameters() - unread - (0 if self.tied else self.vocabulary * self.hidden))

    def _weights(self, shard: Shard, language: bool = False, apart: bool = False) -> Any:
        """Return the weights of a device; of a pipeline's stages those of the one with the most.

        `language`: without a vision tower; `apart`: without tables of which a token reads a row.
        """
        table = self._rows(shard) * self.hidden if self.ends else 0
        norm = norm_weights(self.hidden, self.norm_vectors) + self._head_bias(shard) if self.ends else 0
        layers: dict[str, Any] = dict.fromkeys(("each", "first", "last"), 0)
        for g in self.groups:
            if g.language or not language:
                layers[g.place] += sum(g.count * b.weights(shard if g.language else Shard()) for b in g.blocks)
                if apart:
                    layers[g.place] -= sum(g.count * b.tables() for b in g.blocks)
        if shard.pipeline == 1:
            return sum(layers.values()) + table * (1 if self.tied or apart else 2) + norm
        ends = [layers["first"] + (0 if apart and not self.tied else table), layers["last"] + table + norm]
        numbers = all(isinstance(e, int | float) for e in ends)
        return share(layers["each"], shard.pipeline) + (max(ends) if numbers else Max(*ends))

    def held(self, shard: Shard) -> dict[str, Any]:
        """Return the weights that all devices of a replica hold together, by tensor; stages add up to the layers."""
        found: dict[str, Any] = {}
        for g in self.groups:
            part = shard if g.language else Shard()
            for block in g.blocks:
                parts = {**block.parts(part), "experts": block.experts(part)}
                for name, elements in parts.items():
                    found[name] = found.get(name, 0) + g.count * elements * shard.group
        if self.ends:
            table = self._rows(shard) * self.hidden * shard.group
            found |= {"embedding": table} if self.tied else {"embedding": table, "lm_head": table}
            found["lm_head_bias"] = self._head_bias(shard) * shard.group
            found["norms"] = found.get("norms", 0) + norm_weights(self.hidden, self.norm_vectors) * shard.group
        return {name: n for name, n in found.items() if not (isinstance(n, int) and n == 0)}

    def _rows(self, shard: Shard) -> Any:
        """Return the rows of the vocabulary on one device, rounded up."""
        if isinstance(self.vocabulary, int):
            return -(-self.vocabulary // shard.tensor)
        return self.vocabulary if shard.tensor == 1 else ceil(self.vocabulary / shard.tensor)

    def _head_bias(self, shard: Shard) -> Any:
        """Return the elements of the LM head's bias on one device."""
        return self._rows(shard) if self.head_bias else 0

    def check_shard(self, shard: Shard) -> None:
        """Raise MappingError if a parallel degree does not divide the model; the message lists what is allowed."""
        self._check_tensor(shard.tensor)
        self._check_experts(shard)
        if shard.context > 1 and not all(b.shares_sequences for _, b in self._language):
            raise MappingError(
                f"{self.name} cannot be divided by context: it has layers that work on a sequence as a whole; "
                "allowed: context = 1"
            )
        layers = self.layers
        if shard.pipeline > 1 and not all(g.decodes or not g.language for g in self.groups):
            raise MappingError(f"{self.name} has an encoder and is not cut into stages; allowed: pipeline = 1")
        if layers % shard.pipeline:
            allowed = ", ".join(str(d) for d in range(1, layers + 1) if layers % d == 0)
            raise MappingError(
                f"pipeline parallelism {shard.pipeline} does not divide the {layers} layers of {self.name}; "
                f"allowed: {allowed}"
            )

    @property
    def layers(self) -> int:
        """Return the layers that a pipeline divides among its stages."""
        counts = [g.count for g in self.groups if g.place == "each"]
        return sum(c for c in counts if isinstance(c, int)) or 1

    def _check_experts(self, shard: Shard) -> None:
        found = [b for _, b in self._language if b.routed]
        if shard.expert > 1 and not found:
            raise MappingError(f"{self.name} has no routed experts; allowed: expert = 1")
        experts = found[0].routed if found else 1
        allowed = [d for d in range(1, min(shard.group, experts) + 1) if experts % d == 0 and shard.group % d == 0]
        if shard.expert not in allowed:
            raise MappingError(
                f"expert parallelism {shard.expert} does not divide the {experts} experts of {self.name} and the "
                f"{shard.group} devices that share them (tensor x context x attention_data); "
                f"allowed: {', '.join(map(str, allowed))}"
            )
        if not all(b.sliced(shard.slices) for b in found):
            fits = [d for d in allowed if all(b.sliced(shard.group // d) for b in found)]
            raise MappingError(
                f"expert parallelism {shard.expert} leaves {shard.slices} devices for each expert of {self.name}, "
                f"which do not divide its width ({', '.join(dict.fromkeys(b.words for b in found))}); "
                f"allowed: {', '.join(map(str, fits)) or 'none with this tensor, context and attention_data'}"
            )

    def _check_tensor(self, degree: int) -> None:
        if self._divides(degree):
            return
        sizes = [b.degrees for _, b in self._language if b.degrees]
        if sizes:
            small = [d for d in range(1, math.isqrt(min(sizes)) + 1) if min(sizes) % d == 0]
            tried = sorted({*small, *(min(sizes) // d for d in small)})
        else:  # feed-forward networks alone have a width, of which no more than this is worth saying
            tried = list(range(1, 257))
        allowed = [d for d in tried if self._divides(d)]
        words = ", ".join(dict.fromkeys(b.words for _, b in self._language if b.words))
        raise MappingError(
            f"tensor parallelism {degree} does not divide {self.name} ({words}); "
            f"allowed: {', '.join(map(str, allowed))}"
        )

    def _divides(self, degree: int) -> bool:
        return all(b.divides(degree) for _, b in self._language)

    def stored(self, shard: Shard) -> Stored:
        """Return the elements one device keeps."""
        groups = [(share(g.count, shard.pipeline), g) for g in self.groups]
        return attrs.evolve(
            _kept(groups, shard),
            weights=self._weights(shard),
            bare=self._weights(shard, apart=True),
            tables=self._tables(shard),
        )

    def stored_by_layer(self, tensor: str, shard: Shard, stage: int = 0) -> dict[str, Stored]:
        """Return the elements one device keeps by where a class's layers lie, tables left out; `stage`: its own."""
        names, last = self.parts.layers[tensor], shard.pipeline - 1
        found = {}
        for name in dict.fromkeys(names):
            groups = []
            for group, numbers in self._numbers():
                end = last if group.place == "last" else 0
                stages = self._stages(group, numbers, shard) or (end,) * len(numbers)
                here = sum(names[n] == name and s == stage for n, s in zip(numbers, stages, strict=True))
                if here:
                    of = group.count * here
                    whole = isinstance(of, int) and of % len(numbers) == 0
                    groups.append((of // len(numbers) if whole else of / len(numbers), group))
            own = _kept(groups, shard)
            table = self._rows(shard) * self.hidden
            if name == names[-1] and self.ends and stage == last:
                head = table + norm_weights(self.hidden, self.norm_vectors) + self._head_bias(shard)
                own = attrs.evolve(own, weights=own.weights + head)
            elif name == names[0] and self.ends and stage == 0 and self.tied and last:
                own = attrs.evolve(own, weights=own.weights + table)
            found[name] = own
        return found

    def stored_hot(self, shard: Shard) -> Quantity:
        """Return the elements of hot experts on one device."""
        hot = self.parts.hot
        assert hot is not None  # asked only where experts are told apart
        blocks = [(c, b) for c, b in self._language if not (isinstance(b.choices(), int) and b.choices() == 0)]
        return sum(share(c, shard.pipeline) * b.experts(shard) * hot / b.choices() for c, b in blocks)

    def _tables(self, shard: Shard) -> Quantity:
        """Return the elements of tables of which a token reads a row, a tied embedding's left out."""
        own = 0 if self.tied or not self.ends else self._rows(shard) * self.hidden
        return own + sum(g.count * b.tables() for g in self.groups if g.language for b in g.blocks)

    def operators(self, step: Step, shard: Shard) -> list[Operator]:
        """Return the operators of one pass on one device; of a pipeline those of all its stages."""
        step = divided(step, shard)
        rows = Writer(step, shard, 1, self.hidden).tokens if step.phase == "decode" else step.batch
        if not self.ends:
            return merged(self._layers(step, shard))
        return merged([*self._embedding(step, shard), *self._layers(step, shard), *self._head(step, shard, rows)])

    def _embedding(self, step: Step, shard: Shard) -> list[Operator]:
        write = Writer(step, shard, 1, self.hidden, self.parts, self.tied)
        found = self._placed([write.lookup("embedding", write.tokens, self.hidden, shared=True)], -1)
        found += write.all_reduce("embedding_all_reduce")
        return [attrs.evolve(o, stage="first") for o in found]

    def _layers(self, step: Step, shard: Shard) -> list[Operator]:
        parts, found = self.parts, []
        for group, numbers in self._numbers():
            ran = group.run(step, shard, self.hidden, parts, self.tied)
            found += (
                parts.by_layer(ran, numbers, self._stages(group, numbers, shard), shard.pipeline)
                if parts.layers
                else ran
            )
        if shard.pipeline > 1:
            # every device hands its share of the vectors on to its counterpart in the next stage
            size = Writer(step, shard, 1, self.hidden).tokens * share(self.hidden, shard.tensor) * step.activations
            send = Collective("point_to_point", size, "pipeline")
            name = "stage_send" if self.ends else "ffn_stage_send"
            found.append(Operator(name, "collective", shard.pipeline - 1, collective=send, stage="between"))
        return found

    def _placed(self, operators: list[Operator], layer: int) -> list[Operator]:
        """Return operators that stand beside the layers, placed as one of them."""
        return self.parts.by_layer(operators, (layer,)) if self.parts.layers else operators

    def _head(self, step: Step, shard: Shard, rows: Quantity) -> list[Operator]:
        """Return the last norm and the logits of `rows` tokens."""
        write = Writer(step, shard, 1, self.hidden)
        own = norm_weights(self.hidden, self.norm_vectors)
        found = [
            write.pointwise("final_norm", rows, 2 * self.hidden, self.hidden, "norm", own=own),
            write.matmul("lm_head", rows, self._rows(shard), self.hidden, self._head_bias(shard)),
        ]
        if shard.tensor > 1:
            size = rows * self.vocabulary * step.activations
            found.append(Operator("logits_all_gather", "collective", 1, collective=Collective("all_gather", size)))
        return [attrs.evolve(o, once=True, stage="last") for o in self._placed(found, -1)]


def divided(step: Step, shard: Shard) -> Step:
    """Return the pass of one of the devices among which sequences are divided: of the fullest."""
    if shard.attention_data == 1:
        return step
    return attrs.evolve(step, batch=ceil(step.batch / shard.attention_data))


def _kept(groups: list[tuple[Quantity, Group]], shard: Shard) -> Stored:
    """Return what groups of layers keep, each so often; of the weights, those of the blocks that are no tables."""
    inside = [(count, b) for count, g in groups if g.language for b in g.blocks]
    kept = [(count, b.kept(shard)) for count, b in inside]
    bounded: dict[Span, Quantity] = {}
    for count, one in kept:
        for span, elements in one.bounded:
            bounded[span] = bounded.get(span, 0) + count * elements
    return Stored(
        weights=sum(
            count * (b.weights(shard if g.language else Shard()) - b.tables()) for count, g in groups for b in g.blocks
        ),
        experts=sum(c * b.experts(shard) for c, b in inside),
        kv_per_token=sum(c * k.per_token for c, k in kept),
        bounded=tuple(bounded.items()),
        kv_fixed=sum(c * k.fixed for c, k in kept),
        state=sum(c * k.state for c, k in kept),
    )


@attrs.frozen
class Product(Block):
    """One product with weights that every device has, alone or beside others: a convolution, a projection.

    Attributes:
        name: the operator's.
        columns: columns of the output.
        depth: elements of a row of the input.
        bias: other weights.
        rows: rows for each token of the pass.
    """

    beside: ClassVar[bool] = True
    name: str
    columns: Quantity
    depth: Quantity
    bias: Quantity = 0
    rows: Quantity = 1

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return matrix and bias."""
        return {self.name: self.columns * self.depth + self.bias}

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return the product."""
        return [write.matmul(self.name, write.tokens * self.rows, self.columns, self.depth, self.bias)]


def norm_weights(hidden: Quantity, vectors: int) -> Quantity:
    """Return the weights of a norm with so many vectors; the integer 0 for one without."""
    return hidden * vectors if vectors else 0


def embedded(config: Config, tied: bool = False, vocabulary: int | None = None) -> dict[str, Any]:
    """Read the keys of embedding and head that most decoders share. Raises ModelError naming the key at fault."""
    return {
        "hidden": config.size("hidden_size"),
        "vocabulary": config.size("vocab_size", vocabulary),
        "tied": config.flag("tie_word_embeddings", tied),
    }


def built(kind: type[Decoder], name: str, config: Config, /, **fields: Any) -> Any:
    """Build a model once all its keys are read. Raises ModelError naming a key that nobody read."""
    config.close()
    return kind(name=name, notes=tuple(dict.fromkeys(config.notes)), config=config, **fields)


__all__ = [
    "Block",
    "Decoder",
    "Group",
    "Kept",
    "Norm",
    "Positions",
    "Product",
    "Writer",
    "built",
    "divided",
    "embedded",
    "norm_weights",
]
