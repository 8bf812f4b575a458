"""Carries out units of work whose rows a model writes.

How to use it. A process that makes units holds one :class:`ModelUnits` for the document and the attempt's context, runs
one event loop, and awaits :meth:`ModelUnits.make` for so many units at once that their :func:`requests_at_once` add up
to twice its share of the teacher's concurrency; a finished unit makes room for the next. Every unit gets a
correspondent of its own, whose lease is exactly what the driver set aside for it
(:meth:`preceptor.synthesis.costs.UnitCosts.worst`): nothing that the unit can ask goes beyond it.

Rows are data from end to end: what a model wrote is compared, stored and shown to other models between marks, and never
rendered as a template.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from preceptor.endpoints.messages import Answer, Correspondent
from preceptor.errors import RecipeError, TaskError
from preceptor.gates.text import normalise
from preceptor.recipes.amount import PICODOLLARS, Amount
from preceptor.recipes.digests import digest
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.actors import OpenAITeacher
from preceptor.spec.document import Spec
from preceptor.spec.recipe import EvolveSource, PoolSource, ProceduralSource, PromptSource, Recipe, Source
from preceptor.synthesis.checks import checks_of
from preceptor.synthesis.context import UnitContext
from preceptor.synthesis.inquiry import Costs, Inquiry, Reply, said, together
from preceptor.synthesis.openings import TOO_LONG, UNRENDERABLE, Opening, Openings
from preceptor.synthesis.requests import Asking, prompts_digest
from preceptor.synthesis.units import Unit, UnitResult, unit_source
from preceptor.synthesis.validation import Validation, as_item
from preceptor.synthesis.worker import UnitWorker, unit_result
from preceptor.tasks.prompts import render_prompt
from preceptor.tasks.scorers import Scorer, build_scorer

MISSING = "missing"
"""Reason given to a row that was asked for together with others and did not come."""
CHANGED_ANSWER = "changed-answer"
"""Reason given to a row that was to ask the same as its parent and has another answer."""
MALFORMED = "malformed"
"""Reason given to a row without its columns, or with text that no file can hold."""


class ModelUnits:
    """Makes units for one document with a model's help.

    The same unit asks the same requests in every process, and the same answers make the same rows.
    """

    def __init__(self, spec: Spec, context: UnitContext | None = None) -> None:
        """Raises ``RecipeError`` when the document's teacher has no model."""
        if not isinstance(spec.teacher, OpenAITeacher):
            raise RecipeError(f"a teacher of kind `{spec.teacher.kind}` has no model to ask")
        self._spec = spec
        self._teacher = spec.teacher
        self._context = context or UnitContext()
        self._plain = UnitWorker(spec, self._context)
        self._scorer = build_scorer(spec.task.scorer)
        self._openings: dict[str, Openings] = {}
        self._identity = teacher_identity(spec.teacher)

    async def make(self, recipe: Recipe, unit: Unit, correspondent: Correspondent) -> UnitResult:
        """The rows of a unit, all of them under way at once. ``made`` is the samples plus everything dropped.

        Raises:
            RecipeError, TaskError: the recipe does not fit the document; see ``check``.
            EndpointError, EndpointDownError: as the correspondent raises them; what was answered is in its log.
        """
        source = unit_source(recipe, unit)
        if isinstance(source, ProceduralSource | PoolSource):
            return self._plain.make(recipe, unit)
        if unit.recipe not in self._openings:
            self._openings[unit.recipe] = Openings(self._spec, recipe, self._context)
        openings = self._openings[unit.recipe]
        inquiry = Inquiry(unit, correspondent, retries=recipe.retries, price=self._teacher.price)
        validation = Validation(checks_of(recipe, source), openings.asking, self._scorer, inquiry)
        scribe = _Scribe(
            spec=self._spec,
            gates=self._plain,
            scorer=self._scorer,
            unit=unit,
            source=source,
            asking=openings.asking,
            validation=validation,
            teacher=self._identity,
        )
        parts = await together(scribe.carry_out(opening, inquiry) for opening in openings.of(unit))
        made = unit_result(unit, [row for rows, _ in parts for row in rows])
        asked = sum((costs.used for _, costs in parts), Amount())
        return UnitResult(unit, made.samples, made.made, made.dropped, asked)


@dataclass(frozen=True)
class _Draft:
    """A row as a model wrote it."""

    fields: Mapping[str, Any]
    question: str
    answer: str


_Outcome = tuple[Sample | str, Costs]
"""A row, or why there is none, and what its checks came to."""


