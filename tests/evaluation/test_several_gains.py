"""What is made of several gains: the winner's curse, and means over tasks."""

from __future__ import annotations

from math import hypot, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from preceptor.evaluation.gains import Gain, Optimism, difference, optimism, paired_gain, pooled
from support.gains import counted

Array = NDArray[np.float64]


def _reach(error: float, degrees: float, confidence: float = 0.95) -> float:
    return float(stats.t.ppf((1 + confidence) / 2, degrees) * error)


# The winner's curse


def test_optimism_of_a_hand_counted_case() -> None:
    """Errors of 3 and 4 points make one of 5; its degrees of freedom are Satterthwaite's."""
    found = optimism(counted(0.20, 0.03), counted(0.15, 0.04), 0.95)
    degrees = 99 * (0.0009 + 0.0016) ** 2 / (0.0009**2 + 0.0016**2)
    reach = _reach(0.05, degrees)
    assert (found.points, found.low, found.high) == pytest.approx((0.05, 0.05 - reach, 0.05 + reach))
    assert not found.excludes_zero
    assert optimism(counted(0.30, 0.03), counted(0.15, 0.04), 0.95).excludes_zero
    wider = optimism(counted(0.20, 0.03), counted(0.15, 0.04), 0.99)
    assert wider.high - wider.points == pytest.approx(_reach(0.05, degrees, 0.99))


def test_optimism_is_positive_when_selection_looked_better() -> None:
    curse, luck = optimism(counted(0.3), counted(0.1), 0.95), optimism(counted(0.1), counted(0.3), 0.95)
    assert 0 < curse.low < curse.points == pytest.approx(0.2)
    assert (luck.points, luck.low, luck.high) == pytest.approx((-curse.points, -curse.high, -curse.low))
    assert curse.excludes_zero
    assert luck.excludes_zero


def _half(found: Optimism) -> float:
    return found.high - found.points


def test_students_of_other_seeds_add_their_luck() -> None:
    """Three seeds whose mean errs by 2 points: one errs by 2 √3, 1 and 3 by the root of 12 (1 + 1/3)."""
    selection = counted(0.2, 0.03, over_seeds=None)
    private = counted(0.2, hypot(0.04, 0.02), over_items=0.04, over_seeds=0.02, seeds=3)
    total, luck = 0.0009 + 0.0016 + 0.0012 * (1 + 1 / 3), 0.0012 * (1 + 1 / 3)
    degrees = total**2 / ((0.0009**2 + 0.0016**2) / 99 + luck**2 / 2)
    fresh, same = (optimism(selection, private, 0.95, same_students=one) for one in (False, True))
    assert _half(fresh) == pytest.approx(_reach(sqrt(total), degrees))
    assert _half(same) == pytest.approx(_half(optimism(counted(0.2, 0.03), counted(0.2, 0.04), 0.95)))
    assert _half(same) < _half(fresh)


def test_the_side_with_more_seeds_tells_how_much_students_differ() -> None:
    two = counted(0.2, 0.03, over_seeds=0.5, seeds=2)
    five = counted(0.2, 0.04, over_seeds=0.01, seeds=5)
    total, luck = 0.0025 + 0.0005 * (1 / 2 + 1 / 5), 0.0005 * (1 / 2 + 1 / 5)
    degrees = total**2 / ((0.0009**2 + 0.0016**2) / 99 + luck**2 / 4)
    for found in (optimism(two, five, 0.95), optimism(five, two, 0.95)):
        assert _half(found) == pytest.approx(_reach(sqrt(total), degrees))


def test_with_single_seeds_optimism_is_about_items() -> None:
    one = counted(0.2, 0.03, over_seeds=None)
    assert optimism(one, one, 0.95) == optimism(one, one, 0.95, same_students=True)


