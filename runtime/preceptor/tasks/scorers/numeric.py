"""Answers that are a number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from preceptor.errors import TaskError
from preceptor.spec.task import NumericScorer
from preceptor.tasks.scorers.formulas import closed_form
from preceptor.tasks.scorers.numbers import Number, first_number, in_units_of_ten, last_number
from preceptor.tasks.scorers.phrases import after_phrase, last_boxed, without_thoughts
from preceptor.tasks.scorers.score import Score, all_or_nothing

if TYPE_CHECKING:
    from preceptor.tasks.items import Item

_RESULT = re.compile(r"=|\u2248|\\approx")
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
_ENDING = 40
_ENDS_IN_NUMBER = re.compile(r"[A-Za-z:=#] [0-9]{1,15}\.?\s*\Z")
_DECORATION = re.compile(r"\\(?:text|textbf|mathrm|mathbf)(?![A-Za-z])")


class Numeric:
    """Right when the number an output ends in is within tolerance of the reference's; see ``NumericScorer``."""

    def __init__(self, config: NumericScorer) -> None:
        self._relative = config.relative_tolerance
        self._absolute = config.absolute_tolerance

    def score(self, item: Item, output: str) -> Score:
        """Compare the output's number with the reference's. ``TaskError`` when the reference has none."""
        references = _readings(item.reference)
        if references:
            answers = _readings(output)
            pairs = ((answer, reference) for answer in answers for reference in references)
            correct = any(answer.close(reference, self._relative, self._absolute) for answer, reference in pairs)
            return all_or_nothing(correct, answers[-1].text if answers else None)
        reference = read_truth(item.reference)
        if reference is None:
            raise TaskError(f"item {item.id}: the reference holds no number", mend="check `task.items.answer`")
        said = read_truth(output)
        return all_or_nothing(said is not None and _TRUTH[said] is _TRUTH[reference], said)

    def readable(self, answer: str, fields: Mapping[str, Any]) -> bool:
        """Whether there is a number, or a truth value, to read."""
        if "\\" not in answer and _ENDS_IN_NUMBER.search(answer[-_ENDING:]):
            return True  # as most do: nothing of what is read first can take that number's place, and leave none
        return bool(_readings(answer)) or read_truth(answer) is not None


def read_number(text: str) -> Number | None:
    r"""The number in the last ``\boxed{}``; else the one after the last "answer is"; else the last one."""
    text = without_thoughts(text)
    boxed = last_boxed(text)
    if boxed is not None:
        value = closed_form(_RESULT.split(boxed)[-1])
        return first_number(boxed) if value is None else Number(value, False, boxed.strip())
    sentence = after_phrase(text)
    return (first_number(sentence) if sentence else None) or last_number(text)


def read_truth(text: str) -> str | None:
    r"""The truth value, in lower case: in the last ``\boxed{}``; else after "answer is"; else all that is written."""
    text = without_thoughts(text)
    boxed = last_boxed(text)
    for part in (boxed,) if boxed is not None else (after_phrase(text), text):
        plain = _DECORATION.sub("", part or "").strip(" \t\r\n.,:;!*_$`{}()").casefold()
        if plain in _TRUTH:
            return plain
    return None


def _readings(text: str) -> tuple[Number, ...]:
    """What a text's number may mean: two values when a unit with a power of ten follows it, else one or none."""
    text = without_thoughts(text)
    boxed = last_boxed(text)
    both = in_units_of_ten(text if boxed is None else boxed)
    if both is not None:
        return both
    number = read_number(text)
    return () if number is None else (number,)
