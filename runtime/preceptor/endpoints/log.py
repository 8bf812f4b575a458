"""The log of requests: written ahead, kept for ever, and at once cache, receipt and account book.

Before a request is sent its intent is durable; before its answer is used the answer is. So whatever is killed when,
the log tells which requests were answered (they are never sent again), which may have cost something (they are charged
at their worst case) and what everything cost. What the records are is told in :mod:`preceptor.endpoints.records`.

Writing is grouped: what comes within 50 ms goes into one immutable shard, so that a bucket sees twenty small writes a
second however many requests are under way. An asker therefore waits up to 50 ms twice, before and after its request;
whoever wants N requests in flight asks for a few more than N at once.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

from preceptor.endpoints.records import SHARD_BYTES, Record, pack
from preceptor.errors import StorageError
from preceptor.storage import layout
from preceptor.storage.store import Store

AT_ONCE = 16
"""How many of those who waited for a group go on in one turn of the event loop."""
GROUP_SECONDS = 0.05
"""How long the first record of a group waits for company."""


class LogWriter:
    """Appends one process's records to the log of one attempt, in one event loop. Close it, or use ``async with``.

    A killed writer loses only what :meth:`write` has not returned for.
    """

    def __init__(
        self,
        store: Store,
        attempt: int,
        writer: str,
        *,
        delay: float = GROUP_SECONDS,
        shard_bytes: int = SHARD_BYTES,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Write as ``writer`` (:func:`preceptor.storage.layout.teacher_writer`) below a run's store."""
        layout.teacher_shard(attempt, writer, 0)  # a bad name is noticed before the first request
        self._store = store
        self._attempt = attempt
        self._writer = writer
        self._delay = delay
        self._shard_bytes = shard_bytes
        self._sleep = sleep
        self._number = 0
        self._groups: list[_Group] = []  # not yet durable, oldest first
        self._open: _Group | None = None  # the newest, while it takes records
        self._flusher: asyncio.Task[None] | None = None
        self._failure: StorageError | None = None
        self._flushed = float("-inf")
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def write(self, record: Record) -> None:
        """Append a record; when this returns, it stays, whatever is killed next.

        Raises:
            StorageError: it could not be written, or nobody can tell. Nothing can follow it then: a process that
                starts anew reads what is there.
        """
        if self._closed:
            raise StorageError("the log of requests was closed", mend="make a new writer before sending more")
        if self._failure is not None:
            raise _again(self._failure)
        line = record.to_line()
        if self._open is None or self._open.size >= self._shard_bytes:
            self._open = _Group()
            self._groups.append(self._open)
        group = self._open
        group.lines.append(line)
        group.size += len(line)
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush(), name="log-of-requests")
        durable = asyncio.get_running_loop().create_future()
        group.waiting.append(durable)
        await durable
        if group.failure is not None:
            raise _again(group.failure)

    @property
    def busy(self) -> bool:
        """Whether there is something that is not yet durable."""
        return self._flusher is not None

    async def close(self) -> None:
        """Wait for what is being written, and take no more. May be called twice."""
        self._closed = True
        if self._flusher is not None:
            await self._flusher

    async def _flush(self) -> None:
        """Write group after group, a steady delay apart, until there is none. What follows a pause need not wait."""
        clock = asyncio.get_running_loop().time
        try:
            while self._groups:
                await self._sleep(max(0.0, self._delay - (clock() - self._flushed)))
                self._flushed = clock()
                for _ in range(len(self._groups)):
                    group = self._groups[0]
                    if group is self._open:
                        self._open = None
                    await asyncio.to_thread(self._create, group.lines)
                    await self._groups.pop(0).release()
        except StorageError as error:
            self._fail(error)
        except BaseException:  # cancelled, or a mistake: nobody may take what was not written for written
            self._fail(StorageError("the log of requests was interrupted", mend="run the same command again"))
            raise
        finally:
            self._flusher = None

    def _fail(self, error: StorageError) -> None:
        self._failure = error
        for group in self._groups:
            group.failure = error
            group.wake(group.waiting)
        self._groups.clear()

    def _create(self, lines: list[bytes]) -> None:
        """Write one shard, in whatever thread."""
        data = pack(self._writer, secrets.token_hex(8), lines)
        while True:
            path = layout.teacher_shard(self._attempt, self._writer, self._number)
            try:
                self._store.create(path, data)
            except FileExistsError:
                if self._store.read(path) != data:  # equal: the reply to our own write was lost and it was tried again
                    self._number = self._next_number()
                    continue
            self._number += 1
            return

    def _next_number(self) -> int:
        """After the last shard of an earlier process with the same name: an actor that was started again."""
        shards = map(layout.parse_teacher_shard, self._store.names(layout.teacher_shards(self._attempt)))
        return max((shard[1] for shard in shards if shard and shard[0] == self._writer), default=-1) + 1


class _Group:
    """Records that become durable together."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.size = 0
        self.failure: StorageError | None = None
        self.waiting: list[asyncio.Future[None]] = []

    async def release(self) -> None:
        """Let those go on who wait, a few in each turn of the event loop.

        All at once they would all go one step, then all the next, and nothing be sent or received until the last is
        through; and what was sent together is answered together, for ever after.
        """
        try:
            for start in range(0, len(self.waiting), AT_ONCE):
                self.wake(self.waiting[start : start + AT_ONCE])
                await asyncio.sleep(0)
        finally:
            self.wake(self.waiting)

    def wake(self, waiting: Sequence[asyncio.Future[None]]) -> None:
        """Let these go on, as far as they were not cancelled."""
        for future in waiting:
            if not future.done():
                future.set_result(None)


def _again(error: StorageError) -> StorageError:
    """The same error for another waiter: an exception that is raised twice collects the tracebacks of both."""
    return StorageError(error.message, mend=error.mend)