def test_optimism_knows_that_contexts_differ_in_size() -> None:
    """99 small contexts and a large one are no 99 degrees of freedom."""
    rng = np.random.default_rng(1)
    names = ["large"] * 100 + [f"{number}" for number in range(99)]
    uneven = paired_gain(rng.random(199), rng.random((3, 199)), clusters=names, confidence=0.95, resamples=2)
    assert uneven.clusters == 100
    assert uneven.item_degrees < 5
    found = optimism(uneven, counted(uneven.points, 0.0), 0.95, same_students=True)
    assert _half(found) == pytest.approx(_reach(uneven.over_items, uneven.item_degrees))


def test_optimism_without_scatter_items_or_trainings() -> None:
    still = optimism(counted(0.2, 0.0), counted(0.1, 0.0), 0.95)
    assert (still.low, still.high) == pytest.approx((0.1, 0.1))
    assert still.excludes_zero
    assert not optimism(counted(0.2, 0.0), counted(0.2, 0.0), 0.95).excludes_zero
    alone = paired_gain([0], [[1]], confidence=0.95)
    assert optimism(alone, counted(-1.0), 0.95) == Optimism(2.0, pytest.approx(-2.0), 2.0, excludes_zero=False)
    untrained = difference([0, 1, 0, 1], [1, 1, 0, 1], confidence=0.95)
    assert untrained.over_seeds == 0.0
    assert optimism(untrained, untrained, 0.95).points == 0.0


def _examined(luck: Array, items: int, rng: np.random.Generator, gain: float = 0.1) -> Gain:
    """Right-or-wrong answers of students whose true gains differ by their luck, ``(seeds,)``."""
    chance = rng.uniform(0.3, 0.6, items)
    before = (rng.random(items) < chance).astype(float)
    after = (rng.random((luck.size, items)) < chance + gain + luck[:, np.newaxis]).astype(float)
    return paired_gain(before, after, confidence=0.95, resamples=2)  # nobody looks at its ends


def _luck(seeds: int, rng: np.random.Generator) -> Array:
    return 0.02 * rng.standard_normal(seeds)


def test_without_a_curse_one_run_in_twenty_is_alarmed() -> None:
    rng = np.random.default_rng(2)
    alarms = []
    for _ in range(600):
        selection, private = _examined(_luck(1, rng), 150, rng), _examined(_luck(3, rng), 300, rng)
        alarms.append(optimism(selection, private, 0.95).excludes_zero)
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.03)


def test_the_same_students_alarm_as_seldom_whatever_their_luck() -> None:
    rng = np.random.default_rng(3)
    alarms = []
    for _ in range(600):
        luck = 3 * _luck(3, rng)
        selection, private = _examined(luck, 150, rng), _examined(luck, 300, rng)
        alarms.append(optimism(selection, private, 0.95, same_students=True).excludes_zero)
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.04)


def test_a_version_chosen_among_many_that_are_alike_alarms_often() -> None:
    rng = np.random.default_rng(4)
    found = []
    for _ in range(60):
        chosen = max((_examined(_luck(1, rng), 150, rng) for _ in range(60)), key=lambda gain: gain.points)
        found.append(optimism(chosen, _examined(_luck(3, rng), 600, rng), 0.95))
    assert np.mean([one.points for one in found]) > 0.05
    assert np.mean([one.low > 0 for one in found]) > 0.3
    assert not any(one.high < 0 for one in found)


# Means over tasks


def test_pooled_of_a_hand_counted_case() -> None:
    """Two tasks, errors of 3 and 4 points: the mean errs by half of 5."""
    mean = pooled([counted(0.10, 0.03), counted(0.20, 0.04)], 0.95)
    degrees = 99 * (0.0009 + 0.0016) ** 2 / (0.0009**2 + 0.0016**2)
    reach = _reach(0.025, degrees)
    assert (mean.points, mean.low, mean.high) == pytest.approx((0.15, 0.15 - reach, 0.15 + reach))
    assert (mean.standard_error, mean.over_items, mean.degrees) == pytest.approx((0.025, 0.025, degrees))
    assert mean.item_degrees == pytest.approx(degrees)
    assert (mean.items, mean.clusters, mean.seeds, mean.over_seeds) == (200, 200, 2, None)
    assert mean.detectable == pytest.approx(0.025 * (stats.t.ppf(0.975, degrees) + stats.t.ppf(0.8, degrees)))
    assert pooled([counted(0.1)], 0.9).confidence == 0.9


