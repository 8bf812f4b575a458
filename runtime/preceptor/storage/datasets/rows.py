"""The rows of a version: their columns, their one order, and the digest that names them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

Row = dict[str, Any]
"""``id``, ``skill``, ``prompt``, ``answer``: text; ``fields``: JSON text; ``receipt``: recipe, attempt, generator,
difficulty, unit, index, teacher, parents (list of ids), carried_from (a version or ``None``); for a row that has
something to say there also source, model, requests and validators (lists), prompts, tokens, usd, neighbour and
similarity."""

COLUMNS = ("id", "skill", "prompt", "answer", "fields", "receipt")
RECEIPT = ("recipe", "attempt", "generator", "difficulty", "unit", "index", "teacher", "parents", "carried_from")
RECEIPT_LATER = ("source", "model", "requests", "validators", "prompts", "tokens", "usd", "neighbour", "similarity")
"""Only in receipts of rows that have something to say there; other rows, and their digests, do without."""


class Ordered(Protocol):
    """Rows in order of id, rows of one id in order of :func:`canonical`; the same every time they are asked for."""

    def __len__(self) -> int:
        """How many there are."""

    def __iter__(self) -> Iterator[Row]:
        """All of them, from the first."""


def ordered(rows: Sequence[Row] | Ordered) -> Ordered:
    """The rows in their one order; a sequence is sorted, anything else is trusted until :func:`rows_digest`.

    Raises:
        ValueError: there is none, or one of a sequence has other columns than :data:`Row`.
    """
    if not len(rows):
        raise ValueError("a dataset version needs at least one row")
    if isinstance(rows, Sequence):
        return sorted((normal(row) for row in rows), key=_place)
    return rows


def rows_digest(rows: Sequence[Row] | Ordered) -> str:
    """64 hex digits that name these rows; of a sequence in whatever order they come.

    Raises:
        ValueError: a row has other columns than :data:`Row`, there is none, or an :class:`Ordered` is not in order.
    """
    digest = RowsDigest()
    for row in ordered(rows):
        digest.add(normal(row))
    return digest.hex()


class RowsDigest:
    """The digest of rows that come one after the other, in order."""

    def __init__(self) -> None:
        self._lines = hashlib.sha256()
        self._last = ("", "")

    def add(self, row: Row) -> None:
        """The next row, as :func:`normal` gives it. Raises ``ValueError`` when its place was earlier."""
        place = _place(row)
        if place < self._last:
            raise ValueError(f"row {row['id']!r} comes after {self._last[0]!r}: the rows are not in order")
        self._last = place
        self._lines.update(place[1].encode() + b"\n")

    def hex(self) -> str:
        """64 hex digits."""
        return self._lines.hexdigest()


def normal(row: Mapping[str, Any]) -> Row:
    """The row with columns in their order, tuples as lists and nothing where it says nothing, as a reader gets it.

    Raises:
        ValueError: it has other columns than :data:`Row`.
    """
    given = set(row.get("receipt", ()))
    if set(row) != set(COLUMNS) or not set(RECEIPT) <= given <= {*RECEIPT, *RECEIPT_LATER}:
        raise ValueError(f"row {row.get('id')!r} needs the columns {COLUMNS} and in its receipt {RECEIPT}")
    receipt = {
        name: list(value) if isinstance(value, tuple) else value
        for name in (*RECEIPT, *RECEIPT_LATER)
        if name in given and ((value := row["receipt"][name]) is not None or name in RECEIPT)
    }
    return {**{name: row[name] for name in COLUMNS[:-1]}, "receipt": receipt}


def canonical(row: Row) -> str:
    """The one JSON text of a row; ASCII only."""
    return json.dumps(row, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def _place(row: Row) -> tuple[str, str]:
    return (row["id"], canonical(row))
