"""Answers that are a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from preceptor.errors import TaskError
from preceptor.spec.task import NumericScorer
from preceptor.tasks.scorers.numbers import Number, first_number, last_number
from preceptor.tasks.scorers.phrases import after_phrase, last_boxed
from preceptor.tasks.scorers.score import Score, all_or_nothing

if TYPE_CHECKING:
    from preceptor.tasks.items import Item


class Numeric:
    """Right when the number an output ends in is within tolerance of the reference's."""

    def __init__(self, config: NumericScorer) -> None:
        self._relative = config.relative_tolerance
        self._absolute = config.absolute_tolerance

    def score(self, item: Item, output: str) -> Score:
        """Compare the output's number with the reference's. ``TaskError`` when the reference has none."""
        reference = read_number(item.reference)
        if reference is None:
            raise TaskError(f"item {item.id}: the reference holds no number", mend="check `task.items.answer`")
        answer = read_number(output)
        if answer is None:
            return all_or_nothing(False, None)
        return all_or_nothing(answer.close(reference, self._relative, self._absolute), answer.text)

    def readable(self, answer: str, fields: Mapping[str, Any]) -> bool:
        """Whether there is a number to read."""
        return read_number(answer) is not None


def read_number(text: str) -> Number | None:
    r"""The number in the last ``\boxed{}``; else the one after the last "answer is"; else the last one."""
    boxed = last_boxed(text)
    if boxed is not None:
        return first_number(boxed)
    sentence = after_phrase(text)
    return (first_number(sentence) if sentence else None) or last_number(text)
