"""How varied a dataset version is, in figures that need no model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import log


def distinct_n(texts: Iterable[str], n: int) -> float:
    """Share of word n-grams that occur once when repeats are counted, in [0, 1] (Li et al. 2016, distinct-n).

    0 when no text has ``n`` words.
    """
    total, seen = 0, set()
    for text in texts:
        words = text.casefold().split()
        grams = [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
        total += len(grams)
        seen.update(grams)
    return len(seen) / total if total else 0.0


def evenness(counts: Mapping[str, int]) -> float:
    """Entropy of the counts over its maximum, in [0, 1]: 1 when all are equal (Pielou 1966); 1 for a single one."""
    positive = [count for count in counts.values() if count > 0]
    total = sum(positive)
    if len(positive) < 2:
        return 1.0
    return -sum(count / total * log(count / total) for count in positive) / log(len(positive))
