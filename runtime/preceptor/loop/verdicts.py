"""Comes to a verdict about every row: whether it is near a protected question, and whether it then asks the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from preceptor.gates.contamination import SEEDS
from preceptor.gates.nearness import nearest
from preceptor.loop.inspectors import Inspector, Vector, batches
from preceptor.loop.parts import Stage
from preceptor.loop.waves import UnpaidError, paid
from preceptor.recipes.sample import Sample
from preceptor.spec.gates import NeighbourCheck
from preceptor.synthesis.keeping import Keeper
from preceptor.tasks.content import Content

NEIGHBOUR = "contaminated-neighbour"
"""Reason given to a row that asks the same as a protected question."""
UNCHECKED = "contaminated-unchecked"
"""Reason given to a row of which nobody could say that: too long, no readable verdict, or no budget left."""
SEED_NEIGHBOUR, SEED_UNCHECKED = "seed-copy-neighbour", "seed-copy-unchecked"
"""The same of raw seed questions."""
_REASONS = ((NEIGHBOUR, UNCHECKED), (SEED_NEIGHBOUR, SEED_UNCHECKED))
NEAREST = 3
"""Protected questions that a row is compared with, at most, nearest first."""
_WAVE = 1024  # rows that are in memory at once


@dataclass
class Verdicts:
    """Comes to a verdict about every fresh row. Rows are read twice, so that few are in memory at once."""

    settings: NeighbourCheck
    content: Content
    inspector: Inspector
    stage: Stage | None
    near: dict[str, list[str]] = field(default_factory=dict)
    """Names of the protected questions near a row, nearest first, by its id; only of rows that are near any."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Why rows are dropped, by id."""

    async def embed(self, rows: Keeper) -> None:
        """Find the rows that are near a protected question. Raises :class:`UnpaidError`."""
        questions, done = _Questions(await self.inspector.questions(), self.settings.threshold), 0
        for wave in _waves(rows):
            texts = {id: self._text(row) for id, row in wave.items()}
            works = [self._embedding(batch) for batch in batches(texts)]
            solved = {id for id, row in wave.items() if row.receipt.source == "solve"}  # these answer seeds
            for vectors in await paid(works, self.settings.concurrency):
                if vectors is None:
                    raise UnpaidError
                near = questions.near({id: one for id, one in vectors.items() if id not in solved}, seeds=True)
                near |= questions.near({id: one for id, one in vectors.items() if id in solved}, seeds=False)
                self.near |= {id: names for id, names in near.items() if names}
                texts = {id: text for id, text in texts.items() if id not in near}
            self.reasons |= dict.fromkeys(texts, UNCHECKED)  # what has no vector
            done += len(wave)
            if self.stage is not None:
                self.stage.advance(done)

    async def check(self, rows: Keeper) -> None:
        """Let the checker decide about the rows that are near. What cannot be paid for is dropped."""
        for wave in _waves(rows, self.near):
            works = [self._checking(id, self._text(row)) for id, row in wave.items()]
            for id, verdict in zip(wave, await paid(works, self.settings.concurrency), strict=True):
                if verdict is None or verdict.reason:
                    self.reasons[id] = verdict.reason if verdict else UNCHECKED

    def _embedding(self, batch: Mapping[str, str]) -> Callable[[], Awaitable[dict[str, Vector]]]:
        return lambda: self.inspector.rows(batch)

    def _checking(self, row: str, text: str) -> Callable[[], Awaitable[Verdict]]:
        async def check() -> Verdict:
            for question in self.near[row]:
                same = await self.inspector.same(row, text, question)
                if same is not False:
                    neighbour, unchecked = _REASONS[question.startswith(f"{SEEDS}:")]
                    return Verdict(neighbour if same else unchecked)
            return Verdict("")

        return check

    def _text(self, row: Sample) -> str:
        return self.content.of(row.fields, row.prompt)


@dataclass(frozen=True)
class Verdict:
    """What comes of checking a row."""

    reason: str
    """Why it is dropped; empty when it may stay."""


class _Questions:
    """The vectors of protected questions."""

    def __init__(self, vectors: Mapping[str, Vector], threshold: float) -> None:
        self._threshold = threshold
        names = sorted(vectors)  # the same order whether they come from models or from the log
        names.sort(key=lambda name: name.startswith(f"{SEEDS}:"))
        self._names = names
        self._exam = sum(not name.startswith(f"{SEEDS}:") for name in names)  # seeds come last
        self._matrix = np.stack([vectors[name] for name in names]) if names else np.zeros((0, 0))

    def near(self, vectors: Mapping[str, Vector], *, seeds: bool) -> dict[str, list[str]]:
        """Names of the questions near each vector; those whose vectors cannot be compared are left out."""
        if not self._names:
            return {id: [] for id in vectors}
        fitting = {id: vector for id, vector in vectors.items() if len(vector) == self._matrix.shape[1]}
        if not fitting:
            return {}
        others = self._matrix if seeds else self._matrix[: self._exam]
        found = nearest(np.stack(list(fitting.values())), others, self._threshold, NEAREST)
        return {id: [self._names[number] for number in near] for id, near in zip(fitting, found, strict=True)}


def _waves(rows: Keeper, only: Container[str] | None = None) -> Iterator[dict[str, Sample]]:
    """The fresh rows, or those among them, by id, some at a time. Of several of one id, one stands for all."""
    wave: dict[str, Sample] = {}
    for row in rows:
        if row.receipt.carried_from is None and (only is None or row.id in only):
            if len(wave) == _WAVE and row.id not in wave:
                yield wave
                wave = {}
            if row.id not in wave or row.receipt.source != "solve":  # who may copy less is compared with more
                wave[row.id] = row
    if wave:
        yield wave
