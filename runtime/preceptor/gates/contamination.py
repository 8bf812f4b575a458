"""The contamination gate: no row may copy the examination.

The index is built on the evaluator's side of the wall and holds digests only, so that it can go wherever rows are made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

from preceptor.gates.packing import pack, unpack
from preceptor.gates.shelf import Match, Row, Shelf
from preceptor.gates.wording import Numbers
from preceptor.recipes.sample import Sample
from preceptor.spec.gates import ContaminationGate as Settings
from preceptor.tasks.content import Content

SEEDS = "seeds"
"""Name of what stands beside the splits: raw seed questions, which ``solve`` answers and nothing else may copy."""
SUITE = "suite"
"""Name of what tasks of ``evaluation.forgetting`` ask: a row that copies it would hide what was forgotten."""

_MEASURES = {"ngram", "coverage", "similarity"}
"""What of the gate's settings decides what is found."""
_SHELVES: Mapping[str, Numbers] = {"exam": "ignored", "seeds": "kept", "generated": "decisive"}
"""What difference numbers make to whom."""


@dataclass(frozen=True)
class Protected:
    """A question that no row may copy."""

    split: str
    """``feedback``, ``selection``, ``private``, :data:`SUITE` or :data:`SEEDS`."""
    digest: str
    """Names it without telling what it is."""
    text: str
    """Its content; see :class:`preceptor.tasks.content.Content`."""
    cluster: str = ""
    """Its context: what questions of one cluster share stays protected. By itself when empty."""

    @property
    def name(self) -> str:
        """Split and digest, as in ``private:0f3a…``."""
        return f"{self.split}:{self.digest}"


@dataclass(frozen=True)
class Finding:
    """What a row has in common with the protected question that is nearest to it."""

    reason: str | None
    """Why the row is dropped; ``None`` when what it has in common is little."""
    neighbour: str
    """Split and digest of the question, as in ``private:0f3a…``."""
    similarity: float
    """Share of the question's 8-word sequences that are in the row; those it shares with many do not count."""


class ExamIndex:
    """Finds copies of protected questions. Holds 64-bit digests and the questions' names, no text.

    Numbers make no difference to how near a row is to the examination, but to how near it is to a seed: to change the
    numbers of a seed is to make a new question of it. They decide whether what a generator made is near an item of the
    examination: it makes the same question with other numbers by right.
    """

    def __init__(
        self,
        settings: Settings,
        exam: Shelf,
        seeds: Shelf,
        names: tuple[Sequence[str], Sequence[str]],
        generated: Shelf | None = None,
    ) -> None:
        self._settings = settings
        self._exam = exam
        self._seeds = seeds
        self._names = names
        self._generated = generated

    @classmethod
    def build(cls, questions: Iterable[Protected], settings: Settings, *, generated: bool = False) -> Self:
        """An index of questions; the same whatever their order. Those without any text are left out.

        With ``generated``, for rows that generators make, too.
        """
        told = sorted((one for one in questions if one.text.strip()), key=lambda one: (one.name, one.text, one.cluster))
        exam = [one for one in told if one.split != SEEDS]
        seeds = [one for one in told if one.split == SEEDS]
        names = ([one.name for one in exam], [one.name for one in seeds])
        loose, strict = _shelf(exam, settings, "ignored"), _shelf(seeds, settings, "kept")
        return cls(settings, loose, strict, names, _shelf(exam, settings, "decisive") if generated else None)

    def find(self, question: str, answer: str = "", *, seeds: bool = True, procedural: bool = False) -> Finding | None:
        """What a row copies; ``None`` when it has nothing in common with any protected question.

        Without ``seeds``, raw seed questions may be copied. A generator made the row when it is ``procedural``.
        """
        row = Row(question, answer)
        found = self._finding("contaminated", self._examination(procedural).match(row, self._settings), 0)
        if not seeds or (found is not None and found.reason):
            return found
        other = self._finding("seed-copy", self._seeds.match(row, self._settings), 1)
        if found is None or other is None:
            return found or other
        return other if other.reason or other.similarity > found.similarity else found

    def tells_edited(self, question: str, *, procedural: bool = False) -> bool:
        """Whether a protected question of the examination is found after one of its words is changed, too.

        Not those of fewer than 8 words, nor those of one make with many others: these are compared whole. A number is
        no such word where a generator made the row.
        """
        return self._examination(procedural).tells_edited(Row(question), self._settings)

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of :meth:`to_bytes`."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        """The whole index; the same bytes for the same questions and settings."""
        arrays = {
            f"{shelf}.{name}": array
            for shelf, held in (("exam", self._exam), ("seeds", self._seeds), ("generated", self._generated))
            if held is not None
            for name, array in held.arrays().items()
        }
        settings = self._settings.model_dump(mode="json", include=_MEASURES)
        about = {"settings": settings, "exam": self._names[0], "seeds": self._names[1]}
        return pack(about, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The index that :meth:`to_bytes` wrote. Raises :class:`GateError` for anything else."""
        about, arrays = unpack(data)
        parts: dict[str, Shelf] = {}
        for shelf, numbers in _SHELVES.items():
            own = {name.removeprefix(f"{shelf}."): held for name, held in arrays.items() if name.startswith(shelf)}
            if own:
                parts[shelf] = Shelf.from_arrays(own, numbers=numbers)
        settings = Settings.model_validate(about["settings"])
        names = (about["exam"], about["seeds"])
        return cls(settings, parts["exam"], parts["seeds"], names, parts.get("generated"))

    def __reduce__(self) -> tuple[Callable[[bytes], Any], tuple[bytes]]:
        return type(self).from_bytes, (self.to_bytes(),)

    def _examination(self, procedural: bool) -> Shelf:
        return self._generated if procedural and self._generated is not None else self._exam

    def _finding(self, prefix: str, match: Match | None, shelf: int) -> Finding | None:
        if match is None:
            return None
        reason = None if match.rule is None else f"{prefix}-{match.rule}"
        return Finding(reason, self._names[shelf][match.position], match.coverage)


def _shelf(questions: Sequence[Protected], settings: Settings, numbers: Numbers) -> Shelf:
    clusters = [("cluster", one.cluster) if one.cluster else ("question", one.name) for one in questions]
    return Shelf.of([one.text for one in questions], clusters, settings, numbers=numbers)


class ContaminationGate:
    """Drops a row that copies a protected question; rows of ``solve`` answer seeds, so those may copy them."""

    name = "contamination"

    def __init__(self, index: ExamIndex, content: Content) -> None:
        self._index = index
        self._content = content
        self._latest: tuple[str, Finding | None] = ("", None)

    def check(self, sample: Sample) -> str | None:
        """``contaminated-…`` or ``seed-copy-…``, by the kind of copy."""
        question = self._content.of(sample.fields, sample.prompt)
        source = sample.receipt.source
        found = self._index.find(question, sample.answer, seeds=source != "solve", procedural=source == "procedural")
        self._latest = (sample.id, found)
        return found.reason if found else None

    def noted(self, sample: Sample) -> Sample:
        """The row that was checked last, with its nearest neighbour in its receipt."""
        identity, found = self._latest
        if found is None or identity != sample.id:
            return sample
        receipt = replace(sample.receipt, neighbour=found.neighbour, similarity=found.similarity)
        return replace(sample, receipt=receipt)
