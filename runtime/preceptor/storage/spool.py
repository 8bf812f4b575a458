"""Accepted rows on disk until their version is complete, so that memory stays flat however many they are.

SQLite's private temporary database: its file has no name, so the system frees it when the process ends, however it
ends. It grows in the directory for temporary files (``SQLITE_TMPDIR``, ``TMPDIR``, else ``/var/tmp`` or ``/tmp``).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, Self

from preceptor.errors import StorageError
from preceptor.recipes.sample import Sample
from preceptor.storage.datasets.rows import Ordered, Row, canonical, normal

_SCHEMA = """
create table held (place integer primary key, id blob, skill blob, carried int, verified int, line blob);
create index by_id on held (id);
"""
_ROWS = "select line from held order by id, line"
_SURPLUS = """
select place, carried from held where skill = ? order by carried, verified, id desc, place limit ?
"""


class Spool:
    """Keeps rows as :class:`preceptor.synthesis.keeping.Keeper` asks, for one thread.

    Its methods raise :class:`StorageError` when the disk is full or fails.
    """

    def __init__(self) -> None:
        with _explained():
            self._database = sqlite3.connect("", isolation_level=None)
            self._database.executescript(_SCHEMA)
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget all rows and give the disk space back."""
        self._database.close()

    def add(self, sample: Sample, verified: int) -> None:
        """Keep a row. Of two of one id, when nobody minds duplicates, both are kept."""
        self._run(
            "insert into held (id, skill, carried, verified, line) values (?, ?, ?, ?, ?)",
            _key(sample.id),
            _key(sample.skill),
            sample.receipt.carried_from is not None,
            verified,
            canonical(normal(sample.to_row())).encode(),
        )
        self._held += 1

    def remove(self, id: str) -> None:
        """Give up a row that was kept."""
        self._held -= self._run("delete from held where id = ?", _key(id))

    def trim(self, skill: str, count: int) -> int:
        """Give up so many rows of a skill, carried ones last, the least verified first, then by id from the last.

        Returns how many of them were fresh.
        """
        with _explained():
            surplus = self._database.execute(_SURPLUS, (_key(skill), max(0, count))).fetchall()
        for place, _ in surplus:
            self._held -= self._run("delete from held where place = ?", place)
        return sum(not carried for _, carried in surplus)

    def __len__(self) -> int:
        return self._held

    def __iter__(self) -> Iterator[Sample]:
        """The rows, in order of id; may be asked for more than once."""
        return (Sample.from_row(row) for row in self.rows())

    def rows(self) -> Ordered:
        """The rows as :func:`preceptor.storage.datasets.commit` takes them, each read when it is asked for."""
        return _Rows(self)

    def _lines(self) -> Iterator[bytes]:
        with _explained(), closing(self._database.execute(_ROWS)) as lines:
            for (line,) in lines:
                yield line

    def _run(self, statement: str, *values: Any) -> int:
        """Execute a statement; gives the number of rows it changed."""
        with _explained():
            return self._database.execute(statement, values).rowcount


class _Rows:
    """A spool's rows without the samples around them."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def __len__(self) -> int:
        return len(self._spool)

    def __iter__(self) -> Iterator[Row]:
        return (json.loads(line) for line in self._spool._lines())


def _key(text: str) -> bytes:
    """Text as bytes that sort as it does; any text, even what is no valid Unicode."""
    return text.encode("utf-8", "surrogatepass")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # a bug, such as the use of a spool that was closed
    except sqlite3.Error as error:
        raise StorageError(
            f"cannot keep accepted rows in the directory for temporary files: {error}",
            mend="free some space there, or set TMPDIR to a directory that has some, and run the same command again",
        ) from error
