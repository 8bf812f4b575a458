"""What a run's ledger says, made up: a run of two iterations, of which any number of events may have happened."""

from __future__ import annotations

from preceptor.loop.events import (
    BASE,
    AnyEvent,
    DatasetCommitted,
    IterationJudged,
    Published,
    RecipeDrafted,
    RunStarted,
    SafeguardsTested,
    SearchEnded,
    SplitScore,
    StudentExamined,
    StudentTrained,
    to_data,
)
from preceptor.spec.recipe import ProceduralSource, Recipe, SkillPlan
from preceptor.storage.ledger import Ledger
from support.documents import document

RECIPE = Recipe(skills=(SkillPlan(skill="plus", quota=20, sources=(ProceduralSource(generator="plus"),)),))
FEEDBACK, SELECTION, PRIVATE = 10, 10, 20
"""Items in each split."""
TRAINING, EXAMINATION, DRAFTING, MAKING = 40.0, 20.0, 5.0, 10.0
"""Seconds of each step."""
ROWS = 20
"""Rows in each version."""


def started(**changes: object) -> RunStarted:
    """The first event; ``changes`` replace parts of the document's budget and evaluation, by their JSON keys."""
    data = document().spec.canonical()
    for key, value in changes.items():
        section, _, name = key.partition("__")
        data["spec"][section][name] = value  # type: ignore[index]
    return RunStarted(
        document=data,
        document_digest="d",
        splits={},
        items={"feedback": FEEDBACK, "selection": SELECTION, "private": PRIVATE},
        versions={},
    )


def history(first: RunStarted | None = None) -> list[AnyEvent]:
    """Every event of a run of two iterations, the second no better than the first."""
    events: list[AnyEvent] = [first or started(), SafeguardsTested(planted={}, stopped={})]
    clock = 0.0

    def then(event: AnyEvent, seconds: float = 0.0) -> None:
        nonlocal clock
        clock += seconds
        events.append(event.model_copy(update={"elapsed": clock}))

    then(_examined(BASE, 0.25), EXAMINATION)
    for number, value in ((1, 0.75), (2, 0.5)):
        version, training = f"v{number}-abc", f"t-{number}"
        spent = {"requests": 100, "tokens": 5000, "picodollars": 25 * 10**10}
        then(RecipeDrafted(attempt=number, operation="draft", recipe=RECIPE, digest="r"), DRAFTING)
        committed = DatasetCommitted(
            attempt=number,
            version=version,
            rows=ROWS,
            skills={"plus": ROWS},
            made=30,
            dropped={},
            seconds=MAKING,
            spent=spent,
        )
        then(committed, MAKING)
        then(_trained(version, training), TRAINING)
        then(_examined(training, value), EXAMINATION)
        judged = IterationJudged(
            attempt=number,
            version=version,
            training=training,
            against=BASE if number == 1 else "t-1",
            improvement=0.5 if number == 1 else -0.25,
            standard_error=0.1,
            best=number == 1,
        )
        then(judged)
    then(SearchEnded(reason="iterations", detail="all 2 iterations are done"))
    then(Published(verdict="improved", version="v1-abc", training="t-1"), 100.0)
    return events


def write(ledger: Ledger, events: list[AnyEvent]) -> None:
    """Append events to a ledger."""
    for event in events:
        ledger.append(event.type, to_data(event))


def _trained(version: str, training: str) -> StudentTrained:
    return StudentTrained(
        training=training,
        version=version,
        seed_index=0,
        seed=1,
        steps=10,
        tokens=100,
        first_loss=2.0,
        last_loss=1.0,
        seconds=TRAINING,
    )


def _examined(subject: str, value: float) -> StudentExamined:
    scores = {
        "feedback": SplitScore(evaluation="e", n=FEEDBACK, value=value, exact=value),
        "selection": SplitScore(evaluation="e", n=SELECTION, value=value, exact=value),
    }
    return StudentExamined(subject=subject, splits=scores, seconds=EXAMINATION, tokens=10)
