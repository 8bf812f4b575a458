"""A Kubernetes API server for tests, over HTTP on this machine: enough of one for unmodified kubectl and our operator.

`python -m support.apiserver [--port N] [CRD.yaml ...]`, from `tests/`, starts one by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonpatch
import yaml
from aiohttp import web

from support.apiserver import discovery
from support.apiserver.api import Api
from support.apiserver.applying import Owners
from support.apiserver.faults import failed
from support.apiserver.patching import merged
from support.apiserver.refusals import Refusal
from support.apiserver.store import Change, Json, Shelf, Store
from support.apiserver.tables import table
from support.apiserver.watching import TRUE, selected, wants_table, watch


class ApiServer(Api):
    """Our own server: everything it holds is in memory, and as fast as tests like it."""

    def __init__(self, definitions: tuple[Path, ...] = (), port: int = 0) -> None:
        super().__init__(port)
        self.store = Store()
        self._owners = Owners(self.store)
        for path in definitions:
            shelf = self.store.shelf("apiextensions.k8s.io", "customresourcedefinitions")
            self.store.create(shelf, "", yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader))

    def objects(self, group: str, plural: str) -> list[Json]:
        """All objects of a resource."""
        return self.within(lambda: list(self.store.shelf(group, plural).objects.values()))

    def find(self, group: str, plural: str, namespace: str, name: str) -> Json | None:
        """An object, or `None`."""
        return self.within(lambda: self.store.shelf(group, plural).objects.get((namespace, name)))

    def create(self, group: str, plural: str, namespace: str, obj: Json) -> Json:
        """Make an object, its `status` left out."""
        return self.within(lambda: self.store.create(self.store.shelf(group, plural), namespace, obj))

    def delete(self, group: str, plural: str, namespace: str, name: str) -> None:
        """Delete an object."""
        self.within(lambda: self.store.delete(self.store.shelf(group, plural), (namespace, name)))

    def alter(self, group: str, plural: str, obj: Json, change: Json, *, status: bool = False) -> bool:
        """Merge a change into an object, or into its subresource `status`; false when it has gone or was made anew."""
        metadata = obj["metadata"]

        def write() -> bool:
            shelf, name = self.store.shelf(group, plural), (metadata.get("namespace", ""), metadata["name"])
            found = shelf.objects.get(name)
            if found is None or found["metadata"]["uid"] != metadata["uid"]:
                return False
            self.store.replace(shelf, name, merged(found, change), subresource="status" if status else "")
            return True

        return self.within(write)

    def watchers(self, group: str, plural: str) -> int:
        """How many watch a resource."""
        return self.within(lambda: len(self.store.shelf(group, plural).watchers))

    def break_watches(self, how: str) -> int:
        """End every watch: `close` in good order, `drop` the connection, or say `expired` (410); return how many."""
        return self.within(lambda: self._break(how))

    def _break(self, how: str) -> int:
        watchers = [each for shelf in self.store.shelves.values() for each in shelf.watchers]
        for watcher in watchers:
            watcher.put_nowait(Change(0, "FAULT", {}, how))
        return len(watchers)

    async def _end(self) -> None:
        self._break("close")

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.faults.asked.append((request.method, request.path_qs))
        fault = self.faults.next(request.method, request.path)
        if fault is not None and not fault.late:
            return failed(request, fault.code)
        try:
            answer = await self._answer(request)
        except Refusal as refusal:
            answer = _json(refusal.status(), refusal.code)
        return failed(request, fault.code) if fault is not None else answer

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        parts = [part for part in request.path.split("/") if part]
        if parts in (["healthz"], ["readyz"], ["livez"]):
            return web.Response(text="ok")
        depth = 2 if parts[:1] == ["api"] else 3
        if parts[:1] not in (["api"], ["apis"]) or len(parts) <= depth:
            return _json(discovery.answer(parts, [shelf.resource for shelf in self.store.shelves.values()]))
        group, rest = ("" if depth == 2 else parts[1]), parts[depth:]
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
            namespace, rest = rest[1], rest[2:]
        shelf = self.store.shelf(group, rest[0])
        if len(rest) == 1:
            return await self._collection(request, shelf, namespace)
        subresource = rest[2] if len(rest) > 2 else ""
        if subresource and not (subresource == "status" and shelf.resource.status):
            raise Refusal(404, "NotFound", "the server could not find the requested resource")
        return await self._object(request, shelf, (namespace, rest[1]), subresource)

    async def _collection(self, request: web.Request, shelf: Shelf, namespace: str) -> web.StreamResponse:
        query = request.query
        if request.method == "GET" and query.get("watch") in TRUE:
            return await watch(request, self.store, shelf, namespace)
        if request.method == "GET":
            found = [each for _, each in sorted(shelf.objects.items()) if selected(query, namespace, each)]
            if wants_table(request):
                return _json(table(shelf.resource, found, self.store.version))
            kind = {"kind": f"{shelf.resource.kind}List", "apiVersion": shelf.resource.api_version}
            return _json({**kind, "metadata": {"resourceVersion": str(self.store.version)}, "items": found})
        if request.method == "POST":
            made = self.store.create(
                shelf, namespace, await _body(request), strict=_strict(request), dry="dryRun" in query
            )
            return _json(made, 201)
        if request.method == "DELETE":
            names = [name for name, each in shelf.objects.items() if selected(query, namespace, each)]
            for name in names:
                self.store.delete(shelf, name)
            return _json({"kind": "Status", "apiVersion": "v1", "status": "Success"})
        raise Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    async def _object(
        self, request: web.Request, shelf: Shelf, name: tuple[str, str], subresource: str
    ) -> web.StreamResponse:
        if request.method == "GET":
            found = self.store.get(shelf, name)
            return _json(table(shelf.resource, [found], self.store.version) if wants_table(request) else found)
        sent, dry = await _body(request), "dryRun" in request.query
        if request.method == "PUT":
            return _json(
                self.store.replace(shelf, name, sent, subresource=subresource, strict=_strict(request), dry=dry)
            )
        if request.method == "DELETE":
            gone = self.store.get(shelf, name) if dry else self.store.delete(shelf, name, sent.get("preconditions"))
            if dry or name in shelf.objects:
                return _json(gone)
            details = {"name": name[1], "group": shelf.resource.group, "kind": shelf.resource.plural}
            details["uid"] = gone["metadata"]["uid"]
            return _json({"kind": "Status", "apiVersion": "v1", "status": "Success", "details": details})
        if request.method == "PATCH":
            return self._patch(request, shelf, name, subresource, sent)
        raise Refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    def _patch(
        self, request: web.Request, shelf: Shelf, name: tuple[str, str], subresource: str, sent: Any
    ) -> web.Response:
        query, strict, dry = request.query, _strict(request), "dryRun" in request.query
        if request.content_type == "application/apply-patch+yaml":
            manager, force = query.get("fieldManager", ""), query.get("force") in TRUE
            stored, made = self._owners.apply(
                shelf, name, sent, manager, subresource=subresource, force=force, strict=strict, dry=dry
            )
            return _json(stored, 201 if made else 200)
        old = self.store.get(shelf, name)
        if request.content_type == "application/json-patch+json":
            try:
                new = jsonpatch.apply_patch(old, sent)
            except jsonpatch.JsonPatchException as error:
                raise Refusal(422, "Invalid", f"the patch does not apply: {error}") from error
        elif request.content_type == "application/strategic-merge-patch+json" and shelf.resource.schema is not None:
            raise Refusal(415, "UnsupportedMediaType", "strategic merge patches are for built-in resources only")
        else:
            new = merged(old, sent)
        precondition = isinstance(sent, dict) and "resourceVersion" in (sent.get("metadata") or {})
        if not precondition:
            kept = {key: value for key, value in new["metadata"].items() if key != "resourceVersion"}
            new = {**new, "metadata": kept}
        return _json(self.store.replace(shelf, name, new, subresource=subresource, strict=strict, dry=dry))


def _strict(request: web.Request) -> bool:
    return request.query.get("fieldValidation") == "Strict"


async def _body(request: web.Request) -> Any:
    if "protobuf" in request.content_type:
        raise Refusal(415, "UnsupportedMediaType", "protobuf is not served")
    text = await request.text()
    # Most clients send JSON as YAML, and PyYAML would make a text of a number such as 1e+300.
    if "yaml" in request.content_type and not text.lstrip().startswith("{"):
        return yaml.load(text, yaml.CSafeLoader)
    return json.loads(text or "{}")


def _json(data: Any, code: int = 200) -> web.Response:
    return web.Response(body=json.dumps(data).encode(), status=code, content_type="application/json")
