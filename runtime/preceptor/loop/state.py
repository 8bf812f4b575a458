"""What a run knows: ``RunState = fold(events)``. Pure; nothing here reads a clock, a file or the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType

from preceptor.loop.events import (
    BASE,
    AnyEvent,
    AttemptFailed,
    ControlEnded,
    DatasetCommitted,
    DocumentChanged,
    IterationJudged,
    Operation,
    PrivateOpened,
    ProposalFailed,
    Published,
    RecipeDrafted,
    Reopened,
    RunStarted,
    SafeguardsTested,
    SearchEnded,
    SkillRemoved,
    SplitName,
    SplitScore,
    StudentExamined,
    StudentTrained,
    SuiteExamined,
)
from preceptor.loop.failures import FailureKind, failure_kind
from preceptor.recipes.amount import Amount
from preceptor.recipes.funnel import SURPLUS
from preceptor.spec.evaluation import ControlName

MENDS_IN_A_ROW = 3
"""Repairs and debugs in a row, taken together, before the engineer starts anew (paper, section 3)."""

Closing = PrivateOpened | Reopened | ControlEnded | SuiteExamined | SkillRemoved | Published
"""Events after the search."""


@dataclass(frozen=True)
class Attempt:
    """One proposal and what has become of it so far."""

    proposed: RecipeDrafted | ProposalFailed
    """The recipe, or why there is none."""
    committed: DatasetCommitted | None = None
    """Its dataset version, once valid."""
    failed: AttemptFailed | None = None
    """Why a recipe gave no version."""
    judged: IterationJudged | None = None
    """How its student compared; an attempt with a judgement is an iteration."""

    @property
    def number(self) -> int:
        """Counts from 1."""
        return self.proposed.attempt

    @property
    def has_recipe(self) -> bool:
        """Whether the engineer's answer was a recipe."""
        return isinstance(self.proposed, RecipeDrafted)

    @property
    def drafted(self) -> RecipeDrafted:
        """The recipe of an attempt that has one; every attempt that is open or committed does."""
        assert isinstance(self.proposed, RecipeDrafted)
        return self.proposed

    @property
    def failure(self) -> AttemptFailed | ProposalFailed | None:
        """Why there is no version, whether it was the proposal that failed or the recipe."""
        return self.proposed if isinstance(self.proposed, ProposalFailed) else self.failed

    @property
    def failure_kind(self) -> FailureKind | None:
        """What it counts as when it failed."""
        return failure_kind(self.failure) if self.failure else None

    @property
    def open(self) -> bool:
        """Whether steps of this attempt are still to be done."""
        return self.failure is None and self.judged is None

    @property
    def spent_on_teacher(self) -> Amount:
        """What carrying it out used up; ``rows`` are those made."""
        outcome = self.committed or self.failed
        return replace(Amount.from_data(outcome.spent), rows=outcome.made) if outcome else Amount()

    @property
    def spent_on_engineer(self) -> Amount:
        """What proposing it used up."""
        return Amount.from_data(self.proposed.spent)


@dataclass(frozen=True)
class Forecast:
    """What the engineer expected of one skill, beside what came."""

    attempt: int
    """The attempt, from 1."""
    skill: str
    """The skill."""
    predicted: float
    """Expected change of feedback accuracy against the best before, as a difference of shares."""
    actual: float | None
    """The change; ``None`` when no feedback item exercises the skill."""
    n: int
    """Feedback items that the change rests on."""


