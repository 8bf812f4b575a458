"""From what the API server says to what ``reconcile`` decides from. Pure; what another release wrote is tolerated."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from preceptor.errors import Problem
from preceptor.spec.checks import contradictions
from preceptor.spec.document import API_VERSION, KIND, Specialization
from preceptor.spec.explain import explain
from preceptor.spec.refusals import refuse_unimplemented
from preceptor.spec.status import Status
from preceptor_operator.names import LABEL_ATTEMPT, LABEL_BUDGET, LABEL_GENERATION, child_name
from preceptor_operator.observed import Observed, PodTrouble, RayJobView

Json = Mapping[str, Any]
"""An object as the API server has it."""
_STARTING = frozenset({"ContainerCreating", "PodInitializing"})
_LONGEST = 300


def observed(obj: Json, ray_jobs: Iterable[Json], pods: Iterable[Json] = ()) -> Observed:
    """What is seen of a Specialization, the RayJobs of its label or of its attempts' names, and its pods.

    Of the pods only the newest attempt's count: those of an earlier one linger for a while, and may well have failed.
    """
    metadata = obj["metadata"]
    document, problems = _document(obj)
    views = [_ray_job(each, metadata["name"], metadata["uid"]) for each in ray_jobs]
    newest = str(max((view.attempt for view in views if view is not None and view.owned), default=0))
    return Observed(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        generation=int(metadata.get("generation", 0)),
        created=_time(metadata.get("creationTimestamp")) or datetime.now(UTC),
        document=document,
        problems=tuple(problems),
        labels=metadata.get("labels") or {},
        deleting="deletionTimestamp" in metadata,
        status=status_of(obj),
        ray_jobs=tuple(sorted((view for view in views if view is not None), key=lambda view: view.attempt)),
        troubles=troubles(pod for pod in pods if (pod["metadata"].get("labels") or {}).get(LABEL_ATTEMPT) == newest),
    )


def status_of(obj: Json) -> Status:
    """The status; an empty one where it cannot be read, which is then written anew."""
    try:
        return Status.model_validate(obj.get("status") or {})
    except ValidationError:
        return Status()


def troubles(pods: Iterable[Json]) -> tuple[PodTrouble, ...]:
    """Why pods do not run: images that cannot be pulled, containers that crash, nodes that are missing."""
    found = [trouble for pod in pods if (trouble := _trouble(pod)) is not None]
    return tuple(sorted(found, key=lambda trouble: (trouble.reason, trouble.pod)))


def _document(obj: Json) -> tuple[Specialization | None, list[str]]:
    given = {
        key: obj["metadata"][key] for key in ("name", "namespace", "labels", "annotations") if key in obj["metadata"]
    }
    data = {"apiVersion": API_VERSION, "kind": KIND, "metadata": given, "spec": obj.get("spec")}
    try:
        # Strictly, as a document's file is read.
        document = Specialization.model_validate_json(json.dumps(data), strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        return None, [_said(problem) for problem in explain(error, data, {})]
    problems = [*refuse_unimplemented(document), *contradictions(document)]
    return (None, [_said(problem) for problem in problems]) if problems else (document, [])


def _said(problem: Problem) -> str:
    mend = f" (mend: {problem.mend})" if problem.mend else ""
    return f"{problem.path}: {problem.message}{mend}" if problem.path else f"{problem.message}{mend}"


def _ray_job(obj: Json, name: str, uid: str) -> RayJobView | None:
    metadata, status = obj["metadata"], obj.get("status") or {}
    labels = metadata.get("labels") or {}
    attempt = labels.get(LABEL_ATTEMPT) or metadata["name"].removeprefix(f"{name}-")
    if not attempt.isdecimal() or metadata["name"] != child_name(name, int(attempt)):
        return None
    owners = metadata.get("ownerReferences") or []
    return RayJobView(
        name=metadata["name"],
        attempt=int(attempt),
        uid=metadata["uid"],
        owned=any(owner.get("uid") == uid and owner.get("controller") for owner in owners),
        created=_time(metadata.get("creationTimestamp")) or datetime.now(UTC),
        deleting="deletionTimestamp" in metadata,
        deployment_status=status.get("jobDeploymentStatus") or "",
        job_status=status.get("jobStatus") or "",
        reason=status.get("reason") or "",
        message=status.get("message") or "",
        cluster=status.get("rayClusterName") or "",
        budget=labels.get(LABEL_BUDGET, ""),
        generation=int(generation) if (generation := labels.get(LABEL_GENERATION, "")).isdecimal() else 0,
        ended=_time(status.get("endTime")),
    )


def _trouble(pod: Json) -> PodTrouble | None:
    status, name = pod.get("status") or {}, pod["metadata"]["name"]
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting")
        if waiting and waiting.get("reason") not in _STARTING:
            last = (container.get("lastState") or {}).get("terminated") or {}
            return _line(name, waiting.get("reason") or "Waiting", waiting.get("message") or last.get("message") or "")
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return _line(name, condition.get("reason") or "Unschedulable", condition.get("message") or "")
    if status.get("phase") == "Failed":
        return _line(name, status.get("reason") or "PodFailed", status.get("message") or "")
    return None


def _line(pod: str, reason: str, message: str) -> PodTrouble:
    words = " ".join("".join(c if c.isprintable() else " " for c in message).split())
    return PodTrouble(pod, reason, words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…")


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
