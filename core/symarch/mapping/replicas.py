"""What lies on several devices: bytes over all devices are the model's bytes and its replicas, tensor by tensor.

Within a replica of the model a tensor that an axis does not divide lies on each of the axis's devices: norms and
routers under tensor parallelism, keys and values where there are fewer KV heads than devices, the latent entries of
MLA. Data parallelism repeats all weights and a shared prefix; sequences, and their cache, it divides.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingABC

import attrs

from symarch.mapping.resolve import Mapping
from symarch.quantities import format_quantity
from symarch.technologies import Quantity
from symarch.trace import Architecture, Shard
from symarch.trace.models import Itemized


@attrs.frozen
class Held:
    """One tensor over all devices.

    Attributes:
        tensor: its name: norms, router, kv_projection, kv_cache ...
        kind: its tensor class.
        once: bytes of the model [B].
        all: bytes over all devices [B].
    """

    tensor: str
    kind: str
    once: Quantity
    all: Quantity

    def row(self) -> dict[str, str]:
        """Return what a table says of it, where it is numbers."""
        once, all_, more = (format_quantity(float(v), "B") for v in (self.once, self.all, self.replicas))
        return {"tensor": self.tensor, "class": self.kind, "once": once, "over all devices": all_, "replicas": more}

    @property
    def replicas(self) -> Quantity:
        """Bytes beside those of the model [B]: copies, and the rounding up of parts."""
        return self.all - self.once


def held(
    model: Architecture,
    mapping: Mapping,
    widths: MappingABC[str, Quantity],
    batch: Quantity,
    tokens: Quantity,
    prefix: Quantity = 0,
) -> list[Held]:
    """Return every tensor of a model over all devices; of a recorded trace, which holds one device's, none.

    Args:
        model: the model.
        mapping: how it lies on the system.
        widths: bytes of an element by tensor class [B].
        batch: sequences in flight in the whole system.
        tokens: tokens in the cache of each.
        prefix: those of them that all have alike, stored once in each replica of the model.
    """
    if not isinstance(model, Itemized):
        return []
    shard, found = mapping.shard, []
    once, spread = model.held(Shard()), model.held(shard)
    for name, elements in once.items():
        kind = "experts" if name == "experts" else "weights"
        width = widths[kind]
        found.append(Held(name, kind, elements * width, spread[name] * width * mapping.data))
    whole, part = model.stored(Shard()), model.stored(shard)
    # stages divide the layers evenly, other axes of a group divide the sequences
    sharing = shard.tensor * shard.context * shard.pipeline
    shared = [prefix * stored.kv_per_token for stored in (whole, part)]
    cached = [batch * stored.cached(tokens) for stored in (whole, part)]
    cached = [cached[0] - (batch - 1) * shared[0], cached[1] - (batch - mapping.data) * shared[1]] if prefix else cached
    for name, one, each in (("kv_cache", *cached), ("state", batch * whole.state, batch * part.state)):
        if name in widths and not (isinstance(one, int) and one == 0):
            found.append(Held(name, name, one * widths[name], each * sharing * widths[name]))
    return found
