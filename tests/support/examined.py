"""Synthetic examinations whose true gain is known exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Condition:
    """What examinations are made like. Spreads are those of a latent, normal ability."""

    graded: bool = False
    """Scores anywhere in [0, 1] instead of right or wrong."""
    seeds: int = 3
    """Trainings."""
    clusters: int = 100
    """Contexts."""
    several: bool = False
    """Contexts of one, two, three and six items in turn, instead of one each."""
    seed_points: float = 0.0
    """Standard deviation of the true scores of students of different seeds, in hundredths."""
    before: float = -0.8
    """Ability before training: 0 is right half of the time."""
    gain: float = 0.5
    """What training adds to it."""
    noise: float = 0.5
    """What a training does to single items, for better or worse."""

    @property
    def names(self) -> list[str]:
        """The cluster of each item."""
        sizes = np.resize([1, 2, 3, 6] if self.several else [1], self.clusters)
        return [f"context {number:03}" for number in np.repeat(np.arange(self.clusters), sizes)]


@dataclass(frozen=True)
class Examined:
    """One examination."""

    before: Array
    """Shape ``(items,)``."""
    after: Array
    """Shape ``(seeds, items)``."""
    truth: float
    """The expected gain on other items with students trained anew; with a single seed, with this student."""


_CONTEXT, _ITEM, _GAIN = 0.6, 0.8, 0.4
"""How much contexts differ, items of one, and contexts in what training adds to them."""


def examinations(condition: Condition, count: int, rng: np.random.Generator) -> Iterator[Examined]:
    """So many examinations of one kind."""
    context = np.unique(condition.names, return_inverse=True)[1]
    items, smooth = context.size, 1.0 if condition.graded else 0.0
    inside = _CONTEXT**2 + _ITEM**2 + smooth
    once = inside + _GAIN**2 + condition.noise**2
    at = (condition.before + condition.gain) / np.sqrt(once)
    seed_spread = condition.seed_points / 100 * np.sqrt(once) * np.sqrt(2 * np.pi) * np.exp(at**2 / 2)
    was = special.ndtr(condition.before / np.sqrt(inside))

    def score(ability: Array) -> Array:
        return special.ndtr(ability) if condition.graded else (ability > 0).astype(np.float64)

    for _ in range(count):
        hidden = rng.normal(0, _CONTEXT, condition.clusters)[context] + rng.normal(0, _ITEM, items)
        ability = condition.before + hidden
        added = condition.gain + rng.normal(0, _GAIN, condition.clusters)[context]
        luck = rng.normal(0, seed_spread, condition.seeds)
        noise = rng.normal(0, condition.noise, (condition.seeds, items))
        after = score(ability + added + luck[:, np.newaxis] + noise)
        level = condition.before + condition.gain
        now = (level + luck[0]) / np.sqrt(once) if condition.seeds == 1 else level / np.sqrt(once + seed_spread**2)
        yield Examined(score(ability), after, float(special.ndtr(now) - was))
