"""Word sequences as numbers, and clusters of rows that say nearly the same, found without a model."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rensa import RMinHash

ALIKE = 0.5
"""Similarity (Jaccard, of 3-word sequences, estimated by MinHash) from which two rows belong to one cluster.

Three words, because questions are short: a changed word breaks three sequences of a question, five of longer ones.
"""

_PERMUTATIONS, _BAND, _NEAR = 128, 4, 4
"""Bands of four: of pairs as similar as :data:`ALIKE`, 87 % meet in a band; at 0.6, 99 % do. In a band's bucket, every
row is compared with the four before it, so that boilerplate, which fills buckets, costs time linear in rows."""
_SEED = 20_161
_MIX = np.uint64(0x9E3779B97F4A7C15)

Hashes = NDArray[np.uint64]
"""Words or sequences of words as 64-bit hashes."""
Rows = NDArray[np.int64]
"""The row that each hash belongs to, from 0, ascending."""


def word_hashes(words: list[str]) -> list[int]:
    """A 64-bit hash of each word, in order."""
    hashes: list[int] = RMinHash.hash_token_sets([words])[0]
    return hashes


def grams(hashes: Hashes, row_of: Rows, n: int) -> tuple[Hashes, Rows]:
    """The sequences of ``n`` words that lie within a row, as hashes, and the row of each."""
    codes = hashes
    for after in range(1, n):
        codes = codes[:-1] * _MIX + hashes[after:]
    within = row_of[: len(codes)] == row_of[n - 1 :]
    return codes[within], row_of[: len(codes)][within]


def counts(codes: Hashes) -> NDArray[np.int64]:
    """How often each distinct code occurs: shape ``(kinds,)``."""
    return np.unique(codes, return_counts=True)[1].astype(np.int64)


def cluster_sizes(hashes: Hashes, row_of: Rows, rows: int) -> NDArray[np.int64]:
    """Rows in each cluster of near-duplicates: shape ``(clusters,)``, with sum ``rows``.

    Rows are linked when they are alike (:data:`ALIKE`), and so is whatever is linked to one of them.
    """
    if not rows:
        return np.zeros(0, dtype=np.int64)
    codes, bounds = _shingles(hashes, row_of, rows)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(codes, bounds, _PERMUTATIONS, _SEED)
    parents = list(range(rows))

    def root(row: int) -> int:
        while parents[row] != row:
            parents[row] = parents[parents[row]]
            row = parents[row]
        return row

    for first, second in _alike(np.array(matrix.to_rows(), dtype=np.uint32)):
        parents[root(second)] = root(first)
    return counts(np.array([root(row) for row in range(rows)], dtype=np.uint64))


def _shingles(hashes: Hashes, row_of: Rows, rows: int) -> tuple[Hashes, Hashes]:
    """Every row's 3-word sequences, row after row, and where each row's begin and end: shape ``(rows + 1,)``.

    Of a row of two words it is the pair, of a single word the word.
    """
    codes, owners = grams(hashes, row_of, 3)
    for n in (2, 1):
        shorter, theirs = grams(hashes, row_of, n)
        left = np.isin(theirs, owners, invert=True)
        codes, owners = np.concatenate([codes, shorter[left]]), np.concatenate([owners, theirs[left]])
    order = np.argsort(owners, kind="stable")
    return codes[order], np.searchsorted(owners[order], np.arange(rows + 1)).astype(np.uint64)


def _alike(digests: NDArray[np.uint32]) -> Iterator[tuple[int, int]]:
    """Pairs of rows that meet in a band and are alike; ``digests`` has shape ``(rows, permutations)``."""
    rows = len(digests)
    met = [np.zeros(0, dtype=np.int64)]
    for start in range(0, _PERMUTATIONS, _BAND):
        bucket = np.unique(digests[:, start : start + _BAND], axis=0, return_inverse=True)[1].ravel()
        order = np.argsort(bucket, kind="stable")
        for before in range(1, min(_NEAR + 1, rows)):
            together = bucket[order[before:]] == bucket[order[:-before]]
            met.append(order[:-before][together] * rows + order[before:][together])
    for pairs in np.array_split(np.unique(np.concatenate(met)), 64):
        first, second = np.divmod(pairs, rows)
        alike = (digests[first] == digests[second]).mean(axis=1) >= ALIKE
        yield from zip(first[alike].tolist(), second[alike].tolist(), strict=True)
