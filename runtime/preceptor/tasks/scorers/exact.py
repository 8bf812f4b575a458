"""Answers that are the same text."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from preceptor.spec.task import ExactScorer
from preceptor.tasks.scorers.phrases import without_thoughts
from preceptor.tasks.scorers.score import Score, all_or_nothing

if TYPE_CHECKING:
    from preceptor.tasks.items import Item


class Exact:
    """Right when output and reference are equal after white space, and case unless told, is folded.

    A letter and its accent may be written as one sign or as two.
    """

    def __init__(self, config: ExactScorer) -> None:
        self._case_sensitive = config.case_sensitive

    def score(self, item: Item, output: str) -> Score:
        """Compare the whole output with the reference."""
        answer = without_thoughts(output).strip() or None
        return all_or_nothing(answer is not None and self._folded(answer) == self._folded(item.reference), answer)

    def readable(self, answer: str, fields: Mapping[str, Any]) -> bool:
        """Whether there is any text."""
        return bool(without_thoughts(answer).strip())

    def _folded(self, text: str) -> str:
        spaced = " ".join(unicodedata.normalize("NFC", text).split())
        return spaced if self._case_sensitive else spaced.casefold()
