"""Who may write a run's ledger: leases with growing epochs, kept alive by a heartbeat.

Each driver creates the next ``leases/<epoch>.json``, create-only, so of two that start together one wins. The newest
epoch holds the run. A driver that finds a holder asks whether it still lives:

- it let go (its heartbeat says so): take over;
- it ran in this very place (same host, boot and process namespace) and its process is gone: take over at once, so
  that a killed driver's command can simply be given again;
- it runs in this place: refuse;
- it ran elsewhere: refuse while its heartbeat is fresh, take over when it has been silent for ``STALE_SECONDS``.

A wrong guess (a paused process, clocks that differ) costs nothing but a fenced driver: whether the *ledger* stays
sound is decided by epochs alone, see :mod:`preceptor.storage.ledger`.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from preceptor.errors import FencedError, StorageError
from preceptor.storage import layout
from preceptor.storage.patience import hurried
from preceptor.storage.store import Store

HEARTBEAT_SECONDS = 5.0
"""How often a holder says that it lives."""
STALE_SECONDS = 60.0
"""A holder elsewhere that was silent for so long is taken for dead."""

Clock = Callable[[], float]
"""Seconds since 1970."""

log = logging.getLogger(__name__)

_open_here: set[str] = set()
"""Tokens of the leases this process holds: a lease in its name with another token is a leftover."""


@dataclass(frozen=True)
class Holder:
    """A process that drives a run, told apart from any other, also from a later one with the same number."""

    host: str
    """Host name."""
    pid: int
    """Process number."""
    place: str = ""
    """Boot and process namespace in which ``pid`` has its meaning; empty where the system does not tell."""
    started: int | None = None
    """When the process started, in clock ticks since boot; ``None`` where the system does not tell."""

    @classmethod
    def here(cls) -> Holder:
        """This process."""
        return cls(socket.gethostname(), os.getpid(), _place(), _process_start(os.getpid()))

    def is_here(self) -> bool:
        """Whether its process number can be looked up by this process."""
        return self.host == socket.gethostname() and self.place == _place()

    def is_dead(self) -> bool:
        """Whether its process is gone, for a holder that :meth:`is_here`; another process with its number is not it."""
        if self.started is not None:
            return _process_start(self.pid) != self.started
        if os.name != "posix":
            return False  # there, signal 0 would end the process
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        return False


def _place() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _process_start(pid: int) -> int | None:
    """Field 22 of ``/proc/<pid>/stat`` (proc(5)); ``None`` when there is no such process or it is a zombie."""
    try:
        # The second field is the command in parentheses and may hold spaces and parentheses itself.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


@dataclass(frozen=True)
class Lease:
    """One epoch's holder, as stored."""

    epoch: int
    """Counts holders of the run, from 1."""
    holder: Holder
    """Who holds it."""
    at: float
    """When it was taken."""
    token: str
    """Unique to this taking: tells a lease whose reply was lost from someone else's."""

    @classmethod
    def parse(cls, data: Any, where: str) -> Lease:
        """Read a stored lease; unknown keys are ignored. Raises :class:`StorageError`."""
        try:
            holder = {key: data["holder"][key] for key in ("host", "pid", "place", "started")}
            return cls(int(data["epoch"]), Holder(**holder), float(data["at"]), str(data["token"]))
        except (KeyError, TypeError, ValueError) as error:
            raise StorageError(f"{where} is not a lease", mend="restore it from a copy of the storage root") from error


def newest_epoch(store: Store) -> int:
    """The highest epoch anyone has taken; 0 when nobody ever did."""
    epochs = (layout.parse_lease(name) for name in store.names(layout.LEASES))
    return max((epoch for epoch in epochs if epoch is not None), default=0)


