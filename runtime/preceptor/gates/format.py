"""The format gate: a row that could not be scored, or that the student would have to cut, teaches nothing good."""

from __future__ import annotations

import re
from typing import Protocol

from preceptor.gates.language import Languages
from preceptor.recipes.sample import Sample
from preceptor.spec.gates import FormatGate as Settings
from preceptor.tasks.scorers import Scorer

CHARACTERS_PER_TOKEN = 12
"""No tokenizer packs running text this tightly: a row above this is too long for sure. Decides where nothing counts."""

_RESIDUE = re.compile(r"\{\{-?\s*[^\W\d]|\{%[-+]?\s*[^\W\d]")
"""``{{ name`` or ``{% word``: a template that was not rendered. LaTeX such as ``\\frac{{1}}{2}`` is not one."""
_OPENING = r"\A[\s*_#>-]*"
"""Where a text begins to say something. A quotation mark is no such beginning: what follows it is somebody else's."""
_SORRY = (
    r"(?:(?:i['\u2019]m|i\sam)\s(?:\w+\s)?(?:sorry|afraid)|sorry|apologies|my\sapologies|i\sapologi[sz]e|unfortunately)"
)
_UNABLE = (
    r"(?:i|we)(?:\s(?:cannot|can\snot|will\snot|must\sdecline\sto)|\scan['\u2019]t|\swon['\u2019]t"
    r"|(?:['\u2019]m|\sam|['\u2019]re|\sare)\s(?:unable|not\sable|not\sallowed|not\spermitted|not\sprogrammed)\sto)"
)
_REFUSED = (
    r"(?:(?:help|assist)(?:\syou)?(?:\swith\s(?:that|this|your|the|such|any|creat|generat|writ)|\s?[.!]?\s*\Z|\sin\sthat)"
    r"|comply\b|fulfil|(?:answer|complete|process|continue\swith)\s(?:that|this|your)\s(?:question|request|task)"
    r"|(?:provide|create|generate|produce|write|share|offer)\s(?:that|this|such|content|information|instructions"
    r"|assistance|help|answers?|medical|legal|financial)\b|engage\s(?:in|with)|do\sthat)"
)
_DECLINES = re.compile(
    rf"{_OPENING}(?:{_SORRY}[,;:.!]?\s(?:but\s|that\s)?)?{_UNABLE}\s(?:\w+\s)?{_REFUSED}", re.IGNORECASE
)
_ITSELF = ("as an ai", "as an artificial", "as a language", "as a large")
_AS = "as a"
"""How each of them begins."""
_SPEAKS = re.compile(
    rf"(?:{_OPENING}|[.!?]\s+|\n\s*)as an? (?:ai|artificial intelligence|(?:large )?language model)\b"
    r"(?: (?:language )?(?:model|assistant|system))?(?: [^.!?\n]{0,40})?, i\b",
    re.IGNORECASE,
)


class Lengths(Protocol):
    """Knows how long a row is for the student."""

    def too_long(self, prompt: str, answer: str) -> bool:
        """Whether training would have to cut the row."""
        ...


class FormatGate:
    """Drops a row for its form.

    ``empty``; ``template-residue``; a ``refusal``; ``unreadable`` to the scorer; ``too-long`` for the student; in an
    ``other-language`` than the document's.
    """

    name = "format"

    def __init__(self, scorer: Scorer, settings: Settings, *, max_tokens: int, lengths: Lengths | None = None) -> None:
        """Raises :class:`GateError` when languages are to be told and nothing here can."""
        self._scorer = scorer
        self._refusals = settings.refusals
        self._lengths = lengths
        self._languages = Languages(settings.language) if settings.language is not None else None
        self._max_characters = CHARACTERS_PER_TOKEN * max_tokens

    def check(self, sample: Sample) -> str | None:
        """The first reason that applies, cheapest first."""
        prompt, answer = sample.prompt, sample.answer
        if not prompt.strip() or not answer.strip():
            return "empty"
        if self._lengths is None and len(prompt) + len(answer) > self._max_characters:
            return "too-long"
        if has_residue(prompt) or has_residue(answer):
            return "template-residue"
        if self._refusals and (is_refusal(answer) or any(is_refusal(part) for part in _questions(sample))):
            return "refusal"
        if not self._scorer.readable(answer, sample.fields):
            return "unreadable"
        if self._lengths is not None and self._lengths.too_long(prompt, answer):
            return "too-long"
        if self._languages is not None and self._languages.other(prompt):
            return "other-language"
        return None


def has_residue(text: str) -> bool:
    """Whether a template that was not rendered is left in a text."""
    return ("{{" in text or "{%" in text) and _RESIDUE.search(text) is not None


def is_refusal(text: str) -> bool:
    """Whether a model declines in a text, or speaks of itself as one.

    It is one when the text *begins* with a refusal to help, provide or comply, or when any sentence begins with "As an
    AI …, I". A message in which a customer is sorry that he cannot pay, and a quotation of a refusal, are none.
    """
    if _DECLINES.match(text):
        return True
    folded = text.lower()
    return _AS in folded and any(words in folded for words in _ITSELF) and _SPEAKS.search(text) is not None


def _questions(sample: Sample) -> list[str]:
    """The question, and its parts: a template may say something before them."""
    parts = (value for value in sample.fields.values() if isinstance(value, str) and value != sample.prompt)
    return [sample.prompt, *parts]
