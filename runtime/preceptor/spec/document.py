"""The ``Specialization`` document: one YAML file, one Kubernetes object, one run."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from preceptor.spec.actors import Engineer, Student, Teacher
from preceptor.spec.base import ContradictionError, Duration, Fraction, Model, Name
from preceptor.spec.evaluation import Evaluation
from preceptor.spec.gates import Gates
from preceptor.spec.task import Task

API_VERSION = "preceptor.dev/v1alpha1"
KIND = "Specialization"


class Dataset(Model):
    """How large a version is and what its rows must pass."""

    size: int = Field(gt=0, examples=[300])
    """Rows a finished version holds at most."""
    minimum: int = Field(default=1, gt=0)
    """Fewer accepted rows than this make an attempt invalid."""
    hopeless_yield: Fraction = 0.02
    """A skill whose share of accepted rows stays below this is given up."""
    gates: Gates = Gates()
    """What its rows must pass, and the thresholds."""

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.minimum > self.size:
            raise ContradictionError(
                f"`minimum` ({self.minimum}) is above `size` ({self.size})",
                mend="lower `minimum` or raise `size`",
                at=("minimum",),
            )
        return self


class Budget(Model):
    """What a run may use. Limits may grow when a run is resumed, never shrink below what is spent."""

    iterations: int = Field(gt=0, examples=[3])
    """Datasets trained and examined."""
    attempts: int | None = Field(default=None, gt=0)
    """Recipes carried out, valid or not; iterations + 7 when absent."""
    rows: int | None = Field(default=None, gt=0)
    """Rows the teacher may make in all, dropped ones included."""
    wall_clock: Duration | None = None
    """Time the driver may run, summed over resumes; the step in progress is finished, then the best is published."""
    teacher_requests: int | None = Field(default=None, gt=0)
    """Requests to the teacher in all."""
    teacher_requests_per_attempt: int | None = Field(default=None, gt=0)
    """Requests to the teacher for one attempt."""
    tokens: int | None = Field(default=None, gt=0)
    """Tokens of teacher and engineer, prompt and completion."""
    usd: float | None = Field(default=None, gt=0)
    """Money for teacher and engineer, in dollars at the declared prices."""
    gpu_hours: float | None = Field(default=None, gt=0)
    """GPU time of the student."""

    @property
    def max_attempts(self) -> int:
        """Attempts allowed: as declared, or the paper's eight tries for one valid dataset (section 3)."""
        return self.attempts if self.attempts is not None else self.iterations + 7


class Storage(Model):
    """Where everything a run leaves is written."""

    uri: str = Field(min_length=1, examples=["runs"])
    """Root: a path, ``file://``, ``s3://``, ``gs://``, ``abfs://`` or ``memory://``.

    A relative path counts from the working directory, as for any program that writes (inputs, such as the items, count
    from the document). Credentials come from the environment.
    """


class WorkerGroup(Model):
    """A group of Ray workers in a cluster."""

    name: Name = Field(examples=["workers"])
    """The group's name."""
    replicas: int = Field(default=1, ge=0)
    """Pods."""
    min_replicas: int | None = Field(default=None, ge=0)
    """Fewest pods when autoscaled."""
    max_replicas: int | None = Field(default=None, ge=0)
    """Most pods when autoscaled."""
    cpus: int = Field(default=1, gt=0)
    """CPUs of a pod."""
    memory: str | None = None
    """Memory of a pod, as Kubernetes writes it."""
    gpus: int = Field(default=0, ge=0)
    """GPUs of a pod."""


class Toleration(Model):
    """A taint that the pods may stand, as Kubernetes has it."""

    key: str | None = None
    """The taint's key; every key when absent."""
    operator: Literal["Exists", "Equal"] = "Equal"
    """How `value` is compared."""
    value: str | None = None
    """The taint's value."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect; every effect when absent."""


class Volume(Model):
    """A PersistentVolumeClaim that every Ray pod mounts."""

    claim: str = Field(min_length=1, examples=["models"])
    """The claim, in the run's namespace."""
    path: str = Field(pattern="^/", examples=["/models"])
    """Where it is mounted."""
    read_only: bool = False
    """Whether it may only be read."""


