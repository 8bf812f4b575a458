"""A training row and its receipt: what is known about where it came from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
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
    """Key in ``teacher.generators``; for rows of other sources the source's kind."""
    difficulty: int
    """Level it was made at, from 1; 0 for sources that have no levels."""
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
    source: str = "procedural"
    """Kind of the source: ``procedural``, ``prompt``, ``solve``, ``evolve`` or ``pool``."""
    model: str = ""
    """The model that wrote it, as its endpoint names it."""
    requests: tuple[str, ...] = ()
    """Digests of the requests it was written and checked with, those that failed included, in the order of asking."""
    validators: tuple[str, ...] = ()
    """Kinds of the validators it passed."""
    prompts: str = ""
    """Digest of the runtime's own prompt files."""
    tokens: int = 0
    """Tokens of those requests; a request for several rows counts in even shares, rounded down."""
    usd: float = 0.0
    """Money for them, at the declared prices."""
    neighbour: str = ""
    """The examination's item nearest to it, as split and digest; empty when none shares eight words in a row."""
    similarity: float = 0.0
    """Share of that item's 8-word sequences that are in the row, in [0, 1]."""

    def to_data(self) -> dict[str, Any]:
        """A plain dict. What says nothing is left out of it, so that procedural rows stay as they always were."""
        data = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in data.items()
            if name not in _LATER or value != _LATER[name]
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """The receipt that :meth:`to_data` wrote; a table has ``None`` for what was left out of a row.

        Keys that a later release added are ignored.
        """
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        known = {name: value for name, value in known.items() if value is not None or name not in _LATER}
        lists = {name: tuple(known.get(name) or ()) for name in ("parents", "requests", "validators")}
        return cls(**{**known, **lists})


_LATER: Mapping[str, Any] = {
    field.name: field.default
    for field in fields(Receipt)
    if field.name
    in ("source", "model", "requests", "validators", "prompts", "tokens", "usd", "neighbour", "similarity")
}
"""What receipts once did not hold, and what it is for a row that has nothing to say there."""


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
            "receipt": self.receipt.to_data(),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """The sample that :meth:`to_row` wrote. Keys that a later release added to the receipt are ignored."""
        receipt = Receipt.from_data(row["receipt"])
        return cls(row["id"], row["skill"], json.loads(row["fields"]), row["prompt"], row["answer"], receipt)


def sample_id(skill: str, prompt: str, answer: str) -> str:
    """16 hex digits that name a row by its content."""
    return digest([skill, prompt, answer])[:16]
