"""What topologies of several levels of switches have in common."""

from __future__ import annotations

from symarch import Quantity


def partners(nodes: Quantity, block: Quantity) -> Quantity:
    """Return how many others share a block with a node on average, where nodes fill blocks one after the other."""
    if not isinstance(nodes, int):
        return block - 1
    full, rest = divmod(nodes, int(block))
    return (full * block * (block - 1) + rest * (rest - 1)) / nodes
