"""What a run knows: ``RunState = fold(events)``. Pure; nothing here reads a clock, a file or the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType
from typing import Literal

from preceptor.loop.events import (
    BASE,
    AnyEvent,
    AttemptFailed,
    DatasetCommitted,
    DocumentChanged,
    IterationJudged,
    Published,
    RecipeDrafted,
    RunStarted,
    SearchEnded,
    SplitName,
    SplitScore,
    StudentExamined,
    StudentTrained,
)


@dataclass(frozen=True)
class Attempt:
    """One recipe and what has become of it so far."""

    drafted: RecipeDrafted
    """The recipe."""
    committed: DatasetCommitted | None = None
    """Its dataset version, once valid."""
    failed: AttemptFailed | None = None
    """Why there is none."""
    judged: IterationJudged | None = None
    """How its student compared; an attempt with a judgement is an iteration."""

    @property
    def number(self) -> int:
        """Counts from 1."""
        return self.drafted.attempt

    @property
    def open(self) -> bool:
        """Whether steps of this attempt are still to be done."""
        return self.failed is None and self.judged is None


@dataclass(frozen=True)
class RunState:
    """The fold of a run's events."""

    started: RunStarted | None = None
    """The first event."""
    attempts: tuple[Attempt, ...] = ()
    """Every attempt, in order."""
    trainings: Mapping[tuple[str, int], StudentTrained] = field(default_factory=lambda: MappingProxyType({}))
    """Trainings by version and seed index."""
    scores: Mapping[tuple[str, SplitName], SplitScore] = field(default_factory=lambda: MappingProxyType({}))
    """Examinations by subject and split."""
    examinations: tuple[StudentExamined, ...] = ()
    """The same as events, in order."""
    ended: SearchEnded | None = None
    """Why the search is over."""
    published: Published | None = None
    """The outcome."""
    elapsed: float = 0.0
    """Seconds drivers have been active."""

    @property
    def open_attempt(self) -> Attempt | None:
        """The attempt in progress."""
        return self.attempts[-1] if self.attempts and self.attempts[-1].open else None

    @property
    def iterations(self) -> tuple[Attempt, ...]:
        """Attempts that were trained, examined and judged."""
        return tuple(attempt for attempt in self.attempts if attempt.judged is not None)

    @property
    def best(self) -> Attempt | None:
        """The best iteration so far; ``None`` while nothing beat the untrained student."""
        return next((attempt for attempt in reversed(self.iterations) if attempt.judged and attempt.judged.best), None)

    @property
    def best_subject(self) -> str:
        """Whom a challenger has to beat: the best training, or ``base``."""
        return self.best.judged.training if self.best and self.best.judged else BASE

    @property
    def since_best(self) -> int:
        """Iterations since the last new best."""
        count = 0
        for attempt in reversed(self.iterations):
            if attempt.judged and attempt.judged.best:
                break
            count += 1
        return count

    @property
    def failures_in_a_row(self) -> int:
        """Failed attempts since the last valid one."""
        count = 0
        for attempt in reversed(self.attempts):
            if attempt.failed is None:
                break
            count += 1
        return count

    @property
    def rows_made(self) -> int:
        """Rows the teacher has made in all, dropped ones included."""
        outcomes = (attempt.committed or attempt.failed for attempt in self.attempts)
        return sum(outcome.made for outcome in outcomes if outcome is not None)

    @property
    def operation(self) -> Literal["draft", "improve", "repair"]:
        """What the next proposal starts from; repair gives up after three failures in a row (paper, section 3)."""
        if 0 < self.failures_in_a_row <= 3:
            return "repair"
        return "improve" if self.best else "draft"

    def training_of(self, attempt: Attempt, seed_index: int = 0) -> StudentTrained | None:
        """The student that learnt an attempt's version with a seed."""
        return self.trainings.get((attempt.committed.version, seed_index)) if attempt.committed else None

    def missing(self, subject: str, *splits: SplitName) -> tuple[SplitName, ...]:
        """Those of the splits that the subject has not answered."""
        return tuple(split for split in splits if (subject, split) not in self.scores)


def fold(events: Iterable[AnyEvent]) -> RunState:
    """The state after the events."""
    return reduce(apply, events, RunState())


def apply(state: RunState, event: AnyEvent) -> RunState:
    """The state after one more event."""
    state = replace(state, elapsed=max(state.elapsed, event.elapsed))
    match event:
        case RunStarted():
            return replace(state, started=event)
        case DocumentChanged():
            return state
        case StudentExamined():
            new = {(event.subject, split): score for split, score in event.splits.items()}
            scores = MappingProxyType({**state.scores, **new})
            return replace(state, scores=scores, examinations=(*state.examinations, event))
        case RecipeDrafted():
            return replace(state, attempts=(*state.attempts, Attempt(event)))
        case DatasetCommitted():
            return _replace_last(state, replace(state.attempts[-1], committed=event))
        case AttemptFailed():
            return _replace_last(state, replace(state.attempts[-1], failed=event))
        case StudentTrained():
            trainings = MappingProxyType({**state.trainings, (event.version, event.seed_index): event})
            return replace(state, trainings=trainings)
        case IterationJudged():
            return _replace_last(state, replace(state.attempts[-1], judged=event))
        case SearchEnded():
            return replace(state, ended=event)
        case Published():
            return replace(state, published=event)


def _replace_last(state: RunState, attempt: Attempt) -> RunState:
    return replace(state, attempts=(*state.attempts[:-1], attempt))
