"""Watches of a test API server: what is there, then what changes, until time is up or a fault ends them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from aiohttp import web

from support.apiserver.refusals import Refusal
from support.apiserver.selectors import matches
from support.apiserver.store import Change, Json, Shelf, Store
from support.apiserver.tables import at, table

BOOKMARK_SECONDS = 10.0
"""Seconds between two bookmarks of a watch in which nothing happens."""
TRUE = ("1", "true", "True")
"""How a parameter says yes."""


async def watch(request: web.Request, store: Store, shelf: Shelf, namespace: str) -> web.StreamResponse:
    """Answer a watch of a resource, until it ends."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    watcher: asyncio.Queue[Change] = asyncio.Queue()
    shelf.watchers.append(watcher)
    try:
        stream = _Stream(request, response, store, shelf, namespace)
        await stream.begin(watcher)
        await stream.follow(watcher)
    except ConnectionResetError:
        pass  # the client has gone
    finally:
        shelf.watchers.remove(watcher)
    return response


def selected(query: Mapping[str, str], namespace: str, obj: Json) -> bool:
    """Whether a request's namespace and selectors want an object."""
    metadata = obj["metadata"]
    if namespace and metadata.get("namespace") != namespace:
        return False
    if not matches(query.get("labelSelector", ""), metadata.get("labels") or {}):
        return False
    fields = [each.partition("=") for each in query.get("fieldSelector", "").split(",") if each]
    return all(str(at(obj, f".{key}") or "") == value.lstrip("=") for key, _, value in fields)


def wants_table(request: web.Request) -> bool:
    """Whether kubectl wants rows to print."""
    return "as=Table" in request.headers.get("Accept", "")


class _Stream:
    def __init__(
        self, request: web.Request, response: web.StreamResponse, store: Store, shelf: Shelf, namespace: str
    ) -> None:
        self._request, self._response = request, response
        self._store, self._shelf, self._namespace = store, shelf, namespace
        self._query, self._tabular = request.query, wants_table(request)

    async def begin(self, watcher: asyncio.Queue[Change]) -> None:
        """Send all objects, or queue what happened since the version that the client knows."""
        since = self._query.get("resourceVersion") or "0"
        initial = self._query.get("sendInitialEvents") in TRUE
        if not initial and since != "0":
            for change in self._shelf.history:
                if change.version > int(since):
                    watcher.put_nowait(change)
            return
        for _, each in sorted(self._shelf.objects.items()):
            if selected(self._query, self._namespace, each):
                await self._send("ADDED", each)
        if initial:
            await self._bookmark({"k8s.io/initial-events-end": "true"})

    async def follow(self, watcher: asyncio.Queue[Change]) -> None:
        """Send changes until the time is up."""
        loop = asyncio.get_running_loop()
        end = loop.time() + float(self._query.get("timeoutSeconds") or 300)
        while (left := end - loop.time()) > 0:
            try:
                change = await asyncio.wait_for(watcher.get(), min(left, BOOKMARK_SECONDS))
            except TimeoutError:
                if self._query.get("allowWatchBookmarks") in TRUE:
                    await self._bookmark({})
                continue
            if change.type == "FAULT":
                await self._fail(change.fault)
                return
            if selected(self._query, self._namespace, change.object):
                await self._send(change.type, change.object)

    async def _fail(self, how: str) -> None:
        if how == "expired":
            await self._send("ERROR", Refusal(410, "Expired", "too old resource version").status())
        elif how == "drop" and self._request.transport is not None:
            self._request.transport.abort()

    async def _bookmark(self, annotations: dict[str, str]) -> None:
        resource = self._shelf.resource
        metadata = {"resourceVersion": str(self._store.version), "annotations": annotations}
        await self._send("BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata})

    async def _send(self, type_: str, obj: Json) -> None:
        tabular = self._tabular and type_ not in ("BOOKMARK", "ERROR")
        shown = table(self._shelf.resource, [obj], self._store.version) if tabular else obj
        await self._response.write(json.dumps({"type": type_, "object": shown}).encode() + b"\n")
