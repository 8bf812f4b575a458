"""The short form of an answer: a plain recipe for a few skills, right by its form alone.

Whatever a model says that decodes under this schema is a recipe that may be carried out, and short enough to be said:
one source for each skill, a template that reads only the variables that are there, quotas that cannot break a limit
however they are combined, everything else left at its default. A model that gets the whole form wrong is left with this
one, and so is one whose answers are too short for more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from preceptor.engineers.llm import briefing
from preceptor.engineers.llm.cards import Card, stale
from preceptor.engineers.llm.schema import CHANGES, SHARES, Schema, closed, or_null
from preceptor.engineers.observation import Observation, SourceKind

ROOM = 1_000
"""Tokens of an answer below which the whole form has no room."""
_FRAME, _PER_SKILL, _MOST_SKILLS = 100, 300, 4  # tokens of an answer, roughly
_KINDS: tuple[SourceKind, ...] = ("prompt", "solve", "procedural", "pool")
"""Kinds that need nothing else of a recipe; ``evolve`` needs rows that are carried over."""
# Quotation marks and backslashes are left out because some servers do not escape what a pattern lets through.
_PLAIN = r'[^"\\{}\n\r\t]'
_START = r'[^"\\{}\n\r\t ]'
_SENTENCE = rf"^{_START}{_PLAIN}{{1,160}}$"
_TOPIC = rf"^{_START}{_PLAIN}{{1,24}}$"
_TEMPLATE = rf"^{_START}{_PLAIN}{{10,120}}\{{\{{ topic \}}\}}{_PLAIN}{{1,80}}(\{{\{{ number \}}\}}{_PLAIN}{{1,60}})?$"
_TOPICS = (4, 12)


@dataclass(frozen=True)
class Choice:
    """What the short form leaves open about one skill."""

    skill: str
    """Its label."""
    quota: tuple[int, int]
    """Fewest and most rows."""
    sources: tuple[SourceKind, ...]
    """Kinds of sources; never empty."""
    generators: tuple[str, ...] = ()
    """Generators that make its rows."""


@dataclass(frozen=True)
class Short:
    """The short form for one observation."""

    choices: tuple[Choice, ...]
    """The skills, all of which it plans."""
    card: str | None
    """The card it must name."""
    carry_over: bool
    """Whether there is a version to take rows from."""

    @property
    def kinds(self) -> tuple[SourceKind, ...]:
        """Kinds of sources that it knows."""
        return tuple(kind for kind in _KINDS if any(kind in choice.sources for choice in self.choices))

    @property
    def schema(self) -> Schema:
        """Its JSON schema."""
        skills = {choice.skill: _plan(choice) for choice in self.choices}
        parts: dict[str, Schema] = {
            "rationale": _text(_SENTENCE, "Why this plan, in a sentence."),
            "skills": closed(skills),
        }
        if self.carry_over:
            share = closed({"share": {"type": "number", "enum": list(SHARES)}})
            parts["carryOver"] = {**or_null(share), "description": "The share of its rows that is taken over."}
        change = {"type": "number", "enum": list(CHANGES)}
        expected = closed({choice.skill: change for choice in self.choices})
        parts["prediction"] = {**expected, "description": "The change of accuracy that you expect, for each skill."}
        recipe = closed(parts)
        return closed(
            {"card": {"type": "string", "enum": [self.card]}, "recipe": recipe} if self.card else {"recipe": recipe}
        )

    @property
    def pattern(self) -> Schema:
        """The schema with placeholders for labels and names, which come from data sets and are not to be read aloud."""
        choice = Choice("LABEL", self.choices[0].quota, self.kinds, ("NAME",))
        return Short((choice,), self.card, self.carry_over).schema


def short_form(
    observation: Observation, labels: Sequence[str], cards: Sequence[Card], *, cap: float, tokens: int
) -> Short | None:
    """The short form; ``None`` where a recipe would need more than it can say.

    ``labels`` are the skills that a recipe may plan, ``cap`` the largest share one of them may have, ``tokens`` the
    longest answer.
    """
    kinds: tuple[SourceKind, ...] = tuple(kind for kind in _KINDS if kind in observation.teacher.sources)
    card = None
    if stale(observation) and cards:
        card = next((each for each in cards if not each.needs.validators and _needed(each, kinds)), None)
        if card is None:
            return None
        kinds = _needed(card, kinds)
    choices = [choice for label in labels if (choice := _choice(observation, label, kinds)).sources]
    if not choices:
        return None
    worst = sorted(choices, key=lambda choice: -briefing.wrong(observation, choice.skill))
    most = max(1, min(_MOST_SKILLS, (tokens - _FRAME) // _PER_SKILL, len(worst)))
    count = next(n for n in range(most, 0, -1) if n == 1 or observation.size // n * n >= observation.minimum)
    quota = quotas(count, (observation.minimum, observation.size), cap)
    chosen = tuple(Choice(each.skill, quota, each.sources, each.generators) for each in worst[:count])
    return Short(chosen, card.id if card else None, observation.best is not None)


def quotas(count: int, rows: tuple[int, int], cap: float) -> tuple[int, int]:
    """Fewest and most rows of each of ``count`` skills, so that no combination breaks the version's size or the cap."""
    fewest, size = rows
    if count == 1:
        return max(1, fewest), size
    most = size // count
    # The largest share is that of one skill with the most rows beside others with the fewest.
    even = math.ceil(most * (1 / cap - 1) / (count - 1) - 1e-9) if cap > 0 else most
    return min(most, max(1, math.ceil(fewest / count), even)), most


