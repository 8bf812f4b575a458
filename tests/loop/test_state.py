"""What the fold of a run's events knows beyond the events themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from preceptor.loop.events import (
    AnyEvent,
    AttemptFailed,
    DatasetCommitted,
    IterationJudged,
    ProposalFailed,
    RecipeDrafted,
    RunStarted,
    SearchEnded,
    SkillScore,
    SplitScore,
    StudentExamined,
    from_record,
    to_data,
)
from preceptor.loop.failures import failure_kind
from preceptor.loop.state import Forecast, fold
from preceptor.recipes.amount import Amount
from support.payments import recipe

STARTED = RunStarted(document={}, document_digest="d", splits={}, items={}, versions={})


def examined(subject: str, **skills: float) -> StudentExamined:
    scores = {skill: SkillScore(n=20, value=value, exact=value) for skill, value in skills.items()}
    split = SplitScore(evaluation="e", n=20 * len(skills), value=0.5, exact=0.5, skills=scores)
    return StudentExamined(subject=subject, splits={"feedback": split}, seconds=1, tokens=1)


def iteration(
    attempt: int, *, against: str, best: bool, prediction: dict[str, float], **after: float
) -> list[AnyEvent]:
    plan = recipe(letter=10).model_copy(update={"prediction": prediction})
    training = f"t{attempt}"
    return [
        RecipeDrafted(attempt=attempt, operation="draft", recipe=plan, digest="r"),
        DatasetCommitted(
            attempt=attempt, version=f"v{attempt}", rows=10, skills={"letter": 10}, made=12, dropped={}, seconds=1
        ),
        examined(training, **after),
        IterationJudged(
            attempt=attempt,
            version=f"v{attempt}",
            training=training,
            against=against,
            improvement=0,
            standard_error=0,
            best=best,
        ),
    ]


def test_every_prediction_stands_beside_what_came_of_it() -> None:
    events = [
        STARTED,
        examined("base", letter=0.2, chat=0.4),
        *iteration(1, against="base", best=True, prediction={"letter": 0.5, "ghost": 0.1}, letter=0.6, chat=0.3),
        *iteration(2, against="t1", best=False, prediction={"chat": 0.2}, letter=0.6, chat=0.35),
    ]
    first, ghost, second = fold(events).forecasts
    assert first == Forecast(attempt=1, skill="letter", predicted=0.5, actual=pytest.approx(0.4), n=20)
    assert ghost == Forecast(attempt=1, skill="ghost", predicted=0.1, actual=None, n=0)
    assert second == Forecast(attempt=2, skill="chat", predicted=0.2, actual=pytest.approx(0.05), n=20)


def failed(**changes: Any) -> AttemptFailed:
    given = {"attempt": 1, "reason": "r", "accepted": 1, "made": 9, "dropped": {}, "seconds": 1}
    return AttemptFailed.model_validate(given | changes)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (failed(), "too-few-rows"),
        (failed(dropped={"duplicate": 5, "unreadable": 4}), "too-few-rows"),
        (failed(dropped={"duplicate": 4, "unreadable": 3, "cut-off": 1}), "format"),
        (failed(dropped={"surplus": 90, "malformed": 1}), "format"),
        (failed(dropped={"surplus": 90}), "too-few-rows"),
        (failed(kind="failed", dropped={"malformed": 9}), "failed"),
        (failed(kind="budget"), "budget"),
        (ProposalFailed(attempt=1, operation="draft", kind="unreadable", problems=()), "unreadable"),
    ],
)
def test_failures_are_counted_as_the_paper_counts_them(failure: AttemptFailed | ProposalFailed, kind: str) -> None:
    assert failure_kind(failure) == kind


def test_what_was_spent_is_split_by_who_spent_it() -> None:
    plan = recipe(letter=10)
    events = [
        STARTED,
        RecipeDrafted(attempt=1, operation="draft", recipe=plan, digest="r", spent={"requests": 2, "tokens": 70}),
        failed(spent={"requests": 30, "tokens": 900, "picodollars": 5}),
        ProposalFailed(attempt=2, operation="repair", kind="unreadable", problems=(), spent={"tokens": 7}),
        SearchEnded(reason="engineer", spent={"tokens": 3}),
    ]
    state = fold(events)
    assert state.spent_on_teacher == Amount(rows=9, requests=30, tokens=900, picodollars=5)
    assert state.spent_on_engineer == Amount(requests=2, tokens=80)
    assert state.spent == Amount(rows=9, requests=32, tokens=980, picodollars=5)
    assert state.mats is None
    assert state.failures_in_a_row == 2


@dataclass
class Record:
    number: int
    type: str
    data: dict[str, Any]


def test_ledgers_written_before_there_were_models_still_read() -> None:
    plan = recipe(letter=10).model_dump(mode="json", by_alias=True)
    drafted = from_record(
        Record(1, "recipe-drafted", {"attempt": 1, "operation": "repair", "recipe": plan, "digest": "r"})
    )
    lost = {"attempt": 1, "reason": "few", "accepted": 0, "made": 3, "dropped": {}, "seconds": 1.0}
    state = fold([STARTED, drafted, from_record(Record(2, "attempt-failed", lost))])
    assert state.failure_kinds == {"too-few-rows": 1}
    assert state.spent == Amount(rows=3)


def test_a_failed_proposal_survives_the_ledger() -> None:
    event = ProposalFailed(
        attempt=3, operation="debug", kind="invalid-recipe", problems=("skills[0]: wrong",), prompts={"system": "d"}
    )
    assert from_record(Record(1, event.type, to_data(event))) == event
