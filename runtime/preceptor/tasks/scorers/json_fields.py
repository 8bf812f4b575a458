"""Answers that are a JSON object, judged field by field."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn

from preceptor.errors import TaskError
from preceptor.spec.task import JsonField, JsonScorer
from preceptor.tasks.scorers.numbers import Number, whole_number
from preceptor.tasks.scorers.phrases import without_thoughts
from preceptor.tasks.scorers.score import Score

if TYPE_CHECKING:
    from preceptor.tasks.items import Item

_AS_TEXT = JsonField(compare="text")
"""How the members of an object are compared."""
_TOKEN = re.compile(r'[{}"]|\\.', re.DOTALL)


class JsonFields:
    """Scores the mean credit of the declared fields; others in the answer are ignored."""

    def __init__(self, config: JsonScorer) -> None:
        self._fields = config.fields
        self._all = config.credit == "all"

    def score(self, item: Item, output: str) -> Score:
        """Compare each field; an absent one counts like ``null``. ``TaskError`` when the reference is no object."""
        reference = self._read(item.reference)
        if reference is None:
            raise TaskError(f"item {item.id}: the reference is no JSON object", mend="check `task.items.answer`")
        answer = self._read(output)
        if answer is None:
            return Score(0.0, False, None, dict.fromkeys(self._fields, 0.0))
        parts = {
            name: _credit(answer[1].get(name), reference[1].get(name), field) for name, field in self._fields.items()
        }
        correct = all(credit == 1.0 for credit in parts.values())
        value = float(correct) if self._all else sum(parts.values()) / len(parts)
        return Score(value, correct, answer[0], parts)

    def readable(self, answer: str, fields: Mapping[str, Any]) -> bool:
        """Whether there is a complete JSON object."""
        return self._read(answer) is not None

    def _read(self, text: str) -> tuple[str, dict[str, Any]] | None:
        """The first object that has any of the fields, else the first of all, as text and as data.

        The first, because a small student that has answered goes on with more of the same until it is cut.
        """
        fallback = None
        for source, value in _objects(without_thoughts(text)):
            if self._fields.keys() & value.keys():
                return source, value
            fallback = fallback or (source, value)
        return fallback


def _objects(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The outermost JSON objects of a text. One that is cut off ends the search: what it holds is not the answer."""
    start = text.find("{")
    while start >= 0:
        end = _closing(text, start)
        if end is None:
            return
        value = _parsed(text[start:end])
        if value is not None:
            yield text[start:end], value
        start = text.find("{", end)


def _closing(text: str, start: int) -> int | None:
    """Where the object that begins at ``start`` ends, whether or not it is good JSON."""
    depth, quoted = 0, False
    for token in _TOKEN.finditer(text, start):
        match token.group():
            case '"':
                quoted = not quoted
            case "{" if not quoted:
                depth += 1
            case "}" if not quoted:
                depth -= 1
                if depth == 0:
                    return token.end()
    return None


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text, strict=False, parse_int=Decimal, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _credit(answer: Any, reference: Any, field: JsonField) -> float:
    """How much of a field is right, from 0 to 1."""
    if field.compare == "members" and isinstance(answer, dict) and isinstance(reference, dict):
        return _overlap(answer, reference)
    return float(_same(answer, reference, field))


def _overlap(answer: Mapping[str, Any], reference: Mapping[str, Any]) -> float:
    """F1 of an object's members: twice those that both have, by all members of the two; 1 when neither has any."""
    shared = sum(_same(answer[name], value, _AS_TEXT) for name, value in reference.items() if name in answer)
    members = len(answer) + len(reference)
    return 2 * shared / members if members else 1.0


def _same(answer: Any, reference: Any, field: JsonField) -> bool:
    if field.compare == "number":
        numbers = _number(answer), _number(reference)
        if numbers[0] is not None and numbers[1] is not None:
            return numbers[0].close(numbers[1], absolute=field.absolute_tolerance)
    if field.compare == "text" and isinstance(answer, str) and isinstance(reference, str):
        return _folded(answer) == _folded(reference)
    return _equal(answer, reference)


def _number(value: Any) -> Number | None:
    return whole_number(str(value)) if isinstance(value, str | Decimal) else None


def _folded(text: str) -> str:
    """Case, punctuation and white space folded, apostrophes dropped; a text of punctuation alone stays itself."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("\u2019", "")
    words = "".join(" " if unicodedata.category(letter)[0] in "PZC" else letter for letter in plain).split()
    return " ".join(words) or plain


def _equal(answer: Any, reference: Any) -> bool:
    """Equality of JSON values: unlike in Python, ``true`` is not 1; as in JSON, 1 is 1.0."""
    if isinstance(answer, dict) and isinstance(reference, dict):
        return answer.keys() == reference.keys() and all(_equal(answer[key], reference[key]) for key in answer)
    if isinstance(answer, list) and isinstance(reference, list):
        return len(answer) == len(reference) and all(map(_equal, answer, reference))
    return type(answer) is type(reference) and bool(answer == reference)
