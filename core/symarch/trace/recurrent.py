"""Layers with a recurrent state instead of a cache: gated delta nets and state-space models.

A sequence has a state of fixed size for each layer, read and written once a decode step and written once by a prefill.
Work is that of the recurrence, the same for every token of prefill and decode; the chunked kernels of prefill do more
arithmetic on a processor's matrix units, which their measured efficiency contains.

    gated delta net   state d_k x d_v for each of n_v heads: read by the key, updated, read by the query,
                      3 multiply-adds an element (Yang et al., arXiv 2412.06464)
    Mamba-2           state head_dim x N for each head: updated and read, 2 multiply-adds an element (arXiv 2405.21060)
    Mamba-1           state N for each of D channels: the same (arXiv 2312.00752)

A causal convolution over the last few tokens precedes each; its inputs are part of the state.
"""

from __future__ import annotations

import attrs

from symarch.technologies import Quantity, widest
from symarch.trace.config import replicated, share
from symarch.trace.decoder import Block, Kept, Writer
from symarch.trace.operators import Access, Collective, Operator, Shard


def _scan(write: Writer, name: str, elements: Quantity, macs: int, heads: Quantity, width: Quantity, moved: Quantity,
          kept: Quantity, own: Quantity) -> Operator:  # fmt: skip
    """Return a recurrence: `elements` of state at work, `kept` of them with the convolution's inputs in memory."""
    step, tokens = write.step, write.tokens
    size = step.batch * kept * step.state
    fresh = not write.decode and step.fresh
    return Operator(
        name,
        "attention",
        write.layers,
        {
            "batch": step.batch,
            "queries": step.tokens,
            "context": width,
            "heads": heads,
            "kv_heads": heads,
            "head_dim": share(elements, heads * width),
        },
        widest((step.dtypes["state"], step.dtypes["activations"])),
        flops=tokens * (macs * elements) * step.flop_per_mac,
        accesses=(
            write.weights(own),
            Access("state", read=0 if fresh else size, write=size),
            write.moved(tokens * moved, tokens * share(elements, width)),
        ),
        context=not write.decode and not fresh,  # the first chunk of a prompt reads no state
    )


def _convolution(write: Writer, channels: Quantity, kernel: int, bias: bool) -> Operator:
    """Return the causal convolution, each channel by itself; its inputs of earlier tokens are the scan's traffic."""
    product = write.matmul("convolution", write.tokens, channels, kernel, channels if bias else 0)
    return attrs.evolve(
        product,
        accesses=(product.accesses[0], write.moved(write.tokens * channels, write.tokens * channels)),
    )


@attrs.frozen(kw_only=True)
class DeltaNet(Block):
    """A gated delta net with its norms.

    Attributes:
        hidden: width of the residual stream.
        key_heads: heads of queries and keys.
        value_heads: heads of values and of the state.
        key_dim: width of a key.
        value_dim: width of a value.
        kernel: tokens of the convolution.
    """

    hidden: Quantity
    key_heads: Quantity
    value_heads: Quantity
    key_dim: Quantity
    value_dim: Quantity
    kernel: int

    @property
    def degrees(self) -> int:
        """Return the key heads."""
        return int(self.key_heads)

    @property
    def words(self) -> str:
        """Return the heads in words."""
        return f"{self.key_heads} key heads and {self.value_heads} value heads of linear attention"

    @property
    def shares_sequences(self) -> bool:
        """Return False: a state passes from token to token."""
        return False

    @property
    def tensors(self) -> tuple[str, ...]:
        """Return the class of states."""
        return ("state",)

    def divides(self, degree: int) -> bool:
        """Return whether a degree divides both kinds of heads."""
        return bool(self.key_heads % degree == 0 and self.value_heads % degree == 0)

    def _widths(self, shard: Shard) -> tuple[Quantity, Quantity, Quantity]:
        """Return the widths of all keys and all values, and the value heads, on one device."""
        values = share(self.value_heads, shard.tensor)
        return share(self.key_heads, shard.tensor) * self.key_dim, values * self.value_dim, values

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return projections, convolution, decay and norms."""
        keys, values, heads = self._widths(shard)
        mixed = 2 * keys + values
        count = self.hidden * (mixed + values) + 2 * self.hidden * heads + mixed * self.kernel
        return {
            "recurrent": count + 2 * heads + values * self.hidden,
            "norms": self.value_dim + self.hidden,
        }

    def kept(self, shard: Shard) -> Kept:
        """Return the state and the inputs of the convolution."""
        keys, values, heads = self._widths(shard)
        return Kept(state=heads * self.key_dim * self.value_dim + (2 * keys + values) * (self.kernel - 1))

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return norm, projections, convolution, recurrence, gate and output."""
        keys, values, heads = self._widths(shard)
        tokens, mixed = write.tokens, 2 * keys + values
        elements = heads * self.key_dim * self.value_dim
        return [
            write.norm(self.hidden),
            write.matmul("delta_in", tokens, mixed + values + 2 * heads, self.hidden),
            _convolution(write, mixed, self.kernel, False),
            _scan(write, "delta_rule", elements, 3, heads, self.key_dim, mixed + 2 * heads, self.kept(shard).state,
                  2 * heads),
            write.pointwise("delta_norm_gate", tokens, 2 * values, values, own=self.value_dim),
            write.matmul("delta_out", tokens, self.hidden, values),
            *write.all_reduce(),
        ]  # fmt: skip


