"""What ``reconcile`` decides from: a Specialization and its children, as last seen. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from preceptor.spec.document import Specialization
from preceptor.spec.status import Status


@dataclass(frozen=True)
class RayJobView:
    """A RayJob of ours, as far as its state concerns us (KubeRay ``RayJobStatus``)."""

    name: str
    """Its name."""
    attempt: int
    """The attempt it carries out."""
    uid: str
    """Its uid."""
    owned: bool
    """Whether the Specialization is its controller; another object's RayJob of that name is never touched."""
    created: datetime
    """When it was made."""
    deleting: bool = False
    """Whether it is being deleted."""
    deployment_status: str = ""
    """``jobDeploymentStatus``; empty before KubeRay has seen it."""
    job_status: str = ""
    """``jobStatus``: what Ray says of the entrypoint."""
    reason: str = ""
    """KubeRay's reason of a failure."""
    message: str = ""
    """KubeRay's or Ray's message."""
    cluster: str = ""
    """The RayCluster it runs on; its pods carry the label ``ray.io/cluster``."""
    budget: str = ""
    """The digest of the budget that it was made with."""
    generation: int = 0
    """The generation of the Specialization that it carries out."""
    ended: datetime | None = None
    """When it ended, by KubeRay."""


@dataclass(frozen=True)
class PodTrouble:
    """Why a pod of the newest attempt does not run."""

    pod: str
    """The pod."""
    reason: str
    """Kubernetes' reason, such as ``ImagePullBackOff`` or ``Unschedulable``."""
    message: str
    """Its message, one line."""


@dataclass(frozen=True)
class Observed:
    """A Specialization and its children."""

    name: str
    """Its name, which names the run."""
    namespace: str
    """Its namespace."""
    uid: str
    """Its uid."""
    generation: int
    """Its generation: counts changes of ``spec``."""
    created: datetime
    """When it was made."""
    document: Specialization | None
    """What it says; ``None`` when this release cannot read it."""
    problems: tuple[str, ...] = ()
    """Why it cannot be read or carried out: path, reason and mend of each mistake."""
    labels: Mapping[str, str] | None = None
    """Its labels."""
    deleting: bool = False
    """Whether it is being deleted: its children follow by themselves."""
    status: Status = field(default_factory=Status)
    """Its status, by both writers."""
    ray_jobs: tuple[RayJobView, ...] = ()
    """RayJobs that carry its label or an attempt's name, in the order of their attempts."""
    troubles: tuple[PodTrouble, ...] = ()
    """Pods of the newest attempt that cannot start."""
