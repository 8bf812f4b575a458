"""The contamination gate: no row may copy the examination.

The index is built on the evaluator's side of the wall and holds digests only, so that it can go wherever rows are made.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

from preceptor.gates.text import normalise
from preceptor.recipes.digests import digest
from preceptor.recipes.sample import Sample
from preceptor.spec.gates import ContaminationGate as Settings
from preceptor.tasks.content import Content

SEEDS = "seeds"
"""Name of what stands beside the splits: raw seed questions, which ``solve`` answers and nothing else may copy."""


@dataclass(frozen=True)
class Protected:
    """A question that no row may copy."""

    split: str
    """``feedback``, ``selection``, ``private`` or :data:`SEEDS`."""
    digest: str
    """Names it without telling what it is."""
    text: str
    """Its content; see :class:`preceptor.tasks.content.Content`."""


@dataclass(frozen=True)
class Finding:
    """What a row has in common with the protected question that is nearest to it."""

    reason: str | None
    """Why the row is dropped; ``None`` when what it has in common is little."""
    neighbour: str
    """Split and digest of the question, as in ``private:0f3a…``."""
    similarity: float
    """Share of the question's 8-word sequences that are in the row."""


class ExamIndex:
    """Finds copies of protected questions."""

    def __init__(self, exact: dict[str, str]) -> None:
        self._exact = exact

    @classmethod
    def build(cls, questions: Iterable[Protected], settings: Settings) -> Self:
        """An index of questions."""
        return cls({digest(normalise(one.text)): f"{one.split}:{one.digest}" for one in questions})

    def find(self, question: str, answer: str = "", *, seeds: bool = True) -> Finding | None:
        """What a row copies; ``None`` when it has nothing in common with any protected question.

        Without ``seeds``, raw seed questions may be copied.
        """
        found = self._exact.get(digest(normalise(question)))
        if found is None or (not seeds and found.startswith(SEEDS)):
            return None
        return Finding("contaminated-exact", found, 1.0)


class ContaminationGate:
    """Drops a row that copies a protected question; rows of ``solve`` answer seeds, so those may copy them."""

    name = "contamination"

    def __init__(self, index: ExamIndex, content: Content) -> None:
        self._index = index
        self._content = content
        self._latest: tuple[str, Finding | None] = ("", None)

    def check(self, sample: Sample) -> str | None:
        """``contaminated-…`` by the kind of copy."""
        found = self._index.find(
            self._content.of(sample.fields, sample.prompt), sample.answer, seeds=sample.receipt.source != "solve"
        )
        self._latest = (sample.id, found)
        return found.reason if found else None

    def noted(self, sample: Sample) -> Sample:
        """The row that was checked last, with its nearest neighbour in its receipt."""
        identity, found = self._latest
        if found is None or identity != sample.id:
            return sample
        receipt = replace(sample.receipt, neighbour=found.neighbour, similarity=found.similarity)
        return replace(sample, receipt=receipt)
