"""What an endpoint sent back, read as an answer. Nothing in it is trusted, least of all what it says it cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from preceptor.endpoints.messages import Answer, AnyRequest, Failure, Request, Texts, Usage
from preceptor.endpoints.meter import bound_tokens
from preceptor.endpoints.structured import UnreadableError, read

LONGEST_NAME = 200
"""Characters of a model's name that are kept."""


def worst(request: AnyRequest) -> Usage:
    """The most tokens that sending the request can have used."""
    return Usage(prompt=bound_tokens(request), completion=request.max_tokens)


def failed(request: AnyRequest, failure: Failure, text: str = "", usage: Usage | None = None) -> Answer:
    """An answer that is none; charged at its worst case unless ``usage`` says otherwise."""
    return Answer(text, failure, worst(request) if usage is None else usage, request.model)


def read_answer(body: bytes, request: Request) -> Answer:
    """The answer in the body of a successful response; never raises, since whatever came was paid for."""
    try:
        completion = json.loads(body)
    except (ValueError, RecursionError):
        return failed(request, "malformed")
    if not isinstance(completion, Mapping):
        return failed(request, "malformed")
    usage = plausible(completion.get("usage"), request) or worst(request)
    text, failure = _text(completion)
    value = None
    if failure is None and request.schema is not None:
        try:
            value = read(text, request.schema)
        except UnreadableError:
            failure = "malformed"
    return Answer(_storable(text), failure, usage, model_named(completion.get("model"), request), value)


def model_named(name: Any, request: AnyRequest) -> str:
    """The model that answered, as the endpoint names it; as it was asked for when it does not."""
    return _storable(name[:LONGEST_NAME]) if isinstance(name, str) and name else request.model


def plausible(reported: Any, request: AnyRequest) -> Usage | None:
    """The usage an endpoint reported, if the request can have used that; ``None`` if not.

    A prompt has at least one token and at most its bound, an answer at most what was asked for, and a total, where
    one is given, is their sum: endpoints that charge for hidden tokens name them there alone. Embedding texts writes
    no answer, and what is not named is 0.
    """
    if not isinstance(reported, Mapping):
        return None
    prompt, completion = reported.get("prompt_tokens"), reported.get("completion_tokens")
    if isinstance(request, Texts) and completion is None:
        completion = 0
    if type(prompt) is not int or type(completion) is not int:
        return None
    possible = 1 <= prompt <= bound_tokens(request) and 0 <= completion <= request.max_tokens
    agrees = reported.get("total_tokens") in (None, prompt + completion)
    return Usage(prompt, completion) if possible and agrees else None


def _text(completion: Mapping[str, Any]) -> tuple[str, Failure | None]:
    """The answer's text and why it cannot be used."""
    choices = completion.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or not isinstance(message, Mapping):
        return "", "malformed"
    content, refusal, finish = message.get("content"), message.get("refusal"), choice.get("finish_reason")
    text = content if isinstance(content, str) else ""
    if finish == "content_filter" or (isinstance(refusal, str) and refusal):
        return text or str(refusal or ""), "refused"
    if finish == "length":
        return text, "cut-off"
    if content is not None and not isinstance(content, str):
        return "", "malformed"
    if not text.strip():
        return text, "empty"
    # JSON may spell half of a surrogate pair, which no file could hold afterwards.
    return text, None if _storable(text) == text else "malformed"


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
