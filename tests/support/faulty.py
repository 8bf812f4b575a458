"""An OpenAI-compatible server on loopback that answers by rule and misbehaves by plan.

    with FaultyServer(faults=scripted(Fault("busy", retry_after=1), None)) as server:
        client = Client(Endpoint(base_url=server.url), concurrency=4)

Answers are functions of the request alone, faults of the request and of how often the same one came before, so that
any order of arrival gives the same. The server keeps what it received and what it carried out, with the tokens that
truly took: what a budget has to cover.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Any, Literal, Self

from aiohttp import web

from support.sensible import (
    Body,
    embedding,
    embedding_tokens,
    fingerprint,
    most_tokens,
    prompt_tokens,
    sensible,
    tokens,
)

Kind = Literal[
    "latency",  # the answer, after `seconds`
    "drip",  # the answer in small pieces, one every `seconds`
    "hang",  # carried out, and never answered
    "reset",  # carried out; the connection breaks before a byte of the answer
    "half",  # carried out; the connection breaks in the middle of the answer
    "endless",  # carried out; the body never ends
    "garbage",  # carried out; what comes back is not HTTP
    "malformed",  # carried out; the body is no JSON
    "prose",  # carried out; the content is not the JSON that was asked for
    "cut-off",  # carried out up to max_tokens
    "empty",  # carried out; no text
    "refusal",  # carried out; the model declines
    "filtered",  # carried out; a content filter declines
    "usage",  # carried out; `usage` is reported, whatever it cost
    "error",  # carried out; `status`, 500 unless said otherwise
    "busy",  # turned away: 429, with Retry-After if `retry_after`
    "away",  # turned away: 503, with Retry-After if `retry_after`
    "status",  # refused: `status`, with `message`
]
UNREADABLE = frozenset("prose cut-off empty refusal filtered".split())
SPOILED = frozenset("latency drip hang reset half endless garbage malformed error".split())
TURNED_AWAY = frozenset({"busy", "away", "status"})


@dataclass(frozen=True)
class Fault:
    """How one request goes wrong."""

    kind: Kind
    seconds: float = 0.05
    retry_after: float | str | None = None
    status: int = 500
    message: str = "this server was told to fail"
    code: str | None = None
    usage: Any = None
    """Pairs in a frozenset where the fault has to be hashable."""


Plan = Callable[[Body, int], Fault | None]
"""From a request's body and how often the same came before to what goes wrong; ``None`` when nothing does."""


def scripted(*faults: Fault | None, then: Fault | None = None) -> Plan:
    """The first sending of any body gets the first fault, its second the second …, all further ones ``then``."""
    return lambda body, before: faults[before] if before < len(faults) else then


def always(fault: Fault | None) -> Plan:
    """Every request gets it."""
    return lambda body, before: fault


def seeded(seed: int, shares: Mapping[Fault, float]) -> Plan:
    """Each fault hits its share of the sendings, chosen by the body and how often it came before."""

    def plan(body: Body, before: int) -> Fault | None:
        at = Random(f"{seed}/{before}/{fingerprint(body)}").random()
        for fault, share in shares.items():
            at -= share
            if at < 0:
                return fault
        return None

    return plan


@dataclass(frozen=True)
class Exchange:
    """One request as the server saw it."""

    fingerprint: str
    """Names the body."""
    fault: Fault | None
    """What was done to it."""
    prompt: int
    """Tokens of its messages."""
    completion: int
    """Tokens truly made for it; 0 when it was turned away."""
    body: Body
    """All of it."""

    @property
    def carried_out(self) -> bool:
        """Whether it cost anything."""
        return self.fault is None or self.fault.kind not in TURNED_AWAY


