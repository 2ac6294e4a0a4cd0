"""How many distinct experts a pass reads.

Of E experts each token uses k. Under uniform and independent routing one of them is missed by all T tokens with
probability a = (1 - k/E)**T, so that on one of D devices with n = E/D experts each

    distinct = n (1 - a).

The pass waits for the device that reads most. The numbers of the devices vary and depend on each other: two given
experts are both missed with probability b = ((E-k)(E-k-1) / (E(E-1)))**T, whence the variance about their common mean
is n (a - b), and the expected largest of D such numbers is, with m(D) the mean of the largest of D standard normal
numbers,

    slowest = min(n, distinct + m(D) sqrt(n (a - b))).

Routing in practice is skewed. With gamma-distributed popularity of squared coefficient of variation s,

    a = (1 + T ((1 - k/E)**-s - 1))**(-1/s),

which is the uniform value for s to 0, is exactly 1 - k/E for one token at any s, and tends to 0 for many tokens.
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist

import attrs

from symarch.program import Max, Min, sqrt
from symarch.technologies import Quantity


@attrs.frozen
class Routing:
    """Routing of tokens to experts.

    Attributes:
        experts: experts of a layer.
        active: experts a token is routed to.
        skew: squared coefficient of variation of the experts' popularity; 0 is uniform.
    """

    experts: Quantity
    active: Quantity
    skew: Quantity = 0

    def missed(self, tokens: Quantity) -> Quantity:
        """Return the probability that `tokens` tokens all miss an expert."""
        miss = 1 - self.active / self.experts
        if isinstance(self.skew, int | float) and self.skew == 0:
            return miss**tokens
        return (1 + tokens * (miss ** (0 - self.skew) - 1)) ** (-1 / self.skew)

    def distinct(self, tokens: Quantity) -> Quantity:
        """Return the expected number of distinct experts that `tokens` tokens read."""
        if isinstance(self.active, int) and self.active == self.experts:
            return self.experts
        return self.experts * (1 - self.missed(tokens))

    def slowest(self, tokens: Quantity, devices: int) -> Quantity:
        """Return the expected number of experts read by that device of several that reads most of its own."""
        held = self.experts / devices
        if devices == 1 or (isinstance(self.active, int) and self.active == self.experts):
            return self.distinct(tokens) / devices
        rest = self.experts - self.active
        uniform = (1 - self.active / self.experts) ** tokens
        both = (rest * (rest - 1) / (self.experts * (self.experts - 1))) ** tokens
        spread = sqrt(Max(held * (uniform - both), 1e-30)) * largest_of(devices)
        factor = 1 + spread / (held * (1 - uniform))
        return Min(held, held * (1 - self.missed(tokens)) * factor)


@cache
def largest_of(count: int) -> float:
    """Return the mean of the largest of some standard normal numbers; 0 for one.

    The integral of 1 - F**count over positive x less that of F**count over negative ones, by the trapezoid rule.
    """
    step, reach = 1 / 64, 10
    below = [NormalDist().cdf(i * step) for i in range(-reach * 64, reach * 64 + 1)]
    half = reach * 64
    negative = sum(p**count for p in below[:half]) + below[half] ** count / 2
    positive = sum(1 - p**count for p in below[half + 1 :]) + (1 - below[half] ** count) / 2
    return (positive - negative) * step
