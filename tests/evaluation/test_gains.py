"""Gains, differences and their wording: hand-counted cases, textbook figures, simulations, properties.

That intervals hold the truth as often as they claim is in test_coverage.py.
"""

from __future__ import annotations

from dataclasses import replace
from math import comb, sqrt
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from preceptor.evaluation.gains import (
    Gain,
    McNemar,
    detectable,
    difference,
    mcnemar,
    optimism,
    paired_gain,
    pooled,
    verdict,
    worded,
)
from support.gains import counted

Array = NDArray[np.float64]

FEW = 199
"""Resamples where ends need not be exact."""


def _students(gains: Array, seeds: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Right-or-wrong answers of an untrained student and of trained ones, each item with its true gain."""
    chance = rng.uniform(0.2, 0.6, gains.size)
    return _answers(chance, rng), _answers(np.broadcast_to(chance + gains, (seeds, gains.size)), rng)


def _answers(chances: Array, rng: np.random.Generator) -> Array:
    return (rng.random(chances.shape) < chances).astype(np.float64)


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


def test_nothing_changed_on_ten_items_counts_half_a_gained_and_half_a_lost_one() -> None:
    """Agresti and Min: (0 + 1/2 + 1/2) / (10 + 2)² is the variance."""
    assert paired_gain(np.zeros(10), np.zeros((1, 10)), confidence=0.95).standard_error == pytest.approx(1 / 12)


def test_a_single_cluster_says_nothing_of_others() -> None:
    one = paired_gain([0, 0, 0], [[1, 1, 1]] * 2, clusters=["a"] * 3, confidence=0.95)
    assert (one.points, one.low, one.high, one.standard_error, one.detectable) == (1, -1, 1, 1, 1)
    assert (one.items, one.clusters, one.over_seeds) == (3, 1, None)


def test_a_single_seed_cannot_tell_how_much_students_differ() -> None:
    before, after = _students(np.full(50, 0.2), 3, np.random.default_rng(3))
    assert paired_gain(before, after[:1], confidence=0.95).over_seeds is None
    assert paired_gain(before, after, confidence=0.95).over_seeds is not None


@pytest.mark.parametrize(
    ("before", "after"),
    [([], [[]]), ([1, 0], [1, 0]), ([1, 0], [[1, 0, 1]]), ([[1, 0]], [[1, 0]]), ([1, float("nan")], [[1, 0]]),
     ([1, 0], [[1, float("inf")]]), ([1, 0], np.empty((0, 2)))],
)  # fmt: skip
def test_shapes_are_checked(before: object, after: object) -> None:
    with pytest.raises(ValueError, match=r"shape|items|finite"):
        paired_gain(before, after, confidence=0.95)


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, float("nan")])
def test_a_confidence_lies_between_0_and_1(confidence: float) -> None:
    message = "not between 0 and 1"
    with pytest.raises(ValueError, match=message):
        paired_gain([1, 0], [[1, 0]], confidence=confidence)
    with pytest.raises(ValueError, match=message):
        optimism(counted(0.1), counted(0.1), confidence)
    with pytest.raises(ValueError, match=message):
        pooled([counted(0.1)], confidence)


def test_every_item_needs_a_cluster() -> None:
    with pytest.raises(ValueError, match="2 items and clusters for 1"):
        paired_gain([1, 0], [[1, 0]], clusters=["a"], confidence=0.95)


# Properties


@st.composite
def _examinations(draw: st.DrawFn) -> tuple[Array, Array, list[str]]:
    """Scores before (``[items]``), scores after (``[seeds, items]``) and clusters (``[items]``)."""
    items, seeds = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    score = draw(st.sampled_from([st.sampled_from([0.0, 1.0]), st.floats(0, 1, width=16)]))
    before = draw(st.lists(score, min_size=items, max_size=items))
    after = draw(st.lists(st.lists(score, min_size=items, max_size=items), min_size=seeds, max_size=seeds))
    return np.array(before), np.array(after), draw(st.lists(st.sampled_from("abcdef"), min_size=items, max_size=items))


def _ends(gain: Gain) -> tuple[float, ...]:
    return gain.points, gain.low, gain.high, gain.standard_error, gain.over_items, gain.degrees, gain.detectable


@settings(max_examples=80, deadline=None)
@given(_examinations(), st.integers(0, 9))
def test_an_interval_holds_its_gain_and_depends_on_nothing_else(
    examined: tuple[Array, Array, list[str]], seed: int
) -> None:
    before, after, names = examined
    gain = paired_gain(before, after, clusters=names, confidence=0.9, seed=seed, resamples=FEW)
    assert -1 <= gain.low <= gain.points <= gain.high <= 1
    assert 0 <= gain.standard_error <= 1
    assert 0 <= gain.detectable <= 1
    assert gain.over_items**2 + (gain.over_seeds or 0) ** 2 == pytest.approx(gain.standard_error**2)
    assert not (gain.significant and not gain.excludes_zero)
    assert paired_gain(before, after, clusters=names, confidence=0.9, seed=seed, resamples=FEW) == gain


@settings(max_examples=80, deadline=None)
@given(_examinations(), st.randoms(use_true_random=False))
def test_order_and_names_do_not_matter(examined: tuple[Array, Array, list[str]], random: Random) -> None:
    before, after, names = examined
    order = list(range(before.size))
    random.shuffle(order)
    gain = paired_gain(before, after, clusters=names, confidence=0.9, resamples=FEW)
    other = paired_gain(
        before[order], after[::-1, order], clusters=[f"z{ord(names[at])}" for at in order], confidence=0.9,
        resamples=FEW,
    )  # fmt: skip
    assert _ends(other) == pytest.approx(_ends(gain), abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(_examinations())
def test_copies_tell_nothing_new(examined: tuple[Array, Array, list[str]]) -> None:
    """A student counted twice is one student whose seeds do not differ; items copied in their contexts are the same."""
    before, after, names = examined
    one = paired_gain(before, after[:1], clusters=names, confidence=0.9, resamples=FEW)
    twice = paired_gain(before, after[[0, 0]], clusters=names, confidence=0.9, resamples=FEW)
    assert _ends(twice) == pytest.approx(_ends(one), abs=1e-9)
    assert twice.over_seeds == (None if one.clusters == 1 else pytest.approx(0, abs=1e-9))
    many = paired_gain(before, after, clusters=names, confidence=0.9, resamples=FEW)
    copied = paired_gain(
        np.tile(before, 2), np.tile(after, 2), clusters=names * 2, confidence=0.9, resamples=FEW
    )  # fmt: skip
    assert _ends(copied) == pytest.approx(_ends(many), abs=1e-6)


# Differences


def test_a_difference_from_what_was_not_trained_is_a_gain() -> None:
    before, after = _students(np.full(60, 0.1), 3, np.random.default_rng(4))
    names = [str(number // 3) for number in range(60)]
    gain = paired_gain(before, after, clusters=names, confidence=0.9)
    assert difference(before, after, clusters=names, confidence=0.9) == gain
    assert gain.clusters == 20
    assert difference(before, after, confidence=0.9).clusters == 60


@pytest.mark.parametrize(("old", "new"), [(2, 2), (3, 5), (1, 3), (1, 1)])
def test_a_difference_the_other_way_round_has_the_other_sign(old: int, new: int) -> None:
    rng = np.random.default_rng(5)
    luck = 0.05 * rng.standard_normal((8, 1))
    first, second = 0.4 + luck[:old] + 0.1 * rng.random((old, 80)), 0.5 + luck[-new:] + 0.1 * rng.random((new, 80))
    there, back = (difference(*sides, confidence=0.95) for sides in ((first, second), (second, first)))
    assert there.points == pytest.approx(-back.points) == pytest.approx(second.mean() - first.mean())
    assert there.standard_error == pytest.approx(back.standard_error)
    assert there.detectable == pytest.approx(back.detectable)
    noise = 0.05 * (there.high - there.low)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=noise)
    assert there.seeds == max(old, new)
    assert there.relative == pytest.approx(there.points / first.mean())
    assert (there.over_seeds is None) == (1 in (old, new))


def test_both_sides_add_their_seeds() -> None:
    """Students that answer every item alike: what is left are the variances of two means of independent students."""
    first, second = np.array([0.1, 0.3]), np.array([0.4, 0.5, 0.9])
    found = difference(np.tile(first[:, None], 6), np.tile(second[:, None], 6), confidence=0.95)
    assert found.over_items == pytest.approx(0, abs=1e-12)
    assert found.over_seeds == pytest.approx(sqrt(0.02 / 2 + 0.07 / 3))
    welch = (0.02 / 2 + 0.07 / 3) ** 2 / ((0.02 / 2) ** 2 / 1 + (0.07 / 3) ** 2 / 2)
    assert found.degrees == pytest.approx(welch)


def _trained_with(common: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two sides that are worth the same, three students each, whose luck of the seed is correlated by ``common``."""
    both, own = rng.standard_normal(3), rng.standard_normal((2, 3))
    luck = 0.03 * (sqrt(common) * both + sqrt(1 - common) * own)
    scores = 0.5 + luck[:, :, None] + 0.1 * rng.standard_normal((2, 3, 100))
    return scores[0], scores[1]


def test_seeds_that_have_something_in_common_are_on_the_safe_side() -> None:
    rng = np.random.default_rng(6)
    alarms = {
        common: np.mean([
            difference(*_trained_with(common, rng), confidence=0.95, resamples=FEW).excludes_zero for _ in range(400)
        ])
        for common in (0.0, 0.5)
    }  # fmt: skip
    assert alarms[0.0] == pytest.approx(0.05, abs=0.04)
    assert alarms[0.5] <= 0.03
    assert alarms[0.5] < alarms[0.0]


def test_pairing_a_few_seeds_would_widen_intervals() -> None:
    rng = np.random.default_rng(7)
    apart, together = [], []
    for _ in range(100):
        first, second = _trained_with(0.3, rng)
        one = difference(first, second, confidence=0.95, resamples=FEW)
        other = paired_gain(np.zeros(100), second - first, confidence=0.95, resamples=FEW)
        apart.append(one.high - one.low)
        together.append(other.high - other.low)
    assert np.mean(apart) < np.mean(together)


# What can be detected


def test_what_is_detectable_is_what_textbooks_say() -> None:
    """2.80 standard errors (Bloom 1995); 34 pairs for an effect of half a standard deviation (Cohen 1988, paired t)."""
    assert detectable(0.01, 1e9, 0.95) == pytest.approx(0.0280, abs=5e-5)
    assert detectable(1 / sqrt(34), 33, 0.95) <= 0.5 < detectable(1 / sqrt(33), 32, 0.95)
    assert detectable(0.9, 10, 0.95) == 1.0


@pytest.mark.parametrize(("seeds", "luck"), [(1, 0.0), (5, 0.05)])
def test_an_effect_of_that_size_is_shown_four_times_in_five(seeds: int, luck: float) -> None:
    """Within 5 points of 80 %: of 600 examinations, whose standard error is 1.6 points."""
    rng = np.random.default_rng(8)
    items, scatter = 40, 0.1
    variances = np.array([scatter**2 / items, luck**2 / seeds])
    degrees = variances.sum() ** 2 / (variances**2 / [items - 1, max(seeds - 1, 1)]).sum()
    effect = detectable(sqrt(variances.sum()), degrees, 0.95)
    shown, said = [], []
    for seed in range(600):
        hard, lucks = 0.3 * rng.random(items), luck * rng.standard_normal((seeds, 1))
        after = hard + effect + lucks + scatter * rng.standard_normal(items)
        gain = paired_gain(hard, after, confidence=0.95, seed=seed, resamples=1_999)
        shown.append(gain.excludes_zero)
        said.append(gain.detectable)
    assert np.mean(shown) == pytest.approx(0.8, abs=0.05)
    assert np.median(said) == pytest.approx(effect, rel=0.1)


# Wording


def _worded(points: float, low: float, high: float, least: float) -> Gain:
    return counted(points, low=low, high=high, detectable=least)


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (_worded(0.05, 0.01, 0.09, 0.04), "significant"),
        (_worded(0.05, 0.01, 0.09, 0.05), "significant"),
        (_worded(0.05, 0.01, 0.09, 0.0501), "too small to tell on 100 items"),
        (_worded(0.05, 0.0, 0.09, 0.04), "not significant"),
        (_worded(0.05, 1e-9, 0.09, 0.04), "significant"),
        (_worded(0.05, -1e-9, 0.09, 0.04), "not significant"),
        (_worded(0.05, -0.01, 0.09, 0.06), "not significant"),
        (_worded(-0.05, -0.09, -0.01, 0.05), "significant"),
        (_worded(-0.05, -0.09, -0.01, 0.0501), "too small to tell on 100 items"),
        (_worded(-0.05, -0.09, 0.0, 0.04), "not significant"),
        (_worded(-0.05, -0.09, -1e-9, 0.04), "significant"),
        (_worded(0.0, 0.0, 0.0, 0.0), "not significant"),
    ],
)
def test_only_what_is_sure_and_large_enough_is_called_significant(gain: Gain, words: str) -> None:
    assert verdict(gain) == words
    assert worded(gain).endswith(f": {words}")
    assert gain.significant is (words == "significant")
    assert ("significant" in worded(gain).replace("not significant", "")) is gain.significant