def test_relative_gains_are_averaged() -> None:
    """As in the paper: the mean of +20 % and +100 %, not 20 points of 60."""
    small, large = counted(0.1, relative=0.2), counted(0.1, relative=1.0)
    assert pooled([small, large], 0.95).relative == pytest.approx(0.6)
    assert pooled([small, small, large], 0.95, ["a", "a", "b"]).relative == pytest.approx(0.6)
    assert pooled([small, counted(0.1, relative=None)], 0.95).relative is None
    assert pooled([small, counted(0.1, relative=None)], 0.95, ["a", "a"]).relative is None
    assert pooled([small, counted(0.0, relative=0.0)], 0.95).relative == pytest.approx(0.1)


def test_runs_of_one_task_count_as_one_task() -> None:
    """0.1 and 0.2 on one task, 0.3 on another: the runs' variance is 0.005, that of their mean half of it."""
    gains = [counted(0.1), counted(0.2), counted(0.3, over_seeds=0.0)]
    mean = pooled(gains, 0.95, ["a", "a", "b"])
    variances = np.array([0.0001, 0.0025, 0.0001]) / 4
    assert mean.points == pytest.approx(0.225)
    assert mean.standard_error == pytest.approx(sqrt(variances.sum()))
    assert mean.degrees == pytest.approx(variances.sum() ** 2 / (variances**2 / [99, 1, 99]).sum())
    assert mean.over_items == pytest.approx(hypot(0.01, 0.01) / 2)
    assert mean.over_seeds == pytest.approx(0.05 / 2)
    assert (mean.items, mean.clusters, mean.seeds) == (200, 200, 3)
    assert pooled(gains, 0.95).points == pytest.approx(0.2)
    shuffled = pooled([gains[2], gains[0], gains[1]], 0.95, ["b", "a", "a"])
    assert (shuffled.points, shuffled.low, shuffled.high) == pytest.approx((mean.points, mean.low, mean.high))


def test_runs_on_the_same_items_do_not_make_items_more_certain() -> None:
    mean = pooled([counted(0.1, 0.04)] * 4, 0.95, ["a"] * 4)
    assert mean.standard_error == mean.over_items == pytest.approx(0.04)
    assert pooled([counted(0.1, 0.04)] * 4, 0.95).standard_error == pytest.approx(0.02)


def test_a_single_gain_is_its_own_mean() -> None:
    one = counted(0.1, 0.05, over_items=0.03, over_seeds=0.04, seeds=3, degrees=5.0)
    mean = pooled([one], 0.95)
    assert (mean.points, mean.relative, mean.standard_error, mean.degrees) == (0.1, 0.2, 0.05, 5.0)
    assert (mean.over_items, mean.over_seeds, mean.seeds) == pytest.approx((0.03, 0.04, 3))
    assert mean.high - 0.1 == pytest.approx(_reach(0.05, 5.0))


def test_a_mean_stays_in_bounds_and_may_have_no_width() -> None:
    assert pooled([counted(0.9, 0.5)], 0.95).high == 1.0
    assert pooled([counted(-0.9, 0.5)], 0.95).low == -1.0
    nothing = pooled([counted(0.0, 0.0)] * 3, 0.95)
    assert (nothing.low, nothing.high, nothing.detectable, nothing.significant) == (0, 0, 0, False)


def test_pooled_wants_gains_and_a_task_for_each() -> None:
    with pytest.raises(ValueError, match="no gains"):
        pooled([], 0.95)
    with pytest.raises(ValueError, match="2 gains and 1 tasks"):
        pooled([counted(0.1)] * 2, 0.95, ["a"])
