"""The policy of the loop: which step comes next. Pure, so every branch is a table in a test."""

from __future__ import annotations

from dataclasses import dataclass

from preceptor.loop.budget import out_of_budget
from preceptor.loop.events import BASE, Operation, SearchEnded, SplitName
from preceptor.loop.state import Attempt, RunState
from preceptor.spec.document import Spec


@dataclass(frozen=True)
class CheckSafeguards:
    """Put the gates to the test with planted rows."""


@dataclass(frozen=True)
class Examine:
    """Let a subject answer splits."""

    subject: str
    """``base`` or a training id."""
    splits: tuple[SplitName, ...]
    """The splits."""


@dataclass(frozen=True)
class Draft:
    """Ask the engineer for the next recipe."""

    attempt: int
    """Its number, from 1."""
    operation: Operation
    """What it starts from."""


@dataclass(frozen=True)
class Generate:
    """Carry out a recipe."""

    attempt: Attempt
    """The attempt."""


@dataclass(frozen=True)
class Train:
    """Train a student on a version."""

    version: str
    """The version."""
    seed_index: int
    """0 in the search, 1 and up for finalists."""


@dataclass(frozen=True)
class Judge:
    """Compare an iteration's student with the best before it."""

    attempt: Attempt
    """The attempt."""
    training: str
    """Its student."""


@dataclass(frozen=True)
class EndSearch:
    """Make no further attempt."""

    event: SearchEnded
    """Why."""


@dataclass(frozen=True)
class Publish:
    """Write the outcome."""

    finalists: tuple[str, ...]
    """Trainings of the best version; empty when nothing beat the untrained student."""


@dataclass(frozen=True)
class Done:
    """Nothing is left to do."""


ONE_SHOT_TRIES = 8
"""Tries for one valid dataset (paper, section 3)."""

Step = CheckSafeguards | Examine | Draft | Generate | Train | Judge | EndSearch | Publish | Done


def next_step(spec: Spec, state: RunState) -> Step:
    """The one thing to do now, from the document and what has happened (DESIGN.md, The loop)."""
    if state.published:
        return Done()
    if state.safeguards is None and not state.attempts:
        return CheckSafeguards()
    if missing := state.missing(BASE, "feedback", "selection"):
        return Examine(BASE, missing)
    if state.ended is None:
        return _search(spec, state)
    return _finish(spec, state)


def _search(spec: Spec, state: RunState) -> Step:
    attempt = state.open_attempt
    if spec.budget.wall_clock is not None and state.elapsed >= spec.budget.wall_clock:
        return EndSearch(_wall_clock_spent(spec, state))
    if attempt is None:
        ended = why_stop(spec, state)
        return EndSearch(ended) if ended else Draft(len(state.attempts) + 1, operation(spec, state))
    if attempt.committed is None:
        return Generate(attempt)
    trained = state.training_of(attempt)
    if trained is None:
        return Train(attempt.committed.version, 0)
    if missing := state.missing(trained.training, "feedback", "selection"):
        return Examine(trained.training, missing)
    return Judge(attempt, trained.training)


def _finish(spec: Spec, state: RunState) -> Step:
    """Finalists, then private once for all of them, then the outcome."""
    best = state.best
    if best is None or best.committed is None:
        return Publish(())
    finalists = []
    for index in finalist_seeds(spec, state):
        trained = state.training_of(best, index)
        if trained is None:
            return Train(best.committed.version, index)
        finalists.append(trained.training)
    for subject in (BASE, *finalists):
        if missing := state.missing(subject, "private"):
            return Examine(subject, missing)
    return Publish(tuple(finalists))


def finalist_seeds(spec: Spec, state: RunState) -> range:
    """Return the seed indices of the finalists.

    Fresh ones, so that the student whose selection score chose the version does not judge it too; the search's own
    student when the wall clock leaves no time to train again.
    """
    if state.ended is not None and state.ended.reason == "wallClock":
        return range(1)
    return range(1, spec.evaluation.seeds + 1)


def operation(spec: Spec, state: RunState) -> Operation:
    """What the next proposal starts from; the tries of a one-shot engineer know nothing of one another."""
    return "draft" if one_shot(spec) else state.operation


def one_shot(spec: Spec) -> bool:
    """Whether the search ends with the first valid dataset."""
    return getattr(spec.engineer, "strategy", "iterative") == "oneShot"


def tries(spec: Spec) -> int:
    """Attempts the search may make; one-shot's eight tries (paper, section 3) unless the document says otherwise."""
    if one_shot(spec) and spec.budget.attempts is None:
        return ONE_SHOT_TRIES
    return spec.budget.max_attempts


def why_stop(spec: Spec, state: RunState) -> SearchEnded | None:
    """The reason to end the search, or ``None`` to go on. Budgets are checked before anything is spent."""
    budget, done = spec.budget, len(state.iterations)
    if done >= budget.iterations:
        return SearchEnded(reason="iterations", detail=f"all {budget.iterations} iterations are done")
    if one_shot(spec) and done:
        return SearchEnded(reason="oneShot", detail="the strategy is one valid dataset")
    if len(state.attempts) >= tries(spec):
        return SearchEnded(reason="attempts", detail=f"all {tries(spec)} attempts are used")
    if state.since_best >= spec.evaluation.patience and done:
        return SearchEnded(reason="patience", detail=f"no new best in {state.since_best} iterations")
    if spent := out_of_budget(spec, state):
        return spent
    if budget.wall_clock is not None and state.elapsed + _time_to_finish(spec, state) >= budget.wall_clock:
        return _wall_clock_spent(spec, state)
    return None


def _wall_clock_spent(spec: Spec, state: RunState) -> SearchEnded:
    return SearchEnded(reason="wallClock", detail=f"{state.elapsed:.0f} s of {spec.budget.wall_clock:.0f} s are spent")


def _time_to_finish(spec: Spec, state: RunState) -> float:
    """Seconds the finalists and their examinations will take, judged by the last of each; 0 before there is any."""
    if not state.trainings or not state.examinations:
        return 0.0
    training = list(state.trainings.values())[-1].seconds
    examination = max(event.seconds for event in state.examinations)
    return spec.evaluation.seeds * training + (spec.evaluation.seeds + 1) * examination
