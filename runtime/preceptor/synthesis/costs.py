"""What units and recipes cost: at most, which is set aside before anything is asked, and as a rule."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass

from preceptor.endpoints.messages import Request, Usage
from preceptor.endpoints.meter import bound_tokens, charge, worst_case
from preceptor.recipes.amount import Amount
from preceptor.recipes.digests import recipe_digest
from preceptor.recipes.pricing import carried_rows
from preceptor.recipes.sample import Receipt, Sample
from preceptor.spec.actors import OpenAITeacher
from preceptor.spec.document import Spec
from preceptor.spec.endpoint import Price
from preceptor.spec.recipe import (
    AgreementValidator,
    EvolveSource,
    JudgeValidator,
    PromptSource,
    Recipe,
    SkillPlan,
    SolveSource,
    Source,
)
from preceptor.synthesis.checks import Check, checks_of
from preceptor.synthesis.context import UnitContext
from preceptor.synthesis.openings import Opening, Openings
from preceptor.synthesis.units import Unit, make_unit, unit_source

TYPICAL_ANSWER = 400
"""Tokens of an answer as a rule; fewer where fewer are allowed."""
TYPICAL_BYTES = 4
"""Bytes of a token as a rule."""
TRIAL_ROWS = 8
"""Rows of every source that an estimate looks at."""


class UnitCosts:
    """The most that units of one recipe can use up. Whoever answers, the teacher's prices hold, a judge's too."""

    def __init__(self, spec: Spec, recipe: Recipe, context: UnitContext) -> None:
        self._recipe = recipe
        self.openings = Openings(spec, recipe, context)
        self.price = spec.teacher.price if isinstance(spec.teacher, OpenAITeacher) else Price()
        self._tries = 1 + recipe.retries

    def worst(self, unit: Unit, *, imagined: bool = False) -> Amount:
        """An upper bound of everything the unit's worker can ever reserve, retries and validators included.

        With ``imagined``, a unit that has nothing to build on counts as if it had.
        """
        source = unit_source(self._recipe, unit)
        checks = checks_of(self._recipe, source)
        once = Amount()
        for rows, longest, writing in self._bounds(unit, source, imagined):
            once = once + writing + self._checking(checks, longest) * rows
        return once * self._tries + Amount(rows=unit.size)

    def _bounds(self, unit: Unit, source: Source, imagined: bool) -> Iterator[tuple[int, int, Amount]]:
        """For the openings of a unit their rows, the bytes of a row that comes of them, and their requests at most.

        What a prompt source asks is not rendered: there may be thousands, and its length has a bound of its own.
        """
        if isinstance(source, PromptSource):
            longest, wish = self.openings.longest_row(), self.openings.longest_wish(unit.skill, source)
            whole, rest = divmod(unit.size, source.rows_per_request)
            for rows, times in ((source.rows_per_request, whole), (rest, int(rest > 0))):
                request = self.openings.asking.write(source, "", rows)
                yield rows * times, longest, self._bound(request, wish) * times
            return
        for opening in self._openings(unit, source, imagined):
            if opening.request is not None:
                yield opening.rows, opening.longest, worst_case(opening.request, self.price)

    def _bound(self, request: Request, extra: int) -> Amount:
        """The most that a request costs with ``extra`` more bytes in its prompt."""
        return charge(Usage(bound_tokens(request) + extra, request.max_tokens), self.price)

    def typical(self, unit: Unit) -> Amount:
        """What the unit uses up as a rule, before any row is refilled."""
        source = unit_source(self._recipe, unit)
        checks = checks_of(self._recipe, source)
        total = Amount(rows=unit.size)
        for opening in self._openings(unit, source, imagined=True):
            if opening.request is None:
                continue
            total = total + self._typically(opening.request, 0, opening.rows)
            for check in checks:
                extra = min(opening.longest, TYPICAL_BYTES * TYPICAL_ANSWER)
                for _ in range(check.usual_requests * opening.rows):
                    total = total + self._typically(self._request(check), extra)
        return total

    def _checking(self, checks: Sequence[Check], longest: int) -> Amount:
        """The most that checking one row of so many bytes, without retries, can use up."""
        asked = [check for check in checks if check.requests]
        return sum((self._bound(self._request(check), longest) * check.requests for check in asked), Amount())

    def _typically(self, request: Request, extra: int, rows: int = 1) -> Amount:
        """A request's cost as a rule, with ``extra`` bytes in its prompt and an answer of so many rows."""
        size = sum(len(message["content"].encode()) for message in request.messages) + extra
        usage = Usage(math.ceil(size / TYPICAL_BYTES), min(request.max_tokens, TYPICAL_ANSWER * rows))
        return charge(usage, self.price)

    def _request(self, check: Check) -> Request:
        """A check's request for a row of no length."""
        asking = self.openings.asking
        match check.validator:
            case AgreementValidator() as validator:
                return asking.solve("", temperature=validator.temperature)
            case JudgeValidator() as validator:
                return asking.judge(validator, _BLANK)
            case _:
                raise AssertionError(f"a check of kind `{check.validator.kind}` asks nobody")

    def _openings(self, unit: Unit, source: Source, imagined: bool) -> list[Opening]:
        """What the unit begins with; or, when nothing is there to build on yet, the same for rows of no length."""
        openings, rows = self.openings.of(unit), range(unit.size)
        if openings or not imagined:
            return openings
        longest = self.openings.longest_row
        match source:
            case EvolveSource():
                request = self.openings.asking.evolve(source, _BLANK)
                return [Opening(row, 1, request, longest=longest()) for row in rows]
            case SolveSource():
                request = self.openings.asking.solve("", instruction=source.instruction)
                return [Opening(row, 1, request, longest=longest("")) for row in rows]
            case _:
                return []


