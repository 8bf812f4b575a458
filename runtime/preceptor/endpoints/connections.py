"""Connections to an endpoint: the `openai` client over aiohttp, with bounds on everything that could go on for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from httpx2 import AsyncByteStream, Limits, ReadError, Response, Timeout
from openai import AsyncOpenAI, DefaultAioHttpClient

from preceptor.endpoints.credentials import VENDOR
from preceptor.spec.endpoint import Endpoint

CONNECT = 10.0
"""Seconds that opening a connection may take."""
KEEP_ALIVE = 2.0
"""Seconds that an idle connection is kept: less than any server keeps one, so that none closes as we send."""
LONGEST_BODY = 32 * 2**20
"""Bytes of an answer that are read: many times what any model writes, few enough for a worker's memory."""


def is_vendor(endpoint: Endpoint) -> bool:
    """Whether it is OpenAI's own, in any region."""
    host = urlsplit(endpoint.base_url or VENDOR).hostname or ""
    return host == "api.openai.com" or host.endswith(".api.openai.com")


def connect(endpoint: Endpoint, key: str | None, concurrency: int) -> AsyncOpenAI:
    """A client for one event loop, which sends nothing by itself: no retries, no redirects, nobody else's settings.

    Over aiohttp a request takes 0.7 ms of processor time, over httpx 1.5. Whoever sends watches the time for a whole
    answer: the timeouts of a connection would let one drip for ever.
    """
    url, _, query = (endpoint.base_url or VENDOR).partition("?")
    http = DefaultAioHttpClient(
        timeout=Timeout(None, connect=min(CONNECT, endpoint.timeout / 2)),
        limits=Limits(max_connections=concurrency, keepalive_expiry=KEEP_ALIVE),
        follow_redirects=False,
        event_hooks={"response": [_limit]},
    )
    client = AsyncOpenAI(
        base_url=url,
        api_key=key or "none",
        # Answers are a few kilobytes, and compressed ones could be of any size.
        default_headers={"Accept-Encoding": "identity"} | endpoint.headers,
        default_query=dict(parse_qsl(query)),
        max_retries=0,
        timeout=http.timeout,
        http_client=http,
    )
    if not is_vendor(endpoint):
        client.organization = client.project = None  # from the environment, and nobody else's business
    return client


async def _limit(response: Response) -> None:
    """Make reading a response's body fail beyond :data:`LONGEST_BODY`."""
    response.stream = _Limited(response.stream)


class _Limited(AsyncByteStream):
    """A stream of bytes that breaks when it becomes too long."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._stream:
            size += len(part)
            if size > LONGEST_BODY:
                raise ReadError("the answer does not end")
            yield part

    async def aclose(self) -> None:
        """Close what it reads from."""
        await self._stream.aclose()
