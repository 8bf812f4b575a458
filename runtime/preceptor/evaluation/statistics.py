"""How sure one can be of a difference: intervals by bootstrap (scipy), and the Ladder rule.

Everything is paired over items and takes the *items* for the sample: an interval says how the outcome could differ on
other items of the same kind, not how much the training seeds scatter.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_BATCH_CELLS = 4_000_000
"""Numbers drawn at once: bounds the memory of a bootstrap to some tens of megabytes."""


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
class Gain:
    """What training changed, on the same items before and after."""

    points: float
    """Mean score after minus mean score before, a difference of shares in [-1, 1]."""
    low: float
    """Lower end of its interval."""
    high: float
    """Upper end of its interval."""
    relative: float | None
    """``points`` as a share of the score before (the paper's relative gain); ``None`` when that was 0."""
    seeds: int
    """Training seeds that were averaged."""
    items: int
    """Items that were compared."""


@dataclass(frozen=True)
class Ladder:
    """Whether a challenger is a new best."""

    improvement: float
    """Its mean score minus the best's."""
    standard_error: float
    """Standard error of that difference, paired over items."""
    better: bool
    """Whether the improvement is above 0 and above its standard error."""


def paired_gain(
    before: ArrayLike, after: ArrayLike, *, confidence: float, seed: int = 0, resamples: int = 9_999
) -> Gain:
    """Compare scores ``before`` (``[items]``) with those ``after`` (``[seeds, items]``), all in [0, 1].

    The interval is a BCa bootstrap (Efron 1987) over items of the mean over seeds; where BCa is not defined, because
    nearly all differences are alike, the percentile interval of the same resamples. Deterministic in ``seed``.
    Raises ``ValueError`` for other shapes, no items, or values that are not finite.
    """
    old, new = _scores(before, 1, "before"), _scores(after, 2, "after")
    if new.shape[1] != old.size:
        raise ValueError(f"`before` has {old.size} items, `after` {new.shape[1]}")
    differences = new.mean(axis=0) - old
    points = float(differences.mean())
    low, high = _bootstrap(differences, confidence, seed, resamples)
    base = float(old.mean())
    return Gain(points, low, high, points / base if base else None, seeds=new.shape[0], items=old.size)


def mean_interval(values: ArrayLike, confidence: float) -> Interval:
    """The mean of values in [0, 1] with its interval: Wilson's for right-or-wrong values, else a BCa bootstrap.

    Wilson's has a width even when all of a few values are alike: 0 right of 10 does not mean 0 %. Raises ``ValueError``
    as ``paired_gain`` does.
    """
    scores = _scores(values, 1, "values")
    mean = float(scores.mean())
    if np.isin(scores, (0.0, 1.0)).all():
        from scipy.stats import binomtest

        wilson = binomtest(int(scores.sum()), scores.size).proportion_ci(confidence, method="wilson")
        # The formula can miss the mean by a rounding error when all values are alike.
        return Interval(mean, min(float(wilson.low), mean), max(float(wilson.high), mean), scores.size)
    low, high = _bootstrap(scores, confidence, seed=0, resamples=9_999)
    return Interval(mean, low, high, scores.size)


def ladder(best: ArrayLike, challenger: ArrayLike) -> Ladder:
    """The Ladder rule (Blum and Hardt 2015) without its parameter: better by more than one paired standard error.

    Both are scores of the same items in the same order, ``[items]``. A single item says nothing of the spread: its
    standard error is taken to be 1, the largest there is. Raises ``ValueError`` as ``paired_gain`` does.
    """
    old, new = _scores(best, 1, "best"), _scores(challenger, 1, "challenger")
    if old.size != new.size:
        raise ValueError(f"`best` has {old.size} items, `challenger` {new.size}")
    differences = new - old
    improvement = float(differences.mean())
    error = float(differences.std(ddof=1) / np.sqrt(differences.size)) if differences.size > 1 else 1.0
    return Ladder(improvement, error, better=improvement > max(error, 0.0))


def _scores(values: ArrayLike, dimensions: int, name: str) -> Array:
    scores = np.asarray(values, dtype=np.float64)
    if scores.ndim != dimensions or not scores.size:
        raise ValueError(f"`{name}` has shape {scores.shape}; expected {dimensions} dimension(s) with items")
    if not np.isfinite(scores).all():
        raise ValueError(f"`{name}` holds values that are not finite")
    return scores


def _bootstrap(values: Array, confidence: float, seed: int, resamples: int) -> tuple[float, float]:
    """Ends of the interval of the mean of ``values``; of no width when they are all alike."""
    mean = float(values.mean())
    if np.ptp(values) < 1e-12:
        return mean, mean
    from scipy import stats  # takes a second to import; `validate` and `plan` do without

    options: dict[str, Any] = {"confidence_level": confidence, "batch": max(1, _BATCH_CELLS // values.size)}
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        # BCa warns, and gives NaN, where it is not defined; that is what the second call is for.
        warnings.simplefilter("ignore")
        result = stats.bootstrap((values,), np.mean, n_resamples=resamples, method="BCa", rng=rng, **options)
        low, high = result.confidence_interval
        if not (np.isfinite(low) and np.isfinite(high)):
            kept = stats.bootstrap(
                (values,), np.mean, n_resamples=0, method="percentile", bootstrap_result=result, **options
            )
            low, high = kept.confidence_interval
    return float(low), float(high)
