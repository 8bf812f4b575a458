"""Faults for a test API server to have: answers it fails to give, and watches that end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from aiohttp import web

from support.apiserver.refusals import Refusal


@dataclass
class Fault:
    """The next requests of a kind are answered with an error."""

    method: str
    """HTTP method."""
    path: str
    """Regular expression that the path must match somewhere."""
    code: int
    """What they are answered; 0 drops the connection; after doing what was asked when `late`."""
    times: int = 1
    """How many of them."""
    late: bool = False
    """Whether the request is carried out all the same, and only its answer is lost."""


@dataclass
class Faults:
    """What goes wrong next, and what was asked so far."""

    planned: list[Fault] = field(default_factory=list)
    """Faults that are still to come."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path with query of every request."""

    def next(self, method: str, path: str) -> Fault | None:
        """The fault that a request meets, which is then used up."""
        for fault in self.planned:
            if fault.times > 0 and fault.method == method and re.search(fault.path, path):
                fault.times -= 1
                return fault
        return None


def failed(request: web.Request, code: int) -> web.Response:
    """The answer that a fault gives, or, with 0, a dropped connection."""
    if code == 0:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)
    reasons = {409: "Conflict", 429: "TooManyRequests", 403: "Forbidden"}
    refusal = Refusal(code, reasons.get(code, "InternalError"), "a fault that a test asked for")
    return web.json_response(refusal.status(), status=code)
