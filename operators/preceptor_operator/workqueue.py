"""Objects to look at: each once at a time, however many events tell of it, and later when a look failed."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

FIRST_WAIT, LONGEST_WAIT = 0.2, 60.0
"""Seconds after which a failed look is repeated, doubled with each failure in a row."""


class WorkQueue(Generic[Key]):
    """A queue for one event loop. A key that is added while it is worked on comes again afterwards."""

    def __init__(self) -> None:
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._active: set[Key] = set()
        self._again: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: Key) -> None:
        """Have a key looked at as soon as a worker is free."""
        if timer := self._timers.pop(key, None):
            timer.cancel()
        if key in self._active:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Have a key looked at in so many seconds, or earlier when something else asks for it."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= due:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_at(due, self.add, key)

    async def take(self) -> Key:
        """The next key; the worker must call :meth:`done` for it."""
        key = await self._ready.get()
        self._waiting.discard(key)
        self._active.add(key)
        return key

    def done(self, key: Key, *, again: float | None = None, failed: bool = False) -> None:
        """End the work on a key; ``again`` in so many seconds, or after a wait that grows when it ``failed``."""
        self._active.discard(key)
        if failed:
            count = self._failures.get(key, 0)
            self._failures[key] = count + 1
            again = min(FIRST_WAIT * 2**count, LONGEST_WAIT)
        else:
            self._failures.pop(key, None)
        if key in self._again:
            self._again.discard(key)
            if not failed:
                self.add(key)
                return
        if again is not None:
            self.add_after(key, again)

    def forget(self, key: Key) -> None:
        """Drop what is known of a key that is gone."""
        if timer := self._timers.pop(key, None):
            timer.cancel()
        self._failures.pop(key, None)
