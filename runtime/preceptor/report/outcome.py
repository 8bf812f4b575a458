"""What the private split says, and how far to believe it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from preceptor.evaluation import statistics
from preceptor.loop.events import BASE
from preceptor.loop.state import RunState
from preceptor.report import schema
from preceptor.report.answers import Answers, Sheet, kind_of, shares
from preceptor.tasks.grading import Prediction
from preceptor.tasks.splits import Split

FAILURES = 20
"""Failed feedback items that the report shows."""


def interval(found: Sheet, confidence: float) -> schema.Interval:
    """Interval of a sheet's mean, over items; each item's mean over the sittings is one value."""
    spread = statistics.mean_interval(found.means, confidence, clusters=found.clusters)
    return spread.low, spread.high


def private(answers: Answers, confidence: float) -> schema.Private | None:
    """The outcome; ``None`` when the private split was not opened."""
    before, finalists = answers.base, answers.finalists
    if before is None:
        return None
    after = answers.sheet("private", *(event.training for event in finalists))
    gain = statistics.paired_gain(before.means, after.values, clusters=before.clusters, confidence=confidence)
    return schema.Private(
        items=gain.items,
        clusters=gain.clusters,
        before=float(before.values.mean()),
        after=float(after.values.mean()),
        before_interval=interval(before, confidence),
        after_interval=interval(after, confidence),
        gain_points=100 * gain.points,
        interval=(100 * gain.low, 100 * gain.high),
        confidence=confidence,
        relative_gain=gain.relative,
        detectable_points=100 * gain.detectable,
        significant=gain.significant,
        exact_before=float(before.correct.mean()),
        exact_after=float(after.correct.mean()),
        seeds=tuple(_seed(event.training, event.seed, before, after, place) for place, event in enumerate(finalists)),
        skills={skill: _skill(before, after, skill, confidence) for skill in sorted(set(before.skills))},
    )


def _seed(training: str, seed: int, before: Sheet, after: Sheet, place: int) -> schema.SeedOutcome:
    test = statistics.mcnemar(before.correct[0], after.correct[place])
    return schema.SeedOutcome(
        training=training,
        seed=seed,
        value=float(after.values[place].mean()),
        exact=float(after.correct[place].mean()),
        gained=test.gained,
        lost=test.lost,
        p=test.p,
    )


def _skill(before: Sheet, after: Sheet, skill: str, confidence: float) -> schema.SkillOutcome:
    old, new = before.of_skill(skill), after.of_skill(skill)
    return schema.SkillOutcome(
        n=len(old.items),
        before=float(old.values.mean()),
        after=float(new.values.mean()),
        before_interval=interval(old, confidence),
        after_interval=interval(new, confidence),
    )


def optimism(answers: Answers, confidence: float) -> schema.Optimism | None:
    """How much better the chosen student looks on the split that chose it; ``None`` when private was not opened."""
    before, best = answers.base, answers.state.best
    if before is None or best is None or best.judged is None:
        return None
    finalists = answers.sheet("private", *(event.training for event in answers.finalists))
    chosen = answers.sheet("selection", best.judged.training)
    untrained = answers.sheet("selection", BASE)
    on_selection = statistics.paired_gain(
        untrained.means, chosen.values, clusters=untrained.clusters, confidence=confidence
    )
    on_private = statistics.paired_gain(before.means, finalists.values, clusters=before.clusters, confidence=confidence)
    same = [event.training for event in answers.finalists] == [best.judged.training]
    found = statistics.optimism(on_selection, on_private, confidence, same_students=same)
    return schema.Optimism(
        selection_points=100 * on_selection.points,
        private_points=100 * on_private.points,
        points=100 * found.points,
        interval=(100 * found.low, 100 * found.high),
        excludes_zero=found.excludes_zero,
    )


def readings(state: RunState) -> tuple[schema.Reading, ...]:
    """Every opening of the private split."""
    return tuple(schema.Reading(reading=event.reading, others=event.others) for event in state.readings)


def mistakes(answers: Answers) -> Iterator[schema.Mistakes]:
    """What becomes of answers before and after: on private when it was read, and on feedback."""
    finalists, best = answers.finalists, answers.state.best_subject
    if finalists:
        after = [answers.of(event.training, "private") for event in finalists]
        yield _mistakes("private", answers.of(BASE, "private"), after)
    yield _mistakes("feedback", answers.of(BASE, "feedback"), [answers.of(best, "feedback")])


def _mistakes(split: str, before: list[Prediction], after: Sequence[list[Prediction]]) -> schema.Mistakes:
    return schema.Mistakes(split=split, items=len(before), before=dict(shares([before])), after=dict(shares(after)))


def failures(answers: Answers, feedback: Split) -> tuple[tuple[schema.Failure, ...], int]:
    """Feedback items that the best version's student got wrong, and how many there are.

    Those shown lie evenly over all, sorted by skill.
    """
    subject = answers.state.best_subject
    rows = answers.of(subject, "feedback")
    before = {row.item_id: row.value for row in answers.of(BASE, "feedback")} if subject != BASE else {}
    known = {item.id: item for item in feedback.items}
    wrong = sorted((row for row in rows if not row.correct), key=lambda row: (row.skill, row.item_id))
    count = min(FAILURES, len(wrong))
    shown = [wrong[int(place)] for place in np.linspace(0, len(wrong) - 1, count)] if count else []
    cases = tuple(
        schema.Failure(
            skill=row.skill,
            prompt=known[row.item_id].prompt,
            reference=known[row.item_id].reference,
            output=row.output,
            extracted=row.extracted,
            value=row.value,
            kind=kind_of(row),
            before=before.get(row.item_id),
        )
        for row in shown
    )
    return cases, len(wrong)
