"""A real etcd and kube-apiserver for tests, as controller-runtime's envtest starts them, behind a proxy.

The proxy knows who may do everything, so that tests need no certificates, and has the faults that tests ask for.
There are no controllers: nothing collects what an object owned.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from support.apiserver.api import Api
from support.apiserver.faults import failed
from support.apiserver.refusals import Refusal
from support.apiserver.resources import builtin, defined_by
from support.apiserver.store import Json
from support.apiserver.watching import TRUE
from support.charts import ROOT

START_SECONDS = 60.0
"""How long the servers may take to start, and a definition to be served."""
STOP_SECONDS = 10.0
"""How long each may take to stop."""
RAY_JOB_SCHEMA = ROOT / "tests/contracts/kuberay/rayjob-v1.schema.json"
"""KubeRay's schema of a RayJob."""
_HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "host", "authorization", "date"}


class EnvTest(Api):
    """The two servers and the proxy, while it is entered; ``assets`` is the directory of their programs."""

    collects = False

    def __init__(self, assets: Path, definitions: tuple[Path, ...] = (), port: int = 0) -> None:
        super().__init__(port)
        self._assets = assets
        self._definitions = [_ray_job_definition(), *(yaml.safe_load(path.read_text("utf-8")) for path in definitions)]
        known = [*builtin(), *(resource for each in self._definitions for resource in defined_by(each))]
        self._resources = {(each.group, each.plural): each for each in known}
        self._stack = ExitStack()
        self._token = secrets.token_hex(16)
        self._backend = ""
        self._session: aiohttp.ClientSession | None = None
        self._watches: dict[asyncio.Future[str], str] = {}

    def __enter__(self) -> Self:
        try:
            self._start()
            super().__enter__()
            for definition in self._definitions:
                self._define(definition)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            super().__exit__(*error)
        finally:
            self._stack.close()

    def objects(self, group: str, plural: str) -> list[Json]:
        """All objects of a resource, but for the server's own."""
        _, found = self._ask("GET", self._path(group, plural))
        resource = self._resources[group, plural]
        typed = {"apiVersion": resource.api_version, "kind": resource.kind}
        return [typed | each for each in found["items"] if each["metadata"].get("namespace") != "kube-system"]

    def find(self, group: str, plural: str, namespace: str, name: str) -> Json | None:
        """An object, or `None`."""
        code, found = self._ask("GET", self._path(group, plural, namespace, name), missing=True)
        return None if code == 404 else found

    def create(self, group: str, plural: str, namespace: str, obj: Json) -> Json:
        """Make an object, its `status` left out."""
        resource = self._resources[group, plural]
        typed = {"apiVersion": resource.api_version, "kind": resource.kind, **obj}
        return self._ask("POST", self._path(group, plural, namespace), typed)[1]

    def delete(self, group: str, plural: str, namespace: str, name: str) -> None:
        """Delete an object."""
        self._ask("DELETE", self._path(group, plural, namespace, name))

    def alter(self, group: str, plural: str, obj: Json, change: Json, *, status: bool = False) -> bool:
        """Merge a change into an object, or into its subresource `status`; false when it has gone or was made anew."""
        metadata = obj["metadata"]
        same = {"uid": metadata["uid"]}  # the server refuses a change of it
        sent = change | {"metadata": change.get("metadata", {}) | same}
        path = self._path(group, plural, metadata.get("namespace", ""), metadata["name"])
        code, _ = self._ask("PATCH", path + ("/status" if status else ""), sent, missing=True)
        return code not in (404, 409)

    def watchers(self, group: str, plural: str) -> int:
        """How many watch a resource."""
        return self.within(lambda: sum(path.endswith(f"/{plural}") for path in self._watches.values()))

    def break_watches(self, how: str) -> int:
        """End every watch: `close` in good order, `drop` the connection, or say `expired` (410); return how many."""
        return self.within(lambda: self._break(how))

    def _start(self) -> None:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="envtest-")))
        etcd, peers, port = _free_ports(3)
        store = f"http://127.0.0.1:{etcd}"
        self._backend = f"https://127.0.0.1:{port}"
        self._launch(
            folder,
            "etcd",
            f"--data-dir={folder / 'etcd'}",
            f"--listen-client-urls={store}",
            f"--advertise-client-urls={store}",
            f"--listen-peer-urls=http://127.0.0.1:{peers}",
            "--unsafe-no-fsync",
        )
        key = folder / "accounts.key"
        key.write_bytes(
            rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        tokens = folder / "tokens.csv"
        tokens.write_text(f'{self._token},tester,tester,"system:masters"\n', encoding="utf-8")
        server = self._launch(
            folder,
            "kube-apiserver",
            f"--etcd-servers={store}",
            f"--cert-dir={folder / 'certificates'}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            "--authorization-mode=RBAC",
            f"--token-auth-file={tokens}",
            f"--service-account-issuer={self._backend}",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--disable-admission-plugins=ServiceAccount",  # nobody makes the accounts that it asks for
        )
        self._await_ready(server, folder / "kube-apiserver.log")

    def _launch(self, folder: Path, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (folder / f"{program}.log").open("wb") as log:
            process = subprocess.Popen([self._assets / program, *arguments], stdout=log, stderr=log)
        self._stack.callback(_stop, process)
        return process

    def _await_ready(self, server: subprocess.Popen[bytes], log: Path) -> None:
        request = urllib.request.Request(f"{self._backend}/readyz", headers={"Authorization": f"Bearer {self._token}"})
        end = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(request, timeout=5, context=_unchecked()):
                    return
            except OSError as error:  # HTTPError is one
                if server.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"kube-apiserver did not start: {error}; it said: {_tail(log)}") from error
            time.sleep(0.2)

    def _define(self, definition: Json) -> None:
        self.create("apiextensions.k8s.io", "customresourcedefinitions", "", definition)
        resource = defined_by(definition)[0]
        end = time.monotonic() + START_SECONDS
        while self._ask("GET", self._path(resource.group, resource.plural), missing=True)[0] == 404:
            assert time.monotonic() < end, f"{resource.plural} are not served"
            time.sleep(0.1)

    def _path(self, group: str, plural: str, namespace: str = "", name: str = "") -> str:
        resource = self._resources[group, plural]
        parts = ["apis" if group else "api", resource.api_version]
        parts += (["namespaces", namespace] if namespace and resource.namespaced else []) + [plural]
        return "/" + "/".join([*parts, name] if name else parts)

    def _ask(self, method: str, path: str, sent: Json | None = None, *, missing: bool = False) -> tuple[int, Any]:
        """Status and body of an answer; only with ``missing`` may nothing be there, or something else."""

        async def ask() -> tuple[int, Any]:
            headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
            headers["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/json"
            data = None if sent is None else json.dumps(sent)
            async with self._client().request(method, self._backend + path, data=data, headers=headers) as reply:
                if reply.status >= 400 and not (missing and reply.status in (404, 409)):
                    raise AssertionError(f"{method} {path}: {reply.status} {await reply.text()}")
                body = await reply.text()
                return reply.status, json.loads(body) if body.startswith("{") else body

        return self._call(ask())

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(ssl=_unchecked(), limit=0)
            self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=None))
        return self._session

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.faults.asked.append((request.method, request.path_qs))
        fault = self.faults.next(request.method, request.path)
        if fault is not None and not fault.late:
            return failed(request, fault.code)
        headers = {key: value for key, value in request.headers.items() if key.lower() not in _HOP}
        headers["Authorization"] = f"Bearer {self._token}"
        async with self._client().request(
            request.method, self._backend + request.path_qs, headers=headers, data=await request.read()
        ) as reply:
            back = {key: value for key, value in reply.headers.items() if key.lower() not in _HOP}
            if request.query.get("watch") in TRUE and reply.status == 200:
                return await self._watch(request, reply, back)
            answer = web.Response(body=await reply.read(), status=reply.status, headers=back)
        return failed(request, fault.code) if fault is not None else answer

    async def _watch(
        self, request: web.Request, reply: aiohttp.ClientResponse, headers: dict[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        broken: asyncio.Future[str] = self._loop.create_future()
        self._watches[broken] = request.path
        copied = asyncio.ensure_future(_copy(reply, response))
        try:
            await asyncio.wait([copied, broken], return_when=asyncio.FIRST_COMPLETED)
            if broken.done() and broken.result() == "expired":
                status = Refusal(410, "Expired", "too old resource version").status()
                await response.write(json.dumps({"type": "ERROR", "object": status}).encode() + b"\n")
            elif broken.done() and broken.result() == "drop" and request.transport is not None:
                request.transport.abort()
        except ConnectionResetError:
            pass  # the client has gone
        finally:
            copied.cancel()
            del self._watches[broken]
        return response

    def _break(self, how: str) -> int:
        for each in self._watches:
            if not each.done():
                each.set_result(how)
        return len(self._watches)

    async def _end(self) -> None:
        self._break("close")
        if self._session is not None:
            await self._session.close()


async def _copy(reply: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
    try:
        async for line in reply.content:
            await response.write(line)
    except (aiohttp.ClientError, ConnectionResetError):
        return  # one of the two has gone


def _ray_job_definition() -> Json:
    """KubeRay's definition of a RayJob, made from the schema that lies with the contracts."""
    names = {"kind": "RayJob", "listKind": "RayJobList", "plural": "rayjobs", "singular": "rayjob"}
    schema = {"openAPIV3Schema": json.loads(RAY_JOB_SCHEMA.read_text("utf-8"))["openAPIV3Schema"]}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "rayjobs.ray.io"},
        "spec": {"group": "ray.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def _unchecked() -> ssl.SSLContext:
    """For a server on this machine that signs its own certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]
