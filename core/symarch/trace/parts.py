"""Parts of tensor classes that may lie in memories of their own: what a trace must tell apart for a placement.

Layers: an operator of layers that lie in several places becomes one for each place, each with its own count.

Experts: of each layer's E experts the h most in demand are hot. `symarch.trace.routing` says which share of the experts
that a pass reads they are.

KV cache by age: the newest R tokens of each sequence are recent. A new token is written there, and pushes the oldest of
them on to the old ones, which is a read of the one and a write of the other. A cache of C tokens to which n are added
moves

    min(n, max(0, C + n - R))

of them. They move gathered: up to R tokens of a row at once. A span that never holds more than R tokens has no old
ones; of a longer chunk (`symarch.trace.spans`) the same share is recent at all times.

KV cache by owner: a prefix that sequences share, and what each has of its own; windows are of the second kind.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from symarch.errors import MappingError
from symarch.program import Max, Min
from symarch.technologies import Quantity
from symarch.trace.operators import Access, Operator
from symarch.trace.spans import Chunk, Compressed, Span, Window, least

EMBEDDINGS = "embeddings"
"""The part of the weights that are tables of which a token reads one row."""


@attrs.frozen
class Parts:
    """What is told apart.

    Attributes:
        layers: for a tensor class that lies by layer, the name of the part of each layer.
        hot: hot experts of a layer, None if experts are not told apart.
        recent: recent tokens of a sequence, None if age does not matter.
        prefix: tokens of a shared prefix that lie apart, None if there are none.
    """

    layers: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)
    hot: int | None = None
    recent: int | None = None
    prefix: Quantity | None = None

    def check(self, name: str, layers: Quantity, experts: list[Quantity]) -> None:
        """Raise MappingError if a model of so many layers, and experts a layer, cannot be divided so."""
        if self.layers:
            if not isinstance(layers, int):
                raise MappingError(f"the number of layers of {name} is a symbol; its layers cannot be placed apart")
            for tensor, names in self.layers.items():
                if len(names) != layers:
                    raise MappingError(
                        f"mapping.place.{tensor} places {len(names)} layers; {name} has {layers}, 0 to {layers - 1}"
                    )
        if self.hot is not None:
            if not experts:
                raise MappingError(f"mapping.place.experts divides experts by demand; {name} has none")
            fewest = min((e for e in experts if isinstance(e, int)), default=None)
            if fewest is not None and self.hot > fewest:
                raise MappingError(
                    f"mapping.place.experts: hot_experts is {self.hot}; {name} has {fewest} experts in a layer"
                )

    def read(self, span: Span, each: Quantity, sequences: Quantity, entries: Quantity, context: Quantity,
             extent: Quantity | None = None, dependent: bool = False) -> list[Access]:  # fmt: skip
        """Return the reads of a cache; how many they are does not depend on the numbers.

        Args:
            span: what is attended to.
            each: bytes of an entry [B].
            sequences: how many read.
            entries: of each.
            context: tokens cached.
            extent: bytes that lie together, of all entries [B].
            dependent: whether the address is known late.
        """

        def access(part: str, count: Quantity, waits: Quantity = 1) -> Access:
            return Access("kv_cache", sequences * count * each, 0, extent, dependent, part, waits)

        if self.recent is not None:
            if not self.ages(span):
                return [access("recent", entries)]
            recent = _latest(span, entries, context, self.recent)
            old = entries - recent
            return [access("recent", recent), access("old", old, Min(old, 1))]
        if self.prefix is not None and not isinstance(span, Window | Chunk):
            shared = self.prefix
            if isinstance(span, Compressed):
                shared = shared / span.ratio if span.top is None else entries * shared / context
            return [access("prefix", shared), access("private", entries - shared)]
        return [access("" if self.prefix is None else "private", entries)]

    def written(self, span: Span, size: Quantity, tokens: Quantity, past: Quantity, extent: Quantity) -> list[Access]:
        """Return the writes to a cache.

        Args:
            span: what is attended to, which bounds what is kept.
            size: bytes written [B].
            tokens: new ones of each sequence.
            past: those cached before.
            extent: bytes that lie together [B].
        """
        if self.recent is None:
            part = "" if self.prefix is None else "private"
            return [Access("kv_cache", write=size, extent=extent, part=part)]
        found = [Access("kv_cache", write=size, extent=extent, part="recent")]
        if self.ages(span):
            moved = size * self._moved(tokens, past) / tokens
            found.append(Access("kv_cache", read=moved, part="recent", waits=0))
            found.append(Access("kv_cache", write=moved, extent=extent * self.recent, part="old"))
        return found

    def ages(self, span: Span) -> bool:
        """Return whether some of what a span keeps grows old."""
        return self.recent is not None and not _within(span, self.recent)

    def _moved(self, tokens: Quantity, past: Quantity) -> Quantity:
        return Min(tokens, Max(0, past + tokens - self.recent))

    def knees(self, span: Span) -> tuple[Quantity, ...]:
        """Return the contexts at which the growth over a span changes, that of its parts included."""
        if not self.ages(span) or isinstance(span, Chunk):
            return span.knees
        return tuple(sorted({*span.knees, self.recent}))

    def kept(self, span: Span | None, entries: Quantity) -> Quantity:
        """Return, of the entries kept of a sequence, those that are recent; `span` None: all tokens are kept."""
        assert self.recent is not None  # only asked of a cache by age
        if span is not None and _within(span, self.recent):
            return entries
        return least(entries, self.recent)

    def experts(self, read: Access, share: Quantity) -> list[Access]:
        """Return the read of experts, of which a share is hot."""
        if self.hot is None:
            return [read]
        if isinstance(share, int):  # all are hot
            return [attrs.evolve(read, part="hot")]
        hot, cold = read.read * share, read.read * (1 - share)
        return [attrs.evolve(read, read=hot, part="hot"), attrs.evolve(read, read=cold, part="cold")]

    def by_layer(
        self, operators: list[Operator], numbers: tuple[int, ...], stages: tuple[int, ...] = (), pipeline: int = 1
    ) -> list[Operator]:
        """Return operators of some layers, those apart that read or write what lies in different places.

        Args:
            operators: those of one of the layers, counted over all of them.
            numbers: the layers.
            stages: of a pipeline, where each layer lies; empty where operators say it themselves.
            pipeline: stages there are.
        """
        found = []
        for operator in operators:
            touched = [a.tensor in self.layers and a.part != EMBEDDINGS for a in operator.accesses]
            if not any(touched):
                found.append(attrs.evolve(operator, shares=_shares(stages, pipeline)))
                continue
            runs: dict[tuple[str, ...], list[int]] = {}
            for position, number in enumerate(numbers):
                key = tuple(
                    self.layers[a.tensor][number] if layered else a.part
                    for a, layered in zip(operator.accesses, touched, strict=True)
                )
                runs.setdefault(key, []).append(position)
            for key, own in runs.items():
                accesses = tuple(attrs.evolve(a, part=p) for a, p in zip(operator.accesses, key, strict=True))
                places = dict.fromkeys(p for p, layered in zip(key, touched, strict=True) if layered)
                of = operator.count * len(own)
                each = of // len(numbers) if isinstance(of, int) and of % len(numbers) == 0 else of / len(numbers)
                name = f"{operator.name}[{', '.join(places)}]"
                shares = _shares(tuple(stages[p] for p in own) if stages else (), pipeline)
                found.append(attrs.evolve(operator, name=name, count=each, accesses=accesses, shares=shares))
        return found


def _shares(stages: tuple[int, ...], pipeline: int) -> tuple[float, ...]:
    """Return the share of some layers that lies in each stage, given the stage of each layer."""
    return tuple(stages.count(s) / len(stages) for s in range(pipeline)) if stages else ()


WHOLE = Parts()
"""Nothing is told apart."""


def _within(span: Span, tokens: int) -> bool:
    """Return whether a span never holds more than so many tokens."""
    return isinstance(span, Window | Chunk) and isinstance(span.size, int) and span.size <= tokens


def _latest(span: Span, entries: Quantity, context: Quantity, tokens: int) -> Quantity:
    """Return, of the entries attended to at a context, those of the last so many tokens."""
    if _within(span, tokens):
        return entries
    if isinstance(span, Chunk):
        return entries * Min(1, tokens / span.size)
    if isinstance(span, Compressed):
        return least(entries, tokens / span.ratio) if span.top is None else entries * Min(1, tokens / context)
    return least(entries, tokens)
