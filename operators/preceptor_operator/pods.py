"""The pods of an attempt: Ray's head, its workers, and the one that submits. Pure.

They meet the restricted Pod Security Standard. Secrets are mounted by name; the operator never reads one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from preceptor.spec.document import Specialization, WorkerGroup
from preceptor.spec.endpoint import SecretRef
from preceptor_operator.settings import Settings

GPU = "nvidia.com/gpu"
"""The resource by which GPUs are asked for."""
WORKER_RESOURCE = "preceptor"
"""The Ray resource that keeps what works away from the head, which has the driver."""
IDLE_SECONDS = 120
"""A worker that has been idle for so long is taken away; a training's workers wait less between two epochs."""
_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_SUBMITTER = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
_AUTOSCALER = {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}}


@dataclass(frozen=True)
class Placed:
    """A document and the settings that stand where it is silent."""

    document: Specialization
    """The document."""
    settings: Settings
    """The operator's settings."""
    labels: Mapping[str, str]
    """Labels of every pod."""

    @property
    def image(self) -> dict[str, str]:
        """Image of every container, and when it is pulled."""
        image = self.document.spec.compute.image or self.settings.image
        return {"image": image, "imagePullPolicy": self.settings.image_pull_policy}

    def autoscaler(self) -> dict[str, Any]:
        """``autoscalerOptions``."""
        return {"idleTimeoutSeconds": IDLE_SECONDS, "resources": _AUTOSCALER, "securityContext": _CONTAINER}

    def environment(self) -> dict[str, Any]:
        """``env`` and ``envFrom`` of every Ray container: the keys that the document refers to."""
        # Each once: an endpoint for the teacher is often the engineer's too.
        env = [
            {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret.name, "key": secret.key}}}
            for variable, secret in {each.variable: each for each in secrets_of(self.document)}.items()
        ]
        whole = [{"secretRef": {"name": name}} for name in self.document.spec.compute.secrets]
        return {"env": env} | ({"envFrom": whole} if whole else {})

    def template(self, container: dict[str, Any], volumes: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        """A pod template with one container and the document's placement."""
        compute = self.document.spec.compute
        spec: dict[str, Any] = {
            "containers": [container],
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            **more,
        }
        if volumes:
            spec["volumes"] = volumes
        if self.settings.image_pull_secrets:
            spec["imagePullSecrets"] = [{"name": name} for name in self.settings.image_pull_secrets]
        if compute.priority_class is not None:
            spec["priorityClassName"] = compute.priority_class
        if compute.node_selector:
            spec["nodeSelector"] = dict(compute.node_selector)
        if compute.tolerations:
            spec["tolerations"] = [each.model_dump(by_alias=True, exclude_none=True) for each in compute.tolerations]
        return {"metadata": {"labels": dict(self.labels)}, "spec": spec}

    def ray_template(self, container: dict[str, Any], *, token: bool, document: str | None) -> dict[str, Any]:
        """The template of a Ray pod: its container, the claims, and the ConfigMap ``document`` when given."""
        compute = self.document.spec.compute
        volumes: list[dict[str, Any]] = []
        mounts = container.setdefault("volumeMounts", [])
        for place, volume in enumerate(compute.volumes):
            claim = {"claimName": volume.claim} | ({"readOnly": True} if volume.read_only else {})
            volumes.append({"name": f"claim-{place}", "persistentVolumeClaim": claim})
            mount = {"name": f"claim-{place}", "mountPath": volume.path}
            mounts.append(mount | ({"readOnly": True} if volume.read_only else {}))
        if document is not None:
            volumes.append({"name": "document", "configMap": {"name": document}})
        account = compute.service_account or self.settings.service_account
        return self.template(
            container, volumes, serviceAccountName=account, automountServiceAccountToken=token, restartPolicy="Never"
        )


def secrets_of(part: Any) -> Iterator[SecretRef]:
    """Yield every reference to a Secret in a document, in its order."""
    if isinstance(part, SecretRef):
        yield part
    elif isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from secrets_of(getattr(part, name))
    elif isinstance(part, Mapping):
        for each in part.values():
            yield from secrets_of(each)
    elif isinstance(part, list | tuple):
        for each in part:
            yield from secrets_of(each)


def head_pod(placed: Placed, environment: Mapping[str, str], config_map: str, path: str) -> dict[str, Any]:
    """The head's template: the driver, with the document at ``path`` and the right to write a status."""
    head = placed.settings.head
    variables = placed.environment()
    own = [{"name": name, "value": value} for name, value in environment.items()]
    container = {
        "name": "ray-head",
        **placed.image,
        **variables,
        "env": [*own, *variables["env"]],
        "resources": {"requests": {"cpu": str(head.cpus), "memory": head.memory}, "limits": {"memory": head.memory}},
        "securityContext": _CONTAINER,
        # By subPath: a mount of the whole directory would hide the image's own documents and inputs.
        "volumeMounts": [{"name": "document", "mountPath": path, "subPath": path.rpartition("/")[2], "readOnly": True}],
    }
    return placed.ray_template(container, token=True, document=config_map)


def worker_groups(placed: Placed, *, queued: bool) -> list[dict[str, Any]]:
    """The document's worker groups, or the settings' when it names none.

    ``queued`` groups have a fixed size: Kueue admits a cluster as a whole, and does not take one that autoscales.
    """
    return [_group(placed, group, queued=queued) for group in groups_of(placed.document, placed.settings)]


def grown_cpus(groups: list[dict[str, Any]]) -> int:
    """CPUs of all workers once autoscaling has done its most; GPU machines only count where there are no others."""
    plain = [group for group in groups if "num-gpus" not in group["rayStartParams"]]
    return sum(group["maxReplicas"] * int(group["rayStartParams"]["num-cpus"]) for group in plain or groups)


def groups_of(document: Specialization, settings: Settings) -> tuple[WorkerGroup, ...]:
    """Which worker groups an attempt has."""
    named = document.spec.compute.worker_groups
    training = document.spec.student.training
    if named:
        return named
    if not training.gpus_per_worker:
        return (settings.generation,)
    students = settings.training.model_copy(
        update={"gpus": training.gpus_per_worker, "min_replicas": 0, "max_replicas": training.workers}
    )
    return settings.generation, students


def _group(placed: Placed, group: WorkerGroup, *, queued: bool) -> dict[str, Any]:
    most = max(group.replicas if group.max_replicas is None else group.max_replicas, group.replicas)
    least = min(group.replicas if group.min_replicas is None else group.min_replicas, most)
    replicas = group.replicas
    if queued:
        replicas = least = most = group.replicas or most
    requests: dict[str, str] = {"cpu": str(group.cpus)}
    limits: dict[str, str] = {}
    if group.memory is not None:
        requests["memory"] = limits["memory"] = group.memory
    if group.gpus:
        requests[GPU] = limits[GPU] = str(group.gpus)
    container = {
        "name": "ray-worker",
        **placed.image,
        **placed.environment(),
        "resources": {"requests": requests} | ({"limits": limits} if limits else {}),
        "securityContext": _CONTAINER,
    }
    # Without a limit of CPU Ray would count those of the node.
    # Quoted twice: KubeRay makes a shell's command line of it.
    has = {"num-cpus": str(group.cpus), "resources": f'"{{\\"{WORKER_RESOURCE}\\": 1000}}"'}
    params = has | ({"num-gpus": str(group.gpus)} if group.gpus else {})
    return {
        "groupName": group.name,
        "replicas": replicas,
        "minReplicas": least,
        "maxReplicas": most,
        "rayStartParams": params,
        "template": placed.ray_template(container, token=False, document=None),
    }


def submitter_pod(placed: Placed) -> dict[str, Any]:
    """The template of the pod that submits the driver and follows its output; it has no rights and no secrets."""
    container = {
        "name": "ray-job-submitter",
        **placed.image,
        "resources": _SUBMITTER,
        "securityContext": _CONTAINER,
    }
    return placed.template(container, [], restartPolicy="Never", automountServiceAccountToken=False)
