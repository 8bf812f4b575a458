"""Answers judged by the verifier of the reasoning-gym dataset that the item came from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from tokenize import TokenError
from typing import TYPE_CHECKING, Any, cast

from preceptor.errors import TaskError
from preceptor.spec.task import ReasoningGymScorer
from preceptor.tasks.scorers.gym_screen import entry_is_safe, screened
from preceptor.tasks.scorers.phrases import without_thoughts
from preceptor.tasks.scorers.score import Score

if TYPE_CHECKING:
    from preceptor.tasks.items import Item

_TAGGED = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_LONGEST_ANSWER = 20_000
_ROUNDING = 1e-9
_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TokenError,
    TypeError,
    ValueError,
)
"""What verifiers let escape for answers they do not expect; it means the answer is wrong."""

Verifier = Callable[[str, dict[str, Any]], float]


class ReasoningGym:
    """Scores with reasoning-gym. The item's record is the entry: ``question``, ``answer``, ``metadata``."""

    def __init__(self, config: ReasoningGymScorer) -> None:
        self._threshold = config.threshold

    def score(self, item: Item, output: str) -> Score:
        """Ask the verifier. ``TaskError`` when the record is no entry of a dataset that this reasoning-gym has."""
        name, entry = _entry(item)
        verify = _verifier(name)
        answer = _answer(output)
        if answer is None:
            return Score(0.0, False, None)
        if not screened(name, answer):
            return Score(0.0, False, answer)
        try:
            value = min(max(float(verify(answer, entry)), 0.0), 1.0)
        except _FAILURES:
            value = 0.0
        return Score(value, value >= self._threshold - _ROUNDING, answer)

    def readable(self, answer: str, fields: Mapping[str, Any]) -> bool:
        """Whether there is any answer; only the verifier knows more."""
        return _answer(answer) is not None


def _answer(output: str) -> str | None:
    """What stands between the last ``<answer>`` tags, else the whole output; ``None`` when blank or absurdly long."""
    output = without_thoughts(output)
    tagged = _TAGGED.findall(output)
    answer = (tagged[-1] if tagged else output).strip()
    return answer if 0 < len(answer) <= _LONGEST_ANSWER else None


def _entry(item: Item) -> tuple[str, dict[str, Any]]:
    entry = dict(item.fields)
    metadata = entry.get("metadata") or {}
    if isinstance(metadata, str):  # as CSV files have it
        try:
            metadata = json.loads(metadata)
        except ValueError as error:
            raise TaskError(
                f"item {item.id}: column `metadata` is no JSON", mend="keep reasoning-gym's entry"
            ) from error
    name = entry.get("source_dataset") or (metadata.get("source_dataset") if isinstance(metadata, dict) else None)
    if not isinstance(name, str) or "answer" not in entry:
        raise TaskError(
            f"item {item.id} is no reasoning-gym entry: it needs `question`, `answer` and `metadata.source_dataset`",
            mend="write the examination's records as reasoning-gym gives them",
        )
    entry["metadata"] = metadata
    if not entry_is_safe(name, entry):
        raise TaskError(
            f"item {item.id}: the verifier of `{name}` would run text of this record as code",
            mend="use records as reasoning-gym makes them",
        )
    return name, entry


@cache
def _verifier(name: str) -> Verifier:
    try:
        from reasoning_gym import get_score_answer_fn
    except ImportError as error:
        raise TaskError(
            "the scorer `reasoning-gym` needs the package reasoning-gym",
            mend="pip install 'preceptor[reasoning-gym]'",
        ) from error
    try:
        return cast(Verifier, get_score_answer_fn(name))
    except ValueError as error:
        raise TaskError(f"reasoning-gym has no dataset `{name}`", mend="check `source_dataset`") from error
