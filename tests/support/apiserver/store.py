"""Objects of a test API server: versions, generations, status apart from spec, finalizers, garbage, and who watches.

An object is never changed in place: a new one takes its place, so what is handed out stays as it was.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from support.admission import admit
from support.apiserver.refusals import Refusal
from support.apiserver.resources import Resource, builtin, defined_by

Json = dict[str, Any]
Name = tuple[str, str]
"""Namespace (empty where there is none) and name."""

KEPT = ("uid", "creationTimestamp", "generation", "deletionTimestamp", "resourceVersion")
"""Metadata that no request changes."""
HISTORY = 20_000
"""Events that a watch may ask for; older ones are gone (410)."""


@dataclass(frozen=True)
class Change:
    """An event for those who watch."""

    version: int
    """The resourceVersion it led to."""
    type: str
    """`ADDED`, `MODIFIED`, `DELETED`, or `FAULT` for a watch that is to fail."""
    object: Json
    """The object then."""
    fault: str = ""
    """How a watch is to fail."""


@dataclass
class Shelf:
    """All objects of one resource."""

    resource: Resource
    """The resource."""
    objects: dict[Name, Json] = field(default_factory=dict)
    """The objects."""
    history: deque[Change] = field(default_factory=lambda: deque(maxlen=HISTORY))
    """What happened to them."""
    watchers: list[asyncio.Queue[Change]] = field(default_factory=list)
    """Who wants to know."""


def now() -> str:
    """The time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """Everything the server holds; to be used from one thread."""

    def __init__(self) -> None:
        self.version = 0
        self.shelves: dict[tuple[str, str], Shelf] = {}
        self.owned: dict[str, set[tuple[tuple[str, str], Name]]] = {}
        self.forget: list[Callable[[Shelf, Name], None]] = []
        for resource in builtin():
            self.shelves[resource.group, resource.plural] = Shelf(resource)
        for name in ("default", "kube-system"):
            self.create(self.shelf("", "namespaces"), "", {"metadata": {"name": name}, "status": {"phase": "Active"}})

    def shelf(self, group: str, plural: str) -> Shelf:
        """The objects of a resource. Raises 404."""
        found = self.shelves.get((group, plural))
        if found is None:
            raise Refusal(404, "NotFound", "the server could not find the requested resource")
        return found

    def get(self, shelf: Shelf, name: Name) -> Json:
        """An object. Raises 404."""
        found = shelf.objects.get(name)
        if found is None:
            raise Refusal(404, "NotFound", f'{shelf.resource.title} "{name[1]}" not found')
        return found

    def create(self, shelf: Shelf, namespace: str, sent: Json, *, strict: bool = False, dry: bool = False) -> Json:
        """Store a new object. Raises 404 without its namespace, 409 when there is one, 400 and 422 when it is bad."""
        resource = shelf.resource
        metadata = dict(sent.get("metadata") or {})
        if "generateName" in metadata and not metadata.get("name"):
            metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:5]
        if not metadata.get("name"):
            raise Refusal(422, "Invalid", f"{resource.kind} is invalid: metadata.name: Required value")
        name = (namespace, metadata["name"])
        if resource.namespaced:
            metadata["namespace"] = namespace
            if ("", namespace) not in self.shelf("", "namespaces").objects:
                raise Refusal(404, "NotFound", f'namespaces "{namespace}" not found')
        if name in shelf.objects:
            raise Refusal(409, "AlreadyExists", f'{resource.title} "{name[1]}" already exists')
        made = {**sent, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
        if resource.status and resource.schema is not None:
            made.pop("status", None)
        made = self._admitted(resource, made, None, strict=strict)
        if dry:
            return made
        self.version += 1
        made["metadata"] = metadata | {
            "uid": str(uuid.uuid4()),
            "creationTimestamp": now(),
            "generation": 1,
            "resourceVersion": str(self.version),
        }
        if resource.plural == "customresourcedefinitions":
            made = self._define(made)
        return self._put(shelf, name, made, "ADDED")

    def replace(
        self, shelf: Shelf, name: Name, sent: Json, *, subresource: str = "", strict: bool = False, dry: bool = False
    ) -> Json:
        """Store another state of an object, or of its `subresource` alone. Raises 404, 409, 400, 422."""
        resource, old = shelf.resource, self.get(shelf, name)
        metadata = dict(sent.get("metadata") or {})
        for key in ("resourceVersion", "uid"):
            if metadata.get(key, old["metadata"][key]) != old["metadata"][key]:
                raise Refusal(
                    409,
                    "Conflict",
                    f'Operation cannot be fulfilled on {resource.title} "{name[1]}": the object has been modified; '
                    "please apply your changes to the latest version and try again",
                )
        metadata |= {key: old["metadata"][key] for key in KEPT if key in old["metadata"]}
        metadata |= {"name": name[1]} | ({"namespace": name[0]} if resource.namespaced else {})
        new = {**sent, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
        if subresource:
            new = {**old, "status": sent.get("status") or {}}
        elif resource.status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        new = self._admitted(resource, new, old, strict=strict)
        if old.get("immutable") and any(new.get(key) != old.get(key) for key in ("data", "binaryData", "immutable")):
            raise Refusal(
                422, "Invalid", f'{resource.kind} "{name[1]}" is invalid: data: Forbidden: field is immutable'
            )
        if new == old or dry:
            return new
        if _spec(new) != _spec(old):
            new["metadata"] = new["metadata"] | {"generation": old["metadata"]["generation"] + 1}
        self.version += 1
        new["metadata"] = new["metadata"] | {"resourceVersion": str(self.version)}
        if resource.plural == "customresourcedefinitions":
            new = self._define(new)
        if "deletionTimestamp" in new["metadata"] and not new["metadata"].get("finalizers"):
            return self._remove(shelf, name, new)
        return self._put(shelf, name, new, "MODIFIED")

    def delete(self, shelf: Shelf, name: Name, preconditions: Json | None = None) -> Json:
        """Delete an object and, in the background, what it owns. Raises 404, and 409 for one of another uid."""
        old = self.get(shelf, name)
        for key, value in (preconditions or {}).items():
            if old["metadata"].get(key) != value:
                raise Refusal(409, "Conflict", f"the {key} in the precondition ({value}) does not match")
        if "deletionTimestamp" in old["metadata"]:
            return old
        self.version += 1
        marks = {"deletionTimestamp": now(), "resourceVersion": str(self.version)}
        gone = {**old, "metadata": old["metadata"] | marks}
        if old["metadata"].get("finalizers"):
            return self._put(shelf, name, gone, "MODIFIED")
        return self._remove(shelf, name, gone)

    def _put(self, shelf: Shelf, name: Name, made: Json, type_: str) -> Json:
        shelf.objects[name] = made
        for owner in made["metadata"].get("ownerReferences") or []:
            where = (shelf.resource.group, shelf.resource.plural)
            self.owned.setdefault(owner["uid"], set()).add((where, name))
        self._tell(shelf, Change(self.version, type_, made))
        return made

    def _remove(self, shelf: Shelf, name: Name, gone: Json) -> Json:
        del shelf.objects[name]
        for forget in self.forget:
            forget(shelf, name)
        self._tell(shelf, Change(self.version, "DELETED", gone))
        for where, child in self.owned.pop(gone["metadata"]["uid"], set()):
            if child in self.shelves[where].objects:
                self.delete(self.shelves[where], child)
        return gone

    def _tell(self, shelf: Shelf, change: Change) -> None:
        shelf.history.append(change)
        for watcher in shelf.watchers:
            watcher.put_nowait(change)

    def _admitted(self, resource: Resource, sent: Json, old: Json | None, *, strict: bool) -> Json:
        """What a definition's schema makes of an object; parts that stay as they are are not looked at again."""
        if resource.schema is None or (old is not None and _spec(sent) == _spec(old) and "status" not in sent):
            return sent
        found = admit(resource.schema, sent, old)
        unknown = [refusal.path for refusal in found.refusals if refusal.message == "unknown field"]
        if unknown and strict:
            words = ", ".join(f'unknown field "{path}"' for path in unknown)
            raise Refusal(400, "BadRequest", f"strict decoding error: {words}")
        wrong = [refusal for refusal in found.refusals if refusal.message != "unknown field"]
        if wrong:
            words = ", ".join(f"{refusal.path}: Invalid value: {refusal.message}" for refusal in wrong)
            title = f'{resource.kind}.{resource.group} "{sent["metadata"]["name"]}"'
            raise Refusal(422, "Invalid", f"{title} is invalid: {words}")
        return found.object

    def _define(self, definition: Json) -> Json:
        for resource in defined_by(definition):
            key = (resource.group, resource.plural)
            if key in self.shelves:
                self.shelves[key].resource = resource
            else:
                self.shelves[key] = Shelf(resource)
        conditions = [
            {"type": type_, "status": "True", "reason": "Accepted", "message": "", "lastTransitionTime": now()}
            for type_ in ("NamesAccepted", "Established")
        ]
        status = {
            "conditions": conditions,
            "acceptedNames": definition["spec"]["names"],
            "storedVersions": [definition["spec"]["versions"][0]["name"]],
        }
        return {**definition, "status": status}


def _spec(obj: Json) -> Json:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}
