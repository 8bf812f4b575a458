"""The seam to KubeRay: what the operator and ``preceptor submit`` need of a cluster, and the errors they expect."""

from __future__ import annotations

from typing import Any, Protocol

from preceptor.errors import ClusterError, UserError
from preceptor_operator.actions import Manifest


class RefusedError(UserError):
    """The API server refused an object: not valid, not allowed, or its namespace is missing."""


class ConflictError(ClusterError):
    """The object changed meanwhile, belongs to somebody else, or another field manager owns a field."""


class UnreachableError(ClusterError):
    """The API server did not answer, or answered that it cannot now (429, 5xx); to be tried again."""


class RayJobGateway(Protocol):
    """RayJobs in a cluster: two adapters, lightkube's server-side apply and KubeRay's own Python client."""

    def apply(self, manifest: Manifest) -> None:
        """Make the RayJob; one of that name with the same attempt is no mistake.

        Raises :class:`RefusedError`, :class:`ConflictError`, :class:`UnreachableError`.
        """

    def read(self, namespace: str, name: str) -> dict[str, Any] | None:
        """The RayJob as plain data, ``None`` when there is none. Raises :class:`UnreachableError`."""

    def delete(self, namespace: str, name: str) -> None:
        """Delete it; one that is gone is no mistake. Raises :class:`RefusedError`, :class:`UnreachableError`."""
