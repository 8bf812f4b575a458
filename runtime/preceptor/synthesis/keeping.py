"""Where accepted rows wait until their version is complete."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from preceptor.gates.labels import verification
from preceptor.recipes.sample import Sample


class Keeper(Protocol):
    """Holds rows; a storage of its own keeps the driver's memory flat however many there are."""

    def add(self, sample: Sample, verified: int) -> None:
        """Keep a row; ``verified`` says how well, see :func:`preceptor.gates.labels.verification`."""

    def remove(self, id: str) -> None:
        """Give up a row that was kept."""

    def trim(self, skill: str, count: int) -> int:
        """Give up so many rows of a skill, carried ones last, the least verified first, then by id from the last.

        Returns how many of them were fresh.
        """

    def __len__(self) -> int:
        """Rows kept."""

    def __iter__(self) -> Iterator[Sample]:
        """The rows, in order of id; may be asked for more than once."""


class InMemory:
    """The plain :class:`Keeper`, for few rows."""

    def __init__(self) -> None:
        self._samples: list[Sample] = []

    def add(self, sample: Sample, verified: int) -> None:
        """See :class:`Keeper`."""
        self._samples.append(sample)

    def remove(self, id: str) -> None:
        """See :class:`Keeper`."""
        self._samples = [sample for sample in self._samples if sample.id != id]

    def trim(self, skill: str, count: int) -> int:
        """See :class:`Keeper`."""
        held = sorted(
            (sample for sample in self._samples if sample.skill == skill), key=lambda one: one.id, reverse=True
        )
        held.sort(key=lambda sample: (sample.receipt.carried_from is not None, verification(sample)))
        gone = held[:count]
        self._samples = [sample for sample in self._samples if not any(sample is other for other in gone)]
        return sum(sample.receipt.carried_from is None for sample in gone)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, InMemory) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # rows come and go

    def __len__(self) -> int:
        return len(self._samples)

    def __iter__(self) -> Iterator[Sample]:
        return iter(sorted(self._samples, key=lambda sample: sample.id))
