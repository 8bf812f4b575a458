"""The duplicates gate: no question twice in a version."""

from __future__ import annotations

from dataclasses import dataclass

from preceptor.gates.labels import verification
from preceptor.gates.text import normalise
from preceptor.recipes.sample import Sample
from preceptor.spec.gates import DuplicatesGate as Settings
from preceptor.tasks.content import Content

DUPLICATE = "duplicate"
"""Reason given to a row whose question another row asks."""


@dataclass(frozen=True)
class Twin:
    """A row that passed before and asks the same question."""

    id: str
    """The row's id."""
    skill: str
    """Its skill."""
    verification: int
    """How well its answer was verified; see :func:`preceptor.gates.labels.verification`."""
    carried: bool = False
    """Whether it was carried over from an earlier version."""


class Seen:
    """The rows of a version so far, as far as it takes to find a row's twin among them."""

    def __init__(self, settings: Settings, content: Content) -> None:
        self._content = content
        self._seen: dict[str, Twin] = {}

    def twin(self, sample: Sample) -> Twin | None:
        """The row before it that asks the same question; ``None`` for a new question."""
        return self._seen.get(self._key(sample))

    def remember(self, sample: Sample) -> None:
        """The row is in the version."""
        self._seen[self._key(sample)] = Twin(
            sample.id, sample.skill, verification(sample), sample.receipt.carried_from is not None
        )

    def forget(self, twin: Twin) -> None:
        """The row is not in the version any more."""
        self._seen = {key: seen for key, seen in self._seen.items() if seen.id != twin.id}

    def _key(self, sample: Sample) -> str:
        return normalise(self._content.of(sample.fields, sample.prompt))
