"""What the engineer gets to see: the only way from a run's memory to an engineer.

It reads feedback predictions and nothing else. Of selection it passes on which version is the best, of private nothing;
:class:`preceptor.engineers.observation.Observation` has no place for more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from preceptor.engineers.observation import (
    MAX_FAILURES,
    FailedCase,
    FunnelView,
    GeneratorView,
    Interval,
    Observation,
    PastAttempt,
    SkillView,
)
from preceptor.evaluation.statistics import mean_interval
from preceptor.loop.events import BASE
from preceptor.loop.state import Attempt, RunState
from preceptor.recipes.catalogue import catalogue
from preceptor.spec.document import Spec
from preceptor.tasks.grading import Prediction
from preceptor.tasks.splits import Split

MAX_CHARACTERS = 600
"""Longest question, reference or answer of a failed case that is passed on."""

Predictions = Callable[[str], Sequence[Prediction]]
"""A subject's predictions on the feedback split."""


def observe(spec: Spec, state: RunState, feedback: Split, predictions: Predictions) -> Observation:
    """The engineer's view of a run before its next proposal."""
    budget = spec.budget
    return Observation(
        iteration=len(state.iterations) + 1,
        skills=_skills(spec, state, predictions),
        past=tuple(_past(state, attempt) for attempt in state.attempts),
        failures=_failures(feedback, predictions(state.best_subject)),
        generators={
            name: GeneratorView(skill=facts.skill, levels=facts.levels)
            for name, facts in catalogue(spec.teacher).items()
        },
        size=spec.dataset.size,
        minimum=spec.dataset.minimum,
        iterations_left=budget.iterations - len(state.iterations),
        rows_left=None if budget.rows is None else budget.rows - state.rows_made,
        seed=spec.seed,
    )


def _skills(spec: Spec, state: RunState, predictions: Predictions) -> dict[str, SkillView]:
    def intervals(subject: str) -> dict[str, Interval]:
        rows = sorted(predictions(subject), key=lambda row: row.skill)
        found = {}
        for skill, group in groupby(rows, key=lambda row: row.skill):
            interval = mean_interval([row.value for row in group], spec.evaluation.confidence)
            found[skill] = Interval(mean=interval.mean, low=interval.low, high=interval.high, n=interval.n)
        return found

    before = intervals(BASE)
    best = intervals(state.best_subject) if state.best else {}
    latest = state.iterations[-1].judged if state.iterations else None
    newest = intervals(latest.training) if latest else {}
    return {
        skill: SkillView(n=interval.n, before=interval, best=best.get(skill), latest=newest.get(skill))
        for skill, interval in before.items()
    }


def _past(state: RunState, attempt: Attempt) -> PastAttempt:
    recipe, committed, failed, judged = attempt.drafted.recipe, attempt.committed, attempt.failed, attempt.judged
    if failed is not None:
        funnel = FunnelView(made=failed.made, accepted=failed.accepted, dropped=failed.dropped, short=failed.short)
        past = PastAttempt(recipe=recipe, rows=failed.accepted, predicted=recipe.prediction, seconds=failed.seconds)
        return past.model_copy(update={"funnel": funnel})
    if committed is None or judged is None:
        return PastAttempt(recipe=recipe, predicted=recipe.prediction)
    trained = state.training_of(attempt)
    return PastAttempt(
        recipe=recipe,
        version=committed.version,
        rows=committed.rows,
        valid=True,
        is_best=attempt is state.best,
        feedback={skill: score.value for skill, score in state.scores[judged.training, "feedback"].skills.items()},
        predicted=recipe.prediction,
        seconds=committed.seconds + (trained.seconds if trained else 0.0),
        funnel=FunnelView(
            made=committed.made,
            carried=committed.carried,
            accepted=committed.rows,
            dropped=committed.dropped,
            short=committed.short,
        ),
    )


def _failures(feedback: Split, predictions: Sequence[Prediction]) -> tuple[FailedCase, ...]:
    """Items that are not wholly right: the worst of each skill first, skills taking turns, bounded."""
    items = {item.id: item for item in feedback.items}
    wrong: dict[str, list[Prediction]] = {}
    for row in sorted(predictions, key=lambda row: (row.value, row.item_id)):
        if not row.correct:
            wrong.setdefault(row.skill, []).append(row)
    turns = [(turn, skill, row) for skill, rows in wrong.items() for turn, row in enumerate(rows)]
    return tuple(
        FailedCase(
            skill=skill,
            prompt=_short(items[row.item_id].prompt),
            reference=_short(items[row.item_id].reference),
            output=_short(row.output),
            value=row.value,
        )
        for _, skill, row in sorted(turns, key=lambda turn: (turn[0], turn[1]))[:MAX_FAILURES]
    )


def _short(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} …"