@attrs.frozen(kw_only=True)
class Mamba2(Block):
    """A Mamba-2 mixer with its norms.

    Attributes:
        hidden: width of the residual stream.
        heads: heads of the state.
        head_dim: width of a head.
        state: state elements of each of a head's channels.
        groups: groups of heads that share input and output vectors.
        kernel: tokens of the convolution.
        conv_bias: whether the convolution has a bias.
    """

    hidden: Quantity
    heads: Quantity
    head_dim: Quantity
    state: Quantity
    groups: Quantity
    kernel: int
    conv_bias: bool = True

    @property
    def degrees(self) -> int:
        """Return the heads."""
        return int(self.heads)

    @property
    def words(self) -> str:
        """Return heads and groups in words."""
        return f"{self.heads} state heads in {self.groups} groups"

    @property
    def shares_sequences(self) -> bool:
        """Return False: a state passes from token to token."""
        return False

    @property
    def tensors(self) -> tuple[str, ...]:
        """Return the class of states."""
        return ("state",)

    def divides(self, degree: int) -> bool:
        """Return whether a degree divides the heads, and divides or is a multiple of their groups."""
        return bool(self.heads % degree == 0 and (self.groups % degree == 0 or degree % self.groups == 0))

    def _widths(self, shard: Shard) -> tuple[Quantity, Quantity, Quantity]:
        """Return inner width, channels of the convolution and heads on one device."""
        heads = share(self.heads, shard.tensor)
        inner = heads * self.head_dim
        return inner, inner + 2 * replicated(self.groups, shard.tensor) * self.state, heads

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return projections, convolution, decay, skip and norms."""
        inner, channels, heads = self._widths(shard)
        count = self.hidden * (inner + channels + heads) + channels * self.kernel + (channels if self.conv_bias else 0)
        return {"recurrent": count + 3 * heads + inner * self.hidden, "norms": inner + self.hidden}

    def kept(self, shard: Shard) -> Kept:
        """Return the state and the inputs of the convolution."""
        inner, channels, _ = self._widths(shard)
        return Kept(state=inner * self.state + channels * (self.kernel - 1))

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return norm, projection, convolution, recurrence, gate and output."""
        inner, channels, heads = self._widths(shard)
        tokens = write.tokens
        return [
            write.norm(self.hidden),
            write.matmul("mamba_in", tokens, inner + channels + heads, self.hidden),
            _convolution(write, channels, self.kernel, self.conv_bias),
            _scan(write, "mamba_scan", inner * self.state, 2, heads, self.state, channels + heads,
                  self.kept(shard).state, 3 * heads),
            write.pointwise("mamba_norm_gate", tokens, 2 * inner, inner, own=inner),
            write.matmul("mamba_out", tokens, self.hidden, inner),
            *write.all_reduce(),
        ]  # fmt: skip


@attrs.frozen(kw_only=True)
class Mamba1(Block):
    """A Mamba-1 mixer as in Jamba, with norms of its step, input and output vectors.

    Attributes:
        hidden: width of the residual stream.
        inner: channels.
        state: state elements of a channel.
        rank: width of the vector that the step sizes are made of.
        kernel: tokens of the convolution.
        conv_bias: whether the convolution has a bias.
    """

    hidden: Quantity
    inner: Quantity
    state: Quantity
    rank: Quantity
    kernel: int
    conv_bias: bool = True

    @property
    def degrees(self) -> int:
        """Return the channels."""
        return int(self.inner)

    @property
    def words(self) -> str:
        """Return the channels in words."""
        return f"{self.inner} state channels"

    @property
    def shares_sequences(self) -> bool:
        """Return False: a state passes from token to token."""
        return False

    @property
    def tensors(self) -> tuple[str, ...]:
        """Return the class of states."""
        return ("state",)

    def divides(self, degree: int) -> bool:
        """Return whether a degree divides the channels."""
        return bool(self.inner % degree == 0)

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return projections, convolution, decay, skip and norms."""
        inner, vectors = share(self.inner, shard.tensor), self.rank + 2 * self.state
        count = 2 * self.hidden * inner + inner * self.kernel + (inner if self.conv_bias else 0)
        count += inner * vectors + self.rank * inner + inner + inner * self.state + inner
        return {"recurrent": count + inner * self.hidden, "norms": vectors + self.hidden}

    def kept(self, shard: Shard) -> Kept:
        """Return the state and the inputs of the convolution."""
        inner = share(self.inner, shard.tensor)
        return Kept(state=inner * self.state + inner * (self.kernel - 1))

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return norm, projections, convolution, recurrence, gate and output."""
        inner, vectors, tokens = share(self.inner, shard.tensor), self.rank + 2 * self.state, write.tokens
        found = [
            write.norm(self.hidden),
            write.matmul("mamba_in", tokens, 2 * inner, self.hidden),
            _convolution(write, inner, self.kernel, self.conv_bias),
            write.matmul("mamba_vectors", tokens, vectors, inner),
        ]
        if shard.tensor > 1:
            size = tokens * vectors * write.step.activations
            found.append(
                Operator("mamba_all_reduce", "collective", write.layers, collective=Collective("all_reduce", size))
            )
        return [
            *found,
            write.pointwise("mamba_norms", tokens, vectors, vectors, "norm", own=vectors),
            write.matmul("mamba_steps", tokens, inner, self.rank, inner),
            _scan(write, "mamba_scan", inner * self.state, 2, inner, self.state, 2 * inner + 2 * self.state,
                  self.kept(shard).state, inner * self.state + inner),
            write.pointwise("mamba_gate", tokens, 2 * inner, inner),
            write.matmul("mamba_out", tokens, self.hidden, inner),
            *write.all_reduce(),
        ]  # fmt: skip
