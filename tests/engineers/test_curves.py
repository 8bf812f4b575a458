from __future__ import annotations

import pytest

from preceptor.engineers.curves import Curve, Point, best_rows, fit


def test_the_error_halves_at_the_halving_and_halves_again_at_three_times_it() -> None:
    curve = Curve(error_before=0.8, halving=50)
    assert [curve.error(rows) for rows in (0, 50, 150)] == pytest.approx([0.8, 0.4, 0.2])


def test_a_curve_is_recovered_from_examinations_that_follow_it() -> None:
    true = {"fast": Curve(0.9, 20), "slow": Curve(0.9, 400)}
    before = {skill: Point(0, 0.1, 1000) for skill in true}
    points = {
        skill: [Point(rows, 1 - curve.error(rows), 1000) for rows in (30, 60, 100, 150, 200, 300)]
        for skill, curve in true.items()
    }
    fitted = fit(before, points)
    assert 20 < fitted["fast"].halving < 40  # shrunk towards each other
    assert 200 < fitted["slow"].halving < 400


def test_one_lucky_examination_moves_a_curve_less_than_half_the_way() -> None:
    before = {skill: Point(0, 0.0, 10) for skill in "abcd"}
    points = {skill: [Point(50, 0.5, 10)] for skill in "abcd"}
    lucky = {**points, "a": [Point(50, 1.0, 10)]}
    usual, moved = fit(before, points)["a"], fit(before, lucky)["a"]
    alone = 5.0  # what the lucky one says by itself: 50 rows left a tenth of the wrong items
    assert (alone * usual.halving) ** 0.5 < moved.halving < usual.halving


def test_without_examinations_every_skill_has_the_prior() -> None:
    fitted = fit({"a": Point(0, 0.0, 10), "b": Point(0, 1.0, 10)}, {})
    assert fitted["a"].halving == fitted["b"].halving == pytest.approx(100)
    assert 0 < fitted["b"].error_before < 0.1 < 0.9 < fitted["a"].error_before < 1


def test_a_student_that_got_worse_counts_as_one_that_hardly_learns() -> None:
    before = {"a": Point(0, 0.6, 50), "b": Point(0, 0.0, 50)}
    fitted = fit(before, {"a": [Point(100, 0.3, 50)], "b": [Point(100, 0.6, 50)]})
    assert fitted["a"].halving > 3 * fitted["b"].halving


def test_the_best_division_equalises_what_one_more_row_saves() -> None:
    curves = {"a": Curve(0.9, 30), "b": Curve(0.5, 80), "c": Curve(0.7, 200)}
    items = {"a": 10, "b": 30, "c": 20}
    rows = best_rows(curves, items, 600)
    assert sum(rows.values()) == pytest.approx(600)
    saved = [
        items[skill] * (curve.error(rows[skill]) - curve.error(rows[skill] + 1)) for skill, curve in curves.items()
    ]
    assert max(saved) == pytest.approx(min(saved), rel=0.02)


def test_a_skill_that_hardly_learns_gets_no_rows_in_the_best_division() -> None:
    rows = best_rows({"a": Curve(0.9, 50), "b": Curve(0.9, 50_000)}, {"a": 10, "b": 10}, 300)
    assert rows["b"] == 0
    assert rows["a"] == pytest.approx(300)
