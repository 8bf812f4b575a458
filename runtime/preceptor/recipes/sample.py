"""A training row and its receipt: what is known about where it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from preceptor.recipes.digests import digest


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a row came from. Enough to make it again."""

    recipe: str
    """Digest of the recipe that made it."""
    attempt: int
    """Attempt, counted from 1, that made it; a carried row keeps its first."""
    generator: str
    """Key in ``teacher.generators``."""
    difficulty: int
    """Level it was made at, from 1."""
    unit: int
    """Index of its unit of work within its skill, from 0."""
    index: int
    """Its place in the unit, from 0."""
    teacher: str
    """The teacher's kind and the digest of its configuration."""
    parents: tuple[str, ...] = ()
    """Ids of the rows it was derived from."""
    carried_from: str | None = None
    """The dataset version it was taken over from; ``None`` when it is fresh."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One training row."""

    id: str
    """16 hex digits of the digest of skill, prompt and answer: the same row has the same id wherever it was made."""
    skill: str
    """The skill it exercises."""
    fields: Mapping[str, Any]
    """The columns that the task's prompt template and scorer read, as JSON data."""
    prompt: str
    """The question as the student sees it."""
    answer: str
    """The answer it learns."""
    receipt: Receipt
    """Where it came from."""

    @classmethod
    def create(cls, *, skill: str, fields: Mapping[str, Any], prompt: str, answer: str, receipt: Receipt) -> Self:
        """A sample whose id is computed from its content."""
        return cls(sample_id(skill, prompt, answer), skill, fields, prompt, answer, receipt)

    def carried(self, version: str) -> Sample:
        """The same row, taken over from ``version``."""
        return replace(self, receipt=replace(self.receipt, carried_from=version))

    def to_row(self) -> dict[str, Any]:
        """A plain dict for a table: ``fields`` as canonical JSON text, ``receipt`` as a struct."""
        return {
            "id": self.id,
            "skill": self.skill,
            "prompt": self.prompt,
            "answer": self.answer,
            "fields": json.dumps(dict(self.fields), sort_keys=True, ensure_ascii=False, allow_nan=False),
            "receipt": {**asdict(self.receipt), "parents": list(self.receipt.parents)},
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The sample that :meth:`to_row` wrote. Keys that a later release added to the receipt are ignored."""
        known = {key: value for key, value in row["receipt"].items() if key in Receipt.__dataclass_fields__}
        receipt = Receipt(**{**known, "parents": tuple(known.get("parents") or ())})
        return cls(row["id"], row["skill"], json.loads(row["fields"]), row["prompt"], row["answer"], receipt)


def sample_id(skill: str, prompt: str, answer: str) -> str:
    """16 hex digits that name a row by its content."""
    return digest([skill, prompt, answer])[:16]
