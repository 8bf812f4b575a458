"""How varied a dataset version is, in figures that need no model, and whether variety collapses over versions.

A share of distinct word sequences falls with the amount of text, because every language repeats itself. Versions of
different sizes are therefore compared at equal amounts: the share to expect among so many sequences, or rows, drawn
at random from a version (rarefaction: Hurlbert 1971; for words as HD-D: McCarthy and Jarvis 2010).
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import exp, lgamma, log

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from preceptor.evaluation.clusters import cluster_sizes, counts, grams, word_hashes
from preceptor.spec.base import Stored

MAX_ROWS = 10_000
MAX_WORDS = 2_000_000
"""The text is measured up to so many rows, and so many words, which bounds memory at about 200 MB."""
LEAST_PAIRS, LEAST_ROWS = 500, 20
"""Below so much text in common, shares are mostly chance, and nothing is said about a collapse."""
_FIRST_PAIRS, _FIRST_ROWS = 100, 10
"""Where the curves begin."""
PAIRS_FALL, CLUSTERS_FALL, SKILLS_FALL = 0.8, 0.75, 0.5
"""An alarm is raised when a figure falls below this share of the best earlier one.

Versions made alike from 20 rows on differ by less than 10 % in the first two, by chance; skills are shifted on purpose
by an engineer who works on a weak one, so only half of them gone is a collapse.
"""


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


def entropy(counts: Mapping[str, int]) -> float:
    """Shannon entropy of the counts in bits; 0 for none or a single one."""
    positive = [count for count in counts.values() if count > 0]
    total = sum(positive)
    return sum(count / total * log(total / count, 2) for count in positive)


def evenness(counts: Mapping[str, int]) -> float:
    """Entropy of the counts over its maximum, in [0, 1]: 1 when all are equal (Pielou 1966); 1 for a single one."""
    positive = sum(count > 0 for count in counts.values())
    return entropy(counts) / log(positive, 2) if positive > 1 else 1.0


class Diversity(Stored):
    """How varied a version is. Figures on text are about what its questions say, not about their prompt template."""

    rows: int = 0
    """Rows of the version."""
    measured: int = 0
    """Rows whose text was measured, at most :data:`MAX_ROWS`: the first by id, which is a digest, so as good as drawn
    at random."""
    mean_words: float = 0.0
    """Mean words of a row."""
    distinct1: float = 0.0
    """Share of distinct words among all, as measured; falls with the amount of text."""
    distinct2: float = 0.0
    """Share of distinct word pairs among all, as measured; falls with the amount of text."""
    distinct3: float = 0.0
    """Share of distinct 3-word sequences among all, as measured; falls with the amount of text."""
    pairs: dict[int, float] = Field(default_factory=dict)
    """Expected share of distinct word pairs among so many drawn at random, by how many: comparable between versions."""
    clusters: int = 0
    """Groups of near-duplicates, where a row that is like no other is a group of its own."""
    groups: dict[int, float] = Field(default_factory=dict)
    """Expected clusters for each row among so many rows drawn at random, by how many: comparable between versions."""
    skills: int = 0
    """Skills with rows."""
    skill_entropy: float = 0.0
    """Entropy of rows over skills, in bits."""
    skill_evenness: float = 0.0
    """The same relative to its maximum, in [0, 1]."""

    @property
    def clusters_per_row(self) -> float:
        """Clusters for each measured row, in [0, 1]: 1 when no two rows are alike."""
        return self.clusters / self.measured if self.measured else 0.0


class DiversityMeter:
    """Measures the variety of a version while its rows go by, in order of id.

    Text beyond :data:`MAX_ROWS` rows or :data:`MAX_WORDS` words is not measured; skills are counted to the end.
    """

    def __init__(self) -> None:
        self._rows = 0
        self._skills: Counter[str] = Counter()
        self._hashes = array("Q")
        self._ends: list[int] = []

    def add(self, prompt: str, skill: str) -> None:
        """One more row: what its question says (:class:`preceptor.tasks.content.Content`), and its skill."""
        self._rows += 1
        self._skills[skill] += 1
        if len(self._ends) < MAX_ROWS and len(self._hashes) < MAX_WORDS:
            words = prompt.casefold().split()[: MAX_WORDS - len(self._hashes)]
            self._hashes.extend(word_hashes(words))
            self._ends.append(len(self._hashes))

    def result(self) -> Diversity:
        """The figures of the rows so far."""
        hashes = np.array(self._hashes, dtype=np.uint64)
        row_of = np.repeat(np.arange(len(self._ends)), np.diff([0, *self._ends]))
        singles, pairs, triples = (counts(grams(hashes, row_of, n)[0]) for n in (1, 2, 3))
        clusters = cluster_sizes(hashes, row_of, len(self._ends))
        return Diversity(
            rows=self._rows,
            measured=len(self._ends),
            mean_words=len(hashes) / len(self._ends) if self._ends else 0.0,
            distinct1=_share(singles),
            distinct2=_share(pairs),
            distinct3=_share(triples),
            pairs=rarefied(pairs, _FIRST_PAIRS),
            clusters=len(clusters),
            groups=rarefied(clusters, _FIRST_ROWS),
            skills=len(self._skills),
            skill_entropy=entropy(self._skills),
            skill_evenness=evenness(self._skills),
        )


def rarefied(kinds: NDArray[np.int64], least: int) -> dict[int, float]:
    """Expected share of distinct kinds among so many entries, drawn without putting back (Hurlbert 1971).

    By how many are drawn: from ``least`` up to all of them, in steps of 1, 2, 5, 10 …

    Args:
        kinds: entries of each kind, shape ``(kinds,)``.
        least: the fewest to draw.
    """
    total = int(kinds.sum())
    sizes, often = np.unique(kinds, return_counts=True)
    spectrum = list(zip(sizes.tolist(), often.tolist(), strict=True))
    return {
        drawn: round(sum(times * (1 - _missed(total, size, drawn)) for size, times in spectrum) / drawn, 6)
        for drawn in _amounts(least, total)
    }


def collapse(earlier: Sequence[Diversity], latest: Diversity) -> list[str]:
    """What collapsed in a version against the best of those before it, a sentence each; empty when nothing did."""
    alarms = []
    fallen = _fallen([one.pairs for one in earlier], latest.pairs, LEAST_PAIRS, PAIRS_FALL)
    if fallen:
        drawn, before, now = fallen
        alarms.append(
            f"the wording repeats itself: of {drawn:,} word pairs {now:.0%} are distinct, "
            f"in an earlier version {before:.0%}"
        )
    fallen = _fallen([one.groups for one in earlier], latest.groups, LEAST_ROWS, CLUSTERS_FALL)
    if fallen:
        drawn, before, now = fallen
        alarms.append(
            f"the rows become alike: {drawn:,} rows fall into {now * drawn:,.0f} clusters of near-duplicates, "
            f"in an earlier version into {before * drawn:,.0f}"
        )
    known = [one for one in earlier if one.rows]
    best = max((2**one.skill_entropy for one in known), default=0.0)
    if latest.rows and 2**latest.skill_entropy < SKILLS_FALL * best:
        alarms.append(
            f"the rows gather on few skills: as uneven as {2**latest.skill_entropy:.1f} skills of one size, "
            f"in an earlier version {best:.1f}"
        )
    return alarms


def _fallen(
    earlier: Sequence[Mapping[int, float]], latest: Mapping[int, float], least: int, share: float
) -> tuple[int, float, float] | None:
    """The amount compared at, the best earlier figure and the latest, when it fell below ``share`` of that one.

    Each earlier version is compared at the largest amount that both have, unless that is below ``least``.
    """
    worst = None
    for curve in earlier:
        drawn = max(curve.keys() & latest.keys(), default=None)
        if drawn is None or drawn < least or latest[drawn] >= share * curve[drawn]:
            continue
        if worst is None or latest[drawn] / curve[drawn] < worst[2] / worst[1]:
            worst = (drawn, curve[drawn], latest[drawn])
    return worst


def _amounts(least: int, most: int) -> Iterator[int]:
    """Round numbers between two, both included when they are round: 1, 2 and 5 times the powers of ten."""
    power = 1
    while power <= most:
        yield from (step * power for step in (1, 2, 5) if least <= step * power <= most)
        power *= 10


def _missed(total: int, size: int, drawn: int) -> float:
    """Probability that none of a kind's ``size`` entries is among ``drawn`` of ``total``."""
    if total - size < drawn:
        return 0.0
    return exp(
        lgamma(total - size + 1) - lgamma(total - size - drawn + 1) - lgamma(total + 1) + lgamma(total - drawn + 1)
    )


def _share(kinds: NDArray[np.int64]) -> float:
    return len(kinds) / int(kinds.sum()) if len(kinds) else 0.0
