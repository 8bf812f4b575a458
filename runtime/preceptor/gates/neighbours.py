"""Finds near-duplicates among very many texts: MinHash signatures, and locality-sensitive hashing to look them up.

Memory is what limits how many rows fit, so that signatures are cut to 16 bits a permutation (which lets two values in
65,536 agree by chance) and buckets are chains in flat arrays: 450 to 700 bytes a text, whatever its length. The price
of shared wordings is time: rows of one long template that differ in a few words only are compared with each other,
unless their numbers tell them apart.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

from preceptor.gates.reading import Digests

PERMUTATIONS = 128
"""Values in a signature: similarities of 0.8 are estimated with a standard deviation of 0.035."""
FOUND = 0.9
"""Probability, at least, of finding a text whose similarity is the threshold; close to 1 a little above it."""

Signature = NDArray[np.uint16]
"""What is kept of a text."""

_MIXERS = np.random.default_rng(20_261_123).integers(1, 1 << 63, PERMUTATIONS, dtype=np.uint64) | np.uint64(1)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_START = 1024
_NOBODY = -1


def signature(shingles: Digests) -> Signature:
    """The MinHash signature of a set of digests; the same on every machine."""
    bounds = np.array([0, len(shingles)], dtype=np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(shingles, bounds, PERMUTATIONS, 1)
    return np.array(matrix.to_rows()[0], dtype=np.uint32).astype(np.uint16)


class Neighbours:
    """Signatures by number, and which of them are near another one."""

    def __init__(self, threshold: float) -> None:
        """``threshold`` is the similarity (Jaccard, estimated) from which texts are near each other."""
        self._needed = math.ceil(threshold * PERMUTATIONS - 1e-9)
        self._rows = _band_rows(threshold)
        self._bands = PERMUTATIONS // self._rows
        self._offsets = np.arange(self._bands, dtype=np.uint64)
        self._count = 0
        self._signatures: Signature = np.zeros((0, PERMUTATIONS), dtype=np.uint16)
        self._apart = np.zeros(0, dtype=np.uint64)
        self._latest: tuple[Signature, NDArray[np.intp]] | None = None
        self._resize(_START)

    def add(self, text: Signature, apart: int) -> int:
        """Remember a text and return its number, counted from 0. It is near only those with the same ``apart``."""
        if self._count == len(self._signatures):
            self._resize(2 * self._count)
        number = self._count
        self._signatures[number], self._apart[number] = text, apart
        self._chain(number, self._buckets(text, apart))
        self._count += 1
        return number

    def near(self, text: Signature, apart: int) -> list[tuple[int, int]]:
        """The texts that are near, as pairs of values that agree with it, of :data:`PERMUTATIONS`, and number."""
        links = self._heads.take(self._buckets(text, apart))
        bands = (links != _NOBODY).nonzero()[0]
        links, seen = links.take(bands), []
        while len(links):
            seen.append(links)
            links = self._next[links, bands]
            going = (links != _NOBODY).nonzero()[0]
            links, bands = links.take(going), bands.take(going)
        if not seen:
            return []
        numbers = np.concatenate(seen)
        numbers = numbers[self._apart.take(numbers) == np.uint64(apart)]
        if not len(numbers):
            return []
        agreeing = np.add.reduce(self._signatures.take(numbers, axis=0) == text, axis=1, dtype=np.intp)
        near = (agreeing >= self._needed).nonzero()[0]
        found = dict(zip(numbers[near].tolist(), agreeing[near].tolist(), strict=True))
        return [(found[number], number) for number in sorted(found)]

    def _buckets(self, text: Signature, apart: int) -> NDArray[np.intp]:
        """The bucket of every band of a text; it is looked up first, and then perhaps added."""
        if self._latest is None or self._latest[0] is not text:
            self._latest = (text, self._keys(text[None], np.uint64(apart))[0])
        return self._placed(self._latest[1])

    def _placed(self, keys: NDArray[np.intp]) -> NDArray[np.intp]:
        """The bucket of each key. Every band has its own: a chain is followed within one band."""
        each = len(self._heads) // self._bands
        return (keys & (each - 1)) + self._firsts

    def _keys(self, texts: Signature, apart: np.uint64 | NDArray[np.uint64]) -> NDArray[np.intp]:
        """A number for every band of every text; its last bits say which bucket."""
        bands = np.add.reduce((texts * _MIXERS).reshape(len(texts), self._bands, self._rows), axis=2)
        keys: NDArray[np.uint64] = (bands ^ apart) + self._offsets
        keys *= _SPREAD
        keys ^= keys >> _HALF
        keys *= _SPREAD
        return (keys >> _HALF).astype(np.intp)

    def _chain(self, number: int, buckets: NDArray[np.intp]) -> None:
        self._next[number] = self._heads[buckets]
        self._heads[buckets] = number

    def _chain_all(self, first: int, buckets: NDArray[np.intp]) -> None:
        """Like :meth:`_chain` for consecutive texts, one after the other."""
        order = buckets.ravel().argsort(kind="stable")
        held, texts = buckets.ravel()[order], (first + order // self._bands).astype(np.int32)
        begins = np.append(True, held[1:] != held[:-1])
        links = np.where(begins, self._heads[held], np.roll(texts, 1))
        self._next[first : first + len(buckets)].reshape(-1)[order] = links
        ends = np.append(begins[1:], True)
        self._heads[held[ends]] = texts[ends]

    def _resize(self, size: int) -> None:
        """Make room for so many texts, and chain those there are anew."""
        signatures, apart = self._signatures, self._apart
        self._signatures = np.zeros((size, PERMUTATIONS), dtype=np.uint16)
        self._apart = np.zeros(size, dtype=np.uint64)
        self._signatures[: self._count], self._apart[: self._count] = signatures, apart
        self._next = np.full((size, self._bands), _NOBODY, dtype=np.int32)
        self._heads = np.full(2 * size * self._bands, _NOBODY, dtype=np.int32)
        self._firsts = 2 * size * np.arange(self._bands, dtype=np.intp)
        for first in range(0, self._count, _START):
            part = slice(first, first + _START)
            buckets = self._placed(self._keys(self._signatures[part], self._apart[part, None]))
            self._chain_all(first, buckets)


def _band_rows(threshold: float) -> int:
    """Values in a band: as many as still find texts at the threshold, so that few others have to be looked at."""
    for rows in (16, 8, 4, 2):
        if 1 - (1 - threshold**rows) ** (PERMUTATIONS // rows) >= FOUND:
            return rows
    return 1
