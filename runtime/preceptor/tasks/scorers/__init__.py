"""Scorers: reading an answer out of what the student wrote, and comparing it with the reference."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from preceptor.spec.task import (
    ChoiceScorer,
    EntryPointScorer,
    ExactScorer,
    JsonScorer,
    LiteralScorer,
    MathScorer,
    NumericScorer,
    ReasoningGymScorer,
)
from preceptor.spec.task import Scorer as ScorerConfig
from preceptor.tasks.scorers.choice import Choice
from preceptor.tasks.scorers.exact import Exact
from preceptor.tasks.scorers.foreign import Foreign, found_scorer
from preceptor.tasks.scorers.gym import ReasoningGym
from preceptor.tasks.scorers.json_fields import JsonFields
from preceptor.tasks.scorers.literal import Literals
from preceptor.tasks.scorers.mathematics import Mathematics
from preceptor.tasks.scorers.numeric import Numeric
from preceptor.tasks.scorers.score import Score, Scorer

__all__ = ["Score", "Scorer", "build_scorer", "packages"]

_CLASSES: dict[type, Any] = {
    ExactScorer: Exact,
    NumericScorer: Numeric,
    ChoiceScorer: Choice,
    JsonScorer: JsonFields,
    LiteralScorer: Literals,
    MathScorer: Mathematics,
    ReasoningGymScorer: ReasoningGym,
    EntryPointScorer: Foreign,
}
_LIBRARIES = {"math": ("math-verify", "latex2sympy2_extended", "sympy"), "reasoning-gym": ("reasoning-gym",)}


def build_scorer(config: ScorerConfig) -> Scorer:
    """The scorer for a document's ``task.scorer``. Raises ``TaskError`` for an entry point that cannot be used."""
    scorer: Scorer = _CLASSES[type(config)](config)
    return scorer


def packages(config: ScorerConfig) -> dict[str, str]:
    """The installed packages of others that decide what a scorer gives, with their versions.

    Part of an examination's name, so that answers are judged again when one of them changes. Raises ``TaskError`` for
    an entry point that is not installed. A package that is missing is left out; the scorer says so when it is used.
    """
    if isinstance(config, EntryPointScorer):
        point = found_scorer(config.name)
        return {} if point.dist is None else {point.dist.name: point.dist.version}
    return {name: _version(name) for name in _LIBRARIES.get(config.kind, ()) if _version(name)}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
