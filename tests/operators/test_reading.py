"""What the API server says, read: documents, RayJobs, and pods that do not run."""

from __future__ import annotations

from typing import Any

import pytest

from preceptor.spec.status import Status
from preceptor_operator.reading import observed, troubles
from support.attempts import sums


def stored(**spec: Any) -> dict[str, Any]:
    obj = sums(**spec).model_dump(mode="json", by_alias=True, exclude_unset=True)
    obj["metadata"] |= {"uid": "u-1", "generation": 3, "creationTimestamp": "2026-11-24T12:00:00Z"}
    return obj


def ray_job(name: str, *, owner: str = "u-1", labels: dict[str, str] | None = None, **status: Any) -> dict[str, Any]:
    metadata = {"name": name, "uid": f"uid-of-{name}", "creationTimestamp": "2026-11-24T12:00:00Z"}
    references = [{"uid": owner, "controller": True}]
    return {"metadata": {**metadata, "labels": labels or {}, "ownerReferences": references}, "status": status}


def test_a_document_is_read_as_its_file_is() -> None:
    seen = observed(stored(), [])
    assert seen.document is not None
    assert seen.document.spec == sums().spec
    assert (seen.generation, seen.problems) == (3, ())


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"magic": True}, "spec.magic"),
        ({"seed": "7"}, "spec.seed"),
        ({"budget": {"iterations": 3, "gpuHours": 2}}, "spec.budget.gpuHours"),
        ({"budget": {"iterations": 3, "rows": 1}, "dataset": {"size": 9, "minimum": 9}}, "spec.budget.rows"),
    ],
)
def test_one_that_cannot_be_carried_out_says_where_and_why(change: dict[str, Any], path: str) -> None:
    obj = stored()
    obj["spec"] |= change
    seen = observed(obj, [])
    assert seen.document is None
    assert any(problem.startswith(f"{path}: ") for problem in seen.problems)
    assert any("(mend: " in problem for problem in seen.problems)


def test_a_status_that_cannot_be_read_is_written_anew() -> None:
    assert observed(stored() | {"status": {"phase": 7}}, []).status == Status()
    later = {"phase": "Running", "attempt": 2, "conditions": [], "invented": "by a later release"}
    assert observed(stored() | {"status": later}, []).status.attempt == 2


def test_ray_jobs_are_ours_by_their_owner_not_by_their_name() -> None:
    jobs = [
        ray_job("sums-2", labels={"preceptor.dev/attempt": "2", "preceptor.dev/generation": "3"}),
        ray_job("sums-1", owner="somebody-else"),
        ray_job("sums-one"),
        ray_job("sums-3", labels={"preceptor.dev/attempt": "4"}),
    ]
    seen = observed(stored(), jobs).ray_jobs
    assert [(job.name, job.attempt, job.owned, job.generation) for job in seen] == [
        ("sums-1", 1, False, 0),
        ("sums-2", 2, True, 3),
    ]


def test_what_kuberay_says_of_a_ray_job_is_kept() -> None:
    job = ray_job("sums-1", jobDeploymentStatus="Failed", jobStatus="FAILED", reason="AppFailed", message="exit code 2")
    job["status"]["endTime"] = "2026-11-24T12:30:00Z"
    (seen,) = observed(stored(), [job]).ray_jobs
    assert (seen.deployment_status, seen.job_status, seen.reason) == ("Failed", "FAILED", "AppFailed")
    assert seen.ended is not None
    assert seen.ended.isoformat() == "2026-11-24T12:30:00+00:00"


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, None),
        ({"containerStatuses": [{"state": {"running": {}}}]}, None),
        ({"containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}, None),
        (
            {"containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull", "message": "no\nsuch image"}}}]},
            ("ErrImagePull", "no such image"),
        ),
        (
            {
                "containerStatuses": [
                    {
                        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                        "lastState": {"terminated": {"message": "boom"}},
                    }
                ]
            },
            ("CrashLoopBackOff", "boom"),
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3"}]},
            ("Unschedulable", "0/3"),
        ),
        ({"phase": "Failed", "reason": "Evicted", "message": "disk"}, ("Evicted", "disk")),
    ],
)
def test_a_pod_that_does_not_run_says_why(status: dict[str, Any], expected: tuple[str, str] | None) -> None:
    found = troubles([{"metadata": {"name": "head"}, "status": status}])
    assert [(each.reason, each.message) for each in found] == ([expected] if expected else [])


def test_pods_of_an_earlier_attempt_are_no_trouble() -> None:
    failed = {"phase": "Failed", "reason": "Evicted", "message": ""}
    pods = [
        {"metadata": {"name": f"head-{attempt}", "labels": {"preceptor.dev/attempt": attempt}}, "status": failed}
        for attempt in ("1", "2")
    ]
    seen = observed(stored(), [ray_job("sums-1"), ray_job("sums-2")], pods)
    assert [trouble.pod for trouble in seen.troubles] == ["head-2"]
