"""What each skill's rows are worth (attribution): students that learn the published version without them."""

from __future__ import annotations

import numpy as np

from preceptor.closing.parts import Parts
from preceptor.evaluation import statistics
from preceptor.loop.events import SkillRemoved
from preceptor.loop.schooling import Lesson
from preceptor.loop.step import RemoveSkill


def remove_skill(parts: Parts, step: RemoveSkill) -> SkillRemoved:
    """Train on the best version without a skill's rows, once for each finalist and with its seed, and compare.

    Both kinds of students answer *selection*. The private split belongs to the outcome alone: whoever reads what a
    skill is worth goes on to choose what to make next, and would have chosen by it. Selection chose the version, so a
    skill's worth is as optimistic as its selection score; the report tells how much that is.

    Epochs stay as the document has them. Fewer rows then mean fewer steps, so a skill's worth holds two things that
    this comparison cannot tell apart: what its rows say, and the practice they give to all others. That is what
    somebody loses who leaves them out; equal steps would show the remaining rows more often and hide it. Worths do not
    add up to the gain either: skills may teach the same.

    Raises:
        StorageError: the run's directory cannot be read or written.
        TrainingError: a training diverges.
    """
    selection = parts.paper("selection")
    rows = parts.generation.samples(step.version)
    removed = [row for row in rows if row.skill == step.skill]
    kept = [row for row in rows if row.skill != step.skill]
    trainings = tuple(
        parts.schooling.train(
            Lesson(step.version, step.first_seed + place, rows=lambda: kept, variant=f"without {step.skill}")
        ).training
        for place in range(len(step.finalists))
    )
    examinations = parts.examinations
    for subject in (*step.finalists, *trainings):
        examinations.ask(subject, [selection])
    worth = statistics.difference(
        np.stack([examinations.values(training, selection) for training in trainings]),
        np.stack([examinations.values(finalist, selection) for finalist in step.finalists]),
        clusters=[item.cluster for item in selection.items],
        confidence=parts.spec.evaluation.confidence,
    )
    return SkillRemoved(
        skill=step.skill,
        rows=len(removed),
        usd=sum(row.receipt.usd for row in removed),
        trainings=trainings,
        scores=tuple(examinations.score(training, selection) for training in trainings),
        worth=worth.points,
        interval=(worth.low, worth.high),
    )
