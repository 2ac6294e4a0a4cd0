"""What links of fibre share: 800G and 1.6T modules at both ends, and their error correction."""

from __future__ import annotations

from symarch import Quantity, parameter, technology
from symarch_technologies._links import Lanes


@technology
class Fibre(Lanes):
    """Lanes of light between two ports."""

    coding: Quantity = parameter(
        16 / 17, "1", at_most=1, ideal=1, better="more", status="standard", symbol=r"\eta_{code}",
        source="IEEE 802.3: 256b/257b and RS(544,514): 256/257 * 514/544 = 16/17",
        doc="share of the signalled rate that line coding, flits and error correction leave",
    )  # fmt: skip
    fec_latency: Quantity = parameter(
        "25.6 ns", "s", low="12.8 ns", high="102.4 ns", nonnegative=True, better="less", status="assumed",
        symbol=r"t_{fec}",
        source="assumed: two interleaved codewords of RS(544,514), 10,880 bits, take 12.8 ns to collect at 850 Gb/s, "
        "and decoding is taken to be as long",
        doc="latency of forward error correction",
    )  # fmt: skip
