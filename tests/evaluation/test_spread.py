"""How much a mean of differences scatters, against textbook formulas."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from preceptor.evaluation.spread import Clusters, Spread, spread, widening

Array = NDArray[np.float64]

UNEVEN = ["a"] * 5 + ["b"] * 2 + ["c"] + ["d"] * 3


def _bell_mccaffrey(values: Array, of: NDArray[np.intp]) -> tuple[float, float]:
    """Variance of a mean and its degrees of freedom by the matrices of Bell and McCaffrey (2002), independent items."""
    items = values.size
    rest = np.eye(items) - np.full((items, items), 1 / items)
    shares, directions = [], []
    for cluster in np.unique(of):
        here = of == cluster
        roots, vectors = np.linalg.eigh(rest[np.ix_(here, here)])
        adjusted = vectors @ np.diag(roots**-0.5) @ vectors.T @ np.ones(here.sum()) / items
        shares.append(float(adjusted @ (rest @ values)[here]))
        directions.append(rest[:, here] @ adjusted)
    crossed = np.array(directions) @ np.array(directions).T
    return float(np.square(shares).sum()), float(np.trace(crossed) ** 2 / (crossed**2).sum())


def test_single_items_give_the_standard_error_of_a_mean() -> None:
    values = np.random.default_rng(1).random(30)
    clusters = Clusters.named(None, 30)
    assert (clusters.shares(values) ** 2).sum() == pytest.approx(values.var(ddof=1) / 30)
    assert clusters.degrees == pytest.approx(29)


def test_contexts_of_one_size_give_the_standard_error_of_the_mean_of_their_means() -> None:
    values = np.random.default_rng(2).random(30)
    clusters = Clusters.named([str(number % 10) for number in range(30)], 30)
    means = values.reshape(3, 10).mean(axis=0)
    assert (clusters.shares(values) ** 2).sum() == pytest.approx(means.var(ddof=1) / 10)
    assert clusters.degrees == pytest.approx(9)


@pytest.mark.parametrize("names", [UNEVEN, ["a", "b", "b"], ["x"] * 8 + ["y", "z"], list("abcabcab")])
def test_uneven_contexts_give_bell_and_mccaffreys_error(names: list[str]) -> None:
    values = np.random.default_rng(3).random(len(names))
    clusters = Clusters.named(names, len(names))
    variance, degrees = _bell_mccaffrey(values, clusters.of)
    assert (clusters.shares(values) ** 2).sum() == pytest.approx(variance)
    assert clusters.degrees == pytest.approx(degrees)
    assert 1 - 1e-9 <= clusters.degrees <= len(set(names)) - 1 + 1e-9


def test_shares_of_several_rows_are_those_of_each() -> None:
    values = np.random.default_rng(4).random((2, 3, 11))
    clusters = Clusters.named(UNEVEN, 11)
    found = clusters.shares(values)
    assert found.shape == (2, 3, 4)
    assert found[1, 2] == pytest.approx(clusters.shares(values[1, 2]))


def test_clusters_are_told_apart_by_their_whole_names() -> None:
    """Names come from data: ends that an array of texts would drop count, and a long name costs no more than itself."""
    assert Clusters.named(["a", "a\0", "a ", "A", "a"], 5).sizes.tolist() == [1, 2, 1, 1]
    assert Clusters.named(["x" * 1_000_000, *map(str, range(999))], 1_000).sizes.size == 1_000


def test_seeds_scatter_as_in_an_analysis_of_variance() -> None:
    """Crossed, one answer each: seeds add to the variance of the mean (MS seeds - MS rest) / (items x seeds)."""
    rng = np.random.default_rng(5)
    scores = 0.5 + 0.2 * rng.standard_normal((4, 1)) + 0.1 * rng.standard_normal((4, 20))
    rest = scores - scores.mean(axis=0) - scores.mean(axis=1, keepdims=True) + scores.mean()
    ms_seeds, ms_rest = 20 * scores.mean(axis=1).var(ddof=1), (rest**2).sum() / (3 * 19)
    clusters, differences = Clusters.named(None, 20), scores.mean(axis=0)
    found = spread(clusters, differences, (scores,), smooth=False)
    assert found.over_seeds**2 == pytest.approx((ms_seeds - ms_rest) / (20 * 4))
    assert found.over_items**2 == pytest.approx(differences.var(ddof=1) / 20)
    uncertain = found.over_items**4 / 19 + (ms_seeds / (20 * 4)) ** 2 / 3
    assert found.degrees == pytest.approx(found.error**4 / uncertain)


def test_seeds_that_differ_no_more_than_chance_add_nothing() -> None:
    scores = np.array([[1.0, 0, 1, 0], [0.0, 1, 0, 1]])
    found = spread(Clusters.named(None, 4), np.array([0.5, 0.2, 0.1, 0.4]), (scores,), smooth=False)
    assert found.over_seeds == 0
    assert found.degrees == 3


def test_smoothing_adds_two_items() -> None:
    """One gained and one lost of eight: (variance x 8² + 1) / 10²."""
    values = np.array([1.0, -1, 0, 0, 0, 0, 0, 0])
    clusters = Clusters.named(None, 8)
    plain, smooth = (spread(clusters, values, (), smooth=one).over_items ** 2 for one in (False, True))
    assert plain == pytest.approx(2 / 7 / 8)
    assert smooth == pytest.approx((2 / 7 * 8 + 1) / 100)


def _ends(shares: Array, degrees: float, over_seeds: float = 0.0, confidence: float = 0.95) -> tuple[float, float]:
    return Spread(shares, float(sqrt((shares**2).sum())), over_seeds, degrees).ends(confidence, 0, 40_000)


@pytest.mark.parametrize("over_seeds", [0.0, 0.02])
def test_an_even_scatter_gives_the_interval_of_a_t_test(over_seeds: float) -> None:
    shares = stats.norm.ppf((np.arange(200) + 0.5) / 200) / 500
    error = sqrt((shares**2).sum() + over_seeds**2)
    for degrees, confidence in ((199.0, 0.95), (4.0, 0.95), (20.0, 0.8)):
        reach = stats.t.ppf((1 + confidence) / 2, degrees) * error
        assert _ends(shares, degrees, over_seeds, confidence) == pytest.approx((reach, reach), rel=0.03)


def test_a_few_large_gains_reach_further_up_than_down() -> None:
    shares = np.concatenate([np.full(3, 47.0), np.full(47, -3.0)]) / 5_000
    below, above = _ends(shares, 49)
    assert above > 1.2 * below > 0


def test_no_scatter_has_no_reach() -> None:
    assert _ends(np.zeros(5), 4.0) == (0.0, 0.0)
    still = spread(Clusters.named(None, 3), np.full(3, 0.1), (), smooth=False)
    assert (still.over_items, still.over_seeds, still.degrees) == (0.0, 0.0, pytest.approx(2))


def test_few_degrees_widen() -> None:
    """12.706 / 1.960 and 2.776 / 1.960, as tables have them."""
    assert widening(0.95, 1) == pytest.approx(12.706 / 1.95996, rel=1e-4)
    assert widening(0.95, 4) == pytest.approx(2.77645 / 1.95996, rel=1e-4)
    assert widening(0.95, 1e9) == pytest.approx(1, abs=1e-6)
