"""An S3 server on loopback: moto behind real HTTP, so that s3fs, botocore and their headers are all real.

Use the fixtures ``s3_server`` and ``s3_root`` (import both into a conftest.py), or :func:`serve_s3` where the
environment must be set before other processes start.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import fsspec
import pytest
from fsspec.config import conf

BUCKET = "preceptor-tests"


App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@contextmanager
def serve_s3(around: Callable[[App], App] = lambda app: app) -> Iterator[dict[str, str]]:
    """Serve S3 while the block runs. Gives the environment that leads every client, in any process, to it.

    ``around`` wraps the server, to see or spoil what goes in and out.
    """
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    assert server._server is not None
    server._server.app = around(_one_at_a_time(server._server.app))
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    fsspec.filesystem("s3", endpoint_url=endpoint, key="test", secret="test").makedirs(BUCKET, exist_ok=True)
    try:
        yield {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ENDPOINT_URL": endpoint,
            "FSSPEC_S3_ENDPOINT_URL": endpoint,
        }
    finally:
        server.stop()
        server._server.server_close()


def _one_at_a_time(app: App) -> App:
    """S3 decides a conditional put atomically; moto looks first and writes later, so it gets one request at a time."""
    lock = threading.Lock()

    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with lock:
            return app(environ, start_response)

    return serve


@pytest.fixture(scope="session")
def s3_server() -> Iterator[dict[str, str]]:
    """One server for the whole session; the environment that leads to it."""
    with serve_s3() as environment:
        yield environment


@pytest.fixture
def s3_root(s3_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty ``s3://`` prefix, reachable from this process and those it starts."""
    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(conf, "s3", {"endpoint_url": s3_server["AWS_ENDPOINT_URL"]})  # fsspec read its own at import
    return f"s3://{BUCKET}/{uuid.uuid4().hex[:8]}"
