"""Manners towards an endpoint: how many requests at once, how long to wait, when to give up.

- **Window**: requests in flight grow additively while the endpoint answers and halve when it turns one away or lets
  it time out (Chiu and Jain 1989), at most once for the requests that were under way at the same time.
- **Back-off**: a request that was turned away waits exponentially longer, with full jitter, and keeps its place in
  the window meanwhile. ``Retry-After`` is honoured, by everyone.
- **Circuit**: when an endpoint fails several times in a row, nobody sends; then one request at a time tries whether
  it is back.
- **Patience**: when nothing succeeded for that long, the run stops and can be continued.

Nothing here knows HTTP, and all time comes from outside.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Generic, Literal, TypeVar

from preceptor.endpoints.pacing import Circuit, Places, Window, bound
from preceptor.errors import EndpointDownError

T = TypeVar("T")
Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Carried(Generic[T]):
    """The endpoint carried a request out, or may have."""

    value: T
    """What came of it."""
    health: Literal["well", "slow", "ill"] = "well"
    """``slow``: no answer in time; ``ill``: the connection broke or the server failed."""


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """The endpoint did not carry a request out and may do so later."""

    reason: str
    """Why, for people."""
    down: bool
    """Whether the endpoint is away (no connection, 503) rather than busy (429)."""
    retry_after: float | None = None
    """Seconds it asks to wait."""


class Manners:
    """Sends through here keep the manners that the module describes. For one endpoint and one event loop."""

    def __init__(
        self,
        endpoint: str,
        *,
        concurrency: int,
        patience: float,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        random: Callable[[], float] | None = None,
    ) -> None:
        """``endpoint`` names it in messages; ``random`` gives numbers in [0, 1)."""
        self._endpoint = endpoint
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._random = random or Random().random  # processes must not wait in step, so it is never seeded
        self.window = Window(concurrency)
        self._places = Places(self.window)
        self._circuit = Circuit(self._random)
        self._probe: asyncio.Event | None = None
        self._pause_until = float("-inf")
        self._trouble: float | None = None
        self._reason = ""
        self._inside = 0
        self._left_at = 0.0

    @property
    def in_flight(self) -> int:
        """Requests that hold a place."""
        return self._places.taken

    async def carry_out(
        self, attempt: Callable[[], Awaitable[Carried[T] | TurnedAway]]
    ) -> tuple[Carried[T] | TurnedAway, int]:
        """Call ``attempt`` until it is carried out, and say how often it was turned away.

        Gives back a :class:`TurnedAway` when this request alone was turned away for the whole patience while others
        were answered. Raises :class:`EndpointDownError` when nothing was answered for that long, and what
        ``attempt`` raises. May be cancelled at any moment.
        """
        if self._inside == 0 and self._trouble is not None:
            self._trouble += self._clock() - self._left_at  # while nobody asked, nobody lost patience
        self._inside += 1
        try:
            return await self._insist(attempt)
        finally:
            self._inside -= 1
            self._left_at = self._clock()

    async def _insist(
        self, attempt: Callable[[], Awaitable[Carried[T] | TurnedAway]]
    ) -> tuple[Carried[T] | TurnedAway, int]:
        turned_away = 0
        since = float("inf")
        await self._places.take()
        holding = True
        try:
            while True:
                started, outcome = await self._try(attempt)
                self._learn(outcome, started)
                if isinstance(outcome, Carried):
                    return outcome, turned_away
                since = min(since, self._clock())  # as late as the trouble of an endpoint that answers nobody
                turned_away += 1
                if self._clock() - since >= self._patience and self._left() > 0:
                    return outcome, turned_away
                wait = (outcome.retry_after or 0.0) + self._backoff(turned_away)
                if self._places.taken > self.window.places:
                    self._places.leave()
                    holding = False
                    await self._wait(wait)
                    await self._places.take(first=True)
                    holding = True
                else:
                    await self._wait(wait)
        finally:
            if holding:
                self._places.leave()

    async def _try(
        self, attempt: Callable[[], Awaitable[Carried[T] | TurnedAway]]
    ) -> tuple[float, Carried[T] | TurnedAway]:
        """One attempt, once the endpoint may be asked; the moment it began and what came of it."""
        probe = await self._open()
        started = self._clock()
        try:
            return started, await attempt()
        finally:
            if probe:
                # Those who wait look again after this attempt was learnt from: they are resumed later than we are.
                self._probe = None
                probe.set()

    async def _open(self) -> asyncio.Event | None:
        """Wait until the endpoint may be asked. Gives an event to set afterwards to whoever goes as the probe."""
        while True:
            opens_at = self._circuit.opens_at
            wait = max(self._pause_until, float("-inf") if opens_at is None else opens_at) - self._clock()
            if wait > 0:
                await self._wait(wait)
            elif opens_at is None:
                return None
            elif self._probe is None:
                self._probe = asyncio.Event()
                return self._probe
            else:
                await self._probe.wait()

    def _learn(self, outcome: Carried[T] | TurnedAway, started: float) -> None:
        """Adapt to what came of an attempt."""
        now = self._clock()
        if isinstance(outcome, Carried) and outcome.health == "well":
            self._trouble = None
            self._circuit.succeeded()
            if 2 * self._places.taken >= self.window.places:  # room that nobody uses says nothing about the endpoint
                self.window.grow()
                self._places.hand_over()
            return
        if self._trouble is None:
            self._trouble = now
        if isinstance(outcome, Carried):
            self._reason = "no answer in time" if outcome.health == "slow" else "broken answers"
            self._circuit.failed(started, now)
            if outcome.health == "slow":
                self.window.shrink(started, now)
            return
        self._reason = outcome.reason
        self.window.shrink(started, now)
        if outcome.down:
            self._circuit.failed(started, now)
        if outcome.retry_after:
            self._pause_until = max(self._pause_until, now + min(outcome.retry_after, self._left()))

    def _backoff(self, turned_away: int) -> float:
        """Seconds to wait after having been turned away so often: full jitter over an exponential bound."""
        return self._random() * bound(turned_away - 1)

    def _left(self) -> float:
        """Seconds of patience left."""
        return float("inf") if self._trouble is None else self._trouble + self._patience - self._clock()

    async def _wait(self, seconds: float) -> None:
        """Wait, but no longer than patience lasts."""
        left = self._left()
        if left <= 0:
            raise EndpointDownError(
                f"{self._endpoint} has answered nothing for {self._patience:g} s (last: {self._reason}); every answer "
                "before that is kept. When it is back, the same command continues; `endpoint.patience` says how long "
                "to wait for it"
            )
        await self._sleep(min(seconds, left))
