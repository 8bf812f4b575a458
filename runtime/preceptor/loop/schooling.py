"""Trains students and keeps them: every training of a run goes through here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from preceptor.errors import TrainingError
from preceptor.loop.events import StudentTrained
from preceptor.loop.examining import frame
from preceptor.loop.parts import BaseModel, Reporter, TrainingOrder, Upload, Workforce
from preceptor.recipes.digests import digest
from preceptor.recipes.sample import Sample
from preceptor.spec.document import Spec
from preceptor.storage import layout
from preceptor.storage.store import Store
from preceptor.tasks.prompts import conversation
from preceptor.training.job import Example


@dataclass(frozen=True)
class Lesson:
    """What a student is to learn."""

    version: str
    """The dataset version."""
    seed_index: int
    """0 in the search, 1 and up for finalists and for those that are compared with them."""
    rows: Callable[[], Sequence[Sample]] = field(repr=False)
    """Reads the rows; not called when such a student was trained before."""
    variant: str = ""
    """What was done to the version's rows, such as ``without chat``; empty for the version as it is. Two lessons of one
    version, seed and variant must have the same rows."""


@dataclass(frozen=True)
class Schooling:
    """The trainings of one run."""

    spec: Spec
    """The document's ``spec``: its student and its training."""
    base_dir: Path
    """Directory of the document."""
    store: Store
    """The run's directory in storage, where checkpoints lie."""
    workforce: Workforce
    """Does the work."""
    reporter: Reporter
    """Is told about it."""
    seconds: Callable[[], float] = field(default=time.monotonic)
    """A monotonic clock."""

    def train(self, lesson: Lesson) -> StudentTrained:
        """Train a student, unless a finished checkpoint of the same making exists.

        Raises :class:`TrainingError` when the training diverges.
        """
        seed = int(digest(["training", self.spec.seed, lesson.seed_index])[:8], 16)
        training = self.id(lesson, seed)
        path = layout.checkpoint_manifest(training)
        if not self.store.exists(path):
            self._train(lesson, training, seed)
        return StudentTrained.model_validate(self.store.read_json(path))

    def _train(self, lesson: Lesson, training: str, seed: int) -> None:
        started = self.seconds()
        rows = lesson.rows()
        task, settings = self.spec.task, self.spec.student.training
        order = TrainingOrder(
            model=BaseModel(self.spec.student.model, self.base_dir),
            settings=settings,
            seed=seed,
            examples=tuple(Example(tuple(conversation(task, row.prompt)), row.answer) for row in rows),
            publish=Upload(self.store.uri(), layout.checkpoint(training)),
        )
        steps = round(len(rows) * settings.epochs / settings.batch_size)
        role = "the student" if lesson.seed_index == 0 else f"finalist {lesson.seed_index}"
        what = f"{lesson.version}, {lesson.variant}" if lesson.variant else lesson.version
        with self.reporter.stage(f"train {role} on {what} ({len(rows)} rows)", steps) as stage:
            result = self.workforce.train(order, stage.advance)
        if not np.isfinite(result.loss_last):
            raise TrainingError(
                f"training {training} diverged (last loss {result.loss_last}); lower student.training.learningRate"
            )
        event = StudentTrained(
            training=training,
            version=lesson.version,
            variant=lesson.variant,
            seed_index=lesson.seed_index,
            seed=seed,
            steps=result.steps,
            tokens=result.tokens,
            too_long=result.dropped_too_long,
            first_loss=result.loss_first,
            last_loss=result.loss_last,
            seconds=round(self.seconds() - started, 3),
        )
        manifest = event.model_dump(mode="json") | {
            "base": self.spec.student.model,
            "dataset": self.store.read_json(layout.dataset_manifest(lesson.version)),
        }
        with suppress(FileExistsError):  # a driver that took over finished the same training meanwhile: that one stands
            self.store.create_json(layout.checkpoint_manifest(training), manifest)

    def id(self, lesson: Lesson, seed: int) -> str:
        """Names a training by everything that decides its outcome."""
        student = self.spec.student
        what = [lesson.version, student.model, student.training.model_dump(mode="json"), seed, frame(self.spec.task)]
        return f"t-{digest([*what, lesson.variant] if lesson.variant else what)[:12]}"