@dataclass(frozen=True)
class RunState:
    """The fold of a run's events."""

    started: RunStarted | None = None
    """The first event."""
    safeguards: SafeguardsTested | None = None
    """What became of the planted rows."""
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
    readings: tuple[PrivateOpened, ...] = ()
    """Every opening of the private split."""
    opened: bool = False
    """Whether it is open now: a search that goes on again (``--again``) closes it."""
    controls: Mapping[ControlName, ControlEnded] = field(default_factory=lambda: MappingProxyType({}))
    """Comparisons that are done or left out, by name."""
    suites: Mapping[str, SuiteExamined] = field(default_factory=lambda: MappingProxyType({}))
    """Other tasks that were examined, by their document."""
    removals: Mapping[str, SkillRemoved] = field(default_factory=lambda: MappingProxyType({}))
    """What each skill of the best version is worth, as far as it was tried."""
    earlier: tuple[ControlEnded | SearchEnded, ...] = ()
    """Comparisons, and ends of the search, before it went on again: what they used up still counts."""
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
            if attempt.failure is None:
                break
            count += 1
        return count

    @property
    def mends_in_a_row(self) -> int:
        """Attempts since the last that was neither repair nor debug."""
        count = 0
        for attempt in reversed(self.attempts):
            if attempt.proposed.operation not in ("repair", "debug"):
                break
            count += 1
        return count

    @property
    def operation(self) -> Operation:
        """What the next proposal of an iterative engineer starts from.

        After a failure it is mended: ``repair`` when the recipe ran but gave too little, ``debug`` when the proposal or
        carrying it out broke. ``MENDS_IN_A_ROW`` that did not help end in a new draft.
        """
        last = self.attempts[-1] if self.attempts else None
        if last is None or last.failure is None:
            return "improve" if self.best else "draft"
        if self.mends_in_a_row >= MENDS_IN_A_ROW:
            return "draft"
        return "repair" if last.failure.kind in ("too-few-rows", "budget") else "debug"

    @property
    def valid_attempts(self) -> int:
        """Attempts that gave a valid version."""
        return sum(attempt.committed is not None for attempt in self.attempts)

    @property
    def mats(self) -> float | None:
        """Attempts for each valid dataset (the paper's MATS, lower is better); ``None`` while there is none."""
        return len(self.attempts) / self.valid_attempts if self.valid_attempts else None

    @property
    def failure_kinds(self) -> dict[FailureKind, int]:
        """Failed attempts by kind, the most frequent first."""
        kinds = Counter(attempt.failure_kind for attempt in self.attempts)
        return {kind: count for kind, count in kinds.most_common() if kind is not None}

    @property
    def rows_made(self) -> int:
        """Rows the teacher has made in all, dropped ones included."""
        return self.spent_on_teacher.rows

    @property
    def yielded(self) -> float:
        """Share of the rows made so far that passed, rows beyond a quota left out; 1 before any."""
        passed = judged = 0
        for attempt in self.attempts:
            if attempt.committed:
                passed += attempt.committed.rows - attempt.committed.carried
                judged += attempt.committed.made - attempt.committed.dropped.get(SURPLUS, 0)
            elif attempt.failed:
                passed += attempt.failed.accepted
                judged += attempt.failed.made - attempt.failed.dropped.get(SURPLUS, 0)
        return min(1.0, passed / judged) if judged else 1.0

    @property
    def spent_on_teacher(self) -> Amount:
        """What the teacher has used up, as far as attempts ended."""
        return sum((attempt.spent_on_teacher for attempt in self.attempts), Amount())

    @property
    def spent_on_engineer(self) -> Amount:
        """What the engineer's model has used up."""
        ends = [event for event in (*self.earlier, self.ended) if isinstance(event, SearchEnded)]
        last = sum((Amount.from_data(event.spent) for event in ends), Amount())
        return sum((attempt.spent_on_engineer for attempt in self.attempts), last)

    @property
    def spent_on_controls(self) -> Amount:
        """What comparisons have used up, of teacher and engineer together, those of earlier readings included."""
        return sum((replace(Amount.from_data(event.spent), rows=event.made) for event in self._compared), Amount())

    @property
    def planned_for_controls(self) -> int:
        """Requests of comparisons that an engineer made."""
        return sum(event.planned_with for event in self._compared)

    @property
    def _compared(self) -> tuple[ControlEnded, ...]:
        past = (event for event in self.earlier if isinstance(event, ControlEnded))
        return (*past, *self.controls.values())

    @property
    def spent(self) -> Amount:
        """All of it together."""
        return self.spent_on_teacher + self.spent_on_engineer + self.spent_on_controls

    @property
    def cards_used(self) -> tuple[str, ...]:
        """Strategy cards that iterations instantiated, in order."""
        cards = (attempt.drafted.card for attempt in self.iterations)
        return tuple(card for card in cards if card is not None)

    @property
    def forecasts(self) -> tuple[Forecast, ...]:
        """Every prediction beside its outcome, by iteration and skill."""
        return tuple(forecast for attempt in self.iterations for forecast in self._forecasts(attempt))

    def _forecasts(self, attempt: Attempt) -> Iterable[Forecast]:
        assert attempt.judged is not None
        after = self.scores[attempt.judged.training, "feedback"].skills
        before = self.scores[attempt.judged.against, "feedback"].skills
        for skill, predicted in attempt.drafted.recipe.prediction.items():
            known = skill in after and skill in before
            yield Forecast(
                attempt=attempt.number,
                skill=skill,
                predicted=predicted,
                actual=after[skill].value - before[skill].value if known else None,
                n=after[skill].n if known else 0,
            )

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
        case SafeguardsTested():
            return replace(state, safeguards=event)
        case RecipeDrafted() | ProposalFailed():
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
        case _:
            return _after_search(state, event)


def _after_search(state: RunState, event: Closing) -> RunState:
    match event:
        case PrivateOpened():
            return replace(state, readings=(*state.readings, event), opened=True)
        case Reopened():
            # What the controls and other tasks said was of another best version; examinations keep their place.
            kept = {name: event for name, event in state.controls.items() if event.split != "private"}
            past = [event for name, event in state.controls.items() if name not in kept]
            return replace(
                state,
                earlier=(*state.earlier, *past, *([state.ended] if state.ended else [])),
                ended=None,
                opened=False,
                published=None,
                controls=MappingProxyType(kept),
                suites=MappingProxyType({}),
                removals=MappingProxyType({}),
            )
        case ControlEnded():
            return replace(state, controls=MappingProxyType({**state.controls, event.control: event}))
        case SuiteExamined():
            return replace(state, suites=MappingProxyType({**state.suites, event.document: event}))
        case SkillRemoved():
            return replace(state, removals=MappingProxyType({**state.removals, event.skill: event}))
        case Published():
            return replace(state, published=event)


def _replace_last(state: RunState, attempt: Attempt) -> RunState:
    return replace(state, attempts=(*state.attempts[:-1], attempt))
