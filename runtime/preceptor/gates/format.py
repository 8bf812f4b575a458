"""The format gate: a row that could not be scored, or that the student would have to cut, teaches nothing good."""

from __future__ import annotations

import re
from typing import Protocol

from preceptor.recipes.sample import Sample
from preceptor.spec.gates import FormatGate as Settings
from preceptor.tasks.scorers import Scorer

CHARACTERS_PER_TOKEN = 12
"""No tokenizer packs running text this tightly: a row above this is too long for sure. The trainer counts tokens."""

_RESIDUE = re.compile(r"\{\{-?\s*[^\W\d]|\{%[-+]?\s*[^\W\d]")
"""``{{ name`` or ``{% word``: a template that was not rendered. LaTeX such as ``\\frac{{1}}{2}`` is not one."""


class Lengths(Protocol):
    """Knows how long a row is for the student."""

    def too_long(self, prompt: str, answer: str) -> bool:
        """Whether training would have to cut the row."""
        ...


class FormatGate:
    """Drops a row that is ``empty``, has ``template-residue``, is ``unreadable`` to the scorer, or ``too-long``."""

    name = "format"

    def __init__(self, scorer: Scorer, settings: Settings, *, max_tokens: int, lengths: Lengths | None = None) -> None:
        self._scorer = scorer
        self._max_characters = CHARACTERS_PER_TOKEN * max_tokens

    def check(self, sample: Sample) -> str | None:
        """The first reason that applies, cheapest first."""
        if not sample.prompt.strip() or not sample.answer.strip():
            return "empty"
        if len(sample.prompt) + len(sample.answer) > self._max_characters:
            return "too-long"
        if _RESIDUE.search(sample.prompt) or _RESIDUE.search(sample.answer):
            return "template-residue"
        if not self._scorer.readable(sample.answer, sample.fields):
            return "unreadable"
        return None