class Compute(Model):
    """The cluster a run wants; ignored on a laptop. The operator's settings say what stands where this is silent."""

    image: str | None = None
    """Container image of the Ray pods."""
    queue: str | None = None
    """Kueue queue."""
    managed_by: str | None = None
    """Controller that carries the RayJob out instead of KubeRay, such as ``kueue.x-k8s.io/multikueue``."""
    priority_class: str | None = None
    """PriorityClass of the Ray pods."""
    service_account: str | None = None
    """ServiceAccount of the Ray pods; the driver writes its progress with it."""
    secrets: tuple[str, ...] = ()
    """Secrets, in the run's namespace, whose entries become environment variables of every Ray pod."""
    volumes: tuple[Volume, ...] = ()
    """PersistentVolumeClaims that every Ray pod mounts."""
    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels the nodes must have."""
    tolerations: tuple[Toleration, ...] = ()
    """Taints of nodes that the pods may stand."""
    worker_groups: tuple[WorkerGroup, ...] = ()
    """Ray worker groups; one for generation, and one for the student when it wants GPUs, when empty."""
    backoff_limit: int = Field(default=3, ge=0)
    """Attempts of the RayJob that may be lost to the infrastructure before the run is given up."""
    start_deadline: Duration = 1800.0
    """Longest time from a RayJob's start until its driver runs: images are pulled and nodes waited for meanwhile."""
    ttl_seconds_after_finished: int | None = Field(default=None, ge=0)
    """Seconds after its end at which the Specialization is deleted, as Jobs have it; what it stored stays."""


ApprovedStep = Literal["train", "publish"]
"""A step that can wait for a human: the first training, and the writing of the outcome."""


class Approval(Model):
    """Steps that wait for a human."""

    required: tuple[ApprovedStep, ...] = ()
    """Steps that wait."""
    granted: tuple[ApprovedStep, ...] = ()
    """Steps a human has let pass."""


class Spec(Model):
    """What is wanted."""

    task: Task = Field(
        examples=[
            {
                "description": "Questions about invoices.",
                "prompt": "{{ question }}",
                "scorer": {"kind": "exact"},
                "items": {"uri": "items.jsonl", "answer": "{{ answer }}"},
                "splits": {"feedback": 0.2, "selection": 0.2, "private": 0.6},
            }
        ]
    )
    """What the student has to be good at."""
    engineer: Engineer = Field(examples=[{"kind": "heuristic"}])
    """Who decides which data to make."""
    teacher: Teacher = Field(
        examples=[
            {"kind": "procedural", "generators": {"my-generator": {"kind": "reasoning-gym", "dataset": "chain_sum"}}}
        ]
    )
    """Who makes it."""
    student: Student = Field(examples=[{"model": "HuggingFaceTB/SmolLM2-135M-Instruct"}])
    """Who learns it."""
    dataset: Dataset = Field(examples=[{"size": 300}])
    """How much data, and what it must pass."""
    budget: Budget = Field(examples=[{"iterations": 3}])
    """What the run may use."""
    evaluation: Evaluation = Evaluation()
    """How the outcome is judged."""
    storage: Storage = Field(examples=[{"uri": "runs"}])
    """Where everything is written."""
    compute: Compute = Compute()
    """The cluster; ignored on a laptop."""
    approval: Approval = Approval()
    """Steps that wait for a human."""
    seed: int = Field(default=0, ge=0)
    """Root of every random choice except the split's."""
    suspend: bool = False
    """Stop and keep everything, as Kubernetes Jobs have it."""


class Metadata(Model):
    """The object's name; other metadata is Kubernetes' own and ignored by the run."""

    name: Name = Field(examples=["my-run"])
    """Names the run."""
    namespace: str | None = None
    """Kubernetes namespace."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Kubernetes labels."""
    annotations: dict[str, str] = Field(default_factory=dict)
    """Kubernetes annotations."""


class Specialization(Model):
    """A domain and a budget in one document; ``preceptor run`` and ``kubectl apply`` take the same file."""

    api_version: Literal["preceptor.dev/v1alpha1"]
    """``preceptor.dev/v1alpha1``."""
    kind: Literal["Specialization"]
    """``Specialization``."""
    metadata: Metadata = Field(examples=[{"name": "my-run"}])
    """Name and labels."""
    spec: Spec
    """What is wanted."""

    @property
    def name(self) -> str:
        """The run's name."""
        return self.metadata.name

    def canonical(self) -> dict[str, Any]:
        """Return the document as plain JSON data with every default filled in, for digests and comparison."""
        return self.model_dump(mode="json", by_alias=True)
