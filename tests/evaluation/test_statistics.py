"""Intervals of means, and the Ladder rule. Gains: test_gains.py, test_coverage.py."""

from __future__ import annotations

import numpy as np
import pytest

from preceptor.evaluation.statistics import Ladder, ladder, mean_interval


def test_coverage_of_a_mean() -> None:
    rng = np.random.default_rng(12)
    chances = rng.random(600)  # Wilson's interval keeps its word on average, not for every chance and number of items
    right_or_wrong = [mean_interval((rng.random(25) < chance).astype(float), 0.95) for chance in chances]
    held = [interval.low <= chance <= interval.high for interval, chance in zip(right_or_wrong, chances, strict=True)]
    assert 0.92 <= np.mean(held) <= 0.98
    shares = [mean_interval(rng.beta(2, 2, 40), 0.95) for _ in range(100)]
    assert 0.90 <= np.mean([interval.low <= 0.5 <= interval.high for interval in shares]) <= 0.99


def test_few_values_that_are_alike_are_still_uncertain() -> None:
    none, all_ = mean_interval([0] * 10, 0.95), mean_interval([1] * 10, 0.95)
    assert (none.mean, none.low, none.n) == (0.0, 0.0, 10)
    assert none.high == pytest.approx(0.2775, abs=1e-3)
    assert (all_.high, all_.low) == (1.0, pytest.approx(1 - none.high))
    assert mean_interval([0.5] * 10, 0.95).low == mean_interval([0.5] * 10, 0.95).high == 0.5


@pytest.mark.parametrize(
    ("best", "challenger", "better"),
    [
        ([0, 0, 0, 0], [1, 1, 1, 0], True),
        ([0, 0, 0, 1], [1, 0, 0, 1], False),
        ([0.5, 0.5], [0.5, 0.5], False),
        ([0.5, 0.5], [0.6, 0.6], True),
        ([0.6, 0.6], [0.5, 0.5], False),
        ([1, 1, 0, 0], [0, 0, 1, 1], False),
        ([0], [1], False),
    ],
)
def test_ladder(best: list[float], challenger: list[float], better: bool) -> None:
    assert ladder(best, challenger).better is better


def test_ladder_of_a_known_case() -> None:
    assert ladder([0, 0, 0, 1], [1, 0, 0, 1]) == Ladder(0.25, pytest.approx(0.25), False)


def test_shapes_and_confidence_are_checked() -> None:
    with pytest.raises(ValueError, match=r"`best` has 2 items, `challenger` 1"):
        ladder([1.0, 0.0], [1.0])
    with pytest.raises(ValueError, match="shape"):
        mean_interval([], 0.95)
    for confidence in (0.0, 1.0, 95.0, float("nan")):
        with pytest.raises(ValueError, match="not between 0 and 1"):
            mean_interval([1.0, 0.0], confidence)
