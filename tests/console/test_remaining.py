"""How long a run takes yet, from what its steps took."""

from __future__ import annotations

import pytest

from preceptor.console.remaining import NOTHING, Span, remaining
from preceptor.loop.events import AnyEvent, RunStarted
from preceptor.loop.state import fold
from preceptor.spec.document import Spec, Specialization
from support.history import DRAFTING, EXAMINATION, MAKING, PRIVATE, ROWS, TRAINING, history, started

ANSWER = EXAMINATION / 20
SITTING = ANSWER * PRIVATE
FINALISTS = 2


def spec_of(first: RunStarted) -> Spec:
    return Specialization.model_validate(first.document).spec


def first(**changes: object) -> RunStarted:
    quiet = {"ceiling": False, "prompted": False}
    return started(
        **{
            "budget__iterations": 5,
            "budget__wallClock": None,
            "dataset__size": ROWS,
            "evaluation__patience": 2,
            "evaluation__seeds": FINALISTS,
            "evaluation__controls": quiet,
            **changes,
        }
    )


def until(events: list[AnyEvent], type: str, nth: int = 1) -> list[AnyEvent]:
    places = [place for place, event in enumerate(events) if event.type == type]
    return events[: places[nth - 1] + 1]


def left(events: list[AnyEvent], since: float = 0.0, stage: float | None = None) -> Span | None:
    begun = events[0]
    assert isinstance(begun, RunStarted)
    return remaining(spec_of(begun), fold(events), since=since, left=stage)


def test_nothing_is_said_before_the_first_training() -> None:
    assert left(until(history(first()), "dataset-committed")) is None
    assert left(until(history(first()), "student-trained")) is not None


FINISH = FINALISTS * TRAINING + (1 + FINALISTS) * SITTING
ITERATION = DRAFTING + MAKING + TRAINING + EXAMINATION


def test_at_best_patience_ends_the_search_at_most_every_iteration_is_made() -> None:
    span = left(until(history(first()), "iteration-judged", 2))
    assert span is not None
    assert span.low == pytest.approx(1 * ITERATION + FINISH), "one of two without a new best is over already"
    assert span.high == pytest.approx(3 * ITERATION + FINISH)


def test_larger_versions_take_longer_to_learn() -> None:
    span = left(until(history(first(dataset__size=3 * ROWS)), "iteration-judged", 2))
    assert span is not None
    assert span.high == pytest.approx(3 * (ITERATION + 2 * TRAINING) + FINISH)


def test_the_step_in_progress_counts_for_what_is_left_of_it() -> None:
    events = until(history(first()), "dataset-committed", 2)
    whole, later, told = left(events), left(events, since=30.0), left(events, stage=7.0)
    assert whole is not None
    assert later is not None
    assert told is not None
    assert whole.high - later.high == pytest.approx(30.0)
    assert whole.high - told.high == pytest.approx(TRAINING - 7.0)
    overdue = left(events, since=1e6)
    assert overdue is not None
    assert whole.high - overdue.high == pytest.approx(TRAINING), "what takes longer than expected is not owed"


def test_the_wall_clock_ends_the_search() -> None:
    events = until(history(first(budget__iterations=1000, evaluation__patience=1000)), "iteration-judged", 2)
    free = left(events)
    events[0] = first(budget__iterations=1000, evaluation__patience=1000, budget__wallClock="10m")
    held = left(events)
    assert free is not None
    assert held is not None
    assert free.high > 1000 * TRAINING
    assert held.high < 600 + ITERATION + FINISH


def test_after_the_search_only_the_finish_is_left() -> None:
    events = until(history(first()), "search-ended")
    assert left(events) == Span(pytest.approx(FINISH), pytest.approx(FINISH))  # type: ignore[arg-type]
    assert left(history(first())) == NOTHING


def test_comparisons_take_time_too() -> None:
    controls = {"ceiling": False, "prompted": True, "format": True, "oneShot": True}
    more = left(until(history(first(evaluation__controls=controls)), "search-ended"))
    assert more is not None
    assert more.low > FINISH + 2 * FINALISTS * TRAINING
