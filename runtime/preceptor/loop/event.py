"""What every event of a run has, and the scores that several of them hold."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from preceptor.spec.base import Stored

SplitName = Literal["feedback", "selection", "private"]
BASE = "base"
"""The subject of an examination of the untrained student."""

Spent = dict[str, int]
"""What a step used up, as :meth:`preceptor.recipes.amount.Amount.to_data` writes it."""


class Event(Stored):
    """What every event has."""

    elapsed: float = 0.0
    """Seconds the run's drivers have been active until the event, over every resume."""


class SkillScore(Stored):
    """One skill's share of an examination."""

    n: int
    """Items."""
    value: float
    """Mean score in [0, 1]."""
    exact: float
    """Share of items that are right in every part, in [0, 1]."""


class SplitScore(Stored):
    """One subject's score on one split."""

    evaluation: str
    """Id of the stored predictions."""
    n: int
    """Items."""
    value: float
    """Mean score in [0, 1]: the run's accuracy."""
    exact: float
    """Share of items that are right in every part, in [0, 1]."""
    truncated: int = 0
    """Answers that hit the token limit."""
    skills: dict[str, SkillScore] = Field(default_factory=dict)
    """The same by skill."""
