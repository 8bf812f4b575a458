"""Intervals that cover what they claim, and the Ladder rule."""

from __future__ import annotations

import numpy as np
import pytest

from preceptor.evaluation.statistics import Ladder, ladder, mean_interval, paired_gain


def test_gain_of_a_known_case() -> None:
    gain = paired_gain([0, 0, 1, 0], [[1, 0, 1, 0], [1, 1, 1, 0]], confidence=0.95)
    assert gain.points == pytest.approx(0.375)
    assert gain.relative == pytest.approx(1.5)
    assert (gain.seeds, gain.items) == (2, 4)
    assert -1 <= gain.low < gain.points < gain.high <= 1


def test_intervals_are_deterministic_in_the_seed_and_grow_with_confidence() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.random(60), rng.random((2, 60))
    first = paired_gain(before, after, confidence=0.9)
    assert paired_gain(before, after, confidence=0.9) == first
    assert paired_gain(before, after, confidence=0.9, seed=5) != first
    wider = paired_gain(before, after, confidence=0.99)
    assert wider.low < first.low < first.high < wider.high


def test_pairing_makes_the_interval_narrow() -> None:
    rng = np.random.default_rng(2)
    hard = rng.random(200)
    paired = paired_gain(hard, [np.clip(hard + 0.1 + 0.01 * rng.standard_normal(200), 0, 2)], confidence=0.95)
    assert paired.high - paired.low < 0.01


def test_equal_graded_differences_have_no_width() -> None:
    gain = paired_gain([0.1, 0.2, 0.3], [[0.2, 0.3, 0.4]], confidence=0.95)
    assert (gain.points, gain.low, gain.high) == pytest.approx((0.1, 0.1, 0.1))


@pytest.mark.parametrize(
    ("before", "after", "points"),
    [
        ([0, 0, 0], [[0, 0, 0]], 0.0),
        ([1, 1, 1], [[1, 1, 1], [1, 1, 1]], 0.0),
        ([0, 1, 0, 1], [[0, 1, 0, 1]], 0.0),
        ([0, 0], [[1, 1]], 1.0),
    ],
)
def test_a_few_equal_right_or_wrong_differences_are_still_uncertain(
    before: list[float], after: list[list[float]], points: float
) -> None:
    gain = paired_gain(before, after, confidence=0.95)
    assert gain.points == points
    assert gain.low <= points <= gain.high
    assert gain.high - gain.low > 0.5
    assert not gain.significant


@pytest.mark.parametrize("items", [2, 3, 5, 50, 300])
def test_a_single_difference_gives_a_finite_interval(items: int) -> None:
    gain = paired_gain(np.zeros(items), np.eye(1, items), confidence=0.95)
    assert -1 <= gain.low <= gain.points <= gain.high <= 1
    assert gain.low < gain.high
    assert not gain.significant
    assert gain.relative is None


def test_coverage() -> None:
    """Of 400 simulated examinations about 95 % of the 95 % intervals hold the true gain."""
    rng = np.random.default_rng(11)
    covered = 0
    for _ in range(400):
        chance = rng.beta(1, 2, size=80)
        before = (rng.random(80) < chance).astype(float)
        after = (rng.random((2, 80)) < np.minimum(1, chance + 0.15 * (1 - chance))).astype(float)
        gain = paired_gain(before, after, confidence=0.95, resamples=999)
        covered += gain.low <= 0.15 * (1 - 1 / 3) <= gain.high
    assert 0.92 <= covered / 400 <= 0.98


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


@pytest.mark.parametrize(
    ("before", "after"),
    [([], [[]]), ([1, 0], [1, 0]), ([1, 0], [[1, 0, 1]]), ([[1, 0]], [[1, 0]]), ([1, float("nan")], [[1, 0]]),
     ([1, 0], [[1, float("inf")]]), ([1, 0], np.empty((0, 2)))],
)  # fmt: skip
def test_shapes_are_checked(before: object, after: object) -> None:
    with pytest.raises(ValueError, match=r"shape|items|finite"):
        paired_gain(before, after, confidence=0.95)
    with pytest.raises(ValueError, match=r"shape|items"):
        ladder([1.0, 0.0], [1.0])
