"""The documents of a run in the order in which people wrote them, with who and when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from preceptor.loop.events import DocumentChanged, RunStarted, StoredRecord, from_record

AUTHOR = "preceptor.dev/author"
"""The annotation of a document, under ``metadata.annotations``, that names who answers for it."""


class DatedRecord(StoredRecord, Protocol):
    """A record of the ledger with its time."""

    @property
    def at(self) -> float:
        """When it was written, in seconds since 1970."""


@dataclass(frozen=True)
class Written:
    """A document as a run was begun or resumed with it."""

    document: Mapping[str, Any]
    """The document with every default filled in."""
    at: float
    """When the run took it up, in seconds since 1970."""

    @property
    def author(self) -> str:
        """Who answers for it; empty when it does not say."""
        annotations = (self.document.get("metadata") or {}).get("annotations") or {}
        return str(annotations.get(AUTHOR, ""))

    @property
    def granted(self) -> tuple[str, ...]:
        """Steps that a human has let pass."""
        approval = (self.document.get("spec") or {}).get("approval") or {}
        return tuple(map(str, approval.get("granted") or ()))

    @property
    def when(self) -> str:
        """:attr:`at` in UTC as ISO 8601, to the second."""
        return datetime.fromtimestamp(self.at, UTC).isoformat(timespec="seconds")


def documents(records: Iterable[DatedRecord]) -> tuple[Written, ...]:
    """The document that the run began with and every one it went on with."""
    events = ((from_record(record), record.at) for record in records if record.type in _KINDS)
    return tuple(Written(event.document, at) for event, at in events if isinstance(event, RunStarted | DocumentChanged))


_KINDS = ("run-started", "document-changed")
