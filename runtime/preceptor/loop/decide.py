"""The policy of the loop: which step comes next. Pure, so every branch is a table in a test."""

from __future__ import annotations

from preceptor.loop.budget import out_of_budget
from preceptor.loop.event import BASE
from preceptor.loop.events import Operation, SearchEnded
from preceptor.loop.finish import controls, finish, time_to_finish
from preceptor.loop.state import RunState
from preceptor.loop.step import (
    AwaitApproval,
    CheckSafeguards,
    Done,
    Draft,
    EndSearch,
    Examine,
    Generate,
    Judge,
    Publish,
    RunControl,
    Step,
    Train,
)
from preceptor.spec.document import Spec

ONE_SHOT_TRIES = 8
"""Tries for one valid dataset (paper, section 3)."""


def next_step(spec: Spec, state: RunState) -> Step:
    """The one thing to do now, from the document and what has happened (DESIGN.md, The loop)."""
    step = _next(spec, state)
    approval = spec.approval
    wanted = _wants_approval(step, state)
    if wanted is not None and wanted.step in approval.required and wanted.step not in approval.granted:
        return wanted
    return step


def _wants_approval(step: Step, state: RunState) -> AwaitApproval | None:
    """What a human may want to see first; an outcome without a student is nothing to let pass."""
    if isinstance(step, Train):
        return AwaitApproval("train", step.version)
    if isinstance(step, Publish) and step.finalists and state.best and state.best.committed:
        return AwaitApproval("publish", state.best.committed.version)
    return None


def _next(spec: Spec, state: RunState) -> Step:
    if state.published:
        return Done()
    if state.safeguards is None and not state.attempts:
        return CheckSafeguards()
    if missing := state.missing(BASE, "feedback", "selection"):
        return Examine(BASE, missing)
    if "ceiling" in controls(spec) and "ceiling" not in state.controls:
        return RunControl("ceiling")
    if state.ended is None:
        return _search(spec, state)
    return finish(spec, state)


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
    if budget.wall_clock is not None and state.elapsed + time_to_finish(spec, state) >= budget.wall_clock:
        return _wall_clock_spent(spec, state)
    return None


def _wall_clock_spent(spec: Spec, state: RunState) -> SearchEnded:
    return SearchEnded(reason="wallClock", detail=f"{state.elapsed:.0f} s of {spec.budget.wall_clock:.0f} s are spent")
