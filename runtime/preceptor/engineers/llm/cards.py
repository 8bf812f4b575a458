"""Strategy cards: short files that each turn a published method into a recipe, and who must use which."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from functools import lru_cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field

from preceptor.engineers.observation import Observation, SourceKind, ValidatorKind
from preceptor.spec.recipe import Recipe

STALE_AFTER = 3
"""Iterations without a new best after which every proposal must instantiate a card that was not used yet."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Citation(_Strict):
    """Where a method is published."""

    paper: str
    """Title, or authors, title and venue where there is no arXiv id."""
    arxiv: str | None = None
    """Its arXiv id."""


class Needs(_Strict):
    """What a recipe that instantiates a card has: one of each list, if the list is not empty."""

    sources: tuple[SourceKind, ...] = ()
    """Kinds of sources."""
    validators: tuple[ValidatorKind, ...] = ()
    """Kinds of validators."""


class Card(_Strict):
    """A method to adapt."""

    id: str
    """Its name in proposals."""
    title: str
    """Its name for people."""
    cites: tuple[Citation, ...] = Field(min_length=1)
    """Where it comes from."""
    needs: Needs
    """What a recipe needs to count as an instance."""
    cost: str
    """What it costs, in words."""
    text: str
    """When it helps, how to do it here, what to mind."""
    digest: str
    """SHA-256 of its file."""

    @property
    def method(self) -> str:
        """The method for a recipe: title and source."""
        sources = (f"arXiv {cite.arxiv}" if cite.arxiv else cite.paper for cite in self.cites)
        return f"{self.title} ({', '.join(sources)})"

    def usable(self, observation: Observation) -> bool:
        """Whether a recipe could instantiate it now."""
        teacher = observation.teacher
        return _meets(self.needs.sources, teacher.sources) and _meets(self.needs.validators, teacher.validators)

    def missing(self, recipe: Recipe) -> list[str]:
        """Why a recipe is no instance of it, path and reason; empty when it is one."""
        sources = {source.kind for plan in recipe.skills for source in plan.sources}
        validators = {validator.kind for validator in recipe.validators}
        problems = []
        if not _meets(self.needs.sources, sources):
            problems.append(f"skills: card `{self.id}` needs a source of kind {' or '.join(self.needs.sources)}")
        if not _meets(self.needs.validators, validators):
            problems.append(
                f"validators: card `{self.id}` needs a validator of kind {' or '.join(self.needs.validators)}"
            )
        return problems


def _meets(needed: Sequence[str], there: Collection[str]) -> bool:
    return not needed or any(kind in there for kind in needed)


@lru_cache(maxsize=1)
def load_cards() -> tuple[Card, ...]:
    """Every card that the package carries, by id."""
    folder = files(__package__) / "cards"
    texts = (entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.name.endswith(".md"))
    return tuple(sorted((parse(text) for text in texts), key=lambda card: card.id))


def parse(text: str) -> Card:
    """The card in a file: YAML between two lines ``---``, then its text."""
    _, head, body = text.split("---\n", 2)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Card.model_validate({**yaml.safe_load(head), "text": body.strip(), "digest": digest})


def stale(observation: Observation) -> bool:
    """Whether the search has gone without a new best for so long that it must try something known to work elsewhere."""
    return observation.since_best >= STALE_AFTER


def choice(observation: Observation) -> tuple[Card, ...]:
    """The cards that the next proposal may instantiate.

    All that are usable while the search goes well. Once it is stale, those not used yet; when there are none left, the
    one whose last use is longest ago.
    """
    usable = [card for card in load_cards() if card.usable(observation)]
    if not stale(observation):
        return tuple(usable)
    fresh = [card for card in usable if card.id not in observation.cards_used]
    if fresh or not usable:
        return tuple(fresh)
    last_use = {card_id: place for place, card_id in enumerate(observation.cards_used)}
    return (min(usable, key=lambda card: last_use[card.id]),)
