"""How long a run takes yet, judged by what its own steps took so far. Pure arithmetic.

A range: at best the search ends as soon as its patience allows and steps are as quick as the quickest so far; at most
every iteration is made, every version has the size that the document allows, and steps are as slow as the slowest.
Nobody knows before the first training how long one takes, so until then nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from preceptor.loop.decide import one_shot
from preceptor.loop.event import BASE
from preceptor.loop.finish import controls, finalist_seeds, time_to_finish
from preceptor.loop.state import Attempt, RunState
from preceptor.spec.document import Spec
from preceptor.spec.evaluation import ControlName

_SEARCHES: frozenset[ControlName] = frozenset({"oneShot", "heuristic", "distillation"})


@dataclass(frozen=True)
class Span:
    """Seconds: at best, and at most."""

    low: float
    """At best."""
    high: float
    """At most."""

    def __add__(self, other: Span) -> Span:
        """Both after each other."""
        return Span(self.low + other.low, self.high + other.high)

    def __mul__(self, times: float) -> Span:
        """So often."""
        return Span(self.low * times, self.high * times)


NOTHING = Span(0.0, 0.0)
"""No time."""


def remaining(spec: Spec, state: RunState, *, since: float, left: float | None) -> Span | None:
    """Seconds until the outcome; ``None`` while nobody knows.

    Args:
        spec: the document's ``spec``.
        state: what happened so far.
        since: seconds since the last event, which the step in progress has taken.
        left: seconds that this step takes yet, when it tells.
    """
    if state.published is not None:
        return NOTHING
    if not state.trainings:
        return None
    steps = list(_Pace.of(spec, state).steps())
    if not steps:
        return NOTHING
    first, rest = steps[0], sum(steps[1:], NOTHING)
    so_far = Span(max(0.0, first.low - since), max(0.0, first.high - since))
    first = so_far if left is None else Span(left, left)
    return first + rest


@dataclass(frozen=True)
class _Pace:
    """What the steps of a run take."""

    spec: Spec
    state: RunState
    draft: Span
    """To propose a recipe."""
    making: Span
    """To carry one out."""
    row: Span
    """To train on one row."""
    answer: Span
    """To let a trained student answer one question."""
    largest: int
    """Rows of the largest version so far."""

    @classmethod
    def of(cls, spec: Spec, state: RunState) -> _Pace:
        rows = {attempt.committed.version: attempt.committed.rows for attempt in state.attempts if attempt.committed}
        trained = (event.seconds / rows[event.version] for event in state.trainings.values() if rows.get(event.version))
        sittings = [event for event in state.examinations if event.splits]
        taught = [event for event in sittings if event.subject != BASE] or sittings
        made = (outcome.seconds for one in state.attempts if (outcome := one.committed or one.failed))
        return cls(
            spec=spec,
            state=state,
            draft=_span(_drafts(state)),
            making=_span(made),
            row=_span(trained),
            answer=_span(event.seconds / sum(score.n for score in event.splits.values()) for event in taught),
            largest=max(rows.values(), default=0),
        )

    def steps(self) -> Iterator[Span]:
        """Every step yet to be done, the one in progress first."""
        state = self.state
        if state.ended is None:
            yield from self._iteration(state.open_attempt)
            yield self._search(1 if state.open_attempt else 0)
        best = state.best
        rows = best.committed.rows if best and best.committed else self.largest
        if best is None and state.ended is not None:
            return
        for index in finalist_seeds(self.spec, state):
            if best is None or state.ended is None or state.training_of(best, index) is None:
                yield self.row * rows
        yield from self._private()
        yield from self._comparisons(rows)

    def _iteration(self, attempt: Attempt | None) -> Iterator[Span]:
        """What is left of the iteration in progress."""
        if attempt is None:
            return
        if attempt.committed is None:
            yield self.making
            yield self._training()
        elif self.state.training_of(attempt) is None:
            yield self.row * attempt.committed.rows
        yield self._sitting("feedback", "selection")

    def _search(self, open: int) -> Span:
        """Iterations that have not begun. At best, patience ends the search, or the wall clock does."""
        spec, state = self.spec, self.state
        most = 0 if one_shot(spec) and (state.iterations or open) else spec.budget.iterations
        most = max(0, most - len(state.iterations) - open)
        fewest = min(most, max(0, spec.evaluation.patience - state.since_best - open))
        one = self.draft + self.making + self._training() + self._sitting("feedback", "selection")
        low, high = fewest * one.low, most * one.high
        if spec.budget.wall_clock is not None:  # the iteration that is under way when it ends is finished
            rest = max(0.0, spec.budget.wall_clock - state.elapsed - time_to_finish(spec, state))
            low, high = min(low, rest), min(high, rest + one.high)
        return Span(low, high)

    def _training(self) -> Span:
        """A training on a version that is not made yet."""
        rows = self.largest or self.spec.dataset.size
        return Span(self.row.low * rows, self.row.high * max(rows, self.spec.dataset.size))

    def _sitting(self, *splits: str) -> Span:
        items = self.state.started.items if self.state.started else {}
        return self.answer * sum(items.get(split, 0) for split in splits)

    def _private(self) -> Iterator[Span]:
        state, best = self.state, self.state.best
        for index in (None, *finalist_seeds(self.spec, state)):
            trained = state.training_of(best, index) if best and index is not None else None
            subject = BASE if index is None else trained.training if trained else ""
            if not subject or state.missing(subject, "private"):
                yield self._sitting("private")

    def _comparisons(self, rows: int) -> Iterator[Span]:
        """Controls, other tasks and skills left out, as far as they train or examine students here."""
        spec, state, seeds = self.spec, self.state, self.spec.evaluation.seeds
        student = self.row * rows + self._sitting("private")
        for control in controls(spec):
            if control in state.controls or control == "ceiling":
                continue
            yield self._sitting("private") if control == "prompted" else student * seeds
            if control in _SEARCHES:
                one = self.draft + self.making + student
                yield Span(one.low, one.high * (spec.budget.iterations if control == "heuristic" else 1))
        for suite in spec.evaluation.forgetting:
            if suite.document not in state.suites:
                yield self._sitting("private") * (seeds + 1)
        best = state.best
        skills = best.committed.skills if best and best.committed else {}
        if spec.evaluation.attribution and len(skills) > 1:
            yield student * (seeds * (len(skills) - len(state.removals)))


def _span(seconds: Iterable[float]) -> Span:
    known = list(seconds)
    return Span(min(known), max(known)) if known else NOTHING


def _drafts(state: RunState) -> Iterator[float]:
    """Seconds from the end of one attempt to the proposal of the next."""
    for before, attempt in zip(state.attempts, state.attempts[1:], strict=False):
        outcome = before.judged or before.failure
        if outcome is not None:
            yield max(0.0, attempt.proposed.elapsed - outcome.elapsed)
