"""The outcome in a sentence, and what alarms."""

from __future__ import annotations

from typing import Any

import pytest

from preceptor.loop.events import Published
from preceptor.report import schema
from preceptor.report.verdict import alarms, sentence
from support.reports import full


def private(**changes: object) -> schema.Private:
    found = full().private
    assert found is not None
    return found.model_copy(update=changes)


def control(value: float, low: float, high: float) -> schema.Control:
    return schema.Control(value=value, student=0.7, difference_points=(low + high) / 2, difference_interval=(low, high))


def alarmed(**parts: Any) -> tuple[str, ...]:
    quiet: dict[str, Any] = {"readings": (schema.Reading(reading=1),), "optimism": None, "controls": {}, "suites": ()}
    return alarms(**{**quiet, **parts})


def test_points_come_first_and_the_relative_gain_second() -> None:
    assert sentence(Published(verdict="improved"), private()) == (
        "Improved: 31.0% before, 72.1% after: +41.1 points (95% interval +34.0 to +47.9; +133% relative), significant "
        "on 120 private items."
    )


def test_below_what_can_be_told_nothing_is_called_significant() -> None:
    small = private(gain_points=6.0, interval=(0.5, 11.5), significant=False)
    assert "significant" not in sentence(Published(verdict="improved"), small)
    none = private(gain_points=-1.0, interval=(-6.0, 4.0), significant=False, relative_gain=None)
    words = sentence(Published(verdict="not-shown"), none)
    assert words.startswith("No improvement shown: 31.0% before")
    assert words.endswith("the interval includes 0.")
    assert "significant" not in words
    assert "relative" not in words


def test_other_outcomes_have_their_sentences() -> None:
    assert sentence(Published(verdict="no-dataset"), None) == "No attempt gave a valid dataset."
    assert "the private split stayed closed" in sentence(Published(verdict="no-improvement"), None)
    refused = tuple(suite.model_copy(update={"allowed": False}) for suite in full().suites)
    words = sentence(Published(verdict="forgot"), private(), refused)
    assert words.startswith("Not published: the student became worse at general.yaml. On its own task: 31.0% before")


def test_a_first_reading_that_nobody_made_before_is_no_alarm() -> None:
    assert alarmed() == ()


def test_a_second_reading_is_an_alarm_for_ever() -> None:
    (alarm,) = alarmed(readings=(schema.Reading(reading=1), schema.Reading(reading=2)))
    assert "read 2 times by this run" in alarm


def test_readings_of_other_runs_are_an_alarm() -> None:
    (alarm,) = alarmed(readings=(schema.Reading(reading=1, others=tuple("abcdefg")),))
    assert alarm == "The same private items had been read before by 7 other runs: a, b, c, d, e and 2 more."


@pytest.mark.parametrize(("points", "more"), [(12.0, "larger"), (-12.0, "smaller")])
def test_a_winners_curse_that_excludes_zero_is_an_alarm(points: float, more: str) -> None:
    curse = schema.Optimism(
        selection_points=30, private_points=30 - points, points=points, interval=(points - 5, points + 5),
        excludes_zero=True,
    )  # fmt: skip
    (alarm,) = alarmed(optimism=curse)
    assert f"12.0 points {more} than on private" in alarm
    assert alarmed(optimism=curse.model_copy(update={"excludes_zero": False})) == ()


@pytest.mark.parametrize("name", ["prompted", "format"])
def test_a_gain_that_form_alone_explains_is_an_alarm(name: str) -> None:
    (alarm,) = alarmed(controls={name: control(0.69, -3.0, 5.0)})
    assert "may be form alone" in alarm
    assert "69.0%, the published student 70.0%" in alarm
    assert alarmed(controls={name: control(0.4, 25.0, 35.0)}) == ()
    assert alarmed(controls={name: schema.Control(skipped="no time")}) == ()


def test_a_task_that_was_forgotten_is_an_alarm_even_when_allowed() -> None:
    dropped, kept = full().suites
    (alarm,) = alarmed(suites=(dropped, kept))
    assert alarm == (
        "The student became worse at general.yaml: -6.2 points (interval -9.8 to -2.1); the document allows it."
    )
    (refused,) = alarmed(suites=(dropped.model_copy(update={"allowed": False}),))
    assert refused.endswith("so nothing was published.")
