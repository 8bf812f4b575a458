"""Rebuilds a run's dataset versions from its log, without a key and without a network, and compares their ids."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from preceptor.endpoints.correspondence import ReplayCorrespondence
from preceptor.endpoints.index import LogIndex
from preceptor.endpoints.meter import Lease
from preceptor.loop.inspection import Inspection
from preceptor.loop.state import Attempt, RunState
from preceptor.recipes.amount import Limit
from preceptor.recipes.sample import Sample
from preceptor.spec.actors import OpenAITeacher
from preceptor.spec.document import Spec
from preceptor.storage import datasets
from preceptor.storage.spool import Spool
from preceptor.storage.store import Store
from preceptor.synthesis.assembly import Assembly
from preceptor.synthesis.context import UnitContext
from preceptor.synthesis.costs import UnitCosts
from preceptor.synthesis.units import Unit, UnitResult
from preceptor.synthesis.worker import UnitWorker
from preceptor.synthesis.writing import ModelUnits


@dataclass(frozen=True)
class Replayed:
    """One version, made again."""

    attempt: int
    """The attempt that made it."""
    version: str
    """The id in the ledger."""
    rebuilt: str
    """The id of the rows made now."""
    rows: int
    """How many they are."""
    requests: int
    """Requests whose answers were read from the log."""

    @property
    def same(self) -> bool:
        """Whether the same rows came of it."""
        return self.version == self.rebuilt


def replay(spec: Spec, store: Store, state: RunState, context: UnitContext) -> Iterator[Replayed]:
    """Make every version of a run again.

    Args:
        spec: The document as run.
        store: The run's directory.
        state: The fold of its ledger.
        context: The seed questions and the pool that the document names.

    Raises:
        StorageError: The log or a version that rows were carried over from is missing or damaged.
        RecipeError, TaskError: This release cannot carry out a recipe of the run.

    """
    inspection = Inspection(spec, store)
    for attempt in state.attempts:
        if attempt.committed is not None:
            yield _replayed(spec, store, attempt, context, inspection)


def _replayed(spec: Spec, store: Store, attempt: Attempt, context: UnitContext, inspection: Inspection) -> Replayed:
    assert attempt.committed is not None
    number, _ = datasets.parse_name(attempt.committed.version) or (None, "")  # early releases had no numbers
    recipe, carried = attempt.drafted.recipe, list[Sample]()
    if recipe.carry_over is not None:
        carried = [Sample.from_row(row) for row in datasets.read_rows(store, recipe.carry_over.version)]
        context = context.with_parents(carried)
    makes = _ModelReplay if isinstance(spec.teacher, OpenAITeacher) else _PlainReplay
    maker = makes(spec, store, attempt, context)
    limit = Limit.from_data(attempt.committed.limit)
    with Spool() as rows:
        assembly = Assembly(recipe, spec, carried, attempt.number, limit, context, keeper=rows)
        while units := assembly.wanted():
            for unit in units:
                assembly.add(maker.make(unit))
        made = inspection.replayed(attempt.number, assembly.result()).assembled.rows
        return Replayed(
            attempt=attempt.number,
            version=attempt.committed.version,
            rebuilt=datasets.version_name(number, rows.rows()) if len(made) else "",
            rows=len(made),
            requests=maker.requests,
        )


class _PlainReplay:
    """Makes units that nobody was asked for."""

    requests = 0

    def __init__(self, spec: Spec, store: Store, attempt: Attempt, context: UnitContext) -> None:
        self._recipe = attempt.drafted.recipe
        self._worker = UnitWorker(spec, context)

    def make(self, unit: Unit) -> UnitResult:
        return self._worker.make(self._recipe, unit)


class _ModelReplay:
    """Makes units from the answers in the log."""

    def __init__(self, spec: Spec, store: Store, attempt: Attempt, context: UnitContext) -> None:
        self._recipe = attempt.drafted.recipe
        self._units = ModelUnits(spec, context)
        self._costs = UnitCosts(spec, self._recipe, context)
        self._index = LogIndex.read(store, attempt.number)
        self.requests = 0

    def make(self, unit: Unit) -> UnitResult:
        line = ReplayCorrespondence(self._index, Lease(self._costs.worst(unit)))
        result = asyncio.run(self._units.make(self._recipe, unit, line))
        self.requests += line.tally.recorded
        return result
