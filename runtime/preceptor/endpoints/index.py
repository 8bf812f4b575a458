"""Reads the log of requests back: which have an outcome, where it lies, and what all of them cost."""

from __future__ import annotations

import threading
from array import array
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from preceptor.endpoints.messages import Answer
from preceptor.endpoints.records import SHARD_BYTES, Record, unpack
from preceptor.errors import StorageError
from preceptor.recipes.amount import Amount
from preceptor.storage import layout
from preceptor.storage.failures import safe
from preceptor.storage.store import Store

_READERS = 8  # shards read at once
_AHEAD = 64  # shards read ahead of the one that is looked at
_KEPT = 16  # shards that stay in memory, at most SHARD_BYTES and a record each
_LINES = SHARD_BYTES  # more than a shard can have


class Outcome(NamedTuple):
    """What the log tells of a request that was answered, failed or was refused by the budget."""

    answer: Answer
    """What came back."""
    charged: Amount
    """What it cost."""


class LogIndex:
    """Which requests of an attempt have an outcome, where it lies, and what all of them cost.

    In memory are digests, places and charges, some 200 bytes a request; outcomes are read from their shards when asked
    for. Knows what lay in the log when it was read. Safe to use from several threads.
    """

    def __init__(self, store: Store) -> None:
        """Use :meth:`read`; this one knows nothing."""
        self._store = store
        self._shards: list[str] = []
        self._rows: dict[bytes, int] = {}  # by digest: where in the columns below
        self._places = array("q")  # shard and line in one number
        self._refused = bytearray()  # 1 for a refusal
        self._requests = bytearray()  # 1, but for those that were never carried out
        self._tokens = array("q")
        self._money: list[int] = []  # a price may be anything
        self._begun: dict[tuple[str, str], list[Amount]] = {}  # by writer and digest: intents without outcome
        self._kept: OrderedDict[int, list[bytes]] = OrderedDict()
        self._lock = threading.Lock()
        self.charged = Amount()
        """What the recorded outcomes cost."""
        self.failures: Counter[str] = Counter()
        """Outcomes without a usable answer by kind."""
        self.answers = 0
        """Usable answers."""

    @classmethod
    def read(cls, store: Store, attempt: int) -> LogIndex:
        """Read all shards of an attempt below a run's store.

        Raises:
            StorageError: the root cannot be read, or a shard is damaged or missing; names it.
        """
        index = cls(store)
        for writer, path, lines in _shards(store, attempt):
            index._shards.append(path)
            for number, record in enumerate(_records(store, path, lines)):
                index._account(writer, record)
                if record.answer is not None:
                    index._keep(record, number)
        return index

    @property
    def lost(self) -> Amount:
        """Worst case of all that was begun and has no outcome.

        Read it while nobody writes: a request under way looks the same as one whose process was killed.
        """
        return sum((amount for begun in self._begun.values() for amount in begun), Amount())

    def lost_by(self, writer: str) -> Amount:
        """:attr:`lost`, as far as one writer began it: for a worker that was lost while others go on."""
        begun = (amounts for (name, _), amounts in self._begun.items() if name == writer)
        return sum((amount for amounts in begun for amount in amounts), Amount())

    @property
    def spent(self) -> Amount:
        """All that was, or may have been, charged."""
        return self.charged + self.lost

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, digest: str) -> bool:
        return bytes.fromhex(digest) in self._rows

    def charged_for(self, digest: str) -> Amount | None:
        """What a request has cost, without reading anything; ``None`` when it has no outcome or only a refusal."""
        row = self._rows.get(bytes.fromhex(digest))
        if row is None or self._refused[row]:
            return None
        return Amount(requests=self._requests[row], tokens=self._tokens[row], picodollars=self._money[row])

    def at_hand(self, digest: str) -> bool:
        """Whether :meth:`outcome` would read nothing."""
        row = self._rows.get(bytes.fromhex(digest))
        return row is None or self._places[row] // _LINES in self._kept

    def outcome(self, digest: str) -> Outcome | None:
        """The outcome of a request; the first when there are several, yet a refusal only when there is nothing else.

        Raises:
            StorageError: its shard cannot be read any more.
        """
        row = self._rows.get(bytes.fromhex(digest))
        if row is None:
            return None
        shard, line = divmod(self._places[row], _LINES)
        path = self._shards[shard]
        record = next(_records(self._store, path, self._lines(shard)[line : line + 1]), None)
        if record is None or record.digest != digest or record.answer is None:
            raise _damaged(self._store, path, "was changed while it was in use")
        return Outcome(record.answer, record.amount)

    def _keep(self, record: Record, line: int) -> None:
        """Remember an outcome in the latest shard, unless a better one is known."""
        key, refused = bytes.fromhex(record.digest), record.kind == "refused"
        row = self._rows.get(key)
        if row is not None and (refused or not self._refused[row]):
            return
        self._rows[key] = len(self._places)
        self._places.append((len(self._shards) - 1) * _LINES + line)
        self._refused.append(refused)
        self._requests.append(record.amount.requests)
        self._tokens.append(record.amount.tokens)
        self._money.append(record.amount.picodollars)

    def _account(self, writer: str, record: Record) -> None:
        begun = self._begun.setdefault((writer, record.digest), [])
        if record.kind == "intent":
            begun.append(record.amount)
            return
        if begun and record.kind != "refused":
            begun.pop()
        if not begun:
            del self._begun[writer, record.digest]
        self.charged = self.charged + record.amount
        if record.answer is None:
            return
        if record.answer.failure is None:
            self.answers += 1
        else:
            self.failures[record.answer.failure] += 1

    def _lines(self, shard: int) -> list[bytes]:
        """A shard's lines, from memory if it was read lately."""
        with self._lock:
            lines = self._kept.pop(shard, None)
            if lines is None:
                lines = _load(self._store, self._shards[shard])
            self._kept[shard] = lines
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return lines


