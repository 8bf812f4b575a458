"""Carries out a recipe: rows from whoever makes them, within what is left of the budget, committed as a version.

An attempt that is cut short is made again from its log: answers that were paid for are read, what was under way is
charged at its worst case, and the same rows come of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from preceptor import __version__
from preceptor.endpoints.index import LogIndex
from preceptor.errors import ClusterError, RecipeError, TaskError
from preceptor.gates.gate import gate_of
from preceptor.loop.asking import lost_by_engineers
from preceptor.loop.budget import left_for_attempt
from preceptor.loop.events import AttemptFailed, DatasetCommitted
from preceptor.loop.inspection import Inspected, Inspection
from preceptor.loop.inspectors import prompts
from preceptor.loop.parts import MakersLostError, MakingOrder, Reporter, Workforce
from preceptor.loop.state import Attempt, RunState
from preceptor.recipes.amount import Amount, Limit
from preceptor.recipes.sample import Sample
from preceptor.spec.actors import LLMEngineer, OpenAITeacher
from preceptor.spec.document import Spec
from preceptor.spec.recipe import Recipe
from preceptor.storage import datasets
from preceptor.storage.spool import Spool
from preceptor.storage.store import Store
from preceptor.synthesis.assembly import Assembled, Assembly
from preceptor.synthesis.context import UnitContext
from preceptor.synthesis.costs import estimate
from preceptor.tasks.content import Content

TRIES = 4
"""Times that an attempt is begun, when those who make its rows keep dying."""


@dataclass(frozen=True)
class Generation:
    """Makes dataset versions of one run."""

    spec: Spec
    """The document's ``spec``."""
    store: Store
    """The run's directory in storage."""
    workforce: Workforce
    """Makes the rows."""
    reporter: Reporter
    """Is told about it."""
    context: UnitContext
    """Seed questions and pool."""
    epoch: int
    """The driver's epoch."""
    inspection: Inspection | None = None
    """Compares rows with the examination by meaning, when the document wants it."""
    seconds: Callable[[], float] = field(default=time.monotonic)
    """A monotonic clock."""

    def carry_out(self, attempt: Attempt, state: RunState) -> DatasetCommitted | AttemptFailed:
        """Fill a recipe's quotas and commit what came of it."""
        started = self.seconds()
        try:
            for _ in range(TRIES):
                lost = self._lost(attempt)
                whole = left_for_attempt(self.spec, state) - lost
                limit = whole - self._reserve(attempt)
                with Spool() as rows:
                    try:
                        assembled = self._assemble(attempt, limit, rows)
                    except MakersLostError as error:
                        cause = error
                        continue
                    inspected = self._inspected(attempt, assembled, whole)
                    return self._outcome(attempt, state, inspected, rows, lost, limit, started)
        except (RecipeError, TaskError) as error:
            if not isinstance(self.spec.engineer, LLMEngineer):
                raise  # whoever wrote the document can mend it; a model is told, and tries again
            return self._broken(attempt, error, self.seconds() - started)
        raise ClusterError(
            f"those who make rows died {TRIES} times, the last time with: {cause}. Run the same command again "
            "to continue; if they die again, lower teacher.concurrency"
        ) from cause

    def expected(self, recipe: Recipe, state: RunState) -> Amount:
        """What carrying a recipe out uses up as a rule, at the yield so far; nothing when nobody is asked for it."""
        if not isinstance(self.spec.teacher, OpenAITeacher):
            return Amount()
        context = self._context_of(recipe)
        carried = {skill: len(rows) for skill, rows in context.parents.items()}
        yields = {plan.skill: state.yielded for plan in recipe.skills}
        return replace(estimate(recipe, self.spec, carried, context, yields).expected, rows=0)

    def order(self, attempt: Attempt) -> MakingOrder:
        """What the units of an attempt are made from."""
        recipe = attempt.drafted.recipe
        return MakingOrder(self.store.uri(), self.epoch, attempt.number, recipe, self._context_of(recipe))

    def _context_of(self, recipe: Recipe) -> UnitContext:
        if recipe.carry_over is None:
            return self.context
        return self.context.with_parents(self.samples(recipe.carry_over.version))

    def samples(self, version: str) -> list[Sample]:
        """The rows of a version."""
        return [Sample.from_row(row) for row in datasets.read_rows(self.store, version)]

    def _assemble(self, attempt: Attempt, limit: Limit, rows: Spool) -> Assembled:
        order = self.order(attempt)
        recipe = order.recipe
        carried = self.samples(recipe.carry_over.version) if recipe.carry_over else []
        assembly = Assembly(recipe, self.spec, carried, attempt.number, limit, order.context, keeper=rows)
        with self.reporter.stage(f"generate rows for attempt {attempt.number}", recipe.rows) as stage:
            while units := assembly.wanted():
                for result in self.workforce.make(order, units):
                    assembly.add(result)
                    stage.advance(assembly.accepted)
                    stage.spend(assembly.spent)
        return assembly.result()

    def _reserve(self, attempt: Attempt) -> Amount:
        if self.inspection is None:
            return Amount()
        return self.inspection.reserve(attempt.number, attempt.drafted.recipe.rows)

    def _inspected(self, attempt: Attempt, assembled: Assembled, limit: Limit) -> Inspected:
        """What is left of the rows; too few for a version are not worth asking about."""
        if self.inspection is None or len(assembled.rows) < self.spec.dataset.minimum:
            return Inspected(assembled)
        return self.inspection.carry_out(attempt.number, assembled, limit)

    def _lost(self, attempt: Attempt) -> Amount:
        """What requests of this attempt that were under way when their process died may have cost."""
        if not isinstance(self.spec.teacher, OpenAITeacher):
            return Amount()
        index = LogIndex.read(self.store, attempt.number)
        return index.lost - lost_by_engineers(index, self.epoch)

    def _outcome(
        self,
        attempt: Attempt,
        state: RunState,
        inspected: Inspected,
        rows: Spool,
        lost: Amount,
        limit: Limit,
        started: float,
    ) -> DatasetCommitted | AttemptFailed:
        assembled = inspected.assembled
        outcome = {
            "attempt": attempt.number,
            "made": assembled.made,
            "dropped": dict(assembled.dropped),
            "short": dict(assembled.short),
            "spent": (replace(assembled.spent, rows=0) + lost).to_data(),
            "limit": limit.to_data(),
        }
        minimum = self.spec.dataset.minimum
        if inspected.failure or len(assembled.rows) < minimum:
            exhausted = assembled.funnel.exhausted or bool(inspected.failure)
            reason = f"{len(assembled.rows)} rows passed the gates; the document asks for {minimum}"
            if exhausted:
                reason += f"; {inspected.failure or 'the budget ended first'}"
            return AttemptFailed(
                **outcome,
                kind="budget" if exhausted else "too-few-rows",
                reason=reason,
                accepted=len(assembled.rows),
                seconds=round(self.seconds() - started, 3),
            )
        manifest = datasets.commit(
            self.store,
            rows.rows(),
            self._version_info(attempt, state, assembled),
            says=self._says,
        )
        return DatasetCommitted(
            **outcome,
            version=manifest.version,
            manifest=datasets.manifest_digest(self.store, manifest.version),
            rows=manifest.rows,
            skills=dict(manifest.skills),
            carried=assembled.carried,
            seconds=round(self.seconds() - started, 3),
        )

    def _version_info(self, attempt: Attempt, state: RunState, assembled: Assembled) -> datasets.VersionInfo:
        recipe = attempt.drafted
        return datasets.VersionInfo(
            number=version_number(attempt, state),
            description=self.spec.task.description,
            recipe=recipe.digest,
            parents=(recipe.recipe.carry_over.version,) if recipe.recipe.carry_over else (),
            funnel=assembled.funnel.model_dump(mode="json"),
            gates=_gates(self.spec, assembled.dropped),
            created_by={"preceptor": __version__},
        )

    def _says(self, row: datasets.Row) -> str:
        """A row's question without what the task says around every question: variety is measured by it."""
        return self._content.of(json.loads(row["fields"]), row["prompt"])

    @cached_property
    def _content(self) -> Content:
        return Content(self.spec.task)

    def _broken(self, attempt: Attempt, error: Exception, seconds: float) -> AttemptFailed:
        """The recipe could not be carried out; what was asked until then is in the log."""
        index = LogIndex.read(self.store, attempt.number)
        spent = index.spent - Amount.from_data(attempt.drafted.spent)
        return AttemptFailed(
            attempt=attempt.number,
            kind="failed",
            reason=str(error),
            accepted=0,
            made=0,
            dropped={},
            spent=spent.to_data(),
            seconds=round(seconds, 3),
        )


_ADDRESSES: Mapping[str, Any] = {"contamination": {"neighbours": {"endpoint": True, "checker": {"endpoint": True}}}}
"""What is nothing for whoever reads a dataset."""


def version_number(attempt: Attempt, state: RunState) -> int:
    """The number of the version that an attempt gives: versions of a run count from 1."""
    return 1 + sum(other.committed is not None and other.number < attempt.number for other in state.attempts)


def _gates(spec: Spec, dropped: Mapping[str, int]) -> dict[str, object]:
    """Every gate with its settings and what it dropped, by reason."""
    settings = spec.dataset.gates.model_dump(mode="json", by_alias=True, exclude=_ADDRESSES)
    for custom in settings.pop("custom"):
        settings[custom["name"]] = custom
    if (neighbours := settings["contamination"]["neighbours"]) is not None:
        neighbours["prompts"] = prompts()
    counts: dict[str, dict[str, int]] = {}
    for reason, count in dropped.items():
        counts.setdefault(gate_of(reason), {})[reason] = count
    return {gate: {**settings.get(gate, {}), "dropped": counts.get(gate, {})} for gate in {**settings, **counts}}
