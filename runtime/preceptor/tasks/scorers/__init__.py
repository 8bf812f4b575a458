"""Scorers: reading an answer out of what the student wrote, and comparing it with the reference."""

from __future__ import annotations

from typing import Any

from preceptor.errors import UserError
from preceptor.spec.task import (
    ChoiceScorer,
    EntryPointScorer,
    ExactScorer,
    JsonScorer,
    LiteralScorer,
    NumericScorer,
    ReasoningGymScorer,
)
from preceptor.spec.task import Scorer as ScorerConfig
from preceptor.tasks.scorers.choice import Choice
from preceptor.tasks.scorers.exact import Exact
from preceptor.tasks.scorers.gym import ReasoningGym
from preceptor.tasks.scorers.json_fields import JsonFields
from preceptor.tasks.scorers.literal import Literals
from preceptor.tasks.scorers.numeric import Numeric
from preceptor.tasks.scorers.score import Score, Scorer

__all__ = ["Score", "Scorer", "build_scorer"]

_CLASSES: dict[type, Any] = {
    ExactScorer: Exact,
    NumericScorer: Numeric,
    ChoiceScorer: Choice,
    JsonScorer: JsonFields,
    LiteralScorer: Literals,
    ReasoningGymScorer: ReasoningGym,
}


def build_scorer(config: ScorerConfig) -> Scorer:
    """The scorer for a document's ``task.scorer``. Raises ``UserError`` for a kind that does not exist yet."""
    if isinstance(config, EntryPointScorer):
        raise UserError(
            f"not yet: scorers from entry points (`{config.name}`)",
            mend="use exact, numeric, choice, json, literal or reasoning-gym",
        )
    scorer: Scorer = _CLASSES[type(config)](config)
    return scorer