def records(store: Store, attempt: int) -> Iterator[Record]:
    """Every record of an attempt as it lies in the log, one writer's after the other's. Raises as the index does."""
    for _, path, lines in _shards(store, attempt):
        yield from _records(store, path, lines)


def _shards(store: Store, attempt: int) -> Iterator[tuple[str, str, list[bytes]]]:
    """Writer, path and records' lines of each shard, a writer's own in the order they were written."""
    shards = _names(store, attempt)
    if shards is None:
        shards = _names(store, attempt)
    if shards is None:
        raise _damaged(store, layout.teacher_shards(attempt), "lacks a shard between others")
    with ThreadPoolExecutor(_READERS) as pool:
        for start in range(0, len(shards), _AHEAD):
            chunk = shards[start : start + _AHEAD]
            paths = [layout.teacher_shard(attempt, writer, number) for writer, number in chunk]
            for (writer, _), path, lines in zip(
                chunk, paths, pool.map(_load, [store] * len(paths), paths), strict=True
            ):
                yield writer, path, lines


def _names(store: Store, attempt: int) -> Sequence[tuple[str, int]] | None:
    """Writer and number of each shard, sorted; ``None`` when one is missing between others.

    Besides a deletion that may be a directory that was listed while another process wrote two shards.
    """
    names = store.names(layout.teacher_shards(attempt))
    shards = sorted(shard for name in names if (shard := layout.parse_teacher_shard(name)))
    following = Counter(writer for writer, _ in shards)
    last = dict(shards)
    return shards if all(last[writer] == count - 1 for writer, count in following.items()) else None


def _load(store: Store, path: str) -> list[bytes]:
    """All lines of a shard."""
    try:
        return unpack(store.read(path))
    except FileNotFoundError as error:
        raise _damaged(store, path, "is missing") from error
    except ValueError as error:
        raise _damaged(store, path, "is not a whole shard") from error


def _records(store: Store, path: str, lines: Sequence[bytes]) -> Iterator[Record]:
    try:
        yield from map(Record.from_line, lines)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(store, path, "holds something that is no record") from error


def _damaged(store: Store, path: str, what: str) -> StorageError:
    return StorageError(
        f"{safe(store.uri(path))} {what}",
        mend="restore it from a copy; without it nobody knows what was answered and what it cost",
    )
