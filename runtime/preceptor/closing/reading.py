"""Who has read the private split: noted beside the runs, because another run's reading counts as well.

A split that many runs have read is no longer private: whoever picks the best of them has chosen by it. The note lies
under the storage root, so it knows of the runs in one storage and of no others.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from preceptor.loop.events import PrivateOpened
from preceptor.storage import layout
from preceptor.storage.store import Store


@dataclass(frozen=True)
class Readings:
    """Readings of one private split by the runs of one storage root."""

    root: Store | None
    """The storage root; ``None`` for a comparison's own run, whose reading is that of the run it belongs to."""
    digest: str
    """Digest of the split's items."""
    run: str
    """The run's name."""
    within: int = 0
    """For a comparison's own run, the reading that it belongs to."""

    def open(self, reading: int) -> PrivateOpened:
        """Note a reading, and say who had read the same items before.

        Raises:
            StorageError: the storage root cannot be written.
        """
        if self.root is None:
            return PrivateOpened(reading=self.within or reading)
        directory = layout.readings(self.digest)
        others = sorted({name.rpartition("-")[0] for name in self.root.names(directory)} - {self.run})
        with suppress(FileExistsError):  # noted by a driver that was killed before the ledger knew
            self.root.create_json(f"{directory}/{self.run}-{reading}.json", {"run": self.run, "reading": reading})
        return PrivateOpened(reading=reading, others=tuple(others))
