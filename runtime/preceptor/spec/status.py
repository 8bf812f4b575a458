"""The ``status`` of a Specialization in a cluster: who writes what, and its types; the CRD's schema is made from them.

Two writers apply it server-side, each with a field manager of its own, and no field has two owners: the operator says
where the object stands (:class:`OperatorStatus`), the driver inside the RayJob how the run goes
(:class:`DriverStatus`). Scores and money are text, as Kubernetes advises for what is not a whole number.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from preceptor.spec.base import Stored

Phase = Literal["Pending", "Starting", "Running", "Suspended", "AwaitingApproval", "Complete", "Failed"]
"""Where an object stands, in one word for people. Programs read the conditions."""

ConditionType = Literal[
    "Complete", "Failed", "Suspended", "Reconciling", "Stalled", "BudgetExhausted", "AwaitingApproval"
]
"""Conditions, as batch Jobs have them. There is no ``Ready``: GitOps tools would wait for it as long as a run takes."""

OPERATOR_MANAGER = "preceptor-operator"
"""Field manager of the operator."""
DRIVER_MANAGER = "preceptor-driver"
"""Field manager of the driver."""

ENV_NAMESPACE = "PRECEPTOR_NAMESPACE"
"""Environment of the driver: namespace of its Specialization."""
ENV_NAME = "PRECEPTOR_NAME"
"""Environment of the driver: name of its Specialization."""
ENV_UID = "PRECEPTOR_UID"
"""Environment of the driver: uid of its Specialization; another object of the same name is not written to."""
ENV_ATTEMPT = "PRECEPTOR_ATTEMPT"
"""Environment of the driver: its attempt."""
ENV_WORKER_RESOURCE = "PRECEPTOR_WORKER_RESOURCE"
"""Environment of the driver: name of a Ray resource that workers have and the head has not; work asks for some."""
ENV_WORKER_CPUS = "PRECEPTOR_WORKER_CPUS"
"""Environment of the driver: CPUs that all workers without GPUs have once the cluster has grown."""


class Condition(Stored):
    """One aspect of the object's state (Kubernetes API conventions, ``metav1.Condition``)."""

    type: ConditionType
    """Which aspect; a list of conditions holds each type once."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: str = Field(min_length=1, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
    """Why, in one CamelCase word for programs."""
    message: str = ""
    """Why, for people, with what to do next."""
    last_transition_time: str
    """When ``status`` last changed, RFC 3339."""
    observed_generation: int = 0
    """The generation of the object that this is about."""


class Progress(Stored):
    """How far the run is."""

    attempt: int
    """The RayJob's attempt that tells this; later than the last one, it is the newest."""
    phase: Literal["searching", "finishing", "finished"]
    """``finishing``: the search is over; finalists, the private split and comparisons."""
    iteration: int = 0
    """Versions trained, examined and judged."""
    iterations: int = 0
    """What the document allows of them."""
    stage: str | None = None
    """The step in progress, in words."""
    done: int | None = None
    """So much of the step is done."""
    total: int | None = None
    """Of so much."""
    seconds_left: int | None = None
    """At most so long until the outcome, judged by what earlier steps took."""
    updated: str
    """When the driver wrote this, RFC 3339."""


class Spent(Stored):
    """What the run has used up, the step in progress included."""

    seconds: int = 0
    """Time that drivers were active."""
    requests: int = 0
    """Requests to the teacher."""
    tokens: int = 0
    """Tokens of teacher and engineer."""
    usd: str = "0.00"
    """Dollars for teacher and engineer."""


class Best(Stored):
    """The best version so far."""

    version: str
    """The version."""
    selection: str
    """Mean score on the selection split, in percent, such as ``76.0``."""
    untrained: str
    """The same of the untrained student."""


class Final(Stored):
    """How an attempt of the driver ended."""

    attempt: int
    """The attempt."""
    exit_code: int
    """The driver's: 0 published, 2 the user's to mend, 3 no dataset, 4 waits for approval; others are retried."""
    reason: str
    """In one CamelCase word, such as ``Published``, ``BudgetExhausted``, ``DocumentError``, ``ApprovalNeeded``."""
    message: str = ""
    """In words, with what to do next. Never a secret."""
    verdict: str | None = None
    """The verdict of a run that has ended, as in report.json."""
    budget: str | None = None
    """The budget that ended the search, such as ``usd``; absent when it ended otherwise."""
    step: Literal["train", "publish"] | None = None
    """The step that waits for approval."""
    gain: str | None = None
    """Points gained on the private split with interval, such as ``+65.5 (+60.5..+70.3)``."""
    version: str | None = None
    """The version that was published."""
    report: str | None = None
    """Where the report lies, as a URI."""


class DriverStatus(Stored):
    """What the driver in the cluster writes; every part is absent until there is something to tell."""

    progress: Progress | None = None
    """How far it is."""
    spent: Spent | None = None
    """What it has used up."""
    best: Best | None = None
    """The best version so far."""
    final: Final | None = None
    """How the last attempt ended."""


class OperatorStatus(Stored):
    """What the operator writes."""

    observed_generation: int = 0
    """The generation of the object that the operator last acted on."""
    phase: Phase | None = None
    """Where the object stands, for people."""
    attempt: int = 0
    """The newest attempt: RayJobs are named after the object and this."""
    failures: int = 0
    """Attempts lost to the infrastructure since the last one that was not."""
    ray_job: str | None = None
    """The newest attempt's RayJob."""
    start_time: str | None = None
    """When the first RayJob was made, RFC 3339."""
    completion_time: str | None = None
    """When the run ended, RFC 3339."""
    conditions: tuple[Condition, ...] = ()
    """The object's conditions, each type once."""


class Status(OperatorStatus, DriverStatus):
    """The whole ``status``."""
