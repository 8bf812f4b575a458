"""What ``reconcile`` decides: the actions to carry out, in order. Pure data; each may be carried out twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from preceptor.spec.status import OperatorStatus

Manifest = Mapping[str, Any]
"""A Kubernetes object as plain JSON data."""


@dataclass(frozen=True)
class Apply:
    """Apply a child server-side with :data:`~preceptor.spec.status.OPERATOR_MANAGER`: a ConfigMap or a RayJob."""

    manifest: Manifest
    """The object."""


@dataclass(frozen=True)
class Delete:
    """Delete an object, its dependents in the background; one that is gone is no mistake."""

    kind: Literal["RayJob", "Specialization"]
    """Its kind."""
    name: str
    """Its name, in the Specialization's namespace."""
    uid: str
    """Only the object of this uid."""


@dataclass(frozen=True)
class WriteStatus:
    """Apply the operator's part of the status."""

    status: OperatorStatus
    """All of it: what is left out is removed."""


@dataclass(frozen=True)
class Tell:
    """Publish an event about the Specialization, for ``kubectl describe``."""

    type: Literal["Normal", "Warning"]
    """As Kubernetes has it."""
    reason: str
    """CamelCase."""
    message: str
    """For people."""


Action = Apply | Delete | WriteStatus | Tell


@dataclass(frozen=True)
class Plan:
    """What to do about an object now."""

    actions: tuple[Action, ...] = ()
    """In order; when one fails the rest is left for the next look, which decides anew."""
    again: float | None = field(default=None)
    """Seconds after which to look again though nothing changes, such as a deadline; ``None`` for never."""
