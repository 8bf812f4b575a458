"""The key of an endpoint: found in the environment of the process that sends, and kept out of every message."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import parse_qsl, urlsplit

from preceptor.errors import EndpointError
from preceptor.spec.endpoint import Endpoint

VENDOR = "https://api.openai.com/v1"
"""Where requests go when the document names no endpoint."""
SHORTEST_SECRET = 8
"""Characters from which a value in a header or the query is blotted out too: it may be a key."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who asks, and where."""

    url: str
    """The endpoint as it may be shown: without user, password and query."""
    variable: str
    """The environment variable that holds the key; empty when none is sent."""
    key: str | None = field(default=None, repr=False)
    """The key."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """What no message may hold."""

    @classmethod
    def of(cls, endpoint: Endpoint) -> Self:
        """The credentials for an endpoint. Raises :class:`EndpointError` when they are missing or unfit."""
        parts = urlsplit(endpoint.base_url or VENDOR)
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}".rstrip("/")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise EndpointError(
                f"`endpoint.baseUrl` is not the address of an endpoint: {shown}",
                mend="write it with its scheme and up to /v1, as in http://teacher:8000/v1",
            )
        given = [*endpoint.headers.values(), *(value for _, value in parse_qsl(parts.query))]
        hidden = [value for value in given if len(value) >= SHORTEST_SECRET]
        if parts.password:
            hidden.append(parts.password)
        if endpoint.api_key is None:
            return cls(shown, "", None, tuple(hidden))
        variable = endpoint.api_key.variable
        key = os.environ.get(variable, "").strip()
        if not key:
            raise EndpointError(
                f"the environment variable {variable}, which holds the key of {shown}, is not set",
                mend=f"set {variable} where the command runs; in a cluster, for every worker",
            )
        if not (key.isascii() and key.isprintable()):
            raise EndpointError(
                f"the environment variable {variable} holds no key: it has characters that no header may have",
                mend=f"set {variable} to the key of {shown} alone, on one line",
            )
        return cls(shown, variable, key, (key, *hidden))

    def blot(self, body: bytes) -> bytes:
        """What an endpoint sent, without the key: some answer with the headers they got, and answers are kept."""
        return body if self.key is None else body.replace(self.key.encode(), b"***")

    def scrub(self, text: str, longest: int = 300) -> str:
        """Someone else's words on one line, shortened, without secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line if len(line) <= longest else line[: longest - 1] + "…"
