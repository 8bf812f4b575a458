"""The duplicates gate: no question twice in a version.

Two rows ask the same when their contents are equal after case and white space are folded, or when they are near: their
sets of 5-word sequences are as similar as the document's threshold says, *and* they hold the same numbers and
operators in the same order. Questions that differ in a number only are different questions, however long the words
around it are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

from preceptor.gates.labels import verification
from preceptor.gates.neighbours import Neighbours, Signature, signature
from preceptor.gates.reading import SHINGLE, Reading, read
from preceptor.gates.text import normalise
from preceptor.recipes.sample import Sample
from preceptor.spec.gates import DuplicatesGate as Settings
from preceptor.tasks.content import Content

DUPLICATE = "duplicate"
"""Reason given to a row whose question another row asks."""

_SIGNS = re.compile(r"[-+*/^=<>%()]")
_OPERATORS = "+*/^=<>"
_NO_SIGN = {code: None for code in range(128) if not _SIGNS.match(chr(code))}


@dataclass(frozen=True, slots=True)
class Twin:
    """A row that passed before and asks the same question."""

    id: str
    """The row's id."""
    skill: str
    """Its skill."""
    verification: int
    """How well its answer was verified; see :func:`preceptor.gates.labels.verification`."""
    carried: bool
    """Whether it was carried over from an earlier version."""
    exact: bytes
    """Digest of its folded text."""
    number: int | None
    """Its number among the rows that may be near others; ``None`` for one that is compared whole."""


@dataclass(frozen=True, slots=True)
class _Print:
    """What is kept of a question."""

    exact: bytes
    """Digest of its folded text."""
    marks: int = 0
    """Digest of its numbers and operators."""
    near: Signature | None = None
    """``None`` for one of fewer words than a shingle, which is compared whole."""


class Seen:
    """The rows of a version so far, as far as it takes to find a row's twin among them.

    Keeps no text: 700 to 1,100 bytes a row, 250 when only exact ones are looked for. What it finds depends on the
    rows and the order in which they were remembered, and on nothing else.
    """

    def __init__(self, settings: Settings, content: Content) -> None:
        self._content = content
        self._exact: dict[bytes, Twin] = {}
        self._near = Neighbours(settings.threshold) if settings.threshold is not None else None
        self._rows: list[Twin | None] = []
        self._latest: tuple[str, _Print] | None = None

    def twin(self, sample: Sample) -> Twin | None:
        """The row before it that asks the same question; ``None`` for a new question.

        An equal one, else the most similar, else the one with the smallest id.
        """
        found = self._print(sample)
        if (twin := self._exact.get(found.exact)) is not None or found.near is None or self._near is None:
            return twin
        near = ((agreeing, self._rows[number]) for agreeing, number in self._near.near(found.near, found.marks))
        rows = [(-agreeing, row.id, row) for agreeing, row in near if row is not None]
        return min(rows)[2] if rows else None

    def remember(self, sample: Sample) -> None:
        """The row is in the version."""
        found = self._print(sample)
        number = None if self._near is None or found.near is None else self._near.add(found.near, found.marks)
        carried = sample.receipt.carried_from is not None
        row = Twin(sample.id, sample.skill, verification(sample), carried, found.exact, number)
        self._exact[found.exact] = row
        if number is not None:
            self._rows.append(row)

    def forget(self, twin: Twin) -> None:
        """The row is not in the version any more."""
        del self._exact[twin.exact]
        if twin.number is not None:
            self._rows[twin.number] = None

    def _print(self, sample: Sample) -> _Print:
        text = self._content.of(sample.fields, sample.prompt)
        if self._latest is None or self._latest[0] != text:
            self._latest = (text, self._printed(text))
        return self._latest[1]

    def _printed(self, text: str) -> _Print:
        folded = normalise(text)
        exact = blake2b(folded.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        reading = read(text) if self._near is not None else None
        if reading is None or len(reading.words) < SHINGLE:
            return _Print(exact)
        return _Print(exact, _marks(folded, reading), signature(reading.shingles))


def _marks(folded: str, reading: Reading) -> int:
    """A digest of a text's numbers, and of all its signs where one of them can only be an operator."""
    kept = b""
    if any(sign in folded for sign in _OPERATORS):
        kept = (folded.translate(_NO_SIGN) if folded.isascii() else "".join(_SIGNS.findall(folded))).encode()
    return int.from_bytes(blake2b(kept + reading.numbers.tobytes(), digest_size=8).digest(), "little")
