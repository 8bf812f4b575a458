"""A run's memory: an append-only sequence of events with one writer, on storage that only knows create-only objects.

Event 42 is the object ``ledger/000042-student-trained.json``. It holds its number, type, time, data, the epoch of
the driver that wrote it, and the digest of event 41. One create is all an append writes, so a driver killed between
any two writes leaves the event whole or not at all, never a claim without an event and never a gap.

Why two drivers cannot mix their stories, although the name holds the type and so two names may share a number:

1. A driver first takes the next epoch (:mod:`preceptor.storage.lease`), *then* reads the ledger. Before each append
   it looks for a newer epoch, and again after. An append that returned was therefore in place before any later
   driver read, and everything it builds on was as well.
2. What is left is the driver that sleeps between looking and creating and wakes when it has been replaced. Its one
   late event takes a number that its successor has not seen. If the successor wrote that number too, the event of
   the higher epoch counts, and the late one is dead: nothing refers to its digest. If the successor wrote nothing
   yet, the late event counts until it does. The sleeper's own append raises :class:`FencedError` either way.
3. So the ledger is the chain that ends in the highest number, there in the highest epoch, and goes back by digests.
   Later late events cannot change what an event already refers to.

The same digests show an event that was cut short, edited or deleted. Clocks play no part in any of this.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from preceptor.errors import FencedError, StorageError
from preceptor.storage import layout
from preceptor.storage.lease import HEARTBEAT_SECONDS, Clock, Heartbeat, Holder, Lease, newest_epoch, take
from preceptor.storage.store import Store, to_json

_BEGINNING = ""  # what the first event has for the digest of its predecessor
_READERS = 8
_RESTORE = "restore it from a copy of the storage root; never renumber or edit events"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Record:
    """One event as it stands in the ledger."""

    number: int
    """Its place, from 1, without gaps."""
    type: str
    """What happened, as in ``student-trained``."""
    at: float
    """When it was written, in seconds since 1970 by the driver's clock."""
    epoch: int
    """Which driver wrote it."""
    data: dict[str, Any]
    """What the event says, as JSON has it."""
    previous: str
    """Digest of the event before; empty for the first."""
    digest: str
    """SHA-256 of this event's bytes, in hex."""


def read_records(store: Store) -> tuple[Record, ...]:
    """All events in order, for readers that hold no lease; while a driver writes, the last may be missing.

    Raises:
        StorageError: an event is torn, edited or missing.
    """
    return LedgerReader(store).records()


