"""Feed-forward networks, dense or of routed experts.

A gated network of width i has 3 h i weights (gate and up as one product, down), an ungated one 2 h i. Of E experts each
token uses k; which ones is known only after the router, so the first read of a layer's experts is a dependent access
and exposes the memory's latency once. `symarch.trace.routing` says how many distinct ones a pass reads.
"""

from __future__ import annotations

from typing import ClassVar

import attrs

from symarch.technologies import Quantity, widest
from symarch.trace.config import Config, share
from symarch.trace.decoder import Block, Writer, norm_weights
from symarch.trace.operators import Collective, Operator, Shard
from symarch.trace.routing import Routing


@attrs.frozen(kw_only=True)
class FeedForward(Block):
    """One dense network with its norms.

    Attributes:
        hidden: width of the residual stream.
        width: inner width.
        gated: whether a gate multiplies the inner activations.
        bias: whether its products have biases.
        label: put before the names of its operators.
        norms: norms of the residual stream, one before, perhaps one after.
        norm_vectors: vectors of weights in each: a scale, perhaps a bias; 0 for neither.
        reduced: whether its output is summed over the devices.
    """

    hidden: Quantity
    width: Quantity
    gated: bool = True
    bias: bool = False
    label: str = ""
    norms: int = 1
    norm_vectors: int = 1
    reduced: bool = True

    side: ClassVar[str] = "ffn"

    @property
    def words(self) -> str:
        """Return the width in words."""
        return f"FFN width {self.width}"

    def divides(self, degree: int) -> bool:
        """Return whether a degree divides the width."""
        return bool(self.width % degree == 0)

    def _inner(self, shard: Shard) -> tuple[Quantity, Quantity]:
        """Return the columns of the first product and the width on one device."""
        width = share(self.width, shard.tensor)
        return width * (2 if self.gated else 1), width

    @property
    def _stream_norm(self) -> Quantity:
        return norm_weights(self.hidden, self.norm_vectors)

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return products, biases and norms."""
        columns, width = self._inner(shard)
        return {
            f"{self.label}ffn": self.hidden * columns + width * self.hidden,
            "norms": self.norms * self._stream_norm,
            f"{self.label}ffn_biases": columns + self.hidden if self.bias else 0,
        }

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return norm, first product, activation and second product."""
        columns, width = self._inner(shard)
        tokens, h = write.tokens, self.hidden
        names = ("gate_up", "silu_mul", "down") if self.gated else ("up", "activation", "down")
        found = [write.norm(self._stream_norm)] if self.norms else []
        found += [
            write.matmul(self.label + names[0], tokens, columns, h, columns if self.bias else 0),
            write.pointwise(self.label + names[1], tokens, columns, width),
            write.matmul(self.label + names[2], tokens, h, width, h if self.bias else 0),
        ]
        if self.reduced:
            found += write.all_reduce()
        return found + [write.norm(self._stream_norm)] * max(self.norms - 1, 0)