def take(store: Store, holder: Holder, clock: Clock) -> Lease:
    """Take the next epoch.

    Raises:
        FencedError: another driver lives, or took the same epoch at the same moment.
        StorageError: the root cannot be read or written.
    """
    newest = newest_epoch(store)
    if newest:
        _refuse_if_alive(store, newest, clock())
    lease = Lease(newest + 1, holder, clock(), secrets.token_hex(8))
    path = layout.lease(lease.epoch)
    _open_here.add(lease.token)  # before anyone can see the lease, lest another thread take it for a leftover
    try:
        store.create_json(path, asdict(lease))
    except FileExistsError:
        winner = Lease.parse(store.read_json(path), store.uri(path))
        if winner.token != lease.token:  # equal: the reply to our own write was lost and the client tried again
            _open_here.discard(lease.token)
            raise _fenced(winner, "started at the same moment") from None
    except BaseException:
        _open_here.discard(lease.token)
        raise
    return lease


def _refuse_if_alive(store: Store, epoch: int, now: float) -> None:
    lease, seen, released = _last_sign(store, epoch)
    if released:
        return
    if lease.holder.is_here():
        leftover = lease.holder == Holder.here() and lease.token not in _open_here
        if leftover or lease.holder.is_dead():
            return
        raise _fenced(lease, "is at work on it")
    # A heartbeat from the future comes from a clock that cannot be compared: it is no sign of life either.
    if abs(now - seen) < STALE_SECONDS:
        raise _fenced(lease, f"was at work on it {max(now - seen, 0):.0f} s ago")


def _last_sign(store: Store, epoch: int) -> tuple[Lease, float, bool]:
    """The lease of an epoch, when its holder was last seen, and whether it let go."""
    path = layout.lease(epoch)
    lease = Lease.parse(store.read_json(path), store.uri(path))
    try:
        beat = store.read_json(layout.heartbeat(epoch))
        return lease, float(beat["at"]), bool(beat["released"])
    except (FileNotFoundError, KeyError, TypeError):
        return lease, lease.at, False


@dataclass(frozen=True)
class Sign:
    """What the storage tells of the last driver of a run."""

    epoch: int
    """Its epoch."""
    seen: float
    """When it was last heard of, in seconds since 1970 by its own clock."""
    released: bool
    """Whether it let the run go."""
    dead: bool
    """Whether it was on this machine and its process is gone."""


def last_driver(store: Store) -> Sign | None:
    """The driver with the highest epoch, for those who only look; ``None`` when there never was one.

    Raises :class:`StorageError`.
    """
    epoch = newest_epoch(store)
    if not epoch:
        return None
    lease, seen, released = _last_sign(store, epoch)
    return Sign(epoch, seen, released, lease.holder.is_here() and lease.holder.is_dead())


def _fenced(lease: Lease, what: str) -> FencedError:
    since = datetime.fromtimestamp(lease.at, UTC).isoformat(timespec="seconds")
    return FencedError(
        f"another driver {what}: host {lease.holder.host}, pid {lease.holder.pid}, since {since}",
        mend="let it finish or stop it, then run again; one that died on another host is taken over after "
        f"{STALE_SECONDS:.0f} s of silence",
    )


class Heartbeat:
    """Says every few seconds, from a daemon thread, that a lease's holder lives."""

    def __init__(self, store: Store, lease: Lease, clock: Clock, interval: float) -> None:
        """``interval`` is in seconds; 0 starts no thread, for tests that call :meth:`beat` themselves."""
        self._store = store
        self._lease = lease
        self._clock = clock
        self._interval = interval
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{lease.epoch}", daemon=True)

    def start(self) -> None:
        """Beat once, then in the background."""
        self.beat()
        if self._interval > 0:
            self._thread.start()

    def beat(self, *, released: bool = False) -> None:
        """Write the heartbeat. Raises :class:`StorageError`, soon: the next beat follows, or nobody waits for it."""
        with hurried():
            self._store.write_json(layout.heartbeat(self._lease.epoch), {"at": self._clock(), "released": released})

    def stop(self) -> None:
        """Stop and let the lease go, so that the next driver need not wait. A store that is down is only logged."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()  # a beat in flight must not overwrite the release
        _open_here.discard(self._lease.token)
        try:
            self.beat(released=True)
        except StorageError as error:
            log.warning("could not release the run: %s", error.message)

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            try:
                self.beat()
            except StorageError as error:
                log.warning("missed a heartbeat: %s", error.message)