class LedgerReader:
    """Reads a ledger again and again, every event once: for those who watch a run from outside."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Record] = {}

    def records(self) -> tuple[Record, ...]:
        """All events so far, as :func:`read_records` gives them."""
        try:
            return _chain(_load(self._store, self._known))
        except _GapError:
            # A directory listed while a driver writes may show an event without the one written just before.
            return _chain(_load(self._store, self._known))


class Ledger:
    """The run's only writer. Make one with :meth:`acquire` and use it in a ``with`` block."""

    def __init__(
        self, store: Store, lease: Lease, records: Sequence[Record], heartbeat: Heartbeat, clock: Clock
    ) -> None:
        """Use :meth:`acquire`."""
        self._store = store
        self._lease = lease
        self._records = list(records)
        self._heartbeat = heartbeat
        self._clock = clock
        self._released = False
        self._in_doubt = False

    @classmethod
    def acquire(
        cls,
        store: Store,
        holder: Holder | None = None,
        *,
        clock: Clock = time.time,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> Ledger:
        """Become the run's writer and read what happened so far. ``holder`` is this process when absent.

        Raises:
            FencedError: another driver holds the run.
            StorageError: the root cannot be used, or the ledger is damaged.
        """
        lease = take(store, holder or Holder.here(), clock)
        heartbeat = Heartbeat(store, lease, clock, heartbeat_seconds)
        try:
            heartbeat.start()
            records = _chain(_load(store))
        except BaseException:  # also an interrupt: whoever comes next must not wait for us
            heartbeat.stop()
            raise
        return cls(store, lease, records, heartbeat, clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @property
    def epoch(self) -> int:
        """The epoch this driver holds."""
        return self._lease.epoch

    @property
    def records(self) -> tuple[Record, ...]:
        """All events so far, in order."""
        return tuple(self._records)

    def append(self, type: str, data: dict[str, Any]) -> Record:
        """Write the next event. When this returns, the event stays, whatever is killed next.

        Args:
            type: lower-case words joined by ``-``.
            data: JSON data without NaN or infinity.

        Raises:
            FencedError: another driver has taken the run over.
            StorageError: the event could not be written, or nobody can tell; take the lease anew to find out.
        """
        self._check_usable()
        self._check_newest()
        record, raw = _make(type, data, self._records, at=self._clock(), epoch=self.epoch)
        self._in_doubt = True  # whatever ends this early, only a new reading tells whether the event arrived
        self._create(layout.event(record.number, type), raw)
        self._check_newest()
        self._in_doubt = False
        self._records.append(record)
        return record

    def release(self) -> None:
        """Let the run go, so that the next driver starts at once. May be called twice."""
        if not self._released:
            self._released = True
            self._heartbeat.stop()

    def _create(self, path: str, raw: bytes) -> None:
        try:
            self._store.create(path, raw)
        except FileExistsError:
            if self._store.read(path) != raw:  # equal: the reply to our own write was lost and the client tried again
                raise self._lost(f"{path} was written by another driver") from None

    def _check_usable(self) -> None:
        if self._released:
            raise StorageError("the ledger was released", mend="acquire it again before appending")
        if self._in_doubt:
            raise StorageError(
                "an earlier event may or may not have been written, so none can follow it here",
                mend="run the same command again: it reads the ledger and continues from what is there",
            )

    def _check_newest(self) -> None:
        newest = newest_epoch(self._store)
        if newest != self.epoch:
            raise self._lost(f"epoch {newest} has replaced epoch {self.epoch}")

    def _lost(self, why: str) -> FencedError:
        return FencedError(
            f"another driver took this run over: {why}",
            mend="let the other driver finish; to continue here, stop it and run again",
        )


# --- reading ---


class _GapError(StorageError):
    """An event is missing."""


def _make(type: str, data: dict[str, Any], before: Sequence[Record], *, at: float, epoch: int) -> tuple[Record, bytes]:
    """The next event and its bytes. The record holds the data as a reader will see it, detached from the caller's."""
    number = len(before) + 1
    previous = before[-1].digest if before else _BEGINNING
    stored = {"number": number, "type": type, "at": at, "epoch": epoch, "previous": previous, "data": data}
    raw = to_json(stored)
    return _parse(raw, layout.event(number, type)), raw


def _parse(raw: bytes, path: str) -> Record:
    """Read one event. Unknown keys are ignored; a name that says otherwise than the content is damage."""
    name = path.rsplit("/", 1)[-1]
    try:
        stored = json.loads(raw)
        record = Record(
            number=stored["number"],
            type=stored["type"],
            at=float(stored["at"]),
            epoch=int(stored["epoch"]),
            data=dict(stored["data"]),
            previous=str(stored["previous"]),
            digest=hashlib.sha256(raw).hexdigest(),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StorageError(f"{path} is not a whole event", mend=_RESTORE) from error
    if (record.number, record.type) != layout.parse_event(name):
        raise StorageError(f"{path} holds event {record.number} of type {record.type}", mend=_RESTORE)
    return record


def _load(store: Store, known: dict[str, Record] | None = None) -> list[Record]:
    """Every event object, dead ones included, in no particular order. What is ``known`` is not read; new ones join it.

    Events are never replaced, so what was read once stays true.
    """
    known = {} if known is None else known
    names = [name for name in store.names(layout.LEDGER) if layout.parse_event(name)]
    new = [name for name in names if name not in known]
    if new:
        paths = [f"{layout.LEDGER}/{name}" for name in new]
        with ThreadPoolExecutor(_READERS) as pool:
            known.update(zip(new, pool.map(_parse, pool.map(store.read, paths), paths), strict=True))
    return [known[name] for name in names]


def _chain(events: Sequence[Record]) -> tuple[Record, ...]:
    """The events that count (see the module's text), in order."""
    by_number: dict[int, list[Record]] = {}
    for event in events:
        by_number.setdefault(event.number, []).append(event)
    if not by_number:
        return ()
    last = max(by_number)
    chain = [max(by_number[last], key=lambda event: event.epoch)]
    for number in range(last - 1, 0, -1):
        wanted = chain[-1].previous
        found = next((event for event in by_number.get(number, ()) if event.digest == wanted), None)
        if found is None and number not in by_number:
            raise _GapError(f"event {number:06d} is missing from the ledger", mend=_RESTORE)
        if found is None:
            raise StorageError(f"event {number:06d} is not the one that event {number + 1:06d} follows", mend=_RESTORE)
        chain.append(found)
    if chain[-1].previous != _BEGINNING:
        raise StorageError("event 000001 says that another came before it", mend=_RESTORE)
    if len(events) > len(chain):
        log.info("%d late events of replaced drivers do not count", len(events) - len(chain))
    return tuple(reversed(chain))
