"""How sure one can be of scores and of their differences: all that the rest of the package uses, in one place.

Gains have a module of their own (:mod:`preceptor.evaluation.gains`); here are single means and the Ladder rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from preceptor.evaluation.gains import (
    RESAMPLES,
    Gain,
    McNemar,
    Optimism,
    check,
    detectable,
    difference,
    mcnemar,
    optimism,
    paired_gain,
    pooled,
    scores,
    verdict,
    worded,
)
from preceptor.evaluation.spread import Array, Clusters, spread

__all__ = [
    "Gain",
    "Interval",
    "Ladder",
    "McNemar",
    "Optimism",
    "detectable",
    "difference",
    "ladder",
    "mcnemar",
    "mean_interval",
    "optimism",
    "paired_gain",
    "pooled",
    "verdict",
    "worded",
]


@dataclass(frozen=True)
class Interval:
    """A mean and where it may lie."""

    mean: float
    """The mean of the values."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""
    n: int
    """How many values."""


@dataclass(frozen=True)
class Ladder:
    """Whether a challenger is a new best."""

    improvement: float
    """Its mean score minus the best's."""
    standard_error: float
    """Standard error of that difference, paired over items."""
    better: bool
    """Whether the improvement is above 0 and above its standard error."""


def mean_interval(values: ArrayLike, confidence: float, clusters: Sequence[str] | None = None) -> Interval:
    """The mean of values in [0, 1] (``[items]``) with its interval: Wilson's for right-or-wrong values, else bootstrap.

    Wilson's has a width even when all of a few values are alike: 0 right of 10 does not mean 0 %. With ``clusters``
    (``[items]``) it counts as many items as would scatter as much if they were independent (Korn and Graubard 1998).
    The bootstrap is that of a gain, over clusters; a single one that is neither right nor wrong gives [0, 1]. Raises
    ``ValueError`` as ``paired_gain`` does.
    """
    check(confidence)
    array = scores(values, 1, "values")
    groups = Clusters.named(clusters, array.size)
    mean = float(array.mean())
    if np.isin(array, (0.0, 1.0)).all():
        low, high = _wilson(mean, _independent(array, groups), confidence)
        # The formula can miss the mean by a rounding error when all values are alike.
        return Interval(mean, min(low, mean), max(high, mean), array.size)
    if groups.sizes.size < 2:
        return Interval(mean, 0.0, 1.0, array.size)
    below, above = spread(groups, array, (), smooth=False).ends(confidence, 0, RESAMPLES)
    return Interval(mean, min(max(mean - below, 0.0), mean), max(min(mean + above, 1.0), mean), array.size)


def ladder(best: ArrayLike, challenger: ArrayLike, clusters: Sequence[str] | None = None) -> Ladder:
    """The Ladder rule (Blum and Hardt 2015) without its parameter: better by more than one paired standard error.

    Both are scores of the same items in the same order, ``[items]``; with ``clusters`` (``[items]``) the error is
    robust to what items of one context have in common. A single cluster says nothing of the spread: its standard error
    is taken to be 1, the largest there is. Raises ``ValueError`` as ``paired_gain`` does.
    """
    old, new = scores(best, 1, "best"), scores(challenger, 1, "challenger")
    if old.size != new.size:
        raise ValueError(f"`best` has {old.size} items, `challenger` {new.size}")
    groups = Clusters.named(clusters, old.size)
    differences = new - old
    improvement = float(differences.mean())
    error = spread(groups, differences, (), smooth=False).error if groups.sizes.size > 1 else 1.0
    return Ladder(improvement, error, better=improvement > max(error, 0.0))


def _independent(values: Array, clusters: Clusters) -> float:
    """How many independent right-or-wrong values would tell as much: at most their number."""
    count, kinds = values.size, clusters.sizes.size
    mean = float(values.mean())
    if kinds in (1, count) or mean in (0.0, 1.0):
        return float(kinds)  # nothing tells how alike a cluster's items are, so they are taken to be wholly so
    variance = float((clusters.shares(values) ** 2).sum())
    return min(mean * (1 - mean) / variance, count) if variance else float(count)


def _wilson(share: float, count: float, confidence: float) -> tuple[float, float]:
    """Wilson's interval (1927) of a share of ``count`` values, which need not be a whole number."""
    from scipy import special

    z = float(special.ndtri((1 + confidence) / 2))
    centre = share + z**2 / (2 * count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return float((centre - half) / (1 + z**2 / count)), float((centre + half) / (1 + z**2 / count))
