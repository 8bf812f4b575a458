"""How fast an endpoint may be asked: a window of requests in flight, and a circuit that opens when it is down."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

FIRST_WAIT = 0.5
"""Seconds that the first wait takes at most; each further one may take twice as long."""
LONGEST_WAIT = 60.0
"""Seconds that no wait exceeds, unless the endpoint asks for more."""
FAILURES = 5
"""Failures in a row that open the circuit."""
ROUNDS = 16
"""Full windows of answers in which the window grows from nothing to its limit."""


def bound(waits: int) -> float:
    """Seconds that a wait takes at most after so many before it."""
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(waits, 32))


class Window:
    """How many requests may be in flight: between 1 and a limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = float(limit)
        self._shrunk = float("-inf")

    @property
    def places(self) -> int:
        """Whole requests that fit."""
        return int(self.size)

    def grow(self) -> None:
        """An answer came: after a windowful of them there is room for one step more."""
        step = max(1.0, self.limit / ROUNDS)
        self.size = min(float(self.limit), self.size + step / self.size)

    def shrink(self, started: float, now: float) -> None:
        """A request that began at ``started`` was too many; those begun before the last halving prove nothing new."""
        if started >= self._shrunk:
            self.size = max(1.0, self.size / 2)
            self._shrunk = now


class Circuit:
    """Whether the endpoint is up, as far as anyone can know without asking."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._failures = 0
        self._trips = 0
        self._tripped = 0.0
        self.opens_at: float | None = None
        """When a probe may go; ``None`` while the circuit is closed."""

    def succeeded(self) -> None:
        """An answer came."""
        self._failures = self._trips = 0
        self.opens_at = None

    def failed(self, started: float, now: float) -> None:
        """A request that began at ``started`` failed. Once open, only failed probes lengthen the wait."""
        self._failures += 1
        probe = self.opens_at is not None and started >= self._tripped
        if probe or (self.opens_at is None and self._failures >= FAILURES):
            longest = bound(self._trips)
            self._trips += 1
            self._tripped = now
            self.opens_at = now + longest * (1 + self._random()) / 2


class Places:
    """Hands out the places of a window, first come, first served."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._waiting: deque[asyncio.Future[None]] = deque()
        self.taken = 0

    async def take(self, *, first: bool = False) -> None:
        """Wait for a place; ``first`` goes before all others."""
        if not self._waiting and self.taken < self._window.places:
            self.taken += 1
            return
        place = asyncio.get_running_loop().create_future()
        if first:
            self._waiting.appendleft(place)
        else:
            self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self.leave()  # it was handed over in the very moment of giving up
            raise

    def leave(self) -> None:
        """Give a place back."""
        self.taken -= 1
        self.hand_over()

    def hand_over(self) -> None:
        """Let in as many as fit."""
        while self._waiting and self.taken < self._window.places:
            place = self._waiting.popleft()
            if not place.done():
                self.taken += 1
                place.set_result(None)
