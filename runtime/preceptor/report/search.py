"""The search: every version that was examined, and the attempts that failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from preceptor.evaluation import statistics
from preceptor.loop.events import BASE, SplitName
from preceptor.loop.state import Attempt, RunState
from preceptor.report import safeguards, schema
from preceptor.report.answers import Answers
from preceptor.report.outcome import interval

_SEARCHED: tuple[SplitName, ...] = ("feedback", "selection")


def baseline_intervals(answers: Answers, confidence: float) -> dict[str, schema.Interval]:
    """Intervals of the untrained student's scores on the splits of the search."""
    return {split: interval(answers.sheet(split, BASE), confidence) for split in _SEARCHED}


def iterations(answers: Answers, confidence: float) -> tuple[schema.Iteration, ...]:
    """Every version that was trained, examined and judged."""
    return tuple(_iteration(answers, attempt, confidence) for attempt in answers.state.iterations)


def _iteration(answers: Answers, attempt: Attempt, confidence: float) -> schema.Iteration:
    state, judged, committed = answers.state, attempt.judged, attempt.committed
    assert judged is not None
    assert committed is not None
    trained = state.training_of(attempt)
    sitting = next(event for event in state.examinations if event.subject == judged.training)
    recipe = attempt.drafted.recipe
    before, after = answers.sheet("selection", BASE), answers.sheet("selection", judged.training)
    gain = statistics.paired_gain(before.means, after.values, clusters=before.clusters, confidence=confidence)
    return schema.Iteration(
        attempt=attempt.number,
        version=committed.version,
        rows=committed.rows,
        carried=committed.carried,
        feedback=state.scores[judged.training, "feedback"].value,
        selection=state.scores[judged.training, "selection"].value,
        feedback_interval=interval(answers.sheet("feedback", judged.training), confidence),
        selection_interval=interval(after, confidence),
        gain_points=100 * gain.points,
        gain_interval=(100 * gain.low, 100 * gain.high),
        improvement_points=100 * judged.improvement,
        standard_error_points=100 * judged.standard_error,
        best=judged.best,
        predicted=_predicted(state, judged.against, recipe.prediction),
        seconds=committed.seconds + (trained.seconds if trained else 0.0) + sitting.seconds,
        rationale=recipe.rationale,
        quotas={plan.skill: plan.quota for plan in recipe.skills},
    )


def _predicted(state: RunState, against: str, prediction: Mapping[str, float]) -> float | None:
    """The predicted mean score: what the recipe improves on, plus the predicted change of each skill by its items.

    Kept within [0, 1] skill by skill: an engineer may expect more than there is to gain.
    """
    before = state.scores[against, "feedback"]
    if not prediction:
        return None
    scores = before.skills.items()
    return sum(one.n * min(1.0, max(0.0, one.value + prediction.get(skill, 0.0))) for skill, one in scores) / before.n


def attempts(state: RunState) -> schema.Attempts:
    """How many recipes it took, and how they failed."""
    failures = {str(kind): count for kind, count in state.failure_kinds.items()}
    return schema.Attempts(total=len(state.attempts), valid=state.valid_attempts, mats=state.mats, failures=failures)


def forecasts(state: RunState) -> tuple[schema.Forecast, ...]:
    """What the engineer predicted and what came."""
    return tuple(schema.Forecast.model_validate(asdict(forecast)) for forecast in state.forecasts)


def funnel(state: RunState) -> schema.Funnel:
    """What became of the rows the teacher made."""
    committed = [attempt.committed for attempt in state.attempts if attempt.committed]
    dropped = safeguards.dropped(state)
    return schema.Funnel(
        made=state.rows_made,
        accepted=sum(version.rows - version.carried for version in committed),
        dropped=dropped,
        gates=safeguards.by_gate(dropped),
    )


def versions(state: RunState) -> list[str]:
    """Every dataset version, in the order of making."""
    return list(dict.fromkeys(attempt.committed.version for attempt in state.attempts if attempt.committed))
