"""Answers that are one label of a few."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from preceptor.errors import TaskError
from preceptor.spec.task import ChoiceScorer
from preceptor.tasks.scorers.phrases import after_phrase, last_boxed, without_thoughts
from preceptor.tasks.scorers.score import Score, all_or_nothing

if TYPE_CHECKING:
    from preceptor.tasks.items import Item

_AROUND = " \t\n\r()[]{}<>*_`'\".,:;!$"


class Choice:
    """Right when the output names the reference's label and no other."""

    def __init__(self, config: ChoiceScorer) -> None:
        self._labels = {label.casefold(): label for label in config.choices}
        # Longest first, so that "not entailed" is not read as "entailed". A lone letter counts only as it is spelled:
        # in prose, "a" and "I" are words.
        spelled = [
            re.escape(label) if len(label) == 1 else f"(?i:{re.escape(label)})"
            for label in sorted(config.choices, key=len, reverse=True)
        ]
        label = f"(?<!\\w)({'|'.join(spelled)})(?!\\w|'\\w)"
        self._named = re.compile(label)
        self._marked = re.compile(f"{label}\\s*[)\\].:]")

    def score(self, item: Item, output: str) -> Score:
        """Compare the label with the reference's. ``TaskError`` when the reference names none."""
        reference = self._read(item.reference)
        if reference is None:
            raise TaskError(
                f"item {item.id}: the reference names none of {', '.join(self._labels.values())}",
                mend="check `task.items.answer` and `task.scorer.choices`",
            )
        answer = self._read(output)
        return all_or_nothing(answer == reference, answer)

    def readable(self, answer: str, fields: Mapping[str, Any]) -> bool:
        """Whether one label is named."""
        return self._read(answer) is not None

    def _read(self, text: str) -> str | None:
        """The label, from the first of these places that has one.

        Boxed; the whole output; after "the answer is"; alone on the first line; in front of it; the only one it names.
        """
        text = without_thoughts(text)
        for part in (last_boxed(text), text):
            label = self._labels.get(part.strip(_AROUND).casefold()) if part is not None else None
            if label is not None:
                return label
        sentence = after_phrase(text)
        first, *others = (
            self._labels.get(line.strip(_AROUND).casefold()) for line in text.strip().splitlines() or [""]
        )
        if first is not None and sentence is None and not any(others):
            return first
        if sentence is not None and (named := self._in(self._named, sentence)):
            return named.pop() if len(named) == 1 else None
        marked = self._in(self._marked, text)
        if len(marked) == 1 and self._marked.match(text.lstrip(_AROUND)):
            return marked.pop()
        named = self._in(self._named, text)
        return named.pop() if len(named) == 1 else None

    def _in(self, pattern: re.Pattern[str], text: str) -> set[str]:
        return {self._labels[match[1].casefold()] for match in pattern.finditer(text)}