class FaultyServer:
    """Serves ``/v1/chat/completions`` and ``/v1/embeddings`` in a thread of its own while a ``with`` block runs."""

    def __init__(
        self,
        *,
        answer: Callable[[Body], str] | None = None,
        embed: Callable[[str], list[float]] = embedding,
        faults: Plan | None = None,
        latency: float = 0.0,
        rejects: frozenset[str] | set[str] = frozenset(),
        key: str | None = None,
        keep: bool = True,
    ) -> None:
        """Prepare.

        Args:
            answer: gives the text for a body; :func:`sensible` unless given.
            embed: gives the vector of a text.
            faults: what goes wrong; nothing unless given.
            latency: seconds that every answer takes.
            rejects: types of ``response_format``, and keys of the body, that are refused with 400.
            key: what ``Authorization`` must carry, else 401.
            keep: whether to keep every exchange; without, only the sums, in flat memory.
        """
        self._answer = answer or sensible
        self._embed = embed
        self._faults = faults or always(None)
        self._latency = latency
        self._rejects = rejects
        self._key = key
        self._keep = keep
        self._port = 0
        self._seen: Counter[str] = Counter()
        self._in_flight = 0
        self.exchanges: list[Exchange] = []
        """Every request, in order of arrival; the sums below are there even without them."""
        self.headers: Mapping[str, str] = {}
        """Of the latest request; any case finds them."""
        self.received = 0
        """Requests that came."""
        self.carried_out = 0
        """Requests that cost something."""
        self.tokens = 0
        """What they cost, prompt and completion."""
        self.most_in_flight = 0
        """Requests at the same time, at most."""

    @property
    def url(self) -> str:
        """What an endpoint's ``baseUrl`` is to say."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def sendings(self) -> Counter[str]:
        """How often each body came, by its fingerprint."""
        return Counter(self._seen)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Listen: on a free port, or after :meth:`stop` on the same as before."""
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(30), "the server did not start"

    def stop(self) -> None:
        """Close every connection and refuse new ones."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(30)
        assert not self._thread.is_alive(), "the server did not stop"

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        app = web.Application(client_max_size=2**26)
        app.router.add_post("/v1/chat/completions", self._handle)
        app.router.add_post("/v1/embeddings", self._handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", self._port, backlog=4096, reuse_address=True)
            await site.start()
            self._port = runner.addresses[0][1]
            ready.set()
            await self._stopping.wait()
        finally:
            await runner.cleanup()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            return await self._reply(request, json.loads(await request.read()))
        finally:
            self._in_flight -= 1

    async def _reply(self, request: web.Request, body: Body) -> web.StreamResponse:
        self.headers = request.headers.copy()
        fault = self._refused(request, body)
        name = fingerprint(body)
        if fault is None:
            fault = self._faults(body, self._seen[name])
        self._seen[name] += 1
        embeds = "input" in body
        text, finish = ("", "stop") if embeds else self._text(body, fault)
        prompt, completion = embedding_tokens(body) if embeds else prompt_tokens(body), tokens(text)
        if not embeds and fault is not None and fault.kind == "cut-off":
            completion = most_tokens(body)
        self._account(Exchange(name, fault, prompt, completion, body))
        if fault is not None and fault.kind in TURNED_AWAY:
            return _turn_away(fault)
        counted: Any = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        if fault is not None and fault.kind == "usage":
            counted = dict(fault.usage) if isinstance(fault.usage, frozenset) else fault.usage
        if embeds:
            if isinstance(counted, dict):
                counted.pop("completion_tokens", None)
            payload = self._vectors(body, fault, counted)
        else:
            payload = self._completion(body, name, fault, text, finish, counted)
        if self._latency:
            await asyncio.sleep(self._latency)
        return await _send(request, fault, payload)

    def _vectors(self, body: Body, fault: Fault | None, usage: Any) -> bytes:
        """Embeddings, in an order of the server's own."""
        texts = [] if fault is not None and fault.kind in UNREADABLE else list(enumerate(body["input"]))
        data = [{"object": "embedding", "index": at, "embedding": self._embed(text)} for at, text in texts]
        return json.dumps({"object": "list", "data": data[::-1], "model": body["model"], "usage": usage}).encode()

    def _completion(self, body: Body, name: str, fault: Fault | None, text: str, finish: str, usage: Any) -> bytes:
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if fault is not None and fault.kind == "refusal":
            message |= {"content": None, "refusal": "I would rather not."}
        return json.dumps(
            {
                "id": f"chatcmpl-{name[:12]}",
                "object": "chat.completion",
                "created": 0,
                "model": body["model"],
                "choices": [{"index": 0, "finish_reason": finish, "message": message}],
                "usage": usage,
            }
        ).encode()

    def _refused(self, request: web.Request, body: Body) -> Fault | None:
        """What the server refuses whatever the plan says."""
        given = request.headers.get("Authorization", "")
        if self._key is not None and given != f"Bearer {self._key}":
            return Fault("status", status=401, message=f"Incorrect API key provided: {given}")
        form = body.get("response_format", {}).get("type")
        for refused in self._rejects:
            if refused == form or refused in body:
                advice = " Use 'max_completion_tokens' instead." if refused == "max_tokens" else ""
                return Fault("status", status=400, message=f"Unsupported: '{refused}'.{advice}")
        return None

    def _text(self, body: Body, fault: Fault | None) -> tuple[str, str]:
        """The answer's text and why it ends."""
        kind = fault.kind if fault is not None else None
        if kind in TURNED_AWAY:
            return "", "stop"
        if kind == "empty":
            return "", "stop"
        if kind == "filtered":
            return "", "content_filter"
        if kind == "prose":
            return "Certainly! Here is what you asked for.", "stop"
        text = self._answer(body)
        if kind == "cut-off":
            return text[: len(text) // 2], "length"
        longest = 4 * most_tokens(body)
        return (text, "stop") if len(text) <= longest else (text[:longest], "length")

    def _account(self, exchange: Exchange) -> None:
        self.received += 1
        if exchange.carried_out:
            self.carried_out += 1
            self.tokens += exchange.prompt + exchange.completion
        if self._keep:
            self.exchanges.append(exchange)


def _turn_away(fault: Fault) -> web.Response:
    status = {"busy": 429, "away": 503}.get(fault.kind, fault.status)
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return web.json_response(
        {"error": {"message": fault.message, "type": "error", "code": fault.code}}, status=status, headers=headers
    )


async def _send(request: web.Request, fault: Fault | None, payload: bytes) -> web.StreamResponse:
    """The answer, as the fault lets it through."""
    kind = fault.kind if fault is not None else None
    assert request.transport is not None
    if fault is None or kind not in SPOILED:
        return web.Response(body=payload, content_type="application/json")
    if kind == "latency":
        await asyncio.sleep(fault.seconds)
        return web.Response(body=payload, content_type="application/json")
    if kind == "error":
        return web.json_response({"error": {"message": fault.message}}, status=fault.status)
    if kind == "malformed":
        return web.Response(body=payload[: len(payload) // 2], content_type="application/json")
    if kind == "hang":
        await asyncio.Event().wait()  # until the client leaves or the server stops
    stream = web.StreamResponse(headers={"Content-Type": "application/json"})
    if kind == "reset":
        _abort(request.transport)
        return stream
    if kind == "garbage":
        request.transport.write(b"220 mail.example.org ESMTP\r\n")
        request.transport.close()
        return stream
    if kind == "endless":
        await stream.prepare(request)
        while True:
            await stream.write(b" " * 2**16)
    stream.content_length = len(payload)
    await stream.prepare(request)
    if kind == "half":
        await stream.write(payload[: len(payload) // 2])
        request.transport.close()
        return stream
    for at in range(0, len(payload), 16):
        await stream.write(payload[at : at + 16])
        await asyncio.sleep(fault.seconds)
    return stream


def _abort(transport: asyncio.Transport) -> None:
    """Break a connection as a crash does: RST, nothing more is sent."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
