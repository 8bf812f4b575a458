"""What versions are called: ``v3-9f2c0d1e2f3a``, a number for people and the first digits of the rows' digest."""

from __future__ import annotations

import re
from collections.abc import Sequence

from preceptor.storage.datasets.rows import Ordered, Row, rows_digest

DIGITS = 12
"""Hex digits of the rows' digest in a name."""

_NAME = re.compile(rf"v(?:([1-9][0-9]*)-)?([0-9a-f]{{{DIGITS}}})")


def version_name(number: int | None, rows: Sequence[Row] | Ordered) -> str:
    """The name of version ``number`` of a run (from 1) when it has these rows; raises as :func:`rows_digest` does.

    Without a number, the name as early releases gave it.
    """
    return named(number, rows_digest(rows))


def named(number: int | None, digest: str) -> str:
    """The name of version ``number`` whose rows have this digest."""
    if number is None:
        return f"v{digest[:DIGITS]}"
    if number < 1:
        raise ValueError(f"versions are counted from 1, not {number}")
    return f"v{number}-{digest[:DIGITS]}"


def parse_name(version: str) -> tuple[int | None, str] | None:
    """Number and 12 hex digits of a version's name; no number in names of early releases; ``None`` for other text."""
    match = _NAME.fullmatch(version)
    return (int(match[1]) if match[1] else None, match[2]) if match else None
