"""How much a mean of differences scatters: over items, whose contexts they share, and over training seeds.

Scores of ``S`` trainings on the same items are crossed: every training answers every item. The mean over both scatters
because other items could have been drawn, and because training again gives another student. The first part is the
cluster-robust error of the mean over seeds (with Bell and McCaffrey's CR2 correction, 2002, which also gives its
degrees of freedom); it holds the interaction of items and seeds. The second is what the seeds' means scatter beyond
that interaction. Together they have the degrees of freedom of Satterthwaite (1946).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_ALIKE = 1e-12
"""Differences closer than this are the same, but for rounding."""
_BATCH_CELLS = 4_000_000
"""Clusters drawn at once: bounds the memory of a bootstrap to some tens of megabytes."""


@dataclass(frozen=True)
class Clusters:
    """Which items share a context."""

    of: NDArray[np.intp]
    """Each item's cluster, from 0: shape ``(items,)``."""

    @classmethod
    def named(cls, names: Sequence[str] | None, items: int) -> Clusters:
        """Clusters by name, ``(items,)``; every item its own without names. ``ValueError`` for another number."""
        if names is None:
            return cls(np.arange(items))
        if len(names) != items:
            raise ValueError(f"there are {items} items and clusters for {len(names)}")
        places = {name: place for place, name in enumerate(sorted(set(names)))}
        return cls(np.array([places[name] for name in names], dtype=np.intp))

    @cached_property
    def sizes(self) -> Array:
        """Items of each cluster: shape ``(clusters,)``."""
        return np.bincount(self.of).astype(np.float64)

    def shares(self, values: Array) -> Array:
        """What each cluster adds to the error of the mean of ``values`` (``(..., items)``): ``(..., clusters)``.

        Their sum of squares is the mean's variance, without bias when items scatter alike (CR2). At least two clusters.
        """
        centred = values - values.mean(axis=-1, keepdims=True)
        if self.sizes.size < self.of.size:
            order = np.argsort(self.of, kind="stable")
            starts = np.concatenate([[0], np.cumsum(self.sizes[:-1])]).astype(np.intp)
            centred = np.add.reduceat(centred[..., order], starts, axis=-1)
        else:
            centred = centred[..., np.argsort(self.of, kind="stable")]
        items = self.sizes.sum()
        shares: Array = centred / np.sqrt(1 - self.sizes / items) / items
        return shares

    @cached_property
    def degrees(self) -> float:
        """Degrees of freedom of that variance: clusters less one when all are of one size, fewer otherwise."""
        weights = self.sizes**2 / (1 - self.sizes / self.sizes.sum())
        items = self.sizes.sum()
        crossed = (weights.sum() ** 2 - (weights**2).sum()) / items**2
        return float(items**2 / ((self.sizes**2).sum() + crossed))


@dataclass(frozen=True)
class Spread:
    """How much a mean difference scatters."""

    shares: Array
    """What each cluster adds to the error over items: shape ``(clusters,)``."""
    over_items: float
    """Its standard error because other items could have been drawn."""
    over_seeds: float
    """Its standard error because training again gives another student; 0 when nothing tells."""
    degrees: float
    """Degrees of freedom of both together."""

    @property
    def error(self) -> float:
        """The standard error of the mean difference."""
        return float(np.hypot(self.over_items, self.over_seeds))

    def ends(self, confidence: float, seed: int, resamples: int) -> tuple[float, float]:
        """How far the interval reaches below and above the mean, both at least 0.

        Each resample draws clusters with replacement, scaled so that they scatter as much as ``over_items`` (Rao and
        Wu 1988), and a seed effect. Two or three seeds cannot be resampled: two give three outcomes, which scatter half
        as much as they should. Their effect is drawn from the normal distribution instead, and the percentiles are
        widened as Student's t of ``degrees`` is wider than the normal one.
        """
        rng = np.random.default_rng(seed)
        drawn = self.over_items * _resampled(self.shares, rng, resamples)
        if self.over_seeds:
            drawn += self.over_seeds * rng.standard_normal(resamples)
        tail = (1 - confidence) / 2
        low, high = np.quantile(drawn, (tail, 1 - tail)) * widening(confidence, self.degrees)
        return max(-float(low), 0.0), max(float(high), 0.0)


def spread(clusters: Clusters, differences: Array, trained: Sequence[Array], *, smooth: bool) -> Spread:
    """The spread of the mean of ``differences`` (``(items,)``), to which the seeds of ``trained`` contribute.

    Args:
        clusters: the items' clusters, at least two.
        differences: means over seeds, ``(items,)``.
        trained: scores that depend on training seeds, each ``(seeds, items)``; with one seed each they tell nothing.
        smooth: whether to add half an item that is gained and half a one that is lost, of two added (Agresti and Min
            2005): for right-or-wrong scores, where few items that all stayed as they were do not say that none changes.
    """
    shares = clusters.shares(differences)
    count = shares.size
    over_items = float((shares**2).sum())
    if smooth:
        over_items = (over_items * count**2 + 1) / (count + 2) ** 2
    seeds = [_seed_variance(clusters, scores) for scores in trained if len(scores) > 1]
    over_seeds = sum(variance for variance, _ in seeds)
    total = over_items + over_seeds
    if total < _ALIKE**2:
        return Spread(shares, 0.0, 0.0, clusters.degrees)
    uncertain = over_items**2 / clusters.degrees + sum(uncertain for _, uncertain in seeds)
    return Spread(shares, sqrt(over_items), sqrt(over_seeds), total**2 / uncertain)


def _seed_variance(clusters: Clusters, scores: Array) -> tuple[float, float]:
    """Variance of the mean of ``scores`` (``(seeds, items)``) from seeds alone, and half of that estimate's variance.

    The variance of the seeds' means, less what the interaction of items and seeds explains, which a mean over seeds
    shows in its items already; 0 when that is all. What is taken off is known well, so the estimate is as uncertain as
    the variance of the means is, which has one degree of freedom less than there are seeds.
    """
    seeds = len(scores)
    means = scores.mean(axis=1)
    rest = clusters.shares(scores - scores.mean(axis=0))
    interaction = float((rest**2).sum()) / (seeds - 1)
    scatter = float(means.var(ddof=1))
    if scatter <= interaction * (1 + _ALIKE):
        return 0.0, 0.0
    return (scatter - interaction) / seeds, (scatter / seeds) ** 2 / (seeds - 1)


def widening(confidence: float, degrees: float) -> float:
    """How much wider Student's t of so many degrees of freedom is than the normal distribution."""
    from scipy import special

    level = (1 + confidence) / 2
    return float(special.stdtrit(degrees, level) / special.ndtri(level))


def _resampled(shares: Array, rng: np.random.Generator, resamples: int) -> Array:
    """Sums of clusters drawn with replacement, of mean 0 and variance 1; normal ones when all are alike."""
    values = np.sort(shares - shares.mean())
    scale = float(np.sqrt((values**2).sum()))
    if scale < _ALIKE:
        return rng.standard_normal(resamples)
    values = (np.round(values / scale, 9)).astype(np.float32)
    batch = max(1, _BATCH_CELLS // values.size)
    sums = [
        values[rng.integers(0, values.size, (min(batch, resamples - start), values.size), dtype=np.uint32)].sum(axis=1)
        for start in range(0, resamples, batch)
    ]
    return np.concatenate(sums).astype(np.float64)
