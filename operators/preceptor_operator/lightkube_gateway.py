"""RayJobs through lightkube: server-side apply with the operator's field manager."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from lightkube import Client
from lightkube.generic_resource import create_namespaced_resource
from lightkube.types import CascadeType

from preceptor.spec.status import OPERATOR_MANAGER
from preceptor_operator.actions import Manifest
from preceptor_operator.gateway import ConflictError, RefusedError, UnreachableError
from preceptor_operator.names import KIND_PLURAL, LABEL_ATTEMPT, LABEL_NAME, RAY_GROUP, RAY_VERSION

RayJob = create_namespaced_resource(RAY_GROUP, RAY_VERSION, "RayJob", KIND_PLURAL["RayJob"])
"""KubeRay's RayJob, as lightkube addresses it."""


class LightkubeGateway:
    """The :class:`~preceptor_operator.gateway.RayJobGateway` over a lightkube client, which the caller closes."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def apply(self, manifest: Manifest) -> None:
        """Make the RayJob; one of that name with the same attempt is no mistake.

        Raises :class:`RefusedError`, :class:`ConflictError`, :class:`UnreachableError`.
        """
        name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
        # Server-side apply would merge into a stranger's object where no field is contested.
        found = self.read(namespace, name)
        if found is not None and _run_of(found) != _run_of(manifest):
            raise ConflictError(f"RayJob {namespace}/{name} belongs to something else")
        with errors_of_the_gateway():
            self._client.apply(RayJob.from_dict(dict(manifest)), field_manager=OPERATOR_MANAGER)

    def read(self, namespace: str, name: str) -> dict[str, Any] | None:
        """The RayJob as plain data, ``None`` when there is none.

        Raises :class:`RefusedError` (not allowed), :class:`UnreachableError`.
        """
        with errors_of_the_gateway():
            try:
                return dict(self._client.get(RayJob, name, namespace=namespace).to_dict())  # type: ignore[no-untyped-call]
            except httpx2.HTTPStatusError as error:
                if error.response.status_code == 404:
                    return None
                raise

    def delete(self, namespace: str, name: str) -> None:
        """Delete it, its dependents in the background; one that is gone is no mistake.

        Raises :class:`RefusedError`, :class:`UnreachableError`.
        """
        with errors_of_the_gateway():
            try:
                self._client.delete(RayJob, name, namespace=namespace, cascade=CascadeType.BACKGROUND)
            except httpx2.HTTPStatusError as error:
                if error.response.status_code != 404:
                    raise


def _run_of(manifest: Manifest) -> tuple[str | None, str | None]:
    """The run and the attempt that an object's labels name."""
    labels = manifest["metadata"].get("labels") or {}
    return labels.get(LABEL_NAME), labels.get(LABEL_ATTEMPT)


@contextmanager
def errors_of_the_gateway() -> Iterator[None]:
    """Turn what lightkube raises into the errors of :mod:`preceptor_operator.gateway`."""
    try:
        yield
    except httpx2.HTTPStatusError as error:
        code = error.response.status_code
        if code == 409:
            raise ConflictError(str(error)) from error
        if code == 429 or code >= 500:
            raise UnreachableError(f"the API server answered {code}: {error}") from error
        raise RefusedError(
            f"the API server refused: {error}", mend="change the object, or ask for the right that is missing"
        ) from error
    except httpx2.TransportError as error:
        raise UnreachableError(f"the API server did not answer: {error}") from error
