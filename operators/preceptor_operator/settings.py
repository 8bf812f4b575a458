"""The operator's settings: one YAML file, which the chart makes of its values."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from preceptor.errors import UserError
from preceptor.spec.base import Duration, Model, Name
from preceptor.spec.document import WorkerGroup

NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
"""Where a pod finds the name of its namespace."""


class Election(Model):
    """Which of several operators acts: the one that holds the Lease."""

    enabled: bool = True
    """Whether to ask; without, there must be one operator."""
    name: str = "preceptor-operator"
    """The Lease."""
    namespace: str | None = None
    """Its namespace; the operator's own when absent."""
    duration: Duration = 15.0
    """A leader that has not renewed for so long is replaced."""


class Head(Model):
    """The Ray head pod; the driver runs there and nothing else does."""

    cpus: int = Field(default=2, gt=0)
    """CPUs requested."""
    memory: str = "8Gi"
    """Memory requested and its limit."""


class Settings(Model):
    """What the operator and the RayJobs it makes go by, where a document is silent."""

    image: str = "preceptor-runtime:latest"
    """Container image of the Ray pods."""
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    """When it is pulled."""
    image_pull_secrets: tuple[str, ...] = ()
    """Secrets with the registry's keys."""
    ray_version: str = "2.60.0"
    """The Ray in the image; KubeRay asks for it when it autoscales."""
    service_account: str = "preceptor-driver"
    """ServiceAccount of the Ray pods, in the run's namespace; it may write the status of Specializations."""
    storage_root: str | None = None
    """What a relative ``storage.uri`` counts from: ``s3://bucket/prefix`` or an absolute path on a volume."""
    document_directory: str = "/opt/preceptor/specs"
    """Where the document is mounted in the pods: relative inputs count from there; the image has the shipped ones."""
    head: Head = Head()
    """The Ray head pod."""
    generation: WorkerGroup = WorkerGroup(
        name="generation", replicas=1, min_replicas=1, max_replicas=4, cpus=2, memory="8Gi"
    )
    """Workers that make rows, when the document names no groups."""
    training: WorkerGroup = WorkerGroup(
        name="training", replicas=0, min_replicas=0, max_replicas=1, cpus=4, memory="32Gi", gpus=1
    )
    """Workers that train and examine, when the document names no groups and the student wants GPUs; there are at most
    as many as ``student.training.workers``, each with its ``gpusPerWorker``."""
    cluster_ttl_seconds: int = Field(default=300, ge=0)
    """Seconds that a finished RayJob's cluster stays, for its logs."""
    namespaces: tuple[Name, ...] = ()
    """Namespaces to watch; all when empty."""
    election: Election = Election()
    """Leader election."""
    metrics_port: int = Field(default=8080, ge=0, le=65535)
    """Port of ``/metrics``; 0 for none."""
    probe_port: int = Field(default=8081, ge=0, le=65535)
    """Port of ``/healthz`` and ``/readyz``; 0 for none."""
    json_logs: bool = True
    """Log one JSON object a line."""


def read_settings(path: Path | None) -> Settings:
    """The settings in a YAML file, or the defaults. Raises :class:`UserError` with every mistake in it."""
    if path is None:
        return Settings()
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"the settings in {path} cannot be read: {error}", mend="check --settings") from error
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        mistakes = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        raise UserError(
            f"the settings in {path} are wrong: {'; '.join(mistakes)}", mend="correct the chart's `settings` values"
        ) from error
