"""Reads an object with its children fresh from the API server, and carries a plan out. Blocking; safe from threads.

Every look reads anew: nothing is decided from a cache, so a missed event costs time and never a wrong decision.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
from lightkube import Client
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.core_v1 import EventSource, ObjectReference
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.core_v1 import ConfigMap, Event
from lightkube.types import CascadeType

from preceptor.spec.document import API_VERSION, KIND
from preceptor.spec.status import OPERATOR_MANAGER, OperatorStatus
from preceptor_operator.actions import Action, Apply, Delete, Tell, WriteStatus
from preceptor_operator.gateway import ConflictError, RayJobGateway
from preceptor_operator.lightkube_gateway import LightkubeGateway, RayJob, errors_of_the_gateway
from preceptor_operator.names import GROUP, LABEL_NAME, PLURAL, VERSION, child_name
from preceptor_operator.observed import Observed
from preceptor_operator.outcome import ENDED
from preceptor_operator.reading import Json, observed, status_of

SpecializationResource: Any = create_namespaced_resource(GROUP, VERSION, KIND, PLURAL)
"""Our objects, as lightkube addresses them."""
Pod: Any = create_namespaced_resource("", "v1", "Pod", "pods")
"""Pods as plain data: lightkube's own type raises for one that is not all that this release of lightkube expects."""


class Cluster:
    """The cluster of a lightkube client, which the caller closes."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._ray_jobs: RayJobGateway = LightkubeGateway(client)

    def look(self, namespace: str, name: str) -> tuple[Json, Observed] | None:
        """The object as it is and what is seen of it; ``None`` when it is gone.

        Raises :class:`~preceptor_operator.gateway.RefusedError` (not allowed) and
        :class:`~preceptor_operator.gateway.UnreachableError`.
        """
        obj = self._get(SpecializationResource, namespace, name)
        if obj is None:
            return None
        jobs = {job["metadata"]["name"]: job for job in self._list(RayJob, namespace, name)}
        following = child_name(name, status_of(obj).attempt or 1)
        if following not in jobs and (stranger := self._ray_jobs.read(namespace, following)) is not None:
            jobs[following] = stranger
        starting = any((job.get("status") or {}).get("jobDeploymentStatus") not in _RUNS for job in jobs.values())
        pods = self._list(Pod, namespace, name) if starting else []
        return obj, observed(obj, jobs.values(), pods)

    def carry_out(self, action: Action, obj: Json) -> None:
        """Do one thing about the object ``obj``; doing it twice is no harm.

        Raises :class:`~preceptor_operator.gateway.RefusedError`, :class:`~preceptor_operator.gateway.ConflictError`
        and :class:`~preceptor_operator.gateway.UnreachableError`.
        """
        if isinstance(action, WriteStatus):
            self._write(action.status, obj)
        elif isinstance(action, Tell):
            self._tell(action, obj)
        elif isinstance(action, Delete):
            self._delete(action, obj["metadata"]["namespace"])
        elif action.manifest["kind"] == "RayJob":
            self._ray_jobs.apply(action.manifest)
        else:
            self._apply(action)

    def _get(self, resource: Any, namespace: str, name: str) -> Json | None:
        with errors_of_the_gateway():
            try:
                return dict(self._client.get(resource, name, namespace=namespace).to_dict())
            except httpx2.HTTPStatusError as error:
                if error.response.status_code == 404:
                    return None
                raise

    def _list(self, resource: Any, namespace: str, name: str) -> list[Json]:
        def each() -> Iterator[Json]:
            for found in self._client.list(resource, namespace=namespace, labels={LABEL_NAME: name}):
                yield dict(found.to_dict())

        with errors_of_the_gateway():
            return list(each())

    def _write(self, status: OperatorStatus, obj: Json) -> None:
        metadata = obj["metadata"]
        body = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            # Of this very object, as it was read: another operator may have acted meanwhile.
            "metadata": {
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
                "resourceVersion": metadata["resourceVersion"],
            },
            "status": status.model_dump(mode="json", by_alias=True, exclude_none=True),
        }
        with errors_of_the_gateway():
            self._client.apply(
                SpecializationResource.Status.from_dict(body),
                metadata["name"],
                namespace=metadata["namespace"],
                field_manager=OPERATOR_MANAGER,
                force=True,  # as controllers should: these fields are nobody else's
            )

    def _apply(self, action: Apply) -> None:
        config_map: Any = ConfigMap.from_dict(dict(action.manifest))
        with errors_of_the_gateway():
            self._client.apply(config_map, field_manager=OPERATOR_MANAGER)

    def _delete(self, action: Delete, namespace: str) -> None:
        resource = RayJob if action.kind == "RayJob" else SpecializationResource
        found = self._get(resource, namespace, action.name)
        if found is None:
            return
        if found["metadata"]["uid"] != action.uid:
            raise ConflictError(f"{action.kind} {namespace}/{action.name} is another one by now")
        with errors_of_the_gateway():
            try:
                self._client.delete(resource, action.name, namespace=namespace, cascade=CascadeType.BACKGROUND)
            except httpx2.HTTPStatusError as error:
                if error.response.status_code != 404:
                    raise

    def _tell(self, action: Tell, obj: Json) -> None:
        """Create an event, named by what it says: an operator that says it once more adds none."""
        metadata, now = obj["metadata"], datetime.now(UTC)
        said = "\n".join((metadata["uid"], str(metadata["generation"]), action.reason, action.message))
        event = Event(
            metadata=ObjectMeta(
                name=f"{metadata['name']}.{hashlib.sha256(said.encode()).hexdigest()[:16]}",
                namespace=metadata["namespace"],
            ),
            involvedObject=ObjectReference(
                apiVersion=API_VERSION,
                kind=KIND,
                name=metadata["name"],
                namespace=metadata["namespace"],
                uid=metadata["uid"],
            ),
            type=action.type,
            reason=action.reason,
            message=action.message,
            source=EventSource(component=OPERATOR_MANAGER),
            firstTimestamp=now,
            lastTimestamp=now,
            count=1,
        )
        with errors_of_the_gateway():
            try:
                self._client.create(event)
            except httpx2.HTTPStatusError as error:
                if error.response.status_code != 409:
                    raise


_RUNS = ENDED | {"Running"}
