"""Scorers of other packages, found through the entry-point group ``preceptor.scorers``; see ``EntryPointScorer``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from preceptor.errors import TaskError
from preceptor.spec.task import EntryPointScorer
from preceptor.tasks.scorers.score import Score

if TYPE_CHECKING:
    from preceptor.tasks.items import Item

GROUP = "preceptor.scorers"
"""The entry-point group."""

_LONGEST_SHOWN = 40


class Foreign:
    """Another package's scorer. What it gives is checked; what it raises becomes one message without the output."""

    def __init__(self, config: EntryPointScorer) -> None:
        """Raises :class:`TaskError` when it is not installed or cannot be made."""
        self._name = config.name
        found = found_scorer(config.name)
        self._made = self._trying(
            lambda: found.load()(**config.options),
            "cannot be made",
            mend=f"correct `task.scorer.options`, or install a {found.value} that works",
        )
        if not callable(getattr(self._made, "score", None)):
            raise TaskError(
                f"the scorer `{self._name}` has no `score`",
                mend=f"let {found.value} give an object with `score(item, output)`",
            )

    def score(self, item: Item, output: str) -> Score:
        """What it gives. ``TaskError`` when it fails or gives no score: nobody knows then what the answer is worth."""
        given = self._trying(lambda: self._made.score(item, output), f"failed on item {item.id}")
        score = given if isinstance(given, Score) else _from_number(given, output)
        if score is None or not _sound(score):
            raise TaskError(
                f"the scorer `{self._name}` gave {_shown(given)} for item {item.id}",
                mend="let `score` return a number from 0 to 1, or a `preceptor.tasks.scorers.Score` with one",
            )
        return score

    def readable(self, answer: str, fields: Mapping[str, Any]) -> bool:
        """What it says; where it has no opinion, whether there is any text."""
        if not answer.strip():
            return False
        asked = getattr(self._made, "readable", None)
        return asked is None or bool(self._trying(lambda: asked(answer, fields), "failed on an answer"))

    def _trying(
        self, work: Callable[[], Any], what: str, *, mend: str = "correct the scorer, or take another as `task.scorer`"
    ) -> Any:
        try:
            return work()
        except Exception as error:
            raise TaskError(f"the scorer `{self._name}` {what}: {type(error).__name__}", mend=mend) from error


def found_scorer(name: str) -> EntryPoint:
    """The installed entry point. ``TaskError`` when there is none, naming those there are."""
    installed = {point.name: point for point in entry_points(group=GROUP)}
    if name in installed:
        return installed[name]
    known = ", ".join(f"`{other}`" for other in sorted(installed)) or "none"
    raise TaskError(
        f"no scorer `{name}` is installed; there is: {known}",
        mend=f"install the package that has it (entry-point group `{GROUP}`), or correct `task.scorer.name`",
    )


def _from_number(given: Any, output: str) -> Score | None:
    if not isinstance(given, int | float) or math.isnan(given):
        return None
    return Score(float(given), given >= 1, output.strip() or None)


def _sound(score: Score) -> bool:
    """Whether a score is what its type says: who wrote it may not check types."""
    values: list[Any] = [score.value, *score.parts.values()] if isinstance(score.parts, Mapping) else [None]
    numbers = all(isinstance(value, int | float) and 0 <= value <= 1 for value in values)
    read: Any = score.extracted
    return numbers and isinstance(score.correct, bool) and (read is None or isinstance(read, str))


def _shown(given: Any) -> str:
    """A number as it is; of anything else, which may hold what a model wrote, the type."""
    value = given.value if isinstance(given, Score) else given
    if isinstance(value, int | float):
        return str(value)[:_LONGEST_SHOWN]
    return f"a value of type {type(given).__name__}"
