"""The answers that examinations left, read once, and laid side by side item by item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from preceptor.loop.events import BASE, ControlEnded, SplitName, StudentTrained
from preceptor.loop.state import RunState
from preceptor.storage import evaluations
from preceptor.storage.store import Store
from preceptor.tasks.grading import Prediction


@dataclass(frozen=True)
class Sheet:
    """Answers of one or more sittings to the same items; arrays have the shape ``(sittings, items)``."""

    items: tuple[str, ...]
    """Ids, sorted."""
    clusters: tuple[str, ...]
    """Each item's context."""
    skills: tuple[str, ...]
    """Each item's skill."""
    values: NDArray[np.float64]
    """Scores in [0, 1]."""
    correct: NDArray[np.bool_]
    """Whether right in every part."""

    @property
    def means(self) -> NDArray[np.float64]:
        """Each item's mean score over the sittings: shape ``(items,)``."""
        means: NDArray[np.float64] = self.values.mean(axis=0)
        return means

    def of_skill(self, skill: str) -> Sheet:
        """The items of one skill."""
        kept = [place for place, name in enumerate(self.skills) if name == skill]
        return Sheet(
            items=tuple(self.items[place] for place in kept),
            clusters=tuple(self.clusters[place] for place in kept),
            skills=(skill,) * len(kept),
            values=self.values[:, kept],
            correct=self.correct[:, kept],
        )


def sheet(sittings: Sequence[Sequence[Prediction]]) -> Sheet:
    """Lay sittings side by side. ``KeyError`` when they did not answer the same items."""
    by_id = [{row.item_id: row for row in rows} for rows in sittings]
    items = tuple(sorted(by_id[0]))
    first = [by_id[0][item] for item in items]
    return Sheet(
        items=items,
        clusters=tuple(row.cluster for row in first),
        skills=tuple(row.skill for row in first),
        values=np.array([[rows[item].value for item in items] for rows in by_id], dtype=np.float64),
        correct=np.array([[rows[item].correct for item in items] for rows in by_id], dtype=np.bool_),
    )


@dataclass(frozen=True)
class Answers:
    """Reads the predictions that a run's examinations left."""

    store: Store
    """The run's directory."""
    state: RunState
    """Says which there are."""
    _read: dict[tuple[str, str], list[Prediction]] = field(default_factory=dict)

    def of(self, subject: str, split: SplitName) -> list[Prediction]:
        """A subject's predictions on a split. ``KeyError`` when it did not answer it."""
        return self._stored(self.state.scores[subject, split].evaluation, "")

    def control(self, event: ControlEnded) -> list[list[Prediction]]:
        """A control's predictions, a list for each of its students."""
        return [self._stored(score.evaluation, event.directory) for score in event.scores]

    def sheet(self, split: SplitName, *subjects: str) -> Sheet:
        """Scores of subjects on a split."""
        return sheet([self.of(subject, split) for subject in subjects])

    @property
    def base(self) -> Sheet | None:
        """The untrained student on private; ``None`` when it was not opened."""
        return self.sheet("private", BASE) if self.finalists else None

    @property
    def finalists(self) -> tuple[StudentTrained, ...]:
        """Students of the best version that answered the private split, in the order of their seeds."""
        return finalists(self.state) if self.state.opened else ()

    def _stored(self, evaluation: str, directory: str) -> list[Prediction]:
        if (directory, evaluation) not in self._read:
            store = self.store.child(directory) if directory else self.store
            self._read[directory, evaluation] = evaluations.read(store, evaluation)
        return self._read[directory, evaluation]


def finalists(state: RunState) -> tuple[StudentTrained, ...]:
    """Students of the best version that ever answered the private split, in the order of their seeds.

    The search's own student, which an earlier reading may have had to stand in for them, is none beside fresh ones.
    """
    if state.best is None or state.best.committed is None:
        return ()
    version = state.best.committed.version
    found = [
        event
        for event in state.trainings.values()
        if event.version == version and (event.training, "private") in state.scores
    ]
    fresh = [event for event in found if event.seed_index > 0]
    return tuple(sorted(fresh or found, key=lambda event: event.seed_index))


def kind_of(prediction: Prediction) -> str:
    """What became of an answer; see :class:`preceptor.report.schema.Mistakes`."""
    if prediction.correct:
        return "right"
    if prediction.extracted is None:
        return "cut off" if prediction.truncated else "unreadable"
    return "partly right" if prediction.value > 0 else "wrong"


KINDS = ("right", "partly right", "wrong", "unreadable", "cut off")


def shares(sittings: Sequence[Sequence[Prediction]]) -> Mapping[str, float]:
    """Share of answers of each kind, over all sittings; kinds that do not occur included."""
    kinds = [kind_of(row) for rows in sittings for row in rows]
    return {kind: kinds.count(kind) / len(kinds) for kind in KINDS}
