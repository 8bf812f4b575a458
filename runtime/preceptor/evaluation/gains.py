"""What training changed, and how sure one can be of it: intervals over items and training seeds, and their wording.

An interval says what the mean gain could be on other items of the same kind (in other contexts, where items share them)
with students trained anew. With a single training seed nothing tells how much students differ, so the interval is
about items only, and :attr:`Gain.over_seeds` says so.

By simulation (tests/evaluation/test_coverage.py) intervals of 95 % hold the truth in 94 to 96 % of examinations with
30 to 300 contexts and students that differ by up to 2 points from seed to seed. Graded scores and students that differ
by 4 points are harder, because few seeds cannot tell how much they differ: 89 % with two seeds, 92 % with three.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, sqrt

import numpy as np
from numpy.typing import ArrayLike

from preceptor.evaluation.spread import Array, Clusters, spread, widening

POWER = 0.8
"""The chance with which an effect of the size called detectable is shown."""
RESAMPLES = 9_999
"""Resamples of a bootstrap."""


@dataclass(frozen=True)
class Gain:
    """What changed from one set of scores to another, on the same items. Differences of shares, in [-1, 1]."""

    points: float
    """Mean score after minus mean score before."""
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
    clusters: int
    """Contexts that the items come from."""
    standard_error: float
    """Of ``points``, over items and seeds; 1, the largest there is, for a single cluster."""
    detectable: float
    """The smallest true effect that this many items and seeds would show with a chance of 80 %; at most 1."""
    over_items: float = 0.0
    """The part of the standard error that is due to items."""
    over_seeds: float | None = None
    """The part that is due to training seeds; ``None`` when nothing tells, because something was trained once."""
    degrees: float = 1.0
    """Degrees of freedom of the standard error (Satterthwaite 1946)."""
    item_degrees: float = 1.0
    """Degrees of freedom of the part that is due to items."""
    confidence: float = 0.95
    """Of the interval."""

    @property
    def excludes_zero(self) -> bool:
        """Whether all of the interval lies on one side of 0."""
        return self.low > 0 or self.high < 0

    @property
    def significant(self) -> bool:
        """Whether it may be called so: its interval excludes 0 and it is as large as what can be detected."""
        return self.excludes_zero and abs(self.points) >= self.detectable


@dataclass(frozen=True)
class McNemar:
    """Right-or-wrong answers before and after, by one student."""

    gained: int
    """Items that were wrong and became right."""
    lost: int
    """Items that were right and became wrong."""
    p: float
    """Chance of a split at least as uneven if both were as likely, two-sided; 1 when nothing changed."""


@dataclass(frozen=True)
class Optimism:
    """How much better a version looked on the items it was selected by than on others (the winner's curse)."""

    points: float
    """Gain on selection minus gain on private, in [-2, 2] like the ends of its interval."""
    low: float
    """Lower end of its interval."""
    high: float
    """Upper end of its interval."""
    excludes_zero: bool
    """Whether all of the interval lies on one side of 0."""


def paired_gain(
    before: ArrayLike,
    after: ArrayLike,
    *,
    clusters: Sequence[str] | None = None,
    confidence: float,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Gain:
    """Compare scores ``before`` (``[items]``) with those ``after`` (``[seeds, items]``), all in [0, 1].

    The interval is a bootstrap over clusters of items and training seeds (:mod:`preceptor.evaluation.spread`); without
    ``clusters`` (``[items]``) every item is its own. Deterministic in ``seed``. A single cluster says nothing of
    others: its interval is [-1, 1]. Raises ``ValueError`` for other shapes, no items, or values that are not finite.
    """
    old, new = scores(before, 1, "before"), scores(after, 2, "after")
    return _compared(old[np.newaxis], new, (new,), clusters, confidence, seed, resamples)


def difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    clusters: Sequence[str] | None = None,
    confidence: float,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Gain:
    """``second`` minus ``first``, each ``[seeds, items]``, on the same items; the seeds are taken to be independent.

    Otherwise as ``paired_gain``. What was not trained, and so has no seeds, is ``[items]``. ``seeds`` of the result is
    that of the side with more.

    Two sides may have been trained with the same seeds, and so have begun with the same weights. If that makes a seed
    better or worse on both sides, the luck of trainings partly cancels and the interval is wider than it need be:
    counted as independent, seeds that have something in common are on the safe side. Pairing them would use that, but
    would halve the degrees of freedom. Where students scatter more than items, two seeds a side would have to
    correlate by more than 0.88 for it to pay, three by 0.58, five by 0.31, and different rows in different orders leave
    little in common.
    """
    old, new = (
        scores(side, np.ndim(side) if np.ndim(side) == 1 else 2, name)
        for side, name in ((first, "first"), (second, "second"))
    )
    trained = tuple(side for side in (old, new) if side.ndim == 2)
    return _compared(np.atleast_2d(old), np.atleast_2d(new), trained, clusters, confidence, seed, resamples)


def _compared(
    old: Array,
    new: Array,
    trained: tuple[Array, ...],
    names: Sequence[str] | None,
    confidence: float,
    seed: int,
    resamples: int,
) -> Gain:
    if old.shape[1] != new.shape[1]:
        raise ValueError(f"`before` has {old.shape[1]} items, `after` {new.shape[1]}")
    check(confidence)
    clusters = Clusters.named(names, old.shape[1])
    base = float(old.mean())
    points = float(new.mean()) - base
    relative = points / base if base else None
    counts = (max(len(old), len(new)), old.shape[1], clusters.sizes.size)
    if clusters.sizes.size < 2:
        return Gain(points, -1.0, 1.0, relative, *counts, 1.0, 1.0, over_items=1.0, confidence=confidence)
    binary = bool(np.isin(old, (0.0, 1.0)).all() and np.isin(new, (0.0, 1.0)).all())
    found = spread(clusters, new.mean(axis=0) - old.mean(axis=0), trained, smooth=binary)
    below, above = found.ends(confidence, seed, resamples)
    return Gain(
        points,
        min(max(points - below, -1.0), points),
        max(min(points + above, 1.0), points),
        relative,
        *counts,
        standard_error=found.error,
        detectable=detectable(found.error, found.degrees, confidence),
        over_items=found.over_items,
        over_seeds=found.over_seeds if all(len(side) > 1 for side in trained) else None,
        degrees=found.degrees,
        item_degrees=clusters.degrees,
        confidence=confidence,
    )


def detectable(error: float, degrees: float, confidence: float, power: float = POWER) -> float:
    """The smallest true effect that is shown with a chance of ``power``, two-sided, at most 1 (Bloom 1995)."""
    from scipy import special

    return min(float(special.stdtrit(degrees, (1 + confidence) / 2) + special.stdtrit(degrees, power)) * error, 1.0)


def mcnemar(before: ArrayLike, after: ArrayLike) -> McNemar:
    """The exact test of McNemar (1947) on right-or-wrong answers of one student, ``[items]`` each.

    Raises ``ValueError`` for other shapes and for values other than 0 and 1.
    """
    old, new = scores(before, 1, "before"), scores(after, 1, "after")
    if old.size != new.size:
        raise ValueError(f"`before` has {old.size} items, `after` {new.size}")
    if not np.isin((old, new), (0.0, 1.0)).all():
        raise ValueError("answers are right (1) or wrong (0)")
    from scipy.stats import binomtest

    gained, lost = int((new > old).sum()), int((new < old).sum())
    return McNemar(gained, lost, float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0)


def optimism(selection: Gain, private: Gain, confidence: float, *, same_students: bool = False) -> Optimism:
    """How much of the gain on selection is not there on private, with a t interval. Both are of ``paired_gain``.

    The two splits have no items, and no contexts, in common, so their errors over items are independent. The luck of a
    training is in both gains when the ``same_students`` were examined twice, and cancels; fresh ones for private, as a
    run trains them, add theirs, which is taken to be as large where a single seed cannot tell. Where both have a single
    seed nothing tells it, and the interval is about items only. Raises ``ValueError`` for a confidence that is none.
    """
    check(confidence)
    points = selection.points - private.points
    parts = [(gain.over_items**2, gain.item_degrees) for gain in (selection, private)]
    known = [
        (gain.over_seeds**2 * gain.seeds, gain.seeds) for gain in (selection, private) if gain.over_seeds is not None
    ]
    if known and not same_students:
        of_one, most = max(known, key=lambda one: one[1])
        parts.append((of_one * (1 / selection.seeds + 1 / private.seeds), most - 1))
    error, degrees = _together(parts)
    reach = _reach(error, degrees, confidence)
    low, high = max(points - reach, -2.0), min(points + reach, 2.0)
    return Optimism(points, low, high, excludes_zero=low > 0 or high < 0)


def pooled(gains: Sequence[Gain], confidence: float, tasks: Sequence[str] | None = None) -> Gain:
    """The mean gain over tasks, each counting the same, with a t interval that speaks of these tasks, not of others.

    ``tasks`` names each gain's task (``[gains]``); without names each is its own. Runs of one task are examined on the
    same items, so their errors over items are taken to be the same, and what they differ by is the luck of a run.
    ``relative`` is the mean of the relative gains, as in the paper; ``None`` unless all have one. Raises ``ValueError``
    for no gains, another number of tasks, or a confidence that is none.
    """
    check(confidence)
    if not gains:
        raise ValueError("there are no gains to pool")
    names = [str(number) for number in range(len(gains))] if tasks is None else list(tasks)
    if len(names) != len(gains):
        raise ValueError(f"there are {len(gains)} gains and {len(names)} tasks")
    groups = [[gain for gain, name in zip(gains, names, strict=True) if name == task] for task in dict.fromkeys(names)]
    points = float(np.mean([np.mean([gain.points for gain in group]) for group in groups]))
    parts = [(variance / len(groups) ** 2, degrees) for group in groups for variance, degrees in _runs(group)]
    error, degrees = _together(parts)
    reach = _reach(error, degrees, confidence)
    items, item_degrees = _together([_of_items(group, len(groups)) for group in groups])
    relatives = [[gain.relative for gain in group if gain.relative is not None] for group in groups]
    whole = sum(map(len, relatives)) == len(gains)
    return Gain(
        points,
        max(points - reach, -1.0),
        min(points + reach, 1.0),
        float(np.mean([np.mean(group) for group in relatives])) if whole else None,
        seeds=sum(gain.seeds for gain in gains),
        items=sum(group[0].items for group in groups),
        clusters=sum(group[0].clusters for group in groups),
        standard_error=error,
        detectable=detectable(error, degrees, confidence),
        over_items=items,
        over_seeds=_pooled_seeds(groups),
        degrees=degrees,
        item_degrees=item_degrees,
        confidence=confidence,
    )


def worded(gain: Gain) -> str:
    """A gain in words: points with interval, relative gain, and whether it may be called significant.

    It may when its interval excludes 0 and it is as large as what these items can detect; nothing else decides.
    """
    figures = (
        f"{100 * gain.points:+.1f} points ({100 * gain.confidence:g}% interval {100 * gain.low:+.1f} to "
        f"{100 * gain.high:+.1f})"
    )
    if gain.relative is not None:
        figures += f", relatively {gain.relative:+.1%}"
    return f"{figures}: {verdict(gain)}"


def verdict(gain: Gain) -> str:
    """``significant``, ``not significant``, or ``too small to tell on N items``."""
    if gain.significant:
        return "significant"
    if gain.excludes_zero:
        return f"too small to tell on {gain.items:,} items"
    return "not significant"


def _runs(group: Sequence[Gain]) -> list[tuple[float, float]]:
    """Variances of the mean of one task's runs, each with its degrees of freedom: from items, and from runs."""
    if len(group) == 1:
        return [(group[0].standard_error ** 2, group[0].degrees)]
    of_runs = float(np.var([gain.points for gain in group], ddof=1)) / len(group)
    return [_of_items(group), (of_runs, len(group) - 1.0)]


def _of_items(group: Sequence[Gain], tasks: int = 1) -> tuple[float, float]:
    """Variance from items of the mean of one task's runs, counted as one of so many tasks; its degrees of freedom."""
    return (float(np.mean([gain.over_items for gain in group])) / tasks) ** 2, group[0].item_degrees


def _pooled_seeds(groups: Sequence[Sequence[Gain]]) -> float | None:
    parts: list[float] = []
    for group in groups:
        if len(group) > 1:
            parts.append(float(np.std([gain.points for gain in group], ddof=1)) / sqrt(len(group)))
        elif group[0].over_seeds is None:
            return None
        else:
            parts.append(group[0].over_seeds)
    return hypot(*parts) / len(groups)


def _together(parts: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Standard error and degrees of freedom (Satterthwaite 1946) of a sum with these variances and degrees."""
    total = sum(variance for variance, _ in parts)
    if not total:
        return 0.0, parts[0][1]
    return sqrt(total), total**2 / sum(variance**2 / degrees for variance, degrees in parts if variance)


def _reach(error: float, degrees: float, confidence: float) -> float:
    from scipy import special

    return float(special.ndtri((1 + confidence) / 2)) * widening(confidence, degrees) * error


def check(confidence: float) -> None:
    """``ValueError`` for a confidence that is not between 0 and 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence} is not between 0 and 1")


def scores(values: ArrayLike, dimensions: int, name: str) -> Array:
    """Scores as an array of so many dimensions. ``ValueError`` for other shapes, no items, values not finite."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions or not array.size:
        raise ValueError(f"`{name}` has shape {array.shape}; expected {dimensions} dimension(s) with items")
    if not np.isfinite(array).all():
        raise ValueError(f"`{name}` holds values that are not finite")
    return array
