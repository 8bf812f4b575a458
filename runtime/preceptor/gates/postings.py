"""Which questions a digest stands in: sorted arrays, no text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from preceptor.gates.reading import Digests

Positions = NDArray[np.int32]
"""Positions of questions, or of digests, or counts."""

COMMON = 5
"""What stands in questions of more clusters than this is boilerplate: it tells none of them from the others."""

_SPARSE = 8
"""Slots of the sieve for each digest, at least: of digests that are not held, one in eight gets through at most."""


@dataclass(frozen=True, eq=False)
class Postings:
    """Digests, each with the positions of the questions it stands in."""

    digests: Digests
    """Sorted, every digest once; boilerplate too, which stands in none."""
    starts: Positions
    """Where each digest's positions begin in ``owners``; one more than there are digests."""
    owners: Positions
    """Positions of questions, ascending for each digest."""
    _sieve: NDArray[np.bool_] = field(init=False, repr=False)
    _slots: np.uint64 = field(init=False, repr=False)

    def __post_init__(self) -> None:
        sieve = np.zeros(1 << (len(self.digests) * _SPARSE).bit_length(), dtype=np.bool_)
        sieve[self.digests & np.uint64(len(sieve) - 1)] = True
        object.__setattr__(self, "_sieve", sieve)
        object.__setattr__(self, "_slots", np.uint64(len(sieve) - 1))

    @classmethod
    def of(
        cls, questions: Sequence[Digests], clusters: Sequence[Hashable] | None = None, *, common: int = COMMON
    ) -> Self:
        """Postings of the digests of each question; the position of a question is its place in the sequence.

        What questions of more ``clusters`` than ``common`` share is taken for boilerplate; nothing is without clusters.
        """
        digests = np.concatenate([np.zeros(0, np.uint64), *questions])
        owners = np.repeat(np.arange(len(questions), dtype=np.int32), [len(question) for question in questions])
        digests, owners = _distinct(digests, owners)
        held, places = np.unique(digests, return_inverse=True)
        if clusters is not None and len(held):
            numbers = {cluster: number for number, cluster in enumerate(dict.fromkeys(clusters))}
            cluster_of = np.array([numbers[cluster] for cluster in clusters], np.int32)
            spread, _ = _distinct(digests, cluster_of[owners])
            widely = np.bincount(np.searchsorted(held, spread), minlength=len(held)) > common
            owners, places = owners[~widely[places]], places[~widely[places]]
        starts = np.concatenate(([0], np.cumsum(np.bincount(places, minlength=len(held)))))
        return cls(held, starts.astype(np.int32), owners)

    @property
    def boilerplate(self) -> Digests:
        """The digests that stand in so many questions that they are held for none."""
        common: Digests = self.digests[self.starts[1:] == self.starts[:-1]]
        return common

    def sizes(self, questions: int) -> Positions:
        """How many digests of its own each question has."""
        return np.bincount(self.owners, minlength=questions).astype(np.int32)

    def likely(self, digests: Digests) -> Digests:
        """Those digests that may be held: all that are, and few that are not."""
        slots = (digests & self._slots).view(np.int64)  # numpy would make signed indices of them, element by element
        likely: Digests = digests[self._sieve.take(slots)]
        return likely

    def find(self, digests: Digests) -> list[int]:
        """Where the digests that are held stand in :attr:`digests`: each once, ascending."""
        likely = self.likely(digests)
        if not len(likely):
            return []
        spots = np.searchsorted(self.digests, likely)
        held = self.digests.take(spots, mode="clip") == likely
        return sorted(set(spots[held].tolist()))

    def shared(self, found: Iterable[int]) -> Counter[int]:
        """The questions in which the digests at ``found`` stand, and how many of them in each."""
        counts: Counter[int] = Counter()
        for spot in found:
            counts.update(self.owners[self.starts[spot] : self.starts[spot + 1]].tolist())
        return counts

    def common(self, found: Iterable[int]) -> int:
        """How many of the digests at ``found`` are boilerplate."""
        return sum(self.starts[spot] == self.starts[spot + 1] for spot in found)


def _distinct(digests: Digests, owners: Positions) -> tuple[Digests, Positions]:
    """Pairs in order of digest and owner, each once."""
    order = np.lexsort((owners, digests))
    digests, owners = digests[order], owners[order]
    fresh = np.ones(len(digests), np.bool_)
    fresh[1:] = (digests[1:] != digests[:-1]) | (owners[1:] != owners[:-1])
    return digests[fresh], owners[fresh]
