"""What the engineer is shown of a run, and what never."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from preceptor.engineers.observation import MAX_FAILURES, MAX_SAMPLES, FailureView, Observation
from preceptor.loop.events import (
    AnyEvent,
    AttemptFailed,
    DatasetCommitted,
    IterationJudged,
    ProposalFailed,
    RecipeDrafted,
    RunStarted,
    SkillScore,
    SplitScore,
    StudentExamined,
)
from preceptor.loop.observe import MAX_CHARACTERS, observe
from preceptor.loop.state import fold
from preceptor.spec.document import Spec
from preceptor.spec.recipe import Recipe
from preceptor.tasks.grading import Prediction
from preceptor.tasks.items import Item
from preceptor.tasks.splits import Split
from support.payments import recipe, spec

STARTED = RunStarted(document={}, document_digest="d", splits={}, items={}, versions={})
OPENAI = {"kind": "openai", "model": "big", "sampling": {"max_tokens": 64}}
LLM = {"kind": "llm", "model": "planner"}
N = 100


def feedback(length: int = 5) -> Split:
    items = [
        Item(f"i{place:03d}", {}, "q" * length, "r" * length, ("chat", "letter")[place % 2], f"c{place}")
        for place in range(N)
    ]
    return Split("feedback", tuple(items), "digest")


def predictions(right: int, split: Split, length: int = 5) -> list[Prediction]:
    return [
        Prediction(item.id, item.skill, item.cluster, "d", "o" * length, None, float(good), good, 1, False)
        for place, item in enumerate(split.items)
        for good in [place < right]
    ]


def scores(subject: str) -> StudentExamined:
    skills = {
        skill: SkillScore(n=N // 2, value=0.25 if subject == "base" else 0.75, exact=0.5)
        for skill in ("chat", "letter")
    }
    split = SplitScore(evaluation="e", n=N, value=0.5, exact=0.5, skills=skills)
    return StudentExamined(subject=subject, splits={"feedback": split, "selection": split}, seconds=1, tokens=1)


PLAN = recipe(letter=20).model_copy(update={"prediction": {"letter": 0.4}})


def drafted(attempt: int, plan: Recipe = PLAN, **changes: Any) -> RecipeDrafted:
    given = {"attempt": attempt, "operation": "draft", "recipe": plan, "digest": "r", **changes}
    return RecipeDrafted(**given)


BEST: list[AnyEvent] = [
    STARTED,
    scores("base"),
    drafted(1, card="persona-diversity", spent={"requests": 1, "tokens": 100}),
    DatasetCommitted(
        attempt=1,
        version="v1",
        rows=20,
        skills={"letter": 20},
        made=40,
        dropped={"duplicate": 15, "malformed": 5},
        seconds=1,
        spent={"requests": 50, "tokens": 3000, "picodollars": 2 * 10**12},
    ),
    scores("t1"),
    IterationJudged(
        attempt=1, version="v1", training="t1", against="base", improvement=0.1, standard_error=0.01, best=True
    ),
]


def rows(version: str) -> list[dict[str, object]]:
    assert version == "v1"
    return [{"skill": "letter", "prompt": f"pay {place} now", "answer": "x" * 1000} for place in range(40)]


def look(events: Sequence[AnyEvent], document: Spec | None = None, **options: Any) -> Observation:
    document = document or spec(engineer=LLM, teacher=OPENAI)
    split = feedback(options.pop("length", 5))
    answers = {"base": predictions(30, split), "t1": predictions(60, split)}
    return observe(document, fold(events), split, answers.__getitem__, rows=rows, **options)


def test_the_task_is_shown_with_its_columns_and_its_scorer_in_words() -> None:
    document = spec()
    document = document.model_copy(
        update={"task": document.task.model_copy(update={"system": "Be brief.", "prompt": "{{ message }} {{ tone }}"})}
    )
    task = look([STARTED], document).task
    assert task is not None
    assert (task.description, task.system, task.columns) == ("Read payments.", "Be brief.", ("message", "tone"))
    assert task.scorer.startswith("Compares a JSON object with the reference, field by field.")
    assert '"amount":{"compare":"number"}' in task.scorer


@pytest.mark.parametrize(
    ("document", "events", "given", "sources"),
    [
        (spec(), [STARTED], {}, ("procedural",)),
        (spec(teacher=OPENAI), [STARTED], {}, ("prompt",)),
        (spec(teacher=OPENAI), BEST, {"seeds": 7, "pool": {"wild": 3}}, ("prompt", "solve", "evolve", "pool")),
    ],
)
def test_only_sources_that_are_possible_now_are_named(
    document: Spec, events: list[AnyEvent], given: dict[str, Any], sources: tuple[str, ...]
) -> None:
    assert look(events, document, **given).teacher.sources == sources


def test_skills_of_feedback_generators_and_pool_may_be_planned() -> None:
    seen = look([STARTED], spec(teacher={"kind": "pool", "uri": "p", "answer": "a"}), pool={"wild": 3})
    assert seen.labels == ("chat", "letter", "wild")
    assert seen.teacher.pool == {"wild": 3}
    assert seen.teacher.validators == ("length",)


def test_what_is_left_and_what_a_row_cost() -> None:
    budget = {
        "iterations": 5,
        "teacher_requests": 500,
        "teacher_requests_per_attempt": 90,
        "tokens": 10_000,
        "usd": 8,
        "rows": 100,
    }
    seen = look(BEST, spec(engineer=LLM, teacher=OPENAI, budget=budget))
    assert seen.budget.model_dump() == {
        "attempts": 11,
        "requests": 450,
        "requests_per_attempt": 90,
        "tokens": 6900,
        "usd": 6.0,
    }
    assert (seen.iterations_left, seen.rows_left) == (4, 60)
    assert seen.row_cost is not None
    assert seen.row_cost.model_dump() == {"made": 2, "requests": 2.5, "tokens": 150, "usd": 0.1}


def test_the_best_version_is_shown_by_a_few_of_its_rows() -> None:
    best = look(BEST).best
    assert best is not None
    assert (best.version, best.attempt, best.skills) == ("v1", 1, {"letter": 20})
    assert len(best.samples) == MAX_SAMPLES
    assert len({row.prompt for row in best.samples}) == MAX_SAMPLES
    assert all(len(row.answer) <= MAX_CHARACTERS + 2 for row in best.samples)
    assert best.evenness == 1.0
    assert best.distinct2 == 1.0


def test_predictions_and_outcomes_of_past_attempts_stand_side_by_side() -> None:
    seen = look(BEST)
    (past,) = seen.past
    assert (past.number, past.card, past.is_best) == (1, "persona-diversity", True)
    assert past.predicted == {"letter": 0.4}
    assert past.actual == {"chat": 0.5, "letter": 0.5}
    assert past.funnel.dropped == {"duplicate": 15, "malformed": 5}
    assert (seen.attempt, seen.iteration, seen.operation, seen.since_best) == (2, 2, "improve", 0)
    assert seen.cards_used == ("persona-diversity",)


def test_a_failed_proposal_is_told_and_is_no_past_recipe() -> None:
    broken = ProposalFailed(attempt=1, operation="draft", kind="unreadable", problems=("the answer is no JSON",))
    seen = look([STARTED, broken])
    assert seen.past == ()
    assert (seen.attempt, seen.operation) == (2, "debug")
    assert seen.last_failure == FailureView(kind="unreadable", problems=("the answer is no JSON",), has_recipe=False)


def test_a_failed_attempt_is_told_by_its_reason() -> None:
    lost = AttemptFailed(attempt=1, kind="failed", reason="x" * 9999, accepted=0, made=0, dropped={}, seconds=1)
    seen = look([STARTED, drafted(1), lost])
    assert seen.last_failure is not None
    assert seen.last_failure.has_recipe
    assert len(seen.last_failure.problems[0]) <= MAX_CHARACTERS + 2
    assert look([*BEST]).last_failure is None


def test_failed_cases_are_bounded_in_number_and_length_and_skills_take_turns() -> None:
    seen = look([STARTED], length=5000)
    assert len(seen.failures) == MAX_FAILURES
    assert [case.skill for case in seen.failures[:4]] == ["chat", "letter", "chat", "letter"]
    assert all(len(case.prompt) <= MAX_CHARACTERS + 2 for case in seen.failures)


def test_one_shot_tries_see_no_feedback_and_no_earlier_try() -> None:
    document = spec(engineer={**LLM, "strategy": "oneShot"}, teacher=OPENAI)
    broken = ProposalFailed(attempt=2, operation="draft", kind="unreadable", problems=("no JSON",))
    lost = AttemptFailed(attempt=1, reason="few", accepted=0, made=0, dropped={}, seconds=1)
    seen = look([STARTED, drafted(1), lost, broken], document)
    assert (seen.skills, seen.past, seen.failures, seen.last_failure) == ({}, (), (), None)
    assert (seen.operation, seen.attempt) == ("draft", 3)
    assert seen.labels == ("chat", "letter")


def test_the_same_run_looks_the_same_however_long_it_took() -> None:
    slower = [event.model_copy(update={"elapsed": 999.0}) for event in BEST]
    assert look(BEST) == look(slower)
