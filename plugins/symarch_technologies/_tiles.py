"""Matrix products cut into tiles of fixed size: how much more work the tiles hold than the product.

    padded(x, t) = ceil(x / t) * t
    stretch      = rows * padded(k, height) / k * padded(n, width) / n          C[m, n] = A[m, k] B[k, n]
    rows         = Max(padded(m, step), least) / m

A tile of B, `height` by `width`, stays in place while rows of A pass it, `step` at a time; before the next one can
start, the time of `least` rows has gone by, in which its successor is loaded. Attention is two products of equal FLOPs
for each sequence and head of the cache: the queries of the heads that share it meet the keys (k is the width of a head,
n the context), and the result meets the values (k is the context, n the width of a head). Routed experts are a product
for each expert with its share of the rows.
"""

from __future__ import annotations

import attrs

from symarch import Max, Min, OperatorLike, Quantity, ceil


def padded(size: Quantity, tile: Quantity) -> Quantity:
    """Return a dimension rounded up to whole tiles."""
    return ceil(size / tile) * tile


def product_tile(rows: Quantity, smallest: Quantity) -> tuple[Quantity, Quantity]:
    """Return rows and columns of the tile that libraries of GPUs take for a product of so many rows.

    The smallest tile up to as many rows as it has, twice the columns up to twice the rows, the largest beyond.
    """
    return smallest * Min(2, ceil(rows / (2 * smallest))), smallest * Min(2, ceil(rows / smallest))


FEW_ROWS = 8
"""Rows of an expert up to which a kernel takes its small tile, of 16 rows, which chance then seldom overfills."""


def expert_tile(rows: Quantity, smallest: Quantity) -> tuple[Quantity, Quantity]:
    """Return rows and columns, of 16 bits, of the tile that kernels of routed experts take where none was tuned.

    The smallest tile of other products, and a quarter of its rows and half of its columns while an expert has few rows
    (SGLang, fused_moe_triton_config.py: 64 by 64, and 16 by 32 up to as many tokens as experts).
    """
    many = Min(1, ceil(rows / FEW_ROWS) - 1)
    return smallest / 4 * (1 + 3 * many), smallest / 2 * (1 + many)


def expert_rows(m: Quantity, experts: Quantity, each: Quantity | None, tile: Quantity) -> Quantity:
    """Return the rows of whole tiles, of which no two experts share one.

    Args:
        m: rows of all experts.
        experts: experts that have rows.
        each: rows that every one of them has at least, where that is known; the rest are one expert's. None where
            chance spreads the rows: an expert then fills up half a tile on average, and has one at least.
        tile: rows of a tile.
    """
    if each is None:
        return Max(experts * tile, m + experts * tile / 2)
    return experts * padded(each, tile) + (m - experts * each)


def counted(operator: OperatorLike) -> bool:
    """Return whether a trace counts arithmetic for an operator."""
    return not (isinstance(operator.flops, int) and operator.flops == 0)


@attrs.frozen
class Tiles:
    """The tiles of a matrix unit.

    Attributes:
        height: rows of a tile that stays in place, along the sum of the product.
        width: its columns.
        step: rows that pass it together.
        least: rows in whose time the next tile is loaded; 0 if that takes none.
    """

    height: Quantity
    width: Quantity
    step: Quantity = 1
    least: Quantity = 0

    def product(self, m: Quantity, n: Quantity, k: Quantity) -> Quantity:
        """Return the work of the tiles over that of the product, at least 1."""
        rows = padded(m, self.step)
        if not (isinstance(self.least, int) and self.least == 0):
            rows = Max(rows, self.least)
        return rows / m * (padded(k, self.height) / k) * (padded(n, self.width) / n)

    def stretch(self, operator: OperatorLike) -> Quantity:
        """Return the work of the tiles over that of an operator; 1 where its dimensions are not known."""
        dims = operator.dims
        if operator.kind == "matmul" and {"m", "n", "k"} <= dims.keys():
            return self.product(dims["m"], dims["n"], dims["k"])
        if operator.kind == "moe_matmul" and {"m", "n", "k", "experts"} <= dims.keys():
            return self.product(dims["m"] / dims["experts"], dims["n"], dims["k"])
        if operator.kind == "attention" and {"queries", "context", "heads", "kv_heads", "head_dim"} <= dims.keys():
            rows = dims["queries"] * dims["heads"] / dims["kv_heads"]
            context, width = dims["context"], dims["head_dim"]
            return (self.product(rows, context, width) + self.product(rows, width, context)) / 2
        return 1
