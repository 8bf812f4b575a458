"""The objects of an attempt: an immutable ConfigMap with the document, and the RayJob that carries it out. Pure.

Written after KubeRay's API reference (``ray.io/v1`` RayJob). Nothing here changes for an attempt once it is made:
KubeRay ignores later edits of a cluster's spec, so what changes takes effect with the next attempt.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from preceptor.spec.document import API_VERSION, KIND, Budget, Specialization
from preceptor.spec.status import ENV_ATTEMPT, ENV_NAME, ENV_NAMESPACE, ENV_UID, ENV_WORKER_CPUS, ENV_WORKER_RESOURCE
from preceptor_operator.actions import Manifest
from preceptor_operator.names import (
    LABEL_ATTEMPT,
    LABEL_BUDGET,
    LABEL_GENERATION,
    LABEL_NAME,
    QUEUE_LABEL,
    RAY_GROUP,
    RAY_VERSION,
)
from preceptor_operator.names import child_name as child
from preceptor_operator.plain import to_yaml
from preceptor_operator.pods import WORKER_RESOURCE, Placed, grown_cpus, head_pod, submitter_pod, worker_groups
from preceptor_operator.settings import Settings
from preceptor_operator.storing import storage_of

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""kubectl's own annotation: the document once more, which would double the ConfigMap."""


@dataclass(frozen=True)
class Wanted:
    """An attempt to be made."""

    document: Specialization
    """What it carries out."""
    name: str
    """The Specialization's name."""
    namespace: str
    """Its namespace."""
    attempt: int
    """Counted from 1."""
    uid: str | None = None
    """The Specialization's uid; ``None`` where there is no such object, as for ``preceptor render``."""
    generation: int = 1
    """The Specialization's generation."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """The Specialization's labels; Kueue's is heeded."""

    @property
    def child(self) -> str:
        """Name of the RayJob."""
        return child(self.name, self.attempt)

    @property
    def queue(self) -> str | None:
        """The Kueue queue, from the document or, as Kueue has it for other kinds, from the object's label."""
        return self.document.spec.compute.queue or self.labels.get(QUEUE_LABEL)


def budget_digest(budget: Budget) -> str:
    """Return 12 hex digits that change with the budget, for the RayJob's label."""
    text = json.dumps(budget.model_dump(mode="json", by_alias=True), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def config_map(wanted: Wanted) -> Manifest:
    """Return the ConfigMap with the document as one file, ``<name>.yaml``.

    Its name has a digest of that: where the document changed between two tries to begin the attempt, the second finds
    no immutable ConfigMap in its way.
    """
    text = to_yaml(_document(wanted))
    name = f"{wanted.child}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(wanted) | {"name": name},
        "immutable": True,
        "data": {f"{wanted.name}.yaml": text},
    }


def ray_job(wanted: Wanted, settings: Settings) -> Manifest:
    """Return the RayJob. Raises :class:`~preceptor_operator.storing.StorageNotSharedError`.

    ``spec.suspend`` is left out: under a queue it is Kueue's, and no field has two owners.
    """
    spec = wanted.document.spec
    compute = spec.compute
    path = f"{settings.document_directory.rstrip('/')}/{wanted.name}.yaml"
    storage = storage_of(spec.storage.uri, compute, settings)
    command = ["preceptor", "drive", path, *(["--storage", storage] if storage != spec.storage.uri else [])]
    placed = Placed(wanted.document, settings, _labels(wanted))
    groups = worker_groups(placed, queued=wanted.queue is not None)
    head = head_pod(placed, _environment(wanted, groups), config_map(wanted)["metadata"]["name"], path)
    autoscaled = any(group["minReplicas"] < group["maxReplicas"] for group in groups)
    job: dict[str, Any] = {
        "entrypoint": shlex.join(command),
        "backoffLimit": 0,
        "shutdownAfterJobFinishes": True,
        "ttlSecondsAfterFinished": settings.cluster_ttl_seconds,
        "preRunningDeadlineSeconds": max(1, round(compute.start_deadline)),
        "submissionMode": "K8sJobMode",
        "submitterPodTemplate": submitter_pod(placed),
        "rayClusterSpec": {
            "rayVersion": settings.ray_version,
            "enableInTreeAutoscaling": autoscaled,
            "headGroupSpec": {
                # No CPUs for Ray: the driver has the head to itself.
                "rayStartParams": {"num-cpus": "0"},
                "template": head,
            },
            "workerGroupSpecs": groups,
        },
    }
    if autoscaled:
        job["rayClusterSpec"]["autoscalerOptions"] = placed.autoscaler()
    if compute.managed_by is not None:
        job["managedBy"] = compute.managed_by
    metadata = _metadata(wanted)
    metadata["labels"] |= {LABEL_BUDGET: budget_digest(spec.budget), LABEL_GENERATION: str(wanted.generation)}
    if wanted.queue is not None:
        metadata["labels"] |= {QUEUE_LABEL: wanted.queue}
    return {"apiVersion": f"{RAY_GROUP}/{RAY_VERSION}", "kind": "RayJob", "metadata": metadata, "spec": job}


def _labels(wanted: Wanted) -> dict[str, str]:
    # Not the user's own: GitOps tools know their objects by labels, and would prune what we make as none of theirs.
    return {
        "app.kubernetes.io/name": "preceptor",
        "app.kubernetes.io/managed-by": "preceptor-operator",
        LABEL_NAME: wanted.name,
        LABEL_ATTEMPT: str(wanted.attempt),
    }


def _metadata(wanted: Wanted) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": wanted.child, "namespace": wanted.namespace, "labels": _labels(wanted)}
    if wanted.uid is not None:
        owner = {"apiVersion": API_VERSION, "kind": KIND, "name": wanted.name, "uid": wanted.uid}
        # Without `blockOwnerDeletion`, which would need a right on the Specialization's finalizers.
        metadata["ownerReferences"] = [owner | {"controller": True}]
    return metadata


def _document(wanted: Wanted) -> dict[str, Any]:
    """What was written, without defaults: a field that is left out can say something of its own."""
    written: dict[str, Any] = wanted.document.model_dump(mode="json", by_alias=True, exclude_unset=True)
    kept = {key: value for key, value in written["metadata"].items() if key != "namespace"}
    annotations = {key: value for key, value in kept.pop("annotations", {}).items() if key != LAST_APPLIED}
    kept |= {"name": wanted.name, "namespace": wanted.namespace} | ({"annotations": annotations} if annotations else {})
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": kept, "spec": written["spec"]}


def _environment(wanted: Wanted, groups: list[dict[str, Any]]) -> dict[str, str]:
    """What tells the driver where to place work and whose status it writes; the latter where there is an object."""
    always = {
        ENV_WORKER_RESOURCE: WORKER_RESOURCE,
        ENV_WORKER_CPUS: str(grown_cpus(groups)),
        ENV_ATTEMPT: str(wanted.attempt),
    }
    if wanted.uid is None:
        return always
    return always | {
        ENV_NAMESPACE: wanted.namespace,
        ENV_NAME: wanted.name,
        ENV_UID: wanted.uid,
    }
