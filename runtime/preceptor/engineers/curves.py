"""Learning curves: how a skill's error falls with its rows, from the few examinations a run can afford.

The error of a skill after ``n`` rows is taken to be ``e(n) = e0 / (1 + n / h)``: a power law with exponent 1, where
``h`` is the number of rows that halves the error. One number is all that a handful of noisy examinations can carry. It
is fitted in the logarithm and shrunk towards the other skills, so that one lucky examination moves it little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

PRIOR_HALVING = 100.0
"""Rows that halve a skill's error before anything is known: what small students needed for simple tasks."""
PRIOR_WEIGHT = 2.0
"""Examinations that the other skills' experience counts for."""
_RANGE = 30.0
"""One examination may put ``h`` at most this factor above or below its rows: beyond, it only measured noise."""


@dataclass(frozen=True)
class Point:
    """One examination of one skill."""

    rows: int
    """Rows of the skill that the student learnt."""
    score: float
    """Mean score, in [0, 1]."""
    n: int
    """Items it was examined on."""


@dataclass(frozen=True)
class Curve:
    """The error of a skill by its rows."""

    error_before: float
    """Error of the untrained student, in (0, 1)."""
    halving: float
    """Rows that halve it."""

    def error(self, rows: float) -> float:
        """Error after learning ``rows`` rows."""
        return self.error_before / (1 + rows / self.halving)


def fit(before: Mapping[str, Point], points: Mapping[str, Sequence[Point]]) -> dict[str, Curve]:
    """A curve for each skill in ``before`` from what its students scored."""
    errors = {skill: _error(point) for skill, point in before.items()}
    estimates = {
        skill: [_log_halving(errors[skill], point) for point in points.get(skill, ()) if point.rows > 0]
        for skill in before
    }
    pooled = [value for values in estimates.values() for value in values]
    common = (sum(pooled) + log(PRIOR_HALVING)) / (len(pooled) + 1)
    curves = {}
    for skill, values in estimates.items():
        shrunk = (sum(values) + PRIOR_WEIGHT * common) / (len(values) + PRIOR_WEIGHT)
        curves[skill] = Curve(errors[skill], exp(shrunk))
    return curves


def _error(point: Point) -> float:
    """Error with one item's doubt on either side (Laplace): 0 and 1 are never certain."""
    return ((1 - point.score) * point.n + 1) / (point.n + 2)


def _log_halving(error_before: float, point: Point) -> float:
    """What one examination alone says of ``log h``."""
    halved = error_before / _error(point) - 1
    return log(point.rows / min(max(halved, 1 / _RANGE), _RANGE))


def best_rows(curves: Mapping[str, Curve], items: Mapping[str, int], total: float) -> dict[str, float]:
    """The rows of each skill that leave the fewest wrong items when ``total`` rows are divided.

    At the optimum one more row saves the same everywhere it is spent: ``items · e0 / (h · (1 + n / h)²) = λ``, so
    ``n = sqrt(items · e0 · h / λ) - h`` where that is positive. λ is found by bisection.
    """

    def rows_at(price: float) -> dict[str, float]:
        return {
            skill: max(0.0, sqrt(items[skill] * curve.error_before * curve.halving / price) - curve.halving)
            for skill, curve in curves.items()
        }

    cheap, dear = 1e-12, 1e6
    for _ in range(100):
        middle = sqrt(cheap * dear)
        if sum(rows_at(middle).values()) > total:
            cheap = middle
        else:
            dear = middle
    return rows_at(dear)
