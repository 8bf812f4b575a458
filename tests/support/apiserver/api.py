"""What tests need of a Kubernetes API server beside HTTP, whichever it is: ours, or a real one behind a proxy."""

from __future__ import annotations

import asyncio
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from aiohttp import web

from support.apiserver.faults import Faults
from support.apiserver.store import Json
from support.kubectl import Kubectl

T = TypeVar("T")


def start_api(*definitions: Path) -> Api:
    """A server that knows these CustomResourceDefinitions, to be entered.

    It is a real etcd and kube-apiserver when ``KUBEBUILDER_ASSETS`` names the directory they lie in, as envtest has it.
    """
    from support.apiserver.envtest import EnvTest
    from support.apiserver.server import ApiServer

    assets = os.environ.get("KUBEBUILDER_ASSETS")
    return EnvTest(Path(assets), definitions) if assets else ApiServer(definitions)


class Api(ABC):
    """Serves HTTP on this machine without asking who is there, on a thread of its own while it is entered."""

    collects = True
    """Whether what an object owns goes with it; a kube-apiserver leaves that to a controller."""

    def __init__(self, port: int = 0) -> None:
        self.faults = Faults()
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="apiserver", daemon=True)
        self._up, self._down = threading.Event(), asyncio.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._up.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._down.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def kubeconfig(self, path: Path, namespace: str = "default") -> Path:
        """Write a kubeconfig for it."""
        context = {"cluster": "test", "user": "test", "namespace": namespace}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": self.url}}],
            "users": [{"name": "test", "user": {}}],
            "contexts": [{"name": "test", "context": context}],
            "current-context": "test",
        }
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return path

    def kubectl(self, folder: Path, namespace: str = "default") -> Kubectl:
        """Unmodified kubectl for it, with its files in a folder."""
        return Kubectl(self.kubeconfig(folder / "kubeconfig", namespace), folder)

    @abstractmethod
    def objects(self, group: str, plural: str) -> list[Json]:
        """All objects of a resource."""

    @abstractmethod
    def find(self, group: str, plural: str, namespace: str, name: str) -> Json | None:
        """An object, or `None`."""

    @abstractmethod
    def create(self, group: str, plural: str, namespace: str, obj: Json) -> Json:
        """Make an object, its `status` left out."""

    @abstractmethod
    def delete(self, group: str, plural: str, namespace: str, name: str) -> None:
        """Delete an object."""

    @abstractmethod
    def alter(self, group: str, plural: str, obj: Json, change: Json, *, status: bool = False) -> bool:
        """Merge a change into an object, or into its subresource `status`; false when it has gone or was made anew."""

    @abstractmethod
    def watchers(self, group: str, plural: str) -> int:
        """How many watch a resource."""

    @abstractmethod
    def break_watches(self, how: str) -> int:
        """End every watch: `close` in good order, `drop` the connection, or say `expired` (410); return how many."""

    @abstractmethod
    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""

    @abstractmethod
    async def _end(self) -> None:
        """Called when no request shall begin any more; ends those that last."""

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something on the server's thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def within(self, do: Callable[[], T]) -> T:
        """Call something on the server's thread, and return what it returns."""

        async def call() -> T:
            return do()

        return self._call(call())

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run())
        self._loop.close()

    async def _run(self) -> None:
        app = web.Application(client_max_size=32 * 2**20)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        self._up.set()
        await self._down.wait()
        await self._end()
        await runner.cleanup()