@dataclass(frozen=True)
class _Scribe:
    """Turns answers into rows of one unit."""

    spec: Spec
    gates: UnitWorker
    scorer: Scorer
    unit: Unit
    source: Source
    asking: Asking
    validation: Validation
    teacher: str
    """The teacher as receipts name it."""

    async def carry_out(self, opening: Opening, inquiry: Inquiry) -> tuple[list[Sample | str], Costs]:
        """The rows of an opening, each a sample or why there is none, and what asking for all of them came to."""
        if opening.request is None:
            return [opening.reason] * opening.rows, Costs()
        reply = await inquiry.ask(opening.request, opening.row, self.source.kind, usable=self._usable)
        if reply.answer.failure is not None:
            return [reply.answer.failure] * opening.rows, reply.costs
        drafts = self._drafts(opening, reply.answer)
        finished = await together(self._finish(opening, place, draft, reply) for place, draft in enumerate(drafts))
        costs = sum((own for _, own in finished), reply.costs)
        return [row for row, _ in finished], costs

    def _usable(self, answer: Answer) -> bool:
        """Whether there is anything to read rows from. Solutions are free text and always are."""
        return self.source.kind == "solve" or bool(_rows(answer))

    def _drafts(self, opening: Opening, answer: Answer) -> list[_Draft | str]:
        """A draft, or why there is none, for every row that the opening asked for."""
        if self.source.kind == "solve":
            solution = said(answer)
            return [_Draft(opening.fields, opening.question, solution) if _storable(solution) else MALFORMED]
        rows = [self._draft(row) for row in _rows(answer)[: opening.rows]]
        return rows + [MISSING] * (opening.rows - len(rows))

    def _draft(self, row: Any) -> _Draft | str:
        names = (*self.asking.columns, self.asking.answer)
        if not isinstance(row, dict) or not all(isinstance(row.get(name), str) for name in names):
            return MALFORMED
        texts = {name: row[name].strip() for name in names}
        if not all(map(_storable, texts.values())):
            return MALFORMED
        answer = texts.pop(self.asking.answer)
        try:
            return _Draft(texts, render_prompt(self.spec.task, texts), answer)
        except TaskError:
            return UNRENDERABLE

    async def _finish(self, opening: Opening, place: int, draft: _Draft | str, reply: Reply) -> _Outcome:
        """Take a draft past the gates, which cost nothing, and then past the validators."""
        if isinstance(draft, str):
            return draft, Costs()
        if len(draft.question.encode()) + len(draft.answer.encode()) > opening.longest:
            return TOO_LONG, Costs()
        row = opening.row + place
        sample = self.gates.judge(
            Sample.create(
                skill=self.unit.skill,
                fields=draft.fields,
                prompt=draft.question,
                answer=draft.answer,
                receipt=self._receipt(opening, row),
            )
        )
        if isinstance(sample, str):
            return sample, Costs()
        if (reason := self._unlike(sample, opening.parent)) is not None:
            return reason, Costs()
        reason, checking = await self.validation.verdict(sample, row)
        if reason is not None:
            return reason, checking
        receipt = replace(
            sample.receipt,
            model=reply.answer.model.encode(errors="replace").decode(),
            requests=reply.costs.requests + checking.requests,
            validators=self.validation.kinds,
            tokens=reply.costs.used.tokens // opening.rows + checking.used.tokens,
            usd=(reply.costs.used.picodollars // opening.rows + checking.used.picodollars) / PICODOLLARS,
        )
        return replace(sample, receipt=receipt), checking

    def _unlike(self, sample: Sample, parent: Sample | None) -> str | None:
        """Why a row is not the rewriting that was asked for, as far as that shows without asking anybody."""
        if parent is None:
            return None
        if normalise(sample.prompt) == normalise(parent.prompt):
            return "duplicate"
        if isinstance(self.source, EvolveSource) and self.source.change == "rephrased":
            item = as_item(parent, self.scorer)
            if item is None or not self.scorer.score(item, sample.answer).correct:
                return CHANGED_ANSWER
        return None

    def _receipt(self, opening: Opening, row: int) -> Receipt:
        return Receipt(
            recipe=self.unit.recipe,
            attempt=self.unit.attempt,
            generator=self.source.kind,
            difficulty=0,
            unit=self.unit.index,
            index=row,
            teacher=self.teacher,
            parents=() if opening.parent is None else (opening.parent.id,),
            source=self.source.kind,
            prompts=prompts_digest(),
        )


def teacher_identity(teacher: OpenAITeacher) -> str:
    """The teacher as receipts name it: kind and digest of what its answers depend on, wherever it is served."""
    sampling = teacher.sampling.model_dump(mode="json")
    return f"openai:{digest([teacher.model, sampling, teacher.endpoint.extra_body])[:12]}"


def requests_at_once(recipe: Recipe, unit: Unit) -> int:
    """Requests that a unit has under way when it begins. Whoever makes units keeps twice the concurrency under way."""
    match unit_source(recipe, unit):
        case PromptSource() as source:
            return math.ceil(unit.size / source.rows_per_request)
        case ProceduralSource() | PoolSource():
            return 0
        case _:
            return unit.size


def _rows(answer: Answer) -> list[Any]:
    rows = answer.value.get("rows") if isinstance(answer.value, dict) else None
    return rows if isinstance(rows, list) else []


def _storable(text: str) -> bool:
    """Whether a file can hold the text: not half of a surrogate pair, which JSON can escape."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
