"""What an engineer answers: a recipe, the end of the search, or nothing that could be made a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from preceptor.engineers.observation import Observation
from preceptor.spec.recipe import Recipe


@dataclass(frozen=True)
class Proposal:
    """A recipe, and what is known of how it came about."""

    recipe: Recipe
    """What to make next."""
    card: str | None = None
    """Id of the strategy card it instantiates."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Digest of every prompt file that was used, by name."""


@dataclass(frozen=True)
class Stop:
    """The engineer has nothing more to propose."""

    reason: str
    """Why, in a sentence."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Digest of every prompt file that was used, by name."""


@dataclass(frozen=True)
class NoProposal:
    """The engineer's answers could not be made a recipe."""

    kind: Literal["unreadable", "invalid-recipe", "budget", "failed"]
    """What was wrong with the last answer."""
    problems: tuple[str, ...]
    """What the engineer was told about it, path and reason."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Digest of every prompt file that was used, by name."""


Outcome = Recipe | Proposal | Stop | NoProposal
"""A bare recipe is a proposal of an engineer that used no model, card or prompt."""


class Proposer(Protocol):
    """Decides which data to make."""

    def propose(self, observation: Observation) -> Outcome:
        """Return the next recipe, the reason to make no more, or what kept the engineer from giving either."""
        ...
