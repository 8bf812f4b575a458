"""What every scorer gives and does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from preceptor.tasks.items import Item


@dataclass(frozen=True)
class Score:
    """How right one output is."""

    value: float
    """From 0 to 1."""
    correct: bool
    """Whether it is exactly right."""
    extracted: str | None
    """The answer as it was read; ``None`` when none could be read, and the value is 0 then."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Scores of the answer's parts, where it has parts: for JSON, each field's."""


class Scorer(Protocol):
    """Reads and judges answers. Whatever an output holds, it gives a score: it never raises for one, never runs it."""

    def score(self, item: Item, output: str) -> Score:
        """Compare an output with the item's reference. ``TaskError`` when the *item* cannot be scored."""
        ...

    def readable(self, answer: str, fields: Mapping[str, Any]) -> bool:
        """Whether an answer can be read out of a text at all; ``fields`` is the record it belongs to."""
        ...


def all_or_nothing(correct: bool, extracted: str | None) -> Score:
    """The score of an answer that is right or wrong."""
    return Score(1.0 if correct else 0.0, correct, extracted)
