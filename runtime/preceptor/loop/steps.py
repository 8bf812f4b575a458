"""Carries out the loop's steps with the run's parts. Each method does one step and returns its event.

A step may be cut short anywhere and done again: everything it writes is named by what it was made from, and written
whole or not at all, so doing it again finds what is finished and does only the rest.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Protocol, assert_never

import numpy as np
from numpy.typing import NDArray

from preceptor.engineers.proposal import NoProposal, Proposal, Proposer, Stop
from preceptor.evaluation import statistics
from preceptor.loop.asking import EngineerLine
from preceptor.loop.budget import left
from preceptor.loop.event import BASE, SplitName
from preceptor.loop.events import (
    AnyEvent,
    IterationJudged,
    ProposalFailed,
    Published,
    RecipeDrafted,
    SearchEnded,
    StudentExamined,
    StudentTrained,
)
from preceptor.loop.examining import Examinations, Paper
from preceptor.loop.generating import Generation
from preceptor.loop.observe import observe
from preceptor.loop.safeguards import SelfTest
from preceptor.loop.schooling import Lesson, Schooling
from preceptor.loop.state import RunState
from preceptor.loop.step import (
    AwaitApproval,
    CheckSafeguards,
    ClosingStep,
    Done,
    Draft,
    EndSearch,
    Examine,
    ExamineSuite,
    Generate,
    Judge,
    OpenPrivate,
    Publish,
    RemoveSkill,
    RunControl,
    SkipControl,
    Step,
    Train,
)
from preceptor.recipes.digests import recipe_digest
from preceptor.spec.document import Spec
from preceptor.storage import datasets
from preceptor.storage.store import Store
from preceptor.tasks.splits import Split
from preceptor.teachers.checking import check


class Closing(Protocol):
    """Whoever makes the comparisons."""

    def carry_out(self, step: ClosingStep, state: RunState) -> AnyEvent:
        """Do the step; see :class:`preceptor.loop.runner.Worker`."""


@dataclass(frozen=True)
class Steps:
    """The parts of one run, and how each step uses them."""

    spec: Spec
    """The document's ``spec``."""
    store: Store
    """The run's directory in storage."""
    splits: dict[SplitName, Split]
    """The examination."""
    engineer: Proposer
    """Proposes recipes."""
    line: EngineerLine | None
    """The engineer's line to its model, if it plans with one."""
    self_test: SelfTest
    """Tests the gates."""
    generation: Generation
    """Makes dataset versions."""
    schooling: Schooling
    """Trains."""
    examinations: Examinations
    """Examines."""
    closing: Closing
    """Compares."""
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
                return self.generation.carry_out(step.attempt, state)
            case Train():
                return self.train(step)
            case Judge():
                return self.judge(step, state)
            case EndSearch() | SkipControl():
                return step.event
            case OpenPrivate() | RunControl() | ExamineSuite() | RemoveSkill():
                return self.closing.carry_out(step, state)
            case Publish():
                return self.publish(step, state)
            case Done() | AwaitApproval():
                raise AssertionError("nothing is left to carry out")
            case _:
                assert_never(step)

    # -- the student

    def train(self, step: Train) -> StudentTrained:
        """Train a student on a version, unless that was done before."""
        return self.schooling.train(
            Lesson(step.version, step.seed_index, rows=lambda: self.generation.samples(step.version))
        )

    def examine(self, step: Examine) -> StudentExamined:
        """Let a subject answer the splits that are not on record yet, all in one sitting."""
        started = self.seconds()
        papers = [self.paper(split) for split in step.splits]
        answered = self.examinations.ask(step.subject, papers)
        return StudentExamined(
            subject=step.subject,
            splits={
                split: self.examinations.score(step.subject, paper)
                for split, paper in zip(step.splits, papers, strict=True)
            },
            seconds=round(self.seconds() - started, 3),
            tokens=sum(prediction.tokens for rows in answered for prediction in rows),
        )

    def paper(self, split: SplitName) -> Paper:
        """A split as the run's task asks it."""
        return Paper.of(self.splits[split], self.spec.task)

    def _values(self, subject: str, split: SplitName) -> NDArray[np.float64]:
        return self.examinations.values(subject, self.paper(split))

    def _clusters(self, split: SplitName) -> list[str]:
        return [item.cluster for item in self.splits[split].items]

    # -- data

    def draft(self, step: Draft, state: RunState) -> RecipeDrafted | ProposalFailed | SearchEnded:
        """Show the engineer what it may see and take its proposal, checked."""
        feedback = self.splits["feedback"]
        view = observe(
            self.spec,
            state,
            feedback,
            lambda subject: self.examinations.predictions(subject, self.paper("feedback")),
            rows=lambda version: datasets.read_rows(self.store, version),
            seeds=len(self.generation.context.seeds),
            pool={skill: len(rows) for skill, rows in self.generation.context.pool.items()},
        )
        title = f"the engineer plans attempt {step.attempt}"
        with self.generation.reporter.stage(title, None) if self.line else nullcontext():
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
        check(proposal, self.spec, carried, rows_left=left(self.spec, state).rows)
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

    # -- judgement

    def judge(self, step: Judge, state: RunState) -> IterationJudged:
        """Compare a student with the best before it, item by item, on selection (Ladder; Blum and Hardt 2015)."""
        against = state.best_subject
        verdict = statistics.ladder(
            self._values(against, "selection"),
            self._values(step.training, "selection"),
            clusters=self._clusters("selection"),
        )
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
            return Published(verdict="no-improvement" if has_dataset else "no-dataset")
        if any(suite.dropped and not suite.allowed for suite in state.suites.values()):
            return Published(verdict="forgot")
        gain = statistics.paired_gain(
            self._values(BASE, "private"),
            np.stack([self._values(finalist, "private") for finalist in step.finalists]),
            clusters=self._clusters("private"),
            confidence=self.spec.evaluation.confidence,
        )
        assert state.best is not None
        assert state.best.committed is not None
        return Published(
            verdict="improved" if gain.low > 0 else "not-shown",
            version=state.best.committed.version,
            training=step.finalists[0],
        )
