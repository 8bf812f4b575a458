"""A text as gates compare it: digests of its sequences of words, each worked out once."""

from __future__ import annotations

from functools import cached_property, lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from preceptor.gates.text import words

Digests = NDArray[np.uint64]
"""64-bit digests; the same in every process, on every machine."""

SHINGLE = 5
"""Words in the sequences by which near-duplicates are measured."""

_LITTLE = np.dtype("<u8")
_BASE = 0x9E3779B97F4A7C15
"""Odd, so that multiplying by it loses nothing modulo 2⁶⁴."""
_REMEMBERED = 1 << 16
"""Words whose digests are kept at hand."""
_IS_NUMBER = np.uint64(1)
"""The bit of a word's digest that says whether it is a number."""
_ANY_NUMBER = np.uint64(0x6A09E667F3BCC909)
"""Stands for every number where numbers do not count."""

_BETWEEN = np.array([0x3C6EF372FE94F82A], np.uint64)
"""Stands between two texts; the digest of no word."""
_AFTER = np.array([0xA54FF53A5F1D36F0], np.uint64)
"""Stands after a text; the digest of no word."""


class _Words(dict[str, bytes]):
    """Digests of words, worked out when first asked for; forgets all when there are too many."""

    def __missing__(self, word: str) -> bytes:
        if len(self) >= _REMEMBERED:
            self.clear()
        whole = int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
        found = self[word] = (whole >> 1 << 1 | word[0].isdecimal()).to_bytes(8, "little")
        return found


_words = _Words()


class Sequences:
    """Digests of the sequences of some words."""

    def __init__(self, words: Digests) -> None:
        self._plain: dict[int, Digests] = {1: words}
        self._loose: dict[int, Digests] = {}

    def __len__(self) -> int:
        """How many words there are."""
        return len(self._plain[1])

    def sequences(self, length: int) -> Digests:
        """A digest for every ``length`` consecutive words, in order; none when there are fewer words."""
        return _runs(self._plain, length)

    def patterns(self, length: int) -> Digests:
        """Like :meth:`sequences`, but sequences that differ in their numbers only have the same digest.

        Not those of which half or more are numbers: they would have little else.
        """
        if not len(self._spots):
            return self.sequences(length)
        if not self._loose:
            self._loose[1] = self._plain[1].copy()
            self._loose[1][self._spots] = _ANY_NUMBER
        loose = _runs(self._loose, length)
        if 2 * len(self._spots) < length or not len(loose):
            return loose
        before = np.zeros(len(self) + 1, np.intp)
        before[self._spots + 1] = 1
        before.cumsum(out=before)
        mostly = 2 * (before[length:] - before[:-length]) >= length
        return np.where(mostly, self.sequences(length), loose) if mostly.any() else loose

    @property
    def numbers(self) -> Digests:
        """The digests of those words that are numbers, in order."""
        return self._plain[1][self._spots]

    @cached_property
    def _spots(self) -> NDArray[np.intp]:
        """Where the numbers are."""
        return (self._plain[1] & _IS_NUMBER).nonzero()[0]

    def numbered(self, length: int) -> NDArray[np.bool_]:
        """For every ``length`` consecutive words whether one of them is a number."""
        before = np.zeros(len(self) + 1, np.intp)
        before[1:] = np.cumsum(self._plain[1] & _IS_NUMBER)
        found: NDArray[np.bool_] = before[length:] > before[:-length]
        return found

    @cached_property
    def whole(self) -> int:
        """One digest for all words."""
        return int(self._plain[1] @ _powers(len(self))) if len(self) else 0


class Reading(Sequences):
    """The words of a text, and digests of the sequences of them."""

    def __init__(self, text: str) -> None:
        self.words: list[str] = words(text)
        """Words and numbers in order; see :func:`preceptor.gates.text.words`."""
        digests = np.frombuffer(b"".join(map(_words.__getitem__, self.words)), _LITTLE)
        super().__init__(digests.astype(np.uint64, copy=False))

    @property
    def shingles(self) -> Digests:
        """A digest for every 5 consecutive words; one for all words of a shorter text, none for no words."""
        return self.sequences(min(SHINGLE, max(len(self), 1)))


@lru_cache(maxsize=64)
def read(text: str) -> Reading:
    """A text's reading; gates that look at the same text one after the other share it."""
    return Reading(text)


def together(first: Reading, second: Reading) -> Sequences:
    """Two texts at once; no sequence that holds words of both is that of any text."""
    return Sequences(np.concatenate((first.sequences(1), _BETWEEN, second.sequences(1)))) if len(second) else first


def framed(text: Sequences, edge: int) -> Sequences:
    """A text between so many words that stand nowhere else: longer sequences tell where it begins and ends."""
    return Sequences(np.concatenate((_BETWEEN.repeat(edge), text.sequences(1), _AFTER.repeat(edge))))


def _runs(known: dict[int, Digests], length: int) -> Digests:
    """Polynomial rolling digests modulo 2⁶⁴, each length put together from two shorter ones."""
    found = known.get(length)
    if found is None:
        first = 1 << (length - 1).bit_length() - 1
        head, tail = _runs(known, first), _runs(known, length - first)
        count = max(len(known[1]) - length + 1, 0)
        found = known[length] = head[:count] * _power(length - first) + tail[first : first + count]
    return found


@lru_cache(maxsize=256)
def _power(exponent: int) -> np.uint64:
    return np.uint64(pow(_BASE, exponent, 1 << 64))


@lru_cache(maxsize=512)
def _powers(count: int) -> Digests:
    powers = np.full(count, _BASE, np.uint64)
    powers[0] = 1
    return np.cumprod(powers)
