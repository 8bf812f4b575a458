"""An object's conditions: always all of them, each with a reason, and a time that moves only with its status. Pure.

Written after Kubernetes' API conventions (``metav1.Condition``). ``Stalled`` accompanies ``Failed``: tools that know
only the common conditions, as kstatus does, would take a failed run for one that is settled.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from preceptor.spec.status import Condition, ConditionType

ALL: tuple[ConditionType, ...] = get_args(ConditionType)
"""Every condition, in the order in which they are written."""

_OTHERWISE: dict[ConditionType, str] = {
    "Complete": "NotComplete",
    "Failed": "NotFailed",
    "Suspended": "NotSuspended",
    "Reconciling": "NothingToDo",
    "Stalled": "NotStalled",
    "BudgetExhausted": "WithinBudget",
    "AwaitingApproval": "NothingToApprove",
}
_LONGEST = 4096


@dataclass(frozen=True)
class Because:
    """Why a condition holds."""

    reason: str
    """In one CamelCase word."""
    message: str
    """For people, with what to do next."""


def conditions(
    holding: Mapping[ConditionType, Because], before: Iterable[Condition], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Return all conditions, of which those in ``holding`` hold; ``before`` are the ones so far."""
    known = {condition.type: condition for condition in before}
    return tuple(_condition(type_, holding.get(type_), known.get(type_), generation, now) for type_ in ALL)


def holds(type_: ConditionType, among: Iterable[Condition]) -> Condition | None:
    """Return the condition when it is there and holds."""
    return next((each for each in among if each.type == type_ and each.status == "True"), None)


def moment(time: datetime) -> str:
    """Return a time as Kubernetes writes it, in whole seconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(
    type_: ConditionType, because: Because | None, before: Condition | None, generation: int, now: datetime
) -> Condition:
    status = "False" if because is None else "True"
    moved = before is None or before.status != status
    return Condition(
        type=type_,
        status="False" if because is None else "True",
        reason=_OTHERWISE[type_] if because is None else because.reason,
        message="" if because is None else because.message[:_LONGEST],
        last_transition_time=moment(now) if moved or before is None else before.last_transition_time,
        observed_generation=generation,
    )
