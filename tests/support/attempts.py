"""A Specialization and its RayJobs as the operator sees them, for tests of what it decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from preceptor.spec.document import Specialization
from preceptor.spec.status import Final, Status
from preceptor_operator.manifests import budget_digest
from preceptor_operator.observed import Observed, RayJobView
from preceptor_operator.settings import Settings

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
"""When tests look."""
SETTINGS = Settings(storage_root="s3://bucket/lab")
"""Settings under which relative storage can be reached."""


def sums(**changes: Any) -> Specialization:
    """A small document; `changes` replace parts of its spec by their name as it is written."""
    spec = {
        "task": {
            "description": "Sums.",
            "prompt": "{{ question }}",
            "scorer": {"kind": "exact"},
            "items": {"uri": "items.jsonl", "answer": "{{ answer }}"},
            "splits": {"feedback": 0.2, "selection": 0.2, "private": 0.6},
        },
        "engineer": {"kind": "heuristic"},
        "teacher": {
            "kind": "procedural",
            "generators": {"sums": {"kind": "reasoning-gym", "dataset": "chain_sum"}},
        },
        "student": {"model": "some/student"},
        "dataset": {"size": 100},
        "budget": {"iterations": 3},
        "storage": {"uri": "runs"},
    }
    return Specialization.model_validate(
        {
            "apiVersion": "preceptor.dev/v1alpha1",
            "kind": "Specialization",
            "metadata": {"name": "sums", "namespace": "lab"},
            "spec": spec | changes,
        }
    )


def seen(document: Specialization | None = None, *jobs: RayJobView, **more: Any) -> Observed:
    """The object with these RayJobs; `more` are fields of `Observed`."""
    known = Observed(
        name="sums",
        namespace="lab",
        uid="u-1",
        generation=1,
        created=NOW,
        document=document or sums(),
        ray_jobs=jobs,
    )
    return replace(known, **more)


def job(attempt: int = 1, deployment: str = "Running", **more: Any) -> RayJobView:
    """A RayJob of the object; `more` are fields of `RayJobView`."""
    known = RayJobView(
        name=f"sums-{attempt}",
        attempt=attempt,
        uid=f"job-{attempt}",
        owned=True,
        created=NOW,
        deployment_status=deployment,
        budget=budget_digest(sums().spec.budget),
        generation=1,
    )
    return replace(known, **more)


def final(exit_code: int, attempt: int = 1, **more: Any) -> Final:
    """A driver's last word."""
    reason = {0: "Published", 2: "DocumentError", 3: "BudgetExhausted", 4: "ApprovalNeeded"}.get(exit_code, "Lost")
    return Final(attempt=attempt, exit_code=exit_code, reason=reason, message=f"it ended with {exit_code}", **more)


def status(attempt: int = 1, *, made: bool = True, **more: Any) -> Status:
    """The status after an attempt was begun and, when `made`, its RayJob seen."""
    return Status(observed_generation=1, attempt=attempt, ray_job=f"sums-{attempt}" if made else None, **more)
