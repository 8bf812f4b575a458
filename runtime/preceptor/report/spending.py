"""What the run used up, kind by kind and stage by stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from preceptor.loop.budget import used
from preceptor.loop.decide import tries
from preceptor.loop.events import (
    AnyEvent,
    AttemptFailed,
    ControlEnded,
    DatasetCommitted,
    ProposalFailed,
    RecipeDrafted,
    SafeguardsTested,
    SearchEnded,
    SkillRemoved,
    StudentExamined,
    StudentTrained,
    SuiteExamined,
)
from preceptor.loop.state import RunState
from preceptor.recipes.amount import Amount
from preceptor.report import schema
from preceptor.spec.actors import LLMEngineer, OpenAITeacher
from preceptor.spec.document import Spec

ORDER = ("search", "finalists", "private", "controls", "other tasks", "attribution", "rest")


def budget(spec: Spec, state: RunState) -> dict[str, schema.Spending]:
    """Limits and use by kind."""
    limits = spec.budget
    return {
        "iterations": schema.Spending(limit=limits.iterations, spent=len(state.iterations)),
        "attempts": schema.Spending(limit=tries(spec), spent=len(state.attempts)),
        "rows": schema.Spending(limit=limits.rows, spent=state.rows_made + state.spent_on_controls.rows),
        "wallClock": schema.Spending(limit=limits.wall_clock, spent=round(state.elapsed, 1)),
        **(_asked(spec, state) if _asks(spec) else {}),
    }


def _asks(spec: Spec) -> bool:
    return isinstance(spec.teacher, OpenAITeacher) or isinstance(spec.engineer, LLMEngineer)


def _asked(spec: Spec, state: RunState) -> dict[str, schema.Spending]:
    """What teacher and engineer asked of models."""
    spent = used(state)
    return {
        "teacherRequests": schema.Spending(limit=spec.budget.teacher_requests, spent=spent.requests),
        "tokens": schema.Spending(limit=spec.budget.tokens, spent=spent.tokens),
        "usd": schema.Spending(limit=spec.budget.usd, spent=spent.usd),
        "engineerRequests": schema.Spending(limit=None, spent=state.spent_on_engineer.requests),
        "engineerUsd": schema.Spending(limit=None, spent=state.spent_on_engineer.usd),
    }


def stages(state: RunState) -> dict[str, float]:
    """Seconds by kind of step; what is left of the run's time is drafting, judging and starting processes."""
    search, finalists = 0.0, 0.0
    for event in state.trainings.values():
        if event.seed_index:
            finalists += event.seconds
        else:
            search += event.seconds
    outcomes = [attempt.committed or attempt.failed for attempt in state.attempts]
    compared = [
        *(event.seconds for event in state.controls.values()),
        *(event.seconds for event in state.suites.values()),
        *(event.seconds for event in state.removals.values()),
    ]
    found = {
        "generate": sum(outcome.seconds for outcome in outcomes if outcome),
        "train": search,
        "train finalists": finalists,
        "examine": sum(event.seconds for event in state.examinations),
        **({"compare": sum(compared)} if compared else {}),
    }
    return {**found, "other": max(0.0, state.elapsed - sum(found.values()))}


@dataclass(frozen=True)
class _Share:
    seconds: float = 0.0
    amount: Amount = field(default_factory=Amount)


def by_stage(events: Iterable[AnyEvent]) -> tuple[schema.StageSpending, ...]:
    """What each part of the run used up, in the order of the stages.

    A step's time is what passed between the event before and its own, so the parts add up to the run's wall clock.
    """
    shares: dict[tuple[str, str], _Share] = {}
    before = 0.0
    for event in events:
        place, amount = _place(event), _amount(event)
        passed = max(0.0, event.elapsed - before)
        before = max(before, event.elapsed)
        share = shares.get(place, _Share())
        shares[place] = replace(share, seconds=share.seconds + passed, amount=share.amount + amount)
    parts = sorted(shares.items(), key=lambda entry: ORDER.index(entry[0][0]))
    return tuple(_spending(stage, part, share) for (stage, part), share in parts if share != _Share())


def _spending(stage: str, part: str, share: _Share) -> schema.StageSpending:
    return schema.StageSpending(
        stage=stage,
        part=part,
        seconds=round(share.seconds, 3),
        rows=share.amount.rows,
        requests=share.amount.requests,
        tokens=share.amount.tokens,
        usd=share.amount.usd,
    )


_SEARCH: Mapping[type, str] = {
    RecipeDrafted: "engineer",
    ProposalFailed: "engineer",
    SearchEnded: "engineer",
    DatasetCommitted: "teacher",
    AttemptFailed: "teacher",
}


def _place(event: AnyEvent) -> tuple[str, str]:
    """Stage and part of an event."""
    match event:
        case StudentTrained():
            return ("finalists", "training") if event.seed_index else ("search", "training")
        case StudentExamined():
            return ("private" if "private" in event.splits else "search"), "examination"
        case ControlEnded():
            return "controls", event.control
        case SuiteExamined():
            return "other tasks", event.document
        case SkillRemoved():
            return "attribution", event.skill
        case SafeguardsTested():
            return "rest", "test of the gates"
        case _:
            part = _SEARCH.get(type(event))
            return ("search", part) if part else ("rest", "everything else")


def _amount(event: AnyEvent) -> Amount:
    match event:
        case RecipeDrafted() | ProposalFailed() | SearchEnded():
            return Amount.from_data(event.spent)
        case DatasetCommitted() | AttemptFailed() | ControlEnded():
            return replace(Amount.from_data(event.spent), rows=event.made)
        case _:
            return Amount()
