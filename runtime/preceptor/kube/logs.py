"""The log of a driver in a cluster: one JSON object a line on its output, and the same in the run's storage.

A cluster takes its pods' output with it when it ends; the storage keeps it, in chunks below ``log/<attempt>/``.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import UTC, datetime

from preceptor.errors import StorageError
from preceptor.storage import layout
from preceptor.storage.patience import hurried
from preceptor.storage.store import Store

CHUNK_SECONDS = 15.0
"""Time between two chunks at least."""
PARTING_SECONDS = 10.0
"""How long the end waits for the last chunk."""


class JsonLines(logging.Formatter):
    """A record as one JSON object: time, level, logger, message, and the traceback if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class LogChunks(logging.Handler):
    """Keeps lines until there is a store, then writes them from a daemon thread. What cannot be written waits."""

    def __init__(self, attempt: int, *, interval: float = CHUNK_SECONDS) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self._attempt, self._interval = attempt, interval
        self._lines: list[str] = []
        self._store: Store | None = None
        self._number = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def begin(self, store: Store) -> None:
        """Write into a run's directory from now on, behind the chunks of an earlier driver of the same attempt."""
        numbers = [layout.parse_log_chunk(name) or 0 for name in store.names(layout.logs(self._attempt))]
        self._number = max(numbers, default=0)
        self._store = store
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; :mod:`logging` holds this handler's lock meanwhile."""
        self._lines.append(self.format(record))

    def close(self) -> None:
        """Write what is left. A store that does not answer is waited for no longer than a few seconds."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(PARTING_SECONDS)
        super().close()

    def _run(self) -> None:
        while not self._stopped.wait(self._interval):
            self._write()
        self._write()

    def _write(self) -> None:
        assert self._store is not None
        with self._lock_of_lines():
            lines, self._lines = self._lines, []
        if not lines:
            return
        path = layout.log_chunk(self._attempt, self._number + 1)
        try:
            with hurried():
                self._store.write(path, "".join(f"{line}\n" for line in lines).encode())
        except StorageError:
            with self._lock_of_lines():
                self._lines = lines + self._lines
            return
        self._number += 1

    def _lock_of_lines(self) -> threading.RLock:
        assert self.lock is not None
        return self.lock


def configure(chunks: LogChunks) -> None:
    """Send what the driver and its libraries say to the output and to the chunks."""
    output = logging.StreamHandler(sys.stdout)
    output.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [output, chunks]
    root.setLevel(logging.WARNING)
    logging.getLogger("preceptor").setLevel(logging.INFO)
