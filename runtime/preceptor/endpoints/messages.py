"""What is asked of a model and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol

from preceptor.recipes.digests import digest

Message = Mapping[str, str]
"""A turn of a conversation: ``{"role": …, "content": …}``."""

Failure = Literal["cut-off", "empty", "refused", "malformed", "timeout", "lost", "rejected", "budget"]
"""Why a request gave no usable answer.

``cut-off`` (``finish_reason: length``), ``empty``, ``refused`` (the model or a content filter declined), ``malformed``
(not a completion, or not the JSON that was asked for), ``timeout``, ``lost`` (connection reset, half a body, a 5xx
after the request was accepted), ``rejected`` (a 4xx that is about this request alone, such as a prompt that is too
long), ``budget`` (its worst case would break the budget, so it was never sent).
"""


@dataclass(frozen=True)
class Request:
    """One completion to ask for."""

    model: str
    """Model name at the endpoint."""
    messages: tuple[Message, ...]
    """The conversation so far."""
    max_tokens: int
    """Longest answer."""
    temperature: float = 1.0
    """Softmax temperature."""
    top_p: float = 1.0
    """Nucleus."""
    schema: Mapping[str, Any] | None = None
    """JSON schema that the answer must satisfy; free text when absent."""
    place: str = ""
    """Where in the run it belongs, so that the same question asked twice is two requests (unit seed, row, try)."""

    @cached_property
    def digest(self) -> str:
        """64 hex digits: the request's identity in log, cache and receipts. Endpoint and key do not count."""
        return digest(self.to_data())

    def to_data(self) -> dict[str, Any]:
        """The request as JSON data."""
        return {
            "model": self.model,
            "messages": [dict(message) for message in self.messages],
            "maxTokens": self.max_tokens,
            "temperature": self.temperature,
            "topP": self.top_p,
            "schema": self.schema,
            "place": self.place,
        }


@dataclass(frozen=True)
class Texts:
    """Texts whose embeddings are asked for; see :mod:`preceptor.endpoints.embeddings` for what answers hold."""

    model: str
    """Model name at the endpoint."""
    texts: tuple[str, ...]
    """The texts."""
    names: tuple[str, ...]
    """What each text is called in the log, which holds digests in the place of texts."""
    place: str = ""
    """Where in the run they belong, as of a :class:`Request`."""
    max_tokens: ClassVar[int] = 0
    """Nothing is written."""
    schema: ClassVar[None] = None
    """Nor is JSON."""

    @cached_property
    def digest(self) -> str:
        """64 hex digits, as of a :class:`Request`."""
        return digest(self.to_data())

    def to_data(self) -> dict[str, Any]:
        """JSON data that names every text and tells none of them."""
        return {
            "model": self.model,
            "names": list(self.names),
            "texts": [digest(text) for text in self.texts],
            "place": self.place,
        }


AnyRequest = Request | Texts
"""Whatever can be asked of an endpoint."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request."""

    prompt: int
    """Tokens of the conversation."""
    completion: int
    """Tokens of the answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    text: str
    """The answer's text; for a failure what there was of it."""
    failure: Failure | None
    """Why it cannot be used; ``None`` when it can."""
    usage: Usage
    """As charged: what the endpoint reported if that is possible, else the worst case."""
    model: str
    """The model that answered, as the endpoint names it."""
    value: Any = None
    """The parsed JSON when a schema was asked for and the text satisfies it."""


class Correspondent(Protocol):
    """Someone who answers requests: over the network, from the log, or from a test's table."""

    async def ask(self, request: Request) -> Answer:
        """Answer; every way to fail that concerns this request alone is an answer with its ``failure``.

        Raises :class:`preceptor.errors.EndpointError` when the endpoint refuses whoever asks, and
        :class:`preceptor.errors.EndpointDownError` when it was away for longer than its ``patience``.
        """
        ...
