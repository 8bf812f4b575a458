"""The first request of every row of a unit, and how much the requests after it can come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

from preceptor.endpoints.messages import Request
from preceptor.errors import RecipeError, TaskError
from preceptor.recipes.digests import seed_from
from preceptor.recipes.sample import Sample
from preceptor.spec.actors import OpenAITeacher
from preceptor.spec.document import Spec
from preceptor.spec.misfits import source_path
from preceptor.spec.recipe import EvolveSource, PromptSource, Recipe, SolveSource
from preceptor.synthesis.context import Materials, UnitContext
from preceptor.synthesis.requests import Asking
from preceptor.synthesis.units import Unit, plan_of, unit_source
from preceptor.tasks.prompts import render_prompt
from preceptor.teachers.templates import GeneratorError, Place
from preceptor.teachers.wording import Wording

BYTES_PER_TOKEN = 4
"""A written row may have so many bytes for each token that its answer may have: longer ones are dropped.

It is what bounds the requests that check a row before the row is written. English has 4 to 5 bytes a token, and a row
near this bound would have filled its answer to the last token.
"""
WISH_BYTES = 1000
"""What a rendered template may have beyond twice the longest of those that were tried."""
TOO_LONG = "too-long"
"""Reason given to a row whose wish, or whose own text, is longer than what was set aside for it."""
UNRENDERABLE = "unrenderable"
"""Reason given to a row whose columns make no question of the task, or whose variables make no wish."""


@dataclass(frozen=True)
class Opening:
    """The first request of one row or of several."""

    row: int
    """Place in the unit of its first row, from 0."""
    rows: int
    """Rows it asks for."""
    request: Request | None
    """The request, without its place in the run; ``None`` when there is nothing to ask."""
    reason: str = ""
    """Why there is nothing to ask."""
    longest: int = 0
    """Bytes that a row which comes of it may have, question and answer together."""
    fields: Any = None
    """For ``solve``: the columns of the question."""
    question: str = ""
    """For ``solve``: the question."""
    parent: Sample | None = None
    """For ``evolve``: the row that is rewritten."""


class Openings:
    """What the units of one recipe begin with. The same unit begins the same in every process."""

    def __init__(self, spec: Spec, recipe: Recipe, context: UnitContext) -> None:
        self._spec = spec
        self._recipe = recipe
        self.materials = Materials(spec, recipe, context)
        self._wordings: dict[tuple[str, int], _Wishes] = {}

    @cached_property
    def asking(self) -> Asking:
        """Builds the requests. Raises ``RecipeError`` when the teacher has no model."""
        if not isinstance(self._spec.teacher, OpenAITeacher):
            raise RecipeError(f"a teacher of kind `{self._spec.teacher.kind}` has no model to ask")
        return Asking(self._spec.task, self._spec.teacher)

    def of(self, unit: Unit) -> list[Opening]:
        """The unit's first requests in the order of its rows; empty for sources that ask nobody."""
        match unit_source(self._recipe, unit):
            case PromptSource() as source:
                return list(self._written(unit, source))
            case SolveSource() as source:
                return list(self._solved(unit, source))
            case EvolveSource() as source:
                return list(self._evolved(unit, source))
            case _:
                return []

    def _written(self, unit: Unit, source: PromptSource) -> Iterator[Opening]:
        wishes = self._wishes(unit.skill, source)
        for row in range(0, unit.size, source.rows_per_request):
            rows = min(source.rows_per_request, unit.size - row)
            try:
                wish = wishes.wording.render(unit.skill, Random(seed_from("variables", unit.seed, row)))
            except GeneratorError:  # a value that is seldom drawn and does not fit the template
                yield Opening(row, rows, None, UNRENDERABLE)
                continue
            if len(wish.encode()) > wishes.longest:
                yield Opening(row, rows, None, TOO_LONG)
            else:
                yield Opening(row, rows, self.asking.write(source, wish, rows), longest=self.longest_row())

    def _solved(self, unit: Unit, source: SolveSource) -> Iterator[Opening]:
        for row, seed in enumerate(self.materials.seeds(unit)):
            try:
                question = render_prompt(self._spec.task, seed.fields)
            except TaskError:
                question = ""
            if not question:
                yield Opening(row, 1, None, UNRENDERABLE)
                continue
            request = self.asking.solve(question, instruction=source.instruction, temperature=source.temperature)
            longest = self.longest_row(question)
            yield Opening(row, 1, request, longest=longest, fields=seed.fields, question=question)

    def _evolved(self, unit: Unit, source: EvolveSource) -> Iterator[Opening]:
        for row, parent in enumerate(self.materials.parents(unit)):
            request = self.asking.evolve(source, parent)
            yield Opening(row, 1, request, longest=self.longest_row(), parent=parent)

    def longest_row(self, question: str | None = None) -> int:
        """Bytes that a row may have, question and answer together, when its question is given or written anew."""
        assert isinstance(self._spec.teacher, OpenAITeacher)
        given = self._spec.task.prompt if question is None else question
        return len(given.encode()) + BYTES_PER_TOKEN * self._spec.teacher.sampling.max_tokens

    def longest_wish(self, skill: str, source: PromptSource) -> int:
        """Bytes that a rendered template of the source may have: far more than a few that were tried."""
        return self._wishes(skill, source).longest

    def _wishes(self, skill: str, source: PromptSource) -> _Wishes:
        """The source's template, compiled once for a recipe, however many units it makes."""
        plan = plan_of(self._recipe, skill)
        key = (skill, plan.sources.index(source))
        if key not in self._wordings:
            path = source_path(self._recipe.skills.index(plan), key[1])
            wording = Wording(source, Place(path, f"skill `{skill}`"))
            longest = max(len(wish.encode()) for wish in wording.trials(skill))
            self._wordings[key] = _Wishes(wording, 2 * longest + WISH_BYTES)
        return self._wordings[key]


@dataclass(frozen=True)
class _Wishes:
    """A source's compiled template, and the bytes that what it renders to may have."""

    wording: Wording
    longest: int
