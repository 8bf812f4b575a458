"""Carries out the loop's steps with the run's parts. Each method does one step and returns its event.

A step may be cut short anywhere and done again: everything it writes is named by what it was made from, and written
whole or not at all, so doing it again finds what is finished and does only the rest.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import assert_never

import numpy as np

from preceptor.engineers.proposal import NoProposal, Proposal, Proposer, Stop
from preceptor.errors import TrainingError
from preceptor.evaluation import statistics
from preceptor.loop.asking import EngineerLine
from preceptor.loop.decide import (
    CheckSafeguards,
    Done,
    Draft,
    EndSearch,
    Examine,
    Generate,
    Judge,
    Publish,
    Step,
    Train,
)
from preceptor.loop.events import (
    BASE,
    AnyEvent,
    AttemptFailed,
    DatasetCommitted,
    IterationJudged,
    ProposalFailed,
    Published,
    RecipeDrafted,
    SearchEnded,
    SkillScore,
    SplitName,
    SplitScore,
    StudentExamined,
    StudentTrained,
)
from preceptor.loop.generating import Generation
from preceptor.loop.observe import observe
from preceptor.loop.parts import BaseModel, Download, Message, Reporter, Sitting, TrainingOrder, Upload, Workforce
from preceptor.loop.safeguards import SelfTest
from preceptor.loop.state import RunState
from preceptor.recipes.digests import digest, recipe_digest
from preceptor.spec.document import Spec
from preceptor.storage import datasets, evaluations, layout
from preceptor.storage.store import Store
from preceptor.tasks.grading import Prediction, by_skill, grade
from preceptor.tasks.prompts import conversation
from preceptor.tasks.scorers import Scorer
from preceptor.tasks.splits import Split
from preceptor.teachers.checking import check
from preceptor.training.job import Example


@dataclass(frozen=True)
class Steps:
    """The parts of one run, and how each step uses them."""

    spec: Spec
    """The document's ``spec``."""
    base_dir: Path
    """Directory of the document."""
    store: Store
    """The run's directory in storage."""
    splits: dict[SplitName, Split]
    """The examination."""
    scorer: Scorer
    """Grades answers."""
    engineer: Proposer
    """Proposes recipes."""
    line: EngineerLine | None
    """The engineer's line to its model, if it plans with one."""
    self_test: SelfTest
    """Tests the gates."""
    generation: Generation
    """Makes dataset versions."""
    workforce: Workforce
    """Does the work."""
    reporter: Reporter
    """Is told about it."""
    seconds: Callable[[], float] = field(default=time.monotonic)
    """A monotonic clock."""

    def carry_out(self, step: Step, state: RunState) -> AnyEvent:
        """Do the step; see :class:`preceptor.loop.runner.Worker`."""
        match step:
            case CheckSafeguards():
                return self.self_test.carry_out()
            case Examine():
                return self.examine(step)
            case Draft():
                return self.draft(step, state)
            case Generate():
                return self.generate(step, state)
            case Train():
                return self.train(step)
            case Judge():
                return self.judge(step, state)
            case EndSearch():
                return step.event
            case Publish():
                return self.publish(step, state)
            case Done():
                raise AssertionError("nothing is left to carry out")
            case _:
                assert_never(step)

    # -- examinations

    def examine(self, step: Examine) -> StudentExamined:
        """Let a subject answer the splits that are not on record yet, all in one sitting."""
        started = self.seconds()
        wanted = [(split, self.evaluation_id(step.subject, split)) for split in step.splits]
        open_splits = [split for split, evaluation in wanted if not evaluations.exists(self.store, evaluation)]
        if open_splits:
            self._sit(step.subject, open_splits)
        predictions = {split: self.predictions(step.subject, split) for split in step.splits}
        return StudentExamined(
            subject=step.subject,
            splits={split: _split_score(evaluation, predictions[split]) for split, evaluation in wanted},
            seconds=round(self.seconds() - started, 3),
            tokens=sum(prediction.tokens for rows in predictions.values() for prediction in rows),
        )

    def _sit(self, subject: str, splits: Sequence[SplitName]) -> None:
        items = [item for split in splits for item in self.splits[split].items]
        sitting = Sitting(
            model=self.base_model,
            checkpoint=None if subject == BASE else Download(self.store.uri(), layout.checkpoint(subject)),
            method=self.spec.student.training.method,
            settings=self.spec.student.inference,
            conversations=tuple(self._conversation(item.prompt) for item in items),
        )
        title = f"examine {'the untrained student' if subject == BASE else subject} on {' and '.join(splits)}"
        with self.reporter.stage(title, len(items)) as stage:
            outputs = self.workforce.answer(sitting, stage.advance)
        predictions = iter(grade(items, outputs, self.scorer))
        for split in splits:
            rows = [next(predictions) for _ in self.splits[split].items]
            evaluations.write(self.store, self.evaluation_id(subject, split), rows)

    def evaluation_id(self, subject: str, split: SplitName) -> str:
        """Names the predictions of a subject on a split by everything that decides them."""
        student = self.spec.student
        what = {
            "subject": [student.model, subject],
            "split": self.splits[split].digest,
            "inference": student.inference.model_dump(mode="json"),
            "scorer": self.spec.task.scorer.model_dump(mode="json"),
            "frame": self._frame,
        }
        return f"{subject}-{split}-{digest(what)[:12]}"

    def predictions(self, subject: str, split: SplitName) -> list[Prediction]:
        """The stored predictions of a subject on a split."""
        return evaluations.read(self.store, self.evaluation_id(subject, split))

    # -- data

    def draft(self, step: Draft, state: RunState) -> RecipeDrafted | ProposalFailed | SearchEnded:
        """Show the engineer what it may see and take its proposal, checked."""
        feedback = self.splits["feedback"]
        view = observe(
            self.spec,
            state,
            feedback,
            lambda subject: self.predictions(subject, "feedback"),
            rows=lambda version: datasets.read_rows(self.store, version),
            seeds=len(self.generation.context.seeds),
            pool={skill: len(rows) for skill, rows in self.generation.context.pool.items()},
        )
        outcome = self.engineer.propose(view)
        spent = self.line.spent.to_data() if self.line else {}
        if isinstance(outcome, Stop):
            return SearchEnded(reason="engineer", detail=outcome.reason, prompts=dict(outcome.prompts), spent=spent)
        if isinstance(outcome, NoProposal):
            return ProposalFailed(
                attempt=step.attempt,
                operation=step.operation,
                kind=outcome.kind,
                problems=outcome.problems,
                prompts=dict(outcome.prompts),
                spent=spent,
            )
        proposed = outcome if isinstance(outcome, Proposal) else Proposal(outcome)
        proposal = proposed.recipe
        carried = (
            Counter(row.skill for row in self.generation.samples(proposal.carry_over.version))
            if proposal.carry_over
            else {}
        )
        rows = self.spec.budget.rows
        check(proposal, self.spec, carried, rows_left=None if rows is None else rows - state.rows_made)
        return RecipeDrafted(
            attempt=step.attempt,
            operation=step.operation,
            recipe=proposal,
            digest=recipe_digest(proposal),
            card=proposed.card,
            expected=self.generation.expected(proposal, state).to_data(),
            prompts=dict(proposed.prompts),
            spent=spent,
        )

    def generate(self, step: Generate, state: RunState) -> DatasetCommitted | AttemptFailed:
        """Carry out a recipe until its quotas are filled, and commit what came of it."""
        return self.generation.carry_out(step.attempt, state)

    # -- the student

    def train(self, step: Train) -> StudentTrained:
        """Train a student on a version, unless a finished checkpoint of the same making exists."""
        seed = int(digest(["training", self.spec.seed, step.seed_index])[:8], 16)
        training = self.training_id(step.version, seed)
        path = layout.checkpoint_manifest(training)
        if not self.store.exists(path):
            self._train(step, training, seed)
        return StudentTrained.model_validate(self.store.read_json(path))

    def _train(self, step: Train, training: str, seed: int) -> None:
        started = self.seconds()
        rows = self.generation.samples(step.version)
        settings = self.spec.student.training
        order = TrainingOrder(
            model=self.base_model,
            settings=settings,
            seed=seed,
            examples=tuple(Example(self._conversation(row.prompt), row.answer) for row in rows),
            publish=Upload(self.store.uri(), layout.checkpoint(training)),
        )
        steps = round(len(rows) * settings.epochs / settings.batch_size)
        role = "the student" if step.seed_index == 0 else f"finalist {step.seed_index}"
        with self.reporter.stage(f"train {role} on {step.version} ({len(rows)} rows)", steps) as stage:
            result = self.workforce.train(order, stage.advance)
        if not np.isfinite(result.loss_last):
            raise TrainingError(
                f"training {training} diverged (last loss {result.loss_last}); lower student.training.learningRate"
            )
        event = StudentTrained(
            training=training,
            version=step.version,
            seed_index=step.seed_index,
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
            "dataset": self.store.read_json(layout.dataset_manifest(step.version)),
        }
        with suppress(FileExistsError):  # a driver that took over finished the same training meanwhile: that one stands
            self.store.create_json(layout.checkpoint_manifest(training), manifest)

    def training_id(self, version: str, seed: int) -> str:
        """Names a training by everything that decides its outcome."""
        student = self.spec.student
        what = [version, student.model, student.training.model_dump(mode="json"), seed, self._frame]
        return f"t-{digest(what)[:12]}"

    # -- judgement

    def judge(self, step: Judge, state: RunState) -> IterationJudged:
        """Compare a student with the best before it, item by item, on selection (Ladder; Blum and Hardt 2015)."""
        against = state.best_subject
        verdict = statistics.ladder(self._values(against, "selection"), self._values(step.training, "selection"))
        assert step.attempt.committed is not None
        return IterationJudged(
            attempt=step.attempt.number,
            version=step.attempt.committed.version,
            training=step.training,
            against=against,
            improvement=verdict.improvement,
            standard_error=verdict.standard_error,
            best=verdict.better,
        )

    def publish(self, step: Publish, state: RunState) -> Published:
        """Decide the verdict; the pointer to the published version is the event itself."""
        if not step.finalists:
            has_dataset = any(attempt.committed for attempt in state.attempts)
            event = Published(verdict="no-improvement" if has_dataset else "no-dataset")
        else:
            gain = statistics.paired_gain(
                self._values(BASE, "private"),
                np.stack([self._values(finalist, "private") for finalist in step.finalists]),
                confidence=self.spec.evaluation.confidence,
            )
            assert state.best is not None
            assert state.best.committed is not None
            event = Published(
                verdict="improved" if gain.low > 0 else "not-shown",
                version=state.best.committed.version,
                training=step.finalists[0],
            )
        return event

    def _values(self, subject: str, split: SplitName) -> np.ndarray:
        """Scores of a subject on a split, shape ``[items]``, in the split's order."""
        by_item = {prediction.item_id: prediction.value for prediction in self.predictions(subject, split)}
        return np.array([by_item[item.id] for item in self.splits[split].items])

    # -- shared

    @property
    def base_model(self) -> BaseModel:
        """The student before training."""
        return BaseModel(self.spec.student.model, self.base_dir)

    @property
    def _frame(self) -> list[object]:
        """What stands around every prompt, in training as in examinations."""
        return [self.spec.task.system, [example.model_dump(mode="json") for example in self.spec.task.few_shot]]

    def _conversation(self, prompt: str) -> tuple[Message, ...]:
        return tuple(conversation(self.spec.task, prompt))


def _split_score(evaluation: str, predictions: Sequence[Prediction]) -> SplitScore:
    skills = by_skill(predictions)
    return SplitScore(
        evaluation=evaluation,
        n=len(predictions),
        value=float(np.mean([prediction.value for prediction in predictions])),
        exact=float(np.mean([prediction.correct for prediction in predictions])),
        truncated=sum(prediction.truncated for prediction in predictions),
        skills={name: SkillScore(n=score.n, value=score.value, exact=score.exact) for name, score in skills.items()},
    )