_BLANK = Sample.create(
    skill="",
    fields={},
    prompt="",
    answer="",
    receipt=Receipt(recipe="", attempt=0, generator="", difficulty=0, unit=0, index=0, teacher=""),
)


@dataclass(frozen=True)
class Estimate:
    """What a recipe costs."""

    rows: int
    """Rows of the finished version."""
    carried: int
    """Rows of those that come from an earlier version."""
    expected: Amount
    """What filling the quotas uses up as a rule, at the yield of each skill."""
    worst: Amount
    """What the same rows use up when every request is retried as often as it may be."""


def estimate(
    recipe: Recipe,
    spec: Spec,
    carried: Mapping[str, int],
    context: UnitContext,
    yields: Mapping[str, float] | None = None,
) -> Estimate:
    """Price a recipe before it runs.

    Args:
        recipe: a recipe that passed its check.
        spec: the document.
        carried: rows of each skill in the version it carries over from.
        context: what it may build on; without it, questions and parents count as if they had no length.
        yields: measured share of accepted rows, by skill; 1 for a skill that is not in it.
    """
    costs = UnitCosts(spec, recipe, context)
    rows = kept = 0
    expected, worst = Amount(), Amount()
    for plan in recipe.skills:
        keep = carried_rows(recipe, plan, carried.get(plan.skill, 0))
        rows, kept = rows + plan.quota, kept + keep
        passing = max((yields or {}).get(plan.skill, 1.0), spec.dataset.hopeless_yield, 0.01)
        made = (plan.quota - keep) / passing
        weight = sum(source.weight for source in plan.sources)
        for place, source in enumerate(plan.sources):
            unit = _first_unit(spec, recipe, plan, place, TRIAL_ROWS)
            share = made * source.weight / weight / unit.size
            expected, worst = (
                expected + _times(costs.typical(unit), share),
                worst + _times(costs.worst(unit, imagined=True), share),
            )
    return Estimate(rows, kept, expected, worst)


def _first_unit(spec: Spec, recipe: Recipe, plan: SkillPlan, source: int, size: int) -> Unit:
    name = recipe_digest(recipe)
    return make_unit(attempt=0, recipe=name, skill=plan.skill, index=0, size=size, root_seed=spec.seed, source=source)


def _times(amount: Amount, share: float) -> Amount:
    return Amount(*(math.ceil(round(part * share, 6)) for part in astuple(amount)))