def test_a_gain_in_words() -> None:
    gain = _worded(0.05, 0.012, 0.09, 0.06)
    figures = "+5.0 points (95% interval +1.2 to +9.0)"
    assert worded(gain) == f"{figures}, relatively +10.0%: too small to tell on 100 items"
    assert worded(replace(gain, relative=None, items=12_345)) == f"{figures}: too small to tell on 12,345 items"
    assert worded(replace(gain, relative=0.0)).startswith(f"{figures}, relatively +0.0%: ")
    assert worded(_worded(-0.05, -0.09, 0.01, 0.06)).startswith(
        "-5.0 points (95% interval -9.0 to +1.0), relatively -1"
    )
    assert "(99.5% interval" in worded(replace(gain, confidence=0.995))


# McNemar's test


def test_mcnemar_of_a_published_case() -> None:
    """Airway responsiveness before and after transplantation (Bentur et al. 2009, in Fagerland, Lydersen, Laake 2013).

    Of 21 children 1 changed one way and 7 the other: 2 (1 + 8) / 2⁸ = 0.0703.
    """
    before, after = [1] + [1] + [0] * 7 + [0] * 12, [1] + [0] + [1] * 7 + [0] * 12
    assert mcnemar(before, after) == McNemar(gained=7, lost=1, p=pytest.approx(18 / 256))
    assert mcnemar(after, before) == McNemar(gained=1, lost=7, p=pytest.approx(18 / 256))


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (1, 0), (0, 6), (3, 3), (2, 3), (15, 4)])
def test_mcnemar_counts_splits_at_least_as_uneven(gained: int, lost: int) -> None:
    changed = gained + lost
    before, after = [0] * gained + [1] * lost + [1, 0], [1] * gained + [0] * lost + [1, 0]
    tail = sum(comb(changed, few) for few in range(min(gained, lost) + 1)) / 2**changed
    assert mcnemar(before, after) == McNemar(gained, lost, pytest.approx(min(1.0, 2 * tail)))


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [([], [], "shape"), ([1], [1, 0], "items"), ([0.5], [1], "right"), ([1], [2], "right"), ([[1]], [[1]], "shape")],
)
def test_mcnemar_takes_right_or_wrong_answers(before: object, after: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mcnemar(before, after)
