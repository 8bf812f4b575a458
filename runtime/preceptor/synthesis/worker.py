"""Carries out units of work that need nobody's answer: drafts from generators and rows of a pool, past the gates.

Units whose rows a model writes are :class:`preceptor.synthesis.writing.ModelUnits`'s.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from preceptor.errors import RecipeError, TaskError
from preceptor.gates.gate import Screen
from preceptor.recipes.digests import digest
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.document import Spec
from preceptor.spec.recipe import PoolSource, ProceduralSource, Recipe
from preceptor.synthesis.context import Materials, UnitContext, pool_of
from preceptor.synthesis.openings import UNRENDERABLE
from preceptor.synthesis.units import Unit, UnitResult, unit_source
from preceptor.tasks.prompts import render_prompt
from preceptor.tasks.scorers import build_scorer
from preceptor.teachers.build import build_teacher

VERIFIER = "verifier"
"""Reason given to a row that its generator's own verifier did not accept."""


class UnitWorker:
    """Makes units for one document. Any number of workers, in any process, make the same rows from the same unit."""

    def __init__(self, spec: Spec, context: UnitContext | None = None) -> None:
        self._spec = spec
        self._context = context or UnitContext()
        self._teacher = build_teacher(spec.teacher)
        self._screen = Screen(spec, build_scorer(spec.task.scorer), self._context.safeguards)
        pool = pool_of(spec.teacher)
        self._pool = "" if pool is None else f"pool:{digest(pool.model_dump(mode='json'))[:12]}"
        self._materials: dict[str, Materials] = {}

    def make(self, recipe: Recipe, unit: Unit) -> UnitResult:
        """The rows of a unit.

        Raises ``RecipeError`` for a unit that this worker cannot make, ``TaskError`` when templates do not render.
        """
        match unit_source(recipe, unit):
            case ProceduralSource() as source:
                return self._procedural(unit, source)
            case PoolSource():
                return self._selected(recipe, unit)
            case source:
                raise RecipeError(f"a source of kind `{source.kind}` needs a model to ask")

    def judge(self, sample: Sample) -> Sample | str:
        """Why a row may not pass the gates that need no memory; else the row, with what they noted."""
        return self._screen.judge(sample)

    def _procedural(self, unit: Unit, source: ProceduralSource) -> UnitResult:
        drafts = self._teacher.make(source.generator, levels=source.difficulty, count=unit.size, seed=unit.seed)
        outcomes: list[Sample | str] = [VERIFIER] * (unit.size - len(drafts))
        for index, draft in enumerate(drafts):
            sample = Sample.create(
                skill=draft.skill,
                fields=draft.fields,
                prompt=render_prompt(self._spec.task, draft.fields),
                answer=draft.answer,
                receipt=Receipt(
                    recipe=unit.recipe,
                    attempt=unit.attempt,
                    generator=draft.generator,
                    difficulty=draft.difficulty,
                    unit=unit.index,
                    index=index,
                    teacher=self._teacher.identity,
                ),
            )
            outcomes.append(self.judge(sample))
        return unit_result(unit, outcomes)

    def _selected(self, recipe: Recipe, unit: Unit) -> UnitResult:
        materials = self._materials.setdefault(unit.recipe, Materials(self._spec, recipe, self._context))
        rows = [self._row(unit, index, row.fields, row.answer) for index, row in enumerate(materials.pool(unit))]
        return unit_result(unit, rows)

    def _row(self, unit: Unit, index: int, fields: Mapping[str, Any], answer: str) -> Sample | str:
        receipt = Receipt(
            recipe=unit.recipe,
            attempt=unit.attempt,
            generator="pool",
            difficulty=0,
            unit=unit.index,
            index=index,
            teacher=self._pool,
            source="pool",
        )
        try:
            question = render_prompt(self._spec.task, fields)
        except TaskError:
            return UNRENDERABLE
        sample = Sample.create(skill=unit.skill, fields=fields, prompt=question, answer=answer, receipt=receipt)
        return self.judge(sample)


def unit_result(unit: Unit, outcomes: Iterable[Sample | str]) -> UnitResult:
    """The result of a unit, given a row or the reason for its absence for each row made."""
    rows = list(outcomes)
    dropped = Counter(reason for reason in rows if isinstance(reason, str))
    samples = tuple(row for row in rows if isinstance(row, Sample))
    return UnitResult(unit, samples, len(rows), dict(sorted(dropped.items())))
