"""HTTP statuses that are no answer: what each says about the request, about who asks, and about the endpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

from httpx2 import Headers
from openai import APIStatusError

from preceptor.endpoints.credentials import Credentials
from preceptor.endpoints.manners import TurnedAway
from preceptor.endpoints.messages import Failure
from preceptor.errors import EndpointError

COMPLETIONS = "chat/completions"
"""Path of conversations below an endpoint's base URL."""
EMBEDDINGS = "embeddings"
"""Path of embeddings."""
BUSY = frozenset({425, 429})
"""Turned away because there is too much to do."""
DOWN = frozenset({503, 529})
"""Turned away because the endpoint is away; 529 is what some vendors send when overloaded."""
FORM = frozenset({400, 404, 405, 415, 422, 501})
"""Statuses by which endpoints refuse a way of asking that they do not know."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was not carried out and will not be, as it is."""

    failure: Literal["rejected", "refused"] = "rejected"
    """What it means for this request."""
    words: str = ""
    """The endpoint's own, without secrets."""
    of_form: bool = False
    """Whether another form of the same request may be accepted."""
    error: EndpointError | None = None
    """What to raise when it is not about this request but about who asks, or where."""

    def names(self, key: str) -> bool:
        """Whether the endpoint asks for another key of the body."""
        return self.of_form and key in self.words


def refusal(
    error: APIStatusError, credentials: Credentials, model: str, path: str = COMPLETIONS, *, repeat: bool = True
) -> TurnedAway | Refusal | Failure:
    """What a status says: turned away for now, refused, or carried out and then lost.

    Errors to raise do not ``repeat`` the endpoint's words when told not to.
    """
    status = error.status_code
    words = "" if status == 401 else credentials.scrub(_words(error.body))  # some echo parts of the key with it
    public = words if repeat else ""
    if status == 402 or error.code == "insufficient_quota":
        return Refusal(
            error=EndpointError(
                f"{credentials.url} has no credit left (HTTP {status}){_said(public)}",
                mend="add credit to the account or choose another endpoint; the same command continues",
            )
        )
    if status in BUSY or status in DOWN:
        return TurnedAway(f"HTTP {status}", down=status in DOWN, retry_after=retry_after(error.response.headers))
    if status == 408:
        return "timeout"
    if status >= 500 and status != 501:
        return "lost"
    return Refusal(
        failure="refused" if error.code in {"content_filter", "content_policy_violation"} else "rejected",
        words=words,
        of_form=status in FORM,
        error=_about_us(status, public, credentials, model, path),
    )


def _words(body: object) -> str:
    """What the endpoint says, in any of the forms in use."""
    if isinstance(body, Mapping):
        body = next((body[key] for key in ("message", "detail", "error") if body.get(key)), "")
    return body if isinstance(body, str) else ""


def _said(words: str) -> str:
    return f": {words}" if words else ""


def _about_us(status: int, words: str, credentials: Credentials, model: str, path: str) -> EndpointError | None:
    """The error for a status that every request would get; ``None`` when it is about one request."""
    url, variable, says = credentials.url, credentials.variable, _said(words)
    if status == 401:
        if not variable:
            return EndpointError(
                f"{url} asks for a key (HTTP 401)",
                mend="name the environment variable that holds it: `endpoint: {apiKey: {env: NAME}}`",
            )
        return EndpointError(
            f"{url} refuses the key in {variable} (HTTP 401)", mend=f"set {variable} to a key that is valid there"
        )
    if status == 403:
        whose = f"the key in {variable}" if variable else "a request without a key"
        return EndpointError(
            f"{url} does not let {whose} use the model {model} (HTTP 403){says}",
            mend="choose a key that may use it, or another model",
        )
    if status in {404, 405, 410}:
        return EndpointError(
            f"{url}/{path} with the model {model} is not there (HTTP {status}){says}",
            mend="check `model`, and `endpoint.baseUrl`, which usually ends in /v1",
        )
    if status < 400:
        return EndpointError(
            f"{url} redirects elsewhere (HTTP {status})", mend="write the final address as `endpoint.baseUrl`"
        )
    return None


def retry_after(headers: Headers) -> float | None:
    """Seconds that ``Retry-After`` asks to wait, given as a number or as a date; ``None`` without a usable one."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            # Measured on the server's own clock where it tells its time.
            now = headers.get("date")
            reference = parsedate_to_datetime(now).timestamp() if now else time.time()
            seconds = parsedate_to_datetime(value).timestamp() - reference
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None
