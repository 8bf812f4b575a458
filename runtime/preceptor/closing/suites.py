"""Whether the student forgot: the untrained student and the finalists answer another task."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from preceptor.closing.other_tasks import OtherTask
from preceptor.closing.parts import Parts
from preceptor.evaluation import statistics
from preceptor.loop.event import BASE
from preceptor.loop.events import SuiteExamined
from preceptor.loop.examining import Examinations
from preceptor.loop.step import ExamineSuite


def examine_suite(parts: Parts, step: ExamineSuite) -> SuiteExamined:
    """Examine the untrained student and every finalist on a task of ``evaluation.forgetting``.

    The task is asked as its own document asks it (system message, worked examples, scorer, length of answers), and
    otherwise as the run asks: engine and size of batches change nothing of what is compared. It counts as dropped when
    the whole interval of the change lies below 0. What was answered before is read, not asked again.

    Raises:
        StorageError: the run's directory cannot be read or written.
    """
    other = parts.other_tasks[step.suite.document]
    examinations, paper = _examinations(parts, other), other.paper
    for subject in (BASE, *step.finalists):
        examinations.ask(subject, [paper])
    gain = statistics.paired_gain(
        examinations.values(BASE, paper),
        np.stack([examinations.values(finalist, paper) for finalist in step.finalists]),
        clusters=[item.cluster for item in paper.items],
        confidence=parts.spec.evaluation.confidence,
    )
    return SuiteExamined(
        document=step.suite.document,
        digest=paper.digest,
        before=examinations.score(BASE, paper),
        after=tuple(examinations.score(finalist, paper) for finalist in step.finalists),
        interval=(gain.low, gain.high),
        dropped=gain.high < 0,
        allowed=step.suite.allow_drop,
    )


def _examinations(parts: Parts, other: OtherTask) -> Examinations:
    """The run's examinations with answers as long as the other task needs them."""
    student = parts.spec.student
    inference = student.inference.model_copy(update={"max_new_tokens": other.max_new_tokens})
    asked = student.model_copy(update={"inference": inference})
    return replace(parts.examinations, spec=parts.spec.model_copy(update={"student": asked}))
