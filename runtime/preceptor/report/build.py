"""Builds a report from what the run stored: the ledger, the evaluations, the dataset versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict

import numpy as np

from preceptor.evaluation import statistics
from preceptor.loop.budget import used
from preceptor.loop.decide import tries
from preceptor.loop.events import BASE, Published
from preceptor.loop.state import Attempt, RunState
from preceptor.report import safeguards, schema
from preceptor.report.history import documents
from preceptor.report.human import human_input, totals
from preceptor.report.variety import variety
from preceptor.spec.actors import LLMEngineer, OpenAITeacher
from preceptor.spec.document import Spec, Specialization
from preceptor.storage import datasets, evaluations
from preceptor.storage.ledger import read_records
from preceptor.storage.store import Store
from preceptor.synthesis.context import UnitContext
from preceptor.tasks.grading import Prediction
from preceptor.tasks.splits import Split, SplitName

SAMPLES = 12
"""Rows of the published version that the report shows."""


def build_report(
    document: Specialization,
    store: Store,
    splits: Mapping[SplitName, Split],
    state: RunState,
    published: Published,
    context: UnitContext,
) -> schema.Report:
    """The report of a run that ends with ``published``."""
    assert state.started is not None
    private = _private(document, store, state, published)
    contamination, samples = _published_rows(document.spec, store, splits, state, published.version)
    diversity = variety(store, document.spec.task, _versions(state))
    people = human_input(document.spec, splits, context, documents(read_records(store)))
    tested = safeguards.self_test(state)
    return schema.Report(
        name=document.name,
        verdict=published.verdict,
        sentence=sentence(published, private),
        alarms=safeguards.alarms(contamination, diversity, document.spec),
        description=document.spec.task.description,
        student=document.spec.student.model,
        published_version=published.version,
        published_training=published.training,
        private=private,
        baseline={split: state.scores[BASE, split].value for split in ("feedback", "selection")},
        iterations=tuple(_iteration(state, attempt) for attempt in state.iterations),
        ended=state.ended.detail if state.ended else "",
        attempts=_attempts(state),
        budget=_budget(document, state),
        forecasts=_forecasts(state),
        stages=_stages(state),
        funnel=_funnel(state),
        contamination=contamination,
        canaries={kind: tested.stopped.get(kind, 0) == n for kind, n in tested.planted.items()} if tested else {},
        self_test=tested,
        diversity=diversity,
        human_input=people,
        human_totals=totals(people),
        samples=samples,
        digests={
            "document": state.started.document_digest,
            **{f"split.{name}": split.digest for name, split in splits.items()},
            **{f"recipe.{attempt.number}": attempt.drafted.digest for attempt in state.attempts if attempt.has_recipe},
            **{f"training.{training.training}": training.version for training in state.trainings.values()},
        },
        versions=state.started.versions,
    )


def sentence(published: Published, private: schema.Private | None) -> str:
    """The verdict for people."""
    if published.verdict == "no-dataset":
        return "No attempt gave a valid dataset."
    if private is None:
        return "No improvement: nothing beat the untrained student on selection, so the private split stayed closed."
    low, high = private.interval
    figures = (
        f"{private.before:.1%} before, {private.after:.1%} after: {private.gain_points:+.1f} points "
        f"({private.confidence:.0%} interval {low:+.1f} to {high:+.1f}) on {private.items} private items"
    )
    if published.verdict == "improved":
        return f"Improved: {figures}."
    return f"No improvement shown: {figures}; the interval includes 0."


def _private(document: Specialization, store: Store, state: RunState, published: Published) -> schema.Private | None:
    finalists = [event for event in state.trainings.values() if (event.training, "private") in state.scores]
    if published.version is None or not finalists:
        return None
    finalists = sorted(finalists, key=lambda event: event.seed_index)
    before = _predictions(store, state, BASE)
    after = [_predictions(store, state, event.training) for event in finalists]
    order = sorted(before)
    values = np.array([before[item].value for item in order])
    trained = np.array([[rows[item].value for item in order] for rows in after])
    gain = statistics.paired_gain(values, trained, confidence=document.spec.evaluation.confidence)
    skills = sorted({prediction.skill for prediction in before.values()})
    scores = [state.scores[event.training, "private"] for event in finalists]
    return schema.Private(
        items=len(order),
        before=float(values.mean()),
        after=float(trained.mean()),
        gain_points=100 * gain.points,
        interval=(100 * gain.low, 100 * gain.high),
        confidence=document.spec.evaluation.confidence,
        relative_gain=gain.relative,
        exact_before=state.scores[BASE, "private"].exact,
        exact_after=float(np.mean([score.exact for score in scores])),
        seeds=tuple(
            schema.SeedOutcome(training=event.training, seed=event.seed, value=score.value, exact=score.exact)
            for event, score in zip(finalists, scores, strict=True)
        ),
        skills={
            skill: schema.SkillOutcome(
                n=sum(prediction.skill == skill for prediction in before.values()),
                before=_skill_mean([before], skill),
                after=_skill_mean(after, skill),
            )
            for skill in skills
        },
    )


def _predictions(store: Store, state: RunState, subject: str) -> dict[str, Prediction]:
    rows = evaluations.read(store, state.scores[subject, "private"].evaluation)
    return {prediction.item_id: prediction for prediction in rows}


def _skill_mean(sittings: Iterable[Mapping[str, Prediction]], skill: str) -> float:
    return float(np.mean([row.value for rows in sittings for row in rows.values() if row.skill == skill]))


def _iteration(state: RunState, attempt: Attempt) -> schema.Iteration:
    judged, committed = attempt.judged, attempt.committed
    assert judged is not None
    assert committed is not None
    trained = state.training_of(attempt)
    sitting = next(event for event in state.examinations if event.subject == judged.training)
    recipe = attempt.drafted.recipe
    return schema.Iteration(
        attempt=attempt.number,
        version=committed.version,
        rows=committed.rows,
        carried=committed.carried,
        feedback=state.scores[judged.training, "feedback"].value,
        selection=state.scores[judged.training, "selection"].value,
        improvement_points=100 * judged.improvement,
        standard_error_points=100 * judged.standard_error,
        best=judged.best,
        predicted=_predicted(state, judged.against, recipe.prediction),
        seconds=committed.seconds + (trained.seconds if trained else 0.0) + sitting.seconds,
        rationale=recipe.rationale,
        quotas={plan.skill: plan.quota for plan in recipe.skills},
    )


def _predicted(state: RunState, against: str, prediction: Mapping[str, float]) -> float | None:
    """The predicted mean score: what the recipe improves on, plus the predicted change of each skill by its items."""
    before = state.scores[against, "feedback"]
    if not prediction:
        return None
    return (
        sum(score.n * (score.value + prediction.get(skill, 0.0)) for skill, score in before.skills.items()) / before.n
    )


def _attempts(state: RunState) -> schema.Attempts:
    failures = {str(kind): count for kind, count in state.failure_kinds.items()}
    total, valid = len(state.attempts), state.valid_attempts
    return schema.Attempts(total=total, valid=valid, mats=state.mats, failures=failures)


def _budget(document: Specialization, state: RunState) -> dict[str, schema.Spending]:
    budget = document.spec.budget
    return {
        "iterations": schema.Spending(limit=budget.iterations, spent=len(state.iterations)),
        "attempts": schema.Spending(limit=tries(document.spec), spent=len(state.attempts)),
        "rows": schema.Spending(limit=budget.rows, spent=state.rows_made),
        "wallClock": schema.Spending(limit=budget.wall_clock, spent=round(state.elapsed, 1)),
        **(_asked(document.spec, state) if _asks(document.spec) else {}),
    }


def _asks(spec: Spec) -> bool:
    return isinstance(spec.teacher, OpenAITeacher) or isinstance(spec.engineer, LLMEngineer)


def _asked(spec: Spec, state: RunState) -> dict[str, schema.Spending]:
    """What teacher and engineer asked of models."""
    spent = used(state)
    return {
        "teacherRequests": schema.Spending(limit=spec.budget.teacher_requests, spent=spent.requests),
        "tokens": schema.Spending(limit=spec.budget.tokens, spent=spent.tokens),
        "usd": schema.Spending(limit=spec.budget.usd, spent=spent.usd),
        "engineerRequests": schema.Spending(limit=None, spent=state.spent_on_engineer.requests),
        "engineerUsd": schema.Spending(limit=None, spent=state.spent_on_engineer.usd),
    }


def _forecasts(state: RunState) -> tuple[schema.Forecast, ...]:
    return tuple(schema.Forecast.model_validate(asdict(forecast)) for forecast in state.forecasts)


def _stages(state: RunState) -> dict[str, float]:
    """Seconds by kind of step; what is left of the run's time is drafting, judging and starting processes."""
    search, finalists = 0.0, 0.0
    for event in state.trainings.values():
        if event.seed_index:
            finalists += event.seconds
        else:
            search += event.seconds
    outcomes = [attempt.committed or attempt.failed for attempt in state.attempts]
    stages = {
        "generate": sum(outcome.seconds for outcome in outcomes if outcome),
        "train": search,
        "train finalists": finalists,
        "examine": sum(event.seconds for event in state.examinations),
    }
    return {**stages, "other": max(0.0, state.elapsed - sum(stages.values()))}


