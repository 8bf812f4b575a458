"""An S3 server on loopback that misbehaves by plan: moto behind real HTTP, with faults between it and the client.

    with serve_faulty_s3(seeded(7, {"error": 0.1, "lost": 0.05})) as server:
        ...                                # server.environment leads every client, in any process, to it
        assert server.injected["lost"]

Faults are functions of the request and of how often the same one came before, never of the clock or of the order in
which threads arrive. A bucket's first directory, which tests draw at random, is no part of a request's name.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal

from werkzeug.wsgi import get_input_stream

from support.s3 import BUCKET, App, serve_s3

Fault = Literal[
    "latency",  # the answer, some milliseconds late
    "error",  # 500 InternalError, nothing carried out
    "busy",  # 503 SlowDown, nothing carried out
    "reset",  # the connection breaks before anything is carried out
    "late-error",  # carried out, and answered with 500 InternalError all the same
    "lost",  # carried out; the connection breaks before a byte of the answer
    "half",  # carried out; the connection breaks in the middle of the answer's body
    "kept",  # a deletion of many is answered with 200 and an error for each, nothing carried out
]
ALL: tuple[Fault, ...] = ("latency", "error", "busy", "reset", "late-error", "lost", "half")
AMBIGUOUS: frozenset[Fault] = frozenset({"late-error", "lost"})
"""Who asked cannot know whether it was carried out."""
LATENCY = 0.003

Plan = Callable[[str, int], Fault | None]
"""From a request's name (``PUT ledger/000001-a.json``) and how often it came before to what goes wrong."""

_CODES = {"busy": ("503 SLOW DOWN", "SlowDown"), "error": ("500 INTERNAL SERVER ERROR", "InternalError")}


def healthy(request: str, before: int) -> None:
    """A plan by which nothing goes wrong."""


def seeded(seed: int, shares: Mapping[Fault, float]) -> Plan:
    """Each fault hits its share of the requests, drawn by the request's name and how often it came before."""

    def plan(request: str, before: int) -> Fault | None:
        at = Random(f"{seed}/{before}/{request}").random()
        for fault, share in shares.items():
            at -= share
            if at < 0:
                return fault
        return None

    return plan


def first(fault: Fault, match: str, times: int = 1) -> Plan:
    """The fault hits the first so many sendings of every request whose name matches."""
    return lambda request, before: fault if before < times and re.search(match, request) else None


@dataclass
class FaultyS3:
    """What a test holds of the server."""

    environment: dict[str, str]
    """Leads every client to it; its client libraries leave it to the store to try again."""
    plan: Plan = healthy
    """What goes wrong; may be exchanged at any time."""
    injected: Counter[Fault] = field(default_factory=Counter)
    """How often each fault was done."""
    requests: list[str] = field(default_factory=list)
    """Names of all requests, in order of arrival."""
    _seen: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def forget(self) -> None:
        """Begin anew: a healthy server that has seen and done nothing."""
        with self._lock:
            self.plan = healthy
            self.injected.clear()
            self.requests.clear()
            self._seen.clear()

    def fault_for(self, environ: dict[str, Any]) -> Fault | None:
        """Draw what happens to a request, and count it. Only an answer with a body can be cut in half."""
        name = _name(environ)
        with self._lock:
            fault = self.plan(name, self._seen[name])
            self._seen[name] += 1
            self.requests.append(name)
            if (fault == "half" and environ["REQUEST_METHOD"] != "GET") or (fault == "kept" and "delete" not in name):
                fault = None
            if fault is not None:
                self.injected[fault] += 1
        return fault


@contextmanager
def serve_faulty_s3(plan: Plan = healthy) -> Iterator[FaultyS3]:
    """Serve S3 with faults while the block runs."""
    server = FaultyS3({}, plan=healthy)
    with serve_s3(lambda app: _misbehaving(app, server)) as environment:
        server.environment.update(environment, AWS_MAX_ATTEMPTS="1")
        server.requests.clear()
        server.plan = plan
        yield server


def _name(environ: dict[str, Any]) -> str:
    """The request's method and its path below the bucket's first directory, or what it asks the bucket.

    Nothing in it is drawn at random, by a test or by the server.
    """
    key = environ["PATH_INFO"].removeprefix(f"/{BUCKET}").strip("/")
    query = re.sub("(?<=uploadId=)[^&]+", "x", environ.get("QUERY_STRING", ""))
    if key:
        return f"{environ['REQUEST_METHOD']} {key.partition('/')[2]} {query}".strip()
    query = re.sub(r"(?<=prefix=)[0-9a-f]{8}(%2F|/)?", "", query)
    return f"{environ['REQUEST_METHOD']} ?{query}"


def _misbehaving(app: App, server: FaultyS3) -> App:
    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        fault = server.fault_for(environ)
        if fault == "latency":
            time.sleep(LATENCY)
        if fault in (None, "latency"):
            return app(environ, start_response)
        if fault in ("late-error", "lost", "half"):
            return _spoil(fault, app, environ, start_response)
        get_input_stream(environ).read()  # like a server that took the whole request in
        if fault == "reset":
            return _break(environ)
        if fault == "kept":
            return _kept(start_response)
        return _fail(environ, start_response, *_CODES[fault])

    return serve


def _spoil(fault: Fault, app: App, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Carry the request out and spoil its answer."""
    answer: list[Any] = []
    body = b"".join(app(environ, lambda *given: answer.extend(given)))
    if fault == "late-error":
        return _fail(environ, start_response, *_CODES["error"])
    if fault == "half" and len(body) > 1:
        start_response(*answer[:2])
        return _half(environ, body)
    return _break(environ)


def _fail(environ: dict[str, Any], start_response: Callable[..., Any], status: str, code: str) -> Iterable[bytes]:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}, by plan</Message></Error>".encode()
    start_response(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]


def _kept(start_response: Callable[..., Any]) -> Iterable[bytes]:
    error = "<Error><Key>x</Key><Code>InternalError</Code><Message>by plan</Message></Error>"
    body = f"<?xml version='1.0'?><DeleteResult>{error}</DeleteResult>".encode()
    start_response("200 OK", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


def _half(environ: dict[str, Any], body: bytes) -> Iterator[bytes]:
    yield body[: len(body) // 2]
    _reset(environ["werkzeug.socket"])


def _break(environ: dict[str, Any]) -> Iterable[bytes]:
    _reset(environ["werkzeug.socket"])
    raise ConnectionResetError("by plan")


def _reset(connection: socket.socket) -> None:
    """Let the client see the connection end at once, without a word."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.shutdown(socket.SHUT_RDWR)
