"""What the gain is compared with: controls, other tasks, the published version without one of its skills."""

from __future__ import annotations

import numpy as np

from preceptor.evaluation import statistics
from preceptor.loop.events import BASE, ControlEnded
from preceptor.loop.state import RunState
from preceptor.recipes.amount import Amount
from preceptor.report import schema
from preceptor.report.answers import Answers, Sheet, sheet
from preceptor.report.outcome import interval

UNTRAINED = (BASE, "prompted", "ceiling")
"""Comparisons that train nobody, so that there is no luck of a training in them."""


def controls(answers: Answers, confidence: float) -> dict[str, schema.Control]:
    """Each comparison, the untrained student first, and how much better the published student is."""
    found: dict[str, schema.Control] = {}
    student = _student(answers, "private")
    if student is not None:
        found[BASE] = _scored(BASE, answers.sheet("private", BASE), student, "private", confidence)
    for name, event in answers.state.controls.items():
        found[name] = _control(answers, event, confidence)
    return found


def _student(answers: Answers, split: str) -> Sheet | None:
    """The published student's answers: the finalists' on private, the chosen student's on selection."""
    if split == "private":
        finalists = [event.training for event in answers.finalists]
        return answers.sheet("private", *finalists) if finalists else None
    best = answers.state.best
    if best is None or best.judged is None:
        return None
    return answers.sheet("selection" if split == "selection" else "feedback", best.judged.training)


def _control(answers: Answers, event: ControlEnded, confidence: float) -> schema.Control:
    spent = Amount.from_data(event.spent)
    facts: dict[str, object] = {
        "version": event.version,
        "rows": event.rows,
        "made": event.made,
        "requests": spent.requests,
        "tokens": spent.tokens,
        "usd": spent.usd,
        "seconds": event.seconds,
        "detail": event.detail,
    }
    if event.skipped or not event.scores:
        why = event.skipped or "it gave no student to examine"
        return schema.Control.model_validate({**facts, "skipped": why, "split": event.split})
    student = _student(answers, event.split)
    scored = _scored(event.control, sheet(answers.control(event)), student, event.split, confidence)
    return scored.model_copy(update=facts)


def _scored(name: str, found: Sheet, student: Sheet | None, split: str, confidence: float) -> schema.Control:
    control = schema.Control(
        split=split,
        items=len(found.items),
        value=float(found.values.mean()),
        interval=interval(found, confidence),
        exact=float(found.correct.mean()),
        seeds=tuple(map(float, found.values.mean(axis=1))),
    )
    if student is None:
        return control
    theirs = found.means if name in UNTRAINED else found.values
    better = statistics.difference(theirs, student.values, clusters=found.clusters, confidence=confidence)
    return control.model_copy(
        update={
            "student": float(student.values.mean()),
            "difference_points": 100 * better.points,
            "difference_interval": (100 * better.low, 100 * better.high),
        }
    )


def suites(state: RunState) -> tuple[schema.Suite, ...]:
    """Each other task."""
    found = []
    for event in state.suites.values():
        after = float(np.mean([score.value for score in event.after]))
        low, high = event.interval
        found.append(
            schema.Suite(
                document=event.document,
                digest=event.digest,
                items=event.before.n,
                before=event.before.value,
                after=after,
                change_points=100 * (after - event.before.value),
                interval=(100 * low, 100 * high),
                dropped=event.dropped,
                allowed=event.allowed,
                seconds=event.seconds,
            )
        )
    return tuple(found)


def attribution(state: RunState) -> tuple[schema.SkillWorth, ...]:
    """What each skill's rows are worth, the most first."""
    found = [
        schema.SkillWorth(
            skill=event.skill,
            rows=event.rows,
            usd=event.usd,
            split=event.split,
            points=100 * event.worth,
            interval=(100 * event.interval[0], 100 * event.interval[1]),
            points_per_hundred_rows=100 * 100 * event.worth / event.rows if event.rows else None,
            points_per_usd=100 * event.worth / event.usd if event.usd else None,
            seconds=event.seconds,
        )
        for event in state.removals.values()
    ]
    return tuple(sorted(found, key=lambda worth: (-worth.points, worth.skill)))
