"""Lets subjects answer papers, and keeps what they answered: every examination of a run goes through here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from preceptor.loop.event import BASE, SkillScore, SplitScore
from preceptor.loop.parts import BaseModel, Download, Message, Reporter, Sitting, Workforce
from preceptor.recipes.digests import digest
from preceptor.spec.document import Spec
from preceptor.spec.task import Task
from preceptor.storage import evaluations, layout
from preceptor.storage.store import Store
from preceptor.tasks.grading import Prediction, by_skill, grade
from preceptor.tasks.items import Item
from preceptor.tasks.prompts import conversation
from preceptor.tasks.scorers import build_scorer, packages
from preceptor.tasks.splits import Split


@dataclass(frozen=True)
class Paper:
    """What is asked and how answers are judged: items of a task."""

    name: str
    """What people and evaluation ids call it, such as ``private``; lower-case words joined by ``-``."""
    items: tuple[Item, ...]
    """The questions with their references."""
    digest: str
    """Digest of the items (:func:`preceptor.tasks.splits.digest`)."""
    task: Task = field(repr=False)
    """Gives the scorer and what stands around every question: system message, worked examples."""

    @classmethod
    def of(cls, split: Split, task: Task) -> Paper:
        """A split of a task as it is."""
        return cls(split.name, split.items, split.digest, task)

    @property
    def frame(self) -> list[object]:
        """What stands around every question, in training as in examinations."""
        return frame(self.task)

    def conversation(self, item: Item) -> tuple[Message, ...]:
        """The turns up to the student's answer."""
        return tuple(conversation(self.task, item.prompt))


def frame(task: Task) -> list[object]:
    """What stands around every question of a task, as JSON data."""
    return [task.system, [example.model_dump(mode="json") for example in task.few_shot]]


@dataclass(frozen=True)
class Examinations:
    """The examinations of one run. A subject is ``base``, the untrained student, or a training id."""

    spec: Spec
    """The document's ``spec``: its student, and how that answers."""
    base_dir: Path
    """Directory of the document."""
    store: Store
    """The run's directory in storage, where checkpoints and evaluations lie."""
    workforce: Workforce
    """Does the work."""
    reporter: Reporter
    """Is told about it."""

    def ask(self, subject: str, papers: Sequence[Paper]) -> list[list[Prediction]]:
        """Predictions on each paper, in its items' order.

        Papers that were answered before are read; the others are answered in one sitting, and kept.
        """
        unanswered = [paper for paper in papers if not evaluations.exists(self.store, self.id(subject, paper))]
        if unanswered:
            self._sit(subject, unanswered)
        return [self.predictions(subject, paper) for paper in papers]

    def _sit(self, subject: str, papers: Sequence[Paper]) -> None:
        questions = [(paper, item) for paper in papers for item in paper.items]
        sitting = Sitting(
            model=self.base_model,
            checkpoint=None if subject == BASE else Download(self.store.uri(), layout.checkpoint(subject)),
            method=self.spec.student.training.method,
            settings=self.spec.student.inference,
            conversations=tuple(paper.conversation(item) for paper, item in questions),
        )
        who = "the untrained student" if subject == BASE else subject
        title = f"examine {who} on {' and '.join(paper.name for paper in papers)}"
        with self.reporter.stage(title, len(questions)) as stage:
            outputs = iter(self.workforce.answer(sitting, stage.advance))
        for paper in papers:
            answers = [next(outputs) for _ in paper.items]
            rows = grade(paper.items, answers, build_scorer(paper.task.scorer))
            evaluations.write(self.store, self.id(subject, paper), rows)

    def id(self, subject: str, paper: Paper) -> str:
        """Names the predictions of a subject on a paper by everything that decides them."""
        what = {
            "subject": [self.spec.student.model, subject],
            "split": paper.digest,
            "inference": self.spec.student.inference.model_dump(mode="json"),
            "scorer": paper.task.scorer.model_dump(mode="json"),
            "frame": paper.frame,
        }
        if others := packages(paper.task.scorer):
            what["packages"] = others
        return f"{subject}-{paper.name}-{digest(what)[:12]}"

    def predictions(self, subject: str, paper: Paper) -> list[Prediction]:
        """The stored predictions of a subject on a paper, in its items' order."""
        rows = {row.item_id: row for row in evaluations.read(self.store, self.id(subject, paper))}
        return [rows[item.id] for item in paper.items]

    def values(self, subject: str, paper: Paper) -> NDArray[np.float64]:
        """Scores of a subject on a paper, shape ``(items,)``, in [0, 1], in the paper's order."""
        return np.array([row.value for row in self.predictions(subject, paper)])

    def score(self, subject: str, paper: Paper) -> SplitScore:
        """The stored predictions of a subject on a paper, as figures."""
        return split_score(self.id(subject, paper), self.predictions(subject, paper))

    @property
    def base_model(self) -> BaseModel:
        """The student before training."""
        return BaseModel(self.spec.student.model, self.base_dir)


def split_score(evaluation: str, predictions: Sequence[Prediction]) -> SplitScore:
    """Predictions as figures; ``evaluation`` is the id they are stored under."""
    skills = by_skill(predictions)
    return SplitScore(
        evaluation=evaluation,
        n=len(predictions),
        value=float(np.mean([prediction.value for prediction in predictions])),
        exact=float(np.mean([prediction.correct for prediction in predictions])),
        truncated=sum(prediction.truncated for prediction in predictions),
        skills={name: SkillScore(n=score.n, value=score.value, exact=score.exact) for name, score in skills.items()},
    )
