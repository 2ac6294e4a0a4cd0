"""How far a token looks back: the whole context, a window, a chunk, or entries compressed and picked from it.

A span answers for the token at position c (c = 1 for the first) how many cached entries it attends to, `at(c)`, and
for all of the first n tokens together, `sum(n)`: the (query, key) pairs of a causal prefill. Both are exact for whole
c and n and hold for symbols:

    full       at = c                   sum = n (n + 1) / 2
    window w   at = min(c, w)           sum = m (m + 1) / 2 + w (n - m)   with m = min(n, w)
    chunks s   at = 1 + (c - 1) mod s   sum = q s (s + 1) / 2 + r (r + 1) / 2   with q = floor(n / s), r = n - q s

A compressed span keeps one entry for every `ratio` tokens and may attend to the best `top` of them only. Entries are
counted as c / ratio, without rounding down to whole ones, so that they stay affine in the context.

`knees` and `period` tell where `at` ceases to be affine, for the mean over decode steps.
"""

from __future__ import annotations

from typing import Any

import attrs

from symarch.program import Min, floor
from symarch.technologies import Quantity


def least(one: Quantity, other: Quantity) -> Quantity:
    """Return the smaller of two quantities; whole numbers stay whole."""
    return min(one, other) if _number(one) and _number(other) else Min(one, other)


def _number(value: Any) -> bool:
    return isinstance(value, int | float)


def triangle(n: Quantity) -> Quantity:
    """Return 1 + 2 + ... + n."""
    return n * (n + 1) // 2 if isinstance(n, int) else n * (n + 1) / 2


@attrs.frozen
class Span:
    """The whole context."""

    @property
    def causal(self) -> bool:
        """Return whether a token attends to those before it only, so that keys and values can be cached."""
        return True

    @property
    def knees(self) -> tuple[Quantity, ...]:
        """Return the contexts at which the growth changes."""
        return ()

    @property
    def period(self) -> Quantity | None:
        """Return the context after which the growth starts anew."""
        return None

    def at(self, context: Quantity) -> Quantity:
        """Return the entries that the token at a position attends to."""
        return context

    def sum(self, tokens: Quantity) -> Quantity:
        """Return the (query, key) pairs of the first `tokens` tokens."""
        return triangle(tokens)

    def pairs(self, past: Quantity, tokens: Quantity) -> Quantity:
        """Return the pairs of `tokens` tokens that follow `past` ones."""
        if _number(past) and past == 0:
            return self.sum(tokens)
        if self == FULL:
            return past * tokens + triangle(tokens)
        return self.sum(past + tokens) - self.sum(past)

    def verified(self, context: Quantity, tokens: int) -> tuple[Quantity, Quantity]:
        """Return the pairs of `tokens` tokens, the last at position `context`, and the entries that they attend to.

        All of them are read once: what the first sees, and those after it.
        """
        first = context - (tokens - 1)
        return self.pairs(first - 1, tokens), self.at(first) + (tokens - 1)

    def kept(self, context: Quantity) -> Quantity:
        """Return the entries that may still be attended to once `context` tokens are cached."""
        return context


FULL = Span()


@attrs.frozen
class Window(Span):
    """The last `size` tokens, itself included."""

    size: Quantity

    @property
    def knees(self) -> tuple[Quantity, ...]:
        """Return the context that fills the window."""
        return (self.size,)

    def at(self, context: Quantity) -> Quantity:
        """Return the entries that the token at a position attends to."""
        return least(context, self.size)

    def sum(self, tokens: Quantity) -> Quantity:
        """Return the (query, key) pairs of the first `tokens` tokens."""
        inside = least(tokens, self.size)
        return triangle(inside) + self.size * (tokens - inside)

    def kept(self, context: Quantity) -> Quantity:
        """Return the entries of a full window, or fewer."""
        return least(context, self.size)


@attrs.frozen
class Chunk(Span):
    """The tokens since the last whole multiple of `size`."""

    size: Quantity

    @property
    def period(self) -> Quantity | None:
        """Return the size of a chunk."""
        return self.size

    def at(self, context: Quantity) -> Quantity:
        """Return the entries that the token at a position attends to."""
        if isinstance(context, int) and isinstance(self.size, int):
            return (context - 1) % self.size + 1
        return context - self.size * floor((context - 1) / self.size)

    def sum(self, tokens: Quantity) -> Quantity:
        """Return the (query, key) pairs of the first `tokens` tokens."""
        known = isinstance(tokens, int) and isinstance(self.size, int)
        whole = tokens // self.size if known else floor(tokens / self.size)
        return whole * triangle(self.size) + triangle(tokens - whole * self.size)

    def verified(self, context: Quantity, tokens: int) -> tuple[Quantity, Quantity]:
        """Return the pairs of `tokens` tokens and their entries; those past the end of a chunk count with it."""
        seen = self.at(context - (tokens - 1))
        return seen * tokens + triangle(tokens - 1), seen + (tokens - 1)

    def kept(self, context: Quantity) -> Quantity:
        """Return the entries of a full chunk, or fewer."""
        return least(context, self.size)


@attrs.frozen
class Compressed(Span):
    """One entry for every `ratio` tokens of the context, of which the best `top` are attended to (None: all)."""

    ratio: int
    top: Quantity | None = None

    @property
    def knees(self) -> tuple[Quantity, ...]:
        """Return the context from which entries are left out."""
        return () if self.top is None else (self.top * self.ratio,)

    def at(self, context: Quantity) -> Quantity:
        """Return the entries that the token at a position attends to."""
        entries = context if self.ratio == 1 else context / self.ratio
        return entries if self.top is None else least(entries, self.top)

    def sum(self, tokens: Quantity) -> Quantity:
        """Return the (query, entry) pairs of the first `tokens` tokens."""
        if self.top is None:
            return triangle(tokens) / self.ratio
        inside = least(tokens, self.top * self.ratio)
        growing = triangle(inside) if self.ratio == 1 else triangle(inside) / self.ratio
        return growing + self.top * (tokens - inside)

    def verified(self, context: Quantity, tokens: int) -> tuple[Quantity, Quantity]:
        """Return the pairs of `tokens` tokens and the entries read: of the best `top` each token has its own."""
        first = context - (tokens - 1)
        pairs = self.pairs(first - 1, tokens)
        return pairs, self.at(context) if self.top is None else pairs


@attrs.frozen
class Both(Span):
    """All tokens of the pass, before and after; with `size`, those of the same tile only. Nothing is cached."""

    size: Quantity | None = None

    @property
    def causal(self) -> bool:
        """Return False."""
        return False

    def sum(self, tokens: Quantity) -> Quantity:
        """Return the (query, key) pairs of `tokens` tokens."""
        return tokens * (tokens if self.size is None else least(tokens, self.size))

    def kept(self, context: Quantity) -> Quantity:
        """Return nothing."""
        return 0