def _funnel(state: RunState) -> schema.Funnel:
    committed = [attempt.committed for attempt in state.attempts if attempt.committed]
    dropped = safeguards.dropped(state)
    return schema.Funnel(
        made=state.rows_made,
        accepted=sum(version.rows - version.carried for version in committed),
        dropped=dropped,
        gates=safeguards.by_gate(dropped),
    )


def _versions(state: RunState) -> list[str]:
    return list(dict.fromkeys(attempt.committed.version for attempt in state.attempts if attempt.committed))


def _published_rows(
    spec: Spec, store: Store, splits: Mapping[SplitName, Split], state: RunState, version: str | None
) -> tuple[schema.Contamination, tuple[schema.SampleRow, ...]]:
    """The published version's rows, read once: compared with the examination, and some of them to show.

    Those lie evenly over the version, which is sorted by content: as good as drawn at random, and repeatable.
    """
    recheck = safeguards.Recheck(spec, splits, state)
    samples = []
    if version is not None:
        count = datasets.read_manifest(store, version).rows
        shown = {index * count // SAMPLES for index in range(SAMPLES)} if count > SAMPLES else set(range(count))
        for place, row in enumerate(datasets.iter_rows(store, version)):
            recheck.add(row)
            if place in shown:
                samples.append(_sample(row))
    return recheck.result(), tuple(samples)


def _sample(row: datasets.Row) -> schema.SampleRow:
    return schema.SampleRow(
        skill=str(row["skill"]),
        prompt=str(row["prompt"]),
        answer=str(row["answer"]),
        generator=row["receipt"]["generator"],
    )
