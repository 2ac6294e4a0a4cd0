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

The rows that a device computes vary as well. Each of T tokens brings it a hypergeometric number of mean k/D, variance
v = k/D (1 - 1/D) (E-k)/(E-1); the popularity of its experts has a squared coefficient of variation of s/n, so that

    busiest = min(T min(k, n), T k/D + m(D) sqrt(T v + (T k/D)^2 s/n)).

A straggler factor f scales the excess of both over their means: 1 is the expected largest, 0 perfect balance.

Of the experts read, the h most in demand are a share

    hot = (q - a Q) / (1 - a),    q = h/E,

where Q is the share of the missed experts that are hot. A miss tilts the gamma distribution of shape 1/s by the factor
g = 1 + T ((1 - k/E)**-s - 1), so Q is its upper tail at g times the quantile of q. With the normal approximation of the
gamma distribution (Wilson and Hilferty 1931) both are elementary,

    Q = 1 - Phi(u),   u = (3/sqrt(s)) (m g**(1/3) - 1 + s/9),   m = 1 - s/9 + (sqrt(s)/3) Phi^-1(1 - q),

and Phi is 1 / (1 + exp(-1.5976 u - 0.07056 u**3)), whose error is 2e-4 (Page 1977). The share is off by at most 0.01
for s up to 1 and by 0.04 for s up to 2. Under uniform routing it is q.
"""

from __future__ import annotations

from functools import cache
from statistics import NormalDist

import attrs

from symarch.program import Max, Min, exp, log, sqrt
from symarch.technologies import Quantity


@attrs.frozen
class Routing:
    """Routing of tokens to experts.

    Attributes:
        experts: experts of a layer.
        active: experts a token is routed to.
        skew: squared coefficient of variation of the experts' popularity; 0 is uniform.
        straggler: excess of the fullest device over the mean one, in terms of the expected excess.
        drawn: experts that a token is routed to in the model as it is, where `active` may be another number.
    """

    experts: Quantity
    active: Quantity
    skew: Quantity = 0
    straggler: Quantity = 1
    drawn: int | None = None

    @property
    def _dense(self) -> bool:
        return isinstance(self.active, int) and self.active == self.experts

    def missed(self, tokens: Quantity) -> Quantity:
        """Return the probability that `tokens` tokens all miss an expert."""
        miss = 1 - self.active / self.experts
        if _none(self.skew):
            return miss**tokens
        return (1 + tokens * (miss ** (0 - self.skew) - 1)) ** (-1 / self.skew)

    def distinct(self, tokens: Quantity) -> Quantity:
        """Return the expected number of distinct experts that `tokens` tokens read."""
        if self._dense:
            return self.experts
        return self.experts * (1 - self.missed(tokens))

    def slowest(self, tokens: Quantity, devices: int) -> Quantity:
        """Return the expected number of experts read by that device of several that reads most of its own."""
        held = self.experts / devices
        if devices == 1 or self._dense:
            return self.distinct(tokens) / devices
        rest = self.experts - self.active
        uniform = (1 - self.active / self.experts) ** tokens
        both = (rest * (rest - 1) / (self.experts * (self.experts - 1))) ** tokens
        spread = sqrt(Max(held * (uniform - both), 1e-30)) * largest_of(devices)
        factor = 1 + self.straggler * spread / (held * (1 - uniform))
        return Min(held, held * (1 - self.missed(tokens)) * factor)

    def busiest(self, tokens: Quantity, devices: int) -> Quantity:
        """Return the expected rows, a token for each of its experts, of that device of several that has most."""
        if devices == 1:
            return tokens * self.active
        mean = tokens * (self.active / devices)
        if self._dense:
            return mean
        held = self.experts / devices
        each = (self.active / devices) * (1 - 1 / devices) * ((self.experts - self.active) / (self.experts - 1))
        variance = tokens * each
        if not _none(self.skew):
            variance = variance + mean * mean * (self.skew / held)
        most = tokens * Min(self.active, held)
        return Min(most, mean + self.straggler * largest_of(devices) * sqrt(variance))

    def reached(self, devices: int) -> Quantity:
        """Return the expected number of devices, of those that divide the experts, on which a token has experts.

        The k experts of a token are distinct, so a device with n of E experts is missed with probability
        (E-n)/E (E-n-1)/(E-1) ... over k factors; skew is left out. Of another k than the model's the probability is
        the power k over the model's: a product has a whole number of factors.
        """
        if devices == 1:
            return 1
        held = self.experts / devices
        count = int(self.active) if self.drawn is None else self.drawn
        missed: Quantity = 1
        for drawn in range(count):
            missed = missed * Max((self.experts - held - drawn) / (self.experts - drawn), 0)
        if not (isinstance(self.active, int) and self.active == count):
            missed = Max(missed, 1e-30) ** (self.active / count)
        return devices * (1 - missed)

    def hot(self, tokens: Quantity, hot: int) -> Quantity:
        """Return which share of the experts that `tokens` tokens read are among the `hot` most in demand."""
        if isinstance(self.experts, int) and hot == self.experts:
            return 1
        share, s = hot / self.experts, self.skew
        if _none(s):
            return share
        width = sqrt(s)
        tilt = 1 + tokens * ((1 - self.active / self.experts) ** (0 - s) - 1)
        middle = Max(1 - s / 9 + width / 3 * quantile(1 - share), 0)
        missed = self.missed(tokens)
        cold = _below(3 / width * (middle * tilt ** (1 / 3) - 1 + s / 9))
        return Max(share, Min(1, (share - missed * (1 - cold)) / (1 - missed)))


def _none(value: Quantity) -> bool:
    return isinstance(value, int | float) and value == 0


_LINEAR, _CUBIC = 1.5976, 0.07056
"""Coefficients of Page's approximation of the normal distribution."""


def _below(value: Quantity) -> Quantity:
    """Return the share of a normal distribution below a value."""
    return 1 / (1 + exp(0 - value * (_LINEAR + _CUBIC * value * value)))


def quantile(share: Quantity) -> Quantity:
    """Return the value that a share of a standard normal distribution lies below: the root of Page's cubic."""
    reach = (_LINEAR / (3 * _CUBIC)) ** 0.5
    height = log(share / (1 - share)) / (2 * _CUBIC * reach**3)
    root = (sqrt(height * height + 1) + height) ** (1 / 3)
    return reach * (root - 1 / root)


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
