"""The client of one OpenAI-compatible endpoint: vLLM, llama.cpp, a vendor."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from httpx2 import Response
from openai import APIConnectionError, APIStatusError

from preceptor.endpoints import completions, embeddings
from preceptor.endpoints.connections import connect, is_vendor
from preceptor.endpoints.credentials import Credentials
from preceptor.endpoints.manners import Carried, Clock, Manners, Sleep, TurnedAway
from preceptor.endpoints.messages import Answer, AnyRequest, Texts, Usage
from preceptor.endpoints.refusals import COMPLETIONS, EMBEDDINGS, Refusal, refusal
from preceptor.endpoints.structured import Way, Ways, response_format, told
from preceptor.errors import EndpointError
from preceptor.spec.endpoint import Endpoint

NEVER_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
"""Failures before the endpoint got a byte."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What sending a request once came to."""

    answer: Answer
    """What came back."""
    sends: int
    """HTTP requests that were made for it."""
    turned_away: int
    """Those among them that were certainly not carried out: no connection, 429, 503, or refused as a bad request."""
    seconds: float
    """From the beginning of the last of them to its end."""


@dataclass(slots=True)
class _Tally:
    sends: int = 0
    refused: int = 0
    seconds: float = 0.0


class Client:
    """Sends requests to one endpoint, with manners. For one event loop; the key never leaves it."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        concurrency: int,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float] | None = None,
        discreet: bool = False,
    ) -> None:
        """Read the key from this process's environment; nothing is sent yet.

        Args:
            endpoint: where, with which key, how patiently.
            concurrency: requests in flight at most.
            clock: seconds, for waiting and for durations.
            sleep: how to wait.
            random: numbers in [0, 1) for jitter.
            discreet: errors that are raised do not repeat what the endpoint says, as it may quote what it was asked.

        Raises:
            EndpointError: the key is missing, or the endpoint's document cannot be carried out.
        """
        self._credentials = Credentials.of(endpoint)
        self._endpoint = endpoint
        self._vendor = is_vendor(endpoint)
        self._cap = "max_completion_tokens" if self._vendor else "max_tokens"
        self._ways = Ways(endpoint.structured_output)
        self._clock = clock
        self._openai = connect(endpoint, self._credentials.key, concurrency)
        # Whole, or they are put together for every request.
        self._completions = f"{self._openai.base_url}{COMPLETIONS}"
        self._embeddings = f"{self._openai.base_url}{EMBEDDINGS}"
        self._discreet = discreet
        self.manners = Manners(
            self._credentials.url,
            concurrency=concurrency,
            patience=endpoint.patience,
            clock=clock,
            sleep=sleep,
            random=random,
        )

    def __repr__(self) -> str:
        return f"Client({self._credentials.url!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._openai.close()

    async def send(self, request: AnyRequest) -> Sent:
        """Send a request until it is carried out or refused for good.

        Raises :class:`EndpointError` when the endpoint refuses whoever asks, and
        :class:`preceptor.errors.EndpointDownError` when it was away for longer than its patience. Any other failure
        is part of the answer.
        """
        tally = _Tally()
        outcome, turned_away = await self.manners.carry_out(lambda: self._attempt(request, tally))
        if isinstance(outcome, TurnedAway):
            answer = completions.failed(request, "rejected", outcome.reason, Usage(0, 0))
        else:
            answer = outcome.value
        return Sent(answer, tally.sends, turned_away + tally.refused, tally.seconds)

    async def _attempt(self, request: AnyRequest, tally: _Tally) -> Carried[Answer] | TurnedAway:
        """One attempt: asks again at once, in another form, when it is only the form that is refused."""
        schema = request.schema
        way = None if schema is None else self._ways.best(request.model, schema)
        while True:
            cap = self._cap
            tally.sends += 1
            started = self._clock()
            outcome = await self._post(self._body(request, way, cap), request)
            tally.seconds = self._clock() - started
            if not isinstance(outcome, Refusal):
                if way is not None and schema is not None and isinstance(outcome, Carried):
                    self._learn(request.model, schema, way, outcome.value)
                return outcome
            tally.refused += 1
            if outcome.names("max_completion_tokens") and cap == "max_tokens":
                self._cap = "max_completion_tokens"
                continue
            weaker = None if way is None or schema is None else self._ways.next(request.model, schema, way)
            if weaker is None or not outcome.of_form:
                if outcome.error is not None:
                    raise outcome.error
                return Carried(completions.failed(request, outcome.failure, outcome.words, Usage(0, 0)))
            way = weaker

    def _learn(self, model: str, schema: Mapping[str, Any], way: Way, answer: Answer) -> None:
        if answer.failure in {None, "malformed"} and answer.text:
            self._ways.answered(model, schema, way, text=answer.text, good=answer.failure is None)

    def _body(self, request: AnyRequest, way: Way | None, cap: str) -> bytes:
        if isinstance(request, Texts):
            asked = {"model": request.model, "input": list(request.texts)}
            return json.dumps(asked | self._endpoint.extra_body).encode()
        schema = request.schema
        body: dict[str, Any] = {
            "model": request.model,
            "messages": [dict(turn) for turn in request.messages],
            cap: request.max_tokens,
        }
        # Other servers have other defaults. Some of the vendor's models refuse these keys and have no others.
        if not self._vendor or request.temperature != 1.0:
            body["temperature"] = request.temperature
        if not self._vendor or request.top_p != 1.0:
            body["top_p"] = request.top_p
        if way is not None and schema is not None:
            body["messages"] = told(way, request.messages, schema)
            if form := response_format(way, schema):
                body["response_format"] = form
        return json.dumps(body | self._endpoint.extra_body).encode()

    async def _post(self, body: bytes, request: AnyRequest) -> Carried[Answer] | TurnedAway | Refusal:
        """Make one HTTP request and say what came of it.

        Nothing is raised from inside an ``except``: the client library's errors hold the request and so the key.
        """
        url = self._embeddings if isinstance(request, Texts) else self._completions
        try:
            async with asyncio.timeout(self._endpoint.timeout):
                # The library's way to endpoints whose answers it shall not parse: half the time a request takes.
                response = await self._openai.post(url, cast_to=Response, content=body)
        except TimeoutError:
            return Carried(completions.failed(request, "timeout"), "slow")
        except APIStatusError as error:
            return self._refused(error, request)
        except (APIConnectionError, aiohttp.ClientError, OSError) as error:
            return self._broken(error, request)
        content = self._credentials.blot(response.content)
        if isinstance(request, Texts):
            answer = embeddings.read_answer(content, request)
        else:
            answer = completions.read_answer(content, request)
        # Without any text it was no completion at all: a proxy's page, a server in trouble.
        return Carried(answer, "ill" if answer.failure == "malformed" and not answer.text else "well")

    def _refused(self, error: APIStatusError, request: AnyRequest) -> Carried[Answer] | TurnedAway | Refusal:
        path = EMBEDDINGS if isinstance(request, Texts) else COMPLETIONS
        found = refusal(error, self._credentials, request.model, path, repeat=not self._discreet)
        if isinstance(found, TurnedAway | Refusal):
            return found
        return Carried(completions.failed(request, found), "slow" if found == "timeout" else "ill")

    def _broken(self, error: Exception, request: AnyRequest) -> Carried[Answer] | TurnedAway | Refusal:
        causes: list[BaseException] = [error]
        while (cause := causes[-1].__cause__) is not None:
            causes.append(cause)
        for cause in causes:
            if isinstance(cause, aiohttp.ClientConnectorCertificateError):
                return Refusal(
                    error=EndpointError(
                        f"the certificate of {self._credentials.url} is not trusted",
                        mend="correct `endpoint.baseUrl`, or make this machine trust it, as with SSL_CERT_FILE",
                    )
                )
            if isinstance(cause, NEVER_SENT):
                return TurnedAway("no connection", down=True)
            if isinstance(cause, aiohttp.SocketTimeoutError):
                return Carried(completions.failed(request, "timeout"), "slow")
        return Carried(completions.failed(request, "lost"), "ill")