def _choice(observation: Observation, label: str, kinds: Sequence[SourceKind]) -> Choice:
    generators = tuple(name for name in briefing.generators(observation) if observation.generators[name].skill == label)
    there = {"procedural": bool(generators), "pool": bool(observation.teacher.pool.get(label))}
    return Choice(label, (1, 1), tuple(kind for kind in kinds if there.get(kind, True)), generators)


def _needed(card: Card, kinds: Sequence[SourceKind]) -> tuple[SourceKind, ...]:
    return tuple(kind for kind in kinds if not card.needs.sources or kind in card.needs.sources)


def _plan(choice: Choice) -> Schema:
    fewest, most = choice.quota
    sources = [_source(kind, choice) for kind in choice.sources]
    one: Schema = {"type": "array", "items": sources[0] if len(sources) == 1 else {"anyOf": sources}}
    quota = {"type": "integer", "minimum": fewest, "maximum": most, "description": "Rows of this skill."}
    return closed({"quota": quota, "sources": {**one, "minItems": 1, "maxItems": 1}})


def _source(kind: SourceKind, choice: Choice) -> Schema:
    of_kind: Schema = {"kind": {"type": "string", "enum": [kind]}}
    if kind == "procedural":
        return closed({**of_kind, "generator": {"type": "string", "enum": list(choice.generators)}})
    if kind != "prompt":
        return closed(of_kind)
    fewest, most = _TOPICS
    topics = {
        "type": "array",
        "items": {"type": "string", "pattern": _TOPIC},
        "minItems": fewest,
        "maxItems": most,
        "description": "What to write about: one is drawn for every request.",
    }
    low = {"type": "integer", "minimum": 0, "maximum": 99}
    high = {"type": "integer", "minimum": 100, "maximum": 999}
    variables = closed(
        {
            "topic": closed({"kind": {"type": "string", "enum": ["category"]}, "of": topics}),
            "number": closed({"kind": {"type": "string", "enum": ["number"]}, "low": low, "high": high}),
        }
    )
    template = _text(_TEMPLATE, "What the teacher is asked; reads `{{ topic }}` and, if you like, `{{ number }}`.")
    rows = {"type": "integer", "minimum": 1, "maximum": 4, "description": "Rows asked for at once."}
    return closed({**of_kind, "variables": variables, "template": template, "rowsPerRequest": rows})


def _text(pattern: str, meaning: str) -> Schema:
    return {"type": "string", "pattern": pattern, "description": meaning}
