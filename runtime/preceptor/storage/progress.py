"""Where a run stands between two events, for whoever looks at its storage: one small object for each driver.

The ledger says what is done; this says what is under way, and is true only for a moment. Nothing is decided by it, so
to write it may fail, and to read it may find nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from pydantic import Field, ValidationError

from preceptor.errors import StorageError
from preceptor.spec.base import Stored
from preceptor.storage import layout
from preceptor.storage.patience import hurried
from preceptor.storage.store import Store

ON_DISK_SECONDS = 2.0
"""Time between two writes where they cost nothing."""
IN_BUCKET_SECONDS = 10.0
"""Time between two writes where each is a request."""
SPACING_SECONDS = 0.5
"""Time between two writes at least, however often stages change."""
PARTING_SECONDS = 5.0
"""How long the end of a run waits for the last write."""

log = logging.getLogger(__name__)


class StageProgress(Stored):
    """A step in progress."""

    title: str
    """What is done, for people."""
    done: int
    """Parts that are done: rows accepted, steps trained, questions answered."""
    total: int | None
    """Parts in all; ``null`` when nobody knows."""
    seconds: float
    """How long it has taken so far."""
    rate: float | None = None
    """Parts a second so far; ``null`` when nobody knows."""
    left: float | None = None
    """Seconds it takes yet at the rate so far; ``null`` when nobody knows."""
    spent: dict[str, int] = Field(default_factory=dict)
    """What it used up and no event tells yet, as :meth:`preceptor.recipes.amount.Amount.to_data` writes it."""


class Progress(Stored):
    """Where a driver stands."""

    at: float
    """When this was written, in seconds since 1970 by the driver's clock."""
    elapsed: float
    """Seconds that drivers of the run have been active."""
    stage: StageProgress | None = None
    """The step in progress; ``null`` between steps and after the last."""


def read_progress(store: Store, epoch: int) -> Progress | None:
    """What the driver of an epoch wrote last; ``None`` when it wrote nothing, or nothing that can be read.

    Raises :class:`StorageError` when the storage cannot be read.
    """
    try:
        return Progress.model_validate_json(store.read(layout.progress(epoch)))
    except (FileNotFoundError, ValidationError):
        return None


class ProgressWriter:
    """Writes again and again where a driver stands, from a daemon thread of its own: never two writes at once.

    What goes wrong with a write goes to the log and no further: a run is worth more than the news of it.
    """

    def __init__(
        self, store: Store, epoch: int, progress: Callable[[], Progress], *, interval: float | None = None
    ) -> None:
        """``progress`` is called in the thread; ``interval`` is in seconds and depends on the store when absent."""
        self._store = store
        self._path = layout.progress(epoch)
        self._progress = progress
        usual = IN_BUCKET_SECONDS if store.local() is None else ON_DISK_SECONDS
        self._interval = usual if interval is None else interval
        self._due = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"progress-{epoch}", daemon=True)

    def start(self) -> None:
        """Begin to write, at once."""
        self._due.set()
        self._thread.start()

    def soon(self) -> None:
        """Write now rather than later; waits for nothing."""
        self._due.set()

    def stop(self) -> None:
        """Write once more and end. A store that does not answer is waited for no longer than a few seconds."""
        self._stopped.set()
        self._due.set()
        if self._thread.is_alive():
            self._thread.join(PARTING_SECONDS)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._due.wait(self._interval)
            self._due.clear()
            if not self._stopped.is_set():
                self._write()
            self._stopped.wait(SPACING_SECONDS)
        self._write()

    def _write(self) -> None:
        try:
            with hurried():
                self._store.write(self._path, self._progress().model_dump_json().encode())
        except StorageError as error:
            log.debug("could not write progress: %s", error.message)
