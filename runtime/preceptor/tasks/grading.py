"""Grading the student's outputs, item by item."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from preceptor.tasks.items import Item
from preceptor.tasks.scorers import Scorer


class Output(Protocol):
    """What an inference engine returns for one item."""

    @property
    def text(self) -> str:
        """What the student wrote."""
        ...

    @property
    def tokens(self) -> int:
        """How many tokens it wrote."""
        ...

    @property
    def truncated(self) -> bool:
        """Whether it was cut at the token limit."""
        ...


@dataclass(frozen=True)
class Prediction:
    """An item's output and its score."""

    item_id: str
    """The item."""
    skill: str
    """Its skill."""
    cluster: str
    """Its cluster."""
    prompt_digest: str
    """First 16 hex digits of the SHA-256 of the question."""
    output: str
    """What the student wrote."""
    extracted: str | None
    """The answer read from it; ``None`` when there was none to read."""
    value: float
    """The score, in [0, 1]."""
    correct: bool
    """Whether it is exactly right."""
    tokens: int
    """Tokens the student wrote."""
    truncated: bool
    """Whether it was cut at the token limit."""


@dataclass(frozen=True)
class SkillAccuracy:
    """How well one skill was answered."""

    n: int
    """Items."""
    value: float
    """Mean score, in [0, 1]."""
    exact: float
    """Share that is exactly right, in [0, 1]."""


def grade(items: Sequence[Item], outputs: Sequence[Output], scorer: Scorer) -> list[Prediction]:
    """Predictions in the items' order, in which ``outputs`` stand too. ``ValueError`` when their numbers differ."""
    if len(items) != len(outputs):
        raise ValueError(f"{len(outputs)} outputs for {len(items)} items")
    return [_grade(item, output, scorer) for item, output in zip(items, outputs, strict=True)]


def by_skill(predictions: Sequence[Prediction]) -> dict[str, SkillAccuracy]:
    """Accuracy of each skill, by name."""
    rows: dict[str, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        rows[prediction.skill].append(prediction)
    return {
        skill: SkillAccuracy(
            n=len(rows[skill]),
            value=sum(row.value for row in rows[skill]) / len(rows[skill]),
            exact=sum(row.correct for row in rows[skill]) / len(rows[skill]),
        )
        for skill in sorted(rows)
    }


def _grade(item: Item, output: Output, scorer: Scorer) -> Prediction:
    score = scorer.score(item, output.text)
    return Prediction(
        item_id=item.id,
        skill=item.skill,
        cluster=item.cluster,
        prompt_digest=hashlib.sha256(item.prompt.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        output=output.text,
        extracted=score.extracted,
        value=score.value,
        correct=score.correct,
        tokens=output.tokens,
        truncated=output.truncated,
    )
