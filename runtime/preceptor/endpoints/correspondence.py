"""Asks a model within a lease, with everything written down first: the one way in which anything here is sent.

Around every sending, in this order: its worst case is reserved, its intent becomes durable, it is sent, its outcome
becomes durable, what it cost is settled, its answer is handed out. Kill the process between any two of these, and what
is charged plus what may have been charged stays within the lease, and no answer that anyone saw is lost.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from preceptor.endpoints.index import LogIndex
from preceptor.endpoints.log import LogWriter
from preceptor.endpoints.messages import Answer, AnyRequest, Usage
from preceptor.endpoints.meter import Lease, charge, clamp, worst_case
from preceptor.endpoints.records import Record
from preceptor.errors import EndpointDownError, EndpointError, StorageError
from preceptor.recipes.amount import Amount
from preceptor.spec.endpoint import Price


class Sent(Protocol):
    """What came of a sending."""

    @property
    def answer(self) -> Answer:
        """The answer."""
        ...

    @property
    def sends(self) -> int:
        """How often it went out."""
        ...

    @property
    def turned_away(self) -> int:
        """How many of those were certainly not carried out."""
        ...


class Send(Protocol):
    """Sends one request, once.

    Raises :class:`EndpointError` or :class:`EndpointDownError` only for a request that was not carried out: whatever
    else ends it leaves open whether it was.
    """

    def __call__(self, request: AnyRequest, /) -> Awaitable[Sent]:
        """Send it."""
        ...


@dataclass
class Tally:
    """What was asked and what came of it."""

    recorded: int = 0
    """Requests that the log or an equal request under way had an outcome for."""
    sent: int = 0
    """Requests handed to the endpoint now."""
    spent: Amount = field(default_factory=Amount)
    """What all of them cost, recorded ones included."""
    failures: Counter[str] = field(default_factory=Counter)
    """Outcomes without a usable answer, by kind, recorded ones included."""

    def add(self, answer: Answer, charged: Amount) -> None:
        """Count an outcome."""
        self.spent = self.spent + charged
        if answer.failure is not None:
            self.failures[answer.failure] += 1


class Correspondence:
    """A :class:`preceptor.endpoints.messages.Correspondent` that sends what the log has no outcome for.

    What the log has an outcome for is charged to the lease as well, as it was then: a unit of work that is made again
    after its process was killed costs the same. What the killed process had begun and not finished comes on top
    (``LogIndex.lost``). One for each lease, for one event loop.
    """

    def __init__(self, send: Send, *, lease: Lease, log: LogWriter, index: LogIndex, price: Price) -> None:
        """``log`` and ``index`` belong to the same attempt and may be shared by the correspondences of a process."""
        self._send = send
        self._lease = lease
        self._log = log
        self._index = index
        self._price = price
        self._under_way: dict[str, asyncio.Future[Answer | None]] = {}
        self._known: dict[str, Answer] = {}  # what was sent and answered here
        self._refused: set[str] = set()  # digests of what did not fit
        self._paid: set[str] = set()  # digests of recorded outcomes that the lease has been charged for
        self.tally = Tally()
        """What was asked so far."""

    async def ask(self, request: AnyRequest) -> Answer:
        """See :meth:`preceptor.endpoints.messages.Correspondent.ask`. An equal request under way is waited for.

        Raises:
            EndpointError: the endpoint refuses whoever asks.
            EndpointDownError: the endpoint was away for longer than its patience.
            StorageError: the log cannot be read or written.
        """
        digest = request.digest
        while (other := self._under_way.get(digest)) is not None:
            answer = await asyncio.shield(other)
            if answer is not None:
                self.tally.recorded += 1
                return answer
        mine = self._under_way[digest] = asyncio.get_running_loop().create_future()
        answer = None
        try:
            answer = await self._ask(request)
            return answer
        finally:
            del self._under_way[digest]
            mine.set_result(answer)  # without an answer, those who waited ask for themselves

    async def _ask(self, request: AnyRequest) -> Answer:
        digest = request.digest
        charged = self._index.charged_for(digest)
        if charged is None and digest not in self._known:
            worst = worst_case(request, self._price)
            return await (self._carry_out(request, worst) if self._lease.reserve(worst) else self._refuse(request))
        self.tally.recorded += 1
        if charged is None:
            return self._known[digest]
        paid = digest in self._paid
        if not paid:
            self._paid.add(digest)
            self._lease.count(charged)  # now, before anybody else can set aside what this took up
        answer = await _read(self._index, digest)
        if not paid:
            self.tally.add(answer, charged)
        return answer

    async def _carry_out(self, request: AnyRequest, worst: Amount) -> Answer:
        """Send a request for which ``worst`` was set aside."""
        try:
            await self._log.write(Record.intent(request, worst))
            self.tally.sent += 1
            sent = await self._send(request)
        except (EndpointError, EndpointDownError):
            await _insist(self._conclude(Record.returned(request), worst, Amount()))
            raise
        except BaseException:  # nobody knows whether it was carried out, and the log says as much
            self._lease.settle(worst, worst)
            raise
        cost = charge(sent.answer.usage, self._price) if sent.sends > sent.turned_away else Amount()
        await _insist(self._conclude(Record.outcome(request, sent.answer, clamp(cost, worst)), worst, cost))
        return sent.answer

    async def _conclude(self, record: Record, worst: Amount, cost: Amount) -> None:
        """Make the end of a sending durable; until it is, the sending has cost all that was set aside."""
        try:
            await self._log.write(record)
        except BaseException:
            self._lease.settle(worst, worst)
            raise
        self._lease.settle(worst, cost)
        if record.answer is not None:
            self._known[record.digest] = record.answer
            self.tally.add(record.answer, record.amount)

    async def _refuse(self, request: AnyRequest) -> Answer:
        """Send nothing, and keep that for a replay. A later asker with more left may send it after all."""
        answer = Answer(text="", failure="budget", usage=Usage(prompt=0, completion=0), model=request.model)
        if request.digest in self._index or request.digest in self._refused:
            self.tally.recorded += 1
        else:
            await self._log.write(Record.outcome(request, answer, Amount()))
            self._refused.add(request.digest)
        self.tally.add(answer, Amount())
        return answer


class ReplayCorrespondence:
    """A :class:`preceptor.endpoints.messages.Correspondent` that only knows what the log tells, and never sends."""

    def __init__(self, index: LogIndex, lease: Lease) -> None:
        self._index = index
        self._lease = lease
        self._paid: set[str] = set()
        self.tally = Tally()
        """What was asked so far."""

    async def ask(self, request: AnyRequest) -> Answer:
        """The recorded answer. Raises :class:`StorageError` when there is none."""
        if request.digest not in self._index:
            where = f" ({request.place})" if request.place else ""
            raise StorageError(
                f"the log holds no outcome of request {request.digest}{where}, so this run cannot be replayed",
                mend="replay needs the whole log as the run left it, and the release of Preceptor that made the run",
            )
        self.tally.recorded += 1
        answer = await _read(self._index, request.digest)
        if request.digest not in self._paid:
            self._paid.add(request.digest)
            charged = self._index.charged_for(request.digest) or Amount()
            self._lease.count(charged)
            self.tally.add(answer, charged)
        return answer


async def _read(index: LogIndex, digest: str) -> Answer:
    """What the log tells of a request that it has an outcome for; only a reading from the store takes a thread."""
    outcome = index.outcome(digest) if index.at_hand(digest) else await asyncio.to_thread(index.outcome, digest)
    assert outcome is not None
    return outcome.answer


async def _insist(work: Coroutine[Any, Any, None]) -> None:
    """Finish the work even when whoever waits for it is cancelled: what was paid for is kept, which takes a moment."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled and not task.cancelled():
        task.exception()  # seen: being cancelled comes first
    if cancelled:
        raise asyncio.CancelledError
    task.result()
