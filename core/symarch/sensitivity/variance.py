"""Variance-based indices on arrays: Saltelli's arrangement of a Sobol' sequence and its estimators.

Samples, indices and intervals are those of SALib's `sobol` at the same seed, to which a test holds them. SALib fills
its samples number by number and imports pandas for its tables, which takes longer than all that is computed here.

References:
    Saltelli et al., Variance based sensitivity analysis of model output, Comput. Phys. Commun. 181 (2010) 259-270.
"""

from __future__ import annotations

from statistics import NormalDist

import attrs
import numpy as np

from symarch.sensitivity.changes import Array

RESAMPLES = 100
"""Bootstrap samples behind an interval."""

LEVEL = 0.95
"""Of the intervals."""


def arranged(count: int, dimensions: int, seed: int) -> Array:
    """Return points of the unit cube, one in each row: A, then A with one column after the other from B, then B.

    Args:
        count: rows of A and of B, a power of 2.
        dimensions: of the cube.
        seed: of the scrambling of the sequence.
    """
    from scipy.stats import qmc

    base = qmc.Sobol(d=2 * dimensions, scramble=True, seed=seed).random(count).T
    first, second = base[:dimensions], base[dimensions:]
    columns = np.repeat(first[:, None, :], dimensions + 2, axis=1)  # by dimension, block, row
    every = np.arange(dimensions)
    columns[every, every + 1] = second
    columns[:, -1] = second
    return columns.reshape(dimensions, -1).T


@attrs.frozen(eq=False)
class Shares:
    """Shares of the variance, each an array over the dimensions.

    Attributes:
        first: what a dimension explains alone.
        first_error: half width of its interval.
        total: what would vanish if all others were known and it were too.
        total_error: half width of its interval.
    """

    first: Array
    first_error: Array
    total: Array
    total_error: Array


def shares_of(values: Array, dimensions: int, seed: int) -> Shares:
    """Return the shares of the variance of a function from its values on the points of `arranged`.

    Args:
        values: one for each point; not all the same.
        dimensions: of the cube.
        seed: of the bootstrap.
    """
    blocks = ((values - values.mean()) / values.std()).reshape(dimensions + 2, -1)
    one, mixed, other = blocks[0], blocks[1:-1].T, blocks[-1]
    count = len(one)
    parts = np.column_stack([other[:, None] * (mixed - one[:, None]), 0.5 * (one[:, None] - mixed) ** 2])
    squares = np.column_stack([one + other, one**2 + other**2]) / 2
    drawn = np.random.default_rng(seed).integers(count, size=(count, RESAMPLES))
    # how often each row is in each bootstrap sample; in the sample itself each is once
    weights = np.array([np.ones(count), *(np.bincount(rows, minlength=count) for rows in drawn.T)]) / count
    mean, square = (weights @ squares).T
    shares = (weights @ parts) / (square - mean**2)[:, None]
    errors = NormalDist().inv_cdf(0.5 + LEVEL / 2) * shares[1:].std(axis=0, ddof=1)
    return Shares(shares[0, :dimensions], errors[:dimensions], shares[0, dimensions:], errors[dimensions:])
