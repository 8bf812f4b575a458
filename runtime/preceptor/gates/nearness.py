"""Finds the texts whose embeddings are near those of others. Blockwise, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 22
"""Similarities that are in memory at once: 32 MiB of them."""

Matrix = NDArray[np.float64]
"""Unit vectors, one a row."""


def nearest(texts: Matrix, others: Matrix, threshold: float, most: int) -> Iterator[list[int]]:
    """For each text the numbers of the others that are near it, nearest first, at most so many.

    Args:
        texts: shape ``[texts, dimensions]``.
        others: shape ``[others, dimensions]``.
        threshold: the least similarity (cosine) of what is near.
        most: how many are named for each text.
    """
    rows = max(1, BLOCK // max(1, len(others)))
    for start in range(0, len(texts), rows):
        for similar in texts[start : start + rows] @ others.T:
            near = np.flatnonzero(similar >= threshold)
            order = np.lexsort((near, -similar[near]))  # of those that are equally near, the first
            yield near[order[:most]].tolist()
