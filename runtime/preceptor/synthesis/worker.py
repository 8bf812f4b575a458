"""Carries out units of work: drafts from the teacher, rendered for the task, past the gates that need no memory."""

from __future__ import annotations

from collections import Counter

from preceptor.errors import RecipeError
from preceptor.gates.gate import stateless_gates
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.document import Spec
from preceptor.spec.recipe import Recipe, SkillPlan
from preceptor.synthesis.units import Unit, UnitResult, source_of
from preceptor.tasks.prompts import render_prompt
from preceptor.tasks.scorers import build_scorer
from preceptor.teachers.build import build_teacher

VERIFIER = "verifier"
"""Reason given to a row that its generator's own verifier did not accept."""


class UnitWorker:
    """Makes units for one document. Any number of workers, in any process, make the same rows from the same unit."""

    def __init__(self, spec: Spec) -> None:
        self._task = spec.task
        self._teacher = build_teacher(spec.teacher)
        self._gates = stateless_gates(spec, build_scorer(spec.task.scorer))

    def make(self, recipe: Recipe, unit: Unit) -> UnitResult:
        """The rows of a unit. Raises ``RecipeError`` or ``TaskError`` when the teacher cannot make any."""
        source = source_of(_plan(recipe, unit.skill), unit.index)
        drafts = self._teacher.make(source.generator, levels=source.difficulty, count=unit.size, seed=unit.seed)
        dropped: Counter[str] = Counter()
        if len(drafts) < unit.size:
            dropped[VERIFIER] = unit.size - len(drafts)
        samples = []
        for index, draft in enumerate(drafts):
            sample = Sample.create(
                skill=draft.skill,
                fields=draft.fields,
                prompt=render_prompt(self._task, draft.fields),
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
            reason = next((reason for gate in self._gates if (reason := gate.check(sample))), None)
            if reason is None:
                samples.append(sample)
            else:
                dropped[reason] += 1
        return UnitResult(unit, tuple(samples), unit.size, dict(sorted(dropped.items())))


def _plan(recipe: Recipe, skill: str) -> SkillPlan:
    for plan in recipe.skills:
        if plan.skill == skill:
            return plan
    raise RecipeError(f"the recipe has no skill `{skill}`")
