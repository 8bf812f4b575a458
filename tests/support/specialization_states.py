"""Every state of a Specialization: what is seen, and what is made of it by us, Argo CD, Flux and kstatus."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from preceptor.spec.document import Budget
from preceptor.spec.status import Condition, Status
from preceptor_operator.conditions import Because, conditions
from preceptor_operator.observed import Observed, PodTrouble
from support.attempts import NOW, final, job, seen, status, sums

LARGER = sums(budget=Budget(iterations=9).model_dump(mode="json", by_alias=True, exclude_unset=True))
"""The same document with a budget that has grown."""
SUSPENDED = sums(suspend=True)
FOREVER = ("Healthy", "current", "Current")
GOING = ("Progressing", "inProgress", "InProgress")
LAUNCHED = ("Progressing", "current", "Current")
BROKEN = ("Degraded", "failed", "Failed")
WAITING = ("Suspended", "current", "Current")


@dataclass(frozen=True)
class State:
    """One row of the table."""

    observed: Observed
    """What is seen."""
    phase: str
    """What ``kubectl get`` shows."""
    holding: dict[str, str]
    """Conditions that hold, with their reason."""
    actions: str
    """What is done besides writing status and events: ``begin 2``, ``stop 1``, ``expire``; commas between."""
    judged: tuple[str, str, str]
    """What Argo CD, Flux and kstatus say of it then."""


def held(type_: str, reason: str, generation: int = 1) -> tuple[Condition, ...]:
    """All conditions when one holds, noted a minute ago about a generation."""
    return conditions({type_: Because(reason, "as noted")}, (), generation, NOW - timedelta(minutes=1))  # type: ignore[dict-item]


def ended(reason: str, type_: str = "Complete", **more: object) -> Status:
    """The status of a run that ended a minute ago."""
    return status(completion_time="2026-11-24T11:59:00Z", conditions=held(type_, reason), **more)  # type: ignore[arg-type]


LOST = job(
    1, "Failed", job_status="FAILED", reason="AppFailed", message="exit code 137", ended=NOW - timedelta(hours=1)
)
JUST_LOST = replace(LOST, ended=NOW - timedelta(seconds=4))
STRANGER = job(1, owned=False, uid="theirs")
PULLING = (PodTrouble("sums-1-head", "ImagePullBackOff", 'Back-off pulling image "x"'),)

STATES: dict[str, State] = {
    "new": State(seen(status=Status()), "Pending", {"Reconciling": "Starting"}, "begin 1", GOING),
    "named, and the operator died": State(
        seen(status=status(made=False)), "Pending", {"Reconciling": "Starting"}, "begin 1", GOING
    ),
    "not seen by KubeRay": State(
        seen(None, job(1, ""), status=status(made=False)), "Starting", {"Reconciling": "Starting"}, "", GOING
    ),
    "cluster starts": State(
        seen(None, job(1, "Initializing"), status=status()), "Starting", {"Reconciling": "Starting"}, "", GOING
    ),
    "image cannot be pulled": State(
        seen(None, job(1, "Initializing"), status=status(), troubles=PULLING),
        "Starting",
        {"Reconciling": "PodNotRunning"},
        "",
        GOING,
    ),
    "queued by Kueue": State(
        seen(None, job(1, "Suspended"), status=status()), "Pending", {"Reconciling": "Queued"}, "", GOING
    ),
    "running": State(seen(None, job(), status=status()), "Running", {}, "", LAUNCHED),
    "said its last word, cluster still there": State(
        seen(None, job(), status=status(final=final(0))), "Running", {}, "", LAUNCHED
    ),
    "published": State(
        seen(None, job(1, "Complete"), status=status(final=final(0))),
        "Complete",
        {"Complete": "Published"},
        "",
        FOREVER,
    ),
    "published when the budget ended the search": State(
        seen(None, job(1, "Complete"), status=status(final=final(0, budget="usd"))),
        "Complete",
        {"Complete": "Published", "BudgetExhausted": "BudgetExhausted"},
        "",
        FOREVER,
    ),
    "published, its last word lost": State(
        seen(None, job(1, "Complete", job_status="SUCCEEDED"), status=status()),
        "Complete",
        {"Complete": "Published"},
        "",
        FOREVER,
    ),
    "published, its RayJob gone": State(
        seen(status=ended("Published")), "Complete", {"Complete": "Published"}, "", FOREVER
    ),
    "published, then its budget grew": State(
        seen(LARGER, job(1, "Complete"), status=ended("Published", final=final(0)), generation=2),
        "Complete",
        {"Complete": "Published"},
        "",
        FOREVER,
    ),
    "published, then suspended": State(
        seen(SUSPENDED, job(1, "Complete"), status=ended("Published", final=final(0)), generation=2),
        "Complete",
        {"Complete": "Published"},
        "",
        FOREVER,
    ),
    "no dataset within the budget": State(
        seen(None, job(1, "Failed"), status=status(final=final(3))),
        "Complete",
        {"Complete": "BudgetExhausted", "BudgetExhausted": "BudgetExhausted"},
        "",
        FOREVER,
    ),
    "no dataset, then the budget grew": State(
        seen(LARGER, job(1, "Failed"), status=ended("BudgetExhausted", final=final(3)), generation=2),
        "Pending",
        {"Reconciling": "Starting"},
        "begin 2",
        GOING,
    ),
    "a user's mistake": State(
        seen(None, job(1, "Failed"), status=status(final=final(2))),
        "Failed",
        {"Failed": "DocumentError", "Stalled": "DocumentError"},
        "",
        BROKEN,
    ),
    "a user's mistake, by Ray's message alone": State(
        seen(None, replace(LOST, message="failed with exit code 2"), status=status()),
        "Failed",
        {"Failed": "AppFailed", "Stalled": "AppFailed"},
        "",
        BROKEN,
    ),
    "a user's mistake, mended": State(
        seen(None, job(1, "Failed"), status=ended("DocumentError", "Failed", final=final(2)), generation=2),
        "Pending",
        {"Reconciling": "Starting"},
        "begin 2",
        GOING,
    ),
    "refused by KubeRay": State(
        seen(None, job(1, "ValidationFailed", message="no"), status=status()),
        "Failed",
        {"Failed": "ValidationFailed", "Stalled": "ValidationFailed"},
        "",
        BROKEN,
    ),
    "lost a while ago": State(
        seen(None, LOST, status=status()), "Pending", {"Reconciling": "Starting"}, "begin 2", GOING
    ),
    "lost just now": State(seen(None, JUST_LOST, status=status()), "Pending", {"Reconciling": "BackingOff"}, "", GOING),
    "lost too often": State(
        seen(None, replace(LOST, attempt=4, name="sums-4"), status=status(4, failures=3)),
        "Failed",
        {"Failed": "BackoffLimitExceeded", "Stalled": "BackoffLimitExceeded"},
        "",
        BROKEN,
    ),
    "its RayJob vanished": State(seen(status=status()), "Pending", {"Reconciling": "Starting"}, "begin 2", GOING),
    "its RayJob is being deleted": State(
        seen(None, job(1, deleting=True), status=status()), "Pending", {"Reconciling": "Stopping"}, "", GOING
    ),
    "the budget grew meanwhile": State(
        seen(LARGER, job(), status=status(), generation=2), "Pending", {"Reconciling": "Stopping"}, "stop 1", GOING
    ),
    "waiting for the attempt before it": State(
        seen(LARGER, job(1, deleting=True), status=status(2, made=False), generation=2),
        "Pending",
        {"Reconciling": "Stopping"},
        "",
        GOING,
    ),
    "suspended from the start": State(
        seen(SUSPENDED, status=Status()), "Suspended", {"Suspended": "SuspendRequested"}, "", WAITING
    ),
    "suspended while it runs": State(
        seen(SUSPENDED, job(), status=status()), "Suspended", {"Suspended": "SuspendRequested"}, "stop 1", WAITING
    ),
    "suspended and stopped": State(
        seen(SUSPENDED, status=status(final=final(130))),
        "Suspended",
        {"Suspended": "SuspendRequested"},
        "",
        WAITING,
    ),
    "resumed": State(
        seen(status=status(failures=2, conditions=held("Suspended", "SuspendRequested"), final=final(130))),
        "Pending",
        {"Reconciling": "Starting"},
        "begin 2",
        GOING,
    ),
    "resumed before its RayJob was gone": State(
        seen(None, job(1, deleting=True), status=status(conditions=held("Suspended", "SuspendRequested"))),
        "Pending",
        {"Reconciling": "Stopping"},
        "",
        GOING,
    ),
    "resumed, never begun": State(
        seen(status=Status(conditions=held("Suspended", "SuspendRequested"))),
        "Pending",
        {"Reconciling": "Starting"},
        "begin 1",
        GOING,
    ),
    "waiting for approval": State(
        seen(None, job(1, "Failed"), status=status(final=final(4, step="train"))),
        "AwaitingApproval",
        {"AwaitingApproval": "ApprovalNeeded"},
        "",
        WAITING,
    ),
    "another step approved": State(
        seen(
            sums(approval={"required": ["train", "publish"], "granted": ["train"]}),
            job(1, "Failed"),
            status=status(final=final(4, step="publish")),
            generation=2,
        ),
        "AwaitingApproval",
        {"AwaitingApproval": "ApprovalNeeded"},
        "",
        WAITING,
    ),
    "approved": State(
        seen(
            sums(approval={"required": ["train"], "granted": ["train"]}),
            job(1, "Failed"),
            status=status(final=final(4, step="train")),
            generation=2,
        ),
        "Pending",
        {"Reconciling": "Starting"},
        "begin 2",
        GOING,
    ),
    "a stranger has the RayJob's name": State(
        seen(None, STRANGER, status=Status()), "Pending", {"Stalled": "NameTaken"}, "", BROKEN
    ),
    "storage in a pod": State(
        seen(sums(storage={"uri": "/tmp/runs"}), status=Status()),
        "Pending",
        {"Stalled": "StorageNotShared"},
        "",
        BROKEN,
    ),
    "a document of another release": State(
        replace(seen(status=Status()), document=None, problems=("spec.magic: unknown",)),
        "Failed",
        {"Failed": "InvalidDocument", "Stalled": "InvalidDocument"},
        "",
        BROKEN,
    ),
    "a document of another release, mended": State(
        seen(status=Status(conditions=held("Failed", "InvalidDocument")), generation=2),
        "Pending",
        {"Reconciling": "Starting"},
        "begin 1",
        GOING,
    ),
    "past its time to live": State(
        seen(
            sums(compute={"ttlSecondsAfterFinished": 30}),
            job(1, "Complete"),
            status=ended("Published", final=final(0)),
        ),
        "Complete",
        {"Complete": "Published"},
        "expire",
        FOREVER,
    ),
    "within its time to live": State(
        seen(
            sums(compute={"ttlSecondsAfterFinished": 90}),
            job(1, "Complete"),
            status=ended("Published", final=final(0)),
        ),
        "Complete",
        {"Complete": "Published"},
        "",
        FOREVER,
    ),
}
"""The table."""
