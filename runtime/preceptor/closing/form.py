"""Students that learn what answers look like and nothing else, trained and examined like the finalists.

They learn the best version with answers exchanged between its rows: questions and answers are those of the version,
only which belongs to which is lost. With exchanged labels in demonstrations a model keeps much of what demonstrations
give it (Min et al. 2022, "Rethinking the Role of Demonstrations"); how much of a fine-tuning's gain is of that kind
is what this comparison says.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from preceptor.closing.exchange import Exchanged, exchanged
from preceptor.closing.parts import Parts
from preceptor.errors import TrainingError
from preceptor.loop.events import ControlEnded
from preceptor.loop.finish import finalist_seeds
from preceptor.loop.schooling import Lesson
from preceptor.loop.state import RunState
from preceptor.recipes.sample import Sample

VARIANT = "answers exchanged"
"""What the students' checkpoints call it."""


def form(parts: Parts, state: RunState) -> ControlEnded:
    """Train a student for each of the finalists' seeds, each after an exchange of its own, and examine it on private.

    A training that diverges, as one without sense may where others do not, ends the comparison and not the run.
    """
    assert state.best is not None
    assert state.best.committed is not None
    version = state.best.committed.version
    rows = parts.generation.samples(version)
    paper, scores, outcomes, too_long = parts.paper("private"), [], [], 0
    for index in finalist_seeds(parts.spec, state):
        outcome = exchanged(rows, ["exchange", parts.spec.seed, version, index])
        if outcome is None:
            return ControlEnded(control="format", skipped="all rows of the version have the same answer")
        try:
            trained = parts.schooling.train(Lesson(version, index, rows=partial(_rows, outcome), variant=VARIANT))
        except TrainingError as error:
            return ControlEnded(control="format", skipped=str(error))
        outcomes.append(outcome)
        too_long += trained.too_long
        parts.examinations.ask(trained.training, [paper])
        scores.append(parts.examinations.score(trained.training, paper))
    return ControlEnded(
        control="format",
        scores=tuple(scores),
        version=version,
        rows=len(rows),
        detail=_told(outcomes, too_long),
    )


def _rows(outcome: Exchanged) -> tuple[Sample, ...]:
    return outcome.rows


def _told(outcomes: Sequence[Exchanged], too_long: int) -> str:
    """How answers were exchanged, and what of it came to nothing."""
    same = sum(outcome.same for outcome in outcomes) / len(outcomes)
    parts = [f"every row has another row's answer, which reads the same in {same:.1%} of the rows"]
    if across := outcomes[0].across:
        parts.append(f"exchanged across skills, because each has one answer alone: {', '.join(across)}")
    if too_long:
        parts.append(f"{too_long} rows in all were too long to be learnt")
    return "; ".join(parts)
