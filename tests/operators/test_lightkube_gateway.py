"""The lightkube adapter against a server over HTTP that answers what each test sets."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from lightkube import Client
from lightkube.config.kubeconfig import KubeConfig
from lightkube.config.models import Cluster, User

from preceptor_operator.gateway import ConflictError, RefusedError, UnreachableError
from preceptor_operator.lightkube_gateway import LightkubeGateway

PATH = "/apis/ray.io/v1/namespaces/lab/rayjobs/sums-1"


def ray_job(run: str = "sums") -> dict[str, Any]:
    labels = {"preceptor.dev/specialization": run, "preceptor.dev/attempt": "1"}
    metadata = {"name": "sums-1", "namespace": "lab", "labels": labels}
    return {"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": metadata, "spec": {"backoffLimit": 0}}


class Server(ThreadingHTTPServer):
    """Keeps one RayJob; ``codes`` maps a method to a status that it answers instead."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stored: dict[str, Any] | None = None
        self.codes: dict[str, int] = {}
        self.requests: list[tuple[str, str, str | None]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self, code: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_one(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.requests.append((self.command, self.path, self.headers.get("Content-Type")))
        code = self.server.codes.get(self.command, 200)
        if code == 200 and self.command != "PATCH" and self.server.stored is None:
            code = 404
        if code != 200:
            self.answer(code, {"kind": "Status", "status": "Failure", "message": "no", "code": code})
            return
        if self.command == "PATCH":
            self.server.stored = json.loads(sent)
        self.answer(200, self.server.stored or {})
        if self.command == "DELETE":
            self.server.stored = None

    do_GET = do_PATCH = do_DELETE = handle_one  # noqa: N815 - names that http.server asks for

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def config_of(url: str) -> KubeConfig:
    return KubeConfig.from_one(cluster=Cluster(server=url), user=User())


@pytest.fixture
def gateway(server: Server) -> Iterator[LightkubeGateway]:
    with Client(config=config_of(f"http://127.0.0.1:{server.server_port}"), trust_env=False) as client:
        yield LightkubeGateway(client)


def test_a_ray_job_is_applied_read_and_deleted(server: Server, gateway: LightkubeGateway) -> None:
    assert gateway.read("lab", "sums-1") is None
    gateway.apply(ray_job())
    gateway.apply(ray_job())
    found = gateway.read("lab", "sums-1")
    assert found is not None
    assert found["spec"] == {"backoffLimit": 0}
    gateway.delete("lab", "sums-1")
    gateway.delete("lab", "sums-1")
    assert server.stored is None
    patches = [request for request in server.requests if request[0] == "PATCH"]
    assert len(patches) == 2
    assert patches[0][1].startswith(PATH + "?")
    assert "fieldManager=preceptor-operator" in patches[0][1]
    assert "force=true" not in patches[0][1]
    assert patches[0][2] == "application/apply-patch+yaml"
    assert any("propagationPolicy=Background" in path for method, path, _ in server.requests if method == "DELETE")


def test_another_ones_ray_job_is_left_alone(server: Server, gateway: LightkubeGateway) -> None:
    server.stored = ray_job("other")
    with pytest.raises(ConflictError):
        gateway.apply(ray_job())
    assert server.stored == ray_job("other")


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (403, RefusedError),
        (404, RefusedError),
        (422, RefusedError),
        (409, ConflictError),
        (429, UnreachableError),
        (500, UnreachableError),
        (503, UnreachableError),
    ],
)
def test_what_the_server_answers_becomes_an_error_of_ours(
    server: Server, gateway: LightkubeGateway, code: int, error: type[Exception]
) -> None:
    server.codes["PATCH"] = code
    with pytest.raises(error):
        gateway.apply(ray_job())


def test_a_server_that_is_gone_is_unreachable() -> None:
    with Client(config=config_of("http://127.0.0.1:9"), trust_env=False) as client, pytest.raises(UnreachableError):
        LightkubeGateway(client).read("lab", "sums-1")
