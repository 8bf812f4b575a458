"""A text as gates compare it: digests of its sequences of words, each worked out once."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from preceptor.gates.text import words

Digests = NDArray[np.uint64]
"""64-bit digests; the same in every process, on every machine."""

SHINGLE = 5
"""Words in the sequences by which near-duplicates are measured."""

_BASE = 0x9E3779B97F4A7C15
"""Odd, so that multiplying by it loses nothing modulo 2⁶⁴."""
_REMEMBERED = 1 << 16
"""Words whose digests are kept at hand."""
_NUMBER = int.from_bytes(blake2b(b"a number", digest_size=8).digest(), "little")


class _Words(dict[str, int]):
    """Digests of words, worked out when first asked for; forgets all when there are too many."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _REMEMBERED:
            self.clear()
        found = int.from_bytes(blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")
        self[word] = found
        return found


_words = _Words()


class Reading:
    """The words of a text, and digests of the sequences of them."""

    def __init__(self, text: str) -> None:
        self.words: list[str] = words(text)
        """Words and numbers in order; see :func:`preceptor.gates.text.words`."""
        self._runs: dict[int, Digests] = {1: digests(self.words)}

    def sequences(self, length: int) -> Digests:
        """A digest for every ``length`` consecutive words, in order; none when there are fewer words."""
        return _runs(self._runs, length)

    @property
    def shingles(self) -> Digests:
        """A digest for every 5 consecutive words; one for all words of a shorter text, none for no words."""
        return self.sequences(min(SHINGLE, max(len(self.words), 1)))


@lru_cache(maxsize=64)
def read(text: str) -> Reading:
    """A text's reading; gates that look at the same text one after the other share it."""
    return Reading(text)


def digests(sequence: list[str]) -> Digests:
    """The digest of each word."""
    return np.fromiter(map(_words.__getitem__, sequence), np.uint64, len(sequence))


def _runs(known: dict[int, Digests], length: int) -> Digests:
    """Polynomial rolling digests modulo 2⁶⁴, each length put together from two shorter ones."""
    found = known.get(length)
    if found is None:
        first = 1 << (length - 1).bit_length() - 1
        head, tail = _runs(known, first), _runs(known, length - first)
        count = max(len(known[1]) - length + 1, 0)
        scale = np.uint64(pow(_BASE, length - first, 1 << 64))
        found = known[length] = head[:count] * scale + tail[first : first + count]
    return found