@attrs.frozen(kw_only=True)
class RoutedExperts(Block):
    """Routed experts of one layer with their router and norms; what is shared by all tokens is a block before.

    Attributes:
        hidden: width of the residual stream.
        routing: experts of the layer and how tokens find them.
        width: inner width of one expert.
        gated: whether a gate multiplies an expert's inner activations.
        bias: whether router and experts have biases.
        norms: norms of the residual stream.
        norm_vectors: vectors of weights in each: a scale, perhaps a bias.
        shared_gate: whether a gate of h weights scales a shared expert.
        router_scales: weights of the router beside its matrix.
        label: put before the names of its operators.
        hashed: whether tokens find their experts by a table of token numbers, so that their address is known early.
    """

    hidden: Quantity
    routing: Routing
    width: Quantity
    gated: bool = True
    bias: bool = False
    norms: int = 1
    norm_vectors: int = 1
    shared_gate: bool = False
    router_scales: Quantity = 0
    label: str = ""
    hashed: bool = False

    side: ClassVar[str] = "ffn"

    @property
    def words(self) -> str:
        """Return the width in words."""
        return f"expert width {self.width}"

    @property
    def tensors(self) -> tuple[str, ...]:
        """Return the class of routed experts' weights."""
        return ("experts",)

    @property
    def routed(self) -> int:
        """Return the experts."""
        return int(self.routing.experts)

    def sliced(self, degree: int) -> bool:
        """Return whether a number of slices divides the width of an expert."""
        return bool(self.width % degree == 0)

    def _one(self, shard: Shard) -> Quantity:
        """Return the weights of one expert on one device: a slice."""
        width = share(self.width, shard.slices)
        count = self.hidden * width * (3 if self.gated else 2)
        return count + ((2 if self.gated else 1) * width + self.hidden if self.bias else 0)

    @property
    def _stream_norm(self) -> Quantity:
        return norm_weights(self.hidden, self.norm_vectors)

    def _router(self) -> tuple[Quantity, Quantity]:
        """Return the columns of the router and its other weights."""
        experts = self.routing.experts
        return experts + (1 if self.shared_gate else 0), (experts if self.bias else 0) + self.router_scales

    def parts(self, shard: Shard) -> dict[str, Quantity]:
        """Return router and norms; they are on every device."""
        columns, other = self._router()
        return {"router": self.hidden * columns + other, "norms": self.norms * self._stream_norm}

    def experts(self, shard: Shard) -> Quantity:
        """Return the experts of a device, a slice of each."""
        return share(self.routing.experts, shard.expert) * self._one(shard)

    def choices(self) -> Quantity:
        """Return the experts of a layer."""
        return self.routing.experts

    def inactive(self) -> Quantity:
        """Return the experts that one token is not routed to."""
        return (self.routing.experts - self.routing.active) * self._one(Shard())

    def operators(self, write: Writer, shard: Shard) -> list[Operator]:
        """Return router, grouped products of the experts, and the sum of their outputs.

        A group in which every device has all tokens sums up at the end; one whose devices have different tokens sends
        each token to the devices of its experts, and their results back.
        """
        tokens, h, width = write.tokens, self.hidden, share(self.width, shard.slices)
        everyone = tokens if shard.parts == 1 else tokens * shard.parts
        rows = self.routing.busiest(everyone, shard.expert)
        read = self.routing.slowest(everyone, shard.expert)
        hot = 1 if write.parts.hot is None else self.routing.hot(everyone, write.parts.hot)
        columns, other = self._router()

        def grouped(name: str, n: Quantity, k: Quantity, dependent: bool) -> Operator:
            own = n * k + (n if self.bias else 0)
            return Operator(
                self.label + name,
                "moe_matmul",
                write.layers,
                {"m": rows, "n": n, "k": k, "experts": read},
                widest((write.step.dtypes["experts"], write.step.dtypes["activations"])),
                flops=rows * (n * k) * write.step.flop_per_mac,
                accesses=(
                    *write.parts.experts(write.weights(read * own, "experts", dependent=dependent), hot),
                    write.moved(rows * k, rows * n),
                ),
            )

        inner = 2 * width if self.gated else width
        first, act = ("experts_gate_up", "experts_silu_mul") if self.gated else ("experts_up", "experts_activation")
        return [
            *([write.norm(self._stream_norm)] * min(self.norms, 1)),
            write.matmul(f"{self.label}router", tokens, columns, h, other),
            *self._exchanged(write, "dispatch"),
            grouped(first, inner, h, dependent=not self.hashed),
            write.pointwise(self.label + act, rows, inner, width),
            grouped("experts_down", h, width, dependent=False),
            *self._exchanged(write, "combine"),
            write.pointwise(f"{self.label}experts_sum", tokens, self.routing.active * h, h),
            *write.all_reduce(),
            *([write.norm(self._stream_norm)] * max(self.norms - 1, 0)),
        ]

    def _exchanged(self, write: Writer, name: str) -> list[Operator]:
        """Return the all-to-all that moves tokens to their experts, or results back; nothing where all have all.

        Devices with the same tokens send a part of them each. A token goes once to a device, whichever of its experts
        lie there, and to every slice of them.
        """
        shard = write.shard
        if shard.parts == 1:
            return []
        copies = self.routing.reached(shard.expert) * shard.slices
        own = share(self.hidden, shard.tensor)
        size = write.tokens * own * copies * write.step.activations
        collective = Collective("all_to_all", size, "group")
        return [Operator(self.label + name, "collective", write.layers, collective=collective)]


def routing_of(config: Config, experts: str, active: str) -> Routing:
    """Read how tokens are routed. Raises ModelError naming the key at fault."""
    from symarch.errors import ModelError

    count, used = config.whole(experts), config.whole(active)
    if used > count:
        raise ModelError(f"{active} {used} is more than the {count} experts of a layer")
    return Routing(
        config.size(experts),
        config.size(active),
        config.option("routing_skew", 0),
        config.option("routing_straggler", 1),
        used,
    )
