"""The records of a trace: operators with FLOPs, dimensions and tensor accesses, per device."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from symarch.technologies import Quantity


@attrs.frozen
class Access:
    """One tensor an operator reads or writes, in bytes.

    Attributes:
        tensor: tensor class: weights, experts, kv_cache, state or activations.
        read: bytes read [B].
        write: bytes written [B].
        extent: bytes that lie together [B]; None for tensors laid out in whole pages. A shorter extent than the
            memory's granularity moves a whole granule.
        dependent: whether the address is known only from the operator before (a row looked up), so that the latency
            cannot be hidden by requesting it early.
        part: which part of the class, where its parts may lie in memories of their own: embeddings, hot, recent, the
            place of a layer; see `symarch.trace.parts`.
        waits: whether the operator waits for the first byte, 1 or 0; a scalar where that depends on the context.
    """

    tensor: str
    read: Quantity = 0
    write: Quantity = 0
    extent: Quantity | None = None
    dependent: bool = False
    part: str = ""
    waits: Quantity = 1


@attrs.frozen
class Collective:
    """Communication among the devices of one parallel axis.

    Attributes:
        operation: all_reduce, all_gather ...
        size: bytes of the logical tensor: the full vector for all-reduce, the gathered one for all-gather [B].
        axis: whose devices take part: tensor, context, pipeline, or group: all that hold parts of the same experts.
    """

    operation: str
    size: Quantity
    axis: str = "tensor"


@attrs.frozen
class Operator:
    """One Transformer operator on one device.

    Attributes:
        name: `qkv`, `attention` ...
        kind: matmul, moe_matmul, attention, norm, elementwise, embedding or collective.
        count: how often it runs in one pass.
        dims: its dimensions by name; for a matmul m, n, k (C[m, n] = A[m, k] B[k, n]).
        dtype: data type of the arithmetic.
        flops: floating-point operations of one run [FLOP]; matrix products only, 2 for each multiply-add.
        accesses: the tensors it touches.
        collective: for kind collective, the communication.
        context: whether it depends on the context, so that it differs from decode step to decode step, and from chunk
            to chunk of a prefill.
        knees: contexts, in ascending order, at which its growth with the context changes (a full window); from one to
            the next its loads are affine.
        period: context after which its growth starts anew (attention in chunks), None if it does not.
        once: whether a prefill in chunks runs it once and not in each of them: an encoder, the logits.
        stage: of a pipeline, where it runs: each (every stage has its share of the count), first, last, or between.
        shares: of a pipeline whose stages differ, the share of its runs in each; empty: they are alike.
    """

    name: str
    kind: str
    count: Quantity = 1
    dims: Mapping[str, Quantity] = attrs.field(factory=dict)
    dtype: str = "bf16"
    flops: Quantity = 0
    accesses: tuple[Access, ...] = ()
    collective: Collective | None = None
    context: bool = False
    knees: tuple[Quantity, ...] = ()
    period: Quantity | None = None
    once: bool = False
    stage: str = "each"
    shares: tuple[float, ...] = ()

    @property
    def base(self) -> str:
        """Return its name without the place of its layers, which stands in brackets."""
        return self.name.partition("[")[0]


@attrs.frozen
class Shard:
    """The part of the model that one device holds.

    The devices of one pipeline stage are a *group*, tensor x context x attention_data of them. Heads and dense networks
    are divided by `tensor` and repeated over the rest of the group; routed experts are divided by the whole group:
    `expert` ways as whole experts, and each expert in as many slices as are left.

    Attributes:
        tensor: tensor-parallel degree.
        context: devices that share the tokens, and the cache, of a sequence.
        attention_data: devices among which the sequences of a replica are divided, each with all weights of attention.
        expert: devices among which whole experts are divided.
        pipeline: stages among which the layers are divided.
    """

    tensor: int = 1
    context: int = 1
    attention_data: int = 1
    expert: int = 1
    pipeline: int = 1

    @property
    def group(self) -> int:
        """Return the devices of a stage."""
        return self.tensor * self.context * self.attention_data

    @property
    def parts(self) -> int:
        """Return how many parts the tokens of a group lie in: devices of one tensor-parallel set have the same."""
        return self.context * self.attention_data

    @property
    def slices(self) -> int:
        """Return the slices of an expert."""
        return self.group // self.expert


@attrs.frozen
class Step:
    """One pass through the model on one data-parallel replica; all sizes may be symbols.

    Attributes:
        phase: prefill or decode.
        batch: sequences in the pass.
        tokens: new tokens of each sequence: the prompt in prefill, 1 in decode, more where drafted ones are verified.
        context: tokens of a sequence once the pass is done: what the last new token attends to.
        weights: bytes of one weight [B].
        experts: bytes of one weight of a routed expert [B].
        kv_cache: bytes of one cached key or value element [B].
        activations: bytes of one activation [B].
        flop_per_mac: floating-point operations of one multiply-add [FLOP].
        dtypes: data type of each tensor class.
        state: bytes of one element of a recurrent state [B].
        past: tokens of each sequence cached before a prefill pass: chunks before this one, a shared prefix.
        final: tokens of a finished sequence, prompt and output; None where only the context is known.
        mixed: whether the pass stands for the rows of sequences in prefill and in decode together, one each as
            `batch`; of its operators only those count that do not depend on a sequence's past.
    """

    phase: str
    batch: Quantity
    tokens: Quantity
    context: Quantity
    weights: Quantity
    experts: Quantity
    kv_cache: Quantity
    activations: Quantity
    flop_per_mac: Quantity
    dtypes: Mapping[str, str]
    state: Quantity = 0
    past: Quantity = 0
    final: Quantity | None = None
    mixed: bool = False

    @property
    def fresh(self) -> bool:
        """Return whether nothing of the sequences is cached before a prefill pass."""
        return isinstance(self.past, int) and self.past == 0

    @property
    def drafted(self) -> bool:
        """Return whether a decode step verifies drafted tokens, so that each sequence has several new ones."""
        return self.phase == "decode" and not (isinstance(self.tokens, int) and self.tokens == 1)


def merged(operators: list[Operator]) -> list[Operator]:
    """Merge operators that differ in nothing but their count; the first keeps its place."""
    kinds: list[Operator] = []
    members: list[list[Operator]] = []
    for operator in operators:
        kind = attrs.evolve(operator, count=1, shares=())
        if kind in kinds:
            members[kinds.index(kind)].append(operator)
        else:
            kinds.append(kind)
            members.append([operator])
    return [_together(own) for own in members]


def _together(operators: list[Operator]) -> Operator:
    """Return operators that differ in their counts alone, and in where in a pipeline they run, as one."""
    first, *others = operators
    count = first.count
    for other in others:
        count = count + other.count
    if others and first.shares:
        weights = [o.count / count for o in operators]
        stages = zip(*(o.shares for o in operators), strict=True)
        shares = tuple(sum(w * s for w, s in zip(weights, stage, strict=True)) for stage in stages)
        return attrs.evolve(first, count=count, shares=shares)
    return attrs.evolve(first, count=count)
